/* Matrix products in registers and the packing that feeds them: a level's pt__micro_t (kernels/micro.h).
 *
 * A tile of ROWS x VECTORS vectors of dst stays in registers while one row of b after the other is loaded and one element
 * of a after the other is broadcast. ROWS x VECTORS fills the register file of the level but for the vectors of b and
 * the broadcast. */
#include "base/portability.h"
#include "kernels/level/transpose_block.h"
#include "kernels/micro.h"

#if LANES == 16
#define ROWS 14
#elif LANES == 8
#define ROWS 6
#elif defined(__aarch64__)
#define ROWS 8
#else
#define ROWS 4
#endif
#define VECTORS 2
#define COLUMNS (VECTORS * LANES)

#if defined(__aarch64__)
#include <arm_neon.h>
#endif

/* a * b + c, rounded once where the level can */
INLINE floats_t fused(floats_t a, floats_t b, floats_t c)
{
#if LANES == 16
    return (floats_t)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif LANES == 8
    return (floats_t)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(__aarch64__)
    return (floats_t)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
    return a * b + c;
#endif
}

/* The first n <= LANES, then zeros; only AVX-512 has masks that cost nothing where n is LANES. */
INLINE floats_t load_few(const float *p, int64_t n)
{
    return LANES < 16 && n == LANES ? load(p) : load_part(p, n, 0.0f);
}

INLINE int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

INLINE void store_few(float *p, floats_t v, int64_t n)
{
    if (LANES < 16 && n == LANES)
        store(p, v);
    else
        store_part(p, v, n);
}

/* One tile of a block: where its operands begin, and what is fetched while it is multiplied. */
typedef struct tile {
    const float *a, *b;
    int64_t a_stride; /* between rows, or between depths */
    int64_t row, column, columns;
    pt__ahead_t *a_next, *b_next;
    int64_t a_pace, b_pace; /* lines each STRETCH depths */
    int64_t beyond;         /* transposed: of what is read of a, to where the next tile's rows end */
} tile_t;

enum { STRETCH = 32 };

INLINE int64_t dst_at(const pt__block_t *block, const tile_t *tile)
{
    return block->dst_transposed ? tile->column * block->dst_stride + tile->row
                                 : tile->row * block->dst_stride + tile->column;
}

/* Rows of sums, with what is added, to dst. */
INLINE void finish_rows(int rows, int vectors, const pt__block_t *block, const float *bias, const float *add,
                        float *dst, int64_t last, floats_t sum[ROWS][VECTORS])
{
    const int64_t stride = block->dst_stride;
    floats_t biases[VECTORS];
#pragma GCC unroll 2
    for (int v = 0; v < vectors; v++)
        biases[v] = !bias ? (floats_t){0} : load_few(bias + v * LANES, v == vectors - 1 ? last : LANES);
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++) {
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++) {
            int64_t at = i * stride + v * LANES;
            floats_t value = sum[i][v] + biases[v];
            if (v < vectors - 1) {
                store(dst + at, add ? value + load(add + at) : value);
            } else {
                store_few(dst + at, add ? value + load_few(add + at, last) : value, last);
            }
        }
    }
}

/* The same into a dst that is transposed: sums [rows, COLUMNS] come from memory, a square at a time. */
static __attribute__((noinline)) void finish_transposed(int rows, const pt__block_t *block, const tile_t *tile,
                                                        const float *sums)
{
    const int64_t at = dst_at(block, tile), stride = block->dst_stride;
    for (int64_t i = 0; i < rows; i += LANES) {
        int64_t high = least(LANES, rows - i);
        floats_t bias = block->bias ? load_few(block->bias + tile->row + i, high) : (floats_t){0};
        for (int64_t j = 0; j < tile->columns; j += LANES) {
            float square[LANES * LANES];
            int64_t wide = least(LANES, tile->columns - j);
            transpose_block(sums + i * COLUMNS + j, COLUMNS, square, LANES);
            for (int64_t c = 0; c < wide; c++) {
                int64_t to = at + (j + c) * stride + i;
                floats_t value = load(square + c * LANES) + bias;
                if (block->add)
                    value += load_few(block->add + to, high);
                store_few(block->dst + to, value, high);
            }
        }
    }
}

