/* The table of tasks, from tasks.def, and the checks that all tasks share. */
#include <stdio.h>
#include <string.h>

#include "base/dtype.h"
#include "base/number.h"
#include "tasks/tasks.h"

#define PT__TASK(name) extern const pt__task_t pt__task_##name;
#include "tasks/tasks.def"
#undef PT__TASK

static const pt__task_t *const tasks[] = {
#define PT__TASK(name) &pt__task_##name,
#include "tasks/tasks.def"
#undef PT__TASK
};

enum { TASKS = sizeof tasks / sizeof tasks[0] };

const pt__task_t *pt__task_find(const char *name)
{
    for (int32_t i = 0; name != NULL && i < TASKS; i++)
        if (strcmp(tasks[i]->name, name) == 0)
            return tasks[i];
    return NULL;
}

const pt__task_t *pt__task_at(int32_t index)
{
    return index >= 0 && index < TASKS ? tasks[index] : NULL;
}

static pt_status_t unknown_task(const char *name)
{
    char known[256] = "";
    for (int32_t i = 0; i < TASKS; i++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s\"%s\"", i == 0 ? "" : ", ", tasks[i]->name);
    }
    return pt__fail(PT_ERR_ARGUMENT, "the task is \"%.64s\", expected NULL or one of %s", name, known);
}

static pt_status_t check_range(const char *task, const char *option, double value)
{
    if (value >= 0 && value < 1)
        return PT_OK;
    return pt__fail(PT_ERR_ARGUMENT, "task %s: %s is %g, expected 0 <= %s < 1", task, option, pt__number_shown(value),
                    option);
}

pt_status_t pt__task_check(const pt__task_options_t *options, const pt__task_t **task)
{
    *task = pt__task_find(options->task);
    if (options->task == NULL)
        return PT_OK;
    if (*task == NULL)
        return unknown_task(options->task);
    if (options->pooling < PT_POOL_MEAN || options->pooling > PT_POOL_FAMILY)
        return pt__fail(PT_ERR_ARGUMENT, "task %s: pooling is %d, expected one of PT_POOL_...", options->task,
                        (int)options->pooling);
    PT__TRY(check_range(options->task, "label_smoothing", options->label_smoothing));
    PT__TRY(check_range(options->task, "dropout", options->dropout));
    return (*task)->check(options);
}

pt_status_t pt__task_choose(pt__memory_t *memory, const char *name, const void *options, pt__task_options_t *out,
                            float **per_output)
{
    const pt__task_t *task = pt__task_find(name);
    char what[96];
    pt_array_t weights = {0};
    *per_output = NULL;
    *out = (pt__task_options_t){.task = name};
    if (name != NULL && task == NULL)
        return unknown_task(name);
    if (task == NULL)
        return options == NULL ? PT_OK
                               : pt__fail(PT_ERR_ARGUMENT, "options are given, expected NULL: no task is named");
    PT__TRY(task->read(options, out, &weights));
    pt_status_t status = PT_OK;
    if (weights.data != NULL) {
        PT__TRY(pt__allocate(memory, (size_t)out->outputs, sizeof(float), "class weights", per_output));
        out->per_output = *per_output;
        snprintf(what, sizeof what, "task %s: class_weights", name);
        const int64_t told = weights.elements > 0 ? weights.elements : out->outputs; /* a rest stays 0 */
        status = pt__dtype_convert(what, weights.dtype, weights.data, PT_FLOAT32, *per_output, told);
    }
    if (status == PT_OK)
        status = pt__task_check(out, &task);
    if (status != PT_OK) {
        pt__release(memory, *per_output);
        *per_output = NULL;
    }
    return status;
}
