/* One crossing from the library into a dataset's source, and everything that can be wrong with what comes back. What a host's
 * callback is handed is a copy that nothing is read back from but status, user_code, filled and the buffers. */
#include "data/staging.h"

#include <string.h>

#include "base/dtype.h"

static pt_status_t allocate_field(pt__staging_t *staging, const pt_field_spec_t *spec, int32_t number)
{
    pt__memory_t *memory = &staging->root->context->memory;
    pt_field_t *field = &staging->fields[number];
    int32_t ragged = pt__shape_ragged(spec->rank, spec->shape);
    int64_t sizes[3] = {staging->capacity, ragged ? spec->max_length : 1, pt__shape_inner(spec->rank, spec->shape)};
    *field = (pt_field_t){.name = spec->name, .dtype = spec->dtype, .rank = spec->rank};
    memcpy(field->shape, spec->shape, sizeof field->shape);
    PT__TRY(pt__sizes_elements(spec->name, 3, sizes, &field->capacity));
    int64_t element = pt__dtype_size(spec->dtype);
    /* What a callback leaves unwritten of a sample of fixed size is zero, not chance; of a ragged one only what it wrote is read. */
    if (ragged)
        PT__TRY(pt__allocate_uninitialised(memory, (size_t)field->capacity, (size_t)element,
                                           "buffer of a dataset's field", &field->data));
    else
        PT__TRY(pt__allocate(memory, (size_t)field->capacity, (size_t)element, "buffer of a dataset's field",
                             &field->data));
    staging->bytes += field->capacity * element;
    if (ragged) {
        PT__TRY(pt__allocate(memory, (size_t)staging->capacity, sizeof(int64_t), "lengths of a dataset's field",
                             &field->lengths));
        staging->bytes += staging->capacity * (int64_t)sizeof(int64_t);
    }
    staging->inner[number] = sizes[2];
    return PT_OK;
}

pt_status_t pt__staging_create(pt_dataset_t *dataset, int64_t capacity, pt__staging_t *out)
{
    pt_status_t status;
    pt_dataset_t *root = pt__dataset_resolve(dataset, NULL, 0);
    pt__memory_t *memory = &root->context->memory;
    size_t n = (size_t)root->n_fields;
    *out = (pt__staging_t){.root = root, .capacity = capacity};
    PT__TRY_OUT(pt__allocate(memory, n, sizeof *out->fields, "buffers of a dataset", &out->fields));
    PT__TRY_OUT(pt__allocate(memory, n, sizeof *out->shown, "buffers of a dataset", &out->shown));
    PT__TRY_OUT(pt__allocate(memory, n, sizeof *out->inner, "buffers of a dataset", &out->inner));
    PT__TRY_OUT(pt__allocate(memory, n, sizeof *out->elements, "buffers of a dataset", &out->elements));
    PT__TRY_OUT(pt__allocate(memory, (size_t)capacity, sizeof *out->indices, "indices of samples", &out->indices));
    out->bytes = capacity * (int64_t)sizeof *out->indices;
    for (int32_t i = 0; i < root->n_fields; i++)
        PT__TRY_OUT(allocate_field(out, &root->fields[i], i));
    return PT_OK;
out:
    pt__staging_free(out);
    return status;
}

void pt__staging_free(pt__staging_t *staging)
{
    if (staging->root == NULL)
        return;
    pt__memory_t *memory = &staging->root->context->memory;
    for (int32_t i = 0; staging->fields != NULL && i < staging->root->n_fields; i++) {
        pt__release(memory, staging->fields[i].data);
        pt__release(memory, staging->fields[i].lengths);
    }
    pt__release(memory, staging->fields);
    pt__release(memory, staging->shown);
    pt__release(memory, staging->inner);
    pt__release(memory, staging->elements);
    pt__release(memory, staging->indices);
    *staging = (pt__staging_t){0};
}

/* Hands out what is left of the buffers behind the samples filled so far. */
static void show_fields(pt__staging_t *staging, int64_t count)
{
    for (int32_t i = 0; i < staging->root->n_fields; i++) {
        pt_field_t *shown = &staging->shown[i];
        *shown = staging->fields[i];
        shown->data = (char *)shown->data + staging->elements[i] * pt__dtype_size(shown->dtype);
        shown->capacity -= staging->elements[i];
        if (shown->lengths == NULL)
            continue;
        shown->lengths += staging->filled;
        for (int64_t sample = 0; sample < count; sample++)
            shown->lengths[sample] = -1; /* one that is never written is noticed */
    }
}

