/* Windows over pictures reduced to a pixel each, and the gradient of that: one row of windows at a time, channels in
 * lanes. A level's part of pt__vector_t.
 *
 * A maximum is NaN where its window has one. The place that it comes from is kept as a byte, or as a word for windows
 * of more than 256 places, so that neither the source nor the result has to be kept for the gradient. */
#include "kernels/cpu/level/rows.h"
#include "kernels/cpu/vector.h"
#include "kernels/cpu/windows.h"

enum { VECTORS = 4 }; /* of channels at once, in registers */

typedef struct place { /* a window, and the source's rows that it lies in */
    pt__window_t y, x;
    int64_t row_stride, channels;
} place_t;

INLINE place_t place_of(const pt__window_pool_t *pool, int64_t row)
{
    return (place_t){.y = pt__window_at(&pool->rows, row),
                     .row_stride = pool->columns.src * pool->channels,
                     .channels = pool->channels};
}

/* Places as they are kept, of n <= LANES channels. */
typedef uint8_t bytes_t __attribute__((vector_size(LANES)));
typedef enum width { NO_PLACES = 0, BYTES = 1, WORDS = 4 } width_t; /* of a place, in bytes */

INLINE ints_t load_places(const char *from, int64_t n, width_t width)
{
    const size_t count = (size_t)(n < LANES ? n : LANES);
    ints_t words = {0};
    bytes_t bytes = {0};
    if (width == WORDS)
        memcpy(&words, from, count * sizeof(int32_t));
    else
        memcpy(&bytes, from, count);
    return width == WORDS ? words : __builtin_convertvector(bytes, ints_t);
}

INLINE void store_places(char *to, ints_t words, int64_t n, width_t width)
{
    const size_t count = (size_t)(n < LANES ? n : LANES);
    const bytes_t bytes = __builtin_convertvector(words, bytes_t);
    if (width == WORDS)
        memcpy(to, &words, count * sizeof(int32_t));
    else
        memcpy(to, &bytes, count);
}

/* `count` vectors of channels; n: of channels that are left, where it is less than a vector. */
INLINE void max_of_window(const place_t *at, const float *src, int64_t n, float *dst, char *places, int count,
                          width_t width)
{
    floats_t best[VECTORS];
    ints_t found[VECTORS], place = {0};
    for (int j = 0; j < count; j++) {
        best[j] = broadcast(-INFINITY);
        found[j] = place;
    }
    for (int64_t y = at->y.begin; y < at->y.end; y += at->y.step)
        for (int64_t x = at->x.begin; x < at->x.end; x += at->x.step, place += 1) {
            const float *from = src + y * at->row_stride + x * at->channels;
            for (int j = 0; j < count; j++) {
                floats_t value = load_some(from + j * LANES, n);
                ints_t larger = (value > best[j]) | ((value != value) & (best[j] == best[j]));
                best[j] = choose(larger, value, best[j]);
                if (width != NO_PLACES)
                    found[j] = (ints_t)choose(larger, (floats_t)place, (floats_t)found[j]);
            }
        }
    for (int j = 0; j < count; j++) {
        store_some(dst + j * LANES, best[j], n);
        if (width != NO_PLACES)
            store_places(places + j * LANES * (int)width, found[j], n, width);
    }
}

INLINE void max_of_row(const pt__window_pool_t *pool, const float *src, int64_t row, float *dst, char *places,
                       width_t width)
{
    place_t at = place_of(pool, row);
    for (int64_t i = 0; i < pool->columns.dst; i++, dst += pool->channels, places += pool->channels * (int)width) {
        int64_t c = 0;
        at.x = pt__window_at(&pool->columns, i);
        for (; c + VECTORS * LANES <= pool->channels; c += VECTORS * LANES)
            max_of_window(&at, src + c, LANES, dst + c, places + c * (int)width, VECTORS, width);
        for (; c + LANES <= pool->channels; c += LANES)
            max_of_window(&at, src + c, LANES, dst + c, places + c * (int)width, 1, width);
        if (c < pool->channels)
            max_of_window(&at, src + c, pool->channels - c, dst + c, places + c * (int)width, 1, width);
    }
}

static void max(const pt__window_pool_t *pool, const float *src, int64_t row, float *dst, void *places)
{
    if (places == NULL)
        max_of_row(pool, src, row, dst, (char *)dst, NO_PLACES); /* not written to as places */
    else if (pool->wide_places)
        max_of_row(pool, src, row, dst, places, WORDS);
    else
        max_of_row(pool, src, row, dst, places, BYTES);
}

