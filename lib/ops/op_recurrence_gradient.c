/* The gradients of recurrence: see op_recurrence.c.
 *
 *   recurrence_gradient: gates [R, D·G·H] (RNN: dst), kept, dst, what the samples begin with, of each direction
 *     weight_hh and weight_hr, d_dst, d_last_hidden and d_last_cell, none of which has to be there -> d_gates
 *     [R, D·G·H], d_initial_hidden [B, D·P], GRU: d_candidate [R, D·H], LSTM: d_initial_cell [B, D·H]; with a
 *     projection also d_hidden [R, D·P], of what it gives, and what goes in, [R, D·H]
 *   recurrence_gradient_src: d_gates, of each direction weight_ih, d_candidate -> d_src [R, I]
 *   recurrence_gradient_weight: d_gates, src, dst, initial_hidden, d_candidate -> d_weight_ih, d_weight_hh, d_bias_ih,
 *     d_bias_hh of a direction
 *   recurrence_gradient_projection: d_hidden and what goes in -> d_weight_hr of a direction */
#include "ops/recurrence_rules.h"

/* Inputs of recurrence_gradient_src, a weight of each direction; of recurrence_gradient_weight, after D_GATES; its
 * outputs. */
enum { D_GATES, SRC_WEIGHT, SRC_D_CANDIDATE = SRC_WEIGHT + PT__DIRECTIONS };
enum { WEIGHT_SRC = 1, DST, INITIAL_HIDDEN, D_CANDIDATE };
enum { D_WEIGHT_IH, D_WEIGHT_HH, D_BIAS_IH, D_BIAS_HH };

static int64_t integer(const pt__call_t *call, int32_t place)
{
    return call->attributes->integers[place];
}

/* ---- recurrence_gradient ---- */

static pt_status_t gradient_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    const pt__shape_t *rows = &pt__input_of(graph, node, PT__RECURRENCE_BACK_GATES)->shape;
    const pt__shape_t *weight = &pt__input_of(graph, node, PT__RECURRENCE_BACK_HH)->shape;
    const int64_t cell = node->attributes.integers[PT__RECURRENCE_CELL],
                  directions = node->attributes.integers[PT__RECURRENCE_DIRECTIONS];
    const int64_t hidden = directions * weight->size[0] / pt__cell_gates(cell), stride = directions * weight->size[1];
    outputs[PT__RECURRENCE_D_GATES].shape = *rows;
    outputs[PT__RECURRENCE_D_INITIAL_HIDDEN].shape = pt__shape_make(PT__DIMENSION_BATCH, 2, (int64_t[]){1, stride});
    if (cell == PT__CELL_GRU)
        outputs[PT__RECURRENCE_D_CANDIDATE].shape = pt__shape_with_last(rows, hidden);
    if (cell == PT__CELL_LSTM) {
        outputs[PT__RECURRENCE_D_INITIAL_CELL].shape = pt__shape_make(PT__DIMENSION_BATCH, 2, (int64_t[]){1, hidden});
        outputs[PT__RECURRENCE_D_HIDDEN].shape = pt__shape_with_last(rows, stride);
        outputs[PT__RECURRENCE_UNPROJECTED].shape = pt__shape_with_last(rows, hidden);
    }
    return PT_OK;
}

static int32_t gradient_outputs(const pt__attributes_t *attributes)
{
    const int64_t cell = attributes->integers[PT__RECURRENCE_CELL];
    return cell == PT__CELL_LSTM  ? PT__RECURRENCE_UNPROJECTED + 1
           : cell == PT__CELL_GRU ? PT__RECURRENCE_D_CANDIDATE + 1
                                  : PT__RECURRENCE_D_INITIAL_HIDDEN + 1;
}

