/* gated: dst = f(gate) · src, element by element, f an activation     (Dauphin 2017; SwiGLU: Shazeer 2020)
 *
 *   gate, src, dst of one shape
 *
 * Gradient (gated_gradient): d_gate = d_dst · src · f'(gate), d_src = d_dst · f(gate). Neither f(gate) nor dst is kept
 * for it: dst is made again from both inputs, which are. */
#include "ops/op_rules.h"

enum { FUNCTION = PT__ATTRIBUTE_ACTIVATION };
enum { GATE, SRC, D_DST };

pt_tensor_t pt_gated(pt_graph_t *graph, pt_tensor_t gate, pt_tensor_t src, int32_t activation)
{
    pt__attributes_t attributes = {.integers = {[FUNCTION] = activation}};
    return pt__build_binary(graph, "gated", gate, src, &attributes);
}

static pt_status_t gated_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    int64_t activation = node->attributes.integers[FUNCTION];
    if (activation <= PT_ACTIVATION_NONE || activation >= PT__UNARY_ACTIVATIONS)
        return pt__refuse_attribute(node, "activation %lld, expected one of PT_ACTIVATION_..., and not NONE",
                                    (long long)activation);
    PT__TRY(pt__expect_dtype(graph, node, GATE, "gate", PT_FLOAT32));
    PT__TRY(pt__expect_dtype(graph, node, SRC, "src", PT_FLOAT32));
    PT__TRY(pt__expect_same_shape(graph, node, SRC, "src", GATE, "gate"));
    outputs[0].shape = pt__input_of(graph, node, GATE)->shape;
    return PT_OK;
}

static pt_status_t gated_gradient(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *d_outputs,
                                  const int32_t *wanted, pt_tensor_t *d_inputs)
{
    pt_tensor_t inputs[] = {node->inputs[GATE], node->inputs[SRC], d_outputs[0]};
    pt_tensor_t first = pt__build(graph, "gated_gradient", D_DST + 1, inputs, &node->attributes);
    for (int32_t i = GATE; i <= SRC; i++)
        if (wanted[i])
            d_inputs[i] = pt__build_output(first, i);
    return graph->status;
}

static pt_tensor_t gated_recomputed(pt_graph_t *graph, const pt__node_t *node)
{
    return pt__graph_add(graph, node->op, node->n_inputs, node->inputs, &node->attributes);
}

static void gated_run(const pt__call_t *call, const pt__run_t *run)
{
    pt__kernels_of(run)->gated(run->device, (pt__unary_t)call->attributes->integers[FUNCTION],
                               pt__view_elements(&call->outputs[0]), call->inputs[GATE].data, call->inputs[SRC].data,
                               call->outputs[0].data);
}

static pt_status_t gradient_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    outputs[0].shape = outputs[1].shape = pt__input_of(graph, node, GATE)->shape;
    return PT_OK;
}

static void gradient_run(const pt__call_t *call, const pt__run_t *run)
{
    pt__kernels_of(run)->gated_gradient(run->device, (pt__unary_t)call->attributes->integers[FUNCTION],
                                        pt__view_elements(&call->inputs[GATE]), call->inputs[GATE].data,
                                        call->inputs[SRC].data, call->inputs[D_DST].data, call->outputs[GATE].data,
                                        call->outputs[SRC].data);
}

static double gated_operations(const pt__call_t *call)
{
    return 11.0 * (double)pt__view_elements(&call->inputs[GATE]);
}

static const pt__case_t gated_cases[] = {
    {"f[T,5] f[T,5]", {.integers = {PT_ACTIVATION_SILU}}},
    {"f[B,3,7] f[B,3,7]", {.integers = {PT_ACTIVATION_GELU_TANH}}},
    {"f[1000] f[1000]", {.integers = {PT_ACTIVATION_GELU_ERF}}},
    {"f[40,33] f[40,33]", {.integers = {PT_ACTIVATION_RELU}}},
    {"f[T,9] f[T,9]", {.integers = {PT_ACTIVATION_TANH}}},
    {"f[] f[]", {.integers = {PT_ACTIVATION_SIGMOID}}},
    {"f[T,5] f[T,5]", {.integers = {PT_ACTIVATION_RELU6}}},
    {"f[T,5] f[T,5]", {.integers = {PT_ACTIVATION_HARDSWISH}}},
    {"f[50,400] f[50,400]", {.integers = {PT_ACTIVATION_SILU}}},
};

static const pt__op_t ops[] = {
    {.name = "gated",
     .flags = PT__OP_ROWWISE,
     .min_inputs = 2,
     .max_inputs = 2,
     .n_outputs = 1,
     .in_place = 1u << GATE | 1u << SRC,
     .needs_gradient_of = 3,
     .shape = gated_shape,
     .gradient = gated_gradient,
     .recompute = gated_recomputed,
     .run = gated_run,
     .operations = gated_operations,
     PT__CASES(gated_cases)},
    {.name = "gated_gradient",
     .flags = PT__OP_INTERNAL | PT__OP_ROWWISE,
     .min_inputs = 3,
     .max_inputs = 3,
     .n_outputs = 2,
     .in_place = 1u << GATE | 1u << SRC | 1u << D_DST,
     .shape = gradient_shape,
     .run = gradient_run,
     .operations = gated_operations},
};

PT__OP_FAMILY(op_gated, ops)
