/* Ops that count, for metrics and for the weight of a run.
 *
 *   sample_count:  dst = the number of samples of the run, a scalar; no inputs
 *   correct_count: logits [..., C], labels int32 [...] -> correct: how many rows' largest entry stands at their label;
 *                  counted: rows whose label is not the ignored one (integers[0])
 *
 * Labels are checked against C before a step. No gradients. */
#include "ops/op_rules.h"

enum { IGNORE_INDEX };

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

static pt_status_t correct_count_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    int64_t classes = 0;
    PT__TRY(pt__expect_rows(graph, node, 0, "logits", &classes));
    PT__TRY(pt__expect_dtype(graph, node, 1, "labels", PT_INT32));
    pt__shape_t rows = pt__shape_without_last(&pt__input_of(graph, node, 0)->shape);
    if (!pt__shape_equal(&pt__input_of(graph, node, 1)->shape, &rows))
        return pt__refuse(graph, node, 1, "labels", "the shape of logits without the last dimension");
    outputs[0].shape = outputs[1].shape = pt__shape_scalar();
    return PT_OK;
}

static pt__index_t correct_count_index(const pt_graph_t *graph, const pt__node_t *node, int32_t input)
{
    const pt__shape_t *logits = &pt__input_of(graph, node, 0)->shape;
    (void)input; /* only the labels are int32 */
    return (pt__index_t){.role = "labels",
                         .limit = logits->size[logits->rank - 1],
                         .ignore = (int32_t)node->attributes.integers[IGNORE_INDEX]};
}

static void correct_count_run(const pt__call_t *call, const pt__run_t *run)
{
    const pt__view_t *logits = &call->inputs[0];
    float *correct = call->outputs[0].data, *counted = call->outputs[1].data,
          *unread = call->scratch; /* the kernel counts both */
    pt__kernels_of(run)->correct(run->device, pt__view_rows(logits, 1), pt__last_size(logits), logits->data,
                                 call->inputs[1].data, (int32_t)call->attributes->integers[IGNORE_INDEX],
                                 correct != NULL ? correct : unread, counted != NULL ? counted : unread);
}

static int64_t correct_count_scratch(const pt__call_t *call)
{
    (void)call;
    return (int64_t)sizeof(float);
}

static double correct_count_operations(const pt__call_t *call)
{
    return (double)pt__view_elements(&call->inputs[0]);
}

static const pt__case_t sample_count_cases[] = {
    {.inputs = ""},
};

static const pt__case_t correct_count_cases[] = {
    {"f[B,4] l4[B]", {.integers = {PT_IGNORE_INDEX}}},
    {"f[T,3] i3[T]", {.integers = {2}}},
    {"f[500,2] l2[500]", {.integers = {PT_IGNORE_INDEX}}},
};

static const pt__op_t ops[] = {
    {.name = "sample_count",
     .min_inputs = 0,
     .max_inputs = 0,
     .n_outputs = 1,
     .shape = sample_count_shape,
     .run = sample_count_run,
     PT__CASES(sample_count_cases)},
    {.name = "correct_count",
     .min_inputs = 2,
     .max_inputs = 2,
     .n_outputs = 2,
     .shape = correct_count_shape,
     .index = correct_count_index,
     .run = correct_count_run,
     .scratch = correct_count_scratch,
     .operations = correct_count_operations,
     PT__CASES(correct_count_cases)},
};

PT__OP_FAMILY(op_counting, ops)
