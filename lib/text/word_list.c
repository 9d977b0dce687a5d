/* BERT's vocab.txt: a token a line, its id the number of the line, from 0. */
#include <string.h>

#include "base/utf8.h"
#include "text/foreign.h"
#include "text/tokenizer_config.h"
#include "text/vocabulary.h"

enum { UNKNOWN, SEPARATOR, PADDING, BEGIN, MASK, SPECIALS };

typedef struct settings {
    const char *specials[SPECIALS];
    int32_t lowers, parts_chinese, strips_accents; /* strips_accents: -1 where the file does not say */
} settings_t;

static pt_status_t read_settings(const pt__tokenizer_config_t *config, settings_t *settings)
{
    static const char *const keys[SPECIALS] = {"unk_token", "sep_token", "pad_token", "cls_token", "mask_token"};
    *settings = (settings_t){.specials = {"[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"},
                             .lowers = 1,
                             .parts_chinese = 1,
                             .strips_accents = -1};
    for (int32_t i = 0; i < SPECIALS; i++)
        PT__TRY(pt__tokenizer_config_token(config, keys[i], &settings->specials[i]));
    PT__TRY(pt__tokenizer_config_bool(config, "do_lower_case", &settings->lowers));
    PT__TRY(pt__tokenizer_config_bool(config, "tokenize_chinese_chars", &settings->parts_chinese));
    return pt__tokenizer_config_bool(config, "strip_accents", &settings->strips_accents);
}

static pt_status_t read_lines(const uint8_t *bytes, int64_t size, pt__vocabulary_t *vocabulary)
{
    int64_t line = 0;
    for (int64_t at = 0, end; at < size; at = end + 1, line++) {
        const uint8_t *newline = memchr(bytes + at, '\n', (size_t)(size - at));
        end = newline == NULL ? size : newline - bytes;
        const int64_t length = end - at - (end > at && bytes[end - 1] == '\r');
        if (pt__utf8_valid((const char *)bytes + at, length) < length)
            return pt__fail(PT_ERR_FORMAT, "line %lld is not UTF-8", (long long)line + 1);
        if (length > 0)
            PT__TRY(pt__vocabulary_add(vocabulary, line, (const char *)bytes + at, length));
    }
    return pt__vocabulary_finish(vocabulary, 0);
}

static const char *yes_or_no(int32_t value)
{
    return value < 0 ? "null" : value ? "true" : "false";
}

static void write_token(pt__text_t *json, const char *token)
{
    pt__json_add_string(json, token, (int64_t)strlen(token));
}

static pt_status_t write(const pt__vocabulary_t *vocabulary, const settings_t *settings, pt__text_t *json)
{
    int64_t ids[SPECIALS], written = 0;
    for (int32_t i = 0; i < SPECIALS; i++)
        ids[i] = pt__vocabulary_find_content(vocabulary, settings->specials[i], (int64_t)strlen(settings->specials[i]));
    if (ids[UNKNOWN] < 0)
        return pt__fail(PT_ERR_FORMAT, "no line is the unknown token \"%.99s\"", settings->specials[UNKNOWN]);
    pt__text_add(json, "{\"version\": \"1.0\", \"added_tokens\": [");
    for (int32_t i = 0; i < SPECIALS; i++)
        if (ids[i] >= 0)
            pt__added_token_write(json, &written, ids[i], settings->specials[i], (int64_t)strlen(settings->specials[i]),
                                  PT__ADDED_SPECIAL);
    pt__text_add(
        json,
        "], \"normalizer\": {\"type\": \"BertNormalizer\", \"clean_text\": true, \"handle_chinese_chars\": %s, "
        "\"strip_accents\": %s, \"lowercase\": %s}, \"pre_tokenizer\": {\"type\": \"BertPreTokenizer\"}, "
        "\"post_processor\": ",
        yes_or_no(settings->parts_chinese), yes_or_no(settings->strips_accents), yes_or_no(settings->lowers));
    if (ids[BEGIN] >= 0 && ids[SEPARATOR] >= 0)
        pt__template_write(json, ids[BEGIN], ids[SEPARATOR], 1);
    else
        pt__text_add(json, "null");
    pt__text_add(json, ", \"decoder\": {\"type\": \"WordPiece\", \"prefix\": \"##\", \"cleanup\": true}, \"model\": "
                       "{\"type\": \"WordPiece\", \"unk_token\": ");
    write_token(json, settings->specials[UNKNOWN]);
    pt__text_add(json, ", \"continuing_subword_prefix\": \"##\", \"max_input_chars_per_word\": 100, \"vocab\": {");
    written = 0;
    for (int32_t id = 0; id < vocabulary->count; id++) {
        if (!vocabulary->tokens[id].is_there)
            continue;
        pt__text_add(json, written++ > 0 ? ", " : "");
        pt__json_add_string(json, pt__token_content(vocabulary, id), vocabulary->tokens[id].content_length);
        pt__text_add(json, ": %d", (int)id);
    }
    pt__text_add(json, "}}}\n");
    return json->status;
}

pt_status_t pt__word_list_to_json(const uint8_t *bytes, int64_t size, const char *config, int64_t config_size,
                                  pt__text_t *json)
{
    pt__tokenizer_config_t opened;
    pt__vocabulary_t vocabulary;
    settings_t settings;
    PT__TRY(pt__tokenizer_config_open(json->memory, config, config_size, &opened));
    pt__vocabulary_start(&vocabulary, json->memory);
    pt_status_t status = read_settings(&opened, &settings);
    if (status == PT_OK)
        status = read_lines(bytes, size, &vocabulary);
    if (status == PT_OK)
        status = write(&vocabulary, &settings, json);
    pt__vocabulary_free(&vocabulary);
    pt__tokenizer_config_close(&opened);
    return status;
}
