/* What a normalisation is measured from: see normal.h. Sums of squares are kept around the running mean (Welford 1962,
 * "Note on a method for calculating corrected sums of squares and products"), and values are counted from the first, so
 * that a large mean costs no digits. */
#include "data/normal.h"

#include <float.h>
#include <math.h>

#include "base/dtype.h"
#include "base/number.h"
#include "data/collate.h"
#include "data/staging.h"

enum { AT_ONCE = 256 /* values converted together */, READ_AT_ONCE = 64 /* samples */ };

typedef struct sums { /* of one feature */
    int64_t count;
    double first;         /* value, from which the others are counted: mostly exact */
    double mean, squares; /* of the values less the first, and of their distances from their mean */
    double least, greatest;
} sums_t;

typedef struct measure {
    const char *field;
    sums_t *sums; /* [features] */
    int64_t features;
    int32_t skips_nan;
} measure_t;

static void add_value(sums_t *sums, double value)
{
    sums->first = sums->count == 0 ? value : sums->first;
    const double moved = value - sums->first, distance = moved - sums->mean;
    sums->least = sums->count == 0 || value < sums->least ? value : sums->least;
    sums->greatest = sums->count == 0 || value > sums->greatest ? value : sums->greatest;
    sums->count++;
    sums->mean += distance / (double)sums->count;
    sums->squares += distance * (moved - sums->mean);
}

/* Values of one sample. */
static pt_status_t add_sample(measure_t *measure, int32_t dtype, const void *values, int64_t elements)
{
    double raw[AT_ONCE];
    int64_t feature = 0;
    for (int64_t first = 0; first < elements; first += AT_ONCE) {
        const int64_t now = elements - first < AT_ONCE ? elements - first : AT_ONCE;
        PT__TRY(pt__dtype_convert(measure->field, dtype, (const char *)values + first * pt__dtype_size(dtype),
                                  PT_FLOAT64, raw, now));
        for (int64_t i = 0; i < now; i++) {
            if (isfinite(raw[i]))
                add_value(&measure->sums[feature], raw[i]);
            else if (!measure->skips_nan || !isnan(raw[i]))
                return pt__fail(PT_ERR_NONFINITE, "field \"%s\", feature %lld: %g, expected a finite number%s",
                                measure->field, (long long)feature, pt__number_shown(raw[i]),
                                isnan(raw[i]) ? "; PT_NORMALIZE_FILL takes NaN for a missing one" : "");
            feature = feature + 1 < measure->features ? feature + 1 : 0;
        }
    }
    return PT_OK;
}

static pt_status_t add_staged(measure_t *measure, const pt__staging_t *staging, int32_t field)
{
    const pt_array_t *buffer = &staging->fields[field];
    const char *values = buffer->data;
    for (int64_t i = 0; i < staging->filled; i++) {
        const int64_t elements = staging->inner[field] * (buffer->lengths != NULL ? buffer->lengths[i] : 1);
        pt_status_t status = add_sample(measure, buffer->dtype, values, elements);
        if (status != PT_OK)
            return pt__fail_within(status, "sample %lld",
                                   (long long)(staging->indices != NULL && staging->root->length >= 0
                                                   ? staging->indices[i]
                                                   : staging->place.position + i));
        values += elements * pt__dtype_size(buffer->dtype);
    }
    return PT_OK;
}

static pt_status_t pass_over(pt_dataset_t *dataset, int32_t field, measure_t *measure)
{
    pt__staging_t staging;
    pt__cursor_t place = {0};
    pt_status_t status;
    const int64_t length = dataset->length;
    PT__TRY(pt__staging_create(dataset, length >= 0 && length < READ_AT_ONCE ? length : READ_AT_ONCE, &staging));
    do {
        int64_t now = staging.capacity;
        if (length >= 0) {
            now = length - place.position < now ? length - place.position : now;
            for (int64_t i = 0; i < now; i++)
                staging.indices[i] = place.position + i;
            pt__dataset_resolve(dataset, staging.indices, now);
        }
        PT__TRY_OUT(pt__staging_fetch(&staging, now, &place));
        PT__TRY_OUT(pt__staging_make(&staging));
        PT__TRY_OUT(add_staged(measure, &staging, field));
        place.position += staging.filled;
    } while (length >= 0 ? place.position < length : !staging.ended);
    status = PT_OK;
out:
    pt__staging_free(&staging);
    return status;
}

/* Whether what the feature spreads over is no more than what rounding leaves of a constant (as scikit-learn has it). */
static int32_t is_constant(const sums_t *sums, double mean, double variance)
{
    const double count = (double)sums->count, rounding = count * mean * DBL_EPSILON;
    return variance <= count * DBL_EPSILON * variance + rounding * rounding;
}

static pt_status_t conclude(const measure_t *measure, int32_t kind, double *shift, double *scale, double *fill)
{
    for (int64_t i = 0; i < measure->features; i++) {
        const sums_t *sums = &measure->sums[i];
        if (sums->count == 0)
            return pt__fail(PT_ERR_ARGUMENT, "field \"%s\", feature %lld: no sample has a value", measure->field,
                            (long long)i);
        const double variance = sums->squares / (double)sums->count, mean = sums->first + sums->mean;
        const double spread = kind == PT_NORMALIZE_RANGE ? sums->greatest - sums->least : sqrt(variance);
        if (!isfinite(spread))
            return pt__fail(PT_ERR_ARGUMENT, "field \"%s\", feature %lld: its values spread too far to be measured",
                            measure->field, (long long)i);
        const int32_t has_none = kind == PT_NORMALIZE_RANGE ? spread == 0 : is_constant(sums, mean, variance);
        shift[i] = kind == PT_NORMALIZE_RANGE ? sums->least : mean;
        scale[i] = has_none ? 1 : spread;
        if (fill != NULL)
            fill[i] = mean;
    }
    return PT_OK;
}

pt_status_t pt__normal_measure(pt_dataset_t *dataset, const pt__request_t *request, int32_t kind, double *shift,
                               double *scale, double *fill)
{
    static const int64_t no_limit[PT__DIMENSIONS] = {0};
    pt__memory_t *memory = &dataset->context->memory;
    measure_t measure = {.field = request->name,
                         .features = pt__normal_features(request->rank, request->shape),
                         .skips_nan = fill != NULL};
    pt__collate_t *collate;
    pt_status_t status;
    PT__TRY(pt__collates_create(memory, request, 1, &collate));
    PT__TRY_OUT(pt__collates_match(collate, 1, dataset, no_limit));
    PT__TRY_OUT(
        pt__allocate(memory, (size_t)measure.features, sizeof *measure.sums, "sums of features", &measure.sums));
    PT__TRY_OUT(pass_over(dataset, collate->field, &measure));
    PT__TRY_OUT(conclude(&measure, kind, shift, scale, fill));
out:
    pt__release(memory, measure.sums);
    pt__collates_free(memory, collate, 1);
    return status;
}
