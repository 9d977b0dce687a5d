/* Optimizers: what turns a gradient into an update. train/ binds an optimizer to a model's learnable parameters and
 * asks for one update at a time; checkpoints read and write its state through the accessors at the end. */
#ifndef PT__OPTIM_H
#define PT__OPTIM_H

#include "base/context.h"

struct pt__device;
struct pt__part;

enum { PT__MOST_SLOTS = 3 };

typedef struct pt__slot { /* what an optimizer keeps of one learnable beside its value and its gradient */
    const char *name;     /* torch's: "exp_avg" */
    int32_t dtype;        /* PT_FLOAT32 ... */
    int32_t rank;
    int64_t size[PT_MAX_RANK];
    int64_t elements, bytes;
    void *data; /* the device's; NULL: not bound */
} pt__slot_t;

/* What the updates of one learnable follow: the options, or its group's in their place, negative ones replaced by the
 * kind's. */
typedef struct pt__rule {
    const struct pt__optimizer_kind *kind;
    double rate_factor, weight_decay, beta1, beta2, epsilon, momentum;
    int32_t nesterov;
    uint32_t flags; /* the options' */
} pt__rule_t;

typedef struct pt__slot_kind {
    const char *name; /* NULL: this one and those that follow do not exist */
    int32_t dtype;
    /* Whether a learnable has it, whose rank and sizes the slot holds; changes these where the slot's are others. NULL:
     * each has, of its own shape. */
    int32_t (*shape)(const pt__rule_t *rule, pt__slot_t *slot);
} pt__slot_kind_t;

/* A kind of optimizer: one file and one line in optim.def. */
typedef struct pt__optimizer_kind {
    const char *name; /* "adamw" */
    int32_t number;   /* PT_OPTIMIZER_... */
    uint32_t flags;   /* PT_OPTIMIZER_... that this kind has and not all have */
    /* 0: the update sweeps over spans of memory, element by element, all slots having the learnable's shape; neighbours
     * are joined into one span, over the zeros between them. 1: it takes each tensor by itself, with its shape. */
    int32_t takes_tensors;
    int32_t needs_epsilon; /* without one, it would divide the zeros between neighbours by zero */
    pt__slot_kind_t slots[PT__MOST_SLOTS];
    double default_weight_decay, default_epsilon, default_momentum;
    int32_t default_nesterov;
    /* Completes an update (bias corrections ...) and calls the device's kernels. */
    void (*update)(struct pt__device *device, const struct pt__part *part);
} pt__optimizer_kind_t;

typedef struct pt__learnable { /* a parameter that learns, as train/ sees it */
    const char *name;
    int32_t rank;
    const int64_t *size; /* [rank] */
    int64_t elements;
    int32_t has_state; /* a frozen one: its slots are about to be read */
    float *value;
    const float *gradient; /* of the weighted sum; neighbours in memory are a multiple of 16 floats apart, gaps hold
                              zeros in values and gradients */
} pt__learnable_t;

typedef struct pt__update_result {
    int32_t skipped;      /* the gradient was not finite: nothing was changed but the counts */
    double gradient_norm; /* 0 where not computed */
    double learning_rate;
} pt__update_result_t;

/* Options must hold valid values: lib/api/optimizer_api.c checks them. A negative weight_decay becomes the kind's
 * default. */
pt_status_t pt__optimizer_create(pt_context_t *context, const pt_optimizer_options_t *options, pt_optimizer_t **out);
/* The setters give PT_ERR_BUSY within the schedule's own callback; add_group PT_ERR_STATE after the first update. */
pt_status_t pt__optimizer_add_group(pt_optimizer_t *optimizer, const char *pattern, const pt_group_options_t *options);
pt_status_t pt__optimizer_set_schedule(pt_optimizer_t *optimizer, const pt_schedule_options_t *options);
pt_status_t pt__optimizer_set_learning_rate(pt_optimizer_t *optimizer, double learning_rate);
/* The message of the last call on this handle that failed: PT__MESSAGE_SIZE bytes. */
char *pt__optimizer_message(pt_optimizer_t *optimizer);
const pt_context_t *
pt__optimizer_context(const pt_optimizer_t *optimizer); /* identities are unique within one context only */

