/* Optimizers' public calls: defaults, and every field's wrong values. (What optimizers do is tested in
 * tests/optim/.) */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "support/suite.h"

static pt_context_t *context;
static pt_optimizer_t *optimizer;

static void begin(void)
{
    ck_ok(pt_context_create(NULL, &context));
    ck_ok(pt_optimizer_create(context, NULL, &optimizer));
}

static void end(void)
{
    pt_optimizer_free(optimizer);
    pt_context_free(context);
}

START_TEST(test_defaults)
{
    pt_optimizer_options_t options;
    pt_group_options_t group;
    pt_schedule_options_t schedule;
    ck_ok(pt_optimizer_options_init(&options, sizeof options));
    ck_assert(options.struct_size == sizeof options && options.flags == 0 && options.kind == PT_OPTIMIZER_ADAMW &&
              options.nesterov == -1);
    ck_assert(options.learning_rate == 0.001 && options.weight_decay < 0 && options.beta1 == 0.9 &&
              options.beta2 == 0.999 && options.epsilon < 0);
    ck_assert(options.momentum < 0 && options.dampening == 0 && options.clip_norm == 0 && options.clip_value == 0 &&
              options.nonfinite_limit == 10 && options.beta2_decay == -0.8 && options.scale_floor == 0.001 &&
              options.update_limit == 1);
    ck_ok(pt_group_options_init(&group, sizeof group));
    ck_assert(group.struct_size == sizeof group && group.flags == 0 && group.learning_rate_factor == 1 &&
              group.weight_decay < 0 && group.kind < 0 && group.nesterov < 0 && group.beta1 < 0 && group.beta2 < 0 &&
              group.epsilon < 0 && group.momentum < 0);
    ck_ok(pt_schedule_options_init(&schedule, sizeof schedule));
    ck_assert(schedule.struct_size == sizeof schedule && schedule.kind == PT_SCHEDULE_CONSTANT &&
              schedule.warmup_steps == 0 && schedule.total_steps == 0);
    ck_assert(schedule.minimum_factor == 0 && schedule.period == 0 && schedule.gamma == 0.1 &&
              schedule.initial_divisor == 25 && schedule.final_divisor == 10000);
    ck_assert(schedule.callback == NULL && schedule.destroy == NULL);
    ck_fails(pt_optimizer_options_init(NULL, 64), PT_ERR_ARGUMENT, "pt_optimizer_options_t");
    ck_fails(pt_group_options_init(NULL, 64), PT_ERR_ARGUMENT, "pt_group_options_t");
    ck_fails(pt_schedule_options_init(NULL, 64), PT_ERR_ARGUMENT, "pt_schedule_options_t");
    ck_fails(pt_optimizer_options_init(&options, 4), PT_ERR_ARGUMENT, "struct_size");
}
END_TEST

START_TEST(test_null)
{
    pt_optimizer_t *out = NULL;
    begin();
    ck_fails(pt_optimizer_create(context, NULL, NULL), PT_ERR_ARGUMENT, "out is NULL");
    out = optimizer;
    ck_fails(pt_optimizer_create(NULL, NULL, &out), PT_ERR_ARGUMENT, "context is NULL");
    ck_assert_ptr_null(out);
    ck_fails(pt_optimizer_add_group(NULL, "*", NULL), PT_ERR_ARGUMENT, "optimizer is NULL");
    ck_fails(pt_optimizer_add_group(optimizer, NULL, NULL), PT_ERR_ARGUMENT, "pattern is NULL");
    ck_fails(pt_optimizer_set_schedule(NULL, NULL), PT_ERR_ARGUMENT, "optimizer is NULL");
    ck_fails(pt_optimizer_set_learning_rate(NULL, 1), PT_ERR_ARGUMENT, "optimizer is NULL");
    ck_assert_int_eq(pt_optimizer_steps(NULL), 0);
    ck_assert_int_eq(pt_optimizer_skipped(NULL), 0);
    ck_ok(pt_optimizer_set_schedule(optimizer, NULL)); /* NULL options are the defaults */
    ck_ok(pt_optimizer_add_group(optimizer, "*", NULL));
    pt_optimizer_free(NULL);
    end();
}
END_TEST

/* A field that is a double, put to each of some wrong values. */
typedef struct wrong {
    const char *field;
    size_t offset;
    double values[4];
} wrong_t;

#define WRONG(type, field, ...)        \
    {                                  \
#field, offsetof(type, field), \
        {                              \
            __VA_ARGS__                \
        }                              \
    }

