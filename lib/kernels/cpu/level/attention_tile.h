/* What attention_lanes.c makes its tiles with: products of tiles, whose left operand is read with broadcasts and whose
 * right one in rows, as they lie in memory; rows of one head brought together, transposed and put back. */
#ifndef PT__ATTENTION_TILE_H
#define PT__ATTENTION_TILE_H

#include "kernels/cpu/level/rows.h"
#include "kernels/cpu/level/transpose_block.h"
#include "kernels/cpu/vector.h"

enum {
    TILE = PT__ATTENTION_TILE,
    GRANULE = 16, /* a multiple of LANES and of ROWS at every level */
#if LANES == 16 || defined(__aarch64__)
    ROWS = 8, /* of a product's register tile; by two vectors */
#else
    ROWS = 4,
#endif
};

#define LOWEST (-1e30f) /* where the running maximum starts: a tile without any key gives e^(-infinity - LOWEST) = 0 */
#define LOG2_E 1.44269504f

static int64_t whole_vectors(int64_t width)
{
    return (width + LANES - 1) / LANES * LANES;
}

/* ---- products */

typedef struct operand { /* element (m, k) stands at data[m * row + k * step] */
    const float *data;
    int64_t row, step;
} operand_t;

/* dst[rows, vectors] = a · b, added to factor[m] · dst (factor NULL: 1) where `accumulate`. All but pointers and sizes
 * are known where this is inlined. */
INLINE void tile_product(int rows, int vectors, int64_t depth, operand_t a, const float *b, int64_t b_stride,
                         int accumulate, const float *factor, float *dst, int64_t dst_stride)
{
    floats_t total[8][2];
#pragma GCC unroll 8
    for (int m = 0; m < rows; m++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++) {
            total[m][v] = accumulate ? load(dst + m * dst_stride + v * LANES) : (floats_t){0};
            if (accumulate && factor != NULL)
                total[m][v] *= factor[m];
        }
    /* Model, of the peak: AVX2 100 %; AVX-512 67 % on Zen 4 (broadcasts), 89 % on Golden Cove */
    for (int64_t k = 0; k < depth; k++) {
        floats_t right[2];
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            right[v] = load(b + k * b_stride + v * LANES);
#pragma GCC unroll 8
        for (int m = 0; m < rows; m++) {
            floats_t left = broadcast(a.data[m * a.row + k * a.step]);
#pragma GCC unroll 2
            for (int v = 0; v < vectors; v++)
                total[m][v] += left * right[v];
        }
    }
#pragma GCC unroll 8
    for (int m = 0; m < rows; m++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            store(dst + m * dst_stride + v * LANES, total[m][v]);
}

/* What part of the depth the rows of a product need, where a causal mask leaves the rest 0. */
typedef enum depth_range { DEPTH_ALL, DEPTH_UP_TO_ROW, DEPTH_FROM_ROW } depth_range_t;

/* Rows [m, m + rows) of one strip of columns. */
INLINE void tile_rows(int rows, int vectors, int64_t m, int64_t depth, depth_range_t range, operand_t a, const float *b,
                      int64_t b_stride, int accumulate, const float *factor, float *dst, int64_t dst_stride)
{
    int64_t from = range == DEPTH_FROM_ROW ? m : 0;
    if (range == DEPTH_UP_TO_ROW && m + rows < depth)
        depth = m + rows;
    a.data += m * a.row + from * a.step;
    tile_product(rows, vectors, depth - from, a, b + from * b_stride, b_stride, accumulate,
                 factor != NULL ? factor + m : NULL, dst + m * dst_stride, dst_stride);
}

INLINE void strip_product(int vectors, int64_t rows, int64_t depth, depth_range_t range, operand_t a, const float *b,
                          int64_t b_stride, int accumulate, const float *factor, float *dst, int64_t dst_stride)
{
    int64_t m = 0;
    for (; m + ROWS <= rows; m += ROWS)
        tile_rows(ROWS, vectors, m, depth, range, a, b, b_stride, accumulate, factor, dst, dst_stride);
    if (ROWS == 8 && m + 4 <= rows) {
        tile_rows(4, vectors, m, depth, range, a, b, b_stride, accumulate, factor, dst, dst_stride);
        m += 4;
    }
    for (; m < rows; m++)
        tile_rows(1, vectors, m, depth, range, a, b, b_stride, accumulate, factor, dst, dst_stride);
}

/* dst [rows, columns] = a · b or added to it, columns being whole vectors: strips of two, whose part of b stays in the
 * cache. */
INLINE void product(int64_t rows, int64_t columns, int64_t depth, depth_range_t range, operand_t a, const float *b,
                    int64_t b_stride, int accumulate, const float *factor, float *dst, int64_t dst_stride)
{
    int64_t n = 0;
    for (; n + 2 * LANES <= columns; n += 2 * LANES)
        strip_product(2, rows, depth, range, a, b + n, b_stride, accumulate, factor, dst + n, dst_stride);
    if (n < columns)
        strip_product(1, rows, depth, range, a, b + n, b_stride, accumulate, factor, dst + n, dst_stride);
}

/* ---- a tile's parts */

/* Rows of one head, brought together: dst [rows, padded], zeros beyond width. Rows that lie a multiple of a page apart,
 * as they do in a fused matrix of queries, keys and values, would push each other out of the first cache. */
static void pack_rows(int64_t rows, int64_t width, const float *src, int64_t stride, float *dst, int64_t padded)
{
    for (int64_t r = 0; r < rows; r++) {
        const float *from = src + r * stride;
        float *to = dst + r * padded;
        int64_t c = 0;
        for (; c + LANES <= width; c += LANES)
            store(to + c, load(from + c));
        if (c < width)
            store(to + c, load_part(from + c, width - c, 0.0f));
    }
}

/* The keys that queries [i, i + LANES) of a tile may see: all, or on the diagonal those up to their group's end. */
INLINE int64_t keys_seen(int diagonal, int64_t keys, int64_t i)
{
    int64_t end = (i / GRANULE + 1) * GRANULE;
    return diagonal && end < keys ? end : keys;
}

typedef struct rows { /* [.., width] or, with zeros beyond, [.., padded] */
    const float *data;
    int64_t stride;
} rows_t;

/* Rows that are read once or twice stay where they are, unless the last vector of a row would reach beyond it. */
INLINE rows_t bring_rows(int in_place, int64_t rows, int64_t width, const float *src, int64_t stride, float *buffer,
                         int64_t padded)
{
    if (in_place && width == padded)
        return (rows_t){src, stride};
    pack_rows(rows, width, src, stride, buffer, padded);
    return (rows_t){buffer, padded};
}

/* Rows that will be wanted: they lie far apart, where no processor looks ahead by itself. `write`: to be written. */
INLINE void fetch_rows(int write, int64_t rows, int64_t width, const float *src, int64_t stride)
{
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < width; c += PT__CACHE_LINE / (int64_t)sizeof(float))
            fetch(src + r * stride + c, write);
}

