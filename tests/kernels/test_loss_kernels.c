/* Cross-entropy from logits and from a hidden state with the vocabulary's matrix, and the pointwise losses. */
#include "kernels/every_device.h"

enum { IGNORED = -100 };

/* ---- cross-entropy: out is loss, weight, then d_logits, or d_src, d_linear, d_bias */

typedef struct entropy_case {
    pt__cross_entropy_t d;
    int in_place, gradient;
    int64_t counted; /* rows that have a label and a weight */
} entropy_case_t;

/* The matrix door of every device, and how many rows and depths of the hidden state went through it. */
static int64_t rows_multiplied;

static void counting_gemm(pt__dev device, const pt__gemm_t *gemm)
{
    rows_multiplied += gemm->a.transposed ? gemm->k : gemm->m;
    pt__kernels_cpu.gemm(device, gemm);
}

static void run_logits(pt__dev device, const void *argument, float *out)
{
    const entropy_case_t *c = argument;
    pt__cross_entropy_t d = c->d;
    d.loss = out;
    d.weight = out + 1;
    d.d_logits = c->gradient ? out + 2 : NULL;
    if (c->in_place) {
        memcpy(out + 2, d.logits, (size_t)(d.rows * d.classes) * sizeof(float));
        d.logits = out + 2;
    }
    device->kernels->cross_entropy(device, &d);
}

static void run_linear(pt__dev device, const void *argument, float *out)
{
    const entropy_case_t *c = argument;
    pt__cross_entropy_t d = c->d;
    d.loss = out;
    d.weight = out + 1;
    d.logits = NULL;
    d.chunk = malloc((size_t)(d.chunk_rows * d.classes) * sizeof(float));
    d.chunk_src = d.labels != NULL || d.row_weights != NULL ? malloc((size_t)(d.chunk_rows * d.width) * sizeof(float))
                                                            : NULL;
    d.chunk_row = malloc((size_t)d.chunk_rows * sizeof(int32_t));
    if (c->gradient) {
        d.d_src = out + 2;
        d.d_linear = d.d_src + d.rows * d.width;
        d.d_bias = d.bias != NULL ? d.d_linear + d.classes * d.width : NULL;
    }
    pt__kernels_t counting = *device->kernels;
    counting.gemm = counting_gemm;
    device->kernels = &counting;
    rows_multiplied = 0;
    device->kernels->cross_entropy(device, &d);
    device->kernels = &pt__kernels_cpu;
    ck_assert_int_eq(rows_multiplied, c->counted * (c->gradient ? 3 : 1)); /* none for a row without a label */
    free(d.chunk), free(d.chunk_src), free(d.chunk_row);
}

/* Sum of the weighted losses, the sum of weights, and d_logits of the sum, from logits in double. */
static void expect_entropy(const pt__cross_entropy_t *d, const double *logits, double *loss, double *weight,
                           double *d_logits)
{
    double smoothing = (double)d->smoothing, classes = (double)d->classes;
    *loss = *weight = 0.0;
    for (int64_t r = 0; r < d->rows; r++) {
        const double *x = logits + r * d->classes;
        double *g = d_logits + r * d->classes, max = -INFINITY, sum = 0.0, total = 0.0;
        for (int64_t c = 0; c < d->classes; c++)
            g[c] = 0.0;
        double row_weight = d->row_weights != NULL ? (double)d->row_weights[r] : 1.0;
        if ((d->probabilities == NULL && d->labels[r] == IGNORED) || row_weight == 0.0)
            continue;
        double label_weight = 1.0;
        if (d->probabilities == NULL && d->class_weights != NULL)
            label_weight = (double)d->class_weights[d->labels[r]];
        for (int64_t c = 0; c < d->classes; c++)
            max = x[c] > max ? x[c] : max;
        for (int64_t c = 0; c < d->classes; c++)
            sum += exp(x[c] - max);
        for (int64_t c = 0; c < d->classes; c++) {
            double w = d->class_weights != NULL ? (double)d->class_weights[c] : 1.0;
            double target = d->probabilities != NULL ? (double)d->probabilities[r * d->classes + c] : d->labels[r] == c;
            double q = row_weight * w * (target * (1.0 - smoothing) + smoothing / classes);
            total += q;
            g[c] -= q;
            *loss -= q != 0.0 ? q * (x[c] - max - log(sum)) : 0.0;
        }
        for (int64_t c = 0; c < d->classes; c++)
            g[c] += total * exp(x[c] - max) / sum;
        *weight += row_weight * label_weight;
    }
}

