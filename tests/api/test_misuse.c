/* Every public function with NULL in every pointer's place and nonsense in every number's: a status and a message,
 * or a harmless answer, and never a crash. Functions that return nothing or a plain value say what they give for
 * NULL. */
#include <math.h>
#include <stdio.h>

#include "support/networks.h"
#include "support/views.h"

typedef struct world {
    pt_context_t *context;
    pt_graph_t *graph;
    pt_model_t *model;
    pt_optimizer_t *optimizer;
    pt_dataset_t *data;
} world_t;

static world_t world_up(void)
{
    world_t world = {.context = network_context(1, 1)};
    world.model = network_linear(world.context);
    world.optimizer = network_optimizer(world.context, PT_OPTIMIZER_SGD, 0.1);
    world.data = network_linear_data(world.context, 16);
    ck_ok(pt_graph_create(world.context, &world.graph));
    return world;
}

static void world_down(world_t *world)
{
    pt_graph_free(world->graph);
    pt_dataset_free(world->data);
    pt_optimizer_free(world->optimizer);
    pt_model_free(world->model);
    pt_context_free(world->context);
}

/* The call is refused as an argument error, with a message that names the argument. */
#define REFUSED(call, part) ck_fails(call, PT_ERR_ARGUMENT, part)

START_TEST(test_plain_answers)
{
    char buffer[4] = "xyz";
    pt_context_free(NULL);
    pt_graph_free(NULL);
    pt_model_free(NULL);
    pt_optimizer_free(NULL);
    pt_dataset_free(NULL);
    pt_model_cancel(NULL);
    ck_assert_str_eq(pt_status_name(12345), "PT_ERR_?");
    ck_assert_str_eq(pt_status_name(PT_ERR_SHAPE), "PT_ERR_SHAPE");
    ck_assert_ptr_nonnull(pt_status_message(INT32_MIN));
    ck_assert_int_eq(pt_model_parameter_count(NULL), 0);
    ck_assert_ptr_null(pt_model_task(NULL));
    ck_assert_int_eq(pt_model_transfer_count(NULL, 0), 0);
    ck_assert_str_eq(pt_model_last_error(NULL), "");
    ck_assert_int_eq(pt_optimizer_steps(NULL), 0);
    ck_assert_int_eq(pt_optimizer_skipped(NULL), 0);
    ck_assert_int_eq(pt_context_bytes(NULL), 0);
    ck_assert_int_eq(pt_context_peak_bytes(NULL), 0);
    ck_assert_ptr_nonnull(pt_context_describe(NULL));
    ck_assert_int_eq(pt_dataset_field_count(NULL), 0);
    ck_assert_int_eq(pt_dataset_class_count(NULL, "x"), 0);
    ck_assert_ptr_null(pt_dataset_class_name(NULL, "x", 0));
    ck_assert_int_eq(pt_graph_shape(NULL, 0, NULL), -1);
    pt_graph_create(NULL, NULL);
    size_t length = pt_last_error_copy(NULL, 0);
    ck_assert_uint_eq(length, strlen(pt_last_error()));
    ck_assert_uint_gt(length, 3);
    ck_assert_uint_eq(pt_last_error_copy(buffer, sizeof buffer), length);
    ck_assert_uint_eq(strlen(buffer), 3);
    ck_assert_int_eq(pt_version_number(), PT_VERSION_MAJOR * 1000000 + PT_VERSION_MINOR * 1000 + PT_VERSION_PATCH);
}
END_TEST

