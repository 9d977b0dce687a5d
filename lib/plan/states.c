/* States in a plan: which nodes update theirs, and the copies at the end of the run that write the new values back:
 * once for each node of the forward pass, so that nothing that is computed again touches a state, and last, so that
 * a run that breaks off has changed none. */
#include "graph/builder.h"
#include "plan/layout.h"

void pt__layout_mark_updates(pt__plan_t *plan, const pt__plan_options_t *options)
{
    const pt_graph_t *graph = plan->graph;
    for (int64_t i = 0; i < graph->n_nodes; i++) {
        pt__node_t *node = &graph->nodes[i];
        int32_t updates = options->updated != NULL;
        if (node->op->updates == 0)
            continue;
        for (int32_t k = 0; k < node->n_outputs && updates; k++)
            if (node->op->updated_input[k] > 0)
                updates = options->updated[graph->tensors[node->inputs[node->op->updated_input[k] - 1]].place];
        node->attributes.integers[node->op->updates - 1] = updates;
        plan->couples |= updates && (node->op->flags & PT__OP_COUPLES);
    }
}

pt_status_t pt__layout_append_updates(pt__plan_t *plan, int64_t n_nodes)
{
    pt_graph_t *graph = plan->graph;
    for (int64_t i = 0; i < n_nodes; i++) {
        pt__node_t node = graph->nodes[i]; /* a copy: appending moves the array */
        if (node.op->updates == 0 || !node.attributes.integers[node.op->updates - 1])
            continue;
        for (int32_t k = 0; k < node.n_outputs; k++) {
            if (node.op->updated_input[k] == 0)
                continue;
            int32_t state = graph->tensors[node.inputs[node.op->updated_input[k] - 1]].place;
            pt__attributes_t attributes = {.integers = {state}};
            pt__build_unary(graph, "update_state", node.outputs[k], &attributes);
        }
    }
    return graph->status;
}

/* Of the dimension in this run; of a derived one they are counted. */
static int64_t count_rows(const pt_graph_t *graph, int32_t dimension, const pt__rows_t *rows,
                          const int32_t *const *offsets)
{
    const pt__dimension_t *found = &graph->dimensions[dimension];
    if (dimension <= PT__DIMENSION_TOKENS || found->parent == PT__DIMENSION_NONE || found->is_chosen)
        return rows->count[dimension];
    return pt__graph_count_rows(graph, dimension, rows->count[PT__DIMENSION_BATCH], offsets, NULL);
}

pt_status_t pt__plan_check_rows(const pt__plan_t *plan, const pt__rows_t *rows, const int32_t *const *offsets)
{
    const pt_graph_t *graph = plan->graph;
    for (int64_t i = 0; plan->couples && i < graph->n_nodes; i++) {
        const pt__node_t *node = &graph->nodes[i];
        const pt__shape_t *shape = &graph->tensors[node->outputs[0]].shape;
        if (!(node->op->flags & PT__OP_COUPLES) || !node->attributes.integers[node->op->updates - 1])
            continue;
        if (pt__shape_rows(shape, 1) * count_rows(graph, shape->dimension, rows, offsets) < 2)
            return pt__fail(PT_ERR_SHAPE, "%s: one row of data while it learns its statistics, expected at least two",
                            node->op->name);
    }
    return PT_OK;
}
