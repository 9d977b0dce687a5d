/* Alphabets of characters as the text of a tokenizer.json: from a list of characters, and from the vocab.json that
 * wav2vec 2.0's tokenizers have. alphabet.c is their model. */
#ifndef PT__ALPHABET_H
#define PT__ALPHABET_H

#include "base/text.h"

/* characters is UTF-8, each of them once; options are checked. */
pt_status_t pt__alphabet_write(const char *characters, const pt_alphabet_options_t *options, pt__text_t *json);

/* Whether a vocab.json has no tokens but characters and such as "<pad>" and "[PAD]"; what cannot be read is none. */
pt_status_t pt__alphabet_find(pt__memory_t *memory, const char *vocabulary, int64_t size, int32_t *is_alphabet);
/* config: the text of the tokenizer_config.json beside it, or NULL. Its unk_token stands for other characters; where it
 * names none, these are refused. */
pt_status_t pt__alphabet_to_json(const char *vocabulary, int64_t size, const char *config, int64_t config_size,
                                 pt__text_t *json);

#endif
