/* Taking over weights from a file, by name, with a report of what was copied, new, unexpected, or shaped otherwise. */
#include "train/model.h"

#include <stdio.h>
#include <string.h>

#include "base/dtype.h"
#include "formats/tensors.h"
#include "kernels/device.h"
#include "train/fill.h"

static int32_t is_own_state(const char *name)
{
    return strncmp(name, "pretrain.", 9) == 0; /* slots, gradients and the checksum of our checkpoints */
}

/* COPIED also where the file holds another floating-point dtype: it is converted. */
static int32_t compare(const pt__stored_t *parameter, const pt__entry_t *entry)
{
    if (entry == NULL)
        return PT_TRANSFER_NEW;
    pt__shape_t shape = pt__shape_make(PT__DIMENSION_NONE, entry->rank, entry->shape);
    return pt__dtype_is_weight(entry->dtype) && pt__shape_equal(&shape, &parameter->shape) ? PT_TRANSFER_COPIED
                                                                                           : PT_TRANSFER_SHAPE;
}

/* What is loaded of a file. */
typedef struct part {
    const pt__tensors_t *table;
    const char *names; /* pattern of the tensors that are meant; NULL: all */
    const char *trunk; /* of the model's family: what names of files of the trunk alone lack; NULL: nothing */
} part_t;

static int32_t is_meant(const part_t *part, const char *name)
{
    return part->names == NULL || pt__pattern_match(part->names, name);
}

/* NULL where the file has none, or none that is meant. */
static const pt__entry_t *find(const part_t *part, const char *name)
{
    return is_meant(part, name) ? pt__tensors_find_within(part->table, part->trunk, name) : NULL;
}

/* Whether a tensor of the file is one of the model's, or a table that its family computes. */
static int32_t is_known(const pt_model_t *model, const part_t *part, const pt__entry_t *entry)
{
    char whole[PT_MAX_NAME + 32];
    if (pt__store_find(&model->store, entry->name) >= 0)
        return 1;
    for (const char *const *table = model->family == NULL ? NULL : model->family->tables;
         table != NULL && *table != NULL; table++)
        if (pt__pattern_match(*table, entry->name))
            return 1;
    if (part->trunk == NULL)
        return 0;
    snprintf(whole, sizeof whole, "%s%s", part->trunk, entry->name);
    return pt__store_find(&model->store, whole) >= 0 && find(part, whole) == entry;
}

static pt_status_t note_file(pt_model_t *model, const part_t *part)
{
    const pt__tensors_t *table = part->table;
    for (int64_t i = 0; i < model->store.count; i++) {
        const pt__stored_t *parameter = &model->store.tensors[i];
        if (is_meant(part, parameter->name))
            PT__TRY(pt__report_note(model, parameter->name, compare(parameter, find(part, parameter->name))));
    }
    if (model->report.count == 0)
        return pt__fail(PT_ERR_NOT_FOUND, "no parameter matches \"%.200s\", pt_load_options.names", part->names);
    for (int64_t i = 0; i < table->n_entries; i++) {
        const char *name = table->entries[i].name;
        if (!is_own_state(name) && is_meant(part, name) && !is_known(model, part, &table->entries[i]))
            PT__TRY(pt__report_note(model, name, PT_TRANSFER_UNEXPECTED));
    }
    return PT_OK;
}

static pt_status_t be_strict(const pt_model_t *model, const char *path)
{
    static const char *const kinds[] = {"", "", "is missing in the file", "is not one of the model's",
                                        "has another shape or dtype than in the model"};
    for (int64_t i = 0; i < model->report.count; i++) {
        const pt__transfer_t *entry = &model->report.entries[i];
        if (entry->kind != PT_TRANSFER_COPIED)
            return pt__fail(entry->kind == PT_TRANSFER_SHAPE ? PT_ERR_SHAPE : PT_ERR_NOT_FOUND, "%s: tensor \"%s\" %s",
                            path, entry->name, kinds[entry->kind]);
    }
    return PT_OK;
}

static int32_t copies_any(const pt_model_t *model)
{
    for (int64_t i = 0; i < model->report.count; i++)
        if (model->report.entries[i].kind == PT_TRANSFER_COPIED)
            return 1;
    return 0;
}

/* What nothing was copied of is another network's file, or one with other names: said by a name of each side. */
static pt_status_t refuse_nothing(const pt_model_t *model, const part_t *part, const char *path)
{
    const pt__tensors_t *table = part->table;
    const char *found = NULL;
    if (part->names != NULL)
        return pt__fail(PT_ERR_NOT_FOUND,
                        "%s: none of the file's tensors fits one of the model's that match \"%.200s\", "
                        "pt_load_options.names",
                        path, part->names);
    for (int64_t i = 0; i < table->n_entries && found == NULL; i++)
        if (!is_own_state(table->entries[i].name))
            found = table->entries[i].name;
    if (found == NULL)
        return pt__fail(PT_ERR_NOT_FOUND, "%s: the file has no tensors", path);
    return pt__fail(
        PT_ERR_NOT_FOUND,
        "%s: none of the file's tensors fits one of the model's: the file has \"%.200s\", the model \"%.200s\"", path,
        found, model->store.tensors[0].name);
}

