/* How the exported functions of a model begin and end: the thread's message is cleared, a model in use by a stage
 * refuses what would disturb it, and a failure's message is kept on the model too. */
#ifndef PT__HANDLE_H
#define PT__HANDLE_H

#include "base/options.h"
#include "train/model.h"

/* Begins a call on a model; `change` is 0 for getters, which a callback may call. */
pt_status_t pt__handle_enter(const pt_model_t *model, int32_t change, const char *function);
/* Ends it: returns status, the message kept. */
pt_status_t pt__handle_leave(const pt_model_t *model, pt_status_t status);
/* Around a stage: from enter to leave callbacks find the model busy. */
pt_status_t pt__handle_begin_stage(pt_model_t *model, const char *function);
pt_status_t pt__handle_end_stage(pt_model_t *model, pt_status_t status);
/* Around what only reads the model and hands it to callbacks, which find it busy; a stage's callback may call it. */
pt_status_t pt__handle_begin_output(const pt_model_t *model, const char *function, int32_t *before);
pt_status_t pt__handle_end_output(const pt_model_t *model, int32_t before, pt_status_t status);
/* "FUNCTION: NAME is NULL". */
pt_status_t pt__handle_null(const char *function, const char *name);

#endif
