/* Elementwise functions f of one tensor of any shape: dst = f(src).
 *
 *   relu       max(x, 0)                                        f' = dst > 0
 *   relu6      min(max(x, 0), 6)                                f' = 0 < dst < 6
 *   hardswish  x min(max(x + 3, 0), 6) / 6                      f' = x/3 + 1/2 between -3 and 3, 0 below, 1 above
 *   gelu       x Φ(x), Φ the normal distribution function        f' = Φ(x) + x φ(x)
 *   gelu_tanh  x/2 (1 + tanh(√(2/π) (x + 0.044715 x³)))         its derivative
 *   silu       x σ(x)                                           f' = σ(x) (1 + x (1 - σ(x)))
 *   tanh       f' = 1 - dst²        sigmoid  f' = dst (1 - dst)       exp  f' = dst        log  f' = 1/x
 *
 * Gradient (unary_gradient): d_src = d_dst · f', computed from dst for relu, relu6, tanh, sigmoid and exp, so that they
 * may be in place in a training step too, and from src for the others. integers[0] of unary_gradient is the
 * pt__unary_t. */
#include "ops/op_rules.h"

enum { KIND = PT__ATTRIBUTE_FUNCTION };

/* The function of each op here, by the place of its descriptor below. */
enum { RELU, RELU6, HARDSWISH, GELU, GELU_TANH, SILU, TANH, SIGMOID, EXP, LOG, FUNCTIONS };
static const struct {
    pt__unary_t kind;
    int32_t from_dst;
} functions[FUNCTIONS] = {
    [RELU] = {PT__UNARY_RELU, 1},     [RELU6] = {PT__UNARY_RELU6, 1},         [HARDSWISH] = {PT__UNARY_HARDSWISH, 0},
    [GELU] = {PT__UNARY_GELU_ERF, 0}, [GELU_TANH] = {PT__UNARY_GELU_TANH, 0}, [SILU] = {PT__UNARY_SILU, 0},
    [TANH] = {PT__UNARY_TANH, 1},     [SIGMOID] = {PT__UNARY_SIGMOID, 1},     [EXP] = {PT__UNARY_EXP, 1},
    [LOG] = {PT__UNARY_LOG, 0},
};

static const pt__op_t ops[FUNCTIONS + 1]; /* below */

pt_tensor_t pt_relu(pt_graph_t *graph, pt_tensor_t src)
{
    return pt__build_unary(graph, "relu", src, NULL);
}

pt_tensor_t pt_relu6(pt_graph_t *graph, pt_tensor_t src)
{
    return pt__build_unary(graph, "relu6", src, NULL);
}

pt_tensor_t pt_hardswish(pt_graph_t *graph, pt_tensor_t src)
{
    return pt__build_unary(graph, "hardswish", src, NULL);
}

pt_tensor_t pt_gelu(pt_graph_t *graph, pt_tensor_t src)
{
    return pt__build_unary(graph, "gelu", src, NULL);
}

pt_tensor_t pt_gelu_tanh(pt_graph_t *graph, pt_tensor_t src)
{
    return pt__build_unary(graph, "gelu_tanh", src, NULL);
}

pt_tensor_t pt_silu(pt_graph_t *graph, pt_tensor_t src)
{
    return pt__build_unary(graph, "silu", src, NULL);
}

pt_tensor_t pt_tanh(pt_graph_t *graph, pt_tensor_t src)
{
    return pt__build_unary(graph, "tanh", src, NULL);
}

pt_tensor_t pt_sigmoid(pt_graph_t *graph, pt_tensor_t src)
{
    return pt__build_unary(graph, "sigmoid", src, NULL);
}

pt_tensor_t pt_exp(pt_graph_t *graph, pt_tensor_t src)
{
    return pt__build_unary(graph, "exp", src, NULL);
}

pt_tensor_t pt_log(pt_graph_t *graph, pt_tensor_t src)
{
    return pt__build_unary(graph, "log", src, NULL);
}

