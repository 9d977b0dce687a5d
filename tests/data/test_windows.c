/* Text and token files cut into windows: counts, shifts, parts, partial ends, damaged files. */
#include <string.h>

#include "data/data.h"
#include "support/samples.h"
#include "support/views.h"

static pt_window_options_t defaults(int64_t length)
{
    pt_window_options_t options;
    ck_ok(pt_window_options_init(&options, sizeof options));
    ck_assert(options.length == 128 && options.end == 1 && options.dtype == PT_UINT16);
    options.length = length;
    return options;
}

/* Compares every sample with the bytes from which it must come. */
static void check(pt_dataset_t *dataset, const uint8_t *bytes, int64_t begin, int64_t end, int64_t length,
                  int64_t stride)
{
    for (int64_t i = 0; i < pt_dataset_length(dataset); i++) {
        int32_t tokens[64], labels[64];
        int64_t first = begin + i * stride, count = end - 1 - first < length ? end - 1 - first : length, elements, rows;
        ck_ok(read_field(dataset, &i, 1, "tokens", tokens, 64, &elements, &rows));
        ck_assert_int_eq(elements, count);
        ck_assert_int_eq(rows, count);
        ck_ok(read_field(dataset, &i, 1, "labels", labels, 64, &elements, NULL));
        for (int64_t k = 0; k < count; k++) {
            ck_assert_int_eq(tokens[k], bytes[first + k]);
            ck_assert_int_eq(labels[k], bytes[first + k + 1]);
        }
    }
}

START_TEST(test_every_length_and_stride)
{
    pt_context_t *context = samples_context();
    uint8_t bytes[40];
    for (int i = 0; i < 40; i++)
        bytes[i] = (uint8_t)(200 + i);
    for (int64_t size = 0; size <= 40; size += size < 14 ? 1 : 13) {
        const char *path = suite_write("text", bytes, (size_t)size);
        for (int64_t length = 1; length <= 6; length++) {
            for (int64_t stride = 0; stride <= 8; stride++) {
                for (int32_t keep = 0; keep <= 1; keep++) {
                    pt_window_options_t options = defaults(length);
                    pt_dataset_t *dataset;
                    int64_t step = stride ? stride : length, expected = 0;
                    options.stride = stride;
                    options.keep_partial = keep;
                    while (expected * step + length + 1 <= size) /* full windows */
                        expected++;
                    int32_t partial = keep && expected * step + 2 <= size;
                    pt_status_t status = pt_dataset_create_from_text(context, path, &options, &dataset);
                    if (expected + partial == 0) {
                        ck_fails(status, PT_ERR_ARGUMENT, "for one sample");
                        continue;
                    }
                    ck_ok(status);
                    ck_assert_int_eq(pt_dataset_length(dataset), expected + partial);
                    pt_field_spec_t spec;
                    ck_ok(pt_dataset_field(dataset, 0, &spec, sizeof(pt_field_spec_t)));
                    ck_assert_int_eq(spec.shape[0], partial ? PT_DIM_TOKENS : length);
                    check(dataset, bytes, 0, size, length, step);
                    pt_dataset_free(dataset);
                }
            }
        }
    }
    pt_context_free(context);
}
END_TEST

START_TEST(test_parts_do_not_share_tokens)
{
    pt_context_t *context = samples_context();
    uint8_t bytes[101];
    for (int i = 0; i < 101; i++)
        bytes[i] = (uint8_t)i;
    const char *path = suite_write("text", bytes, sizeof bytes);
    pt_window_options_t options = defaults(4);
    pt_dataset_t *train, *validation;
    options.keep_partial = 1;
    options.end = 0.9;
    ck_ok(pt_dataset_create_from_text(context, path, &options, &train));
    options.start = 0.9;
    options.end = 1;
    ck_ok(pt_dataset_create_from_text(context, path, &options, &validation));
    check(train, bytes, 0, 90, 4, 4);
    check(validation, bytes, 90, 101, 4, 4);
    ck_assert_int_eq(pt_dataset_length(train), 23);
    ck_assert_int_eq(pt_dataset_length(validation), 3);
    pt_dataset_free(train);
    pt_dataset_free(validation);
    pt_context_free(context);
}
END_TEST

