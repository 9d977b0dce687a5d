/* Tokenizers that a GGUF file cannot say, or that contradict themselves: each refused by what it is, each made from one
 * that can be written by exchanging a part. And the tokens that play a part, from wherever they are named. */
#include <stdio.h>
#include <string.h>

#include "base/gguf_metadata.h"
#include "base/json.h"
#include "support/failing_allocator.h"
#include "support/suite.h"
#include "text/tokenizer.h"
#include "text/tokenizer_config.h"

enum { VOCABULARY = 8, LONGEST = 2048 };

#define BLANK "\xE2\x96\x81"
#define ENDS \
    "[{\"SpecialToken\": {\"id\": \"<s>\"}}, {\"Sequence\": {\"id\": \"A\"}}, {\"SpecialToken\": {\"id\": \"</s>\"}}]"
#define SPECIAL \
    "{\"id\": 4, \"content\": \"<s>\", \"special\": true}, {\"id\": 5, \"content\": \"</s>\", \"special\": true}"

static const char bytes[] =
    "{\"added_tokens\": [" SPECIAL "], \"normalizer\": {\"type\": \"NFC\"}, \"pre_tokenizer\": {\"type\": "
    "\"Sequence\", \"pretokenizers\": [{\"type\": \"Digits\", \"individual_digits\": true}, {\"type\": \"ByteLevel\", "
    "\"add_prefix_space\": false, \"use_regex\": true}]}, \"post_processor\": {\"type\": \"Sequence\", \"processors\": "
    "[{\"type\": \"ByteLevel\"}, {\"type\": \"TemplateProcessing\", \"single\": " ENDS "}]}, \"model\": {\"type\": "
    "\"BPE\", \"ignore_merges\": false, \"vocab\": {\"a\": 0, \"b\": 1, \"ab\": 2}, \"merges\": [\"a b\"]}}";
static const char pieces[] =
    "{\"added_tokens\": [" SPECIAL "], \"normalizer\": {\"type\": \"Sequence\", \"normalizers\": [{\"type\": "
    "\"Prepend\", \"prepend\": \"" BLANK
    "\"}, {\"type\": \"Replace\", \"pattern\": {\"String\": \" \"}, \"content\": \"" BLANK
    "\"}]}, \"pre_tokenizer\": null, \"post_processor\": {\"type\": \"TemplateProcessing\", \"single\": " ENDS
    "}, \"model\": {\"type\": \"BPE\", \"byte_fallback\": true, \"unk_token\": \"<unk>\", \"vocab\": {\"a\": 0, \"b\": "
    "1, \"ab\": 2, \"<unk>\": 3, \"<0x41>\": 6}, \"merges\": [\"a b\"]}}";
static const char words[] =
    "{\"added_tokens\": [" SPECIAL "], \"normalizer\": {\"type\": \"BertNormalizer\", \"clean_text\": true, "
    "\"lowercase\": true, \"strip_accents\": null, \"handle_chinese_chars\": true}, \"pre_tokenizer\": {\"type\": "
    "\"BertPreTokenizer\"}, \"post_processor\": {\"type\": \"BertProcessing\", \"cls\": [\"<s>\", 4], \"sep\": "
    "[\"</s>\", 5]}, \"model\": {\"type\": \"WordPiece\", \"unk_token\": \"a\", \"continuing_subword_prefix\": \"##\", "
    "\"max_input_chars_per_word\": 100, \"vocab\": {\"a\": 0, \"##b\": 1, \"[x]\": 2, \"[x\": 3}}}";

/* ---- Writing ---- */

static pt_status_t write_with(pt__memory_t *memory, const pt__tokenizer_source_t *source, pt__gguf_metadata_t *metadata)
{
    *metadata = (pt__gguf_metadata_t){.text = pt__text_start(memory)};
    const pt_status_t status = pt__tokenizer_put_gguf(memory, source, metadata);
    return status == PT_OK ? metadata->text.status : status;
}

