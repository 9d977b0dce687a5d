/* A step of a recurrent layer: rows times a packed weight, and the cells' functions on the product while it is in the
 * first-level cache. A level's part of pt__vector_t. Each element's product is summed depth after depth, whatever rows
 * and panels are done together. */
#include "kernels/cpu/level/rows.h"
#include "kernels/cpu/vector.h"

/* Registers hold ROWS x VECTORS sums, the vectors of the weight and one element that is broadcast. */
#if LANES == 16
enum { ROWS = 6 };
#else
enum { ROWS = 4 };
#endif
enum { GATES = 4, VECTORS = 3 /* of a panel that has no gates */ };

typedef struct sums {
    float at[ROWS * GATES * LANES];
} sums_t;

static int64_t vectors_of(int64_t gates)
{
    return gates > 1 ? gates : VECTORS;
}

static int64_t panels(int64_t gates, int64_t columns)
{
    int64_t width = gates > 1 ? LANES : VECTORS * LANES;
    return (columns + width - 1) / width;
}

/* The first column of a panel's vector. */
INLINE int64_t column_of(int64_t gates, int64_t panel, int64_t vector)
{
    return gates > 1 ? panel * LANES : (panel * VECTORS + vector) * LANES;
}

static void pack(int64_t gates, int64_t depth, int64_t columns, const float *weight, int64_t depth_step,
                 int64_t column_step, float *packed)
{
    const int64_t vectors = vectors_of(gates);
    for (int64_t p = 0; p < panels(gates, columns); p++, packed += depth * vectors * LANES)
        for (int64_t v = 0; v < vectors; v++) {
            const int64_t first = column_of(gates, p, v), gate = gates > 1 ? v * columns : 0;
            for (int64_t i = 0; i < LANES; i++) {
                const float *column = weight + (gate + first + i) * column_step;
                float *to = packed + v * LANES + i;
                for (int64_t k = 0; k < depth; k++)
                    to[k * vectors * LANES] = first + i < columns ? column[k * depth_step] : 0.0f;
            }
        }
}

/* sums [rows, vectors * LANES] = these rows times a panel */
INLINE void multiply(int rows, int vectors, int64_t depth, float *const *factor, const float *panel, float *sums)
{
    floats_t sum[ROWS][GATES];
    const float *row[ROWS];
    for (int r = 0; r < rows; r++) {
        row[r] = factor[r];
        for (int v = 0; v < vectors; v++)
            sum[r][v] = (floats_t){0};
    }
    for (int64_t k = 0; k < depth; k++, panel += vectors * LANES) {
        floats_t weight[GATES];
        for (int v = 0; v < vectors; v++)
            weight[v] = load(panel + v * LANES);
        for (int r = 0; r < rows; r++) {
            floats_t x = broadcast(row[r][k]);
            for (int v = 0; v < vectors; v++)
                sum[r][v] += x * weight[v];
        }
    }
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++)
            store(sums + (r * vectors + v) * LANES, sum[r][v]);
}

/* The most rows at once of so many vectors. */
INLINE int64_t rows_of(int vectors)
{
    return vectors > VECTORS ? ROWS - 1 : ROWS;
}

INLINE void multiply_some(int64_t rows, int vectors, int64_t depth, float *const *factor, const float *panel,
                          sums_t *sums)
{
    switch (rows) {
    case 1:
        multiply(1, vectors, depth, factor, panel, sums->at);
        break;
    case 2:
        multiply(2, vectors, depth, factor, panel, sums->at);
        break;
    case 3:
        multiply(3, vectors, depth, factor, panel, sums->at);
        break;
#if LANES == 16
    case 4:
        multiply(4, vectors, depth, factor, panel, sums->at);
        break;
    case 5:
        multiply(5, vectors, depth, factor, panel, sums->at);
        break;
#endif
    default:
        if (vectors <= VECTORS)
            multiply(ROWS, VECTORS, depth, factor, panel, sums->at);
    }
}