static pt__recurrence_gradient_t describe(const pt__call_t *call)
{
    const pt__view_t *weight = &call->inputs[PT__RECURRENCE_BACK_HH], *gates = &call->inputs[PT__RECURRENCE_BACK_GATES];
    const int64_t cell = integer(call, PT__RECURRENCE_CELL);
    pt__recurrence_gradient_t gradient = {
        .forward = {.cell = (pt__cell_t)cell,
                    .samples = call->outputs[PT__RECURRENCE_D_INITIAL_HIDDEN].size[0],
                    .rows = gates->size[0],
                    .directions = integer(call, PT__RECURRENCE_DIRECTIONS),
                    .hidden = weight->size[0] / pt__cell_gates(cell),
                    .outputs = weight->size[1],
                    .initial_hidden = pt__input_data(call, PT__RECURRENCE_BACK_INITIAL_HIDDEN),
                    .initial_cell = pt__input_data(call, PT__RECURRENCE_BACK_INITIAL_CELL),
                    .gates = gates->data,
                    .kept = pt__input_data(call, PT__RECURRENCE_BACK_KEPT),
                    .dst = pt__input_data(call, PT__RECURRENCE_BACK_DST)},
        .d_dst = pt__input_data(call, PT__RECURRENCE_BACK_D_DST),
        .d_last_hidden = pt__input_data(call, PT__RECURRENCE_BACK_D_LAST_HIDDEN),
        .d_last_cell = pt__input_data(call, PT__RECURRENCE_BACK_D_LAST_CELL),
        .d_gates = call->outputs[PT__RECURRENCE_D_GATES].data,
        .d_initial_hidden = call->outputs[PT__RECURRENCE_D_INITIAL_HIDDEN].data};
    for (int32_t d = 0; d < gradient.forward.directions; d++) {
        gradient.forward.weight[d] = pt__input_data(call, PT__RECURRENCE_BACK_HH + 2 * d);
        gradient.forward.projection[d] = pt__input_data(call, PT__RECURRENCE_BACK_HR + 2 * d);
    }
    if (cell == PT__CELL_GRU)
        gradient.d_candidate = call->outputs[PT__RECURRENCE_D_CANDIDATE].data;
    if (cell == PT__CELL_LSTM) {
        gradient.d_initial_cell = call->outputs[PT__RECURRENCE_D_INITIAL_CELL].data;
        gradient.d_hidden = call->outputs[PT__RECURRENCE_D_HIDDEN].data;
        gradient.unprojected = call->outputs[PT__RECURRENCE_UNPROJECTED].data;
    }
    return gradient;
}

/* Bytes of what the steps hand on and nobody reads. */
static int64_t unread_gates(const pt__recurrence_gradient_t *gradient)
{
    const pt__recurrence_t *forward = &gradient->forward;
    return gradient->d_gates != NULL ? 0
                                     : pt__padded_scratch((int64_t)sizeof(float) * forward->rows * forward->directions *
                                                          pt__cell_gates(forward->cell) * forward->hidden);
}

static int64_t unread_hidden(const pt__recurrence_gradient_t *gradient)
{
    const pt__recurrence_t *forward = &gradient->forward;
    return gradient->d_hidden != NULL || forward->projection[0] == NULL
               ? 0
               : pt__padded_scratch((int64_t)sizeof(float) * forward->rows * forward->directions * forward->outputs);
}

static void gradient_run(const pt__call_t *call, const pt__run_t *run)
{
    pt__recurrence_gradient_t gradient = describe(call);
    const int64_t gates = unread_gates(&gradient), hidden = unread_hidden(&gradient);
    char *scratch = call->scratch;
    gradient.forward.offsets = run->offsets[call->inputs[PT__RECURRENCE_BACK_GATES].dimension];
    if (gates > 0)
        gradient.d_gates = (float *)(void *)scratch;
    if (hidden > 0)
        gradient.d_hidden = (float *)(void *)(scratch + gates);
    gradient.scratch = scratch + gates + hidden;
    pt__kernels_of(run)->recurrence_gradient(run->device, &gradient);
}

