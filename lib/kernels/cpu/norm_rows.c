/* Layer norm and RMS norm over rows, with their gradients, cut over the pool. Called through the table.
 *
 * The gradients of weight and bias are sums over all rows. Each chunk of rows adds up its own in a part of the calling
 * worker's scratch, and the parts are added in order; the number of chunks follows from the shape. */
#include <string.h>

#include "kernels/cpu/chunks.h"
#include "kernels/cpu/kernels_cpu.h"

typedef struct norm {
    const pt__vector_norm_t *vector;
    int64_t columns;
    float epsilon;
    int32_t root_mean_square;
    const float *src, *weight, *bias;
    float *dst, *mean, *inverse;
} norm_t;

static void norm_rows(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const norm_t *norm = argument;
    int64_t rows = end - begin, at = begin * norm->columns;
    float *inverse = norm->inverse != NULL ? norm->inverse + begin : NULL;
    (void)chunk, (void)worker;
    if (norm->root_mean_square)
        norm->vector->rms(rows, norm->columns, norm->epsilon, norm->src + at, norm->weight, norm->dst + at, inverse);
    else
        norm->vector->layer(rows, norm->columns, norm->epsilon, norm->src + at, norm->weight, norm->bias,
                            norm->dst + at, norm->mean != NULL ? norm->mean + begin : NULL, inverse);
}

void pt__cpu_layer_norm(pt__dev device, int64_t rows, int64_t columns, float epsilon, const float *src,
                        const float *weight, const float *bias, float *dst, float *mean, float *inverse)
{
    norm_t norm = {.vector = pt__cpu(device)->vector->norm,
                   .columns = columns,
                   .epsilon = epsilon,
                   .src = src,
                   .weight = weight,
                   .bias = bias,
                   .dst = dst,
                   .mean = mean,
                   .inverse = inverse};
    pt__chunks_run(device, rows, pt__chunks_rows(columns, PT__CHUNK_COSTLY), norm_rows, &norm);
}

void pt__cpu_rms_norm(pt__dev device, int64_t rows, int64_t columns, float epsilon, const float *src,
                      const float *weight, float *dst, float *inverse)
{
    norm_t norm = {.vector = pt__cpu(device)->vector->norm,
                   .columns = columns,
                   .epsilon = epsilon,
                   .root_mean_square = 1,
                   .src = src,
                   .weight = weight,
                   .dst = dst,
                   .inverse = inverse};
    pt__chunks_run(device, rows, pt__chunks_rows(columns, PT__CHUNK_COSTLY), norm_rows, &norm);
}

typedef struct gradient {
    const pt__vector_norm_t *vector;
    const pt__norm_gradient_t *norm;
    int32_t root_mean_square;
    float *parts; /* [chunks, 2, columns]; NULL: a single chunk, which adds to d_weight and d_bias themselves */
} gradient_t;

static void gradient_rows(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const gradient_t *g = argument;
    const pt__norm_gradient_t *norm = g->norm;
    int64_t rows = end - begin, columns = norm->columns, at = begin * columns;
    float *d_weight = norm->d_weight, *d_bias = norm->d_bias;
    (void)worker;
    if (g->parts != NULL) {
        float *part = g->parts + chunk * 2 * columns;
        memset(part, 0, (size_t)(2 * columns) * sizeof(float));
        d_weight = d_weight != NULL ? part : NULL;
        d_bias = d_bias != NULL ? part + columns : NULL;
    }
    const float *residual = norm->residual != NULL ? norm->residual + at : NULL;
    float *d_src = norm->d_src != NULL ? norm->d_src + at : NULL;
    if (g->root_mean_square)
        g->vector->rms_gradient(rows, columns, norm->src + at, norm->weight, norm->inverse + begin, norm->d_dst + at,
                                residual, d_src, d_weight);
    else
        g->vector->layer_gradient(rows, columns, norm->src + at, norm->weight, norm->mean + begin,
                                  norm->inverse + begin, norm->d_dst + at, residual, d_src, d_weight, d_bias);
}

static void run_gradient(pt__dev device, const pt__norm_gradient_t *norm, int32_t root_mean_square)
{
    gradient_t g = {.vector = pt__cpu(device)->vector->norm, .norm = norm, .root_mean_square = root_mean_square};
    int64_t rows = norm->rows, columns = norm->columns, size = pt__chunks_rows(columns, PT__CHUNK_COSTLY);
    if (norm->d_weight != NULL && !(norm->accumulate & 1))
        memset(norm->d_weight, 0, (size_t)columns * sizeof(float));
    if (norm->d_bias != NULL && !(norm->accumulate & 2))
        memset(norm->d_bias, 0, (size_t)columns * sizeof(float));
    int summed = norm->d_weight != NULL || norm->d_bias != NULL;
    if (summed) { /* parts within the scratch, and few enough that adding them up costs little */
        int64_t most = PT__KERNEL_SCRATCH / (int64_t)sizeof(float) / (2 * (columns > 0 ? columns : 1));
        most = most > 64 ? 64 : most < 1 ? 1 : most;
        if (size < 8)
            size = 8;
        if (pt__chunks_count(rows, size) > most)
            size = (rows + most - 1) / most;
    }
    int64_t chunks = pt__chunks_count(rows, size);
    if (summed && chunks > 1)
        g.parts = pt__cpu_scratch(device, 0);
    pt__chunks_run(device, rows, size, gradient_rows, &g);
    if (g.parts == NULL)
        return;
    const pt__vector_reduce_t *reduce = pt__cpu(device)->vector->reduce;
    if (norm->d_weight != NULL)
        reduce->sum_rows(chunks, columns, g.parts, 2 * columns, 1, norm->d_weight);
    if (norm->d_bias != NULL)
        reduce->sum_rows(chunks, columns, g.parts + columns, 2 * columns, 1, norm->d_bias);
}

void pt__cpu_layer_norm_gradient(pt__dev device, const pt__norm_gradient_t *norm)
{
    run_gradient(device, norm, 0);
}

void pt__cpu_rms_norm_gradient(pt__dev device, const pt__norm_gradient_t *norm)
{
    run_gradient(device, norm, 1);
}
