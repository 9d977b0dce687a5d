/* What one failed write costs a stage, and that skipped steps cost no good checkpoint. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/failing_io.h"
#include "support/rig.h"

/* What a directory holds, joined by blanks: of checkpoints the last two digits of their steps. */
static const char *listing(const char *directory)
{
    static char joined[1000];
    char names[4000];
    joined[0] = 0;
    snprintf(names, sizeof names, "%s", suite_listing(directory));
    for (char *rest = names, *name; (name = strtok_r(rest, " ", &rest)) != NULL;) {
        int32_t is_checkpoint = strncmp(name, "step-0000000000", 15) == 0 && strlen(name) == 29;
        strcat(joined, joined[0] != 0 ? " " : "");
        strncat(joined, is_checkpoint ? name + 15 : name, is_checkpoint ? 2 : 100);
    }
    return joined;
}

typedef struct watch { /* what a stage tells, and when the disk fails */
    failing_io_t kind;
    long n;
    int error;
    int64_t from, until; /* the disk fails between the events of these steps; 0: never */
    int32_t ends;        /* at the first failed checkpoint the host ends the stage */
    const char *removes; /* a file, before the disk fails */
    int64_t failed, written, skipped, last_step;
    char checkpoints[200]; /* their steps */
    char path[600], message[1024];
} watch_t;

static void look(void *user, pt_event_t *event)
{
    watch_t *watch = user;
    event->action = PT_ACTION_GO_ON;
    if (event->kind == PT_EVENT_STEP) {
        watch->last_step = event->step;
        if (event->step == watch->from) {
            if (watch->removes != NULL)
                ck_assert_int_eq(unlink(watch->removes), 0);
            failing_io_arm(watch->kind, watch->n, watch->error);
        }
        if (event->step == watch->until)
            failing_io_disarm();
    }
    watch->skipped += event->kind == PT_EVENT_NONFINITE;
    if (event->kind == PT_EVENT_CHECKPOINT) {
        size_t used = strlen(watch->checkpoints);
        watch->written++;
        ck_assert_ptr_null(event->message);
        if (used < 190)
            snprintf(watch->checkpoints + used, sizeof watch->checkpoints - used, "%s%d", used > 0 ? " " : "",
                     (int)event->step);
    }
    if (event->kind == PT_EVENT_CHECKPOINT_FAILED) {
        watch->failed++;
        snprintf(watch->path, sizeof watch->path, "%s", event->path);
        snprintf(watch->message, sizeof watch->message, "%s", event->message);
        ck_assert_str_eq(pt_last_error(), event->message);
        if (watch->ends) {
            failing_io_disarm();
            event->action = PT_ACTION_STOP;
        }
    }
}

static pt_train_options_t options_of(const char *directory, int64_t steps, watch_t *watch)
{
    pt_train_options_t options = rig_options(steps, 4);
    options.checkpoint_directory = directory;
    options.checkpoint_every = 1;
    options.flags = PT_TRAIN_RESUME | PT_TRAIN_IN_ORDER;
    options.event = look;
    options.event_user = watch;
    return options;
}

static pt_status_t train(rig_t *rig, const char *directory, int64_t steps, watch_t *watch)
{
    pt_train_options_t options = options_of(directory, steps, watch);
    pt_status_t status = pt_pretrain(rig->model, rig->optimizer, rig->data, &options, NULL);
    char message[1024];
    snprintf(message, sizeof message, "%s", pt_last_error());
    failing_io_disarm();
    pt__error_set(message);
    return status;
}

/* ---- The disk ---- */

/* Each call that may fail fails once in a while, or from then on: the training goes on to the same weights, what was
 * not written is told, the next checkpoint is tried, and nothing is left aside. */
