/* Tokenizers written as the metadata of GGUF files, and read again: the same ids, of the golden tokenizers' cases. */
#include <stdlib.h>
#include <string.h>

#include "base/gguf_metadata.h"
#include "base/json.h"
#include "support/golden.h"
#include "support/suite.h"
#include "text/tokenizer.h"

enum { MOST = 512, VOCABULARY = 410 /* more than any of these has */ };

static pt_context_t *context;

static pt_tokenizer_t *open_bytes(const char *bytes, int64_t size)
{
    const pt_load_options_t place = {.struct_size = sizeof place, .data = bytes, .bytes = size};
    pt_tokenizer_t *tokenizer = NULL;
    ck_ok(pt_tokenizer_open(context, NULL, &place, &tokenizer));
    return tokenizer;
}

static int64_t encode(pt_tokenizer_t *tokenizer, const pt__json_t *text, int32_t ids[MOST])
{
    const pt_text_t given = {.text = text->string, .bytes = text->length};
    pt_array_t view = {.dtype = PT_INT32, .data = ids, .capacity = MOST};
    ck_ok(pt_tokenizer_encode(tokenizer, &given, sizeof given, 1, NULL, &view, NULL, NULL, sizeof view));
    return view.elements;
}

/* A file of no tensors. */
static pt_status_t write_file(const char *json, int64_t size, pt__text_t *file)
{
    pt__gguf_metadata_t metadata = {.text = pt__text_start(&context->memory)};
    const pt__tokenizer_source_t source = {.json = json, .size = size, .vocabulary = VOCABULARY};
    pt_status_t status = pt__tokenizer_put_gguf(&context->memory, &source, &metadata);
    *file = pt__text_start(&context->memory);
    pt__text_add_bytes(file, "GGUF\3\0\0\0\0\0\0\0\0\0\0\0", 16);
    pt__gguf_add_number(file, metadata.pairs, 8);
    if (metadata.text.data != NULL)
        pt__text_add_bytes(file, metadata.text.data, metadata.text.length);
    ck_assert_int_eq(metadata.text.status, PT_OK);
    pt__text_free(&metadata.text);
    return status;
}

/* Without the lengths that texts are cut and filled to, which a GGUF file does not have. */
static void print_tokenizer(const pt__json_t *tokenizer, pt__text_t *json)
{
    int64_t written = 0;
    pt__text_add(json, "{");
    for (const pt__json_t *one = tokenizer->first; one != NULL; one = one->next) {
        if (strcmp(one->key, "truncation") == 0 || strcmp(one->key, "padding") == 0)
            continue;
        pt__text_add(json, "%s\"%s\": ", written++ > 0 ? ", " : "", one->key);
        pt__json_print(one, json);
    }
    pt__text_add(json, "}");
}

static int64_t compare(const char *golden)
{
    pt__json_document_t *document;
    const pt__json_t *root;
    pt__text_t json = pt__text_start(&context->memory), file;
    int64_t compared = 0;
    golden_read(golden);
    ck_ok(pt__json_parse(&context->memory, golden, golden_bytes, (int64_t)strlen(golden_bytes), &document, &root));
    print_tokenizer(pt__json_find(root, "tokenizer"), &json);
    ck_ok(write_file(json.data, json.length, &file));
    pt_tokenizer_t *before = open_bytes(json.data, json.length), *after = open_bytes(file.data, file.length);
    for (const pt__json_t *item = pt__json_find(root, "cases")->first; item != NULL; item = item->next) {
        const pt__json_t *text = pt__json_find(item, "text");
        int32_t expected[MOST], found[MOST];
        if (text->length > 200)
            continue;
        const int64_t n = encode(before, text, expected), m = encode(after, text, found);
        ck_assert_msg(n == m && memcmp(expected, found, (size_t)n * sizeof *found) == 0, "%s: \"%s\"", golden,
                      text->string);
        compared++;
    }
    pt_tokenizer_free(before);
    pt_tokenizer_free(after);
    pt__text_free(&json);
    pt__text_free(&file);
    pt__json_free(document);
    return compared;
}

START_TEST(test_same_ids)
{
    ck_ok(pt_context_create(NULL, &context));
    ck_assert_int_gt(compare("tests/golden/tokenizer_llama3.json"), 10);
    ck_assert_int_gt(compare("tests/golden/tokenizer_qwen2.json"), 10);
    ck_assert_int_gt(compare("tests/golden/tokenizer_llama.json"), 10);
    pt_context_free(context);
}
END_TEST

