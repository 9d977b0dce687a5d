/* Deep Speech 2 (Amodei 2015): convolutions over time, recurrent layers, and for those that read one way a convolution
 * that looks some rows ahead:
 *
 *   h = g(norm(conv(h)))                                      for each convolution        g(x) = min(max(x, 0), clip)
 *   h = there(norm(h)) + back(norm(h))                        `num_layers` times, the first without a norm
 *   h = g(Σ_(i = 0 .. ahead) w_i h_(t + i)), by channel       where there is one direction
 *   hidden = norm(h)
 *
 * Norms are batch norms over all rows of all samples together ("sequence-wise"). The convolutions are the paper's
 * over time alone, which read all bins, or, with conv_bin_kernels, over time and bins, behind which a row is its
 * channels, each with its bins. The field is "frames"; "layer.1" and on are the recurrent layers, "latent", what rows
 * stand for, is the last convolution. Names are conv.0.weight [filters, bins, kernel], or [filters, 1, kernel,
 * bin_kernel], conv.0.norm.weight and so on, rnns.0 with PyTorch's names of nn.GRU and the like, always as its layer 0,
 * rnns.1.norm, norm, and lookahead.weight [H, 1, ahead + 1]. Initial values are PyTorch's.
 *
 * Keys: input_size 161; conv_channels [640, 640], conv_kernels [11, 11], conv_strides [2, 1], of 1 to 3 convolutions;
 * conv_bin_kernels, such as the paper's [41, 21], and conv_bin_strides [2, 1], or none, over time alone;
 * rnn_type "gru", hidden_size 800, num_layers 5, bidirectional true, bias true; lookahead 20, of one direction alone;
 * relu_clip 20, 0 for none; dropout 0, before each recurrent layer but the first. */
#include <stdio.h>

#include "models/config.h"
#include "models/convolutional.h"
#include "models/models.h"
#include "models/recurrent.h"

enum {
    DEFAULT_CONVOLUTIONS = 2,
    MOST_CONVOLUTIONS = 3,
    LONGEST_KERNEL = 1024,
    LARGEST_STRIDE = 64,
    FURTHEST = 4096,
    NAME_SIZE = 24
};
static const double MOMENTUM = 0.1, EPSILON = 1e-5;

typedef struct deepspeech2 {
    pt__recurrent_t recurrent;
    int64_t bins, ahead;
    int32_t convolutions, reads_bins; /* or all of them at once */
    int64_t channels[PT__MOST_STAGES], kernels[PT__MOST_STAGES], strides[PT__MOST_STAGES];
    int64_t bin_kernels[PT__MOST_STAGES], bin_strides[PT__MOST_STAGES];
    double clip;
} deepspeech2_t;

/* As many numbers as there are convolutions. */
static pt_status_t read_each(const pt__json_t *config, const char *key, int64_t most, int32_t expected, int64_t *sizes)
{
    int32_t count = DEFAULT_CONVOLUTIONS;
    PT__TRY(pt__config_sizes(config, key, most, &count, sizes));
    return count == expected
               ? PT_OK
               : pt__fail(PT_ERR_FORMAT, "config: %s has %d numbers, expected %d, as many as conv_channels has", key,
                          (int)count, (int)expected);
}

/* A window has a middle. */
static pt_status_t expect_odd(const pt__json_t *config, const char *key, int32_t count, const int64_t *sizes,
                              int64_t least)
{
    for (int32_t i = 0; i < count; i++)
        if (sizes[i] % 2 == 0 || sizes[i] < least)
            return pt__json_fail(pt__json_find(config, key), PT_ERR_UNSUPPORTED,
                                 "%lld, expected odd numbers from %lld on: as much before as behind is read",
                                 (long long)sizes[i], (long long)least);
    return PT_OK;
}

static pt_status_t read_convolutions(const pt__json_t *config, deepspeech2_t *model)
{
    PT__TRY(pt__config_sizes(config, "conv_channels", PT__MOST_FILTERS, &model->convolutions, model->channels));
    if (model->convolutions > MOST_CONVOLUTIONS)
        return pt__json_fail(pt__json_find(config, "conv_channels"), PT_ERR_FORMAT, "%d numbers, expected 1 to %d",
                             (int)model->convolutions, MOST_CONVOLUTIONS);
    const int32_t count = model->convolutions;
    PT__TRY(read_each(config, "conv_kernels", LONGEST_KERNEL, count, model->kernels));
    PT__TRY(read_each(config, "conv_strides", LARGEST_STRIDE, count, model->strides));
    PT__TRY(expect_odd(config, "conv_kernels", count, model->kernels, 1));
    model->reads_bins = pt__json_find(config, "conv_bin_kernels") != NULL;
    if (!model->reads_bins && pt__json_find(config, "conv_bin_strides") != NULL)
        return pt__json_fail(pt__json_find(config, "conv_bin_strides"), PT_ERR_UNSUPPORTED,
                             "expected none, as there are no conv_bin_kernels");
    if (!model->reads_bins)
        return PT_OK;
    PT__TRY(read_each(config, "conv_bin_kernels", LONGEST_KERNEL, count, model->bin_kernels));
    PT__TRY(read_each(config, "conv_bin_strides", LARGEST_STRIDE, count, model->bin_strides));
    return expect_odd(config, "conv_bin_kernels", count, model->bin_kernels, 3);
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

/* [rows, bins, channels] -> [rows, channels·bins], as PyTorch's networks flatten them. */
static pt_tensor_t flatten_bins(pt_graph_t *graph, pt_tensor_t rows)
{
    int64_t shape[PT_MAX_RANK];
    if (pt_graph_shape(graph, rows, shape) != 3)
        return PT_NO_TENSOR;
    rows = pt_transpose(graph, rows, (const int32_t[]){0, 2, 1});
    return pt_reshape(graph, rows, 2, (const int64_t[]){shape[0], shape[1] * shape[2]});
}

static pt_tensor_t convolve(const deepspeech2_t *model, pt_graph_t *graph, pt_tensor_t rows)
{
    char name[NAME_SIZE];
    if (model->reads_bins)
        rows = pt_reshape(graph, rows, 3, (const int64_t[]){PT_DIM_TOKENS, model->bins, 1});
    for (int32_t i = 0; i < model->convolutions; i++) {
        const int64_t bin_kernel = model->reads_bins ? model->bin_kernels[i] : 1;
        pt_convolution_options_t options;
        pt_convolution_options_init(&options, (uint32_t)sizeof options);
        options.stride[0] = model->strides[i];
        options.padding[0] = options.padding[1] = model->kernels[i] / 2;
        if (model->reads_bins) {
            options.stride[1] = model->bin_strides[i];
            options.padding[2] = options.padding[3] = bin_kernel / 2;
        }
        snprintf(name, sizeof name, "conv.%d", (int)i);
        rows = pt_convolution_layer(graph, name, rows, model->channels[i], model->kernels[i], bin_kernel, &options);
        snprintf(name, sizeof name, "conv.%d.norm", (int)i);
        rows = pt__clipped(graph, norm(graph, name, rows), model->clip);
    }
    return model->reads_bins ? flatten_bins(graph, rows) : rows;
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
                           .convolutions = DEFAULT_CONVOLUTIONS,
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
