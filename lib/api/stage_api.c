/* pt_pretrain, pt_finetune, pt_evaluate, pt_predict, pt_generate, the step calls, the estimate and checkpoints: check, call down, report.
 * Between begin and end of a stage the model is busy; dataset and optimizer are retained, so that a callback may free its handles. */
#include <math.h>
#include <string.h>

#include "api/handle.h"
#include "base/text.h"

pt_status_t pt_train_options_init(pt_train_options_t *options, uint32_t struct_size)
{
    static const pt_train_options_t defaults = {.batch = 8, .event_every = 1};
    pt__error_clear();
    return pt__options_init(options, struct_size, &defaults, (uint32_t)sizeof defaults, "pt_train_options");
}

pt_status_t pt_generate_options_init(pt_generate_options_t *options, uint32_t struct_size)
{
    static const pt_generate_options_t defaults = {.count = 64, .stop_token = -1};
    pt__error_clear();
    return pt__options_init(options, struct_size, &defaults, (uint32_t)sizeof defaults, "pt_generate_options");
}

static pt_status_t check_range(const char *field, int64_t value, int64_t least)
{
    if (value >= least && value <= INT64_MAX / 1024)
        return PT_OK;
    return pt__fail(PT_ERR_ARGUMENT, "%s is %lld, expected at least %lld%s", field, (long long)value, (long long)least,
                    value < least ? "" : " and something this machine can count");
}

static pt_status_t check_seconds(const char *field, double value)
{
    if (value >= 0 && isfinite(value))
        return PT_OK;
    return pt__fail(PT_ERR_ARGUMENT, "%s is %g, expected a finite number of at least 0", field, value);
}

static pt_status_t check_training(const pt_train_options_t *options)
{
    const uint32_t known = PT_TRAIN_RESUME | PT_TRAIN_KEEP_BEST | PT_TRAIN_IN_ORDER | PT_TRAIN_DROP_PARTIAL;
    if (options->flags & ~known)
        return pt__fail(PT_ERR_ARGUMENT, "pt_train_options.flags has unknown bits: %#x",
                        (unsigned)(options->flags & ~known));
    PT__TRY(check_range("pt_train_options.steps", options->steps, 0));
    PT__TRY(check_range("pt_train_options.epochs", options->epochs, 0));
    PT__TRY(check_range("pt_train_options.batch", options->batch, 1));
    PT__TRY(check_range("pt_train_options.micro_batch", options->micro_batch, 0));
    PT__TRY(check_range("pt_train_options.memory_budget", options->memory_budget, 0));
    PT__TRY(check_range("pt_train_options.event_every", options->event_every, 1));
    PT__TRY(check_range("pt_train_options.evaluate_every", options->evaluate_every, 0));
    PT__TRY(check_range("pt_train_options.evaluation_batch", options->evaluation_batch, 0));
    PT__TRY(check_range("pt_train_options.patience", options->patience, 0));
    PT__TRY(check_range("pt_train_options.checkpoint_every", options->checkpoint_every, 0));
    PT__TRY(check_range("pt_train_options.checkpoints_kept", options->checkpoints_kept, 0));
    PT__TRY(check_seconds("pt_train_options.time_budget", options->time_budget));
    PT__TRY(check_seconds("pt_train_options.checkpoint_seconds", options->checkpoint_seconds));
    PT__TRY(check_seconds("pt_train_options.improvement", options->improvement));
    if (options->evaluation == NULL &&
        (options->patience > 0 || (options->flags & PT_TRAIN_KEEP_BEST) || options->evaluate_every > 0))
        return pt__fail(
            PT_ERR_ARGUMENT,
            "pt_train_options.evaluation is NULL, but patience, evaluate_every or PT_TRAIN_KEEP_BEST needs it");
    if (options->checkpoint_directory == NULL &&
        ((options->flags & PT_TRAIN_RESUME) || options->checkpoint_every > 0 || options->checkpoint_seconds > 0))
        return pt__fail(PT_ERR_ARGUMENT, "pt_train_options.checkpoint_directory is NULL, but PT_TRAIN_RESUME, "
                                         "checkpoint_every or checkpoint_seconds needs it");
    return PT_OK;
}

static pt_status_t check_context(const pt_model_t *model, const pt_context_t *other, const char *function,
                                 const char *what)
{
    if (model->context == other)
        return PT_OK;
    return pt__fail(PT_ERR_ARGUMENT, "%s: the %s belongs to another context than the model", function, what);
}

