/* recurrence: a recurrent layer in one or two directions, as one op over time. Of a sample's rows x_1 .. x_T, in the
 * first direction, where · is a product with the transposed weight, σ the logistic function, and all else is by
 * element:
 *
 *   RNN    h_t = f(W_ih · x_t + b_ih + W_hh · h_{t-1} + b_hh)        f: tanh or relu
 *   GRU    r, z = σ(W_i(r,z) · x_t + b_i(r,z) + W_h(r,z) · h_{t-1} + b_h(r,z)),  m = W_hn · h_{t-1} + b_hn
 *          n = tanh(W_in · x_t + b_in + r m),   h_t = (1 - z) n + z h_{t-1}
 *   LSTM   i, f, o = σ(...), g = tanh(...),   c_t = f c_{t-1} + i g,   u_t = o tanh(c_t),   h_t = W_hr · u_t, or u_t
 *
 *   The second direction is the same from x_T to x_1. Each sample begins with its h_0 and c_0, or zeros.
 *   src [R, I], of each direction weight_ih [G·H, I], weight_hh [G·H, P], bias_ih and bias_hh [G·H] or none, weight_hr
 *   [P, H] or none, gates as PyTorch orders them: r z n; i f g o; initial_hidden [B, D·P] or none, initial_cell
 *   [B, D·H] or none -> dst [R, D·P], last_hidden [B, D·P], gates [R, D·G·H], kept [R, D·H] (GRU: m; LSTM: c),
 *   last_cell [B, D·H] (RNN: the first two, GRU: the first four)
 *
 * W_ih · x is one product of all rows; what is left for each step is the product with h_{t-1}, of all samples that
 * still have a row.
 *
 * Gradient: recurrence_gradient goes the other way and gives the gradients d_gates of the sums that gates are functions
 * of. From these
 *   d_src = Σ_D d_gates · W_ih                                             recurrence_gradient_src
 *   d_weight_ih = d_gatesᵀ · src, d_weight_hh = d_gatesᵀ · h_{t-1}, d_bias = Σ d_gates     recurrence_gradient_weight
 *   d_weight_hr = d_hᵀ · u                                                 recurrence_gradient_projection
 * With r m in GRU's candidate n, its d_gates are those of m, and d_candidate has those of the rest. */
#include "base/options.h"
#include "ops/recurrence_rules.h"

/* ---- Builder calls ---- */

static const pt_recurrent_weights_t no_weights = {.struct_size = sizeof no_weights};

pt_status_t pt_recurrent_weights_init(pt_recurrent_weights_t *weights, uint32_t struct_size)
{
    pt__error_clear();
    return pt__options_init(weights, struct_size, &no_weights, sizeof no_weights, "pt_recurrent_weights_t");
}

static pt_status_t read_weights(const pt_recurrent_weights_t *given, pt_tensor_t *inputs)
{
    pt_recurrent_weights_t weights = no_weights;
    PT__TRY(pt__options_read(given, &weights, sizeof weights, "pt_recurrent_weights_t"));
    inputs[PT__RECURRENCE_IH] = weights.weight_ih;
    inputs[PT__RECURRENCE_HH] = weights.weight_hh;
    inputs[PT__RECURRENCE_BIAS_IH] = weights.bias_ih;
    inputs[PT__RECURRENCE_BIAS_HH] = weights.bias_hh;
    inputs[PT__RECURRENCE_HR] = weights.weight_hr;
    return PT_OK;
}

