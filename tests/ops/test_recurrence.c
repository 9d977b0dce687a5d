/* Recurrent layers beside PyTorch's on packed samples, values and gradients (tests/golden/make_recurrence.py); and what
 * the builder calls refuse. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/machine.h"
#include "ops/recurrence_rules.h"
#include "support/golden.h"

typedef struct golden_case {
    const char *name;
    pt__case_t built;
} golden_case_t;

static const golden_case_t cases[] = {
    {"gru", {"f[T,3] f[15,3] f[15,5] f[15] f[15]", {.integers = {PT__CELL_GRU}}}},
    {"gru two",
     {"f[T,4] f[30,4] f[30,10] f[30] f[30] - f[30,4] f[30,10] f[30] f[30] - f[B,20]", {.integers = {PT__CELL_GRU}}}},
    {"lstm", {"f[T,3] f[16,3] f[16,4] - - - - - - - - f[B,4] f[B,4]", {.integers = {PT__CELL_LSTM}}}},
    {"lstm two", {"f[T,2] f[36,2] f[36,9] f[36] f[36] - f[36,2] f[36,9] f[36] f[36]", {.integers = {PT__CELL_LSTM}}}},
    {"lstm projected",
     {"f[T,3] f[24,3] f[24,2] f[24] f[24] f[2,6] f[24,3] f[24,2] f[24] f[24] f[2,6] f[B,4] f[B,12]",
      {.integers = {PT__CELL_LSTM}}}},
    {"rnn",
     {"f[T,4] f[18,4] f[18,18] f[18] f[18] - f[18,4] f[18,18] f[18] f[18] - f[B,36]", {.integers = {PT__CELL_TANH}}}},
    {"rnn relu", {"f[T,3] f[4,3] f[4,4] f[4] f[4]", {.integers = {PT__CELL_RELU}}}},
};

static const profile_t profile = {"golden", {1, 4, 14, 14}, 4, {0, 3, 4, 11, 14}, {0, 3, 4, 11, 14}};

static const char *const inputs[] = {"src",
                                     "weight_ih_l0",
                                     "weight_hh_l0",
                                     "bias_ih_l0",
                                     "bias_hh_l0",
                                     "weight_hr_l0",
                                     "weight_ih_l0_reverse",
                                     "weight_hh_l0_reverse",
                                     "bias_ih_l0_reverse",
                                     "bias_hh_l0_reverse",
                                     "weight_hr_l0_reverse",
                                     "h_0",
                                     "c_0"};
static const char *const outputs[] = {"dst", "h_n", NULL, NULL, "c_n"};

static void compare(const machine_t *machine, const char *line, pt_tensor_t tensor)
{
    int64_t n = machine->buffers[tensor].bytes / 4;
    double *expected = calloc((size_t)n, sizeof *expected), most = 1;
    const float *found = machine->buffers[tensor].data;
    ck_assert_int_eq(golden_numbers(line, expected, n), n);
    for (int64_t i = 0; i < n; i++)
        most = fmax(most, fabs(expected[i]));
    for (int64_t i = 0; i < n; i++)
        ck_assert_msg(fabs((double)found[i] - expected[i]) < 1e-5 * most, "%s[%d] is %.9g, expected %.9g", line, (int)i,
                      (double)found[i], expected[i]);
    free(expected);
}

static void put(const machine_t *machine, const char *line, pt_tensor_t tensor)
{
    int64_t n = machine->buffers[tensor].bytes / 4;
    ck_assert_int_eq(golden_floats(line, machine->buffers[tensor].data, n), n);
}

static void check_case(const golden_case_t *golden, pt__device_t *device)
{
    machine_t machine = {.ran = NULL};
    char line[96];
    int32_t compared = 0;
    ck_ok(machine_create(&machine, pt__op_find("recurrence"), &golden->built, &profile, UINT32_MAX, 1));
    for (int32_t i = 0; i < machine.node.n_inputs; i++)
        if (machine.node.inputs[i] != PT_NO_TENSOR) {
            snprintf(line, sizeof line, "%s %s", golden->name, inputs[i]);
            put(&machine, line, machine.node.inputs[i]);
        }
    for (int32_t o = 0; o < machine.node.n_outputs; o++)
        if (machine.d_dst[o] != PT_NO_TENSOR) {
            snprintf(line, sizeof line, "%s d_%s", golden->name, outputs[o]);
            put(&machine, line, machine.d_dst[o]);
        }
    machine_execute(&machine, device);
    for (int32_t o = 0; o < machine.node.n_outputs; o++)
        if (outputs[o] != NULL) {
            snprintf(line, sizeof line, "%s %s", golden->name, outputs[o]);
            compare(&machine, line, machine.node.outputs[o]);
        }
    for (int32_t i = 0; i < machine.node.n_inputs; i++)
        if (machine.wanted[i] && machine.node.inputs[i] != PT_NO_TENSOR) {
            snprintf(line, sizeof line, "%s grad %s", golden->name, inputs[i]);
            compare(&machine, line, machine.d_inputs[i]);
            compared++;
        }
    ck_assert_int_ge(compared, 5);
    machine_free(&machine);
}

START_TEST(test_golden_cases)
{
    golden_read("tests/golden/recurrence.txt");
    for (pt__level_t level = PT__LEVEL_PORTABLE; level < PT__LEVEL_COUNT; level++) {
        pt__memory_t memory;
        pt__pool_t *pool;
        pt__device_t *device;
        if (!pt__level_supported(level))
            continue;
        pt__memory_init(&memory, NULL, NULL, NULL);
        ck_ok(pt__pool_create(&memory, 2, &pool));
        ck_ok(pt__cpu_create(&memory, pool, level, PT__GEMM_AUTO, &device));
        ck_ok(pt__cpu_reserve(device, PT__KERNEL_SCRATCH));
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
            check_case(&cases[i], device);
        pt__device_free(device);
        pt__pool_free(pool);
    }
}
END_TEST

/* ---- What is refused ---- */