/* A row of the window is summed before it joins the others, so that means of large pictures stay accurate. */
INLINE void mean_of_window(const place_t *at, const float *src, int64_t n, float divisor, float *dst, int count)
{
    floats_t total[VECTORS];
    for (int j = 0; j < count; j++)
        total[j] = (floats_t){0};
    for (int64_t y = at->y.begin; y < at->y.end; y += at->y.step) {
        floats_t sum[VECTORS];
        for (int j = 0; j < count; j++)
            sum[j] = (floats_t){0};
        for (int64_t x = at->x.begin; x < at->x.end; x += at->x.step) {
            const float *from = src + y * at->row_stride + x * at->channels;
            for (int j = 0; j < count; j++)
                sum[j] += load_some(from + j * LANES, n);
        }
        for (int j = 0; j < count; j++)
            total[j] += sum[j];
    }
    for (int j = 0; j < count; j++)
        store_some(dst + j * LANES, divisor > 0 ? total[j] / divisor : total[j], n);
}

static void mean(const pt__window_pool_t *pool, const float *src, int64_t row, float *dst)
{
    place_t at = place_of(pool, row);
    for (int64_t i = 0; i < pool->columns.dst; i++, dst += pool->channels) {
        int64_t c = 0;
        at.x = pt__window_at(&pool->columns, i);
        float divisor = pt__window_divisor(pool, &at.y, &at.x);
        for (; c + VECTORS * LANES <= pool->channels; c += VECTORS * LANES)
            mean_of_window(&at, src + c, LANES, divisor, dst + c, VECTORS);
        for (; c + LANES <= pool->channels; c += LANES)
            mean_of_window(&at, src + c, LANES, divisor, dst + c, 1);
        if (c < pool->channels)
            mean_of_window(&at, src + c, pool->channels - c, divisor, dst + c, 1);
    }
}

/* One vector of channels, n of them. */
INLINE void max_gradient_of_window(const place_t *at, const char *places, const float *d_dst, int64_t n, float *d_src,
                                   width_t width)
{
    const floats_t d = load_some(d_dst, n);
    const ints_t found = load_places(places, n, width);
    ints_t place = {0};
    for (int64_t y = at->y.begin; y < at->y.end; y += at->y.step)
        for (int64_t x = at->x.begin; x < at->x.end; x += at->x.step, place += 1) {
            float *to = d_src + y * at->row_stride + x * at->channels;
            store_some(to, load_some(to, n) + where(found == place, d), n);
        }
}

INLINE void max_gradient_of_row(const pt__window_pool_t *pool, const char *places, const float *d_dst, int64_t row,
                                int64_t channels, float *d_src, width_t width)
{
    place_t at = place_of(pool, row);
    for (int64_t i = 0; i < pool->columns.dst; i++, d_dst += pool->channels, places += pool->channels * (int)width) {
        int64_t c = 0;
        at.x = pt__window_at(&pool->columns, i);
        for (; c + LANES <= channels; c += LANES)
            max_gradient_of_window(&at, places + c * (int)width, d_dst + c, LANES, d_src + c, width);
        if (c < channels)
            max_gradient_of_window(&at, places + c * (int)width, d_dst + c, channels - c, d_src + c, width);
    }
}

static void max_gradient(const pt__window_pool_t *pool, const void *places, const float *d_dst, int64_t row,
                         int64_t channels, float *d_src)
{
    if (pool->wide_places)
        max_gradient_of_row(pool, places, d_dst, row, channels, d_src, WORDS);
    else
        max_gradient_of_row(pool, places, d_dst, row, channels, d_src, BYTES);
}

INLINE void mean_gradient_of_window(const place_t *at, floats_t d, int64_t n, float *d_src)
{
    for (int64_t y = at->y.begin; y < at->y.end; y += at->y.step)
        for (int64_t x = at->x.begin; x < at->x.end; x += at->x.step) {
            float *to = d_src + y * at->row_stride + x * at->channels;
            store_some(to, load_some(to, n) + d, n);
        }
}

static void mean_gradient(const pt__window_pool_t *pool, const float *d_dst, int64_t row, int64_t channels,
                          float *d_src)
{
    place_t at = place_of(pool, row);
    for (int64_t i = 0; i < pool->columns.dst; i++, d_dst += pool->channels) {
        int64_t c = 0;
        at.x = pt__window_at(&pool->columns, i);
        float divisor = pt__window_divisor(pool, &at.y, &at.x);
        for (; c + LANES <= channels; c += LANES)
            mean_gradient_of_window(&at, load(d_dst + c) / divisor, LANES, d_src + c);
        if (c < channels)
            mean_gradient_of_window(&at, load_part(d_dst + c, channels - c, 0.0f) / divisor, channels - c, d_src + c);
    }
}

extern const pt__vector_pool_t PT__LEVEL(pt__vector_pool);
const pt__vector_pool_t PT__LEVEL(pt__vector_pool) = {
    .max = max,
    .mean = mean,
    .max_gradient = max_gradient,
    .mean_gradient = mean_gradient,
};
