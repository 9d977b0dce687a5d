/* Order, batches, resume, prefetch, streams, conversions, checks, and everything a callback can do wrong: long, as
 * each of these meets the same datasets. */
#include <math.h>
#include <string.h>

#include "data/data.h"
#include "support/samples.h"
#include "support/views.h"

enum { MOST = 4096 };

static const pt__request_t requests[2] = {
    {.name = "x", .dtype = PT_FLOAT32, .rank = 1, .shape = {SAMPLES_WIDTH}},
    {.name = "y", .dtype = PT_INT32, .index_limit = 100000, .index_ignore = INT32_MIN},
};

typedef struct sequence { /* what a loader gave */
    int64_t count, batches, epochs;
    int64_t index[MOST];
    int32_t flags[MOST]; /* of the micro-batch that the sample ends: 1 micro, 2 batch, 4 epoch */
    pt__cursor_t after[MOST];
    pt_status_t status;
} sequence_t;

static void take(pt__loader_t *loader, sequence_t *sequence)
{
    pt__loaded_t loaded;
    memset(sequence, 0, sizeof *sequence);
    while ((sequence->status = pt__loader_next(loader, &loaded)) == PT_OK &&
           sequence->count + loaded.rows.count[PT__DIMENSION_BATCH] <= MOST) {
        const float *x = loaded.data[0];
        const int32_t *y = loaded.data[1];
        ck_assert_int_ge(loaded.rows.count[PT__DIMENSION_BATCH], 1);
        for (int64_t i = 0; i < loaded.rows.count[PT__DIMENSION_BATCH]; i++) {
            for (int k = 0; k < SAMPLES_WIDTH; k++)
                ck_assert(x[i * SAMPLES_WIDTH + k] == (float)y[i] + 0.25F * (float)k);
            sequence->index[sequence->count++] = y[i];
        }
        int64_t last = sequence->count - 1;
        sequence->flags[last] = 1 + 2 * loaded.last_of_batch + 4 * loaded.last_of_epoch;
        sequence->after[last] = pt__loader_cursor(loader);
        sequence->batches += loaded.last_of_batch;
        sequence->epochs += loaded.last_of_epoch;
    }
}

static void load(pt_dataset_t *dataset, pt__loader_options_t options, pt__cursor_t start, sequence_t *sequence)
{
    pt__loader_t *loader;
    ck_ok(pt__loader_create(dataset, requests, 2, &options, &start, &loader));
    ck_assert_int_eq(pt__loader_capacity(loader).count[PT__DIMENSION_TOKENS], 0);
    ck_assert_int_gt(pt__loader_bytes(loader), options.micro_batch * 16);
    take(loader, sequence);
    pt__loader_free(loader);
}

static void same(const sequence_t *a, const sequence_t *b)
{
    ck_assert_int_eq(a->count, b->count);
    ck_assert_int_eq(a->status, b->status);
    ck_assert_mem_eq(a->index, b->index, (size_t)a->count * sizeof a->index[0]);
    ck_assert_mem_eq(a->flags, b->flags, (size_t)a->count * sizeof a->flags[0]);
}

static pt_dataset_t *map_of(pt_context_t *context, samples_t *samples, int64_t length, uint32_t flags)
{
    pt_dataset_t *dataset;
    ck_ok(pt_dataset_create_map(context, samples_fields, SAMPLES_FIELDS, sizeof(pt_field_spec_t), length, flags,
                                samples_fetch, samples, samples_destroy, &dataset));
    return dataset;
}

static pt_dataset_t *stream_of(pt_context_t *context, samples_t *samples, uint32_t flags)
{
    pt_dataset_t *dataset;
    ck_ok(pt_dataset_create_stream(context, samples_fields, SAMPLES_FIELDS, sizeof(pt_field_spec_t), flags,
                                   samples_next, samples, samples_destroy, &dataset));
    return dataset;
}

static sequence_t one, two;