START_TEST(test_failing_calls_within_a_stage)
{
    rig_t whole = rig_linear(32);
    watch_t watch = {0};
    int64_t failures = 0;
    ck_ok(train(&whole, suite_path("whole"), 8, &watch));
    const uint64_t expected = network_fingerprint(whole.model);
    rig_free(&whole);
    for (failing_io_t kind = FAILING_WRITE; kind <= FAILING_OPENDIR; kind++)
        for (long n = 1; n <= 3; n++) {
            char directory[600], name[32];
            rig_t rig = rig_linear(32);
            watch = (watch_t){.kind = kind, .n = n, .error = n == 2 ? EIO : ENOSPC, .from = 3, .until = 6};
            snprintf(name, sizeof name, "disk%d-%ld", (int)kind, n);
            snprintf(directory, sizeof directory, "%s", suite_path(name));
            ck_ok(train(&rig, directory, 8, &watch));
            ck_assert_str_eq(pt_last_error(), "");
            ck_assert_int_eq(watch.last_step, 8);
            ck_assert_int_eq(watch.written + watch.failed, 8);
            ck_assert(n > 1 || watch.failed == 3); /* after steps 3 to 5 */
            if (watch.failed > 0) {
                ck_assert_ptr_nonnull(strstr(watch.message, strerror(watch.error)));
                ck_assert_ptr_nonnull(strstr(watch.message, watch.path));
                ck_assert_ptr_nonnull(strstr(watch.path, "step-000000000005.safetensors"));
            }
            failures += watch.failed;
            ck_assert_uint_eq(network_fingerprint(rig.model), expected);
            ck_assert_str_eq(listing(directory), "07 08");
            rig_free(&rig);
        }
    ck_assert_int_ge(failures, 20);
}
END_TEST

/* Killed, or ended, while the disk fails: what is there is whole, and gone on from to the same bits. */
START_TEST(test_resume_after_failed_checkpoints)
{
    rig_t whole = rig_linear(32), rig = rig_linear(32);
    watch_t watch = {0};
    const char *directory = suite_path("resumed");
    ck_ok(train(&whole, suite_path("whole"), 10, &watch));
    watch = (watch_t){.kind = FAILING_FSYNC, .n = 1, .error = EIO, .from = 3};
    ck_fails(train(&rig, directory, 6, &watch), PT_ERR_IO, "step-000000000006.safetensors: cannot sync");
    ck_assert_int_eq(watch.failed, 4); /* after 3 to 6; the stage's last was tried once more */
    ck_assert_int_eq(watch.last_step, 6);
    ck_assert_str_eq(listing(directory), "01 02");
    rig_free(&rig);
    rig = rig_linear(32);
    watch = (watch_t){0};
    ck_ok(train(&rig, directory, 10, &watch));
    ck_assert_str_eq(watch.checkpoints, "3 4 5 6 7 8 9 10");
    ck_assert_uint_eq(network_fingerprint(rig.model), network_fingerprint(whole.model));
    rig_free(&rig);
    rig_free(&whole);
}
END_TEST

START_TEST(test_without_an_older_one)
{
    rig_t rig = rig_linear(32);
    watch_t watch = {.kind = FAILING_WRITE, .n = 1, .error = ENOSPC, .from = 1};
    const char *directory = suite_path("first"), *gone = suite_path("gone");
    char removed[600];
    ck_fails(train(&rig, directory, 6, &watch), PT_ERR_IO, "step-000000000001.safetensors: cannot write: No space");
    ck_assert(watch.last_step == 1 && watch.failed == 0);
    ck_assert_str_eq(listing(directory), "");
    /* nor where somebody has taken it away */
    snprintf(removed, sizeof removed, "%s/step-000000000002.safetensors", gone);
    watch = (watch_t){.kind = FAILING_RENAME, .n = 1, .error = EROFS, .from = 3, .removes = removed};
    ck_fails(train(&rig, gone, 6, &watch), PT_ERR_IO, "step-000000000003.safetensors: cannot put");
    ck_assert(watch.last_step == 3 && watch.failed == 0);
    /* one that was resumed from is an older one */
    rig_free(&rig);
    rig = rig_linear(32);
    watch = (watch_t){.kind = FAILING_RENAME, .n = 1, .error = EROFS, .from = 2, .until = 3};
    ck_ok(train(&rig, gone, 4, &watch));
    ck_assert(watch.last_step == 4 && watch.failed == 1);
    rig_free(&rig);
}
END_TEST

