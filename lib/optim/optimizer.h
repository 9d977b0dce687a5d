/* The optimizer's inside, shared by optimizer.c (settings, one update) and binding.c (parameters, slots, sweeps). */
#ifndef PT__OPTIMIZER_H
#define PT__OPTIMIZER_H

#include "optim/optim.h"

typedef struct pt__group { /* a pt_optimizer_add_group */
    char *pattern;
    double rate_factor;
    double weight_decay; /* negative: the optimizer's */
} pt__group_t;

typedef struct pt__bound { /* a learnable with its slots' place and its group's settings */
    const char *name;      /* within the binding's names */
    int32_t rank;
    int64_t elements;
    float *value;
    const float *gradient;
    int64_t offset; /* of its slots within each slot's block, a multiple of 16 */
    int64_t born;   /* counts.steps when it came */
    double rate_factor, weight_decay;
} pt__bound_t;

typedef struct pt__sweep { /* learnables that lie one after the other and are treated alike: one call of the kernel */
    float *value;
    const float *gradient;
    int64_t count, offset, born;
    double rate_factor, weight_decay;
} pt__sweep_t;

typedef struct pt__span { /* gradients that lie one after the other: one call of sum_of_squares */
    const float *gradient;
    int64_t count;
} pt__span_t;

typedef struct pt__binding {
    uint64_t identity;
    pt__bound_t *bound; /* [count] */
    int64_t count;
    char *names;         /* [name_bytes] of all, each with its 0 */
    pt__sweep_t *sweeps; /* [n_sweeps], room for count */
    pt__span_t *spans;   /* [n_spans], room for count */
    int64_t n_sweeps, n_spans;
    float *slots;          /* [n_slots, slot_elements], the device's */
    int64_t slot_elements; /* of all learnables, gaps included */
} pt__binding_t;

struct pt_optimizer {
    pt_context_t *context;
    atomic_int references;
    pt__optimizer_kind_t kind;      /* a copy: n_slots is what the options need */
    pt_optimizer_options_t options; /* weight_decay resolved */
    pt_schedule_options_t schedule;
    pt__group_t *groups;
    int64_t n_groups, group_room;
    pt__optimizer_counts_t counts;
    pt__binding_t *binding; /* NULL before the first */
    int32_t busy;           /* the schedule's callback runs */
    int32_t held;           /* by a stage: no other binding is taken */
};

/* Settings of each learnable by the groups, and the sweeps and spans that follow from them. */
void pt__binding_arrange(pt_optimizer_t *optimizer, pt__binding_t *binding);
void pt__binding_free(pt_optimizer_t *optimizer, pt__binding_t *binding);

#endif
