/* See directory_masks.c. */
#ifndef PT__DIRECTORY_MASKS_H
#define PT__DIRECTORY_MASKS_H

#include "train/model.h"

/* Gives the task of a masked language model of `vocabulary` tokens the mask token of the tokenizer in the directory,
 * and the kinds of all tokens, which the caller releases. A directory without a tokenizer that can be read, or whose
 * has no mask token, changes nothing: a model is opened for its weights too. */
pt_status_t pt__directory_masks(pt_context_t *context, const char *directory, int64_t vocabulary,
                                pt__task_options_t *task, float **kinds);

#endif
