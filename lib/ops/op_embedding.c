/* embedding: dst[i] = weight[index[i]]     index int32 of any shape, weight [V, D] -> [..., D]
 * gather:    dst[i] = src[index[i]]        src [N, ...] of fixed sizes, index int32 [M] -> [M, ...]
 *            or src [T, ...], float32 or int32, and an index that chooses some rows of all samples together, which the
 *            library makes itself (pt__graph_choose_dimension)
 *
 * Gradient (embedding_gradient): d_weight[v] = Σ d_dst[i] over the i with index[i] = v, in the order of i.
 *
 * Indices of inputs are checked against V or N before a step; `index` declares the bound. */
#include "ops/op_rules.h"

enum { TABLE_SHAPE }; /* embedding_gradient: the table's shape from here on */

pt_tensor_t pt_embedding(pt_graph_t *graph, pt_tensor_t index, pt_tensor_t weight)
{
    return pt__build_binary(graph, "embedding", index, weight, NULL);
}

pt_tensor_t pt_gather(pt_graph_t *graph, pt_tensor_t src, pt_tensor_t index)
{
    return pt__build_binary(graph, "gather", src, index, NULL);
}

static pt_status_t embedding_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    PT__TRY(pt__expect_dtype(graph, node, 0, "index", PT_INT32));
    PT__TRY(pt__expect_rank(graph, node, 0, "index", 0, PT_MAX_RANK - 1));
    PT__TRY(pt__expect_float(graph, node, 1, "weight", 2, 2));
    PT__TRY(pt__expect_fixed(graph, node, 1, "weight"));
    const pt__shape_t *weight = &pt__input_of(graph, node, 1)->shape;
    outputs[0].shape = pt__input_of(graph, node, 0)->shape;
    outputs[0].shape.size[outputs[0].shape.rank++] = weight->size[1];
    return PT_OK;
}

static pt__index_t embedding_index(const pt_graph_t *graph, const pt__node_t *node, int32_t input)
{
    (void)input; /* only the index is int32 */
    return (pt__index_t){.role = "index", .limit = pt__input_of(graph, node, 1)->shape.size[0], .ignore = INT32_MIN};
}

/* The index is the library's own, of rows of src. */
static int32_t chooses_rows(const pt_graph_t *graph, const pt__node_t *node)
{
    const pt__tensor_t *index = pt__input_of(graph, node, 1);
    const pt__shape_t *src = &pt__input_of(graph, node, 0)->shape;
    return index->kind == PT__KIND_INPUT && graph->dimensions[index->shape.dimension].is_chosen &&
           graph->dimensions[index->shape.dimension].parent == src->dimension && src->rank >= 1 && src->size[0] == 1;
}

static pt_status_t gather_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    PT__TRY(pt__expect_dtype(graph, node, 1, "index", PT_INT32));
    PT__TRY(pt__expect_rank(graph, node, 1, "index", 1, 1));
    const int32_t chooses = chooses_rows(graph, node);
    if (!chooses || pt__input_of(graph, node, 0)->dtype != PT_INT32)
        PT__TRY(pt__expect_float(graph, node, 0, "src", 1, PT_MAX_RANK));
    if (!chooses)
        PT__TRY(pt__expect_fixed(graph, node, 0, "src"));
    const pt__shape_t *src = &pt__input_of(graph, node, 0)->shape, *index = &pt__input_of(graph, node, 1)->shape;
    outputs[0].dtype = pt__input_of(graph, node, 0)->dtype == PT_INT32 ? PT_INT32 : PT_FLOAT32;
    outputs[0].shape = *src;
    outputs[0].shape.dimension = index->dimension;
    outputs[0].shape.size[0] = index->size[0];
    return PT_OK;
}

static pt__index_t gather_index(const pt_graph_t *graph, const pt__node_t *node, int32_t input)
{
    if (input != 1 || chooses_rows(graph, node))
        return (pt__index_t){.limit = 0};
    return (pt__index_t){.role = "index", .limit = pt__input_of(graph, node, 0)->shape.size[0], .ignore = INT32_MIN};
}

/* Both ops: the gradient of input `table` by that of dst. */
static pt_status_t table_gradient(pt_graph_t *graph, const pt__node_t *node, int32_t table,
                                  const pt_tensor_t *d_outputs, const int32_t *wanted, pt_tensor_t *d_inputs)
{
    pt__attributes_t attributes = {.reals = {0}};
    pt__attributes_put_shape(&attributes, TABLE_SHAPE, &pt__input_of(graph, node, table)->shape);
    if (wanted[table])
        d_inputs[table] = pt__build_binary(graph, "embedding_gradient", d_outputs[0], node->inputs[1 - table],
                                           &attributes);
    return graph->status;
}

