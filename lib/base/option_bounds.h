#ifndef PT__OPTION_BOUNDS_H
#define PT__OPTION_BOUNDS_H

#include "base/status.h"

/* Whether a number in options is within its bounds, which it may equal: PT_ERR_ARGUMENT "OPTIONS.NAME is ...". */
pt_status_t pt__option_whole(const char *options, const char *name, int64_t value, int64_t least, int64_t most);
pt_status_t pt__option_within(const char *options, const char *name, double value, double least, double most);
/* The same of NAME_least and NAME_most, which are in order too. */
pt_status_t pt__option_range(const char *options, const char *name, double low, double high, double least, double most);

#endif
