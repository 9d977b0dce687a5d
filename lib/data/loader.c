/* The loader: from a dataset to micro-batches that a plan reads in place.
 *
 * Slots of a ring (ring.h) are claimed in the order of the data (order.h), filled by the dataset (staging.h), checked
 * and converted (collate.h), and handed out; by rows, micro-batches are put together from them (assembly.h). How many
 * threads fill slots is the only thing that threads change: the slots carry positions, statuses and messages with them.
 * The cursor follows what was handed out, so that it never shows what was prefetched.
 *
 * A map-style dataset needs one slot, and one more for each thread. A stream's last samples are known to be the last
 * only when it has been asked again, so it is asked one slot ahead; where a partial batch is to be left out, one batch
 * ahead. */
#include <string.h>

#include "data/assembly.h"
#include "data/order.h"

enum { MOST_IN_SLOT = 256 }; /* samples, by rows */

struct pt__loader {
    pt_dataset_t *dataset;
    pt__loader_options_t options;
    pt__collate_t *collates; /* [n_requests] what they match; slots have their own */
    int32_t n_requests;
    int32_t by_rows, is_ragged;
    int64_t slot_samples; /* the most of a slot */
    int64_t slot_batch;   /* slots end where the position in the epoch is a multiple of it */
    int64_t ahead;        /* slots that must be ready before the first of them can be handed out */
    pt__rows_t capacity;
    int64_t bytes;

    pt__order_t order;
    pt__cursor_t next; /* what the next slot claimed begins with */
    pt__ring_t ring;

    pt__cursor_t cursor;
    pt__assembly_t assembly;
    int64_t taken; /* by rows: samples of the first slot that were */
};

/* ---- Claiming and filling slots ---- */

static pt_status_t claim_from_map(pt__loader_t *loader, pt__slot_t *slot)
{
    const pt__loader_options_t *options = &loader->options;
    int64_t total = loader->order.samples;
    if (total == 0)
        return pt__fail(
            PT_END,
            "an epoch gives nothing: %lld samples are fewer than a batch of %lld, and partial batches are left out",
            (long long)loader->dataset->length, (long long)options->batch);
    if (loader->next.position >= total)
        loader->next = (pt__cursor_t){.epoch = loader->next.epoch + 1, .seed = loader->next.seed};
    if (options->epochs > 0 && loader->next.epoch >= options->epochs)
        return PT_END;
    int64_t position = loader->next.position, in_batch = loader->slot_batch - position % loader->slot_batch,
            count = loader->slot_samples;
    count = count < in_batch ? count : in_batch;
    count = count < total - position ? count : total - position;
    slot->begin = loader->next;
    slot->samples = count;
    slot->last_of_epoch = position + count == total;
    slot->last_of_batch = count == in_batch || slot->last_of_epoch;
    pt__order_draw(&loader->order, &slot->begin, count, slot->staging.indices);
    pt__dataset_resolve(loader->dataset, slot->staging.indices, count);
    loader->next.position += count;
    return PT_OK;
}

/* A stream is asked here, as it is in the order of its samples. They may be 0 at the end of a pass. */
static pt_status_t claim_from_stream(pt__loader_t *loader, pt__slot_t *slot)
{
    const pt__loader_options_t *options = &loader->options;
    if (options->epochs > 0 && loader->next.epoch >= options->epochs)
        return PT_END;
    int64_t position = loader->next.position, in_batch = loader->slot_batch - position % loader->slot_batch;
    int64_t count = loader->slot_samples < in_batch ? loader->slot_samples : in_batch;
    slot->begin = loader->next;
    PT__TRY(pt__staging_fetch(&slot->staging, count, &slot->begin));
    slot->samples = slot->staging.filled;
    if (slot->samples == 0 && position == 0)
        return pt__fail(PT_END, "the stream's pass %lld gave no sample: it reported PT_END at position 0",
                        (long long)slot->begin.epoch);
    slot->last_of_epoch = slot->staging.ended;
    slot->last_of_batch = slot->samples == in_batch || slot->last_of_epoch;
    loader->next.position += slot->samples;
    if (slot->last_of_epoch)
        loader->next = (pt__cursor_t){.epoch = loader->next.epoch + 1, .seed = loader->next.seed};
    return PT_OK;
}

