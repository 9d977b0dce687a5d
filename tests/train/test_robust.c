/* What is promised where things go wrong: sizes that no machine has, memory that is out, failures that change
 * nothing, callbacks that call back; and networks in which plans could easily mix up two tensors. Long, as each of
 * these is a small world that is broken in one way. */
#include "support/failing_allocator.h"
#include "support/rig.h"
#include "support/views.h"

#include <math.h>
#include <pthread.h>

/* ---- Sizes ---- */

START_TEST(test_sizes_of_no_machine)
{
    pt_context_t *context = network_context(1, 3);
    pt_model_t *model = network_gpt(context);
    pt_estimate_t estimate = {.struct_size = sizeof estimate};
    network_set_task(model, PT_TASK_CAUSAL_LM, 0);
    ck_fails(pt_model_estimate(model, NULL, INT64_MAX / 1024, TOKEN_ROWS(INT64_MAX / 1024), &estimate), PT_ERR_MEMORY,
             "any machine");
    ck_fails(pt_model_estimate(model, NULL, 1, TOKEN_ROWS(INT64_MAX / 1024), &estimate), PT_ERR_MEMORY, "any machine");
    ck_fails(pt_model_estimate(model, NULL, 3, NULL, 0, 0, &estimate), PT_ERR_ARGUMENT, "ragged");
    const pt_dim_rows_t twice[] = {{"tokens", 9}, {"tokens", 9}}, unknown = {"frames", 9}, samples = {"batch", 9};
    ck_fails(pt_model_estimate(model, NULL, 3, twice, 2, sizeof *twice, &estimate), PT_ERR_ARGUMENT, "given twice");
    ck_fails(pt_model_estimate(model, NULL, 3, &unknown, 1, sizeof unknown, &estimate), PT_ERR_NOT_FOUND, "frames");
    ck_fails(pt_model_estimate(model, NULL, 3, &samples, 1, sizeof samples, &estimate), PT_ERR_NOT_FOUND, "batch");
    ck_fails(pt_model_estimate(model, NULL, 3, twice, 1, 7, &estimate), PT_ERR_ARGUMENT, "7 bytes each");
    ck_fails(pt_model_estimate(model, NULL, 3, NULL, 1, 16, &estimate), PT_ERR_ARGUMENT, "n_rows, 1, is negative");
    ck_ok(pt_model_estimate(model, NULL, 3, TOKEN_ROWS(3), &estimate));
    pt_model_free(model);
    pt_context_free(context);

    rig_t rig = rig_linear(32);
    rig_stream_t stream = {.length = 18};
    pt_dataset_t *data = rig_stream(rig.context, &stream);
    pt_train_options_t options = rig_options(1, INT64_MAX / 1024);
    ck_assert_int_ne(pt_pretrain(rig.model, rig.optimizer, data, &options, NULL), PT_OK);
    options.memory_budget = 1000000;
    ck_assert_int_ne(pt_pretrain(rig.model, rig.optimizer, data, &options, NULL), PT_OK);
    options.memory_budget = 0;
    options.micro_batch = 3;
    options.steps = 0;
    options.epochs = INT64_MAX / 1024;
    options.time_budget = 0.02;
    ck_ok(pt_pretrain(rig.model, rig.optimizer, data, &options, NULL));
    ck_ok(pt_pretrain(rig.model, rig.optimizer, rig.data, &options, NULL));
    pt_dataset_free(data);
    rig_free(&rig);
}
END_TEST

