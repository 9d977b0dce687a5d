/* Inside train/: what a training stage carries from step to step. loop.c drives; stage_event.c tells the host;
 * stage_checkpoint.c saves. */
#ifndef PT__STAGE_H
#define PT__STAGE_H

#include "train/model.h"

typedef struct pt__stage {
    pt_model_t *model;
    pt_optimizer_t *optimizer;
    pt_dataset_t *dataset, *evaluation; /* retained, as the optimizer is: a callback may free the host's handles */
    const pt_train_options_t *options;  /* the caller's; not there any more when a stage that was left is ended */
    const pt__requests_t *requests;
    pt__loader_t *loader;
    pt__progress_t progress;
    int64_t total_steps, epoch_steps; /* 0: not known */
    int64_t first_step;               /* where this call began */
    pt__portion_t micro_batch;
    int32_t reason;                   /* PT_REASON_..., 0 while it goes on */
    int32_t end_of_epoch;
    int32_t holds_optimizer;
    int32_t is_saved; /* a checkpoint holds all that stands here */
    int lock;         /* the checkpoint directory's; -1: none */
    int64_t whole_step;         /* of the newest checkpoint that was written or resumed from; -1: none */
    int64_t learnt_step;        /* the last that changed the weights, of this stage or of the one resumed */
    int32_t is_overdue;         /* a checkpoint was due when none could be written */
    int32_t is_prune_due;       /* older checkpoints stay until it is known that the newest is of use */
    int32_t is_ruined;          /* too many steps in a row were skipped */
    int32_t has_told_removal;   /* the log knows of an old checkpoint that cannot be removed */
    int32_t has_told_nonfinite; /* and of weights that are not */
    const char *message;        /* what went wrong, for an event */
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
    int32_t has_told_nan;  /* and of an evaluation that found nothing */
} pt__stage_t;

/* Calls the host's event callback, where there is one; a callback that does not write PT_ACTION_GO_ON ends the
 * stage. */
void pt__stage_tell(pt__stage_t *stage, int32_t kind, const char *path);
/* Counts an update and tells of it where its turn has come. */
void pt__stage_tell_step(pt__stage_t *stage);

/* At a step border: writes a checkpoint where one is due, and lets older ones go. One that cannot be written is told
 * to log and host, and no failure as long as an older one is there. */
pt_status_t pt__stage_checkpoint(pt__stage_t *stage);
/* At the stage's end: what is not saved yet. A failure is one. */
pt_status_t pt__stage_last_checkpoint(pt__stage_t *stage);
/* After a stage that failed for skipped steps, whose message stays: removes the checkpoints that would fail again. */
void pt__stage_drop_ruined(pt__stage_t *stage);

#endif
