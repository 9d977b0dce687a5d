/* The report of a transfer of weights: what became of each tensor's name. Part of the model until the next transfer. */
#include "train/model.h"

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

pt_status_t pt__report_note(pt_model_t *model, const char *name, int32_t kind)
{
    pt__memory_t *memory = &model->context->memory;
    pt__report_t *report = &model->report;
    PT__TRY(pt__grow(memory, &report->entries, &report->capacity, report->count + 1, sizeof *report->entries,
                     "transfer report"));
    PT__TRY(pt__string_copy(memory, name, &report->entries[report->count].name));
    report->entries[report->count++].kind = kind;
    return PT_OK;
}
