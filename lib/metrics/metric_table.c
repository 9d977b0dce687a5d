/* The table of kinds of metrics, from metrics.def. */
#include <string.h>

#include "metrics/metrics.h"

#define PT__METRIC(name) extern const pt__metric_kind_t pt__##name;
#include "metrics/metrics.def"
#undef PT__METRIC

static const pt__metric_kind_t *const kinds[] = {
#define PT__METRIC(name) &pt__##name,
#include "metrics/metrics.def"
#undef PT__METRIC
};

enum { KINDS = sizeof kinds / sizeof kinds[0] };

const pt__metric_kind_t *pt__metric_find(const char *name)
{
    for (int32_t i = 0; i < KINDS; i++)
        if (strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    return NULL;
}

const pt__metric_kind_t *pt__metric_at(int32_t index)
{
    return index >= 0 && index < KINDS ? kinds[index] : NULL;
}
