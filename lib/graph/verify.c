/* The verifier: what planning and running rely on, checked once for each graph that is to be planned. A breach is a
 * fault of an op or a pass of ours, never of a host, hence PT_ERR_INTERNAL. */
#include "base/dtype.h"
#include "graph/op.h"

static pt_status_t verify_shape(const pt__tensor_t *tensor, int32_t n_dimensions, int64_t index)
{
    const pt__shape_t *shape = &tensor->shape;
    if (shape->rank < 0 || shape->rank > PT_MAX_RANK)
        return pt__fail(PT_ERR_INTERNAL, "tensor %lld: rank %d", (long long)index, (int)shape->rank);
    if (shape->dimension < 0 || shape->dimension >= n_dimensions)
        return pt__fail(PT_ERR_INTERNAL, "tensor %lld: dimension %d", (long long)index, (int)shape->dimension);
    if (shape->dimension != PT__DIMENSION_NONE && shape->rank == 0)
        return pt__fail(PT_ERR_INTERNAL, "tensor %lld: a scalar with a symbolic size", (long long)index);
    int64_t elements = 1;
    for (int32_t i = 0; i < shape->rank; i++) {
        if (shape->size[i] < 1 || shape->size[i] > INT64_MAX / 64 / elements)
            return pt__fail(PT_ERR_INTERNAL, "tensor %lld: size %lld of dimension %d", (long long)index,
                            (long long)shape->size[i], (int)i);
        elements *= shape->size[i];
    }
    int32_t narrow = tensor->kind == PT__KIND_RESULT ? tensor->dtype == PT_UINT8 : pt__dtype_is_narrow(tensor->dtype);
    if (tensor->dtype != PT_FLOAT32 && tensor->dtype != PT_INT32 && !narrow)
        return pt__fail(PT_ERR_INTERNAL, "tensor %lld: dtype %s", (long long)index, pt__dtype_name(tensor->dtype));
    return PT_OK;
}

static pt_status_t verify_node(const pt_graph_t *graph, int64_t index)
{
    const pt__node_t *node = &graph->nodes[index];
    const pt__op_t *op = node->op;
    if (node->n_inputs < op->min_inputs || node->n_inputs > op->max_inputs ||
        node->n_outputs != pt__op_outputs(op, &node->attributes))
        return pt__fail(PT_ERR_INTERNAL, "node %lld, %s: %d inputs, %d outputs", (long long)index, op->name,
                        (int)node->n_inputs, (int)node->n_outputs);
    for (int32_t k = 0; k < node->n_outputs; k++) {
        const pt__tensor_t *output = pt__graph_tensor(graph, node->outputs[k]);
        if (output == NULL || output->kind != PT__KIND_RESULT || output->place != index || output->output != k)
            return pt__fail(PT_ERR_INTERNAL, "node %lld, %s: output %d is not its own", (long long)index, op->name,
                            (int)k);
    }
    for (int32_t k = 0; k < node->n_inputs; k++) {
        if (node->inputs[k] == PT_NO_TENSOR && k >= op->min_inputs)
            continue;
        if (pt__graph_tensor(graph, node->inputs[k]) == NULL || node->inputs[k] >= node->outputs[0])
            return pt__fail(PT_ERR_INTERNAL, "node %lld, %s: input %d does not come before it", (long long)index,
                            op->name, (int)k);
        const pt__tensor_t *input = &graph->tensors[node->inputs[k]];
        if (!pt__op_takes(op, k, input, input->dtype))
            return pt__fail(PT_ERR_INTERNAL, "node %lld, %s: input %d is %s", (long long)index, op->name, (int)k,
                            pt__dtype_name(input->dtype));
    }
    if (op->flags & PT__OP_ALIAS) {
        const pt__shape_t *from = &graph->tensors[node->inputs[0]].shape, *to = &graph->tensors[node->outputs[0]].shape;
        if (from->dimension != to->dimension || pt__shape_elements(from) != pt__shape_elements(to))
            return pt__fail(PT_ERR_INTERNAL, "node %lld, %s: a view of another size", (long long)index, op->name);
    }
    return PT_OK;
}

pt_status_t pt__graph_verify(const pt_graph_t *graph)
{
    for (int64_t i = PT_NO_TENSOR + 1; i < graph->n_tensors; i++)
        PT__TRY(verify_shape(&graph->tensors[i], graph->n_dimensions, i));
    for (int64_t i = 0; i < graph->n_nodes; i++)
        PT__TRY(verify_node(graph, i));
    for (int32_t i = 0; i < graph->n_metrics; i++)
        if (pt__graph_tensor(graph, graph->metrics[i].value) == NULL && graph->metrics[i].value != PT_NO_TENSOR)
            return pt__fail(PT_ERR_INTERNAL, "metric \"%s\" reads what is not there", graph->metrics[i].name);
    return PT_OK;
}
