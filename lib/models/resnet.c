/* ResNet (He 2016) of a stem that quarters the picture and stages that each but the first halve it:
 *
 *   basic        h = activation(norm(conv3(relu(norm(conv3(h))))) + shortcut(h))
 *   bottleneck   h = activation(norm(conv1(relu(norm(conv3(relu(norm(conv1(h)))))))) + shortcut(h))
 *
 * where a shortcut is norm(conv1(h)) as far as sizes change, else h. A hidden_act other than relu is that of the stem
 * and of what blocks end with alone: so the transformers library has it. The output "hidden" is the mean of each
 * channel.
 *
 * Names, layouts and initial values are those of Hugging Face's ResNetForImageClassification; ResNetModel's names lack
 * "resnet.", torchvision's and timm's are other spellings of them. The field is "pixel_values". A size that the
 * configuration leaves out is ResNet-50's, the picture's 224. */
#include <stdio.h>
#include <string.h>

#include "models/config.h"
#include "models/convolutional.h"
#include "models/models.h"

enum { REDUCTION = 4, NAME_SIZE = 128 };

typedef struct resnet {
    pt__convolutional_t network;
    pt__picture_size_t picture;
    pt__depths_t stages;
    int64_t stem;
    int32_t activation, bottleneck, first_stage_halves, first_product_halves;
} resnet_t;

#define STAGE(theirs_number, ours_number)                                                   \
    {.theirs = "layer" theirs_number ".*.conv1.*",                                          \
     .ours = "resnet.encoder.stages." ours_number ".layers.*.layer.0.convolution.*"},       \
        {.theirs = "layer" theirs_number ".*.bn1.*",                                        \
         .ours = "resnet.encoder.stages." ours_number ".layers.*.layer.0.normalization.*"}, \
        {.theirs = "layer" theirs_number ".*.conv2.*",                                      \
         .ours = "resnet.encoder.stages." ours_number ".layers.*.layer.1.convolution.*"},   \
        {.theirs = "layer" theirs_number ".*.bn2.*",                                        \
         .ours = "resnet.encoder.stages." ours_number ".layers.*.layer.1.normalization.*"}, \
        {.theirs = "layer" theirs_number ".*.conv3.*",                                      \
         .ours = "resnet.encoder.stages." ours_number ".layers.*.layer.2.convolution.*"},   \
        {.theirs = "layer" theirs_number ".*.bn3.*",                                        \
         .ours = "resnet.encoder.stages." ours_number ".layers.*.layer.2.normalization.*"}, \
        {.theirs = "layer" theirs_number ".*.downsample.0.*",                               \
         .ours = "resnet.encoder.stages." ours_number ".layers.*.shortcut.convolution.*"},  \
    {                                                                                       \
        .theirs = "layer" theirs_number ".*.downsample.1.*",                                \
        .ours = "resnet.encoder.stages." ours_number ".layers.*.shortcut.normalization.*"   \
    }

static const pt__renaming_t renamings[] = {
    /* torchvision's and timm's */
    {.theirs = "conv1.*", .ours = "resnet.embedder.embedder.convolution.*"},
    {.theirs = "bn1.*", .ours = "resnet.embedder.embedder.normalization.*"},
    STAGE("1", "0"),
    STAGE("2", "1"),
    STAGE("3", "2"),
    STAGE("4", "3"),
    {.theirs = "fc.*", .ours = "classifier.1.*"},
    {.theirs = NULL},
};

static pt_status_t read_config(const pt__json_t *config, resnet_t *resnet)
{
    const char *type = "bottleneck";
    pt__depths_t *stages = &resnet->stages;
    PT__TRY(pt__picture_read(config, &resnet->picture));
    PT__TRY(pt__json_get_integer(config, "embedding_size", PT__JSON_OPTIONAL, 1, PT__MOST_FILTERS, &resnet->stem));
    PT__TRY(pt__config_stages(config, stages));
    PT__TRY(pt__json_get_string(config, "layer_type", PT__JSON_OPTIONAL, &type));
    if (strcmp(type, "bottleneck") != 0 && strcmp(type, "basic") != 0)
        return pt__json_fail(pt__json_find(config, "layer_type"), PT_ERR_FORMAT,
                             "\"%.32s\", expected \"basic\" or \"bottleneck\"", type);
    resnet->bottleneck = strcmp(type, "bottleneck") == 0;
    PT__TRY(pt__config_activation(config, "hidden_act", &resnet->activation));
    PT__TRY(pt__json_get_bool(config, "downsample_in_first_stage", PT__JSON_OPTIONAL, &resnet->first_stage_halves));
    PT__TRY(pt__json_get_bool(config, "downsample_in_bottleneck", PT__JSON_OPTIONAL, &resnet->first_product_halves));
    for (int32_t i = 0; i < stages->count && resnet->bottleneck; i++)
        if (stages->filters[i] < REDUCTION)
            return pt__fail(PT_ERR_FORMAT, "hidden_sizes: %lld, expected at least %d with bottlenecks",
                            (long long)stages->filters[i], REDUCTION);
    return PT_OK;
}

