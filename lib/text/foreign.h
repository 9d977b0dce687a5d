/* Tokenizers in files of other kinds: each is turned to the text of a tokenizer.json, which is all that is read
 * (tokenizer_json.c), so that what is saved is what was opened. Bytes may be anything. Messages name the place within
 * the file; the caller puts the file's name before them. */
#ifndef PT__FOREIGN_H
#define PT__FOREIGN_H

#include "base/text.h"

/* SentencePiece's .model: its vocabulary, scores, kinds of pieces and normalizer, as its own program reads them. */
int32_t pt__sentencepiece_is(const uint8_t *bytes, int64_t size);
pt_status_t pt__sentencepiece_to_json(const uint8_t *bytes, int64_t size, pt__text_t *json);

/* The tokenizer among the metadata of a GGUF file: "gpt2", "llama", "t5" or "bert". */
pt_status_t pt__gguf_to_json(const uint8_t *bytes, int64_t size, pt__text_t *json);
/* What they say beside it, as the text of a tokenizer_config.json: tokens with a part to play, the chat template. */
pt_status_t pt__gguf_to_tokenizer_config(const uint8_t *bytes, int64_t size, pt__text_t *json);
int32_t pt__gguf_has_tokenizer(const uint8_t *bytes, int64_t size);

/* tiktoken's list of ranks, of a model that its file's name or its number of tokens tells; name may be NULL. */
int32_t pt__tiktoken_is(const uint8_t *bytes, int64_t size);
pt_status_t pt__tiktoken_to_json(const char *name, const uint8_t *bytes, int64_t size, pt__text_t *json);

/* BERT's vocab.txt: a token a line; config is the text of the tokenizer_config.json beside it, or NULL. */
pt_status_t pt__word_list_to_json(const uint8_t *bytes, int64_t size, const char *config, int64_t config_size,
                                  pt__text_t *json);

/* GPT-2's vocab.json and merges.txt, and the tokenizer_config.json beside them, or NULL. */
int32_t pt__pair_list_is(const uint8_t *bytes, int64_t size);
pt_status_t pt__pair_list_to_json(const char *vocabulary, int64_t vocabulary_size, const char *merges,
                                  int64_t merges_size, const char *config, int64_t config_size, pt__text_t *json);

/* Writes a token's entry of added_tokens, and what stands between entries. */
enum { PT__ADDED_PLAIN, PT__ADDED_SPECIAL };
void pt__added_token_write(pt__text_t *json, int64_t *written, int64_t id, const char *content, int64_t length,
                           int32_t kind);
/* Writes a post-processor that puts tokens around texts, where they are not -1: (first) A (last) (first) B (last). */
void pt__template_write(pt__text_t *json, int64_t first, int64_t last, int32_t second_segment);

#endif
