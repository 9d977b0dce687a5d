/* Softmax, log-softmax, layer norm and RMS norm over rows, with their gradients, also in place and with a residual. */
#include "kernels/every_device.h"

typedef struct row_case {
    int64_t rows, columns;
    int32_t log, in_place, rms, accumulate;
    const float *src, *weight, *bias, *d_dst, *residual, *dst, *mean, *inverse;
} row_case_t;

static const int64_t shapes[][2] = {{0, 4},    {1, 1},    {3, 2},     {64, 10},   {7, 16},   {5, 33},
                                    {130, 65}, {48, 384}, {700, 128}, {3, 50257}, {9, 4099}, {1000, 3}};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

/* ---- softmax */

static void run_softmax(pt__dev device, const void *argument, float *out)
{
    const row_case_t *c = argument;
    if (c->in_place)
        memcpy(out, c->src, (size_t)(c->rows * c->columns) * sizeof(float));
    device->kernels->softmax(device, c->rows, c->columns, c->log, c->in_place ? out : c->src, out);
}

static void run_softmax_gradient(pt__dev device, const void *argument, float *out)
{
    const row_case_t *c = argument;
    if (c->in_place)
        memcpy(out, c->d_dst, (size_t)(c->rows * c->columns) * sizeof(float));
    device->kernels->softmax_gradient(device, c->rows, c->columns, c->log, c->dst, c->in_place ? out : c->d_dst, out);
}

static void expect_softmax(const row_case_t *c, int64_t r, double *value, double *gradient, float *dst)
{
    const float *x = c->src + r * c->columns, *d = c->d_dst + r * c->columns;
    double max = -INFINITY, sum = 0.0, total = 0.0;
    for (int64_t i = 0; i < c->columns; i++)
        max = (double)x[i] > max ? (double)x[i] : max;
    for (int64_t i = 0; i < c->columns; i++)
        sum += exp((double)x[i] - max);
    for (int64_t i = 0; i < c->columns; i++) {
        double y = exp((double)x[i] - max) / sum;
        value[i] = c->log ? (double)x[i] - max - log(sum) : y;
        dst[i] = (float)value[i];
        total += c->log ? (double)d[i] : (double)d[i] * y;
    }
    for (int64_t i = 0; i < c->columns; i++)
        gradient[i] = c->log ? (double)d[i] - exp(value[i]) * total : value[i] * ((double)d[i] - total);
}

START_TEST(test_softmax)
{
    for (int s = 0; s < SHAPES; s++)
        for (int32_t log = 0; log < 2; log++) {
            int64_t rows = shapes[s][0], columns = shapes[s][1], n = rows * columns;
            float *src = draw_values(n), *d_dst = draw_values(n), *dst = draw_values(n);
            double *value = zero_doubles(n), *gradient = zero_doubles(n);
            for (int64_t i = 0; i < n; i++)
                src[i] = src[i] * 20.0f + 500.0f;
            for (int64_t r = 0; r < rows; r += 5)
                src[r * columns] = columns > 1 && !log ? -INFINITY : src[r * columns];
            row_case_t c = {.rows = rows, .columns = columns, .log = log, .src = src, .d_dst = d_dst, .dst = dst};
            for (int64_t r = 0; r < rows; r++)
                expect_softmax(&c, r, value + r * columns, gradient + r * columns, dst + r * columns);
            for (c.in_place = 0; c.in_place < 2; c.in_place++) {
                on_every_device("softmax", run_softmax, &c, n, NULL, value, 3e-6);
                on_every_device("softmax gradient", run_softmax_gradient, &c, n, NULL, gradient, 2e-5);
            }
            free(src), free(d_dst), free(dst), free(value), free(gradient);
        }
}
END_TEST

/* ---- norms: out is dst, then mean, then inverse */

static void run_norm(pt__dev device, const void *argument, float *out)
{
    const row_case_t *c = argument;
    int64_t n = c->rows * c->columns;
    const float *src = c->in_place ? out : c->src;
    if (c->in_place)
        memcpy(out, c->src, (size_t)n * sizeof(float));
    if (c->rms)
        device->kernels->rms_norm(device, c->rows, c->columns, 1e-5f, src, c->weight, out, out + n + c->rows);
    else
        device->kernels->layer_norm(device, c->rows, c->columns, 1e-5f, src, c->weight, c->bias, out, out + n,
                                    out + n + c->rows);
}

/* out is d_src, then d_weight, then d_bias */
static void run_norm_gradient(pt__dev device, const void *argument, float *out)
{
    const row_case_t *c = argument;
    int64_t n = c->rows * c->columns;
    const float *d_dst = c->d_dst, *residual = c->residual;
    if (c->in_place) {
        memcpy(out, c->in_place == 1 ? c->d_dst : c->residual, (size_t)n * sizeof(float));
        d_dst = c->in_place == 1 ? out : d_dst;
        residual = c->in_place == 2 ? out : residual;
    }
    const pt__norm_gradient_t norm = {.rows = c->rows,
                                      .columns = c->columns,
                                      .src = c->src,
                                      .weight = c->weight,
                                      .mean = c->rms ? NULL : c->mean,
                                      .inverse = c->inverse,
                                      .d_dst = d_dst,
                                      .residual = residual,
                                      .d_src = out,
                                      .d_weight = c->weight != NULL ? out + n : NULL,
                                      .d_bias = !c->rms && c->bias != NULL ? out + n + c->columns : NULL,
                                      .accumulate = c->rms ? c->accumulate & 1 : c->accumulate};
    if (c->rms)
        device->kernels->rms_norm_gradient(device, &norm);
    else
        device->kernels->layer_norm_gradient(device, &norm);
}

