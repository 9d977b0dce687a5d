/* A model's class names: set, adopted from data, checked against data, saved and read back; and what contradicts itself
 * is refused. */
#include <stdio.h>

#include "formats/tensors.h"
#include "support/failing_allocator.h"
#include "support/networks.h"
#include "train/model.h"
#include "support/views.h"

#define MLP                                                               \
    "\"model_type\": \"mlp\", \"input_size\": 2, \"hidden_sizes\": [4], " \
    "\"note\": [1.5, -2, true, null, \"a\\\"b\", {}]"
#define NAMES_TWO "\"id2label\": {\"0\": \"no\", \"1\": \"yes\"}"
#define ROWS_TWO  "a,b,label\n1,2,yes\n2,1,no\n3,3,yes\n0,1,no\n"

static pt_status_t create(pt_context_t *context, const char *config, int64_t outputs, pt_model_t **out)
{
    const network_task_t task = {.task = PT_TASK_CLASSIFICATION, .outputs = outputs};
    PT__TRY(pt_model_create_from_config(context, config, strlen(config), out));
    return network_choose_task(*out, &task);
}

static pt_model_t *classifier(pt_context_t *context, const char *config, int64_t outputs)
{
    pt_model_t *model;
    ck_ok(create(context, config, outputs, &model));
    return model;
}

static pt_status_t open_csv(pt_context_t *context, const char *path, pt_dataset_t **out)
{
    static const pt_column_t columns[] = {
        {.field = "features", .source = "a", .kind = PT_COLUMN_NUMBER, .count = 2},
        {.field = "label", .source = "label", .kind = PT_COLUMN_CLASS},
    };
    return pt_dataset_create_from_csv(context, path, columns, 2, sizeof(pt_column_t), NULL, out);
}

static pt_dataset_t *csv(pt_context_t *context, const char *rows)
{
    pt_dataset_t *dataset;
    ck_ok(open_csv(context, suite_write("labels.csv", rows, strlen(rows)), &dataset));
    return dataset;
}

/* Steps, with checkpoints where there is a directory and an evaluation where there is one. */
static pt_status_t finetune(pt_model_t *model, pt_dataset_t *data, pt_dataset_t *evaluation, const char *directory)
{
    pt_optimizer_t *optimizer;
    pt_optimizer_options_t rule;
    pt_train_options_t options;
    PT__TRY(pt_optimizer_options_init(&rule, sizeof rule));
    PT__TRY(pt_optimizer_create(model->context, &rule, &optimizer));
    pt_train_options_init(&options, sizeof options);
    options.steps = 2;
    options.batch = 2;
    options.evaluation = evaluation;
    options.checkpoint_directory = directory;
    if (directory != NULL)
        options.flags = PT_TRAIN_RESUME;
    pt_status_t status = pt_finetune(model, optimizer, data, &options, NULL);
    pt_optimizer_free(optimizer);
    return status;
}

static void expect(const pt_model_t *model, int64_t count, const char *const *names)
{
    ck_assert_int_eq(pt_model_class_count(model), count);
    for (int64_t i = 0; i < count; i++)
        ck_assert_str_eq(pt_model_class_name(model, i), names[i]);
    ck_assert_ptr_null(pt_model_class_name(model, count));
    ck_assert_ptr_null(pt_model_class_name(model, -1));
}

static const char *const no_yes[] = {"no", "yes"}, *const others[] = {"a", "b"};

