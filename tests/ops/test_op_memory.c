/* Every case of every op, and of its gradient, on a device of its own memory (support/guarded_device.h): an op's run
 * hands addresses to kernels and follows none itself, neither of tensors nor of offsets or scratch. The bits are the
 * CPU's. */
#include <stdlib.h>
#include <string.h>

#include "ops/machine.h"
#include "support/guarded_device.h"
#include "support/networks.h"

static const profile_t profile = {
    .name = "an empty sample", .capacity = {1, 6, 20}, .samples = 4, .offsets = {0, 3, 3, 8, 13}};

typedef struct copies { /* a machine's tensors and offsets on the device */
    pt__device_t *device;
    void *tensors[512];
    pt__run_t run;
} copies_t;

static void *upload(pt__device_t *device, const void *bytes, int64_t size, int64_t capacity)
{
    void *block;
    ck_ok(pt__device_allocate(device, capacity, "tensor", &block));
    if (bytes != NULL)
        ck_ok(pt__device_upload(device, block, bytes, size));
    return block;
}

/* What nodes make is not copied: it is NaN until they do. */
static void copy_machine(const machine_t *machine, pt__device_t *device, copies_t *copies)
{
    *copies = (copies_t){.device = device, .run = machine->run};
    copies->run.device = device;
    ck_assert_int_le(machine->graph->n_tensors, 512);
    for (pt_tensor_t t = PT_NO_TENSOR + 1; t < machine->graph->n_tensors; t++) {
        const buffer_t *buffer = &machine->buffers[t];
        int is_given = machine->graph->tensors[t].kind != PT__KIND_RESULT;
        copies->tensors[t] = upload(device, is_given ? buffer->data : NULL, buffer->bytes, buffer->capacity);
    }
    for (int32_t i = 0; i < PT__DIMENSIONS; i++) {
        int64_t bytes = (machine->profile->samples + 1) * (int64_t)sizeof(int32_t);
        if (machine->run.offsets[i] != NULL)
            copies->run.offsets[i] = upload(device, machine->run.offsets[i], bytes, bytes);
    }
}

static void free_copies(const machine_t *machine, copies_t *copies)
{
    for (pt_tensor_t t = PT_NO_TENSOR + 1; t < machine->graph->n_tensors; t++)
        pt__device_release(copies->device, copies->tensors[t]);
    for (int32_t i = 0; i < PT__DIMENSIONS; i++)
        pt__device_release(copies->device, (void *)(uintptr_t)copies->run.offsets[i]);
}

static void run_node(const machine_t *machine, const pt__node_t *node, copies_t *copies)
{
    pt__call_t call = machine_bind(machine, node), most = call;
    for (int32_t i = 0; i < node->n_inputs; i++)
        if (node->inputs[i] != PT_NO_TENSOR) {
            most.inputs[i] = machine_view(machine, node->inputs[i], 1);
            call.inputs[i].data = copies->tensors[node->inputs[i]];
        }
    for (int32_t i = 0; i < node->n_outputs; i++)
        call.outputs[i].data = copies->tensors[node->outputs[i]];
    int64_t bytes = node->op->scratch != NULL ? node->op->scratch(&most) : 0;
    call.scratch = bytes > 0 ? upload(copies->device, NULL, 0, bytes) : NULL;
    ck_ok(pt__device_enter(copies->device));
    node->op->run(&call, &copies->run);
    ck_ok(pt__device_leave(copies->device));
    pt__device_release(copies->device, call.scratch);
}

static void check_case(const pt__op_t *op, int32_t number, pt_context_t *cpu, pt_context_t *guarded)
{
    machine_t machine = {.ran = NULL};
    copies_t copies;
    ck_ok(machine_create(&machine, op, &op->cases[number], &profile, UINT32_MAX, 3));
    copy_machine(&machine, guarded->device, &copies);
    machine_execute(&machine, cpu->device);
    for (int64_t i = 0; i < machine.graph->n_nodes; i++)
        run_node(&machine, &machine.graph->nodes[i], &copies);
    for (pt_tensor_t t = PT_NO_TENSOR + 1; t < machine.graph->n_tensors; t++) {
        const buffer_t *buffer = &machine.buffers[t];
        void *found = malloc((size_t)buffer->bytes + 1);
        ck_assert(found != NULL);
        ck_ok(pt__device_download(guarded->device, found, copies.tensors[t], buffer->bytes));
        ck_assert_msg(memcmp(found, buffer->data, (size_t)buffer->bytes) == 0, "%s, case %d: tensor %d has other bits",
                      op->name, number, (int)t);
        free(found);
    }
    free_copies(&machine, &copies);
    machine_free(&machine);
}

START_TEST(test_ops_follow_no_address)
{
    pt_context_options_t options;
    pt_context_t *cpu = network_context(1, 1), *guarded;
    int32_t cases = 0;
    ck_ok(pt_context_options_init(&options, sizeof options));
    options.threads = 1;
    ck_ok(guarded_context(&options, &guarded));
    for (int32_t i = 0; i < pt__op_count(); i++)
        for (int32_t number = 0; number < pt__op_at(i)->n_cases; number++, cases++)
            check_case(pt__op_at(i), number, cpu, guarded);
    ck_assert_int_gt(cases, 100);
    ck_assert_int_eq(guarded_blocks(guarded), 0);
    pt_context_free(guarded);
    pt_context_free(cpu);
}
END_TEST

SUITE("op memory", 240, test_ops_follow_no_address)
