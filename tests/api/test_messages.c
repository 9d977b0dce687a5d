/* Refusals that few callers ever meet, each with its message: what graphs, tasks, datasets and models do not take. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "support/failing_io.h"
#include "support/rig.h"

/* x [B, 4] and a parameter; each refusal on a graph of its own, as the first sticks. */
typedef struct parts {
    pt_graph_t *graph;
    pt_tensor_t x, label, hidden;
} parts_t;

static parts_t parts_up(pt_context_t *context)
{
    parts_t p;
    ck_ok(pt_graph_create(context, &p.graph));
    p.x = pt_input(p.graph, "x", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 4});
    p.label = pt_input(p.graph, "label", PT_INT32, 1, (int64_t[]){PT_DIM_BATCH});
    p.hidden = pt_linear_layer(p.graph, "linear", p.x, 4, PT_ACTIVATION_NONE);
    ck_ok(pt_graph_status(p.graph));
    return p;
}

#define STICKS(call, status, part)                        \
    do {                                                  \
        parts_t p = parts_up(context);                    \
        (void)(call);                                     \
        ck_fails(pt_graph_status(p.graph), status, part); \
        (void)(call);                                     \
        ck_fails(pt_graph_status(p.graph), status, part); \
        pt_graph_free(p.graph);                           \
    } while (0)

#define CROSS(...) (&(pt_cross_entropy_options_t){.struct_size = sizeof(pt_cross_entropy_options_t), __VA_ARGS__})
#define LOSS(...)  (&(pt_loss_options_t){.struct_size = sizeof(pt_loss_options_t), __VA_ARGS__})

START_TEST(test_graphs)
{
    pt_context_t *context = network_context(1, 1);
    pt_model_t *model = NULL;
    parts_t whole = parts_up(context);
    ck_fails(pt_model_create(context, whole.graph, &model), PT_ERR_ARGUMENT,
             "the graph has neither a loss nor an output");
    ck_assert_ptr_null(model);
    STICKS(pt_parameter(p.graph, "\xff", 1, (int64_t[]){1}, INITIAL(PT_INIT_CONSTANT, 0)), PT_ERR_ARGUMENT,
           "is not UTF-8, and no file could hold it");
    STICKS(pt_graph_set_loss(p.graph, pt_mse_loss(p.graph, p.x, p.x, NULL)), PT_ERR_ARGUMENT,
           "the loss is not computed from a parameter");
    STICKS(pt_attention(p.graph, p.hidden, p.hidden, p.hidden, NULL), PT_ERR_ARGUMENT,
           "attention: options is NULL, expected the number of heads");
    STICKS(pt_cross_entropy_loss(p.graph, p.hidden, p.label, CROSS(.flags = 1)), PT_ERR_ARGUMENT,
           "cross_entropy_loss: flags are 0x1, expected 0");
    STICKS(pt_cross_entropy_loss(p.graph, p.hidden, p.label, CROSS(.reserved = 3)), PT_ERR_ARGUMENT,
           "cross_entropy_loss: reserved is 3, expected 0");
    STICKS(
        pt_linear_cross_entropy_loss(p.graph, p.hidden, p.x, PT_NO_TENSOR, p.label, CROSS(.ignore_index = INT32_MIN)),
        PT_ERR_ARGUMENT, "cross_entropy_loss: ignore_index is -2147483648, expected more than that");
    STICKS(pt_cross_entropy_loss(p.graph, p.hidden, p.label, CROSS(.label_smoothing = 1)), PT_ERR_ARGUMENT,
           "label_smoothing");
    STICKS(pt_linear_cross_entropy_loss(p.graph, p.hidden, p.x, PT_NO_TENSOR, p.label, NULL), PT_ERR_SHAPE,
           "weight is float32[B, 4], expected a shape without batch or tokens");
    STICKS(pt_mse_loss(p.graph, p.hidden, p.x, LOSS(.flags = 2)), PT_ERR_ARGUMENT, "flags are 0x2 and reserved 0");
    STICKS(pt_huber_loss(p.graph, p.hidden, p.x, 1, LOSS(.reserved = 2)), PT_ERR_ARGUMENT,
           "flags are 0x0 and reserved 2");
    STICKS(pt_graph_dim(p.graph, NULL), PT_ERR_ARGUMENT, "pt_graph_dim: the name is NULL");
    STICKS(pt_graph_dim(p.graph, ""), PT_ERR_ARGUMENT, "pt_graph_dim: the name is empty");
    STICKS(pt_transpose(p.graph, p.hidden, NULL), PT_ERR_SHAPE,
           "expected a permutation of its dimensions, but place 0 is -1");
    STICKS(pt_transpose(p.graph, p.hidden, (int32_t[]){0, 2}), PT_ERR_SHAPE, "but place 1 is 2");
    STICKS(pt_transpose(p.graph, p.hidden, (int32_t[]){0, 0}), PT_ERR_SHAPE, "but place 1 is 0");
    char name[PT_MAX_NAME + 1];
    memset(name, 'n', PT_MAX_NAME);
    name[PT_MAX_NAME] = 0;
    STICKS(pt_graph_dim(p.graph, name), PT_ERR_ARGUMENT, "pt_graph_dim: the name is too long");
    STICKS(pt_graph_dim(p.graph, "\xff"), PT_ERR_ARGUMENT, "is not UTF-8");
    ck_assert_int_eq(pt_graph_dim(whole.graph, "batch"), PT_DIM_BATCH);
    ck_assert_int_eq(pt_graph_dim(whole.graph, "tokens"), PT_DIM_TOKENS);
    ck_assert_int_eq(pt_graph_dim(whole.graph, "frames"), pt_graph_dim(whole.graph, "frames"));
    ck_assert_int_ne(pt_graph_dim(whole.graph, "frames"), pt_graph_dim(whole.graph, "words"));
    ck_ok(pt_graph_status(whole.graph));
    pt_graph_free(whole.graph);
    pt_context_free(context);
}
END_TEST

