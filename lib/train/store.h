/* The store: all tensors of a model that outlive a step, each with its name, shape, dtype, role, owner and address. Tensors that can
 * learn stand in segments, blocks in which they follow each other in the graph's order, each at a multiple of PT__ALIGNMENT bytes, gaps
 * zero; gradients and an optimizer's slots follow the same order, so that sweeps keep single spans. State stands in segments of its own.
 *
 * Memory is taken, and initial values are drawn, when a tensor is first needed and nothing else has filled it. Two stores may share
 * segments: a changed task takes over the trunk's tensors where they stand, and only the head is new. */
#ifndef PT__STORE_H
#define PT__STORE_H

#include "graph/graph.h"

enum { PT__FLOATS_A_LINE = PT__ALIGNMENT / (int)sizeof(float) };

/* What a tensor of so many floats takes with the gap behind it. */
static inline int64_t pt__padded(int64_t elements)
{
    return (elements + PT__FLOATS_A_LINE - 1) / PT__FLOATS_A_LINE * PT__FLOATS_A_LINE;
}

typedef struct pt__segment { /* the device's memory; ends with the last tensor that stands in it */
    float *block;
    int64_t tensors;
} pt__segment_t;

typedef struct pt__stored {
    const pt__parameter_t *described; /* the graph's: how the initial values are drawn */
    const char *name;                 /* the graph's */
    pt__role_t role;
    pt__shape_t shape;
    int64_t elements;
    int32_t dtype;          /* of the values */
    pt__segment_t *segment; /* the owner; NULL: it stands nowhere yet */
    void *value;            /* [elements] of dtype, in the device's memory */
    int32_t is_filled;      /* 0: the initial values are not yet drawn */
    float *gradient;        /* the device's; NULL where it does not learn or nothing was planned yet */
    int32_t trainable;
    int32_t learnable; /* trainable, and the loss depends on it */
} pt__stored_t;

typedef struct pt__store {
    pt_context_t *context;
    pt__stored_t *tensors;  /* [count], as in the graph's parameters */
    const void **by_name;   /* [count] pointers to them, sorted */
    int64_t count;
    float *gradients; /* of all learnables, in one block, as the values lie; NULL: none yet */
    uint64_t moves;     /* counts every move of memory that plans have bound */
    int32_t is_settled; /* all tensors stand somewhere and are filled */
} pt__store_t;

/* Describes the graph's tensors, which must outlive the store; they stand nowhere yet. */
pt_status_t pt__store_create(const pt_graph_t *graph, pt__store_t *store);
void pt__store_release(pt__store_t *store);
/* Index of a tensor, -1: none. */
int64_t pt__store_find(const pt__store_t *store, const char *name);
/* What a stage changes: values that learn, and state. */
static inline int32_t pt__stored_changes(const pt__stored_t *stored)
{
    return stored->learnable || stored->role == PT__ROLE_STATE;
}

/* Makes `to` stand where `from`, of another store, does. */
void pt__stored_share(pt__stored_t *to, const pt__stored_t *from);
/* Gives memory to all tensors that stand nowhere. */
pt_status_t pt__store_place(pt__store_t *store);
/* And draws the initial values that nothing has replaced: before anything is read. */
pt_status_t pt__store_settle(pt__store_t *store);
/* Values into a tensor that has memory, from finite ones of a floating-point dtype; and out of one that is filled. */
pt_status_t pt__stored_set(const pt__store_t *store, pt__stored_t *stored, int32_t dtype, const void *values);
pt_status_t pt__stored_get(const pt__store_t *store, const pt__stored_t *stored, float *values);

/* Gradients for the learnables, where that has not happened. */
pt_status_t pt__store_make_gradients(pt__store_t *store);
void pt__store_drop_gradients(pt__store_t *store);

int64_t pt__store_bytes(const pt__store_t *store);         /* of the values, gaps included, placed or not */
int64_t pt__store_unplaced_bytes(const pt__store_t *store); /* of those that will come */
int64_t pt__store_learnable_elements(const pt__store_t *store); /* without gaps */

/* Copies of what a stage changes in the host's memory, one after the other in one block without gaps. */
int64_t pt__store_changing_elements(const pt__store_t *store);
pt_status_t pt__store_copy_changing(const pt__store_t *store, float *copy);
pt_status_t pt__store_restore_changing(pt__store_t *store, const float *copy);

#endif
