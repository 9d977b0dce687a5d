/* Writes checkpoints, and models alone, as files. checkpoint.h says what stands in them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/dtype.h"
#include "base/json.h"
#include "base/plane_order.h"
#include "base/text.h"
#include "formats/tensors.h"
#include "kernels/device.h"
#include "train/checkpoint.h"
#include "train/model.h"

typedef struct builder { /* a table under construction; owns the strings */
    pt_context_t *context;
    pt__tensors_t tensors;
    int64_t entry_capacity;
    char **names; /* [n_entries] */
    int64_t name_capacity;
    int64_t *ages;    /* [learnables] */
    uint64_t *hashes; /* [stored tensors] */
    int64_t pair_capacity;
    pt_status_t status; /* of the pairs: the first failure sticks */
    const pt_model_t *model;
    const pt__stored_t **sources; /* [stored tensors] what is converted for the entry of that index, or NULL */
    int32_t moves_planes;         /* from side by side to halves: of whole models, not of checkpoints */
    void *converted;              /* the entry that was brought, where it was */
} builder_t;

static void release_builder(builder_t *builder)
{
    pt__memory_t *memory = &builder->context->memory;
    for (int64_t i = 0; i < builder->tensors.n_entries; i++)
        pt__release(memory, builder->names[i]);
    pt__release(memory, builder->names);
    pt__release(memory, builder->tensors.entries);
    for (int64_t i = 0; i < builder->tensors.n_pairs; i++)
        pt__release(memory, (void *)(uintptr_t)builder->tensors.pairs[i].value);
    pt__release(memory, builder->tensors.pairs);
    pt__release(memory, builder->ages);
    pt__release(memory, builder->hashes);
    pt__release(memory, builder->sources);
}

/* The model's values, in the order in which they are written. */
static pt_status_t get_values(const builder_t *builder, const pt__stored_t *stored, float **values)
{
    pt__memory_t *memory = &builder->context->memory;
    const int64_t width = builder->moves_planes ? pt__planes_width(builder->model, stored->name) : 0;
    float *moved;
    PT__TRY(pt__allocate_uninitialised(memory, (size_t)stored->elements, sizeof **values, stored->name, values));
    PT__TRY(pt__stored_get(&builder->model->store, stored, *values));
    if (width == 0)
        return PT_OK;
    PT__TRY(pt__allocate_uninitialised(memory, (size_t)stored->elements, sizeof *moved, stored->name, &moved));
    const int64_t rows = stored->shape.size[0];
    pt__planes_move(*values, rows, stored->elements / rows * (int64_t)sizeof *moved, width, 0, moved);
    pt__release(memory, *values);
    *values = moved;
    return PT_OK;
}

/* In the entry's dtype or order, which is another than the model's. */
static pt_status_t convert(builder_t *builder, const pt__stored_t *stored, const pt__entry_t *entry)
{
    pt__memory_t *memory = &builder->context->memory;
    float *values = NULL;
    pt_status_t status = get_values(builder, stored, &values);
    if (status != PT_OK || entry->dtype == PT_FLOAT32) {
        builder->converted = values;
        return status;
    }
    status = pt__allocate_uninitialised(memory, (size_t)entry->bytes, 1, entry->name, &builder->converted);
    if (status == PT_OK)
        status = pt__dtype_convert(entry->name, PT_FLOAT32, values, entry->dtype, builder->converted, stored->elements);
    pt__release(memory, values);
    return status;
}

static pt_status_t bring(void *user, const pt__entry_t *entry, const void **bytes)
{
    builder_t *builder = user;
    pt_context_t *context = builder->context;
    const int64_t index = entry - builder->tensors.entries;
    const pt__stored_t *stored = builder->sources == NULL ? NULL : builder->sources[index];
    if (stored == NULL)
        return pt__device_read_begin(context->device, &context->memory, entry->data, entry->bytes, entry->name, bytes);
    pt_status_t status = convert(builder, stored, entry);
    *bytes = builder->converted;
    if (status != PT_OK) {
        pt__release(&context->memory, builder->converted);
        builder->converted = NULL;
    }
    return status;
}

static void let_go(void *user, const void *bytes)
{
    builder_t *builder = user;
    pt_context_t *context = builder->context;
    if (builder->converted == NULL)
        pt__device_read_end(context->device, &context->memory, bytes);
    pt__release(&context->memory, builder->converted);
    builder->converted = NULL;
}

