/* A model's plans. One of each mode is kept, and a few of outputs. When more rows come than a plan has room for it is
 * made anew, its token capacity then rounded up, so that ragged data handed over step by step settles after a few
 * steps. All plans lie in the model's one arena. */
#include "base/dtype.h"
#include "kernels/device.h"
#include "train/model.h"

/* Rounded up to an eighth of the power of two below it: at most an eighth too much, and few different values. */
static int64_t round_capacity(int64_t tokens)
{
    int64_t step = 1;
    while (step * 16 <= tokens)
        step *= 2;
    return (tokens + step - 1) / step * step;
}

static pt_status_t make_plan(const pt_model_t *model, pt__mode_t mode, pt_tensor_t tensor, const pt__rows_t *rows,
                             pt__plan_t **out)
{
    pt__memory_t *memory = &model->context->memory;
    pt__targets_t targets;
    pt_tensor_t kept[PT__MAX_TARGETS];
    pt__plan_options_t options = {
        .capacity = *rows, .training = mode == PT__MODE_TRAIN, .recompute = model->plans.recompute, .kept = kept};
    int32_t *wanted, *updated;
    int64_t count = model->graph->n_parameters;
    pt__requests_targets(model, mode, tensor, &targets);
    for (int32_t i = 0; i < targets.count; i++) /* what the data filled is at hand without a plan */
        if (pt__graph_producer(model->graph, targets.list[i]) != NULL)
            kept[options.n_kept++] = targets.list[i];
    PT__TRY(pt__allocate(memory, 2 * (size_t)count, sizeof *wanted, "parameters", &wanted));
    updated = wanted + count;
    for (int64_t i = 0; i < count; i++) {
        const pt__stored_t *stored = &model->store.tensors[i];
        wanted[i] = stored->learnable;
        updated[i] = stored->role == PT__ROLE_STATE && stored->trainable;
    }
    options.wanted = wanted;
    options.updated = options.training ? updated : NULL;
    pt_status_t status = pt__plan_create(model->graph, &options, out);
    pt__release(memory, wanted);
    return status;
}

pt_status_t pt__plans_measure(const pt_model_t *model, pt__mode_t mode, const pt__rows_t *rows, pt__measure_t *measure)
{
    pt__plan_t *plan;
    PT__TRY(make_plan(model, mode, PT_NO_TENSOR, rows, &plan));
    *measure = (pt__measure_t){.arena_bytes = pt__plan_arena_bytes(plan), .table_bytes = pt__plan_table_bytes(plan)};
    measure->operations = pt__plan_operations(plan, rows);
    pt__plan_free(plan);
    return PT_OK;
}

static void release_arena(pt_model_t *model)
{
    pt__device_release(model->context->device, model->plans.arena);
    model->plans.arena = NULL;
    model->plans.arena_bytes = 0;
    model->store.moves++;
}

static pt_status_t grow_arena(pt_model_t *model, int64_t bytes)
{
    if (bytes <= model->plans.arena_bytes)
        return PT_OK;
    release_arena(model); /* first, so that old and new are never held together; nothing in it outlives a run */
    PT__TRY(pt__device_allocate(model->context->device, bytes, "plan arena", &model->plans.arena));
    model->plans.arena_bytes = bytes;
    return PT_OK;
}

static int64_t constant_bytes(const pt_graph_t *graph, int64_t index)
{
    const pt__tensor_t *tensor = &graph->tensors[graph->constants[index].tensor];
    return pt__shape_elements(&tensor->shape) * (int64_t)pt__dtype_size(tensor->dtype);
}

void pt__plans_release_constants(pt_model_t *model)
{
    pt__device_release(model->context->device, model->plans.constant_block);
    pt__release(&model->context->memory, model->plans.constants);
    model->plans.constant_block = NULL;
    model->plans.constants = NULL;
    model->store.moves++;
}

