/* The optimizers' updates, each in one sweep over parameters, gradients and slots; PyTorch's semantics to the order of
 * operations. A level's part of pt__vector_t.
 *
 *   both   g = limit(gradient_scale gradient)
 *   sgd    g += decay p;  buffer = momentum buffer + (1 - dampening) g, at the first step g;
 *          g = nesterov ? g + momentum buffer : buffer;  p -= rate g
 *   adam   decoupled ? p -= rate decay p : g += decay p;  m += (1 - beta1) (g - m);  v = beta2 v + (1 - beta2) g g;
 *          p -= rate / correction1 · m / (sqrt(v) / sqrt(correction2) + epsilon), amsgrad with the largest v so far */
#include "kernels/cpu/level/lanes.h"
#include "kernels/cpu/vector.h"

INLINE floats_t limited(const pt__update_t *update, floats_t gradient)
{
    floats_t g = gradient * update->gradient_scale;
    if (update->clip_value > 0.0f) /* NaN comes through: it is the second operand */
        g = maximum(broadcast(-update->clip_value), minimum(broadcast(update->clip_value), g));
    return g;
}

INLINE floats_t sgd_value(const pt__update_t *update, const pt__sgd_t *sgd, floats_t p, floats_t gradient,
                          floats_t *buffer)
{
    floats_t g = limited(update, gradient) + update->weight_decay * p;
    if (buffer != NULL) {
        *buffer = sgd->first_step ? g : sgd->momentum * *buffer + (1.0f - sgd->dampening) * g;
        g = sgd->nesterov ? g + sgd->momentum * *buffer : *buffer;
    }
    return p - update->rate * g;
}

INLINE void sgd_sweep(const pt__update_t *at, const pt__sgd_t *rule, int64_t begin, int64_t n, int momentum)
{
    const pt__update_t update = *at; /* copies: stores to the parameters cannot change them */
    const pt__sgd_t sgd = *rule;
    float *parameter = update.parameter + begin, *buffers = momentum ? sgd.momentum_buffer + begin : NULL;
    const float *gradient = update.gradient + begin;
    int64_t i = 0;
    /* Model, bytes a cycle: AVX2 60 on Zen 3, 78 on Golden Cove; AVX-512 80 on Zen 4 (stores), 116 */
    for (; i + LANES <= n; i += LANES) {
        floats_t buffer = momentum && !sgd.first_step ? load(buffers + i) : (floats_t){0};
        floats_t p = load(parameter + i), g = load(gradient + i);
        store(parameter + i, sgd_value(&update, &sgd, p, g, momentum ? &buffer : NULL));
        if (momentum)
            store(buffers + i, buffer);
    }
    if (i < n) {
        int64_t rest = n - i;
        floats_t buffer = momentum && !sgd.first_step ? load_part(buffers + i, rest, 0.0f) : (floats_t){0};
        floats_t p = load_part(parameter + i, rest, 0.0f), g = load_part(gradient + i, rest, 0.0f);
        store_part(parameter + i, sgd_value(&update, &sgd, p, g, momentum ? &buffer : NULL), rest);
        if (momentum)
            store_part(buffers + i, buffer, rest);
    }
}

static void sgd(const pt__update_t *update, const pt__sgd_t *rule, int64_t first, int64_t n)
{
    if (rule->momentum_buffer != NULL && rule->momentum != 0.0f)
        sgd_sweep(update, rule, first, n, 1);
    else
        sgd_sweep(update, rule, first, n, 0);
}

typedef struct adam_factors {
    float keep, step, root;    /* 1 - rate decay; rate / correction1; 1 / sqrt(correction2) */
    float rest1, beta2, rest2; /* 1 - beta1; beta2; 1 - beta2 */
    float epsilon;
    int32_t decoupled;
} adam_factors_t;

/* `largest` is NULL, or amsgrad's. */
INLINE floats_t adam_value(const pt__update_t *update, const adam_factors_t *factors, floats_t p, floats_t gradient,
                           floats_t *first, floats_t *second, floats_t *largest)
{
    floats_t g = limited(update, gradient);
    if (factors->decoupled)
        p = p * factors->keep;
    else
        g = g + update->weight_decay * p;
    *first = *first + factors->rest1 * (g - *first);
    *second = factors->beta2 * *second + factors->rest2 * (g * g);
    floats_t v = *second;
    if (largest != NULL)
        v = *largest = maximum(*largest, v); /* NaN comes through: it is the second operand */
    return p - factors->step * *first / (square_root(v) * factors->root + factors->epsilon);
}

