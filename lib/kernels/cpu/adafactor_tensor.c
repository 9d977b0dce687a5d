/* Adafactor's update of one tensor, torch.optim.Adafactor:
 *
 *   R += weight (mean of g g over a row - R),  C likewise over a column;  a vector has V += weight (g g - V)
 *   V = R C / max(mean of R, epsilon);  u = g / sqrt(max(V, epsilon^2))
 *   p = (1 - rate decay) p - step max(scale_floor, rms p) / max(1, rms u / update_limit) u
 *
 * u is made twice, for its root mean square and for the update, rather than kept: that is a multiplication, a root
 * and a division an element, and no memory. */
#include <math.h>

#include "kernels/cpu/chunks.h"
#include "kernels/cpu/kernels_cpu.h"

/* Within the calling worker's scratch: the means of so many matrices' row_var, and behind them sums of chunks. */
enum { MATRICES = PT__KERNEL_SCRATCH / 2 / sizeof(float) };

typedef struct tensor {
    const pt__vector_optimizer_t *vector;
    const pt__update_t *update;
    const pt__adafactor_t *adafactor;
    int64_t strips; /* of columns, in a matrix */
    int64_t from;   /* the first matrix that `means` knows */
    float *means;   /* [at most MATRICES] of row_var over a matrix' rows */
    double *sums;   /* [chunks] */
    float floor;    /* epsilon^2 */
    float keep, step;
} tensor_t;

/* ---- The running means */

static void mean_rows_chunk(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const tensor_t *t = argument;
    const pt__adafactor_t *a = t->adafactor;
    (void)chunk, (void)worker;
    for (int64_t r = begin; r < end; r++) {
        double mean = t->vector->square(t->update, r * a->columns, a->columns) / (double)a->columns;
        a->row_var[r] += (float)a->weight * ((float)mean - a->row_var[r]);
    }
}

static void mean_columns_chunk(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const tensor_t *t = argument;
    const pt__adafactor_t *a = t->adafactor;
    (void)chunk, (void)worker;
    for (int64_t strip = begin; strip < end; strip++) {
        double sums[PT__STRIP];
        int64_t matrix = strip / t->strips, column = strip % t->strips * PT__STRIP;
        int64_t n = a->columns - column < PT__STRIP ? a->columns - column : PT__STRIP;
        float *col_var = a->col_var + matrix * a->columns + column;
        t->vector->square_columns(t->update, matrix * a->rows * a->columns + column, a->rows, a->columns, n, sums);
        for (int64_t c = 0; c < n; c++)
            col_var[c] += (float)a->weight * ((float)(sums[c] / (double)a->rows) - col_var[c]);
    }
}

static void mean_vector_chunk(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const tensor_t *t = argument;
    (void)chunk, (void)worker;
    t->vector->mean_square(t->update, (float)t->adafactor->weight, begin, end - begin, t->adafactor->variance + begin);
}

static void renew_means(pt__dev device, tensor_t *t)
{
    const pt__adafactor_t *a = t->adafactor;
    if (a->variance != NULL) {
        pt__chunks_run(device, a->columns, PT__CHUNK_CHEAP, mean_vector_chunk, t);
        return;
    }
    pt__chunks_run(device, a->matrices * a->rows, pt__chunks_rows(a->columns, PT__CHUNK_CHEAP), mean_rows_chunk, t);
    pt__chunks_run(device, a->matrices * t->strips, pt__chunks_rows(a->rows * PT__STRIP, PT__CHUNK_CHEAP),
                   mean_columns_chunk, t);
}

/* ---- The update. A range of it is one of rows, or of a vector's elements */

static float row_factor(const tensor_t *t, int64_t row)
{
    return t->adafactor->row_var[row] / t->means[row / t->adafactor->rows - t->from];
}

