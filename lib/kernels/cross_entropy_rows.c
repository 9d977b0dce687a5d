/* Cross-entropy over rows of logits, or over logits that are made here, a chunk of rows at a time, from the last hidden
 * state and the vocabulary's matrix: product, loss and d_logits in place, then the chunk's share of d_src, d_linear and
 * d_bias while d_logits are still in the cache. The loss of each group of rows is summed in double, the groups in
 * order. Called through the table. */
#include "kernels/chunks.h"
#include "kernels/kernels_cpu.h"
#include "kernels/loss_sums.h"

typedef struct rows {
    const pt__vector_t *vector;
    const pt__cross_entropy_t *description;
    int64_t first; /* row of the batch that logits begin with */
    const float *logits;
    float *d_logits;
    pt__loss_sums_t *sums;
} rows_t;

static void loss_rows(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const rows_t *rows = argument;
    const pt__cross_entropy_t *d = rows->description;
    pt__loss_sums_t sums = {0.0, 0.0};
    (void)worker;
    for (int64_t r = begin; r < end; r++) {
        float *d_logits = rows->d_logits != NULL ? rows->d_logits + r * d->classes : NULL;
        const float *probabilities = NULL;
        int32_t label = 0;
        double weight = 1.0;
        if (d->probabilities != NULL) {
            probabilities = d->probabilities + (rows->first + r) * d->classes;
        } else {
            label = d->labels[rows->first + r];
            if (label == d->ignore_index) {
                if (d_logits != NULL)
                    rows->vector->map->fill(d->classes, 0.0f, d_logits);
                continue;
            }
            weight = d->class_weights != NULL ? (double)d->class_weights[label] : 1.0;
        }
        sums.loss += rows->vector->loss->cross_entropy(d, label, probabilities, rows->logits + r * d->classes,
                                                       d_logits);
        sums.weight += weight;
    }
    rows->sums[chunk] = sums;
}

/* Adds the losses and weights of `count` rows to *total and writes their d_logits where wanted. */
static void run_rows(pt__dev device, const pt__cross_entropy_t *d, int64_t first, int64_t count, const float *logits,
                     float *d_logits, pt__loss_sums_t *total)
{
    rows_t rows = {.vector = device->vector,
                   .description = d,
                   .first = first,
                   .logits = logits,
                   .d_logits = d_logits,
                   .sums = pt__device_scratch(device, 0)};
    int64_t size = pt__chunks_rows(d->classes, PT__CHUNK_COSTLY);
    size = pt__chunks_fitting(count, size, sizeof(pt__loss_sums_t));
    pt__chunks_run(device, count, size, loss_rows, &rows);
    pt__loss_sums_add(rows.sums, pt__chunks_count(count, size), total);
}

/* chunk [count, classes] = src · linear^T + bias */
static void make_logits(pt__dev device, const pt__cross_entropy_t *d, const float *src, int64_t count)
{
    pt__gemm_t gemm = {.m = count,
                       .n = d->classes,
                       .k = d->width,
                       .a = src,
                       .a_stride = d->width,
                       .b = d->linear,
                       .b_stride = d->linear_transposed ? d->classes : d->width,
                       .b_transposed = !d->linear_transposed,
                       .dst = d->chunk,
                       .dst_stride = d->classes,
                       .bias = d->bias};
    device->kernels->gemm(device, &gemm);
}

/* From d_logits, which stand in the chunk: d_src = d_logits · linear, d_linear += d_logits^T · src, d_bias += their
 * sum. */
static void pass_back(pt__dev device, const pt__cross_entropy_t *d, int64_t first, int64_t count)
{
    const float *src = d->src + first * d->width;
    int64_t classes = d->classes, width = d->width;
    if (d->d_src != NULL) {
        pt__gemm_t gemm = {.m = count,
                           .n = width,
                           .k = classes,
                           .a = d->chunk,
                           .a_stride = classes,
                           .b = d->linear,
                           .b_stride = d->linear_transposed ? classes : width,
                           .b_transposed = d->linear_transposed,
                           .dst = d->d_src + first * width,
                           .dst_stride = width};
        device->kernels->gemm(device, &gemm);
    }
    if (d->d_linear != NULL) {
        const float *a = d->linear_transposed ? src : d->chunk, *b = d->linear_transposed ? d->chunk : src;
        int64_t m = d->linear_transposed ? width : classes, n = d->linear_transposed ? classes : width;
        pt__gemm_t gemm = {.m = m,
                           .n = n,
                           .k = count,
                           .a = a,
                           .a_stride = m,
                           .a_transposed = 1,
                           .b = b,
                           .b_stride = n,
                           .dst = d->d_linear,
                           .dst_stride = n,
                           .accumulate = first > 0 || d->accumulate_d_linear};
        device->kernels->gemm(device, &gemm);
    }
    if (d->d_bias != NULL)
        device->kernels->column_sum(device, count, classes, d->chunk, first > 0 || d->accumulate_d_bias, d->d_bias);
}

void pt__cpu_cross_entropy(pt__dev device, const pt__cross_entropy_t *d)
{
    pt__loss_sums_t total = {0.0, 0.0};
    if (d->logits != NULL) {
        run_rows(device, d, 0, d->rows, d->logits, d->d_logits, &total);
    } else {
        int wanted = d->d_src != NULL || d->d_linear != NULL || d->d_bias != NULL;
        if (d->rows == 0 && d->d_linear != NULL && !d->accumulate_d_linear)
            device->kernels->fill(device, d->classes * d->width, 0.0f, d->d_linear);
        if (d->rows == 0 && d->d_bias != NULL && !d->accumulate_d_bias)
            device->kernels->fill(device, d->classes, 0.0f, d->d_bias);
        for (int64_t first = 0; first < d->rows; first += d->chunk_rows) {
            int64_t count = d->rows - first < d->chunk_rows ? d->rows - first : d->chunk_rows;
            make_logits(device, d, d->src + first * d->width, count);
            run_rows(device, d, first, count, d->chunk, wanted ? d->chunk : NULL, &total);
            if (wanted)
                pass_back(device, d, first, count);
        }
    }
    pt__loss_sums_put(&total, d->loss, d->weight);
}
