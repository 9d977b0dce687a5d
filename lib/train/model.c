/* Making and ending models, and changing their task. What always holds: model->graph is the trunk's copy with the task's nodes;
 * parameters[i] belongs to graph->parameters[i]; values is one block in which they follow each other, each at a multiple of
 * PT__ALIGNMENT bytes, gaps zero. A change of task builds everything anew beside the old and swaps at the end, so that a failure changes nothing; values that
 * would all only be copied stay where they are. */
#include "train/model.h"

#include <string.h>

#include "base/json.h"

enum { FLOATS_A_LINE = PT__ALIGNMENT / (int)sizeof(float) };

static int64_t padded(int64_t elements)
{
    return (elements + FLOATS_A_LINE - 1) / FLOATS_A_LINE * FLOATS_A_LINE;
}

/* What belongs to one graph with its task; swapped as a whole. */
typedef struct body {
    pt_graph_t *graph;
    pt__stored_t *parameters;
    float *values;
    int64_t value_elements;
    float **value_pointers, **gradient_pointers;
    const void **inputs;
} body_t;

static void release_body(pt__memory_t *memory, body_t *body)
{
    pt_graph_free(body->graph);
    pt__release(memory, body->parameters);
    pt__release(memory, body->values);
    pt__release(memory, body->value_pointers);
    pt__release(memory, body->gradient_pointers);
    pt__release(memory, body->inputs);
}

/* Lays out the parameters of body->graph, still without values. */
static pt_status_t make_parameters(pt_context_t *context, body_t *body)
{
    pt__memory_t *memory = &context->memory;
    const pt_graph_t *graph = body->graph;
    size_t count = (size_t)graph->n_parameters;
    PT__TRY(pt__allocate(memory, count, sizeof *body->parameters, "parameters", &body->parameters));
    PT__TRY(pt__allocate(memory, count, sizeof *body->value_pointers, "parameters", &body->value_pointers));
    PT__TRY(pt__allocate(memory, count, sizeof *body->gradient_pointers, "parameters", &body->gradient_pointers));
    PT__TRY(pt__allocate(memory, (size_t)graph->n_inputs, sizeof *body->inputs, "inputs", &body->inputs));
    for (int64_t i = 0; i < graph->n_parameters; i++) {
        const pt__tensor_t *tensor = &graph->tensors[graph->parameters[i].tensor];
        int64_t elements = pt__shape_elements(&tensor->shape);
        body->parameters[i] = (pt__stored_t){
            .name = graph->parameters[i].name, .shape = tensor->shape, .elements = elements, .trainable = 1};
        if (elements > INT64_MAX / 64 - body->value_elements)
            return pt__fail(PT_ERR_MEMORY, "the parameters up to \"%s\" are too many for this machine",
                            graph->parameters[i].name);
        body->value_elements += padded(elements);
    }
    return PT_OK;
}

static pt_status_t make_body(const pt_graph_t *trunk, const pt_task_options_t *task, body_t *body)
{
    pt_context_t *context = trunk->context;
    PT__TRY(pt__graph_copy(trunk, &body->graph));
    if (task->task != PT_TASK_NONE) {
        const pt__task_t *found = pt__task_find(task->task);
        if (found == NULL)
            return pt__fail(PT_ERR_ARGUMENT, "pt_task_options.task is %d, expected one of PT_TASK_...",
                            (int)task->task);
        PT__TRY(found->build(task, body->graph));
    }
    if (body->graph->status != PT_OK) {
        pt__error_set(body->graph->message);
        return body->graph->status;
    }
    PT__TRY(pt__graph_verify(body->graph));
    return make_parameters(context, body);
}

static void drop_plans(pt_model_t *model)
{
    pt__memory_t *memory = &model->context->memory;
    for (int32_t mode = 0; mode < PT__MODE_COUNT; mode++) {
        pt__plan_free(model->planned[mode].plan);
        model->planned[mode] = (pt__planned_t){0};
        pt__collector_free(model->collectors[mode]);
        model->collectors[mode] = NULL;
        pt__engine_release_wants(memory, &model->wants[mode]);
    }
}

