/* Binds an optimizer to parameters: copies what it must know of them, gives them slots, and joins neighbours in memory
 * that are treated alike into one sweep, so that a model of many small tensors costs few kernel calls. train/ binds
 * before each update; only a new identity does work. What learnt and is frozen keeps its slots and its age until it
 * learns again, as torch's optimizers do: it rests behind the others. Slots of one number lie as the parameters do:
 * from one learnable to the next the same distance, rounded up to 16 elements. */
#include "optim/optimizer.h"

#include <float.h>
#include <string.h>

#include "base/dtype.h"
#include "base/log.h"
#include "kernels/device.h"

int64_t pt__bound_age(const pt_optimizer_t *optimizer, const pt__bound_t *bound)
{
    return bound->is_resting ? bound->rested_at : optimizer->counts.steps - bound->born;
}

void pt__bound_age_set(const pt_optimizer_t *optimizer, pt__bound_t *bound, int64_t age)
{
    bound->born = optimizer->counts.steps - age;
    bound->rested_at = age;
}

/* Whether b begins `elements` floats after a; the two may belong to different blocks, whose addresses C does not let us
 * subtract. */
static int32_t follows(const float *a, const float *b, int64_t elements)
{
    return (uintptr_t)b == (uintptr_t)a + (uintptr_t)elements * sizeof(float);
}

static int32_t same_rule(const pt__rule_t *a, const pt__rule_t *b)
{
    return a->kind == b->kind && a->rate_factor == b->rate_factor && a->weight_decay == b->weight_decay &&
           a->beta1 == b->beta1 && a->beta2 == b->beta2 && a->epsilon == b->epsilon && a->momentum == b->momentum &&
           a->nesterov == b->nesterov && a->flags == b->flags;
}

/* Adam without an epsilon divides 0 by 0 in a gap, where value, gradient and slots are all zero. A denormal one counts
 * as none. */
static int32_t may_cross_gap(const pt__bound_t *bound)
{
    return !bound->rule.kind->needs_epsilon || (float)bound->rule.epsilon >= FLT_MIN ||
           pt__padded(bound->learnable.elements) == bound->learnable.elements;
}

/* Whether `next`, whose gradient follows, may be updated in the same sweep. */
static int32_t sweeps_on(const pt__bound_t *bound, const pt__bound_t *next)
{
    return !bound->rule.kind->takes_tensors && bound->born == next->born && same_rule(&bound->rule, &next->rule) &&
           follows(bound->learnable.value, next->learnable.value, pt__padded(bound->learnable.elements)) &&
           may_cross_gap(bound);
}

void pt__binding_arrange(pt__binding_t *binding)
{
    binding->n_sweeps = binding->n_spans = 0;
    for (int64_t i = 0; i < binding->count; i++) {
        const pt__bound_t *bound = &binding->bound[i], *before = i > 0 ? bound - 1 : NULL;
        int64_t elements = bound->learnable.elements;
        int64_t gap = before != NULL ? pt__padded(before->learnable.elements) - before->learnable.elements : 0;
        const float *gradient = bound->learnable.gradient;
        int32_t beside = before != NULL &&
                         follows(before->learnable.gradient, gradient, pt__padded(before->learnable.elements));
        if (beside)
            binding->spans[binding->n_spans - 1].count += gap + elements;
        else
            binding->spans[binding->n_spans++] = (pt__span_t){.gradient = gradient, .count = elements};
        if (beside && sweeps_on(before, bound))
            binding->sweeps[binding->n_sweeps - 1].count += gap + elements;
        else
            binding->sweeps[binding->n_sweeps++] = (pt__sweep_t){.first = bound, .count = elements};
    }
}

/* ---- Slots ---- */

