/* Where stages begin, stop, go on and end: borders of resumption, cancelling, early ends, data that is over, labels
 * that do not count. */
#include "support/rig.h"

#include <math.h>
#include <stdio.h>

/* ---- Borders of resumption ---- */

static void stop_at(void *user, pt_event_t *event)
{
    event->action = event->kind == PT_EVENT_STEP && event->step == *(int64_t *)user ? PT_ACTION_STOP : PT_ACTION_GO_ON;
}

/* Trains 12 steps with an evaluation every 4, in a run that stops after `stop` steps and one that goes on. */
static pt_train_result_t resumed_at(const char *directory, int64_t stop, uint64_t *fingerprint)
{
    pt_train_result_t result = {.struct_size = sizeof result};
    for (int run = stop == 0; run < 2; run++) {
        rig_t rig = rig_linear(32);
        pt_train_options_t options = rig_options(12, 4);
        options.evaluation = rig.data;
        options.evaluate_every = 4;
        options.checkpoint_directory = directory;
        options.flags = PT_TRAIN_RESUME | PT_TRAIN_KEEP_BEST;
        options.event = stop_at;
        options.event_user = &stop;
        ck_ok(pt_pretrain(rig.model, rig.optimizer, rig.data, &options, &result));
        *fingerprint = network_fingerprint(rig.model);
        rig_free(&rig);
        stop = 0;
    }
    return result;
}

START_TEST(test_stop_before_an_evaluation)
{
    uint64_t whole, parts;
    pt_train_result_t one = resumed_at(suite_path("border-whole"), 0, &whole);
    for (int64_t stop = 1; stop <= 12; stop++) {
        char name[32];
        snprintf(name, sizeof name, "border-%d", (int)stop);
        pt_train_result_t other = resumed_at(suite_path(name), stop, &parts);
        ck_assert_uint_eq(whole, parts);
        ck_assert_int_eq(one.best_step, other.best_step);
        ck_assert_double_eq(one.best_value, other.best_value);
    }
}
END_TEST

/* A training that ended early is over: run again, it makes no further step. */
START_TEST(test_early_end_is_final)
{
    uint64_t fingerprint = 0;
    for (int run = 0; run < 2; run++) {
        rig_t rig = rig_linear(32);
        pt_train_options_t options = rig_options(0, 4);
        pt_train_result_t result = {.struct_size = sizeof result};
        options.epochs = 500;
        options.evaluation = rig.data;
        options.patience = 2;
        options.improvement = 0.01;
        options.checkpoint_directory = suite_path("early");
        options.flags = PT_TRAIN_RESUME | PT_TRAIN_KEEP_BEST;
        ck_ok(pt_pretrain(rig.model, rig.optimizer, rig.data, &options, &result));
        ck_assert_int_eq(result.reason, PT_REASON_EARLY);
        ck_assert_int_eq(result.steps == 0, run);
        ck_assert(run == 0 || network_fingerprint(rig.model) == fingerprint);
        fingerprint = network_fingerprint(rig.model);
        rig_free(&rig);
    }
}
END_TEST

/* The first run evaluates without keeping the best weights; the second would keep them, but has nothing left to do. */
START_TEST(test_best_that_was_not_kept)
{
    uint64_t fingerprint = 0;
    for (int run = 0; run < 2; run++) {
        rig_t rig = rig_linear(32);
        pt_train_options_t options = rig_options(8, 4);
        options.evaluation = rig.data;
        options.checkpoint_directory = suite_path("not-kept");
        options.flags = run == 0 ? PT_TRAIN_RESUME : PT_TRAIN_RESUME | PT_TRAIN_KEEP_BEST;
        ck_ok(pt_pretrain(rig.model, rig.optimizer, rig.data, &options, NULL));
        ck_assert(run == 0 || network_fingerprint(rig.model) == fingerprint);
        fingerprint = network_fingerprint(rig.model);
        rig_free(&rig);
    }
}
END_TEST

/* The newest checkpoint is damaged and lies where the stage will end: it is written anew, and none of the new ones
 * is pruned for its sake. */
START_TEST(test_damaged_checkpoint_at_the_end)
{
    const char *directory = "damaged-end";
    for (int run = 0; run < 3; run++) {
        rig_t rig = rig_linear(32);
        pt_train_options_t options = rig_options(8, 4);
        pt_train_result_t result = {.struct_size = sizeof result};
        options.checkpoint_directory = suite_path(directory);
        options.checkpoint_every = 2;
        options.checkpoints_kept = run == 0 ? 2 : 1;
        options.flags = PT_TRAIN_RESUME;
        ck_ok(pt_pretrain(rig.model, rig.optimizer, rig.data, &options, &result));
        ck_assert_int_eq(result.steps, run == 0 ? 8 : run == 1 ? 2 : 0);
        ck_assert_str_eq(pt_last_error(), "");
        rig_free(&rig);
        if (run == 0)
            suite_write("damaged-end/step-000000000008.safetensors", "damaged", 7);
    }
}
END_TEST

