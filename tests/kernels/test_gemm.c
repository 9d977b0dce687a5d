/* The matrix door: every form against double precision, at every level this processor has and through both backends;
 * the same bits at any thread count; nothing outside dst touched. Long, as every case meets the same table of
 * devices. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/blocks.h"
#include "base/dtype.h"
#include "kernels/cpu/cpu_device.h"
#include "kernels/cpu/gemm_backend.h"
#include "kernels/cpu/micro.h"
#include "support/suite.h"

enum { GUARD = 3, THREADS = 3 };
static const int thread_counts[THREADS] = {1, 2, 5};

static pt__memory_t memory;
static pt__pool_t *pools[THREADS];

static void set_up(void)
{
    pt__memory_init(&memory, NULL, NULL, NULL);
    for (int i = 0; i < THREADS; i++)
        ck_ok(pt__pool_create(&memory, thread_counts[i], &pools[i]));
}

static void tear_down(void)
{
    for (int i = 0; i < THREADS; i++)
        pt__pool_free(pools[i]);
    ck_assert_int_eq(atomic_load(&memory.bytes), 0);
}

/* ---- cases */

static uint64_t state = 1;

static uint64_t draw(uint64_t bound)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % bound;
}

static float draw_value(void)
{
    return (float)draw(2001) / 1000.0f - 1.0f;
}

typedef struct gemm_case {
    pt__gemm_t gemm; /* pointers into `floats` */
    float *floats;   /* all operands, one after the other */
    void *narrow;    /* b as it is stored, or NULL: then g.b.data is in `floats` */
    const float *b;  /* as floats */
    float *before;   /* dst and pre-activation before the product, their guards included */
    int64_t dst_at, pre_at, dst_floats;
    int32_t residual_is_dst;
    double *products; /* {product, sum of its terms' sizes} of each element that is checked, in order; NULL: not yet */
} gemm_case_t;

typedef struct form {
    int64_t m, n, k, count;
    int32_t dtype; /* of b; 0: float32 */
    int32_t a_transposed, b_transposed, accumulate, activation, bias, preactivation, slope, residual, wide_strides;
} form_t;

/* Where the float16s of a block are: its scale, its minimum if it has one. */
static int scales_at(int32_t dtype, int64_t places[2])
{
    const int has_minimum = dtype == PT__BLOCK_Q4_1 || dtype == PT__BLOCK_Q5_1 || dtype == PT__BLOCK_Q4_K ||
                            dtype == PT__BLOCK_Q5_K;
    places[0] = dtype == PT__BLOCK_Q6_K ? 208 : 0;
    places[1] = 2;
    return 1 + has_minimum;
}

/* The numbers as a narrower format stores them, or blocks of any, and as what is stored says. */
static void *narrow_copy(int32_t dtype, float *values, int64_t n)
{
    const pt__dtype_unit_t unit = pt__dtype_unit(dtype);
    unsigned char *stored = malloc((size_t)pt__dtype_bytes(dtype, n) + 1);
    int64_t places[2];
    const int scales = scales_at(dtype, places);
    ck_assert_ptr_nonnull(stored);
    for (int64_t i = 0; i < n && unit.elements == 1; i++) {
        uint16_t word = dtype == PT_FLOAT16 ? pt__float_to_half(values[i]) : pt__float_to_bfloat(values[i]);
        memcpy(stored + 2 * i, &word, 2);
        values[i] = dtype == PT_FLOAT16 ? pt__half_to_float(word) : pt__bfloat_to_float(word);
    }
    for (int64_t block = 0; block < n / unit.elements && unit.elements > 1; block++) {
        unsigned char *bytes = stored + unit.bytes * block;
        const float large = unit.elements == 256 ? 0.01f : dtype == PT__BLOCK_Q8_0 ? 1.0f : 4.0f;
        for (int64_t i = 0; i < unit.bytes; i++)
            bytes[i] = (unsigned char)draw(256);
        for (int i = 0; i < scales; i++) {
            const uint16_t scale = pt__float_to_half(large * (0.001f + 0.01f * (float)((block + i) % 7)));
            memcpy(bytes + places[i], &scale, 2);
        }
        pt__blocks_to_floats(dtype, bytes, unit.elements, values + block * unit.elements);
    }
    return stored;
}