/* Counts the elements of `count` new samples. */
static pt_status_t count_elements(pt__staging_t *staging, int64_t count, int64_t position)
{
    for (int32_t i = 0; i < staging->root->n_fields; i++) {
        const int64_t *lengths = staging->fields[i].lengths;
        int64_t rows = count;
        if (lengths != NULL) {
            int64_t longest = staging->root->fields[i].max_length;
            rows = 0;
            for (int64_t sample = staging->filled; sample < staging->filled + count; sample++) {
                if (lengths[sample] < 0 || lengths[sample] > longest)
                    return pt__fail(
                        PT_ERR_CALLBACK, "field \"%s\", sample %lld: length %lld, expected 0 to %lld (max_length)%s",
                        staging->fields[i].name,
                        (long long)(staging->root->length < 0 ? position + sample : staging->indices[sample]),
                        (long long)lengths[sample], (long long)longest,
                        lengths[sample] == -1 ? "; the callback did not write it" : "");
                rows += lengths[sample];
            }
        }
        staging->elements[i] += rows * staging->inner[i];
    }
    staging->filled += count;
    return PT_OK;
}

static pt_status_t check_answer(const pt_batch_t *batch, int32_t is_stream, int64_t wanted)
{
    int32_t ended = is_stream && batch->status == PT_END;
    if (batch->status == PT_ERR_CALLBACK)
        return pt__fail(
            PT_ERR_CALLBACK,
            "the dataset's callback did not report success: batch->status is still PT_ERR_CALLBACK (user_code %lld)",
            (long long)batch->user_code);
    if (batch->status != PT_OK && !ended)
        return pt__fail(PT_ERR_CALLBACK, "the dataset's callback reported %s (%ld), expected PT_OK%s (user_code %lld)",
                        pt__status_name(batch->status), (long)batch->status, is_stream ? " or PT_END" : "",
                        (long long)batch->user_code);
    if (batch->filled < 0 || batch->filled > wanted)
        return pt__fail(PT_ERR_CALLBACK,
                        "the dataset's callback filled %lld samples, expected 0 to %lld (user_code %lld)",
                        (long long)batch->filled, (long long)wanted, (long long)batch->user_code);
    if (!is_stream && batch->filled != wanted)
        return pt__fail(
            PT_ERR_CALLBACK,
            "the dataset's callback filled %lld samples, expected all %lld that were asked for (user_code %lld)",
            (long long)batch->filled, (long long)wanted, (long long)batch->user_code);
    if (is_stream && batch->filled == 0 && !ended)
        return pt__fail(
            PT_ERR_CALLBACK,
            "the stream's callback filled no sample and reported PT_OK; PT_END ends a pass (user_code %lld)",
            (long long)batch->user_code);
    return PT_OK;
}

pt_status_t pt__staging_fill(pt__staging_t *staging, int64_t count, int64_t position)
{
    pt_dataset_t *root = staging->root;
    int32_t is_stream = root->length < 0;
    staging->filled = 0;
    staging->ended = 0;
    memset(staging->elements, 0, (size_t)root->n_fields * sizeof *staging->elements);
    do { /* a stream may bring less than asked for, and is asked again */
        int64_t wanted = count - staging->filled;
        show_fields(staging, wanted);
        pt_batch_t batch = {.struct_size = (uint32_t)sizeof batch,
                            .status = PT_ERR_CALLBACK,
                            .capacity = wanted,
                            .indices = is_stream ? NULL : staging->indices,
                            .position = position + staging->filled,
                            .fields = staging->shown,
                            .n_fields = root->n_fields};
        PT__TRY(root->source->fetch(root, &batch));
        PT__TRY(check_answer(&batch, is_stream, wanted));
        staging->ended = batch.status == PT_END;
        PT__TRY(count_elements(staging, batch.filled, position));
    } while (staging->filled < count && !staging->ended);
    return PT_OK;
}
