/* accuracy: the share of rows whose first largest score stands at their label, of the rows that count.
 *
 *   sources  scores [rows, C], labels int32 [rows] */
#include "metrics/metrics.h"

static void add(const pt__metric_source_t *sources, int64_t samples, double *sums)
{
    const float *scores = sources[0].data;
    const int32_t *labels = sources[1].data;
    int64_t classes = sources[0].columns;
    (void)samples;
    for (int64_t i = 0; i < sources[0].rows; i++) {
        if (labels[i] == sources[1].ignore)
            continue;
        sums[PT__METRIC_TOTAL] += pt__metric_largest(scores + i * classes, classes) == labels[i];
        sums[PT__METRIC_COUNTED] += 1;
    }
}

const pt__metric_kind_t pt__metric_accuracy = {.name = "accuracy",
                                               .direction = PT_METRIC_HIGHER,
                                               .n_sources = 2,
                                               .target_dtype = PT_INT32,
                                               .size = pt__metric_mean_size,
                                               .add = add,
                                               .finish = pt__metric_mean_finish};
