/* A tile of dst in registers: ROWS x VECTORS vectors of it stay there while one row of b after the other is loaded
 * and one element of a after the other is broadcast. ROWS x VECTORS fills the register file of the level but for the
 * vectors of b and the broadcast. For gemm_lanes.c, gemm_dot.h, gemm_pack.h and gemm_strip.h. */
#ifndef PT__GEMM_TILE_H
#define PT__GEMM_TILE_H

#include "base/portability.h"
#include "kernels/cpu/level/transpose_block.h"
#include "kernels/cpu/micro.h"

#if LANES == 16
#define ROWS 10
#elif LANES == 8
#define ROWS 6
#elif defined(__aarch64__)
#define ROWS 8
#else
#define ROWS 4
#endif
#define VECTORS 2
#define COLUMNS (VECTORS * LANES)

/* Forms of a tile, by how its a stands: any way; and, for whole panels, UNROLLED depths at a time, rows along the
 * depth, or side by side: staged, depth after depth, at constant displacements. With AVX-512 side by side may be in
 * place. */
enum { ANY = 0, ALONG = 1, SIDE_BY_SIDE = 2, UNROLLED = 4 };
enum { STRIP_LEAST = 4, STRIP_MOST = 8 }; /* rows of a strip, nearly equal ones of 4 or more */
/* Floats from one depth of a staged tile to the next. AVX-512: with 16 a tile would fill the first-level cache. */
enum { STAGE_DEPTH = LANES == 16 ? ROWS : (ROWS + LANES - 1) / LANES * LANES };

#if defined(__aarch64__)
#include <arm_neon.h>
#endif

/* Of a pointer or index that steps from row to row: one that moves, or compilers keep one for each row, more than
 * there are registers. */
#define MOVES(it) __asm__("" : "+r"(it))

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
    int64_t a_row, a_step; /* between rows; between depths */
    int64_t row, column, columns;
    pt__ahead_t *a_next, *b_next;
    int64_t a_pace, b_pace; /* lines each STRETCH depths */
    int64_t beyond;         /* transposed, in place: of what is read of a, to where the next tile's rows end */
} tile_t;

/* Multiplies tile after tile, `panels` of them. */
typedef void (*tile_fn)(const pt__block_t *block, const tile_t *tile, int64_t panels);

enum { STRETCH = 32 };

INLINE int64_t dst_at(const pt__block_t *block, const tile_t *tile)
{
    return block->dst_transposed ? tile->column * block->dst_stride + tile->row
                                 : tile->row * block->dst_stride + tile->column;
}

/* Sums [rows, COLUMNS], with what is added, into a dst that is transposed, a square at a time. */
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

/* The same into rows of any length. */
static __attribute__((noinline)) void finish_border(int rows, const pt__block_t *block, const tile_t *tile,
                                                    const float *sums)
{
    const int64_t at = dst_at(block, tile);
    for (int64_t i = 0; i < rows; i++, sums += COLUMNS)
        for (int64_t j = 0; j < tile->columns; j++) {
            int64_t to = at + i * block->dst_stride + j;
            block->dst[to] = block->add ? block->add[to] + sums[j] : sums[j];
        }
}

/* Where the sums cannot go from registers to dst: it is transposed, or ends within a vector at a level where masks
 * cost. */
