/* Storage of graphs: making, copying, looking up, appending tensors and nodes. Everything a graph owns is reached from pt_graph_t
 * and released by pt_graph_free; the arrays grow geometrically, so pointers into them live until the next append. */
#include "graph/graph.h"

#include <stdio.h>
#include <string.h>

#include "graph/op.h"

pt_status_t pt_graph_create(pt_context_t *context, pt_graph_t **out)
{
    pt__error_clear();
    if (out == NULL)
        return pt__fail(PT_ERR_ARGUMENT, "pt_graph_create: out is NULL");
    *out = NULL;
    if (context == NULL)
        return pt__fail(PT_ERR_ARGUMENT, "pt_graph_create: context is NULL");
    pt_graph_t *graph;
    PT__TRY(pt__allocate(&context->memory, 1, sizeof *graph, "graph", &graph));
    graph->context = pt__context_retain(context);
    graph->loss = graph->correct = graph->counted = graph->tied = PT_NO_TENSOR;
    *out = graph;
    return PT_OK;
}

void pt_graph_free(pt_graph_t *graph)
{
    if (graph == NULL)
        return;
    pt_context_t *context = graph->context;
    pt__memory_t *memory = &context->memory;
    for (int64_t i = 0; i < graph->n_inputs; i++)
        pt__release(memory, graph->inputs[i].name);
    for (int64_t i = 0; i < graph->n_parameters; i++)
        pt__release(memory, graph->parameters[i].name);
    for (int64_t i = 0; i < graph->n_constants; i++)
        pt__release(memory, graph->constants[i].values);
    for (int64_t i = 0; i < graph->n_outputs; i++)
        pt__release(memory, graph->outputs[i].name);
    pt__release(memory, graph->tensors);
    pt__release(memory, graph->nodes);
    pt__release(memory, graph->inputs);
    pt__release(memory, graph->parameters);
    pt__release(memory, graph->constants);
    pt__release(memory, graph->outputs);
    pt__release(memory, graph);
    pt__context_release(context);
}

pt_status_t pt_graph_status(const pt_graph_t *graph)
{
    pt__error_clear();
    if (graph == NULL)
        return pt__fail(PT_ERR_ARGUMENT, "pt_graph_status: graph is NULL");
    if (graph->status != PT_OK)
        pt__error_set(graph->message);
    return graph->status;
}

/* Copies `count` elements into a new array of exactly that room. */
static pt_status_t copy_array(pt__memory_t *memory, const void *source, int64_t count, size_t size, void *array,
                              int64_t *room)
{
    PT__TRY(pt__grow(memory, array, room, count, size, "graph copy"));
    if (count > 0)
        memcpy(*(void **)array, source, (size_t)count * size);
    return PT_OK;
}

/* After copy_array the copy's strings are still the source's: own copies take their place, the count growing as they succeed, so that
 * pt_graph_free releases exactly what is owned. */
static pt_status_t copy_names(const pt_graph_t *graph, pt_graph_t *copy)
{
    pt__memory_t *memory = &copy->context->memory;
    for (int64_t i = 0; i < graph->n_inputs; i++, copy->n_inputs++)
        PT__TRY(pt__string_copy(memory, graph->inputs[i].name, &copy->inputs[i].name));
    for (int64_t i = 0; i < graph->n_parameters; i++, copy->n_parameters++)
        PT__TRY(pt__string_copy(memory, graph->parameters[i].name, &copy->parameters[i].name));
    for (int64_t i = 0; i < graph->n_outputs; i++, copy->n_outputs++)
        PT__TRY(pt__string_copy(memory, graph->outputs[i].name, &copy->outputs[i].name));
    for (int64_t i = 0; i < graph->n_constants; i++, copy->n_constants++) {
        int64_t elements = pt__shape_elements(&graph->tensors[graph->constants[i].tensor].shape);
        PT__TRY(pt__allocate(memory, (size_t)elements, sizeof(float), "constant", &copy->constants[i].values));
        memcpy(copy->constants[i].values, graph->constants[i].values, (size_t)elements * sizeof(float));
    }
    return PT_OK;
}

