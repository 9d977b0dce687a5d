/* See store.h. A segment's tensors count it; the memory ends with the last of them, in whichever store that stands. */
#include "train/store.h"

#include <string.h>

#include "base/dtype.h"
#include "base/hash.h"
#include "base/sort.h"
#include "kernels/device.h"
#include "train/fill.h"

static int compare_names(const void *a, const void *b, void *user)
{
    (void)user;
    return strcmp(((const pt__stored_t *)a)->name, ((const pt__stored_t *)b)->name);
}

/* Bytes are counted without further checks from here on: all together stay far below what an int64_t counts. */
static pt_status_t check_size(const pt__store_t *store)
{
    int64_t elements = 0;
    for (int64_t i = 0; i < store->count; i++) {
        if (store->tensors[i].elements > INT64_MAX / 64 - elements)
            return pt__fail(PT_ERR_MEMORY, "the parameters up to \"%s\" are too many for this machine",
                            store->tensors[i].name);
        elements += pt__padded(store->tensors[i].elements);
    }
    return PT_OK;
}

pt_status_t pt__store_create(const pt_graph_t *graph, pt__store_t *store)
{
    pt__memory_t *memory = &graph->context->memory;
    size_t count = (size_t)graph->n_parameters;
    *store = (pt__store_t){.context = graph->context};
    PT__TRY(pt__allocate(memory, count, sizeof *store->tensors, "parameters", &store->tensors));
    store->count = graph->n_parameters;
    PT__TRY(pt__allocate(memory, count, sizeof *store->by_name, "parameters", &store->by_name));
    for (int64_t i = 0; i < store->count; i++) {
        const pt__parameter_t *described = &graph->parameters[i];
        const pt__shape_t *shape = &graph->tensors[described->tensor].shape;
        store->tensors[i] = (pt__stored_t){.described = described,
                                           .name = described->name,
                                           .role = described->role,
                                           .shape = *shape,
                                           .elements = pt__shape_elements(shape),
                                           .dtype = PT_FLOAT32,
                                           .trainable = !described->is_frozen};
        store->by_name[i] = &store->tensors[i];
    }
    pt__sort(store->by_name, store->count, compare_names, NULL);
    return check_size(store);
}

static void release_segment(pt__segment_t *segment)
{
    pt_context_t *context = segment->context;
    pt__device_release(context->device, segment->block);
    pt__release(&context->memory, segment);
    pt__context_release(context);
}

static void release_mapped(pt__mapped_t *mapped)
{
    pt_context_t *context = mapped->context;
    pt__file_tensors_close(mapped->file);
    pt__release(&context->memory, mapped);
    pt__context_release(context);
}

/* True for the last tensor, whose thread then sees all that the others did. */
static int32_t is_last(atomic_int_least64_t *tensors)
{
    return atomic_fetch_sub_explicit(tensors, 1, memory_order_acq_rel) == 1;
}

/* The tensor stands nowhere any more. */
static void leave(pt__stored_t *stored)
{
    pt__segment_t *segment = stored->segment;
    pt__mapped_t *mapped = stored->mapped;
    stored->segment = NULL;
    stored->mapped = NULL;
    stored->value = NULL;
    if (segment != NULL && is_last(&segment->tensors))
        release_segment(segment);
    if (mapped != NULL && is_last(&mapped->tensors))
        release_mapped(mapped);
}

void pt__store_release(pt__store_t *store)
{
    if (store->context == NULL) /* never made */
        return;
    pt__memory_t *memory = &store->context->memory;
    for (int64_t i = 0; i < store->count; i++)
        leave(&store->tensors[i]);
    pt__device_release(store->context->device, store->gradients);
    pt__release(memory, store->by_name);
    pt__release(memory, store->tensors);
    *store = (pt__store_t){0};
}

