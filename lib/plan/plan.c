/* Making, binding and running plans. Called by train/. The order of making: copy what is needed of the graph, append
 * gradients, verify, find uses, fuse, assign and place storages, build the calls. What the backward pass shall make
 * again is chosen before the gradients. */
#include "plan/plan.h"

#include <limits.h>
#include <string.h>

#include "base/dtype.h"
#include "kernels/device.h"
#include "plan/layout.h"

/* Marks what is read, last nodes first: a node is live where one of its outputs is used or where it is a sink. */
static void find_uses(pt__plan_t *plan)
{
    const pt_graph_t *graph = plan->graph;
    for (int64_t i = 0; i < graph->n_tensors; i++) {
        plan->used[i] = plan->kept[i];
        plan->last_use[i] = plan->kept[i] ? INT32_MAX : -1;
    }
    for (int64_t i = graph->n_nodes; i-- > 0;) {
        const pt__node_t *node = &graph->nodes[i];
        if (node->op->flags & PT__OP_SINK)
            plan->used[node->outputs[0]] = 1;
        int32_t live = pt__layout_is_live(plan, node);
        for (int32_t k = 0; live && k < node->n_inputs; k++) {
            if (node->inputs[k] == PT_NO_TENSOR)
                continue;
            plan->used[node->inputs[k]] = 1;
            if (plan->last_use[node->inputs[k]] < i)
                plan->last_use[node->inputs[k]] = (int32_t)i;
        }
    }
}

/* Registers what changes from run to run: an input's address, a symbolic size. */
static pt_status_t add_operand(pt__plan_t *plan, pt_tensor_t tensor, pt__view_t *view)
{
    const pt__tensor_t *of = &plan->graph->tensors[tensor];
    const int32_t number = plan->storage_of[tensor]; /* an output that nobody reads has none, but a size */
    const pt__storage_t *storage = number >= 0 ? &plan->storages[number] : NULL;
    pt__operand_t operand = {.view = view,
                             .input = storage != NULL && storage->place == PT__PLACE_INPUT ? storage->index : -1,
                             .dimension = of->shape.dimension,
                             .multiplier = of->shape.rank > 0 ? of->shape.size[0] : 1};
    if (operand.input < 0 && operand.dimension == PT__DIMENSION_NONE)
        return PT_OK;
    PT__TRY(pt__grow(&plan->context->memory, &plan->operands, &plan->operand_capacity, plan->n_operands + 1,
                     sizeof *plan->operands, "plan"));
    plan->operands[plan->n_operands++] = operand;
    return PT_OK;
}

static pt_status_t build_call(pt__plan_t *plan, int64_t index)
{
    pt__step_t *step = &plan->steps[index];
    const pt__node_t *node = &plan->graph->nodes[step->node];
    pt__call_t *call = &plan->calls[index];
    *call = pt__layout_call(plan, node);
    for (int32_t k = 0; k < node->n_inputs; k++)
        if (node->inputs[k] != PT_NO_TENSOR)
            PT__TRY(add_operand(plan, node->inputs[k], &call->inputs[k]));
    for (int32_t k = 0; k < node->n_outputs; k++) {
        if (!plan->used[node->outputs[k]])
            call->outputs[k].data = NULL;
        PT__TRY(add_operand(plan, node->outputs[k], &call->outputs[k]));
    }
    plan->examines |= node->op->examine != NULL;
    int64_t bytes = node->op->scratch != NULL ? node->op->scratch(call) : 0;
    if (bytes > 0) {
        pt__storage_t scratch = {.place = PT__PLACE_ARENA,
                                 .first = step->node,
                                 .last = step->node,
                                 .bytes = pt__padded_bytes(bytes)};
        PT__TRY(pt__layout_add_storage(plan, &scratch, &step->scratch));
    }
    return PT_OK;
}

static pt_status_t allocate_tables(pt__plan_t *plan)
{
    pt__memory_t *memory = &plan->context->memory;
    size_t tensors = (size_t)plan->graph->n_tensors;
    PT__TRY(pt__allocate(memory, tensors, sizeof *plan->kept, "plan", &plan->kept));
    PT__TRY(pt__allocate(memory, tensors, sizeof *plan->used, "plan", &plan->used));
    PT__TRY(pt__allocate(memory, tensors, sizeof *plan->last_use, "plan", &plan->last_use));
    return pt__allocate(memory, tensors, sizeof *plan->storage_of, "plan", &plan->storage_of);
}

