/* What a stage tells while it runs: a bar or lines on standard error, and events as JSON on standard output. */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <pretrain.h>

#include "settings.h"

/* A curve: at most some thousand points of all that were added, evenly taken. */
typedef struct series {
    double *x, *y;
    int64_t count, capacity, added, every;
} series_t;

typedef struct progress {
    const settings_t *settings;
    const pt_model_t *model;
    /* when something was last shown */
    double shown;
    int32_t is_terminal;
    /* standard output could not be written: the stage was ended */
    int32_t is_broken;
    /* by updates, for --report: the training's loss, and the loss and --best of the evaluations */
    series_t losses, held_out, metrics;
} progress_t;

void progress_begin(progress_t *progress, const settings_t *settings, const pt_model_t *model);
void progress_end(progress_t *progress);
/* A pt_event_fn, whose user is a progress_t. Ends the stage where a signal came or --events cannot be written. */
void progress_event(void *user, pt_event_t *event);

#endif
