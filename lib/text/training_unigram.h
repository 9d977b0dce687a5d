/* What the files of learning a unigram model share: words, pieces with scores, and the ways to cut the one into the
 * other. */
#ifndef PT__TRAINING_UNIGRAM_H
#define PT__TRAINING_UNIGRAM_H

#include "text/byte_trie.h"
#include "text/training_state.h"

enum {
    PT__UNIGRAM_UNKNOWN = 0, /* the piece of characters without one */
    PT__UNIGRAM_PARTS = 8    /* of the words, side by side: the same for any number of threads */
};

typedef struct pt__scored {
    uint32_t begin; /* among the characters */
    uint32_t length;
    double score;
} pt__scored_t;

/* A piece at a place of a word. */
typedef struct pt__placed {
    double weight;
    int32_t id;
    uint32_t after; /* it */
} pt__placed_t;

enum {
    PT__UNIGRAM_KEPT = 256, /* bytes of a word whose pieces are kept from the first pass over it to the second */
    PT__UNIGRAM_PLACED = PT__UNIGRAM_KEPT * (PT__UNIGRAM_LONGEST + 1)
};

typedef struct pt__ways { /* a thread's, for its longest word */
    double *alpha, *beta; /* [longest + 1] */
    uint32_t *lengths;    /* [longest + 1] of the piece that ends there on the best way */
    int32_t *ids;
    pt__placed_t *placed; /* [PT__UNIGRAM_PLACED] */
} pt__ways_t;

typedef struct pt__unigram_learner {
    pt__training_t *training;
    uint8_t *words;   /* end to end, sorted, so that sums over them have an order */
    uint32_t *begins; /* [n_words + 1] */
    uint64_t *counts;
    int64_t n_words, longest; /* bytes of the longest word */
    uint8_t *characters;      /* of pieces */
    int64_t n_characters, characters_capacity;
    pt__scored_t *pieces; /* the unknown one first */
    int64_t n_pieces, pieces_capacity;
    double unknown_score;
    double shift;    /* a character: what scores are raised by, so that probabilities of words are near 1 */
    double *weights; /* [n_pieces] the probabilities of pieces, raised */
    double unknown_weight;
    pt__byte_trie_t trie;
    double *sums; /* [PT__UNIGRAM_PARTS * capacity] by part and piece */
    double logs[PT__UNIGRAM_PARTS];
    pt__ways_t *ways; /* [threads] */
    int32_t threads;
} pt__unigram_learner_t;

/* ---- training_seeds.c ---- */
/* The pieces to begin with: all characters, and of the parts of words that are there several times, and go on in
 * several ways, those with the most characters together. */
pt_status_t pt__unigram_seeds(pt__unigram_learner_t *learner);
pt_status_t pt__unigram_add_piece(pt__unigram_learner_t *learner, const uint8_t *bytes, int64_t length, double score);

/* ---- training_lattice.c ---- */
/* After pieces or scores have changed. */
pt_status_t pt__unigram_prepare(pt__unigram_learner_t *learner);
/* How often each piece is expected in the words, over all ways to cut them, to the first part's sums. */
void pt__unigram_expect(pt__unigram_learner_t *learner);
/* How often it is there in the best cuts. */
void pt__unigram_count_best(pt__unigram_learner_t *learner);
/* The best way to cut a piece itself into others: their ids in the first thread's ways, from the end on; how many
 * there are, 0: none, and *score. */
int64_t pt__unigram_cut_piece(pt__unigram_learner_t *learner, int64_t piece, int32_t *ids, double *score);

#endif
