/* Fills, sums, scales, unary functions and their gradients, dropout: against double precision, at special values, in
 * place; and the stated bounds of the transcendental functions. */
#include <float.h>

#include "base/random.h"
#include "kernels/every_device.h"

/* ---- the functions in double */

static double value_of(pt__unary_t unary, double x)
{
    switch (unary) {
    case PT__UNARY_RELU:
        return x < 0.0 ? 0.0 : x;
    case PT__UNARY_GELU_TANH:
        return x / (1.0 + exp(-2.0 * 0.79788456080286536 * (x + 0.044715 * x * x * x)));
    case PT__UNARY_GELU_ERF:
        return 0.5 * x * erfc(-x * 0.70710678118654752);
    case PT__UNARY_SILU:
        return x / (1.0 + exp(-x));
    case PT__UNARY_TANH:
        return tanh(x);
    case PT__UNARY_SIGMOID:
        return 1.0 / (1.0 + exp(-x));
    case PT__UNARY_RELU6:
        return x < 0.0 ? 0.0 : x > 6.0 ? 6.0 : x;
    case PT__UNARY_HARDSWISH:
        return x * (x < -3.0 ? 0.0 : x > 3.0 ? 6.0 : x + 3.0) / 6.0;
    case PT__UNARY_EXP:
        return exp(x);
    default:
        return log(x);
    }
}

/* By the op's input x, for all of them. */
static double slope_of(pt__unary_t unary, double x)
{
    double s, u;
    switch (unary) {
    case PT__UNARY_RELU:
        return x > 0.0 ? 1.0 : 0.0;
    case PT__UNARY_GELU_TANH:
        u = 2.0 * 0.79788456080286536 * (x + 0.044715 * x * x * x);
        s = 1.0 / (1.0 + exp(-u));
        return s + x * s * (1.0 - s) * 2.0 * 0.79788456080286536 * (1.0 + 3.0 * 0.044715 * x * x);
    case PT__UNARY_GELU_ERF:
        return 0.5 * erfc(-x * 0.70710678118654752) + x * exp(-0.5 * x * x) / sqrt(2.0 * 3.14159265358979323846);
    case PT__UNARY_SILU:
        s = 1.0 / (1.0 + exp(-x));
        return s + x * s * (1.0 - s);
    case PT__UNARY_TANH:
        return 1.0 - tanh(x) * tanh(x);
    case PT__UNARY_SIGMOID:
        s = 1.0 / (1.0 + exp(-x));
        return s * (1.0 - s);
    case PT__UNARY_RELU6:
        return x > 0.0 && x < 6.0 ? 1.0 : 0.0;
    case PT__UNARY_HARDSWISH:
        return x <= -3.0 ? 0.0 : x >= 3.0 ? 1.0 : x / 3.0 + 0.5;
    case PT__UNARY_EXP:
        return exp(x);
    default:
        return 1.0 / x;
    }
}

static const char *const names[PT__UNARY_COUNT] = {"none",    "relu",  "gelu tanh", "gelu erf", "silu", "tanh",
                                                   "sigmoid", "relu6", "hardswish", "exp",      "log"};

/* ---- bounds of the functions over the floats, one in every 2053 of them */

/* x as it goes into arithmetic and comes out of it: denormal numbers are zero wherever the library has a float mode. */
static float flushed(float x)
{
    return PT__FLOAT_MODE != 0 && fabsf(x) < FLT_MIN ? copysignf(0, x) : x;
}

/* error in units of the last place of the float nearest to the true value, or to what flushing makes of it */
static double ulps(float got, double expected)
{
    float nearest = flushed((float)expected);
    if (nearest == FLT_MIN && got == flushed(nextafterf(FLT_MIN, 0)))
        return 1.0; /* some processors flush before they round */
    if (nearest == 0 && got == 0)
        return 0.0;
    if ((isnan(expected) && isnan(got)) || got == nearest)
        return 0.0;
    if (isinf(nearest) || isinf(got) || isnan(got) || isnan(expected))
        return INFINITY;
    double unit = (double)(nextafterf(fabsf(nearest), INFINITY) - fabsf(nearest));
    return fabs((double)got - expected) / unit;
}

typedef struct bound {
    pt__unary_t unary;
    double ulps;     /* wherever |f| >= `above` */
    double absolute; /* elsewhere */
    double above;
} bound_t;

static const bound_t bounds[] = {
    {PT__UNARY_EXP, 2.0, 0.0, 0.0},         {PT__UNARY_LOG, 2.0, 0.0, 0.0},
    {PT__UNARY_TANH, 2.0, 0.0, 0.0},        {PT__UNARY_SIGMOID, 3.0, 1.2e-38, 1.2e-38},
    {PT__UNARY_GELU_TANH, 8.0, 2e-7, 0.05}, {PT__UNARY_GELU_ERF, 18.0, 2e-7, 0.05},
    {PT__UNARY_SILU, 4.0, 2e-36, 2e-36},
};

