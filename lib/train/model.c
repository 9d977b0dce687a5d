/* Making and ending models. What always holds: model->graph is the trunk's copy with the task's
 * nodes, and store.tensors[i] belongs to graph->parameters[i]. */
#include "train/model.h"

pt_status_t pt__model_create(pt_context_t *context, const pt_graph_t *graph, const pt__family_t *family,
                             const char *config, pt_model_t **out)
{
    pt_model_t *model;
    const pt__task_options_t no_task = {0};
    pt_status_t status;
    PT__TRY(pt__allocate(&context->memory, 1, sizeof *model, "model", &model));
    model->context = pt__context_retain(context);
    model->family = family;
    model->seed = context->seed;
    model->plans.recompute = PT_RECOMPUTE_CHEAP;
    PT__TRY_OUT(pt__string_copy(&context->memory, config, &model->config));
    PT__TRY_OUT(pt__class_names_read_config(model));
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
    pt__plans_release(model);
    pt__store_release(&model->store); /* its names are the graph's */
    pt__plans_release_constants(model);
    pt_graph_free(model->graph);
    pt_graph_free(model->trunk);
    pt__report_release(model);
    pt__release(memory, model->inputs);
    pt__release(memory, model->per_output);
    pt__class_names_release(memory, &model->class_names);
    pt__class_names_release(memory, &model->config_names);
    pt__normalizations_release(memory, &model->normalizations);
    pt__release(memory, model->config);
    pt__release(memory, model->directory);
    pt__release(memory, model->gguf);
    for (int32_t i = 0; i < PT__DIMENSIONS; i++)
        pt__release(memory, model->plans.offsets[i]);
    pt__state_forget(model);
    for (int32_t i = 0; i < PT__MAX_DERIVED; i++)
        pt__release(memory, model->plans.derived[i].values);
    pt__release(memory, model);
    pt__context_release(context);
}
