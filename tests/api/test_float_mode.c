/* A thread's float mode is its host's: after every call that computes, also one that fails, and within every
 * callback. */
#include "support/float_mode.h"

#include <float.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/networks.h"
#include "support/views.h"

static struct host {
    uint64_t before, settings;
    atomic_long looks, wrong;
    long events, fetches, rates, logs; /* looks before the last of each, so that none is missed */
    atomic_long allocations;
} host;

static void begin(void)
{
    host = (struct host){.before = float_mode_begin()};
    host.settings = float_mode_settings();
    ck_assert(PT__FLOAT_MODE == 0 || host.settings != PT__FLOAT_MODE);
}

static void end(void)
{
    ck_assert_int_gt(atomic_load(&host.looks), 0);
    ck_assert_int_eq(atomic_load(&host.wrong), 0);
    float_mode_end(host.before);
}

static void look(void)
{
    atomic_fetch_add(&host.looks, 1);
    atomic_fetch_add(&host.wrong, float_mode_settings() != host.settings || fegetround() != FE_UPWARD);
}

#define KEPT(call, expected)                                                                                 \
    do {                                                                                                     \
        pt_status_t kept_status = (call);                                                                    \
        ck_assert_msg(float_mode_settings() == host.settings, "%s left the mode %#llx, it was %#llx", #call, \
                      (unsigned long long)float_mode_settings(), (unsigned long long)host.settings);         \
        ck_assert_msg(kept_status == (expected), "%s gave %s: %s", #call, pt_status_name(kept_status),       \
                      pt_last_error());                                                                      \
    } while (0)

/* ---- the host's callbacks */

static void *allocate(void *user, size_t bytes)
{
    (void)user;
    look();
    atomic_fetch_add(&host.allocations, 1);
    return malloc(bytes);
}

static void release(void *user, void *block, size_t bytes)
{
    (void)user;
    (void)bytes;
    look();
    free(block);
}

static void note(void *user, int32_t level, const char *message)
{
    (void)user;
    (void)level;
    (void)message;
    look();
    host.logs++;
}

static void fetch(void *user, pt_batch_t *batch)
{
    const int64_t *fail_at = user;
    float *x = batch->fields[0].data, *y = batch->fields[1].data;
    look();
    for (int64_t i = 0; i < batch->capacity; i++) {
        for (int64_t k = 0; k < 10; k++)
            x[i * 10 + k] = (float)((batch->indices[i] * 7 + k * 3) % 11) / 11;
        y[i] = x[i * 10];
    }
    batch->filled = batch->capacity;
    if (host.fetches++ != *fail_at)
        batch->status = PT_OK;
}

static void on_event(void *user, pt_event_t *event)
{
    const int32_t *action = user;
    look();
    host.events++;
    event->action = event->kind == PT_EVENT_STEP ? *action : PT_ACTION_GO_ON;
}

static void rate(void *user, pt_rate_t *asked)
{
    (void)user;
    look();
    host.rates++;
    asked->factor = 1;
    asked->status = PT_OK;
}

static pt_context_t *make_context(int32_t threads)
{
    pt_context_options_t options;
    pt_context_t *context;
    ck_ok(pt_context_options_init(&options, sizeof options));
    options.threads = threads;
    options.allocate = allocate;
    options.release = release;
    options.log = note;
    KEPT(pt_context_create(&options, &context), PT_OK);
    return context;
}

static pt_dataset_t *make_data(pt_context_t *context, uint32_t flags, const int64_t *fail_at)
{
    static const pt_field_spec_t fields[] = {{.name = "x", .dtype = PT_FLOAT32, .rank = 1, .shape = {10}},
                                             {.name = "y", .dtype = PT_FLOAT32, .rank = 1, .shape = {1}}};
    pt_dataset_t *data;
    ck_ok(pt_dataset_create_map(context, fields, 2, sizeof(pt_field_spec_t), 64, flags, fetch,
                                (void *)(uintptr_t)fail_at, NULL, &data));
    return data;
}

static void ask_for_rates(pt_optimizer_t *optimizer)
{
    pt_schedule_options_t schedule;
    ck_ok(pt_schedule_options_init(&schedule, sizeof schedule));
    schedule.kind = PT_SCHEDULE_CALLBACK;
    schedule.callback = rate;
    ck_ok(pt_optimizer_set_schedule(optimizer, &schedule));
}

/* ---- tests */