typedef struct entropy_form {
    int probabilities, class_weights, bias, transposed, accumulate;
    float smoothing;
    int ignored;
    int row_weights;
} entropy_form_t;

/* Which rows have no label. */
enum { EVERY_SEVENTH, NONE, ALL, ALL_BUT_EVERY_FIFTH, FIRST_HALF, LAST_HALF, ALL_BUT_ONE };

static int is_ignored(int kind, int64_t row, int64_t rows)
{
    switch (kind) {
    case EVERY_SEVENTH:
        return row % 7 == 3;
    case NONE:
        return 0;
    case ALL:
        return 1;
    case ALL_BUT_EVERY_FIFTH:
        return row % 5 != 2;
    case FIRST_HALF:
        return row < rows / 2;
    case LAST_HALF:
        return row >= rows / 2;
    default:
        return row != rows / 3;
    }
}

static void check_logits(const pt__cross_entropy_t *d, const double *logits, double *out)
{
    int64_t n = d->rows * d->classes;
    float *values = draw_values(n);
    double *exact = zero_doubles(n), weight;
    for (int64_t i = 0; i < n; i++)
        exact[i] = (double)(values[i] = (float)logits[i]);
    expect_entropy(d, exact, &out[0], &weight, out + 2);
    out[0] = weight != 0.0 ? out[0] / weight : 0.0;
    out[1] = weight;
    entropy_case_t c = {.d = *d};
    c.d.logits = values;
    on_every_device("cross-entropy, loss alone", run_logits, &c, 2, NULL, out, 1e-5);
    c.gradient = 1;
    for (c.in_place = 0; c.in_place < 2; c.in_place++)
        on_every_device("cross-entropy", run_logits, &c, n + 2, NULL, out, 5e-6);
    free(values), free(exact);
}

static void check_entropy(int64_t rows, int64_t classes, int64_t width, int64_t chunk_rows, const entropy_form_t *form)
{
    float *src = draw_values(rows * width), *linear = draw_values(classes * width), *bias = draw_values(classes);
    float *probabilities = draw_values(rows * classes), *class_weights = draw_values(classes);
    int64_t gradients = rows * width + classes * width + classes, all = rows * classes;
    float *before = draw_values(gradients + 2);
    double *logits = zero_doubles(all), *d_logits = zero_doubles(all);
    double *out = zero_doubles((all > gradients ? all : gradients) + 2);
    int32_t *labels = calloc((size_t)rows + 1, sizeof(int32_t));
    float *row_weights = draw_values(rows);
    for (int64_t i = 0; i < all; i++)
        probabilities[i] = fabsf(probabilities[i]) / (float)classes * 2.0f;
    for (int64_t c = 0; c < classes; c++)
        class_weights[c] = fabsf(class_weights[c]) + 0.25f;
    entropy_case_t c = {.gradient = 1};
    for (int64_t r = 0; r < rows; r++) {
        labels[r] = is_ignored(form->ignored, r, rows) ? IGNORED
                                                       : (int32_t)((draw_value() + 1.0f) * 0.49999f * (float)classes);
        row_weights[r] = r % 4 == 1 ? 0.0f : fabsf(row_weights[r]) + 0.25f;
        int32_t counts = (form->probabilities || labels[r] != IGNORED) && !(form->row_weights && r % 4 == 1);
        c.counted += counts;
        for (int64_t i = 0; i < width && !counts; i++)
            src[r * width + i] = NAN; /* is not read */
    }
    c.d = (pt__cross_entropy_t){.rows = rows,
                                .classes = classes,
                                .labels = form->probabilities ? NULL : labels,
                                .probabilities = form->probabilities ? probabilities : NULL,
                                .ignore_index = IGNORED,
                                .smoothing = form->smoothing,
                                .class_weights = form->class_weights ? class_weights : NULL,
                                .row_weights = form->row_weights ? row_weights : NULL,
                                .src = src,
                                .linear = linear,
                                .linear_transposed = form->transposed,
                                .bias = form->bias ? bias : NULL,
                                .width = width,
                                .chunk_rows = chunk_rows,
                                .accumulate_d_linear = form->accumulate,
                                .accumulate_d_bias = form->accumulate};
    int64_t class_step = form->transposed ? 1 : width, width_step = form->transposed ? classes : 1;
    for (int64_t r = 0; r < rows; r++)
        for (int64_t k = 0; k < classes; k++) {
            logits[r * classes + k] = form->bias ? (double)bias[k] : 0.0;
            for (int64_t i = 0; i < width; i++)
                logits[r * classes + k] += (double)src[r * width + i] * (double)linear[k * class_step + i * width_step];
        }
    check_logits(&c.d, logits, out);
    double weight, *d_src = out + 2, *d_linear = d_src + rows * width, *d_bias = d_linear + classes * width;
    expect_entropy(&c.d, logits, &out[0], &weight, d_logits);
    out[0] = weight != 0.0 ? out[0] / weight : 0.0;
    out[1] = weight;
    for (int64_t i = 0; i < gradients; i++)
        out[2 + i] = i >= rows * width && form->accumulate ? (double)before[2 + i] : 0.0;
    for (int64_t r = 0; r < rows; r++)
        for (int64_t k = 0; k < classes; k++) {
            double d = d_logits[r * classes + k];
            if ((!form->probabilities && labels[r] == IGNORED) || (form->row_weights && r % 4 == 1))
                continue;
            d_bias[k] += form->bias ? d : 0.0;
            for (int64_t i = 0; i < width; i++) {
                d_src[r * width + i] += d * (double)linear[k * class_step + i * width_step];
                d_linear[k * class_step + i * width_step] += d * (double)src[r * width + i];
            }
        }
    for (int64_t k = 0; k < classes && !form->bias; k++) /* not written */
        d_bias[k] = (double)before[2 + rows * width + classes * width + k];
    on_every_device("cross-entropy of a linear form", run_linear, &c, gradients + 2, before, out, 2e-5);
    c.gradient = 0;
    on_every_device("its loss alone", run_linear, &c, 2, NULL, out, 1e-5);
    free(src), free(linear), free(bias), free(probabilities), free(class_weights), free(before), free(logits);
    free(d_logits), free(out), free(labels), free(row_weights);
}

