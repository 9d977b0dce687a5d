/* The stages end to end: learning, determinism over threads and micro-batches, resume bit by bit, early stopping,
 * budgets, events. */
#include "support/rig.h"
#include "support/views.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

typedef struct watch {
    int64_t events[8];
    int64_t stop_at, cancel_at;
    pt_model_t *model;
    double last_loss;
    pt_status_t reentry;
} watch_t;

static void on_event(void *user, pt_event_t *event)
{
    watch_t *watch = user;
    watch->events[event->kind]++;
    watch->last_loss = event->loss;
    ck_assert(event->bytes > 0);
    if (event->kind == PT_EVENT_STEP) {
        ck_assert(isfinite(event->loss));
        ck_assert(event->gradient_norm > 0);
        if (watch->cancel_at > 0 && event->step == watch->cancel_at)
            pt_model_cancel(watch->model);
        if (watch->model != NULL)
            watch->reentry = pt_train_step(watch->model, NULL, NULL, 0, sizeof(pt_array_t), 1, 0, NULL);
    }
    event->action = watch->stop_at > 0 && event->step >= watch->stop_at && event->kind == PT_EVENT_STEP
                        ? PT_ACTION_STOP
                        : PT_ACTION_GO_ON;
}

START_TEST(test_linear_learns)
{
    pt_context_t *context = network_context(2, 7);
    pt_model_t *model = network_linear(context);
    pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_SGD, 0.1);
    pt_dataset_t *data = network_linear_data(context, 200);
    pt_train_options_t options = rig_options(0, 16);
    watch_t watch = {0};
    pt_train_result_t result = {.struct_size = sizeof result};
    options.epochs = 60;
    options.event = on_event;
    options.event_user = &watch;
    ck_ok(pt_pretrain(model, optimizer, data, &options, &result));
    ck_assert_int_eq(result.reason, PT_REASON_DONE);
    ck_assert_int_eq(result.steps, 60 * 13); /* 200 samples: 12 full batches and one of 8 */
    ck_assert_int_eq(result.samples, 60 * 200);
    ck_assert_int_eq(watch.events[PT_EVENT_STEP], result.steps);
    ck_assert_int_eq(watch.events[PT_EVENT_END], 1);
    ck_assert(result.loss < 1e-4);
    pt_evaluation_t evaluation = {.struct_size = sizeof evaluation};
    ck_ok(pt_evaluate(model, data, 33, &evaluation));
    ck_assert(evaluation.loss < 1e-4);
    ck_assert(isnan(pt_model_metric_value(model, "accuracy")));
    ck_assert_double_eq(pt_model_metric_value(model, "loss"), evaluation.loss);
    ck_assert_int_eq(evaluation.samples, 200);
    float predictions[200];
    int64_t elements;
    ck_ok(predict_floats(model, data, NULL, 7, predictions, 200, &elements));
    ck_assert_int_eq(elements, 200);
    float y[200];
    int64_t indices[200];
    for (int64_t i = 0; i < 200; i++)
        indices[i] = i;
    ck_ok(read_field(data, indices, 200, "y", y, 200, &elements, NULL));
    for (int64_t i = 0; i < 200; i++)
        ck_assert_float_eq_tol(predictions[i], y[i], 0.05f);
    pt_dataset_free(data);
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

/* Pretrains and fine-tunes the little GPT; gives the fingerprint of its weights. */
static uint64_t journey(int32_t threads, int64_t micro_batch, double *accuracy)
{
    pt_context_t *context = network_context(threads, 3);
    pt_model_t *model = network_gpt(context);
    pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_ADAMW, 3e-3);
    pt_dataset_t *texts = network_text_data(context, 60, 1), *labelled = network_text_data(context, 60, 3);
    pt_train_options_t options = rig_options(40, 12);
    pt_evaluation_t evaluation = {.struct_size = sizeof evaluation};
    options.micro_batch = micro_batch;
    ck_ok(pt_pretrain(model, optimizer, texts, &options, NULL));
    ck_assert_str_eq(pt_model_task(model), PT_TASK_CAUSAL_LM);
    network_set_task(model, PT_TASK_CLASSIFICATION, 3);
    ck_assert_int_gt(pt_model_transfer_count(model, PT_TRANSFER_COPIED), 20);
    ck_assert_int_ge(pt_model_transfer_count(model, PT_TRANSFER_NEW), 1);
    ck_ok(pt_finetune(model, optimizer, labelled, &options, NULL));
    ck_ok(pt_evaluate(model, labelled, 0, &evaluation));
    *accuracy = pt_model_metric_value(model, "accuracy");
    uint64_t fingerprint = network_fingerprint(model);
    pt_dataset_free(texts);
    pt_dataset_free(labelled);
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    pt_context_free(context);
    return fingerprint;
}