/* The slot of a learnable of this rank and these sizes; 0 where it has none. */
static int32_t describe_slot(const pt__rule_t *rule, const pt__learnable_t *learnable, int32_t number, pt__slot_t *slot)
{
    const pt__slot_kind_t *kind = &rule->kind->slots[number];
    *slot = (pt__slot_t){.name = kind->name, .dtype = kind->dtype, .rank = learnable->rank, .elements = 1};
    for (int32_t i = 0; i < learnable->rank; i++)
        slot->size[i] = learnable->size[i];
    if (kind->name == NULL || (kind->shape != NULL && !kind->shape(rule, slot)))
        return 0;
    for (int32_t i = 0; i < slot->rank; i++)
        slot->elements *= slot->size[i];
    slot->bytes = slot->elements * pt__dtype_size(slot->dtype);
    return 1;
}

int32_t pt__optimizer_slot_of(const pt_optimizer_t *optimizer, const pt__learnable_t *learnable, int32_t slot,
                              pt__slot_t *out)
{
    const pt__rule_t rule = pt__optimizer_rule(optimizer, learnable->name, learnable->rank);
    return describe_slot(&rule, learnable, slot, out);
}

int64_t pt__optimizer_slot_bytes(const pt_optimizer_t *optimizer, const pt__learnable_t *learnable)
{
    pt__slot_t slot;
    int64_t bytes = 0;
    for (int32_t number = 0; number < PT__MOST_SLOTS; number++)
        if (pt__optimizer_slot_of(optimizer, learnable, number, &slot))
            bytes += slot.bytes;
    return bytes;
}

int32_t pt__optimizer_slot(const pt_optimizer_t *optimizer, int64_t index, int32_t slot, pt__slot_t *out)
{
    const pt__binding_t *binding = optimizer->binding;
    if (binding == NULL || index < 0 || index >= binding->total || slot < 0 || slot >= PT__MOST_SLOTS)
        return 0;
    const pt__bound_t *bound = &binding->bound[index];
    if (bound->offset[slot] < 0)
        return 0;
    describe_slot(&bound->rule, &bound->learnable, slot, out);
    out->data = binding->slots + bound->offset[slot];
    return 1;
}

static void place_slots(pt__binding_t *binding)
{
    for (int32_t number = 0; number < PT__MOST_SLOTS; number++)
        for (int64_t i = 0; i < binding->total; i++) {
            pt__bound_t *bound = &binding->bound[i];
            pt__slot_t slot;
            bound->offset[number] = -1;
            if (!describe_slot(&bound->rule, &bound->learnable, number, &slot))
                continue;
            bound->offset[number] = binding->slot_bytes;
            binding->slot_bytes += pt__padded(slot.elements) * pt__dtype_size(slot.dtype);
        }
}

/* ---- Bindings ---- */

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

static const pt__bound_t *find_old(const pt__binding_t *old, const pt__learnable_t *learnable, int64_t *hint);

/* Whether a frozen parameter has a state to keep. */
static int32_t rests(const pt_optimizer_t *optimizer, const pt__learnable_t *frozen, int64_t *hint)
{
    const pt__bound_t *known = optimizer->binding == NULL ? NULL : find_old(optimizer->binding, frozen, hint);
    return frozen->has_state || (known != NULL && pt__bound_age(optimizer, known) > 0);
}

/* Puts one into its place; returns where the next name goes. */
static char *add_bound(const pt_optimizer_t *optimizer, const pt__learnable_t *learnable, int32_t is_resting,
                       char *name, pt__bound_t *bound)
{
    size_t bytes = strlen(learnable->name) + 1;
    memcpy(name, learnable->name, bytes);
    *bound = (pt__bound_t){.learnable = *learnable,
                           .rule = pt__optimizer_rule(optimizer, name, learnable->rank),
                           .born = optimizer->counts.steps,
                           .is_resting = is_resting};
    for (int32_t d = 0; d < learnable->rank; d++)
        bound->size[d] = learnable->size[d];
    bound->learnable.name = name;
    bound->learnable.size = bound->size;
    return name + bytes;
}