pt_status_t pt__graph_copy(const pt_graph_t *graph, pt_graph_t **out)
{
    pt_graph_t *copy;
    pt_status_t status;
    PT__TRY(pt_graph_create(graph->context, &copy));
    pt__memory_t *memory = &graph->context->memory;
    PT__TRY_OUT(copy_array(memory, graph->tensors, graph->n_tensors, sizeof *graph->tensors, &copy->tensors,
                           &copy->tensor_room));
    PT__TRY_OUT(copy_array(memory, graph->nodes, graph->n_nodes, sizeof *graph->nodes, &copy->nodes, &copy->node_room));
    PT__TRY_OUT(
        copy_array(memory, graph->inputs, graph->n_inputs, sizeof *graph->inputs, &copy->inputs, &copy->input_room));
    PT__TRY_OUT(copy_array(memory, graph->parameters, graph->n_parameters, sizeof *graph->parameters, &copy->parameters,
                           &copy->parameter_room));
    PT__TRY_OUT(copy_array(memory, graph->constants, graph->n_constants, sizeof *graph->constants, &copy->constants,
                           &copy->constant_room));
    PT__TRY_OUT(copy_array(memory, graph->outputs, graph->n_outputs, sizeof *graph->outputs, &copy->outputs,
                           &copy->output_room));
    copy->n_tensors = graph->n_tensors;
    copy->n_nodes = graph->n_nodes;
    copy->status = graph->status;
    memcpy(copy->message, graph->message, sizeof copy->message);
    copy->loss = graph->loss;
    copy->correct = graph->correct;
    copy->counted = graph->counted;
    copy->tied = graph->tied;
    copy->length_limit = graph->length_limit;
    PT__TRY_OUT(copy_names(graph, copy));
    *out = copy;
    return PT_OK;
out:
    pt_graph_free(copy);
    *out = NULL;
    return status;
}

pt__tensor_t *pt__graph_tensor(const pt_graph_t *graph, pt_tensor_t tensor)
{
    return tensor >= 0 && tensor < graph->n_tensors ? &graph->tensors[tensor] : NULL;
}

pt__node_t *pt__graph_producer(const pt_graph_t *graph, pt_tensor_t tensor)
{
    const pt__tensor_t *found = pt__graph_tensor(graph, tensor);
    return found != NULL && found->kind == PT__KIND_RESULT ? &graph->nodes[found->place] : NULL;
}

const pt__input_t *pt__graph_input(const pt_graph_t *graph, const char *name)
{
    for (int64_t i = 0; i < graph->n_inputs; i++)
        if (strcmp(graph->inputs[i].name, name) == 0)
            return &graph->inputs[i];
    return NULL;
}

const pt__parameter_t *pt__graph_parameter(const pt_graph_t *graph, const char *name)
{
    for (int64_t i = 0; i < graph->n_parameters; i++)
        if (strcmp(graph->parameters[i].name, name) == 0)
            return &graph->parameters[i];
    return NULL;
}

pt_tensor_t pt__graph_output(const pt_graph_t *graph, const char *name)
{
    for (int64_t i = 0; i < graph->n_outputs; i++)
        if (name != NULL ? strcmp(graph->outputs[i].name, name) == 0 : strcmp(graph->outputs[i].name, "hidden") != 0)
            return graph->outputs[i].tensor;
    return name == NULL && graph->n_outputs > 0 ? graph->outputs[0].tensor : PT_NO_TENSOR;
}

