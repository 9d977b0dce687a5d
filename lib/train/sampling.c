/* Choosing the next token from logits: greedy, or from the softmax at a temperature, limited to the top_k most likely,
 * and of these to the smallest set of the most likely ones whose share reaches top_p (Holtzman 2020): the order of
 * Hugging Face's transformers, where top_p counts what top_k has left. */
#include <math.h>
#include <stdlib.h>

#include "base/random.h"
#include "train/model.h"

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

int32_t pt__sample_token(float *logits, int64_t classes, const pt_generate_options_t *options, pt__random_t *random,
                         int32_t *order)
{
    int32_t best = find_largest(logits, classes);
    if (!(options->temperature > 0))
        return best;
    double largest = (double)logits[best], total = 0;
    for (int64_t i = 0; i < classes; i++) {
        logits[i] = (float)exp(((double)logits[i] - largest) /
                               options->temperature); /* now weights: same order, the largest is 1 */
        total += (double)logits[i];
        order[i] = (int32_t)i;
    }
    for (int64_t i = classes / 2; i-- > 0;)
        sift_down(logits, order, classes, i);
    /* Takes the most likely off the heap until the limits are met; they gather, first of all at the end, behind it. */
    const int64_t limit = options->top_k > 0 && options->top_k < classes ? options->top_k : classes;
    const double share = options->top_p > 0 && options->top_p < 1 ? options->top_p : INFINITY;
    int64_t taken = 0;
    if (limit < classes && share < 1) /* the share is of the top_k's sum, which is known when all are off */
        total = take_off(logits, order, classes, limit, INFINITY, &taken);
    const double kept = taken > 0 ? keep(logits, order, classes, share * total, &taken)
                                  : take_off(logits, order, classes, limit, share * total, &taken);
    double draw = pt__random_uniform(random) * kept;
    for (int64_t i = 0; i < taken; i++) {
        int32_t entry = order[classes - 1 - i];
        draw -= (double)logits[entry];
        if (draw < 0)
            return entry;
    }
    return best; /* rounding left a sliver */
}
