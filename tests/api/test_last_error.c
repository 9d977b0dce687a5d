/* Messages that handles keep: for hosts whose threads move between a failure and the question what it was. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "support/networks.h"
#include "support/samples.h"

static const char *context_error(const pt_context_t *context)
{
    static char message[1024];
    ck_assert_uint_eq(pt_context_last_error(context, message, sizeof message), strlen(message));
    return message;
}

START_TEST(test_what_could_not_be_made)
{
    pt_context_t *context = network_context(1, 1), *other = network_context(1, 1);
    pt_model_t *model;
    pt_optimizer_t *optimizer;
    pt_dataset_t *data;
    pt_graph_t *graph;
    pt_optimizer_options_t rule;
    char few[6];
    ck_assert_str_eq(context_error(context), "");
    ck_assert_int_eq(pt_model_create_from_config(context, "{]", 2, &model), PT_ERR_FORMAT);
    ck_assert_str_eq(context_error(context), pt_last_error());
    ck_assert_str_ne(context_error(context), "");
    ck_assert_int_eq(pt_model_create_from_config(context, NULL, 2, &model), PT_ERR_ARGUMENT);
    ck_assert_str_eq(context_error(context), "pt_model_create_from_config: json is NULL");
    ck_assert_int_eq(pt_model_open(context, "/nowhere/at all", NULL, &model), PT_ERR_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(context_error(context), "/nowhere/at all"));
    ck_assert_int_eq(pt_model_open(context, NULL, NULL, &model), PT_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(context_error(context), "pt_model_open: path is NULL"));
    ck_ok(pt_optimizer_options_init(&rule, sizeof rule));
    ck_assert_ptr_nonnull(strstr(context_error(context), "path is NULL")); /* until the next failure */
    rule.beta1 = 2;
    ck_assert_int_eq(pt_optimizer_create(context, &rule, &optimizer), PT_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(context_error(context), "beta1"));
    ck_assert_int_eq(pt_dataset_create_from_text(context, "/nowhere", NULL, &data), PT_ERR_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(context_error(context), "/nowhere"));
    ck_assert_int_eq(pt_dataset_create_from_tokens(context, NULL, NULL, &data), PT_ERR_ARGUMENT);
    ck_assert_str_eq(context_error(context), "pt_dataset_create_from_tokens: path is NULL");
    ck_assert_int_eq(pt_dataset_create_from_csv(context, NULL, NULL, 0, 0, NULL, &data), PT_ERR_ARGUMENT);
    ck_assert_str_eq(context_error(context), "pt_dataset_create_from_csv: path is NULL");
    ck_assert_int_eq(pt_dataset_create_from_jsonl(context, NULL, NULL, 0, 0, NULL, &data), PT_ERR_ARGUMENT);
    ck_assert_str_eq(context_error(context), "pt_dataset_create_from_jsonl: path is NULL");
    ck_assert_int_eq(pt_dataset_create_from_arrays(context, NULL, 0, 0, 0, 0, &data), PT_ERR_ARGUMENT);
    ck_assert_str_eq(context_error(context), "pt_dataset_create_from_arrays: arrays is NULL");
    ck_assert_int_eq(pt_dataset_create_map(context, NULL, 0, 0, 0, 0, NULL, NULL, NULL, &data), PT_ERR_ARGUMENT);
    ck_assert_str_eq(context_error(context), "pt_dataset_create_map: fields is NULL");
    ck_assert_int_eq(pt_dataset_create_stream(context, NULL, 0, 0, 0, NULL, NULL, NULL, &data), PT_ERR_ARGUMENT);
    ck_assert_str_eq(context_error(context), "pt_dataset_create_stream: fields is NULL");
    ck_assert_int_eq(pt_model_create(context, NULL, &model), PT_ERR_ARGUMENT);
    ck_assert_str_eq(context_error(context), "pt_model_create: graph is NULL");
    ck_ok(pt_graph_create(context, &graph));
    ck_assert_int_eq(pt_model_create(context, graph, &model), PT_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(context_error(context), "no parameters"));
    ck_assert_uint_eq(pt_context_last_error(context, few, sizeof few), strlen(context_error(context)));
    ck_assert_str_eq(few, "pt_mo");
    ck_assert_uint_eq(pt_context_last_error(context, NULL, 0), strlen(context_error(context)));
    ck_assert_uint_eq(pt_context_last_error(NULL, few, sizeof few), 0);
    ck_assert_str_eq(few, "");
    ck_assert_str_eq(context_error(other), "");
    pt_graph_free(graph);
    pt_context_free(other);
    pt_context_free(context);
}
END_TEST

