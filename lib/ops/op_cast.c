/* cast: dst = src as float32     src float32, float16, bfloat16 or a format of blocks, of any shape
 *
 * For what is stored narrower and read by an op that takes floats alone. Gradient: d_src = d_dst; of a narrow src there
 * is none, as it does not learn. */
#include "ops/op_rules.h"

static void cast_run(const pt__call_t *call, const pt__run_t *run)
{
    const pt__view_t *src = &call->inputs[0];
    pt__kernels_of(run)->cast(run->device, pt__view_elements(src), src->dtype, src->data, call->outputs[0].data);
}

static pt_status_t cast_gradient(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *d_outputs,
                                 const int32_t *wanted, pt_tensor_t *d_inputs)
{
    (void)node;
    if (wanted[0])
        d_inputs[0] = d_outputs[0];
    return graph->status;
}

static const pt__case_t cases[] = {
    {.inputs = "f[T,5]"}, {.inputs = "h[7,5]"},   {.inputs = "b[3,2,9]"},
    {.inputs = "h[33]"},  {.inputs = "q[70,32]"}, {.inputs = "b[300,333]"},
};

static const pt__op_t ops[] = {
    {.name = "cast",
     .flags = PT__OP_ROWWISE,
     .min_inputs = 1,
     .max_inputs = 1,
     .n_outputs = 1,
     .narrow_inputs = 1,
     .needs_gradient_of = 1,
     .shape = pt__shape_like_first,
     .gradient = cast_gradient,
     .run = cast_run,
     PT__CASES(cases)},
};

PT__OP_FAMILY(op_cast, ops)