static pt_status_t classify(pt_model_t *model, int32_t pooling, const pt_array_t *weights)
{
    pt_classification_options_t options;
    ck_ok(pt_classification_options_init(&options, sizeof options));
    options.classes = 2;
    options.pooling = pooling;
    options.class_weights = weights;
    options.array_size = sizeof *weights;
    return pt_model_set_task(model, PT_TASK_CLASSIFICATION, &options);
}

START_TEST(test_tasks)
{
    pt_context_t *context = network_context(1, 1);
    pt_model_t *model = network_gpt(context);
    float numbers[2] = {-1, 1};
    pt_array_t weights = {.dtype = PT_FLOAT32, .data = numbers, .elements = 2};
    ck_fails(classify(model, 77, NULL), PT_ERR_ARGUMENT,
             "task classification: pooling is 77, expected one of PT_POOL_");
    ck_fails(classify(model, -1, NULL), PT_ERR_ARGUMENT, "pooling is -1");
    ck_fails(classify(model, 0, &weights), PT_ERR_ARGUMENT,
             "class_weights[0] is -1, expected a finite weight of at least 0");
    numbers[0] = 0;
    numbers[1] = INFINITY;
    ck_fails(classify(model, 0, &weights), PT_ERR_ARGUMENT, "class_weights[1] is inf");
    numbers[1] = 0;
    ck_fails(classify(model, 0, &weights), PT_ERR_ARGUMENT, "class_weights are all 0, expected one above it");
    numbers[1] = 1;
    weights.rank = 99;
    ck_fails(classify(model, 0, &weights), PT_ERR_SHAPE, "class_weights: rank 99, expected 0 to ");
    weights.rank = -1;
    ck_fails(classify(model, 0, &weights), PT_ERR_SHAPE, "class_weights: rank -1, expected 0 to ");
    weights.rank = 0;
    ck_ok(classify(model, 0, &weights));
    ck_fails(pt_model_set_class_names(model, 2, (const char *[]){"a", "\xff"}), PT_ERR_ARGUMENT,
             "pt_model_set_class_names: the name of class 1, \"?\", is not valid UTF-8");
    ck_fails(pt_model_transfer_entry(model, -1, NULL, NULL), PT_ERR_ARGUMENT,
             "pt_model_transfer_entry: index -1, there are 29 entries");
    ck_fails(pt_model_transfer_entry(model, 29, NULL, NULL), PT_ERR_ARGUMENT, "index 29, there are 29 entries");
    ck_fails(pt_model_describe(model, 99, NULL, 0, NULL), PT_ERR_ARGUMENT,
             "pt_model_describe: what is 99, expected one of PT_DESCRIBE_...");
    ck_fails(pt_recover(-1), PT_ERR_ARGUMENT, "pt_recover: depth is -1, expected 0 to 0");
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

/* Nested as deep as it goes: each callback reads from the next dataset. */
typedef struct link {
    pt_dataset_t *next;
    pt_status_t status;
    char message[256];
} link_t;

static void read_next(void *user, pt_batch_t *batch)
{
    link_t *link = user;
    const int64_t index = 0;
    float value = 0;
    link->status = link->next == NULL ? PT_OK : read_field(link->next, &index, 1, "x", &value, 1, NULL, NULL);
    snprintf(link->message, sizeof link->message, "%s", pt_last_error());
    *(float *)batch->fields[0].data = value;
    batch->filled = batch->capacity;
    batch->status = link->status == PT_OK ? PT_OK : PT_ERR_CALLBACK;
}

START_TEST(test_datasets_within_datasets)
{
    enum { DEEP = 10 };
    static const pt_field_spec_t field = {.name = "x", .dtype = PT_FLOAT32};
    pt_context_t *context = network_context(1, 1);
    link_t links[DEEP] = {{0}};
    pt_dataset_t *data[DEEP];
    const int64_t index = 0;
    float value;
    for (int i = DEEP; i-- > 0;) {
        links[i].next = i + 1 < DEEP ? data[i + 1] : NULL;
        ck_ok(pt_dataset_create_map(context, &field, 1, sizeof field, 1, 0, read_next, &links[i], NULL, &data[i]));
    }
    ck_assert_int_eq(read_field(data[0], &index, 1, "x", &value, 1, NULL, NULL), PT_ERR_CALLBACK);
    int refused = 0;
    while (links[refused].status == PT_ERR_CALLBACK)
        refused++;
    ck_assert_int_eq(links[refused].status, PT_ERR_BUSY);
    ck_assert_ptr_nonnull(strstr(links[refused].message, "from within each other's callbacks, 8 deep"));
    ck_ok(read_field(data[DEEP - 8], &index, 1, "x", &value, 1, NULL, NULL));
    for (int i = 0; i < DEEP; i++)
        pt_dataset_free(data[i]);
    pt_dataset_t *none;
    static const failing_io_t kinds[] = {FAILING_MUTEX, FAILING_CONDITION};
    for (int i = 0; i < 2; i++) {
        failing_io_arm(kinds[i], 1, EAGAIN);
        ck_fails(pt_dataset_create_map(context, &field, 1, sizeof field, 1, 0, read_next, &links[0], NULL, &none),
                 PT_ERR_MEMORY, "the system gives no lock for the dataset");
        failing_io_disarm();
        ck_assert_ptr_null(none);
    }
    pt_context_free(context);
}
END_TEST

static void keep_labels(void *user, pt_batch_t *batch)
{
    (void)user;
    memcpy(batch->fields[0].data, batch->inputs[0].data, (size_t)batch->capacity * sizeof(int32_t));
    batch->filled = batch->capacity;
    batch->status = PT_OK;
}

/* A map that keeps a field's name keeps its classes. */
START_TEST(test_classes_through_maps)
{
    static const pt_column_t column = {.field = "label", .source = "label", .kind = PT_COLUMN_CLASS};
    static const pt_field_spec_t kept = {.name = "label", .dtype = PT_INT32},
                                 renamed = {.name = "y", .dtype = PT_INT32};
    static const char table[] = "label\nred\ngreen\nred\n";
    pt_context_t *context = network_context(1, 1);
    pt_dataset_t *rows, *map, *other, *view, *again;
    ck_ok(pt_dataset_create_from_csv(context, suite_write("table.csv", table, sizeof table - 1), &column, 1,
                                     sizeof column, NULL, &rows));
    ck_ok(pt_dataset_map(rows, &kept, 1, sizeof kept, 0, keep_labels, NULL, NULL, &map));
    ck_ok(pt_dataset_map(rows, &renamed, 1, sizeof renamed, 0, keep_labels, NULL, NULL, &other));
    ck_ok(pt_dataset_subset(map, 1, 2, &view));
    ck_ok(pt_dataset_map(view, &kept, 1, sizeof kept, 0, keep_labels, NULL, NULL, &again));
    pt_dataset_t *named[] = {map, view, again};
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(pt_dataset_class_count(named[i], "label"), 2);
        ck_assert_str_eq(pt_dataset_class_name(named[i], "label", 1), "red");
        ck_assert_ptr_null(pt_dataset_class_name(named[i], "label", 2));
        ck_assert_ptr_null(pt_dataset_class_name(named[i], "colour", 0));
        ck_assert_int_eq(pt_dataset_class_count(named[i], "colour"), 0);
    }
    ck_assert_int_eq(pt_dataset_class_count(other, "label"), 0);
    ck_assert_int_eq(pt_dataset_class_count(other, "y"), 0);
    ck_assert_ptr_null(pt_dataset_class_name(other, "y", 0));
    pt_dataset_t *all[] = {again, view, other, map, rows};
    for (int i = 0; i < 5; i++)
        pt_dataset_free(all[i]);
    pt_dataset_t *plain = network_linear_data(context, 4);
    static const pt_field_spec_t y = {.name = "y", .dtype = PT_FLOAT32, .rank = 1, .shape = {1}};
    ck_ok(pt_dataset_map(plain, &y, 1, sizeof y, 0, keep_labels, NULL, NULL, &map));
    ck_assert_int_eq(pt_dataset_class_count(map, "y"), 0);
    ck_assert_ptr_null(pt_dataset_class_name(map, "y", 0));
    pt_dataset_free(map);
    pt_dataset_free(plain);
    pt_context_free(context);
}
END_TEST

