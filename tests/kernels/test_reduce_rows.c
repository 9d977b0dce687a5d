/* Reductions over an axis and over samples, with their gradients; sums of columns and of squares. */
#include "kernels/every_device.h"

typedef struct reduce_case {
    pt__reduce_t reduce;
    int64_t outer, middle, inner;
    int32_t accumulate;
    const float *src, *d_dst;
    const int32_t *index;
} reduce_case_t;

static void run_reduce(pt__dev device, const void *argument, float *out)
{
    const reduce_case_t *c = argument;
    int32_t *index = calloc((size_t)(c->outer * c->inner + 1), sizeof(int32_t));
    device->kernels->reduce(device, c->reduce, c->outer, c->middle, c->inner, c->src, out,
                            c->reduce == PT__REDUCE_MAX ? index : NULL, c->accumulate);
    for (int64_t i = 0; c->reduce == PT__REDUCE_MAX && i < c->outer * c->inner; i++)
        ck_assert_int_eq(index[i], c->index[i]);
    free(index);
}

static void run_reduce_gradient(pt__dev device, const void *argument, float *out)
{
    const reduce_case_t *c = argument;
    device->kernels->reduce_gradient(device, c->reduce, c->outer, c->middle, c->inner, c->d_dst, c->index, out);
}

static void check_reduce(pt__reduce_t reduce, int64_t outer, int64_t middle, int64_t inner, int32_t accumulate)
{
    int64_t n = outer * middle * inner, results = outer * inner;
    float *src = draw_values(n), *before = draw_values(results), *d_dst = draw_values(results);
    double *expected = zero_doubles(results), *gradient = zero_doubles(n);
    int32_t *index = calloc((size_t)(results + 1), sizeof(int32_t));
    for (int64_t i = 0; i < n; i += 3)
        src[i] = src[i] > 0.5f ? 0.75f : src[i]; /* equal largest values: the first counts */
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < inner; i++) {
            int64_t at = o * inner + i;
            double sum = 0.0, max = -INFINITY;
            for (int64_t m = 0; m < middle; m++) {
                double x = (double)src[(o * middle + m) * inner + i];
                sum += x;
                if (x > max) {
                    max = x;
                    index[at] = (int32_t)m;
                }
            }
            double value = reduce == PT__REDUCE_MAX ? max : reduce == PT__REDUCE_MEAN ? sum / (double)middle : sum;
            expected[at] = (accumulate ? (double)before[at] : 0.0) + value;
            for (int64_t m = 0; m < middle; m++)
                gradient[(o * middle + m) * inner + i] = reduce == PT__REDUCE_MAX
                                                             ? (m == index[at] ? (double)d_dst[at] : 0.0)
                                                             : (double)d_dst[at] /
                                                                   (reduce == PT__REDUCE_MEAN ? (double)middle : 1.0);
        }
    reduce_case_t c = {reduce, outer, middle, inner, accumulate, src, d_dst, index};
    double tolerance = 2e-6 * (1.0 + sqrt((double)middle) / 16.0);
    on_every_device("reduce", run_reduce, &c, results, accumulate ? before : NULL, expected, tolerance);
    on_every_device("reduce gradient", run_reduce_gradient, &c, n, NULL, gradient, 1e-6);
    free(src), free(before), free(d_dst), free(expected), free(gradient), free(index);
}

START_TEST(test_reduce)
{
    static const int64_t shapes[][3] = {{1, 1, 1},    {5, 7, 1},     {3, 100, 1},    {2, 200000, 1}, {1000, 70, 1},
                                        {1, 1000, 3}, {1, 70000, 2}, {1, 300, 1500}, {7, 33, 20},    {40, 50, 70},
                                        {2, 5, 1},    {0, 4, 3},     {3, 40000, 5}};
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++)
        for (int reduce = 0; reduce < 3; reduce++)
            for (int accumulate = 0; accumulate < 2; accumulate++)
                check_reduce((pt__reduce_t)reduce, shapes[s][0], shapes[s][1], shapes[s][2], accumulate);
}
END_TEST

static void run_column_sum(pt__dev device, const void *argument, float *out)
{
    const reduce_case_t *c = argument;
    device->kernels->column_sum(device, c->middle, c->inner, c->src, c->accumulate, out);
}