/* Before anything is changed: every value that is to be copied is a finite float32. */
static pt_status_t check_values(const pt_model_t *model, const part_t *part, const char *path)
{
    for (int64_t i = 0; i < model->store.count; i++) {
        const pt__stored_t *stored = &model->store.tensors[i];
        const pt__entry_t *entry = find(part, stored->name);
        if (compare(stored, entry) != PT_TRANSFER_COPIED)
            continue;
        int64_t bad = pt__fill_check(model->context, entry->dtype, entry->data, stored->elements);
        if (bad >= 0)
            return pt__fail(PT_ERR_NONFINITE, "%s: tensor \"%s\": element %lld is not a finite float32", path,
                            stored->name, (long long)bad);
    }
    return PT_OK;
}

/* Which tensors the file gives, by what becomes of them. */
typedef struct choice {
    int8_t *mapped;    /* [tensors] used where they are in the file */
    int8_t *converted; /* into the model's memory ... */
    int8_t *owned;     /* ... which these must be given first */
} choice_t;

static void release_choice(pt__memory_t *memory, choice_t *choice)
{
    pt__release(memory, choice->mapped);
    pt__release(memory, choice->converted);
    pt__release(memory, choice->owned);
}

/* In the file's dtype, where all ops that read the tensor take it so; kernels read numbers at any address that C
 * allows for them, and blocks, which have no elements of their own, anywhere. The run itself writes state. */
static int32_t can_stay_in_file(const pt_model_t *model, const pt__stored_t *stored, const pt__entry_t *entry)
{
    const int64_t element = pt__dtype_size(entry->dtype);
    return model->context->device->calls->shares_host_memory && stored->role == PT__ROLE_LEARNS &&
           !entry->is_transposed && (element == 0 || (uintptr_t)entry->data % (uintptr_t)element == 0) &&
           pt__graph_takes(model->graph, stored->described->tensor, entry->dtype);
}

static pt_status_t choose(const pt_model_t *model, const part_t *part, int32_t mapping, choice_t *choice)
{
    pt__memory_t *memory = &model->context->memory;
    const size_t count = (size_t)model->store.count;
    PT__TRY(pt__allocate(memory, count, 1, "parameters", &choice->mapped));
    PT__TRY(pt__allocate(memory, count, 1, "parameters", &choice->converted));
    PT__TRY(pt__allocate(memory, count, 1, "parameters", &choice->owned));
    for (int64_t i = 0; i < model->store.count; i++) {
        const pt__stored_t *stored = &model->store.tensors[i];
        const pt__entry_t *entry = find(part, stored->name);
        if (compare(stored, entry) != PT_TRANSFER_COPIED)
            continue;
        choice->mapped[i] = mapping && can_stay_in_file(model, stored, entry);
        choice->converted[i] = !choice->mapped[i];
        choice->owned[i] = !choice->mapped[i] && (stored->segment == NULL || pt__store_shares(&model->store, stored));
    }
    return PT_OK;
}

/* What is used from the file, or may be, does not learn. */
static pt_status_t freeze(pt_model_t *model, const choice_t *choice)
{
    pt__store_t *store = &model->store;
    int32_t *before;
    PT__TRY(pt__allocate(&model->context->memory, (size_t)store->count, sizeof *before, "parameters", &before));
    for (int64_t i = 0; i < store->count; i++) {
        before[i] = store->tensors[i].trainable;
        if (choice->mapped[i] || choice->converted[i])
            store->tensors[i].trainable = 0;
    }
    pt_status_t status = pt__model_renew_learnables(model);
    for (int64_t i = 0; status != PT_OK && i < store->count; i++)
        store->tensors[i].trainable = before[i];
    pt__release(&model->context->memory, before);
    return status;
}

/* Room for the largest matrix that stands the other way round in the file, twice; NULL: there is none. */
static pt_status_t make_turning(const pt_model_t *model, const part_t *part, const int8_t *converted, float **turning)
{
    int64_t most = 0;
    *turning = NULL;
    for (int64_t i = 0; i < model->store.count; i++) {
        const pt__stored_t *stored = &model->store.tensors[i];
        if (converted[i] && find(part, stored->name)->is_transposed && stored->elements > most)
            most = stored->elements;
    }
    return most == 0 ? PT_OK
                     : pt__allocate_uninitialised(&model->context->memory, (size_t)most, 2 * sizeof **turning,
                                                  "a matrix that is turned", turning);
}

/* The entry's shape is the parameter's, its data stand in the order of columns and rows. */
static const float *turn(const pt_model_t *model, const pt__entry_t *entry, float *turning)
{
    const int64_t rows = entry->shape[0], columns = entry->shape[1];
    float *turned = turning + rows * columns;
    pt__fill_convert(model->context, entry->dtype, entry->data, rows * columns, turning);
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < columns; c++)
            turned[r * columns + c] = turning[c * rows + r];
    return turned;
}

