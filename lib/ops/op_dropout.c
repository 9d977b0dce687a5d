/* dropout: dst = keep ? src / (1 - probability) : 0 while training, keep drawn for every element from a counter-based
 * generator; else dst = src.
 *
 * Gradient: the same op on d_dst. Both nodes carry one number, from which and from the run's key both draw the same
 * mask: it is never stored. */
#include "base/number.h"
#include "ops/op_rules.h"

enum { NUMBER };      /* integers: pt__graph_draw tells the dropouts of a graph apart */
enum { PROBABILITY }; /* reals */

pt_tensor_t pt_dropout(pt_graph_t *graph, pt_tensor_t src, double probability)
{
    pt__attributes_t attributes = {.integers = {[NUMBER] = pt__graph_draw(graph)},
                                   .reals = {[PROBABILITY] = probability}};
    return pt__build_unary(graph, "dropout", src, &attributes);
}

static pt_status_t dropout_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    double probability = node->attributes.reals[PROBABILITY];
    if (!(probability >= 0 && probability < 1))
        return pt__refuse_attribute(node, "probability %g, expected a number in [0, 1)", pt__number_shown(probability));
    return pt__shape_like_first(graph, node, outputs);
}

static pt_status_t dropout_gradient(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *d_outputs,
                                    const int32_t *wanted, pt_tensor_t *d_inputs)
{
    (void)wanted;
    d_inputs[0] = pt__build_unary(graph, "dropout", d_outputs[0], &node->attributes);
    return graph->status;
}

static void dropout_run(const pt__call_t *call, const pt__run_t *run)
{
    const float *src = call->inputs[0].data;
    float *dst = call->outputs[0].data, probability = (float)call->attributes->reals[PROBABILITY];
    int64_t n = pt__view_elements(&call->outputs[0]);
    if (run->training && probability > 0)
        pt__kernels_of(run)->dropout(run->device, n, probability,
                                     pt__dropout_key(run, call->attributes->integers[NUMBER]), src, dst);
    else if (dst != src)
        pt__copy_elements(run, n, src, dst, 0);
}

static const pt__case_t dropout_cases[] = {
    {"f[T,8]", {.integers = {3}, .reals = {0.25}}},
    {"f[B,3,5]", {.integers = {0}, .reals = {0.9}}},
    {"f[1000]", {.integers = {70}, .reals = {0.5}}},
    {"f[7]", {.reals = {0.0}}},
};

static const pt__op_t ops[] = {
    {.name = "dropout",
     .flags = PT__OP_RANDOM | PT__OP_ROWWISE,
     .min_inputs = 1,
     .max_inputs = 1,
     .n_outputs = 1,
     .in_place = 1,
     .needs_gradient_of = 1,
     .shape = dropout_shape,
     .gradient = dropout_gradient,
     .run = dropout_run,
     PT__CASES(dropout_cases)},
};

PT__OP_FAMILY(op_dropout, ops)
