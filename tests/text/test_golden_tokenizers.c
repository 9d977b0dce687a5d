/* Agreement with the package `tokenizers`: ids, spans, segments and decoded texts that tests/golden/make_tokenizers.py
 * has written down, with tokenizers of each kind. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "support/suite.h"
#include "text/tokenizer.h"

enum { MOST = 4096 };

static pt_context_t *context;
static pt_tokenizer_t *tokenizer;
static const char *file_name; /* and the case, for messages */
static int64_t case_number;

#define ck_case(condition, ...)                                                                 \
    do {                                                                                        \
        char said[512];                                                                         \
        snprintf(said, sizeof said, __VA_ARGS__);                                               \
        ck_assert_msg(condition, "%s, case %lld: %s", file_name, (long long)case_number, said); \
    } while (0)

static void check_numbers(const char *what, const pt__json_t *expected, const int64_t *found, int64_t count)
{
    ck_case(expected->length == count, "%s: %lld, expected %lld", what, (long long)count, (long long)expected->length);
    int64_t i = 0;
    for (const pt__json_t *number = expected->first; number != NULL; number = number->next, i++)
        ck_case(number->integer == found[i], "%s: number %lld is %lld, expected %lld", what, (long long)i,
                (long long)found[i], (long long)number->integer);
}

/* Spans of parts of a character are widened to the whole of it, as the reference counts characters. */
static void check_spans(const pt__json_t *expected, const char *text, const uint32_t *spans, int64_t count)
{
    const int64_t length = (int64_t)strlen(text);
    int64_t i = 0;
    ck_case(expected->length == count, "%lld spans, expected %lld", (long long)count, (long long)expected->length);
    for (const pt__json_t *span = expected->first; span != NULL; span = span->next, i++) {
        int64_t begin = spans[2 * i], end = spans[2 * i + 1];
        while (begin > 0 && (text[begin] & 0xC0) == 0x80)
            begin--;
        while (end > begin && end < length && (text[end] & 0xC0) == 0x80)
            end++;
        ck_case(span->first->integer == begin && span->first->next->integer == end,
                "span %lld is [%lld, %lld), expected [%lld, %lld)", (long long)i, (long long)begin, (long long)end,
                (long long)span->first->integer, (long long)span->first->next->integer);
    }
}

static void check_decoded(const pt__json_t *described, const char *key, const pt_array_t *ids, uint32_t flags)
{
    static char text[8 * MOST];
    const pt__json_t *expected = pt__json_find(described, key);
    size_t length;
    ck_ok(pt_tokenizer_decode(tokenizer, ids, sizeof *ids, flags, text, sizeof text, &length));
    ck_case((int64_t)length == expected->length && memcmp(text, expected->string, length) == 0,
            "%s: \"%.200s\", expected \"%.200s\"", key, text, expected->string);
}

static void check_case(const pt__json_t *described)
{
    static int64_t ids[MOST], segments[MOST];
    static uint32_t spans[2 * MOST];
    const pt__json_t *text = pt__json_find(described, "text"), *pair = pt__json_find(described, "pair"),
                     *expected_spans = pt__json_find(described, "spans");
    const pt_text_t given = {.text = text->string,
                             .bytes = text->length,
                             .pair = pair->kind == PT__JSON_STRING ? pair->string : NULL,
                             .pair_bytes = -1};
    const pt_tokenize_options_t options = {
        .struct_size = sizeof options,
        .flags = pt__json_find(described, "plain")->integer ? (uint32_t)PT_TOKENIZE_PLAIN : 0};
    pt_array_t id_view = {.dtype = PT_INT64, .data = ids, .capacity = MOST},
               span_view = {.dtype = PT_UINT32, .data = spans, .capacity = 2 * MOST},
               segment_view = {.dtype = PT_INT64, .data = segments, .capacity = MOST};
    ck_ok(pt_tokenizer_encode(tokenizer, &given, sizeof given, 1, &options, &id_view, &span_view, &segment_view,
                              sizeof id_view));
    check_numbers("ids", pt__json_find(described, "ids"), ids, id_view.elements);
    check_numbers("segments", pt__json_find(described, "segments"), segments, segment_view.elements);
    if (expected_spans->kind == PT__JSON_ARRAY)
        check_spans(expected_spans, text->string, spans, span_view.elements / 2);
    check_decoded(described, "decoded", &id_view, 0);
    check_decoded(described, "decoded_special", &id_view, PT_DECODE_SPECIAL);
}

static void check_file(const char *name)
{
    pt__json_document_t *document;
    const pt__json_t *root;
    char path[128], *bytes, *described;
    int64_t size;
    file_name = name;
    ck_ok(pt_context_create(NULL, &context));
    snprintf(path, sizeof path, "tests/golden/%s", name);
    ck_ok(pt__file_read(&context->memory, suite_source(path), 0, &bytes, &size));
    ck_ok(pt__json_parse(&context->memory, name, bytes, size, &document, &root));
    pt__text_t text = pt__text_start(&context->memory);
    pt__json_print(pt__json_find(root, "tokenizer"), &text);
    ck_ok(pt__text_take(&text, &described, &size));
    const pt_load_options_t place = {.struct_size = sizeof place, .data = described, .bytes = size};
    ck_ok(pt_tokenizer_open(context, NULL, &place, &tokenizer));
    const pt__json_t *cases = pt__json_find(root, "cases");
    ck_assert_int_gt(cases->length, 30);
    for (int32_t again = 0; again < 2; again++) { /* from the cache too */
        case_number = 0;
        for (const pt__json_t *each = cases->first; each != NULL; each = each->next, case_number++)
            check_case(each);
    }
    pt_tokenizer_free(tokenizer);
    pt__release(&context->memory, described);
    pt__json_free(document);
    pt__release(&context->memory, bytes);
    ck_assert_int_eq(pt_context_bytes(context) > 0, 1);
    pt_context_free(context);
}

#define GOLDEN(name)                            \
    START_TEST(test_##name)                     \
    {                                           \
        check_file("tokenizer_" #name ".json"); \
    }                                           \
    END_TEST

GOLDEN(gpt2)
GOLDEN(roberta)
GOLDEN(llama3)
GOLDEN(qwen2)
GOLDEN(clip)
GOLDEN(fallback)
GOLDEN(bert)
GOLDEN(bert_cased)
GOLDEN(unigram)
GOLDEN(unigram_bytes)
GOLDEN(llama)
GOLDEN(words)
GOLDEN(scripts)
GOLDEN(characters)
GOLDEN(sounds)

SUITE("golden_tokenizers", 60, test_gpt2, test_roberta, test_llama3, test_qwen2, test_clip, test_fallback, test_bert,
      test_bert_cased, test_unigram, test_unigram_bytes, test_llama, test_words, test_scripts, test_characters,
      test_sounds)
