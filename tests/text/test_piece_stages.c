/* The parts of files that come from SentencePiece: what they make of texts, what is refused, hostile double arrays, and
 * long texts without a blank. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/suite.h"
#include "text/base64.h"
#include "text/byte_trie.h"
#include "text/tokenizer.h"

static pt_context_t *context;
static pt_tokenizer_t *tokenizer;

/* Parts of a file, and the rest of it. */
static pt_status_t open_file(const char *parts, const char *model)
{
    static char text[1 << 16];
    pt_load_options_t place = {.struct_size = sizeof place, .data = text};
    place.bytes = snprintf(text, sizeof text, "{%s%s\"model\": %s}", parts, *parts ? ", " : "", model);
    ck_assert_int_lt(place.bytes, (int64_t)sizeof text);
    return pt_tokenizer_open(context, NULL, &place, &tokenizer);
}

#define MODEL                                                                                                \
    "{\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": [[\"?\", 0], [\"_\", -2], [\"a\", -3], [\"b\", -3], " \
    "[\"ab\", -4], [\"_a\", -4.5], [\"y\", -3]]}"

START_TEST(test_what_is_refused)
{
    static const struct {
        const char *parts, *model;
        pt_status_t status;
        const char *part;
    } cases[] = {
        {"\"normalizer\": {\"type\": \"Prepend\"}", MODEL, PT_ERR_FORMAT, "normalizer: expected prepend, a string"},
        {"\"normalizer\": {\"type\": \"Replace\", \"content\": \"\"}", MODEL, PT_ERR_NOT_FOUND, "pattern"},
        {"\"normalizer\": {\"type\": \"Replace\", \"pattern\": {}, \"content\": \"\"}", MODEL, PT_ERR_FORMAT,
         "normalizer.pattern: expected a \"String\" or a \"Regex\""},
        {"\"normalizer\": {\"type\": \"Replace\", \"pattern\": {\"String\": \"a\"}}", MODEL, PT_ERR_FORMAT,
         "expected content"},
        {"\"normalizer\": {\"type\": \"Replace\", \"pattern\": {\"String\": \"\"}, \"content\": \"b\"}", MODEL,
         PT_ERR_UNSUPPORTED, "the pattern \"\" is not known here"},
        {"\"normalizer\": {\"type\": \"Precompiled\"}", MODEL, PT_ERR_FORMAT, "expected precompiled_charsmap"},
        {"\"normalizer\": {\"type\": \"Precompiled\", \"precompiled_charsmap\": \"AA*A\"}", MODEL, PT_ERR_FORMAT,
         "not base64"},
        {"\"normalizer\": {\"type\": \"Precompiled\", \"precompiled_charsmap\": \"AAA\"}", MODEL, PT_ERR_FORMAT,
         "not base64"},
        {"\"normalizer\": {\"type\": \"Precompiled\", \"precompiled_charsmap\": \"AAAA\"}", MODEL, PT_ERR_FORMAT,
         "3 bytes, expected a double array"},
        {"\"normalizer\": {\"type\": \"Precompiled\", \"precompiled_charsmap\": \"/////wAAAAA=\"}", MODEL,
         PT_ERR_FORMAT, "a double array of 4294967295 bytes, expected 4 to 4"},
        {"\"normalizer\": {\"type\": \"Precompiled\", \"precompiled_charsmap\": \"BAAAAAAAAAD/\"}", MODEL,
         PT_ERR_FORMAT, "are not UTF-8"},
        {"\"pre_tokenizer\": {\"type\": \"Metaspace\"}", MODEL, PT_ERR_FORMAT, "expected replacement, one character"},
        {"\"pre_tokenizer\": {\"type\": \"Metaspace\", \"replacement\": \"ab\"}", MODEL, PT_ERR_FORMAT,
         "expected replacement, one character"},
        {"\"pre_tokenizer\": {\"type\": \"Metaspace\", \"replacement\": \"_\", \"prepend_scheme\": \"some\"}", MODEL,
         PT_ERR_FORMAT, "prepend_scheme is \"some\", expected always, first or never"},
        {"\"pre_tokenizer\": {\"type\": \"Metaspace\", \"replacement\": \"_\", \"prepend_scheme\": \"first\", "
         "\"add_prefix_space\": false}",
         MODEL, PT_ERR_FORMAT, "add_prefix_space is false, but prepend_scheme \"first\""},
        {"\"decoder\": {\"type\": \"Strip\", \"start\": 1, \"stop\": 1}", MODEL, PT_ERR_FORMAT, "expected content"},
        {"\"decoder\": {\"type\": \"Strip\", \"content\": \"ab\", \"start\": 1, \"stop\": 1}", MODEL, PT_ERR_FORMAT,
         "expected content, one character"},
        {"\"decoder\": {\"type\": \"Strip\", \"content\": \"a\", \"start\": -1, \"stop\": 1}", MODEL, PT_ERR_FORMAT,
         "start"},
        {"\"decoder\": {\"type\": \"Metaspace\"}", MODEL, PT_ERR_FORMAT, "decoder: expected replacement"},
        {"\"decoder\": {\"type\": \"Replace\", \"pattern\": {\"Regex\": \"a+\"}, \"content\": \"b\"}", MODEL,
         PT_ERR_UNSUPPORTED, "the pattern \"a+\""},
        {"", "{\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": {}}", PT_ERR_FORMAT, "model.vocab"},
        {"", "{\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": [[\"a\"]]}", PT_ERR_FORMAT,
         "model.vocab[0]: expected a token and its score"},
        {"", "{\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": [[\"a\", \"b\"]]}", PT_ERR_FORMAT,
         "expected a token's score"},
        {"", "{\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": [[\"a\", 0], [\"a\", 1]]}", PT_ERR_FORMAT,
         "\"a\" has the ids 0 and 1"},
        {"", "{\"type\": \"Unigram\", \"unk_id\": 1, \"vocab\": [[\"a\", 0]]}", PT_ERR_FORMAT,
         "unk_id is 1, expected one of the 1 tokens"},
    };
    ck_ok(pt_context_create(NULL, &context));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_fails(open_file(cases[i].parts, cases[i].model), cases[i].status, cases[i].part);
    pt_context_free(context);
}
END_TEST

static void check_ids(const char *text, const int32_t *expected, int64_t count)
{
    const pt_text_t given = {.text = text, .bytes = -1};
    int32_t ids[64];
    pt_array_t view = {.dtype = PT_INT32, .data = ids, .capacity = 64};
    ck_ok(pt_tokenizer_encode(tokenizer, &given, sizeof given, 1, NULL, &view, NULL, NULL, sizeof view));
    ck_assert_int_eq(view.elements, count);
    for (int64_t i = 0; i < count; i++)
        ck_assert_int_eq(ids[i], expected[i]);
}

/* A blank is put before the first text alone, not behind an added token, whether spans are wanted or not; a token that
 * is too long for the model, and a character without a token where there is no unknown one. */
START_TEST(test_first_and_unknown)
{
    static char long_token[1024];
    const pt_text_t unknown = {.text = "abz", .bytes = -1};
    int32_t ids[8];
    pt_array_t view = {.dtype = PT_INT32, .data = ids, .capacity = 8};
    ck_ok(pt_context_create(NULL, &context));
    ck_ok(open_file("\"added_tokens\": [{\"id\": 9, \"content\": \"<>\", \"special\": true}], \"pre_tokenizer\": "
                    "{\"type\": \"Metaspace\", \"replacement\": \"_\", \"prepend_scheme\": \"first\"}",
                    MODEL));
    check_ids("ab<>ab", (const int32_t[]){1, 4, 9, 4}, 4);
    check_ids(" ab<> ab zz", (const int32_t[]){1, 4, 9, 1, 4, 1, 0}, 7);
    check_ids("?", (const int32_t[]){1, 0}, 2);
    pt_tokenizer_free(tokenizer);
    ck_ok(open_file("", "{\"type\": \"Unigram\", \"vocab\": [[\"a\", 0], [\"b\", 0]]}"));
    ck_fails(pt_tokenizer_encode(tokenizer, &unknown, sizeof unknown, 1, NULL, &view, NULL, NULL, sizeof view),
             PT_ERR_FORMAT, "text 0: a character of 1 bytes has no token, and the tokenizer no unk_id");
    pt_tokenizer_free(tokenizer);
    memset(long_token, 'a', 513);
    char model[2048];
    snprintf(model, sizeof model, "{\"type\": \"Unigram\", \"vocab\": [[\"%s\", 0]]}", long_token);
    ck_fails(open_file("", model), PT_ERR_UNSUPPORTED, "token 0 has 513 bytes, expected at most 512");
    pt_context_free(context);
}
END_TEST

/* Double arrays of random numbers: whatever they say, nothing outside them is read (the sanitizers would tell), and
 * the text stays one. */
START_TEST(test_hostile_double_arrays)
{
    uint64_t random = 1;
    int32_t ids[512];
    ck_ok(pt_context_create(NULL, &context));
    for (int run = 0; run < 400; run++) {
        uint8_t bytes[4 + 4 * 64 + 3] = {0};
        char text[512] = {0}, parts[1024];
        const int64_t units = 1 + run % 64, size = 4 + 4 * units + 3;
        bytes[0] = (uint8_t)(4 * units);
        bytes[1] = (uint8_t)(4 * units >> 8);
        for (int64_t i = 4; i < size - 3; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            bytes[i] = (uint8_t)(i % 4 == 2 || (i % 4 == 1 && run % 2) ? random >> 61 : random >> 57);
        }
        memcpy(bytes + size - 3, "\xC3\xA9y", 3);
        pt__base64_write(bytes, size, text);
        snprintf(parts, sizeof parts,
                 "\"normalizer\": {\"type\": \"Precompiled\", \"precompiled_charsmap\": \"%s\", \"longest_match\": %s}",
                 text, run % 3 ? "true" : "false");
        ck_ok(open_file(parts, MODEL));
        for (int i = 0; i < 8; i++) {
            char letters[64] = {0};
            const pt_text_t given = {.text = letters, .bytes = 60};
            pt_array_t view = {.dtype = PT_INT32, .data = ids, .capacity = 512};
            for (int k = 0; k < 60; k++)
                letters[k] = (char)((run * 31 + i * 7 + k * k) % 128);
            ck_ok(pt_tokenizer_encode(tokenizer, &given, sizeof given, 1, NULL, &view, NULL, NULL, sizeof view));
        }
        pt_tokenizer_free(tokenizer);
    }
    pt_context_free(context);
}
END_TEST

/* A megabyte as one word, in tokens that reach over each other. */
START_TEST(test_long_words)
{
    enum { LENGTH = 1 << 20 };
    char *word = malloc(LENGTH);
    int32_t *ids = malloc(LENGTH * sizeof *ids);
    ck_ok(pt_context_create(NULL, &context));
    ck_ok(open_file(
        "\"pre_tokenizer\": {\"type\": \"Metaspace\", \"replacement\": \"_\", \"prepend_scheme\": \"never\"}", MODEL));
    for (int64_t i = 0; i < LENGTH; i++)
        word[i] = "ab"[i % 2];
    const pt_text_t given = {.text = word, .bytes = LENGTH};
    pt_array_t view = {.dtype = PT_INT32, .data = ids, .capacity = LENGTH};
    ck_ok(pt_tokenizer_encode(tokenizer, &given, sizeof given, 1, NULL, &view, NULL, NULL, sizeof view));
    ck_assert_int_eq(view.elements, LENGTH / 2);
    for (int64_t i = 0; i < LENGTH / 2; i++)
        ck_assert_int_eq(ids[i], 4);
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
    free(ids);
    free(word);
}
END_TEST

/* Every string is found, and nothing that only begins like one; with bytes 0 and 255. */
START_TEST(test_byte_trie)
{
    enum { STRINGS = 3000 };
    static uint8_t bytes[STRINGS][6];
    static pt__byte_string_t strings[STRINGS];
    pt__memory_t memory;
    pt__byte_trie_t trie;
    int64_t count = 0;
    pt__memory_init(&memory, NULL, NULL, NULL);
    for (int i = 0; i < STRINGS; i++) {
        const uint32_t length = 1 + (uint32_t)i % 6;
        for (uint32_t k = 0; k < length; k++)
            bytes[i][k] = (uint8_t)(k == 0 ? i / 12 : (i * (int)k) % 7 == 0 ? 0 : 255 - i % 5);
        int is_new = 1;
        for (int64_t k = 0; k < count && is_new; k++)
            is_new = strings[k].length != length || memcmp(strings[k].bytes, bytes[i], length) != 0;
        if (is_new)
            strings[count++] = (pt__byte_string_t){bytes[i], length, i};
    }
    ck_ok(pt__byte_trie_make(&memory, strings, count, &trie));
    for (int64_t i = 0; i < count; i++) {
        uint32_t unit = 0;
        for (uint32_t k = 0; k < strings[i].length; k++) {
            unit = pt__byte_trie_next(&trie, unit, strings[i].bytes[k]);
            ck_assert_uint_ne(unit, 0);
        }
        ck_assert_int_eq(pt__byte_trie_number(&trie, unit), strings[i].number);
        for (int byte = 1; byte < 250; byte++)
            ck_assert_uint_eq(pt__byte_trie_next(&trie, unit, (uint8_t)byte), 0);
    }
    pt__byte_trie_free(&trie);
    ck_ok(pt__byte_trie_make(&memory, strings, 0, &trie));
    ck_assert_uint_eq(pt__byte_trie_next(&trie, 0, 'a'), 0);
    pt__byte_trie_free(&trie);
    ck_assert_int_eq(atomic_load(&memory.bytes), 0);
}
END_TEST

SUITE("piece_stages", 60, test_what_is_refused, test_first_and_unknown, test_hostile_double_arrays, test_long_words,
      test_byte_trie)