START_TEST(test_host_ends_at_a_failed_checkpoint)
{
    rig_t rig = rig_linear(32);
    watch_t watch = {.kind = FAILING_WRITE, .n = 1, .error = EDQUOT, .from = 3, .ends = 1};
    pt_train_result_t result = {.struct_size = sizeof result};
    pt_train_options_t options = options_of(suite_path("ended"), 6, &watch);
    ck_ok(pt_pretrain(rig.model, rig.optimizer, rig.data, &options, &result));
    ck_assert_int_eq(result.reason, PT_REASON_HOST);
    ck_assert_int_eq(result.steps, 3);
    ck_assert_str_eq(listing(suite_path("ended")), "02 03"); /* the host has made room before it ended the stage */
    rig_free(&rig);
}
END_TEST

/* By time a failed one is tried again when the next is due, not at each step. */
START_TEST(test_failed_checkpoint_by_time)
{
    rig_t rig = rig_linear(32);
    watch_t watch = {.kind = FAILING_WRITE, .n = 1, .error = ENOSPC, .from = 2};
    pt_train_options_t options = options_of(suite_path("timed"), 3, &watch);
    ck_ok(pt_pretrain(rig.model, rig.optimizer, rig.data, &options, NULL) == PT_ERR_IO ? PT_OK : PT_ERR_INTERNAL);
    failing_io_disarm();
    options = options_of(suite_path("timed"), 200, &watch);
    options.checkpoint_every = 0;
    options.checkpoint_seconds = 1000;
    watch = (watch_t){0};
    ck_ok(pt_pretrain(rig.model, rig.optimizer, rig.data, &options, NULL));
    ck_assert_str_eq(watch.checkpoints, "200");
    options = options_of(suite_path("timed"), 300, &watch);
    options.checkpoint_every = 0;
    options.checkpoint_seconds = 1e-9; /* always */
    watch = (watch_t){.kind = FAILING_WRITE, .n = 1, .error = ENOSPC, .from = 201, .until = 299};
    failing_io_skip_fsync();
    ck_ok(pt_pretrain(rig.model, rig.optimizer, rig.data, &options, NULL));
    ck_assert_int_eq(watch.failed, 98);
    ck_assert_str_eq(listing(suite_path("timed")), "step-000000000299.safetensors step-000000000300.safetensors");
    rig_free(&rig);
}
END_TEST

/* The weights of the best evaluation are taken back also where the last checkpoint cannot be written. */
START_TEST(test_best_weights_after_a_failed_last_checkpoint)
{
    uint64_t found[2];
    for (int fails = 0; fails < 2; fails++) {
        rig_t rig = rig_linear(32);
        pt_optimizer_free(rig.optimizer);
        rig.optimizer = network_optimizer(rig.context, PT_OPTIMIZER_SGD, 1.5); /* gets worse and worse */
        watch_t watch = {.kind = FAILING_WRITE, .n = 1, .error = ENOSPC, .from = fails ? 6 : 0};
        pt_train_options_t options = options_of(suite_path(fails ? "bad" : "good"), 6, &watch);
        options.evaluation = rig.data;
        options.evaluate_every = 1;
        options.flags |= PT_TRAIN_KEEP_BEST;
        pt_status_t status = pt_pretrain(rig.model, rig.optimizer, rig.data, &options, NULL);
        failing_io_disarm();
        ck_assert_int_eq(status, fails ? PT_ERR_IO : PT_OK);
        if (fails)
            ck_assert_ptr_nonnull(strstr(pt_last_error(), "step-000000000006.safetensors: cannot write"));
        found[fails] = network_fingerprint(rig.model);
        rig_free(&rig);
    }
    ck_assert_uint_eq(found[0], found[1]);
}
END_TEST

/* ---- Skipped steps ---- */

/* Samples of the linear network's data whose numbers lie from `first` to `last` are too large for any gradient. */
static pt_dataset_t *data_with_giants(pt_context_t *context, int64_t first, int64_t last)
{
    static float x[64 * 10], y[64];
    pt_dataset_t *dataset;
    for (int64_t i = 0; i < 64; i++)
        for (int64_t k = 0; k < 10; k++) {
            x[i * 10 + k] = i >= first && i <= last ? 1e30f : (float)((i * 37 + k * 11) % 23) / 23 - 0.5f;
            y[i] = x[i * 10] / 2;
        }
    pt_array_t arrays[] = {{.name = "x", .dtype = PT_FLOAT32, .rank = 1, .shape = {10}, .data = x},
                           {.name = "y", .dtype = PT_FLOAT32, .rank = 1, .shape = {1}, .data = y}};
    ck_ok(pt_dataset_create_from_arrays(context, arrays, 2, sizeof(pt_array_t), 64, PT_DATASET_COPY, &dataset));
    return dataset;
}

