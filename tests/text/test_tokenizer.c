/* Tokenizers: what is refused and how it is said, failing allocations, many texts on many threads, long words, and that
 * time does not grow faster than the text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "support/failing_allocator.h"
#include "support/suite.h"
#include "text/tokenizer.h"

/* A byte-level file with few tokens and merges; %s stand for more of the root and of the model. */
#define WHOLE                                                                                                     \
    "{\"added_tokens\": [{\"id\": 20, \"content\": \"<end>\", \"special\": true}%s], \"normalizer\": null, "      \
    "\"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false}, \"decoder\": {\"type\": "         \
    "\"ByteLevel\"}%s, \"model\": {\"type\": \"BPE\"%s, \"vocab\": {\"a\": 0, \"b\": 1, \"c\": 2, \"\xC4\xA0\": " \
    "3, \"ab\": 4, \"abc\": 5, \"\xC4\xA0\x61\": 6, \"\xC4\xA0\x61\x62\": 7%s}, \"merges\": [\"a b\", \"ab c\", " \
    "[\"\xC4\xA0\", \"ab\"]%s]}}"

static pt_context_t *context;
static char described[4096];

static const char *describe(const char *added, const char *root, const char *model, const char *tokens,
                            const char *merges)
{
    ck_assert_int_lt(snprintf(described, sizeof described, WHOLE, added, root, model, tokens, merges),
                     (int)sizeof described);
    return described;
}

static pt_status_t open_text(const char *text, int64_t size, pt_tokenizer_t **tokenizer)
{
    const pt_load_options_t place = {.struct_size = sizeof place, .data = text, .bytes = size};
    return pt_tokenizer_open(context, NULL, &place, tokenizer);
}

static pt_tokenizer_t *small(void)
{
    pt_tokenizer_t *tokenizer;
    const char *text = describe("", "", "", "", "");
    ck_ok(open_text(text, (int64_t)strlen(text), &tokenizer));
    return tokenizer;
}

static void begin(int32_t threads)
{
    pt_context_options_t options;
    ck_ok(pt_context_options_init(&options, sizeof options));
    options.threads = threads;
    ck_ok(pt_context_create(&options, &context));
}

