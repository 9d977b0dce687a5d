/* See assembly.h. Rows are counted in each ragged dimension by itself: a budget bounds what a plan must have room for,
 * and a plan has room for each dimension. */
#include "data/assembly.h"

#include <string.h>

#include "base/dtype.h"

pt_status_t pt__assembly_create(pt__memory_t *memory, const pt__collate_t *collates, int32_t n_requests,
                                const pt__loader_options_t *options, pt__assembly_t *out)
{
    pt_status_t status;
    size_t n = (size_t)n_requests;
    *out = (pt__assembly_t){.memory = memory,
                            .collates = collates,
                            .n_requests = n_requests,
                            .batch_limit = pt__taken_limit(options->batch, options->batch_rows),
                            .micro_limit = pt__taken_limit(options->micro_batch, options->micro_rows)};
    PT__TRY_OUT(pt__allocate(memory, n, sizeof *out->buffers, "assembled fields", &out->buffers));
    PT__TRY_OUT(pt__allocate(memory, n, sizeof *out->capacity, "assembled fields", &out->capacity));
    PT__TRY_OUT(pt__allocate(memory, n, sizeof *out->data, "assembled fields", &out->data));
    return PT_OK;
out:
    pt__assembly_free(out);
    return status;
}

void pt__assembly_free(pt__assembly_t *assembly)
{
    if (assembly->memory == NULL)
        return;
    for (int32_t i = 0; assembly->buffers != NULL && i < assembly->n_requests; i++)
        pt__release(assembly->memory, assembly->buffers[i]);
    pt__release(assembly->memory, assembly->buffers);
    pt__release(assembly->memory, assembly->capacity);
    pt__release(assembly->memory, assembly->data);
    pt__offsets_free(assembly->memory, &assembly->offsets);
    *assembly = (pt__assembly_t){0};
}

void pt__assembly_begin(pt__assembly_t *assembly)
{
    assembly->micro = (pt__taken_t){0};
    assembly->batch_is_full = 0;
    pt__offsets_forget(&assembly->offsets);
}

void pt__assembly_end_batch(pt__assembly_t *assembly)
{
    assembly->batch = (pt__taken_t){0};
}

static pt__taken_t measure(const pt__slot_t *slot, int64_t sample)
{
    pt__taken_t one = {.samples = 1};
    for (int32_t i = 0; i < PT__DIMENSIONS; i++) {
        if (slot->offsets.first[i] != NULL)
            one.rows[i] = slot->offsets.list[i][sample + 1] - slot->offsets.list[i][sample];
    }
    return one;
}

/* Whether nothing more can fit: every sample has at least one row. */
static int32_t is_full(const pt__taken_t *taken, const pt__taken_t *limit)
{
    int32_t is = taken->samples == limit->samples;
    for (int32_t i = 0; i < PT__DIMENSIONS; i++)
        is |= taken->rows[i] == limit->rows[i];
    return is;
}

static pt_status_t refuse(const pt__assembly_t *assembly, const pt__slot_t *slot, int64_t sample, int32_t is_stream,
                          const pt__taken_t *one)
{
    int32_t worst = 0;
    for (int32_t i = 0; i < PT__DIMENSIONS; i++)
        worst = one->rows[i] > one->rows[worst] ? i : worst;
    return pt__fail(PT_ERR_SHAPE,
                    "sample %lld, field \"%s\": %lld rows are more than a micro-batch may have, %lld; see batch_rows "
                    "and micro_batch_rows",
                    (long long)(is_stream ? slot->begin.position + sample : slot->staging.indices[sample]),
                    slot->offsets.first[worst], (long long)one->rows[worst],
                    (long long)assembly->micro_limit.rows[worst]);
}

/* Copies samples [first, end) behind the `before` that are there. */
static pt_status_t copy_values(pt__assembly_t *assembly, const pt__slot_t *slot, int64_t first, int64_t end,
                               const pt__taken_t *before)
{
    for (int32_t i = 0; i < assembly->n_requests; i++) {
        const pt__collate_t *collate = &assembly->collates[i];
        int32_t dimension = collate->request.dimension;
        const int32_t *offsets = collate->ragged ? slot->offsets.list[dimension] : NULL;
        int64_t row = collate->inner * pt__dtype_size(collate->request.dtype), held = assembly->capacity[i],
                begin = offsets != NULL ? offsets[first] : first, stop = offsets != NULL ? offsets[end] : end,
                at = offsets != NULL ? before->rows[dimension] : before->samples;
        PT__TRY(pt__grow(assembly->memory, &assembly->buffers[i], &assembly->capacity[i], (at + stop - begin) * row, 1,
                         "assembled field"));
        assembly->bytes += assembly->capacity[i] - held;
        memcpy(assembly->buffers[i] + at * row, (const char *)slot->data[i] + begin * row,
               (size_t)((stop - begin) * row));
        assembly->data[i] = assembly->buffers[i];
    }
    return PT_OK;
}

static pt_status_t copy_offsets(pt__assembly_t *assembly, const pt__slot_t *slot, int64_t first, int64_t end,
                                const pt__taken_t *before)
{
    pt__offsets_t *offsets = &assembly->offsets;
    PT__TRY(pt__offsets_reserve(assembly->memory, offsets, assembly->collates, assembly->n_requests,
                                before->samples + end - first, &assembly->bytes));
    for (int32_t i = 0; i < PT__DIMENSIONS; i++) {
        offsets->first[i] = slot->offsets.first[i];
        if (offsets->first[i] == NULL)
            continue;
        const int32_t *from = slot->offsets.list[i];
        int32_t *to = offsets->list[i] + before->samples, at = (int32_t)before->rows[i];
        for (int64_t sample = first; sample <= end; sample++)
            *to++ = at + from[sample] - from[first];
        offsets->rows.count[i] = at + from[end] - from[first];
    }
    return PT_OK;
}

pt_status_t pt__assembly_append(pt__assembly_t *assembly, const pt__slot_t *slot, int64_t first, int32_t is_stream,
                                int64_t *taken)
{
    const pt__taken_t before = assembly->micro;
    int64_t end = first;
    *taken = 0;
    for (; end < slot->samples; end++) {
        pt__taken_t one = measure(slot, end);
        if (assembly->micro.samples == 0 && !pt__taken_fits(&assembly->micro, &one, &assembly->micro_limit))
            return refuse(assembly, slot, end, is_stream, &one);
        assembly->batch_is_full = !pt__taken_fits(&assembly->batch, &one, &assembly->batch_limit);
        if (assembly->batch_is_full || !pt__taken_fits(&assembly->micro, &one, &assembly->micro_limit))
            break;
        pt__taken_add(&assembly->batch, &one);
        pt__taken_add(&assembly->micro, &one);
    }
    if (is_full(&assembly->batch, &assembly->batch_limit))
        assembly->batch_is_full = 1;
    *taken = end - first;
    if (end == first)
        return PT_OK;
    PT__TRY(copy_values(assembly, slot, first, end, &before));
    return copy_offsets(assembly, slot, first, end, &before);
}
