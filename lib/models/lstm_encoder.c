/* A recurrent encoder of whole samples (Wan 2018, Generalized End-to-End Loss for Speaker Verification): what the last
 * layer has at a sample's end, through a dense layer, of length 1:
 *
 *   h = lstm(frames), `num_layers` deep;   hidden = e / |e|, e = relu(linear(h at the end))
 *
 * Names, layouts and initial values are PyTorch's nn.LSTM's and nn.Linear's as "lstm" and "linear": files of the
 * package resemblyzer load as they are; similarity_weight and similarity_bias, which only its loss knows, are left out.
 * The field is "frames". PT_TASK_EMBEDDING gives the vectors.
 *
 * Keys: input_size 40; rnn_type "lstm", hidden_size 256, num_layers 3, bidirectional false, bias true, dropout 0,
 * between layers; embedding_size 256; normalize true, and hidden is e itself where it is false. */
#include <math.h>

#include "models/config.h"
#include "models/models.h"
#include "models/recurrent.h"

static const double SHORTEST = 1e-6; /* what is below this length is no longer brought to 1 */

typedef struct encoder {
    pt__recurrent_t recurrent;
    int64_t bins, outputs;
    int32_t normalizes;
} encoder_t;

static pt_status_t read_config(const pt__json_t *config, encoder_t *encoder)
{
    PT__TRY(pt__json_get_integer(config, "input_size", PT__JSON_OPTIONAL, 1, PT__WIDEST, &encoder->bins));
    PT__TRY(pt__json_get_integer(config, "embedding_size", PT__JSON_OPTIONAL, 1, PT__WIDEST, &encoder->outputs));
    PT__TRY(pt__json_get_bool(config, "normalize", PT__JSON_OPTIONAL, &encoder->normalizes));
    return pt__recurrent_read(config, &encoder->recurrent);
}

static pt_status_t build(const struct pt__json *config, pt_graph_t *graph)
{
    encoder_t encoder = {.recurrent = {.kind = PT_RECURRENT_LSTM, .width = 256, .layers = 3},
                         .bins = 40,
                         .outputs = 256,
                         .normalizes = 1};
    PT__TRY(read_config(config, &encoder));
    const pt__recurrent_t *recurrent = &encoder.recurrent;
    pt_tensor_t last;
    pt__recurrent_layers(graph, recurrent, recurrent->layers, pt__recurrent_name(recurrent->kind),
                         pt__frames_input(graph, encoder.bins), &last);
    pt_tensor_t hidden = pt_linear_layer(graph, "linear", last, encoder.outputs, PT_ACTIVATION_RELU);
    if (encoder.normalizes) { /* x / sqrt(mean(x²)) has the length sqrt(D) */
        const double width = (double)encoder.outputs;
        hidden = pt_rms_norm(graph, hidden, PT_NO_TENSOR, SHORTEST * SHORTEST / width);
        hidden = pt_scale(graph, hidden, 1 / sqrt(width));
    }
    pt_graph_set_output(graph, "hidden", hidden);
    return pt_graph_status(graph);
}

const pt__family_t pt__family_lstm_encoder = {.name = "lstm_encoder",
                                              .build = build,
                                              .tables = {"similarity_weight", "similarity_bias"},
                                              .pooling = PT_POOL_FAMILY};