static pt_status_t claim(void *owner, pt__slot_t *slot)
{
    pt__loader_t *loader = owner;
    return loader->dataset->length < 0 ? claim_from_stream(loader, slot) : claim_from_map(loader, slot);
}

static pt_status_t fill(void *owner, pt__slot_t *slot)
{
    const pt__loader_t *loader = owner;
    int32_t is_stream = loader->dataset->length < 0;
    pt__naming_t naming = {is_stream ? NULL : slot->staging.indices, slot->begin.position};
    if (!is_stream)
        PT__TRY(pt__staging_fetch(&slot->staging, slot->samples, &slot->begin));
    PT__TRY(pt__staging_make(&slot->staging));
    if (loader->is_ragged)
        pt__offsets_forget(&slot->offsets);
    for (int32_t i = 0; i < loader->n_requests; i++) {
        pt__collate_t *one = &slot->collates[i];
        const pt_array_t *field = &slot->staging.fields[one->field];
        if (one->ragged)
            PT__TRY(pt__offsets_take(&slot->offsets, &one->request, field->lengths, field->shape[0], slot->samples,
                                     loader->options.length_limit[one->request.dimension], naming));
        PT__TRY(pt__collate_take(one, field->dtype, field->data, slot->samples,
                                 one->ragged ? slot->offsets.list[one->request.dimension] : NULL, naming,
                                 &slot->data[i]));
    }
    if (loader->is_ragged)
        pt__offsets_rows(&slot->offsets, slot->samples, &slot->rows);
    slot->rows.count[PT__DIMENSION_BATCH] = slot->samples;
    return PT_OK;
}

/* ---- Choosing the next slot ---- */

/* Streams: how many slots, from `offset` on, hold what is left at a pass's end and is less than a batch; 0 where a
 * whole batch (or a failure, which the slots before it do not hide) begins there. *samples counts what they hold. */
static int64_t count_partial(pt__loader_t *loader, int64_t offset, int64_t *samples)
{
    *samples = 0;
    for (int64_t i = offset; i < loader->ahead; i++) {
        const pt__slot_t *slot = pt__ring_wait(&loader->ring, i);
        if (slot->status != PT_OK)
            return 0;
        *samples += slot->samples;
        if (*samples == loader->options.batch)
            return 0;
        if (slot->last_of_epoch)
            return i + 1 - offset;
    }
    return 0;
}

/* Streams: makes slot 0 the next one with samples that count. */
static pt_status_t skip_unused(pt__loader_t *loader)
{
    int64_t samples;
    for (;;) {
        const pt__slot_t *slot = pt__ring_wait(&loader->ring, 0);
        if (slot->status != PT_OK)
            return PT_OK;
        int64_t unused = slot->samples == 0; /* a pass's end that the slot before it told already */
        if (loader->options.drop_partial && slot->begin.position % loader->options.batch == 0) {
            unused = count_partial(loader, 0, &samples);
            if (unused > 0 && slot->begin.position == 0)
                return pt__fail(PT_END,
                                "an epoch gives nothing: the stream's pass of %lld samples is less than a batch of "
                                "%lld, and partial batches are left out",
                                (long long)samples, (long long)loader->options.batch);
        }
        if (unused == 0)
            return PT_OK;
        pt__ring_move(&loader->ring, unused, 0);
    }
}

/* Streams: whether nothing that counts comes after slot 0 in its pass. */
static int32_t ends_pass(pt__loader_t *loader)
{
    int64_t samples;
    const pt__slot_t *slot = pt__ring_wait(&loader->ring, 0),
                     *after = slot->last_of_epoch ? NULL : pt__ring_wait(&loader->ring, 1);
    if (after == NULL || (after->status == PT_OK && after->samples == 0))
        return 1;
    return loader->options.drop_partial && slot->last_of_batch && count_partial(loader, 1, &samples) > 0;
}

