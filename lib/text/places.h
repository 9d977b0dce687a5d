/* Lists of places, many and mostly short, in blocks that are cut from larger ones and used again. */
#ifndef PT__PLACES_H
#define PT__PLACES_H

#include "text/training_state.h"

enum { PT__PLACES_BLOCK = 1 << 20 /* places */, PT__PLACES_BINS = 32 };

typedef struct pt__places { /* all 0 at first */
    uint32_t *
        *blocks; /* [n_blocks] each PT__PLACES_BLOCK places on from the one before, where they were made together */
    void **made; /* [n_blocks] what is to be released; NULL: it was made with the one before */
    int64_t n_blocks, blocks_capacity, made_capacity;
    uint32_t bins[PT__PLACES_BINS]; /* of free lists by the logarithm of their length, + 1; 0: none */
} pt__places_t;

/* The address of a list. */
static inline uint32_t *pt__places_at(const pt__places_t *places, uint32_t list)
{
    return places->blocks[list / PT__PLACES_BLOCK] + list % PT__PLACES_BLOCK;
}

/* A list of `length` places, at least 2. */
pt_status_t pt__places_make(const pt__training_t *training, pt__places_t *places, int64_t length, uint32_t *list);
void pt__places_drop(pt__places_t *places, uint32_t list, int64_t length);
void pt__places_free(pt__memory_t *memory, pt__places_t *places);

#endif
