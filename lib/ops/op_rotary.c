/* rotary: each head of a row turned by the row's position in its sample     (Su 2021)
 *
 *   src [R, H·W] -> dst like src. R: ragged rows, with samples by the run's offsets, or [N, T] with samples of T rows.
 *   table: a constant, made here and shared by all the nodes of a graph that turn alike; see kernels.h
 *   starts: int32 [N], the position of each sample's first row; without it 0
 *
 *   Of the first G heads, the first D numbers of each are D/2 planes, plane i of the numbers i and i + D/2, or 2i and
 *   2i + 1. A row at position p turns plane i by the angle p · frequency[i], and makes it `scale` times as long:
 *     x' = scale (x cos - y sin)     y' = scale (y cos + x sin)
 *   Everything else is as it was.
 *
 * Gradient: the same op with the angles negated. */
#include <math.h>
#include <string.h>

#include "base/number.h"
#include "base/options.h"
#include "ops/op_rules.h"

/* integers. WIDTH: D; SHIFT, TABLE_ROWS: the table's; ORIGINAL: 0, or what samples may be as long as before they turn
 * otherwise; LIMIT: the most positions of a sample, and what a start is below */
enum { HEADS, ROTATED_HEADS, WIDTH, FLAGS, INVERSE, SHIFT, TABLE_ROWS, ORIGINAL, LIMIT };
enum { BASE, FACTOR, SCALE }; /* reals; FACTOR: 0 unless frequencies follow from a sample's length */
enum { SRC, TABLE, STARTS };  /* inputs */
enum { WIDEST = 256, LONGEST = 1 << 24 };

static const pt_rotary_options_t defaults = {
    .struct_size = sizeof defaults, .base = 10000, .scale = 1, .starts = PT_NO_TENSOR};

pt_status_t pt_rotary_options_init(pt_rotary_options_t *options, uint32_t struct_size)
{
    pt__error_clear();
    return pt__options_init(options, struct_size, &defaults, sizeof defaults, "pt_rotary_options_t");
}

/* Rows [cosines, sines] of `rows` angles, each the last one's plus that of one step: in double precision the last has
 * lost less than 1e-12. */
static void fill_rows(int64_t rows, int64_t half, const double *frequencies, double step, double scale, float *rows_out)
{
    for (int64_t i = 0; i < half; i++) {
        double turn_x = cos(step * frequencies[i]), turn_y = sin(step * frequencies[i]), x = 1, y = 0;
        for (int64_t r = 0; r < rows; r++) {
            double next = x * turn_x - y * turn_y;
            rows_out[r * 2 * half + i] = (float)(scale * x);
            rows_out[r * 2 * half + half + i] = (float)(scale * y);
            y = y * turn_x + x * turn_y;
            x = next;
        }
    }
}

/* The constant with these values: one that the graph has, or a new one. */
static pt_tensor_t find_table(pt_graph_t *graph, int64_t rows, int64_t width, float *values)
{
    int64_t size[] = {rows, width};
    pt__shape_t shape = pt__shape_make(PT__DIMENSION_NONE, 2, size);
    for (int64_t i = 0; i < graph->n_constants; i++) {
        const pt__tensor_t *tensor = pt__graph_tensor(graph, graph->constants[i].tensor);
        if (tensor->dtype == PT_FLOAT32 && pt__shape_equal(&tensor->shape, &shape) &&
            memcmp(graph->constants[i].held.values, values, (size_t)(rows * width) * sizeof *values) == 0)
            return graph->constants[i].tensor;
    }
    pt_array_t array = {
        .dtype = PT_FLOAT32, .rank = 2, .shape = {rows, width}, .data = values, .elements = rows * width};
    return pt_constant(graph, PT_FLOAT32, &array, (uint32_t)sizeof array);
}

static pt_status_t check_frequencies(const char *name, const double *frequencies, int64_t half)
{
    for (int64_t i = 0; i < half; i++)
        if (!isfinite(frequencies[i]))
            return pt__fail(PT_ERR_ARGUMENT, "rotary: %s[%lld] is %g, expected a number", name, (long long)i,
                            pt__number_shown(frequencies[i]));
    return PT_OK;
}