pt_status_t pt__plans_place_constants(pt_model_t *model)
{
    const pt_graph_t *graph = model->graph;
    pt__device_t *device = model->context->device;
    int64_t bytes = 0;
    if (model->plans.constants != NULL || graph->n_constants == 0)
        return PT_OK;
    PT__TRY(pt__allocate(&model->context->memory, (size_t)graph->n_constants, sizeof *model->plans.constants,
                         "constants", &model->plans.constants));
    for (int64_t i = 0; i < graph->n_constants; i++) {
        model->plans.constants[i] = graph->constants[i].held.values;
        bytes += pt__padded_bytes(constant_bytes(graph, i));
    }
    if (device->calls->shares_host_memory)
        return PT_OK;
    pt_status_t status = pt__device_allocate(device, bytes, "constants", &model->plans.constant_block);
    char *at = model->plans.constant_block;
    for (int64_t i = 0; status == PT_OK && i < graph->n_constants; i++) {
        status = pt__device_upload(device, at, graph->constants[i].held.values, constant_bytes(graph, i));
        model->plans.constants[i] = at;
        at += pt__padded_bytes(constant_bytes(graph, i));
    }
    if (status != PT_OK)
        pt__plans_release_constants(model);
    return status;
}

/* Offsets of the derived dimensions, for so many samples. */
static pt_status_t make_offsets(pt_model_t *model, int64_t samples)
{
    const pt_graph_t *graph = model->graph;
    pt__memory_t *memory = &model->context->memory;
    if (samples <= model->plans.offset_samples)
        return PT_OK;
    model->plans.offset_samples = 0;
    for (int32_t i = 0; i < graph->n_dimensions; i++) {
        pt__release(memory, model->plans.offsets[i]);
        model->plans.offsets[i] = NULL;
        if (graph->dimensions[i].parent != PT__DIMENSION_NONE)
            PT__TRY(pt__allocate(memory, (size_t)samples + 1, sizeof **model->plans.offsets, "offsets",
                                 &model->plans.offsets[i]));
    }
    model->plans.offset_samples = samples;
    return PT_OK;
}

/* Memory for the fields that the task makes itself, for so many rows. */
static pt_status_t make_derived(pt_model_t *model, const pt__requests_t *requests, const pt__rows_t *rows)
{
    pt__memory_t *memory = &model->context->memory;
    pt__rows_t all = *rows;
    pt__graph_complete_rows(model->graph, &all);
    for (int32_t i = 0; requests->list != NULL && i < PT__MAX_DERIVED; i++) {
        pt__derived_buffer_t *buffer = &model->plans.derived[i];
        if (requests->derived[i] < 0)
            continue;
        const pt__shape_t *shape = &model->graph->tensors[model->graph->inputs[requests->derived[i]].tensor].shape;
        int64_t bytes = all.count[shape->dimension] * pt__shape_elements(shape) * (int64_t)sizeof(int32_t);
        if (bytes <= buffer->bytes)
            continue;
        pt__release(memory, buffer->values);
        *buffer = (pt__derived_buffer_t){0};
        PT__TRY(pt__allocate(memory, (size_t)bytes, 1, pt__requests_derived(model, i)->field, &buffer->values));
        buffer->bytes = bytes;
    }
    return PT_OK;
}

/* Settles the store, and sets the plan's addresses in it and in the arena where they have moved. */
static pt_status_t bind_plan(pt_model_t *model, pt__planned_t *planned)
{
    pt__memory_t *memory = &model->context->memory;
    const pt__store_t *store = &model->store;
    float **values;
    PT__TRY(pt__store_materialize(&model->store));
    if (planned->bound == store->moves)
        return PT_OK;
    PT__TRY(pt__allocate(memory, 2 * (size_t)store->count, sizeof *values, "parameters", &values));
    float **gradients = values + store->count;
    planned->has_files = planned->has_states = 0;
    for (int64_t i = 0; i < store->count; i++) {
        values[i] = store->tensors[i].value;
        gradients[i] = store->tensors[i].gradient;
        planned->has_files |= store->tensors[i].mapped != NULL;
        planned->has_states |= store->tensors[i].role == PT__ROLE_STATE;
    }
    pt__plan_bind(planned->plan, model->plans.arena, values, gradients, model->plans.constants);
    planned->bound = store->moves;
    pt__release(memory, values);
    return PT_OK;
}

/* Memory and addresses for a plan. */
static pt_status_t make_room(pt_model_t *model, pt__mode_t mode)
{
    pt__planned_t *planned = &model->plans.planned[mode];
    if (mode == PT__MODE_TRAIN) {
        PT__TRY(pt__store_unshare(&model->store));
        PT__TRY(pt__store_make_gradients(&model->store));
    }
    PT__TRY(pt__plans_place_constants(model));
    PT__TRY(make_offsets(model, planned->rows.count[PT__DIMENSION_BATCH]));
    PT__TRY(grow_arena(model, pt__plan_arena_bytes(planned->plan)));
    return bind_plan(model, planned);
}