/* The builder stays where it is: writing comes back to it. */
static void start_builder(const pt_model_t *model, builder_t *builder)
{
    *builder = (builder_t){
        .context = model->context, .model = model, .tensors = {.bring = bring, .let_go = let_go, .user = builder}};
}

/* An entry prefix + middle + name (prefix and middle empty: a parameter itself), whose data are in the device's
 * memory or the host's. */
static pt_status_t add_tensor(builder_t *builder, const char *prefix, const char *middle, const char *name,
                              int32_t dtype, const pt__shape_t *shape, const void *data, int32_t is_away)
{
    pt__memory_t *memory = &builder->context->memory;
    int64_t index = builder->tensors.n_entries;
    PT__TRY(pt__grow(memory, &builder->tensors.entries, &builder->entry_capacity, index + 1,
                     sizeof *builder->tensors.entries, "checkpoint"));
    PT__TRY(
        pt__grow(memory, &builder->names, &builder->name_capacity, index + 1, sizeof *builder->names, "checkpoint"));
    pt__text_t text = pt__text_start(memory);
    pt__text_add(&text, "%s%s%s", prefix, middle, name);
    PT__TRY(pt__text_take(&text, &builder->names[index], NULL));
    pt__entry_t *entry = &builder->tensors.entries[index];
    *entry = (pt__entry_t){.name = builder->names[index],
                           .dtype = dtype,
                           .rank = shape->rank,
                           .data = data,
                           .is_away = is_away,
                           .bytes = pt__shape_elements(shape) * pt__dtype_size(dtype)};
    for (int32_t i = 0; i < entry->rank; i++)
        entry->shape[i] = shape->size[i];
    builder->tensors.n_entries++;
    return PT_OK;
}

static pt_status_t add_entry(builder_t *builder, const char *prefix, const char *middle, const pt__stored_t *parameter,
                             const float *data, int32_t is_away)
{
    return add_tensor(builder, prefix, middle, parameter->name, PT_FLOAT32, &parameter->shape, data, is_away);
}

/* Where the optimizer keeps the state of a frozen parameter; -1: it has none. */
static int64_t find_resting(const pt_optimizer_t *optimizer, const pt__stored_t *stored)
{
    const pt__learnable_t frozen = pt__stored_learnable(stored);
    int64_t index = stored->learnable ? -1 : pt__optimizer_resting(optimizer, &frozen);
    return index >= 0 && pt__optimizer_age(optimizer, index) > 0 ? index : -1;
}

/* The same of those that rest, behind the `count` of the others. */
static pt_status_t add_resting_ages(builder_t *builder, const pt_model_t *model, const pt_optimizer_t *optimizer,
                                    int64_t count)
{
    static const int64_t one = 1;
    const pt__shape_t shape = pt__shape_make(PT__DIMENSION_NONE, 1, &one);
    for (int64_t i = 0; i < model->store.count; i++) {
        const pt__stored_t *stored = &model->store.tensors[i];
        int64_t index = find_resting(optimizer, stored);
        if (index < 0)
            continue;
        builder->ages[count] = pt__optimizer_age(optimizer, index);
        PT__TRY(add_tensor(builder, PT__CHECKPOINT_PREFIX, "age.", stored->name, PT_INT64, &shape,
                           &builder->ages[count++], 0));
    }
    return PT_OK;
}

/* How many updates each learnable has seen: fewer than the optimizer made where it came later, which bias
 * corrections and momentum follow. */
static pt_status_t add_ages(builder_t *builder, const pt_model_t *model, const pt_optimizer_t *optimizer)
{
    pt__memory_t *memory = &builder->context->memory;
    int64_t index = builder->tensors.n_entries, count = 0;
    PT__TRY(pt__allocate(memory, (size_t)model->store.count, sizeof *builder->ages, "checkpoint", &builder->ages));
    for (int64_t i = 0; i < model->store.count; i++)
        if (model->store.tensors[i].learnable) {
            builder->ages[count] = pt__optimizer_age(optimizer, count);
            count++;
        }
    PT__TRY(pt__grow(memory, &builder->tensors.entries, &builder->entry_capacity, index + 1,
                     sizeof *builder->tensors.entries, "checkpoint"));
    PT__TRY(
        pt__grow(memory, &builder->names, &builder->name_capacity, index + 1, sizeof *builder->names, "checkpoint"));
    PT__TRY(pt__string_copy(memory, PT__CHECKPOINT_AGES, &builder->names[index]));
    builder->tensors.entries[index] = (pt__entry_t){.name = builder->names[index],
                                                    .dtype = PT_INT64,
                                                    .rank = 1,
                                                    .shape = {count},
                                                    .data = builder->ages,
                                                    .bytes = count * (int64_t)sizeof(int64_t)};
    builder->tensors.n_entries++;
    return add_resting_ages(builder, model, optimizer, count);
}

