/* group_norm: dst = (src - mean) · inverse · weight + bias, for each sample and each group of channels     (Wu 2018)
 *
 *   src [B, ..., C], B: any leading size, rows R all between; G groups of C / G neighbouring channels; weight, bias [C]
 *   or none -> dst like src; outputs 1 and 2, mean and inverse [B, G], are kept for the gradient:
 *     mean = Σ src / n, inverse = 1 / sqrt(Σ (src - mean)² / n + epsilon), over the n = R C / G numbers of a group
 *   With as many groups as channels it is instance norm (Ulyanov 2016).
 *
 * Gradient, with h = (src - mean) · inverse and g = d_dst · weight:
 *   d_bias = Σ d_dst, d_weight = Σ d_dst · h over samples and rows
 *   d_src = inverse · (g - Σ g / n - h · Σ g h / n), over a group */
#include "base/number.h"
#include "ops/op_rules.h"

enum { GROUPS };  /* integers; 0: as many as channels */
enum { EPSILON }; /* reals */
enum { SRC, WEIGHT, BIAS };
enum { DST, MEAN, INVERSE };
enum { D_DST, G_SRC, G_MEAN, G_INVERSE, G_WEIGHT }; /* inputs of group_norm_gradient */
enum { D_SRC, D_WEIGHT, D_BIAS };                   /* its outputs */

pt_tensor_t pt_group_norm(pt_graph_t *graph, pt_tensor_t src, int64_t groups, pt_tensor_t weight, pt_tensor_t bias,
                          double epsilon)
{
    pt__attributes_t attributes = {.integers = {[GROUPS] = groups != 0 ? groups : -1}, .reals = {[EPSILON] = epsilon}};
    return pt__build(graph, "group_norm", BIAS + 1, (pt_tensor_t[]){src, weight, bias}, &attributes);
}

pt_tensor_t pt_instance_norm(pt_graph_t *graph, pt_tensor_t src, pt_tensor_t weight, pt_tensor_t bias, double epsilon)
{
    pt__attributes_t attributes = {.reals = {[EPSILON] = epsilon}};
    return pt__build(graph, "group_norm", BIAS + 1, (pt_tensor_t[]){src, weight, bias}, &attributes);
}

static int64_t groups_of(const pt__attributes_t *attributes, int64_t columns)
{
    return attributes->integers[GROUPS] != 0 ? attributes->integers[GROUPS] : columns;
}

static pt_status_t group_norm_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    double epsilon = node->attributes.reals[EPSILON];
    int64_t width = 0;
    if (!(epsilon >= 0 && epsilon < 1))
        return pt__refuse_attribute(node, "epsilon %g, expected a number in [0, 1)", pt__number_shown(epsilon));
    PT__TRY(pt__expect_rows(graph, node, SRC, "src", &width));
    PT__TRY(pt__expect_rank(graph, node, SRC, "src", 2, PT_MAX_RANK));
    int64_t groups = groups_of(&node->attributes, width);
    if (groups < 1 || width % groups != 0)
        return pt__refuse_attribute(node, "%lld groups, expected a divisor of the %lld channels",
                                    (long long)(groups < 0 ? 0 : groups), (long long)width);
    PT__TRY(pt__expect_vector(graph, node, WEIGHT, "weight", width));
    PT__TRY(pt__expect_vector(graph, node, BIAS, "bias", width));
    const pt__shape_t *src = &pt__input_of(graph, node, SRC)->shape;
    outputs[DST].shape = *src;
    outputs[MEAN].shape = outputs[INVERSE].shape = pt__shape_make(src->dimension, 2, (int64_t[]){src->size[0], groups});
    return PT_OK;
}

static pt_status_t group_norm_gradient(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *d_outputs,
                                       const int32_t *wanted, pt_tensor_t *d_inputs)
{
    pt_tensor_t inputs[] = {[D_DST] = d_outputs[DST],
                            [G_SRC] = node->inputs[SRC],
                            [G_MEAN] = node->outputs[MEAN],
                            [G_INVERSE] = node->outputs[INVERSE],
                            [G_WEIGHT] = node->n_inputs > WEIGHT ? node->inputs[WEIGHT] : PT_NO_TENSOR};
    pt_tensor_t first = pt__build(graph, "group_norm_gradient", G_WEIGHT + 1, inputs, NULL);
    if (wanted[SRC])
        d_inputs[SRC] = pt__build_output(first, D_SRC);
    if (node->n_inputs > WEIGHT && wanted[WEIGHT])
        d_inputs[WEIGHT] = pt__build_output(first, D_WEIGHT);
    if (node->n_inputs > BIAS && wanted[BIAS])
        d_inputs[BIAS] = pt__build_output(first, D_BIAS);
    return graph->status;
}

