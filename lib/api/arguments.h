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
/* Options of what is read, completed: they name exactly one place, and ask for nothing but the flags and, where they
 * `may`, names. */
pt_status_t pt__read_load_options(const char *function, const char *path, const pt_load_options_t *options,
                                  uint32_t flags, int32_t may_name, pt_load_options_t *effective);
/* The same for what is written, in one of the formats up to `last_format`. */
pt_status_t pt__read_save_options(const char *function, const char *path, const pt_save_options_t *options,
                                  uint32_t flags, int32_t last_format, pt_save_options_t *effective);

#endif