/* The next slot with samples, its flags final. */
static pt_status_t choose(pt__loader_t *loader, pt__slot_t **out)
{
    int32_t is_stream = loader->dataset->length < 0;
    *out = NULL;
    if (is_stream)
        PT__TRY(skip_unused(loader));
    pt__slot_t *slot = pt__ring_wait(&loader->ring, 0);
    if (slot->status != PT_OK) {
        pt__error_set(slot->message);
        return slot->status;
    }
    if (is_stream && ends_pass(loader))
        slot->last_of_epoch = slot->last_of_batch = 1;
    *out = slot;
    return PT_OK;
}

/* ---- Handing out ---- */

static pt__cursor_t place_in(const pt__slot_t *slot, int64_t samples)
{
    pt__cursor_t place = slot->begin;
    place.position += samples;
    if (samples == slot->samples && slot->last_of_epoch)
        place = (pt__cursor_t){.epoch = slot->begin.epoch + 1, .seed = slot->begin.seed};
    return place;
}

static pt_status_t next_slot(pt__loader_t *loader, pt__loaded_t *out)
{
    pt__slot_t *slot;
    if (loader->ring.handed)
        pt__ring_move(&loader->ring, 0, 0);
    PT__TRY(choose(loader, &slot));
    pt__ring_move(&loader->ring, 0, 1);
    out->rows = slot->rows;
    memcpy(out->offsets, slot->offsets.list, sizeof out->offsets);
    out->data = slot->data;
    out->last_of_batch = slot->last_of_batch;
    out->last_of_epoch = slot->last_of_epoch;
    loader->cursor = place_in(slot, slot->samples);
    return PT_OK;
}

/* Slots are used up until the next sample does not fit or the epoch ends; those that are used up are given back. */
static pt_status_t next_by_rows(pt__loader_t *loader, pt__loaded_t *out)
{
    pt__assembly_t *assembly = &loader->assembly;
    int32_t is_stream = loader->dataset->length < 0, is_over = 0;
    pt__cursor_t place = loader->cursor;
    pt__assembly_begin(assembly);
    *out = (pt__loaded_t){0};
    while (!is_over) {
        pt__slot_t *slot;
        int64_t taken;
        PT__TRY(choose(loader, &slot));
        PT__TRY(pt__assembly_append(assembly, slot, loader->taken, is_stream, &taken));
        loader->taken += taken;
        place = place_in(slot, loader->taken);
        out->last_of_batch = assembly->batch_is_full;
        is_over = assembly->batch_is_full || loader->taken < slot->samples;
        if (loader->taken < slot->samples)
            break;
        if (slot->last_of_epoch)
            out->last_of_epoch = out->last_of_batch = is_over = 1;
        loader->taken = 0;
        pt__ring_move(&loader->ring, 1, 0);
    }
    if (out->last_of_batch)
        pt__assembly_end_batch(assembly);
    pt__offsets_rows(&assembly->offsets, assembly->micro.samples, &out->rows);
    out->data = assembly->data;
    memcpy(out->offsets, assembly->offsets.list, sizeof out->offsets);
    loader->cursor = place;
    return PT_OK;
}

pt_status_t pt__loader_next(pt__loader_t *loader, pt__loaded_t *out)
{
    return loader->by_rows ? next_by_rows(loader, out) : next_slot(loader, out);
}

pt__cursor_t pt__loader_cursor(const pt__loader_t *loader)
{
    return loader->cursor;
}

pt__rows_t pt__loader_capacity(const pt__loader_t *loader)
{
    return loader->capacity;
}

int64_t pt__loader_bytes(const pt__loader_t *loader)
{
    return loader->bytes + loader->assembly.bytes;
}