START_TEST(test_epochs_are_permutations)
{
    pt_context_t *context = samples_context();
    for (int64_t n = 1; n <= 200; n += n < 70 ? 1 : 13) {
        samples_t samples = {0};
        pt_dataset_t *dataset = map_of(context, &samples, n, 0);
        load(dataset, (pt__loader_options_t){.batch = 7, .micro_batch = 3, .epochs = 3}, (pt__cursor_t){.seed = 5},
             &one);
        ck_assert_int_eq(one.status, PT_END);
        ck_assert_int_eq(one.count, 3 * n);
        ck_assert_int_eq(one.epochs, 3);
        ck_assert_int_eq(one.batches, 3 * ((n + 6) / 7));
        for (int64_t epoch = 0; epoch < 3; epoch++) {
            char seen[MOST] = {0};
            for (int64_t i = epoch * n; i < (epoch + 1) * n; i++) {
                ck_assert(one.index[i] >= 0 && one.index[i] < n && !seen[one.index[i]]);
                seen[one.index[i]] = 1;
                ck_assert_int_eq((one.flags[i] & 4) != 0, i % n == n - 1);
                ck_assert_int_eq((one.flags[i] & 2) != 0, i % n == n - 1 || i % n % 7 == 6);
                ck_assert_int_eq((one.flags[i] & 1) != 0, i % n == n - 1 || i % n % 7 % 3 == 2 || i % n % 7 == 6);
            }
        }
        if (n > 20)
            ck_assert_mem_ne(one.index, one.index + n, (size_t)n * sizeof one.index[0]);
        load(dataset, (pt__loader_options_t){.batch = 5, .micro_batch = 5, .epochs = 3}, (pt__cursor_t){.seed = 5},
             &two);
        ck_assert_mem_eq(one.index, two.index,
                         (size_t)(3 * n) * sizeof one.index[0]); /* the order is not the batch's affair */
        load(dataset, (pt__loader_options_t){.batch = 7, .micro_batch = 3, .epochs = 3, .in_order = 1},
             (pt__cursor_t){.seed = 5}, &two);
        for (int64_t i = 0; i < 3 * n; i++)
            ck_assert_int_eq(two.index[i], i % n);
        load(dataset, (pt__loader_options_t){.batch = 7, .micro_batch = 3, .epochs = 2, .drop_partial = 1},
             (pt__cursor_t){.seed = 5}, &two);
        ck_assert_int_eq(two.count, 2 * (n - n % 7));
        ck_assert_int_eq(two.epochs, n < 7 ? 0 : 2);
        pt_dataset_free(dataset);
        ck_assert_int_eq(samples.destroyed, 1);
    }
    pt_context_free(context);
}
END_TEST

/* From every place where a micro-batch ends, a new loader gives the rest. */
static void resume_everywhere(pt_dataset_t *dataset, pt__loader_options_t options)
{
    load(dataset, options, (pt__cursor_t){.seed = 9}, &one);
    ck_assert_int_eq(one.status, PT_END);
    for (int64_t i = 0; i < one.count; i++) {
        if (!one.flags[i])
            continue;
        load(dataset, options, one.after[i], &two);
        ck_assert_int_eq(two.count, one.count - i - 1);
        ck_assert_mem_eq(two.index, one.index + i + 1, (size_t)two.count * sizeof two.index[0]);
        ck_assert_mem_eq(two.flags, one.flags + i + 1, (size_t)two.count * sizeof two.flags[0]);
    }
}

START_TEST(test_resume_from_any_cursor)
{
    pt_context_t *context = samples_context();
    samples_t samples = {.length = 23}, late = {.length = 21, .late_end = 1, .at_most = 2};
    pt_dataset_t *map = map_of(context, &samples, 23, PT_DATASET_THREAD_SAFE),
                 *stream = stream_of(context, &samples, 0), *other = stream_of(context, &late, PT_DATASET_THREAD_SAFE);
    for (int variant = 0; variant < 8; variant++) {
        pt__loader_options_t options = {.batch = 6,
                                        .micro_batch = 4,
                                        .epochs = 3,
                                        .in_order = variant & 1,
                                        .drop_partial = variant >> 1 & 1,
                                        .prefetch = variant >> 2};
        resume_everywhere(map, options);
        resume_everywhere(stream, options);
        resume_everywhere(other, options);
    }
    pt_dataset_free(map);
    pt_dataset_free(stream);
    pt_dataset_free(other);
    pt_context_free(context);
}
END_TEST

START_TEST(test_prefetch_changes_nothing)
{
    pt_context_t *context = samples_context();
    samples_t samples = {.length = 31};
    pt_dataset_t *map = map_of(context, &samples, 31, PT_DATASET_THREAD_SAFE),
                 *stream = stream_of(context, &samples, PT_DATASET_THREAD_SAFE), *view;
    ck_ok(pt_dataset_shuffle(map, 3, &view));
    pt_dataset_t *all[] = {map, stream, view};
    for (int variant = 0; variant < 12; variant++) {
        pt__loader_options_t options = {
            .batch = 8, .micro_batch = 1 + variant % 4 * 2, .epochs = 4, .drop_partial = variant & 1};
        options.batch = options.micro_batch > 6 ? 9 : 8;
        for (int i = 0; i < 3; i++) {
            options.prefetch = 0;
            load(all[i], options, (pt__cursor_t){.seed = 1}, &one);
            options.prefetch = 1;
            load(all[i], options, (pt__cursor_t){.seed = 1}, &two);
            same(&one, &two);
            for (int64_t k = 0; k < one.count; k++)
                ck_assert_mem_eq(&one.after[k], &two.after[k], sizeof one.after[k]);
        }
    }
    for (int i = 0; i < 200; i++) { /* freed at any moment of a prefetch */
        pt__loader_t *loader;
        pt__loaded_t loaded;
        pt__loader_options_t options = {.batch = 8, .micro_batch = 4, .prefetch = 1};
        ck_ok(pt__loader_create(all[i % 3], requests, 2, &options, NULL, &loader));
        for (int k = 0; k < i % 5; k++)
            ck_ok(pt__loader_next(loader, &loaded));
        pt__loader_free(loader);
    }
    pt_dataset_free(map);
    pt_dataset_free(stream);
    pt_dataset_free(view);
    ck_assert_int_eq(samples.destroyed, 2);
    pt_context_free(context);
}
END_TEST