START_TEST(test_directory_of_another_training)
{
    rig_t rig = rig_linear(32);
    pt_train_options_t options = rig_options(4, 4);
    options.checkpoint_directory = suite_path("another");
    ck_ok(pt_pretrain(rig.model, rig.optimizer, rig.data, &options, NULL));
    uint64_t before = network_fingerprint(rig.model);
    ck_fails(pt_pretrain(rig.model, rig.optimizer, rig.data, &options, NULL), PT_ERR_STATE, "PT_TRAIN_RESUME");
    ck_assert_uint_eq(network_fingerprint(rig.model), before);
    rig_free(&rig);
}
END_TEST

/* Dropout goes on with the seed of the checkpoint, whatever the context's is. */
START_TEST(test_random_state_is_in_the_checkpoint)
{
    const char *path = suite_path("random.safetensors");
    uint64_t found[2];
    for (int run = 0; run < 2; run++) {
        pt_context_t *context = network_context(1, run == 0 ? 7 : 8);
        pt_model_t *model = network_gpt(context);
        network_set_task(model, PT_TASK_CAUSAL_LM, 0);
        pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_ADAMW, 1e-2);
        pt_dataset_t *data = network_text_data(context, 20, 1);
        pt_train_options_t options = rig_options(3, 4);
        options.shuffle_seed = 5;
        if (run == 0) {
            ck_ok(pt_pretrain(model, optimizer, data, &options, NULL));
            ck_ok(pt_checkpoint_save(model, optimizer, path, NULL));
        } else
            ck_ok(pt_checkpoint_load(model, optimizer, path, NULL));
        ck_ok(pt_pretrain(model, optimizer, data, &options, NULL));
        found[run] = network_fingerprint(model);
        pt_dataset_free(data);
        pt_optimizer_free(optimizer);
        pt_model_free(model);
        pt_context_free(context);
    }
    ck_assert_uint_eq(found[0], found[1]);
}
END_TEST

/* ---- Ends ---- */

typedef struct watch {
    pt_model_t *model;
    int64_t cancel_at; /* step; -1: at the first evaluation */
    int64_t ends, nonfinite;
    int32_t reason;
    double loss; /* of the last PT_EVENT_STEP */
} watch_t;

static void on_event(void *user, pt_event_t *event)
{
    watch_t *watch = user;
    if (event->kind == PT_EVENT_STEP && event->step == watch->cancel_at)
        pt_model_cancel(watch->model);
    if (event->kind == PT_EVENT_STEP)
        watch->loss = event->loss;
    if (event->kind == PT_EVENT_NONFINITE)
        watch->nonfinite++;
    if (event->kind == PT_EVENT_END) {
        watch->ends++;
        watch->reason = event->reason;
        (void)pt_train_step(watch->model, NULL, NULL, 0, sizeof(pt_array_t), 1, 0,
                            NULL); /* refused: the stage's own message must outlive it */
    }
    event->action = PT_ACTION_GO_ON;
}

START_TEST(test_cancel)
{
    rig_t rig = rig_linear(32);
    pt_train_options_t options = rig_options(8, 4);
    options.evaluation = rig.data;
    options.evaluate_every = 4;
    options.event = on_event;
    for (int64_t at = 1; at <= 8; at++) { /* 4: the evaluation meets it; 8: the last step */
        watch_t watch = {.model = rig.model, .cancel_at = at};
        pt_train_result_t result = {.struct_size = sizeof result};
        options.event_user = &watch;
        ck_fails(pt_pretrain(rig.model, rig.optimizer, rig.data, &options, &result), PT_ERR_CANCELLED,
                 "cancelled after");
        ck_assert_int_eq(result.reason, PT_REASON_CANCELLED);
        ck_assert_int_eq(result.steps, at);
        ck_assert_int_eq(watch.ends, 1);
        ck_assert_int_eq(watch.reason, PT_REASON_CANCELLED);
        ck_assert_ptr_nonnull(strstr(pt_model_last_error(rig.model), "cancelled after"));
    }
    watch_t watch = {.model = rig.model};
    options.event_user = &watch;
    ck_ok(pt_pretrain(rig.model, rig.optimizer, rig.data, &options, NULL)); /* none is left over */
    ck_assert_str_eq(pt_last_error(), "");
    rig_free(&rig);
}
END_TEST