/* reverse NULL: one direction; last_hidden and last_cell NULL: not wanted. */
static pt_tensor_t build(pt_graph_t *graph, pt__cell_t cell, pt_tensor_t src, const pt_recurrent_weights_t *forward,
                         const pt_recurrent_weights_t *reverse, pt_tensor_t initial_hidden, pt_tensor_t initial_cell,
                         pt_tensor_t *last_hidden, pt_tensor_t *last_cell)
{
    pt_tensor_t inputs[PT__RECURRENCE_INITIAL_CELL + 1] = {[PT__RECURRENCE_SRC] = src,
                                                           [PT__RECURRENCE_INITIAL_HIDDEN] = initial_hidden,
                                                           [PT__RECURRENCE_INITIAL_CELL] = initial_cell};
    const pt__attributes_t attributes = {.integers = {[PT__RECURRENCE_CELL] = cell}};
    if (last_hidden != NULL)
        *last_hidden = PT_NO_TENSOR;
    if (last_cell != NULL)
        *last_cell = PT_NO_TENSOR;
    if (!pt__build_is_ready(graph))
        return PT_NO_TENSOR;
    if (forward == NULL)
        return pt__graph_fail(graph, PT_ERR_ARGUMENT, "recurrence: forward is NULL, expected a direction's weights");
    pt_status_t status = read_weights(forward, inputs + PT__RECURRENCE_WEIGHTS);
    if (status == PT_OK && reverse != NULL)
        status = read_weights(reverse, inputs + PT__RECURRENCE_WEIGHTS + PT__RECURRENCE_WEIGHT_COUNT);
    if (status != PT_OK)
        return pt__graph_stick(graph, status);
    pt_tensor_t dst = pt__build(graph, "recurrence", PT__RECURRENCE_INITIAL_CELL + 1, inputs, &attributes);
    if (last_hidden != NULL)
        *last_hidden = pt__build_output(dst, PT__RECURRENCE_LAST_HIDDEN);
    if (last_cell != NULL)
        *last_cell = pt__build_output(dst, PT__RECURRENCE_LAST_CELL);
    return dst;
}

pt_tensor_t pt_gru(pt_graph_t *graph, pt_tensor_t src, const pt_recurrent_weights_t *forward,
                   const pt_recurrent_weights_t *reverse, pt_tensor_t initial_hidden, pt_tensor_t *last_hidden)
{
    return build(graph, PT__CELL_GRU, src, forward, reverse, initial_hidden, PT_NO_TENSOR, last_hidden, NULL);
}

pt_tensor_t pt_lstm(pt_graph_t *graph, pt_tensor_t src, const pt_recurrent_weights_t *forward,
                    const pt_recurrent_weights_t *reverse, pt_tensor_t initial_hidden, pt_tensor_t initial_cell,
                    pt_tensor_t *last_hidden, pt_tensor_t *last_cell)
{
    return build(graph, PT__CELL_LSTM, src, forward, reverse, initial_hidden, initial_cell, last_hidden, last_cell);
}

pt_tensor_t pt_rnn(pt_graph_t *graph, pt_tensor_t src, const pt_recurrent_weights_t *forward,
                   const pt_recurrent_weights_t *reverse, int32_t activation, pt_tensor_t initial_hidden,
                   pt_tensor_t *last_hidden)
{
    if (activation != PT_ACTIVATION_TANH && activation != PT_ACTIVATION_RELU) {
        if (last_hidden != NULL)
            *last_hidden = PT_NO_TENSOR;
        if (!pt__build_is_ready(graph))
            return PT_NO_TENSOR;
        return pt__graph_fail(graph, PT_ERR_ARGUMENT,
                              "recurrence: activation %d, expected PT_ACTIVATION_TANH or PT_ACTIVATION_RELU",
                              (int)activation);
    }
    return build(graph, activation == PT_ACTIVATION_TANH ? PT__CELL_TANH : PT__CELL_RELU, src, forward, reverse,
                 initial_hidden, PT_NO_TENSOR, last_hidden, NULL);
}

/* ---- Shapes ---- */

