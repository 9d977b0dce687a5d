/* Products as sums along the depth, which both operands have in rows: for few rows or few columns, where packing b
 * would be for too little use. For gemm_lanes.c. */
#ifndef PT__GEMM_DOT_H
#define PT__GEMM_DOT_H

#include "kernels/cpu/level/gemm_tile.h"

/* In each group of four lanes, a few of a's and then of b's: for sums within the groups, which need no slower way
 * across them. */
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

/* Adds up the lanes of each of LANES vectors: lane i of the result is the sum of v[i]'s. No loop around: a compiler
 * that meets an index before it is a constant keeps v in memory, also where it is added to. */
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
            float value = bias ? sums[i * wide + j] + bias[j] : sums[i * wide + j];
            block->dst[at + j] = block->add ? block->add[at + j] + value : value;
        }
    }
}

/* The same, written once for all shapes that are cut off. */
static __attribute__((noinline)) void put_part(int rows, int columns, int wide, const pt__block_t *block, int64_t row,
                                               int64_t column, const float *sums)
{
    put_sums(rows, columns, wide, block, row, column, sums);
}

#if LANES == 16
typedef struct place { /* of a block's sums: NULL where there is nothing to add */
    float *dst;
    const float *add, *bias;
    int64_t stride;
} place_t;

INLINE void put_four(const place_t *place, int64_t at, __m128 sums)
{
    if (place->bias)
        sums = _mm_add_ps(sums, _mm_loadu_ps(place->bias));
    _mm_storeu_ps(place->dst + at, place->add ? _mm_add_ps(_mm_loadu_ps(place->add + at), sums) : sums);
}

/* Two rows of two. */
INLINE void put_pairs(const place_t *place, int64_t at, __m128 sums)
{
    const __m128 zero = _mm_setzero_ps();
    const float *bias = place->bias;
    float *dst = place->dst + at;
    if (bias)
        sums = _mm_add_ps(sums, _mm_loadh_pi(_mm_loadl_pi(zero, (const __m64 *)bias), (const __m64 *)bias));
    if (place->add) {
        const float *add = place->add + at;
        sums = _mm_add_ps(sums,
                          _mm_loadh_pi(_mm_loadl_pi(zero, (const __m64 *)add), (const __m64 *)(add + place->stride)));
    }
    _mm_storel_pi((__m64 *)dst, sums);
    _mm_storeh_pi((__m64 *)(dst + place->stride), sums);
}

/* The same for a whole block of rows of 4 or 2, without a way through memory. What is stored could be a field of
 * block, for all a compiler knows: each is read once. */
INLINE void put_whole(int wide, const pt__block_t *block, int64_t row, int64_t column, floats_t sums)
{
    const __m512 all = (__m512)sums;
    const __m128 part[4] = {_mm512_castps512_ps128(all), _mm512_extractf32x4_ps(all, 1), _mm512_extractf32x4_ps(all, 2),
                            _mm512_extractf32x4_ps(all, 3)};
    const place_t place = {block->dst, block->add, block->bias ? block->bias + column : NULL, block->dst_stride};
    int64_t at = row * place.stride + column;
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        (wide == 4 ? put_four : put_pairs)(&place, at, part[i]);
        at += 4 / wide * place.stride;
        MOVES(at);
    }
}
#endif

/* Rows of an operand: where each one, or the first of each four, is read next. As many pointers as rows are more
 * than there are registers; those that wait meanwhile in vector registers, where compilers put them, cost most of
 * all. */
typedef struct lines {
    const char *next[LANES];
    int64_t stride; /* bytes */
} lines_t;

/* n rows from the first one; where only so many are `left`, the last one again. */
INLINE lines_t lines_of(const float *first, int64_t stride, int n, int whole, int64_t left)
{
    lines_t lines = {.stride = stride * (int64_t)sizeof(float)};
#pragma GCC unroll 16
    for (int i = 0; i < n; i += whole ? 4 : 1)
        lines.next[i] = (const char *)(first + (whole || i < left ? i : left - 1) * stride);
    return lines;
}