/* ---- Making and ending ---- */

static pt_status_t check_options(const pt_dataset_t *dataset, const pt__loader_options_t *options,
                                 const pt__cursor_t *start)
{
    int32_t by_rows = options->batch_rows > 0 || options->micro_rows > 0;
    if (options->micro_batch < !by_rows || (options->batch > 0 && options->batch < options->micro_batch) ||
        options->batch < (options->batch_rows == 0))
        return pt__fail(PT_ERR_ARGUMENT,
                        "micro-batches of %lld samples in batches of %lld, expected 1 <= micro-batch <= batch",
                        (long long)options->micro_batch, (long long)options->batch);
    if (options->batch_rows < 0 || options->micro_rows < 0 || options->micro_rows > INT32_MAX ||
        (options->batch_rows > 0 && options->micro_rows > options->batch_rows))
        return pt__fail(PT_ERR_ARGUMENT,
                        "micro-batches of %lld rows in batches of %lld, expected 0 <= micro-batch <= batch",
                        (long long)options->micro_rows, (long long)options->batch_rows);
    if (options->batch_rows > 0 && options->drop_partial)
        return pt__fail(PT_ERR_ARGUMENT, "batches by rows are never full: none is partial that could be left out");
    if (options->bucket < 0 || (options->bucket > 0 && options->in_order))
        return pt__fail(PT_ERR_ARGUMENT, "buckets of %lld samples%s", (long long)options->bucket,
                        options->bucket < 0 ? "" : " change the order that is to be kept");
    for (int32_t i = 0; i < PT__DIMENSIONS; i++) {
        if (options->length_limit[i] < 0 || options->epochs < 0)
            return pt__fail(PT_ERR_ARGUMENT, "a negative limit of lengths or number of epochs");
    }
    if (start->epoch < 0 || start->position < 0 || (dataset->length >= 0 && start->position > dataset->length))
        return pt__fail(PT_ERR_ARGUMENT,
                        "the data stands at sample %lld of epoch %lld, but the dataset has %lld samples: it is another "
                        "one than before",
                        (long long)start->position, (long long)start->epoch, (long long)dataset->length);
    return PT_OK;
}

/* The most rows that a sample can have in each dimension; notes whether it counts any. */
static pt__rows_t longest_sample(pt__loader_t *loader)
{
    pt__rows_t longest = pt__rows_make(1, 0);
    for (int32_t i = 0; i < loader->n_requests; i++) {
        const pt__collate_t *collate = &loader->collates[i];
        const pt_field_spec_t *field = &loader->dataset->fields[collate->field];
        int64_t limit = loader->options.length_limit[collate->request.dimension],
                *rows = &longest.count[collate->request.dimension];
        if (!collate->ragged)
            continue;
        loader->is_ragged = 1;
        int64_t most = pt__shape_ragged(field->rank, field->shape) ? field->max_length : field->shape[0];
        most = limit > 0 && limit < most ? limit : most;
        /* lengths are equal within a dimension: the field that is declared the shortest bounds the others */
        if (*rows == 0 || most < *rows)
            *rows = most;
    }
    return longest;
}

