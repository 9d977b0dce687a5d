/* A second handle on a model's stored tensors, for predicting while others predict. Graph, plans and all that a run
 * writes to are the new handle's own; the tensors stand where they did, counted, and are read only while they are
 * shared: whoever changes some moves to memory of its own first (store.h), so no handle sees another's changes. */
#include "train/model.h"

#include "kernels/device.h"

/* Of the class that the task's head has: names come with the head. */
static pt_status_t share_head(pt_model_t *model, const pt_model_t *source)
{
    pt__class_names_t names = {0};
    if (source->task.task != NULL)
        PT__TRY(pt__model_set_task(model, &source->task));
    PT__TRY(pt__class_names_make(&model->context->memory, source->class_names.list, source->class_names.count,
                                 PT_ERR_INTERNAL, &names));
    pt__class_names_replace(model, &names);
    return PT_OK;
}

static pt_status_t share_tensors(pt_model_t *model, pt_model_t *source)
{
    for (int64_t i = 0; i < model->store.count; i++) {
        pt__stored_t *stored = &model->store.tensors[i];
        const int64_t index = pt__store_find(&source->store, stored->name);
        if (index < 0 || stored->value != NULL)
            return pt__fail(PT_ERR_INTERNAL, "parameter \"%s\" of a shared model is not the other's", stored->name);
        pt__stored_share(stored, &source->store.tensors[index]);
    }
    source->store.may_share = model->store.may_share = 1;
    PT__TRY(pt__model_renew_dtypes(model));
    return pt__model_renew_learnables(model);
}

static int32_t can_share(const pt_context_t *context, const pt_model_t *source)
{
    return context == source->context ||
           (context->device->calls->shares_host_memory && source->context->device->calls->shares_host_memory);
}

pt_status_t pt__model_share(pt_context_t *context, pt_model_t *source, pt_model_t **out)
{
    pt_graph_t *trunk = NULL;
    pt_model_t *model = NULL;
    pt__normalizations_t normalizations;
    pt_status_t status;
    if (!can_share(context, source))
        return pt__fail(PT_ERR_UNSUPPORTED, "the context's device does not read the model's memory");
    PT__TRY(pt__store_materialize(&source->store)); /* no handle fills later what the others see */
    PT__TRY_OUT(pt__graph_copy_to(context, source->trunk, &trunk));
    PT__TRY_OUT(pt__model_create(context, trunk, source->family, source->config, &model));
    PT__TRY_OUT(share_head(model, source));
    PT__TRY_OUT(pt__normalizations_copy(model, &source->normalizations, &normalizations));
    pt__normalizations_replace(model, &normalizations);
    PT__TRY_OUT(share_tensors(model, source));
    pt__report_release(model);
    model->seed = source->seed;
    model->micro_steps = source->micro_steps;
    model->plans.recompute = source->plans.recompute;
    *out = model;
    model = NULL;
out:
    if (model != NULL)
        pt__model_free(model);
    pt_graph_free(trunk);
    return status;
}
