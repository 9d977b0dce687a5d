/* See alphabet.h. */
#include "text/alphabet.h"

#include <string.h>

#include "base/json.h"
#include "base/utf8.h"
#include "text/foreign.h"
#include "text/tokenizer_config.h"

static void add_string(pt__text_t *json, const char *string)
{
    if (string == NULL)
        pt__text_add(json, "null");
    else
        pt__json_add_string(json, string, (int64_t)strlen(string));
}

/* What stands before the model's tokens: decoding joins them, with blanks for the delimiter. */
static void begin(pt__text_t *json, const char *delimiter)
{
    pt__text_add(json, "], \"normalizer\": null, \"pre_tokenizer\": null, \"post_processor\": null, \"decoder\": "
                       "{\"type\": \"Sequence\", \"decoders\": [");
    if (delimiter != NULL) {
        pt__text_add(json, "{\"type\": \"Replace\", \"pattern\": {\"String\": ");
        add_string(json, delimiter);
        pt__text_add(json, "}, \"content\": \" \"}, ");
    }
    pt__text_add(json, "{\"type\": \"Fuse\"}]}, \"model\": {\"type\": \"Characters\", \"delimiter\": ");
    add_string(json, delimiter);
}

/* ---- From a list of characters ---- */

static pt_status_t check_characters(const char *characters, const char *delimiter)
{
    int64_t length = (int64_t)strlen(characters), step;
    int32_t has_delimiter = delimiter == NULL;
    if (length == 0)
        return pt__fail(PT_ERR_ARGUMENT, "the alphabet is empty, expected at least one character");
    for (int64_t at = 0; at < length; at += step) {
        step = pt__utf8_length(characters + at, length - at);
        if (step == 0)
            return pt__fail(PT_ERR_FORMAT, "the alphabet is not UTF-8 at byte %lld", (long long)at);
        for (int64_t before = 0; before < at; before++)
            if (memcmp(characters + before, characters + at, (size_t)step) == 0)
                return pt__fail(PT_ERR_ARGUMENT, "the alphabet has \"%.*s\" twice, at the bytes %lld and %lld",
                                (int)step, characters + at, (long long)before, (long long)at);
        has_delimiter |= delimiter != NULL && (int64_t)strlen(delimiter) == step &&
                         memcmp(delimiter, characters + at, (size_t)step) == 0;
    }
    if (!has_delimiter)
        return pt__fail(PT_ERR_ARGUMENT, "the delimiter \"%.99s\" is not one of the alphabet's characters", delimiter);
    return PT_OK;
}

static const char unknown_token[] = "<unk>";

pt_status_t pt__alphabet_write(const char *characters, const pt_alphabet_options_t *options, pt__text_t *json)
{
    const int64_t length = (int64_t)strlen(characters);
    const int32_t has_unknown = options->unknown == PT_ALPHABET_UNKNOWN_TOKEN;
    int64_t count = 0, written = 0, step;
    PT__TRY(check_characters(characters, options->delimiter));
    for (int64_t at = 0; at < length; at += pt__utf8_length(characters + at, length - at))
        count++;
    pt__text_add(json, "{\"version\": \"1.0\", \"added_tokens\": [");
    if (has_unknown)
        pt__added_token_write(json, &written, count, unknown_token, (int64_t)strlen(unknown_token), PT__ADDED_SPECIAL);
    begin(json, options->delimiter);
    pt__text_add(json, ", \"unk_token\": ");
    add_string(json, has_unknown ? unknown_token : NULL);
    pt__text_add(json, ", \"drop_unknown\": %s, \"fold_case\": %s, \"vocab\": {",
                 options->unknown == PT_ALPHABET_UNKNOWN_DROPPED ? "true" : "false",
                 options->flags & PT_ALPHABET_FOLD_CASE ? "true" : "false");
    for (int64_t at = 0, id = 0; at < length; at += step, id++) {
        step = pt__utf8_length(characters + at, length - at);
        pt__text_add(json, id > 0 ? ", " : "");
        pt__json_add_string(json, characters + at, step);
        pt__text_add(json, ": %lld", (long long)id);
    }
    if (has_unknown)
        pt__text_add(json, ", \"%s\": %lld", unknown_token, (long long)count);
    pt__text_add(json, "}}}\n");
    return json->status;
}

