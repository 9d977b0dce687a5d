/* Formats of blocks (dtype.h) to floats and back: what each is. The kernels' faster ways
 * (kernels/cpu/level/block_lanes.h) give the same numbers. */
#ifndef PT__BLOCKS_H
#define PT__BLOCKS_H

#include <stdint.h>

typedef struct pt__block_format {
    const char *name;
    int32_t elements, bytes; /* of a block */
} pt__block_format_t;
const pt__block_format_t *pt__block_format(int32_t dtype); /* NULL: no dtype of blocks */
/* n elements of whole blocks, at any address; the arrays do not overlap. Products with a scale are exact in float32,
 * adding a minimum rounds once. */
void pt__blocks_to_floats(int32_t dtype, const void *src, int64_t n, float *dst);
/* The first of n elements of whole blocks that is not finite; -1: all are. */
int64_t pt__blocks_find_infinite(int32_t dtype, const void *src, int64_t n);
/* PT__BLOCK_Q8_0 of n finite elements, a multiple of 32: the scale is the largest magnitude / 127, as float16, and each
 * element / scale is rounded to nearest, halves away from zero. Where the scale would overflow float16: the first
 * element of that block; else -1. */
int64_t pt__blocks_from_floats(const float *src, int64_t n, void *dst);

#endif
