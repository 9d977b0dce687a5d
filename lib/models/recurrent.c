/* See recurrent.h. */
#include "models/recurrent.h"

#include <string.h>

#include "models/config.h"

pt_tensor_t pt__frames_input(pt_graph_t *graph, int64_t bins)
{
    return pt_input(graph, "frames", PT_FLOAT32, 2, (int64_t[]){PT_DIM_TOKENS, bins});
}

pt_tensor_t pt__recurrent_layers(pt_graph_t *graph, const pt__recurrent_t *recurrent, int64_t layers, const char *name,
                                 pt_tensor_t src, pt_tensor_t *last)
{
    pt_tensor_t ends[PT__MOST_RECURRENT_LAYERS];
    pt_recurrent_options_t options;
    pt_recurrent_options_init(&options, (uint32_t)sizeof options);
    options.kind = recurrent->kind;
    options.flags = (recurrent->two_ways ? (uint32_t)PT_RECURRENT_TWO_WAY : 0) |
                    (recurrent->unbiased ? (uint32_t)PT_RECURRENT_NO_BIAS : 0);
    options.hidden = recurrent->width;
    options.layers = layers;
    options.dropout = recurrent->dropout;
    options.last_hidden = last != NULL ? ends : NULL;
    pt_tensor_t rows = pt_recurrent_layers(graph, name, src, &options);
    if (last != NULL)
        *last = rows != PT_NO_TENSOR ? ends[layers - 1] : PT_NO_TENSOR;
    return rows;
}

pt_tensor_t pt__add_directions(pt_graph_t *graph, pt_tensor_t src, int64_t width)
{
    return pt_add(graph, pt_slice(graph, src, 1, 0, width), pt_slice(graph, src, 1, width, width));
}

pt_tensor_t pt__clipped(pt_graph_t *graph, pt_tensor_t src, double clip)
{
    return clip > 0 ? pt_hardtanh(graph, src, 0, clip) : pt_relu(graph, src);
}

const char *pt__recurrent_name(int32_t kind)
{
    return kind == PT_RECURRENT_LSTM ? "lstm" : kind == PT_RECURRENT_GRU ? "gru" : "rnn";
}

static pt_status_t read_kind(const pt__json_t *config, pt__recurrent_t *recurrent)
{
    const int32_t kinds[] = {recurrent->plain, PT_RECURRENT_GRU, PT_RECURRENT_LSTM};
    const char *name = pt__recurrent_name(recurrent->kind);
    PT__TRY(pt__json_get_string(config, "rnn_type", PT__JSON_OPTIONAL, &name));
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(pt__recurrent_name(kinds[i]), name) == 0) {
            recurrent->kind = kinds[i];
            return PT_OK;
        }
    return pt__json_fail(pt__json_find(config, "rnn_type"), PT_ERR_UNSUPPORTED,
                         "\"%.32s\", expected \"rnn\", \"gru\" or \"lstm\"", name);
}

pt_status_t pt__recurrent_read(const pt__json_t *config, pt__recurrent_t *recurrent)
{
    int32_t has_bias = !recurrent->unbiased;
    PT__TRY(read_kind(config, recurrent));
    PT__TRY(pt__json_get_integer(config, "hidden_size", PT__JSON_OPTIONAL, 1, PT__WIDEST, &recurrent->width));
    PT__TRY(pt__json_get_integer(config, "num_layers", PT__JSON_OPTIONAL, 1, PT__MOST_RECURRENT_LAYERS,
                                 &recurrent->layers));
    PT__TRY(pt__json_get_bool(config, "bidirectional", PT__JSON_OPTIONAL, &recurrent->two_ways));
    PT__TRY(pt__json_get_bool(config, "bias", PT__JSON_OPTIONAL, &has_bias));
    recurrent->unbiased = !has_bias;
    return pt__config_probability(config, "dropout", &recurrent->dropout);
}
