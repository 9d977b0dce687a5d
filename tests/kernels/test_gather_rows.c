/* Rows of a table by index, and their gradient: rows of equal index in row order. */
#include "kernels/every_device.h"

typedef struct gather_case {
    int64_t rows, columns, table_rows;
    int32_t accumulate;
    const float *table, *d_dst;
    const int32_t *index;
} gather_case_t;

static void run_gather(pt__dev device, const void *argument, float *out)
{
    const gather_case_t *c = argument;
    device->kernels->gather(device, c->rows, c->columns, PT_FLOAT32, c->table, c->index, out);
}

static void run_gradient(pt__dev device, const void *argument, float *out)
{
    const gather_case_t *c = argument;
    int64_t most = c->rows < PT__GATHER_ROWS ? c->rows : PT__GATHER_ROWS;
    int32_t *scratch = malloc((size_t)(2 * most) * sizeof *scratch + 1);
    ck_assert(scratch != NULL);
    device->kernels->gather_gradient(device, c->rows, c->columns, c->table_rows, c->d_dst, c->index, c->accumulate, out,
                                     scratch);
    free(scratch);
}

/* How indices lie in the table. */
enum { ANYWHERE, MOSTLY_ONE, AT_THE_END, IN_TURN, PLACES };

static int32_t draw_index(int place, int64_t row, int64_t table_rows)
{
    int32_t any = (int32_t)((draw_value() + 1.0f) * 0.49999f * (float)table_rows);
    switch (place) {
    case MOSTLY_ONE:
        return row % 10 != 3 ? (int32_t)(table_rows / 3) : any;
    case AT_THE_END:
        return (int32_t)(table_rows - 1) - any % (int32_t)(table_rows < 5 ? table_rows : 5);
    case IN_TURN:
        return (int32_t)(row % table_rows);
    default:
        return any;
    }
}

static void check_gather(int64_t rows, int64_t columns, int64_t table_rows, int place, int32_t accumulate)
{
    float *table = draw_values(table_rows * columns), *d_dst = draw_values(rows * columns);
    int32_t *index = calloc((size_t)(rows + 1), sizeof(int32_t));
    double *expected = zero_doubles(rows * columns), *gradient = zero_doubles(table_rows * columns);
    float *summed = draw_values(table_rows * columns); /* in row order, in float: the very bits */
    for (int64_t i = 0; i < table_rows * columns; i++)
        summed[i] = accumulate ? table[i] : 0.0f;
    for (int64_t r = 0; r < rows; r++) {
        index[r] = draw_index(place, r, table_rows);
        for (int64_t c = 0; c < columns; c++) {
            expected[r * columns + c] = (double)table[index[r] * columns + c];
            summed[index[r] * columns + c] += d_dst[r * columns + c];
        }
    }
    for (int64_t i = 0; i < table_rows * columns; i++)
        gradient[i] = (double)summed[i];
    gather_case_t c = {rows, columns, table_rows, accumulate, table, d_dst, index};
    on_every_device("gather", run_gather, &c, rows * columns, NULL, expected, 0.0);
    on_every_device("gather gradient", run_gradient, &c, table_rows * columns, accumulate ? table : NULL, gradient,
                    0.0);
    free(table), free(d_dst), free(index), free(expected), free(gradient), free(summed);
}

START_TEST(test_gather)
{
    static const int64_t shapes[][3] = {{0, 4, 3},        {1, 1, 1},      {700, 3, 5},      {768, 128, 65},
                                        {500, 770, 3000}, {3000, 200, 2}, {1500, 17, 1},    {20, 33, 5000},
                                        {9000, 40, 70},   {1, 5, 70000},  {2500, 100, 2000}};
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++)
        for (int place = 0; place < PLACES; place++)
            for (int32_t accumulate = 0; accumulate < 2; accumulate++)
                check_gather(shapes[s][0], shapes[s][1], shapes[s][2], place, accumulate);
}
END_TEST

START_TEST(test_more_rows_than_are_sorted_at_once)
{
    for (int32_t accumulate = 0; accumulate < 2; accumulate++)
        check_gather(2 * PT__GATHER_ROWS + 3, 1, 3000, ANYWHERE, accumulate);
}
END_TEST

SUITE("gather rows", 120, test_gather, test_more_rows_than_are_sorted_at_once)
