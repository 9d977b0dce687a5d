/* total: Σ of a number that a network counts itself, over all micro-batches.
 *
 *   source  one number */
#include "metrics/metrics.h"

static int64_t size(const int64_t *columns)
{
    (void)columns;
    return 1;
}

static void add(const pt__metric_source_t *sources, int64_t samples, double *sums)
{
    const float *number = sources[0].data;
    (void)samples;
    sums[0] += (double)number[0];
}

static double finish(const double *sums, const int64_t *columns, double loss)
{
    (void)columns;
    (void)loss;
    return sums[0];
}

const pt__metric_kind_t pt__metric_total = {
    .name = "total", .n_sources = 1, .size = size, .add = add, .finish = finish};