START_TEST(test_streams_end_in_every_way)
{
    pt_context_t *context = samples_context();
    for (int64_t n = 1; n <= 26; n++) {
        for (int variant = 0; variant < 12; variant++) {
            samples_t samples = {.length = n, .late_end = variant & 1, .at_most = variant / 2 % 3};
            pt_dataset_t *dataset = stream_of(context, &samples, variant >= 6 ? PT_DATASET_THREAD_SAFE : 0);
            pt__loader_options_t options = {.batch = 6, .micro_batch = 4, .epochs = 2, .prefetch = 1};
            load(dataset, options, (pt__cursor_t){0}, &one);
            ck_assert_int_eq(one.count, 2 * n);
            ck_assert_int_eq(one.epochs, 2);
            ck_assert_int_eq(one.batches, 2 * ((n + 5) / 6));
            for (int64_t i = 0; i < one.count; i++) {
                ck_assert_int_eq(one.index[i], i % n);
                ck_assert_int_eq((one.flags[i] & 4) != 0, i % n == n - 1);
                ck_assert_int_eq((one.flags[i] & 2) != 0, i % n == n - 1 || i % n % 6 == 5);
            }
            options.drop_partial = 1;
            load(dataset, options, (pt__cursor_t){0}, &two);
            ck_assert_int_eq(two.status, PT_END);
            ck_assert_int_eq(two.count, 2 * (n - n % 6));
            ck_assert_int_eq(two.epochs, n < 6 ? 0 : 2);
            for (int64_t i = 0; i < two.count; i++)
                ck_assert_int_eq((two.flags[i] & 4) != 0, i % (n - n % 6) == n - n % 6 - 1);
            pt_dataset_free(dataset);
        }
    }
    pt_context_free(context);
}
END_TEST

START_TEST(test_empty_streams_and_epochs_end_with_a_message)
{
    pt_context_t *context = samples_context();
    samples_t samples = {.length = 0}, few = {.length = 3};
    pt_dataset_t *stream = stream_of(context, &samples, 0), *map = map_of(context, &few, 3, 0),
                 *short_stream = stream_of(context, &few, 0);
    pt__loader_options_t options = {.batch = 4, .micro_batch = 4, .drop_partial = 1};
    pt__loader_t *loader;
    pt__loaded_t loaded;
    ck_ok(pt__loader_create(stream, requests, 2, &options, NULL, &loader));
    ck_fails(pt__loader_next(loader, &loaded), PT_END, "no sample");
    ck_fails(pt__loader_next(loader, &loaded), PT_END, "no sample"); /* it stays so */
    pt__loader_free(loader);
    ck_ok(pt__loader_create(map, requests, 2, &options, NULL, &loader));
    ck_fails(pt__loader_next(loader, &loaded), PT_END, "fewer than a batch");
    pt__loader_free(loader);
    ck_ok(pt__loader_create(short_stream, requests, 2, &options, NULL, &loader));
    ck_fails(pt__loader_next(loader, &loaded), PT_END, "less than a batch");
    pt__loader_free(loader);
    pt_dataset_free(stream);
    pt_dataset_free(map);
    pt_dataset_free(short_stream);
    pt_context_free(context);
}
END_TEST

/* The loader gives what came before the failing call, then the failure with this part in its message, and again. */
static void expect_failure(samples_t samples, int32_t is_stream, int32_t prefetch, const char *part)
{
    pt_context_t *context = samples_context();
    samples_t mine = samples;
    pt_dataset_t *dataset = is_stream ? stream_of(context, &mine, prefetch ? PT_DATASET_THREAD_SAFE : 0)
                                      : map_of(context, &mine, 40, prefetch ? PT_DATASET_THREAD_SAFE : 0);
    pt__loader_options_t options = {.batch = 8, .micro_batch = 4, .prefetch = 1};
    pt__loader_t *loader;
    pt__loaded_t loaded;
    ck_ok(pt__loader_create(dataset, requests, 2, &options, NULL, &loader));
    for (int64_t i = 1; i < samples.fail_at; i++) {
        ck_ok(pt__loader_next(loader, &loaded));
        ck_assert_int_eq(pt__loader_cursor(loader).position, 4 * i);
    }
    pt__error_clear();
    ck_fails(pt__loader_next(loader, &loaded), PT_ERR_CALLBACK, part);
    pt__error_clear();
    ck_fails(pt__loader_next(loader, &loaded), PT_ERR_CALLBACK, part);
    ck_assert_int_eq(pt__loader_cursor(loader).position, 4 * (samples.fail_at - 1));
    pt__loader_free(loader);
    pt_dataset_free(dataset);
    ck_assert_int_eq(mine.destroyed, 1);
    pt_context_free(context);
}