/* A step too large for memory leaves a model that still makes small ones. */
START_TEST(test_too_much_then_less)
{
    failing_allocator_t allocator;
    pt_context_options_t options;
    pt_context_t *context;
    static float x[500 * 10], y[500];
    failing_allocator_start(&allocator, 0);
    ck_ok(pt_context_options_init(&options, sizeof options));
    failing_allocator_hooks(&allocator, &options);
    options.threads = 1;
    ck_ok(pt_context_create(&options, &context));
    pt_model_t *model = network_linear(context);
    pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_ADAM, 0.01);
    pt_array_t values[] = {{.name = "x", .data = x, .dtype = PT_FLOAT32},
                           {.name = "y", .data = y, .dtype = PT_FLOAT32}};
    ck_ok(pt_train_step(model, optimizer, values, 2, sizeof(pt_array_t), 4, 0, NULL));
    for (long n = 1;; n++) {
        failing_allocator_start(&allocator, n);
        allocator.fail_on = 1; /* memory is out, and stays so */
        pt_status_t status = pt_train_step(model, optimizer, values, 2, sizeof(pt_array_t), 10 + 10 * n, 0, NULL);
        long calls = atomic_load(&allocator.calls);
        allocator.fail_at = 0;
        allocator.fail_on = 0;
        if (calls < n) {
            ck_assert_int_eq(status, PT_OK);
            break;
        }
        ck_assert_int_eq(status, PT_ERR_MEMORY);
        int64_t held = pt_context_bytes(context);
        ck_ok(pt_train_step(model, optimizer, values, 2, sizeof(pt_array_t), 4, 0, NULL));
        ck_assert_msg(pt_context_bytes(context) - held < 20000, "allocation %ld: %lld bytes more", n,
                      (long long)(pt_context_bytes(context) - held));
    }
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

/* ---- Failures that change nothing ---- */

static void describe(const pt_model_t *model, char *buffer, size_t size)
{
    size_t length;
    ck_ok(pt_model_describe(model, PT_DESCRIBE_SUMMARY, buffer, size, &length));
}

