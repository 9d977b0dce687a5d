/* Words and how often each is there: their bytes end to end, and a table of open addressing. Some 30 bytes a word and
 * its own. */
#ifndef PT__WORD_TABLE_H
#define PT__WORD_TABLE_H

#include "base/memory.h"

typedef struct pt__counted_word {
    uint64_t count;
    uint32_t begin; /* of its length and its bytes */
    uint32_t hash;
} pt__counted_word_t;

typedef struct pt__word_table { /* all but memory is 0 at first */
    pt__memory_t *memory;
    uint8_t *bytes; /* of each word its length, seven bits a byte, the lowest first, and then itself */
    int64_t n_bytes, bytes_capacity;
    pt__counted_word_t *words; /* in the order in which they came */
    int64_t n_words, words_capacity;
    uint32_t *slots; /* [mask + 1] number of a word + 1; 0: free */
    uint64_t mask;
} pt__word_table_t;

uint32_t pt__word_hash(const uint8_t *word, int64_t length);
/* Adds a word `count` times. PT_ERR_UNSUPPORTED for over 4 GB of words. */
pt_status_t pt__word_table_add(pt__word_table_t *table, const uint8_t *word, int64_t length, uint32_t hash,
                               uint64_t count);
/* The number of a word; -1: it is not there. */
int64_t pt__word_table_find(const pt__word_table_t *table, const uint8_t *word, int64_t length, uint32_t hash);
/* The bytes of a word. */
const uint8_t *pt__word_table_get(const pt__word_table_t *table, int64_t word, int64_t *length);
/* Forgets all words and keeps the memory. */
void pt__word_table_clear(pt__word_table_t *table);
void pt__word_table_free(pt__word_table_t *table);

#endif
