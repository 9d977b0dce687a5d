/* What train and finetune share: a model, a task, data, and a stage with its files and results. */
#ifndef TRAINING_H
#define TRAINING_H

#include "settings.h"

/* What the commands have in different ways. */
typedef struct training_defaults {
    /* the task is the model's own, or classification, where it is not given */
    int32_t has_labels;
    int64_t epochs;
    double rate, rate_with_weights, weight_decay;
    const char *schedule;
} training_defaults_t;

/* The program's exit status. */
int training_run(const settings_t *settings, const training_defaults_t *defaults);

#endif