INLINE void finish_tile(int rows, int vectors, const pt__block_t *block, const tile_t *tile,
                        floats_t sum[ROWS][VECTORS])
{
    const int64_t last = tile->columns - (vectors - 1) * LANES, at = dst_at(block, tile);
    const float *add = block->add ? block->add + at : NULL, *bias = block->bias ? block->bias + tile->column : NULL;
    float *dst = block->dst + at;
    if (block->dst_transposed) {
        float sums[(ROWS + LANES - 1) / LANES * LANES * COLUMNS]; /* whole squares; what lies beyond rows is not used */
#pragma GCC unroll 16
        for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
            for (int v = 0; v < vectors; v++)
                store(sums + i * COLUMNS + v * LANES, sum[i][v]);
        finish_transposed(rows, block, tile, sums);
    } else if (LANES < 16 && last < LANES) { /* a border without masks: through memory */
        floats_t rest[ROWS][VECTORS];
        memcpy(rest, sum, sizeof rest);
#pragma GCC unroll 1
        for (int i = 0; i < rows; i++)
            finish_rows(1, vectors, block, bias, add ? add + i * block->dst_stride : NULL, dst + i * block->dst_stride,
                        last, rest + i);
    } else if (add) {
        finish_rows(rows, vectors, block, bias, add, dst, LANES < 16 ? LANES : last, sum);
    } else {
        finish_rows(rows, vectors, block, bias, NULL, dst, LANES < 16 ? LANES : last, sum);
    }
}

static __attribute__((noinline)) void fetch_ahead(pt__ahead_t *ahead, int64_t pace)
{
    const int64_t line = PT__CACHE_LINE / (int64_t)sizeof(float), lines = ahead->lines;
    int64_t at = ahead->line, rows = ahead->rows;
    const float *row = ahead->row;
    for (; rows > 0 && pace > 0; pace -= lines - at, at = 0, rows--, row += ahead->stride) {
        int64_t end = least(lines, at + pace);
        for (int64_t i = at; i < end; i++)
            __builtin_prefetch(row + i * line, 0, 2);
        if (end < lines) {
            at = end;
            break;
        }
    }
    *ahead = (pt__ahead_t){.row = row, .stride = ahead->stride, .rows = rows, .lines = lines, .line = at};
}

/* What is like dst is far: it comes while the tile is multiplied. */
INLINE void fetch_tile(int rows, int vectors, int write, const pt__block_t *block, const tile_t *tile,
                       const float *like)
{
    like += dst_at(block, tile);
    if (block->dst_transposed) {
        for (int64_t j = 0; j < tile->columns; j++)
            __builtin_prefetch(like + j * block->dst_stride, write);
        return;
    }
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            __builtin_prefetch(like + i * block->dst_stride + v * LANES, write);
}

static __attribute__((noinline)) void fetch_beside(int64_t rows, const pt__block_t *block, const tile_t *tile)
{
    const int64_t high = block->dst_transposed ? tile->columns : rows;
    const int64_t wide = block->dst_transposed ? rows : tile->columns;
    const float *row = block->beside + dst_at(block, tile);
    __asm__ volatile(""); /* a function that only fetches does nothing, and its calls would be left out */
    for (int64_t i = 0; i < high; i++, row += block->dst_stride)
        for (int64_t j = 0; j < wide; j += LANES)
            __builtin_prefetch(row + j, 0, 2);
}

