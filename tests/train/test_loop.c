/* Stages whose batches are counted in rows: what an update is made of, where a stage that was stopped goes on, how many
 * steps there are, and what a stated memory makes of it. With length buckets, maps and several producers. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/networks.h"
#include "train/model.h"

enum { TEXTS = 50, LONGEST = 12 };

/* Samples come from a callback that is a view's: lengths are not known before. Each token is moved by the sample's
 * key. */
static void shift(void *user, pt_batch_t *batch)
{
    const int32_t *src = batch->inputs[0].data;
    int32_t *dst = batch->fields[0].data;
    (void)user;
    for (int64_t i = 0; i < batch->capacity; i++) {
        batch->fields[0].lengths[i] = batch->inputs[0].lengths[i];
        for (int64_t r = 0; r < batch->inputs[0].lengths[i]; r++)
            *dst++ = (int32_t)((uint64_t)*src++ + pt_batch_key(batch, i) % 2) % 17;
    }
    batch->filled = batch->capacity;
    batch->status = PT_OK;
}

static pt_dataset_t *shifted(pt_dataset_t *texts)
{
    const pt_field_spec_t field = {
        .name = "tokens", .dtype = PT_INT32, .rank = 1, .shape = {PT_DIM_TOKENS}, .max_length = LONGEST};
    pt_dataset_t *made;
    ck_ok(pt_dataset_map(texts, &field, 1, sizeof(pt_field_spec_t), PT_DATASET_CONCURRENT, shift, NULL, NULL, &made));
    pt_dataset_free(texts);
    return made;
}

typedef struct seen { /* by the events */
    int64_t steps, total, epochs;
    int32_t time_is_known;
} seen_t;

static void see(void *user, pt_event_t *event)
{
    seen_t *seen = user;
    if (event->kind == PT_EVENT_STEP) {
        seen->steps = event->step;
        seen->total = event->total_steps;
        seen->time_is_known = !isnan(event->seconds_left);
    }
    event->action = PT_ACTION_GO_ON;
}

typedef struct rig {
    pt_context_t *context;
    pt_model_t *model;
    pt_optimizer_t *optimizer;
    pt_dataset_t *data;
    pt_train_options_t options;
    pt_train_result_t result;
    seen_t seen;
} rig_t;

static void rig_up(rig_t *rig, int32_t is_made)
{
    *rig = (rig_t){.context = network_context(2, 3), .result = {.struct_size = sizeof rig->result}};
    rig->model = network_gpt(rig->context);
    rig->optimizer = network_optimizer(rig->context, PT_OPTIMIZER_ADAMW, 3e-3);
    rig->data = network_text_data(rig->context, TEXTS, 1);
    if (is_made)
        rig->data = shifted(rig->data);
    ck_ok(pt_train_options_init(&rig->options, sizeof rig->options));
    rig->options.batch_rows = 40;
    rig->options.epochs = 2;
    rig->options.event = see;
    rig->options.event_user = &rig->seen;
}

static void rig_down(rig_t *rig)
{
    pt_dataset_free(rig->data);
    pt_optimizer_free(rig->optimizer);
    pt_model_free(rig->model);
    pt_context_free(rig->context);
}

static pt_status_t train(rig_t *rig)
{
    return pt_pretrain(rig->model, rig->optimizer, rig->data, &rig->options, &rig->result);
}

START_TEST(test_steps_are_counted_where_lengths_are_known)
{
    for (int is_made = 0; is_made < 2; is_made++) {
        rig_t rig;
        rig_up(&rig, is_made);
        ck_ok(train(&rig));
        ck_assert_int_eq(rig.result.reason, PT_REASON_DONE);
        ck_assert_int_eq(rig.result.samples, 2 * TEXTS);
        ck_assert(rig.result.tokens <= 40 * rig.result.steps && rig.result.tokens > 30 * rig.result.steps);
        ck_assert_int_eq(rig.seen.steps, rig.result.steps);
        ck_assert_int_eq(rig.seen.total, is_made ? 0 : rig.result.steps);
        ck_assert_int_eq(rig.seen.time_is_known, !is_made);
        if (!is_made) {
            rig.options.bucket = 20;
            ck_ok(train(&rig));
            ck_assert_int_eq(rig.seen.total, rig.result.steps);
            rig.options.steps = 5; /* whichever is less */
            ck_ok(train(&rig));
            ck_assert(rig.seen.total == 5 && rig.result.steps == 5);
        }
        rig_down(&rig);
    }
}
END_TEST

/* Two runs, one of them stopped after each step and taken up again by another model, with another number of
 * producers. */
