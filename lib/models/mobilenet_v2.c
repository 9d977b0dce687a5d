/* MobileNetV2 (Sandler 2018): blocks that widen, look at neighbours channel by channel, and narrow again, without an
 * activation behind the last, so that what they add to is narrow:
 *
 *   h = norm(conv1(f(norm(depthwise3(f(norm(conv1(h))))))) (+ h where sizes stay)            f relu6
 *
 * between a stem and a product that makes 1280 channels. The output "hidden" is the mean of each.
 *
 * Names, layouts and what the configuration says are those of Hugging Face's MobileNetV2ForImageClassification;
 * MobileNetV2Model's names lack "mobilenet_v2.", torchvision's are other spellings of them. The field is
 * "pixel_values". A key that the configuration lacks has the value that the transformers library takes;
 * batch_norm_momentum, which it has no key for, its 0.997. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "models/config.h"
#include "models/convolutional.h"
#include "models/models.h"

enum { BLOCKS = 16, STEM_FILTERS = 32, LAST_FILTERS = 1280, NAME_SIZE = 96 };

static const int64_t block_filters[BLOCKS + 1] = {16, 24, 24, 32, 32,  32,  64,  64, 64,
                                                  64, 96, 96, 96, 160, 160, 160, 320};
static const int64_t block_strides[BLOCKS] = {2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1};

typedef struct mobilenet {
    pt__convolutional_t network;
    pt__picture_size_t picture;
    double multiplier, expansion, dropout;
    int64_t divisor, least, output_stride;
    int32_t first_expands, keeps_last;
    int32_t activation; /* PT_ACTIVATION_... */
} mobilenet_t;

#define BLOCK(theirs_number, ours_number)                                          \
    {.theirs = "features." theirs_number ".conv.0.0.*",                            \
     .ours = "mobilenet_v2.layer." ours_number ".expand_1x1.convolution.*"},       \
        {.theirs = "features." theirs_number ".conv.0.1.*",                        \
         .ours = "mobilenet_v2.layer." ours_number ".expand_1x1.normalization.*"}, \
        {.theirs = "features." theirs_number ".conv.1.0.*",                        \
         .ours = "mobilenet_v2.layer." ours_number ".conv_3x3.convolution.*"},     \
        {.theirs = "features." theirs_number ".conv.1.1.*",                        \
         .ours = "mobilenet_v2.layer." ours_number ".conv_3x3.normalization.*"},   \
        {.theirs = "features." theirs_number ".conv.2.*",                          \
         .ours = "mobilenet_v2.layer." ours_number ".reduce_1x1.convolution.*"},   \
    {                                                                              \
        .theirs = "features." theirs_number ".conv.3.*",                           \
        .ours = "mobilenet_v2.layer." ours_number ".reduce_1x1.normalization.*"    \
    }

static const pt__renaming_t renamings[] = {
    /* torchvision's */
    {.theirs = "features.0.0.*", .ours = "mobilenet_v2.conv_stem.first_conv.convolution.*"},
    {.theirs = "features.0.1.*", .ours = "mobilenet_v2.conv_stem.first_conv.normalization.*"},
    {.theirs = "features.1.conv.0.0.*", .ours = "mobilenet_v2.conv_stem.conv_3x3.convolution.*"},
    {.theirs = "features.1.conv.0.1.*", .ours = "mobilenet_v2.conv_stem.conv_3x3.normalization.*"},
    {.theirs = "features.1.conv.1.*", .ours = "mobilenet_v2.conv_stem.reduce_1x1.convolution.*"},
    {.theirs = "features.1.conv.2.*", .ours = "mobilenet_v2.conv_stem.reduce_1x1.normalization.*"},
    BLOCK("2", "0"),
    BLOCK("3", "1"),
    BLOCK("4", "2"),
    BLOCK("5", "3"),
    BLOCK("6", "4"),
    BLOCK("7", "5"),
    BLOCK("8", "6"),
    BLOCK("9", "7"),
    BLOCK("10", "8"),
    BLOCK("11", "9"),
    BLOCK("12", "10"),
    BLOCK("13", "11"),
    BLOCK("14", "12"),
    BLOCK("15", "13"),
    BLOCK("16", "14"),
    BLOCK("17", "15"),
    {.theirs = "features.18.0.*", .ours = "mobilenet_v2.conv_1x1.convolution.*"},
    {.theirs = "features.18.1.*", .ours = "mobilenet_v2.conv_1x1.normalization.*"},
    {.theirs = "classifier.1.*", .ours = "classifier.*"},
    {.theirs = NULL},
};