START_TEST(test_wrong_options)
{
    static const wrong_t wrongs[] = {
        WRONG(pt_optimizer_options_t, learning_rate, -1, -1e-300, NAN, INFINITY),
        WRONG(pt_optimizer_options_t, weight_decay, NAN, INFINITY, -INFINITY, NAN),
        WRONG(pt_optimizer_options_t, beta1, -0.1, 1, NAN, 2),
        WRONG(pt_optimizer_options_t, beta2, -0.1, 1, NAN, INFINITY),
        WRONG(pt_optimizer_options_t, epsilon, NAN, INFINITY, -INFINITY, NAN),
        WRONG(pt_optimizer_options_t, momentum, NAN, INFINITY, -INFINITY, NAN),
        WRONG(pt_optimizer_options_t, dampening, NAN, INFINITY, -INFINITY, NAN),
        WRONG(pt_optimizer_options_t, clip_norm, -1, NAN, INFINITY, -0.5),
        WRONG(pt_optimizer_options_t, clip_value, -1, NAN, INFINITY, -0.5),
        WRONG(pt_optimizer_options_t, beta2_decay, 0.1, NAN, INFINITY, -INFINITY),
        WRONG(pt_optimizer_options_t, scale_floor, -1, NAN, INFINITY, -0.5),
        WRONG(pt_optimizer_options_t, update_limit, 0.9, NAN, INFINITY, -1),
    };
    pt_optimizer_options_t options;
    pt_optimizer_t *out;
    begin();
    for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
        for (size_t value = 0; value < 4; value++) {
            ck_ok(pt_optimizer_options_init(&options, sizeof options));
            memcpy((char *)&options + wrongs[i].offset, &wrongs[i].values[value], sizeof(double));
            ck_fails(pt_optimizer_create(context, &options, &out), PT_ERR_ARGUMENT, wrongs[i].field);
            ck_assert_ptr_null(out);
        }
    }
    ck_ok(pt_optimizer_options_init(&options, sizeof options));
    options.kind = 99;
    ck_fails(pt_optimizer_create(context, &options, &out), PT_ERR_ARGUMENT, "kind is 99");
    options.kind = -1;
    ck_fails(pt_optimizer_create(context, &options, &out), PT_ERR_ARGUMENT, "kind is -1");
    ck_ok(pt_optimizer_options_init(&options, sizeof options));
    options.flags = 8;
    ck_fails(pt_optimizer_create(context, &options, &out), PT_ERR_ARGUMENT, "flags is 0x8");
    options.flags = PT_OPTIMIZER_AMSGRAD;
    options.kind = PT_OPTIMIZER_SGD;
    ck_fails(pt_optimizer_create(context, &options, &out), PT_ERR_ARGUMENT, "AMSGRAD, which \"sgd\" does not know");
    ck_ok(pt_optimizer_options_init(&options, sizeof options));
    options.nonfinite_limit = -1;
    ck_fails(pt_optimizer_create(context, &options, &out), PT_ERR_ARGUMENT, "nonfinite_limit is -1");
    ck_ok(pt_optimizer_options_init(&options, sizeof options));
    options.nesterov = 2;
    ck_fails(pt_optimizer_create(context, &options, &out), PT_ERR_ARGUMENT, "nesterov is 2");
    options.nesterov = 1; /* without a momentum */
    ck_fails(pt_optimizer_create(context, &options, &out), PT_ERR_ARGUMENT, "momentum");
    options.momentum = 0.9;
    options.dampening = 0.1;
    ck_fails(pt_optimizer_create(context, &options, &out), PT_ERR_ARGUMENT, "dampening");
    options.struct_size = 2;
    ck_fails(pt_optimizer_create(context, &options, &out), PT_ERR_ARGUMENT, "struct_size");
    end();
}
END_TEST

START_TEST(test_wrong_groups)
{
    char long_pattern[PT_MAX_NAME + 1];
    pt_group_options_t group;
    begin();
    memset(long_pattern, 'a', sizeof long_pattern - 1);
    long_pattern[sizeof long_pattern - 1] = 0;
    ck_fails(pt_optimizer_add_group(optimizer, "", NULL), PT_ERR_ARGUMENT, "0 bytes");
    ck_fails(pt_optimizer_add_group(optimizer, long_pattern, NULL), PT_ERR_ARGUMENT, "256 bytes");
    ck_ok(pt_group_options_init(&group, sizeof group));
    group.learning_rate_factor = -1;
    ck_fails(pt_optimizer_add_group(optimizer, "*", &group), PT_ERR_ARGUMENT, "learning_rate_factor is -1");
    group.learning_rate_factor = INFINITY;
    ck_fails(pt_optimizer_add_group(optimizer, "*", &group), PT_ERR_ARGUMENT, "learning_rate_factor is inf");
    ck_ok(pt_group_options_init(&group, sizeof group));
    group.weight_decay = NAN;
    ck_fails(pt_optimizer_add_group(optimizer, "*", &group), PT_ERR_ARGUMENT, "weight_decay");
    static const wrong_t wrongs[] = {
        WRONG(pt_group_options_t, beta1, 1, NAN, INFINITY, -INFINITY),
        WRONG(pt_group_options_t, beta2, 1, NAN, 2, -INFINITY),
        WRONG(pt_group_options_t, epsilon, NAN, INFINITY, -INFINITY, NAN),
        WRONG(pt_group_options_t, momentum, NAN, INFINITY, -INFINITY, NAN),
    };
    for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++)
        for (size_t value = 0; value < 4; value++) {
            ck_ok(pt_group_options_init(&group, sizeof group));
            memcpy((char *)&group + wrongs[i].offset, &wrongs[i].values[value], sizeof(double));
            ck_fails(pt_optimizer_add_group(optimizer, "*", &group), PT_ERR_ARGUMENT, wrongs[i].field);
        }
    ck_ok(pt_group_options_init(&group, sizeof group));
    group.nesterov = 2;
    ck_fails(pt_optimizer_add_group(optimizer, "*", &group), PT_ERR_ARGUMENT, "nesterov is 2");
    group.nesterov = -1;
    group.flags = 1;
    ck_fails(pt_optimizer_add_group(optimizer, "*", &group), PT_ERR_ARGUMENT, "flags");
    end();
}
END_TEST

