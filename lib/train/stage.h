/* Inside train/: what a training stage carries from step to step. loop.c drives; stage_event.c tells the host. */
#ifndef PT__STAGE_H
#define PT__STAGE_H

#include "train/model.h"

typedef struct pt__stage {
    pt_model_t *model;
    pt_optimizer_t *optimizer;
    pt_dataset_t *dataset;
    const pt_train_options_t *options;
    const pt__wants_t *wants;
    pt__loader_t *loader;
    pt__progress_t progress;
    int64_t total_steps, epoch_steps; /* 0: not known */
    int64_t first_step;               /* where this call began */
    pt__portion_t micro_batch;
    int32_t reason;                   /* PT_REASON_..., 0 while it goes on */
    int32_t end_of_epoch;
    int32_t holds_optimizer;
    int32_t is_saved; /* a checkpoint holds all that stands here */
    double started, last_checkpoint;
    /* the last update */
    double loss;
    int32_t has_learnt; /* labels counted, and the gradient was finite */
    pt__update_result_t update;
    int64_t step_samples, step_tokens;
    /* since the last PT_EVENT_STEP */
    double event_started, event_loss;
    int64_t event_steps, event_samples, event_tokens;
    /* for the result */
    double tail_loss;
    int64_t tail_steps, samples, tokens, skipped;
    int32_t tail_over; /* data of unknown length: the next step begins an epoch, and the mean over it */
    double evaluation_loss, evaluation_metric; /* of the last evaluation; NaN: none yet */
    int32_t has_told_idle; /* the log knows of a step without a label that counts */
} pt__stage_t;

/* Calls the host's event callback, where there is one; a callback that does not write PT_ACTION_GO_ON ends the
 * stage. */
void pt__stage_tell(pt__stage_t *stage, int32_t kind, const char *path);
/* Counts an update and tells of it where its turn has come. */
void pt__stage_tell_step(pt__stage_t *stage);

#endif