START_TEST(test_what_a_file_may_not_say)
{
    static const struct {
        const char *added, *root, *model, *tokens, *merges;
        pt_status_t status;
        const char *part;
    } cases[] = {
        {"", "", "", ", \"x\": 3", "", PT_ERR_FORMAT, "have the same id 3"},
        {"", "", "", ", \"x\": -1", "", PT_ERR_FORMAT, "model.vocab.x: the id is -1, expected 0 to 4194303"},
        {"", "", "", ", \"x\": 99999999999", "", PT_ERR_FORMAT, "99999999999"},
        {"", "", "", ", \"x\": 1.5", "", PT_ERR_FORMAT, "model.vocab.x: expected a token's id"},
        {"", "", "", "", ", \"a z\"", PT_ERR_FORMAT, "model.merges[3]: \"z\" is not in the vocabulary"},
        {"", "", "", "", ", \"b c\"", PT_ERR_FORMAT, "\"bc\" is not in the vocabulary"},
        {"", "", "", "", ", \"abc\"", PT_ERR_FORMAT, "expected two tokens with a blank"},
        {"", "", "", "", ", \"a b c\"", PT_ERR_FORMAT, "expected two tokens with a blank"},
        {"", "", "", "", ", [\"a\"]", PT_ERR_FORMAT, "or a list of two"},
        {"", "", ", \"dropout\": 0.1", "", "", PT_ERR_UNSUPPORTED, "model.dropout"},
        {"", "", ", \"dropout\": 2", "", "", PT_ERR_FORMAT, "dropout"},
        {"", "", ", \"unk_token\": \"none\"", "", "", PT_ERR_FORMAT, "\"none\" is not in the vocabulary"},
        {"", "", ", \"continuing_subword_prefix\": \"##\"", "", "", PT_ERR_FORMAT, "does not begin with"},
        {", {\"id\": 0, \"content\": \"z\"}", "", "", "", "", PT_ERR_FORMAT, "id 0 is the model's token \"a\""},
        {", {\"id\": 21, \"content\": \"\"}", "", "", "", "", PT_ERR_FORMAT, "expected content"},
        {", {\"id\": 21, \"content\": \"<end>\"}", "", "", "", "", PT_ERR_FORMAT, "has the ids 20 and 21"},
        {", {\"content\": \"z\"}", "", "", "", "", PT_ERR_NOT_FOUND, "added_tokens[1]: the key \"id\" is missing"},
        {"", ", \"truncation\": {\"max_length\": 4, \"strategy\": \"Some\"}", "", "", "", PT_ERR_FORMAT, "\"Some\""},
        {"", ", \"truncation\": {\"max_length\": 4, \"direction\": \"Up\"}", "", "", "", PT_ERR_FORMAT, "\"Up\""},
        {"", ", \"truncation\": {}", "", "", "", PT_ERR_NOT_FOUND, "truncation: the key"},
        {"", ", \"post_processor\": {\"type\": \"Other\"}", "", "", "", PT_ERR_UNSUPPORTED, "\"Other\""},
        {"", ", \"post_processor\": {\"type\": \"BertProcessing\", \"sep\": [\"x\", 99], \"cls\": [\"a\", 0]}", "", "",
         "", PT_ERR_FORMAT, "no token has the id 99"},
        {"", ", \"post_processor\": {\"type\": \"BertProcessing\", \"sep\": \"x\", \"cls\": [\"a\", 0]}", "", "", "",
         PT_ERR_FORMAT, "post_processor.sep"},
        {"",
         ", \"post_processor\": {\"type\": \"TemplateProcessing\", \"single\": [{\"SpecialToken\": {\"id\": "
         "\"[X]\", \"type_id\": 0}}], \"pair\": [], \"special_tokens\": {}}",
         "", "", "", PT_ERR_FORMAT, "\"[X]\" is not among special_tokens"},
        {"",
         ", \"post_processor\": {\"type\": \"TemplateProcessing\", \"single\": [{\"Sequence\": {\"id\": "
         "\"B\", \"type_id\": 0}}], \"pair\": [], \"special_tokens\": {}}",
         "", "", "", PT_ERR_FORMAT, "expected \"A\""},
        {"",
         ", \"post_processor\": {\"type\": \"TemplateProcessing\", \"single\": [{}], \"pair\": [], "
         "\"special_tokens\": {}}",
         "", "", "", PT_ERR_FORMAT, "expected a \"Sequence\" or a \"SpecialToken\""},
    };
    begin(1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pt_tokenizer_t *tokenizer;
        const char *text = describe(cases[i].added, cases[i].root, cases[i].model, cases[i].tokens, cases[i].merges);
        ck_fails(open_text(text, (int64_t)strlen(text), &tokenizer), cases[i].status, cases[i].part);
        ck_assert_ptr_null(tokenizer);
        ck_assert_msg(strstr(pt_last_error(), "memory") != NULL, "%s", pt_last_error());
    }
    pt_context_free(context);
}
END_TEST

