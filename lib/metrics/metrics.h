/* Metrics: what an evaluation tells beside the loss. A metric is a fixed number of sums, added to on the host after
 * every micro-batch, and a value that is made from them at the end: so it does not depend on how the samples are
 * cut, and it takes no memory that grows with them. The tensors that it reads are named by the graph
 * (graph/metric.c); train/evaluate.c drives. All functions run in the library's float mode, where nothing traps,
 * allocate nothing and cannot fail. */
#ifndef PT__METRICS_H
#define PT__METRICS_H

#include <stdint.h>

#include "base/status.h"

enum { PT__METRIC_SOURCES = 2 };

typedef struct pt__metric_source { /* one tensor's rows of one micro-batch */
    const void *data;              /* [rows, columns] float32, or [rows] int32; NULL: a source that is not there */
    int64_t rows, columns;
    int32_t ignore; /* int32: a row with this value counts nothing; INT32_MIN: none */
} pt__metric_source_t;

/* A kind of metric: one file and one line in metrics.def. */
typedef struct pt__metric_kind {
    const char *name;     /* "r2" */
    int32_t direction;    /* PT_METRIC_LOWER or PT_METRIC_HIGHER is better; 0: whoever names the metric says */
    int32_t n_sources;    /* 0: read from the loss alone */
    int32_t target_dtype; /* of the second source; 0: float32 as the first is, and its columns */
    int64_t (*size)(const int64_t *columns); /* how many sums; at least 1 */
    void (*add)(const pt__metric_source_t *sources, int64_t samples, double *sums); /* [size], at first 0 */
    /* loss: of the evaluation. NaN: nothing to tell. */
    double (*finish)(const double *sums, const int64_t *columns, double loss);
} pt__metric_kind_t;

const pt__metric_kind_t *pt__metric_find(const char *name); /* NULL: unknown */
const pt__metric_kind_t *pt__metric_at(int32_t index);      /* NULL past the last: for listing names in messages */

/* For metrics that are a mean: two sums, and their quotient; NaN where nothing counted (metric_mean.c). */
enum { PT__METRIC_TOTAL, PT__METRIC_COUNTED, PT__METRIC_MEAN_SUMS };
int64_t pt__metric_mean_size(const int64_t *columns);
double pt__metric_mean_finish(const double *sums, const int64_t *columns, double loss);

/* The place of the first largest of a row's values. */
static inline int64_t pt__metric_largest(const float *row, int64_t columns)
{
    int64_t largest = 0;
    for (int64_t i = 1; i < columns; i++)
        largest = row[i] > row[largest] ? i : largest;
    return largest;
}

#endif
