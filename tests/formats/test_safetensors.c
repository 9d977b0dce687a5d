/* safetensors: the reference's bytes, everything that must be refused, writing aside, checksums, failing memory and
 * disks. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "formats/tensors.h"
#include "support/failing_io.h"
#include "support/samples.h"

/* A file of this header, padded as stated, and `data` bytes 0, 1, 2 ... */
typedef struct image {
    uint8_t bytes[8192];
    int64_t size;
} image_t;

static image_t image_of(const char *header, int64_t data)
{
    image_t image;
    size_t length = strlen(header);
    memset(&image, 0, sizeof image);
    for (int i = 0; i < 8; i++)
        image.bytes[i] = (uint8_t)((uint64_t)length >> 8 * i);
    memcpy(image.bytes + 8, header, length);
    for (int64_t i = 0; i < data; i++)
        image.bytes[8 + (int64_t)length + i] = (uint8_t)i;
    image.size = 8 + (int64_t)length + data;
    return image;
}

static pt_status_t parse(pt_context_t *context, const image_t *image, pt__file_tensors_t **out)
{
    uint8_t *exact = malloc(image->size > 0 ? (size_t)image->size : 1); /* so that a byte too far is seen */
    memcpy(exact, image->bytes, (size_t)image->size);
    pt_status_t status = pt__file_tensors_parse(context, &pt__format_safetensors, "test.safetensors", exact,
                                                image->size, out);
    if (status == PT_OK) { /* touch everything that is handed out */
        const pt__tensors_t *table = pt__file_tensors_table(*out);
        unsigned sum = 0;
        for (int64_t i = 0; i < table->n_entries; i++)
            for (int64_t k = 0; k < table->entries[i].bytes; k++)
                sum += ((const uint8_t *)table->entries[i].data)[k];
        ck_assert_uint_ge(sum, 0);
        pt__file_tensors_close(*out);
        *out = NULL;
    }
    free(exact);
    return status;
}

START_TEST(test_what_the_reference_accepts)
{
    static const struct {
        const char *header;
        int64_t data;
    } cases[] = {
        {"{}", 0},
        {"{}      ", 0},
        {"{\"__metadata__\":{\"framework\":\"pt\"}}     ", 0},
        {"{\"test\":{\"dtype\":\"I32\",\"shape\":[2,2],\"data_offsets\":[0,16]}}", 16}, /* data not aligned */
        {"{\"attn0\":{\"dtype\":\"F32\",\"shape\":[1,1,2,3],\"data_offsets\":[0,24]}}       ", 24},
        {"{\"a\":{\"data_offsets\":[4,6],\"shape\":[],\"dtype\":\"BF16\"},\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_"
         "offsets\":[0,4]}}",
         6},
        {"{\"none\":{\"dtype\":\"F32\",\"shape\":[0,3],\"data_offsets\":[1,1]},\"b\":{\"dtype\":\"BOOL\",\"shape\":[1],"
         "\"data_offsets\":[0,1]}}",
         1},
        {"{\"none\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]},\"b\":{\"dtype\":\"I8\",\"shape\":[1],"
         "\"data_offsets\":[0,1]}}",
         1},
    };
    pt_context_t *context = samples_context();
    pt__file_tensors_t *file;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        image_t image = image_of(cases[i].header, cases[i].data);
        ck_ok(parse(context, &image, &file));
    }
    pt_context_free(context);
}
END_TEST

#define ONE(dtype, shape, offsets) "{\"a\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}}"
#define TWO(first, second)                                           \
    "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":" first \
    "},\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":" second "}}"

/* Tensors that are of no use here do not stand in the way of the others. */
START_TEST(test_unknown_dtypes_and_ranks_are_passed_over)
{
    static const char *const headers[] = {ONE("F8_E4M3", "[16]", "[0,16]"), ONE("F4", "[4,8]", "[0,16]"),
                                          ONE("f32", "[4]", "[0,16]"), ONE("I32", "[1,1,1,1,1,2,2]", "[0,16]")};
    pt_context_t *context = samples_context();
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        image_t image = image_of(headers[i], 16);
        pt__file_tensors_t *file;
        ck_ok(pt__file_tensors_parse(context, &pt__format_safetensors, "test.safetensors", image.bytes, image.size,
                                     &file));
        ck_assert_int_eq(pt__file_tensors_table(file)->n_entries, 1);
        ck_assert_int_eq(pt__file_tensors_table(file)->entries[0].dtype, 0);
        ck_assert_int_eq(pt__file_tensors_table(file)->entries[0].bytes, 16);
        pt__file_tensors_close(file);
    }
    pt_context_free(context);
}
END_TEST

