/* Language models of n-grams, in ARPA files: what word follows the last ones, with backing off (Katz 1987). */
#ifndef PT__LANGUAGE_MODEL_H
#define PT__LANGUAGE_MODEL_H

#include <stdint.h>

#include "base/memory.h"

enum { PT__NGRAM_MOST = 8 /* words of an n-gram */ };

typedef struct pt__language_model pt__language_model_t;

typedef struct pt__word_history { /* the last words, the latest one last */
    int32_t count;
    int32_t words[PT__NGRAM_MOST - 1];
} pt__word_history_t;

/* Reads the text of an ARPA file, which may be anything; PT_ERR_FORMAT names the line. */
pt_status_t pt__language_model_read(pt__memory_t *memory, const char *text, int64_t size, pt__language_model_t **out);
void pt__language_model_free(pt__language_model_t *model);
/* Its place among the words; -1: it has none. */
int32_t pt__language_model_word(const pt__language_model_t *model, const char *word, int64_t length);
/* Words in the order of their bytes: [0, pt__language_model_words) are all. Of those of a range that are alike in their
 * first `at` bytes, the ones that have these behind them. */
int32_t pt__language_model_words(const pt__language_model_t *model);
void pt__language_model_narrow(const pt__language_model_t *model, int64_t at, const char *bytes, int64_t length,
                               int32_t *low, int32_t *high);
/* What stands before a text. */
pt__word_history_t pt__language_model_begin(const pt__language_model_t *model);
/* ln of the probability of a word behind these; of -1 that of "<unk>", and `unknown` where there is none of that.
 * *next, unless NULL, becomes the history with it, and may be the history. */
double pt__language_model_score(const pt__language_model_t *model, const pt__word_history_t *history, int32_t word,
                                double unknown, pt__word_history_t *next);
/* Of the text's end behind these; 0 where the file has no "</s>". */
double pt__language_model_end(const pt__language_model_t *model, const pt__word_history_t *history);

#endif