typedef struct expected {
    double *forward, *gradient; /* as the runs write them */
    float *mean, *inverse;
} expected_t;

static void expect_norm(const row_case_t *c, int64_t r, expected_t *e)
{
    int64_t n = c->columns, at = r * n, all = c->rows * n;
    const float *x = c->src + at;
    double mean = 0.0, variance = 0.0, mean_g = 0.0, mean_gh = 0.0;
    for (int64_t i = 0; i < n && !c->rms; i++)
        mean += (double)x[i] / (double)n;
    for (int64_t i = 0; i < n; i++)
        variance += ((double)x[i] - mean) * ((double)x[i] - mean) / (double)n;
    double inverse = 1.0 / sqrt(variance + (double)1e-5f);
    e->forward[all + r] = c->rms ? NAN : mean;
    e->forward[all + c->rows + r] = inverse;
    e->mean[r] = (float)mean;
    e->inverse[r] = (float)inverse;
    for (int64_t i = 0; i < n; i++) {
        double w = c->weight != NULL ? (double)c->weight[i] : 1.0, h = ((double)x[i] - mean) * inverse;
        double d = (double)c->d_dst[at + i], g = d * w;
        e->forward[at + i] = h * w + (c->bias != NULL ? (double)c->bias[i] : 0.0);
        e->gradient[all + i] += c->weight != NULL ? d * h : 0.0;
        e->gradient[all + n + i] += c->bias != NULL ? d : 0.0;
        mean_g += c->rms ? 0.0 : g / (double)n;
        mean_gh += g * h / (double)n;
    }
    for (int64_t i = 0; i < n; i++) {
        double w = c->weight != NULL ? (double)c->weight[i] : 1.0, h = ((double)x[i] - mean) * inverse;
        e->gradient[at + i] = inverse * ((double)c->d_dst[at + i] * w - mean_g - h * mean_gh) +
                              (c->residual != NULL ? (double)c->residual[at + i] : 0.0);
    }
}

static void check_norm(int64_t rows, int64_t columns, int32_t rms, int affine, int32_t accumulate, int residual)
{
    int64_t n = rows * columns, outs = n + 2 * rows, d_outs = n + 2 * columns;
    float *src = draw_values(n), *weight = draw_values(columns), *bias = draw_values(columns);
    float *d_dst = draw_values(n), *added = draw_values(n), *before = draw_values(d_outs);
    expected_t e = {zero_doubles(outs), zero_doubles(d_outs), draw_values(rows), draw_values(rows)};
    for (int64_t i = 0; i < n; i++)
        src[i] = src[i] * 2.0f + 3.0f;
    row_case_t c = {.rows = rows,
                    .columns = columns,
                    .rms = rms,
                    .accumulate = accumulate,
                    .src = src,
                    .weight = affine ? weight : NULL,
                    .bias = affine && !rms ? bias : NULL,
                    .d_dst = d_dst,
                    .residual = residual ? added : NULL,
                    .mean = e.mean,
                    .inverse = e.inverse};
    for (int64_t i = 0; i < columns; i++) {
        e.gradient[n + i] = !affine || accumulate & 1 ? (double)before[n + i] : 0.0;
        e.gradient[n + columns + i] = !affine || rms || accumulate & 2 ? (double)before[n + columns + i] : 0.0;
    }
    for (int64_t r = 0; r < rows; r++)
        expect_norm(&c, r, &e);
    double magnified = columns < 4 ? 100.0 : 1.0; /* rows whose entries are nearly equal magnify rounding errors */
    for (c.in_place = 0; c.in_place < 2; c.in_place++)
        on_every_device("norm", run_norm, &c, outs, NULL, e.forward, 2e-5 * magnified);
    for (c.in_place = 0; c.in_place < (residual ? 3 : 2); c.in_place++)
        on_every_device("norm gradient", run_norm_gradient, &c, d_outs, before, e.gradient,
                        3e-5 * magnified * (1.0 + sqrt((double)rows) / 16.0));
    free(src), free(weight), free(bias), free(d_dst), free(added), free(before);
    free(e.forward), free(e.gradient), free(e.mean), free(e.inverse);
}

START_TEST(test_norms)
{
    for (int s = 0; s < SHAPES; s++)
        for (int32_t rms = 0; rms < 2; rms++) {
            check_norm(shapes[s][0], shapes[s][1], rms, 1, 0, 1);
            check_norm(shapes[s][0], shapes[s][1], rms, 1, rms ? 1 : s % 4, 0);
            check_norm(shapes[s][0], shapes[s][1], rms, 0, 0, 0);
        }
}
END_TEST

SUITE("norm rows", 120, test_softmax, test_norms)
