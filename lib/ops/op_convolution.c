/* convolution: dst = activation(src * weight + bias (+ residual)), where element (y, x) of a picture is
 *
 *   Σ_(i, j, c) src[y·stride + i·dilation - top, x·stride + j·dilation - left, c] · weight[o, c, i, j]
 *
 *   and src outside is 0. src [B, H, W, C], weight [O, C/groups, h, w], bias [O] or none -> dst [B, H', W', O], H' =
 *   floor((H + top + bottom - dilation·(h - 1) - 1) / stride) + 1; or src [B, L, C], weight [O, C/groups, l] -> [B, L',
 *   O]; or, of a dimension R of rows, whose R' is derived, src [R, C] -> [R', O], each sample a length, or src
 *   [R, W, C], weight [O, C/groups, h, w] -> [R', W', O], each sample a picture of its own height. Output o reads the
 *   channels of its group, as many of both.
 *   residual, output 1: as linear's
 *
 * Gradient, with g = d_dst · activation'(...):
 *   d_residual = g, d_bias = Σ_(B, H', W') g
 *   d_src = g *ᵀ weight                     convolution_gradient_src
 *   d_weight = g and src summed             convolution_gradient_weight
 * convolution_gradient_src takes a pre-activation or a residual too, as linear_gradient_src does. */
#include "ops/convolution_rules.h"

enum { SRC, WEIGHT, BIAS, RESIDUAL };                      /* inputs of convolution */
enum { D_DST, D_DST_WEIGHT, D_DST_SLOPE, D_DST_RESIDUAL }; /* of its gradients; or D_DST and src */

pt_tensor_t pt_convolution(pt_graph_t *graph, pt_tensor_t src, pt_tensor_t weight, pt_tensor_t bias,
                           const pt_convolution_options_t *options)
{
    return pt__convolution_build(graph, "convolution", src, weight, bias, options);
}

/* ---- Shapes ---- */

static int64_t size_forward(const pt__attributes_t *attributes, int32_t axis, int64_t size, int64_t kernel)
{
    int64_t left = size - pt__convolution_reach(attributes, axis, kernel);
    return left < 0 ? 0 : left / attributes->integers[PT__CONVOLUTION_STRIDE + axis] + 1;
}

static pt_status_t convolution_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    PT__TRY(pt__convolution_check(graph, node, 0));
    for (int32_t i = 0; i < 2; i++)
        if (node->attributes.integers[PT__CONVOLUTION_OUTPUT_PADDING + i] != 0)
            return pt__refuse_attribute(node, "output padding %lld, expected 0: only a transposed convolution has it",
                                        (long long)node->attributes.integers[PT__CONVOLUTION_OUTPUT_PADDING + i]);
    PT__TRY(pt__convolution_set_shape(graph, node, pt__input_of(graph, node, WEIGHT)->shape.size[0], size_forward,
                                      outputs));
    outputs[1].shape = outputs[0].shape;
    return pt__expect_residual(graph, node, RESIDUAL, &outputs[0].shape);
}

static pt__stride_t convolution_stride(const pt__node_t *node)
{
    const int64_t *integers = node->attributes.integers;
    if (!pt__convolution_has_rows(&node->attributes))
        return (pt__stride_t){.divide = 1};
    return (pt__stride_t){.add = -pt__convolution_reach(&node->attributes, 0, integers[PT__CONVOLUTION_ROWS]),
                          .divide = integers[PT__CONVOLUTION_STRIDE],
                          .plus = 1};
}

/* ---- Gradients ---- */

static pt_status_t convolution_gradient(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *d_outputs,
                                        const int32_t *wanted, pt_tensor_t *d_inputs)
{
    pt_tensor_t d_sum = pt__gradient_before_activation(graph, node, d_outputs[0]);
    int32_t wants_bias = node->n_inputs > BIAS && wanted[BIAS];
    if (wanted[WEIGHT] || wants_bias) { /* first: src is read for the last time, and d_src can have its memory */
        pt__attributes_t kernel = pt__convolution_attributes(node, &graph->tensors[node->inputs[WEIGHT]].shape, 2);
        pt_tensor_t d_weight = pt__build_binary(graph, "convolution_gradient_weight", d_sum, node->inputs[SRC],
                                                &kernel);
        if (wanted[WEIGHT])
            d_inputs[WEIGHT] = d_weight;
        if (wants_bias)
            d_inputs[BIAS] = pt__build_output(d_weight, 1);
    }
    if (wanted[SRC]) {
        pt__attributes_t sizes = pt__convolution_attributes(node, &graph->tensors[node->inputs[SRC]].shape,
                                                            pt__convolution_place(&node->attributes, 0));
        d_inputs[SRC] = pt__build_binary(graph, "convolution_gradient_src", d_sum, node->inputs[WEIGHT], &sizes);
    }
    if (node->n_inputs > RESIDUAL && wanted[RESIDUAL])
        d_inputs[RESIDUAL] = d_sum;
    return graph->status;
}

