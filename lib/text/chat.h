/* Conversations as a model's chat template writes them. */
#ifndef PT__CHAT_H
#define PT__CHAT_H

#include "base/text.h"
#include "text/tokenizer.h"

/* A template, and the texts of the tokens that it may name; each NULL where there is none. */
typedef struct pt__chat_template {
    char *text, *begin, *end;
} pt__chat_template_t;

/* Reads what belongs to the tokenizer's file: of a GGUF file its metadata, of others chat_template.jinja, else the
 * tokenizer_config.json, beside it. PT_ERR_NOT_FOUND where there is none. */
pt_status_t pt__chat_template_read(const pt_tokenizer_t *tokenizer, pt__chat_template_t *chat);
void pt__chat_template_free(pt__memory_t *memory, pt__chat_template_t *chat);

/* Appends the messages as the template writes them, up to where the assistant's answer begins; *stop is the text of the
 * token that ends an answer, which lives as long as the template. PT_ERR_UNSUPPORTED for a template that is none of
 * those known, PT_ERR_ARGUMENT for roles that it does not take. */
pt_status_t pt__chat_write(const pt__chat_template_t *chat, const pt_message_t *messages, int64_t count,
                           pt__text_t *text, const char **stop);

#endif
