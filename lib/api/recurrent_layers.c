/* Recurrent layers together with their parameters, under PyTorch's names and with its initial values. Made of the
 * public builder calls only, so that they report errors as those do. */
#include <stdio.h>
#include <string.h>

#include "base/options.h"
#include "graph/graph.h"

enum { LONGEST_SUFFIX = 32, LAYERS_MOST = 64 }; /* ".weight_ih_l63_reverse" and its 0 */

static const pt_recurrent_options_t defaults = {
    .struct_size = sizeof defaults, .kind = PT_RECURRENT_GRU, .layers = 1};

pt_status_t pt_recurrent_options_init(pt_recurrent_options_t *options, uint32_t struct_size)
{
    pt__error_clear();
    return pt__options_init(options, struct_size, &defaults, sizeof defaults, "pt_recurrent_options_t");
}

typedef struct layer {
    pt_graph_t *graph;
    const char *name;
    const pt_recurrent_options_t *options;
    int64_t number, inputs, gates;
} layer_t;

static pt_tensor_t add_parameter(const layer_t *layer, const char *what, int32_t reverse, int32_t rank, int64_t rows,
                                 int64_t columns)
{
    char name[PT_MAX_NAME];
    snprintf(name, sizeof name, "%s.%s_l%lld%s", layer->name, what, (long long)layer->number,
             reverse ? "_reverse" : "");
    return pt_parameter(layer->graph, name, rank, (int64_t[]){rows, columns},
                        PT__INITIAL(PT_INIT_LINEAR, (double)layer->options->hidden));
}

static pt_recurrent_weights_t add_weights(const layer_t *layer, int32_t reverse)
{
    const pt_recurrent_options_t *options = layer->options;
    const int64_t wide = layer->gates * options->hidden;
    pt_recurrent_weights_t weights;
    pt_recurrent_weights_init(&weights, sizeof weights);
    weights.weight_ih = add_parameter(layer, "weight_ih", reverse, 2, wide, layer->inputs);
    weights.weight_hh = add_parameter(layer, "weight_hh", reverse, 2, wide,
                                      options->projection > 0 ? options->projection : options->hidden);
    if (!(options->flags & PT_RECURRENT_NO_BIAS)) {
        weights.bias_ih = add_parameter(layer, "bias_ih", reverse, 1, wide, 0);
        weights.bias_hh = add_parameter(layer, "bias_hh", reverse, 1, wide, 0);
    }
    if (options->projection > 0)
        weights.weight_hr = add_parameter(layer, "weight_hr", reverse, 2, options->projection, options->hidden);
    return weights;
}

static pt_tensor_t add_layer(const layer_t *layer, pt_tensor_t src)
{
    const pt_recurrent_options_t *options = layer->options;
    const int64_t i = layer->number;
    const pt_tensor_t hidden = options->initial_hidden != NULL ? options->initial_hidden[i] : PT_NO_TENSOR;
    const pt_tensor_t cell = options->initial_cell != NULL ? options->initial_cell[i] : PT_NO_TENSOR;
    pt_tensor_t *last_hidden = options->last_hidden != NULL ? options->last_hidden + i : NULL;
    pt_tensor_t *last_cell = options->last_cell != NULL ? options->last_cell + i : NULL;
    const pt_recurrent_weights_t forward = add_weights(layer, 0);
    pt_recurrent_weights_t second;
    const pt_recurrent_weights_t *reverse = NULL;
    if (options->flags & PT_RECURRENT_TWO_WAY) {
        second = add_weights(layer, 1);
        reverse = &second;
    }
    if (options->kind == PT_RECURRENT_LSTM)
        return pt_lstm(layer->graph, src, &forward, reverse, hidden, cell, last_hidden, last_cell);
    if (options->kind == PT_RECURRENT_GRU)
        return pt_gru(layer->graph, src, &forward, reverse, hidden, last_hidden);
    return pt_rnn(layer->graph, src, &forward, reverse,
                  options->kind == PT_RECURRENT_RNN_TANH ? PT_ACTIVATION_TANH : PT_ACTIVATION_RELU, hidden,
                  last_hidden);
}

