/* The loader: from a dataset to micro-batches that a plan reads in place.
 *
 * A producer fills slots of a ring, in the order of the data; the consumer, pt__loader_next, hands them out. Without prefetch the producer
 * runs inside the consumer's call and nothing is locked; with it, it runs on a thread of its own, which is the only difference: the slots
 * carry positions, statuses and messages with them. The cursor follows what was handed out, so that it never shows what was prefetched.
 *
 *   ring:  [ handed out | ready, ready, ... | free, free, ... ]
 *            first        first + handed      first + handed + ready
 *
 * A map-style dataset needs one slot (two with prefetch). A stream's last samples are known to be the last only when it has been asked
 * again, so it is asked one micro-batch ahead; where a partial batch is to be left out, one batch ahead.
 *
 * Long, as producer, ring and cursor change together and share one struct. */
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "base/random.h"
#include "data/collate.h"
#include "data/staging.h"

typedef struct slot {
    pt__staging_t staging;
    pt__collate_t *collates; /* [n_wants]: each slot converts into buffers of its own */
    const void **data;       /* [n_wants] */
    pt__offsets_t offsets;
    pt__cursor_t begin;      /* of its first sample */
    int64_t samples;
    int32_t last_of_batch, last_of_epoch;
    pt_status_t status; /* of filling it; message belongs to it */
    char message[PT__MESSAGE_SIZE];
} slot_t;

struct pt__loader {
    pt_dataset_t *dataset;
    pt__loader_options_t options;
    int32_t n_wants;
    pt__rows_t capacity;
    int64_t bytes;

    slot_t *slots;
    int64_t n_slots;
    int64_t ahead; /* slots that must be ready before the first of them can be handed out */
    int64_t first; /* consumer's */
    int32_t handed;
    pt__cursor_t cursor;

    pt__cursor_t next; /* producer's: what the next slot begins with */
    int32_t finished;  /* a slot has a status other than PT_OK: nothing comes after it */
    int64_t ready;     /* under the lock where there is a thread */

    int32_t threaded, stop;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t filled, freed;
};

/* ---- Producing ---- */

/* How many samples of an epoch are used. */
static int64_t epoch_samples(const pt__loader_t *loader)
{
    int64_t length = loader->dataset->length;
    return loader->options.drop_partial ? length - length % loader->options.batch : length;
}

/* Writes the indices of the slot's samples: the epoch's order, then down through the views. */
static void draw_indices(const pt__loader_t *loader, slot_t *slot, int64_t count)
{
    int64_t *indices = slot->staging.indices;
    for (int64_t i = 0; i < count; i++)
        indices[i] = slot->begin.position + i;
    if (!loader->options.in_order)
        pt__permute_many(pt__random_key(slot->begin.seed, (uint64_t)slot->begin.epoch), loader->dataset->length,
                         indices, count);
    pt__dataset_resolve(loader->dataset, indices, count);
}

static pt_status_t collate(const pt__loader_t *loader, slot_t *slot)
{
    int32_t is_stream = loader->dataset->length < 0;
    pt__naming_t naming = {is_stream ? NULL : slot->staging.indices, slot->begin.position};
    pt__offsets_forget(&slot->offsets);
    for (int32_t i = 0; i < loader->n_wants; i++) {
        pt__collate_t *one = &slot->collates[i];
        const pt_field_t *field = &slot->staging.fields[one->field];
        if (one->ragged)
            PT__TRY(pt__offsets_take(&slot->offsets, &one->want, field->lengths, field->shape[0], slot->samples,
                                     loader->options.length_limit[one->want.dimension], naming));
        PT__TRY(pt__collate_take(one, field->dtype, field->data, slot->samples,
                                 one->ragged ? slot->offsets.list[one->want.dimension] : NULL, naming, &slot->data[i]));
    }
    return PT_OK;
}

static pt_status_t produce_from_map(pt__loader_t *loader, slot_t *slot)
{
    const pt__loader_options_t *options = &loader->options;
    int64_t total = epoch_samples(loader);
    if (total == 0)
        return pt__fail(
            PT_END,
            "an epoch gives nothing: %lld samples are fewer than a batch of %lld, and partial batches are left out",
            (long long)loader->dataset->length, (long long)options->batch);
    if (loader->next.position >= total)
        loader->next = (pt__cursor_t){.epoch = loader->next.epoch + 1, .seed = loader->next.seed};
    if (options->epochs > 0 && loader->next.epoch >= options->epochs)
        return PT_END;
    int64_t position = loader->next.position, in_batch = options->batch - position % options->batch,
            count = options->micro_batch;
    count = count < in_batch ? count : in_batch;
    count = count < total - position ? count : total - position;
    slot->begin = loader->next;
    slot->samples = count;
    slot->last_of_epoch = position + count == total;
    slot->last_of_batch = count == in_batch || slot->last_of_epoch;
    draw_indices(loader, slot, count);
    PT__TRY(pt__staging_fill(&slot->staging, count, 0));
    PT__TRY(collate(loader, slot));
    loader->next.position += count;
    return PT_OK;
}