/* residual: 1 its own array, 2 dst itself. wide_strides: 1 odd ones, 2 a page apart */
static void make_case(const form_t *form, gemm_case_t *out)
{
    int64_t count = form->count == 0 ? 1 : form->count, extra = form->wide_strides == 1 ? 5 : 0;
    int64_t a_rows = form->a_transposed ? form->k : form->m, a_columns = form->a_transposed ? form->m : form->k;
    int64_t b_rows = form->b_transposed ? form->n : form->k, b_columns = form->b_transposed ? form->k : form->n;
    pt__gemm_t g = {.m = form->m, .n = form->n, .k = form->k, .count = form->count};
    g.a.stride = form->wide_strides == 2 ? (a_columns + 1023) / 1024 * 1024 : a_columns + extra;
    g.b.stride = form->wide_strides == 2 ? (b_columns + 1023) / 1024 * 1024 : b_columns + extra;
    const int64_t unit = form->dtype ? pt__dtype_unit(form->dtype).elements : 1;
    if (unit > 1) /* blocks of a row are whole */
        g.b.stride = (g.b.stride + unit - 1) / unit * unit;
    g.dst_stride = form->n + GUARD + extra;
    g.a.step = a_rows * g.a.stride + 1;
    g.b.step = count > 2 ? 0 : b_rows * g.b.stride + (unit > 1 ? unit : 2);
    g.dst_step = form->m * g.dst_stride + 4;
    int64_t a_floats = count * g.a.step + 1, b_floats = count * (b_rows * g.b.stride + 64);
    int64_t dst_floats = count * g.dst_step + 2 * GUARD, total = a_floats + b_floats + form->n + 4 * dst_floats;
    memset(out, 0, sizeof *out);
    out->floats = malloc((size_t)total * sizeof(float));
    out->before = malloc((size_t)(2 * dst_floats) * sizeof(float));
    ck_assert(out->floats && out->before);
    for (int64_t i = 0; i < total; i++)
        out->floats[i] = draw_value();
    float *at = out->floats;
    g.a.data = at;
    g.b.data = out->b = at + a_floats;
    g.bias = form->bias ? at + a_floats + b_floats : NULL;
    g.b.dtype = form->dtype;
    if (pt__dtype_is_narrow(form->dtype))
        g.b.data = out->narrow = narrow_copy(form->dtype, at + a_floats, b_floats);
    out->dst_at = a_floats + b_floats + form->n;
    out->pre_at = out->dst_at + dst_floats;
    out->dst_floats = dst_floats;
    g.dst = at + out->dst_at + GUARD;
    g.preactivation = form->preactivation ? g.dst + dst_floats : NULL;
    g.slope_source = form->slope ? g.dst + 2 * dst_floats : NULL;
    g.residual = form->residual == 1 ? g.dst + 3 * dst_floats : form->residual == 2 ? g.dst : NULL;
    g.a.transposed = form->a_transposed;
    g.b.transposed = form->b_transposed;
    g.accumulate = form->accumulate;
    g.activation = form->activation;
    out->residual_is_dst = form->residual == 2;
    if (!form->accumulate && !out->residual_is_dst) /* whatever dst held must not matter */
        for (int64_t i = 0; i < count * g.dst_step; i++)
            g.dst[i] = NAN;
    out->gemm = g;
    memcpy(out->before, at + out->dst_at, (size_t)(2 * dst_floats) * sizeof(float));
}

static void free_case(gemm_case_t *c)
{
    free(c->floats);
    free(c->narrow);
    free(c->before);
    free(c->products);
}

static void restore(gemm_case_t *c)
{
    memcpy(c->floats + c->dst_at, c->before, (size_t)(2 * c->dst_floats) * sizeof(float));
}

static double logistic(double x)
{
    return 1.0 / (1.0 + exp(-x));
}

static double activate(int32_t activation, double x)
{
    switch (activation) {
    case PT_ACTIVATION_RELU:
        return x > 0.0 ? x : 0.0;
    case PT_ACTIVATION_GELU_TANH:
        return 0.5 * x * (1.0 + tanh(0.79788456080286536 * (x + 0.044715 * x * x * x)));
    case PT_ACTIVATION_GELU_ERF:
        return 0.5 * x * (1.0 + erf(x * 0.70710678118654752));
    case PT_ACTIVATION_SILU:
        return x * logistic(x);
    case PT_ACTIVATION_TANH:
        return tanh(x);
    case PT_ACTIVATION_SIGMOID:
        return logistic(x);
    case PT_ACTIVATION_RELU6:
        return fmin(fmax(x, 0.0), 6.0);
    case PT_ACTIVATION_HARDSWISH:
        return x * fmin(fmax(x + 3.0, 0.0), 6.0) / 6.0;
    default:
        return x;
    }
}

static double slope_of(int32_t activation, double x)
{ /* symmetric difference: error about 1e-10 */
    const double h = 1e-5;
    if (activation == PT_ACTIVATION_NONE)
        return 1.0;
    if (activation == PT_ACTIVATION_RELU)
        return x > 0.0 ? 1.0 : 0.0;
    if (activation == PT_ACTIVATION_RELU6)
        return x > 0.0 && x < 6.0 ? 1.0 : 0.0;
    return (activate(activation, x + h) - activate(activation, x - h)) / (2.0 * h);
}

/* The product of row i and column j; *size is the sum of the terms' sizes, for the tolerance. */
static double product_at(const pt__gemm_t *g, const float *a, const float *b, int64_t i, int64_t j, double *size)
{
    double sum = 0.0;
    *size = 0.0;
    for (int64_t k = 0; k < g->k; k++) {
        double x = g->a.transposed ? a[k * g->a.stride + i] : a[i * g->a.stride + k];
        double y = g->b.transposed ? b[j * g->b.stride + k] : b[k * g->b.stride + j];
        sum += x * y;
        *size += fabs(x * y);
    }
    return sum;
}

static void check_element(const gemm_case_t *c, int64_t p, int64_t i, int64_t j, const double *product,
                          const char *what)
{
    const pt__gemm_t *g = &c->gemm;
    int64_t at = p * g->dst_step + i * g->dst_stride + j;
    const float *old = c->before + GUARD;
    double value = product[0], size = product[1];
    value += g->accumulate ? (double)old[at] : 0.0;
    value += g->bias ? (double)g->bias[j] : 0.0;
    double residual = !g->residual ? 0.0 : c->residual_is_dst ? (double)old[at] : (double)g->residual[at];
    value += g->slope_source ? 0.0 : residual;
    double tolerance = 1e-6 * (size + 3.0) * (1.0 + sqrt((double)g->k) / 16.0);
    if (g->preactivation)
        ck_assert_msg(fabs((double)g->preactivation[at] - value) <= tolerance,
                      "%s: preactivation [%d,%d,%d] %g, not %g", what, (int)p, (int)i, (int)j,
                      (double)g->preactivation[at], value);
    if (g->slope_source)
        value = value * slope_of(g->activation, (double)g->slope_source[at]) + residual;
    else
        value = activate(g->activation, value);
    ck_assert_msg(fabs((double)g->dst[at] - value) <= tolerance, "%s: dst [%d,%d,%d] is %.8g, not %.8g (tolerance %g)",
                  what, (int)p, (int)i, (int)j, (double)g->dst[at], value, tolerance);
}