pt_tensor_t pt__graph_fail(pt_graph_t *graph, pt_status_t status, const char *format, ...)
{
    char message[PT__MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    pt__fail(status, "%s", message);
    if (graph->status == PT_OK) {
        graph->status = status;
        memcpy(graph->message, message, sizeof message);
    }
    return PT_NO_TENSOR;
}

/* Whether a gradient can flow from the node's outputs to a parameter. */
static int32_t is_differentiable(const pt_graph_t *graph, const pt__op_t *op, const pt__node_t *node)
{
    if (op->gradient == NULL && !(op->flags & PT__OP_LOSS))
        return 0;
    for (int32_t i = 0; i < node->n_inputs; i++)
        if (node->inputs[i] != PT_NO_TENSOR && (op->needs_gradient_of >> i & 1u) &&
            graph->tensors[node->inputs[i]].differentiable)
            return 1;
    return 0;
}

static pt_status_t check_inputs(const pt_graph_t *graph, const pt__op_t *op, int32_t n_inputs,
                                const pt_tensor_t *inputs)
{
    if (n_inputs < op->min_inputs || n_inputs > op->max_inputs || n_inputs > PT__MAX_INPUTS)
        return pt__fail(PT_ERR_ARGUMENT, "%s: %d inputs, expected %d to %d", op->name, (int)n_inputs,
                        (int)op->min_inputs, (int)op->max_inputs);
    for (int32_t i = 0; i < n_inputs; i++) {
        if (inputs[i] == PT_NO_TENSOR && i >= op->min_inputs)
            continue;
        if (pt__graph_tensor(graph, inputs[i]) == NULL)
            return pt__fail(PT_ERR_ARGUMENT, "%s: input %d is tensor %d, which is not one of this graph's %lld",
                            op->name, (int)i, (int)inputs[i], (long long)graph->n_tensors);
    }
    return PT_OK;
}

static pt_status_t append_node(pt_graph_t *graph, const pt__node_t *node, const pt__tensor_t *outputs)
{
    pt__memory_t *memory = &graph->context->memory;
    PT__TRY(
        pt__grow(memory, &graph->nodes, &graph->node_room, graph->n_nodes + 1, sizeof *graph->nodes, "graph nodes"));
    PT__TRY(pt__grow(memory, &graph->tensors, &graph->tensor_room, graph->n_tensors + node->n_outputs,
                     sizeof *graph->tensors, "graph tensors"));
    graph->nodes[graph->n_nodes] = *node;
    memcpy(graph->tensors + graph->n_tensors, outputs, (size_t)node->n_outputs * sizeof *outputs);
    graph->n_tensors += node->n_outputs;
    graph->n_nodes++;
    return PT_OK;
}

pt_tensor_t pt__graph_add(pt_graph_t *graph, const struct pt__op *op, int32_t n_inputs, const pt_tensor_t *inputs,
                          const pt__attributes_t *attributes)
{
    if (graph == NULL || graph->status != PT_OK)
        return PT_NO_TENSOR;
    pt__node_t node = {.op = op, .n_inputs = n_inputs, .n_outputs = op->n_outputs};
    pt__tensor_t outputs[PT__MAX_OUTPUTS] = {{0}};
    pt_status_t status = check_inputs(graph, op, n_inputs, inputs);
    if (status == PT_OK) {
        for (int32_t i = 0; i < n_inputs; i++)
            node.inputs[i] = inputs[i];
        for (int32_t i = 0; i < op->n_outputs; i++) {
            node.outputs[i] = (pt_tensor_t)graph->n_tensors + i;
            outputs[i] = (pt__tensor_t){.kind = PT__KIND_RESULT,
                                        .place = (int32_t)graph->n_nodes,
                                        .output = i,
                                        .dtype = PT_FLOAT32,
                                        .index_ignore = INT32_MIN};
        }
        if (attributes != NULL)
            node.attributes = *attributes;
        status = op->shape(graph, &node, outputs);
    }
    if (status == PT_OK) {
        outputs[0].differentiable = is_differentiable(graph, op, &node);
        status = append_node(graph, &node, outputs);
    }
    if (status != PT_OK) {
        char message[PT__MESSAGE_SIZE];
        memcpy(message, pt__error_message(), sizeof message);
        message[sizeof message - 1] = 0;
        return pt__graph_fail(graph, status, "%s", message);
    }
    return node.outputs[0];
}

pt_status_t pt__graph_bound_index(pt_graph_t *graph, pt_tensor_t tensor, int64_t limit, int32_t ignore)
{
    pt__tensor_t *found = pt__graph_tensor(graph, tensor);
    /* What one op ignores another may index with: only a value that all ignore passes. */
    if (found->index_limit == 0)
        found->index_ignore = ignore;
    else if (found->index_ignore != ignore)
        found->index_ignore = INT32_MIN;
    if (found->index_limit == 0 || limit < found->index_limit)
        found->index_limit = limit;
    /* A moved index is the same value: the bound belongs to the input that data fills. */
    const pt__node_t *producer = pt__graph_producer(graph, tensor);
    for (int32_t i = 0;
         producer != NULL && (producer->op->flags & (PT__OP_ALIAS | PT__OP_MOVES)) && i < producer->n_inputs; i++)
        PT__TRY(pt__graph_bound_index(graph, producer->inputs[i], limit, ignore));
    return PT_OK;
}
