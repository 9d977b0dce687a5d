/* The descriptors that optim.def names, and what an update hands to them. */
#ifndef PT__OPTIMIZER_KINDS_H
#define PT__OPTIMIZER_KINDS_H

#include "kernels/device.h"
#include "optim/optim.h"

typedef struct pt__part { /* one call of a kind's update: a span of memory, or one whole tensor */
    pt__update_t update;
    const pt_optimizer_options_t *options; /* for what groups do not change */
    const pt__rule_t *rule;
    double rate;    /* update.rate, unrounded */
    int64_t number; /* of this update, 1 for the first that these parameters see */
    void *slots[PT__MOST_SLOTS];
    int32_t rank; /* of the tensor, or of the span's first one */
    const int64_t *size;
} pt__part_t;

#define PT__OPTIMIZER(name) extern const pt__optimizer_kind_t pt__optimizer_kind_##name;
#include "optim/optim.def"
#undef PT__OPTIMIZER

/* Adam's update, decoupled or not, and its third slot. */
void pt__adam_update(struct pt__device *device, const pt__part_t *part, int32_t decoupled);
int32_t pt__adam_is_amsgrad(const pt__rule_t *rule, pt__slot_t *slot);

#endif
