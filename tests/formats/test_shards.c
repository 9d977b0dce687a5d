/* Tensors in several files with an index: what Hugging Face's writer wrote is read, what an index may lie about is
 * refused with names, and our own sets are whole at any moment. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "formats/tensors.h"
#include "support/failing_io.h"
#include "support/samples.h"

#define GOLDEN "tests/golden/checkpoints/"

static void expect_same(const pt__tensors_t *table, const pt__tensors_t *expected)
{
    ck_assert_int_eq(table->n_entries, expected->n_entries);
    ck_assert_int_eq(table->sorted, 1);
    for (int64_t i = 0; i < expected->n_entries; i++) {
        const pt__entry_t *b = &expected->entries[i], *a = pt__tensors_find(table, b->name);
        ck_assert_msg(a != NULL && a->dtype == b->dtype && a->rank == b->rank && a->bytes == b->bytes, "%s", b->name);
        ck_assert_mem_eq(a->shape, b->shape, (size_t)b->rank * sizeof b->shape[0]);
        ck_assert_msg(b->bytes == 0 || memcmp(a->data, b->data, (size_t)b->bytes) == 0, "%s", b->name);
    }
}

static void open_like_golden(pt_context_t *context, const char *path, uint32_t flags)
{
    const pt_load_options_t options = {.flags = flags};
    char whole[512];
    pt__file_tensors_t *file, *expected;
    snprintf(whole, sizeof whole, "%s", suite_source(path));
    ck_ok(pt__file_tensors_open(context, NULL, suite_source(GOLDEN "tensors.safetensors"), 0, &expected));
    ck_ok(pt__place_open(context, whole, &options, &file));
    expect_same(pt__file_tensors_table(file), pt__file_tensors_table(expected));
    ck_ok(pt__file_tensors_check(file));
    ck_ok(pt__file_tensors_verify(file, NULL));
    pt__file_tensors_close(file);
    pt__file_tensors_close(expected);
}

START_TEST(test_what_the_reference_wrote)
{
    pt_context_t *context = samples_context();
    open_like_golden(context, GOLDEN "shards/model.safetensors.index.json", 0);
    open_like_golden(context, GOLDEN "shards/model.safetensors.index.json", PT_LOAD_MAPPED);
    open_like_golden(context, GOLDEN "shards/pytorch_model.bin.index.json", 0);
    open_like_golden(context, GOLDEN "shards/pytorch_model.bin.index.json", PT_LOAD_MAPPED);
    open_like_golden(context, GOLDEN "shards/model.safetensors", 0); /* as it was saved */
    pt_context_free(context);
}
END_TEST

/* ---- What an index may say ---- */

/* Shards a.st with "a" and "both", b.st with "b" and "both" too. */
static void write_two(pt_context_t *context)
{
    static const float numbers[2] = {1, 2};
    pt__entry_t entries[2] = {{.name = "a", .dtype = PT_FLOAT32, .rank = 1, .shape = {2}, .data = numbers, .bytes = 8},
                              {.name = "both", .dtype = PT_FLOAT32, .data = numbers, .bytes = 4}};
    const pt__tensors_t tensors = {.entries = entries, .n_entries = 2};
    ck_ok(pt__safetensors_write(context, suite_path("a.st"), &tensors, 0));
    entries[0].name = "b";
    ck_ok(pt__safetensors_write(context, suite_path("b.st"), &tensors, 0));
}

