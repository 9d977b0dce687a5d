/* Reference of recurrent layers; see reference.h. Formulas: lib/ops/op_recurrence.c. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/recurrence_rules.h"
#include "ops/reference.h"

typedef struct layer {
    int64_t cell, gates, hidden, outputs, inputs, directions;
} layer_t;

static double logistic(double x)
{
    return 1 / (1 + exp(-x));
}

static double affine(const double *row, const double *weight, const double *bias, int64_t inputs, int64_t o)
{
    return reference_product(row, weight, inputs, 0, o, 0) + (bias != NULL ? bias[o] : 0);
}

/* One step: gates [G, H], kept [H] and unprojected [H] from x, h and c. */
static void step(const reference_call_t *call, const layer_t *layer, int64_t direction, const double *x,
                 const double *h, const double *c, double *gates, double *kept, double *unprojected)
{
    const int32_t first = PT__RECURRENCE_WEIGHTS + (int32_t)direction * PT__RECURRENCE_WEIGHT_COUNT;
    const double *input = call->inputs[first].value, *recurrent = call->inputs[first + 1].value;
    const double *input_bias = reference_optional(call, first + 2), *bias = reference_optional(call, first + 3);
    const int64_t hidden = layer->hidden;
    for (int64_t u = 0; u < hidden; u++) {
        double in[4], back[4];
        for (int64_t g = 0; g < layer->gates; g++) {
            in[g] = affine(x, input, input_bias, layer->inputs, g * hidden + u);
            back[g] = affine(h, recurrent, bias, layer->outputs, g * hidden + u);
            gates[g * hidden + u] = logistic(in[g] + back[g]);
        }
        if (layer->cell == PT__CELL_LSTM) {
            gates[2 * hidden + u] = tanh(in[2] + back[2]);
            kept[u] = gates[hidden + u] * c[u] + gates[u] * gates[2 * hidden + u];
            unprojected[u] = gates[3 * hidden + u] * tanh(kept[u]);
        } else if (layer->cell == PT__CELL_GRU) {
            kept[u] = back[2];
            gates[2 * hidden + u] = tanh(in[2] + gates[u] * back[2]);
            unprojected[u] = (1 - gates[hidden + u]) * gates[2 * hidden + u] + gates[hidden + u] * h[u];
        } else
            unprojected[u] = layer->cell == PT__CELL_TANH ? tanh(in[0] + back[0]) : fmax(0, in[0] + back[0]);
    }
}

static void sample(const reference_call_t *call, const layer_t *layer, int64_t direction, int64_t number, int64_t begin,
                   int64_t end)
{
    const int64_t hidden = layer->hidden, outputs = layer->outputs;
    const double *projection = reference_optional(
        call, PT__RECURRENCE_WEIGHTS + (int32_t)direction * PT__RECURRENCE_WEIGHT_COUNT + PT__RECURRENCE_HR);
    const double *first = reference_optional(call, PT__RECURRENCE_INITIAL_HIDDEN),
                 *first_cell = reference_optional(call, PT__RECURRENCE_INITIAL_CELL);
    double *work = calloc((size_t)(8 * hidden), sizeof *work);
    double *h = work, *c = work + hidden, *gates = work + 2 * hidden, *kept = work + 6 * hidden,
           *unprojected = work + 7 * hidden;
    const int64_t at = number * layer->directions + direction;
    if (first != NULL)
        memcpy(h, first + at * outputs, (size_t)outputs * sizeof *h);
    if (first_cell != NULL)
        memcpy(c, first_cell + at * hidden, (size_t)hidden * sizeof *c);
    for (int64_t t = 0; t < end - begin; t++) {
        const int64_t row = direction == 0 ? begin + t : end - 1 - t, to = row * layer->directions + direction;
        step(call, layer, direction, call->inputs[0].value + row * layer->inputs, h, c, gates, kept, unprojected);
        memcpy(c, kept, (size_t)hidden * sizeof *c);
        for (int64_t p = 0; p < outputs; p++)
            h[p] = projection != NULL ? affine(unprojected, projection, NULL, hidden, p) : unprojected[p];
        memcpy(call->outputs[PT__RECURRENCE_DST].value + to * outputs, h, (size_t)outputs * sizeof *h);
        if (call->n_outputs > PT__RECURRENCE_GATES) {
            memcpy(call->outputs[PT__RECURRENCE_GATES].value + to * layer->gates * hidden, gates,
                   (size_t)(layer->gates * hidden) * sizeof *gates);
            memcpy(call->outputs[PT__RECURRENCE_KEPT].value + to * hidden, kept, (size_t)hidden * sizeof *kept);
        }
    }
    memcpy(call->outputs[PT__RECURRENCE_LAST_HIDDEN].value + at * outputs, h, (size_t)outputs * sizeof *h);
    if (call->n_outputs > PT__RECURRENCE_LAST_CELL)
        memcpy(call->outputs[PT__RECURRENCE_LAST_CELL].value + at * hidden, c, (size_t)hidden * sizeof *c);
    free(work);
}

static void reference_recurrence(const reference_call_t *call)
{
    const reference_tensor_t *weight = &call->inputs[PT__RECURRENCE_WEIGHTS + PT__RECURRENCE_HH];
    const int64_t cell = call->attributes->integers[PT__RECURRENCE_CELL], gates = pt__cell_gates(cell);
    const layer_t layer = {.cell = cell,
                           .gates = gates,
                           .hidden = weight->size[0] / gates,
                           .outputs = weight->size[1],
                           .inputs = call->inputs[0].size[1],
                           .directions = call->outputs[0].size[1] / weight->size[1]};
    const int32_t *offsets = call->run->offsets[call->inputs[0].dimension];
    for (int64_t s = 0; s < call->samples; s++)
        for (int64_t d = 0; d < layer.directions; d++)
            sample(call, &layer, d, s, offsets[s], offsets[s + 1]);
}

const reference_entry_t reference_recurrences[] = {
    {"recurrence", reference_recurrence, 5},
    {NULL, NULL, 0},
};
