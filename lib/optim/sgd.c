/* Stochastic gradient descent, torch.optim.SGD: weight decay is added to the gradient; the momentum buffer begins as the first gradient, without
 * dampening; Nesterov's form is Sutskever's 2013. Without momentum nothing is kept. */
#include "kernels/device.h"
#include "optim/optimizer_kinds.h"

static int32_t slots_needed(const pt_optimizer_options_t *options)
{
    return (float)options->momentum != 0.0f;
}

static void update(struct pt__device *device, const pt_optimizer_options_t *options, int64_t number,
                   struct pt__update *update)
{
    update->momentum = (float)options->momentum;
    update->dampening = (float)options->dampening;
    update->nesterov = options->nesterov;
    update->first_step = number == 1;
    device->kernels->sgd(device, update);
}

const pt__optimizer_kind_t pt__optimizer_kind_sgd = {.name = "sgd",
                                                     .number = PT_OPTIMIZER_SGD,
                                                     .n_slots = 1,
                                                     .slot_names = {"momentum_buffer"},
                                                     .slots_needed = slots_needed,
                                                     .update = update};
