/* Cross-entropy over rows of logits, or over logits that are made here, a chunk of rows at a time, from the last hidden
 * state and the vocabulary's matrix: product, loss and d_logits in place, then the chunk's share of d_src, d_linear and
 * d_bias while d_logits are still in the cache. A chunk holds only rows that have a label: where others lie between
 * them, they are brought together first, and their d_src taken back. The loss of each group of rows is summed in
 * double, the groups in order. Called through the table. */
#include <string.h>

#include "kernels/cpu/chunks.h"
#include "kernels/cpu/kernels_cpu.h"
#include "kernels/cpu/loss_sums.h"

typedef struct rows {
    const pt__vector_t *vector;
    const pt__cross_entropy_t *description;
    int64_t first;      /* row r of the logits is row first + r of the batch */
    const int32_t *row; /* or first + row[r], where not NULL */
    const float *logits;
    float *d_logits;
    pt__loss_sums_t *sums;
} rows_t;

static int counts(const pt__cross_entropy_t *d, int64_t row)
{
    return (d->probabilities != NULL || d->labels[row] != d->ignore_index) &&
           (d->row_weights == NULL || d->row_weights[row] != 0.0f);
}

/* Whether the first of the largest logits is the label's. */
static int hits(const float *logits, int64_t classes, int32_t label)
{
    float of_label = logits[label];
    for (int64_t c = 0; c < classes; c++)
        if (logits[c] > of_label || (logits[c] == of_label && c < label))
            return 0;
    return 1;
}

static void loss_rows(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const rows_t *rows = argument;
    const pt__cross_entropy_t *d = rows->description;
    pt__loss_sums_t sums = {0.0, 0.0, 0.0};
    (void)worker;
    for (int64_t r = begin; r < end; r++) {
        int64_t of_batch = rows->first + (rows->row != NULL ? rows->row[r] : r);
        float *d_logits = rows->d_logits != NULL ? rows->d_logits + r * d->classes : NULL;
        const float *probabilities = NULL;
        int32_t label = 0;
        double weight = 1.0;
        if (!counts(d, of_batch)) {
            if (d_logits != NULL)
                rows->vector->map->fill(d->classes, 0.0f, d_logits);
            continue;
        }
        if (d->probabilities != NULL) {
            probabilities = d->probabilities + of_batch * d->classes;
        } else {
            label = d->labels[of_batch];
            weight = d->class_weights != NULL ? (double)d->class_weights[label] : 1.0;
        }
        if (d->hits != NULL && d->probabilities == NULL) /* before the gradient takes the logits' place */
            sums.hits += hits(rows->logits + r * d->classes, d->classes, label);
        double loss = rows->vector->loss->cross_entropy(d, label, probabilities, rows->logits + r * d->classes,
                                                        d_logits);
        if (d->row_weights != NULL) {
            float row_weight = d->row_weights[of_batch];
            loss *= (double)row_weight;
            weight *= (double)row_weight;
            if (d_logits != NULL)
                rows->vector->map->scale(d->classes, row_weight, d_logits, d_logits);
        }
        sums.loss += loss;
        sums.weight += weight;
    }
    rows->sums[chunk] = sums;
}

/* Adds the losses and weights of `count` rows to *total and writes their d_logits where wanted. */
static void run_rows(pt__dev device, const pt__cross_entropy_t *d, int64_t first, const int32_t *row, int64_t count,
                     const float *logits, float *d_logits, pt__loss_sums_t *total)
{
    rows_t rows = {.vector = pt__cpu(device)->vector,
                   .description = d,
                   .first = first,
                   .row = row,
                   .logits = logits,
                   .d_logits = d_logits,
                   .sums = pt__cpu_scratch(device, 0)};
    int64_t size = pt__chunks_rows(d->classes, PT__CHUNK_COSTLY);
    size = pt__chunks_fitting(count, size, sizeof(pt__loss_sums_t));
    pt__chunks_run(device, count, size, loss_rows, &rows);
    pt__loss_sums_add(rows.sums, pt__chunks_count(count, size), total);
}

/* ---- logits that are made here */

typedef struct part { /* rows of the batch whose logits stand in the chunk */
    const pt__cross_entropy_t *description;
    const pt__vector_map_t *map;
    int64_t first, count;
    const int32_t *row; /* as in rows_t */
    const float *src;   /* [count, width] */
    float *d_src;       /* [count, width] or NULL */
} part_t;

/* The rows that count, as many as a chunk takes, from row `next` on; *end is the row behind them. */
static part_t find_part(const pt__cross_entropy_t *d, const pt__vector_map_t *map, int64_t next, int64_t *end)
{
    while (next < d->rows && !counts(d, next))
        next++;
    part_t part = {.description = d, .map = map, .first = next, .row = d->chunk_row};
    for (; next < d->rows && part.count < d->chunk_rows && next - part.first < INT32_MAX; next++)
        if (counts(d, next))
            d->chunk_row[part.count++] = (int32_t)(next - part.first);
    *end = next;
    int64_t at = part.first * d->width;
    int together = part.count > 0 && d->chunk_row[part.count - 1] == part.count - 1;
    if (together)
        part.row = NULL;
    part.src = together ? d->src + at : d->chunk_src;
    part.d_src = d->d_src == NULL ? NULL : together ? d->d_src + at : d->chunk_src;
    return part;
}