static pt_status_t write(const char *json)
{
    const pt__tokenizer_source_t source = {.json = json, .size = (int64_t)strlen(json), .vocabulary = VOCABULARY};
    pt__memory_t memory;
    pt__gguf_metadata_t metadata;
    pt__memory_init(&memory, NULL, NULL, NULL);
    const pt_status_t status = write_with(&memory, &source, &metadata);
    pt__text_free(&metadata.text);
    return status;
}

/* `from` must be in the text, and the text itself be one that is written. */
static const char *exchange(const char *json, const char *from, const char *to)
{
    static char made[LONGEST];
    const char *at = strstr(json, from);
    ck_ok(write(json));
    ck_assert_msg(at != NULL, "no %s", from);
    const int length = snprintf(made, sizeof made, "%.*s%s%s", (int)(at - json), json, to, at + strlen(from));
    ck_assert_int_lt(length, LONGEST);
    return made;
}

typedef struct exchanged {
    const char *from, *to;
    pt_status_t expected;
    const char *part; /* of the message */
} exchanged_t;

static void refuse_all(const char *json, const exchanged_t *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ck_fails(write(exchange(json, cases[i].from, cases[i].to)), cases[i].expected, cases[i].part);
}

#define REFUSE(json, ...)                                          \
    do {                                                           \
        static const exchanged_t cases[] = {__VA_ARGS__};          \
        refuse_all((json), cases, sizeof cases / sizeof cases[0]); \
    } while (0)

/* ---- What all kinds have ---- */

START_TEST(test_tokens)
{
    REFUSE(bytes, {"\"a\": 0", "\"a\": \"0\"", PT_ERR_FORMAT, "token \"a\", expected an id"},
           {"\"a\": 0", "\"a\": 0.5", PT_ERR_FORMAT, "token \"a\", expected an id"},
           {"\"a\": 0", "\"a\": -1", PT_ERR_FORMAT, "token \"a\", expected an id"},
           {"\"a\": 0", "\"a\": 1000000000000", PT_ERR_FORMAT, "token \"a\", expected an id"},
           {"\"a\": 0", "\"a\": 8", PT_ERR_UNSUPPORTED, "9 tokens, but the network's vocabulary is 8"},
           {"\"id\": 4, ", "", PT_ERR_FORMAT, "token \"<s>\", expected an id"},
           {"\"content\": \"<s>\"", "\"content\": 4", PT_ERR_FORMAT, "an added token without \"content\""},
           {"\"content\": \"<s>\", ", "", PT_ERR_FORMAT, "an added token without \"content\""},
           {"\"special\": true", "\"special\": 1", PT_ERR_FORMAT, "special: expected"},
           {"\"special\": true", "\"lstrip\": 1", PT_ERR_FORMAT, "lstrip: expected"},
           {"\"special\": true", "\"lstrip\": true", PT_ERR_UNSUPPORTED, "\"<s>\" has \"lstrip\": true"},
           {"\"special\": true", "\"rstrip\": true", PT_ERR_UNSUPPORTED, "\"<s>\" has \"rstrip\": true"},
           {"[" SPECIAL "]", "{}", PT_ERR_FORMAT, "added_tokens: expected"},
           {"\"vocab\": {\"a\": 0, \"b\": 1, \"ab\": 2}, ", "", PT_ERR_NOT_FOUND, "the key \"vocab\" is missing"},
           {"\"model\":", "\"other\":", PT_ERR_NOT_FOUND, "the key \"model\" is missing"},
           {"\"type\": \"BPE\", ", "", PT_ERR_NOT_FOUND, "the key \"type\" is missing"},
           {"\"BPE\"", "\"WordLevel\"", PT_ERR_UNSUPPORTED, "a tokenizer of the kind WordLevel, expected BPE or"},
           {"}}", "}", PT_ERR_FORMAT, "tokenizer.json"});
}
END_TEST

/* What an added token says of normalised text is of no consequence where texts are not normalised. */
START_TEST(test_normalized)
{
    const char *const plain = "{\"added_tokens\": [{\"id\": 4, \"content\": \"x\", \"normalized\": true}], "
                              "\"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false}, \"model\": "
                              "{\"type\": \"BPE\", \"vocab\": {\"a\": 0}, \"merges\": []}}";
    ck_ok(write(plain));
    ck_ok(write(exchange(plain, "\"pre_tokenizer\"", "\"normalizer\": null, \"pre_tokenizer\"")));
    ck_fails(write(exchange(plain, "\"pre_tokenizer\"", "\"normalizer\": {\"type\": \"NFC\"}, \"pre_tokenizer\"")),
             PT_ERR_UNSUPPORTED, "the added token \"x\" has \"normalized\": true");
}
END_TEST