/* Large products are checked at some of their elements, borders always. The operands are the same for every level, room
 * and number of threads, so their products are made once. */
static void check_result(gemm_case_t *c, const char *what)
{
    const pt__gemm_t *g = &c->gemm;
    int64_t count = g->count == 0 ? 1 : g->count;
    const int32_t is_new = c->products == NULL;
    if (is_new)
        c->products = malloc((size_t)(count * g->m * g->n + 1) * 2 * sizeof(double));
    double *product = c->products;
    ck_assert_ptr_nonnull(product);
    int64_t step_i = g->m * g->n * g->k > 2000000 ? 7 : 1, step_j = step_i > 1 ? 11 : 1;
    for (int64_t p = 0; p < count; p++)
        for (int64_t i = 0; i < g->m; i += i + step_i < g->m || i == g->m - 1 ? step_i : g->m - 1 - i)
            for (int64_t j = 0; j < g->n; j += j + step_j < g->n || j == g->n - 1 ? step_j : g->n - 1 - j) {
                if (is_new)
                    product[0] = product_at(g, (const float *)g->a.data + p * g->a.step, c->b + p * g->b.step, i, j,
                                            &product[1]);
                check_element(c, p, i, j, product, what);
                product += 2;
            }
}

/* What lies between rows, between products and around the arrays is as before. */
static void check_guards(const gemm_case_t *c, const char *what)
{
    const pt__gemm_t *g = &c->gemm;
    int64_t count = g->count == 0 ? 1 : g->count;
    for (int array = 0; array < 2; array++) {
        const float *now = c->floats + c->dst_at + array * c->dst_floats, *old = c->before + array * c->dst_floats;
        int used = array == 0 || g->preactivation;
        for (int64_t i = 0; i < c->dst_floats; i++) {
            int64_t in_product = (i - GUARD) % g->dst_step, row = in_product / g->dst_stride;
            int inside = used && i >= GUARD && i < GUARD + count * g->dst_step && row < g->m &&
                         in_product % g->dst_stride < g->n;
            ck_assert_msg(inside || memcmp(now + i, old + i, sizeof(float)) == 0, "%s: float %d outside was written",
                          what, (int)i);
        }
    }
}

/* ---- every level, backend and thread count */

static void describe(char *text, size_t size, const form_t *f, pt__level_t level, pt__gemm_backend_t backend,
                     int threads)
{
    snprintf(text, size,
             "%s %s %d threads, %s, m %d n %d k %d count %d, ta %d tb %d acc %d act %d bias %d pre %d slope %d res %d "
             "strides %d",
             pt__level_name(level), backend == PT__GEMM_OWN ? "own" : "cblas", threads,
             f->dtype ? pt__dtype_name(f->dtype) : "float32", (int)f->m, (int)f->n, (int)f->k, (int)f->count,
             f->a_transposed, f->b_transposed, f->accumulate, f->activation, f->bias, f->preactivation, f->slope,
             f->residual, f->wide_strides);
}

/* A narrow b has the sums that its numbers have as floats, bit for bit, but where passes end with whole blocks. */
static void check_twin(const form_t *form, gemm_case_t *c, pt__device_t *device, const float *found, const char *what)
{
    pt__gemm_t twin = c->gemm;
    if (form->dtype >= PT__BLOCK_Q8_0 && form->k > 32 && !(form->m <= 4 && form->b_transposed && !form->a_transposed))
        return;
    twin.b.data = c->b;
    twin.b.dtype = PT_FLOAT32;
    restore(c);
    pt__gemm(device, &twin);
    ck_assert_msg(!memcmp(found, c->floats + c->dst_at, (size_t)c->dst_floats * sizeof(float)),
                  "%s: other bits than as floats", what);
}

static void try_form(const form_t *form, pt__device_t *devices[PT__LEVEL_COUNT][3][THREADS])
{
    gemm_case_t c;
    char what[256];
    make_case(form, &c);
    float *first = malloc((size_t)c.dst_floats * sizeof(float));
    ck_assert_ptr_nonnull(first);
    for (int level = 0; level < PT__LEVEL_COUNT; level++)
        for (int backend = PT__GEMM_OWN; backend <= PT__GEMM_CBLAS; backend++)
            for (int t = 0; t < THREADS; t++) {
                pt__device_t *device = devices[level][backend][t];
                if (!device)
                    continue;
                describe(what, sizeof what, form, (pt__level_t)level, (pt__gemm_backend_t)backend, thread_counts[t]);
                restore(&c);
                pt__gemm(device, &c.gemm);
                const float *now = c.floats + c.dst_at;
                if (t == 0) {
                    check_result(&c, what);
                    check_guards(&c, what);
                    memcpy(first, now, (size_t)c.dst_floats * sizeof(float));
                    if (pt__dtype_is_narrow(form->dtype) && backend == PT__GEMM_OWN)
                        check_twin(form, &c, device, first, what);
                } else if (backend == PT__GEMM_OWN) {
                    ck_assert_msg(!memcmp(first, now, (size_t)c.dst_floats * sizeof(float)), "%s: other bits", what);
                } else {
                    check_result(&c, what);
                }
            }
    free(first);
    free_case(&c);
}

static pt__device_t *devices[PT__LEVEL_COUNT][3][THREADS];

static void open_devices(void)
{
    set_up();
    for (int level = 0; level < PT__LEVEL_COUNT; level++)
        for (int backend = PT__GEMM_OWN; backend <= PT__GEMM_CBLAS; backend++)
            for (int t = 0; t < THREADS; t++)
                if (pt__level_supported((pt__level_t)level) &&
                    (backend == PT__GEMM_OWN || pt__gemm_cblas_name() != NULL))
                    ck_ok(pt__cpu_create(&memory, pools[t], (pt__level_t)level, (pt__gemm_backend_t)backend,
                                         &devices[level][backend][t]));
}

