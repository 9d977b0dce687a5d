/* calibration_error: by how much a row's certainty differs from how often rows of such certainty are right: the
 * expected calibration error with 15 equal bins                                              (Guo 2017, Naeini 2015)
 *
 *   sources  probabilities [rows, C], labels int32 [rows]
 *
 * A row's certainty is its largest probability, and it is right where the first of these stands at its label. Bin k
 * has the certainties in (k / 15, (k + 1) / 15], the first one 0 too. The error is Σ over bins of
 * |sum of certainties - number of right ones| / rows. */
#include <math.h>

#include "metrics/metrics.h"

enum { BINS = 15, CERTAINTY = 0, RIGHT, COUNTED, SUMS };

static int64_t size(const int64_t *columns)
{
    (void)columns;
    return BINS * SUMS;
}

static int64_t bin_of(double certainty)
{
    int64_t bin = (int64_t)ceil(certainty * BINS) - 1;
    return bin < 0 ? 0 : bin < BINS ? bin : BINS - 1;
}

static void add(const pt__metric_source_t *sources, int64_t samples, double *sums)
{
    const float *probabilities = sources[0].data;
    const int32_t *labels = sources[1].data;
    int64_t classes = sources[0].columns;
    (void)samples;
    for (int64_t i = 0; i < sources[0].rows; i++) {
        if (labels[i] == sources[1].ignore)
            continue;
        int64_t guess = pt__metric_largest(probabilities + i * classes, classes);
        double certainty = (double)probabilities[i * classes + guess];
        if (isnan(certainty))
            continue;
        double *bin = sums + bin_of(certainty) * SUMS;
        bin[CERTAINTY] += certainty;
        bin[RIGHT] += guess == labels[i];
        bin[COUNTED] += 1;
    }
}

static double finish(const double *sums, const int64_t *columns, double loss)
{
    double error = 0, counted = 0;
    (void)columns;
    (void)loss;
    for (int64_t i = 0; i < BINS; i++) {
        error += fabs(sums[i * SUMS + CERTAINTY] - sums[i * SUMS + RIGHT]);
        counted += sums[i * SUMS + COUNTED];
    }
    return counted > 0 ? error / counted : (double)NAN;
}

const pt__metric_kind_t pt__metric_calibration_error = {.name = "calibration_error",
                                                        .direction = PT_METRIC_LOWER,
                                                        .n_sources = 2,
                                                        .target_dtype = PT_INT32,
                                                        .size = size,
                                                        .add = add,
                                                        .finish = finish};
