/* The planner's fusion: what moves into the product before it, what must not, and that the numbers are the same. */
#include "plan/layout.h"
#include "support/networks.h"
#include "support/views.h"

enum { WIDTH = 20, SAMPLES = 7 };

/* Steps on the way to the loss. */
static int64_t steps_of(const pt__plan_t *plan, const char *op)
{
    int64_t count = 0;
    const pt__node_t *last = pt__graph_producer(plan->graph, plan->graph->loss);
    for (int64_t i = 0; i < plan->n_steps; i++)
        count += plan->graph->nodes + plan->steps[i].node <= last && strcmp(plan->calls[i].op->name, op) == 0;
    return count;
}

static pt__plan_t *plan_of(const pt_graph_t *graph, int32_t training)
{
    pt__plan_t *plan;
    int32_t wanted[16];
    pt_tensor_t targets[] = {graph->loss, pt__graph_loss_weight(graph)};
    ck_assert_int_le(graph->n_parameters, 16);
    for (int64_t i = 0; i < graph->n_parameters; i++)
        wanted[i] = 1;
    pt__plan_options_t options = {.capacity = pt__rows_make(SAMPLES, 0),
                                  .training = training,
                                  .recompute = PT_RECOMPUTE_NOTHING,
                                  .wanted = wanted,
                                  .kept = targets,
                                  .n_kept = 2};
    ck_ok(pt_graph_status(graph));
    ck_ok(pt__plan_create(graph, &options, &plan));
    return plan;
}

typedef pt_tensor_t block_t(pt_graph_t *graph, pt_tensor_t src);

static pt_tensor_t layer(pt_graph_t *graph, const char *name, pt_tensor_t src, int32_t activation)
{
    return pt_linear_layer(graph, name, src, WIDTH, activation);
}

/* ResNet's: the branch joins before the activation. */
static pt_tensor_t residual_relu(pt_graph_t *graph, pt_tensor_t src)
{
    return pt_relu(graph, pt_add(graph, src, layer(graph, "branch", src, PT_ACTIVATION_NONE)));
}

static pt_tensor_t residual_gelu(pt_graph_t *graph, pt_tensor_t src)
{
    return pt_gelu(graph, pt_add(graph, layer(graph, "branch", src, PT_ACTIVATION_NONE), src));
}

/* The same with a batch norm at the end of the branch, and one before it. */
static pt_tensor_t residual_norm_relu(pt_graph_t *graph, pt_tensor_t src)
{
    pt_tensor_t first = pt_relu(graph, pt_batch_norm_layer(graph, "first", src, 0.1, 1e-5));
    pt_tensor_t branch = layer(graph, "branch", first, PT_ACTIVATION_NONE);
    return pt_relu(graph, pt_add(graph, pt_batch_norm_layer(graph, "norm", branch, 0.1, 1e-5), src));
}

/* The branch joins after the activation: an addition that the product must not do before it. */
static pt_tensor_t relu_residual(pt_graph_t *graph, pt_tensor_t src)
{
    return pt_add(graph, src, layer(graph, "branch", src, PT_ACTIVATION_RELU));
}

static pt_tensor_t relu_then_residual(pt_graph_t *graph, pt_tensor_t src)
{
    return pt_add(graph, src, pt_relu(graph, layer(graph, "branch", src, PT_ACTIVATION_NONE)));
}

/* The sum is read beside its activation. */
static pt_tensor_t sum_read_twice(pt_graph_t *graph, pt_tensor_t src)
{
    pt_tensor_t sum = pt_add(graph, src, layer(graph, "branch", src, PT_ACTIVATION_NONE));
    return pt_mul(graph, sum, pt_relu(graph, sum));
}

static pt_tensor_t tanh_of_tanh(pt_graph_t *graph, pt_tensor_t src)
{
    return pt_tanh(graph, layer(graph, "branch", src, PT_ACTIVATION_TANH));
}

/* Three gradients meet at src. */
static pt_tensor_t three_readers(pt_graph_t *graph, pt_tensor_t src)
{
    pt_tensor_t product = pt_mul(graph, layer(graph, "a", src, PT_ACTIVATION_NONE),
                                 layer(graph, "b", src, PT_ACTIVATION_NONE));
    return pt_add(graph, layer(graph, "c", src, PT_ACTIVATION_NONE), product);
}

static pt_graph_t *network(pt_context_t *context, block_t *block)
{
    pt_graph_t *graph;
    ck_ok(pt_graph_create(context, &graph));
    pt_tensor_t x = pt_input(graph, "x", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, WIDTH});
    pt_tensor_t y = pt_input(graph, "y", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, WIDTH});
    pt_tensor_t dst = block(graph, layer(graph, "below", x, PT_ACTIVATION_NONE));
    ck_ok(pt_graph_set_loss(graph, pt_mse_loss(graph, layer(graph, "above", dst, PT_ACTIVATION_NONE), y, NULL)));
    return graph;
}

