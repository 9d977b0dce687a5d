/* Layers: parameters with PyTorch's names, shapes and initial values; wrong arguments stick to the graph. */
#include <string.h>

#include "graph/graph.h"
#include "support/suite.h"

static pt_context_t *context;
static pt_graph_t *graph;

static void begin(void)
{
    ck_ok(pt_context_create(NULL, &context));
    ck_ok(pt_graph_create(context, &graph));
}

static void end(void)
{
    pt_graph_free(graph);
    pt_context_free(context);
}

static pt_tensor_t input(int32_t dtype, int32_t rank)
{
    return pt_input(graph, "x", dtype, rank, (int64_t[]){PT_DIM_TOKENS, 3, 5});
}

static void check_parameter(const char *name, int32_t rank, int64_t first, int64_t second, int32_t initializer,
                            double value)
{
    const pt__parameter_t *parameter = pt__graph_parameter(graph, name);
    ck_assert_msg(parameter != NULL, "no %s", name);
    const pt__shape_t *shape = &pt__graph_tensor(graph, parameter->tensor)->shape;
    ck_assert_int_eq(shape->rank, rank);
    ck_assert_int_eq(shape->size[0], first);
    ck_assert(rank == 1 || shape->size[1] == second);
    ck_assert_int_eq(parameter->initializer, initializer);
    ck_assert_double_eq(parameter->value, value);
}

static void check_result(pt_tensor_t tensor, int32_t rank, int64_t last)
{
    int64_t shape[PT_MAX_RANK];
    ck_ok(pt_graph_status(graph));
    ck_assert_int_eq(pt_graph_shape(graph, tensor, shape), rank);
    ck_assert_int_eq(shape[0], PT_DIM_TOKENS);
    ck_assert_int_eq(shape[rank - 1], last);
}

START_TEST(test_linear)
{
    begin();
    check_result(pt_linear_layer(graph, "head", input(PT_FLOAT32, 3), 7, PT_ACTIVATION_TANH), 3, 7);
    check_parameter("head.weight", 2, 7, 5, PT_INIT_LINEAR, 5);
    check_parameter("head.bias", 1, 7, 0, PT_INIT_LINEAR, 5);
    end();
}
END_TEST

/* Pictures of as many rows as samples have. */
START_TEST(test_convolution_of_rows)
{
    begin();
    check_result(pt_convolution_layer(graph, "conv", input(PT_FLOAT32, 3), 7, 1, 3, NULL), 3, 7);
    check_parameter("conv.weight", 4, 7, 5, PT_INIT_LINEAR, 15);
    end();
}
END_TEST

START_TEST(test_recurrent)
{
    pt_recurrent_options_t options;
    pt_tensor_t hidden[2], cell[2];
    begin();
    ck_ok(pt_recurrent_options_init(&options, sizeof options));
    options.kind = PT_RECURRENT_LSTM;
    options.flags = PT_RECURRENT_TWO_WAY;
    options.hidden = 6;
    options.projection = 4;
    options.layers = 2;
    options.dropout = 0.25;
    options.last_hidden = hidden;
    options.last_cell = cell;
    check_result(pt_recurrent_layers(graph, "rnn", input(PT_FLOAT32, 2), &options), 2, 8);
    check_parameter("rnn.weight_ih_l0", 2, 24, 3, PT_INIT_LINEAR, 6);
    check_parameter("rnn.weight_hh_l0_reverse", 2, 24, 4, PT_INIT_LINEAR, 6);
    check_parameter("rnn.weight_ih_l1", 2, 24, 8, PT_INIT_LINEAR, 6);
    check_parameter("rnn.bias_hh_l1_reverse", 1, 24, 0, PT_INIT_LINEAR, 6);
    check_parameter("rnn.weight_hr_l1", 2, 4, 6, PT_INIT_LINEAR, 6);
    for (int32_t i = 0; i < 2; i++) {
        int64_t shape[PT_MAX_RANK];
        ck_assert_int_eq(pt_graph_shape(graph, hidden[i], shape), 2);
        ck_assert(shape[0] == PT_DIM_BATCH && shape[1] == 8);
        ck_assert_int_eq(pt_graph_shape(graph, cell[i], shape), 2);
        ck_assert(shape[0] == PT_DIM_BATCH && shape[1] == 12);
    }
    end();
}
END_TEST