START_TEST(test_datasets)
{
    enum { MANY = 1025 };
    pt_context_t *context = network_context(1, 1);
    pt_dataset_t *data = NULL;
    pt_field_spec_t field = {.name = "x", .dtype = PT_FLOAT32, .rank = 2, .shape = {1 << 29, 1 << 29}};
    char name[PT_MAX_NAME + 1];
    memset(name, 'n', PT_MAX_NAME);
    name[PT_MAX_NAME] = 0;
#define MAP(n) pt_dataset_create_map(context, &field, n, sizeof field, 4, 0, keep_labels, NULL, NULL, &data)
    ck_fails(MAP(1), PT_ERR_SHAPE, "field \"x\": a sample of 288230376151711744 elements is too large");
    field.shape[0] = 0;
    ck_fails(MAP(1), PT_ERR_SHAPE, "size 0 of a sample is 0, expected at least 1 or PT_DIM_TOKENS");
    field.shape[0] = PT_DIM_TOKENS;
    field.shape[1] = 0;
    ck_fails(MAP(1), PT_ERR_SHAPE, "size 1 of a sample is 0, expected at least 1");
    field.shape[1] = 2;
    ck_fails(MAP(1), PT_ERR_SHAPE, "max_length is 0, expected 1 to 2147483647 rows of a ragged field");
    field.max_length = (int64_t)INT32_MAX + 1;
    ck_fails(MAP(1), PT_ERR_SHAPE, "max_length is 2147483648, expected 1 to");
    field.shape[0] = 3;
    ck_fails(MAP(1), PT_ERR_SHAPE, "expected 0 for a field that is not ragged");
    field.max_length = 0;
    field.rank = -1;
    ck_fails(MAP(1), PT_ERR_SHAPE, "rank -1");
    field.rank = 2;
    field.name = "";
    ck_fails(MAP(1), PT_ERR_ARGUMENT, "field 0 of the dataset has no name");
    field.name = name;
    ck_fails(MAP(1), PT_ERR_ARGUMENT, "the name of field 0 of the dataset has 256 bytes, expected at most 255");
    pt_field_spec_t *many = calloc(MANY, sizeof *many);
    ck_assert_ptr_nonnull(many);
    ck_fails(pt_dataset_create_map(context, many, MANY, sizeof *many, 4, 0, keep_labels, NULL, NULL, &data),
             PT_ERR_ARGUMENT, "1025");
    free(many);
    ck_assert_ptr_null(data);
    pt_dataset_t *rows = network_linear_data(context, 4);
    const int64_t wrong[] = {-1, 4};
    ck_fails(pt_dataset_select(rows, wrong, 0, &data), PT_ERR_ARGUMENT, "0 indices, expected at least 1");
    ck_fails(pt_dataset_select(rows, wrong, 1, &data), PT_ERR_ARGUMENT, "index 0 is -1, expected 0 to 3");
    ck_fails(pt_dataset_select(rows, wrong + 1, 1, &data), PT_ERR_ARGUMENT, "index 0 is 4, expected 0 to 3");
    pt_dataset_free(rows);
    /* as many rows in every sample as the network has no positions for */
    static const int32_t tokens[2 * 20] = {1};
    const pt_array_t long_texts = {
        .name = "tokens", .dtype = PT_INT32, .rank = 1, .shape = {20}, .data = view_data(tokens)};
    ck_ok(pt_dataset_create_from_arrays(context, &long_texts, 1, sizeof long_texts, 2, 0, &data));
    pt_model_t *model = network_gpt(context);
    network_set_task(model, PT_TASK_CAUSAL_LM, 0);
    pt_evaluation_t evaluation = {.struct_size = sizeof evaluation};
    ck_fails(pt_evaluate(model, data, 1, &evaluation), PT_ERR_SHAPE,
             "field \"tokens\": every sample has 20 rows, the network takes at most 12");
    pt_model_free(model);
    pt_dataset_free(data);
    pt_context_free(context);
}
END_TEST