/* What making a table needs; the op's own rule checks the rest. */
static pt_status_t check_options(const pt_rotary_options_t *options, int64_t width)
{
    if ((options->flags & ~(uint32_t)PT_ROTARY_INTERLEAVED) != 0)
        return pt__fail(PT_ERR_ARGUMENT, "rotary: flags are 0x%lx, expected PT_ROTARY_... or 0",
                        (unsigned long)options->flags);
    if (options->limit < 1 || options->limit > LONGEST)
        return pt__fail(PT_ERR_ARGUMENT, "rotary: limit %lld, expected 1 to %d positions", (long long)options->limit,
                        LONGEST);
    if (width < 2 || width > WIDEST || width % 2 != 0)
        return pt__fail(PT_ERR_ARGUMENT, "rotary: %lld numbers of a head, expected an even number from 2 to %d",
                        (long long)width, WIDEST);
    if (!(options->base > 0) || isinf(options->base))
        return pt__fail(PT_ERR_ARGUMENT, "rotary: base %g, expected a number above 0", pt__number_shown(options->base));
    if (!(options->scale > 0) || isinf(options->scale))
        return pt__fail(PT_ERR_ARGUMENT, "rotary: scale %g, expected a number above 0",
                        pt__number_shown(options->scale));
    if (options->dynamic_factor != 0 && (!(options->dynamic_factor >= 1) || isinf(options->dynamic_factor) ||
                                         options->frequencies != NULL || width < 4))
        return pt__fail(PT_ERR_ARGUMENT,
                        "rotary: dynamic_factor %g, expected at least 1, no frequencies and 4 numbers of a head",
                        pt__number_shown(options->dynamic_factor));
    int32_t is_long = options->long_frequencies != NULL || options->dynamic_factor != 0;
    if (options->long_frequencies != NULL && options->dynamic_factor != 0)
        return pt__fail(PT_ERR_ARGUMENT, "rotary: long_frequencies and a dynamic_factor, expected one of them");
    if (is_long ? options->original_limit < 1 : options->original_limit != 0)
        return pt__fail(PT_ERR_ARGUMENT, "rotary: original_limit %lld, expected %s", (long long)options->original_limit,
                        is_long ? "at least 1" : "0 without long_frequencies and a dynamic_factor");
    if (options->frequencies != NULL)
        PT__TRY(check_frequencies("frequencies", options->frequencies, width / 2));
    if (options->long_frequencies != NULL)
        PT__TRY(check_frequencies("long_frequencies", options->long_frequencies, width / 2));
    return PT_OK;
}

/* How many positions a table must have: a start and the rows behind it are each below the limit. */
static int64_t positions_of(int64_t limit, int32_t has_starts)
{
    return has_starts ? 2 * limit : limit;
}

static pt_status_t make_table(pt_graph_t *graph, const pt_rotary_options_t *options, pt__attributes_t *attributes,
                              pt_tensor_t *out)
{
    pt__memory_t *memory = &graph->context->memory;
    int64_t width = attributes->integers[WIDTH], half = width / 2, shift = 0;
    int64_t positions = positions_of(options->limit, options->starts != PT_NO_TENSOR);
    double plain[WIDEST / 2];
    float *values = NULL;
    while ((int64_t)1 << 2 * shift < positions)
        shift++;
    int64_t lows = (int64_t)1 << shift, highs = ((positions - 1) >> shift) + 1;
    int64_t tables = options->long_frequencies != NULL ? 2 : 1;
    for (int64_t i = 0; i < half; i++)
        plain[i] = pow(options->base, -2 * (double)i / (double)width);
    PT__TRY(pt__allocate(memory, (size_t)(tables * (lows + highs) * width), sizeof *values, "rotary", &values));
    for (int64_t i = 0; i < tables; i++) {
        const double *frequencies = i > 0                          ? options->long_frequencies
                                    : options->frequencies != NULL ? options->frequencies
                                                                   : plain;
        float *table = values + i * (lows + highs) * width;
        fill_rows(lows, half, frequencies, 1, options->scale, table);
        fill_rows(highs, half, frequencies, (double)lows, 1, table + lows * width);
    }
    attributes->integers[SHIFT] = shift;
    attributes->integers[TABLE_ROWS] = lows + highs;
    *out = find_table(graph, tables * (lows + highs), width, values);
    pt__release(memory, values);
    return graph->status;
}

static pt_status_t read_options(pt_graph_t *graph, pt_tensor_t src, const pt_rotary_options_t *given,
                                pt_rotary_options_t *options, pt__attributes_t *attributes)
{
    const pt__tensor_t *rows = pt__graph_tensor(graph, src);
    *options = defaults;
    if (given == NULL)
        return pt__fail(PT_ERR_ARGUMENT, "rotary: options is NULL, expected heads and limit");
    PT__TRY(pt__options_read(given, options, sizeof *options, "pt_rotary_options_t"));
    if (options->heads < 1)
        return pt__fail(PT_ERR_ARGUMENT, "rotary: %d heads, expected at least 1", (int)options->heads);
    int64_t columns = rows == NULL || rows->shape.rank < 1 ? 0 : rows->shape.size[rows->shape.rank - 1];
    int64_t width = options->width != 0 ? options->width : columns / options->heads;
    if (rows == NULL) /* the op says so */
        width = 2;
    PT__TRY(check_options(options, width));
    *attributes = (pt__attributes_t){
        .integers = {[HEADS] = options->heads,
                     [ROTATED_HEADS] = options->rotated_heads != 0 ? options->rotated_heads : options->heads,
                     [WIDTH] = width,
                     [FLAGS] = options->flags,
                     [ORIGINAL] = options->original_limit,
                     [LIMIT] = options->limit},
        .reals = {[BASE] = options->base, [FACTOR] = options->dynamic_factor, [SCALE] = options->scale}};
    return PT_OK;
}