static void stop_everywhere(int32_t is_made, void (*set)(pt_train_options_t *options))
{
    rig_t rig;
    rig_up(&rig, is_made);
    set(&rig.options);
    ck_ok(train(&rig));
    int64_t steps = rig.result.steps;
    uint64_t whole = network_fingerprint(rig.model);
    rig_down(&rig);
    char name[32];
    static int count;
    snprintf(name, sizeof name, "stops-%d", count++);
    for (int64_t stop = 1; stop <= steps; stop++) {
        rig_up(&rig, is_made);
        set(&rig.options);
        rig.options.steps = stop;
        rig.options.producers = (int32_t)(stop % 4);
        rig.options.checkpoint_directory = suite_path(name);
        rig.options.flags |= PT_TRAIN_RESUME;
        ck_ok(train(&rig));
        ck_assert_int_eq(rig.result.steps, 1);
        if (stop == steps)
            ck_assert_uint_eq(network_fingerprint(rig.model), whole);
        rig_down(&rig);
    }
}

static void by_rows(pt_train_options_t *options)
{
    options->batch_rows = 60;
}

static void in_parts(pt_train_options_t *options)
{
    options->batch_rows = 60;
    options->micro_batch_rows = 25;
}

static void in_buckets(pt_train_options_t *options)
{
    options->batch_rows = 60;
    options->micro_batch_rows = 30;
    options->bucket = 16;
}

static void of_samples(pt_train_options_t *options)
{
    options->batch_rows = 0;
    options->batch = 8;
    options->micro_batch_rows = 25;
    options->flags |= PT_TRAIN_DROP_PARTIAL;
}

START_TEST(test_stopped_at_every_step)
{
    stop_everywhere(0, by_rows);
    stop_everywhere(0, in_parts);
    stop_everywhere(0, in_buckets);
    stop_everywhere(0, of_samples);
    stop_everywhere(1, in_parts);
    stop_everywhere(1, of_samples);
}
END_TEST

static void stop_at_once(void *user, pt_event_t *event)
{
    (void)user;
    event->action = PT_ACTION_STOP;
}

/* The loss of the first step is the same however it is cut, but for rounding; without dropout. */
START_TEST(test_cuts_agree)
{
    static const char config[] = "{\"model_type\": \"gpt2\", \"vocab_size\": 17, \"n_positions\": 12, \"n_embd\": 16, "
                                 "\"n_layer\": 2, \"n_head\": 2, \"resid_pdrop\": 0, \"embd_pdrop\": 0, "
                                 "\"attn_pdrop\": 0}";
    double loss[3];
    for (int cut = 0; cut < 3; cut++) {
        rig_t rig;
        rig_up(&rig, 0);
        pt_model_free(rig.model);
        ck_ok(pt_model_create_from_config(rig.context, config, strlen(config), &rig.model));
        rig.options.batch_rows = 200;
        rig.options.micro_batch_rows = cut == 1 ? 31 : 0;
        rig.options.micro_batch = cut == 2 ? 3 : 0;
        rig.options.event = stop_at_once;
        ck_ok(train(&rig));
        ck_assert_int_eq(rig.result.steps, 1);
        ck_assert(rig.result.tokens <= 200 && rig.result.tokens > 200 - LONGEST);
        loss[cut] = rig.result.loss;
        rig_down(&rig);
    }
    ck_assert_double_eq_tol(loss[0], loss[1], 1e-6);
    ck_assert_double_eq_tol(loss[0], loss[2], 1e-6);
}
END_TEST

START_TEST(test_budget_chooses_rows)
{
    rig_t rig;
    pt__portion_t portion;
    rig_up(&rig, 0);
    network_set_task(rig.model, PT_TASK_CAUSAL_LM, 0);
    rig.options.batch_rows = 480;
    rig.options.micro_batch_rows = 480;
    rig.options.memory_budget = 1;
    ck_fails(train(&rig), PT_ERR_BUDGET, "480 rows at a time need");
    int64_t whole = strtoll(strstr(pt_last_error(), "need ") + 5, NULL, 10);
    rig.options.memory_budget = whole;
    ck_ok(train(&rig));
    rig.options.micro_batch_rows = 0;
    rig.options.memory_budget = whole - 1;
    ck_ok(pt__budget_micro_batch(rig.model, rig.optimizer, rig.data, &rig.options, &portion));
    ck_assert(portion.rows == 240 && portion.samples == 0);
    ck_ok(train(&rig));
    ck_assert_int_eq(rig.result.samples, 2 * TEXTS);
    ck_assert_int_eq(rig.model->plans.planned[PT__MODE_TRAIN].rows.count[PT__DIMENSION_TOKENS], 240);
    rig.options.memory_budget = 1; /* no smaller than the longest sample */
    ck_fails(train(&rig), PT_ERR_BUDGET, "12 rows at a time need");
    rig.options.memory_budget = 0;
    rig.options.micro_batch_rows = 1 << 20; /* more than a batch is a batch */
    ck_ok(train(&rig));
    rig_down(&rig);
}
END_TEST