INLINE const float *line(const lines_t *lines, int whole, int i)
{
    return (const float *)(whole ? lines->next[i - i % 4] + i % 4 * lines->stride : lines->next[i]);
}

INLINE void step(lines_t *lines, int n, int whole)
{
#pragma GCC unroll 16
    for (int i = 0; i < n; i += whole ? 4 : 1) {
        lines->next[i] += LANES * sizeof(float);
        MOVES(lines->next[i]);
    }
}

/* LANES sums at a time, `high` x `wide` of them. Where not all of them are `whole`, rows and columns beyond the last
 * are the last one again, not stored; apart, because whatever stands between one block's multiplications and the
 * next one's is felt. */
INLINE void dot_block(int high, int wide, int whole, const pt__block_t *block, int64_t row, int64_t column)
{
    floats_t sum[LANES];
    int64_t rest = block->depth % LANES;
    int64_t rows = whole ? high : least(block->rows - row, high);
    int64_t columns = whole ? wide : least(block->columns - column, wide);
    lines_t a = lines_of(block->a + row * block->a_stride, block->a_stride, high, whole, rows);
    lines_t b = lines_of(block->b + column * block->b_stride, block->b_stride, wide, whole, columns);
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++)
        sum[i] = (floats_t){0};
    /* Model, of the peak: AVX2 89 % on Zen 3 (loads), 67 % on Golden Cove; AVX-512 100 % on Zen 4, 92 % */
    for (int64_t left = block->depth / LANES; left > 0; left--) {
#pragma GCC unroll 16
        for (int i = 0; i < high; i++)
#pragma GCC unroll 16
            for (int j = 0; j < wide; j++)
                sum[i * wide + j] = fused(load(line(&a, whole, i)), load(line(&b, whole, j)), sum[i * wide + j]);
        step(&a, high, whole);
        step(&b, wide, whole);
    }
    if (rest) {
#pragma GCC unroll 16
        for (int i = 0; i < high; i++)
#pragma GCC unroll 16
            for (int j = 0; j < wide; j++)
                sum[i * wide + j] = fused(load_part(line(&a, whole, i), rest, 0.0f),
                                          load_part(line(&b, whole, j), rest, 0.0f), sum[i * wide + j]);
    }
    sum[0] = sum_each(sum);
#if LANES == 16
    if (whole && (wide == 4 || wide == 2)) {
        put_whole(wide, block, row, column, sum[0]);
        return;
    }
#endif
    float sums[LANES];
    store(sums, sum[0]);
    if (whole)
        put_sums(high, wide, wide, block, row, column, sums);
    else
        put_part((int)rows, (int)columns, wide, block, row, column, sums);
}

enum { HIGH = LANES > 4 ? 4 : 2, WIDE = LANES / HIGH };

#define DOT(name, high, wide)                                                         \
    static void name##_whole(const pt__block_t *block, int64_t row, int64_t column)   \
    {                                                                                 \
        dot_block(high, wide, 1, block, row, column);                                 \
    }                                                                                 \
    static void name##_part(const pt__block_t *block, int64_t row, int64_t column)    \
    {                                                                                 \
        dot_block(high, wide, 0, block, row, column);                                 \
    }                                                                                 \
    static void name(const pt__block_t *block, int64_t row, int64_t column)           \
    {                                                                                 \
        int whole = row + (high) <= block->rows && column + (wide) <= block->columns; \
        (whole ? name##_whole : name##_part)(block, row, column);                     \
    }

DOT(dot_tall, LANES, 1)
DOT(dot_wide, 1, LANES)
DOT(dot_square, HIGH, WIDE)
DOT(dot_narrow, 2 * HIGH, WIDE / 2)

/* A few rows after the other, so that they stay in the first-level cache, with b, while all columns pass. */
static void dot(const pt__block_t *block)
{
    const int64_t few = block->columns % 2 ? LANES : 2 * HIGH;
    for (int64_t column = 0; block->rows == 1 && column < block->columns; column += LANES)
        dot_wide(block, 0, column);
    for (int64_t first = 0, end; block->rows > 1 && first < block->rows; first = end) {
        int64_t column = 0;
        end = least(first + few, block->rows);
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
