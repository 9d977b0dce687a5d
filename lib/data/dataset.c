/* What all datasets share, whatever their source: the checked list of fields, the count of references, the way down
 * through views. Called by the sources when they make a dataset, and by everything that holds one. */
#include <string.h>

#include "base/dtype.h"
#include "base/unfinished.h"
#include "data/data.h"

enum { MOST_FIELDS = 1024 };

int32_t pt__shape_ragged(int32_t rank, const int64_t *shape)
{
    return rank > 0 && shape[0] == PT_DIM_TOKENS;
}

int64_t pt__shape_inner(int32_t rank, const int64_t *shape)
{
    int64_t elements = 1;
    for (int32_t i = pt__shape_ragged(rank, shape); i < rank; i++)
        elements *= shape[i];
    return elements;
}

static pt_status_t check_name(const pt_field_spec_t *fields, int32_t number)
{
    const char *name = fields[number].name;
    if (name == NULL || name[0] == 0)
        return pt__fail(PT_ERR_ARGUMENT, "field %ld of the dataset has no name", (long)number);
    if (strlen(name) >= PT_MAX_NAME)
        return pt__fail(PT_ERR_ARGUMENT, "the name of field %ld of the dataset has %zu bytes, expected at most %d",
                        (long)number, strlen(name), PT_MAX_NAME - 1);
    for (int32_t i = 0; i < number; i++) {
        if (strcmp(fields[i].name, name) == 0)
            return pt__fail(PT_ERR_ARGUMENT, "fields %ld and %ld of the dataset are both named \"%s\"", (long)i,
                            (long)number, name);
    }
    return PT_OK;
}

static pt_status_t check_shape(const pt_field_spec_t *field)
{
    if (pt__dtype_size(field->dtype) == 0)
        return pt__fail(PT_ERR_ARGUMENT, "field \"%s\": %ld is no dtype", field->name, (long)field->dtype);
    if (field->rank < 0 || field->rank > PT_MAX_RANK)
        return pt__fail(PT_ERR_SHAPE, "field \"%s\": rank %ld, expected 0 to %d", field->name, (long)field->rank,
                        PT_MAX_RANK);
    int32_t ragged = pt__shape_ragged(field->rank, field->shape);
    for (int32_t i = ragged; i < field->rank; i++) {
        if (field->shape[i] < 1)
            return pt__fail(PT_ERR_SHAPE, "field \"%s\": size %ld of a sample is %lld, expected at least 1%s",
                            field->name, (long)i, (long long)field->shape[i], i == 0 ? " or PT_DIM_TOKENS" : "");
    }
    if (ragged ? field->max_length < 1 || field->max_length > INT32_MAX : field->max_length != 0)
        return pt__fail(PT_ERR_SHAPE, "field \"%s\": max_length is %lld, expected %s", field->name,
                        (long long)field->max_length,
                        ragged ? "1 to 2147483647 rows of a ragged field" : "0 for a field that is not ragged");
    int64_t elements, sizes[PT_MAX_RANK];
    memcpy(sizes, field->shape, sizeof sizes);
    if (ragged)
        sizes[0] = field->max_length;
    PT__TRY(pt__sizes_elements(field->name, field->rank, sizes, &elements));
    if (elements > INT64_MAX / 64)
        return pt__fail(PT_ERR_SHAPE, "field \"%s\": a sample of %lld elements is too large", field->name,
                        (long long)elements);
    return PT_OK;
}

static void release_fields(pt__memory_t *memory, pt_field_spec_t *fields, int32_t n_fields)
{
    for (int32_t i = 0; fields != NULL && i < n_fields; i++)
        pt__release(memory, (char *)(uintptr_t)fields[i].name);
    pt__release(memory, fields);
}

static pt_status_t copy_fields(pt__memory_t *memory, const pt_field_spec_t *fields, int32_t n_fields,
                               pt_field_spec_t **out)
{
    pt_field_spec_t *copies;
    *out = NULL;
    PT__TRY(pt__allocate(memory, (size_t)n_fields, sizeof *copies, "fields of a dataset", &copies));
    for (int32_t i = 0; i < n_fields; i++) {
        char *name;
        pt_status_t status = pt__string_copy(memory, fields[i].name, &name);
        if (status != PT_OK) {
            release_fields(memory, copies, i);
            return status;
        }
        copies[i] = (pt_field_spec_t){
            .name = name, .dtype = fields[i].dtype, .rank = fields[i].rank, .max_length = fields[i].max_length};
        memcpy(copies[i].shape, fields[i].shape, (size_t)fields[i].rank * sizeof fields[i].shape[0]);
    }
    *out = copies;
    return PT_OK;
}

