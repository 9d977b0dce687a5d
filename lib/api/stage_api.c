/* Training stages, for hosts: pt_pretrain and pt_finetune. From begin to end of a stage the model is busy. */
#include "api/arguments.h"
#include "api/handle.h"

pt_status_t pt_train_options_init(pt_train_options_t *options, uint32_t struct_size)
{
    static const pt_train_options_t defaults = {.event_every = 1};
    pt__error_clear();
    return pt__options_init(options, struct_size, &defaults, (uint32_t)sizeof defaults, "pt_train_options");
}

enum { MOST_PRODUCERS = 256 };

static pt_status_t check_training(const pt_train_options_t *options)
{
    const uint32_t known = PT_TRAIN_RESUME | PT_TRAIN_KEEP_BEST | PT_TRAIN_IN_ORDER | PT_TRAIN_DROP_PARTIAL |
                           PT_TRAIN_TRAINED_ONLY;
    if (options->flags & ~known)
        return pt__fail(PT_ERR_ARGUMENT, "pt_train_options.flags has unknown bits: %#x",
                        (unsigned)(options->flags & ~known));
    PT__TRY(pt__check_range("pt_train_options.steps", options->steps, 0));
    PT__TRY(pt__check_range("pt_train_options.epochs", options->epochs, 0));
    PT__TRY(pt__check_range("pt_train_options.batch", options->batch, 0));
    PT__TRY(pt__check_range("pt_train_options.micro_batch", options->micro_batch, 0));
    PT__TRY(pt__check_range("pt_train_options.batch_rows", options->batch_rows, 0));
    PT__TRY(pt__check_range("pt_train_options.micro_batch_rows", options->micro_batch_rows, 0));
    PT__TRY(pt__check_range("pt_train_options.bucket", options->bucket, 0));
    if (options->producers < 0 || options->producers > MOST_PRODUCERS)
        return pt__fail(PT_ERR_ARGUMENT, "pt_train_options.producers is %ld, expected 0 to %d",
                        (long)options->producers, MOST_PRODUCERS);
    if (options->reserved != 0)
        return pt__fail(PT_ERR_VERSION, "pt_train_options.reserved is %ld, expected 0", (long)options->reserved);
    PT__TRY(pt__check_range("pt_train_options.memory_budget", options->memory_budget, 0));
    PT__TRY(pt__check_range("pt_train_options.event_every", options->event_every, 1));
    PT__TRY(pt__check_range("pt_train_options.evaluate_every", options->evaluate_every, 0));
    PT__TRY(pt__check_range("pt_train_options.evaluation_batch", options->evaluation_batch, 0));
    PT__TRY(pt__check_range("pt_train_options.patience", options->patience, 0));
    PT__TRY(pt__check_range("pt_train_options.checkpoint_every", options->checkpoint_every, 0));
    PT__TRY(pt__check_range("pt_train_options.checkpoints_kept", options->checkpoints_kept, 0));
    PT__TRY(pt__check_seconds("pt_train_options.time_budget", options->time_budget));
    PT__TRY(pt__check_seconds("pt_train_options.checkpoint_seconds", options->checkpoint_seconds));
    PT__TRY(pt__check_seconds("pt_train_options.improvement", options->improvement));
    if (options->evaluation == NULL &&
        (options->patience > 0 || (options->flags & PT_TRAIN_KEEP_BEST) || options->evaluate_every > 0 ||
         options->best_metric != NULL))
        return pt__fail(PT_ERR_ARGUMENT, "pt_train_options.evaluation is NULL, but patience, evaluate_every, "
                                         "best_metric or PT_TRAIN_KEEP_BEST needs it");
    if (options->checkpoint_directory == NULL &&
        ((options->flags & PT_TRAIN_RESUME) || options->checkpoint_every > 0 || options->checkpoint_seconds > 0))
        return pt__fail(PT_ERR_ARGUMENT, "pt_train_options.checkpoint_directory is NULL, but PT_TRAIN_RESUME, "
                                         "checkpoint_every or checkpoint_seconds needs it");
    return PT_OK;
}

/* pt_pretrain: the family's own task where there is none, and no task that needs labels. */
static pt_status_t choose_pretraining_task(pt_model_t *model)
{
    if (model->task_kind == NULL && model->graph->loss == PT_NO_TENSOR && model->family != NULL &&
        model->family->default_task != NULL) {
        pt__task_options_t task;
        float *none; /* defaults have no class weights */
        PT__TRY(pt__task_choose(&model->context->memory, model->family->default_task, NULL, &task, &none));
        return pt__model_set_task(model, &task);
    }
    const pt__task_t *task = model->task_kind;
    if (task != NULL && !task->self_supervised)
        return pt__fail(PT_ERR_STATE, "pt_pretrain: the model's task, %s, needs labels: use pt_finetune", task->name);
    return PT_OK;
}

static pt_status_t train(pt_model_t *model, pt_optimizer_t *optimizer, pt_dataset_t *dataset,
                         const pt_train_options_t *options, int32_t pretraining, const char *function,
                         pt_train_result_t *result)
{
    pt_train_options_t effective;
    PT__TRY(pt_train_options_init(&effective, (uint32_t)sizeof effective));
    PT__TRY(pt__options_read(options, &effective, (uint32_t)sizeof effective, "pt_train_options"));
    PT__TRY(check_training(&effective));
    if (effective.batch == 0 && effective.batch_rows == 0)
        effective.batch = PT__DEFAULT_BATCH;
    if (optimizer == NULL || dataset == NULL)
        return pt__handle_null(function, optimizer == NULL ? "optimizer" : "dataset");
    PT__TRY(pt__check_context(model, pt__optimizer_context(optimizer), function, "optimizer"));
    PT__TRY(pt__check_context(model, dataset->context, function, "dataset"));
    if (effective.evaluation != NULL)
        PT__TRY(pt__check_context(model, effective.evaluation->context, function, "evaluation dataset"));
    if (pretraining)
        PT__TRY(choose_pretraining_task(model));
    return pt__train(model, optimizer, dataset, &effective, result);
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
