/* r2: the mean over outputs of R² = 1 - Σ (prediction - target)² / Σ (target - mean of the targets)².
 *
 *   sources  prediction, target [rows, O]
 *
 * The mean and the sum around it are kept up row by row (Welford 1962): a difference of large sums of squares would
 * lose the digits. A target that never changes gives 1 where the predictions are exact and else 0, as in
 * scikit-learn's r2_score; fewer than two rows give nothing. */
#include <math.h>

#include "metrics/metrics.h"

enum { ROWS, MEAN, AROUND_MEAN, SQUARES, SUMS }; /* of each output */

static int64_t size(const int64_t *columns)
{
    return SUMS * columns[0];
}

static void add(const pt__metric_source_t *sources, int64_t samples, double *sums)
{
    const float *prediction = sources[0].data, *target = sources[1].data;
    int64_t outputs = sources[0].columns;
    (void)samples;
    for (int64_t i = 0; i < sources[0].rows * outputs; i++) {
        double *of = sums + i % outputs * SUMS, error = (double)prediction[i] - (double)target[i];
        double before = (double)target[i] - of[MEAN];
        of[ROWS] += 1;
        of[MEAN] += before / of[ROWS];
        of[AROUND_MEAN] += before * ((double)target[i] - of[MEAN]);
        of[SQUARES] += error * error;
    }
}

static double finish(const double *sums, const int64_t *columns, double loss)
{
    double total = 0;
    (void)loss;
    for (int64_t i = 0; i < columns[0]; i++) {
        const double *of = sums + i * SUMS;
        if (of[ROWS] < 2)
            return (double)NAN;
        if (of[AROUND_MEAN] > 0)
            total += 1 - of[SQUARES] / of[AROUND_MEAN];
        else
            total += of[SQUARES] == 0;
    }
    return total / (double)columns[0];
}

const pt__metric_kind_t pt__metric_r2 = {
    .name = "r2", .direction = PT_METRIC_HIGHER, .n_sources = 2, .size = size, .add = add, .finish = finish};
