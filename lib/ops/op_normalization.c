/* layer_norm: dst = (src - mean) · inverse · weight + bias     (Ba 2016)
 *             mean = Σ src / D, inverse = 1 / sqrt(Σ (src - mean)² / D + epsilon)
 * rms_norm:   dst = src · inverse · weight                     (Zhang 2019)
 *             inverse = 1 / sqrt(Σ src² / D + epsilon)
 *
 *   src [..., D]; weight, bias [D] or none -> dst [..., D]; kept for the gradient: layer_norm's outputs 1 and 2, mean
 *   and inverse [...]; rms_norm's output 1, inverse
 *
 * Gradient, with n = (src - mean) · inverse (rms_norm: src · inverse) and g = d_dst · weight:
 *   layer_norm: d_src = inverse · (g - mean(g) - n · mean(g · n))
 *   rms_norm:   d_src = inverse · (g - n · mean(g · n))
 *   d_weight = Σ_rows d_dst · n, d_bias = Σ_rows d_dst
 * The gradients' ops take a residual [..., D] that is added to d_src, for the planner: the gradient that passes the
 * norm by. */
#include "base/number.h"
#include "ops/op_rules.h"

enum { EPSILON };           /* reals */
enum { SRC, WEIGHT, BIAS }; /* inputs of both */
enum {
    D_DST,
    G_SRC,
    G_INVERSE, /* inputs of both gradients; then: */
    LAYER_MEAN,
    LAYER_WEIGHT,
    LAYER_RESIDUAL,
    RMS_WEIGHT = LAYER_MEAN,
    RMS_RESIDUAL
};

pt_tensor_t pt_layer_norm(pt_graph_t *graph, pt_tensor_t src, pt_tensor_t weight, pt_tensor_t bias, double epsilon)
{
    pt__attributes_t attributes = {.reals = {[EPSILON] = epsilon}};
    return pt__build(graph, "layer_norm", 3, (pt_tensor_t[]){src, weight, bias}, &attributes);
}

pt_tensor_t pt_rms_norm(pt_graph_t *graph, pt_tensor_t src, pt_tensor_t weight, double epsilon)
{
    pt__attributes_t attributes = {.reals = {[EPSILON] = epsilon}};
    return pt__build_binary(graph, "rms_norm", src, weight, &attributes);
}

static pt_status_t norm_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    double epsilon = node->attributes.reals[EPSILON];
    int64_t width = 0;
    if (!(epsilon >= 0 && epsilon < 1))
        return pt__refuse_attribute(node, "epsilon %g, expected a number in [0, 1)", pt__number_shown(epsilon));
    PT__TRY(pt__expect_rows(graph, node, SRC, "src", &width));
    PT__TRY(pt__expect_vector(graph, node, WEIGHT, "weight", width));
    PT__TRY(pt__expect_vector(graph, node, BIAS, "bias", width));
    outputs[0].shape = pt__input_of(graph, node, SRC)->shape;
    for (int32_t i = 1; i < node->op->n_outputs; i++)
        outputs[i].shape = pt__shape_without_last(&outputs[0].shape);
    return PT_OK;
}

static pt_tensor_t weight_of(const pt__node_t *node)
{
    return node->n_inputs > WEIGHT ? node->inputs[WEIGHT] : PT_NO_TENSOR;
}

static pt_status_t layer_norm_gradient(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *d_outputs,
                                       const int32_t *wanted, pt_tensor_t *d_inputs)
{
    pt_tensor_t inputs[] = {[D_DST] = d_outputs[0],
                            [G_SRC] = node->inputs[SRC],
                            [G_INVERSE] = node->outputs[2],
                            [LAYER_MEAN] = node->outputs[1],
                            [LAYER_WEIGHT] = weight_of(node)};
    pt_tensor_t first = pt__build(graph, "layer_norm_gradient", LAYER_WEIGHT + 1, inputs, NULL);
    for (int32_t i = 0; i < node->n_inputs; i++)
        if (wanted[i])
            d_inputs[i] = pt__build_output(first, i);
    return graph->status;
}

