/* Single steps on values that the host hands over, and what a step would cost: pt_train_step, pt_forward, pt_loss,
 * pt_model_estimate. */
#include <string.h>

#include "api/arguments.h"
#include "api/handle.h"

static pt_status_t train_step(pt_model_t *model, pt_optimizer_t *optimizer, const pt_value_t *values, int32_t n_values,
                              int64_t samples, uint32_t flags, pt_step_result_t *result)
{
    const pt__wants_t *wants;
    pt__loaded_t loaded;
    pt__update_result_t update = {0};
    pt_step_result_t found = {0};
    double loss, weight;
    if (optimizer == NULL)
        return pt__handle_null("pt_train_step", "optimizer");
    PT__TRY(pt__result_write(result, &found, (uint32_t)sizeof found, "pt_step_result"));
    PT__TRY(pt__check_context(model, pt__optimizer_context(optimizer), "pt_train_step", "optimizer"));
    if (flags & ~(PT_STEP_ACCUMULATE | PT_STEP_NORM))
        return pt__fail(PT_ERR_ARGUMENT, "pt_train_step: flags has unknown bits: %#x", (unsigned)flags);
    PT__TRY(pt__engine_take(model, PT__MODE_TRAIN, PT_NO_TENSOR, values, n_values, samples, &wants, &loaded));
    if (!(flags & PT_STEP_ACCUMULATE)) /* first what can fail, so that a step that is tried again is not added twice */
        PT__TRY(pt__model_bind_optimizer(model, optimizer));
    PT__TRY(pt__step_accumulate(model, wants, &loaded, &loss, &weight));
    if (!(flags & PT_STEP_ACCUMULATE))
        PT__TRY(pt__step_update(model, optimizer, NULL, (flags & PT_STEP_NORM) != 0, &update));
    if (result == NULL)
        return PT_OK;
    found = (pt_step_result_t){.skipped = update.skipped,
                               .loss = loss,
                               .gradient_norm = update.gradient_norm,
                               .learning_rate = update.learning_rate};
    return pt__result_write(result, &found, (uint32_t)sizeof found, "pt_step_result");
}

pt_status_t pt_train_step(pt_model_t *model, pt_optimizer_t *optimizer, const pt_value_t *values, int32_t n_values,
                          int64_t samples, uint32_t flags, pt_step_result_t *result)
{
    PT__TRY(pt__handle_begin_stage(model, "pt_train_step"));
    return pt__handle_end_stage(model, train_step(model, optimizer, values, n_values, samples, flags, result));
}

static pt_status_t forward(pt_model_t *model, const pt_value_t *values, int32_t n_values, int64_t samples,
                           const char *output, float *dst, int64_t capacity, int64_t *elements)
{
    const pt__wants_t *wants;
    pt__loaded_t loaded;
    pt_tensor_t tensor;
    if (dst == NULL)
        return pt__handle_null("pt_forward", "dst");
    PT__TRY(pt__find_output(model, output, &tensor));
    PT__TRY(pt__engine_take(model, PT__MODE_OUTPUT, tensor, values, n_values, samples, &wants, &loaded));
    PT__TRY(pt__engine_run(model, PT__MODE_OUTPUT, wants, &loaded));
    pt__view_t view = pt__plan_read(model->planned[PT__MODE_OUTPUT].plan, tensor);
    int64_t count = pt__view_elements(&view);
    if (elements != NULL)
        *elements = count;
    if (count > capacity)
        return pt__fail(PT_ERR_ARGUMENT, "pt_forward: capacity is %lld, the output has %lld elements",
                        (long long)capacity, (long long)count);
    return pt__engine_read(model, PT__MODE_OUTPUT, tensor, dst);
}

pt_status_t pt_forward(pt_model_t *model, const pt_value_t *values, int32_t n_values, int64_t samples,
                       const char *output, float *dst, int64_t capacity, int64_t *elements)
{
    PT__TRY(pt__handle_begin_stage(model, "pt_forward"));
    return pt__handle_end_stage(model, forward(model, values, n_values, samples, output, dst, capacity, elements));
}

static pt_status_t find_loss(pt_model_t *model, const pt_value_t *values, int32_t n_values, int64_t samples,
                             double *loss)
{
    const pt__wants_t *wants;
    pt__loaded_t loaded;
    double weight;
    if (loss == NULL)
        return pt__handle_null("pt_loss", "loss");
    PT__TRY(pt__engine_take(model, PT__MODE_EVALUATE, PT_NO_TENSOR, values, n_values, samples, &wants, &loaded));
    PT__TRY(pt__engine_run(model, PT__MODE_EVALUATE, wants, &loaded));
    return pt__engine_loss(model, PT__MODE_EVALUATE, loaded.rows.count[PT__DIMENSION_BATCH], loss, &weight);
}

pt_status_t pt_loss(pt_model_t *model, const pt_value_t *values, int32_t n_values, int64_t samples, double *loss)
{
    PT__TRY(pt__handle_begin_stage(model, "pt_loss"));
    return pt__handle_end_stage(model, find_loss(model, values, n_values, samples, loss));
}

static pt_status_t estimate(pt_model_t *model, const pt_optimizer_t *optimizer, int64_t samples, int64_t tokens,
                            pt_estimate_t *result)
{
    pt_estimate_t found;
    if (result == NULL)
        return pt__handle_null("pt_model_estimate", "estimate");
    if (model->graph->loss == PT_NO_TENSOR)
        return pt__fail(PT_ERR_STATE, "pt_model_estimate: the model has no loss: set a task with pt_model_set_task");
    PT__TRY(pt__check_range("pt_model_estimate: samples", samples, 1));
    PT__TRY(pt__check_range("pt_model_estimate: tokens", tokens, 0));
    const pt_graph_t *graph = model->graph;
    for (int64_t i = 0; i < graph->n_inputs; i++)
        if (graph->tensors[graph->inputs[i].tensor].shape.dimension == PT__DIMENSION_TOKENS && tokens < samples)
            return pt__fail(PT_ERR_ARGUMENT,
                            "pt_model_estimate: tokens is %lld, expected at least one row for each of %lld samples, as "
                            "\"%s\" is ragged",
                            (long long)tokens, (long long)samples, graph->inputs[i].name);
    PT__TRY(pt__estimate(model, optimizer, samples, tokens, &found));
    return pt__result_write(result, &found, (uint32_t)sizeof found, "pt_estimate");
}

pt_status_t pt_model_estimate(pt_model_t *model, const pt_optimizer_t *optimizer, int64_t samples, int64_t tokens,
                              pt_estimate_t *result)
{
    PT__TRY(pt__handle_begin_stage(model, "pt_model_estimate"));
    return pt__handle_end_stage(model, estimate(model, optimizer, samples, tokens, result));
}