START_TEST(test_ends)
{
    static const char single[] = "\"single\": " ENDS, no_template[] = "a post_processor that is no template of at most";
    REFUSE(bytes, {single, "\"single\": {}", PT_ERR_UNSUPPORTED, no_template},
           {single, "\"double\": []", PT_ERR_UNSUPPORTED, no_template},
           {single, "\"single\": [1, 2, 3, 4]", PT_ERR_UNSUPPORTED, no_template},
           {single, "\"single\": [{\"SpecialToken\": {\"id\": \"<s>\"}}]", PT_ERR_UNSUPPORTED, no_template},
           {single, "\"single\": [{\"Sequence\": {}}, {\"Sequence\": {}}]", PT_ERR_UNSUPPORTED, no_template},
           {"{\"id\": \"<s>\"}", "{\"id\": 4}", PT_ERR_UNSUPPORTED, no_template},
           {"\"<s>\"}}", "\"<t>\"}}", PT_ERR_FORMAT, "the post_processor's token \"<t>\" is none of the tokens"},
           {"\"</s>\"}}", "\"<t>\"}}", PT_ERR_FORMAT, "the post_processor's token \"<t>\" is none of the tokens"});
    REFUSE(words, {"[\"<s>\", 4]", "[]", PT_ERR_UNSUPPORTED, no_template},
           {"[\"<s>\", 4]", "\"<s>\"", PT_ERR_UNSUPPORTED, no_template},
           {"[\"<s>\", 4]", "[4]", PT_ERR_UNSUPPORTED, no_template},
           {"[\"</s>\", 5]", "[\"<t>\", 5]", PT_ERR_FORMAT, "token \"<t>\" is none of the tokens"});
    ck_ok(write(exchange(bytes, single, "\"single\": []"))); /* nothing at either end */
    ck_ok(write(exchange(bytes, "\"processors\"", "\"others\"")));
    ck_ok(write(exchange(bytes, "\"type\": \"Sequence\", \"processors\"", "\"type\": 1, \"processors\"")));
    REFUSE(pieces, {"\"<s>\"}}", "\"<t>\"}}", PT_ERR_FORMAT, "token \"<t>\" is none of the tokens"});
}
END_TEST

/* ---- What each kind has ---- */

