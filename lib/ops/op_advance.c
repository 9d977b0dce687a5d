/* advance: a state goes on to a new value
 *
 *   state [...] of pt_state, value of its shape, float32 -> dst = value; while gradients of an update are being added
 *   up, in all its runs but the first, dst = state, which the first has set: a step goes on once, however its batch is
 *   cut. A run that updates states (the planner's integer UPDATES) has dst written back at its end.
 *
 * No gradient passes: what is computed from dst is data to whatever learns. */
#include "ops/op_rules.h"

enum { UPDATES }; /* integers */
enum { STATE, VALUE };

static pt_status_t advance_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    const pt__tensor_t *state = pt__input_of(graph, node, STATE);
    PT__TRY(pt__expect_float(graph, node, VALUE, "value", 0, PT_MAX_RANK));
    if (state->kind != PT__KIND_PARAMETER || graph->parameters[state->place].role != PT__ROLE_STATE)
        return pt__refuse(graph, node, STATE, "state", "a tensor of pt_state");
    PT__TRY(pt__expect_same_shape(graph, node, VALUE, "value", STATE, "state"));
    outputs[0].shape = state->shape;
    return PT_OK;
}

static void advance_run(const pt__call_t *call, const pt__run_t *run)
{
    const pt__view_t *from = &call->inputs[run->accumulate ? STATE : VALUE], *to = &call->outputs[0];
    if (from->data != to->data)
        pt__copy_elements(run, pt__view_elements(to), from->data, to->data, 0);
}

static double no_operations(const pt__call_t *call)
{
    (void)call;
    return 0;
}

static const pt__case_t cases[] = {
    {"s[5] f[5]", {.integers = {[UPDATES] = 1}}},
    {"s[3,70] f[3,70]", {.integers = {[UPDATES] = 0}}},
};

static const pt__op_t ops[] = {
    {.name = "advance",
     .min_inputs = 2,
     .max_inputs = 2,
     .n_outputs = 1,
     .in_place = 1u << VALUE,
     .updates = UPDATES + 1,
     .updated_input = {STATE + 1},
     .shape = advance_shape,
     .run = advance_run,
     .operations = no_operations,
     PT__CASES(cases)},
};

PT__OP_FAMILY(op_advance, ops)
