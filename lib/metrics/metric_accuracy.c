/* accuracy: the share of rows whose first largest score stands at their label, of the rows that count.
 *
 *   sources  scores [rows, C], labels int32 [rows] */
#include <math.h>

#include "metrics/metrics.h"

enum { CORRECT, COUNTED, SUMS };

static int64_t size(const int64_t *columns)
{
    (void)columns;
    return SUMS;
}

static void add(const pt__metric_source_t *sources, int64_t samples, double *sums)
{
    const float *scores = sources[0].data;
    const int32_t *labels = sources[1].data;
    int64_t classes = sources[0].columns;
    (void)samples;
    for (int64_t i = 0; i < sources[0].rows; i++) {
        if (labels[i] == sources[1].ignore)
            continue;
        sums[CORRECT] += pt__metric_largest(scores + i * classes, classes) == labels[i];
        sums[COUNTED] += 1;
    }
}

static double finish(const double *sums, const int64_t *columns, double loss)
{
    (void)columns;
    (void)loss;
    return sums[COUNTED] > 0 ? sums[CORRECT] / sums[COUNTED] : (double)NAN;
}

const pt__metric_kind_t pt__metric_accuracy = {.name = "accuracy",
                                               .direction = PT_METRIC_HIGHER,
                                               .n_sources = 2,
                                               .target_dtype = PT_INT32,
                                               .size = size,
                                               .add = add,
                                               .finish = finish};
