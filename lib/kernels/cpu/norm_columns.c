/* Batch norm: statistics of columns over all rows, what they make of the rows, and the gradient. Called through the
 * table.
 *
 * Rows are cut into chunks, and what each gives of its columns is joined in their order, in double. Very many columns
 * are taken a block at a time, so that the chunks' results have room. */
#include <math.h>

#include "kernels/cpu/chunks.h"
#include "kernels/cpu/kernels_cpu.h"

enum {
    BLOCK = 1024, /* columns */
    PIECE = 4096  /* elements between the loops over them: they stay in the first cache */
};

/* Rows of a chunk, each of which leaves two doubles a column. */
static int64_t rows_of_chunk(int64_t rows, int64_t columns)
{
    size_t bytes = 2 * (size_t)columns * sizeof(double);
    return pt__chunks_fitting(rows, pt__chunks_rows(columns, PT__CHUNK_CHEAP), bytes);
}

/* ---- Statistics ---- */

typedef struct statistics {
    const pt__vector_columns_t *lanes;
    const pt__batch_norm_t *norm;
    int64_t first, columns; /* of the block */
    double *moments;        /* [chunks, 2, columns] */
} statistics_t;

static void moments_chunk(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const statistics_t *self = argument;
    double *mean = self->moments + 2 * chunk * self->columns;
    (void)worker;
    self->lanes->moments(end - begin, self->columns, self->norm->src + begin * self->norm->columns + self->first,
                         self->norm->columns, mean, mean + self->columns);
}

/* What a column's mean and the sum of its squares are of. */
static void finish_column(const pt__batch_norm_t *norm, int64_t at, double mean, double squares)
{
    double rows = (double)norm->rows;
    norm->mean[at] = (float)mean;
    norm->inverse[at] = (float)(1 / sqrt(squares / rows + (double)norm->epsilon));
    if (norm->new_mean != NULL)
        norm->new_mean[at] = (float)((1 - norm->momentum) * (double)norm->running_mean[at] + norm->momentum * mean);
    if (norm->new_variance != NULL)
        norm->new_variance[at] = (float)((1 - norm->momentum) * (double)norm->running_variance[at] +
                                         norm->momentum * squares / (rows - 1));
}

static void block_statistics(pt__dev device, const pt__batch_norm_t *norm, int64_t first, int64_t columns)
{
    statistics_t self = {.lanes = pt__cpu(device)->vector->columns,
                         .norm = norm,
                         .first = first,
                         .columns = columns,
                         .moments = pt__cpu_scratch(device, 0)};
    int64_t size = rows_of_chunk(norm->rows, columns);
    pt__chunks_run(device, norm->rows, size, moments_chunk, &self);
    for (int64_t c = 0; c < columns; c++) {
        double mean = 0, squares = 0;
        for (int64_t chunk = 0, before = 0; before < norm->rows; chunk++) {
            const double *moments = self.moments + 2 * chunk * columns;
            int64_t rows = norm->rows - before < size ? norm->rows - before : size;
            double distance = moments[c] - mean, share = (double)rows / (double)(before + rows);
            mean += distance * share;
            squares += moments[columns + c] + distance * distance * share * (double)before;
            before += rows;
        }
        finish_column(norm, first + c, mean, squares);
    }
}

static void running_statistics(const pt__batch_norm_t *norm)
{
    for (int64_t c = 0; c < norm->columns; c++) {
        norm->mean[c] = norm->running_mean[c];
        norm->inverse[c] = (float)(1 / sqrt((double)norm->running_variance[c] + (double)norm->epsilon));
        if (norm->new_mean != NULL)
            norm->new_mean[c] = norm->running_mean[c];
        if (norm->new_variance != NULL)
            norm->new_variance[c] = norm->running_variance[c];
    }
}

void pt__cpu_batch_statistics(pt__dev device, const pt__batch_norm_t *norm)
{
    if (!norm->from_batch)
        running_statistics(norm);
    for (int64_t first = 0; norm->from_batch && first < norm->columns; first += BLOCK)
        block_statistics(device, norm, first, norm->columns - first < BLOCK ? norm->columns - first : BLOCK);
}

/* ---- Rows ---- */

typedef struct rows {
    const pt__vector_t *vector;
    const pt__batch_norm_rows_t *norm;
} rows_t;

