/* Packing b into panels (kernels/micro.h).
 *
 * Rows lie far apart, often each on a page of its own, where no processor looks ahead by itself. For gemm_lanes.c. */
#ifndef PT__GEMM_PACK_H
#define PT__GEMM_PACK_H

#include "kernels/cpu/level/gemm_tile.h"

enum { AHEAD = 12 }; /* rows; addresses beyond the end are harmless */

INLINE void prefetch_row(const float *row, int64_t floats)
{
    for (int64_t i = 0; i < floats; i += PT__CACHE_LINE / (int64_t)sizeof(float))
        __builtin_prefetch(row + i);
}

/* dst[k * dst_stride + i] = src[i * stride + k] for `rows` rows; up to `filled`, whole vectors, zero. Squares are
 * transposed in registers; where fewer rows than lanes are left, aside. */
INLINE void pack_transposed(int64_t rows, int64_t filled, int64_t depth, const float *src, int64_t stride, float *dst,
                            int64_t dst_stride)
{
    for (int64_t i = 0; i < filled; i += LANES) {
        int64_t k = 0;
        for (; i + LANES <= rows && k + LANES <= depth; k += LANES) {
#pragma GCC unroll 16
            for (int64_t j = 0; j < LANES; j++)
                __builtin_prefetch(src + (i + j) * stride + k + 4 * LANES);
            transpose_block(src + i * stride + k, stride, dst + k * dst_stride + i, dst_stride);
        }
        for (; k + LANES <= depth; k += LANES) {
            float square[LANES * LANES];
            for (int64_t j = 0; j < LANES; j++)
                store(square + j * LANES, i + j < rows ? load(src + (i + j) * stride + k) : (floats_t){0});
            transpose_block(square, LANES, square, LANES);
            for (int64_t j = 0; j < LANES; j++)
                store(dst + (k + j) * dst_stride + i, load(square + j * LANES));
        }
        for (; k < depth; k++)
            for (int64_t j = i; j < i + LANES; j++)
                dst[k * dst_stride + j] = j < rows ? src[j * stride + k] : 0.0f;
    }
}

/* Several panels of a row at a time, as memory is read in its own order. */
static void pack_b(int64_t columns, int64_t depth, const float *b, int64_t b_stride, int32_t transposed, float *dst,
                   int64_t dst_step)
{
    if (transposed) {
        for (int64_t j = 0; j < columns; j += COLUMNS) {
            int64_t wide = least(COLUMNS, columns - j);
            pack_transposed(wide, (wide + LANES - 1) / LANES * LANES, depth, b + j * b_stride, b_stride,
                            dst + j / COLUMNS * dst_step, COLUMNS);
        }
        return;
    }
    for (int64_t k = 0; k < depth; k++) {
        const float *from = b + k * b_stride;
        float *to = dst + k * COLUMNS;
        int64_t j = 0;
        prefetch_row(from + AHEAD * b_stride, columns);
        for (; j + COLUMNS <= columns; j += COLUMNS, to += dst_step) {
#pragma GCC unroll 2
            for (int v = 0; v < VECTORS; v++)
                store(to + v * LANES, load(from + j + v * LANES));
        }
        for (int64_t i = j; i < columns; i += LANES)
            store(to + i - j, load_few(from + i, least(columns - i, LANES)));
    }
}

#endif
