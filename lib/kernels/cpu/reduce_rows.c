/* Sums, means and maxima over one axis, sums of columns and of squares. Called through the table.
 *
 * Where the axis is long and there is little beside it, it is cut into parts whose sums lie in the calling worker's
 * scratch and are added in order. */
#include "kernels/cpu/chunks.h"
#include "kernels/cpu/kernels_cpu.h"

enum { BLOCK = 1024, MOST_PARTS = 64 };

/* ---- the innermost axis */

typedef struct rows {
    const pt__vector_t *vector;
    pt__reduce_t reduce;
    int64_t middle;
    const float *src;
    float *dst;
    int32_t *index;
    int32_t accumulate;
    int64_t parts; /* of a row; 1: whole */
    double *sums;  /* [outer, parts] */
} rows_t;

static void put(const rows_t *rows, int64_t row, double sum)
{
    float value = (float)(rows->reduce == PT__REDUCE_MEAN ? sum / (double)rows->middle : sum);
    rows->dst[row] = rows->accumulate ? rows->dst[row] + value : value;
}

static void reduce_row_chunk(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const rows_t *rows = argument;
    (void)chunk, (void)worker;
    for (int64_t r = begin; r < end; r++) {
        const float *src = rows->src + r * rows->middle;
        if (rows->reduce != PT__REDUCE_MAX) {
            put(rows, r, (double)rows->vector->reduce->sum(rows->middle, src));
            continue;
        }
        int64_t index = 0;
        float value = rows->vector->reduce->max(rows->middle, src, &index);
        rows->dst[r] = rows->accumulate ? rows->dst[r] + value : value;
        if (rows->index != NULL)
            rows->index[r] = (int32_t)index;
    }
}

static void sum_part_chunk(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const rows_t *rows = argument;
    (void)chunk, (void)worker;
    for (int64_t task = begin; task < end; task++) {
        int64_t row = task / rows->parts, from = task % rows->parts * PT__CHUNK_CHEAP;
        int64_t count = rows->middle - from < PT__CHUNK_CHEAP ? rows->middle - from : PT__CHUNK_CHEAP;
        rows->sums[task] = (double)rows->vector->reduce->sum(count, rows->src + row * rows->middle + from);
    }
}

static void reduce_innermost(pt__dev device, pt__reduce_t reduce, int64_t outer, int64_t middle, const float *src,
                             float *dst, int32_t *index, int32_t accumulate)
{
    rows_t rows = {.vector = pt__cpu(device)->vector,
                   .reduce = reduce,
                   .middle = middle,
                   .src = src,
                   .dst = dst,
                   .index = index,
                   .accumulate = accumulate,
                   .parts = pt__chunks_count(middle, PT__CHUNK_CHEAP)};
    int64_t room = PT__KERNEL_SCRATCH / (int64_t)sizeof(double);
    if (reduce == PT__REDUCE_MAX || rows.parts <= 1 || outer > room / rows.parts) {
        pt__chunks_run(device, outer, pt__chunks_rows(middle, PT__CHUNK_CHEAP), reduce_row_chunk, &rows);
        return;
    }
    rows.sums = pt__cpu_scratch(device, 0);
    pt__chunks_run(device, outer * rows.parts, 1, sum_part_chunk, &rows);
    for (int64_t r = 0; r < outer; r++) {
        double sum = 0.0;
        for (int64_t p = 0; p < rows.parts; p++)
            sum += rows.sums[r * rows.parts + p];
        put(&rows, r, sum);
    }
}

/* ---- another axis: columns of a matrix [rows, columns] */

/* dst[c] (+)= factor · sum over rows */
static void sum_columns(const pt__vector_t *vector, int64_t rows, int64_t columns, const float *src, float factor,
                        int32_t accumulate, float *dst)
{
    if (factor == 1.0f) {
        vector->reduce->sum_rows(rows, columns, src, columns, accumulate, dst);
        return;
    }
    float block[BLOCK];
    for (int64_t c = 0; c < columns; c += BLOCK) {
        int64_t count = columns - c < BLOCK ? columns - c : BLOCK;
        vector->reduce->sum_rows(rows, count, src + c, columns, 0, block);
        if (accumulate)
            vector->map->scale_into(count, factor, block, dst + c);
        else
            vector->map->scale(count, factor, block, dst + c);
    }
}

typedef struct columns {
    const pt__vector_t *vector;
    pt__reduce_t reduce;
    int64_t rows, columns;
    float factor;
    const float *src;
    float *dst;
    int32_t *index;
    int32_t accumulate;
} columns_t;

static void sum_rows_chunk(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const columns_t *c = argument; /* dst: the parts [chunks, columns] */
    (void)worker;
    c->vector->reduce->sum_rows(end - begin, c->columns, c->src + begin * c->columns, c->columns, 0,
                                c->dst + chunk * c->columns);
}

static void sum_matrix(pt__dev device, int64_t rows, int64_t columns, const float *src, float factor,
                       int32_t accumulate, float *dst)
{
    int64_t room = PT__KERNEL_SCRATCH / (int64_t)sizeof(float) / (columns > 0 ? columns : 1);
    int64_t size = pt__chunks_rows(columns, PT__CHUNK_CHEAP / 2), most = room < MOST_PARTS ? room : MOST_PARTS;
    if (size < 16)
        size = 16;
    if (most > 1 && pt__chunks_count(rows, size) > most)
        size = pt__chunks_count(rows, most);
    int64_t chunks = pt__chunks_count(rows, size);
    if (most <= 1 || chunks <= 1) {
        sum_columns(pt__cpu(device)->vector, rows, columns, src, factor, accumulate, dst);
        return;
    }
    columns_t parts = {
        .vector = pt__cpu(device)->vector, .columns = columns, .src = src, .dst = pt__cpu_scratch(device, 0)};
    pt__chunks_run(device, rows, size, sum_rows_chunk, &parts);
    sum_columns(pt__cpu(device)->vector, chunks, columns, parts.dst, factor, accumulate, dst);
}