START_TEST(test_cross_entropy)
{
    static const entropy_form_t forms[] = {
        {0, 0, 0, 0, 0, 0.0f, EVERY_SEVENTH, 0}, {0, 0, 1, 0, 1, 0.1f, EVERY_SEVENTH, 0},
        {0, 1, 1, 1, 0, 0.0f, EVERY_SEVENTH, 0}, {0, 1, 0, 1, 1, 0.2f, EVERY_SEVENTH, 0},
        {1, 0, 0, 0, 0, 0.0f, NONE, 0},          {1, 1, 1, 0, 0, 0.1f, NONE, 0},
        {0, 1, 1, 0, 1, 0.1f, EVERY_SEVENTH, 1}, {1, 0, 1, 1, 0, 0.1f, NONE, 1},
        {0, 0, 0, 0, 0, 0.0f, NONE, 1}};
    for (size_t f = 0; f < sizeof forms / sizeof forms[0]; f++) {
        check_entropy(0, 3, 2, 4, &forms[f]);
        check_entropy(1, 1, 1, 1, &forms[f]);
        check_entropy(64, 10, 8, 100, &forms[f]);
        check_entropy(100, 65, 33, 32, &forms[f]);
        check_entropy(40, 3001, 16, 7, &forms[f]);
        check_entropy(3000, 5, 4, 1000, &forms[f]);
    }
}
END_TEST

START_TEST(test_rows_without_label)
{
    for (int ignored = NONE; ignored <= ALL_BUT_ONE; ignored++)
        for (int bits = 0; bits < 4; bits++) {
            entropy_form_t form = {.bias = 1, .transposed = bits & 1, .accumulate = bits >> 1, .ignored = ignored};
            check_entropy(1, 4, 3, 1, &form);
            check_entropy(90, 33, 20, 16, &form);
            check_entropy(200, 10, 70, 400, &form);
            check_entropy(1000, 17, 40, 128, &form);
        }
}
END_TEST