static const struct {
    block_t *block;
    int64_t training_add, training_activation, evaluation_add, evaluation_activation; /* steps that are left */
    const char *activation;
} expected[] = {
    {residual_relu, 0, 0, 0, 0, "relu"},  {residual_gelu, 0, 1, 0, 0, "gelu"},
    {relu_residual, 1, 0, 1, 0, "relu"},  {relu_then_residual, 1, 0, 1, 0, "relu"},
    {sum_read_twice, 0, 1, 0, 1, "relu"}, {tanh_of_tanh, 0, 1, 0, 1, "tanh"},
    {three_readers, 0, 0, 0, 0, "relu"},  {residual_norm_relu, 0, 0, 0, 0, "relu"},
};

START_TEST(test_what_moves)
{
    pt_context_t *context = network_context(1, 3);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        pt_graph_t *graph = network(context, expected[i].block);
        pt__plan_t *plan = plan_of(graph, 1);
        ck_assert_int_eq(steps_of(plan, "add"), expected[i].training_add);
        ck_assert_int_eq(steps_of(plan, expected[i].activation), expected[i].training_activation);
        pt__plan_free(plan);
        plan = plan_of(graph, 0);
        ck_assert_int_eq(steps_of(plan, "add"), expected[i].evaluation_add);
        ck_assert_int_eq(steps_of(plan, expected[i].activation), expected[i].evaluation_activation);
        pt__plan_free(plan);
        pt_graph_free(graph);
    }
    pt_context_free(context);
}
END_TEST

/* Products add the gradient that is there to theirs. */
START_TEST(test_gradients_that_meet)
{
    pt_context_t *context = network_context(1, 3);
    pt_graph_t *graph = network(context, three_readers);
    pt__plan_t *plan = plan_of(graph, 1);
    for (int64_t i = 0; i < plan->n_steps; i++)
        ck_assert_str_ne(plan->calls[i].op->name, "add");
    pt__plan_free(plan);
    pt_graph_free(graph);
    pt_context_free(context);
}
END_TEST

/* The gradient of the first layer's weight beside finite differences of the loss, whose plan is fused otherwise. */
static void check_gradient(pt_model_t *model, pt_optimizer_t *optimizer, const pt_array_t *values)
{
    float gradient[WIDTH * WIDTH], weight[WIDTH * WIDTH];
    ck_ok(pt_train_step(model, optimizer, values, 2, sizeof(pt_array_t), SAMPLES, PT_STEP_ACCUMULATE, NULL));
    ck_ok(get_gradient(model, 0, gradient, WIDTH * WIDTH));
    ck_ok(get_parameter(model, 0, weight, WIDTH * WIDTH));
    for (int i = 0; i < WIDTH * WIDTH; i += 37) {
        double losses[2];
        const float kept = weight[i];
        for (int side = 0; side < 2; side++) {
            weight[i] = kept + (side ? 1e-2f : -1e-2f);
            ck_ok(set_parameter(model, 0, weight, WIDTH * WIDTH));
            ck_ok(pt_loss(model, values, 2, sizeof(pt_array_t), SAMPLES, &losses[side]));
        }
        weight[i] = kept;
        ck_assert_double_eq_tol((losses[1] - losses[0]) / 2e-2, (double)gradient[i], 2e-3);
    }
}

START_TEST(test_gradients)
{
    pt_context_t *context = network_context(1, 3);
    float x[SAMPLES * WIDTH], y[SAMPLES * WIDTH];
    for (int i = 0; i < SAMPLES * WIDTH; i++) {
        x[i] = (float)(i * 7 % 31) / 15.0f - 1.0f;
        y[i] = (float)(i * 11 % 29) / 14.0f - 1.0f;
    }
    const pt_array_t values[] = {{.name = "x", .data = x, .dtype = PT_FLOAT32},
                                 {.name = "y", .data = y, .dtype = PT_FLOAT32}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        pt_graph_t *graph = network(context, expected[i].block);
        pt_model_t *model;
        ck_ok(pt_model_create(context, graph, &model));
        pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_SGD, 0);
        if (expected[i].block == residual_norm_relu) /* so that the losses are those of the same statistics */
            ck_ok(pt_model_set_trainable(model, "*.running_*", 0, NULL));
        check_gradient(model, optimizer, values);
        pt_optimizer_free(optimizer);
        pt_model_free(model);
        pt_graph_free(graph);
    }
    pt_context_free(context);
}
END_TEST

SUITE("fuse", 60, test_what_moves, test_gradients_that_meet, test_gradients)
