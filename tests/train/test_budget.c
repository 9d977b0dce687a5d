/* A stated memory: met with the model's own setting of recomputation, then with all of it, then by smaller
 * micro-batches. */
#include <stdio.h>
#include <stdlib.h>

#include "support/networks.h"
#include "train/model.h"

enum { BATCH = 64, LONGEST = 12 };

typedef struct rig {
    pt_context_t *context;
    pt_model_t *model;
    pt_optimizer_t *optimizer;
    pt_dataset_t *data;
    pt_train_options_t options;
    int64_t need[3]; /* bytes of the whole batch at a time, by setting */
} rig_t;

static int64_t plan_bytes(pt_model_t *model, int32_t recompute)
{
    pt__measure_t measure;
    ck_ok(pt_model_set_recompute(model, recompute));
    ck_ok(pt__plans_measure(model, PT__MODE_TRAIN, ROWS(BATCH, BATCH * LONGEST), &measure));
    return measure.arena_bytes + measure.table_bytes;
}

/* A network of which CHEAP makes a part again. */
static rig_t rig_up(void)
{
    static const char config[] = "{\"model_type\": \"gpt2\", \"vocab_size\": 17, \"n_positions\": 12, \"n_embd\": 128, "
                                 "\"n_layer\": 3, \"n_head\": 2}";
    rig_t rig = {.context = network_context(1, 5)};
    ck_ok(pt_model_create_from_config(rig.context, config, strlen(config), &rig.model));
    network_set_task(rig.model, PT_TASK_CAUSAL_LM, 0);
    rig.optimizer = network_optimizer(rig.context, PT_OPTIMIZER_ADAMW, 1e-3);
    rig.data = network_text_data(rig.context, BATCH, 1);
    ck_ok(pt_train_options_init(&rig.options, sizeof rig.options));
    rig.options.steps = 1;
    rig.options.batch = rig.options.micro_batch = BATCH;
    rig.options.memory_budget = 1;
    ck_fails(pt_pretrain(rig.model, rig.optimizer, rig.data, &rig.options, NULL), PT_ERR_BUDGET, "need");
    int64_t least = strtoll(strstr(pt_last_error(), "need ") + 5, NULL, 10);
    for (int32_t i = 0; i < 3; i++)
        rig.need[i] = least + plan_bytes(rig.model, i) - plan_bytes(rig.model, PT_RECOMPUTE_EVERYTHING);
    return rig;
}

static void rig_down(rig_t *rig)
{
    pt_dataset_free(rig->data);
    pt_optimizer_free(rig->optimizer);
    pt_model_free(rig->model);
    pt_context_free(rig->context);
}

static pt_status_t train(rig_t *rig, int32_t recompute, int64_t budget)
{
    ck_ok(pt_model_set_recompute(rig->model, recompute));
    rig->options.memory_budget = budget;
    return pt_pretrain(rig->model, rig->optimizer, rig->data, &rig->options, NULL);
}

START_TEST(test_own_setting_first)
{
    rig_t rig = rig_up();
    const int64_t *need = rig.need;
    ck_assert_int_lt(need[PT_RECOMPUTE_EVERYTHING], need[PT_RECOMPUTE_CHEAP]);
    ck_assert_int_lt(need[PT_RECOMPUTE_CHEAP], need[PT_RECOMPUTE_NOTHING]);
    ck_ok(train(&rig, PT_RECOMPUTE_NOTHING, need[PT_RECOMPUTE_NOTHING]));
    ck_assert_int_eq(rig.model->plans.recompute, PT_RECOMPUTE_NOTHING);
    ck_ok(train(&rig, PT_RECOMPUTE_CHEAP, need[PT_RECOMPUTE_CHEAP]));
    ck_assert_int_eq(rig.model->plans.recompute, PT_RECOMPUTE_CHEAP);
    ck_ok(train(&rig, PT_RECOMPUTE_CHEAP, need[PT_RECOMPUTE_CHEAP] - 1));
    ck_assert_int_eq(rig.model->plans.recompute, PT_RECOMPUTE_EVERYTHING);
    ck_ok(train(&rig, PT_RECOMPUTE_NOTHING, need[PT_RECOMPUTE_NOTHING] - 1));
    ck_assert_int_eq(rig.model->plans.recompute, PT_RECOMPUTE_EVERYTHING);
    rig_down(&rig);
}
END_TEST