static pt__group_norm_t describe(const pt__view_t *src, const pt__view_t *statistics)
{
    return (pt__group_norm_t){.samples = src->size[0],
                              .rows = pt__row_size(src) / pt__last_size(src),
                              .columns = pt__last_size(src),
                              .groups = statistics->size[1],
                              .src = src->data};
}

/* Mean and inverse, where nobody reads them. */
static int64_t group_norm_scratch(const pt__call_t *call)
{
    return 2 * pt__view_elements(&call->outputs[MEAN]) * (int64_t)sizeof(float);
}

static void group_norm_run(const pt__call_t *call, const pt__run_t *run)
{
    float *unread = call->scratch;
    pt__group_norm_t norm = describe(&call->inputs[SRC], &call->outputs[MEAN]);
    norm.epsilon = (float)call->attributes->reals[EPSILON];
    norm.weight = pt__input_data(call, WEIGHT);
    norm.bias = pt__input_data(call, BIAS);
    norm.dst = call->outputs[DST].data;
    norm.mean = call->outputs[MEAN].data != NULL ? call->outputs[MEAN].data : unread;
    norm.inverse = call->outputs[INVERSE].data != NULL ? call->outputs[INVERSE].data
                                                       : unread + norm.samples * norm.groups;
    pt__kernels_of(run)->group_norm(run->device, &norm);
}

static pt_status_t gradient_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    outputs[D_SRC].shape = pt__input_of(graph, node, G_SRC)->shape;
    const pt__shape_t *src = &outputs[D_SRC].shape;
    outputs[D_WEIGHT].shape = outputs[D_BIAS].shape = pt__shape_make(PT__DIMENSION_NONE, 1, &src->size[src->rank - 1]);
    return PT_OK;
}

static int64_t gradient_scratch(const pt__call_t *call)
{
    return 2 * call->inputs[G_SRC].size[0] * pt__last_size(&call->inputs[G_SRC]) * (int64_t)sizeof(float);
}

static void gradient_run(const pt__call_t *call, const pt__run_t *run)
{
    pt__group_norm_gradient_t gradient = {.norm = describe(&call->inputs[G_SRC], &call->inputs[G_MEAN]),
                                          .d_dst = call->inputs[D_DST].data,
                                          .d_src = call->outputs[D_SRC].data,
                                          .sums = call->scratch,
                                          .d_weight = call->outputs[D_WEIGHT].data,
                                          .d_bias = call->outputs[D_BIAS].data,
                                          .accumulate_d_weight = pt__accumulates(call, D_WEIGHT),
                                          .accumulate_d_bias = pt__accumulates(call, D_BIAS)};
    gradient.norm.weight = pt__input_data(call, G_WEIGHT);
    gradient.norm.mean = call->inputs[G_MEAN].data;
    gradient.norm.inverse = call->inputs[G_INVERSE].data;
    pt__kernels_of(run)->group_norm_gradient(run->device, &gradient);
}

static double group_norm_operations(const pt__call_t *call)
{
    return 7.0 * (double)pt__view_elements(&call->outputs[DST]);
}

static double gradient_operations(const pt__call_t *call)
{
    return 12.0 * (double)pt__view_elements(&call->inputs[G_SRC]);
}

static const pt__case_t cases[] = {
    {"f[B,3,4,6] f[6] f[6]", {.integers = {3}, .reals = {1e-5}}},
    {"f[B,37,20] f[20] -", {.integers = {1}, .reals = {1e-3}}},
    {"f[B,3,7] - f[7]", {.integers = {0}, .reals = {1e-5}}},
    {"f[2,2,2,1030] f[1030] f[1030]", {.integers = {2}, .reals = {1e-5}}},
    {"f[2,3,1030]", {.integers = {0}, .reals = {1e-5}}},
    {"f[3,150,80] f[80] f[80]", {.integers = {4}, .reals = {1e-5}}},
    {"f[T,8] f[8] f[8]", {.integers = {2}, .reals = {1e-5}}},
};

static const pt__op_t ops[] = {
    {.name = "group_norm",
     .flags = PT__OP_ROWWISE,
     .min_inputs = 1,
     .max_inputs = 3,
     .n_outputs = 3,
     .in_place = 1u << SRC,
     .needs_gradient_of = 1u << SRC | 1u << WEIGHT | 1u << BIAS,
     .shape = group_norm_shape,
     .gradient = group_norm_gradient,
     .run = group_norm_run,
     .scratch = group_norm_scratch,
     .operations = group_norm_operations,
     PT__CASES(cases)},
    {.name = "group_norm_gradient",
     .flags = PT__OP_INTERNAL,
     .min_inputs = 4,
     .max_inputs = 5,
     .n_outputs = 3,
     .accumulates = 1u << D_WEIGHT | 1u << D_BIAS,
     .in_place = 1u << D_DST,
     .shape = gradient_shape,
     .run = gradient_run,
     .scratch = gradient_scratch,
     .operations = gradient_operations},
};

PT__OP_FAMILY(op_group_norm, ops)