static pt_schedule_options_t schedule_of(int32_t kind)
{
    pt_schedule_options_t schedule;
    ck_ok(pt_schedule_options_init(&schedule, sizeof schedule));
    schedule.kind = kind;
    return schedule;
}

START_TEST(test_wrong_schedules)
{
    begin();
    pt_schedule_options_t schedule = schedule_of(7);
    ck_fails(pt_optimizer_set_schedule(optimizer, &schedule), PT_ERR_ARGUMENT, "kind is 7");
    schedule = schedule_of(-1);
    ck_fails(pt_optimizer_set_schedule(optimizer, &schedule), PT_ERR_ARGUMENT, "kind is -1");
    schedule = schedule_of(PT_SCHEDULE_COSINE);
    schedule.warmup_steps = -1;
    ck_fails(pt_optimizer_set_schedule(optimizer, &schedule), PT_ERR_ARGUMENT, "warmup_steps is -1");
    schedule.warmup_steps = 11;
    schedule.total_steps = 10;
    ck_fails(pt_optimizer_set_schedule(optimizer, &schedule), PT_ERR_ARGUMENT,
             "warmup_steps is 11, expected at most total_steps, which is 10");
    schedule.total_steps = -10;
    ck_fails(pt_optimizer_set_schedule(optimizer, &schedule), PT_ERR_ARGUMENT, "total_steps is -10");
    schedule = schedule_of(PT_SCHEDULE_LINEAR);
    schedule.minimum_factor = -0.1;
    ck_fails(pt_optimizer_set_schedule(optimizer, &schedule), PT_ERR_ARGUMENT, "minimum_factor");
    schedule = schedule_of(PT_SCHEDULE_STEP);
    ck_fails(pt_optimizer_set_schedule(optimizer, &schedule), PT_ERR_ARGUMENT, "period is 0");
    schedule.period = 1;
    schedule.gamma = NAN;
    ck_fails(pt_optimizer_set_schedule(optimizer, &schedule), PT_ERR_ARGUMENT, "gamma");
    schedule = schedule_of(PT_SCHEDULE_ONE_CYCLE);
    schedule.initial_divisor = 0;
    ck_fails(pt_optimizer_set_schedule(optimizer, &schedule), PT_ERR_ARGUMENT, "initial_divisor");
    schedule = schedule_of(PT_SCHEDULE_ONE_CYCLE);
    schedule.final_divisor = -1;
    ck_fails(pt_optimizer_set_schedule(optimizer, &schedule), PT_ERR_ARGUMENT, "final_divisor");
    schedule = schedule_of(PT_SCHEDULE_CALLBACK);
    ck_fails(pt_optimizer_set_schedule(optimizer, &schedule), PT_ERR_ARGUMENT, "callback is NULL");
    schedule.warmup_steps = 3;
    ck_fails(pt_optimizer_set_schedule(optimizer, &schedule), PT_ERR_ARGUMENT, "warmup_steps is 3, but a callback");
    schedule = schedule_of(PT_SCHEDULE_CONSTANT);
    schedule.flags = 1;
    ck_fails(pt_optimizer_set_schedule(optimizer, &schedule), PT_ERR_ARGUMENT, "flags");
    end();
}
END_TEST

START_TEST(test_learning_rate)
{
    begin();
    ck_ok(pt_optimizer_set_learning_rate(optimizer, 0));
    ck_ok(pt_optimizer_set_learning_rate(optimizer, 0.5));
    ck_fails(pt_optimizer_set_learning_rate(optimizer, -0.5), PT_ERR_ARGUMENT, "learning_rate is -0.5");
    ck_fails(pt_optimizer_set_learning_rate(optimizer, NAN), PT_ERR_ARGUMENT, "learning_rate");
    ck_assert_int_eq(pt_optimizer_steps(optimizer), 0);
    end();
}
END_TEST

SUITE("optimizer_api", 30, test_defaults, test_null, test_wrong_options, test_wrong_groups, test_wrong_schedules,
      test_learning_rate)
