/* The optimizer's inside, shared by optimizer.c (settings, one update), binding.c (parameters, slots, sweeps) and
 * rule.c (what each parameter follows). */
#ifndef PT__OPTIMIZER_H
#define PT__OPTIMIZER_H

#include "optim/optim.h"

typedef struct pt__group { /* a pt_optimizer_add_group */
    char *pattern;
    const pt__optimizer_kind_t *kind; /* NULL: the optimizer's */
    pt_group_options_t options;
} pt__group_t;

typedef struct pt__bound { /* a learnable with the rule that it follows and its slots' places */
    pt__learnable_t learnable; /* its name within the binding's names, its sizes below */
    int64_t size[PT_MAX_RANK];
    pt__rule_t rule;
    int64_t offset[PT__MOST_SLOTS]; /* bytes within the binding's slots; -1: it has none of that */
    int64_t born;                   /* counts.steps when it came */
    int32_t is_resting;             /* frozen: no update reaches it, and its age stays */
    int64_t rested_at;
} pt__bound_t;

typedef struct pt__sweep { /* learnables that lie one after the other and are treated alike: one call of an update */
    const pt__bound_t *first;
    int64_t count; /* of elements, gaps included */
} pt__sweep_t;

typedef struct pt__span { /* gradients that lie one after the other: one call of sum_of_squares */
    const float *gradient;
    int64_t count;
} pt__span_t;

typedef struct pt__binding {
    uint64_t identity;
    pt__bound_t *bound; /* [total] those that learn, and behind them those that rest */
    int64_t count, total;
    char *names;         /* [name_bytes] of all, each with its 0 */
    pt__sweep_t *sweeps; /* [n_sweeps], room for count */
    pt__span_t *spans;   /* [n_spans], room for count */
    int64_t n_sweeps, n_spans;
    unsigned char *slots; /* [slot_bytes], the device's: the first slots of all that have one, then the second ... */
    int64_t slot_bytes;
} pt__binding_t;

struct pt_optimizer {
    pt_context_t *context;
    atomic_int references;
    const pt__optimizer_kind_t *kind;
    pt_optimizer_options_t options;
    double first_rate; /* the base rate that it was made with; options have the present one */
    pt_schedule_options_t schedule;
    pt__group_t *groups;
    int64_t n_groups, group_capacity;
    pt__optimizer_counts_t counts;
    pt__binding_t *binding; /* NULL before the first */
    int32_t busy;           /* the schedule's callback runs */
    int32_t held;           /* by a stage: no other binding is taken */
    char message[PT__MESSAGE_SIZE]; /* of the last call on this handle that failed */
};

/* What a learnable of this name and rank follows. */
pt__rule_t pt__optimizer_rule(const pt_optimizer_t *optimizer, const char *name, int32_t rank);
/* The sweeps and spans that follow from rules, ages and places. */
void pt__binding_arrange(pt__binding_t *binding);
/* The updates that it has seen. */
int64_t pt__bound_age(const pt_optimizer_t *optimizer, const pt__bound_t *bound);
void pt__bound_age_set(const pt_optimizer_t *optimizer, pt__bound_t *bound, int64_t age);
void pt__binding_free(pt_optimizer_t *optimizer, pt__binding_t *binding);

#endif
