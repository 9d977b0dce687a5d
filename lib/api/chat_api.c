/* Conversations as text, for hosts. */
#include <string.h>

#include "api/api.h"
#include "api/arguments.h"
#include "base/elements.h"
#include "base/utf8.h"
#include "text/chat.h"

static pt_status_t check_messages(const pt_message_t *messages, int64_t count)
{
    if (count < 1)
        return pt__fail(PT_ERR_ARGUMENT, "pt_tokenizer_chat: %lld messages, expected at least one", (long long)count);
    for (int64_t i = 0; i < count; i++) {
        const char *const fields[] = {messages[i].role, messages[i].text}, *const names[] = {"role", "text"};
        for (int32_t k = 0; k < 2; k++)
            if (fields[k] == NULL || !pt__utf8_is(fields[k]))
                return pt__fail(fields[k] == NULL ? PT_ERR_ARGUMENT : PT_ERR_FORMAT,
                                "pt_tokenizer_chat: message %lld: the %s is %s, expected UTF-8", (long long)i, names[k],
                                fields[k] == NULL ? "NULL" : "not UTF-8");
    }
    return PT_OK;
}

static pt_status_t write_text(const pt_tokenizer_t *tokenizer, const pt_message_t *messages, int64_t count,
                              pt__text_t *text, int32_t *stop)
{
    pt__chat_template_t chat;
    const char *token = NULL;
    PT__TRY(pt__chat_template_read(tokenizer, &chat));
    pt_status_t status = pt__chat_write(&chat, messages, count, text, &token);
    if (status == PT_OK && stop != NULL)
        *stop = pt_tokenizer_id(tokenizer, token);
    pt__chat_template_free(&tokenizer->context->memory, &chat);
    return status;
}

static pt_status_t give_chat(const pt_tokenizer_t *tokenizer, const pt_message_t *given, uint32_t message_size,
                             int64_t count, int32_t *stop, char *buffer, size_t size, size_t *length)
{
    pt__memory_t *memory = &tokenizer->context->memory;
    pt__text_t text = pt__text_start(memory);
    pt_message_t *messages;
    if (message_size < sizeof *messages)
        return pt__fail(PT_ERR_ARGUMENT, "pt_tokenizer_chat: message_size is %u, expected sizeof(pt_message_t), %u",
                        (unsigned)message_size, (unsigned)sizeof *messages);
    PT__TRY(pt__elements_copy(memory, given, count, message_size, (uint32_t)sizeof *messages,
                              "pt_tokenizer_chat: messages", &messages));
    pt_status_t status = check_messages(messages, count);
    if (status == PT_OK)
        status = write_text(tokenizer, messages, count, &text, stop);
    pt__release(memory, messages);
    if (status == PT_OK)
        return pt__text_give(&text, buffer, size, length);
    pt__text_free(&text);
    return status;
}

pt_status_t pt_tokenizer_chat(pt_tokenizer_t *tokenizer, const pt_message_t *messages, uint32_t message_size,
                              int64_t count, int32_t *stop, char *buffer, size_t size, size_t *length)
{
    PT__ENTER();
    PT__NEED(tokenizer);
    PT__NEED(messages);
    return pt__error_keep_on(tokenizer->message,
                             give_chat(tokenizer, messages, message_size, count, stop, buffer, size, length));
}