static int64_t gradient_scratch(const pt__call_t *call)
{
    const pt__recurrence_gradient_t gradient = describe(call);
    return unread_gates(&gradient) + unread_hidden(&gradient) + pt__recurrence_scratch(&gradient.forward);
}

static double gradient_operations(const pt__call_t *call)
{
    const pt__recurrence_gradient_t gradient = describe(call);
    const pt__recurrence_t *forward = &gradient.forward;
    const int64_t columns = (pt__cell_gates(forward->cell) + (forward->projection[0] != NULL)) * forward->hidden;
    return 2.0 * (double)(forward->rows * forward->directions) * (double)(columns * forward->outputs);
}

/* ---- recurrence_gradient_src ---- */

static pt_status_t src_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    outputs[0].shape = pt__shape_with_last(&pt__input_of(graph, node, D_GATES)->shape,
                                           pt__input_of(graph, node, SRC_WEIGHT)->shape.size[1]);
    return PT_OK;
}

static void src_run(const pt__call_t *call, const pt__run_t *run)
{
    const pt__view_t *d_gates = &call->inputs[D_GATES], *weight = &call->inputs[SRC_WEIGHT];
    const int64_t directions = integer(call, PT__RECURRENCE_DIRECTIONS), inputs = weight->size[1];
    const int64_t wide = weight->size[0], hidden = wide / pt__cell_gates(integer(call, PT__RECURRENCE_CELL));
    const float *d_candidate = pt__input_data(call, SRC_D_CANDIDATE);
    int32_t accumulate = pt__accumulates(call, 0);
    for (int64_t d = 0; d < directions; d++) {
        const float *matrix = call->inputs[SRC_WEIGHT + d].data;
        const int64_t depth = d_candidate != NULL ? wide - hidden : wide;
        pt__gemm_t gemm = {.m = d_gates->size[0],
                           .n = inputs,
                           .k = depth,
                           .a = {.data = (const float *)d_gates->data + d * wide, .stride = directions * wide},
                           .b = {.data = matrix, .stride = inputs},
                           .dst = call->outputs[0].data,
                           .dst_stride = inputs,
                           .accumulate = accumulate};
        pt__kernels_of(run)->gemm(run->device, &gemm);
        accumulate = 1;
        if (d_candidate == NULL)
            continue;
        gemm.k = hidden;
        gemm.a = (pt__matrix_t){.data = d_candidate + d * hidden, .stride = directions * hidden};
        gemm.b.data = matrix + depth * inputs;
        gemm.accumulate = 1;
        pt__kernels_of(run)->gemm(run->device, &gemm);
    }
}

static double src_operations(const pt__call_t *call)
{
    return 2.0 * (double)pt__view_elements(&call->inputs[D_GATES]) * (double)pt__last_size(&call->outputs[0]);
}

/* ---- recurrence_gradient_weight ---- */

static pt_status_t weight_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    const pt__shape_t *d_gates = &pt__input_of(graph, node, D_GATES)->shape;
    const int64_t directions = node->attributes.integers[PT__RECURRENCE_DIRECTIONS],
                  wide = d_gates->size[1] / directions;
    outputs[D_WEIGHT_IH].shape = pt__shape_make(
        PT__DIMENSION_NONE, 2, (int64_t[]){wide, pt__input_of(graph, node, WEIGHT_SRC)->shape.size[1]});
    outputs[D_WEIGHT_HH].shape = pt__shape_make(
        PT__DIMENSION_NONE, 2, (int64_t[]){wide, pt__input_of(graph, node, DST)->shape.size[1] / directions});
    outputs[D_BIAS_IH].shape = outputs[D_BIAS_HH].shape = pt__shape_make(PT__DIMENSION_NONE, 1, &wide);
    return PT_OK;
}

