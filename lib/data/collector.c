/* The collector: values that a host hands over directly (pt_train_step, pt_forward, pt_loss), matched, checked and
 * converted like those of a dataset. Values of the wanted dtype are not copied: the plan reads them where the host
 * has them. One call a step, so the good path does nothing but compare names and look at the values. */
#include <string.h>

#include "base/dtype.h"
#include "data/collate.h"

enum { LIST_SIZE = 400 };

struct pt__collector {
    pt_context_t *context;
    pt__collate_t *collates;
    int32_t n_requests;
    int64_t length_limit[PT__DIMENSIONS];
    const void **data; /* [n_requests] */
    pt__offsets_t offsets;
    int64_t bytes;
};

pt_status_t pt__collector_create(pt_context_t *context, const pt__request_t *requests, int32_t n_requests,
                                 const int64_t *length_limit, pt__collector_t **out)
{
    pt__collector_t *collector;
    pt_status_t status;
    *out = NULL;
    PT__TRY(pt__allocate(&context->memory, 1, sizeof *collector, "collector", &collector));
    collector->context = context;
    collector->n_requests = n_requests;
    memcpy(collector->length_limit, length_limit, sizeof collector->length_limit);
    PT__TRY_OUT(pt__collates_create(&context->memory, requests, n_requests, &collector->collates));
    PT__TRY_OUT(pt__allocate(&context->memory, (size_t)n_requests, sizeof *collector->data, "collected fields",
                             &collector->data));
    *out = collector;
    return PT_OK;
out:
    pt__collector_free(collector);
    return status;
}

void pt__collector_free(pt__collector_t *collector)
{
    if (collector == NULL)
        return;
    pt__memory_t *memory = &collector->context->memory;
    pt__collates_free(memory, collector->collates, collector->n_requests);
    pt__release(memory, collector->data);
    pt__offsets_free(memory, &collector->offsets);
    pt__release(memory, collector);
}

static pt_status_t fail_missing(const pt__collector_t *collector, const char *name, const pt_array_t *values,
                                int32_t n_values)
{
    char reads[LIST_SIZE], given[LIST_SIZE] = "nothing";
    size_t length = 0;
    pt__describe_requests(collector->collates, collector->n_requests, reads, sizeof reads);
    for (int32_t i = 0; i < n_values && values[i].name != NULL; i++) {
        const char *parts[4] = {i > 0 ? ", " : "", values[i].name, " ", pt__dtype_name(values[i].dtype)};
        for (int32_t part = 0; part < 4; part++) {
            size_t left = sizeof given - 1 - length, more = strlen(parts[part]);
            memcpy(given + length, parts[part], more < left ? more : left);
            length += more < left ? more : left;
            given[length] = 0;
        }
    }
    return pt__fail(PT_ERR_SHAPE, "field \"%s\" is missing: the network reads %s; the values given are %s", name, reads,
                    given);
}

/* The value with this name; usually the one at the same place. */
static const pt_array_t *find(const pt_array_t *values, int32_t n_values, int32_t place, const char *name)
{
    if (place < n_values && strcmp(values[place].name, name) == 0)
        return &values[place];
    for (int32_t i = 0; i < n_values; i++) {
        if (strcmp(values[i].name, name) == 0)
            return &values[i];
    }
    return NULL;
}

static pt_status_t check_values(const pt_array_t *values, int32_t n_values)
{
    for (int32_t i = 0; i < n_values; i++) {
        if (values[i].name == NULL)
            return pt__fail(PT_ERR_ARGUMENT, "value %ld has no name", (long)i);
        if (pt__dtype_size(values[i].dtype) == 0)
            return pt__fail(PT_ERR_ARGUMENT, "field \"%s\": %ld is no dtype", values[i].name, (long)values[i].dtype);
        if (values[i].rank < 0 || values[i].rank > PT_MAX_RANK)
            return pt__fail(PT_ERR_SHAPE, "field \"%s\": rank %ld, expected 0 to %d", values[i].name,
                            (long)values[i].rank, PT_MAX_RANK);
        for (int32_t before = 0; before < i; before++) {
            if (values[before].name[0] == values[i].name[0] && strcmp(values[before].name, values[i].name) == 0)
                return pt__fail(PT_ERR_ARGUMENT, "values %ld and %ld are both named \"%s\"", (long)before, (long)i,
                                values[i].name);
        }
    }
    return PT_OK;
}

