/* The ops that gradient.c itself appends.
 *
 *   accumulate_gradient: parameter's gradient += src. A sink: the planner binds output 0 to the gradient memory of
 *     parameter integers[0]; call->accumulate tells whether to add or to copy. Where the op that makes src can add
 *     itself, the planner lets it write there and drops this node.
 *   update_state: state = src. A sink too, into the state of number integers[0], appended by the planner.
 *   scale_by: dst = src · numerator / denominator, both scalars, denominator optional; a zero denominator gives 0.
 *     For losses below the root: gradient of the mean from that of the sum. */
#include "ops/op_rules.h"

enum { SRC, NUMERATOR, DENOMINATOR };

static void accumulate_run(const pt__call_t *call, const pt__run_t *run)
{
    pt__copy_elements(run, pt__view_elements(&call->inputs[0]), call->inputs[0].data, call->outputs[0].data,
                      pt__accumulates(call, 0));
}

static void update_run(const pt__call_t *call, const pt__run_t *run)
{
    pt__copy_elements(run, pt__view_elements(&call->inputs[0]), call->inputs[0].data, call->outputs[0].data, 0);
}

static void scale_by_run(const pt__call_t *call, const pt__run_t *run)
{
    pt__kernels_of(run)->scale_by(run->device, pt__view_elements(&call->outputs[0]), call->inputs[SRC].data,
                                  call->inputs[NUMERATOR].data, pt__input_data(call, DENOMINATOR),
                                  pt__accumulates(call, 0), call->outputs[0].data);
}

static const pt__case_t accumulate_cases[] = {
    {.inputs = "f[3,4]"},
    {.inputs = "f[5000]"},
};

static const pt__case_t scale_by_cases[] = {
    {.inputs = "f[T,4] f[] p[]"},
    {.inputs = "f[5000] f[]"},
    {.inputs = "f[B] f[] z[]"},
};

static const pt__op_t ops[] = {
    {.name = "accumulate_gradient",
     .flags = PT__OP_INTERNAL | PT__OP_SINK,
     .min_inputs = 1,
     .max_inputs = 1,
     .n_outputs = 1,
     .accumulates = 1,
     .shape = pt__shape_of_input0,
     .run = accumulate_run,
     PT__CASES(accumulate_cases)},
    {.name = "update_state",
     .flags = PT__OP_INTERNAL | PT__OP_SINK | PT__OP_STATE_SINK,
     .min_inputs = 1,
     .max_inputs = 1,
     .n_outputs = 1,
     .shape = pt__shape_of_input0,
     .run = update_run,
     PT__CASES(accumulate_cases)},
    {.name = "scale_by",
     .flags = PT__OP_INTERNAL,
     .min_inputs = 2,
     .max_inputs = 3,
     .n_outputs = 1,
     .accumulates = 1,
     .shape = pt__shape_of_input0,
     .run = scale_by_run,
     PT__CASES(scale_by_cases)},
};

PT__OP_FAMILY(op_accumulate_gradient, ops)