static pt_status_t rms_norm_gradient(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *d_outputs,
                                     const int32_t *wanted, pt_tensor_t *d_inputs)
{
    pt_tensor_t inputs[] = {[D_DST] = d_outputs[0],
                            [G_SRC] = node->inputs[SRC],
                            [G_INVERSE] = node->outputs[1],
                            [RMS_WEIGHT] = weight_of(node)};
    pt_tensor_t first = pt__build(graph, "rms_norm_gradient", RMS_WEIGHT + 1, inputs, NULL);
    for (int32_t i = 0; i < node->n_inputs; i++)
        if (wanted[i])
            d_inputs[i] = pt__build_output(first, i);
    return graph->status;
}

static pt_tensor_t norm_recomputed(pt_graph_t *graph, const pt__node_t *node)
{
    return pt__graph_add(graph, node->op, node->n_inputs, node->inputs, &node->attributes);
}

static void layer_norm_run(const pt__call_t *call, const pt__run_t *run)
{
    const pt__view_t *src = &call->inputs[SRC];
    pt__kernels_of(run)->layer_norm(run->device, pt__view_rows(src, 1), pt__last_size(src),
                                    (float)call->attributes->reals[EPSILON], src->data, pt__input_data(call, WEIGHT),
                                    pt__input_data(call, BIAS), call->outputs[0].data, call->outputs[1].data,
                                    call->outputs[2].data);
}

static void rms_norm_run(const pt__call_t *call, const pt__run_t *run)
{
    const pt__view_t *src = &call->inputs[SRC];
    pt__kernels_of(run)->rms_norm(run->device, pt__view_rows(src, 1), pt__last_size(src),
                                  (float)call->attributes->reals[EPSILON], src->data, pt__input_data(call, WEIGHT),
                                  call->outputs[0].data, call->outputs[1].data);
}

static double norm_operations(const pt__call_t *call)
{
    return 7.0 * (double)pt__view_elements(&call->outputs[0]);
}

/* d_src like src; d_weight, d_bias [D]. */
static pt_status_t gradient_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    const pt__shape_t *src = &pt__input_of(graph, node, G_SRC)->shape;
    outputs[0].shape = *src;
    for (int32_t i = 1; i < node->op->n_outputs; i++)
        outputs[i].shape = pt__shape_make(PT__DIMENSION_NONE, 1, &src->size[src->rank - 1]);
    return PT_OK;
}

/* What both gradients have in common. */
static pt__norm_gradient_t describe_gradient(const pt__call_t *call, int32_t weight, int32_t residual)
{
    const pt__view_t *src = &call->inputs[G_SRC];
    return (pt__norm_gradient_t){.rows = pt__view_rows(src, 1),
                                 .columns = pt__last_size(src),
                                 .src = src->data,
                                 .weight = pt__input_data(call, weight),
                                 .inverse = call->inputs[G_INVERSE].data,
                                 .d_dst = call->inputs[D_DST].data,
                                 .residual = pt__input_data(call, residual),
                                 .d_src = call->outputs[0].data,
                                 .d_weight = call->outputs[1].data,
                                 .accumulate = (int32_t)(call->accumulate >> 1)};
}

static void layer_norm_gradient_run(const pt__call_t *call, const pt__run_t *run)
{
    pt__norm_gradient_t norm = describe_gradient(call, LAYER_WEIGHT, LAYER_RESIDUAL);
    norm.mean = call->inputs[LAYER_MEAN].data;
    norm.d_bias = call->outputs[2].data;
    pt__kernels_of(run)->layer_norm_gradient(run->device, &norm);
}

static void rms_norm_gradient_run(const pt__call_t *call, const pt__run_t *run)
{
    const pt__norm_gradient_t norm = describe_gradient(call, RMS_WEIGHT, RMS_RESIDUAL);
    pt__kernels_of(run)->rms_norm_gradient(run->device, &norm);
}

