/* mse: the mean of (prediction - target)² over all elements.
 *
 *   sources  prediction, target [rows, O] */
#include <math.h>

#include "metrics/metrics.h"

enum { SQUARES, COUNTED, SUMS };

static int64_t size(const int64_t *columns)
{
    (void)columns;
    return SUMS;
}

static void add(const pt__metric_source_t *sources, int64_t samples, double *sums)
{
    const float *prediction = sources[0].data, *target = sources[1].data;
    int64_t elements = sources[0].rows * sources[0].columns;
    (void)samples;
    for (int64_t i = 0; i < elements; i++) {
        double error = (double)prediction[i] - (double)target[i];
        sums[SQUARES] += error * error;
    }
    sums[COUNTED] += (double)elements;
}

static double finish(const double *sums, const int64_t *columns, double loss)
{
    (void)columns;
    (void)loss;
    return sums[COUNTED] > 0 ? sums[SQUARES] / sums[COUNTED] : (double)NAN;
}

const pt__metric_kind_t pt__metric_mse = {
    .name = "mse", .direction = PT_METRIC_LOWER, .n_sources = 2, .size = size, .add = add, .finish = finish};
