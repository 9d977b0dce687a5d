/* A model from a file or a directory alone. Where the library wrote the file, its metadata hold the family's
 * configuration and the task. Others' files have a configuration beside them, as the directories of Hugging Face's hub
 * do, or within, as GGUF files. What configuration and task make and what the file has must be the same tensors, all of
 * them; of others' files heads may be left over that no task here has. */
#include "train/model.h"

#include <stdio.h>
#include <string.h>

#include "base/dtype.h"
#include "base/file.h"
#include "base/json.h"
#include "formats/tensors.h"
#include "train/checkpoint.h"
#include "train/directory_masks.h"
#include "train/preprocessor.h"

enum { LARGEST_CONFIG = 16 << 20 };

/* Where a model comes from. */
typedef struct source {
    pt_context_t *context;
    const char *path;              /* of the weights, for messages */
    char weights[PT__PATH_SIZE];   /* what path may point to */
    char directory[PT__PATH_SIZE]; /* that the weights stand in; "": none, or they need nothing beside them */
    pt__file_tensors_t *file;
    const pt__tensors_t *table;
    const char *config;             /* JSON */
    char *read;                     /* the configuration's text where it was read from a file */
    char where[PT__PATH_SIZE + 64]; /* what messages call the configuration */
    int32_t is_ours, is_gguf, is_directory;
    pt__preprocessor_t preprocessor; /* of others' models of pictures */
} source_t;

pt_status_t pt__saved_task(pt_context_t *context, const pt__file_tensors_t *file, const char *path,
                           pt__task_options_t *task, float **per_output)
{
    const char *json = pt__tensors_value(pt__file_tensors_table(file), "pretrain.task");
    *task = (pt__task_options_t){0};
    *per_output = NULL;
    if (json == NULL)
        return PT_OK;
    pt_status_t status = pt__task_read(&context->memory, json, (int64_t)strlen(json), task, per_output);
    if (status == PT_ERR_ARGUMENT) /* the file's fault, not the caller's */
        status = PT_ERR_FORMAT;
    return status == PT_OK ? PT_OK : pt__fail_within(status, "%s: metadata \"pretrain.task\"", path);
}

/* ---- Finding configuration and weights ---- */

/* The directory's weights, the first of these that is there. */
static pt_status_t find_weights(source_t *source, const char *directory)
{
    static const char *const names[] = {"model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
                                        "pytorch_model.bin.index.json"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        PT__TRY(pt__path_join(directory, names[i], source->weights, PT__PATH_SIZE));
        if (pt__file_exists(source->weights)) {
            source->path = source->weights;
            return PT_OK;
        }
    }
    return pt__fail(PT_ERR_NOT_FOUND,
                    "%s: a directory without weights, expected model.safetensors, pytorch_model.bin or the index of "
                    "either",
                    directory);
}

static pt_status_t keep_directory(source_t *source, const char *path)
{
    const char *slash = strrchr(path, '/');
    const size_t length = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);
    if (length >= PT__PATH_SIZE)
        return pt__fail(PT_ERR_ARGUMENT, "the path is too long: %.80s...", path);
    snprintf(source->directory, PT__PATH_SIZE, "%.*s", slash == NULL ? 1 : (int)length, slash == NULL ? "." : path);
    return PT_OK;
}

static pt_status_t open_weights(source_t *source, const char *path, const pt_load_options_t *options)
{
    pt__file_about_t about = {0};
    source->path = path == NULL ? pt__place_name(path, options) : path;
    if (path != NULL && pt__file_look(path, &about) == PT_OK && about.is_directory) {
        PT__TRY(find_weights(source, path));
        snprintf(source->directory, PT__PATH_SIZE, "%s", path);
        source->is_directory = 1;
    } else if (path != NULL)
        PT__TRY(keep_directory(source, path));
    PT__TRY(pt__place_open(source->context, path == NULL ? NULL : source->path, options, &source->file));
    source->table = pt__file_tensors_table(source->file);
    source->is_gguf = pt__file_tensors_format(source->file) == &pt__format_gguf;
    return PT_OK;
}

/* That of the library, in metadata. */
static pt_status_t check_format(const source_t *source)
{
    const char *format = pt__tensors_value(source->table, "pretrain.format");
    if (format == NULL || strcmp(format, "1") == 0)
        return PT_OK;
    return pt__fail(PT_ERR_VERSION, "%s: metadata \"pretrain.format\" is \"%.16s\", this library reads \"1\"",
                    source->path, format);
}