static void check_bound(pt__dev device, const bound_t *bound)
{
    enum { BLOCK = 4096 };
    float src[BLOCK], dst[BLOCK];
    double worst = 0.0;
    float worst_at = 0.0f;
    uint64_t bits = 0;
    while (bits < 0x100000000u) {
        int64_t n = 0;
        for (; n < BLOCK && bits < 0x100000000u; n++, bits += 2053) {
            uint32_t word = (uint32_t)bits;
            memcpy(&src[n], &word, sizeof word);
        }
        pt__device_enter(device);
        device->kernels->unary(device, bound->unary, n, src, dst);
        pt__device_leave(device);
        for (int64_t i = 0; i < n; i++) {
            double expected = value_of(bound->unary, (double)flushed(src[i]));
            if (bound->unary == PT__UNARY_TANH && fabsf(src[i]) < 1e-37f)
                continue; /* x^3 of a denormal: below */
            if (fabs(expected) < bound->above) {
                ck_assert_msg(fabs((double)dst[i] - expected) <= bound->absolute, "%s(%.9g) = %.9g, not %.9g",
                              names[bound->unary], (double)src[i], (double)dst[i], expected);
                continue;
            }
            double error = isinf(src[i]) && isnan(expected) ? 0.0 : ulps(dst[i], expected);
            if (error > worst) {
                worst = error;
                worst_at = src[i];
            }
        }
    }
    ck_assert_msg(worst <= bound->ulps, "%s, %s: %.3f ulp at %.9g", names[bound->unary],
                  pt__level_name(pt__cpu(device)->level), worst, (double)worst_at);
}

START_TEST(test_function_bounds)
{
    for (pt__level_t level = PT__LEVEL_PORTABLE; level < PT__LEVEL_COUNT; level++) {
        if (!pt__level_supported(level))
            continue;
        pt__memory_t memory;
        pt__pool_t *pool = NULL;
        pt__device_t *device = NULL;
        pt__memory_init(&memory, NULL, NULL, NULL);
        ck_ok(pt__pool_create(&memory, 1, &pool));
        ck_ok(pt__cpu_create(&memory, pool, level, PT__GEMM_AUTO, &device));
        for (size_t b = 0; b < sizeof bounds / sizeof bounds[0]; b++)
            check_bound(device, &bounds[b]);
        pt__device_free(device);
        pt__pool_free(pool);
    }
}
END_TEST

/* ---- sweeps of several lengths, special values among them */

typedef struct unary_case {
    pt__unary_t unary;
    int64_t n;
    const float *src, *d_dst;
    int in_place;
} unary_case_t;

static void run_unary(pt__dev device, const void *argument, float *out)
{
    const unary_case_t *c = argument;
    if (c->in_place)
        memcpy(out, c->src, (size_t)c->n * sizeof(float));
    device->kernels->unary(device, c->unary, c->n, c->in_place ? out : c->src, out);
}

static void run_unary_gradient(pt__dev device, const void *argument, float *out)
{
    const unary_case_t *c = argument;
    if (c->in_place)
        memcpy(out, c->d_dst, (size_t)c->n * sizeof(float));
    device->kernels->unary_gradient(device, c->unary, c->n, c->src, c->in_place ? out : c->d_dst, out);
}

static const int64_t lengths[] = {0, 1, 3, 10, 16, 31, 64, 1000, 8192, 8193, 100003};

START_TEST(test_unary)
{
    for (int unary = PT__UNARY_RELU; unary < PT__UNARY_COUNT; unary++)
        for (size_t l = 0; l < sizeof lengths / sizeof lengths[0]; l++) {
            int64_t n = lengths[l];
            int reads_output = unary == PT__UNARY_TANH || unary == PT__UNARY_SIGMOID || unary == PT__UNARY_EXP;
            float *src = draw_values(n), *d_dst = draw_values(n), *saved = draw_values(n);
            double *value = zero_doubles(n), *slope = zero_doubles(n);
            for (int64_t i = 0; i < n; i++) {
                src[i] = unary == PT__UNARY_LOG ? fabsf(src[i]) * 8.0f + 1e-3f : src[i] * 8.0f;
                value[i] = value_of((pt__unary_t)unary, (double)src[i]);
                slope[i] = slope_of((pt__unary_t)unary, (double)src[i]) * (double)d_dst[i];
                saved[i] = reads_output ? (float)value[i] : src[i];
            }
            for (int in_place = 0; in_place < 2; in_place++) {
                unary_case_t forward = {(pt__unary_t)unary, n, src, NULL, in_place};
                unary_case_t backward = {(pt__unary_t)unary, n, saved, d_dst, in_place};
                on_every_device(names[unary], run_unary, &forward, n, NULL, value, 1e-6);
                on_every_device("gradient", run_unary_gradient, &backward, n, NULL, slope, 2e-6);
            }
            free(src), free(d_dst), free(saved), free(value), free(slope);
        }
}
END_TEST

