/* See recurrence_walk.h. */
#include "kernels/cpu/recurrence_walk.h"

#include <string.h>

#include "base/sort.h"

/* Longer ones first, those of equal length in their order. */
static int compare_lengths(const void *a, const void *b, void *user)
{
    const int32_t *left = a, *right = b;
    const int32_t longer = right[1] - right[0], length = left[1] - left[0];
    (void)user;
    return length != longer ? (longer > length) - (longer < length) : (left > right) - (left < right);
}

static void sort_samples(const pt__recurrence_t *recurrence, const int32_t **order)
{
    for (int64_t s = 0; s < recurrence->samples; s++)
        order[s] = recurrence->offsets + s;
    pt__sort((const void **)(void *)order, recurrence->samples, compare_lengths, NULL);
}

static void lay_out(pt__walk_t *walk, char **pointers, float **floats)
{
    const pt__recurrence_t *recurrence = walk->recurrence;
    for (int32_t i = 0; i < PT__RECURRENCE_POINTERS; i++) {
        walk->pointers[i] = (float **)(void *)*pointers;
        *pointers += (size_t)recurrence->samples * sizeof(float *);
    }
    for (int32_t i = 0; i < PT__RECURRENCE_STATES; i++) {
        walk->states[i] = *floats;
        *floats += recurrence->samples * recurrence->hidden;
    }
    walk->weight = *floats;
    *floats += pt__recurrence_weights(recurrence);
    walk->projection = NULL;
    if (recurrence->projection[0] != NULL) {
        pt__recurrence_t plain = *recurrence;
        plain.projection[0] = NULL;
        walk->projection = walk->weight + pt__recurrence_weights(&plain);
    }
}

void pt__walk_begin(pt__device_t *device, const pt__recurrence_t *recurrence, void *scratch,
                    pt__walk_t walks[PT__DIRECTIONS])
{
    const int64_t directions = recurrence->directions, samples = recurrence->samples;
    const int32_t **order = scratch;
    char *pointers = (char *)(order + samples);
    float *floats = (float *)(void *)(pointers +
                                      sizeof(float *) * (size_t)(directions * samples) * PT__RECURRENCE_POINTERS);
    float *zeros = floats;
    floats += recurrence->hidden;
    memset(zeros, 0, (size_t)recurrence->hidden * sizeof *zeros);
    sort_samples(recurrence, order);
    for (int64_t d = 0; d < directions; d++) {
        const int64_t gates = pt__cell_gates(recurrence->cell), hidden = recurrence->hidden;
        walks[d] = (pt__walk_t){.recurrence = recurrence,
                                .vector = pt__cpu(device)->vector->recurrence,
                                .direction = d,
                                .gates = gates,
                                .hidden = hidden,
                                .outputs = recurrence->outputs,
                                .gate_stride = directions * gates * hidden,
                                .stride = directions * recurrence->outputs,
                                .hidden_stride = directions * hidden,
                                .order = order,
                                .zeros = zeros};
        walks[d].longest = samples > 0 ? pt__walk_length(&walks[d], 0) : 0;
        lay_out(&walks[d], &pointers, &floats);
    }
}

int64_t pt__walk_count(const pt__walk_t *walk, int64_t step, int64_t most)
{
    while (most > 0 && pt__walk_length(walk, most - 1) <= step)
        most--;
    return most;
}
