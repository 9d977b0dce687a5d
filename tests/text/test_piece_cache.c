/* The cache of words: what is kept is found again as it was given, whatever was kept since has at most driven it out,
 * and the memory has an end. */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "support/failing_allocator.h"
#include "support/suite.h"
#include "text/piece_cache.h"

enum { MOST_BYTES = 11 << 20, HUGE_TOKENS = 100 };

static pt__memory_t memory;
static pt__piece_cache_t cache;

/* The n-th word of so many bytes, of which 16 or more may be read. */
static const uint8_t *word(uint32_t n, int64_t length)
{
    static uint8_t bytes[PT__HUGE_PIECE + 17];
    memset(bytes, 'a', sizeof bytes);
    for (int64_t i = 0; i < length && n > 0; i++, n /= 64)
        bytes[i] = (uint8_t)('0' + n % 64);
    return bytes;
}

/* Its tokens: as many as n says, with ids that tell whose they are. */
static pt__word_tokens_t tokens_of(uint32_t n, int64_t count)
{
    static int32_t ids[HUGE_TOKENS];
    static uint32_t lengths[HUGE_TOKENS];
    for (int64_t i = 0; i < count; i++) {
        ids[i] = (int32_t)((n * 7 + (uint32_t)i) % PT__PACKED_ID);
        lengths[i] = 1 + (uint32_t)(n + (uint32_t)i) % 9;
    }
    return (pt__word_tokens_t){.ids = ids, .lengths = lengths, .count = count};
}

static void check_packed(const uint32_t *packed, uint32_t n, int64_t count, uint32_t length_mask)
{
    const pt__word_tokens_t expected = tokens_of(n, count);
    for (int64_t i = 0; i < count; i++) {
        ck_assert_int_eq((int32_t)(packed[i] & PT__PACKED_ID), expected.ids[i]);
        ck_assert_uint_eq(packed[i] >> PT__PACKED_LENGTH_AT & length_mask, expected.lengths[i]);
    }
}

static void keep_short(uint32_t n)
{
    uint64_t key[2];
    const pt__word_tokens_t tokens = tokens_of(n, 1 + n % PT__SHORT_TOKENS);
    pt__short_key(word(n, 5 + n % 11), 5 + n % 11, key);
    ck_ok(pt__short_keep(&cache, key, &tokens));
}

/* 1: it is there, and as it was given. */
static uint32_t has_short(uint32_t n)
{
    uint64_t key[2];
    pt__short_key(word(n, 5 + n % 11), 5 + n % 11, key);
    const pt__short_piece_t *piece = pt__short_find(&cache, key);
    if (piece == NULL)
        return 0;
    ck_assert_uint_eq(piece->tokens[0] >> PT__SHORT_COUNT_AT, n % PT__SHORT_TOKENS);
    check_packed(piece->tokens, n, 1 + n % PT__SHORT_TOKENS, PT__SHORT_LENGTH);
    return 1;
}

static void keep_long(uint32_t n)
{
    uint64_t key[8];
    const int64_t length = 16 + n % 48;
    const pt__word_tokens_t tokens = tokens_of(n, 1 + n % PT__LONG_TOKENS);
    ck_assert_ptr_null(pt__long_find(&cache, word(n, length), length, key));
    ck_ok(pt__long_keep(&cache, key, &tokens));
}

static uint32_t has_long(uint32_t n)
{
    uint64_t key[8];
    const int64_t length = 16 + n % 48, count = 1 + n % PT__LONG_TOKENS;
    const pt__long_piece_t *piece = pt__long_find(&cache, word(n, length), length, key);
    if (piece == NULL)
        return 0;
    check_packed(piece->tokens, n, count, UINT32_MAX);
    ck_assert(count == PT__LONG_TOKENS || piece->tokens[count] == 0);
    return 1;
}

static void keep_huge(uint32_t n)
{
    uint64_t hash;
    const int64_t length = 64 + n % 960;
    const pt__word_tokens_t tokens = tokens_of(n, 1 + n % HUGE_TOKENS);
    ck_assert_ptr_null(pt__huge_find(&cache, word(n, length), length, &hash));
    ck_ok(pt__huge_keep(&cache, hash, word(n, length), length, &tokens));
}

