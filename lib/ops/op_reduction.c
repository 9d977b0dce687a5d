/* sum, mean, max over neighbouring dimensions: src [outer, M, inner] -> dst [outer, inner]
 *
 *   Hosts reduce one dimension; gradients of broadcasting reduce several neighbours at once. A symbolic dimension has
 *   the rows that are there. dst has `kept` dimensions of size 1 where the reduced ones were. max: output 1 is where
 *   the largest entry stands (the first of equals), int32.
 *
 * Gradient (reduce_gradient):
 *   sum: d_src = d_dst     mean: d_src = d_dst / M     max: d_src = d_dst at the largest entry, else 0 */
#include "ops/op_rules.h"

enum {
    FIRST,
    MORE,
    KEPT
}; /* integers: the first dimension reduced (negative: from the end), how many more, how many are kept as 1 */
enum { G_KIND, G_FIRST, G_MORE, G_SHAPE }; /* integers of reduce_gradient */

static pt_tensor_t build(pt_graph_t *graph, const char *op, pt_tensor_t src, int32_t dimension, int32_t keep)
{
    pt__attributes_t attributes = {.integers = {[FIRST] = dimension, [KEPT] = keep != 0}};
    return pt__build_unary(graph, op, src, &attributes);
}

pt_tensor_t pt_sum(pt_graph_t *graph, pt_tensor_t src, int32_t dimension, int32_t keep)
{
    return build(graph, "sum", src, dimension, keep);
}

pt_tensor_t pt_mean(pt_graph_t *graph, pt_tensor_t src, int32_t dimension, int32_t keep)
{
    return build(graph, "mean", src, dimension, keep);
}

pt_tensor_t pt_max(pt_graph_t *graph, pt_tensor_t src, int32_t dimension, int32_t keep)
{
    return build(graph, "max", src, dimension, keep);
}

static pt_tensor_t sum_run_of_dimensions(pt_graph_t *graph, pt_tensor_t tensor, int32_t first, int32_t count,
                                         int32_t kept)
{
    pt__attributes_t attributes = {.integers = {[FIRST] = first, [MORE] = count - 1, [KEPT] = kept}};
    return pt__build_unary(graph, "sum", tensor, &attributes);
}

pt_tensor_t pt__reduce_to(pt_graph_t *graph, pt_tensor_t tensor, const pt__shape_t *shape)
{
    const pt__tensor_t *found = pt__graph_tensor(graph, tensor);
    if (found == NULL)
        return PT_NO_TENSOR;
    pt__shape_t from = found->shape;
    int32_t missing = from.rank - shape->rank, repeated[PT_MAX_RANK];
    for (int32_t i = 0; i < from.rank; i++) {
        int32_t symbolic = i == 0 && from.dimension != PT__DIMENSION_NONE &&
                           (missing > 0 || shape->dimension == PT__DIMENSION_NONE);
        repeated[i] = i < missing || symbolic || from.size[i] != shape->size[i - missing];
    }
    /* The leading run first: it drops what shape has no dimension for, and is where gradients shrink most. */
    int32_t leading = 0;
    while (leading < from.rank && repeated[leading])
        leading++;
    if (leading > 0)
        tensor = sum_run_of_dimensions(graph, tensor, 0, leading, leading - missing);
    for (int32_t i = leading; i < from.rank; i++) {
        int32_t end = i;
        while (end < from.rank && repeated[end])
            end++;
        if (end > i)
            tensor = sum_run_of_dimensions(graph, tensor, i - missing, end - i, end - i);
        i = end;
    }
    return tensor;
}

static pt_status_t reduction_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    const int64_t *integers = node->attributes.integers;
    PT__TRY(pt__expect_float(graph, node, 0, "src", 1, PT_MAX_RANK));
    const pt__shape_t *src = &pt__input_of(graph, node, 0)->shape;
    int32_t first = pt__dimension(integers[FIRST], src->rank), kept = (int32_t)integers[KEPT];
    if (first < 0)
        return pt__refuse(graph, node, 0, "src", "a rank that has dimension %lld", (long long)integers[FIRST]);
    int32_t end = first + 1 + (int32_t)integers[MORE];
    pt__shape_t *dst = &outputs[0].shape;
    dst->dimension = first > 0 ? src->dimension : PT__DIMENSION_NONE;
    for (int32_t i = 0; i < first; i++)
        dst->size[dst->rank++] = src->size[i];
    for (int32_t i = 0; i < kept; i++)
        dst->size[dst->rank++] = 1;
    for (int32_t i = end; i < src->rank; i++)
        dst->size[dst->rank++] = src->size[i];
    if (node->op->n_outputs > 1) {
        outputs[1].shape = *dst;
        outputs[1].dtype = PT_INT32;
    }
    return PT_OK;
}

static pt_status_t build_gradient(pt_graph_t *graph, const pt__node_t *node, pt__reduce_t kind,
                                  const pt_tensor_t *d_outputs, pt_tensor_t *d_inputs)
{
    const pt__shape_t *src = &pt__input_of(graph, node, 0)->shape;
    pt__attributes_t attributes = {.integers = {[G_KIND] = kind,
                                                [G_FIRST] = pt__dimension(node->attributes.integers[FIRST], src->rank),
                                                [G_MORE] = node->attributes.integers[MORE]}};
    pt__attributes_put_shape(&attributes, G_SHAPE, src);
    pt_tensor_t inputs[] = {d_outputs[0], kind == PT__REDUCE_MAX ? node->outputs[1] : PT_NO_TENSOR};
    d_inputs[0] = pt__build(graph, "reduce_gradient", kind == PT__REDUCE_MAX ? 2 : 1, inputs, &attributes);
    return graph->status;
}