/* One tile, for constants rows, vectors, transposed, and part: whether b ends within its last vector. */
INLINE void multiply_tile(int rows, int vectors, int transposed, int part, const pt__block_t *block, const tile_t *tile)
{
    const int64_t last = tile->columns - (vectors - 1) * LANES, b_stride = block->b_stride, depth = block->depth;
    const int64_t stride = tile->a_stride;
    const float *a = tile->a, *b = tile->b;
    floats_t sum[ROWS][VECTORS];
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            sum[i][v] = (floats_t){0};
    if (depth > STRETCH) {
        fetch_tile(rows, vectors, 1, block, tile, block->dst);
        if (block->beside)
            fetch_beside(rows, block, tile);
    }
    const float *a5 = a + 5 * stride, *a10 = a + 10 * stride; /* few enough pointers to stay in registers */
    for (int64_t begin = 0; begin < depth; begin += STRETCH) {
        const int64_t stretch = least(STRETCH, depth - begin);
        if (tile->a_next->rows > 0)
            fetch_ahead(tile->a_next, tile->a_pace);
        if (tile->b_next->rows > 0)
            fetch_ahead(tile->b_next, tile->b_pace);
        for (int64_t k = 0; k < stretch; k++) {
            floats_t right[VECTORS];
#pragma GCC unroll 2
            for (int v = 0; v < vectors; v++)
                right[v] = part && v == vectors - 1 ? load_few(b + v * LANES, last) : load(b + v * LANES);
#pragma GCC unroll 16
            for (int i = 0; i < rows; i++) {
                const float *from = transposed ? a + i
                                    : i >= 10  ? a10 + (i - 10) * stride
                                    : i >= 5   ? a5 + (i - 5) * stride
                                               : a + i * stride;
                floats_t left = broadcast(*from);
#pragma GCC unroll 2
                for (int v = 0; v < vectors; v++)
                    sum[i][v] = fused(left, right[v], sum[i][v]);
            }
            if (transposed)
                __builtin_prefetch(a + tile->beyond, 0, 2);
            b += b_stride;
            a += transposed ? stride : 1;
            a5++;
            a10++;
        }
    }
    finish_tile(rows, vectors, block, tile, sum);
}

typedef void (*tile_fn)(const pt__block_t *block, const tile_t *tile);

