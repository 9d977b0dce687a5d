/* linear: dst = activation(src · weightᵀ + bias (+ residual))
 *
 *   src [R, I] (R: all leading dimensions), weight [O, I] or in_out [I, O], bias [O] or none -> dst [R, O]
 *   residual [R, O] or none: for the planner, which puts an addition that follows in here, and the activation after it
 *   output 1 is what the activation is applied to, made only where it is read: the gradient of gelu and silu
 *   reads it, that of relu, tanh and sigmoid reads dst
 *
 * Gradient, with g = d_dst · activation'(...):
 *   d_residual = g
 *   d_src = g · weight                      linear_gradient_src
 *   d_weight = gᵀ · src, d_bias = Σ_R g     linear_gradient_weight
 * linear_gradient_src takes a pre-activation or a residual too, for the planner, which puts the activation's derivative
 * or the addition that follows in here:
 *   d_src = (g · weight) · activation'(slope)
 *   d_src = g · weight + residual */
#include "ops/op_rules.h"

enum { ACTIVATION = PT__ATTRIBUTE_ACTIVATION, IN_OUT }; /* integers of all three */
enum { SRC, WEIGHT, BIAS, RESIDUAL };                   /* inputs of linear */
/* Inputs of linear_gradient_src; linear_gradient_weight: D_DST and src. */
enum { D_DST, D_DST_WEIGHT, D_DST_SLOPE, D_DST_RESIDUAL };

static pt_tensor_t build(pt_graph_t *graph, pt_tensor_t src, pt_tensor_t weight, pt_tensor_t bias, int32_t activation,
                         int64_t in_out)
{
    pt__attributes_t attributes = {.integers = {[ACTIVATION] = activation, [IN_OUT] = in_out}};
    return pt__build(graph, "linear", 3, (pt_tensor_t[]){src, weight, bias}, &attributes);
}

pt_tensor_t pt_linear(pt_graph_t *graph, pt_tensor_t src, pt_tensor_t weight, pt_tensor_t bias, int32_t activation)
{
    return build(graph, src, weight, bias, activation, 0);
}

pt_tensor_t pt_linear_in_out(pt_graph_t *graph, pt_tensor_t src, pt_tensor_t weight, pt_tensor_t bias,
                             int32_t activation)
{
    return build(graph, src, weight, bias, activation, 1);
}

static pt_status_t linear_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    int64_t activation = node->attributes.integers[ACTIVATION], in_out = node->attributes.integers[IN_OUT], width = 0;
    if (activation < 0 || activation >= PT__UNARY_ACTIVATIONS)
        return pt__refuse_attribute(node, "activation %lld, expected one of PT_ACTIVATION_...", (long long)activation);
    PT__TRY(pt__expect_rows(graph, node, SRC, "src", &width));
    PT__TRY(pt__expect_float(graph, node, WEIGHT, "weight", 2, 2));
    PT__TRY(pt__expect_fixed(graph, node, WEIGHT, "weight"));
    const pt__shape_t *weight = &pt__input_of(graph, node, WEIGHT)->shape;
    if (weight->size[in_out ? 0 : 1] != width)
        return pt__refuse(graph, node, WEIGHT, "weight", in_out ? "[%lld, outputs]" : "[outputs, %lld]",
                          (long long)width);
    int64_t n_outputs = weight->size[in_out ? 1 : 0];
    PT__TRY(pt__expect_vector(graph, node, BIAS, "bias", n_outputs));
    outputs[0].shape = pt__shape_with_last(&pt__input_of(graph, node, SRC)->shape, n_outputs);
    outputs[1].shape = outputs[0].shape;
    return pt__expect_residual(graph, node, RESIDUAL, &outputs[0].shape);
}