START_TEST(test_failure_restores_the_setting)
{
    rig_t rig = rig_up();
    for (int32_t i = 0; i < 3; i++) {
        ck_fails(train(&rig, i, rig.need[PT_RECOMPUTE_EVERYTHING] - 1), PT_ERR_BUDGET, "samples at a time need");
        ck_assert_int_eq(rig.model->plans.recompute, i);
    }
    rig_down(&rig);
}
END_TEST

START_TEST(test_then_smaller_parts)
{
    rig_t rig = rig_up();
    pt_train_result_t result = {.struct_size = sizeof result};
    rig.options.micro_batch = 0;
    rig.options.memory_budget = rig.need[PT_RECOMPUTE_EVERYTHING] - 1;
    pt__portion_t micro_batch;
    ck_ok(pt__budget_micro_batch(rig.model, rig.optimizer, rig.data, &rig.options, &micro_batch));
    ck_assert_int_eq(rig.model->plans.recompute, PT_RECOMPUTE_EVERYTHING);
    ck_assert_int_eq(micro_batch.samples, BATCH / 2);
    ck_ok(pt_pretrain(rig.model, rig.optimizer, rig.data, &rig.options, &result));
    ck_assert_int_eq(result.samples, BATCH);
    rig_down(&rig);
}
END_TEST

/* Samples that all have the same number of rows need what the longest of ragged ones do. */
START_TEST(test_samples_of_one_length)
{
    rig_t rig = rig_up();
    static int32_t tokens[BATCH * LONGEST];
    pt_array_t array = {.name = "tokens", .dtype = PT_INT32, .rank = 1, .shape = {LONGEST}, .data = tokens};
    pt_dataset_free(rig.data);
    ck_ok(pt_dataset_create_from_arrays(rig.context, &array, 1, sizeof(pt_array_t), BATCH, 0, &rig.data));
    ck_fails(train(&rig, PT_RECOMPUTE_NOTHING, rig.need[PT_RECOMPUTE_EVERYTHING] - 1), PT_ERR_BUDGET, "need");
    ck_ok(train(&rig, PT_RECOMPUTE_NOTHING, rig.need[PT_RECOMPUTE_EVERYTHING]));
    ck_assert_int_eq(rig.model->plans.recompute, PT_RECOMPUTE_EVERYTHING);
    rig_down(&rig);
}
END_TEST

/* What an earlier stage without a budget, or with a larger one, has taken is given back. */
START_TEST(test_earlier_plans_do_not_stay)
{
    rig_t rig = rig_up();
    ck_ok(train(&rig, PT_RECOMPUTE_EVERYTHING, 0));
    const int64_t whole = rig.model->plans.arena_bytes;
    rig.options.micro_batch = 0;
    ck_ok(train(&rig, PT_RECOMPUTE_EVERYTHING, rig.need[PT_RECOMPUTE_EVERYTHING] - 1));
    ck_assert_int_lt(rig.model->plans.arena_bytes, whole * 3 / 4);
    rig_down(&rig);
}
END_TEST

START_TEST(test_evaluation_counts)
{
    rig_t rig = rig_up();
    rig.options.evaluation = rig.data;
    rig.options.evaluation_batch = 1;
    ck_ok(train(&rig, PT_RECOMPUTE_EVERYTHING, rig.need[PT_RECOMPUTE_EVERYTHING] + 100000));
    rig.options.evaluation_batch = 1024; /* 16 times the training's */
    ck_fails(train(&rig, PT_RECOMPUTE_EVERYTHING, rig.need[PT_RECOMPUTE_EVERYTHING] + 100000), PT_ERR_BUDGET, "need");
    rig_down(&rig);
}
END_TEST

SUITE("budget", 60, test_own_setting_first, test_failure_restores_the_setting, test_then_smaller_parts,
      test_samples_of_one_length, test_earlier_plans_do_not_stay, test_evaluation_counts)
