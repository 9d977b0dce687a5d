/* Building graphs: sticky errors, messages, shapes, copies, gradients only where needed. */
#include <math.h>
#include <stdio.h>

#include "graph/builder.h"
#include "support/failing_allocator.h"
#include "support/networks.h"
#include "support/views.h"

static const int64_t batch_by_4[] = {PT_DIM_BATCH, 4};

START_TEST(test_first_error_sticks)
{
    pt_context_t *context = network_context(1, 1);
    pt_graph_t *graph;
    pt_model_t *model;
    ck_ok(pt_graph_create(context, &graph));
    pt_tensor_t x = pt_input(graph, "x", PT_FLOAT32, 2, batch_by_4);
    pt_tensor_t weight = pt_parameter(graph, "weight", 2, (int64_t[]){3, 5}, INITIAL(PT_INIT_NORMAL, 1));
    ck_assert_int_eq(pt_linear(graph, x, weight, PT_NO_TENSOR, PT_ACTIVATION_NONE), PT_NO_TENSOR);
    ck_assert_int_eq(pt_relu(graph, x), PT_NO_TENSOR);
    ck_assert_int_eq(pt_input(graph, "late", PT_INT32, 1, batch_by_4), PT_NO_TENSOR);
    ck_fails(pt_graph_status(graph), PT_ERR_SHAPE, "weight");
    ck_fails(pt_graph_set_output(graph, "x", x), PT_ERR_SHAPE, "weight");
    ck_fails(pt_model_create(context, graph, &model), PT_ERR_SHAPE, "weight");
    ck_assert_ptr_null(model);
    pt_graph_free(graph);
    pt_context_free(context);
}
END_TEST

static pt_graph_t *fresh(pt_context_t *context)
{
    pt_graph_t *graph;
    ck_ok(pt_graph_create(context, &graph));
    pt_input(graph, "x", PT_FLOAT32, 2, batch_by_4);
    pt_parameter(graph, "weight", 2, (int64_t[]){3, 4}, INITIAL(PT_INIT_NORMAL, 1));
    return graph;
}

/* The statement is the first error of a fresh graph (x = 1, weight = 2). */
#define WRONG(statement, expected, part)                  \
    do {                                                  \
        pt_graph_t *graph = fresh(context);               \
        (void)(statement);                                \
        ck_fails(pt_graph_status(graph), expected, part); \
        pt_graph_free(graph);                             \
    } while (0)

