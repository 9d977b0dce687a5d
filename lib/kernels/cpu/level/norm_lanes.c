/* Layer norm and RMS norm over rows, with their gradients, each in one pass over memory: a row stays in the first cache
 * between its loops. A level's part of pt__vector_t.
 *
 *   h = (x - mean) inverse        inverse = 1 / sqrt(mean of (x - mean)^2 + epsilon)       y = h w + b
 *   g = d_y w                     d_x = inverse (g - mean(g) - h mean(g h))                d_w += d_y h, d_b += d_y
 * RMS norm is the same with a mean of 0 and without mean(g). */
#include "kernels/cpu/level/rows.h"
#include "kernels/cpu/vector.h"

INLINE float row_sum(int64_t n, const float *src)
{
    floats_t a = {0}, b = {0};
    int64_t i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES) {
        a += load(src + i);
        b += load(src + i + LANES);
    }
    for (; i < n; i += LANES)
        a += load_some(src + i, n - i);
    return sum_lanes(a + b);
}

INLINE float row_squares(int64_t n, const float *src, floats_t mean)
{
    floats_t a = {0}, b = {0};
    int64_t i = 0;
    /* Model: two vectors take 4 cycles on all: a sum waits for its last addition */
    for (; i + 2 * LANES <= n; i += 2 * LANES) {
        floats_t x = load(src + i) - mean, y = load(src + i + LANES) - mean;
        a += x * x;
        b += y * y;
    }
    for (; i + LANES <= n; i += LANES) {
        floats_t x = load(src + i) - mean;
        a += x * x;
    }
    if (i < n) {
        floats_t x = load_part(src + i, n - i, mean[0]) - mean;
        b += x * x;
    }
    return sum_lanes(a + b);
}

INLINE void norm_row(int64_t n, const float *src, floats_t mean, floats_t inverse, const float *weight,
                     const float *bias, float *dst)
{
    /* Model, bytes a cycle: AVX2 51 on Zen 3, 55 on Golden Cove (front end); AVX-512 85 on Zen 4 (loads), 73 */
    for (int64_t i = 0; i < n; i += LANES) {
        floats_t h = (load_some(src + i, n - i) - mean) * inverse;
        if (weight != NULL)
            h = h * load_some(weight + i, n - i);
        if (bias != NULL)
            h = h + load_some(bias + i, n - i);
        store_some(dst + i, h, n - i);
    }
}

static void layer(int64_t rows, int64_t columns, float epsilon, const float *src, const float *weight,
                  const float *bias, float *dst, float *mean, float *inverse)
{
    float share = 1.0f / (float)columns;
    for (int64_t r = 0; r < rows; r++) {
        const float *x = src + r * columns;
        float middle = row_sum(columns, x) * share;
        float factor = 1.0f / sqrtf(row_squares(columns, x, broadcast(middle)) * share + epsilon);
        norm_row(columns, x, broadcast(middle), broadcast(factor), weight, bias, dst + r * columns);
        if (mean != NULL)
            mean[r] = middle;
        if (inverse != NULL)
            inverse[r] = factor;
    }
}

static void rms(int64_t rows, int64_t columns, float epsilon, const float *src, const float *weight, float *dst,
                float *inverse)
{
    float share = 1.0f / (float)columns;
    for (int64_t r = 0; r < rows; r++) {
        const float *x = src + r * columns;
        float factor = 1.0f / sqrtf(row_squares(columns, x, (floats_t){0}) * share + epsilon);
        norm_row(columns, x, (floats_t){0}, broadcast(factor), weight, NULL, dst + r * columns);
        if (inverse != NULL)
            inverse[r] = factor;
    }
}

/* One row's gradient; `centred` is known where this is inlined: 1 layer norm, 0 RMS norm. */
INLINE void gradient_row(int centred, int64_t n, const float *src, const float *weight, floats_t mean, floats_t inverse,
                         const float *d_dst, const float *residual, float *d_src, float *d_weight, float *d_bias)
{
    floats_t sum_g = {0}, sum_gh = {0};
    /* Model, bytes a cycle: AVX2 43 on Zen 3, 45 on Golden Cove (front end); AVX-512 90 on Zen 4 (loads), 64 */
    for (int64_t i = 0; i < n; i += LANES) {
        int64_t count = n - i;
        floats_t d = load_some(d_dst + i, count);
        floats_t h = (load_some(src + i, count) - mean) * inverse; /* lanes past the row meet d = 0 */
        if (d_weight != NULL)
            store_some(d_weight + i, load_some(d_weight + i, count) + d * h, count);
        if (d_bias != NULL)
            store_some(d_bias + i, load_some(d_bias + i, count) + d, count);
        floats_t g = weight != NULL ? d * load_some(weight + i, count) : d;
        sum_g += g;
        sum_gh += g * h;
    }
    if (d_src == NULL)
        return;
    floats_t mean_g = broadcast(centred ? sum_lanes(sum_g) / (float)n : 0.0f);
    floats_t mean_gh = broadcast(sum_lanes(sum_gh) / (float)n);
    /* Model, bytes a cycle: AVX2 38 on Zen 3, 40 on Golden Cove (front end); AVX-512 80 on Zen 4 (loads), 56 */
    for (int64_t i = 0; i < n; i += LANES) {
        int64_t count = n - i;
        floats_t g = load_some(d_dst + i, count);
        if (weight != NULL)
            g = g * load_some(weight + i, count);
        floats_t h = (load_some(src + i, count) - mean) * inverse;
        floats_t d = inverse * (g - mean_g - h * mean_gh);
        if (residual != NULL)
            d = d + load_some(residual + i, count);
        store_some(d_src + i, d, count);
    }
}

static void layer_gradient(int64_t rows, int64_t columns, const float *src, const float *weight, const float *mean,
                           const float *inverse, const float *d_dst, const float *residual, float *d_src,
                           float *d_weight, float *d_bias)
{
    for (int64_t r = 0; r < rows; r++) {
        int64_t at = r * columns;
        gradient_row(1, columns, src + at, weight, broadcast(mean[r]), broadcast(inverse[r]), d_dst + at,
                     residual != NULL ? residual + at : NULL, d_src != NULL ? d_src + at : NULL, d_weight, d_bias);
    }
}

static void rms_gradient(int64_t rows, int64_t columns, const float *src, const float *weight, const float *inverse,
                         const float *d_dst, const float *residual, float *d_src, float *d_weight)
{
    for (int64_t r = 0; r < rows; r++) {
        int64_t at = r * columns;
        gradient_row(0, columns, src + at, weight, (floats_t){0}, broadcast(inverse[r]), d_dst + at,
                     residual != NULL ? residual + at : NULL, d_src != NULL ? d_src + at : NULL, d_weight, NULL);
    }
}

extern const pt__vector_norm_t PT__LEVEL(pt__vector_norm);
const pt__vector_norm_t PT__LEVEL(pt__vector_norm) = {
    .layer = layer,
    .layer_gradient = layer_gradient,
    .rms = rms,
    .rms_gradient = rms_gradient,
};
