/* A level's pt__micro_t (kernels/micro.h): blocks of dst, tile after tile, and panel after panel. */
#include "kernels/cpu/level/gemm_dot.h"
#include "kernels/cpu/level/gemm_pack.h"
#include "kernels/cpu/level/gemm_strip.h"
#include "kernels/cpu/level/gemm_tile.h"

#define TILE(rows, vectors, form, part)                                                                 \
    static void tile_##rows##_##vectors##_##form##_##part(const pt__block_t *block, const tile_t *tile, \
                                                          int64_t panels)                               \
    {                                                                                                   \
        multiply_tiles(rows, vectors, form, part, block, tile, panels);                                 \
    }
#define TILES_OF_FORM(rows, part) \
    TILE(rows, 1, 0, part) TILE(rows, 1, 1, part) TILE(rows, 2, 0, part) TILE(rows, 2, 1, part)
#define ENTRY(rows, vectors, form, part) tile_##rows##_##vectors##_##form##_##part
#if LANES == 16 /* masks cost nothing: every load of a last vector has one */
#define TILES_OF(rows) TILES_OF_FORM(rows, 1)
#define PAIR(rows, vectors, form)                                    \
    {                                                                \
        ENTRY(rows, vectors, form, 1), ENTRY(rows, vectors, form, 1) \
    }
#else
#define TILES_OF(rows) TILES_OF_FORM(rows, 0) TILES_OF_FORM(rows, 1)
#define PAIR(rows, vectors, form)                                    \
    {                                                                \
        ENTRY(rows, vectors, form, 0), ENTRY(rows, vectors, form, 1) \
    }
#endif
#define ENTRIES_OF(rows)                       \
    {                                          \
        {PAIR(rows, 1, 0), PAIR(rows, 1, 1)},  \
        {                                      \
            PAIR(rows, 2, 0), PAIR(rows, 2, 1) \
        }                                      \
    }

TILES_OF(1)
TILES_OF(2)
TILES_OF(3)
TILES_OF(4)
#if ROWS > 4
TILES_OF(5)
TILES_OF(6)
#endif
#if ROWS > 6
TILES_OF(7)
TILES_OF(8)
#endif
#if ROWS > 8
TILES_OF(9)
TILES_OF(10)
#endif

static const tile_fn tiles_table[ROWS][VECTORS][2][2] = {
    ENTRIES_OF(1), ENTRIES_OF(2),  ENTRIES_OF(3), ENTRIES_OF(4),
#if ROWS > 4
    ENTRIES_OF(5), ENTRIES_OF(6),
#endif
#if ROWS > 6
    ENTRIES_OF(7), ENTRIES_OF(8),
#endif
#if ROWS > 8
    ENTRIES_OF(9), ENTRIES_OF(10),
#endif
};

/* A tile's rows of a, not transposed, to be fetched. */
static pt__ahead_t rows_ahead(const pt__block_t *block, const float *a, int64_t rows)
{
    const int64_t line = PT__CACHE_LINE / (int64_t)sizeof(float);
    return (pt__ahead_t){.row = a, .stride = block->a_stride, .rows = rows, .lines = (block->depth + line - 1) / line};
}

enum {
    STAGE_ROW = PT__MICRO_DEPTH + 16,                 /* floats from one row of a staged tile to the next */
    STAGE_DEPTH = (ROWS + LANES - 1) / LANES * LANES, /* or, transposed, from one depth to the next */
    STAGE_TILE = PT__MICRO_DEPTH * STAGE_DEPTH + 16,  /* and from tile to tile: not into the same sets of the cache */
    GROUP = PT__MICRO_STAGE / STAGE_TILE < 8 ? PT__MICRO_STAGE / STAGE_TILE : 8, /* tiles that are staged together */
    STAGE_AHEAD = 6 /* depths; addresses beyond the end are harmless */
};

/* Copies a tile's rows of a into the stage, where their lines do not push each other out of the cache. */
static void stage_rows(const pt__block_t *block, int64_t rows, const float *a)
{
    for (int64_t i = 0; i < rows; i++)
        for (int64_t k = 0; k < block->depth; k += LANES)
            store(block->stage + i * STAGE_ROW + k,
                  load_few(a + i * block->a_stride + k, least(LANES, block->depth - k)));
}

/* The first n, if there are any, then zeros. */
INLINE floats_t load_end(const float *p, int64_t n)
{
    return n > 0 ? load_few(p, least(n, LANES)) : (floats_t){0};
}

