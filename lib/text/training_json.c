/* The tokenizer.json of a trained tokenizer, as the reference writes those that it trains. */
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "text/training_state.h"

/* Llama 3's is cl100k's but for the spelling. */
#define LINES(numbers)                                                          \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}" numbers \
    "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

static const struct {
    const char *name, *pattern;
} patterns[] = {{"gpt2", NULL}, {"cl100k", LINES("{1,3}")}, {"llama3", LINES("{1,3}")}, {"qwen2", LINES("")}};

static const char *find_pattern(const char *name, int32_t *is_known)
{
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        if (strcmp(patterns[i].name, name) == 0) {
            *is_known = 1;
            return patterns[i].pattern;
        }
    *is_known = 0;
    return NULL;
}

int32_t pt__training_knows_pattern(const char *name)
{
    int32_t is_known;
    find_pattern(name, &is_known);
    return is_known;
}

static void add_string(pt__text_t *text, const char *string)
{
    pt__json_add_string(text, string, (int64_t)strlen(string));
}

static void add_special(const pt__training_t *training, pt__text_t *text)
{
    pt__text_add(text, "\"added_tokens\":[");
    for (int64_t i = 0; i < training->n_special; i++) {
        int64_t length;
        const int64_t id = training->first_special + i;
        const uint8_t *content = pt__word_table_get(&training->pieces, id, &length);
        pt__text_add(text, "%s{\"id\":%lld,\"content\":", i > 0 ? "," : "", (long long)id);
        pt__json_add_string(text, (const char *)content, length);
        pt__text_add(text, ",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,\"normalized\":false,"
                           "\"special\":true}");
    }
    pt__text_add(text, "],");
}

static void add_byte_level_parts(const pt__training_t *training, pt__text_t *text)
{
    const char *blank = training->options.flags & PT_TOKENIZER_PREFIX_SPACE ? "true" : "false";
    int32_t is_known;
    const char *pattern = find_pattern(training->options.pattern, &is_known);
    pt__text_add(text, "\"normalizer\":null,\"pre_tokenizer\":");
    if (pattern != NULL) {
        pt__text_add(text, "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"Regex\":");
        add_string(text, pattern);
        pt__text_add(text, "},\"behavior\":\"Isolated\",\"invert\":false},");
    }
    pt__text_add(text, "{\"type\":\"ByteLevel\",\"add_prefix_space\":%s,\"trim_offsets\":true,\"use_regex\":%s}%s,",
                 blank, pattern == NULL ? "true" : "false", pattern == NULL ? "" : "]}");
    pt__text_add(text, "\"post_processor\":{\"type\":\"ByteLevel\",\"add_prefix_space\":true,\"trim_offsets\":false,"
                       "\"use_regex\":true},\"decoder\":{\"type\":\"ByteLevel\",\"add_prefix_space\":true,"
                       "\"trim_offsets\":true,\"use_regex\":true},");
}

static void add_end(const pt__training_t *training, pt__text_t *text, const char *key, const char *content)
{
    const int64_t length = (int64_t)strlen(content);
    const uint8_t *bytes = (const uint8_t *)content;
    const int64_t id = pt__word_table_find(&training->pieces, bytes, length, pt__word_hash(bytes, length));
    pt__text_add(text, ",\"%s\":[", key);
    add_string(text, content);
    pt__text_add(text, ",%lld]", (long long)id);
}

static int32_t is_special(const pt__training_t *training, const char *content)
{
    const int64_t length = (int64_t)strlen(content);
    const uint8_t *bytes = (const uint8_t *)content;
    const int64_t id = pt__word_table_find(&training->pieces, bytes, length, pt__word_hash(bytes, length));
    return id >= 0 && id < training->n_special;
}

static void add_bert_parts(const pt__training_t *training, pt__text_t *text)
{
    pt__text_add(text,
                 "\"normalizer\":{\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":true,"
                 "\"strip_accents\":null,\"lowercase\":%s},\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},",
                 training->options.flags & PT_TOKENIZER_CASED ? "false" : "true");
    pt__text_add(text, "\"post_processor\":");
    if (is_special(training, "[CLS]") && is_special(training, "[SEP]")) {
        pt__text_add(text, "{\"type\":\"BertProcessing\"");
        add_end(training, text, "sep", "[SEP]");
        add_end(training, text, "cls", "[CLS]");
        pt__text_add(text, "},");
    } else
        pt__text_add(text, "null,");
    pt__text_add(text, "\"decoder\":{\"type\":\"WordPiece\",\"prefix\":");
    add_string(text, training->options.prefix);
    pt__text_add(text, ",\"cleanup\":true},");
}

