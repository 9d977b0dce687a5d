/* Where the texts of a training come from: a host's callback, or files. */
#ifndef PT__TRAINING_SOURCES_H
#define PT__TRAINING_SOURCES_H

#include "text/training_state.h"

pt_status_t pt__train_on_texts(pt_context_t *context, const pt_tokenizer_train_options_t *options, pt_texts_fn next,
                               void *user, pt_tokenizer_t **out);
/* The paths are read during the call only. */
pt_status_t pt__train_on_files(pt_context_t *context, const pt_tokenizer_train_options_t *options,
                               const char *const *paths, int32_t count, pt_tokenizer_t **out);

#endif
