/* Dimensions whose size only data tells: what a leading size of a shape may count. They are numbered within a graph;
 * what data, graphs and plans keep for each of them are tables of PT__DIMENSIONS entries. */
#ifndef PT__DIMENSION_H
#define PT__DIMENSION_H

#include <stdint.h>

enum {
    PT__DIMENSION_NONE = 0,   /* a fixed size */
    PT__DIMENSION_BATCH = 1,  /* samples: PT_DIM_BATCH */
    PT__DIMENSION_TOKENS = 2, /* rows of all samples together: PT_DIM_TOKENS */
    PT__DIMENSIONS = 16       /* the most that a graph has, these among them */
};

/* Rows of each dimension: those that a run has, or the most that there may be. count[PT__DIMENSION_NONE] is 1. */
typedef struct pt__rows {
    int64_t count[PT__DIMENSIONS];
} pt__rows_t;

static inline pt__rows_t pt__rows_make(int64_t samples, int64_t tokens)
{
    return (pt__rows_t){
        .count = {[PT__DIMENSION_NONE] = 1, [PT__DIMENSION_BATCH] = samples, [PT__DIMENSION_TOKENS] = tokens}};
}

#endif
