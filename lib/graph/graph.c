/* Storage of graphs: making, copying, looking up. Everything a graph owns is reached from pt_graph_t
 * and released by pt_graph_free; the arrays grow geometrically, so pointers into them live until the next append. */
#include "graph/graph.h"

#include <stdatomic.h>
#include <string.h>

#include "base/dtype.h"

#include "graph/op.h"

static _Atomic int64_t *holders(const pt__held_t *held)
{
    return held->block;
}

pt_status_t pt__graph_hold(pt_graph_t *graph, const void *values, int64_t bytes, pt__held_t *held)
{
    *held = (pt__held_t){0};
    PT__TRY(pt__allocate(&graph->context->memory, (size_t)bytes + PT__ALIGNMENT, 1, "values of a graph", &held->block));
    char *place = (char *)held->block + PT__ALIGNMENT;
    atomic_init(holders(held), 1);
    memcpy(place, values, (size_t)bytes);
    held->values = place;
    return PT_OK;
}

void pt__graph_let_go(pt_graph_t *graph, const pt__held_t *held)
{
    if (held->block != NULL && atomic_fetch_sub(holders(held), 1) == 1)
        pt__release(&graph->context->memory, held->block);
}

pt_status_t pt_graph_create(pt_context_t *context, pt_graph_t **out)
{
    pt__error_clear();
    if (out == NULL)
        return pt__fail(PT_ERR_ARGUMENT, "pt_graph_create: out is NULL");
    *out = NULL;
    if (context == NULL)
        return pt__fail(PT_ERR_ARGUMENT, "pt_graph_create: context is NULL");
    pt_graph_t *graph;
    PT__TRY(pt__context_keep(context, pt__allocate(&context->memory, 1, sizeof *graph, "graph", &graph)));
    graph->context = pt__context_retain(context);
    pt__dimensions_start(graph);
    pt_status_t status = pt__grow(&context->memory, &graph->tensors, &graph->tensor_capacity, PT_NO_TENSOR + 1,
                                  sizeof *graph->tensors, "graph tensors");
    if (status != PT_OK) {
        pt_graph_free(graph);
        return status;
    }
    graph->n_tensors = PT_NO_TENSOR + 1;
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
    for (int64_t i = 0; i < graph->n_parameters; i++) {
        pt__release(memory, graph->parameters[i].name);
        pt__graph_let_go(graph, &graph->parameters[i].initial);
    }
    for (int64_t i = 0; i < graph->n_constants; i++)
        pt__graph_let_go(graph, &graph->constants[i].held);
    for (int64_t i = 0; i < graph->n_outputs; i++)
        pt__release(memory, graph->outputs[i].name);
    for (int32_t i = 0; i < graph->n_dimensions; i++)
        pt__release(memory, graph->dimensions[i].name);
    pt__release(memory, graph->tensors);
    pt__release(memory, graph->nodes);
    pt__release(memory, graph->inputs);
    pt__release(memory, graph->parameters);
    pt__release(memory, graph->constants);
    pt__release(memory, graph->outputs);
    pt__release(memory, graph);
    pt__context_release(context);
}

/* Copies `count` elements into a new array of exactly that capacity. */
static pt_status_t copy_array(pt__memory_t *memory, const void *source, int64_t count, size_t size, void *array,
                              int64_t *capacity)
{
    PT__TRY(pt__grow(memory, array, capacity, count, size, "graph copy"));
    if (count > 0)
        memcpy(*(void **)array, source, (size_t)count * size);
    return PT_OK;
}

/* After copy_array the copy's strings are still the source's: own copies take their place, the count growing as they
 * succeed, so that pt_graph_free releases exactly what is owned. Values are not yet the copy's. */
static pt_status_t copy_names(const pt_graph_t *graph, pt_graph_t *copy)
{
    pt__memory_t *memory = &copy->context->memory;
    for (int64_t i = 0; i < graph->n_inputs; i++, copy->n_inputs++)
        PT__TRY(pt__string_copy(memory, graph->inputs[i].name, &copy->inputs[i].name));
    for (int64_t i = 0; i < graph->n_parameters; i++, copy->n_parameters++) {
        copy->parameters[i].initial = (pt__held_t){0};
        PT__TRY(pt__string_copy(memory, graph->parameters[i].name, &copy->parameters[i].name));
    }
    for (int64_t i = 0; i < graph->n_outputs; i++, copy->n_outputs++)
        PT__TRY(pt__string_copy(memory, graph->outputs[i].name, &copy->outputs[i].name));
    for (copy->n_dimensions = 0; copy->n_dimensions < graph->n_dimensions; copy->n_dimensions++) {
        pt__dimension_t *dimension = &copy->dimensions[copy->n_dimensions];
        *dimension = graph->dimensions[copy->n_dimensions];
        dimension->name = NULL;
        PT__TRY(pt__string_copy(memory, graph->dimensions[copy->n_dimensions].name, &dimension->name));
    }
    return PT_OK;
}

