/* Optimizers, for hosts: the structs' defaults, the checks of their fields, and the calls down to lib/optim/. */
#include <math.h>
#include <string.h>

#include "api/api.h"
#include "base/number.h"
#include "optim/optim.h"

static const pt_optimizer_options_t optimizer_defaults = {.struct_size = (uint32_t)sizeof(pt_optimizer_options_t),
                                                          .kind = PT_OPTIMIZER_ADAMW,
                                                          .nesterov = -1,
                                                          .learning_rate = 0.001,
                                                          .weight_decay = -1,
                                                          .beta1 = 0.9,
                                                          .beta2 = 0.999,
                                                          .epsilon = -1,
                                                          .momentum = -1,
                                                          .nonfinite_limit = 10,
                                                          .beta2_decay = -0.8,
                                                          .scale_floor = 0.001,
                                                          .update_limit = 1};
static const pt_group_options_t group_defaults = {.struct_size = (uint32_t)sizeof(pt_group_options_t),
                                                  .kind = -1,
                                                  .nesterov = -1,
                                                  .learning_rate_factor = 1,
                                                  .weight_decay = -1,
                                                  .beta1 = -1,
                                                  .beta2 = -1,
                                                  .epsilon = -1,
                                                  .momentum = -1};
static const pt_schedule_options_t schedule_defaults = {.struct_size = (uint32_t)sizeof(pt_schedule_options_t),
                                                        .gamma = 0.1,
                                                        .initial_divisor = 25,
                                                        .final_divisor = 10000};

pt_status_t pt_optimizer_options_init(pt_optimizer_options_t *options, uint32_t struct_size)
{
    PT__ENTER();
    return pt__options_init(options, struct_size, &optimizer_defaults, (uint32_t)sizeof optimizer_defaults,
                            "pt_optimizer_options_t");
}

pt_status_t pt_group_options_init(pt_group_options_t *options, uint32_t struct_size)
{
    PT__ENTER();
    return pt__options_init(options, struct_size, &group_defaults, (uint32_t)sizeof group_defaults,
                            "pt_group_options_t");
}

pt_status_t pt_schedule_options_init(pt_schedule_options_t *options, uint32_t struct_size)
{
    PT__ENTER();
    return pt__options_init(options, struct_size, &schedule_defaults, (uint32_t)sizeof schedule_defaults,
                            "pt_schedule_options_t");
}

/* ---- Checks of fields ---- */

static pt_status_t check_at_least_zero(const char *structure, const char *field, double value)
{
    if (!isfinite(value) || value < 0)
        return pt__fail(PT_ERR_ARGUMENT, "%s: %s is %g, expected a finite number >= 0", structure, field,
                        pt__number_shown(value));
    return PT_OK;
}

/* Negative stands for a default, but NaN and infinities for nothing. */
static pt_status_t check_finite(const char *structure, const char *field, double value)
{
    if (!isfinite(value))
        return pt__fail(PT_ERR_ARGUMENT, "%s: %s is %g, expected a finite number", structure, field,
                        pt__number_shown(value));
    return PT_OK;
}

static pt_status_t check_above_zero(const char *structure, const char *field, double value)
{
    if (!isfinite(value) || value <= 0)
        return pt__fail(PT_ERR_ARGUMENT, "%s: %s is %g, expected a finite number > 0", structure, field,
                        pt__number_shown(value));
    return PT_OK;
}

static pt_status_t check_below_one(const char *structure, const char *field, double value)
{
    if (!(value >= 0 && value < 1))
        return pt__fail(PT_ERR_ARGUMENT, "%s: %s is %g, expected a number in [0, 1)", structure, field,
                        pt__number_shown(value));
    return PT_OK;
}

static pt_status_t check_count(const char *structure, const char *field, int64_t value, int64_t least)
{
    if (value < least)
        return pt__fail(PT_ERR_ARGUMENT, "%s: %s is %lld, expected at least %lld", structure, field, (long long)value,
                        (long long)least);
    return PT_OK;
}

static pt_status_t check_flags(const char *structure, uint32_t flags, uint32_t known)
{
    if ((flags & ~known) != 0)
        return pt__fail(PT_ERR_ARGUMENT, "%s: flags is %#lx, of which this library knows %#lx", structure,
                        (unsigned long)flags, (unsigned long)known);
    return PT_OK;
}

static pt_status_t check_nesterov(const char *structure, int32_t nesterov)
{
    if (nesterov > 1)
        return pt__fail(PT_ERR_ARGUMENT, "%s: nesterov is %d, expected 0, 1 or a negative number", structure,
                        (int)nesterov);
    return PT_OK;
}