START_TEST(test_options_init)
{
    char tiny[8];
    REFUSED(pt_context_options_init(NULL, 64), "NULL");
    REFUSED(pt_causal_lm_options_init(NULL, 64), "NULL");
    REFUSED(pt_classification_options_init(NULL, 64), "NULL");
    REFUSED(pt_regression_options_init(NULL, 64), "NULL");
    REFUSED(pt_train_options_init(NULL, 64), "NULL");
    REFUSED(pt_optimizer_options_init(NULL, 64), "NULL");
    REFUSED(pt_group_options_init(NULL, 64), "NULL");
    REFUSED(pt_schedule_options_init(NULL, 64), "NULL");
    REFUSED(pt_window_options_init(NULL, 64), "NULL");
    REFUSED(pt_generate_options_init(NULL, 64), "NULL");
    REFUSED(pt_attention_options_init(NULL, 64), "NULL");
    REFUSED(pt_cross_entropy_options_init(NULL, 64), "NULL");
    REFUSED(pt_loss_options_init(NULL, 64), "NULL");
    REFUSED(pt_parameter_options_init(NULL, 64), "NULL");
    REFUSED(pt_train_options_init((pt_train_options_t *)(void *)tiny, 2), "size");
}
END_TEST

START_TEST(test_null_handles)
{
    world_t world = world_up();
    float values[64];
    int64_t elements, index;
    double loss;
    pt_evaluation_t evaluation = {.struct_size = sizeof evaluation};
    pt_estimate_t estimate = {.struct_size = sizeof estimate};
    pt_parameter_info_t info = {.struct_size = sizeof info};
    int32_t tokens[4] = {0};
    REFUSED(pt_context_create(NULL, NULL), "out");
    pt_graph_free(world.graph);
    REFUSED(pt_graph_create(NULL, &world.graph), "context");
    ck_assert_ptr_null(world.graph);
    ck_ok(pt_graph_create(world.context, &world.graph));
    REFUSED(pt_graph_create(world.context, NULL), "out");
    REFUSED(pt_graph_status(NULL), "NULL");
    REFUSED(pt_graph_print(NULL, NULL, 0, NULL), "NULL");
    REFUSED(pt_graph_set_output(NULL, "x", 0), "NULL");
    REFUSED(pt_graph_set_loss(NULL, 0), "NULL");
    pt_model_t *model = world.model;
    REFUSED(pt_model_create(world.context, NULL, &model), "graph");
    ck_assert_ptr_null(model);
    REFUSED(pt_model_create(NULL, world.graph, &model), "context");
    REFUSED(pt_model_create(world.context, world.graph, NULL), "out");
    REFUSED(pt_model_create(world.context, world.graph, &model), "parameters");
    REFUSED(pt_model_create_from_config(world.context, NULL, 0, &model), "json");
    REFUSED(pt_model_create_from_config(NULL, "{}", 2, &model), "context");
    REFUSED(pt_model_create_from_config(world.context, "{}", 2, NULL), "out");
    REFUSED(pt_model_open(NULL, "x", NULL, &model), "context");
    REFUSED(pt_model_open(world.context, NULL, NULL, &model), "path");
    REFUSED(pt_model_open(world.context, "x", NULL, NULL), "out");
    REFUSED(pt_model_open(world.context, "x", LOADING(PT_LOAD_STRICT), &model), "flags");
    REFUSED(pt_model_set_task(NULL, NULL, NULL), "model");
    REFUSED(pt_model_set_task(world.model, "juggling", NULL), "juggling");
    REFUSED(pt_model_set_task(world.model, NULL, &(pt_regression_options_t){.struct_size = 8}), "no task");
    REFUSED(pt_model_set_task(world.model, PT_TASK_CLASSIFICATION, NULL), "classes is 0");
    REFUSED(pt_model_set_task(world.model, PT_TASK_REGRESSION, NULL), "outputs is 0");
    REFUSED(pt_model_set_task(world.model, PT_TASK_CAUSAL_LM, &(pt_causal_lm_options_t){.struct_size = 8, .flags = 3}),
            "pt_causal_lm_options.flags");
    REFUSED(pt_model_set_task(world.model, PT_TASK_REGRESSION,
                              &(pt_regression_options_t){
                                  .struct_size = sizeof(pt_regression_options_t), .outputs = 1, .reserved = 1}),
            "pt_regression_options.reserved");
    REFUSED(pt_model_set_task(world.model, PT_TASK_CLASSIFICATION,
                              &(pt_classification_options_t){
                                  .struct_size = sizeof(pt_classification_options_t), .classes = 2, .dropout = 1}),
            "task classification: dropout");
    REFUSED(pt_model_transfer_entry(NULL, 0, NULL, NULL), "model");
    REFUSED(pt_model_transfer_entry(world.model, 7, NULL, NULL), "7");
    REFUSED(pt_model_copy(NULL, world.model), "model");
    REFUSED(pt_model_copy(world.model, NULL), "source");
    REFUSED(pt_model_load(NULL, "x", NULL), "model");
    REFUSED(pt_model_load(world.model, NULL, NULL), "path");
    REFUSED(pt_model_load(world.model, "x", LOADING(64)), "flags");
    REFUSED(pt_model_save(NULL, "x", NULL), "model");
    REFUSED(pt_model_save(world.model, NULL, NULL), "path");
    REFUSED(pt_model_parameter_info(NULL, 0, &info), "model");
    REFUSED(pt_model_parameter_info(world.model, 0, NULL), "info");
    REFUSED(pt_model_parameter_info(world.model, -1, &info), "-1");
    pt_input_info_t input = {.struct_size = sizeof input};
    ck_assert_int_eq(pt_model_input_count(NULL), 0);
    REFUSED(pt_model_input_info(NULL, 0, &input), "model");
    REFUSED(pt_model_input_info(world.model, 0, NULL), "info");
    REFUSED(pt_model_input_info(world.model, -1, &input), "-1");
    REFUSED(pt_model_input_info(world.model, pt_model_input_count(world.model), &input), "index");
    REFUSED(pt_model_parameter_find(NULL, "x", &index), "model");
    REFUSED(pt_model_parameter_find(world.model, NULL, &index), "name");
    REFUSED(pt_model_parameter_find(world.model, "x", NULL), "index");
    ck_fails(pt_model_parameter_find(world.model, "x", &index), PT_ERR_NOT_FOUND, "\"x\"");
    REFUSED(get_parameter(NULL, 0, values, 10), "model");
    REFUSED(get_parameter(world.model, 0, NULL, 10), "values");
    REFUSED(get_parameter(world.model, 2, values, 10), "2");
    ck_fails(get_parameter(world.model, 0, values, 9), PT_ERR_ARGUMENT, "expected 10 in all");
    REFUSED(set_parameter(NULL, 0, values, 10), "model");
    values[3] = (float)NAN;
    ck_fails(set_parameter(world.model, 0, values, 10), PT_ERR_NONFINITE, "linear.weight");
    REFUSED(get_gradient(NULL, 0, values, 10), "model");
    ck_fails(get_gradient(world.model, 0, values, 10), PT_ERR_STATE, "linear.weight");
    REFUSED(pt_model_set_trainable(NULL, "*", 1, NULL), "model");
    REFUSED(pt_model_set_trainable(world.model, NULL, 1, NULL), "pattern");
    ck_fails(pt_model_set_trainable(world.model, "encoder.*", 1, &index), PT_ERR_NOT_FOUND, "encoder.*");
    ck_assert_int_eq(index, 0);
    REFUSED(pt_model_set_recompute(NULL, PT_RECOMPUTE_CHEAP), "model");
    REFUSED(pt_model_set_recompute(world.model, 3), "recompute is 3, expected one of PT_RECOMPUTE_");
    REFUSED(pt_model_describe(NULL, 0, NULL, 0, NULL), "model");
    REFUSED(pt_model_describe(world.model, 9, NULL, 0, NULL), "9");
    REFUSED(pt_pretrain(NULL, world.optimizer, world.data, NULL, NULL), "model");
    REFUSED(pt_pretrain(world.model, NULL, world.data, NULL, NULL), "optimizer");
    REFUSED(pt_finetune(world.model, world.optimizer, NULL, NULL, NULL), "dataset");
    REFUSED(pt_evaluate(NULL, world.data, 0, &evaluation), "model");
    REFUSED(pt_evaluate(world.model, NULL, 0, &evaluation), "dataset");
    REFUSED(pt_evaluate(world.model, world.data, -1, &evaluation), "-1");
    REFUSED(pt_evaluate(world.model, world.data, 0, NULL), "result");
    REFUSED(predict_floats(NULL, world.data, NULL, 0, values, 16, &elements), "model");
    REFUSED(predict_floats(world.model, NULL, NULL, 0, values, 16, &elements), "dataset");
    REFUSED(predict_floats(world.model, world.data, NULL, 0, NULL, 16, &elements), "values");
    REFUSED(pt_predict(world.model, world.data, NULL, 0, NULL, sizeof(pt_array_t)), "values");
    REFUSED(predict_floats(world.model, world.data, NULL, 0, values, 5, &elements), "5");
    ck_fails(predict_floats(world.model, world.data, "nonsense", 0, values, 16, &elements), PT_ERR_NOT_FOUND,
             "\"prediction\"");
    REFUSED(generate_tokens(NULL, tokens, 1, NULL, tokens, 4, &elements), "model");
    ck_fails(generate_tokens(world.model, tokens, 1, NULL, tokens, 4, &elements), PT_ERR_STATE, "language model");
    REFUSED(pt_train_step(NULL, world.optimizer, NULL, 0, sizeof(pt_array_t), 1, 0, NULL), "model");
    REFUSED(pt_train_step(world.model, NULL, NULL, 0, sizeof(pt_array_t), 1, 0, NULL), "optimizer");
    REFUSED(pt_train_step(world.model, world.optimizer, NULL, 2, sizeof(pt_array_t), 1, 0, NULL), "values");
    REFUSED(pt_train_step(world.model, world.optimizer, NULL, 0, sizeof(pt_array_t), 1, 128, NULL), "flags");
    REFUSED(forward_floats(NULL, NULL, 0, 1, NULL, values, 10, NULL), "model");
    REFUSED(forward_floats(world.model, NULL, 0, 1, NULL, NULL, 10, NULL), "result");
    REFUSED(pt_loss(NULL, NULL, 0, sizeof(pt_array_t), 1, &loss), "model");
    REFUSED(pt_loss(world.model, NULL, 0, sizeof(pt_array_t), 1, NULL), "loss");
    REFUSED(pt_model_estimate(NULL, NULL, 1, NULL, 0, 0, &estimate), "model");
    REFUSED(pt_model_estimate(world.model, NULL, 1, NULL, 0, 0, NULL), "estimate");
    REFUSED(pt_model_estimate(world.model, NULL, 0, NULL, 0, 0, &estimate), "samples");
    REFUSED(pt_checkpoint_save(NULL, NULL, "x", NULL), "model");
    REFUSED(pt_checkpoint_save(world.model, NULL, NULL, NULL), "path");
    REFUSED(pt_checkpoint_load(NULL, NULL, "x", NULL), "model");
    REFUSED(pt_checkpoint_load(world.model, NULL, NULL, NULL), "path");
    world_down(&world);
}
END_TEST