START_TEST(test_pretrain_then_finetune)
{
    double accuracy, other;
    uint64_t one = journey(1, 0, &accuracy);
    ck_assert(accuracy > 0.95);
    ck_assert_uint_eq(one, journey(2, 0, &other));
    ck_assert_uint_eq(one, journey(5, 0, &other));
    journey(2, 5, &other); /* micro-batches of 5, 5 and 2: other dropout masks, so not the same bits */
    ck_assert(other > 0.9);
}
END_TEST

/* Without dropout the cut into micro-batches changes nothing but rounding. */
START_TEST(test_micro_batches_agree)
{
    float values[2][10];
    for (int cut = 0; cut < 2; cut++) {
        pt_context_t *context = network_context(1, 7);
        pt_model_t *model = network_linear(context);
        pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_ADAM, 0.01);
        pt_dataset_t *data = network_linear_data(context, 50);
        pt_train_options_t options = rig_options(20, 16);
        options.micro_batch = cut ? 5 : 0;
        ck_ok(pt_pretrain(model, optimizer, data, &options, NULL));
        ck_ok(get_parameter(model, 0, values[cut], 10));
        pt_dataset_free(data);
        pt_optimizer_free(optimizer);
        pt_model_free(model);
        pt_context_free(context);
    }
    for (int i = 0; i < 10; i++)
        ck_assert_float_eq_tol(values[0][i], values[1][i], 1e-5f);
}
END_TEST

/* Trains `steps` steps in all, in runs that stop after each of `stops` (0-terminated), each in a fresh context that
 * resumes. */
static uint64_t in_runs(const char *directory, const int64_t *stops, int64_t steps, uint32_t flags)
{
    uint64_t fingerprint = 0;
    for (int run = 0;; run++) {
        pt_context_t *context = network_context(2, 11);
        pt_model_t *model = network_gpt(context);
        network_set_task(model, PT_TASK_CLASSIFICATION, 3);
        pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_ADAMW, 3e-3);
        pt_schedule_options_t schedule;
        ck_ok(pt_schedule_options_init(&schedule, sizeof schedule));
        schedule.kind = PT_SCHEDULE_COSINE;
        schedule.warmup_steps = 5;
        ck_ok(pt_optimizer_set_schedule(optimizer, &schedule));
        pt_dataset_t *data = network_text_data(context, 50, 3), *held_out = network_text_data(context, 20, 3);
        pt_train_options_t options = rig_options(steps, 8);
        watch_t watch = {.stop_at = stops[run]};
        pt_train_result_t result = {.struct_size = sizeof result};
        options.flags = PT_TRAIN_RESUME | flags;
        options.micro_batch = 3;
        options.checkpoint_directory = directory;
        options.event = on_event;
        options.event_user = &watch;
        options.evaluation = held_out;
        options.evaluate_every = 4;
        ck_ok(pt_finetune(model, optimizer, data, &options, &result));
        ck_assert_int_eq(watch.events[PT_EVENT_RESUME], run > 0);
        fingerprint = network_fingerprint(model);
        pt_dataset_free(held_out);
        pt_dataset_free(data);
        pt_optimizer_free(optimizer);
        pt_model_free(model);
        pt_context_free(context);
        if (stops[run] == 0)
            return fingerprint;
        ck_assert_int_eq(result.reason, PT_REASON_HOST);
    }
}

static void check_resume(uint32_t flags)
{
    uint64_t whole = in_runs(suite_path(flags ? "best-whole" : "whole"), (int64_t[]){0}, 31, flags);
    ck_assert_uint_eq(whole, in_runs(suite_path(flags ? "best-twice" : "twice"), (int64_t[]){10, 0}, 31, flags));
    ck_assert_uint_eq(whole,
                      in_runs(suite_path(flags ? "best-often" : "often"), (int64_t[]){1, 6, 7, 21, 30, 0}, 31, flags));
}