static pt_status_t check_direction(const pt_graph_t *graph, const pt__node_t *node, int32_t direction, int64_t inputs,
                                   const pt__recurrence_sizes_t *sizes)
{
    const int32_t first = PT__RECURRENCE_WEIGHTS + direction * PT__RECURRENCE_WEIGHT_COUNT;
    const int64_t wide = sizes->gates * sizes->hidden;
    const pt__tensor_t *input = pt__input_of(graph, node, first + PT__RECURRENCE_IH);
    const pt__tensor_t *recurrent = pt__input_of(graph, node, first + PT__RECURRENCE_HH);
    const pt__tensor_t *projection = pt__input_of(graph, node, first + PT__RECURRENCE_HR);
    if (input == NULL || recurrent == NULL)
        return pt__refuse_attribute(node, "weight_ih and weight_hh of a direction, expected both");
    PT__TRY(pt__expect_float(graph, node, first + PT__RECURRENCE_IH, "weight_ih", 2, 2));
    PT__TRY(pt__expect_float(graph, node, first + PT__RECURRENCE_HH, "weight_hh", 2, 2));
    PT__TRY(pt__expect_fixed(graph, node, first + PT__RECURRENCE_IH, "weight_ih"));
    PT__TRY(pt__expect_fixed(graph, node, first + PT__RECURRENCE_HH, "weight_hh"));
    if (input->shape.size[0] != wide || input->shape.size[1] != inputs)
        return pt__refuse(graph, node, first + PT__RECURRENCE_IH, "weight_ih", "[%lld, %lld]", (long long)wide,
                          (long long)inputs);
    if (recurrent->shape.size[0] != wide || recurrent->shape.size[1] != sizes->outputs)
        return pt__refuse(graph, node, first + PT__RECURRENCE_HH, "weight_hh", "[%lld, %lld]", (long long)wide,
                          (long long)sizes->outputs);
    PT__TRY(pt__expect_vector(graph, node, first + PT__RECURRENCE_BIAS_IH, "bias_ih", wide));
    PT__TRY(pt__expect_vector(graph, node, first + PT__RECURRENCE_BIAS_HH, "bias_hh", wide));
    if (projection == NULL && sizes->outputs != sizes->hidden)
        return pt__refuse(graph, node, first + PT__RECURRENCE_HH, "weight_hh", "[%lld, %lld] without weight_hr",
                          (long long)wide, (long long)sizes->hidden);
    if (projection == NULL)
        return PT_OK;
    if (sizes->cell != PT__CELL_LSTM)
        return pt__refuse(graph, node, first + PT__RECURRENCE_HR, "weight_hr", "none: only an LSTM projects");
    PT__TRY(pt__expect_float(graph, node, first + PT__RECURRENCE_HR, "weight_hr", 2, 2));
    PT__TRY(pt__expect_fixed(graph, node, first + PT__RECURRENCE_HR, "weight_hr"));
    if (projection->shape.size[0] != sizes->outputs || projection->shape.size[1] != sizes->hidden ||
        sizes->outputs >= sizes->hidden)
        return pt__refuse(graph, node, first + PT__RECURRENCE_HR, "weight_hr",
                          "[outputs, %lld] with fewer outputs, [%lld, %lld] by weight_hh", (long long)sizes->hidden,
                          (long long)sizes->outputs, (long long)sizes->hidden);
    return PT_OK;
}

static pt_status_t check_initial(const pt_graph_t *graph, const pt__node_t *node, int32_t place, const char *role,
                                 int64_t columns)
{
    const pt__tensor_t *initial = pt__input_of(graph, node, place);
    if (initial == NULL)
        return PT_OK;
    PT__TRY(pt__expect_float(graph, node, place, role, 2, 2));
    if (initial->shape.dimension != PT__DIMENSION_BATCH || initial->shape.size[0] != 1 ||
        initial->shape.size[1] != columns)
        return pt__refuse(graph, node, place, role, "[PT_DIM_BATCH, %lld]", (long long)columns);
    return PT_OK;
}

