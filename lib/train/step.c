/* The smallest piece of training: one micro-batch added to the accumulation, and the update that ends it. */
#include "train/model.h"

pt_status_t pt__step_accumulate(pt_model_t *model, const pt__wants_t *wants, const pt__loaded_t *loaded, double *loss,
                                double *weight)
{
    PT__TRY(pt__engine_prepare(model, PT__MODE_TRAIN, PT_NO_TENSOR, &loaded->rows, NULL));
    pt_status_t status = pt__engine_run(model, PT__MODE_TRAIN, wants, loaded);
    if (status == PT_OK)
        status = pt__engine_loss(model, PT__MODE_TRAIN, loaded->rows.count[PT__DIMENSION_BATCH], loss, weight);
    if (status != PT_OK) { /* gradients hold a part of it */
        pt__model_forget_accumulation(model);
        return status;
    }
    model->loss_sum += *loss * *weight;
    model->weight += *weight;
    model->accumulated++;
    return PT_OK;
}

pt_status_t pt__step_update(pt_model_t *model, pt_optimizer_t *optimizer, const pt__horizon_t *horizon,
                            int32_t want_norm, pt__update_result_t *result)
{
    *result = (pt__update_result_t){0};
    PT__TRY(pt__model_bind_optimizer(model, optimizer));
    double weight = model->weight;
    /* The gradient is used up whatever comes: a failing schedule or one too many non-finite gradients must not be added to the next step. */
    pt__model_forget_accumulation(model);
    if (!(weight > 0)) { /* no label counted: there is nothing to learn from */
        if (weight == 0)
            return PT_OK;
        return pt__fail(PT_ERR_NONFINITE, "the loss' weight is %g, expected a positive number", weight);
    }
    return pt__optimizer_update(optimizer, model->context->device, weight, horizon, want_norm, result);
}
