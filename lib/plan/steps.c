/* What everything in plan/ asks of nodes and steps: which nodes live, the calls that they become, what these cost. */
#include <string.h>

#include "base/dtype.h"
#include "plan/layout.h"

pt_tensor_t pt__graph_loss_weight(const pt_graph_t *graph)
{
    const pt__node_t *root = pt__graph_producer(graph, graph->loss);
    if (root == NULL || !(root->op->flags & PT__OP_LOSS) || root->outputs[0] != graph->loss)
        return PT_NO_TENSOR;
    return root->outputs[1];
}

int32_t pt__layout_is_live(const pt__plan_t *plan, const pt__node_t *node)
{
    int32_t live = 0;
    for (int32_t k = 0; k < node->n_outputs; k++)
        live |= plan->used[node->outputs[k]];
    return live;
}

int64_t pt__layout_elements(const pt__plan_t *plan, const pt__shape_t *shape)
{
    return pt__shape_elements(shape) * (shape->dimension == PT__DIMENSION_NONE ? 1 : plan->capacity[shape->dimension]);
}

pt__view_t pt__layout_view(const pt__plan_t *plan, pt_tensor_t tensor)
{
    const pt__tensor_t *of = &plan->graph->tensors[tensor];
    pt__view_t view = {.dtype = of->dtype, .rank = of->shape.rank, .dimension = of->shape.dimension};
    for (int32_t i = 0; i < view.rank; i++)
        view.size[i] = of->shape.size[i];
    if (of->shape.dimension != PT__DIMENSION_NONE)
        view.size[0] *= plan->capacity[of->shape.dimension];
    return view;
}

pt__call_t pt__layout_call(const pt__plan_t *plan, const pt__node_t *node)
{
    void *anything = (void *)(uintptr_t)plan; /* not NULL: scratch sizes and costs depend on which operands there are */
    pt__call_t call = {
        .op = node->op, .attributes = &node->attributes, .n_inputs = node->n_inputs, .n_outputs = node->n_outputs};
    for (int32_t k = 0; k < node->n_inputs; k++) {
        if (node->inputs[k] == PT_NO_TENSOR)
            continue;
        call.inputs[k] = pt__layout_view(plan, node->inputs[k]);
        call.inputs[k].data = anything;
    }
    for (int32_t k = 0; k < node->n_outputs; k++) {
        call.outputs[k] = pt__layout_view(plan, node->outputs[k]);
        call.outputs[k].data = anything;
    }
    return call;
}

void pt__layout_set_counts(pt__plan_t *plan, const int64_t *count)
{
    int32_t changed = 0;
    for (int32_t i = 0; i < plan->graph->n_dimensions; i++) {
        changed |= plan->count[i] != count[i];
        plan->count[i] = count[i];
    }
    if (!changed)
        return;
    for (int64_t i = 0; i < plan->n_operands; i++)
        if (plan->operands[i].dimension != PT__DIMENSION_NONE)
            plan->operands[i].view->size[0] = plan->operands[i].multiplier * count[plan->operands[i].dimension];
}

double pt__layout_operations(const pt__call_t *call)
{
    return call->op->operations != NULL ? call->op->operations(call) : (double)pt__view_elements(&call->outputs[0]);
}

int64_t pt__layout_bytes(const pt__call_t *call)
{
    int64_t bytes = 0;
    for (int32_t k = 0; k < call->n_inputs + call->n_outputs; k++) {
        const pt__view_t *view = k < call->n_inputs ? &call->inputs[k] : &call->outputs[k - call->n_inputs];
        if (view->data != NULL)
            bytes += pt__dtype_bytes(view->dtype, pt__view_elements(view));
    }
    return bytes;
}

double pt__plan_operations(pt__plan_t *plan, const pt__rows_t *rows)
{
    double operations = 0;
    pt__rows_t all = *rows;
    pt__graph_complete_rows(plan->graph, &all);
    pt__layout_set_counts(plan, all.count);
    for (int64_t i = 0; i < plan->n_steps; i++)
        operations += pt__layout_operations(&plan->calls[i]);
    return operations;
}
