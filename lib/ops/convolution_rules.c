/* See convolution_rules.h. */
#include "ops/convolution_rules.h"

#include "base/options.h"

#include <string.h>

enum { ACTIVATION = PT__ATTRIBUTE_ACTIVATION };
enum { SRC, WEIGHT, BIAS };     /* inputs */
enum { NUMBER_MOST = 1 << 16 }; /* of strides, dilations, paddings, and kernels' sizes: no size overflows */

static const pt_convolution_options_t defaults = {
    .struct_size = sizeof defaults, .stride = {1, 1}, .dilation = {1, 1}, .groups = 1};

pt_status_t pt_convolution_options_init(pt_convolution_options_t *options, uint32_t struct_size)
{
    pt__error_clear();
    return pt__options_init(options, struct_size, &defaults, sizeof defaults, "pt_convolution_options_t");
}

pt_tensor_t pt__convolution_build(pt_graph_t *graph, const char *op, pt_tensor_t src, pt_tensor_t weight,
                                  pt_tensor_t bias, const pt_convolution_options_t *given)
{
    pt_convolution_options_t options = defaults;
    if (!pt__build_is_ready(graph))
        return PT_NO_TENSOR;
    pt_status_t status = pt__options_read(given, &options, sizeof options, "pt_convolution_options_t");
    if (status == PT_OK && ((options.flags & ~(uint32_t)PT_CONVOLUTION_NO_BIAS) != 0 || options.reserved != 0 ||
                            (options.flags != 0 && bias != PT_NO_TENSOR)))
        status = pt__fail(PT_ERR_ARGUMENT,
                          "%s: flags are 0x%lx and reserved %ld, expected 0, or PT_CONVOLUTION_NO_BIAS where there is "
                          "none, and 0",
                          op, (unsigned long)options.flags, (long)options.reserved);
    if (status != PT_OK)
        return pt__graph_stick(graph, status);
    pt__attributes_t attributes = {
        .integers = {[ACTIVATION] = options.activation, [PT__CONVOLUTION_GROUPS] = options.groups}};
    for (int32_t i = 0; i < 4; i++)
        attributes.integers[PT__CONVOLUTION_PADDING + i] = options.padding[i];
    for (int32_t i = 0; i < 2; i++) {
        attributes.integers[PT__CONVOLUTION_STRIDE + i] = options.stride[i];
        attributes.integers[PT__CONVOLUTION_DILATION + i] = options.dilation[i];
        attributes.integers[PT__CONVOLUTION_OUTPUT_PADDING + i] = options.output_padding[i];
    }
    const pt__tensor_t *rows = pt__graph_tensor(graph, src), *kernel = pt__graph_tensor(graph, weight);
    if (rows != NULL && kernel != NULL && kernel->shape.rank == rows->shape.rank + 1)
        attributes.integers[PT__CONVOLUTION_ROWS] = kernel->shape.size[2];
    return pt__build(graph, op, BIAS + 1, (pt_tensor_t[]){src, weight, bias}, &attributes);
}

int64_t pt__convolution_reach(const pt__attributes_t *attributes, int32_t axis, int64_t kernel)
{
    const int64_t *integers = attributes->integers;
    return integers[PT__CONVOLUTION_DILATION + axis] * (kernel - 1) + 1 - integers[PT__CONVOLUTION_PADDING + 2 * axis] -
           integers[PT__CONVOLUTION_PADDING + 2 * axis + 1];
}

static pt_status_t check_number(const pt__node_t *node, const char *what, int32_t place, int64_t lowest)
{
    int64_t number = node->attributes.integers[place];
    if (number < lowest || number > NUMBER_MOST)
        return pt__refuse_attribute(node, "%s %lld, expected %lld to %d", what, (long long)number, (long long)lowest,
                                    NUMBER_MOST);
    return PT_OK;
}