/* The slot's samples may be 0 at the end of a pass. */
static pt_status_t produce_from_stream(pt__loader_t *loader, slot_t *slot)
{
    const pt__loader_options_t *options = &loader->options;
    if (options->epochs > 0 && loader->next.epoch >= options->epochs)
        return PT_END;
    int64_t position = loader->next.position, in_batch = options->batch - position % options->batch;
    int64_t count = options->micro_batch < in_batch ? options->micro_batch : in_batch;
    slot->begin = loader->next;
    PT__TRY(pt__staging_fill(&slot->staging, count, position));
    slot->samples = slot->staging.filled;
    if (slot->samples == 0 && position == 0)
        return pt__fail(PT_END, "the stream's pass %lld gave no sample: it reported PT_END at position 0",
                        (long long)slot->begin.epoch);
    slot->last_of_epoch = slot->staging.ended;
    slot->last_of_batch = slot->samples == in_batch || slot->last_of_epoch;
    PT__TRY(collate(loader, slot));
    loader->next.position += slot->samples;
    if (slot->last_of_epoch)
        loader->next = (pt__cursor_t){.epoch = loader->next.epoch + 1, .seed = loader->next.seed};
    return PT_OK;
}

static void produce(pt__loader_t *loader, slot_t *slot)
{
    pt__error_clear();
    slot->status = loader->dataset->length < 0 ? produce_from_stream(loader, slot) : produce_from_map(loader, slot);
    if (slot->status == PT_OK)
        return;
    loader->finished = 1;
    strncpy(slot->message, pt__error_message(), sizeof slot->message - 1);
    slot->message[sizeof slot->message - 1] = 0;
}

/* ---- The ring ---- */

static slot_t *slot_at(const pt__loader_t *loader, int64_t offset)
{
    int64_t at = loader->first + loader->handed + offset;
    return &loader->slots[at < loader->n_slots ? at : at % loader->n_slots];
}

static void *run_producer(void *argument)
{
    pt__loader_t *loader = argument;
    int64_t at = 0; /* the slot to fill next; the ring is empty when the thread begins */
    pthread_mutex_lock(&loader->lock);
    while (!loader->stop && !loader->finished) {
        if (loader->ready + loader->handed == loader->n_slots) {
            pthread_cond_wait(&loader->freed, &loader->lock);
            continue;
        }
        pthread_mutex_unlock(&loader->lock);
        produce(loader, &loader->slots[at]);
        at = (at + 1) % loader->n_slots;
        pthread_mutex_lock(&loader->lock);
        loader->ready++;
        pthread_cond_signal(&loader->filled);
    }
    pthread_mutex_unlock(&loader->lock);
    return NULL;
}

/* The slot `offset` behind the next one to hand out, once it is filled. Never asked for behind a slot whose status is not PT_OK. */
static slot_t *wait_for(pt__loader_t *loader, int64_t offset)
{
    if (!loader->threaded) {
        for (; loader->ready <= offset; loader->ready++)
            produce(loader, slot_at(loader, loader->ready));
        return slot_at(loader, offset);
    }
    pthread_mutex_lock(&loader->lock);
    while (loader->ready <= offset)
        pthread_cond_wait(&loader->filled, &loader->lock);
    pthread_mutex_unlock(&loader->lock);
    return slot_at(loader, offset);
}

/* Changes what the consumer holds: `handed` slots (0 or 1) from the next one on, `dropped` of them given back to the producer. */
static void move_ring(pt__loader_t *loader, int64_t dropped, int32_t handed)
{
    if (loader->threaded)
        pthread_mutex_lock(&loader->lock);
    loader->first = (loader->first + loader->handed + dropped) % loader->n_slots;
    loader->ready -= dropped + handed;
    loader->handed = handed;
    if (loader->threaded) {
        pthread_cond_signal(&loader->freed);
        pthread_mutex_unlock(&loader->lock);
    }
}

/* ---- Handing out ---- */

/* Streams: how many slots, from `offset` on, hold what is left at a pass's end and is less than a batch; 0 where a whole batch (or a
 * failure, which the slots before it do not hide) begins there. *samples counts what they hold. */