/* ---- From a vocab.json ---- */

static int32_t is_character(const pt__json_t *token)
{
    return token->key_length > 0 && pt__utf8_length(token->key, token->key_length) == token->key_length;
}

/* "<pad>", "[PAD]" */
static int32_t is_special(const pt__json_t *token)
{
    const char *key = token->key;
    return token->key_length > 2 && ((key[0] == '<' && key[token->key_length - 1] == '>') ||
                                     (key[0] == '[' && key[token->key_length - 1] == ']'));
}

pt_status_t pt__alphabet_find(pt__memory_t *memory, const char *vocabulary, int64_t size, int32_t *is_alphabet)
{
    pt__json_document_t *document;
    const pt__json_t *root;
    int32_t is = 0, is_other = 0;
    *is_alphabet = 0;
    pt_status_t status = pt__json_parse(memory, "vocab.json", vocabulary, size, &document, &root);
    if (status != PT_OK)
        return status == PT_ERR_MEMORY ? status : PT_OK; /* whoever reads it tells */
    for (const pt__json_t *token = root->kind == PT__JSON_OBJECT ? root->first : NULL; token != NULL;
         token = token->next) {
        is |= is_character(token);
        is_other |= !is_character(token) && !is_special(token);
    }
    pt__json_free(document);
    *is_alphabet = is && !is_other;
    return PT_OK;
}

static pt_status_t write(const pt__json_t *root, const pt__tokenizer_config_t *config, pt__text_t *json)
{
    const char *delimiter = pt__json_find(root, "|") != NULL ? "|" : NULL, *unknown = NULL;
    int32_t folds = 0;
    int64_t written = 0;
    PT__TRY(pt__tokenizer_config_token(config, "word_delimiter_token", &delimiter));
    PT__TRY(pt__tokenizer_config_token(config, "unk_token", &unknown));
    PT__TRY(pt__tokenizer_config_bool(config, "do_lower_case", &folds));
    pt__text_add(json, "{\"version\": \"1.0\", \"added_tokens\": [");
    for (const pt__json_t *token = root->first; token != NULL; token = token->next)
        if (is_special(token)) {
            if (token->kind != PT__JSON_NUMBER || !token->is_integer)
                return pt__json_fail(token, PT_ERR_FORMAT, "expected a token's id");
            pt__added_token_write(json, &written, token->integer, token->key, token->key_length, PT__ADDED_SPECIAL);
        }
    begin(json, delimiter);
    pt__text_add(json, ", \"unk_token\": ");
    add_string(json, unknown != NULL && pt__json_find(root, unknown) != NULL ? unknown : NULL);
    pt__text_add(json, ", \"drop_unknown\": false, \"fold_case\": %s, \"vocab\": ", folds ? "true" : "false");
    pt__json_print(root, json);
    pt__text_add(json, "}}\n");
    return json->status;
}

pt_status_t pt__alphabet_to_json(const char *vocabulary, int64_t size, const char *config, int64_t config_size,
                                 pt__text_t *json)
{
    pt__tokenizer_config_t opened;
    pt__json_document_t *document;
    const pt__json_t *root;
    PT__TRY(pt__tokenizer_config_open(json->memory, config, config_size, &opened));
    pt_status_t status = pt__json_parse(json->memory, "vocab.json", vocabulary, size, &document, &root);
    if (status == PT_OK) {
        status = write(root, &opened, json);
        pt__json_free(document);
    }
    pt__tokenizer_config_close(&opened);
    return status;
}