static void square_chunk(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const tensor_t *t = argument;
    const pt__adafactor_t *a = t->adafactor;
    (void)worker;
    t->sums[chunk] = 0.0;
    if (a->variance != NULL) {
        t->sums[chunk] = t->vector->adafactor_square(t->update, 1.0f, t->floor, a->variance + begin, begin,
                                                     end - begin);
        return;
    }
    for (int64_t r = begin + t->from * a->rows; r < end + t->from * a->rows; r++)
        t->sums[chunk] += t->vector->adafactor_square(
            t->update, row_factor(t, r), t->floor, a->col_var + r / a->rows * a->columns, r * a->columns, a->columns);
}

static void update_chunk(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const tensor_t *t = argument;
    const pt__adafactor_t *a = t->adafactor;
    (void)chunk, (void)worker;
    if (a->variance != NULL) {
        t->vector->adafactor(t->update, 1.0f, t->floor, a->variance + begin, t->keep, t->step, begin, end - begin);
        return;
    }
    for (int64_t r = begin + t->from * a->rows; r < end + t->from * a->rows; r++)
        t->vector->adafactor(t->update, row_factor(t, r), t->floor, a->col_var + r / a->rows * a->columns, t->keep,
                             t->step, r * a->columns, a->columns);
}

static void mean_of_rows_chunk(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const tensor_t *t = argument;
    const pt__adafactor_t *a = t->adafactor;
    (void)chunk, (void)worker;
    for (int64_t m = begin; m < end; m++) {
        const float *row_var = a->row_var + (t->from + m) * a->rows;
        double sum = 0.0;
        for (int64_t r = 0; r < a->rows; r++)
            sum += (double)row_var[r];
        t->means[m] = (float)fmax(sum / (double)a->rows, a->epsilon);
    }
}

/* The sum of the update's squares, or, with `updates`, the update itself; over as many matrices at a time as have
 * room for their means. */
static double walk(pt__dev device, tensor_t *t, int32_t updates)
{
    const pt__adafactor_t *a = t->adafactor;
    double sum = 0.0;
    for (t->from = 0; t->from < a->matrices; t->from += MATRICES) {
        int64_t matrices = a->matrices - t->from < MATRICES ? a->matrices - t->from : MATRICES;
        int64_t n = a->variance != NULL ? a->columns : matrices * a->rows;
        int64_t size = a->variance != NULL ? PT__CHUNK_COSTLY : pt__chunks_rows(a->columns, PT__CHUNK_COSTLY);
        if (a->variance == NULL)
            pt__chunks_run(device, matrices, pt__chunks_rows(a->rows, PT__CHUNK_CHEAP), mean_of_rows_chunk, t);
        if (updates) {
            pt__chunks_run(device, n, size, update_chunk, t);
            continue;
        }
        size = pt__chunks_fitting(n, size, 2 * sizeof(double)); /* half of the scratch */
        pt__chunks_run(device, n, size, square_chunk, t);
        for (int64_t c = 0; c < pt__chunks_count(n, size); c++)
            sum += t->sums[c];
    }
    return sum;
}

void pt__cpu_adafactor(pt__dev device, const pt__update_t *update, const pt__adafactor_t *adafactor)
{
    if (update->count == 0)
        return;
    double n = (double)update->count;
    double scale = sqrt(pt__cpu_sum_of_squares(device, update->count, update->parameter) / n);
    float *scratch = pt__cpu_scratch(device, 0);
    tensor_t tensor = {.vector = pt__cpu(device)->vector->optimizer,
                       .update = update,
                       .adafactor = adafactor,
                       .strips = pt__chunks_count(adafactor->columns, PT__STRIP),
                       .means = scratch,
                       .sums = (double *)(void *)(scratch + MATRICES),
                       .floor = (float)(adafactor->epsilon * adafactor->epsilon),
                       .keep = (float)(1.0 - (double)update->rate * (double)update->weight_decay)};
    renew_means(device, &tensor);
    double length = sqrt(walk(device, &tensor, 0) / n) / adafactor->update_limit;
    tensor.step = (float)(adafactor->step * fmax(adafactor->scale_floor, scale) / fmax(1.0, length));
    walk(device, &tensor, 1);
}
