/* Binds an optimizer to parameters: copies what it must know of them, gives them slots, and joins neighbours in memory that are
 * treated alike into one sweep, so that a model of many small tensors costs few kernel calls. train/ binds before each update; only a new
 * identity does work. Slots lie as the parameters do: from one learnable to the next the same distance, rounded up to 16 floats. */
#include "optim/optimizer.h"

#include <float.h>
#include <string.h>

#include "kernels/device.h"

enum { GAP = 16 }; /* floats between neighbours are at most those that round up to a multiple of this */

static int64_t padded(int64_t elements)
{
    return (elements + GAP - 1) / GAP * GAP;
}

/* Whether b begins `elements` floats after a; the two may belong to different blocks, whose addresses C does not let us subtract. */
static int32_t follows(const float *a, const float *b, int64_t elements)
{
    return (uintptr_t)b == (uintptr_t)a + (uintptr_t)elements * sizeof(float);
}

static int32_t treated_alike(const pt__sweep_t *sweep, const pt__bound_t *next)
{
    return sweep->born == next->born && sweep->rate_factor == next->rate_factor &&
           sweep->weight_decay == next->weight_decay;
}

/* Adam without an epsilon divides 0 by 0 in a gap, where value, gradient and slots are all zero. A denormal one counts as none. */
static int32_t may_cross_gap(const pt_optimizer_t *optimizer, const pt__bound_t *bound)
{
    return optimizer->kind.n_slots < 2 || (float)optimizer->options.epsilon >= FLT_MIN ||
           padded(bound->elements) == bound->elements;
}

static void apply_groups(const pt_optimizer_t *optimizer, pt__bound_t *bound)
{
    bound->rate_factor = 1.0;
    bound->weight_decay = optimizer->options.weight_decay;
    for (int64_t i = optimizer->n_groups - 1; i >= 0; i--) {
        const pt__group_t *group = &optimizer->groups[i];
        if (!pt__pattern_match(group->pattern, bound->name))
            continue;
        bound->rate_factor = group->rate_factor;
        if (group->weight_decay >= 0)
            bound->weight_decay = group->weight_decay;
        break;
    }
    if ((optimizer->options.flags & PT_OPTIMIZER_DECAY_MATRICES) != 0 && bound->rank < 2)
        bound->weight_decay = 0;
}

void pt__binding_arrange(pt_optimizer_t *optimizer, pt__binding_t *binding)
{
    binding->n_sweeps = binding->n_spans = 0;
    for (int64_t i = 0; i < binding->count; i++) {
        pt__bound_t *bound = &binding->bound[i];
        const pt__bound_t *before = i > 0 ? bound - 1 : NULL;
        apply_groups(optimizer, bound);
        int32_t beside = before != NULL && follows(before->gradient, bound->gradient, padded(before->elements));
        if (beside)
            binding->spans[binding->n_spans - 1].count += padded(before->elements) - before->elements + bound->elements;
        else
            binding->spans[binding->n_spans++] = (pt__span_t){.gradient = bound->gradient, .count = bound->elements};
        if (beside && follows(before->value, bound->value, padded(before->elements)) &&
            may_cross_gap(optimizer, before) && treated_alike(&binding->sweeps[binding->n_sweeps - 1], bound))
            binding->sweeps[binding->n_sweeps - 1].count += padded(before->elements) - before->elements +
                                                            bound->elements;
        else
            binding->sweeps[binding->n_sweeps++] = (pt__sweep_t){.value = bound->value,
                                                                 .gradient = bound->gradient,
                                                                 .count = bound->elements,
                                                                 .offset = bound->offset,
                                                                 .born = bound->born,
                                                                 .rate_factor = bound->rate_factor,
                                                                 .weight_decay = bound->weight_decay};
    }
}

void pt__binding_free(pt_optimizer_t *optimizer, pt__binding_t *binding)
{
    pt__memory_t *memory = &optimizer->context->memory;
    if (binding == NULL)
        return;
    pt__release(memory, binding->bound);
    pt__release(memory, binding->names);
    pt__release(memory, binding->sweeps);
    pt__release(memory, binding->spans);
    pt__device_release(optimizer->context->device, binding->slots);
    pt__release(memory, binding);
}

/* A binding without slots; ages as if all were new. */
static pt_status_t describe(pt_optimizer_t *optimizer, const pt__learnable_t *learnables, int64_t count,
                            uint64_t identity, pt__binding_t **out)
{
    pt__memory_t *memory = &optimizer->context->memory;
    pt__binding_t *binding;
    pt_status_t status;
    size_t name_bytes = 0;
    *out = NULL;
    PT__TRY(pt__allocate(memory, 1, sizeof *binding, "optimizer", &binding));
    for (int64_t i = 0; i < count; i++)
        name_bytes += strlen(learnables[i].name) + 1;
    PT__TRY_OUT(pt__allocate(memory, (size_t)count, sizeof *binding->bound, "optimizer", &binding->bound));
    PT__TRY_OUT(pt__allocate(memory, (size_t)count, sizeof *binding->sweeps, "optimizer", &binding->sweeps));
    PT__TRY_OUT(pt__allocate(memory, (size_t)count, sizeof *binding->spans, "optimizer", &binding->spans));
    PT__TRY_OUT(pt__allocate(memory, name_bytes, 1, "optimizer", &binding->names));
    binding->identity = identity;
    binding->count = count;
    char *name = binding->names;
    for (int64_t i = 0; i < count; i++) {
        const pt__learnable_t *from = &learnables[i];
        size_t bytes = strlen(from->name) + 1;
        memcpy(name, from->name, bytes);
        binding->bound[i] = (pt__bound_t){.name = name,
                                          .rank = from->rank,
                                          .elements = from->elements,
                                          .value = from->value,
                                          .gradient = from->gradient,
                                          .offset = binding->slot_elements,
                                          .born = optimizer->counts.steps};
        binding->slot_elements += padded(from->elements);
        name += bytes;
    }
    *out = binding;
    return PT_OK;
out:
    pt__binding_free(optimizer, binding);
    return status;
}