/* One optimizer for two stages: a schedule over the stage's steps begins with each. */
START_TEST(test_schedule_of_the_second_stage)
{
    rig_t rig = rig_linear(64);
    pt_train_options_t options = rig_options(8, 8);
    pt_schedule_options_t schedule;
    pt_evaluation_t before = {.struct_size = sizeof before}, after = {.struct_size = sizeof after};
    ck_ok(pt_schedule_options_init(&schedule, sizeof schedule));
    schedule.kind = PT_SCHEDULE_LINEAR;
    ck_ok(pt_optimizer_set_schedule(rig.optimizer, &schedule));
    ck_ok(pt_pretrain(rig.model, rig.optimizer, rig.data, &options, NULL));
    ck_ok(pt_evaluate(rig.model, rig.data, 0, &before));
    ck_ok(pt_pretrain(rig.model, rig.optimizer, rig.data, &options, NULL));
    ck_ok(pt_evaluate(rig.model, rig.data, 0, &after));
    ck_assert_double_lt(after.loss, 0.9 * before.loss);
    rig_free(&rig);
}
END_TEST

START_TEST(test_resume_needs_a_stage)
{
    rig_t rig = rig_linear(64);
    pt_train_options_t options = rig_options(8, 8);
    const char *directory = suite_path("saved-by-hand");
    char path[512];
    ck_ok(pt_pretrain(rig.model, rig.optimizer, rig.data, &options, NULL));
    snprintf(path, sizeof path, "%s/step-000000000008.safetensors", directory);
    options.checkpoint_directory = directory;
    options.flags = PT_TRAIN_RESUME;
    ck_ok(pt_pretrain(rig.model, rig.optimizer, rig.data, &options, NULL)); /* makes the directory */
    ck_ok(pt_checkpoint_save(rig.model, rig.optimizer, path, NULL));
    ck_fails(pt_pretrain(rig.model, rig.optimizer, rig.data, &options, NULL), PT_ERR_STATE, "outside of a stage");
    rig_free(&rig);
}
END_TEST

/* Epochs are epochs, whatever the size of the batches before and after. */
START_TEST(test_resume_with_other_batches)
{
    static const int64_t batches[2] = {16, 4}, rest[2] = {5 + 2 * 10, 20 + 2 * 40}; /* half an epoch and two more */
    for (int i = 0; i < 2; i++) {
        rig_t rig = rig_linear(160);
        pt_train_options_t options = rig_options(0, 8);
        watch_t watch = {.stop_at = 10};
        pt_train_result_t result = {.struct_size = sizeof result};
        options.epochs = 3;
        options.flags = PT_TRAIN_RESUME;
        options.checkpoint_directory = suite_path(i == 0 ? "larger" : "smaller");
        options.event = on_event;
        options.event_user = &watch;
        ck_ok(pt_pretrain(rig.model, rig.optimizer, rig.data, &options, &result));
        ck_assert_int_eq(result.reason, PT_REASON_HOST);
        watch.stop_at = 0;
        options.batch = batches[i];
        ck_ok(pt_pretrain(rig.model, rig.optimizer, rig.data, &options, &result));
        ck_assert_int_eq(result.reason, PT_REASON_DONE);
        ck_assert_int_eq(result.steps, rest[i]);
        ck_assert_int_eq(result.samples, 80 + 2 * 160);
        ck_ok(pt_pretrain(rig.model, rig.optimizer, rig.data, &options, &result)); /* nothing is left */
        ck_assert(result.steps == 0 && isnan(result.loss));
        rig_free(&rig);
    }
}
END_TEST

START_TEST(test_resume_is_exact)
{
    check_resume(0);
}
END_TEST

START_TEST(test_resume_keeps_best)
{
    check_resume(PT_TRAIN_KEEP_BEST);
}
END_TEST

START_TEST(test_early_stop_keeps_best)
{
    pt_context_t *context = network_context(1, 5);
    pt_model_t *model = network_linear(context);
    pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_SGD, 0.1);
    pt_dataset_t *data = network_linear_data(context, 64);
    pt_train_options_t options = rig_options(0, 8);
    pt_train_result_t result = {.struct_size = sizeof result};
    pt_evaluation_t evaluation = {.struct_size = sizeof evaluation};
    options.epochs = 1000;
    options.evaluation = data;
    options.patience = 3;
    options.improvement = 1e-3;
    options.flags = PT_TRAIN_KEEP_BEST;
    ck_ok(pt_pretrain(model, optimizer, data, &options, &result));
    ck_assert_int_eq(result.reason, PT_REASON_EARLY);
    ck_assert_int_lt(result.steps, 8000);
    ck_assert_int_eq(result.best_step, result.steps - 3 * 8);
    ck_ok(pt_evaluate(model, data, 0, &evaluation));
    ck_assert_double_eq_tol(evaluation.loss, result.best_value, 1e-9);
    pt_dataset_free(data);
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

