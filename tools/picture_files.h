/* Pictures from a directory of them, and from the files that MNIST and CIFAR come in, as a model reads them. */
#ifndef PICTURE_FILES_H
#define PICTURE_FILES_H

#include "data_files.h"

/* Opens them in the size that the model reads. EXIT_DONE, or a status after a message. */
int picture_files_open(const reading_t *reading, const char *path, pt_dataset_t **out);
/* What the pixels of a fresh network go through, as published ones have it: ImageNet's means and deviations of colours,
 * a half and a half of gray. A model that has its own keeps it. EXIT_DONE, or a status after a message. */
int picture_files_normalize(const opened_model_t *opened);
/* Why the picture of this name was passed over; NULL: it was not, or has not been asked for. */
const char *picture_files_broken(const pt_dataset_t *dataset, const char *name);
/* Notes what was passed over, at most a few by name. */
void picture_files_tell_skipped(const pt_dataset_t *dataset);

#endif
