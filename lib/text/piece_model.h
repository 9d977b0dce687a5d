/* A model of pieces as SentencePiece has it, and as it is written as a tokenizer.json. */
#ifndef PT__PIECE_MODEL_H
#define PT__PIECE_MODEL_H

#include "base/text.h"

enum { /* as its files number them */
       PT__PIECE_NORMAL = 1,
       PT__PIECE_UNKNOWN = 2,
       PT__PIECE_CONTROL = 3,
       PT__PIECE_USER = 4,
       PT__PIECE_UNUSED = 5,
       PT__PIECE_BYTE = 6
};

typedef struct pt__piece {
    const char *bytes;
    int64_t length;
    double score;
    int64_t kind;
} pt__piece_t;

typedef struct pt__piece_model {
    pt__piece_t *pieces; /* by id */
    int64_t count;
    int32_t is_unigram;  /* or byte-pair encoding, in the order of scores */
    int32_t falls_back;  /* to pieces of bytes */
    int32_t puts_blank;  /* before a text */
    int32_t trims;       /* blanks at the ends, and but one of each run */
    int32_t escapes;     /* blanks are written as U+2581 */
    const uint8_t *map;  /* the normalizer's double array and strings */
    int64_t map_size;    /* 0: there is none */
    int64_t first, last; /* tokens around a text; -1: none */
} pt__piece_model_t;

/* How many pairs of normal pieces make a third; the vocabulary holds all. */
struct pt__vocabulary;
pt_status_t pt__piece_model_pairs(const pt__piece_model_t *model, const struct pt__vocabulary *vocabulary,
                                  int64_t *pairs);
pt_status_t pt__piece_model_write(const pt__piece_model_t *model, pt__text_t *json);

#endif