START_TEST(test_graphs_optimizers_and_datasets)
{
    pt_context_t *context = network_context(1, 1);
    pt_graph_t *graph;
    pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_SGD, 0.1);
    pt_dataset_t *data = network_linear_data(context, 8), *part, *rest;
    int64_t index = 99;
    pt_array_t view = {0};
    pt_field_spec_t spec;
    ck_ok(pt_graph_create(context, &graph));
    ck_assert_str_eq(pt_graph_last_error(graph), "");
    pt_relu(graph, 17);
    pt_sigmoid(graph, 17);
    ck_assert_ptr_nonnull(strstr(pt_graph_last_error(graph), "relu"));

    ck_assert_str_eq(pt_optimizer_last_error(optimizer), "");
    ck_assert_int_eq(pt_optimizer_set_learning_rate(optimizer, -3), PT_ERR_ARGUMENT);
    ck_assert_str_eq(pt_optimizer_last_error(optimizer),
                     "pt_optimizer_set_learning_rate: learning_rate is -3, expected a finite number >= 0");
    ck_assert_int_eq(pt_optimizer_add_group(optimizer, "", NULL), PT_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(pt_optimizer_last_error(optimizer), "pt_optimizer_add_group: pattern has 0 bytes"));
    pt_schedule_options_t schedule;
    ck_ok(pt_schedule_options_init(&schedule, sizeof schedule));
    schedule.kind = 99;
    ck_assert_int_eq(pt_optimizer_set_schedule(optimizer, &schedule), PT_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(pt_optimizer_last_error(optimizer), "kind is 99"));

    ck_assert_str_eq(pt_dataset_last_error(data), "");
    ck_assert_int_eq(pt_dataset_read(data, &index, 1, "x", &view, sizeof view), PT_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(pt_dataset_last_error(data), "index 0 is 99"));
    ck_assert_int_eq(pt_dataset_read(data, &index, 1, "x", NULL, sizeof view), PT_ERR_ARGUMENT);
    ck_assert_str_eq(pt_dataset_last_error(data), "pt_dataset_read: values is NULL");
    ck_assert_int_eq(pt_dataset_field(data, 7, &spec, sizeof spec), PT_ERR_NOT_FOUND);
    ck_assert_str_eq(pt_dataset_last_error(data), "pt_dataset_field: index is 7, expected 0 to 1");
    ck_assert_int_eq(pt_dataset_subset(data, 5, 5, &part), PT_ERR_ARGUMENT);
    ck_assert_ptr_null(strstr(pt_dataset_last_error(data), "pt_dataset_field"));
    ck_assert_int_eq(pt_dataset_select(data, NULL, 5, &part), PT_ERR_ARGUMENT);
    ck_assert_str_eq(pt_dataset_last_error(data), "pt_dataset_select: indices is NULL");
    ck_assert_int_eq(pt_dataset_split(data, 2, 1, &part, &rest), PT_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(pt_dataset_last_error(data), "fraction is 2"));
    ck_assert_int_eq(pt_dataset_map(data, NULL, 0, 0, 0, NULL, NULL, NULL, &part), PT_ERR_ARGUMENT);
    ck_assert_str_eq(pt_dataset_last_error(data), "pt_dataset_map: fields is NULL");
    ck_ok(pt_dataset_shuffle(data, 1, &part));
    ck_assert_str_eq(pt_dataset_last_error(part), "");
    ck_assert_str_eq(pt_dataset_last_error(data), "pt_dataset_map: fields is NULL");
    ck_assert_str_eq(pt_graph_last_error(NULL), "");
    ck_assert_str_eq(pt_optimizer_last_error(NULL), "");
    ck_assert_str_eq(pt_dataset_last_error(NULL), "");
    pt_dataset_free(part);
    pt_dataset_free(data);
    pt_optimizer_free(optimizer);
    pt_graph_free(graph);
    pt_context_free(context);
}
END_TEST

