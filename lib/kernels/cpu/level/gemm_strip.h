/* Strips: a row of whole tiles over a small depth, all in one loop. dst is stored every few multiplications there,
 * and what hides that is how far the processor has looked ahead: so tiles are low, and nothing is called in between.
 * For gemm_lanes.c. */
#ifndef PT__GEMM_STRIP_H
#define PT__GEMM_STRIP_H

#include "kernels/cpu/level/gemm_tile.h"

#if LANES == 16
enum { STRIP_DEPTH = 192 };

INLINE void add_rows_of(int rows, const float *add, int64_t stride, floats_t sum[ROWS][VECTORS])
{
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++, add += stride) {
        MOVES(add);
#pragma GCC unroll 2
        for (int v = 0; v < VECTORS; v++)
            sum[i][v] += load(add + v * LANES);
    }
}

/* For constants rows and transposed. dst is not transposed. */
INLINE void multiply_strip(int rows, int transposed, const pt__block_t *block, const tile_t *tile, int64_t panels)
{
    const int64_t a_step = transposed ? tile->a_step : 1, depth = block->depth, stride = block->dst_stride;
    const int64_t b_stride = block->b_stride, b_step = block->b_step;
    const float *bias = block->bias, *panel = tile->b, *add = block->add ? block->add + tile->row * stride : NULL;
    float *dst = block->dst + tile->row * stride;
    for (int64_t p = 0; p < panels; p++, panel += b_step, dst += COLUMNS) {
        depth_t a = {tile->a, tile->a + 5 * tile->a_row, tile->a_row};
        const float *b = panel;
        floats_t sum[ROWS][VECTORS];
        begin_sums(rows, VECTORS, LANES, bias ? bias + p * COLUMNS : NULL, sum);
        /* Model, of the peak: 100 % on Zen 4, 67 to 89 % on Golden Cove (loads). With one load for a row: 89 % there,
         * and on Zen 4 less, measured */
        for (int64_t k = 0; k < depth; k++, b += b_stride, a.row0 += a_step, a.row5++)
            multiply_depth(rows, VECTORS, transposed ? SIDE_BY_SIDE : ANY, 0, LANES, &a, b, sum);
        if (add)
            add_rows_of(rows, add + p * COLUMNS, stride, sum);
        float *to = dst;
#pragma GCC unroll 16
        for (int i = 0; i < rows; i++, to += stride) {
            MOVES(to);
#pragma GCC unroll 2
            for (int v = 0; v < VECTORS; v++)
                store(to + v * LANES, sum[i][v]);
        }
    }
}

#define STRIP(rows, form)                                                                           \
    static void strip_##rows##_##form(const pt__block_t *block, const tile_t *tile, int64_t panels) \
    {                                                                                               \
        multiply_strip(rows, form, block, tile, panels);                                            \
    }
#define STRIPS(rows) STRIP(rows, 0) STRIP(rows, 1)
STRIPS(4)
STRIPS(5)
STRIPS(6)
STRIPS(7)
STRIPS(8)

static const tile_fn strips_table[STRIP_MOST - STRIP_LEAST + 1][2] = {
    {strip_4_0, strip_4_1}, {strip_5_0, strip_5_1}, {strip_6_0, strip_6_1},
    {strip_7_0, strip_7_1}, {strip_8_0, strip_8_1},
};

/* The most rows of a tile of this block. */
static int64_t tile_most(const pt__block_t *block)
{
    const int32_t shallow = block->depth > 0 && block->depth <= STRIP_DEPTH;
    return shallow && block->rows >= STRIP_LEAST && !block->dst_transposed ? STRIP_MOST : ROWS;
}

#else
enum { STRIP_DEPTH = 0 };

static int64_t tile_most(const pt__block_t *block)
{
    (void)block;
    return ROWS;
}
#endif

#define BEST(name, rows, form)                                                     \
    static void name(const pt__block_t *block, const tile_t *tile, int64_t panels) \
    {                                                                              \
        multiply_tiles(rows, VECTORS, form, 0, block, tile, panels);               \
    }
BEST(side_most, ROWS, SIDE_BY_SIDE)
BEST(side_fewer, ROWS - 1, SIDE_BY_SIDE)
BEST(along_most, ROWS, ALONG)
BEST(along_fewer, ROWS - 1, ALONG)
#if LANES < 16
BEST(along_1, 1, ALONG)
BEST(along_2, 2, ALONG)
#if ROWS > 4
BEST(along_3, 3, ALONG)
BEST(along_4, 4, ALONG)
#endif
#if ROWS > 6
BEST(along_5, 5, ALONG)
BEST(along_6, 6, ALONG)
#endif
static const tile_fn along_table[ROWS] = {
    along_1,     along_2,
#if ROWS > 4
    along_3,     along_4,
#endif
#if ROWS > 6
    along_5,     along_6,
#endif
    along_fewer, along_most,
};
#endif

/* What does whole panels of a tile at once, or NULL: of nearly equal tiles few are lower than by a row, and such have
 * code of their own only where rows are often few. */
static tile_fn best_of(const pt__block_t *block, int64_t most, int64_t rows)
{
    const int32_t side = block->stage || block->a_transposed;
#if LANES == 16
    if (most == STRIP_MOST)
        return strips_table[rows - STRIP_LEAST][side];
    if (!side && rows >= ROWS - 1)
        return rows == ROWS ? along_most : along_fewer;
#else
    (void)most;
    if (!side)
        return along_table[rows - 1];
    if (!block->stage) /* at any distance */
        return NULL;
#endif
    return rows < ROWS - 1 ? NULL : rows == ROWS ? side_most : side_fewer;
}

#endif