static void close_devices(void)
{
    for (int level = 0; level < PT__LEVEL_COUNT; level++)
        for (int backend = PT__GEMM_OWN; backend <= PT__GEMM_CBLAS; backend++)
            for (int t = 0; t < THREADS; t++)
                pt__device_free(devices[level][backend][t]);
    tear_down();
}

static int32_t draw_dtype(void)
{
    static const int32_t dtypes[] = {
        0, 0, 0, 0, 0, 0, PT_FLOAT32, PT_FLOAT16, PT_FLOAT16, PT_BFLOAT16, PT__BLOCK_Q8_0, PT__BLOCK_Q4_1};
    return dtypes[draw(sizeof dtypes / sizeof dtypes[0])];
}

START_TEST(test_gemm_small_sizes)
{
    static const int64_t sizes[] = {1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 13, 15, 16, 17, 28, 29, 32, 33, 50, 64, 65};
    const int n_sizes = (int)(sizeof sizes / sizeof sizes[0]);
    open_devices();
    for (int round = 0; round < 700; round++) {
        form_t form = {.m = sizes[draw((uint64_t)n_sizes)],
                       .n = sizes[draw((uint64_t)n_sizes)],
                       .k = sizes[draw((uint64_t)n_sizes)]};
        form.a_transposed = (int32_t)draw(2);
        form.b_transposed = (int32_t)draw(2);
        form.accumulate = (int32_t)draw(2);
        form.bias = (int32_t)draw(2);
        form.wide_strides = (int32_t)draw(2);
        form.dtype = draw_dtype();
        form.count = draw(5) == 0 ? (int64_t)draw(5) : 0;
        if (draw(2)) {
            form.activation = (int32_t)draw(PT__UNARY_ACTIVATIONS);
            form.slope = (int32_t)draw(2);
            form.preactivation = (int32_t)draw(2);
        }
        form.residual = (int32_t)draw(form.accumulate ? 2 : 3);
        try_form(&form, devices);
    }
    close_devices();
}
END_TEST

/* One of each path: tasks on the pool, several passes, columns packed whole and block by block, deep sums; few rows,
 * few columns and columns beyond the last panel, in one task and in several. */
START_TEST(test_gemm_large_sizes)
{
    static const form_t forms[] = {
        {.m = 150, .n = 200, .k = 90, .bias = 1, .activation = PT_ACTIVATION_GELU_TANH, .preactivation = 1},
        {.m = 300, .n = 260, .k = 700, .b_transposed = 1, .bias = 1, .activation = PT_ACTIVATION_SILU, .residual = 1},
        {.m = 129, .n = 1100, .k = 770, .b_transposed = 1, .bias = 1, .residual = 2},
        {.m = 131, .n = 1031, .k = 320, .accumulate = 1, .residual = 1},
        {.m = 520, .n = 97, .k = 600, .a_transposed = 1, .accumulate = 1},
        {.m = 333, .n = 310, .k = 1024, .a_transposed = 1, .b_transposed = 1, .wide_strides = 2},
        {.m = 200, .n = 1024, .k = 1024, .wide_strides = 2, .activation = PT_ACTIVATION_TANH, .slope = 1},
        {.m = 20, .n = 30, .k = 9000, .a_transposed = 1, .bias = 1, .activation = PT_ACTIVATION_RELU, .residual = 1},
        {.m = 17, .n = 70, .k = 5000, .accumulate = 1, .preactivation = 1},
        {.m = 1, .n = 3000, .k = 500, .b_transposed = 1, .bias = 1},
        {.m = 1, .n = 3000, .k = 500, .accumulate = 1},
        {.m = 3, .n = 2000, .k = 300, .b_transposed = 1, .activation = PT_ACTIVATION_SIGMOID, .slope = 1},
        {.m = 5, .n = 2000, .k = 300, .b_transposed = 1, .residual = 2, .activation = PT_ACTIVATION_SILU},
        {.m = 3000, .n = 1, .k = 400, .b_transposed = 1, .accumulate = 1},
        {.m = 3000, .n = 2, .k = 400},
        {.m = 4, .n = 4001, .k = 700, .b_transposed = 1, .bias = 1},
        {.m = 6001, .n = 2, .k = 700, .b_transposed = 1, .residual = 1},
        {.m = 251, .n = 11, .k = 3000, .b_transposed = 1, .bias = 1},
        {.m = 300, .n = 290, .k = 700, .b_transposed = 1, .accumulate = 1},
        {.m = 300, .n = 257, .k = 700, .b_transposed = 1, .bias = 1},
        {.m = 500, .n = 400, .k = 0, .bias = 1},
        {.m = 200000, .n = 2, .k = 0, .b_transposed = 1, .residual = 1},
        {.m = 2000, .n = 10, .k = 256, .a_transposed = 1},
        {.m = 100, .n = 3500, .k = 1300, .b_transposed = 1},
        {.m = 600, .n = 900, .k = 3000, .bias = 1},
        {.m = 64, .n = 64, .k = 48, .count = 12, .b_transposed = 1},
        {.m = 48, .n = 64, .k = 64, .count = 9, .a_transposed = 1, .accumulate = 1},
        {.m = 300, .n = 300, .k = 300, .count = 2, .bias = 1, .activation = PT_ACTIVATION_RELU},
    };
    open_devices();
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        try_form(&forms[i], devices);
    close_devices();
}
END_TEST

