/* See piece_cache.h. */
#include "text/piece_cache.h"

#include "base/hash.h"

#define F 0xFF
const uint8_t pt__short_masks[PT__SHORT_PIECE + 1][16] = {
    {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, {F, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
    {F, F, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, {F, F, F, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
    {F, F, F, F, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, {F, F, F, F, F, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
    {F, F, F, F, F, F, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, {F, F, F, F, F, F, F, 0, 0, 0, 0, 0, 0, 0, 0, 0},
    {F, F, F, F, F, F, F, F, 0, 0, 0, 0, 0, 0, 0, 0}, {F, F, F, F, F, F, F, F, F, 0, 0, 0, 0, 0, 0, 0},
    {F, F, F, F, F, F, F, F, F, F, 0, 0, 0, 0, 0, 0}, {F, F, F, F, F, F, F, F, F, F, F, 0, 0, 0, 0, 0},
    {F, F, F, F, F, F, F, F, F, F, F, F, 0, 0, 0, 0}, {F, F, F, F, F, F, F, F, F, F, F, F, F, 0, 0, 0},
    {F, F, F, F, F, F, F, F, F, F, F, F, F, F, 0, 0}, {F, F, F, F, F, F, F, F, F, F, F, F, F, F, F, 0},
};
#undef F

pt_status_t pt__piece_cache_make(pt__memory_t *memory, pt__piece_cache_t *cache)
{
    pt_status_t status;
    memset(cache, 0, sizeof *cache);
    PT__TRY_OUT(pt__allocate(memory, 2 * PT__SHORT_SETS, sizeof *cache->shorts, "cache of words", &cache->shorts));
    PT__TRY_OUT(pt__allocate(memory, PT__LONG_ENTRIES, sizeof *cache->longs, "cache of words", &cache->longs));
    return PT_OK;
out:
    pt__piece_cache_free(memory, cache);
    return status;
}

void pt__piece_cache_free(pt__memory_t *memory, pt__piece_cache_t *cache)
{
    pt__release(memory, cache->longs);
    pt__release(memory, cache->shorts);
    memset(cache, 0, sizeof *cache);
}

/* Whether a word's tokens fit; then they are written, and what is left of `most` is 0. */
static int32_t pack(const pt__word_tokens_t *tokens, int64_t from, uint32_t *packed, int32_t most)
{
    int64_t count = tokens->count - from;
    if (count < 1 || count > most)
        return 0;
    for (int32_t i = 0; i < most; i++) {
        packed[i] = 0;
        if (i < count)
            packed[i] = (uint32_t)tokens->ids[from + i] << 6 | tokens->lengths[from + i];
    }
    return 1;
}

/* In a free place; where there is none, what was met last stands first in the first set, and what stood there takes the
 * second place. */
void pt__short_keep(pt__piece_cache_t *cache, const uint64_t key[2], uint64_t sets, const pt__word_tokens_t *tokens,
                    int64_t from)
{
    pt__short_piece_t piece = {.key = {key[0], key[1]}};
    pt__short_piece_t *pairs[2] = {&cache->shorts[2 * (sets >> 32)], &cache->shorts[2 * (uint32_t)sets]};
    if (!pack(tokens, from, piece.tokens, PT__SHORT_TOKENS))
        return;
    for (int32_t i = 0; i < 4; i++)
        if (pairs[i / 2][i % 2].tokens[0] == 0) {
            pairs[i / 2][i % 2] = piece;
            return;
        }
    pairs[0][1] = pairs[0][0];
    pairs[0][0] = piece;
}

const pt__long_piece_t *pt__long_find(const pt__piece_cache_t *cache, const uint8_t *word, int64_t length,
                                      uint64_t key[8], uint64_t *entry)
{
    memset(key, 0, 8 * sizeof *key);
    memcpy(key, word, (size_t)length);
    key[7] |= (uint64_t)length << 56;
    *entry = pt__hash_bytes(0, word, (size_t)length) % (PT__LONG_ENTRIES / 2) * 2;
    const pt__long_piece_t *pair = &cache->longs[*entry];
    if (memcmp(pair[0].key, key, sizeof pair->key) == 0)
        return &pair[0];
    return memcmp(pair[1].key, key, sizeof pair->key) == 0 ? &pair[1] : NULL;
}

void pt__long_keep(pt__piece_cache_t *cache, const uint64_t key[8], uint64_t entry, const pt__word_tokens_t *tokens,
                   int64_t from)
{
    pt__long_piece_t piece;
    memcpy(piece.key, key, sizeof piece.key);
    if (!pack(tokens, from, piece.tokens, PT__LONG_TOKENS))
        return;
    if (cache->longs[entry].tokens[0] != 0)
        cache->longs[entry + 1] = cache->longs[entry];
    cache->longs[entry] = piece;
}