START_TEST(test_what_must_be_refused)
{
    static const struct {
        const char *header;
        int64_t data;
        pt_status_t status;
        const char *part;
    } cases[] = {
        {"{", 0, PT_ERR_FORMAT, "begin with"},
        {"[]", 0, PT_ERR_FORMAT, "begin with"},
        {" {}", 0, PT_ERR_FORMAT, "begin with"},
        {"{}", 1, PT_ERR_FORMAT, "the tensors end at 0, but the file has 1"},
        {"{\"a\":5}", 0, PT_ERR_FORMAT, "tensor \"a\": expected an object"},
        {ONE("I32", "[2,2]", "[0,4]"), 4, PT_ERR_FORMAT, "needs 4 elements of 4 bytes, but data_offsets [0, 4] span 4"},
        {ONE("I32", "[2,2]", "[0,16]"), 15, PT_ERR_FORMAT, "<= 15"},
        {ONE("I32", "[2,2]", "[0,16]"), 17, PT_ERR_FORMAT, "end at 16"},
        {ONE("I32", "[2,2]", "[16,0]"), 16, PT_ERR_FORMAT, "[16, 0]"},
        {ONE("I32", "[2,2]", "[-16,0]"), 16, PT_ERR_FORMAT, "[-16, 0]"},
        {ONE("I32", "[2,2]", "[0]"), 16, PT_ERR_FORMAT, "[BEGIN, END]"},
        {ONE("I32", "[2,2]", "[0,16,32]"), 16, PT_ERR_FORMAT, "[BEGIN, END]"},
        {ONE("I32", "[2,2]", "[0.5,16]"), 16, PT_ERR_FORMAT, "[BEGIN, END]"},
        {ONE("I32", "[2,2]", "[0,18446744073709551616]"), 16, PT_ERR_FORMAT, "[BEGIN, END]"},
        {ONE("I32", "[2,2]", "\"0,16\""), 16, PT_ERR_FORMAT, "data_offsets"},
        {ONE("I32", "[-2,-2]", "[0,16]"), 16, PT_ERR_FORMAT, "shape"},
        {ONE("I32", "[2.0,2]", "[0,16]"), 16, PT_ERR_FORMAT, "shape"},
        {ONE("I32", "[4294967296,4294967296]", "[0,0]"), 0, PT_ERR_FORMAT, "shape"},
        {ONE("I32", "[4611686018427387904]", "[0,0]"), 0, PT_ERR_FORMAT, "needs"},
        {ONE("I32", "[9223372036854775807,2,2]", "[0,16]"), 16, PT_ERR_FORMAT, "shape"},
        {ONE("F8_E4M3", "[16]", "[0,15]"), 16, PT_ERR_FORMAT, "end at 15"},
        {ONE("F8_E4M3", "[16]", "[0,17]"), 16, PT_ERR_FORMAT, "<= 16"},
        {ONE("F8_E4M3", "[-1]", "[0,16]"), 16, PT_ERR_FORMAT, "shape"},
        {"{\"a\":{\"shape\":[4],\"data_offsets\":[0,16]}}", 16, PT_ERR_FORMAT, "dtype"},
        {"{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,16]}}", 16, PT_ERR_FORMAT, "shape"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[16]}}", 16, PT_ERR_FORMAT, "data_offsets"},
        {TWO("[0,4]", "[2,6]"), 6, PT_ERR_FORMAT, "tensor \"b\" begins at 2, expected 4, where a ends: they overlap"},
        {TWO("[0,4]", "[0,4]"), 4, PT_ERR_FORMAT, "overlap"},
        {TWO("[0,4]", "[5,9]"), 9, PT_ERR_FORMAT, "hole"},
        {TWO("[1,5]", "[5,9]"), 9, PT_ERR_FORMAT, "where the header ends: there is a hole"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_"
         "offsets\":[1,2]}}",
         2, PT_ERR_FORMAT, "twice"},
        {"{\"a\\u0000b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1, PT_ERR_FORMAT, "zero byte"},
        {"{\"__metadata__\":[]}", 0, PT_ERR_FORMAT, "__metadata__"},
        {"{\"__metadata__\":{\"a\":1}}", 0, PT_ERR_FORMAT, "metadata \"a\" is a number"},
        {"{\"__metadata__\":{\"a\":\"x\\u0000\"}}", 0, PT_ERR_FORMAT, "zero byte"},
        {"{\"pretrain.checksum\":{\"dtype\":\"U64\",\"shape\":[2],\"data_offsets\":[0,16]}}", 16, PT_ERR_FORMAT,
         "pretrain.checksum"},
        {"{\"a\x80\":1}", 0, PT_ERR_FORMAT, "UTF-8"},
        {"{} x", 0, PT_ERR_FORMAT, "nothing after"},
    };
    pt_context_t *context = samples_context();
    pt__file_tensors_t *file = (pt__file_tensors_t *)1;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        image_t image = image_of(cases[i].header, cases[i].data);
        ck_fails(parse(context, &image, &file), cases[i].status, cases[i].part);
        ck_assert_msg(strstr(pt__error_message(), "test.safetensors") != NULL, "%s", pt__error_message());
        ck_assert_ptr_null(file);
    }
    /* lengths of the header that lie */
    const uint64_t lengths[] = {3,          100,           100000000, 100000001, UINT64_C(1) << 32, UINT64_C(1) << 63,
                                UINT64_MAX, UINT64_MAX - 7};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        image_t image = image_of("{}", 0);
        for (int k = 0; k < 8; k++)
            image.bytes[k] = (uint8_t)(lengths[i] >> 8 * k);
        ck_assert_int_eq(parse(context, &image, &file), PT_ERR_FORMAT);
    }
    for (int64_t size = 0; size < 8; size++) {
        image_t image = image_of("{}", 0);
        image.size = size;
        ck_fails(parse(context, &image, &file), PT_ERR_FORMAT, "length is missing");
    }
    image_t deep = image_of("{\"a\":", 0);
    memset(deep.bytes + 13, '[', 4000);
    deep.bytes[0] = 0;
    deep.bytes[1] = 0x0F;
    deep.size = 8 + 0xF00;
    ck_fails(parse(context, &deep, &file), PT_ERR_FORMAT, "nesting");
    pt_context_free(context);
}
END_TEST

