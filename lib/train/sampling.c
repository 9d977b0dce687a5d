/* Choosing the next token from logits: greedy, or from the softmax at a temperature, limited to the top_k most
 * likely and to the smallest set of most likely ones whose probabilities reach top_p (Holtzman 2020). */
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
    /* Takes the most likely off the heap until the limits are met; they gather, most likely last, at the heap's end. */
    int64_t limit = options->top_k > 0 && options->top_k < classes ? options->top_k : classes, taken = 0;
    double enough = options->top_p > 0 && options->top_p < 1 ? options->top_p * total : INFINITY, kept = 0;
    while (taken < limit && kept < enough) {
        int64_t last = classes - 1 - taken;
        int32_t entry = order[0];
        order[0] = order[last];
        order[last] = entry;
        kept += (double)logits[entry];
        taken++;
        sift_down(logits, order, last, 0);
    }
    double draw = pt__random_uniform(random) * kept;
    for (int64_t i = 0; i < taken; i++) {
        int32_t entry = order[classes - 1 - i];
        draw -= (double)logits[entry];
        if (draw < 0)
            return entry;
    }
    return best; /* rounding left a sliver */
}