START_TEST(test_set)
{
    static const char *const twice[] = {"x", "x"}, *const empty[] = {"x", ""}, *const latin[] = {"x", "\xe4"},
                             *const missing[] = {"x", NULL};
    pt_context_t *context = network_context(1, 1);
    pt_model_t *model = classifier(context, "{" MLP "}", 2);
    expect(model, 0, NULL);
    ck_fails(pt_model_set_class_names(NULL, 2, no_yes), PT_ERR_ARGUMENT, "model is NULL");
    ck_fails(pt_model_set_class_names(model, 2, NULL), PT_ERR_ARGUMENT, "names is NULL");
    ck_fails(pt_model_set_class_names(model, 3, no_yes), PT_ERR_ARGUMENT, "count is 3, expected 2");
    ck_fails(pt_model_set_class_names(model, -1, no_yes), PT_ERR_ARGUMENT, "count is -1, expected 2");
    ck_ok(pt_model_set_class_names(model, 2, no_yes));
    ck_fails(pt_model_set_class_names(model, 2, twice), PT_ERR_ARGUMENT, "classes 0 and 1 have the same name, \"x\"");
    ck_fails(pt_model_set_class_names(model, 2, empty), PT_ERR_ARGUMENT, "class 1 is empty");
    ck_fails(pt_model_set_class_names(model, 2, missing), PT_ERR_ARGUMENT, "class 1 is NULL");
    ck_fails(pt_model_set_class_names(model, 2, latin), PT_ERR_ARGUMENT, "not valid UTF-8");
    expect(model, 2, no_yes);
    network_set_task(model, PT_TASK_CLASSIFICATION, 2); /* the same head */
    expect(model, 2, no_yes);
    network_set_task(model, PT_TASK_CLASSIFICATION, 3);
    expect(model, 0, NULL);
    network_set_task(model, PT_TASK_CLASSIFICATION, 2);
    ck_ok(pt_model_set_class_names(model, 2, no_yes));
    network_set_task(model, PT_TASK_REGRESSION, 2);
    expect(model, 0, NULL);
    ck_fails(pt_model_set_class_names(model, 2, no_yes), PT_ERR_STATE, "regression, has no classes");
    network_set_task(model, PT_TASK_CLASSIFICATION, 2);
    ck_ok(pt_model_set_class_names(model, 2, no_yes));
    ck_ok(pt_model_set_class_names(model, 0, NULL));
    expect(model, 0, NULL);
    ck_assert_int_eq(pt_model_class_count(NULL), 0);
    ck_assert_ptr_null(pt_model_class_name(NULL, 0));
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

START_TEST(test_travel)
{
    pt_context_t *context = network_context(1, 1), *fresh;
    pt_model_t *model = classifier(context, "{" MLP "}", 2), *copy;
    pt_dataset_t *data = csv(context, ROWS_TWO);
    char path[512], directory[512], text[512];
    size_t length;
    snprintf(path, sizeof path, "%s", suite_path("model.safetensors"));
    snprintf(directory, sizeof directory, "%s", suite_path("checkpoints"));
    ck_ok(finetune(model, data, data, directory));
    expect(model, 2, no_yes);
    ck_ok(pt_model_describe(model, PT_DESCRIBE_CONFIG, text, sizeof text, &length));
    ck_assert_str_eq(text, "{" MLP ", " NAMES_TWO ", \"label2id\": {\"no\": 0, \"yes\": 1}}");
    ck_ok(pt_model_save(model, path, NULL));
    copy = classifier(context, "{" MLP "}", 2);
    ck_ok(pt_model_copy(copy, model));
    expect(copy, 2, no_yes);
    pt_model_free(copy);
    pt_model_free(model);
    pt_dataset_free(data);
    pt_context_free(context);

    fresh = network_context(1, 2);
    for (uint32_t flags = 0; flags <= PT_LOAD_MAPPED; flags += PT_LOAD_MAPPED) {
        ck_ok(pt_model_open(fresh, path, LOADING(flags), &model)); /* from the file alone */
        expect(model, 2, no_yes);
        pt_model_free(model);
    }
    model = classifier(fresh, "{" MLP "}", 2);
    ck_ok(pt_model_set_class_names(model, 2, others));
    ck_ok(pt_model_load(model, path, LOADING(PT_LOAD_STRICT))); /* another head, and what its outputs mean */
    expect(model, 2, no_yes);
    pt_model_free(model);
    model = classifier(fresh, "{" MLP "}", 3); /* of the file only the trunk fits */
    ck_ok(pt_model_load(model, path, NULL));
    expect(model, 0, NULL);
    pt_model_free(model);
    model = classifier(fresh, "{" MLP "}", 2); /* resumed: the checkpoint's names, and data with others refused */
    data = csv(fresh, "a,b,label\n1,2,maybe\n2,1,no\n");
    ck_fails(finetune(model, data, NULL, directory), PT_ERR_STATE, "class 0 is \"maybe\" in the dataset, \"no\" in");
    expect(model, 2, no_yes);
    pt_dataset_free(data);
    pt_model_free(model);
    pt_context_free(fresh);
}
END_TEST

START_TEST(test_hosts_network)
{
    pt_context_t *context = network_context(1, 1);
    pt_graph_t *graph;
    pt_model_t *models[2];
    const char *path = suite_path("own.safetensors");
    ck_ok(pt_graph_create(context, &graph));
    pt_tensor_t x = pt_input(graph, "features", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 2});
    pt_graph_set_output(graph, "hidden", pt_linear_layer(graph, "own", x, 4, PT_ACTIVATION_TANH));
    for (int i = 0; i < 2; i++) {
        ck_ok(pt_model_create(context, graph, &models[i]));
        network_set_task(models[i], PT_TASK_CLASSIFICATION, 2);
    }
    ck_ok(pt_model_set_class_names(models[0], 2, no_yes));
    ck_ok(pt_model_save(models[0], path, NULL));
    ck_ok(pt_model_load(models[1], path, LOADING(PT_LOAD_STRICT)));
    expect(models[1], 2, no_yes);
    ck_ok(pt_checkpoint_save(models[0], NULL, path, NULL));
    ck_ok(pt_model_set_class_names(models[1], 2, others));
    ck_ok(pt_checkpoint_load(models[1], NULL, path, NULL));
    expect(models[1], 2, no_yes);
    pt_model_free(models[0]);
    pt_model_free(models[1]);
    pt_graph_free(graph);
    pt_context_free(context);
}
END_TEST

