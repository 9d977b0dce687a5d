/* Making datasets, looking inside, arrays, views, reading: also with arguments that are wrong. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "data/data.h"
#include "support/samples.h"
#include "support/views.h"

static pt_dataset_t *numbers(pt_context_t *context, samples_t *samples, int64_t length)
{
    pt_dataset_t *dataset;
    ck_ok(pt_dataset_create_map(context, samples_fields, SAMPLES_FIELDS, sizeof(pt_field_spec_t), length, 0,
                                samples_fetch, samples, samples_destroy, &dataset));
    return dataset;
}

/* The "y" of all samples in order: for these datasets the index in the origin. */
static void read_all(pt_dataset_t *dataset, int32_t *y)
{
    for (int64_t i = 0; i < pt_dataset_length(dataset); i++) {
        int64_t elements;
        ck_ok(read_field(dataset, &i, 1, "y", &y[i], 1, &elements, NULL));
        ck_assert_int_eq(elements, 1);
    }
}

START_TEST(test_hooks_are_called_once_after_success_only)
{
    pt_context_t *context = samples_context();
    samples_t samples = {0};
    pt_dataset_t *dataset = (pt_dataset_t *)&samples, *view;
    pt_field_spec_t fields[2] = {samples_fields[0], samples_fields[1]};
#define CREATE_MAP()                                                                                                   \
    pt_dataset_create_map(context, fields, 2, sizeof(pt_field_spec_t), 4, 0, samples_fetch, &samples, samples_destroy, \
                          &dataset)
    fields[1].name = "x";
    ck_fails(CREATE_MAP(), PT_ERR_ARGUMENT, "both named \"x\"");
    ck_assert_ptr_null(dataset);
    fields[1].name = "";
    ck_fails(CREATE_MAP(), PT_ERR_ARGUMENT, "field 1");
    fields[1] = samples_fields[1];
    fields[1].dtype = 77;
    ck_fails(CREATE_MAP(), PT_ERR_ARGUMENT, "77");
    fields[1].dtype = PT_INT32;
    fields[1].rank = PT_MAX_RANK + 1;
    ck_fails(CREATE_MAP(), PT_ERR_SHAPE, "rank 7");
    fields[1].rank = 1;
    fields[1].shape[0] = 0;
    ck_fails(CREATE_MAP(), PT_ERR_SHAPE, "\"y\"");
    fields[1].shape[0] = PT_DIM_TOKENS;
    ck_fails(CREATE_MAP(), PT_ERR_SHAPE, "max_length is 0");
    fields[1].rank = 3;
    fields[1].max_length = 1000;
    fields[1].shape[1] = fields[1].shape[2] = INT64_C(1) << 40;
    ck_assert_int_eq(CREATE_MAP(), PT_ERR_SHAPE);
    ck_assert_int_eq(samples.destroyed, 0);
    fields[1] = samples_fields[1];
    ck_ok(CREATE_MAP());
    ck_ok(pt_dataset_subset(dataset, 1, 2, &view));
    pt_dataset_free(dataset);
    ck_assert_int_eq(samples.destroyed, 0); /* the view holds it */
    int32_t y[2];
    read_all(view, y);
    ck_assert(y[0] == 1 && y[1] == 2);
    pt_dataset_free(view);
    ck_assert_int_eq(samples.destroyed, 1);
    pt_dataset_free(NULL);
    pt_context_free(context);
#undef CREATE_MAP
}
END_TEST

