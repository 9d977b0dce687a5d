/* One training, by whatever command: what it holds, for the files that it is made in. */
#ifndef TRAINING_RUN_H
#define TRAINING_RUN_H

#include "data_files.h"
#include "progress.h"
#include "training.h"

/* A word of an option and what the library calls it. */
typedef struct choice {
    const char *word;
    int32_t number;
} choice_t;
int32_t number_of(const choice_t *choices, size_t count, const char *word, int32_t otherwise);

/* All that a run holds. */
typedef struct run {
    const settings_t *settings;
    const training_defaults_t *defaults;
    pt_context_t *context;
    opened_model_t opened;
    const char *task;
    names_t names;
    pt_dataset_t *dataset, *evaluation;
    pt_optimizer_t *optimizer;
    progress_t progress;
    char checkpoints[PATH_SIZE];
    int64_t steps;
} run_t;

/* ---- training_task.c ---- */
/* run->task: what was asked for, or what the model is for. */
void choose_task(run_t *run);
/* Puts the head on for the classes of these datasets, and numbers them as it does. EXIT_DONE, or a status after a
 * message. */
int set_task(run_t *run, const data_files_t *files, const data_files_t *evaluation);
/* Before a head is put on, so that this alone learns. EXIT_DONE, or a status after a message. */
int freeze_trunk(pt_model_t *model);

/* ---- picture_training.c ---- */
/* run->dataset, run->evaluation and the task for them, where the model reads pictures. EXIT_DONE, or a status after a
 * message. */
int pictures_open(run_t *run);

#endif
