/* top5_accuracy: the share of rows whose label is among their five largest scores, of the rows that count.
 *
 *   sources  scores [rows, C], labels int32 [rows]
 *
 * Of equal scores the first come first, as for accuracy. */
#include "metrics/metrics.h"

enum { MOST = 5 };

/* How many of the row's scores stand before the label's. */
static int64_t place_of(const float *row, int64_t classes, int64_t label)
{
    int64_t before = 0;
    for (int64_t i = 0; i < classes; i++)
        before += row[i] > row[label] || (row[i] == row[label] && i < label);
    return before;
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
        sums[PT__METRIC_TOTAL] += labels[i] >= 0 && labels[i] < classes &&
                                  place_of(scores + i * classes, classes, labels[i]) < MOST;
        sums[PT__METRIC_COUNTED] += 1;
    }
}

const pt__metric_kind_t pt__metric_top5_accuracy = {.name = "top5_accuracy",
                                                    .direction = PT_METRIC_HIGHER,
                                                    .n_sources = 2,
                                                    .target_dtype = PT_INT32,
                                                    .size = pt__metric_mean_size,
                                                    .add = add,
                                                    .finish = pt__metric_mean_finish};
