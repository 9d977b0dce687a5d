/* Models from files alone: what comes back, what goes on from there, and files from which no model comes. */
#include <stdio.h>

#include "base/text.h"
#include "formats/tensors.h"
#include "support/failing_allocator.h"
#include "support/networks.h"
#include "train/model.h"
#include "support/views.h"

enum { SAMPLES = 12, MOST = 12 * 12 * 17 };

static const float weights[] = {1, 0.1f, 2};
static const network_task_t tasks[] = {
    {.task = PT_TASK_CLASSIFICATION, .outputs = 3, .pooling = PT_POOL_LAST, .dropout = 0.1, .class_weights = weights},
    {.task = PT_TASK_CAUSAL_LM, .label_smoothing = 1.0 / 3},
    {.task = PT_TASK_REGRESSION, .outputs = 2, .pooling = PT_POOL_MAX},
    {.task = NULL}};
static const char *const outputs[] = {"probabilities", "next_logits", "prediction", "hidden"};
enum { TASKS = 4 };

static void set_task(pt_model_t *model, const network_task_t *task)
{
    ck_ok(network_choose_task(model, task));
}

static pt_status_t train(pt_model_t *model, pt_optimizer_t *optimizer, int64_t steps, const char *directory,
                         uint32_t flags)
{
    pt_dataset_t *data = network_text_data(model->context, SAMPLES, 3);
    pt_train_options_t options;
    ck_ok(pt_train_options_init(&options, sizeof options));
    options.steps = steps;
    options.batch = 4;
    options.checkpoint_directory = directory;
    options.flags = flags;
    pt_status_t status = pt_finetune(model, optimizer, data, &options, NULL);
    pt_dataset_free(data);
    return status;
}

/* A GPT that has learnt for two steps where its task can. */
static pt_model_t *learnt(pt_context_t *context, int32_t task)
{
    pt_model_t *model = network_gpt(context);
    pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_ADAMW, 1e-2);
    set_task(model, &tasks[task]);
    if (task < 2)
        ck_ok(train(model, optimizer, 2, NULL, 0));
    pt_optimizer_free(optimizer);
    return model;
}

static char *task_text(const pt_model_t *model)
{
    pt__text_t text = pt__text_start(&model->context->memory);
    char *json;
    pt__task_write(&model->task, &text);
    ck_ok(pt__text_take(&text, &json, NULL));
    return json;
}

static int64_t predict(pt_model_t *model, const char *output, float *values)
{
    pt_dataset_t *data = network_text_data(model->context, SAMPLES, 3);
    int64_t count;
    ck_ok(predict_floats(model, data, output, 4, values, MOST, &count));
    pt_dataset_free(data);
    return count;
}

static void check_same(pt_model_t *model, pt_model_t *opened, const char *output)
{
    static float expected[MOST], found[MOST];
    char *expected_task = task_text(model), *found_task = task_text(opened);
    ck_assert_str_eq(expected_task, found_task);
    ck_assert_str_eq(model->config, opened->config);
    ck_assert_uint_eq(network_fingerprint(model), network_fingerprint(opened));
    int64_t count = predict(model, output, expected);
    ck_assert_int_ge(count, SAMPLES);
    ck_assert_int_eq(predict(opened, output, found), count);
    ck_assert_mem_eq(expected, found, (size_t)count * sizeof(float));
    pt__release(&model->context->memory, expected_task);
    pt__release(&opened->context->memory, found_task);
}

START_TEST(test_what_comes_back)
{
    pt_context_t *context = network_context(1, 2), *other = network_context(1, 77);
    for (int32_t t = 0; t < TASKS; t++)
        for (int32_t is_checkpoint = 0; is_checkpoint < 2; is_checkpoint++)
            for (int32_t mapped = 0; mapped < 2; mapped++) {
                pt_model_t *model = learnt(context, t), *opened;
                const char *path = suite_path("model.safetensors");
                ck_ok(is_checkpoint ? pt_checkpoint_save(model, NULL, path, NULL) : pt_model_save(model, path, NULL));
                ck_ok(pt_model_open(other, path, LOADING(mapped ? PT_LOAD_MAPPED : 0), &opened));
                check_same(model, opened, outputs[t]);
                ck_assert_int_eq(opened->store.tensors[0].mapped != NULL, mapped);
                ck_assert_int_eq(opened->store.tensors[0].trainable, !mapped);
                pt_model_free(model);
                pt_model_free(opened);
            }
    pt_context_free(context);
    pt_context_free(other);
}
END_TEST

