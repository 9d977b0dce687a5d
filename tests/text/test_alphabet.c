/* Alphabets of characters: made of a string, opened from a vocab.json as wav2vec 2.0 has it, saved and opened again;
 * what becomes of other characters; what is refused. */
#include <stdio.h>
#include <string.h>

#include "support/failing_allocator.h"
#include "support/samples.h"
#include "support/suite.h"

enum { MOST = 64 };

typedef struct encoded {
    int32_t ids[MOST];
    int64_t count;
} encoded_t;

static pt_status_t encode(pt_tokenizer_t *tokenizer, const char *text, encoded_t *out)
{
    const pt_text_t given = {.text = text, .bytes = (int64_t)strlen(text)};
    pt_array_t ids = {.dtype = PT_INT32, .data = out->ids, .capacity = MOST};
    PT__TRY(pt_tokenizer_encode(tokenizer, &given, sizeof given, 1, NULL, &ids, NULL, NULL, sizeof ids));
    out->count = ids.elements;
    return PT_OK;
}

static void expect_ids(pt_tokenizer_t *tokenizer, const char *text, int64_t count, const int32_t *ids)
{
    encoded_t found;
    ck_ok(encode(tokenizer, text, &found));
    ck_assert_int_eq(found.count, count);
    for (int64_t i = 0; i < count; i++)
        ck_assert_msg(found.ids[i] == ids[i], "\"%s\": token %d is %d", text, (int)i, (int)found.ids[i]);
}
#define EXPECT_IDS(tokenizer, text, ...) \
    expect_ids(tokenizer, text, sizeof((int32_t[]){__VA_ARGS__}) / 4, (int32_t[]){__VA_ARGS__})

static void expect_text(pt_tokenizer_t *tokenizer, const char *text, const char *again)
{
    encoded_t found;
    char buffer[MOST];
    size_t length;
    ck_ok(encode(tokenizer, text, &found));
    const pt_array_t ids = {.dtype = PT_INT32, .data = found.ids, .elements = found.count};
    ck_ok(pt_tokenizer_decode(tokenizer, &ids, sizeof ids, 0, buffer, sizeof buffer, &length));
    ck_assert_str_eq(buffer, again);
}

static void expect_refused(pt_tokenizer_t *tokenizer, const char *text, const char *part)
{
    encoded_t found;
    ck_assert_int_eq(encode(tokenizer, text, &found), PT_ERR_FORMAT);
    ck_assert_msg(strstr(pt_last_error(), part) != NULL, "%s", pt_last_error());
}

static pt_tokenizer_t *make(pt_context_t *context, const char *characters, uint32_t flags, int32_t unknown,
                            const char *delimiter)
{
    pt_alphabet_options_t options;
    pt_tokenizer_t *tokenizer;
    ck_ok(pt_alphabet_options_init(&options, sizeof options));
    options.flags = flags;
    options.unknown = unknown;
    options.delimiter = delimiter;
    ck_ok(pt_tokenizer_from_characters(context, characters, &options, &tokenizer));
    return tokenizer;
}

START_TEST(test_characters)
{
    pt_context_t *context = samples_context();
    pt_tokenizer_t *tokenizer = make(context, " abcé'", 0, 0, NULL), *again;
    ck_assert_int_eq(pt_tokenizer_size(tokenizer), 6);
    EXPECT_IDS(tokenizer, "a bé", 1, 0, 2, 4);
    expect_text(tokenizer, "cab é'", "cab é'");
    expect_ids(tokenizer, "", 0, NULL);
    expect_refused(tokenizer, "abxa", "the character \"x\" (U+0078), byte 2 of \"abxa\", is not in the alphabet");
    expect_refused(tokenizer, "aß", "\"ß\" (U+00DF)");
    expect_refused(tokenizer, "A", "\"A\" (U+0041)");
    const char *path = suite_path("alphabet.json");
    ck_ok(pt_tokenizer_save(tokenizer, path, NULL));
    ck_ok(pt_tokenizer_open(context, path, NULL, &again));
    EXPECT_IDS(again, "a bé", 1, 0, 2, 4);
    expect_text(again, "cab é'", "cab é'");
    expect_refused(again, "abxa", "\"x\"");
    pt_tokenizer_free(again);
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
}
END_TEST

START_TEST(test_other_characters)
{
    pt_context_t *context = samples_context();
    pt_tokenizer_t *tokenizer = make(context, "ab|", 0, PT_ALPHABET_UNKNOWN_DROPPED, "|");
    EXPECT_IDS(tokenizer, "xa bxx", 0, 2, 1);
    expect_ids(tokenizer, "xyz", 0, NULL);
    expect_text(tokenizer, "ba, ab!", "ba ab");
    pt_tokenizer_free(tokenizer);
    tokenizer = make(context, "ab|", 0, PT_ALPHABET_UNKNOWN_TOKEN, "|");
    ck_assert_int_eq(pt_tokenizer_size(tokenizer), 4);
    ck_assert_int_eq(pt_tokenizer_id(tokenizer, "<unk>"), 3);
    EXPECT_IDS(tokenizer, "xa b", 3, 0, 2, 1);
    pt_tokenizer_free(tokenizer);
    tokenizer = make(context, "aÉB", PT_ALPHABET_FOLD_CASE, 0, NULL);
    EXPECT_IDS(tokenizer, "Aabéb", 0, 0, 2, 1, 2);
    expect_text(tokenizer, "Aé", "aÉ");
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
}
END_TEST

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(suite_path(name), "wb");
    ck_assert(file != NULL);
    fputs(text, file);
    fclose(file);
}

