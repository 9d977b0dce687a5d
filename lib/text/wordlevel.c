/* WordLevel: a word is a token, or the unknown one. */
#include <string.h>

#include "text/token_model.h"

typedef struct wordlevel {
    const pt__vocabulary_t *vocabulary;
    int32_t unknown; /* -1: there is none */
} wordlevel_t;

static void release(void *model)
{
    wordlevel_t *wordlevel = model;
    if (wordlevel != NULL)
        pt__release(wordlevel->vocabulary->memory, wordlevel);
}

static pt_status_t read(const pt__json_t *json, const pt__vocabulary_t *vocabulary, void **out)
{
    const char *unknown = NULL;
    wordlevel_t *wordlevel;
    *out = NULL;
    PT__TRY(pt__json_get_string(json, "unk_token", PT__JSON_REQUIRED, &unknown));
    PT__TRY(pt__allocate(vocabulary->memory, 1, sizeof *wordlevel, "WordLevel", &wordlevel));
    wordlevel->vocabulary = vocabulary;
    wordlevel->unknown = pt__vocabulary_find_content(vocabulary, unknown, (int64_t)strlen(unknown));
    if (wordlevel->unknown >= 0 && !vocabulary->tokens[wordlevel->unknown].is_model)
        wordlevel->unknown = -1; /* an added token is none of the model's */
    *out = wordlevel;
    return PT_OK;
}

static pt_status_t encode(const void *model, const uint8_t *word, int64_t length, pt__word_tokens_t *tokens)
{
    const wordlevel_t *wordlevel = model;
    int32_t id = pt__vocabulary_find(wordlevel->vocabulary, word, length);
    if (id < 0)
        id = wordlevel->unknown;
    if (id < 0)
        return pt__fail(PT_ERR_FORMAT,
                        "the word \"%.*s\" is not in the vocabulary, and neither is the model's unk_token",
                        (int)(length < 99 ? length : 99), (const char *)word);
    return pt__word_tokens_add(tokens, id, (uint32_t)length);
}

const pt__token_model_t pt__token_model_wordlevel = {
    .name = "WordLevel", .keys = "type vocab unk_token", .read = read, .release = release, .encode = encode};
