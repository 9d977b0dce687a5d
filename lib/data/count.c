/* How many batches by rows a run of epochs gives: counted from the lengths of the samples, without fetching any. The
 * cuts are those of assembly.c. For schedules that go by the whole number of steps, and for the time that is left. */
#include <string.h>

#include "data/collate.h"
#include "data/order.h"
#include "data/taken.h"

enum {
    AT_ONCE = 1024,        /* samples */
    MOST_COUNTED = 1 << 26 /* samples of all epochs; some seconds. Beyond, the number stays unknown */
};

typedef struct counter {
    pt_dataset_t *dataset;
    const pt__collate_t *collates;
    int32_t n_requests;
    pt__taken_t limit, batch;
    int64_t batches;
    int64_t indices[AT_ONCE], lengths[AT_ONCE];
    pt__taken_t samples[AT_ONCE];
} counter_t;

/* Whether every ragged field's lengths are known, or all the same. */
static int32_t knows_lengths(pt_dataset_t *dataset, const pt__collate_t *collates, int32_t n_requests)
{
    const pt_dataset_t *root = pt__dataset_resolve(dataset, NULL, 0);
    if (root->source->lengths_vary != NULL && root->source->lengths_vary(root))
        return 0;
    for (int32_t i = 0; i < n_requests; i++) {
        const pt_field_spec_t *field = &dataset->fields[collates[i].field];
        if (collates[i].ragged && pt__shape_ragged(field->rank, field->shape) && root->source->lengths == NULL)
            return 0;
    }
    return dataset->length >= 0;
}

static void measure(counter_t *counter, int64_t count)
{
    const pt_dataset_t *root = pt__dataset_resolve(counter->dataset, counter->indices, count);
    for (int64_t i = 0; i < count; i++)
        counter->samples[i] = (pt__taken_t){.samples = 1};
    for (int32_t request = 0; request < counter->n_requests; request++) {
        const pt__collate_t *collate = &counter->collates[request];
        const pt_field_spec_t *field = &counter->dataset->fields[collate->field];
        int32_t is_ragged = pt__shape_ragged(field->rank, field->shape);
        if (!collate->ragged)
            continue;
        if (is_ragged)
            root->source->lengths(root, collate->field, counter->indices, count, counter->lengths);
        for (int64_t i = 0; i < count; i++)
            counter->samples[i].rows[collate->request.dimension] = is_ragged ? counter->lengths[i] : field->shape[0];
    }
}

/* From `start` to the epoch's end, which ends a batch. */
static void count_epoch(counter_t *counter, pt__order_t *order, pt__cursor_t start)
{
    counter->batch = (pt__taken_t){0};
    while (start.position < order->samples) {
        int64_t left = order->samples - start.position, count = left < AT_ONCE ? left : AT_ONCE;
        pt__order_draw(order, &start, count, counter->indices);
        measure(counter, count);
        for (int64_t i = 0; i < count; i++) {
            if (!pt__taken_fits(&counter->batch, &counter->samples[i], &counter->limit)) {
                counter->batches++;
                counter->batch = (pt__taken_t){0};
            }
            pt__taken_add(&counter->batch, &counter->samples[i]);
        }
        start.position += count;
    }
    counter->batches += counter->batch.samples > 0;
}

pt_status_t pt__loader_count_batches(pt_dataset_t *dataset, const pt__request_t *requests, int32_t n_requests,
                                     const pt__loader_options_t *options, const pt__cursor_t *start, int64_t *batches)
{
    pt__memory_t *memory = &dataset->context->memory;
    pt__collate_t *collates = NULL;
    counter_t *counter = NULL;
    pt__order_t order = {0};
    int32_t *fields = NULL, n_fields = 0;
    pt_status_t status;
    *batches = -1;
    PT__TRY(pt__collates_create(memory, requests, n_requests, &collates));
    PT__TRY_OUT(pt__collates_match(collates, n_requests, dataset, options->length_limit));
    if (!knows_lengths(dataset, collates, n_requests) ||
        (options->epochs - start->epoch > 0 && dataset->length > MOST_COUNTED / (options->epochs - start->epoch)))
        goto out;
    PT__TRY_OUT(pt__allocate(memory, 1, sizeof *counter, "count of batches", &counter));
    PT__TRY_OUT(pt__allocate(memory, (size_t)n_requests, sizeof *fields, "ragged fields", &fields));
    n_fields = pt__collates_ragged(collates, n_requests, dataset, fields);
    PT__TRY_OUT(
        pt__order_create(dataset, options->in_order, dataset->length, options->bucket, fields, n_fields, &order));
    *counter = (counter_t){.dataset = dataset,
                           .collates = collates,
                           .n_requests = n_requests,
                           .limit = pt__taken_limit(options->batch, options->batch_rows)};
    for (pt__cursor_t at = *start; at.epoch < options->epochs; at.epoch++, at.position = 0)
        count_epoch(counter, &order, at);
    *batches = counter->batches;
out:
    pt__order_free(&order);
    pt__release(memory, fields);
    pt__release(memory, counter);
    pt__collates_free(memory, collates, n_requests);
    return status;
}
