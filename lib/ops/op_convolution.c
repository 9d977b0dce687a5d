/* convolution: dst = activation(src * weight + bias (+ residual)), where element (y, x) of a picture is
 *
 *   Σ_(i, j, c) src[y·stride + i·dilation - top, x·stride + j·dilation - left, c] · weight[o, c, i, j]
 *
 *   and src outside is 0. src [B, H, W, C], weight [O, C/groups, h, w], bias [O] or none -> dst [B, H', W', O], H' =
 *   floor((H + top + bottom - dilation·(h - 1) - 1) / stride) + 1; or src [B, L, C], weight [O, C/groups, l] -> [B, L',
 *   O]; or src [R, C], R a dimension of rows -> [R', O], R' derived from it: each sample is a length. Output o reads
 *   the channels of its group, as many of both.
 *   residual, output 1: as linear's
 *
 * convolution_transposed: dst = src *ᵀ weight + bias, the gradient by src of the convolution that makes src of dst:
 *   src [B, H, W, C], weight [C, O/groups, h, w], bias [O] or none -> dst [B, H', W', O], H' = (H - 1)·stride - top -
 *   bottom + dilation·(h - 1) + 1 + output padding
 *
 * Gradient of both, with g = d_dst · activation'(...):
 *   d_residual = g, d_bias = Σ_(B, H', W') g
 *   d_src = g *ᵀ weight                     convolution_gradient_src
 *   d_src = g * weight                      convolution_transposed_gradient_src
 *   d_weight = g and src summed             convolution_gradient_weight; the two exchanged
 * convolution_gradient_src takes a pre-activation or a residual too, as linear_gradient_src does. */
#include "base/options.h"
#include "kernels/convolution.h"
#include "ops/op_rules.h"

#include <string.h>

/* Integers of all: those of options; then convolution_gradient_src's sizes of src, the leading one's dimension first,
 * and convolution_gradient_weight's of a kernel. */
enum {
    ACTIVATION = PT__ATTRIBUTE_ACTIVATION,
    STRIDE,
    PADDING = STRIDE + 2,
    DILATION = PADDING + 4,
    GROUPS = DILATION + 2,
    OUTPUT_PADDING,
    DIMENSION = OUTPUT_PADDING + 2,
    SIZE,
    INTEGERS = SIZE + 2
};
_Static_assert((int)INTEGERS <= (int)PT__CASE_INTEGERS && (int)INTEGERS <= (int)PT__MAX_INTEGERS,
               "cases state all of them");
enum { SRC, WEIGHT, BIAS, RESIDUAL };                      /* inputs of convolution */
enum { D_DST, D_DST_WEIGHT, D_DST_SLOPE, D_DST_RESIDUAL }; /* of its gradients; or D_DST and src */
enum { NUMBER_MOST = 1 << 16 }; /* of strides, dilations, paddings, and kernels' sizes: no size overflows */

static const pt_convolution_options_t defaults = {
    .struct_size = sizeof defaults, .stride = {1, 1}, .dilation = {1, 1}, .groups = 1};

pt_status_t pt_convolution_options_init(pt_convolution_options_t *options, uint32_t struct_size)
{
    pt__error_clear();
    return pt__options_init(options, struct_size, &defaults, sizeof defaults, "pt_convolution_options_t");
}

/* How many sizes are convolved: those between the leading one, of samples, and the last, of channels; or the rows of
 * each sample. */
static int32_t axes_of(int32_t rank)
{
    return rank == 4 ? 2 : 1;
}

static int32_t is_of_rows(int32_t rank)
{
    return rank == 2;
}

static pt_tensor_t build(pt_graph_t *graph, const char *op, pt_tensor_t src, pt_tensor_t weight, pt_tensor_t bias,
                         const pt_convolution_options_t *given)
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
    pt__attributes_t attributes = {.integers = {[ACTIVATION] = options.activation, [GROUPS] = options.groups}};
    for (int32_t i = 0; i < 4; i++)
        attributes.integers[PADDING + i] = options.padding[i];
    for (int32_t i = 0; i < 2; i++) {
        attributes.integers[STRIDE + i] = options.stride[i];
        attributes.integers[DILATION + i] = options.dilation[i];
        attributes.integers[OUTPUT_PADDING + i] = options.output_padding[i];
    }
    const pt__tensor_t *rows = pt__graph_tensor(graph, src), *kernel = pt__graph_tensor(graph, weight);
    if (rows != NULL && kernel != NULL && is_of_rows(rows->shape.rank))
        attributes.integers[SIZE] = kernel->shape.size[2];
    return pt__build(graph, op, BIAS + 1, (pt_tensor_t[]){src, weight, bias}, &attributes);
}

