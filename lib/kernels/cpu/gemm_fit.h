/* What of a product depends on the processor that does it, all in one place, and nowhere its bits. For the files of
 * gemm*.c. */
#ifndef PT__GEMM_FIT_H
#define PT__GEMM_FIT_H

#include "kernels/cpu/gemm_backend.h"

/* Floats of b that a worker packs at a time, so that they stay in half of the second-level cache. */
int64_t pt__gemm_block_floats(const pt__cpu_t *device);

/* The same where each block of b has a copied once more: as much, or into the third-level cache. */
int64_t pt__gemm_staged_block_floats(const pt__cpu_t *device);

/* Whether each tile's part of a is copied to where it is read best, in a product of these columns that come between,
 * in blocks, over passes of this depth. */
int32_t pt__gemm_stages(const pt__cpu_t *device, const pt__matrix_t *a, int64_t depth, int64_t columns);

#endif
