/* sample_count: dst = the number of samples of the run, a scalar; no inputs, no gradient. The weight of a run whose
 * loss has none of its own. */
#include "ops/op_rules.h"

static pt_status_t sample_count_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    (void)graph;
    (void)node;
    outputs[0].shape = pt__shape_scalar();
    return PT_OK;
}

static void sample_count_run(const pt__call_t *call, const pt__run_t *run)
{
    pt__kernels_of(run)->fill(run->device, 1, (float)run->count[PT__DIMENSION_BATCH], call->outputs[0].data);
}

static const pt__case_t sample_count_cases[] = {
    {.inputs = ""},
};

static const pt__op_t ops[] = {
    {.name = "sample_count",
     .min_inputs = 0,
     .max_inputs = 0,
     .n_outputs = 1,
     .shape = sample_count_shape,
     .run = sample_count_run,
     PT__CASES(sample_count_cases)},
};

PT__OP_FAMILY(op_counting, ops)
