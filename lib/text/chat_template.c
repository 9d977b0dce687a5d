/* See chat.h: where a model's files have their chat template. */
#include <string.h>

#include "base/file.h"
#include "base/gguf_container.h"
#include "text/chat.h"
#include "text/tokenizer_config.h"

void pt__chat_template_free(pt__memory_t *memory, pt__chat_template_t *chat)
{
    pt__release(memory, chat->text);
    pt__release(memory, chat->begin);
    pt__release(memory, chat->end);
    *chat = (pt__chat_template_t){0};
}

static pt_status_t copy_token(const pt_tokenizer_t *tokenizer, const pt__gguf_t *gguf, const char *key, char **out)
{
    int64_t id = -1;
    PT__TRY(pt__gguf_get_integer(gguf, key, 0, tokenizer->vocabulary.count - 1, &id));
    return id < 0 ? PT_OK
                  : pt__string_copy(&tokenizer->context->memory, pt__token_content(&tokenizer->vocabulary, (int32_t)id),
                                    out);
}

static pt_status_t read_gguf(const pt_tokenizer_t *tokenizer, const pt__mapping_t *file, pt__chat_template_t *chat)
{
    pt__memory_t *memory = &tokenizer->context->memory;
    pt__gguf_string_t text = {0};
    pt__gguf_t gguf;
    PT__TRY(pt__gguf_open(&gguf, file->bytes, file->size));
    PT__TRY(pt__gguf_get_string(&gguf, "tokenizer.chat_template", &text));
    if (text.bytes == NULL)
        return PT_OK;
    PT__TRY(pt__allocate(memory, (size_t)text.length + 1, 1, "chat template", &chat->text));
    memcpy(chat->text, text.bytes, (size_t)text.length);
    PT__TRY(copy_token(tokenizer, &gguf, "tokenizer.ggml.bos_token_id", &chat->begin));
    return copy_token(tokenizer, &gguf, "tokenizer.ggml.eos_token_id", &chat->end);
}

static pt_status_t read_config(pt__memory_t *memory, const char *bytes, int64_t size, pt__chat_template_t *chat)
{
    pt__tokenizer_config_t config;
    const char *text = NULL, *begin = NULL, *end = NULL;
    pt_status_t status;
    PT__TRY(pt__tokenizer_config_open(memory, bytes, size, &config));
    PT__TRY_OUT(pt__tokenizer_config_chat(&config, &text));
    PT__TRY_OUT(pt__tokenizer_config_token(&config, "bos_token", &begin));
    PT__TRY_OUT(pt__tokenizer_config_token(&config, "eos_token", &end));
    if (chat->text == NULL)
        PT__TRY_OUT(pt__string_copy(memory, text, &chat->text));
    PT__TRY_OUT(pt__string_copy(memory, begin, &chat->begin));
    PT__TRY_OUT(pt__string_copy(memory, end, &chat->end));
out:
    pt__tokenizer_config_close(&config);
    return status;
}

static pt_status_t read_beside(const pt_tokenizer_t *tokenizer, pt__chat_template_t *chat)
{
    pt__memory_t *memory = &tokenizer->context->memory;
    char *config = NULL;
    int64_t size;
    PT__TRY(pt__tokenizer_read_beside(memory, tokenizer->path, "chat_template.jinja", 0, &chat->text, &size));
    PT__TRY(pt__tokenizer_read_beside(memory, tokenizer->path, "tokenizer_config.json", 0, &config, &size));
    pt_status_t status = config == NULL ? PT_OK : read_config(memory, config, size, chat);
    pt__release(memory, config);
    return status;
}

pt_status_t pt__chat_template_read(const pt_tokenizer_t *tokenizer, pt__chat_template_t *chat)
{
    pt__memory_t *memory = &tokenizer->context->memory;
    pt__mapping_t file;
    *chat = (pt__chat_template_t){0};
    if (tokenizer->path == NULL)
        return pt__fail(PT_ERR_NOT_FOUND, "the tokenizer has no chat template: it was not opened from a path");
    PT__TRY(pt__file_map(memory, tokenizer->path, &file));
    pt_status_t status = pt__gguf_is(file.bytes, file.size) ? read_gguf(tokenizer, &file, chat)
                                                            : read_beside(tokenizer, chat);
    pt__file_unmap(&file);
    if (status == PT_OK && chat->text == NULL)
        status = pt__fail(PT_ERR_NOT_FOUND,
                          "%s: no chat template in it, nor in a chat_template.jinja or tokenizer_config.json beside it",
                          tokenizer->path);
    if (status != PT_OK)
        pt__chat_template_free(memory, chat);
    return status;
}