START_TEST(test_stops)
{
    pt_context_t *context = network_context(1, 5);
    pt_model_t *model = network_linear(context);
    pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_SGD, 0.1);
    pt_dataset_t *data = network_linear_data(context, 64);
    pt_train_options_t options = rig_options(1000000000, 8);
    pt_train_result_t result = {.struct_size = sizeof result};
    watch_t watch = {.model = model, .cancel_at = 5};
    options.event = on_event;
    options.event_user = &watch;
    ck_fails(pt_pretrain(model, optimizer, data, &options, &result), PT_ERR_CANCELLED, "step 5");
    ck_assert_int_eq(watch.reentry, PT_ERR_BUSY);
    ck_assert_int_eq(result.steps, 5);
    ck_assert_str_ne(pt_model_last_error(model), "");
    watch = (watch_t){.stop_at = 9};
    ck_ok(pt_pretrain(model, optimizer, data, &options, &result));
    ck_assert_int_eq(result.reason, PT_REASON_HOST);
    ck_assert_int_eq(result.steps, 9);
    options.event = NULL;
    options.time_budget = 0.05;
    ck_ok(pt_pretrain(model, optimizer, data, &options, &result));
    ck_assert_int_eq(result.reason, PT_REASON_TIME);
    options.time_budget = 0;
    options.epochs = 2;
    ck_ok(pt_pretrain(model, optimizer, data, &options, &result));
    ck_assert_int_eq(result.steps, 16);
    pt_dataset_free(data);
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

START_TEST(test_memory_budget)
{
    pt_context_t *context = network_context(1, 5);
    pt_model_t *model = network_gpt(context);
    network_set_task(model, PT_TASK_CAUSAL_LM, 0);
    pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_ADAMW, 1e-3);
    pt_dataset_t *data = network_text_data(context, 64, 1);
    pt_train_options_t options = rig_options(2, 64);
    options.memory_budget = 1000;
    ck_fails(pt_pretrain(model, optimizer, data, &options, NULL), PT_ERR_BUDGET, "1 samples at a time need");
    options.memory_budget = 400000;
    int64_t before = pt_context_bytes(context); /* the device's workspaces and the parameters among it */
    ck_ok(pt_pretrain(model, optimizer, data, &options, NULL));
    ck_assert_int_le(pt_context_bytes(context) - before, 400000);
    pt_dataset_free(data);
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

START_TEST(test_estimate)
{
    pt_context_t *context = network_context(1, 5);
    pt_model_t *model;
    static const char config[] = "{\"model_type\": \"gpt2\", \"vocab_size\": 65, \"n_positions\": 64, \"n_embd\": 64, "
                                 "\"n_layer\": 2, \"n_head\": 4}";
    ck_ok(pt_model_create_from_config(context, config, strlen(config), &model));
    network_set_task(model, PT_TASK_CAUSAL_LM, 0);
    pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_ADAMW, 1e-3);
    pt_estimate_t estimate = {.struct_size = sizeof estimate};
    ck_ok(pt_model_estimate(model, optimizer, 12, TOKEN_ROWS(12 * 64), &estimate));
    static int32_t tokens[12 * 64];
    int64_t lengths[12];
    for (int i = 0; i < 12 * 64; i++)
        tokens[i] = i % 65;
    for (int i = 0; i < 12; i++)
        lengths[i] = 64;
    pt_array_t values[] = {{.name = "tokens", .data = tokens, .lengths = lengths, .dtype = PT_INT32}};
    ck_ok(pt_train_step(model, optimizer, values, 1, sizeof(pt_array_t), 12, 0, NULL));
    double used = (double)pt_context_bytes(context);
    ck_assert_msg(fabs((double)estimate.bytes - used) <= 0.05 * used, "estimated %lld bytes, used %.0f",
                  (long long)estimate.bytes, used);
    /* 6 operations a weight and token for the matrices, roughly; attention and norms on top */
    double matrices = 6.0 * (2 * 12 * 64 * 64 + 65 * 64) * 12 * 64;
    ck_assert(estimate.operations > matrices && estimate.operations < 1.5 * matrices);
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

