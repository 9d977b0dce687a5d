/* Group norm: each sample's rows (pixels), columns (channels) in groups, are normalised by the mean and the variance of
 * the sample's group; and the gradient. Called through the table.
 *
 * A task takes a sample, a block of its columns at a time, which is made of whole groups, or of a part of a wide one.
 * What a column gives is joined to its group's in double. */
#include <math.h>

#include "kernels/cpu/chunks.h"
#include "kernels/cpu/kernels_cpu.h"

enum { BLOCK = 512 }; /* columns */

typedef struct groups {
    const pt__vector_columns_t *lanes;
    const pt__group_norm_t *norm;
    const pt__group_norm_gradient_t *gradient;
} groups_t;

/* Columns from `first` on that are taken at once. */
static int64_t block_of(const pt__group_norm_t *norm, int64_t first)
{
    int64_t width = norm->columns / norm->groups, place = first % width, left = norm->columns - first;
    int64_t whole = BLOCK / width * width, most = width > BLOCK ? width - place : whole;
    most = most < BLOCK ? most : BLOCK;
    return most < left ? most : left;
}

/* Samples that make a chunk. */
static int64_t samples_of_chunk(const pt__group_norm_t *norm)
{
    return pt__chunks_rows(norm->rows * norm->columns, PT__CHUNK_CHEAP);
}

static void group_statistics(const groups_t *self, int64_t sample)
{
    const pt__group_norm_t *norm = self->norm;
    const float *src = norm->src + sample * norm->rows * norm->columns;
    int64_t width = norm->columns / norm->groups, seen = 0, count;
    double mean = 0, squares = 0, rows = (double)norm->rows;
    for (int64_t first = 0; first < norm->columns; first += count) {
        double means[BLOCK], sums[BLOCK];
        count = block_of(norm, first);
        self->lanes->moments(norm->rows, count, src + first, norm->columns, means, sums);
        for (int64_t c = 0; c < count; c++) {
            double distance = means[c] - mean, share = 1 / (double)(seen + 1);
            mean += distance * share;
            squares += sums[c] + distance * distance * rows * share * (double)seen;
            if (++seen == width) {
                int64_t at = sample * norm->groups + (first + c) / width;
                norm->mean[at] = (float)mean;
                norm->inverse[at] = (float)(1 / sqrt(squares / (rows * (double)width) + (double)norm->epsilon));
                mean = squares = 0;
                seen = 0;
            }
        }
    }
}

static void normalize_samples(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const groups_t *self = argument;
    const pt__group_norm_t *norm = self->norm;
    int64_t width = norm->columns / norm->groups, count;
    (void)chunk, (void)worker;
    for (int64_t sample = begin; sample < end; sample++) {
        int64_t at = sample * norm->rows * norm->columns;
        group_statistics(self, sample);
        for (int64_t first = 0; first < norm->columns; first += count) {
            float mean[BLOCK], inverse[BLOCK];
            count = block_of(norm, first);
            for (int64_t c = 0; c < count; c++) {
                mean[c] = norm->mean[sample * norm->groups + (first + c) / width];
                inverse[c] = norm->inverse[sample * norm->groups + (first + c) / width];
            }
            self->lanes->normalize(norm->rows, count, norm->src + at + first, norm->columns, mean, inverse,
                                   norm->weight != NULL ? norm->weight + first : NULL,
                                   norm->bias != NULL ? norm->bias + first : NULL, norm->dst + at + first);
        }
    }
}

void pt__cpu_group_norm(pt__dev device, const pt__group_norm_t *norm)
{
    groups_t self = {.lanes = pt__cpu(device)->vector->columns, .norm = norm};
    pt__chunks_run(device, norm->samples, samples_of_chunk(norm), normalize_samples, &self);
}

/* ---- Gradient ---- */

