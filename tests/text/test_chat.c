/* Conversations as models' templates write them, against the template engine itself (tests/golden/make_chat.py): from
 * each of the files that have templates; what is refused. */
#include <stdio.h>
#include <string.h>

#include "base/context.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "support/suite.h"

enum { MOST = 4096, MESSAGES = 8 };

static const char words[] = "{\"model\": {\"type\": \"WordLevel\", \"unk_token\": \"<unk>\", \"vocab\": {\"<unk>\": 0, "
                            "\"<s>\": 1, \"</s>\": 2, \"<|im_end|>\": 3, \"<|eot_id|>\": 4}}}";

static char found[MOST];

typedef enum place { IN_CONFIG, IN_LIST, IN_JINJA } place_t;

static void write_text(const char *name, pt__text_t *text)
{
    char *bytes;
    int64_t length;
    ck_ok(pt__text_take(text, &bytes, &length));
    suite_write(name, bytes, (size_t)length);
    pt__release(text->memory, bytes);
}

/* Files of a model whose tokenizer.json has the words above, and its path. */
static const char *make_files(pt_context_t *context, place_t place, const char *template, const char *begin,
                              const char *end)
{
    pt__text_t json = pt__text_start(&context->memory);
    pt__text_add(&json, "{\"bos_token\": \"%s\", \"eos_token\": {\"content\": \"%s\"}, \"chat_template\": ", begin,
                 end);
    if (place == IN_LIST)
        pt__text_add(&json, "[{\"name\": \"tools\", \"template\": \"x\"}, {\"name\": \"default\", \"template\": ");
    pt__json_add_string(&json, place == IN_JINJA ? "unknown" : template,
                        place == IN_JINJA ? 7 : (int64_t)strlen(template));
    pt__text_add(&json, place == IN_LIST ? "}]}" : "}");
    write_text("tokenizer_config.json", &json);
    remove(suite_path("chat_template.jinja"));
    if (place == IN_JINJA)
        suite_write("chat_template.jinja", template, strlen(template));
    return suite_write("tokenizer.json", words, sizeof words - 1);
}

static int64_t read_messages(const pt__json_t *list, pt_message_t *messages)
{
    int64_t count = 0;
    for (const pt__json_t *each = list->first; each != NULL; each = each->next) {
        ck_assert_int_lt(count, MESSAGES);
        messages[count].role = each->first->string;
        messages[count++].text = each->first->next->string;
    }
    return count;
}

static void check_conversation(pt_tokenizer_t *tokenizer, const pt__json_t *template, const pt__json_t *each)
{
    const pt__json_t *text = pt__json_find(each, "text");
    pt_message_t messages[MESSAGES];
    const int64_t count = read_messages(pt__json_find(each, "messages"), messages);
    int32_t stop = -2;
    size_t length = 0;
    pt_status_t status = pt_tokenizer_chat(tokenizer, messages, sizeof *messages, count, &stop, found, MOST, &length);
    if (text->kind == PT__JSON_NULL) {
        ck_assert_int_eq(status, PT_ERR_ARGUMENT);
        ck_assert_ptr_nonnull(strstr(pt_last_error(), "takes no other order"));
        return;
    }
    ck_ok(status);
    ck_assert_str_eq(found, text->string);
    ck_assert_int_eq((int64_t)length, text->length);
    ck_assert_int_eq(stop, pt_tokenizer_id(tokenizer, pt__json_find(template, "stop")->string));
    ck_assert_int_ge(stop, 0);
    ck_ok(pt_tokenizer_chat(tokenizer, messages, sizeof *messages, count, NULL, NULL, 0, &length));
    ck_assert_int_eq((int64_t)length, text->length);
}

START_TEST(test_golden)
{
    pt__json_document_t *document;
    const pt__json_t *root;
    pt_context_t *context;
    char *bytes;
    int64_t size, templates = 0;
    ck_ok(pt_context_create(NULL, &context));
    ck_ok(pt__file_read(&context->memory, suite_source("tests/golden/chat.json"), 0, &bytes, &size));
    ck_ok(pt__json_parse(&context->memory, "chat.json", bytes, size, &document, &root));
    for (const pt__json_t *each = pt__json_find(root, "templates")->first; each != NULL; each = each->next, templates++)
        for (place_t place = IN_CONFIG; place <= IN_JINJA; place++) {
            pt_tokenizer_t *tokenizer;
            ck_ok(
                pt_tokenizer_open(context,
                                  make_files(context, place, pt__json_find(each, "template")->string,
                                             pt__json_find(each, "begin")->string, pt__json_find(each, "end")->string),
                                  NULL, &tokenizer));
            for (const pt__json_t *one = pt__json_find(each, "conversations")->first; one != NULL; one = one->next)
                check_conversation(tokenizer, each, one);
            pt_tokenizer_free(tokenizer);
        }
    ck_assert_int_eq(templates, 8);
    pt__json_free(document);
    pt__release(&context->memory, bytes);
    pt_context_free(context);
}
END_TEST

static const pt_message_t hello = {.role = "user", .text = "Hello"};
static const char chatml[] = "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + "
                             "message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}{% if add_generation_prompt %}"
                             "{{ '<|im_start|>assistant\\n' }}{% endif %}";

static void add_string(pt__text_t *file, const char *text)
{
    const uint64_t length = strlen(text);
    pt__text_add_bytes(file, (const char *)&length, sizeof length);
    pt__text_add_bytes(file, text, (int64_t)length);
}

