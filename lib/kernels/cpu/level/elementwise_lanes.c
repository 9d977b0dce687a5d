/* Element by element: filling, adding, scaling, the unary functions and their gradients, the binary ones; and the
 * transpose. A level's part of pt__vector_t. */
#include "kernels/cpu/level/rows.h"
#include "kernels/cpu/level/transpose_block.h"
#include "kernels/cpu/vector.h"

static void fill(int64_t n, float value, float *dst)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        store(dst + i, broadcast(value));
    for (; i < n; i++)
        dst[i] = value;
}

/* `function` is known where this is inlined, so that the loop holds the function itself. */
INLINE void map(int64_t n, const float *src, float *dst, floats_t (*function)(floats_t, float), float argument)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        store(dst + i, function(load(src + i), argument));
    if (i < n)
        store_part(dst + i, function(load_part(src + i, n - i, 0.0f), argument), n - i);
}

INLINE void map_pair(int64_t n, const float *a, const float *b, float *dst,
                     floats_t (*function)(floats_t, floats_t, float), float argument)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        store(dst + i, function(load(a + i), load(b + i), argument));
    if (i < n)
        store_part(dst + i, function(load_part(a + i, n - i, 0.0f), load_part(b + i, n - i, 0.0f), argument), n - i);
}

INLINE floats_t value_sum(floats_t a, floats_t b, float argument)
{
    (void)argument;
    return a + b;
}

INLINE floats_t value_scaled(floats_t x, float factor)
{
    return x * factor;
}

INLINE floats_t value_scaled_sum(floats_t a, floats_t b, float factor)
{
    return a * factor + b;
}

static void add_into(int64_t n, const float *src, float *dst)
{
    map_pair(n, src, dst, dst, value_sum, 0.0f);
}

static void scale(int64_t n, float factor, const float *src, float *dst)
{
    map(n, src, dst, value_scaled, factor);
}

static void scale_into(int64_t n, float factor, const float *src, float *dst)
{
    map_pair(n, src, dst, dst, value_scaled_sum, factor);
}

static void clip(int64_t n, float low, float high, const float *src, float *dst)
{
    for (int64_t i = 0; i < n; i += LANES) { /* NaN stays */
        floats_t x = load_some(src + i, n - i);
        store_some(dst + i, maximum(broadcast(low), minimum(broadcast(high), x)), n - i);
    }
}

static void clip_gradient(int64_t n, float low, float high, const float *dst, const float *d_dst, float *d_src)
{
    for (int64_t i = 0; i < n; i += LANES) {
        floats_t x = load_some(dst + i, n - i);
        store_some(d_src + i, where(~((x <= low) | (x >= high)), load_some(d_dst + i, n - i)), n - i);
    }
}

/* ---- unary: UNARY(name, value, slope from what unary_gradient reads: the input, or for tanh, sigmoid and exp the
 * output) */

