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

SUITE("graph_layers", 30, test_linear, test_embedding, test_layer_norm, test_wrong_arguments, test_wrong_sizes)