pt_tensor_t pt_convolution(pt_graph_t *graph, pt_tensor_t src, pt_tensor_t weight, pt_tensor_t bias,
                           const pt_convolution_options_t *options)
{
    return build(graph, "convolution", src, weight, bias, options);
}

pt_tensor_t pt_convolution_transposed(pt_graph_t *graph, pt_tensor_t src, pt_tensor_t weight, pt_tensor_t bias,
                                      const pt_convolution_options_t *options)
{
    return build(graph, "convolution_transposed", src, weight, bias, options);
}

/* ---- Shapes ---- */

/* Of an axis whose kernel is so large: what dilation makes of it, less what padding adds. */
static int64_t reach(const pt__attributes_t *attributes, int32_t axis, int64_t kernel)
{
    const int64_t *integers = attributes->integers;
    return integers[DILATION + axis] * (kernel - 1) + 1 - integers[PADDING + 2 * axis] -
           integers[PADDING + 2 * axis + 1];
}

static int64_t size_forward(const pt__attributes_t *attributes, int32_t axis, int64_t size, int64_t kernel)
{
    int64_t left = size - reach(attributes, axis, kernel);
    return left < 0 ? 0 : left / attributes->integers[STRIDE + axis] + 1;
}

static int64_t size_transposed(const pt__attributes_t *attributes, int32_t axis, int64_t size, int64_t kernel)
{
    return (size - 1) * attributes->integers[STRIDE + axis] + reach(attributes, axis, kernel) +
           attributes->integers[OUTPUT_PADDING + axis];
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
        PT__TRY(check_number(node, "stride", STRIDE + i, 1));
        PT__TRY(check_number(node, "dilation", DILATION + i, 1));
        PT__TRY(check_number(node, "padding", PADDING + 2 * i, 0));
        PT__TRY(check_number(node, "padding", PADDING + 2 * i + 1, 0));
        if (i >= axes && (integers[STRIDE + i] != 1 || integers[DILATION + i] != 1 || integers[PADDING + 2 * i] != 0 ||
                          integers[PADDING + 2 * i + 1] != 0))
            return pt__refuse_attribute(node, "stride, dilation and padding of a second dimension, expected 1, 1 and 0 "
                                              "where src has one");
    }
    return PT_OK;
}

/* What both ops want of src, weight and groups: `from` and `to`, places in the weight's shape of what a group reads of
 * src's channels, and of the outputs. */
