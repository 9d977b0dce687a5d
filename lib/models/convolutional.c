#include "models/convolutional.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static int64_t size_of(pt_graph_t *graph, pt_tensor_t src, int32_t dimension)
{
    int64_t shape[PT_MAX_RANK];
    const int32_t rank = pt_graph_status(graph) == PT_OK ? pt_graph_shape(graph, src, shape) : 0;
    return rank == 4 ? shape[dimension] : 0;
}

int64_t pt__channels_of(pt_graph_t *graph, pt_tensor_t src)
{
    return size_of(graph, src, 3);
}

int64_t pt__height_of(pt_graph_t *graph, pt_tensor_t src)
{
    return size_of(graph, src, 1);
}

static int64_t at_least_one(int64_t number)
{
    return number > 0 ? number : 1;
}

/* Zeros before and behind a size. */
static void pad(const pt__convolutional_t *network, const pt__filter_t *filter, int64_t size, int64_t *padding)
{
    const int64_t dilation = at_least_one(filter->dilation), stride = at_least_one(filter->stride);
    if (!network->tf_padding) {
        padding[0] = padding[1] = (filter->kernel - 1) / 2 * dilation;
        return;
    }
    const int64_t rest = size % stride, missing = filter->kernel - (rest == 0 ? stride : rest);
    padding[0] = missing > 0 ? missing / 2 * dilation : 0;
    padding[1] = missing > 0 ? (missing - missing / 2) * dilation : 0;
}

pt_tensor_t pt__convolve(const pt__convolutional_t *network, const char *name, pt_tensor_t src,
                         const pt__filter_t *filter)
{
    pt_graph_t *graph = network->graph;
    char parameter[PT_MAX_NAME];
    pt_convolution_options_t options;
    const int64_t groups = at_least_one(filter->groups), kernel = filter->kernel;
    const int64_t inputs = pt__channels_of(graph, src) / groups;
    if (inputs == 0)
        return PT_NO_TENSOR;
    const int64_t fan = (network->fan == PT__FAN_IN ? inputs : filter->outputs) * kernel * kernel;
    pt_convolution_options_init(&options, (uint32_t)sizeof options);
    options.stride[0] = options.stride[1] = at_least_one(filter->stride);
    options.dilation[0] = options.dilation[1] = at_least_one(filter->dilation);
    options.groups = groups;
    pad(network, filter, size_of(graph, src, 1), options.padding);
    pad(network, filter, size_of(graph, src, 2), options.padding + 2);
    snprintf(parameter, sizeof parameter, "%s.weight", name);
    pt_tensor_t weight = pt_parameter(graph, parameter, 4, (int64_t[]){filter->outputs, inputs, kernel, kernel},
                                      PT__INITIAL(PT_INIT_NORMAL, sqrt(2 / (double)fan)));
    snprintf(parameter, sizeof parameter, "%s.bias", name);
    pt_tensor_t bias = network->has_bias ? pt_parameter(graph, parameter, 1, &filter->outputs, NULL) : PT_NO_TENSOR;
    return pt_convolution(graph, src, weight, bias, &options);
}

pt_tensor_t pt__convolve_norm(const pt__convolutional_t *network, const char *name, const char *norm, pt_tensor_t src,
                              const pt__filter_t *filter, int32_t activation)
{
    src = pt__convolve(network, name, src, filter);
    src = pt_batch_norm_layer(network->graph, norm, src, network->momentum, network->epsilon);
    return pt__activate(network->graph, src, activation);
}

pt_tensor_t pt__activate(pt_graph_t *graph, pt_tensor_t src, int32_t activation)
{
    switch (activation) {
    case PT_ACTIVATION_RELU:
        return pt_relu(graph, src);
    case PT_ACTIVATION_RELU6:
        return pt_relu6(graph, src);
    case PT_ACTIVATION_HARDSWISH:
        return pt_hardswish(graph, src);
    case PT_ACTIVATION_GELU_TANH:
        return pt_gelu_tanh(graph, src);
    case PT_ACTIVATION_GELU_ERF:
        return pt_gelu(graph, src);
    case PT_ACTIVATION_SILU:
        return pt_silu(graph, src);
    case PT_ACTIVATION_TANH:
        return pt_tanh(graph, src);
    case PT_ACTIVATION_SIGMOID:
        return pt_sigmoid(graph, src);
    default:
        return src;
    }
}

pt_tensor_t pt__pool_pictures(pt_graph_t *graph, pt_tensor_t src)
{
    const int64_t channels = pt__channels_of(graph, src);
    return pt_reshape(graph, pt_adaptive_average_pool(graph, src, 1, 1), 2, (int64_t[]){PT_DIM_BATCH, channels});
}

pt_tensor_t pt__flatten_pictures(pt_graph_t *graph, pt_tensor_t src)
{
    src = pt_transpose(graph, src, (int32_t[]){0, 3, 1, 2});
    return pt_reshape(graph, src, 2, (int64_t[]){PT_DIM_BATCH, -1});
}

double pt__linear_deviation(int64_t inputs)
{
    return sqrt(1 / (3 * (double)inputs)); /* of what is uniform within 1/sqrt(inputs) */
}

pt_status_t pt__config_sizes(const pt__json_t *config, const char *key, int64_t most, int32_t *count, int64_t *sizes)
{
    const pt__json_t *array = NULL;
    PT__TRY(pt__json_get_array(config, key, PT__JSON_OPTIONAL, &array));
    if (array == NULL)
        return PT_OK;
    if (array->length < 1 || array->length > PT__MOST_STAGES)
        return pt__json_fail(array, PT_ERR_FORMAT, "%lld numbers, expected 1 to %d", (long long)array->length,
                             PT__MOST_STAGES);
    *count = 0;
    for (const pt__json_t *one = array->first; one != NULL; one = one->next) {
        if (one->kind != PT__JSON_NUMBER || !one->is_integer || one->integer < 1 || one->integer > most)
            return pt__json_fail(one, PT_ERR_FORMAT, "expected a whole number from 1 to %lld", (long long)most);
        sizes[(*count)++] = one->integer;
    }
    return PT_OK;
}

pt_status_t pt__config_stages(const pt__json_t *config, pt__depths_t *stages)
{
    int32_t filters = stages->count, depths = stages->count;
    PT__TRY(pt__config_sizes(config, "hidden_sizes", PT__MOST_FILTERS, &filters, stages->filters));
    PT__TRY(pt__config_sizes(config, "depths", PT__DEEPEST_STAGE, &depths, stages->depths));
    if (filters != depths)
        return pt__fail(PT_ERR_FORMAT, "depths: %d numbers, expected %d, as many as hidden_sizes has", (int)depths,
                        (int)filters);
    stages->count = filters;
    return PT_OK;
}
