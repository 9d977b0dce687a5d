/* softmax:     dst = exp(src - m) / Σ exp(src - m)     over the last dimension, m its maximum
 * log_softmax: dst = src - m - log Σ exp(src - m)
 *
 * Gradient (softmax_gradient), from dst:
 *   softmax: d_src = dst · (d_dst - Σ d_dst · dst)     log_softmax: d_src = d_dst - exp(dst) · Σ d_dst */
#include "ops/op_rules.h"

#include <string.h>

enum { LOG }; /* integers of softmax_gradient */

pt_tensor_t pt_softmax(pt_graph_t *graph, pt_tensor_t src)
{
    return pt__build_unary(graph, "softmax", src, NULL);
}

pt_tensor_t pt_log_softmax(pt_graph_t *graph, pt_tensor_t src)
{
    return pt__build_unary(graph, "log_softmax", src, NULL);
}

static pt_status_t softmax_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    int64_t width;
    PT__TRY(pt__expect_rows(graph, node, 0, "src", &width));
    return pt__shape_of_input0(graph, node, outputs);
}

static int32_t is_log(const pt__op_t *op)
{
    return strcmp(op->name, "log_softmax") == 0;
}

static pt_status_t softmax_gradient(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *d_outputs,
                                    const int32_t *wanted, pt_tensor_t *d_inputs)
{
    (void)wanted;
    pt__attributes_t attributes = {.integers = {[LOG] = is_log(node->op)}};
    d_inputs[0] = pt__build_binary(graph, "softmax_gradient", node->outputs[0], d_outputs[0], &attributes);
    return graph->status;
}

static void run_softmax(const pt__call_t *call, const pt__run_t *run, int32_t log)
{
    const pt__view_t *src = &call->inputs[0];
    pt__kernels_of(run)->softmax(run->device, pt__view_rows(src, 1), pt__last_size(src), log, src->data,
                                 call->outputs[0].data);
}

static void softmax_run(const pt__call_t *call, const pt__run_t *run)
{
    run_softmax(call, run, 0);
}

static void log_softmax_run(const pt__call_t *call, const pt__run_t *run)
{
    run_softmax(call, run, 1);
}

static double softmax_operations(const pt__call_t *call)
{
    return 10.0 * (double)pt__view_elements(&call->outputs[0]);
}

static void softmax_gradient_run(const pt__call_t *call, const pt__run_t *run)
{
    const pt__view_t *dst = &call->inputs[0];
    pt__kernels_of(run)->softmax_gradient(run->device, pt__view_rows(dst, 1), pt__last_size(dst),
                                          (int32_t)call->attributes->integers[LOG], dst->data, call->inputs[1].data,
                                          call->outputs[0].data);
}

static const pt__case_t cases[] = {
    {.inputs = "f[T,5]"}, {.inputs = "f[B,3,33]"}, {.inputs = "f[100]"}, {.inputs = "f[200,17]"}, {.inputs = "f[4,1]"},
};

static const pt__op_t ops[] = {
    {.name = "softmax",
     .flags = PT__OP_ROWWISE,
     .min_inputs = 1,
     .max_inputs = 1,
     .n_outputs = 1,
     .in_place = 1,
     .needs_gradient_of = 1,
     .shape = softmax_shape,
     .gradient = softmax_gradient,
     .run = softmax_run,
     .operations = softmax_operations,
     PT__CASES(cases)},
    {.name = "log_softmax",
     .flags = PT__OP_ROWWISE,
     .min_inputs = 1,
     .max_inputs = 1,
     .n_outputs = 1,
     .in_place = 1,
     .needs_gradient_of = 1,
     .shape = softmax_shape,
     .gradient = softmax_gradient,
     .run = log_softmax_run,
     .operations = softmax_operations,
     PT__CASES(cases)},
    {.name = "softmax_gradient",
     .flags = PT__OP_INTERNAL | PT__OP_ROWWISE,
     .min_inputs = 2,
     .max_inputs = 2,
     .n_outputs = 1,
     .in_place = 2,
     .shape = pt__shape_of_input0,
     .run = softmax_gradient_run,
     .operations = softmax_operations},
};

PT__OP_FAMILY(op_softmax, ops)
