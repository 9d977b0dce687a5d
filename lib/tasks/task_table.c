/* The table of tasks, from tasks.def. */
#include "tasks/tasks.h"

#define PT__TASK(name) extern const pt__task_t pt__task_##name;
#include "tasks/tasks.def"
#undef PT__TASK

static const pt__task_t *const tasks[] = {
#define PT__TASK(name) &pt__task_##name,
#include "tasks/tasks.def"
#undef PT__TASK
};

const pt__task_t *pt__task_find(int32_t number)
{
    for (size_t i = 0; i < sizeof tasks / sizeof tasks[0]; i++)
        if (tasks[i]->number == number)
            return tasks[i];
    return NULL;
}
