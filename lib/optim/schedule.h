/* Learning rate schedules: the factor of the base rate as a pure function of the number of updates made. */
#ifndef PT__SCHEDULE_H
#define PT__SCHEDULE_H

#include "base/status.h"

/* Whether the kind has an end that must be known. */
int32_t pt__schedule_needs_total(int32_t kind);

/* The factor for update `step` (0 for the first) of `total` in all; total is read by the kinds that need one. Not for
 * PT_SCHEDULE_CALLBACK. */
double pt__schedule_factor(const pt_schedule_options_t *schedule, int64_t step, int64_t total);

/* The same through the host's callback: PT_ERR_CALLBACK where it fails, or gives no finite factor >= 0. */
pt_status_t pt__schedule_ask(const pt_schedule_options_t *schedule, int64_t step, double *factor);

#endif
