/* See sampling.h. */
#include "train/sampling.h"

#include <math.h>

/* Whether a stands before b: the larger first, of equals the lower index. */
static int32_t before(const float *logits, int32_t a, int32_t b)
{
    return logits[a] > logits[b] || (!(logits[a] < logits[b]) && a < b);
}

/* Moves the entry at `at` down to its place in the heap, whose first entry stands before all others. */
static void sift_down(const float *logits, int32_t *heap, int64_t count, int64_t at)
{
    for (int64_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && before(logits, heap[child + 1], heap[child]))
            child++;
        if (!before(logits, heap[child], heap[at]))
            return;
        int32_t entry = heap[at];
        heap[at] = heap[child];
        heap[child] = entry;
    }
}

static int32_t find_largest(const float *logits, int64_t classes)
{
    int32_t best = 0;
    for (int32_t i = 1; i < classes; i++)
        if (logits[i] > logits[best])
            best = i;
    return best;
}

/* Moves the most likely of `heap` behind it, until `limit` are there or their weights reach `enough`; returns the sum
 * of these weights. */
static double take_off(const float *weights, int32_t *heap, int64_t classes, int64_t limit, double enough,
                       int64_t *taken)
{
    double sum = 0;
    for (*taken = 0; *taken < limit && sum < enough; ++*taken) {
        const int64_t last = classes - 1 - *taken;
        const int32_t entry = heap[0];
        heap[0] = heap[last];
        heap[last] = entry;
        sum += (double)weights[entry];
        sift_down(weights, heap, last, 0);
    }
    return sum;
}

/* Of those that are off, as many of the most likely as reach `enough`; returns the sum of these. */
static double keep(const float *weights, const int32_t *heap, int64_t classes, double enough, int64_t *taken)
{
    const int64_t most = *taken;
    double sum = 0;
    for (*taken = 0; *taken < most && sum < enough; ++*taken)
        sum += (double)weights[heap[classes - 1 - *taken]];
    return sum;
}

void pt__sample_penalize(float *logits, const int32_t *tokens, int64_t count, double penalty, int32_t *marks)
{
    for (int64_t i = 0; i < count; i++)
        marks[tokens[i]] = 0;
    for (int64_t i = 0; i < count; i++) {
        float *logit = &logits[tokens[i]];
        if (marks[tokens[i]]++ == 0)
            *logit = (float)(*logit < 0 ? (double)*logit * penalty : (double)*logit / penalty);
    }
}

/* Of those that are taken, those that are likely enough beside the most likely one, whose weight is 1. */
static void keep_likely(const float *weights, const int32_t *heap, int64_t classes, double least,
                        pt__choices_t *choices)
{
    const int64_t most = choices->taken;
    int64_t stay = 1;
    while (stay < most && (double)weights[heap[classes - 1 - stay]] >= least)
        stay++;
    if (stay < most) {
        choices->taken = stay;
        choices->kept = keep(weights, heap, classes, INFINITY, &choices->taken);
    }
}

pt__choices_t pt__sample_choices(float *logits, int64_t classes, const pt_generate_options_t *options, int32_t *order)
{
    const double largest = (double)logits[find_largest(logits, classes)];
    double total = 0;
    int64_t likely = 0;
    for (int64_t i = 0; i < classes; i++) {
        logits[i] = (float)exp(((double)logits[i] - largest) /
                               options->temperature); /* now weights: same order, the largest is 1 */
        total += (double)logits[i];
        likely += (double)logits[i] >= options->min_p;
        order[i] = (int32_t)i;
    }
    for (int64_t i = classes / 2; i-- > 0;)
        sift_down(logits, order, classes, i);
    /* Takes the most likely off the heap until the limits are met; they gather, first of all at the end, behind it. */
    int64_t limit = options->top_k > 0 && options->top_k < classes ? options->top_k : classes;
    const double share = options->top_p > 0 && options->top_p < 1 ? options->top_p : INFINITY;
    if (share > 1 && likely < limit) /* nothing asks for the sum of more */
        limit = likely;
    pt__choices_t choices = {.kept = total};
    if (limit == classes && share > 1)
        return choices;
    if (limit < classes && share < 1) /* the share is of the top_k's sum, which is known when all are off */
        total = take_off(logits, order, classes, limit, INFINITY, &choices.taken);
    choices.kept = choices.taken > 0 ? keep(logits, order, classes, share * total, &choices.taken)
                                     : take_off(logits, order, classes, limit, share * total, &choices.taken);
    keep_likely(logits, order, classes, options->min_p, &choices);
    return choices;
}

int32_t pt__sample_token(float *logits, int64_t classes, const pt_generate_options_t *options, pt__random_t *random,
                         int32_t *order)
{
    if (!(options->temperature > 0))
        return find_largest(logits, classes);
    const pt__choices_t choices = pt__sample_choices(logits, classes, options, order);
    const int64_t most = choices.taken > 0 ? choices.taken : classes;
    double draw = pt__random_uniform(random) * choices.kept;
    int64_t off = choices.taken;
    for (int64_t i = 0; i < most; i++) {
        if (i >= choices.taken) /* without limits they come off the heap as far as the draw goes */
            take_off(logits, order, classes - i, 1, INFINITY, &off);
        const int32_t entry = order[classes - 1 - i];
        draw -= (double)logits[entry];
        if (draw < 0)
            return entry;
    }
    return order[classes - 1]; /* rounding left a sliver */
}