static pt_status_t check_inputs(const pt_graph_t *graph, const pt__node_t *node, int32_t transposed)
{
    const pt__shape_t *src = &pt__input_of(graph, node, SRC)->shape;
    const pt__shape_t *weight = &pt__input_of(graph, node, WEIGHT)->shape;
    int64_t groups = node->attributes.integers[GROUPS];
    PT__TRY(pt__expect_float(graph, node, SRC, "src", transposed ? 3 : 2, 4));
    if (is_of_rows(src->rank) && (!pt__shape_is_ragged(src) || src->size[0] != 1))
        return pt__refuse(graph, node, SRC, "src", "[PT_DIM_TOKENS, channels], or of another dimension of rows");
    int32_t weight_rank = axes_of(src->rank) + 2;
    PT__TRY(pt__expect_float(graph, node, WEIGHT, "weight", weight_rank, weight_rank));
    PT__TRY(pt__expect_fixed(graph, node, WEIGHT, "weight"));
    PT__TRY(check_attributes(node, axes_of(src->rank)));
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

/* dst of `outputs` channels, its sizes by `size_of`. */
static pt_status_t set_shape(const pt_graph_t *graph, const pt__node_t *node, int64_t outputs,
                             int64_t (*size_of)(const pt__attributes_t *, int32_t, int64_t, int64_t),
                             pt__tensor_t *result)
{
    const pt__shape_t *src = &pt__input_of(graph, node, SRC)->shape;
    const pt__shape_t *weight = &pt__input_of(graph, node, WEIGHT)->shape;
    int64_t elements = src->size[0] * outputs;
    PT__TRY(pt__expect_vector(graph, node, BIAS, "bias", outputs));
    result->shape = pt__shape_with_last(src, outputs);
    for (int32_t i = 0; i < axes_of(src->rank) && !is_of_rows(src->rank); i++) {
        int64_t size = size_of(&node->attributes, i, src->size[1 + i], weight->size[2 + i]);
        if (size < 1)
            return pt__refuse(
                graph, node, SRC, "src",
                "more: a kernel of %lld with dilation %lld and padding %lld and %lld leaves nothing of %lld",
                (long long)weight->size[2 + i], (long long)node->attributes.integers[DILATION + i],
                (long long)node->attributes.integers[PADDING + 2 * i],
                (long long)node->attributes.integers[PADDING + 2 * i + 1], (long long)src->size[1 + i]);
        if (size > INT64_MAX / 64 / elements)
            return pt__refuse(graph, node, SRC, "src", "less: the result has too many elements for this machine");
        elements *= size;
        result->shape.size[1 + i] = size;
    }
    return PT_OK;
}

static pt_status_t convolution_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    PT__TRY(check_inputs(graph, node, 0));
    for (int32_t i = 0; i < 2; i++)
        if (node->attributes.integers[OUTPUT_PADDING + i] != 0)
            return pt__refuse_attribute(node, "output padding %lld, expected 0: only a transposed convolution has it",
                                        (long long)node->attributes.integers[OUTPUT_PADDING + i]);
    PT__TRY(set_shape(graph, node, pt__input_of(graph, node, WEIGHT)->shape.size[0], size_forward, outputs));
    outputs[1].shape = outputs[0].shape;
    int32_t rank = outputs[0].shape.rank;
    int64_t kernel = pt__input_of(graph, node, WEIGHT)->shape.size[2];
    if (node->attributes.integers[SIZE] != (is_of_rows(rank) ? kernel : 0))
        return pt__refuse(graph, node, WEIGHT, "weight", "a kernel of %lld where src has rows",
                          (long long)node->attributes.integers[SIZE]);
    const pt__tensor_t *residual = pt__input_of(graph, node, RESIDUAL);
    if (residual != NULL && !pt__shape_equal(&residual->shape, &outputs[0].shape))
        return pt__refuse(graph, node, RESIDUAL, "residual", "the shape of dst");
    return PT_OK;
}

static pt_status_t transposed_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    const int64_t *integers = node->attributes.integers;
    PT__TRY(check_inputs(graph, node, 1));
    if (integers[ACTIVATION] != PT_ACTIVATION_NONE)
        return pt__refuse_attribute(node, "activation %lld, expected none", (long long)integers[ACTIVATION]);
    for (int32_t i = 0; i < 2; i++)
        if (integers[OUTPUT_PADDING + i] < 0 || (integers[OUTPUT_PADDING + i] >= integers[STRIDE + i] &&
                                                 integers[OUTPUT_PADDING + i] >= integers[DILATION + i]))
            return pt__refuse_attribute(
                node, "output padding %lld, expected 0 to less than the stride, %lld, or the dilation, %lld",
                (long long)integers[OUTPUT_PADDING + i], (long long)integers[STRIDE + i],
                (long long)integers[DILATION + i]);
    int64_t each = pt__input_of(graph, node, WEIGHT)->shape.size[1];
    if (each > INT64_MAX / 64 / integers[GROUPS])
        return pt__refuse(graph, node, WEIGHT, "weight", "fewer outputs");
    return set_shape(graph, node, each * integers[GROUPS], size_transposed, outputs);
}

/* Where src has rows: SIZE is the kernel's. */
static pt__stride_t convolution_stride(const pt__node_t *node)
{
    const int64_t *integers = node->attributes.integers;
    if (integers[SIZE] == 0)
        return (pt__stride_t){.divide = 1};
    return (pt__stride_t){.add = -reach(&node->attributes, 0, integers[SIZE]), .divide = integers[STRIDE], .plus = 1};
}

/* ---- Gradients ---- */

