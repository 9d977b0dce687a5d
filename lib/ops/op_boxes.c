/* Ops that move boxes of elements, float32 or int32 (four bytes each either way; int32 has no gradient):
 *
 *   transpose: dimension d of dst is dimension permutation[d] of src; a symbolic leading size stays first
 *   slice:     `length` entries of one dimension from `start` on
 *   split:     up to 8 slices of one dimension that make up all of it, one after the other, an output each
 *   concat:    1 to 16 tensors end to end along one dimension
 *
 * Gradient:
 *   transpose: d_dst by the inverse permutation
 *   slice:     d_dst in its place, 0 elsewhere (slice_gradient)
 *   split:     the outputs' gradients end to end, 0 for an output that has none (split_gradient)
 *   concat:    a slice of d_dst each */
#include "ops/op_rules.h"

enum { PERMUTATION };                   /* transpose: rank integers */
enum { DIMENSION, START, LENGTH };      /* slice; concat: DIMENSION */
enum { PARTS = DIMENSION + 1, LENGTHS, SOURCE = LENGTHS + PT__MAX_OUTPUTS }; /* split; its gradient: SOURCE, a shape */
enum { G_DIMENSION, G_START, G_SHAPE }; /* slice_gradient */

pt_tensor_t pt_transpose(pt_graph_t *graph, pt_tensor_t src, const int32_t *permutation)
{
    pt__attributes_t attributes = {.reals = {0}};
    const pt__tensor_t *found = graph == NULL ? NULL : pt__graph_tensor(graph, src);
    for (int32_t i = 0; found != NULL && i < found->shape.rank; i++)
        attributes.integers[PERMUTATION + i] = permutation == NULL ? -1 : permutation[i];
    return pt__build_unary(graph, "transpose", src, &attributes);
}

pt_tensor_t pt_slice(pt_graph_t *graph, pt_tensor_t src, int32_t dimension, int64_t start, int64_t length)
{
    pt__attributes_t attributes = {.integers = {[DIMENSION] = dimension, [START] = start, [LENGTH] = length}};
    return pt__build_unary(graph, "slice", src, &attributes);
}

pt_status_t pt_split(pt_graph_t *graph, pt_tensor_t src, int32_t dimension, int32_t count,
                     const int64_t *lengths, pt_tensor_t *parts)
{
    pt__attributes_t attributes = {.integers = {[DIMENSION] = dimension, [PARTS] = count}};
    pt_tensor_t first = PT_NO_TENSOR;
    for (int32_t i = 0; lengths != NULL && i < count && i < PT__MAX_OUTPUTS; i++)
        attributes.integers[LENGTHS + i] = lengths[i];
    if (parts == NULL && graph != NULL)
        pt__graph_fail(graph, PT_ERR_ARGUMENT, "split: parts is NULL");
    else
        first = pt__build_unary(graph, "split", src, &attributes);
    for (int32_t i = 0; parts != NULL && i < count; i++)
        parts[i] = pt__build_output(first, i);
    return graph == NULL ? PT_ERR_ARGUMENT : graph->status;
}

pt_tensor_t pt_concat(pt_graph_t *graph, const pt_tensor_t *sources, int32_t count, int32_t dimension)
{
    pt__attributes_t attributes = {.integers = {[DIMENSION] = dimension}};
    return pt__build(graph, "concat", sources == NULL ? 0 : count, sources, &attributes);
}

static pt_status_t transpose_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    const pt__tensor_t *src = pt__input_of(graph, node, 0);
    const int64_t *permutation = node->attributes.integers + PERMUTATION;
    int32_t rank = src->shape.rank, seen = 0;
    for (int32_t i = 0; i < rank; i++) {
        if (permutation[i] < 0 || permutation[i] >= rank || (seen >> permutation[i] & 1))
            return pt__refuse(graph, node, 0, "src", "a permutation of its dimensions, but place %d is %lld", (int)i,
                              (long long)permutation[i]);
        seen |= 1 << permutation[i];
        outputs[0].shape.size[i] = src->shape.size[permutation[i]];
    }
    if (src->shape.dimension != PT__DIMENSION_NONE && permutation[0] != 0)
        return pt__refuse(graph, node, 0, "src", "a permutation that leaves the symbolic size first");
    outputs[0].dtype = src->dtype;
    outputs[0].shape.rank = rank;
    outputs[0].shape.dimension = src->shape.dimension;
    return PT_OK;
}

