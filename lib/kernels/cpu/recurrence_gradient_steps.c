/* Recurrent layers, backward: each direction goes back through its steps, all samples that have come to their last one
 * at once. Called through the table. */
#include <string.h>

#include "kernels/cpu/kernels_cpu.h"
#include "kernels/cpu/recurrence_walk.h"

enum { PASSED, D_CELL }; /* states: GRU's gradient that passes the gates by, LSTM's of the cells */

typedef struct direction {
    pt__walk_t walk;
    const pt__recurrence_gradient_t *gradient;
} direction_t;

static void pack_weights(const pt__walk_t *walk)
{
    const pt__recurrence_t *recurrence = walk->recurrence;
    const int64_t d = walk->direction;
    walk->vector->pack(1, walk->gates * walk->hidden, walk->outputs, recurrence->weight[d], walk->outputs, 1,
                       walk->weight);
    if (walk->projection != NULL)
        walk->vector->pack(1, walk->outputs, walk->hidden, recurrence->projection[d], walk->hidden, 1,
                           walk->projection);
}

/* Of the hidden values behind the step before: what does not come by the product, or NULL. `followed`: the sample has a
 * step behind. */
static float *passed_to(const direction_t *self, int64_t place, int32_t followed)
{
    const pt__walk_t *walk = &self->walk;
    if (!followed)
        return pt__walk_output(walk, self->gradient->d_last_hidden, pt__walk_sample(walk, place));
    return walk->recurrence->cell == PT__CELL_GRU ? pt__walk_state(walk, PASSED, place) : NULL;
}

static float *d_cell_of(const direction_t *self, int64_t place, int32_t followed)
{
    const pt__walk_t *walk = &self->walk;
    return followed ? pt__walk_state(walk, D_CELL, place)
                    : pt__walk_hidden(walk, self->gradient->d_last_cell, pt__walk_sample(walk, place));
}

/* What the cell's function reads of the step before: GRU's hidden values, LSTM's cells. */
static float *before(const pt__walk_t *walk, int64_t place, int64_t step)
{
    const pt__recurrence_t *recurrence = walk->recurrence;
    const int32_t is_lstm = recurrence->cell == PT__CELL_LSTM;
    const float *initial = is_lstm ? recurrence->initial_cell : recurrence->initial_hidden;
    if (step == 0 && initial == NULL)
        return walk->zeros;
    const int64_t row = step == 0 ? pt__walk_sample(walk, place) : pt__walk_row(walk, place, step - 1);
    return is_lstm ? pt__walk_hidden(walk, step == 0 ? initial : recurrence->kept, row)
                   : pt__walk_output(walk, step == 0 ? initial : recurrence->dst, row);
}

/* The rows of a step, of which the first `followed` have one behind. */
static void find_rows(const direction_t *self, int64_t step, int64_t followed, pt__recurrent_rows_t *rows)
{
    const pt__walk_t *walk = &self->walk;
    const pt__recurrence_gradient_t *gradient = self->gradient;
    const pt__recurrence_t *recurrence = walk->recurrence;
    const int32_t is_lstm = recurrence->cell == PT__CELL_LSTM;
    for (int64_t i = 0; i < rows->count; i++) {
        const int64_t row = pt__walk_row(walk, i, step);
        if (i < followed)
            rows->factor[i] = pt__walk_gates(walk, gradient->d_gates, pt__walk_row(walk, i, step + 1));
        rows->addends[i] = passed_to(self, i, i < followed);
        rows->more_addends[i] = pt__walk_output(walk, gradient->d_dst, row);
        rows->gates[i] = pt__walk_gates(walk, recurrence->gates, row);
        rows->d_gates[i] = pt__walk_gates(walk, gradient->d_gates, row);
        rows->kept[i] = pt__walk_hidden(walk, recurrence->kept, row);
        rows->before[i] = is_lstm || recurrence->cell == PT__CELL_GRU ? before(walk, i, step) : NULL;
        rows->d_candidate[i] = pt__walk_hidden(walk, gradient->d_candidate, row);
        rows->d_cell[i] = is_lstm ? d_cell_of(self, i, i < followed) : NULL;
        rows->d_cell_before[i] = pt__walk_state(walk, is_lstm ? D_CELL : PASSED, i);
        rows->unprojected[i] = pt__walk_hidden(walk, gradient->unprojected, row);
        rows->dst[i] = pt__walk_output(walk, gradient->d_hidden, row);
    }
    if (gradient->d_candidate == NULL)
        rows->d_candidate = NULL;
    if (gradient->unprojected == NULL)
        rows->unprojected = NULL;
}

