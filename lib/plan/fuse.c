/* Fusion: what an op's kernel can do while its result is still at hand moves into that op. Run after the gradients are
 * appended and the uses are known, before memory is assigned; three rules, by what the descriptors say they accept:
 *
 *   add(p(...), r)                 -> p(..., residual = r)     op->residual_input: forward a residual branch, backward
 *                                                              two gradients that meet
 *   relu(p(...))                   -> p(..., relu)             op->takes_activation, op->activation: after the residual
 *   unary_gradient(z, p(...))      -> p(..., slope = z)        op->slope_input: the activation's derivative after a
 *                                                              product
 *
 * where nothing else reads p's output and r (or z) is there before p. The fused p stands in p's place and takes over
 * what read the other node's output. The op's own shape rule has the last word: what it refuses is left as it was. */
#include <string.h>

#include "plan/layout.h"

typedef struct fusion {
    pt__plan_t *plan;
    int32_t *uses;            /* [tensors] by live nodes, or kept */
    pt_tensor_t *replacement; /* [tensors] what to read instead; itself where nothing changed */
} fusion_t;

/* The node whose output 0 is this tensor and is read by one node only; NULL otherwise. */
static pt__node_t *sole_producer(const fusion_t *self, pt_tensor_t tensor)
{
    const pt_graph_t *graph = self->plan->graph;
    pt__node_t *producer = pt__graph_producer(graph, tensor);
    return producer != NULL && producer->outputs[0] == tensor && self->uses[tensor] == 1 ? producer : NULL;
}

static int32_t is_activated(const pt__node_t *node)
{
    return node->op->takes_activation && node->attributes.integers[PT__ATTRIBUTE_ACTIVATION] != PT_ACTIVATION_NONE;
}

/* Puts `operand` into place `place` (counted from 1) of the producer, if it is free, comes early enough and the op
 * accepts it. */
static int32_t take_in(const fusion_t *self, pt__node_t *producer, int32_t place, pt_tensor_t operand,
                       int64_t activation)
{
    pt_graph_t *graph = self->plan->graph;
    pt__node_t fused = *producer;
    pt__tensor_t outputs[PT__MAX_OUTPUTS];
    if (place == 0 || operand >= producer->outputs[0] ||
        (producer->n_inputs >= place && producer->inputs[place - 1] != PT_NO_TENSOR))
        return 0;
    while (fused.n_inputs < place)
        fused.inputs[fused.n_inputs++] = PT_NO_TENSOR;
    fused.inputs[place - 1] = operand;
    if (activation != PT_ACTIVATION_NONE) {
        if (fused.attributes.integers[PT__ATTRIBUTE_ACTIVATION] != PT_ACTIVATION_NONE)
            return 0;
        fused.attributes.integers[PT__ATTRIBUTE_ACTIVATION] = activation;
    }
    memcpy(outputs, graph->tensors + fused.outputs[0], (size_t)fused.n_outputs * sizeof *outputs);
    pt_status_t status = fused.op->shape(graph, &fused, outputs);
    int32_t same = status == PT_OK && pt__shape_equal(&outputs[0].shape, &graph->tensors[fused.outputs[0]].shape);
    pt__error_clear();
    if (same)
        *producer = fused;
    return same;
}

/* Whatever read `from` reads `to` from now on; the node that made `from` is dead. */
static void redirect(fusion_t *self, pt_tensor_t from, pt_tensor_t to)
{
    self->replacement[from] = to;
    self->uses[to] = self->uses[from];
    self->uses[from] = 0;
}

