/* The common part of loader and collector: see collate.h. A whole batch is checked at once; only where that fails is
 * each sample tried by itself, to name the one that is wrong. */
#include "data/collate.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/dtype.h"
#include "data/normal.h"

enum { LIST_SIZE = 400 }; /* bytes of a list of fields in a message */

pt_status_t pt__collates_create(pt__memory_t *memory, const pt__request_t *requests, int32_t n_requests,
                                pt__collate_t **out)
{
    pt__collate_t *collates;
    pt_status_t status;
    *out = NULL;
    PT__TRY(pt__allocate(memory, (size_t)n_requests, sizeof *collates, "wanted fields", &collates));
    for (int32_t i = 0; i < n_requests; i++) {
        char *name;
        PT__TRY_OUT(pt__string_copy(memory, requests[i].name, &name));
        collates[i] = (pt__collate_t){.request = requests[i],
                                      .ragged = pt__shape_ragged(requests[i].rank, requests[i].shape),
                                      .inner = pt__shape_inner(requests[i].rank, requests[i].shape)};
        collates[i].request.name = name;
    }
    *out = collates;
    return PT_OK;
out:
    pt__collates_free(memory, collates, n_requests);
    return status;
}

void pt__collates_free(pt__memory_t *memory, pt__collate_t *collates, int32_t n_requests)
{
    for (int32_t i = 0; collates != NULL && i < n_requests; i++) {
        pt__release(memory, (char *)(uintptr_t)collates[i].request.name);
        pt__release(memory, collates[i].buffer);
    }
    pt__release(memory, collates);
}

/* ---- Descriptions for messages ---- */

typedef struct line { /* where a list goes on */
    char *at;
    size_t left;
} line_t;

static void append(line_t *line, const char *format, ...) PT__PRINTF(2, 3);

static void append(line_t *line, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line->at, line->left, format, arguments);
    va_end(arguments);
    size_t written = length < 0 ? 0 : (size_t)length < line->left ? (size_t)length : line->left - 1;
    line->at += written;
    line->left -= written;
}

static void describe(line_t *line, const char *name, int32_t dtype, int32_t rank, const int64_t *shape,
                     int64_t max_length)
{
    append(line, "%s %s", name, pt__dtype_name(dtype));
    for (int32_t i = 0; i < rank; i++) {
        append(line, i == 0 ? "[" : ",");
        if (shape[i] != PT_DIM_TOKENS)
            append(line, "%lld", (long long)shape[i]);
        else if (max_length > 0)
            append(line, "T<=%lld", (long long)max_length);
        else
            append(line, "T");
    }
    append(line, rank > 0 ? "]" : "");
}

void pt__describe_requests(const pt__collate_t *collates, int32_t n_requests, char *buffer, size_t size)
{
    line_t line = {buffer, size};
    buffer[0] = 0;
    for (int32_t i = 0; i < n_requests; i++) {
        const pt__request_t *request = &collates[i].request;
        append(&line, i > 0 ? ", " : "");
        describe(&line, request->name, request->dtype, request->rank, request->shape, 0);
    }
}

void pt__describe_fields(const pt_field_spec_t *fields, int32_t n_fields, char *buffer, size_t size)
{
    line_t line = {buffer, size};
    buffer[0] = 0;
    for (int32_t i = 0; i < n_fields; i++) {
        append(&line, i > 0 ? ", " : "");
        describe(&line, fields[i].name, fields[i].dtype, fields[i].rank, fields[i].shape, fields[i].max_length);
    }
}

/* ---- Matching ---- */

/* Compares sizes from a_at and b_at on, without the ones: those change nothing about the layout. */
static int32_t same_sizes(const int64_t *a, int32_t a_at, int32_t a_rank, const int64_t *b, int32_t b_at,
                          int32_t b_rank)
{
    for (;;) {
        while (a_at < a_rank && a[a_at] == 1)
            a_at++;
        while (b_at < b_rank && b[b_at] == 1)
            b_at++;
        if (a_at == a_rank || b_at == b_rank)
            return a_at == a_rank && b_at == b_rank;
        if (a[a_at++] != b[b_at++])
            return 0;
    }
}

int32_t pt__collate_fits(const pt__collate_t *collate, int32_t rank, const int64_t *shape)
{
    const pt__request_t *request = &collate->request;
    if (collate->ragged && rank > 0) /* a fixed length serves too: it is every sample's */
        return same_sizes(request->shape, 1, request->rank, shape, 1, rank);
    return collate->ragged == pt__shape_ragged(rank, shape) &&
           same_sizes(request->shape, 0, request->rank, shape, 0, rank);
}

