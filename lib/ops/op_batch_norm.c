/* batch_norm: dst = activation((src - mean) · inverse · weight + bias + residual) for each column     (Ioffe 2015)
 *
 *   src [..., C], rows R all but the last; running_mean, running_variance state [C]; weight, bias [C] or none; residual
 *   like src or none, it and the activation by the planner (fuse.c) -> dst [..., C]. A run that updates the states (the
 *   planner's integer UPDATES) takes the batch's own statistics:
 *     mean = Σ src / R, variance = Σ (src - mean)² / R, inverse = 1 / sqrt(variance + epsilon)
 *     new running mean     = (1 - momentum) · running mean + momentum · mean
 *     new running variance = (1 - momentum) · running variance + momentum · variance · R / (R - 1)      (PyTorch's)
 *   any other, evaluation and frozen statistics alike: mean and variance are the running ones.
 *   Outputs: 0 dst; 1 mean and 2 inverse, which the gradient reads; 3 and 4 the states' new values, which the
 *   planner has written back at the end of the run, once, whatever is computed again.
 *
 * Gradient, with n = (src - mean) · inverse and g = d_dst:
 *   d_bias = Σ_R g, d_weight = Σ_R g · n
 *   d_src = weight · inverse · (g - d_bias / R - n · d_weight / R) with the batch's statistics, weight · inverse · g
 *   with the running ones
 *
 * With the batch's statistics a row's result depends on all other rows, and so on how a batch is cut: a stage does
 * not cut it unasked. */
#include "base/number.h"
#include "ops/op_rules.h"

enum { ACTIVATION = PT__ATTRIBUTE_ACTIVATION, UPDATES }; /* integers */
enum { EPSILON, MOMENTUM };                              /* reals */
enum { SRC, RUNNING_MEAN, RUNNING_VARIANCE, WEIGHT, BIAS, RESIDUAL };
enum { DST, MEAN, INVERSE, NEW_MEAN, NEW_VARIANCE };
enum { D_DST, G_SRC, G_MEAN, G_INVERSE, G_WEIGHT };  /* inputs of batch_norm_gradient */
enum { D_SRC, D_WEIGHT, D_BIAS };                    /* its outputs */
enum { A_SRC, A_MEAN, A_INVERSE, A_WEIGHT, A_BIAS }; /* inputs of batch_norm_apply */

pt_tensor_t pt_batch_norm(pt_graph_t *graph, pt_tensor_t src, pt_tensor_t running_mean, pt_tensor_t running_variance,
                          pt_tensor_t weight, pt_tensor_t bias, double momentum, double epsilon)
{
    pt__attributes_t attributes = {.reals = {[EPSILON] = epsilon, [MOMENTUM] = momentum}};
    return pt__build(graph, "batch_norm", BIAS + 1, (pt_tensor_t[]){src, running_mean, running_variance, weight, bias},
                     &attributes);
}

static pt_status_t expect_state(const pt_graph_t *graph, const pt__node_t *node, int32_t input, const char *role,
                                int64_t width)
{
    const pt__tensor_t *found = pt__input_of(graph, node, input);
    PT__TRY(pt__expect_vector(graph, node, input, role, width));
    if (found->kind != PT__KIND_PARAMETER || graph->parameters[found->place].role != PT__ROLE_STATE)
        return pt__refuse(graph, node, input, role, "a tensor of pt_state");
    return PT_OK;
}

static pt_status_t batch_norm_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    double epsilon = node->attributes.reals[EPSILON], momentum = node->attributes.reals[MOMENTUM];
    int64_t width = 0;
    if (!(epsilon >= 0 && epsilon < 1))
        return pt__refuse_attribute(node, "epsilon %g, expected a number in [0, 1)", pt__number_shown(epsilon));
    if (!(momentum >= 0 && momentum <= 1))
        return pt__refuse_attribute(node, "momentum %g, expected a number in [0, 1]", pt__number_shown(momentum));
    PT__TRY(pt__expect_rows(graph, node, SRC, "src", &width));
    PT__TRY(pt__expect_rank(graph, node, SRC, "src", 2, PT_MAX_RANK));
    PT__TRY(expect_state(graph, node, RUNNING_MEAN, "running_mean", width));
    PT__TRY(expect_state(graph, node, RUNNING_VARIANCE, "running_variance", width));
    if (node->inputs[RUNNING_MEAN] == node->inputs[RUNNING_VARIANCE])
        return pt__refuse(graph, node, RUNNING_VARIANCE, "running_variance", "another state than running_mean");
    PT__TRY(pt__expect_vector(graph, node, WEIGHT, "weight", width));
    PT__TRY(pt__expect_vector(graph, node, BIAS, "bias", width));
    if (node->n_inputs > RESIDUAL && node->inputs[RESIDUAL] != PT_NO_TENSOR)
        PT__TRY(pt__expect_same_shape(graph, node, RESIDUAL, "residual", SRC, "src"));
    outputs[DST].shape = pt__input_of(graph, node, SRC)->shape;
    for (int32_t i = MEAN; i <= NEW_VARIANCE; i++)
        outputs[i].shape = pt__shape_make(PT__DIMENSION_NONE, 1, &width);
    return PT_OK;
}

