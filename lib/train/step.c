/* The smallest piece of training: one micro-batch added to the accumulation, and the update that ends it. */
#include "train/model.h"

#include <stdio.h>

#include "base/number.h"

pt_status_t pt__step_abandon(pt_model_t *model)
{
    pt__state_forget_accumulation(model);
    return pt__state_restore(model);
}

/* After a failure, whose message stays. */
static pt_status_t abandon_after(pt_model_t *model, pt_status_t status)
{
    char message[PT__MESSAGE_SIZE];
    snprintf(message, sizeof message, "%s", pt__error_message());
    pt__step_abandon(model);
    pt__error_set(message);
    return status;
}

pt_status_t pt__step_accumulate(pt_model_t *model, const pt__requests_t *requests, const pt__loaded_t *loaded,
                                double *loss, double *weight)
{
    PT__TRY(pt__plan_check_rows(model->plans.planned[PT__MODE_TRAIN].plan, &loaded->rows, loaded->offsets));
    if (model->pending.accumulated == 0 && model->plans.planned[PT__MODE_TRAIN].has_states)
        PT__TRY(pt__state_keep(model));
    pt_status_t status = pt__engine_run(model, PT__MODE_TRAIN, requests, loaded);
    if (status == PT_OK)
        status = pt__engine_loss(model, PT__MODE_TRAIN, loaded->rows.count[PT__DIMENSION_BATCH], loss, weight);
    if (status != PT_OK) /* gradients and states hold a part of it */
        return abandon_after(model, status);
    model->pending.loss_sum += *loss * *weight;
    model->pending.weight += *weight;
    model->pending.accumulated++;
    return PT_OK;
}

pt_status_t pt__step_update(pt_model_t *model, pt_optimizer_t *optimizer, const pt__horizon_t *horizon,
                            int32_t want_norm, pt__update_result_t *result)
{
    pt_status_t status;
    *result = (pt__update_result_t){0};
    double weight = model->pending.weight;
    /* The gradient is used up whatever comes: a failing schedule or one too many non-finite gradients must not be
     * added to the next step. */
    pt__state_forget_accumulation(model);
    if (!(weight > 0)) { /* no label counted: there is nothing to learn from */
        if (weight == 0) {
            pt__state_commit(model);
            return PT_OK;
        }
        status = pt__fail(PT_ERR_NONFINITE, "the loss' weight is %g, expected a positive number",
                          pt__number_shown(weight));
        return abandon_after(model, status);
    }
    status = pt__optimizer_update(optimizer, model->context->device, weight, horizon, want_norm, result);
    if (status != PT_OK)
        return abandon_after(model, status);
    if (result->skipped) /* statistics of a step that was not made are not kept either */
        return pt__state_restore(model);
    pt__state_commit(model);
    return PT_OK;
}