START_TEST(test_train_options)
{
    world_t world = world_up();
    static const struct {
        size_t offset;
        int is_double;
        const char *name;
    } fields[] = {
#define WHOLE(field) {offsetof(pt_train_options_t, field), 0, #field}
#define REAL(field)                                    \
    {                                                  \
        offsetof(pt_train_options_t, field), 1, #field \
    }
        WHOLE(steps),
        WHOLE(epochs),
        WHOLE(batch),
        WHOLE(micro_batch),
        WHOLE(memory_budget),
        WHOLE(event_every),
        WHOLE(evaluate_every),
        WHOLE(evaluation_batch),
        WHOLE(patience),
        WHOLE(checkpoint_every),
        WHOLE(checkpoints_kept),
        REAL(time_budget),
        REAL(checkpoint_seconds),
        REAL(improvement)};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        pt_train_options_t options;
        ck_ok(pt_train_options_init(&options, sizeof options));
        if (fields[i].is_double)
            *(double *)(void *)((char *)&options + fields[i].offset) = (double)NAN;
        else
            *(int64_t *)(void *)((char *)&options + fields[i].offset) = -3;
        REFUSED(pt_pretrain(world.model, world.optimizer, world.data, &options, NULL), fields[i].name);
    }
    pt_train_options_t options;
    ck_ok(pt_train_options_init(&options, sizeof options));
    options.flags = 0x400;
    REFUSED(pt_pretrain(world.model, world.optimizer, world.data, &options, NULL), "flags");
    ck_ok(pt_train_options_init(&options, sizeof options));
    options.flags = PT_TRAIN_RESUME;
    REFUSED(pt_pretrain(world.model, world.optimizer, world.data, &options, NULL), "checkpoint_directory");
    ck_ok(pt_train_options_init(&options, sizeof options));
    options.patience = 1;
    REFUSED(pt_pretrain(world.model, world.optimizer, world.data, &options, NULL), "evaluation");
    options.struct_size = 3;
    REFUSED(pt_pretrain(world.model, world.optimizer, world.data, &options, NULL), "struct_size");
    world_down(&world);
}
END_TEST

