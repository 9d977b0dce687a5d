/* Normalisation, for hosts: pt_dataset_normalize and what a model tells and takes of it. */
#include <math.h>

#include "api/arguments.h"
#include "api/handle.h"
#include "base/array.h"
#include "base/dtype.h"

static const pt_normalize_options_t defaults = {.struct_size = (uint32_t)sizeof(pt_normalize_options_t)};

pt_status_t pt_normalize_options_init(pt_normalize_options_t *options, uint32_t struct_size)
{
    pt__error_clear();
    return pt__options_init(options, struct_size, &defaults, (uint32_t)sizeof defaults, "pt_normalize_options_t");
}

static pt_status_t settle(const pt_normalize_options_t *options, pt_normalize_options_t *settled)
{
    *settled = defaults;
    PT__TRY(pt__options_read(options, settled, (uint32_t)sizeof *settled, "pt_normalize_options_t"));
    if (settled->flags & ~(uint32_t)PT_NORMALIZE_FILL)
        return pt__fail(PT_ERR_ARGUMENT, "pt_normalize_options_t: flags is %#lx, expected PT_NORMALIZE_FILL or 0",
                        (unsigned long)settled->flags);
    if (settled->kind != PT_NORMALIZE_STANDARD && settled->kind != PT_NORMALIZE_RANGE)
        return pt__fail(PT_ERR_ARGUMENT, "pt_normalize_options_t: kind is %ld, which is not one of PT_NORMALIZE_...",
                        (long)settled->kind);
    if (settled->reserved != 0)
        return pt__fail(PT_ERR_VERSION, "pt_normalize_options_t: reserved is %ld, expected 0", (long)settled->reserved);
    return PT_OK;
}

static pt_status_t normalize(pt_dataset_t *dataset, const char *field, const pt_normalize_options_t *options,
                             pt_model_t *model)
{
    pt_normalize_options_t settled;
    if (field == NULL)
        return pt__handle_null("pt_dataset_normalize", "field");
    PT__TRY(pt__check_context(model, dataset->context, "pt_dataset_normalize", "dataset"));
    PT__TRY(settle(options, &settled));
    pt_status_t status = pt__normalizations_measure(model, dataset, field, settled.kind,
                                                    (settled.flags & PT_NORMALIZE_FILL) != 0);
    return status == PT_OK ? PT_OK : pt__fail_within(status, "pt_dataset_normalize");
}

pt_status_t pt_dataset_normalize(pt_dataset_t *dataset, const char *field, const pt_normalize_options_t *options,
                                 pt_model_t *model)
{
    PT__TRY(pt__handle_begin_stage(model, "pt_dataset_normalize"));
    if (dataset == NULL)
        return pt__handle_end_stage(model, pt__handle_null("pt_dataset_normalize", "dataset"));
    pt__dataset_begin(dataset); /* a callback may free the host's handle */
    pt_status_t status = pt__error_keep_on(dataset->message, normalize(dataset, field, options, model));
    pt__dataset_end(dataset);
    return pt__handle_end_stage(model, status);
}

/* The host's numbers in double precision. */
static pt_status_t read_numbers(const pt_array_t *given, uint32_t size, const char *what, int64_t features,
                                double *values)
{
    pt_array_t array;
    PT__TRY(pt__array_read(given, size, what, &array));
    PT__TRY(pt__array_expect(&array, what, 1, &features, features));
    PT__TRY(pt__dtype_convert(what, array.dtype, array.data, PT_FLOAT64, values, features));
    for (int64_t i = 0; i < features; i++)
        if (!isfinite(values[i]))
            return pt__fail(PT_ERR_NONFINITE, "%s: value %lld is not finite", what, (long long)i);
    return PT_OK;
}

static pt_status_t set_normalization(pt_model_t *model, const char *field, const pt_array_t *shift,
                                     const pt_array_t *scale, uint32_t size)
{
    pt__memory_t *memory = &model->context->memory;
    double *values;
    int64_t features;
    pt_status_t status;
    if (field == NULL)
        return pt__handle_null("pt_model_set_normalization", "field");
    PT__TRY(pt__normalizations_check(model, field, &features));
    if (shift == NULL && scale == NULL)
        return pt__normalizations_set(model, field, NULL);
    PT__TRY(pt__allocate(memory, (size_t)features, 2 * sizeof *values, "normalisation", &values));
    const pt__normal_t normal = {.count = features, .shift = values, .scale = values + features};
    PT__TRY_OUT(read_numbers(shift, size, "pt_model_set_normalization: shift", features, values));
    PT__TRY_OUT(read_numbers(scale, size, "pt_model_set_normalization: scale", features, values + features));
    for (int64_t i = 0; i < features; i++)
        if (!(normal.scale[i] > 0)) {
            status = pt__fail(PT_ERR_ARGUMENT, "pt_model_set_normalization: scale: value %lld is %g, expected above 0",
                              (long long)i, normal.scale[i]);
            goto out;
        }
    PT__TRY_OUT(pt__normalizations_set(model, field, &normal));
out:
    pt__release(memory, values);
    return status;
}

pt_status_t pt_model_set_normalization(pt_model_t *model, const char *field, const pt_array_t *shift,
                                       const pt_array_t *scale, uint32_t array_size)
{
    PT__TRY(pt__handle_enter(model, 1, "pt_model_set_normalization"));
    return pt__handle_leave(model, set_normalization(model, field, shift, scale, array_size));
}

static pt_status_t give(const double *values, int64_t count, const char *what, pt_array_t *to, uint32_t size)
{
    const pt_array_t all = {
        .dtype = PT_FLOAT64, .rank = 1, .shape = {count}, .data = (void *)(uintptr_t)values, .elements = count};
    return pt__array_give(&all, what, to, size);
}

static pt_status_t get_normalization(const pt_model_t *model, const char *field, pt_array_t *shift, pt_array_t *scale,
                                     uint32_t size)
{
    int64_t features;
    if (field == NULL)
        return pt__handle_null("pt_model_normalization", "field");
    PT__TRY(pt__normalizations_check(model, field, &features));
    const pt__normal_t *normal = pt__normalizations_find(&model->normalizations, field);
    if (normal == NULL)
        return pt__fail(PT_ERR_NOT_FOUND, "pt_model_normalization: the model takes the values of \"%s\" as they are",
                        field);
    PT__TRY(give(normal->shift, normal->count, "pt_model_normalization: shift", shift, size));
    return give(normal->scale, normal->count, "pt_model_normalization: scale", scale, size);
}

pt_status_t pt_model_normalization(const pt_model_t *model, const char *field, pt_array_t *shift, pt_array_t *scale,
                                   uint32_t array_size)
{
    PT__TRY(pt__handle_enter(model, 0, "pt_model_normalization"));
    return pt__handle_leave(model, get_normalization(model, field, shift, scale, array_size));
}
