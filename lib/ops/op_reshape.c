/* reshape: dst is src's memory under another shape: no kernel runs. float32 or int32.
 *
 *   One size may be -1: what is left. Where src's leading size is symbolic, dst's is: PT_DIM_... for one row a symbol,
 *   or -1 for as many rows as are left.
 *
 * Gradient: reshape of d_dst to src's shape. */
#include "ops/op_rules.h"

enum { RANK, SIZES }; /* integers: the shape as given */

pt_tensor_t pt_reshape(pt_graph_t *graph, pt_tensor_t src, int32_t rank, const int64_t *shape)
{
    pt__attributes_t attributes = {.integers = {[RANK] = rank}};
    for (int32_t i = 0; i < rank && i < PT_MAX_RANK && shape != NULL; i++)
        attributes.integers[SIZES + i] = shape[i];
    return pt__build_unary(graph, "reshape", src, &attributes);
}

pt_tensor_t pt__reshape_to(pt_graph_t *graph, pt_tensor_t tensor, const pt__shape_t *shape)
{
    int64_t size[PT_MAX_RANK] = {0};
    for (int32_t i = 0; i < shape->rank; i++)
        size[i] = shape->size[i];
    if (shape->dimension != PT__DIMENSION_NONE)
        size[0] = -1;
    return pt_reshape(graph, tensor, shape->rank, size);
}

/* Takes a symbolic leading size out of the given sizes: 1 where it is one row of the dimension; -1 stays, what is
 * left. */
static pt_status_t take_dimension(const pt_graph_t *graph, const pt__node_t *node, const pt__shape_t *src,
                                  pt__shape_t *dst)
{
    int64_t code = pt__dimension_code(src->dimension);
    char name[64];
    if (dst->rank == 0 || (dst->size[0] != -1 && dst->size[0] != code)) {
        pt__dimension_print(graph, src->dimension, name, sizeof name);
        return pt__refuse(graph, node, 0, "src", "a shape whose leading size stays %s or -1", name);
    }
    dst->dimension = src->dimension;
    dst->size[0] = dst->size[0] == code ? 1 : -1;
    return PT_OK;
}

static pt_status_t reshape_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    int64_t rank = node->attributes.integers[RANK];
    const pt__tensor_t *input = pt__input_of(graph, node, 0);
    const pt__shape_t *src = &input->shape;
    if (rank < 0 || rank > PT_MAX_RANK)
        return pt__refuse_attribute(node, "rank %lld, expected 0 to %d", (long long)rank, PT_MAX_RANK);
    pt__shape_t dst = pt__shape_make(PT__DIMENSION_NONE, (int32_t)rank, node->attributes.integers + SIZES);
    if (src->dimension != PT__DIMENSION_NONE)
        PT__TRY(take_dimension(graph, node, src, &dst));
    int64_t elements = pt__shape_elements(src), known = 1;
    int32_t left = -1;
    for (int32_t i = 0; i < dst.rank; i++) {
        if (dst.size[i] == -1 && left < 0)
            left = i;
        else if (dst.size[i] < 1 || dst.size[i] > elements / known)
            return pt__refuse(
                graph, node, 0, "src",
                "a shape of as many elements, at most one size being -1; size %lld of dimension %d does not fit",
                (long long)node->attributes.integers[SIZES + i], (int)i);
        else
            known *= dst.size[i];
    }
    if (left >= 0 ? elements % known != 0 : elements != known)
        return pt__refuse(graph, node, 0, "src", "%s%lld elements%s", left >= 0 ? "a multiple of " : "",
                          (long long)known, dst.dimension != PT__DIMENSION_NONE ? " a symbol" : "");
    if (left >= 0)
        dst.size[left] = elements / known;
    outputs[0].shape = dst;
    outputs[0].dtype = input->dtype;
    return PT_OK;
}

static pt_status_t reshape_gradient(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *d_outputs,
                                    const int32_t *wanted, pt_tensor_t *d_inputs)
{
    (void)wanted;
    pt__shape_t shape = pt__input_of(graph, node, 0)->shape;
    d_inputs[0] = pt__reshape_to(graph, d_outputs[0], &shape);
    return graph->status;
}

/* For a plan that cannot lay both over each other. */
static void reshape_run(const pt__call_t *call, const pt__run_t *run)
{
    if (call->outputs[0].data != call->inputs[0].data)
        pt__copy_elements(run, pt__view_elements(&call->outputs[0]), call->inputs[0].data, call->outputs[0].data, 0);
}

static double reshape_operations(const pt__call_t *call)
{
    (void)call;
    return 0;
}

static const pt__case_t cases[] = {
    {"f[T,6]", {.integers = {3, PT_DIM_TOKENS, 2, 3}}},
    {"f[T,6]", {.integers = {2, -1, 3}}},
    {"f[2T,6]", {.integers = {2, PT_DIM_TOKENS, -1}}},
    {"f[B,3,4]", {.integers = {2, -1, 4}}},
    {"f[B,3,4]", {.integers = {2, PT_DIM_BATCH, -1}}},
    {"f[B,3,4]", {.integers = {2, PT_DIM_BATCH, 12}}},
    {"f[2,3,4]", {.integers = {2, 6, -1}}},
    {"f[5]", {.integers = {3, 1, 5, 1}}},
    {"f[1]", {.integers = {0}}},
};

static const pt__op_t ops[] = {
    {.name = "reshape",
     .flags = PT__OP_ALIAS,
     .min_inputs = 1,
     .max_inputs = 1,
     .n_outputs = 1,
     .in_place = 1,
     .needs_gradient_of = 1,
     .shape = reshape_shape,
     .gradient = reshape_gradient,
     .run = reshape_run,
     .operations = reshape_operations,
     PT__CASES(cases)},
};

PT__OP_FAMILY(op_reshape, ops)
