/* The optimizer as train/ sees it: its settings, and one update from a gradient. binding.c knows the parameters,
 * schedule.c the rate, a kind's file the rule.
 *
 *   g = gradient / weight;  norm = |g|;  g *= min(1, clip_norm / (norm + 1e-6));  |g_i| <= clip_value
 *   rate = base · schedule · group
 *
 * (torch's clip_grad_norm_ and clip_grad_value_.) Whether the gradient is finite is always found out, from the sum of
 * squares in double, which no finite float gradient overflows: one more read of the gradients before the sweep, which
 * reads and writes four to seven times as much. */
#include "optim/optimizer.h"

#include <math.h>

#include "base/number.h"
#include "base/unfinished.h"
#include "kernels/device.h"
#include "optim/optimizer_kinds.h"
#include "optim/schedule.h"

static const pt__optimizer_kind_t *const kinds[] = {
#define PT__OPTIMIZER(name) &pt__optimizer_kind_##name,
#include "optim/optim.def"
#undef PT__OPTIMIZER
};

static const pt__optimizer_kind_t *find_kind(int32_t number)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (kinds[i]->number == number)
            return kinds[i];
    return NULL;
}

pt_status_t pt__optimizer_create(pt_context_t *context, const pt_optimizer_options_t *options, pt_optimizer_t **out)
{
    const pt__optimizer_kind_t *kind = find_kind(options->kind);
    pt_optimizer_t *optimizer;
    *out = NULL;
    if (kind == NULL)
        return pt__fail(PT_ERR_ARGUMENT, "pt_optimizer_options_t: kind is %d, which is not one of PT_OPTIMIZER_...",
                        (int)options->kind);
    if (options->flags & PT_OPTIMIZER_AMSGRAD & ~kind->flags)
        return pt__fail(PT_ERR_ARGUMENT,
                        "pt_optimizer_options_t: flags has PT_OPTIMIZER_AMSGRAD, which \"%s\" does not know",
                        kind->name);
    PT__TRY(pt__allocate(&context->memory, 1, sizeof *optimizer, "optimizer", &optimizer));
    optimizer->context = pt__context_retain(context);
    atomic_init(&optimizer->references, 1);
    optimizer->kind = kind;
    optimizer->options = *options;
    optimizer->first_rate = options->learning_rate;
    optimizer->schedule = (pt_schedule_options_t){.struct_size = (uint32_t)sizeof optimizer->schedule,
                                                  .kind = PT_SCHEDULE_CONSTANT};
    *out = optimizer;
    return PT_OK;
}

pt_optimizer_t *pt__optimizer_retain(pt_optimizer_t *optimizer)
{
    atomic_fetch_add_explicit(&optimizer->references, 1, memory_order_relaxed);
    return optimizer;
}

static void end_schedule(const pt_schedule_options_t *schedule)
{
    pt__kept_error_t kept;
    if (schedule->destroy == NULL)
        return;
    pt__error_keep(&kept);
    schedule->destroy(schedule->user);
    pt__error_return(&kept);
}

void pt__optimizer_release(pt_optimizer_t *optimizer)
{
    if (optimizer == NULL || atomic_fetch_sub_explicit(&optimizer->references, 1, memory_order_acq_rel) > 1)
        return;
    pt_context_t *context = optimizer->context;
    end_schedule(&optimizer->schedule);
    pt__binding_free(optimizer, optimizer->binding);
    for (int64_t i = 0; i < optimizer->n_groups; i++)
        pt__release(&context->memory, optimizer->groups[i].pattern);
    pt__release(&context->memory, optimizer->groups);
    pt__release(&context->memory, optimizer);
    pt__context_release(context);
}

/* ---- Settings ---- */

static pt_status_t check_idle(const pt_optimizer_t *optimizer)
{
    return optimizer->busy ? pt__fail(PT_ERR_BUSY, "the optimizer is in use: its schedule's callback may not change it")
                           : PT_OK;
}

