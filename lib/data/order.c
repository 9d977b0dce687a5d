/* The order of an epoch: a permutation of the samples that the epoch's key gives without a table; with buckets, runs of
 * it sorted by length, so that the samples of a batch are of similar length and a budget of rows holds similar numbers
 * of them. Samples of one length keep their places. An epoch that leaves samples out leaves out the same ones with
 * buckets and without. */
#include "data/order.h"

#include <string.h>

#include "base/sort.h"

static pt_status_t check_lengths(pt_dataset_t *dataset, const int32_t *fields, int32_t n_fields)
{
    const pt_dataset_t *root = pt__dataset_resolve(dataset, NULL, 0);
    if (n_fields == 0)
        return pt__fail(PT_ERR_ARGUMENT,
                        "buckets are sorted by length, and the network reads no ragged field of the data");
    if (dataset->length < 0 || root->source->lengths == NULL)
        return pt__fail(PT_ERR_UNSUPPORTED,
                        "buckets are sorted by length, but the lengths of field \"%s\" are known only when its samples "
                        "are fetched",
                        dataset->fields[fields[0]].name);
    return PT_OK;
}

pt_status_t pt__order_create(pt_dataset_t *dataset, int32_t in_order, int64_t samples, int64_t bucket,
                             const int32_t *fields, int32_t n_fields, pt__order_t *out)
{
    pt__memory_t *memory = &dataset->context->memory;
    pt_status_t status;
    *out = (pt__order_t){.dataset = dataset, .in_order = in_order, .samples = samples, .drawn = {.epoch = -1}};
    if (bucket == 0)
        return PT_OK;
    PT__TRY(check_lengths(dataset, fields, n_fields));
    out->bucket = bucket < samples ? bucket : samples;
    out->n_fields = n_fields;
    size_t n = (size_t)out->bucket;
    PT__TRY_OUT(pt__allocate(memory, (size_t)n_fields, sizeof *out->fields, "fields of a bucket", &out->fields));
    memcpy(out->fields, fields, (size_t)n_fields * sizeof *fields);
    PT__TRY_OUT(pt__allocate(memory, n, sizeof *out->ranked, "samples of a bucket", &out->ranked));
    PT__TRY_OUT(pt__allocate(memory, n, sizeof *out->sorted, "samples of a bucket", &out->sorted));
    PT__TRY_OUT(pt__allocate(memory, n, sizeof *out->indices, "samples of a bucket", &out->indices));
    PT__TRY_OUT(pt__allocate(memory, n, sizeof *out->lengths, "samples of a bucket", &out->lengths));
    return PT_OK;
out:
    pt__order_free(out);
    return status;
}

void pt__order_free(pt__order_t *order)
{
    if (order->dataset == NULL)
        return;
    pt__memory_t *memory = &order->dataset->context->memory;
    pt__release(memory, order->fields);
    pt__release(memory, order->ranked);
    pt__release(memory, order->sorted);
    pt__release(memory, order->indices);
    pt__release(memory, order->lengths);
    *order = (pt__order_t){0};
}

/* Without buckets. */
static void shuffle(pt__order_t *order, const pt__cursor_t *begin, int64_t count, int64_t *indices)
{
    for (int64_t i = 0; i < count; i++)
        indices[i] = begin->position + i;
    if (order->in_order)
        return;
    if (!order->has_permutation || order->permuted_seed != begin->seed || order->permuted_epoch != begin->epoch) {
        uint64_t key = pt__random_key(begin->seed, (uint64_t)begin->epoch);
        pt__permutation_make(key, order->dataset->length, &order->permutation);
        order->permuted_seed = begin->seed;
        order->permuted_epoch = begin->epoch;
        order->has_permutation = 1;
    }
    pt__permutation_apply(&order->permutation, indices, count);
}

static int by_rows(const void *a, const void *b, void *user)
{
    const pt__ranked_t *left = a, *right = b;
    (void)user;
    if (left->rows != right->rows)
        return left->rows < right->rows ? -1 : 1;
    return left->place < right->place ? -1 : left->place > right->place;
}

static void sort_bucket(pt__order_t *order, const pt__cursor_t *begin)
{
    int64_t left = order->samples - begin->position, count = left < order->bucket ? left : order->bucket;
    shuffle(order, begin, count, order->indices);
    for (int64_t i = 0; i < count; i++) {
        order->ranked[i] = (pt__ranked_t){.place = i, .index = order->indices[i]};
        order->sorted[i] = &order->ranked[i];
    }
    const pt_dataset_t *root = pt__dataset_resolve(order->dataset, order->indices, count);
    for (int32_t field = 0; field < order->n_fields; field++) {
        root->source->lengths(root, order->fields[field], order->indices, count, order->lengths);
        for (int64_t i = 0; i < count; i++) {
            if (order->lengths[i] > order->ranked[i].rows)
                order->ranked[i].rows = order->lengths[i];
        }
    }
    pt__sort(order->sorted, count, by_rows, NULL);
    order->drawn = *begin;
}

void pt__order_draw(pt__order_t *order, const pt__cursor_t *begin, int64_t count, int64_t *indices)
{
    if (order->bucket == 0) {
        shuffle(order, begin, count, indices);
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        int64_t position = begin->position + i, in_bucket = position % order->bucket;
        pt__cursor_t first = *begin;
        first.position = position - in_bucket;
        if (order->drawn.epoch != first.epoch || order->drawn.position != first.position)
            sort_bucket(order, &first);
        indices[i] = ((const pt__ranked_t *)order->sorted[in_bucket])->index;
    }
}
