/* How batches are cut, by samples and by rows, in buckets and out of them; by how many threads; from wherever a pass
 * goes on: the samples, their order and their bits are the same. And maps: what they are handed, and everything that
 * can go wrong in them. */
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "data/data.h"
#include "support/samples.h"

enum { MOST = 4096, LENGTH = 61, LONGEST = 9, FRAMES = 5 };

/* Sample i has rows(i) rows of "text", the r-th i * 16 + r, and frames(i) of "frames". */
static int64_t rows_of(int64_t index)
{
    return 1 + index * 7 % LONGEST;
}

static int64_t frames_of(int64_t index)
{
    return 1 + index * 5 % 4;
}

static void write_sample(pt_batch_t *batch, int64_t place, int64_t index, int32_t **text, float **frames)
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
    int64_t length; /* of a stream's pass */
    _Atomic(pt_dataset_t *) own; /* freed by the first call */
} host_t;

static void come(host_t *host)
{
    int now = atomic_fetch_add(&host->now, 1) + 1, most = atomic_load(&host->most_now);
    atomic_fetch_add(&host->calls, 1);
    while (now > most && !atomic_compare_exchange_weak(&host->most_now, &most, now))
        continue;
    if (host->slow)
        nanosleep(&(struct timespec){.tv_nsec = 200000 + (now * 7919 % 13) * 100000}, NULL);
    pt_dataset_free(atomic_exchange(&host->own, NULL));
}

static void go(host_t *host)
{
    atomic_fetch_sub(&host->now, 1);
}

static void fetch(void *user, pt_batch_t *batch)
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

static void next(void *user, pt_batch_t *batch)
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

static void ended(void *user)
{
    atomic_fetch_add(&((host_t *)user)->destroyed, 1);
}

