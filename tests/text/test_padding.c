/* Padding, what is cut off of texts, and keys that a file may not have: what is refused and how it is said. That they
 * are as the reference has them is tested in test_golden_batches.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/suite.h"
#include "text/tokenizer.h"

/* Letters are words; %s: more of an added token, of the root, and of the model. */
#define WHOLE                                                                                                      \
    "{\"version\": \"1.0\", \"added_tokens\": [{\"id\": 0, \"content\": \"?\"%s}], \"pre_tokenizer\": {\"type\": " \
    "\"FixedLength\", \"length\": 1}%s, \"model\": {\"type\": \"WordLevel\", \"unk_token\": \"?\", \"vocab\": "    \
    "{\"?\": 0, \"a\": 1, \"b\": 2}%s}}"
#define CUT(length, stride) ", \"truncation\": {\"max_length\": " #length ", \"stride\": " #stride "}"
#define PADDING(strategy, direction, id, token)                                                      \
    ", \"padding\": {\"strategy\": " strategy ", \"direction\": \"" direction "\", \"pad_id\": " #id \
    ", \"pad_type_id\": 0, \"pad_token\": \"" token "\", \"pad_to_multiple_of\": null}"

static pt_context_t *context;

static void begin(void)
{
    ck_ok(pt_context_create(NULL, &context));
}

static pt_status_t open_with(const char *added, const char *root, const char *model, pt_tokenizer_t **tokenizer)
{
    char text[2048];
    ck_assert_int_lt(snprintf(text, sizeof text, WHOLE, added, root, model), (int)sizeof text);
    const pt_load_options_t place = {.struct_size = sizeof place, .data = text, .bytes = (int64_t)strlen(text)};
    return pt_tokenizer_open(context, NULL, &place, tokenizer);
}

START_TEST(test_what_a_file_may_not_say)
{
    static const struct {
        const char *added, *root, *model;
        pt_status_t status;
        const char *part;
    } cases[] = {
        {"", ", \"padding\": {}", "", PT_ERR_FORMAT, "padding: expected a strategy, \"BatchLongest\" or"},
        {"", PADDING("\"Longest\"", "Left", 1, "a"), "", PT_ERR_FORMAT, "padding.strategy: expected a strategy"},
        {"", PADDING("3", "Left", 1, "a"), "", PT_ERR_FORMAT, "padding.strategy: expected a strategy"},
        {"", PADDING("{}", "Left", 1, "a"), "", PT_ERR_NOT_FOUND, "padding.strategy: the key \"Fixed\" is missing"},
        {"", PADDING("{\"Fixed\": -1}", "Left", 1, "a"), "", PT_ERR_FORMAT, "padding.strategy.Fixed"},
        {"", PADDING("{\"Most\": 1}", "Left", 1, "a"), "", PT_ERR_UNSUPPORTED, "padding.strategy.Most: a \"strategy"},
        {"", PADDING("{\"Fixed\": 1}", "Up", 1, "a"), "", PT_ERR_FORMAT, "direction is \"Up\", expected Left or Right"},
        {"", PADDING("{\"Fixed\": 1}", "Left", 3, "c"), "", PT_ERR_FORMAT, "padding.pad_id: no token has the id 3"},
        {"", PADDING("{\"Fixed\": 1}", "Left", 1, "b"), "", PT_ERR_FORMAT,
         "padding: pad_id is 1, but pad_token \"b\" has the id 2"},
        {"", ", \"padding\": {\"strategy\": \"BatchLongest\"}", "", PT_ERR_NOT_FOUND, "direction"},
        {"", ", \"padding\": {\"pad_side\": 1}", "", PT_ERR_UNSUPPORTED,
         "padding.pad_side: a \"padding\" with this key"},
        {"", ", \"truncation\": {\"max_length\": 4, \"side\": 1}", "", PT_ERR_UNSUPPORTED, "truncation.side: "},
        {"", CUT(4, -1), "", PT_ERR_FORMAT, "truncation.stride"},
        {"", ", \"truncate\": 1", "", PT_ERR_UNSUPPORTED, "truncate: a \"tokenizer\" with this key is not known here"},
        {"", "", ", \"dropout\": 0.5", PT_ERR_UNSUPPORTED, "model.dropout: a \"WordLevel\" with this key"},
        {", \"strip\": true", "", "", PT_ERR_UNSUPPORTED, "added_tokens[0].strip: a \"added token\" with this key"},
        {"", ", \"post_processor\": {\"type\": \"ByteLevel\", \"trim\": 1}", "", PT_ERR_UNSUPPORTED,
         "post_processor.trim: a \"ByteLevel\""},
        {"",
         ", \"post_processor\": {\"type\": \"BertProcessing\", \"sep\": [\"a\", 1], \"cls\": [\"a\", 1], \"mask\": 1}",
         "", PT_ERR_UNSUPPORTED, "post_processor.mask: a \"BertProcessing\""},
        {"", ", \"post_processor\": {\"type\": \"RobertaProcessing\", \"bos\": []}", "", PT_ERR_UNSUPPORTED,
         "post_processor.bos: a \"RobertaProcessing\""},
        {"", ", \"post_processor\": {\"type\": \"Sequence\", \"processors\": [], \"first\": 1}", "", PT_ERR_UNSUPPORTED,
         "post_processor.first: a \"Sequence\""},
        {"", ", \"post_processor\": {\"type\": \"TemplateProcessing\", \"triple\": []}", "", PT_ERR_UNSUPPORTED,
         "post_processor.triple: a \"TemplateProcessing\""},
        {"",
         ", \"post_processor\": {\"type\": \"TemplateProcessing\", \"single\": [{\"Sequence\": {\"id\": \"A\", "
         "\"type_id\": 0, \"lstrip\": 1}}], \"pair\": [], \"special_tokens\": {}}",
         "", PT_ERR_UNSUPPORTED, "post_processor.single[0].Sequence.lstrip"},
        {"",
         ", \"post_processor\": {\"type\": \"TemplateProcessing\", \"single\": [{\"Sequence\": {\"id\": \"A\", "
         "\"type_id\": 0}, \"times\": 2}], \"pair\": [], \"special_tokens\": {}}",
         "", PT_ERR_UNSUPPORTED, "post_processor.single[0].times"},
        {"",
         ", \"post_processor\": {\"type\": \"TemplateProcessing\", \"single\": [{\"SpecialToken\": {\"id\": \"a\", "
         "\"type_id\": 0}}], \"pair\": [], \"special_tokens\": {\"a\": {\"ids\": [1], \"weight\": 1}}}",
         "", PT_ERR_UNSUPPORTED, "special_tokens.a.weight: a \"special token\""},
    };
    begin();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pt_tokenizer_t *tokenizer;
        ck_fails(open_with(cases[i].added, cases[i].root, cases[i].model, &tokenizer), cases[i].status, cases[i].part);
        ck_assert_ptr_null(tokenizer);
    }
    pt_context_free(context);
}
END_TEST

