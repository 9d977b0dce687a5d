/* A network whose frozen matrices are stored narrower than float32: the same bits as with their numbers as floats,
 * in the loss and in the gradients of what learns; and what may not be stored so. */
#include <stdlib.h>

#include "base/dtype.h"
#include "kernels/cpu/cpu_device.h"
#include "plan/layout.h"
#include "support/networks.h"

enum { VOCABULARY = 31, WIDTH = 64, INNER = 96, SAMPLES = 3, TOKENS = 50, PARAMETERS = 4 };
enum { EMBEDDING, UP, DOWN, BIAS };
static const int64_t shapes[PARAMETERS][2] = {{VOCABULARY, WIDTH}, {INNER, WIDTH}, {INNER, WIDTH}, {INNER, 0}};
static const char *const names[PARAMETERS] = {"embedding", "up", "down", "bias"};

typedef struct network {
    pt_context_t *context;
    pt_graph_t *graph;
} network_t;

/* Only our own kernels promise the same bits: cblas, where a processor has no better, takes no narrow operand.
 * embedding, up [outputs, inputs], down [inputs, outputs], and the embedding again as the head; `bias` alone learns. */
static network_t build(void)
{
    network_t network = {.context = network_context_with(PT_GEMM_OWN, 2, 5)};
    pt_tensor_t p[PARAMETERS];
    ck_ok(pt_graph_create(network.context, &network.graph));
    pt_graph_t *graph = network.graph;
    pt_tensor_t tokens = pt_input(graph, "tokens", PT_INT32, 1, (int64_t[]){PT_DIM_TOKENS});
    pt_tensor_t labels = pt_input(graph, "labels", PT_INT32, 1, (int64_t[]){PT_DIM_TOKENS});
    for (int i = 0; i < PARAMETERS; i++)
        p[i] = pt_parameter(graph, names[i], i == BIAS ? 1 : 2, shapes[i], INITIAL(PT_INIT_CONSTANT, 0));
    pt_tensor_t hidden = pt_embedding(graph, tokens, p[EMBEDDING]);
    hidden = pt_linear(graph, hidden, p[UP], p[BIAS], PT_ACTIVATION_GELU_TANH);
    hidden = pt_linear_in_out(graph, hidden, p[DOWN], PT_NO_TENSOR, PT_ACTIVATION_NONE);
    pt_graph_set_loss(graph, pt_linear_cross_entropy_loss(graph, hidden, p[EMBEDDING], PT_NO_TENSOR, labels, NULL));
    ck_ok(pt_graph_status(graph));
    return network;
}

static void close(network_t *network)
{
    pt_graph_free(network->graph);
    pt_context_free(network->context);
}

/* Numbers that every dtype under test holds exactly: a multiple of 1/64 below 1/2 by an int8 and a scale of 1/64. */
static void *store(int32_t dtype, const float *values, int64_t n)
{
    unsigned char *stored = malloc((size_t)pt__dtype_bytes(dtype, n));
    ck_assert_ptr_nonnull(stored);
    for (int64_t i = 0; i < n; i++) {
        uint16_t word = dtype == PT_BFLOAT16 ? pt__float_to_bfloat(values[i]) : pt__float_to_half(values[i]);
        uint16_t scale = pt__float_to_half(1.0f / 64);
        if (dtype == PT_FLOAT32)
            memcpy(stored + 4 * i, &values[i], 4);
        else if (dtype != PT__BLOCK_Q8_0)
            memcpy(stored + 2 * i, &word, 2);
        else {
            memcpy(stored + i / 32 * 34, &scale, 2);
            stored[i / 32 * 34 + 2 + i % 32] = (unsigned char)(int8_t)(values[i] * 64);
        }
    }
    return stored;
}