/* Rows of each sample: of their own, or the same for all, by the value's shape. */
static pt_status_t take_lengths(pt__collector_t *collector, const pt__request_t *request, const pt_array_t *value,
                                int64_t samples)
{
    int64_t fixed = value->rank > 0 && value->shape[0] > 0 ? value->shape[0] : 0;
    if (value->lengths == NULL && fixed == 0)
        return pt__fail(PT_ERR_ARGUMENT, "field \"%s\": lengths is NULL, expected the rows of each sample",
                        request->name);
    return pt__offsets_take(&collector->offsets, request, value->lengths, fixed, samples,
                            collector->length_limit[request->dimension], (pt__naming_t){NULL, 0});
}

/* What the host states about a value beyond what the call has to know. */
static pt_status_t check_stated(const pt__collate_t *collate, const pt_array_t *value, int64_t elements)
{
    char found[PT__SHAPE_TEXT], wanted[PT__SHAPE_TEXT];
    if (value->elements != 0 && value->elements != elements)
        return pt__fail(PT_ERR_SHAPE, "field \"%s\": elements is %lld, expected %lld", collate->request.name,
                        (long long)value->elements, (long long)elements);
    if (value->rank != 0 && !pt__collate_fits(collate, value->rank, value->shape))
        return pt__fail(PT_ERR_SHAPE, "field \"%s\": samples of shape %s, expected %s", collate->request.name,
                        pt__sizes_print(value->rank, value->shape, found, sizeof found),
                        pt__sizes_print(collate->request.rank, collate->request.shape, wanted, sizeof wanted));
    return PT_OK;
}

/* One field, once the offsets are known. */
static pt_status_t take_value(pt__collector_t *collector, int32_t place, const pt_array_t *value, int64_t samples)
{
    pt__collate_t *collate = &collector->collates[place];
    const int32_t *offsets = collate->ragged ? collector->offsets.list[collate->request.dimension] : NULL;
    int64_t rows = offsets != NULL ? offsets[samples] : samples;
    if (value->data == NULL)
        return pt__fail(PT_ERR_ARGUMENT, "field \"%s\": data is NULL", collate->request.name);
    if (!collate->ragged && value->lengths != NULL)
        return pt__fail(PT_ERR_ARGUMENT, "field \"%s\": lengths is set, expected NULL for a field that is not ragged",
                        collate->request.name);
    /* rows are fewer than 2^31: for rows of ordinary size there is nothing to divide */
    if (collate->inner >= 1 << 28 && rows > INT64_MAX / 16 / collate->inner)
        return pt__fail(PT_ERR_SHAPE, "field \"%s\": %lld rows of %lld elements are too many", collate->request.name,
                        (long long)rows, (long long)collate->inner);
    int64_t elements = rows * collate->inner;
    PT__TRY(check_stated(collate, value, elements));
    const uintptr_t beside = (uintptr_t)pt__dtype_size(value->dtype) - 1; /* sizes are powers of two */
    if (value->dtype == collate->request.dtype && ((uintptr_t)value->data & beside) != 0)
        return pt__fail(PT_ERR_ARGUMENT, "field \"%s\": data is not aligned to its elements of %lld bytes",
                        collate->request.name, (long long)pt__dtype_size(value->dtype));
    PT__TRY(pt__collate_reserve(&collector->context->memory, collate, value->dtype, elements, &collector->bytes));
    return pt__collate_take(collate, value->dtype, value->data, samples, offsets, (pt__naming_t){NULL, 0},
                            &collector->data[place]);
}

pt_status_t pt__collector_take(pt__collector_t *collector, const pt_array_t *values, int32_t n_values, int64_t samples,
                               pt__loaded_t *out)
{
    if (samples < 1)
        return pt__fail(PT_ERR_ARGUMENT, "%lld samples, expected at least 1", (long long)samples);
    if (samples > INT32_MAX)
        return pt__fail(PT_ERR_ARGUMENT, "%lld samples at once, expected at most 2147483647", (long long)samples);
    PT__TRY(check_values(values, n_values));
    PT__TRY(pt__offsets_reserve(&collector->context->memory, &collector->offsets, collector->collates,
                                collector->n_requests, samples, &collector->bytes));
    pt__offsets_forget(&collector->offsets);
    for (int32_t i = 0; i < collector->n_requests; i++) {
        const char *name = collector->collates[i].request.name;
        const pt_array_t *value = find(values, n_values, i, name);
        if (value == NULL)
            return fail_missing(collector, name, values, n_values);
        if (collector->collates[i].ragged)
            PT__TRY(take_lengths(collector, &collector->collates[i].request, value, samples));
        PT__TRY(take_value(collector, i, value, samples));
    }
    pt__offsets_rows(&collector->offsets, samples, &out->rows);
    out->data = collector->data;
    out->last_of_batch = out->last_of_epoch = 1;
    memcpy(out->offsets, collector->offsets.list, sizeof out->offsets);
    return PT_OK;
}