START_TEST(test_column_sum)
{
    static const int64_t shapes[][2] = {{0, 5}, {1, 1}, {64, 1}, {1024, 768}, {5000, 10}, {100, 70000}};
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++)
        for (int32_t accumulate = 0; accumulate < 2; accumulate++) {
            int64_t rows = shapes[s][0], columns = shapes[s][1];
            float *src = draw_values(rows * columns), *before = draw_values(columns);
            double *expected = zero_doubles(columns);
            for (int64_t c = 0; c < columns; c++) {
                expected[c] = accumulate ? (double)before[c] : 0.0;
                for (int64_t r = 0; r < rows; r++)
                    expected[c] += (double)src[r * columns + c];
            }
            reduce_case_t c = {.middle = rows, .inner = columns, .accumulate = accumulate, .src = src};
            on_every_device("column sum", run_column_sum, &c, columns, accumulate ? before : NULL, expected, 2e-5);
            free(src), free(before), free(expected);
        }
}
END_TEST

static void run_not_a_number(pt__dev device, const void *argument, float *out)
{
    const reduce_case_t *c = argument;
    int32_t index[40];
    device->kernels->reduce(device, PT__REDUCE_MAX, c->outer, c->middle, c->inner, c->src, out, index, 0);
    for (int64_t i = 0; i < c->outer * c->inner; i++)
        ck_assert_int_eq(index[i], 23);
}

START_TEST(test_largest_not_a_number)
{ /* the first NaN is the largest, in rows and in columns */
    double expected[20];
    for (int i = 0; i < 20; i++)
        expected[i] = NAN;
    float wide[17 * 40];
    for (int r = 0; r < 40; r++)
        for (int c = 0; c < 17; c++)
            wide[r * 17 + c] = r == 23 || r == 30 ? NAN : draw_value();
    reduce_case_t columns = {.outer = 1, .middle = 40, .inner = 17, .src = wide};
    on_every_device("max of columns", run_not_a_number, &columns, 17, NULL, expected, 0.0);
    float rows[20 * 40];
    for (int r = 0; r < 20; r++)
        for (int c = 0; c < 40; c++)
            rows[r * 40 + c] = c == 23 || c == 39 ? NAN : draw_value();
    reduce_case_t along = {.outer = 20, .middle = 40, .inner = 1, .src = rows};
    on_every_device("max of rows", run_not_a_number, &along, 20, NULL, expected, 0.0);
}
END_TEST

static void run_squares(pt__dev device, const void *argument, float *out)
{
    const reduce_case_t *c = argument;
    double sum = device->kernels->sum_of_squares(device, c->middle, c->src);
    out[0] = (float)sum;
    out[1] = (float)(sum - (double)out[0]); /* the digits that a float leaves: compared between thread counts */
}

START_TEST(test_sum_of_squares)
{
    static const int64_t lengths[] = {0, 1, 15, 64, 32768, 32769, 1000003};
    for (size_t l = 0; l < sizeof lengths / sizeof lengths[0]; l++) {
        float *src = draw_values(lengths[l]);
        double sum = 0.0;
        for (int64_t i = 0; i < lengths[l]; i++)
            sum += (double)src[i] * (double)src[i];
        double expected[2] = {sum, sum - (double)(float)sum};
        reduce_case_t c = {.middle = lengths[l], .src = src};
        on_every_device("sum of squares", run_squares, &c, 2, NULL, expected, 1e-6);
        if (lengths[l] > 100) {
            src[78] = NAN;
            expected[0] = expected[1] = NAN;
            on_every_device("NaN squared", run_squares, &c, 2, NULL, expected, 0.0);
        }
        free(src);
    }
}
END_TEST

/* ---- samples of several rows */

typedef struct segment_case {
    pt__reduce_t reduce;
    int64_t samples, columns;
    const int32_t *offsets;
    const float *src;
    int32_t *index;
} segment_case_t;

static void run_segments(pt__dev device, const void *argument, float *out)
{
    const segment_case_t *c = argument;
    device->kernels->segment_reduce(device, c->reduce, c->samples, c->offsets, c->columns, c->src, out,
                                    c->reduce == PT__REDUCE_MAX ? c->index : NULL);
}

static void run_segments_gradient(pt__dev device, const void *argument, float *out)
{
    const segment_case_t *c = argument;
    device->kernels->segment_reduce_gradient(device, c->reduce, c->samples, c->offsets, c->columns, c->src, c->index,
                                             out);
}