START_TEST(test_step_values)
{
    world_t world = world_up();
    float x[40] = {0}, y[4] = {0};
    pt_array_t good[] = {{.name = "x", .data = x, .dtype = PT_FLOAT32}, {.name = "y", .data = y, .dtype = PT_FLOAT32}},
               bad[2];
    ck_ok(pt_train_step(world.model, world.optimizer, good, 2, sizeof(pt_array_t), 4, 0, NULL));
    REFUSED(pt_train_step(world.model, world.optimizer, good, 2, sizeof(pt_array_t), 0, 0, NULL), "samples");
    REFUSED(pt_train_step(world.model, world.optimizer, good, 2, sizeof(pt_array_t), -1, 0, NULL), "samples");
    ck_fails(pt_train_step(world.model, world.optimizer, good, 1, sizeof(pt_array_t), 4, 0, NULL), PT_ERR_SHAPE, "y");
    memcpy(bad, good, sizeof bad);
    bad[0].data = NULL;
    REFUSED(pt_train_step(world.model, world.optimizer, bad, 2, sizeof(pt_array_t), 4, 0, NULL), "x");
    memcpy(bad, good, sizeof bad);
    bad[1].name = NULL;
    ck_assert_int_ne(pt_train_step(world.model, world.optimizer, bad, 2, sizeof(pt_array_t), 4, 0, NULL), PT_OK);
    memcpy(bad, good, sizeof bad);
    bad[1].dtype = 99;
    ck_assert_int_ne(pt_train_step(world.model, world.optimizer, bad, 2, sizeof(pt_array_t), 4, 0, NULL), PT_OK);
    uint64_t before = network_fingerprint(world.model);
    x[17] = (float)INFINITY;
    ck_fails(pt_train_step(world.model, world.optimizer, good, 2, sizeof(pt_array_t), 4, 0, NULL), PT_ERR_NONFINITE,
             "x");
    x[17] = (float)NAN;
    ck_fails(pt_train_step(world.model, world.optimizer, good, 2, sizeof(pt_array_t), 4, 0, NULL), PT_ERR_NONFINITE,
             "x");
    ck_assert_uint_eq(network_fingerprint(world.model), before);
    x[17] = 0;
    ck_ok(pt_train_step(world.model, world.optimizer, good, 2, sizeof(pt_array_t), 4, 0, NULL));
    world_down(&world);
}
END_TEST

