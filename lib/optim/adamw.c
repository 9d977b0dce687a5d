/* AdamW (Loshchilov 2019), torch.optim.AdamW: Adam with the weight decay taken from the weights themselves, before the
 * update. */
#include "optim/optimizer_kinds.h"

static void update(struct pt__device *device, const pt__part_t *part)
{
    pt__adam_update(device, part, 1);
}

const pt__optimizer_kind_t pt__optimizer_kind_adamw = {
    .name = "adamw",
    .number = PT_OPTIMIZER_ADAMW,
    .flags = PT_OPTIMIZER_AMSGRAD,
    .needs_epsilon = 1,
    .slots = {{"exp_avg", PT_FLOAT32, NULL},
              {"exp_avg_sq", PT_FLOAT32, NULL},
              {"max_exp_avg_sq", PT_FLOAT32, pt__adam_is_amsgrad}},
    .default_weight_decay = 0.01,
    .default_epsilon = 1e-8,
    .update = update};
