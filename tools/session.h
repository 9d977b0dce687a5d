/* What every command begins with: a context as the options say, and signals. */
#ifndef SESSION_H
#define SESSION_H

#include <pretrain.h>

#include "settings.h"

/* A context with --threads, --seed, --processor, --precision and --memory. EXIT_DONE, or the status of a failure after
 * its message. One at a time. */
int session_open(const settings_t *settings, pt_context_t **context);

/* Of a clock that only goes forward. */
double clock_seconds(void);

/* From now on SIGINT, SIGTERM and SIGHUP end the program in good order: where a model is watched, its stage (see
 * interrupts_watch), else at once. Signals that the program was started to ignore stay ignored. */
void interrupts_catch(void);
/* This model's stage is what a signal ends, with pt_model_cancel; NULL: none. is_stepwise: the first signal only makes
 * interrupted() tell it, so that the stage's own callback can end it with its last checkpoint; a second one cancels. */
void interrupts_watch(pt_model_t *model, int is_stepwise);
/* The signal that came, or 0. */
int interrupted(void);

#endif
