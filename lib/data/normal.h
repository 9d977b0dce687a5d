/* Normalisation: what a field's values are moved by and divided by before a network sees them, a pair of numbers for
 * each feature (the last dimension of a sample's shape), measured on a dataset and applied where values are
 * collated. */
#ifndef PT__NORMAL_H
#define PT__NORMAL_H

#include "data/data.h"

typedef struct pt__normal {
    int64_t count;       /* features */
    const double *shift; /* [count] value - shift, ... */
    const double *scale; /* [count] ... divided by scale, which is above 0 */
    const double *fill;  /* [count] what a NaN is taken for before; NULL: it stays one */
} pt__normal_t;

/* ---- normal.c ---- */
/* Features of a field whose samples have this shape. */
int64_t pt__normal_features(int32_t rank, const int64_t *shape);
/* dst[i] = (values[i] - shift) / scale for `elements` of this dtype, in double precision; the first is of feature 0. */
pt_status_t pt__normal_apply(const pt__normal_t *normal, const char *field, int32_t dtype, const void *values,
                             int64_t elements, float *dst);

/* ---- normal_measure.c ---- */
/* One pass over all samples of the dataset, a stream's too: mean and standard deviation of each feature of the
 * requested field, or least and greatest value, into shift and scale [pt__normal_features of request]; the means also
 * into fill where it is not NULL: NaN then stands for a missing value, which counts nothing. */
pt_status_t pt__normal_measure(pt_dataset_t *dataset, const pt__request_t *request, int32_t kind, double *shift,
                               double *scale, double *fill);

#endif
