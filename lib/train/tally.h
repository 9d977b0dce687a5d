/* Inside train/: the sums of a graph's metrics over an evaluation. Used by evaluate.c. */
#ifndef PT__TALLY_H
#define PT__TALLY_H

#include "train/model.h"

typedef struct pt__tally {
    pt_model_t *model;
    const pt__metric_kind_t *kinds[PT__MAX_METRICS];
    int64_t columns[PT__MAX_METRICS][PT__METRIC_SOURCES];
    double *sums[PT__MAX_METRICS];
    double *block;                  /* which holds all sums */
    double loss, weight;            /* sums over micro-batches */
    float *read[PT__METRIC_SOURCES]; /* what was brought from the device */
    int64_t capacity[PT__METRIC_SOURCES];
} pt__tally_t;

pt_status_t pt__tally_start(pt_model_t *model, pt__tally_t *tally);
/* Adds what the run of EVALUATE just made. */
pt_status_t pt__tally_add(pt__tally_t *tally, const pt__requests_t *requests, const pt__loaded_t *loaded);
/* Writes the mean loss and the metrics to model->metrics. */
void pt__tally_finish(const pt__tally_t *tally);
void pt__tally_free(pt__tally_t *tally);

#endif
