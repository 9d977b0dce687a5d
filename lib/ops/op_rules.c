/* What op files share; see op_rules.h. */
#include "ops/op_rules.h"

#include <stdio.h>
#include <string.h>

#include "base/plain_locale.h"

pt_status_t pt__refuse(const pt_graph_t *graph, const pt__node_t *node, int32_t input, const char *role,
                       const char *format, ...)
{
    const pt__tensor_t *found = pt__input_of(graph, node, input);
    char shape[96], expected[256];
    va_list arguments;
    va_start(arguments, format);
    pt__plain_print(expected, sizeof expected, format, arguments);
    va_end(arguments);
    return pt__fail(PT_ERR_SHAPE, "%s: %s is %s, expected %s", node->op->name, role,
                    pt__graph_shape_print(graph, &found->shape, found->dtype, shape, sizeof shape), expected);
}

pt_status_t pt__refuse_attribute(const pt__node_t *node, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    pt__plain_print(text, sizeof text, format, arguments);
    va_end(arguments);
    return pt__fail(PT_ERR_ARGUMENT, "%s: %s", node->op->name, text);
}

pt_status_t pt__expect_float(const pt_graph_t *graph, const pt__node_t *node, int32_t input, const char *role,
                             int32_t least, int32_t most)
{
    if (!(node->op->narrow_inputs >> input & 1u))
        PT__TRY(pt__expect_dtype(graph, node, input, role, PT_FLOAT32));
    else if (pt__input_of(graph, node, input)->dtype == PT_INT32)
        return pt__refuse(graph, node, input, role, "floating-point numbers");
    return pt__expect_rank(graph, node, input, role, least, most);
}

pt_status_t pt__expect_rows(const pt_graph_t *graph, const pt__node_t *node, int32_t input, const char *role,
                            int64_t *width)
{
    PT__TRY(pt__expect_float(graph, node, input, role, 1, PT_MAX_RANK));
    const pt__shape_t *shape = &pt__input_of(graph, node, input)->shape;
    if (shape->rank == 1 && shape->dimension != PT__DIMENSION_NONE)
        return pt__refuse(graph, node, input, role, "a last dimension of known size");
    *width = shape->size[shape->rank - 1];
    return PT_OK;
}

pt_status_t pt__expect_vector(const pt_graph_t *graph, const pt__node_t *node, int32_t input, const char *role,
                              int64_t size)
{
    const pt__tensor_t *found = pt__input_of(graph, node, input);
    if (found == NULL)
        return PT_OK;
    PT__TRY(pt__expect_dtype(graph, node, input, role, PT_FLOAT32));
    if (found->shape.rank != 1 || found->shape.dimension != PT__DIMENSION_NONE || found->shape.size[0] != size)
        return pt__refuse(graph, node, input, role, "[%lld]", (long long)size);
    return PT_OK;
}

pt_status_t pt__expect_no_gradient(const pt_graph_t *graph, const pt__node_t *node, int32_t input, const char *role)
{
    const pt__tensor_t *found = pt__input_of(graph, node, input);
    if (found == NULL || !found->differentiable)
        return PT_OK;
    return pt__fail(PT_ERR_UNSUPPORTED,
                    "%s: %s depends on a parameter, expected data or a constant: there is no gradient for it",
                    node->op->name, role);
}

pt__shape_t pt__shape_without_last(const pt__shape_t *shape)
{
    pt__shape_t shorter = *shape;
    shorter.size[--shorter.rank] = 0;
    return shorter;
}

pt__shape_t pt__shape_with_last(const pt__shape_t *shape, int64_t size)
{
    pt__shape_t other = *shape;
    other.size[other.rank - 1] = size;
    return other;
}

pt__shape_t pt__shape_with_sizes(const pt__shape_t *shape, int64_t rows, int64_t columns)
{
    pt__shape_t sized = *shape;
    sized.size[shape->rank - 2] = columns;
    if (shape->rank == 4)
        sized.size[1] = rows;
    return sized;
}

int32_t pt__dimension(int64_t dimension, int32_t rank)
{
    if (dimension < 0)
        dimension += rank;
    return dimension >= 0 && dimension < rank ? (int32_t)dimension : -1;
}

pt_status_t pt__shape_like_first(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    PT__TRY(pt__expect_float(graph, node, 0, "src", 0, PT_MAX_RANK));
    return pt__shape_of_input0(graph, node, outputs);
}

pt_status_t pt__shape_of_input0(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    outputs[0].shape = pt__input_of(graph, node, 0)->shape;
    return PT_OK;
}

