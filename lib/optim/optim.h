/* Optimizers: what turns a gradient into an update. train/ binds an optimizer to a model's learnable parameters and asks for one update
 * at a time; checkpoints read and write its state through the accessors at the end. */
#ifndef PT__OPTIM_H
#define PT__OPTIM_H

#include "base/context.h"

struct pt__device;
struct pt__update;

/* A kind of optimizer: one file and one line in optim.def. */
typedef struct pt__optimizer_kind {
    const char *name; /* "adamw" */
    int32_t number;   /* PT_OPTIMIZER_... */
    int32_t
        n_slots; /* floats kept for each parameter element, 0 to 2; pt__optimizer_kind_of() tells those that the options need */
    const char *slot_names[2]; /* "exp_avg", "exp_avg_sq": torch's names */
    double default_weight_decay;
    int32_t (*slots_needed)(const pt_optimizer_options_t *options); /* NULL: n_slots whatever the options */
    /* Fills in the kind's part of an update (bias corrections, flags) from options and the number of this update, 1 for the first that
     * these parameters see; then calls the device's kernel. */
    void (*update)(struct pt__device *device, const pt_optimizer_options_t *options, int64_t number,
                   struct pt__update *update);
} pt__optimizer_kind_t;

typedef struct pt__learnable { /* a parameter that learns, as train/ sees it */
    const char *name;          /* lives as long as the binding */
    int32_t rank;
    int64_t elements;
    float *value;
    const float *
        gradient; /* of the weighted sum; neighbours in memory are a multiple of 16 floats apart, gaps hold zeros in values and gradients */
} pt__learnable_t;

typedef struct pt__update_result {
    int32_t skipped;      /* the gradient was not finite: nothing was changed but the counts */
    double gradient_norm; /* 0 where not computed */
    double learning_rate;
} pt__update_result_t;

/* Options must hold valid values: lib/api/optimizer_api.c checks them. A negative weight_decay becomes the kind's default. */
pt_status_t pt__optimizer_create(pt_context_t *context, const pt_optimizer_options_t *options, pt_optimizer_t **out);
/* The setters give PT_ERR_BUSY within the schedule's own callback; add_group PT_ERR_STATE after the first update. */
pt_status_t pt__optimizer_add_group(pt_optimizer_t *optimizer, const char *pattern, const pt_group_options_t *options);
pt_status_t pt__optimizer_set_schedule(pt_optimizer_t *optimizer, const pt_schedule_options_t *options);
pt_status_t pt__optimizer_set_learning_rate(pt_optimizer_t *optimizer, double learning_rate);
const pt_context_t *
pt__optimizer_context(const pt_optimizer_t *optimizer); /* identities are unique within one context only */

/* Makes slots (zeros) for these parameters; slots of a parameter bound before under the same name and size are kept. `identity` tells bindings
 * apart: with the identity of the last binding it returns at once. On failure the old binding stands. */
pt_status_t pt__optimizer_bind(pt_optimizer_t *optimizer, const pt__learnable_t *learnables, int64_t count,
                               uint64_t identity);
/* While held (1, until 0) no other binding is taken: a stage's callbacks cannot take its optimizer away. */
void pt__optimizer_hold(pt_optimizer_t *optimizer, int32_t held);
/* Whether that binding is in force, so that a caller need not even list its learnables. */
int32_t pt__optimizer_is_bound(const pt_optimizer_t *optimizer, uint64_t identity);

typedef struct pt__horizon { /* a stage, in updates */
    int64_t begin; /* made before it */
    int64_t steps; /* 0: not known */
} pt__horizon_t;

/* One update from gradients of the weighted sum, `weight` being the sum of weights (> 0): gradient / weight, clip by norm, by value, schedule, sweep.
 * A schedule that needs a total and has none of its own runs over the horizon; NULL: there is none. PT_ERR_NONFINITE after nonfinite_limit skipped updates in a row;
 * PT_ERR_CALLBACK from a schedule's callback (then nothing was changed); PT_ERR_DEVICE where the device failed: before the sweep nothing was
 * changed, in its middle the message says that it cannot be undone, and the update is not counted. */
pt_status_t pt__optimizer_update(pt_optimizer_t *optimizer, struct pt__device *device, double weight,
                                 const pt__horizon_t *horizon, int32_t want_norm, pt__update_result_t *result);

pt_optimizer_t *pt__optimizer_retain(pt_optimizer_t *optimizer);
void pt__optimizer_release(pt_optimizer_t *optimizer);
const pt__optimizer_kind_t *pt__optimizer_kind_of(const pt_optimizer_t *optimizer);
int64_t pt__optimizer_slot_bytes(const pt_optimizer_t *optimizer,
                                 int64_t elements); /* for `elements` learnable elements */

/* State for checkpoints. Slot `slot` of the learnable `index` of the present binding: float [elements], the device's;
 * NULL where there is none. */
float *pt__optimizer_slot(const pt_optimizer_t *optimizer, int64_t index, int32_t slot);
typedef struct pt__optimizer_counts {
    int64_t steps, skipped, skipped_in_a_row;
} pt__optimizer_counts_t;
pt__optimizer_counts_t pt__optimizer_counts_get(const pt_optimizer_t *optimizer);
/* Makes every bound learnable as old as the steps. */
void pt__optimizer_counts_set(pt_optimizer_t *optimizer, const pt__optimizer_counts_t *counts);
/* The updates that the learnable `index` has seen: fewer than the steps where it was bound later (a new head), which bias corrections and
 * momentum follow, as they do in torch. To restore, set the counts first. */
int64_t pt__optimizer_age(const pt_optimizer_t *optimizer, int64_t index);
void pt__optimizer_age_set(pt_optimizer_t *optimizer, int64_t index, int64_t age);
/* The settings as one line of text ("adamw learning_rate=0.001 ..."), for a checkpoint's metadata, cut to size. */
pt_status_t pt__optimizer_print(const pt_optimizer_t *optimizer, char *buffer, size_t size);
/* Matches * and ?. */
int32_t pt__pattern_match(const char *pattern, const char *name);

#endif