START_TEST(test_failing_changes_of_a_model)
{
    failing_allocator_t allocator;
    pt_context_options_t options;
    pt_context_t *context;
    static char before[8192], after[8192];
    failing_allocator_start(&allocator, 0);
    ck_ok(pt_context_options_init(&options, sizeof options));
    failing_allocator_hooks(&allocator, &options);
    options.threads = 1;
    ck_ok(pt_context_create(&options, &context));
    pt_model_t *model = network_gpt(context), *source = network_gpt(context);
    network_set_task(model, PT_TASK_CLASSIFICATION, 3);
    float ones[3 * 16];
    int64_t index;
    for (int i = 0; i < 3 * 16; i++)
        ones[i] = 1;
    network_set_task(source, PT_TASK_CLASSIFICATION, 3);
    ck_ok(pt_model_parameter_find(source, "score.weight", &index));
    ck_ok(set_parameter(source, index, ones, 3 * 16));
    ck_ok(pt_model_save(source, suite_path("ones.safetensors"), NULL));
    for (int change = 0; change < 5; change++) {
        describe(model, before, sizeof before);
        uint64_t fingerprint = network_fingerprint(model);
        int64_t entries = pt_model_transfer_count(model, 0),
                copied = pt_model_transfer_count(model, PT_TRANSFER_COPIED);
        network_task_t task = {0};
        task.task = change == 3 ? PT_TASK_CAUSAL_LM : NULL; /* without the head; then the same parameters */
        for (long n = 1;; n++) {
            failing_allocator_start(&allocator, n);
            pt_status_t status = change == 0   ? pt_model_set_trainable(model, "transformer.*", 0, NULL)
                                 : change == 1 ? pt_model_copy(model, source)
                                 : change == 2 ? pt_model_load(model, suite_path("ones.safetensors"), NULL)
                                               : network_choose_task(model, &task);
            long calls = atomic_load(&allocator.calls);
            allocator.fail_at = 0;
            if (calls < n) {
                ck_ok(status);
                break;
            }
            ck_assert_int_eq(status, PT_ERR_MEMORY);
            describe(model, after, sizeof after);
            ck_assert_str_eq(before, after);
            ck_assert_uint_eq(network_fingerprint(model), fingerprint);
            ck_assert_int_eq(pt_model_transfer_count(model, 0), entries);
            ck_assert_int_eq(pt_model_transfer_count(model, PT_TRANSFER_COPIED), copied);
        }
    }
    pt_model_free(source);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

/* An optimizer that trains one model, and a checkpoint that does not fit another: it keeps what it knows of the
 * first. */
START_TEST(test_refused_checkpoint_leaves_the_optimizer)
{
    uint64_t found[2];
    for (int run = 0; run < 2; run++) {
        rig_t rig = rig_linear(32);
        pt_model_t *other = network_gpt(rig.context);
        network_set_task(other, PT_TASK_CLASSIFICATION, 3);
        pt_train_options_t options = rig_options(4, 4);
        ck_ok(pt_pretrain(rig.model, rig.optimizer, rig.data, &options, NULL));
        ck_ok(pt_model_save(other, suite_path("weights.safetensors"), NULL));
        if (run == 1) {
            pt_optimizer_t *plain = network_optimizer(rig.context, PT_OPTIMIZER_SGD, 0.1);
            ck_ok(pt_checkpoint_save(other, plain, suite_path("plain.safetensors"), NULL));
            ck_fails(pt_checkpoint_load(other, rig.optimizer, suite_path("plain.safetensors"), NULL), PT_ERR_STATE,
                     "optimizer");
            pt_optimizer_t *adam = network_optimizer(rig.context, PT_OPTIMIZER_ADAM, 0.1);
            pt_model_t *third = network_gpt(rig.context);
            network_set_task(third, PT_TASK_CLASSIFICATION, 4);
            ck_ok(pt_checkpoint_save(third, adam, suite_path("third.safetensors"), NULL));
            ck_fails(pt_checkpoint_load(other, rig.optimizer, suite_path("third.safetensors"), NULL), PT_ERR_SHAPE,
                     "score");
            pt_model_free(third);
            pt_optimizer_free(adam);
            pt_optimizer_free(plain);
        }
        ck_ok(pt_pretrain(rig.model, rig.optimizer, rig.data, &options, NULL));
        found[run] = network_fingerprint(rig.model);
        pt_model_free(other);
        rig_free(&rig);
    }
    ck_assert_uint_eq(found[0], found[1]);
}
END_TEST

/* Setting recomputation in the middle of an accumulation does not lose it; flags that change nothing neither. */
START_TEST(test_settings_within_an_accumulation)
{
    rig_t rig = rig_linear(32);
    static float x[40], y[4] = {1, 2, 3, 4};
    float gradient[10], again[10];
    for (int i = 0; i < 40; i++)
        x[i] = (float)(i % 7);
    pt_array_t values[] = {{.name = "x", .data = x, .dtype = PT_FLOAT32},
                           {.name = "y", .data = y, .dtype = PT_FLOAT32}};
    ck_ok(pt_train_step(rig.model, rig.optimizer, values, 2, sizeof(pt_array_t), 4, PT_STEP_ACCUMULATE, NULL));
    ck_ok(get_gradient(rig.model, 0, gradient, 10));
    ck_ok(pt_model_set_recompute(rig.model, 1));
    ck_ok(pt_model_set_trainable(rig.model, "*", 1, NULL));
    ck_ok(get_gradient(rig.model, 0, again, 10));
    ck_assert_mem_eq(gradient, again, sizeof again);
    ck_ok(pt_train_step(rig.model, rig.optimizer, values, 2, sizeof(pt_array_t), 4, PT_STEP_ACCUMULATE, NULL));
    ck_ok(get_gradient(rig.model, 0, again, 10));
    for (int i = 0; i < 10; i++)
        ck_assert_float_eq_tol(gradient[i], again[i], 1e-4f);
    rig_free(&rig);
}
END_TEST

/* ---- Results that cannot be written; callbacks that call back ---- */

START_TEST(test_results_are_checked_first)
{
    rig_t rig = rig_linear(32);
    pt_train_options_t options = rig_options(4, 4);
    pt_train_result_t result = {0};
    pt_evaluation_t evaluation = {0};
    pt_step_result_t step = {0};
    static float x[40], y[4];
    pt_array_t values[] = {{.name = "x", .data = x, .dtype = PT_FLOAT32},
                           {.name = "y", .data = y, .dtype = PT_FLOAT32}};
    uint64_t before = network_fingerprint(rig.model);
    ck_fails(pt_pretrain(rig.model, rig.optimizer, rig.data, &options, &result), PT_ERR_ARGUMENT, "struct_size");
    ck_fails(pt_evaluate(rig.model, rig.data, 4, &evaluation), PT_ERR_ARGUMENT, "struct_size");
    ck_fails(pt_train_step(rig.model, rig.optimizer, values, 2, sizeof(pt_array_t), 4, 0, &step), PT_ERR_ARGUMENT,
             "struct_size");
    ck_assert_uint_eq(network_fingerprint(rig.model), before);
    rig_free(&rig);
}
END_TEST

typedef struct trap {
    rig_t *rig;
    pt_model_t *other;
    pt_status_t statuses[12];
    int count;
} trap_t;

static void train_other(trap_t *trap)
{
    static float x[40], y[4];
    pt_array_t values[] = {{.name = "x", .data = x, .dtype = PT_FLOAT32},
                           {.name = "y", .data = y, .dtype = PT_FLOAT32}};
    ck_fails(pt_train_step(trap->other, trap->rig->optimizer, values, 2, sizeof(pt_array_t), 4, 0, NULL), PT_ERR_BUSY,
             "the optimizer is in use: a callback of the stage that it trains in, or of its schedule, may not use it");
    trap->count++;
}

static void rate_that_trains(void *user, pt_rate_t *rate)
{
    trap_t *trap = user;
    train_other(trap);
    pt_model_free(trap->other);
    trap->other = network_linear(trap->rig->context);
    rate->factor = 1;
    rate->status = PT_OK;
}

START_TEST(test_schedule_that_trains_another_model)
{
    rig_t rig = rig_linear(32);
    trap_t trap = {.rig = &rig, .other = network_linear(rig.context)};
    pt_schedule_options_t schedule;
    pt_train_options_t options = rig_options(3, 4);
    ck_ok(pt_schedule_options_init(&schedule, sizeof schedule));
    schedule.kind = PT_SCHEDULE_CALLBACK;
    schedule.callback = rate_that_trains;
    schedule.user = &trap;
    ck_ok(pt_optimizer_set_schedule(rig.optimizer, &schedule));
    ck_ok(pt_pretrain(rig.model, rig.optimizer, rig.data, &options, NULL));
    ck_assert_int_eq(trap.count, 3);
    pt_model_free(trap.other);
    rig_free(&rig);
}
END_TEST

static void train_another(void *user, pt_event_t *event)
{
    trap_t *trap = user;
    train_other(trap);
    trap->statuses[1] = pt_checkpoint_save(trap->other, trap->rig->optimizer, suite_path("another.safetensors"), NULL);
    trap->statuses[2] = pt_pretrain(trap->other, trap->rig->optimizer, trap->rig->data, NULL, NULL);
    event->action = PT_ACTION_GO_ON;
}

/* A stage's optimizer stays with its model, or its moments would be lost, until the stage is over. */
START_TEST(test_event_that_trains_another_model)
{
    rig_t rig = rig_linear(32);
    trap_t trap = {.rig = &rig, .other = network_linear(rig.context)};
    pt_train_options_t options = rig_options(3, 4);
    options.event = train_another;
    options.event_user = &trap;
    options.checkpoint_directory = suite_path("held");
    options.checkpoint_every = 1;
    ck_ok(pt_pretrain(rig.model, rig.optimizer, rig.data, &options, NULL));
    ck_assert_int_gt(trap.count, 0);
    for (int i = 1; i < 3; i++)
        ck_assert_int_eq(trap.statuses[i], PT_ERR_BUSY);
    options = rig_options(3, 4);
    ck_ok(pt_pretrain(trap.other, rig.optimizer, rig.data, &options, NULL));
    pt_model_free(trap.other);
    rig_free(&rig);
}
END_TEST

static void call_everything(void *user, pt_event_t *event)
{
    trap_t *trap = user;
    pt_model_t *model = trap->rig->model;
    network_task_t task = {0};
    pt_evaluation_t evaluation = {.struct_size = sizeof evaluation};
    pt_estimate_t estimate = {.struct_size = sizeof estimate};
    float value[10] = {0};
    int64_t count;
    double loss;
    int at = 0;
    event->action = PT_ACTION_GO_ON;
    if (event->kind != PT_EVENT_STEP || event->step > 1)
        return;
    trap->statuses[at++] = network_choose_task(model, &task);
    trap->statuses[at++] = pt_model_set_trainable(model, "*", 0, NULL);
    trap->statuses[at++] = pt_model_set_recompute(model, 1);
    trap->statuses[at++] = set_parameter(model, 0, value, 10);
    trap->statuses[at++] = pt_model_copy(model, model);
    trap->statuses[at++] = pt_model_load(model, "nowhere", NULL);
    trap->statuses[at++] = pt_checkpoint_load(model, NULL, "nowhere", NULL);
    trap->statuses[at++] = pt_evaluate(model, trap->rig->data, 4, &evaluation);
    trap->statuses[at++] = predict_floats(model, trap->rig->data, NULL, 4, NULL, 0, &count);
    trap->statuses[at++] = pt_loss(model, NULL, 0, sizeof(pt_array_t), 4, &loss);
    trap->statuses[at++] = pt_model_estimate(model, NULL, 4, NULL, 0, 0, &estimate);
    trap->statuses[at++] = pt_finetune(model, trap->rig->optimizer, trap->rig->data, NULL, NULL);
    trap->count = at;
    ck_ok(get_parameter(model, 0, value, 10));
    ck_ok(pt_checkpoint_save(model, trap->rig->optimizer, suite_path("within.safetensors"), NULL));
    pt_optimizer_free(trap->rig->optimizer); /* all live on until the stage ends */
    pt_dataset_free(trap->rig->data);
    pt_model_free(model);
    pt_context_free(trap->rig->context);
}

START_TEST(test_everything_from_a_callback)
{
    rig_t rig = rig_linear(32);
    trap_t trap = {.rig = &rig};
    pt_train_options_t options = rig_options(5, 4);
    pt_train_result_t result = {.struct_size = sizeof result};
    options.event = call_everything;
    options.event_user = &trap;
    options.evaluation = rig.data;
    ck_ok(pt_pretrain(rig.model, rig.optimizer, rig.data, &options, &result));
    ck_assert_int_eq(result.steps, 5);
    ck_assert_int_eq(trap.count, 12);
    for (int i = 0; i < trap.count; i++)
        ck_assert_msg(trap.statuses[i] == PT_ERR_BUSY, "call %d gave %s", i, pt_status_name(trap.statuses[i]));
}
END_TEST

/* ---- Threads ---- */

typedef struct job {
    pt_context_t *context;
    pt_model_t *model;
} job_t;

static void *train_in_context(void *argument)
{
    job_t *job = argument;
    pt_model_t *model = network_gpt(job->context);
    network_set_task(model, PT_TASK_CAUSAL_LM, 0);
    pt_optimizer_t *optimizer = network_optimizer(job->context, PT_OPTIMIZER_ADAMW, 1e-3);
    pt_dataset_t *data;
    static const int32_t tokens[12] = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8};
    static const int64_t lengths[2] = {12, 12};
    int32_t twice[24];
    for (int i = 0; i < 24; i++)
        twice[i] = tokens[i % 12];
    pt_array_t array = {.name = "tokens",
                        .dtype = PT_INT32,
                        .rank = 1,
                        .shape = {PT_DIM_TOKENS},
                        .max_length = 12,
                        .data = twice,
                        .lengths = view_data(lengths)};
    ck_ok(pt_dataset_create_from_arrays(job->context, &array, 1, sizeof(pt_array_t), 2, PT_DATASET_COPY, &data));
    pt_train_options_t options = rig_options(300, 2);
    ck_ok(pt_pretrain(model, optimizer, data, &options, NULL));
    job->model = model;
    pt_dataset_free(data);
    pt_optimizer_free(optimizer);
    return NULL;
}

