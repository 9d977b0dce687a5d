/* Between data and plans: a plan that has room for the fields that a mode reads, and a run. Called by the stages.
 * One plan of each mode is kept. When more rows come than it has room for it is made anew, its token capacity then
 * rounded up, so that ragged data handed over step by step settles after a few steps. All plans lie in the model's
 * one arena. */
#include <limits.h>
#include <string.h>

#include "base/dtype.h"
#include "base/random.h"
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
    pt__plan_options_t options = {.capacity = *rows,
                                  .training = mode == PT__MODE_TRAIN,
                                  .recompute = model->recompute,
                                  .kept = kept};
    int32_t *wanted, *updated;
    int64_t count = model->graph->n_parameters;
    pt__engine_targets(model, mode, tensor, &targets);
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

pt_status_t pt__engine_measure(const pt_model_t *model, pt__mode_t mode, const pt__rows_t *rows,
                               pt__measure_t *measure)
{
    pt__plan_t *plan;
    PT__TRY(make_plan(model, mode, PT_NO_TENSOR, rows, &plan));
    *measure = (pt__measure_t){.arena_bytes = pt__plan_arena_bytes(plan), .table_bytes = pt__plan_table_bytes(plan)};
    measure->operations = pt__plan_operations(plan, rows);
    pt__plan_free(plan);
    return PT_OK;
}

pt__rows_t pt__engine_sample_rows(const pt_model_t *model, const pt_dataset_t *dataset)
{
    pt__rows_t most = pt__rows_make(1, 0);
    for (int32_t i = 0; i < dataset->n_fields; i++) {
        const pt_field_spec_t *field = &dataset->fields[i];
        const pt__input_t *input = pt__graph_input(model->graph, field->name);
        int32_t dimension = input == NULL ? PT__DIMENSION_NONE : model->graph->tensors[input->tensor].shape.dimension;
        if (field->rank == 0 || dimension <= PT__DIMENSION_BATCH)
            continue;
        int64_t rows = field->shape[0] == PT_DIM_TOKENS ? field->max_length
                                                        : field->shape[0]; /* samples may be of one length */
        int64_t limit = model->graph->length_limit[dimension], *longest = &most.count[dimension];
        *longest = rows > *longest ? rows : *longest;
        *longest = limit > 0 && *longest > limit ? limit : *longest;
    }
    return most;
}

void pt__engine_release_arena(pt_model_t *model)
{
    pt__device_release(model->context->device, model->arena);
    model->arena = NULL;
    model->arena_bytes = 0;
    model->store.moves++;
}

static pt_status_t grow_arena(pt_model_t *model, int64_t bytes)
{
    if (bytes <= model->arena_bytes)
        return PT_OK;
    pt__engine_release_arena(
        model); /* first, so that old and new are never held together; nothing in it outlives a run */
    PT__TRY(pt__device_allocate(model->context->device, bytes, "plan arena", &model->arena));
    model->arena_bytes = bytes;
    return PT_OK;
}

static int64_t constant_bytes(const pt_graph_t *graph, int64_t index)
{
    const pt__tensor_t *tensor = &graph->tensors[graph->constants[index].tensor];
    return pt__shape_elements(&tensor->shape) * (int64_t)pt__dtype_size(tensor->dtype);
}

void pt__engine_release_constants(pt_model_t *model)
{
    pt__device_release(model->context->device, model->constant_block);
    pt__release(&model->context->memory, model->constants);
    model->constant_block = NULL;
    model->constants = NULL;
    model->store.moves++;
}