/* The most rows of a micro-batch, and how many samples a slot holds. */
static pt_status_t measure_capacity(pt__loader_t *loader)
{
    const pt__loader_options_t *options = &loader->options;
    pt__rows_t longest = longest_sample(loader);
    int64_t samples = options->micro_batch > 0 ? options->micro_batch : options->batch, most = 0;
    for (int32_t i = PT__DIMENSION_BATCH + 1; i < PT__DIMENSIONS; i++)
        most = longest.count[i] > most ? longest.count[i] : most;
    if (loader->by_rows && most == 0)
        return pt__fail(PT_ERR_ARGUMENT, "batches by rows count rows of ragged fields, and the network reads none");
    if (loader->by_rows) {
        if (samples == 0 || samples > options->micro_rows)
            samples = options->micro_rows;
        if (loader->dataset->length >= 0 && samples > loader->dataset->length)
            samples = loader->dataset->length;
        loader->slot_samples = options->micro_rows / most;
        loader->slot_samples = loader->slot_samples < 1 ? 1 : loader->slot_samples;
        loader->slot_samples = loader->slot_samples < MOST_IN_SLOT ? loader->slot_samples : MOST_IN_SLOT;
        loader->slot_samples = loader->slot_samples < samples ? loader->slot_samples : samples;
    } else {
        loader->slot_samples = samples;
        if (most > INT32_MAX / samples)
            return pt__fail(PT_ERR_SHAPE, "%lld samples of up to %lld rows at a time are more than 2147483647 rows",
                            (long long)samples, (long long)most);
    }
    loader->slot_batch = options->batch_rows > 0 ? loader->slot_samples : options->batch;
    loader->capacity = pt__rows_make(samples, 0);
    for (int32_t i = PT__DIMENSION_BATCH + 1; i < PT__DIMENSIONS; i++) {
        int64_t rows = longest.count[i];
        loader->capacity.count[i] = loader->by_rows && rows > options->micro_rows / samples ? options->micro_rows
                                                                                           : rows * samples;
    }
    return PT_OK;
}

static pt_status_t create_slot(pt__loader_t *loader, const pt__request_t *requests, pt__slot_t *slot)
{
    pt_dataset_t *dataset = loader->dataset;
    pt__memory_t *memory = &dataset->context->memory;
    slot->rows = pt__rows_make(0, 0);
    PT__TRY(pt__collates_create(memory, requests, loader->n_requests, &slot->collates));
    PT__TRY(pt__collates_match(slot->collates, loader->n_requests, dataset, loader->options.length_limit));
    PT__TRY(pt__staging_create(dataset, loader->slot_samples, &slot->staging));
    PT__TRY(pt__allocate(memory, (size_t)loader->n_requests, sizeof *slot->data, "loaded fields", &slot->data));
    loader->bytes += slot->staging.bytes;
    PT__TRY(pt__offsets_reserve(memory, &slot->offsets, slot->collates, loader->n_requests, loader->slot_samples,
                                &loader->bytes));
    for (int32_t i = 0; i < loader->n_requests; i++) {
        const pt_array_t *field = &slot->staging.fields[slot->collates[i].field];
        PT__TRY(pt__collate_reserve(memory, &slot->collates[i], field->dtype, field->capacity, &loader->bytes));
    }
    return PT_OK;
}

static pt_status_t create_ring(pt__loader_t *loader, const pt__request_t *requests, int32_t threads)
{
    const pt__loader_options_t *options = &loader->options;
    pt__ring_t *ring = &loader->ring;
    loader->ahead = loader->dataset->length < 0 ? 2 : 1;
    if (loader->dataset->length < 0 && options->drop_partial)
        loader->ahead = (options->batch + loader->slot_samples - 1) / loader->slot_samples + 1;
    *ring = (pt__ring_t){.memory = &loader->dataset->context->memory,
                         .owner = loader,
                         .claim = claim,
                         .fill = fill,
                         .n_slots = loader->ahead + threads};
    PT__TRY(pt__allocate(ring->memory, (size_t)ring->n_slots, sizeof *ring->slots, "slots of a loader", &ring->slots));
    loader->bytes = (int64_t)sizeof *loader + ring->n_slots * (int64_t)sizeof *ring->slots;
    for (int64_t i = 0; i < ring->n_slots; i++)
        PT__TRY(create_slot(loader, requests, &ring->slots[i]));
    return PT_OK;
}

