/* See chat.h. A template is a program in Jinja's language. Models have few that differ in what they do, so those are
 * recognised by their whole text, and what they do is written here; any other is refused, as to guess at it would give
 * a model texts that it never saw. */
#include "text/chat.h"

#include <string.h>

#define HOLE '\x01' /* a text of the template's own: what a model is told where nobody tells it anything */

/* ---- What is written ---- */

typedef struct conversation {
    const pt__chat_template_t *chat;
    const pt_message_t *messages;
    int64_t count;
    const char *own; /* what stands in the hole, `own_length` bytes; NULL: it has none */
    int64_t own_length;
} conversation_t;

static pt_status_t write_chatml(const conversation_t *of, pt__text_t *text)
{
    if (of->own != NULL && strcmp(of->messages[0].role, "system") != 0) {
        pt__text_add(text, "<|im_start|>system\n");
        pt__text_add_bytes(text, of->own, of->own_length);
        pt__text_add(text, "<|im_end|>\n");
    }
    for (int64_t i = 0; i < of->count; i++)
        pt__text_add(text, "<|im_start|>%s\n%s<|im_end|>\n", of->messages[i].role, of->messages[i].text);
    pt__text_add(text, "<|im_start|>assistant\n");
    return PT_OK;
}

/* Without white space at its ends, as Python's strip() takes it. */
static void add_trimmed(pt__text_t *text, const char *content)
{
    const int64_t all = (int64_t)strlen(content);
    int64_t begin = all, end = all;
    int32_t length;
    for (int64_t at = 0; at < all; at += length) {
        const uint32_t code = pt__character_at((const uint8_t *)content + at, &length);
        if (pt__character_is_space(code) || (code >= 0x1C && code <= 0x1F))
            continue;
        begin = begin < at ? begin : at;
        end = at + length;
    }
    pt__text_add_bytes(text, content + begin, end - begin);
}

static pt_status_t write_llama3(const conversation_t *of, pt__text_t *text)
{
    pt__text_add(text, "%s", of->chat->begin == NULL ? "" : of->chat->begin);
    for (int64_t i = 0; i < of->count; i++) {
        pt__text_add(text, "<|start_header_id|>%s<|end_header_id|>\n\n", of->messages[i].role);
        add_trimmed(text, of->messages[i].text);
        pt__text_add(text, "<|eot_id|>");
    }
    pt__text_add(text, "<|start_header_id|>assistant<|end_header_id|>\n\n");
    return PT_OK;
}

static pt_status_t write_turns(const conversation_t *of, const char *behind, pt__text_t *text)
{
    pt__text_add(text, "%s", of->chat->begin == NULL ? "" : of->chat->begin);
    for (int64_t i = 0; i < of->count; i++) {
        const char *expected = i % 2 ? "assistant" : "user";
        if (strcmp(of->messages[i].role, expected) != 0)
            return pt__fail(PT_ERR_ARGUMENT,
                            "message %lld is the %.99s's, expected the %s's: the chat template takes no other order",
                            (long long)i, of->messages[i].role, expected);
        if (i % 2)
            pt__text_add(text, "%s%s%s", of->messages[i].text, of->chat->end == NULL ? "" : of->chat->end, behind);
        else
            pt__text_add(text, "[INST] %s [/INST]", of->messages[i].text);
    }
    return PT_OK;
}

static pt_status_t write_mistral(const conversation_t *of, pt__text_t *text)
{
    return write_turns(of, "", text);
}

static pt_status_t write_first_mistral(const conversation_t *of, pt__text_t *text)
{
    return write_turns(of, " ", text);
}

/* ---- What is known ---- */

#define CHATML                                                                                           \
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}" \
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
#define LLAMA3                                                                                                \
    "{% set loop_messages = messages %}{% for message in loop_messages %}"                                    \
    "{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] " \
    "| trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}"     \
    "{{ content }}{% endfor %}"
