/* Softmax and log-softmax of one row, with their gradients. A level's part of pt__vector_t.
 *
 *   softmax      y = e^(x-m) / sum e^(x-m)      d_x = y (d_y - sum d_y y)
 *   log-softmax  y = x - m - ln sum e^(x-m)     d_x = d_y - e^y sum d_y                        m = the row's largest */
#include "kernels/cpu/level/rows.h"
#include "kernels/cpu/vector.h"

static void softmax(int64_t n, const float *src, float *dst)
{
    float sum = sum_exponentials(n, row_max(n, src), src, dst);
    floats_t factor = broadcast(1.0f / sum);
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        store(dst + i, load(dst + i) * factor);
    if (i < n)
        store_part(dst + i, load_part(dst + i, n - i, 0.0f) * factor, n - i);
}

static void log_softmax(int64_t n, const float *src, float *dst)
{
    floats_t max = row_max(n, src);
    floats_t log_sum = broadcast(logf(sum_exponentials(n, max, src, NULL)));
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        store(dst + i, load(src + i) - max - log_sum);
    if (i < n)
        store_part(dst + i, load_part(src + i, n - i, 0.0f) - max - log_sum, n - i);
}

static void softmax_gradient(int64_t n, const float *dst, const float *d_dst, float *d_src)
{
    floats_t mean = broadcast(dot(n, dst, d_dst));
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        store(d_src + i, load(dst + i) * (load(d_dst + i) - mean));
    if (i < n)
        store_part(d_src + i, load_part(dst + i, n - i, 0.0f) * (load_part(d_dst + i, n - i, 0.0f) - mean), n - i);
}

static void log_softmax_gradient(int64_t n, const float *dst, const float *d_dst, float *d_src)
{
    floats_t total = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        total += load(d_dst + i);
    if (i < n)
        total += load_part(d_dst + i, n - i, 0.0f);
    floats_t sum = broadcast(sum_lanes(total));
    for (i = 0; i + LANES <= n; i += LANES)
        store(d_src + i, load(d_dst + i) - exponential(load(dst + i)) * sum);
    if (i < n)
        store_part(d_src + i, load_part(d_dst + i, n - i, 0.0f) - exponential(load_part(dst + i, n - i, 0.0f)) * sum,
                   n - i);
}

extern const pt__vector_softmax_t PT__LEVEL(pt__vector_softmax);
const pt__vector_softmax_t PT__LEVEL(pt__vector_softmax) = {
    .softmax = softmax,
    .log_softmax = log_softmax,
    .softmax_gradient = softmax_gradient,
    .log_softmax_gradient = log_softmax_gradient,
};
