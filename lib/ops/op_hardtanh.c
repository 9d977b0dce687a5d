/* hardtanh: dst = min(max(src, low), high), of any shape. With bounds 0 and 20 it is DeepSpeech's clipped ReLU (Hannun
 * et al. 2014).
 *
 * Gradient (hardtanh_gradient): d_src = d_dst where low < dst < high, else 0; from dst, so that it may be in place. */
#include <math.h>

#include "ops/op_rules.h"

enum { LOW, HIGH }; /* reals of both */

pt_tensor_t pt_hardtanh(pt_graph_t *graph, pt_tensor_t src, double low, double high)
{
    const pt__attributes_t attributes = {.reals = {[LOW] = low, [HIGH] = high}};
    return pt__build_unary(graph, "hardtanh", src, &attributes);
}

static pt_status_t hardtanh_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    const float low = (float)node->attributes.reals[LOW], high = (float)node->attributes.reals[HIGH];
    if (!(low < high))
        return pt__refuse_attribute(node, "bounds %g and %g, expected the first below the second",
                                    node->attributes.reals[LOW], node->attributes.reals[HIGH]);
    return pt__shape_like_first(graph, node, outputs);
}

static pt_status_t hardtanh_gradient(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *d_outputs,
                                     const int32_t *wanted, pt_tensor_t *d_inputs)
{
    (void)wanted;
    d_inputs[0] = pt__build_binary(graph, "hardtanh_gradient", node->outputs[0], d_outputs[0], &node->attributes);
    return graph->status;
}

static void hardtanh_run(const pt__call_t *call, const pt__run_t *run)
{
    const double *reals = call->attributes->reals;
    pt__kernels_of(run)->clip(run->device, pt__view_elements(&call->outputs[0]), (float)reals[LOW],
                              (float)reals[HIGH], call->inputs[0].data, call->outputs[0].data);
}

static void gradient_run(const pt__call_t *call, const pt__run_t *run)
{
    const double *reals = call->attributes->reals;
    pt__kernels_of(run)->clip_gradient(run->device, pt__view_elements(&call->outputs[0]), (float)reals[LOW],
                                       (float)reals[HIGH], call->inputs[0].data, call->inputs[1].data,
                                       call->outputs[0].data);
}

static const pt__case_t cases[] = {
    {"f[T,5]", {.reals = {-0.5, 0.75}}},
    {"f[B,3,7]", {.reals = {0, 20}}},
    {"f[1000]", {.reals = {-1, 1}}},
    {"f[]", {.reals = {-1, 1}}},
};

static const pt__op_t ops[] = {
    {.name = "hardtanh",
     .flags = PT__OP_ROWWISE,
     .min_inputs = 1,
     .max_inputs = 1,
     .n_outputs = 1,
     .in_place = 1,
     .needs_gradient_of = 1,
     .shape = hardtanh_shape,
     .gradient = hardtanh_gradient,
     .run = hardtanh_run,
     PT__CASES(cases)},
    {.name = "hardtanh_gradient",
     .flags = PT__OP_INTERNAL | PT__OP_ROWWISE,
     .min_inputs = 2,
     .max_inputs = 2,
     .n_outputs = 1,
     .in_place = 2,
     .shape = pt__shape_of_input0,
     .run = gradient_run},
};

PT__OP_FAMILY(op_hardtanh, ops)
