/* Datasets of arrays in memory: one array a field, all samples end to end; borrowed from the host until the dataset
 * ends, or copied. */
#include <string.h>

#include "base/dtype.h"
#include "data/sources.h"

typedef struct column {
    const char *data; /* the host's, or `copy` */
    char *copy;
    int64_t sample_bytes; /* of a field of fixed size */
    int64_t row_bytes;    /* of a ragged one */
    int64_t *begins;      /* ragged: [samples + 1] row with which each sample begins; else NULL */
} column_t;

typedef struct state {
    int32_t n_columns;
    column_t *columns;
} state_t;

/* A constant size lets the compiler copy a scalar with one instruction. */
static char *put(char *dst, const char *src, int64_t bytes)
{
    if (bytes == 4)
        memcpy(dst, src, 4);
    else
        memcpy(dst, src, (size_t)bytes);
    return dst + bytes;
}

static pt_status_t fetch(pt_dataset_t *dataset, pt_batch_t *batch)
{
    const state_t *state = dataset->state;
    for (int32_t i = 0; i < state->n_columns; i++) {
        const column_t *column = &state->columns[i];
        char *dst = batch->fields[i].data;
        for (int64_t sample = 0; sample < batch->capacity; sample++) {
            int64_t index = batch->indices[sample];
            if (column->begins == NULL) {
                dst = put(dst, column->data + index * column->sample_bytes, column->sample_bytes);
                continue;
            }
            int64_t rows = column->begins[index + 1] - column->begins[index];
            dst = put(dst, column->data + column->begins[index] * column->row_bytes, rows * column->row_bytes);
            batch->fields[i].lengths[sample] = rows;
        }
    }
    batch->filled = batch->capacity;
    batch->status = PT_OK;
    return PT_OK;
}

static void lengths(const pt_dataset_t *dataset, int32_t field, const int64_t *indices, int64_t count, int64_t *out)
{
    const int64_t *begins = ((const state_t *)dataset->state)->columns[field].begins;
    for (int64_t i = 0; i < count; i++)
        out[i] = begins[indices[i] + 1] - begins[indices[i]];
}

static void release_state(pt__memory_t *memory, state_t *state)
{
    for (int32_t i = 0; state->columns != NULL && i < state->n_columns; i++) {
        pt__release(memory, state->columns[i].copy);
        pt__release(memory, state->columns[i].begins);
    }
    pt__release(memory, state->columns);
    pt__release(memory, state);
}

static void destroy(pt_dataset_t *dataset)
{
    release_state(&dataset->context->memory, dataset->state);
}

static const pt__source_t source = {.name = "arrays", .fetch = fetch, .destroy = destroy, .lengths = lengths};

/* Adds up the lengths of a ragged field; a max_length of 0 becomes the longest of them. */
static pt_status_t take_lengths(pt__memory_t *memory, const pt_array_t *array, int64_t samples, pt_field_spec_t *spec,
                                column_t *column)
{
    int64_t rows = 0, longest = 0;
    PT__TRY(pt__allocate(memory, (size_t)samples + 1, sizeof *column->begins, "offsets of an array's samples",
                         &column->begins));
    for (int64_t i = 0; i < samples; i++) {
        int64_t length = array->lengths[i];
        if (length < 0 || length > INT32_MAX || (spec->max_length > 0 && length > spec->max_length))
            return pt__fail(PT_ERR_ARGUMENT, "field \"%s\", sample %lld: length %lld, expected 0 to %lld", spec->name,
                            (long long)i, (long long)length,
                            (long long)(spec->max_length > 0 ? spec->max_length : INT32_MAX));
        rows += length; /* at most 2^31 times the number of lengths that fit in memory */
        longest = length > longest ? length : longest;
        column->begins[i + 1] = rows;
    }
    if (spec->max_length == 0)
        spec->max_length = longest > 0 ? longest : 1;
    return PT_OK;
}

