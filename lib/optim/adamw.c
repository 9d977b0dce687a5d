/* AdamW (Loshchilov 2019), torch.optim.AdamW: Adam with the weight decay taken from the weights themselves, before the update. */
#include "kernels/kernels.h"
#include "optim/optimizer_kinds.h"

static void update(struct pt__device *device, const pt_optimizer_options_t *options, int64_t number,
                   struct pt__update *update)
{
    update->decoupled = 1;
    pt__optimizer_kind_adam.update(device, options, number, update);
}

const pt__optimizer_kind_t pt__optimizer_kind_adamw = {.name = "adamw",
                                                       .number = PT_OPTIMIZER_ADAMW,
                                                       .n_slots = 2,
                                                       .slot_names = {"exp_avg", "exp_avg_sq"},
                                                       .default_weight_decay = 0.01,
                                                       .update = update};
