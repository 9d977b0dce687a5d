/* One row of the states of CTC. A level's part of pt__vector_t.
 *
 *   forward   blank'[i] = ln(e^blank[i] + e^label[i-1]) + at_blank
 *             label'[i] = ln(e^label[i] + e^blank[i] + e^(label[i-1] + skip[i])) + emission[i]
 *   backward  open blank[i] = ln(e^blank[i] + e^label[i])
 *             open label[i] = ln(e^label[i] + e^blank[i+1] + e^(label[i+1] + skip[i+1]))
 *             and what was emitted is added
 *   shares    e^(forward + open) / their sum */
#include "kernels/cpu/level/rows.h"
#include "kernels/cpu/vector.h"

static float log_sum(int64_t n, const float *src)
{
    floats_t max = row_max(n, src);
    return max[0] + logf(sum_exponentials(n, max, src, NULL));
}

static void probabilities(int64_t n, const float *src, float log_sum, float factor, float *dst)
{
    floats_t below = broadcast(log_sum), times = broadcast(factor);
    for (int64_t i = 0; i < n; i += LANES)
        store_some(dst + i, times * exponential(load_some(src + i, n - i) - below), n - i);
}

INLINE floats_t add2(floats_t a, floats_t b)
{
    floats_t max = maximum(a, b);
    return max + logarithm(exponential(a - max) + exponential(b - max));
}

INLINE floats_t add3(floats_t a, floats_t b, floats_t c)
{
    floats_t max = maximum(maximum(a, b), c);
    return max + logarithm(exponential(a - max) + exponential(b - max) + exponential(c - max));
}

/* So that the largest is 0. What is impossible stays about as much so. */
static float move(int64_t n, floats_t largest, const pt__ctc_states_t *states)
{
    float max = max_lanes(largest);
    floats_t by = broadcast(max);
    for (int64_t i = 0; i < n; i += LANES) {
        store(states->blank + i, load(states->blank + i) - by);
        store(states->label + i, load(states->label + i) - by);
    }
    return max;
}

static float forward(int64_t n, const float *skip, const float *emission, float at_blank, const pt__ctc_states_t *from,
                     const pt__ctc_states_t *to)
{
    floats_t largest = broadcast(-FLT_MAX);
    for (int64_t i = 0; i < n; i += LANES) {
        floats_t blank = load(from->blank + i), label = load(from->label + i), before = load(from->label + i - 1);
        floats_t new_blank = add2(blank, before) + at_blank;
        floats_t new_label = add3(label, blank, before + load(skip + i)) + load(emission + i);
        store(to->blank + i, new_blank);
        store(to->label + i, new_label);
        largest = maximum(largest, maximum(new_blank, new_label));
    }
    return move(n, largest, to);
}

static void backward(int64_t n, const float *skip, const float *emission, float at_blank,
                     const pt__ctc_states_t *states, const pt__ctc_states_t *open)
{
    floats_t largest = broadcast(-FLT_MAX);
    for (int64_t i = 0; i < n; i += LANES) {
        floats_t blank = load(states->blank + i), label = load(states->label + i);
        floats_t next_blank = load(states->blank + i + 1), next_label = load(states->label + i + 1);
        floats_t open_blank = add2(blank, label);
        floats_t open_label = add3(label, next_blank, next_label + load(skip + i + 1));
        floats_t new_blank = open_blank + at_blank, new_label = open_label + load(emission + i);
        store(open->blank + i, open_blank);
        store(open->label + i, open_label);
        store(states->blank + i, new_blank);
        store(states->label + i, new_label);
        largest = maximum(largest, maximum(new_blank, new_label));
    }
    move(n, largest, states);
}

static float shares(int64_t n, const pt__ctc_states_t *forward, const pt__ctc_states_t *open)
{
    floats_t largest = broadcast(-FLT_MAX), blanks = {0}, labels = {0};
    for (int64_t i = 0; i < n; i += LANES) {
        floats_t blank = load(forward->blank + i) + load(open->blank + i);
        floats_t label = load(forward->label + i) + load(open->label + i);
        store(open->blank + i, blank);
        store(open->label + i, label);
        largest = maximum(largest, maximum(blank, label));
    }
    floats_t max = broadcast(max_lanes(largest));
    for (int64_t i = 0; i < n; i += LANES) {
        floats_t blank = exponential(load(open->blank + i) - max), label = exponential(load(open->label + i) - max);
        store(open->label + i, label);
        blanks += blank;
        labels += label;
    }
    float of_blanks = sum_lanes(blanks), all = of_blanks + sum_lanes(labels);
    floats_t factor = broadcast(1.0f / all);
    for (int64_t i = 0; i < n; i += LANES)
        store(open->label + i, load(open->label + i) * factor);
    return of_blanks / all;
}

extern const pt__vector_ctc_t PT__LEVEL(pt__vector_ctc);
const pt__vector_ctc_t PT__LEVEL(pt__vector_ctc) = {
    .log_sum = log_sum,
    .probabilities = probabilities,
    .forward = forward,
    .backward = backward,
    .shares = shares,
};