static pt_status_t transpose_gradient(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *d_outputs,
                                      const int32_t *wanted, pt_tensor_t *d_inputs)
{
    (void)wanted;
    int32_t inverse[PT_MAX_RANK], rank = pt__input_of(graph, node, 0)->shape.rank;
    for (int32_t i = 0; i < rank; i++)
        inverse[node->attributes.integers[PERMUTATION + i]] = i;
    d_inputs[0] = pt_transpose(graph, d_outputs[0], inverse);
    return graph->status;
}

static void run_copy(const pt__run_t *run, pt__copy_t *copy, const void *src, void *dst)
{
    copy->rank = pt__join_dimensions(copy->rank, copy->size, copy->src_stride, copy->dst_stride);
    pt__kernels_of(run)->copy(run->device, copy, src, dst);
}

static void transpose_run(const pt__call_t *call, const pt__run_t *run)
{
    const pt__view_t *src = &call->inputs[0], *dst = &call->outputs[0];
    pt__copy_t copy = {.rank = dst->rank, .accumulate = pt__accumulates(call, 0)};
    int64_t stride[PT_MAX_RANK];
    pt__view_strides(src, stride);
    pt__view_strides(dst, copy.dst_stride);
    for (int32_t i = 0; i < dst->rank; i++) {
        copy.size[i] = dst->size[i];
        copy.src_stride[i] = stride[call->attributes->integers[PERMUTATION + i]];
    }
    run_copy(run, &copy, src->data, dst->data);
}

static pt_status_t slice_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    const int64_t *integers = node->attributes.integers;
    PT__TRY(pt__expect_rank(graph, node, 0, "src", 1, PT_MAX_RANK));
    const pt__tensor_t *src = pt__input_of(graph, node, 0);
    int32_t dimension = pt__dimension(integers[DIMENSION], src->shape.rank);
    if (dimension < 0 || (dimension == 0 && src->shape.dimension != PT__DIMENSION_NONE))
        return pt__refuse(graph, node, 0, "src", "a fixed size in dimension %lld", (long long)integers[DIMENSION]);
    int64_t size = src->shape.size[dimension];
    if (integers[START] < 0 || integers[LENGTH] < 1 || integers[START] > size ||
        integers[LENGTH] > size - integers[START])
        return pt__refuse(graph, node, 0, "src", "at least %lld entries after %lld in dimension %d",
                          (long long)integers[LENGTH], (long long)integers[START], (int)dimension);
    outputs[0].dtype = src->dtype;
    outputs[0].shape = src->shape;
    outputs[0].shape.size[dimension] = integers[LENGTH];
    return PT_OK;
}

static pt_tensor_t build_slice_gradient(pt_graph_t *graph, const pt__node_t *node, pt_tensor_t d_dst)
{
    const pt__shape_t *src = &pt__input_of(graph, node, 0)->shape;
    pt__attributes_t attributes = {
        .integers = {[G_DIMENSION] = pt__dimension(node->attributes.integers[DIMENSION], src->rank),
                     [G_START] = node->attributes.integers[START]}};
    pt__attributes_put_shape(&attributes, G_SHAPE, src);
    return pt__build_unary(graph, "slice_gradient", d_dst, &attributes);
}

static pt_status_t slice_gradient(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *d_outputs,
                                  const int32_t *wanted, pt_tensor_t *d_inputs)
{
    (void)wanted;
    d_inputs[0] = build_slice_gradient(graph, node, d_outputs[0]);
    return graph->status;
}

/* The part of `whole` that begins at `start` of one dimension and has the sizes of `part`: from the whole into the
 * part, or the other way. */
static void copy_part(const pt__run_t *run, const pt__view_t *whole, const pt__view_t *part, int32_t dimension,
                      int64_t start, int32_t into_whole, int32_t accumulate)
{
    pt__copy_t copy = {.rank = part->rank, .accumulate = accumulate};
    int64_t *whole_stride = into_whole ? copy.dst_stride : copy.src_stride,
            *part_stride = into_whole ? copy.src_stride : copy.dst_stride;
    pt__view_strides(whole, whole_stride);
    pt__view_strides(part, part_stride);
    for (int32_t i = 0; i < part->rank; i++)
        copy.size[i] = part->size[i];
    float *within = (float *)whole->data + start * whole_stride[dimension];
    run_copy(run, &copy, into_whole ? part->data : within, into_whole ? (void *)within : part->data);
}