/* Straight into the model's memory, tensor by tensor: nothing but the device can fail any more. */
static pt_status_t convert(pt_model_t *model, const part_t *part, const int8_t *converted, float *turning)
{
    for (int64_t i = 0; i < model->store.count; i++) {
        pt__stored_t *stored = &model->store.tensors[i];
        if (!converted[i])
            continue;
        const pt__entry_t *entry = find(part, stored->name);
        if (entry->is_transposed)
            PT__TRY(pt__stored_set(&model->store, stored, PT_FLOAT32, turn(model, entry, turning)));
        else
            PT__TRY(pt__stored_set(&model->store, stored, entry->dtype, entry->data));
    }
    return PT_OK;
}

/* What the file has and the model takes over; the file is the model's afterwards where *file is NULL. All that can
 * fail comes first. */
static pt_status_t take(pt_model_t *model, const part_t *part, int32_t mapping, pt__file_tensors_t **file)
{
    pt__memory_t *memory = &model->context->memory;
    choice_t choice = {0};
    pt__claim_t claim = {0};
    pt__mapped_t *mapped = NULL;
    float *turning = NULL;
    pt_status_t status;
    PT__TRY_OUT(choose(model, part, mapping, &choice));
    PT__TRY_OUT(make_turning(model, part, choice.converted, &turning));
    PT__TRY_OUT(pt__store_claim(&model->store, choice.owned, 0, &claim));
    PT__TRY_OUT(pt__store_map_begin(&model->store, choice.mapped, &mapped));
    if (mapping)
        PT__TRY_OUT(freeze(model, &choice));
    pt__claim_commit(&model->store, &claim);
    if (mapped != NULL) {
        pt__store_map_end(&model->store, choice.mapped, mapped, *file, part->trunk);
        mapped = NULL;
        *file = NULL;
    }
    pt__state_forget_accumulation(model);
    PT__TRY_OUT(pt__model_renew_dtypes(model));
    PT__TRY_OUT(convert(model, part, choice.converted, turning));
out:
    pt__release(memory, turning);
    pt__claim_release(&claim);
    pt__release(memory, mapped);
    release_choice(memory, &choice);
    return status;
}

pt_status_t pt__weights_take(pt_model_t *model, const char *name, const pt_load_options_t *options,
                             pt__file_tensors_t **file)
{
    const part_t part = {.table = pt__file_tensors_table(*file),
                         .names = options->names,
                         .trunk = model->family == NULL ? NULL : model->family->trunk};
    pt__class_names_t names = {0};
    pt__normalizations_t normalizations = {0};
    pt__report_t last = pt__report_begin(model);
    int32_t tells_why = 0; /* the report of a refused load stays: it lists what did not fit */
    pt_status_t status;
    PT__TRY_OUT(note_file(model, &part));
    tells_why = 1;
    if (options->flags & PT_LOAD_STRICT)
        PT__TRY_OUT(be_strict(model, name));
    if (!copies_any(model))
        PT__TRY_OUT(refuse_nothing(model, &part, name));
    tells_why = 0;
    PT__TRY_OUT(check_values(model, &part, name));
    if (pt__class_names_head_came(model))
        PT__TRY_OUT(pt__class_names_read_file(model, name, part.table, &names));
    /* a file of ours says what its trunk's fields go through, be it nothing; others say nothing of it */
    const int32_t says = pt__tensors_value(part.table, "pretrain.format") != NULL &&
                         pt__normalizations_trunk_came(model);
    if (says)
        PT__TRY_OUT(pt__normalizations_read_file(model, name, part.table, &normalizations));
    PT__TRY_OUT(take(model, &part, (options->flags & PT_LOAD_MAPPED) != 0, file));
    pt__class_names_take(model, &names);
    if (says)
        pt__normalizations_replace(model, &normalizations);
out:
    pt__class_names_release(&model->context->memory, &names);
    pt__normalizations_release(&model->context->memory, &normalizations);
    pt__report_end(model, last, tells_why ? PT_OK : status);
    return status;
}

/* What data-parallel training in PyTorch puts before all names. */
static const pt__renaming_t of_parallel[] = {{.theirs = "module.*", .ours = "*"}, {.theirs = NULL}};

pt_status_t pt__weights_rename(const pt_model_t *model, pt__file_tensors_t *file, const char *config)
{
    if (model->family == NULL)
        return PT_OK;
    PT__TRY(pt__file_tensors_rename(file, of_parallel));
    PT__TRY(pt__file_tensors_rename(file, model->family->renamings));
    PT__TRY(pt__file_tensors_rename(file, model->family->gguf));
    return pt__planes_fit(model, file, config);
}

pt_status_t pt__weights_load(pt_model_t *model, const char *path, const pt_load_options_t *options)
{
    pt__file_tensors_t *file;
    PT__TRY(pt__place_open(model->context, path, options, &file));
    pt_status_t status = pt__file_tensors_verify(file, NULL);
    if (status == PT_OK)
        status = pt__weights_rename(model, file, pt__planes_config_of(pt__file_tensors_table(file)));
    if (status == PT_OK)
        status = pt__weights_take(model, pt__place_name(path, options), options, &file);
    pt__file_tensors_close(file);
    return status;
}