#define LLAMA3_ANSWER "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}"
#define MISTRAL(behind)                                                                                        \
    "{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) " \
    "%}{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}"           \
    "{% endif %}{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}"           \
    "{% elif message['role'] == 'assistant' %}{{ message['content'] + eos_token" behind                        \
    "}}{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}{% endfor %}"

static const struct {
    const char *text; /* "\n" in it is a line feed, where files also write a backslash and an n */
    pt_status_t (*write)(const conversation_t *of, pt__text_t *text);
    const char *stop; /* NULL: the file's end token */
} known[] = {
    {"{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
     "{{ '<|im_start|>system\n\x01<|im_end|>\n' }}{% endif %}" CHATML,
     write_chatml, "<|im_end|>"},
    {"{% for message in messages %}" CHATML, write_chatml, "<|im_end|>"},
    {"{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}"
     "{% for message in messages %}" CHATML,
     write_chatml, "<|im_end|>"},
    {LLAMA3 "{% if add_generation_prompt %}" LLAMA3_ANSWER "{% endif %}", write_llama3, "<|eot_id|>"},
    {LLAMA3 LLAMA3_ANSWER, write_llama3, "<|eot_id|>"},
    {MISTRAL(""), write_mistral, NULL},
    {MISTRAL(" + ' '"), write_first_mistral, NULL},
    {MISTRAL(" + ' ' "), write_first_mistral, NULL},
};

enum { KNOWN = sizeof known / sizeof *known };

/* The template with line feeds in place of backslashes with an n, and without one at its end, as Jinja takes it; freed
 * with pt__release. */
static pt_status_t simplify(pt__memory_t *memory, const char *text, char **out)
{
    size_t length = 0;
    PT__TRY(pt__string_copy(memory, text, out));
    for (size_t i = 0; text[i] != 0; i++) {
        const int32_t is_escaped = text[i] == '\\' && text[i + 1] == 'n';
        (*out)[length++] = is_escaped ? '\n' : text[i];
        i += (size_t)is_escaped;
    }
    (*out)[length] = 0;
    const size_t before = strlen(text);
    if (before > 0 && text[before - 1] == '\n')
        (*out)[length - 1] = 0;
    return PT_OK;
}

/* Whether the text is the pattern; the hole takes what Jinja takes as it stands between quotes. */
static int32_t fits(const char *pattern, const char *text, conversation_t *of)
{
    const char *hole = strchr(pattern, HOLE);
    if (hole == NULL)
        return strcmp(pattern, text) == 0;
    const size_t before = (size_t)(hole - pattern), behind = strlen(hole + 1), length = strlen(text);
    if (length < before + behind || strncmp(pattern, text, before) != 0 ||
        strcmp(text + length - behind, hole + 1) != 0)
        return 0;
    of->own = text + before;
    of->own_length = (int64_t)(length - before - behind);
    return memchr(of->own, '\'', (size_t)of->own_length) == NULL &&
           memchr(of->own, '\\', (size_t)of->own_length) == NULL;
}

pt_status_t pt__chat_write(const pt__chat_template_t *chat, const pt_message_t *messages, int64_t count,
                           pt__text_t *text, const char **stop)
{
    char *simple;
    PT__TRY(simplify(text->memory, chat->text, &simple));
    pt_status_t status = pt__fail(PT_ERR_UNSUPPORTED,
                                  "the chat template is none of those known, ChatML, Llama 3 and Mistral: it begins "
                                  "with \"%.80s\"",
                                  chat->text);
    for (int32_t i = 0; i < KNOWN; i++) {
        conversation_t of = {.chat = chat, .messages = messages, .count = count};
        if (!fits(known[i].text, simple, &of))
            continue;
        *stop = known[i].stop != NULL ? known[i].stop : chat->end;
        status = known[i].write(&of, text);
        break;
    }
    pt__release(text->memory, simple);
    return status;
}