static void slice_run(const pt__call_t *call, const pt__run_t *run)
{
    const int64_t *integers = call->attributes->integers;
    int32_t dimension = pt__dimension(integers[DIMENSION], call->inputs[0].rank);
    copy_part(run, &call->inputs[0], &call->outputs[0], dimension, integers[START], 0, pt__accumulates(call, 0));
}

static pt_status_t slice_gradient_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    (void)graph;
    outputs[0].shape = pt__attributes_get_shape(&node->attributes, G_SHAPE);
    return PT_OK;
}

static void slice_gradient_run(const pt__call_t *call, const pt__run_t *run)
{
    const int64_t *integers = call->attributes->integers;
    const pt__view_t *d_src = &call->outputs[0];
    if (!pt__accumulates(call, 0))
        pt__kernels_of(run)->fill(run->device, pt__view_elements(d_src), 0, d_src->data);
    copy_part(run, d_src, &call->inputs[0], (int32_t)integers[G_DIMENSION], integers[G_START], 1,
              pt__accumulates(call, 0));
}

static int32_t count_parts(const pt__attributes_t *attributes)
{
    int64_t parts = attributes->integers[PARTS];
    return parts < 0 || parts > INT32_MAX ? 0 : (int32_t)parts;
}

static pt_status_t split_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    const int64_t *lengths = node->attributes.integers + LENGTHS;
    PT__TRY(pt__expect_rank(graph, node, 0, "src", 1, PT_MAX_RANK));
    const pt__tensor_t *src = pt__input_of(graph, node, 0);
    int32_t dimension = pt__dimension(node->attributes.integers[DIMENSION], src->shape.rank), even = 1;
    if (dimension < 0 || (dimension == 0 && src->shape.dimension != PT__DIMENSION_NONE))
        return pt__refuse(graph, node, 0, "src", "a fixed size in dimension %lld",
                          (long long)node->attributes.integers[DIMENSION]);
    int64_t size = src->shape.size[dimension], left = size;
    for (int32_t i = 0; i < node->n_outputs; i++)
        even &= lengths[i] == 0; /* no lengths are given */
    for (int32_t i = 0; i < node->n_outputs; i++) {
        int64_t length = even ? size / node->n_outputs : lengths[i];
        if (length < 1 || length > left)
            return pt__refuse(graph, node, 0, "src", "%d parts of at least 1, but part %d has %lld of %lld",
                              (int)node->n_outputs, (int)i, (long long)length, (long long)left);
        left -= length;
        outputs[i].dtype = src->dtype;
        outputs[i].shape = src->shape;
        outputs[i].shape.size[dimension] = length;
    }
    if (left > 0)
        return pt__refuse(graph, node, 0, "src", "%d parts that make up all of dimension %d, but %lld are left over",
                          (int)node->n_outputs, (int)dimension, (long long)left);
    return PT_OK;
}

static pt_status_t split_gradient(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *d_outputs,
                                  const int32_t *wanted, pt_tensor_t *d_inputs)
{
    (void)wanted;
    const pt__shape_t *src = &pt__input_of(graph, node, 0)->shape;
    int32_t dimension = pt__dimension(node->attributes.integers[DIMENSION], src->rank);
    pt__attributes_t attributes = {.integers = {[DIMENSION] = dimension, [PARTS] = node->n_outputs}};
    for (int32_t i = 0; i < node->n_outputs; i++)
        attributes.integers[LENGTHS + i] = graph->tensors[node->outputs[i]].shape.size[dimension];
    pt__attributes_put_shape(&attributes, SOURCE, src);
    d_inputs[0] = pt__build(graph, "split_gradient", node->n_outputs, d_outputs, &attributes);
    return graph->status;
}

static void split_run(const pt__call_t *call, const pt__run_t *run)
{
    int32_t dimension = pt__dimension(call->attributes->integers[DIMENSION], call->inputs[0].rank);
    int64_t start = 0;
    for (int32_t i = 0; i < call->n_outputs; i++) {
        if (call->outputs[i].data != NULL)
            copy_part(run, &call->inputs[0], &call->outputs[i], dimension, start, 0, pt__accumulates(call, i));
        start += call->outputs[i].size[dimension];
    }
}

static pt_status_t split_gradient_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    (void)graph;
    outputs[0].shape = pt__attributes_get_shape(&node->attributes, SOURCE);
    return PT_OK;
}

