/* Rewriting: a graph built anew, node by node, where a callback says what becomes of each node. Tensors are visited in
 * the order of their numbers, those that no node makes among them: what is kept throughout keeps its numbers too. */
#include "graph/rewrite.h"

#include <string.h>

/* A graph with from's inputs, parameters, constants and outputs by name, but no tensor yet. */
static pt_status_t begin(const pt_graph_t *from, pt_graph_t **out)
{
    PT__TRY(pt__graph_copy(from, out));
    pt_graph_t *to = *out;
    to->n_tensors = PT_NO_TENSOR + 1;
    to->n_nodes = 0;
    to->loss = to->offer.output_weight = PT_NO_TENSOR;
    for (int64_t i = 0; i < to->n_inputs; i++)
        to->inputs[i].tensor = PT_NO_TENSOR;
    for (int64_t i = 0; i < to->n_parameters; i++)
        to->parameters[i].tensor = PT_NO_TENSOR;
    for (int64_t i = 0; i < to->n_constants; i++)
        to->constants[i].tensor = PT_NO_TENSOR;
    for (int64_t i = 0; i < to->n_outputs; i++)
        to->outputs[i].tensor = PT_NO_TENSOR;
    return PT_OK;
}

/* A tensor that no node makes, as it is, bounds of indices included. */
pt_status_t pt__rewrite_carry(pt__rewrite_t *self, pt_tensor_t tensor)
{
    if (self->map[tensor] != PT_NO_TENSOR)
        return PT_OK;
    const pt__tensor_t *given = &self->from->tensors[tensor];
    pt_graph_t *to = self->to;
    pt_tensor_t *moved = &self->map[tensor];
    PT__TRY(pt__graph_append(to, given->kind, given->dtype, &given->shape, given->place, moved));
    to->tensors[*moved] = *given;
    if (given->kind == PT__KIND_INPUT)
        to->inputs[given->place].tensor = *moved;
    else if (given->kind == PT__KIND_PARAMETER)
        to->parameters[given->place].tensor = *moved;
    else
        to->constants[given->place].tensor = *moved;
    return PT_OK;
}

pt_tensor_t pt__rewrite_of(const pt__rewrite_t *self, pt_tensor_t tensor)
{
    return self->map[tensor];
}

pt_status_t pt__rewrite_inputs(const pt__rewrite_t *self, const pt__node_t *node, pt_tensor_t inputs[PT__MAX_INPUTS])
{
    for (int32_t k = 0; k < node->n_inputs; k++) {
        inputs[k] = pt__rewrite_of(self, node->inputs[k]);
        if (inputs[k] == PT_NO_TENSOR && node->inputs[k] != PT_NO_TENSOR)
            return pt__fail(PT_ERR_INTERNAL, "%s: a rewrite left out tensor %d, which it reads", node->op->name,
                            (int)node->inputs[k]);
    }
    return PT_OK;
}

pt_status_t pt__rewrite_keep(pt__rewrite_t *self, const pt__node_t *node)
{
    pt_tensor_t inputs[PT__MAX_INPUTS];
    PT__TRY(pt__rewrite_inputs(self, node, inputs));
    pt_tensor_t first = pt__graph_add(self->to, node->op, node->n_inputs, inputs, &node->attributes);
    PT__TRY(self->to->status);
    pt__graph_producer(self->to, first)->recomputed = node->recomputed;
    for (int32_t k = 0; k < node->n_outputs; k++)
        self->map[node->outputs[k]] = first + k;
    return PT_OK;
}

/* Tensors in their order, which puts every node after what it reads. */
static pt_status_t rewrite(pt__rewrite_t *self, pt__rewrite_fn each)
{
    const pt_graph_t *from = self->from;
    pt_graph_t *to = self->to;
    for (pt_tensor_t i = 0; i < from->n_tensors; i++)
        self->map[i] = PT_NO_TENSOR;
    for (pt_tensor_t i = PT_NO_TENSOR + 1; i < from->n_tensors; i++) {
        const pt__tensor_t *tensor = &from->tensors[i];
        if (tensor->kind != PT__KIND_RESULT)
            PT__TRY(pt__rewrite_carry(self, i));
        else if (tensor->output == 0)
            PT__TRY(each(self, &from->nodes[tensor->place]));
        if (to->status != PT_OK) {
            pt__error_set(to->message);
            return to->status;
        }
    }
    to->loss = pt__rewrite_of(self, from->loss);
    to->offer = from->offer;
    to->offer.output_weight = pt__rewrite_of(self, from->offer.output_weight);
    to->n_metrics = from->n_metrics;
    for (int32_t i = 0; i < from->n_metrics; i++) {
        to->metrics[i] = from->metrics[i];
        to->metrics[i].value = pt__rewrite_of(self, from->metrics[i].value);
        to->metrics[i].target = pt__rewrite_of(self, from->metrics[i].target);
    }
    for (int64_t i = 0; i < from->n_outputs; i++)
        to->outputs[i].tensor = pt__rewrite_of(self, from->outputs[i].tensor);
    return PT_OK;
}

pt_status_t pt__graph_rewrite(const pt_graph_t *graph, pt__rewrite_fn each, void *user, pt_tensor_t *map,
                              pt_graph_t **out)
{
    pt__rewrite_t self = {.from = graph, .map = map, .user = user};
    *out = NULL;
    if (graph->status != PT_OK) {
        pt__error_set(graph->message);
        return graph->status;
    }
    PT__TRY(begin(graph, &self.to));
    pt_status_t status = rewrite(&self, each);
    if (status == PT_OK)
        *out = self.to;
    else
        pt_graph_free(self.to);
    return status;
}
