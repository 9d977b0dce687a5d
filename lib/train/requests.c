/* Which fields a mode reads: those that its targets need, and what a task makes of others where the data lack them. */
#include <string.h>

#include "train/model.h"

void pt__requests_targets(const pt_model_t *model, pt__mode_t mode, pt_tensor_t tensor, pt__targets_t *targets)
{
    const pt_graph_t *graph = model->graph;
    targets->count = 0;
    if (mode == PT__MODE_OUTPUT) {
        targets->list[targets->count++] = tensor;
        return;
    }
    targets->list[targets->count++] = graph->loss;
    targets->list[targets->count++] = pt__graph_loss_weight(graph);
    for (int32_t i = 0; mode == PT__MODE_EVALUATE && i < graph->n_metrics; i++) {
        targets->list[targets->count++] = graph->metrics[i].value;
        targets->list[targets->count++] = graph->metrics[i].target;
    }
}

pt_status_t pt__requests_describe(const pt_graph_t *graph, int64_t index, pt__request_t *request)
{
    const pt__tensor_t *tensor = &graph->tensors[graph->inputs[index].tensor];
    char *name;
    *request = (pt__request_t){.dtype = tensor->dtype,
                               .dimension = tensor->shape.dimension,
                               .index_limit = tensor->index_limit,
                               .index_ignore = tensor->index_ignore,
                               .may_be_empty = graph->dimensions[tensor->shape.dimension].may_be_empty};
    if (tensor->shape.dimension != PT__DIMENSION_BATCH)
        request->shape[request->rank++] = PT_DIM_TOKENS;
    for (int32_t i = 1; i < tensor->shape.rank; i++)
        request->shape[request->rank++] = tensor->shape.size[i];
    PT__TRY(pt__string_copy(&graph->context->memory, graph->inputs[index].name, &name));
    request->name = name;
    return PT_OK;
}

void pt__requests_release(pt__memory_t *memory, pt__requests_t *requests)
{
    for (int32_t i = 0; i < requests->count; i++)
        pt__release(memory, (void *)(uintptr_t)requests->list[i].name);
    pt__release(memory, requests->list);
    pt__release(memory, requests->input);
    *requests = (pt__requests_t){0};
}

const pt__derived_t *pt__requests_derived(const pt_model_t *model, int32_t index)
{
    const int32_t of_task = model->task_kind == NULL ? 0 : model->task_kind->n_derived;
    const int32_t of_family = model->family == NULL ? 0 : model->family->n_derived;
    if (index < of_task)
        return &model->task_kind->derived[index];
    return index < of_task + of_family ? &model->family->derived[index - of_task] : NULL;
}

uint32_t pt__requests_lacking(const pt_model_t *model, pt__mode_t mode)
{
    const pt__derived_t *derived;
    uint32_t lacking = 0;
    for (int32_t i = 0; (derived = pt__requests_derived(model, i)) != NULL; i++)
        if ((mode != PT__MODE_OUTPUT || derived->for_outputs) &&
            (mode == PT__MODE_TRAIN || !derived->in_training_only) &&
            (derived->applies == NULL || derived->applies(&model->task)))
            lacking |= 1u << i;
    return lacking;
}

void pt__requests_note_field(const pt_model_t *model, const char *name, uint32_t *lacking)
{
    const pt__derived_t *derived;
    for (int32_t i = 0; name != NULL && (derived = pt__requests_derived(model, i)) != NULL; i++)
        if (derived->unless != NULL && strcmp(derived->unless, name) == 0)
            *lacking &= ~(1u << i);
}

/* Which of the derived fields that the data lacks has this name; -1: none. */
static int32_t find_derived(const pt_model_t *model, uint32_t lacking, const char *name)
{
    const pt__derived_t *derived;
    for (int32_t i = 0; (derived = pt__requests_derived(model, i)) != NULL; i++)
        if ((lacking >> i & 1u) && strcmp(derived->field, name) == 0)
            return i;
    return -1;
}

static int32_t takes_its_own_place(const pt__derived_t *derived)
{
    return strcmp(derived->field, derived->from) == 0;
}

/* Where the fields are that others are made from: in the list, or among those that are made before. */
static pt_status_t find_origins(const pt_model_t *model, pt__requests_t *requests)
{
    for (int32_t i = 0; i < PT__MAX_DERIVED; i++) {
        if (requests->derived[i] < 0)
            continue;
        const pt__derived_t *derived = pt__requests_derived(model, i);
        requests->derived_from[i] = requests->derived_after[i] = -1;
        for (int32_t k = 0; k < requests->count; k++)
            if (strcmp(requests->list[k].name, derived->from) == 0)
                requests->derived_from[i] = k;
        for (int32_t k = 0; k < i && requests->derived_from[i] < 0; k++)
            if (requests->derived[k] >= 0 && strcmp(pt__requests_derived(model, k)->field, derived->from) == 0)
                requests->derived_after[i] = k;
        if (requests->derived_from[i] < 0 && requests->derived_after[i] < 0)
            return pt__fail(PT_ERR_STATE,
                            "the data has no field \"%s\", and the network does not read \"%s\", which it is made from",
                            derived->field, derived->from);
    }
    return PT_OK;
}