/* One training run with the matrices stored so; the loss, and the bias' gradient. */
static void run(int32_t dtype, float *loss, float gradient[INNER])
{
    network_t network = build();
    pt_graph_t *graph = network.graph;
    pt__device_t *device = network.context->device;
    pt__plan_t *plan;
    void *values[PARAMETERS], *arena;
    float *gradients[PARAMETERS] = {NULL};
    const int32_t wanted[PARAMETERS] = {[BIAS] = 1}, offsets[SAMPLES + 1] = {0, 20, 21, TOKENS};
    int32_t tokens[TOKENS], labels[TOKENS];
    float numbers[INNER * WIDTH];
    for (int i = 0; i < PARAMETERS; i++) {
        int64_t n = shapes[i][0] * (i == BIAS ? 1 : shapes[i][1]);
        for (int64_t k = 0; k < n; k++)
            numbers[k] = (float)((k * 37 + i * 11) % 63 - 31) / 64;
        values[i] = store(i == BIAS ? PT_FLOAT32 : dtype, numbers, n);
        if (i != BIAS)
            ck_ok(pt__graph_store_as(graph, i, dtype));
    }
    for (int i = 0; i < TOKENS; i++) {
        tokens[i] = (i * 7) % VOCABULARY;
        labels[i] = i % 4 == 1 ? PT_IGNORE_INDEX : (i * 5) % VOCABULARY;
    }
    pt_tensor_t kept[] = {graph->loss};
    pt__plan_options_t options = {
        .capacity = pt__rows_make(SAMPLES, TOKENS), .training = 1, .wanted = wanted, .kept = kept, .n_kept = 1};
    ck_ok(pt__plan_create(graph, &options, &plan));
    ck_ok(pt__device_allocate(device, pt__plan_arena_bytes(plan), "arena", &arena));
    gradients[BIAS] = gradient;
    pt__plan_bind(plan, arena, (float *const *)(void *)values, gradients, NULL);
    pt__run_t there = {.device = device, .training = 1, .count = {1, SAMPLES, TOKENS}};
    there.offsets[PT__DIMENSION_TOKENS] = offsets;
    ck_ok(pt__device_enter(device));
    ck_ok(pt__plan_run(plan, &there, (const void *const[]){tokens, labels}));
    ck_ok(pt__device_leave(device));
    *loss = *(const float *)pt__plan_read(plan, graph->loss).data;
    pt__device_release(device, arena);
    pt__plan_free(plan);
    for (int i = 0; i < PARAMETERS; i++)
        free(values[i]);
    close(&network);
}

START_TEST(test_same_bits_as_floats)
{
    static const int32_t dtypes[] = {PT_FLOAT16, PT_BFLOAT16, PT__BLOCK_Q8_0};
    float expected, expected_gradient[INNER], loss, gradient[INNER];
    run(PT_FLOAT32, &expected, expected_gradient);
    ck_assert(isfinite(expected) && expected > 1 && expected_gradient[5] != 0.0f);
    for (size_t d = 0; d < sizeof dtypes / sizeof dtypes[0]; d++) {
        run(dtypes[d], &loss, gradient);
        ck_assert_msg(loss == expected, "%s: loss %.9g, not %.9g", pt__dtype_name(dtypes[d]), (double)loss,
                      (double)expected);
        ck_assert_int_eq(memcmp(gradient, expected_gradient, sizeof gradient), 0);
    }
}
END_TEST

START_TEST(test_narrow_does_not_learn)
{
    network_t network = build();
    const int32_t wanted[PARAMETERS] = {[UP] = 1, [BIAS] = 1};
    pt__plan_t *plan = NULL;
    pt_tensor_t kept[] = {network.graph->loss};
    pt__plan_options_t options = {
        .capacity = pt__rows_make(1, 8), .training = 1, .wanted = wanted, .kept = kept, .n_kept = 1};
    ck_ok(pt__graph_store_as(network.graph, UP, PT_BFLOAT16));
    ck_fails(pt__plan_create(network.graph, &options, &plan), PT_ERR_UNSUPPORTED,
             "parameter \"up\" is stored as bfloat16");
    ck_ok(pt__graph_store_as(network.graph, UP, PT_FLOAT32));
    ck_ok(pt__plan_create(network.graph, &options, &plan));
    pt__plan_free(plan);
    close(&network);
}
END_TEST

START_TEST(test_what_ops_take)
{
    network_t network = build();
    pt_graph_t *graph = network.graph;
    ck_assert(pt__graph_takes(graph, graph->parameters[EMBEDDING].tensor, PT__BLOCK_Q8_0));
    ck_assert(pt__graph_takes(graph, graph->parameters[BIAS].tensor, PT_FLOAT32));
    ck_assert(!pt__graph_takes(graph, graph->parameters[BIAS].tensor, PT_BFLOAT16));
    ck_assert(!pt__graph_takes(graph, graph->parameters[UP].tensor, PT_FLOAT64));
    ck_fails(pt__graph_store_as(graph, BIAS, PT_BFLOAT16), PT_ERR_UNSUPPORTED,
             "parameter \"bias\", float32[96]: the op linear, which reads it, does not take it as bfloat16");
    ck_fails(pt__graph_store_as(graph, UP, PT_INT8), PT_ERR_UNSUPPORTED, "parameter \"up\": no op reads int8");
    ck_ok(pt__graph_store_as(graph, UP, PT_FLOAT16));
    ck_ok(pt__graph_verify(graph));
    /* an op that comes later and takes floats alone */
    ck_assert_int_eq(pt_softmax(graph, graph->parameters[UP].tensor), PT_NO_TENSOR);
    ck_assert_ptr_nonnull(strstr(graph->message, "softmax: input 0 is float16[96, 64], expected float32"));
    /* a breach that no builder lets through */
    graph->tensors[graph->parameters[BIAS].tensor].dtype = PT_FLOAT16;
    ck_fails(pt__graph_verify(graph), PT_ERR_INTERNAL, "input 2 is float16");
    close(&network);
}
END_TEST

SUITE("narrow", 30, test_same_bits_as_floats, test_narrow_does_not_learn, test_what_ops_take)