/* Whether the activation's derivative is computed from the value before it. */
static int32_t reads_preactivation(int64_t activation)
{
    return activation == PT_ACTIVATION_GELU_TANH || activation == PT_ACTIVATION_GELU_ERF ||
           activation == PT_ACTIVATION_SILU;
}

/* Attributes of a gradient's op: the same but for the activation, and two sizes. */
static pt__attributes_t attributes_of(const pt__node_t *node, const pt__shape_t *shape, int32_t first)
{
    pt__attributes_t attributes = node->attributes;
    attributes.integers[ACTIVATION] = PT_ACTIVATION_NONE;
    attributes.integers[DIMENSION] = shape->dimension;
    for (int32_t i = 0; i < 2; i++) {
        attributes.integers[SIZE + i] = i < axes_of(shape->rank) && !is_of_rows(shape->rank) ? shape->size[first + i]
                                                                                             : 1;
        attributes.integers[OUTPUT_PADDING + i] = 0;
    }
    return attributes;
}

static pt_status_t convolution_gradient(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *d_outputs,
                                        const int32_t *wanted, pt_tensor_t *d_inputs)
{
    int64_t activation = node->attributes.integers[ACTIVATION];
    pt_tensor_t d_sum = d_outputs[0];
    if (activation != PT_ACTIVATION_NONE) {
        pt__attributes_t function = {.integers = {activation}};
        d_sum = pt__build_binary(graph, "unary_gradient", node->outputs[reads_preactivation(activation) ? 1 : 0], d_sum,
                                 &function);
    }
    int32_t wants_bias = node->n_inputs > BIAS && wanted[BIAS];
    if (wanted[WEIGHT] || wants_bias) { /* first: src is read for the last time, and d_src can have its memory */
        pt__attributes_t kernel = attributes_of(node, &graph->tensors[node->inputs[WEIGHT]].shape, 2);
        pt_tensor_t d_weight = pt__build_binary(graph, "convolution_gradient_weight", d_sum, node->inputs[SRC],
                                                &kernel);
        if (wanted[WEIGHT])
            d_inputs[WEIGHT] = d_weight;
        if (wants_bias)
            d_inputs[BIAS] = pt__build_output(d_weight, 1);
    }
    if (wanted[SRC]) {
        pt__attributes_t sizes = attributes_of(node, &graph->tensors[node->inputs[SRC]].shape, 1);
        d_inputs[SRC] = pt__build_binary(graph, "convolution_gradient_src", d_sum, node->inputs[WEIGHT], &sizes);
    }
    if (node->n_inputs > RESIDUAL && wanted[RESIDUAL])
        d_inputs[RESIDUAL] = d_sum;
    return graph->status;
}

/* The activation alone, from the sum that its gradient keeps. */
static pt_tensor_t convolution_recomputed(pt_graph_t *graph, const pt__node_t *node)
{
    static const char *const functions[PT__UNARY_ACTIVATIONS] = {
        [PT_ACTIVATION_GELU_TANH] = "gelu_tanh", [PT_ACTIVATION_GELU_ERF] = "gelu", [PT_ACTIVATION_SILU] = "silu"};
    const char *function = functions[node->attributes.integers[ACTIVATION]];
    return function == NULL ? PT_NO_TENSOR : pt__build_unary(graph, function, node->outputs[1], NULL);
}

static pt_status_t transposed_gradient(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *d_outputs,
                                       const int32_t *wanted, pt_tensor_t *d_inputs)
{
    if (wanted[WEIGHT]) {
        pt__attributes_t kernel = attributes_of(node, &graph->tensors[node->inputs[WEIGHT]].shape, 2);
        d_inputs[WEIGHT] = pt__build_binary(graph, "convolution_gradient_weight", node->inputs[SRC], d_outputs[0],
                                            &kernel);
    }
    if (node->n_inputs > BIAS && wanted[BIAS]) {
        pt__shape_t shape = graph->tensors[node->inputs[BIAS]].shape;
        d_inputs[BIAS] = pt__reduce_to(graph, d_outputs[0], &shape);
    }
    if (wanted[SRC]) {
        pt__attributes_t sizes = attributes_of(node, &graph->tensors[node->inputs[SRC]].shape, 1);
        d_inputs[SRC] = pt__build_binary(graph, "convolution_transposed_gradient_src", d_outputs[0],
                                         node->inputs[WEIGHT], &sizes);
    }
    return graph->status;
}