START_TEST(test_segments)
{
    enum { SAMPLES = 60 };
    static const int64_t widths[] = {1, 5, 64, 1000};
    for (size_t w = 0; w < 4; w++)
        for (int reduce = 0; reduce <= PT__REDUCE_LAST; reduce++) {
            int64_t columns = widths[w];
            int32_t offsets[SAMPLES + 1] = {0};
            for (int s = 0; s < SAMPLES; s++) /* some are empty */
                offsets[s + 1] = offsets[s] + (s * 7) % 23;
            int64_t n = offsets[SAMPLES] * columns;
            float *src = draw_values(n), *d_dst = draw_values(SAMPLES * columns);
            double *expected = zero_doubles(SAMPLES * columns), *gradient = zero_doubles(n);
            int32_t *index = calloc((size_t)(SAMPLES * columns), sizeof(int32_t));
            for (int s = 0; s < SAMPLES; s++)
                for (int64_t c = 0; c < columns; c++) {
                    int64_t best = offsets[s], rows = offsets[s + 1] - offsets[s];
                    double sum = 0.0;
                    for (int64_t r = offsets[s]; r < offsets[s + 1]; r++) {
                        sum += (double)src[r * columns + c];
                        best = src[r * columns + c] > src[best * columns + c] ? r : best;
                        gradient[r * columns + c] = (double)d_dst[s * columns + c] /
                                                    (reduce == PT__REDUCE_MEAN ? (double)rows : 1.0);
                    }
                    if (rows == 0)
                        continue;
                    expected[s * columns + c] = reduce == PT__REDUCE_MEAN ? sum / (double)rows : sum;
                    if (reduce == PT__REDUCE_FIRST || reduce == PT__REDUCE_LAST)
                        best = reduce == PT__REDUCE_FIRST ? offsets[s] : offsets[s + 1] - 1;
                    if (reduce >= PT__REDUCE_MAX) {
                        expected[s * columns + c] = (double)src[best * columns + c];
                        for (int64_t r = offsets[s]; r < offsets[s + 1]; r++)
                            gradient[r * columns + c] = r == best ? (double)d_dst[s * columns + c] : 0.0;
                    }
                }
            segment_case_t c = {(pt__reduce_t)reduce, SAMPLES, columns, offsets, src, index};
            on_every_device("segments", run_segments, &c, SAMPLES * columns, NULL, expected, 2e-6);
            c.src = d_dst;
            on_every_device("segments' gradient", run_segments_gradient, &c, n, NULL, gradient, 1e-6);
            free(src), free(d_dst), free(expected), free(gradient), free(index);
        }
}
END_TEST

static void run_positions(pt__dev device, const void *argument, float *out)
{
    const int32_t *const *given = argument;
    int32_t positions[8] = {0};
    device->kernels->positions(device, 5, given[0], given[1], positions);
    for (int i = 0; i < 8; i++)
        out[i] = (float)positions[i];
}

START_TEST(test_positions)
{
    static const int32_t offsets[] = {0, 0, 3, 4, 4, 7}; /* the first sample and the fourth are empty */
    static const double expected[8] = {0, 1, 2, 0, 0, 1, 2, 0};
    static const int32_t past[] = {9, 0, 7, 3, 2};
    static const double further[8] = {0, 1, 2, 7, 2, 3, 4, 0};
    on_every_device("positions", run_positions, (const int32_t *[]){offsets, NULL}, 8, NULL, expected, 0.0);
    on_every_device("further positions", run_positions, (const int32_t *[]){offsets, past}, 8, NULL, further, 0.0);
}
END_TEST

static void run_store_rows(pt__dev device, const void *argument, float *out)
{
    static const int32_t offsets[] = {0, 0, 2, 3}, first[] = {0, 5, 1}, past[] = {4, 1, 0};
    device->kernels->store_rows(device, 3, offsets, first, past, 2, argument, 3, out);
}

/* Two of three columns, to rows 6, 7 and 1. */
START_TEST(test_store_rows)
{
    static const float src[] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, before[16] = {0};
    static const double expected[16] = {[12] = 1, 2, 4, 5, [2] = 7, 8};
    on_every_device("store rows", run_store_rows, src, 16, before, expected, 0.0);
}
END_TEST

SUITE("reduce rows", 120, test_reduce, test_column_sum, test_largest_not_a_number, test_sum_of_squares, test_segments,
      test_positions, test_store_rows)
