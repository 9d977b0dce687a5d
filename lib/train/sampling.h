/* Choosing the next token from logits: greedy, or from the softmax at a temperature, limited to the top_k most likely,
 * of these to the smallest set of the most likely ones whose share reaches top_p (Holtzman 2020), and of these to those
 * with at least min_p of the largest probability (Nguyen 2024). The order is that of Hugging Face's transformers, where
 * each limit counts what the ones before it have left. */
#ifndef PT__SAMPLING_H
#define PT__SAMPLING_H

#include "base/random.h"
#include "pretrain.h"

/* Makes tokens that a text has less likely, each once (Keskar 2019): positive logits are divided by the penalty,
 * negative ones multiplied. marks [classes]: scratch. */
void pt__sample_penalize(float *logits, const int32_t *tokens, int64_t count, double penalty, int32_t *marks);

typedef struct pt__choices {
    int64_t taken; /* the last so many of `order`, the most likely last; 0: all, in no order yet */
    double kept;   /* the sum of their weights */
} pt__choices_t;
/* What a draw at a temperature above 0 is from; logits become weights. order [classes] */
pt__choices_t pt__sample_choices(float *logits, int64_t classes, const pt_generate_options_t *options, int32_t *order);

/* Chooses one of `classes` by the options, whose temperature may be 0. logits may be changed; order [classes]: scratch.
 */
int32_t pt__sample_token(float *logits, int64_t classes, const pt_generate_options_t *options, pt__random_t *random,
                         int32_t *order);

#endif
