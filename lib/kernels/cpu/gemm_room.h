/* What the two rooms behind the matrix door share: the row-wise part of the epilogue, and how a product is cut.
 * For the files of gemm*.c only. */
#ifndef PT__GEMM_ROOM_H
#define PT__GEMM_ROOM_H

#include "kernels/cpu/cpu.h"
#include "kernels/gemm.h"

/* Parts of the epilogue that a room has already done itself, or leaves to pt__gemm_finish. */
enum { PT__FINISH_BIAS = 1, PT__FINISH_RESIDUAL = 2, PT__FINISH_ACTIVATION = 4 };

/* Those parts that this product has; 0 where dst is the product itself. A pre-activation to be stored, an activation and
 * a slope are all PT__FINISH_ACTIVATION. */
int32_t pt__gemm_parts(const pt__gemm_t *gemm);

/* Applies `parts` to rows [row, row + rows) and columns [column, column + columns) of one product, whose sums stand in
 * dst. Serial. */
void pt__gemm_finish(const pt__cpu_t *device, const pt__gemm_t *gemm, int32_t parts, int64_t row, int64_t rows,
                     int64_t column, int64_t columns);

/* The i-th product of a batch, as a product of its own (count 1). */
pt__gemm_t pt__gemm_product(const pt__gemm_t *gemm, int64_t index);

/* Rows [row, row + rows) and columns [column, column + columns) of one product, as a product of its own. */
pt__gemm_t pt__gemm_part(const pt__gemm_t *gemm, int64_t row, int64_t rows, int64_t column, int64_t columns);

/* Begin of part `index` of `count` when n is cut into equal parts of whole multiples of `unit`. */
static inline int64_t pt__cut(int64_t n, int64_t unit, int64_t count, int64_t index)
{
    int64_t units = (n + unit - 1) / unit, begin = units / count * index + (units % count) * index / count;
    return begin * unit < n ? begin * unit : n;
}

/* Where element (row, depth) of op(a) and (depth, column) of op(b) stand. */
static inline const float *pt__gemm_a_at(const pt__gemm_t *gemm, int64_t row, int64_t depth)
{
    return gemm->a_transposed ? gemm->a + depth * gemm->a_stride + row : gemm->a + row * gemm->a_stride + depth;
}

static inline const float *pt__gemm_b_at(const pt__gemm_t *gemm, int64_t depth, int64_t column)
{
    return gemm->b_transposed ? gemm->b + column * gemm->b_stride + depth : gemm->b + depth * gemm->b_stride + column;
}

/* ---- our own kernels (gemm_own.c; sums of the operands: gemm_sums.c) */

enum {
    PT__GEMM_SHARED_FLOATS = 64 << 10, /* of the shared workspace: partial sums */
    PT__GEMM_SPREAD = 600000           /* multiplications worth waking the pool; fewer are done by the calling thread */
};

/* Bytes that the room needs of each worker's workspace and of the shared one. */
int64_t pt__gemm_worker_bytes(const pt__cpu_t *device);
int64_t pt__gemm_shared_bytes(const pt__cpu_t *device);

/* Whether the sums of the operands come with this product; and those sums alone, in the same bits. */
int32_t pt__gemm_own_gives_sums(pt__cpu_t *device, const pt__gemm_t *gemm);
void pt__gemm_own_sum(pt__cpu_t *device, const pt__gemm_t *gemm);
/* Zeros where they are not accumulated. */
void pt__gemm_clear_sums(const pt__gemm_t *gemm);
/* Both take products of any count; serial works on the calling thread, with the workspace of `worker` alone. */
void pt__gemm_own(pt__cpu_t *device, const pt__gemm_t *gemm);
void pt__gemm_own_serial(pt__cpu_t *device, int32_t worker, const pt__gemm_t *gemm);

/* ---- few elements of dst and great depth (gemm_deep.c) */

/* Into how many parts the depth is cut; 1 where there are tiles enough to go round. */
int64_t pt__gemm_deep_parts(const pt__cpu_t *device, const pt__gemm_t *gemm);
/* One product; the caller holds the device's shared_lock. */
void pt__gemm_deep(pt__cpu_t *device, const pt__gemm_t *gemm, int64_t parts);

/* ---- cblas (gemm_cblas.c) */

/* Whether cblas takes these sizes and strides (it has 32-bit sizes and no rows that overlap). */
int32_t pt__gemm_cblas_takes(const pt__gemm_t *gemm);
void pt__gemm_cblas(pt__cpu_t *device, const pt__gemm_t *gemm);

/* Which BLAS runs in this process: "OpenBLAS (serial)", ... */
const char *pt__gemm_cblas_name(void);

#endif