static pt_tensor_t optional(const pt__node_t *node, int32_t input)
{
    return input < node->n_inputs ? node->inputs[input] : PT_NO_TENSOR;
}

/* Of a node as hosts make it, without what the planner adds afterwards. */
static pt_status_t batch_norm_gradient(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *d_outputs,
                                       const int32_t *wanted, pt_tensor_t *d_inputs)
{
    pt__attributes_t attributes = {.integers = {[UPDATES] = node->attributes.integers[UPDATES]}};
    pt_tensor_t inputs[] = {[D_DST] = d_outputs[DST],
                            [G_SRC] = node->inputs[SRC],
                            [G_MEAN] = node->outputs[MEAN],
                            [G_INVERSE] = node->outputs[INVERSE],
                            [G_WEIGHT] = optional(node, WEIGHT)};
    pt_tensor_t first = pt__build(graph, "batch_norm_gradient", G_WEIGHT + 1, inputs, &attributes);
    if (wanted[SRC])
        d_inputs[SRC] = pt__build_output(first, D_SRC);
    if (node->n_inputs > WEIGHT && wanted[WEIGHT])
        d_inputs[WEIGHT] = pt__build_output(first, D_WEIGHT);
    if (node->n_inputs > BIAS && wanted[BIAS])
        d_inputs[BIAS] = pt__build_output(first, D_BIAS);
    return graph->status;
}

/* From the statistics that the gradient keeps: the states are not touched. */
static pt_tensor_t batch_norm_recomputed(pt_graph_t *graph, const pt__node_t *node)
{
    pt_tensor_t inputs[] = {[A_SRC] = node->inputs[SRC],
                            [A_MEAN] = node->outputs[MEAN],
                            [A_INVERSE] = node->outputs[INVERSE],
                            [A_WEIGHT] = optional(node, WEIGHT),
                            [A_BIAS] = optional(node, BIAS)};
    return pt__build(graph, "batch_norm_apply", A_BIAS + 1, inputs, NULL);
}

/* Where nobody reads mean and inverse, the kernel writes them into scratch. */
static int64_t batch_norm_scratch(const pt__call_t *call)
{
    return 2 * pt__last_size(&call->inputs[SRC]) * (int64_t)sizeof(float);
}

static void batch_norm_run(const pt__call_t *call, const pt__run_t *run)
{
    const pt__view_t *src = &call->inputs[SRC];
    int64_t columns = pt__last_size(src);
    float *unread = call->scratch;
    pt__batch_norm_t norm = {.rows = pt__view_rows(src, 1),
                             .columns = columns,
                             .epsilon = (float)call->attributes->reals[EPSILON],
                             .momentum = call->attributes->reals[MOMENTUM],
                             .from_batch = call->attributes->integers[UPDATES] != 0,
                             .src = src->data,
                             .running_mean = call->inputs[RUNNING_MEAN].data,
                             .running_variance = call->inputs[RUNNING_VARIANCE].data,
                             .mean = call->outputs[MEAN].data != NULL ? call->outputs[MEAN].data : unread,
                             .inverse = call->outputs[INVERSE].data != NULL ? call->outputs[INVERSE].data
                                                                            : unread + columns,
                             .new_mean = call->outputs[NEW_MEAN].data,
                             .new_variance = call->outputs[NEW_VARIANCE].data};
    pt__kernels_of(run)->batch_statistics(run->device, &norm);
    pt__batch_norm_rows_t rows = {.rows = norm.rows,
                                  .columns = columns,
                                  .src = src->data,
                                  .mean = norm.mean,
                                  .inverse = norm.inverse,
                                  .weight = pt__input_data(call, WEIGHT),
                                  .bias = pt__input_data(call, BIAS),
                                  .residual = pt__input_data(call, RESIDUAL),
                                  .activation = (int32_t)call->attributes->integers[ACTIVATION],
                                  .dst = call->outputs[DST].data};
    pt__kernels_of(run)->batch_norm(run->device, &rows);
}

static pt_status_t apply_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    return pt__shape_of_input0(graph, node, outputs);
}

