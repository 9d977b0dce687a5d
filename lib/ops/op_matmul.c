/* matmul: dst = op(a) · op(b) over the last two dimensions, op the transposition where asked for
 *
 *   a [..., M, K] or transposed [..., K, M], b [..., K, N] or transposed [..., N, K] -> dst [..., M, N]
 *   The leading dimensions are equal, or one operand has none and is used with every product of the other.
 *
 * Gradient: d_a = d_dst · op(b)ᵀ, d_b = op(a)ᵀ · d_dst (written the other way round for a transposed operand), summed
 * over the products where the operand has no leading dimensions. */
#include "ops/op_rules.h"

enum { A_TRANSPOSED, B_TRANSPOSED };
enum { A, B };

pt_tensor_t pt_matmul(pt_graph_t *graph, pt_tensor_t a, pt_tensor_t b, int32_t a_transposed, int32_t b_transposed)
{
    pt__attributes_t attributes = {
        .integers = {[A_TRANSPOSED] = a_transposed != 0, [B_TRANSPOSED] = b_transposed != 0}};
    return pt__build_binary(graph, "matmul", a, b, &attributes);
}

/* One of the last two sizes, with the dimension that it counts. */
typedef struct extent {
    int64_t size;
    int32_t dimension;
} extent_t;

static extent_t size_from_end(const pt__shape_t *shape, int32_t from_end)
{
    int32_t dimension = shape->rank - from_end;
    return (extent_t){shape->size[dimension], dimension == 0 ? shape->dimension : PT__DIMENSION_NONE};
}

static pt_status_t matmul_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    char other[96];
    int32_t a_transposed = node->attributes.integers[A_TRANSPOSED] != 0,
            b_transposed = node->attributes.integers[B_TRANSPOSED] != 0;
    PT__TRY(pt__expect_float(graph, node, A, "a", 2, PT_MAX_RANK));
    PT__TRY(pt__expect_float(graph, node, B, "b", 2, PT_MAX_RANK));
    const pt__shape_t *a = &pt__input_of(graph, node, A)->shape, *b = &pt__input_of(graph, node, B)->shape;
    extent_t m = size_from_end(a, a_transposed ? 1 : 2), a_inner = size_from_end(a, a_transposed ? 2 : 1);
    extent_t n = size_from_end(b, b_transposed ? 2 : 1), b_inner = size_from_end(b, b_transposed ? 1 : 2);
    if (a_inner.size != b_inner.size || a_inner.dimension != b_inner.dimension)
        return pt__refuse(graph, node, B, "b", "the inner size of a, %s",
                          pt__shape_print(a, PT_FLOAT32, other, sizeof other));
    pt__shape_t leading = a->rank > 2 ? *a : *b;
    leading.rank = a->rank > b->rank ? a->rank : b->rank;
    if (a->rank > 2 && b->rank > 2) {
        int32_t equal = a->rank == b->rank && a->dimension == b->dimension;
        for (int32_t i = 0; i < a->rank - 2 && equal; i++)
            equal = a->size[i] == b->size[i];
        if (!equal)
            return pt__refuse(graph, node, B, "b", "the leading sizes of a, %s, or none",
                              pt__shape_print(a, PT_FLOAT32, other, sizeof other));
    }
    if (n.dimension != PT__DIMENSION_NONE ||
        (leading.rank > 2 && (m.dimension != PT__DIMENSION_NONE || a_inner.dimension != PT__DIMENSION_NONE)))
        return pt__refuse(graph, node, n.dimension != PT__DIMENSION_NONE ? B : A,
                          n.dimension != PT__DIMENSION_NONE ? "b" : "a",
                          "fixed sizes where they would not lead the result");
    if (leading.rank == 2)
        leading.dimension = m.dimension;
    leading.size[leading.rank - 2] = m.size;
    leading.size[leading.rank - 1] = n.size;
    outputs[0].shape = leading;
    return PT_OK;
}

/* The sum of a gradient over the products, where the operand has no leading dimensions. */
static pt_tensor_t over_products(pt_graph_t *graph, pt_tensor_t gradient, pt_tensor_t operand)
{
    pt__shape_t shape = pt__graph_tensor(graph, operand)->shape;
    return pt__reduce_to(graph, gradient, &shape);
}

/* Rows of all products under each other: [..., M, K] -> [... · M, K]. */
static pt_tensor_t under_each_other(pt_graph_t *graph, pt_tensor_t tensor)
{
    pt__shape_t shape = pt__graph_tensor(graph, tensor)->shape;
    if (shape.rank == 2)
        return tensor;
    pt__shape_t flat = pt__shape_make(shape.dimension, 2,
                                      (int64_t[]){pt__shape_rows(&shape, 1), shape.size[shape.rank - 1]});
    return pt__reshape_to(graph, tensor, &flat);
}