START_TEST(test_callbacks_that_misbehave)
{
    for (int64_t at = 1; at <= 5; at += 2) {
        for (int prefetch = 0; prefetch < 2; prefetch++) {
            for (int is_stream = 0; is_stream < 2; is_stream++) {
                samples_t base = {.length = 40, .fail_at = at};
                expect_failure(base, is_stream, prefetch, "4711"); /* status never written */
                samples_t reported = base;
                reported.write = 1;
                reported.status = PT_ERR_IO;
                expect_failure(reported, is_stream, prefetch, "PT_ERR_IO");
                reported.status = 12345;
                expect_failure(reported, is_stream, prefetch, "12345");
                samples_t more = base;
                more.write = 1;
                more.filled_more = 1;
                expect_failure(more, is_stream, prefetch, "filled 5");
                more.filled_more = INT64_MIN / 2;
                expect_failure(more, is_stream, prefetch, "expected");
            }
            samples_t less = {.fail_at = at, .write = 1, .filled_more = -1};
            expect_failure(less, 0, prefetch, "all 4");
            samples_t none = {.length = 40, .fail_at = at, .write = 1, .filled_more = -4};
            expect_failure(none, 1, prefetch, "PT_END ends a pass");
            samples_t ended = {.fail_at = at, .write = 1, .status = PT_END}; /* not for map style */
            expect_failure(ended, 0, prefetch, "PT_END");
        }
    }
}
END_TEST

START_TEST(test_calls_from_within_the_callback_are_refused)
{
    pt_context_t *context = samples_context();
    for (uint32_t flags = 0; flags <= PT_DATASET_THREAD_SAFE; flags++) {
        samples_t samples = {0};
        pt_dataset_t *dataset = map_of(context, &samples, 4, flags);
        samples.again = dataset;
        load(dataset, (pt__loader_options_t){.batch = 4, .micro_batch = 4, .epochs = 1, .prefetch = 1},
             (pt__cursor_t){0}, &one);
        ck_assert_int_eq(samples.again_status, PT_ERR_BUSY);
        ck_assert_int_eq(one.count, 4);
        pt_dataset_free(dataset);
    }
    pt_context_free(context);
}
END_TEST

START_TEST(test_fields_that_do_not_fit)
{
    pt_context_t *context = samples_context();
    samples_t samples = {0};
    pt_dataset_t *dataset = map_of(context, &samples, 4, 0);
    pt__loader_options_t options = {.batch = 4, .micro_batch = 4};
    pt__loader_t *loader = (pt__loader_t *)&options;
    const pt__request_t text[2] = {
        {.name = "tokens", .dtype = PT_INT32, .rank = 1, .dimension = PT__DIMENSION_TOKENS, .shape = {PT_DIM_TOKENS}},
        {.name = "label", .dtype = PT_INT32}};
    ck_fails(pt__loader_create(dataset, text, 2, &options, NULL, &loader), PT_ERR_SHAPE,
             "the network reads tokens int32[T], label int32; the dataset has x float32[3], y int32");
    ck_assert_ptr_null(loader);
    const pt__request_t wide = {.name = "x", .dtype = PT_FLOAT32, .rank = 2, .shape = {2, 3}};
    ck_fails(pt__loader_create(dataset, &wide, 1, &options, NULL, &loader), PT_ERR_SHAPE, "x float32[2,3]");
    const pt__request_t ragged = {
        .name = "y", .dtype = PT_INT32, .rank = 1, .dimension = PT__DIMENSION_TOKENS, .shape = {PT_DIM_TOKENS}};
    ck_fails(pt__loader_create(dataset, &ragged, 1, &options, NULL, &loader), PT_ERR_SHAPE, "another shape");
    const pt__request_t ones[2] = {{.name = "y", .dtype = PT_INT32, .rank = 1, .shape = {1}},
                                   {.name = "x", .dtype = PT_FLOAT32, .rank = 3, .shape = {1, 3, 1}}};
    ck_ok(pt__loader_create(dataset, ones, 2, &options, NULL, &loader));
    pt__loader_free(loader);
    const pt__loader_options_t bad[] = {{.batch = 0, .micro_batch = 0},
                                        {.batch = 4, .micro_batch = 5},
                                        {.batch = 4, .micro_batch = -1},
                                        {.batch = 4, .micro_batch = 4, .epochs = -1},
                                        {.batch = 4, .micro_batch = 4, .length_limit = {[PT__DIMENSION_TOKENS] = -1}}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_int_eq(pt__loader_create(dataset, requests, 2, &bad[i], NULL, &loader), PT_ERR_ARGUMENT);
    const pt__cursor_t starts[] = {{.epoch = -1}, {.position = -1}, {.position = 5}};
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++)
        ck_fails(pt__loader_create(dataset, requests, 2, &options, &starts[i], &loader), PT_ERR_ARGUMENT, "sample");
    pt_dataset_free(dataset);
    pt_context_free(context);
}
END_TEST