static pt_status_t linear_gradient(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *d_outputs,
                                   const int32_t *wanted, pt_tensor_t *d_inputs)
{
    pt_tensor_t d_product = pt__gradient_before_activation(graph, node, d_outputs[0]);
    pt__attributes_t layout = {.integers = {[IN_OUT] = node->attributes.integers[IN_OUT]}};
    int32_t wants_bias = node->n_inputs > BIAS && wanted[BIAS];
    if (wanted[WEIGHT] || wants_bias) { /* first: src is read for the last time, and d_src can have its memory */
        pt_tensor_t d_weight = pt__build_binary(graph, "linear_gradient_weight", d_product, node->inputs[SRC], &layout);
        if (wanted[WEIGHT])
            d_inputs[WEIGHT] = d_weight;
        if (wants_bias)
            d_inputs[BIAS] = pt__build_output(d_weight, 1);
    }
    if (wanted[SRC])
        d_inputs[SRC] = pt__build_binary(graph, "linear_gradient_src", d_product, node->inputs[WEIGHT], &layout);
    if (node->n_inputs > RESIDUAL && wanted[RESIDUAL])
        d_inputs[RESIDUAL] = d_product;
    return graph->status;
}

static void linear_run(const pt__call_t *call, const pt__run_t *run)
{
    int64_t inputs = pt__last_size(&call->inputs[SRC]), outputs = pt__last_size(&call->outputs[0]);
    int32_t in_out = call->attributes->integers[IN_OUT] != 0;
    pt__gemm_t gemm = {.m = pt__view_rows(&call->inputs[SRC], 1),
                       .n = outputs,
                       .k = inputs,
                       .a = {.data = call->inputs[SRC].data, .stride = inputs},
                       .b = {.data = call->inputs[WEIGHT].data,
                             .stride = in_out ? outputs : inputs,
                             .transposed = !in_out,
                             .dtype = call->inputs[WEIGHT].dtype},
                       .dst = call->outputs[0].data,
                       .dst_stride = outputs,
                       .activation = (int32_t)call->attributes->integers[ACTIVATION],
                       .bias = pt__input_data(call, BIAS),
                       .preactivation = call->outputs[1].data,
                       .residual = pt__input_data(call, RESIDUAL)};
    pt__kernels_of(run)->gemm(run->device, &gemm);
}

static double linear_operations(const pt__call_t *call)
{
    return 2.0 * (double)pt__view_elements(&call->outputs[0]) * (double)pt__last_size(&call->inputs[SRC]);
}

static pt_status_t gradient_src_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    const pt__shape_t *weight = &pt__input_of(graph, node, D_DST_WEIGHT)->shape;
    outputs[0].shape = pt__shape_with_last(&pt__input_of(graph, node, D_DST)->shape,
                                           weight->size[node->attributes.integers[IN_OUT] ? 0 : 1]);
    return pt__expect_slope_alone(graph, node, D_DST_SLOPE, D_DST_RESIDUAL);
}

static void gradient_src_run(const pt__call_t *call, const pt__run_t *run)
{
    int64_t inputs = pt__last_size(&call->outputs[0]), outputs = pt__last_size(&call->inputs[D_DST]);
    int32_t in_out = call->attributes->integers[IN_OUT] != 0, adds = pt__accumulates(call, 0);
    const float *slope = pt__input_data(call, D_DST_SLOPE);
    const float *residual = pt__input_data(call, D_DST_RESIDUAL);
    if (adds && slope != NULL) /* what is there is not multiplied */
        residual = call->outputs[0].data;
    pt__gemm_t gemm = {.m = pt__view_rows(&call->inputs[D_DST], 1),
                       .n = inputs,
                       .k = outputs,
                       .a = {.data = call->inputs[D_DST].data, .stride = outputs},
                       .b = {.data = call->inputs[D_DST_WEIGHT].data,
                             .stride = in_out ? outputs : inputs,
                             .transposed = in_out,
                             .dtype = call->inputs[D_DST_WEIGHT].dtype},
                       .dst = call->outputs[0].data,
                       .dst_stride = inputs,
                       .accumulate = adds && slope == NULL,
                       .activation = (int32_t)call->attributes->integers[ACTIVATION],
                       .slope_source = slope,
                       .residual = residual};
    pt__kernels_of(run)->gemm(run->device, &gemm);
}