/* Parts that stand in the file already, replaced as a whole. */
START_TEST(test_kinds_that_are_not_known)
{
    static const struct {
        const char *text;
        pt_status_t status;
        const char *part;
    } cases[] = {
        {"[]", PT_ERR_FORMAT, "expected an object"},
        {"{}", PT_ERR_NOT_FOUND, "model"},
        {"{\"model\": {\"type\": \"Other\", \"vocab\": {}}}", PT_ERR_UNSUPPORTED, "\"Other\""},
        {"{\"model\": {\"vocab\": {}}}", PT_ERR_UNSUPPORTED, "without a type"},
        {"{\"model\": {\"type\": \"BPE\", \"merges\": []}}", PT_ERR_NOT_FOUND, "model: the key \"vocab\" is missing"},
        {"{\"normalizer\": {\"type\": \"Other\"}, \"model\": {\"type\": \"BPE\", \"vocab\": {}, \"merges\": []}}",
         PT_ERR_UNSUPPORTED, "a normalizer \"Other\""},
        {"{\"normalizer\": {\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"Other\"}]}, \"model\": {\"type\": "
         "\"BPE\", \"vocab\": {}, \"merges\": []}}",
         PT_ERR_UNSUPPORTED, "normalizer.normalizers[0]"},
        {"{\"pre_tokenizer\": {\"type\": \"Other\"}, \"model\": {\"type\": \"BPE\", \"vocab\": {}, \"merges\": []}}",
         PT_ERR_UNSUPPORTED, "a pre-tokenizer \"Other\""},
        {"{\"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": {}, \"behavior\": \"Isolated\"}, \"model\": "
         "{\"type\": \"BPE\", \"vocab\": {}, \"merges\": []}}",
         PT_ERR_FORMAT, "expected a \"String\" or a \"Regex\""},
        {"{\"normalizer\": {\"type\": \"Lowercase\", \"locale\": \"tr\"}, \"model\": {\"type\": \"BPE\", \"vocab\": "
         "{}, "
         "\"merges\": []}}",
         PT_ERR_UNSUPPORTED, "normalizer.locale: a \"Lowercase\" with this key is not known here"},
        {"{\"decoder\": {\"type\": \"Other\"}, \"model\": {\"type\": \"BPE\", \"vocab\": {}, \"merges\": []}}",
         PT_ERR_UNSUPPORTED, "a decoder \"Other\""},
    };
    begin(1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pt_tokenizer_t *tokenizer;
        ck_fails(open_text(cases[i].text, (int64_t)strlen(cases[i].text), &tokenizer), cases[i].status, cases[i].part);
    }
    pt_context_free(context);
}
END_TEST

/* `times` of the same part, in a list. */
static void check_many(const char *before, const char *part, int times, const char *after, const char *message)
{
    static char text[1 << 16];
    pt_tokenizer_t *tokenizer;
    size_t size = (size_t)snprintf(text, sizeof text, "{%s", before);
    for (int i = 0; i < times; i++)
        size += (size_t)snprintf(text + size, sizeof text - size, "%s%s", i > 0 ? ", " : "", part);
    size += (size_t)snprintf(text + size, sizeof text - size,
                             "%s, \"model\": {\"type\": \"WordPiece\", \"unk_token\": \"a\", \"vocab\": {\"a\": 0}}}",
                             after);
    ck_fails(open_text(text, (int64_t)size, &tokenizer), PT_ERR_UNSUPPORTED, message);
}