/* Sizes at capacity are multiplied without further checks from here on: together they stay far below what an int64_t
 * counts. */
static pt_status_t check_capacity(const pt__plan_t *plan)
{
    const double most = (double)((int64_t)1 << 48);
    double bytes = 0;
    for (int64_t i = PT_NO_TENSOR + 1; i < plan->graph->n_tensors; i++) {
        const pt__shape_t *shape = &plan->graph->tensors[i].shape;
        bytes += (double)pt__shape_elements(shape) * (double)plan->capacity[shape->dimension] * (double)sizeof(float);
    }
    if (bytes <= most)
        return PT_OK;
    return pt__fail(PT_ERR_MEMORY, "%lld samples with %lld rows at a time take %g bytes, more than any machine has",
                    (long long)plan->capacity[PT__DIMENSION_BATCH], (long long)plan->capacity[PT__DIMENSION_TOKENS],
                    bytes);
}

static pt_status_t append_gradients(pt__plan_t *plan, const pt_graph_t *graph, const pt__plan_options_t *options)
{
    pt__memory_t *memory = &plan->context->memory;
    int8_t *recomputed = NULL;
    pt__plan_t *kept = NULL; /* that keeps everything */
    pt_status_t status;
    if (options->recompute != PT_RECOMPUTE_NOTHING)
        PT__TRY_OUT(pt__allocate(memory, (size_t)plan->graph->n_tensors, 1, "plan", &recomputed));
    if (options->recompute == PT_RECOMPUTE_EVERYTHING)
        memset(recomputed, 1, (size_t)plan->graph->n_tensors);
    else if (recomputed != NULL && pt__layout_may_recompute(plan)) {
        pt__plan_options_t keeping = *options;
        keeping.recompute = PT_RECOMPUTE_NOTHING;
        PT__TRY_OUT(pt__plan_create(graph, &keeping, &kept));
        PT__TRY_OUT(pt__layout_recompute(kept, plan->graph->n_nodes, plan->graph->n_tensors, recomputed));
    }
    PT__TRY_OUT(pt__graph_append_gradients(plan->graph, options->wanted, recomputed, plan->reached));
out:
    pt__plan_free(kept);
    pt__release(memory, recomputed);
    return status;
}

static int64_t add_upload(pt__plan_t *plan, int64_t bytes)
{
    int64_t offset = plan->arena_bytes;
    plan->arena_bytes += pt__padded_bytes(bytes);
    return offset;
}

/* Behind all else in the arena. */
static pt_status_t place_uploads(pt__plan_t *plan)
{
    const pt_graph_t *graph = plan->graph;
    PT__TRY(pt__allocate(&plan->context->memory, (size_t)graph->n_inputs, sizeof *plan->input_offset, "plan",
                         &plan->input_offset));
    for (int64_t i = 0; i < graph->n_inputs; i++) {
        pt__view_t view = pt__layout_view(plan, graph->inputs[i].tensor);
        plan->input_offset[i] = pt__plan_reads_input(plan, i)
                                    ? add_upload(plan, pt__view_elements(&view) * (int64_t)pt__dtype_size(view.dtype))
                                    : -1;
    }
    for (int32_t i = 0; i < PT__DIMENSIONS; i++)
        plan->offsets_offset[i] = i > PT__DIMENSION_BATCH && plan->capacity[i] > 0
                                      ? add_upload(plan, (plan->capacity[PT__DIMENSION_BATCH] + 1) *
                                                             (int64_t)sizeof(int32_t))
                                      : -1;
    return PT_OK;
}

static pt_status_t make(pt__plan_t *plan, const pt_graph_t *graph, const pt__plan_options_t *options)
{
    pt__memory_t *memory = &plan->context->memory;
    int64_t before = memory->bytes;
    PT__TRY(pt__layout_select(plan, graph, options->kept, options->n_kept));
    if (options->training)
        PT__TRY(pt__layout_commute(plan, options, graph->n_tensors));
    pt__layout_mark_updates(plan, options);
    int64_t n_nodes = plan->graph->n_nodes; /* of the forward pass */
    PT__TRY(pt__allocate(memory, (size_t)graph->n_parameters, sizeof *plan->reached, "plan", &plan->reached));
    if (options->training)
        PT__TRY(append_gradients(plan, graph, options));
    PT__TRY(pt__layout_append_updates(plan, n_nodes));
    PT__TRY(pt__graph_verify(plan->graph));
    PT__TRY(check_capacity(plan));
    PT__TRY(allocate_tables(plan));
    for (int32_t i = 0; i < options->n_kept; i++)
        if (options->kept[i] != PT_NO_TENSOR)
            plan->kept[plan->map[options->kept[i]]] = 1;
    find_uses(plan);
    PT__TRY(pt__layout_fuse(plan));
    find_uses(plan);
    PT__TRY(pt__layout_assign(plan));
    PT__TRY(pt__layout_find_finished(plan));
    PT__TRY(pt__allocate(memory, (size_t)plan->n_steps, sizeof *plan->calls, "plan", &plan->calls));
    for (int64_t i = 0; i < plan->n_steps; i++)
        PT__TRY(build_call(plan, i));
    PT__TRY(pt__layout_place(plan));
    if (!plan->context->device->calls->shares_host_memory)
        PT__TRY(place_uploads(plan));
    plan->table_bytes = memory->bytes - before;
    return PT_OK;
}

