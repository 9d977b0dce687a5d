/* The common part of the tasks that predict something for each sample. */
#include "tasks/head.h"

#include <stdio.h>

static const double DEVIATION = 0.02;

pt_status_t pt__head_check_flags(const char *task, uint32_t flags, int32_t reserved)
{
    if (flags == 0 && reserved == 0)
        return PT_OK;
    return pt__fail(PT_ERR_ARGUMENT, "pt_%s_options.%s is %lld, expected 0", task, flags != 0 ? "flags" : "reserved",
                    flags != 0 ? (long long)flags : (long long)reserved);
}

pt_status_t pt__head_check_outputs(const char *task, const char *option, int64_t outputs)
{
    if (outputs >= 1 && outputs <= INT32_MAX)
        return PT_OK;
    return pt__fail(PT_ERR_ARGUMENT, "task %s: %s is %lld, expected at least 1", task, option, (long long)outputs);
}

pt_status_t pt__head_find_hidden(const pt_graph_t *graph, const char *task, pt_tensor_t *hidden)
{
    char found[96];
    *hidden = pt__graph_output(graph, "hidden");
    if (*hidden == PT_NO_TENSOR)
        return pt__fail(PT_ERR_STATE, "task %s: the network has no output \"hidden\" to put a head on", task);
    const pt__tensor_t *tensor = pt__graph_tensor(graph, *hidden);
    const pt__shape_t *shape = &tensor->shape;
    if (tensor->dtype != PT_FLOAT32 || shape->rank != 2 || shape->dimension == PT__DIMENSION_NONE ||
        shape->size[0] != 1)
        return pt__fail(
            PT_ERR_SHAPE,
            "task %s: the network's output \"hidden\" is %s, expected float32 [PT_DIM_TOKENS, D] or [PT_DIM_BATCH, D]",
            task, pt__shape_print(shape, tensor->dtype, found, sizeof found));
    return PT_OK;
}

pt_tensor_t pt__head_add(pt_graph_t *graph, const char *name, pt_tensor_t hidden, const pt__task_options_t *options)
{
    char weight_name[PT_MAX_NAME], bias_name[PT_MAX_NAME];
    const pt__offer_t offer = graph->offer;
    name = offer.head != NULL ? offer.head : name;
    const pt__shape_t shape = pt__graph_tensor(graph, hidden)->shape; /* a copy: adding moves the graph's tensors */
    snprintf(weight_name, sizeof weight_name, "%s.weight", name);
    snprintf(bias_name, sizeof bias_name, "%s.bias", name);
    if (shape.dimension == PT__DIMENSION_TOKENS)
        hidden = pt_pool(graph, hidden, options->pooling);
    if (options->dropout > 0)
        hidden = pt_dropout(graph, hidden, options->dropout);
    pt_tensor_t weight = pt_parameter(graph, weight_name, 2, (int64_t[]){options->outputs, shape.size[1]},
                                      PT__INITIAL(PT_INIT_NORMAL, DEVIATION));
    pt_tensor_t bias = offer.head_lacks_bias
                           ? PT_NO_TENSOR
                           : pt_parameter(graph, bias_name, 1, &options->outputs, PT__INITIAL(PT_INIT_CONSTANT, 0.0));
    return pt_linear(graph, hidden, weight, bias, PT_ACTIVATION_NONE);
}