/* ---- Ragged fields ---- */

/* Sample i has 1 + i % 5 rows; row r of "text" is i + r, of "mask" r. */
typedef struct ragged {
    int64_t wrong_at, wrong_length; /* for "mask" where which is 1, else for both */
    int32_t which;
} ragged_t;

static void ragged_fetch(void *user, pt_batch_t *batch)
{
    ragged_t *ragged = user;
    int16_t *text = batch->fields[0].data;
    double *mask = batch->fields[1].data;
    for (int64_t i = 0; i < batch->capacity; i++) {
        int64_t length = 1 + batch->indices[i] % 5;
        for (int64_t r = 0; r < length; r++) {
            *text++ = (int16_t)(batch->indices[i] + r);
            *mask++ = (double)r;
        }
        batch->fields[0].lengths[i] = batch->fields[1].lengths[i] = length;
        if (batch->indices[i] == ragged->wrong_at) {
            batch->fields[1].lengths[i] = ragged->wrong_length;
            if (ragged->which == 0)
                batch->fields[0].lengths[i] = ragged->wrong_length;
        }
    }
    batch->filled = batch->capacity;
    batch->status = PT_OK;
}

static const pt_field_spec_t ragged_fields[2] = {
    {.name = "text", .dtype = PT_INT16, .rank = 1, .shape = {PT_DIM_TOKENS}, .max_length = 5},
    {.name = "mask", .dtype = PT_FLOAT64, .rank = 2, .shape = {PT_DIM_TOKENS, 1}, .max_length = 6},
};
static const pt__request_t ragged_requests[2] = {
    {.name = "mask", .dtype = PT_FLOAT32, .rank = 1, .dimension = PT__DIMENSION_TOKENS, .shape = {PT_DIM_TOKENS}},
    {.name = "text",
     .dtype = PT_INT32,
     .rank = 1,
     .dimension = PT__DIMENSION_TOKENS,
     .shape = {PT_DIM_TOKENS},
     .index_limit = 40,
     .index_ignore = INT32_MIN},
};

START_TEST(test_ragged_fields)
{
    pt_context_t *context = samples_context();
    ragged_t ragged = {.wrong_at = -1};
    pt_dataset_t *dataset;
    pt__loader_t *loader;
    pt__loaded_t loaded;
    pt__loader_options_t options = {.batch = 7, .micro_batch = 7, .epochs = 1, .in_order = 1};
    int64_t index = 0;
    ck_ok(pt_dataset_create_map(context, ragged_fields, 2, sizeof(pt_field_spec_t), 30, 0, ragged_fetch, &ragged, NULL,
                                &dataset));
    ck_ok(pt__loader_create(dataset, ragged_requests, 2, &options, NULL, &loader));
    ck_assert_int_eq(pt__loader_capacity(loader).count[PT__DIMENSION_TOKENS], 7 * 5); /* "text" is the shorter one */
    while (pt__loader_next(loader, &loaded) == PT_OK) {
        const float *mask = loaded.data[0];
        const int32_t *text = loaded.data[1];
        ck_assert_int_eq(loaded.offsets[PT__DIMENSION_TOKENS][0], 0);
        ck_assert_int_eq(loaded.rows.count[PT__DIMENSION_TOKENS],
                         loaded.offsets[PT__DIMENSION_TOKENS][loaded.rows.count[PT__DIMENSION_BATCH]]);
        for (int64_t i = 0; i < loaded.rows.count[PT__DIMENSION_BATCH]; i++, index++) {
            ck_assert_int_eq(loaded.offsets[PT__DIMENSION_TOKENS][i + 1] - loaded.offsets[PT__DIMENSION_TOKENS][i],
                             1 + index % 5);
            for (int32_t r = loaded.offsets[PT__DIMENSION_TOKENS][i]; r < loaded.offsets[PT__DIMENSION_TOKENS][i + 1];
                 r++) {
                ck_assert_int_eq(text[r], index + r - loaded.offsets[PT__DIMENSION_TOKENS][i]);
                ck_assert(mask[r] == (float)(r - loaded.offsets[PT__DIMENSION_TOKENS][i]));
            }
        }
    }
    ck_assert_int_eq(index, 30);
    pt__loader_free(loader);
    options.length_limit[PT__DIMENSION_TOKENS] = 4;
    ck_ok(pt__loader_create(dataset, ragged_requests, 2, &options, NULL, &loader));
    ck_assert_int_eq(pt__loader_capacity(loader).count[PT__DIMENSION_TOKENS], 7 * 4);
    ck_fails(pt__loader_next(loader, &loaded), PT_ERR_SHAPE, "sample 4, field \"mask\": 5 rows, expected at most 4");
    pt__loader_free(loader);
    const struct {
        ragged_t ragged;
        pt_status_t status;
        const char *part;
    } cases[] = {
        {{2, -1, 0}, PT_ERR_CALLBACK, "sample 2: length -1, expected 0 to 5"},
        {{2, 6, 0}, PT_ERR_CALLBACK, "length 6, expected 0 to 5"},
        {{2, INT64_MAX, 0}, PT_ERR_CALLBACK, "9223372036854775807"},
        {{2, 7, 1}, PT_ERR_CALLBACK, "field \"mask\""},
        {{2, 0, 0}, PT_ERR_SHAPE, "0 rows, expected at least 1"},
        {{2, 4, 1}, PT_ERR_SHAPE, "has 3 rows"},
    };
    options.length_limit[PT__DIMENSION_TOKENS] = 0;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ragged = cases[i].ragged;
        ck_ok(pt__loader_create(dataset, ragged_requests, 2, &options, NULL, &loader));
        ck_fails(pt__loader_next(loader, &loaded), cases[i].status, cases[i].part);
        pt__loader_free(loader);
    }
    ragged = (ragged_t){.wrong_at = 2, .wrong_length = 4, .which = 1};
    ck_ok(pt__loader_create(dataset, ragged_requests + 1, 1, &options, NULL,
                            &loader)); /* "mask" is not wanted: its length is its own */
    ck_ok(pt__loader_next(loader, &loaded));
    pt__loader_free(loader);
    ragged.wrong_at = -1;
    pt__request_t narrow = ragged_requests[1];
    narrow.index_limit = 10;
    ck_ok(pt__loader_create(dataset, &narrow, 1, &options, NULL, &loader));
    ck_fails((pt__loader_next(loader, &loaded), pt__loader_next(loader, &loaded)), PT_ERR_ARGUMENT,
             "sample 8: field \"text\": element 2 is 10");
    pt__loader_free(loader);
    pt_dataset_free(dataset);
    pt_context_free(context);
}
END_TEST

