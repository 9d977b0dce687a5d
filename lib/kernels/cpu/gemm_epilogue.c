/* The row-wise epilogue of a matrix product, while the rows are in cache: bias, residual, stored pre-activation and
 * activation, or bias, slope and residual. Both backends behind the door use it, each for the parts that its own
 * kernels do not do. */
#include <stddef.h>
#include <string.h>

#include "kernels/cpu/gemm_backend.h"
#include "kernels/cpu/vector.h"

enum { SEGMENT = 512 }; /* columns whose slopes are worked out at a time */

int32_t pt__gemm_parts(const pt__gemm_t *gemm)
{
    int32_t parts = gemm->bias ? PT__FINISH_BIAS : 0;
    if (gemm->residual)
        parts |= PT__FINISH_RESIDUAL;
    if (gemm->activation != PT_ACTIVATION_NONE || gemm->preactivation)
        parts |= PT__FINISH_ACTIVATION;
    return parts;
}

pt__gemm_t pt__gemm_product(const pt__gemm_t *gemm, int64_t index)
{
    pt__gemm_t one = *gemm;
    int64_t move = index * gemm->dst_step;
    one.count = 1;
    one.a = pt__matrix_of_product(&gemm->a, index);
    one.b = pt__matrix_of_product(&gemm->b, index);
    one.dst += move;
    if (one.preactivation)
        one.preactivation += move;
    if (one.slope_source)
        one.slope_source += move;
    if (one.residual)
        one.residual += move;
    return one;
}

pt__gemm_t pt__gemm_part(const pt__gemm_t *gemm, int64_t row, int64_t rows, int64_t column, int64_t columns)
{
    pt__gemm_t part = *gemm;
    int64_t move = row * gemm->dst_stride + column;
    part.m = rows;
    part.n = columns;
    part.a = pt__matrix_from(&gemm->a, row, 0);
    part.b = pt__matrix_from(&gemm->b, 0, column);
    part.dst += move;
    if (part.bias)
        part.bias += column;
    if (part.preactivation)
        part.preactivation += move;
    if (part.slope_source)
        part.slope_source += move;
    if (part.residual)
        part.residual += move;
    return part;
}

/* dst[i] *= activation'(source[i]). The vector loops want the activation's output for tanh and sigmoid. */
static void multiply_by_slope(const pt__vector_map_t *map, int32_t activation, int64_t n, const float *source,
                              float *dst)
{
    if (activation != PT_ACTIVATION_TANH && activation != PT_ACTIVATION_SIGMOID) {
        map->unary_gradient[activation](n, source, dst, dst);
        return;
    }
    float output[SEGMENT];
    for (int64_t i = 0; i < n; i += SEGMENT) {
        int64_t length = n - i < SEGMENT ? n - i : SEGMENT;
        map->unary[activation](length, source + i, output);
        map->unary_gradient[activation](length, output, dst + i, dst + i);
    }
}

void pt__gemm_finish(const pt__cpu_t *device, const pt__gemm_t *gemm, int32_t parts, int64_t row, int64_t rows,
                     int64_t column, int64_t columns)
{
    const pt__vector_map_t *map = device->vector->map;
    for (int64_t r = row; parts && r < row + rows; r++) {
        int64_t at = r * gemm->dst_stride + column;
        float *dst = gemm->dst + at;
        if (parts & PT__FINISH_BIAS)
            map->add_into(columns, gemm->bias + column, dst);
        if (parts & PT__FINISH_RESIDUAL && !gemm->slope_source)
            map->add_into(columns, gemm->residual + at, dst);
        if (parts & PT__FINISH_ACTIVATION && gemm->preactivation)
            memcpy(gemm->preactivation + at, dst, (size_t)columns * sizeof(float));
        if (parts & PT__FINISH_ACTIVATION && gemm->activation != PT_ACTIVATION_NONE) {
            if (gemm->slope_source)
                multiply_by_slope(map, gemm->activation, columns, gemm->slope_source + at, dst);
            else
                map->unary[gemm->activation](columns, dst, dst);
        }
        if (parts & PT__FINISH_RESIDUAL && gemm->slope_source)
            map->add_into(columns, gemm->residual + at, dst);
    }
}