START_TEST(test_stages)
{
    for (uint32_t flags = 0; flags <= PT_DATASET_THREAD_SAFE; flags += PT_DATASET_THREAD_SAFE) {
        static const int64_t never = -1;
        int32_t action = PT_ACTION_GO_ON;
        int64_t elements;
        float predictions[64];
        begin();
        pt_context_t *context = make_context(2);
        pt_model_t *model = network_linear(context);
        pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_ADAM, 0.01);
        pt_dataset_t *data = make_data(context, flags, &never);
        pt_evaluation_t evaluation = {.struct_size = sizeof evaluation};
        pt_train_options_t options;
        char directory[32], damaged[80];
        snprintf(directory, sizeof directory, "stages%d", (int)flags);
        ask_for_rates(optimizer);
        ck_ok(pt_train_options_init(&options, sizeof options));
        options.steps = 12;
        options.micro_batch = 3;
        options.event = on_event;
        options.event_user = &action;
        options.evaluation = data;
        options.evaluate_every = 4;
        options.checkpoint_directory = suite_path(directory);
        options.checkpoint_every = 6;
        KEPT(pt_pretrain(model, optimizer, data, &options, NULL), PT_OK);
        KEPT(pt_evaluate(model, data, 5, &evaluation), PT_OK);
        KEPT(predict_floats(model, data, NULL, 5, predictions, 64, &elements), PT_OK);
        snprintf(damaged, sizeof damaged, "%s/step-000000000099.safetensors", directory);
        suite_write(damaged, "damaged", 7);
        options.steps = 14;
        options.flags = PT_TRAIN_RESUME;
        KEPT(pt_finetune(model, optimizer, data, &options, NULL), PT_OK);
        ck_assert(host.events > 14 && host.fetches > 14 && host.rates == 14 && host.logs == 1);
        ck_assert_int_gt(atomic_load(&host.allocations), 50);
        pt_dataset_free(data);
        pt_optimizer_free(optimizer);
        pt_model_free(model);
        pt_context_free(context);
        end();
    }
}
END_TEST

START_TEST(test_steps_and_texts)
{
    static const int32_t tokens[] = {3, 1, 4, 1, 5, 9, 2, 6};
    static const int64_t lengths[] = {5, 3};
    pt_array_t value = {.name = "tokens", .data = view_data(tokens), .lengths = view_data(lengths), .dtype = PT_INT32};
    pt_generate_options_t options;
    int32_t generated[4];
    int64_t count;
    double loss;
    float logits[8 * 17];
    begin();
    pt_context_t *context = make_context(2);
    pt_model_t *model, *other;
    KEPT(pt_model_create_from_config(context, NETWORK_GPT, strlen(NETWORK_GPT), &model), PT_OK);
    KEPT(pt_model_create_from_config(context, NETWORK_GPT, strlen(NETWORK_GPT), &other), PT_OK);
    pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_SGD, 0.01);
    network_set_task(model, PT_TASK_CLASSIFICATION, 3);
    network_set_task(model, PT_TASK_CAUSAL_LM, 0);
    ck_assert_uint_eq(float_mode_settings(), host.settings);
    KEPT(pt_train_step(model, optimizer, &value, 1, sizeof(pt_array_t), 2, PT_STEP_ACCUMULATE, NULL), PT_OK);
    KEPT(pt_train_step(model, optimizer, &value, 1, sizeof(pt_array_t), 2, PT_STEP_NORM, NULL), PT_OK);
    KEPT(pt_loss(model, &value, 1, sizeof(pt_array_t), 2, &loss), PT_OK);
    KEPT(forward_floats(model, &value, 1, 2, "logits", logits, 8 * 17, &count), PT_OK);
    ck_ok(pt_generate_options_init(&options, sizeof options));
    options.temperature = 1;
    options.top_p = 0.9;
    options.count = 4;
    KEPT(generate_tokens(model, tokens, 3, &options, generated, 4, &count), PT_OK);
    KEPT(pt_checkpoint_save(model, optimizer, suite_path("mode.safetensors"), NULL), PT_OK);
    KEPT(pt_checkpoint_load(model, optimizer, suite_path("mode.safetensors"), NULL), PT_OK);
    KEPT(pt_model_copy(other, model), PT_OK);
    KEPT(pt_model_load(other, suite_path("mode.safetensors"), NULL), PT_OK);
    pt_optimizer_free(optimizer);
    pt_model_free(other);
    pt_model_free(model);
    pt_context_free(context);
    end();
}
END_TEST

