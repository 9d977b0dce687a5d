/* Losses: pointwise ones over a run of elements, cross-entropy of a row of logits. A level's part of pt__vector_t.
 *
 *   squared        e^2                                        e = prediction - target
 *   absolute       |e|
 *   Huber          |e| < delta ? e^2/2 : delta (|e| - delta/2)
 *   binary         (1 - t) x + (1 + (positive_weight - 1) t) ln(1 + e^-x)        x = prediction, a logit; t = target
 *   cross-entropy  Q ln sum e^(x-m) - sum q (x-m),  d_x = Q softmax(x) - q
 *                  q = weighted targets, Q their sum, m = the row's largest */
#include "kernels/cpu/level/rows.h"
#include "kernels/cpu/vector.h"

typedef struct terms {
    floats_t loss, slope;
} terms_t;

INLINE terms_t squared(floats_t x, floats_t t, float delta, float positive_weight)
{
    (void)delta, (void)positive_weight;
    floats_t e = x - t;
    return (terms_t){e * e, e + e};
}

INLINE terms_t absolute_error(floats_t x, floats_t t, float delta, float positive_weight)
{
    (void)delta, (void)positive_weight;
    floats_t e = x - t;
    floats_t sign = choose(e == 0.0f, (floats_t){0}, copy_sign(broadcast(1.0f), e));
    return (terms_t){absolute(e), choose(e == e, sign, e)}; /* NaN comes through, infinity has a sign */
}

INLINE terms_t huber(floats_t x, floats_t t, float delta, float positive_weight)
{
    (void)positive_weight;
    floats_t e = x - t, size = absolute(e);
    return (terms_t){choose(size < delta, 0.5f * e * e, delta * (size - 0.5f * delta)), clamp(e, delta)};
}

INLINE terms_t binary(floats_t x, floats_t t, float delta, float positive_weight)
{
    (void)delta;
    floats_t e = exponential(-absolute(x)), u = 1.0f + e;
    floats_t log1p = choose(u == 1.0f, e, logarithm(u) * (e / (u - 1.0f))); /* exact where e is small */
    floats_t weight = 1.0f + (positive_weight - 1.0f) * t;
    floats_t negative = choose(x < 0.0f, -x, (floats_t){0});
    floats_t upper = choose(x < 0.0f, broadcast(1.0f), e) / u; /* 1 / (1 + e^x) */
    return (terms_t){(1.0f - t) * x + weight * (log1p + negative), (1.0f - t) - weight * upper};
}

INLINE double pointwise(int64_t n, float delta, float positive_weight, const float *prediction, const float *target,
                        const float *element_weight, double *weight, float *d_prediction,
                        terms_t (*function)(floats_t, floats_t, float, float))
{
    doubles_t loss_low = {0}, loss_high = {0}, weight_low = {0}, weight_high = {0};
    for (int64_t i = 0; i < n; i += LANES) {
        int64_t count = n - i;
        floats_t w = element_weight != NULL ? load_some(element_weight + i, count) : broadcast(1.0f);
        terms_t terms = function(load_some(prediction + i, count), load_some(target + i, count), delta,
                                 positive_weight);
        floats_t loss = terms.loss * w;
        if (d_prediction != NULL)
            store_some(d_prediction + i, terms.slope * w, count);
        if (count < LANES) { /* lanes past the end count nothing */
            ints_t inside = lane_numbers() < (int32_t)count;
            loss = where(inside, loss);
            w = where(inside, w);
        }
        loss_low += low_doubles(loss);
        loss_high += high_doubles(loss);
        weight_low += low_doubles(w);
        weight_high += high_doubles(w);
    }
    *weight += sum_double_lanes(weight_low + weight_high);
    return sum_double_lanes(loss_low + loss_high);
}

#define POINTWISE(name)                                                                                              \
    static double name##_loss(int64_t n, float delta, float positive_weight, const float *prediction,                \
                              const float *target, const float *element_weight, double *weight, float *d_prediction) \
    {                                                                                                                \
        return pointwise(n, delta, positive_weight, prediction, target, element_weight, weight, d_prediction, name); \
    }

POINTWISE(squared)
POINTWISE(absolute_error)
POINTWISE(huber)
POINTWISE(binary)

/* The weighted targets of LANES classes from class i on, for targets that are not a single label:
 * q = class weight · ((1 - smoothing) · probability + smoothing / classes) */
typedef struct targets {
    const float *class_weights, *probabilities; /* NULL: 1; NULL: 0, the label is added apart */
    float keep, share;                          /* 1 - smoothing, smoothing / classes */
} targets_t;