static uint32_t has_huge(uint32_t n)
{
    uint64_t hash;
    const int64_t length = 64 + n % 960, count = 1 + n % HUGE_TOKENS;
    const pt__huge_piece_t *piece = pt__huge_find(&cache, word(n, length), length, &hash);
    if (piece == NULL)
        return 0;
    const pt__word_tokens_t expected = tokens_of(n, count);
    ck_assert_int_eq(piece->count, count);
    ck_assert_mem_eq(pt__huge_ids(&cache, piece), expected.ids, (size_t)count * sizeof *expected.ids);
    for (int64_t i = 0; i < count; i++)
        ck_assert_uint_eq(pt__huge_lengths(&cache, piece)[i], expected.lengths[i]);
    return 1;
}

START_TEST(test_what_is_kept)
{
    static const struct {
        void (*keep)(uint32_t n);
        uint32_t (*has)(uint32_t n);
        uint32_t few, many; /* few stay all, of many as many as there is room for */
    } kinds[] = {
        {keep_short, has_short, 50000, 300000}, {keep_long, has_long, 8000, 50000}, {keep_huge, has_huge, 200, 20000}};
    pt__memory_init(&memory, NULL, NULL, NULL);
    ck_ok(pt__piece_cache_make(&memory, &cache));
    for (int k = 0; k < 3; k++) {
        uint32_t there = 0, n = 0;
        for (; n < kinds[k].few; n++)
            kinds[k].keep(n);
        for (uint32_t i = 0; i < n; i++)
            there += kinds[k].has(i);
        ck_assert_uint_ge(there, n - n / 100);
        for (; n < kinds[k].many; n++)
            kinds[k].keep(n);
        there = 0;
        for (uint32_t i = 0; i < n; i++)
            there += kinds[k].has(i);
        ck_assert_uint_lt(there, n);
        ck_assert_uint_eq(kinds[k].has(n - 1), 1);
        ck_assert_int_le(atomic_load(&memory.bytes), MOST_BYTES);
    }
    pt__piece_cache_free(&cache);
    pt__piece_cache_free(&cache);
    ck_assert_int_eq(atomic_load(&memory.bytes), 0);
}
END_TEST

/* More tokens than a place has room for, and none, are not kept. */
START_TEST(test_what_is_not_kept)
{
    uint64_t key[8], hash;
    pt__word_tokens_t tokens = tokens_of(3, PT__SHORT_TOKENS + 1);
    pt__memory_init(&memory, NULL, NULL, NULL);
    ck_ok(pt__piece_cache_make(&memory, &cache));
    pt__short_key(word(3, 8), 8, key);
    ck_ok(pt__short_keep(&cache, key, &tokens));
    ck_assert_ptr_null(pt__short_find(&cache, key));
    tokens.count = PT__LONG_TOKENS + 1;
    (void)pt__long_find(&cache, word(3, 40), 40, key);
    ck_ok(pt__long_keep(&cache, key, &tokens));
    ck_assert_ptr_null(pt__long_find(&cache, word(3, 40), 40, key));
    tokens.count = 0;
    (void)pt__huge_find(&cache, word(3, 200), 200, &hash);
    ck_ok(pt__huge_keep(&cache, hash, word(3, 200), 200, &tokens));
    ck_assert_ptr_null(pt__huge_find(&cache, word(3, 200), 200, &hash));
    pt__piece_cache_free(&cache);
}
END_TEST

/* Words until each kind has grown twice. */
static pt_status_t fill(void)
{
    pt_status_t status;
    uint64_t key[8], hash;
    PT__TRY(pt__piece_cache_make(&memory, &cache));
    for (uint32_t n = 0; n < 6000; n++) {
        const pt__word_tokens_t tokens = tokens_of(n, 2);
        pt__short_key(word(n, 9), 9, key);
        PT__TRY_OUT(pt__short_keep(&cache, key, &tokens));
        (void)pt__long_find(&cache, word(n, 20), 20, key);
        PT__TRY_OUT(pt__long_keep(&cache, key, &tokens));
        (void)pt__huge_find(&cache, word(n, 70), 70, &hash);
        PT__TRY_OUT(pt__huge_keep(&cache, hash, word(n, 70), 70, &tokens));
    }
    status = PT_OK;
out:
    pt__piece_cache_free(&cache);
    return status;
}

START_TEST(test_every_allocation_may_fail)
{
    failing_allocator_t allocator;
    pt_status_t status;
    FOR_EACH_FAILING_ALLOCATION(allocator, {
        failing_allocator_memory(&allocator, &memory);
        status = fill();
    }, status);
}
END_TEST

SUITE("piece_cache", 60, test_what_is_kept, test_what_is_not_kept, test_every_allocation_may_fail)
