/* Every op of the table against its double-precision reference, by the cases that its file states: forward; gradients
 * against finite differences of the reference; in place as the planner may do it; added to what is there; with outputs
 * that nobody reads; with fewer rows than there could be; the same bits with 1, 2 and 5 threads. All of it for each
 * processor level that runs here and both backends behind the matrix door. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops/machine.h"
#include "ops/reference.h"
#include "support/suite.h"

static const profile_t profiles[] = {
    {"ragged", {1, 6, 24, 30}, 4, {0, 5, 6, 13, 16}, {0, 9, 11, 15, 23}},
    {"full", {1, 2, 7, 4}, 2, {0, 3, 7}, {0, 3, 4}},
    {"with an empty sample", {1, 5, 30, 20}, 3, {0, 11, 11, 20}, {0, 4, 6, 6}},
};

enum { THREAD_COUNTS = 3, DIFFERENCES = 20 };
static const int32_t thread_counts[THREAD_COUNTS] = {1, 2, 5};

/* What is being checked, for messages; what failed so far. */
static struct {
    const pt__op_t *op;
    const char *inputs, *profile, *level;
    int64_t checks;
    int32_t faults;
    int8_t ran[200]; /* ops of the table */
    char text[2500]; /* more is more than Check can tell */
} now;

static void fault(const char *format, ...) PT__PRINTF(1, 2);
static void fault(const char *format, ...)
{
    size_t at = strlen(now.text);
    va_list arguments;
    now.faults++;
    if (at > sizeof now.text - 400)
        return;
    at += (size_t)snprintf(now.text + at, sizeof now.text - at, "\n%s(%s), %s, %s: ", now.op->name, now.inputs,
                           now.profile, now.level);
    va_start(arguments, format);
    vsnprintf(now.text + at, sizeof now.text - at, format, arguments);
    va_end(arguments);
}

/* ---- The reference on a machine's inputs ---- */

typedef struct twin {
    reference_fn run;
    int32_t n_checked;
    reference_call_t call;
} twin_t;

static reference_tensor_t tensor_of(const pt__view_t *view)
{
    reference_tensor_t tensor = {.rank = view->rank, .is_index = view->dtype == PT_INT32, .dimension = view->dimension};
    memcpy(tensor.size, view->size, sizeof tensor.size);
    tensor.value = calloc((size_t)pt__view_elements(view) + 1, sizeof(double));
    return tensor;
}

static void twin_create(twin_t *twin, const machine_t *machine, const double *mask)
{
    const pt__node_t *node = &machine->node;
    *twin = (twin_t){.n_checked = 0};
    twin->run = reference_find(node->op->name, &twin->n_checked);
    twin->call = (reference_call_t){.attributes = &node->attributes,
                                    .n_inputs = node->n_inputs,
                                    .n_outputs = node->n_outputs,
                                    .offsets = machine->run.offsets[PT__DIMENSION_TOKENS],
                                    .samples = machine->run.count[PT__DIMENSION_BATCH],
                                    .mask = mask,
                                    .run = &machine->run};
    for (int32_t i = 0; i < node->n_inputs; i++) {
        if (node->inputs[i] == PT_NO_TENSOR)
            continue;
        pt__view_t view = machine_view(machine, node->inputs[i], 0);
        twin->call.inputs[i] = tensor_of(&view);
        for (int64_t k = 0; k < pt__view_elements(&view); k++)
            twin->call.inputs[i].value[k] = machine_value(&view, k);
    }
    for (int32_t i = 0; i < node->n_outputs; i++) {
        pt__view_t view = machine_view(machine, node->outputs[i], 0);
        twin->call.outputs[i] = tensor_of(&view);
    }
    twin->run(&twin->call);
}

static void twin_free(twin_t *twin)
{
    for (int32_t i = 0; i < PT__MAX_INPUTS; i++)
        free(twin->call.inputs[i].value);
    for (int32_t i = 0; i < PT__MAX_OUTPUTS; i++)
        free(twin->call.outputs[i].value);
}

/* What is differentiated: the weighted sum of losses, or the outputs' products with their gradients. */
static double functional(const twin_t *twin, const machine_t *machine)
{
    twin->run(&twin->call);
    if (machine->node.op->flags & PT__OP_LOSS)
        return twin->call.outputs[0].value[0] * twin->call.outputs[1].value[0];
    double sum = 0;
    for (int32_t o = 0; o < machine->node.n_outputs; o++) {
        if (machine->d_dst[o] == PT_NO_TENSOR)
            continue;
        const float *d_dst = machine->buffers[machine->d_dst[o]].data;
        for (int64_t i = 0; i < reference_elements(&twin->call.outputs[o]); i++)
            sum += twin->call.outputs[o].value[i] * (double)d_dst[i];
    }
    return sum;
}

