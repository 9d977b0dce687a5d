/* pretrain train: pretraining, or training from the beginning. */
#include "commands.h"
#include "training.h"

int command_train(const settings_t *settings)
{
    static const training_defaults_t defaults = {
        .epochs = 1, .rate = 0.001, .rate_with_weights = 0.001, .weight_decay = 0.1, .schedule = "cosine"};
    return training_run(settings, &defaults);
}
