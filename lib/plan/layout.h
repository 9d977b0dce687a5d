/* Inside plan/: how a plan is put together. plan.c drives all the others, which do not call it; steps.c is below them;
 * storage.c decides which tensors share memory; arena.c places storages. */
#ifndef PT__LAYOUT_H
#define PT__LAYOUT_H

#include "plan/plan.h"

typedef enum pt__place {
    PT__PLACE_NOWHERE = 0,
    PT__PLACE_INPUT,
    PT__PLACE_PARAMETER,
    PT__PLACE_CONSTANT,
    PT__PLACE_GRADIENT,
    PT__PLACE_ARENA
} pt__place_t;

/* A piece of memory that one tensor or several (views, results in place) occupy one after the other. */
typedef struct pt__storage {
    pt__place_t place;
    int32_t index;       /* INPUT, PARAMETER, CONSTANT, GRADIENT: which */
    int32_t first, last; /* ARENA: the steps (numbers of nodes) between which it is occupied */
    int64_t bytes;       /* ARENA: at capacity, a multiple of PT__ALIGNMENT */
    int64_t offset;      /* ARENA: from its begin */
} pt__storage_t;

typedef struct pt__operand { /* an address or a size of a call that changes with the run */
    pt__view_t *view;
    int32_t input;       /* graph input whose address it takes; -1: none */
    int32_t dimension; /* of size[0] */
    int64_t multiplier;
} pt__operand_t;

typedef struct pt__step {
    int32_t node;
    int32_t scratch; /* storage of the op's scratch; -1: none */
    /* bits of outputs that are a parameter's first contribution: added only where run->accumulate */
    uint32_t first_accumulate;
    uint32_t always_accumulate; /* bits of later contributions */
    int32_t finished_end;       /* how many gradients are complete after it: the first so many of plan->finished */
} pt__step_t;

struct pt__plan {
    pt_context_t *context;
    pt_graph_t *graph; /* what the targets need, with the backward pass */
    pt_tensor_t
        *map; /* [tensors of the graph that the plan was made of] the same in `graph`; PT_NO_TENSOR: not needed */
    int64_t capacity[PT__DIMENSIONS];
    int64_t count[PT__DIMENSIONS]; /* sizes now in the views */
    int32_t accumulate;              /* now in the calls */
    int32_t *reached;                /* [parameters] */
    int32_t *finished;               /* [parameters] those with a gradient, in the order in which they are complete */
    int8_t *kept;                    /* [tensors] */
    int8_t *used;                    /* [tensors] read by a live node, or kept */
    int32_t *last_use;               /* [tensors] the last live node that reads it; INT32_MAX where kept; -1 never */
    int32_t *storage_of;             /* [tensors] -1: none */
    pt__storage_t *storages;
    int64_t n_storages, storage_capacity;
    pt__step_t *steps;
    pt__call_t *calls; /* [n_steps] */
    int64_t n_steps;
    pt__operand_t *operands;
    int64_t n_operands, operand_capacity;
    int32_t examines; /* an op of a step looks at a run's values beforehand */
    int32_t couples;  /* a node updates states from all rows of a run together */
    int64_t arena_bytes;
    int64_t table_bytes;
    void *arena;
    /* On a device that does not follow the host's addresses: where in the arena a run's inputs and offsets go. */
    int64_t *input_offset; /* [inputs] -1: not read; NULL on other devices */
    int64_t offsets_offset[PT__DIMENSIONS]; /* -1: none */
};

int64_t pt__layout_elements(const pt__plan_t *plan, const pt__shape_t *shape); /* at capacity */
/* A view of tensor with capacity's sizes, no address. */
pt__view_t pt__layout_view(const pt__plan_t *plan, pt_tensor_t tensor);
/* Whether an output is used, and so the node runs; not always the first one: of a gradient only a parameter's part
 * may be. */
int32_t pt__layout_is_live(const pt__plan_t *plan, const pt__node_t *node);
/* Adds a storage and gives its index. */
pt_status_t pt__layout_add_storage(pt__plan_t *plan, const pt__storage_t *storage, int32_t *index);
/* What a sink writes: a parameter's gradient, or a state. */
static inline pt__place_t pt__layout_sink_place(const pt__node_t *node)
{
    return node->op->flags & PT__OP_STATE_SINK ? PT__PLACE_PARAMETER : PT__PLACE_GRADIENT;
}

static inline int32_t pt__layout_sink_index(const pt__node_t *node)
{
    return (int32_t)node->attributes.integers[PT__ATTRIBUTE_SINK];
}

/* The node as a call with views at capacity; every operand that is there has data that is not NULL, but no address. */
pt__call_t pt__layout_call(const pt__plan_t *plan, const pt__node_t *node);
/* Of a call with the sizes that it has now: its operations, and the bytes that it reads and writes. */
double pt__layout_operations(const pt__call_t *call);
int64_t pt__layout_bytes(const pt__call_t *call);
/* Tells the nodes whose states options->updated names that they update them; and, once the backward pass is there,
 * appends what writes the new values back (states.c). */
void pt__layout_mark_updates(pt__plan_t *plan, const pt__plan_options_t *options);
pt_status_t pt__layout_append_updates(pt__plan_t *plan, int64_t n_nodes);
/* Makes plan->graph and plan->map: a copy with what the targets need, selections of rows moved up (select.c). */
pt_status_t pt__layout_select(pt__plan_t *plan, const pt_graph_t *graph, const pt_tensor_t *targets, int32_t n_targets);
/* Moves activations behind the ops that take the largest of their results (commute.c). n_tensors: of the graph that the
 * plan is made of. */
pt_status_t pt__layout_commute(pt__plan_t *plan, const pt__plan_options_t *options, int64_t n_tensors);
/* Sizes of a run in all views. */
void pt__layout_set_counts(pt__plan_t *plan, const int64_t *count);
/* Whether anything could be worth making again. The capacity is not checked yet. */
int32_t pt__layout_may_recompute(const pt__plan_t *plan);
/* Sets recomputed[t], t a tensor of the forward pass, for what the backward pass shall make again rather than have
 * kept, by a plan that keeps everything (recompute.c). The forward pass' n_nodes and n_tensors have the same numbers in
 * both. */
pt_status_t pt__layout_recompute(pt__plan_t *keeping, int64_t n_nodes, int64_t n_tensors, int8_t *recomputed);
/* Moves additions and activations' derivatives into the ops that can do them in passing (fuse.c). `used` must be
 * current, and is no longer afterwards. */
pt_status_t pt__layout_fuse(pt__plan_t *plan);
/* Decides storage_of for every used tensor, and fills the steps (all live nodes but views and sinks that became
 * unnecessary). */
pt_status_t pt__layout_assign(pt__plan_t *plan);
/* The parameter whose gradient output k of a node that is a step writes, or adds to; -1: none. */
int32_t pt__layout_gradient_of(const pt__plan_t *plan, const pt__node_t *node, int32_t k);
/* Fills `finished`, once there are steps (finished.c). */
pt_status_t pt__layout_find_finished(pt__plan_t *plan);
/* Gives every ARENA storage its offset; sets arena_bytes. */
pt_status_t pt__layout_place(pt__plan_t *plan);

#endif
