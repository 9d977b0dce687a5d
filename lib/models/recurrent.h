/* What the families of speech share: frames, recurrent layers under the names of PyTorch's nn.RNN, nn.GRU and nn.LSTM,
 * and what their configurations say of these. */
#ifndef PT__RECURRENT_H
#define PT__RECURRENT_H

#include "base/json.h"
#include "graph/graph.h"

enum { PT__MOST_RECURRENT_LAYERS = 64 };

typedef enum pt__unit { PT__UNIT_RNN = 0, PT__UNIT_GRU, PT__UNIT_LSTM } pt__unit_t;

/* "gru" */
const char *pt__unit_name(pt__unit_t unit);

/* Layers of `width` cells, each reading the one below it. */
typedef struct pt__recurrent {
    pt__unit_t unit;
    int32_t activation; /* of an RNN: PT_ACTIVATION_TANH or PT_ACTIVATION_RELU */
    int64_t width, layers;
    int32_t two_ways; /* what both directions give stands side by side, the second behind the first */
    int32_t unbiased;
    double dropout; /* between layers */
} pt__recurrent_t;

/* The field "frames", float32 [PT_DIM_TOKENS, bins]. */
pt_tensor_t pt__frames_input(pt_graph_t *graph, int64_t bins);

/* Layer `number` of NAME, src [rows, inputs] -> [rows, width], or twice as wide in two ways: parameters
 * NAME.weight_ih_l0 and so on, "_reverse" behind those of the way back, initialised as PyTorch's. *last [PT_DIM_BATCH,
 * as wide]: at each sample's end; NULL: not wanted. */
pt_tensor_t pt__recurrent_layer(pt_graph_t *graph, const pt__recurrent_t *recurrent, const char *name, int64_t number,
                                pt_tensor_t src, pt_tensor_t *last);

/* The two halves of rows [rows, 2·width] added up, as DeepSpeech joins both directions. */
pt_tensor_t pt__add_directions(pt_graph_t *graph, pt_tensor_t src, int64_t width);

/* max(0, min(src, clip)); without an upper bound where clip is 0. */
pt_tensor_t pt__clipped(pt_graph_t *graph, pt_tensor_t src, double clip);

/* "rnn_type" ("rnn", "gru" or "lstm"), "hidden_size", "num_layers", "bidirectional", "bias" and "dropout"; each keeps
 * what the struct holds where the key is missing. */
pt_status_t pt__recurrent_read(const pt__json_t *config, pt__recurrent_t *recurrent);

#endif