/* Null says nothing, and a pad token that is only a name is what the reference writes where none was given. */
START_TEST(test_what_a_file_may_say)
{
    pt_tokenizer_t *tokenizer;
    begin();
    ck_ok(open_with(", \"strip\": null", ", \"truncate\": null", ", \"dropout\": null", &tokenizer));
    pt_tokenizer_free(tokenizer);
    ck_ok(open_with("", PADDING("\"BatchLongest\"", "Right", 0, "[PAD]"), "", &tokenizer));
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
}
END_TEST

/* 1 << 18 letters at most */
static pt_status_t encode(pt_tokenizer_t *tokenizer, int64_t letters, int64_t pair_letters, uint32_t flags,
                          pt_array_t *ids)
{
    static char text[1 << 18];
    memset(text, 'a', sizeof text);
    const pt_text_t given = {
        .text = text, .bytes = letters, .pair = pair_letters > 0 ? text : NULL, .pair_bytes = pair_letters};
    const pt_tokenize_options_t options = {.struct_size = sizeof options, .flags = flags};
    return pt_tokenizer_encode(tokenizer, &given, sizeof given, 1, &options, ids, NULL, NULL, sizeof *ids);
}

START_TEST(test_what_a_file_does_not_have)
{
    pt_tokenizer_t *tokenizer;
    pt_array_t ids = {.dtype = PT_INT32};
    begin();
    ck_ok(open_with("", "", "", &tokenizer));
    ck_fails(encode(tokenizer, 3, 0, PT_TOKENIZE_PAD, &ids), PT_ERR_ARGUMENT,
             "has PT_TOKENIZE_PAD, but the tokenizer's file has no padding");
    ck_fails(encode(tokenizer, 3, 0, PT_TOKENIZE_OVERFLOW, &ids), PT_ERR_ARGUMENT,
             "has PT_TOKENIZE_OVERFLOW, but the tokenizer's file has no truncation");
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
}
END_TEST