START_TEST(test_bytes)
{
    static const char no_name[] = "a pre_tokenizer that llama.cpp has no name for";
    static const char level[] = "{\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"use_regex\": true}";
    REFUSE(bytes, {"\"NFC\"", "\"NFKC\"", PT_ERR_UNSUPPORTED, "the normalizer NFKC with BPE, expected none"},
           {"\"ignore_merges\": false", "\"ignore_merges\": 0", PT_ERR_FORMAT, "ignore_merges: expected"},
           {"\"ignore_merges\": false", "\"ignore_merges\": true", PT_ERR_UNSUPPORTED, "with the pattern \"\", which"},
           {"\"merges\": [\"a b\"]", "\"merges\": 1", PT_ERR_FORMAT, "merges: expected"},
           {"\"merges\": [\"a b\"]", "\"merges\": [\"ab\"]", PT_ERR_FORMAT, "expected two tokens with a blank"},
           {"\"vocab\"", "\"end_of_word_suffix\": 1, \"vocab\"", PT_ERR_FORMAT, "end_of_word_suffix: expected"},
           {"\"vocab\"", "\"end_of_word_suffix\": \"</w>\", \"vocab\"", PT_ERR_UNSUPPORTED,
            "\"end_of_word_suffix\" with BPE, expected none in a GGUF file"},
           {"\"vocab\"", "\"continuing_subword_prefix\": \"b\", \"vocab\"", PT_ERR_UNSUPPORTED,
            "\"continuing_subword_prefix\" with BPE, expected none in a GGUF file"},
           {level, "{\"type\": \"ByteLevel\", \"use_regex\": 1}", PT_ERR_UNSUPPORTED, no_name},
           {level, "{\"type\": \"ByteLevel\", \"add_prefix_space\": 1}", PT_ERR_UNSUPPORTED, no_name},
           {level, "{\"type\": \"ByteLevel\", \"add_prefix_space\": true}", PT_ERR_UNSUPPORTED, no_name},
           {level, "{\"type\": 1}", PT_ERR_UNSUPPORTED, no_name}, {level, "{}", PT_ERR_UNSUPPORTED, no_name},
           {level, "{\"type\": \"Split\"}", PT_ERR_UNSUPPORTED, no_name},
           {level, "{\"type\": \"Split\", \"pattern\": {\"Regex\": 1}}", PT_ERR_UNSUPPORTED, no_name},
           {level,
            "{\"type\": \"Split\", \"pattern\": {\"Regex\": \"a\"}}, {\"type\": \"Split\", \"pattern\": {\"Regex\": "
            "\"b\"}}",
            PT_ERR_UNSUPPORTED, no_name},
           {"\"individual_digits\": true", "\"individual_digits\": 1", PT_ERR_UNSUPPORTED, no_name},
           {"\"individual_digits\": true", "\"individual_digits\": false", PT_ERR_UNSUPPORTED, no_name},
           {"\"pretokenizers\"", "\"parts\"", PT_ERR_UNSUPPORTED, no_name},
           {"\"use_regex\": true", "\"use_regex\": false", PT_ERR_UNSUPPORTED, "with the pattern \"\", which"});
}
END_TEST

START_TEST(test_pieces)
{
    static const char other[] = "a normalizer other than Llama's", replace[] = "{\"type\": \"Replace\", \"pattern\"";
    REFUSE(pieces, {"\"Prepend\"", "\"Prefix\"", PT_ERR_UNSUPPORTED, other},
           {"\"Prepend\"", "1", PT_ERR_UNSUPPORTED, other},
           {"\"prepend\": \"" BLANK "\"", "\"prepend\": \"_\"", PT_ERR_UNSUPPORTED, other},
           {"\"prepend\": \"" BLANK "\"", "\"prepend\": 1", PT_ERR_UNSUPPORTED, other},
           {", \"prepend\": \"" BLANK "\"", "", PT_ERR_UNSUPPORTED, other},
           {"\"Replace\"", "\"Exchange\"", PT_ERR_UNSUPPORTED, other}, {"\"Replace\"", "1", PT_ERR_UNSUPPORTED, other},
           {replace, "{\"type\": \"Replace\", \"patterns\"", PT_ERR_UNSUPPORTED, other},
           {replace, "{\"pattern\"", PT_ERR_UNSUPPORTED, other},
           {"{\"String\": \" \"}", "{\"Regex\": \" \"}", PT_ERR_UNSUPPORTED, other},
           {"{\"String\": \" \"}", "{\"String\": 1}", PT_ERR_UNSUPPORTED, other},
           {"{\"String\": \" \"}", "{\"String\": \"_\"}", PT_ERR_UNSUPPORTED, other},
           {"\"content\": \"" BLANK "\"", "\"content\": \"_\"", PT_ERR_UNSUPPORTED, other},
           {"\"content\": \"" BLANK "\"", "\"content\": 1", PT_ERR_UNSUPPORTED, other},
           {", \"content\": \"" BLANK "\"", "", PT_ERR_UNSUPPORTED, other},
           {"\"normalizers\": [", "\"normalizers\": [{\"type\": \"NFC\"}, ", PT_ERR_UNSUPPORTED, other},
           {"\"normalizers\"", "\"normalizers\": [], \"x\"", PT_ERR_UNSUPPORTED, other},
           {"\"normalizers\"", "\"normalizers\": 1, \"x\"", PT_ERR_FORMAT, "normalizers: expected"},
           {"\"normalizer\"", "\"normalizer\": 1, \"x\"", PT_ERR_FORMAT, "normalizer: expected"},
           {"\"pre_tokenizer\": null", "\"pre_tokenizer\": 1", PT_ERR_FORMAT, "pre_tokenizer: expected"},
           {"\"pre_tokenizer\": null", "\"pre_tokenizer\": {\"type\": \"Digits\"}", PT_ERR_UNSUPPORTED,
            "a pre_tokenizer other than Llama's"},
           {"\"byte_fallback\": true", "\"byte_fallback\": 1", PT_ERR_FORMAT, "byte_fallback: expected"},
           {"\"unk_token\": \"<unk>\"", "\"unk_token\": 1", PT_ERR_FORMAT, "unk_token: expected"},
           {"\"merges\": [\"a b\"]", "\"merges\": 1", PT_ERR_FORMAT, "merges: expected"},
           {"\"merges\": [\"a b\"]", "\"merges\": [\"ab\"]", PT_ERR_FORMAT, "expected two tokens with a blank"},
           {"\"merges\": [\"a b\"]", "\"merges\": [\"a b\", \"b a\"]", PT_ERR_UNSUPPORTED,
            "2 merges with byte_fallback, expected all 1 pairs"});
    ck_ok(write(exchange(pieces, "{\"type\": \"Prepend\", \"prepend\": \"" BLANK "\"}, ", "")));
    /* as a tokenizer.model becomes a tokenizer.json here */
    ck_ok(write(
        exchange(pieces, "\"normalizers\": [",
                 "\"normalizers\": [{\"type\": \"Replace\", \"pattern\": {\"String\": \" \"}, \"content\": \"" BLANK
                 "\"}, {\"type\": \"Prepend\", \"prepend\": \"" BLANK "\"}], \"x\": [")));
}
END_TEST

