/* GPT-2's two files: vocab.json, tokens and their ids, and merges.txt, a merge a line. */
#include <string.h>

#include "base/utf8.h"
#include "text/foreign.h"
#include "text/tokenizer_config.h"

/* What the classes of tokenizers make of the same two files; names are parts of theirs. */
typedef struct kind {
    const char *name;
    const char *pattern; /* NULL: GPT-2's */
    int32_t composes;    /* characters, first of all */
    int32_t is_roberta;  /* <s> and </s> around texts, trimmed spans */
} kind_t;

#define LINES                                                                                                        \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+" \
    "|\\s+(?!\\S)|\\s+"

static const kind_t kinds[] = {
    {"GPT2", NULL, 0, 0},       {"CodeGen", NULL, 0, 0}, {"Roberta", NULL, 0, 1}, {"Bart", NULL, 0, 1},
    {"Longformer", NULL, 0, 1}, {"LED", NULL, 0, 1},     {"Qwen2", LINES, 1, 0},
};

int32_t pt__pair_list_is(const uint8_t *bytes, int64_t size)
{
    int64_t at = 0;
    while (at < size && (bytes[at] == ' ' || bytes[at] == '\n' || bytes[at] == '\r' || bytes[at] == '\t'))
        at++;
    if (at == size || bytes[at++] != '{')
        return 0;
    while (at < size && bytes[at] != '"')
        at++;
    for (at++; at < size && bytes[at] != '"'; at++)
        at += bytes[at] == '\\';
    for (at++; at < size && (bytes[at] == ' ' || bytes[at] == ':' || bytes[at] == '\n' || bytes[at] == '\t');)
        at++;
    return at < size && bytes[at] >= '0' && bytes[at] <= '9';
}

static pt_status_t find_kind(const pt__tokenizer_config_t *config, const kind_t **kind)
{
    const char *name = NULL;
    *kind = &kinds[0];
    PT__TRY(pt__tokenizer_config_token(config, "tokenizer_class", &name));
    if (name == NULL || strncmp(name, "PreTrained", 10) == 0)
        return PT_OK;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strncmp(name, kinds[i].name, strlen(kinds[i].name)) == 0) {
            *kind = &kinds[i];
            return PT_OK;
        }
    return pt__fail(PT_ERR_UNSUPPORTED, "tokenizer_config.json: tokenizer_class \"%.99s\" is not known here", name);
}

/* ---- Writing ---- */

static pt_status_t write_merges(const char *merges, int64_t size, pt__text_t *json)
{
    int64_t line = 1, written = 0;
    pt__text_add(json, "\"merges\": [");
    for (int64_t at = 0, end; at < size; at = end + 1, line++) {
        const char *newline = memchr(merges + at, '\n', (size_t)(size - at));
        end = newline == NULL ? size : newline - merges;
        const int64_t length = end - at - (end > at && merges[end - 1] == '\r');
        if (length == 0 || (length >= 9 && memcmp(merges + at, "#version:", 9) == 0))
            continue;
        if (pt__utf8_valid(merges + at, length) < length || memchr(merges + at, ' ', (size_t)length) == NULL)
            return pt__fail(PT_ERR_FORMAT, "merges.txt: line %lld: expected two tokens with a blank between them",
                            (long long)line);
        pt__text_add(json, written++ > 0 ? ", " : "");
        pt__json_add_string(json, merges + at, length);
    }
    pt__text_add(json, "]");
    return PT_OK;
}

/* The special tokens that the config names, or GPT-2's one, each of them once. */
static pt_status_t write_special(const pt__json_t *tokens, const pt__tokenizer_config_t *config, pt__text_t *json)
{
    static const char *const keys[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                       "pad_token", "cls_token", "mask_token"};
    enum { KEYS = sizeof keys / sizeof *keys };
    const char *names[KEYS] = {"<|endoftext|>"};
    int64_t written = 0;
    pt__text_add(json, "\"added_tokens\": [");
    for (int32_t i = 0; i < KEYS; i++) {
        int32_t is_new = 1;
        PT__TRY(pt__tokenizer_config_token(config, keys[i], &names[i]));
        for (int32_t k = 0; names[i] != NULL && k < i; k++)
            is_new &= names[k] == NULL || strcmp(names[k], names[i]) != 0;
        const pt__json_t *id = names[i] == NULL ? NULL : pt__json_find(tokens, names[i]);
        if (id != NULL && id->kind == PT__JSON_NUMBER && id->is_integer && is_new && *names[i] != 0)
            pt__added_token_write(json, &written, id->integer, names[i], (int64_t)strlen(names[i]), PT__ADDED_SPECIAL);
    }
    pt__text_add(json, "], ");
    return PT_OK;
}

