/* Models: what makes tokens of a word, one file a kind (token_models.def). */
#ifndef PT__TOKEN_MODEL_H
#define PT__TOKEN_MODEL_H

#include "base/json.h"
#include "text/vocabulary.h"

/* The tokens of a word, in order: they cover it without a gap. */
typedef struct pt__word_tokens {
    pt__memory_t *memory;
    int32_t *ids;
    uint32_t *lengths; /* in bytes of the word, at least 1 */
    int64_t count, ids_capacity, lengths_capacity;
} pt__word_tokens_t;

pt_status_t pt__word_tokens_add(pt__word_tokens_t *tokens, int32_t id, uint32_t length);

typedef struct pt__token_model {
    const char *name;     /* "BPE" */
    const char *keys;     /* those of its part of the file, with blanks between them */
    int32_t lists_tokens; /* its "vocab" is a list of pairs that begin with a token, whose place is its id */
    /* Reads the model's own fields. The vocabulary is filled and finished; *out is the kind's, for release. */
    pt_status_t (*read)(const pt__json_t *json, const pt__vocabulary_t *vocabulary, void **out);
    void (*release)(void *model);
    /* Appends the tokens of a word of at least one byte, which is UTF-8. */
    pt_status_t (*encode)(const void *model, const uint8_t *word, int64_t length, pt__word_tokens_t *tokens);
    /* Whether a token of these bytes goes on with a word; NULL: its first character tells (token_kinds.c). */
    int32_t (*continues)(const void *model, const uint8_t *token, int64_t length);
} pt__token_model_t;

/* The two tokens of a BPE's merge, as files have it: "LEFT RIGHT", or, where tokens have blanks, [LEFT, RIGHT]. They
 * live as long as the document. */
pt_status_t pt__merge_split(const pt__json_t *merge, const char *parts[2], int64_t lengths[2]);

extern const pt__token_model_t pt__token_model_alphabet, pt__token_model_bpe, pt__token_model_unigram,
    pt__token_model_wordlevel, pt__token_model_wordpiece;

#endif
