/* What the two backends behind the matrix door share: the row-wise part of the epilogue, and how a product is cut.
 * For the files of gemm*.c, and for convolution, which makes its products tile by tile. */
#ifndef PT__GEMM_BACKEND_H
#define PT__GEMM_BACKEND_H

#include "base/dtype.h"
#include "kernels/cpu/cpu.h"
#include "kernels/gemm.h"

/* Parts of the epilogue that a backend has already done itself, or leaves to pt__gemm_finish. */
enum { PT__FINISH_BIAS = 1, PT__FINISH_RESIDUAL = 2, PT__FINISH_ACTIVATION = 4 };

/* Those parts that this product has; 0 where dst is the product itself. A pre-activation to be stored, an activation
 * and a slope are all PT__FINISH_ACTIVATION. */
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

static inline int32_t pt__matrix_is_narrow(const pt__matrix_t *matrix)
{
    return matrix->dtype != 0 && matrix->dtype != PT_FLOAT32;
}

/* Element (row, column) of op(matrix), which is float32. */
static inline const float *pt__matrix_at(const pt__matrix_t *matrix, int64_t row, int64_t column)
{
    const float *data = matrix->data;
    return matrix->transposed ? data + column * matrix->stride + row : data + row * matrix->stride + column;
}

/* What is left of op(matrix), of any dtype, from element (row, column) on. */
static inline pt__matrix_t pt__matrix_from(const pt__matrix_t *matrix, int64_t row, int64_t column)
{
    pt__matrix_t part = *matrix;
    if (pt__matrix_is_narrow(matrix)) {
        const pt__dtype_unit_t unit = pt__dtype_unit(matrix->dtype);
        int64_t across = matrix->transposed ? column : row, along = (matrix->transposed ? row : column) + matrix->skip;
        int64_t units = across * matrix->stride / unit.elements + along / unit.elements;
        part.data = (const char *)matrix->data + units * unit.bytes;
        part.skip = (int32_t)(along % unit.elements);
    } else {
        part.data = pt__matrix_at(matrix, row, column);
    }
    return part;
}

/* Product `index` of a batch has this one. */
static inline pt__matrix_t pt__matrix_of_product(const pt__matrix_t *matrix, int64_t index)
{
    pt__matrix_t one = *matrix;
    int32_t dtype = matrix->dtype == 0 ? PT_FLOAT32 : matrix->dtype;
    one.data = (const char *)matrix->data + pt__dtype_bytes(dtype, index * matrix->step);
    return one;
}

/* ---- our own kernels (gemm_own.c; on one thread: gemm_area.c; sums of the operands: gemm_sums.c) */

enum {
    PT__GEMM_SHARED_FLOATS = 64 << 10, /* of the shared workspace: partial sums */
    PT__GEMM_SPREAD = 600000           /* multiplications worth waking the pool; fewer are done by the calling thread */
};

/* Bytes that the backend needs of each worker's workspace and of the shared one. */
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

/* One product; the caller holds the device's shared_lock. */
void pt__gemm_deep(pt__cpu_t *device, const pt__gemm_t *gemm, int64_t parts);

/* ---- cblas (gemm_cblas.c; gemm_no_cblas.c in a library without one) */

/* Whether cblas takes these sizes and strides (it has 32-bit sizes and no rows that overlap). */
int32_t pt__gemm_cblas_takes(const pt__gemm_t *gemm);
void pt__gemm_cblas(pt__cpu_t *device, const pt__gemm_t *gemm);

/* Which BLAS runs in this process: "OpenBLAS (serial)", ...; NULL: the library is built without one. */
const char *pt__gemm_cblas_name(void);

#endif
