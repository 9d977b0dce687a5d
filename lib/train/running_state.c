/* What there is of a step under way: the sums over its micro-batches so far, and how to undo what it did to states.
 * States stand where the last completed step left them: a copy is taken before the first micro-batch of a step, and
 * put back where the step comes to nothing, because its run, its data or its update failed, or was skipped. */
#include "train/model.h"

static int64_t state_elements(const pt_model_t *model)
{
    int64_t elements = 0;
    for (int64_t i = 0; i < model->store.count; i++)
        elements += model->store.tensors[i].role == PT__ROLE_STATE ? model->store.tensors[i].elements : 0;
    return elements;
}

pt_status_t pt__state_keep(pt_model_t *model)
{
    int64_t elements = state_elements(model);
    float *copy;
    if (elements == 0)
        return PT_OK;
    if (model->pending.kept_elements != elements) {
        pt__state_forget(model);
        PT__TRY(pt__allocate(&model->context->memory, (size_t)elements, sizeof *copy, "states",
                             &model->pending.kept_state));
        model->pending.kept_elements = elements;
    }
    copy = model->pending.kept_state;
    for (int64_t i = 0; i < model->store.count; i++) {
        const pt__stored_t *stored = &model->store.tensors[i];
        if (stored->role != PT__ROLE_STATE)
            continue;
        PT__TRY(pt__stored_get(&model->store, stored, copy));
        copy += stored->elements;
    }
    model->pending.has_kept_state = 1;
    return PT_OK;
}

void pt__state_commit(pt_model_t *model)
{
    model->pending.has_kept_state = 0;
}

/* What was there before can be put back but for a device that fails again; then its own status tells. */
pt_status_t pt__state_restore(pt_model_t *model)
{
    const float *copy = model->pending.kept_state;
    if (!model->pending.has_kept_state)
        return PT_OK;
    PT__TRY(pt__store_unshare(&model->store));
    model->pending.has_kept_state = 0;
    for (int64_t i = 0; i < model->store.count; i++) {
        pt__stored_t *stored = &model->store.tensors[i];
        if (stored->role != PT__ROLE_STATE)
            continue;
        PT__TRY(pt__stored_set(&model->store, stored, PT_FLOAT32, copy));
        copy += stored->elements;
    }
    return PT_OK;
}

void pt__state_forget(pt_model_t *model)
{
    pt__release(&model->context->memory, model->pending.kept_state);
    model->pending.kept_state = NULL;
    model->pending.kept_elements = 0;
    model->pending.has_kept_state = 0;
}

void pt__state_forget_accumulation(pt_model_t *model)
{
    model->pending.loss_sum = model->pending.weight = 0;
    model->pending.accumulated = 0;
}
