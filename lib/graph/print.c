/* A graph as text: inputs, parameters, then one node a line, as in
 *
 *   %9 = linear(%8, %3 "fc.weight", %4 "fc.bias") {1} : float32[T, 512]
 *
 * with the attributes that are not zero, up to the last of them, in braces. */
#include "base/text.h"
#include "graph/op.h"

static void print_reference(const pt_graph_t *graph, pt_tensor_t tensor, pt__text_t *text)
{
    const pt__tensor_t *found = pt__graph_tensor(graph, tensor);
    if (found == NULL)
        pt__text_add(text, "-");
    else if (found->kind == PT__KIND_PARAMETER)
        pt__text_add(text, "%%%d \"%s\"", (int)tensor, graph->parameters[found->place].name);
    else if (found->kind == PT__KIND_INPUT)
        pt__text_add(text, "%%%d \"%s\"", (int)tensor, graph->inputs[found->place].name);
    else
        pt__text_add(text, "%%%d", (int)tensor);
}

static void print_attributes(const pt__attributes_t *attributes, pt__text_t *text)
{
    int32_t integers = PT__MAX_INTEGERS, reals = PT__MAX_REALS;
    while (integers > 0 && attributes->integers[integers - 1] == 0)
        integers--;
    while (reals > 0 && !(attributes->reals[reals - 1] < 0 || attributes->reals[reals - 1] > 0))
        reals--;
    if (integers + reals == 0)
        return;
    pt__text_add(text, " {");
    for (int32_t i = 0; i < integers; i++)
        pt__text_add(text, i == 0 ? "%lld" : ", %lld", (long long)attributes->integers[i]);
    for (int32_t i = 0; i < reals; i++)
        pt__text_add(text, i == 0 ? "; %g" : ", %g", attributes->reals[i]);
    pt__text_add(text, "}");
}

static void print_node(const pt_graph_t *graph, const pt__node_t *node, pt__text_t *text)
{
    char shape[96];
    const pt__tensor_t *output = &graph->tensors[node->outputs[0]];
    pt__text_add(text, "%%%d = %s(", (int)node->outputs[0], node->op->name);
    for (int32_t k = 0; k < node->n_inputs; k++) {
        pt__text_add(text, k == 0 ? "" : ", ");
        print_reference(graph, node->inputs[k], text);
    }
    pt__text_add(text, ")");
    print_attributes(&node->attributes, text);
    pt__text_add(text, " : %s\n", pt__graph_shape_print(graph, &output->shape, output->dtype, shape, sizeof shape));
}

void pt__graph_print_text(const pt_graph_t *graph, pt__text_t *text)
{
    char shape[96];
    for (int64_t i = 0; i < graph->n_inputs; i++) {
        const pt__tensor_t *tensor = &graph->tensors[graph->inputs[i].tensor];
        pt__text_add(text, "%%%d = input \"%s\" : %s\n", (int)graph->inputs[i].tensor, graph->inputs[i].name,
                     pt__graph_shape_print(graph, &tensor->shape, tensor->dtype, shape, sizeof shape));
    }
    for (int64_t i = 0; i < graph->n_parameters; i++) {
        const pt__tensor_t *tensor = &graph->tensors[graph->parameters[i].tensor];
        pt__text_add(text, "%%%d = parameter \"%s\" : %s\n", (int)graph->parameters[i].tensor,
                     graph->parameters[i].name,
                     pt__graph_shape_print(graph, &tensor->shape, tensor->dtype, shape, sizeof shape));
    }
    for (int64_t i = 0; i < graph->n_constants; i++) {
        const pt__tensor_t *tensor = &graph->tensors[graph->constants[i].tensor];
        pt__text_add(text, "%%%d = constant : %s\n", (int)graph->constants[i].tensor,
                     pt__graph_shape_print(graph, &tensor->shape, tensor->dtype, shape, sizeof shape));
    }
    for (int64_t i = 0; i < graph->n_nodes; i++)
        print_node(graph, &graph->nodes[i], text);
    for (int64_t i = 0; i < graph->n_outputs; i++)
        pt__text_add(text, "output \"%s\" = %%%d\n", graph->outputs[i].name, (int)graph->outputs[i].tensor);
    if (graph->loss != PT_NO_TENSOR)
        pt__text_add(text, "loss = %%%d\n", (int)graph->loss);
}

pt_status_t pt_graph_print(const pt_graph_t *graph, char *buffer, size_t size, size_t *length)
{
    pt__error_clear();
    if (graph == NULL)
        return pt__fail(PT_ERR_ARGUMENT, "pt_graph_print: graph is NULL");
    pt__text_t text = pt__text_start(&graph->context->memory);
    pt__graph_print_text(graph, &text);
    pt_status_t status = pt__text_give(&text, buffer, size, length);
    if (graph->status == PT_OK) /* an error that has stuck stays */
        pt__error_keep_on(((pt_graph_t *)(uintptr_t)graph)->message, status);
    return status;
}
