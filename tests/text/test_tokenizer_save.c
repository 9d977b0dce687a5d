/* Saving a tokenizer: the bytes that it was read from, to each place that a host may name, whole or not at all. */
#include <stdio.h>
#include <string.h>

#include "base/context.h"
#include "base/file.h"
#include "support/failing_allocator.h"
#include "support/suite.h"

static const char file[] = "{\"model\": {\"type\": \"BPE\", \"unk_token\": \"?\", \"merges\": [\"a b\"],"
                           " \"vocab\": {\"?\": 0, \"a\": 1, \"b\": 2, \"ab\": 3}}, \"host's own\":   null}\n";
enum { SIZE = sizeof file - 1 };

static pt_context_t *context;
static pt_tokenizer_t *tokenizer;

static void begin(void)
{
    const pt_load_options_t place = {.struct_size = sizeof place, .data = file, .bytes = SIZE};
    ck_ok(pt_context_create(NULL, &context));
    ck_ok(pt_tokenizer_open(context, NULL, &place, &tokenizer));
}

static void end(void)
{
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
}

START_TEST(test_to_a_path)
{
    pt_tokenizer_t *again;
    int64_t bytes = 0, size;
    char *read;
    begin();
    const char *path = suite_path("saved.json");
    const pt_save_options_t options = {.struct_size = sizeof options, .bytes = &bytes};
    for (int i = 0; i < 2; i++) { /* the second one takes the place of the first */
        ck_ok(pt_tokenizer_save(tokenizer, path, i == 0 ? NULL : &options));
        ck_ok(pt__file_read(&context->memory, path, 0, &read, &size));
        ck_assert_int_eq(size, SIZE);
        ck_assert_mem_eq(read, file, SIZE);
        pt__release(&context->memory, read);
    }
    ck_assert_int_eq(bytes, SIZE);
    ck_assert_str_eq(suite_listing(suite_directory()), "saved.json");
    ck_ok(pt_tokenizer_open(context, path, NULL, &again));
    ck_assert_int_eq(pt_tokenizer_id(again, "ab"), 3);
    pt_tokenizer_free(again);
    end();
}
END_TEST

START_TEST(test_to_memory)
{
    char room[SIZE + 1] = {0};
    int64_t bytes = 0;
    pt_save_options_t options = {.struct_size = sizeof options, .bytes = &bytes};
    begin();
    ck_ok(pt_tokenizer_save(tokenizer, NULL, &options));
    ck_assert_int_eq(bytes, SIZE);
    bytes = 0;
    options.data = room;
    options.capacity = SIZE - 1;
    ck_fails(pt_tokenizer_save(tokenizer, NULL, &options), PT_ERR_ARGUMENT, "memory: capacity is");
    ck_assert_str_eq(pt_tokenizer_last_error(tokenizer), pt_last_error());
    ck_assert_int_eq(bytes, SIZE);
    ck_assert_int_eq(room[0], 0);
    options.capacity = SIZE;
    ck_ok(pt_tokenizer_save(tokenizer, NULL, &options));
    ck_assert_mem_eq(room, file, SIZE);
    ck_assert_int_eq(room[SIZE], 0);
    end();
}
END_TEST

typedef struct host {
    char bytes[SIZE];
    int64_t fails; /* with this code, where it is not 0 */
} host_t;

static void take(void *user, pt_write_t *write)
{
    host_t *host = user;
    ck_assert_int_eq(write->total, SIZE);
    write->user_code = host->fails;
    if (host->fails != 0)
        return;
    memcpy(host->bytes + write->offset, write->data, (size_t)write->bytes);
    write->status = PT_OK;
}

START_TEST(test_to_a_callback)
{
    host_t host = {.fails = 0};
    pt_save_options_t options = {.struct_size = sizeof options, .write = take, .user = &host};
    begin();
    ck_ok(pt_tokenizer_save(tokenizer, NULL, &options));
    ck_assert_mem_eq(host.bytes, file, SIZE);
    host.fails = 42;
    ck_fails(pt_tokenizer_save(tokenizer, NULL, &options), PT_ERR_CALLBACK, "user_code 42");
    end();
}
END_TEST

START_TEST(test_what_is_refused)
{
    pt_save_options_t options = {.struct_size = sizeof options};
    begin();
    const char *path = suite_path("saved.json");
    ck_fails(pt_tokenizer_save(NULL, path, NULL), PT_ERR_ARGUMENT, "tokenizer is NULL");
    ck_fails(pt_tokenizer_save(tokenizer, NULL, NULL), PT_ERR_ARGUMENT, "pt_tokenizer_save: path is NULL");
    options.flags = PT_SAVE_TRAINED_ONLY;
    ck_fails(pt_tokenizer_save(tokenizer, path, &options), PT_ERR_ARGUMENT, "flags is 1, expected 0");
    options.flags = 0;
    options.dtype = PT_FLOAT16;
    ck_fails(pt_tokenizer_save(tokenizer, path, &options), PT_ERR_ARGUMENT, "dtype is set");
    options.dtype = 0;
    options.names = "*";
    ck_fails(pt_tokenizer_save(tokenizer, path, &options), PT_ERR_ARGUMENT, "names is set");
    ck_fails(pt_tokenizer_save(tokenizer, suite_path("no/such.json"), NULL), PT_ERR_NOT_FOUND, "such.json");
    ck_fails(pt_tokenizer_save(tokenizer, suite_directory(), NULL), PT_ERR_IO, suite_directory());
    ck_assert_str_eq(suite_listing(suite_directory()), "");
    end();
}
END_TEST

static pt_status_t open_and_save(failing_allocator_t *allocator, const char *path)
{
    const pt_load_options_t place = {.struct_size = sizeof place, .data = file, .bytes = SIZE};
    pt_context_options_t options;
    ck_ok(pt_context_options_init(&options, sizeof options));
    options.threads = 1;
    failing_allocator_hooks(allocator, &options);
    PT__TRY(pt_context_create(&options, &context));
    pt_status_t status = pt_tokenizer_open(context, NULL, &place, &tokenizer);
    if (status == PT_OK)
        status = pt_tokenizer_save(tokenizer, path, NULL);
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
    return status;
}

START_TEST(test_failing_allocations)
{
    failing_allocator_t allocator;
    pt_status_t status;
    const char *path = suite_path("saved.json");
    FOR_EACH_FAILING_ALLOCATION(allocator, { status = open_and_save(&allocator, path); }, status);
    ck_assert_str_eq(suite_listing(suite_directory()), "saved.json");
}
END_TEST

SUITE("tokenizer_save", 60, test_to_a_path, test_to_memory, test_to_a_callback, test_what_is_refused,
      test_failing_allocations)
