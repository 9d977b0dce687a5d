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

static pt_tensor_t part_of(pt_graph_t *graph, const char *name, const char *part, int32_t rank, const int64_t *shape,
                           int32_t initializer, double value)
{
    char whole[PT_MAX_NAME];
    snprintf(whole, sizeof whole, "%s.%s", name, part);
    return pt_parameter(graph, whole, rank, shape, PT__INITIAL(initializer, value));
}

static double deviation(const pt__offer_t *offer)
{
    return offer->deviation > 0 ? offer->deviation : DEVIATION;
}

/* src [rows, inputs] */
static pt_tensor_t dense(pt_graph_t *graph, const char *name, pt_tensor_t src, int64_t inputs, int64_t outputs,
                         int32_t activation, int32_t has_bias)
{
    pt_tensor_t weight = part_of(graph, name, "weight", 2, (int64_t[]){outputs, inputs}, PT_INIT_NORMAL,
                                 deviation(&graph->offer));
    pt_tensor_t bias = has_bias ? part_of(graph, name, "bias", 1, &outputs, PT_INIT_CONSTANT, 0.0) : PT_NO_TENSOR;
    return pt_linear(graph, src, weight, bias, activation);
}

static pt_tensor_t dropped(pt_graph_t *graph, pt_tensor_t src, double probability)
{
    return probability > 0 ? pt_dropout(graph, src, probability) : src;
}

static pt_tensor_t add_own(pt_graph_t *graph, pt_tensor_t hidden, int64_t width, const pt__task_options_t *options)
{
    const pt__sample_head_t *head = graph->offer.sample_head;
    double dropout = options->dropout > 0 ? options->dropout : graph->offer.head_dropout;
    hidden = pt_pool(graph, hidden, PT_POOL_FIRST);
    if (head->drops_first)
        hidden = dropped(graph, hidden, dropout);
    hidden = dense(graph, head->dense, hidden, width, width, head->activation, 1);
    return dense(graph, head->output, dropped(graph, hidden, dropout), width, options->outputs, PT_ACTIVATION_NONE, 1);
}

pt_tensor_t pt__head_add(pt_graph_t *graph, const char *name, pt_tensor_t hidden, const pt__task_options_t *options)
{
    const pt__offer_t *offer = &graph->offer;
    const pt__shape_t shape = pt__graph_tensor(graph, hidden)->shape; /* a copy: adding moves the graph's tensors */
    const int32_t own = options->pooling == PT_POOL_FAMILY;
    if (own && offer->sample_head != NULL && pt__shape_is_ragged(&shape))
        return add_own(graph, hidden, shape.size[1], options);
    if (pt__shape_is_ragged(&shape))
        hidden = pt_pool(graph, hidden, own ? PT_POOL_MEAN : options->pooling);
    double dropout = options->dropout;
    if (dropout == 0 && shape.dimension == PT__DIMENSION_BATCH) /* the family's own head is no more than this */
        dropout = offer->head_dropout;
    hidden = dropped(graph, hidden, dropout);
    return dense(graph, offer->head != NULL ? offer->head : name, hidden, shape.size[1], options->outputs,
                 PT_ACTIVATION_NONE, !offer->head_lacks_bias);
}