/* ---- Writing ---- */

static float weights[6] = {0, 1, 2, 3, 4, 5};
static uint16_t halves[3] = {7, 8, 9};
static int64_t big[1] = {-1};
static pt__entry_t entries[4] = {
    {.name = "b.weight", .dtype = PT_FLOAT32, .rank = 2, .shape = {2, 3}, .data = weights, .bytes = 24},
    {.name = "half \"x\"", .dtype = PT_FLOAT16, .rank = 1, .shape = {3}, .data = halves, .bytes = 6},
    {.name = "a.weight", .dtype = PT_FLOAT32, .rank = 1, .shape = {2}, .data = weights + 2, .bytes = 8},
    {.name = "scalar", .dtype = PT_INT64, .data = big, .bytes = 8},
};
static pt__pair_t pairs[2] = {{"step", "12"}, {"text", "line\n\"quoted\" \xC3\xA9"}};
static const pt__tensors_t tensors = {.entries = entries, .n_entries = 4, .pairs = pairs, .n_pairs = 2};

static void expect_same(const pt__file_tensors_t *file, const pt__tensors_t *expected)
{
    const pt__tensors_t *table = pt__file_tensors_table(file);
    ck_assert_int_eq(table->n_entries, expected->n_entries);
    ck_assert_int_eq(table->n_pairs, expected->n_pairs);
    for (int64_t i = 0; i < expected->n_entries; i++) {
        const pt__entry_t *entry = &expected->entries[i], *found = pt__tensors_find(table, entry->name);
        ck_assert_ptr_nonnull(found);
        ck_assert(found->dtype == entry->dtype && found->rank == entry->rank && found->bytes == entry->bytes);
        ck_assert_mem_eq(found->shape, entry->shape, sizeof entry->shape);
        if (entry->bytes > 0)
            ck_assert_mem_eq(found->data, entry->data, (size_t)entry->bytes);
    }
    for (int64_t i = 0; i < expected->n_pairs; i++)
        ck_assert_str_eq(pt__tensors_value(table, expected->pairs[i].key), expected->pairs[i].value);
    for (int64_t i = 1; i < table->n_entries; i++)
        ck_assert_int_lt(strcmp(table->entries[i - 1].name, table->entries[i].name), 0);
    ck_assert_ptr_null(pt__tensors_find(table, "nothing"));
    ck_assert_ptr_null(pt__tensors_value(table, "nothing"));
    ck_assert_ptr_null(pt__tensors_find(expected, "nothing"));
    ck_assert_ptr_eq(pt__tensors_find(expected, "a.weight"), &expected->entries[2]);
}