static pt_status_t recurrence_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    pt__recurrence_sizes_t sizes;
    int64_t inputs;
    if (node->attributes.integers[PT__RECURRENCE_CELL] < 0 ||
        node->attributes.integers[PT__RECURRENCE_CELL] >= PT__CELLS)
        return pt__refuse_attribute(node, "cell %lld, expected 0 to %d",
                                    (long long)node->attributes.integers[PT__RECURRENCE_CELL], PT__CELLS - 1);
    PT__TRY(pt__expect_rows(graph, node, PT__RECURRENCE_SRC, "src", &inputs));
    const pt__shape_t *src = &pt__input_of(graph, node, PT__RECURRENCE_SRC)->shape;
    if (src->rank != 2 || !pt__shape_is_ragged(src) || src->size[0] != 1)
        return pt__refuse(graph, node, PT__RECURRENCE_SRC, "src",
                          "[PT_DIM_TOKENS, features], or of another dimension of rows");
    PT__TRY(pt__expect_float(graph, node, PT__RECURRENCE_WEIGHTS + PT__RECURRENCE_HH, "weight_hh", 2, 2));
    sizes = pt__recurrence_sizes(graph, node);
    for (int32_t d = 0; d < sizes.directions; d++)
        PT__TRY(check_direction(graph, node, d, inputs, &sizes));
    const int64_t stride = sizes.directions * sizes.outputs, hidden_stride = sizes.directions * sizes.hidden;
    PT__TRY(check_initial(graph, node, PT__RECURRENCE_INITIAL_HIDDEN, "initial_hidden", stride));
    if (sizes.cell != PT__CELL_LSTM && pt__input_of(graph, node, PT__RECURRENCE_INITIAL_CELL) != NULL)
        return pt__refuse(graph, node, PT__RECURRENCE_INITIAL_CELL, "initial_cell", "none: only an LSTM has cells");
    PT__TRY(check_initial(graph, node, PT__RECURRENCE_INITIAL_CELL, "initial_cell", hidden_stride));
    outputs[PT__RECURRENCE_DST].shape = pt__shape_with_last(src, stride);
    outputs[PT__RECURRENCE_LAST_HIDDEN].shape = pt__shape_make(PT__DIMENSION_BATCH, 2, (int64_t[]){1, stride});
    if (node->n_outputs > PT__RECURRENCE_GATES) {
        outputs[PT__RECURRENCE_GATES].shape = pt__shape_with_last(src, sizes.gates * hidden_stride);
        outputs[PT__RECURRENCE_KEPT].shape = pt__shape_with_last(src, hidden_stride);
    }
    if (node->n_outputs > PT__RECURRENCE_LAST_CELL)
        outputs[PT__RECURRENCE_LAST_CELL].shape = pt__shape_make(PT__DIMENSION_BATCH, 2, (int64_t[]){1, hidden_stride});
    return PT_OK;
}

static int32_t recurrence_outputs(const pt__attributes_t *attributes)
{
    const int64_t cell = attributes->integers[PT__RECURRENCE_CELL];
    return cell == PT__CELL_LSTM ? PT__RECURRENCE_LAST_CELL + 1 : cell == PT__CELL_GRU ? PT__RECURRENCE_KEPT + 1 : 2;
}

/* ---- Gradients ---- */

/* Of one direction, given those of the gates. */
static void direction_gradients(pt_graph_t *graph, const pt__node_t *node, int32_t direction, pt_tensor_t d_gates,
                                const int32_t *wanted, pt_tensor_t *d_inputs)
{
    const int32_t first = PT__RECURRENCE_WEIGHTS + direction * PT__RECURRENCE_WEIGHT_COUNT;
    const pt__recurrence_sizes_t sizes = pt__recurrence_sizes(graph, node);
    const int32_t is_gru = sizes.cell == PT__CELL_GRU, hr = first + PT__RECURRENCE_HR;
    pt__attributes_t attributes = {.integers = {[PT__RECURRENCE_CELL] = sizes.cell,
                                                [PT__RECURRENCE_DIRECTION] = direction,
                                                [PT__RECURRENCE_DIRECTIONS] = sizes.directions}};
    int32_t wants = 0;
    for (int32_t i = 0; i < PT__RECURRENCE_HR; i++)
        wants |= first + i < node->n_inputs && wanted[first + i];
    if (wants) {
        const pt_tensor_t initial = PT__RECURRENCE_INITIAL_HIDDEN < node->n_inputs
                                        ? node->inputs[PT__RECURRENCE_INITIAL_HIDDEN]
                                        : PT_NO_TENSOR;
        const pt_tensor_t inputs[] = {d_gates, node->inputs[PT__RECURRENCE_SRC], node->outputs[PT__RECURRENCE_DST],
                                      initial,
                                      is_gru ? pt__build_output(d_gates, PT__RECURRENCE_D_CANDIDATE) : PT_NO_TENSOR};
        pt_tensor_t d_weight = pt__build(graph, "recurrence_gradient_weight", 5, inputs, &attributes);
        for (int32_t i = 0; i < PT__RECURRENCE_HR; i++)
            if (first + i < node->n_inputs && wanted[first + i])
                d_inputs[first + i] = pt__build_output(d_weight, i);
    }
    if (hr < node->n_inputs && wanted[hr])
        d_inputs[hr] = pt__build_binary(graph, "recurrence_gradient_projection",
                                        pt__build_output(d_gates, PT__RECURRENCE_D_HIDDEN),
                                        pt__build_output(d_gates, PT__RECURRENCE_UNPROJECTED), &attributes);
}

