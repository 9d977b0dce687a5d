/* What the ops of convolution share: their attributes, what they expect of shapes, and how their kernels' calls follow
 * from views. An op has integers for two axes; where src has one, a length, the first of them counts. */
#ifndef PT__CONVOLUTION_RULES_H
#define PT__CONVOLUTION_RULES_H

#include "kernels/convolution.h"
#include "ops/op_rules.h"

/* Integers of all: those of options; then convolution_gradient_src's sizes of src, the leading one's dimension first,
 * and convolution_gradient_weight's of a kernel; and the kernel's size along the rows where src has rows, else 0. */
enum {
    PT__CONVOLUTION_STRIDE = PT__ATTRIBUTE_ACTIVATION + 1,
    PT__CONVOLUTION_PADDING = PT__CONVOLUTION_STRIDE + 2,
    PT__CONVOLUTION_DILATION = PT__CONVOLUTION_PADDING + 4,
    PT__CONVOLUTION_GROUPS = PT__CONVOLUTION_DILATION + 2,
    PT__CONVOLUTION_OUTPUT_PADDING,
    PT__CONVOLUTION_DIMENSION = PT__CONVOLUTION_OUTPUT_PADDING + 2,
    PT__CONVOLUTION_SIZE,
    PT__CONVOLUTION_ROWS = PT__CONVOLUTION_SIZE + 2,
    PT__CONVOLUTION_INTEGERS
};
_Static_assert((int)PT__CONVOLUTION_INTEGERS <= (int)PT__CASE_INTEGERS &&
                   (int)PT__CONVOLUTION_INTEGERS <= (int)PT__MAX_INTEGERS,
               "cases state all of them");

/* activation, stride, padding (top, bottom, left, right), dilation, groups, and what a case adds to them */
#define PT__CONVOLUTION_CASE(activation, down, along, top, bottom, left, right, dilation, groups, ...)             \
    {                                                                                                              \
        .integers = { activation, down, along, top, bottom, left, right, dilation, dilation, groups, __VA_ARGS__ } \
    }

static inline int32_t pt__convolution_has_rows(const pt__attributes_t *attributes)
{
    return attributes->integers[PT__CONVOLUTION_ROWS] != 0;
}

/* How many sizes are convolved of an operand of this rank: those between the leading one, of samples, and the last, of
 * channels; and before them, where it has rows, the rows of each sample. */
static inline int32_t pt__convolution_axes(const pt__attributes_t *attributes, int32_t rank)
{
    return rank - 2 + pt__convolution_has_rows(attributes);
}

/* Place of an axis among an operand's sizes. */
static inline int32_t pt__convolution_place(const pt__attributes_t *attributes, int32_t axis)
{
    return axis + 1 - pt__convolution_has_rows(attributes);
}

/* Of an axis whose kernel is so large: what dilation makes of it, less what padding adds. */
int64_t pt__convolution_reach(const pt__attributes_t *attributes, int32_t axis, int64_t kernel);

/* Body of the builder calls: attributes as the options say, inputs src, weight and bias. */
pt_tensor_t pt__convolution_build(pt_graph_t *graph, const char *op, pt_tensor_t src, pt_tensor_t weight,
                                  pt_tensor_t bias, const pt_convolution_options_t *given);

/* What both ops want of src, weight and attributes; a group reads as many of src's channels as the weight's second size
 * says, or, transposed, its first says for all groups. */
pt_status_t pt__convolution_check(const pt_graph_t *graph, const pt__node_t *node, int32_t transposed);

/* dst of `outputs` channels, its sizes by `size_of` the attributes, an axis, its size and its kernel's; and what bias
 * has to be. */
pt_status_t pt__convolution_set_shape(const pt_graph_t *graph, const pt__node_t *node, int64_t outputs,
                                      int64_t (*size_of)(const pt__attributes_t *, int32_t, int64_t, int64_t),
                                      pt__tensor_t *result);

/* Attributes of a gradient's op: the same but for the activation, and the axes' sizes of `shape`, from place `first`
 * on. */
pt__attributes_t pt__convolution_attributes(const pt__node_t *node, const pt__shape_t *shape, int32_t first);

/* The kernels' description. src, dst: of the convolution, whichever op this is; kernel [2], the second only where there
 * are two axes. run NULL: for sizes, and without the samples' offsets. */
pt__convolution_t pt__convolution_describe(const pt__call_t *call, const pt__run_t *run, const pt__view_t *src,
                                           const pt__view_t *dst, const int64_t *kernel);
/* From input 0 to output 0, with the weight as input 1; and of ops that go from the convolution's dst to its src. */
pt__convolution_t pt__convolution_forward(const pt__call_t *call, const pt__run_t *run);
pt__convolution_t pt__convolution_backward(const pt__call_t *call, const pt__run_t *run);

double pt__convolution_operations(const pt__convolution_t *convolution);

#endif
