/* Samples for the host to look at: fetched as a stage would fetch them, one field of them copied out. Behind
 * pt_dataset_read. */
#include <string.h>

#include "data/staging.h"

enum { READ_AT_ONCE = 64 }; /* samples */

/* Hands out what was staged of the field. */
static pt_status_t copy_out(const pt__staging_t *staging, int32_t field, pt__receiver_t *receiver)
{
    const pt_array_t *buffer = &staging->fields[field];
    const int64_t elements = staging->elements[field], samples = staging->filled;
    if (pt__receiver_takes(receiver, elements, samples))
        PT__TRY(pt__receiver_put(receiver, buffer->data, elements));
    int64_t *lengths = pt__receiver_lengths(receiver);
    for (int64_t i = 0; lengths != NULL && i < samples; i++)
        lengths[i] = buffer->lengths != NULL ? buffer->lengths[i] : buffer->rank > 0 ? buffer->shape[0] : 1;
    pt__receiver_count(receiver, elements, samples);
    return PT_OK;
}

pt_status_t pt__dataset_read(pt_dataset_t *dataset, const int64_t *indices, int64_t count, int32_t field,
                             pt__receiver_t *receiver)
{
    pt__staging_t staging;
    pt_status_t status;
    const pt_field_spec_t *spec = &dataset->fields[field];
    pt__receiver_describe(receiver, spec->dtype, spec->rank, spec->shape, spec->max_length);
    for (int64_t i = 0; i < count; i++) {
        if (indices[i] < 0 || indices[i] >= dataset->length)
            return pt__fail(PT_ERR_ARGUMENT, "index %lld is %lld, expected 0 to %lld", (long long)i,
                            (long long)indices[i], (long long)dataset->length - 1);
    }
    PT__TRY(pt__staging_create(dataset, count < READ_AT_ONCE ? count : READ_AT_ONCE, &staging));
    for (int64_t first = 0; first < count; first += staging.capacity) {
        int64_t now = count - first < staging.capacity ? count - first : staging.capacity;
        memcpy(staging.indices, indices + first, (size_t)now * sizeof *indices);
        pt__dataset_resolve(dataset, staging.indices, now);
        PT__TRY_OUT(pt__staging_fetch(&staging, now, &(const pt__cursor_t){0}));
        PT__TRY_OUT(pt__staging_make(&staging));
        PT__TRY_OUT(copy_out(&staging, field, receiver));
    }
    status = pt__receiver_finish(receiver);
out:
    pt__staging_free(&staging);
    return status;
}
