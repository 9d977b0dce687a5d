/* Which gradients are complete after which step: from there on nothing writes to them in this run, and what a host does
 * with them, such as summing them over machines, can go on beside the rest of the backward pass. */
#include "plan/layout.h"

pt_status_t pt__layout_find_finished(pt__plan_t *plan)
{
    pt__memory_t *memory = &plan->context->memory;
    int64_t n_parameters = plan->graph->n_parameters;
    int32_t *last, count = 0;
    PT__TRY(pt__allocate(memory, (size_t)n_parameters, sizeof *plan->finished, "plan", &plan->finished));
    PT__TRY(pt__allocate(memory, (size_t)n_parameters, sizeof *last, "plan", &last));
    for (int64_t i = 0; i < n_parameters; i++)
        last[i] = -1;
    for (int64_t i = 0; i < plan->n_steps; i++) {
        const pt__node_t *node = &plan->graph->nodes[plan->steps[i].node];
        for (int32_t k = 0; k < node->n_outputs; k++) {
            int32_t parameter = pt__layout_gradient_of(plan, node, k);
            if (parameter >= 0)
                last[parameter] = (int32_t)i;
        }
    }
    for (int64_t i = 0; i < plan->n_steps; i++) {
        for (int32_t parameter = 0; parameter < n_parameters; parameter++)
            if (last[parameter] == i)
                plan->finished[count++] = parameter;
        plan->steps[i].finished_end = count;
    }
    pt__release(memory, last);
    return PT_OK;
}

const int32_t *pt__plan_finished(const pt__plan_t *plan, int64_t step, int32_t *count)
{
    int32_t first = step > 0 ? plan->steps[step - 1].finished_end : 0;
    *count = plan->steps[step].finished_end - first;
    return plan->finished + first;
}

int64_t pt__plan_steps(const pt__plan_t *plan)
{
    return plan->n_steps;
}