/* What an epoch uses, in which order. */
static pt_status_t create_order(pt__loader_t *loader)
{
    const pt__loader_options_t *options = &loader->options;
    const pt_dataset_t *dataset = loader->dataset;
    int32_t *fields;
    PT__TRY(
        pt__allocate(&dataset->context->memory, (size_t)loader->n_requests, sizeof *fields, "ragged fields", &fields));
    int32_t n_fields = pt__collates_ragged(loader->collates, loader->n_requests, dataset, fields);
    int64_t samples = options->drop_partial ? dataset->length - dataset->length % options->batch : dataset->length;
    pt_status_t status = pt__order_create(loader->dataset, options->in_order, samples, options->bucket, fields,
                                          n_fields, &loader->order);
    pt__release(&dataset->context->memory, fields);
    return status;
}

/* By rows, micro-batches are no larger than batches; and where a batch is counted in samples, it began at a multiple of
 * them. */
static pt_status_t create_assembly(pt__loader_t *loader)
{
    const pt__loader_options_t *options = &loader->options;
    PT__TRY(pt__assembly_create(&loader->dataset->context->memory, loader->collates, loader->n_requests, options,
                                &loader->assembly));
    if (options->batch_rows == 0)
        loader->assembly.batch.samples = loader->cursor.position % options->batch;
    return PT_OK;
}

static int32_t count_threads(pt_dataset_t *dataset, const pt__loader_options_t *options)
{
    int32_t worth;
    if (!options->prefetch || !pt__dataset_leaves_thread(dataset, &worth))
        return 0;
    return options->producers > 0 ? options->producers : worth;
}

pt_status_t pt__loader_create(pt_dataset_t *dataset, const pt__request_t *requests, int32_t n_requests,
                              const pt__loader_options_t *options, const pt__cursor_t *start, pt__loader_t **out)
{
    static const pt__cursor_t begin;
    pt__loader_t *loader;
    pt_status_t status;
    int32_t threads = count_threads(dataset, options);
    start = start == NULL ? &begin : start;
    *out = NULL;
    PT__TRY(check_options(dataset, options, start));
    PT__TRY(pt__allocate(&dataset->context->memory, 1, sizeof *loader, "loader", &loader));
    loader->dataset = pt__dataset_retain(dataset);
    loader->options = *options;
    loader->by_rows = options->batch_rows > 0 || options->micro_rows > 0;
    if (options->micro_rows == 0)
        loader->options.micro_rows = options->batch_rows < INT32_MAX ? options->batch_rows : INT32_MAX;
    loader->cursor = loader->next = *start;
    loader->n_requests = n_requests;
    PT__TRY_OUT(pt__collates_create(&dataset->context->memory, requests, n_requests, &loader->collates));
    PT__TRY_OUT(pt__collates_match(loader->collates, n_requests, dataset, options->length_limit));
    PT__TRY_OUT(measure_capacity(loader));
    PT__TRY_OUT(create_ring(loader, requests, threads));
    PT__TRY_OUT(create_order(loader));
    if (loader->by_rows)
        PT__TRY_OUT(create_assembly(loader));
    if (threads > 0)
        PT__TRY_OUT(pt__ring_start(&loader->ring, threads));
    *out = loader;
    return PT_OK;
out:
    pt__loader_free(loader);
    return status;
}

void pt__loader_free(pt__loader_t *loader)
{
    if (loader == NULL)
        return;
    pt_dataset_t *dataset = loader->dataset;
    pt__memory_t *memory = &dataset->context->memory;
    if (loader->ring.memory != NULL)
        pt__ring_stop(&loader->ring);
    for (int64_t i = 0; loader->ring.slots != NULL && i < loader->ring.n_slots; i++) {
        pt__slot_t *slot = &loader->ring.slots[i];
        pt__staging_free(&slot->staging);
        pt__collates_free(memory, slot->collates, loader->n_requests);
        pt__release(memory, slot->data);
        pt__offsets_free(memory, &slot->offsets);
    }
    pt__assembly_free(&loader->assembly);
    pt__order_free(&loader->order);
    pt__release(memory, loader->ring.slots);
    pt__collates_free(memory, loader->collates, loader->n_requests);
    pt__release(memory, loader);
    pt__dataset_release(dataset);
}
