/* When a stage writes checkpoints, what one that cannot be written costs, and how long the older ones stay.
 *
 * Whole is not healthy: after one update that is far too large every gradient is NaN and every step is skipped, but
 * files can still be written. So no checkpoint is written after a skipped step, except the stage's last, and the older
 * ones go only when a later step was made from what the newest holds, or, at the stage's end, when its weights are
 * finite. Where the stage fails for skipped steps, checkpoints with the weights that all of them were skipped from are
 * removed, if there is an older one: whoever resumes goes on from there. */
#include <stdio.h>

#include "base/log.h"
#include "kernels/device.h"
#include "train/fill.h"
#include "train/stage.h"

/* The first learnt tensor that is not finite; NULL: all are. */
static pt_status_t find_nonfinite(const pt_model_t *model, const pt__stored_t **found)
{
    pt_context_t *context = model->context;
    *found = NULL;
    for (int64_t i = 0; i < model->store.count && *found == NULL; i++) {
        const pt__stored_t *stored = &model->store.tensors[i];
        const void *values;
        if (!stored->learnable)
            continue;
        PT__TRY(pt__device_read_begin(context->device, &context->memory, stored->value,
                                      stored->elements * (int64_t)sizeof(float), stored->name, &values));
        if (pt__fill_check(context, PT_FLOAT32, values, stored->elements) >= 0)
            *found = stored;
        pt__device_read_end(context->device, &context->memory, values);
    }
    return PT_OK;
}

static pt_status_t prune(pt__stage_t *stage)
{
    const pt_train_options_t *options = stage->options;
    stage->is_prune_due = 0;
    return pt__rotation_prune(stage->model->context, options->checkpoint_directory, stage->whole_step,
                              options->checkpoints_kept > 0 ? options->checkpoints_kept : 2, &stage->has_told_removal);
}

/* After a failure whose message stands: without an older checkpoint, or without memory, it is the stage's. */
static pt_status_t bear(pt__stage_t *stage, pt_status_t failure, const char *path)
{
    char message[PT__MESSAGE_SIZE];
    if (failure == PT_ERR_MEMORY || failure == PT_ERR_DEVICE || stage->whole_step < 0 ||
        !pt__rotation_has(stage->options->checkpoint_directory, stage->whole_step))
        return failure;
    snprintf(message, sizeof message, "%s", pt__error_message()); /* calls of a callback's own clear it */
    pt__log(stage->model->context, PT_LOG_WARNING,
            "the checkpoint of step %lld was not written, the training goes on, with step %lld's to fall back on: %s",
            (long long)stage->progress.step, (long long)stage->whole_step, message);
    stage->message = message;
    pt__stage_tell(stage, PT_EVENT_CHECKPOINT_FAILED, path);
    stage->message = NULL;
    pt__error_clear();
    return PT_OK;
}

static pt_status_t write_one(pt__stage_t *stage, char path[PT__PATH_SIZE])
{
    const pt_train_options_t *options = stage->options;
    const pt_save_options_t saving = {.struct_size = (uint32_t)sizeof saving,
                                      .flags = options->flags & PT_TRAIN_TRAINED_ONLY ? (uint32_t)PT_SAVE_TRAINED_ONLY
                                                                                      : 0};
    PT__TRY(pt__rotation_path(options->checkpoint_directory, stage->progress.step, path));
    PT__TRY(pt__checkpoint_write(stage->model, stage->optimizer, &stage->progress, path, &saving));
    stage->is_saved = stage->is_prune_due = 1;
    stage->is_overdue = 0;
    stage->whole_step = stage->progress.step;
    return PT_OK;
}

static int32_t is_due(const pt__stage_t *stage)
{
    const pt_train_options_t *options = stage->options;
    if (stage->is_overdue || (options->checkpoint_every > 0 && stage->progress.step % options->checkpoint_every == 0))
        return 1;
    return options->checkpoint_seconds > 0 &&
           pt__clock_seconds() - stage->last_checkpoint >= options->checkpoint_seconds;
}

pt_status_t pt__stage_checkpoint(pt__stage_t *stage)
{
    char path[PT__PATH_SIZE];
    const pt__stored_t *nonfinite = NULL;
    if (stage->options->checkpoint_directory == NULL)
        return PT_OK;
    if (stage->is_prune_due && !stage->update.skipped)
        PT__TRY(prune(stage));
    if (!is_due(stage))
        return PT_OK;
    stage->is_overdue = 1; /* as soon as a step is made */
    if (stage->update.skipped)
        return PT_OK;
    PT__TRY(find_nonfinite(stage->model, &nonfinite));
    if (nonfinite != NULL) {
        if (!stage->has_told_nonfinite)
            pt__log(stage->model->context, PT_LOG_WARNING,
                    "step %lld: no checkpoint is written while parameter \"%s\" is not finite",
                    (long long)stage->progress.step, nonfinite->name);
        stage->has_told_nonfinite = 1;
        return PT_OK;
    }
    pt_status_t status = write_one(stage, path);
    stage->is_overdue = 0; /* also where it failed: the next is when the next is due */
    stage->last_checkpoint = pt__clock_seconds();
    if (status != PT_OK)
        return bear(stage, status, path);
    pt__stage_tell(stage, PT_EVENT_CHECKPOINT, path);
    return PT_OK;
}

pt_status_t pt__stage_last_checkpoint(pt__stage_t *stage)
{
    char path[PT__PATH_SIZE];
    const pt__stored_t *nonfinite;
    if (stage->options->checkpoint_directory == NULL)
        return PT_OK;
    if (!stage->is_saved) {
        PT__TRY(write_one(stage, path));
        pt__stage_tell(stage, PT_EVENT_CHECKPOINT, path);
    }
    if (!stage->is_prune_due || stage->update.skipped)
        return PT_OK;
    PT__TRY(find_nonfinite(stage->model, &nonfinite));
    return nonfinite == NULL ? prune(stage) : PT_OK;
}

void pt__stage_drop_ruined(pt__stage_t *stage)
{
    char message[PT__MESSAGE_SIZE];
    if (stage->options->checkpoint_directory == NULL)
        return;
    snprintf(message, sizeof message, "%s", pt__error_message());
    pt__rotation_drop(stage->model->context, stage->options->checkpoint_directory, stage->learnt_step,
                      stage->progress.step);
    pt__error_set(message);
}