static pt_status_t add_request(const pt_model_t *model, int64_t input, pt__requests_t *requests)
{
    pt__request_t *request = &requests->list[requests->count];
    PT__TRY(pt__requests_describe(model->graph, input, request));
    request->normal = pt__normalizations_find(&model->normalizations, request->name);
    requests->input[requests->count++] = (int32_t)input;
    return PT_OK;
}

/* Inputs that the mode does not read itself, but fields that it reads are made from. */
static pt_status_t add_origins(const pt_model_t *model, const int8_t *read, pt__requests_t *requests)
{
    const pt_graph_t *graph = model->graph;
    for (int64_t i = 0; i < graph->n_inputs; i++) {
        int32_t is_origin = 0;
        for (int32_t k = 0; k < PT__MAX_DERIVED && !read[i]; k++)
            is_origin |= requests->derived[k] >= 0 &&
                         strcmp(pt__requests_derived(model, k)->from, graph->inputs[i].name) == 0;
        if (is_origin)
            PT__TRY(add_request(model, i, requests));
    }
    return PT_OK;
}

static pt_status_t make_requests(const pt_model_t *model, pt__mode_t mode, pt_tensor_t tensor, uint32_t lacking,
                                 pt__requests_t *requests)
{
    const pt_graph_t *graph = model->graph;
    pt__memory_t *memory = &model->context->memory;
    pt__targets_t targets;
    int8_t *read = NULL;
    pt_status_t status;
    pt__requests_targets(model, mode, tensor, &targets);
    requests->lacking = lacking;
    for (int32_t i = 0; i < PT__MAX_DERIVED; i++)
        requests->derived[i] = -1;
    PT__TRY_OUT(pt__allocate(memory, (size_t)graph->n_inputs, 1, "inputs", &read));
    PT__TRY_OUT(pt__graph_find_inputs(graph, targets.list, targets.count, read));
    PT__TRY_OUT(pt__allocate(memory, (size_t)graph->n_inputs, sizeof *requests->list, "fields", &requests->list));
    PT__TRY_OUT(pt__allocate(memory, (size_t)graph->n_inputs, sizeof *requests->input, "fields", &requests->input));
    for (int64_t i = 0; i < graph->n_inputs; i++) {
        if (!read[i])
            continue;
        int32_t derived = find_derived(model, lacking, graph->inputs[i].name);
        if (derived >= 0 && pt__requests_derived(model, derived)->check != NULL)
            PT__TRY_OUT(pt__requests_derived(model, derived)->check(&model->task));
        if (derived >= 0)
            requests->derived[derived] = (int32_t)i;
        if (derived >= 0 && !takes_its_own_place(pt__requests_derived(model, derived)))
            continue;
        PT__TRY_OUT(add_request(model, i, requests));
    }
    PT__TRY_OUT(add_origins(model, read, requests));
    PT__TRY_OUT(find_origins(model, requests));
out:
    pt__release(memory, read);
    if (status != PT_OK)
        pt__requests_release(memory, requests);
    return status;
}

pt_status_t pt__requests_find(pt_model_t *model, pt__mode_t mode, pt_tensor_t tensor, uint32_t lacking,
                              const pt__requests_t **out)
{
    pt__requests_t *requests = &model->requests[mode], made = {0};
    if (mode != PT__MODE_OUTPUT && model->graph->loss == PT_NO_TENSOR)
        return pt__fail(PT_ERR_STATE,
                        "the model has no loss: set a task with pt_model_set_task, or a loss with pt_graph_set_loss");
    if (mode != PT__MODE_OUTPUT || model->requests_tensor == tensor) {
        if (requests->list != NULL && requests->lacking == lacking) {
            *out = requests;
            return PT_OK;
        }
    }
    if (mode == PT__MODE_TRAIN && pt__store_learnable_elements(&model->store) == 0)
        return pt__fail(PT_ERR_STATE, "no parameter learns: see pt_model_set_trainable");
    PT__TRY(make_requests(model, mode, tensor, lacking, &made));
    pt__requests_release(&model->context->memory, requests);
    pt__collector_free(model->collectors[mode]);
    model->collectors[mode] = NULL;
    *requests = made;
    if (mode == PT__MODE_OUTPUT)
        model->requests_tensor = tensor;
    *out = requests;
    return PT_OK;
}