/* d_weight [columns, n] (+)= aᵀ · b over all rows, and d_bias the sums of a. */
static void multiply(const pt__call_t *call, const pt__run_t *run, int32_t output, pt__gemm_t *gemm)
{
    gemm->a.transposed = 1;
    gemm->accumulate = pt__accumulates(call, output);
    gemm->accumulate_sums = pt__accumulates(call, output + 2);
    if (gemm->dst != NULL || gemm->a_sum != NULL)
        pt__kernels_of(run)->gemm(run->device, gemm);
}

/* Of what the input is multiplied with: GRU's candidate stands apart. */
static void run_input_weight(const pt__call_t *call, const pt__run_t *run)
{
    const pt__view_t *d_gates = &call->inputs[D_GATES], *src = &call->inputs[WEIGHT_SRC];
    const int64_t directions = integer(call, PT__RECURRENCE_DIRECTIONS), d = integer(call, PT__RECURRENCE_DIRECTION);
    const int64_t wide = d_gates->size[1] / directions,
                  hidden = wide / pt__cell_gates(integer(call, PT__RECURRENCE_CELL));
    const float *d_candidate = pt__input_data(call, D_CANDIDATE);
    float *d_weight = call->outputs[D_WEIGHT_IH].data, *d_bias = call->outputs[D_BIAS_IH].data;
    const int64_t columns = d_candidate != NULL ? wide - hidden : wide, inputs = src->size[1];
    pt__gemm_t gemm = {.m = columns,
                       .n = inputs,
                       .k = src->size[0],
                       .a = {.data = (const float *)d_gates->data + d * wide, .stride = directions * wide},
                       .b = {.data = src->data, .stride = inputs},
                       .dst = d_weight,
                       .dst_stride = inputs,
                       .a_sum = d_bias};
    multiply(call, run, D_WEIGHT_IH, &gemm);
    if (d_candidate == NULL)
        return;
    gemm.m = hidden;
    gemm.a = (pt__matrix_t){.data = d_candidate + d * hidden, .stride = directions * hidden};
    gemm.dst = d_weight != NULL ? d_weight + columns * inputs : NULL;
    gemm.a_sum = d_bias != NULL ? d_bias + columns : NULL;
    multiply(call, run, D_WEIGHT_IH, &gemm);
}

static void weight_run(const pt__call_t *call, const pt__run_t *run)
{
    const pt__view_t *d_gates = &call->inputs[D_GATES], *dst = &call->inputs[DST];
    const int64_t directions = integer(call, PT__RECURRENCE_DIRECTIONS), d = integer(call, PT__RECURRENCE_DIRECTION);
    const int64_t wide = d_gates->size[1] / directions, outputs = dst->size[1] / directions;
    const float *initial = pt__input_data(call, INITIAL_HIDDEN);
    pt__neighbours_t before = {.samples = run->count[PT__DIMENSION_BATCH],
                               .offsets = run->offsets[dst->dimension],
                               .columns = outputs,
                               .step = d == 0 ? -1 : 1,
                               .src = (const float *)dst->data + d * outputs,
                               .stride = dst->size[1],
                               .outside = initial != NULL ? initial + d * outputs : NULL,
                               .outside_stride = dst->size[1],
                               .dst = call->scratch};
    run_input_weight(call, run);
    pt__gemm_t gemm = {.m = wide,
                       .n = outputs,
                       .k = dst->size[0],
                       .a = {.data = (const float *)d_gates->data + d * wide, .stride = directions * wide},
                       .b = {.data = call->scratch, .stride = outputs},
                       .dst = call->outputs[D_WEIGHT_HH].data,
                       .dst_stride = outputs,
                       .a_sum = call->outputs[D_BIAS_HH].data};
    if (gemm.dst != NULL || gemm.a_sum != NULL)
        pt__kernels_of(run)->neighbour_rows(run->device, &before);
    multiply(call, run, D_WEIGHT_HH, &gemm);
}

