/* Products as sums along the depth, which both operands have in rows: for few rows or few columns, where packing b would be
 * for too little use. For gemm_lanes.c. */
#ifndef PT__GEMM_DOT_H
#define PT__GEMM_DOT_H

#include "kernels/level/gemm_tile.h"

/* In each group of four lanes, a few of a's and then of b's: for sums within the groups, which need no slower way across them. */
#if LANES == 16
#define GROUPS_OF(a, b, i, j, k, l) \
    SHUFFLE(a, b, i, j, k, l, i + 4, j + 4, k + 4, l + 4, i + 8, j + 8, k + 8, l + 8, i + 12, j + 12, k + 12, l + 12)
#elif LANES == 8
#define GROUPS_OF(a, b, i, j, k, l) SHUFFLE(a, b, i, j, k, l, i + 4, j + 4, k + 4, l + 4)
#else
#define GROUPS_OF(a, b, i, j, k, l) SHUFFLE(a, b, i, j, k, l)
#endif

/* Group g of the result is the sums of v[0] .. v[3] over their groups g. */
INLINE floats_t sum_groups(const floats_t v[4])
{
    enum { N = LANES };
    floats_t x = GROUPS_OF(v[0], v[1], 0, N, 1, N + 1) + GROUPS_OF(v[0], v[1], 2, N + 2, 3, N + 3);
    floats_t y = GROUPS_OF(v[2], v[3], 0, N, 1, N + 1) + GROUPS_OF(v[2], v[3], 2, N + 2, 3, N + 3);
    return GROUPS_OF(x, y, 0, 1, N, N + 1) + GROUPS_OF(x, y, 2, 3, N + 2, N + 3);
}

#if LANES == 16
/* Groups 0 + 1 and 2 + 3 of a, then of b. */
INLINE floats_t sum_pairs(floats_t a, floats_t b)
{
    return SHUFFLE(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27) +
           SHUFFLE(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
}
#endif

/* Adds up the lanes of each of LANES vectors: lane i of the result is the sum of v[i]'s. No loop around: a compiler that meets
 * an index before it is a constant keeps v in memory, also where it is added to. */
INLINE floats_t sum_each(const floats_t v[LANES])
{
#if LANES == 16
    return sum_pairs(sum_pairs(sum_groups(v), sum_groups(v + 4)), sum_pairs(sum_groups(v + 8), sum_groups(v + 12)));
#elif LANES == 8
    const floats_t low = sum_groups(v), high = sum_groups(v + 4);
    return SHUFFLE(low, high, 0, 1, 2, 3, 8, 9, 10, 11) + SHUFFLE(low, high, 4, 5, 6, 7, 12, 13, 14, 15);
#else
    return sum_groups(v);
#endif
}

INLINE void put_sums(int rows, int columns, int wide, const pt__block_t *block, int64_t row, int64_t column,
                     const float *sums)
{
    const float *bias = block->bias ? block->bias + column : NULL;
    for (int i = 0; i < rows; i++) {
        int64_t at = (row + i) * block->dst_stride + column;
        for (int j = 0; j < columns; j++) {
            float value = sums[i * wide + j] + (bias ? bias[j] : 0.0f);
            block->dst[at + j] = block->add ? block->add[at + j] + value : value;
        }
    }
}

#if LANES == 16
INLINE void put_four(const pt__block_t *block, int64_t at, const float *bias, __m128 sums)
{
    if (bias)
        sums = _mm_add_ps(sums, _mm_loadu_ps(bias));
    _mm_storeu_ps(block->dst + at, block->add ? _mm_add_ps(_mm_loadu_ps(block->add + at), sums) : sums);
}

/* Two rows of two. */
INLINE void put_pairs(const pt__block_t *block, int64_t at, const float *bias, __m128 sums)
{
    const __m128 zero = _mm_setzero_ps();
    int64_t below = at + block->dst_stride;
    if (bias)
        sums = _mm_add_ps(sums, _mm_loadh_pi(_mm_loadl_pi(zero, (const __m64 *)bias), (const __m64 *)bias));
    if (block->add)
        sums = _mm_add_ps(sums, _mm_loadh_pi(_mm_loadl_pi(zero, (const __m64 *)(block->add + at)),
                                             (const __m64 *)(block->add + below)));
    _mm_storel_pi((__m64 *)(block->dst + at), sums);
    _mm_storeh_pi((__m64 *)(block->dst + below), sums);
}

/* The same for a whole block of rows of 4 or 2, without a way through memory. */
INLINE void put_whole(int wide, const pt__block_t *block, int64_t row, int64_t column, floats_t sums)
{
    const __m512 all = (__m512)sums;
    const __m128 part[4] = {_mm512_castps512_ps128(all), _mm512_extractf32x4_ps(all, 1), _mm512_extractf32x4_ps(all, 2),
                            _mm512_extractf32x4_ps(all, 3)};
    const float *bias = block->bias ? block->bias + column : NULL;
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        int64_t at = (row + i * 4 / wide) * block->dst_stride + column;
        (wide == 4 ? put_four : put_pairs)(block, at, bias, part[i]);
    }
}
#endif