START_TEST(test_data_that_is_over)
{
    rig_t rig = rig_linear(32);
    rig_stream_t stream = {.length = 18, .passes = 1};
    pt_dataset_t *data = rig_stream(rig.context, &stream);
    pt_train_options_t options = rig_options(1000, 4);
    pt_train_result_t result = {.struct_size = sizeof result};
    options.epochs = 2;
    options.evaluation = rig.data;
    options.flags = PT_TRAIN_KEEP_BEST;
    ck_ok(pt_pretrain(rig.model, rig.optimizer, data, &options, &result));
    ck_assert_int_eq(result.reason, PT_REASON_END_OF_DATA);
    ck_assert_int_eq(result.steps, 10);
    ck_assert_int_eq(result.best_step, 10); /* evaluated at the end, as steps are given */
    ck_assert(isfinite(result.best_value));
    options = rig_options(0, 4);
    options.epochs = 3;
    stream.passes = 0;
    ck_ok(pt_pretrain(rig.model, rig.optimizer, data, &options, &result));
    ck_assert_int_eq(result.reason, PT_REASON_DONE);
    ck_assert_int_eq(result.steps, 15);
    ck_assert_msg(result.loss < 1e5, "the mean over the last epoch is %g", result.loss);
    pt_dataset_free(data);
    rig_free(&rig);
}
END_TEST

START_TEST(test_evaluation_data_that_does_not_fit)
{
    rig_t rig = rig_linear(32);
    pt_train_options_t options = rig_options(1000000000, 4);
    pt_dataset_t *texts = network_text_data(rig.context, 4, 1);
    options.evaluation = texts;
    ck_fails(pt_pretrain(rig.model, rig.optimizer, rig.data, &options, NULL), PT_ERR_SHAPE,
             "pt_train_options.evaluation"); /* before the first step */
    pt_dataset_free(texts);
    rig_free(&rig);
}
END_TEST

/* A micro-batch, a batch, and all data without a label that counts. */
START_TEST(test_labels_that_do_not_count)
{
    pt_context_t *context = network_context(1, 3);
    pt_model_t *model = network_gpt(context);
    network_set_task(model, PT_TASK_CAUSAL_LM, 0);
    pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_ADAMW, 1e-3);
    static int32_t tokens[8 * 4], labels[8 * 4];
    static int64_t lengths[8];
    for (int i = 0; i < 32; i++) {
        tokens[i] = i % 17;
        labels[i] = i < 16 ? PT_IGNORE_INDEX : (i + 1) % 17;
        lengths[i / 4] = 4;
    }
    pt_array_t arrays[] = {{.name = "tokens",
                            .dtype = PT_INT32,
                            .rank = 1,
                            .shape = {PT_DIM_TOKENS},
                            .max_length = 4,
                            .data = tokens,
                            .lengths = lengths},
                           {.name = "labels",
                            .dtype = PT_INT32,
                            .rank = 1,
                            .shape = {PT_DIM_TOKENS},
                            .max_length = 4,
                            .data = labels,
                            .lengths = lengths}};
    pt_dataset_t *data;
    ck_ok(pt_dataset_create_from_arrays(context, arrays, 2, sizeof(pt_array_t), 8, 0, &data));
    for (int64_t micro = 1; micro <= 4; micro *= 2) {
        pt_train_options_t options = rig_options(2, 4); /* the first batch counts nothing */
        watch_t watch = {.model = model};
        pt_train_result_t result = {.struct_size = sizeof result};
        options.micro_batch = micro;
        options.flags = PT_TRAIN_IN_ORDER;
        options.event = on_event;
        options.event_user = &watch;
        options.event_every = 2;
        int64_t before = pt_optimizer_steps(optimizer);
        ck_ok(pt_pretrain(model, optimizer, data, &options, &result));
        ck_assert(isfinite(result.loss));
        ck_assert_double_eq(watch.loss, result.loss); /* a step without labels is no loss of 0 among the others */
        ck_assert_int_eq(watch.nonfinite, 0);
        ck_assert_int_eq(result.skipped, 0);
        ck_assert_int_eq(pt_optimizer_steps(optimizer), before + 1);
        options.batch = 8;
        options.steps = 1;
        ck_ok(pt_pretrain(model, optimizer, data, &options, &result)); /* some micro-batches count nothing */
        ck_assert(isfinite(result.loss) && result.loss > 0);
    }
    pt_dataset_free(data);
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

SUITE("borders", 200, test_stop_before_an_evaluation, test_early_end_is_final, test_best_that_was_not_kept,
      test_damaged_checkpoint_at_the_end, test_directory_of_another_training, test_random_state_is_in_the_checkpoint,
      test_cancel, test_data_that_is_over, test_evaluation_data_that_does_not_fit, test_labels_that_do_not_count)
