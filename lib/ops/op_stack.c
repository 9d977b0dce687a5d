/* stack_rows: every `count` neighbouring rows of a sample side by side in one row
 *
 *   src [R, C...], R a dimension of rows -> dst [R', count·C]; a sample of L rows has ceil(L / count), the last one
 *   filled up with zeros (the lowered frame rate of Sak 2015). R' is derived from R: (L + count - 1) / count.
 *
 * A sample's elements lie in the same order before and after, so this is one copy a sample. Gradient
 * (stack_rows_gradient): the same copy back, without what was filled up. */
#include "ops/op_rules.h"

enum { COUNT, SHAPE }; /* integers; SHAPE: stack_rows_gradient's, of src */

pt_tensor_t pt_stack_rows(pt_graph_t *graph, pt_tensor_t src, int64_t count)
{
    pt__attributes_t attributes = {.integers = {[COUNT] = count}};
    return pt__build_unary(graph, "stack_rows", src, &attributes);
}

static pt_status_t stack_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    int64_t count = node->attributes.integers[COUNT], columns = 1;
    PT__TRY(pt__expect_float(graph, node, 0, "src", 1, PT_MAX_RANK));
    const pt__shape_t *src = &pt__input_of(graph, node, 0)->shape;
    if (count < 1 || count > INT32_MAX)
        return pt__refuse_attribute(node, "count %lld, expected 1 to %d rows", (long long)count, INT32_MAX);
    if (!pt__shape_is_ragged(src) || src->size[0] != 1)
        return pt__refuse(graph, node, 0, "src", "[PT_DIM_TOKENS, ...], or another dimension of rows");
    for (int32_t i = 1; i < src->rank; i++)
        columns *= src->size[i];
    if (columns > INT64_MAX / 64 / count)
        return pt__refuse_attribute(node, "count %lld, rows of %lld elements become too long", (long long)count,
                                    (long long)columns);
    outputs[0].shape = pt__shape_make(src->dimension, 2, (int64_t[]){1, count * columns});
    return PT_OK;
}

static pt__stride_t stack_stride(const pt__node_t *node)
{
    int64_t count = node->attributes.integers[COUNT];
    return (pt__stride_t){.add = count - 1, .divide = count};
}

static pt_status_t stack_gradient(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *d_outputs,
                                  const int32_t *wanted, pt_tensor_t *d_inputs)
{
    (void)wanted;
    pt__attributes_t attributes = {.integers = {[COUNT] = node->attributes.integers[COUNT]}};
    pt__attributes_put_shape(&attributes, SHAPE, &pt__input_of(graph, node, 0)->shape);
    d_inputs[0] = pt__build_unary(graph, "stack_rows_gradient", d_outputs[0], &attributes);
    return graph->status;
}

/* Both ways: from the samples' rows in one dimension to those in the other. */
static void stack_run(const pt__call_t *call, const pt__run_t *run)
{
    const pt__view_t *src = &call->inputs[0], *dst = &call->outputs[0];
    pt__segments_t from = {run->offsets[src->dimension], pt__row_size(src)},
                   to = {run->offsets[dst->dimension], pt__row_size(dst)};
    pt__kernels_of(run)->segment_copy(run->device, run->count[PT__DIMENSION_BATCH], &from, &to, src->data, dst->data);
}

static pt_status_t gradient_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    (void)graph;
    outputs[0].shape = pt__attributes_get_shape(&node->attributes, SHAPE);
    return PT_OK;
}

static double no_operations(const pt__call_t *call)
{
    (void)call;
    return 0;
}

static const pt__case_t cases[] = {
    {"f[T,5]", {.integers = {2}}},
    {"f[T,2,3]", {.integers = {4}}},
    {"f[T]", {.integers = {3}}},
    {"f[T,33]", {.integers = {1}}},
    {"f[T,7]", {.integers = {50}}},
};

static const pt__op_t ops[] = {
    {.name = "stack_rows",
     .min_inputs = 1,
     .max_inputs = 1,
     .n_outputs = 1,
     .needs_gradient_of = 1,
     .shape = stack_shape,
     .stride = stack_stride,
     .gradient = stack_gradient,
     .run = stack_run,
     .operations = no_operations,
     PT__CASES(cases)},
    {.name = "stack_rows_gradient",
     .flags = PT__OP_INTERNAL,
     .min_inputs = 1,
     .max_inputs = 1,
     .n_outputs = 1,
     .shape = gradient_shape,
     .run = stack_run,
     .operations = no_operations},
};

PT__OP_FAMILY(op_stack, ops)