/* The learnable of `old` that `bound` was: same name, same size. *hint is where the last one was found, the next being the likeliest. */
static const pt__bound_t *find_old(const pt__binding_t *old, const pt__bound_t *bound, int64_t *hint)
{
    for (int64_t tried = 0; tried < old->count; tried++) {
        int64_t i = (*hint + 1 + tried) % old->count;
        if (old->bound[i].elements == bound->elements && strcmp(old->bound[i].name, bound->name) == 0) {
            *hint = i;
            return &old->bound[i];
        }
    }
    return NULL;
}

/* Finds what is known already. Returns whether the slots of both are laid out alike, so that the old block can serve on. */
static int32_t inherit_ages(const pt__binding_t *old, pt__binding_t *binding)
{
    int64_t hint = -1;
    int32_t alike = old->count == binding->count;
    for (int64_t i = 0; i < binding->count; i++) {
        const pt__bound_t *known = find_old(old, &binding->bound[i], &hint);
        if (known != NULL)
            binding->bound[i].born = known->born;
        alike = alike && known == &old->bound[i];
    }
    return alike;
}

static pt_status_t copy_slots(const pt_optimizer_t *optimizer, const pt__binding_t *old, pt__binding_t *binding)
{
    struct pt__device *device = optimizer->context->device;
    int64_t hint = -1;
    for (int64_t i = 0; i < binding->count; i++) {
        const pt__bound_t *bound = &binding->bound[i], *known = find_old(old, bound, &hint);
        for (int32_t slot = 0; known != NULL && slot < optimizer->kind.n_slots; slot++)
            PT__TRY(pt__device_copy(device, binding->slots + slot * binding->slot_elements + bound->offset,
                                    old->slots + slot * old->slot_elements + known->offset,
                                    bound->elements * (int64_t)sizeof(float)));
    }
    return PT_OK;
}

/* Zero slots. */
static pt_status_t make_slots(const pt_optimizer_t *optimizer, pt__binding_t *binding)
{
    struct pt__device *device = optimizer->context->device;
    int64_t bytes = optimizer->kind.n_slots * binding->slot_elements * (int64_t)sizeof(float);
    PT__TRY(pt__device_allocate(device, bytes, "optimizer slots", &binding->slots));
    return pt__device_clear(device, binding->slots, bytes);
}

pt_status_t pt__optimizer_bind(pt_optimizer_t *optimizer, const pt__learnable_t *learnables, int64_t count,
                               uint64_t identity)
{
    if (pt__optimizer_is_bound(optimizer, identity))
        return PT_OK;
    if (optimizer->busy || optimizer->held) /* an update, or a stage, goes on with the binding it has */
        return pt__fail(PT_ERR_BUSY,
                        "the optimizer is in use: a callback of the stage that it trains in, or of its schedule, "
                        "may not use it with another model");
    pt__binding_t *old = optimizer->binding, *binding;
    PT__TRY(describe(optimizer, learnables, count, identity, &binding));
    int32_t alike = old != NULL && inherit_ages(old, binding);
    if (!alike && optimizer->kind.n_slots > 0) {
        pt_status_t status = make_slots(optimizer, binding);
        if (status == PT_OK && old != NULL)
            status = copy_slots(optimizer, old, binding);
        if (status != PT_OK) {
            pt__binding_free(optimizer, binding);
            return status;
        }
    } else if (alike) {
        binding->slots = old->slots;
        old->slots = NULL;
    }
    pt__binding_arrange(optimizer, binding);
    pt__binding_free(optimizer, old);
    optimizer->binding = binding;
    return PT_OK;
}

void pt__optimizer_hold(pt_optimizer_t *optimizer, int32_t held)
{
    optimizer->held = held;
}

int32_t pt__optimizer_is_bound(const pt_optimizer_t *optimizer, uint64_t identity)
{
    return optimizer->binding != NULL && optimizer->binding->identity == identity;
}

float *pt__optimizer_slot(const pt_optimizer_t *optimizer, int64_t index, int32_t slot)
{
    const pt__binding_t *binding = optimizer->binding;
    if (binding == NULL || index < 0 || index >= binding->count || slot < 0 || slot >= optimizer->kind.n_slots)
        return NULL;
    return binding->slots + slot * binding->slot_elements + binding->bound[index].offset;
}

int64_t pt__optimizer_age(const pt_optimizer_t *optimizer, int64_t index)
{
    return optimizer->counts.steps - optimizer->binding->bound[index].born;
}

void pt__optimizer_age_set(pt_optimizer_t *optimizer, int64_t index, int64_t age)
{
    optimizer->binding->bound[index].born = optimizer->counts.steps - age;
    pt__binding_arrange(optimizer, optimizer->binding);
}