/* Sample i has 1 + i % 5 rows of "text" and of "tags", and 1 + i % 7 "frames" of two numbers: two ragged dimensions. */
enum { FRAMES = 7 }; /* the number of a dimension that a graph would have given */

typedef struct pairs {
    int64_t wrong_at, more; /* added to the rows of "tags" */
} pairs_t;

static void pairs_fetch(void *user, pt_batch_t *batch)
{
    const pairs_t *pairs = user;
    int32_t *text = batch->fields[0].data, *tags = batch->fields[2].data;
    float *frames = batch->fields[1].data;
    for (int64_t i = 0; i < batch->capacity; i++) {
        int64_t index = batch->indices[i], rows = 1 + index % 5, more = index == pairs->wrong_at ? pairs->more : 0;
        for (int64_t r = 0; r < rows; r++)
            *text++ = (int32_t)(index + r);
        for (int64_t r = 0; r < rows + more; r++)
            *tags++ = (int32_t)r;
        for (int64_t r = 0; r < 1 + index % 7; r++, frames += 2)
            frames[0] = (float)index, frames[1] = (float)r;
        batch->fields[0].lengths[i] = rows;
        batch->fields[1].lengths[i] = 1 + index % 7;
        batch->fields[2].lengths[i] = rows + more;
    }
    batch->filled = batch->capacity;
    batch->status = PT_OK;
}

static const pt_field_spec_t pairs_fields[3] = {
    {.name = "text", .dtype = PT_INT32, .rank = 1, .shape = {PT_DIM_TOKENS}, .max_length = 6},
    {.name = "frames", .dtype = PT_FLOAT32, .rank = 2, .shape = {PT_DIM_TOKENS, 2}, .max_length = 7},
    {.name = "tags", .dtype = PT_INT32, .rank = 1, .shape = {PT_DIM_TOKENS}, .max_length = 6},
};
#define RAGGED(field, type, counted) .name = field, .dtype = type, .shape = {PT_DIM_TOKENS, 2}, .dimension = counted
static const pt__request_t pairs_requests[3] = {
    {RAGGED("frames", PT_FLOAT32, FRAMES), .rank = 2},
    {RAGGED("text", PT_INT32, PT__DIMENSION_TOKENS), .rank = 1},
    {RAGGED("tags", PT_INT32, PT__DIMENSION_TOKENS), .rank = 1},
};