static pt_status_t gradient_src_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    const pt__shape_t *d_dst = &pt__input_of(graph, node, D_DST)->shape;
    const pt__shape_t *weight = &pt__input_of(graph, node, D_DST_WEIGHT)->shape;
    outputs[0].shape = pt__shape_with_last(d_dst, weight->size[1] * node->attributes.integers[PT__CONVOLUTION_GROUPS]);
    outputs[0].shape.dimension = (int32_t)node->attributes.integers[PT__CONVOLUTION_DIMENSION];
    const int32_t first = pt__convolution_has_rows(&node->attributes);
    for (int32_t i = first; i < pt__convolution_axes(&node->attributes, d_dst->rank); i++)
        outputs[0].shape.size[pt__convolution_place(&node->attributes, i)] =
            node->attributes.integers[PT__CONVOLUTION_SIZE + i];
    return pt__expect_slope_alone(graph, node, D_DST_SLOPE, D_DST_RESIDUAL);
}

static pt_status_t gradient_weight_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    const pt__shape_t *d_dst = &pt__input_of(graph, node, D_DST)->shape, *src = &pt__input_of(graph, node, 1)->shape;
    const int64_t *integers = node->attributes.integers;
    int64_t n_outputs = d_dst->size[d_dst->rank - 1],
            channels = src->size[src->rank - 1] / integers[PT__CONVOLUTION_GROUPS];
    outputs[0].shape = pt__shape_make(
        PT__DIMENSION_NONE, pt__convolution_axes(&node->attributes, d_dst->rank) + 2,
        (int64_t[]){n_outputs, channels, integers[PT__CONVOLUTION_SIZE], integers[PT__CONVOLUTION_SIZE + 1]});
    outputs[1].shape = pt__shape_make(PT__DIMENSION_NONE, 1, &n_outputs);
    return PT_OK;
}

/* ---- Kernel calls ---- */

static pt__convolution_t describe_weight(const pt__call_t *call, const pt__run_t *run)
{
    return pt__convolution_describe(call, run, &call->inputs[1], &call->inputs[D_DST],
                                    call->attributes->integers + PT__CONVOLUTION_SIZE);
}

static void convolution_run(const pt__call_t *call, const pt__run_t *run)
{
    pt__convolution_t convolution = pt__convolution_forward(call, run);
    convolution.src = call->inputs[SRC].data;
    convolution.weight = call->inputs[WEIGHT].data;
    convolution.dst = call->outputs[0].data;
    convolution.bias = pt__input_data(call, BIAS);
    convolution.preactivation = call->outputs[1].data;
    convolution.residual = pt__input_data(call, RESIDUAL);
    pt__kernels_of(run)->convolution(run->device, &convolution);
}

static void gradient_src_run(const pt__call_t *call, const pt__run_t *run)
{
    pt__convolution_t convolution = pt__convolution_backward(call, run);
    convolution.d_dst = call->inputs[D_DST].data;
    convolution.weight = call->inputs[D_DST_WEIGHT].data;
    convolution.dst = call->outputs[0].data;
    convolution.slope_source = pt__input_data(call, D_DST_SLOPE);
    convolution.residual = pt__input_data(call, D_DST_RESIDUAL);
    pt__kernels_of(run)->convolution_gradient_src(run->device, &convolution);
}

static void gradient_weight_run(const pt__call_t *call, const pt__run_t *run)
{
    pt__convolution_t convolution = describe_weight(call, run);
    convolution.src = call->inputs[1].data;
    convolution.d_dst = call->inputs[D_DST].data;
    convolution.d_weight = call->outputs[0].data;
    convolution.d_bias = call->outputs[1].data;
    convolution.accumulate_d_weight = pt__accumulates(call, 0);
    convolution.accumulate_d_bias = pt__accumulates(call, 1);
    pt__kernels_of(run)->convolution_gradient_weight(run->device, &convolution);
}

static int64_t convolution_scratch(const pt__call_t *call)
{
    const pt__convolution_t convolution = pt__convolution_forward(call, NULL);
    return pt__convolution_scratch(&convolution);
}

static int64_t backward_scratch(const pt__call_t *call)
{
    const pt__convolution_t convolution = pt__convolution_backward(call, NULL);
    return pt__convolution_gradient_src_scratch(&convolution);
}

static int64_t gradient_weight_scratch(const pt__call_t *call)
{
    const pt__convolution_t convolution = describe_weight(call, NULL);
    return pt__convolution_gradient_weight_scratch(&convolution, pt__convolution_dst_rows(&convolution));
}

