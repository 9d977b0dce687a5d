/* What datasets of files have in common: the parts of a pt__source_t that tell of classes, of files and of what was
 * passed over, and how the next good file stands in for a broken one. Their state begins with its pt__file_set_t. */
#ifndef PT__FILE_SAMPLES_H
#define PT__FILE_SAMPLES_H

#include "data/data.h"
#include "data/file_set.h"

/* Of the field "label". */
int64_t pt__file_samples_class_count(const pt_dataset_t *dataset, const char *field);
const char *pt__file_samples_class_name(const pt_dataset_t *dataset, const char *field, int64_t index);
/* NULL: samples are pixels. */
const char *pt__file_samples_name(const pt_dataset_t *dataset, int64_t sample);
int64_t pt__file_samples_skipped_count(const pt_dataset_t *dataset);
const char *pt__file_samples_skipped(const pt_dataset_t *dataset, int64_t index);

typedef pt_status_t pt__file_sample_fn(pt_dataset_t *dataset, int64_t sample, const char *path, void *user);
/* Makes a sample of its file at `path`, which has PT__PATH_SIZE bytes and is written here. Where that is broken it is
 * noted, and the next good one stands in for it: *sample becomes that one. Any thread. */
pt_status_t pt__file_samples_make(pt_dataset_t *dataset, int64_t *sample, char *path, pt__file_sample_fn *make,
                                  void *user);

#endif
