/* Attention beside PyTorch's, values and gradients (tests/golden/make_attention.py): keys of other lengths, queries
 * with an offset, windows, scales; and what dropout promises: nothing changes at probability 0 and while not training,
 * nodes of other numbers and runs of other keys draw other masks, and every processor level draws the same. What the
 * options mean together. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/machine.h"
#include "support/golden.h"

enum { CAUSAL = PT_ATTENTION_CAUSAL, LAST = PT_ATTENTION_CAUSAL | PT_ATTENTION_ALIGN_LAST };

typedef struct golden_case {
    const char *name;
    pt__case_t built;
    profile_t profile; /* of ragged rows */
} golden_case_t;

#define FIXED                       \
    {                               \
        "fixed sizes", {1}, 0, {0}, \
        {                           \
            0                       \
        }                           \
    }

static const golden_case_t cases[] = {
    {"cross", {"f[2,5,6] f[2,9,6] f[2,9,4]", {.integers = {2, 2}}}, FIXED},
    {"ragged",
     {"f[T,12] f[S,6] f[S,6]", {.integers = {4, 2}}},
     {"ragged", {1, 3, 10, 15}, 3, {0, 3, 4, 10}, {0, 5, 13, 15}}},
    {"causal", {"f[2,9,4] f[2,4,2] f[2,4,2]", {.integers = {2, 1, CAUSAL}}}, FIXED},
    {"aligned", {"f[2,4,4] f[2,9,4] f[2,9,4]", {.integers = {1, 1, LAST}}}, FIXED},
    {"ragged aligned",
     {"f[T,4] f[S,4] f[S,4]", {.integers = {2, 2, LAST}}},
     {"ragged", {1, 3, 10, 20}, 3, {0, 3, 4, 10}, {0, 5, 13, 20}}},
    {"window", {"f[1,12,4] f[1,12,4] f[1,12,4]", {.integers = {2, 2, CAUSAL, 3}}}, FIXED},
    {"negative",
     {"f[1,5,3] f[1,5,3] f[1,5,3]", {.integers = {1, 1, CAUSAL | PT_ATTENTION_SCALE}, .reals = {-0.5}}},
     FIXED},
    {"tiles", {"f[1,70,3] f[1,140,3] f[1,140,2]", {.integers = {1, 1, LAST, 50}}}, FIXED},
};

typedef struct rig {
    pt__memory_t memory;
    pt__pool_t *pool;
    pt__device_t *device;
} rig_t;

static void open_rig(rig_t *rig, pt__level_t level)
{
    pt__memory_init(&rig->memory, NULL, NULL, NULL);
    ck_ok(pt__pool_create(&rig->memory, 2, &rig->pool));
    ck_ok(pt__cpu_create(&rig->memory, rig->pool, level, PT__GEMM_AUTO, &rig->device));
    ck_ok(pt__cpu_reserve(rig->device, PT__KERNEL_SCRATCH));
}

static void close_rig(rig_t *rig)
{
    pt__device_free(rig->device);
    pt__pool_free(rig->pool);
}

static void compare(const machine_t *machine, const char *name, const char *key, pt_tensor_t tensor)
{
    char line[64];
    int64_t n = machine->buffers[tensor].bytes / 4;
    double *expected = calloc((size_t)n, sizeof *expected);
    const float *found = machine->buffers[tensor].data;
    snprintf(line, sizeof line, "%s %s", name, key);
    ck_assert_int_eq(golden_numbers(line, expected, n), n);
    for (int64_t i = 0; i < n; i++)
        ck_assert_msg(fabs((double)found[i] - expected[i]) < 5e-6 * fmax(1, fabs(expected[i])),
                      "%s[%d] is %.9g, expected %.9g", line, (int)i, (double)found[i], expected[i]);
    free(expected);
}

static void put(const machine_t *machine, const char *name, const char *key, pt_tensor_t tensor)
{
    char line[64];
    int64_t n = machine->buffers[tensor].bytes / 4;
    snprintf(line, sizeof line, "%s %s", name, key);
    ck_assert_int_eq(golden_floats(line, machine->buffers[tensor].data, n), n);
}

START_TEST(test_golden_cases)
{
    golden_read("tests/golden/attention.txt");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (pt__level_t level = PT__LEVEL_PORTABLE; level < PT__LEVEL_COUNT; level++) {
            const char *name = cases[i].name;
            machine_t machine = {.ran = NULL};
            rig_t rig;
            if (!pt__level_supported(level))
                continue;
            open_rig(&rig, level);
            ck_ok(
                machine_create(&machine, pt__op_find("attention"), &cases[i].built, &cases[i].profile, UINT32_MAX, 1));
            put(&machine, name, "q", machine.node.inputs[0]);
            put(&machine, name, "k", machine.node.inputs[1]);
            put(&machine, name, "v", machine.node.inputs[2]);
            put(&machine, name, "d", machine.d_dst[0]);
            machine_execute(&machine, rig.device);
            compare(&machine, name, "dst", machine.node.outputs[0]);
            compare(&machine, name, "d_q", machine.d_inputs[0]);
            compare(&machine, name, "d_k", machine.d_inputs[1]);
            compare(&machine, name, "d_v", machine.d_inputs[2]);
            machine_free(&machine);
            close_rig(&rig);
        }
}
END_TEST

