/* Reverse-mode differentiation as graph building: nodes of the backward pass are appended after those of the forward
 * pass.
 *
 * Nodes are visited last to first. A tensor's gradient is complete when its producer is visited, because everything
 * that reads a tensor comes after it. Contributions to one tensor are added by "add" nodes as they come;
 * contributions to a parameter each get a sink of their own ("accumulate_gradient"), because the plan adds them into
 * the parameter's gradient memory, earlier micro-steps' included. Only what leads from a wanted parameter to the
 * loss is visited.
 *
 * In place of an input that is in `recomputed` and that its producer can make again, a gradient rule is shown a copy
 * that is made right there, in the backward pass (Chen 2016, per op): the original need not be kept. Copies that no
 * rule reads are dropped with all unread nodes. */
#include "base/dtype.h"
#include "graph/builder.h"

typedef struct differentiation {
    pt_graph_t *graph;
    const int32_t *wanted;  /* [parameters] */
    /* [tensors of the forward pass] to be made again for the backward pass; NULL: nothing is */
    const int8_t *recomputed;
    int32_t *reached;       /* [parameters] */
    pt_tensor_t *gradients; /* [tensors of the forward pass] PT_NO_TENSOR until there is a contribution */
    pt_tensor_t *copies; /* [tensors of the forward pass] made again; PT_NO_TENSOR: not, or not yet; NULL: nothing is */
    int8_t *depends;     /* [tensors of the forward pass] computed from a wanted parameter */
} differentiation_t;

static void mark_dependence(differentiation_t *self, int64_t n_nodes)
{
    const pt_graph_t *graph = self->graph;
    for (int64_t i = 0; i < graph->n_parameters; i++)
        self->depends[graph->parameters[i].tensor] = self->wanted[i] != 0;
    for (int64_t i = 0; i < n_nodes; i++) {
        const pt__node_t *node = &graph->nodes[i];
        int8_t depends = 0;
        for (int32_t k = 0; k < node->n_inputs; k++)
            depends |= node->inputs[k] != PT_NO_TENSOR && (node->op->needs_gradient_of >> k & 1u) &&
                       self->depends[node->inputs[k]];
        for (int32_t k = 0; k < node->n_outputs; k++)
            self->depends[node->outputs[k]] = depends && graph->tensors[node->outputs[k]].differentiable;
    }
}

/* One more contribution to a tensor's gradient. */
static pt_status_t contribute(differentiation_t *self, const pt__op_t *op, pt_tensor_t tensor, pt_tensor_t gradient)
{
    pt_graph_t *graph = self->graph;
    const pt__tensor_t *of = &graph->tensors[tensor];
    char expected[96], found[96];
    if (!pt__shape_equal(&of->shape, &graph->tensors[gradient].shape))
        return pt__fail(PT_ERR_INTERNAL, "%s: the gradient of a %s is %s", op->name,
                        pt__shape_print(&of->shape, of->dtype, expected, sizeof expected),
                        pt__shape_print(&graph->tensors[gradient].shape, PT_FLOAT32, found, sizeof found));
    const pt__node_t *producer = pt__graph_producer(graph, tensor);
    if (producer != NULL && !pt__op_passes(producer->op, of->output))
        return pt__fail(PT_ERR_UNSUPPORTED,
                        "%s: output %d has no gradient, but %s reads it on the way from a parameter to the loss",
                        producer->op->name, (int)of->output, op->name);
    if (of->kind == PT__KIND_PARAMETER) {
        pt__attributes_t attributes = {.integers = {[PT__ATTRIBUTE_SINK] = of->place}};
        self->reached[of->place] = 1;
        pt__build_unary(graph, "accumulate_gradient", gradient, &attributes);
    } else if (self->gradients[tensor] == PT_NO_TENSOR)
        self->gradients[tensor] = gradient;
    else
        self->gradients[tensor] = pt__build_binary(graph, "add", self->gradients[tensor], gradient, NULL);
    return graph->status;
}

/* A loss has made the gradients of its weighted sum itself: they are taken as they are at the root, where sums are
 * wanted, and times d_loss / weight elsewhere. */
static pt_status_t through_loss(differentiation_t *self, const pt__node_t *node, pt_tensor_t d_loss)
{
    pt_graph_t *graph = self->graph;
    for (int32_t k = 0, output = 2; k < node->n_inputs; k++) {
        if (!(node->op->needs_gradient_of >> k & 1u))
            continue;
        int32_t present = node->inputs[k] != PT_NO_TENSOR;
        if (present && self->depends[node->inputs[k]]) {
            pt_tensor_t gradient = node->outputs[output];
            if (d_loss != PT_NO_TENSOR)
                gradient = pt__build(graph, "scale_by", 3, (pt_tensor_t[]){gradient, d_loss, node->outputs[1]}, NULL);
            if (graph->status != PT_OK)
                return graph->status;
            PT__TRY(contribute(self, node->op, node->inputs[k], gradient));
        }
        output++;
    }
    return PT_OK;
}

/* The copy of a tensor that is to be made again, made where there is none yet; PT_NO_TENSOR where its op has no way. */
static pt_tensor_t copy_of(differentiation_t *self, pt_tensor_t tensor)
{
    pt_graph_t *graph = self->graph;
    const pt__node_t *found = pt__graph_producer(graph, tensor);
    if (self->copies[tensor] != PT_NO_TENSOR || found == NULL || found->op->recompute == NULL ||
        found->outputs[0] != tensor)
        return self->copies[tensor];
    pt__node_t producer = *found; /* a copy: appending moves the array */
    self->copies[tensor] = producer.op->recompute(graph, &producer);
    if (self->copies[tensor] != PT_NO_TENSOR)
        pt__graph_producer(graph, self->copies[tensor])->recomputed = 1;
    return self->copies[tensor];
}

