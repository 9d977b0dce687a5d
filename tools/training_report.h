/* --report: a page of what a training came to. */
#ifndef TRAINING_REPORT_H
#define TRAINING_REPORT_H

#include "joined.h"
#include "opened_model.h"
#include "progress.h"

/* What there is to tell of. */
typedef struct training_facts {
    const settings_t *settings;
    pt_context_t *context;
    const opened_model_t *opened;
    const char *task;
    const names_t *classes;
    pt_dataset_t *dataset;
    /* NULL: there is none */
    pt_dataset_t *evaluation;
    const progress_t *progress;
    const pt_train_result_t *result;
} training_facts_t;

/* Writes it to where --report says. EXIT_DONE, or a status after a message. */
int training_report_write(const training_facts_t *facts);

#endif
