/* Order: which samples an epoch uses, one after the other. Called by the loader, in the order of the data, on one
 * thread at a time. */
#ifndef PT__ORDER_H
#define PT__ORDER_H

#include "base/random.h"
#include "data/data.h"

typedef struct pt__ranked { /* a sample of a bucket */
    int64_t rows, place, index;
} pt__ranked_t;

typedef struct pt__order {
    pt_dataset_t *dataset; /* not retained */
    int32_t in_order;
    int64_t samples; /* that an epoch uses: the first ones of its order */
    int64_t bucket;  /* so many of them are sorted by their rows before batches are cut; 0: none */
    int32_t *fields; /* [n_fields] ragged ones whose rows count: of a sample the most of them */
    int32_t n_fields;

    pt__permutation_t permutation; /* of the epoch that was drawn last: batches may be small */
    uint64_t permuted_seed;        /* only where has_permutation */
    int64_t permuted_epoch;
    int32_t has_permutation;

    pt__cursor_t drawn; /* the bucket that was drawn last begins here; epoch -1: none was */
    pt__ranked_t *ranked;
    const void **sorted;        /* [bucket] into ranked */
    int64_t *indices, *lengths; /* [bucket] scratch */
} pt__order_t;

/* fields: numbers of the dataset's ragged fields that the network reads. PT_ERR_UNSUPPORTED where buckets are asked for
 * and the lengths of one are not known before its samples are fetched. An order that is all zero may be freed. */
pt_status_t pt__order_create(pt_dataset_t *dataset, int32_t in_order, int64_t samples, int64_t bucket,
                             const int32_t *fields, int32_t n_fields, pt__order_t *out);
void pt__order_free(pt__order_t *order);
/* The samples at [begin, begin + count) of the epoch: numbers of the dataset's, views not followed. */
void pt__order_draw(pt__order_t *order, const pt__cursor_t *begin, int64_t count, int64_t *indices);

#endif
