/* Graphs whose runs go on where earlier ones ended: a rewrite in which attention keeps its keys and values, and
 * positions count on. What is computed row by row stays as it is, and so does what is computed from each sample's last
 * row. */
#include <stdio.h>

#include "graph/builder.h"
#include "graph/rewrite.h"

typedef struct increments {
    int8_t *needed; /* [from's tensors] */
    int8_t *varies; /* [from's tensors] an input, or computed from one */
    pt__increment_t increment;
    int32_t refused;
} increments_t;

pt_tensor_t pt__increment_state(pt_graph_t *graph, pt__increment_t *increment, int64_t columns)
{
    char name[PT_MAX_NAME];
    snprintf(name, sizeof name, "(state %lld)", (long long)increment->states++);
    return pt_state(graph, name, 2, (int64_t[]){1, columns}, NULL);
}

static void find_needed(const pt_graph_t *graph, pt_tensor_t output, int8_t *needed)
{
    needed[output] = 1;
    for (int64_t i = graph->n_nodes; i-- > 0;) {
        const pt__node_t *node = &graph->nodes[i];
        int32_t live = 0;
        for (int32_t k = 0; k < node->n_outputs; k++)
            live |= needed[node->outputs[k]];
        for (int32_t k = 0; live && k < node->n_inputs; k++)
            needed[node->inputs[k]] = 1;
        for (int32_t k = 0; live && k < node->n_outputs; k++)
            needed[node->outputs[k]] = 1; /* what is said of one holds for the node */
    }
}

/* Whether all of a node's inputs that vary count rows of this dimension, and its first output does. */
static int32_t counts(const increments_t *self, const pt_graph_t *graph, const pt__node_t *node, int32_t dimension)
{
    for (int32_t k = 0; k < node->n_inputs; k++)
        if (self->varies[node->inputs[k]] && graph->tensors[node->inputs[k]].shape.dimension != dimension)
            return 0;
    return graph->tensors[node->outputs[0]].shape.dimension == dimension;
}

/* Whether the node gives for the rows of a run what it gives for them among all rows of their samples. */
static int32_t stays(const increments_t *self, const pt_graph_t *graph, const pt__node_t *node)
{
    if (!self->varies[node->outputs[0]])
        return 1;
    if (node->op->updates != 0)
        return 0;
    if (node->op->flags & (PT__OP_ROWWISE | PT__OP_ALIAS | PT__OP_KEEPS_ROWS))
        return counts(self, graph, node, PT__DIMENSION_TOKENS) || counts(self, graph, node, PT__DIMENSION_BATCH);
    return counts(self, graph, node, PT__DIMENSION_BATCH);
}

static pt_status_t rewrite_node(pt__rewrite_t *rewrite, const pt__node_t *node)
{
    increments_t *self = rewrite->user;
    pt_tensor_t inputs[PT__MAX_INPUTS];
    if (!self->needed[node->outputs[0]] || self->refused)
        return PT_OK;
    for (int32_t k = 0; k < node->n_inputs; k++)
        for (int32_t i = 0; i < node->n_outputs; i++)
            self->varies[node->outputs[i]] |= self->varies[node->inputs[k]];
    if (node->op->incremental == NULL || !self->varies[node->outputs[0]]) {
        self->refused = !stays(self, rewrite->from, node);
        return self->refused ? PT_OK : pt__rewrite_keep(rewrite, node);
    }
    if (self->increment.first == PT_NO_TENSOR) {
        self->increment.first = pt_input(rewrite->to, "(first)", PT_INT32, 1, (int64_t[]){PT_DIM_BATCH});
        self->increment.past = pt_input(rewrite->to, "(past)", PT_INT32, 1, (int64_t[]){PT_DIM_BATCH});
    }
    PT__TRY(pt__rewrite_inputs(rewrite, node, inputs));
    pt_tensor_t first = node->op->incremental(rewrite->to, node, inputs, &self->increment);
    self->refused = first == PT_NO_TENSOR && rewrite->to->status == PT_OK;
    for (int32_t k = 0; first != PT_NO_TENSOR && k < node->n_outputs; k++)
        rewrite->map[node->outputs[k]] = pt__build_output(first, k);
    return PT_OK;
}

static pt_status_t rewrite_all(const pt_graph_t *graph, pt_tensor_t output, increments_t *self, pt_tensor_t *map,
                               pt__incremental_t *out)
{
    for (int64_t i = 0; i < graph->n_inputs; i++)
        self->varies[graph->inputs[i].tensor] = 1;
    find_needed(graph, output, self->needed);
    PT__TRY(pt__graph_rewrite(graph, rewrite_node, self, map, &out->graph));
    /* without attention there is nothing to keep, and a run of further rows could not tell that it is one */
    if (self->refused || self->increment.states == 0) {
        pt_graph_free(out->graph);
        out->graph = NULL;
        return PT_OK;
    }
    out->output = map[output];
    out->first = out->graph->tensors[self->increment.first].place;
    out->past = out->graph->tensors[self->increment.past].place;
    return PT_OK;
}

pt_status_t pt__graph_incremental(const pt_graph_t *graph, pt_tensor_t output, pt__incremental_t *out)
{
    pt__memory_t *memory = &graph->context->memory;
    increments_t self = {.increment = {.first = PT_NO_TENSOR, .past = PT_NO_TENSOR}};
    pt_tensor_t *map = NULL;
    pt_status_t status;
    *out = (pt__incremental_t){0};
    PT__TRY(pt__allocate(memory, 2 * (size_t)graph->n_tensors, 1, "graph walk", &self.needed));
    self.varies = self.needed + graph->n_tensors;
    PT__TRY_OUT(pt__allocate(memory, (size_t)graph->n_tensors, sizeof *map, "graph walk", &map));
    PT__TRY_OUT(rewrite_all(graph, output, &self, map, out));
out:
    pt__release(memory, map);
    pt__release(memory, self.needed);
    return status;
}
