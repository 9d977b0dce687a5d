/* Staging: the buffers that a dataset's samples are made in, and the checked crossings into its source and into the
 * maps on top of it. Used by the loader (one or more of them in turn) and by pt__dataset_read. */
#ifndef PT__STAGING_H
#define PT__STAGING_H

#include "data/data.h"

typedef struct pt__staging {
    pt_dataset_t *root;       /* the dataset that makes the samples, views resolved; not retained */
    struct pt__staging *from; /* what a map makes its samples from; NULL where the root fetches */
    int64_t capacity;         /* samples that there is room for */
    int64_t bytes;            /* allocated, those of `from` included */
    pt_array_t *fields;       /* [root->n_fields] the buffers */
    pt_array_t *shown;        /* [root->n_fields] what a host is handed: a copy, so that it cannot change ours */
    int64_t *inner;           /* [root->n_fields] elements of a row of a ragged field, else of a sample */
    int64_t *indices;         /* [capacity] of the root; written by the caller before a fetch; not for streams */
    uint64_t maps;            /* below this one */
    uint64_t key_base;        /* of the keys of an epoch */
    uint64_t key_seed;        /* of that epoch; only where has_key_base */
    int64_t key_epoch;
    int32_t has_key_base;

    /* What the last fill brought. */
    pt__cursor_t place;
    int64_t filled;
    int32_t ended;     /* streams: the pass is over */
    int64_t *elements; /* [root->n_fields] of all its samples */
} pt__staging_t;

pt_status_t pt__staging_create(pt_dataset_t *dataset, int64_t capacity, pt__staging_t *out);
void pt__staging_free(pt__staging_t *staging); /* one that is all zero is ignored */

/* Fetches `count` samples: those of staging->indices, or a stream's next ones from `place` on. A stream is asked in the
 * order of its samples, so this is not for several threads at once then. Sets filled and ended. Counts and lengths are
 * checked. */
pt_status_t pt__staging_fetch(pt__staging_t *staging, int64_t count, const pt__cursor_t *place);
/* Then: makes the samples from those that were fetched, where the dataset is a map. */
pt_status_t pt__staging_make(pt__staging_t *staging);

#endif