pt_status_t pt__optimizer_add_group(pt_optimizer_t *optimizer, const char *pattern, const pt_group_options_t *options)
{
    pt__memory_t *memory = &optimizer->context->memory;
    const pt__optimizer_kind_t *kind = options->kind < 0 ? NULL : find_kind(options->kind);
    PT__TRY(check_idle(optimizer));
    if (optimizer->held)
        return pt__fail(PT_ERR_BUSY, "group \"%s\" comes while a stage runs: groups are added before the first update",
                        pattern);
    if (optimizer->counts.steps > 0)
        return pt__fail(PT_ERR_STATE, "group \"%s\" comes after %lld updates: groups are added before the first",
                        pattern, (long long)optimizer->counts.steps);
    if (options->kind >= 0 && kind == NULL)
        return pt__fail(PT_ERR_ARGUMENT, "pt_group_options_t: kind is %d, which is not one of PT_OPTIMIZER_...",
                        (int)options->kind);
    PT__TRY(pt__grow(memory, &optimizer->groups, &optimizer->group_capacity, optimizer->n_groups + 1,
                     sizeof *optimizer->groups, "parameter groups"));
    pt__group_t *group = &optimizer->groups[optimizer->n_groups];
    PT__TRY(pt__string_copy(memory, pattern, &group->pattern));
    group->kind = kind;
    group->options = *options;
    optimizer->n_groups++;
    /* Without an update every slot is zero: a binding that was made too early is made again. */
    pt__binding_free(optimizer, optimizer->binding);
    optimizer->binding = NULL;
    return PT_OK;
}

pt_status_t pt__optimizer_set_schedule(pt_optimizer_t *optimizer, const pt_schedule_options_t *options)
{
    PT__TRY(check_idle(optimizer));
    if (optimizer->held) /* a stage that is resumed has the schedule that its program sets before */
        return pt__fail(PT_ERR_BUSY, "the optimizer is in use: its schedule cannot be replaced while a stage trains "
                                     "with it; pt_optimizer_set_learning_rate changes its rate");
    pt_schedule_options_t replaced = optimizer->schedule;
    optimizer->schedule = *options;
    end_schedule(&replaced);
    return PT_OK;
}

pt_status_t pt__optimizer_set_learning_rate(pt_optimizer_t *optimizer, double learning_rate)
{
    PT__TRY(check_idle(optimizer));
    optimizer->options.learning_rate = learning_rate;
    return PT_OK;
}

void pt__optimizer_rates(const pt_optimizer_t *optimizer, double *first, double *now)
{
    *first = optimizer->first_rate;
    *now = optimizer->options.learning_rate;
}

void pt__optimizer_restore_rate(pt_optimizer_t *optimizer, double first, double now)
{
    if (optimizer->first_rate == first && optimizer->options.learning_rate == first)
        optimizer->options.learning_rate = now;
}

/* ---- One update ---- */

/* As the update that asked would have: it has retained the optimizer. */
static pt_status_t end_asking(void *object)
{
    pt_optimizer_t *optimizer = object;
    optimizer->busy = 0;
    pt__optimizer_release(optimizer);
    return PT_OK;
}

static pt_status_t ask_callback(pt_optimizer_t *optimizer, double *factor)
{
    pt__pool_rest(optimizer->context->pool);
    optimizer->busy = 1;
    pt__unfinished_push(end_asking, optimizer);
    pt_status_t status = pt__schedule_ask(&optimizer->schedule, optimizer->counts.steps, factor);
    pt__unfinished_pop();
    optimizer->busy = 0;
    return status;
}

static pt_status_t schedule_factor(pt_optimizer_t *optimizer, const pt__horizon_t *horizon, double *factor)
{
    const pt_schedule_options_t *schedule = &optimizer->schedule;
    if (schedule->kind == PT_SCHEDULE_CALLBACK)
        return ask_callback(optimizer, factor);
    int64_t step = optimizer->counts.steps, total = schedule->total_steps;
    if (total == 0 && horizon != NULL && pt__schedule_needs_total(schedule->kind)) {
        step -= horizon->begin;
        total = horizon->steps;
    }
    if (total <= 0 && pt__schedule_needs_total(schedule->kind))
        return pt__fail(PT_ERR_STATE, "the schedule needs its number of steps: set pt_schedule_options_t.total_steps, "
                                      "which is 0, as this stage does not "
                                      "know its own");
    *factor = pt__schedule_factor(schedule, step, total);
    return PT_OK;
}

static pt_status_t skip(pt_optimizer_t *optimizer, double norm)
{
    pt__optimizer_counts_t *counts = &optimizer->counts;
    counts->skipped++;
    counts->skipped_in_a_row++;
    if (counts->skipped_in_a_row >= optimizer->options.nonfinite_limit)
        return pt__fail(
            PT_ERR_NONFINITE,
            "the gradient's norm is %g: %lld updates in a row were skipped, the limit is %lld, after %lld updates made",
            pt__number_shown(norm), (long long)counts->skipped_in_a_row, (long long)optimizer->options.nonfinite_limit,
            (long long)counts->steps);
    return PT_OK;
}