START_TEST(test_what_must_be_refused)
{
    static const struct {
        const char *index;
        pt_status_t status;
        const char *part;
    } cases[] = {
        {"{}", PT_ERR_FORMAT, "JSON without \"weight_map\", expected an index of shards"},
        {"{\"weight_map\": []}", PT_ERR_FORMAT, "weight_map"},
        {"{\"weight_map\": {\"a\": \"a.st\"}", PT_ERR_FORMAT, "the index"},
        {"{\"weight_map\": {\"a\": \"a.st\", \"a\": \"b.st\"}}", PT_ERR_FORMAT, "a"},
        {"{\"weight_map\": {\"a\": 1}}", PT_ERR_FORMAT, "weight_map.a: a number, expected the name of a file"},
        {"{\"weight_map\": {\"a\": \"\"}}", PT_ERR_FORMAT, "weight_map.a: \"\", expected the name of a file"},
        {"{\"weight_map\": {\"a\": \"../a.st\"}}", PT_ERR_FORMAT, "\"../a.st\", expected the name of a file beside"},
        {"{\"weight_map\": {\"a\": \"/etc/passwd\"}}", PT_ERR_FORMAT, "\"/etc/passwd\", expected the name of a file"},
        {"{\"weight_map\": {\"a\": \"..\"}}", PT_ERR_FORMAT, "\"..\", expected the name of a file"},
        {"{\"weight_map\": {\"a\": \"x\\\\a.st\"}}", PT_ERR_FORMAT, "expected the name of a file"},
        {"{\"weight_map\": {\"a\": \"a.st\\u0000\"}}", PT_ERR_FORMAT, "a zero byte"},
        {"{\"weight_map\": {\"a\": \"none.st\"}}", PT_ERR_NOT_FOUND, "none.st: cannot open"},
        {"{\"weight_map\": {\"a\": \"x.index.json\"}}", PT_ERR_FORMAT, "x.index.json: it is an index of shards itself"},
        {"{\"weight_map\": {\"a\": \"b.st\", \"b\": \"b.st\"}}", PT_ERR_FORMAT,
         "tensor \"a\" is not in b.st, where the index says"},
        {"{\"weight_map\": {\"a\": \"a.st\"}}", PT_ERR_FORMAT,
         "tensor \"both\" is in a.st, but the index says nothing"},
        {"{\"weight_map\": {\"a\": \"a.st\", \"both\": \"a.st\", \"b\": \"b.st\"}}", PT_ERR_FORMAT,
         "tensor \"both\" is in b.st, but the index says a.st"},
    };
    pt_context_t *context = samples_context();
    const int64_t held = pt_context_bytes(context);
    pt__file_tensors_t *file;
    write_two(context);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *path = suite_write("x.index.json", cases[i].index, strlen(cases[i].index));
        ck_fails(pt__file_tensors_open(context, NULL, path, 0, &file), cases[i].status, cases[i].part);
        ck_assert_ptr_nonnull(strstr(pt__error_message(), "x.index.json: "));
        ck_assert_int_eq(pt_context_bytes(context), held);
    }
    ck_fails(pt__file_tensors_parse(context, NULL, "memory", cases[0].index, 2, &file), PT_ERR_UNSUPPORTED,
             "memory: an index of shards needs the files beside it");
    pt_context_free(context);
}
END_TEST

/* ---- Writing ---- */

enum { COUNT = 5 };
static float values[2][COUNT][4];
static pt__entry_t entries[2][COUNT];
static pt__pair_t pairs[] = {{"format", "pt"}};

/* Two sets of the same names, of other numbers; tensors of 16 bytes. */
static pt__tensors_t tensors_of(int set)
{
    static const char *const names[COUNT] = {"e", "a", "c", "b", "d"};
    for (int i = 0; i < COUNT; i++) {
        for (int k = 0; k < 4; k++)
            values[set][i][k] = (float)(100 * set + 10 * i + k);
        entries[set][i] = (pt__entry_t){
            .name = names[i], .dtype = PT_FLOAT32, .rank = 1, .shape = {4}, .data = values[set][i], .bytes = 16};
    }
    return (pt__tensors_t){.entries = entries[set], .n_entries = COUNT, .pairs = pairs, .n_pairs = 1};
}

static void expect_set(pt_context_t *context, const char *path, const pt__tensors_t *expected)
{
    pt__file_tensors_t *file;
    const pt_load_options_t options = {.flags = 0};
    ck_ok(pt__place_open(context, path, &options, &file));
    expect_same(pt__file_tensors_table(file), expected);
    ck_assert_str_eq(pt__tensors_value(pt__file_tensors_table(file), "format"), "pt");
    pt__file_tensors_close(file);
}

START_TEST(test_sets_are_written_and_replaced)
{
    pt_context_t *context = samples_context();
    const pt__tensors_t first = tensors_of(0), second = tensors_of(1);
    char directory[512], path[600];
    snprintf(directory, sizeof directory, "%s", suite_path("model"));
    snprintf(path, sizeof path, "%s/m.safetensors", directory);
    ck_ok(pt__directory_make(&context->memory, directory));
    suite_write("model/m-1.safetensors", "", 0); /* others' files stay */
    suite_write("model/n-00001-of-00002.safetensors", "", 0);
#define OTHERS "m-1.safetensors"
#define N      " n-00001-of-00002.safetensors"
    ck_ok(pt__shards_write(context, path, &first, 40));
    ck_assert_str_eq(suite_listing(directory),
                     "m-00001-of-00003.safetensors m-00002-of-00003.safetensors m-00003-of-00003.safetensors " OTHERS
                     " m.safetensors.index.json" N);
    expect_set(context, path, &first);
    ck_ok(pt__shards_write(context, path, &second, 16)); /* beside the first, which then goes */
    ck_assert_str_eq(suite_listing(directory), OTHERS " m-2-00001-of-00005.safetensors m-2-00002-of-00005.safetensors "
                                                      "m-2-00003-of-00005.safetensors m-2-00004-of-00005.safetensors "
                                                      "m-2-00005-of-00005.safetensors m.safetensors.index.json" N);
    expect_set(context, path, &second);
    ck_ok(pt__shards_write(context, path, &first, 1)); /* each tensor is larger */
    ck_assert_ptr_nonnull(strstr(suite_listing(directory), "m-00005-of-00005.safetensors"));
    expect_set(context, path, &first);
    ck_ok(pt__shards_write(context, path, &second, 80)); /* fits one file */
    ck_assert_str_eq(suite_listing(directory), OTHERS " m.safetensors" N);
    expect_set(context, path, &second);
    ck_ok(pt__shards_write(context, path, &first, 79)); /* which goes, since readers take it before an index */
    ck_assert_str_eq(suite_listing(directory),
                     "m-00001-of-00002.safetensors m-00002-of-00002.safetensors " OTHERS " m.safetensors.index.json" N);
    expect_set(context, path, &first);
    ck_fails(pt__shards_write(context, suite_path("none/m.safetensors"), &first, 16), PT_ERR_NOT_FOUND, "none");
    ck_fails(pt__shards_write(context, "", &first, 16), PT_ERR_ARGUMENT, "no name of a file");
    pt_context_free(context);
}
END_TEST

