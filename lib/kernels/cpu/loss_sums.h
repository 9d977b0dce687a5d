/* Sums of weighted losses and of their weights: of one chunk of rows or elements, and of all of them in order. */
#ifndef PT__LOSS_SUMS_H
#define PT__LOSS_SUMS_H

#include <stdint.h>

typedef struct pt__loss_sums {
    double loss, weight, hits;
} pt__loss_sums_t;

static inline void pt__loss_sums_add(const pt__loss_sums_t *sums, int64_t chunks, pt__loss_sums_t *total)
{
    for (int64_t c = 0; c < chunks; c++) {
        total->loss += sums[c].loss;
        total->weight += sums[c].weight;
        total->hits += sums[c].hits;
    }
}

static inline void pt__loss_sums_put(const pt__loss_sums_t *total, float *loss, float *weight)
{
    loss[0] = total->weight != 0.0 ? (float)(total->loss / total->weight) : 0.0f;
    weight[0] = (float)total->weight;
}

#endif
