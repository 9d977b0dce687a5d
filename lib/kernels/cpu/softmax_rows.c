/* Softmax and log-softmax over rows, cut over the pool. Called through the table. */
#include "kernels/cpu/chunks.h"
#include "kernels/cpu/kernels_cpu.h"

typedef struct softmax {
    pt__map_fn forward;
    pt__map_gradient_fn gradient;
    int64_t columns;
    const float *src, *d_dst; /* of the gradient, src is the op's output */
    float *dst;
} softmax_t;

static void softmax_rows(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const softmax_t *softmax = argument;
    int64_t columns = softmax->columns;
    (void)chunk, (void)worker;
    for (int64_t r = begin; r < end; r++)
        softmax->forward(columns, softmax->src + r * columns, softmax->dst + r * columns);
}

void pt__cpu_softmax(pt__dev device, int64_t rows, int64_t columns, int32_t log, const float *src, float *dst)
{
    const pt__vector_softmax_t *vector = pt__cpu(device)->vector->softmax;
    softmax_t softmax = {
        .forward = log ? vector->log_softmax : vector->softmax, .columns = columns, .src = src, .dst = dst};
    pt__chunks_run(device, rows, pt__chunks_rows(columns, PT__CHUNK_COSTLY), softmax_rows, &softmax);
}

static void gradient_rows(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const softmax_t *softmax = argument;
    (void)chunk, (void)worker;
    for (int64_t at = begin * softmax->columns; at < end * softmax->columns; at += softmax->columns)
        softmax->gradient(softmax->columns, softmax->src + at, softmax->d_dst + at, softmax->dst + at);
}

void pt__cpu_softmax_gradient(pt__dev device, int64_t rows, int64_t columns, int32_t log, const float *dst,
                              const float *d_dst, float *d_src)
{
    const pt__vector_softmax_t *vector = pt__cpu(device)->vector->softmax;
    softmax_t softmax = {.gradient = log ? vector->log_softmax_gradient : vector->softmax_gradient,
                         .columns = columns,
                         .src = dst,
                         .d_dst = d_dst,
                         .dst = d_src};
    pt__chunks_run(device, rows, pt__chunks_rows(columns, PT__CHUNK_COSTLY), gradient_rows, &softmax);
}