START_TEST(test_two_ragged_dimensions)
{
    pt_context_t *context = samples_context();
    pairs_t pairs = {.wrong_at = -1};
    pt_dataset_t *dataset;
    pt__loader_t *loader;
    pt__loaded_t loaded;
    pt__loader_options_t options = {.batch = 9, .micro_batch = 4, .epochs = 1, .in_order = 1};
    int64_t index = 0;
    ck_ok(pt_dataset_create_map(context, pairs_fields, 3, sizeof(pt_field_spec_t), 35, 0, pairs_fetch, &pairs, NULL,
                                &dataset));
    ck_ok(pt__loader_create(dataset, pairs_requests, 3, &options, NULL, &loader));
    ck_assert_int_eq(pt__loader_capacity(loader).count[PT__DIMENSION_TOKENS], 4 * 6);
    ck_assert_int_eq(pt__loader_capacity(loader).count[FRAMES], 4 * 7);
    while (pt__loader_next(loader, &loaded) == PT_OK) {
        const float *frames = loaded.data[0];
        const int32_t *text = loaded.data[1], *tags = loaded.data[2], *rows = loaded.offsets[PT__DIMENSION_TOKENS];
        int64_t samples = loaded.rows.count[PT__DIMENSION_BATCH];
        for (int64_t i = 0; i < samples; i++, index++) {
            ck_assert_int_eq(rows[i + 1] - rows[i], 1 + index % 5);
            ck_assert_int_eq(loaded.offsets[FRAMES][i + 1] - loaded.offsets[FRAMES][i], 1 + index % 7);
            for (int32_t r = rows[i]; r < rows[i + 1]; r++)
                ck_assert(text[r] == index + r - rows[i] && tags[r] == r - rows[i]);
            for (int32_t r = loaded.offsets[FRAMES][i]; r < loaded.offsets[FRAMES][i + 1]; r++, frames += 2)
                ck_assert(frames[0] == (float)index && frames[1] == (float)(r - loaded.offsets[FRAMES][i]));
        }
        ck_assert_int_eq(loaded.rows.count[PT__DIMENSION_TOKENS], rows[samples]);
        ck_assert_int_eq(loaded.rows.count[FRAMES], loaded.offsets[FRAMES][samples]);
        ck_assert(loaded.offsets[PT__DIMENSION_BATCH] == NULL && loaded.offsets[3] == NULL);
    }
    ck_assert_int_eq(index, 35);
    pt__loader_free(loader);
    options.length_limit[FRAMES] = 6; /* a limit of one dimension is none of the other */
    options.length_limit[PT__DIMENSION_TOKENS] = 5;
    ck_ok(pt__loader_create(dataset, pairs_requests, 3, &options, NULL, &loader));
    ck_assert_int_eq(pt__loader_capacity(loader).count[FRAMES], 4 * 6);
    ck_ok(pt__loader_next(loader, &loaded));
    ck_fails(pt__loader_next(loader, &loaded), PT_ERR_SHAPE, "sample 6, field \"frames\": 7 rows, expected at most 6");
    pt__loader_free(loader);
    pairs = (pairs_t){.wrong_at = 2, .more = 1}; /* within one dimension lengths are the same */
    options.length_limit[PT__DIMENSION_TOKENS] = 0;
    ck_ok(pt__loader_create(dataset, pairs_requests, 3, &options, NULL, &loader));
    ck_fails(pt__loader_next(loader, &loaded), PT_ERR_SHAPE,
             "sample 2: field \"tags\" has 4 rows, \"text\" has 3, expected the same");
    pt__loader_free(loader);
    pt__request_t apart[3] = {pairs_requests[0], pairs_requests[1], pairs_requests[2]};
    apart[2].dimension = 5;
    ck_ok(pt__loader_create(dataset, apart, 3, &options, NULL, &loader)); /* in another one they need not be */
    ck_ok(pt__loader_next(loader, &loaded));
    ck_assert_int_eq(loaded.rows.count[5], loaded.rows.count[PT__DIMENSION_TOKENS] + 1);
    pt__loader_free(loader);
    pt_dataset_free(dataset);
    pt_context_free(context);
}
END_TEST

/* ---- Values ---- */

/* One sample of one element of this dtype through a loader into float32 or int32. */
static pt_status_t convert(int32_t dtype, const void *value, int32_t wanted, int64_t limit, void *out)
{
    pt_context_t *context = samples_context();
    pt_array_t array = {.name = "value", .dtype = dtype, .data = view_data(value)};
    pt__request_t request = {.name = "value", .dtype = wanted, .index_limit = limit, .index_ignore = -100};
    pt__loader_options_t options = {.batch = 1, .micro_batch = 1};
    pt_dataset_t *dataset;
    pt__loader_t *loader;
    pt__loaded_t loaded;
    ck_ok(pt_dataset_create_from_arrays(context, &array, 1, sizeof(pt_array_t), 1, PT_DATASET_COPY, &dataset));
    ck_ok(pt__loader_create(dataset, &request, 1, &options, NULL, &loader));
    pt_status_t status = pt__loader_next(loader, &loaded);
    if (status == PT_OK)
        memcpy(out, loaded.data[0], 4);
    pt__loader_free(loader);
    pt_dataset_free(dataset);
    pt_context_free(context);
    return status;
}

