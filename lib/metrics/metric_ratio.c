/* ratio: Σ numerator / Σ denominator over all micro-batches: what a host's network counts itself, on the device,
 * under a name of the host's.
 *
 *   sources  numerator and denominator, one number each; without a denominator: the number of samples */
#include <math.h>

#include "metrics/metrics.h"

enum { NUMERATOR, DENOMINATOR, SUMS };

static int64_t size(const int64_t *columns)
{
    (void)columns;
    return SUMS;
}

static void add(const pt__metric_source_t *sources, int64_t samples, double *sums)
{
    const float *numerator = sources[NUMERATOR].data, *denominator = sources[DENOMINATOR].data;
    sums[NUMERATOR] += (double)numerator[0];
    sums[DENOMINATOR] += denominator == NULL ? (double)samples : (double)denominator[0];
}

static double finish(const double *sums, const int64_t *columns, double loss)
{
    (void)columns;
    (void)loss;
    return sums[DENOMINATOR] != 0 ? sums[NUMERATOR] / sums[DENOMINATOR] : (double)NAN;
}

const pt__metric_kind_t pt__metric_ratio = {
    .name = "ratio", .n_sources = 2, .size = size, .add = add, .finish = finish};