START_TEST(test_wrong_arguments)
{
    pt_context_t *context = samples_context();
    samples_t samples = {0};
    pt_dataset_t *dataset, *other;
    pt_field_spec_t spec;
    int64_t index = 0, elements = 5;
    float x[3];
    ck_fails(pt_dataset_create_map(NULL, samples_fields, 2, sizeof(pt_field_spec_t), 4, 0, samples_fetch, NULL, NULL,
                                   &dataset),
             PT_ERR_ARGUMENT, "context is NULL");
    ck_fails(
        pt_dataset_create_map(context, NULL, 2, sizeof(pt_field_spec_t), 4, 0, samples_fetch, NULL, NULL, &dataset),
        PT_ERR_ARGUMENT, "fields is NULL");
    ck_fails(
        pt_dataset_create_map(context, samples_fields, 2, sizeof(pt_field_spec_t), 4, 0, NULL, NULL, NULL, &dataset),
        PT_ERR_ARGUMENT, "fetch is NULL");
    ck_fails(pt_dataset_create_map(context, samples_fields, 2, sizeof(pt_field_spec_t), 4, 0, samples_fetch, NULL, NULL,
                                   NULL),
             PT_ERR_ARGUMENT, "out is NULL");
    ck_fails(pt_dataset_create_map(context, samples_fields, 0, sizeof(pt_field_spec_t), 4, 0, samples_fetch, NULL, NULL,
                                   &dataset),
             PT_ERR_ARGUMENT, "n_fields is 0");
    ck_fails(pt_dataset_create_map(context, samples_fields, 2, sizeof(pt_field_spec_t), 0, 0, samples_fetch, NULL, NULL,
                                   &dataset),
             PT_ERR_ARGUMENT, "length is 0");
    ck_fails(pt_dataset_create_map(context, samples_fields, 2, sizeof(pt_field_spec_t), -1, 0, samples_fetch, NULL,
                                   NULL, &dataset),
             PT_ERR_ARGUMENT, "length is -1");
    ck_fails(pt_dataset_create_map(context, samples_fields, 2, sizeof(pt_field_spec_t), 4, 2, samples_fetch, NULL, NULL,
                                   &dataset),
             PT_ERR_ARGUMENT, "0x2");
    ck_fails(
        pt_dataset_create_stream(context, samples_fields, 2, sizeof(pt_field_spec_t), 0, NULL, NULL, NULL, &dataset),
        PT_ERR_ARGUMENT, "next is NULL");
    ck_assert_ptr_null(dataset);
    dataset = numbers(context, &samples, 4);
    ck_fails(pt_dataset_field(dataset, 2, &spec, sizeof(pt_field_spec_t)), PT_ERR_NOT_FOUND, "index is 2");
    ck_fails(pt_dataset_field(dataset, 0, NULL, sizeof(pt_field_spec_t)), PT_ERR_ARGUMENT, "spec is NULL");
    ck_fails(pt_dataset_subset(dataset, 3, 2, &other), PT_ERR_ARGUMENT, "2 samples from 3 on");
    ck_fails(pt_dataset_subset(dataset, -1, 2, &other), PT_ERR_ARGUMENT, "-1");
    ck_fails(pt_dataset_subset(dataset, INT64_MAX, INT64_MAX, &other), PT_ERR_ARGUMENT, "expected");
    ck_fails(pt_dataset_subset(dataset, 0, 0, &other), PT_ERR_ARGUMENT, "0 samples");
    ck_fails(pt_dataset_select(dataset, &(int64_t){4}, 1, &other), PT_ERR_ARGUMENT, "index 0 is 4");
    ck_fails(pt_dataset_select(dataset, NULL, 1, &other), PT_ERR_ARGUMENT, "indices is NULL");
    ck_fails(pt_dataset_split(dataset, 0.01, 1, &other, &other), PT_ERR_ARGUMENT, "empty");
    ck_fails(pt_dataset_split(dataset, 1, 1, &other, &other), PT_ERR_ARGUMENT, "fraction");
    ck_fails(pt_dataset_shuffle(NULL, 1, &other), PT_ERR_ARGUMENT, "dataset is NULL");
    ck_fails(read_field(dataset, &index, 1, "z", x, 3, &elements, NULL), PT_ERR_NOT_FOUND, "\"z\"");
    ck_assert_int_eq(elements, 0);
    ck_fails(read_field(dataset, &index, 1, "x", x, 2, &elements, NULL), PT_ERR_ARGUMENT, "expected 3 in all");
    ck_fails(read_field(dataset, &(int64_t){-1}, 1, "x", x, 3, &elements, NULL), PT_ERR_ARGUMENT, "index 0 is -1");
    ck_fails(read_field(dataset, &index, -1, "x", x, 3, &elements, NULL), PT_ERR_ARGUMENT, "count is -1");
    ck_fails(read_field(dataset, NULL, 1, "x", x, 3, &elements, NULL), PT_ERR_ARGUMENT, "indices is NULL");
    ck_ok(read_field(dataset, NULL, 0, "x", NULL, 0, &elements, NULL));
    ck_ok(read_field(dataset, &index, 1, "x", NULL, 0, &elements, NULL));
    ck_assert_int_eq(elements, 3);
    ck_assert(pt_dataset_length(NULL) == 0 && pt_dataset_field_count(NULL) == 0 &&
              pt_dataset_class_count(dataset, "y") == 0);
    ck_assert_ptr_null(pt_dataset_class_name(dataset, "y", 0));
    pt_dataset_free(dataset);
    ck_ok(pt_dataset_create_stream(context, samples_fields, 2, sizeof(pt_field_spec_t), 0, samples_next, &samples, NULL,
                                   &dataset));
    ck_assert_int_eq(pt_dataset_length(dataset), -1);
    ck_fails(pt_dataset_subset(dataset, 0, 1, &other), PT_ERR_UNSUPPORTED, "stream");
    ck_fails(pt_dataset_shuffle(dataset, 0, &other), PT_ERR_UNSUPPORTED, "stream");
    ck_fails(pt_dataset_split(dataset, 0.5, 0, &other, &other), PT_ERR_UNSUPPORTED, "stream");
    ck_fails(read_field(dataset, &index, 1, "x", x, 3, &elements, NULL), PT_ERR_UNSUPPORTED, "stream");
    pt_dataset_free(dataset);
    pt_context_free(context);
}
END_TEST