/* What depends on the processor (gemm_fit.c) decides where a is read, and no bit. */
START_TEST(test_gemm_staged)
{
    static const form_t forms[] = {
        {.m = 333, .n = 420, .k = 300, .a_transposed = 1, .bias = 1},
        {.m = 64, .n = 700, .k = 521, .a_transposed = 1, .accumulate = 1, .wide_strides = 1},
        {.m = 129, .n = 391, .k = 1025, .a_transposed = 1, .wide_strides = 2},
        {.m = 40, .n = 130, .k = 200, .a_transposed = 1},
        {.m = 70, .n = 800, .k = 1024, .a_transposed = 1, .bias = 1},
        {.m = 131, .n = 1031, .k = 320, .residual = 1},
        {.m = 61, .n = 600, .k = 517, .accumulate = 1, .wide_strides = 1},
        {.m = 105, .n = 400, .k = 1025, .wide_strides = 2},
    };
    open_devices();
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        for (int level = 0; level < PT__LEVEL_COUNT; level++) {
            pt__device_t *device = devices[level][PT__GEMM_OWN][0];
            gemm_case_t c;
            char what[256];
            if (!device)
                continue;
            make_case(&forms[i], &c);
            float *first = malloc((size_t)c.dst_floats * sizeof(float));
            ck_assert_ptr_nonnull(first);
            describe(what, sizeof what, &forms[i], (pt__level_t)level, PT__GEMM_OWN, 1);
            for (int32_t fused = 1; fused <= 2; fused++) {
                pt__cpu(device)->fused = fused;
                restore(&c);
                pt__gemm(device, &c.gemm);
                check_result(&c, what);
                check_guards(&c, what);
                if (fused == 1)
                    memcpy(first, c.floats + c.dst_at, (size_t)c.dst_floats * sizeof(float));
            }
            ck_assert_msg(!memcmp(first, c.floats + c.dst_at, (size_t)c.dst_floats * sizeof(float)), "%s: other bits",
                          what);
            free(first);
            free_case(&c);
        }
    close_devices();
}
END_TEST

static const int32_t few_dtypes[] = {PT_FLOAT16, PT_BFLOAT16, PT__BLOCK_Q8_0};
static const int32_t all_blocks[] = {PT__BLOCK_Q8_0, PT__BLOCK_Q4_0, PT__BLOCK_Q4_1, PT__BLOCK_Q5_0,
                                     PT__BLOCK_Q5_1, PT__BLOCK_Q4_K, PT__BLOCK_Q5_K, PT__BLOCK_Q6_K};

/* b stored narrower, in each of the formats. */
static void try_narrow(const form_t *forms, size_t n_forms, const int32_t *dtypes, size_t n_dtypes)
{
    open_devices();
    for (size_t i = 0; i < n_forms; i++)
        for (size_t d = 0; d < n_dtypes; d++) {
            form_t form = forms[i];
            form.dtype = dtypes[d];
            try_form(&form, devices);
        }
    close_devices();
}

/* Packed whole, from either layout; sums along the depth; deep sums; batches; a column, a row. */
START_TEST(test_gemm_narrow)
{
    static const form_t forms[] = {
        {.m = 150, .n = 200, .k = 96, .bias = 1, .activation = PT_ACTIVATION_GELU_TANH, .preactivation = 1},
        {.m = 20, .n = 800, .k = 600, .accumulate = 1},
        {.m = 20, .n = 30, .k = 9000, .a_transposed = 1, .bias = 1, .activation = PT_ACTIVATION_RELU, .residual = 1},
        {.m = 20, .n = 30, .k = 9001, .b_transposed = 1, .bias = 1},
        {.m = 1, .n = 3000, .k = 500, .b_transposed = 1, .bias = 1},
        {.m = 1, .n = 3000, .k = 500, .accumulate = 1},
        {.m = 3, .n = 2000, .k = 300, .b_transposed = 1, .activation = PT_ACTIVATION_SIGMOID, .residual = 1},
        {.m = 2, .n = 37, .k = 9000, .b_transposed = 1, .bias = 1, .accumulate = 1},
        {.m = 2, .n = 9, .k = 140000, .b_transposed = 1},
        {.m = 3000, .n = 1, .k = 400},
        {.m = 3000, .n = 2, .k = 400, .b_transposed = 1},
        {.m = 4, .n = 400, .k = 0, .b_transposed = 1, .bias = 1},
        {.m = 30, .n = 400, .k = 0, .b_transposed = 1, .bias = 1},
        {.m = 70, .n = 97, .k = 200, .b_transposed = 1, .activation = PT_ACTIVATION_RELU, .slope = 1, .residual = 1},
        {.m = 9, .n = 66, .k = 16500, .b_transposed = 1},
        {.m = 40, .n = 33, .k = 75, .count = 3, .b_transposed = 1, .accumulate = 1},
        {.m = 64, .n = 64, .k = 48, .count = 12, .b_transposed = 1},
    };
    try_narrow(forms, sizeof forms / sizeof forms[0], few_dtypes, sizeof few_dtypes / sizeof few_dtypes[0]);
}
END_TEST

/* Block by block; staged where a and b are exchanged; rows too long for the workspace. */
START_TEST(test_gemm_narrow_large)
{
    static const form_t forms[] = {
        {.m = 300, .n = 260, .k = 700, .b_transposed = 1, .bias = 1, .activation = PT_ACTIVATION_SILU, .residual = 1},
        {.m = 520, .n = 300, .k = 1100, .b_transposed = 1, .residual = 2},
        {.m = 70, .n = 1100, .k = 770, .b_transposed = 1, .bias = 1, .activation = PT_ACTIVATION_RELU, .slope = 1},
        {.m = 17, .n = 1031, .k = 1300, .b_transposed = 1, .accumulate = 1, .residual = 1},
        {.m = 33, .n = 700, .k = 512, .a_transposed = 1, .b_transposed = 1, .bias = 1, .wide_strides = 1},
        {.m = 200, .n = 1024, .k = 1024, .wide_strides = 2, .activation = PT_ACTIVATION_TANH, .slope = 1},
        {.m = 300, .n = 1026, .k = 300, .b_transposed = 1, .bias = 1}, /* columns beyond the last panel */
        {.m = 300, .n = 300, .k = 300, .count = 2, .bias = 1, .activation = PT_ACTIVATION_RELU},
    };
    try_narrow(forms, sizeof forms / sizeof forms[0], few_dtypes, sizeof few_dtypes / sizeof few_dtypes[0]);
}
END_TEST

