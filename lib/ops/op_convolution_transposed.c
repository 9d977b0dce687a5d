/* convolution_transposed: dst = src *ᵀ weight + bias, the gradient by src of the convolution that makes src of dst:
 *
 *   src [B, H, W, C], weight [C, O/groups, h, w], bias [O] or none -> dst [B, H', W', O], H' = (H - 1)·stride - top -
 *   bottom + dilation·(h - 1) + 1 + output padding; or src [B, L, C], weight [C, O/groups, l] -> [B, L', O]
 *
 * Gradient, with g = d_dst:
 *   d_src = g * weight                      convolution_transposed_gradient_src
 *   d_weight = src and g summed             convolution_gradient_weight, the two exchanged
 *   d_bias = Σ_(B, H', W') g */
#include "ops/convolution_rules.h"

enum { ACTIVATION = PT__ATTRIBUTE_ACTIVATION }; /* integers */
enum { SRC, WEIGHT, BIAS };                     /* inputs of convolution_transposed */
enum { D_DST, D_DST_WEIGHT };                   /* of its gradient */

pt_tensor_t pt_convolution_transposed(pt_graph_t *graph, pt_tensor_t src, pt_tensor_t weight, pt_tensor_t bias,
                                      const pt_convolution_options_t *options)
{
    return pt__convolution_build(graph, "convolution_transposed", src, weight, bias, options);
}

static int64_t size_transposed(const pt__attributes_t *attributes, int32_t axis, int64_t size, int64_t kernel)
{
    return (size - 1) * attributes->integers[PT__CONVOLUTION_STRIDE + axis] +
           pt__convolution_reach(attributes, axis, kernel) +
           attributes->integers[PT__CONVOLUTION_OUTPUT_PADDING + axis];
}

static pt_status_t transposed_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    const int64_t *integers = node->attributes.integers;
    PT__TRY(pt__convolution_check(graph, node, 1));
    if (integers[ACTIVATION] != PT_ACTIVATION_NONE)
        return pt__refuse_attribute(node, "activation %lld, expected none", (long long)integers[ACTIVATION]);
    for (int32_t i = 0; i < 2; i++)
        if (integers[PT__CONVOLUTION_OUTPUT_PADDING + i] < 0 ||
            (integers[PT__CONVOLUTION_OUTPUT_PADDING + i] >= integers[PT__CONVOLUTION_STRIDE + i] &&
             integers[PT__CONVOLUTION_OUTPUT_PADDING + i] >= integers[PT__CONVOLUTION_DILATION + i]))
            return pt__refuse_attribute(
                node, "output padding %lld, expected 0 to less than the stride, %lld, or the dilation, %lld",
                (long long)integers[PT__CONVOLUTION_OUTPUT_PADDING + i],
                (long long)integers[PT__CONVOLUTION_STRIDE + i], (long long)integers[PT__CONVOLUTION_DILATION + i]);
    int64_t each = pt__input_of(graph, node, WEIGHT)->shape.size[1];
    if (each > INT64_MAX / 64 / integers[PT__CONVOLUTION_GROUPS])
        return pt__refuse(graph, node, WEIGHT, "weight", "fewer outputs");
    return pt__convolution_set_shape(graph, node, each * integers[PT__CONVOLUTION_GROUPS], size_transposed, outputs);
}

static pt_status_t transposed_gradient(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *d_outputs,
                                       const int32_t *wanted, pt_tensor_t *d_inputs)
{
    if (wanted[WEIGHT]) {
        pt__attributes_t kernel = pt__convolution_attributes(node, &graph->tensors[node->inputs[WEIGHT]].shape, 2);
        d_inputs[WEIGHT] = pt__build_binary(graph, "convolution_gradient_weight", node->inputs[SRC], d_outputs[0],
                                            &kernel);
    }
    if (node->n_inputs > BIAS && wanted[BIAS]) {
        pt__shape_t shape = graph->tensors[node->inputs[BIAS]].shape;
        d_inputs[BIAS] = pt__reduce_to(graph, d_outputs[0], &shape);
    }
    if (wanted[SRC]) {
        pt__attributes_t sizes = pt__convolution_attributes(node, &graph->tensors[node->inputs[SRC]].shape, 1);
        d_inputs[SRC] = pt__build_binary(graph, "convolution_transposed_gradient_src", d_outputs[0],
                                         node->inputs[WEIGHT], &sizes);
    }
    return graph->status;
}