INLINE void adam_sweep(const pt__update_t *at, const pt__adam_t *adam, int64_t begin, int64_t n, int amsgrad)
{
    const pt__update_t update = *at;
    const adam_factors_t factors = {.keep = (float)(1.0 - (double)update.rate * (double)update.weight_decay),
                                    .step = (float)((double)update.rate / adam->bias_correction1),
                                    .root = (float)(1.0 / sqrt(adam->bias_correction2)),
                                    .rest1 = (float)(1.0 - adam->beta1),
                                    .beta2 = (float)adam->beta2,
                                    .rest2 = (float)(1.0 - adam->beta2),
                                    .epsilon = adam->epsilon,
                                    .decoupled = adam->decoupled};
    float *parameter = update.parameter + begin, *first = adam->exp_avg + begin, *second = adam->exp_avg_sq + begin;
    float *largest = amsgrad ? adam->max_exp_avg_sq + begin : NULL;
    const float *gradient = update.gradient + begin;
    int64_t i = 0;
    /* Model, bytes a cycle: AVX2 31 on Zen 3, 48 on Golden Cove; AVX-512 28 on Zen 4: root and division */
    for (; i + LANES <= n; i += LANES) {
        floats_t m = load(first + i), v = load(second + i), most = amsgrad ? load(largest + i) : (floats_t){0};
        floats_t p = load(parameter + i), g = load(gradient + i);
        store(parameter + i, adam_value(&update, &factors, p, g, &m, &v, amsgrad ? &most : NULL));
        store(first + i, m);
        store(second + i, v);
        if (amsgrad)
            store(largest + i, most);
    }
    if (i < n) {
        int64_t rest = n - i;
        floats_t m = load_part(first + i, rest, 0.0f), v = load_part(second + i, rest, 0.0f);
        floats_t p = load_part(parameter + i, rest, 0.0f), g = load_part(gradient + i, rest, 0.0f);
        floats_t most = amsgrad ? load_part(largest + i, rest, 0.0f) : (floats_t){0};
        store_part(parameter + i, adam_value(&update, &factors, p, g, &m, &v, amsgrad ? &most : NULL), rest);
        store_part(first + i, m, rest);
        store_part(second + i, v, rest);
        if (amsgrad)
            store_part(largest + i, most, rest);
    }
}

static void adam(const pt__update_t *update, const pt__adam_t *rule, int64_t first, int64_t n)
{
    if (rule->max_exp_avg_sq != NULL)
        adam_sweep(update, rule, first, n, 1);
    else
        adam_sweep(update, rule, first, n, 0);
}

/* ---- Adafactor: sums of squares over rows and columns, and the update that follows from them */

enum { FLOATS = 16 }; /* vectors whose floats are added up before they join a sum of doubles */

INLINE floats_t gradient_at(const pt__update_t *update, int64_t i, int64_t rest)
{
    const float *gradient = update->gradient + i;
    return limited(update, rest >= LANES ? load(gradient) : load_part(gradient, rest, 0.0f));
}

static double square(const pt__update_t *update, int64_t first, int64_t n)
{
    double total = 0.0;
    for (int64_t i = 0; i < n;) {
        floats_t sum = {0};
        for (int k = 0; k < FLOATS && i < n; k++, i += LANES) {
            floats_t g = gradient_at(update, first + i, n - i);
            sum += g * g;
        }
        total += (double)sum_lanes(sum);
    }
    return total;
}

static void square_columns(const pt__update_t *update, int64_t first, int64_t rows, int64_t columns, int64_t n,
                           double *sums)
{
    for (int64_t c = 0; c < n; c++)
        sums[c] = 0.0;
    for (int64_t begin = 0; begin < rows; begin += FLOATS) {
        floats_t sum[PT__STRIP / LANES] = {{0}};
        int64_t end = begin + FLOATS < rows ? begin + FLOATS : rows;
        for (int64_t r = begin; r < end; r++)
            for (int64_t c = 0; c < n; c += LANES) {
                floats_t g = gradient_at(update, first + r * columns + c, n - c);
                sum[c / LANES] += g * g;
            }
        for (int64_t c = 0; c < n; c++)
            sums[c] += (double)sum[c / LANES][c % LANES];
    }
}

static void mean_square(const pt__update_t *update, float weight, int64_t first, int64_t n, float *mean)
{
    for (int64_t i = 0; i < n; i += LANES) {
        int64_t rest = n - i;
        floats_t g = gradient_at(update, first + i, rest);
        floats_t m = rest >= LANES ? load(mean + i) : load_part(mean + i, rest, 0.0f);
        m = m + weight * (g * g - m);
        if (rest >= LANES)
            store(mean + i, m);
        else
            store_part(mean + i, m, rest);
    }
}

INLINE floats_t adafactor_value(const pt__update_t *update, float factor, float floor, const float *column, int64_t i,
                                int64_t rest)
{
    floats_t variance = factor * (rest >= LANES ? load(column) : load_part(column, rest, 0.0f));
    return gradient_at(update, i, rest) / square_root(maximum(broadcast(floor), variance));
}

static double adafactor_square(const pt__update_t *update, float factor, float floor, const float *column,
                               int64_t first, int64_t n)
{
    double total = 0.0;
    for (int64_t i = 0; i < n;) {
        floats_t sum = {0};
        for (int k = 0; k < FLOATS && i < n; k++, i += LANES) {
            floats_t u = adafactor_value(update, factor, floor, column + i, first + i, n - i);
            sum += u * u;
        }
        total += (double)sum_lanes(sum);
    }
    return total;
}

static void adafactor(const pt__update_t *update, float factor, float floor, const float *column, float keep,
                      float step, int64_t first, int64_t n)
{
    float *parameter = update->parameter + first;
    for (int64_t i = 0; i < n; i += LANES) {
        int64_t rest = n - i;
        floats_t u = adafactor_value(update, factor, floor, column + i, first + i, rest);
        floats_t p = rest >= LANES ? load(parameter + i) : load_part(parameter + i, rest, 0.0f);
        p = p * keep - step * u;
        if (rest >= LANES)
            store(parameter + i, p);
        else
            store_part(parameter + i, p, rest);
    }
}

extern const pt__vector_optimizer_t PT__LEVEL(pt__vector_optimizer);
const pt__vector_optimizer_t PT__LEVEL(pt__vector_optimizer) = {.sgd = sgd,
                                                                .adam = adam,
                                                                .square = square,
                                                                .square_columns = square_columns,
                                                                .mean_square = mean_square,
                                                                .adafactor_square = adafactor_square,
                                                                .adafactor = adafactor};
