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

/* Rows of sums, scaled and with what is added, to dst. */
INLINE void finish_rows(int rows, int vectors, const pt__panel_t *panel, const float *add, float *dst, int64_t last,
                        floats_t sum[ROWS][VECTORS])
{
    const floats_t scale = broadcast(panel->scale);
    const int64_t stride = panel->dst_stride;
    floats_t bias[VECTORS];
#pragma GCC unroll 2
    for (int v = 0; v < vectors; v++)
        bias[v] = !panel->bias ? (floats_t){0} : load_few(panel->bias + v * LANES, v == vectors - 1 ? last : LANES);
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++) {
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++) {
            int64_t at = i * stride + v * LANES;
            floats_t value = fused(sum[i][v], scale, bias[v]);
            if (v < vectors - 1) {
                store(dst + at, add ? value + load(add + at) : value);
            } else {
                store_few(dst + at, add ? value + load_few(add + at, last) : value, last);
            }
        }
    }
}

INLINE void finish_tile(int rows, int vectors, const pt__panel_t *panel, int64_t row, floats_t sum[ROWS][VECTORS])
{
    const int64_t last = panel->columns - (vectors - 1) * LANES;
    float *dst = panel->dst + row * panel->dst_stride;
    if (LANES < 16 && last < LANES) { /* a border without masks: through memory */
        floats_t rest[ROWS][VECTORS];
        memcpy(rest, sum, sizeof rest);
#pragma GCC unroll 1
        for (int i = 0; i < rows; i++, dst += panel->dst_stride)
            finish_rows(1, vectors, panel, panel->add ? panel->add + (dst - panel->dst) : NULL, dst, last, rest + i);
    } else if (panel->add) {
        finish_rows(rows, vectors, panel, panel->add + row * panel->dst_stride, dst, LANES < 16 ? LANES : last, sum);
    } else {
        finish_rows(rows, vectors, panel, NULL, dst, LANES < 16 ? LANES : last, sum);
    }
}

INLINE void fetch_ahead(pt__ahead_t *ahead)
{
    for (int64_t i = ahead->rows > 0 ? ahead->pace : 0; i > 0; i--) {
        __builtin_prefetch(ahead->row + ahead->line * (PT__CACHE_LINE / (int64_t)sizeof(float)), 0, 2);
        if (++ahead->line < ahead->lines)
            continue;
        ahead->line = 0;
        ahead->row += ahead->stride;
        if (--ahead->rows <= 0)
            return;
    }
}

/* One tile, for constants rows, vectors, form and part: whether b ends within its last vector. last = columns in the
 * last vector. */
