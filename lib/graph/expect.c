/* What shape rules expect of a node's inputs, with the messages that say what was found. */
#include "base/dtype.h"
#include "graph/builder.h"

const pt__tensor_t *pt__input_of(const pt_graph_t *graph, const pt__node_t *node, int32_t input)
{
    return input < node->n_inputs ? pt__graph_tensor(graph, node->inputs[input]) : NULL;
}

pt_status_t pt__expect_dtype(const pt_graph_t *graph, const pt__node_t *node, int32_t input, const char *role,
                             int32_t dtype)
{
    const pt__tensor_t *found = pt__input_of(graph, node, input);
    if (found->dtype == dtype)
        return PT_OK;
    return pt__fail(PT_ERR_SHAPE, "%s: %s is %s, expected %s", node->op->name, role, pt__dtype_name(found->dtype),
                    pt__dtype_name(dtype));
}

pt_status_t pt__expect_rank(const pt_graph_t *graph, const pt__node_t *node, int32_t input, const char *role,
                            int32_t least, int32_t most)
{
    const pt__tensor_t *found = pt__input_of(graph, node, input);
    char shape[96];
    if (found->shape.rank >= least && found->shape.rank <= most)
        return PT_OK;
    pt__graph_shape_print(graph, &found->shape, found->dtype, shape, sizeof shape);
    if (least == most)
        return pt__fail(PT_ERR_SHAPE, "%s: %s is %s, expected rank %d", node->op->name, role, shape, (int)least);
    return pt__fail(PT_ERR_SHAPE, "%s: %s is %s, expected rank %d to %d", node->op->name, role, shape, (int)least,
                    (int)most);
}

pt_status_t pt__expect_fixed(const pt_graph_t *graph, const pt__node_t *node, int32_t input, const char *role)
{
    const pt__tensor_t *found = pt__input_of(graph, node, input);
    char shape[96];
    if (found->shape.dimension == PT__DIMENSION_NONE)
        return PT_OK;
    return pt__fail(PT_ERR_SHAPE, "%s: %s is %s, expected a shape without batch or tokens", node->op->name, role,
                    pt__graph_shape_print(graph, &found->shape, found->dtype, shape, sizeof shape));
}

pt_status_t pt__expect_same_shape(const pt_graph_t *graph, const pt__node_t *node, int32_t input, const char *role,
                                  int32_t other, const char *other_role)
{
    const pt__tensor_t *found = pt__input_of(graph, node, input), *expected = pt__input_of(graph, node, other);
    char shape[96], other_shape[96];
    if (pt__shape_equal(&found->shape, &expected->shape))
        return PT_OK;
    return pt__fail(PT_ERR_SHAPE, "%s: %s is %s, expected the shape of %s, %s", node->op->name, role,
                    pt__graph_shape_print(graph, &found->shape, found->dtype, shape, sizeof shape), other_role,
                    pt__graph_shape_print(graph, &expected->shape, expected->dtype, other_shape, sizeof other_shape));
}