static double gradient_norm(const pt__binding_t *binding, struct pt__device *device)
{
    double sum = 0;
    for (int64_t i = 0; i < binding->n_spans; i++)
        sum += device->kernels->sum_of_squares(device, binding->spans[i].count, binding->spans[i].gradient);
    return sqrt(sum);
}

static void sweep(const pt_optimizer_t *optimizer, struct pt__device *device, double scale, double rate)
{
    const pt__binding_t *binding = optimizer->binding;
    double sign = (optimizer->options.flags & PT_OPTIMIZER_MAXIMIZE) != 0 ? -1.0 : 1.0;
    for (int64_t i = 0; i < binding->n_sweeps; i++) {
        const pt__bound_t *first = binding->sweeps[i].first;
        const pt__rule_t *rule = &first->rule;
        pt__part_t part = {.options = &optimizer->options,
                           .rule = rule,
                           .rate = rate * rule->rate_factor,
                           .number = optimizer->counts.steps - first->born + 1,
                           .rank = first->learnable.rank,
                           .size = first->size};
        part.update = (pt__update_t){.count = binding->sweeps[i].count,
                                     .parameter = first->learnable.value,
                                     .gradient = first->learnable.gradient,
                                     .gradient_scale = (float)(sign * scale),
                                     .clip_value = (float)optimizer->options.clip_value,
                                     .rate = (float)part.rate,
                                     .weight_decay = (float)rule->weight_decay};
        for (int32_t slot = 0; slot < PT__MOST_SLOTS; slot++)
            part.slots[slot] = first->offset[slot] < 0 ? NULL : binding->slots + first->offset[slot];
        rule->kind->update(device, &part);
    }
}

static pt_status_t update(pt_optimizer_t *optimizer, struct pt__device *device, double weight,
                          const pt__horizon_t *horizon, int32_t want_norm, pt__update_result_t *result)
{
    const pt_optimizer_options_t *options = &optimizer->options;
    double factor = 1.0, scale = 1.0 / weight;
    *result = (pt__update_result_t){0};
    if (optimizer->binding == NULL)
        return pt__fail(PT_ERR_INTERNAL, "an update before the optimizer was bound to parameters");
    PT__TRY(schedule_factor(optimizer, horizon, &factor));
    PT__TRY(pt__device_enter(device));
    double norm = gradient_norm(optimizer->binding, device) * scale;
    pt_status_t known = pt__device_check(device); /* before anything changes */
    result->learning_rate = options->learning_rate * factor;
    if (options->clip_norm > 0 && options->clip_norm < norm + 1e-6)
        scale *= options->clip_norm / (norm + 1e-6);
    if (known == PT_OK && isfinite(norm))
        sweep(optimizer, device, scale, result->learning_rate);
    pt_status_t left = pt__device_leave(device);
    PT__TRY(known);
    if (want_norm || options->clip_norm > 0)
        result->gradient_norm = norm;
    if (!isfinite(norm)) {
        result->skipped = 1;
        return skip(optimizer, norm);
    }
    if (left != PT_OK)
        return pt__fail_within(
            left,
            "in the middle of update %lld, which cannot be undone: some weights may have changed and "
            "others not, go on from a checkpoint",
            (long long)(optimizer->counts.steps + 1));
    optimizer->counts.steps++;
    optimizer->counts.skipped_in_a_row = 0;
    return PT_OK;
}

pt_status_t pt__optimizer_update(pt_optimizer_t *optimizer, struct pt__device *device, double weight,
                                 const pt__horizon_t *horizon, int32_t want_norm, pt__update_result_t *result)
{
    pt__optimizer_retain(optimizer); /* the schedule's callback may free the host's handle */
    pt_status_t status = update(optimizer, device, weight, horizon, want_norm, result);
    pt__optimizer_release(optimizer);
    return status;
}

/* ---- What others ask ---- */

char *pt__optimizer_message(pt_optimizer_t *optimizer)
{
    return optimizer->message;
}

const pt_context_t *pt__optimizer_context(const pt_optimizer_t *optimizer)
{
    return optimizer->context;
}

const pt__optimizer_kind_t *pt__optimizer_kind_of(const pt_optimizer_t *optimizer)
{
    return optimizer->kind;
}

pt__optimizer_counts_t pt__optimizer_counts_get(const pt_optimizer_t *optimizer)
{
    return optimizer->counts;
}

void pt__optimizer_counts_set(pt_optimizer_t *optimizer, const pt__optimizer_counts_t *counts)
{
    optimizer->counts = *counts;
    if (optimizer->binding == NULL)
        return;
    for (int64_t i = 0; i < optimizer->binding->count; i++)
        optimizer->binding->bound[i].born = 0;
    pt__binding_arrange(optimizer->binding);
}