pt_tensor_t pt_rotary(pt_graph_t *graph, pt_tensor_t src, const pt_rotary_options_t *options)
{
    pt_rotary_options_t own;
    pt__attributes_t attributes;
    pt_tensor_t table;
    if (!pt__build_is_ready(graph))
        return PT_NO_TENSOR;
    pt_status_t status = read_options(graph, src, options, &own, &attributes);
    if (status == PT_OK)
        status = make_table(graph, &own, &attributes, &table);
    if (status != PT_OK)
        return pt__graph_stick(graph, status);
    pt_tensor_t dst = pt__build(graph, "rotary", STARTS + 1, (pt_tensor_t[]){src, table, own.starts}, &attributes);
    if (dst != PT_NO_TENSOR && pt__shape_is_ragged(&graph->tensors[dst].shape))
        pt__graph_limit_length(graph, graph->tensors[dst].shape.dimension, own.limit);
    return dst;
}

static pt_status_t check_starts(const pt_graph_t *graph, const pt__node_t *node, const pt__shape_t *rows)
{
    const pt__tensor_t *starts = pt__input_of(graph, node, STARTS);
    int32_t ragged = pt__shape_is_ragged(rows);
    if (starts == NULL)
        return PT_OK;
    PT__TRY(pt__expect_dtype(graph, node, STARTS, "starts", PT_INT32));
    pt__shape_t samples = pt__shape_make(ragged ? PT__DIMENSION_BATCH : rows->dimension, 1,
                                         ragged ? (int64_t[]){1} : rows->size);
    if (!pt__shape_equal(&starts->shape, &samples))
        return pt__refuse(graph, node, STARTS, "starts", "one element a sample");
    return PT_OK;
}

static pt_status_t rotary_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    const int64_t *integers = node->attributes.integers;
    PT__TRY(pt__expect_float(graph, node, SRC, "src", 2, 3));
    const pt__shape_t *rows = &pt__input_of(graph, node, SRC)->shape;
    int32_t ragged = pt__shape_is_ragged(rows);
    if (rows->rank == 2 ? !ragged || rows->size[0] != 1 : ragged)
        return pt__refuse(graph, node, SRC, "src",
                          "[PT_DIM_TOKENS, C] or another dimension of rows, or [PT_DIM_BATCH, T, C]");
    int64_t columns = rows->size[rows->rank - 1], heads = integers[HEADS];
    if (columns % heads != 0 || columns / heads < integers[WIDTH])
        return pt__refuse(graph, node, SRC, "src", "%lld heads side by side, of equal widths of at least %lld",
                          (long long)heads, (long long)integers[WIDTH]);
    if (integers[ROTATED_HEADS] < 1 || integers[ROTATED_HEADS] > heads)
        return pt__refuse_attribute(node, "%lld rotated_heads, expected 1 to all of the %lld heads",
                                    (long long)integers[ROTATED_HEADS], (long long)heads);
    if (rows->rank == 3 && rows->size[1] > integers[LIMIT])
        return pt__refuse(graph, node, SRC, "src", "samples of at most %lld rows", (long long)integers[LIMIT]);
    PT__TRY(check_starts(graph, node, rows));
    outputs[0].shape = *rows;
    return PT_OK;
}

static pt__index_t rotary_index(const pt_graph_t *graph, const pt__node_t *node, int32_t input)
{
    (void)graph;
    return (pt__index_t){
        .role = "starts", .limit = input == STARTS ? node->attributes.integers[LIMIT] : 0, .ignore = INT32_MIN};
}

static pt_status_t rotary_gradient(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *d_outputs,
                                   const int32_t *wanted, pt_tensor_t *d_inputs)
{
    pt__attributes_t attributes = node->attributes;
    pt_tensor_t inputs[] = {d_outputs[0], node->inputs[TABLE],
                            node->n_inputs > STARTS ? node->inputs[STARTS] : PT_NO_TENSOR};
    (void)wanted;
    attributes.integers[INVERSE] = !attributes.integers[INVERSE];
    d_inputs[SRC] = pt__build(graph, "rotary", STARTS + 1, inputs, &attributes);
    return graph->status;
}

