/* The store: all tensors of a model that outlive a step, each with its name, shape, dtype, role, owner and address.
 * Tensors that can learn stand in segments, blocks in which they follow each other in the graph's order, each at a
 * multiple of PT__ALIGNMENT bytes, gaps zero; gradients and an optimizer's slots follow the same order, so that
 * sweeps keep single spans. State stands in segments of its own.
 *
 * Tensors that do not learn may stand in a mapped file instead, in the file's dtype and read only.
 *
 * Memory is taken, and initial values are drawn, when a tensor is first needed and nothing else has filled it. Two
 * stores may share segments and files: a changed task takes over the trunk's tensors where they stand, and only the
 * head is new. So do the handles of pt_model_share, in whichever threads and contexts they are: what stands in memory
 * that several stores share is read only, and who changes it moves to memory of its own before. */
#ifndef PT__STORE_H
#define PT__STORE_H

#include "formats/tensors.h"
#include "graph/graph.h"

typedef struct pt__segment { /* the device's memory; ends with the last tensor that stands in it */
    pt_context_t *context;   /* whose device it is; held */
    float *block;
    atomic_int_least64_t tensors; /* of all stores, some of which may be in other threads' hands */
} pt__segment_t;

typedef struct pt__mapped { /* a file of which tensors are used in place; ends with the last of them */
    pt_context_t *context;
    pt__file_tensors_t *file;
    atomic_int_least64_t tensors;
} pt__mapped_t;

typedef struct pt__stored {
    const pt__parameter_t *described; /* the graph's: how the initial values are drawn */
    const char *name;                 /* the graph's */
    pt__role_t role;
    pt__shape_t shape;
    int64_t elements;
    int32_t dtype;          /* of the values */
    pt__segment_t *segment; /* the owner, or NULL ... */
    pt__mapped_t *mapped;   /* ... and this file is; both NULL: it stands nowhere yet */
    /* [elements] of dtype, in the device's memory; not to be written to where a file is the owner */
    void *value;
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
    uint64_t identity;  /* of the set of learnable parameters and their addresses: an optimizer binds to it */
    int32_t is_materialized; /* all tensors stand somewhere and are filled */
    int32_t may_share;  /* another model's store has stood in the same segments */
} pt__store_t;

typedef struct pt__claim { /* memory that is to become tensors' own */
    pt__segment_t *segments[PT__ROLE_COUNT];
    const int8_t *chosen; /* [count] the caller's */
    int32_t keep;
} pt__claim_t;

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
/* Whether a tensor's memory is another model's too: it must not be written to. */
int32_t pt__store_shares(const pt__store_t *store, const pt__stored_t *stored);
/* What a stage changes gets memory of its own, values kept, where it shares any. */
pt_status_t pt__store_unshare(pt__store_t *store);
/* Gives memory to all tensors that stand nowhere. */
pt_status_t pt__store_place(pt__store_t *store);
/* And draws the initial values that nothing has replaced, and checks that mapped files are as they were: before
 * anything is read. */
pt_status_t pt__store_materialize(pt__store_t *store);
/* Gives memory of their own, one new segment a role, to those with chosen[i] == 1: to those that stand nowhere or in
 * a file, and to those that shall move. With `keep` their values come along; without, they are to be set. On failure
 * nothing has changed. */
pt_status_t pt__store_own(pt__store_t *store, const int8_t *chosen, int32_t keep);
/* The tensor is to be set: all of those that stand nowhere get memory at once, one in a file gets its own. */
pt_status_t pt__store_own_one(pt__store_t *store, int64_t index);
/* The first call in two steps, the second of which cannot fail; between them the claim may be released instead.
 * `chosen` is read by both. */
pt_status_t pt__store_claim(const pt__store_t *store, const int8_t *chosen, int32_t keep, pt__claim_t *claim);
void pt__claim_release(pt__claim_t *claim);
void pt__claim_commit(pt__store_t *store, pt__claim_t *claim);
/* Lets those with chosen[i] == 1, which are frozen, use a watched file in place, each at the entry of its name, which
 * may lack `prefix` (pt__tensors_find_within), and shape. The first step may fail, and gives NULL where none is chosen;
 * *mapped is released or handed to the second, which makes the file the store's. */
pt_status_t pt__store_map_begin(pt__store_t *store, const int8_t *chosen, pt__mapped_t **mapped);
void pt__store_map_end(pt__store_t *store, const int8_t *chosen, pt__mapped_t *mapped, pt__file_tensors_t *file,
                       const char *prefix);
/* Tells optimizers that the set of learnables or their addresses are others. */
void pt__store_renew_identity(pt__store_t *store);
/* Values into a tensor that has memory, from finite ones of a floating-point dtype; and out of one that is filled. */
pt_status_t pt__stored_set(const pt__store_t *store, pt__stored_t *stored, int32_t dtype, const void *values);
pt_status_t pt__stored_get(const pt__store_t *store, const pt__stored_t *stored, float *values);
/* XXH64 (seed 0) of the values as float32, wherever and in whichever dtype they stand. */
pt_status_t pt__store_hash(const pt__store_t *store, const pt__stored_t *stored, uint64_t *hash);

/* Gradients for the learnables, where that has not happened. */
pt_status_t pt__store_make_gradients(pt__store_t *store);
void pt__store_drop_gradients(pt__store_t *store);

/* of the values in memory of their own, gaps included, placed or not */
int64_t pt__store_bytes(const pt__store_t *store);
int64_t pt__store_unplaced_bytes(const pt__store_t *store); /* of those that will come */
int64_t pt__store_learnable_elements(const pt__store_t *store); /* without gaps */

/* Copies of what a stage changes in the host's memory, one after the other in one block without gaps. */
int64_t pt__store_changing_elements(const pt__store_t *store);
pt_status_t pt__store_copy_changing(const pt__store_t *store, float *copy);
pt_status_t pt__store_restore_changing(pt__store_t *store, const float *copy);

#endif