/* Models of one context, each used by a thread of its own, do not meet in the context's scratch memory. */
START_TEST(test_models_of_one_context_at_once)
{
    job_t alone = {.context = network_context(2, 3)}, jobs[3];
    pthread_t threads[3];
    train_in_context(&alone);
    uint64_t fingerprint = network_fingerprint(alone.model);
    for (int i = 0; i < 3; i++) {
        jobs[i].context = alone.context;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, train_in_context, &jobs[i]), 0);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
        ck_assert_uint_eq(network_fingerprint(jobs[i].model), fingerprint);
        pt_model_free(jobs[i].model);
    }
    pt_model_free(alone.model);
    pt_context_free(alone.context);
}
END_TEST

/* ---- Plans ---- */

/* First and last rows of one tensor, side by side: each selection takes its own. */
START_TEST(test_first_and_last_rows)
{
    pt_context_t *context = network_context(1, 3);
    pt_graph_t *graph;
    pt_model_t *model;
    ck_ok(pt_graph_create(context, &graph));
    pt_tensor_t x = pt_input(graph, "x", PT_FLOAT32, 2, (int64_t[]){PT_DIM_TOKENS, 3});
    pt_tensor_t h = pt_linear_layer(graph, "h", x, 3, PT_ACTIVATION_NONE);
    pt_tensor_t first = pt_pool(graph, h, PT_POOL_FIRST), last = pt_pool(graph, h, PT_POOL_LAST);
    pt_graph_set_output(graph, "both", pt_concat(graph, (pt_tensor_t[]){first, last}, 2, 1));
    pt_graph_set_output(graph, "rows", h);
    ck_ok(pt_model_create(context, graph, &model));
    pt_graph_free(graph);
    float data[5 * 3], both[2 * 6], rows[5 * 3];
    int64_t lengths[] = {2, 3}, elements;
    for (int i = 0; i < 15; i++)
        data[i] = (float)i;
    pt_array_t values[] = {{.name = "x", .data = data, .lengths = lengths, .dtype = PT_FLOAT32}};
    ck_ok(forward_floats(model, values, 1, 2, "both", both, 12, &elements));
    ck_ok(forward_floats(model, values, 1, 2, "rows", rows, 15, &elements));
    static const int from[4] = {0, 1, 2, 4};
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < 3; k++)
            ck_assert_float_eq_tol(both[i * 3 + k], rows[from[i] * 3 + k], 1e-6f);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