INLINE floats_t targets_at(const targets_t *targets, int64_t i, int64_t count)
{
    floats_t q = broadcast(targets->share);
    if (targets->probabilities != NULL)
        q = q + targets->keep * load_some(targets->probabilities + i, count);
    if (targets->class_weights != NULL)
        q = q * load_some(targets->class_weights + i, count);
    return count >= LANES ? q : where(lane_numbers() < (int32_t)count, q);
}

/* A row is gone through twice, not three times: block by block, so small that it stays in the first-level cache, its
 * largest entry is found and its exponentials are taken relative to the largest entry so far; then each block gets one
 * factor. Rows of 50257 in memory take 0.29 ns an element instead of 0.37, in the last-level cache 0.25 instead of 0.26
 * (one Zen 4 core): 28 GB/s are read and written, where 16 GB/s can be read. */
enum { BLOCK = 1024, MOST_BLOCKS = 64 };

typedef struct softmax { /* of the entries before some place */
    float max;           /* the largest; -infinity before the first */
    float sum;           /* of e^(x - max) */
    float total, dot;    /* sums of q and of q (x - max), where every class has a target */
} softmax_t;

/* Takes in entries [begin, end), leaving the exponentials behind in d_logits where not NULL. */
INLINE void softmax_block(softmax_t *so_far, const float *logits, int64_t begin, int64_t end, const targets_t *targets,
                          float *d_logits)
{
    float max = row_max(end - begin, logits + begin)[0];
    if (max > so_far->max) {
        if (so_far->max > -INFINITY) {
            so_far->sum *= expf(so_far->max - max);
            so_far->dot += so_far->total * (so_far->max - max);
        }
        so_far->max = max;
    }
    floats_t reference = broadcast(so_far->max > -INFINITY ? so_far->max : -FLT_MAX); /* -infinity is e^x = 0 */
    if (targets != NULL) {
        floats_t total = {0}, dot = {0};
        for (int64_t i = begin; i < end; i += LANES) {
            floats_t q = targets_at(targets, i, end - i);
            floats_t x = end - i >= LANES ? load(logits + i) : load_part(logits + i, end - i, reference[0]);
            total += q;
            dot += q * (x - reference);
        }
        so_far->total += sum_lanes(total);
        so_far->dot += sum_lanes(dot);
    }
    so_far->sum += sum_exponentials(end - begin, reference, logits + begin, d_logits != NULL ? d_logits + begin : NULL);
}

static double cross_entropy(const pt__cross_entropy_t *d, int32_t label, const float *probabilities,
                            const float *logits, float *d_logits)
{
    const int64_t n = d->classes, most = (n + MOST_BLOCKS - 1) / MOST_BLOCKS;
    const int64_t block = most <= BLOCK ? BLOCK : (most + LANES - 1) / LANES * LANES;
    const targets_t targets = {d->class_weights, probabilities, 1.0f - d->smoothing, d->smoothing / (float)n};
    const targets_t *dense = probabilities != NULL || d->smoothing > 0.0f ? &targets : NULL;
    float max_of[MOST_BLOCKS], at_label = 0.0f, logit = 0.0f;
    softmax_t all = {.max = -INFINITY};
    if (probabilities == NULL) {
        at_label = targets.keep * (d->class_weights != NULL ? d->class_weights[label] : 1.0f);
        logit = logits[label];
    }
    for (int64_t begin = 0, b = 0; begin < n; begin += block, b++) {
        softmax_block(&all, logits, begin, begin + block < n ? begin + block : n, dense, d_logits);
        max_of[b] = all.max;
    }
    if (probabilities == NULL) {
        all.total += at_label;
        all.dot += at_label * (logit - all.max);
    }
    for (int64_t begin = 0, b = 0; begin < n && d_logits != NULL; begin += block, b++) {
        int64_t end = begin + block < n ? begin + block : n;
        floats_t factor = broadcast(all.total / all.sum * expf(max_of[b] - all.max));
        int64_t i = begin;
        /* Model: 64 bytes a cycle (AVX2; Zen 4), 128 (AVX-512 on Intel): caches give less */
        for (; dense == NULL && i + LANES <= end; i += LANES)
            store(d_logits + i, load(d_logits + i) * factor);
        for (; i < end; i += LANES) {
            floats_t slope = load_some(d_logits + i, end - i) * factor;
            store_some(d_logits + i, dense != NULL ? slope - targets_at(dense, i, end - i) : slope, end - i);
        }
    }
    if (d_logits != NULL && probabilities == NULL)
        d_logits[label] -= at_label;
    return (double)all.total * log((double)all.sum) - (double)all.dot;
}

extern const pt__vector_loss_t PT__LEVEL(pt__vector_loss);
const pt__vector_loss_t PT__LEVEL(pt__vector_loss) = {
    .pointwise = {squared_loss, absolute_error_loss, huber_loss, binary_loss},
    .cross_entropy = cross_entropy,
};