START_TEST(test_messages)
{
    pt_context_t *context = network_context(1, 1);
    char long_name[PT_MAX_NAME + 1];
    memset(long_name, 'n', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = 0;
    const float nan_value = (float)NAN;
    WRONG(pt_input(graph, NULL, PT_FLOAT32, 2, batch_by_4), PT_ERR_ARGUMENT, "NULL");
    WRONG(pt_input(graph, "", PT_FLOAT32, 2, batch_by_4), PT_ERR_ARGUMENT, "empty");
    WRONG(pt_input(graph, long_name, PT_FLOAT32, 2, batch_by_4), PT_ERR_ARGUMENT, "256");
    WRONG(pt_input(graph, "x", PT_FLOAT32, 2, batch_by_4), PT_ERR_ARGUMENT, "already");
    WRONG(pt_input(graph, "z", PT_FLOAT64, 2, batch_by_4), PT_ERR_UNSUPPORTED, "float64");
    WRONG(pt_input(graph, "z", PT_FLOAT32, 7, batch_by_4), PT_ERR_ARGUMENT, "rank 7");
    WRONG(pt_input(graph, "z", PT_FLOAT32, 2, NULL), PT_ERR_ARGUMENT, "shape");
    WRONG(pt_input(graph, "z", PT_FLOAT32, 2, (int64_t[]){3, 4}), PT_ERR_SHAPE, "leading size 3");
    WRONG(pt_input(graph, "z", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 0}), PT_ERR_SHAPE, "size 0");
    WRONG(pt_input(graph, "z", PT_FLOAT32, 3, (int64_t[]){PT_DIM_BATCH, INT64_MAX / 8, INT64_MAX / 8}), PT_ERR_SHAPE,
          "too many");
    WRONG(pt_parameter(graph, "weight", 1, (int64_t[]){3}, INITIAL(PT_INIT_NORMAL, 1)), PT_ERR_ARGUMENT, "already");
    WRONG(pt_parameter(graph, "pretrain.x", 1, (int64_t[]){3}, INITIAL(PT_INIT_NORMAL, 1)), PT_ERR_ARGUMENT,
          "checkpoints");
    WRONG(pt_parameter(graph, "__metadata__", 1, (int64_t[]){3}, INITIAL(PT_INIT_NORMAL, 1)), PT_ERR_ARGUMENT,
          "for files");
    WRONG(pt_parameter(graph,
                       "gr\xf6\xdf"
                       "e",
                       1, (int64_t[]){3}, INITIAL(PT_INIT_NORMAL, 1)),
          PT_ERR_ARGUMENT, "not UTF-8");
    WRONG(pt_state(graph, "\xed\xa0\x80", 1, (int64_t[]){3}, NULL), PT_ERR_ARGUMENT, "not UTF-8");
    WRONG(pt_input(graph, "\xc3", PT_FLOAT32, 2, batch_by_4), PT_ERR_ARGUMENT, "not UTF-8");
    WRONG(pt_linear_layer(graph, "\xff", 1, 3, PT_ACTIVATION_NONE), PT_ERR_ARGUMENT, "not UTF-8");
    WRONG(pt_graph_dim(graph, "\xff"), PT_ERR_ARGUMENT, "not UTF-8");
    WRONG(pt_graph_set_output(graph, "\xff", 1), PT_ERR_ARGUMENT, "not UTF-8");
    WRONG(pt_graph_set_metric_ratio(graph, "\xff", pt_mse_loss(graph, 1, 1, NULL), PT_NO_TENSOR, PT_METRIC_LOWER),
          PT_ERR_ARGUMENT, "not UTF-8");
    WRONG(pt_parameter(graph, "b", 1, batch_by_4, INITIAL(PT_INIT_NORMAL, 1)), PT_ERR_SHAPE,
          "a dimension of data stands at place 0");
    WRONG(pt_input(graph, "z", PT_FLOAT32, 2, (int64_t[]){PT_DIM_TOKENS, PT_DIM_TOKENS}), PT_ERR_SHAPE, "place 1");
    WRONG(pt_input(graph, "z", PT_FLOAT32, 2, (int64_t[]){PT_DIM_TOKENS - 5, 3}), PT_ERR_SHAPE,
          "expected at least 1");
    WRONG(pt_parameter(graph, "b", 1, (int64_t[]){3}, INITIAL(9, 1)), PT_ERR_ARGUMENT, "initializer 9");
    WRONG(pt_parameter(graph, "b", 1, (int64_t[]){3}, INITIAL(PT_INIT_NORMAL, (double)NAN)), PT_ERR_ARGUMENT,
          "out of range");
    WRONG(constant_of(graph, PT_FLOAT32, 1, (int64_t[]){1}, &nan_value), PT_ERR_NONFINITE, "finite");
    WRONG(constant_of(graph, PT_FLOAT32, 1, (int64_t[]){1}, NULL), PT_ERR_ARGUMENT, "NULL");
    WRONG(constant_of(graph, PT_FLOAT64, 1, (int64_t[]){1}, &nan_value), PT_ERR_UNSUPPORTED, "float64");
    WRONG(constant_of(graph, PT_INT32, 1, (int64_t[]){1}, NULL), PT_ERR_ARGUMENT, "NULL");
    WRONG(pt_split(graph, 1, 1, 2, NULL, NULL), PT_ERR_ARGUMENT, "parts is NULL");
    WRONG(pt_graph_set_output(graph, "out", 77), PT_ERR_ARGUMENT, "77");
    WRONG(pt_graph_set_output(graph, "out", 1), PT_ERR_ARGUMENT, "computed");
    WRONG(pt_graph_set_loss(graph, 1), PT_ERR_SHAPE, "one float32");
    WRONG(pt_relu(graph, 55), PT_ERR_ARGUMENT, "tensor 55, which is not one of this graph's 2");
    WRONG(pt_relu(graph, 3), PT_ERR_ARGUMENT, "tensor 3");
    WRONG(pt_relu(graph, -1), PT_ERR_ARGUMENT, "tensor -1");
    WRONG(pt_relu(graph, PT_NO_TENSOR), PT_ERR_ARGUMENT, "tensor 0");
    WRONG(pt_graph_set_loss(graph, PT_NO_TENSOR), PT_ERR_ARGUMENT, "tensor 0");
    WRONG(pt_graph_set_output(graph, "out", PT_NO_TENSOR), PT_ERR_ARGUMENT, "tensor 0");
    ck_assert_int_eq(pt_relu(NULL, 1), PT_NO_TENSOR);
    ck_fails(pt_graph_status(NULL), PT_ERR_ARGUMENT, "NULL");
    pt_context_free(context);
}
END_TEST

