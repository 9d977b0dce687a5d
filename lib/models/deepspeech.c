/* Deep Speech (Hannun 2014): each row reads its neighbours, then dense layers, one recurrent layer in two ways, and one
 * dense layer more:
 *
 *   h = g(dense1([frames t - C .. t + C]));   h = g(dense2(h));   h = g(dense3(h))         g(x) = min(max(x, 0), clip)
 *   h = there(h) + back(h)                                        a recurrent layer, an RNN of relu as published
 *   hidden = g(dense5(h))
 *
 * With a stride of s every s-th frame has a row. The published RNN's own activation is clipped; the one here is relu
 * without a bound. The field is "frames"; "layer.1" is the recurrent layer, "layer.2" is hidden; "latent", what rows
 * stand for, is the third dense layer. Names are dense1.weight [H, bins, 2C + 1], dense2 and so on, and PyTorch's
 * nn.RNN's, nn.GRU's or nn.LSTM's as "rnn"; initial values are PyTorch's.
 *
 * Keys: input_size 80; context_size C 9; stride 1; hidden_size 2048; rnn_type "rnn", num_layers 1, bidirectional true,
 * bias true; relu_clip 20, 0 for none; dropout 0.05, behind each dense layer and between recurrent ones. */
#include <stdio.h>

#include "models/config.h"
#include "models/models.h"
#include "models/recurrent.h"

enum { WIDEST_CONTEXT = 1024, LARGEST_STRIDE = 64, DENSE_LAYERS = 3, NAME_SIZE = 16 };

typedef struct deepspeech {
    pt__recurrent_t recurrent;
    int64_t bins, context, stride;
    double clip;
} deepspeech_t;

static pt_status_t read_config(const pt__json_t *config, deepspeech_t *model)
{
    PT__TRY(pt__json_get_integer(config, "input_size", PT__JSON_OPTIONAL, 1, PT__WIDEST, &model->bins));
    PT__TRY(pt__json_get_integer(config, "context_size", PT__JSON_OPTIONAL, 0, WIDEST_CONTEXT, &model->context));
    PT__TRY(pt__json_get_integer(config, "stride", PT__JSON_OPTIONAL, 1, LARGEST_STRIDE, &model->stride));
    PT__TRY(pt__json_get_number(config, "relu_clip", PT__JSON_OPTIONAL, 0, 1e6, &model->clip));
    return pt__recurrent_read(config, &model->recurrent);
}

static pt_tensor_t finish(const deepspeech_t *model, pt_graph_t *graph, pt_tensor_t rows)
{
    rows = pt__clipped(graph, rows, model->clip);
    return model->recurrent.dropout > 0 ? pt_dropout(graph, rows, model->recurrent.dropout) : rows;
}

static pt_tensor_t add_dense(const deepspeech_t *model, pt_graph_t *graph, pt_tensor_t rows)
{
    pt_convolution_options_t options;
    char name[NAME_SIZE];
    const int64_t width = model->recurrent.width;
    pt_convolution_options_init(&options, (uint32_t)sizeof options);
    options.stride[0] = model->stride;
    options.padding[0] = options.padding[1] = model->context;
    rows = pt_convolution_layer(graph, "dense1", rows, width, 2 * model->context + 1, 1, &options);
    rows = finish(model, graph, rows);
    for (int32_t i = 2; i <= DENSE_LAYERS; i++) {
        snprintf(name, sizeof name, "dense%d", (int)i);
        rows = finish(model, graph, pt_linear_layer(graph, name, rows, width, PT_ACTIVATION_NONE));
    }
    return rows;
}

static pt_status_t build(const struct pt__json *config, pt_graph_t *graph)
{
    deepspeech_t model = {.recurrent = {.kind = PT_RECURRENT_RNN_RELU,
                                        .plain = PT_RECURRENT_RNN_RELU,
                                        .width = 2048,
                                        .layers = 1,
                                        .two_ways = 1,
                                        .dropout = 0.05},
                          .bins = 80,
                          .context = 9,
                          .stride = 1,
                          .clip = 20};
    PT__TRY(read_config(config, &model));
    const pt__recurrent_t *recurrent = &model.recurrent;
    pt_tensor_t rows = add_dense(&model, graph, pt__frames_input(graph, model.bins));
    pt_graph_set_output(graph, "latent", rows);
    rows = pt__recurrent_layers(graph, recurrent, recurrent->layers, "rnn", rows, NULL);
    if (recurrent->two_ways)
        rows = pt__add_directions(graph, rows, recurrent->width);
    pt_graph_set_output(graph, "layer.1", rows);
    rows = finish(&model, graph, pt_linear_layer(graph, "dense5", rows, recurrent->width, PT_ACTIVATION_NONE));
    pt_graph_set_output(graph, "layer.2", rows);
    pt_graph_set_output(graph, "hidden", rows);
    graph->offer.sees_ahead = recurrent->two_ways;
    return pt_graph_status(graph);
}

const pt__family_t pt__family_deepspeech = {.name = "deepspeech", .build = build, .pooling = PT_POOL_FAMILY};