START_TEST(test_views)
{
    enum { N = 150 };
    pt_context_t *context = samples_context();
    samples_t samples = {0};
    pt_dataset_t *dataset = numbers(context, &samples, N), *shuffled, *again, *first, *second, *nested, *picked;
    int32_t a[N], b[N], seen[N] = {0};
    ck_ok(pt_dataset_shuffle(dataset, 7, &shuffled));
    ck_ok(pt_dataset_shuffle(dataset, 7, &again));
    read_all(shuffled, a);
    read_all(again, b);
    ck_assert_mem_eq(a, b, sizeof a);
    for (int i = 0; i < N; i++)
        seen[a[i]]++;
    for (int i = 0; i < N; i++)
        ck_assert_int_eq(seen[i], 1);
    ck_ok(pt_dataset_subset(shuffled, 10, 20, &nested));
    read_all(nested, b);
    ck_assert_mem_eq(a + 10, b, 20 * sizeof b[0]);
    ck_ok(pt_dataset_select(nested, (int64_t[]){19, 0, 0, 5}, 4, &picked));
    read_all(picked, b);
    ck_assert(b[0] == a[29] && b[1] == a[10] && b[2] == a[10] && b[3] == a[15]);
    ck_ok(pt_dataset_split(dataset, 0.8, 3, &first, &second));
    ck_assert_int_eq(pt_dataset_length(first), 120);
    ck_assert_int_eq(pt_dataset_length(second), 30);
    read_all(first, a);
    read_all(second, a + 120);
    memset(seen, 0, sizeof seen);
    for (int i = 0; i < N; i++)
        seen[a[i]]++;
    for (int i = 0; i < N; i++)
        ck_assert_int_eq(seen[i], 1);
    ck_assert_int_eq(pt_dataset_field_count(picked), 2);
    pt_field_spec_t spec;
    ck_ok(pt_dataset_field(picked, 0, &spec, sizeof(pt_field_spec_t)));
    ck_assert_str_eq(spec.name, "x");
    pt_dataset_t *all[] = {dataset, shuffled, again, nested, first, second, picked};
    for (int i = 0; i < 7; i++)
        pt_dataset_free(all[i]);
    ck_assert_int_eq(samples.destroyed, 1);
    pt_context_free(context);
}
END_TEST

