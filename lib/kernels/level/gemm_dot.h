/* Products as sums along the depth, which both operands have in rows: for few rows or few columns, where packing b would be
 * for too little use. For gemm_lanes.c. */
#ifndef PT__GEMM_DOT_H
#define PT__GEMM_DOT_H

#include "kernels/level/gemm_tile.h"

INLINE void halve(floats_t v[LANES], int half)
{
#pragma GCC unroll 8
    for (int i = 0; i < half; i++)
        v[i] = interleave_low(v[i], v[i + half]) + interleave_high(v[i], v[i + half]);
}

/* Adds up the lanes of each of LANES vectors: lane i of the result is the sum of v[i]'s. No loop around: a compiler that meets
 * an index before it is a constant keeps v in memory, also where it is added to. */
INLINE floats_t sum_each(floats_t v[LANES])
{
#if LANES >= 16
    halve(v, 8);
#endif
#if LANES >= 8
    halve(v, 4);
#endif
    halve(v, 2);
    halve(v, 1);
    return v[0];
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
    store(sums, sum_each(sum));
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
