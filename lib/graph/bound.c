/* Bounds of indices: an int32 tensor that picks rows must stay below their number. Data is checked before a step, by
 * the bounds that an input has gathered here; constants, and what a node computes, must be known to stay below. */
#include "base/dtype.h"
#include "graph/builder.h"

static int32_t constant_stays_below(const pt_graph_t *graph, const pt__tensor_t *constant, int64_t limit,
                                    int32_t ignore)
{
    const int32_t *values = graph->constants[constant->place].held.values;
    int64_t elements = pt__shape_elements(&constant->shape);
    for (int64_t i = 0; i < elements; i++)
        if ((values[i] < 0 || values[i] >= limit) && (values[i] != ignore || ignore == INT32_MIN))
            return 0;
    return 1;
}

/* Whether every value that the tensor can have is checked as data, or known to be below the limit. */
static int32_t stays_below(const pt_graph_t *graph, pt_tensor_t tensor, int64_t limit, int32_t ignore)
{
    const pt__tensor_t *found = pt__graph_tensor(graph, tensor);
    const pt__node_t *producer = pt__graph_producer(graph, tensor);
    if (found->kind == PT__KIND_CONSTANT)
        return constant_stays_below(graph, found, limit, ignore);
    if (producer == NULL)
        return 1;
    if (!(producer->op->flags & (PT__OP_ALIAS | PT__OP_MOVES)))
        return found->index_limit > 0 && found->index_limit <= limit;
    for (int32_t i = 0; i < producer->n_inputs; i++)
        if (!stays_below(graph, producer->inputs[i], limit, ignore))
            return 0;
    return 1;
}

/* What input k indexes; limit 0 where it is no index, or not there. */
static pt__index_t index_of(const pt_graph_t *graph, const pt__node_t *node, int32_t k)
{
    const pt__tensor_t *found = pt__graph_tensor(graph, node->inputs[k]);
    if (node->op->index == NULL || found == NULL || found->dtype != PT_INT32)
        return (pt__index_t){.limit = 0};
    return node->op->index(graph, node, k);
}

pt_status_t pt__graph_check_indices(const pt_graph_t *graph, const pt__node_t *node)
{
    for (int32_t k = 0; k < node->n_inputs; k++) {
        pt__index_t index = index_of(graph, node, k);
        char shape[96];
        if (index.limit == 0 || stays_below(graph, node->inputs[k], index.limit, index.ignore))
            continue;
        const pt__tensor_t *found = pt__graph_tensor(graph, node->inputs[k]);
        return pt__fail(PT_ERR_SHAPE, "%s: %s is %s, expected values that stay below %lld", node->op->name, index.role,
                        pt__shape_print(&found->shape, found->dtype, shape, sizeof shape), (long long)index.limit);
    }
    return PT_OK;
}

/* The tighter limit wins. A moved index is the same value: the bound belongs to the input that data fills. */
void pt__graph_bound(pt_graph_t *graph, pt_tensor_t tensor, const pt__index_t *index)
{
    pt__tensor_t *found = pt__graph_tensor(graph, tensor);
    const pt__node_t *producer = pt__graph_producer(graph, tensor);
    /* What one op ignores another may index with: only a value that all ignore passes. */
    if (found->index_limit == 0)
        found->index_ignore = index->ignore;
    else if (found->index_ignore != index->ignore)
        found->index_ignore = INT32_MIN;
    if (found->index_limit == 0 || index->limit < found->index_limit)
        found->index_limit = index->limit;
    if (producer == NULL || !(producer->op->flags & (PT__OP_ALIAS | PT__OP_MOVES)))
        return;
    for (int32_t i = 0; i < producer->n_inputs; i++)
        pt__graph_bound(graph, producer->inputs[i], index);
}

void pt__graph_bound_indices(pt_graph_t *graph, const pt__node_t *node)
{
    for (int32_t k = 0; k < node->n_inputs; k++) {
        pt__index_t index = index_of(graph, node, k);
        if (index.limit > 0)
            pt__graph_bound(graph, node->inputs[k], &index);
    }
}