START_TEST(test_evaluation_by_rows)
{
    rig_t rig;
    pt_evaluation_t evaluation = {.struct_size = sizeof evaluation};
    rig_up(&rig, 0);
    rig.options.evaluation = rig.data;
    rig.options.bucket = 10;
    ck_ok(train(&rig));
    ck_ok(pt_evaluate(rig.model, rig.data, 8, &evaluation));
    ck_assert_double_eq_tol(rig.result.best_value, evaluation.loss, 1e-5);
    rig_down(&rig);
    rig_up(&rig, 0); /* the evaluation's samples may be longer than the training's budget */
    int64_t few[] = {0, 10, 20, 30}; /* of 3 tokens */
    pt_dataset_t *all = rig.data;
    ck_ok(pt_dataset_select(all, few, 4, &rig.data));
    rig.options.evaluation = all;
    rig.options.batch_rows = 6;
    ck_ok(train(&rig));
    ck_assert_int_eq(rig.result.steps, 4);
    ck_assert(!isnan(rig.result.best_value));
    pt_dataset_free(all);
    rig_down(&rig);
}
END_TEST

START_TEST(test_schedules_know_the_end)
{
    for (int is_made = 0; is_made < 2; is_made++) {
        rig_t rig;
        pt_schedule_options_t schedule;
        rig_up(&rig, is_made);
        ck_ok(pt_schedule_options_init(&schedule, sizeof schedule));
        schedule.kind = PT_SCHEDULE_LINEAR;
        ck_ok(pt_optimizer_set_schedule(rig.optimizer, &schedule));
        if (is_made)
            ck_fails(train(&rig), PT_ERR_STATE, "total_steps");
        else
            ck_ok(train(&rig));
        rig_down(&rig);
    }
}
END_TEST

START_TEST(test_options_that_are_refused)
{
    rig_t rig;
    rig_up(&rig, 0);
    pt_train_options_t good = rig.options;
#define REFUSED(change, status, part)            \
    do {                                         \
        rig.options = good;                      \
        change;                                  \
        ck_fails(train(&rig), status, part);     \
        ck_assert_int_eq(rig.result.steps, 0);   \
    } while (0)
    REFUSED(rig.options.batch_rows = -1, PT_ERR_ARGUMENT, "batch_rows is -1");
    REFUSED(rig.options.micro_batch_rows = -1, PT_ERR_ARGUMENT, "micro_batch_rows is -1");
    REFUSED(rig.options.bucket = -1, PT_ERR_ARGUMENT, "bucket is -1");
    REFUSED(rig.options.producers = -1, PT_ERR_ARGUMENT, "producers is -1");
    REFUSED(rig.options.producers = 1000, PT_ERR_ARGUMENT, "producers is 1000");
    REFUSED(rig.options.reserved = 1, PT_ERR_VERSION, "reserved is 1");
    REFUSED(rig.options.batch = -1, PT_ERR_ARGUMENT, "batch is -1");
    REFUSED(rig.options.flags = PT_TRAIN_DROP_PARTIAL, PT_ERR_ARGUMENT, "never full");
    REFUSED((rig.options.flags = PT_TRAIN_IN_ORDER, rig.options.bucket = 8), PT_ERR_ARGUMENT, "order");
    pt_dataset_t *known = rig.data;
    rig.data = network_text_data(rig.context, TEXTS, 1);
    rig.data = shifted(rig.data);
    REFUSED(rig.options.bucket = 8, PT_ERR_UNSUPPORTED, "lengths of field \"tokens\"");
    pt_dataset_free(rig.data);
    rig.data = known;
    rig.options = good; /* a sample of 12 tokens in a budget of 11: refused before its step, with what came before */
    rig.options.batch_rows = 11;
    ck_fails(train(&rig), PT_ERR_SHAPE, "12 rows are more than a micro-batch may have, 11");
    rig_down(&rig);
    rig_up(&rig, 0); /* a network that reads no ragged field */
    pt_model_free(rig.model);
    pt_dataset_free(rig.data);
    rig.model = network_linear(rig.context);
    rig.data = network_linear_data(rig.context, 20);
    ck_fails(train(&rig), PT_ERR_ARGUMENT, "reads none");
    rig_down(&rig);
}
END_TEST

SUITE("loop", 240, test_steps_are_counted_where_lengths_are_known, test_stopped_at_every_step, test_cuts_agree,
      test_budget_chooses_rows, test_evaluation_by_rows, test_schedules_know_the_end, test_options_that_are_refused)
