/* The numeric types of pretrain.h (PT_FLOAT32 ...): sizes, names, conversion of arrays with a check of ranges. */
#ifndef PT__DTYPE_H
#define PT__DTYPE_H

#include <stdint.h>

#include "base/status.h"

/* Formats of blocks, in which some consecutive elements share a scale: weights that are used as they are stored.
 * Known to the library alone, numbered behind the public types. A further one has a line here and one in the table
 * of dtype.c, and ways to floats: the plain one (blocks.c) and the kernels' (kernels/cpu/level/block_lanes.h). */
enum {
    PT__BLOCK_Q8_0 = PT_BOOL + 1, /* "Q8_0" of GGUF files, and so on: blocks.c has their layouts */
    PT__BLOCK_Q4_0,
    PT__BLOCK_Q4_1,
    PT__BLOCK_Q5_0,
    PT__BLOCK_Q5_1,
    PT__BLOCK_Q4_K,
    PT__BLOCK_Q5_K,
    PT__BLOCK_Q6_K,
    PT__DTYPES
};

/* The least of a dtype that has an address: an element, or a block of them. Zeros for what is no dtype. */
typedef struct pt__dtype_unit {
    int32_t elements, bytes;
} pt__dtype_unit_t;
pt__dtype_unit_t pt__dtype_unit(int32_t dtype);
/* Bytes of n elements, whole units. */
int64_t pt__dtype_bytes(int32_t dtype, int64_t n);
/* 1 for what weights may be stored as beside float32: float16, bfloat16 and the formats of blocks. */
int32_t pt__dtype_is_narrow(int32_t dtype);
/* 1 for what files have weights in: the floating-point types and the formats of blocks. */
int32_t pt__dtype_is_weight(int32_t dtype);

/* Bytes of an element; 0 for what is no dtype, or has no elements of their own. */
int64_t pt__dtype_size(int32_t dtype);
/* "float32", "bfloat16", "uint8", "bool" ...; "unknown dtype". Never NULL. */
const char *pt__dtype_name(int32_t dtype);
/* The public dtype of a name; 0 where there is none. */
int32_t pt__dtype_find(const char *name);
/* 1 for the four floating-point types. */
int32_t pt__dtype_is_float(int32_t dtype);

/* Elements of a shape whose sizes are all >= 0; PT_ERR_SHAPE with `what` in the message where one is negative or the
 * product overflows. */
pt_status_t pt__sizes_elements(const char *what, int32_t rank, const int64_t *shape, int64_t *elements);
/* "[2, 3]" into a buffer, cut to its size; returns the buffer. Sizes PT_DIM_BATCH and PT_DIM_TOKENS print as "batch"
 * and "tokens". */
const char *pt__sizes_print(int32_t rank, const int64_t *shape, char *buffer, size_t size);
enum { PT__SHAPE_TEXT = 160 };

/* dst[i] = src[i] for n elements. PT_ERR_ARGUMENT, naming `what` and the element, where a value does not fit: out of
 * range, a fraction or NaN for an integer type, a finite number that would become infinite. Floats round to nearest,
 * ties to even. NaN and infinity pass between floating-point types. Whole blocks become float32 alone. The arrays do
 * not overlap; they need no alignment. */
pt_status_t pt__dtype_convert(const char *what, int32_t src_dtype, const void *src, int32_t dst_dtype, void *dst,
                              int64_t n);

float pt__half_to_float(uint16_t half);
uint16_t pt__float_to_half(float value);
float pt__bfloat_to_float(uint16_t bfloat);
uint16_t pt__float_to_bfloat(float value);

#endif
