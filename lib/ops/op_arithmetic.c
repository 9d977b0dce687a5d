/* add, sub, mul, div: dst = a + b, a - b, a · b, a / b with NumPy's broadcasting; scale: dst = src · factor.
 *
 * Gradient, each summed over what broadcasting repeated:
 *   add: d_a = d_dst, d_b = d_dst        mul: d_a = d_dst · b, d_b = d_dst · a
 *   sub: d_a = d_dst, d_b = -d_dst       div: d_a = d_dst / b, d_b = -d_dst · dst / b
 *   scale: d_src = d_dst · factor */
#include "ops/op_rules.h"

enum { FACTOR }; /* reals of scale */

pt_tensor_t pt_add(pt_graph_t *graph, pt_tensor_t a, pt_tensor_t b)
{
    return pt__build_binary(graph, "add", a, b, NULL);
}

pt_tensor_t pt_sub(pt_graph_t *graph, pt_tensor_t a, pt_tensor_t b)
{
    return pt__build_binary(graph, "sub", a, b, NULL);
}

pt_tensor_t pt_mul(pt_graph_t *graph, pt_tensor_t a, pt_tensor_t b)
{
    return pt__build_binary(graph, "mul", a, b, NULL);
}

pt_tensor_t pt_div(pt_graph_t *graph, pt_tensor_t a, pt_tensor_t b)
{
    return pt__build_binary(graph, "div", a, b, NULL);
}

pt_tensor_t pt_scale(pt_graph_t *graph, pt_tensor_t src, double factor)
{
    pt__attributes_t attributes = {.reals = {[FACTOR] = factor}};
    return pt__build_unary(graph, "scale", src, &attributes);
}

/* One dimension of the result from one of each operand (size 1 where an operand has none); 0 where they do not meet. A
 * symbolic size meets itself or a fixed 1; it can only lead the result. */
static int32_t meet(const pt__shape_t *a, int32_t a_dimension, const pt__shape_t *b, int32_t b_dimension, int32_t leads,
                    pt__shape_t *dst, int32_t at)
{
    int32_t a_counts = a_dimension == 0 ? a->dimension : PT__DIMENSION_NONE,
                 b_counts = b_dimension == 0 ? b->dimension : PT__DIMENSION_NONE;
    int64_t a_size = a_dimension < 0 ? 1 : a->size[a_dimension], b_size = b_dimension < 0 ? 1 : b->size[b_dimension];
    int32_t a_repeats = a_size == 1 && a_counts == PT__DIMENSION_NONE,
            b_repeats = b_size == 1 && b_counts == PT__DIMENSION_NONE;
    if (!a_repeats && !b_repeats && (a_size != b_size || a_counts != b_counts))
        return 0;
    int32_t counts = a_repeats ? b_counts : a_counts;
    if (counts != PT__DIMENSION_NONE && !leads)
        return 0;
    dst->size[at] = a_repeats ? b_size : a_size;
    if (leads)
        dst->dimension = counts;
    return 1;
}

static pt_status_t binary_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    char shape[96];
    PT__TRY(pt__expect_dtype(graph, node, 0, "a", PT_FLOAT32));
    PT__TRY(pt__expect_dtype(graph, node, 1, "b", PT_FLOAT32));
    const pt__shape_t *a = &pt__input_of(graph, node, 0)->shape, *b = &pt__input_of(graph, node, 1)->shape;
    pt__shape_t *dst = &outputs[0].shape;
    dst->rank = a->rank > b->rank ? a->rank : b->rank;
    for (int32_t i = 0; i < dst->rank; i++)
        if (!meet(a, i - (dst->rank - a->rank), b, i - (dst->rank - b->rank), i == 0, dst, i))
            return pt__refuse(graph, node, 1, "b", "a shape that broadcasts with a, %s",
                              pt__shape_print(a, PT_FLOAT32, shape, sizeof shape));
    return PT_OK;
}

static pt_status_t add_gradient(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *d_outputs,
                                const int32_t *wanted, pt_tensor_t *d_inputs)
{
    pt__shape_t a = pt__input_of(graph, node, 0)->shape, b = pt__input_of(graph, node, 1)->shape;
    if (wanted[0])
        d_inputs[0] = pt__reduce_to(graph, d_outputs[0], &a);
    if (wanted[1])
        d_inputs[1] = pt__reduce_to(graph, d_outputs[0], &b);
    return graph->status;
}

static pt_status_t sub_gradient(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *d_outputs,
                                const int32_t *wanted, pt_tensor_t *d_inputs)
{
    PT__TRY(add_gradient(graph, node, d_outputs, wanted, d_inputs));
    if (wanted[1])
        d_inputs[1] = pt_scale(graph, d_inputs[1], -1);
    return graph->status;
}

static pt_status_t mul_gradient(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *d_outputs,
                                const int32_t *wanted, pt_tensor_t *d_inputs)
{
    for (int32_t i = 0; i < 2; i++) {
        pt__shape_t shape = pt__input_of(graph, node, i)->shape;
        if (wanted[i])
            d_inputs[i] = pt__reduce_to(graph, pt_mul(graph, d_outputs[0], node->inputs[1 - i]), &shape);
    }
    return graph->status;
}

static pt_status_t div_gradient(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *d_outputs,
                                const int32_t *wanted, pt_tensor_t *d_inputs)
{
    pt__shape_t a = pt__input_of(graph, node, 0)->shape, b = pt__input_of(graph, node, 1)->shape;
    pt_tensor_t quotient = pt_div(graph, d_outputs[0], node->inputs[1]);
    if (wanted[0])
        d_inputs[0] = pt__reduce_to(graph, quotient, &a);
    if (wanted[1])
        d_inputs[1] = pt_scale(graph, pt__reduce_to(graph, pt_mul(graph, quotient, node->outputs[0]), &b), -1);
    return graph->status;
}