START_TEST(test_failures)
{
    int64_t fail_at = 5;
    int32_t stop = PT_ACTION_STOP;
    float huge[10], x[10] = {NAN}, y[1] = {0};
    pt_array_t values[] = {{.name = "x", .data = x, .dtype = PT_FLOAT32},
                           {.name = "y", .data = y, .dtype = PT_FLOAT32}};
    begin();
    pt_context_t *context = make_context(2);
    pt_model_t *model = network_linear(context);
    pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_SGD, 0.01);
    pt_dataset_t *data = make_data(context, 0, &fail_at);
    pt_train_options_t options;
    ck_ok(pt_train_options_init(&options, sizeof options));
    options.steps = 20;
    KEPT(pt_pretrain(model, optimizer, data, &options, NULL), PT_ERR_CALLBACK);
    options.event = on_event;
    options.event_user = &stop;
    KEPT(pt_pretrain(model, optimizer, data, &options, NULL), PT_OK); /* at the host's wish */
    options.event = NULL;
    pt_model_cancel(model);
    KEPT(pt_pretrain(model, optimizer, data, &options, NULL), PT_ERR_CANCELLED);
    KEPT(pt_train_step(model, optimizer, values, 2, sizeof(pt_array_t), 1, 0, NULL), PT_ERR_NONFINITE);
    for (int i = 0; i < 10; i++)
        huge[i] = 3e38f;
    ck_ok(set_parameter(model, 0, huge, 10));
    KEPT(pt_pretrain(model, optimizer, data, &options, NULL), PT_ERR_NONFINITE);
    pt_dataset_free(data);
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    pt_context_free(context);
    end();
}
END_TEST

/* Denormal weights, data and momentum through whole steps; the host rounds in its own way. */
START_TEST(test_same_bits_at_any_thread_count)
{
    enum { WIDTH = 300, SAMPLES = 64 };
    static float x[SAMPLES * WIDTH], y[SAMPLES * WIDTH], weight[WIDTH * WIDTH];
    static const int32_t threads[] = {1, 2, 5};
    uint64_t fingerprints[3];
    for (int64_t i = 0; i < WIDTH * WIDTH; i++)
        weight[i] = (float)(i % 41 - 20) * (i % 3 == 0 ? 1e-39f : 1e-3f);
    for (int64_t i = 0; i < SAMPLES * WIDTH; i++) {
        x[i] = (float)(i % 23 - 11) * (i % 5 == 0 ? 1e-40f : i % 2 == 0 ? 1e-19f : 0.1f);
        y[i] = (float)(i % 19 - 9) * 1e-39f;
    }
    begin();
    for (int k = 0; k < 3; k++) {
        pt_context_t *context = make_context(threads[k]);
        pt_graph_t *graph;
        pt_model_t *model;
        ck_ok(pt_graph_create(context, &graph));
        pt_tensor_t input = pt_input(graph, "x", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, WIDTH});
        pt_tensor_t target = pt_input(graph, "y", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, WIDTH});
        pt_tensor_t hidden = pt_linear_layer(graph, "hidden", input, WIDTH, PT_ACTIVATION_GELU_TANH);
        pt_tensor_t output = pt_linear_layer(graph, "output", hidden, WIDTH, PT_ACTIVATION_NONE);
        pt_graph_set_loss(graph, pt_mse_loss(graph, output, target, NULL));
        ck_ok(pt_model_create(context, graph, &model));
        pt_graph_free(graph);
        pt_optimizer_options_t options;
        pt_optimizer_t *optimizer;
        ck_ok(pt_optimizer_options_init(&options, sizeof options));
        options.kind = PT_OPTIMIZER_SGD;
        options.learning_rate = 1e-3;
        options.momentum = 0.5;
        ck_ok(pt_optimizer_create(context, &options, &optimizer));
        ck_ok(set_parameter(model, 0, weight, WIDTH * WIDTH));
        pt_array_t values[] = {{.name = "x", .data = x, .dtype = PT_FLOAT32},
                               {.name = "y", .data = y, .dtype = PT_FLOAT32}};
        for (int step = 0; step < 5; step++)
            KEPT(pt_train_step(model, optimizer, values, 2, sizeof(pt_array_t), SAMPLES, 0, NULL), PT_OK);
        fingerprints[k] = network_fingerprint(model);
        ck_assert_uint_eq(fingerprints[k], fingerprints[0]);
        pt_optimizer_free(optimizer);
        pt_model_free(model);
        pt_context_free(context);
    }
    end();
}
END_TEST

SUITE("float mode", 60, test_stages, test_steps_and_texts, test_failures, test_same_bits_at_any_thread_count)
