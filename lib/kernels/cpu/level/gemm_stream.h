/* Products of few rows with a b that is read once, where it stands: row after row, as it lies in memory, while the sums
 * of many columns stay in the first-level cache. Panel after panel, as tiles take it, a processor would fetch a line or
 * two of each row, and none of them ahead. The sums are a tile's: the same bits. For gemm_lanes.c. */
#ifndef PT__GEMM_STREAM_H
#define PT__GEMM_STREAM_H

#include "kernels/cpu/level/gemm_tile.h"

enum { STREAM_ROWS = 4, STREAM_DEPTHS = 4, STREAM_FLOATS = 2048, STREAM_LEAST = 4 * COLUMNS };

static int streams(const pt__block_t *block)
{
    return block->rows <= STREAM_ROWS && block->columns >= STREAM_LEAST && block->depth > 0 && !block->dst_transposed &&
           !block->b_filled && !block->stage && !block->a_sum && !block->b_sum;
}

/* sums += the numbers of `depths` depths of a times b's rows, one after the other; sums of a row `columns` apart, which
 * are whole vectors, all but the last `few` within b's rows. */
INLINE void stream_depths(int rows, int depths, int64_t columns, int64_t few, const float *a, int64_t a_row,
                          int64_t a_step, const float *b, int64_t b_stride, float *sums)
{
    floats_t left[STREAM_ROWS][STREAM_DEPTHS];
#pragma GCC unroll 4
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int d = 0; d < depths; d++)
            left[i][d] = broadcast(a[i * a_row + d * a_step]);
    for (int64_t c = 0; c < columns; c += LANES) {
        floats_t right[STREAM_DEPTHS];
        const int64_t n = c + LANES < columns ? LANES : few;
#pragma GCC unroll 4
        for (int d = 0; d < depths; d++)
            right[d] = load_few(b + d * b_stride + c, n);
#pragma GCC unroll 4
        for (int i = 0; i < rows; i++) {
            floats_t sum = load(sums + i * columns + c);
#pragma GCC unroll 4
            for (int d = 0; d < depths; d++)
                sum = fused(left[i][d], right[d], sum);
            store(sums + i * columns + c, sum);
        }
    }
}

INLINE void stream_columns(int rows, const pt__block_t *block, int64_t column, int64_t wide)
{
    float sums[STREAM_FLOATS];
    const int64_t columns = (wide + LANES - 1) / LANES * LANES, few = wide - (columns - LANES);
    const int64_t a_row = block->a_transposed ? 1 : block->a_stride, a_step = block->a_transposed ? block->a_stride : 1;
    const float *b = block->b + column, *a = block->a, *bias = block->bias ? block->bias + column : NULL;
    int64_t k = 0;
    for (int i = 0; i < rows; i++)
        for (int64_t c = 0; c < columns; c += LANES)
            store(sums + i * columns + c, bias ? load_few(bias + c, c + LANES < columns ? LANES : few) : (floats_t){0});
    for (; k + STREAM_DEPTHS <= block->depth; k += STREAM_DEPTHS)
        stream_depths(rows, STREAM_DEPTHS, columns, few, a + k * a_step, a_row, a_step, b + k * block->b_stride,
                      block->b_stride, sums);
    for (; k < block->depth; k++)
        stream_depths(rows, 1, columns, few, a + k * a_step, a_row, a_step, b + k * block->b_stride, block->b_stride,
                      sums);
    for (int i = 0; i < rows; i++)
        for (int64_t c = 0; c < columns; c += LANES) {
            const int64_t to = i * block->dst_stride + column + c, n = c + LANES < columns ? LANES : few;
            const floats_t sum = load(sums + i * columns + c);
            store_few(block->dst + to, block->add ? sum + load_few(block->add + to, n) : sum, n);
        }
}

#define STREAM(rows)                                                                  \
    static void stream_##rows(const pt__block_t *block, int64_t column, int64_t wide) \
    {                                                                                 \
        stream_columns(rows, block, column, wide);                                    \
    }
STREAM(1)
STREAM(2)
STREAM(3)
STREAM(4)

static void multiply_streaming(const pt__block_t *block)
{
    static void (*const stream[])(const pt__block_t *, int64_t, int64_t) = {stream_1, stream_2, stream_3, stream_4};
    const int64_t most = STREAM_FLOATS / block->rows / LANES * LANES;
    for (int64_t column = 0; column < block->columns; column += most)
        stream[block->rows - 1](block, column, least(most, block->columns - column));
}

#endif
