/* See piece_cache.h. */
#include "text/piece_cache.h"

#include "base/hash.h"

/* Sets at first, how many times as many then, and at most: 4 MB each. */
enum { FIRST_SETS = 1 << 8, GROWTH = 4, SHORT_SETS = 1 << 16, LONG_SETS = 1 << 14 };

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

static pt_status_t make_shorts(pt__memory_t *memory, uint32_t sets, pt__piece_cache_t *cache)
{
    PT__TRY(pt__allocate(memory, sets, sizeof *cache->shorts, "cache of words", &cache->shorts));
    cache->short_mask = sets - 1;
    return PT_OK;
}

static pt_status_t make_longs(pt__memory_t *memory, uint32_t sets, pt__piece_cache_t *cache)
{
    PT__TRY(pt__allocate(memory, sets, sizeof *cache->longs, "cache of words", &cache->longs));
    cache->long_mask = sets - 1;
    return PT_OK;
}

pt_status_t pt__piece_cache_make(pt__memory_t *memory, pt__piece_cache_t *cache)
{
    pt_status_t status;
    memset(cache, 0, sizeof *cache);
    cache->memory = memory;
    PT__TRY_OUT(make_shorts(memory, FIRST_SETS, cache));
    PT__TRY_OUT(make_longs(memory, FIRST_SETS, cache));
    return PT_OK;
out:
    pt__piece_cache_free(cache);
    return status;
}

void pt__piece_cache_free(pt__piece_cache_t *cache)
{
    if (cache->memory == NULL)
        return;
    pt__release(cache->memory, cache->huge_bytes);
    pt__release(cache->memory, cache->huges);
    pt__release(cache->memory, cache->longs);
    pt__release(cache->memory, cache->shorts);
    memset(cache, 0, sizeof *cache);
}

/* Whether a word's tokens fit; then they are written, and what is left of `most` is 0. */
static int32_t pack(const pt__word_tokens_t *tokens, uint32_t *packed, int32_t most)
{
    if (tokens->count < 1 || tokens->count > most)
        return 0;
    for (int32_t i = 0; i < most; i++) {
        packed[i] = 0;
        if (i < tokens->count)
            packed[i] = (uint32_t)tokens->ids[i] | tokens->lengths[i] << PT__PACKED_LENGTH_AT;
    }
    return 1;
}

/* ---- Short words ---- */

/* Puts a word into a free place; 0: there is none. */
static int32_t put_short(const pt__piece_cache_t *cache, const pt__short_piece_t *piece)
{
    uint64_t hash = pt__short_hash(piece->key);
    for (int32_t i = 0; i < 4; i++) {
        pt__short_piece_t *place = &cache->shorts[pt__short_set(cache, hash, i / 2)][i % 2];
        if (place->tokens[0] == 0) {
            *place = *piece;
            return 1;
        }
    }
    return 0;
}

static pt_status_t grow_shorts(pt__piece_cache_t *cache)
{
    pt__piece_cache_t larger;
    PT__TRY(make_shorts(cache->memory, GROWTH * (cache->short_mask + 1), &larger));
    for (uint32_t i = 0; i < 2 * (cache->short_mask + 1); i++)
        if (cache->shorts[i / 2][i % 2].tokens[0] != 0)
            (void)put_short(&larger, &cache->shorts[i / 2][i % 2]); /* one that finds no place is made again */
    pt__release(cache->memory, cache->shorts);
    cache->shorts = larger.shorts;
    cache->short_mask = larger.short_mask;
    return PT_OK;
}

pt_status_t pt__short_keep(pt__piece_cache_t *cache, const uint64_t key[2], const pt__word_tokens_t *tokens)
{
    pt__short_piece_t piece = {.key = {key[0], key[1]}};
    if (!pack(tokens, piece.tokens, PT__SHORT_TOKENS))
        return PT_OK;
    piece.tokens[0] |= (uint32_t)(tokens->count - 1) << PT__SHORT_COUNT_AT;
    if (put_short(cache, &piece))
        return PT_OK;
    if (cache->short_mask + 1 < SHORT_SETS) {
        PT__TRY(grow_shorts(cache));
        if (put_short(cache, &piece))
            return PT_OK;
    }
    pt__short_piece_t *set = cache->shorts[pt__short_set(cache, pt__short_hash(key), 0)];
    set[1] = set[0];
    set[0] = piece;
    return PT_OK;
}

/* ---- Long words ---- */

static uint64_t hash_long(const uint64_t key[8])
{
    uint64_t hash = 0;
    for (int32_t i = 0; i < 8; i++)
        hash = ((hash << 5 | hash >> 59) ^ key[i]) * 0x9E3779B97F4A7C15u;
    return hash;
}

/* Of the two sets in which it may stand, as a short word. */
static pt__long_piece_t *long_set(const pt__piece_cache_t *cache, uint64_t hash, int32_t which)
{
    return cache->longs[(uint32_t)(which ? hash ^ hash >> 32 : hash >> 48) & cache->long_mask];
}

static int32_t is_long(const pt__long_piece_t *piece, const uint64_t key[8])
{
    uint64_t differs = 0;
    for (int32_t i = 0; i < 8; i++)
        differs |= piece->key[i] ^ key[i];
    return differs == 0;
}