/* A tensor that is an output and read on, one that is added to itself, one added twice over. */
START_TEST(test_outputs_within_sums)
{
    pt_context_t *context = network_context(1, 3);
    pt_graph_t *graph;
    pt_model_t *model;
    ck_ok(pt_graph_create(context, &graph));
    pt_tensor_t x = pt_input(graph, "x", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 4});
    pt_tensor_t p = pt_linear_layer(graph, "p", x, 4, PT_ACTIVATION_NONE),
                q = pt_linear_layer(graph, "q", p, 4, PT_ACTIVATION_NONE);
    pt_tensor_t sum = pt_add(graph, q, p), twice = pt_add(graph, sum, sum),
                all = pt_add(graph, pt_add(graph, twice, p), q);
    pt_graph_set_output(graph, "p", p);
    pt_graph_set_output(graph, "q", q);
    pt_graph_set_output(graph, "all", all);
    pt_graph_set_loss(graph, pt_mean(graph, pt_mean(graph, pt_mul(graph, all, all), 1, 0), 0, 0));
    ck_ok(pt_model_create(context, graph, &model));
    pt_graph_free(graph);
    float data[12], found_p[12], found_q[12], found_all[12];
    int64_t elements;
    for (int i = 0; i < 12; i++)
        data[i] = (float)(i % 5) - 2;
    pt_array_t values[] = {{.name = "x", .data = data, .dtype = PT_FLOAT32}};
    ck_ok(forward_floats(model, values, 1, 3, "p", found_p, 12, &elements));
    ck_ok(forward_floats(model, values, 1, 3, "q", found_q, 12, &elements));
    ck_ok(forward_floats(model, values, 1, 3, "all", found_all, 12, &elements));
    double square = 0, loss;
    for (int i = 0; i < 12; i++) {
        ck_assert_float_eq_tol(found_all[i], 3 * found_q[i] + 3 * found_p[i], 1e-4f);
        square += (double)found_all[i] * (double)found_all[i] / 12;
    }
    ck_ok(pt_loss(model, values, 1, sizeof(pt_array_t), 3, &loss));
    ck_assert_double_eq_tol(loss, square, 1e-4);
    /* the gradient of p's first weight against a difference */
    pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_SGD, 0);
    float gradient[16], weight[16];
    int64_t index;
    double up, down;
    ck_ok(pt_train_step(model, optimizer, values, 1, sizeof(pt_array_t), 3, PT_STEP_ACCUMULATE, NULL));
    ck_ok(pt_model_parameter_find(model, "p.weight", &index));
    ck_ok(get_gradient(model, index, gradient, 16));
    ck_ok(get_parameter(model, index, weight, 16));
    weight[5] += 0.01f;
    ck_ok(set_parameter(model, index, weight, 16));
    ck_ok(pt_loss(model, values, 1, sizeof(pt_array_t), 3, &up));
    weight[5] -= 0.02f;
    ck_ok(set_parameter(model, index, weight, 16));
    ck_ok(pt_loss(model, values, 1, sizeof(pt_array_t), 3, &down));
    ck_assert_double_eq_tol((up - down) / 0.02, (double)gradient[5], 0.02 * fabs((double)gradient[5]) + 1e-2);
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

