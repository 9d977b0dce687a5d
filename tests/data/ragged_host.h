/* A host whose samples have two ragged fields, each of lengths of its own, from callbacks or from arrays; and what a
 * loader made of them. For the tests of batches (test_ring.c) and of maps (test_map.c). */
#ifndef RAGGED_HOST_H
#define RAGGED_HOST_H

#include <string.h>
#include <time.h>

#include "data/data.h"
#include "support/samples.h"
#include "support/views.h"

enum { MOST = 4096, LENGTH = 61, LONGEST = 9, FRAMES = 5 };

/* Sample i has rows(i) rows of "text", the r-th i * 16 + r, and frames(i) of "frames". */
static inline int64_t rows_of(int64_t index)
{
    return 1 + index * 7 % LONGEST;
}

static inline int64_t frames_of(int64_t index)
{
    return 1 + index * 5 % 4;
}

static inline void write_sample(pt_batch_t *batch, int64_t place, int64_t index, int32_t **text, float **frames)
{
    for (int64_t r = 0; r < rows_of(index); r++)
        *(*text)++ = (int32_t)(index * 16 + r);
    for (int64_t r = 0; r < frames_of(index); r++)
        *(*frames)++ = (float)(index + r);
    batch->fields[0].lengths[place] = rows_of(index);
    batch->fields[1].lengths[place] = frames_of(index);
    ((int32_t *)batch->fields[2].data)[place] = (int32_t)index;
}

typedef struct host {
    atomic_int calls, now, most_now, destroyed;
    atomic_int fail_at; /* the sample at which the callback fails; -1: none */
    int32_t slow;
    int32_t awaited; /* each callback waits, ten seconds at most, until so many have been at work at once */
    int64_t length; /* of a stream's pass */
    _Atomic(pt_dataset_t *) own; /* freed by the first call */
} host_t;