static pt_status_t gradient_src_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    const pt__shape_t *d_dst = &pt__input_of(graph, node, D_DST)->shape;
    const pt__shape_t *weight = &pt__input_of(graph, node, D_DST_WEIGHT)->shape;
    outputs[0].shape = pt__shape_with_last(d_dst, weight->size[1] * node->attributes.integers[GROUPS]);
    outputs[0].shape.dimension = (int32_t)node->attributes.integers[DIMENSION];
    for (int32_t i = 0; i < axes_of(d_dst->rank) && !is_of_rows(d_dst->rank); i++)
        outputs[0].shape.size[1 + i] = node->attributes.integers[SIZE + i];
    if (pt__input_of(graph, node, D_DST_SLOPE) != NULL && pt__input_of(graph, node, D_DST_RESIDUAL) != NULL)
        return pt__refuse(graph, node, D_DST_RESIDUAL, "residual", "none beside a slope");
    return PT_OK;
}

static pt_status_t transposed_gradient_src_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    const pt__shape_t *d_dst = &pt__input_of(graph, node, D_DST)->shape;
    outputs[0].shape = pt__shape_with_last(d_dst, pt__input_of(graph, node, D_DST_WEIGHT)->shape.size[0]);
    for (int32_t i = 0; i < axes_of(d_dst->rank); i++)
        outputs[0].shape.size[1 + i] = node->attributes.integers[SIZE + i];
    return PT_OK;
}

static pt_status_t gradient_weight_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    const pt__shape_t *d_dst = &pt__input_of(graph, node, D_DST)->shape, *src = &pt__input_of(graph, node, 1)->shape;
    const int64_t *integers = node->attributes.integers;
    int64_t n_outputs = d_dst->size[d_dst->rank - 1], channels = src->size[src->rank - 1] / integers[GROUPS];
    outputs[0].shape = pt__shape_make(PT__DIMENSION_NONE, axes_of(d_dst->rank) + 2,
                                      (int64_t[]){n_outputs, channels, integers[SIZE], integers[SIZE + 1]});
    outputs[1].shape = pt__shape_make(PT__DIMENSION_NONE, 1, &n_outputs);
    return PT_OK;
}

/* ---- Kernel calls ---- */

/* An operand's sizes: one of one axis is a row of elements, and so are rows, all samples'. */
static void read_size(const pt__view_t *view, int64_t size[2])
{
    size[0] = axes_of(view->rank) > 1 ? view->size[1] : 1;
    size[1] = view->size[view->rank - 2];
}

/* src, dst: of the convolution, whichever op this is; kernel [2], the second only where there are two axes. run NULL:
 * for sizes, and without the samples' offsets. */
static pt__convolution_t describe(const pt__call_t *call, const pt__run_t *run, const pt__view_t *src,
                                  const pt__view_t *dst, const int64_t *kernel)
{
    const int64_t *integers = call->attributes->integers;
    const int32_t axes = axes_of(src->rank);
    pt__convolution_t convolution = {.samples = is_of_rows(src->rank) ? 1 : src->size[0],
                                     .channels = pt__last_size(src),
                                     .outputs = pt__last_size(dst),
                                     .groups = integers[GROUPS],
                                     .activation = (int32_t)integers[ACTIVATION],
                                     .scratch = call->scratch};
    if (is_of_rows(src->rank) && run != NULL) {
        convolution.samples = run->count[PT__DIMENSION_BATCH];
        convolution.offsets = run->offsets[src->dimension];
        convolution.dst_offsets = run->offsets[dst->dimension];
    }
    read_size(src, convolution.src_size);
    read_size(dst, convolution.dst_size);
    for (int32_t i = 0; i < 2; i++) {
        int32_t axis = axes > 1 ? i : i - 1; /* of the op; -1: there is none, all is neutral */
        convolution.kernel[i] = axis < 0 ? 1 : kernel[axis];
        convolution.stride[i] = axis < 0 ? 1 : integers[STRIDE + axis];
        convolution.dilation[i] = axis < 0 ? 1 : integers[DILATION + axis];
        convolution.padding[i] = axis < 0 ? 0 : integers[PADDING + 2 * axis];
    }
    return convolution;
}