pt_status_t pt__plan_create(const pt_graph_t *graph, const pt__plan_options_t *options, pt__plan_t **out)
{
    pt__plan_t *plan;
    *out = NULL;
    PT__TRY(pt__allocate(&graph->context->memory, 1, sizeof *plan, "plan", &plan));
    plan->context = pt__context_retain(graph->context);
    pt__rows_t capacity = options->capacity;
    pt__graph_complete_rows(graph, &capacity);
    memcpy(plan->capacity, capacity.count, sizeof plan->capacity);
    memcpy(plan->count, plan->capacity, sizeof plan->count);
    pt_status_t status = make(plan, graph, options);
    if (status == PT_OK)
        *out = plan;
    else
        pt__plan_free(plan);
    return status;
}

void pt__plan_free(pt__plan_t *plan)
{
    if (plan == NULL)
        return;
    pt_context_t *context = plan->context;
    pt__memory_t *memory = &context->memory;
    pt_graph_free(plan->graph);
    pt__release(memory, plan->map);
    pt__release(memory, plan->reached);
    pt__release(memory, plan->finished);
    pt__release(memory, plan->kept);
    pt__release(memory, plan->used);
    pt__release(memory, plan->last_use);
    pt__release(memory, plan->storage_of);
    pt__release(memory, plan->storages);
    pt__release(memory, plan->steps);
    pt__release(memory, plan->calls);
    pt__release(memory, plan->operands);
    pt__release(memory, plan->input_offset);
    pt__release(memory, plan);
    pt__context_release(context);
}

int64_t pt__plan_arena_bytes(const pt__plan_t *plan)
{
    return plan->arena_bytes;
}

int64_t pt__plan_table_bytes(const pt__plan_t *plan)
{
    return plan->table_bytes;
}

int32_t pt__plan_reads_input(const pt__plan_t *plan, int64_t input)
{
    return plan->used[plan->graph->inputs[input].tensor];
}

static void *address(const pt__plan_t *plan, int32_t storage, char *arena, float *const *values,
                     float *const *gradients, const void *const *constants)
{
    const pt__storage_t *at = &plan->storages[storage];
    switch (at->place) {
    case PT__PLACE_PARAMETER:
        return values[at->index];
    case PT__PLACE_CONSTANT:
        return (void *)(uintptr_t)constants[at->index]; /* read only by every op */
    case PT__PLACE_GRADIENT:
        return gradients[at->index];
    case PT__PLACE_ARENA:
        return arena + at->offset;
    default:
        return NULL; /* inputs: bound by each run */
    }
}

void pt__plan_bind(pt__plan_t *plan, void *arena, float *const *values, float *const *gradients,
                   const void *const *constants)
{
    plan->arena = arena;
    for (int64_t i = 0; i < plan->n_steps; i++) {
        const pt__node_t *node = &plan->graph->nodes[plan->steps[i].node];
        pt__call_t *call = &plan->calls[i];
        for (int32_t k = 0; k < node->n_inputs; k++)
            if (node->inputs[k] != PT_NO_TENSOR)
                call->inputs[k].data = address(plan, plan->storage_of[node->inputs[k]], arena, values, gradients,
                                               constants);
        for (int32_t k = 0; k < node->n_outputs; k++)
            call->outputs[k].data = plan->storage_of[node->outputs[k]] < 0
                                        ? NULL
                                        : address(plan, plan->storage_of[node->outputs[k]], arena, values, gradients,
                                                  constants);
        if (node->op->flags & PT__OP_SINK)
            call->outputs[0].data = (pt__layout_sink_place(node) == PT__PLACE_GRADIENT
                                         ? gradients
                                         : values)[pt__layout_sink_index(node)];
        call->scratch = plan->steps[i].scratch < 0 ? NULL
                                                   : address(plan, plan->steps[i].scratch, arena, values, gradients,
                                                             constants);
    }
}

