/* The loop behind pt_pretrain and pt_finetune: batches until the steps, the epochs, the time or the host say that it
 * is enough; between steps evaluation with early stopping, and checkpoints. At every step border model, optimizer
 * and progress agree, so that a checkpoint taken there goes on with the same bits. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/random.h"
#include "base/unfinished.h"
#include "train/stage.h"

/* A step that learnt nothing looks like any other in what it costs: the log names the first. */
static void tell_idle(pt__stage_t *stage)
{
    if (!stage->has_told_idle)
        pt__log(stage->model->context, PT_LOG_WARNING,
                "step %lld: none of its labels counts, so nothing is learnt from it (all are ignored, or weigh 0)",
                (long long)(stage->progress.step + 1));
    stage->has_told_idle = 1;
}

/* One update from one batch. PT_END where the data is over. */
static pt_status_t step(pt__stage_t *stage)
{
    pt__loaded_t loaded;
    double loss_sum = 0, weight_sum = 0, loss, weight;
    stage->step_samples = stage->step_tokens = 0;
    do {
        pt_status_t status = pt__loader_next(stage->loader, &loaded);
        if (status != PT_OK) {
            PT__TRY(pt__step_abandon(stage->model)); /* part of a batch: not trained on */
            return status;
        }
        PT__TRY(pt__plans_prepare(stage->model, PT__MODE_TRAIN, PT_NO_TENSOR, &loaded.rows, NULL));
        PT__TRY(pt__step_accumulate(stage->model, stage->requests, &loaded, &loss, &weight));
        if (weight > 0)
            loss_sum += loss * weight;
        weight_sum += weight;
        stage->step_samples += loaded.rows.count[PT__DIMENSION_BATCH];
        stage->step_tokens += loaded.rows.count[PT__DIMENSION_TOKENS];
    } while (!loaded.last_of_batch);
    const pt__horizon_t horizon = {.begin = stage->progress.begin, .steps = stage->total_steps};
    PT__TRY(pt__model_bind_optimizer(stage->model, stage->optimizer)); /* a callback may have trained others with it */
    pt_status_t status =
        pt__step_update(stage->model, stage->optimizer, &horizon, stage->options->event != NULL, &stage->update);
    stage->is_ruined = status == PT_ERR_NONFINITE && stage->update.skipped;
    PT__TRY(status);
    stage->loss = weight_sum > 0 ? loss_sum / weight_sum : (double)NAN;
    if (weight_sum == 0)
        tell_idle(stage);
    stage->has_learnt = weight_sum > 0 && !stage->update.skipped;
    stage->end_of_epoch = loaded.last_of_epoch;
    stage->samples += stage->step_samples;
    stage->tokens += stage->step_tokens;
    stage->skipped += stage->update.skipped;
    stage->progress.step++;
    if (stage->has_learnt)
        stage->learnt_step = stage->progress.step;
    stage->progress.cursor = pt__loader_cursor(stage->loader);
    stage->is_saved = 0;
    return PT_OK;
}

/* The mean that the result reports: over the last epoch, or the last tenth of the steps where that is less. */
static void count_tail(pt__stage_t *stage)
{
    int64_t tail = stage->epoch_steps;
    int64_t tenth = stage->total_steps / 10 + (stage->total_steps % 10 != 0);
    if (stage->total_steps > 0 && (tail == 0 || tail > tenth))
        tail = tenth;
    int32_t in_tail = stage->total_steps > 0 ? stage->progress.step > stage->total_steps - tail : 1;
    if (stage->total_steps == 0 && stage->tail_over)
        stage->tail_loss = 0, stage->tail_steps = 0;
    stage->tail_over = stage->end_of_epoch;
    if (in_tail && stage->has_learnt) {
        stage->tail_loss += stage->loss;
        stage->tail_steps++;
    }
}