START_TEST(test_configuration)
{
    static const char *const defaults[] = {"LABEL_0", "LABEL_1"};
    static const struct {
        const char *names, *message;
    } bad[] = {
        {"\"id2label\": {\"0\": \"a\", \"2\": \"b\"}", "id2label: the id \"2\", expected \"0\" to \"1\""},
        {"\"id2label\": {\"0\": \"a\", \"01\": \"b\"}", "id2label: the id \"01\", expected \"1\""},
        {"\"id2label\": {\"0\": \"a\", \"x\": \"b\"}", "id2label: the id \"x\""},
        {"\"id2label\": {\"-1\": \"a\"}", "id2label: the id \"-1\""},
        {"\"id2label\": {\"0\": \"a\", \"1\": \"a\"}", "id2label: classes 0 and 1 have the same name, \"a\""},
        {"\"id2label\": {\"0\": \"\"}", "id2label: the name of class 0 is empty"},
        {"\"id2label\": {\"0\": 7}", "id2label.0: expected a string"},
        {"\"id2label\": {\"0\": \"a\\u0000b\"}", "id2label.0"},
        {"\"id2label\": [\"a\"]", "id2label: expected an object"},
        {"\"label2id\": {\"a\": 0}", "label2id: there is no id2label"},
        {"\"id2label\": {\"0\": \"a\"}, \"label2id\": {\"b\": 0}", "label2id: no \"a\""},
        {"\"id2label\": {\"0\": \"a\"}, \"label2id\": {\"a\": 0, \"b\": 1}", "label2id: 2 classes, expected 1"},
        {"\"id2label\": {\"0\": \"a\", \"1\": \"b\"}, \"label2id\": {\"a\": 1, \"b\": 0}", "label2id: \"a\" is not 0"},
        {"\"id2label\": {\"0\": \"a\"}, \"label2id\": {\"a\": \"0\"}", "label2id: \"a\" is not 0"},
    };
    pt_context_t *context = network_context(1, 1);
    pt_model_t *model, *other;
    char config[512];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(config, sizeof config, "{" MLP ", %s}", bad[i].names);
        ck_fails(pt_model_create_from_config(context, config, strlen(config), &model), PT_ERR_FORMAT, bad[i].message);
        ck_assert_ptr_nonnull(strstr(pt_last_error(), "config"));
    }
    snprintf(config, sizeof config, "{%s, " MLP ", %s}", "\"id2label\": {\"1\": \"LABEL_1\", \"0\": \"LABEL_0\"}",
             "\"label2id\": null");
    model = classifier(context, config, 2);
    expect(model, 2, defaults);
    pt_dataset_t *data = csv(context, ROWS_TWO);
    ck_fails(finetune(model, data, NULL, NULL), PT_ERR_STATE,
             "field \"label\": class 0 is \"no\" in the dataset, \"LABEL_0\" in the model");
    ck_ok(pt_model_set_class_names(model, 0, NULL));
    ck_ok(finetune(model, data, NULL, NULL));
    expect(model, 2, no_yes);
    /* without names, and the two of the configuration are not those of this head */
    const char *path = suite_path("stale.safetensors");
    network_set_task(model, PT_TASK_CLASSIFICATION, 3);
    expect(model, 0, NULL);
    ck_ok(pt_model_save(model, path, NULL));
    other = classifier(context, "{" MLP "}", 3);
    ck_ok(pt_model_load(other, path, LOADING(PT_LOAD_STRICT)));
    expect(other, 0, NULL);
    pt_model_free(other);
    pt_dataset_free(data);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