static void set_accumulate(pt__plan_t *plan, int32_t accumulate)
{
    for (int64_t i = 0; i < plan->n_steps; i++)
        plan->calls[i].accumulate = plan->steps[i].always_accumulate |
                                    (accumulate ? plan->steps[i].first_accumulate : 0u);
    plan->accumulate = accumulate;
}

/* Brings a run's inputs and offsets into the arena, and has `there` name the offsets so. */
static pt_status_t upload(pt__plan_t *plan, const pt__run_t *run, const void *const *inputs, pt__run_t *there)
{
    char *arena = plan->arena;
    *there = *run;
    for (int64_t i = 0; i < plan->graph->n_inputs; i++) {
        const pt__tensor_t *tensor = &plan->graph->tensors[plan->graph->inputs[i].tensor];
        int32_t dimension = tensor->shape.dimension;
        int64_t elements = pt__shape_elements(&tensor->shape) *
                           (dimension == PT__DIMENSION_NONE ? 1 : run->count[dimension]);
        if (plan->input_offset[i] >= 0)
            PT__TRY(pt__device_upload(run->device, arena + plan->input_offset[i], inputs[i],
                                      elements * (int64_t)pt__dtype_size(tensor->dtype)));
    }
    for (int32_t i = 0; i < plan->graph->n_dimensions; i++) {
        if (run->offsets[i] == NULL || plan->offsets_offset[i] < 0)
            continue;
        there->offsets[i] = (const int32_t *)(const void *)(arena + plan->offsets_offset[i]);
        PT__TRY(pt__device_upload(run->device, arena + plan->offsets_offset[i], run->offsets[i],
                                  (run->count[PT__DIMENSION_BATCH] + 1) * (int64_t)sizeof(int32_t)));
    }
    return PT_OK;
}

static pt_status_t tell_finished(const pt__plan_t *plan, int64_t step, const pt__run_t *run)
{
    int32_t count;
    const int32_t *parameters = pt__plan_finished(plan, step, &count);
    for (int32_t i = 0; i < count; i++)
        PT__TRY(run->finished(run->finished_user, parameters[i]));
    return PT_OK;
}

static pt_status_t examine(const pt__plan_t *plan, const pt__run_t *run, const void *const *inputs)
{
    for (int64_t i = 0; i < plan->n_steps; i++) {
        const pt__node_t *node = &plan->graph->nodes[plan->steps[i].node];
        if (node->op->examine != NULL)
            PT__TRY(node->op->examine(plan->graph, node, run, inputs));
    }
    return PT_OK;
}

pt_status_t pt__plan_run(pt__plan_t *plan, const pt__run_t *run, const void *const *inputs)
{
    pt__run_t uploaded;
    if (plan->examines)
        PT__TRY(examine(plan, run, inputs));
    pt__layout_set_counts(plan, run->count);
    set_accumulate(plan, run->accumulate);
    for (int64_t i = 0; i < plan->n_operands; i++) {
        int32_t input = plan->operands[i].input;
        if (input < 0)
            continue;
        plan->operands[i].view->data = plan->input_offset != NULL ? (char *)plan->arena + plan->input_offset[input]
                                                                  : (void *)(uintptr_t)inputs[input]; /* only read */
    }
    if (plan->input_offset != NULL) {
        PT__TRY(upload(plan, run, inputs, &uploaded));
        run = &uploaded;
    }
    for (int64_t i = 0; i < plan->n_steps; i++) {
        plan->calls[i].op->run(&plan->calls[i], run);
        if (run->finished != NULL)
            PT__TRY(tell_finished(plan, i, run));
    }
    return PT_OK;
}

pt__kept_t pt__plan_read(const pt__plan_t *plan, pt_tensor_t tensor)
{
    tensor = plan->map[tensor];
    const pt__shape_t *shape = &plan->graph->tensors[tensor].shape;
    pt__kept_t kept = {.data = address(plan, plan->storage_of[tensor], plan->arena, NULL, NULL, NULL),
                       .elements = pt__shape_elements(shape)};
    if (shape->dimension != PT__DIMENSION_NONE)
        kept.elements *= plan->count[shape->dimension];
    return kept;
}