/* The panel's sums of the rows from `first` on, `count` of them; zeros where there is no factor. */
INLINE void panel_sums(const pt__recurrent_rows_t *rows, const pt__recurrent_weight_t *weight, int vectors,
                       int64_t panel, int64_t first, int64_t count, sums_t *sums)
{
    int64_t with = rows->multiplied - first < count ? rows->multiplied - first : count;
    if (with > 0)
        multiply_some(with, vectors, weight->depth, rows->factor + first,
                      weight->packed + panel * weight->depth * vectors * LANES, sums);
    else
        with = 0;
    memset(sums->at + with * vectors * LANES, 0, sizeof(float) * (size_t)((count - with) * vectors * LANES));
}

/* Once for all cells: they take most of the code. */
static __attribute__((noinline)) void sums_of_four(const pt__recurrent_rows_t *rows,
                                                   const pt__recurrent_weight_t *weight, int64_t panel, int64_t first,
                                                   int64_t count, sums_t *sums)
{
    panel_sums(rows, weight, GATES, panel, first, count, sums);
}

static __attribute__((noinline)) void sums_of_three(const pt__recurrent_rows_t *rows,
                                                    const pt__recurrent_weight_t *weight, int64_t panel, int64_t first,
                                                    int64_t count, sums_t *sums)
{
    panel_sums(rows, weight, VECTORS, panel, first, count, sums);
}

/* What `function` makes of each vector of a step: (rows, weight, bias, row, column, count, its sums). */
typedef void (*vector_fn)(const pt__recurrent_rows_t *rows, const pt__recurrent_weight_t *weight, const float *bias,
                          int64_t row, int64_t column, int64_t count, const float *sums);

INLINE void each_vector(const pt__recurrent_rows_t *rows, const pt__recurrent_weight_t *weight, const float *bias,
                        int gates, int64_t begin, int64_t end, vector_fn function)
{
    const int vectors = gates > 1 ? gates : VECTORS, groups = gates > 1 ? 1 : VECTORS;
    sums_t sums;
    for (int64_t p = begin; p < end; p++)
        for (int64_t i = 0; i < rows->count; i += rows_of(vectors)) {
            const int64_t left = rows->count - i, count = left < rows_of(vectors) ? left : rows_of(vectors);
            (vectors == GATES ? sums_of_four : sums_of_three)(rows, weight, p, i, count, &sums);
            for (int64_t r = 0; r < count; r++)
                for (int64_t v = 0; v < groups; v++) {
                    const int64_t column = column_of(gates, p, v);
                    if (column < weight->columns)
                        function(rows, weight, bias, i + r, column, weight->columns - column,
                                 sums.at + (r * vectors + v) * LANES);
                }
        }
}

/* ---- Functions of a vector of `count` columns, more than LANES of them are not looked at ---- */

INLINE floats_t optional(const float *p, int64_t column, int64_t count)
{
    return p != NULL ? load_some(p + column, count) : (floats_t){0};
}

INLINE floats_t addends(const pt__recurrent_rows_t *rows, int64_t row, int64_t column, int64_t count)
{
    floats_t sum = {0};
    if (rows->addends != NULL)
        sum += optional(rows->addends[row], column, count);
    if (rows->more_addends != NULL)
        sum += optional(rows->more_addends[row], column, count);
    return sum;
}

INLINE void sum_vector(const pt__recurrent_rows_t *rows, const pt__recurrent_weight_t *weight, const float *bias,
                       int64_t row, int64_t column, int64_t count, const float *sums)
{
    (void)weight, (void)bias;
    store_some(rows->dst[row] + column, load(sums) + addends(rows, row, column, count), count);
}

INLINE floats_t rnn_sum(const pt__recurrent_rows_t *rows, const float *bias, int64_t row, int64_t column, int64_t count,
                        const float *sums)
{
    return load_some(rows->gates[row] + column, count) + (load(sums) + optional(bias, column, count));
}

