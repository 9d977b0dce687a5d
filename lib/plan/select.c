/* Rows that nobody reads are not computed. Where a network's rows are pooled to the first or last of each sample, the
 * selection moves up through every row-wise op to where rows mix or are read otherwise:
 *
 *   pool(norm(add(x, linear(y))))  ->  norm(add(pool(x), linear(pool(y))))
 *   pool(attention(q, k, v))       ->  attention(pool(q), k, v)                where every query sees all keys
 *
 * and likewise where some rows are chosen by a gather (pt__graph_choose_dimension), as those whose words a language
 * model was not shown. Same results, for one row a sample, or a few, instead of all. Done when a plan is made, because
 * it depends on what the plan must give: the graph is rewritten with the nodes that its targets need; tensors get new
 * numbers, which plan->map tells. */
#include "graph/rewrite.h"
#include "plan/layout.h"

/* Else a tensor is read by selections of one kind only, PT_POOL_FIRST, PT_POOL_LAST or that of the one input that
 * chooses rows. */
enum { UNREAD = -1, ALL_ROWS = -2, CHOSEN = 0, KINDS = 3 };

typedef struct selection {
    const pt_graph_t *from;
    const pt__op_t *pool, *gather;
    pt_tensor_t places;    /* the input of from that chooses rows; PT_NO_TENSOR: none does */
    pt_tensor_t *selected; /* [KINDS, from's tensors] its chosen rows, rewritten; PT_NO_TENSOR: not (yet) */
    int32_t *reading;      /* [from's tensors] UNREAD, ALL_ROWS or a kind */
} selection_t;

static int32_t has_token_rows(const pt__tensor_t *tensor)
{
    return tensor->shape.dimension == PT__DIMENSION_TOKENS && tensor->shape.size[0] == 1;
}

/* The kind of a selection of rows; UNREAD: the node is none. */
static int32_t selection_of(const selection_t *self, const pt__node_t *node)
{
    if (node->op == self->gather && node->inputs[1] == self->places &&
        has_token_rows(&self->from->tensors[node->inputs[0]]))
        return CHOSEN;
    const int64_t kind = node->attributes.integers[PT__ATTRIBUTE_POOL];
    return node->op == self->pool && (kind == PT_POOL_FIRST || kind == PT_POOL_LAST) ? (int32_t)kind : UNREAD;
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

/* Whether the node can be computed for chosen rows of its first input: what the op can, of rows that keep their
 * meaning. */
static int32_t takes_first(const selection_t *self, const pt__node_t *node)
{
    const pt__tensor_t *tensors = self->from->tensors;
    if (node->op->can_choose == NULL || !node->op->can_choose(node) || !has_token_rows(&tensors[node->outputs[0]]) ||
        !has_token_rows(&tensors[node->inputs[0]]))
        return 0;
    for (int32_t k = 1; k < node->n_outputs; k++)
        if (self->reading[node->outputs[k]] != UNREAD)
            return 0;
    return 1;
}

static int32_t reads_selected(const selection_t *self, const pt__node_t *node)
{
    return self->reading[node->outputs[0]] >= 0 && takes_rows(self, node);
}

static int32_t reads_first(const selection_t *self, const pt__node_t *node)
{
    return self->reading[node->outputs[0]] >= 0 && takes_first(self, node);
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
        int32_t live = is_read(self, node), kind = selection_of(self, node);
        const int32_t selects = kind != UNREAD, first = !selects && reads_first(self, node);
        if (!selects)
            kind = first || reads_selected(self, node) ? self->reading[node->outputs[0]] : ALL_ROWS;
        for (int32_t k = 0; live && k < node->n_inputs; k++) {
            if (node->inputs[k] == PT_NO_TENSOR || (selects && k > 0))
                continue;
            int32_t *reading = &self->reading[node->inputs[k]], own = first && k > 0 ? ALL_ROWS : kind;
            *reading = *reading == UNREAD || *reading == own ? own : ALL_ROWS;
        }
    }
}

static pt_tensor_t *selected_of(selection_t *self, pt_tensor_t tensor, int32_t kind)
{
    return &self->selected[kind * self->from->n_tensors + tensor];
}

