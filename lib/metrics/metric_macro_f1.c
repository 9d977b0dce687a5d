/* macro_f1: the mean over classes of F1 = 2 · hits / (labelled + predicted), a row being predicted as its first
 * largest score.
 *
 *   sources  scores [rows, C], labels int32 [rows]
 *
 * Classes that are neither labelled nor predicted are left out of the mean, as in scikit-learn's
 * f1_score(average="macro"). */
#include <math.h>

#include "metrics/metrics.h"

static int64_t size(const int64_t *columns)
{
    return 3 * columns[0];
}

static void add(const pt__metric_source_t *sources, int64_t samples, double *sums)
{
    const float *scores = sources[0].data;
    const int32_t *labels = sources[1].data;
    int64_t classes = sources[0].columns;
    double *hits = sums, *labelled = sums + classes, *predicted = sums + 2 * classes;
    (void)samples;
    for (int64_t i = 0; i < sources[0].rows; i++) {
        if (labels[i] == sources[1].ignore || labels[i] < 0 || labels[i] >= classes)
            continue;
        int64_t guess = pt__metric_largest(scores + i * classes, classes);
        hits[guess] += guess == labels[i];
        labelled[labels[i]] += 1;
        predicted[guess] += 1;
    }
}

static double finish(const double *sums, const int64_t *columns, double loss)
{
    int64_t classes = columns[0], present = 0;
    const double *hits = sums, *labelled = sums + classes, *predicted = sums + 2 * classes;
    double total = 0;
    (void)loss;
    for (int64_t i = 0; i < classes; i++)
        if (labelled[i] + predicted[i] > 0) {
            total += 2 * hits[i] / (labelled[i] + predicted[i]);
            present++;
        }
    return present > 0 ? total / (double)present : (double)NAN;
}

const pt__metric_kind_t pt__metric_macro_f1 = {.name = "macro_f1",
                                               .direction = PT_METRIC_HIGHER,
                                               .n_sources = 2,
                                               .target_dtype = PT_INT32,
                                               .size = size,
                                               .add = add,
                                               .finish = finish};
