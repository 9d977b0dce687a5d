/* Recurrent layers, forward: each direction goes through its steps, all samples that still have a row at once. Called
 * through the table. */
#include <string.h>

#include "kernels/cpu/kernels_cpu.h"
#include "kernels/cpu/recurrence_walk.h"

enum { HIDDEN, OTHER_HIDDEN, UNPROJECTED, CELL }; /* states: the first two in turns, where dst is not there */

static void pack_weights(const pt__walk_t *walk)
{
    const pt__recurrence_t *recurrence = walk->recurrence;
    const int64_t d = walk->direction;
    walk->vector->pack(walk->gates, walk->outputs, walk->hidden, recurrence->weight[d], 1, walk->outputs, walk->weight);
    if (walk->projection != NULL)
        walk->vector->pack(1, walk->hidden, walk->outputs, recurrence->projection[d], 1, walk->hidden,
                           walk->projection);
}

/* What a sample has behind this step: -1 is before the first. */
static float *hidden_at(const pt__walk_t *walk, int64_t place, int64_t step)
{
    const pt__recurrence_t *recurrence = walk->recurrence;
    if (step < 0)
        return recurrence->initial_hidden == NULL
                   ? walk->zeros
                   : pt__walk_output(walk, recurrence->initial_hidden, pt__walk_sample(walk, place));
    if (recurrence->dst != NULL)
        return pt__walk_output(walk, recurrence->dst, pt__walk_row(walk, place, step));
    return pt__walk_state(walk, step & 1 ? OTHER_HIDDEN : HIDDEN, place);
}

static float *cell_at(const pt__walk_t *walk, int64_t place, int64_t step)
{
    const pt__recurrence_t *recurrence = walk->recurrence;
    if (step < 0)
        return recurrence->initial_cell == NULL
                   ? walk->zeros
                   : pt__walk_hidden(walk, recurrence->initial_cell, pt__walk_sample(walk, place));
    if (recurrence->kept != NULL)
        return pt__walk_hidden(walk, recurrence->kept, pt__walk_row(walk, place, step));
    return pt__walk_state(walk, CELL, place);
}

static void run_step(const pt__walk_t *walk, int64_t step, int64_t count)
{
    const pt__recurrence_t *recurrence = walk->recurrence;
    const pt__vector_recurrence_t *vector = walk->vector;
    const int64_t d = walk->direction;
    pt__recurrent_rows_t rows = {.count = count,
                                 .multiplied = count,
                                 .factor = walk->pointers[0],
                                 .gates = walk->pointers[1],
                                 .dst = walk->pointers[2],
                                 .before = walk->pointers[3],
                                 .kept = walk->pointers[4]};
    float **projected = walk->pointers[5];
    for (int64_t i = 0; i < count; i++) {
        const int64_t row = pt__walk_row(walk, i, step);
        rows.factor[i] = hidden_at(walk, i, step - 1);
        rows.gates[i] = pt__walk_gates(walk, recurrence->gates, row);
        rows.before[i] = cell_at(walk, i, step - 1);
        rows.kept[i] = cell_at(walk, i, step);
        projected[i] = hidden_at(walk, i, step);
        rows.dst[i] = walk->projection != NULL ? pt__walk_state(walk, UNPROJECTED, i) : projected[i];
    }
    if (recurrence->kept == NULL && recurrence->cell == PT__CELL_GRU)
        rows.kept = NULL;
    const pt__recurrent_weight_t weight = {walk->outputs, walk->hidden, walk->weight};
    vector->forward[recurrence->cell](&rows, &weight, recurrence->bias[d], 0,
                                      vector->panels(walk->gates, walk->hidden));
    if (walk->projection == NULL)
        return;
    const pt__recurrent_weight_t projection = {walk->hidden, walk->outputs, walk->projection};
    pt__recurrent_rows_t outputs = {.count = count, .multiplied = count, .factor = rows.dst, .dst = projected};
    vector->sum(&outputs, &projection, 0, vector->panels(1, walk->outputs));
}

/* What the samples from `first` to `end` have behind their last step, which was this one. */
static void keep_last(const pt__walk_t *walk, int64_t step, int64_t first, int64_t end)
{
    const pt__recurrence_t *recurrence = walk->recurrence;
    for (int64_t i = first; i < end; i++) {
        const int64_t sample = pt__walk_sample(walk, i);
        if (recurrence->last_hidden != NULL)
            memcpy(pt__walk_output(walk, recurrence->last_hidden, sample), hidden_at(walk, i, step),
                   (size_t)walk->outputs * sizeof(float));
        if (recurrence->last_cell != NULL)
            memcpy(pt__walk_hidden(walk, recurrence->last_cell, sample), cell_at(walk, i, step),
                   (size_t)walk->hidden * sizeof(float));
    }
}

static void run_direction(void *argument, int64_t task, int32_t worker)
{
    const pt__walk_t *walk = (const pt__walk_t *)argument + task;
    int64_t before = walk->recurrence->samples;
    (void)worker;
    pack_weights(walk);
    for (int64_t step = 0; step < walk->longest; step++) {
        const int64_t count = pt__walk_count(walk, step, before);
        keep_last(walk, step - 1, count, before);
        run_step(walk, step, count);
        before = count;
    }
    keep_last(walk, walk->longest - 1, 0, before);
}

void pt__cpu_recurrence(pt__dev device, const pt__recurrence_t *recurrence)
{
    pt__walk_t walks[PT__DIRECTIONS];
    pt__walk_begin(device, recurrence, recurrence->scratch, walks);
    pt__pool_run(pt__cpu(device)->pool, recurrence->directions, run_direction, walks);
}
