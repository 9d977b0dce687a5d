/* Crossings from the library into a dataset's source, and everything that can be wrong with what comes back. What a
 * host's callback is handed is a copy that nothing is read back from but status, user_code, filled and the buffers. A
 * map is one more crossing on top: its buffers are a staging of their own above that of what it is made from. */
#include "data/staging.h"

#include <string.h>

#include "base/dtype.h"
#include "base/random.h"

static pt_status_t allocate_field(pt__staging_t *staging, const pt_field_spec_t *spec, int32_t number)
{
    pt__memory_t *memory = &staging->root->context->memory;
    pt_array_t *field = &staging->fields[number];
    int32_t ragged = pt__shape_ragged(spec->rank, spec->shape);
    int64_t sizes[3] = {staging->capacity, ragged ? spec->max_length : 1, pt__shape_inner(spec->rank, spec->shape)};
    *field = (pt_array_t){.name = spec->name, .dtype = spec->dtype, .rank = spec->rank, .max_length = spec->max_length};
    memcpy(field->shape, spec->shape, sizeof field->shape);
    PT__TRY(pt__sizes_elements(spec->name, 3, sizes, &field->capacity));
    int64_t element = pt__dtype_size(spec->dtype);
    /* What a callback leaves unwritten of a sample of fixed size is zero, not chance; of a ragged one only what it
     * wrote is read. */
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
        field->lengths_capacity = staging->capacity;
    }
    staging->inner[number] = sizes[2];
    return PT_OK;
}

/* The staging of what a map makes its samples from. */
static pt_status_t create_from(pt__staging_t *staging)
{
    PT__TRY(pt__allocate(&staging->root->context->memory, 1, sizeof *staging->from, "buffers of a map's input",
                         &staging->from));
    PT__TRY(pt__staging_create(staging->root->origin, staging->capacity, staging->from));
    staging->maps = staging->from->maps + 1;
    staging->bytes += staging->from->bytes;
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
    if (root->origin != NULL)
        PT__TRY_OUT(create_from(out));
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
    if (staging->from != NULL)
        pt__staging_free(staging->from);
    for (int32_t i = 0; staging->fields != NULL && i < staging->root->n_fields; i++) {
        pt__release(memory, staging->fields[i].data);
        pt__release(memory, staging->fields[i].lengths);
    }
    pt__release(memory, staging->from);
    pt__release(memory, staging->fields);
    pt__release(memory, staging->shown);
    pt__release(memory, staging->inner);
    pt__release(memory, staging->elements);
    pt__release(memory, staging->indices);
    *staging = (pt__staging_t){0};
}

/* What the keys of an epoch's samples begin with (pt_batch_key): drawn once an epoch, since batches may be small. */
static uint64_t key_base(pt__staging_t *staging)
{
    const pt__cursor_t *place = &staging->place;
    if (!staging->has_key_base || staging->key_seed != place->seed || staging->key_epoch != place->epoch) {
        uint64_t of_seed = pt__random_key(place->seed, 0x6b657973 + staging->maps);
        staging->key_base = pt__random_key(of_seed, (uint64_t)place->epoch);
        staging->key_seed = place->seed;
        staging->key_epoch = place->epoch;
        staging->has_key_base = 1;
    }
    return staging->key_base;
}

/* ---- A crossing ---- */

/* What a sample is called in messages. */
static int64_t sample_at(const pt__staging_t *staging, int64_t place)
{
    return staging->root->length < 0 ? staging->place.position + place : staging->indices[place];
}

/* Hands out what is left of the buffers behind the samples filled so far. */
static void show_fields(pt__staging_t *staging, int64_t count)
{
    for (int32_t i = 0; i < staging->root->n_fields; i++) {
        pt_array_t *shown = &staging->shown[i];
        *shown = staging->fields[i];
        shown->data = (char *)shown->data + staging->elements[i] * pt__dtype_size(shown->dtype);
        shown->capacity -= staging->elements[i];
        if (shown->lengths == NULL)
            continue;
        shown->lengths += staging->filled;
        shown->lengths_capacity -= staging->filled;
        for (int64_t sample = 0; sample < count; sample++)
            shown->lengths[sample] = -1; /* one that is never written is noticed */
    }
}

/* Counts the elements of `count` new samples. */
static pt_status_t count_elements(pt__staging_t *staging, int64_t count)
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
                        staging->fields[i].name, (long long)sample_at(staging, sample), (long long)lengths[sample],
                        (long long)longest, lengths[sample] == -1 ? "; the callback did not write it" : "");
                rows += lengths[sample];
            }
        }
        staging->elements[i] += rows * staging->inner[i];
    }
    staging->filled += count;
    return PT_OK;
}

