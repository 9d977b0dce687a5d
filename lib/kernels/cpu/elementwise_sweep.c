/* Sweeps over arrays element by element: filling, casting, adding, scaling, unary functions, dropout. Called through
 * the table. */
#include <string.h>

#include "kernels/cpu/chunks.h"
#include "kernels/cpu/kernels_cpu.h"

typedef struct sweep { /* what a chunk needs; each kernel uses its part */
    const pt__vector_map_t *map;
    const float *src, *d_dst;
    float *dst;
    float value;
    int32_t kind;
} sweep_t;

static void fill_chunk(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const sweep_t *sweep = argument;
    (void)chunk, (void)worker;
    if (sweep->value == 0.0f)
        memset(sweep->dst + begin, 0, (size_t)(end - begin) * sizeof(float));
    else
        sweep->map->fill(end - begin, sweep->value, sweep->dst + begin);
}

void pt__cpu_fill(pt__dev device, int64_t n, float value, float *dst)
{
    sweep_t sweep = {.map = pt__cpu(device)->vector->map, .dst = dst, .value = value};
    pt__chunks_run(device, n, PT__CHUNK_CHEAP, fill_chunk, &sweep);
}

typedef struct cast {
    pt__widen_fn widen;
    int32_t dtype;
    const char *src;
    float *dst;
} cast_t;

static void cast_chunk(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const cast_t *cast = argument;
    (void)chunk, (void)worker;
    cast->widen(end - begin, cast->src + pt__dtype_bytes(cast->dtype, begin), 0, cast->dst + begin);
}

void pt__cpu_cast(pt__dev device, int64_t n, int32_t dtype, const void *src, float *dst)
{
    cast_t cast = {.widen = pt__cpu(device)->widen[dtype], .dtype = dtype, .src = src, .dst = dst};
    pt__chunks_run(device, n, PT__CHUNK_CHEAP, cast_chunk, &cast); /* a whole number of any format's blocks */
}

static void add_chunk(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const sweep_t *sweep = argument;
    (void)chunk, (void)worker;
    sweep->map->add_into(end - begin, sweep->src + begin, sweep->dst + begin);
}

void pt__cpu_add_into(pt__dev device, int64_t n, const float *src, float *dst)
{
    sweep_t sweep = {.map = pt__cpu(device)->vector->map, .src = src, .dst = dst};
    pt__chunks_run(device, n, PT__CHUNK_CHEAP, add_chunk, &sweep);
}

static void scale_chunk(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const sweep_t *sweep = argument;
    (void)chunk, (void)worker;
    if (sweep->kind)
        sweep->map->scale_into(end - begin, sweep->value, sweep->src + begin, sweep->dst + begin);
    else
        sweep->map->scale(end - begin, sweep->value, sweep->src + begin, sweep->dst + begin);
}

void pt__cpu_scale(pt__dev device, int64_t n, float factor, const float *src, float *dst)
{
    sweep_t sweep = {.map = pt__cpu(device)->vector->map, .src = src, .dst = dst, .value = factor};
    pt__chunks_run(device, n, PT__CHUNK_CHEAP, scale_chunk, &sweep);
}

void pt__cpu_scale_by(pt__dev device, int64_t n, const float *src, const float *numerator, const float *denominator,
                      int32_t accumulate, float *dst)
{
    float divisor = denominator != NULL ? denominator[0] : 1.0f;
    if (divisor == 0.0f) { /* the factor is 0, whatever src holds */
        if (!accumulate)
            pt__cpu_fill(device, n, 0.0f, dst);
        return;
    }
    sweep_t sweep = {.map = pt__cpu(device)->vector->map,
                     .src = src,
                     .dst = dst,
                     .value = numerator[0] / divisor,
                     .kind = accumulate};
    pt__chunks_run(device, n, PT__CHUNK_CHEAP, scale_chunk, &sweep);
}

static void unary_chunk(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const sweep_t *sweep = argument;
    (void)chunk, (void)worker;
    sweep->map->unary[sweep->kind](end - begin, sweep->src + begin, sweep->dst + begin);
}

void pt__cpu_unary(pt__dev device, pt__unary_t unary, int64_t n, const float *src, float *dst)
{
    sweep_t sweep = {.map = pt__cpu(device)->vector->map, .src = src, .dst = dst, .kind = (int32_t)unary};
    pt__chunks_run(device, n, PT__CHUNK_COSTLY, unary_chunk, &sweep);
}

static void unary_gradient_chunk(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const sweep_t *sweep = argument;
    (void)chunk, (void)worker;
    sweep->map->unary_gradient[sweep->kind](end - begin, sweep->src + begin, sweep->d_dst + begin, sweep->dst + begin);
}