/* pt_pretrain: the family's own task where there is none, and no task that needs labels. */
static pt_status_t settle_pretraining(pt_model_t *model)
{
    if (model->task.task == PT_TASK_NONE && model->graph->loss == PT_NO_TENSOR && model->family != NULL &&
        model->family->default_task != PT_TASK_NONE) {
        pt_task_options_t task;
        PT__TRY(pt_task_options_init(&task, (uint32_t)sizeof task));
        task.task = model->family->default_task;
        return pt__model_set_task(model, &task);
    }
    const pt__task_t *task = pt__task_find(model->task.task);
    if (task != NULL && !task->self_supervised)
        return pt__fail(PT_ERR_STATE, "pt_pretrain: the model's task, %s, needs labels: use pt_finetune", task->name);
    return PT_OK;
}

static pt_status_t train(pt_model_t *model, pt_optimizer_t *optimizer, pt_dataset_t *dataset,
                         const pt_train_options_t *options, int32_t pretraining, const char *function,
                         pt_train_result_t *result)
{
    pt_train_options_t settled;
    PT__TRY(pt_train_options_init(&settled, (uint32_t)sizeof settled));
    PT__TRY(pt__options_read(options, &settled, (uint32_t)sizeof settled, "pt_train_options"));
    PT__TRY(check_training(&settled));
    if (optimizer == NULL || dataset == NULL)
        return pt__handle_null(function, optimizer == NULL ? "optimizer" : "dataset");
    PT__TRY(check_context(model, pt__optimizer_context(optimizer), function, "optimizer"));
    PT__TRY(check_context(model, dataset->context, function, "dataset"));
    if (settled.evaluation != NULL)
        PT__TRY(check_context(model, settled.evaluation->context, function, "evaluation dataset"));
    if (pretraining)
        PT__TRY(settle_pretraining(model));
    pt__dataset_retain(dataset);
    pt__optimizer_retain(optimizer);
    if (settled.evaluation != NULL)
        pt__dataset_retain(settled.evaluation);
    pt_status_t status = pt__train(model, optimizer, dataset, &settled, result);
    if (settled.evaluation != NULL)
        pt__dataset_release(settled.evaluation);
    pt__optimizer_release(optimizer);
    pt__dataset_release(dataset);
    return status;
}

static pt_status_t train_stage(pt_model_t *model, pt_optimizer_t *optimizer, pt_dataset_t *dataset,
                               const pt_train_options_t *options, int32_t pretraining, const char *function,
                               pt_train_result_t *result)
{
    pt_train_result_t found = {0};
    PT__TRY(pt__handle_begin_stage(model, function));
    pt_status_t status = pt__result_write(
        result, &found, (uint32_t)sizeof found,
        "pt_train_result"); /* one that cannot be written is told now, not after hours */
    if (status == PT_OK)
        status = train(model, optimizer, dataset, options, pretraining, function, &found);
    if (result != NULL) { /* also after a failure: how far it came */
        pt_status_t written = pt__result_write(result, &found, (uint32_t)sizeof found, "pt_train_result");
        status = status == PT_OK ? written : status;
    }
    return pt__handle_end_stage(model, status);
}

pt_status_t pt_pretrain(pt_model_t *model, pt_optimizer_t *optimizer, pt_dataset_t *dataset,
                        const pt_train_options_t *options, pt_train_result_t *result)
{
    return train_stage(model, optimizer, dataset, options, 1, "pt_pretrain", result);
}

pt_status_t pt_finetune(pt_model_t *model, pt_optimizer_t *optimizer, pt_dataset_t *dataset,
                        const pt_train_options_t *options, pt_train_result_t *result)
{
    return train_stage(model, optimizer, dataset, options, 0, "pt_finetune", result);
}

static pt_status_t check_pass(const pt_model_t *model, const pt_dataset_t *dataset, int64_t batch, const char *function)
{
    if (dataset == NULL)
        return pt__handle_null(function, "dataset");
    PT__TRY(check_context(model, dataset->context, function, "dataset"));
    if (batch < 0 || batch > INT32_MAX)
        return pt__fail(PT_ERR_ARGUMENT, "%s: batch is %lld, expected 0 to %d", function, (long long)batch, INT32_MAX);
    return PT_OK;
}

enum { DEFAULT_BATCH = 8 };