const pt__long_piece_t *pt__long_find(const pt__piece_cache_t *cache, const uint8_t *word, int64_t length,
                                      uint64_t key[8])
{
    memset(key, 0, 8 * sizeof *key);
    memcpy(key, word, (size_t)length);
    key[7] ^= (uint64_t)length * UINT64_C(0x0100000000000001);
    const uint64_t hash = hash_long(key);
    for (int32_t i = 0; i < 4; i++) {
        const pt__long_piece_t *piece = &long_set(cache, hash, i / 2)[i % 2];
        if (is_long(piece, key))
            return piece;
    }
    return NULL;
}

/* Puts a word into a free place; 0: there is none. */
static int32_t put_long(const pt__piece_cache_t *cache, const pt__long_piece_t *piece)
{
    const uint64_t hash = hash_long(piece->key);
    for (int32_t i = 0; i < 4; i++) {
        pt__long_piece_t *place = &long_set(cache, hash, i / 2)[i % 2];
        if (place->tokens[0] == 0) {
            *place = *piece;
            return 1;
        }
    }
    return 0;
}

static pt_status_t grow_longs(pt__piece_cache_t *cache)
{
    pt__piece_cache_t larger;
    PT__TRY(make_longs(cache->memory, GROWTH * (cache->long_mask + 1), &larger));
    for (uint32_t i = 0; i < 2 * (cache->long_mask + 1); i++)
        if (cache->longs[i / 2][i % 2].tokens[0] != 0)
            (void)put_long(&larger, &cache->longs[i / 2][i % 2]);
    pt__release(cache->memory, cache->longs);
    cache->longs = larger.longs;
    cache->long_mask = larger.long_mask;
    return PT_OK;
}

pt_status_t pt__long_keep(pt__piece_cache_t *cache, const uint64_t key[8], const pt__word_tokens_t *tokens)
{
    pt__long_piece_t piece;
    memcpy(piece.key, key, sizeof piece.key);
    if (!pack(tokens, piece.tokens, PT__LONG_TOKENS) || put_long(cache, &piece))
        return PT_OK;
    if (cache->long_mask + 1 < LONG_SETS) {
        PT__TRY(grow_longs(cache));
        if (put_long(cache, &piece))
            return PT_OK;
    }
    pt__long_piece_t *set = long_set(cache, hash_long(key), 0);
    set[1] = set[0];
    set[0] = piece;
    return PT_OK;
}

/* ---- Huge words ---- */

enum { HUGES = 1 << 12, HUGE_BYTES = 1 << 21, HUGE_PLACES = 4 /* that a word may stand in, side by side */ };

static const uint8_t *huge_word(const pt__piece_cache_t *cache, const pt__huge_piece_t *piece)
{
    return (const uint8_t *)(pt__huge_lengths(cache, piece) + piece->count);
}

const pt__huge_piece_t *pt__huge_find(const pt__piece_cache_t *cache, const uint8_t *word, int64_t length,
                                      uint64_t *hash)
{
    *hash = pt__hash_bytes(0, word, (size_t)length);
    for (uint64_t i = 0; cache->huges != NULL && i < HUGE_PLACES; i++) {
        const pt__huge_piece_t *piece = &cache->huges[(*hash + i) % HUGES];
        if (piece->count > 0 && piece->hash == *hash && piece->length == length &&
            memcmp(huge_word(cache, piece), word, (size_t)length) == 0)
            return piece;
    }
    return NULL;
}

static void write_huge(const pt__piece_cache_t *cache, const pt__huge_piece_t *piece, const uint8_t *word,
                       const pt__word_tokens_t *tokens)
{
    uint8_t *to = cache->huge_bytes + piece->begin;
    memcpy(to, tokens->ids, piece->count * sizeof *tokens->ids);
    to += piece->count * sizeof *tokens->ids;
    for (int64_t i = 0; i < piece->count; i++, to += sizeof(uint16_t)) {
        const uint16_t of_token = (uint16_t)tokens->lengths[i];
        memcpy(to, &of_token, sizeof of_token);
    }
    memcpy(to, word, piece->length);
}

pt_status_t pt__huge_keep(pt__piece_cache_t *cache, uint64_t hash, const uint8_t *word, int64_t length,
                          const pt__word_tokens_t *tokens)
{
    const uint32_t bytes = (uint32_t)(tokens->count * 6 + length + 3) / 4 * 4;
    if (tokens->count < 1)
        return PT_OK;
    if (cache->huges == NULL)
        PT__TRY(pt__allocate(cache->memory, HUGES, sizeof *cache->huges, "cache of words", &cache->huges));
    if (cache->huge_bytes == NULL)
        PT__TRY(pt__allocate_uninitialised(cache->memory, HUGE_BYTES, 1, "cache of words", &cache->huge_bytes));
    if (cache->n_huge_bytes + bytes > HUGE_BYTES) {
        memset(cache->huges, 0, HUGES * sizeof *cache->huges);
        cache->n_huge_bytes = 0;
    }
    pt__huge_piece_t *place = &cache->huges[hash % HUGES];
    for (uint64_t i = 1; i < HUGE_PLACES && place->count > 0; i++)
        if (cache->huges[(hash + i) % HUGES].count == 0)
            place = &cache->huges[(hash + i) % HUGES];
    *place = (pt__huge_piece_t){hash, cache->n_huge_bytes, (uint16_t)length, (uint16_t)tokens->count};
    write_huge(cache, place, word, tokens);
    cache->n_huge_bytes += bytes;
    return PT_OK;
}
