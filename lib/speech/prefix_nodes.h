/* The prefixes of a beam: a tree, of which only what a beam's prefixes have in them is kept. For prefix_beam.c. */
#ifndef PT__PREFIX_NODES_H
#define PT__PREFIX_NODES_H

#include "speech/prefix_beam.h"

enum { PT__PREFIX_NONE = -1, PT__PREFIX_ROOT = 0 };

typedef struct pt__prefix {      /* a token behind the others of its parent */
    int32_t parent, token, next; /* next: of its bucket, or of those that are free */
    int32_t references;          /* children, and beams' entries; PT__PREFIX_NONE: it is free */
    int32_t in_word;             /* tokens of the word that is open */
    int32_t hot_low, hot_high;   /* hot words that begin with it, */
    int32_t low, high;           /* and words of the language model */
    int32_t word_bytes;
    float best; /* the token's logarithm where it is most certain, */
    int64_t row;
    int64_t stamp; /* of the row whose entry it has */
    int32_t entry;
    double words;   /* score of the words that have ended */
    double partial; /* what is lent to a word that may become a hot one, or taken from one that will not be known */
    pt__word_history_t history;
} pt__prefix_t;

typedef struct pt__prefixes {
    pt__memory_t *memory;
    const pt__beam_settings_t *settings;
    pt__prefix_t *list;
    int64_t count, capacity;
    int32_t free; /* the first that is free */
    int32_t *buckets;
    int64_t n_buckets, taken;
} pt__prefixes_t;

pt_status_t pt__prefixes_start(pt__prefixes_t *prefixes, pt__memory_t *memory, const pt__beam_settings_t *settings);
void pt__prefixes_free(pt__prefixes_t *prefixes);
/* All but the root are let go. */
void pt__prefixes_clear(pt__prefixes_t *prefixes);
/* The prefix with one token more, made where it is new, with *is_new. Making one may move the list. */
pt_status_t pt__prefixes_extend(pt__prefixes_t *prefixes, int32_t parent, int32_t token, int32_t *child,
                                int32_t *is_new);
/* Frees it, unless it is needed, and those of its ancestors that nothing else needs. */
void pt__prefixes_let_go(pt__prefixes_t *prefixes, int32_t prefix);
/* Score of its words once the text ends there. */
double pt__prefixes_end(const pt__prefixes_t *prefixes, int32_t prefix);

#endif