/* Whether a value is better than the best by as much as the options ask; the first one that is a number always is. */
static int32_t is_gain(const pt__stage_t *stage, double value)
{
    const double best = stage->progress.best_value, least = stage->options->improvement;
    if (isnan(value) || isnan(best))
        return !isnan(value);
    if (pt__metric_direction(stage->model, stage->progress.best_metric) == PT_METRIC_HIGHER)
        return isgreater(value, best + least);
    return isless(value, best - least); /* quiet comparisons: the host may trap NaN */
}

static pt_status_t evaluate(pt__stage_t *stage)
{
    pt_evaluation_t found;
    pt__progress_t *progress = &stage->progress;
    pt__portion_t portion = pt__budget_evaluation(stage->model, stage->options, &stage->micro_batch);
    PT__TRY(pt__evaluate(stage->model, stage->options->evaluation, portion, &found));
    if (isnan(found.loss) && !stage->has_told_nan)
        pt__log(stage->model->context, PT_LOG_WARNING,
                "step %lld: the evaluation's loss is NaN: none of its labels counts, or the network gives NaN",
                (long long)progress->step);
    stage->has_told_nan |= isnan(found.loss) != 0;
    stage->evaluation_loss = found.loss;
    stage->evaluation_metric = stage->model->metrics[progress->best_metric];
    progress->evaluated_step = progress->step;
    stage->is_saved = 0;
    if (is_gain(stage, stage->evaluation_metric)) {
        progress->best_value = stage->evaluation_metric;
        progress->best_step = progress->step;
        progress->evaluations_without_gain = 0;
        if (progress->best != NULL)
            PT__TRY(pt__store_copy_changing(&stage->model->store, progress->best));
    } else if (++progress->evaluations_without_gain >= stage->options->patience && stage->options->patience > 0 &&
               stage->reason == 0)
        stage->reason = PT_REASON_EARLY;
    pt__stage_tell(stage, PT_EVENT_EVALUATION, NULL);
    return PT_OK;
}

/* Evaluation is due every so many steps, or at epochs' ends, or, where steps are given and epochs are not, at the
 * end. */
static int32_t is_evaluation_due(const pt__stage_t *stage, int32_t last)
{
    const pt_train_options_t *options = stage->options;
    if (options->evaluation == NULL)
        return 0;
    if (options->evaluate_every > 0)
        return last || stage->progress.step % options->evaluate_every == 0;
    return last || (options->steps == 0 && stage->end_of_epoch);
}

static int32_t is_last(const pt__stage_t *stage)
{
    return stage->total_steps > 0 && stage->progress.step >= stage->total_steps;
}

static pt_status_t after_step(pt__stage_t *stage)
{
    const pt_train_options_t *options = stage->options;
    count_tail(stage);
    pt__stage_tell_step(stage);
    int32_t last = is_last(stage);
    if (stage->reason == 0 && is_evaluation_due(stage, last))
        PT__TRY(evaluate(stage));
    PT__TRY(pt__stage_checkpoint(stage));
    if (stage->reason == 0 && last)
        stage->reason = PT_REASON_DONE;
    if (stage->reason == 0 && options->time_budget > 0 && pt__clock_seconds() - stage->started >= options->time_budget)
        stage->reason = PT_REASON_TIME;
    return PT_OK;
}

/* Whatever ended the stage in good order: a last evaluation where the data ended it, a last checkpoint, the best
 * weights, also where that checkpoint cannot be written, the event. */
static pt_status_t finish(pt__stage_t *stage)
{
    const pt_train_options_t *options = stage->options;
    int32_t is_over = stage->reason == PT_REASON_END_OF_DATA || stage->reason == PT_REASON_DONE;
    if (is_over && options->evaluation != NULL && stage->progress.evaluated_step < stage->progress.step)
        PT__TRY(evaluate(stage));
    pt_status_t status = pt__stage_last_checkpoint(stage);
    if (stage->progress.best != NULL && stage->progress.best_step > 0) {
        char message[PT__MESSAGE_SIZE];
        snprintf(message, sizeof message, "%s", pt__error_message());
        PT__TRY(pt__store_restore_changing(&stage->model->store, stage->progress.best));
        pt__error_set(message);
    }
    PT__TRY(status);
    pt__stage_tell(stage, PT_EVENT_END, NULL);
    return PT_OK;
}

