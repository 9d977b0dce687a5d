/* Matrix products: the one door, pt__gemm(), and the description of a product with its epilogue.
 *
 *   product = op(a) · op(b) (+ dst, where accumulate)            op(a) [M,K], op(b) [K,N], dst [M,N]
 *   product = product + bias[n]                                  bias [N] or NULL
 *   product = product + residual[m,n]                            residual [M,N] or NULL
 *   preactivation[m,n] = product                                 where preactivation != NULL
 *   dst[m,n] = activation(product)
 *
 * or, on the way back, where slope_source != NULL, with the residual after the slope:
 *   dst[m,n] = product · activation'(slope_source[m,n]) + residual[m,n]
 *
 * `count` products may be done at once, a stride apart. Behind the door: our own kernels where the processor has a
 * level of its own (device.h), cblas elsewhere or where the host asks for it, but not for what is stored narrower.
 * The same bits at any thread count with our own kernels; work is cut by shape. May be called from any thread, but
 * not from a task of the pool: it may wait for the workspace that all workers share. Never allocates beyond the
 * device's workspaces, never fails. */
#ifndef PT__GEMM_H
#define PT__GEMM_H

#include <stdint.h>

struct pt__device;

/* An operand: rows of numbers as they are stored. Formats of blocks (base/dtype.h) hold their scales, and rows and
 * products begin with a block; what is read of a row may begin within one. */
typedef struct pt__matrix {
    const void *data;   /* [rows, columns], or their transpose where `transposed` */
    int64_t stride;     /* elements from one row in memory to the next */
    int64_t step;       /* elements from one product to the next; 0: all share it */
    int32_t transposed; /* op() */
    int32_t dtype;      /* 0: PT_FLOAT32 */
    int32_t skip;       /* elements of the first block of each row that come before the matrix */
} pt__matrix_t;

typedef struct pt__gemm {
    int64_t m, n, k;
    pt__matrix_t a; /* [M,K], or transposed [K,M]; PT_FLOAT32 */
    /* [K,N], or transposed [N,K]; may be stored narrower (pt__dtype_is_narrow): the sums are those of its numbers as
     * floats */
    pt__matrix_t b;
    float *dst;     /* [M,N], rows dst_stride elements apart; overlaps neither a nor b; NULL: only the sums below */
    int64_t dst_stride;
    int64_t dst_step; /* elements from one product to the next; as the other arrays of dst's shape do */
    int32_t accumulate; /* 0: dst is overwritten and may hold anything, NaN too; 1: added to */
    int32_t activation; /* PT_ACTIVATION_... */
    const float *bias;
    float *preactivation;      /* rows dst_stride apart */
    const float *slope_source; /* rows dst_stride apart: a pre-activation whose activation' multiplies the product */
    const float *residual;     /* rows dst_stride apart; may be dst itself only where accumulate == 0 */
    int64_t count;             /* of products; 0 means 1 */
    /* By-products, for the gradient of a bias: sums of op(a) [M] and of op(b) [N] over the depth, or NULL. Only for
     * one product of float32 operands that lie depth by depth: a transposed, b not; without epilogue. The same
     * bits with dst or without. */
    float *a_sum, *b_sum;
    int32_t accumulate_sums; /* as accumulate */
} pt__gemm_t;

void pt__gemm(struct pt__device *device, const pt__gemm_t *gemm);

#endif