START_TEST(test_arrays)
{
    pt_context_t *context = samples_context();
    double pairs[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    uint8_t rows[6] = {10, 11, 12, 13, 14, 15};
    int64_t lengths[4] = {1, 3, 0, 2}, indices[3] = {3, 1, 0}, elements, out_lengths[3];
    pt_array_t arrays[2] = {
        {.name = "pair", .dtype = PT_FLOAT64, .rank = 1, .shape = {2}, .data = pairs},
        {.name = "rows", .dtype = PT_UINT8, .rank = 1, .shape = {PT_DIM_TOKENS}, .data = rows, .lengths = lengths}};
    for (uint32_t flags = 0; flags <= PT_DATASET_COPY; flags += PT_DATASET_COPY) {
        pt_dataset_t *dataset;
        pt_field_spec_t spec;
        double out[6];
        uint8_t out_rows[6];
        ck_ok(pt_dataset_create_from_arrays(context, arrays, 2, sizeof(pt_array_t), 4, flags, &dataset));
        ck_ok(pt_dataset_field(dataset, 1, &spec, sizeof(pt_field_spec_t)));
        ck_assert_int_eq(spec.max_length, 3);
        pairs[6] = 66; /* seen where borrowed */
        ck_ok(read_field(dataset, indices, 3, "pair", out, 6, &elements, out_lengths));
        ck_assert(elements == 6 && out[0] == (flags ? 6 : 66) && out[1] == 7 && out[2] == 2 && out[4] == 0);
        ck_ok(read_field(dataset, indices, 3, "rows", out_rows, 6, &elements, out_lengths));
        ck_assert(elements == 6 && out_lengths[0] == 2 && out_lengths[1] == 3 && out_lengths[2] == 1);
        ck_assert_mem_eq(out_rows, ((uint8_t[]){14, 15, 11, 12, 13, 10}), 6);
        pairs[6] = 6;
        pt_dataset_free(dataset);
    }
    pt_dataset_t *dataset;
#define CREATE(n, samples) pt_dataset_create_from_arrays(context, arrays, n, sizeof(pt_array_t), samples, 0, &dataset)
    ck_fails(CREATE(2, 0), PT_ERR_ARGUMENT, "0 samples");
    ck_assert_int_eq(CREATE(2, INT64_MAX), PT_ERR_ARGUMENT);
    arrays[0].shape[0] = INT64_MAX / 8;
    ck_assert_int_eq(CREATE(1, 4), PT_ERR_SHAPE);
    arrays[0].shape[0] = 2;
    lengths[2] = -1;
    ck_fails(CREATE(2, 4), PT_ERR_ARGUMENT, "sample 2: length -1");
    lengths[2] = 0;
    arrays[1].max_length = 2;
    ck_fails(CREATE(2, 4), PT_ERR_ARGUMENT, "sample 1: length 3, expected 0 to 2");
    arrays[1].lengths = NULL;
    ck_fails(CREATE(2, 4), PT_ERR_ARGUMENT, "lengths is NULL");
    arrays[1].lengths = lengths;
    arrays[0].lengths = lengths;
    ck_fails(CREATE(2, 4), PT_ERR_ARGUMENT, "lengths is set");
    arrays[0].lengths = NULL;
    arrays[0].data = NULL;
    ck_fails(CREATE(2, 4), PT_ERR_ARGUMENT, "data is NULL");
    arrays[0].data = pairs;
    arrays[0].rank = -3;
    ck_fails(CREATE(1, 4), PT_ERR_ARGUMENT, "rank -3");
    ck_fails(pt_dataset_create_from_arrays(context, arrays, 2, sizeof(pt_array_t), 4, 8, &dataset), PT_ERR_ARGUMENT,
             "0x8");
#undef CREATE
    pt_context_free(context);
}
END_TEST

/* ---- Callbacks ---- */

typedef struct shared {
    atomic_int inside, overlaps;
} shared_t;

static void fetch_alone(void *user, pt_batch_t *batch)
{
    shared_t *shared = user;
    if (atomic_fetch_add(&shared->inside, 1) != 0)
        atomic_fetch_add(&shared->overlaps, 1);
    for (int64_t i = 0; i < batch->capacity; i++)
        samples_write(batch, i, batch->indices[i]);
    batch->filled = batch->capacity;
    batch->status = PT_OK;
    atomic_fetch_sub(&shared->inside, 1);
}

static void *read_often(void *view)
{
    int64_t failures = 0, elements;
    int32_t y;
    for (int64_t i = 0; i < 20000; i++)
        failures += read_field(view, (int64_t[]){i % 8}, 1, "y", &y, 1, &elements, NULL) != PT_OK;
    return failures == 0 ? view : NULL;
}

/* Handles of their own, though one callback: the threads wait for each other. */
START_TEST(test_views_in_two_threads)
{
    pt_context_t *context = samples_context();
    pt_dataset_t *dataset, *half[2];
    pthread_t thread[2];
    shared_t shared = {0};
    ck_ok(pt_dataset_create_map(context, samples_fields, SAMPLES_FIELDS, sizeof(pt_field_spec_t), 16, 0, fetch_alone,
                                &shared, NULL, &dataset));
    ck_ok(pt_dataset_split(dataset, 0.5, 1, &half[0], &half[1]));
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&thread[i], NULL, read_often, half[i]), 0);
    for (int i = 0; i < 2; i++) {
        void *result;
        ck_assert_int_eq(pthread_join(thread[i], &result), 0);
        ck_assert_ptr_eq(result, half[i]);
        pt_dataset_free(half[i]);
    }
    ck_assert_int_eq(atomic_load(&shared.overlaps), 0);
    pt_dataset_free(dataset);
    pt_context_free(context);
}
END_TEST