INLINE void tanh_vector(const pt__recurrent_rows_t *rows, const pt__recurrent_weight_t *weight, const float *bias,
                        int64_t row, int64_t column, int64_t count, const float *sums)
{
    (void)weight;
    store_some(rows->dst[row] + column, hyperbolic_tangent(rnn_sum(rows, bias, row, column, count, sums)), count);
}

INLINE void relu_vector(const pt__recurrent_rows_t *rows, const pt__recurrent_weight_t *weight, const float *bias,
                        int64_t row, int64_t column, int64_t count, const float *sums)
{
    (void)weight;
    store_some(rows->dst[row] + column, relu(rnn_sum(rows, bias, row, column, count, sums)), count);
}

INLINE void gru_vector(const pt__recurrent_rows_t *rows, const pt__recurrent_weight_t *weight, const float *bias,
                       int64_t row, int64_t column, int64_t count, const float *sums)
{
    const int64_t hidden = weight->columns;
    const float *more = bias != NULL ? bias + hidden : NULL, *most = bias != NULL ? more + hidden : NULL;
    float *gates = rows->gates[row] + column;
    floats_t before = load_some(rows->factor[row] + column, count);
    floats_t reset = logistic(load_some(gates, count) + (load(sums) + optional(bias, column, count)));
    floats_t update = logistic(load_some(gates + hidden, count) + (load(sums + LANES) + optional(more, column, count)));
    floats_t part = load(sums + 2 * LANES) + optional(most, column, count);
    floats_t candidate = hyperbolic_tangent(load_some(gates + 2 * hidden, count) + reset * part);
    store_some(gates, reset, count);
    store_some(gates + hidden, update, count);
    store_some(gates + 2 * hidden, candidate, count);
    if (rows->kept != NULL)
        store_some(rows->kept[row] + column, part, count);
    store_some(rows->dst[row] + column, candidate + update * (before - candidate), count);
}

INLINE void lstm_vector(const pt__recurrent_rows_t *rows, const pt__recurrent_weight_t *weight, const float *bias,
                        int64_t row, int64_t column, int64_t count, const float *sums)
{
    const int64_t hidden = weight->columns;
    float *gates = rows->gates[row] + column;
    floats_t value[GATES];
    for (int64_t g = 0; g < GATES; g++) {
        value[g] = load_some(gates + g * hidden, count) +
                   (load(sums + g * LANES) + optional(bias, g * hidden + column, count));
        value[g] = g == 2 ? hyperbolic_tangent(value[g]) : logistic(value[g]);
        store_some(gates + g * hidden, value[g], count);
    }
    floats_t cell = value[1] * load_some(rows->before[row] + column, count) + value[0] * value[2];
    store_some(rows->kept[row] + column, cell, count);
    store_some(rows->dst[row] + column, value[3] * hyperbolic_tangent(cell), count);
}

/* ---- Gradients; `sums`, with the addends, is that of what a step gives ---- */

INLINE void tanh_gradient_vector(const pt__recurrent_rows_t *rows, const pt__recurrent_weight_t *weight,
                                 const float *bias, int64_t row, int64_t column, int64_t count, const float *sums)
{
    (void)weight, (void)bias;
    floats_t d_dst = load(sums) + addends(rows, row, column, count), dst = load_some(rows->gates[row] + column, count);
    store_some(rows->d_gates[row] + column, d_dst * (1.0f - dst * dst), count);
}

INLINE void relu_gradient_vector(const pt__recurrent_rows_t *rows, const pt__recurrent_weight_t *weight,
                                 const float *bias, int64_t row, int64_t column, int64_t count, const float *sums)
{
    (void)weight, (void)bias;
    floats_t d_dst = load(sums) + addends(rows, row, column, count), dst = load_some(rows->gates[row] + column, count);
    store_some(rows->d_gates[row] + column, choose(dst <= 0.0f, (floats_t){0}, d_dst), count);
}

