/* Adam (Kingma 2015), torch.optim.Adam: weight decay is added to the gradient. */
#include <math.h>

#include "kernels/device.h"
#include "optim/optimizer_kinds.h"

static void update(struct pt__device *device, const pt_optimizer_options_t *options, int64_t number,
                   struct pt__update *update)
{
    update->beta1 = (float)options->beta1;
    update->beta2 = (float)options->beta2;
    update->epsilon = (float)options->epsilon;
    update->bias_correction1 = 1.0 - pow(options->beta1, (double)number);
    update->bias_correction2 = 1.0 - pow(options->beta2, (double)number);
    device->kernels->adam(device, update);
}

const pt__optimizer_kind_t pt__optimizer_kind_adam = {.name = "adam",
                                                      .number = PT_OPTIMIZER_ADAM,
                                                      .n_slots = 2,
                                                      .slot_names = {"exp_avg", "exp_avg_sq"},
                                                      .update = update};
