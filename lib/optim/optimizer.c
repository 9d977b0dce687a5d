/* The optimizer as train/ sees it: its settings, and one update from a gradient. binding.c knows the parameters, schedule.c the rate,
 * a kind's file the rule.
 *
 *   g = gradient / weight;  norm = |g|;  g *= min(1, clip_norm / (norm + 1e-6));  |g_i| <= clip_value;  rate = base · schedule · group
 *
 * (torch's clip_grad_norm_ and clip_grad_value_.) Whether the gradient is finite is always found out, from the sum of squares in double, which no
 * finite float gradient overflows: one more read of the gradients before the sweep, which reads and writes four to seven times as much. */
#include "optim/optimizer.h"

#include <math.h>

#include "base/text.h"
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
    PT__TRY(pt__allocate(&context->memory, 1, sizeof *optimizer, "optimizer", &optimizer));
    optimizer->context = pt__context_retain(context);
    atomic_init(&optimizer->references, 1);
    optimizer->kind = *kind;
    if (kind->slots_needed != NULL)
        optimizer->kind.n_slots = kind->slots_needed(options);
    optimizer->options = *options;
    if (options->weight_decay < 0)
        optimizer->options.weight_decay = kind->default_weight_decay;
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
    if (schedule->destroy != NULL)
        schedule->destroy(schedule->user);
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
    PT__TRY(check_idle(optimizer));
    if (optimizer->counts.steps > 0)
        return pt__fail(PT_ERR_STATE, "group \"%s\" comes after %lld updates: groups are added before the first",
                        pattern, (long long)optimizer->counts.steps);
    PT__TRY(pt__grow(memory, &optimizer->groups, &optimizer->group_room, optimizer->n_groups + 1,
                     sizeof *optimizer->groups, "parameter groups"));
    pt__group_t *group = &optimizer->groups[optimizer->n_groups];
    PT__TRY(pt__string_copy(memory, pattern, &group->pattern));
    group->rate_factor = options->learning_rate_factor;
    group->weight_decay = options->weight_decay;
    optimizer->n_groups++;
    if (optimizer->binding != NULL)
        pt__binding_arrange(optimizer, optimizer->binding);
    return PT_OK;
}

pt_status_t pt__optimizer_set_schedule(pt_optimizer_t *optimizer, const pt_schedule_options_t *options)
{
    PT__TRY(check_idle(optimizer));
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

/* ---- One update ---- */

static pt_status_t ask_callback(pt_optimizer_t *optimizer, double *factor)
{
    pt__pool_rest(optimizer->context->pool);
    optimizer->busy = 1;
    pt_status_t status = pt__schedule_ask(&optimizer->schedule, optimizer->counts.steps, factor);
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
            norm, (long long)counts->skipped_in_a_row, (long long)optimizer->options.nonfinite_limit,
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
    float *slots[2] = {NULL, NULL};
    for (int32_t slot = 0; slot < optimizer->kind.n_slots; slot++)
        slots[slot] = binding->slots + slot * binding->slot_elements;
    for (int64_t i = 0; i < binding->n_sweeps; i++) {
        const pt__sweep_t *part = &binding->sweeps[i];
        pt__update_t call = {.count = part->count,
                             .parameter = part->value,
                             .gradient = part->gradient,
                             .gradient_scale = (float)scale,
                             .clip_value = (float)optimizer->options.clip_value,
                             .rate = (float)(rate * part->rate_factor),
                             .weight_decay = (float)part->weight_decay};
        call.first = slots[0] != NULL ? slots[0] + part->offset : NULL;
        call.second = slots[1] != NULL ? slots[1] + part->offset : NULL;
        optimizer->kind.update(device, &optimizer->options, optimizer->counts.steps - part->born + 1, &call);
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
    PT__TRY(pt__device_leave(device));
    result->learning_rate = options->learning_rate * factor;
    if (want_norm || options->clip_norm > 0)
        result->gradient_norm = norm;
    if (!isfinite(norm)) {
        result->skipped = 1;
        return skip(optimizer, norm);
    }
    if (options->clip_norm > 0 && options->clip_norm < norm + 1e-6)
        scale *= options->clip_norm / (norm + 1e-6);
    PT__TRY(pt__device_enter(device));
    sweep(optimizer, device, scale, result->learning_rate);
    pt_status_t status = pt__device_leave(device);
    if (status != PT_OK)
        return pt__fail_within(status,
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

const pt_context_t *pt__optimizer_context(const pt_optimizer_t *optimizer)
{
    return optimizer->context;
}

const pt__optimizer_kind_t *pt__optimizer_kind_of(const pt_optimizer_t *optimizer)
{
    return &optimizer->kind;
}

int64_t pt__optimizer_slot_bytes(const pt_optimizer_t *optimizer, int64_t elements)
{
    return optimizer->kind.n_slots * elements * (int64_t)sizeof(float);
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
    pt__binding_arrange(optimizer, optimizer->binding);
}

static void add_number(pt__text_t *text, const char *name, double value)
{
    pt__text_add(text, " %s=", name);
    pt__text_add_number(text, value);
}

static void add_schedule(pt__text_t *text, const pt_schedule_options_t *schedule)
{
    static const char *const names[] = {"constant",  "linear",       "cosine",  "step",
                                        "one_cycle", "inverse_sqrt", "callback"};
    pt__text_add(text, " schedule=%s warmup_steps=%lld total_steps=%lld period=%lld", names[schedule->kind],
                 (long long)schedule->warmup_steps, (long long)schedule->total_steps, (long long)schedule->period);
    add_number(text, "minimum_factor", schedule->minimum_factor);
    add_number(text, "gamma", schedule->gamma);
    add_number(text, "initial_divisor", schedule->initial_divisor);
    add_number(text, "final_divisor", schedule->final_divisor);
}

pt_status_t pt__optimizer_print(const pt_optimizer_t *optimizer, char *buffer, size_t size)
{
    const pt_optimizer_options_t *options = &optimizer->options;
    pt__text_t text = pt__text_start(&optimizer->context->memory);
    size_t length;
    pt__text_add(&text, "%s flags=%lu nesterov=%d nonfinite_limit=%lld", optimizer->kind.name,
                 (unsigned long)options->flags, (int)options->nesterov, (long long)options->nonfinite_limit);
    add_number(&text, "learning_rate", options->learning_rate);
    add_number(&text, "weight_decay", options->weight_decay);
    add_number(&text, "beta1", options->beta1);
    add_number(&text, "beta2", options->beta2);
    add_number(&text, "epsilon", options->epsilon);
    add_number(&text, "momentum", options->momentum);
    add_number(&text, "dampening", options->dampening);
    add_number(&text, "clip_norm", options->clip_norm);
    add_number(&text, "clip_value", options->clip_value);
    add_schedule(&text, &optimizer->schedule);
    for (int64_t i = 0; i < optimizer->n_groups; i++) {
        pt__text_add(&text, " group=\"%s\"", optimizer->groups[i].pattern);
        add_number(&text, "learning_rate_factor", optimizer->groups[i].rate_factor);
        add_number(&text, "weight_decay", optimizer->groups[i].weight_decay);
    }
    return pt__text_give(&text, buffer, size, &length);
}