/* Named and derived dimensions: numbers, names, rows, and what is refused. */
START_TEST(test_dimensions)
{
    pt_context_t *context = network_context(1, 1);
    pt_graph_t *graph, *copy;
    char text[96];
    int64_t shape[PT_MAX_RANK];
    ck_ok(pt_graph_create(context, &graph));
    int64_t frames = pt_graph_dim(graph, "frames"), notes = pt_graph_dim(graph, "notes");
    ck_assert_int_eq(pt_graph_dim(graph, "batch"), PT_DIM_BATCH);
    ck_assert_int_eq(pt_graph_dim(graph, "tokens"), PT_DIM_TOKENS);
    ck_assert_int_eq(pt_graph_dim(graph, "frames"), frames);
    ck_assert(frames < -1 && notes < -1 && frames != notes && frames != PT_DIM_TOKENS && frames != PT_DIM_BATCH);
    pt_tensor_t x = pt_input(graph, "x", PT_FLOAT32, 2, (int64_t[]){frames, 5});
    pt_tensor_t stacked = pt_stack_rows(graph, pt_stack_rows(graph, x, 3), 2);
    ck_assert_int_eq(pt_graph_shape(graph, stacked, shape), 2);
    ck_assert_int_eq(shape[1], 30);
    ck_assert_int_eq(graph->n_dimensions, 7); /* frames, notes, and two derived ones */
    ck_assert_int_eq(graph->tensors[pt_stack_rows(graph, x, 3)].shape.dimension, 5);
    ck_assert_int_eq(graph->n_dimensions, 7); /* the same numbers give the same dimension */
    ck_assert_str_eq(pt__graph_shape_print(graph, &graph->tensors[stacked].shape, PT_FLOAT32, text, sizeof text),
                     "float32[((frames+2)/3+1)/2, 30]");
    ck_ok(pt__graph_copy(graph, &copy));
    ck_assert_int_eq(pt_graph_dim(copy, "notes"), notes);

    /* Σ ceil(ceil(L / 3) / 2) of 7, 0, 1 and 12 rows is 2 + 0 + 1 + 2 */
    const int32_t given[] = {0, 7, 7, 8, 20}, *offsets[PT__DIMENSIONS] = {NULL};
    int32_t buffer[PT__DIMENSIONS][5], *buffers[PT__DIMENSIONS];
    pt__rows_t rows = pt__rows_make(4, 0), capacity = rows;
    for (int32_t i = 0; i < PT__DIMENSIONS; i++)
        buffers[i] = buffer[i];
    offsets[3] = given;
    rows.count[3] = capacity.count[3] = 20;
    pt__graph_derive_offsets(copy, 4, offsets, buffers, rows.count);
    ck_assert_int_eq(rows.count[5], 8);
    ck_assert_int_eq(rows.count[6], 5);
    ck_assert(offsets[6][1] == 2 && offsets[6][2] == 2 && offsets[6][3] == 3 && offsets[6][4] == 5);
    ck_assert_int_eq(pt__graph_count_rows(copy, 6, 4, offsets, NULL), 5);
    pt__graph_complete_rows(copy, &capacity);
    ck_assert_int_ge(capacity.count[5], 8);
    ck_assert_int_ge(capacity.count[6], 5);

    /* a derived dimension's rows are computed: data cannot give them */
    ck_assert_int_eq(pt_graph_shape(graph, stacked, shape), 2);
    ck_assert_int_eq(pt_input(graph, "y", PT_FLOAT32, 1, shape), PT_NO_TENSOR);
    ck_fails(pt_graph_status(graph), PT_ERR_SHAPE, "computed from another one's rows");
    pt_graph_free(graph);
    for (int i = 0; i < PT__DIMENSIONS; i++) {
        snprintf(text, sizeof text, "dimension %d", i);
        pt_graph_dim(copy, text);
    }
    ck_fails(pt_graph_status(copy), PT_ERR_UNSUPPORTED, "more than 15 dimensions");
    pt_graph_free(copy);
    ck_ok(pt_graph_create(context, &graph));
    ck_assert_int_eq(pt_graph_dim(graph, ""), 0);
    ck_fails(pt_graph_status(graph), PT_ERR_ARGUMENT, "empty");
    pt_graph_free(graph);
    ck_assert_int_eq(pt_graph_dim(NULL, "frames"), 0);
    pt_context_free(context);
}
END_TEST

