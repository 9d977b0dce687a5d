/* What of a model of pictures its report shows: samples as pictures, and the first layer's filters. */
#ifndef TRAINING_PICTURES_H
#define TRAINING_PICTURES_H

#include "opened_model.h"
#include "report/report.h"

/* Whether the samples are pictures: a field "pixel_values" of uint8 [height, width, channels]. */
int dataset_has_pictures(pt_dataset_t *dataset);
/* A sample's picture, whose bytes the caller frees. EXIT_DONE, or a status after a message. */
int picture_read(pt_dataset_t *dataset, int64_t sample, report_picture_t *picture);
/* The first parameter [outputs, inputs, height, width], whose weights the caller frees; none: the name stays NULL.
 * EXIT_DONE, or a status after a message. */
int filters_read(const pt_model_t *model, report_filters_t *filters);

#endif
