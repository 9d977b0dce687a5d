/* The numeric types of pretrain.h (PT_FLOAT32 ...): sizes, names, conversion of arrays with a check of ranges. */
#ifndef PT__DTYPE_H
#define PT__DTYPE_H

#include <stdint.h>

#include "base/status.h"

/* Bytes of an element; 0 for what is no dtype. */
int64_t pt__dtype_size(int32_t dtype);
/* "float32", "bfloat16", "uint8", "bool" ...; "unknown dtype". Never NULL. */
const char *pt__dtype_name(int32_t dtype);
/* The dtype of a name; 0 where there is none. */
int32_t pt__dtype_find(const char *name);
/* 1 for the four floating-point types. */
int32_t pt__dtype_is_float(int32_t dtype);

/* Elements of a shape whose sizes are all >= 0; PT_ERR_SHAPE with `what` in the message where one is negative or the product overflows. */
pt_status_t pt__sizes_elements(const char *what, int32_t rank, const int64_t *shape, int64_t *elements);
/* "[2, 3]" into a buffer, cut to its size; returns the buffer. Sizes PT_DIM_BATCH and PT_DIM_TOKENS print as "batch" and "tokens". */
const char *pt__sizes_print(int32_t rank, const int64_t *shape, char *buffer, size_t size);
enum { PT__SHAPE_TEXT = 160 };

/* dst[i] = src[i] for n elements. PT_ERR_ARGUMENT, naming `what` and the element, where a value does not fit: out of range, a
 * fraction or NaN for an integer type, a finite number that would become infinite. Floats round to nearest, ties to even. NaN and
 * infinity pass between floating-point types. The arrays do not overlap; they need no alignment. */
pt_status_t pt__dtype_convert(const char *what, int32_t src_dtype, const void *src, int32_t dst_dtype, void *dst,
                              int64_t n);

float pt__half_to_float(uint16_t half);
uint16_t pt__float_to_half(float value);
float pt__bfloat_to_float(uint16_t bfloat);
uint16_t pt__float_to_bfloat(float value);

#endif