int64_t pt__store_find(const pt__store_t *store, const char *name)
{
    int64_t low = 0, high = store->count;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        const pt__stored_t *stored = store->by_name[middle];
        int order = strcmp(stored->name, name);
        if (order == 0)
            return stored - store->tensors;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

void pt__stored_share(pt__stored_t *to, const pt__stored_t *from)
{
    to->trainable = from->trainable;
    to->dtype = from->dtype;
    to->segment = from->segment;
    to->mapped = from->mapped;
    to->value = from->value;
    to->is_filled = from->is_filled;
    if (to->segment != NULL)
        atomic_fetch_add_explicit(&to->segment->tensors, 1, memory_order_relaxed);
    if (to->mapped != NULL)
        atomic_fetch_add_explicit(&to->mapped->tensors, 1, memory_order_relaxed);
}

/* How many of the store's own tensors stand in a segment. */
static int64_t own_tensors(const pt__store_t *store, const pt__segment_t *segment)
{
    int64_t count = 0;
    for (int64_t i = 0; i < store->count; i++)
        count += store->tensors[i].segment == segment;
    return count;
}

/* Nobody else can come to a segment that is this store's alone: only its own handle could let others in. Acquired, so
 * that what others read there before they left is read. */
static int32_t is_shared(const pt__store_t *store, pt__segment_t *segment)
{
    return atomic_load_explicit(&segment->tensors, memory_order_acquire) > own_tensors(store, segment);
}

int32_t pt__store_shares(const pt__store_t *store, const pt__stored_t *stored)
{
    return store->may_share && stored->segment != NULL && is_shared(store, stored->segment);
}

pt_status_t pt__store_unshare(pt__store_t *store)
{
    pt__segment_t *last = NULL; /* neighbours mostly stand in one */
    int32_t shared = 0, any = 0;
    int8_t *chosen;
    if (!store->may_share)
        return PT_OK;
    PT__TRY(pt__allocate(&store->context->memory, (size_t)store->count, 1, "parameters", &chosen));
    for (int64_t i = 0; i < store->count; i++) {
        const pt__stored_t *stored = &store->tensors[i];
        if (stored->segment == NULL)
            continue;
        if (stored->segment != last)
            shared = is_shared(store, stored->segment);
        last = stored->segment;
        any |= shared;
        chosen[i] = shared && pt__stored_changes(stored);
    }
    pt_status_t status = pt__store_own(store, chosen, 1);
    store->may_share = any; /* what does not change may go on being shared */
    pt__release(&store->context->memory, chosen);
    return status;
}

/* Most models have no such file, and most others one. */
static pt_status_t check_files(const pt__store_t *store)
{
    const pt__mapped_t *last = NULL;
    for (int64_t i = 0; i < store->count; i++) {
        const pt__mapped_t *mapped = store->tensors[i].mapped;
        if (mapped == last || mapped == NULL)
            continue;
        PT__TRY(pt__file_tensors_check(mapped->file));
        last = mapped;
    }
    return PT_OK;
}

typedef void (*filler_t)(const pt_context_t *context, const pt__stored_t *stored, int32_t dtype, const void *values,
                         float *dst);

static void draw(const pt_context_t *context, const pt__stored_t *stored, int32_t dtype, const void *values, float *dst)
{
    (void)dtype, (void)values;
    pt__fill_draw(context, stored->described, stored->elements, dst);
}

static void convert(const pt_context_t *context, const pt__stored_t *stored, int32_t dtype, const void *values,
                    float *dst)
{
    pt__fill_convert(context, dtype, values, stored->elements, dst);
}

/* The one way into a tensor's memory: filled where it is, or in the host's and then uploaded. */
static pt_status_t fill(const pt__store_t *store, const pt__stored_t *stored, float *dst, filler_t filler,
                        int32_t dtype, const void *values)
{
    pt_context_t *context = store->context;
    const int64_t bytes = stored->elements * (int64_t)sizeof(float);
    void *host;
    PT__TRY(pt__device_write_begin(context->device, &context->memory, dst, bytes, stored->name, &host));
    filler(context, stored, dtype, values, host);
    return pt__device_write_end(context->device, &context->memory, dst, host, bytes, PT_OK);
}

/* What is in a file is at the host's address on every device that may use it there. */
static pt_status_t move(const pt__store_t *store, const pt__stored_t *stored, float *dst)
{
    if (stored->mapped != NULL)
        return fill(store, stored, dst, convert, stored->dtype, stored->value);
    return pt__device_copy(store->context->device, dst, stored->value, stored->elements * (int64_t)sizeof(float));
}

/* A segment for those of that role that are chosen: gaps zero, and with `keep` their values in it. *out is NULL for
 * none. */
static pt_status_t make_segment(const pt__store_t *store, const int8_t *chosen, pt__role_t role, int32_t keep,
                                pt__segment_t **out)
{
    struct pt__device *device = store->context->device;
    pt__memory_t *memory = &store->context->memory;
    pt__segment_t *segment;
    int64_t elements = 0, tensors = 0;
    *out = NULL;
    for (int64_t i = 0; i < store->count; i++)
        if (chosen[i] && store->tensors[i].role == role) {
            elements += pt__padded(store->tensors[i].elements);
            tensors++;
        }
    if (tensors == 0)
        return PT_OK;
    PT__TRY(pt__allocate(memory, 1, sizeof *segment, "parameter values", &segment));
    segment->context = pt__context_retain(store->context);
    atomic_init(&segment->tensors, 0);
    pt_status_t status = pt__device_allocate(device, elements * (int64_t)sizeof(float), "parameter values",
                                             &segment->block);
    float *at = segment->block;
    for (int64_t i = 0; status == PT_OK && i < store->count; i++) {
        const pt__stored_t *stored = &store->tensors[i];
        int64_t gap = pt__padded(stored->elements) - stored->elements;
        if (!chosen[i] || stored->role != role)
            continue;
        if (gap > 0)
            status = pt__device_clear(device, at + stored->elements, gap * (int64_t)sizeof(float));
        if (status == PT_OK && keep && stored->is_filled)
            status = move(store, stored, at);
        at += stored->elements + gap;
    }
    if (status == PT_OK)
        *out = segment;
    else
        release_segment(segment);
    return status;
}

pt_status_t pt__store_claim(const pt__store_t *store, const int8_t *chosen, int32_t keep, pt__claim_t *claim)
{
    *claim = (pt__claim_t){.chosen = chosen, .keep = keep};
    if (keep)
        PT__TRY(check_files(store));
    PT__TRY(make_segment(store, chosen, PT__ROLE_LEARNS, keep, &claim->segments[PT__ROLE_LEARNS]));
    pt_status_t status = make_segment(store, chosen, PT__ROLE_STATE, keep, &claim->segments[PT__ROLE_STATE]);
    if (status != PT_OK)
        pt__claim_release(claim);
    return status;
}

void pt__claim_release(pt__claim_t *claim)
{
    for (int32_t role = 0; role < PT__ROLE_COUNT; role++)
        if (claim->segments[role] != NULL)
            release_segment(claim->segments[role]);
    *claim = (pt__claim_t){0};
}

void pt__claim_commit(pt__store_t *store, pt__claim_t *claim)
{
    int64_t used[PT__ROLE_COUNT] = {0};
    int32_t moves_learnables = 0;
    for (int64_t i = 0; i < store->count; i++) {
        pt__stored_t *stored = &store->tensors[i];
        pt__segment_t *segment = claim->segments[stored->role];
        if (!claim->chosen[i])
            continue;
        moves_learnables |= stored->learnable;
        leave(stored);
        stored->segment = segment;
        stored->value = segment->block + used[stored->role];
        stored->dtype = PT_FLOAT32;
        stored->is_filled = stored->is_filled && claim->keep;
        used[stored->role] += pt__padded(stored->elements);
        atomic_fetch_add_explicit(&segment->tensors, 1, memory_order_relaxed);
    }
    *claim = (pt__claim_t){0};
    store->is_materialized = 0;
    store->moves++;
    if (moves_learnables)
        pt__store_renew_identity(store);
}

pt_status_t pt__store_own(pt__store_t *store, const int8_t *chosen, int32_t keep)
{
    pt__claim_t claim;
    if (memchr(chosen, 1, (size_t)store->count) == NULL)
        return PT_OK;
    PT__TRY(pt__store_claim(store, chosen, keep, &claim));
    pt__claim_commit(store, &claim);
    return PT_OK;
}

pt_status_t pt__store_place(pt__store_t *store)
{
    int8_t *chosen;
    if (store->is_materialized)
        return PT_OK;
    PT__TRY(pt__allocate(&store->context->memory, (size_t)store->count, 1, "parameters", &chosen));
    for (int64_t i = 0; i < store->count; i++)
        chosen[i] = store->tensors[i].value == NULL;
    pt_status_t status = pt__store_own(store, chosen, 0);
    pt__release(&store->context->memory, chosen);
    return status;
}

pt_status_t pt__store_own_one(pt__store_t *store, int64_t index)
{
    const pt__stored_t *stored = &store->tensors[index];
    int8_t *chosen;
    if (stored->mapped == NULL && !pt__store_shares(store, stored))
        return pt__store_place(store);
    PT__TRY(pt__allocate(&store->context->memory, (size_t)store->count, 1, "parameters", &chosen));
    chosen[index] = 1;
    pt_status_t status = pt__store_own(store, chosen, 0);
    pt__release(&store->context->memory, chosen);
    return status;
}

/* Those that stay in segments of which others leave move to another, so that what these took can be given back. */
static pt_status_t move_neighbours(pt__store_t *store, const int8_t *leaving)
{
    int8_t *staying;
    PT__TRY(pt__allocate(&store->context->memory, (size_t)store->count, 1, "parameters", &staying));
    for (int64_t i = 0; i < store->count; i++)
        for (int64_t k = 0; k < store->count && !leaving[i] && store->tensors[i].segment != NULL && !staying[i]; k++)
            staying[i] = leaving[k] && store->tensors[k].segment == store->tensors[i].segment;
    pt_status_t status = pt__store_own(store, staying, 1);
    pt__release(&store->context->memory, staying);
    return status;
}

pt_status_t pt__store_map_begin(pt__store_t *store, const int8_t *chosen, pt__mapped_t **mapped)
{
    pt__memory_t *memory = &store->context->memory;
    *mapped = NULL;
    if (memchr(chosen, 1, (size_t)store->count) == NULL)
        return PT_OK;
    PT__TRY(pt__allocate(memory, 1, sizeof **mapped, "mapped file", mapped));
    pt_status_t status = move_neighbours(store, chosen);
    if (status != PT_OK) {
        pt__release(memory, *mapped);
        *mapped = NULL;
    }
    return status;
}

void pt__store_map_end(pt__store_t *store, const int8_t *chosen, pt__mapped_t *mapped, pt__file_tensors_t *file,
                       const char *prefix)
{
    mapped->context = pt__context_retain(store->context);
    mapped->file = file;
    atomic_init(&mapped->tensors, 0);
    for (int64_t i = 0; i < store->count; i++) {
        pt__stored_t *stored = &store->tensors[i];
        if (!chosen[i])
            continue;
        const pt__entry_t *entry = pt__tensors_find_within(pt__file_tensors_table(file), prefix, stored->name);
        leave(stored);
        stored->mapped = mapped;
        stored->value = (void *)(uintptr_t)entry->data;
        stored->dtype = entry->dtype;
        stored->is_filled = 1;
        atomic_fetch_add_explicit(&mapped->tensors, 1, memory_order_relaxed);
    }
    store->moves++;
}

void pt__store_renew_identity(pt__store_t *store)
{
    store->identity = atomic_fetch_add(&store->context->identities, 1) + 1;
}

pt_status_t pt__stored_set(const pt__store_t *store, pt__stored_t *stored, int32_t dtype, const void *values)
{
    PT__TRY(fill(store, stored, stored->value, convert, dtype, values));
    stored->is_filled = 1;
    return PT_OK;
}

pt_status_t pt__stored_get(const pt__store_t *store, const pt__stored_t *stored, float *values)
{
    if (stored->mapped == NULL)
        return pt__device_download(store->context->device, values, stored->value,
                                   stored->elements * (int64_t)sizeof(float));
    pt__fill_convert(store->context, stored->dtype, stored->value, stored->elements, values);
    return PT_OK;
}

pt_status_t pt__store_hash(const pt__store_t *store, const pt__stored_t *stored, uint64_t *hash)
{
    enum { CHUNK = 4096 };
    pt_context_t *context = store->context;
    const int64_t bytes = pt__dtype_bytes(stored->dtype, stored->elements);
    const void *host = stored->value;
    float chunk[CHUNK];
    pt__hash_t state = pt__hash_start(0);
    if (stored->mapped == NULL)
        PT__TRY(pt__device_read_begin(context->device, &context->memory, host, bytes, stored->name, &host));
    pt_status_t status = PT_OK;
    for (int64_t i = 0; status == PT_OK && i < stored->elements; i += CHUNK) {
        int64_t count = stored->elements - i < CHUNK ? stored->elements - i : CHUNK;
        status = pt__dtype_convert(stored->name, stored->dtype, (const char *)host + pt__dtype_bytes(stored->dtype, i),
                                   PT_FLOAT32, chunk, count);
        pt__hash_add(&state, chunk, (size_t)count * sizeof *chunk);
    }
    if (stored->mapped == NULL)
        pt__device_read_end(context->device, &context->memory, host);
    *hash = pt__hash_value(&state);
    return status;
}

pt_status_t pt__store_materialize(pt__store_t *store)
{
    PT__TRY(check_files(store));
    if (store->is_materialized)
        return PT_OK;
    PT__TRY(pt__store_place(store));
    for (int64_t i = 0; i < store->count; i++) {
        pt__stored_t *stored = &store->tensors[i];
        if (stored->is_filled)
            continue;
        PT__TRY(fill(store, stored, stored->value, draw, 0, NULL));
        stored->is_filled = 1;
    }
    store->is_materialized = 1;
    return PT_OK;
}

pt_status_t pt__store_make_gradients(pt__store_t *store)
{
    struct pt__device *device = store->context->device;
    int64_t elements = 0;
    float *block;
    if (store->gradients != NULL)
        return PT_OK;
    for (int64_t i = 0; i < store->count; i++)
        elements += store->tensors[i].learnable ? pt__padded(store->tensors[i].elements) : 0;
    PT__TRY(pt__device_allocate(device, elements * (int64_t)sizeof(float), "gradients", &block));
    pt_status_t status = pt__device_clear(device, block, elements * (int64_t)sizeof(float));
    if (status != PT_OK) {
        pt__device_release(device, block);
        return status;
    }
    store->gradients = block;
    store->moves++;
    for (int64_t i = 0; i < store->count; i++) {
        pt__stored_t *stored = &store->tensors[i];
        stored->gradient = stored->learnable ? block : NULL;
        block += stored->learnable ? pt__padded(stored->elements) : 0;
    }
    return PT_OK;
}

void pt__store_drop_gradients(pt__store_t *store)
{
    pt__device_release(store->context->device, store->gradients);
    store->gradients = NULL;
    store->moves++;
    for (int64_t i = 0; i < store->count; i++)
        store->tensors[i].gradient = NULL;
}

int64_t pt__store_bytes(const pt__store_t *store)
{
    int64_t elements = 0;
    for (int64_t i = 0; i < store->count; i++)
        elements += store->tensors[i].mapped == NULL ? pt__padded(store->tensors[i].elements) : 0;
    return elements * (int64_t)sizeof(float);
}

int64_t pt__store_unplaced_bytes(const pt__store_t *store)
{
    int64_t elements = 0;
    for (int64_t i = 0; i < store->count; i++)
        elements += store->tensors[i].value == NULL ? pt__padded(store->tensors[i].elements) : 0;
    return elements * (int64_t)sizeof(float);
}

int64_t pt__store_learnable_elements(const pt__store_t *store)
{
    int64_t elements = 0;
    for (int64_t i = 0; i < store->count; i++)
        elements += store->tensors[i].learnable ? store->tensors[i].elements : 0;
    return elements;
}

int64_t pt__store_changing_elements(const pt__store_t *store)
{
    int64_t elements = 0;
    for (int64_t i = 0; i < store->count; i++)
        elements += pt__stored_changes(&store->tensors[i]) ? store->tensors[i].elements : 0;
    return elements;
}

pt_status_t pt__store_copy_changing(const pt__store_t *store, float *copy)
{
    for (int64_t i = 0; i < store->count; i++) {
        const pt__stored_t *stored = &store->tensors[i];
        if (!pt__stored_changes(stored))
            continue;
        PT__TRY(pt__stored_get(store, stored, copy));
        copy += stored->elements;
    }
    return PT_OK;
}

pt_status_t pt__store_restore_changing(pt__store_t *store, const float *copy)
{
    PT__TRY(pt__store_unshare(store));
    for (int64_t i = 0; i < store->count; i++) {
        pt__stored_t *stored = &store->tensors[i];
        if (!pt__stored_changes(stored))
            continue;
        PT__TRY(pt__stored_set(store, stored, PT_FLOAT32, copy));
        copy += stored->elements;
    }
    return PT_OK;
}