static void put_back_rows(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const part_t *part = argument;
    const pt__cross_entropy_t *d = part->description;
    (void)chunk, (void)worker;
    for (int64_t r = begin; r < end; r++)
        memcpy(d->d_src + (part->first + part->row[r]) * d->width, part->d_src + r * d->width,
               (size_t)d->width * sizeof(float));
}

static void clear_rows(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const part_t *part = argument;
    const pt__cross_entropy_t *d = part->description;
    (void)chunk, (void)worker;
    for (int64_t r = begin; r < end; r++)
        if (!counts(d, r))
            part->map->fill(d->width, 0.0f, d->d_src + r * d->width);
}

/* linear^T as an operand */
static pt__matrix_t linear_of(const pt__cross_entropy_t *d)
{
    return (pt__matrix_t){.data = d->linear,
                          .stride = d->linear_transposed ? d->classes : d->width,
                          .transposed = !d->linear_transposed,
                          .dtype = d->linear_dtype};
}

/* chunk [count, classes] = src · linear^T + bias */
static void make_logits(pt__dev device, const pt__cross_entropy_t *d, const part_t *part)
{
    pt__gemm_t gemm = {.m = part->count,
                       .n = d->classes,
                       .k = d->width,
                       .a = {.data = part->src, .stride = d->width},
                       .b = linear_of(d),
                       .dst = d->chunk,
                       .dst_stride = d->classes,
                       .bias = d->bias};
    device->kernels->gemm(device, &gemm);
}

/* From d_logits, which stand in the chunk: d_linear += d_logits^T · src, d_bias += their sum. */
static void pass_to_linear(pt__dev device, const pt__cross_entropy_t *d, const part_t *part, int32_t adds)
{
    int64_t m = d->linear_transposed ? d->width : d->classes, n = d->linear_transposed ? d->classes : d->width;
    pt__gemm_t gemm = {.m = m,
                       .n = n,
                       .k = part->count,
                       .a = {.data = d->linear_transposed ? part->src : d->chunk, .stride = m, .transposed = 1},
                       .b = {.data = d->linear_transposed ? d->chunk : part->src, .stride = n},
                       .dst = d->d_linear,
                       .dst_stride = n,
                       .accumulate = adds || d->accumulate_d_linear,
                       .accumulate_sums = adds || d->accumulate_d_bias};
    *(d->linear_transposed ? &gemm.b_sum : &gemm.a_sum) = d->d_bias;
    device->kernels->gemm(device, &gemm);
}

/* d_src = d_logits · linear. Comes last: where rows were brought together, it takes the place of their src. */
static void pass_to_src(pt__dev device, const pt__cross_entropy_t *d, part_t *part)
{
    pt__gemm_t gemm = {.m = part->count,
                       .n = d->width,
                       .k = d->classes,
                       .a = {.data = d->chunk, .stride = d->classes},
                       .b = linear_of(d),
                       .dst = part->d_src,
                       .dst_stride = d->width};
    gemm.b.transposed = !gemm.b.transposed;
    device->kernels->gemm(device, &gemm);
    if (part->row != NULL)
        pt__chunks_run(device, part->count, pt__chunks_rows(d->width, PT__CHUNK_CHEAP), put_back_rows, part);
}

static void run_linear(pt__dev device, const pt__cross_entropy_t *d, pt__loss_sums_t *total)
{
    int to_linear = d->d_linear != NULL || d->d_bias != NULL, wanted = to_linear || d->d_src != NULL;
    int64_t next = 0, done = 0;
    part_t all = {.description = d, .map = pt__cpu(device)->vector->map, .src = d->src};
    if (d->d_src != NULL && (d->labels != NULL || d->row_weights != NULL))
        pt__chunks_run(device, d->rows, pt__chunks_rows(d->width, PT__CHUNK_CHEAP), clear_rows, &all);
    for (part_t part; (part = find_part(d, all.map, next, &next)).count > 0; done += part.count) {
        if (part.row != NULL)
            device->kernels->gather(device, part.count, d->width, PT_FLOAT32, d->src + part.first * d->width, part.row,
                                    d->chunk_src);
        make_logits(device, d, &part);
        run_rows(device, d, part.first, part.row, part.count, d->chunk, wanted ? d->chunk : NULL, total);
        if (to_linear)
            pass_to_linear(device, d, &part, done > 0);
        if (d->d_src != NULL)
            pass_to_src(device, d, &part);
    }
    if (done == 0 && to_linear) /* a product of no depth */
        pass_to_linear(device, d, &all, 0);
}

void pt__cpu_cross_entropy(pt__dev device, const pt__cross_entropy_t *d)
{
    pt__loss_sums_t total = {0.0, 0.0, 0.0};
    if (d->logits != NULL)
        run_rows(device, d, 0, NULL, d->rows, d->logits, d->d_logits, &total);
    else
        run_linear(device, d, &total);
    pt__loss_sums_put(&total, d->loss, d->weight);
    if (d->hits != NULL)
        d->hits[0] = (float)total.hits;
}