/* The other way: dst (+)= src [rows, padded]. */
static void put_rows(int64_t rows, int64_t width, const float *src, int64_t padded, int32_t accumulate, float *dst,
                     int64_t stride)
{
    for (int64_t r = 0; r < rows; r++) {
        const float *from = src + r * padded;
        float *to = dst + r * stride;
        int64_t c = 0;
        for (; c + LANES <= width; c += LANES)
            store(to + c, accumulate ? load(to + c) + load(from + c) : load(from + c));
        if (c < width)
            store_part(to + c, accumulate ? load_part(to + c, width - c, 0.0f) + load(from + c) : load(from + c),
                       width - c);
    }
}

/* dst [width][TILE] = factor · src^T, src [rows, width]; columns up to the next multiple of LANES are 0 */
static void pack_transposed(int64_t rows, int64_t width, const float *src, int64_t stride, float factor, float *dst)
{
    for (int64_t r = 0; r < rows; r += LANES) {
        int64_t count = rows - r < LANES ? rows - r : LANES, c = 0;
        if (count == LANES)
            for (; c + LANES <= width; c += LANES)
                transpose_block_scaled(src + r * stride + c, stride, factor, dst + c * TILE + r, TILE);
        for (; c < width; c++)
            for (int64_t i = 0; i < LANES; i++)
                dst[c * TILE + r + i] = i < count ? src[(r + i) * stride + c] * factor : 0.0f;
    }
}

/* dst [keys][TILE] = rows · columns, where columns [width][TILE] are packed */
static void score_product(int64_t keys, int64_t queries, int diagonal, int64_t width, rows_t rows, const float *columns,
                          float *dst)
{
    operand_t a = {rows.data, rows.stride, 1};
    for (int64_t i = 0; i < queries; i += 2 * LANES) {
        int64_t both = keys_seen(diagonal, keys, i), all = keys_seen(diagonal, keys, i + LANES);
        if (i + LANES >= queries) {
            strip_product(1, both, width, DEPTH_ALL, a, columns + i, TILE, 0, NULL, dst + i, TILE);
            continue;
        }
        strip_product(2, both, width, DEPTH_ALL, a, columns + i, TILE, 0, NULL, dst + i, TILE);
        if (both < all) { /* keys that only the second group of queries sees */
            a.data = rows.data + both * rows.stride;
            strip_product(1, all - both, width, DEPTH_ALL, a, columns + i + LANES, TILE, 0, NULL,
                          dst + both * TILE + i + LANES, TILE);
            a.data = rows.data;
        }
    }
}

#endif
