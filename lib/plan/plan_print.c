/* A plan as text, for pt_model_describe: a line a step with its operations and the bytes it reads and writes,
 * "again" before what the backward pass makes again; then totals. */
#include "base/text.h"
#include "plan/layout.h"

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
    double total = 0, recomputed = 0;
    int64_t n_recomputed = 0;
    for (int64_t i = 0; i < plan->n_steps; i++) {
        const pt__call_t *call = &plan->calls[i];
        const pt__node_t *node = &plan->graph->nodes[plan->steps[i].node];
        const pt__tensor_t *output = &plan->graph->tensors[node->outputs[0]];
        double operations = pt__layout_operations(call);
        total += operations;
        if (node->recomputed) {
            n_recomputed++;
            recomputed += operations;
        }
        pt__text_add(text, "%4lld %-6s%-26s %-28s operations %.3g bytes %lld at ", (long long)i,
                     node->recomputed ? "again" : "", call->op->name,
                     pt__graph_shape_print(plan->graph, &output->shape, output->dtype, shape, sizeof shape), operations,
                     (long long)pt__layout_bytes(call));
        print_place(plan, node->outputs[0], text);
        pt__text_add(text, "\n");
    }
    pt__text_add(text, "samples %lld tokens %lld steps %lld operations %.4g arena bytes %lld\n",
                 (long long)plan->capacity[PT__DIMENSION_BATCH], (long long)plan->capacity[PT__DIMENSION_TOKENS],
                 (long long)plan->n_steps, total, (long long)plan->arena_bytes);
    pt__text_add(text, "made again: steps %lld operations %.4g\n", (long long)n_recomputed, recomputed);
}
