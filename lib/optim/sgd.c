/* Stochastic gradient descent, torch.optim.SGD: weight decay is added to the gradient; the momentum buffer begins as
 * the first gradient, without dampening; Nesterov's form is Sutskever's 2013. Without momentum nothing is kept. */
#include "optim/optimizer_kinds.h"

static int32_t has_momentum(const pt__rule_t *rule, pt__slot_t *slot)
{
    (void)slot;
    return (float)rule->momentum != 0.0f;
}

static void update(struct pt__device *device, const pt__part_t *part)
{
    const pt__sgd_t sgd = {.momentum_buffer = part->slots[0],
                           .momentum = (float)part->rule->momentum,
                           .dampening = (float)part->options->dampening,
                           .nesterov = part->rule->nesterov,
                           .first_step = part->number == 1};
    device->kernels->sgd(device, &part->update, &sgd);
}

const pt__optimizer_kind_t pt__optimizer_kind_sgd = {.name = "sgd",
                                                     .number = PT_OPTIMIZER_SGD,
                                                     .slots = {{"momentum_buffer", PT_FLOAT32, has_momentum}},
                                                     .update = update};
