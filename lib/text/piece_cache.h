/* The tokens of words that were met before. Bounded: it begins small, grows where a word finds no place, and once it is
 * as large as it may be a word takes the place of another. Words of up to 15 bytes with up to 4 tokens, nearly all of a
 * text, take half a cache line; others of up to 63 bytes with up to 16 tokens two. Those of up to 1,023 bytes, with any
 * number of tokens, are not fetched ahead: runs of blanks and lines of signs. For one thread. */
#ifndef PT__PIECE_CACHE_H
#define PT__PIECE_CACHE_H

#include <string.h>

#include "text/token_model.h"

enum {
    PT__SHORT_PIECE = 15, /* bytes */
    PT__SHORT_TOKENS = 4,
    PT__LONG_PIECE = 63,
    PT__LONG_TOKENS = 16,
    PT__HUGE_PIECE = 1023
};

/* A token is its id, below 2^26, and its length above that; 0 after the last one: lengths are not 0. */
enum { PT__PACKED_ID = (1 << 26) - 1, PT__PACKED_LENGTH_AT = 26 };

/* A key is the word's bytes, zeros, and its length in the last byte. Lengths are below 16 here, so that the first token
 * has room for how many there are after it, in its two upper bits. */
typedef struct pt__short_piece {
    uint64_t key[2];
    uint32_t tokens[PT__SHORT_TOKENS];
} pt__short_piece_t;
enum { PT__SHORT_COUNT_AT = 30, PT__SHORT_LENGTH = 15 };

typedef struct pt__long_piece {
    uint64_t key[8];
    uint32_t tokens[PT__LONG_TOKENS];
} pt__long_piece_t;

typedef struct pt__huge_piece {
    uint64_t hash;
    uint32_t begin;         /* among the cache's bytes: of its ids, its tokens' lengths in two bytes each, and itself */
    uint16_t length, count; /* in bytes, of tokens; count 0: none */
} pt__huge_piece_t;

typedef struct pt__piece_cache { /* all places are 0 at first */
    pt__memory_t *memory;
    pt__short_piece_t (*shorts)[2]; /* [short_mask + 1] sets */
    pt__long_piece_t (*longs)[2];   /* [long_mask + 1] sets */
    uint32_t short_mask, long_mask;
    pt__huge_piece_t *huges; /* made when the first one is kept, as are the bytes; forgotten together */
    uint8_t *huge_bytes;
    uint32_t n_huge_bytes;
} pt__piece_cache_t;

pt_status_t pt__piece_cache_make(pt__memory_t *memory, pt__piece_cache_t *cache);
void pt__piece_cache_free(pt__piece_cache_t *cache);

extern const uint8_t pt__short_masks[PT__SHORT_PIECE + 1][16];

/* The key of a word of up to 15 bytes, of which 16 may be read. Without a branch on the length, which a processor
 * cannot foresee. */
static inline void pt__short_key(const uint8_t *word, uint32_t length, uint64_t key[2])
{
    uint64_t mask[2], bytes[2];
    memcpy(mask, pt__short_masks[length], sizeof mask);
    memcpy(bytes, word, sizeof bytes);
    key[0] = bytes[0] & mask[0];
    key[1] = (bytes[1] & mask[1]) ^ length * UINT64_C(0x0100000000000001);
}

/* A hash of a short word's key, of which all bits of the key are in the upper ones. */
static inline uint64_t pt__short_hash(const uint64_t key[2])
{
    return (key[0] ^ (key[1] << 23 | key[1] >> 41)) * 0x9E3779B97F4A7C15u;
}

/* The two sets in which a word may stand: the second is looked at where the first one was full, so that hardly a word
 * drives out another before most places are taken (Pagh 2004). */
static inline uint32_t pt__short_set(const pt__piece_cache_t *cache, uint64_t hash, int32_t which)
{
    return (uint32_t)(which ? hash ^ hash >> 32 : hash >> 48) & cache->short_mask;
}

/* NULL where the word is in neither place of the set; which of them it is in a processor cannot foresee. */
static inline const pt__short_piece_t *pt__short_find_in(const pt__short_piece_t *set, const uint64_t key[2])
{
    const uint64_t first = (set[0].key[0] ^ key[0]) | (set[0].key[1] ^ key[1]);
    const uint64_t second = (set[1].key[0] ^ key[0]) | (set[1].key[1] ^ key[1]);
    const uint64_t not_first = -(uint64_t)(first != 0);
    return (second & not_first) == 0 ? set + (not_first & 1) : NULL;
}

/* NULL where the word is not there. */
static inline const pt__short_piece_t *pt__short_find(const pt__piece_cache_t *cache, const uint64_t key[2])
{
    const uint64_t hash = pt__short_hash(key);
    const pt__short_piece_t *found = pt__short_find_in(cache->shorts[pt__short_set(cache, hash, 0)], key);
    return found != NULL ? found : pt__short_find_in(cache->shorts[pt__short_set(cache, hash, 1)], key);
}

/* Keeps a word's tokens, unless they are too many. */
pt_status_t pt__short_keep(pt__piece_cache_t *cache, const uint64_t key[2], const pt__word_tokens_t *tokens);

/* The same for other words of up to 63 bytes; makes the key. */
const pt__long_piece_t *pt__long_find(const pt__piece_cache_t *cache, const uint8_t *word, int64_t length,
                                      uint64_t key[8]);
pt_status_t pt__long_keep(pt__piece_cache_t *cache, const uint64_t key[8], const pt__word_tokens_t *tokens);

/* The same for any word of up to 1,023 bytes, with as many tokens as it has; makes the hash. */
const pt__huge_piece_t *pt__huge_find(const pt__piece_cache_t *cache, const uint8_t *word, int64_t length,
                                      uint64_t *hash);
pt_status_t pt__huge_keep(pt__piece_cache_t *cache, uint64_t hash, const uint8_t *word, int64_t length,
                          const pt__word_tokens_t *tokens);

static inline const int32_t *pt__huge_ids(const pt__piece_cache_t *cache, const pt__huge_piece_t *piece)
{
    return (const int32_t *)(const void *)(cache->huge_bytes + piece->begin);
}

static inline const uint16_t *pt__huge_lengths(const pt__piece_cache_t *cache, const pt__huge_piece_t *piece)
{
    return (const uint16_t *)(const void *)(pt__huge_ids(cache, piece) + piece->count);
}

#endif
