/* The verifier finds each breach of what planning and running rely on: a sound graph, with one thing wrong. */
#include "graph/builder.h"
#include "graph/op.h"
#include "support/networks.h"

static pt_context_t *context;
static pt_graph_t *graph;
static pt_tensor_t x, weight, product, flat;

static void build(void)
{
    ck_ok(pt_graph_create(context, &graph));
    x = pt_input(graph, "x", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 4});
    weight = pt_parameter(graph, "weight", 2, (int64_t[]){3, 4}, INITIAL(PT_INIT_NORMAL, 1));
    product = pt_linear(graph, x, weight, PT_NO_TENSOR, PT_ACTIVATION_NONE);
    flat = pt_reshape(graph, product, 3, (int64_t[]){PT_DIM_BATCH, 3, 1});
    ck_ok(pt_graph_set_output(graph, "flat", flat));
    ck_ok(pt_graph_set_metric_ratio(graph, "mean", pt_mse_loss(graph, product, product, NULL), PT_NO_TENSOR,
                                    PT_METRIC_LOWER));
    ck_ok(pt_graph_status(graph));
    ck_ok(pt__graph_verify(graph));
}

#define BREACH(change, part)                                      \
    do {                                                          \
        build();                                                  \
        pt__tensor_t *tensor = &graph->tensors[product];          \
        pt__node_t *node = &graph->nodes[tensor->place];          \
        change;                                                   \
        ck_fails(pt__graph_verify(graph), PT_ERR_INTERNAL, part); \
        (void)node;                                               \
        pt_graph_free(graph);                                     \
    } while (0)

START_TEST(test_tensors)
{
    context = network_context(1, 1);
    BREACH(tensor->shape.rank = -1, "rank -1");
    BREACH(tensor->shape.rank = PT_MAX_RANK + 1, "rank 7");
    BREACH(tensor->shape.dimension = -1, "dimension -1");
    BREACH(tensor->shape.dimension = 99, "dimension 99");
    BREACH(tensor->shape.rank = 0, "a scalar with a symbolic size");
    BREACH(tensor->shape.size[1] = 0, "size 0 of dimension 1");
    BREACH(tensor->shape.size[1] = INT64_MAX / 2, "of dimension 1");
    BREACH(tensor->dtype = PT_INT64, "dtype int64");
    BREACH(tensor->dtype = PT_FLOAT16, "dtype float16"); /* of parameters alone */
    pt_context_free(context);
}
END_TEST

START_TEST(test_nodes)
{
    context = network_context(1, 1);
    BREACH(node->n_inputs = 0, "0 inputs");
    BREACH(node->n_inputs = 99, "99 inputs");
    BREACH(node->n_outputs = 0, "0 outputs");
    BREACH(node->outputs[0] = 999, "output 0 is not its own");
    BREACH(node->outputs[0] = x, "output 0 is not its own");
    BREACH(tensor->place = 1, "output 0 is not its own");
    BREACH(tensor->output = 1, "output 0 is not its own");
    BREACH(node->inputs[0] = 999, "input 0 does not come before it");
    BREACH(node->inputs[0] = flat, "input 0 does not come before it");
    BREACH(node->inputs[0] = PT_NO_TENSOR, "input 0 does not come before it");
    BREACH(graph->tensors[x].dtype = PT_FLOAT16, "input 0 is float16");
    BREACH(graph->tensors[flat].shape.size[1] = 5, "a view of another size");
    BREACH(graph->tensors[flat].shape.dimension = PT__DIMENSION_NONE, "a view of another size");
    BREACH(graph->metrics[0].value = 999, "metric \"mean\" reads what is not there");
    pt_context_free(context);
}
END_TEST

SUITE("verify", 30, test_tensors, test_nodes)