/* PREFIX.convolution and PREFIX.normalization */
static pt_tensor_t convolve(const resnet_t *resnet, const char *prefix, pt_tensor_t src, const pt__filter_t *filter,
                            int32_t activation)
{
    char name[NAME_SIZE], norm[NAME_SIZE];
    snprintf(name, sizeof name, "%s.convolution", prefix);
    snprintf(norm, sizeof norm, "%s.normalization", prefix);
    return pt__convolve_norm(&resnet->network, name, norm, src, filter, activation);
}

/* The convolution of number i of the block, of `count`. */
static pt_tensor_t convolve_within(const resnet_t *resnet, const char *block, int32_t i, int32_t count, pt_tensor_t src,
                                   pt__filter_t filter)
{
    char prefix[NAME_SIZE / 2 + 32];
    snprintf(prefix, sizeof prefix, "%s.layer.%d", block, (int)i);
    return convolve(resnet, prefix, src, &filter, i + 1 < count ? PT_ACTIVATION_RELU : PT_ACTIVATION_NONE);
}

static pt_tensor_t add_block(const resnet_t *resnet, const char *block, pt_tensor_t src, int64_t outputs,
                             int64_t stride)
{
    pt_graph_t *graph = resnet->network.graph;
    const int64_t narrow = outputs / REDUCTION;
    const int32_t first = resnet->first_product_halves;
    char prefix[NAME_SIZE / 2 + 32];
    pt_tensor_t branch, shortcut = src;
    if (pt__channels_of(graph, src) != outputs || stride != 1) {
        snprintf(prefix, sizeof prefix, "%s.shortcut", block);
        shortcut = convolve(resnet, prefix, src, &(pt__filter_t){.outputs = outputs, .kernel = 1, .stride = stride},
                            PT_ACTIVATION_NONE);
    }
    if (resnet->bottleneck) {
        branch = convolve_within(resnet, block, 0, 3, src,
                                 (pt__filter_t){.outputs = narrow, .kernel = 1, .stride = first ? stride : 1});
        branch = convolve_within(resnet, block, 1, 3, branch,
                                 (pt__filter_t){.outputs = narrow, .kernel = 3, .stride = first ? 1 : stride});
        branch = convolve_within(resnet, block, 2, 3, branch, (pt__filter_t){.outputs = outputs, .kernel = 1});
    } else {
        branch = convolve_within(resnet, block, 0, 2, src,
                                 (pt__filter_t){.outputs = outputs, .kernel = 3, .stride = stride});
        branch = convolve_within(resnet, block, 1, 2, branch, (pt__filter_t){.outputs = outputs, .kernel = 3});
    }
    return pt__activate(graph, pt_add(graph, branch, shortcut), resnet->activation);
}

static pt_tensor_t add_stages(const resnet_t *resnet, pt_tensor_t hidden)
{
    const pt__depths_t *stages = &resnet->stages;
    char block[NAME_SIZE / 2];
    for (int32_t s = 0; s < stages->count; s++)
        for (int64_t i = 0; i < stages->depths[s]; i++) {
            const int64_t stride = i == 0 && (s > 0 || resnet->first_stage_halves) ? 2 : 1;
            snprintf(block, sizeof block, "resnet.encoder.stages.%d.layers.%lld", (int)s, (long long)i);
            hidden = add_block(resnet, block, hidden, stages->filters[s], stride);
        }
    return hidden;
}

static pt_status_t build(const struct pt__json *config, pt_graph_t *graph)
{
    resnet_t resnet = {.network = {.graph = graph, .momentum = 0.1, .epsilon = 1e-5},
                       .picture = {.height = 224, .width = 224, .channels = 3},
                       .stages = {.count = 4, .filters = {256, 512, 1024, 2048}, .depths = {3, 4, 6, 3}},
                       .stem = 64,
                       .activation = PT_ACTIVATION_RELU};
    pt_pool_options_t pool;
    PT__TRY(read_config(config, &resnet));
    PT__TRY(pt_pool_options_init(&pool, (uint32_t)sizeof pool));
    pool.size[0] = pool.size[1] = 3;
    pool.stride[0] = pool.stride[1] = 2;
    for (int32_t i = 0; i < 4; i++)
        pool.padding[i] = 1;
    pt_tensor_t hidden = convolve(&resnet, "resnet.embedder.embedder", pt__picture_input(graph, &resnet.picture),
                                  &(pt__filter_t){.outputs = resnet.stem, .kernel = 7, .stride = 2}, resnet.activation);
    hidden = add_stages(&resnet, pt_max_pool(graph, hidden, &pool));
    pt_graph_set_output(graph, "hidden", pt__pool_pictures(graph, hidden));
    graph->offer = (pt__offer_t){.head = "classifier.1",
                                 .deviation = pt__linear_deviation(resnet.stages.filters[resnet.stages.count - 1])};
    return pt_graph_status(graph);
}

const pt__family_t pt__family_resnet = {.name = "resnet",
                                        .build = build,
                                        .trunk = "resnet.",
                                        .tables = {"*.num_batches_tracked"},
                                        .renamings = renamings,
                                        .classes = {"ResNetModel", "ResNetForImageClassification"},
                                        .pooling = PT_POOL_FAMILY,
                                        .looks_at_pictures = 1};