static void drop_gradients(pt_model_t *model)
{
    pt__release(&model->context->memory, model->gradients);
    model->gradients = NULL;
    model->gradient_elements = 0;
    pt__model_forget_accumulation(model);
}

void pt__model_forget_accumulation(pt_model_t *model)
{
    model->loss_sum = model->weight = 0;
    model->accumulated = 0;
}

pt_status_t pt__model_renew_learnables(pt_model_t *model)
{
    pt__memory_t *memory = &model->context->memory;
    int64_t count = model->graph->n_parameters;
    int32_t *wanted = NULL, *found = NULL;
    pt_status_t status;
    PT__TRY_OUT(pt__allocate(memory, (size_t)count, sizeof *wanted, "parameters", &wanted));
    PT__TRY_OUT(pt__allocate(memory, (size_t)count, sizeof *found, "parameters", &found));
    for (int64_t i = 0; i < count; i++)
        wanted[i] = model->parameters[i].trainable;
    PT__TRY_OUT(pt__graph_find_learnables(model->graph, wanted, found));
    drop_plans(model);
    drop_gradients(model);
    for (int64_t i = 0; i < count; i++) {
        model->parameters[i].learnable = found[i];
        model->parameters[i].gradient = model->gradient_pointers[i] = NULL;
    }
    model->identity = atomic_fetch_add(&model->context->identities, 1) + 1;
    model->placement++;
out:
    pt__release(memory, wanted);
    pt__release(memory, found);
    return status;
}

/* The parameters whose names match get the flag; returns how many match, and in *changed how many had another. */
static int64_t flag_matching(pt_model_t *model, const char *pattern, int32_t trainable, int64_t *changed)
{
    int64_t matched = 0;
    *changed = 0;
    for (int64_t i = 0; i < model->graph->n_parameters; i++) {
        if (!pt__pattern_match(pattern, model->parameters[i].name))
            continue;
        matched++;
        *changed += model->parameters[i].trainable != trainable;
        model->parameters[i].trainable = trainable;
    }
    return matched;
}

pt_status_t pt__model_set_trainable(pt_model_t *model, const char *pattern, int32_t trainable, int64_t *matched)
{
    pt__memory_t *memory = &model->context->memory;
    int32_t *before;
    int64_t changed;
    PT__TRY(pt__allocate(memory, (size_t)model->graph->n_parameters, sizeof *before, "parameters", &before));
    for (int64_t i = 0; i < model->graph->n_parameters; i++)
        before[i] = model->parameters[i].trainable;
    *matched = flag_matching(model, pattern, trainable, &changed);
    pt_status_t status = PT_OK;
    if (*matched == 0)
        status = pt__fail(PT_ERR_NOT_FOUND, "no parameter matches \"%.200s\"", pattern);
    else if (changed > 0)
        status = pt__model_renew_learnables(model);
    for (int64_t i = 0; status != PT_OK && i < model->graph->n_parameters; i++)
        model->parameters[i].trainable = before[i];
    pt__release(memory, before);
    return status;
}

void pt__model_set_recompute(pt_model_t *model, int32_t recompute)
{
    if (model->recompute == recompute)
        return;
    model->recompute = recompute;
    drop_plans(model); /* not the gradients: an accumulation under way goes on */
}

void pt__model_release_plans(pt_model_t *model)
{
    drop_plans(model);
    pt__engine_release_arena(model);
}

/* The values that the model has for a parameter of this name and shape; NULL: none. */
static const pt__stored_t *find_known(const pt_model_t *model, const pt__stored_t *wanted, int32_t *kind)
{
    int64_t index = model->graph == NULL ? -1 : pt__model_find(model, wanted->name);
    *kind = index < 0 ? PT_TRANSFER_NEW : PT_TRANSFER_SHAPE;
    if (index < 0 || !pt__shape_equal(&model->parameters[index].shape, &wanted->shape))
        return NULL;
    *kind = PT_TRANSFER_COPIED;
    return &model->parameters[index];
}