/* The file with another configuration in its metadata. */
static void tamper(pt_context_t *context, const char *from, const char *to, const char *config)
{
    pt__file_tensors_t *file;
    ck_ok(pt__file_tensors_open(context, &pt__format_safetensors, from, 0, &file));
    pt__tensors_t table = *pt__file_tensors_table(file);
    pt__pair_t pairs[64];
    ck_assert_int_le(table.n_pairs, 64);
    for (int64_t i = 0; i < table.n_pairs; i++) {
        pairs[i] = table.pairs[i];
        if (strcmp(pairs[i].key, "pretrain.config") == 0)
            pairs[i].value = config;
    }
    table.pairs = pairs;
    ck_ok(pt__safetensors_write(context, to, &table, 1));
    pt__file_tensors_close(file);
}

START_TEST(test_hostile_files)
{
    static const struct {
        const char *config, *message;
    } bad[] = {
        {"{\"id2label\": {\"0\": \"a\"}}", "id2label: 1 classes, expected 2 as the head has outputs"},
        {"{\"id2label\": {\"0\": \"a\", \"1\": \"b\", \"2\": \"c\"}}", "id2label: 3 classes, expected 2"},
        {"{\"id2label\": {\"1\": \"a\", \"2\": \"b\"}}", "id2label: the id \"2\""},
        {"{\"id2label\": {\"0\": \"a\", \"1\": \"a\"}}", "id2label: classes 0 and 1"},
        {"{\"id2label\": {\"0\": \"a\", \"1\": \"b\"}, \"label2id\": {\"a\": 1, \"b\": 0}}",
         "label2id: \"a\" is not 0"},
        {"{\"id2label\": {\"0\": \"a\", \"1\"", "pretrain.config"},
        {"[]", "pretrain.config"},
    };
    pt_context_t *context = network_context(1, 1);
    pt_model_t *model = classifier(context, "{" MLP "}", 2);
    pt_model_t *other = classifier(context, "{" MLP ", \"dropout\": 0.5}", 2);
    char saved[512], checkpoint[512], changed[512];
    snprintf(saved, sizeof saved, "%s", suite_path("good.safetensors"));
    snprintf(checkpoint, sizeof checkpoint, "%s", suite_path("checkpoint.safetensors"));
    snprintf(changed, sizeof changed, "%s", suite_path("changed.safetensors"));
    ck_ok(pt_model_set_class_names(other, 2, others));
    ck_ok(pt_model_save(other, saved, NULL));
    ck_ok(pt_checkpoint_save(other, NULL, checkpoint, NULL));
    pt_model_free(other);
    ck_ok(pt_model_set_class_names(model, 2, no_yes));
    network_set_task(model, PT_TASK_CLASSIFICATION, 2);
    ck_ok(set_parameter(model, 0, (const float[8]){1, 2, 3, 4, 5, 6, 7, 8}, 8));
    const uint64_t before = network_fingerprint(model);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        tamper(context, saved, changed, bad[i].config);
        ck_fails(pt_model_load(model, changed, NULL), PT_ERR_FORMAT, bad[i].message);
        ck_assert_ptr_nonnull(strstr(pt_last_error(), changed));
        tamper(context, checkpoint, changed, bad[i].config);
        ck_fails(pt_checkpoint_load(model, NULL, changed, NULL), PT_ERR_FORMAT, bad[i].message);
        ck_assert_ptr_nonnull(strstr(pt_last_error(), changed));
        expect(model, 2, no_yes);
        ck_assert_uint_eq(network_fingerprint(model), before);
    }
    tamper(context, saved, changed, "{}"); /* a file that says nothing leaves them */
    ck_ok(pt_model_load(model, changed, NULL));
    expect(model, 2, no_yes);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