static pt_status_t check_attributes(const pt__node_t *node, int32_t axes)
{
    const int64_t *integers = node->attributes.integers;
    if (integers[ACTIVATION] < 0 || integers[ACTIVATION] >= PT__UNARY_ACTIVATIONS)
        return pt__refuse_attribute(node, "activation %lld, expected one of PT_ACTIVATION_...",
                                    (long long)integers[ACTIVATION]);
    for (int32_t i = 0; i < 2; i++) {
        PT__TRY(check_number(node, "stride", PT__CONVOLUTION_STRIDE + i, 1));
        PT__TRY(check_number(node, "dilation", PT__CONVOLUTION_DILATION + i, 1));
        PT__TRY(check_number(node, "padding", PT__CONVOLUTION_PADDING + 2 * i, 0));
        PT__TRY(check_number(node, "padding", PT__CONVOLUTION_PADDING + 2 * i + 1, 0));
        if (i >= axes &&
            (integers[PT__CONVOLUTION_STRIDE + i] != 1 || integers[PT__CONVOLUTION_DILATION + i] != 1 ||
             integers[PT__CONVOLUTION_PADDING + 2 * i] != 0 || integers[PT__CONVOLUTION_PADDING + 2 * i + 1] != 0))
            return pt__refuse_attribute(node, "stride, dilation and padding of a second dimension, expected 1, 1 and 0 "
                                              "where src has one");
    }
    return PT_OK;
}

pt_status_t pt__convolution_check(const pt_graph_t *graph, const pt__node_t *node, int32_t transposed)
{
    const pt__shape_t *src = &pt__input_of(graph, node, SRC)->shape;
    const pt__shape_t *weight = &pt__input_of(graph, node, WEIGHT)->shape;
    int64_t groups = node->attributes.integers[PT__CONVOLUTION_GROUPS];
    PT__TRY(pt__expect_float(graph, node, SRC, "src", transposed ? 3 : 2, 4));
    const int32_t has_rows = !transposed && (src->rank == 2 || (weight->rank == src->rank + 1 && src->rank == 3 &&
                                                                pt__shape_is_ragged(src)));
    if (has_rows && (!pt__shape_is_ragged(src) || src->size[0] != 1))
        return pt__refuse(graph, node, SRC, "src", "[PT_DIM_TOKENS, channels], or of another dimension of rows");
    PT__TRY(pt__expect_float(graph, node, WEIGHT, "weight", src->rank + has_rows, src->rank + has_rows));
    PT__TRY(pt__expect_fixed(graph, node, WEIGHT, "weight"));
    if (node->attributes.integers[PT__CONVOLUTION_ROWS] != (has_rows ? weight->size[2] : 0))
        return pt__refuse(graph, node, WEIGHT, "weight", "a kernel of %lld where src has rows",
                          (long long)node->attributes.integers[PT__CONVOLUTION_ROWS]);
    PT__TRY(check_attributes(node, weight->rank - 2));
    int64_t channels = src->size[src->rank - 1], grouped = weight->size[0];
    if (groups < 1 || channels % groups != 0 || grouped % groups != 0)
        return pt__refuse_attribute(node, "groups %lld, expected a divisor of %lld channels and %lld of the weight",
                                    (long long)groups, (long long)channels, (long long)grouped);
    if (transposed ? grouped != channels : weight->size[1] != channels / groups)
        return pt__refuse(graph, node, WEIGHT, "weight", transposed ? "[%lld, ...]" : "[outputs, %lld, ...]",
                          (long long)(transposed ? channels : channels / groups));
    for (int32_t i = 2; i < weight->rank; i++)
        if (weight->size[i] > NUMBER_MOST)
            return pt__refuse(graph, node, WEIGHT, "weight", "a kernel of up to %d", NUMBER_MOST);
    return PT_OK;
}

pt_status_t pt__convolution_set_shape(const pt_graph_t *graph, const pt__node_t *node, int64_t outputs,
                                      int64_t (*size_of)(const pt__attributes_t *, int32_t, int64_t, int64_t),
                                      pt__tensor_t *result)
{
    const pt__shape_t *src = &pt__input_of(graph, node, SRC)->shape;
    const pt__shape_t *weight = &pt__input_of(graph, node, WEIGHT)->shape;
    PT__TRY(pt__expect_vector(graph, node, BIAS, "bias", outputs));
    if (outputs > INT64_MAX / 64 / src->size[0])
        return pt__refuse(graph, node, SRC, "src", "less: the result has too many elements for this machine");
    int64_t elements = src->size[0] * outputs;
    result->shape = pt__shape_with_last(src, outputs);
    const int32_t first = pt__convolution_has_rows(&node->attributes);
    for (int32_t i = first; i < pt__convolution_axes(&node->attributes, src->rank); i++) {
        const int32_t place = pt__convolution_place(&node->attributes, i);
        int64_t size = size_of(&node->attributes, i, src->size[place], weight->size[2 + i]);
        if (size < 1)
            return pt__refuse(
                graph, node, SRC, "src",
                "more: a kernel of %lld with dilation %lld and padding %lld and %lld leaves nothing of %lld",
                (long long)weight->size[2 + i], (long long)node->attributes.integers[PT__CONVOLUTION_DILATION + i],
                (long long)node->attributes.integers[PT__CONVOLUTION_PADDING + 2 * i],
                (long long)node->attributes.integers[PT__CONVOLUTION_PADDING + 2 * i + 1], (long long)src->size[place]);
        if (size > INT64_MAX / 64 / elements)
            return pt__refuse(graph, node, SRC, "src", "less: the result has too many elements for this machine");
        elements *= size;
        result->shape.size[place] = size;
    }
    return PT_OK;
}