/* All that a run of attention writes: dst, and the gradient of qkv. */
static float *run_packed(pt__level_t level, double dropout, int64_t number, uint64_t random_key, int32_t training,
                         int64_t *n)
{
    const pt__case_t description = {"f[2,130,24]",
                                    {.integers = {2, 2, CAUSAL, 0, (int32_t)number}, .reals = {0, dropout}}};
    static const profile_t profile = FIXED;
    machine_t machine = {.ran = NULL};
    rig_t rig;
    open_rig(&rig, level);
    ck_ok(machine_create(&machine, pt__op_find("attention_packed"), &description, &profile, UINT32_MAX, 3));
    machine.run.training = training;
    machine.run.random_key = random_key;
    machine_execute(&machine, rig.device);
    const buffer_t *dst = &machine.buffers[machine.node.outputs[0]], *d_qkv = &machine.buffers[machine.d_inputs[0]];
    *n = (dst->bytes + d_qkv->bytes) / 4;
    float *all = malloc((size_t)(dst->bytes + d_qkv->bytes));
    ck_assert_ptr_nonnull(all);
    memcpy(all, dst->data, (size_t)dst->bytes);
    memcpy(all + dst->bytes / 4, d_qkv->data, (size_t)d_qkv->bytes);
    machine_free(&machine);
    close_rig(&rig);
    return all;
}

START_TEST(test_dropout)
{
    int64_t n;
    pt__level_t lowest = PT__LEVEL_PORTABLE; /* of those that the build has (-Dlevels=): all draw the same */
    while (!pt__level_supported(lowest))
        lowest++;
    for (pt__level_t level = lowest; level < PT__LEVEL_COUNT; level++) {
        if (!pt__level_supported(level))
            continue;
        float *plain = run_packed(level, 0, 0, 1, 0, &n), *none = run_packed(level, 0, 7, 5, 1, &n),
              *evaluation = run_packed(level, 0.5, 7, 5, 0, &n), *dropped = run_packed(level, 0.5, 7, 5, 1, &n),
              *again = run_packed(level, 0.5, 7, 5, 1, &n), *number = run_packed(level, 0.5, 8, 5, 1, &n),
              *key = run_packed(level, 0.5, 7, 6, 1, &n), *expected = run_packed(lowest, 0.5, 7, 5, 1, &n);
        size_t bytes = (size_t)n * sizeof(float);
        ck_assert_mem_eq(plain, none, bytes);
        ck_assert_mem_eq(plain, evaluation, bytes);
        ck_assert_mem_ne(plain, dropped, bytes);
        ck_assert_mem_eq(again, dropped, bytes);
        ck_assert_mem_ne(number, dropped, bytes);
        ck_assert_mem_ne(key, dropped, bytes);
        for (int64_t i = 0; i < n; i++)
            ck_assert_msg(fabsf(dropped[i] - expected[i]) < 1e-4f, "%s: [%d] is %g, %s %g", pt__level_name(level),
                          (int)i, (double)dropped[i], pt__level_name(lowest), (double)expected[i]);
        free(plain), free(none), free(evaluation), free(dropped), free(again), free(number), free(key), free(expected);
    }
}
END_TEST

/* What attention's options mean together, and that two dropouts of a graph draw for themselves. */
START_TEST(test_options)
{
    static const struct {
        pt_attention_options_t options;
        const char *part; /* of the message; NULL: it is built */
    } options_cases[] = {
        {{.heads = 2, .flags = PT_ATTENTION_CAUSAL, .window = 3, .dropout = 0.25}, NULL},
        {{.heads = 2, .flags = PT_ATTENTION_SCALE, .scale = -2}, NULL},
        {{.heads = 2, .scale = -2}, "scale -2"},
        {{.heads = 2, .window = 3}, "a window without PT_ATTENTION_CAUSAL"},
        {{.heads = 2, .flags = PT_ATTENTION_ALIGN_LAST}, "PT_ATTENTION_ALIGN_LAST without PT_ATTENTION_CAUSAL"},
        {{.heads = 2, .flags = PT_ATTENTION_CAUSAL, .window = INT64_MIN}, "window -"},
        {{.heads = 2, .dropout = 1}, "dropout 1"},
        {{.heads = 2, .flags = 8}, "flags are 0x8"},
    };
    for (size_t i = 0; i < sizeof options_cases / sizeof options_cases[0]; i++) {
        machine_t machine;
        char kind;
        int64_t limit;
        pt_attention_options_t options = options_cases[i].options;
        options.struct_size = sizeof options;
        options.key_mask = PT_NO_TENSOR;
        ck_ok(machine_open(&machine));
        pt_tensor_t qkv = machine_tensor(&machine, "f[T,24]", &kind, &limit);
        pt_tensor_t first = pt_attention_packed(machine.graph, qkv, &options);
        pt_tensor_t second = pt_attention_packed(machine.graph, qkv, &options);
        if (options_cases[i].part != NULL) {
            ck_assert_int_eq(first, PT_NO_TENSOR);
            ck_assert_msg(strstr(machine.graph->message, options_cases[i].part) != NULL, "%s", machine.graph->message);
        } else {
            const pt__attributes_t *one = &pt__graph_producer(machine.graph, first)->attributes;
            const pt__attributes_t *other = &pt__graph_producer(machine.graph, second)->attributes;
            /* flags, window, number of the dropout; scale, dropout */
            ck_assert(one->integers[2] == options.flags && one->integers[3] == options.window);
            ck_assert((one->integers[4] != other->integers[4]) == (options.dropout > 0));
            ck_assert(one->reals[0] == options.scale && one->reals[1] == options.dropout);
        }
        machine_free(&machine);
    }
}
END_TEST

SUITE("attention", 60, test_golden_cases, test_dropout, test_options)