static rig_t rig_with_giants(int64_t first, int64_t last)
{
    rig_t rig = rig_linear(4);
    pt_dataset_free(rig.data);
    rig.data = data_with_giants(rig.context, first, last);
    return rig;
}

/* One skipped step in passing: its checkpoint comes after the next step that is made, and nothing else changes. */
START_TEST(test_no_checkpoint_after_a_skipped_step)
{
    rig_t rig = rig_with_giants(12, 19); /* steps 4 and 5 */
    watch_t watch = {0};
    ck_ok(train(&rig, suite_path("every"), 8, &watch));
    ck_assert_int_eq(watch.skipped, 2);
    ck_assert_str_eq(watch.checkpoints, "1 2 3 6 7 8");
    ck_assert_str_eq(listing(suite_path("every")), "07 08");
    rig_free(&rig);
    rig = rig_with_giants(12, 19);
    pt_train_options_t options = options_of(suite_path("fourth"), 10, &watch);
    options.checkpoint_every = 4;
    watch = (watch_t){0};
    ck_ok(pt_pretrain(rig.model, rig.optimizer, rig.data, &options, NULL));
    ck_assert_str_eq(watch.checkpoints, "6 8 10");
    ck_assert_str_eq(listing(suite_path("fourth")), "08 10");
    rig_free(&rig);
}
END_TEST

/* A stage that ends among skipped steps is saved where it stands, and pushes nothing out. */
START_TEST(test_end_among_skipped_steps)
{
    rig_t rig = rig_with_giants(12, 27), whole = rig_with_giants(12, 27); /* steps 4 to 7 */
    watch_t watch = {0};
    ck_ok(train(&whole, suite_path("whole"), 12, &watch));
    watch = (watch_t){0};
    ck_ok(train(&rig, suite_path("among"), 5, &watch));
    ck_assert_str_eq(watch.checkpoints, "1 2 3 5");
    ck_assert_str_eq(listing(suite_path("among")), "01 02 03 05");
    rig_free(&rig);
    rig = rig_with_giants(12, 27);
    watch = (watch_t){0};
    ck_ok(train(&rig, suite_path("among"), 12, &watch));
    ck_assert_str_eq(watch.checkpoints, "8 9 10 11 12");
    ck_assert_str_eq(listing(suite_path("among")), "11 12");
    ck_assert_uint_eq(network_fingerprint(rig.model), network_fingerprint(whole.model));
    rig_free(&rig);
    rig_free(&whole);
}
END_TEST

typedef struct leap { /* one step with a rate that no training survives; 0: none */
    int64_t at;
    double factor;
} leap_t;

static void rate(void *user, pt_rate_t *rate)
{
    const leap_t *leap = user;
    rate->factor = rate->step == leap->at ? leap->factor : 1;
    rate->status = PT_OK;
}

/* Two layers: what is huge in both is infinite in their product. */
static rig_t rig_of_two_layers(void)
{
    static const char config[] = "{\"model_type\": \"mlp\", \"input_size\": 10, \"hidden_sizes\": [4]}";
    rig_t rig = {.context = network_context(1, 7)};
    static float x[64 * 10], y[64];
    for (int i = 0; i < 640; i++)
        x[i] = y[i / 10] = (float)(i * 37 % 23) / 23 - 0.5f;
    pt_array_t arrays[] = {{.name = "features", .dtype = PT_FLOAT32, .rank = 1, .shape = {10}, .data = x},
                           {.name = "target", .dtype = PT_FLOAT32, .rank = 1, .shape = {1}, .data = y}};
    ck_ok(pt_model_create_from_config(rig.context, config, sizeof config - 1, &rig.model));
    network_set_task(rig.model, PT_TASK_REGRESSION, 1);
    rig.optimizer = network_optimizer(rig.context, PT_OPTIMIZER_SGD, 0.01);
    ck_ok(pt_dataset_create_from_arrays(rig.context, arrays, 2, sizeof(pt_array_t), 64, PT_DATASET_COPY, &rig.data));
    return rig;
}