INLINE void finish_aside(int rows, int vectors, const pt__block_t *block, const tile_t *tile,
                         floats_t sum[ROWS][VECTORS])
{
    float sums[(ROWS + LANES - 1) / LANES * LANES * COLUMNS]; /* whole squares; what lies beyond rows is not used */
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            store(sums + i * COLUMNS + v * LANES, sum[i][v]);
    (block->dst_transposed ? finish_transposed : finish_border)(rows, block, tile, sums);
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

/* dst is far: it comes while the tile is multiplied. */
INLINE void fetch_tile(int rows, int vectors, const pt__block_t *block, const tile_t *tile)
{
    const float *row = block->dst + dst_at(block, tile);
    if (block->dst_transposed) {
        for (int64_t j = 0; j < tile->columns; j++)
            fetch(row + j * block->dst_stride, 1);
        return;
    }
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++, row += block->dst_stride) {
        MOVES(row);
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            fetch(row + v * LANES, 1);
    }
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

/* Where a depth of a stands: in as few pointers as let a tile's rows be reached by the processor's forms of an
 * address. */
typedef struct depth {
    const float *row0, *row5;
    int64_t stride;
} depth_t;

INLINE const float *row_of(int form, const depth_t *a, int i)
{
    return form == SIDE_BY_SIDE ? a->row0 + i : i >= 5 ? a->row5 + (i - 5) * a->stride : a->row0 + i * a->stride;
}

INLINE void load_right(int vectors, int part, int64_t last, const float *b, floats_t right[VECTORS])
{
#pragma GCC unroll 2
    for (int v = 0; v < vectors; v++)
        right[v] = part && v == vectors - 1 ? load_few(b + v * LANES, last) : load(b + v * LANES);
}

/* a * b + c, in the form that adds in place: compilers, which choose among three, move sums about. */
INLINE floats_t fused_in_place(floats_t a, floats_t b, floats_t c)
{
#if LANES >= 8 && !defined(PT__AVX512_IN_AVX2_H)
    __asm__("vfmadd231ps %1, %2, %0" : "+v"(c) : "v"(a), "v"(b));
    return c;
#else
    return fused(a, b, c);
#endif
}

/* *a, in all lanes, times b + c. With AVX-512 the broadcast is an operand and takes no register. */
INLINE floats_t fused_from(const float *a, floats_t b, floats_t c)
{
#if LANES == 16 && !defined(PT__AVX512_IN_AVX2_H)
    __asm__("vfmadd231ps %1%{1to16%}, %2, %0" : "+v"(c) : "m"(*a), "v"(b));
    return c;
#else
    return fused_in_place(broadcast(*a), b, c);
#endif
}

/* Not strips, which need to look further ahead than there are registers (gemm_strip.h). */
INLINE int mixes(int rows, int form)
{
    return LANES == 16 && form != ANY && rows > STRIP_MOST;
}

/* A row of a tile: its number of a times b's row. With AVX-512 broadcasts that are operands save instructions and
 * registers, of which a processor has too few to look far ahead. But one for each vector makes more loads than
 * multiply-adds, of which a processor may do two of each a cycle: so in mixed tiles six rows of ten have one load.
 *
 * Model, of the peak: AVX2 100 % everywhere; AVX-512 98 % on Skylake and Golden Cove (91 to 98 % along rows; 83 % with
 * operands alone), 87 % on Zen 4 by llvm-mca, which counts each broadcast from memory as arithmetic there; measured on
 * Zen 4 with such broadcasts for all rows: 99.7 % but for stores. */
INLINE void fused_row(int mixed, int vectors, const float *a, const floats_t right[VECTORS], floats_t sum[VECTORS])
{
    if (mixed) {
        const floats_t left = broadcast(*a);
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            sum[v] = fused_in_place(left, right[v], sum[v]);
        return;
    }
#pragma GCC unroll 2
    for (int v = 0; v < vectors; v++)
        sum[v] = fused_from(a, right[v], sum[v]);
}

/* Sums begin as the bias where it lies along them: nothing is left to add in the end. `last`: columns of the last
 * vector. */
INLINE void begin_sums(int rows, int vectors, int64_t last, const float *bias, floats_t sum[ROWS][VECTORS])
{
#pragma GCC unroll 2
    for (int v = 0; v < vectors; v++) {
        floats_t first = bias ? load_few(bias + v * LANES, v == vectors - 1 ? last : LANES) : (floats_t){0};
#pragma GCC unroll 16
        for (int i = 0; i < rows; i++)
            sum[i][v] = first;
    }
}

/* One depth: a's column times b's row. */
INLINE void multiply_depth(int rows, int vectors, int form, int part, int64_t last, const depth_t *a, const float *b,
                           floats_t sum[ROWS][VECTORS])
{
    floats_t right[VECTORS];
    load_right(vectors, part, last, b, right);
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++)
        fused_row(mixes(rows, form) && i % 3, vectors, row_of(form, a, i), right, sum[i]);
}

/* What the next tile reads of a transposed a that is read in place. A staged one has no use for it, and pays nothing:
 * the model has 41 cycles for four depths on Skylake, 40 of them multiply-adds; without it, and with constant
 * displacements, in a form of its own, the same there and 44 on Golden Cove. */
INLINE void fetch_beyond(int form, const depth_t *a, const tile_t *tile)
{
    if (LANES == 16 && form == SIDE_BY_SIDE)
        __builtin_prefetch(a->row0 + tile->beyond, 0, 2);
}