static void reduce_matrix_chunk(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const columns_t *c = argument;
    (void)chunk, (void)worker;
    for (int64_t o = begin; o < end; o++) {
        const float *src = c->src + o * c->rows * c->columns;
        float *dst = c->dst + o * c->columns;
        int32_t *index = c->index != NULL ? c->index + o * c->columns : NULL;
        if (c->reduce != PT__REDUCE_MAX) {
            sum_columns(c->vector, c->rows, c->columns, src, c->factor, c->accumulate, dst);
            continue;
        }
        float block[BLOCK];
        for (int64_t i = 0; i < c->columns; i += BLOCK) {
            int64_t count = c->columns - i < BLOCK ? c->columns - i : BLOCK;
            float *to = c->accumulate ? block : dst + i;
            c->vector->reduce->max_rows(c->rows, count, src + i, c->columns, to, index != NULL ? index + i : NULL);
            if (c->accumulate)
                c->vector->map->add_into(count, block, dst + i);
        }
    }
}

void pt__cpu_reduce(pt__dev device, pt__reduce_t reduce, int64_t outer, int64_t middle, int64_t inner, const float *src,
                    float *dst, int32_t *index, int32_t accumulate)
{
    if (middle == 0) {
        if (!accumulate)
            pt__cpu_fill(device, outer * inner, 0.0f, dst);
        return;
    }
    if (inner == 1) {
        reduce_innermost(device, reduce, outer, middle, src, dst, index, accumulate);
        return;
    }
    float factor = reduce == PT__REDUCE_MEAN ? 1.0f / (float)middle : 1.0f;
    if (outer < 4 && reduce != PT__REDUCE_MAX) {
        for (int64_t o = 0; o < outer; o++)
            sum_matrix(device, middle, inner, src + o * middle * inner, factor, accumulate, dst + o * inner);
        return;
    }
    columns_t columns = {.vector = pt__cpu(device)->vector,
                         .reduce = reduce,
                         .rows = middle,
                         .columns = inner,
                         .factor = factor,
                         .src = src,
                         .dst = dst,
                         .index = index,
                         .accumulate = accumulate};
    pt__chunks_run(device, outer, pt__chunks_rows(middle * inner, PT__CHUNK_CHEAP), reduce_matrix_chunk, &columns);
}

void pt__cpu_column_sum(pt__dev device, int64_t rows, int64_t columns, const float *src, int32_t accumulate, float *dst)
{
    sum_matrix(device, rows, columns, src, 1.0f, accumulate, dst);
}

/* ---- the gradient: every element has its sum's */

typedef struct spread {
    const pt__vector_map_t *map;
    pt__reduce_t reduce;
    int64_t middle, inner;
    float factor;
    const float *d_dst;
    const int32_t *index;
    float *d_src;
} spread_t;

static void spread_chunk(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const spread_t *s = argument;
    int64_t middle = s->middle, inner = s->inner;
    (void)chunk, (void)worker;
    for (int64_t o = begin; o < end; o++) {
        const float *d_dst = s->d_dst + o * inner;
        float *d_src = s->d_src + o * middle * inner;
        if (s->reduce == PT__REDUCE_MAX) {
            s->map->fill(middle * inner, 0.0f, d_src);
            for (int64_t i = 0; i < inner; i++)
                d_src[s->index[o * inner + i] * inner + i] = d_dst[i];
        } else if (inner == 1) {
            s->map->fill(middle, s->factor * d_dst[0], d_src);
        } else {
            for (int64_t m = 0; m < middle; m++)
                s->map->scale(inner, s->factor, d_dst, d_src + m * inner);
        }
    }
}

void pt__cpu_reduce_gradient(pt__dev device, pt__reduce_t reduce, int64_t outer, int64_t middle, int64_t inner,
                             const float *d_dst, const int32_t *index, float *d_src)
{
    if (middle == 0)
        return;
    spread_t spread = {.map = pt__cpu(device)->vector->map,
                       .reduce = reduce,
                       .middle = middle,
                       .inner = inner,
                       .factor = reduce == PT__REDUCE_MEAN ? 1.0f / (float)middle : 1.0f,
                       .d_dst = d_dst,
                       .index = index,
                       .d_src = d_src};
    pt__chunks_run(device, outer, pt__chunks_rows(middle * inner, PT__CHUNK_CHEAP), spread_chunk, &spread);
}

/* ---- sum of squares */

typedef struct squares {
    const pt__vector_reduce_t *reduce;
    const float *src;
    double *sums;
} squares_t;

static void squares_chunk(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const squares_t *squares = argument;
    (void)worker;
    squares->sums[chunk] = squares->reduce->sum_of_squares(end - begin, squares->src + begin);
}

double pt__cpu_sum_of_squares(pt__dev device, int64_t n, const float *src)
{
    if (n <= PT__CHUNK_CHEAP)
        return pt__cpu(device)->vector->reduce->sum_of_squares(n, src);
    int64_t size = pt__chunks_fitting(n, PT__CHUNK_CHEAP, sizeof(double));
    squares_t squares = {.reduce = pt__cpu(device)->vector->reduce, .src = src, .sums = pt__cpu_scratch(device, 0)};
    pt__chunks_run(device, n, size, squares_chunk, &squares);
    double sum = 0.0;
    for (int64_t c = 0; c < pt__chunks_count(n, size); c++)
        sum += squares.sums[c];
    return sum;
}
