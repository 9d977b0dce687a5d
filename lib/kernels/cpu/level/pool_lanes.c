/* Windows over pictures reduced to a pixel each, and the gradient of that: one row of windows at a time, channels in
 * lanes. A level's part of pt__vector_t.
 *
 * A maximum is NaN where its window has one. Its gradient goes to the first place that equals it, found by comparing,
 * so that no index has to be kept: the source and the result are what neighbouring ops keep anyway. */
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

/* a where it is larger, or NaN */
INLINE floats_t larger(floats_t a, floats_t present)
{
    return choose((a > present) | (a != a), a, present);
}

/* `count` vectors of channels; n: of channels that are left, where it is less than a vector. */
INLINE void max_of_window(const place_t *at, const float *src, int64_t n, float *dst, int count)
{
    floats_t best[VECTORS];
    for (int j = 0; j < count; j++)
        best[j] = broadcast(-INFINITY);
    for (int64_t y = at->y.begin; y < at->y.end; y += at->y.step)
        for (int64_t x = at->x.begin; x < at->x.end; x += at->x.step) {
            const float *from = src + y * at->row_stride + x * at->channels;
            for (int j = 0; j < count; j++)
                best[j] = larger(load_some(from + j * LANES, n), best[j]);
        }
    for (int j = 0; j < count; j++)
        store_some(dst + j * LANES, best[j], n);
}

static void max(const pt__window_pool_t *pool, const float *src, int64_t row, float *dst)
{
    place_t at = place_of(pool, row);
    for (int64_t i = 0; i < pool->columns.dst; i++, dst += pool->channels) {
        int64_t c = 0;
        at.x = pt__window_at(&pool->columns, i);
        for (; c + VECTORS * LANES <= pool->channels; c += VECTORS * LANES)
            max_of_window(&at, src + c, LANES, dst + c, VECTORS);
        for (; c + LANES <= pool->channels; c += LANES)
            max_of_window(&at, src + c, LANES, dst + c, 1);
        if (c < pool->channels)
            max_of_window(&at, src + c, pool->channels - c, dst + c, 1);
    }
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
INLINE void max_gradient_of_window(const place_t *at, const float *src, const float *dst, const float *d_dst, int64_t n,
                                   float *d_src)
{
    floats_t best = load_some(dst, n), d = load_some(d_dst, n);
    ints_t left = broadcast_int(-1), none = best != best;
    for (int64_t y = at->y.begin; y < at->y.end; y += at->y.step)
        for (int64_t x = at->x.begin; x < at->x.end; x += at->x.step) {
            int64_t place = y * at->row_stride + x * at->channels;
            floats_t value = load_some(src + place, n);
            ints_t first = left & ((value == best) | (none & (value != value)));
            store_some(d_src + place, load_some(d_src + place, n) + where(first, d), n);
            left &= ~first;
        }
}

static void max_gradient(const pt__window_pool_t *pool, const float *src, const float *dst, const float *d_dst,
                         int64_t row, int64_t channels, float *d_src)
{
    place_t at = place_of(pool, row);
    for (int64_t i = 0; i < pool->columns.dst; i++, dst += pool->channels, d_dst += pool->channels) {
        int64_t c = 0;
        at.x = pt__window_at(&pool->columns, i);
        for (; c + LANES <= channels; c += LANES)
            max_gradient_of_window(&at, src + c, dst + c, d_dst + c, LANES, d_src + c);
        if (c < channels)
            max_gradient_of_window(&at, src + c, dst + c, d_dst + c, channels - c, d_src + c);
    }
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
