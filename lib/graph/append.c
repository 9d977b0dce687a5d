/* Appending to graphs: tensors that no node makes, and nodes, whose ops check their inputs. */
#include <string.h>

#include "graph/op.h"

void pt__graph_limit_length(pt_graph_t *graph, int32_t dimension, int64_t limit)
{
    int64_t *most = &graph->length_limit[dimension];
    if (*most == 0 || limit < *most)
        *most = limit;
}

int64_t pt__graph_draw(pt_graph_t *graph)
{
    return graph == NULL ? 0 : graph->draws++;
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
    char shape[96];
    if (n_inputs < op->min_inputs || n_inputs > op->max_inputs || n_inputs > PT__MAX_INPUTS)
        return pt__fail(PT_ERR_ARGUMENT, "%s: %d inputs, expected %d to %d", op->name, (int)n_inputs,
                        (int)op->min_inputs, (int)op->max_inputs);
    for (int32_t i = 0; i < n_inputs; i++) {
        if (inputs[i] == PT_NO_TENSOR && i >= op->min_inputs)
            continue;
        if (pt__graph_tensor(graph, inputs[i]) == NULL)
            return pt__fail(PT_ERR_ARGUMENT, "%s: input %d is tensor %d, which is not one of this graph's %lld",
                            op->name, (int)i, (int)inputs[i], (long long)graph->n_tensors - 1);
        const pt__tensor_t *input = &graph->tensors[inputs[i]];
        if (!pt__op_takes(op, i, input, input->dtype))
            return pt__fail(PT_ERR_SHAPE, "%s: input %d is %s, expected float32%s", op->name, (int)i,
                            pt__graph_shape_print(graph, &input->shape, input->dtype, shape, sizeof shape),
                            op->narrow_inputs >> i & 1u ? ", or rows of whole blocks" : "");
    }
    return PT_OK;
}

pt_status_t pt__graph_append(pt_graph_t *graph, pt__kind_t kind, int32_t dtype, const pt__shape_t *shape, int64_t place,
                             pt_tensor_t *out)
{
    PT__TRY(pt__grow(&graph->context->memory, &graph->tensors, &graph->tensor_capacity, graph->n_tensors + 1,
                     sizeof *graph->tensors, "graph tensors"));
    *out = (pt_tensor_t)graph->n_tensors++;
    graph->tensors[*out] = (pt__tensor_t){.kind = kind,
                                          .dtype = dtype,
                                          .shape = *shape,
                                          .place = (int32_t)place,
                                          .index_ignore = INT32_MIN,
                                          .differentiable = kind == PT__KIND_PARAMETER};
    return PT_OK;
}

static pt_status_t append_node(pt_graph_t *graph, const pt__node_t *node, const pt__tensor_t *outputs)
{
    pt__memory_t *memory = &graph->context->memory;
    PT__TRY(pt__grow(memory, &graph->nodes, &graph->node_capacity, graph->n_nodes + 1, sizeof *graph->nodes,
                     "graph nodes"));
    PT__TRY(pt__grow(memory, &graph->tensors, &graph->tensor_capacity, graph->n_tensors + node->n_outputs,
                     sizeof *graph->tensors, "graph tensors"));
    graph->nodes[graph->n_nodes] = *node;
    memcpy(graph->tensors + graph->n_tensors, outputs, (size_t)node->n_outputs * sizeof *outputs);
    graph->n_tensors += node->n_outputs;
    graph->n_nodes++;
    return PT_OK;
}

/* Output 0, and what has its shape, counts rows of a dimension that is derived from input 0's. */
static pt_status_t derive_rows(pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    if (node->op->stride == NULL)
        return PT_OK;
    pt__stride_t stride = node->op->stride(node);
    const pt__shape_t shape = outputs[0].shape;
    int32_t dimension = pt__graph_derive_dimension(graph, shape.dimension, stride.add, stride.divide, stride.plus);
    for (int32_t i = 0; i < node->n_outputs; i++)
        if (pt__shape_equal(&outputs[i].shape, &shape))
            outputs[i].shape.dimension = dimension;
    return graph->status;
}

pt_tensor_t pt__graph_add(pt_graph_t *graph, const struct pt__op *op, int32_t n_inputs, const pt_tensor_t *inputs,
                          const pt__attributes_t *attributes)
{
    if (graph == NULL || graph->status != PT_OK)
        return PT_NO_TENSOR;
    pt__node_t node = {.op = op, .n_inputs = n_inputs};
    pt__tensor_t outputs[PT__MAX_OUTPUTS] = {{0}};
    if (attributes != NULL)
        node.attributes = *attributes;
    node.n_outputs = pt__op_outputs(op, &node.attributes);
    pt_status_t status = check_inputs(graph, op, n_inputs, inputs);
    if (status == PT_OK && (node.n_outputs < 1 || node.n_outputs > op->n_outputs))
        status = pt__fail(PT_ERR_ARGUMENT, "%s: %d outputs, expected 1 to %d", op->name, (int)node.n_outputs,
                          (int)op->n_outputs);
    if (status == PT_OK) {
        for (int32_t i = 0; i < n_inputs; i++)
            node.inputs[i] = inputs[i];
        for (int32_t i = 0; i < node.n_outputs; i++) {
            node.outputs[i] = (pt_tensor_t)graph->n_tensors + i;
            outputs[i] = (pt__tensor_t){.kind = PT__KIND_RESULT,
                                        .place = (int32_t)graph->n_nodes,
                                        .output = i,
                                        .dtype = PT_FLOAT32,
                                        .index_ignore = INT32_MIN};
        }
        status = op->shape(graph, &node, outputs);
    }
    if (status == PT_OK)
        status = derive_rows(graph, &node, outputs);
    if (status == PT_OK)
        status = pt__graph_check_indices(graph, &node);
    if (status == PT_OK) {
        int32_t differentiable = is_differentiable(graph, op, &node);
        for (int32_t i = 0; i < node.n_outputs; i++)
            outputs[i].differentiable = differentiable && outputs[i].dtype == PT_FLOAT32 &&
                                        !(i == 1 && (op->flags & PT__OP_LOSS));
        status = append_node(graph, &node, outputs);
    }
    if (status != PT_OK)
        return pt__graph_stick(graph, status);
    pt__graph_bound_indices(graph, &node);
    return node.outputs[0];
}