static void add_pair(pt__text_t *file, const char *key, uint32_t kind, uint32_t value, const char *text)
{
    add_string(file, key);
    pt__text_add_bytes(file, (const char *)&kind, sizeof kind);
    if (text != NULL)
        add_string(file, text);
    else
        pt__text_add_bytes(file, (const char *)&value, sizeof value);
}

/* Of a golden GGUF tokenizer, with the template among its metadata. */
static const char *make_gguf(pt_context_t *context, const char *template)
{
    pt__text_t file = pt__text_start(&context->memory);
    char *bytes;
    int64_t size;
    uint64_t pairs;
    ck_ok(pt__file_read(&context->memory, suite_source("tests/golden/foreign/gpt2.gguf"), 0, &bytes, &size));
    memcpy(&pairs, bytes + 16, sizeof pairs);
    pairs += template == NULL ? 1 : 2;
    memcpy(bytes + 16, &pairs, sizeof pairs);
    pt__text_add_bytes(&file, bytes, 24);
    if (template != NULL)
        add_pair(&file, "tokenizer.chat_template", 8, 0, template);
    add_pair(&file, "tokenizer.ggml.test", 4, 2, NULL);
    pt__text_add_bytes(&file, bytes + 24, size - 24);
    write_text("chat.gguf", &file);
    pt__release(&context->memory, bytes);
    return suite_path("chat.gguf");
}

START_TEST(test_gguf)
{
    pt_context_t *context;
    pt_tokenizer_t *tokenizer;
    ck_ok(pt_context_create(NULL, &context));
    for (int has = 0; has < 2; has++) {
        ck_ok(pt_tokenizer_open(context, make_gguf(context, has ? chatml : NULL), NULL, &tokenizer));
        pt_status_t status = pt_tokenizer_chat(tokenizer, &hello, sizeof hello, 1, NULL, found, MOST, NULL);
        ck_assert_int_eq(status, has ? PT_OK : PT_ERR_NOT_FOUND);
        pt_tokenizer_free(tokenizer);
    }
    ck_assert_str_eq(found, "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n");
    pt_context_free(context);
}
END_TEST

static void expect(pt_tokenizer_t *tokenizer, const pt_message_t *messages, int64_t count, pt_status_t status,
                   const char *said)
{
    ck_assert_int_eq(pt_tokenizer_chat(tokenizer, messages, sizeof *messages, count, NULL, found, MOST, NULL), status);
    ck_assert_msg(strstr(pt_last_error(), said) != NULL, "%s", pt_last_error());
    ck_assert_str_eq(pt_tokenizer_last_error(tokenizer), pt_last_error());
}

START_TEST(test_refusals)
{
    static const char *const near[] = {"", "{{ messages }}",
                                       "{% for message in messages %}{{'<|im_start|>' + message['role']}}{% endfor %}"};
    const pt_load_options_t place = {.struct_size = sizeof place, .data = words, .bytes = (int64_t)sizeof words - 1};
    pt_context_t *context;
    pt_tokenizer_t *tokenizer;
    ck_ok(pt_context_create(NULL, &context));
    ck_ok(pt_tokenizer_open(context, NULL, &place, &tokenizer));
    expect(tokenizer, &hello, 1, PT_ERR_NOT_FOUND, "not opened from a path");
    pt_tokenizer_free(tokenizer);
    for (size_t i = 0; i < sizeof near / sizeof *near; i++) {
        ck_ok(pt_tokenizer_open(context, make_files(context, IN_CONFIG, near[i], "", ""), NULL, &tokenizer));
        expect(tokenizer, &hello, 1, PT_ERR_UNSUPPORTED, "none of those known, ChatML, Llama 3 and Mistral");
        pt_tokenizer_free(tokenizer);
    }
    ck_ok(pt_tokenizer_open(context, make_files(context, IN_CONFIG, chatml, "", ""), NULL, &tokenizer));
    expect(tokenizer, &hello, 0, PT_ERR_ARGUMENT, "0 messages, expected at least one");
    expect(tokenizer, &(pt_message_t){.role = "user"}, 1, PT_ERR_ARGUMENT, "message 0: the text is NULL");
    expect(tokenizer, &(pt_message_t){.text = "user"}, 1, PT_ERR_ARGUMENT, "message 0: the role is NULL");
    expect(tokenizer, &(pt_message_t){.role = "user", .text = "\xFF"}, 1, PT_ERR_FORMAT, "text is not UTF-8");
    ck_assert_int_eq(pt_tokenizer_chat(tokenizer, &hello, 8, 1, NULL, NULL, 0, NULL), PT_ERR_ARGUMENT);
    ck_assert_int_eq(pt_tokenizer_chat(NULL, &hello, sizeof hello, 1, NULL, NULL, 0, NULL), PT_ERR_ARGUMENT);
    ck_assert_int_eq(pt_tokenizer_chat(tokenizer, NULL, sizeof hello, 1, NULL, NULL, 0, NULL), PT_ERR_ARGUMENT);
    suite_write("tokenizer_config.json", "[1]", 3);
    expect(tokenizer, &hello, 1, PT_ERR_FORMAT, "tokenizer_config.json");
    remove(suite_path("tokenizer_config.json"));
    expect(tokenizer, &hello, 1, PT_ERR_NOT_FOUND, "no chat template");
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
}
END_TEST

SUITE("chat", 20, test_golden, test_gguf, test_refusals)
