/* See machine.h. */
#include "ops/machine.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/dtype.h"

double machine_uniform(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return ((double)(*state >> 33) + 0.5) / 2147483648.0;
}

double machine_normal(uint64_t *state)
{
    double radius = sqrt(-2 * log(machine_uniform(state)));
    return radius * cos(6.283185307179586 * machine_uniform(state));
}

void *machine_memory(int64_t bytes)
{
    size_t size = ((size_t)bytes + 63) / 64 * 64 + MACHINE_MARGIN;
    void *memory = aligned_alloc(64, size);
    if (memory != NULL)
        memset(memory, 0xFF, size);
    return memory;
}

pt_status_t machine_open(machine_t *machine)
{
    *machine = (machine_t){.recomputed = PT_NO_TENSOR};
    for (int32_t i = 0; i < PT__MAX_OUTPUTS; i++)
        machine->d_dst[i] = PT_NO_TENSOR;
    pt__memory_init(&machine->context.memory, NULL, NULL, NULL);
    atomic_init(&machine->context.references, 1000000); /* never the last: the context is a part of the machine */
    return pt_graph_create(&machine->context, &machine->graph);
}

/* A tensor that no node makes, of any shape and dtype: an input whose own are then written over. */
static pt_tensor_t append(machine_t *machine, int32_t dtype, const pt__shape_t *shape, int32_t differentiable)
{
    char name[32];
    pt_graph_t *graph = machine->graph;
    snprintf(name, sizeof name, "input%lld", (long long)graph->n_inputs);
    pt_tensor_t tensor = pt_input(graph, name, PT_FLOAT32, 1, (int64_t[]){PT_DIM_BATCH});
    if (tensor != PT_NO_TENSOR) {
        graph->tensors[tensor].dtype = dtype;
        graph->tensors[tensor].shape = *shape;
        graph->tensors[tensor].differentiable = differentiable;
    }
    return tensor;
}

static pt_tensor_t append_state(machine_t *machine, const pt__shape_t *shape)
{
    char name[32];
    snprintf(name, sizeof name, "state%lld", (long long)machine->graph->n_parameters);
    return pt_state(machine->graph, name, shape->rank, shape->size, PT__INITIAL(PT_INIT_CONSTANT, 1));
}

pt_tensor_t machine_tensor(machine_t *machine, const char *text, char *kind, int64_t *limit)
{
    pt__shape_t shape = {.rank = 0};
    *kind = *text++;
    *limit = 0;
    if (*kind == '-')
        return PT_NO_TENSOR;
    if (*kind == 'i' || *kind == 'l')
        *limit = strtoll(text, (char **)&text, 10);
    if (*text++ != '[')
        return PT_NO_TENSOR;
    while (*text != ']' && *text != 0) {
        int64_t size = isdigit((unsigned char)*text) ? strtoll(text, (char **)&text, 10) : 1;
        if (*text == 'T' || *text == 'B' || *text == 'S') {
            int64_t code = *text == 'T'   ? PT_DIM_TOKENS
                           : *text == 'B' ? PT_DIM_BATCH
                                          : pt_graph_dim(machine->graph, "S");
            shape.dimension = pt__dimension_find(machine->graph, code);
            text++;
        }
        shape.size[shape.rank++] = size;
        text += *text == ',';
    }
    if (*kind == 's')
        return append_state(machine, &shape);
    int32_t dtype = *limit > 0     ? PT_INT32
                    : *kind == 'h' ? PT_FLOAT16
                    : *kind == 'b' ? PT_BFLOAT16
                    : *kind == 'q' ? PT__BLOCK_Q8_0
                                   : PT_FLOAT32;
    return append(machine, dtype, &shape, *kind == 'f' || *kind == 'p');
}

static pt_status_t build_gradient(machine_t *machine, uint32_t passing)
{
    pt_graph_t *graph = machine->graph;
    const pt__node_t *node = &machine->node;
    const pt__op_t *op = node->op;
    for (int32_t i = 0; i < node->n_inputs; i++) {
        machine->d_inputs[i] = PT_NO_TENSOR;
        machine->wanted[i] = (machine->kind[i] == 'f' || machine->kind[i] == 'p') && (op->needs_gradient_of >> i & 1u);
    }
    if (op->flags & PT__OP_LOSS) {
        for (int32_t i = 0, output = 2; i < node->n_inputs; i++)
            if (op->needs_gradient_of >> i & 1u)
                machine->d_inputs[i] = node->outputs[output++];
        return PT_OK;
    }
    if (op->gradient == NULL)
        return PT_OK;
    for (int32_t i = 0; i < node->n_outputs; i++) {
        pt__shape_t shape = graph->tensors[node->outputs[i]].shape;
        if (pt__op_passes(op, i) && (passing >> i & 1u))
            machine->d_dst[i] = append(machine, PT_FLOAT32, &shape, 0);
    }
    PT__TRY(op->gradient(graph, node, machine->d_dst, machine->wanted, machine->d_inputs));
    for (int32_t i = 0; i < node->n_inputs; i++)
        if (machine->wanted[i] &&
            (machine->d_inputs[i] == PT_NO_TENSOR ||
             !pt__shape_equal(&graph->tensors[node->inputs[i]].shape, &graph->tensors[machine->d_inputs[i]].shape)))
            return pt__fail(PT_ERR_INTERNAL, "the gradient of input %d is missing or has another shape", (int)i);
    return graph->status;
}