/* What the step border that a stage resumes at may lack: the host stopped it there before its evaluation; or there
 * is nothing left to do. */
static pt_status_t catch_up(pt__stage_t *stage)
{
    const pt__progress_t *progress = &stage->progress;
    stage->end_of_epoch = progress->cursor.position == 0;
    if (progress->step == 0 || stage->reason != 0)
        return PT_OK;
    if (progress->evaluated_step < progress->step && is_evaluation_due(stage, is_last(stage)))
        PT__TRY(evaluate(stage));
    else if (stage->options->patience > 0 && progress->evaluations_without_gain >= stage->options->patience)
        stage->reason = PT_REASON_EARLY;
    if (stage->reason == 0 && is_last(stage))
        stage->reason = PT_REASON_DONE;
    return PT_OK;
}

static pt_status_t check_cancelled(const pt__stage_t *stage)
{
    if (!atomic_exchange(&stage->model->cancelled, 0))
        return PT_OK;
    return pt__fail(PT_ERR_CANCELLED, "cancelled after step %lld", (long long)stage->progress.step);
}

static pt_status_t run(pt__stage_t *stage)
{
    PT__TRY(catch_up(stage));
    while (stage->reason == 0) {
        PT__TRY(check_cancelled(stage));
        pt_status_t status = step(stage);
        if (status == PT_END && stage->progress.step > 0) {
            stage->reason = stage->total_steps == 0 ? PT_REASON_DONE : PT_REASON_END_OF_DATA;
            break;
        }
        if (status != PT_OK)
            return pt__fail_within(status == PT_END ? PT_ERR_ARGUMENT : status, "step %lld",
                                   (long long)(stage->progress.step + 1));
        PT__TRY(after_step(stage));
    }
    PT__TRY(check_cancelled(stage));
    return finish(stage);
}

/* A stage that was cancelled is over too. */
static pt_status_t tell_cancelled(pt__stage_t *stage)
{
    stage->reason = PT_REASON_CANCELLED;
    pt__stage_tell(stage, PT_EVENT_END, NULL);
    return PT_ERR_CANCELLED;
}

/* 0: no number of them ends the stage. */
static int64_t epochs_wanted(const pt_train_options_t *options)
{
    return options->epochs == 0 && options->steps == 0 ? 1 : options->epochs;
}

/* Steps that are left until so many epochs have passed, from where the data is read on: batches may have had another
 * size before, and end at multiples of the present one (data.h). */
static int64_t steps_left(const pt__stage_t *stage, int64_t epochs)
{
    const pt__cursor_t *cursor = &stage->progress.cursor;
    const int64_t batch = stage->options->batch;
    if (cursor->epoch >= epochs)
        return 0;
    int64_t steps = stage->epoch_steps - cursor->position / batch;
    if (steps < 0 || cursor->position >= stage->dataset->length)
        steps = 0;
    int64_t more = epochs - cursor->epoch - 1, most = INT64_MAX - steps - stage->progress.step;
    return more > 0 && stage->epoch_steps > most / more ? most : steps + more * stage->epoch_steps;
}

/* Steps in all, from steps, epochs and the dataset's length. By rows, they are counted when the loader is there. */
static void count_steps(pt__stage_t *stage)
{
    const pt_train_options_t *options = stage->options;
    int64_t length = options->batch_rows > 0 ? -1 : stage->dataset->length;
    if (length >= 0)
        stage->epoch_steps = length / options->batch +
                             ((options->flags & PT_TRAIN_DROP_PARTIAL) == 0 && length % options->batch != 0);
    stage->total_steps = options->steps;
    int64_t epochs = epochs_wanted(options);
    if (epochs > 0 && length >= 0) {
        int64_t by_epochs = stage->progress.step + steps_left(stage, epochs);
        if (options->steps == 0 || by_epochs < options->steps)
            stage->total_steps = by_epochs;
    }
}