/* ---- Checks ---- */

static double largest(const double *values, int64_t n)
{
    double most = 1;
    for (int64_t i = 0; i < n; i++)
        if (isfinite(values[i]))
            most = fmax(most, fabs(values[i]));
    return most;
}

static void check_forward(const machine_t *machine, const twin_t *twin)
{
    for (int32_t o = 0; o < twin->n_checked && o < machine->node.n_outputs; o++) {
        pt__view_t view = machine_view(machine, machine->node.outputs[o], 0);
        const double *expected = twin->call.outputs[o].value;
        int64_t n = pt__view_elements(&view);
        double tolerance = 2e-5 * largest(expected, n);
        for (int64_t i = 0; i < n; i++) {
            const double found = machine_value(&view, i);
            now.checks++;
            if (isfinite(expected[i]) && !(fabs(found - expected[i]) <= tolerance)) {
                fault("output %d[%lld] is %.9g, expected %.9g", (int)o, (long long)i, found, expected[i]);
                break;
            }
        }
    }
}

static void check_gradient(const machine_t *machine, const twin_t *twin, int32_t input, uint64_t *state)
{
    const float *found = machine->buffers[machine->d_inputs[input]].data;
    double *value = twin->call.inputs[input].value;
    int64_t n = reference_elements(&twin->call.inputs[input]), differences = n < DIFFERENCES ? n : DIFFERENCES;
    double most = 1;
    for (int64_t i = 0; i < n; i++)
        most = fmax(most, fabs((double)found[i]));
    for (int64_t d = 0; d < differences; d++) {
        int64_t i = n == differences ? d : (int64_t)(machine_uniform(state) * (double)n);
        double kept = value[i], step = 1e-5 * fmax(1, fabs(kept));
        value[i] = kept + step;
        double above = functional(twin, machine);
        value[i] = kept - step;
        double expected = (above - functional(twin, machine)) / (2 * step);
        value[i] = kept;
        now.checks++;
        if (!(fabs((double)found[i] - expected) <= 1e-4 * most)) {
            fault("d_input %d[%lld] is %.9g, expected %.9g", (int)input, (long long)i, (double)found[i], expected);
            break;
        }
    }
}

/* Output 0 made anew is output 0. */
static void check_again(const machine_t *machine)
{
    if (machine->recomputed == PT_NO_TENSOR)
        return;
    const float *first = machine->buffers[machine->node.outputs[0]].data,
                *again = machine->buffers[machine->recomputed].data;
    for (int64_t i = 0; i < machine->buffers[machine->recomputed].bytes / 4; i++) {
        now.checks++;
        if (!(fabs((double)again[i] - (double)first[i]) <= 1e-6 * fmax(1, fabs((double)first[i])))) {
            fault("output 0[%lld] is %.9g, and %.9g when it is made anew", (long long)i, (double)first[i],
                  (double)again[i]);
            break;
        }
    }
}

/* Nothing is written behind the rows that are there. */
static void check_tails(const machine_t *machine)
{
    for (pt_tensor_t t = PT_NO_TENSOR + 1; t < machine->graph->n_tensors; t++) {
        const unsigned char *bytes = machine->buffers[t].data;
        for (int64_t i = machine->buffers[t].bytes; i < machine->buffers[t].capacity; i++)
            if (bytes[i] != 0xFF) {
                fault("tensor %d is written behind its rows", (int)t);
                break;
            }
    }
}

/* Runs the node's call into new memory for every output but those bound to `into`; the memory to free is in `made`. */
static void bind_outputs(pt__call_t *call, void *made[PT__MAX_OUTPUTS], const void *prefill)
{
    for (int32_t i = 0; i < call->n_outputs; i++) {
        int64_t n = pt__view_elements(&call->outputs[i]);
        made[i] = machine_memory(4 * n);
        if (prefill != NULL)
            for (int64_t k = 0; k < n; k++)
                ((float *)made[i])[k] = *(const float *)prefill;
        call->outputs[i].data = made[i];
    }
}