START_TEST(test_special_values)
{
    float src[] = {0.0f, -0.0f, INFINITY, -INFINITY, NAN, 1e-45f, -1e-45f, 3e38f, -3e38f, 1e-38f, 1.0f, -1.0f, 20.0f};
    enum { N = sizeof src / sizeof src[0] };
    for (int unary = PT__UNARY_RELU; unary < PT__UNARY_COUNT; unary++) {
        double value[N];
        for (int i = 0; i < N; i++)
            value[i] = (double)(float)value_of((pt__unary_t)unary, (double)flushed(src[i]));
        if (unary == PT__UNARY_GELU_TANH || unary == PT__UNARY_GELU_ERF || unary == PT__UNARY_SILU)
            value[3] = NAN; /* x times a limit of 0, as in PyTorch */
        unary_case_t c = {(pt__unary_t)unary, N, src, NULL, 0};
        on_every_device(names[unary], run_unary, &c, N, NULL, value, 1e-6);
    }
    /* slopes stay finite wherever the input is */
    float d_dst[N], large[] = {3e38f, -3e38f, 1e20f, -1e20f, 100.0f, -100.0f, 40.0f, -40.0f};
    double one_or_zero[] = {1, 0, 1, 0, 1, 0, 1, 0};
    for (int i = 0; i < N; i++)
        d_dst[i] = 1.0f;
    for (int unary = PT__UNARY_RELU; unary <= PT__UNARY_SILU; unary++) {
        unary_case_t c = {(pt__unary_t)unary, 8, large, d_dst, 0};
        on_every_device(names[unary], run_unary_gradient, &c, 8, NULL, one_or_zero, 1e-6);
    }
}
END_TEST

/* ---- fill, add_into, scale, scale_by */

typedef struct linear_case {
    int which;
    int64_t n;
    const float *src;
    float factor, numerator, denominator;
    int32_t accumulate;
} linear_case_t;

static void run_linear(pt__dev device, const void *argument, float *out)
{
    const linear_case_t *c = argument;
    const pt__kernels_t *k = device->kernels;
    if (c->which == 0)
        k->fill(device, c->n, c->factor, out);
    else if (c->which == 1)
        k->add_into(device, c->n, c->src, out);
    else if (c->which == 2)
        k->scale(device, c->n, c->factor, c->src, out);
    else if (c->which == 3)
        k->scale(device, c->n, c->factor, out, out);
    else
        k->scale_by(device, c->n, c->src, &c->numerator, c->which == 4 ? NULL : &c->denominator, c->accumulate, out);
}

START_TEST(test_linear_sweeps)
{
    for (size_t l = 0; l < sizeof lengths / sizeof lengths[0]; l++) {
        int64_t n = lengths[l];
        float *src = draw_values(n), *before = draw_values(n);
        double *expected = zero_doubles(n);
        for (int which = 0; which < 8; which++) {
            linear_case_t c = {which, n, src, 0.75f, 3.0f, which == 7 ? 0.0f : 2.0f, which >= 6};
            for (int64_t i = 0; i < n; i++) {
                double s = (double)src[i], b = (double)before[i];
                double values[] = {0.75, s + b, 0.75 * s, 0.75 * b, 3.0 * s, 1.5 * s, b + 1.5 * s, b};
                expected[i] = values[which];
            }
            int reads = which == 1 || which == 3 || which >= 6;
            on_every_device("linear sweep", run_linear, &c, n, reads ? before : NULL, expected, 1e-6);
        }
        linear_case_t zero = {5, n, src, 0.0f, 3.0f, 0.0f, 0};
        memset(expected, 0, (size_t)n * sizeof(double));
        on_every_device("zero denominator", run_linear, &zero, n, NULL, expected, 0.0);
        free(src), free(before), free(expected);
    }
}
END_TEST

/* ---- dropout */

typedef struct dropout_case {
    int64_t n;
    float probability;
    uint64_t key;
    const float *src;
} dropout_case_t;

static void run_dropout(pt__dev device, const void *argument, float *out)
{
    const dropout_case_t *c = argument;
    memcpy(out, c->src, (size_t)c->n * sizeof(float));
    device->kernels->dropout(device, c->n, c->probability, c->key, out, out);
}

START_TEST(test_dropout)
{
    const float probabilities[] = {0.0f, 0.1f, 0.5f, 0.999f, 1.0f};
    for (size_t p = 0; p < 5; p++)
        for (size_t l = 0; l < sizeof lengths / sizeof lengths[0]; l++) {
            int64_t n = lengths[l], kept = 0;
            dropout_case_t c = {n, probabilities[p], 0x123456789abcdef0u + l, draw_values(n)};
            double *expected = zero_doubles(n);
            for (int64_t i = 0; i < n; i++) { /* the stream of base/random.h */
                uint32_t words[4];
                pt__random_bits(c.key, (uint64_t)(i / 4), words);
                int keep = (double)words[i % 4] >= floor((double)c.probability * 4294967296.0);
                expected[i] = keep ? (double)c.src[i] / (1.0 - (double)c.probability) : 0.0;
                kept += keep;
            }
            if (n > 100000)
                ck_assert_double_eq_tol((double)kept / (double)n, 1.0 - (double)c.probability, 0.01);
            on_every_device("dropout", run_dropout, &c, n, NULL, expected, 1e-6);
            free((float *)c.src), free(expected);
        }
}
END_TEST

SUITE("elementwise sweep", 240, test_function_bounds, test_unary, test_special_values, test_linear_sweeps, test_dropout)
