/* What goes with a model from its directory into a GGUF file: tokenizer, chat template, and the way in which one vector
 * is made of a text's. Files there that contradict themselves are refused by name. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/context.h"
#include "base/file.h"
#include "base/gguf_metadata.h"
#include "support/failing_allocator.h"
#include "support/networks.h"

#define BERT                                                                                       \
    "{\"model_type\": \"bert\", \"vocab_size\": 8, \"hidden_size\": 8, \"intermediate_size\": 8, " \
    "\"num_hidden_layers\": 1, \"num_attention_heads\": 2, \"max_position_embeddings\": 8}"
#define LLAMA                                                                                                  \
    "{\"model_type\": \"llama\", \"vocab_size\": 8, \"hidden_size\": 8, \"intermediate_size\": 8, "            \
    "\"num_hidden_layers\": 1, \"num_attention_heads\": 2, \"max_position_embeddings\": 8, \"rms_norm_eps\": " \
    "1e-5, \"bos_token_id\": 3}"
#define WORDS                                                                                              \
    "{\"normalizer\": {\"type\": \"BertNormalizer\", \"lowercase\": true}, \"pre_tokenizer\": {\"type\": " \
    "\"BertPreTokenizer\"}, \"model\": {\"type\": \"WordPiece\", \"unk_token\": \"a\", "                   \
    "\"max_input_chars_per_word\": 100, \"vocab\": {\"a\": 0, \"##b\": 1}}}"
#define BYTES                                                                                            \
    "{\"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false}, \"model\": {\"type\": " \
    "\"BPE\", \"vocab\": {\"a\": 0, \"b\": 1}, \"merges\": []}}"

static pt_save_options_t saving(int32_t format)
{
    pt_save_options_t options;
    ck_ok(pt_save_options_init(&options, sizeof options));
    options.format = format;
    return options;
}

/* A file of the directory "model", or none of this name. */
static void put(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "model/%s", name);
    remove(suite_path(path));
    if (text != NULL)
        suite_write(path, text, strlen(text));
}

static void make(pt_context_t *context, const char *config)
{
    static const char *const beside[] = {"tokenizer.json", "tokenizer_config.json", "chat_template.jinja",
                                         "1_Pooling/config.json"};
    const pt_save_options_t options = saving(PT_FORMAT_DIRECTORY);
    pt_model_t *model = NULL;
    ck_ok(pt_model_create_from_config(context, config, strlen(config), &model));
    ck_ok(pt_model_save(model, suite_path("model"), &options));
    pt_model_free(model);
    mkdir(suite_path("model/1_Pooling"), 0700);
    for (size_t i = 0; i < sizeof beside / sizeof beside[0]; i++)
        put(beside[i], NULL);
}

static pt_status_t convert(pt_context_t *context)
{
    const pt_save_options_t options = saving(PT_FORMAT_GGUF);
    pt_load_options_t load;
    pt_model_t *model = NULL;
    ck_ok(pt_load_options_init(&load, sizeof load));
    PT__TRY(pt_model_open(context, suite_path("model"), &load, &model));
    const pt_status_t status = pt_model_save(model, suite_path("model.gguf"), &options);
    pt_model_free(model);
    return status;
}

/* The file has this string, or this number, under the key; NULL and -1: nothing. */
static void expect(pt_context_t *context, const char *key, const char *string, int64_t number)
{
    pt__mapping_t mapping = {0};
    pt__gguf_t gguf;
    pt__gguf_value_t value;
    pt__gguf_string_t found = {0};
    int64_t integer = -1;
    ck_ok(pt__file_map(&context->memory, suite_path("model.gguf"), &mapping));
    ck_ok(pt__gguf_open(&gguf, mapping.bytes, mapping.size));
    if (string != NULL) {
        ck_ok(pt__gguf_get_string(&gguf, key, &found));
        ck_assert_msg(pt__gguf_equals(&found, string), "%s: %.*s, expected %s", key, (int)found.length, found.bytes,
                      string);
    } else if (number >= 0) {
        ck_ok(pt__gguf_get_integer(&gguf, key, 0, 100, &integer));
        ck_assert_int_eq(integer, number);
    } else {
        ck_assert_msg(!pt__gguf_find(&gguf, key, &value), "%s is there", key);
    }
    pt__file_unmap(&mapping);
}

START_TEST(test_bert)
{
    static const struct {
        const char *pooling;
        int64_t number;
    } cases[] = {{NULL, -1},
                 {"{\"pooling_mode_cls_token\": false, \"pooling_mode_mean_tokens\": true}", 1},
                 {"{\"pooling_mode_cls_token\": true}", 2},
                 {"{\"pooling_mode_mean_tokens\": false, \"pooling_mode_lasttoken\": true}", 3},
                 {"{\"pooling_mode_max_tokens\": true}", -1}};
    pt_context_t *context = network_context(1, 1);
    make(context, BERT);
    ck_ok(convert(context));
    expect(context, "tokenizer.ggml.model", NULL, -1);
    put("tokenizer.json", WORDS);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        put("1_Pooling/config.json", cases[i].pooling);
        ck_ok(convert(context));
        expect(context, "tokenizer.ggml.model", "bert", 0);
        expect(context, "tokenizer.chat_template", NULL, -1);
        expect(context, "bert.pooling_type", NULL, cases[i].number);
    }
    pt_context_free(context);
}
END_TEST