/* An opened model learns as the one that was saved would have, and takes up a stage where its checkpoint stands. */
START_TEST(test_training_goes_on)
{
    pt_context_t *context = network_context(1, 2);
    const char *path = suite_path("half.safetensors");
    char directory[512];
    pt_model_t *opened, *model = learnt(context, 0);
    ck_ok(pt_model_save(model, path, NULL));
    ck_ok(pt_model_open(context, path, NULL, &opened));
    opened->micro_steps = model->micro_steps; /* what dropout draws goes on from there; a saved model leaves it out */
    for (int32_t i = 0; i < 2; i++) {
        pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_ADAMW, 1e-2);
        ck_ok(train(i == 0 ? model : opened, optimizer, 5, NULL, 0));
        pt_optimizer_free(optimizer);
    }
    check_same(model, opened, "probabilities");
    pt_model_free(opened);
    pt_model_free(model);

    uint64_t ends[2];
    for (int32_t is_broken = 0; is_broken < 2; is_broken++) {
        pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_ADAMW, 1e-2);
        snprintf(directory, sizeof directory, "%s", suite_path(is_broken ? "broken" : "whole"));
        model = network_gpt(context);
        set_task(model, &tasks[0]);
        ck_ok(train(model, optimizer, is_broken ? 3 : 6, directory, PT_TRAIN_RESUME));
        if (is_broken) {
            char newest[PT__PATH_SIZE];
            pt_model_free(model);
            pt_optimizer_free(optimizer);
            ck_ok(pt__rotation_path(directory, 3, newest));
            optimizer = network_optimizer(context, PT_OPTIMIZER_ADAMW, 1e-2);
            ck_ok(pt_model_open(context, newest, NULL, &model));
            ck_ok(train(model, optimizer, 6, directory, PT_TRAIN_RESUME));
        }
        ends[is_broken] = network_fingerprint(model);
        pt_model_free(model);
        pt_optimizer_free(optimizer);
    }
    ck_assert_uint_eq(ends[0], ends[1]);
    pt_context_free(context);
}
END_TEST

START_TEST(test_frozen_left_out)
{
    pt_context_t *context = network_context(1, 2);
    pt_model_t *opened = NULL, *model = network_gpt(context);
    pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_ADAMW, 1e-2);
    char path[PT__PATH_SIZE];
    set_task(model, &tasks[0]);
    ck_ok(pt_model_set_trainable(model, "transformer.*", 0, NULL));
    ck_ok(train(model, optimizer, 2, suite_path("trained"), PT_TRAIN_TRAINED_ONLY));
    ck_ok(pt__rotation_path(suite_path("trained"), 2, path));
    ck_fails(pt_model_open(context, path, NULL, &opened), PT_ERR_STATE, "load the frozen weights");
    ck_assert_ptr_nonnull(strstr(pt_last_error(), "\"transformer."));
    ck_assert_ptr_null(opened);
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

/* A host's own network, states among its tensors. */
START_TEST(test_no_family)
{
    pt_context_t *context = network_context(1, 2);
    pt_graph_t *graph;
    pt_model_t *opened = NULL, *model;
    ck_ok(pt_graph_create(context, &graph));
    pt_tensor_t x = pt_input(graph, "x", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 4});
    pt_graph_set_output(graph, "hidden", pt_batch_norm_layer(graph, "norm", x, 0.1, 1e-5));
    ck_ok(pt_model_create(context, graph, &model));
    pt_graph_free(graph);
    set_task(model, &tasks[0]);
    for (int32_t is_checkpoint = 0; is_checkpoint < 2; is_checkpoint++) {
        const char *path = suite_path("norm.safetensors");
        ck_ok(is_checkpoint ? pt_checkpoint_save(model, NULL, path, NULL) : pt_model_save(model, path, NULL));
        ck_fails(pt_model_open(context, path, NULL, &opened), PT_ERR_UNSUPPORTED,
                 "norm.safetensors: no metadata \"pretrain.config\"");
        ck_assert_ptr_null(opened);
    }
    ck_fails(pt_model_open(context, suite_source("tests/golden/encoder_decoder.safetensors"), NULL, &opened),
             PT_ERR_UNSUPPORTED, "no config.json beside it");
    ck_fails(pt_model_open(context, suite_path("nowhere.safetensors"), NULL, &opened), PT_ERR_NOT_FOUND, "nowhere");
    ck_fails(pt_model_open(context, suite_write("text.safetensors", "no tensor file", 14), NULL, &opened),
             PT_ERR_FORMAT, "text.safetensors");
    ck_assert_ptr_null(opened);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