static pt_status_t read_config(const pt__json_t *config, mobilenet_t *model)
{
    PT__TRY(pt__picture_read(config, &model->picture));
    PT__TRY(pt__json_get_number(config, "depth_multiplier", PT__JSON_OPTIONAL, 1e-3, 100.0, &model->multiplier));
    PT__TRY(
        pt__json_get_integer(config, "depth_divisible_by", PT__JSON_OPTIONAL, 1, PT__MOST_FILTERS, &model->divisor));
    PT__TRY(pt__json_get_integer(config, "min_depth", PT__JSON_OPTIONAL, 1, PT__MOST_FILTERS, &model->least));
    PT__TRY(pt__json_get_number(config, "expand_ratio", PT__JSON_OPTIONAL, 1e-3, 100.0, &model->expansion));
    PT__TRY(pt__json_get_integer(config, "output_stride", PT__JSON_OPTIONAL, 1, 1 << 20, &model->output_stride));
    PT__TRY(pt__json_get_bool(config, "first_layer_is_expansion", PT__JSON_OPTIONAL, &model->first_expands));
    PT__TRY(pt__json_get_bool(config, "finegrained_output", PT__JSON_OPTIONAL, &model->keeps_last));
    PT__TRY(pt__config_activation(config, "hidden_act", &model->activation));
    PT__TRY(pt__json_get_bool(config, "tf_padding", PT__JSON_OPTIONAL, &model->network.tf_padding));
    PT__TRY(pt__config_probability(config, "classifier_dropout_prob", &model->dropout));
    PT__TRY(pt__json_get_number(config, "batch_norm_momentum", PT__JSON_OPTIONAL, 0.0, 1.0, &model->network.momentum));
    return pt__json_get_number(config, "layer_norm_eps", PT__JSON_OPTIONAL, 0.0, 1.0, &model->network.epsilon);
}

/* Whole parts, but no less than 9 tenths of what is asked for. */
static int64_t divisible(const mobilenet_t *model, int64_t filters)
{
    const int64_t parts = (int64_t)((double)filters + (double)model->divisor / 2) / model->divisor * model->divisor;
    const int64_t made = parts > model->least ? parts : model->least;
    return (double)made < 0.9 * (double)filters ? made + model->divisor : made;
}

/* Python's round, to even */
static int64_t scaled(const mobilenet_t *model, int64_t filters, double factor)
{
    return divisible(model, (int64_t)nearbyint((double)filters * factor));
}

/* PREFIX.PART, with its norm; a block's last product has no activation behind it. */
static pt_tensor_t convolve(const mobilenet_t *model, const char *prefix, const char *part, pt_tensor_t src,
                            pt__filter_t filter, int32_t activation)
{
    char name[NAME_SIZE], norm[NAME_SIZE];
    snprintf(name, sizeof name, "mobilenet_v2.%s%s.convolution", prefix, part);
    snprintf(norm, sizeof norm, "mobilenet_v2.%s%s.normalization", prefix, part);
    return pt__convolve_norm(&model->network, name, norm, src, &filter, activation);
}

static pt_tensor_t add_stem(const mobilenet_t *model, pt_tensor_t hidden)
{
    const int64_t filters = scaled(model, STEM_FILTERS, model->multiplier);
    const int32_t activation = model->activation;
    hidden = convolve(model, "conv_stem.", "first_conv", hidden,
                      (pt__filter_t){.outputs = filters, .kernel = 3, .stride = 2}, activation);
    if (!model->first_expands)
        hidden = convolve(model, "conv_stem.", "expand_1x1", hidden, (pt__filter_t){.outputs = filters, .kernel = 1},
                          activation);
    hidden = convolve(model, "conv_stem.", "conv_3x3", hidden,
                      (pt__filter_t){.outputs = filters, .kernel = 3, .groups = filters}, activation);
    return convolve(model, "conv_stem.", "reduce_1x1", hidden,
                    (pt__filter_t){.outputs = scaled(model, block_filters[0], model->multiplier), .kernel = 1},
                    PT_ACTIVATION_NONE);
}

