/* A model as a directory of Hugging Face's hub: config.json, the weights, and what belongs to the model and stands
 * beside the one that it was opened from, its tokenizer above all. The configuration comes last: before it is there, no
 * directory is a model. */
#include <stdio.h>
#include <string.h>

#include "base/dtype.h"
#include "base/file.h"
#include "base/text.h"
#include "formats/tensors.h"
#include "text/foreign.h"
#include "train/model.h"
#include "train/preprocessor.h"

/* Carried along as they are. */
static const char *const companions[] = {"generation_config.json",
                                         "tokenizer.json",
                                         "tokenizer_config.json",
                                         "special_tokens_map.json",
                                         "added_tokens.json",
                                         "vocab.json",
                                         "merges.txt",
                                         "vocab.txt",
                                         "tokenizer.model",
                                         "spiece.model",
                                         "sentencepiece.bpe.model",
                                         "chat_template.jinja",
                                         "modules.json",
                                         "config_sentence_transformers.json",
                                         "sentence_bert_config.json",
                                         "1_Pooling/config.json"};

static const pt_save_options_t to_path = {.struct_size = sizeof to_path};

static pt_status_t copy_file(pt_context_t *context, const char *from, const char *to)
{
    char *bytes;
    int64_t size;
    PT__TRY(pt__file_read(&context->memory, from, 0, &bytes, &size));
    pt_status_t status = pt__place_write_bytes(context, to, &to_path, bytes, size);
    pt__release(&context->memory, bytes);
    return status;
}

/* A directory that is saved into itself has them already. */
static pt_status_t carry_companions(const pt_model_t *model, const char *directory)
{
    char from[PT__PATH_SIZE], to[PT__PATH_SIZE], folder[PT__PATH_SIZE];
    if (model->directory == NULL || strcmp(model->directory, directory) == 0)
        return PT_OK;
    for (size_t i = 0; i < sizeof companions / sizeof companions[0]; i++) {
        const char *slash = strchr(companions[i], '/');
        PT__TRY(pt__path_join(model->directory, companions[i], from, PT__PATH_SIZE));
        PT__TRY(pt__path_join(directory, companions[i], to, PT__PATH_SIZE));
        if (!pt__file_is_regular(from))
            continue;
        if (slash != NULL) {
            snprintf(folder, sizeof folder, "%.*s", (int)(strlen(to) - strlen(slash)), to);
            PT__TRY(pt__directory_make(&model->context->memory, folder));
        }
        PT__TRY(copy_file(model->context, from, to));
    }
    return PT_OK;
}

static pt_status_t write_within(const pt_model_t *model, const char *directory, const char *name, pt__text_t *text)
{
    char path[PT__PATH_SIZE];
    PT__TRY(text->status);
    PT__TRY(pt__path_join(directory, name, path, PT__PATH_SIZE));
    return pt__place_write_bytes(model->context, path, &to_path, text->data, text->length);
}

/* What belongs to the model in the GGUF file that it came from. */
static pt_status_t write_companions(const pt_model_t *model, const char *directory)
{
    pt__memory_t *memory = &model->context->memory;
    pt__text_t tokenizer = pt__text_start(memory), config = pt__text_start(memory);
    pt__mapping_t mapping = {0};
    pt_status_t status = PT_OK;
    if (model->gguf == NULL)
        return PT_OK;
    PT__TRY(pt__file_map(memory, model->gguf, &mapping));
    if (!pt__gguf_has_tokenizer(mapping.bytes, mapping.size))
        goto out;
    PT__TRY_OUT(pt__gguf_to_json(mapping.bytes, mapping.size, &tokenizer));
    PT__TRY_OUT(pt__gguf_to_tokenizer_config(mapping.bytes, mapping.size, &config));
    PT__TRY_OUT(write_within(model, directory, "tokenizer.json", &tokenizer));
    PT__TRY_OUT(write_within(model, directory, "tokenizer_config.json", &config));
out:
    if (status != PT_OK)
        status = pt__fail_within(status, "%s", model->gguf);
    pt__text_free(&tokenizer);
    pt__text_free(&config);
    pt__file_unmap(&mapping);
    return status;
}