/* LANES sums at a time, `high` x `wide` of them; rows and columns beyond the last are the last one again, not stored. */
INLINE void dot_block(int high, int wide, const pt__block_t *block, int64_t row, int64_t column)
{
    const float *a[LANES], *b[LANES];
    floats_t sum[LANES];
    int64_t depth = block->depth, rest = depth % LANES, k = 0;
    int64_t rows = block->rows - row < high ? block->rows - row : high;
    int64_t columns = block->columns - column < wide ? block->columns - column : wide;
#pragma GCC unroll 16
    for (int i = 0; i < high; i++)
        a[i] = block->a + (row + (i < rows ? i : rows - 1)) * block->a_stride;
#pragma GCC unroll 16
    for (int j = 0; j < wide; j++)
        b[j] = block->b + (column + (j < columns ? j : columns - 1)) * block->b_stride;
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++)
        sum[i] = (floats_t){0};
    for (; k + LANES <= depth; k += LANES) {
#pragma GCC unroll 16
        for (int i = 0; i < high; i++)
#pragma GCC unroll 16
            for (int j = 0; j < wide; j++)
                sum[i * wide + j] = fused(load(a[i] + k), load(b[j] + k), sum[i * wide + j]);
    }
    if (rest) {
#pragma GCC unroll 16
        for (int i = 0; i < high; i++)
#pragma GCC unroll 16
            for (int j = 0; j < wide; j++)
                sum[i * wide + j] = fused(load_part(a[i] + k, rest, 0.0f), load_part(b[j] + k, rest, 0.0f),
                                          sum[i * wide + j]);
    }
    float sums[LANES];
    sum[0] = sum_each(sum);
#if LANES == 16
    if ((wide == 4 || wide == 2) && rows == high && columns == wide) {
        put_whole(wide, block, row, column, sum[0]);
        return;
    }
#endif
    store(sums, sum[0]);
    if (rows == high && columns == wide) /* constants, so that no loop is left */
        put_sums(high, wide, wide, block, row, column, sums);
    else
        put_sums((int)rows, (int)columns, wide, block, row, column, sums);
}

enum { HIGH = LANES > 4 ? 4 : 2, WIDE = LANES / HIGH };

static void dot_tall(const pt__block_t *block, int64_t row, int64_t column)
{
    dot_block(LANES, 1, block, row, column);
}

static void dot_wide(const pt__block_t *block, int64_t row, int64_t column)
{
    dot_block(1, LANES, block, row, column);
}

static void dot_square(const pt__block_t *block, int64_t row, int64_t column)
{
    dot_block(HIGH, WIDE, block, row, column);
}

static void dot_narrow(const pt__block_t *block, int64_t row, int64_t column)
{
    dot_block(2 * HIGH, WIDE / 2, block, row, column);
}

/* LANES rows after the other, so that they stay in the first-level cache while all columns pass. */
static void dot(const pt__block_t *block)
{
    for (int64_t column = 0; block->rows == 1 && column < block->columns; column += LANES)
        dot_wide(block, 0, column);
    for (int64_t first = 0, end; block->rows > 1 && first < block->rows; first = end) {
        int64_t column = 0;
        end = least(first + LANES, block->rows);
        for (; block->columns - column > WIDE / 2; column += WIDE)
            for (int64_t row = first; row < end; row += HIGH)
                dot_square(block, row, column);
        for (; WIDE / 2 > 1 && block->columns - column > 1; column += WIDE / 2)
            for (int64_t row = first; row < end; row += 2 * HIGH)
                dot_narrow(block, row, column);
        if (column < block->columns)
            dot_tall(block, first, column);
    }
}

#endif
