/* What reader and writer of safetensors share: the limits, the names of dtypes, and the names that are the library's
 * own. */
#ifndef PT__SAFETENSORS_H
#define PT__SAFETENSORS_H

#include "formats/tensors.h"

enum { PT__SAFETENSORS_LARGEST_HEADER = 100000000 }; /* bytes, the limit of the reference */

#define PT__SAFETENSORS_METADATA "__metadata__"
#define PT__SAFETENSORS_CHECKSUM "pretrain.checksum"
#define PT__SAFETENSORS_PADDING  "pretrain.padding"

/* "F32" ...; NULL for what is no dtype. */
const char *pt__safetensors_dtype_name(int32_t dtype);
/* 0 for a name that the library has no dtype for. */
int32_t pt__safetensors_dtype_find(const char *name);
/* The reference writes tensors of higher rank first: the larger elements, so that all lie aligned. */
int32_t pt__safetensors_dtype_rank(int32_t dtype);

#endif