START_TEST(test_extreme_logits)
{ /* confident and wrong, -infinity for classes that are ruled out, all ignored */
    float logits[] = {1e4f, -1e4f, 0.0f, -INFINITY, 2.0f, 2.0f, 3e38f, 0.0f, -3e38f};
    int32_t labels[] = {1, 1, 0}, ignored[] = {IGNORED, IGNORED, IGNORED};
    double expected[] = {(2e4 + log(2.0)) / 3.0, 3, 1, -1, 0, 0, -0.5, 0.5, 0, 0, 0};
    double none[11] = {0};
    entropy_case_t c = {.d = {.rows = 3, .classes = 3, .labels = labels, .ignore_index = IGNORED, .logits = logits},
                        .gradient = 1};
    on_every_device("extreme logits", run_logits, &c, 11, NULL, expected, 1e-6);
    c.d.labels = ignored;
    on_every_device("all ignored", run_logits, &c, 11, NULL, none, 0.0);
}
END_TEST

START_TEST(test_long_rows)
{ /* so long that they are read in many blocks: ruled out to begin with, rising, falling, and ruled out altogether */
    enum { ROWS = 3, CLASSES = 70001 };
    float *logits = draw_values(ROWS * CLASSES);
    double *exact = zero_doubles(ROWS * CLASSES), *out = zero_doubles(ROWS * CLASSES + 2), weight;
    int32_t labels[ROWS] = {CLASSES - 2, 60000, 0};
    for (int64_t k = 0; k < CLASSES; k++) {
        float far = (float)k / (float)CLASSES;
        if (k < 5000)
            logits[k] = -INFINITY;
        logits[CLASSES + k] = -80.0f + 100.0f * far + logits[CLASSES + k];
        logits[2 * CLASSES + k] = 1000.0f - 2000.0f * far;
    }
    for (int64_t i = 0; i < ROWS * CLASSES; i++)
        exact[i] = (double)logits[i];
    for (int smooth = 0; smooth < 2; smooth++)
        for (int in_place = 0; in_place < 2; in_place++) {
            entropy_case_t c = {.d = {.rows = ROWS,
                                      .classes = CLASSES,
                                      .labels = labels,
                                      .ignore_index = IGNORED,
                                      .smoothing = smooth ? 0.1f : 0.0f,
                                      .logits = logits},
                                .gradient = 1,
                                .in_place = in_place};
            const double *values = exact;
            if (smooth) { /* a target of a class that is ruled out is an infinite loss */
                c.d.rows--;
                c.d.labels++;
                c.d.logits += CLASSES;
                values += CLASSES;
            }
            expect_entropy(&c.d, values, &out[0], &weight, out + 2);
            out[0] /= out[1] = weight;
            on_every_device("cross-entropy of long rows", run_logits, &c, c.d.rows * CLASSES + 2, NULL, out, 5e-6);
        }
    for (int64_t k = 0; k < CLASSES; k++) {
        logits[k] = -INFINITY;
        out[2 + k] = NAN;
    }
    out[0] = NAN, out[1] = 1.0;
    entropy_case_t c = {.d = {.rows = 1, .classes = CLASSES, .labels = labels, .ignore_index = IGNORED}, .gradient = 1};
    c.d.logits = logits;
    on_every_device("nothing but -infinity", run_logits, &c, CLASSES + 2, NULL, out, 0.0);
    free(logits), free(exact), free(out);
}
END_TEST

/* ---- pointwise losses: out is loss, weight, then the gradient */

typedef struct pointwise_case {
    pt__pointwise_loss_t kind;
    int64_t n;
    float delta, positive_weight;
    const float *prediction, *target, *element_weight;
    int in_place;
} pointwise_case_t;

static void run_pointwise(pt__dev device, const void *argument, float *out)
{
    const pointwise_case_t *c = argument;
    if (c->in_place)
        memcpy(out + 2, c->prediction, (size_t)c->n * sizeof(float));
    device->kernels->pointwise_loss(device, c->kind, c->n, c->delta, c->positive_weight,
                                    c->in_place ? out + 2 : c->prediction, c->target, c->element_weight, out, out + 1,
                                    out + 2);
}

