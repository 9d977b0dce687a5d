/* Adam (Kingma 2015), torch.optim.Adam: weight decay is added to the gradient. AMSGrad is Reddi 2018. */
#include <math.h>

#include "optim/optimizer_kinds.h"

void pt__adam_update(struct pt__device *device, const pt__part_t *part, int32_t decoupled)
{
    const pt__rule_t *rule = part->rule;
    const pt__adam_t adam = {.exp_avg = part->slots[0],
                             .exp_avg_sq = part->slots[1],
                             .max_exp_avg_sq = part->slots[2],
                             .beta1 = rule->beta1,
                             .beta2 = rule->beta2,
                             .bias_correction1 = 1.0 - pow(rule->beta1, (double)part->number),
                             .bias_correction2 = 1.0 - pow(rule->beta2, (double)part->number),
                             .epsilon = (float)rule->epsilon,
                             .decoupled = decoupled};
    device->kernels->adam(device, &part->update, &adam);
}

int32_t pt__adam_is_amsgrad(const pt__rule_t *rule, pt__slot_t *slot)
{
    (void)slot;
    return (rule->flags & PT_OPTIMIZER_AMSGRAD) != 0;
}

static void update(struct pt__device *device, const pt__part_t *part)
{
    pt__adam_update(device, part, 0);
}

const pt__optimizer_kind_t pt__optimizer_kind_adam = {
    .name = "adam",
    .number = PT_OPTIMIZER_ADAM,
    .flags = PT_OPTIMIZER_AMSGRAD,
    .needs_epsilon = 1,
    .slots = {{"exp_avg", PT_FLOAT32, NULL},
              {"exp_avg_sq", PT_FLOAT32, NULL},
              {"max_exp_avg_sq", PT_FLOAT32, pt__adam_is_amsgrad}},
    .default_epsilon = 1e-8,
    .update = update};
