/* pool: one row a sample from its tokens' rows: src [T, ...] -> dst [B, ...]; mean, first, last, sum or max of the
 * sample's rows, 0 for an empty sample. Output 1: where the largest stands (max only), int32.
 *
 * Gradient (pool_gradient):
 *   mean: d_src = d_dst / rows     sum: d_src = d_dst     first, last, max: d_src = d_dst at that row, else 0 */
#include "ops/op_rules.h"

enum { KIND = PT__ATTRIBUTE_POOL, SHAPE }; /* integers; SHAPE: pool_gradient's, of src */

pt_tensor_t pt_pool(pt_graph_t *graph, pt_tensor_t src, int32_t kind)
{
    pt__attributes_t attributes = {.integers = {[KIND] = kind}};
    return pt__build_unary(graph, "pool", src, &attributes);
}

static pt_status_t pool_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    int64_t kind = node->attributes.integers[KIND];
    if (kind < PT_POOL_MEAN || kind > PT_POOL_MAX)
        return pt__refuse_attribute(node, "kind %lld, expected one of PT_POOL_...", (long long)kind);
    PT__TRY(pt__expect_float(graph, node, 0, "src", 1, PT_MAX_RANK));
    const pt__shape_t *src = &pt__input_of(graph, node, 0)->shape;
    if (!pt__shape_is_ragged(src) || src->size[0] != 1)
        return pt__refuse(graph, node, 0, "src", "[PT_DIM_TOKENS, ...], or another dimension of rows");
    outputs[0].shape = *src;
    outputs[0].shape.dimension = PT__DIMENSION_BATCH;
    outputs[1].shape = outputs[0].shape;
    outputs[1].dtype = PT_INT32;
    return PT_OK;
}

static pt_status_t pool_gradient(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *d_outputs,
                                 const int32_t *wanted, pt_tensor_t *d_inputs)
{
    (void)wanted;
    pt__attributes_t attributes = {.integers = {[KIND] = node->attributes.integers[KIND]}};
    pt__attributes_put_shape(&attributes, SHAPE, &pt__input_of(graph, node, 0)->shape);
    int32_t reads_index = attributes.integers[KIND] == PT_POOL_MAX;
    d_inputs[0] = pt__build(graph, "pool_gradient", 1 + reads_index, (pt_tensor_t[]){d_outputs[0], node->outputs[1]},
                            &attributes);
    return graph->status;
}

/* A sample's last row is the last one that it has by now. */
static pt_tensor_t pool_incremental(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *inputs,
                                    pt__increment_t *increment)
{
    (void)increment;
    if (node->attributes.integers[KIND] != PT_POOL_LAST ||
        graph->tensors[inputs[0]].shape.dimension != PT__DIMENSION_TOKENS)
        return PT_NO_TENSOR;
    return pt__build_unary(graph, "pool", inputs[0], &node->attributes);
}

static pt__reduce_t reduction_of(int64_t kind)
{
    static const pt__reduce_t reductions[] = {[PT_POOL_MEAN] = PT__REDUCE_MEAN,
                                              [PT_POOL_FIRST] = PT__REDUCE_FIRST,
                                              [PT_POOL_LAST] = PT__REDUCE_LAST,
                                              [PT_POOL_SUM] = PT__REDUCE_SUM,
                                              [PT_POOL_MAX] = PT__REDUCE_MAX};
    return reductions[kind];
}

static void pool_run(const pt__call_t *call, const pt__run_t *run)
{
    int64_t kind = call->attributes->integers[KIND];
    pt__kernels_of(run)->segment_reduce(run->device, reduction_of(kind), run->count[PT__DIMENSION_BATCH],
                                        run->offsets[call->inputs[0].dimension], pt__row_size(&call->inputs[0]),
                                        call->inputs[0].data, call->outputs[0].data,
                                        kind == PT_POOL_MAX ? call->outputs[1].data : NULL);
}

static pt_status_t gradient_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    (void)graph;
    outputs[0].shape = pt__attributes_get_shape(&node->attributes, SHAPE);
    return PT_OK;
}

static void gradient_run(const pt__call_t *call, const pt__run_t *run)
{
    int64_t kind = call->attributes->integers[KIND];
    pt__kernels_of(run)->segment_reduce_gradient(
        run->device, reduction_of(kind), run->count[PT__DIMENSION_BATCH], run->offsets[call->outputs[0].dimension],
        pt__row_size(&call->outputs[0]), call->inputs[0].data, kind == PT_POOL_MAX ? call->inputs[1].data : NULL,
        call->outputs[0].data);
}

static double pool_operations(const pt__call_t *call)
{
    return (double)pt__view_elements(&call->inputs[0]);
}

static const pt__case_t cases[] = {
    {"f[T,5]", {.integers = {PT_POOL_MEAN}}},   {"f[T,33]", {.integers = {PT_POOL_FIRST}}},
    {"f[T,2,3]", {.integers = {PT_POOL_LAST}}}, {"f[T,17]", {.integers = {PT_POOL_SUM}}},
    {"f[T,20]", {.integers = {PT_POOL_MAX}}},   {"f[T]", {.integers = {PT_POOL_MEAN}}},
};

static const pt__op_t ops[] = {
    {.name = "pool",
     .min_inputs = 1,
     .max_inputs = 1,
     .n_outputs = 2,
     .needs_gradient_of = 1,
     .shape = pool_shape,
     .gradient = pool_gradient,
     .incremental = pool_incremental,
     .run = pool_run,
     .operations = pool_operations,
     PT__CASES(cases)},
    {.name = "pool_gradient",
     .flags = PT__OP_INTERNAL,
     .min_inputs = 1,
     .max_inputs = 2,
     .n_outputs = 1,
     .shape = gradient_shape,
     .run = gradient_run},
};

PT__OP_FAMILY(op_pool, ops)
