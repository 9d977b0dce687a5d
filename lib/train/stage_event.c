/* Events: what a host needs to draw a progress bar, and its chance to stop. */
#include <math.h>

#include "train/stage.h"

static double seconds_left(const pt__stage_t *stage, double elapsed)
{
    double left = (double)NAN;
    int64_t done = stage->progress.step - stage->first_step;
    if (stage->total_steps > 0 && done > 0)
        left = elapsed / (double)done * (double)(stage->total_steps - stage->progress.step);
    if (stage->options->time_budget > 0 && !isless(left, stage->options->time_budget - elapsed))
        left = stage->options->time_budget > elapsed ? stage->options->time_budget - elapsed : 0;
    return left;
}

void pt__stage_tell(pt__stage_t *stage, int32_t kind, const char *path)
{
    if (stage->options->event == NULL)
        return;
    double now = pt__clock_seconds(), interval = now - stage->event_started;
    pt_event_t event = {.struct_size = (uint32_t)sizeof event,
                        .action = PT_ACTION_STOP,
                        .kind = kind,
                        .reason = stage->reason,
                        .step = stage->progress.step,
                        .total_steps = stage->total_steps,
                        .epoch = pt__loader_cursor(stage->loader).epoch,
                        .loss = stage->event_steps > 0 ? stage->event_loss / (double)stage->event_steps : stage->loss,
                        .learning_rate = stage->update.learning_rate,
                        .gradient_norm = stage->update.gradient_norm,
                        .evaluation_loss = stage->evaluation_loss,
                        .evaluation_metric = stage->evaluation_metric,
                        .samples_per_second = interval > 0 ? (double)stage->event_samples / interval : 0,
                        .tokens_per_second = interval > 0 ? (double)stage->event_tokens / interval : 0,
                        .seconds = now - stage->started,
                        .seconds_left = seconds_left(stage, now - stage->started),
                        .bytes = atomic_load(&stage->model->context->memory.bytes),
                        .path = path,
                        .message = stage->message};
    pt__kept_error_t kept;
    pt__error_keep(&kept);
    pt__pool_rest(stage->model->context->pool);
    stage->options->event(stage->options->event_user, &event);
    pt__error_return(&kept);
    if (event.action != PT_ACTION_GO_ON && stage->reason == 0)
        stage->reason = PT_REASON_HOST;
}

void pt__stage_tell_step(pt__stage_t *stage)
{
    if (stage->has_learnt) {
        stage->event_loss += stage->loss;
        stage->event_steps++;
    }
    stage->event_samples += stage->step_samples;
    stage->event_tokens += stage->step_tokens;
    if (stage->update.skipped)
        pt__stage_tell(stage, PT_EVENT_NONFINITE, NULL);
    if (stage->progress.step % stage->options->event_every != 0 && stage->progress.step != stage->total_steps)
        return;
    pt__stage_tell(stage, PT_EVENT_STEP, NULL);
    if (stage->options->event != NULL)
        stage->event_started = pt__clock_seconds();
    stage->event_loss = 0;
    stage->event_steps = stage->event_samples = stage->event_tokens = 0;
}