INLINE void gru_gradient_vector(const pt__recurrent_rows_t *rows, const pt__recurrent_weight_t *weight,
                                const float *bias, int64_t row, int64_t column, int64_t count, const float *sums)
{
    (void)bias;
    const int64_t hidden = weight->columns;
    const float *gates = rows->gates[row] + column;
    float *d_gates = rows->d_gates[row] + column;
    floats_t d_dst = load(sums) + addends(rows, row, column, count);
    floats_t reset = load_some(gates, count), update = load_some(gates + hidden, count),
             candidate = load_some(gates + 2 * hidden, count), before = load_some(rows->before[row] + column, count),
             part = load_some(rows->kept[row] + column, count);
    floats_t d_candidate = d_dst * (1.0f - update) * (1.0f - candidate * candidate);
    store_some(d_gates, d_candidate * part * (reset * (1.0f - reset)), count);
    store_some(d_gates + hidden, d_dst * (before - candidate) * (update * (1.0f - update)), count);
    store_some(d_gates + 2 * hidden, d_candidate * reset, count);
    if (rows->d_candidate != NULL)
        store_some(rows->d_candidate[row] + column, d_candidate, count);
    store_some(rows->d_cell_before[row] + column, d_dst * update, count);
}

INLINE void lstm_gradient_vector(const pt__recurrent_rows_t *rows, const pt__recurrent_weight_t *weight,
                                 const float *bias, int64_t row, int64_t column, int64_t count, const float *sums)
{
    (void)bias;
    const int64_t hidden = weight->columns;
    const float *gates = rows->gates[row] + column;
    float *d_gates = rows->d_gates[row] + column;
    floats_t value[GATES];
    for (int64_t g = 0; g < GATES; g++)
        value[g] = load_some(gates + g * hidden, count);
    floats_t d_dst = load(sums) + addends(rows, row, column, count);
    floats_t bent = hyperbolic_tangent(load_some(rows->kept[row] + column, count));
    floats_t before = load_some(rows->before[row] + column, count);
    floats_t d_cell = d_dst * value[3] * (1.0f - bent * bent) + optional(rows->d_cell[row], column, count);
    store_some(d_gates, d_cell * value[2] * (value[0] * (1.0f - value[0])), count);
    store_some(d_gates + hidden, d_cell * before * (value[1] * (1.0f - value[1])), count);
    store_some(d_gates + 2 * hidden, d_cell * value[0] * (1.0f - value[2] * value[2]), count);
    store_some(d_gates + 3 * hidden, d_dst * bent * (value[3] * (1.0f - value[3])), count);
    store_some(rows->d_cell_before[row] + column, d_cell * value[1], count);
    if (rows->unprojected != NULL)
        store_some(rows->unprojected[row] + column, value[3] * bent, count);
}

/* ---- The table ---- */

#define FORWARD(name, gates)                                                                           \
    static void name##_forward(const pt__recurrent_rows_t *rows, const pt__recurrent_weight_t *weight, \
                               const float *bias, int64_t begin, int64_t end)                          \
    {                                                                                                  \
        each_vector(rows, weight, bias, gates, begin, end, name##_vector);                             \
    }
#define BACKWARD(name)                                                                                      \
    static void name(const pt__recurrent_rows_t *rows, const pt__recurrent_weight_t *weight, int64_t begin, \
                     int64_t end)                                                                           \
    {                                                                                                       \
        each_vector(rows, weight, NULL, 1, begin, end, name##_vector);                                      \
    }
FORWARD(tanh, 1)
FORWARD(relu, 1)
FORWARD(gru, 3)
FORWARD(lstm, 4)
BACKWARD(sum)
BACKWARD(tanh_gradient)
BACKWARD(relu_gradient)
BACKWARD(gru_gradient)
BACKWARD(lstm_gradient)

extern const pt__vector_recurrence_t PT__LEVEL(pt__vector_recurrence);
const pt__vector_recurrence_t PT__LEVEL(pt__vector_recurrence) = {
    .pack = pack,
    .panels = panels,
    .sum = sum,
    .forward = {tanh_forward, relu_forward, gru_forward, lstm_forward},
    .gradient = {tanh_gradient, relu_gradient, gru_gradient, lstm_gradient}};