static pt_status_t unary_gradient(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *d_outputs,
                                  const int32_t *wanted, pt_tensor_t *d_inputs)
{
    (void)wanted;
    ptrdiff_t function = node->op - ops;
    pt__attributes_t attributes = {.integers = {[KIND] = functions[function].kind}};
    pt_tensor_t reference = functions[function].from_dst ? node->outputs[0] : node->inputs[0];
    d_inputs[0] = pt__build_binary(graph, "unary_gradient", reference, d_outputs[0], &attributes);
    return graph->status;
}

/* From src, which the gradients of gelu and silu keep; the others keep dst itself. */
static pt_tensor_t unary_recomputed(pt_graph_t *graph, const pt__node_t *node)
{
    return functions[node->op - ops].from_dst ? PT_NO_TENSOR : pt__graph_add(graph, node->op, 1, node->inputs, NULL);
}

static void unary_run(const pt__call_t *call, const pt__run_t *run)
{
    pt__kernels_of(run)->unary(run->device, functions[call->op - ops].kind, pt__view_elements(&call->outputs[0]),
                               call->inputs[0].data, call->outputs[0].data);
}

static double unary_operations(const pt__call_t *call)
{
    return 10.0 * (double)pt__view_elements(&call->outputs[0]);
}

static void unary_gradient_run(const pt__call_t *call, const pt__run_t *run)
{
    pt__kernels_of(run)->unary_gradient(run->device, (pt__unary_t)call->attributes->integers[KIND],
                                        pt__view_elements(&call->outputs[0]), call->inputs[0].data,
                                        call->inputs[1].data, call->outputs[0].data);
}

static const pt__case_t cases[] = {
    {.inputs = "f[T,5]"},
    {.inputs = "f[B,3,7]"},
    {.inputs = "f[1000]"},
    {.inputs = "f[]"},
};

static const pt__case_t positive_cases[] = {
    {.inputs = "p[T,5]"},
    {.inputs = "p[1000]"},
};

#define UNARY                                                                                                         \
    .flags = PT__OP_ROWWISE, .min_inputs = 1, .max_inputs = 1, .n_outputs = 1, .in_place = 1, .needs_gradient_of = 1, \
    .shape = pt__shape_like_first, .gradient = unary_gradient, .recompute = unary_recomputed, .run = unary_run
#define COSTLY_UNARY UNARY, .operations = unary_operations

static const pt__op_t ops[FUNCTIONS + 1] = {
    [RELU] = {.name = "relu", .activation = PT_ACTIVATION_RELU, UNARY, PT__CASES(cases)},
    [RELU6] = {.name = "relu6", .activation = PT_ACTIVATION_RELU6, UNARY, PT__CASES(cases)},
    [HARDSWISH] = {.name = "hardswish", .activation = PT_ACTIVATION_HARDSWISH, UNARY, PT__CASES(cases)},
    [GELU] = {.name = "gelu", .activation = PT_ACTIVATION_GELU_ERF, COSTLY_UNARY, PT__CASES(cases)},
    [GELU_TANH] = {.name = "gelu_tanh", .activation = PT_ACTIVATION_GELU_TANH, COSTLY_UNARY, PT__CASES(cases)},
    [SILU] = {.name = "silu", .activation = PT_ACTIVATION_SILU, COSTLY_UNARY, PT__CASES(cases)},
    [TANH] = {.name = "tanh", .activation = PT_ACTIVATION_TANH, COSTLY_UNARY, PT__CASES(cases)},
    [SIGMOID] = {.name = "sigmoid", .activation = PT_ACTIVATION_SIGMOID, COSTLY_UNARY, PT__CASES(cases)},
    [EXP] = {.name = "exp", COSTLY_UNARY, PT__CASES(cases)},
    [LOG] = {.name = "log", COSTLY_UNARY, PT__CASES(positive_cases)},
    [FUNCTIONS] = {.name = "unary_gradient",
                   .flags = PT__OP_INTERNAL | PT__OP_ROWWISE,
                   .min_inputs = 2,
                   .max_inputs = 2,
                   .n_outputs = 1,
                   .in_place = 2,
                   .shape = pt__shape_of_input0,
                   .run = unary_gradient_run,
                   .operations = unary_operations},
};

PT__OP_FAMILY(op_activation, ops)
