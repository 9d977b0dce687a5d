/* What metrics share that are the mean of something over all that counts. */
#include <math.h>

#include "metrics/metrics.h"

int64_t pt__metric_mean_size(const int64_t *columns)
{
    (void)columns;
    return PT__METRIC_MEAN_SUMS;
}

double pt__metric_mean_finish(const double *sums, const int64_t *columns, double loss)
{
    (void)columns;
    (void)loss;
    return sums[PT__METRIC_COUNTED] > 0 ? sums[PT__METRIC_TOTAL] / sums[PT__METRIC_COUNTED] : (double)NAN;
}
