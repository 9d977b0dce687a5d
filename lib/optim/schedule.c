/* The schedules' formulas. optimizer.c asks for one factor before each update; nothing is remembered between two.
 *
 *   warm-up (all but one-cycle)  (n + 1) / W for n < W = warmup_steps; then with s = n - W of S = total - W steps
 *   constant      1
 *   linear        1 - (1 - minimum) min(s / S, 1)                      torch LinearLR from 1 to minimum
 *   cosine        minimum + (1 - minimum) (1 + cos(pi min(s / S, 1))) / 2    torch CosineAnnealingLR
 *   step          gamma ^ floor(s / period)                            torch StepLR
 *   inverse sqrt  sqrt(max(W, 1) / (n + 1))                            Vaswani 2017, its peak, at n + 1 = W, scaled
 *                                                                      to 1
 *   one-cycle     torch OneCycleLR with pct_start = W / total, annealed by cosine: from 1 / initial up to 1 at
 *                 n = W - 1, from there down to 1 / (initial · final) at n = total - 1 */
#include "optim/schedule.h"

#include <math.h>

#include "base/number.h"

static const double PI = 3.14159265358979323846;

/* From `start` (progress 0) to `end` (progress 1) along half a cosine. */
static double anneal(double start, double end, double progress)
{
    return end + (start - end) / 2.0 * (1.0 + cos(PI * progress));
}

/* How much of `whole` is over; all of it where there is nothing to go through. */
static double progress_of(int64_t done, int64_t whole)
{
    return done >= whole ? 1.0 : (double)done / (double)whole;
}

static double one_cycle(const pt_schedule_options_t *schedule, int64_t step, int64_t total)
{
    double lowest = 1.0 / schedule->initial_divisor;
    int64_t peak = schedule->warmup_steps -
                   1; /* -1 without a warm-up: as torch has it, the peak is one step before the first */
    if (step < peak)
        return anneal(lowest, 1.0, progress_of(step, peak));
    return anneal(1.0, lowest / schedule->final_divisor, progress_of(step - peak, total - 1 - peak));
}

int32_t pt__schedule_needs_total(int32_t kind)
{
    return kind == PT_SCHEDULE_LINEAR || kind == PT_SCHEDULE_COSINE || kind == PT_SCHEDULE_ONE_CYCLE;
}

double pt__schedule_factor(const pt_schedule_options_t *schedule, int64_t step, int64_t total)
{
    int64_t warmup = schedule->warmup_steps;
    if (schedule->kind == PT_SCHEDULE_ONE_CYCLE)
        return one_cycle(schedule, step, total);
    if (step < warmup)
        return (double)(step + 1) / (double)warmup;
    int64_t since = step - warmup;
    switch (schedule->kind) {
    case PT_SCHEDULE_LINEAR:
        return 1.0 - (1.0 - schedule->minimum_factor) * progress_of(since, total - warmup);
    case PT_SCHEDULE_COSINE:
        return anneal(1.0, schedule->minimum_factor, progress_of(since, total - warmup));
    case PT_SCHEDULE_STEP:
        return pow(schedule->gamma, (double)(since / schedule->period));
    case PT_SCHEDULE_INVERSE_SQRT:
        return sqrt((double)(warmup > 1 ? warmup : 1) / (double)(step + 1));
    default:
        return 1.0;
    }
}

pt_status_t pt__schedule_ask(const pt_schedule_options_t *schedule, int64_t step, double *factor)
{
    pt_rate_t rate = {.struct_size = (uint32_t)sizeof rate, .status = PT_ERR_CALLBACK, .step = step};
    schedule->callback(schedule->user, &rate);
    if (rate.status != PT_OK)
        return pt__fail(PT_ERR_CALLBACK, "the schedule's callback failed at step %lld: status %d, user code %lld",
                        (long long)step, (int)rate.status, (long long)rate.user_code);
    if (!isfinite(rate.factor) || rate.factor < 0)
        return pt__fail(PT_ERR_CALLBACK,
                        "the schedule's callback gave the factor %g at step %lld, expected a finite number >= 0",
                        pt__number_shown(rate.factor), (long long)step);
    *factor = rate.factor;
    return PT_OK;
}