#define TILE(rows, vectors, form, part)                                                                 \
    static void tile_##rows##_##vectors##_##form##_##part(const pt__block_t *block, const tile_t *tile) \
    {                                                                                                   \
        multiply_tile(rows, vectors, form, part, block, tile);                                          \
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
TILES_OF(11)
TILES_OF(12)
TILES_OF(13)
TILES_OF(14)
#endif

static const tile_fn tiles_table[ROWS][VECTORS][2][2] = {
    ENTRIES_OF(1), ENTRIES_OF(2),  ENTRIES_OF(3),  ENTRIES_OF(4),
#if ROWS > 4
    ENTRIES_OF(5), ENTRIES_OF(6),
#endif
#if ROWS > 6
    ENTRIES_OF(7), ENTRIES_OF(8),
#endif
#if ROWS > 8
    ENTRIES_OF(9), ENTRIES_OF(10), ENTRIES_OF(11), ENTRIES_OF(12), ENTRIES_OF(13), ENTRIES_OF(14),
#endif
};

/* A tile's rows of a, not transposed, to be fetched. */
static pt__ahead_t rows_ahead(const pt__block_t *block, const float *a, int64_t rows)
{
    const int64_t line = PT__CACHE_LINE / (int64_t)sizeof(float);
    return (pt__ahead_t){.row = a, .stride = block->a_stride, .rows = rows, .lines = (block->depth + line - 1) / line};
}

enum { STAGE_ROW = PT__MICRO_DEPTH + 16, STAGE_DEPTH = (ROWS + LANES - 1) / LANES * LANES };

/* Copies the tile's a into the stage, where its lines do not push each other out of the cache and lie on few pages. */
static void stage_tile(const pt__block_t *block, int64_t rows, tile_t *tile)
{
    float *stage = block->stage;
    if (block->a_transposed) {
        for (int64_t k = 0; k < block->depth; k++)
            for (int64_t i = 0; i < rows; i += LANES)
                store(stage + k * STAGE_DEPTH + i, load_few(tile->a + k * tile->a_stride + i, least(LANES, rows - i)));
        tile->a_stride = STAGE_DEPTH;
    } else {
        for (int64_t i = 0; i < rows; i++)
            for (int64_t k = 0; k < block->depth; k += LANES)
                store(stage + i * STAGE_ROW + k,
                      load_few(tile->a + i * tile->a_stride + k, least(LANES, block->depth - k)));
        tile->a_stride = STAGE_ROW;
    }
    tile->a = stage;
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
    const int64_t tiles = (block->rows + ROWS - 1) / ROWS, panels = (block->columns + COLUMNS - 1) / COLUMNS;
    const int64_t stretches = panels * ((block->depth + STRETCH - 1) / STRETCH);
    const int32_t part = block->columns % LANES != 0 && !block->b_filled;
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
        a_next = t + 1 < tiles && !block->a_transposed ? rows_ahead(block, tile.a + rows * step, rows) : nothing;
        tile.a_pace = stretches > 0 ? (a_next.rows * a_next.lines + stretches - 1) / stretches : 0;
        if (block->stage)
            stage_tile(block, rows, &tile);
        for (int64_t p = 0; p < panels; p++) {
            tile.column = p * COLUMNS;
            tile.columns = least(COLUMNS, block->columns - tile.column);
            tile.b = block->b + p * block->b_step;
            tile.beyond = p == 0 ? 2 * rows - 1 : 0;
            tiles_table[rows - 1][tile.columns > LANES][block->a_transposed != 0][part && p == panels - 1](block,
                                                                                                           &tile);
            if (t == 0 && block->b_sum)
                sum_depths(tile.columns, block->depth, tile.b, block->b_stride, block->b_sum + tile.column);
        }
        if (block->a_sum)
            (block->a_transposed ? sum_depths : add_rows)(rows, block->depth, tile.a, tile.a_stride,
                                                          block->a_sum + row);
    }
}

/* ---- sums along the depth */

/* Adds up the lanes of each of LANES vectors: lane i of the result is the sum of v[i]'s. */
INLINE floats_t sum_each(floats_t v[LANES])
{
#pragma GCC unroll 4
    for (int half = LANES / 2; half > 0; half /= 2)
#pragma GCC unroll 8
        for (int i = 0; i < half; i++)
            v[i] = interleave_low(v[i], v[i + half]) + interleave_high(v[i], v[i + half]);
    return v[0];
}

INLINE void put_sums(int rows, int columns, int wide, const pt__block_t *block, int64_t row, int64_t column,
                     const float *sums)
{
    const float *bias = block->bias ? block->bias + column : NULL;
    for (int i = 0; i < rows; i++) {
        int64_t at = (row + i) * block->dst_stride + column;
        for (int j = 0; j < columns; j++) {
            float value = sums[i * wide + j] + (bias ? bias[j] : 0.0f);
            block->dst[at + j] = block->add ? block->add[at + j] + value : value;
        }
    }
}