START_TEST(test_token_ranges)
{
    pt_context_t *context = network_context(1, 1);
    pt_model_t *model = network_gpt(context);
    pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_SGD, 0.1);
    network_set_task(model, PT_TASK_CLASSIFICATION, 3);
    int32_t tokens[20] = {1, 2, 3, 4, 5, 6}, label[2] = {0, 2};
    int64_t lengths[2] = {2, 4};
    pt_array_t values[] = {{.name = "tokens", .data = tokens, .lengths = lengths, .dtype = PT_INT32},
                           {.name = "label", .data = label, .dtype = PT_INT32}};
    ck_ok(pt_train_step(model, optimizer, values, 2, sizeof(pt_array_t), 2, 0, NULL));
    tokens[3] = 17;
    REFUSED(pt_train_step(model, optimizer, values, 2, sizeof(pt_array_t), 2, 0, NULL), "17");
    tokens[3] = -1;
    REFUSED(pt_train_step(model, optimizer, values, 2, sizeof(pt_array_t), 2, 0, NULL), "tokens");
    tokens[3] = 1;
    label[1] = 3;
    REFUSED(pt_train_step(model, optimizer, values, 2, sizeof(pt_array_t), 2, 0, NULL), "label");
    label[1] = 0;
    lengths[0] = 13;
    ck_assert_int_ne(pt_train_step(model, optimizer, values, 2, sizeof(pt_array_t), 2, 0, NULL), PT_OK);
    ck_assert_ptr_nonnull(strstr(pt_last_error(), "12"));
    lengths[0] = -1;
    ck_assert_int_ne(pt_train_step(model, optimizer, values, 2, sizeof(pt_array_t), 2, 0, NULL), PT_OK);
    values[0].lengths = NULL;
    ck_assert_int_ne(pt_train_step(model, optimizer, values, 2, sizeof(pt_array_t), 2, 0, NULL), PT_OK);
    ck_assert_ptr_nonnull(strstr(pt_last_error(), "lengths"));
    values[0].lengths = lengths;
    lengths[0] = 2;
    ck_ok(pt_train_step(model, optimizer, values, 2, sizeof(pt_array_t), 2, 0, NULL));
    int32_t generated[4];
    int64_t count;
    network_set_task(model, PT_TASK_CAUSAL_LM, 0);
    pt_generate_options_t generation;
    ck_ok(pt_generate_options_init(&generation, sizeof generation));
    generation.count = 4;
    tokens[0] = 99;
    REFUSED(generate_tokens(model, tokens, 3, &generation, generated, 4, &count), "prompt\": element 0 is 99");
    tokens[0] = 1;
    generation.top_p = 2;
    REFUSED(generate_tokens(model, tokens, 3, &generation, generated, 4, &count), "top_p");
    generation.top_p = 0;
    generation.temperature = -1;
    REFUSED(generate_tokens(model, tokens, 3, &generation, generated, 4, &count), "temperature");
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

