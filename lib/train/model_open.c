/* A model rebuilt from a file alone: one that pt__weights_write or a checkpoint wrote, whose metadata hold the family's
 * configuration and the task. What the metadata make and what the file has must be the same tensors, all of them. */
#include "train/model.h"

#include <stdio.h>
#include <string.h>

#include "base/dtype.h"
#include "base/json.h"
#include "formats/tensors.h"
#include "train/checkpoint.h"

pt_status_t pt__saved_task(pt_context_t *context, const pt__file_tensors_t *file, const char *path,
                           pt__task_options_t *task, float **class_weights)
{
    const char *json = pt__tensors_value(pt__file_tensors_table(file), "pretrain.task");
    *task = (pt__task_options_t){0};
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
        return pt__fail(PT_ERR_VERSION, "%s: metadata \"pretrain.format\" is \"%.16s\", this library reads \"1\"", path,
                        format);
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
    PT__TRY(pt__file_tensors_verify(file, &has_checksum));
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
                            "%s: tensor \"%s\" is left out, being frozen (PT_SAVE_TRAINED_ONLY): create the model, "
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
    pt__task_options_t task;
    float *class_weights;
    PT__TRY(pt__saved_task(model->context, file, path, &task, &class_weights));
    pt_status_t status = task.task == NULL ? PT_OK : pt__model_set_task(model, &task);
    pt__release(&model->context->memory, class_weights);
    return status == PT_OK ? PT_OK : pt__fail_within(status, "%s: metadata \"pretrain.task\"", path);
}

/* What did not learn does not learn again. Names that the model does not have are a contradiction in the file. */
static pt_status_t freeze(pt_model_t *model, const pt__json_t *list)
{
    for (const pt__json_t *name = list->first; name != NULL; name = name->next) {
        if (name->kind != PT__JSON_STRING)
            return pt__json_fail(name, PT_ERR_FORMAT, "%s, expected a name", pt__json_kind_name(name->kind));
        int64_t index = pt__store_find(&model->store, name->string);
        if (index < 0)
            return pt__json_fail(name, PT_ERR_FORMAT, "the model has no tensor \"%.80s\"", name->string);
        model->store.tensors[index].trainable = 0;
    }
    return pt__model_renew_learnables(model);
}

static pt_status_t freeze_saved(pt_model_t *model, const pt__tensors_t *table, const char *path)
{
    const char *json = pt__tensors_value(table, PT__CHECKPOINT_FROZEN);
    pt__json_document_t *document;
    const pt__json_t *root;
    if (json == NULL)
        return PT_OK;
    pt_status_t status = pt__json_parse(&model->context->memory, "the list", json, (int64_t)strlen(json), &document,
                                        &root);
    if (status == PT_OK) {
        status = root->kind == PT__JSON_ARRAY
                     ? freeze(model, root)
                     : pt__fail(PT_ERR_FORMAT, "%s, expected an array of names", pt__json_kind_name(root->kind));
        pt__json_free(document);
    }
    return status == PT_OK ? PT_OK : pt__fail_within(status, "%s: metadata \"" PT__CHECKPOINT_FROZEN "\"", path);
}

/* The model that the file's metadata describe, which has no weights yet. */
static pt_status_t make_model(pt_context_t *context, const pt__file_tensors_t *file, const char *path,
                              pt_model_t **model)
{
    const pt__tensors_t *table = pt__file_tensors_table(file);
    const char *config;
    PT__TRY(find_config(table, path, &config));
    PT__TRY(verify(file, path));
    pt_status_t status = pt__model_from_config(context, config, (int64_t)strlen(config), model);
    if (status != PT_OK)
        return pt__fail_within(status, "%s: metadata \"pretrain.config\"", path);
    PT__TRY(set_saved_task(*model, file, path));
    PT__TRY(check_tensors(*model, table, path));
    return freeze_saved(*model, table, path);
}

pt_status_t pt__model_open(pt_context_t *context, const char *path, const pt_load_options_t *options, pt_model_t **out)
{
    const pt_load_options_t taking = {.struct_size = (uint32_t)sizeof taking, .flags = options->flags | PT_LOAD_STRICT};
    const char *name = pt__place_name(path, options);
    pt__file_tensors_t *file;
    pt_model_t *model = NULL;
    PT__TRY(pt__place_open(context, path, options, &file));
    pt_status_t status = make_model(context, file, name, &model);
    if (status == PT_OK)
        status = pt__weights_take(model, name, &taking, &file);
    pt__file_tensors_close(file);
    if (status == PT_OK)
        *out = model;
    else if (model != NULL)
        pt__model_free(model);
    return status;
}