/* may_end: a stream's callback may say that its pass is over, and bring less than was asked for. */
static pt_status_t check_answer(const pt_batch_t *batch, const char *what, int32_t may_end, int64_t wanted)
{
    int32_t ended = may_end && batch->status == PT_END;
    long long code = (long long)batch->user_code;
    if (batch->status == PT_ERR_CALLBACK)
        return pt__fail(
            PT_ERR_CALLBACK,
            "the %s's callback did not report success: batch->status is still PT_ERR_CALLBACK (user_code %lld)", what,
            code);
    if (batch->status != PT_OK && !ended)
        return pt__fail(PT_ERR_CALLBACK, "the %s's callback reported %s (%ld), expected PT_OK%s (user_code %lld)", what,
                        pt__status_name(batch->status), (long)batch->status, may_end ? " or PT_END" : "", code);
    if (batch->filled < 0 || batch->filled > wanted)
        return pt__fail(PT_ERR_CALLBACK, "the %s's callback filled %lld samples, expected 0 to %lld (user_code %lld)",
                        what, (long long)batch->filled, (long long)wanted, code);
    if (!may_end && batch->filled != wanted)
        return pt__fail(PT_ERR_CALLBACK,
                        "the %s's callback filled %lld samples, expected all %lld that were asked for (user_code %lld)",
                        what, (long long)batch->filled, (long long)wanted, code);
    if (may_end && batch->filled == 0 && !ended)
        return pt__fail(
            PT_ERR_CALLBACK,
            "the stream's callback filled no sample and reported PT_OK; PT_END ends a pass (user_code %lld)", code);
    return PT_OK;
}

/* One call of the root's source for `wanted` samples behind those that are filled. */
static pt_status_t cross(pt__staging_t *staging, int64_t wanted, pt_batch_t *batch)
{
    pt_dataset_t *root = staging->root;
    int32_t is_stream = root->length < 0;
    show_fields(staging, wanted);
    batch->struct_size = (uint32_t)sizeof *batch; /* one by one: small steps come here millions of times */
    batch->status = PT_ERR_CALLBACK;
    batch->user_code = 0;
    batch->capacity = wanted;
    batch->filled = 0;
    batch->indices = is_stream ? NULL : staging->indices;
    batch->position = is_stream ? staging->place.position + staging->filled : 0;
    batch->epoch = staging->place.epoch;
    batch->key = key_base(staging);
    batch->fields = staging->shown;
    batch->inputs = NULL;
    batch->n_fields = root->n_fields;
    batch->n_inputs = 0;
    batch->field_size = (uint32_t)sizeof *batch->fields;
    batch->reserved = 0;
    if (staging->from != NULL) {
        pt__staging_t *from = staging->from;
        for (int32_t i = 0; i < from->root->n_fields; i++) {
            from->shown[i] = from->fields[i];
            from->shown[i].elements = from->elements[i];
            from->shown[i].samples = from->filled;
        }
        batch->inputs = from->shown;
        batch->n_inputs = from->root->n_fields;
    }
    return root->source->fetch(root, batch);
}

static void begin(pt__staging_t *staging)
{
    staging->filled = 0;
    memset(staging->elements, 0, (size_t)staging->root->n_fields * sizeof *staging->elements);
}

pt_status_t pt__staging_fetch(pt__staging_t *staging, int64_t count, const pt__cursor_t *place)
{
    pt__staging_t *lowest = staging;
    pt_batch_t batch;
    int32_t is_stream = staging->root->length < 0;
    staging->place = *place;
    for (; lowest->from != NULL; lowest = lowest->from) {
        lowest->from->place = *place;
        if (is_stream)
            continue;
        memcpy(lowest->from->indices, lowest->indices, (size_t)count * sizeof *lowest->indices);
        pt__dataset_resolve(lowest->root->origin, lowest->from->indices, count);
    }
    begin(lowest);
    do { /* a stream may bring less than asked for, and is asked again */
        PT__TRY(cross(lowest, count - lowest->filled, &batch));
        PT__TRY(check_answer(&batch, "dataset", is_stream, count - lowest->filled));
        PT__TRY(count_elements(lowest, batch.filled));
    } while (lowest->filled < count && batch.status != PT_END);
    staging->filled = lowest->filled;
    staging->ended = batch.status == PT_END;
    return PT_OK;
}

pt_status_t pt__staging_make(pt__staging_t *staging)
{
    pt_batch_t batch;
    if (staging->from == NULL)
        return PT_OK;
    PT__TRY(pt__staging_make(staging->from));
    int64_t wanted = staging->from->filled;
    begin(staging);
    if (wanted == 0) /* a stream's end */
        return PT_OK;
    PT__TRY(cross(staging, wanted, &batch));
    pt_status_t status = check_answer(&batch, "map", 0, wanted);
    if (status != PT_OK) { /* what it says to have filled tells where it stopped */
        int64_t at = batch.filled > 0 && batch.filled < wanted ? batch.filled : 0;
        return pt__fail_within(status, "sample %lld", (long long)sample_at(staging, at));
    }
    return count_elements(staging, wanted);
}
