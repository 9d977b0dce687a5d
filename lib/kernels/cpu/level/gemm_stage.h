/* A tile's a, copied to where it is read best (pt__block_t: stage). For gemm_lanes.c. */
#ifndef PT__GEMM_STAGE_H
#define PT__GEMM_STAGE_H

#include "kernels/cpu/level/gemm_tile.h"

enum {
    STAGE_TILE = PT__MICRO_DEPTH * STAGE_DEPTH + 16, /* from tile to tile: not into the same sets */
    GROUP = PT__MICRO_STAGE / STAGE_TILE < 8 ? PT__MICRO_STAGE / STAGE_TILE : 8, /* tiles that are staged together */
    STAGE_AHEAD = 6 /* depths; addresses beyond the end are harmless */
};

/* Copies a tile's rows of a, which lie along the depth: squares are transposed in registers. Rows beyond the last are
 * the last one again, depths beyond the last zero; neither is used. */
static void stage_rows(const pt__block_t *block, int64_t rows, const float *a)
{
    for (int64_t i = 0; i < rows; i += LANES)
        for (int64_t k = 0; k < block->depth; k += LANES) {
            floats_t square[LANES];
            const int64_t deep = least(LANES, block->depth - k);
#pragma GCC unroll 16
            for (int64_t j = 0; j < LANES; j++)
                square[j] = load_few(a + least(i + j, rows - 1) * block->a_stride + k, deep);
            transpose_square(square);
#pragma GCC unroll 16
            for (int64_t j = 0; j < LANES; j++) /* in this order: the next depth may begin before this one's end */
                store(block->stage + (k + j) * STAGE_DEPTH + i, square[j]);
        }
}

/* The first n, if there are any, then zeros. */
INLINE floats_t load_end(const float *p, int64_t n)
{
    return n > 0 ? load_few(p, least(n, LANES)) : (floats_t){0};
}

/* Copies a transposed a for `tiles` tiles of `count` in all, from `first` on: depth by depth, as at each a tile's
 * few numbers are a part of a line, often on a page of its own. Whole vectors are read; what is beyond a tile's rows
 * is the next tile's, or the next depth's, which only the last depth lacks. */
static void stage_group(const pt__block_t *block, int64_t count, int64_t first, int64_t tiles)
{
    const int64_t begin = pt__micro_tile(block->rows, count, first);
    const int64_t end = pt__micro_tile(block->rows, count, first + tiles);
    const int64_t line = PT__CACHE_LINE / (int64_t)sizeof(float);
    const float *a = block->a;
    float *stage = block->stage;
    int64_t at[GROUP];
    for (int64_t t = 0; t < tiles; t++)
        at[t] = pt__micro_tile(block->rows, count, first + t);
    for (int64_t k = 0; k < block->depth; k++, a += block->a_stride, stage += STAGE_DEPTH) {
        const int32_t last = k + 1 == block->depth;
        for (int64_t i = begin; i < end + line - 1; i += line)
            __builtin_prefetch(a + STAGE_AHEAD * block->a_stride + least(i, end - 1));
        for (int64_t t = 0; t < tiles; t++)
            for (int64_t i = 0; i < STAGE_DEPTH; i += LANES) {
                const float *from = a + at[t] + i;
                store(stage + t * STAGE_TILE + i, last ? load_end(from, end - at[t] - i) : load(from));
            }
    }
}

/* Tile t of `tiles`, whose a the tile is then told. */
static void stage_tile(const pt__block_t *block, int64_t tiles, int64_t t, tile_t *tile)
{
    const int64_t slot = block->a_transposed ? t % GROUP : 0;
    if (!block->a_transposed)
        stage_rows(block, pt__micro_tile(block->rows, tiles, t + 1) - tile->row, tile->a);
    else if (slot == 0)
        stage_group(block, tiles, t, least(GROUP, tiles - t));
    tile->a = block->stage + slot * STAGE_TILE;
    tile->a_row = 1;
    tile->a_step = STAGE_DEPTH;
}

#endif
