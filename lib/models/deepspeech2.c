/* Deep Speech 2 (Amodei 2015): convolutions over time, recurrent layers, and for those that read one way a convolution
 * that looks some rows ahead:
 *
 *   h = g(norm(conv(h)))                                      for each convolution        g(x) = min(max(x, 0), clip)
 *   h = there(norm(h)) + back(norm(h))                        `num_layers` times, the first without a norm
 *   h = g(Σ_(i = 0 .. ahead) w_i h_(t + i)), by channel       where there is one direction
 *   hidden = norm(h)
 *
 * Norms are batch norms over all rows of all samples together ("sequence-wise"). The convolutions are the paper's
 * over time alone, which read all bins. The field is "frames"; "layer.1" and on are the recurrent layers, "latent",
 * what rows stand for, is the last convolution. Names are conv.0.weight [filters, bins, kernel], conv.0.norm.weight and
 * so on, rnns.0 with PyTorch's names of nn.GRU and the like, always as its layer 0, rnns.1.norm, norm, and
 * lookahead.weight [H, 1, ahead + 1]. Initial values are PyTorch's.
 *
 * Keys: input_size 161; conv_channels [640, 640], conv_kernels [11, 11], conv_strides [2, 1], of 1 to 3 convolutions;
 * rnn_type "gru", hidden_size 800, num_layers 5, bidirectional true, bias true; lookahead 20, of one direction alone;
 * relu_clip 20, 0 for none; dropout 0, before each recurrent layer but the first. */
#include <stdio.h>

#include "models/config.h"
#include "models/convolutional.h"
#include "models/models.h"
#include "models/recurrent.h"

enum { MOST_CONVOLUTIONS = 3, LONGEST_KERNEL = 1024, LARGEST_STRIDE = 64, FURTHEST = 4096, NAME_SIZE = 24 };
static const double MOMENTUM = 0.1, EPSILON = 1e-5;

typedef struct deepspeech2 {
    pt__recurrent_t recurrent;
    int64_t bins, ahead;
    int32_t convolutions;
    int64_t channels[PT__MOST_STAGES], kernels[PT__MOST_STAGES], strides[PT__MOST_STAGES];
    double clip;
} deepspeech2_t;

static pt_status_t read_convolutions(const pt__json_t *config, deepspeech2_t *model)
{
    int32_t kernels = model->convolutions, strides = model->convolutions;
    PT__TRY(pt__config_sizes(config, "conv_channels", PT__MOST_FILTERS, &model->convolutions, model->channels));
    PT__TRY(pt__config_sizes(config, "conv_kernels", LONGEST_KERNEL, &kernels, model->kernels));
    PT__TRY(pt__config_sizes(config, "conv_strides", LARGEST_STRIDE, &strides, model->strides));
    if (model->convolutions > MOST_CONVOLUTIONS)
        return pt__json_fail(pt__json_find(config, "conv_channels"), PT_ERR_FORMAT, "%d numbers, expected 1 to %d",
                             (int)model->convolutions, MOST_CONVOLUTIONS);
    if (kernels != model->convolutions || strides != model->convolutions)
        return pt__fail(PT_ERR_FORMAT, "config: %s has %d numbers, expected %d, as many as conv_channels has",
                        kernels != model->convolutions ? "conv_kernels" : "conv_strides",
                        (int)(kernels != model->convolutions ? kernels : strides), (int)model->convolutions);
    for (int32_t i = 0; i < model->convolutions; i++)
        if (model->kernels[i] % 2 == 0)
            return pt__json_fail(pt__json_find(config, "conv_kernels"), PT_ERR_UNSUPPORTED,
                                 "%lld, expected odd numbers: as many rows before as behind are read",
                                 (long long)model->kernels[i]);
    return PT_OK;
}

static pt_status_t read_config(const pt__json_t *config, deepspeech2_t *model)
{
    PT__TRY(pt__json_get_integer(config, "input_size", PT__JSON_OPTIONAL, 1, PT__WIDEST, &model->bins));
    PT__TRY(read_convolutions(config, model));
    PT__TRY(pt__recurrent_read(config, &model->recurrent));
    PT__TRY(pt__json_get_integer(config, "lookahead", PT__JSON_OPTIONAL, 0, FURTHEST, &model->ahead));
    if (model->recurrent.two_ways && pt__json_find(config, "lookahead") != NULL && model->ahead > 0)
        return pt__json_fail(pt__json_find(config, "lookahead"), PT_ERR_UNSUPPORTED,
                             "%lld, expected 0: layers in both directions see all that follows",
                             (long long)model->ahead);
    return pt__json_get_number(config, "relu_clip", PT__JSON_OPTIONAL, 0, 1e6, &model->clip);
}