START_TEST(test_configurations)
{
    pt_context_t *context = network_context(1, 1);
    pt_model_t *model;
    static const struct {
        const char *json;
        pt_status_t status;
        const char *part;
    } cases[] = {
        {"", PT_ERR_FORMAT, "config"},
        {"[]", PT_ERR_FORMAT, "object"},
        {"{}", PT_ERR_NOT_FOUND, "model_type"},
        {"{\"model_type\": 3}", PT_ERR_FORMAT, "model_type"},
        {"{\"model_type\": \"alexnet\"}", PT_ERR_UNSUPPORTED, "\"gpt2\""},
        {"{\"model_type\": \"gpt2\", \"n_embd\": 30, \"n_head\": 4, \"vocab_size\": 5}", PT_ERR_FORMAT, "n_head"},
        {"{\"model_type\": \"gpt2\", \"n_embd\": \"wide\"}", PT_ERR_FORMAT, "n_embd"},
        {"{\"model_type\": \"gpt2\", \"n_layer\": -1}", PT_ERR_FORMAT, "n_layer"},
        {"{\"model_type\": \"gpt2\", \"attn_pdrop\": 1.0}", PT_ERR_FORMAT, "attn_pdrop"},
        {"{\"model_type\": \"gpt2\", \"activation_function\": \"sine\"}", PT_ERR_UNSUPPORTED, "activation_function"},
        {"{\"model_type\": \"mlp\"}", PT_ERR_NOT_FOUND, "input_size"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ck_fails(pt_model_create_from_config(context, cases[i].json, strlen(cases[i].json), &model), cases[i].status,
                 cases[i].part);
        ck_assert_ptr_null(model);
    }
    pt_context_free(context);
}
END_TEST

SUITE("misuse", 60, test_plain_answers, test_options_init, test_null_handles, test_train_options, test_step_values,
      test_token_ranges, test_configurations)
