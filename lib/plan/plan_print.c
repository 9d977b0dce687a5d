/* A plan as text, for pt_model_describe: a line a step with its operations and the bytes it reads and writes, then totals. */
#include "base/dtype.h"
#include "base/text.h"
#include "plan/layout.h"

static int64_t view_bytes(const pt__view_t *view)
{
    return view->data == NULL ? 0 : pt__view_elements(view) * (int64_t)pt__dtype_size(view->dtype);
}

static void print_place(const pt__plan_t *plan, pt_tensor_t tensor, pt__text_t *text)
{
    static const char *const names[] = {
        [PT__PLACE_NOWHERE] = "-",         [PT__PLACE_INPUT] = "input",       [PT__PLACE_PARAMETER] = "parameter",
        [PT__PLACE_CONSTANT] = "constant", [PT__PLACE_GRADIENT] = "gradient", [PT__PLACE_ARENA] = "arena"};
    const pt__storage_t *storage = plan->storage_of[tensor] < 0 ? NULL : &plan->storages[plan->storage_of[tensor]];
    if (storage == NULL)
        pt__text_add(text, "-");
    else if (storage->place == PT__PLACE_ARENA)
        pt__text_add(text, "%lld", (long long)storage->offset);
    else
        pt__text_add(text, "%s %d", names[storage->place], (int)storage->index);
}

void pt__plan_print(pt__plan_t *plan, struct pt__text *text)
{
    char shape[96];
    double total = 0;
    for (int64_t i = 0; i < plan->n_steps; i++) {
        const pt__call_t *call = &plan->calls[i];
        const pt__node_t *node = &plan->graph->nodes[plan->steps[i].node];
        const pt__tensor_t *output = &plan->graph->tensors[node->outputs[0]];
        double operations = call->op->operations != NULL ? call->op->operations(call)
                                                         : (double)pt__view_elements(&call->outputs[0]);
        int64_t bytes = 0;
        for (int32_t k = 0; k < call->n_inputs; k++)
            bytes += view_bytes(&call->inputs[k]);
        for (int32_t k = 0; k < call->n_outputs; k++)
            bytes += view_bytes(&call->outputs[k]);
        total += operations;
        pt__text_add(text, "%4lld %-26s %-28s operations %.3g bytes %lld at ", (long long)i, call->op->name,
                     pt__shape_print(&output->shape, output->dtype, shape, sizeof shape), operations, (long long)bytes);
        print_place(plan, node->outputs[0], text);
        pt__text_add(text, "\n");
    }
    pt__text_add(text, "samples %lld tokens %lld steps %lld operations %.4g arena bytes %lld\n",
                 (long long)plan->capacity[PT__SYMBOL_BATCH], (long long)plan->capacity[PT__SYMBOL_TOKENS],
                 (long long)plan->n_steps, total, (long long)plan->arena_bytes);
}