pt_status_t pt_evaluate(pt_model_t *model, pt_dataset_t *dataset, int64_t batch, pt_evaluation_t *result)
{
    pt_evaluation_t found = {0};
    PT__TRY(pt__handle_begin_stage(model, "pt_evaluate"));
    pt_status_t status = result == NULL ? pt__handle_null("pt_evaluate", "result")
                                        : pt__result_write(result, &found, (uint32_t)sizeof found, "pt_evaluation");
    if (status == PT_OK)
        status = check_pass(model, dataset, batch, "pt_evaluate");
    if (status == PT_OK) {
        pt__dataset_retain(dataset);
        status = pt__evaluate(model, dataset, batch == 0 ? DEFAULT_BATCH : batch, &found);
        pt__dataset_release(dataset);
    }
    if (status == PT_OK)
        status = pt__result_write(result, &found, (uint32_t)sizeof found, "pt_evaluation");
    return pt__handle_end_stage(model, status);
}

static pt_status_t find_output(const pt_model_t *model, const char *name, pt_tensor_t *output)
{
    pt__text_t text = pt__text_start(&model->context->memory);
    *output = pt__graph_output(model->graph, name);
    if (*output != PT_NO_TENSOR)
        return PT_OK;
    for (int64_t i = 0; i < model->graph->n_outputs; i++)
        pt__text_add(&text, "%s\"%s\"", i == 0 ? "" : ", ", model->graph->outputs[i].name);
    pt_status_t status = pt__fail(PT_ERR_NOT_FOUND, "the model has no output \"%.100s\"; it has %s",
                                  name == NULL ? "" : name, text.data == NULL ? "none" : text.data);
    pt__text_free(&text);
    return status;
}

static pt_status_t predict(pt_model_t *model, pt_dataset_t *dataset, const char *output, int64_t batch, float *values,
                           int64_t capacity, int64_t *elements)
{
    pt_tensor_t tensor;
    if (elements == NULL)
        return pt__handle_null("pt_predict", "elements");
    *elements = 0;
    if (values == NULL && capacity != 0)
        return pt__handle_null("pt_predict", "values");
    PT__TRY(check_pass(model, dataset, batch, "pt_predict"));
    PT__TRY(find_output(model, output, &tensor));
    pt__dataset_retain(dataset);
    pt_status_t status = pt__predict(model, dataset, tensor, batch == 0 ? DEFAULT_BATCH : batch, values, capacity,
                                     elements);
    pt__dataset_release(dataset);
    return status;
}

pt_status_t pt_predict(pt_model_t *model, pt_dataset_t *dataset, const char *output, int64_t batch, float *values,
                       int64_t capacity, int64_t *elements)
{
    PT__TRY(pt__handle_begin_stage(model, "pt_predict"));
    return pt__handle_end_stage(model, predict(model, dataset, output, batch, values, capacity, elements));
}

static pt_status_t check_generation(const pt_generate_options_t *options)
{
    if (options->flags != 0)
        return pt__fail(PT_ERR_ARGUMENT, "pt_generate_options.flags is %u, expected 0", (unsigned)options->flags);
    PT__TRY(check_range("pt_generate_options.count", options->count, 0));
    PT__TRY(check_range("pt_generate_options.top_k", options->top_k, 0));
    PT__TRY(check_seconds("pt_generate_options.temperature", options->temperature));
    if (!(options->top_p >= 0 && options->top_p <= 1))
        return pt__fail(PT_ERR_ARGUMENT, "pt_generate_options.top_p is %g, expected 0 to 1", options->top_p);
    return PT_OK;
}

static pt_status_t generate(pt_model_t *model, const int32_t *prompt, int64_t prompt_length,
                            const pt_generate_options_t *options, int32_t *tokens, int64_t capacity, int64_t *count)
{
    pt_generate_options_t settled;
    if (prompt == NULL || tokens == NULL || count == NULL)
        return pt__handle_null("pt_generate", prompt == NULL ? "prompt" : tokens == NULL ? "tokens" : "count");
    *count = 0;
    if (prompt_length < 1 || prompt_length > INT32_MAX / 2 || capacity < 0 || capacity > INT32_MAX / 2)
        return pt__fail(PT_ERR_ARGUMENT,
                        "pt_generate: prompt_length is %lld and capacity %lld, expected at least 1 and 0",
                        (long long)prompt_length, (long long)capacity);
    PT__TRY(pt_generate_options_init(&settled, (uint32_t)sizeof settled));
    PT__TRY(pt__options_read(options, &settled, (uint32_t)sizeof settled, "pt_generate_options"));
    PT__TRY(check_generation(&settled));
    return pt__generate(model, prompt, prompt_length, &settled, tokens, capacity, count);
}