START_TEST(test_bytes_of_the_reference)
{
    pt_context_t *context = samples_context();
    pt__entry_t both[2] = {
        {.name = "test2", .dtype = PT_FLOAT16, .rank = 2, .shape = {2, 2}, .data = weights, .bytes = 8},
        {.name = "test1", .dtype = PT_INT32, .rank = 2, .shape = {2, 2}, .data = weights, .bytes = 16}};
    const char expected[] = "\x80\0\0\0\0\0\0\0{\"test1\":{\"dtype\":\"I32\",\"shape\":[2,2],\"data_offsets\":[0,16]},"
                            "\"test2\":{\"dtype\":\"F16\",\"shape\":[2,2],\"data_offsets\":[16,24]}}      ";
    const char *path = suite_path("reference.safetensors");
    char *bytes;
    int64_t size;
    ck_ok(pt__safetensors_write(context, path, &(pt__tensors_t){.entries = both, .n_entries = 2}, 0));
    pt__memory_t memory;
    pt__memory_init(&memory, NULL, NULL, NULL);
    ck_ok(pt__file_read(&memory, path, 0, &bytes, &size));
    ck_assert_int_eq(size, 8 + 128 + 24);
    ck_assert_mem_eq(bytes, expected, 8 + 128);
    ck_assert_mem_eq(bytes + 136, weights, 16);
    pt__release(&memory, bytes);
    pt_context_free(context);
}
END_TEST

START_TEST(test_written_and_read_back)
{
    pt_context_t *context = samples_context();
    const char *path = suite_path("model.safetensors");
    pt__file_tensors_t *file;
    for (int32_t checksum = 0; checksum <= 1; checksum++) {
        int32_t present = -1;
        ck_ok(pt__safetensors_write(context, path, &tensors, checksum));
        ck_ok(pt__file_tensors_open(context, &pt__format_safetensors, path, 0, &file));
        expect_same(file, &tensors);
        ck_ok(pt__file_tensors_verify(file, &present));
        ck_assert_int_eq(present, checksum);
        ck_ok(pt__file_tensors_verify(file, NULL));
        pt__file_tensors_close(file);
    }
    ck_ok(pt__safetensors_write(context, path, &(pt__tensors_t){0}, 1));
    ck_ok(pt__file_tensors_open(context, &pt__format_safetensors, path, 0, &file));
    ck_assert_int_eq(pt__file_tensors_table(file)->n_entries, 0);
    ck_ok(pt__file_tensors_verify(file, NULL));
    pt__file_tensors_close(file);
    pt__file_tensors_close(NULL);
    ck_fails(pt__file_tensors_open(context, &pt__format_safetensors, suite_path("none"), 0, &file), PT_ERR_NOT_FOUND,
             "none");
    pt_context_free(context);
}
END_TEST

START_TEST(test_every_damaged_bit_is_found)
{
    pt_context_t *context = samples_context();
    const char *path = suite_path("model.safetensors");
    pt__memory_t memory;
    char *bytes;
    int64_t size;
    pt__memory_init(&memory, NULL, NULL, NULL);
    ck_ok(pt__safetensors_write(context, path, &tensors, 1));
    ck_ok(pt__file_read(&memory, path, 0, &bytes, &size));
    for (int64_t bit = 0; bit < 8 * size; bit++) {
        pt__file_tensors_t *file;
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
        pt_status_t status = pt__file_tensors_parse(context, &pt__format_safetensors, "damaged", bytes, size, &file);
        if (status == PT_OK) {
            int32_t present;
            status = pt__file_tensors_verify(file, &present);
            ck_assert(status == PT_ERR_FORMAT || !present); /* only damage to the name of the checksum hides it */
            pt__file_tensors_close(file);
        } else {
            ck_assert(status == PT_ERR_FORMAT || status == PT_ERR_UNSUPPORTED);
        }
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
    }
    for (int64_t length = 0; length < size; length++) {
        pt__file_tensors_t *file;
        ck_assert_int_eq(pt__file_tensors_parse(context, &pt__format_safetensors, "cut", bytes, length, &file),
                         PT_ERR_FORMAT);
    }
    pt__release(&memory, bytes);
    pt_context_free(context);
}
END_TEST

