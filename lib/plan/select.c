/* Rows that nobody reads are not computed. Where a network's rows are pooled to the first or last of each sample, the
 * selection moves up through every row-wise op to where rows mix (attention) or are read otherwise:
 *
 *   pool(norm(add(x, linear(y))))  ->  norm(add(pool(x), linear(pool(y))))
 *
 * Same results, for one row a sample instead of all. Done when a plan is made, because it depends on what the plan must
 * give: the graph is rewritten with the nodes that its targets need; tensors get new numbers, which plan->map tells. */
#include "graph/rewrite.h"
#include "plan/layout.h"

enum { UNREAD = -1, ALL_ROWS = -2 }; /* else a tensor is read by selections of this one kind of pool only */

typedef struct selection {
    const pt_graph_t *from;
    const pt__op_t *pool;
    pt_tensor_t *selected; /* [2, from's tensors] its first, its last rows, rewritten; PT_NO_TENSOR: not (yet) */
    int32_t *reading;      /* [from's tensors] UNREAD, ALL_ROWS or a kind */
} selection_t;

static int32_t is_row_pool(const selection_t *self, const pt__node_t *node)
{
    int64_t kind = node->attributes.integers[PT__ATTRIBUTE_POOL];
    return node->op == self->pool && (kind == PT_POOL_FIRST || kind == PT_POOL_LAST);
}

static int32_t has_token_rows(const pt__tensor_t *tensor)
{
    return tensor->shape.dimension == PT__DIMENSION_TOKENS && tensor->shape.size[0] == 1;
}

/* Whether the node can be computed for chosen rows: row-wise from floats, only its first output read. A dropout
 * then draws for the chosen rows, as good as for all. */
static int32_t takes_rows(const selection_t *self, const pt__node_t *node)
{
    const pt__tensor_t *tensors = self->from->tensors;
    if (!(node->op->flags & PT__OP_ROWWISE) || (node->op->flags & PT__OP_ALIAS) ||
        !has_token_rows(&tensors[node->outputs[0]]))
        return 0;
    for (int32_t k = 1; k < node->n_outputs; k++)
        if (self->reading[node->outputs[k]] != UNREAD)
            return 0;
    for (int32_t k = 0; k < node->n_inputs; k++) {
        const pt__tensor_t *input = pt__graph_tensor(self->from, node->inputs[k]);
        if (input != NULL && input->shape.dimension != PT__DIMENSION_NONE &&
            (!has_token_rows(input) || input->dtype != PT_FLOAT32))
            return 0;
    }
    return 1;
}

static int32_t reads_selected(const selection_t *self, const pt__node_t *node)
{
    return self->reading[node->outputs[0]] >= 0 && takes_rows(self, node);
}

/* Whether anything reads one of the node's outputs. */
static int32_t is_read(const selection_t *self, const pt__node_t *node)
{
    for (int32_t k = 0; k < node->n_outputs; k++)
        if (self->reading[node->outputs[k]] != UNREAD)
            return 1;
    return 0;
}

/* Last nodes first: how every tensor is read by what the targets need. */
static void find_readings(selection_t *self, const pt_tensor_t *targets, int32_t n_targets)
{
    const pt_graph_t *graph = self->from;
    for (int64_t i = 0; i < graph->n_tensors; i++)
        self->reading[i] = UNREAD;
    for (int32_t i = 0; i < n_targets; i++)
        if (targets[i] != PT_NO_TENSOR)
            self->reading[targets[i]] = ALL_ROWS;
    for (int64_t i = graph->n_nodes; i-- > 0;) {
        const pt__node_t *node = &graph->nodes[i];
        int32_t live = is_read(self, node), kind = ALL_ROWS;
        if (is_row_pool(self, node))
            kind = (int32_t)node->attributes.integers[PT__ATTRIBUTE_POOL];
        else if (reads_selected(self, node))
            kind = self->reading[node->outputs[0]];
        for (int32_t k = 0; live && k < node->n_inputs; k++) {
            if (node->inputs[k] == PT_NO_TENSOR)
                continue;
            int32_t *reading = &self->reading[node->inputs[k]];
            *reading = *reading == UNREAD || *reading == kind ? kind : ALL_ROWS;
        }
    }
}

static pt_tensor_t *selected_of(selection_t *self, pt_tensor_t tensor, int32_t kind)
{
    return &self->selected[(kind == PT_POOL_LAST ? self->from->n_tensors : 0) + tensor];
}

/* The chosen rows of a tensor, by a pool where they do not exist yet. */
static pt_tensor_t select_rows(selection_t *self, pt__rewrite_t *rewrite, pt_tensor_t tensor, int32_t kind)
{
    pt__attributes_t attributes = {.integers = {kind}};
    pt_tensor_t *selected = selected_of(self, tensor, kind);
    if (*selected == PT_NO_TENSOR)
        *selected = pt__graph_add(rewrite->to, self->pool, 1, &rewrite->map[tensor], &attributes);
    return *selected;
}

/* The node for chosen rows only; without rows of its own, an input stays as it is. */
static pt_status_t add_for_rows(selection_t *self, pt__rewrite_t *rewrite, const pt__node_t *node)
{
    pt_tensor_t inputs[PT__MAX_INPUTS];
    int32_t kind = self->reading[node->outputs[0]];
    for (int32_t k = 0; k < node->n_inputs; k++) {
        pt_tensor_t input = node->inputs[k];
        inputs[k] = input != PT_NO_TENSOR && self->from->tensors[input].shape.dimension != PT__DIMENSION_NONE
                        ? select_rows(self, rewrite, input, kind)
                        : pt__rewrite_of(rewrite, input);
    }
    *selected_of(self, node->outputs[0], kind) = pt__graph_add(rewrite->to, node->op, node->n_inputs, inputs,
                                                               &node->attributes);
    return rewrite->to->status;
}

static pt_status_t rewrite_node(pt__rewrite_t *rewrite, const pt__node_t *node)
{
    selection_t *self = rewrite->user;
    if (!is_read(self, node))
        return PT_OK;
    if (reads_selected(self, node))
        return add_for_rows(self, rewrite, node);
    if (!is_row_pool(self, node))
        return pt__rewrite_keep(rewrite, node);
    rewrite->map[node->outputs[0]] = select_rows(self, rewrite, node->inputs[0],
                                                 (int32_t)node->attributes.integers[PT__ATTRIBUTE_POOL]);
    return rewrite->to->status;
}

pt_status_t pt__layout_select(pt__plan_t *plan, const pt_graph_t *graph, const pt_tensor_t *targets, int32_t n_targets)
{
    pt__memory_t *memory = &plan->context->memory;
    selection_t self = {.from = graph, .pool = pt__op_find("pool")};
    pt_status_t status;
    PT__TRY(pt__allocate(memory, (size_t)graph->n_tensors, sizeof *plan->map, "plan", &plan->map));
    PT__TRY_OUT(pt__allocate(memory, 2 * (size_t)graph->n_tensors, sizeof *self.selected, "plan", &self.selected));
    PT__TRY_OUT(pt__allocate(memory, (size_t)graph->n_tensors, sizeof *self.reading, "plan", &self.reading));
    for (int64_t i = 0; i < 2 * graph->n_tensors; i++)
        self.selected[i] = PT_NO_TENSOR;
    find_readings(&self, targets, n_targets);
    PT__TRY_OUT(pt__graph_rewrite(graph, rewrite_node, &self, plan->map, &plan->graph));
out:
    pt__release(memory, self.selected);
    pt__release(memory, self.reading);
    return status;
}