static void end_at_once(void *user, pt_batch_t *batch)
{
    (void)user;
    batch->filled = 0;
    batch->status = PT_END;
}

START_TEST(test_models)
{
    rig_t rig = rig_linear(8);
    static const pt_field_spec_t fields[] = {{.name = "x", .dtype = PT_FLOAT32, .rank = 1, .shape = {10}},
                                             {.name = "y", .dtype = PT_FLOAT32, .rank = 1, .shape = {1}}};
    pt_dataset_t *nothing;
    pt_evaluation_t evaluation = {.struct_size = sizeof evaluation};
    pt_train_options_t options = rig_options(1, 2);
    char directory[4097];
    ck_ok(pt_dataset_create_stream(rig.context, fields, 2, sizeof *fields, 0, end_at_once, NULL, NULL, &nothing));
    ck_fails(pt_evaluate(rig.model, nothing, 2, &evaluation), PT_ERR_ARGUMENT, "the dataset has no samples");
    pt_dataset_free(nothing);
    /* there and there again, until there is no room for a file's name */
    size_t length = (size_t)snprintf(directory, sizeof directory, "%s", suite_path("checkpoints"));
    while (length < 4080)
        length += (size_t)snprintf(directory + length, sizeof directory - length, "/.");
    options.checkpoint_directory = directory;
    options.checkpoint_every = 1;
    ck_assert_int_eq(mkdir(suite_path("checkpoints"), 0700), 0);
    ck_fails(pt_pretrain(rig.model, rig.optimizer, rig.data, &options, NULL), PT_ERR_ARGUMENT,
             "pt_train_options.checkpoint_directory: the path of the checkpoint directory is too long: ");
    ck_fails(pt_model_load(rig.model, suite_write("none.safetensors", "\2\0\0\0\0\0\0\0{}", 10), NULL),
             PT_ERR_NOT_FOUND, "none.safetensors: the file has no tensors");
    rig_free(&rig);
}
END_TEST