static double gradient_operations(const pt__call_t *call)
{
    return 14.0 * (double)pt__view_elements(&call->inputs[G_SRC]);
}

static const pt__case_t layer_norm_cases[] = {
    {"f[T,8] f[8] f[8]", {.reals = {1e-5}}},  {"f[B,3,33] f[33] -", {.reals = {1e-5}}},
    {"f[T,100] - f[100]", {.reals = {1e-3}}}, {"f[2T,5]", {.reals = {1e-5}}},
    {"f[16] f[16] f[16]", {.reals = {1e-5}}}, {"f[300,24] f[24] f[24]", {.reals = {1e-5}}},
};

static const pt__case_t rms_norm_cases[] = {
    {"f[T,8] f[8]", {.reals = {1e-6}}},
    {"f[B,3,33] -", {.reals = {1e-5}}},
    {"f[17] f[17]", {.reals = {1e-5}}},
    {"f[300,24] f[24]", {.reals = {1e-5}}},
};

/* With a residual: what the gradient rules never ask for, but the planner does. d_dst, src, [inverse, mean | inverse],
 * weight, residual. */
static const pt__case_t layer_norm_gradient_cases[] = {
    {.inputs = "f[T,8] f[T,8] p[T] f[T] f[8] f[T,8]"},
    {.inputs = "f[B,3,33] f[B,3,33] p[B,3] f[B,3] - f[B,3,33]"},
    {.inputs = "f[300,24] f[300,24] p[300] f[300] f[24] f[300,24]"},
};

static const pt__case_t rms_norm_gradient_cases[] = {
    {.inputs = "f[T,8] f[T,8] p[T] f[8] f[T,8]"},
    {.inputs = "f[B,3,33] f[B,3,33] p[B,3] - f[B,3,33]"},
    {.inputs = "f[300,24] f[300,24] p[300] f[24] f[300,24]"},
};

static const pt__op_t ops[] = {
    {.name = "layer_norm",
     .flags = PT__OP_ROWWISE,
     .min_inputs = 1,
     .max_inputs = 3,
     .n_outputs = 3,
     .in_place = 1,
     .needs_gradient_of = 7,
     .shape = norm_shape,
     .gradient = layer_norm_gradient,
     .recompute = norm_recomputed,
     .run = layer_norm_run,
     .operations = norm_operations,
     PT__CASES(layer_norm_cases)},
    {.name = "rms_norm",
     .flags = PT__OP_ROWWISE,
     .min_inputs = 1,
     .max_inputs = 2,
     .n_outputs = 2,
     .in_place = 1,
     .needs_gradient_of = 3,
     .shape = norm_shape,
     .gradient = rms_norm_gradient,
     .recompute = norm_recomputed,
     .run = rms_norm_run,
     .operations = norm_operations,
     PT__CASES(rms_norm_cases)},
    {.name = "layer_norm_gradient",
     .flags = PT__OP_INTERNAL,
     .min_inputs = 4,
     .max_inputs = 6,
     .n_outputs = 3,
     .accumulates = 6,
     .in_place = 1u << D_DST | 1u << LAYER_RESIDUAL,
     .residual_input = LAYER_RESIDUAL + 1,
     .shape = gradient_shape,
     .run = layer_norm_gradient_run,
     .operations = gradient_operations,
     PT__CASES(layer_norm_gradient_cases)},
    {.name = "rms_norm_gradient",
     .flags = PT__OP_INTERNAL,
     .min_inputs = 3,
     .max_inputs = 5,
     .n_outputs = 2,
     .accumulates = 2,
     .in_place = 1u << D_DST | 1u << RMS_RESIDUAL,
     .residual_input = RMS_RESIDUAL + 1,
     .shape = gradient_shape,
     .run = rms_norm_gradient_run,
     .operations = gradient_operations,
     PT__CASES(rms_norm_gradient_cases)},
};

PT__OP_FAMILY(op_normalization, ops)