static double gradient_operations(const pt__call_t *call)
{
    return 2.0 * (double)pt__view_elements(&call->inputs[D_DST]) * (double)pt__last_size(&call->outputs[0]);
}

static pt_status_t gradient_weight_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    const pt__shape_t *d_dst = &pt__input_of(graph, node, D_DST)->shape, *src = &pt__input_of(graph, node, 1)->shape;
    int64_t n_outputs = d_dst->size[d_dst->rank - 1], n_inputs = src->size[src->rank - 1];
    int32_t in_out = node->attributes.integers[IN_OUT] != 0;
    outputs[0].shape = pt__shape_make(PT__DIMENSION_NONE, 2,
                                      (int64_t[]){in_out ? n_inputs : n_outputs, in_out ? n_outputs : n_inputs});
    outputs[1].shape = pt__shape_make(PT__DIMENSION_NONE, 1, &n_outputs);
    return PT_OK;
}

static void gradient_weight_run(const pt__call_t *call, const pt__run_t *run)
{
    const pt__view_t *d_dst = &call->inputs[D_DST], *src = &call->inputs[1];
    int64_t rows = pt__view_rows(d_dst, 1), outputs = pt__last_size(d_dst), inputs = pt__last_size(src);
    int32_t in_out = call->attributes->integers[IN_OUT] != 0;
    const pt__view_t *left = in_out ? src : d_dst, *right = in_out ? d_dst : src; /* d_weight = leftᵀ · right */
    pt__gemm_t gemm = {.m = pt__last_size(left),
                       .n = pt__last_size(right),
                       .k = rows,
                       .a = {.data = left->data, .stride = pt__last_size(left), .transposed = 1},
                       .b = {.data = right->data, .stride = pt__last_size(right)},
                       .dst = call->outputs[0].data,
                       .dst_stride = in_out ? outputs : inputs,
                       .accumulate = pt__accumulates(call, 0),
                       .accumulate_sums = pt__accumulates(call, 1)};
    *(in_out ? &gemm.b_sum : &gemm.a_sum) = call->outputs[1].data;
    pt__kernels_of(run)->gemm(run->device, &gemm);
}

static double gradient_weight_operations(const pt__call_t *call)
{
    double elements = (double)pt__view_elements(&call->inputs[D_DST]);
    return (call->outputs[0].data != NULL ? 2.0 * elements * (double)pt__last_size(&call->inputs[1]) : 0) +
           (call->outputs[1].data != NULL ? elements : 0);
}