/* Whether what make_room makes stands: nothing has moved since, and there is neither a file that may have been replaced
 * nor memory that another model may have come to share. */
static int32_t is_ready(const pt_model_t *model, const pt__planned_t *planned)
{
    const pt__store_t *store = &model->store;
    return planned->bound == store->moves && store->is_materialized && !store->may_share && !planned->has_files;
}

/* Whether a plan of that capacity takes these rows. */
static int32_t has_room(const pt__rows_t *capacity, const pt__rows_t *rows, int32_t n_dimensions)
{
    for (int32_t i = 0; i < n_dimensions; i++)
        if (rows->count[i] > capacity->count[i])
            return 0;
    return 1;
}

/* What a plan of that capacity grows to for these rows: ragged ones are rounded up. */
static pt__rows_t grown(const pt__rows_t *capacity, const pt__rows_t *rows)
{
    pt__rows_t larger = *capacity;
    for (int32_t i = 0; i < PT__DIMENSIONS; i++)
        if (rows->count[i] > capacity->count[i])
            larger.count[i] = i == PT__DIMENSION_BATCH ? rows->count[i] : round_capacity(rows->count[i]);
    return larger;
}

/* Brings the plan of this output from the shelf, and puts the present one there in its place: behind it the others, the
 * least recently used of which goes where there was none. */
static void take_from_shelf(pt_model_t *model, pt_tensor_t tensor)
{
    pt__planned_t *shelf = model->plans.shelf, *planned = &model->plans.planned[PT__MODE_OUTPUT], found = {0};
    int32_t place = 0;
    while (place < PT__SHELVED - 1 && !(shelf[place].plan != NULL && shelf[place].tensor == tensor))
        place++;
    if (shelf[place].plan != NULL && shelf[place].tensor == tensor)
        found = shelf[place];
    else
        pt__plan_free(shelf[place].plan);
    for (; place > 0; place--)
        shelf[place] = shelf[place - 1];
    shelf[0] = *planned;
    *planned = found;
}

pt_status_t pt__plans_prepare(pt_model_t *model, pt__mode_t mode, pt_tensor_t tensor, const pt__rows_t *rows,
                              pt__plan_t **out)
{
    pt__planned_t *planned = &model->plans.planned[mode];
    if (mode == PT__MODE_OUTPUT && planned->plan != NULL && planned->tensor != tensor)
        take_from_shelf(model, tensor);
    int32_t same = planned->plan != NULL;
    if (!same || !has_room(&planned->rows, rows, model->graph->n_dimensions)) {
        pt__rows_t capacity = same ? grown(&planned->rows, rows) : *rows;
        pt__plan_t *plan;
        PT__TRY(make_plan(model, mode, tensor, &capacity, &plan));
        pt__plan_free(planned->plan);
        *planned = (pt__planned_t){.plan = plan, .tensor = tensor, .rows = capacity};
    }
    pt_status_t status = is_ready(model, planned) ? PT_OK : make_room(model, mode);
    if (status == PT_OK)
        status = make_derived(model, &model->requests[mode], &planned->rows);
    if (status != PT_OK) { /* a plan that does not fit into memory must not stand in the way of smaller ones */
        pt__plan_free(planned->plan);
        *planned = (pt__planned_t){0};
        model->store.moves++; /* what plans of other modes use may be gone too */
    } else if (out != NULL)
        *out = planned->plan;
    return status;
}

void pt__plans_drop(pt_model_t *model)
{
    pt__memory_t *memory = &model->context->memory;
    model->plans.offset_samples = 0; /* another graph may derive other dimensions */
    for (int32_t mode = 0; mode < PT__MODE_COUNT; mode++) {
        pt__plan_free(model->plans.planned[mode].plan);
        model->plans.planned[mode] = (pt__planned_t){0};
        pt__collector_free(model->collectors[mode]);
        model->collectors[mode] = NULL;
        pt__requests_release(memory, &model->requests[mode]);
    }
    for (int32_t i = 0; i < PT__SHELVED; i++) {
        pt__plan_free(model->plans.shelf[i].plan);
        model->plans.shelf[i] = (pt__planned_t){0};
    }
}

void pt__plans_set_recompute(pt_model_t *model, int32_t recompute)
{
    if (model->plans.recompute == recompute)
        return;
    model->plans.recompute = recompute;
    pt__plans_drop(model); /* not the gradients: an accumulation under way goes on */
}

void pt__plans_release(pt_model_t *model)
{
    pt__plans_drop(model);
    release_arena(model);
}