static pt_status_t embedding_gradient(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *d_outputs,
                                      const int32_t *wanted, pt_tensor_t *d_inputs)
{
    return table_gradient(graph, node, 1, d_outputs, wanted, d_inputs);
}

static pt_status_t gather_gradient(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *d_outputs,
                                   const int32_t *wanted, pt_tensor_t *d_inputs)
{
    return table_gradient(graph, node, 0, d_outputs, wanted, d_inputs);
}

static void run_table(const pt__call_t *call, const pt__run_t *run, const pt__view_t *table, const pt__view_t *index)
{
    int64_t columns = 1;
    for (int32_t i = 1; i < table->rank; i++)
        columns *= table->size[i];
    /* numbers of 32 bits are moved as floats are */
    pt__kernels_of(run)->gather(run->device, pt__view_elements(index), columns,
                                table->dtype == PT_INT32 ? PT_FLOAT32 : table->dtype, table->data, index->data,
                                call->outputs[0].data);
}

static void embedding_run(const pt__call_t *call, const pt__run_t *run)
{
    run_table(call, run, &call->inputs[1], &call->inputs[0]);
}

static void gather_run(const pt__call_t *call, const pt__run_t *run)
{
    run_table(call, run, &call->inputs[0], &call->inputs[1]);
}

static pt_status_t gradient_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    (void)graph;
    outputs[0].shape = pt__attributes_get_shape(&node->attributes, TABLE_SHAPE);
    return PT_OK;
}

static void gradient_run(const pt__call_t *call, const pt__run_t *run)
{
    const pt__view_t *d_dst = &call->inputs[0], *index = &call->inputs[1], *d_table = &call->outputs[0];
    int64_t columns = pt__view_elements(d_table) / d_table->size[0];
    pt__kernels_of(run)->gather_gradient(run->device, pt__view_elements(index), columns, d_table->size[0], d_dst->data,
                                         index->data, pt__accumulates(call, 0), d_table->data, call->scratch);
}

/* Two lists of row numbers, for sorting them by index. */
static int64_t gradient_scratch(const pt__call_t *call)
{
    int64_t rows = pt__view_elements(&call->inputs[1]);
    return 2 * (rows < PT__GATHER_ROWS ? rows : PT__GATHER_ROWS) * (int64_t)sizeof(int32_t);
}

static double gradient_operations(const pt__call_t *call)
{
    return (double)pt__view_elements(&call->inputs[0]);
}

static const pt__case_t embedding_cases[] = {
    {.inputs = "i7[T] f[7,5]"}, {.inputs = "i3[B,4] f[3,16]"},  {.inputs = "i40[100] f[40,33]"},
    {.inputs = "i1[T] f[1,4]"}, {.inputs = "i2[3000] f[2,70]"}, {.inputs = "i5000[20] f[5000,3]"},
    {.inputs = "i7[T] h[7,5]"}, {.inputs = "i7[B,3] b[7,33]"},  {.inputs = "i9[T] q[9,64]"},
};

static const pt__case_t gather_cases[] = {
    {.inputs = "f[7,5] i7[T]"},
    {.inputs = "f[6,2,3] i6[B]"},
    {.inputs = "f[4] i4[9]"},
    {.inputs = "b[6,2,3] i6[B]"},
};

static const pt__op_t ops[] = {
    {.name = "embedding",
     .flags = PT__OP_ROWWISE,
     .min_inputs = 2,
     .max_inputs = 2,
     .n_outputs = 1,
     .narrow_inputs = 2,
     .needs_gradient_of = 2,
     .shape = embedding_shape,
     .index = embedding_index,
     .gradient = embedding_gradient,
     .run = embedding_run,
     PT__CASES(embedding_cases)},
    {.name = "gather",
     .flags = PT__OP_MOVES,
     .min_inputs = 2,
     .max_inputs = 2,
     .n_outputs = 1,
     .narrow_inputs = 1,
     .needs_gradient_of = 1,
     .shape = gather_shape,
     .index = gather_index,
     .gradient = gather_gradient,
     .run = gather_run,
     PT__CASES(gather_cases)},
    {.name = "embedding_gradient",
     .flags = PT__OP_INTERNAL,
     .min_inputs = 2,
     .max_inputs = 2,
     .n_outputs = 1,
     .accumulates = 1,
     .shape = gradient_shape,
     .run = gradient_run,
     .scratch = gradient_scratch,
     .operations = gradient_operations},
};

PT__OP_FAMILY(op_embedding, ops)
