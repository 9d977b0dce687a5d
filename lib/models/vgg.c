/* VGG (Simonyan 2015): stages of convolutions of 3 by 3, each ended by the largest of every 2 by 2 pixels, then two
 * wide layers on the 7 by 7 means of what is left; the third is the head:
 *
 *   h = relu(conv3(h)), or relu(norm(conv3(h)));   rows = relu(wide(dropout(relu(wide(means(h))))))
 *
 * Names, layouts and initial values are torchvision's. The field is "pixel_values".
 *
 * Keys: depths and hidden_sizes, convolutions and their filters in each stage, [1, 1, 2, 2, 2] (VGG-11) and [64, 128,
 * 256, 512, 512] where there are none; batch_norm false; hidden_size 4096, of the wide layers; dropout 0.5, behind
 * each; image_size 224, num_channels 3. */
#include <stdio.h>

#include "models/config.h"
#include "models/convolutional.h"
#include "models/models.h"

enum { POOLED = 7, NAME_SIZE = 48 };

typedef struct vgg {
    pt__convolutional_t network;
    pt__picture_size_t picture;
    pt__depths_t stages;
    int64_t width;
    int32_t has_norms;
    double dropout;
} vgg_t;

static const double LINEAR_DEVIATION = 0.01;

static pt_status_t read_config(const pt__json_t *config, vgg_t *vgg)
{
    PT__TRY(pt__picture_read(config, &vgg->picture));
    PT__TRY(pt__config_stages(config, &vgg->stages));
    PT__TRY(pt__json_get_bool(config, "batch_norm", PT__JSON_OPTIONAL, &vgg->has_norms));
    PT__TRY(pt__json_get_integer(config, "hidden_size", PT__JSON_OPTIONAL, 1, PT__WIDEST, &vgg->width));
    return pt__config_probability(config, "dropout", &vgg->dropout);
}

/* Modules are numbered through: convolutions, norms, activations and pools. */
static pt_tensor_t add_features(const vgg_t *vgg, pt_tensor_t hidden)
{
    pt_graph_t *graph = vgg->network.graph;
    char name[NAME_SIZE], norm[NAME_SIZE];
    pt_pool_options_t pool;
    int32_t module = 0;
    pt_pool_options_init(&pool, (uint32_t)sizeof pool);
    pool.size[0] = pool.size[1] = 2;
    for (int32_t s = 0; s < vgg->stages.count; s++) {
        const pt__filter_t filter = {.outputs = vgg->stages.filters[s], .kernel = 3};
        for (int64_t i = 0; i < vgg->stages.depths[s]; i++) {
            snprintf(name, sizeof name, "features.%d", (int)module);
            snprintf(norm, sizeof norm, "features.%d", (int)module + 1);
            if (vgg->has_norms)
                hidden = pt__convolve_norm(&vgg->network, name, norm, hidden, &filter, PT_ACTIVATION_RELU);
            else
                hidden = pt_relu(graph, pt__convolve(&vgg->network, name, hidden, &filter));
            module += 2 + vgg->has_norms;
        }
        hidden = pt_max_pool(graph, hidden, &pool);
        module++;
    }
    return hidden;
}

static pt_tensor_t widen(const vgg_t *vgg, const char *name, pt_tensor_t hidden, int64_t inputs)
{
    char parameter[NAME_SIZE];
    pt_graph_t *graph = vgg->network.graph;
    snprintf(parameter, sizeof parameter, "%s.weight", name);
    pt_tensor_t weight = pt_parameter(graph, parameter, 2, (int64_t[]){vgg->width, inputs},
                                      PT__INITIAL(PT_INIT_NORMAL, LINEAR_DEVIATION));
    snprintf(parameter, sizeof parameter, "%s.bias", name);
    pt_tensor_t bias = pt_parameter(graph, parameter, 1, &vgg->width, NULL);
    return pt_linear(graph, hidden, weight, bias, PT_ACTIVATION_RELU);
}

static pt_status_t build(const struct pt__json *config, pt_graph_t *graph)
{
    vgg_t vgg = {.network = {.graph = graph, .momentum = 0.1, .epsilon = 1e-5, .has_bias = 1},
                 .picture = {.height = 224, .width = 224, .channels = 3},
                 .stages = {.count = 5, .filters = {64, 128, 256, 512, 512}, .depths = {1, 1, 2, 2, 2}},
                 .width = 4096,
                 .dropout = 0.5};
    PT__TRY(read_config(config, &vgg));
    pt_tensor_t hidden = add_features(&vgg, pt__picture_input(graph, &vgg.picture));
    const int64_t channels = pt__channels_of(graph, hidden);
    if (pt__height_of(graph, hidden) != POOLED || vgg.picture.width != vgg.picture.height)
        hidden = pt_adaptive_average_pool(graph, hidden, POOLED, POOLED);
    hidden = widen(&vgg, "classifier.0", pt__flatten_pictures(graph, hidden), channels * POOLED * POOLED);
    if (vgg.dropout > 0)
        hidden = pt_dropout(graph, hidden, vgg.dropout);
    pt_graph_set_output(graph, "hidden", widen(&vgg, "classifier.3", hidden, vgg.width));
    graph->offer = (pt__offer_t){.head = "classifier.6", .head_dropout = vgg.dropout, .deviation = LINEAR_DEVIATION};
    return pt_graph_status(graph);
}

const pt__family_t pt__family_vgg = {.name = "vgg",
                                     .build = build,
                                     .tables = {"*.num_batches_tracked"},
                                     .pooling = PT_POOL_FAMILY,
                                     .looks_at_pictures = 1};
