/* Tokens that are found in a text before the model sees it, such as "<|endoftext|>". */
#ifndef PT__ADDED_TOKENS_H
#define PT__ADDED_TOKENS_H

#include "base/json.h"
#include "text/vocabulary.h"

enum { PT__ADDED_MOST = 256 }; /* bytes: so many may be compared at each place of a text */

typedef struct pt__added_token {
    uint8_t *bytes; /* normalised, where it is looked for in normalised text; the list's own block */
    int64_t length;
    int32_t id;
    uint8_t is_single_word;          /* no letter, digit or underscore may stand beside it */
    uint8_t takes_left, takes_right; /* and the spaces before, behind it */
} pt__added_token_t;

typedef struct pt__added_tokens { /* of one kind: looked for before, or after, the normalizers */
    pt__memory_t *memory;
    pt__added_token_t **list; /* [count] blocks, sorted by bytes */
    int64_t count, capacity;
    uint8_t begins[256]; /* whether one begins with the byte */
    int64_t n_shared;    /* bytes that all begin with */
} pt__added_tokens_t;

typedef struct pt__added_match {
    const pt__added_token_t *token; /* NULL: none */
    int64_t begin, end;
} pt__added_match_t;

void pt__added_tokens_free(pt__added_tokens_t *tokens);
/* Its bytes, at least one and at most PT__ADDED_MOST, become the list's in any case. */
pt_status_t pt__added_tokens_add(pt__added_tokens_t *tokens, const pt__added_token_t *token);
/* After the last one. */
void pt__added_tokens_finish(pt__added_tokens_t *tokens);
/* The first match in text[at .. end), the longest where several begin there. Text from `from` on may be looked at, and
 * from `at` on be taken. */
pt__added_match_t pt__added_tokens_find(const pt__added_tokens_t *tokens, const uint8_t *text, int64_t from, int64_t at,
                                        int64_t end);

#endif
