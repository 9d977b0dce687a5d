/* What belongs to a model beside its tensors, as metadata of a GGUF file: the tokenizer, the chat template, and, where
 * the model came from such a file, what that says of its origin. */
#include <string.h>

#include "base/file.h"
#include "base/gguf_metadata.h"
#include "base/json.h"
#include "text/tokenizer.h"
#include "text/tokenizer_config.h"
#include "train/model.h"

enum { MOST_BYTES = 1 << 26 /* of a file beside the weights */ };

#define TOKENIZER     "tokenizer."
#define GENERAL       "general."
#define CHAT_TEMPLATE "tokenizer.chat_template"

static int32_t begins(const pt__gguf_string_t *key, const char *with)
{
    const int64_t length = (int64_t)strlen(with);
    return key->length >= length && memcmp(key->bytes, with, (size_t)length) == 0;
}

/* ---- From a GGUF file ---- */

/* Tokenizer and origin, not what is said of network and tensors, which is written anew. */
static int32_t is_carried(const pt__gguf_string_t *key)
{
    static const char *const anew[] = {"general.architecture", "general.type",
                                       "general.file_type",    "general.quantization_version",
                                       "general.alignment",    "tokenizer.ggml.token_type_count"};
    for (size_t i = 0; i < sizeof anew / sizeof anew[0]; i++)
        if (pt__gguf_equals(key, anew[i]))
            return 0;
    return begins(key, TOKENIZER) || begins(key, GENERAL);
}

static pt_status_t carry(const pt_model_t *model, pt__gguf_metadata_t *metadata)
{
    pt__mapping_t mapping = {0};
    pt__gguf_t gguf;
    pt__gguf_string_t key;
    pt__gguf_value_t value;
    int64_t at = 0;
    PT__TRY(pt__file_map(&model->context->memory, model->gguf, &mapping));
    pt_status_t status = pt__gguf_open(&gguf, mapping.bytes, mapping.size);
    while (status == PT_OK && pt__gguf_next_pair(&gguf, &at, &key, &value))
        if (is_carried(&key))
            pt__gguf_put_value(metadata, &key, &value);
    pt__file_unmap(&mapping);
    return status == PT_OK ? PT_OK : pt__fail_within(status, "%s", model->gguf);
}

/* ---- From a directory ---- */

static pt_status_t read_beside(const pt_model_t *model, const char *name, char **bytes, int64_t *size)
{
    return pt__file_read_within(&model->context->memory, model->directory, name, MOST_BYTES, bytes, size);
}

static pt_status_t put_tokenizer(const pt_model_t *model, const pt__json_t *config,
                                 const pt__tokenizer_config_t *tokenizer_config, pt__gguf_metadata_t *metadata)
{
    pt__memory_t *memory = &model->context->memory;
    pt__tokenizer_source_t source = {
        .config = config, .tokenizer_config = tokenizer_config, .vocabulary = model->store.tensors[0].shape.size[0]};
    char *json;
    pt_status_t status = pt__tokenizer_load_json(memory, model->directory, &json, &source.size);
    if (status == PT_ERR_NOT_FOUND) /* a model may be without one */
        return PT_OK;
    PT__TRY(status);
    source.json = json;
    status = pt__tokenizer_put_gguf(memory, &source, metadata);
    pt__release(memory, json);
    return status == PT_OK ? PT_OK : pt__fail_within(status, "%s: tokenizer", model->directory);
}

/* That of a file by itself, else the one in tokenizer_config.json; what is none there is left out. */
static pt_status_t put_template(const pt_model_t *model, const pt__tokenizer_config_t *tokenizer_config,
                                pt__gguf_metadata_t *metadata)
{
    const char *text = NULL;
    char *file;
    int64_t size;
    PT__TRY(read_beside(model, "chat_template.jinja", &file, &size));
    if (file != NULL)
        pt__gguf_put_string(metadata, CHAT_TEMPLATE, file, size);
    else if (pt__tokenizer_config_chat(tokenizer_config, &text) != PT_OK)
        pt__error_clear();
    else if (text != NULL)
        pt__gguf_put_string(metadata, CHAT_TEMPLATE, text, (int64_t)strlen(text));
    pt__release(&model->context->memory, file);
    return PT_OK;
}

/* How the sentence-transformers library makes one vector of a text's, where the model is one of its. */
static pt_status_t put_pooling(const pt_model_t *model, pt__gguf_metadata_t *metadata)
{
    static const struct {
        const char *key;
        uint32_t number; /* as llama.cpp counts them */
    } modes[] = {{"pooling_mode_mean_tokens", 1}, {"pooling_mode_cls_token", 2}, {"pooling_mode_lasttoken", 3}};
    pt__memory_t *memory = &model->context->memory;
    pt__json_document_t *document;
    const pt__json_t *root;
    char *text;
    int64_t size;
    if (strcmp(model->family->name, "bert") != 0)
        return PT_OK;
    PT__TRY(read_beside(model, "1_Pooling/config.json", &text, &size));
    if (text == NULL)
        return PT_OK;
    pt_status_t status = pt__json_parse(memory, "1_Pooling/config.json", text, size, &document, &root);
    for (size_t i = 0; status == PT_OK && i < sizeof modes / sizeof modes[0]; i++) {
        const pt__json_t *mode = root->kind == PT__JSON_OBJECT ? pt__json_find(root, modes[i].key) : NULL;
        if (mode == NULL || mode->kind != PT__JSON_BOOL || mode->integer == 0)
            continue;
        pt__gguf_put_uint32(metadata, "bert.pooling_type", modes[i].number);
        break;
    }
    if (status == PT_OK)
        pt__json_free(document);
    pt__release(memory, text);
    return status;
}

static pt_status_t collect(const pt_model_t *model, const pt__json_t *config, pt__gguf_metadata_t *metadata)
{
    pt__memory_t *memory = &model->context->memory;
    pt__tokenizer_config_t tokenizer_config = {NULL, NULL};
    char *text;
    int64_t size;
    pt_status_t status;
    PT__TRY(read_beside(model, "tokenizer_config.json", &text, &size));
    PT__TRY_OUT(pt__tokenizer_config_open(memory, text, size, &tokenizer_config));
    PT__TRY_OUT(put_tokenizer(model, config, &tokenizer_config, metadata));
    PT__TRY_OUT(put_template(model, &tokenizer_config, metadata));
    PT__TRY_OUT(put_pooling(model, metadata));
out:
    pt__tokenizer_config_close(&tokenizer_config);
    pt__release(memory, text);
    return status;
}

pt_status_t pt__gguf_companions(const pt_model_t *model, const char *config, pt__gguf_metadata_t *metadata)
{
    pt__json_document_t *document;
    const pt__json_t *root;
    if (model->gguf != NULL)
        return carry(model, metadata);
    if (model->directory == NULL)
        return PT_OK;
    PT__TRY(pt__json_parse(&model->context->memory, "config", config, (int64_t)strlen(config), &document, &root));
    const pt_status_t status = collect(model, root, metadata);
    pt__json_free(document);
    return status;
}
