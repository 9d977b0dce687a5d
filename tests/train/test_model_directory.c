/* Directories as Hugging Face's hub has them: opened with the head that they name, refused where configuration and
 * weights disagree, saved with what belongs to the model. */
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/renaming.h"
#include "formats/tensors.h"
#include "support/failing_allocator.h"
#include "support/networks.h"
#include "train/model.h"

#define SIZES  "\"vocab_size\": 17, \"n_positions\": 12, \"n_embd\": 16, \"n_layer\": 2, \"n_head\": 2"
#define GPT2   "\"model_type\": \"gpt2\", " SIZES
#define LABELS "\"id2label\": {\"0\": \"bad\", \"1\": \"good\", \"2\": \"so\"}, "

/* A directory of this test's with a file of this text in it. */
static const char *directory_with(const char *directory, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    mkdir(suite_path(directory), 0700);
    suite_write(path, text, strlen(text));
    return suite_path(directory);
}

/* A GPT with this task. */
static pt_model_t *gpt(pt_context_t *context, const char *task, int64_t outputs)
{
    pt_model_t *model = network_gpt(context);
    const network_task_t chosen = {.task = task, .outputs = outputs, .pooling = PT_POOL_LAST};
    ck_ok(network_choose_task(model, &chosen));
    return model;
}

/* The weights as others write them: no metadata, and names that lack their first part where `trunk` is not NULL; each
 * but those of the pattern `without`, and with an entry of the name `more` (NULL: none). */
static void write_weights(pt_model_t *model, const char *directory, const char *trunk, const char *without,
                          const char *more)
{
    static pt__entry_t entries[64];
    static const float nothing[4];
    pt__file_tensors_t *file;
    pt__tensors_t table = {.entries = entries};
    char path[512];
    const char *whole = suite_path("whole.safetensors");
    ck_ok(pt_model_save(model, whole, NULL));
    ck_ok(pt__file_tensors_open(model->context, NULL, whole, 0, &file));
    const pt__tensors_t *from = pt__file_tensors_table(file);
    for (int64_t i = 0; i < from->n_entries; i++) {
        pt__entry_t entry = from->entries[i];
        if (without != NULL && pt__pattern_match(without, entry.name))
            continue;
        if (trunk != NULL && strncmp(entry.name, trunk, strlen(trunk)) == 0)
            entry.name += strlen(trunk);
        entries[table.n_entries++] = entry;
    }
    if (more != NULL)
        entries[table.n_entries++] = (pt__entry_t){
            .name = more, .dtype = PT_FLOAT32, .rank = 1, .shape = {4}, .data = nothing, .bytes = sizeof nothing};
    snprintf(path, sizeof path, "%s/model.safetensors", suite_path(directory));
    ck_ok(pt__safetensors_write(model->context, path, &table, 0));
    pt__file_tensors_close(file);
}

START_TEST(test_heads)
{
    static const struct {
        const char *config, *trunk, *task;
        int64_t outputs;
    } cases[] = {
        {"{" GPT2 ", \"architectures\": [\"GPT2LMHeadModel\"]}", NULL, PT_TASK_CAUSAL_LM, 0},
        {"{" GPT2 ", \"architectures\": [\"GPT2Model\"]}", "transformer.", NULL, 0},
        {"{" GPT2 "}", "transformer.", NULL, 0},
        {"{" GPT2 ", \"architectures\": []}", NULL, NULL, 0},
        {"{" GPT2 ", \"architectures\": [\"GPT2ForSequenceClassification\"], " LABELS "\"x\": 1}", NULL,
         PT_TASK_CLASSIFICATION, 3},
        {"{" GPT2 ", \"architectures\": [\"GPT2ForSequenceClassification\"]}", NULL, PT_TASK_CLASSIFICATION, 2},
        {"{" GPT2 ", \"architectures\": [\"GPT2ForSequenceClassification\"], \"num_labels\": 1}", NULL,
         PT_TASK_REGRESSION, 1},
        {"{" GPT2 ", \"architectures\": [\"GPT2ForSequenceClassification\"], \"num_labels\": 4, \"problem_type\": "
         "\"regression\"}",
         NULL, PT_TASK_REGRESSION, 4},
        {"{" GPT2 ", \"architectures\": [\"GPT2ForSequenceClassification\"], " LABELS "\"problem_type\": "
         "\"multi_label_classification\"}",
         NULL, PT_TASK_MULTI_LABEL, 3},
    };
    pt_context_t *context = network_context(1, 2), *other = network_context(1, 77);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int32_t mapped = 0; mapped < 2; mapped++) {
            pt_model_t *opened, *model = gpt(context, cases[i].task, cases[i].outputs);
            char name[32];
            snprintf(name, sizeof name, "head%d", (int)i);
            const char *path = directory_with(name, "config.json", cases[i].config);
            write_weights(model, name, cases[i].trunk, NULL, NULL);
            ck_ok(pt_model_open(other, path, LOADING(mapped ? PT_LOAD_MAPPED : 0), &opened));
            ck_assert_uint_eq(network_fingerprint(model), network_fingerprint(opened));
            ck_assert_int_eq(opened->task.outputs, cases[i].outputs);
            ck_assert((opened->task.task == NULL) == (cases[i].task == NULL));
            if (cases[i].task != NULL)
                ck_assert_str_eq(opened->task.task, cases[i].task);
            ck_assert_int_eq(opened->class_names.count, strstr(cases[i].config, "id2label") != NULL ? 3 : 0);
            pt_model_free(opened);
            pt_model_free(model);
        }
    pt_context_free(context);
    pt_context_free(other);
}
END_TEST