/* Where the lengths of all samples are known without fetching any, so is how many batches they give. */
static pt_status_t count_steps_by_rows(pt__stage_t *stage, const pt__loader_options_t *options)
{
    int64_t batches;
    if (options->epochs == 0)
        return PT_OK;
    PT__TRY(pt__loader_count_batches(stage->dataset, stage->requests->list, stage->requests->count, options,
                                     &stage->progress.cursor, &batches));
    if (batches >= 0 && (stage->total_steps == 0 || stage->progress.step + batches < stage->total_steps))
        stage->total_steps = stage->progress.step + batches;
    return PT_OK;
}

/* Whatever is at hand is checked before the first step, not after hours: that the dataset fits, and with `values` every
 * one of its samples, unless the host makes them. */
static pt_status_t look_through(const pt__stage_t *stage, pt__mode_t mode, pt_dataset_t *dataset,
                                const pt__loader_options_t *options, int32_t values)
{
    pt__loader_options_t once = *options;
    const pt__requests_t *requests;
    pt__loader_t *loader;
    pt__loaded_t loaded;
    once.epochs = once.in_order = 1;
    once.bucket = once.drop_partial = once.prefetch = once.producers = 0;
    PT__TRY(pt__engine_loader(stage->model, mode, PT_NO_TENSOR, dataset, &once, NULL, &requests, &loader));
    pt_status_t status = PT_OK;
    pt__pass_begin(loader);
    memcpy(once.length_limit, stage->model->graph->length_limit, sizeof once.length_limit);
    if (values && !pt__dataset_asks_host(dataset) &&
        !pt__dataset_surely_fits(dataset, requests->list, requests->count, &once)) {
        while (status == PT_OK)
            status = pt__loader_next(loader, &loaded);
        status = status == PT_END ? PT_OK : status;
        if (status == PT_OK)
            pt__dataset_note_fits(dataset, requests->list, requests->count, &once);
    }
    pt__pass_close(loader);
    return status;
}

static pt_status_t check_evaluation(const pt__stage_t *stage, int32_t values)
{
    const pt__loader_options_t wanted = {.batch = 1, .micro_batch = 1};
    if (stage->options->evaluation == NULL)
        return PT_OK;
    pt_status_t status = look_through(stage, PT__MODE_EVALUATE, stage->options->evaluation, &wanted, values);
    return status == PT_OK ? PT_OK : pt__fail_within(status, "pt_train_options.evaluation");
}

static pt_status_t open_loader(pt__stage_t *stage)
{
    const pt_train_options_t *options = stage->options;
    pt__loader_options_t wanted = {
        .batch = options->batch,
        .batch_rows = options->batch_rows,
        .bucket = options->bucket,
        .producers = options->producers,
        .in_order = (options->flags & PT_TRAIN_IN_ORDER) != 0 || stage->dataset->length < 0,
        .drop_partial = (options->flags & PT_TRAIN_DROP_PARTIAL) != 0,
        .prefetch = 1,
        .epochs = epochs_wanted(options),
    };
    pt__portion_t *portion = &stage->micro_batch;
    PT__TRY(pt__budget_micro_batch(stage->model, stage->optimizer, stage->dataset, options, portion));
    if (wanted.batch > 0 && portion->samples > wanted.batch)
        portion->samples = wanted.batch;
    if (wanted.batch_rows > 0 && portion->rows > wanted.batch_rows)
        portion->rows = wanted.batch_rows;
    wanted.micro_batch = portion->samples;
    wanted.micro_rows = portion->rows;
    PT__TRY(look_through(stage, PT__MODE_TRAIN, stage->dataset, &wanted, 1));
    PT__TRY(check_evaluation(stage, 1));
    PT__TRY(pt__engine_loader(stage->model, PT__MODE_TRAIN, PT_NO_TENSOR, stage->dataset, &wanted,
                              &stage->progress.cursor, &stage->requests, &stage->loader));
    if (options->batch_rows > 0)
        PT__TRY(count_steps_by_rows(stage, &wanted));
    const pt__rows_t rows = pt__loader_capacity(stage->loader);
    return pt__plans_prepare(stage->model, PT__MODE_TRAIN, PT_NO_TENSOR, &rows, NULL);
}