/* A graph that only printing has failed on is whole; an error that has stuck stays. */
START_TEST(test_graphs_without_memory)
{
    failing_allocator_t allocator;
    pt_context_t *context;
    pt_graph_t *graph;
    size_t length;
    failing_allocator_start(&allocator, 0);
    ck_ok(samples_failing_context(&allocator, &context));
    ck_ok(pt_graph_create(context, &graph));
    ck_assert_int_gt(pt_input(graph, "x", PT_FLOAT32, 1, &(int64_t){PT_DIM_BATCH}), PT_NO_TENSOR);
    for (int32_t stuck = 0; stuck < 2; stuck++) {
        if (stuck)
            pt_relu(graph, 17);
        allocator.fail_at = atomic_load(&allocator.calls) + 1;
        ck_assert_int_eq(pt_graph_print(graph, NULL, 0, &length), PT_ERR_MEMORY);
        ck_assert_ptr_nonnull(strstr(pt_graph_last_error(graph), stuck ? "relu" : "out of memory"));
        ck_assert_int_eq(pt_graph_status(graph), stuck ? PT_ERR_ARGUMENT : PT_OK);
    }
    allocator.fail_at = atomic_load(&allocator.calls) + 1;
    pt_graph_t *none;
    ck_assert_int_eq(pt_graph_create(context, &none), PT_ERR_MEMORY);
    ck_assert_ptr_nonnull(strstr(context_error(context), "graph"));
    pt_graph_free(graph);
    pt_context_free(context);
    ck_assert_int_eq(atomic_load(&allocator.live), 0);
}
END_TEST

static void refuse_own_call(void *user, pt_batch_t *batch)
{
    int64_t index = 0;
    pt_array_t view = {0};
    pt_dataset_t *data = *(pt_dataset_t **)user;
    ck_assert_int_eq(pt_dataset_read(data, &index, 1, "x", &view, sizeof view), PT_ERR_BUSY);
    ck_assert_ptr_nonnull(strstr(pt_last_error(), "callback"));
    ck_assert_str_eq(pt_dataset_last_error(data), "");
    batch->status = PT_OK;
    batch->filled = batch->capacity;
    *(float *)batch->fields[0].data = 3;
}

/* Threads that make samples may all be refused at once. */
START_TEST(test_a_refusal_within_a_callback_stays_off_the_handle)
{
    const pt_field_spec_t field = {.name = "x", .dtype = PT_FLOAT32};
    pt_context_t *context = network_context(1, 1);
    pt_dataset_t *data;
    int64_t index = 0;
    float value = 0;
    pt_array_t view = {.data = &value, .capacity = 1};
    ck_ok(pt_dataset_create_map(context, &field, 1, sizeof field, 4, 0, refuse_own_call, &data, NULL, &data));
    ck_ok(pt_dataset_read(data, &index, 1, "x", &view, sizeof view));
    ck_assert_double_eq((double)value, 3);
    pt_dataset_free(data);
    pt_context_free(context);
}
END_TEST

/* A handle's message is read on another thread than that of the failed call, while handles beside it fail. */
enum { ROUNDS = 400 };
typedef struct failing {
    pt_context_t *context;
    pt_model_t *model;
    pt_dataset_t *data;
    pt_optimizer_t *optimizer;
    int64_t number;
} failing_t;