static void add_string(builder_t *builder, const char *key, const char *value)
{
    pt__memory_t *memory = &builder->context->memory;
    int64_t index = builder->tensors.n_pairs;
    char *copy;
    if (builder->status == PT_OK)
        builder->status = pt__grow(memory, &builder->tensors.pairs, &builder->pair_capacity, index + 1,
                                   sizeof *builder->tensors.pairs, "checkpoint");
    if (builder->status == PT_OK)
        builder->status = pt__string_copy(memory, value, &copy);
    if (builder->status != PT_OK)
        return;
    builder->tensors.pairs[index] = (pt__pair_t){key, copy};
    builder->tensors.n_pairs++;
}

static void add_integer(builder_t *builder, const char *key, int64_t value)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, value);
    add_string(builder, key, text);
}

/* The bits of the double as a whole number: exact, NaN included, and free of any locale. */
static void add_double(builder_t *builder, const char *key, double value)
{
    int64_t bits;
    memcpy(&bits, &value, sizeof bits);
    add_integer(builder, key, bits);
}

static pt_status_t add_hash(builder_t *builder, const pt__store_t *store, int64_t index)
{
    static const int64_t one = 1;
    const pt__shape_t shape = pt__shape_make(PT__DIMENSION_NONE, 1, &one);
    if (builder->hashes == NULL)
        PT__TRY(pt__allocate(&builder->context->memory, (size_t)store->count, sizeof *builder->hashes, "checkpoint",
                             &builder->hashes));
    PT__TRY(pt__store_hash(store, &store->tensors[index], &builder->hashes[index]));
    return add_tensor(builder, PT__CHECKPOINT_PREFIX, "hash.", store->tensors[index].name, PT_UINT64, &shape,
                      &builder->hashes[index], 0);
}

static pt_status_t add_task(builder_t *builder, const pt__task_options_t *task)
{
    pt__text_t text = pt__text_start(&builder->context->memory);
    char *json;
    pt__task_write(task, &text);
    PT__TRY(pt__text_take(&text, &json, NULL));
    add_string(builder, PT__CHECKPOINT_PREFIX "task", json);
    pt__release(&builder->context->memory, json);
    return PT_OK;
}

/* With the names of the classes; those of a network without a configuration stand alone. */
static pt_status_t add_config(builder_t *builder, const pt_model_t *model)
{
    pt__memory_t *memory = &builder->context->memory;
    char *text, *halves;
    PT__TRY(pt__class_names_config(model, &text));
    if (builder->moves_planes) {
        const pt_status_t status = pt__planes_config(memory, text, &halves);
        pt__release(memory, text);
        PT__TRY(status);
        text = halves;
    }
    if (text != NULL)
        add_string(builder, model->config == NULL ? PT__CHECKPOINT_PREFIX "classes" : PT__CHECKPOINT_PREFIX "config",
                   text);
    pt__release(memory, text);
    return PT_OK;
}

static pt_status_t add_normalizations(builder_t *builder, const pt_model_t *model)
{
    char *json;
    PT__TRY(pt__normalizations_write(model, &json));
    if (json != NULL)
        add_string(builder, PT__CHECKPOINT_PREFIX "normalization", json);
    pt__release(&builder->context->memory, json);
    return PT_OK;
}

/* The names of what does not learn, for who opens the file. */
static pt_status_t add_frozen(builder_t *builder, const pt__store_t *store)
{
    pt__text_t text = pt__text_start(&builder->context->memory);
    int64_t frozen = 0;
    char *json;
    for (int64_t i = 0; i < store->count; i++) {
        const pt__stored_t *stored = &store->tensors[i];
        if (stored->trainable)
            continue;
        pt__text_add(&text, frozen++ == 0 ? "[" : ",");
        pt__json_add_string(&text, stored->name, (int64_t)strlen(stored->name));
    }
    pt__text_add(&text, "]");
    PT__TRY(pt__text_take(&text, &json, NULL));
    if (frozen > 0)
        add_string(builder, PT__CHECKPOINT_FROZEN, json);
    pt__release(&builder->context->memory, json);
    return PT_OK;
}

