/* micro_f1: of several labels a row, F1 = 2 · hits / (true + said) over all rows and labels, as scikit-learn's
 * f1_score(average="micro"); NaN where nothing is true and nothing is said to be.
 *
 *   sources  scores [rows, C], of which those above 0 say yes; truths [rows, C], of which those above a half do */
#include "metrics/metrics.h"

static void add(const pt__metric_source_t *sources, int64_t samples, double *sums)
{
    const float *scores = sources[0].data, *truths = sources[1].data;
    (void)samples;
    for (int64_t i = 0; i < sources[0].rows * sources[0].columns; i++) {
        const int32_t is_said = scores[i] > 0, is_true = truths[i] > 0.5f;
        sums[PT__METRIC_TOTAL] += 2 * (is_said & is_true);
        sums[PT__METRIC_COUNTED] += is_said + is_true;
    }
}

const pt__metric_kind_t pt__metric_micro_f1 = {.name = "micro_f1",
                                               .direction = PT_METRIC_HIGHER,
                                               .n_sources = 2,
                                               .size = pt__metric_mean_size,
                                               .add = add,
                                               .finish = pt__metric_mean_finish};