/* What most of the weights are written as. */
static int32_t main_dtype(const pt_model_t *model, int32_t asked)
{
    int64_t most = 0;
    int32_t dtype = PT_FLOAT32;
    for (int64_t i = 0; asked == 0 && i < model->store.count; i++) {
        const pt__stored_t *stored = &model->store.tensors[i];
        if (stored->elements > most) {
            most = stored->elements;
            dtype = pt__dtype_unit(stored->dtype).elements > 1 ? PT_FLOAT32 : stored->dtype;
        }
    }
    return asked != 0 ? asked : dtype;
}

/* Planes side by side become halves, as the classes have them, but where norms of heads would have to follow. */
static pt_status_t check_planes(const pt_model_t *model)
{
    if (!model->trunk->offer.side_by_side || model->trunk->offer.turned != NULL)
        return PT_OK;
    return pt__fail(PT_ERR_UNSUPPORTED,
                    "config: rope_interleaved is true, which no class of the transformers library has with the norms "
                    "of heads that %s has: write a file in place of a directory",
                    model->family->name);
}

/* Those classes read the rows that the family's published classifiers read, whatever a configuration says. */
static pt_status_t check_pooling(const pt_model_t *model, const char *class)
{
    if (!pt__architecture_has_labels(model->task.task) || model->task.pooling == model->family->pooling)
        return PT_OK;
    return pt__fail(PT_ERR_UNSUPPORTED,
                    "the task's pooling is \"%s\", but %s of the transformers library has \"%s\": write a file in "
                    "place of a directory",
                    pt__pooling_name(model->task.pooling), class, pt__pooling_name(model->family->pooling));
}

static pt_status_t find_class(const pt_model_t *model, const char **class)
{
    *class = model->family == NULL ? NULL : pt__architecture_class(model->family, model->task.task);
    if (*class != NULL)
        return check_pooling(model, *class);
    if (model->family == NULL || model->family->classes[0] == NULL)
        return pt__fail(PT_ERR_UNSUPPORTED, "no class of the transformers library is this network, expected a family "
                                            "that has one: write a file in place of a directory");
    return pt__fail(PT_ERR_UNSUPPORTED, "no class of the transformers library is \"%s\" with the task %s",
                    model->family->name, model->task.task);
}

static pt_status_t save_directory(pt_model_t *model, const char *path, const pt_save_options_t *options)
{
    pt__memory_t *memory = &model->context->memory;
    char name[PT__PATH_SIZE];
    const char *class;
    char *config;
    PT__TRY(find_class(model, &class));
    PT__TRY(check_planes(model));
    PT__TRY(pt__directory_make(memory, path));
    PT__TRY(pt__path_join(path, "model.safetensors", name, PT__PATH_SIZE));
    PT__TRY(pt__weights_write(model, name, options));
    PT__TRY(carry_companions(model, path));
    PT__TRY(write_companions(model, path));
    PT__TRY(pt__preprocessor_save(model, path));
    PT__TRY(pt__saved_config(model, class, main_dtype(model, options->dtype), &config));
    pt_status_t status = pt__path_join(path, "config.json", name, PT__PATH_SIZE);
    if (status == PT_OK)
        status = pt__place_write_bytes(model->context, name, &to_path, config, (int64_t)strlen(config));
    pt__release(memory, config);
    return status;
}

pt_status_t pt__model_save(pt_model_t *model, const char *path, const pt_save_options_t *options)
{
    switch (options->format) {
    case PT_FORMAT_DIRECTORY:
        return save_directory(model, path, options);
    case PT_FORMAT_GGUF:
        return pt__gguf_save(model, path, options, options->dtype);
    case PT_FORMAT_GGUF_Q8_0:
        return pt__gguf_save(model, path, options, PT__BLOCK_Q8_0);
    default:
        return pt__weights_write(model, path, options);
    }
}