START_TEST(test_vocabulary)
{
    static const char vocabulary[] =
        "{\"<pad>\": 0, \"<s>\": 1, \"</s>\": 2, \"<unk>\": 3, \"|\": 4, \"E\": 5, \"T\": 6}";
    const pt_load_options_t place = {.struct_size = sizeof place, .data = vocabulary, .bytes = sizeof vocabulary - 1};
    pt_context_t *context = samples_context();
    pt_tokenizer_t *tokenizer;
    int32_t kinds[8];
    ck_ok(pt_tokenizer_open(context, NULL, &place, &tokenizer));
    EXPECT_IDS(tokenizer, "TE ET", 6, 5, 4, 5, 6);
    expect_text(tokenizer, "TE ET", "TE ET");
    expect_refused(tokenizer, "TEx", "\"x\"");
    expect_refused(tokenizer, "te", "\"t\"");
    pt_array_t view = {.dtype = PT_INT32, .data = kinds, .capacity = 8};
    ck_ok(pt_tokenizer_kinds(tokenizer, &view, sizeof view));
    ck_assert_int_eq(view.elements, 7);
    ck_assert_int_eq(kinds[0], PT_TOKEN_SPECIAL);
    ck_assert_int_eq(kinds[4], 0);
    ck_assert_int_eq(kinds[5], PT_TOKEN_CONTINUES);
    pt_tokenizer_free(tokenizer);
    write_file("vocab.json", vocabulary);
    write_file("tokenizer_config.json", "{\"unk_token\": \"<unk>\", \"do_lower_case\": true}");
    ck_ok(pt_tokenizer_open(context, suite_directory(), NULL, &tokenizer));
    EXPECT_IDS(tokenizer, "tE xT", 6, 5, 4, 3, 6);
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
}
END_TEST

static void expect_failure(pt_context_t *context, pt_status_t status, const char *characters, const char *delimiter,
                           const char *part)
{
    pt_alphabet_options_t options = {.struct_size = sizeof options, .delimiter = delimiter};
    pt_tokenizer_t *tokenizer;
    ck_assert_int_eq(pt_tokenizer_from_characters(context, characters, &options, &tokenizer), status);
    ck_assert_ptr_null(tokenizer);
    ck_assert_msg(strstr(pt_last_error(), part) != NULL, "%s", pt_last_error());
}

START_TEST(test_refusals)
{
    pt_context_t *context = samples_context();
    pt_tokenizer_t *tokenizer;
    pt_alphabet_options_t options = {.struct_size = sizeof options, .unknown = 3};
    expect_failure(context, PT_ERR_ARGUMENT, "", NULL, "empty");
    expect_failure(context, PT_ERR_ARGUMENT, "abca", NULL, "\"a\" twice, at the bytes 0 and 3");
    expect_failure(context, PT_ERR_FORMAT, "ab\xFF", NULL, "not UTF-8 at byte 2");
    expect_failure(context, PT_ERR_ARGUMENT, "ab", "|", "delimiter \"|\"");
    expect_failure(context, PT_ERR_ARGUMENT, NULL, NULL, "characters is NULL");
    ck_assert_int_eq(pt_tokenizer_from_characters(context, "a", &options, &tokenizer), PT_ERR_ARGUMENT);
    options.unknown = 0;
    options.flags = 2;
    ck_assert_int_eq(pt_tokenizer_from_characters(context, "a", &options, &tokenizer), PT_ERR_ARGUMENT);
    options.flags = 0;
    options.reserved = 1;
    ck_assert_int_eq(pt_tokenizer_from_characters(context, "a", &options, &tokenizer), PT_ERR_ARGUMENT);
    static const char *const files[] = {
        "{\"model\": {\"type\": \"Characters\", \"vocab\": {\"a\": 0}, \"delimiter\": \"b\"}}",
        "{\"model\": {\"type\": \"Characters\", \"vocab\": {\"a\": 0}, \"unk_token\": \"a\", \"drop_unknown\": true}}",
        "{\"model\": {\"type\": \"Characters\", \"vocab\": {\"a\": 0}, \"merges\": []}}"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const pt_load_options_t place = {
            .struct_size = sizeof place, .data = files[i], .bytes = (int64_t)strlen(files[i])};
        ck_assert_int_lt(pt_tokenizer_open(context, NULL, &place, &tokenizer), 0);
    }
    pt_context_free(context);
}
END_TEST

static pt_status_t make_and_open(failing_allocator_t *allocator)
{
    static const char vocabulary[] = "{\"<unk>\": 0, \"a\": 1}";
    const pt_load_options_t place = {.struct_size = sizeof place, .data = vocabulary, .bytes = sizeof vocabulary - 1};
    const pt_alphabet_options_t options = {.struct_size = sizeof options,
                                           .flags = PT_ALPHABET_FOLD_CASE,
                                           .unknown = PT_ALPHABET_UNKNOWN_TOKEN,
                                           .delimiter = "|"};
    pt_context_t *context = NULL;
    pt_tokenizer_t *tokenizer = NULL;
    encoded_t found;
    pt_status_t status = samples_failing_context(allocator, &context);
    if (status == PT_OK)
        status = pt_tokenizer_from_characters(context, "abc|", &options, &tokenizer);
    if (status == PT_OK)
        status = encode(tokenizer, "Ab cx", &found);
    pt_tokenizer_free(tokenizer);
    if (status == PT_OK) {
        status = pt_tokenizer_open(context, NULL, &place, &tokenizer);
        pt_tokenizer_free(tokenizer);
    }
    pt_context_free(context);
    return status;
}

START_TEST(test_failing_allocations)
{
    failing_allocator_t allocator;
    pt_status_t status;
    FOR_EACH_FAILING_ALLOCATION(allocator, { status = make_and_open(&allocator); }, status);
}
END_TEST

SUITE("alphabet", 60, test_characters, test_other_characters, test_vocabulary, test_refusals, test_failing_allocations)