static int64_t count_partial(pt__loader_t *loader, int64_t offset, int64_t *samples)
{
    *samples = 0;
    for (int64_t i = offset; i < loader->ahead; i++) {
        const slot_t *slot = wait_for(loader, i);
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
        const slot_t *slot = wait_for(loader, 0);
        if (slot->status != PT_OK)
            return PT_OK;
        int64_t unused = slot->samples == 0; /* a pass's end that the slot before it told already */
        if (loader->options.drop_partial && slot->begin.position % loader->options.batch == 0) {
            unused = count_partial(loader, 0, &samples);
            if (unused > 0 && slot->begin.position == 0)
                return pt__fail(PT_END,
                                "an epoch gives nothing: the stream's pass of %lld samples is less than a batch of "
                                "%lld, and partial batches "
                                "are left out",
                                (long long)samples, (long long)loader->options.batch);
        }
        if (unused == 0)
            return PT_OK;
        move_ring(loader, unused, 0);
    }
}

/* Streams: whether nothing that counts comes after slot 0 in its pass. */
static int32_t ends_pass(pt__loader_t *loader)
{
    int64_t samples;
    const slot_t *slot = wait_for(loader, 0), *after = slot->last_of_epoch ? NULL : wait_for(loader, 1);
    if (after == NULL || (after->status == PT_OK && after->samples == 0))
        return 1;
    return loader->options.drop_partial && slot->last_of_batch && count_partial(loader, 1, &samples) > 0;
}

/* The next slot with samples, its flags final. */
static pt_status_t choose(pt__loader_t *loader, slot_t **out)
{
    int32_t is_stream = loader->dataset->length < 0;
    *out = NULL;
    if (is_stream)
        PT__TRY(skip_unused(loader));
    slot_t *slot = wait_for(loader, 0);
    if (slot->status != PT_OK) {
        pt__error_set(slot->message);
        return slot->status;
    }
    if (is_stream && ends_pass(loader))
        slot->last_of_epoch = slot->last_of_batch = 1;
    *out = slot;
    return PT_OK;
}

pt_status_t pt__loader_next(pt__loader_t *loader, pt__loaded_t *out)
{
    slot_t *slot;
    if (loader->handed)
        move_ring(loader, 0, 0);
    PT__TRY(choose(loader, &slot));
    move_ring(loader, 0, 1);
    *out = (pt__loaded_t){.rows = pt__offsets_rows(&slot->offsets, slot->samples),
                          .data = slot->data,
                          .last_of_batch = slot->last_of_batch,
                          .last_of_epoch = slot->last_of_epoch};
    memcpy(out->offsets, slot->offsets.list, sizeof out->offsets);
    loader->cursor = slot->begin;
    loader->cursor.position += slot->samples;
    if (slot->last_of_epoch)
        loader->cursor = (pt__cursor_t){.epoch = slot->begin.epoch + 1, .seed = slot->begin.seed};
    return PT_OK;
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
    return loader->bytes;
}

/* ---- Making and ending ---- */

static pt_status_t create_slot(pt__loader_t *loader, const pt__want_t *wants, slot_t *slot)
{
    pt_dataset_t *dataset = loader->dataset;
    pt__memory_t *memory = &dataset->context->memory;
    int64_t micro = loader->options.micro_batch;
    PT__TRY(pt__collates_create(memory, wants, loader->n_wants, &slot->collates));
    PT__TRY(pt__collates_match(slot->collates, loader->n_wants, dataset, loader->options.length_limit));
    PT__TRY(pt__staging_create(dataset, micro, &slot->staging));
    PT__TRY(pt__allocate(memory, (size_t)loader->n_wants, sizeof *slot->data, "loaded fields", &slot->data));
    loader->bytes += slot->staging.bytes;
    PT__TRY(pt__offsets_reserve(memory, &slot->offsets, slot->collates, loader->n_wants, micro, &loader->bytes));
    for (int32_t i = 0; i < loader->n_wants; i++) {
        const pt_field_t *field = &slot->staging.fields[slot->collates[i].field];
        PT__TRY(pt__collate_reserve(memory, &slot->collates[i], field->dtype, field->capacity, &loader->bytes));
    }
    return PT_OK;
}

/* The most rows of micro_batch samples in each dimension. */
static pt_status_t measure_capacity(pt__loader_t *loader)
{
    int64_t micro = loader->options.micro_batch;
    loader->capacity = pt__rows_make(micro, 0);
    for (int32_t i = 0; i < loader->n_wants; i++) {
        const pt__collate_t *collate = &loader->slots[0].collates[i];
        const pt_field_spec_t *field = &loader->dataset->fields[collate->field];
        int64_t limit = loader->options.length_limit[collate->want.dimension], *rows;
        if (!collate->ragged)
            continue;
        int64_t longest = pt__shape_ragged(field->rank, field->shape) ? field->max_length : field->shape[0];
        longest = limit > 0 && limit < longest ? limit : longest;
        if (longest > INT32_MAX / micro)
            return pt__fail(PT_ERR_SHAPE, "%lld samples of up to %lld rows at a time are more than 2147483647 rows",
                            (long long)micro, (long long)longest);
        rows = &loader->capacity.count[collate->want.dimension];
        /* lengths are equal within a dimension: the first field that is declared shorter bounds the others */
        if (*rows == 0 || longest * micro < *rows)
            *rows = longest * micro;
    }
    return PT_OK;
}