static pt_status_t recurrence_gradient(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *d_outputs,
                                       const int32_t *wanted, pt_tensor_t *d_inputs)
{
    const pt__recurrence_sizes_t sizes = pt__recurrence_sizes(graph, node);
    const int32_t is_lstm = sizes.cell == PT__CELL_LSTM, is_gru = sizes.cell == PT__CELL_GRU;
    pt__attributes_t attributes = {
        .integers = {[PT__RECURRENCE_CELL] = sizes.cell, [PT__RECURRENCE_DIRECTIONS] = sizes.directions}};
    pt_tensor_t inputs[PT__RECURRENCE_BACK_INPUTS];
    for (int32_t i = 0; i < PT__RECURRENCE_BACK_INPUTS; i++)
        inputs[i] = PT_NO_TENSOR;
    inputs[PT__RECURRENCE_BACK_GATES] = node->outputs[is_lstm || is_gru ? PT__RECURRENCE_GATES : PT__RECURRENCE_DST];
    if (is_lstm || is_gru)
        inputs[PT__RECURRENCE_BACK_KEPT] = node->outputs[PT__RECURRENCE_KEPT];
    if (is_gru)
        inputs[PT__RECURRENCE_BACK_DST] = node->outputs[PT__RECURRENCE_DST];
    for (int32_t i = 0; i < 2; i++)
        if (PT__RECURRENCE_INITIAL_HIDDEN + i < node->n_inputs)
            inputs[PT__RECURRENCE_BACK_INITIAL_HIDDEN + i] = node->inputs[PT__RECURRENCE_INITIAL_HIDDEN + i];
    for (int32_t d = 0; d < sizes.directions; d++) {
        const int32_t first = PT__RECURRENCE_WEIGHTS + d * PT__RECURRENCE_WEIGHT_COUNT;
        inputs[PT__RECURRENCE_BACK_HH + 2 * d] = node->inputs[first + PT__RECURRENCE_HH];
        if (first + PT__RECURRENCE_HR < node->n_inputs)
            inputs[PT__RECURRENCE_BACK_HH + 2 * d + 1] = node->inputs[first + PT__RECURRENCE_HR];
    }
    inputs[PT__RECURRENCE_BACK_D_DST] = d_outputs[PT__RECURRENCE_DST];
    inputs[PT__RECURRENCE_BACK_D_LAST_HIDDEN] = d_outputs[PT__RECURRENCE_LAST_HIDDEN];
    if (is_lstm)
        inputs[PT__RECURRENCE_BACK_D_LAST_CELL] = d_outputs[PT__RECURRENCE_LAST_CELL];
    pt_tensor_t d_gates = pt__build(graph, "recurrence_gradient", PT__RECURRENCE_BACK_INPUTS, inputs, &attributes);
    for (int32_t d = 0; d < sizes.directions; d++)
        direction_gradients(graph, node, d, d_gates, wanted, d_inputs);
    if (wanted[PT__RECURRENCE_SRC]) {
        const int32_t second = PT__RECURRENCE_WEIGHTS + PT__RECURRENCE_WEIGHT_COUNT + PT__RECURRENCE_IH;
        const pt_tensor_t back[] = {d_gates, node->inputs[PT__RECURRENCE_WEIGHTS + PT__RECURRENCE_IH],
                                    sizes.directions > 1 ? node->inputs[second] : PT_NO_TENSOR,
                                    is_gru ? pt__build_output(d_gates, PT__RECURRENCE_D_CANDIDATE) : PT_NO_TENSOR};
        d_inputs[PT__RECURRENCE_SRC] = pt__build(graph, "recurrence_gradient_src", 4, back, &attributes);
    }
    if (PT__RECURRENCE_INITIAL_HIDDEN < node->n_inputs && wanted[PT__RECURRENCE_INITIAL_HIDDEN])
        d_inputs[PT__RECURRENCE_INITIAL_HIDDEN] = pt__build_output(d_gates, PT__RECURRENCE_D_INITIAL_HIDDEN);
    if (PT__RECURRENCE_INITIAL_CELL < node->n_inputs && wanted[PT__RECURRENCE_INITIAL_CELL])
        d_inputs[PT__RECURRENCE_INITIAL_CELL] = pt__build_output(d_gates, PT__RECURRENCE_D_INITIAL_CELL);
    return graph->status;
}