static pt__convolution_t describe_forward(const pt__call_t *call, const pt__run_t *run)
{
    return describe(call, run, &call->inputs[SRC], &call->outputs[0], call->inputs[WEIGHT].size + 2);
}

/* Of convolution_gradient_src and convolution_transposed: from input 0, which is the convolution's dst, to its src. */
static pt__convolution_t describe_backward(const pt__call_t *call, const pt__run_t *run)
{
    return describe(call, run, &call->outputs[0], &call->inputs[0], call->inputs[WEIGHT].size + 2);
}

static pt__convolution_t describe_weight(const pt__call_t *call, const pt__run_t *run)
{
    return describe(call, run, &call->inputs[1], &call->inputs[D_DST], call->attributes->integers + SIZE);
}

static void convolution_run(const pt__call_t *call, const pt__run_t *run)
{
    pt__convolution_t convolution = describe_forward(call, run);
    convolution.src = call->inputs[SRC].data;
    convolution.weight = call->inputs[WEIGHT].data;
    convolution.dst = call->outputs[0].data;
    convolution.bias = pt__input_data(call, BIAS);
    convolution.preactivation = call->n_outputs > 1 ? call->outputs[1].data : NULL;
    convolution.residual = pt__input_data(call, RESIDUAL);
    pt__kernels_of(run)->convolution(run->device, &convolution);
}

static void transposed_run(const pt__call_t *call, const pt__run_t *run)
{
    pt__convolution_t convolution = describe_backward(call, run);
    convolution.d_dst = call->inputs[SRC].data;
    convolution.weight = call->inputs[WEIGHT].data;
    convolution.dst = call->outputs[0].data;
    convolution.bias = pt__input_data(call, BIAS);
    pt__kernels_of(run)->convolution_gradient_src(run->device, &convolution);
}

static void gradient_src_run(const pt__call_t *call, const pt__run_t *run)
{
    pt__convolution_t convolution = describe_backward(call, run);
    convolution.d_dst = call->inputs[D_DST].data;
    convolution.weight = call->inputs[D_DST_WEIGHT].data;
    convolution.dst = call->outputs[0].data;
    convolution.slope_source = pt__input_data(call, D_DST_SLOPE);
    convolution.residual = pt__input_data(call, D_DST_RESIDUAL);
    pt__kernels_of(run)->convolution_gradient_src(run->device, &convolution);
}

static void gradient_weight_run(const pt__call_t *call, const pt__run_t *run)
{
    pt__convolution_t convolution = describe_weight(call, run);
    convolution.src = call->inputs[1].data;
    convolution.d_dst = call->inputs[D_DST].data;
    convolution.d_weight = call->outputs[0].data;
    convolution.d_bias = call->outputs[1].data;
    convolution.accumulate_d_weight = pt__accumulates(call, 0);
    convolution.accumulate_d_bias = pt__accumulates(call, 1);
    pt__kernels_of(run)->convolution_gradient_weight(run->device, &convolution);
}

static int64_t convolution_scratch(const pt__call_t *call)
{
    const pt__convolution_t convolution = describe_forward(call, NULL);
    return pt__convolution_scratch(&convolution);
}

static int64_t backward_scratch(const pt__call_t *call)
{
    const pt__convolution_t convolution = describe_backward(call, NULL);
    return pt__convolution_gradient_src_scratch(&convolution);
}

static int64_t gradient_weight_scratch(const pt__call_t *call)
{
    const pt__convolution_t convolution = describe_weight(call, NULL);
    return pt__convolution_gradient_weight_scratch(&convolution, pt__convolution_dst_rows(&convolution));
}

static double operations(const pt__convolution_t *convolution)
{
    return 2.0 * (double)pt__convolution_dst_rows(convolution) * (double)convolution->outputs *
           (double)(convolution->channels / convolution->groups) * (double)pt__convolution_taps(convolution);
}

static double convolution_operations(const pt__call_t *call)
{
    const pt__convolution_t convolution = describe_forward(call, NULL);
    return operations(&convolution);
}

static double backward_operations(const pt__call_t *call)
{
    const pt__convolution_t convolution = describe_backward(call, NULL);
    return operations(&convolution);
}

