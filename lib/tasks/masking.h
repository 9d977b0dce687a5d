/* Which tokens a masked language model is not shown, and what stands in their place (Devlin 2018, Liu 2019): fields
 * derived from "tokens", and the rows that have a label.
 *
 * Of a sample's n tokens that are not special max(1, round(probability n)) are chosen, of whole words about as many.
 * A chosen one becomes the mask token, or any token that is not special, or stays, with the options' shares. What is
 * drawn depends on the derivation's key and the sample's tokens alone: an evaluation, whose key is always the same,
 * hides the same tokens of a sample however its batches are cut. */
#ifndef PT__MASKING_H
#define PT__MASKING_H

#include "graph/derived.h"

pt_status_t pt__masking_check(const void *options);
void pt__masking_labels(const pt__derivation_t *derivation, void *values);
void pt__masking_tokens(const pt__derivation_t *derivation, void *values);
void pt__masking_places(const pt__derivation_t *derivation, void *values);

#endif