static pt_tensor_t add_block(const mobilenet_t *model, int32_t number, pt_tensor_t src, int64_t stride,
                             int64_t dilation)
{
    const int64_t inputs = scaled(model, block_filters[number], model->multiplier);
    const int64_t outputs = scaled(model, block_filters[number + 1], model->multiplier);
    const int64_t wide = scaled(model, inputs, model->expansion);
    char prefix[NAME_SIZE / 4];
    snprintf(prefix, sizeof prefix, "layer.%d.", (int)number);
    pt_tensor_t hidden = convolve(model, prefix, "expand_1x1", src, (pt__filter_t){.outputs = wide, .kernel = 1},
                                  model->activation);
    hidden = convolve(
        model, prefix, "conv_3x3", hidden,
        (pt__filter_t){.outputs = wide, .kernel = 3, .stride = stride, .dilation = dilation, .groups = wide},
        model->activation);
    hidden = convolve(model, prefix, "reduce_1x1", hidden, (pt__filter_t){.outputs = outputs, .kernel = 1},
                      PT_ACTIVATION_NONE);
    return stride == 1 && inputs == outputs ? pt_add(model->network.graph, src, hidden) : hidden;
}

/* Once a pixel stands for output_stride of the picture's, dilation takes the place of strides. */
static pt_tensor_t add_blocks(const mobilenet_t *model, pt_tensor_t hidden)
{
    int64_t reached = 2, dilation = 1; /* the stem's stride */
    for (int32_t i = 0; i < BLOCKS; i++) {
        if (reached == model->output_stride) {
            hidden = add_block(model, i, hidden, 1, dilation);
            dilation *= block_strides[i];
        } else {
            hidden = add_block(model, i, hidden, block_strides[i], 1);
            reached *= block_strides[i];
        }
    }
    return hidden;
}

static pt_status_t build(const struct pt__json *config, pt_graph_t *graph)
{
    mobilenet_t model = {.network = {.graph = graph, .momentum = 0.997, .epsilon = 0.001, .tf_padding = 1},
                         .picture = {.height = 224, .width = 224, .channels = 3},
                         .multiplier = 1,
                         .expansion = 6,
                         .dropout = 0.8,
                         .divisor = 8,
                         .least = 8,
                         .output_stride = 32,
                         .first_expands = 1,
                         .keeps_last = 1,
                         .activation = PT_ACTIVATION_RELU6};
    PT__TRY(read_config(config, &model));
    const int64_t outputs = model.keeps_last && model.multiplier < 1 ? LAST_FILTERS
                                                                     : scaled(&model, LAST_FILTERS, model.multiplier);
    pt_tensor_t hidden = add_blocks(&model, add_stem(&model, pt__picture_input(graph, &model.picture)));
    hidden = convolve(&model, "", "conv_1x1", hidden, (pt__filter_t){.outputs = outputs, .kernel = 1},
                      model.activation);
    pt_graph_set_output(graph, "hidden", pt__pool_pictures(graph, hidden));
    graph->offer = (pt__offer_t){
        .head = "classifier", .head_dropout = model.dropout, .deviation = pt__linear_deviation(outputs)};
    return pt_graph_status(graph);
}

const pt__family_t pt__family_mobilenet_v2 = {.name = "mobilenet_v2",
                                              .build = build,
                                              .trunk = "mobilenet_v2.",
                                              .tables = {"*.num_batches_tracked"},
                                              .renamings = renamings,
                                              .classes = {"MobileNetV2Model", "MobileNetV2ForImageClassification"},
                                              .pooling = PT_POOL_FAMILY,
                                              .looks_at_pictures = 1};
