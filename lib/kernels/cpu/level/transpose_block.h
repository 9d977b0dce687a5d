/* Lanes interleaved; and a square of LANES x LANES transposed in registers: log2(LANES) rounds, in each of which row r
 * and row r + LANES/2 are interleaved into rows 2r and 2r+1. The scaled form multiplies everything by a factor. */
#ifndef PT__TRANSPOSE_BLOCK_H
#define PT__TRANSPOSE_BLOCK_H

#include "kernels/cpu/level/lanes.h"

#if defined(__clang__)
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (ints_t){__VA_ARGS__})
#endif

INLINE floats_t interleave_low(floats_t a, floats_t b)
{
#if LANES == 16
    return SHUFFLE(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
#elif LANES == 8
    return SHUFFLE(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
#else
    return SHUFFLE(a, b, 0, 4, 1, 5);
#endif
}

INLINE floats_t interleave_high(floats_t a, floats_t b)
{
#if LANES == 16
    return SHUFFLE(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
#elif LANES == 8
    return SHUFFLE(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
#else
    return SHUFFLE(a, b, 2, 6, 3, 7);
#endif
}

/* low = a0 b0 a1 b1 ..., the rest in high, where a0 is a pair of 32-bit lanes */
INLINE void interleave_pairs(longs_t a, longs_t b, words_t *low, words_t *high)
{
    ints_t x = (ints_t)a, y = (ints_t)b;
#if LANES == 16
    *low = (words_t)SHUFFLE(x, y, 0, 1, 16, 17, 2, 3, 18, 19, 4, 5, 20, 21, 6, 7, 22, 23);
    *high = (words_t)SHUFFLE(x, y, 8, 9, 24, 25, 10, 11, 26, 27, 12, 13, 28, 29, 14, 15, 30, 31);
#elif LANES == 8
    *low = (words_t)SHUFFLE(x, y, 0, 1, 8, 9, 2, 3, 10, 11);
    *high = (words_t)SHUFFLE(x, y, 4, 5, 12, 13, 6, 7, 14, 15);
#else
    *low = (words_t)SHUFFLE(x, y, 0, 1, 4, 5);
    *high = (words_t)SHUFFLE(x, y, 2, 3, 6, 7);
#endif
}

INLINE void transpose_square(floats_t row[LANES])
{
    floats_t next[LANES];
#pragma GCC unroll 4
    for (int round = 1; round < LANES; round *= 2) {
#pragma GCC unroll 16
        for (int r = 0; r < LANES / 2; r++) {
            next[2 * r] = interleave_low(row[r], row[r + LANES / 2]);
            next[2 * r + 1] = interleave_high(row[r], row[r + LANES / 2]);
        }
#pragma GCC unroll 16
        for (int r = 0; r < LANES; r++)
            row[r] = next[r];
    }
}

INLINE void transpose_in_registers(const float *src, int64_t src_stride, floats_t row[LANES])
{
#pragma GCC unroll 16
    for (int r = 0; r < LANES; r++)
        row[r] = load(src + r * src_stride);
    transpose_square(row);
}

INLINE void transpose_block_scaled(const float *src, int64_t src_stride, float factor, float *dst, int64_t dst_stride)
{
    floats_t row[LANES];
    transpose_in_registers(src, src_stride, row);
#pragma GCC unroll 16
    for (int r = 0; r < LANES; r++)
        store(dst + r * dst_stride, row[r] * factor);
}

/* Without arithmetic: what is moved may be integers. */
INLINE void transpose_block(const float *src, int64_t src_stride, float *dst, int64_t dst_stride)
{
    floats_t row[LANES];
    transpose_in_registers(src, src_stride, row);
#pragma GCC unroll 16
    for (int r = 0; r < LANES; r++)
        store(dst + r * dst_stride, row[r]);
}

#endif
