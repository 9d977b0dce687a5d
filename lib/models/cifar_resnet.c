/* The ResNets of small pictures (He 2016, section 4.2): a convolution of 3 by 3, then stages of 3 sizes, each but the
 * first halving the picture:
 *
 *   h = relu(norm(conv3(relu(norm(conv3(h))))) + shortcut(h))
 *
 * A shortcut between sizes has no parameters: every second pixel, between channels of zeros (kind A), or is
 * norm(conv1(h)) (kind B). The output "hidden" is the mean of each channel. Names are those of PyTorch's best known
 * ones (akamaster), with "module." before them or not. The field is "pixel_values".
 *
 * Keys: depths, [3, 3, 3] where there are none, of which 6 blocks each and 2 layers more are the network's name,
 * ResNet-20; hidden_sizes, [16, 32, 64]; shortcut, "A" or "B"; image_size 32, num_channels 3. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "models/config.h"
#include "models/convolutional.h"
#include "models/models.h"

enum { NAME_SIZE = 64 };

typedef struct cifar_resnet {
    pt__convolutional_t network;
    pt__picture_size_t picture;
    pt__depths_t stages;
    int32_t learns_shortcuts;
} cifar_resnet_t;

static pt_status_t read_config(const pt__json_t *config, cifar_resnet_t *model)
{
    const char *shortcut = "A";
    const pt__depths_t *stages = &model->stages;
    PT__TRY(pt__picture_read(config, &model->picture));
    PT__TRY(pt__config_stages(config, &model->stages));
    PT__TRY(pt__json_get_string(config, "shortcut", PT__JSON_OPTIONAL, &shortcut));
    if (strcmp(shortcut, "A") != 0 && strcmp(shortcut, "B") != 0)
        return pt__json_fail(pt__json_find(config, "shortcut"), PT_ERR_FORMAT, "\"%.32s\", expected \"A\" or \"B\"",
                             shortcut);
    model->learns_shortcuts = shortcut[0] == 'B';
    for (int32_t i = 1; i < stages->count && !model->learns_shortcuts; i++)
        if (stages->filters[i] < stages->filters[i - 1] + 2 * (stages->filters[i] / 4))
            return pt__fail(PT_ERR_FORMAT,
                            "hidden_sizes: %lld after %lld, expected at least twice as many with the shortcut \"A\"",
                            (long long)stages->filters[i], (long long)stages->filters[i - 1]);
    return PT_OK;
}

static pt_tensor_t convolve(const cifar_resnet_t *model, const char *block, const char *name, const char *norm,
                            pt_tensor_t src, const pt__filter_t *filter, int32_t activation)
{
    char whole[NAME_SIZE], whole_norm[NAME_SIZE];
    snprintf(whole, sizeof whole, "%s%s", block, name);
    snprintf(whole_norm, sizeof whole_norm, "%s%s", block, norm);
    return pt__convolve_norm(&model->network, whole, whole_norm, src, filter, activation);
}

/* Every second pixel, a quarter of the outputs being zeros before its channels: a convolution that does not learn, of
 * weights 0 and 1, which changes no number. */
static pt_tensor_t subsample(const cifar_resnet_t *model, pt_tensor_t src, int64_t outputs)
{
    pt_graph_t *graph = model->network.graph;
    pt__memory_t *memory = &graph->context->memory;
    const int64_t inputs = pt__channels_of(graph, src);
    pt_convolution_options_t options;
    float *values;
    if (inputs == 0)
        return PT_NO_TENSOR;
    pt_status_t status = pt__allocate(memory, (size_t)(outputs * inputs), sizeof *values, "a shortcut", &values);
    if (status != PT_OK)
        return pt__graph_stick(graph, status);
    for (int64_t i = 0; i < inputs; i++)
        values[(outputs / 4 + i) * inputs + i] = 1;
    const pt_array_t array = {.dtype = PT_FLOAT32, .rank = 4, .shape = {outputs, inputs, 1, 1}, .data = values};
    pt_tensor_t weight = pt_constant(graph, PT_FLOAT32, &array, (uint32_t)sizeof array);
    pt__release(memory, values);
    pt_convolution_options_init(&options, (uint32_t)sizeof options);
    options.stride[0] = options.stride[1] = 2;
    return pt_convolution(graph, src, weight, PT_NO_TENSOR, &options);
}

static pt_tensor_t add_block(const cifar_resnet_t *model, const char *block, pt_tensor_t src, int64_t outputs,
                             int64_t stride)
{
    pt_graph_t *graph = model->network.graph;
    pt_tensor_t shortcut = src;
    pt_tensor_t branch = convolve(model, block, "conv1", "bn1", src,
                                  &(pt__filter_t){.outputs = outputs, .kernel = 3, .stride = stride},
                                  PT_ACTIVATION_RELU);
    branch = convolve(model, block, "conv2", "bn2", branch, &(pt__filter_t){.outputs = outputs, .kernel = 3},
                      PT_ACTIVATION_NONE);
    if ((stride != 1 || pt__channels_of(graph, src) != outputs) && !model->learns_shortcuts)
        shortcut = subsample(model, src, outputs);
    else if (stride != 1 || pt__channels_of(graph, src) != outputs)
        shortcut = convolve(model, block, "shortcut.0", "shortcut.1", src,
                            &(pt__filter_t){.outputs = outputs, .kernel = 1, .stride = stride}, PT_ACTIVATION_NONE);
    return pt_relu(graph, pt_add(graph, branch, shortcut));
}

static pt_status_t build(const struct pt__json *config, pt_graph_t *graph)
{
    cifar_resnet_t model = {.network = {.graph = graph, .momentum = 0.1, .epsilon = 1e-5, .fan = PT__FAN_IN},
                            .picture = {.height = 32, .width = 32, .channels = 3},
                            .stages = {.count = 3, .filters = {16, 32, 64}, .depths = {3, 3, 3}}};
    const pt__depths_t *stages = &model.stages;
    char block[NAME_SIZE / 2];
    PT__TRY(read_config(config, &model));
    pt_tensor_t hidden = convolve(&model, "", "conv1", "bn1", pt__picture_input(graph, &model.picture),
                                  &(pt__filter_t){.outputs = stages->filters[0], .kernel = 3}, PT_ACTIVATION_RELU);
    for (int32_t s = 0; s < stages->count; s++)
        for (int64_t i = 0; i < stages->depths[s]; i++) {
            snprintf(block, sizeof block, "layer%d.%d.", (int)s + 1, (int)i);
            hidden = add_block(&model, block, hidden, stages->filters[s], i == 0 && s > 0 ? 2 : 1);
        }
    pt_graph_set_output(graph, "hidden", pt__pool_pictures(graph, hidden));
    graph->offer = (pt__offer_t){.head = "linear",
                                 .deviation = pt__linear_deviation(stages->filters[stages->count - 1])};
    return pt_graph_status(graph);
}

const pt__family_t pt__family_cifar_resnet = {.name = "cifar_resnet",
                                              .build = build,
                                              .tables = {"*.num_batches_tracked"},
                                              .pooling = PT_POOL_FAMILY,
                                              .looks_at_pictures = 1};