static void fetch_and_free(void *user, pt_batch_t *batch)
{
    pt_dataset_t **dataset = user;
    pt_dataset_free(*dataset);
    *dataset = NULL;
    ck_assert_int_eq(pt_context_create(NULL, NULL), PT_ERR_ARGUMENT); /* recovers from a failure of its own */
    samples_write(batch, 0, batch->indices[0]);
    batch->filled = 1;
    batch->status = PT_OK;
}

START_TEST(test_callback_frees_the_handle)
{
    pt_context_t *context = samples_context();
    pt_dataset_t *dataset;
    int64_t elements;
    int32_t y;
    ck_ok(pt_dataset_create_map(context, samples_fields, SAMPLES_FIELDS, sizeof(pt_field_spec_t), 4, 0, fetch_and_free,
                                &dataset, NULL, &dataset));
    ck_ok(read_field(dataset, (int64_t[]){3}, 1, "y", &y, 1, &elements, NULL));
    ck_assert_int_eq(y, 3);
    ck_assert_ptr_null(dataset);
    ck_assert_str_eq(pt_last_error(), "");
    pt_context_free(context);
}
END_TEST

static pt_status_t make_all(failing_allocator_t *allocator)
{
    pt_context_t *context = NULL;
    pt_dataset_t *dataset = NULL, *view = NULL, *first = NULL, *second = NULL;
    int64_t lengths[3] = {1, 2, 1}, elements;
    float values[4] = {1, 2, 3, 4}, out[4];
    pt_array_t array = {
        .name = "rows", .dtype = PT_FLOAT32, .rank = 1, .shape = {PT_DIM_TOKENS}, .data = values, .lengths = lengths};
    pt_status_t status = samples_failing_context(allocator, &context);
    if (status == PT_OK)
        status = pt_dataset_create_from_arrays(context, &array, 1, sizeof(pt_array_t), 3, PT_DATASET_COPY, &dataset);
    if (status == PT_OK)
        status = pt_dataset_select(dataset, (int64_t[]){2, 0, 1}, 3, &view);
    if (status == PT_OK)
        status = pt_dataset_split(view, 0.5, 1, &first, &second);
    if (status == PT_OK)
        status = read_field(first, (int64_t[]){0, 1}, 2, "rows", out, 4, &elements, NULL);
    pt_dataset_free(dataset);
    pt_dataset_free(view);
    pt_dataset_free(first);
    pt_dataset_free(second);
    pt_context_free(context);
    return status;
}

START_TEST(test_every_allocation_may_fail)
{
    failing_allocator_t allocator;
    pt_status_t status;
    FOR_EACH_FAILING_ALLOCATION(allocator, status = make_all(&allocator), status);
}
END_TEST

SUITE("dataset", 60, test_hooks_are_called_once_after_success_only, test_wrong_arguments, test_views, test_arrays,
      test_views_in_two_threads, test_callback_frees_the_handle, test_every_allocation_may_fail)
