/* Recognizers: what stands between hosts, tokenizers and lib/speech. */
#ifndef PT__RECOGNIZER_H
#define PT__RECOGNIZER_H

#include "base/text.h"
#include "speech/prefix_beam.h"
#include "text/tokenizer.h"

struct pt_recognizer {
    pt_tokenizer_t *tokenizer; /* retained */
    pt__language_model_t *language;
    pt__spoken_token_t *tokens; /* [classes] */
    pt__hot_word_t *hot_words;
    pt__beam_settings_t settings;
    pt__beam_t *beam;
    int32_t has_ended;
    float *rows; /* of the last call */
    int64_t rows_capacity;
    char *text; /* of the last one that was asked for */
    int64_t text_length;
    pt_spoken_word_t *words;
    int64_t words_capacity;
    char message[PT__MESSAGE_SIZE];
};

/* recognizer_tokens.c */
pt_status_t pt__recognizer_make_tokens(pt_recognizer_t *recognizer);
pt_status_t pt__recognizer_make_hot_words(pt_recognizer_t *recognizer, const pt_recognizer_options_t *options);
void pt__recognizer_free_tokens(pt_recognizer_t *recognizer);
/* An ARPA file, which gzip may have packed. */
pt_status_t pt__recognizer_read_language(pt__memory_t *memory, const char *path, pt__language_model_t **out);
/* recognizer->text becomes what was said, and ->words its words. */
pt_status_t pt__recognizer_decode(pt_recognizer_t *recognizer, const pt__hypothesis_t *hypothesis);
pt_status_t pt__recognizer_find_words(pt_recognizer_t *recognizer, const pt__hypothesis_t *hypothesis, int64_t *count);

pt_status_t pt__recognizer_push(pt_recognizer_t *recognizer, int64_t elements, const float *logarithms);
pt_status_t pt__recognizer_finish(pt_recognizer_t *recognizer);

#endif