START_TEST(test_words)
{
    static const char other[] = "with another pre_tokenizer";
    REFUSE(words, {"\"clean_text\": true", "\"clean_text\": 1", PT_ERR_FORMAT, "clean_text: expected"},
           {"\"clean_text\": true", "\"clean_text\": false", PT_ERR_UNSUPPORTED, "\"clean_text\": false"},
           {"\"lowercase\": true", "\"lowercase\": 1", PT_ERR_FORMAT, "lowercase: expected"},
           {"\"strip_accents\": null", "\"strip_accents\": 1", PT_ERR_FORMAT, "strip_accents: expected"},
           {"\"handle_chinese_chars\": true", "\"handle_chinese_chars\": 1", PT_ERR_FORMAT,
            "handle_chinese_chars: expected"},
           {"\"handle_chinese_chars\": true", "\"handle_chinese_chars\": false", PT_ERR_UNSUPPORTED,
            "\"handle_chinese_chars\": false"},
           {"\"normalizer\"", "\"normalizer\": 1, \"x\"", PT_ERR_FORMAT, "normalizer: expected"},
           {"\"normalizer\"", "\"x\"", PT_ERR_UNSUPPORTED, "without lower case"},
           {"\"pre_tokenizer\"", "\"pre_tokenizer\": 1, \"x\"", PT_ERR_FORMAT, "pre_tokenizer: expected"},
           {"\"pre_tokenizer\"", "\"x\"", PT_ERR_UNSUPPORTED, other},
           {"\"BertPreTokenizer\"", "1", PT_ERR_FORMAT, "type: expected"},
           {"\"BertPreTokenizer\"", "\"Whitespace\"", PT_ERR_UNSUPPORTED, other},
           {"\"##\"", "1", PT_ERR_FORMAT, "continuing_subword_prefix: expected"},
           {"\"##\"", "\"@@\"", PT_ERR_UNSUPPORTED, "with another prefix than ##"},
           {"\"unk_token\": \"a\", ", "", PT_ERR_NOT_FOUND, "the key \"unk_token\" is missing"});
}
END_TEST

/* ---- Tokens that play a part ---- */

/* The number that the metadata have under this key; -1: none. */
static int64_t special(const pt__gguf_metadata_t *metadata, const char *key)
{
    const pt__text_t *text = &metadata->text;
    const int64_t length = (int64_t)strlen(key);
    for (int64_t at = 0; at + length + 8 <= text->length; at++)
        if (memcmp(text->data + at, key, (size_t)length) == 0)
            return (unsigned char)text->data[at + length + 4]; /* behind the kind of value */
    return -1;
}