#define UNARY(name, value, slope)                                                                  \
    INLINE floats_t name##_value(floats_t x, float argument)                                       \
    {                                                                                              \
        (void)argument;                                                                            \
        return value;                                                                              \
    }                                                                                              \
    INLINE floats_t name##_gradient_value(floats_t x, floats_t d, float argument)                  \
    {                                                                                              \
        (void)argument;                                                                            \
        return slope;                                                                              \
    }                                                                                              \
    static void name##_map(int64_t n, const float *src, float *dst)                                \
    {                                                                                              \
        map(n, src, dst, name##_value, 0.0f);                                                      \
    }                                                                                              \
    static void name##_gradient_map(int64_t n, const float *src, const float *d_dst, float *d_src) \
    {                                                                                              \
        map_pair(n, src, d_dst, d_src, name##_gradient_value, 0.0f);                               \
    }

UNARY(relu, relu(x), where(~(x <= 0.0f), d))
UNARY(gelu_tanh, gelu_tanh(x), d *gelu_tanh_slope(x))
UNARY(gelu_erf, gelu_erf(x), d *gelu_erf_slope(x))
UNARY(silu, silu(x), d *silu_slope(x))
UNARY(tanh, hyperbolic_tangent(x), d *(1.0f - x * x))
UNARY(sigmoid, logistic(x), d *(x *(1.0f - x)))
UNARY(relu6, relu6(x), where(~((x <= 0.0f) | (x >= 6.0f)), d))
UNARY(hardswish, hardswish(x), d *hardswish_slope(x))
UNARY(exp, exponential(x), d *x)
UNARY(log, logarithm(x), d / x)

/* ---- gated: f(gate) src, f an activation; GATED(name, what the slope reads: x, the gate, or y, what f gives) */

INLINE void gated_gradient(int64_t n, const float *gate, const float *src, const float *d_dst, float *d_gate,
                           float *d_src, floats_t (*function)(floats_t, float),
                           floats_t (*slope)(floats_t, floats_t, float), int reads_value)
{
    for (int64_t i = 0; i < n; i += LANES) {
        int64_t count = n - i;
        floats_t x = load_some(gate + i, count), d = load_some(d_dst + i, count), y = function(x, 0.0f);
        floats_t passed = d * load_some(src + i, count);
        if (d_src != NULL)
            store_some(d_src + i, d * y, count);
        if (d_gate != NULL)
            store_some(d_gate + i, slope(reads_value ? y : x, passed, 0.0f), count);
    }
}

#define GATED(name, reads_value)                                                                              \
    INLINE floats_t name##_gated_value(floats_t x, floats_t y, float argument)                                \
    {                                                                                                         \
        return name##_value(x, argument) * y;                                                                 \
    }                                                                                                         \
    static void name##_gated(int64_t n, const float *gate, const float *src, float *dst)                      \
    {                                                                                                         \
        map_pair(n, gate, src, dst, name##_gated_value, 0.0f);                                                \
    }                                                                                                         \
    static void name##_gated_gradient(int64_t n, const float *gate, const float *src, const float *d_dst,     \
                                      float *d_gate, float *d_src)                                            \
    {                                                                                                         \
        gated_gradient(n, gate, src, d_dst, d_gate, d_src, name##_value, name##_gradient_value, reads_value); \
    }

GATED(relu, 0)
GATED(gelu_tanh, 0)
GATED(gelu_erf, 0)
GATED(tanh, 1)
GATED(sigmoid, 1)
GATED(relu6, 0)
GATED(hardswish, 0)

INLINE floats_t silu_gated_value(floats_t x, floats_t y, float argument)
{
    (void)argument;
    return silu(x) * y;
}

static void silu_gated(int64_t n, const float *gate, const float *src, float *dst)
{
    map_pair(n, gate, src, dst, silu_gated_value, 0.0f);
}

/* By itself, as silu and its slope share the exponential, which is most of their cost. */
static void silu_gated_gradient(int64_t n, const float *gate, const float *src, const float *d_dst, float *d_gate,
                                float *d_src)
{
    for (int64_t i = 0; i < n; i += LANES) {
        int64_t count = n - i;
        floats_t x = load_some(gate + i, count), d = load_some(d_dst + i, count), s = logistic(x);
        floats_t passed = d * load_some(src + i, count), value = x * s;
        if (d_src != NULL)
            store_some(d_src + i, d * value, count);
        if (d_gate != NULL)
            store_some(d_gate + i, passed * (s + clamp(x, 100.0f) * s * (1.0f - s)), count);
    }
}

/* ---- binary: dense operands, or one of them a single value, or any steps */

INLINE void combine(int64_t n, const float *a, int64_t a_step, const float *b, int64_t b_step, float *dst,
                    floats_t (*function)(floats_t, floats_t))
{
    int64_t i = 0;
    if (a_step == 1 && b_step == 1) {
        for (; i + LANES <= n; i += LANES)
            store(dst + i, function(load(a + i), load(b + i)));
        if (i < n)
            store_part(dst + i, function(load_part(a + i, n - i, 0.0f), load_part(b + i, n - i, 1.0f)), n - i);
    } else if (a_step == 1 && b_step == 0) {
        floats_t value = broadcast(*b);
        for (; i + LANES <= n; i += LANES)
            store(dst + i, function(load(a + i), value));
        if (i < n)
            store_part(dst + i, function(load_part(a + i, n - i, 0.0f), value), n - i);
    } else if (a_step == 0 && b_step == 1) {
        floats_t value = broadcast(*a);
        for (; i + LANES <= n; i += LANES)
            store(dst + i, function(value, load(b + i)));
        if (i < n)
            store_part(dst + i, function(value, load_part(b + i, n - i, 1.0f)), n - i);
    } else {
        for (; i < n; i++)
            dst[i] = function(broadcast(a[i * a_step]), broadcast(b[i * b_step]))[0];
    }
}

#define BINARY(name, operation)                                                                                       \
    INLINE floats_t name##_value(floats_t a, floats_t b)                                                              \
    {                                                                                                                 \
        return a operation b;                                                                                         \
    }                                                                                                                 \
    static void name##_combine(int64_t n, const float *a, int64_t a_step, const float *b, int64_t b_step, float *dst) \
    {                                                                                                                 \
        combine(n, a, a_step, b, b_step, dst, name##_value);                                                          \
    }

BINARY(add, +)
BINARY(sub, -)
BINARY(mul, *)
BINARY(div, /)

static void transpose(int64_t rows, int64_t columns, const float *src, int64_t src_stride, float *dst,
                      int64_t dst_stride)
{
    int64_t r = 0;
    for (; r + LANES <= rows; r += LANES) {
        int64_t c = 0;
        for (; c + LANES <= columns; c += LANES)
            transpose_block(src + r * src_stride + c, src_stride, dst + c * dst_stride + r, dst_stride);
        for (; c < columns; c++)
            for (int64_t i = r; i < r + LANES; i++)
                dst[c * dst_stride + i] = src[i * src_stride + c];
    }
    for (; r < rows; r++)
        for (int64_t c = 0; c < columns; c++)
            dst[c * dst_stride + r] = src[r * src_stride + c];
}

extern const pt__vector_map_t PT__LEVEL(pt__vector_map);
const pt__vector_map_t PT__LEVEL(pt__vector_map) = {
    .fill = fill,
    .add_into = add_into,
    .scale = scale,
    .scale_into = scale_into,
    .clip = clip,
    .clip_gradient = clip_gradient,
    .unary = {NULL, relu_map, gelu_tanh_map, gelu_erf_map, silu_map, tanh_map, sigmoid_map, relu6_map, hardswish_map,
              exp_map, log_map},
    .unary_gradient = {NULL, relu_gradient_map, gelu_tanh_gradient_map, gelu_erf_gradient_map, silu_gradient_map,
                       tanh_gradient_map, sigmoid_gradient_map, relu6_gradient_map, hardswish_gradient_map,
                       exp_gradient_map, log_gradient_map},
    .gated = {NULL, relu_gated, gelu_tanh_gated, gelu_erf_gated, silu_gated, tanh_gated, sigmoid_gated, relu6_gated,
              hardswish_gated},
    .gated_gradient = {NULL, relu_gated_gradient, gelu_tanh_gated_gradient, gelu_erf_gated_gradient,
                       silu_gated_gradient, tanh_gated_gradient, sigmoid_gated_gradient, relu6_gated_gradient,
                       hardswish_gated_gradient},
    .binary = {add_combine, sub_combine, mul_combine, div_combine},
    .transpose = transpose,
};