void pt__cpu_unary_gradient(pt__dev device, pt__unary_t unary, int64_t n, const float *src, const float *d_dst,
                            float *d_src)
{
    sweep_t sweep = {
        .map = pt__cpu(device)->vector->map, .src = src, .d_dst = d_dst, .dst = d_src, .kind = (int32_t)unary};
    pt__chunks_run(device, n, PT__CHUNK_COSTLY, unary_gradient_chunk, &sweep);
}

typedef struct clipping {
    const pt__vector_map_t *map;
    float low, high;
    const float *src, *d_dst; /* the gradient's src is what clipping gave */
    float *dst;
} clipping_t;

static void clip_chunk(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const clipping_t *s = argument;
    (void)chunk, (void)worker;
    s->map->clip(end - begin, s->low, s->high, s->src + begin, s->dst + begin);
}

void pt__cpu_clip(pt__dev device, int64_t n, float low, float high, const float *src, float *dst)
{
    clipping_t clipping = {.map = pt__cpu(device)->vector->map, .low = low, .high = high, .src = src, .dst = dst};
    pt__chunks_run(device, n, PT__CHUNK_CHEAP, clip_chunk, &clipping);
}

static void clip_gradient_chunk(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const clipping_t *s = argument;
    (void)chunk, (void)worker;
    s->map->clip_gradient(end - begin, s->low, s->high, s->src + begin, s->d_dst + begin, s->dst + begin);
}

void pt__cpu_clip_gradient(pt__dev device, int64_t n, float low, float high, const float *dst, const float *d_dst,
                           float *d_src)
{
    clipping_t clipping = {
        .map = pt__cpu(device)->vector->map, .low = low, .high = high, .src = dst, .d_dst = d_dst, .dst = d_src};
    pt__chunks_run(device, n, PT__CHUNK_CHEAP, clip_gradient_chunk, &clipping);
}

typedef struct gated {
    const pt__vector_map_t *map;
    int32_t kind;
    const float *gate, *src, *d_dst;
    float *dst, *d_gate, *d_src;
} gated_t;

static void gated_chunk(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const gated_t *gated = argument;
    (void)chunk, (void)worker;
    gated->map->gated[gated->kind](end - begin, gated->gate + begin, gated->src + begin, gated->dst + begin);
}

void pt__cpu_gated(pt__dev device, pt__unary_t unary, int64_t n, const float *gate, const float *src, float *dst)
{
    gated_t gated = {.map = pt__cpu(device)->vector->map, .kind = (int32_t)unary, .gate = gate, .src = src, .dst = dst};
    pt__chunks_run(device, n, PT__CHUNK_COSTLY, gated_chunk, &gated);
}

static void gated_gradient_chunk(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const gated_t *gated = argument;
    (void)chunk, (void)worker;
    gated->map->gated_gradient[gated->kind](end - begin, gated->gate + begin, gated->src + begin, gated->d_dst + begin,
                                            gated->d_gate != NULL ? gated->d_gate + begin : NULL,
                                            gated->d_src != NULL ? gated->d_src + begin : NULL);
}

void pt__cpu_gated_gradient(pt__dev device, pt__unary_t unary, int64_t n, const float *gate, const float *src,
                            const float *d_dst, float *d_gate, float *d_src)
{
    gated_t gated = {.map = pt__cpu(device)->vector->map,
                     .kind = (int32_t)unary,
                     .gate = gate,
                     .src = src,
                     .d_dst = d_dst,
                     .d_gate = d_gate,
                     .d_src = d_src};
    pt__chunks_run(device, n, PT__CHUNK_COSTLY, gated_gradient_chunk, &gated);
}

typedef struct dropout {
    const pt__vector_dropout_t *vector;
    const float *src;
    float *dst;
    uint64_t key;
    uint32_t threshold;
    float factor;
} dropout_t;

static void dropout_chunk(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const dropout_t *dropout = argument;
    (void)chunk, (void)worker;
    dropout->vector->dropout(end - begin, begin, dropout->key, dropout->threshold, dropout->factor,
                             dropout->src + begin, dropout->dst + begin);
}

void pt__cpu_dropout(pt__dev device, int64_t n, float probability, uint64_t key, const float *src, float *dst)
{
    if (probability >= 1.0f) {
        pt__cpu_fill(device, n, 0.0f, dst);
        return;
    }
    dropout_t dropout = {.vector = pt__cpu(device)->vector->dropout,
                         .src = src,
                         .dst = dst,
                         .key = key,
                         .threshold = pt__dropout_threshold(probability),
                         .factor = probability > 0.0f ? 1.0f / (1.0f - probability) : 1.0f};
    pt__chunks_run(device, n, PT__CHUNK_COSTLY, dropout_chunk, &dropout); /* a multiple of 4 */
}