static void check_refused(const char *name, const pt_recurrent_options_t *options, const char *part)
{
    begin();
    ck_assert_int_eq(pt_recurrent_layers(graph, name, input(PT_FLOAT32, 2), options), PT_NO_TENSOR);
    ck_assert_msg(strstr(pt_last_error(), part) != NULL, "%s", pt_last_error());
    end();
}

START_TEST(test_wrong_recurrent)
{
    pt_recurrent_options_t options, good;
    ck_ok(pt_recurrent_options_init(&good, sizeof good));
    check_refused("rnn", &good, "hidden 0");
    good.hidden = 4;
    check_refused(NULL, &good, "the name is NULL");
    options = good;
    options.kind = 4;
    check_refused("rnn", &options, "kind 4");
    options = good;
    options.flags = 4;
    check_refused("rnn", &options, "flags 0x4");
    options = good;
    options.projection = 2;
    check_refused("rnn", &options, "only an LSTM");
    options.kind = PT_RECURRENT_LSTM;
    options.projection = 4;
    check_refused("rnn", &options, "projection 4");
    options = good;
    options.layers = 65;
    check_refused("rnn", &options, "layers 65");
    options = good;
    options.dropout = 1;
    check_refused("rnn", &options, "dropout 1");
    begin();
    ck_assert_int_eq(pt_recurrent_layers(graph, "rnn", input(PT_FLOAT32, 3), &good), PT_NO_TENSOR);
    ck_assert_int_eq(pt_graph_status(graph), PT_ERR_SHAPE);
    end();
}
END_TEST

START_TEST(test_embedding)
{
    begin();
    pt_tensor_t tokens = input(PT_INT32, 1);
    check_result(pt_embedding_layer(graph, "words", tokens, 11, 4), 2, 4);
    check_parameter("words.weight", 2, 11, 4, PT_INIT_NORMAL, 1);
    ck_assert_int_eq(pt__graph_tensor(graph, tokens)->index_limit, 11);
    end();
}
END_TEST

START_TEST(test_layer_norm)
{
    begin();
    check_result(pt_layer_norm_layer(graph, "norm", input(PT_FLOAT32, 2), 1e-5), 2, 3);
    check_parameter("norm.weight", 1, 3, 0, PT_INIT_CONSTANT, 1);
    check_parameter("norm.bias", 1, 3, 0, PT_INIT_CONSTANT, 0);
    end();
}
END_TEST

/* A picture, or a length, of four channels; or a row. */
static pt_tensor_t picture(int32_t rank)
{
    const int64_t shape[] = {PT_DIM_BATCH, 9, 8, 4};
    const int64_t *sizes = rank == 4   ? shape
                           : rank == 3 ? (int64_t[]){PT_DIM_BATCH, 9, 4}
                                       : (int64_t[]){PT_DIM_BATCH, 4};
    return pt_input(graph, "picture", PT_FLOAT32, rank, sizes);
}

START_TEST(test_convolution)
{
    pt_convolution_options_t options;
    ck_ok(pt_convolution_options_init(&options, sizeof options));
    ck_assert_int_eq(pt_convolution_options_init(NULL, sizeof options), PT_ERR_ARGUMENT);
    options.groups = 2;
    options.stride[0] = 2;
    begin();
    int64_t shape[PT_MAX_RANK];
    pt_tensor_t made = pt_convolution_layer(graph, "conv", picture(4), 6, 3, 5, &options);
    ck_ok(pt_graph_status(graph));
    ck_assert_int_eq(pt_graph_shape(graph, made, shape), 4);
    ck_assert_int_eq(shape[1], 4);
    ck_assert_int_eq(shape[2], 4);
    ck_assert_int_eq(shape[3], 6);
    check_parameter("conv.weight", 4, 6, 2, PT_INIT_LINEAR, 30);
    check_parameter("conv.bias", 1, 6, 0, PT_INIT_LINEAR, 30);
    end();
    begin();
    options.flags = PT_CONVOLUTION_NO_BIAS;
    made = pt_convolution_layer(graph, "conv", picture(3), 6, 3, 1, &options);
    ck_assert_int_eq(pt_graph_shape(graph, made, shape), 3);
    check_parameter("conv.weight", 3, 6, 2, PT_INIT_LINEAR, 6);
    ck_assert_ptr_null(pt__graph_parameter(graph, "conv.bias"));
    end();
}
END_TEST

