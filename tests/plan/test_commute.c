/* Activations that move behind maxima: which do, the same bits as where the host has them there, and what it saves. */
#include "plan/layout.h"
#include "support/failing_allocator.h"
#include "support/networks.h"

enum { SIDE = 12, CHANNELS = 16, SAMPLES = 8 };

typedef enum activation { RELU, RELU6, TANH } activation_t;

typedef struct design {
    activation_t activation;
    int32_t behind, dilation; /* behind: the host has the activation behind the maxima */
    int32_t read_twice, kept;
} design_t;

static pt_tensor_t activate(pt_graph_t *graph, activation_t activation, pt_tensor_t src)
{
    return activation == RELU ? pt_relu(graph, src) : activation == RELU6 ? pt_relu6(graph, src) : pt_tanh(graph, src);
}

static pt_graph_t *build(pt_context_t *context, const design_t *design)
{
    pt_graph_t *graph;
    pt_pool_options_t options;
    ck_ok(pt_graph_create(context, &graph));
    ck_ok(pt_pool_options_init(&options, sizeof options));
    options.size[0] = options.size[1] = 2;
    options.dilation[0] = design->dilation;
    pt_tensor_t hidden = pt_input(graph, "x", PT_FLOAT32, 4, (int64_t[]){PT_DIM_BATCH, SIDE, SIDE, 3});
    pt_tensor_t label = pt_input(graph, "y", PT_INT32, 1, (int64_t[]){PT_DIM_BATCH});
    hidden = pt_convolution_layer(graph, "convolution", hidden, CHANNELS, 3, 3, NULL);
    pt_tensor_t activated = design->behind ? hidden : activate(graph, design->activation, hidden);
    if (design->kept)
        pt_graph_set_output(graph, "activated", activated);
    hidden = pt_max_pool(graph, activated, &options);
    if (design->behind)
        hidden = activate(graph, design->activation, hidden);
    if (design->read_twice)
        hidden = pt_add(graph, hidden, pt_max_pool(graph, activated, &options));
    hidden = pt_mean(graph, pt_mean(graph, hidden, 1, 0), 1, 0);
    hidden = pt_linear_layer(graph, "head", hidden, 3, PT_ACTIVATION_NONE);
    pt_graph_set_loss(graph, pt_cross_entropy_loss(graph, hidden, label, NULL));
    ck_ok(pt_graph_status(graph));
    return graph;
}

static pt_status_t plan_of(const pt_graph_t *graph, const design_t *design, int32_t training, pt__plan_t **plan)
{
    static const int32_t wanted[] = {1, 1, 1, 1};
    pt_tensor_t targets[] = {graph->loss, design->kept ? pt__graph_output(graph, "activated") : PT_NO_TENSOR};
    pt__plan_options_t options = {.capacity = pt__rows_make(SAMPLES, 0),
                                  .training = training,
                                  .recompute = PT_RECOMPUTE_NOTHING,
                                  .wanted = wanted,
                                  .kept = targets,
                                  .n_kept = 2};
    ck_assert_int_le(graph->n_parameters, 4);
    return pt__plan_create(graph, &options, plan);
}

/* The step of an op, -1 where there is none. */
static int64_t step_of(const pt__plan_t *plan, const char *op)
{
    for (int64_t i = 0; i < plan->n_steps; i++)
        if (strcmp(plan->calls[i].op->name, op) == 0)
            return i;
    return -1;
}

