/* A level's pt__micro_t (kernels/micro.h): blocks of dst, tile after tile, and panel after panel. */
#include "kernels/cpu/level/gemm_dot.h"
#include "kernels/cpu/level/gemm_narrow.h"
#include "kernels/cpu/level/gemm_pack.h"
#include "kernels/cpu/level/gemm_stage.h"
#include "kernels/cpu/level/gemm_stream.h"
#include "kernels/cpu/level/gemm_strip.h"
#include "kernels/cpu/level/gemm_tile.h"

#define TILE(rows, vectors, part)                                                                              \
    static void tile_##rows##_##vectors##_##part(const pt__block_t *block, const tile_t *tile, int64_t panels) \
    {                                                                                                          \
        multiply_tiles(rows, vectors, ANY, part, block, tile, panels);                                         \
    }
#if LANES == 16 /* masks cost little: every load of a last vector has one */
#define TILES_OF(rows) TILE(rows, 1, 1) TILE(rows, 2, 1)
#define PAIR(rows, vectors)                                      \
    {                                                            \
        tile_##rows##_##vectors##_1, tile_##rows##_##vectors##_1 \
    }
#else
#define TILES_OF(rows) TILE(rows, 1, 0) TILE(rows, 1, 1) TILE(rows, 2, 0) TILE(rows, 2, 1)
#define PAIR(rows, vectors)                                      \
    {                                                            \
        tile_##rows##_##vectors##_0, tile_##rows##_##vectors##_1 \
    }
#endif
#define ENTRIES_OF(rows)              \
    {                                 \
        PAIR(rows, 1), PAIR(rows, 2), \
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

static const tile_fn tiles_table[ROWS][VECTORS][2] = {
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
    const int32_t part = block->columns % LANES != 0 && !block->b_filled;
    pt__ahead_t a_next, none = nothing, *b_next = block->b_next ? block->b_next : &none;
    if (streams(block)) {
        multiply_streaming(block);
        return;
    }
    tile_t tile = {.a_next = &a_next, .b_next = b_next};
    if (stretches > 0)
        tile.b_pace = (b_next->rows * b_next->lines + tiles * stretches - 1) / (tiles * stretches);
    for (int64_t t = 0; t < tiles; t++) {
        int64_t row = pt__micro_tile(block->rows, tiles, t), rows = pt__micro_tile(block->rows, tiles, t + 1) - row;
        int64_t step = block->a_transposed ? 1 : block->a_stride;
        tile.row = row;
        tile.a = block->a + row * step;
        tile.a_row = step;
        tile.a_step = block->a_transposed ? block->a_stride : 1;
        a_next = t + 1 < tiles && !block->a_transposed && block->depth > STRETCH
                     ? rows_ahead(block, tile.a + rows * step, rows)
                     : nothing;
        tile.a_pace = stretches > 0 ? (a_next.rows * a_next.lines + stretches - 1) / stretches : 0;
        if (block->stage)
            stage_tile(block, tiles, t, &tile);
        tile.column = 0;
        tile.columns = COLUMNS;
        tile.b = block->b;
        tile.beyond = block->stage ? 0 : 2 * rows - 1;
        if (whole > 0) {
            tile_fn best = best_of(block, most, rows);
            (best ? best : tiles_table[rows - 1][VECTORS - 1][0])(block, &tile, whole);
        }
        if (rest > 0) {
            tile.column = whole * COLUMNS;
            tile.columns = rest;
            tile.b = block->b + whole * block->b_step;
            tiles_table[rows - 1][rest > LANES][part](block, &tile, 1);
        }
        for (int64_t p = 0; t == 0 && block->b_sum && p < panels; p++)
            sum_depths(least(COLUMNS, block->columns - p * COLUMNS), block->depth, block->b + p * block->b_step,
                       block->b_stride, block->b_sum + p * COLUMNS);
        if (block->a_sum && block->a_transposed)
            sum_depths(rows, block->depth, tile.a, tile.a_step, block->a_sum + row);
        else if (block->a_sum)
            add_rows(rows, block->depth, block->a + row * step, step, block->a_sum + row);
    }
}

#define DOT_ENTRY(dtype, part_of, elements, bytes) [dtype] = dot_##part_of,

const pt__micro_t PT__LEVEL(pt__micro) = {
    .rows = ROWS,
    .columns = COLUMNS,
    .in_place_depth = STRIP_DEPTH,
    .multiply = multiply,
    .dot = dot,
    .dot_narrow = {PT__BLOCK_FORMATS(DOT_ENTRY)},
    .dot_narrow_needs_f16c = LANES == 8,
    .pack_b = pack_b,
    .sum_depths = sum_depths,
};
