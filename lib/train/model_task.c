/* Changing a model's task: another head and loss on the trunk. What belongs to the graph with its task is made anew
 * beside the old and swapped at the end, so that a failure changes nothing. Tensors of the same name and shape are
 * shared, not copied: the trunk stays where it stands, and the new head gets memory of its own when it is first
 * needed. */
#include "train/model.h"

#include <math.h>
#include <string.h>

/* What belongs to one graph with its task. */
typedef struct body {
    pt_graph_t *graph;
    pt__store_t store;
    const void **inputs;
} body_t;

static void release_body(pt__memory_t *memory, body_t *body)
{
    pt__store_release(&body->store);
    pt_graph_free(body->graph);
    pt__release(memory, body->inputs);
}

static pt_status_t make_body(const pt_graph_t *trunk, const pt_task_options_t *task, body_t *body)
{
    PT__TRY(pt__graph_copy(trunk, &body->graph));
    const pt__task_t *kind = pt__task_find(task->task);
    if (kind != NULL) {
        body->graph->n_metrics = 0; /* those of the loss that the task's takes the place of */
        PT__TRY(kind->build(task, body->graph));
    }
    if (body->graph->status != PT_OK) {
        pt__error_set(body->graph->message);
        return body->graph->status;
    }
    PT__TRY(pt__graph_verify(body->graph));
    PT__TRY(pt__allocate(&trunk->context->memory, (size_t)body->graph->n_inputs, sizeof *body->inputs, "inputs",
                         &body->inputs));
    return pt__store_create(body->graph, &body->store);
}

/* A new head may read a tensor that stands narrow in a file in a way that does not take it so: then it is copied
 * out. */
static pt_status_t settle_dtypes(body_t *body)
{
    pt__memory_t *memory = &body->graph->context->memory;
    int8_t *chosen;
    PT__TRY(pt__allocate(memory, (size_t)body->store.count, 1, "parameters", &chosen));
    for (int64_t i = 0; i < body->store.count; i++)
        chosen[i] = !pt__graph_takes(body->graph, body->graph->parameters[i].tensor, body->store.tensors[i].dtype);
    pt_status_t status = pt__store_own(&body->store, chosen, 1);
    for (int64_t i = 0; status == PT_OK && i < body->store.count; i++)
        status = pt__graph_store_as(body->graph, i, body->store.tensors[i].dtype);
    pt__release(memory, chosen);
    return status;
}

/* Shares with the body what the model has under the same names and shapes, and notes what became of every name. */
static pt_status_t carry_over(pt_model_t *model, body_t *body)
{
    const pt__store_t *old = &model->store;
    for (int64_t i = 0; i < body->store.count; i++) {
        pt__stored_t *to = &body->store.tensors[i];
        int64_t known = pt__store_find(old, to->name);
        int32_t fits = known >= 0 && pt__shape_equal(&old->tensors[known].shape, &to->shape);
        if (fits)
            pt__stored_share(to, &old->tensors[known]);
        PT__TRY(pt__report_note(model, to->name,
                                fits ? PT_TRANSFER_COPIED : known < 0 ? PT_TRANSFER_NEW : PT_TRANSFER_SHAPE));
    }
    for (int64_t i = 0; i < old->count; i++)
        if (pt__store_find(&body->store, old->tensors[i].name) < 0)
            PT__TRY(pt__report_note(model, old->tensors[i].name, PT_TRANSFER_UNEXPECTED));
    return PT_OK;
}

static void swap_body(pt_model_t *model, body_t *body)
{
    body_t old = {.graph = model->graph, .store = model->store, .inputs = model->inputs};
    model->graph = body->graph;
    model->store = body->store;
    model->store.moves += old.store.moves;
    model->inputs = body->inputs;
    *body = old;
}

pt_status_t pt__model_set_task(pt_model_t *model, const pt_task_options_t *options)
{
    pt__memory_t *memory = &model->context->memory;
    body_t body = {0};
    float *class_weights = NULL;
    pt__class_names_t class_names = {0};
    pt__report_t last = pt__report_begin(model);
    pt_status_t status;
    PT__TRY_OUT(make_body(model->trunk, options, &body));
    if (options->class_weights != NULL) {
        PT__TRY_OUT(pt__allocate(memory, (size_t)options->outputs, sizeof(float), "class weights", &class_weights));
        memcpy(class_weights, options->class_weights, (size_t)options->outputs * sizeof(float));
    }
    PT__TRY_OUT(pt__class_names_for_task(model, options, &class_names));
    PT__TRY_OUT(carry_over(model, &body));
    PT__TRY_OUT(settle_dtypes(&body));
    swap_body(model, &body);
    pt__engine_release_constants(model);
    status = pt__model_renew_learnables(model);
    if (status != PT_OK) {
        swap_body(model, &body);
        goto out;
    }
    pt__release(memory, model->class_weights);
    model->class_weights = class_weights;
    class_weights = NULL;
    pt__class_names_replace(model, &class_names);
    model->task = *options;
    model->task.class_weights = model->class_weights;
    model->task_kind = pt__task_find(options->task);
    model->task.task = model->task_kind == NULL ? NULL : model->task_kind->name; /* not the host's string */
    for (int32_t i = 0; i <= PT__MAX_METRICS; i++)
        model->metrics[i] = (double)NAN;
out:
    pt__report_end(model, last, status);
    release_body(memory, &body);
    pt__release(memory, class_weights);
    pt__class_names_release(memory, &class_names);
    return status;
}
