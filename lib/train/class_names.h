/* The names of a model's classes: what the outputs of its head mean, in their order. They belong to the head, and go
 * where it goes. A model has names of all its classes or none. */
#ifndef PT__CLASS_NAMES_H
#define PT__CLASS_NAMES_H

#include "base/memory.h"
#include "formats/tensors.h"
#include "tasks/tasks.h"

typedef struct pt__class_names {
    const char **list; /* one block with the strings behind it; NULL: there are none */
    int64_t count;
} pt__class_names_t;

/* ---- class_names.c ---- */
/* Copies; `wrong` is the status where a name is missing, empty, no UTF-8 or there twice. */
pt_status_t pt__class_names_make(pt__memory_t *memory, const char *const *names, int64_t count, pt_status_t wrong,
                                 pt__class_names_t *out);
void pt__class_names_release(pt__memory_t *memory, pt__class_names_t *names);
/* The names become the model's, which are released; *names is empty afterwards. */
void pt__class_names_replace(pt_model_t *model, pt__class_names_t *names);
/* The same where there are any: what says nothing of the classes leaves the model's. */
void pt__class_names_take(pt_model_t *model, pt__class_names_t *names);
/* The field whose classes have names; NULL: the task has none. */
const char *pt__class_names_field(const pt_model_t *model);
/* Those that the model will have with this task: its own where neither task nor outputs change, else those of its
 * configuration where they are as many. */
pt_status_t pt__class_names_for_task(const pt_model_t *model, const pt__task_options_t *options,
                                     pt__class_names_t *out);
/* Whether the last report tells that the whole head was taken over, and its classes with it. */
int32_t pt__class_names_head_came(const pt_model_t *model);
/* PT_ERR_STATE where the dataset numbers its classes otherwise than the model. */
pt_status_t pt__class_names_check(const pt_model_t *model, const pt_dataset_t *dataset);
/* The same at the begin of a stage, for both of its datasets (evaluation may be NULL); *adopted are the names that
 * a model without any will have once the stage begins. */
pt_status_t pt__class_names_begin(const pt_model_t *model, const pt_dataset_t *dataset, const pt_dataset_t *evaluation,
                                  pt__class_names_t *adopted);

/* ---- class_names_json.c: as Hugging Face's configurations have them ---- */
/* model->config_names, from model->config. */
pt_status_t pt__class_names_read_config(pt_model_t *model);
/* From a file's metadata; none where it has none, or the model's task has no classes. */
pt_status_t pt__class_names_read_file(const pt_model_t *model, const char *path, const pt__tensors_t *table,
                                      pt__class_names_t *out);
/* The configuration with the names that the model has; of a host's network the names alone. NULL: there is nothing to
 * say. */
pt_status_t pt__class_names_config(const pt_model_t *model, char **out);

#endif