static pt_status_t check_start(const pt_dataset_t *dataset, const pt__loader_options_t *options,
                               const pt__cursor_t *start)
{
    if (options->micro_batch < 1 || options->batch < options->micro_batch)
        return pt__fail(PT_ERR_ARGUMENT,
                        "micro-batches of %lld samples in batches of %lld, expected 1 <= micro-batch <= batch",
                        (long long)options->micro_batch, (long long)options->batch);
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

/* The thread takes no signals: they are the host's. Where the system gives no thread, the loader works without. */
static void start_thread(pt__loader_t *loader)
{
    sigset_t all, before;
    sigfillset(&all);
    if (pthread_mutex_init(&loader->lock, NULL) != 0)
        return;
    if (pthread_cond_init(&loader->filled, NULL) != 0)
        goto no_filled;
    if (pthread_cond_init(&loader->freed, NULL) != 0)
        goto no_freed;
    pthread_sigmask(SIG_SETMASK, &all, &before);
    loader->threaded = 1;
    int refused = pthread_create(&loader->thread, NULL, run_producer, loader);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (refused == 0)
        return;
    loader->threaded = 0;
    pthread_cond_destroy(&loader->freed);
no_freed:
    pthread_cond_destroy(&loader->filled);
no_filled:
    pthread_mutex_destroy(&loader->lock);
}

static void plan_ring(pt__loader_t *loader, int32_t prefetch)
{
    const pt__loader_options_t *options = &loader->options;
    loader->ahead = 1;
    if (loader->dataset->length < 0)
        loader->ahead = options->drop_partial ? (options->batch + options->micro_batch - 1) / options->micro_batch + 1
                                              : 2;
    loader->n_slots = loader->ahead + prefetch;
}

pt_status_t pt__loader_create(pt_dataset_t *dataset, const pt__want_t *wants, int32_t n_wants,
                              const pt__loader_options_t *options, const pt__cursor_t *start, pt__loader_t **out)
{
    static const pt__cursor_t begin;
    pt__loader_t *loader;
    pt_status_t status;
    pt__memory_t *memory = &dataset->context->memory;
    int32_t prefetch = options->prefetch && (pt__dataset_resolve(dataset, NULL, 0)->flags & PT_DATASET_THREAD_SAFE);
    start = start == NULL ? &begin : start;
    *out = NULL;
    PT__TRY(check_start(dataset, options, start));
    PT__TRY(pt__allocate(memory, 1, sizeof *loader, "loader", &loader));
    loader->dataset = pt__dataset_retain(dataset);
    loader->options = *options;
    loader->cursor = loader->next = *start;
    loader->n_wants = n_wants;
    plan_ring(loader, prefetch);
    PT__TRY_OUT(
        pt__allocate(memory, (size_t)loader->n_slots, sizeof *loader->slots, "slots of a loader", &loader->slots));
    loader->bytes = (int64_t)sizeof *loader + loader->n_slots * (int64_t)sizeof *loader->slots;
    for (int64_t i = 0; i < loader->n_slots; i++)
        PT__TRY_OUT(create_slot(loader, wants, &loader->slots[i]));
    PT__TRY_OUT(measure_capacity(loader));
    if (prefetch)
        start_thread(loader);
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
    if (loader->threaded) {
        pthread_mutex_lock(&loader->lock);
        loader->stop = 1;
        pthread_cond_signal(&loader->freed);
        pthread_mutex_unlock(&loader->lock);
        pthread_join(loader->thread, NULL);
        pthread_cond_destroy(&loader->freed);
        pthread_cond_destroy(&loader->filled);
        pthread_mutex_destroy(&loader->lock);
    }
    pt_dataset_t *dataset = loader->dataset;
    pt__memory_t *memory = &dataset->context->memory;
    for (int64_t i = 0; loader->slots != NULL && i < loader->n_slots; i++) {
        slot_t *slot = &loader->slots[i];
        pt__staging_free(&slot->staging);
        pt__collates_free(memory, slot->collates, loader->n_wants);
        pt__release(memory, slot->data);
        pt__offsets_free(memory, &slot->offsets);
    }
    pt__release(memory, loader->slots);
    pt__release(memory, loader);
    pt__dataset_release(dataset);
}
