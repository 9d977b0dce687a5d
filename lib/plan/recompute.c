/* What the backward pass makes again instead of having kept. A candidate is a result that its op can make again with
 * a pass over memory (op->recompute) and that only the backward pass still reads after some step of the forward
 * pass: in between, its memory is free.
 *
 * For PT_RECOMPUTE_CHEAP a plan that keeps everything is made first, to see which step the arena is fullest at and
 * what a step costs. As long as a candidate would not be there at the fullest step, the one with the most bytes for
 * its operations is taken; all that are taken cost at most a small share of the step. What is alive at the fullest
 * step anyway, or gone by then, is kept: to make it again would cost time and save nothing.
 *
 * The price counts each byte that a pass reads or writes as so many operations of a matrix product as take as long.
 * A gelu then costs 42 an element and a layer norm 39; measured on a Zen 4 core: 49 and 32. Graph and capacity alone
 * decide: every machine makes the same plan. */
#include <string.h>

#include "plan/layout.h"

enum {
    LEAST_BYTES = 64 << 10, /* what saves less is kept */
    OPERATIONS_A_BYTE = 4
};
static const double most_share = 0.01; /* of a step's operations */

typedef struct candidate {
    pt_tensor_t tensor;
    int32_t copy;         /* the node that would make it again, at the end of the plan's graph */
    int32_t first, after; /* steps (numbers of nodes) [first, after) at which it would not be there */
    int64_t bytes;
    double operations;
} candidate_t;

typedef struct choice {
    pt__plan_t *plan;    /* keeps everything */
    int64_t n_nodes;     /* of the forward pass */
    int32_t *last_read;  /* [tensors of the forward pass] the last step there that makes or reads it */
    int32_t *first_back; /* [tensors of the forward pass] the first step of the backward pass that reads it; 0: none */
    int8_t *recomputed;  /* [tensors of the forward pass] taken */
    int8_t *needed;      /* [tensors of the forward pass] read by a copy that is taken */
    int64_t *occupied;   /* [steps] bytes of the arena */
    candidate_t *candidates;
    int64_t n_candidates;
    double budget;
} choice_t;

static int64_t storage_bytes(const pt__plan_t *plan, pt_tensor_t tensor)
{
    const pt__storage_t *storage = plan->storage_of[tensor] < 0 ? NULL : &plan->storages[plan->storage_of[tensor]];
    return storage != NULL && storage->place == PT__PLACE_ARENA ? storage->bytes : 0;
}

/* n_tensors of the forward pass. */
static void find_reads(choice_t *self, int64_t n_tensors)
{
    for (int64_t i = 0; i < self->plan->n_steps; i++) {
        int32_t index = self->plan->steps[i].node;
        const pt__node_t *node = &self->plan->graph->nodes[index];
        for (int32_t k = 0; k < node->n_inputs; k++) {
            pt_tensor_t input = node->inputs[k];
            if (input == PT_NO_TENSOR || input >= n_tensors)
                continue;
            if (index < self->n_nodes)
                self->last_read[input] = index;
            else if (self->first_back[input] == 0)
                self->first_back[input] = index;
        }
    }
}

static void find_occupied(choice_t *self)
{
    const pt__plan_t *plan = self->plan;
    int64_t n_nodes = plan->graph->n_nodes;
    for (int64_t i = 0; i < plan->n_storages; i++) {
        const pt__storage_t *storage = &plan->storages[i];
        if (storage->place == PT__PLACE_ARENA)
            for (int64_t k = storage->first; k <= storage->last && k < n_nodes; k++)
                self->occupied[k] += storage->bytes;
    }
}

/* Whether what the copy reads is kept until then anyway, and not in the memory that is to become free. */
static int32_t inputs_stay(const choice_t *self, const candidate_t *candidate)
{
    const pt__plan_t *plan = self->plan;
    const pt__node_t *copy = &plan->graph->nodes[candidate->copy];
    for (int32_t k = 0; k < copy->n_inputs; k++) {
        if (copy->inputs[k] == PT_NO_TENSOR)
            continue;
        int32_t storage = plan->storage_of[copy->inputs[k]];
        if (storage < 0 || storage == plan->storage_of[candidate->tensor])
            return 0;
        if (plan->storages[storage].place == PT__PLACE_ARENA && plan->storages[storage].last < candidate->after)
            return 0;
    }
    return 1;
}

/* Whether another tensor, one that no copy replaces, keeps the memory: a view, or one that works in it. */
static int32_t shares_memory(const pt__plan_t *plan, pt_tensor_t tensor, int64_t n_tensors)
{
    for (int64_t i = tensor + 1; i < n_tensors; i++)
        if (plan->storage_of[i] == plan->storage_of[tensor])
            return 1;
    return 0;
}