/* A binding without slots, whose places are known; ages as if all were new. */
static pt_status_t describe(pt_optimizer_t *optimizer, const pt__learnable_t *learnables, int64_t count,
                            const pt__learnable_t *frozen, int64_t n_frozen, uint64_t identity, pt__binding_t **out)
{
    pt__memory_t *memory = &optimizer->context->memory;
    pt__binding_t *binding;
    pt_status_t status;
    size_t name_bytes = 0;
    int64_t hint = -1;
    *out = NULL;
    PT__TRY(pt__allocate(memory, 1, sizeof *binding, "optimizer", &binding));
    for (int64_t i = 0; i < count + n_frozen; i++)
        name_bytes += strlen((i < count ? &learnables[i] : &frozen[i - count])->name) + 1;
    PT__TRY_OUT(pt__allocate(memory, (size_t)(count + n_frozen), sizeof *binding->bound, "optimizer", &binding->bound));
    PT__TRY_OUT(pt__allocate(memory, (size_t)count, sizeof *binding->sweeps, "optimizer", &binding->sweeps));
    PT__TRY_OUT(pt__allocate(memory, (size_t)count, sizeof *binding->spans, "optimizer", &binding->spans));
    PT__TRY_OUT(pt__allocate(memory, name_bytes, 1, "optimizer", &binding->names));
    binding->identity = identity;
    binding->count = binding->total = count;
    char *name = binding->names;
    for (int64_t i = 0; i < count; i++) {
        name = add_bound(optimizer, &learnables[i], 0, name, &binding->bound[i]);
    }
    for (int64_t i = 0; i < n_frozen; i++)
        if (rests(optimizer, &frozen[i], &hint))
            name = add_bound(optimizer, &frozen[i], 1, name, &binding->bound[binding->total++]);
    place_slots(binding);
    *out = binding;
    return PT_OK;
out:
    pt__binding_free(optimizer, binding);
    return status;
}

static int32_t same_learnable(const pt__learnable_t *a, const pt__learnable_t *b)
{
    return a->rank == b->rank && memcmp(a->size, b->size, (size_t)a->rank * sizeof a->size[0]) == 0 &&
           strcmp(a->name, b->name) == 0;
}

/* What the learnable was in `old`: same name, same shape. *hint is where the last one was found, the next being the
 * likeliest. */
static const pt__bound_t *find_old(const pt__binding_t *old, const pt__learnable_t *learnable, int64_t *hint)
{
    for (int64_t tried = 0; tried < old->total; tried++) {
        int64_t i = (*hint + 1 + tried) % old->total;
        if (same_learnable(&old->bound[i].learnable, learnable)) {
            *hint = i;
            return &old->bound[i];
        }
    }
    return NULL;
}

/* Frozen, and without a state in the checkpoint that was read since: its slots hold an older one. */
static int32_t is_forgotten(const pt__bound_t *bound)
{
    return bound->is_resting && bound->rested_at == 0;
}

/* Finds what is known already. Returns whether the slots of both are laid out alike, so that the old block can serve
 * on. */
static int32_t inherit_ages(const pt_optimizer_t *optimizer, const pt__binding_t *old, pt__binding_t *binding)
{
    int64_t hint = -1;
    int32_t same_layout = old->total == binding->total;
    for (int64_t i = 0; i < binding->total; i++) {
        pt__bound_t *bound = &binding->bound[i];
        const pt__bound_t *known = find_old(old, &bound->learnable, &hint);
        if (known != NULL)
            pt__bound_age_set(optimizer, bound, pt__bound_age(optimizer, known));
        same_layout = same_layout && known == &old->bound[i] && !is_forgotten(known);
    }
    return same_layout;
}