static double pointwise_value(const pointwise_case_t *c, double x, double t, double *slope)
{
    double e = x - t, delta = (double)c->delta, w = 1.0 + ((double)c->positive_weight - 1.0) * t;
    switch (c->kind) {
    case PT__LOSS_SQUARED:
        *slope = 2.0 * e;
        return e * e;
    case PT__LOSS_ABSOLUTE:
        *slope = e > 0.0 ? 1.0 : e < 0.0 ? -1.0 : 0.0;
        return fabs(e);
    case PT__LOSS_HUBER:
        *slope = fabs(e) < delta ? e : e > 0.0 ? delta : -delta;
        return fabs(e) < delta ? 0.5 * e * e : delta * (fabs(e) - 0.5 * delta);
    default:
        *slope = (1.0 - t) - w / (1.0 + exp(x));
        return (1.0 - t) * x + w * (log1p(exp(-fabs(x))) + (x < 0.0 ? -x : 0.0));
    }
}

START_TEST(test_pointwise)
{
    static const int64_t counts[] = {0, 1, 10, 64, 640, 8193, 100001};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        for (int kind = 0; kind < 4; kind++)
            for (int weighted = 0; weighted < 2; weighted++) {
                int64_t n = counts[i];
                float *prediction = draw_values(n), *target = draw_values(n), *weights = draw_values(n);
                double *expected = zero_doubles(n + 2);
                pointwise_case_t c = {
                    (pt__pointwise_loss_t)kind, n, 0.7f, kind == PT__LOSS_BINARY ? 2.5f : 1.0f, prediction, target,
                    weighted ? weights : NULL,  0};
                for (int64_t e = 0; e < n; e++) {
                    prediction[e] = e % 11 == 0 ? target[e] : prediction[e] * (kind == PT__LOSS_BINARY ? 30.0f : 2.0f);
                    target[e] = kind == PT__LOSS_BINARY ? fabsf(target[e]) : target[e];
                    weights[e] = fabsf(weights[e]);
                    double w = weighted ? (double)weights[e] : 1.0, slope;
                    expected[0] += w * pointwise_value(&c, (double)prediction[e], (double)target[e], &slope);
                    expected[1] += w;
                    expected[2 + e] = w * slope;
                }
                expected[0] = expected[1] != 0.0 ? expected[0] / expected[1] : 0.0;
                for (c.in_place = 0; c.in_place < 2; c.in_place++)
                    on_every_device("pointwise loss", run_pointwise, &c, n + 2, NULL, expected, 3e-6);
                free(prediction), free(target), free(weights), free(expected);
            }
}
END_TEST

START_TEST(test_extreme_pointwise)
{ /* logits so large that e^x overflows; NaN comes through */
    float prediction[] = {1000.0f, -1000.0f, 1000.0f, -1000.0f}, target[] = {1.0f, 0.0f, 0.0f, 1.0f};
    double expected[] = {500.0, 4.0, 0.0, 0.0, 1.0, -1.0}, none[] = {NAN, 4.0, 0.0, 0.0, NAN, -1.0};
    pointwise_case_t c = {PT__LOSS_BINARY, 4, 1.0f, 1.0f, prediction, target, NULL, 0};
    on_every_device("extreme logits", run_pointwise, &c, 6, NULL, expected, 1e-6);
    prediction[2] = NAN;
    on_every_device("NaN", run_pointwise, &c, 6, NULL, none, 1e-6);
}
END_TEST

START_TEST(test_infinite_errors)
{ /* have a direction all the same; NaN has none */
    float prediction[] = {INFINITY, -INFINITY, 1.0f, 3.0f, 2.0f}, target[] = {1.0f, 1.0f, INFINITY, 3.0f, 1.0f};
    double absolute[] = {INFINITY, 5.0, 1.0, -1.0, -1.0, 0.0, 1.0},
           huber[] = {INFINITY, 5.0, 0.5, -0.5, -0.5, 0.0, 0.5};
    pointwise_case_t c = {PT__LOSS_ABSOLUTE, 5, 0.5f, 1.0f, prediction, target, NULL, 0};
    on_every_device("absolute", run_pointwise, &c, 7, NULL, absolute, 1e-6);
    c.kind = PT__LOSS_HUBER;
    on_every_device("Huber", run_pointwise, &c, 7, NULL, huber, 1e-6);
    c.kind = PT__LOSS_ABSOLUTE;
    prediction[4] = NAN;
    absolute[0] = absolute[6] = NAN;
    on_every_device("NaN", run_pointwise, &c, 7, NULL, absolute, 1e-6);
}
END_TEST

SUITE("loss kernels", 120, test_cross_entropy, test_rows_without_label, test_extreme_logits, test_long_rows,
      test_pointwise, test_extreme_pointwise, test_infinite_errors)
