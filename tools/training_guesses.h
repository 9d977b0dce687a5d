/* What a trained classifier says of samples that it was not trained on, for its report. */
#ifndef TRAINING_GUESSES_H
#define TRAINING_GUESSES_H

#include "opened_model.h"
#include "report/report.h"

/* More samples are not looked at, and of more classes no table is made. */
enum { GUESSED_SAMPLES = 100000, GUESSED_CLASSES = 2000 };

typedef struct guesses {
    int64_t samples, classes;
    /* [samples]: classes, REPORT_..., and how sure it was */
    int32_t *labels, *guesses;
    signed char *outcomes;
    double *certainties;
    /* [classes * classes] as in report_t; NULL: there are too many classes */
    int64_t *confusion;
    /* samples whose label is a class, those of them that are right, and those of the most frequent class */
    int64_t counted, right, most;
} guesses_t;

/* EXIT_DONE, or a status after a message; guesses_free in either case. */
int guesses_read(const opened_model_t *opened, pt_dataset_t *dataset, int64_t classes, int64_t batch,
                 guesses_t *guesses);
void guesses_free(guesses_t *guesses);

#endif