static pt_status_t copy_slots(struct pt__device *device, const pt__binding_t *old, pt__binding_t *binding)
{
    int64_t hint = -1;
    for (int64_t i = 0; i < binding->total; i++) {
        const pt__bound_t *bound = &binding->bound[i], *known = find_old(old, &bound->learnable, &hint);
        for (int32_t number = 0; known != NULL && !is_forgotten(known) && number < PT__MOST_SLOTS; number++) {
            pt__slot_t slot;
            if (describe_slot(&bound->rule, &bound->learnable, number, &slot))
                PT__TRY(pt__device_copy(device, binding->slots + bound->offset[number],
                                        old->slots + known->offset[number], slot.bytes));
        }
    }
    return PT_OK;
}

/* Zeros, but for what an old binding knows of the same learnables. */
static pt_status_t make_slots(struct pt__device *device, const pt__binding_t *old, pt__binding_t *binding)
{
    if (binding->slot_bytes == 0)
        return PT_OK;
    PT__TRY(pt__device_allocate(device, binding->slot_bytes, "optimizer slots", &binding->slots));
    PT__TRY(pt__device_clear(device, binding->slots, binding->slot_bytes));
    return old == NULL ? PT_OK : copy_slots(device, old, binding);
}

/* A group that reaches nothing, by a slip in its pattern, is as if it were not there. */
static void tell_idle_groups(const pt_optimizer_t *optimizer, const pt__learnable_t *learnables, int64_t count,
                             const pt__learnable_t *frozen, int64_t n_frozen)
{
    for (int64_t group = 0; group < optimizer->n_groups; group++) {
        const char *pattern = optimizer->groups[group].pattern;
        int64_t matched = 0;
        for (int64_t i = 0; i < count + n_frozen && matched == 0; i++)
            matched += pt__pattern_match(pattern, (i < count ? &learnables[i] : &frozen[i - count])->name);
        if (matched == 0)
            pt__log(optimizer->context, PT_LOG_WARNING, "the optimizer's group \"%.200s\" matches no parameter",
                    pattern);
    }
}

pt_status_t pt__optimizer_bind(pt_optimizer_t *optimizer, const pt__learnable_t *learnables, int64_t count,
                               const pt__learnable_t *frozen, int64_t n_frozen, uint64_t identity)
{
    if (pt__optimizer_is_bound(optimizer, identity))
        return PT_OK;
    if (optimizer->busy || optimizer->held) /* an update, or a stage, goes on with the binding it has */
        return pt__fail(PT_ERR_BUSY,
                        "the optimizer is in use: a callback of the stage that it trains in, or of its schedule, "
                        "may not use it with another model");
    pt__binding_t *old = optimizer->binding, *binding;
    PT__TRY(describe(optimizer, learnables, count, frozen, n_frozen, identity, &binding));
    int32_t same_layout = old != NULL && inherit_ages(optimizer, old, binding);
    if (same_layout) {
        binding->slots = old->slots;
        old->slots = NULL;
    } else {
        pt_status_t status = make_slots(optimizer->context->device, old, binding);
        if (status != PT_OK) {
            pt__binding_free(optimizer, binding);
            return status;
        }
    }
    pt__binding_arrange(binding);
    pt__binding_free(optimizer, old);
    optimizer->binding = binding;
    tell_idle_groups(optimizer, learnables, count, frozen, n_frozen);
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

int64_t pt__optimizer_resting(const pt_optimizer_t *optimizer, const pt__learnable_t *frozen)
{
    const pt__binding_t *binding = optimizer->binding;
    for (int64_t i = binding == NULL ? 0 : binding->count; binding != NULL && i < binding->total; i++)
        if (same_learnable(&binding->bound[i].learnable, frozen))
            return i;
    return -1;
}

int64_t pt__optimizer_age(const pt_optimizer_t *optimizer, int64_t index)
{
    return pt__bound_age(optimizer, &optimizer->binding->bound[index]);
}

void pt__optimizer_age_set(pt_optimizer_t *optimizer, int64_t index, int64_t age)
{
    pt__bound_age_set(optimizer, &optimizer->binding->bound[index], age);
    pt__binding_arrange(optimizer->binding);
}