INLINE void multiply_tile(int rows, int vectors, pt__a_form_t form, int part, const pt__panel_t *panel, const float *a,
                          int64_t stride, int64_t row)
{
    const int64_t last = panel->columns - (vectors - 1) * LANES, b_stride = panel->b_stride, depth = panel->depth;
    const float *b = panel->b;
    floats_t sum[ROWS][VECTORS];
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            sum[i][v] = (floats_t){0};
    const float *border = panel->dst + row * panel->dst_stride; /* dst is far: it comes while the tile is multiplied */
#pragma GCC unroll 16
    for (int i = 0; i < rows && depth > PT__MICRO_STRETCH; i++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            __builtin_prefetch(border + i * panel->dst_stride + v * LANES, 1);
    const float *a5 = a + 5 * stride, *a10 = a + 10 * stride; /* few enough pointers to stay in registers */
    for (int64_t begin = 0; begin < depth; begin += PT__MICRO_STRETCH) {
        const int64_t stretch = least(PT__MICRO_STRETCH, depth - begin);
        fetch_ahead(panel->ahead);
        for (int64_t k = 0; k < stretch; k++) {
            floats_t right[VECTORS];
#pragma GCC unroll 2
            for (int v = 0; v < vectors; v++)
                right[v] = part && v == vectors - 1 ? load_few(b + v * LANES, last) : load(b + v * LANES);
#pragma GCC unroll 16
            for (int i = 0; i < rows; i++) {
                const float *from = form != PT__A_ROWS ? a + i
                                    : i >= 10          ? a10 + (i - 10) * stride
                                    : i >= 5           ? a5 + (i - 5) * stride
                                                       : a + i * stride;
                floats_t left = broadcast(*from);
#pragma GCC unroll 2
                for (int v = 0; v < vectors; v++)
                    sum[i][v] = fused(left, right[v], sum[i][v]);
            }
            b += b_stride;
            a += form == PT__A_ROWS ? 1 : stride;
            a5++;
            a10++;
        }
    }
    finish_tile(rows, vectors, panel, row, sum);
}

typedef void (*tile_fn)(const pt__panel_t *panel, const float *a, int64_t stride, int64_t row);

#define TILE(rows, vectors, form, part)                                                                             \
    static void tile_##rows##_##vectors##_##form##_##part(const pt__panel_t *panel, const float *a, int64_t stride, \
                                                          int64_t row)                                              \
    {                                                                                                               \
        multiply_tile(rows, vectors, form ? PT__A_DEPTHS : PT__A_ROWS, part, panel, a, stride, row);                \
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

static void multiply(const pt__panel_t *panel)
{
    int64_t tiles = (panel->rows + ROWS - 1) / ROWS, vectors = (panel->columns + LANES - 1) / LANES;
    int part = panel->columns % LANES != 0 && !panel->b_filled;
    for (int64_t t = 0; t < tiles; t++) {
        int64_t row = pt__micro_tile(panel->rows, tiles, t), rows = pt__micro_tile(panel->rows, tiles, t + 1) - row;
        const float *a = panel->a;
        int64_t stride = panel->a_stride;
        if (panel->a_form == PT__A_ROWS) {
            a += row * stride;
        } else if (panel->a_form == PT__A_DEPTHS) {
            a += row;
        } else {
            a += row * panel->depth;
            stride = rows;
        }
        tiles_table[rows - 1][vectors - 1][panel->a_form != PT__A_ROWS][part](panel, a, stride, row);
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

/* LANES sums at a time, `high` x `wide` of them; rows and columns beyond the last are the last one again, not stored. */
INLINE void dot_block(int high, int wide, const pt__panel_t *panel, int64_t row, int64_t column)
{
    const float *a[LANES], *b[LANES];
    floats_t sum[LANES];
    int64_t depth = panel->depth, rest = depth % LANES, k = 0;
    int64_t rows = panel->rows - row < high ? panel->rows - row : high;
    int64_t columns = panel->columns - column < wide ? panel->columns - column : wide;
#pragma GCC unroll 16
    for (int i = 0; i < high; i++)
        a[i] = panel->a + (row + (i < rows ? i : rows - 1)) * panel->a_stride;
#pragma GCC unroll 16
    for (int j = 0; j < wide; j++)
        b[j] = panel->b + (column + (j < columns ? j : columns - 1)) * panel->b_stride;
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
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < columns; j++) {
            int64_t at = (row + i) * panel->dst_stride + column + j;
            float value = sums[i * wide + j] * panel->scale;
            value += panel->bias ? panel->bias[column + j] : 0.0f;
            panel->dst[at] = panel->add ? panel->add[at] + value : value;
        }
    }
}

static void dot_tall(const pt__panel_t *panel, int64_t row, int64_t column)
{
    dot_block(LANES, 1, panel, row, column);
}

static void dot_wide(const pt__panel_t *panel, int64_t row, int64_t column)
{
    dot_block(1, LANES, panel, row, column);
}

static void dot_square(const pt__panel_t *panel, int64_t row, int64_t column)
{
    dot_block(LANES > 4 ? 4 : 2, LANES > 4 ? LANES / 4 : 2, panel, row, column);
}

static void dot(const pt__panel_t *panel)
{
    int64_t high = LANES > 4 ? 4 : 2, wide = LANES / high;
    void (*block)(const pt__panel_t *, int64_t, int64_t) = dot_square;
    if (panel->columns == 1) {
        high = LANES;
        wide = 1;
        block = dot_tall;
    } else if (panel->rows == 1) {
        high = 1;
        wide = LANES;
        block = dot_wide;
    }
    for (int64_t column = 0; column < panel->columns; column += wide)
        for (int64_t row = 0; row < panel->rows; row += high)
            block(panel, row, column);
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

static void pack_a(int64_t rows, int64_t depth, const float *a, int64_t a_stride, pt__a_form_t form, float *dst)
{
    int64_t tiles = (rows + ROWS - 1) / ROWS;
    for (int64_t t = 0; form == PT__A_ROWS && t < tiles; t++) {
        int64_t row = pt__micro_tile(rows, tiles, t), height = pt__micro_tile(rows, tiles, t + 1) - row;
        pack_transposed(height, height, depth, a + row * a_stride, a_stride, dst + row * depth, height);
    }
    for (int64_t k = 0; form == PT__A_DEPTHS && k < depth; k++) { /* memory is read in its own order */
        int64_t row = 0, taller = rows % tiles, height = rows / tiles + (taller > 0);
        for (int64_t t = 0; t < tiles; t++, row += height) {
            height = rows / tiles + (t < taller);
            float *to = dst + row * depth + k * height;
            prefetch_row(a + (k + AHEAD) * a_stride + row, height);
            for (int64_t i = 0; i < height; i += LANES)
                store_few(to + i, load_few(a + k * a_stride + row + i, least(height - i, LANES)),
                          least(height - i, LANES));
        }
    }
}

static void pack_b(int64_t columns, int64_t depth, const float *b, int64_t b_stride, int32_t transposed, float *dst)
{
    if (transposed) {
        pack_transposed(columns, (columns + LANES - 1) / LANES * LANES, depth, b, b_stride, dst, COLUMNS);
        return;
    }
    for (int64_t k = 0; k < depth; k++) {
        const float *from = b + k * b_stride;
        float *to = dst + k * COLUMNS;
        prefetch_row(from + AHEAD * b_stride, columns);
        if (columns == COLUMNS) {
#pragma GCC unroll 2
            for (int v = 0; v < VECTORS; v++)
                store(to + v * LANES, load(from + v * LANES));
        } else {
            for (int64_t j = 0; j < columns; j += LANES)
                store(to + j, load_few(from + j, least(columns - j, LANES)));
        }
    }
}

const pt__micro_t PT__LEVEL(pt__micro) = {
    .rows = ROWS,
    .columns = COLUMNS,
    .multiply = multiply,
    .dot = dot,
    .pack_a = pack_a,
    .pack_b = pack_b,
};