pt_status_t pt__dataset_make(pt_context_t *context, const pt__source_t *source, void *state,
                             const pt_field_spec_t *fields, int32_t n_fields, int64_t length, uint32_t flags,
                             pt_dataset_t **out)
{
    pt_dataset_t *dataset;
    *out = NULL;
    if (n_fields < 1 || n_fields > MOST_FIELDS)
        return pt__fail(PT_ERR_ARGUMENT, "a dataset of %ld fields, expected 1 to %d", (long)n_fields, MOST_FIELDS);
    if (length == 0 || length < -1)
        return pt__fail(PT_ERR_ARGUMENT, "a dataset of %lld samples, expected at least 1", (long long)length);
    for (int32_t i = 0; i < n_fields; i++) {
        PT__TRY(check_name(fields, i));
        PT__TRY(check_shape(&fields[i]));
    }
    PT__TRY(pt__allocate(&context->memory, 1, sizeof *dataset, "dataset", &dataset));
    pt_status_t status = copy_fields(&context->memory, fields, n_fields, &dataset->fields);
    if (status != PT_OK) {
        pt__release(&context->memory, dataset);
        return status;
    }
    dataset->context = pt__context_retain(context);
    atomic_init(&dataset->references, 1);
    atomic_init(&dataset->fits, 0);
    dataset->source = source;
    dataset->state = state;
    dataset->n_fields = n_fields;
    dataset->flags = flags;
    dataset->length = length;
    *out = dataset;
    return PT_OK;
}

pt_dataset_t *pt__dataset_retain(pt_dataset_t *dataset)
{
    atomic_fetch_add_explicit(&dataset->references, 1, memory_order_relaxed);
    return dataset;
}

void pt__dataset_release(pt_dataset_t *dataset)
{
    while (dataset != NULL && atomic_fetch_sub_explicit(&dataset->references, 1, memory_order_acq_rel) == 1) {
        pt_context_t *context = dataset->context;
        pt_dataset_t *origin = dataset->origin;
        dataset->source->destroy(dataset);
        release_fields(&context->memory, dataset->fields, dataset->n_fields);
        pt__release(&context->memory, dataset);
        pt__context_release(context);
        dataset = origin;
    }
}

static pt_status_t end_unfinished(void *dataset)
{
    pt__dataset_release(dataset);
    return PT_OK;
}

void pt__dataset_begin(pt_dataset_t *dataset)
{
    pt__unfinished_push(end_unfinished, pt__dataset_retain(dataset));
}

void pt__dataset_end(pt_dataset_t *dataset)
{
    pt__unfinished_pop();
    pt__dataset_release(dataset);
}

int32_t pt__dataset_find(const pt_dataset_t *dataset, const char *name)
{
    for (int32_t i = 0; i < dataset->n_fields; i++) {
        if (strcmp(dataset->fields[i].name, name) == 0)
            return i;
    }
    return -1;
}

pt_dataset_t *pt__dataset_resolve(pt_dataset_t *dataset, int64_t *indices, int64_t count)
{
    for (; dataset->source->translate != NULL; dataset = dataset->origin)
        dataset->source->translate(dataset, indices, count);
    return dataset;
}

int32_t pt__dataset_leaves_thread(pt_dataset_t *dataset, int32_t *worth)
{
    *worth = 0;
    for (; dataset != NULL; dataset = dataset->origin) {
        dataset = pt__dataset_resolve(dataset, NULL, 0);
        int32_t is_allowed = (dataset->flags & (PT_DATASET_THREAD_SAFE | PT_DATASET_CONCURRENT)) != 0;
        if (dataset->source->is_hosts && !is_allowed)
            return 0;
        *worth |= is_allowed;
    }
    return 1;
}

/* Numbers that follow each other are spread over all bits (Steele, Lea and Flood 2014, "Fast splittable pseudorandom
 * number generators"). Made when asked for: a host that draws nothing pays nothing. */
uint64_t pt__batch_key(const pt_batch_t *batch, int64_t i)
{
    uint64_t key = (uint64_t)(batch->indices != NULL ? batch->indices[i] : batch->position + i);
    key = batch->key + key * 0x9E3779B97F4A7C15u;
    key = (key ^ key >> 30) * 0xBF58476D1CE4E5B9u;
    key = (key ^ key >> 27) * 0x94D049BB133111EBu;
    return key ^ key >> 31;
}
