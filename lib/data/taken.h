/* What has been taken of samples, against what a batch or a micro-batch may have. */
#ifndef PT__TAKEN_H
#define PT__TAKEN_H

#include "data/data.h"

typedef struct pt__taken {
    int64_t samples;
    int64_t rows[PT__DIMENSIONS]; /* of the ragged ones */
} pt__taken_t;

/* The most of a batch, of a micro-batch; limits of 0 are none. */
static inline pt__taken_t pt__taken_limit(int64_t samples, int64_t rows)
{
    pt__taken_t limit = {.samples = samples > 0 ? samples : INT64_MAX};
    for (int32_t i = 0; i < PT__DIMENSIONS; i++)
        limit.rows[i] = rows > 0 ? rows : INT64_MAX;
    return limit;
}

static inline void pt__taken_add(pt__taken_t *taken, const pt__taken_t *more)
{
    taken->samples += more->samples;
    for (int32_t i = 0; i < PT__DIMENSIONS; i++)
        taken->rows[i] += more->rows[i];
}

static inline int32_t pt__taken_fits(const pt__taken_t *taken, const pt__taken_t *more, const pt__taken_t *limit)
{
    int32_t does = taken->samples + more->samples <= limit->samples;
    for (int32_t i = 0; i < PT__DIMENSIONS; i++)
        does &= taken->rows[i] + more->rows[i] <= limit->rows[i];
    return does;
}

#endif