pt__attributes_t pt__convolution_attributes(const pt__node_t *node, const pt__shape_t *shape, int32_t first)
{
    pt__attributes_t attributes = node->attributes;
    attributes.integers[ACTIVATION] = PT_ACTIVATION_NONE;
    attributes.integers[PT__CONVOLUTION_DIMENSION] = shape->dimension;
    for (int32_t i = 0; i < 2; i++) {
        const int32_t is_axis = first + i < shape->rank - (first < 2);
        attributes.integers[PT__CONVOLUTION_SIZE + i] = is_axis ? shape->size[first + i] : 1;
        attributes.integers[PT__CONVOLUTION_OUTPUT_PADDING + i] = 0;
    }
    return attributes;
}

/* An operand's sizes: one of one axis is a row of elements; rows are all samples'. */
static void read_size(const pt__view_t *view, int32_t axes, int64_t size[2])
{
    size[0] = axes > 1 ? view->size[view->rank - 3] : 1;
    size[1] = view->size[view->rank - 2];
}

pt__convolution_t pt__convolution_describe(const pt__call_t *call, const pt__run_t *run, const pt__view_t *src,
                                           const pt__view_t *dst, const int64_t *kernel)
{
    const int64_t *integers = call->attributes->integers;
    const int32_t has_rows = pt__convolution_has_rows(call->attributes);
    const int32_t axes = pt__convolution_axes(call->attributes, src->rank);
    pt__convolution_t convolution = {.samples = has_rows ? 1 : src->size[0],
                                     .ragged = has_rows ? 3 - axes : 0,
                                     .channels = pt__last_size(src),
                                     .outputs = pt__last_size(dst),
                                     .groups = integers[PT__CONVOLUTION_GROUPS],
                                     .activation = (int32_t)integers[ACTIVATION],
                                     .scratch = call->scratch};
    if (has_rows && run != NULL) {
        convolution.samples = run->count[PT__DIMENSION_BATCH];
        convolution.offsets = run->offsets[src->dimension];
        convolution.dst_offsets = run->offsets[dst->dimension];
    }
    read_size(src, axes, convolution.src_size);
    read_size(dst, axes, convolution.dst_size);
    for (int32_t i = 0; i < 2; i++) {
        int32_t axis = axes > 1 ? i : i - 1; /* of the op; -1: there is none, all is neutral */
        convolution.kernel[i] = axis < 0 ? 1 : kernel[axis];
        convolution.stride[i] = axis < 0 ? 1 : integers[PT__CONVOLUTION_STRIDE + axis];
        convolution.dilation[i] = axis < 0 ? 1 : integers[PT__CONVOLUTION_DILATION + axis];
        convolution.padding[i] = axis < 0 ? 0 : integers[PT__CONVOLUTION_PADDING + 2 * axis];
    }
    return convolution;
}

pt__convolution_t pt__convolution_forward(const pt__call_t *call, const pt__run_t *run)
{
    return pt__convolution_describe(call, run, &call->inputs[SRC], &call->outputs[0], call->inputs[WEIGHT].size + 2);
}

pt__convolution_t pt__convolution_backward(const pt__call_t *call, const pt__run_t *run)
{
    return pt__convolution_describe(call, run, &call->outputs[0], &call->inputs[0], call->inputs[WEIGHT].size + 2);
}

double pt__convolution_operations(const pt__convolution_t *convolution)
{
    return 2.0 * (double)pt__convolution_dst_rows(convolution) * (double)convolution->outputs *
           (double)(convolution->channels / convolution->groups) * (double)pt__convolution_taps(convolution);
}