START_TEST(test_data)
{
    pt_context_t *context = network_context(1, 1);
    pt_model_t *model = classifier(context, "{" MLP "}", 2);
    pt_dataset_t *one = csv(context, "a,b,label\n1,2,no\n2,1,no\n"), *two = csv(context, ROWS_TWO),
                 *wrong = csv(context, "a,b,label\n1,2,yes\n2,1,yes\n"),
                 *three = csv(context, "a,b,label\n1,2,yes\n2,1,no\n2,1,zebra\n"),
                 *latin = csv(context, "a,b,label\n1,2,\xe4\n2,1,no\n"), *unfit;
    pt_evaluation_t result = {.struct_size = sizeof result};
    ck_ok(finetune(model, one, two, NULL)); /* names of one class of two are not all */
    ck_ok(finetune(model, latin, NULL, NULL));
    ck_ok(pt_evaluate(model, two, 0, &result)); /* a pass changes nothing */
    expect(model, 0, NULL);
    ck_fails(finetune(model, two, wrong, NULL), PT_ERR_STATE,
             "pt_train_options.evaluation: field \"label\": class 0 is \"yes\" in the dataset, \"no\" in the training");
    ck_fails(finetune(model, two, three, NULL), PT_ERR_STATE, "class 2 is \"zebra\"");
    const pt_column_t labels_only = {.field = "label", .source = "label", .kind = PT_COLUMN_CLASS};
    ck_ok(pt_dataset_create_from_csv(context, suite_write("labels.csv", ROWS_TWO, strlen(ROWS_TWO)), &labels_only, 1,
                                     sizeof(pt_column_t), NULL, &unfit));
    ck_fails(finetune(model, unfit, NULL, NULL), PT_ERR_SHAPE, "features"); /* good names, and no stage */
    expect(model, 0, NULL);
    const uint64_t before = network_fingerprint(model);
    ck_ok(pt_model_set_class_names(model, 2, no_yes));
    ck_fails(finetune(model, wrong, NULL, NULL), PT_ERR_STATE,
             "field \"label\": class 0 is \"yes\" in the dataset, \"no\" in the model");
    ck_fails(finetune(model, three, NULL, NULL), PT_ERR_STATE,
             "field \"label\": class 2 is \"zebra\" in the dataset, but the model has 2 classes");
    ck_fails(finetune(model, two, wrong, NULL), PT_ERR_STATE, "pt_train_options.evaluation");
    ck_fails(pt_evaluate(model, wrong, 0, &result), PT_ERR_STATE, "class 0 is \"yes\" in the dataset, \"no\" in");
    ck_assert_uint_eq(network_fingerprint(model), before);
    ck_ok(pt_evaluate(model, one, 0, &result));
    ck_ok(finetune(model, one, two, NULL));
    expect(model, 2, no_yes);
    pt_dataset_free(one);
    pt_dataset_free(two);
    pt_dataset_free(wrong);
    pt_dataset_free(three);
    pt_dataset_free(latin);
    pt_dataset_free(unfit);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

/* Made from a configuration with names, trained, saved, loaded, with every allocation failing once. */
static pt_status_t whole_path(failing_allocator_t *allocator, const char *table, const char *path, const char *own)
{
    pt_context_options_t options;
    pt_context_t *context = NULL;
    pt_model_t *model = NULL, *named = NULL;
    pt_dataset_t *data = NULL;
    pt_status_t status;
    ck_ok(pt_context_options_init(&options, sizeof options));
    failing_allocator_hooks(allocator, &options);
    options.threads = 1;
    PT__TRY_OUT(pt_context_create(&options, &context));
    PT__TRY_OUT(create(context, "{" MLP "}", 2, &model));
    PT__TRY_OUT(create(context, "{" MLP ", " NAMES_TWO "}", 2, &named));
    PT__TRY_OUT(open_csv(context, table, &data));
    status = finetune(model, data, data, NULL);
    if (status != PT_OK && pt_model_class_count(model) != 0)
        expect(model, 2, no_yes); /* all of them, once the stage had begun */
    PT__TRY_OUT(status);
    PT__TRY_OUT(pt_model_save(model, path, NULL));
    PT__TRY_OUT(pt_model_set_class_names(named, 2, others));
    status = pt_model_load(named, path, NULL);
    expect(named, 2, status == PT_OK ? no_yes : others);
    PT__TRY_OUT(status);
    PT__TRY_OUT(pt_checkpoint_save(named, NULL, own, NULL));
    PT__TRY_OUT(pt_checkpoint_load(model, NULL, own, NULL));
    PT__TRY_OUT(pt_model_copy(named, model));
    expect(named, 2, no_yes);
out:
    pt_dataset_free(data);
    pt_model_free(model);
    pt_model_free(named);
    pt_context_free(context);
    return status;
}

START_TEST(test_failing_allocations)
{
    failing_allocator_t allocator;
    char table[512], path[512], own[512];
    pt_status_t status;
    snprintf(table, sizeof table, "%s", suite_write("labels.csv", ROWS_TWO, strlen(ROWS_TWO)));
    snprintf(path, sizeof path, "%s", suite_path("model.safetensors"));
    snprintf(own, sizeof own, "%s", suite_path("checkpoint.safetensors"));
    FOR_EACH_FAILING_ALLOCATION(allocator, { status = whole_path(&allocator, table, path, own); }, status);
}
END_TEST

SUITE("class_names", 120, test_set, test_travel, test_hosts_network, test_configuration, test_hostile_files, test_data,
      test_failing_allocations)