/* A sample's columns: the sums of d_dst h and of d_dst, h being src normalised. */
static void sum_sample(const groups_t *self, int64_t sample, float *products_out, float *sums_out)
{
    const pt__group_norm_t *norm = self->norm;
    int64_t width = norm->columns / norm->groups, count;
    for (int64_t first = 0; first < norm->columns; first += count) {
        double sums[BLOCK], products[BLOCK];
        float mean[BLOCK];
        int64_t at = sample * norm->rows * norm->columns + first;
        count = block_of(norm, first);
        for (int64_t c = 0; c < count; c++)
            mean[c] = norm->mean[sample * norm->groups + (first + c) / width];
        self->lanes->gradient_sums(norm->rows, count, norm->src + at, self->gradient->d_dst + at, norm->columns, mean,
                                   sums, products);
        for (int64_t c = 0; c < count; c++) {
            sums_out[first + c] = (float)sums[c];
            products_out[first + c] = (float)(products[c] *
                                              (double)norm->inverse[sample * norm->groups + (first + c) / width]);
        }
    }
}

/* The mean over a sample's group of these sums times the weights. */
static double group_mean(const pt__group_norm_t *norm, int64_t group, const float *sums)
{
    int64_t width = norm->columns / norm->groups;
    double total = 0;
    for (int64_t c = group * width; c < (group + 1) * width; c++)
        total += (double)sums[c] * (norm->weight != NULL ? (double)norm->weight[c] : 1);
    return total / ((double)norm->rows * (double)width);
}

static void differentiate_sample(const groups_t *self, int64_t sample, const float *products, const float *sums)
{
    const pt__group_norm_t *norm = self->norm;
    int64_t width = norm->columns / norm->groups, count;
    for (int64_t first = 0; first < norm->columns; first += count) {
        float mean[BLOCK], scale[BLOCK], constant[BLOCK], slope[BLOCK];
        int64_t at = sample * norm->rows * norm->columns + first;
        double mean_g = 0, mean_gh = 0;
        count = block_of(norm, first);
        for (int64_t c = 0; c < count; c++) {
            int64_t group = (first + c) / width, statistic = sample * norm->groups + group;
            double inverse = (double)norm->inverse[statistic];
            if (c == 0 || (first + c) % width == 0) {
                mean_g = group_mean(norm, group, sums);
                mean_gh = group_mean(norm, group, products);
            }
            mean[c] = norm->mean[statistic];
            scale[c] = (float)(inverse * (norm->weight != NULL ? (double)norm->weight[first + c] : 1));
            constant[c] = (float)(inverse * mean_g);
            slope[c] = (float)(inverse * inverse * mean_gh);
        }
        self->lanes->gradient(norm->rows, count, norm->src + at, self->gradient->d_dst + at, norm->columns, mean, scale,
                              constant, slope, self->gradient->d_src + at);
    }
}

static void gradient_samples(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const groups_t *self = argument;
    (void)chunk, (void)worker;
    for (int64_t sample = begin; sample < end; sample++) {
        float *products = self->gradient->sums + 2 * sample * self->norm->columns,
              *sums = products + self->norm->columns;
        sum_sample(self, sample, products, sums);
        if (self->gradient->d_src != NULL)
            differentiate_sample(self, sample, products, sums);
    }
}

void pt__cpu_group_norm_gradient(pt__dev device, const pt__group_norm_gradient_t *gradient)
{
    const pt__group_norm_t *norm = &gradient->norm;
    groups_t self = {.lanes = pt__cpu(device)->vector->columns, .norm = norm, .gradient = gradient};
    pt__chunks_run(device, norm->samples, samples_of_chunk(norm), gradient_samples, &self);
    float *const destination[] = {gradient->d_weight, gradient->d_bias};
    const int32_t accumulate[] = {gradient->accumulate_d_weight, gradient->accumulate_d_bias};
    for (int32_t i = 0; i < 2; i++)
        for (int64_t c = 0; destination[i] != NULL && c < norm->columns; c++) {
            double sum = accumulate[i] ? (double)destination[i][c] : 0;
            for (int64_t sample = 0; sample < norm->samples; sample++)
                sum += (double)gradient->sums[(2 * sample + i) * norm->columns + c];
            destination[i][c] = (float)sum;
        }
}