/* A sample that has become long does not turn its earlier rows anew. */
static pt_tensor_t rotary_incremental(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *inputs,
                                      pt__increment_t *increment)
{
    const pt__shape_t *rows = &graph->tensors[inputs[SRC]].shape;
    if (rows->dimension != PT__DIMENSION_TOKENS || node->attributes.integers[ORIGINAL] != 0 ||
        (node->n_inputs > STARTS && inputs[STARTS] != PT_NO_TENSOR))
        return PT_NO_TENSOR;
    return pt__build(graph, "rotary", STARTS + 1, (pt_tensor_t[]){inputs[SRC], inputs[TABLE], increment->past},
                     &node->attributes);
}

static void rotary_run(const pt__call_t *call, const pt__run_t *run)
{
    const int64_t *integers = call->attributes->integers;
    const double *reals = call->attributes->reals;
    const pt__view_t *src = &call->inputs[SRC];
    pt__rotary_t rotary = {.samples = src->rank == 3 ? src->size[0] : run->count[PT__DIMENSION_BATCH],
                           .offsets = src->rank == 3 ? NULL : run->offsets[src->dimension],
                           .length = src->rank == 3 ? src->size[1] : 0,
                           .starts = call->n_inputs > STARTS ? call->inputs[STARTS].data : NULL,
                           .heads = integers[HEADS],
                           .rotated_heads = integers[ROTATED_HEADS],
                           .head_width = pt__last_size(src) / integers[HEADS],
                           .width = integers[WIDTH],
                           .interleaved = (integers[FLAGS] & PT_ROTARY_INTERLEAVED) != 0,
                           .inverse = integers[INVERSE] != 0,
                           .table = call->inputs[TABLE].data,
                           .table_rows = integers[TABLE_ROWS],
                           .shift = (int32_t)integers[SHIFT],
                           .original = integers[ORIGINAL],
                           .base = reals[BASE],
                           .factor = reals[FACTOR],
                           .scale = reals[SCALE],
                           .src = src->data,
                           .dst = call->outputs[0].data};
    pt__kernels_of(run)->rotary(run->device, &rotary);
}

static double rotary_operations(const pt__call_t *call)
{
    return 3.0 * (double)pt__view_elements(&call->outputs[0]);
}

/* Heads, rotated heads, width, flags, inverse, shift, rows of a table, original, limit; base, factor, scale. Any table
 * will do. */
static const pt__case_t rotary_cases[] = {
    {"f[T,16] c[8,8]", {.integers = {2, 2, 8, 0, 0, 2, 8, 0, 16}}},
    {"f[T,16] c[8,8]", {.integers = {2, 2, 8, PT_ROTARY_INTERLEAVED, 0, 2, 8, 0, 16}}},
    {"f[T,30] c[12,6] i16[B]", {.integers = {3, 2, 6, 0, 0, 3, 12, 0, 16}}},
    {"f[T,30] c[12,6] i16[B]", {.integers = {3, 2, 6, PT_ROTARY_INTERLEAVED, 0, 3, 12, 0, 16}}},
    {"f[S,44] c[8,22]", {.integers = {2, 1, 22, 0, 1, 2, 8, 0, 16}}},
    {"f[S,44] c[8,20]", {.integers = {2, 2, 20, PT_ROTARY_INTERLEAVED, 1, 2, 8, 0, 16}}},
    {"f[T,8] c[16,4]", {.integers = {2, 2, 4, 0, 0, 2, 8, 6, 16}}},
    {"f[B,5,32] c[20,32] i16[B]", {.integers = {1, 1, 32, 0, 0, 2, 10, 9, 16}}},
    {"f[T,8] c[8,4]", {.integers = {2, 2, 4, 0, 0, 2, 8, 6, 16}, .reals = {100, 2, 1.5}}},
    {"f[2,150,256] c[32,128]", {.integers = {2, 2, 128, 0, 0, 4, 32, 0, 256}}},
};

static const pt__op_t ops[] = {
    {.name = "rotary",
     .min_inputs = 2,
     .max_inputs = 3,
     .n_outputs = 1,
     .in_place = 1,
     .needs_gradient_of = 1,
     .shape = rotary_shape,
     .index = rotary_index,
     .gradient = rotary_gradient,
     .incremental = rotary_incremental,
     .run = rotary_run,
     .operations = rotary_operations,
     PT__CASES(rotary_cases)},
};

PT__OP_FAMILY(op_rotary, ops)
