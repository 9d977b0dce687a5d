/* What several exported functions ask of their arguments. `field` or `function` begins the message. */
#ifndef PT__ARGUMENTS_H
#define PT__ARGUMENTS_H

#include "base/status.h"

enum { PT__DEFAULT_BATCH = 8 }; /* samples, where a host gives 0 */

/* At least `least`, and small enough to be multiplied by sizes. */
pt_status_t pt__check_range(const char *field, int64_t value, int64_t least);
/* Finite and at least 0. */
pt_status_t pt__check_seconds(const char *field, double value);
/* The handle named `what` belongs to the model's context. */
pt_status_t pt__check_context(const pt_model_t *model, const pt_context_t *other, const char *function,
                              const char *what);
/* The model's output of that name; the message lists those that there are. */
pt_status_t pt__find_output(const pt_model_t *model, const char *name, pt_tensor_t *output);

#endif