/* `stretch` depths, from *a and *b on. */
INLINE void multiply_stretch(int rows, int vectors, int form, int part, int64_t last, const tile_t *tile,
                             int64_t stretch, depth_t *a, const float **b, int64_t b_stride,
                             floats_t sum[ROWS][VECTORS])
{
    int64_t k = 0;
    const int64_t step = form == ALONG ? 1 : form == SIDE_BY_SIDE && LANES < 16 ? STAGE_DEPTH : tile->a_step;
    for (; form && k + UNROLLED <= stretch; k += UNROLLED) {
        depth_t at = *a;
#pragma GCC unroll 4
        for (int d = 0; d < UNROLLED; d++, *b += b_stride, at.row0 += step, at.row5 += step) {
            multiply_depth(rows, vectors, form, part, last, &at, *b, sum);
            fetch_beyond(form, &at, tile);
            __asm__ volatile("" ::: "memory"); /* or compilers load ahead, into registers that there are not */
        }
        a->row0 += UNROLLED * step;
        a->row5 += UNROLLED * step;
    }
    for (; k < stretch; k++) {
        multiply_depth(rows, vectors, form, part, last, a, *b, sum);
        fetch_beyond(form, a, tile);
        *b += b_stride;
        a->row0 += step;
        a->row5 += step;
    }
}

/* The last depth: each row goes to dst as soon as it is done, while the next is multiplied. All stores at once would
 * fill the processor's queue, and the next tile's products would wait behind them. */
INLINE void finish_depth(int rows, int vectors, int form, int part, const pt__block_t *block, const tile_t *tile,
                         const depth_t *a, const float *b, floats_t sum[ROWS][VECTORS])
{
    const int64_t last = tile->columns - (vectors - 1) * LANES, at = dst_at(block, tile);
    const float *add = block->add ? block->add + at : NULL;
    float *dst = block->dst + at;
    int64_t to = 0;
    floats_t right[VECTORS];
    load_right(vectors, part, last, b, right);
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++, to += block->dst_stride) {
        fused_row(mixes(rows, form) && i % 3, vectors, row_of(form, a, i), right, sum[i]);
        MOVES(to);
        __asm__("" : "+r"(add)); /* asked for each row, or compilers make two of everything */
        if (add)
#pragma GCC unroll 2
            for (int v = 0; v < vectors; v++)
                sum[i][v] += load_few(add + to + v * LANES, v < vectors - 1 || LANES < 16 ? LANES : last);
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            store_few(dst + to + v * LANES, sum[i][v], v < vectors - 1 || LANES < 16 ? LANES : last);
    }
}

/* One tile, for constants rows, vectors, form, and part: whether b ends within its last vector. */
INLINE void multiply_panel(int rows, int vectors, int form, int part, const pt__block_t *block, const tile_t *tile)
{
    const int64_t last = tile->columns - (vectors - 1) * LANES, b_stride = block->b_stride, depth = block->depth;
    const int aside = block->dst_transposed || depth == 0 || (LANES < 16 && (part || last < LANES));
    const float *b = tile->b, *bias = block->bias && !block->dst_transposed ? block->bias + tile->column : NULL;
    floats_t sum[ROWS][VECTORS];
    begin_sums(rows, vectors, last, bias, sum);
    if (depth > STRETCH) {
        fetch_tile(rows, vectors, block, tile);
        if (block->beside)
            fetch_beside(rows, block, tile);
    }
    depth_t a = {tile->a, tile->a + 5 * tile->a_row, tile->a_row};
    const int64_t end = aside ? depth : depth - 1;
    const int64_t most = tile->a_next->rows > 0 || tile->b_next->rows > 0 ? STRETCH : end;
    for (int64_t begin = 0; begin < end; begin += most) {
        const int64_t stretch = least(most, end - begin);
        if (tile->a_next->rows > 0)
            fetch_ahead(tile->a_next, tile->a_pace);
        if (tile->b_next->rows > 0)
            fetch_ahead(tile->b_next, tile->b_pace);
        multiply_stretch(rows, vectors, form, part, last, tile, stretch, &a, &b, b_stride, sum);
    }
    if (aside)
        finish_aside(rows, vectors, block, tile, sum);
    else
        finish_depth(rows, vectors, form, part, block, tile, &a, b, sum);
}

/* Tile after tile of the same rows, of `panels` panels. */
INLINE void multiply_tiles(int rows, int vectors, int form, int part, const pt__block_t *block, const tile_t *first,
                           int64_t panels)
{
    tile_t tile = *first;
    for (int64_t p = 0; p < panels; p++, tile.column += COLUMNS, tile.b += block->b_step, tile.beyond = 0)
        multiply_panel(rows, vectors, form, part, block, &tile);
}

#endif