static double gradient_weight_operations(const pt__call_t *call)
{
    const pt__convolution_t convolution = describe_weight(call, NULL);
    return (call->outputs[0].data != NULL ? operations(&convolution) : 0) +
           (call->outputs[1].data != NULL ? (double)pt__view_elements(&call->inputs[D_DST]) : 0);
}

/* ---- Cases ---- */

/* activation, stride, padding (top, bottom, left, right), dilation, groups, and what a case adds to them */
#define OPTIONS(activation, down, along, top, bottom, left, right, dilation, groups, ...)                          \
    {                                                                                                              \
        .integers = { activation, down, along, top, bottom, left, right, dilation, dilation, groups, __VA_ARGS__ } \
    }

static const pt__case_t convolution_cases[] = {
    {"f[B,5,6,3] f[4,3,3,3] f[4]", OPTIONS(0, 1, 1, 1, 1, 1, 1, 1, 1, 0)},
    {"f[B,4,3,5] f[7,5,1,1] f[7]", OPTIONS(PT_ACTIVATION_RELU, 1, 1, 0, 0, 0, 0, 1, 1, 0)},
    {"f[2,6,5,3] f[18,3,3,2] -", OPTIONS(0, 2, 3, 1, 0, 2, 1, 1, 1, 0)},
    {"f[B,7,8,2] f[3,2,2,3] f[3]", OPTIONS(PT_ACTIVATION_GELU_TANH, 1, 2, 0, 1, 2, 2, 2, 1, 0)},
    {"f[B,4,4,6] f[4,3,3,3] f[4]", OPTIONS(0, 1, 1, 1, 1, 1, 1, 1, 2, 0)},
    {"f[B,4,5,6] f[6,1,3,3] f[6]", OPTIONS(0, 2, 1, 1, 1, 1, 1, 1, 6, 0)},
    {"f[B,3,3,2] f[4,1,2,2] -", OPTIONS(0, 1, 1, 0, 0, 0, 0, 1, 2, 0)},
    {"f[B,5,4,3] f[2,3,1,1] f[2]", OPTIONS(0, 2, 2, 0, 0, 0, 0, 1, 1, 0)},
    {"f[B,3,3,2] f[3,2,1,1] -", OPTIONS(PT_ACTIVATION_SILU, 1, 1, 1, 0, 0, 1, 1, 1, 0)},
    {"f[B,3,3,2] f[5,2,3,3] f[5] f[B,3,3,5]", OPTIONS(PT_ACTIVATION_RELU, 1, 1, 1, 1, 1, 1, 1, 1, 0)},
    {"f[B,9,4] f[6,4,3] f[6]", {.integers = {0, 2, 1, 2, 1, 0, 0, 2, 1, 1}}},
    {"f[3,8,4] f[4,2,4] -", OPTIONS(PT_ACTIVATION_TANH, 3, 1, 1, 1, 0, 0, 1, 2, 0)},
    {"f[1,1,2,530] f[1,530,2,2] f[1]", OPTIONS(0, 1, 1, 1, 0, 1, 0, 1, 1, 0)},
    {"f[1,2,2,40] f[18,40,3,3] f[18]", OPTIONS(0, 2, 2, 1, 1, 1, 1, 1, 1, 0)},
    {"f[T,3] f[4,3,3] f[4]", OPTIONS(0, 2, 1, 1, 1, 0, 0, 1, 1, 0, 0, 0, 3)},
    {"f[T,4] f[6,2,4] -", OPTIONS(PT_ACTIVATION_RELU, 1, 1, 2, 0, 0, 0, 1, 2, 0, 0, 0, 4)},
    {"f[T,5] f[3,5,1] f[3]", OPTIONS(PT_ACTIVATION_SILU, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 1)},
    {"f[S,4] f[4,1,3] - f[S,4]", {.integers = {0, 1, 1, 2, 2, 0, 0, 2, 1, 4, 0, 0, 0, 3}}},
    {"f[4,9,9,1] f[2,1,3,3] f[2]", OPTIONS(PT_ACTIVATION_RELU, 1, 1, 1, 1, 1, 1, 1, 1, 0)},
};