pt_status_t pt__collates_match(pt__collate_t *collates, int32_t n_requests, const pt_dataset_t *dataset,
                               const int64_t *length_limit)
{
    char reads[LIST_SIZE], has[LIST_SIZE];
    for (int32_t i = 0; i < n_requests; i++) {
        pt__collate_t *collate = &collates[i];
        const char *name = collate->request.name, *problem = "is missing";
        collate->field = pt__dataset_find(dataset, name);
        if (collate->field >= 0) {
            const pt_field_spec_t *field = &dataset->fields[collate->field];
            if (pt__collate_fits(collate, field->rank, field->shape)) {
                int64_t limit = collate->ragged ? length_limit[collate->request.dimension] : 0;
                if (limit > 0 && field->shape[0] > limit)
                    return pt__fail(PT_ERR_SHAPE,
                                    "field \"%s\": every sample has %lld rows, the network takes at most %lld", name,
                                    (long long)field->shape[0], (long long)limit);
                continue;
            }
            problem = "has another shape";
        }
        pt__describe_requests(collates, n_requests, reads, sizeof reads);
        pt__describe_fields(dataset->fields, dataset->n_fields, has, sizeof has);
        return pt__fail(PT_ERR_SHAPE, "field \"%s\" %s: the network reads %s; the dataset has %s", name, problem, reads,
                        has);
    }
    return PT_OK;
}

int32_t pt__collates_ragged(const pt__collate_t *collates, int32_t n_requests, const pt_dataset_t *dataset,
                            int32_t *fields)
{
    int32_t n_fields = 0;
    for (int32_t i = 0; i < n_requests; i++) {
        const pt_field_spec_t *field = &dataset->fields[collates[i].field];
        if (collates[i].ragged && pt__shape_ragged(field->rank, field->shape))
            fields[n_fields++] = collates[i].field;
    }
    return n_fields;
}

/* ---- Values ---- */

pt_status_t pt__collate_reserve(pt__memory_t *memory, pt__collate_t *collate, int32_t dtype, int64_t elements,
                                int64_t *bytes)
{
    int64_t needed = elements * pt__dtype_size(collate->request.dtype), before = collate->capacity;
    if ((dtype == collate->request.dtype && collate->request.normal == NULL) || needed <= before)
        return PT_OK;
    pt__release(memory, collate->buffer); /* nothing in it is kept */
    collate->buffer = NULL;
    collate->capacity = 0;
    *bytes -= before;
    PT__TRY(pt__allocate_uninitialised(memory, (size_t)needed, 1, "converted field", &collate->buffer));
    collate->capacity = needed;
    *bytes += needed;
    return PT_OK;
}

static pt_status_t check(const pt__request_t *request, const void *values, int64_t first, int64_t elements)
{
    if (request->dtype == PT_FLOAT32)
        return pt__check_finite(request->name, (const float *)values + first, elements);
    return pt__check_index(request->name, 0, (const int32_t *)values + first, elements, request->index_limit,
                           request->index_ignore);
}

/* Elements [first, first + count), a whole number of rows, into the buffer. */
static pt_status_t convert(const pt__collate_t *collate, int32_t dtype, const void *values, int64_t first,
                           int64_t count)
{
    const pt__request_t *request = &collate->request;
    const char *src = (const char *)values + first * pt__dtype_size(dtype);
    if (request->normal != NULL)
        return pt__normal_apply(request->normal, request->name, dtype, src, count, (float *)collate->buffer + first);
    return pt__dtype_convert(request->name, dtype, src, request->dtype,
                             (char *)collate->buffer + first * pt__dtype_size(request->dtype), count);
}

/* Converts and checks elements [first, first + count). */
static pt_status_t take(const pt__collate_t *collate, int32_t dtype, const void *values, int64_t first, int64_t count,
                        const void **out)
{
    const pt__request_t *request = &collate->request;
    if (dtype != request->dtype || request->normal != NULL) {
        PT__TRY(convert(collate, dtype, values, first, count));
        values = collate->buffer;
    }
    *out = values;
    return check(request, values, first, count);
}

static int64_t sample_name(pt__naming_t naming, int64_t sample)
{
    return naming.indices != NULL ? naming.indices[sample] : naming.first + sample;
}

