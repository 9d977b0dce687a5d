/* The tokens of a tokenizer, by id and by bytes. A token has a content, as its file writes it, and bytes, which are
 * what it stands for in a text: the same, but where a byte-level file writes each byte as a character ("Ġthe" for
 * " the"). */
#ifndef PT__VOCABULARY_H
#define PT__VOCABULARY_H

#include "base/json.h"
#include "text/byte_trie.h"

enum {
    PT__TOKEN_MOST = 1 << 22 /* ids stay below: a file of a few bytes may not ask for gigabytes */
};

typedef struct pt__token {
    uint32_t content, content_length; /* place and length within the vocabulary's characters */
    uint32_t bytes, bytes_length;
    uint8_t is_there; /* ids may be left out */
    uint8_t is_added, is_special;
    uint8_t is_model;    /* the model may give it */
    uint8_t is_restated; /* its bytes are what it is decoded to */
} pt__token_t;

typedef struct pt__token_map { /* bytes -> id: open addressing, -1 in free slots */
    int32_t *slots;
    uint64_t mask;
} pt__token_map_t;

typedef struct pt__vocabulary {
    pt__memory_t *memory;
    char *characters;
    int64_t n_characters, characters_capacity;
    pt__token_t *tokens; /* by id */
    int64_t count;       /* the largest id + 1 */
    int64_t tokens_capacity;
    pt__token_map_t by_content;
    pt__token_map_t by_bytes; /* of the model's tokens; shares by_content's slots where contents are the bytes */
    int32_t is_byte_level;
} pt__vocabulary_t;

void pt__vocabulary_start(pt__vocabulary_t *vocabulary, pt__memory_t *memory);
void pt__vocabulary_free(pt__vocabulary_t *vocabulary);
/* PT_ERR_FORMAT for an id that is taken or too large. */
pt_status_t pt__vocabulary_add(pt__vocabulary_t *vocabulary, int64_t id, const char *content, int64_t length);
/* After the last one: makes bytes of contents where the file is byte-level, and the maps. PT_ERR_FORMAT for a content
 * that two ids have. */
pt_status_t pt__vocabulary_finish(pt__vocabulary_t *vocabulary, int32_t is_byte_level);

/* Decoding gives these bytes in place of an added token's content. */
pt_status_t pt__vocabulary_restate(pt__vocabulary_t *vocabulary, int32_t id, const uint8_t *bytes, int64_t length);

/* -1: no such token. */
int32_t pt__vocabulary_find_content(const pt__vocabulary_t *vocabulary, const char *content, int64_t length);
int32_t pt__vocabulary_find(const pt__vocabulary_t *vocabulary, const uint8_t *bytes, int64_t length);
/* The token that stands for a byte of a character without one of its own: "<0x0A>". */
int32_t pt__vocabulary_find_byte(const pt__vocabulary_t *vocabulary, uint8_t byte);
/* The model's tokens by their bytes, without those of more than `findable` bytes. PT_ERR_UNSUPPORTED for one of more
 * than `longest`; json is for messages. */
pt_status_t pt__vocabulary_trie(const pt__vocabulary_t *vocabulary, const pt__json_t *json, int64_t longest,
                                int64_t findable, pt__byte_trie_t *trie);
static inline const char *pt__token_content(const pt__vocabulary_t *vocabulary, int32_t id)
{
    return vocabulary->characters + vocabulary->tokens[id].content;
}
static inline const uint8_t *pt__token_bytes(const pt__vocabulary_t *vocabulary, int32_t id)
{
    return (const uint8_t *)vocabulary->characters + vocabulary->tokens[id].bytes;
}

/* The character that stands for a byte in byte-level files (GPT-2's table, Radford 2019), and back: -1 for one that
 * stands for none. */
uint32_t pt__byte_character(uint8_t byte);
int32_t pt__character_byte(uint32_t character);
/* The bytes that a byte-level content stands for; -1 where one of its characters stands for none. `bytes` has room for
 * `length`. */
int64_t pt__byte_level_bytes(const char *content, int64_t length, uint8_t *bytes);

#endif