static pt_status_t matmul_gradient(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *d_outputs,
                                   const int32_t *wanted, pt_tensor_t *d_inputs)
{
    int32_t a_transposed = node->attributes.integers[A_TRANSPOSED] != 0,
            b_transposed = node->attributes.integers[B_TRANSPOSED] != 0;
    pt_tensor_t a = node->inputs[A], b = node->inputs[B], d = d_outputs[0];
    int32_t b_is_shared = pt__graph_tensor(graph, b)->shape.rank == 2;
    if (wanted[A])
        d_inputs[A] = over_products(
            graph, a_transposed ? pt_matmul(graph, b, d, b_transposed, 1) : pt_matmul(graph, d, b, 0, !b_transposed),
            a);
    if (wanted[B] && b_is_shared && !a_transposed) { /* one product over all rows instead of a sum of products */
        a = under_each_other(graph, a);
        d = under_each_other(graph, d);
    }
    if (wanted[B])
        d_inputs[B] = over_products(
            graph, b_transposed ? pt_matmul(graph, d, a, 1, a_transposed) : pt_matmul(graph, a, d, !a_transposed, 0),
            b);
    return graph->status;
}

static pt__gemm_t describe(const pt__call_t *call)
{
    const pt__view_t *a = &call->inputs[A], *b = &call->inputs[B], *dst = &call->outputs[0];
    int32_t a_transposed = call->attributes->integers[A_TRANSPOSED] != 0,
            b_transposed = call->attributes->integers[B_TRANSPOSED] != 0;
    pt__gemm_t gemm = {.m = dst->size[dst->rank - 2],
                       .n = pt__last_size(dst),
                       .k = a->size[a->rank - (a_transposed ? 2 : 1)],
                       .a = {.data = a->data, .stride = pt__last_size(a), .transposed = a_transposed},
                       .b = {.data = b->data, .stride = pt__last_size(b), .transposed = b_transposed},
                       .dst = dst->data,
                       .dst_stride = pt__last_size(dst),
                       .accumulate = pt__accumulates(call, 0),
                       .count = pt__view_rows(dst, 2)};
    gemm.a.step = a->rank > 2 ? gemm.m * gemm.k : 0;
    gemm.b.step = b->rank > 2 ? gemm.k * gemm.n : 0;
    gemm.dst_step = gemm.m * gemm.n;
    if (!a_transposed && b->rank == 2) { /* the rows of all products under each other are one product */
        gemm.m *= gemm.count;
        gemm.count = 1;
    }
    return gemm;
}

static void matmul_run(const pt__call_t *call, const pt__run_t *run)
{
    pt__gemm_t gemm = describe(call);
    if (gemm.m > 0 && gemm.count > 0)
        pt__kernels_of(run)->gemm(run->device, &gemm);
}

static double matmul_operations(const pt__call_t *call)
{
    pt__gemm_t gemm = describe(call);
    return 2.0 * (double)pt__view_elements(&call->outputs[0]) * (double)gemm.k;
}

static const pt__case_t cases[] = {
    {.inputs = "f[T,5] f[5,3]"},
    {"f[T,5] f[7,5]", {.integers = {0, 1}}},
    {"f[T,5] f[T,7]", {.integers = {1, 0}}},
    {"f[6,4] f[5,6]", {.integers = {1, 1}}},
    {.inputs = "f[B,3,4] f[B,4,5]"},
    {"f[B,3,4] f[B,5,4]", {.integers = {0, 1}}},
    {"f[B,4,3] f[B,5,4]", {.integers = {1, 1}}},
    {.inputs = "f[B,3,4] f[4,5]"},
    {"f[B,4,3] f[4,5]", {.integers = {1, 0}}},
    {.inputs = "f[3,4] f[B,4,5]"},
    {"f[3,4] f[2,2,5,4]", {.integers = {0, 1}}},
    {"f[2,3,4,5] f[2,3,4,6]", {.integers = {1, 0}}},
    {"f[90,70] f[80,70]", {.integers = {0, 1}}},
};

static const pt__op_t ops[] = {
    {.name = "matmul",
     .flags = PT__OP_KEEPS_ROWS,
     .min_inputs = 2,
     .max_inputs = 2,
     .n_outputs = 1,
     .accumulates = 1,
     .needs_gradient_of = 3,
     .shape = matmul_shape,
     .gradient = matmul_gradient,
     .run = matmul_run,
     .operations = matmul_operations,
     PT__CASES(cases)},
};

PT__OP_FAMILY(op_matmul, ops)
