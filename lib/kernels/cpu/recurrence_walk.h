/* What both passes of a recurrent layer share: the samples from the longest on, so that those which a step still has
 * are the first; packed weights; addresses of rows. A direction walks through its steps by itself. */
#ifndef PT__RECURRENCE_WALK_H
#define PT__RECURRENCE_WALK_H

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/vector.h"

typedef struct pt__walk {
    const pt__recurrence_t *recurrence;
    const pt__vector_recurrence_t *vector;
    int64_t direction, longest;
    int64_t gates, hidden, outputs;             /* G, H, P */
    int64_t gate_stride, stride, hidden_stride; /* of rows of gates, of dst, and of what has H a direction */
    const int32_t **order;                      /* [samples] places in offsets, the longest sample's first */
    float *weight, *projection;                 /* packed, or to be packed */
    float *states[PT__RECURRENCE_STATES];       /* [samples, H] each, by order */
    float **pointers[PT__RECURRENCE_POINTERS];  /* [samples] each */
    float *zeros;                               /* [H] */
} pt__walk_t;

/* A walk for each direction, in `scratch`. */
void pt__walk_begin(pt__device_t *device, const pt__recurrence_t *recurrence, void *scratch,
                    pt__walk_t walks[PT__DIRECTIONS]);

/* How many samples have more than `step` rows, given how many have at least as many, or more. */
int64_t pt__walk_count(const pt__walk_t *walk, int64_t step, int64_t most);

static inline int64_t pt__walk_sample(const pt__walk_t *walk, int64_t place)
{
    return walk->order[place] - walk->recurrence->offsets;
}

static inline int64_t pt__walk_length(const pt__walk_t *walk, int64_t place)
{
    return walk->order[place][1] - walk->order[place][0];
}

/* The row that a sample has at this step of the direction. */
static inline int64_t pt__walk_row(const pt__walk_t *walk, int64_t place, int64_t step)
{
    return walk->direction == 0 ? walk->order[place][0] + step : walk->order[place][1] - 1 - step;
}

/* Rows as the cells' functions take them, which write where an array is a destination: of arrays of rows, or of
 * samples; NULL where the array is. */
static inline float *pt__walk_gates(const pt__walk_t *walk, const float *gates, int64_t row)
{
    return (float *)(uintptr_t)gates + row * walk->gate_stride + walk->direction * walk->gates * walk->hidden;
}

static inline float *pt__walk_output(const pt__walk_t *walk, const float *array, int64_t row)
{
    return array == NULL ? NULL : (float *)(uintptr_t)array + row * walk->stride + walk->direction * walk->outputs;
}

static inline float *pt__walk_hidden(const pt__walk_t *walk, const float *array, int64_t row)
{
    return array == NULL ? NULL
                         : (float *)(uintptr_t)array + row * walk->hidden_stride + walk->direction * walk->hidden;
}

static inline float *pt__walk_state(const pt__walk_t *walk, int64_t state, int64_t place)
{
    return walk->states[state] + place * walk->hidden;
}

#endif