static void split_gradient_run(const pt__call_t *call, const pt__run_t *run)
{
    const int64_t *integers = call->attributes->integers;
    const pt__view_t *d_src = &call->outputs[0];
    int32_t adds = pt__accumulates(call, 0), whole = 1;
    for (int32_t i = 0; i < call->n_inputs; i++)
        whole &= call->inputs[i].data != NULL;
    if (!whole && !adds)
        pt__kernels_of(run)->fill(run->device, pt__view_elements(d_src), 0, d_src->data);
    int64_t start = 0;
    for (int32_t i = 0; i < call->n_inputs; start += integers[LENGTHS + i++])
        if (call->inputs[i].data != NULL)
            copy_part(run, d_src, &call->inputs[i], (int32_t)integers[DIMENSION], start, 1, adds);
}

static pt_status_t concat_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    static const char *const roles[PT__MAX_INPUTS] = {
        "source 0", "source 1", "source 2",  "source 3",  "source 4",  "source 5",  "source 6",  "source 7",
        "source 8", "source 9", "source 10", "source 11", "source 12", "source 13", "source 14", "source 15"};
    int64_t asked = node->attributes.integers[DIMENSION];
    char shape[96];
    PT__TRY(pt__expect_rank(graph, node, 0, roles[0], 1, PT_MAX_RANK));
    const pt__tensor_t *first = pt__input_of(graph, node, 0);
    int32_t dimension = pt__dimension(asked, first->shape.rank);
    if (dimension < 0 || (dimension == 0 && first->shape.dimension != PT__DIMENSION_NONE))
        return pt__refuse(graph, node, 0, roles[0], "a fixed size in dimension %lld", (long long)asked);
    outputs[0].dtype = first->dtype;
    outputs[0].shape = first->shape;
    for (int32_t i = 1; i < node->n_inputs; i++) {
        const pt__tensor_t *source = pt__input_of(graph, node, i);
        if (source == NULL)
            return pt__refuse_attribute(node, "%s is missing", roles[i]);
        pt__shape_t expected = first->shape;
        if (source->shape.rank == expected.rank)
            expected.size[dimension] = source->shape.size[dimension];
        if (source->dtype != first->dtype || !pt__shape_equal(&source->shape, &expected))
            return pt__refuse(graph, node, i, roles[i], "dtype and shape of source 0, %s, but for dimension %d",
                              pt__shape_print(&first->shape, first->dtype, shape, sizeof shape), (int)dimension);
        outputs[0].shape.size[dimension] += source->shape.size[dimension];
    }
    return PT_OK;
}

static pt_status_t concat_gradient(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *d_outputs,
                                   const int32_t *wanted, pt_tensor_t *d_inputs)
{
    int64_t start = 0;
    for (int32_t i = 0; i < node->n_inputs; i++) {
        const pt__shape_t *shape = &pt__input_of(graph, node, i)->shape;
        int32_t dimension = pt__dimension(node->attributes.integers[DIMENSION], shape->rank);
        int64_t length = shape->size[dimension];
        if (wanted[i])
            d_inputs[i] = pt_slice(graph, d_outputs[0], dimension, start, length);
        start += length;
    }
    return graph->status;
}

static void concat_run(const pt__call_t *call, const pt__run_t *run)
{
    const pt__view_t *dst = &call->outputs[0];
    int32_t dimension = pt__dimension(call->attributes->integers[DIMENSION], dst->rank);
    int64_t start = 0;
    for (int32_t i = 0; i < call->n_inputs; i++) {
        copy_part(run, dst, &call->inputs[i], dimension, start, 1, 0);
        start += call->inputs[i].size[dimension];
    }
}

static double no_operations(const pt__call_t *call)
{
    (void)call;
    return 0;
}

static const pt__case_t transpose_cases[] = {
    {"f[T,3,4]", {.integers = {0, 2, 1}}}, {"f[B,2,3,4]", {.integers = {0, 3, 1, 2}}}, {"f[5,7]", {.integers = {1, 0}}},
    {"f[70,90]", {.integers = {1, 0}}},    {"f[2,3,4,5]", {.integers = {2, 0, 3, 1}}}, {"f[3]", {.integers = {0}}},
    {"f[2,1,3]", {.integers = {1, 2, 0}}}, {"i9[40,70]", {.integers = {1, 0}}}, {"i9[B,3,5]", {.integers = {0, 2, 1}}},
};