static pt_status_t build(machine_t *machine, const pt__op_t *op, const pt__case_t *description, uint32_t passing)
{
    pt_tensor_t inputs[PT__MAX_INPUTS];
    int32_t n_inputs = 0;
    for (const char *text = description->inputs; *text != 0; n_inputs++) {
        inputs[n_inputs] = machine_tensor(machine, text, &machine->kind[n_inputs], &machine->limit[n_inputs]);
        text += strcspn(text, " ");
        text += strspn(text, " ");
    }
    const pt__attributes_t attributes = pt__case_attributes(description);
    pt_tensor_t first = pt__graph_add(machine->graph, op, n_inputs, inputs, &attributes);
    if (first == PT_NO_TENSOR)
        return machine->graph->status;
    machine->node = *pt__graph_producer(machine->graph, first);
    if (op->recompute != NULL)
        machine->recomputed = op->recompute(machine->graph, &machine->node);
    return build_gradient(machine, passing);
}

pt__view_t machine_view(const machine_t *machine, pt_tensor_t tensor, int32_t at_capacity)
{
    const pt__tensor_t *found = &machine->graph->tensors[tensor];
    pt__view_t view = {.data = machine->buffers == NULL ? NULL : machine->buffers[tensor].data,
                       .dtype = found->dtype,
                       .dimension = found->shape.dimension,
                       .rank = found->shape.rank};
    memcpy(view.size, found->shape.size, sizeof view.size);
    if (view.rank > 0)
        view.size[0] *= at_capacity ? machine->capacity.count[found->shape.dimension]
                                    : machine->run.count[found->shape.dimension];
    return view;
}

static pt_status_t allocate(machine_t *machine)
{
    machine->buffers = calloc((size_t)machine->graph->n_tensors, sizeof *machine->buffers);
    if (machine->buffers == NULL)
        return PT_ERR_MEMORY;
    for (pt_tensor_t i = PT_NO_TENSOR + 1; i < machine->graph->n_tensors; i++) {
        pt__view_t real = machine_view(machine, i, 0), all = machine_view(machine, i, 1);
        machine->buffers[i].bytes = pt__dtype_bytes(real.dtype, pt__view_elements(&real));
        machine->buffers[i].capacity = pt__dtype_bytes(all.dtype, pt__view_elements(&all));
        machine->buffers[i].data = machine_memory(machine->buffers[i].capacity);
        if (machine->buffers[i].data == NULL)
            return PT_ERR_MEMORY;
    }
    return PT_OK;
}

/* Numbers stored narrower than float32. */
static void fill_narrow(const buffer_t *buffer, char kind, uint64_t *state)
{
    unsigned char *byte = buffer->data;
    for (int64_t i = 0; i < buffer->bytes;) {
        float value = (float)machine_normal(state);
        int32_t is_scale = kind == 'q' && i % 34 == 0;
        if (kind == 'q' && !is_scale) {
            byte[i++] = (unsigned char)(int8_t)(30 * machine_normal(state));
            continue;
        }
        uint16_t word = kind == 'b' ? pt__float_to_bfloat(value) : pt__float_to_half(is_scale ? value / 30 : value);
        memcpy(byte + i, &word, sizeof word);
        i += 2;
    }
}

double machine_value(const pt__view_t *view, int64_t index)
{
    const unsigned char *byte = view->data;
    uint16_t word;
    switch (view->dtype) {
    case PT_INT32:
        return ((const int32_t *)view->data)[index];
    case PT_UINT8:
        return byte[index];
    case PT_FLOAT32:
        return (double)((const float *)view->data)[index];
    case PT__BLOCK_Q8_0:
        byte += index / 32 * 34;
        memcpy(&word, byte, sizeof word);
        return (double)pt__half_to_float(word) * (double)(int8_t)byte[2 + index % 32];
    default:
        memcpy(&word, byte + 2 * index, sizeof word);
        return (double)(view->dtype == PT_BFLOAT16 ? pt__bfloat_to_float(word) : pt__half_to_float(word));
    }
}