/* A file is the host's memory. */
static pt_status_t add_stored(builder_t *builder, const pt__stored_t *stored, int32_t dtype)
{
    if (dtype == 0 && pt__dtype_unit(stored->dtype).elements > 1) /* safetensors have no blocks */
        dtype = PT_FLOAT32;
    if (dtype == 0)
        dtype = stored->dtype;
    const int32_t is_moved = builder->moves_planes && pt__planes_width(builder->model, stored->name) > 0;
    const int32_t is_converted = dtype != stored->dtype || is_moved;
    const int64_t index = builder->tensors.n_entries;
    if (is_converted && builder->sources == NULL)
        PT__TRY(pt__allocate(&builder->context->memory, (size_t)builder->model->store.count, sizeof *builder->sources,
                             "converted tensors", &builder->sources));
    if (is_converted)
        builder->sources[index] = stored;
    return add_tensor(builder, "", "", stored->name, dtype, &stored->shape, stored->value,
                      is_converted || stored->mapped == NULL);
}

static pt_status_t add_parameters(builder_t *builder, const pt_model_t *model, const pt_save_options_t *options)
{
    int64_t kept = 0;
    add_string(builder, PT__CHECKPOINT_PREFIX "format", "1");
    PT__TRY(add_config(builder, model));
    if (model->task.task != NULL)
        PT__TRY(add_task(builder, &model->task));
    PT__TRY(add_normalizations(builder, model));
    PT__TRY(add_frozen(builder, &model->store));
    for (int64_t i = 0; i < model->store.count; i++) {
        const pt__stored_t *stored = &model->store.tensors[i];
        if (options->names != NULL && !pt__pattern_match(options->names, stored->name))
            continue;
        kept++;
        if ((options->flags & PT_SAVE_TRAINED_ONLY) && !pt__stored_changes(stored))
            PT__TRY(add_hash(builder, &model->store, i));
        else
            PT__TRY(add_stored(builder, stored, options->dtype));
    }
    if (kept == 0)
        return pt__fail(PT_ERR_NOT_FOUND, "no parameter matches \"%.200s\", pt_save_options.names", options->names);
    return PT_OK;
}

static pt_status_t add_optimizer(builder_t *builder, const pt_model_t *model, const pt_optimizer_t *optimizer)
{
    const pt__optimizer_kind_t *kind = pt__optimizer_kind_of(optimizer);
    pt__optimizer_counts_t counts = pt__optimizer_counts_get(optimizer);
    char middle[64];
    pt__slot_t slot;
    add_string(builder, PT__CHECKPOINT_PREFIX "optimizer", kind->name);
    add_integer(builder, PT__CHECKPOINT_PREFIX "optimizer.steps", counts.steps);
    add_integer(builder, PT__CHECKPOINT_PREFIX "optimizer.skipped", counts.skipped);
    add_integer(builder, PT__CHECKPOINT_PREFIX "optimizer.skipped_in_a_row", counts.skipped_in_a_row);
    double first_rate, rate;
    pt__optimizer_rates(optimizer, &first_rate, &rate);
    add_double(builder, PT__CHECKPOINT_PREFIX "optimizer.first_rate", first_rate);
    add_double(builder, PT__CHECKPOINT_PREFIX "optimizer.rate", rate);
    PT__TRY(add_ages(builder, model, optimizer));
    for (int32_t number = 0; number < PT__MOST_SLOTS; number++)
        for (int64_t i = 0, learnable = 0; i < model->store.count; i++) {
            const pt__stored_t *stored = &model->store.tensors[i];
            int64_t index = stored->learnable ? learnable++ : find_resting(optimizer, stored);
            if (!pt__optimizer_slot(optimizer, index, number, &slot))
                continue;
            const pt__shape_t shape = pt__shape_make(PT__DIMENSION_NONE, slot.rank, slot.size);
            snprintf(middle, sizeof middle, "slot.%s.", slot.name);
            PT__TRY(add_tensor(builder, PT__CHECKPOINT_PREFIX, middle, stored->name, slot.dtype, &shape, slot.data, 1));
        }
    return PT_OK;
}

