/* Rows of CTC's logarithms of probabilities to texts: greedily, or by a beam of prefixes (Hannun 2014), which adds up
 * all ways to say a text and weighs its words by a language model, a bonus and hot words. Rows may come a few at a
 * time. */
#ifndef PT__PREFIX_BEAM_H
#define PT__PREFIX_BEAM_H

#include <stdint.h>

#include "speech/language_model.h"

typedef struct pt__spoken_token { /* what a class is */
    char *text;                   /* what it adds to a word */
    int32_t length;
    int32_t kind; /* PT__WORD_... (base/edit_distance.h); PARTS have no text */
} pt__spoken_token_t;

typedef struct pt__hot_word {
    char *text;
    int32_t length;
    double weight;
} pt__hot_word_t;

typedef struct pt__beam_settings {
    int32_t classes, blank;
    int32_t width;    /* prefixes that are kept from row to row; 0: greedy */
    double threshold; /* a token's logarithm in a row below which it is passed over, but for the largest */
    const pt__spoken_token_t *tokens;     /* [classes], that of the blank not read */
    const pt__language_model_t *language; /* NULL: none */
    double language_weight, unknown;      /* unknown: the logarithm for words that the model does not know */
    double word_bonus;
    const pt__hot_word_t *hot_words; /* [n_hot_words] by their bytes */
    int32_t n_hot_words;
} pt__beam_settings_t;

typedef struct pt__beam pt__beam_t;

/* The settings' arrays and model must outlive it. */
pt_status_t pt__beam_create(pt__memory_t *memory, const pt__beam_settings_t *settings, pt__beam_t **out);
void pt__beam_free(pt__beam_t *beam);
/* Forgets all rows. */
void pt__beam_reset(pt__beam_t *beam);
/* Further rows [rows, classes]. After a failure the beam is to be reset. */
pt_status_t pt__beam_push(pt__beam_t *beam, int64_t rows, const float *logarithms);
/* There will be no more: what is open ends. Until then hypotheses are those of the rows so far. */
pt_status_t pt__beam_finish(pt__beam_t *beam);

typedef struct pt__hypothesis {
    double score; /* with language model and words */
    const int32_t *tokens;
    const int64_t *rows; /* of each token, where it is most certain */
    int64_t count;
} pt__hypothesis_t;
int32_t pt__beam_count(const pt__beam_t *beam);
/* The rank-th best one, from 0 on; valid until the next call. */
pt_status_t pt__beam_hypothesis(pt__beam_t *beam, int32_t rank, pt__hypothesis_t *out);

#endif
