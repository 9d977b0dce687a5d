/* See option_bounds.h. */
#include "base/option_bounds.h"

#include "base/number.h"

pt_status_t pt__option_whole(const char *options, const char *name, int64_t value, int64_t least, int64_t most)
{
    if (value < least || value > most)
        return pt__fail(PT_ERR_ARGUMENT, "%s.%s is %lld, expected %lld to %lld", options, name, (long long)value,
                        (long long)least, (long long)most);
    return PT_OK;
}

pt_status_t pt__option_within(const char *options, const char *name, double value, double least, double most)
{
    if (!(value >= least && value <= most))
        return pt__fail(PT_ERR_ARGUMENT, "%s.%s is %g, expected %g to %g", options, name, pt__number_shown(value),
                        least, most);
    return PT_OK;
}

pt_status_t pt__option_range(const char *options, const char *name, double low, double high, double least, double most)
{
    if (!(low >= least && low <= high && high <= most))
        return pt__fail(PT_ERR_ARGUMENT, "%s.%s_least and _most are %g and %g, expected %g to %g in order", options,
                        name, pt__number_shown(low), pt__number_shown(high), least, most);
    return PT_OK;
}