static const pt__case_t slice_cases[] = {
    {"f[T,7]", {.integers = {1, 2, 3}}}, {"f[B,5,3]", {.integers = {1, 4, 1}}}, {"f[B,5,3]", {.integers = {-1, 0, 2}}},
    {"f[9,4]", {.integers = {0, 3, 6}}}, {"f[6]", {.integers = {0, 0, 6}}},     {"i9[B,6]", {.integers = {1, 1, 5}}},
    {"i9[B,6]", {.integers = {1, 1, 1}}}, {"i9[B,5,3]", {.integers = {2, 1, 1}}},
};

static const pt__case_t concat_cases[] = {
    {"f[T,3] f[T,4]", {.integers = {1}}}, {"f[B,2,3] f[B,1,3] f[B,4,3]", {.integers = {-2}}},
    {"f[3,4] f[2,4]", {.integers = {0}}}, {"f[3] f[1] f[1] f[2] f[1] f[1] f[1] f[4]", {.integers = {0}}},
    {"f[T,5]", {.integers = {1}}},        {"i9[B,1] i9[B,5] i9[B,1]", {.integers = {1}}},
    {"f[B,1] f[B,2] f[B,1] f[B,1] f[B,1] f[B,1] f[B,1] f[B,1] f[B,1] f[B,3] f[B,1] f[B,1] f[B,1] f[B,1] f[B,1] f[B,2]",
     {.integers = {1}}},
};

static const pt__case_t split_cases[] = {
    {"f[T,7]", {.integers = {1, 3, 2, 1, 4}}},
    {"f[B,6,3]", {.integers = {-2, 3}}},
    {"f[9,4]", {.integers = {0, 2, 4, 5}}},
    {"f[8]", {.integers = {0, 8}}},
    {"f[T,5]", {.integers = {1, 1, 5}}},
    {"i9[B,6]", {.integers = {1, 2}}},
};

static const pt__op_t ops[] = {
    {.name = "transpose",
     .flags = PT__OP_MOVES | PT__OP_KEEPS_ROWS,
     .min_inputs = 1,
     .max_inputs = 1,
     .n_outputs = 1,
     .accumulates = 1,
     .needs_gradient_of = 1,
     .shape = transpose_shape,
     .gradient = transpose_gradient,
     .run = transpose_run,
     .operations = no_operations,
     PT__CASES(transpose_cases)},
    {.name = "slice",
     .flags = PT__OP_MOVES | PT__OP_KEEPS_ROWS,
     .min_inputs = 1,
     .max_inputs = 1,
     .n_outputs = 1,
     .accumulates = 1,
     .needs_gradient_of = 1,
     .shape = slice_shape,
     .gradient = slice_gradient,
     .run = slice_run,
     .operations = no_operations,
     PT__CASES(slice_cases)},
    {.name = "slice_gradient",
     .flags = PT__OP_INTERNAL,
     .min_inputs = 1,
     .max_inputs = 1,
     .n_outputs = 1,
     .accumulates = 1,
     .shape = slice_gradient_shape,
     .run = slice_gradient_run,
     .operations = no_operations},
    {.name = "split",
     .flags = PT__OP_MOVES | PT__OP_KEEPS_ROWS,
     .min_inputs = 1,
     .max_inputs = 1,
     .n_outputs = PT__MAX_OUTPUTS,
     .count_outputs = count_parts,
     .accumulates = (1u << PT__MAX_OUTPUTS) - 1,
     .needs_gradient_of = 1,
     .passes_gradient_of = (1u << PT__MAX_OUTPUTS) - 1,
     .shape = split_shape,
     .gradient = split_gradient,
     .run = split_run,
     .operations = no_operations,
     PT__CASES(split_cases)},
    {.name = "split_gradient",
     .flags = PT__OP_INTERNAL,
     .max_inputs = PT__MAX_OUTPUTS,
     .n_outputs = 1,
     .accumulates = 1,
     .shape = split_gradient_shape,
     .run = split_gradient_run,
     .operations = no_operations},
    {.name = "concat",
     .flags = PT__OP_MOVES | PT__OP_KEEPS_ROWS,
     .min_inputs = 1,
     .max_inputs = PT__MAX_INPUTS,
     .n_outputs = 1,
     .needs_gradient_of = (1u << PT__MAX_INPUTS) - 1,
     .shape = concat_shape,
     .gradient = concat_gradient,
     .run = concat_run,
     .operations = no_operations,
     PT__CASES(concat_cases)},
};

PT__OP_FAMILY(op_boxes, ops)