static pt_tensor_t weight_of(pt_graph_t *graph, const char *name, int64_t rows, int64_t columns)
{
    return pt_parameter(graph, name, columns > 0 ? 2 : 1, (int64_t[]){rows, columns}, NULL);
}

/* A graph with `src` [T, 3] and weights of 4 cells with so many gates. */
static pt_graph_t *graph_with(pt_context_t *context, int64_t gates, pt_tensor_t *src, pt_recurrent_weights_t *weights)
{
    pt_graph_t *graph;
    ck_ok(pt_graph_create(context, &graph));
    *src = pt_input(graph, "src", PT_FLOAT32, 2, (int64_t[]){PT_DIM_TOKENS, 3});
    ck_ok(pt_recurrent_weights_init(weights, sizeof *weights));
    weights->weight_ih = weight_of(graph, "ih", gates * 4, 3);
    weights->weight_hh = weight_of(graph, "hh", gates * 4, 4);
    return graph;
}

#define REFUSED(expected, part, gates, call)                                         \
    do {                                                                             \
        pt_recurrent_weights_t weights;                                              \
        pt_tensor_t src, last = 77;                                                  \
        pt_graph_t *graph = graph_with(context, gates, &src, &weights);              \
        (void)last;                                                                  \
        ck_assert_int_eq(call, PT_NO_TENSOR);                                        \
        ck_assert_msg(strstr(pt_last_error(), part) != NULL, "%s", pt_last_error()); \
        ck_assert_int_eq(pt_graph_status(graph), expected);                          \
        pt_graph_free(graph);                                                        \
    } while (0)

START_TEST(test_refusals)
{
    pt_context_t *context;
    ck_ok(pt_context_create(NULL, &context));
    REFUSED(PT_ERR_ARGUMENT, "forward is NULL", 3, pt_gru(graph, src, NULL, NULL, PT_NO_TENSOR, NULL));
    REFUSED(PT_ERR_SHAPE, "weight_hh is float32[12, 4], expected [12, 3]", 3,
            pt_lstm(graph, src, &weights, NULL, PT_NO_TENSOR, PT_NO_TENSOR, &last, NULL));
    REFUSED(PT_ERR_SHAPE, "weight_hh", 3,
            (weights.weight_hh = weight_of(graph, "w", 12, 3), pt_gru(graph, src, &weights, NULL, PT_NO_TENSOR, NULL)));
    REFUSED(PT_ERR_SHAPE, "bias_ih is float32[11], expected [12]", 3,
            (weights.bias_ih = weight_of(graph, "b", 11, 0), pt_gru(graph, src, &weights, NULL, PT_NO_TENSOR, NULL)));
    REFUSED(PT_ERR_SHAPE, "only an LSTM projects", 3,
            (weights.weight_hr = weight_of(graph, "hr", 4, 4), pt_gru(graph, src, &weights, NULL, PT_NO_TENSOR, NULL)));
    REFUSED(PT_ERR_SHAPE, "weight_hr is float32[4, 4]", 4,
            (weights.weight_hr = weight_of(graph, "hr", 4, 4),
             pt_lstm(graph, src, &weights, NULL, PT_NO_TENSOR, PT_NO_TENSOR, NULL, NULL)));
    REFUSED(PT_ERR_SHAPE, "initial_hidden", 3, pt_gru(graph, src, &weights, NULL, src, NULL));
    REFUSED(PT_ERR_SHAPE, "initial_hidden is float32[B, 4], expected [PT_DIM_BATCH, 8]", 3,
            pt_gru(graph, src, &weights, &weights, pt_input(graph, "h", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 4}),
                   NULL));
    REFUSED(PT_ERR_SHAPE, "src", 3,
            pt_gru(graph, pt_input(graph, "x", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 3}), &weights, NULL,
                   PT_NO_TENSOR, NULL));
    REFUSED(PT_ERR_ARGUMENT, "expected PT_ACTIVATION_TANH", 1,
            pt_rnn(graph, src, &weights, NULL, PT_ACTIVATION_SILU, PT_NO_TENSOR, &last));
    REFUSED(PT_ERR_ARGUMENT, "weight_ih and weight_hh", 1,
            (last = pt_rnn(graph, src, &weights,
                           &(pt_recurrent_weights_t){.struct_size = sizeof weights, .bias_ih = weights.weight_ih},
                           PT_ACTIVATION_RELU, PT_NO_TENSOR, NULL)));
    pt_context_free(context);
}
END_TEST

SUITE("recurrence", 60, test_golden_cases, test_refusals)