static pt_status_t check_group(const pt_group_options_t *options)
{
    static const char name[] = "pt_group_options_t";
    PT__TRY(check_flags(name, options->flags, 0));
    PT__TRY(check_nesterov(name, options->nesterov));
    PT__TRY(check_at_least_zero(name, "learning_rate_factor", options->learning_rate_factor));
    PT__TRY(check_finite(name, "weight_decay", options->weight_decay));
    PT__TRY(options->beta1 < 0 ? check_finite(name, "beta1", options->beta1)
                               : check_below_one(name, "beta1", options->beta1));
    PT__TRY(options->beta2 < 0 ? check_finite(name, "beta2", options->beta2)
                               : check_below_one(name, "beta2", options->beta2));
    PT__TRY(check_finite(name, "epsilon", options->epsilon));
    return check_finite(name, "momentum", options->momentum);
}

static pt_status_t check_optimizer(const pt_optimizer_options_t *options)
{
    static const char name[] = "pt_optimizer_options_t";
    const uint32_t known = PT_OPTIMIZER_DECAY_MATRICES | PT_OPTIMIZER_MAXIMIZE | PT_OPTIMIZER_AMSGRAD;
    PT__TRY(check_flags(name, options->flags, known));
    PT__TRY(check_at_least_zero(name, "learning_rate", options->learning_rate));
    PT__TRY(check_finite(name, "weight_decay", options->weight_decay));
    PT__TRY(check_below_one(name, "beta1", options->beta1));
    PT__TRY(check_below_one(name, "beta2", options->beta2));
    PT__TRY(check_finite(name, "epsilon", options->epsilon));
    PT__TRY(check_finite(name, "momentum", options->momentum));
    PT__TRY(check_finite(name, "dampening", options->dampening));
    PT__TRY(check_at_least_zero(name, "clip_norm", options->clip_norm));
    PT__TRY(check_at_least_zero(name, "clip_value", options->clip_value));
    PT__TRY(check_count(name, "nonfinite_limit", options->nonfinite_limit, 0));
    if (!(options->beta2_decay <= 0) || !isfinite(options->beta2_decay))
        return pt__fail(PT_ERR_ARGUMENT, "%s: beta2_decay is %g, expected a finite number <= 0", name,
                        pt__number_shown(options->beta2_decay));
    PT__TRY(check_at_least_zero(name, "scale_floor", options->scale_floor));
    if (!(options->update_limit >= 1) || !isfinite(options->update_limit))
        return pt__fail(PT_ERR_ARGUMENT, "%s: update_limit is %g, expected a finite number >= 1", name,
                        pt__number_shown(options->update_limit));
    PT__TRY(check_nesterov(name, options->nesterov));
    if (options->nesterov > 0 && (options->momentum <= 0 || options->dampening != 0))
        return pt__fail(PT_ERR_ARGUMENT,
                        "%s: nesterov needs a momentum > 0 and a dampening of 0, but momentum is %g and dampening %g",
                        name, options->momentum, options->dampening);
    return PT_OK;
}

static pt_status_t check_schedule(const pt_schedule_options_t *options)
{
    static const char name[] = "pt_schedule_options_t";
    PT__TRY(check_flags(name, options->flags, 0));
    if (options->kind < PT_SCHEDULE_CONSTANT || options->kind > PT_SCHEDULE_CALLBACK)
        return pt__fail(PT_ERR_ARGUMENT, "%s: kind is %d, which is not one of PT_SCHEDULE_...", name,
                        (int)options->kind);
    PT__TRY(check_count(name, "warmup_steps", options->warmup_steps, 0));
    PT__TRY(check_count(name, "total_steps", options->total_steps, 0));
    if (options->kind == PT_SCHEDULE_CALLBACK && options->warmup_steps > 0)
        return pt__fail(PT_ERR_ARGUMENT, "%s: warmup_steps is %lld, but a callback gives the whole rate", name,
                        (long long)options->warmup_steps);
    if (options->total_steps > 0 && options->warmup_steps > options->total_steps)
        return pt__fail(PT_ERR_ARGUMENT, "%s: warmup_steps is %lld, expected at most total_steps, which is %lld", name,
                        (long long)options->warmup_steps, (long long)options->total_steps);
    PT__TRY(check_at_least_zero(name, "minimum_factor", options->minimum_factor));
    if (options->kind == PT_SCHEDULE_STEP) {
        PT__TRY(check_count(name, "period", options->period, 1));
        PT__TRY(check_at_least_zero(name, "gamma", options->gamma));
    }
    if (options->kind == PT_SCHEDULE_ONE_CYCLE) {
        PT__TRY(check_above_zero(name, "initial_divisor", options->initial_divisor));
        PT__TRY(check_above_zero(name, "final_divisor", options->final_divisor));
    }
    if (options->kind == PT_SCHEDULE_CALLBACK && options->callback == NULL)
        return pt__fail(PT_ERR_ARGUMENT, "%s: callback is NULL, which PT_SCHEDULE_CALLBACK needs", name);
    return PT_OK;
}