/* The graph's constants for all plans: as they stand, where the device follows the host's addresses, else uploaded. */
static pt_status_t place_constants(pt_model_t *model)
{
    const pt_graph_t *graph = model->graph;
    pt__device_t *device = model->context->device;
    int64_t bytes = 0;
    if (model->constants != NULL || graph->n_constants == 0)
        return PT_OK;
    PT__TRY(pt__allocate(&model->context->memory, (size_t)graph->n_constants, sizeof *model->constants, "constants",
                         &model->constants));
    for (int64_t i = 0; i < graph->n_constants; i++) {
        model->constants[i] = graph->constants[i].values;
        bytes += pt__padded_bytes(constant_bytes(graph, i));
    }
    if (device->calls->shares_host_memory)
        return PT_OK;
    pt_status_t status = pt__device_allocate(device, bytes, "constants", &model->constant_block);
    char *at = model->constant_block;
    for (int64_t i = 0; status == PT_OK && i < graph->n_constants; i++) {
        status = pt__device_upload(device, at, graph->constants[i].values, constant_bytes(graph, i));
        model->constants[i] = at;
        at += pt__padded_bytes(constant_bytes(graph, i));
    }
    if (status != PT_OK)
        pt__engine_release_constants(model);
    return status;
}

int32_t pt__engine_couples(const pt_model_t *model)
{
    const pt_graph_t *graph = model->graph;
    for (int64_t i = 0; i < graph->n_nodes; i++) {
        const pt__node_t *node = &graph->nodes[i];
        for (int32_t k = 0; k < node->n_outputs && (node->op->flags & PT__OP_COUPLES); k++) {
            int32_t input = node->op->updated_input[k];
            if (input > 0 && model->store.tensors[graph->tensors[node->inputs[input - 1]].place].trainable)
                return 1;
        }
    }
    return 0;
}

/* Offsets of the derived dimensions, for so many samples. */
static pt_status_t make_offsets(pt_model_t *model, int64_t samples)
{
    const pt_graph_t *graph = model->graph;
    pt__memory_t *memory = &model->context->memory;
    if (samples <= model->offset_samples)
        return PT_OK;
    model->offset_samples = 0;
    for (int32_t i = 0; i < graph->n_dimensions; i++) {
        pt__release(memory, model->offsets[i]);
        model->offsets[i] = NULL;
        if (graph->dimensions[i].parent != PT__DIMENSION_NONE)
            PT__TRY(pt__allocate(memory, (size_t)samples + 1, sizeof **model->offsets, "offsets", &model->offsets[i]));
    }
    model->offset_samples = samples;
    return PT_OK;
}

/* Memory for the fields that the task makes itself, for so many rows. */
static pt_status_t make_derived(pt_model_t *model, const pt__wants_t *wants, const pt__rows_t *rows)
{
    pt__memory_t *memory = &model->context->memory;
    for (int32_t i = 0; wants->list != NULL && i < PT__MAX_DERIVED; i++) {
        pt__derived_buffer_t *buffer = &model->derived[i];
        if (wants->derived[i] < 0)
            continue;
        const pt__shape_t *shape = &model->graph->tensors[model->graph->inputs[wants->derived[i]].tensor].shape;
        int64_t bytes = rows->count[shape->dimension] * pt__shape_elements(shape) * (int64_t)sizeof(int32_t);
        if (bytes <= buffer->bytes)
            continue;
        pt__release(memory, buffer->values);
        *buffer = (pt__derived_buffer_t){0};
        PT__TRY(pt__allocate(memory, (size_t)bytes, 1, model->task_kind->derived[i].field, &buffer->values));
        buffer->bytes = bytes;
    }
    return PT_OK;
}