/* LANES sums at a time, `high` x `wide` of them; rows and columns beyond the last are the last one again, not stored. */
INLINE void dot_block(int high, int wide, const pt__block_t *block, int64_t row, int64_t column)
{
    const float *a[LANES], *b[LANES];
    floats_t sum[LANES];
    int64_t depth = block->depth, rest = depth % LANES, k = 0;
    int64_t rows = block->rows - row < high ? block->rows - row : high;
    int64_t columns = block->columns - column < wide ? block->columns - column : wide;
#pragma GCC unroll 16
    for (int i = 0; i < high; i++)
        a[i] = block->a + (row + (i < rows ? i : rows - 1)) * block->a_stride;
#pragma GCC unroll 16
    for (int j = 0; j < wide; j++)
        b[j] = block->b + (column + (j < columns ? j : columns - 1)) * block->b_stride;
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++)
        sum[i] = (floats_t){0};
    for (; k + LANES <= depth; k += LANES) {
#pragma GCC unroll 16
        for (int i = 0; i < high; i++)
#pragma GCC unroll 16
            for (int j = 0; j < wide; j++)
                sum[i * wide + j] = fused(load(a[i] + k), load(b[j] + k), sum[i * wide + j]);
    }
    if (rest) {
#pragma GCC unroll 16
        for (int i = 0; i < high; i++)
#pragma GCC unroll 16
            for (int j = 0; j < wide; j++)
                sum[i * wide + j] = fused(load_part(a[i] + k, rest, 0.0f), load_part(b[j] + k, rest, 0.0f),
                                          sum[i * wide + j]);
    }
    float sums[LANES];
    store(sums, sum_each(sum));
    if (rows == high && columns == wide) /* constants, so that no loop is left */
        put_sums(high, wide, wide, block, row, column, sums);
    else
        put_sums((int)rows, (int)columns, wide, block, row, column, sums);
}

enum { HIGH = LANES > 4 ? 4 : 2, WIDE = LANES / HIGH };

static void dot_tall(const pt__block_t *block, int64_t row, int64_t column)
{
    dot_block(LANES, 1, block, row, column);
}

static void dot_wide(const pt__block_t *block, int64_t row, int64_t column)
{
    dot_block(1, LANES, block, row, column);
}

static void dot_square(const pt__block_t *block, int64_t row, int64_t column)
{
    dot_block(HIGH, WIDE, block, row, column);
}

static void dot_narrow(const pt__block_t *block, int64_t row, int64_t column)
{
    dot_block(2 * HIGH, WIDE / 2, block, row, column);
}

static void dot(const pt__block_t *block)
{
    int64_t column = 0;
    for (; block->rows == 1 && column < block->columns; column += LANES)
        dot_wide(block, 0, column);
    for (; block->columns - column > WIDE / 2; column += WIDE)
        for (int64_t row = 0; row < block->rows; row += HIGH)
            dot_square(block, row, column);
    for (; WIDE / 2 > 1 && block->columns - column > 1; column += WIDE / 2)
        for (int64_t row = 0; row < block->rows; row += 2 * HIGH)
            dot_narrow(block, row, column);
    for (int64_t row = 0; column < block->columns && row < block->rows; row += LANES)
        dot_tall(block, row, column);
}

/* ---- packing
 *
 * Rows lie far apart, often each on a page of its own, where no processor looks ahead by itself. */

enum { AHEAD = 12 }; /* rows; addresses beyond the end are harmless */

INLINE void prefetch_row(const float *row, int64_t floats)
{
    for (int64_t i = 0; i < floats; i += PT__CACHE_LINE / (int64_t)sizeof(float))
        __builtin_prefetch(row + i);
}

/* dst[k * dst_stride + i] = src[i * stride + k] for `rows` rows; up to `filled`, zero. Squares are transposed in registers; where
 * fewer rows than lanes are left, aside. */
INLINE void pack_transposed(int64_t rows, int64_t filled, int64_t depth, const float *src, int64_t stride, float *dst,
                            int64_t dst_stride)
{
    for (int64_t i = 0; i < filled; i += LANES) {
        int64_t height = least(LANES, filled - i), k = 0;
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
                store_few(dst + (k + j) * dst_stride + i, load(square + j * LANES), height);
        }
        for (; k < depth; k++)
            for (int64_t j = i; j < i + height; j++)
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

const pt__micro_t PT__LEVEL(pt__micro) = {
    .rows = ROWS,
    .columns = COLUMNS,
    .multiply = multiply,
    .dot = dot,
    .pack_b = pack_b,
    .sum_depths = sum_depths,
};