START_TEST(test_wrong_convolutions)
{
    static const struct {
        int32_t rank;
        int64_t outputs, height, width, groups;
        const char *message;
    } cases[] = {{4, 0, 3, 3, 1, "0 outputs"},       {4, 2, 0, 3, 1, "a kernel of 0 by 3"},
                 {4, 2, 3, -1, 1, "by -1"},          {3, 2, 3, 3, 1, "by 1 where src"},
                 {4, 2, 3, 3, 3, "a multiple of 3"}, {4, 2, 3, 3, 0, "a multiple of 0"},
                 {2, 2, 3, 3, 1, "by 1 where src"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pt_convolution_options_t options;
        ck_ok(pt_convolution_options_init(&options, sizeof options));
        options.groups = cases[i].groups;
        begin();
        ck_assert_int_eq(pt_convolution_layer(graph, "a", picture(cases[i].rank), cases[i].outputs, cases[i].height,
                                              cases[i].width, &options),
                         PT_NO_TENSOR);
        ck_fails(pt_graph_status(graph), PT_ERR_ARGUMENT, cases[i].message);
        end();
    }
    for (int32_t i = 0; i < 4; i++) { /* options that are not; two layers of one name */
        pt_convolution_options_t options;
        ck_ok(pt_convolution_options_init(&options, sizeof options));
        begin();
        pt_tensor_t src = picture(4);
        if (i == 0)
            options.struct_size = 3;
        if (i == 1)
            options.flags = 2;
        if (i == 2)
            options.reserved = 1;
        if (i == 3)
            ck_assert_int_ne(pt_convolution_layer(graph, "a", src, 2, 3, 3, NULL), PT_NO_TENSOR);
        ck_assert_int_eq(pt_convolution_layer(graph, "a", src, 2, 3, 3, &options), PT_NO_TENSOR);
        ck_fails(pt_graph_status(graph), PT_ERR_ARGUMENT, i == 0 ? "struct_size" : i == 3 ? "a.weight" : "flags are");
        end();
    }
    begin(); /* a bias where the options say that there is none */
    pt_convolution_options_t options;
    ck_ok(pt_convolution_options_init(&options, sizeof options));
    options.flags = PT_CONVOLUTION_NO_BIAS;
    pt_tensor_t weight = pt_parameter(graph, "weight", 4, (int64_t[]){4, 4, 1, 1}, NULL);
    pt_tensor_t bias = pt_parameter(graph, "bias", 1, (int64_t[]){4}, NULL);
    ck_assert_int_eq(pt_convolution_transposed(graph, picture(4), weight, bias, &options), PT_NO_TENSOR);
    ck_fails(pt_graph_status(graph), PT_ERR_ARGUMENT, "convolution_transposed: flags are 0x1");
    end();
    begin();
    ck_assert_int_eq(pt_convolution_layer(graph, "a", 99, 2, 3, 3, NULL), PT_NO_TENSOR);
    ck_fails(pt_graph_status(graph), PT_ERR_ARGUMENT, "no tensor");
    end();
}
END_TEST

typedef enum layer { LINEAR, EMBEDDING, LAYER_NORM, LAYERS } layer_t;

static pt_tensor_t add(pt_graph_t *to, layer_t layer, const char *name, pt_tensor_t src)
{
    switch (layer) {
    case LINEAR:
        return pt_linear_layer(to, name, src, 4, PT_ACTIVATION_NONE);
    case EMBEDDING:
        return pt_embedding_layer(to, name, src, 4, 4);
    default:
        return pt_layer_norm_layer(to, name, src, 1e-5);
    }
}

START_TEST(test_wrong_arguments)
{
    char long_name[PT_MAX_NAME];
    memset(long_name, 'a', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = 0;
    const char *const names[] = {NULL, "", long_name};
    for (layer_t layer = LINEAR; layer < LAYERS; layer++) {
        ck_assert_int_eq(add(NULL, layer, "a", 0), PT_NO_TENSOR);
        ck_assert_ptr_nonnull(strstr(pt_last_error(), "graph is NULL"));
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            begin();
            ck_assert_int_eq(add(graph, layer, names[i], input(layer == EMBEDDING ? PT_INT32 : PT_FLOAT32, 2)),
                             PT_NO_TENSOR);
            ck_fails(pt_graph_status(graph), PT_ERR_ARGUMENT, "name");
            ck_assert_int_eq(add(graph, layer, "fine", 0), PT_NO_TENSOR); /* the first error sticks and is told again */
            ck_assert_ptr_nonnull(strstr(pt_last_error(), "name"));
            end();
        }
        begin();
        ck_assert_int_eq(add(graph, layer, "a", 99), PT_NO_TENSOR);
        ck_fails(pt_graph_status(graph), PT_ERR_ARGUMENT, "99");
        end();
        begin();
        ck_assert_int_eq(add(graph, layer, "a", input(layer == EMBEDDING ? PT_FLOAT32 : PT_INT32, 2)), PT_NO_TENSOR);
        ck_fails(pt_graph_status(graph), PT_ERR_SHAPE, "32");
        end();
        begin();
        pt_tensor_t x = input(layer == EMBEDDING ? PT_INT32 : PT_FLOAT32, 2);
        ck_assert_int_ne(add(graph, layer, "twice", x), PT_NO_TENSOR);
        ck_assert_int_eq(add(graph, layer, "twice", x), PT_NO_TENSOR);
        ck_fails(pt_graph_status(graph), PT_ERR_ARGUMENT, "twice.weight");
        end();
    }
}
END_TEST

START_TEST(test_wrong_sizes)
{
    static const int64_t sizes[] = {0, -1, PT_DIM_TOKENS, INT64_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        begin();
        ck_assert_int_eq(pt_linear_layer(graph, "a", input(PT_FLOAT32, 2), sizes[i], PT_ACTIVATION_NONE), PT_NO_TENSOR);
        ck_fails(pt_graph_status(graph), PT_ERR_SHAPE, "a.weight");
        end();
        begin();
        ck_assert_int_eq(pt_embedding_layer(graph, "a", input(PT_INT32, 1), sizes[i], 3), PT_NO_TENSOR);
        ck_fails(pt_graph_status(graph), PT_ERR_SHAPE, "a.weight");
        end();
    }
    begin(); /* no width to project from */
    ck_assert_int_eq(pt_linear_layer(graph, "a", input(PT_FLOAT32, 1), 3, PT_ACTIVATION_NONE), PT_NO_TENSOR);
    ck_fails(pt_graph_status(graph), PT_ERR_SHAPE, "last dimension");
    end();
    begin();
    ck_assert_int_eq(pt_layer_norm_layer(graph, "a", input(PT_FLOAT32, 1), 1e-5), PT_NO_TENSOR);
    ck_fails(pt_graph_status(graph), PT_ERR_SHAPE, "last dimension");
    end();
    begin();
    ck_assert_int_eq(pt_linear_layer(graph, "a", input(PT_FLOAT32, 2), 3, 99), PT_NO_TENSOR);
    ck_fails(pt_graph_status(graph), PT_ERR_ARGUMENT, "activation");
    end();
}
END_TEST

SUITE("graph_layers", 30, test_linear, test_convolution, test_wrong_convolutions, test_convolution_of_rows,
      test_recurrent, test_wrong_recurrent, test_embedding, test_layer_norm,
      test_wrong_arguments, test_wrong_sizes)