static pt_tensor_t norm(pt_graph_t *graph, const char *name, pt_tensor_t rows)
{
    return pt_batch_norm_layer(graph, name, rows, MOMENTUM, EPSILON);
}

static pt_tensor_t convolve(const deepspeech2_t *model, pt_graph_t *graph, pt_tensor_t rows)
{
    char name[NAME_SIZE];
    for (int32_t i = 0; i < model->convolutions; i++) {
        pt_convolution_options_t options;
        pt_convolution_options_init(&options, (uint32_t)sizeof options);
        options.stride[0] = model->strides[i];
        options.padding[0] = options.padding[1] = model->kernels[i] / 2;
        snprintf(name, sizeof name, "conv.%d", (int)i);
        rows = pt_convolution_layer(graph, name, rows, model->channels[i], model->kernels[i], 1, &options);
        snprintf(name, sizeof name, "conv.%d.norm", (int)i);
        rows = pt__clipped(graph, norm(graph, name, rows), model->clip);
    }
    return rows;
}

static pt_tensor_t recur(const deepspeech2_t *model, pt_graph_t *graph, pt_tensor_t rows)
{
    const pt__recurrent_t *recurrent = &model->recurrent;
    char name[NAME_SIZE];
    for (int64_t i = 0; i < recurrent->layers; i++) {
        snprintf(name, sizeof name, "rnns.%d.norm", (int)i);
        if (i > 0)
            rows = norm(graph, name, rows);
        if (i > 0 && recurrent->dropout > 0)
            rows = pt_dropout(graph, rows, recurrent->dropout);
        snprintf(name, sizeof name, "rnns.%d", (int)i);
        rows = pt__recurrent_layers(graph, recurrent, 1, name, rows, NULL);
        if (recurrent->two_ways)
            rows = pt__add_directions(graph, rows, recurrent->width);
        snprintf(name, sizeof name, "layer.%d", (int)i + 1);
        pt_graph_set_output(graph, name, rows);
    }
    return rows;
}

/* Each channel by itself, of a row and those that follow. */
static pt_tensor_t look_ahead(const deepspeech2_t *model, pt_graph_t *graph, pt_tensor_t rows)
{
    pt_convolution_options_t options;
    pt_convolution_options_init(&options, (uint32_t)sizeof options);
    options.groups = model->recurrent.width;
    options.padding[1] = model->ahead;
    options.flags = PT_CONVOLUTION_NO_BIAS;
    rows = pt_convolution_layer(graph, "lookahead", rows, model->recurrent.width, model->ahead + 1, 1, &options);
    return pt__clipped(graph, rows, model->clip);
}

static pt_status_t build(const struct pt__json *config, pt_graph_t *graph)
{
    deepspeech2_t model = {.recurrent = {.kind = PT_RECURRENT_GRU, .width = 800, .layers = 5, .two_ways = 1},
                           .bins = 161,
                           .ahead = 20,
                           .convolutions = 2,
                           .channels = {640, 640},
                           .kernels = {11, 11},
                           .strides = {2, 1},
                           .clip = 20};
    PT__TRY(read_config(config, &model));
    pt_tensor_t rows = convolve(&model, graph, pt__frames_input(graph, model.bins));
    pt_graph_set_output(graph, "latent", rows);
    rows = recur(&model, graph, rows);
    if (!model.recurrent.two_ways && model.ahead > 0)
        rows = look_ahead(&model, graph, rows);
    pt_graph_set_output(graph, "hidden", norm(graph, "norm", rows));
    graph->offer.sees_ahead = model.recurrent.two_ways || model.ahead > 0;
    return pt_graph_status(graph);
}

const pt__family_t pt__family_deepspeech2 = {
    .name = "deepspeech2", .build = build, .tables = {"*.num_batches_tracked"}, .pooling = PT_POOL_FAMILY};
