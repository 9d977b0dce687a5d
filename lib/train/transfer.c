/* Taking over weights by name, from another model or a file, with a report of what was copied, new, unexpected, or shaped otherwise. */
#include "train/model.h"

#include <math.h>
#include <string.h>

#include "base/dtype.h"
#include "formats/tensors.h"

static void release_entries(pt__memory_t *memory, pt__report_t *report)
{
    for (int64_t i = 0; i < report->count; i++)
        pt__release(memory, report->entries[i].name);
    pt__release(memory, report->entries);
    *report = (pt__report_t){0};
}

void pt__report_release(pt_model_t *model)
{
    release_entries(&model->context->memory, &model->report);
}

pt__report_t pt__report_begin(pt_model_t *model)
{
    pt__report_t last = model->report;
    model->report = (pt__report_t){0};
    return last;
}

void pt__report_end(pt_model_t *model, pt__report_t last, pt_status_t status)
{
    pt__memory_t *memory = &model->context->memory;
    if (status == PT_OK) {
        release_entries(memory, &last);
        return;
    }
    release_entries(memory, &model->report);
    model->report = last;
}

pt_status_t pt__transfer_note(pt_model_t *model, const char *name, int32_t kind)
{
    pt__memory_t *memory = &model->context->memory;
    pt__report_t *report = &model->report;
    PT__TRY(pt__grow(memory, &report->entries, &report->room, report->count + 1, sizeof *report->entries,
                     "transfer report"));
    PT__TRY(pt__string_copy(memory, name, &report->entries[report->count].name));
    report->entries[report->count++].kind = kind;
    return PT_OK;
}

static int32_t compare_models(const pt__stored_t *to, const pt_model_t *source)
{
    int64_t index = pt__model_find(source, to->name);
    if (index < 0)
        return PT_TRANSFER_NEW;
    return pt__shape_equal(&source->parameters[index].shape, &to->shape) ? PT_TRANSFER_COPIED : PT_TRANSFER_SHAPE;
}

static pt_status_t note_model(pt_model_t *model, const pt_model_t *source)
{
    for (int64_t i = 0; i < model->graph->n_parameters; i++)
        PT__TRY(pt__transfer_note(model, model->parameters[i].name, compare_models(&model->parameters[i], source)));
    for (int64_t i = 0; i < source->graph->n_parameters; i++)
        if (pt__model_find(model, source->parameters[i].name) < 0)
            PT__TRY(pt__transfer_note(model, source->parameters[i].name, PT_TRANSFER_UNEXPECTED));
    return PT_OK;
}

pt_status_t pt__transfer_copy(pt_model_t *model, const pt_model_t *source)
{
    pt__report_t last = pt__report_begin(model);
    pt_status_t status = note_model(model, source);
    for (int64_t i = 0; status == PT_OK && i < model->graph->n_parameters; i++) {
        pt__stored_t *to = &model->parameters[i];
        if (compare_models(to, source) == PT_TRANSFER_COPIED) /* source may be the model itself */
            memmove(to->value, source->parameters[pt__model_find(source, to->name)].value,
                    (size_t)to->elements * sizeof(float));
    }
    if (status == PT_OK)
        pt__model_forget_accumulation(model);
    pt__report_end(model, last, status);
    return status;
}

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
    return pt__dtype_is_float(entry->dtype) && pt__shape_equal(&shape, &parameter->shape) ? PT_TRANSFER_COPIED
                                                                                          : PT_TRANSFER_SHAPE;
}

static pt_status_t note_file(pt_model_t *model, const pt__tensors_t *table)
{
    for (int64_t i = 0; i < model->graph->n_parameters; i++) {
        const pt__stored_t *parameter = &model->parameters[i];
        PT__TRY(
            pt__transfer_note(model, parameter->name, compare(parameter, pt__tensors_find(table, parameter->name))));
    }
    for (int64_t i = 0; i < table->n_entries; i++)
        if (!is_own_state(table->entries[i].name) && pt__model_find(model, table->entries[i].name) < 0)
            PT__TRY(pt__transfer_note(model, table->entries[i].name, PT_TRANSFER_UNEXPECTED));
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

/* Converts every tensor that fits into `values`, laid out as model->values, so that a value that is refused changes nothing. */
static pt_status_t convert(const pt_model_t *model, const pt__tensors_t *table, const char *path, float *values)
{
    for (int64_t i = 0; i < model->graph->n_parameters; i++) {
        const pt__stored_t *parameter = &model->parameters[i];
        const pt__entry_t *entry = pt__tensors_find(table, parameter->name);
        if (compare(parameter, entry) != PT_TRANSFER_COPIED)
            continue;
        float *to = values + (parameter->value - model->values);
        pt_status_t status = pt__dtype_convert(parameter->name, entry->dtype, entry->data, PT_FLOAT32, to,
                                               parameter->elements);
        for (int64_t k = 0; status == PT_OK && k < parameter->elements; k++)
            if (!isfinite(to[k]))
                status = pt__fail(PT_ERR_NONFINITE, "tensor \"%s\": element %lld is not finite", parameter->name,
                                  (long long)k);
        if (status != PT_OK)
            return pt__fail_within(status, "%s", path);
    }
    return PT_OK;
}

pt_status_t pt__transfer_load(pt_model_t *model, const char *path, uint32_t flags)
{
    pt__memory_t *memory = &model->context->memory;
    pt__file_tensors_t *file;
    float *values = NULL;
    pt_status_t status;
    PT__TRY(pt__safetensors_open(model->context, path, &file));
    pt__report_t last = pt__report_begin(model);
    int32_t tells_why = 0; /* the report of a refused load stays: it lists what did not fit */
    const pt__tensors_t *table = pt__file_tensors_table(file);
    PT__TRY_OUT(pt__safetensors_verify(file, NULL));
    PT__TRY_OUT(note_file(model, table));
    tells_why = 1;
    if (flags & PT_LOAD_STRICT)
        PT__TRY_OUT(be_strict(model, path));
    tells_why = 0;
    PT__TRY_OUT(pt__allocate_uninitialised(memory, (size_t)model->value_elements, sizeof(float), "weights being loaded",
                                           &values));
    memcpy(values, model->values, (size_t)model->value_elements * sizeof(float));
    PT__TRY_OUT(convert(model, table, path, values));
    memcpy(model->values, values, (size_t)model->value_elements * sizeof(float));
    pt__model_forget_accumulation(model);
out:
    pt__report_end(model, last, tells_why ? PT_OK : status);
    pt__release(memory, values);
    pt__file_tensors_close(file);
    return status;
}