static pt_status_t train_with_leap(const char *directory, int64_t steps, int64_t kept, leap_t *leap, watch_t *watch)
{
    rig_t rig = rig_of_two_layers();
    pt_schedule_options_t schedule;
    pt_train_options_t options = options_of(directory, steps, watch);
    *watch = (watch_t){0};
    options.checkpoints_kept = kept;
    ck_ok(pt_schedule_options_init(&schedule, sizeof schedule));
    schedule.kind = PT_SCHEDULE_CALLBACK;
    schedule.callback = rate;
    schedule.user = leap;
    ck_ok(pt_optimizer_set_schedule(rig.optimizer, &schedule));
    pt_status_t status = pt_finetune(rig.model, rig.optimizer, rig.data, &options, NULL);
    rig_free(&rig);
    return status;
}

/* The update after which every gradient is infinite or NaN: with weights that are huge, or infinite themselves. */
START_TEST(test_diverged_training_is_resumed_from_before)
{
    static const double factors[] = {1e25, 1e42};
    for (int i = 0; i < 2; i++)
        for (int64_t kept = 1; kept <= 3; kept++) {
            leap_t leap = {.at = 5, .factor = factors[i]}, none = {.at = -1};
            char directory[600], name[32];
            const char *const left[] = {"05", "04 05", "03 04 05"};
            watch_t watch;
            snprintf(name, sizeof name, "diverged%d-%d", i, (int)kept);
            snprintf(directory, sizeof directory, "%s", suite_path(name));
            ck_fails(train_with_leap(directory, 40, kept, &leap, &watch), PT_ERR_NONFINITE, "updates in a row");
            ck_assert_int_eq(watch.last_step, 15);
            ck_assert_str_eq(watch.checkpoints, i == 0 ? "1 2 3 4 5 6" : "1 2 3 4 5");
            ck_assert_str_eq(listing(directory), left[kept - 1]);
            ck_ok(train_with_leap(directory, 20, kept, &none, &watch));
            ck_assert(watch.skipped == 0 && watch.last_step == 20);
        }
}
END_TEST

/* Ended, or killed, before the limit: the checkpoint that is no use stays until a stage has found that out. */
START_TEST(test_diverged_training_that_was_ended)
{
    leap_t leap = {.at = 5, .factor = 1e25}, none = {.at = -1};
    const char *directory = suite_path("ended");
    watch_t watch;
    ck_ok(train_with_leap(directory, 9, 2, &leap, &watch)); /* steps 7 to 9 are skipped */
    ck_assert_int_eq(watch.skipped, 3);
    ck_assert_str_eq(listing(directory), "04 05 06 09");
    ck_fails(train_with_leap(directory, 40, 2, &none, &watch), PT_ERR_NONFINITE, "updates in a row");
    ck_assert_str_eq(listing(directory), "04 05");
    ck_ok(train_with_leap(directory, 12, 2, &none, &watch));
    ck_assert_int_eq(watch.skipped, 0);
    ck_assert_str_eq(listing(directory), "11 12");
}
END_TEST

/* Without an older one that is whole nothing is removed. */
START_TEST(test_the_only_checkpoint_stays)
{
    leap_t leap = {.at = 5, .factor = 1e25};
    char path[600];
    watch_t watch;
    snprintf(path, sizeof path, "%s/step-000000000005.safetensors", suite_path("only"));
    ck_ok(train_with_leap(suite_path("only"), 9, 1, &leap, &watch));
    ck_assert_str_eq(listing(suite_path("only")), "05 06 09");
    ck_assert_int_eq(truncate(path, 500), 0);
    ck_fails(train_with_leap(suite_path("only"), 40, 1, &leap, &watch), PT_ERR_NONFINITE, "updates in a row");
    ck_assert_str_eq(listing(suite_path("only")), "05 06 09");
}
END_TEST

SUITE("stage_checkpoint", 300, test_failing_calls_within_a_stage, test_resume_after_failed_checkpoints,
      test_without_an_older_one, test_host_ends_at_a_failed_checkpoint, test_failed_checkpoint_by_time,
      test_best_weights_after_a_failed_last_checkpoint, test_no_checkpoint_after_a_skipped_step,
      test_end_among_skipped_steps, test_diverged_training_is_resumed_from_before,
      test_diverged_training_that_was_ended, test_the_only_checkpoint_stays)