/* The same of a transposed a, for `tiles` tiles of `count` in all, from `first` on: depth by depth, as at each a tile's
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

/* dst[i] += sum over depth of src[k * stride + i]; four chains, so that additions need not wait for each other. */
static void sum_depths(int64_t n, int64_t depth, const float *src, int64_t stride, float *dst)
{
    for (int64_t i = 0; i < n; i += LANES) {
        int64_t few = least(LANES, n - i), k = 0;
        floats_t sum[4] = {{0}, {0}, {0}, {0}};
        for (; k + 4 <= depth; k += 4)
#pragma GCC unroll 4
            for (int c = 0; c < 4; c++)
                sum[c] += load_few(src + (k + c) * stride + i, few);
        for (; k < depth; k++)
            sum[0] += load_few(src + k * stride + i, few);
        store_few(dst + i, load_few(dst + i, few) + ((sum[0] + sum[1]) + (sum[2] + sum[3])), few);
    }
}

/* dst[i] += sum over depth of src[i * stride + k] */
static void add_rows(int64_t n, int64_t depth, const float *src, int64_t stride, float *dst)
{
    for (int64_t i = 0; i < n; i++) {
        floats_t sum = {0};
        for (int64_t k = 0; k < depth; k += LANES)
            sum += load_few(src + i * stride + k, least(LANES, depth - k));
        dst[i] += sum_lanes(sum);
    }
}

static void multiply(const pt__block_t *block)
{
    static const pt__ahead_t nothing;
    const int64_t most = tile_most(block), tiles = (block->rows + most - 1) / most;
    const int64_t panels = (block->columns + COLUMNS - 1) / COLUMNS;
    const int64_t whole = block->columns / COLUMNS, rest = block->columns % COLUMNS;
    const int64_t stretches = panels * ((block->depth + STRETCH - 1) / STRETCH);
    const int32_t form = block->a_transposed != 0, part = block->columns % LANES != 0 && !block->b_filled;
    pt__ahead_t a_next, none = nothing, *b_next = block->b_next ? block->b_next : &none;
    tile_t tile = {.a_next = &a_next, .b_next = b_next};
    if (stretches > 0)
        tile.b_pace = (b_next->rows * b_next->lines + tiles * stretches - 1) / (tiles * stretches);
    for (int64_t t = 0; t < tiles; t++) {
        int64_t row = pt__micro_tile(block->rows, tiles, t), rows = pt__micro_tile(block->rows, tiles, t + 1) - row;
        int64_t step = block->a_transposed ? 1 : block->a_stride;
        tile.row = row;
        tile.a = block->a + row * step;
        tile.a_stride = block->a_stride;
        a_next = t + 1 < tiles && !block->a_transposed && block->depth > STRETCH
                     ? rows_ahead(block, tile.a + rows * step, rows)
                     : nothing;
        tile.a_pace = stretches > 0 ? (a_next.rows * a_next.lines + stretches - 1) / stretches : 0;
        if (block->stage && block->a_transposed) {
            if (t % GROUP == 0)
                stage_group(block, tiles, t, least(GROUP, tiles - t));
            tile.a = block->stage + t % GROUP * STAGE_TILE;
            tile.a_stride = STAGE_DEPTH;
        } else if (block->stage) {
            stage_rows(block, rows, tile.a);
            tile.a = block->stage;
            tile.a_stride = STAGE_ROW;
        }
        tile.column = 0;
        tile.columns = COLUMNS;
        tile.b = block->b;
        tile.beyond = block->stage ? 0 : 2 * rows - 1;
        if (whole > 0) {
            tile_fn strip = strip_of(most, rows, form);
            (strip ? strip : tiles_table[rows - 1][VECTORS - 1][form][0])(block, &tile, whole);
        }
        if (rest > 0) {
            tile.column = whole * COLUMNS;
            tile.columns = rest;
            tile.b = block->b + whole * block->b_step;
            tiles_table[rows - 1][rest > LANES][form][part](block, &tile, 1);
        }
        for (int64_t p = 0; t == 0 && block->b_sum && p < panels; p++)
            sum_depths(least(COLUMNS, block->columns - p * COLUMNS), block->depth, block->b + p * block->b_step,
                       block->b_stride, block->b_sum + p * COLUMNS);
        if (block->a_sum)
            (block->a_transposed ? sum_depths : add_rows)(rows, block->depth, tile.a, tile.a_stride,
                                                          block->a_sum + row);
    }
}

const pt__micro_t PT__LEVEL(pt__micro) = {
    .rows = ROWS,
    .columns = COLUMNS,
    .stages_transposed = ROWS < 8,
    .multiply = multiply,
    .dot = dot,
    .pack_b = pack_b,
    .sum_depths = sum_depths,
};
