/* Attention of one query, as of a text that goes on by a token: a tile would hold nothing else. Keys and values are
 * read once, where they stand. For attention_lanes.c. */
#ifndef PT__ATTENTION_ONE_H
#define PT__ATTENTION_ONE_H

#include "kernels/cpu/level/attention_tile.h"

enum { ONE_KEYS = 512 }; /* whose scores exist at a time */

/* scores[j] = q · row j, and the largest of them, which is at least `largest`. */
static float score_keys(int64_t keys, int64_t width, const float *q, const float *k, int64_t stride, float *scores,
                        float largest)
{
    for (int64_t j = 0; j < keys; j++, k += stride) {
        floats_t even = {0}, odd = {0};
        int64_t c = 0;
        for (; c + 2 * LANES <= width; c += 2 * LANES) {
            even += load(q + c) * load(k + c);
            odd += load(q + c + LANES) * load(k + c + LANES);
        }
        for (; c < width; c += LANES)
            even += load(q + c) * (width - c < LANES ? load_part(k + c, width - c, 0.0f) : load(k + c));
        scores[j] = sum_lanes(even + odd);
        largest = scores[j] > largest ? scores[j] : largest;
    }
    return largest;
}

/* Scores to what is left of them beside `largest`; returns the sum. scores has room for whole vectors. */
static float weigh_keys(int64_t keys, float largest, float *scores)
{
    floats_t sum = {0};
    for (int64_t j = keys; j % LANES != 0; j++)
        scores[j] = -INFINITY;
    for (int64_t j = 0; j < keys; j += LANES) {
        floats_t p = power_of_two(load(scores + j) - largest);
        store(scores + j, p);
        sum += p;
    }
    return sum_lanes(sum);
}

/* result[vectors] = shrink · result + sum of weights[j] · row j, the last vector of `few` numbers. */
INLINE void add_values(int vectors, int64_t keys, int64_t few, const float *weights, const float *v, int64_t stride,
                       float shrink, float *result)
{
    floats_t total[8];
#pragma GCC unroll 8
    for (int i = 0; i < vectors; i++)
        total[i] = load(result + i * LANES) * shrink;
    for (int64_t j = 0; j < keys; j++, v += stride) {
        const floats_t weight = broadcast(weights[j]);
#pragma GCC unroll 8
        for (int i = 0; i < vectors; i++)
            total[i] += weight *
                        (i == vectors - 1 && few < LANES ? load_part(v + i * LANES, few, 0.0f) : load(v + i * LANES));
    }
#pragma GCC unroll 8
    for (int i = 0; i < vectors; i++)
        store(result + i * LANES, total[i]);
}

/* The sample's only query, which sees the keys [begin, end). */
static void forward_one(const pt__attention_t *at, const pt__attention_sample_t *sample, int64_t head, int64_t begin,
                        int64_t end, float *scratch)
{
    const int64_t width = at->width, value_width = at->value_width, kv_head = head / (at->heads / at->kv_heads);
    float *q = scratch, *result = q + whole_vectors(width), *scores = result + whole_vectors(value_width);
    const float *query = at->q + sample->query * at->q_stride + head * width;
    float largest = LOWEST, sum = 0.0f;
    for (int64_t c = 0; c < whole_vectors(width); c++)
        q[c] = c < width ? query[c] * (at->scale * LOG2_E) : 0.0f;
    memset(result, 0, (size_t)whole_vectors(value_width) * sizeof *result);
    for (int64_t start = begin; start < end; start += ONE_KEYS) {
        const int64_t keys = end - start < ONE_KEYS ? end - start : ONE_KEYS, row = sample->key + start;
        const float *v = at->v + row * at->v_stride + kv_head * value_width, before = largest;
        largest = score_keys(keys, width, q, at->k + row * at->k_stride + kv_head * width, at->k_stride, scores,
                             largest);
        const float shrink = power_of_two(broadcast(before - largest))[0];
        sum = sum * shrink + weigh_keys(keys, largest, scores);
        int64_t c = 0;
        for (; c + 8 * LANES <= value_width; c += 8 * LANES)
            add_values(8, keys, LANES, scores, v + c, at->v_stride, shrink, result + c);
        for (; c < value_width; c += LANES)
            add_values(1, keys, value_width - c, scores, v + c, at->v_stride, shrink, result + c);
    }
    for (int64_t c = 0; c < value_width; c++)
        at->dst[sample->query * at->dst_stride + head * value_width + c] = sum == 0.0f ? 0.0f : result[c] / sum;
}

#endif
