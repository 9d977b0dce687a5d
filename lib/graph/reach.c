/* Walks from tensors back to what they are computed from. */
#include "graph/op.h"

/* Marks everything that `marked` tensors are computed from; with `gradients`, only where gradients pass. */
static void walk_back(const pt_graph_t *graph, int8_t *marked, int32_t gradients)
{
    for (int64_t i = graph->n_nodes; i-- > 0;) {
        const pt__node_t *node = &graph->nodes[i];
        int32_t live = 0;
        for (int32_t k = 0; k < node->n_outputs; k++)
            live |= marked[node->outputs[k]] && (!gradients || graph->tensors[node->outputs[k]].differentiable);
        if (!live)
            continue;
        for (int32_t k = 0; k < node->n_inputs; k++)
            if (node->inputs[k] != PT_NO_TENSOR && (!gradients || (node->op->needs_gradient_of >> k & 1u)))
                marked[node->inputs[k]] = 1;
    }
}

pt_status_t pt__graph_find_learnables(const pt_graph_t *graph, const int32_t *wanted, int32_t *found)
{
    int8_t *marked;
    PT__TRY(pt__allocate(&graph->context->memory, (size_t)graph->n_tensors, 1, "graph walk", &marked));
    if (graph->loss != PT_NO_TENSOR)
        marked[graph->loss] = 1;
    walk_back(graph, marked, 1);
    for (int64_t i = 0; i < graph->n_parameters; i++)
        found[i] = wanted[i] && marked[graph->parameters[i].tensor];
    pt__release(&graph->context->memory, marked);
    return PT_OK;
}

pt_status_t pt__graph_find_inputs(const pt_graph_t *graph, const pt_tensor_t *tensors, int32_t count, int8_t *read)
{
    int8_t *marked;
    PT__TRY(pt__allocate(&graph->context->memory, (size_t)graph->n_tensors, 1, "graph walk", &marked));
    for (int32_t i = 0; i < count; i++)
        if (tensors[i] != PT_NO_TENSOR)
            marked[tensors[i]] = 1;
    walk_back(graph, marked, 0);
    for (int64_t i = 0; i < graph->n_inputs; i++)
        read[i] = marked[graph->inputs[i].tensor];
    pt__release(&graph->context->memory, marked);
    return PT_OK;
}
