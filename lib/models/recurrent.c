/* See recurrent.h. */
#include "models/recurrent.h"

#include <stdio.h>
#include <string.h>

#include "models/config.h"

static const char *const unit_names[] = {[PT__UNIT_RNN] = "rnn", [PT__UNIT_GRU] = "gru", [PT__UNIT_LSTM] = "lstm"};

pt_tensor_t pt__frames_input(pt_graph_t *graph, int64_t bins)
{
    return pt_input(graph, "frames", PT_FLOAT32, 2, (int64_t[]){PT_DIM_TOKENS, bins});
}

static int64_t gates_of(pt__unit_t unit)
{
    return unit == PT__UNIT_LSTM ? 4 : unit == PT__UNIT_GRU ? 3 : 1;
}

const char *pt__unit_name(pt__unit_t unit)
{
    return unit_names[unit];
}

static pt_tensor_t weight(pt_graph_t *graph, const pt__recurrent_t *recurrent, const char *name, const char *part,
                          int64_t number, int32_t is_reverse, int64_t inputs)
{
    char whole[PT_MAX_NAME];
    const int64_t shape[] = {gates_of(recurrent->unit) * recurrent->width, inputs};
    const int length = snprintf(whole, sizeof whole, "%s.%s_l%lld%s", name, part, (long long)number,
                                is_reverse ? "_reverse" : "");
    if (length < 0 || (size_t)length >= sizeof whole)
        return pt__graph_fail(graph, PT_ERR_ARGUMENT, "a recurrent layer's name, \"%.40s\", is too long", name);
    /* uniform within 1 / sqrt(width), biases too, as PyTorch's */
    return pt_parameter(graph, whole, inputs > 0 ? 2 : 1, shape, PT__INITIAL(PT_INIT_LINEAR, (double)recurrent->width));
}

static pt_recurrent_weights_t weights_of(pt_graph_t *graph, const pt__recurrent_t *recurrent, const char *name,
                                         int64_t number, int32_t is_reverse, int64_t inputs)
{
    pt_recurrent_weights_t weights;
    pt_recurrent_weights_init(&weights, (uint32_t)sizeof weights);
    weights.weight_ih = weight(graph, recurrent, name, "weight_ih", number, is_reverse, inputs);
    weights.weight_hh = weight(graph, recurrent, name, "weight_hh", number, is_reverse, recurrent->width);
    if (recurrent->unbiased)
        return weights;
    weights.bias_ih = weight(graph, recurrent, name, "bias_ih", number, is_reverse, 0);
    weights.bias_hh = weight(graph, recurrent, name, "bias_hh", number, is_reverse, 0);
    return weights;
}

pt_tensor_t pt__recurrent_layer(pt_graph_t *graph, const pt__recurrent_t *recurrent, const char *name, int64_t number,
                                pt_tensor_t src, pt_tensor_t *last)
{
    int64_t shape[PT_MAX_RANK];
    if (pt_graph_status(graph) != PT_OK || pt_graph_shape(graph, src, shape) != 2)
        return PT_NO_TENSOR;
    pt_recurrent_weights_t one = weights_of(graph, recurrent, name, number, 0, shape[1]), other;
    const pt_recurrent_weights_t *back = NULL;
    if (recurrent->two_ways) {
        other = weights_of(graph, recurrent, name, number, 1, shape[1]);
        back = &other;
    }
    switch (recurrent->unit) {
    case PT__UNIT_LSTM:
        return pt_lstm(graph, src, &one, back, PT_NO_TENSOR, PT_NO_TENSOR, last, NULL);
    case PT__UNIT_GRU:
        return pt_gru(graph, src, &one, back, PT_NO_TENSOR, last);
    default:
        return pt_rnn(graph, src, &one, back, recurrent->activation, PT_NO_TENSOR, last);
    }
}

pt_tensor_t pt__add_directions(pt_graph_t *graph, pt_tensor_t src, int64_t width)
{
    return pt_add(graph, pt_slice(graph, src, 1, 0, width), pt_slice(graph, src, 1, width, width));
}

/* relu6 is the one op that bounds from above: src goes to its range and back. */
pt_tensor_t pt__clipped(pt_graph_t *graph, pt_tensor_t src, double clip)
{
    if (clip <= 0)
        return pt_relu(graph, src);
    return pt_scale(graph, pt_relu6(graph, pt_scale(graph, src, 6 / clip)), clip / 6);
}

pt_status_t pt__recurrent_read(const pt__json_t *config, pt__recurrent_t *recurrent)
{
    const char *name = unit_names[recurrent->unit];
    int32_t has_bias = !recurrent->unbiased;
    PT__TRY(pt__json_get_string(config, "rnn_type", PT__JSON_OPTIONAL, &name));
    int32_t unit = PT__UNIT_RNN;
    while (unit <= PT__UNIT_LSTM && strcmp(unit_names[unit], name) != 0)
        unit++;
    if (unit > PT__UNIT_LSTM)
        return pt__json_fail(pt__json_find(config, "rnn_type"), PT_ERR_UNSUPPORTED,
                             "\"%.32s\", expected \"rnn\", \"gru\" or \"lstm\"", name);
    recurrent->unit = (pt__unit_t)unit;
    PT__TRY(pt__json_get_integer(config, "hidden_size", PT__JSON_OPTIONAL, 1, PT__WIDEST, &recurrent->width));
    PT__TRY(pt__json_get_integer(config, "num_layers", PT__JSON_OPTIONAL, 1, PT__MOST_RECURRENT_LAYERS,
                                 &recurrent->layers));
    PT__TRY(pt__json_get_bool(config, "bidirectional", PT__JSON_OPTIONAL, &recurrent->two_ways));
    PT__TRY(pt__json_get_bool(config, "bias", PT__JSON_OPTIONAL, &has_bias));
    recurrent->unbiased = !has_bias;
    return pt__config_probability(config, "dropout", &recurrent->dropout);
}