/* The smallest network: tables and gaps weigh most. */
START_TEST(test_estimate_of_the_smallest)
{
    rig_t rig = rig_linear(32);
    static float x[64 * 10], y[64];
    pt_array_t values[] = {{.name = "x", .data = x, .dtype = PT_FLOAT32},
                           {.name = "y", .data = y, .dtype = PT_FLOAT32}};
    pt_estimate_t estimate = {.struct_size = sizeof estimate};
    int64_t before = pt_context_bytes(rig.context);
    ck_ok(pt_model_estimate(rig.model, rig.optimizer, 64, NULL, 0, 0, &estimate));
    ck_assert_int_eq(pt_context_bytes(rig.context), before);
    ck_ok(pt_train_step(rig.model, rig.optimizer, values, 2, sizeof(pt_array_t), 64, 0, NULL));
    double used = (double)pt_context_bytes(rig.context);
    ck_assert_msg(fabs((double)estimate.bytes - used) <= 0.05 * used, "estimated %lld bytes, used %.0f",
                  (long long)estimate.bytes, used);
    rig_free(&rig);
}
END_TEST

SUITE("robust", 200, test_sizes_of_no_machine, test_too_much_then_less, test_failing_changes_of_a_model,
      test_refused_checkpoint_leaves_the_optimizer, test_settings_within_an_accumulation,
      test_results_are_checked_first, test_schedule_that_trains_another_model, test_event_that_trains_another_model,
      test_everything_from_a_callback, test_models_of_one_context_at_once, test_first_and_last_rows,
      test_outputs_within_sums, test_estimate_of_the_smallest)