START_TEST(test_what_is_cut_off)
{
    pt_tokenizer_t *tokenizer;
    pt_array_t ids = {.dtype = PT_INT32};
    begin();
    ck_ok(open_with("", CUT(4, 4), "", &tokenizer));
    ck_ok(encode(tokenizer, 4, 0, PT_TOKENIZE_OVERFLOW, &ids)); /* nothing is cut */
    ck_ok(encode(tokenizer, 5, 0, 0, &ids));
    ck_fails(encode(tokenizer, 5, 0, PT_TOKENIZE_OVERFLOW, &ids), PT_ERR_ARGUMENT,
             "text 0: truncation.stride is 4, expected fewer than the 4 tokens that are kept");
    pt_tokenizer_free(tokenizer);
    ck_ok(open_with("", CUT(2, 0), "", &tokenizer));
    ck_ok(encode(tokenizer, 256, 256, PT_TOKENIZE_OVERFLOW, &ids));
    ck_assert_int_eq(ids.samples, 65536);
    ck_assert_int_eq(ids.elements, 2 * 65536);
    ck_fails(encode(tokenizer, 256, 257, PT_TOKENIZE_OVERFLOW, &ids), PT_ERR_ARGUMENT,
             "256 parts of the text, each with 257 of the pair, expected at most 65536 encodings");
    ck_ok(encode(tokenizer, 1 << 18, 0, PT_TOKENIZE_OVERFLOW, &ids));
    ck_assert_int_eq(ids.samples, 1 << 17);
    pt_tokenizer_free(tokenizer);
    ck_ok(open_with("", ", \"truncation\": {\"max_length\": 3, \"strategy\": \"OnlySecond\"}", "", &tokenizer));
    ck_ok(encode(tokenizer, 2, 1 << 18, PT_TOKENIZE_OVERFLOW, &ids));
    ck_assert_int_eq(ids.samples, 1 << 18);
    pt_tokenizer_free(tokenizer);
    ck_ok(open_with("",
                    CUT(4, 0) ", \"post_processor\": {\"type\": \"TemplateProcessing\", \"single\": [{\"Sequence\": "
                              "{\"id\": \"A\", \"type_id\": 0}}, {\"Sequence\": {\"id\": \"A\", \"type_id\": 0}}], "
                              "\"pair\": [], \"special_tokens\": {}}",
                    "", &tokenizer));
    ck_ok(encode(tokenizer, 3, 0, PT_TOKENIZE_OVERFLOW, &ids));
    ck_assert_int_eq(ids.elements, 6);
    ck_fails(encode(tokenizer, 5, 0, PT_TOKENIZE_OVERFLOW, &ids), PT_ERR_UNSUPPORTED,
             "what is cut off of a text that the template has twice");
    ck_ok(encode(tokenizer, 9, 9, PT_TOKENIZE_OVERFLOW, &ids)); /* neither stands in the template */
    ck_assert_int_eq(ids.samples, 1);
    ck_assert_int_eq(ids.elements, 0);
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
}
END_TEST

/* A length of two thousand millions takes no memory before there is room for it. */
START_TEST(test_room_for_padding)
{
    pt_tokenizer_t *tokenizer;
    int16_t values[300];
    int64_t length;
    pt_array_t ids = {.dtype = PT_INT32},
               few = {.dtype = PT_INT16, .data = values, .capacity = 299, .lengths = &length, .lengths_capacity = 1};
    begin();
    ck_ok(open_with("", PADDING("{\"Fixed\": 2147483647}", "Right", 2, "b"), "", &tokenizer));
    ck_ok(encode(tokenizer, 3, 0, PT_TOKENIZE_PAD, &ids));
    ck_assert_int_eq(ids.elements, 2147483647);
    ck_assert_int_eq(ids.max_length, 2147483647);
    ck_ok(encode(tokenizer, 3, 0, 0, &ids));
    ck_assert_int_eq(ids.elements, 3);
    pt_tokenizer_free(tokenizer);
    ck_ok(open_with("", PADDING("{\"Fixed\": 300}", "Right", 2, "b"), "", &tokenizer));
    ck_fails(encode(tokenizer, 3, 0, PT_TOKENIZE_PAD, &few), PT_ERR_ARGUMENT,
             "data has room for 299 elements, expected 300 in all");
    few.capacity = 300;
    ck_ok(encode(tokenizer, 3, 0, PT_TOKENIZE_PAD, &few));
    ck_assert_int_eq(length, 300);
    for (int i = 0; i < 300; i++)
        ck_assert_int_eq(values[i], i < 3 ? 1 : 2);
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
}
END_TEST

SUITE("padding", 60, test_what_a_file_may_not_say, test_what_a_file_may_say, test_what_a_file_does_not_have,
      test_what_is_cut_off, test_room_for_padding)