static void add_unigram_parts(pt__text_t *text)
{
    static const char metaspace[] = "{\"type\":\"Metaspace\",\"replacement\":\"\xE2\x96\x81\","
                                    "\"prepend_scheme\":\"always\",\"split\":true}";
    pt__text_add(text,
                 "\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Nmt\"},{\"type\":\"NFKC\"},"
                 "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\" {2,}\"},\"content\":\" \"}]},"
                 "\"pre_tokenizer\":%s,\"post_processor\":null,\"decoder\":%s,",
                 metaspace, metaspace);
}

static void add_unigram_model(const pt__training_t *training, int32_t with_pieces, pt__text_t *text)
{
    const int64_t length = (int64_t)strlen(PT__UNIGRAM_TOKEN);
    const uint8_t *unknown = (const uint8_t *)PT__UNIGRAM_TOKEN;
    int64_t id = pt__word_table_find(&training->pieces, unknown, length, pt__word_hash(unknown, length));
    pt__text_add(text, "\"model\":{\"type\":\"Unigram\",\"unk_id\":%lld,\"vocab\":[",
                 (long long)(with_pieces ? id : 0));
    if (!with_pieces)
        pt__text_add(text, "[\"" PT__UNIGRAM_TOKEN "\",0.0]");
    for (id = 0; with_pieces && id < training->pieces.n_words; id++) {
        int64_t bytes;
        const uint8_t *content = pt__word_table_get(&training->pieces, id, &bytes);
        pt__text_add(text, "%s[", id > 0 ? "," : "");
        pt__json_add_string(text, (const char *)content, bytes);
        pt__text_add(text, ",");
        pt__json_add_number(text, training->scores[id]);
        pt__text_add(text, "]");
    }
    pt__text_add(text, "],\"byte_fallback\":false}}");
}

static void add_vocabulary(const pt__training_t *training, int32_t with_pieces, pt__text_t *text)
{
    pt__text_add(text, "\"vocab\":{%s", with_pieces ? "" : "\"[UNK]\":0");
    for (int64_t id = 0; with_pieces && id < training->pieces.n_words; id++) {
        int64_t length;
        const uint8_t *content = pt__word_table_get(&training->pieces, id, &length);
        pt__text_add_bytes(text, ",", id > 0);
        pt__json_add_string(text, (const char *)content, length);
        pt__text_add(text, ":%lld", (long long)id);
    }
    pt__text_add(text, "}");
}

static void add_merges(const pt__training_t *training, pt__text_t *text)
{
    pt__text_add(text, ",\"merges\":[");
    for (int64_t i = 0; i < training->n_merges; i++) {
        int64_t length;
        const uint8_t *part = pt__word_table_get(&training->pieces, (int64_t)(training->merges[i] >> 32), &length);
        pt__text_add(text, "%s[", i > 0 ? "," : "");
        pt__json_add_string(text, (const char *)part, length);
        part = pt__word_table_get(&training->pieces, (int64_t)(uint32_t)training->merges[i], &length);
        pt__text_add(text, ",");
        pt__json_add_string(text, (const char *)part, length);
        pt__text_add(text, "]");
    }
    pt__text_add(text, "]");
}

pt_status_t pt__training_json(const pt__training_t *training, int32_t with_pieces, char **text, int64_t *length)
{
    const int32_t is_bpe = training->options.kind == PT_TOKENIZER_BPE;
    pt__text_t json = pt__text_start(&training->context->memory);
    pt__text_add(&json, "{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,");
    add_special(training, &json);
    if (training->options.kind == PT_TOKENIZER_UNIGRAM) {
        add_unigram_parts(&json);
        add_unigram_model(training, with_pieces, &json);
        return pt__text_take(&json, text, length);
    }
    if (is_bpe) {
        add_byte_level_parts(training, &json);
        pt__text_add(&json, "\"model\":{\"type\":\"BPE\",\"dropout\":null,\"unk_token\":null,"
                            "\"continuing_subword_prefix\":null,\"end_of_word_suffix\":null,\"fuse_unk\":false,"
                            "\"byte_fallback\":false,\"ignore_merges\":false,");
    } else {
        add_bert_parts(training, &json);
        pt__text_add(&json, "\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"continuing_subword_prefix\":");
        add_string(&json, training->options.prefix);
        pt__text_add(&json, ",\"max_input_chars_per_word\":100,");
    }
    add_vocabulary(training, with_pieces, &json);
    if (is_bpe)
        add_merges(training, &json);
    pt__text_add(&json, "}}");
    return pt__text_take(&json, text, length);
}