/* Gives the body the old one's trainable flags by name and shape, and notes what became of every name. *alike: all parameters are
 * known, and in the same order, so that they lie alike. */
static pt_status_t carry_over(pt_model_t *model, const body_t *body, int32_t *alike)
{
    *alike = model->graph != NULL && model->graph->n_parameters == body->graph->n_parameters;
    for (int64_t i = 0; i < body->graph->n_parameters; i++) {
        pt__stored_t *to = &body->parameters[i];
        int32_t kind;
        const pt__stored_t *from = find_known(model, to, &kind);
        if (from != NULL)
            to->trainable = from->trainable;
        *alike = *alike && from == &model->parameters[i];
        PT__TRY(pt__transfer_note(model, to->name, kind));
    }
    for (int64_t i = 0; model->graph != NULL && i < model->graph->n_parameters; i++)
        if (pt__graph_parameter(body->graph, model->parameters[i].name) == NULL)
            PT__TRY(pt__transfer_note(model, model->parameters[i].name, PT_TRANSFER_UNEXPECTED));
    return PT_OK;
}

/* The body's values: the model's own block where all would only be copied. */
static pt_status_t make_values(const pt_model_t *model, int32_t alike, body_t *body)
{
    int64_t offset = 0;
    if (alike)
        body->values = model->values;
    else
        PT__TRY(pt__allocate_uninitialised(&model->context->memory, (size_t)body->value_elements, sizeof(float),
                                           "parameter values", &body->values));
    for (int64_t i = 0; i < body->graph->n_parameters; i++) {
        pt__stored_t *to = &body->parameters[i];
        int64_t gap = padded(to->elements) - to->elements;
        int32_t kind;
        to->value = body->value_pointers[i] = body->values + offset;
        offset += to->elements + gap;
        if (alike)
            continue;
        const pt__stored_t *from = find_known(model, to, &kind);
        PT__TRY(pt__initial_fill(model->context, &body->graph->parameters[i], from != NULL ? from->value : NULL, to));
        memset(to->value + to->elements, 0, (size_t)gap * sizeof(float));
    }
    return PT_OK;
}

static void swap_body(pt_model_t *model, body_t *body)
{
    body_t old = {.graph = model->graph,
                  .parameters = model->parameters,
                  .values = model->values,
                  .value_elements = model->value_elements,
                  .value_pointers = model->value_pointers,
                  .gradient_pointers = model->gradient_pointers,
                  .inputs = model->inputs};
    model->graph = body->graph;
    model->parameters = body->parameters;
    model->values = body->values;
    model->value_elements = body->value_elements;
    model->value_pointers = body->value_pointers;
    model->gradient_pointers = body->gradient_pointers;
    model->inputs = body->inputs;
    *body = old;
}

pt_status_t pt__model_set_task(pt_model_t *model, const pt_task_options_t *options)
{
    pt__memory_t *memory = &model->context->memory;
    body_t body = {0};
    float *class_weights = NULL;
    int32_t alike;
    pt__report_t last = pt__report_begin(model);
    pt_status_t status;
    PT__TRY_OUT(make_body(model->trunk, options, &body));
    if (options->class_weights != NULL) {
        PT__TRY_OUT(pt__allocate(memory, (size_t)options->outputs, sizeof(float), "class weights", &class_weights));
        memcpy(class_weights, options->class_weights, (size_t)options->outputs * sizeof(float));
    }
    PT__TRY_OUT(carry_over(model, &body, &alike));
    PT__TRY_OUT(make_values(model, alike, &body));
    swap_body(model, &body);
    status = pt__model_renew_learnables(model);
    if (status != PT_OK) {
        swap_body(model, &body);
        goto out;
    }
    pt__release(memory, model->class_weights);
    model->class_weights = class_weights;
    class_weights = NULL;
    model->task = *options;
    model->task.class_weights = model->class_weights;
out:
    pt__report_end(model, last, status);
    if (body.values == model->values) /* alike: one block for the old and the new */
        body.values = NULL;
    release_body(memory, &body);
    pt__release(memory, class_weights);
    return status;
}

