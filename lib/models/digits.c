/* A small network for digits and pictures like them: convolutions of 3 by 3, each followed by the largest of every 2 by
 * 2 pixels, and a layer on what is left (LeCun 1998, with what is usual since):
 *
 *   h = pool(relu(conv3(h)))  twice, or as often as there are sizes;   hidden = relu(dense(h))
 *
 * Names are PyTorch's own for such a network: conv1, conv2, fc1, and fc2, the head. The field is "pixel_values".
 *
 * Keys: hidden_sizes, the convolutions' filters, [16, 32] where there are none; hidden_size 128; dropout 0.25, before
 * the head; image_size 28, num_channels 1. */
#include <stdio.h>

#include "models/config.h"
#include "models/convolutional.h"
#include "models/models.h"

enum { NAME_SIZE = 16 };

typedef struct digits {
    pt__picture_size_t picture;
    int32_t convolutions;
    int64_t filters[PT__MOST_STAGES];
    int64_t width;
    double dropout;
} digits_t;

static pt_status_t read_config(const pt__json_t *config, digits_t *digits)
{
    PT__TRY(pt__picture_read(config, &digits->picture));
    PT__TRY(pt__config_sizes(config, "hidden_sizes", PT__MOST_FILTERS, &digits->convolutions, digits->filters));
    PT__TRY(pt__json_get_integer(config, "hidden_size", PT__JSON_OPTIONAL, 1, PT__WIDEST, &digits->width));
    return pt__config_probability(config, "dropout", &digits->dropout);
}

static pt_status_t build(const struct pt__json *config, pt_graph_t *graph)
{
    const pt__convolutional_t network = {.graph = graph, .fan = PT__FAN_IN, .has_bias = 1};
    digits_t digits = {.picture = {.height = 28, .width = 28, .channels = 1},
                       .convolutions = 2,
                       .filters = {16, 32},
                       .width = 128,
                       .dropout = 0.25};
    pt_pool_options_t pool;
    char name[NAME_SIZE];
    PT__TRY(read_config(config, &digits));
    PT__TRY(pt_pool_options_init(&pool, (uint32_t)sizeof pool));
    pool.size[0] = pool.size[1] = 2;
    pt_tensor_t hidden = pt__picture_input(graph, &digits.picture);
    for (int32_t i = 0; i < digits.convolutions; i++) {
        const pt__filter_t filter = {.outputs = digits.filters[i], .kernel = 3};
        snprintf(name, sizeof name, "conv%d", (int)i + 1);
        hidden = pt_max_pool(graph, pt_relu(graph, pt__convolve(&network, name, hidden, &filter)), &pool);
    }
    hidden = pt_linear_layer(graph, "fc1", pt__flatten_pictures(graph, hidden), digits.width, PT_ACTIVATION_RELU);
    pt_graph_set_output(graph, "hidden", hidden);
    graph->offer = (pt__offer_t){
        .head = "fc2", .head_dropout = digits.dropout, .deviation = pt__linear_deviation(digits.width)};
    return pt_graph_status(graph);
}

const pt__family_t pt__family_digits = {
    .name = "digits", .build = build, .pooling = PT_POOL_FAMILY, .looks_at_pictures = 1};
