/* Schedules: every formula against torch.optim.lr_scheduler (tests/golden/make_optimizers.py), its ends, and the
 * host's callback. */
#include <math.h>

#include "optim/schedule.h"
#include "support/golden.h"

enum { SCHEDULED = 40 };

static pt_schedule_options_t schedule_of(int32_t kind)
{
    pt_schedule_options_t schedule;
    ck_ok(pt_schedule_options_init(&schedule, sizeof schedule));
    schedule.kind = kind;
    return schedule;
}

static void compare(const char *key, const pt_schedule_options_t *schedule)
{
    double expected[SCHEDULED];
    golden_read("tests/golden/optimizers.txt");
    ck_assert_int_eq(golden_numbers(key, expected, SCHEDULED), SCHEDULED);
    for (int64_t step = 0; step < SCHEDULED; step++) {
        double factor = pt__schedule_factor(schedule, step, schedule->total_steps);
        ck_assert_msg(fabs(factor - expected[step]) <= 1e-9, "%s, step %d: %.12g, expected %.12g", key, (int)step,
                      factor, expected[step]);
    }
}

START_TEST(test_torch)
{
    pt_schedule_options_t schedule = schedule_of(PT_SCHEDULE_LINEAR);
    schedule.total_steps = 30;
    schedule.minimum_factor = 0.2;
    compare("schedule linear", &schedule);
    schedule.total_steps = 40;
    schedule.warmup_steps = 5;
    schedule.minimum_factor = 0.5;
    compare("schedule linear_warm", &schedule);

    schedule = schedule_of(PT_SCHEDULE_COSINE);
    schedule.total_steps = 40;
    schedule.minimum_factor = 0.1;
    compare("schedule cosine", &schedule);
    schedule.warmup_steps = 8;
    compare("schedule cosine_warm", &schedule);

    schedule = schedule_of(PT_SCHEDULE_STEP);
    schedule.period = 7;
    schedule.gamma = 0.3;
    compare("schedule step", &schedule);

    schedule = schedule_of(PT_SCHEDULE_ONE_CYCLE);
    schedule.total_steps = 40;
    schedule.warmup_steps = 10;
    compare("schedule one_cycle", &schedule);

    schedule = schedule_of(PT_SCHEDULE_INVERSE_SQRT);
    schedule.warmup_steps = 10;
    compare("schedule inverse_sqrt", &schedule);
}
END_TEST

START_TEST(test_constant_and_warm_up)
{
    pt_schedule_options_t schedule = schedule_of(PT_SCHEDULE_CONSTANT);
    ck_assert_double_eq(pt__schedule_factor(&schedule, 0, 0), 1.0);
    schedule.warmup_steps = 4;
    ck_assert_double_eq(pt__schedule_factor(&schedule, 0, 0), 0.25);
    ck_assert_double_eq(pt__schedule_factor(&schedule, 3, 0), 1.0);
    ck_assert_double_eq(pt__schedule_factor(&schedule, INT64_MAX, 0), 1.0);
}
END_TEST

/* Beyond the last step, a warm-up as long as the whole, one step in all: always a number between the ends. */
START_TEST(test_ends)
{
    for (int32_t kind = PT_SCHEDULE_LINEAR; kind <= PT_SCHEDULE_ONE_CYCLE; kind++) {
        pt_schedule_options_t schedule = schedule_of(kind);
        schedule.period = 1;
        for (int64_t total = 1; total <= 4; total++) {
            for (int64_t warmup = 0; warmup <= total; warmup++) {
                schedule.warmup_steps = warmup;
                for (int64_t step = 0; step < 8; step++) {
                    double factor = pt__schedule_factor(&schedule, step, total);
                    ck_assert_msg(factor >= 0 && factor <= 1, "kind %d, total %d, warm-up %d, step %d: %g", (int)kind,
                                  (int)total, (int)warmup, (int)step, factor);
                }
            }
        }
    }
    pt_schedule_options_t cosine = schedule_of(PT_SCHEDULE_COSINE);
    cosine.minimum_factor = 0.1;
    ck_assert_double_eq_tol(pt__schedule_factor(&cosine, 10, 10), 0.1, 1e-15);
    ck_assert_double_eq_tol(pt__schedule_factor(&cosine, 1000, 10), 0.1, 1e-15);
    ck_assert(pt__schedule_needs_total(PT_SCHEDULE_LINEAR) && pt__schedule_needs_total(PT_SCHEDULE_COSINE) &&
              pt__schedule_needs_total(PT_SCHEDULE_ONE_CYCLE));
    ck_assert(!pt__schedule_needs_total(PT_SCHEDULE_CONSTANT) && !pt__schedule_needs_total(PT_SCHEDULE_STEP));
}
END_TEST

typedef struct answer {
    int32_t status;
    double factor;
    int64_t asked;
} answer_t;

static void answer(void *user, pt_rate_t *rate)
{
    answer_t *to = user;
    ck_assert_int_eq(rate->status, PT_ERR_CALLBACK);
    ck_assert_uint_eq(rate->struct_size, sizeof *rate);
    to->asked = rate->step;
    rate->factor = to->factor;
    rate->user_code = 77;
    if (to->status != PT_ERR_CALLBACK)
        rate->status = to->status;
}

START_TEST(test_callback)
{
    answer_t to = {.status = PT_OK, .factor = 0.5};
    double factor = -1;
    pt_schedule_options_t schedule = schedule_of(PT_SCHEDULE_CALLBACK);
    schedule.callback = answer;
    schedule.user = &to;
    ck_ok(pt__schedule_ask(&schedule, 12, &factor));
    ck_assert_double_eq(factor, 0.5);
    ck_assert_int_eq(to.asked, 12);
    to.status = PT_ERR_CALLBACK; /* a callback that raised wrote nothing */
    ck_fails(pt__schedule_ask(&schedule, 13, &factor), PT_ERR_CALLBACK, "step 13");
    to.status = 5;
    ck_fails(pt__schedule_ask(&schedule, 13, &factor), PT_ERR_CALLBACK, "user code 77");
    to.status = PT_OK;
    to.factor = NAN;
    ck_fails(pt__schedule_ask(&schedule, 13, &factor), PT_ERR_CALLBACK, "factor");
    to.factor = -0.5;
    ck_fails(pt__schedule_ask(&schedule, 13, &factor), PT_ERR_CALLBACK, "-0.5");
    ck_assert_double_eq(factor, 0.5);
}
END_TEST

SUITE("schedule", 30, test_torch, test_constant_and_warm_up, test_ends, test_callback)
