/* mae: the mean of |prediction - target| over all elements.
 *
 *   sources  prediction, target [rows, O] */
#include <math.h>

#include "metrics/metrics.h"

static void add(const pt__metric_source_t *sources, int64_t samples, double *sums)
{
    const float *prediction = sources[0].data, *target = sources[1].data;
    int64_t elements = sources[0].rows * sources[0].columns;
    (void)samples;
    for (int64_t i = 0; i < elements; i++)
        sums[PT__METRIC_TOTAL] += fabs((double)prediction[i] - (double)target[i]);
    sums[PT__METRIC_COUNTED] += (double)elements;
}

const pt__metric_kind_t pt__metric_mae = {.name = "mae",
                                          .direction = PT_METRIC_LOWER,
                                          .n_sources = 2,
                                          .size = pt__metric_mean_size,
                                          .add = add,
                                          .finish = pt__metric_mean_finish};