/* Adds the node's output 0, where it is one. */
static pt_status_t add_candidate(choice_t *self, int64_t index, int64_t n_tensors)
{
    pt__plan_t *plan = self->plan;
    pt__node_t node = plan->graph->nodes[index]; /* a copy: appending moves the array */
    pt_tensor_t tensor = node.outputs[0];
    candidate_t candidate = {.tensor = tensor, .bytes = storage_bytes(plan, tensor)};
    if (node.op->recompute == NULL || candidate.bytes < LEAST_BYTES || plan->kept[tensor] ||
        self->first_back[tensor] == 0 || shares_memory(plan, tensor, n_tensors))
        return PT_OK;
    pt_tensor_t copy = node.op->recompute(plan->graph, &node);
    PT__TRY(plan->graph->status);
    if (copy == PT_NO_TENSOR)
        return PT_OK;
    candidate.copy = plan->graph->tensors[copy].place;
    candidate.first = 1 + (self->last_read[tensor] > index ? self->last_read[tensor] : (int32_t)index);
    candidate.after = self->first_back[tensor];
    if (!inputs_stay(self, &candidate))
        return PT_OK;
    pt__call_t call = pt__layout_call(plan, &plan->graph->nodes[candidate.copy]);
    candidate.operations = pt__layout_operations(&call) + OPERATIONS_A_BYTE * (double)pt__layout_bytes(&call);
    self->candidates[self->n_candidates++] = candidate;
    return PT_OK;
}

/* Whether it can be taken beside those that are: no copy may read what is not kept. */
static int32_t fits(const choice_t *self, const candidate_t *candidate)
{
    const pt__node_t *copy = &self->plan->graph->nodes[candidate->copy];
    if (self->recomputed[candidate->tensor] || self->needed[candidate->tensor] || candidate->operations > self->budget)
        return 0;
    for (int32_t k = 0; k < copy->n_inputs; k++)
        if (copy->inputs[k] != PT_NO_TENSOR && self->recomputed[copy->inputs[k]])
            return 0;
    return 1;
}

/* The best that would not be there at the step; of equals the first, which is gone the longest. NULL: none. */
static const candidate_t *best_at(const choice_t *self, int64_t step)
{
    const candidate_t *best = NULL;
    for (int64_t i = 0; i < self->n_candidates; i++) {
        const candidate_t *candidate = &self->candidates[i];
        if (candidate->first <= step && step < candidate->after && fits(self, candidate) &&
            (best == NULL || (double)candidate->bytes * best->operations > (double)best->bytes * candidate->operations))
            best = candidate;
    }
    return best;
}

static void take(choice_t *self, const candidate_t *candidate)
{
    const pt__node_t *copy = &self->plan->graph->nodes[candidate->copy];
    self->recomputed[candidate->tensor] = 1;
    self->budget -= candidate->operations;
    for (int64_t i = candidate->first; i < candidate->after; i++)
        self->occupied[i] -= candidate->bytes;
    for (int32_t k = 0; k < copy->n_inputs; k++)
        if (copy->inputs[k] != PT_NO_TENSOR)
            self->needed[copy->inputs[k]] = 1;
}

static int64_t fullest(const choice_t *self, int64_t n_steps)
{
    int64_t most = 0;
    for (int64_t i = 1; i < n_steps; i++)
        if (self->occupied[i] > self->occupied[most])
            most = i;
    return most;
}

/* n_nodes, n_tensors: of the forward pass, which has the same numbers in both plans. */
static pt_status_t choose(choice_t *self, int64_t n_nodes, int64_t n_tensors)
{
    pt__plan_t *plan = self->plan;
    pt__memory_t *memory = &plan->context->memory;
    int64_t n_steps = plan->graph->n_nodes; /* before copies are appended, which have no steps here */
    self->n_nodes = n_nodes;
    PT__TRY(pt__allocate(memory, (size_t)n_tensors, sizeof *self->last_read, "plan", &self->last_read));
    PT__TRY(pt__allocate(memory, (size_t)n_tensors, sizeof *self->first_back, "plan", &self->first_back));
    PT__TRY(pt__allocate(memory, (size_t)n_tensors, 1, "plan", &self->needed));
    PT__TRY(pt__allocate(memory, (size_t)n_steps, sizeof *self->occupied, "plan", &self->occupied));
    PT__TRY(pt__allocate(memory, (size_t)n_nodes, sizeof *self->candidates, "plan", &self->candidates));
    find_reads(self, n_tensors);
    find_occupied(self);
    pt__rows_t capacity;
    memcpy(capacity.count, plan->capacity, sizeof capacity.count);
    self->budget = most_share * pt__plan_operations(plan, &capacity);
    for (int64_t i = 0; i < n_nodes; i++)
        PT__TRY(add_candidate(self, i, n_tensors));
    for (const candidate_t *best; (best = best_at(self, fullest(self, n_steps))) != NULL;)
        take(self, best);
    return PT_OK;
}

/* Whether there can be candidates at all: most small networks need no second plan. The capacity is not checked yet. */
int32_t pt__layout_may_recompute(const pt__plan_t *plan)
{
    for (int64_t i = 0; i < plan->graph->n_nodes; i++) {
        const pt__node_t *node = &plan->graph->nodes[i];
        const pt__shape_t *shape = &plan->graph->tensors[node->outputs[0]].shape;
        double elements = (double)pt__shape_elements(shape) * (double)plan->capacity[shape->dimension];
        if (node->op->recompute != NULL && elements * (double)sizeof(float) >= LEAST_BYTES)
            return 1;
    }
    return 0;
}

pt_status_t pt__layout_recompute(pt__plan_t *keeping, int64_t n_nodes, int64_t n_tensors, int8_t *recomputed)
{
    pt__memory_t *memory = &keeping->context->memory;
    choice_t self = {.plan = keeping, .recomputed = recomputed};
    pt_status_t status = choose(&self, n_nodes, n_tensors);
    pt__release(memory, self.last_read);
    pt__release(memory, self.first_back);
    pt__release(memory, self.needed);
    pt__release(memory, self.occupied);
    pt__release(memory, self.candidates);
    return status;
}