pt_status_t pt_generate(pt_model_t *model, const int32_t *prompt, int64_t prompt_length,
                        const pt_generate_options_t *options, int32_t *tokens, int64_t capacity, int64_t *count)
{
    PT__TRY(pt__handle_begin_stage(model, "pt_generate"));
    return pt__handle_end_stage(model, generate(model, prompt, prompt_length, options, tokens, capacity, count));
}

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
    PT__TRY(check_context(model, pt__optimizer_context(optimizer), "pt_train_step", "optimizer"));
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
    PT__TRY(find_output(model, output, &tensor));
    PT__TRY(pt__engine_take(model, PT__MODE_OUTPUT, tensor, values, n_values, samples, &wants, &loaded));
    pt__engine_run(model, PT__MODE_OUTPUT, wants, &loaded);
    pt__view_t view = pt__plan_read(model->planned[PT__MODE_OUTPUT].plan, tensor);
    int64_t count = pt__view_elements(&view);
    if (elements != NULL)
        *elements = count;
    if (count > capacity)
        return pt__fail(PT_ERR_ARGUMENT, "pt_forward: capacity is %lld, the output has %lld elements",
                        (long long)capacity, (long long)count);
    memcpy(dst, view.data, (size_t)count * sizeof(float));
    return PT_OK;
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
    pt__engine_run(model, PT__MODE_EVALUATE, wants, &loaded);
    pt__engine_loss(model, PT__MODE_EVALUATE, loaded.rows.count[PT__DIMENSION_BATCH], loss, &weight);
    return PT_OK;
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
    PT__TRY(check_range("pt_model_estimate: samples", samples, 1));
    PT__TRY(check_range("pt_model_estimate: tokens", tokens, 0));
    for (int64_t i = 0; i < model->graph->n_inputs; i++)
        if (model->graph->tensors[model->graph->inputs[i].tensor].shape.dimension == PT__DIMENSION_TOKENS && tokens < samples)
            return pt__fail(PT_ERR_ARGUMENT,
                            "pt_model_estimate: tokens is %lld, expected at least one row for each of %lld samples, as "
                            "\"%s\" is ragged",
                            (long long)tokens, (long long)samples, model->graph->inputs[i].name);
    PT__TRY(pt__estimate(model, optimizer, samples, tokens, &found));
    return pt__result_write(result, &found, (uint32_t)sizeof found, "pt_estimate");
}

pt_status_t pt_model_estimate(pt_model_t *model, const pt_optimizer_t *optimizer, int64_t samples, int64_t tokens,
                              pt_estimate_t *result)
{
    PT__TRY(pt__handle_begin_stage(model, "pt_model_estimate"));
    return pt__handle_end_stage(model, estimate(model, optimizer, samples, tokens, result));
}

pt_status_t pt_checkpoint_save(const pt_model_t *model, const pt_optimizer_t *optimizer, const char *path)
{
    PT__TRY(pt__handle_enter(model, 0, "pt_checkpoint_save"));
    if (path == NULL)
        return pt__handle_leave(model, pt__handle_null("pt_checkpoint_save", "path"));
    if (optimizer != NULL) {
        pt_status_t status = check_context(model, pt__optimizer_context(optimizer), "pt_checkpoint_save", "optimizer");
        /* An optimizer that has not stepped on this model yet has no slots: binding makes them, all zero. */
        if (status == PT_OK)
            status = pt__model_bind_optimizer((pt_model_t *)(uintptr_t)model, (pt_optimizer_t *)(uintptr_t)optimizer);
        if (status != PT_OK)
            return pt__handle_leave(model, status);
    }
    return pt__handle_leave(model, pt__checkpoint_write(model, optimizer, NULL, path));
}

pt_status_t pt_checkpoint_load(pt_model_t *model, pt_optimizer_t *optimizer, const char *path)
{
    PT__TRY(pt__handle_enter(model, 1, "pt_checkpoint_load"));
    if (path == NULL)
        return pt__handle_leave(model, pt__handle_null("pt_checkpoint_load", "path"));
    if (optimizer != NULL) {
        pt_status_t status = check_context(model, pt__optimizer_context(optimizer), "pt_checkpoint_load", "optimizer");
        if (status != PT_OK)
            return pt__handle_leave(model, status);
    }
    return pt__handle_leave(model, pt__checkpoint_read(model, optimizer, NULL, path));
}
