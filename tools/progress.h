/* What a stage tells while it runs: a bar or lines on standard error, and events as JSON on standard output. */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <pretrain.h>

#include "settings.h"

typedef struct progress {
    const settings_t *settings;
    const pt_model_t *model;
    /* when something was last shown */
    double shown;
    int32_t is_terminal;
    /* standard output could not be written: the stage was ended */
    int32_t is_broken;
} progress_t;

void progress_begin(progress_t *progress, const settings_t *settings, const pt_model_t *model);
/* A pt_event_fn, whose user is a progress_t. Ends the stage where a signal came or --events cannot be written. */
void progress_event(void *user, pt_event_t *event);

#endif