START_TEST(test_values_are_converted_and_checked)
{
    float f;
    int32_t i;
    ck_ok(convert(PT_FLOAT64, &(double){0.1}, PT_FLOAT32, 0, &f));
    ck_assert(f == 0.1F);
    ck_ok(convert(PT_INT64, &(int64_t){-7}, PT_FLOAT32, 0, &f));
    ck_assert(f == -7);
    ck_ok(convert(PT_UINT8, &(uint8_t){200}, PT_INT32, 256, &i));
    ck_assert_int_eq(i, 200);
    ck_ok(convert(PT_FLOAT64, &(double){3}, PT_INT32, 4, &i));
    ck_assert_int_eq(i, 3);
    ck_ok(convert(PT_INT32, &(int32_t){-100}, PT_INT32, 4, &i));
    ck_assert_int_eq(convert(PT_FLOAT64, &(double){3.5}, PT_INT32, 4, &i), PT_ERR_ARGUMENT);
    ck_assert_int_eq(convert(PT_INT64, &(int64_t){INT64_C(1) << 40}, PT_INT32, 0, &i), PT_ERR_ARGUMENT);
    ck_assert_int_eq(convert(PT_UINT32, &(uint32_t){UINT32_MAX}, PT_INT32, 0, &i), PT_ERR_ARGUMENT);
    ck_fails(convert(PT_INT32, &(int32_t){4}, PT_INT32, 4, &i), PT_ERR_ARGUMENT,
             "sample 0: field \"value\": element 0 is 4, expected 0 to 3");
    ck_fails(convert(PT_INT32, &(int32_t){-1}, PT_INT32, 4, &i), PT_ERR_ARGUMENT, "-100");
    ck_fails(convert(PT_INT32, &(int32_t){-1}, PT_INT32, INT64_C(1) << 40, &i), PT_ERR_ARGUMENT, "-1");
    ck_ok(convert(PT_INT32, &(int32_t){-1}, PT_INT32, 0, &i)); /* not an index */
    ck_fails(convert(PT_FLOAT32, &(float){NAN}, PT_FLOAT32, 0, &f), PT_ERR_NONFINITE, "NaN");
    ck_fails(convert(PT_FLOAT32, &(float){-INFINITY}, PT_FLOAT32, 0, &f), PT_ERR_NONFINITE, "-infinity");
    ck_assert_int_eq(convert(PT_FLOAT64, &(double){NAN}, PT_FLOAT32, 0, &f), PT_ERR_NONFINITE);
    ck_assert_int_eq(convert(PT_FLOAT64, &(double){1e300}, PT_FLOAT32, 0, &f), PT_ERR_ARGUMENT);
}
END_TEST

START_TEST(test_checks_see_every_place)
{
    float floats[67] = {0};
    int32_t indices[67] = {0};
    for (int i = 0; i < 67; i++) {
        floats[i] = i % 2 ? INFINITY : NAN;
        indices[i] = i % 2 ? 9 : -3;
        ck_assert_int_eq(pt__check_finite("f", floats, 67), PT_ERR_NONFINITE);
        ck_assert_int_eq(pt__check_index("i", 0, indices, 67, 9, INT32_MIN), PT_ERR_ARGUMENT);
        ck_assert_int_eq(pt__check_index("i", 0, &(int32_t){INT32_MIN}, 1, 9, INT32_MIN), PT_ERR_ARGUMENT);
        floats[i] = 3.4e38F;
        indices[i] = i % 9;
        ck_ok(pt__check_finite("f", floats, 67));
        ck_ok(pt__check_index("i", 0, indices, 67, 9, INT32_MIN));
    }
}
END_TEST

static pt_status_t load_all(failing_allocator_t *allocator)
{
    pt_context_t *context = NULL;
    pt_dataset_t *dataset = NULL;
    pt__loader_t *loader = NULL;
    pt__loaded_t loaded;
    ragged_t ragged = {.wrong_at = -1};
    pt__loader_options_t options = {.batch = 4, .micro_batch = 2, .prefetch = 1};
    pt_status_t status = samples_failing_context(allocator, &context);
    if (status == PT_OK)
        status = pt_dataset_create_map(context, ragged_fields, 2, sizeof(pt_field_spec_t), 9, PT_DATASET_THREAD_SAFE,
                                       ragged_fetch, &ragged, NULL, &dataset);
    if (status == PT_OK)
        status = pt__loader_create(dataset, ragged_requests, 2, &options, NULL, &loader);
    for (int i = 0; status == PT_OK && i < 20; i++)
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
}
END_TEST

SUITE("loader", 120, test_epochs_are_permutations, test_resume_from_any_cursor, test_prefetch_changes_nothing,
      test_streams_end_in_every_way, test_empty_streams_and_epochs_end_with_a_message, test_callbacks_that_misbehave,
      test_calls_from_within_the_callback_are_refused, test_fields_that_do_not_fit, test_ragged_fields,
      test_two_ragged_dimensions,
      test_values_are_converted_and_checked, test_checks_see_every_place, test_every_allocation_may_fail)