/* Blocks that become floats in registers, of one to four rows, in one task and in several; and those that do not. */
START_TEST(test_gemm_few_rows_of_blocks)
{
    static const form_t forms[] = {
        {.m = 1, .n = 3000, .k = 512, .b_transposed = 1, .bias = 1},
        {.m = 1, .n = 37, .k = 768, .b_transposed = 1, .accumulate = 1},
        {.m = 2, .n = 701, .k = 512, .b_transposed = 1, .activation = PT_ACTIVATION_SIGMOID, .residual = 1},
        {.m = 3, .n = 5, .k = 256, .b_transposed = 1, .bias = 1, .preactivation = 1},
        {.m = 4, .n = 900, .k = 1024, .b_transposed = 1, .residual = 2},
        {.m = 4, .n = 3, .k = 512, .count = 3, .b_transposed = 1},
        {.m = 5, .n = 11, .k = 512, .b_transposed = 1},
        {.m = 2, .n = 9, .k = 100, .b_transposed = 1},
        {.m = 30, .n = 300, .k = 512, .b_transposed = 1, .bias = 1},
        {.m = 30, .n = 512, .k = 33},
        {.m = 2, .n = 512, .k = 70},
    };
    try_narrow(forms, sizeof forms / sizeof forms[0], all_blocks, sizeof all_blocks / sizeof all_blocks[0]);
}
END_TEST

START_TEST(test_gemm_nothing_to_do)
{
    open_devices();
    for (int level = 0; level < PT__LEVEL_COUNT; level++)
        for (int backend = PT__GEMM_OWN; backend <= PT__GEMM_CBLAS; backend++) {
            float a[4] = {NAN, NAN, NAN, NAN}, bias[2] = {1.0f, -2.0f}, dst[4] = {NAN, NAN, NAN, 7.0f};
            pt__gemm_t gemm = {
                .m = 2, .n = 2, .a = {.data = a, .stride = 2}, .b = {.data = a, .stride = 2}, .dst = dst};
            gemm.dst_stride = 2;
            pt__device_t *device = devices[level][backend][1];
            if (!device)
                continue;
            gemm.bias = bias;
            gemm.activation = PT_ACTIVATION_RELU;
            pt__gemm(device, &gemm); /* k 0: the epilogue of zeros */
            ck_assert(dst[0] == 1.0f && dst[1] == 0.0f && dst[2] == 1.0f && dst[3] == 0.0f);
            gemm.accumulate = 1;
            gemm.activation = PT_ACTIVATION_NONE;
            pt__gemm(device, &gemm);
            ck_assert(dst[0] == 2.0f && dst[1] == -2.0f && dst[2] == 2.0f && dst[3] == -2.0f);
            gemm.k = 2;
            gemm.m = 0;
            pt__gemm(device, &gemm);
            gemm.m = 2;
            gemm.n = 0;
            pt__gemm(device, &gemm);
            ck_assert(dst[0] == 2.0f && dst[1] == -2.0f && dst[2] == 2.0f && dst[3] == -2.0f);
        }
    close_devices();
}
END_TEST

/* What is not finite comes through, and only where it belongs. */
START_TEST(test_gemm_not_finite)
{
    open_devices();
    for (int level = 0; level < PT__LEVEL_COUNT; level++)
        for (int backend = PT__GEMM_OWN; backend <= PT__GEMM_CBLAS; backend++) {
            form_t form = {.m = 37, .n = 41, .k = 19};
            gemm_case_t c;
            pt__device_t *device = devices[level][backend][1];
            if (!device)
                continue;
            make_case(&form, &c);
            ((float *)c.gemm.a.data)[5 * c.gemm.a.stride + 3] = NAN;
            ((float *)c.gemm.b.data)[2 * c.gemm.b.stride + 40] = INFINITY;
            pt__gemm(device, &c.gemm);
            for (int64_t i = 0; i < form.m; i++)
                for (int64_t j = 0; j < form.n; j++) {
                    float value = c.gemm.dst[i * c.gemm.dst_stride + j];
                    ck_assert(i == 5 ? isnan(value) : j == 40 ? isinf(value) || isnan(value) : isfinite(value));
                }
            free_case(&c);
        }
    close_devices();
}
END_TEST

/* ---- sums of the operands over the depth */

typedef struct sums_case {
    pt__gemm_t gemm;
    float *floats;        /* a, b, dst, and the sums of both with what stands behind each, twice */
    float *a_sum, *b_sum; /* [m + 1], [n + 1] one after the other */
    float *first;         /* the same of another run */
} sums_case_t;

static sums_case_t make_sums_case(const form_t *form, int accumulate)
{
    const int64_t m = form->m, n = form->n, k = form->k, operands = k * (m + n);
    sums_case_t c = {.floats = malloc((size_t)(operands + m * n + 2 * (m + n + 2)) * sizeof(float))};
    ck_assert_ptr_nonnull(c.floats);
    for (int64_t i = 0; i < operands; i++)
        c.floats[i] = draw_value();
    float *dst = c.floats + operands;
    c.a_sum = dst + m * n;
    c.b_sum = c.a_sum + m + 1;
    c.first = c.b_sum + n + 1;
    c.gemm = (pt__gemm_t){.m = m,
                          .n = n,
                          .k = k,
                          .a = {.data = c.floats, .stride = m, .transposed = 1},
                          .b = {.data = c.floats + k * m, .stride = n},
                          .dst = dst,
                          .dst_stride = n,
                          .a_sum = c.a_sum,
                          .b_sum = c.b_sum,
                          .accumulate_sums = accumulate};
    return c;
}

