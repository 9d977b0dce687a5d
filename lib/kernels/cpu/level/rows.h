/* What several level sources do with a row: its ends, its largest entry, sums over it. */
#ifndef PT__ROWS_H
#define PT__ROWS_H

#include "kernels/cpu/level/functions.h"

INLINE floats_t load_some(const float *p, int64_t n)
{
    return n >= LANES ? load(p) : load_part(p, n, 0.0f);
}

INLINE void store_some(float *p, floats_t v, int64_t n)
{
    if (n >= LANES)
        store(p, v);
    else
        store_part(p, v, n);
}

/* The largest entry; NaN entries are passed over, they come through in the sum of exponentials. */
INLINE floats_t row_max(int64_t n, const float *src)
{
    floats_t a = broadcast(-INFINITY), b = a;
    int64_t i = 0;
    /* Model, bytes a cycle: AVX2 55 on Zen 3, 16 on Golden Cove (dependencies); AVX-512 64 on Zen 4, 32 */
    for (; i + 2 * LANES <= n; i += 2 * LANES) {
        a = maximum(load(src + i), a);
        b = maximum(load(src + i + LANES), b);
    }
    for (; i < n; i += LANES)
        a = maximum(i + LANES <= n ? load(src + i) : load_part(src + i, n - i, -INFINITY), a);
    return broadcast(max_lanes(maximum(a, b)));
}

/* e^(x - max) for x <= max: absolute error 3e-7, relative error 2e-7 + 1.3e-7 (max - x); exactly 0 far below. */
INLINE floats_t exponential_below(floats_t x, floats_t max)
{
    return power_of_two((x - max) * 1.44269504f);
}

INLINE float sum_exponentials(int64_t n, floats_t max, const float *src, float *terms)
{
    floats_t even = {0}, odd = {0};
    int64_t i = 0;
    /* Model, bytes a cycle, terms stored: AVX2 19 on Zen 3, 25 on Golden Cove; AVX-512 16 on Zen 4, 17: units */
    for (; i + 2 * LANES <= n; i += 2 * LANES) {
        floats_t a = exponential_below(load(src + i), max), b = exponential_below(load(src + i + LANES), max);
        if (terms != NULL) {
            store(terms + i, a);
            store(terms + i + LANES, b);
        }
        even += a;
        odd += b;
    }
    for (; i < n; i += LANES) {
        int64_t count = n - i;
        floats_t a = exponential_below(count >= LANES ? load(src + i) : load_part(src + i, count, -INFINITY), max);
        even += a;
        if (terms != NULL)
            store_some(terms + i, a, count);
    }
    return sum_lanes(even + odd);
}

INLINE float dot(int64_t n, const float *a, const float *b)
{
    floats_t even = {0}, odd = {0};
    int64_t i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES) {
        even += load(a + i) * load(b + i);
        odd += load(a + i + LANES) * load(b + i + LANES);
    }
    for (; i + LANES <= n; i += LANES)
        even += load(a + i) * load(b + i);
    if (i < n)
        odd += load_part(a + i, n - i, 0.0f) * load_part(b + i, n - i, 0.0f);
    return sum_lanes(even + odd);
}

#endif