/* The chosen rows of a tensor, by a node of their own where they do not exist yet. */
static pt_tensor_t select_rows(selection_t *self, pt__rewrite_t *rewrite, pt_tensor_t tensor, int32_t kind)
{
    pt__attributes_t attributes = {.integers = {kind}};
    pt_tensor_t *selected = selected_of(self, tensor, kind);
    if (*selected != PT_NO_TENSOR)
        return *selected;
    const pt_status_t status = kind == CHOSEN ? pt__rewrite_carry(rewrite, self->places) : PT_OK;
    if (status != PT_OK)
        return pt__graph_stick(rewrite->to, status);
    const pt_tensor_t inputs[] = {rewrite->map[tensor], kind == CHOSEN ? rewrite->map[self->places] : PT_NO_TENSOR};
    *selected = kind == CHOSEN ? pt__graph_add(rewrite->to, self->gather, 2, inputs, NULL)
                               : pt__graph_add(rewrite->to, self->pool, 1, inputs, &attributes);
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

/* The same, where the first input alone has the chosen rows. */
static pt_status_t add_for_first(selection_t *self, pt__rewrite_t *rewrite, const pt__node_t *node)
{
    const int32_t kind = self->reading[node->outputs[0]];
    pt_tensor_t inputs[PT__MAX_INPUTS] = {select_rows(self, rewrite, node->inputs[0], kind)};
    for (int32_t k = 1; k < node->n_inputs; k++)
        inputs[k] = pt__rewrite_of(rewrite, node->inputs[k]);
    *selected_of(self, node->outputs[0], kind) = node->op->choose(rewrite->to, node, inputs);
    return rewrite->to->status;
}

static pt_status_t rewrite_node(pt__rewrite_t *rewrite, const pt__node_t *node)
{
    selection_t *self = rewrite->user;
    if (!is_read(self, node))
        return PT_OK;
    if (reads_first(self, node))
        return add_for_first(self, rewrite, node);
    if (reads_selected(self, node))
        return add_for_rows(self, rewrite, node);
    const int32_t kind = selection_of(self, node);
    if (kind == UNREAD)
        return pt__rewrite_keep(rewrite, node);
    rewrite->map[node->outputs[0]] = select_rows(self, rewrite, node->inputs[0], kind);
    return rewrite->to->status;
}

/* The first input that chooses rows of tokens. */
static pt_tensor_t find_places(const pt_graph_t *graph)
{
    for (int64_t i = 0; i < graph->n_inputs; i++) {
        const pt__dimension_t *dimension = &graph->dimensions[graph->tensors[graph->inputs[i].tensor].shape.dimension];
        if (dimension->is_chosen && dimension->parent == PT__DIMENSION_TOKENS)
            return graph->inputs[i].tensor;
    }
    return PT_NO_TENSOR;
}

pt_status_t pt__layout_select(pt__plan_t *plan, const pt_graph_t *graph, const pt_tensor_t *targets, int32_t n_targets)
{
    pt__memory_t *memory = &plan->context->memory;
    selection_t self = {
        .from = graph, .pool = pt__op_find("pool"), .gather = pt__op_find("gather"), .places = find_places(graph)};
    pt_status_t status;
    PT__TRY(pt__allocate(memory, (size_t)graph->n_tensors, sizeof *plan->map, "plan", &plan->map));
    PT__TRY_OUT(pt__allocate(memory, KINDS * (size_t)graph->n_tensors, sizeof *self.selected, "plan", &self.selected));
    PT__TRY_OUT(pt__allocate(memory, (size_t)graph->n_tensors, sizeof *self.reading, "plan", &self.reading));
    for (int64_t i = 0; i < KINDS * graph->n_tensors; i++)
        self.selected[i] = PT_NO_TENSOR;
    find_readings(&self, targets, n_targets);
    PT__TRY_OUT(pt__graph_rewrite(graph, rewrite_node, &self, plan->map, &plan->graph));
out:
    pt__release(memory, self.selected);
    pt__release(memory, self.reading);
    return status;
}