/* The node as its gradient rule shall see it. */
static pt__node_t with_inputs_recomputed(differentiation_t *self, const pt__node_t *node)
{
    pt__node_t seen = *node;
    for (int32_t k = 0; self->recomputed != NULL && k < node->n_inputs; k++) {
        if (node->inputs[k] == PT_NO_TENSOR || !self->recomputed[node->inputs[k]])
            continue;
        pt_tensor_t copy = copy_of(self, node->inputs[k]);
        if (copy != PT_NO_TENSOR)
            seen.inputs[k] = copy;
    }
    return seen;
}

static pt_status_t through_node(differentiation_t *self, const pt__node_t *node)
{
    pt_graph_t *graph = self->graph;
    pt_tensor_t d_outputs[PT__MAX_OUTPUTS], d_inputs[PT__MAX_INPUTS];
    int32_t wanted[PT__MAX_INPUTS];
    for (int32_t k = 0; k < PT__MAX_OUTPUTS; k++)
        d_outputs[k] = k < node->n_outputs ? self->gradients[node->outputs[k]] : PT_NO_TENSOR;
    if (node->op->flags & PT__OP_LOSS)
        return through_loss(self, node, d_outputs[0]);
    for (int32_t k = 0; k < PT__MAX_INPUTS; k++) {
        d_inputs[k] = PT_NO_TENSOR;
        wanted[k] = k < node->n_inputs && node->inputs[k] != PT_NO_TENSOR && (node->op->needs_gradient_of >> k & 1u) &&
                    self->depends[node->inputs[k]];
    }
    pt__node_t seen = with_inputs_recomputed(self, node);
    PT__TRY(node->op->gradient(graph, &seen, d_outputs, wanted, d_inputs));
    PT__TRY(graph->status);
    for (int32_t k = 0; k < node->n_inputs; k++) {
        if (!wanted[k])
            continue;
        if (d_inputs[k] == PT_NO_TENSOR)
            return pt__fail(PT_ERR_INTERNAL, "%s: no gradient for input %d", node->op->name, (int)k);
        PT__TRY(contribute(self, node->op, node->inputs[k], d_inputs[k]));
    }
    return PT_OK;
}

static pt_status_t differentiate(differentiation_t *self)
{
    pt_graph_t *graph = self->graph;
    int64_t n_nodes = graph->n_nodes, n_tensors = graph->n_tensors;
    for (int64_t i = 0; i < n_tensors; i++)
        self->gradients[i] = PT_NO_TENSOR;
    for (int64_t i = 0; self->recomputed != NULL && i < n_tensors; i++)
        self->copies[i] = PT_NO_TENSOR;
    mark_dependence(self, n_nodes);
    if (!self->depends[graph->loss])
        return PT_OK; /* nothing that learns is in the loss: no backward pass */
    const pt__node_t *root = pt__graph_producer(graph, graph->loss);
    int32_t root_is_loss = root != NULL && (root->op->flags & PT__OP_LOSS) && graph->tensors[graph->loss].output == 0;
    if (!root_is_loss) {
        pt__shape_t shape = graph->tensors[graph->loss].shape;
        pt_tensor_t seed = pt__build(graph, "sample_count", 0, NULL, NULL);
        if (shape.rank > 0)
            seed = pt_reshape(graph, seed, shape.rank, shape.size);
        PT__TRY(graph->status);
        PT__TRY(contribute(self, pt__op_find("sample_count"), graph->loss, seed));
    }
    for (int64_t i = n_nodes; i-- > 0;) {
        pt__node_t node = graph->nodes[i]; /* a copy: appending moves the array */
        int32_t reached = root_is_loss && node.outputs[0] == graph->loss;
        for (int32_t k = 0; k < node.n_outputs; k++)
            reached |= self->gradients[node.outputs[k]] != PT_NO_TENSOR;
        if (reached)
            PT__TRY(through_node(self, &node));
    }
    return PT_OK;
}

pt_status_t pt__graph_append_gradients(pt_graph_t *graph, const int32_t *wanted, const int8_t *recomputed,
                                       int32_t *reached)
{
    pt__memory_t *memory = &graph->context->memory;
    differentiation_t self = {.graph = graph, .wanted = wanted, .recomputed = recomputed, .reached = reached};
    pt_status_t status;
    for (int64_t i = 0; i < graph->n_parameters; i++)
        reached[i] = 0;
    if (graph->loss == PT_NO_TENSOR)
        return pt__fail(PT_ERR_STATE, "the network has no loss");
    for (int64_t i = 0; i < graph->n_parameters; i++) {
        int32_t dtype = graph->tensors[graph->parameters[i].tensor].dtype;
        if (wanted[i] && dtype != PT_FLOAT32)
            return pt__fail(PT_ERR_UNSUPPORTED,
                            "parameter \"%s\" is stored as %s: it can be used, but only float32 learns",
                            graph->parameters[i].name, pt__dtype_name(dtype));
    }
    PT__TRY_OUT(pt__allocate(memory, (size_t)graph->n_tensors, sizeof *self.gradients, "gradients", &self.gradients));
    PT__TRY_OUT(pt__allocate(memory, (size_t)graph->n_tensors, sizeof *self.depends, "gradients", &self.depends));
    if (recomputed != NULL)
        PT__TRY_OUT(pt__allocate(memory, (size_t)graph->n_tensors, sizeof *self.copies, "gradients", &self.copies));
    PT__TRY_OUT(differentiate(&self));
out:
    pt__release(memory, self.gradients);
    pt__release(memory, self.copies);
    pt__release(memory, self.depends);
    return status;
}
