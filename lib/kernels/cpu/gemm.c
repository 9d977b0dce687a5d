/* The door: chooses the backend, and takes the one case that neither backend does by itself. */
#include <stddef.h>
#include <string.h>

#include "kernels/cpu/gemm_backend.h"
#include "kernels/cpu/kernels_cpu.h"

/* The operands' sums over the depth, where they do not come with the product. */
static void sum_aside(pt__cpu_t *device, const pt__gemm_t *gemm)
{
    const int32_t is_part = (gemm->a_sum && gemm->a.stride != gemm->m) || (gemm->b_sum && gemm->b.stride != gemm->n);
    if (device->backend == PT__GEMM_OWN || is_part) {
        pt__gemm_own_sum(device, gemm);
        return;
    }
    if (gemm->a_sum)
        pt__cpu_column_sum(&device->base, gemm->k, gemm->m, gemm->a.data, gemm->accumulate_sums, gemm->a_sum);
    if (gemm->b_sum)
        pt__cpu_column_sum(&device->base, gemm->k, gemm->n, gemm->b.data, gemm->accumulate_sums, gemm->b_sum);
}

static void enter(pt__cpu_t *device, const pt__gemm_t *gemm)
{
    pt__gemm_t without_sums;
    int32_t own = device->backend == PT__GEMM_OWN;
    if ((gemm->a_sum || gemm->b_sum) && (!own || !gemm->dst || !pt__gemm_own_gives_sums(device, gemm))) {
        sum_aside(device, gemm);
        without_sums = *gemm;
        without_sums.a_sum = without_sums.b_sum = NULL;
        gemm = &without_sums;
    }
    if (!gemm->dst)
        return;
    if (own || gemm->k == 0 || pt__matrix_is_narrow(&gemm->b) || !pt__gemm_cblas_takes(gemm))
        pt__gemm_own(device, gemm);
    else
        pt__gemm_cblas(device, gemm);
}

/* The residual is dst itself, but sums must pass through dst before the slope: the residual is kept aside, a piece
 * at a time, while its piece of the product is made. */
static void enter_with_residual_aside(pt__cpu_t *device, const pt__gemm_t *product)
{
    float aside[4096];
    const int64_t wide = product->n < 256 ? product->n : 256, high = 4096 / wide;
    for (int64_t row = 0; row < product->m; row += high) {
        for (int64_t column = 0; column < product->n; column += wide) {
            int64_t rows = product->m - row < high ? product->m - row : high;
            int64_t columns = product->n - column < wide ? product->n - column : wide;
            pt__gemm_t part = pt__gemm_part(product, row, rows, column, columns);
            const float *residual = part.residual;
            part.residual = NULL;
            for (int64_t r = 0; r < rows; r++)
                memcpy(aside + r * columns, residual + r * part.dst_stride, (size_t)columns * sizeof(float));
            enter(device, &part);
            for (int64_t r = 0; r < rows; r++)
                for (int64_t c = 0; c < columns; c++)
                    part.dst[r * part.dst_stride + c] += aside[r * columns + c];
        }
    }
}

void pt__gemm(struct pt__device *of, const pt__gemm_t *gemm)
{
    pt__cpu_t *device = pt__cpu(of);
    if (gemm->m <= 0 || gemm->n <= 0 || gemm->count < 0)
        return;
    if (!gemm->residual || gemm->residual != gemm->dst || !gemm->slope_source) {
        enter(device, gemm);
        return;
    }
    for (int64_t i = 0; i < (gemm->count == 0 ? 1 : gemm->count); i++) {
        pt__gemm_t product = pt__gemm_product(gemm, i);
        enter_with_residual_aside(device, &product);
    }
}
