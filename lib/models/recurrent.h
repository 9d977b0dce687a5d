/* What the families of speech share: frames, recurrent layers under the names of PyTorch's nn.RNN, nn.GRU and nn.LSTM,
 * and what their configurations say of these. */
#ifndef PT__RECURRENT_H
#define PT__RECURRENT_H

#include "base/json.h"
#include "graph/graph.h"

enum { PT__MOST_RECURRENT_LAYERS = 64 };

/* Layers of `width` cells, each reading the one below it. */
typedef struct pt__recurrent {
    int32_t kind;  /* PT_RECURRENT_... */
    int32_t plain; /* the one that "rnn" stands for */
    int64_t width, layers;
    int32_t two_ways; /* what both directions give stands side by side, the second behind the first */
    int32_t unbiased;
    double dropout; /* between layers */
} pt__recurrent_t;

/* The field "frames", float32 [PT_DIM_TOKENS, bins]. */
pt_tensor_t pt__frames_input(pt_graph_t *graph, int64_t bins);

/* "rnn", "gru" or "lstm" */
const char *pt__recurrent_name(int32_t kind);

/* So many layers, src [rows, inputs] -> [rows, width], or twice as wide in two ways, as pt_recurrent_layers. *last
 * [PT_DIM_BATCH, as wide]: what the topmost has at each sample's end; NULL: not wanted. */
pt_tensor_t pt__recurrent_layers(pt_graph_t *graph, const pt__recurrent_t *recurrent, int64_t layers, const char *name,
                                 pt_tensor_t src, pt_tensor_t *last);

/* The two halves of rows [rows, 2·width] added up, as DeepSpeech joins both directions. */
pt_tensor_t pt__add_directions(pt_graph_t *graph, pt_tensor_t src, int64_t width);

/* max(0, min(src, clip)); without an upper bound where clip is 0. */
pt_tensor_t pt__clipped(pt_graph_t *graph, pt_tensor_t src, double clip);

/* "rnn_type" ("rnn", "gru" or "lstm"), "hidden_size", "num_layers", "bidirectional", "bias" and "dropout"; each keeps
 * what the struct holds where the key is missing. */
pt_status_t pt__recurrent_read(const pt__json_t *config, pt__recurrent_t *recurrent);

#endif