static const pt__case_t linear_cases[] = {
    {.inputs = "f[3,5] f[4,5] f[4]"},
    {.inputs = "f[T,33] f[17,33] -"},
    {"f[T,8] f[12,8] f[12]", {.integers = {PT_ACTIVATION_RELU}}},
    {"f[T,8] f[8,12] f[12]", {.integers = {PT_ACTIVATION_GELU_TANH, 1}}},
    {"f[B,3,7] f[5,7] f[5]", {.integers = {PT_ACTIVATION_GELU_ERF}}},
    {"f[T,20] f[20,9] -", {.integers = {PT_ACTIVATION_SILU, 1}}},
    {"f[2T,6] f[6,6] f[6]", {.integers = {PT_ACTIVATION_TANH}}},
    {"f[B,6] f[1,6] f[1]", {.integers = {PT_ACTIVATION_SIGMOID}}},
    {"f[B,6] f[9,6] f[9]", {.integers = {PT_ACTIVATION_RELU6}}},
    {"f[B,6] f[9,6] f[9]", {.integers = {PT_ACTIVATION_HARDSWISH}}},
    {.inputs = "f[9] f[4,9] f[4]"},
    {"f[T,70] f[130,70] f[130]", {.integers = {PT_ACTIVATION_GELU_TANH}}},
    {.inputs = "f[3,5] f[4,5] f[4] f[3,4]"},
    {"f[T,33] f[17,33] f[17] f[T,17]", {.integers = {PT_ACTIVATION_RELU}}},
    {"f[150,40] f[40,33] - f[150,33]", {.integers = {PT_ACTIVATION_GELU_ERF, 1}}},
    {"f[200,40] f[300,40] f[300]", {.integers = {PT_ACTIVATION_RELU}}},
    {.inputs = "f[T,1] f[1,1] f[1]"},
    {"f[300,1] f[20,1] f[20]", {.integers = {PT_ACTIVATION_TANH}}},
    {"f[300,20] f[20,1] f[1]", {.integers = {PT_ACTIVATION_NONE, 1}}},
    {"f[T,33] h[17,33] f[17]", {.integers = {PT_ACTIVATION_GELU_TANH}}},
    {"f[T,33] b[33,17] -", {.integers = {PT_ACTIVATION_NONE, 1}}},
    {"f[B,3,64] q[5,64] f[5]", {.integers = {PT_ACTIVATION_RELU}}},
    {"f[200,40] q[40,320] -", {.integers = {PT_ACTIVATION_NONE, 1}}},
};

/* With a slope or a residual: what the gradient rule never asks for, but the planner does. */
static const pt__case_t gradient_src_cases[] = {
    {"f[T,4] f[4,5] f[T,5]", {.integers = {PT_ACTIVATION_RELU}}},
    {"f[T,40] f[33,40] f[T,33]", {.integers = {PT_ACTIVATION_GELU_TANH, 1}}},
    {"f[B,3,9] f[9,17] f[B,3,17]", {.integers = {PT_ACTIVATION_GELU_ERF}}},
    {"f[150,20] f[20,130] f[150,130]", {.integers = {PT_ACTIVATION_SILU}}},
    {"f[T,40] b[33,40] f[T,33]", {.integers = {PT_ACTIVATION_GELU_TANH, 1}}},
    {.inputs = "f[T,4] f[4,5] - f[T,5]"},
    {"f[150,20] f[130,20] - f[150,130]", {.integers = {PT_ACTIVATION_NONE, 1}}},
};

static const pt__op_t ops[] = {
    {.name = "linear",
     .flags = PT__OP_ROWWISE,
     .min_inputs = 2,
     .max_inputs = 4,
     .n_outputs = 2,
     .narrow_inputs = 1u << WEIGHT,
     .in_place = 1u << RESIDUAL,
     .residual_input = RESIDUAL + 1,
     .takes_activation = 1,
     .needs_gradient_of = 15,
     .shape = linear_shape,
     .gradient = linear_gradient,
     .recompute = pt__recompute_activation,
     .run = linear_run,
     .operations = linear_operations,
     PT__CASES(linear_cases)},
    {.name = "linear_gradient_src",
     .flags = PT__OP_INTERNAL | PT__OP_ROWWISE,
     .min_inputs = 2,
     .max_inputs = 4,
     .n_outputs = 1,
     .narrow_inputs = 1u << D_DST_WEIGHT,
     .accumulates = 1,
     .in_place = 1u << D_DST_RESIDUAL,
     .residual_input = D_DST_RESIDUAL + 1,
     .slope_input = D_DST_SLOPE + 1,
     .shape = gradient_src_shape,
     .run = gradient_src_run,
     .operations = gradient_operations,
     PT__CASES(gradient_src_cases)},
    {.name = "linear_gradient_weight",
     .flags = PT__OP_INTERNAL,
     .min_inputs = 2,
     .max_inputs = 2,
     .n_outputs = 2,
     .accumulates = 3,
     .shape = gradient_weight_shape,
     .run = gradient_weight_run,
     .operations = gradient_weight_operations},
};

PT__OP_FAMILY(op_linear, ops)
