/* What can be known of a dataset before its samples are fetched, and what was found out of it: for a stage that begins,
 * so that nothing that stands there already is told after hours. */
#include <string.h>

#include "base/hash.h"
#include "data/normal.h"

enum { PROBES = 64 };

/* Where some positions, first and last among them, lead. */
uint64_t pt__dataset_order(pt_dataset_t *dataset)
{
    pt__hash_t hash = pt__hash_start(0);
    for (; dataset != NULL; dataset = dataset->origin) {
        int64_t places[PROBES] = {0}, last = dataset->length - 1, count = last < PROBES ? last + 1 : PROBES;
        for (int64_t i = 0; i < count; i++)
            places[i] = last < PROBES ? i : i == PROBES - 1 ? last : last / (PROBES - 1) * i;
        dataset = pt__dataset_resolve(dataset, places, count < 0 ? 0 : count);
        pt__hash_add(&hash, places, sizeof places);
        pt__hash_add(&hash, &dataset->length, sizeof dataset->length);
    }
    return pt__hash_value(&hash);
}

int32_t pt__dataset_asks_host(pt_dataset_t *dataset)
{
    int32_t asks = 0;
    for (; dataset != NULL; dataset = dataset->origin) {
        dataset = pt__dataset_resolve(dataset, NULL, 0);
        asks |= dataset->source->is_hosts;
    }
    return asks;
}

/* Values that were finite before may not be afterwards, and the other way round. */
static void add_normal(pt__hash_t *hash, const pt__normal_t *normal)
{
    const int64_t numbers[] = {normal == NULL ? 0 : normal->count, normal != NULL && normal->fill != NULL};
    pt__hash_add(hash, numbers, sizeof numbers);
    if (normal == NULL)
        return;
    pt__hash_add(hash, normal->shift, (size_t)normal->count * sizeof *normal->shift);
    pt__hash_add(hash, normal->scale, (size_t)normal->count * sizeof *normal->scale);
}

/* Stands for what a loader checks of each sample. */
static uint64_t demands_of(const pt__request_t *requests, int32_t n_requests, const pt__loader_options_t *options)
{
    pt__hash_t hash = pt__hash_start(1);
    for (int32_t i = 0; i < n_requests; i++) {
        const pt__request_t *request = &requests[i];
        const int64_t numbers[] = {request->dtype, request->rank, request->dimension, request->index_limit,
                                   request->index_ignore};
        pt__hash_add(&hash, request->name, strlen(request->name) + 1);
        pt__hash_add(&hash, numbers, sizeof numbers);
        pt__hash_add(&hash, request->shape, (size_t)request->rank * sizeof request->shape[0]);
        add_normal(&hash, request->normal);
    }
    pt__hash_add(&hash, options->length_limit, sizeof options->length_limit);
    pt__hash_add(&hash, &options->batch_rows, sizeof options->batch_rows);
    pt__hash_add(&hash, &options->micro_rows, sizeof options->micro_rows);
    return pt__hash_value(&hash);
}

int32_t pt__dataset_surely_fits(pt_dataset_t *dataset, const pt__request_t *requests, int32_t n_requests,
                                const pt__loader_options_t *options)
{
    const pt_dataset_t *root = pt__dataset_resolve(dataset, NULL, 0);
    if (atomic_load(&dataset->fits) == demands_of(requests, n_requests, options))
        return 1;
    for (int32_t i = 0; i < n_requests; i++)
        if (root->source->is_below == NULL ||
            (requests[i].index_limit > 0 && !root->source->is_below(root, requests[i].index_limit)))
            return 0;
    return 1;
}

void pt__dataset_note_fits(pt_dataset_t *dataset, const pt__request_t *requests, int32_t n_requests,
                           const pt__loader_options_t *options)
{
    atomic_store(&dataset->fits, demands_of(requests, n_requests, options));
}
