/* Batch norm's kernels where sample cases do not come: columns with a large mean over many rows, whose statistics keep
 * their digits, and what a row ends with, the residual and the activation. */
#include "kernels/every_device.h"

enum { ROWS = 20000, COLUMNS = 5 };

static void run_statistics(pt__dev device, const void *argument, float *out)
{
    const pt__batch_norm_t *given = argument;
    pt__batch_norm_t norm = *given;
    norm.mean = out;
    norm.inverse = out + COLUMNS;
    device->kernels->batch_statistics(device, &norm);
}

START_TEST(test_large_means)
{
    float *src = draw_values((int64_t)ROWS * COLUMNS);
    double expected[2 * COLUMNS] = {0};
    for (int i = 0; i < ROWS * COLUMNS; i++)
        src[i] += (float)(i % COLUMNS) * 1000.0f;
    for (int i = 0; i < ROWS * COLUMNS; i++)
        expected[i % COLUMNS] += (double)src[i] / ROWS;
    for (int i = 0; i < ROWS * COLUMNS; i++)
        expected[COLUMNS + i % COLUMNS] += pow((double)src[i] - expected[i % COLUMNS], 2) / ROWS;
    for (int c = COLUMNS; c < 2 * COLUMNS; c++)
        expected[c] = 1 / sqrt(expected[c]);
    const pt__batch_norm_t norm = {.rows = ROWS, .columns = COLUMNS, .from_batch = 1, .src = src};
    on_every_device("statistics", run_statistics, &norm, 2 * COLUMNS, NULL, expected, 1e-6);
    free(src);
}
END_TEST

static void run_rows(pt__dev device, const void *argument, float *out)
{
    const pt__batch_norm_rows_t *given = argument;
    pt__batch_norm_rows_t norm = *given;
    norm.dst = out;
    device->kernels->batch_norm(device, &norm);
}

START_TEST(test_ends)
{
    const int64_t n = (int64_t)ROWS * COLUMNS;
    float *src = draw_values(n), *residual = draw_values(n), *mean = draw_values(COLUMNS),
          *weight = draw_values(COLUMNS), inverse[COLUMNS] = {0.5f, 1, 2, 3, 4};
    double *expected = malloc((size_t)n * sizeof *expected);
    ck_assert(expected != NULL);
    for (int with = 0; with < 4; with++) {
        const pt__batch_norm_rows_t norm = {.rows = ROWS,
                                            .columns = COLUMNS,
                                            .src = src,
                                            .mean = mean,
                                            .inverse = inverse,
                                            .weight = weight,
                                            .residual = with & 1 ? residual : NULL,
                                            .activation = with & 2 ? PT_ACTIVATION_RELU6 : PT_ACTIVATION_NONE};
        for (int64_t i = 0; i < n; i++) {
            int64_t c = i % COLUMNS;
            double value = ((double)src[i] - (double)mean[c]) * (double)inverse[c] * (double)weight[c] +
                           (with & 1 ? (double)residual[i] : 0);
            expected[i] = with & 2 ? fmin(fmax(value, 0), 6) : value;
        }
        on_every_device("rows", run_rows, &norm, n, NULL, expected, 1e-6);
    }
    free(src), free(residual), free(mean), free(weight), free(expected);
}
END_TEST

SUITE("norm columns", 20, test_large_means, test_ends)