static void check_bits(const machine_t *machine, const pt__node_t *node, const pt__call_t *call, const char *how)
{
    for (int32_t i = 0; i < node->n_outputs; i++) {
        now.checks++;
        if (call->outputs[i].data != NULL && memcmp(call->outputs[i].data, machine->buffers[node->outputs[i]].data,
                                                    (size_t)machine->buffers[node->outputs[i]].bytes) != 0)
            fault("%s: output %d has other bits %s", node->op->name, (int)i, how);
    }
}

static void free_all(void *made[PT__MAX_OUTPUTS])
{
    for (int32_t i = 0; i < PT__MAX_OUTPUTS; i++)
        free(made[i]);
}

/* Output 0 over input i. */
static void check_in_place(machine_t *machine, const pt__node_t *node, pt__device_t *device)
{
    for (int32_t i = 0; i < node->n_inputs; i++) {
        if (!(node->op->in_place >> i & 1u) || node->inputs[i] == PT_NO_TENSOR ||
            machine->buffers[node->inputs[i]].bytes != machine->buffers[node->outputs[0]].bytes)
            continue;
        void *made[PT__MAX_OUTPUTS] = {NULL};
        pt__call_t call = machine_bind(machine, node);
        bind_outputs(&call, made, NULL);
        memcpy(made[0], machine->buffers[node->inputs[i]].data, (size_t)machine->buffers[node->inputs[i]].bytes);
        call.inputs[i].data = made[0];
        machine_call(machine, &call, device);
        check_bits(machine, node, &call, "in place");
        free_all(made);
    }
}

static void check_accumulation(machine_t *machine, const pt__node_t *node, pt__device_t *device)
{
    const float before = 0.75f;
    for (int32_t o = 0; o < node->n_outputs; o++) {
        if (!(node->op->accumulates >> o & 1u) || machine->graph->tensors[node->outputs[o]].dtype != PT_FLOAT32)
            continue;
        void *made[PT__MAX_OUTPUTS] = {NULL};
        pt__call_t call = machine_bind(machine, node);
        bind_outputs(&call, made, &before);
        call.accumulate = 1u << o;
        machine_call(machine, &call, device);
        const float *plain = machine->buffers[node->outputs[o]].data, *added = made[o];
        for (int64_t i = 0; i < pt__view_elements(&call.outputs[o]); i++) {
            now.checks++;
            if (!(fabs((double)added[i] - (double)plain[i] - 0.75) <= 2e-5 * fmax(1, fabs((double)plain[i])))) {
                fault("%s: output %d[%lld] is %.9g with 0.75 before it, expected %.9g + 0.75", node->op->name, (int)o,
                      (long long)i, (double)added[i], (double)plain[i]);
                break;
            }
        }
        call.outputs[o].data = NULL; /* the others are overwritten as ever */
        check_bits(machine, node, &call, "beside one that is added to");
        free_all(made);
    }
}

/* One output after the other is not there. Output 0 of a forward pass always is, except a loss' and a split's. */
static void check_unread(machine_t *machine, const pt__node_t *node, pt__device_t *device)
{
    int32_t first = (node->op->flags & (PT__OP_LOSS | PT__OP_INTERNAL)) || pt__op_passes(node->op, 1) ? 0 : 1;
    for (int32_t o = first; o < node->n_outputs && node->n_outputs > 1; o++) {
        void *made[PT__MAX_OUTPUTS] = {NULL};
        pt__call_t call = machine_bind(machine, node);
        bind_outputs(&call, made, NULL);
        call.outputs[o].data = NULL;
        machine_call(machine, &call, device);
        check_bits(machine, node, &call, "where another is not read");
        for (int32_t k = first; k < node->n_outputs; k++) /* only output o is */
            call.outputs[k].data = k == o ? made[o] : NULL;
        machine_call(machine, &call, device);
        check_bits(machine, node, &call, "where only it is read");
        free_all(made);
    }
}

static void check_threads(machine_t *machine, const pt__node_t *node, pt__device_t *const *devices)
{
    for (int32_t t = 1; t < THREAD_COUNTS; t++) {
        char how[32];
        void *made[PT__MAX_OUTPUTS] = {NULL};
        pt__call_t call = machine_bind(machine, node);
        snprintf(how, sizeof how, "with %d threads", (int)thread_counts[t]);
        bind_outputs(&call, made, NULL);
        machine_call(machine, &call, devices[t]);
        check_bits(machine, node, &call, how);
        free_all(made);
    }
}

/* Dropout's mask, and what must hold for it: 0 or 1/(1-p), about as often as asked; another one for another key or
 * number; none when not training. */