static inline void come(host_t *host)
{
    int now = atomic_fetch_add(&host->now, 1) + 1, most = atomic_load(&host->most_now);
    atomic_fetch_add(&host->calls, 1);
    while (now > most && !atomic_compare_exchange_weak(&host->most_now, &most, now))
        continue;
    if (host->slow)
        nanosleep(&(struct timespec){.tv_nsec = 200000 + (now * 7919 % 13) * 100000}, NULL);
    for (int i = 0; i < 10000 && atomic_load(&host->most_now) < host->awaited; i++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    pt_dataset_free(atomic_exchange(&host->own, NULL));
}

static inline void go(host_t *host)
{
    atomic_fetch_sub(&host->now, 1);
}

static inline void fetch(void *user, pt_batch_t *batch)
{
    host_t *host = user;
    int32_t *text = batch->fields[0].data;
    float *frames = batch->fields[1].data;
    come(host);
    for (batch->filled = 0; batch->filled < batch->capacity; batch->filled++) {
        if (batch->indices[batch->filled] == atomic_load(&host->fail_at))
            break;
        write_sample(batch, batch->filled, batch->indices[batch->filled], &text, &frames);
    }
    if (batch->filled == batch->capacity)
        batch->status = PT_OK;
    go(host);
}

static inline void next(void *user, pt_batch_t *batch)
{
    host_t *host = user;
    int32_t *text = batch->fields[0].data;
    float *frames = batch->fields[1].data;
    int64_t left = host->length - batch->position, count = batch->capacity < left ? batch->capacity : left;
    come(host);
    for (batch->filled = 0; batch->filled < count; batch->filled++)
        write_sample(batch, batch->filled, batch->position + batch->filled, &text, &frames);
    batch->status = count == left ? PT_END : PT_OK;
    go(host);
}

static inline void ended(void *user)
{
    atomic_fetch_add(&((host_t *)user)->destroyed, 1);
}

static const pt_field_spec_t fields[3] = {
    {.name = "text", .dtype = PT_INT32, .rank = 1, .shape = {PT_DIM_TOKENS}, .max_length = LONGEST},
    {.name = "frames", .dtype = PT_FLOAT32, .rank = 1, .shape = {PT_DIM_TOKENS}, .max_length = 4},
    {.name = "index", .dtype = PT_INT32},
};
static const pt__request_t requests[3] = {
    {.name = "index", .dtype = PT_INT32, .dimension = PT__DIMENSION_BATCH},
    {.name = "text", .dtype = PT_INT32, .rank = 1, .dimension = PT__DIMENSION_TOKENS, .shape = {PT_DIM_TOKENS}},
    {.name = "frames", .dtype = PT_FLOAT32, .rank = 1, .dimension = FRAMES, .shape = {PT_DIM_TOKENS}},
};

/* ---- What a loader gave ---- */

typedef struct sequence {
    int64_t count, batches, epochs;
    int64_t index[MOST];
    int32_t flags[MOST]; /* of the micro-batch that the sample ends: 1 micro, 2 batch, 4 epoch */
    uint64_t bits[MOST]; /* of all its values */
    pt__cursor_t after[MOST];
    pt_status_t status;
} sequence_t;

static inline uint64_t add_bits(uint64_t bits, const void *values, int64_t count)
{
    for (int64_t i = 0; i < 4 * count; i++)
        bits = (bits ^ ((const uint8_t *)values)[i]) * 0x100000001b3u;
    return bits;
}

static inline void take(pt__loader_t *loader, sequence_t *sequence)
{
    pt__loaded_t loaded;
    pt__rows_t capacity = pt__loader_capacity(loader);
    memset(sequence, 0, sizeof *sequence);
    while ((sequence->status = pt__loader_next(loader, &loaded)) == PT_OK) {
        int64_t samples = loaded.rows.count[PT__DIMENSION_BATCH];
        const int32_t *rows = loaded.offsets[PT__DIMENSION_TOKENS], *frames = loaded.offsets[FRAMES];
        ck_assert(samples >= 1 && sequence->count + samples <= MOST);
        for (int32_t i = 0; i < PT__DIMENSIONS; i++)
            ck_assert_int_le(loaded.rows.count[i], capacity.count[i]);
        for (int64_t i = 0; i < samples; i++) {
            int64_t n = sequence->count++;
            sequence->index[n] = ((const int32_t *)loaded.data[0])[i];
            uint64_t bits = add_bits(1, (const int32_t *)loaded.data[1] + rows[i], rows[i + 1] - rows[i]);
            sequence->bits[n] = add_bits(bits, (const float *)loaded.data[2] + frames[i], frames[i + 1] - frames[i]);
        }
        int64_t last = sequence->count - 1;
        sequence->flags[last] = 1 + 2 * loaded.last_of_batch + 4 * loaded.last_of_epoch;
        sequence->after[last] = pt__loader_cursor(loader);
        sequence->batches += loaded.last_of_batch;
        sequence->epochs += loaded.last_of_epoch;
    }
}

static inline void load(pt_dataset_t *dataset, const pt__loader_options_t *options, const pt__cursor_t *start,
                 sequence_t *sequence)
{
    pt__loader_t *loader;
    ck_ok(pt__loader_create(dataset, requests, 3, options, start, &loader));
    take(loader, sequence);
    pt__loader_free(loader);
}

static inline void same_from(const sequence_t *whole, int64_t first, const sequence_t *part)
{
    ck_assert_int_eq(part->count, whole->count - first);
    ck_assert_int_eq(part->status, whole->status);
    ck_assert_mem_eq(part->index, whole->index + first, (size_t)part->count * sizeof part->index[0]);
    ck_assert_mem_eq(part->flags, whole->flags + first, (size_t)part->count * sizeof part->flags[0]);
    ck_assert_mem_eq(part->bits, whole->bits + first, (size_t)part->count * sizeof part->bits[0]);
}

static inline pt_dataset_t *map_of(pt_context_t *context, host_t *host, uint32_t flags)
{
    pt_dataset_t *dataset;
    ck_ok(pt_dataset_create_map(context, fields, 3, sizeof(pt_field_spec_t), LENGTH, flags, fetch, host, ended,
                                &dataset));
    return dataset;
}

/* The same samples from arrays, whose lengths are known. */
static inline pt_dataset_t *arrays_of(pt_context_t *context)
{
    static int32_t text[LENGTH * LONGEST], numbers[LENGTH];
    static float sound[LENGTH * 4];
    static int64_t rows[LENGTH], frames[LENGTH];
    pt_array_t arrays[3] = {view_of_field(&fields[0], text, rows), view_of_field(&fields[1], sound, frames),
                            view_of_field(&fields[2], numbers, NULL)};
    pt_array_t buffers[3] = {{.data = text, .lengths = rows}, {.data = sound, .lengths = frames}, {.data = numbers}};
    pt_batch_t batch = {.fields = buffers};
    pt_dataset_t *dataset;
    int32_t *at = text;
    float *at_frames = sound;
    for (int64_t i = 0; i < LENGTH; i++)
        write_sample(&batch, i, i, &at, &at_frames);
    ck_ok(pt_dataset_create_from_arrays(context, arrays, 3, sizeof(pt_array_t), LENGTH, 0, &dataset));
    return dataset;
}

static const pt__loader_options_t cuts[] = {
    {.batch = 7, .micro_batch = 7},
    {.batch = 7, .micro_batch = 3},
    {.batch_rows = 40},
    {.batch_rows = 40, .micro_rows = 13},
    {.batch_rows = 9},
    {.batch_rows = 1000, .micro_rows = 9},
    {.batch_rows = 40, .micro_batch = 2},
    {.batch_rows = 40, .batch = 5, .micro_rows = 20},
    {.batch = 8, .micro_rows = 17},
    {.batch = 8, .micro_batch = 3, .micro_rows = 12},
};

#endif