static pt__recurrent_rows_t some_rows(const pt__walk_t *walk, int64_t count, int64_t multiplied)
{
    float **const *pointers = walk->pointers;
    return (pt__recurrent_rows_t){.count = count,
                                  .multiplied = multiplied,
                                  .factor = pointers[0],
                                  .addends = pointers[1],
                                  .more_addends = pointers[2],
                                  .gates = pointers[3],
                                  .d_gates = pointers[4],
                                  .kept = pointers[5],
                                  .before = pointers[6],
                                  .d_candidate = pointers[7],
                                  .d_cell = pointers[8],
                                  .d_cell_before = pointers[9],
                                  .unprojected = pointers[10],
                                  .dst = pointers[11]};
}

static void run_step(const direction_t *self, int64_t step, int64_t count, int64_t followed)
{
    const pt__walk_t *walk = &self->walk;
    const pt__vector_recurrence_t *vector = walk->vector;
    const pt__recurrent_weight_t weight = {walk->gates * walk->hidden, walk->outputs, walk->weight};
    const int64_t hidden_panels = vector->panels(1, walk->hidden);
    pt__recurrent_rows_t rows = some_rows(walk, count, followed);
    find_rows(self, step, followed, &rows);
    if (walk->projection == NULL) {
        vector->gradient[walk->recurrence->cell](&rows, &weight, 0, hidden_panels);
        return;
    }
    const pt__recurrent_weight_t projection = {walk->outputs, walk->hidden, walk->projection};
    vector->sum(&rows, &weight, 0, vector->panels(1, walk->outputs));
    rows.factor = rows.dst;
    rows.multiplied = count;
    rows.addends = rows.more_addends = NULL;
    vector->gradient[walk->recurrence->cell](&rows, &projection, 0, hidden_panels);
}

/* Of what the samples begin with; the first `followed` have rows at all. */
static void run_initial(const direction_t *self, int64_t followed)
{
    const pt__walk_t *walk = &self->walk;
    const pt__recurrence_gradient_t *gradient = self->gradient;
    const pt__vector_recurrence_t *vector = walk->vector;
    const int64_t samples = walk->recurrence->samples;
    const pt__recurrent_weight_t weight = {walk->gates * walk->hidden, walk->outputs, walk->weight};
    pt__recurrent_rows_t rows = some_rows(walk, samples, followed);
    rows.more_addends = NULL;
    for (int64_t i = 0; i < samples; i++) {
        const int64_t sample = pt__walk_sample(walk, i);
        if (i < followed)
            rows.factor[i] = pt__walk_gates(walk, gradient->d_gates, pt__walk_row(walk, i, 0));
        rows.addends[i] = passed_to(self, i, i < followed);
        rows.dst[i] = pt__walk_output(walk, gradient->d_initial_hidden, sample);
        if (gradient->d_initial_cell == NULL)
            continue;
        const float *d_cell = d_cell_of(self, i, i < followed);
        memcpy(pt__walk_hidden(walk, gradient->d_initial_cell, sample), d_cell != NULL ? d_cell : walk->zeros,
               (size_t)walk->hidden * sizeof(float));
    }
    if (gradient->d_initial_hidden != NULL)
        vector->sum(&rows, &weight, 0, vector->panels(1, walk->outputs));
}

static void run_direction(void *argument, int64_t task, int32_t worker)
{
    const direction_t *self = (const direction_t *)argument + task;
    const pt__walk_t *walk = &self->walk;
    int64_t followed = 0;
    (void)worker;
    pack_weights(walk);
    for (int64_t step = walk->longest - 1; step >= 0; step--) {
        int64_t count = followed;
        while (count < walk->recurrence->samples && pt__walk_length(walk, count) > step)
            count++;
        run_step(self, step, count, followed);
        followed = count;
    }
    run_initial(self, followed);
}

void pt__cpu_recurrence_gradient(pt__dev device, const pt__recurrence_gradient_t *gradient)
{
    pt__walk_t walks[PT__DIRECTIONS];
    direction_t directions[PT__DIRECTIONS];
    pt__walk_begin(device, &gradient->forward, gradient->scratch, walks);
    for (int64_t d = 0; d < gradient->forward.directions; d++)
        directions[d] = (direction_t){walks[d], gradient};
    pt__pool_run(pt__cpu(device)->pool, gradient->forward.directions, run_direction, directions);
}
