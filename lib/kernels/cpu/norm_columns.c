/* Batch norm: statistics of columns over all rows, what they make of the rows, and the gradient. Called through the
 * table.
 *
 * Columns are cut into blocks, each of which one task takes over all rows: a column's sums are in the order of its
 * rows, in double. */
#include <math.h>

#include "kernels/cpu/chunks.h"
#include "kernels/cpu/kernels_cpu.h"

enum { BLOCK = 32 }; /* columns: two cache lines of a row */

/* ---- Statistics ---- */

static void column_statistics(const pt__batch_norm_t *norm, int64_t first, int64_t count)
{
    double sum[BLOCK] = {0}, squares[BLOCK] = {0}, rows = (double)norm->rows;
    for (int64_t r = 0; r < norm->rows; r++)
        for (int64_t c = 0; c < count; c++)
            sum[c] += (double)norm->src[r * norm->columns + first + c];
    for (int64_t c = 0; c < count; c++)
        sum[c] /= rows;
    for (int64_t r = 0; r < norm->rows; r++)
        for (int64_t c = 0; c < count; c++) {
            double distance = (double)norm->src[r * norm->columns + first + c] - sum[c];
            squares[c] += distance * distance;
        }
    for (int64_t c = 0; c < count; c++) {
        int64_t at = first + c;
        norm->mean[at] = (float)sum[c];
        norm->inverse[at] = (float)(1 / sqrt(squares[c] / rows + (double)norm->epsilon));
        if (norm->new_mean != NULL)
            norm->new_mean[at] = (float)((1 - norm->momentum) * (double)norm->running_mean[at] +
                                         norm->momentum * sum[c]);
        if (norm->new_variance != NULL)
            norm->new_variance[at] = (float)((1 - norm->momentum) * (double)norm->running_variance[at] +
                                             norm->momentum * squares[c] / (rows - 1));
    }
}

static void running_statistics(const pt__batch_norm_t *norm, int64_t first, int64_t count)
{
    for (int64_t c = first; c < first + count; c++) {
        norm->mean[c] = norm->running_mean[c];
        norm->inverse[c] = (float)(1 / sqrt((double)norm->running_variance[c] + (double)norm->epsilon));
        if (norm->new_mean != NULL)
            norm->new_mean[c] = norm->running_mean[c];
        if (norm->new_variance != NULL)
            norm->new_variance[c] = norm->running_variance[c];
    }
}

static void statistics_task(void *argument, int64_t task, int32_t worker)
{
    const pt__batch_norm_t *norm = argument;
    int64_t first = task * BLOCK, left = norm->columns - first, count = left < BLOCK ? left : BLOCK;
    (void)worker;
    if (norm->from_batch)
        column_statistics(norm, first, count);
    else
        running_statistics(norm, first, count);
}

static void run_blocks(pt__dev device, int64_t rows, int64_t columns, pt__task_fn task, void *argument)
{
    pt__pool_t *pool = rows * columns < PT__CHUNK_CHEAP ? NULL : pt__cpu(device)->pool;
    pt__pool_run(pool, (columns + BLOCK - 1) / BLOCK, task, argument);
}

void pt__cpu_batch_statistics(pt__dev device, const pt__batch_norm_t *norm)
{
    pt__batch_norm_t copy = *norm;
    run_blocks(device, norm->rows, norm->columns, statistics_task, &copy);
}

/* ---- Rows ---- */

typedef struct normalize {
    int64_t columns;
    const float *src, *mean, *inverse, *weight, *bias;
    float *dst;
} normalize_t;

static void normalize_rows(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const normalize_t *self = argument;
    (void)chunk, (void)worker;
    for (int64_t r = begin; r < end; r++) {
        const float *src = self->src + r * self->columns;
        float *dst = self->dst + r * self->columns;
        for (int64_t c = 0; c < self->columns; c++) {
            float value = (src[c] - self->mean[c]) * self->inverse[c];
            value *= self->weight != NULL ? self->weight[c] : 1.0f;
            dst[c] = value + (self->bias != NULL ? self->bias[c] : 0.0f);
        }
    }
}

void pt__cpu_batch_norm(pt__dev device, int64_t rows, int64_t columns, const float *src, const float *mean,
                        const float *inverse, const float *weight, const float *bias, float *dst)
{
    normalize_t self = {columns, src, mean, inverse, weight, bias, dst};
    pt__chunks_run(device, rows, pt__chunks_rows(columns, PT__CHUNK_CHEAP), normalize_rows, &self);
}

/* ---- Gradient ---- */

static void gradient_block(const pt__batch_norm_gradient_t *norm, int64_t first, int64_t count)
{
    double d_bias[BLOCK] = {0}, d_weight[BLOCK] = {0}, rows = (double)norm->rows;
    for (int64_t r = 0; r < norm->rows; r++)
        for (int64_t c = 0; c < count; c++) {
            int64_t at = r * norm->columns + first + c;
            float normal = (norm->src[at] - norm->mean[first + c]) * norm->inverse[first + c];
            d_bias[c] += (double)norm->d_dst[at];
            d_weight[c] += (double)norm->d_dst[at] * (double)normal;
        }
    for (int64_t r = 0; r < norm->rows && norm->d_src != NULL; r++)
        for (int64_t c = 0; c < count; c++) {
            int64_t at = r * norm->columns + first + c;
            float scale = norm->inverse[first + c] * (norm->weight != NULL ? norm->weight[first + c] : 1.0f);
            float normal = (norm->src[at] - norm->mean[first + c]) * norm->inverse[first + c], value = norm->d_dst[at];
            if (norm->from_batch)
                value -= (float)(d_bias[c] / rows) + normal * (float)(d_weight[c] / rows);
            norm->d_src[at] = scale * value;
        }
    for (int64_t c = 0; c < count; c++) {
        if (norm->d_weight != NULL)
            norm->d_weight[first + c] = (float)d_weight[c] +
                                        (norm->accumulate_d_weight ? norm->d_weight[first + c] : 0.0f);
        if (norm->d_bias != NULL)
            norm->d_bias[first + c] = (float)d_bias[c] + (norm->accumulate_d_bias ? norm->d_bias[first + c] : 0.0f);
    }
}

static void gradient_task(void *argument, int64_t task, int32_t worker)
{
    const pt__batch_norm_gradient_t *norm = argument;
    int64_t first = task * BLOCK, left = norm->columns - first;
    (void)worker;
    gradient_block(norm, first, left < BLOCK ? left : BLOCK);
}

void pt__cpu_batch_norm_gradient(pt__dev device, const pt__batch_norm_gradient_t *norm)
{
    pt__batch_norm_gradient_t copy = *norm;
    run_blocks(device, norm->rows, norm->columns, gradient_task, &copy);
}