/* BERT's, whose words are written otherwise there. */
START_TEST(test_words)
{
    static const char json[] =
        "{\"version\": \"1.0\", \"added_tokens\": [{\"id\": 0, \"content\": \"[UNK]\", \"single_word\": false, "
        "\"lstrip\": false, \"rstrip\": false, \"normalized\": false, \"special\": true}, {\"id\": 1, \"content\": "
        "\"[CLS]\", \"single_word\": false, \"lstrip\": false, \"rstrip\": false, \"normalized\": false, "
        "\"special\": true}, {\"id\": 2, \"content\": \"[SEP]\", \"single_word\": false, \"lstrip\": false, "
        "\"rstrip\": false, \"normalized\": false, \"special\": true}], \"normalizer\": {\"type\": "
        "\"BertNormalizer\", \"clean_text\": true, \"handle_chinese_chars\": true, \"strip_accents\": null, "
        "\"lowercase\": true}, \"pre_tokenizer\": {\"type\": \"BertPreTokenizer\"}, \"post_processor\": {\"type\": "
        "\"BertProcessing\", \"sep\": [\"[SEP]\", 2], \"cls\": [\"[CLS]\", 1]}, \"model\": {\"type\": "
        "\"WordPiece\", \"unk_token\": \"[UNK]\", \"continuing_subword_prefix\": \"##\", "
        "\"max_input_chars_per_word\": 100, \"vocab\": {\"[UNK]\": 0, \"[CLS]\": 1, \"[SEP]\": 2, \"a\": 3, "
        "\"##b\": 4, \"##a\": 5, \"ab\": 7}}}";
    const pt__json_t text = {.string = "Ab abab b [SEP] aaa", .length = 19};
    const int32_t expected[] = {1, 7, 7, 5, 4, 0, 2, 3, 5, 5, 2};
    int32_t ids[MOST];
    pt__text_t file;
    ck_ok(pt_context_create(NULL, &context));
    ck_ok(write_file(json, (int64_t)strlen(json), &file));
    pt_tokenizer_t *tokenizer = open_bytes(file.data, file.length);
    ck_assert_int_eq(encode(tokenizer, &text, ids), sizeof expected / sizeof *expected);
    ck_assert_int_eq(memcmp(ids, expected, sizeof expected), 0);
    pt_tokenizer_free(tokenizer);
    pt__text_free(&file);
    pt_context_free(context);
}
END_TEST

static void refuse(const char *json, const char *part)
{
    pt__text_t file;
    ck_fails(write_file(json, (int64_t)strlen(json), &file), PT_ERR_UNSUPPORTED, part);
    pt__text_free(&file);
}

#define WORDS                                                                                                       \
    "\"pre_tokenizer\": {\"type\": \"BertPreTokenizer\"}, \"model\": {\"type\": \"WordPiece\", \"vocab\": {\"a\": " \
    "0}, \"unk_token\": \"a\"}}"

START_TEST(test_what_has_no_name)
{
    ck_ok(pt_context_create(NULL, &context));
    refuse("{\"model\": {\"type\": \"Unigram\", \"vocab\": []}}", "a tokenizer of the kind Unigram, expected");
    refuse("{\"model\": {\"type\": \"BPE\", \"byte_fallback\": true, \"vocab\": {\"a\": 0}, \"merges\": []}}",
           "a normalizer other than Llama's");
    refuse("{\"normalizer\": {\"type\": \"Replace\", \"pattern\": {\"String\": \" \"}, \"content\": \"\xE2\x96\x81\"}, "
           "\"model\": {\"type\": \"BPE\", \"byte_fallback\": true, \"vocab\": {\"a\": 0, \"aa\": 1}, \"merges\": []}}",
           "0 merges with byte_fallback, expected all 1 pairs");
    refuse("{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0}, \"merges\": []}}", "a pre_tokenizer that llama.cpp");
    refuse("{\"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Split\", \"pattern\": "
           "{\"Regex\": \"a+\"}}, {\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"use_regex\": false}]}, "
           "\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0}, \"merges\": []}}",
           "a pre_tokenizer with the pattern \"a+\"");
    refuse("{\"normalizer\": {\"type\": \"BertNormalizer\", \"lowercase\": false}, " WORDS, "without lower case");
    refuse("{\"normalizer\": {\"type\": \"BertNormalizer\", \"lowercase\": true, \"strip_accents\": false}, " WORDS,
           "\"strip_accents\": false");
    refuse("{\"normalizer\": {\"type\": \"BertNormalizer\", \"lowercase\": true}, \"added_tokens\": [{\"id\": 1, "
           "\"content\": \"WORD\", \"special\": false, \"normalized\": true}], " WORDS,
           "the added token \"WORD\" has \"normalized\": true");
    refuse("{\"normalizer\": {\"type\": \"BertNormalizer\", \"lowercase\": true}, \"added_tokens\": [{\"id\": 1, "
           "\"content\": \"WORD\", \"single_word\": true}], " WORDS,
           "\"single_word\": true");
    refuse("{\"added_tokens\": [{\"id\": 410, \"content\": \"x\"}], " WORDS,
           "411 tokens, but the network's vocabulary is");
    pt_context_free(context);
}
END_TEST

SUITE("gguf_written", 30, test_same_ids, test_words, test_what_has_no_name)
