/* The rows of each sample numbered, or reduced to one row, and the gradient of that; samples copied from one
 * dimension of rows to another, or to where they are kept. `index` counts rows from the sample's first. Called through
 * the table. */
#include <string.h>

#include "kernels/cpu/chunks.h"
#include "kernels/cpu/kernels_cpu.h"

typedef struct reduction {
    const pt__vector_t *vector;
    pt__reduce_t reduce;
    const int32_t *offsets;
    int64_t columns;
    const float *src;
    float *dst;
    int32_t *index;
    const int32_t *largest;
} reduction_t;

/* Numbers are written in less time than the pool takes to wake. */
void pt__cpu_positions(pt__dev device, int64_t samples, const int32_t *offsets, const int32_t *past, int32_t *dst)
{
    (void)device;
    for (int64_t s = 0; s < samples; s++)
        for (int32_t t = offsets[s]; t < offsets[s + 1]; t++)
            dst[t] = t - offsets[s] + (past != NULL ? past[s] : 0);
}

typedef struct storing {
    const int32_t *offsets, *first, *past;
    int64_t columns, src_stride;
    const float *src;
    float *dst;
} storing_t;

static void store_samples(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const storing_t *s = argument;
    (void)chunk, (void)worker;
    for (int64_t i = begin; i < end; i++) {
        float *dst = s->dst + ((int64_t)s->first[i] + s->past[i]) * s->columns;
        for (int64_t row = s->offsets[i]; row < s->offsets[i + 1]; row++, dst += s->columns)
            memcpy(dst, s->src + row * s->src_stride, (size_t)s->columns * sizeof *dst);
    }
}

/* The row of a sample with so many that FIRST or LAST takes. */
static int64_t chosen_row(pt__reduce_t reduce, int64_t rows)
{
    return reduce == PT__REDUCE_FIRST ? 0 : rows - 1;
}

static int is_choice(pt__reduce_t reduce)
{
    return reduce == PT__REDUCE_FIRST || reduce == PT__REDUCE_LAST;
}

/* Samples that make a chunk, by their mean length. */
static int64_t samples_of_chunk(int64_t samples, const int32_t *offsets, int64_t columns)
{
    int64_t elements = (samples > 0 ? offsets[samples] - offsets[0] : 0) * columns;
    return elements <= PT__CHUNK_CHEAP ? samples + 1 : 1 + samples * PT__CHUNK_CHEAP / elements;
}

static void reduce_samples(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const reduction_t *s = argument;
    const pt__vector_map_t *map = s->vector->map;
    int64_t columns = s->columns;
    (void)chunk, (void)worker;
    for (int64_t i = begin; i < end; i++) {
        int64_t rows = s->offsets[i + 1] - s->offsets[i];
        const float *src = s->src + s->offsets[i] * columns;
        float *dst = s->dst + i * columns;
        int32_t *index = s->index != NULL ? s->index + i * columns : NULL;
        if (rows == 0 || s->reduce != PT__REDUCE_MAX)
            for (int64_t c = 0; index != NULL && c < columns; c++)
                index[c] = 0;
        if (rows == 0) {
            map->fill(columns, 0.0f, dst);
        } else if (is_choice(s->reduce)) {
            memcpy(dst, src + chosen_row(s->reduce, rows) * columns, (size_t)columns * sizeof(float));
        } else if (s->reduce == PT__REDUCE_MAX) {
            s->vector->reduce->max_rows(rows, columns, src, columns, dst, index);
        } else {
            s->vector->reduce->sum_rows(rows, columns, src, columns, 0, dst);
            if (s->reduce == PT__REDUCE_MEAN)
                map->scale(columns, 1.0f / (float)rows, dst, dst);
        }
    }
}

void pt__cpu_segment_reduce(pt__dev device, pt__reduce_t reduce, int64_t samples, const int32_t *offsets,
                            int64_t columns, const float *src, float *dst, int32_t *index)
{
    reduction_t segments = {.vector = pt__cpu(device)->vector,
                           .reduce = reduce,
                           .offsets = offsets,
                           .columns = columns,
                           .src = src,
                           .dst = dst,
                           .index = index};
    pt__chunks_run(device, samples, samples_of_chunk(samples, offsets, columns), reduce_samples, &segments);
}