static void check_sums(const float *sums, const float *values, int64_t n, int64_t depth, double before)
{
    for (int64_t i = 0; i < n; i++) {
        double sum = before;
        for (int64_t k = 0; k < depth; k++)
            sum += (double)values[k * n + i];
        ck_assert_double_eq_tol((double)sums[i], sum, 1e-6 * (double)(depth + 10));
    }
    ck_assert(sums[n] == 5.0f); /* behind them */
}

/* With dst and without: the sums have the same bits. */
static void try_sums(sums_case_t *c, pt__device_t *device, int first)
{
    const pt__gemm_t *g = &c->gemm;
    const int64_t count = g->m + g->n + 2;
    for (int without = 0; without < 2; without++) {
        pt__gemm_t gemm = *g;
        for (int64_t i = 0; i < count; i++)
            c->a_sum[i] = g->accumulate_sums ? 2.0f : NAN;
        c->a_sum[g->m] = c->b_sum[g->n] = 5.0f;
        if (without)
            gemm.dst = NULL;
        pt__gemm(device, &gemm);
        check_sums(c->a_sum, g->a.data, g->m, g->k, g->accumulate_sums ? 2.0 : 0.0);
        check_sums(c->b_sum, g->b.data, g->n, g->k, g->accumulate_sums ? 2.0 : 0.0);
        if (first && !without)
            memcpy(c->first, c->a_sum, (size_t)count * sizeof(float));
        ck_assert_int_eq(memcmp(c->first, c->a_sum, (size_t)count * sizeof(float)), 0);
    }
    for (int64_t i = 0; i < g->m; i += 1 + g->m / 7)
        for (int64_t j = 0; j < g->n; j += 1 + g->n / 7) {
            double size, value = product_at(g, g->a.data, g->b.data, i, j, &size);
            ck_assert_double_eq_tol((double)g->dst[i * g->n + j], value, 1e-6 * (size + 3.0));
        }
}

/* They come with the product, at any thread count in the same bits. */
static void try_sums_of(const form_t *forms, size_t count)
{
    open_devices();
    for (size_t f = 0; f < count; f++)
        for (int accumulate = 0; accumulate < 2; accumulate++) {
            sums_case_t c = make_sums_case(&forms[f], accumulate);
            for (int level = 0; level < PT__LEVEL_COUNT; level++)
                for (int backend = PT__GEMM_OWN; backend <= PT__GEMM_CBLAS; backend++)
                    for (int t = 0; t < THREADS && devices[level][backend][0]; t++)
                        try_sums(&c, devices[level][backend][t], t == 0);
            free(c.floats);
        }
    close_devices();
}

START_TEST(test_gemm_sums)
{
    static const form_t forms[] = {
        {.m = 7, .n = 5, .k = 9},      {.m = 150, .n = 90, .k = 1100}, {.m = 40, .n = 700, .k = 64},
        {.m = 20, .n = 30, .k = 9000}, {.m = 3, .n = 2, .k = 700},     {.m = 1, .n = 800, .k = 900},
        {.m = 900, .n = 1, .k = 800},  {.m = 1, .n = 1, .k = 64},      {.m = 1, .n = 1, .k = 3000},
        {.m = 16, .n = 1, .k = 100},   {.m = 64, .n = 1, .k = 2000},   {.m = 1, .n = 16, .k = 100},
        {.m = 1, .n = 10, .k = 2000},
    };
    try_sums_of(forms, sizeof forms / sizeof forms[0]);
}
END_TEST

START_TEST(test_gemm_large_sums)
{
    static const form_t forms[] = {{.m = 600, .n = 500, .k = 300}, {.m = 300, .n = 1024, .k = 1024}};
    try_sums_of(forms, sizeof forms / sizeof forms[0]);
}
END_TEST

START_TEST(test_gemm_device)
{
    pt__device_t *device;
    set_up();
    ck_ok(pt__cpu_create(&memory, pools[1], PT__LEVEL_COUNT, PT__GEMM_AUTO, &device));
    ck_assert_int_eq(pt__cpu(device)->level, pt__level_best());
    int32_t by_cblas = pt__cpu(device)->level == PT__LEVEL_PORTABLE && pt__gemm_cblas_name() != NULL;
    ck_assert_int_eq(pt__cpu(device)->backend, by_cblas ? PT__GEMM_CBLAS : PT__GEMM_OWN);
    ck_assert_ptr_nonnull(strstr(pt__device_describe(device), pt__level_name(pt__cpu(device)->level)));
    ck_ok(pt__cpu_reserve(device, 3 << 20));
    for (int32_t i = 0; i < 2; i++) {
        float *scratch = pt__cpu_scratch(device, i);
        ck_assert_uint_eq((uintptr_t)scratch % 64, 0);
        memset(scratch, 1, 3 << 20);
    }
    pt__device_free(device);
    pt__device_free(NULL);
    for (int level = 0; level < PT__LEVEL_COUNT; level++) {
        ck_assert_int_eq(pt__level_find(pt__level_name((pt__level_t)level)), level);
        if (!pt__level_supported((pt__level_t)level)) {
            ck_fails(pt__cpu_create(&memory, pools[0], (pt__level_t)level, PT__GEMM_AUTO, &device), PT_ERR_UNSUPPORTED,
                     pt__level_name((pt__level_t)level));
            ck_assert_ptr_null(device);
        }
    }
    ck_assert_int_eq(pt__level_find("avx1024"), PT__LEVEL_COUNT);
    ck_assert_int_eq(pt__level_find(NULL), PT__LEVEL_COUNT);
    tear_down();
}
END_TEST