/* Held together within a context; another has its own memory, and gets a copy. */
static pt_status_t copy_held(const pt_graph_t *graph, const pt__held_t *held, pt_tensor_t tensor, int32_t dtype,
                             pt_graph_t *copy, pt__held_t *to)
{
    *to = *held;
    if (held->block == NULL)
        return PT_OK;
    if (copy->context != graph->context)
        return pt__graph_hold(copy, held->values,
                              pt__shape_elements(&graph->tensors[tensor].shape) * pt__dtype_size(dtype), to);
    atomic_fetch_add(holders(held), 1);
    return PT_OK;
}

static pt_status_t copy_values(const pt_graph_t *graph, pt_graph_t *copy)
{
    for (int64_t i = 0; i < graph->n_parameters; i++) {
        const pt__parameter_t *parameter = &graph->parameters[i];
        PT__TRY(
            copy_held(graph, &parameter->initial, parameter->tensor, PT_FLOAT32, copy, &copy->parameters[i].initial));
    }
    for (int64_t i = 0; i < graph->n_constants; i++, copy->n_constants++) {
        const pt__constant_t *constant = &graph->constants[i];
        PT__TRY(copy_held(graph, &constant->held, constant->tensor, graph->tensors[constant->tensor].dtype, copy,
                          &copy->constants[i].held));
    }
    return PT_OK;
}

pt_status_t pt__graph_copy_to(pt_context_t *context, const pt_graph_t *graph, pt_graph_t **out)
{
    pt_graph_t *copy;
    pt_status_t status;
    PT__TRY(pt_graph_create(context, &copy));
    pt__memory_t *memory = &context->memory;
    PT__TRY_OUT(copy_array(memory, graph->tensors, graph->n_tensors, sizeof *graph->tensors, &copy->tensors,
                           &copy->tensor_capacity));
    PT__TRY_OUT(
        copy_array(memory, graph->nodes, graph->n_nodes, sizeof *graph->nodes, &copy->nodes, &copy->node_capacity));
    PT__TRY_OUT(copy_array(memory, graph->inputs, graph->n_inputs, sizeof *graph->inputs, &copy->inputs,
                           &copy->input_capacity));
    PT__TRY_OUT(copy_array(memory, graph->parameters, graph->n_parameters, sizeof *graph->parameters, &copy->parameters,
                           &copy->parameter_capacity));
    PT__TRY_OUT(copy_array(memory, graph->constants, graph->n_constants, sizeof *graph->constants, &copy->constants,
                           &copy->constant_capacity));
    PT__TRY_OUT(copy_array(memory, graph->outputs, graph->n_outputs, sizeof *graph->outputs, &copy->outputs,
                           &copy->output_capacity));
    copy->n_tensors = graph->n_tensors;
    copy->n_nodes = graph->n_nodes;
    copy->status = graph->status;
    memcpy(copy->message, graph->message, sizeof copy->message);
    copy->loss = graph->loss;
    memcpy(copy->metrics, graph->metrics, sizeof copy->metrics);
    copy->n_metrics = graph->n_metrics;
    copy->offer = graph->offer;
    memcpy(copy->length_limit, graph->length_limit, sizeof copy->length_limit);
    copy->draws = graph->draws;
    PT__TRY_OUT(copy_names(graph, copy));
    PT__TRY_OUT(copy_values(graph, copy));
    *out = copy;
    return PT_OK;
out:
    pt_graph_free(copy);
    *out = NULL;
    return status;
}

pt_status_t pt__graph_copy(const pt_graph_t *graph, pt_graph_t **out)
{
    return pt__graph_copy_to(graph->context, graph, out);
}

pt__tensor_t *pt__graph_tensor(const pt_graph_t *graph, pt_tensor_t tensor)
{
    return tensor > PT_NO_TENSOR && tensor < graph->n_tensors ? &graph->tensors[tensor] : NULL;
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
