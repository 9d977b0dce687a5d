/* positions: dst[t] = t - offset[s] + past[s] for the rows t of sample s     like [T, ...], past int32 [B] -> int32 [T]
 *
 * past, which only graphs of runs that go on have (graph/incremental.c), counts the rows of earlier runs; else 0.
 * A sample with more than `limit` rows is refused before a step, so that every value is below the limit: it may index
 * a table of that many rows. Nothing of `like` but its leading size is read. No gradient. */
#include "ops/op_rules.h"

enum { LIMIT };
enum { LIKE, PAST }; /* inputs */

pt_tensor_t pt_positions(pt_graph_t *graph, pt_tensor_t like, int64_t limit)
{
    pt__attributes_t attributes = {.integers = {[LIMIT] = limit}};
    pt_tensor_t positions = pt__build_unary(graph, "positions", like, &attributes);
    if (positions != PT_NO_TENSOR)
        pt__graph_limit_length(graph, graph->tensors[positions].shape.dimension, limit);
    return positions;
}

static pt_status_t positions_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    int64_t limit = node->attributes.integers[LIMIT];
    const pt__shape_t *like = &pt__input_of(graph, node, 0)->shape;
    if (limit < 1 || limit > INT32_MAX)
        return pt__refuse_attribute(node, "limit %lld, expected 1 to %d", (long long)limit, INT32_MAX);
    if (!pt__shape_is_ragged(like) || graph->dimensions[like->dimension].parent != PT__DIMENSION_NONE ||
        like->size[0] != 1)
        return pt__refuse(graph, node, 0, "like",
                          "[PT_DIM_TOKENS, ...], or another dimension whose rows come with data");
    outputs[0].dtype = PT_INT32;
    outputs[0].shape = pt__shape_make(like->dimension, 1, (int64_t[]){1});
    outputs[0].index_limit = limit;
    return PT_OK;
}

static pt_tensor_t positions_incremental(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *inputs,
                                         pt__increment_t *increment)
{
    if (graph->tensors[inputs[LIKE]].shape.dimension != PT__DIMENSION_TOKENS)
        return PT_NO_TENSOR;
    return pt__build_binary(graph, "positions", inputs[LIKE], increment->past, &node->attributes);
}

static void positions_run(const pt__call_t *call, const pt__run_t *run)
{
    const int32_t *past = call->n_inputs > PAST ? call->inputs[PAST].data : NULL;
    pt__kernels_of(run)->positions(run->device, run->count[PT__DIMENSION_BATCH],
                                   run->offsets[call->outputs[0].dimension], past, call->outputs[0].data);
}

static const pt__case_t positions_cases[] = {
    {"f[T,2]", {.integers = {64}}},
    {"i5[T]", {.integers = {64}}},
};

static const pt__op_t ops[] = {
    {.name = "positions",
     .min_inputs = 1,
     .max_inputs = 2,
     .n_outputs = 1,
     .shape = positions_shape,
     .incremental = positions_incremental,
     .run = positions_run,
     PT__CASES(positions_cases)},
};

PT__OP_FAMILY(op_positions, ops)