static pt_status_t take_array(pt__memory_t *memory, const pt_array_t *array, int64_t samples, int32_t copy,
                              pt_field_spec_t *spec, column_t *column)
{
    const char *name = array->name != NULL ? array->name : "(no name)";
    int64_t element = pt__dtype_size(spec->dtype);
    if (spec->rank < 0 || spec->rank > PT_MAX_RANK || element == 0)
        return pt__fail(PT_ERR_ARGUMENT,
                        "field \"%s\": rank %ld and dtype %ld, expected a rank of 0 to %d and a PT_ dtype", name,
                        (long)spec->rank, (long)spec->dtype, PT_MAX_RANK);
    int32_t ragged = pt__shape_ragged(spec->rank, spec->shape);
    if (array->data == NULL)
        return pt__fail(PT_ERR_ARGUMENT, "field \"%s\": data is NULL", name);
    if (ragged != (array->lengths != NULL))
        return pt__fail(PT_ERR_ARGUMENT, "field \"%s\": lengths is %s, but the field is %sragged", name,
                        ragged ? "NULL" : "set", ragged ? "" : "not ");
    if (ragged)
        PT__TRY(take_lengths(memory, array, samples, spec, column));
    int64_t elements, sizes[PT_MAX_RANK + 1] = {ragged ? column->begins[samples] : samples};
    for (int32_t i = ragged; i < spec->rank; i++)
        sizes[1 + i - ragged] = spec->shape[i];
    PT__TRY(pt__sizes_elements(name, 1 + spec->rank - ragged, sizes, &elements));
    if (array->elements != 0 && array->elements != elements)
        return pt__fail(PT_ERR_SHAPE, "field \"%s\": elements is %lld, expected %lld", name, (long long)array->elements,
                        (long long)elements);
    if (elements > INT64_MAX / element)
        return pt__fail(PT_ERR_SHAPE, "field \"%s\": %lld elements are more than memory can hold", name,
                        (long long)elements);
    column->row_bytes = column->sample_bytes = pt__shape_inner(spec->rank, spec->shape) * element;
    column->data = array->data;
    if (!copy)
        return PT_OK;
    PT__TRY(pt__allocate_uninitialised(memory, (size_t)elements, (size_t)element, "copy of an array", &column->copy));
    memcpy(column->copy, array->data, (size_t)(elements * element));
    column->data = column->copy;
    return PT_OK;
}

pt_status_t pt__arrays_create(pt_context_t *context, const pt_array_t *arrays, int32_t n_arrays, int64_t samples,
                              int32_t copy, pt_dataset_t **out)
{
    pt__memory_t *memory = &context->memory;
    pt_field_spec_t *specs = NULL;
    state_t *state = NULL;
    pt_status_t status;
    *out = NULL;
    if (samples < 1 || samples > INT64_MAX / 2 / (int64_t)sizeof(int64_t))
        return pt__fail(PT_ERR_ARGUMENT, "a dataset of %lld samples, expected at least 1", (long long)samples);
    PT__TRY_OUT(pt__allocate(memory, (size_t)n_arrays, sizeof *specs, "fields of a dataset", &specs));
    PT__TRY_OUT(pt__allocate(memory, 1, sizeof *state, "dataset of arrays", &state));
    PT__TRY_OUT(pt__allocate(memory, (size_t)n_arrays, sizeof *state->columns, "dataset of arrays", &state->columns));
    state->n_columns = n_arrays;
    for (int32_t i = 0; i < n_arrays; i++) {
        specs[i] = (pt_field_spec_t){.name = arrays[i].name,
                                     .dtype = arrays[i].dtype,
                                     .rank = arrays[i].rank,
                                     .max_length = arrays[i].max_length};
        memcpy(specs[i].shape, arrays[i].shape, sizeof specs[i].shape);
        PT__TRY_OUT(take_array(memory, &arrays[i], samples, copy, &specs[i], &state->columns[i]));
    }
    PT__TRY_OUT(pt__dataset_make(context, &source, state, specs, n_arrays, samples, 0, out));
out:
    if (status != PT_OK && state != NULL)
        release_state(memory, state);
    pt__release(memory, specs);
    return status;
}
