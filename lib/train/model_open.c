/* A model rebuilt from a file alone: one that pt__weights_write or a checkpoint wrote, whose metadata hold the family's
 * configuration and the task. What the metadata make and what the file has must be the same tensors, all of them. */
#include "train/model.h"

#include <stdio.h>
#include <string.h>

#include "base/dtype.h"
#include "formats/tensors.h"

pt_status_t pt__saved_task(pt_context_t *context, const pt__file_tensors_t *file, const char *path,
                           pt_task_options_t *task, float **class_weights)
{
    const char *json = pt__tensors_value(pt__file_tensors_table(file), "pretrain.task");
    *task = (pt_task_options_t){.struct_size = (uint32_t)sizeof *task};
    *class_weights = NULL;
    if (json == NULL)
        return PT_OK;
    pt_status_t status = pt__task_read(&context->memory, json, (int64_t)strlen(json), task, class_weights);
    if (status == PT_ERR_ARGUMENT) /* the file's fault, not the caller's */
        status = PT_ERR_FORMAT;
    return status == PT_OK ? PT_OK : pt__fail_within(status, "%s: metadata \"pretrain.task\"", path);
}

static pt_status_t find_config(const pt__tensors_t *table, const char *path, const char **config)
{
    const char *format = pt__tensors_value(table, "pretrain.format");
    if (format == NULL)
        return pt__fail(PT_ERR_UNSUPPORTED,
                        "%s: no metadata \"pretrain.format\", expected a file that pt_model_save or a checkpoint "
                        "wrote: create the model, and load this file into it with pt_model_load",
                        path);
    if (strcmp(format, "1") != 0)
        return pt__fail(PT_ERR_VERSION, "%s: metadata \"pretrain.format\" is \"%.16s\", this library reads \"1\"",
                        path, format);
    *config = pt__tensors_value(table, "pretrain.config");
    if (*config == NULL)
        return pt__fail(PT_ERR_UNSUPPORTED,
                        "%s: no metadata \"pretrain.config\", expected a family's configuration: a network of the "
                        "host's own is made with pt_model_create, and then loads this file with pt_model_load",
                        path);
    return PT_OK;
}

/* The file is whole: a checkpoint without a checksum has lost it to a flipped bit. */
static pt_status_t verify(const pt__file_tensors_t *file, const char *path)
{
    int32_t has_checksum;
    PT__TRY(pt__safetensors_verify(file, &has_checksum));
    if (!has_checksum && pt__tensors_value(pt__file_tensors_table(file), "pretrain.accumulated") != NULL)
        return pt__fail(PT_ERR_FORMAT, "%s: the checkpoint has no checksum", path);
    return PT_OK;
}

/* Every tensor that the metadata ask for is in the file. */
static pt_status_t check_tensors(const pt_model_t *model, const pt__tensors_t *table, const char *path)
{
    for (int64_t i = 0; i < model->store.count; i++) {
        const pt__stored_t *stored = &model->store.tensors[i];
        const pt__entry_t *entry = pt__tensors_find(table, stored->name);
        char name[PT_MAX_NAME + 96], is[96], expected[96];
        snprintf(name, sizeof name, "pretrain.hash.%s", stored->name);
        if (entry == NULL && pt__tensors_find(table, name) != NULL)
            return pt__fail(PT_ERR_STATE,
                            "%s: tensor \"%s\" is left out, being frozen (PT_TRAIN_TRAINED_ONLY): create the model, "
                            "load the frozen weights, set the task, and then load or resume the checkpoint",
                            path, stored->name);
        if (entry == NULL)
            return pt__fail(PT_ERR_NOT_FOUND, "%s: no tensor \"%s\", which configuration and task ask for", path,
                            stored->name);
        pt__shape_t found = pt__shape_make(PT__DIMENSION_NONE, entry->rank, entry->shape);
        if (!pt__shape_equal(&found, &stored->shape) || !pt__dtype_is_float(entry->dtype))
            return pt__fail(PT_ERR_SHAPE, "%s: tensor \"%s\" is %s, but configuration and task ask for %s", path,
                            stored->name, pt__shape_print(&found, entry->dtype, is, sizeof is),
                            pt__shape_print(&stored->shape, PT_FLOAT32, expected, sizeof expected));
    }
    return PT_OK;
}

static pt_status_t set_saved_task(pt_model_t *model, const pt__file_tensors_t *file, const char *path)
{
    pt_task_options_t task;
    float *class_weights;
    PT__TRY(pt__saved_task(model->context, file, path, &task, &class_weights));
    pt_status_t status = task.task == NULL ? PT_OK : pt__model_set_task(model, &task);
    pt__release(&model->context->memory, class_weights);
    return status == PT_OK ? PT_OK : pt__fail_within(status, "%s: metadata \"pretrain.task\"", path);
}

pt_status_t pt__model_open(pt_context_t *context, const char *path, uint32_t flags, pt_model_t **out)
{
    pt__file_tensors_t *file;
    pt_model_t *model = NULL;
    const char *config;
    pt_status_t status;
    PT__TRY(flags & PT_LOAD_MAPPED ? pt__safetensors_open_watched(context, path, &file)
                                   : pt__safetensors_open(context, path, &file));
    const pt__tensors_t *table = pt__file_tensors_table(file);
    PT__TRY_OUT(find_config(table, path, &config));
    PT__TRY_OUT(verify(file, path));
    status = pt__model_from_config(context, config, (int64_t)strlen(config), &model);
    if (status != PT_OK) {
        pt__fail_within(status, "%s: metadata \"pretrain.config\"", path);
        goto out;
    }
    PT__TRY_OUT(set_saved_task(model, file, path));
    PT__TRY_OUT(check_tensors(model, table, path));
    PT__TRY_OUT(pt__weights_take(model, path, flags | PT_LOAD_STRICT, &file));
    *out = model;
    model = NULL;
out:
    if (model != NULL)
        pt__model_free(model);
    pt__file_tensors_close(file);
    return status;
}
