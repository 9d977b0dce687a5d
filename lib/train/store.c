/* See store.h. A segment's tensors count it; the memory ends with the last of them, in whichever store that stands. */
#include "train/store.h"

#include <string.h>

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
                                           .trainable = 1};
        store->by_name[i] = &store->tensors[i];
    }
    pt__sort(store->by_name, store->count, compare_names, NULL);
    return check_size(store);
}

static void leave_segment(pt_context_t *context, pt__stored_t *stored)
{
    pt__segment_t *segment = stored->segment;
    stored->segment = NULL;
    stored->value = NULL;
    if (segment == NULL || --segment->tensors > 0)
        return;
    pt__device_release(context->device, segment->block);
    pt__release(&context->memory, segment);
}

void pt__store_release(pt__store_t *store)
{
    if (store->context == NULL) /* never made */
        return;
    pt__memory_t *memory = &store->context->memory;
    for (int64_t i = 0; i < store->count; i++)
        leave_segment(store->context, &store->tensors[i]);
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
    to->value = from->value;
    to->is_filled = from->is_filled;
    if (to->segment != NULL)
        to->segment->tensors++;
}

/* A segment of so many floats, the gaps behind the tensors of that role that stand nowhere being zero. */
static pt_status_t make_segment(const pt__store_t *store, pt__role_t role, int64_t elements, pt__segment_t **out)
{
    struct pt__device *device = store->context->device;
    pt__memory_t *memory = &store->context->memory;
    pt__segment_t *segment;
    PT__TRY(pt__allocate(memory, 1, sizeof *segment, "parameter values", &segment));
    pt_status_t status = pt__device_allocate(device, elements * (int64_t)sizeof(float), "parameter values",
                                             &segment->block);
    float *at = segment->block;
    for (int64_t i = 0; status == PT_OK && i < store->count; i++) {
        const pt__stored_t *stored = &store->tensors[i];
        if (stored->value != NULL || stored->role != role)
            continue;
        int64_t gap = pt__padded(stored->elements) - stored->elements;
        if (gap > 0)
            status = pt__device_clear(device, at + stored->elements, gap * (int64_t)sizeof(float));
        at += stored->elements + gap;
    }
    if (status == PT_OK) {
        *out = segment;
        return PT_OK;
    }
    pt__device_release(device, segment->block);
    pt__release(memory, segment);
    return status;
}

/* Memory for all tensors of that role that stand nowhere. */
static pt_status_t place_role(pt__store_t *store, pt__role_t role)
{
    pt__segment_t *segment;
    int64_t tensors = 0, elements = 0;
    for (int64_t i = 0; i < store->count; i++)
        if (store->tensors[i].value == NULL && store->tensors[i].role == role) {
            elements += pt__padded(store->tensors[i].elements);
            tensors++;
        }
    if (tensors == 0)
        return PT_OK;
    PT__TRY(make_segment(store, role, elements, &segment));
    float *at = segment->block;
    for (int64_t i = 0; i < store->count; i++) {
        pt__stored_t *stored = &store->tensors[i];
        if (stored->value != NULL || stored->role != role)
            continue;
        stored->segment = segment;
        stored->value = at;
        at += pt__padded(stored->elements);
        segment->tensors++;
    }
    store->moves++;
    return PT_OK;
}

pt_status_t pt__store_place(pt__store_t *store)
{
    PT__TRY(place_role(store, PT__ROLE_LEARNS));
    return place_role(store, PT__ROLE_STATE);
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

/* The one way into a tensor: filled where it stands, or in the host's memory and then uploaded. */
static pt_status_t fill(const pt__store_t *store, pt__stored_t *stored, filler_t filler, int32_t dtype,
                        const void *values)
{
    pt_context_t *context = store->context;
    const int64_t bytes = stored->elements * (int64_t)sizeof(float);
    void *host;
    PT__TRY(pt__device_write_begin(context->device, &context->memory, stored->value, bytes, stored->name, &host));
    filler(context, stored, dtype, values, host);
    PT__TRY(pt__device_write_end(context->device, &context->memory, stored->value, host, bytes, PT_OK));
    stored->is_filled = 1;
    return PT_OK;
}

pt_status_t pt__stored_set(const pt__store_t *store, pt__stored_t *stored, int32_t dtype, const void *values)
{
    return fill(store, stored, convert, dtype, values);
}

pt_status_t pt__stored_get(const pt__store_t *store, const pt__stored_t *stored, float *values)
{
    return pt__device_download(store->context->device, values, stored->value,
                               stored->elements * (int64_t)sizeof(float));
}

pt_status_t pt__store_settle(pt__store_t *store)
{
    if (store->is_settled)
        return PT_OK;
    PT__TRY(pt__store_place(store));
    for (int64_t i = 0; i < store->count; i++)
        if (!store->tensors[i].is_filled)
            PT__TRY(fill(store, &store->tensors[i], draw, 0, NULL));
    store->is_settled = 1;
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
        elements += pt__padded(store->tensors[i].elements);
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
    for (int64_t i = 0; i < store->count; i++) {
        pt__stored_t *stored = &store->tensors[i];
        if (!pt__stored_changes(stored))
            continue;
        PT__TRY(pt__stored_set(store, stored, PT_FLOAT32, copy));
        copy += stored->elements;
    }
    return PT_OK;
}
