/* Matrix products: the one door, pt__gemm(), and the description of a product with its epilogue.
 *
 *   product = op(a) · op(b) (+ dst, where accumulate)            op(a) [M,K], op(b) [K,N], dst [M,N]
 *   product = product + bias[n]                                  bias [N] or NULL
 *   preactivation[m,n] = product                                 where preactivation != NULL
 *   dst[m,n] = activation(product)                               or, where slope_source != NULL,
 *   dst[m,n] = product · activation'(slope_source[m,n])
 *   dst[m,n] += residual[m,n]                                    where residual != NULL
 *
 * `count` products may be done at once, a stride apart. Behind the door: our own kernels where the processor has a level
 * of its own (device.h), cblas elsewhere or where the host asks for it. The same bits at any thread count with our own kernels;
 * work is cut by shape. May be called from any thread, but not from a task of the pool: it may wait for the workspace that all
 * workers share. Never allocates beyond the device's workspaces, never fails. */
#ifndef PT__GEMM_H
#define PT__GEMM_H

#include <stdint.h>

struct pt__device;

typedef enum pt__activation {
    PT__ACTIVATION_NONE = 0,
    PT__ACTIVATION_RELU,
    PT__ACTIVATION_GELU_TANH,
    PT__ACTIVATION_GELU_ERF,
    PT__ACTIVATION_SILU,
    PT__ACTIVATION_TANH,
    PT__ACTIVATION_SIGMOID,
    PT__ACTIVATION_COUNT
} pt__activation_t;

typedef struct pt__gemm {
    int64_t m, n, k;
    const float *a; /* a_transposed ? [K,M] : [M,K], rows a_stride elements apart */
    const float *b; /* b_transposed ? [N,K] : [K,N], rows b_stride elements apart */
    float *dst;     /* [M,N], rows dst_stride elements apart; overlaps neither a nor b; NULL: only the sums below */
    int64_t a_stride, b_stride, dst_stride;
    int32_t a_transposed, b_transposed;
    int32_t accumulate; /* 0: dst is overwritten and may hold anything, NaN too; 1: added to */
    int32_t activation; /* pt__activation_t */
    const float *bias;
    float *preactivation;      /* rows dst_stride apart */
    const float *slope_source; /* rows dst_stride apart: a pre-activation whose activation' multiplies the product */
    const float *residual;     /* rows dst_stride apart; may be dst itself only where accumulate == 0 */
    int64_t count;             /* of products; 0 means 1 */
    int64_t a_step, b_step, dst_step; /* elements from one product to the next (0: shared; bias is always shared);
                                         preactivation, slope_source and residual step as dst does */
    /* By-products, for the gradient of a bias: sums of op(a) [M] and of op(b) [N] over the depth, or NULL. Only for one
     * product of dense operands that lie depth by depth: a_transposed, b not transposed; without epilogue. The same bits with
     * dst or without. */
    float *a_sum, *b_sum;
    int32_t accumulate_sums; /* as accumulate */
} pt__gemm_t;

void pt__gemm(struct pt__device *device, const pt__gemm_t *gemm);

#endif
