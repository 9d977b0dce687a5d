/* Adafactor (Shazeer 2018), torch.optim.Adafactor: the second moments of a matrix are kept as those of its rows and
 * of its columns, so that a parameter costs next to no memory beside itself. Of more than two dimensions the last
 * two are the matrix; a vector keeps its own. */
#include <math.h>

#include "optim/optimizer_kinds.h"

static int32_t of_rows(const pt__rule_t *rule, pt__slot_t *slot)
{
    (void)rule;
    if (slot->rank < 2)
        return 0;
    slot->size[slot->rank - 1] = 1;
    return 1;
}

static int32_t of_columns(const pt__rule_t *rule, pt__slot_t *slot)
{
    (void)rule;
    if (slot->rank < 2)
        return 0;
    slot->size[slot->rank - 2] = 1;
    return 1;
}

static int32_t of_vectors(const pt__rule_t *rule, pt__slot_t *slot)
{
    (void)rule;
    return slot->rank < 2;
}

static void update(struct pt__device *device, const pt__part_t *part)
{
    int32_t rank = part->rank;
    double number = (double)part->number;
    pt__adafactor_t adafactor = {.matrices = 1,
                                 .rows = rank >= 2 ? part->size[rank - 2] : 1,
                                 .columns = rank >= 1 ? part->size[rank - 1] : 1,
                                 .row_var = part->slots[0],
                                 .col_var = part->slots[1],
                                 .variance = part->slots[2],
                                 .weight = pow(number, part->options->beta2_decay),
                                 .step = fmin(part->rate, 1.0 / sqrt(number)),
                                 .epsilon = part->rule->epsilon,
                                 .scale_floor = part->options->scale_floor,
                                 .update_limit = part->options->update_limit};
    for (int32_t i = 0; i + 2 < rank; i++)
        adafactor.matrices *= part->size[i];
    device->kernels->adafactor(device, &part->update, &adafactor);
}

const pt__optimizer_kind_t pt__optimizer_kind_adafactor = {
    .name = "adafactor",
    .number = PT_OPTIMIZER_ADAFACTOR,
    .takes_tensors = 1,
    .slots = {{"row_var", PT_FLOAT32, of_rows},
              {"col_var", PT_FLOAT32, of_columns},
              {"variance", PT_FLOAT32, of_vectors}},
    .default_epsilon = 0x1p-23, /* torch.finfo(torch.float32).eps */
    .update = update};
