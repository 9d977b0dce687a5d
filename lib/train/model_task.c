/* Changing a model's task: another head and loss on the trunk. What belongs to the graph with its task is made anew
 * beside the old and swapped at the end, so that a failure changes nothing. Tensors of the same name and shape are
 * shared, not copied: the trunk stays where it stands, and the new head gets memory of its own when it is first
 * needed. */
#include "train/model.h"

#include <math.h>
#include <string.h>

/* What belongs to one graph with its task. */
typedef struct network {
    pt_graph_t *graph;
    pt__store_t store;
    const void **inputs;
} network_t;

static void release_network(pt__memory_t *memory, network_t *network)
{
    pt__store_release(&network->store);
    pt_graph_free(network->graph);
    pt__release(memory, network->inputs);
}

static pt_status_t make_network(const pt_graph_t *trunk, const pt__task_options_t *task, network_t *network)
{
    PT__TRY(pt__graph_copy(trunk, &network->graph));
    const pt__task_t *kind = pt__task_find(task->task);
    if (kind != NULL) {
        network->graph->n_metrics = 0; /* those of the loss that the task's takes the place of */
        PT__TRY(kind->build(task, network->graph));
    }
    if (network->graph->status != PT_OK) {
        pt__error_set(network->graph->message);
        return network->graph->status;
    }
    PT__TRY(pt__graph_verify(network->graph));
    PT__TRY(pt__allocate(&trunk->context->memory, (size_t)network->graph->n_inputs, sizeof *network->inputs, "inputs",
                         &network->inputs));
    return pt__store_create(network->graph, &network->store);
}

/* A new head may read a tensor that stands narrow in a file in a way that does not take it so: then it is copied
 * out. */
static pt_status_t match_dtypes(network_t *network)
{
    pt__memory_t *memory = &network->graph->context->memory;
    int8_t *chosen;
    PT__TRY(pt__allocate(memory, (size_t)network->store.count, 1, "parameters", &chosen));
    for (int64_t i = 0; i < network->store.count; i++)
        chosen[i] = !pt__graph_takes(network->graph, network->graph->parameters[i].tensor,
                                     network->store.tensors[i].dtype);
    pt_status_t status = pt__store_own(&network->store, chosen, 1);
    for (int64_t i = 0; status == PT_OK && i < network->store.count; i++)
        status = pt__graph_store_as(network->graph, i, network->store.tensors[i].dtype);
    pt__release(memory, chosen);
    return status;
}

/* Shares with the network what the model has under the same names and shapes, and notes what became of every name. */
static pt_status_t carry_over(pt_model_t *model, network_t *network)
{
    const pt__store_t *old = &model->store;
    network->store.may_share = old->may_share;
    for (int64_t i = 0; i < network->store.count; i++) {
        pt__stored_t *to = &network->store.tensors[i];
        int64_t known = pt__store_find(old, to->name);
        int32_t fits = known >= 0 && pt__shape_equal(&old->tensors[known].shape, &to->shape);
        if (fits)
            pt__stored_share(to, &old->tensors[known]);
        PT__TRY(pt__report_note(model, to->name,
                                fits        ? PT_TRANSFER_COPIED
                                : known < 0 ? PT_TRANSFER_NEW
                                            : PT_TRANSFER_SHAPE));
    }
    for (int64_t i = 0; i < old->count; i++)
        if (pt__store_find(&network->store, old->tensors[i].name) < 0)
            PT__TRY(pt__report_note(model, old->tensors[i].name, PT_TRANSFER_UNEXPECTED));
    return PT_OK;
}

static void swap_network(pt_model_t *model, network_t *network)
{
    network_t old = {.graph = model->graph, .store = model->store, .inputs = model->inputs};
    model->graph = network->graph;
    model->store = network->store;
    model->store.moves += old.store.moves;
    model->inputs = network->inputs;
    *network = old;
}

pt_status_t pt__model_set_task(pt_model_t *model, const pt__task_options_t *options)
{
    pt__memory_t *memory = &model->context->memory;
    network_t network = {0};
    float *per_output = NULL;
    pt__class_names_t class_names = {0};
    pt__report_t last = pt__report_begin(model);
    pt_status_t status;
    PT__TRY_OUT(make_network(model->trunk, options, &network));
    if (options->per_output != NULL) {
        PT__TRY_OUT(pt__allocate(memory, (size_t)options->outputs, sizeof(float), "class weights", &per_output));
        memcpy(per_output, options->per_output, (size_t)options->outputs * sizeof(float));
    }
    PT__TRY_OUT(pt__class_names_for_task(model, options, &class_names));
    PT__TRY_OUT(carry_over(model, &network));
    PT__TRY_OUT(match_dtypes(&network));
    swap_network(model, &network);
    pt__plans_release_constants(model);
    status = pt__model_renew_learnables(model);
    if (status != PT_OK) {
        swap_network(model, &network);
        goto out;
    }
    pt__release(memory, model->per_output);
    model->per_output = per_output;
    per_output = NULL;
    pt__class_names_replace(model, &class_names);
    model->task = *options;
    model->task.per_output = model->per_output;
    model->task_kind = pt__task_find(options->task);
    model->task.task = model->task_kind == NULL ? NULL : model->task_kind->name; /* not the host's string */
    for (int32_t i = 0; i <= PT__MAX_METRICS; i++)
        model->metrics[i] = (double)NAN;
out:
    pt__report_end(model, last, status);
    release_network(memory, &network);
    pt__release(memory, per_output);
    pt__class_names_release(memory, &class_names);
    return status;
}