/* The file once more with another value for a key (NULL: without it), and without a tensor (NULL: with all). */
static const char *altered(pt_context_t *context, const char *path, const char *key, const char *value,
                           const char *without)
{
    pt__file_tensors_t *file;
    static pt__entry_t entries[64];
    static pt__pair_t pairs[16];
    pt__tensors_t table = {.entries = entries, .pairs = pairs};
    const char *to = suite_path("altered.safetensors");
    ck_ok(pt__file_tensors_open(context, &pt__format_safetensors, path, 0, &file));
    const pt__tensors_t *from = pt__file_tensors_table(file);
    ck_assert(from->n_entries <= 64 && from->n_pairs < 16);
    for (int64_t i = 0; i < from->n_entries; i++)
        if (without == NULL || strcmp(from->entries[i].name, without) != 0)
            entries[table.n_entries++] = from->entries[i];
    for (int64_t i = 0; i < from->n_pairs; i++)
        if (strcmp(from->pairs[i].key, key) != 0)
            pairs[table.n_pairs++] = from->pairs[i];
    if (value != NULL)
        pairs[table.n_pairs++] = (pt__pair_t){key, value};
    ck_ok(pt__safetensors_write(context, to, &table, 0));
    pt__file_tensors_close(file);
    return to;
}

START_TEST(test_hostile_files)
{
    static const struct {
        const char *key, *value, *without;
        pt_status_t status;
        const char *part;
    } cases[] = {
        {"pretrain.format", "2", NULL, PT_ERR_VERSION, "metadata \"pretrain.format\" is \"2\""},
        {"pretrain.config", NULL, NULL, PT_ERR_UNSUPPORTED, "no metadata \"pretrain.config\""},
        {"pretrain.config", NULL, NULL, PT_ERR_UNSUPPORTED, "no metadata \"pretrain.config\""},
        {"pretrain.config", "", NULL, PT_ERR_FORMAT, "metadata \"pretrain.config\""},
        {"pretrain.config", "{\"model_type\": \"gp", NULL, PT_ERR_FORMAT, "metadata \"pretrain.config\""},
        {"pretrain.config", "[]", NULL, PT_ERR_FORMAT, "metadata \"pretrain.config\""},
        {"pretrain.config", "{}", NULL, PT_ERR_NOT_FOUND, "model_type"},
        {"pretrain.config", "{\"model_type\": \"gpt9\"}", NULL, PT_ERR_UNSUPPORTED, "\"gpt9\""},
        {"pretrain.config", "{\"model_type\": \"gpt2\", \"n_embd\": -1}", NULL, PT_ERR_FORMAT, "n_embd"},
        {"pretrain.config", "{\"model_type\": \"gpt2\"}", NULL, PT_ERR_SHAPE, "configuration and task ask for"},
        {"pretrain.config", "{\"model_type\": \"mlp\", \"input_size\": 3, \"hidden_sizes\": [4]}", NULL,
         PT_ERR_NOT_FOUND, "configuration and task ask for"},
        {"pretrain.task", "", NULL, PT_ERR_FORMAT, "metadata \"pretrain.task\""},
        {"pretrain.task", "classification", NULL, PT_ERR_FORMAT, "metadata \"pretrain.task\""},
        {"pretrain.task", "{\"task\": \"classification\", \"outp", NULL, PT_ERR_FORMAT, "metadata \"pretrain.task\""},
        {"pretrain.task", "{\"task\": \"clairvoyance\"}", NULL, PT_ERR_FORMAT, "clairvoyance"},
        {"pretrain.task", "{\"task\": \"classification\", \"outputs\": 0}", NULL, PT_ERR_FORMAT, "classes is 0"},
        {"pretrain.task", "{\"task\": \"classification\", \"outputs\": 4}", NULL, PT_ERR_SHAPE, "\"score.weight\""},
        {"pretrain.task", "{\"task\": \"classification\", \"outputs\": 2147483647}", NULL, PT_ERR_SHAPE, "\"score."},
        {"pretrain.task", "{\"task\": \"classification\", \"outputs\": 3, \"class_weights\": [1]}", NULL, PT_ERR_FORMAT,
         "class_weights"},
        {"pretrain.task", "{\"task\": \"causal_lm\"}", NULL, PT_ERR_NOT_FOUND, "\"score."},
        {"pretrain.task", NULL, NULL, PT_ERR_NOT_FOUND, "\"score."},
        {"pretrain.task", "{\"task\": \"classification\", \"outputs\": 3, \"class_weights\": [1, \"2\", 3]}", NULL,
         PT_ERR_FORMAT, "expected a number, found a string"},
        {"pretrain.task", "{\"task\": 1}", NULL, PT_ERR_FORMAT, "task"},
        {"pretrain.task", "{\"task\": \"classification\", \"outputs\": \"3\"}", NULL, PT_ERR_FORMAT, "outputs"},
        {"pretrain.task", "{\"task\": \"classification\", \"outputs\": 3, \"pooling\": 1}", NULL, PT_ERR_FORMAT,
         "pooling"},
        {"pretrain.task", "{\"task\": \"classification\", \"outputs\": 3, \"label_smoothing\": \"x\"}", NULL,
         PT_ERR_FORMAT, "label_smoothing"},
        {"pretrain.task", "{\"task\": \"classification\", \"outputs\": 3, \"dropout\": []}", NULL, PT_ERR_FORMAT,
         "dropout"},
        {"pretrain.task", "{\"task\": \"classification\", \"outputs\": 3, \"class_weights\": 1}", NULL, PT_ERR_FORMAT,
         "class_weights"},
        {"pretrain.frozen", "{}", NULL, PT_ERR_FORMAT,
         "metadata \"pretrain.frozen\": an object, expected an array of names"},
        {"pretrain.frozen", "[1]", NULL, PT_ERR_FORMAT, "a number, expected a name"},
        {"pretrain.frozen", "[\"nothing\"]", NULL, PT_ERR_FORMAT, "the model has no tensor \"nothing\""},
        {"pretrain.normalization", "[]", NULL, PT_ERR_FORMAT, "expected an object, found an array"},
        {"pretrain.normalization", "{\"tokens\": 1}", NULL, PT_ERR_FORMAT, "metadata \"pretrain.normalization\""},
        {"no key", NULL, "score.weight", PT_ERR_NOT_FOUND, "no tensor \"score.weight\""},
        {"no key", NULL, "transformer.wte.weight", PT_ERR_NOT_FOUND, "no tensor \"transformer.wte.weight\""},
    };
    pt_context_t *context = network_context(1, 2);
    pt_model_t *model = learnt(context, 0), *opened = NULL;
    char path[512];
    snprintf(path, sizeof path, "%s", suite_path("sound.safetensors"));
    ck_ok(pt_model_save(model, path, NULL));
    ck_ok(pt_model_open(context, altered(context, path, "no key", NULL, NULL), NULL, &opened));
    pt_model_free(opened);
    opened = NULL;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (uint32_t flags = 0; flags <= PT_LOAD_MAPPED; flags += PT_LOAD_MAPPED) {
            const char *file = altered(context, path, cases[i].key, cases[i].value, cases[i].without);
            ck_fails(pt_model_open(context, file, LOADING(flags), &opened), cases[i].status, cases[i].part);
            ck_assert_ptr_nonnull(strstr(pt_last_error(), "altered.safetensors"));
            ck_assert_ptr_null(opened);
        }
    ck_ok(pt_checkpoint_save(model, NULL, path, NULL)); /* whose checksum is then lost */
    ck_fails(pt_model_open(context, altered(context, path, "no key", NULL, NULL), NULL, &opened), PT_ERR_FORMAT,
             "no checksum");
    ck_fails(pt_checkpoint_load(model, NULL, altered(context, path, "pretrain.task", "{", NULL), NULL), PT_ERR_FORMAT,
             "");
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

static pt_status_t open_and_run(failing_allocator_t *allocator, const char *path, uint32_t flags)
{
    pt_context_options_t options;
    pt_context_t *context = NULL;
    pt_model_t *model = NULL;
    pt_status_t status;
    ck_ok(pt_context_options_init(&options, sizeof options));
    failing_allocator_hooks(allocator, &options);
    options.threads = 1;
    PT__TRY_OUT(pt_context_create(&options, &context));
    PT__TRY_OUT(pt_model_open(context, path, LOADING(flags), &model));
    PT__TRY_OUT(pt_model_save(model, suite_path("again.safetensors"), NULL));
out:
    pt_model_free(model);
    pt_context_free(context);
    return status;
}

START_TEST(test_every_allocation_may_fail)
{
    failing_allocator_t allocator;
    pt_context_t *context = network_context(1, 2);
    pt_model_t *model = learnt(context, 0);
    char path[512];
    pt_status_t status;
    snprintf(path, sizeof path, "%s", suite_path("sound.safetensors"));
    ck_ok(pt_checkpoint_save(model, NULL, path, NULL));
    for (uint32_t flags = 0; flags <= PT_LOAD_MAPPED; flags += PT_LOAD_MAPPED)
        FOR_EACH_FAILING_ALLOCATION(allocator, status = open_and_run(&allocator, path, flags), status);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

SUITE("model_open", 60, test_what_comes_back, test_training_goes_on, test_frozen_left_out, test_no_family,
      test_hostile_files, test_every_allocation_may_fail)