/* Memory and addresses for a plan. */
static pt_status_t make_room(pt_model_t *model, pt__mode_t mode)
{
    pt__planned_t *planned = &model->planned[mode];
    if (mode == PT__MODE_TRAIN) {
        PT__TRY(pt__store_unshare(&model->store));
        PT__TRY(pt__store_make_gradients(&model->store));
    }
    PT__TRY(place_constants(model));
    PT__TRY(make_offsets(model, planned->rows.count[PT__DIMENSION_BATCH]));
    PT__TRY(grow_arena(model, pt__plan_arena_bytes(planned->plan)));
    PT__TRY(pt__model_bind_plan(model, planned));
    return make_derived(model, &model->wants[mode], &planned->rows);
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
    pt__planned_t *shelf = model->shelf, *planned = &model->planned[PT__MODE_OUTPUT], found = {0};
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

pt_status_t pt__engine_prepare(pt_model_t *model, pt__mode_t mode, pt_tensor_t tensor, const pt__rows_t *rows,
                               pt__plan_t **out)
{
    pt__planned_t *planned = &model->planned[mode];
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
    pt_status_t status = make_room(model, mode);
    if (status != PT_OK) { /* a plan that does not fit into memory must not stand in the way of smaller ones */
        pt__plan_free(planned->plan);
        *planned = (pt__planned_t){0};
    } else if (out != NULL)
        *out = planned->plan;
    return status;
}

/* Fills the fields that the task makes itself. */
static void derive(pt_model_t *model, const pt__wants_t *wants, const pt__loaded_t *loaded, uint64_t key)
{
    for (int32_t i = 0; i < PT__MAX_DERIVED; i++) {
        int32_t input = wants->derived[i];
        if (input < 0)
            continue;
        const pt__tensor_t *tensor = &model->graph->tensors[model->graph->inputs[input].tensor];
        const pt__derivation_t derivation = {.from = loaded->data[wants->derived_from[i]],
                                             .offsets = loaded->offsets[tensor->shape.dimension],
                                             .samples = loaded->rows.count[PT__DIMENSION_BATCH],
                                             .key = pt__random_key(key, 0x64657269u + (uint64_t)i)};
        model->task_kind->derived[i].derive(&derivation, model->derived[i].values);
        model->inputs[input] = model->derived[i].values;
    }
}

/* What dropouts and derived fields draw from; 0 where nothing is drawn. */
static uint64_t run_key(const pt_model_t *model, pt__mode_t mode)
{
    if (model->graph->draws == 0 && (model->task_kind == NULL || model->task_kind->n_derived == 0))
        return 0;
    return pt__random_key(model->seed, mode == PT__MODE_TRAIN ? (uint64_t)model->micro_steps : UINT64_MAX);
}

pt_status_t pt__engine_run(pt_model_t *model, pt__mode_t mode, const pt__wants_t *wants, const pt__loaded_t *loaded)
{
    uint64_t key = run_key(model, mode);
    pt__run_t run; /* large, and a step may be short: nothing is written twice, and no dimension that is not there */
    run.device = model->context->device;
    run.training = mode == PT__MODE_TRAIN;
    run.random_key = run.training ? key : 0;
    run.accumulate = run.training && model->accumulated > 0;
    run.finished = NULL;
    run.finished_user = NULL;
    for (int32_t i = 0; i < model->graph->n_dimensions; i++) {
        run.offsets[i] = loaded->offsets[i];
        run.count[i] = loaded->rows.count[i];
    }
    pt__graph_derive_offsets(model->graph, run.count[PT__DIMENSION_BATCH], run.offsets, model->offsets, run.count);
    for (int32_t i = 0; i < wants->count; i++)
        model->inputs[wants->input[i]] = loaded->data[i];
    derive(model, wants, loaded, key);
    PT__TRY(pt__device_enter(run.device));
    pt_status_t status = pt__plan_run(model->planned[mode].plan, &run, model->inputs);
    pt_status_t left = pt__device_leave(run.device);
    if (status == PT_OK)
        status = left;
    model->micro_steps += status == PT_OK && mode == PT__MODE_TRAIN;
    return status;
}

pt_status_t pt__engine_read(const pt_model_t *model, pt__mode_t mode, pt_tensor_t tensor, void *dst)
{
    pt__kept_t kept = pt__plan_read(model->planned[mode].plan, tensor);
    const int64_t size = pt__dtype_size(model->graph->tensors[tensor].dtype);
    return pt__device_download(model->context->device, dst, kept.data, kept.elements * size);
}

pt_status_t pt__engine_read_scalar(const pt_model_t *model, pt__mode_t mode, pt_tensor_t tensor, double *value)
{
    float read = 0;
    PT__TRY(pt__engine_read(model, mode, tensor, &read));
    *value = (double)read;
    return PT_OK;
}

/* Bit i: the task's derived field i. For an output none is made: it is read from what the data has. */
static uint32_t all_derived(const pt_model_t *model, pt__mode_t mode)
{
    return model->task_kind == NULL || mode == PT__MODE_OUTPUT ? 0 : (1u << model->task_kind->n_derived) - 1;
}

/* The data has a field of this name: it need not be made. */
static void note_field(const pt_model_t *model, const char *name, uint32_t *lacking)
{
    int32_t derived = name == NULL ? -1 : pt__engine_find_derived(model, name);
    if (derived >= 0)
        *lacking &= ~(1u << derived);
}

pt_status_t pt__engine_loader(pt_model_t *model, pt__mode_t mode, pt_tensor_t tensor, pt_dataset_t *dataset,
                              const pt__loader_options_t *options, const pt__cursor_t *start, const pt__wants_t **wants,
                              pt__loader_t **out)
{
    pt__loader_options_t limited = *options;
    memcpy(limited.length_limit, model->graph->length_limit, sizeof limited.length_limit);
    uint32_t lacking = all_derived(model, mode);
    for (int32_t i = 0; i < dataset->n_fields; i++)
        note_field(model, dataset->fields[i].name, &lacking);
    PT__TRY(pt__engine_wants(model, mode, tensor, lacking, wants));
    return pt__loader_create(dataset, (*wants)->list, (*wants)->count, &limited, start, out);
}

static pt_status_t take_values(pt_model_t *model, pt__mode_t mode, pt_tensor_t tensor, const pt_array_t *values,
                               int32_t n_values, int64_t samples, const pt__wants_t **wants, pt__loaded_t *loaded)
{
    uint32_t lacking = all_derived(model, mode);
    for (int32_t i = 0; i < n_values; i++)
        note_field(model, values[i].name, &lacking);
    PT__TRY(pt__engine_wants(model, mode, tensor, lacking, wants));
    if (model->collectors[mode] == NULL)
        PT__TRY(pt__collector_create(model->context, (*wants)->list, (*wants)->count, model->graph->length_limit,
                                     &model->collectors[mode]));
    PT__TRY(pt__collector_take(model->collectors[mode], values, n_values, samples, loaded));
    return pt__engine_prepare(model, mode, tensor, &loaded->rows, NULL);
}

pt_status_t pt__engine_take(pt_model_t *model, pt__mode_t mode, pt_tensor_t tensor, const pt__given_t *given,
                            const pt__wants_t **wants, pt__loaded_t *loaded)
{
    const uint32_t known = (uint32_t)sizeof *given->values;
    pt_array_t *copies = NULL;
    if (given->count < 0 || (given->count > 0 && given->values == NULL))
        return pt__fail(PT_ERR_ARGUMENT, "values is NULL or n_values, %d, is negative", (int)given->count);
    if (given->size != known) /* a host that was compiled with another version of the header */
        PT__TRY(pt__elements_copy(&model->context->memory, given->values, given->count, given->size, known, "values",
                                  &copies));
    pt_status_t status = take_values(model, mode, tensor, copies != NULL ? copies : given->values, given->count,
                                     given->samples, wants, loaded);
    pt__release(&model->context->memory, copies);
    return status;
}

pt_status_t pt__engine_values(const pt_model_t *model, pt__mode_t mode, const pt__wants_t *wants,
                              const pt__loaded_t *loaded, pt_tensor_t tensor, void *room, const void **values)
{
    const pt__tensor_t *found = &model->graph->tensors[tensor];
    *values = room;
    if (found->kind != PT__KIND_INPUT)
        return pt__engine_read(model, mode, tensor, room);
    for (int32_t i = 0; i < wants->count; i++)
        if (wants->input[i] == found->place)
            *values = loaded->data[i];
    for (int32_t i = 0; i < PT__MAX_DERIVED; i++)
        if (wants->derived[i] == found->place)
            *values = model->derived[i].values;
    return PT_OK;
}

pt_status_t pt__engine_loss(const pt_model_t *model, pt__mode_t mode, int64_t samples, double *loss, double *weight)
{
    pt_tensor_t weight_tensor = pt__graph_loss_weight(model->graph);
    PT__TRY(pt__engine_read_scalar(model, mode, model->graph->loss, loss));
    *weight = (double)samples;
    if (weight_tensor == PT_NO_TENSOR)
        return PT_OK;
    return pt__engine_read_scalar(model, mode, weight_tensor, weight);
}
