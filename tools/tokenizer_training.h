/* pretrain tokenize --train: a tokenizer learnt from texts. */
#ifndef TOKENIZER_TRAINING_H
#define TOKENIZER_TRAINING_H

#include "settings.h"

/* The program's exit status. */
int tokenizer_training_run(const settings_t *settings);

#endif
