/* A tokenizer saved into a model's directory: the file itself, and what makes the transformers library read it. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "support/failing_allocator.h"
#include "support/suite.h"
#include "text/tokenizer.h"

#define ADDED(id, content, special) "{\"id\": " #id ", \"content\": \"" content "\", \"special\": " special "}"
#define WHOLE(added, vocabulary)                                                                             \
    "{\"added_tokens\": [" added "], \"model\": {\"type\": \"WordLevel\", \"unk_token\": \"u\", \"vocab\": " \
    "{" vocabulary "}}}"

static const char of_bert[] = WHOLE(ADDED(0, "[UNK]", "true") ", " ADDED(1, "[CLS]", "true") ", " ADDED(
                                        2, "[MASK]", "true") ", " ADDED(3, "</s>", "false"),
                                    "\"u\": 4, \"<pad>\": 5");
static const char of_gpt[] = WHOLE(ADDED(0, "<|endoftext|>", "true"), "\"u\": 1");
static const pt_save_options_t as_directory = {.struct_size = sizeof as_directory, .format = PT_FORMAT_DIRECTORY};

static pt_status_t open_text(pt_context_t *context, const char *text, pt_tokenizer_t **tokenizer)
{
    const pt_load_options_t place = {.struct_size = sizeof place, .data = text, .bytes = (int64_t)strlen(text)};
    return pt_tokenizer_open(context, NULL, &place, tokenizer);
}

static void check_file(const char *path, const char *expected)
{
    char text[2048] = "";
    FILE *file = fopen(suite_path(path), "rb");
    ck_assert_ptr_nonnull(file);
    size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    ck_assert_uint_eq(size, strlen(expected));
    ck_assert_str_eq(text, expected);
}

/* Special tokens have the roles that their names say; what is not special has none. */
START_TEST(test_roles)
{
    pt_context_t *context;
    pt_tokenizer_t *tokenizer, *again;
    ck_ok(pt_context_create(NULL, &context));
    ck_ok(open_text(context, of_bert, &tokenizer));
    ck_ok(pt_tokenizer_save(tokenizer, suite_path("berts"), &as_directory));
    ck_assert_str_eq(suite_listing(suite_path("berts")), "tokenizer.json tokenizer_config.json");
    check_file("berts/tokenizer.json", of_bert);
    check_file("berts/tokenizer_config.json",
               "{\n  \"tokenizer_class\": \"PreTrainedTokenizerFast\",\n  \"unk_token\": \"[UNK]\",\n  \"cls_token\": "
               "\"[CLS]\",\n  \"mask_token\": \"[MASK]\",\n  \"clean_up_tokenization_spaces\": false\n}\n");
    ck_ok(pt_tokenizer_open(context, suite_path("berts"), NULL, &again));
    ck_assert_int_eq(pt_tokenizer_size(again), pt_tokenizer_size(tokenizer));
    pt_tokenizer_free(again);
    pt_tokenizer_free(tokenizer);
    ck_ok(open_text(context, of_gpt, &tokenizer));
    ck_ok(pt_tokenizer_save(tokenizer, suite_path("berts"), &as_directory)); /* in place of the other */
    check_file("berts/tokenizer_config.json",
               "{\n  \"tokenizer_class\": \"PreTrainedTokenizerFast\",\n  \"bos_token\": \"<|endoftext|>\",\n  "
               "\"eos_token\": \"<|endoftext|>\",\n  \"clean_up_tokenization_spaces\": false\n}\n");
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
}
END_TEST

START_TEST(test_refused)
{
    static char longest[5000];
    pt_context_t *context;
    pt_tokenizer_t *tokenizer;
    int64_t bytes;
    pt_save_options_t options = as_directory;
    ck_ok(pt_context_create(NULL, &context));
    ck_ok(open_text(context, of_gpt, &tokenizer));
    options.bytes = &bytes;
    ck_fails(pt_tokenizer_save(tokenizer, suite_path("x"), &options), PT_ERR_ARGUMENT, "needs a path");
    options.bytes = NULL;
    suite_write("file", "", 0);
    ck_fails(pt_tokenizer_save(tokenizer, suite_path("file"), &options), PT_ERR_NOT_FOUND, "file");
    memset(longest, 'a', sizeof longest - 1);
    ck_assert_int_ne(pt_tokenizer_save(tokenizer, longest, &options), PT_OK);
    options.format = PT_FORMAT_DIRECTORY + 1;
    ck_fails(pt_tokenizer_save(tokenizer, suite_path("x"), &options), PT_ERR_ARGUMENT, "format is 2");
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
}
END_TEST

static pt_status_t whole_life(failing_allocator_t *allocator, const char *path)
{
    pt_context_options_t options;
    pt_context_t *context = NULL;
    pt_tokenizer_t *tokenizer = NULL;
    pt_status_t status;
    ck_ok(pt_context_options_init(&options, sizeof options));
    failing_allocator_hooks(allocator, &options);
    options.threads = 1;
    PT__TRY_OUT(pt_context_create(&options, &context));
    PT__TRY_OUT(open_text(context, of_bert, &tokenizer));
    PT__TRY_OUT(pt_tokenizer_save(tokenizer, path, &as_directory));
out:
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
    return status;
}

START_TEST(test_every_allocation_may_fail)
{
    failing_allocator_t allocator;
    char path[512];
    pt_status_t status;
    snprintf(path, sizeof path, "%s", suite_path("memory"));
    FOR_EACH_FAILING_ALLOCATION(allocator, { status = whole_life(&allocator, path); }, status);
}
END_TEST

SUITE("tokenizer_directory", 30, test_roles, test_refused, test_every_allocation_may_fail)
