/* Sums along the depth (gemm_dot.h) with few rows of a and columns of b in a format of blocks, which become floats in
 * registers: where every number of b is used so few times that a way through memory would cost more than the sums. The
 * order of the sums is gemm_dot.h's, and so are the bits. For gemm_lanes.c. */
#ifndef PT__GEMM_NARROW_H
#define PT__GEMM_NARROW_H

#include "kernels/cpu/level/block_lanes.h"
#include "kernels/cpu/level/gemm_dot.h"

enum { NARROW_HIGH = PT__MICRO_FEW, NARROW_WIDE = LANES / NARROW_HIGH, NARROW_SHORT = 512 };

/* All columns, `wide` at a time, of at most `high` rows; rows and columns beyond the last are the last one again. */
INLINE void dot_parts(int high, int wide, part_fn part_of, int elements, int bytes, int f16c, const pt__block_t *block,
                      const char *b, int64_t b_bytes)
{
    /* What is read next but one lies so far: the processor fetches too little ahead of rows side by side. */
    const int64_t ahead = b_bytes * wide * (b_bytes < NARROW_SHORT ? 2 : 1);
    const float *a[NARROW_HIGH];
    for (int i = 0; i < high; i++)
        a[i] = block->a + (i < block->rows ? i : block->rows - 1) * block->a_stride;
    for (int64_t column = 0; column < block->columns; column += wide) {
        const char *next[LANES];
        floats_t sum[LANES], v[PART_VECTORS];
        float sums[LANES];
#pragma GCC unroll 16
        for (int j = 0; j < wide; j++)
            next[j] = b + least(column + j, block->columns - 1) * b_bytes;
#pragma GCC unroll 16
        for (int i = 0; i < LANES; i++)
            sum[i] = (floats_t){0};
        for (int64_t k = 0; k < block->depth; k += elements) {
            for (int part = 0; part < elements / PART; part++)
#pragma GCC unroll 16
                for (int j = 0; j < wide; j++) {
                    __builtin_prefetch(next[j] + ahead, 0, 2);
                    part_of(next[j], part, f16c, v);
#pragma GCC unroll 4
                    for (int i = 0; i < high; i++)
#pragma GCC unroll 8
                        for (int q = 0; q < PART_VECTORS; q++)
                            sum[i * wide + j] = fused(load(a[i] + k + part * PART + q * LANES), v[q],
                                                      sum[i * wide + j]);
                }
#pragma GCC unroll 16
            for (int j = 0; j < wide; j++)
                next[j] += bytes;
        }
        store(sums, sum_each(sum));
        put_part((int)block->rows, (int)least(wide, block->columns - column), wide, block, 0, column, sums);
    }
}

#define DOT_NARROW(name, part_of, elements, bytes, f16c)                                        \
    static void name##_row(const pt__block_t *block, const char *b, int64_t b_bytes)            \
    {                                                                                           \
        dot_parts(1, LANES, part_of, elements, bytes, f16c, block, b, b_bytes);                 \
    }                                                                                           \
    static void name##_rows(const pt__block_t *block, const char *b, int64_t b_bytes)           \
    {                                                                                           \
        dot_parts(NARROW_HIGH, NARROW_WIDE, part_of, elements, bytes, f16c, block, b, b_bytes); \
    }                                                                                           \
    static void name(const pt__block_t *block, const void *b, int64_t b_bytes)                  \
    {                                                                                           \
        (block->rows == 1 ? name##_row : name##_rows)(block, b, b_bytes);                       \
    }

/* AVX2's need F16C, which every such processor has: without it b becomes floats in memory first. */
#define DOT_FORMAT(dtype, part_of, elements, bytes) DOT_NARROW(dot_##part_of, part_of, elements, bytes, 1)
PT__BLOCK_FORMATS(DOT_FORMAT)

#endif
