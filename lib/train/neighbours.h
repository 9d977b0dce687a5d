/* Behind pt_evaluate_neighbours: what features are worth without learning from labels. */
#ifndef PT__NEIGHBOURS_H
#define PT__NEIGHBOURS_H

#include "train/model.h"

/* `features` is a tensor of the model's graph. options has been checked, and its batch is the real one;
 * result->struct_size is not touched. */
pt_status_t pt__evaluate_neighbours(pt_model_t *model, pt_tensor_t features, pt_dataset_t *reference,
                                    pt_dataset_t *asked, const pt_neighbour_options_t *options,
                                    pt_neighbour_result_t *result);

#endif