pt_status_t pt__model_create(pt_context_t *context, const pt_graph_t *graph, const pt__family_t *family,
                             const char *config, pt_model_t **out)
{
    pt_model_t *model;
    pt_task_options_t no_task = {.struct_size = (uint32_t)sizeof no_task, .task = PT_TASK_NONE};
    pt_status_t status;
    PT__TRY(pt__allocate(&context->memory, 1, sizeof *model, "model", &model));
    model->context = pt__context_retain(context);
    model->family = family;
    model->seed = context->seed;
    model->recompute = PT_RECOMPUTE_CHEAP;
    PT__TRY_OUT(pt__string_copy(&context->memory, config, &model->config));
    PT__TRY_OUT(pt__graph_copy(graph, &model->trunk));
    PT__TRY_OUT(pt__model_set_task(model, &no_task));
    pt__report_release(model);
    *out = model;
    return PT_OK;
out:
    pt__model_free(model);
    return status;
}

void pt__model_free(pt_model_t *model)
{
    pt_context_t *context = model->context;
    pt__memory_t *memory = &context->memory;
    body_t body = {0};
    drop_plans(model);
    drop_gradients(model);
    swap_body(model, &body);
    release_body(memory, &body);
    pt_graph_free(model->trunk);
    pt__report_release(model);
    pt__release(memory, model->class_weights);
    pt__release(memory, model->config);
    pt__release(memory, model->arena);
    pt__release(memory, model->derived);
    pt__release(memory, model);
    pt__context_release(context);
}

int64_t pt__model_find(const pt_model_t *model, const char *name)
{
    for (int64_t i = 0; i < model->graph->n_parameters; i++)
        if (strcmp(model->parameters[i].name, name) == 0)
            return i;
    return -1;
}

pt_status_t pt__model_make_gradients(pt_model_t *model)
{
    if (model->gradients != NULL)
        return PT_OK;
    int64_t elements = 0;
    for (int64_t i = 0; i < model->graph->n_parameters; i++)
        if (model->parameters[i].learnable)
            elements += padded(model->parameters[i].elements);
    PT__TRY(pt__allocate(&model->context->memory, (size_t)elements, sizeof(float), "gradients", &model->gradients));
    model->gradient_elements = elements;
    model->placement++;
    float *at = model->gradients;
    for (int64_t i = 0; i < model->graph->n_parameters; i++) {
        pt__stored_t *parameter = &model->parameters[i];
        if (!parameter->learnable)
            continue;
        parameter->gradient = model->gradient_pointers[i] = at;
        at += padded(parameter->elements);
    }
    return PT_OK;
}

pt_status_t pt__model_bind_optimizer(pt_model_t *model, pt_optimizer_t *optimizer)
{
    pt__memory_t *memory = &model->context->memory;
    pt__learnable_t *list;
    int64_t count = 0;
    if (model->gradients != NULL && pt__optimizer_is_bound(optimizer, model->identity))
        return PT_OK;
    PT__TRY(pt__model_make_gradients(model));
    PT__TRY(pt__allocate(memory, (size_t)model->graph->n_parameters, sizeof *list, "learnable parameters", &list));
    for (int64_t i = 0; i < model->graph->n_parameters; i++) {
        const pt__stored_t *parameter = &model->parameters[i];
        if (parameter->learnable)
            list[count++] = (pt__learnable_t){.name = parameter->name,
                                              .rank = parameter->shape.rank,
                                              .elements = parameter->elements,
                                              .value = parameter->value,
                                              .gradient = parameter->gradient};
    }
    pt_status_t status = pt__optimizer_bind(optimizer, list, count, model->identity);
    pt__release(memory, list);
    return status;
}

int64_t pt__model_learnable_elements(const pt_model_t *model)
{
    int64_t elements = 0;
    for (int64_t i = 0; i < model->graph->n_parameters; i++)
        elements += model->parameters[i].learnable ? model->parameters[i].elements : 0;
    return elements;
}