/* ---- Kernel calls ---- */

static pt__recurrence_t describe(const pt__call_t *call)
{
    const pt__view_t *dst = &call->outputs[PT__RECURRENCE_DST];
    const pt__view_t *weight = &call->inputs[PT__RECURRENCE_WEIGHTS + PT__RECURRENCE_HH];
    const int64_t cell = call->attributes->integers[PT__RECURRENCE_CELL], outputs = weight->size[1];
    pt__recurrence_t recurrence = {.cell = (pt__cell_t)cell,
                                   .samples = call->outputs[PT__RECURRENCE_LAST_HIDDEN].size[0],
                                   .rows = call->inputs[PT__RECURRENCE_SRC].size[0],
                                   .directions = pt__last_size(dst) / outputs,
                                   .hidden = weight->size[0] / pt__cell_gates(cell),
                                   .outputs = outputs,
                                   .initial_hidden = pt__input_data(call, PT__RECURRENCE_INITIAL_HIDDEN),
                                   .initial_cell = pt__input_data(call, PT__RECURRENCE_INITIAL_CELL),
                                   .dst = dst->data,
                                   .last_hidden = call->outputs[PT__RECURRENCE_LAST_HIDDEN].data};
    for (int32_t d = 0; d < recurrence.directions; d++) {
        const int32_t first = PT__RECURRENCE_WEIGHTS + d * PT__RECURRENCE_WEIGHT_COUNT;
        recurrence.weight[d] = pt__input_data(call, first + PT__RECURRENCE_HH);
        recurrence.bias[d] = pt__input_data(call, first + PT__RECURRENCE_BIAS_HH);
        recurrence.projection[d] = pt__input_data(call, first + PT__RECURRENCE_HR);
    }
    recurrence.gates = recurrence.dst;
    if (call->n_outputs > PT__RECURRENCE_GATES) {
        recurrence.gates = call->outputs[PT__RECURRENCE_GATES].data;
        recurrence.kept = call->outputs[PT__RECURRENCE_KEPT].data;
    }
    if (call->n_outputs > PT__RECURRENCE_LAST_CELL)
        recurrence.last_cell = call->outputs[PT__RECURRENCE_LAST_CELL].data;
    return recurrence;
}

static int64_t gate_columns(const pt__recurrence_t *recurrence)
{
    return pt__cell_gates(recurrence->cell) * recurrence->hidden;
}

/* Bytes of the gates' values where nobody reads them. */
static int64_t gate_bytes(const pt__recurrence_t *recurrence)
{
    return recurrence->gates != NULL
               ? 0
               : (int64_t)sizeof(float) * recurrence->rows * recurrence->directions * gate_columns(recurrence);
}