static double *draw_mask(machine_t *machine, pt__device_t *device)
{
    pt__call_t call = machine_bind(machine, &machine->node);
    int64_t n = pt__view_elements(&call.outputs[0]), kept = 0;
    double probability = machine->node.attributes.reals[0], *mask = calloc((size_t)n + 1, sizeof *mask);
    float *ones = machine_memory(4 * n), *drawn = machine_memory(4 * n), *other = machine_memory(4 * n);
    for (int64_t i = 0; i < n; i++)
        ones[i] = 1;
    call.inputs[0].data = ones;
    call.outputs[0].data = drawn;
    machine_call(machine, &call, device);
    for (int64_t i = 0; i < n; i++) {
        mask[i] = (double)drawn[i];
        kept += drawn[i] != 0;
        if (drawn[i] != 0 && !(fabs(mask[i] * (1 - probability) - 1) < 1e-6))
            fault("a kept element is multiplied by %g", mask[i]);
    }
    if (fabs((double)kept - (1 - probability) * (double)n) >
        5 * sqrt(probability * (1 - probability) * (double)n) + 1e-9)
        fault("%lld of %lld elements are kept at probability %g", (long long)kept, (long long)n, probability);
    pt__attributes_t attributes = machine->node.attributes;
    attributes.integers[0]++;
    call.attributes = &attributes;
    call.outputs[0].data = other;
    machine_call(machine, &call, device);
    if (probability > 0 && n > 10 && memcmp(drawn, other, (size_t)(4 * n)) == 0)
        fault("another dropout draws the same mask");
    machine->run.training = 0;
    machine_call(machine, &call, device);
    machine->run.training = 1;
    if (memcmp(ones, other, (size_t)(4 * n)) != 0)
        fault("elements are dropped while not training");
    free(ones);
    free(drawn);
    free(other);
    return mask;
}

static void check_case(const pt__op_t *op, const pt__case_t *description, const profile_t *profile, uint32_t passing,
                       pt__device_t *const *devices, int32_t same_bits)
{
    machine_t machine = {.ran = now.ran};
    twin_t twin;
    uint64_t state = 17;
    now.inputs = description->inputs;
    now.profile = profile->name;
    if (machine_create(&machine, op, description, profile, passing, 11) != PT_OK) {
        fault("%s", pt__error_message());
        machine_free(&machine);
        return;
    }
    double *mask = (op->flags & PT__OP_RANDOM) ? draw_mask(&machine, devices[0]) : NULL;
    machine_execute(&machine, devices[0]);
    twin_create(&twin, &machine, mask);
    check_forward(&machine, &twin);
    for (int32_t i = 0; i < machine.node.n_inputs; i++)
        if (machine.wanted[i])
            check_gradient(&machine, &twin, i, &state);
    check_again(&machine);
    check_tails(&machine);
    for (int64_t i = 0; i < machine.graph->n_nodes; i++) {
        const pt__node_t *node = &machine.graph->nodes[i];
        check_in_place(&machine, node, devices[0]);
        check_accumulation(&machine, node, devices[0]);
        check_unread(&machine, node, devices[0]);
        if (same_bits)
            check_threads(&machine, node, devices);
    }
    if (machine.overflows > 0)
        fault("%d calls write behind their scratch", (int)machine.overflows);
    twin_free(&twin);
    free(mask);
    machine_free(&machine);
}

static void check_ops(pt__device_t *const *devices, int32_t same_bits)
{
    for (int32_t i = 0; i < pt__op_count(); i++) {
        int32_t n_checked;
        now.op = pt__op_at(i);
        now.inputs = now.profile = "-";
        if ((now.op->flags & PT__OP_INTERNAL) && now.op->n_cases == 0)
            continue; /* checked with the op whose gradient it is */
        if (now.op->n_cases == 0 || reference_find(now.op->name, &n_checked) == NULL) {
            fault("has no %s", now.op->n_cases == 0 ? "cases" : "reference");
            continue;
        }
        for (int32_t c = 0; c < now.op->n_cases; c++) {
            int32_t symbolic = strpbrk(now.op->cases[c].inputs, "TBS") != NULL || *now.op->cases[c].inputs == 0;
            for (size_t p = 0; p < (symbolic ? sizeof profiles / sizeof profiles[0] : 1); p++) {
                check_case(now.op, &now.op->cases[c], &profiles[p], UINT32_MAX, devices, same_bits);
                if (!pt__op_passes(now.op, 1))
                    continue;
                /* Through the first alone, through all others. */
                check_case(now.op, &now.op->cases[c], &profiles[p], 1u, devices, same_bits);
                const pt__attributes_t attributes = pt__case_attributes(&now.op->cases[c]);
                if (pt__op_outputs(now.op, &attributes) > 1)
                    check_case(now.op, &now.op->cases[c], &profiles[p], ~1u, devices, same_bits);
            }
        }
    }
    /* tests/train/test_cache.c has beside attention what goes on from earlier runs, of which there are none here */
    for (int32_t i = 0; i < pt__op_count(); i++)
        ck_assert_msg(now.ran[i] || strcmp(pt__op_at(i)->name, "attention_cached") == 0, "no case comes to run %s",
                      pt__op_at(i)->name);
}