START_TEST(test_what_cannot_be_written)
{
    pt_context_t *context = samples_context();
    const char *path = suite_path("model.safetensors");
    pt__entry_t changed[4];
    const pt__tensors_t table = {.entries = changed, .n_entries = 4};
#define CHANGED(change, status, part)                                            \
    do {                                                                         \
        memcpy(changed, entries, sizeof changed);                                \
        change;                                                                  \
        ck_fails(pt__safetensors_write(context, path, &table, 1), status, part); \
        ck_assert(!pt__file_exists(path));                                       \
    } while (0)
    CHANGED(changed[1].name = "b.weight", PT_ERR_ARGUMENT, "two tensors");
    CHANGED(changed[1].name = "__metadata__", PT_ERR_ARGUMENT, "__metadata__");
    CHANGED(changed[1].name = "pretrain.checksum", PT_ERR_ARGUMENT, "checksum");
    CHANGED(changed[1].name = "gr\xf6\xdf"
                              "e",
            PT_ERR_ARGUMENT, "not UTF-8");
    CHANGED(changed[1].bytes = 5, PT_ERR_SHAPE, "5 bytes, expected 3 elements of 2");
    CHANGED(changed[1].dtype = 0, PT_ERR_ARGUMENT, "dtype 0");
    CHANGED(changed[1].rank = 7, PT_ERR_ARGUMENT, "rank 7");
    CHANGED(changed[1].shape[0] = -3, PT_ERR_SHAPE, "half");
#undef CHANGED
    const char *const wrong = "\xff";
    pt__pair_t wrong_pairs[] = {{"key", wrong}, {wrong, "value"}};
    for (int i = 0; i < 2; i++) {
        const pt__tensors_t with_pairs = {
            .entries = (pt__entry_t *)entries, .n_entries = 4, .pairs = wrong_pairs + i, .n_pairs = 1};
        ck_fails(pt__safetensors_write(context, path, &with_pairs, 1), PT_ERR_ARGUMENT, "not UTF-8");
        ck_assert(!pt__file_exists(path));
    }
    pt_context_free(context);
}
END_TEST

START_TEST(test_a_failing_disk_leaves_the_old_file)
{
    pt_context_t *context = samples_context();
    const char *path = suite_path("model.safetensors");
    pt__file_tensors_t *file;
    pt__tensors_t old = tensors;
    old.n_entries = 3;
    for (int kind = 0; kind < FAILING_IO_COUNT; kind++) {
        for (long n = 1;; n++) {
            ck_ok(pt__safetensors_write(context, path, &old, 1));
            failing_io_arm((failing_io_t)kind, n, ENOSPC);
            pt_status_t status = pt__safetensors_write(context, path, &tensors, 1);
            long calls = failing_io_calls((failing_io_t)kind);
            failing_io_disarm();
            ck_ok(pt__file_tensors_open(context, &pt__format_safetensors, path, 0, &file));
            ck_ok(pt__file_tensors_verify(file, NULL));
            ck_assert(status == PT_OK || status == PT_ERR_IO);
            if (status == PT_OK)
                ck_assert_int_eq(pt__file_tensors_table(file)->n_entries, 4);
            pt__file_tensors_close(file);
            if (calls < n)
                break;
        }
    }
    pt_context_free(context);
}
END_TEST

static pt_status_t write_and_read(failing_allocator_t *allocator, const char *path)
{
    pt_context_t *context = NULL;
    pt__file_tensors_t *file = NULL;
    pt_status_t status = samples_failing_context(allocator, &context);
    if (status == PT_OK)
        status = pt__safetensors_write(context, path, &tensors, 1);
    if (status == PT_OK)
        status = pt__file_tensors_open(context, &pt__format_safetensors, path, 0, &file);
    if (status == PT_OK)
        status = pt__file_tensors_verify(file, NULL);
    pt__file_tensors_close(file);
    pt_context_free(context);
    return status;
}

START_TEST(test_every_allocation_may_fail)
{
    failing_allocator_t allocator;
    pt_status_t status;
    const char *path = suite_path("model.safetensors");
    FOR_EACH_FAILING_ALLOCATION(allocator, status = write_and_read(&allocator, path), status);
}
END_TEST

SUITE("safetensors", 120, test_what_the_reference_accepts, test_unknown_dtypes_and_ranks_are_passed_over,
      test_what_must_be_refused, test_bytes_of_the_reference, test_written_and_read_back,
      test_every_damaged_bit_is_found, test_what_cannot_be_written, test_a_failing_disk_leaves_the_old_file,
      test_every_allocation_may_fail)
