/* Parameters that are stored narrower than float32: which ops read them so, and that they do not learn. */
#include "base/dtype.h"
#include "graph/op.h"

int32_t pt__op_takes(const pt__op_t *op, int32_t input, const pt__tensor_t *tensor, int32_t dtype)
{
    const pt__shape_t *shape = &tensor->shape;
    const int32_t elements = pt__dtype_unit(dtype).elements;
    if (dtype == PT_UINT8) /* what a forward pass notes for its gradient */
        return (op->flags & PT__OP_INTERNAL) != 0;
    if (!pt__dtype_is_narrow(dtype))
        return 1;
    return (op->narrow_inputs >> input & 1u) &&
           (elements == 1 || (shape->rank >= 2 && shape->size[shape->rank - 1] % elements == 0));
}

/* The first node that reads the tensor and cannot in this dtype; NULL: none. */
static const pt__node_t *first_refusal(const pt_graph_t *graph, pt_tensor_t tensor, int32_t dtype)
{
    for (int64_t i = 0; i < graph->n_nodes; i++)
        for (int32_t k = 0; k < graph->nodes[i].n_inputs; k++)
            if (graph->nodes[i].inputs[k] == tensor &&
                !pt__op_takes(graph->nodes[i].op, k, &graph->tensors[tensor], dtype))
                return &graph->nodes[i];
    return NULL;
}

int32_t pt__graph_takes(const pt_graph_t *graph, pt_tensor_t tensor, int32_t dtype)
{
    return (dtype == PT_FLOAT32 || pt__dtype_is_narrow(dtype)) && first_refusal(graph, tensor, dtype) == NULL;
}

pt_status_t pt__graph_store_as(pt_graph_t *graph, int64_t place, int32_t dtype)
{
    const pt__parameter_t *parameter = &graph->parameters[place];
    pt__tensor_t *tensor = &graph->tensors[parameter->tensor];
    const pt__node_t *refusal = first_refusal(graph, parameter->tensor, dtype);
    char shape[96];
    if (dtype != PT_FLOAT32 && !pt__dtype_is_narrow(dtype))
        return pt__fail(PT_ERR_UNSUPPORTED, "parameter \"%s\": no op reads %s; expected a floating-point type",
                        parameter->name, pt__dtype_name(dtype));
    if (refusal != NULL)
        return pt__fail(PT_ERR_UNSUPPORTED, "parameter \"%s\", %s: the op %s, which reads it, does not take it as %s",
                        parameter->name, pt__shape_print(&tensor->shape, tensor->dtype, shape, sizeof shape),
                        refusal->op->name, pt__dtype_name(dtype));
    tensor->dtype = dtype;
    tensor->differentiable = dtype == PT_FLOAT32 && parameter->role == PT__ROLE_LEARNS;
    return PT_OK;
}