/* The operand's strides over dst's dimensions; 0 where it is repeated. */
static void broadcast_strides(const pt__view_t *operand, const pt__view_t *dst, int64_t *stride)
{
    int64_t own[PT_MAX_RANK];
    int32_t missing = dst->rank - operand->rank;
    pt__view_strides(operand, own);
    for (int32_t i = 0; i < dst->rank; i++)
        stride[i] = i < missing || operand->size[i - missing] != dst->size[i] ? 0 : own[i - missing];
}

static void run_binary(const pt__call_t *call, const pt__run_t *run, pt__binary_t kind)
{
    const pt__view_t *dst = &call->outputs[0];
    pt__broadcast_t box = {.rank = dst->rank};
    for (int32_t i = 0; i < dst->rank; i++)
        box.size[i] = dst->size[i];
    broadcast_strides(&call->inputs[0], dst, box.a_stride);
    broadcast_strides(&call->inputs[1], dst, box.b_stride);
    box.rank = pt__join_dimensions(box.rank, box.size, box.a_stride, box.b_stride);
    pt__kernels_of(run)->binary(run->device, kind, &box, call->inputs[0].data, call->inputs[1].data, dst->data);
}

static void add_run(const pt__call_t *call, const pt__run_t *run)
{
    run_binary(call, run, PT__BINARY_ADD);
}

static void sub_run(const pt__call_t *call, const pt__run_t *run)
{
    run_binary(call, run, PT__BINARY_SUB);
}

static void mul_run(const pt__call_t *call, const pt__run_t *run)
{
    run_binary(call, run, PT__BINARY_MUL);
}

static void div_run(const pt__call_t *call, const pt__run_t *run)
{
    run_binary(call, run, PT__BINARY_DIV);
}

static pt_status_t scale_gradient(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *d_outputs,
                                  const int32_t *wanted, pt_tensor_t *d_inputs)
{
    (void)wanted;
    d_inputs[0] = pt_scale(graph, d_outputs[0], node->attributes.reals[FACTOR]);
    return graph->status;
}

static void scale_run(const pt__call_t *call, const pt__run_t *run)
{
    pt__kernels_of(run)->scale(run->device, pt__view_elements(&call->outputs[0]),
                               (float)call->attributes->reals[FACTOR], call->inputs[0].data, call->outputs[0].data);
}

static const pt__case_t binary_cases[] = {
    {.inputs = "f[T,5] f[T,5]"},       {.inputs = "f[T,5] p[5]"},       {.inputs = "f[7] p[T,7]"},
    {.inputs = "f[B,3,4] p[B,1,4]"},   {.inputs = "f[B,3,1] p[1,1,6]"}, {.inputs = "f[2T,4] p[1,4]"},
    {.inputs = "f[2,3,4,5] p[3,1,5]"}, {.inputs = "f[T,3] p[]"},        {.inputs = "f[100,60] p[100,60]"},
    {.inputs = "f[100,60] p[100,1]"},  {.inputs = "f[T] p[T]"},         {.inputs = "f[T,1] p[T,9]"},
};

static const pt__case_t scale_cases[] = {
    {"f[T,5]", {.reals = {-2.5}}},
    {"f[3,4,5]", {.reals = {0}}},
    {"f[1000]", {.reals = {0.125}}},
};

/* In place over an operand of dst's bytes: one that is not broadcast. */
static const pt__op_t ops[] = {
    {.name = "add",
     .flags = PT__OP_ROWWISE,
     .min_inputs = 2,
     .max_inputs = 2,
     .n_outputs = 1,
     .in_place = 3,
     .needs_gradient_of = 3,
     .shape = binary_shape,
     .gradient = add_gradient,
     .run = add_run,
     PT__CASES(binary_cases)},
    {.name = "sub",
     .flags = PT__OP_ROWWISE,
     .min_inputs = 2,
     .max_inputs = 2,
     .n_outputs = 1,
     .in_place = 3,
     .needs_gradient_of = 3,
     .shape = binary_shape,
     .gradient = sub_gradient,
     .run = sub_run,
     PT__CASES(binary_cases)},
    {.name = "mul",
     .flags = PT__OP_ROWWISE,
     .min_inputs = 2,
     .max_inputs = 2,
     .n_outputs = 1,
     .in_place = 3,
     .needs_gradient_of = 3,
     .shape = binary_shape,
     .gradient = mul_gradient,
     .run = mul_run,
     PT__CASES(binary_cases)},
    {.name = "div",
     .flags = PT__OP_ROWWISE,
     .min_inputs = 2,
     .max_inputs = 2,
     .n_outputs = 1,
     .in_place = 3,
     .needs_gradient_of = 3,
     .shape = binary_shape,
     .gradient = div_gradient,
     .run = div_run,
     PT__CASES(binary_cases)},
    {.name = "scale",
     .flags = PT__OP_ROWWISE,
     .min_inputs = 1,
     .max_inputs = 1,
     .n_outputs = 1,
     .in_place = 1,
     .needs_gradient_of = 1,
     .shape = pt__shape_like_first,
     .gradient = scale_gradient,
     .run = scale_run,
     PT__CASES(scale_cases)},
};

PT__OP_FAMILY(op_arithmetic, ops)