/* Which value says what is better. */
static pt_status_t find_best_metric(pt__stage_t *stage)
{
    const pt_model_t *model = stage->model;
    const char *name = stage->options->best_metric;
    char known[PT__MESSAGE_SIZE / 2] = "";
    stage->progress.best_metric = name == NULL ? 0 : pt__metric_index(model, name);
    if (stage->progress.best_metric >= 0)
        return PT_OK;
    for (int32_t i = 0; model->graph->loss != PT_NO_TENSOR && i <= model->graph->n_metrics; i++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s\"%s\"", i == 0 ? "" : ", ", pt__metric_name(model, i));
    }
    return pt__fail(PT_ERR_NOT_FOUND, "pt_train_options.best_metric is \"%.64s\"; the model has %s", name,
                    *known == 0 ? "none, as it has no loss" : known);
}

/* What the positions of an epoch mean. */
static uint64_t order_of(const pt__stage_t *stage)
{
    const pt_train_options_t *options = stage->options;
    uint64_t order = pt__random_key(pt__dataset_order(stage->dataset), (uint64_t)options->bucket);
    return pt__random_key(order, options->flags & PT_TRAIN_IN_ORDER);
}

/* With the lock and the place to go on from. A directory that cannot be written is refused before the first step. */
static pt_status_t open_directory(pt__stage_t *stage, char path[PT__PATH_SIZE], int32_t *resumed)
{
    const pt_train_options_t *options = stage->options;
    pt_model_t *model = stage->model;
    if (options->checkpoint_directory == NULL)
        return PT_OK;
    pt_status_t status = pt__rotation_open(model->context, options->checkpoint_directory, &stage->lock);
    if (status != PT_OK)
        return pt__fail_within(status, "pt_train_options.checkpoint_directory");
    if (options->flags & PT_TRAIN_RESUME)
        return pt__rotation_resume(model, stage->optimizer, &stage->progress, options->checkpoint_directory, path,
                                   resumed);
    return pt__rotation_refuse_others(model->context, options->checkpoint_directory);
}

static pt_status_t start(pt__stage_t *stage, char path[PT__PATH_SIZE], int32_t *resumed)
{
    const pt_train_options_t *options = stage->options;
    pt_model_t *model = stage->model;
    pt__class_names_t names;
    *resumed = 0;
    stage->progress.cursor.seed = options->shuffle_seed != 0 ? options->shuffle_seed
                                                             : pt__random_key(model->context->seed, 0x73687566);
    stage->loss = (double)NAN;
    stage->progress.begin = pt__optimizer_counts_get(stage->optimizer).steps;
    stage->progress.samples = stage->dataset->length;
    stage->progress.order = order_of(stage);
    stage->progress.best_value = stage->evaluation_loss = stage->evaluation_metric = (double)NAN;
    PT__TRY(find_best_metric(stage));
    if (options->flags & PT_TRAIN_KEEP_BEST)
        PT__TRY(pt__allocate_uninitialised(&model->context->memory,
                                           (size_t)pt__store_changing_elements(&model->store), sizeof(float),
                                           "best weights", &stage->progress.best));
    PT__TRY(check_evaluation(stage, 0));
    PT__TRY(open_directory(stage, path, resumed));
    pt__state_forget_accumulation(model);
    stage->is_saved = 1; /* there is nothing new yet */
    stage->whole_step = *resumed ? stage->progress.step : -1;
    stage->first_step = stage->progress.step;
    stage->learnt_step = stage->progress.step - pt__optimizer_counts_get(stage->optimizer).skipped_in_a_row;
    count_steps(stage);
    PT__TRY(pt__model_bind_optimizer(model, stage->optimizer));
    pt__optimizer_hold(stage->optimizer, 1);
    stage->holds_optimizer = 1;
    PT__TRY(pt__class_names_begin(model, stage->dataset, options->evaluation, &names));
    pt_status_t status = open_loader(stage);
    if (status == PT_OK)
        pt__class_names_take(model, &names);
    pt__class_names_release(&model->context->memory, &names);
    return status;
}