static double convolution_operations(const pt__call_t *call)
{
    const pt__convolution_t convolution = pt__convolution_forward(call, NULL);
    return pt__convolution_operations(&convolution);
}

static double backward_operations(const pt__call_t *call)
{
    const pt__convolution_t convolution = pt__convolution_backward(call, NULL);
    return pt__convolution_operations(&convolution);
}

static double gradient_weight_operations(const pt__call_t *call)
{
    const pt__convolution_t convolution = describe_weight(call, NULL);
    return (call->outputs[0].data != NULL ? pt__convolution_operations(&convolution) : 0) +
           (call->outputs[1].data != NULL ? (double)pt__view_elements(&call->inputs[D_DST]) : 0);
}

/* ---- Cases ---- */

static const pt__case_t convolution_cases[] = {
    {"f[B,5,6,3] f[4,3,3,3] f[4]", PT__CONVOLUTION_CASE(0, 1, 1, 1, 1, 1, 1, 1, 1, 0)},
    {"f[B,4,3,5] f[7,5,1,1] f[7]", PT__CONVOLUTION_CASE(PT_ACTIVATION_RELU, 1, 1, 0, 0, 0, 0, 1, 1, 0)},
    {"f[2,6,5,3] f[18,3,3,2] -", PT__CONVOLUTION_CASE(0, 2, 3, 1, 0, 2, 1, 1, 1, 0)},
    {"f[B,7,8,2] f[3,2,2,3] f[3]", PT__CONVOLUTION_CASE(PT_ACTIVATION_GELU_TANH, 1, 2, 0, 1, 2, 2, 2, 1, 0)},
    {"f[B,4,4,6] f[4,3,3,3] f[4]", PT__CONVOLUTION_CASE(0, 1, 1, 1, 1, 1, 1, 1, 2, 0)},
    {"f[B,4,5,6] f[6,1,3,3] f[6]", PT__CONVOLUTION_CASE(0, 2, 1, 1, 1, 1, 1, 1, 6, 0)},
    {"f[B,3,3,2] f[4,1,2,2] -", PT__CONVOLUTION_CASE(0, 1, 1, 0, 0, 0, 0, 1, 2, 0)},
    {"f[B,5,4,3] f[2,3,1,1] f[2]", PT__CONVOLUTION_CASE(0, 2, 2, 0, 0, 0, 0, 1, 1, 0)},
    {"f[B,3,3,2] f[3,2,2,2] -", PT__CONVOLUTION_CASE(PT_ACTIVATION_HARDSWISH, 1, 1, 1, 0, 0, 1, 1, 1, 0)},
    {"f[B,3,3,2] f[3,2,2,2] -", PT__CONVOLUTION_CASE(PT_ACTIVATION_RELU6, 1, 1, 1, 0, 0, 1, 1, 1, 0)},
    {"f[B,3,3,2] f[3,2,1,1] -", PT__CONVOLUTION_CASE(PT_ACTIVATION_SILU, 1, 1, 1, 0, 0, 1, 1, 1, 0)},
    {"f[B,3,3,2] f[5,2,3,3] f[5] f[B,3,3,5]", PT__CONVOLUTION_CASE(PT_ACTIVATION_RELU, 1, 1, 1, 1, 1, 1, 1, 1, 0)},
    {"f[B,9,4] f[6,4,3] f[6]", {.integers = {0, 2, 1, 2, 1, 0, 0, 2, 1, 1}}},
    {"f[3,8,4] f[4,2,4] -", PT__CONVOLUTION_CASE(PT_ACTIVATION_TANH, 3, 1, 1, 1, 0, 0, 1, 2, 0)},
    {"f[1,1,2,530] f[1,530,2,2] f[1]", PT__CONVOLUTION_CASE(0, 1, 1, 1, 0, 1, 0, 1, 1, 0)},
    {"f[1,2,2,40] f[18,40,3,3] f[18]", PT__CONVOLUTION_CASE(0, 2, 2, 1, 1, 1, 1, 1, 1, 0)},
    {"f[T,3] f[4,3,3] f[4]", PT__CONVOLUTION_CASE(0, 2, 1, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 3)},
    {"f[T,4] f[6,2,4] -", PT__CONVOLUTION_CASE(PT_ACTIVATION_RELU, 1, 1, 2, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 4)},
    {"f[T,5] f[3,5,1] f[3]", PT__CONVOLUTION_CASE(PT_ACTIVATION_SILU, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1)},
    {"f[S,4] f[4,1,3] - f[S,4]", {.integers = {0, 1, 1, 2, 2, 0, 0, 2, 1, 4, 0, 0, 0, 0, 0, 3}}},
    {"f[S,20] f[20,1,4] f[20]", PT__CONVOLUTION_CASE(0, 1, 1, 0, 3, 0, 0, 1, 20, 0, 0, 0, 0, 0, 4)},
    {"f[T,7,2] f[4,2,3,3] f[4]", PT__CONVOLUTION_CASE(PT_ACTIVATION_RELU, 2, 2, 1, 1, 1, 0, 1, 1, 0, 0, 0, 0, 0, 3)},
    {"f[S,6,10] f[9,10,3,3] f[9] f[S,6,9]", PT__CONVOLUTION_CASE(0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 3)},
    {"f[T,5,4] f[6,2,2,3] -", PT__CONVOLUTION_CASE(0, 1, 2, 1, 0, 2, 1, 1, 2, 0, 0, 0, 0, 0, 2)},
    {"f[S,4,3] f[5,3,1,1] f[5]", PT__CONVOLUTION_CASE(0, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1)},
    {"f[T,4,5] f[5,1,3,2] f[5]", PT__CONVOLUTION_CASE(0, 2, 1, 1, 1, 0, 1, 1, 5, 0, 0, 0, 0, 0, 3)},
    {"f[4,9,9,1] f[2,1,3,3] f[2]", PT__CONVOLUTION_CASE(PT_ACTIVATION_RELU, 1, 1, 1, 1, 1, 1, 1, 1, 0)},
};