/* n numbers whose last stands at the end of what may be read. */
static float *at_the_end(int64_t n, void **pages, size_t *bytes)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), whole = ((size_t)n * sizeof(float) + page - 1) / page * page;
    *bytes = whole + page;
    *pages = mmap(NULL, *bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(*pages, MAP_FAILED);
    ck_assert_int_eq(mprotect((char *)*pages + whole, page, PROT_NONE), 0);
    float *values = (float *)(void *)((char *)*pages + whole) - n;
    for (int64_t i = 0; i < n; i++)
        values[i] = draw_value();
    return values;
}

/* Operands are read whole vectors at a time, but never beyond their end. */
START_TEST(test_gemm_reads_no_further)
{
    static const int64_t sizes[][3] = {{341, 129, 531}, {35, 90, 300}, {323, 65, 90}, {100, 67, 129}};
    open_devices();
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
        for (int form = 0; form < 4; form++) {
            const int64_t m = sizes[s][0], n = sizes[s][1], k = sizes[s][2];
            const int32_t a_transposed = form & 1, b_transposed = form >> 1;
            void *pages[2];
            size_t bytes[2];
            float *dst = malloc((size_t)(m * n) * sizeof(float));
            ck_assert_ptr_nonnull(dst);
            pt__gemm_t gemm = {.m = m, .n = n, .k = k, .dst = dst, .dst_stride = n};
            gemm.a = (pt__matrix_t){.data = at_the_end(m * k, &pages[0], &bytes[0]), .transposed = a_transposed};
            gemm.b = (pt__matrix_t){.data = at_the_end(n * k, &pages[1], &bytes[1]), .transposed = b_transposed};
            gemm.a.stride = a_transposed ? m : k;
            gemm.b.stride = b_transposed ? k : n;
            for (int level = 0; level < PT__LEVEL_COUNT; level++)
                for (int t = 0; t < THREADS && devices[level][PT__GEMM_OWN][0]; t++)
                    pt__gemm(devices[level][PT__GEMM_OWN][t], &gemm);
            double size;
            double last = product_at(&gemm, gemm.a.data, gemm.b.data, m - 1, n - 1, &size);
            ck_assert_double_eq_tol((double)dst[m * n - 1], last, 1e-5 * (size + 1.0));
            munmap(pages[0], bytes[0]);
            munmap(pages[1], bytes[1]);
            free(dst);
        }
    close_devices();
}
END_TEST

/* Few rows read b as it lies in memory, more go by tiles: the bits of a row are the same. */
START_TEST(test_gemm_few_rows)
{
    enum { ROWS = 6, COLUMNS = 2500, DEPTH = 1100 };
    static const int64_t columns[] = {64, 70, 131, COLUMNS}, depths[] = {1, 3, 4, 67, DEPTH};
    float *a = malloc(sizeof(float) * ROWS * DEPTH), *b = malloc(sizeof(float) * DEPTH * COLUMNS);
    float *all = malloc(sizeof(float) * ROWS * COLUMNS), *few = malloc(sizeof(float) * ROWS * COLUMNS);
    float *bias = malloc(sizeof(float) * COLUMNS), *residual = malloc(sizeof(float) * ROWS * COLUMNS);
    ck_assert(a && b && all && few && bias && residual);
    for (int64_t i = 0; i < ROWS * DEPTH; i++)
        a[i] = draw_value();
    for (int64_t i = 0; i < DEPTH * COLUMNS; i++)
        b[i] = draw_value();
    for (int64_t i = 0; i < ROWS * COLUMNS; i++)
        residual[i] = draw_value();
    memcpy(bias, residual + 7, sizeof(float) * COLUMNS);
    open_devices();
    for (int level = 0; level < PT__LEVEL_COUNT; level++)
        for (int t = 0; t < THREADS && devices[level][PT__GEMM_OWN][0]; t++)
            for (int c = 0; c < 4 * 5 * 4; c++) {
                const int64_t n = columns[c % 4], k = depths[c / 4 % 5], m = 1 + c / 20;
                pt__gemm_t gemm = {.m = ROWS, .n = n, .k = k, .dst = all, .dst_stride = n};
                gemm.a = (pt__matrix_t){.data = a, .stride = c % 2 ? DEPTH : ROWS, .transposed = c % 2 == 0};
                gemm.b = (pt__matrix_t){.data = b, .stride = COLUMNS};
                gemm.bias = c % 3 ? bias : NULL;
                gemm.residual = c % 5 ? residual : NULL;
                gemm.activation = c % 7 ? PT_ACTIVATION_NONE : PT_ACTIVATION_SILU;
                pt__gemm(devices[level][PT__GEMM_OWN][t], &gemm);
                gemm.m = m;
                gemm.dst = few;
                pt__gemm(devices[level][PT__GEMM_OWN][t], &gemm);
                ck_assert_mem_eq(few, all, sizeof(float) * (size_t)(m * n));
            }
    close_devices();
    free(a), free(b), free(all), free(few), free(bias), free(residual);
}
END_TEST

SUITE("gemm", 120, test_gemm_small_sizes, test_gemm_few_rows, test_gemm_large_sizes, test_gemm_staged, test_gemm_narrow,
      test_gemm_narrow_large, test_gemm_few_rows_of_blocks, test_gemm_nothing_to_do, test_gemm_not_finite,
      test_gemm_sums, test_gemm_large_sums, test_gemm_reads_no_further, test_gemm_device)