pt_status_t pt__collate_take(pt__collate_t *collate, int32_t dtype, const void *values, int64_t samples,
                             const int32_t *offsets, pt__naming_t naming, const void **out)
{
    int64_t rows = collate->ragged ? offsets[samples] : samples;
    pt_status_t status = take(collate, dtype, values, 0, rows * collate->inner, out);
    if (status == PT_OK)
        return PT_OK;
    for (int64_t i = 0; i < samples; i++) {
        int64_t first = collate->ragged ? offsets[i] : i, end = collate->ragged ? offsets[i + 1] : i + 1;
        status = take(collate, dtype, values, first * collate->inner, (end - first) * collate->inner, out);
        if (status != PT_OK)
            return pt__fail_within(status, "sample %lld", (long long)sample_name(naming, i));
    }
    return pt__fail(PT_ERR_CALLBACK, "field \"%s\": its values changed while they were read", collate->request.name);
}

/* ---- Lengths ---- */

pt_status_t pt__offsets_reserve(pt__memory_t *memory, pt__offsets_t *offsets, const pt__collate_t *collates,
                                int32_t n_requests, int64_t samples, int64_t *bytes)
{
    for (int32_t i = 0; i < n_requests; i++) {
        if (!collates[i].ragged)
            continue;
        int32_t dimension = collates[i].request.dimension;
        int64_t before = offsets->capacity[dimension];
        PT__TRY(pt__grow(memory, &offsets->list[dimension], &offsets->capacity[dimension], samples + 1,
                         sizeof *offsets->list[dimension], "offsets of samples"));
        if (offsets->dimensions <= dimension)
            offsets->dimensions = dimension + 1;
        *bytes += (offsets->capacity[dimension] - before) * (int64_t)sizeof *offsets->list[dimension];
    }
    return PT_OK;
}

void pt__offsets_free(pt__memory_t *memory, pt__offsets_t *offsets)
{
    for (int32_t i = 0; i < PT__DIMENSIONS; i++)
        pt__release(memory, offsets->list[i]);
}

void pt__offsets_forget(pt__offsets_t *offsets)
{
    for (int32_t i = 0; i < offsets->dimensions; i++) {
        offsets->first[i] = NULL;
        offsets->rows.count[i] = 0;
    }
}

static pt_status_t add_up(const pt__request_t *request, const int64_t *lengths, int64_t fixed, int64_t samples,
                          int64_t limit, pt__naming_t naming, int32_t *offsets)
{
    int64_t rows = 0;
    offsets[0] = 0;
    for (int64_t i = 0; i < samples; i++) {
        int64_t length = lengths != NULL ? lengths[i] : fixed;
        if (length < !request->may_be_empty)
            return pt__fail(PT_ERR_SHAPE, "sample %lld, field \"%s\": %lld rows, expected at least %d",
                            (long long)sample_name(naming, i), request->name, (long long)length,
                            !request->may_be_empty);
        if (limit > 0 && length > limit)
            return pt__fail(PT_ERR_SHAPE, "sample %lld, field \"%s\": %lld rows, expected at most %lld",
                            (long long)sample_name(naming, i), request->name, (long long)length, (long long)limit);
        if (length > INT32_MAX - rows)
            return pt__fail(PT_ERR_SHAPE, "field \"%s\": more than 2147483647 rows in %lld samples", request->name,
                            (long long)samples);
        rows += length;
        offsets[i + 1] = (int32_t)rows;
    }
    return PT_OK;
}

pt_status_t pt__offsets_take(pt__offsets_t *offsets, const pt__request_t *request, const int64_t *lengths,
                             int64_t fixed, int64_t samples, int64_t limit, pt__naming_t naming)
{
    int32_t *list = offsets->list[request->dimension];
    const char **first = &offsets->first[request->dimension];
    if (*first == NULL) {
        PT__TRY(add_up(request, lengths, fixed, samples, limit, naming, list));
        *first = request->name;
        offsets->rows.count[request->dimension] = list[samples];
        return PT_OK;
    }
    for (int64_t i = 0; i < samples; i++) {
        int64_t length = lengths != NULL ? lengths[i] : fixed;
        if (length != list[i + 1] - list[i])
            return pt__fail(PT_ERR_SHAPE, "sample %lld: field \"%s\" has %lld rows, \"%s\" has %ld, expected the same",
                            (long long)sample_name(naming, i), request->name, (long long)length, *first,
                            (long)(list[i + 1] - list[i]));
    }
    return PT_OK;
}

void pt__offsets_rows(const pt__offsets_t *offsets, int64_t samples, pt__rows_t *rows)
{
    *rows = offsets->rows;
    rows->count[PT__DIMENSION_NONE] = 1;
    rows->count[PT__DIMENSION_BATCH] = samples;
}