static void recurrence_run(const pt__call_t *call, const pt__run_t *run)
{
    pt__recurrence_t recurrence = describe(call);
    const pt__view_t *src = &call->inputs[PT__RECURRENCE_SRC];
    const int64_t columns = gate_columns(&recurrence), inputs = pt__last_size(src);
    recurrence.offsets = run->offsets[src->dimension];
    recurrence.scratch = (char *)call->scratch + pt__padded_scratch(gate_bytes(&recurrence));
    if (recurrence.gates == NULL)
        recurrence.gates = call->scratch;
    for (int64_t d = 0; d < recurrence.directions; d++) {
        const int32_t first = PT__RECURRENCE_WEIGHTS + (int32_t)d * PT__RECURRENCE_WEIGHT_COUNT;
        const pt__gemm_t gemm = {
            .m = recurrence.rows,
            .n = columns,
            .k = inputs,
            .a = {.data = src->data, .stride = inputs},
            .b = {.data = call->inputs[first + PT__RECURRENCE_IH].data, .stride = inputs, .transposed = 1},
            .dst = recurrence.gates + d * columns,
            .dst_stride = recurrence.directions * columns,
            .bias = pt__input_data(call, first + PT__RECURRENCE_BIAS_IH)};
        pt__kernels_of(run)->gemm(run->device, &gemm);
    }
    pt__kernels_of(run)->recurrence(run->device, &recurrence);
}

static int64_t recurrence_scratch(const pt__call_t *call)
{
    const pt__recurrence_t recurrence = describe(call);
    return pt__padded_scratch(gate_bytes(&recurrence)) + pt__recurrence_scratch(&recurrence);
}

static double recurrence_operations(const pt__call_t *call)
{
    const pt__recurrence_t recurrence = describe(call);
    const int64_t depth = pt__last_size(&call->inputs[PT__RECURRENCE_SRC]) + recurrence.outputs;
    const int64_t projected = recurrence.projection[0] != NULL ? recurrence.outputs : 0;
    return 2.0 * (double)recurrence.rows * (double)recurrence.directions *
           (double)(gate_columns(&recurrence) * depth + projected * recurrence.hidden);
}

/* ---- Cases ---- */

static const pt__case_t cases[] = {
    {"f[T,3] f[5,3] f[5,5] f[5] f[5]", {.integers = {PT__CELL_TANH}}},
    {"f[T,2] f[3,2] f[3,3] - - - f[3,2] f[3,3] - - - f[B,6]", {.integers = {PT__CELL_RELU}}},
    {"f[T,4] f[15,4] f[15,5] f[15] f[15]", {.integers = {PT__CELL_GRU}}},
    {"f[T,3] f[51,3] f[51,17] f[51] f[51] - f[51,3] f[51,17] f[51] f[51] - f[B,34]", {.integers = {PT__CELL_GRU}}},
    {"f[T,3] f[6,3] f[6,2] - -", {.integers = {PT__CELL_GRU}}},
    {"f[T,4] f[20,4] f[20,5] f[20] f[20]", {.integers = {PT__CELL_LSTM}}},
    {"f[T,2] f[36,2] f[36,9] f[36] f[36] - f[36,2] f[36,9] f[36] f[36] - f[B,18] f[B,18]",
     {.integers = {PT__CELL_LSTM}}},
    {"f[T,2] f[36,2] f[36,4] f[36] f[36] f[4,9] f[36,2] f[36,4] - - f[4,9] f[B,8] f[B,18]",
     {.integers = {PT__CELL_LSTM}}},
    {"f[T,2] f[24,2] f[24,3] - - f[3,6]", {.integers = {PT__CELL_LSTM}}},
};

static const pt__op_t ops[] = {
    {.name = "recurrence",
     .min_inputs = PT__RECURRENCE_WEIGHTS + 2,
     .max_inputs = PT__RECURRENCE_INITIAL_CELL + 1,
     .n_outputs = PT__RECURRENCE_LAST_CELL + 1,
     .count_outputs = recurrence_outputs,
     .needs_gradient_of = (1u << (PT__RECURRENCE_INITIAL_CELL + 1)) - 1u,
     .passes_gradient_of = 1u << PT__RECURRENCE_DST | 1u << PT__RECURRENCE_LAST_HIDDEN | 1u << PT__RECURRENCE_LAST_CELL,
     .shape = recurrence_shape,
     .gradient = recurrence_gradient,
     .run = recurrence_run,
     .scratch = recurrence_scratch,
     .operations = recurrence_operations,
     PT__CASES(cases)},
};

PT__OP_FAMILY(op_recurrence, ops)