/* With a slope or a residual: what the gradient rule never asks for, but the planner does. The last three numbers: the
 * dimension and the sizes of src. */
static const pt__case_t gradient_src_cases[] = {
    {"f[B,3,3,5] f[5,4,3,3] f[B,3,3,4]",
     PT__CONVOLUTION_CASE(PT_ACTIVATION_RELU, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 3, 3)},
    {"f[B,2,3,5] f[5,4,3,3] f[B,3,5,4]",
     PT__CONVOLUTION_CASE(PT_ACTIVATION_GELU_ERF, 2, 2, 1, 1, 1, 1, 1, 1, 0, 0, 1, 3, 5)},
    {"f[B,3,3,5] f[5,4,3,3] - f[B,3,3,4]", PT__CONVOLUTION_CASE(0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 3, 3)},
    {"f[B,3,2,6] f[6,2,3,1] - f[B,6,4,4]", PT__CONVOLUTION_CASE(0, 2, 2, 1, 1, 0, 0, 1, 2, 0, 0, 1, 6, 4)},
    {"f[T,6] f[6,4,3] - f[T,4]", PT__CONVOLUTION_CASE(0, 1, 1, 1, 1, 0, 0, 1, 1, 0, 0, 2, 1, 1, 3)},
    {"f[T,3,6] f[6,4,3,2] - f[T,4,4]", PT__CONVOLUTION_CASE(0, 1, 1, 1, 1, 0, 0, 1, 1, 0, 0, 2, 1, 4, 3)},
    {"f[2,3,2,6] f[6,4,1,1] - f[2,3,2,4]", PT__CONVOLUTION_CASE(0, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 3, 2)},
};

static const pt__op_t ops[] = {
    {.name = "convolution",
     .min_inputs = 2,
     .max_inputs = 4,
     .n_outputs = 2,
     .in_place = 1u << RESIDUAL,
     .residual_input = RESIDUAL + 1,
     .takes_activation = 1,
     .needs_gradient_of = 15,
     .shape = convolution_shape,
     .stride = convolution_stride,
     .gradient = convolution_gradient,
     .recompute = pt__recompute_activation,
     .run = convolution_run,
     .scratch = convolution_scratch,
     .operations = convolution_operations,
     PT__CASES(convolution_cases)},
    {.name = "convolution_gradient_src",
     .flags = PT__OP_INTERNAL,
     .min_inputs = 2,
     .max_inputs = 4,
     .n_outputs = 1,
     .in_place = 1u << D_DST_RESIDUAL,
     .residual_input = D_DST_RESIDUAL + 1,
     .slope_input = D_DST_SLOPE + 1,
     .shape = gradient_src_shape,
     .run = gradient_src_run,
     .scratch = backward_scratch,
     .operations = backward_operations,
     PT__CASES(gradient_src_cases)},
    {.name = "convolution_gradient_weight",
     .flags = PT__OP_INTERNAL,
     .min_inputs = 2,
     .max_inputs = 2,
     .n_outputs = 2,
     .accumulates = 3,
     .shape = gradient_weight_shape,
     .run = gradient_weight_run,
     .scratch = gradient_weight_scratch,
     .operations = gradient_weight_operations},
};

PT__OP_FAMILY(op_convolution, ops)
