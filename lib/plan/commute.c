/* An activation moves behind the op that takes the largest of its results:
 *
 *   max_pool(relu(x))  ->  relu(max_pool(x))
 *
 * where the activation does not fall and nothing else reads it. Values and gradients are the same: where the largest
 * is cut off by the activation, no gradient passes, whichever place it came from. In training the activation's result
 * is kept, for its gradient reads it, but not the op's source: behind the op it is as many times smaller as windows are
 * large. Done before the gradients are appended. */
#include "graph/rewrite.h"
#include "plan/layout.h"

typedef struct commutation {
    int32_t *readers; /* [tensors] nodes that read it; targets count as one more */
    int8_t *moves;    /* [tensors] the result of an activation that goes behind its reader */
} commutation_t;

/* The node's activation that can move behind it: NULL where there is none. */
static const pt__node_t *find_activation(const commutation_t *self, const pt_graph_t *graph, const pt__node_t *node)
{
    if (node->op->keeps_order == NULL || !node->op->keeps_order(node))
        return NULL;
    const pt__node_t *found = pt__graph_producer(graph, node->inputs[0]);
    const int32_t is_flat_or_rises = found != NULL && (found->op->activation == PT_ACTIVATION_RELU ||
                                                       found->op->activation == PT_ACTIVATION_RELU6);
    return is_flat_or_rises && self->readers[node->inputs[0]] == 1 ? found : NULL;
}

static void count_readers(commutation_t *self, const pt__plan_t *plan, const pt__plan_options_t *options)
{
    for (int64_t i = 0; i < plan->graph->n_nodes; i++) {
        const pt__node_t *node = &plan->graph->nodes[i];
        for (int32_t k = 0; k < node->n_inputs; k++)
            self->readers[node->inputs[k]]++;
    }
    for (int32_t i = 0; i < options->n_kept; i++)
        self->readers[plan->map[options->kept[i]]]++;
    self->readers[plan->graph->loss]++;
}

static pt_status_t rewrite_node(pt__rewrite_t *rewrite, const pt__node_t *node)
{
    const commutation_t *self = rewrite->user;
    if (self->moves[node->outputs[0]]) {
        rewrite->map[node->outputs[0]] = rewrite->map[node->inputs[0]];
        return PT_OK;
    }
    PT__TRY(pt__rewrite_keep(rewrite, node));
    const pt__node_t *activation = find_activation(self, rewrite->from, node);
    if (activation == NULL)
        return PT_OK;
    pt_tensor_t *moved = &rewrite->map[node->outputs[0]];
    *moved = pt__graph_add(rewrite->to, activation->op, 1, moved, &activation->attributes);
    return rewrite->to->status;
}

static pt_status_t move(commutation_t *self, pt__plan_t *plan, int64_t n_tensors)
{
    pt__memory_t *memory = &plan->context->memory;
    pt_graph_t *graph = plan->graph, *moved = NULL;
    pt_tensor_t *map = NULL;
    PT__TRY(pt__allocate(memory, (size_t)graph->n_tensors, sizeof *map, "plan", &map));
    pt_status_t status = pt__graph_rewrite(graph, rewrite_node, self, map, &moved);
    for (int64_t i = 0; status == PT_OK && i < n_tensors; i++)
        plan->map[i] = map[plan->map[i]];
    if (status == PT_OK) {
        plan->graph = moved;
        pt_graph_free(graph);
    }
    pt__release(memory, map);
    return status;
}

/* n_tensors: of the graph that the plan is made of. */
pt_status_t pt__layout_commute(pt__plan_t *plan, const pt__plan_options_t *options, int64_t n_tensors)
{
    pt__memory_t *memory = &plan->context->memory;
    commutation_t self = {NULL, NULL};
    int32_t count = 0;
    pt_status_t status;
    PT__TRY_OUT(pt__allocate(memory, (size_t)plan->graph->n_tensors, sizeof *self.readers, "plan", &self.readers));
    PT__TRY_OUT(pt__allocate(memory, (size_t)plan->graph->n_tensors, sizeof *self.moves, "plan", &self.moves));
    count_readers(&self, plan, options);
    for (int64_t i = 0; i < plan->graph->n_nodes; i++) {
        const pt__node_t *node = &plan->graph->nodes[i];
        const pt__node_t *activation = find_activation(&self, plan->graph, node);
        if (activation != NULL)
            self.moves[activation->outputs[0]] = 1;
        count += activation != NULL;
    }
    if (count > 0)
        status = move(&self, plan, n_tensors);
out:
    pt__release(memory, self.readers);
    pt__release(memory, self.moves);
    return status;
}
