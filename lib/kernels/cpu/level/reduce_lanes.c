/* Sums, sums of squares and maxima: of a row, and of many rows column by column. A level's part of pt__vector_t. */
#include "base/portability.h"
#include "kernels/cpu/level/rows.h"
#include "kernels/cpu/vector.h"

enum {
    BLOCK = 16 * LANES, /* floats are added up over so many before they join a longer sum */
    ROWS = 32           /* the same, over rows */
};

static float sum(int64_t n, const float *src)
{
    floats_t total = {0};
    int64_t i = 0;
    while (i + LANES <= n) {
        int64_t end = i + BLOCK < n ? i + BLOCK : n;
        floats_t even = {0}, odd = {0};
        for (; i + 2 * LANES <= end; i += 2 * LANES) {
            even += load(src + i);
            odd += load(src + i + LANES);
        }
        if (i + LANES <= end) {
            even += load(src + i);
            i += LANES;
        }
        total += even + odd;
        if (i + LANES > n)
            break;
    }
    if (i < n)
        total += load_part(src + i, n - i, 0.0f);
    return sum_lanes(total);
}

static double sum_of_squares(int64_t n, const float *src)
{
    doubles_t total[4] = {{0}, {0}, {0}, {0}};
    int64_t i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES)
        for (int j = 0; j < 4; j++) {
            doubles_t x = load_doubles(src + i + j * (LANES / 2));
            total[j] += x * x;
        }
    double rest = 0.0;
    for (; i < n; i++)
        rest += (double)src[i] * (double)src[i];
    return sum_double_lanes((total[0] + total[1]) + (total[2] + total[3])) + rest;
}

/* a where it is larger, or NaN while the present one is not */
INLINE ints_t replaces(floats_t a, floats_t present)
{
    return (a > present) | ((a != a) & (present == present));
}

static float max(int64_t n, const float *src, int64_t *index)
{
    floats_t best = broadcast(-INFINITY);
    ints_t place = broadcast_int(-1), number = lane_numbers();
    int64_t i = 0;
    if (n >= LANES) { /* n < 2^31: a tensor's row */
        best = load(src);
        place = number;
        for (i = LANES; i + LANES <= n; i += LANES) {
            floats_t x = load(src + i);
            ints_t better = replaces(x, best);
            best = choose(better, x, best);
            place = (better & (number + (int32_t)i)) | (~better & place);
        }
    }
    float value = n >= LANES ? best[0] : src[0];
    int64_t first = n >= LANES ? place[0] : 0;
    for (int j = n >= LANES ? 1 : LANES; j < LANES; j++) {
        float x = best[j];
        int larger = x > value || (x != x && value == value);
        int equal = (x == value || (x != x && value != value)) && place[j] < first;
        value = larger || equal ? x : value;
        first = larger || equal ? place[j] : first;
    }
    for (; i < n; i++)
        if (src[i] > value || (src[i] != src[i] && value == value)) {
            value = src[i];
            first = i;
        }
    if (index != NULL)
        *index = first;
    return value;
}

/* `count` columns of lanes at once, in registers; rows in blocks so that long sums stay accurate */
INLINE void sum_columns(int64_t rows, const float *src, int64_t stride, int32_t accumulate, float *dst, int count)
{
    floats_t total[4];
    for (int j = 0; j < count; j++)
        total[j] = accumulate ? load(dst + j * LANES) : (floats_t){0};
    for (int64_t r = 0; r < rows;) {
        int64_t end = r + ROWS < rows ? r + ROWS : rows;
        floats_t block[4] = {{0}, {0}, {0}, {0}};
        for (; r < end; r++)
            for (int j = 0; j < count; j++)
                block[j] += load(src + r * stride + j * LANES);
        for (int j = 0; j < count; j++)
            total[j] += block[j];
    }
    for (int j = 0; j < count; j++)
        store(dst + j * LANES, total[j]);
}

static void sum_rows(int64_t rows, int64_t columns, const float *src, int64_t stride, int32_t accumulate, float *dst)
{
    int64_t c = 0;
    for (; c + 4 * LANES <= columns; c += 4 * LANES)
        sum_columns(rows, src + c, stride, accumulate, dst + c, 4);
    for (; c + LANES <= columns; c += LANES)
        sum_columns(rows, src + c, stride, accumulate, dst + c, 1);
    if (c < columns) {
        floats_t total = {0};
        for (int64_t r = 0; r < rows;) {
            int64_t end = r + ROWS < rows ? r + ROWS : rows;
            floats_t block = {0};
            for (; r < end; r++)
                block += load_part(src + r * stride + c, columns - c, 0.0f);
            total += block;
        }
        if (accumulate)
            total += load_part(dst + c, columns - c, 0.0f);
        store_part(dst + c, total, columns - c);
    }
}