static pt_status_t write_roberta(const pt__json_t *tokens, const pt__tokenizer_config_t *config, int32_t prefix,
                                 pt__text_t *json)
{
    const char *begin = "<s>", *separator = "</s>";
    int64_t first = 0, last = 0;
    PT__TRY(pt__tokenizer_config_token(config, "cls_token", &begin));
    PT__TRY(pt__tokenizer_config_token(config, "sep_token", &separator));
    PT__TRY(pt__json_get_integer(tokens, begin, PT__JSON_REQUIRED, 0, INT32_MAX, &first));
    PT__TRY(pt__json_get_integer(tokens, separator, PT__JSON_REQUIRED, 0, INT32_MAX, &last));
    pt__text_add(json, "{\"type\": \"RobertaProcessing\", \"sep\": [");
    pt__json_add_string(json, separator, (int64_t)strlen(separator));
    pt__text_add(json, ", %lld], \"cls\": [", (long long)last);
    pt__json_add_string(json, begin, (int64_t)strlen(begin));
    pt__text_add(json, ", %lld], \"trim_offsets\": true, \"add_prefix_space\": %s}, ", (long long)first,
                 prefix ? "true" : "false");
    return PT_OK;
}

static pt_status_t write(const pt__json_t *tokens, const char *merges, int64_t size,
                         const pt__tokenizer_config_t *config, pt__text_t *json)
{
    const kind_t *kind;
    int32_t prefix = 0;
    PT__TRY(find_kind(config, &kind));
    PT__TRY(pt__tokenizer_config_bool(config, "add_prefix_space", &prefix));
    pt__text_add(json, "{\"version\": \"1.0\", ");
    PT__TRY(write_special(tokens, config, json));
    if (kind->composes)
        pt__text_add(json, "\"normalizer\": {\"type\": \"NFC\"}, ");
    pt__text_add(json, "\"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": [");
    if (kind->pattern != NULL) {
        pt__text_add(json, "{\"type\": \"Split\", \"pattern\": {\"Regex\": ");
        pt__json_add_string(json, kind->pattern, (int64_t)strlen(kind->pattern));
        pt__text_add(json, "}, \"behavior\": \"Isolated\", \"invert\": false}, ");
    }
    pt__text_add(json,
                 "{\"type\": \"ByteLevel\", \"add_prefix_space\": %s, \"trim_offsets\": true, \"use_regex\": %s}]}, "
                 "\"post_processor\": ",
                 prefix ? "true" : "false", kind->pattern == NULL ? "true" : "false");
    if (kind->is_roberta)
        PT__TRY(write_roberta(tokens, config, prefix, json));
    else
        pt__text_add(json, "{\"type\": \"ByteLevel\", \"add_prefix_space\": true, \"trim_offsets\": false, "
                           "\"use_regex\": true}, ");
    pt__text_add(json, "\"decoder\": {\"type\": \"ByteLevel\", \"add_prefix_space\": true, \"trim_offsets\": true, "
                       "\"use_regex\": true}, \"model\": {\"type\": \"BPE\", \"fuse_unk\": false, \"byte_fallback\": "
                       "false, \"vocab\": ");
    pt__json_print(tokens, json);
    pt__text_add(json, ", ");
    PT__TRY(write_merges(merges, size, json));
    pt__text_add(json, "}}\n");
    return json->status;
}

pt_status_t pt__pair_list_to_json(const char *vocabulary, int64_t vocabulary_size, const char *merges,
                                  int64_t merges_size, const char *config, int64_t config_size, pt__text_t *json)
{
    pt__tokenizer_config_t opened;
    pt__json_document_t *document;
    const pt__json_t *tokens;
    PT__TRY(pt__json_parse(json->memory, "vocab.json", vocabulary, vocabulary_size, &document, &tokens));
    pt_status_t status = pt__tokenizer_config_open(json->memory, config, config_size, &opened);
    if (status == PT_OK)
        status = write(tokens, merges, merges_size, &opened, json);
    pt__tokenizer_config_close(&opened);
    pt__json_free(document);
    return status;
}