static void *fail_often(void *user)
{
    failing_t *failing = user;
    pt_dataset_t *made;
    for (int64_t i = 0; i < ROUNDS; i++) {
        ck_assert_int_eq(pt_model_parameter_info(failing->model, failing->number, NULL), PT_ERR_ARGUMENT);
        ck_assert_int_eq(pt_dataset_subset(failing->data, failing->number, 1, &made), PT_ERR_ARGUMENT);
        ck_assert_int_eq(pt_optimizer_set_learning_rate(failing->optimizer, -(double)failing->number), PT_ERR_ARGUMENT);
        ck_assert_int_eq(
            pt_dataset_create_from_text(failing->context, failing->number == 101 ? "/no/101" : "/no/202", NULL, &made),
            PT_ERR_NOT_FOUND);
        char whole[1024];
        pt_context_last_error(failing->context, whole, sizeof whole); /* of one of both, never of a bit of each */
        ck_assert_int_eq((strstr(whole, "/no/101") != NULL) + (strstr(whole, "/no/202") != NULL), 1);
    }
    return NULL;
}

START_TEST(test_handles_on_two_threads_keep_their_own)
{
    pt_context_t *context = network_context(1, 1);
    failing_t failing[2];
    pthread_t threads[2];
    char expected[16];
    for (int32_t i = 0; i < 2; i++) {
        failing[i] = (failing_t){.context = context,
                                 .model = network_linear(context),
                                 .data = network_linear_data(context, 8),
                                 .optimizer = network_optimizer(context, PT_OPTIMIZER_SGD, 0.1),
                                 .number = i == 0 ? 101 : 202};
    }
    for (int32_t i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, fail_often, &failing[i]), 0);
    for (int32_t i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    ck_assert_str_eq(pt_last_error(), ""); /* this thread's calls went well */
    for (int32_t i = 0; i < 2; i++) {
        snprintf(expected, sizeof expected, "%d", (int)failing[i].number);
        ck_assert_ptr_nonnull(strstr(pt_dataset_last_error(failing[i].data), expected));
        ck_assert_ptr_nonnull(strstr(pt_optimizer_last_error(failing[i].optimizer), expected));
        ck_assert_ptr_nonnull(strstr(pt_model_last_error(failing[i].model), "pt_model_parameter_info"));
        pt_model_free(failing[i].model);
        pt_optimizer_free(failing[i].optimizer);
        pt_dataset_free(failing[i].data);
    }
    pt_context_free(context);
}
END_TEST

/* Of a generator, which shares the weights of a model, and of that model. */
START_TEST(test_models_and_generators)
{
    pt_context_t *context = network_context(1, 1);
    pt_model_t *model = network_gpt(context);
    network_set_task(model, PT_TASK_CAUSAL_LM, 0);
    pt_generator_t *generator;
    pt_generate_options_t options;
    int64_t length = 0;
    int32_t token = 1;
    ck_ok(pt_generate_options_init(&options, sizeof options));
    options.top_p = 3;
    ck_assert_int_eq(pt_generator_create(model, &options, &generator), PT_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(pt_model_last_error(model), "top_p is 3"));
    ck_ok(pt_generator_create(model, NULL, &generator));
    ck_assert_str_eq(pt_generator_last_error(generator), "");
    ck_assert_int_eq(begin_prompts(generator, &token, &length, 1), PT_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(pt_generator_last_error(generator), "prompts: lengths[0] is 0"));
    ck_assert_ptr_nonnull(strstr(pt_model_last_error(model), "top_p is 3"));
    length = 1;
    ck_ok(begin_prompts(generator, &token, &length, 1));
    ck_assert_ptr_nonnull(strstr(pt_generator_last_error(generator), "lengths[0]")); /* whatever succeeded since */
    pt_generator_free(generator);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

SUITE("last_error", 60, test_what_could_not_be_made, test_graphs_optimizers_and_datasets, test_graphs_without_memory,
      test_a_refusal_within_a_callback_stays_off_the_handle, test_handles_on_two_threads_keep_their_own,
      test_models_and_generators)