/* Makes slots (zeros) for these parameters, copying what it must know of them; slots of a parameter bound before under
 * the same name and shape are kept, also those of the frozen ones, which have no value or gradient here, until they
 * learn again; what is in neither list is forgotten. `identity` tells bindings apart: with the identity of the last
 * binding it returns at once. On failure the old binding stands. PT_ERR_SHAPE where a kind does not take such
 * tensors. */
pt_status_t pt__optimizer_bind(pt_optimizer_t *optimizer, const pt__learnable_t *learnables, int64_t count,
                               const pt__learnable_t *frozen, int64_t n_frozen, uint64_t identity);
/* While held (1, until 0) no other binding is taken: a stage's callbacks cannot take its optimizer away. */
void pt__optimizer_hold(pt_optimizer_t *optimizer, int32_t held);
/* Whether that binding is in force, so that a caller need not even list its learnables. */
int32_t pt__optimizer_is_bound(const pt_optimizer_t *optimizer, uint64_t identity);

typedef struct pt__horizon { /* a stage, in updates */
    int64_t begin; /* made before it */
    int64_t steps; /* 0: not known */
} pt__horizon_t;

/* One update from gradients of the weighted sum, `weight` being the sum of weights (> 0): gradient / weight, clip by
 * norm, by value, schedule, sweep. A schedule that needs a total and has none of its own runs over the horizon; NULL:
 * there is none. PT_ERR_NONFINITE after nonfinite_limit skipped updates in a row; PT_ERR_CALLBACK from a schedule's
 * callback (then nothing was changed); PT_ERR_DEVICE where the device failed: before the sweep nothing was changed, in
 * its middle the message says that it cannot be undone, and the update is not counted. */
pt_status_t pt__optimizer_update(pt_optimizer_t *optimizer, struct pt__device *device, double weight,
                                 const pt__horizon_t *horizon, int32_t want_norm, pt__update_result_t *result);

/* The base rate that the optimizer was made with, and the present one. */
void pt__optimizer_rates(const pt_optimizer_t *optimizer, double *first, double *now);
/* From a checkpoint: a rate that was changed meanwhile is that of an optimizer made with the same one; where the host
 * asks for another than it did, that stands. */
void pt__optimizer_restore_rate(pt_optimizer_t *optimizer, double first, double now);

pt_optimizer_t *pt__optimizer_retain(pt_optimizer_t *optimizer);
void pt__optimizer_release(pt_optimizer_t *optimizer);
const pt__optimizer_kind_t *pt__optimizer_kind_of(const pt_optimizer_t *optimizer); /* but for groups of another kind */

/* What slot 0 <= slot < PT__MOST_SLOTS of this learnable is or would be, whether bound or not (data is NULL); returns 0
 * where there is none. */
int32_t pt__optimizer_slot_of(const pt_optimizer_t *optimizer, const pt__learnable_t *learnable, int32_t slot,
                              pt__slot_t *out);
/* of all of them */
int64_t pt__optimizer_slot_bytes(const pt_optimizer_t *optimizer, const pt__learnable_t *learnable);

/* State for checkpoints: the slot of the learnable `index` of the present binding; returns 0 where there is none.
 * pt__optimizer_resting gives the index of a frozen one whose state is kept, -1: none is. */
int64_t pt__optimizer_resting(const pt_optimizer_t *optimizer, const pt__learnable_t *frozen);
int32_t pt__optimizer_slot(const pt_optimizer_t *optimizer, int64_t index, int32_t slot, pt__slot_t *out);
typedef struct pt__optimizer_counts {
    int64_t steps, skipped, skipped_in_a_row;
} pt__optimizer_counts_t;
pt__optimizer_counts_t pt__optimizer_counts_get(const pt_optimizer_t *optimizer);
/* Makes every bound learnable as old as the steps. */
void pt__optimizer_counts_set(pt_optimizer_t *optimizer, const pt__optimizer_counts_t *counts);
/* The updates that the learnable `index` has seen: fewer than the steps where it was bound later (a new head), which
 * bias corrections and momentum follow, as they do in torch. To restore, set the counts first. */
int64_t pt__optimizer_age(const pt_optimizer_t *optimizer, int64_t index);
void pt__optimizer_age_set(pt_optimizer_t *optimizer, int64_t index, int64_t age);
/* Matches * and ?. */
int32_t pt__pattern_match(const char *pattern, const char *name);

#endif