/* A head that no task here has stays behind, and is listed. */
START_TEST(test_other_heads)
{
    pt_context_t *context = network_context(1, 2);
    pt_model_t *opened, *model = gpt(context, NULL, 0);
    const char *path = directory_with("other", "config.json",
                                      "{" GPT2 ", \"architectures\": [\"GPT2ForQuestionAnswering\"]}");
    write_weights(model, "other", NULL, NULL, "qa_outputs.bias");
    ck_ok(pt_model_open(context, path, NULL, &opened));
    ck_assert_ptr_null(pt_model_task(opened));
    ck_assert_int_eq(pt_model_transfer_count(opened, PT_TRANSFER_UNEXPECTED), 1);
    pt_model_free(opened);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

START_TEST(test_refused)
{
    static const struct {
        const char *config, *without, *more;
        pt_status_t status;
        const char *part;
    } cases[] = {
        {NULL, NULL, NULL, PT_ERR_UNSUPPORTED, "no config.json beside it"},
        {"", NULL, NULL, PT_ERR_FORMAT, "config.json"},
        {"[]", NULL, NULL, PT_ERR_FORMAT, "config.json: config: an array"},
        {"{" SIZES "}", NULL, NULL, PT_ERR_NOT_FOUND, "model_type"},
        {"{\"model_type\": \"mamba\"}", NULL, NULL, PT_ERR_UNSUPPORTED, "\"mamba\", expected one of "},
        {"{" GPT2 ", \"add_cross_attention\": true}", NULL, NULL, PT_ERR_UNSUPPORTED, "add_cross_attention"},
        {"{\"model_type\": \"gpt2\", \"n_layer\": 2, \"vocab_size\": 17}", NULL, NULL, PT_ERR_SHAPE,
         "configuration and task ask for"},
        {"{" GPT2 ", \"architectures\": {}}", NULL, NULL, PT_ERR_FORMAT, "architectures"},
        {"{" GPT2 ", \"architectures\": [7]}", NULL, NULL, PT_ERR_FORMAT, "a number, expected the name of a class"},
        {"{" GPT2 ", \"architectures\": [\"GPT2ForSequenceClassification\"], \"problem_type\": "
         "\"two_label_classification\"}",
         NULL, NULL, PT_ERR_UNSUPPORTED, "problem_type: \"two_label_classification\""},
        {"{" GPT2 ", \"architectures\": [\"GPT2ForSequenceClassification\"], \"problem_type\": 7}", NULL, NULL,
         PT_ERR_FORMAT, "problem_type"},
        {"{" GPT2 ", \"architectures\": [\"GPT2ForSequenceClassification\"], \"num_labels\": 0}", NULL, NULL,
         PT_ERR_FORMAT, "num_labels"},
        {"{" GPT2 ", \"architectures\": [\"GPT2ForSequenceClassification\"]}", NULL, NULL, PT_ERR_NOT_FOUND,
         "no tensor \"score.weight\""},
        {"{" GPT2 ", \"id2label\": 3}", NULL, NULL, PT_ERR_FORMAT, "id2label"},
        {"{" GPT2 "}", "transformer.h.1.mlp.c_fc.bias", NULL, PT_ERR_NOT_FOUND,
         "no tensor \"transformer.h.1.mlp.c_fc.bias\""},
        {"{" GPT2 "}", NULL, "transformer.h.2.ln_1.bias", PT_ERR_NOT_FOUND,
         "\"transformer.h.2.ln_1.bias\" is not one of the network that"},
    };
    pt_context_t *context = network_context(1, 2);
    pt_model_t *opened = NULL, *model = gpt(context, NULL, 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char name[32];
        snprintf(name, sizeof name, "bad%d", (int)i);
        const char *path = directory_with(name, cases[i].config == NULL ? "x" : "config.json",
                                          cases[i].config == NULL ? "" : cases[i].config);
        write_weights(model, name, NULL, cases[i].without, cases[i].more);
        ck_fails(pt_model_open(context, path, NULL, &opened), cases[i].status, cases[i].part);
        ck_assert_ptr_nonnull(strstr(pt_last_error(), name));
        ck_assert_ptr_null(opened);
    }
    ck_fails(pt_model_open(context, directory_with("empty", "config.json", "{" GPT2 "}"), NULL, &opened),
             PT_ERR_NOT_FOUND, "a directory without weights");
    char path[512];
    snprintf(path, sizeof path, "%s", suite_path("bad1/config.json"));
    FILE *file = fopen(path, "wb");
    fwrite("{}\0{}", 1, 5, file);
    fclose(file);
    ck_fails(pt_model_open(context, suite_path("bad1"), NULL, &opened), PT_ERR_FORMAT, "a byte 0");
    static char longest[PT__PATH_SIZE + 16];
    memset(longest, 'a', sizeof longest - 1);
    ck_assert_int_ne(pt_model_open(context, longest, NULL, &opened), PT_OK);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

static const char *text_of(pt_context_t *context, const char *path)
{
    static char copy[8192];
    char *bytes;
    int64_t size;
    ck_ok(pt__file_read(&context->memory, path, sizeof copy - 1, &bytes, &size));
    memcpy(copy, bytes, (size_t)size + 1);
    pt__release(&context->memory, bytes);
    return copy;
}

static const pt_save_options_t directory_options = {.struct_size = sizeof directory_options,
                                                    .format = PT_FORMAT_DIRECTORY};

/* Whatever the head is, what is saved opens again as the same; unknown keys and companions come along. */
START_TEST(test_saved)
{
    static const network_task_t tasks[] = {{.task = NULL},
                                           {.task = PT_TASK_CAUSAL_LM, .label_smoothing = 0.125},
                                           {.task = PT_TASK_CLASSIFICATION, .outputs = 4, .pooling = PT_POOL_LAST},
                                           {.task = PT_TASK_REGRESSION, .outputs = 2, .pooling = PT_POOL_LAST}};
    static const char *const classes[] = {"GPT2Model", "GPT2LMHeadModel", "GPT2ForSequenceClassification",
                                          "GPT2ForSequenceClassification"};
    pt_context_t *context = network_context(1, 2);
    pt_model_t *opened, *again, *model = gpt(context, PT_TASK_CAUSAL_LM, 0);
    char path[512];
    directory_with("from", "config.json",
                   "{" GPT2 ", \"architectures\": [\"GPT2LMHeadModel\"], \"their_own\": {\"a\": [1, 2.5]}, "
                   "\"torch_dtype\": \"bfloat16\"}");
    directory_with("from", "tokenizer.json", "{}");
    mkdir(suite_path("from/1_Pooling"), 0700);
    suite_write("from/1_Pooling/config.json", "{\"pool\": 1}", 11);
    suite_write("from/notes.txt", "mine", 4);
    write_weights(model, "from", NULL, NULL, NULL);
    for (int32_t i = 0; i < 4; i++) {
        char name[32];
        snprintf(name, sizeof name, "to%d", (int)i);
        snprintf(path, sizeof path, "%s", suite_path(name));
        ck_ok(pt_model_open(context, suite_path("from"), NULL, &opened));
        ck_ok(network_choose_task(opened, &tasks[i]));
        ck_ok(pt_model_set_trainable(opened, "*wte*", 0, NULL));
        ck_ok(pt_model_save(opened, path, &directory_options));
        ck_assert_str_eq(suite_listing(path), "1_Pooling config.json model.safetensors tokenizer.json");
        ck_ok(pt_model_open(context, path, NULL, &again));
        ck_assert_uint_eq(network_fingerprint(opened), network_fingerprint(again));
        ck_assert_int_eq(again->task.pooling, tasks[i].pooling);
        ck_assert(again->task.label_smoothing == tasks[i].label_smoothing);
        ck_assert_int_eq(again->store.tensors[0].trainable, 0);
        ck_ok(pt_model_save(again, path, &directory_options)); /* into itself */
        snprintf(path, sizeof path, "%s/config.json", suite_path(name));
        const char *config = text_of(context, path);
        ck_assert_ptr_nonnull(strstr(config, classes[i]));
        ck_assert_ptr_nonnull(strstr(config, "\"their_own\": {"));
        ck_assert_ptr_nonnull(strstr(config, "\"torch_dtype\": \"float32\""));
        ck_assert((strstr(config, "\"LABEL_1\"") != NULL) == (tasks[i].outputs > 0));
        ck_assert((strstr(config, "\"regression\"") != NULL) == (i == 3));
        pt_model_free(opened);
        pt_model_free(again);
    }
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

START_TEST(test_saved_names_and_dtypes)
{
    pt_context_t *context = network_context(1, 2);
    pt_model_t *opened, *model = gpt(context, PT_TASK_CLASSIFICATION, 2);
    pt_save_options_t options = directory_options;
    char path[512];
    ck_ok(pt_model_set_class_names(model, 2, (const char *const[]){"no", "y\"es"}));
    options.dtype = PT_FLOAT16;
    ck_ok(pt_model_save(model, suite_path("half"), &options));
    snprintf(path, sizeof path, "%s/config.json", suite_path("half"));
    ck_assert_ptr_nonnull(strstr(text_of(context, path), "\"torch_dtype\": \"float16\""));
    ck_assert_ptr_nonnull(strstr(text_of(context, path), "\"1\": \"y\\\"es\""));
    ck_ok(pt_model_open(context, suite_path("half"), LOADING(PT_LOAD_MAPPED), &opened));
    ck_assert_str_eq(pt_model_class_name(opened, 1), "y\"es");
    ck_ok(pt_model_save(opened, suite_path("half again"), &directory_options));
    snprintf(path, sizeof path, "%s/config.json", suite_path("half again"));
    ck_assert_ptr_nonnull(strstr(text_of(context, path), "\"torch_dtype\": \"float16\""));
    pt_model_free(opened);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

START_TEST(test_not_saved)
{
    static const char mlp[] = "{\"model_type\": \"mlp\", \"input_size\": 3, \"hidden_sizes\": [4]}";
    pt_context_t *context = network_context(1, 2);
    pt_model_t *model = network_linear(context);
    pt_save_options_t options = directory_options;
    int64_t bytes;
    ck_fails(pt_model_save(model, suite_path("linear"), &options), PT_ERR_UNSUPPORTED, "write a file in place");
    pt_model_free(model);
    ck_ok(pt_model_create_from_config(context, mlp, strlen(mlp), &model));
    ck_fails(pt_model_save(model, suite_path("mlp"), &options), PT_ERR_UNSUPPORTED, "write a file in place");
    pt_model_free(model);
    static const char qwen3[] =
        "{\"model_type\": \"qwen3\", \"vocab_size\": 9, \"hidden_size\": 8, \"intermediate_size\": 8, "
        "\"num_hidden_layers\": 1, \"num_attention_heads\": 2, \"num_key_value_heads\": 2, \"head_dim\": 4, "
        "\"rope_interleaved\": true}";
    ck_ok(pt_model_create_from_config(context, qwen3, strlen(qwen3), &model));
    ck_fails(pt_model_save(model, suite_path("qwen3"), &options), PT_ERR_UNSUPPORTED, "rope_interleaved is true");
    pt_model_free(model);
    model = gpt(context, NULL, 0); /* classes of the transformers library read the last row */
    ck_ok(network_choose_task(model, &(network_task_t){.task = PT_TASK_REGRESSION, .outputs = 1}));
    ck_fails(pt_model_save(model, suite_path("mean"), &options), PT_ERR_UNSUPPORTED,
             "the task's pooling is \"mean\", but GPT2ForSequenceClassification of the transformers library has "
             "\"last\"");
    ck_ok(pt_model_set_task(model, PT_TASK_EMBEDDING, NULL)); /* it adds nothing to the trunk */
    ck_ok(pt_model_save(model, suite_path("embedding"), &options));
    ck_ok(pt_model_set_task(model, NULL, NULL));
    ck_fails(pt_checkpoint_save(model, NULL, suite_path("x"), &options), PT_ERR_ARGUMENT, "format is 1, expected 0");
    options.names = "*";
    ck_fails(pt_model_save(model, suite_path("x"), &options), PT_ERR_ARGUMENT, "names is set");
    options.names = NULL;
    options.flags = PT_SAVE_TRAINED_ONLY;
    ck_fails(pt_model_save(model, suite_path("x"), &options), PT_ERR_ARGUMENT, "flags is set");
    options.flags = 0;
    options.bytes = &bytes;
    ck_fails(pt_model_save(model, suite_path("x"), &options), PT_ERR_ARGUMENT, "needs a path");
    options.bytes = NULL;
    suite_write("file", "", 0);
    ck_fails(pt_model_save(model, suite_path("file"), &options), PT_ERR_NOT_FOUND, "file");
    static char longest[PT__PATH_SIZE + 16];
    memset(longest, 'a', sizeof longest - 1);
    ck_assert_int_ne(pt_model_save(model, longest, &options), PT_OK);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

/* Encoders whose output weight is not the embedding's: the bias stands with it then, as transformers has it. */
START_TEST(test_untied_encoders)
{
    static const struct {
        const char *family, *tied, *untied;
    } cases[] = {{"bert", "cls.predictions.bias", "cls.predictions.decoder.bias"},
                 {"roberta", "lm_head.bias", "lm_head.decoder.bias"},
                 {"distilbert", "vocab_projector.bias", "vocab_projector.bias"}};
    pt_context_t *context = network_context(1, 2);
    for (int32_t i = 0; i < 6; i++) {
        char config[128];
        pt_model_t *model;
        snprintf(config, sizeof config, "{\"model_type\": \"%s\", \"vocab_size\": 5, \"tie_word_embeddings\": %s}",
                 cases[i / 2].family, i % 2 ? "true" : "false");
        ck_ok(pt_model_create_from_config(context, config, strlen(config), &model));
        ck_ok(pt_model_set_task(model, PT_TASK_MASKED_LM, NULL));
        ck_assert_int_eq(pt__store_find(&model->store, cases[i / 2].tied) >= 0, i % 2 || i / 2 == 2);
        ck_assert_int_eq(pt__store_find(&model->store, cases[i / 2].untied) >= 0, i % 2 == 0 || i / 2 == 2);
        pt_model_free(model);
    }
    pt_context_free(context);
}
END_TEST

static pt_status_t open_and_save(failing_allocator_t *allocator, const char *from, const char *to)
{
    pt_context_options_t options;
    pt_context_t *context = NULL;
    pt_model_t *model = NULL;
    pt_status_t status;
    ck_ok(pt_context_options_init(&options, sizeof options));
    failing_allocator_hooks(allocator, &options);
    options.threads = 1;
    PT__TRY_OUT(pt_context_create(&options, &context));
    PT__TRY_OUT(pt_model_open(context, from, NULL, &model));
    PT__TRY_OUT(pt_model_save(model, to, &directory_options));
out:
    pt_model_free(model);
    pt_context_free(context);
    return status;
}

START_TEST(test_every_allocation_may_fail)
{
    failing_allocator_t allocator;
    pt_context_t *context = network_context(1, 2);
    pt_model_t *model = gpt(context, PT_TASK_CLASSIFICATION, 3);
    char from[512], to[512];
    pt_status_t status;
    snprintf(from, sizeof from, "%s",
             directory_with("source", "config.json",
                            "{" GPT2 ", \"architectures\": [\"GPT2ForSequenceClassification\"], " LABELS "\"x\": 1}"));
    directory_with("source", "vocab.txt", "a\n");
    snprintf(to, sizeof to, "%s", suite_path("target"));
    write_weights(model, "source", "transformer.", NULL, NULL);
    FOR_EACH_FAILING_ALLOCATION(allocator, status = open_and_save(&allocator, from, to), status);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

SUITE("model_directory", 60, test_heads, test_other_heads, test_refused, test_saved, test_saved_names_and_dtypes,
      test_not_saved, test_untied_encoders, test_every_allocation_may_fail)
