/* How batches are cut, by samples and by rows, in buckets and out of them; by how many threads; from wherever a pass
 * goes on: the samples, their order and their bits are the same. */
#include "data/ragged_host.h"

static sequence_t whole, part;

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

START_TEST(test_every_cut_gives_every_sample_once)
{
    pt_context_t *context = samples_context();
    host_t host = {.fail_at = -1, .length = LENGTH};
    pt_dataset_t *known = arrays_of(context), *map = map_of(context, &host, PT_DATASET_CONCURRENT), *stream;
    ck_ok(pt_dataset_create_stream(context, fields, 3, sizeof(pt_field_spec_t), PT_DATASET_THREAD_SAFE, next, &host,
                                   ended, &stream));
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
    ck_ok(pt_dataset_create_stream(context, fields, 3, sizeof(pt_field_spec_t), 0, next, &host, ended, &stream));
    pt__loader_t *loader;
    pt__loaded_t loaded;
    const struct {
        pt_dataset_t *dataset;
        pt__loader_options_t options;
        int32_t n_requests;
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
        ck_fails(pt__loader_create(cases[i].dataset, requests, cases[i].n_requests, &cases[i].options, NULL, &loader),
                 cases[i].status, cases[i].part);
    pt_dataset_t *all[] = {known, map, stream};
    for (int i = 0; i < 3; i++) { /* sample 5 has 9 rows; what comes before it is given */
        pt__loader_options_t options = {.batch_rows = 8, .in_order = 1};
        int64_t samples = 0;
        pt_status_t status;
        ck_ok(pt__loader_create(all[i], requests, 3, &options, NULL, &loader));
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

static pt_status_t sort_all(failing_allocator_t *allocator)
{
    pt_context_t *context = NULL;
    pt_dataset_t *dataset = NULL;
    pt__loader_t *loader = NULL;
    pt__loaded_t loaded;
    static const int64_t lengths[4] = {3, 1, 2, 2};
    static const int32_t text[8];
    const pt_array_t array = view_of_field(&fields[0], text, lengths);
    pt__loader_options_t options = {.batch = 2, .micro_batch = 2, .bucket = 4};
    pt_status_t status = samples_failing_context(allocator, &context);
    if (status == PT_OK)
        status = pt_dataset_create_from_arrays(context, &array, 1, sizeof(pt_array_t), 4, 0, &dataset);
    if (status == PT_OK)
        status = pt__loader_create(dataset, &requests[1], 1, &options, NULL, &loader);
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
    FOR_EACH_FAILING_ALLOCATION(allocator, status = sort_all(&allocator), status);
}
END_TEST

SUITE("ring", 240, test_every_cut_gives_every_sample_once, test_buckets_save_nothing_but_order,
      test_options_that_contradict_each_other, test_every_allocation_may_fail)