START_TEST(test_bytes_of_a_set)
{
    pt_context_t *context = samples_context();
    const pt__tensors_t tensors = tensors_of(0);
    int64_t bytes, sum = 0, size;
    ck_ok(pt__directory_make(&context->memory, suite_path("sizes")));
    ck_ok(pt__shards_write(context, suite_path("sizes/m.safetensors"), &tensors, 40));
    ck_ok(pt__shards_bytes(context, &tensors, 40, &bytes));
    for (int i = 1; i <= 3; i++) {
        char name[64];
        snprintf(name, sizeof name, "sizes/m-%05d-of-00003.safetensors", i);
        ck_ok(pt__file_size(suite_path(name), &size));
        sum += size;
    }
    ck_assert_int_eq(bytes, sum);
    pt_context_free(context);
}
END_TEST

START_TEST(test_a_failing_disk_leaves_the_old_set)
{
    static const failing_io_t kinds[] = {FAILING_FSYNC, FAILING_WRITE,   FAILING_RENAME, FAILING_CLOSE,
                                         FAILING_OPEN,  FAILING_OPENDIR, FAILING_READDIR};
    pt_context_t *context = samples_context();
    const pt__tensors_t old = tensors_of(0), new = tensors_of(1);
    char directory[512], path[600];
    snprintf(directory, sizeof directory, "%s", suite_path("disk"));
    snprintf(path, sizeof path, "%s/m.safetensors", directory);
    ck_ok(pt__directory_make(&context->memory, directory));
    for (size_t kind = 0; kind < sizeof kinds / sizeof kinds[0]; kind++) {
        if (kind == 1)
            failing_io_skip_fsync();
        for (long n = 1;; n++) {
            ck_ok(pt__shards_write(context, path, &old, 48));
            failing_io_arm(kinds[kind], n, EIO);
            pt_status_t status = pt__shards_write(context, path, &new, 48);
            const long calls = failing_io_calls(kinds[kind]);
            failing_io_disarm();
            ck_assert(status == PT_OK || status == PT_ERR_IO);
            pt__file_tensors_t *file;
            ck_ok(pt__place_open(context, path, &(pt_load_options_t){.flags = 0}, &file));
            const float *first = pt__tensors_find(pt__file_tensors_table(file), "e")->data;
            expect_same(pt__file_tensors_table(file), *first < 100 ? &old : &new);
            ck_assert(status != PT_OK || *first >= 100);
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
    const pt__tensors_t tensors = tensors_of(0);
    pt_context_t *context = NULL;
    pt__file_tensors_t *file = NULL;
    pt_status_t status = samples_failing_context(allocator, &context);
    if (status == PT_OK)
        status = pt__shards_write(context, path, &tensors, 48);
    if (status == PT_OK)
        status = pt__place_open(context, path, &(pt_load_options_t){.flags = 0}, &file);
    pt__file_tensors_close(file);
    pt_context_free(context);
    return status;
}

START_TEST(test_every_allocation_may_fail)
{
    failing_allocator_t allocator;
    pt_status_t status;
    char path[512];
    snprintf(path, sizeof path, "%s", suite_path("model.safetensors"));
    failing_io_skip_fsync();
    FOR_EACH_FAILING_ALLOCATION(allocator, status = write_and_read(&allocator, path), status);
}
END_TEST

SUITE("shards", 60, test_what_the_reference_wrote, test_what_must_be_refused, test_sets_are_written_and_replaced,
      test_bytes_of_a_set, test_a_failing_disk_leaves_the_old_set, test_every_allocation_may_fail)
