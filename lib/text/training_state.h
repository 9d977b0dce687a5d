/* A tokenizer that is learnt from texts: words are cut and counted, pieces learnt from them, and a tokenizer.json
 * written of it in memory, which is then opened as any other. */
#ifndef PT__TRAINING_STATE_H
#define PT__TRAINING_STATE_H

#include "text/word_counts.h"

enum {
    PT__PREFIX_MOST = 128,    /* bytes of a prefix of pieces */
    PT__UNIGRAM_LONGEST = 128 /* characters of a unigram model's piece */
};
#define PT__UNIGRAM_TOKEN "<unk>" /* the unknown one of a unigram model */

typedef struct pt__training pt__training_t;

/* Where texts come from: counts some of them; *is_over once there are no more. */
typedef pt_status_t pt__feed_fn(pt__training_t *training, void *source, int32_t *is_over);

struct pt__training {
    pt_context_t *context;                /* retained */
    pt_tokenizer_train_options_t options; /* no default is left in it */
    int64_t held_before;                  /* by the context */
    double started;
    pt_tokenizer_t *cutter; /* a tokenizer without pieces */
    pt__word_counts_t counts;
    pt__word_table_t pieces; /* as the file writes them, by id */
    int64_t n_special;       /* the first of them, from first_special on */
    int64_t first_special;   /* 1: an unknown token stands before them */
    double *scores;          /* of a unigram model, by piece; special tokens have 0 */
    int64_t scores_capacity;
    uint64_t *merges; /* left << 32 | right, in the order in which they were learnt */
    int64_t n_merges, merges_capacity;
    void *learner; /* what learning keeps, while an event callback runs too */
    void (*learner_free)(pt__training_t *training, void *learner);
    void *source;
    void (*source_free)(pt__training_t *training, void *source);
};

/* ---- train_tokenizer.c ---- */
/* The options with their defaults; PT_ERR_ARGUMENT for those that nothing can be learnt with. */
pt_status_t pt__training_options(const pt_tokenizer_train_options_t *given, pt_tokenizer_train_options_t *options);

/* Learns from what feed counts; options are those of pt__training_options. The source is the training's in any case,
 * and source_free is called once. */
pt_status_t pt__train_tokenizer(pt_context_t *context, const pt_tokenizer_train_options_t *options, pt__feed_fn *feed,
                                void *source, void (*source_free)(pt__training_t *training, void *source),
                                pt_tokenizer_t **out);

/* ---- training_state.c ---- */
/* PT_ERR_BUDGET where the training would hold more than its budget with so many bytes more. */
pt_status_t pt__training_reserve(const pt__training_t *training, int64_t bytes, const char *what);
/* Tells the host how far it is, which may end it: PT_ERR_CANCELLED. */
pt_status_t pt__training_tell(const pt__training_t *training, int64_t step, int64_t total_steps);
/* The same as pt__grow, within the budget. */
pt_status_t pt__training_grow(const pt__training_t *training, void *array, int64_t *capacity, int64_t needed,
                              size_t size, const char *what);
/* The id of a piece, which becomes the next one where it is not there yet. */
pt_status_t pt__training_piece(pt__training_t *training, const char *content, int64_t length, uint32_t *id);

/* ---- training_symbols.c ---- */
/* Words as symbols, end to end. A symbol is a piece's id; one that several have become has its id, with PT__MANY, where
 * the first stood, and how many they were, with PT__INSIDE, in the second and in the last place. PT__BETWEEN stands
 * before the first word and behind each. */
#define PT__MANY    0x80000000u
#define PT__INSIDE  0x40000000u
#define PT__BETWEEN 0xFFFFFFFFu

typedef struct pt__symbol_words {
    uint32_t *cells;
    int64_t n_cells;
    uint64_t *counts; /* [n_words] how often each is there */
    int64_t n_words;
} pt__symbol_words_t;

/* Gives the first symbols their pieces, and makes of the counted words, which are let go, words of symbols. */
pt_status_t pt__training_symbols(pt__training_t *training, pt__symbol_words_t *words);

/* ---- training_pairs.c ---- */
/* Byte-pair encoding: joins the most frequent pair of neighbours until there are as many pieces as are wanted. */
pt_status_t pt__training_pairs(pt__training_t *training);

/* ---- training_em.c ---- */
/* A unigram model of the counted words, which are let go; the scores are the training's. */
pt_status_t pt__training_unigram(pt__training_t *training);

/* ---- training_json.c ---- */
/* The tokenizer.json of what was learnt; without pieces: of the cutter. */
pt_status_t pt__training_json(const pt__training_t *training, int32_t with_pieces, char **text, int64_t *length);
/* Whether the options name a split pattern that is known. */
int32_t pt__training_knows_pattern(const char *name);

#endif