/* Rows that are chosen, and pieces of rows that are not next to each other, are fetched so many rows, or floats, ahead:
 * processors do not foresee them. */
enum { ROWS_AHEAD = 12, FLOATS_AHEAD = 4096 };

INLINE void sum_chosen_columns(int64_t n, const float *src, int64_t stride, const int32_t *row, int32_t accumulate,
                               float *dst, int count)
{
    floats_t total[4];
    for (int j = 0; j < count; j++)
        total[j] = accumulate ? load(dst + j * LANES) : (floats_t){0};
    for (int64_t i = 0; i < n; i++) {
        if (i + ROWS_AHEAD < n)
            for (int j = 0; j < count; j++)
                __builtin_prefetch(src + row[i + ROWS_AHEAD] * stride + j * LANES);
        for (int j = 0; j < count; j++)
            total[j] += load(src + row[i] * stride + j * LANES);
    }
    for (int j = 0; j < count; j++)
        store(dst + j * LANES, total[j]);
}

static void sum_chosen_rows(int64_t count, int64_t columns, const float *src, int64_t stride, const int32_t *row,
                            int32_t accumulate, float *dst)
{
    int64_t c = 0;
    for (; c + 4 * LANES <= columns; c += 4 * LANES)
        sum_chosen_columns(count, src + c, stride, row, accumulate, dst + c, 4);
    for (; c < columns; c += LANES) {
        floats_t total = accumulate ? load_some(dst + c, columns - c) : (floats_t){0};
        for (int64_t i = 0; i < count; i++)
            total += load_some(src + row[i] * stride + c, columns - c);
        store_some(dst + c, total, columns - c);
    }
}

static void add_to_rows(int64_t rows, int64_t columns, const float *src, int64_t src_stride, const int32_t *index,
                        float *dst, int64_t dst_stride)
{
    const int64_t line = PT__CACHE_LINE / (int64_t)sizeof(float),
                  ahead = src_stride < FLOATS_AHEAD ? FLOATS_AHEAD / src_stride : 1;
    for (int64_t r = 0; r < rows; r++) {
        const float *from = src + r * src_stride;
        float *to = dst + index[r] * dst_stride;
        int64_t c = 0;
        if (r + ahead < rows)
            for (int64_t i = 0; i < columns; i += line)
                __builtin_prefetch(from + ahead * src_stride + i, 0, 2);
        for (; c + LANES <= columns; c += LANES)
            store(to + c, load(to + c) + load(from + c));
        if (c < columns)
            store_part(to + c, load_part(to + c, columns - c, 0.0f) + load_part(from + c, columns - c, 0.0f),
                       columns - c);
    }
}

static void max_rows(int64_t rows, int64_t columns, const float *src, int64_t stride, float *dst, int32_t *index)
{
    for (int64_t c = 0; c < columns; c += LANES) {
        int64_t count = columns - c < LANES ? columns - c : LANES;
        int whole = count == LANES;
        floats_t best = whole ? load(src + c) : load_part(src + c, count, 0.0f);
        ints_t place = {0};
        for (int64_t r = 1; r < rows; r++) {
            const float *at = src + r * stride + c;
            floats_t x = whole ? load(at) : load_part(at, count, 0.0f);
            ints_t better = replaces(x, best);
            best = choose(better, x, best);
            place = (better & (int32_t)r) | (~better & place);
        }
        if (whole)
            store(dst + c, best);
        else
            store_part(dst + c, best, count);
        if (index != NULL)
            for (int64_t j = 0; j < count; j++)
                index[c + j] = place[j];
    }
}

extern const pt__vector_reduce_t PT__LEVEL(pt__vector_reduce);
const pt__vector_reduce_t PT__LEVEL(pt__vector_reduce) = {
    .sum = sum,
    .sum_of_squares = sum_of_squares,
    .max = max,
    .sum_rows = sum_rows,
    .sum_chosen_rows = sum_chosen_rows,
    .add_to_rows = add_to_rows,
    .max_rows = max_rows,
};