/* ---- Calls ---- */

static pt_status_t optimizer_create(pt_context_t *context, const pt_optimizer_options_t *options, pt_optimizer_t **out)
{
    pt_optimizer_options_t known = optimizer_defaults;
    PT__TRY(pt__options_read(options, &known, (uint32_t)sizeof known, "pt_optimizer_options_t"));
    PT__TRY(check_optimizer(&known));
    return pt__optimizer_create(context, &known, out);
}

pt_status_t pt_optimizer_create(pt_context_t *context, const pt_optimizer_options_t *options, pt_optimizer_t **out)
{
    PT__ENTER();
    PT__NEED_OUT(out);
    PT__NEED(context);
    return pt__context_keep(context, optimizer_create(context, options, out));
}

const char *pt_optimizer_last_error(const pt_optimizer_t *optimizer)
{
    return optimizer == NULL ? "" : pt__optimizer_message((pt_optimizer_t *)(uintptr_t)optimizer);
}

void pt_optimizer_free(pt_optimizer_t *optimizer)
{
    pt__optimizer_release(optimizer);
}

static pt_status_t optimizer_add_group(const char *function, pt_optimizer_t *optimizer, const char *pattern,
                                       const pt_group_options_t *options)
{
    pt_group_options_t known = group_defaults;
    PT__NEED_IN(function, pattern);
    if (strlen(pattern) == 0 || strlen(pattern) >= PT_MAX_NAME)
        return pt__fail(PT_ERR_ARGUMENT, "%s: pattern has %zu bytes, expected 1 to %d", function, strlen(pattern),
                        PT_MAX_NAME - 1);
    PT__TRY(pt__options_read(options, &known, (uint32_t)sizeof known, "pt_group_options_t"));
    PT__TRY(check_group(&known));
    return pt__optimizer_add_group(optimizer, pattern, &known);
}

pt_status_t pt_optimizer_add_group(pt_optimizer_t *optimizer, const char *pattern, const pt_group_options_t *options)
{
    PT__ENTER();
    PT__NEED(optimizer);
    return pt__error_keep_on(pt__optimizer_message(optimizer),
                             optimizer_add_group(__func__, optimizer, pattern, options));
}

static pt_status_t optimizer_set_schedule(pt_optimizer_t *optimizer, const pt_schedule_options_t *options)
{
    pt_schedule_options_t known = schedule_defaults;
    PT__TRY(pt__options_read(options, &known, (uint32_t)sizeof known, "pt_schedule_options_t"));
    PT__TRY(check_schedule(&known));
    return pt__optimizer_set_schedule(optimizer, &known);
}

pt_status_t pt_optimizer_set_schedule(pt_optimizer_t *optimizer, const pt_schedule_options_t *options)
{
    PT__ENTER();
    PT__NEED(optimizer);
    return pt__error_keep_on(pt__optimizer_message(optimizer), optimizer_set_schedule(optimizer, options));
}

static pt_status_t optimizer_set_learning_rate(const char *function, pt_optimizer_t *optimizer, double learning_rate)
{
    if (!isfinite(learning_rate) || learning_rate < 0)
        return pt__fail(PT_ERR_ARGUMENT, "%s: learning_rate is %g, expected a finite number >= 0", function,
                        pt__number_shown(learning_rate));
    return pt__optimizer_set_learning_rate(optimizer, learning_rate);
}

pt_status_t pt_optimizer_set_learning_rate(pt_optimizer_t *optimizer, double learning_rate)
{
    PT__ENTER();
    PT__NEED(optimizer);
    return pt__error_keep_on(pt__optimizer_message(optimizer),
                             optimizer_set_learning_rate(__func__, optimizer, learning_rate));
}

int64_t pt_optimizer_steps(const pt_optimizer_t *optimizer)
{
    return optimizer != NULL ? pt__optimizer_counts_get(optimizer).steps : 0;
}

int64_t pt_optimizer_skipped(const pt_optimizer_t *optimizer)
{
    return optimizer != NULL ? pt__optimizer_counts_get(optimizer).skipped : 0;
}