pt_status_t pt__shape_of_input1(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    outputs[0].shape = pt__input_of(graph, node, 1)->shape;
    return PT_OK;
}

void pt__attributes_put_shape(pt__attributes_t *attributes, int32_t place, const pt__shape_t *shape)
{
    attributes->integers[place] = shape->dimension;
    attributes->integers[place + 1] = shape->rank;
    memcpy(attributes->integers + place + 2, shape->size, sizeof shape->size);
}

pt__shape_t pt__attributes_get_shape(const pt__attributes_t *attributes, int32_t place)
{
    return pt__shape_make((int32_t)attributes->integers[place], (int32_t)attributes->integers[place + 1],
                          attributes->integers + place + 2);
}

int32_t pt__reads_preactivation(int64_t activation)
{
    return activation == PT_ACTIVATION_GELU_TANH || activation == PT_ACTIVATION_GELU_ERF ||
           activation == PT_ACTIVATION_SILU || activation == PT_ACTIVATION_HARDSWISH;
}

pt_tensor_t pt__recompute_activation(pt_graph_t *graph, const pt__node_t *node)
{
    static const char *const functions[PT__UNARY_ACTIVATIONS] = {[PT_ACTIVATION_GELU_TANH] = "gelu_tanh",
                                                                 [PT_ACTIVATION_GELU_ERF] = "gelu",
                                                                 [PT_ACTIVATION_SILU] = "silu",
                                                                 [PT_ACTIVATION_HARDSWISH] = "hardswish"};
    const char *function = functions[node->attributes.integers[PT__ATTRIBUTE_ACTIVATION]];
    return function == NULL ? PT_NO_TENSOR : pt__build_unary(graph, function, node->outputs[1], NULL);
}

pt_tensor_t pt__gradient_before_activation(pt_graph_t *graph, const pt__node_t *node, pt_tensor_t d_dst)
{
    int64_t activation = node->attributes.integers[PT__ATTRIBUTE_ACTIVATION];
    pt__attributes_t function = {.integers = {[PT__ATTRIBUTE_FUNCTION] = activation}};
    if (activation == PT_ACTIVATION_NONE)
        return d_dst;
    pt_tensor_t reference = node->outputs[pt__reads_preactivation(activation) ? 1 : 0];
    return pt__build_binary(graph, "unary_gradient", reference, d_dst, &function);
}

pt_status_t pt__expect_residual(const pt_graph_t *graph, const pt__node_t *node, int32_t input,
                                const pt__shape_t *shape)
{
    const pt__tensor_t *residual = pt__input_of(graph, node, input);
    if (residual != NULL && !pt__shape_equal(&residual->shape, shape))
        return pt__refuse(graph, node, input, "residual", "the shape of dst");
    return PT_OK;
}

pt_status_t pt__expect_slope_alone(const pt_graph_t *graph, const pt__node_t *node, int32_t slope, int32_t residual)
{
    if (pt__input_of(graph, node, slope) != NULL && pt__input_of(graph, node, residual) != NULL)
        return pt__refuse(graph, node, residual, "residual", "none beside a slope");
    return PT_OK;
}

/* The finaliser of SplitMix64 (Steele 2014), so that neighbours share no bits. */
uint64_t pt__dropout_key(const pt__run_t *run, int64_t number)
{
    uint64_t z = run->random_key + ((uint64_t)number + 1) * UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

void pt__view_strides(const pt__view_t *view, int64_t stride[PT_MAX_RANK])
{
    int64_t step = 1;
    for (int32_t i = view->rank - 1; i >= 0; i--) {
        stride[i] = step;
        step *= view->size[i];
    }
}

int32_t pt__join_dimensions(int32_t rank, int64_t *size, int64_t *a_stride, int64_t *b_stride)
{
    int32_t left = 0;
    for (int32_t i = 0; i < rank; i++) {
        if (size[i] == 1)
            continue;
        int32_t last = left - 1;
        if (left > 0 && a_stride[last] == a_stride[i] * size[i] && b_stride[last] == b_stride[i] * size[i])
            size[last] *= size[i];
        else
            size[last = left++] = size[i];
        a_stride[last] = a_stride[i];
        b_stride[last] = b_stride[i];
    }
    if (left == 0)
        size[0] = a_stride[0] = b_stride[0] = 1;
    return left == 0 ? 1 : left;
}

void pt__copy_elements(const pt__run_t *run, int64_t n, const void *src, void *dst, int32_t accumulate)
{
    pt__copy_t copy = {.rank = 1, .accumulate = accumulate, .size = {n}, .src_stride = {1}, .dst_stride = {1}};
    pt__kernels_of(run)->copy(run->device, &copy, src, dst);
}