static pt_status_t refuse(const source_t *source)
{
    if (pt__tensors_value(source->table, "pretrain.format") != NULL)
        return pt__fail(PT_ERR_UNSUPPORTED,
                        "%s: no metadata \"pretrain.config\", so it is a program's own network, of no family known "
                        "here: the program that made it makes its graph again with pt_model_create, and then loads "
                        "this file with pt_model_load",
                        source->path);
    return pt__fail(PT_ERR_UNSUPPORTED,
                    "%s: no configuration in it, and no " PT__CONFIG_FILE " beside it: create the model, and load this "
                    "file into it with pt_model_load",
                    source->path);
}

static pt_status_t find_config(source_t *source)
{
    char path[PT__PATH_SIZE];
    int64_t length;
    PT__TRY(check_format(source));
    source->config = pt__tensors_value(source->table, "pretrain.config");
    source->is_ours = source->config != NULL;
    if (source->config == NULL)
        source->config = pt__tensors_value(source->table, PT__CONFIG_FILE);
    snprintf(source->where, sizeof source->where, "%s: metadata \"%s\"", source->path,
             source->is_ours ? "pretrain.config" : PT__CONFIG_FILE);
    if (source->config != NULL)
        return PT_OK;
    const char *why = pt__tensors_value(source->table, PT__CONFIG_REFUSED);
    if (why != NULL)
        return pt__fail(PT_ERR_UNSUPPORTED, "%s: %s", source->path, why);
    if (source->directory[0] == 0)
        return refuse(source);
    PT__TRY(pt__path_join(source->directory, PT__CONFIG_FILE, path, PT__PATH_SIZE));
    if (!pt__file_exists(path))
        return refuse(source);
    PT__TRY(pt__file_read(&source->context->memory, path, LARGEST_CONFIG, &source->read, &length));
    snprintf(source->where, sizeof source->where, "%s", path);
    if ((int64_t)strlen(source->read) != length)
        return pt__fail(PT_ERR_FORMAT, "%s: a byte 0, expected JSON", path);
    source->config = source->read;
    return PT_OK;
}

/* What the configuration lacks and the file beside it says. */
static pt_status_t complete_config(source_t *source)
{
    char *completed;
    if (source->is_ours)
        return PT_OK;
    PT__TRY(pt__preprocessor_open(source->context, source->directory, source->config, &source->preprocessor));
    PT__TRY(pt__preprocessor_complete(&source->preprocessor, source->context, source->config, &completed));
    if (completed == NULL)
        return PT_OK;
    pt__release(&source->context->memory, source->read);
    source->config = source->read = completed;
    return PT_OK;
}

static void close_source(source_t *source)
{
    pt__preprocessor_close(source->context, &source->preprocessor);
    pt__file_tensors_close(source->file);
    pt__release(&source->context->memory, source->read);
}

/* The file is whole: a checkpoint without a checksum has lost it to a flipped bit. */
static pt_status_t verify(const source_t *source)
{
    int32_t has_checksum;
    PT__TRY(pt__file_tensors_verify(source->file, &has_checksum));
    if (!has_checksum && pt__tensors_value(source->table, "pretrain.accumulated") != NULL)
        return pt__fail(PT_ERR_FORMAT, "%s: the checkpoint has no checksum", source->path);
    return PT_OK;
}

/* ---- The model ---- */

/* Every tensor that the configuration and the task ask for is in the file. */
static pt_status_t check_tensors(const pt_model_t *model, const pt__tensors_t *table, const char *path)
{
    const char *trunk = model->family == NULL ? NULL : model->family->trunk;
    for (int64_t i = 0; i < model->store.count; i++) {
        const pt__stored_t *stored = &model->store.tensors[i];
        const pt__entry_t *entry = pt__tensors_find_within(table, trunk, stored->name);
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
        if (!pt__shape_equal(&found, &stored->shape) || !pt__dtype_is_weight(entry->dtype))
            return pt__fail(PT_ERR_SHAPE, "%s: tensor \"%s\" is %s, but configuration and task ask for %s", path,
                            stored->name, pt__shape_print(&found, entry->dtype, is, sizeof is),
                            pt__shape_print(&stored->shape, PT_FLOAT32, expected, sizeof expected));
    }
    return PT_OK;
}

static int32_t has_same_head(const pt__task_options_t *a, const pt__task_options_t *b)
{
    return a->task != NULL && b->task != NULL && strcmp(a->task, b->task) == 0 && a->outputs == b->outputs;
}

