/* label_accuracy: of several labels a row, the share of single answers, yes or no, that are right.
 *
 *   sources  scores [rows, C], of which those above 0 say yes; truths [rows, C], of which those above a half do */
#include "metrics/metrics.h"

static void add(const pt__metric_source_t *sources, int64_t samples, double *sums)
{
    const float *scores = sources[0].data, *truths = sources[1].data;
    const int64_t answers = sources[0].rows * sources[0].columns;
    (void)samples;
    for (int64_t i = 0; i < answers; i++)
        sums[PT__METRIC_TOTAL] += (scores[i] > 0) == (truths[i] > 0.5f);
    sums[PT__METRIC_COUNTED] += (double)answers;
}

const pt__metric_kind_t pt__metric_label_accuracy = {.name = "label_accuracy",
                                                     .direction = PT_METRIC_HIGHER,
                                                     .n_sources = 2,
                                                     .size = pt__metric_mean_size,
                                                     .add = add,
                                                     .finish = pt__metric_mean_finish};