/* All ops at one level, behind each backend that it has. 0: the level cannot run here. */
static int32_t check_level(pt__level_t level)
{
    static const char *const backends[] = {"auto", "own", "cblas"};
    int32_t ran = 0;
    if (!pt__level_supported(level))
        return 0;
    for (pt__gemm_backend_t backend = PT__GEMM_OWN; backend <= PT__GEMM_CBLAS; backend++) {
        char name[64];
        pt__memory_t memory;
        pt__pool_t *pools[THREAD_COUNTS] = {NULL};
        pt__device_t *devices[THREAD_COUNTS] = {NULL};
        pt_status_t status = PT_OK;
        pt__memory_init(&memory, NULL, NULL, NULL);
        for (int32_t t = 0; t < THREAD_COUNTS && status == PT_OK; t++) {
            ck_ok(pt__pool_create(&memory, thread_counts[t], &pools[t]));
            status = pt__cpu_create(&memory, pools[t], level, backend, &devices[t]);
            if (status == PT_OK)
                ck_ok(pt__cpu_reserve(devices[t], PT__KERNEL_SCRATCH));
        }
        if (status == PT_OK) {
            snprintf(name, sizeof name, "%s/%s", pt__level_name(level), backends[backend]);
            now.level = name;
            check_ops(devices, backend == PT__GEMM_OWN);
            ran++;
        } else
            ck_assert_msg(status == PT_ERR_UNSUPPORTED, "%s/%s: %s", pt__level_name(level), backends[backend],
                          pt__error_message());
        for (int32_t t = 0; t < THREAD_COUNTS; t++) {
            pt__device_free(devices[t]);
            pt__pool_free(pools[t]);
        }
    }
    ck_assert_msg(now.faults == 0, "%d faults in %lld checks:%s", (int)now.faults, (long long)now.checks, now.text);
    ck_assert_msg(ran > 0 && now.checks > 10000, "only %lld checks behind %d backends", (long long)now.checks,
                  (int)ran);
    return ran;
}

START_TEST(test_portable)
{
    if (check_level(PT__LEVEL_PORTABLE) == 0) /* left out of the build (-Dlevels=): then one of the others runs */
        ck_assert_int_lt(pt__level_best(), PT__LEVEL_COUNT);
}
END_TEST

START_TEST(test_avx2)
{
    check_level(PT__LEVEL_AVX2);
}
END_TEST

START_TEST(test_avx512)
{
    check_level(PT__LEVEL_AVX512);
}
END_TEST

START_TEST(test_neon)
{
    check_level(PT__LEVEL_NEON);
}
END_TEST

START_TEST(test_table)
{
    for (int32_t i = 0; i < pt__op_count(); i++) {
        const pt__op_t *op = pt__op_at(i);
        ck_assert_msg(pt__op_find(op->name) == op, "two ops are named \"%s\"", op->name);
        ck_assert_msg(op->run != NULL && op->shape != NULL, "%s lacks a shape rule or a kernel call", op->name);
        ck_assert_msg(op->n_outputs >= 1 && op->n_outputs <= PT__MAX_OUTPUTS && op->max_inputs <= PT__MAX_INPUTS, "%s",
                      op->name);
        ck_assert_msg(op->gradient == NULL || op->needs_gradient_of != 0, "%s has a gradient for no input", op->name);
    }
    ck_assert_ptr_null(pt__op_find("no such op"));
    ck_assert_ptr_null(pt__op_at(pt__op_count()));
    ck_assert_ptr_null(pt__op_at(-1));
}
END_TEST

SUITE("ops", 120, test_table, test_portable, test_avx2, test_avx512, test_neon)
