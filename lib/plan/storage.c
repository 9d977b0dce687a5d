/* Which tensors share memory. Nodes are visited in order, and each used output gets
 *   - the memory of its input, where the op is a view;
 *   - a parameter's gradient memory, where it is a contribution to it that its op can add up in place;
 *   - the memory of an input that is read here for the last time, where the op may work in place;
 *   - else a storage of its own in the arena, occupied from this step to its last use. */
#include <limits.h>
#include <stdint.h>

#include "base/dtype.h"
#include "plan/layout.h"

pt_status_t pt__layout_add_storage(pt__plan_t *plan, const pt__storage_t *storage, int32_t *index)
{
    PT__TRY(pt__grow(&plan->context->memory, &plan->storages, &plan->storage_capacity, plan->n_storages + 1,
                     sizeof *plan->storages, "plan"));
    *index = (int32_t)plan->n_storages++;
    plan->storages[*index] = *storage;
    return PT_OK;
}

static int64_t tensor_bytes(const pt__plan_t *plan, pt_tensor_t tensor)
{
    const pt__tensor_t *of = &plan->graph->tensors[tensor];
    return pt__layout_elements(plan, &of->shape) * (int64_t)pt__dtype_size(of->dtype);
}

/* The only live reader of a contribution, where that is a sink; -1 otherwise. */
static int32_t find_sink(const pt__plan_t *plan, pt_tensor_t tensor, int64_t after)
{
    const pt_graph_t *graph = plan->graph;
    int32_t sink = -1;
    for (int64_t i = after; i < graph->n_nodes; i++) {
        const pt__node_t *node = &graph->nodes[i];
        for (int32_t k = 0; k < node->n_inputs; k++) {
            if (node->inputs[k] != tensor || !pt__layout_is_live(plan, node))
                continue;
            if (sink >= 0 || !(node->op->flags & PT__OP_SINK) || pt__layout_sink_place(node) != PT__PLACE_GRADIENT)
                return -1;
            sink = (int32_t)i;
        }
        if (sink >= 0 && plan->last_use[tensor] == sink)
            return sink;
    }
    return sink;
}

/* An input whose memory output 0 can take over, or -1. */
static int32_t find_in_place(const pt__plan_t *plan, int64_t index)
{
    const pt__node_t *node = &plan->graph->nodes[index];
    for (int32_t k = 0; k < node->n_inputs; k++) {
        if (!(node->op->in_place >> k & 1u) || node->inputs[k] == PT_NO_TENSOR)
            continue;
        int32_t storage = plan->storage_of[node->inputs[k]];
        if (plan->storages[storage].place != PT__PLACE_ARENA || plan->storages[storage].last != index)
            continue;
        if (tensor_bytes(plan, node->inputs[k]) != tensor_bytes(plan, node->outputs[0]))
            continue;
        int32_t readers = 0;
        for (int32_t other = 0; other < node->n_inputs; other++)
            readers += node->inputs[other] != PT_NO_TENSOR && plan->storage_of[node->inputs[other]] == storage;
        if (readers == 1)
            return storage;
    }
    return -1;
}

/* Last uses are those of a storage: a view or a result in place lengthens what it lies in. */
static void occupy(pt__plan_t *plan, int32_t storage, pt_tensor_t tensor)
{
    plan->storage_of[tensor] = storage;
    if (plan->last_use[tensor] > plan->storages[storage].last)
        plan->storages[storage].last = plan->last_use[tensor];
}

/* The last use of a tensor through all views of it. Views come after what they view, so one backward pass settles
 * it; it is done before storages are assigned, because whether an op may work in place depends on it. */
static void extend_through_views(pt__plan_t *plan)
{
    const pt_graph_t *graph = plan->graph;
    for (int64_t i = graph->n_nodes; i-- > 0;) {
        const pt__node_t *node = &graph->nodes[i];
        if (!(node->op->flags & PT__OP_ALIAS) || !plan->used[node->outputs[0]])
            continue;
        if (plan->last_use[node->outputs[0]] > plan->last_use[node->inputs[0]])
            plan->last_use[node->inputs[0]] = plan->last_use[node->outputs[0]];
    }
}