static pt_status_t check(pt_graph_t *graph, const char *name, const pt_recurrent_options_t *options)
{
    const int32_t is_lstm = options->kind == PT_RECURRENT_LSTM;
    if (name == NULL || *name == 0 || strlen(name) + LONGEST_SUFFIX > PT_MAX_NAME)
        return pt__fail(PT_ERR_ARGUMENT, "pt_recurrent_layers: the name is %s, expected 1 to %d bytes",
                        name == NULL ? "NULL"
                        : *name == 0 ? "empty"
                                     : "too long",
                        PT_MAX_NAME - LONGEST_SUFFIX);
    if (options->kind < PT_RECURRENT_RNN_TANH || options->kind > PT_RECURRENT_LSTM ||
        (options->flags & ~(uint32_t)(PT_RECURRENT_TWO_WAY | PT_RECURRENT_NO_BIAS)) != 0 || options->reserved != 0)
        return pt__fail(PT_ERR_ARGUMENT,
                        "pt_recurrent_layers: kind %ld, flags 0x%lx and reserved %ld, expected PT_RECURRENT_... and 0",
                        (long)options->kind, (unsigned long)options->flags, (long)options->reserved);
    if (options->hidden < 1 || options->hidden > INT32_MAX || options->layers < 1 || options->layers > LAYERS_MOST ||
        options->projection < 0 || options->projection >= options->hidden || !(options->dropout >= 0) ||
        !(options->dropout < 1))
        return pt__fail(PT_ERR_ARGUMENT,
                        "pt_recurrent_layers: hidden %lld, layers %lld, projection %lld and dropout %g, expected 1 at "
                        "least, 1 to %d, less than hidden, and 0 to less than 1",
                        (long long)options->hidden, (long long)options->layers, (long long)options->projection,
                        options->dropout, LAYERS_MOST);
    if (!is_lstm && (options->projection > 0 || options->initial_cell != NULL || options->last_cell != NULL))
        return pt__fail(PT_ERR_ARGUMENT, "pt_recurrent_layers: only an LSTM has a projection and cells");
    return pt__graph_ready(graph, "pt_recurrent_layers");
}

pt_tensor_t pt_recurrent_layers(pt_graph_t *graph, const char *name, pt_tensor_t src,
                                const pt_recurrent_options_t *given)
{
    static const int64_t gates[] = {[PT_RECURRENT_RNN_TANH] = 1,
                                    [PT_RECURRENT_RNN_RELU] = 1,
                                    [PT_RECURRENT_GRU] = 3,
                                    [PT_RECURRENT_LSTM] = 4};
    int64_t shape[PT_MAX_RANK];
    pt_recurrent_options_t options = defaults;
    if (pt__graph_ready(graph, "pt_recurrent_layers") != PT_OK)
        return PT_NO_TENSOR;
    pt_status_t status = pt__options_read(given, &options, sizeof options, "pt_recurrent_options_t");
    if (status == PT_OK)
        status = check(graph, name, &options);
    if (status != PT_OK)
        return pt__graph_stick(graph, status);
    for (int64_t i = 0; i < options.layers; i++) {
        if (pt_graph_shape(graph, src, shape) != 2 || shape[1] < 1)
            return graph->status != PT_OK ? PT_NO_TENSOR
                                          : pt__graph_fail(graph, PT_ERR_SHAPE,
                                                           "pt_recurrent_layers: src is no [PT_DIM_TOKENS, features]");
        const layer_t layer = {graph, name, &options, i, shape[1], gates[options.kind]};
        src = add_layer(&layer, i > 0 && options.dropout > 0 ? pt_dropout(graph, src, options.dropout) : src);
    }
    return src;
}