static void fill(const machine_t *machine, pt_tensor_t tensor, char kind, int64_t limit, uint64_t *state)
{
    if (pt__dtype_is_narrow(machine->graph->tensors[tensor].dtype)) {
        fill_narrow(&machine->buffers[tensor], kind, state);
        return;
    }
    float *real = machine->buffers[tensor].data;
    int32_t *whole = machine->buffers[tensor].data;
    for (int64_t i = 0; i < machine->buffers[tensor].bytes / 4; i++)
        switch (kind) {
        case 'f':
            real[i] = (float)machine_normal(state);
            break;
        case 'p':
        case 's':
            real[i] = (float)(0.5 + fabs(machine_normal(state)));
            break;
        case 'c':
            real[i] = (float)(0.2 + machine_uniform(state));
            break;
        case 'm':
            real[i] = machine_uniform(state) < 0.7;
            break;
        case 'z':
            real[i] = 0;
            break;
        case 'l':
            whole[i] = machine_uniform(state) < 0.3 ? PT_IGNORE_INDEX
                                                    : (int32_t)(machine_uniform(state) * (double)limit);
            break;
        default:
            whole[i] = (int32_t)(machine_uniform(state) * (double)limit);
        }
}

pt_status_t machine_create(machine_t *machine, const pt__op_t *op, const pt__case_t *description,
                           const profile_t *profile, uint32_t passing, uint64_t seed)
{
    int8_t *ran = machine->ran;
    PT__TRY(machine_open(machine));
    machine->ran = ran;
    PT__TRY(build(machine, op, description, passing));
    PT__TRY(pt__graph_verify(machine->graph));
    machine->profile = profile;
    machine->run = (pt__run_t){
        .count = {1, profile->samples, profile->offsets[profile->samples], profile->others[profile->samples]},
        .offsets = {[PT__DIMENSION_TOKENS] = profile->offsets, [MACHINE_OTHER] = profile->others},
        .random_key = seed,
        .training = 1};
    int32_t *buffers[PT__DIMENSIONS];
    for (int32_t i = 0; i < PT__DIMENSIONS; i++)
        buffers[i] = machine->derived[i];
    pt__graph_derive_offsets(machine->graph, profile->samples, machine->run.offsets, buffers, machine->run.count);
    memcpy(machine->capacity.count, profile->capacity, sizeof machine->capacity.count);
    pt__graph_complete_rows(machine->graph, &machine->capacity);
    PT__TRY(allocate(machine));
    for (int32_t i = 0; i < machine->node.n_inputs; i++)
        if (machine->node.inputs[i] != PT_NO_TENSOR)
            fill(machine, machine->node.inputs[i], machine->kind[i], machine->limit[i], &seed);
    for (int32_t i = 0; i < machine->node.n_outputs; i++)
        if (machine->d_dst[i] != PT_NO_TENSOR)
            fill(machine, machine->d_dst[i], 'f', 0, &seed);
    return PT_OK;
}

void machine_free(machine_t *machine)
{
    for (int64_t i = 0; machine->buffers != NULL && i < machine->graph->n_tensors; i++)
        free(machine->buffers[i].data);
    free(machine->buffers);
    pt_graph_free(machine->graph);
}

pt__call_t machine_bind(const machine_t *machine, const pt__node_t *node)
{
    pt__call_t call = {.op = node->op,
                       .attributes = &node->attributes,
                       .n_inputs = node->n_inputs,
                       .n_outputs = node->n_outputs};
    for (int32_t i = 0; i < node->n_inputs; i++)
        if (node->inputs[i] != PT_NO_TENSOR)
            call.inputs[i] = machine_view(machine, node->inputs[i], 0);
    for (int32_t i = 0; i < node->n_outputs; i++)
        call.outputs[i] = machine_view(machine, node->outputs[i], 0);
    return call;
}

/* Scratch is asked for as a plan does: for all rows that could be there. */
static int64_t scratch_bytes(const machine_t *machine, const pt__call_t *call)
{
    pt__call_t most = *call;
    if (call->op->scratch == NULL)
        return 0;
    for (int32_t i = 0; i < most.n_inputs; i++)
        for (pt_tensor_t t = PT_NO_TENSOR + 1; t < machine->graph->n_tensors; t++)
            if (call->inputs[i].data != NULL && call->inputs[i].data == machine->buffers[t].data)
                memcpy(most.inputs[i].size, machine_view(machine, t, 1).size, sizeof most.inputs[i].size);
    return call->op->scratch(&most);
}

void machine_call(machine_t *machine, pt__call_t *call, pt__device_t *device)
{
    pt__run_t run = machine->run;
    run.device = device;
    int64_t bytes = scratch_bytes(machine, call);
    call->scratch = bytes > 0 ? machine_memory(bytes) : NULL;
    pt__device_enter(device);
    call->op->run(call, &run);
    pt__device_leave(device);
    for (int64_t i = 0; call->scratch != NULL && i < MACHINE_MARGIN; i++)
        if (((const unsigned char *)call->scratch)[bytes + i] != 0xFF) {
            machine->overflows++;
            break;
        }
    free(call->scratch);
    call->scratch = NULL;
}

void machine_execute(machine_t *machine, pt__device_t *device)
{
    for (int64_t i = 0; i < machine->graph->n_nodes; i++) {
        pt__call_t call = machine_bind(machine, &machine->graph->nodes[i]);
        machine_call(machine, &call, device);
        for (int32_t op = 0; machine->ran != NULL && op < pt__op_count(); op++)
            machine->ran[op] |= pt__op_at(op) == call.op;
    }
}