static void spread_samples(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const reduction_t *s = argument;
    const pt__vector_map_t *map = s->vector->map;
    int64_t columns = s->columns;
    (void)chunk, (void)worker;
    for (int64_t i = begin; i < end; i++) {
        int64_t rows = s->offsets[i + 1] - s->offsets[i];
        const float *d_dst = s->src + i * columns;
        float *d_src = s->dst + s->offsets[i] * columns;
        if (s->reduce == PT__REDUCE_MAX) {
            map->fill(rows * columns, 0.0f, d_src);
            for (int64_t c = 0; rows > 0 && c < columns; c++)
                d_src[s->largest[i * columns + c] * columns + c] = d_dst[c];
            continue;
        }
        if (is_choice(s->reduce)) {
            map->fill(rows * columns, 0.0f, d_src);
            if (rows > 0)
                memcpy(d_src + chosen_row(s->reduce, rows) * columns, d_dst, (size_t)columns * sizeof(float));
            continue;
        }
        float factor = s->reduce == PT__REDUCE_MEAN ? 1.0f / (float)rows : 1.0f;
        for (int64_t r = 0; r < rows; r++)
            map->scale(columns, factor, d_dst, d_src + r * columns);
    }
}

void pt__cpu_segment_reduce_gradient(pt__dev device, pt__reduce_t reduce, int64_t samples, const int32_t *offsets,
                                     int64_t columns, const float *d_dst, const int32_t *index, float *d_src)
{
    reduction_t segments = {.vector = pt__cpu(device)->vector,
                           .reduce = reduce,
                           .offsets = offsets,
                           .columns = columns,
                           .src = d_dst,
                           .dst = d_src,
                           .largest = index};
    pt__chunks_run(device, samples, samples_of_chunk(samples, offsets, columns), spread_samples, &segments);
}

typedef struct transfer {
    const pt__segments_t *from, *to;
    const float *src;
    float *dst;
} transfer_t;

static void copy_samples(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const transfer_t *transfer = argument;
    const pt__segments_t *from = transfer->from, *to = transfer->to;
    (void)chunk, (void)worker;
    for (int64_t i = begin; i < end; i++) {
        const float *src = transfer->src + from->offsets[i] * from->columns;
        float *dst = transfer->dst + to->offsets[i] * to->columns;
        int64_t given = (from->offsets[i + 1] - from->offsets[i]) * from->columns;
        int64_t wanted = (to->offsets[i + 1] - to->offsets[i]) * to->columns;
        int64_t both = given < wanted ? given : wanted;
        memcpy(dst, src, (size_t)both * sizeof(float));
        memset(dst + both, 0, (size_t)(wanted - both) * sizeof(float));
    }
}

void pt__cpu_segment_copy(pt__dev device, int64_t samples, const pt__segments_t *from, const pt__segments_t *to,
                          const float *src, float *dst)
{
    transfer_t transfer = {.from = from, .to = to, .src = src, .dst = dst};
    pt__chunks_run(device, samples, samples_of_chunk(samples, to->offsets, to->columns), copy_samples, &transfer);
}

void pt__cpu_store_rows(pt__dev device, int64_t samples, const int32_t *offsets, const int32_t *first,
                        const int32_t *past, int64_t columns, const float *src, int64_t src_stride, float *dst)
{
    storing_t storing = {offsets, first, past, columns, src_stride, src, dst};
    pt__chunks_run(device, samples, samples_of_chunk(samples, offsets, columns), store_samples, &storing);
}

/* ---- Neighbours in the sample ---- */

static void copy_neighbours(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const pt__neighbours_t *s = argument;
    const size_t bytes = (size_t)s->columns * sizeof(float);
    (void)chunk, (void)worker;
    for (int64_t i = begin; i < end; i++)
        for (int64_t row = s->offsets[i]; row < s->offsets[i + 1]; row++) {
            const int64_t from = row + s->step;
            float *dst = s->dst + row * s->columns;
            if (from >= s->offsets[i] && from < s->offsets[i + 1])
                memcpy(dst, s->src + from * s->stride, bytes);
            else if (s->outside != NULL)
                memcpy(dst, s->outside + i * s->outside_stride, bytes);
            else
                memset(dst, 0, bytes);
        }
}

void pt__cpu_neighbour_rows(pt__dev device, const pt__neighbours_t *neighbours)
{
    pt__neighbours_t argument = *neighbours;
    pt__chunks_run(device, neighbours->samples,
                   samples_of_chunk(neighbours->samples, neighbours->offsets, neighbours->columns), copy_neighbours,
                   &argument);
}
