/* The optimizers' updates, each in one sweep over parameters, gradients and slots; PyTorch's semantics to the order of
 * operations. A level's part of pt__vector_t.
 *
 *   both   g = limit(gradient_scale gradient)
 *   sgd    g += decay p;  buffer = momentum buffer + (1 - dampening) g, at the first step g;
 *          g = nesterov ? g + momentum buffer : buffer;  p -= rate g
 *   adam   decoupled ? p -= rate decay p : g += decay p;  m += (1 - beta1) (g - m);  v = beta2 v + (1 - beta2) g g;
 *          p -= rate / correction1 · m / (sqrt(v) / sqrt(correction2) + epsilon) */
#include "kernels/cpu/level/lanes.h"
#include "kernels/cpu/vector.h"

INLINE floats_t limited(const pt__update_t *update, floats_t gradient)
{
    floats_t g = gradient * update->gradient_scale;
    if (update->clip_value > 0.0f) /* NaN comes through: it is the second operand */
        g = maximum(broadcast(-update->clip_value), minimum(broadcast(update->clip_value), g));
    return g;
}

INLINE floats_t sgd_value(const pt__update_t *update, floats_t p, floats_t gradient, floats_t *buffer)
{
    floats_t g = limited(update, gradient) + update->weight_decay * p;
    if (buffer != NULL) {
        *buffer = update->first_step ? g : update->momentum * *buffer + (1.0f - update->dampening) * g;
        g = update->nesterov ? g + update->momentum * *buffer : *buffer;
    }
    return p - update->rate * g;
}

INLINE void sgd_sweep(const pt__update_t *at, int64_t begin, int64_t n, int momentum)
{
    const pt__update_t update = *at; /* a copy: stores to the parameters cannot change it */
    float *parameter = update.parameter + begin, *first = momentum ? update.first + begin : NULL;
    const float *gradient = update.gradient + begin;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        floats_t buffer = momentum && !update.first_step ? load(first + i) : (floats_t){0};
        store(parameter + i, sgd_value(&update, load(parameter + i), load(gradient + i), momentum ? &buffer : NULL));
        if (momentum)
            store(first + i, buffer);
    }
    if (i < n) {
        int64_t rest = n - i;
        floats_t buffer = momentum && !update.first_step ? load_part(first + i, rest, 0.0f) : (floats_t){0};
        floats_t p = load_part(parameter + i, rest, 0.0f), g = load_part(gradient + i, rest, 0.0f);
        store_part(parameter + i, sgd_value(&update, p, g, momentum ? &buffer : NULL), rest);
        if (momentum)
            store_part(first + i, buffer, rest);
    }
}

static void sgd(const pt__update_t *update, int64_t first, int64_t n)
{
    if (update->first != NULL && update->momentum != 0.0f)
        sgd_sweep(update, first, n, 1);
    else
        sgd_sweep(update, first, n, 0);
}

typedef struct adam_factors {
    float keep, step, root;    /* 1 - rate decay; rate / correction1; 1 / sqrt(correction2) */
    float rest1, beta2, rest2; /* 1 - beta1; beta2; 1 - beta2 */
} adam_factors_t;

INLINE floats_t adam_value(const pt__update_t *update, const adam_factors_t *factors, floats_t p, floats_t gradient,
                           floats_t *first, floats_t *second)
{
    floats_t g = limited(update, gradient);
    if (update->decoupled)
        p = p * factors->keep;
    else
        g = g + update->weight_decay * p;
    *first = *first + factors->rest1 * (g - *first);
    *second = factors->beta2 * *second + factors->rest2 * (g * g);
    return p - factors->step * *first / (square_root(*second) * factors->root + update->epsilon);
}

static void adam(const pt__update_t *at, int64_t begin, int64_t n)
{
    const pt__update_t update = *at;
    const adam_factors_t factors = {.keep = (float)(1.0 - (double)update.rate * (double)update.weight_decay),
                                    .step = (float)((double)update.rate / update.bias_correction1),
                                    .root = (float)(1.0 / sqrt(update.bias_correction2)),
                                    .rest1 = (float)(1.0 - update.beta1),
                                    .beta2 = (float)update.beta2,
                                    .rest2 = (float)(1.0 - update.beta2)};
    float *parameter = update.parameter + begin, *first = update.first + begin, *second = update.second + begin;
    const float *gradient = update.gradient + begin;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        floats_t m = load(first + i), v = load(second + i);
        store(parameter + i, adam_value(&update, &factors, load(parameter + i), load(gradient + i), &m, &v));
        store(first + i, m);
        store(second + i, v);
    }
    if (i < n) {
        int64_t rest = n - i;
        floats_t m = load_part(first + i, rest, 0.0f), v = load_part(second + i, rest, 0.0f);
        floats_t p = load_part(parameter + i, rest, 0.0f), g = load_part(gradient + i, rest, 0.0f);
        store_part(parameter + i, adam_value(&update, &factors, p, g, &m, &v), rest);
        store_part(first + i, m, rest);
        store_part(second + i, v, rest);
    }
}

extern const pt__vector_optimizer_t PT__LEVEL(pt__vector_optimizer);
const pt__vector_optimizer_t PT__LEVEL(pt__vector_optimizer) = {.sgd = sgd, .adam = adam};