static const pt_field_spec_t fields[3] = {
    {.name = "text", .dtype = PT_INT32, .rank = 1, .shape = {PT_DIM_TOKENS}, .max_length = LONGEST},
    {.name = "frames", .dtype = PT_FLOAT32, .rank = 1, .shape = {PT_DIM_TOKENS}, .max_length = 4},
    {.name = "index", .dtype = PT_INT32},
};
static const pt__want_t wants[3] = {
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

static uint64_t add_bits(uint64_t bits, const void *values, int64_t count)
{
    for (int64_t i = 0; i < 4 * count; i++)
        bits = (bits ^ ((const uint8_t *)values)[i]) * 0x100000001b3u;
    return bits;
}

static void take(pt__loader_t *loader, sequence_t *sequence)
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

static void load(pt_dataset_t *dataset, const pt__loader_options_t *options, const pt__cursor_t *start,
                 sequence_t *sequence)
{
    pt__loader_t *loader;
    ck_ok(pt__loader_create(dataset, wants, 3, options, start, &loader));
    take(loader, sequence);
    pt__loader_free(loader);
}

static void same_from(const sequence_t *whole, int64_t first, const sequence_t *part)
{
    ck_assert_int_eq(part->count, whole->count - first);
    ck_assert_int_eq(part->status, whole->status);
    ck_assert_mem_eq(part->index, whole->index + first, (size_t)part->count * sizeof part->index[0]);
    ck_assert_mem_eq(part->flags, whole->flags + first, (size_t)part->count * sizeof part->flags[0]);
    ck_assert_mem_eq(part->bits, whole->bits + first, (size_t)part->count * sizeof part->bits[0]);
}

static sequence_t whole, part;

/* ---- The property: however it is cut ---- */

static int64_t most_rows(int64_t tokens, int64_t frames)
{
    return tokens > frames ? tokens : frames;
}

/* Every micro-batch and every batch is as long as it may be, and no longer. */
static void check_cuts(const pt__loader_options_t *options, int64_t used)
{
    int64_t micro = 0, batch = 0, tokens = 0, frames = 0, batch_tokens = 0, batch_frames = 0;
    int64_t micro_rows = options->micro_rows > 0 ? options->micro_rows : options->batch_rows;
    for (int64_t i = 0; i < whole.count; i++) {
        int64_t index = whole.index[i];
        micro++, batch++;
        tokens += rows_of(index), frames += frames_of(index);
        batch_tokens += rows_of(index), batch_frames += frames_of(index);
        if (!(whole.flags[i] & 1))
            continue;
        ck_assert(options->micro_batch == 0 || micro <= options->micro_batch);
        ck_assert(micro_rows == 0 || most_rows(tokens, frames) <= micro_rows);
        ck_assert(options->batch == 0 || batch <= options->batch);
        ck_assert(options->batch_rows == 0 || most_rows(batch_tokens, batch_frames) <= options->batch_rows);
        ck_assert_int_eq((whole.flags[i] & 4) != 0, i % used == used - 1);
        if (!(whole.flags[i] & 4)) {
            int64_t after = whole.index[i + 1];
            int32_t batch_is_full = (options->batch > 0 && batch == options->batch) ||
                                    (options->batch_rows > 0 && most_rows(batch_tokens + rows_of(after),
                                                                          batch_frames + frames_of(after)) >
                                                                    options->batch_rows);
            ck_assert_int_eq((whole.flags[i] & 2) != 0, batch_is_full);
            ck_assert(batch_is_full || (options->micro_batch > 0 && micro == options->micro_batch) ||
                      most_rows(tokens + rows_of(after), frames + frames_of(after)) > micro_rows);
        }
        micro = tokens = frames = 0;
        if (whole.flags[i] & 2)
            batch = batch_tokens = batch_frames = 0;
    }
}

/* Each sample in each epoch once, but those that a partial batch leaves out; and the same from every border of a batch,
 * on any threads. */
static void check_all(pt_dataset_t *dataset, pt__loader_options_t options, int32_t threads)
{
    int64_t used = options.drop_partial ? LENGTH - LENGTH % options.batch : LENGTH;
    load(dataset, &options, &(const pt__cursor_t){.seed = 3}, &whole);
    ck_assert_int_eq(whole.status, PT_END);
    ck_assert_int_eq(whole.epochs, options.epochs);
    ck_assert_int_eq(whole.count, options.epochs * used);
    check_cuts(&options, used);
    for (int64_t epoch = 0; epoch < options.epochs; epoch++) {
        char seen[LENGTH] = {0};
        for (int64_t i = epoch * used; i < (epoch + 1) * used; i++) {
            ck_assert(!seen[whole.index[i]]);
            seen[whole.index[i]] = 1;
        }
    }
    for (int64_t i = 0; i < whole.count; i++) {
        if (!(whole.flags[i] & 2))
            continue;
        options.prefetch = threads > 0;
        options.producers = threads > 0 ? 1 + (int32_t)(i % threads) : 0;
        load(dataset, &options, &whole.after[i], &part);
        same_from(&whole, i + 1, &part);
    }
}

static pt_dataset_t *map_of(pt_context_t *context, host_t *host, uint32_t flags)
{
    pt_dataset_t *dataset;
    ck_ok(pt_dataset_create_map(context, fields, 3, LENGTH, flags, fetch, host, ended, &dataset));
    return dataset;
}

/* The same samples from arrays, whose lengths are known. */
static pt_dataset_t *arrays_of(pt_context_t *context)
{
    static int32_t text[LENGTH * LONGEST], numbers[LENGTH];
    static float sound[LENGTH * 4];
    static int64_t rows[LENGTH], frames[LENGTH];
    pt_array_t arrays[3] = {{fields[0], text, rows}, {fields[1], sound, frames}, {fields[2], numbers, NULL}};
    pt_field_t buffers[3] = {{.data = text, .lengths = rows}, {.data = sound, .lengths = frames}, {.data = numbers}};
    pt_batch_t batch = {.fields = buffers};
    pt_dataset_t *dataset;
    int32_t *at = text;
    float *at_frames = sound;
    for (int64_t i = 0; i < LENGTH; i++)
        write_sample(&batch, i, i, &at, &at_frames);
    ck_ok(pt_dataset_create_from_arrays(context, arrays, 3, LENGTH, 0, &dataset));
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

START_TEST(test_every_cut_gives_every_sample_once)
{
    pt_context_t *context = samples_context();
    host_t host = {.fail_at = -1, .length = LENGTH};
    pt_dataset_t *known = arrays_of(context), *map = map_of(context, &host, PT_DATASET_CONCURRENT), *stream;
    ck_ok(pt_dataset_create_stream(context, fields, 3, PT_DATASET_THREAD_SAFE, next, &host, ended, &stream));
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        pt__loader_options_t options = cuts[i];
        options.epochs = 2;
        for (int variant = 0; variant < 4; variant++) {
            options.in_order = variant & 1;
            options.drop_partial = variant >> 1;
            if (options.drop_partial && options.batch_rows > 0)
                continue;
            check_all(known, options, 2);
            check_all(map, options, 4);
            options.in_order = 1;
            check_all(stream, options, 3);
        }
        for (options.bucket = 1; options.bucket < 3 * LENGTH; options.bucket *= 5) {
            options.in_order = options.drop_partial = 0;
            check_all(known, options, 2);
            for (int64_t k = 1; k < whole.count; k++) { /* within a bucket longer ones come later */
                int64_t last = whole.index[k - 1], now = whole.index[k];
                if (k % LENGTH % options.bucket != 0 && k % LENGTH != 0)
                    ck_assert_int_le(most_rows(rows_of(last), frames_of(last)),
                                     most_rows(rows_of(now), frames_of(now)));
            }
        }
    }
    pt_dataset_free(known);
    pt_dataset_free(map);
    pt_dataset_free(stream);
    ck_assert_int_eq(host.destroyed, 2);
    pt_context_free(context);
}
END_TEST

START_TEST(test_buckets_save_nothing_but_order)
{
    pt_context_t *context = samples_context();
    pt_dataset_t *known = arrays_of(context), *view;
    pt__loader_options_t options = {.batch = 8, .micro_batch = 8, .epochs = 1, .drop_partial = 1};
    char used[LENGTH] = {0};
    ck_ok(pt_dataset_shuffle(known, 4, &view));
    load(view, &options, &(const pt__cursor_t){.seed = 3}, &whole);
    options.bucket = 20;
    load(view, &options, &(const pt__cursor_t){.seed = 3}, &part);
    ck_assert_int_eq(whole.count, part.count);
    for (int64_t i = 0; i < whole.count; i++)
        used[whole.index[i]] = 1;
    for (int64_t i = 0; i < part.count; i++)
        ck_assert(used[part.index[i]]); /* what a partial batch leaves out is the same */
    ck_assert_mem_ne(whole.index, part.index, (size_t)part.count * sizeof part.index[0]);
    pt_dataset_free(view);
    pt_dataset_free(known);
    pt_context_free(context);
}
END_TEST

START_TEST(test_options_that_contradict_each_other)
{
    pt_context_t *context = samples_context();
    host_t host = {.fail_at = -1, .length = LENGTH};
    pt_dataset_t *known = arrays_of(context), *map = map_of(context, &host, 0), *stream;
    ck_ok(pt_dataset_create_stream(context, fields, 3, 0, next, &host, ended, &stream));
    pt__loader_t *loader;
    pt__loaded_t loaded;
    const struct {
        pt_dataset_t *dataset;
        pt__loader_options_t options;
        int32_t n_wants;
        pt_status_t status;
        const char *part;
    } cases[] = {
        {known, {.batch_rows = -1, .batch = 1, .micro_batch = 1}, 3, PT_ERR_ARGUMENT, "-1"},
        {known, {.batch_rows = 10, .micro_rows = 11}, 3, PT_ERR_ARGUMENT, "11 rows in batches of 10"},
        {known, {.micro_rows = 11}, 3, PT_ERR_ARGUMENT, "batches of 0"},
        {known, {.batch_rows = 10, .batch = 3, .micro_batch = 4}, 3, PT_ERR_ARGUMENT, "4 samples in batches of 3"},
        {known, {.batch_rows = 10, .drop_partial = 1}, 3, PT_ERR_ARGUMENT, "never full"},
        {known, {.batch_rows = 10}, 1, PT_ERR_ARGUMENT, "reads none"},
        {known, {.batch_rows = 10, .bucket = 5}, 1, PT_ERR_ARGUMENT, "reads none"},
        {known, {.batch = 5, .micro_batch = 5, .bucket = 5}, 1, PT_ERR_ARGUMENT, "no ragged field"},
        {known, {.batch = 5, .micro_batch = 5, .bucket = -5}, 3, PT_ERR_ARGUMENT, "-5"},
        {known, {.batch = 5, .micro_batch = 5, .bucket = 5, .in_order = 1}, 3, PT_ERR_ARGUMENT, "order"},
        {map, {.batch = 5, .micro_batch = 5, .bucket = 5}, 3, PT_ERR_UNSUPPORTED, "lengths of field \"text\""},
        {stream, {.batch = 5, .micro_batch = 5, .bucket = 5}, 3, PT_ERR_UNSUPPORTED, "lengths of field \"text\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        ck_fails(pt__loader_create(cases[i].dataset, wants, cases[i].n_wants, &cases[i].options, NULL, &loader),
                 cases[i].status, cases[i].part);
    pt_dataset_t *all[] = {known, map, stream};
    for (int i = 0; i < 3; i++) { /* sample 5 has 9 rows; what comes before it is given */
        pt__loader_options_t options = {.batch_rows = 8, .in_order = 1};
        int64_t samples = 0;
        pt_status_t status;
        ck_ok(pt__loader_create(all[i], wants, 3, &options, NULL, &loader));
        while ((status = pt__loader_next(loader, &loaded)) == PT_OK)
            samples += loaded.rows.count[PT__DIMENSION_BATCH];
        ck_assert_int_eq(samples, 5);
        ck_fails(status, PT_ERR_SHAPE, "sample 5, field \"text\": 9 rows are more than a micro-batch may have, 8");
        ck_fails(pt__loader_next(loader, &loaded), PT_ERR_SHAPE, "sample 5"); /* it stays so */
        pt__loader_free(loader);
    }
    pt_dataset_free(known);
    pt_dataset_free(map);
    pt_dataset_free(stream);
    pt_context_free(context);
}
END_TEST

/* ---- Maps ---- */

static const pt_field_spec_t made_fields[3] = {
    {.name = "index", .dtype = PT_INT64},
    {.name = "text", .dtype = PT_INT32, .rank = 1, .shape = {PT_DIM_TOKENS}, .max_length = LONGEST + 1},
    {.name = "frames", .dtype = PT_FLOAT32, .rank = 1, .shape = {PT_DIM_TOKENS}, .max_length = 4},
};

/* Each row of "text" becomes a number from its key; the key itself is one row more. Frames stay. */
static void make(void *user, pt_batch_t *batch)
{
    host_t *host = user;
    const int32_t *text = batch->inputs[0].data, *index = batch->inputs[2].data;
    int64_t *made_index = batch->fields[0].data;
    int32_t *made = batch->fields[1].data;
    come(host);
    if (batch->n_inputs != 3 || batch->inputs[0].lengths == NULL || batch->inputs[2].capacity != batch->capacity)
        return;
    memcpy(batch->fields[2].data, batch->inputs[1].data, (size_t)batch->inputs[1].capacity * sizeof(float));
    for (batch->filled = 0; batch->filled < batch->capacity; batch->filled++) {
        int64_t i = batch->filled, rows = batch->inputs[0].lengths[i];
        if (index[i] == atomic_load(&host->fail_at))
            break;
        made_index[i] = index[i];
        for (int64_t r = 0; r < rows; r++)
            *made++ = (int32_t)((uint64_t)(*text++) ^ batch->keys[i] >> 40);
        *made++ = (int32_t)(batch->keys[i] & 0x7fffffff);
        batch->fields[1].lengths[i] = rows + 1;
        batch->fields[2].lengths[i] = batch->inputs[1].lengths[i];
    }
    if (batch->filled == batch->capacity)
        batch->status = PT_OK;
    go(host);
}

START_TEST(test_maps_do_not_depend_on_producers)
{
    pt_context_t *context = samples_context();
    host_t host = {.fail_at = -1, .length = LENGTH}, maker = {.fail_at = -1};
    pt_dataset_t *known = arrays_of(context), *map = map_of(context, &host, PT_DATASET_THREAD_SAFE), *stream;
    ck_ok(pt_dataset_create_stream(context, fields, 3, PT_DATASET_THREAD_SAFE, next, &host, ended, &stream));
    pt_dataset_t *origins[] = {known, map, stream};
    static sequence_t first;
    for (int i = 0; i < 3; i++) {
        pt_dataset_t *made, *view = NULL;
        ck_ok(pt_dataset_map(origins[i], made_fields, 3, PT_DATASET_CONCURRENT, make, &maker, ended, &made));
        if (i < 2) {
            ck_ok(pt_dataset_shuffle(made, 8, &view));
            ck_assert_int_eq(pt_dataset_length(made), LENGTH);
        }
        for (int cut = 0; cut < 4; cut++) {
            pt__loader_options_t options = cuts[cut];
            options.epochs = 2;
            options.in_order = i == 2;
            if (options.batch_rows == 9)
                options.batch_rows = 10; /* the longest has one more */
            load(view != NULL ? view : made, &options, &(const pt__cursor_t){.seed = 11}, &whole);
            ck_assert_int_eq(whole.count, 2 * LENGTH);
            if (cut == 0)
                first = whole;
            ck_assert_mem_eq(whole.index, first.index, sizeof whole.index);
            ck_assert_mem_eq(whole.bits, first.bits, sizeof whole.bits); /* the keys are the samples' own */
            options.prefetch = 1;
            for (options.producers = 1; options.producers <= 4; options.producers++) {
                load(view != NULL ? view : made, &options, &(const pt__cursor_t){.seed = 11}, &part);
                same_from(&whole, 0, &part);
            }
            load(view != NULL ? view : made, &options, &(const pt__cursor_t){.seed = 12}, &part);
            ck_assert_mem_ne(part.bits, whole.bits, sizeof part.bits);
        }
        int64_t differing = 0;
        for (int64_t k = 0; k < LENGTH; k++)
            for (int64_t l = LENGTH; l < 2 * LENGTH; l++)
                differing += first.index[k] == first.index[l] && first.bits[k] != first.bits[l];
        ck_assert_int_eq(differing, LENGTH); /* each epoch has keys of its own */
        pt_dataset_free(view);
        pt_dataset_free(made);
    }
    ck_assert_int_eq(maker.destroyed, 3);
    pt_dataset_free(known);
    pt_dataset_free(map);
    pt_dataset_free(stream);
    pt_context_free(context);
}
END_TEST

/* Adds up what it is handed; tells how a chain of maps sees its samples. */
static void pass_on(void *user, pt_batch_t *batch)
{
    uint64_t *keys = user;
    const int64_t *index = batch->inputs[0].data;
    for (int64_t i = 0; i < batch->capacity; i++) {
        keys[index[i]] = batch->keys[i];
        ((int32_t *)batch->fields[0].data)[i] = (int32_t)index[i];
    }
    batch->filled = batch->capacity;
    batch->status = PT_OK;
}

static void double_up(void *user, pt_batch_t *batch)
{
    uint64_t *keys = user;
    const int32_t *index = batch->inputs[0].data;
    for (int64_t i = 0; i < batch->capacity; i++) {
        keys[index[i]] = batch->keys[i];
        ((int64_t *)batch->fields[0].data)[i] = index[i];
    }
    batch->filled = batch->capacity;
    batch->status = PT_OK;
}

START_TEST(test_maps_of_views_of_maps)
{
    pt_context_t *context = samples_context();
    uint64_t lower[LENGTH] = {0}, upper[LENGTH] = {0};
    int64_t index[3] = {0, 5, 9}, values[3], elements;
    pt_dataset_t *known = arrays_of(context), *low, *view, *high;
    const pt_field_spec_t narrow = {.name = "index", .dtype = PT_INT32}, wide = {.name = "index", .dtype = PT_INT64};
    host_t maker = {.fail_at = -1};
    pt_dataset_t *first;
    ck_ok(pt_dataset_map(known, made_fields, 3, 0, make, &maker, NULL, &first));
    ck_ok(pt_dataset_map(first, &narrow, 1, 0, pass_on, lower, NULL, &low));
    ck_ok(pt_dataset_subset(low, 20, 30, &view));
    ck_ok(pt_dataset_map(view, &wide, 1, 0, double_up, upper, NULL, &high));
    pt_dataset_free(known);
    pt_dataset_free(first);
    pt_dataset_free(low);
    pt_dataset_free(view);
    ck_ok(pt_dataset_read(high, index, 3, "index", values, 3, &elements, NULL));
    ck_assert(elements == 3 && values[0] == 20 && values[1] == 25 && values[2] == 29);
    for (int i = 0; i < 3; i++) /* the maps of a chain draw independently */
        ck_assert(lower[values[i]] != 0 && upper[values[i]] != 0 && lower[values[i]] != upper[values[i]]);
    ck_assert(lower[20] != lower[25] && upper[20] != upper[25]);
    uint64_t again = upper[25];
    ck_ok(pt_dataset_read(high, index + 1, 1, "index", values, 3, &elements, NULL));
    ck_assert(upper[25] == again);
    pt_dataset_free(high);
    pt_context_free(context);
}
END_TEST

START_TEST(test_threads_that_a_dataset_allows)
{
    pt_context_t *context = samples_context();
    const struct {
        uint32_t fetch, make;
        int32_t most_fetch, most_make;
    } cases[] = {
        {0, 0, 1, 1},
        {0, PT_DATASET_CONCURRENT, 1, 1}, /* the caller's thread, for both */
        {PT_DATASET_THREAD_SAFE, PT_DATASET_THREAD_SAFE, 1, 1},
        {PT_DATASET_THREAD_SAFE, PT_DATASET_CONCURRENT, 1, 4},
        {PT_DATASET_CONCURRENT, PT_DATASET_THREAD_SAFE, 4, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        host_t host = {.fail_at = -1, .slow = 1}, maker = {.fail_at = -1, .slow = 1};
        pt_dataset_t *dataset = map_of(context, &host, cases[i].fetch), *made;
        pt__loader_options_t options = {.batch = 3, .micro_batch = 3, .epochs = 2, .prefetch = 1, .producers = 4};
        ck_ok(pt_dataset_map(dataset, made_fields, 3, cases[i].make, make, &maker, NULL, &made));
        load(made, &options, &(const pt__cursor_t){.seed = 11}, &part);
        ck_assert_int_eq(part.count, 2 * LENGTH);
        ck_assert(host.most_now <= cases[i].most_fetch && maker.most_now <= cases[i].most_make);
        ck_assert_int_eq(host.most_now + maker.most_now > 2, cases[i].most_fetch + cases[i].most_make > 2);
        ck_assert_int_eq(host.calls, 2 * ((LENGTH + 2) / 3));
        pt_dataset_free(made);
        pt_dataset_free(dataset);
    }
    pt_context_free(context);
}
END_TEST

START_TEST(test_failures_come_in_their_place)
{
    pt_context_t *context = samples_context();
    for (int32_t producers = 0; producers <= 4; producers++) {
        for (int in_map = 0; in_map < 2; in_map++) {
            host_t host = {.fail_at = in_map ? -1 : 37, .slow = producers == 3};
            host_t maker = {.fail_at = in_map ? 37 : -1, .slow = producers == 3};
            pt_dataset_t *dataset = map_of(context, &host, PT_DATASET_CONCURRENT), *made;
            ck_ok(pt_dataset_map(dataset, made_fields, 3, PT_DATASET_CONCURRENT, make, &maker, NULL, &made));
            for (int by_rows = 0; by_rows < 2; by_rows++) {
                pt__loader_options_t options = {
                    .batch = 4, .micro_batch = 4, .in_order = 1, .prefetch = producers > 0, .producers = producers};
                pt__loader_t *loader;
                pt__loaded_t loaded;
                int64_t samples = 0;
                pt_status_t status;
                options.micro_rows = by_rows ? 40 : 0;
                ck_ok(pt__loader_create(made, wants, 3, &options, NULL, &loader));
                while ((status = pt__loader_next(loader, &loaded)) == PT_OK)
                    samples += loaded.rows.count[PT__DIMENSION_BATCH];
                ck_assert_int_eq(samples, 36);
                ck_fails(status, PT_ERR_CALLBACK,
                         in_map ? "sample 37: the map's callback did not report" : "the dataset's callback did not");
                ck_assert_int_eq(pt__loader_cursor(loader).position, 36);
                ck_fails(pt__loader_next(loader, &loaded), PT_ERR_CALLBACK, "did not report");
                pt__loader_free(loader);
            }
            pt_dataset_free(made);
            pt_dataset_free(dataset);
        }
    }
    pt_context_free(context);
}
END_TEST

START_TEST(test_freed_at_any_moment)
{
    pt_context_t *context = samples_context();
    for (int i = 0; i < 120; i++) {
        host_t host = {.fail_at = i % 7 == 0 ? 13 : -1, .slow = i % 3 == 0};
        host_t maker = {.fail_at = -1, .slow = i % 4 == 0};
        pt_dataset_t *dataset = map_of(context, &host, PT_DATASET_CONCURRENT), *made;
        pt__loader_options_t options = {.batch = 5, .micro_batch = 2, .prefetch = 1, .producers = 1 + i % 4};
        pt__loader_t *loader;
        pt__loaded_t loaded;
        if (i % 5 == 0)
            options = (pt__loader_options_t){.batch_rows = 30, .prefetch = 1, .producers = 1 + i % 4};
        ck_ok(pt_dataset_map(dataset, made_fields, 3, PT_DATASET_CONCURRENT, make, &maker, ended, &made));
        ck_ok(pt__loader_create(made, wants, 3, &options, NULL, &loader));
        for (int k = 0; k < i % 6; k++)
            if (pt__loader_next(loader, &loaded) != PT_OK)
                break;
        pt_dataset_free(made);
        pt_dataset_free(dataset);
        ck_assert_int_eq(host.destroyed + maker.destroyed, 0);
        pt__loader_free(loader);
        ck_assert_int_eq(host.destroyed + maker.destroyed, 2);
    }
    for (int32_t producers = 0; producers < 3; producers++) { /* by the callback itself */
        host_t host = {.fail_at = -1}, maker = {.fail_at = -1};
        pt_dataset_t *dataset = map_of(context, &host, PT_DATASET_THREAD_SAFE), *made;
        pt__loader_options_t options = {
            .batch = 5, .micro_batch = 2, .epochs = 1, .prefetch = producers > 0, .producers = producers};
        pt__loader_t *loader;
        ck_ok(pt_dataset_map(dataset, made_fields, 3, PT_DATASET_THREAD_SAFE, make, &maker, ended, &made));
        host.own = dataset;
        maker.own = made;
        ck_ok(pt__loader_create(made, wants, 3, &options, NULL, &loader));
        take(loader, &part);
        ck_assert_int_eq(part.count, LENGTH);
        pt__loader_free(loader);
        ck_assert_int_eq(host.destroyed + maker.destroyed, 2);
    }
    pt_context_free(context);
}
END_TEST

static void from_within(void *user, pt_batch_t *batch)
{
    samples_t *samples = user;
    int64_t index = 0, elements;
    int32_t value;
    samples->again_status = pt_dataset_read(samples->again, &index, 1, "index", &value, 1, &elements, NULL);
    memcpy(batch->fields[0].data, batch->inputs[2].data, (size_t)batch->capacity * sizeof(int32_t));
    batch->filled = batch->capacity;
    batch->status = PT_OK;
}

START_TEST(test_what_a_map_may_not_do)
{
    pt_context_t *context = samples_context();
    pt_dataset_t *known = arrays_of(context), *made = (pt_dataset_t *)context;
    int64_t index = 3, elements;
    int32_t value;
    samples_t samples = {0};
    ck_fails(pt_dataset_map(NULL, fields, 3, 0, make, NULL, NULL, &made), PT_ERR_ARGUMENT, "dataset");
    ck_assert_ptr_null(made);
    ck_fails(pt_dataset_map(known, NULL, 3, 0, make, NULL, NULL, &made), PT_ERR_ARGUMENT, "fields");
    ck_fails(pt_dataset_map(known, fields, 0, 0, make, NULL, NULL, &made), PT_ERR_ARGUMENT, "n_fields");
    ck_fails(pt_dataset_map(known, fields, 3, 0, NULL, NULL, NULL, &made), PT_ERR_ARGUMENT, "map");
    ck_fails(pt_dataset_map(known, fields, 3, 2, make, NULL, NULL, &made), PT_ERR_ARGUMENT, "flags");
    ck_fails(pt_dataset_map(known, fields, 3, 0, make, NULL, NULL, NULL), PT_ERR_ARGUMENT, "out");
    for (uint32_t flags = 0; flags <= PT_DATASET_CONCURRENT; flags += PT_DATASET_CONCURRENT) { /* back into itself */
        ck_ok(pt_dataset_map(known, &fields[2], 1, flags, from_within, &samples, NULL, &made));
        samples.again = made;
        ck_ok(pt_dataset_read(made, &index, 1, "index", &value, 1, &elements, NULL));
        ck_assert_int_eq(samples.again_status, PT_ERR_BUSY);
        ck_assert_int_eq(value, 3);
        samples.again = known; /* another dataset it may read */
        ck_ok(pt_dataset_read(made, &index, 1, "index", &value, 1, &elements, NULL));
        ck_assert_int_eq(samples.again_status, PT_OK);
        pt_dataset_free(made);
    }
    pt_dataset_free(known);
    pt_context_free(context);
}
END_TEST

static pt_status_t load_all(failing_allocator_t *allocator)
{
    pt_context_t *context = NULL;
    pt_dataset_t *dataset = NULL, *made = NULL;
    pt__loader_t *loader = NULL;
    pt__loaded_t loaded;
    host_t host = {.fail_at = -1}, maker = {.fail_at = -1};
    pt__loader_options_t options = {.batch_rows = 40, .micro_rows = 20, .prefetch = 1, .producers = 2};
    pt_status_t status = samples_failing_context(allocator, &context);
    if (status == PT_OK)
        status = pt_dataset_create_map(context, fields, 3, LENGTH, PT_DATASET_CONCURRENT, fetch, &host, NULL, &dataset);
    if (status == PT_OK)
        status = pt_dataset_map(dataset, made_fields, 3, PT_DATASET_CONCURRENT, make, &maker, NULL, &made);
    if (status == PT_OK)
        status = pt__loader_create(made, wants, 3, &options, NULL, &loader);
    for (int i = 0; status == PT_OK && i < 20; i++)
        status = pt__loader_next(loader, &loaded);
    pt__loader_free(loader);
    pt_dataset_free(made);
    pt_dataset_free(dataset);
    pt_context_free(context);
    return status;
}

static pt_status_t sort_all(failing_allocator_t *allocator)
{
    pt_context_t *context = NULL;
    pt_dataset_t *dataset = NULL;
    pt__loader_t *loader = NULL;
    pt__loaded_t loaded;
    static const int64_t lengths[4] = {3, 1, 2, 2};
    static const int32_t text[8];
    const pt_array_t array = {fields[0], text, lengths};
    pt__loader_options_t options = {.batch = 2, .micro_batch = 2, .bucket = 4};
    pt_status_t status = samples_failing_context(allocator, &context);
    if (status == PT_OK)
        status = pt_dataset_create_from_arrays(context, &array, 1, 4, 0, &dataset);
    if (status == PT_OK)
        status = pt__loader_create(dataset, &wants[1], 1, &options, NULL, &loader);
    for (int i = 0; status == PT_OK && i < 5; i++)
        status = pt__loader_next(loader, &loaded);
    pt__loader_free(loader);
    pt_dataset_free(dataset);
    pt_context_free(context);
    return status;
}

START_TEST(test_every_allocation_may_fail)
{
    failing_allocator_t allocator;
    pt_status_t status;
    FOR_EACH_FAILING_ALLOCATION(allocator, status = load_all(&allocator), status);
    FOR_EACH_FAILING_ALLOCATION(allocator, status = sort_all(&allocator), status);
}
END_TEST

SUITE("ring", 240, test_every_cut_gives_every_sample_once, test_buckets_save_nothing_but_order,
      test_options_that_contradict_each_other, test_maps_do_not_depend_on_producers, test_maps_of_views_of_maps,
      test_threads_that_a_dataset_allows, test_failures_come_in_their_place, test_freed_at_any_moment,
      test_what_a_map_may_not_do, test_every_allocation_may_fail)