/* Labels are made from tokens, which the network has, but not on the way to its hidden rows: the data needs them. */
START_TEST(test_labels_without_what_they_are_made_from)
{
    pt_context_t *context = network_context(1, 1);
    const int64_t lengths[2] = {2, 1};
    const float values[6] = {0};
    pt_evaluation_t evaluation = {.struct_size = sizeof evaluation};
    pt_graph_t *graph;
    pt_model_t *model;
    pt_dataset_t *data;
    ck_ok(pt_graph_create(context, &graph));
    pt_tensor_t tokens = pt_input(graph, "tokens", PT_INT32, 1, (int64_t[]){PT_DIM_TOKENS});
    pt_tensor_t x = pt_input(graph, "x", PT_FLOAT32, 2, (int64_t[]){PT_DIM_TOKENS, 2});
    pt_tensor_t table = pt_parameter(graph, "table", 2, (int64_t[]){5, 2}, INITIAL(PT_INIT_NORMAL, 1));
    pt_graph_set_output(graph, "embedded", pt_embedding(graph, tokens, table));
    pt_graph_set_output(graph, "hidden", pt_linear_layer(graph, "linear", x, 2, PT_ACTIVATION_NONE));
    ck_ok(pt_model_create(context, graph, &model));
    pt_graph_free(graph);
    network_set_task(model, PT_TASK_CAUSAL_LM, 0);
    const pt_array_t array = {.name = "x",
                              .dtype = PT_FLOAT32,
                              .rank = 2,
                              .shape = {PT_DIM_TOKENS, 2},
                              .max_length = 2,
                              .data = view_data(values),
                              .lengths = (int64_t *)(uintptr_t)lengths,
                              .lengths_capacity = 2};
    ck_ok(pt_dataset_create_from_arrays(context, &array, 1, sizeof array, 2, 0, &data));
    ck_fails(pt_evaluate(model, data, 2, &evaluation), PT_ERR_SHAPE, "field \"tokens\" is missing");
    pt_dataset_free(data);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

/* An output that has no rows of samples, such as the loss, has no lengths. */
START_TEST(test_outputs_without_samples)
{
    pt_context_t *context = network_context(1, 1);
    parts_t p = parts_up(context);
    pt_model_t *model;
    float x[8] = {1, 2, 3, 4, 5, 6, 7, 8}, loss = 0;
    int32_t label[2] = {1, 3};
    int64_t lengths[2];
    pt_tensor_t mean = pt_cross_entropy_loss(p.graph, p.hidden, p.label, NULL);
    pt_graph_set_output(p.graph, "mean", mean);
    ck_ok(pt_graph_set_loss(p.graph, mean));
    ck_ok(pt_model_create(context, p.graph, &model));
    const pt_array_t given[] = {{.name = "x", .dtype = PT_FLOAT32, .data = x},
                                {.name = "label", .dtype = PT_INT32, .data = label}};
    pt_array_t view = {.dtype = PT_FLOAT32, .data = &loss, .capacity = 1};
    ck_ok(pt_forward(model, given, 2, sizeof *given, 2, "mean", &view));
    ck_assert_int_eq(view.elements, 1);
    ck_assert(loss > 0);
    view.lengths = lengths;
    view.lengths_capacity = 2;
    ck_fails(pt_forward(model, given, 2, sizeof *given, 2, "mean", &view), PT_ERR_ARGUMENT,
             "lengths is set, expected NULL: the output has no rows of samples");
    pt_model_free(model);
    pt_graph_free(p.graph);
    pt_context_free(context);
}
END_TEST

START_TEST(test_damaged_weights_generate_nothing)
{
    pt_context_t *context = network_context(1, 1);
    pt_model_t *model = network_gpt(context);
    pt_generate_options_t options;
    pt_generator_t *generator;
    int64_t index, live;
    float large[16];
    network_set_task(model, PT_TASK_CAUSAL_LM, 0);
    for (int i = 0; i < 16; i++)
        large[i] = i % 2 == 0 ? 3e38f : -3e38f;
    ck_ok(pt_model_parameter_find(model, "transformer.ln_f.weight", &index));
    ck_ok(set_parameter(model, index, large, 16));
    ck_ok(pt_generate_options_init(&options, sizeof options));
    options.count = 2;
    ck_ok(pt_generator_create(model, &options, &generator));
    static const int32_t tokens[] = {1, 2, 3};
    const pt_array_t prompt = {.dtype = PT_INT32, .data = view_data(tokens), .elements = 3};
    ck_ok(pt_generator_begin(generator, &prompt, sizeof prompt));
    ck_fails(pt_generator_step(generator, &live), PT_ERR_NONFINITE, "is not finite: the weights are damaged");
    pt_generator_free(generator);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

/* tokens, and perhaps what is added to their embeddings; any length. */
static pt_model_t *language(pt_context_t *context, int32_t shifted)
{
    pt_graph_t *graph;
    pt_model_t *model;
    ck_ok(pt_graph_create(context, &graph));
    pt_tensor_t tokens = pt_input(graph, "tokens", PT_INT32, 1, (int64_t[]){PT_DIM_TOKENS});
    pt_tensor_t hidden = pt_embedding_layer(graph, "embedding", tokens, 5, 4);
    if (shifted)
        hidden = pt_add(graph, hidden, pt_input(graph, "shift", PT_FLOAT32, 2, (int64_t[]){PT_DIM_TOKENS, 4}));
    pt_graph_set_output(graph, "hidden", hidden);
    ck_ok(pt_model_create(context, graph, &model));
    pt_graph_free(graph);
    network_set_task(model, PT_TASK_CAUSAL_LM, 0);
    return model;
}

START_TEST(test_texts)
{
    static const pt_field_spec_t field = {
        .name = "tokens", .dtype = PT_INT32, .rank = 1, .shape = {PT_DIM_TOKENS}, .max_length = INT32_MAX};
    pt_context_t *context = network_context(1, 1);
    pt_model_t *model = language(context, 1);
    pt_generator_t *generator = NULL;
    pt_generate_options_t options;
    pt_evaluation_t evaluation = {.struct_size = sizeof evaluation};
    pt_dataset_t *data;
    ck_ok(pt_generate_options_init(&options, sizeof options));
    ck_fails(pt_generator_create(model, &options, &generator), PT_ERR_STATE,
             "generation needs a network that reads \"tokens\" alone");
    ck_assert_ptr_null(generator);
    pt_model_free(model);
    model = language(context, 0);
    ck_ok(pt_dataset_create_map(context, &field, 1, sizeof field, 8, 0, keep_labels, NULL, NULL, &data));
    ck_fails(pt_evaluate(model, data, 2, &evaluation), PT_ERR_SHAPE,
             "2 samples of up to 2147483647 rows at a time are more than 2147483647 rows");
    pt_dataset_free(data);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

SUITE("messages", 60, test_graphs, test_tasks, test_datasets_within_datasets, test_classes_through_maps, test_datasets,
      test_models, test_labels_without_what_they_are_made_from, test_texts, test_outputs_without_samples,
      test_damaged_weights_generate_nothing)