static const pt__case_t transposed_cases[] = {
    {"f[B,3,4,3] f[3,4,3,3] f[4]", OPTIONS(0, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1)},
    {"f[B,3,2,4] f[4,3,2,3] f[6]", OPTIONS(0, 1, 3, 0, 1, 1, 0, 2, 2, 0, 2)},
    {"f[B,2,2,2] f[2,2,2,2] -", {.integers = {0, 2, 1, 0, 0, 0, 0, 3, 2, 1, 2, 1}}},
    {"f[B,5,3] f[3,2,4] -", OPTIONS(0, 2, 1, 1, 1, 0, 0, 1, 1, 0, 0)},
    {"f[B,2,3,4] f[4,5,1,1] f[5]", OPTIONS(0, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0)},
};

/* With a slope or a residual: what the gradient rule never asks for, but the planner does. The last three numbers: the
 * dimension and the sizes of src. */
static const pt__case_t gradient_src_cases[] = {
    {"f[B,3,3,5] f[5,4,3,3] f[B,3,3,4]", OPTIONS(PT_ACTIVATION_RELU, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 3, 3)},
    {"f[B,2,3,5] f[5,4,3,3] f[B,3,5,4]", OPTIONS(PT_ACTIVATION_GELU_ERF, 2, 2, 1, 1, 1, 1, 1, 1, 0, 0, 1, 3, 5)},
    {"f[B,3,3,5] f[5,4,3,3] - f[B,3,3,4]", OPTIONS(0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 3, 3)},
    {"f[B,3,2,6] f[6,2,3,1] - f[B,6,4,4]", OPTIONS(0, 2, 2, 1, 1, 0, 0, 1, 2, 0, 0, 1, 6, 4)},
    {"f[T,6] f[6,4,3] - f[T,4]", OPTIONS(0, 1, 1, 1, 1, 0, 0, 1, 1, 0, 0, 2, 1, 1)},
    {"f[2,3,2,6] f[6,4,1,1] - f[2,3,2,4]", OPTIONS(0, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 3, 2)},
};

static const pt__op_t ops[] = {
    {.name = "convolution",
     .min_inputs = 2,
     .max_inputs = 4,
     .n_outputs = 2,
     .in_place = 1u << RESIDUAL,
     .residual_input = RESIDUAL + 1,
     .takes_activation = 1,
     .needs_gradient_of = 15,
     .shape = convolution_shape,
     .stride = convolution_stride,
     .gradient = convolution_gradient,
     .recompute = convolution_recomputed,
     .run = convolution_run,
     .scratch = convolution_scratch,
     .operations = convolution_operations,
     PT__CASES(convolution_cases)},
    {.name = "convolution_transposed",
     .min_inputs = 2,
     .max_inputs = 3,
     .n_outputs = 1,
     .needs_gradient_of = 7,
     .shape = transposed_shape,
     .gradient = transposed_gradient,
     .run = transposed_run,
     .scratch = backward_scratch,
     .operations = backward_operations,
     PT__CASES(transposed_cases)},
    {.name = "convolution_gradient_src",
     .flags = PT__OP_INTERNAL,
     .min_inputs = 2,
     .max_inputs = 4,
     .n_outputs = 1,
     .in_place = 1u << D_DST_RESIDUAL,
     .residual_input = D_DST_RESIDUAL + 1,
     .slope_input = D_DST_SLOPE + 1,
     .shape = gradient_src_shape,
     .run = gradient_src_run,
     .scratch = backward_scratch,
     .operations = backward_operations,
     PT__CASES(gradient_src_cases)},
    {.name = "convolution_transposed_gradient_src",
     .flags = PT__OP_INTERNAL,
     .min_inputs = 2,
     .max_inputs = 2,
     .n_outputs = 1,
     .shape = transposed_gradient_src_shape,
     .run = convolution_run,
     .scratch = convolution_scratch,
     .operations = convolution_operations},
    {.name = "convolution_gradient_weight",
     .flags = PT__OP_INTERNAL,
     .min_inputs = 2,
     .max_inputs = 2,
     .n_outputs = 2,
     .accumulates = 3,
     .shape = gradient_weight_shape,
     .run = gradient_weight_run,
     .scratch = gradient_weight_scratch,
     .operations = gradient_weight_operations},
};

PT__OP_FAMILY(op_convolution, ops)