static pt_status_t add_state(builder_t *builder, const pt_model_t *model, const pt__progress_t *progress)
{
    add_integer(builder, PT__CHECKPOINT_PREFIX "micro_steps", model->micro_steps);
    add_integer(builder, PT__CHECKPOINT_PREFIX "seed", (int64_t)model->seed);
    add_integer(builder, PT__CHECKPOINT_PREFIX "accumulated", model->pending.accumulated);
    add_double(builder, PT__CHECKPOINT_PREFIX "accumulated.loss", model->pending.loss_sum);
    add_double(builder, PT__CHECKPOINT_PREFIX "accumulated.weight", model->pending.weight);
    for (int64_t i = 0; model->pending.accumulated > 0 && i < model->store.count; i++)
        if (model->store.tensors[i].learnable)
            PT__TRY(add_entry(builder, PT__CHECKPOINT_PREFIX, "gradient.", &model->store.tensors[i],
                              model->store.tensors[i].gradient, 1));
    if (progress == NULL)
        return PT_OK;
    add_integer(builder, PT__CHECKPOINT_PREFIX "stage.step", progress->step);
    add_integer(builder, PT__CHECKPOINT_PREFIX "stage.begin", progress->begin);
    add_integer(builder, PT__CHECKPOINT_PREFIX "stage.epoch", progress->cursor.epoch);
    add_integer(builder, PT__CHECKPOINT_PREFIX "stage.position", progress->cursor.position);
    add_integer(builder, PT__CHECKPOINT_PREFIX "stage.shuffle", (int64_t)progress->cursor.seed);
    add_integer(builder, PT__CHECKPOINT_PREFIX "stage.samples", progress->samples);
    add_integer(builder, PT__CHECKPOINT_PREFIX "stage.order", (int64_t)progress->order);
    add_integer(builder, PT__CHECKPOINT_PREFIX "stage.without_gain", progress->evaluations_without_gain);
    add_integer(builder, PT__CHECKPOINT_PREFIX "stage.best_step", progress->best_step);
    add_integer(builder, PT__CHECKPOINT_PREFIX "stage.evaluated_step", progress->evaluated_step);
    add_string(builder, PT__CHECKPOINT_PREFIX "stage.best_metric", pt__metric_name(model, progress->best_metric));
    add_double(builder, PT__CHECKPOINT_PREFIX "stage.best_value", progress->best_value);
    if (progress->best != NULL)
        add_string(builder, PT__CHECKPOINT_PREFIX "stage.keeps_best", "1");
    const float *best = progress->best;
    for (int64_t i = 0; best != NULL && i < model->store.count; i++)
        if (pt__stored_changes(&model->store.tensors[i])) {
            PT__TRY(add_entry(builder, PT__CHECKPOINT_PREFIX, "best.", &model->store.tensors[i], best, 0));
            best += model->store.tensors[i].elements;
        }
    return PT_OK;
}

pt_status_t pt__weights_write(pt_model_t *model, const char *path, const pt_save_options_t *options)
{
    builder_t builder;
    pt_status_t status;
    start_builder(model, &builder);
    builder.moves_planes = model->trunk->offer.turned != NULL && model->trunk->offer.side_by_side &&
                           options->names == NULL && options->flags == 0;
    PT__TRY_OUT(pt__store_materialize(&model->store));
    add_string(&builder, "format", "pt"); /* what readers of the Hugging Face ecosystem ask for */
    PT__TRY_OUT(add_parameters(&builder, model, options));
    PT__TRY_OUT(builder.status);
    PT__TRY_OUT(pt__place_write(model->context, path, options, &builder.tensors, 0));
out:
    release_builder(&builder);
    return status;
}

pt_status_t pt__checkpoint_write(pt_model_t *model, const pt_optimizer_t *optimizer, const pt__progress_t *progress,
                                 const char *path, const pt_save_options_t *options)
{
    builder_t builder;
    pt_status_t status;
    start_builder(model, &builder);
    PT__TRY_OUT(pt__store_materialize(&model->store));
    PT__TRY_OUT(add_parameters(&builder, model, options));
    if (optimizer != NULL)
        PT__TRY_OUT(add_optimizer(&builder, model, optimizer));
    PT__TRY_OUT(add_state(&builder, model, progress));
    PT__TRY_OUT(builder.status);
    PT__TRY_OUT(pt__place_write(model->context, path, options, &builder.tensors, 1));
out:
    release_builder(&builder);
    return status;
}