static void apply_run(const pt__call_t *call, const pt__run_t *run)
{
    const pt__view_t *src = &call->inputs[A_SRC];
    pt__batch_norm_rows_t rows = {.rows = pt__view_rows(src, 1),
                                  .columns = pt__last_size(src),
                                  .src = src->data,
                                  .mean = call->inputs[A_MEAN].data,
                                  .inverse = call->inputs[A_INVERSE].data,
                                  .weight = pt__input_data(call, A_WEIGHT),
                                  .bias = pt__input_data(call, A_BIAS),
                                  .dst = call->outputs[0].data};
    pt__kernels_of(run)->batch_norm(run->device, &rows);
}

static pt_status_t gradient_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    outputs[D_SRC].shape = pt__input_of(graph, node, G_SRC)->shape;
    outputs[D_WEIGHT].shape = outputs[D_BIAS].shape = pt__input_of(graph, node, G_MEAN)->shape;
    return PT_OK;
}

static void gradient_run(const pt__call_t *call, const pt__run_t *run)
{
    const pt__view_t *src = &call->inputs[G_SRC];
    pt__batch_norm_gradient_t norm = {.rows = pt__view_rows(src, 1),
                                      .columns = pt__last_size(src),
                                      .from_batch = call->attributes->integers[UPDATES] != 0,
                                      .src = src->data,
                                      .mean = call->inputs[G_MEAN].data,
                                      .inverse = call->inputs[G_INVERSE].data,
                                      .weight = pt__input_data(call, G_WEIGHT),
                                      .d_dst = call->inputs[D_DST].data,
                                      .d_src = call->outputs[D_SRC].data,
                                      .d_weight = call->outputs[D_WEIGHT].data,
                                      .d_bias = call->outputs[D_BIAS].data,
                                      .accumulate_d_weight = pt__accumulates(call, D_WEIGHT),
                                      .accumulate_d_bias = pt__accumulates(call, D_BIAS)};
    pt__kernels_of(run)->batch_norm_gradient(run->device, &norm);
}

static double batch_norm_operations(const pt__call_t *call)
{
    return 7.0 * (double)pt__view_elements(&call->outputs[0]);
}

static double gradient_operations(const pt__call_t *call)
{
    return 12.0 * (double)pt__view_elements(&call->inputs[G_SRC]);
}

/* s: a state, positive. With the batch's statistics, and with the running ones. */
static const pt__case_t batch_norm_cases[] = {
    {"f[T,5] s[5] s[5] f[5] f[5]", {.integers = {[UPDATES] = 1}, .reals = {1e-5, 0.1}}},
    {"f[T,33] s[33] s[33] f[33] -", {.integers = {[UPDATES] = 1}, .reals = {1e-3, 0.5}}},
    {"f[B,3,7] s[7] s[7] - f[7]", {.integers = {[UPDATES] = 1}, .reals = {1e-5, 1}}},
    {"f[5,1030] s[1030] s[1030] f[1030] f[1030]", {.integers = {[UPDATES] = 1}, .reals = {1e-5, 0.1}}},
    {"f[480,70] s[70] s[70] f[70] f[70]", {.integers = {[UPDATES] = 1}, .reals = {1e-5, 0.1}}},
    {"f[T,5] s[5] s[5] f[5] f[5]", {.reals = {1e-5, 0.1}}},
    {"f[2T,9] s[9] s[9]", {.reals = {1e-5, 0.1}}},
};

static const pt__op_t ops[] = {
    {.name = "batch_norm",
     .flags = PT__OP_COUPLES,
     .min_inputs = 3,
     .max_inputs = 6,
     .n_outputs = 5,
     .residual_input = RESIDUAL + 1,
     .takes_activation = 1,
     .updates = UPDATES + 1,
     .updated_input = {[NEW_MEAN] = RUNNING_MEAN + 1, [NEW_VARIANCE] = RUNNING_VARIANCE + 1},
     .needs_gradient_of = 1u << SRC | 1u << WEIGHT | 1u << BIAS,
     .shape = batch_norm_shape,
     .gradient = batch_norm_gradient,
     .recompute = batch_norm_recomputed,
     .run = batch_norm_run,
     .scratch = batch_norm_scratch,
     .operations = batch_norm_operations,
     PT__CASES(batch_norm_cases)},
    {.name = "batch_norm_apply",
     .flags = PT__OP_INTERNAL | PT__OP_ROWWISE,
     .min_inputs = 3,
     .max_inputs = 5,
     .n_outputs = 1,
     .in_place = 1u << A_SRC,
     .shape = apply_shape,
     .run = apply_run,
     .operations = batch_norm_operations},
    {.name = "batch_norm_gradient",
     .flags = PT__OP_INTERNAL,
     .min_inputs = 4,
     .max_inputs = 5,
     .n_outputs = 3,
     .accumulates = 1u << D_WEIGHT | 1u << D_BIAS,
     .in_place = 1u << D_DST,
     .shape = gradient_shape,
     .run = gradient_run,
     .operations = gradient_operations},
};

PT__OP_FAMILY(op_batch_norm, ops)