static pt_status_t gradient_src_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    const pt__shape_t *d_dst = &pt__input_of(graph, node, D_DST)->shape;
    outputs[0].shape = pt__shape_with_last(d_dst, pt__input_of(graph, node, D_DST_WEIGHT)->shape.size[0]);
    for (int32_t i = 0; i < pt__convolution_axes(&node->attributes, d_dst->rank); i++)
        outputs[0].shape.size[1 + i] = node->attributes.integers[PT__CONVOLUTION_SIZE + i];
    return PT_OK;
}

static void transposed_run(const pt__call_t *call, const pt__run_t *run)
{
    pt__convolution_t convolution = pt__convolution_backward(call, run);
    convolution.d_dst = call->inputs[SRC].data;
    convolution.weight = call->inputs[WEIGHT].data;
    convolution.dst = call->outputs[0].data;
    convolution.bias = pt__input_data(call, BIAS);
    pt__kernels_of(run)->convolution_gradient_src(run->device, &convolution);
}

static void gradient_src_run(const pt__call_t *call, const pt__run_t *run)
{
    pt__convolution_t convolution = pt__convolution_forward(call, run);
    convolution.src = call->inputs[D_DST].data;
    convolution.weight = call->inputs[D_DST_WEIGHT].data;
    convolution.dst = call->outputs[0].data;
    pt__kernels_of(run)->convolution(run->device, &convolution);
}

static int64_t transposed_scratch(const pt__call_t *call)
{
    const pt__convolution_t convolution = pt__convolution_backward(call, NULL);
    return pt__convolution_gradient_src_scratch(&convolution);
}

static double transposed_operations(const pt__call_t *call)
{
    const pt__convolution_t convolution = pt__convolution_backward(call, NULL);
    return pt__convolution_operations(&convolution);
}

static int64_t gradient_src_scratch(const pt__call_t *call)
{
    const pt__convolution_t convolution = pt__convolution_forward(call, NULL);
    return pt__convolution_scratch(&convolution);
}

static double gradient_src_operations(const pt__call_t *call)
{
    const pt__convolution_t convolution = pt__convolution_forward(call, NULL);
    return pt__convolution_operations(&convolution);
}

static const pt__case_t transposed_cases[] = {
    {"f[B,3,4,3] f[3,4,3,3] f[4]", PT__CONVOLUTION_CASE(0, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1)},
    {"f[B,3,2,4] f[4,3,2,3] f[6]", PT__CONVOLUTION_CASE(0, 1, 3, 0, 1, 1, 0, 2, 2, 0, 2)},
    {"f[B,2,2,2] f[2,2,2,2] -", {.integers = {0, 2, 1, 0, 0, 0, 0, 3, 2, 1, 2, 1}}},
    {"f[B,5,3] f[3,2,4] -", PT__CONVOLUTION_CASE(0, 2, 1, 1, 1, 0, 0, 1, 1, 0, 0)},
    {"f[B,2,3,4] f[4,5,1,1] f[5]", PT__CONVOLUTION_CASE(0, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0)},
};

static const pt__op_t ops[] = {
    {.name = "convolution_transposed",
     .min_inputs = 2,
     .max_inputs = 3,
     .n_outputs = 1,
     .needs_gradient_of = 7,
     .shape = transposed_shape,
     .gradient = transposed_gradient,
     .run = transposed_run,
     .scratch = transposed_scratch,
     .operations = transposed_operations,
     PT__CASES(transposed_cases)},
    {.name = "convolution_transposed_gradient_src",
     .flags = PT__OP_INTERNAL,
     .min_inputs = 2,
     .max_inputs = 2,
     .n_outputs = 1,
     .shape = gradient_src_shape,
     .run = gradient_src_run,
     .scratch = gradient_src_scratch,
     .operations = gradient_src_operations},
};

PT__OP_FAMILY(op_convolution_transposed, ops)
