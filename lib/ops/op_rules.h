/* What op files share: messages of shape rules, attributes that hold a shape, and kernel calls on views. */
#ifndef PT__OP_RULES_H
#define PT__OP_RULES_H

#include "graph/builder.h"
#include "kernels/device.h"
#include "ops/op_registry.h"

/* ---- Shape rules ---- */

/* PT_ERR_SHAPE "OP: ROLE is float32[3, 4], expected ..." */
pt_status_t pt__refuse(const pt_graph_t *graph, const pt__node_t *node, int32_t input, const char *role,
                       const char *format, ...) PT__PRINTF(5, 6);

/* PT_ERR_ARGUMENT "OP: ..." for attributes. */
pt_status_t pt__refuse_attribute(const pt__node_t *node, const char *format, ...) PT__PRINTF(2, 3);

/* A float32 tensor of rank least .. most; or a narrower one where the op takes such. */
pt_status_t pt__expect_float(const pt_graph_t *graph, const pt__node_t *node, int32_t input, const char *role,
                             int32_t least, int32_t most);

/* float32 [..., D]: at least one dimension, and the last of a size that is known; D to *width. */
pt_status_t pt__expect_rows(const pt_graph_t *graph, const pt__node_t *node, int32_t input, const char *role,
                            int64_t *width);

/* float32 [size]; where the input is not there, nothing is expected. */
pt_status_t pt__expect_vector(const pt_graph_t *graph, const pt__node_t *node, int32_t input, const char *role,
                              int64_t size);

/* The input is no parameter and computed from none: this op has no gradient for it. */
pt_status_t pt__expect_no_gradient(const pt_graph_t *graph, const pt__node_t *node, int32_t input, const char *role);

/* The shape with its last dimension dropped, or with another one put in its place. */
pt__shape_t pt__shape_without_last(const pt__shape_t *shape);
pt__shape_t pt__shape_with_last(const pt__shape_t *shape, int64_t size);
/* That of pictures [B, H, W, C] or lengths [B, L, C], in other sizes; of a length `columns` counts. */
pt__shape_t pt__shape_with_sizes(const pt__shape_t *shape, int64_t rows, int64_t columns);

/* A dimension counted from the end where negative; -1 where the rank has no such dimension. */
int32_t pt__dimension(int64_t dimension, int32_t rank);

/* The whole shape rule of ops whose only output has the shape of input 0, float32 of any rank. */
pt_status_t pt__shape_like_first(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs);

/* The same for gradients' ops, whose inputs are known to be right: the shape of input 0, or of input 1. */
pt_status_t pt__shape_of_input0(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs);
pt_status_t pt__shape_of_input1(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs);

/* ---- Attributes that hold a shape: PT__SHAPE_PLACES integers from `place` on ---- */

enum { PT__SHAPE_PLACES = 2 + PT_MAX_RANK };
void pt__attributes_put_shape(pt__attributes_t *attributes, int32_t place, const pt__shape_t *shape);
pt__shape_t pt__attributes_get_shape(const pt__attributes_t *attributes, int32_t place);

/* ---- Gradient rules ---- */

/* The sum of a gradient over what broadcasting repeated: `tensor` brought to `shape`. The tensor itself where nothing
 * was repeated. */
pt_tensor_t pt__reduce_to(pt_graph_t *graph, pt_tensor_t tensor, const pt__shape_t *shape);

/* The tensor under another shape of as many elements (op "reshape"). */
pt_tensor_t pt__reshape_to(pt_graph_t *graph, pt_tensor_t tensor, const pt__shape_t *shape);

/* Whether an activation's derivative is computed from the value before it, which output 1 of an op that takes
 * activations then is; else from output 0. */
int32_t pt__reads_preactivation(int64_t activation);

/* op->recompute of such ops: the activation alone, from output 1, where the gradient keeps that. */
pt_tensor_t pt__recompute_activation(pt_graph_t *graph, const pt__node_t *node);
/* The gradient of what such an op applies its activation to, from that of its output 0. */
pt_tensor_t pt__gradient_before_activation(pt_graph_t *graph, const pt__node_t *node, pt_tensor_t d_dst);

/* What their shape rules want of a residual, an input that may not be there; and, of the ops of their gradients, that
 * there is none beside a slope. */
pt_status_t pt__expect_residual(const pt_graph_t *graph, const pt__node_t *node, int32_t input,
                                const pt__shape_t *shape);
pt_status_t pt__expect_slope_alone(const pt_graph_t *graph, const pt__node_t *node, int32_t slope, int32_t residual);

/* ---- Kernel calls ---- */

static inline const pt__kernels_t *pt__kernels_of(const pt__run_t *run)
{
    return run->device->kernels;
}

/* The key that a dropout of this number in its graph draws with: the run's and the number mixed. */
uint64_t pt__dropout_key(const pt__run_t *run, int64_t number);

/* Row-major strides of a view. */
void pt__view_strides(const pt__view_t *view, int64_t stride[PT_MAX_RANK]);

/* Joins neighbouring dimensions of a box that both sides walk as one, and drops those of size 1, so that a kernel's
 * inner loop is long. Returns the rank that is left, at least 1. */
int32_t pt__join_dimensions(int32_t rank, int64_t *size, int64_t *a_stride, int64_t *b_stride);

/* dst = src, or += src; as many elements as the smaller view's, dense, four bytes each. */
void pt__copy_elements(const pt__run_t *run, int64_t n, const void *src, void *dst, int32_t accumulate);

static inline int32_t pt__accumulates(const pt__call_t *call, int32_t output)
{
    return (int32_t)(call->accumulate >> output & 1u);
}

static inline float *pt__input_data(const pt__call_t *call, int32_t input) /* NULL: not there */
{
    return input < call->n_inputs ? call->inputs[input].data : NULL;
}

/* Elements of a row: of all dimensions but the first. */
static inline int64_t pt__row_size(const pt__view_t *view)
{
    int64_t elements = 1;
    for (int32_t i = 1; i < view->rank; i++)
        elements *= view->size[i];
    return elements;
}

static inline int64_t pt__last_size(const pt__view_t *view)
{
    return view->size[view->rank - 1];
}

#endif