static pt_status_t assign_outputs(pt__plan_t *plan, int64_t index, int8_t *dropped)
{
    const pt__node_t *node = &plan->graph->nodes[index];
    for (int32_t k = 0; k < node->n_outputs; k++) {
        pt_tensor_t output = node->outputs[k];
        int32_t storage = -1, sink = -1;
        if (!plan->used[output] || (node->op->flags & PT__OP_SINK))
            continue;
        if (node->op->flags & PT__OP_ALIAS) {
            occupy(plan, plan->storage_of[node->inputs[0]], output);
            continue;
        }
        if ((node->op->accumulates >> k & 1u) && (sink = find_sink(plan, output, index + 1)) >= 0) {
            pt__storage_t gradient = {.place = PT__PLACE_GRADIENT,
                                      .index = pt__layout_sink_index(&plan->graph->nodes[sink])};
            dropped[sink] = 1;
            PT__TRY(pt__layout_add_storage(plan, &gradient, &plan->storage_of[output]));
            continue;
        }
        if (k == 0 && (storage = find_in_place(plan, index)) >= 0) {
            occupy(plan, storage, output);
            continue;
        }
        int64_t bytes = tensor_bytes(plan, output);
        pt__storage_t own = {.place = PT__PLACE_ARENA,
                             .first = (int32_t)index,
                             .last = (int32_t)index,
                             .bytes = pt__padded_bytes(bytes)};
        PT__TRY(pt__layout_add_storage(plan, &own, &storage));
        occupy(plan, storage, output);
    }
    return PT_OK;
}

/* Inputs, parameters and constants have their places before any step. */
static pt_status_t assign_givens(pt__plan_t *plan)
{
    plan->storage_of[PT_NO_TENSOR] = -1;
    for (pt_tensor_t i = PT_NO_TENSOR + 1; i < plan->graph->n_tensors; i++) {
        static const pt__place_t places[] = {[PT__KIND_INPUT] = PT__PLACE_INPUT,
                                             [PT__KIND_PARAMETER] = PT__PLACE_PARAMETER,
                                             [PT__KIND_CONSTANT] = PT__PLACE_CONSTANT};
        const pt__tensor_t *tensor = &plan->graph->tensors[i];
        plan->storage_of[i] = -1;
        if (tensor->kind == PT__KIND_RESULT)
            continue;
        pt__storage_t given = {.place = places[tensor->kind], .index = tensor->place};
        PT__TRY(pt__layout_add_storage(plan, &given, &plan->storage_of[i]));
    }
    return PT_OK;
}

int32_t pt__layout_gradient_of(const pt__plan_t *plan, const pt__node_t *node, int32_t k)
{
    int32_t storage = plan->storage_of[node->outputs[k]];
    if (node->op->flags & PT__OP_SINK)
        return pt__layout_sink_place(node) == PT__PLACE_GRADIENT ? pt__layout_sink_index(node) : -1;
    return storage >= 0 && plan->storages[storage].place == PT__PLACE_GRADIENT ? plan->storages[storage].index : -1;
}

/* A step for a node, with its scratch and with the bits that say which outputs add to a parameter's gradient. */
static pt_status_t add_step(pt__plan_t *plan, int64_t index, int8_t *started)
{
    const pt__node_t *node = &plan->graph->nodes[index];
    pt__step_t *step = &plan->steps[plan->n_steps++];
    *step = (pt__step_t){.node = (int32_t)index, .scratch = -1};
    for (int32_t k = 0; k < node->n_outputs; k++) {
        int32_t parameter = pt__layout_gradient_of(plan, node, k);
        if (parameter < 0)
            continue;
        *(started[parameter] ? &step->always_accumulate : &step->first_accumulate) |= 1u << k;
        started[parameter] = 1;
    }
    return PT_OK;
}

pt_status_t pt__layout_assign(pt__plan_t *plan)
{
    const pt_graph_t *graph = plan->graph;
    pt__memory_t *memory = &plan->context->memory;
    int8_t *dropped = NULL, *started = NULL;
    pt_status_t status;
    PT__TRY_OUT(pt__allocate(memory, (size_t)graph->n_nodes, 1, "plan", &dropped));
    PT__TRY_OUT(pt__allocate(memory, (size_t)graph->n_parameters, 1, "plan", &started));
    PT__TRY_OUT(pt__allocate(memory, (size_t)graph->n_nodes, sizeof *plan->steps, "plan", &plan->steps));
    PT__TRY_OUT(assign_givens(plan));
    extend_through_views(plan);
    for (int64_t i = 0; i < graph->n_nodes; i++) {
        const pt__node_t *node = &graph->nodes[i];
        if (!pt__layout_is_live(plan, node) || dropped[i])
            continue;
        PT__TRY_OUT(assign_outputs(plan, i, dropped));
        if (!(node->op->flags & PT__OP_ALIAS))
            PT__TRY_OUT(add_step(plan, i, started));
    }
out:
    pt__release(memory, dropped);
    pt__release(memory, started);
    return status;
}