/* What hides tokens stands with the directory's tokenizer, unless the library noted it in the weights. */
static pt_status_t learn_masks(const source_t *source, const pt_model_t *model, pt__task_options_t *task,
                               float **token_kinds)
{
    const pt__input_t *tokens = pt__graph_input(model->trunk, "tokens");
    if (task->task == NULL || strcmp(task->task, PT_TASK_MASKED_LM) != 0 || task->masking.mask_token >= 0 ||
        *token_kinds != NULL || tokens == NULL || source->directory[0] == 0)
        return PT_OK;
    return pt__directory_masks(source->context, source->directory,
                               pt__graph_tensor(model->trunk, tokens->tensor)->index_limit, task, token_kinds);
}

/* A directory's configuration decides what the head is; what the library noted in the weights, how it is trained. */
static pt_status_t choose_task(const source_t *source, const pt_model_t *model, pt__task_options_t *task,
                               float **per_output)
{
    pt__json_document_t *document;
    const pt__json_t *root;
    pt__task_options_t published;
    PT__TRY(pt__saved_task(source->context, source->file, source->path, task, per_output));
    if (source->is_ours)
        return PT_OK;
    pt_status_t status = pt__json_parse(&source->context->memory, "config", source->config,
                                        (int64_t)strlen(source->config), &document, &root);
    if (status == PT_OK) {
        status = pt__architecture_task(model->family, root, &published);
        pt__json_free(document);
    }
    if (status != PT_OK)
        return pt__fail_within(status, "%s", source->where);
    if (!has_same_head(task, &published)) {
        pt__release(&source->context->memory, *per_output);
        *per_output = NULL;
        *task = published;
    }
    return learn_masks(source, model, task, per_output);
}

static pt_status_t set_task(const source_t *source, pt_model_t *model)
{
    pt__task_options_t task;
    float *per_output = NULL;
    pt_status_t status = choose_task(source, model, &task, &per_output);
    if (status == PT_OK && task.task != NULL) {
        status = pt__model_set_task(model, &task);
        if (status != PT_OK)
            status = source->is_ours ? pt__fail_within(status, "%s: metadata \"pretrain.task\"", source->path)
                                     : pt__fail_within(status, "%s", source->where);
    }
    pt__release(&source->context->memory, per_output);
    return status;
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

/* The model that the configuration describes, which has no weights yet. */
static pt_status_t make_model(source_t *source, pt_model_t **model)
{
    PT__TRY(find_config(source));
    PT__TRY(complete_config(source));
    PT__TRY(verify(source));
    pt_status_t status = pt__model_from_config(source->context, source->config, (int64_t)strlen(source->config), model);
    if (status != PT_OK)
        return pt__fail_within(status, "%s", source->where);
    PT__TRY(set_task(source, *model));
    PT__TRY(pt__weights_rename(*model, source->file, source->config));
    PT__TRY(check_tensors(*model, source->table, source->path));
    return freeze_saved(*model, source->table, source->path);
}

/* A tensor that is not the model's belongs to a head, or the file is another network's than the configuration says. */
static pt_status_t check_leftovers(const pt_model_t *model, const source_t *source)
{
    for (int64_t i = 0; i < model->report.count; i++) {
        const pt__transfer_t *entry = &model->report.entries[i];
        if (entry->kind == PT_TRANSFER_UNEXPECTED && !pt__architecture_is_head(entry->name))
            return pt__fail(PT_ERR_NOT_FOUND, "%s: tensor \"%s\" is not one of the network that %s describes",
                            source->path, entry->name, source->where);
    }
    return PT_OK;
}

static pt_status_t fill_model(source_t *source, const pt_load_options_t *options, pt_model_t *model)
{
    pt_load_options_t taking = {.struct_size = (uint32_t)sizeof taking, .flags = options->flags};
    taking.flags |= source->is_ours ? PT_LOAD_STRICT : 0;
    PT__TRY(pt__weights_take(model, source->path, &taking, &source->file));
    if (!source->is_ours) {
        PT__TRY(check_leftovers(model, source));
        PT__TRY(pt__preprocessor_normalize(&source->preprocessor, model));
    }
    if (source->directory[0] == 0 || (source->is_ours && !source->is_directory)) /* it needs nothing beside it */
        return PT_OK;
    return source->is_gguf ? pt__string_copy(&model->context->memory, source->path, &model->gguf)
                           : pt__string_copy(&model->context->memory, source->directory, &model->directory);
}

pt_status_t pt__model_open(pt_context_t *context, const char *path, const pt_load_options_t *options, pt_model_t **out)
{
    source_t source = {.context = context};
    pt_model_t *model = NULL;
    pt_status_t status = open_weights(&source, path, options);
    if (status == PT_OK)
        status = make_model(&source, &model);
    if (status == PT_OK)
        status = fill_model(&source, options, model);
    close_source(&source);
    if (status == PT_OK)
        *out = model;
    else if (model != NULL)
        pt__model_free(model);
    return status;
}