START_TEST(test_shapes)
{
    pt_context_t *context = network_context(1, 1);
    pt_graph_t *graph = fresh(context);
    int64_t shape[PT_MAX_RANK];
    pt_tensor_t y = pt_linear(graph, 1, 2, PT_NO_TENSOR, PT_ACTIVATION_RELU);
    ck_assert_int_eq(pt_graph_shape(graph, y, shape), 2);
    ck_assert_int_eq(shape[0], PT_DIM_BATCH);
    ck_assert_int_eq(shape[1], 3);
    ck_assert_int_eq(pt_graph_shape(graph, 99, shape), -1);
    ck_assert_int_eq(pt_graph_shape(graph, PT_NO_TENSOR, shape), -1);
    pt_graph_t *copy;
    char one[2000], two[2000];
    size_t length;
    pt_graph_set_output(graph, "y", y);
    ck_ok(pt__graph_copy(graph, &copy));
    ck_ok(pt_graph_print(graph, one, sizeof one, &length));
    ck_ok(pt_graph_print(copy, two, sizeof two, &length));
    ck_assert_str_eq(one, two);
    ck_assert_ptr_nonnull(strstr(one, "linear(%1 \"x\", %2 \"weight\""));
    ck_assert_ptr_nonnull(strstr(one, "float32[B, 3]"));
    pt_graph_free(graph);
    pt_graph_free(copy);
    pt_context_free(context);
}
END_TEST

START_TEST(test_gradients_only_where_needed)
{
    pt_context_t *context = network_context(1, 1);
    pt_graph_t *graph = fresh(context);
    int32_t wanted[2] = {1, 0}, reached[2];
    pt_tensor_t other = pt_parameter(graph, "other", 1, (int64_t[]){3}, INITIAL(PT_INIT_CONSTANT, 0));
    pt_tensor_t y = pt_linear(graph, 1, 2, other, PT_ACTIVATION_NONE);
    pt_tensor_t target = pt_input(graph, "target", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 3});
    pt_graph_set_loss(graph, pt_mse_loss(graph, y, target, NULL));
    int64_t forward = graph->n_nodes;
    ck_ok(pt__graph_append_gradients(graph, wanted, NULL, reached));
    ck_ok(pt__graph_verify(graph));
    ck_assert_int_eq(reached[0], 1);
    ck_assert_int_eq(reached[1], 0);
    for (int64_t i = forward; i < graph->n_nodes; i++) /* nothing for x, which is not wanted */
        ck_assert_str_ne(graph->nodes[i].op->name, "linear_gradient_src");
    ck_ok(pt__graph_find_learnables(graph, (int32_t[]){1, 1}, reached));
    ck_assert(reached[0] && reached[1]);
    pt_graph_free(graph);
    pt_context_free(context);
}
END_TEST

/* Dropouts are told apart by numbers of the graph's own: what stands between them changes no mask, and a copy goes
 * on. */
START_TEST(test_draws)
{
    pt_context_t *context = network_context(1, 1);
    pt_graph_t *copy;
    int64_t numbers[2][3];
    for (int longer = 0; longer < 2; longer++) {
        pt_graph_t *graph = fresh(context);
        pt_tensor_t y = 1;
        for (int i = 0; i < 2; i++) {
            y = pt_dropout(graph, longer ? pt_relu(graph, y) : y, 0.5);
            numbers[longer][i] = pt__graph_producer(graph, y)->attributes.integers[0];
        }
        ck_ok(pt__graph_copy(graph, &copy));
        y = pt_dropout(copy, y, 0.5);
        numbers[longer][2] = pt__graph_producer(copy, y)->attributes.integers[0];
        pt_graph_free(copy);
        pt_graph_free(graph);
    }
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(numbers[0][i], i);
        ck_assert_int_eq(numbers[1][i], i);
    }
    pt_context_free(context);
}
END_TEST

/* A shape rule that is only asked leaves the bounds of indices and the limits of lengths as they are. */
START_TEST(test_asking_changes_nothing)
{
    pt_context_t *context = network_context(1, 1);
    pt_graph_t *graph;
    ck_ok(pt_graph_create(context, &graph));
    pt_tensor_t tokens = pt_input(graph, "tokens", PT_INT32, 1, (int64_t[]){PT_DIM_TOKENS});
    pt_tensor_t table = pt_parameter(graph, "table", 2, (int64_t[]){9, 4}, INITIAL(PT_INIT_NORMAL, 1));
    const pt__node_t asked[] = {
        {.op = pt__op_find("embedding"), .n_inputs = 2, .n_outputs = 1, .inputs = {tokens, table}},
        {.op = pt__op_find("positions"), .n_inputs = 1, .n_outputs = 1, .inputs = {tokens}, .attributes = {{7}, {0}}}};
    for (int i = 0; i < 2; i++) {
        pt__tensor_t outputs[PT__MAX_OUTPUTS] = {{0}};
        ck_ok(asked[i].op->shape(graph, &asked[i], outputs));
    }
    ck_assert_int_eq(graph->tensors[tokens].index_limit, 0);
    ck_assert_int_eq(graph->length_limit[PT__DIMENSION_TOKENS], 0);
    pt_embedding(graph, tokens, table);
    pt_positions(graph, tokens, 7);
    ck_assert_int_eq(graph->tensors[tokens].index_limit, 9);
    ck_assert_int_eq(graph->length_limit[PT__DIMENSION_TOKENS], 7);
    pt_graph_free(graph);
    pt_context_free(context);
}
END_TEST