static int64_t weight_scratch(const pt__call_t *call)
{
    return (int64_t)sizeof(float) * pt__view_elements(&call->inputs[DST]) / integer(call, PT__RECURRENCE_DIRECTIONS);
}

static double weight_operations(const pt__call_t *call)
{
    double operations = 0, rows = (double)call->inputs[D_GATES].size[0];
    for (int32_t i = 0; i < call->n_outputs; i++)
        if (call->outputs[i].data != NULL)
            operations += (i < D_BIAS_IH ? 2 : 1) * rows * (double)pt__view_elements(&call->outputs[i]);
    return operations;
}

/* ---- recurrence_gradient_projection ---- */

static pt_status_t projection_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    const int64_t directions = node->attributes.integers[PT__RECURRENCE_DIRECTIONS];
    outputs[0].shape = pt__shape_make(PT__DIMENSION_NONE, 2,
                                      (int64_t[]){pt__input_of(graph, node, 0)->shape.size[1] / directions,
                                                  pt__input_of(graph, node, 1)->shape.size[1] / directions});
    return PT_OK;
}

static void projection_run(const pt__call_t *call, const pt__run_t *run)
{
    const pt__view_t *d_hidden = &call->inputs[0], *src = &call->inputs[1], *d_weight = &call->outputs[0];
    const int64_t d = integer(call, PT__RECURRENCE_DIRECTION);
    const pt__gemm_t gemm = {.m = d_weight->size[0],
                             .n = d_weight->size[1],
                             .k = src->size[0],
                             .a = {.data = (const float *)d_hidden->data + d * d_weight->size[0],
                                   .stride = d_hidden->size[1],
                                   .transposed = 1},
                             .b = {.data = (const float *)src->data + d * d_weight->size[1], .stride = src->size[1]},
                             .dst = d_weight->data,
                             .dst_stride = d_weight->size[1],
                             .accumulate = pt__accumulates(call, 0)};
    pt__kernels_of(run)->gemm(run->device, &gemm);
}

static double projection_operations(const pt__call_t *call)
{
    return 2.0 * (double)call->inputs[0].size[0] * (double)pt__view_elements(&call->outputs[0]);
}

static const pt__op_t ops[] = {
    {.name = "recurrence_gradient",
     .flags = PT__OP_INTERNAL,
     .min_inputs = PT__RECURRENCE_BACK_GATES + 1,
     .max_inputs = PT__RECURRENCE_BACK_INPUTS,
     .n_outputs = PT__RECURRENCE_UNPROJECTED + 1,
     .count_outputs = gradient_outputs,
     .in_place = 1u << PT__RECURRENCE_BACK_GATES,
     .shape = gradient_shape,
     .run = gradient_run,
     .scratch = gradient_scratch,
     .operations = gradient_operations},
    {.name = "recurrence_gradient_src",
     .flags = PT__OP_INTERNAL | PT__OP_ROWWISE,
     .min_inputs = SRC_WEIGHT + 1,
     .max_inputs = SRC_D_CANDIDATE + 1,
     .n_outputs = 1,
     .accumulates = 1,
     .shape = src_shape,
     .run = src_run,
     .operations = src_operations},
    {.name = "recurrence_gradient_weight",
     .flags = PT__OP_INTERNAL,
     .min_inputs = DST + 1,
     .max_inputs = D_CANDIDATE + 1,
     .n_outputs = D_BIAS_HH + 1,
     .accumulates = 15,
     .shape = weight_shape,
     .run = weight_run,
     .scratch = weight_scratch,
     .operations = weight_operations},
    {.name = "recurrence_gradient_projection",
     .flags = PT__OP_INTERNAL,
     .min_inputs = 2,
     .max_inputs = 2,
     .n_outputs = 1,
     .accumulates = 1,
     .shape = projection_shape,
     .run = projection_run,
     .operations = projection_operations},
};

PT__OP_FAMILY(op_recurrence_gradient, ops)