START_TEST(test_what_moves)
{
    static const struct {
        design_t design;
        int32_t training, moves;
    } cases[] = {
        {{.activation = RELU, .dilation = 1}, 1, 1},
        {{.activation = RELU6, .dilation = 1}, 1, 1},
        {{.activation = RELU, .dilation = 1}, 0, 0},
        {{.activation = TANH, .dilation = 1}, 1, 0},
        {{.activation = RELU, .dilation = 2}, 1, 0}, /* may have windows of padding alone */
        {{.activation = RELU, .dilation = 1, .read_twice = 1}, 1, 0},
        {{.activation = RELU, .dilation = 1, .kept = 1}, 1, 0},
    };
    pt_context_t *context = network_context(1, 3);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        static const char *const names[] = {[RELU] = "relu", [RELU6] = "relu6", [TANH] = "tanh"};
        pt__plan_t *plan;
        pt_graph_t *graph = build(context, &cases[i].design);
        ck_ok(plan_of(graph, &cases[i].design, cases[i].training, &plan));
        /* where it stays, the convolution takes it in, unless it is kept */
        const int64_t at = step_of(plan, names[cases[i].design.activation]), pool = step_of(plan, "max_pool");
        ck_assert_msg(cases[i].moves == (at > pool), "case %d: at %d, max_pool at %d", (int)i, (int)at, (int)pool);
        pt__plan_free(plan);
        pt_graph_free(graph);
    }
    pt_context_free(context);
}
END_TEST

/* The model after some steps, and the bytes of its plan. */
static uint64_t train(const design_t *design, int64_t *bytes)
{
    static float x[SAMPLES * SIDE * SIDE * 3];
    static const int32_t y[SAMPLES] = {0, 1, 2, 0, 1, 2, 0, 1};
    pt_context_t *context = network_context(2, 3);
    pt_graph_t *graph = build(context, design);
    pt_model_t *model;
    pt__plan_t *plan;
    pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_SGD, 0.5);
    for (size_t i = 0; i < sizeof x / sizeof x[0]; i++)
        x[i] = (float)(i * 2654435761u % 1000) / 100 - 5;
    const pt_array_t values[] = {{.name = "x", .data = x, .dtype = PT_FLOAT32},
                                 {.name = "y", .data = view_data(y), .dtype = PT_INT32}};
    ck_ok(plan_of(graph, design, 1, &plan));
    *bytes = pt__plan_arena_bytes(plan);
    pt__plan_free(plan);
    ck_ok(pt_model_create(context, graph, &model));
    for (int step = 0; step < 4; step++)
        ck_ok(pt_train_step(model, optimizer, values, 2, sizeof(pt_array_t), SAMPLES, 0, NULL));
    const uint64_t fingerprint = network_fingerprint(model);
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    pt_graph_free(graph);
    pt_context_free(context);
    return fingerprint;
}

START_TEST(test_same_bits)
{
    for (activation_t activation = RELU; activation <= RELU6; activation++) {
        int64_t before, behind, kept;
        const uint64_t expected = train(&(design_t){activation, .behind = 1, .dilation = 1}, &behind);
        ck_assert_uint_eq(train(&(design_t){activation, .dilation = 1}, &before), expected);
        ck_assert_uint_eq(train(&(design_t){activation, .dilation = 1, .kept = 1}, &kept), expected);
        ck_assert_int_eq(before, behind);
        ck_assert_int_lt(before, kept);
    }
}
END_TEST

START_TEST(test_failing_allocations)
{
    const design_t design = {.activation = RELU, .dilation = 1};
    failing_allocator_t allocator;
    pt_status_t status;
    FOR_EACH_FAILING_ALLOCATION(allocator, {
        pt_context_options_t options;
        pt_context_t *context = NULL;
        pt__plan_t *plan = NULL;
        ck_ok(pt_context_options_init(&options, sizeof options));
        options.threads = 1;
        failing_allocator_hooks(&allocator, &options);
        pt_context_t *other = network_context(1, 3);
        pt_graph_t *graph = build(other, &design);
        pt_graph_t *copy = NULL;
        status = pt_context_create(&options, &context);
        if (status == PT_OK)
            status = pt__graph_copy_to(context, graph, &copy);
        if (status == PT_OK)
            status = plan_of(copy, &design, 1, &plan);
        if (status == PT_OK)
            ck_assert_int_ge(step_of(plan, "relu"), 0);
        pt__plan_free(plan);
        pt_graph_free(copy);
        pt_context_free(context);
        pt_graph_free(graph);
        pt_context_free(other);
    }, status);
}
END_TEST

SUITE("commute", 60, test_what_moves, test_same_bits, test_failing_allocations)