START_TEST(test_too_many_parts)
{
    pt_tokenizer_t *tokenizer;
    const char *long_prefix =
        "{\"decoder\": {\"type\": \"WordPiece\", \"prefix\": "
        "\"0123456789012345678901234567890123456789012345678901234567890123\"}, \"model\": {\"type\": "
        "\"WordPiece\", \"unk_token\": \"a\", \"vocab\": {\"a\": 0}}}";
    begin(1);
    check_many("\"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": [", "{\"type\": \"BertPreTokenizer\"}",
               25, "]}", "over 24 normalizers and pre-tokenizers");
    check_many("\"decoder\": {\"type\": \"Sequence\", \"decoders\": [", "{\"type\": \"ByteLevel\"}", 17, "]}",
               "over 16 decoders");
    check_many("\"post_processor\": {\"type\": \"TemplateProcessing\", \"pair\": [], \"special_tokens\": {\"t\": "
               "{\"ids\": [",
               "0", 257, "]}}, \"single\": [{\"SpecialToken\": {\"id\": \"t\", \"type_id\": 0}}]}",
               "a template of over 256 tokens");
    ck_fails(open_text(long_prefix, (int64_t)strlen(long_prefix), &tokenizer), PT_ERR_UNSUPPORTED,
             "a prefix of 64 bytes, expected fewer than 64");
    pt_context_free(context);
}
END_TEST

/* Cut anywhere, a file is refused. */
START_TEST(test_truncated_files)
{
    pt_tokenizer_t *tokenizer;
    begin(1);
    const char *text = describe("", "", "", "", "");
    for (int64_t size = 0; size < (int64_t)strlen(text); size++)
        ck_fails(open_text(text, size, &tokenizer), PT_ERR_FORMAT, "memory");
    pt_context_free(context);
}
END_TEST

static int64_t encode(pt_tokenizer_t *tokenizer, const char *text, int64_t bytes, int32_t *ids, int64_t capacity)
{
    const pt_text_t given = {.text = text, .bytes = bytes};
    pt_array_t view = {.dtype = PT_INT32, .data = ids, .capacity = capacity};
    ck_ok(pt_tokenizer_encode(tokenizer, &given, sizeof given, 1, NULL, &view, NULL, NULL, sizeof view));
    return view.elements;
}

START_TEST(test_calls_that_are_refused)
{
    begin(1);
    pt_tokenizer_t *tokenizer = small(), *none;
    int32_t ids[8] = {5, 3, 99};
    pt_array_t view = {.dtype = PT_INT32, .data = ids, .capacity = 2}, in = {.dtype = PT_INT32, .data = ids};
    pt_text_t text = {.text = "abc ab\xC3", .bytes = -1};
    pt_tokenize_options_t options = {.struct_size = sizeof options, .flags = 8};
    ck_fails(pt_tokenizer_encode(tokenizer, &text, sizeof text, 1, NULL, &view, NULL, NULL, sizeof view), PT_ERR_FORMAT,
             "text 0: the text is not UTF-8 at byte 6 (0xc3)");
    ck_assert_str_eq(pt_tokenizer_last_error(tokenizer), pt_last_error());
    text.bytes = 6;
    ck_ok(pt_tokenizer_encode(tokenizer, &text, sizeof text, 1, NULL, &view, NULL, NULL, sizeof view));
    ck_assert_int_eq(view.elements, 2);
    ck_assert_int_eq(ids[0], 5);
    ck_assert_int_eq(ids[1], 7);
    view.capacity = 1;
    ck_fails(pt_tokenizer_encode(tokenizer, &text, sizeof text, 1, NULL, &view, NULL, NULL, sizeof view),
             PT_ERR_ARGUMENT, "ids");
    ck_assert_int_eq(view.elements, 2);
    ck_fails(pt_tokenizer_encode(tokenizer, &text, 8, 1, NULL, &view, NULL, NULL, sizeof view), PT_ERR_ARGUMENT,
             "text_size is 8");
    ck_fails(pt_tokenizer_encode(tokenizer, NULL, sizeof text, 1, NULL, &view, NULL, NULL, sizeof view),
             PT_ERR_ARGUMENT, "texts is NULL");
    ck_fails(pt_tokenizer_encode(tokenizer, &text, sizeof text, -1, NULL, &view, NULL, NULL, sizeof view),
             PT_ERR_ARGUMENT, "count");
    ck_fails(pt_tokenizer_encode(tokenizer, &text, sizeof text, 1, &options, &view, NULL, NULL, sizeof view),
             PT_ERR_ARGUMENT, "flags is 8");
    text.bytes = -2;
    ck_fails(pt_tokenizer_encode(tokenizer, &text, sizeof text, 1, NULL, &view, NULL, NULL, sizeof view),
             PT_ERR_ARGUMENT, "text 0 is one of -2 bytes");
    ck_fails(pt_tokenizer_encode(NULL, &text, sizeof text, 1, NULL, &view, NULL, NULL, sizeof view), PT_ERR_ARGUMENT,
             "tokenizer is NULL");
    in.elements = 3;
    ids[0] = 5;
    ids[1] = 3;
    ids[2] = 99;
    ck_fails(pt_tokenizer_decode(tokenizer, &in, sizeof in, 0, NULL, 0, NULL), PT_ERR_ARGUMENT,
             "id 99 at place 2 is no token's, expected 0 to 20");
    ids[2] = 15; /* between the model's and the added one */
    ck_fails(pt_tokenizer_decode(tokenizer, &in, sizeof in, 0, NULL, 0, NULL), PT_ERR_ARGUMENT, "id 15");
    ck_fails(pt_tokenizer_decode(tokenizer, &in, sizeof in, 2, NULL, 0, NULL), PT_ERR_ARGUMENT, "flags is 2");
    ck_fails(pt_tokenizer_decode(NULL, &in, sizeof in, 0, NULL, 0, NULL), PT_ERR_ARGUMENT, "tokenizer is NULL");
    const pt_load_options_t huge = {.struct_size = sizeof huge, .data = "{}", .bytes = ((int64_t)1 << 30) + 1};
    ck_fails(pt_tokenizer_open(context, NULL, &huge, &none), PT_ERR_FORMAT,
             "memory: 1073741825 bytes, expected at most 1073741824");
    ck_fails(pt_tokenizer_open(context, suite_path("none.json"), NULL, &none), PT_ERR_NOT_FOUND, "none.json");
    ck_fails(pt_tokenizer_open(context, "/dev/null", NULL, &none), PT_ERR_FORMAT,
             "/dev/null: it is neither a file nor a directory");
    ck_fails(pt_tokenizer_open(NULL, "x", NULL, &none), PT_ERR_ARGUMENT, "context is NULL");
    ck_fails(pt_tokenizer_open(context, NULL, NULL, &none), PT_ERR_ARGUMENT, "path is NULL");
    pt_tokenizer_free(tokenizer);
    pt_tokenizer_free(NULL);
    pt_context_free(context);
}
END_TEST

/* A pair of which one text alone may be cut, and the other is too long. */
START_TEST(test_what_cannot_be_truncated)
{
    static const char *const strategies[] = {", \"truncation\": {\"max_length\": 2, \"strategy\": \"OnlySecond\"}",
                                             ", \"truncation\": {\"max_length\": 2, \"strategy\": \"OnlyFirst\"}"};
    int32_t ids[16];
    begin(1);
    for (int i = 0; i < 2; i++) {
        pt_tokenizer_t *tokenizer;
        pt_text_t text = {.text = "ccc", .bytes = -1};
        pt_array_t view = {.dtype = PT_INT32, .data = ids, .capacity = 16};
        const char *whole = describe("", strategies[i], "", "", "");
        ck_ok(open_text(whole, (int64_t)strlen(whole), &tokenizer));
        if (i == 0)
            ck_fails(pt_tokenizer_encode(tokenizer, &text, sizeof text, 1, NULL, &view, NULL, NULL, sizeof view),
                     PT_ERR_ARGUMENT, "the tokenizer truncates the second text, and there is only one");
        text.pair = "ccc";
        text.pair_bytes = -1;
        ck_fails(pt_tokenizer_encode(tokenizer, &text, sizeof text, 1, NULL, &view, NULL, NULL, sizeof view),
                 PT_ERR_ARGUMENT, "the text that is not truncated has 3 tokens, expected fewer than 2");
        pt_tokenizer_free(tokenizer);
    }
    pt_context_free(context);
}
END_TEST

START_TEST(test_tokens_by_name_and_id)
{
    begin(1);
    pt_tokenizer_t *tokenizer = small();
    ck_assert_int_eq(pt_tokenizer_size(tokenizer), 21);
    ck_assert_int_eq(pt_tokenizer_id(tokenizer, "\xC4\xA0\x61\x62"), 7);
    ck_assert_int_eq(pt_tokenizer_id(tokenizer, "<end>"), 20);
    ck_assert_int_eq(pt_tokenizer_id(tokenizer, "ab "), -1);
    ck_assert_str_eq(pt_tokenizer_token(tokenizer, 20), "<end>");
    ck_assert_ptr_null(pt_tokenizer_token(tokenizer, 19));
    ck_assert_ptr_null(pt_tokenizer_token(tokenizer, 21));
    ck_assert_ptr_null(pt_tokenizer_token(tokenizer, -1));
    ck_assert_int_eq(pt_tokenizer_size(NULL), 0);
    ck_assert_int_eq(pt_tokenizer_id(NULL, "a"), -1);
    ck_assert_ptr_null(pt_tokenizer_token(NULL, 0));
    ck_assert_str_eq(pt_tokenizer_last_error(NULL), "");
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
}
END_TEST

/* A directory is opened by the file that it holds. */
START_TEST(test_directory)
{
    pt_tokenizer_t *tokenizer;
    int32_t ids[4];
    begin(1);
    const char *text = describe("", "", "", "", "");
    suite_write("tokenizer.json", text, strlen(text));
    ck_ok(pt_tokenizer_open(context, suite_directory(), NULL, &tokenizer));
    ck_assert_int_eq(encode(tokenizer, "abc<end>", -1, ids, 4), 2);
    ck_assert_int_eq(ids[1], 20);
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
}
END_TEST

enum { TEXTS = 300 };

/* Several threads give what one gives, in the order of the texts. */
START_TEST(test_many_texts)
{
    static char letters[TEXTS][400];
    static int32_t ids[2][TEXTS * 400];
    static int64_t lengths[2][TEXTS];
    int64_t counts[2];
    pt_text_t texts[TEXTS];
    for (int i = 0; i < TEXTS; i++) {
        int length = i * 7 % 399;
        for (int k = 0; k < length; k++)
            letters[i][k] = "ab ca bab"[(i * 31 + k * k) % 9];
        texts[i] = (pt_text_t){.text = letters[i], .bytes = length};
    }
    for (int run = 0; run < 2; run++) {
        begin(run == 0 ? 1 : 4);
        pt_tokenizer_t *tokenizer = small();
        pt_array_t view = {.dtype = PT_INT32,
                           .data = ids[run],
                           .capacity = TEXTS * 400,
                           .lengths = lengths[run],
                           .lengths_capacity = TEXTS};
        ck_ok(pt_tokenizer_encode(tokenizer, texts, sizeof *texts, TEXTS, NULL, &view, NULL, NULL, sizeof view));
        ck_assert_int_eq(view.samples, TEXTS);
        counts[run] = view.elements;
        pt_tokenizer_free(tokenizer);
        pt_context_free(context);
    }
    ck_assert_int_eq(counts[0], counts[1]);
    ck_assert_int_eq(memcmp(ids[0], ids[1], (size_t)counts[0] * sizeof **ids), 0);
    ck_assert_int_eq(memcmp(lengths[0], lengths[1], sizeof lengths[0]), 0);
}
END_TEST

/* More texts than are encoded at once: all results are those of each text by itself, and texts keep their numbers. */
START_TEST(test_more_texts_than_at_once)
{
    enum { MANY = 5000, LONGEST = 96, PLACES = MANY * (LONGEST + 1) };
    static char letters[MANY][LONGEST];
    static pt_text_t texts[MANY];
    static int32_t ids[PLACES];
    static uint32_t spans[2 * PLACES];
    static int64_t lengths[MANY], sources[MANY];
    begin(2);
    pt_tokenizer_t *tokenizer = small();
    for (int i = 0; i < MANY; i++) {
        texts[i] = (pt_text_t){.text = letters[i], .bytes = 1 + i % LONGEST};
        for (int k = 0; k < texts[i].bytes; k++)
            letters[i][k] = "ab ca bab"[(i * 31 + k * k) % 9];
    }
    pt_array_t id_view = {.data = ids, .capacity = PLACES, .lengths = lengths, .lengths_capacity = MANY};
    pt_array_t span_view = {.data = spans, .capacity = 2 * PLACES}, source_view = {.data = sources, .capacity = MANY};
    const pt_tokenize_options_t options = {.struct_size = sizeof options, .sources = &source_view};
    ck_ok(pt_tokenizer_encode(tokenizer, texts, sizeof *texts, MANY, &options, &id_view, &span_view, NULL,
                              sizeof id_view));
    int64_t at = 0, longest = 0;
    for (int i = 0; i < MANY; i++) {
        int32_t own[LONGEST + 1];
        uint32_t own_spans[2 * LONGEST + 2];
        pt_array_t one = {.data = own, .capacity = LONGEST + 1}, one_span = {.data = own_spans};
        one_span.capacity = 2 * LONGEST + 2;
        ck_ok(pt_tokenizer_encode(tokenizer, &texts[i], sizeof *texts, 1, NULL, &one, &one_span, NULL, sizeof one));
        ck_assert_int_eq(lengths[i], one.elements);
        ck_assert_int_eq(memcmp(ids + at, own, (size_t)one.elements * sizeof *own), 0);
        ck_assert_int_eq(memcmp(spans + 2 * at, own_spans, 2 * (size_t)one.elements * sizeof *own_spans), 0);
        ck_assert_int_eq(sources[i], i);
        at += one.elements;
        longest = one.elements > longest ? one.elements : longest;
    }
    ck_assert_int_eq(id_view.elements, at);
    ck_assert_int_eq(id_view.samples, MANY);
    ck_assert_int_eq(id_view.max_length, longest);
    letters[MANY - 7][0] = '\xFF';
    ck_fails(pt_tokenizer_encode(tokenizer, texts, sizeof *texts, MANY, NULL, &id_view, NULL, NULL, sizeof id_view),
             PT_ERR_FORMAT, "text 4993");
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
}
END_TEST

/* An added token is found at each place of a text, also among what begins as it does. */
START_TEST(test_added_tokens_everywhere)
{
    static const char around[] = "<a<e<<en<end<";
    begin(1);
    pt_tokenizer_t *tokenizer = small();
    for (int length = 5; length < 60; length++)
        for (int place = 0; place + 5 <= length; place++) {
            char text[64];
            int32_t ids[64], found = 0;
            uint32_t spans[128];
            for (int i = 0; i < length; i++)
                text[i] = around[i % 13];
            memcpy(text + place, "<end>", 5);
            const pt_text_t one = {.text = text, .bytes = length};
            pt_array_t id_view = {.data = ids, .capacity = 64}, span_view = {.data = spans, .capacity = 128};
            ck_ok(
                pt_tokenizer_encode(tokenizer, &one, sizeof one, 1, NULL, &id_view, &span_view, NULL, sizeof id_view));
            for (int64_t i = 0; i < id_view.elements; i++) {
                if (ids[i] != 20)
                    continue;
                found++;
                ck_assert_int_eq(spans[2 * i], place);
                ck_assert_int_eq(spans[2 * i + 1], place + 5);
            }
            ck_assert_int_eq(found, 1);
        }
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
}
END_TEST

/* Words of all lengths, with a token a character, more than are kept, and each again: with spans and without. */
START_TEST(test_words_that_are_kept)
{
    enum { WORDS = 1200, LONGEST = 1100 };
    static int32_t ids[LONGEST];
    static uint32_t spans[2 * LONGEST];
    begin(1);
    pt_tokenizer_t *tokenizer = small();
    for (int round = 0; round < 2 * WORDS; round++) {
        char word[LONGEST];
        pt__random_t random = pt__random_start((uint64_t)(round * 7 % WORDS));
        const int64_t length = 1 + pt__random_below(&random, LONGEST);
        for (int64_t i = 0; i < length; i++)
            word[i] = "bc"[pt__random_below(&random, 2)];
        const pt_text_t text = {.text = word, .bytes = length};
        for (int with_spans = 0; with_spans < 2; with_spans++) {
            pt_array_t id_view = {.data = ids, .capacity = LONGEST}, span_view = {.data = spans};
            span_view.capacity = 2 * LONGEST;
            ck_ok(pt_tokenizer_encode(tokenizer, &text, sizeof text, 1, NULL, &id_view, with_spans ? &span_view : NULL,
                                      NULL, sizeof id_view));
            ck_assert_int_eq(id_view.elements, length);
            for (int64_t i = 0; i < length; i++) {
                ck_assert_int_eq(ids[i], word[i] == 'b' ? 1 : 2);
                if (with_spans)
                    ck_assert(spans[2 * i] == i && spans[2 * i + 1] == i + 1);
            }
        }
    }
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
}
END_TEST

/* A megabyte without a blank, as one word: the ways of short and of long words agree where they meet. */
START_TEST(test_long_words)
{
    enum { LENGTH = 1 << 20 };
    char *word = malloc(LENGTH);
    int32_t *ids = malloc(LENGTH * sizeof *ids), few[3];
    begin(1);
    pt_tokenizer_t *tokenizer = small();
    for (int64_t i = 0; i < LENGTH; i++)
        word[i] = "abc"[i % 3];
    ck_assert_int_eq(encode(tokenizer, word, LENGTH, ids, LENGTH), LENGTH / 3 + 1);
    for (int64_t i = 0; i < LENGTH / 3; i++)
        ck_assert_int_eq(ids[i], 5);
    for (int64_t length = 1; length < 200; length++) {
        int64_t count = encode(tokenizer, word, length, ids, LENGTH);
        ck_assert_int_eq(count, length / 3 + (length % 3 != 0));
        ck_assert_int_eq(encode(tokenizer, word, length % 3, few, 3), length % 3 != 0);
        if (length % 3 != 0)
            ck_assert_int_eq(ids[count - 1], few[0]);
    }
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
    free(ids);
    free(word);
}
END_TEST

static pt_status_t encode_and_decode(pt_tokenizer_t *tokenizer)
{
    const pt_text_t pair = {.text = "abc<end> ab", .bytes = -1, .pair = "abababababababababababab", .pair_bytes = -1};
    int32_t ids[64];
    uint32_t spans[128];
    pt_array_t id_view = {.dtype = PT_INT32, .data = ids, .capacity = 64},
               span_view = {.dtype = PT_UINT32, .data = spans, .capacity = 128};
    PT__TRY(pt_tokenizer_encode(tokenizer, &pair, sizeof pair, 1, NULL, &id_view, &span_view, NULL, sizeof id_view));
    return pt_tokenizer_decode(tokenizer, &id_view, sizeof id_view, 0, NULL, 0, NULL);
}

static pt_status_t whole_life(failing_allocator_t *allocator, const char *text)
{
    const pt_load_options_t place = {.struct_size = sizeof place, .data = text, .bytes = (int64_t)strlen(text)};
    pt_context_options_t options;
    pt_tokenizer_t *tokenizer;
    ck_ok(pt_context_options_init(&options, sizeof options));
    options.threads = 1;
    failing_allocator_hooks(allocator, &options);
    PT__TRY(pt_context_create(&options, &context));
    pt_status_t status = pt_tokenizer_open(context, NULL, &place, &tokenizer);
    ck_assert((status == PT_OK) == (tokenizer != NULL));
    if (status == PT_OK)
        status = encode_and_decode(tokenizer);
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
    return status;
}

START_TEST(test_failing_allocations)
{
    failing_allocator_t allocator;
    pt_status_t status;
    const char *text = describe("", ", \"truncation\": {\"max_length\": 40}", "", "", "");
    FOR_EACH_FAILING_ALLOCATION(allocator, { status = whole_life(&allocator, text); }, status);
}
END_TEST

SUITE("tokenizer", 60, test_what_a_file_may_not_say, test_kinds_that_are_not_known, test_too_many_parts,
      test_what_cannot_be_truncated, test_truncated_files, test_calls_that_are_refused, test_tokens_by_name_and_id,
      test_directory, test_many_texts, test_more_texts_than_at_once, test_added_tokens_everywhere,
      test_words_that_are_kept, test_long_words, test_failing_allocations)