static void fuse_add(fusion_t *self, const pt__node_t *node)
{
    const pt_graph_t *graph = self->plan->graph;
    const pt__shape_t *shape = &graph->tensors[node->outputs[0]].shape;
    for (int32_t side = 1; side >= 0; side--) {
        pt_tensor_t sum = node->inputs[side], other = node->inputs[1 - side];
        pt__node_t *producer = sole_producer(self, sum);
        if (sum == other || producer == NULL || is_activated(producer) ||
            !pt__shape_equal(shape, &graph->tensors[sum].shape) ||
            !pt__shape_equal(shape, &graph->tensors[other].shape))
            continue;
        if (take_in(self, producer, producer->op->residual_input, other, PT_ACTIVATION_NONE)) {
            redirect(self, node->outputs[0], sum);
            return;
        }
    }
}

static void fuse_activation(fusion_t *self, const pt__node_t *node)
{
    pt__node_t *producer = sole_producer(self, node->inputs[0]);
    if (producer == NULL || !producer->op->takes_activation || is_activated(producer))
        return;
    producer->attributes.integers[PT__ATTRIBUTE_ACTIVATION] = node->op->activation;
    redirect(self, node->outputs[0], node->inputs[0]);
}

/* The derivative from a pre-activation: relu's and relu6's are the same from their results. */
static int32_t is_slope(int64_t activation)
{
    return activation == PT_ACTIVATION_RELU || activation == PT_ACTIVATION_GELU_TANH ||
           activation == PT_ACTIVATION_GELU_ERF || activation == PT_ACTIVATION_SILU ||
           activation == PT_ACTIVATION_RELU6 || activation == PT_ACTIVATION_HARDSWISH;
}

static void fuse_slope(fusion_t *self, const pt__node_t *node)
{
    int64_t activation = node->attributes.integers[PT__ATTRIBUTE_FUNCTION];
    pt__node_t *producer = sole_producer(self, node->inputs[1]);
    if (producer != NULL && is_slope(activation) &&
        take_in(self, producer, producer->op->slope_input, node->inputs[0], activation))
        redirect(self, node->outputs[0], node->inputs[1]);
}

static void count_uses(fusion_t *self)
{
    const pt__plan_t *plan = self->plan;
    for (int64_t i = 0; i < plan->graph->n_tensors; i++) {
        self->uses[i] = plan->kept[i];
        self->replacement[i] = (pt_tensor_t)i;
    }
    for (int64_t i = 0; i < plan->graph->n_nodes; i++) {
        const pt__node_t *node = &plan->graph->nodes[i];
        int32_t live = pt__layout_is_live(plan, node);
        for (int32_t k = 0; live && k < node->n_inputs; k++)
            if (node->inputs[k] != PT_NO_TENSOR)
                self->uses[node->inputs[k]]++;
    }
}

pt_status_t pt__layout_fuse(pt__plan_t *plan)
{
    pt__memory_t *memory = &plan->context->memory;
    fusion_t self = {.plan = plan};
    const pt__op_t *add = pt__op_find("add"), *unary_gradient = pt__op_find("unary_gradient");
    pt_status_t status;
    PT__TRY_OUT(pt__allocate(memory, (size_t)plan->graph->n_tensors, sizeof *self.uses, "plan", &self.uses));
    PT__TRY_OUT(
        pt__allocate(memory, (size_t)plan->graph->n_tensors, sizeof *self.replacement, "plan", &self.replacement));
    count_uses(&self);
    for (int64_t i = 0; i < plan->graph->n_nodes; i++) {
        pt__node_t *node = &plan->graph->nodes[i];
        for (int32_t k = 0; k < node->n_inputs; k++)
            if (node->inputs[k] != PT_NO_TENSOR)
                node->inputs[k] = self.replacement[node->inputs[k]];
        if (!plan->used[node->outputs[0]] || plan->kept[node->outputs[0]])
            continue;
        if (node->op == add)
            fuse_add(&self, node);
        else if (node->op->activation != PT_ACTIVATION_NONE)
            fuse_activation(&self, node);
        else if (node->op == unary_gradient)
            fuse_slope(&self, node);
    }
out:
    pt__release(memory, self.uses);
    pt__release(memory, self.replacement);
    return status;
}