START_TEST(test_token_files)
{
    pt_context_t *context = samples_context();
    const uint8_t narrow[] = {1, 0, 255, 255, 3, 2}, wide[] = {1, 0, 0, 0, 255, 255, 255, 127, 0, 0, 0, 128};
    pt_window_options_t options = defaults(2);
    pt_dataset_t *dataset;
    int32_t tokens[2];
    int64_t zero = 0, elements;
    ck_ok(pt_dataset_create_from_tokens(context, suite_write("narrow", narrow, sizeof narrow), &options, &dataset));
    ck_ok(read_field(dataset, &zero, 1, "labels", tokens, 2, &elements, NULL));
    ck_assert(tokens[0] == 65535 && tokens[1] == 0x203);
    pt_dataset_free(dataset);
    options.dtype = PT_UINT32;
    options.length = 1;
    const char *path = suite_write("wide", wide, sizeof wide);
    ck_ok(pt_dataset_create_from_tokens(context, path, &options, &dataset));
    ck_ok(read_field(dataset, &zero, 1, "labels", tokens, 2, &elements, NULL));
    ck_assert_int_eq(tokens[0], INT32_MAX);
    ck_fails(read_field(dataset, &(int64_t){1}, 1, "tokens", tokens, 2, &elements, NULL), PT_ERR_FORMAT,
             "above 2147483647");
    pt_dataset_free(dataset);
    ck_fails(pt_dataset_create_from_tokens(context, suite_write("odd", wide, 11), &options, &dataset), PT_ERR_FORMAT,
             "multiple of 4");
    ck_assert_ptr_null(dataset);
    pt_context_free(context);
}
END_TEST

START_TEST(test_wrong_options)
{
    pt_context_t *context = samples_context();
    const char *path = suite_write("text", "some text", 9);
    pt_dataset_t *dataset;
    pt_window_options_t options = defaults(0);
    ck_fails(pt_dataset_create_from_text(context, path, &options, &dataset), PT_ERR_ARGUMENT, "length is 0");
    options = defaults(2);
    options.stride = -1;
    ck_fails(pt_dataset_create_from_text(context, path, &options, &dataset), PT_ERR_ARGUMENT, "stride");
    const double parts[][2] = {{0.5, 0.5}, {-0.1, 1}, {0, 1.1}, {0.6, 0.4}, {0, (double)0 / -1e-300}};
    for (int i = 0; i < 5; i++) {
        options = defaults(2);
        options.start = parts[i][0];
        options.end = parts[i][1];
        ck_fails(pt_dataset_create_from_text(context, path, &options, &dataset), PT_ERR_ARGUMENT, "start < end");
    }
    options = defaults(2);
    options.flags = 1;
    ck_fails(pt_dataset_create_from_text(context, path, &options, &dataset), PT_ERR_ARGUMENT, "flags");
    options = defaults(2);
    options.dtype = PT_INT64;
    ck_fails(pt_dataset_create_from_tokens(context, path, &options, &dataset), PT_ERR_ARGUMENT, "int64");
    options.struct_size = 3;
    ck_fails(pt_dataset_create_from_text(context, path, &options, &dataset), PT_ERR_ARGUMENT, "struct_size");
    ck_fails(pt_dataset_create_from_text(context, suite_path("none"), NULL, &dataset), PT_ERR_NOT_FOUND, "none");
    ck_fails(pt_dataset_create_from_text(context, path, NULL, &dataset), PT_ERR_ARGUMENT, "expected at least 129");
    ck_fails(pt_dataset_create_from_text(context, NULL, NULL, &dataset), PT_ERR_ARGUMENT, "path is NULL");
    pt_context_free(context);
}
END_TEST

static pt_status_t open(failing_allocator_t *allocator, const char *path)
{
    pt_context_t *context = NULL;
    pt_dataset_t *dataset = NULL;
    pt_window_options_t options;
    pt_status_t status = samples_failing_context(allocator, &context);
    if (status == PT_OK)
        status = pt_window_options_init(&options, sizeof options);
    options.length = 3;
    if (status == PT_OK)
        status = pt_dataset_create_from_text(context, path, &options, &dataset);
    pt_dataset_free(dataset);
    pt_context_free(context);
    return status;
}

START_TEST(test_every_allocation_may_fail)
{
    failing_allocator_t allocator;
    pt_status_t status;
    const char *path = suite_write("text", "some text", 9);
    FOR_EACH_FAILING_ALLOCATION(allocator, status = open(&allocator, path), status);
}
END_TEST

SUITE("windows", 60, test_every_length_and_stride, test_parts_do_not_share_tokens, test_token_files, test_wrong_options,
      test_every_allocation_may_fail)