/* An int32 constant indexes where all of its values may; copies of a graph share what constants hold. */
START_TEST(test_constants)
{
    pt_context_t *context = network_context(1, 1);
    const int32_t values[] = {0, 2, 1, PT_IGNORE_INDEX}, negative = -1;
    for (int turn = 0; turn < 4; turn++) {
        pt_graph_t *graph = fresh(context), *copy;
        pt_tensor_t index = constant_of(graph, PT_INT32, 1, (int64_t[]){3}, values);
        pt_tensor_t logits = pt_gather(graph, 2, index);
        if (turn == 0) {
            ck_ok(pt_graph_status(graph));
            ck_ok(pt__graph_copy(graph, &copy));
            ck_assert_ptr_eq(copy->constants[0].held.values, graph->constants[0].held.values);
            pt_graph_free(graph);
            ck_assert_mem_eq(copy->constants[0].held.values, values, 3 * sizeof *values);
            graph = copy;
        } else if (turn == 1) { /* the table has 3 rows: 0, 2, 1 are rows of it, 0, 2, 1 of a half are not */
            pt_tensor_t halves[2];
            ck_ok(pt_split(graph, 2, 0, 2, (int64_t[]){2, 1}, halves));
            ck_assert_int_eq(pt_gather(graph, halves[0], index), PT_NO_TENSOR);
            ck_fails(pt_graph_status(graph), PT_ERR_SHAPE,
                     "gather: index is int32[3], expected values that stay below");
        } else if (turn == 2) {
            index = constant_of(graph, PT_INT32, 1, (int64_t[]){1}, &negative);
            ck_assert_int_eq(pt_gather(graph, 2, index), PT_NO_TENSOR);
            ck_fails(pt_graph_status(graph), PT_ERR_SHAPE, "stay below 3");
        } else { /* labels may be ignored */
            pt_tensor_t labels = constant_of(graph, PT_INT32, 1, (int64_t[]){3}, values + 1);
            ck_ok(pt_graph_set_loss(graph, pt_cross_entropy_loss(graph, logits, labels, NULL)));
            pt_cross_entropy_options_t options;
            ck_ok(pt_cross_entropy_options_init(&options, sizeof options));
            options.ignore_index = 7;
            ck_assert_int_eq(pt_cross_entropy_loss(graph, logits, labels, &options), PT_NO_TENSOR);
        }
        pt_graph_free(graph);
    }
    pt_context_free(context);
}
END_TEST

START_TEST(test_failing_allocations)
{
    failing_allocator_t allocator;
    pt_status_t status;
    FOR_EACH_FAILING_ALLOCATION(allocator, {
        pt_context_options_t options;
        pt_context_t *context = NULL;
        pt_graph_t *graph = NULL;
        pt_model_t *model = NULL;
        ck_ok(pt_context_options_init(&options, sizeof options));
        options.threads = 1;
        failing_allocator_hooks(&allocator, &options);
        status = pt_context_create(&options, &context);
        if (status == PT_OK)
            status = pt_graph_create(context, &graph);
        if (status == PT_OK) {
            pt_tensor_t x = pt_input(graph, "x", PT_FLOAT32, 2, batch_by_4);
            pt_tensor_t y = pt_linear_layer(graph, "layer", pt_layer_norm_layer(graph, "norm", x, 1e-5), 3,
                                            PT_ACTIVATION_GELU_ERF);
            pt_tensor_t shift = constant_of(graph, PT_FLOAT32, 1, (int64_t[]){3}, (float[]){1, 2, 3});
            y = pt_concat(graph, (pt_tensor_t[]){y, pt_add(graph, y, shift)}, 2, 1);
            pt_graph_set_output(graph, "y", y);
            status = pt_model_create(context, graph, &model);
        }
        pt_model_free(model);
        pt_graph_free(graph);
        pt_context_free(context);
    }, status);
}
END_TEST

SUITE("graph", 60, test_first_error_sticks, test_messages, test_dimensions, test_shapes,
      test_gradients_only_where_needed,
      test_draws, test_asking_changes_nothing, test_constants, test_failing_allocations)