START_TEST(test_llama)
{
    pt_context_t *context = network_context(1, 1);
    make(context, LLAMA);
    put("tokenizer.json", BYTES);
    put("tokenizer_config.json", "{\"chat_template\": \"old\", \"eos_token\": \"b\"}");
    put("1_Pooling/config.json", "{\"pooling_mode_cls_token\": true}");
    ck_ok(convert(context));
    expect(context, "tokenizer.chat_template", "old", 0);
    expect(context, "tokenizer.ggml.bos_token_id", NULL, 3);
    expect(context, "tokenizer.ggml.eos_token_id", NULL, 1);
    expect(context, "llama.pooling_type", NULL, -1);
    put("chat_template.jinja", "new");
    ck_ok(convert(context));
    expect(context, "tokenizer.chat_template", "new", 0);
    put("chat_template.jinja", NULL);
    put("tokenizer_config.json", "{\"chat_template\": 1}"); /* none that can be read: the model goes without one */
    ck_ok(convert(context));
    expect(context, "tokenizer.chat_template", NULL, -1);
    pt_context_free(context);
}
END_TEST

START_TEST(test_what_is_refused)
{
    static const struct {
        const char *file, *text;
        pt_status_t expected;
        const char *part;
    } cases[] = {{"tokenizer.json", "{", PT_ERR_FORMAT, "tokenizer"},
                 {"tokenizer.json", "{\"model\": {\"type\": \"Unigram\", \"vocab\": []}}", PT_ERR_UNSUPPORTED,
                  "model: tokenizer: a tokenizer of the kind Unigram"},
                 {"tokenizer_config.json", "[]", PT_ERR_FORMAT, "tokenizer_config.json: expected an object"},
                 {"tokenizer_config.json", "{\"bos_token\": 1}", PT_ERR_FORMAT, "tokenizer_config.json: "}};
    pt_context_t *context = network_context(1, 1);
    make(context, LLAMA);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        put("tokenizer.json", BYTES);
        put(cases[i].file, cases[i].text);
        ck_fails(convert(context), cases[i].expected, cases[i].part);
        put(cases[i].file, NULL);
    }
    pt_context_free(context);
}
END_TEST

/* Files beside a model can be lost between its opening and its saving. */
START_TEST(test_files_that_changed)
{
    static const char *const texts[] = {"{", "[]"};
    const pt_save_options_t options = saving(PT_FORMAT_GGUF);
    pt_context_t *context = network_context(1, 1);
    pt_model_t *model = NULL;
    make(context, BERT);
    ck_ok(pt_model_open(context, suite_path("model"), NULL, &model));
    put("1_Pooling/config.json", texts[0]);
    ck_fails(pt_model_save(model, suite_path("model.gguf"), &options), PT_ERR_FORMAT, "1_Pooling/config.json");
    put("1_Pooling/config.json", texts[1]);
    ck_ok(pt_model_save(model, suite_path("model.gguf"), &options));
    expect(context, "bert.pooling_type", NULL, -1);
    pt_model_free(model);
    ck_ok(pt_model_open(context, suite_path("model.gguf"), NULL, &model));
    remove(suite_path("model.gguf"));
    ck_fails(pt_model_save(model, suite_path("again.gguf"), &options), PT_ERR_NOT_FOUND, "model.gguf");
    suite_write("model.gguf", "GGUF", 4);
    ck_fails(pt_model_save(model, suite_path("again.gguf"), &options), PT_ERR_FORMAT, "model.gguf");
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

static pt_status_t convert_in(failing_allocator_t *allocator)
{
    pt_context_options_t options;
    pt_context_t *context = NULL;
    ck_ok(pt_context_options_init(&options, sizeof options));
    options.threads = 1;
    failing_allocator_hooks(allocator, &options);
    PT__TRY(pt_context_create(&options, &context));
    const pt_status_t status = convert(context);
    pt_context_free(context);
    return status;
}

START_TEST(test_every_allocation_may_fail)
{
    failing_allocator_t allocator;
    pt_status_t status;
    pt_context_t *context = network_context(1, 1);
    make(context, BERT);
    pt_context_free(context);
    put("tokenizer.json", WORDS);
    put("tokenizer_config.json", "{\"chat_template\": \"old\"}");
    put("1_Pooling/config.json", "{\"pooling_mode_cls_token\": true}");
    FOR_EACH_FAILING_ALLOCATION(allocator, { status = convert_in(&allocator); }, status);
}
END_TEST

SUITE("gguf_companions", 60, test_bert, test_llama, test_what_is_refused, test_files_that_changed,
      test_every_allocation_may_fail)