static pt_status_t sum_gradient(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *d_outputs,
                                const int32_t *wanted, pt_tensor_t *d_inputs)
{
    (void)wanted;
    return build_gradient(graph, node, PT__REDUCE_SUM, d_outputs, d_inputs);
}

static pt_status_t mean_gradient(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *d_outputs,
                                 const int32_t *wanted, pt_tensor_t *d_inputs)
{
    (void)wanted;
    return build_gradient(graph, node, PT__REDUCE_MEAN, d_outputs, d_inputs);
}

static pt_status_t max_gradient(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *d_outputs,
                                const int32_t *wanted, pt_tensor_t *d_inputs)
{
    (void)wanted;
    return build_gradient(graph, node, PT__REDUCE_MAX, d_outputs, d_inputs);
}

/* A tensor as [outer, middle, inner] around the reduced dimensions. */
typedef struct box {
    int64_t outer, middle, inner;
} box_t;

static box_t box_of(const pt__view_t *src, int64_t first_attribute, int64_t more)
{
    box_t box = {1, 1, 1};
    int32_t first = pt__dimension(first_attribute, src->rank);
    for (int32_t i = 0; i < src->rank; i++)
        *(i < first ? &box.outer : i <= first + more ? &box.middle : &box.inner) *= src->size[i];
    return box;
}

static void run_reduction(const pt__call_t *call, const pt__run_t *run, pt__reduce_t kind)
{
    box_t box = box_of(&call->inputs[0], call->attributes->integers[FIRST], call->attributes->integers[MORE]);
    int32_t *index = kind == PT__REDUCE_MAX ? call->outputs[1].data : NULL;
    pt__kernels_of(run)->reduce(run->device, kind, box.outer, box.middle, box.inner, call->inputs[0].data,
                                call->outputs[0].data, index, pt__accumulates(call, 0));
}

static void sum_run(const pt__call_t *call, const pt__run_t *run)
{
    run_reduction(call, run, PT__REDUCE_SUM);
}

static void mean_run(const pt__call_t *call, const pt__run_t *run)
{
    run_reduction(call, run, PT__REDUCE_MEAN);
}

static void max_run(const pt__call_t *call, const pt__run_t *run)
{
    run_reduction(call, run, PT__REDUCE_MAX);
}

static double reduction_operations(const pt__call_t *call)
{
    return (double)pt__view_elements(&call->inputs[0]);
}

static pt_status_t gradient_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    (void)graph;
    outputs[0].shape = pt__attributes_get_shape(&node->attributes, G_SHAPE);
    return PT_OK;
}

static void gradient_run(const pt__call_t *call, const pt__run_t *run)
{
    box_t box = box_of(&call->outputs[0], call->attributes->integers[G_FIRST], call->attributes->integers[G_MORE]);
    const int32_t *index = call->n_inputs > 1 ? call->inputs[1].data : NULL;
    pt__kernels_of(run)->reduce_gradient(run->device, (pt__reduce_t)call->attributes->integers[G_KIND], box.outer,
                                         box.middle, box.inner, call->inputs[0].data, index, call->outputs[0].data);
}

static const pt__case_t cases[] = {
    {"f[T,5]", {.integers = {[FIRST] = 0}}},
    {"f[T,5]", {.integers = {[FIRST] = 1}}},
    {"f[B,3,4]", {.integers = {[FIRST] = -2, [KEPT] = 1}}},
    {"f[2T,33]", {.integers = {[FIRST] = 0, [KEPT] = 1}}},
    {"f[2,3,4]", {.integers = {[FIRST] = 1}}},
    {"f[9]", {.integers = {[FIRST] = -1}}},
    {"f[120,70]", {.integers = {[FIRST] = 1}}},
    {"f[120,70]", {.integers = {[FIRST] = 0}}},
    {"f[5000]", {.integers = {[FIRST] = 0}}},
};

static const pt__op_t ops[] = {
    {.name = "sum",
     .flags = PT__OP_KEEPS_ROWS,
     .min_inputs = 1,
     .max_inputs = 1,
     .n_outputs = 1,
     .accumulates = 1,
     .needs_gradient_of = 1,
     .shape = reduction_shape,
     .gradient = sum_gradient,
     .run = sum_run,
     .operations = reduction_operations,
     PT__CASES(cases)},
    {.name = "mean",
     .flags = PT__OP_KEEPS_ROWS,
     .min_inputs = 1,
     .max_inputs = 1,
     .n_outputs = 1,
     .accumulates = 1,
     .needs_gradient_of = 1,
     .shape = reduction_shape,
     .gradient = mean_gradient,
     .run = mean_run,
     .operations = reduction_operations,
     PT__CASES(cases)},
    {.name = "max",
     .flags = PT__OP_KEEPS_ROWS,
     .min_inputs = 1,
     .max_inputs = 1,
     .n_outputs = 2,
     .needs_gradient_of = 1,
     .shape = reduction_shape,
     .gradient = max_gradient,
     .run = max_run,
     .operations = reduction_operations,
     PT__CASES(cases)},
    {.name = "reduce_gradient",
     .flags = PT__OP_INTERNAL,
     .min_inputs = 1,
     .max_inputs = 2,
     .n_outputs = 1,
     .shape = gradient_shape,
     .run = gradient_run},
};

PT__OP_FAMILY(op_reduction, ops)