START_TEST(test_wrong_order)
{
    pt_context_t *context = network_context(1, 5), *other = network_context(1, 6);
    pt_model_t *model = network_gpt(context);
    pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_ADAMW, 1e-3),
                   *foreign = network_optimizer(other, PT_OPTIMIZER_ADAMW, 1e-3);
    pt_dataset_t *texts = network_text_data(context, 10, 1), *rows = network_linear_data(context, 10);
    pt_train_options_t options = rig_options(1, 4);
    pt_evaluation_t evaluation = {.struct_size = sizeof evaluation};
    ck_fails(pt_finetune(model, optimizer, texts, &options, NULL), PT_ERR_STATE, "no loss");
    ck_fails(pt_evaluate(model, texts, 0, &evaluation), PT_ERR_STATE, "no loss");
    network_set_task(model, PT_TASK_CLASSIFICATION, 3);
    ck_fails(pt_pretrain(model, optimizer, texts, &options, NULL), PT_ERR_STATE, "pt_finetune");
    ck_fails(pt_finetune(model, optimizer, texts, &options, NULL), PT_ERR_SHAPE, "label");
    ck_fails(pt_finetune(model, optimizer, rows, &options, NULL), PT_ERR_SHAPE, "tokens");
    ck_fails(pt_finetune(model, foreign, texts, &options, NULL), PT_ERR_ARGUMENT, "another context");
    pt_dataset_free(texts);
    pt_dataset_free(rows);
    pt_optimizer_free(optimizer);
    pt_optimizer_free(foreign);
    pt_model_free(model);
    pt_context_free(context);
    pt_context_free(other);
}
END_TEST

typedef struct nap {
    int64_t calls;
    double processor_seconds; /* that the process used while its callbacks slept */
} nap_t;

static double processor_seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

enum { NAP_WIDTH = 256, NAP_STEPS = 20, NAP_MILLISECONDS = 10 };

static void fetch_asleep(void *user, pt_batch_t *batch)
{
    nap_t *nap = user;
    double before = processor_seconds();
    nanosleep(&(struct timespec){.tv_nsec = NAP_MILLISECONDS * 1000000}, NULL);
    nap->processor_seconds += processor_seconds() - before;
    nap->calls++;
    for (int64_t i = 0; i < batch->capacity * NAP_WIDTH; i++)
        ((float *)batch->fields[0].data)[i] = (float)(i % 7);
    for (int64_t i = 0; i < batch->capacity * NAP_WIDTH; i++)
        ((float *)batch->fields[1].data)[i] = 1;
    batch->filled = batch->capacity;
    batch->status = PT_OK;
}

/* The pool's threads are wide awake when a step ends, and asleep while the host makes the next batch. The network
 * has no matrix product, as a BLAS may have threads of its own, and they may spin. */
START_TEST(test_no_thread_spins_while_a_callback_runs)
{
    static const pt_field_spec_t fields[] = {{.name = "x", .dtype = PT_FLOAT32, .rank = 1, .shape = {NAP_WIDTH}},
                                             {.name = "y", .dtype = PT_FLOAT32, .rank = 1, .shape = {NAP_WIDTH}}};
    pt_context_t *context = network_context(4, 7);
    pt_graph_t *graph;
    pt_model_t *model;
    pt_dataset_t *data;
    nap_t nap = {0};
    ck_ok(pt_graph_create(context, &graph));
    pt_tensor_t x = pt_input(graph, "x", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, NAP_WIDTH});
    pt_tensor_t y = pt_input(graph, "y", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, NAP_WIDTH});
    pt_tensor_t hidden = pt_gelu(graph, pt_layer_norm_layer(graph, "first", x, 1e-5));
    pt_graph_set_loss(graph, pt_mse_loss(graph, pt_layer_norm_layer(graph, "second", hidden, 1e-5), y, NULL));
    ck_ok(pt_model_create(context, graph, &model));
    ck_ok(
        pt_dataset_create_map(context, fields, 2, sizeof(pt_field_spec_t), 10000, 0, fetch_asleep, &nap, NULL, &data));
    pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_SGD, 1e-4);
    pt_train_options_t options = rig_options(NAP_STEPS, 512);
    ck_ok(pt_pretrain(model, optimizer, data, &options, NULL));
    ck_assert_int_ge(nap.calls, NAP_STEPS);
    /* threads that wait may spin for some microseconds before they sleep, later where the machine is busy; not for the
     * whole of a callback */
    ck_assert_double_lt(nap.processor_seconds, 0.0002 * NAP_MILLISECONDS * (double)nap.calls);
    pt_graph_free(graph);
    pt_dataset_free(data);
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

SUITE("stage", 120, test_linear_learns, test_pretrain_then_finetune, test_micro_batches_agree,
      test_schedule_of_the_second_stage, test_resume_needs_a_stage, test_resume_with_other_batches,
      test_resume_is_exact, test_resume_keeps_best, test_early_stop_keeps_best, test_stops, test_memory_budget,
      test_estimate, test_wrong_order, test_no_thread_spins_while_a_callback_runs)
