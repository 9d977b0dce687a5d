/* Lists of class names: made, owned by the model, compared with a dataset's. */
#include "train/class_names.h"

#include <string.h>

#include "base/log.h"
#include "base/sort.h"
#include "base/utf8.h"
#include "train/model.h"

static int compare_names(const void *a, const void *b, void *user)
{
    (void)user;
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static pt_status_t check_distinct(pt__memory_t *memory, const char *const *names, int64_t count, pt_status_t wrong)
{
    const void **sorted;
    pt_status_t status = PT_OK;
    PT__TRY(pt__allocate(memory, (size_t)count, sizeof *sorted, "class names", &sorted));
    for (int64_t i = 0; i < count; i++)
        sorted[i] = &names[i];
    pt__sort(sorted, count, compare_names, NULL);
    for (int64_t i = 1; i < count && status == PT_OK; i++)
        if (compare_names(sorted[i - 1], sorted[i], NULL) == 0) {
            const int64_t a = (const char *const *)sorted[i - 1] - names, b = (const char *const *)sorted[i] - names;
            status = pt__fail(wrong, "classes %lld and %lld have the same name, \"%.200s\"", (long long)(a < b ? a : b),
                              (long long)(a < b ? b : a), names[a]);
        }
    pt__release(memory, sorted);
    return status;
}

pt_status_t pt__class_names_make(pt__memory_t *memory, const char *const *names, int64_t count, pt_status_t wrong,
                                 pt__class_names_t *out)
{
    size_t bytes = 0;
    const char **list;
    *out = (pt__class_names_t){0};
    if (count == 0)
        return PT_OK;
    for (int64_t i = 0; i < count; i++) {
        if (names[i] == NULL || *names[i] == 0)
            return pt__fail(wrong, "the name of class %lld is %s", (long long)i, names[i] == NULL ? "NULL" : "empty");
        if (!pt__utf8_is(names[i]))
            return pt__fail(wrong, "the name of class %lld, \"%.200s\", is not valid UTF-8", (long long)i, names[i]);
        bytes += strlen(names[i]) + 1;
    }
    PT__TRY(check_distinct(memory, names, count, wrong));
    PT__TRY(pt__allocate(memory, (size_t)count * sizeof *list + bytes, 1, "class names", &list));
    char *to = (char *)(list + count);
    for (int64_t i = 0; i < count; i++) {
        const size_t size = strlen(names[i]) + 1;
        list[i] = memcpy(to, names[i], size);
        to += size;
    }
    *out = (pt__class_names_t){list, count};
    return PT_OK;
}

void pt__class_names_release(pt__memory_t *memory, pt__class_names_t *names)
{
    pt__release(memory, (void *)names->list);
    *names = (pt__class_names_t){0};
}

void pt__class_names_replace(pt_model_t *model, pt__class_names_t *names)
{
    pt__class_names_release(&model->context->memory, &model->class_names);
    model->class_names = *names;
    *names = (pt__class_names_t){0};
}

void pt__class_names_take(pt_model_t *model, pt__class_names_t *names)
{
    if (names->list != NULL)
        pt__class_names_replace(model, names);
}

const char *pt__class_names_field(const pt_model_t *model)
{
    return model->task_kind == NULL ? NULL : model->task_kind->class_field;
}

pt_status_t pt__class_names_for_task(const pt_model_t *model, const pt__task_options_t *options, pt__class_names_t *out)
{
    const pt__task_t *kind = pt__task_find(options->task);
    const pt__class_names_t *from = &model->config_names;
    *out = (pt__class_names_t){0};
    if (kind == NULL || kind->class_field == NULL)
        return PT_OK;
    if (kind == model->task_kind && options->outputs == model->task.outputs)
        from = &model->class_names;
    if (from->count != options->outputs)
        return PT_OK;
    return pt__class_names_make(&model->context->memory, from->list, from->count, PT_ERR_FORMAT, out);
}

/* The graph has the trunk's tensors before the head's; a report, only those that were asked for. */
int32_t pt__class_names_head_came(const pt_model_t *model)
{
    int64_t missing = model->store.count - model->trunk->n_parameters;
    if (pt__class_names_field(model) == NULL)
        return 0;
    for (int64_t i = 0; i < model->report.count; i++) {
        const pt__transfer_t *entry = &model->report.entries[i];
        missing -= entry->kind == PT_TRANSFER_COPIED &&
                   pt__store_find(&model->store, entry->name) >= model->trunk->n_parameters;
    }
    return missing == 0;
}

static int64_t count_of(const pt_dataset_t *dataset, const char *field)
{
    return dataset->source->class_count == NULL ? 0 : dataset->source->class_count(dataset, field);
}

/* A dataset may know only the first of the classes; more than are expected only where those need not be all. */
static pt_status_t compare(const pt__class_names_t *expected, int32_t are_all, const char *whose,
                           const pt_dataset_t *dataset, const char *field)
{
    const int64_t count = count_of(dataset, field);
    for (int64_t i = 0; i < count && i < expected->count; i++) {
        const char *found = dataset->source->class_name(dataset, field, i);
        if (strcmp(found, expected->list[i]) != 0)
            return pt__fail(PT_ERR_STATE, "field \"%s\": class %lld is \"%.200s\" in the dataset, \"%.200s\" in %s",
                            field, (long long)i, found, expected->list[i], whose);
    }
    if (are_all && count > expected->count)
        return pt__fail(PT_ERR_STATE, "field \"%s\": class %lld is \"%.200s\" in the dataset, but %s has %lld classes",
                        field, (long long)expected->count,
                        dataset->source->class_name(dataset, field, expected->count), whose,
                        (long long)expected->count);
    return PT_OK;
}

/* Names that are no UTF-8 cannot be saved: the data is good without them. */
static pt_status_t read_dataset(const pt_model_t *model, const pt_dataset_t *dataset, const char *field,
                                pt__class_names_t *out)
{
    pt__memory_t *memory = &model->context->memory;
    const int64_t count = count_of(dataset, field);
    const char **names;
    *out = (pt__class_names_t){0};
    if (count == 0)
        return PT_OK;
    PT__TRY(pt__allocate(memory, (size_t)count, sizeof *names, "class names", &names));
    pt_status_t status = PT_OK;
    int32_t are_good = 1;
    for (int64_t i = 0; i < count && are_good; i++) {
        names[i] = dataset->source->class_name(dataset, field, i);
        are_good = pt__utf8_is(names[i]);
        if (!are_good)
            pt__log(model->context, PT_LOG_WARNING,
                    "the model takes no class names from the dataset: the name of class %lld of field \"%s\" is not "
                    "valid UTF-8", (long long)i, field);
    }
    if (are_good)
        status = pt__class_names_make(memory, names, count, PT_ERR_FORMAT, out);
    pt__release(memory, names);
    return status;
}

pt_status_t pt__class_names_check(const pt_model_t *model, const pt_dataset_t *dataset)
{
    if (model->class_names.list == NULL)
        return PT_OK;
    return compare(&model->class_names, 1, "the model", dataset, pt__class_names_field(model));
}

static pt_status_t check_evaluation(const pt__class_names_t *names, int32_t are_all, const char *whose,
                                    const pt_dataset_t *evaluation, const char *field)
{
    if (evaluation == NULL)
        return PT_OK;
    pt_status_t status = compare(names, are_all, whose, evaluation, field);
    return status == PT_OK ? PT_OK : pt__fail_within(status, "pt_train_options.evaluation");
}

pt_status_t pt__class_names_begin(const pt_model_t *model, const pt_dataset_t *dataset, const pt_dataset_t *evaluation,
                                  pt__class_names_t *adopted)
{
    const char *field = pt__class_names_field(model);
    *adopted = (pt__class_names_t){0};
    if (field == NULL)
        return PT_OK;
    if (model->class_names.list != NULL) {
        PT__TRY(pt__class_names_check(model, dataset));
        return check_evaluation(&model->class_names, 1, "the model", evaluation, field);
    }
    PT__TRY(read_dataset(model, dataset, field, adopted));
    const int32_t are_all = adopted->count == model->task.outputs;
    pt_status_t status = check_evaluation(adopted, are_all, "the training dataset", evaluation, field);
    if (status != PT_OK || !are_all)
        pt__class_names_release(&model->context->memory, adopted);
    return status;
}