START_TEST(test_specials)
{
    static const char config[] = "{\"bos_token_id\": 1, \"eos_token_id\": [2, 5], \"pad_token_id\": %s}";
    static const struct {
        const char *tokenizer_config, *padding;
        int64_t begin, end, padded;
    } cases[] = {
        {NULL, "3", 1, 2, 3},
        {NULL, "8", 1, 2, -1},
        {NULL, "-1", 1, 2, -1},
        {NULL, "\"3\"", 1, 2, -1},
        {NULL, "0.5", 1, 2, -1},
        {"{\"bos_token\": \"<s>\", \"eos_token\": {\"content\": \"</s>\"}, \"pad_token\": \"none\"}", "3", 4, 5, 3}};
    const char *const plain = exchange(bytes, "\"post_processor\"", "\"x\"");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[128];
        pt__memory_t memory;
        pt__json_document_t *document;
        pt__tokenizer_config_t tokenizer_config = {NULL, NULL};
        pt__tokenizer_source_t source = {.json = plain, .size = (int64_t)strlen(plain), .vocabulary = VOCABULARY};
        pt__gguf_metadata_t metadata;
        pt__memory_init(&memory, NULL, NULL, NULL);
        snprintf(text, sizeof text, config, cases[i].padding);
        ck_ok(pt__json_parse(&memory, "config", text, (int64_t)strlen(text), &document, &source.config));
        if (cases[i].tokenizer_config != NULL) {
            ck_ok(pt__tokenizer_config_open(&memory, cases[i].tokenizer_config,
                                            (int64_t)strlen(cases[i].tokenizer_config), &tokenizer_config));
            source.tokenizer_config = &tokenizer_config;
        }
        ck_ok(write_with(&memory, &source, &metadata));
        ck_assert_int_eq(special(&metadata, "bos_token_id"), cases[i].begin);
        ck_assert_int_eq(special(&metadata, "eos_token_id"), cases[i].end);
        ck_assert_int_eq(special(&metadata, "padding_token_id"), cases[i].padded);
        ck_assert_int_eq(special(&metadata, "mask_token_id"), -1);
        pt__text_free(&metadata.text);
        pt__tokenizer_config_close(&tokenizer_config);
        pt__json_free(document);
    }
}
END_TEST

START_TEST(test_tokenizer_config_that_is_wrong)
{
    static const char text[] = "{\"bos_token\": 1}";
    pt__memory_t memory;
    pt__tokenizer_config_t tokenizer_config;
    pt__gguf_metadata_t metadata;
    pt__memory_init(&memory, NULL, NULL, NULL);
    ck_ok(pt__tokenizer_config_open(&memory, text, sizeof text - 1, &tokenizer_config));
    const pt__tokenizer_source_t source = {
        .json = bytes, .size = sizeof bytes - 1, .tokenizer_config = &tokenizer_config, .vocabulary = VOCABULARY};
    ck_fails(write_with(&memory, &source, &metadata), PT_ERR_FORMAT, "bos_token");
    pt__text_free(&metadata.text);
    pt__tokenizer_config_close(&tokenizer_config);
}
END_TEST

START_TEST(test_every_allocation_may_fail)
{
    static const char *const all[] = {bytes, pieces, words};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        const pt__tokenizer_source_t source = {
            .json = all[i], .size = (int64_t)strlen(all[i]), .vocabulary = VOCABULARY};
        failing_allocator_t allocator;
        pt_status_t status;
        FOR_EACH_FAILING_ALLOCATION(allocator, {
            pt__memory_t memory;
            pt__gguf_metadata_t metadata;
            failing_allocator_memory(&allocator, &memory);
            status = write_with(&memory, &source, &metadata);
            pt__text_free(&metadata.text);
        }, status);
    }
}
END_TEST

SUITE("gguf_unwritten", 30, test_tokens, test_normalized, test_ends, test_bytes, test_pieces, test_words, test_specials,
      test_tokenizer_config_that_is_wrong, test_every_allocation_may_fail)