static void normalize_rows(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const rows_t *self = argument;
    const pt__batch_norm_rows_t *norm = self->norm;
    int64_t columns = norm->columns, piece = pt__chunks_rows(columns, PIECE);
    (void)chunk, (void)worker;
    for (int64_t r = begin; r < end; r += piece) {
        int64_t rows = end - r < piece ? end - r : piece, n = rows * columns;
        float *dst = norm->dst + r * columns;
        self->vector->columns->normalize(rows, columns, norm->src + r * columns, columns, norm->mean, norm->inverse,
                                         norm->weight, norm->bias, dst);
        if (norm->residual != NULL)
            self->vector->map->add_into(n, norm->residual + r * columns, dst);
        if (norm->activation != PT_ACTIVATION_NONE)
            self->vector->map->unary[norm->activation](n, dst, dst);
    }
}

void pt__cpu_batch_norm(pt__dev device, const pt__batch_norm_rows_t *norm)
{
    rows_t self = {.vector = pt__cpu(device)->vector, .norm = norm};
    pt__chunks_run(device, norm->rows, pt__chunks_rows(norm->columns, PT__CHUNK_CHEAP), normalize_rows, &self);
}

/* ---- Gradient ---- */

typedef struct gradient {
    const pt__vector_columns_t *lanes;
    const pt__batch_norm_gradient_t *norm;
    int64_t first, columns;          /* of the block */
    double *sums;                    /* [chunks, 2, columns] */
    float *scale, *constant, *slope; /* [columns] */
} gradient_t;

static void sums_chunk(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const gradient_t *self = argument;
    int64_t stride = self->norm->columns, at = begin * stride + self->first;
    double *sums = self->sums + 2 * chunk * self->columns;
    (void)worker;
    self->lanes->gradient_sums(end - begin, self->columns, self->norm->src + at, self->norm->d_dst + at, stride,
                               self->norm->mean + self->first, sums, sums + self->columns);
}

static void gradient_chunk(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const gradient_t *self = argument;
    const pt__batch_norm_gradient_t *norm = self->norm;
    int64_t stride = norm->columns, at = begin * stride + self->first;
    (void)chunk, (void)worker;
    self->lanes->gradient(end - begin, self->columns, norm->src + at, norm->d_dst + at, stride,
                          norm->mean + self->first, self->scale, self->constant, norm->from_batch ? self->slope : NULL,
                          norm->d_src + at);
}

/* The sums of a column, and what d_src is made with: d_src = scale d_dst - constant - slope (src - mean). */
static void finish_gradient(const gradient_t *self, int64_t c, double sum, double product)
{
    const pt__batch_norm_gradient_t *norm = self->norm;
    int64_t at = self->first + c;
    double inverse = (double)norm->inverse[at], rows = (double)norm->rows;
    double scale = inverse * (norm->weight != NULL ? (double)norm->weight[at] : 1);
    if (norm->d_weight != NULL)
        norm->d_weight[at] = (float)(product * inverse) + (norm->accumulate_d_weight ? norm->d_weight[at] : 0.0f);
    if (norm->d_bias != NULL)
        norm->d_bias[at] = (float)sum + (norm->accumulate_d_bias ? norm->d_bias[at] : 0.0f);
    self->scale[c] = (float)scale;
    self->constant[c] = (float)(scale * sum / rows);
    self->slope[c] = (float)(scale * inverse * inverse * product / rows);
}

static void block_gradient(pt__dev device, const pt__batch_norm_gradient_t *norm, int64_t first, int64_t columns)
{
    float coefficients[3 * BLOCK];
    gradient_t self = {.lanes = pt__cpu(device)->vector->columns,
                       .norm = norm,
                       .first = first,
                       .columns = columns,
                       .sums = pt__cpu_scratch(device, 0),
                       .scale = coefficients,
                       .constant = coefficients + BLOCK,
                       .slope = coefficients + 2 * BLOCK};
    int64_t size = rows_of_chunk(norm->rows, columns);
    pt__chunks_run(device, norm->rows, size, sums_chunk, &self);
    for (int64_t c = 0; c < columns; c++) {
        double sum = 0, product = 0;
        for (int64_t chunk = 0; chunk < pt__chunks_count(norm->rows, size); chunk++) {
            sum += self.sums[2 * chunk * columns + c];
            product += self.sums[2 * chunk * columns + columns + c];
        }
        finish_gradient(&self, c, sum, product);
    }
    if (norm->d_src != NULL)
        pt__chunks_run(device, norm->rows, pt__chunks_rows(columns, PT__CHUNK_CHEAP), gradient_chunk, &self);
}

void pt__cpu_batch_norm_gradient(pt__dev device, const pt__batch_norm_gradient_t *norm)
{
    for (int64_t first = 0; first < norm->columns; first += BLOCK)
        block_gradient(device, norm, first, norm->columns - first < BLOCK ? norm->columns - first : BLOCK);
}
