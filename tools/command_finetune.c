/* pretrain finetune: a head for labelled data on a model that has learnt already. */
#include "commands.h"
#include "training.h"

int command_finetune(const settings_t *settings)
{
    static const training_defaults_t defaults = {.has_labels = 1,
                                                 .epochs = 3,
                                                 .rate = 0.001,
                                                 .rate_with_weights = 0.0003,
                                                 .weight_decay = 0.01,
                                                 .schedule = "linear"};
    return training_run(settings, &defaults);
}
