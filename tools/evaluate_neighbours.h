/* pretrain evaluate --reference: what a model's features are worth, told by the nearest neighbours of each sample. */
#ifndef EVALUATE_NEIGHBOURS_H
#define EVALUATE_NEIGHBOURS_H

#include "opened_model.h"

/* The program's exit status. */
int evaluate_neighbours(pt_context_t *context, const settings_t *settings, const opened_model_t *opened);

#endif
