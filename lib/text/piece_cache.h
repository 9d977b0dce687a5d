/* The tokens of words that were met before. Bounded: a word takes the place of another. Words of up to 15 bytes with up
 * to 4 tokens, nearly all of a text, take half a cache line; others of up to 63 bytes with up to 16 tokens two. For one
 * thread. */
#ifndef PT__PIECE_CACHE_H
#define PT__PIECE_CACHE_H

#include <string.h>

#include "text/token_model.h"

enum {
    PT__SHORT_PIECE = 15, /* bytes */
    PT__SHORT_TOKENS = 4,
    PT__LONG_PIECE = 63,
    PT__LONG_TOKENS = 16,
    PT__SHORT_SETS = 1 << 16,  /* of two entries: 1 MB */
    PT__LONG_ENTRIES = 1 << 14 /* 1 MB */
};

/* A key is the word's bytes, zeros, and its length in the last byte. A token is its id * 64 + its length; 0 after the
 * last one: lengths are not 0. */
typedef struct pt__short_piece {
    uint64_t key[2];
    uint32_t tokens[PT__SHORT_TOKENS];
} pt__short_piece_t;

typedef struct pt__long_piece {
    uint64_t key[8];
    uint32_t tokens[PT__LONG_TOKENS];
} pt__long_piece_t;

typedef struct pt__piece_cache {
    pt__short_piece_t *shorts; /* [PT__SHORT_SETS][2] */
    pt__long_piece_t *longs;   /* [PT__LONG_ENTRIES / 2][2] */
} pt__piece_cache_t;

pt_status_t pt__piece_cache_make(pt__memory_t *memory, pt__piece_cache_t *cache);
void pt__piece_cache_free(pt__memory_t *memory, pt__piece_cache_t *cache);
extern const uint8_t pt__short_masks[PT__SHORT_PIECE + 1][16];

/* The key of a word of up to 15 bytes. `end` is where bytes may be read up to. Without a branch on the length, which a
 * processor cannot foresee. */
static inline void pt__short_key(const uint8_t *word, int64_t length, const uint8_t *end, uint64_t key[2])
{
    uint64_t mask[2];
    if (end - word >= 16) {
        memcpy(mask, pt__short_masks[length], 16);
        memcpy(key, word, 16);
        key[0] &= mask[0];
        key[1] &= mask[1];
    } else {
        key[0] = key[1] = 0;
        memcpy(key, word, (size_t)length);
    }
    key[1] ^= (uint64_t)length * UINT64_C(0x0100000000000001);
}

/* The two sets in which a word may stand, as numbers of 32 bits each: the second is looked at where the first one was
 * full, and so hardly a word drives out another before most places are taken (Pagh 2004). */
static inline uint64_t pt__short_sets(const uint64_t key[2])
{
    uint64_t mixed = (key[0] ^ (key[1] << 23 | key[1] >> 41)) * 0x9E3779B97F4A7C15u;
    mixed ^= mixed >> 29;
    return (mixed * 0xBF58476D1CE4E5B9u) & (UINT64_C(0x100000001) * (PT__SHORT_SETS - 1));
}

static inline const pt__short_piece_t *pt__short_find_in(const pt__short_piece_t *pair, const uint64_t key[2])
{
    uint64_t first = (pair[0].key[0] ^ key[0]) | (pair[0].key[1] ^ key[1]);
    uint64_t second = (pair[1].key[0] ^ key[0]) | (pair[1].key[1] ^ key[1]);
    const pt__short_piece_t *found = first == 0 ? &pair[0] : &pair[1];
    return (first == 0) | (second == 0) ? found : NULL;
}

/* NULL where the word is not there. */
static inline const pt__short_piece_t *pt__short_find(const pt__piece_cache_t *cache, const uint64_t key[2],
                                                      uint64_t sets)
{
    const pt__short_piece_t *found = pt__short_find_in(&cache->shorts[2 * (sets >> 32)], key);
    return found != NULL ? found : pt__short_find_in(&cache->shorts[2 * (uint32_t)sets], key);
}

/* Keeps a word's tokens, unless they are too many. */
void pt__short_keep(pt__piece_cache_t *cache, const uint64_t key[2], uint64_t sets, const pt__word_tokens_t *tokens,
                    int64_t from);

/* The same for other words of up to 63 bytes. */
const pt__long_piece_t *pt__long_find(const pt__piece_cache_t *cache, const uint8_t *word, int64_t length,
                                      uint64_t key[8], uint64_t *entry);
void pt__long_keep(pt__piece_cache_t *cache, const uint64_t key[8], uint64_t entry, const pt__word_tokens_t *tokens,
                   int64_t from);

#endif