static void fill_result(const pt__stage_t *stage, pt_train_result_t *result)
{
    *result = (pt_train_result_t){.struct_size = (uint32_t)sizeof *result,
                                  .reason = stage->reason,
                                  .steps = stage->progress.step - stage->first_step,
                                  .samples = stage->samples,
                                  .tokens = stage->tokens,
                                  .loss = stage->tail_steps > 0 ? stage->tail_loss / (double)stage->tail_steps
                                                                : stage->loss,
                                  .best_value = stage->progress.best_value,
                                  .best_step = stage->progress.best_step,
                                  .seconds = pt__clock_seconds() - stage->started,
                                  .peak_bytes = atomic_load(&stage->model->context->memory.peak_bytes),
                                  .skipped = stage->skipped};
}

static void end(pt__stage_t *stage)
{
    pt__memory_t *memory = &stage->model->context->memory;
    if (stage->holds_optimizer) /* not where it is another stage's */
        pt__optimizer_hold(stage->optimizer, 0);
    pt__directory_unlock(&stage->lock);
    pt__loader_free(stage->loader);
    pt__release(memory, stage->progress.best);
    if (stage->evaluation != NULL)
        pt__dataset_release(stage->evaluation);
    pt__optimizer_release(stage->optimizer);
    pt__dataset_release(stage->dataset);
    pt__release(memory, stage);
}

static pt_status_t end_unfinished(void *object)
{
    pt__stage_t *stage = object;
    pt__state_forget_accumulation(stage->model);
    end(stage);
    return PT_OK;
}

pt_status_t pt__train(pt_model_t *model, pt_optimizer_t *optimizer, pt_dataset_t *dataset,
                      const pt_train_options_t *options, pt_train_result_t *result)
{
    pt__stage_t *stage;
    char path[PT__PATH_SIZE];
    int32_t resumed;
    PT__TRY(pt__allocate(&model->context->memory, 1, sizeof *stage, "stage", &stage));
    *stage = (pt__stage_t){.model = model,
                           .optimizer = pt__optimizer_retain(optimizer),
                           .dataset = pt__dataset_retain(dataset),
                           .evaluation = options->evaluation,
                           .options = options,
                           .lock = -1,
                           .started = pt__clock_seconds()};
    if (stage->evaluation != NULL)
        pt__dataset_retain(stage->evaluation);
    stage->event_started = stage->last_checkpoint = stage->started;
    pt__unfinished_push(end_unfinished, stage);
    pt_status_t status = start(stage, path, &resumed);
    if (status == PT_OK) {
        if (resumed)
            pt__stage_tell(stage, PT_EVENT_RESUME, path);
        status = run(stage);
        if (status == PT_ERR_CANCELLED)
            status = tell_cancelled(stage);
        if (status != PT_OK && stage->is_ruined)
            pt__stage_drop_ruined(stage);
    }
    fill_result(stage, result);
    pt__unfinished_pop();
    end(stage);
    return status;
}
