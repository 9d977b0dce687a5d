/* What the ops of recurrent layers share: places of their inputs, outputs and integers, and sizes. */
#ifndef PT__RECURRENCE_RULES_H
#define PT__RECURRENCE_RULES_H

#include "kernels/recurrence.h"
#include "ops/op_rules.h"

/* Integers: the cell (pt__cell_t) of all; of gradients how many directions there are, and which one is meant. */
enum { PT__RECURRENCE_CELL, PT__RECURRENCE_DIRECTIONS, PT__RECURRENCE_DIRECTION };

/* Inputs of recurrence: weights of a direction, then those of the other. */
enum {
    PT__RECURRENCE_IH,
    PT__RECURRENCE_HH,
    PT__RECURRENCE_BIAS_IH,
    PT__RECURRENCE_BIAS_HH,
    PT__RECURRENCE_HR,
    PT__RECURRENCE_WEIGHT_COUNT
};
enum {
    PT__RECURRENCE_SRC,
    PT__RECURRENCE_WEIGHTS,
    PT__RECURRENCE_INITIAL_HIDDEN = PT__RECURRENCE_WEIGHTS + PT__DIRECTIONS * PT__RECURRENCE_WEIGHT_COUNT,
    PT__RECURRENCE_INITIAL_CELL
};
/* Its outputs. */
enum {
    PT__RECURRENCE_DST,
    PT__RECURRENCE_LAST_HIDDEN,
    PT__RECURRENCE_GATES, /* not of RNN, as the next */
    PT__RECURRENCE_KEPT,
    PT__RECURRENCE_LAST_CELL /* of LSTM */
};

/* Inputs of recurrence_gradient; gates: RNN's dst; dst: of GRU alone. A direction has two weights. */
enum {
    PT__RECURRENCE_BACK_GATES,
    PT__RECURRENCE_BACK_KEPT,
    PT__RECURRENCE_BACK_DST,
    PT__RECURRENCE_BACK_INITIAL_HIDDEN,
    PT__RECURRENCE_BACK_INITIAL_CELL,
    PT__RECURRENCE_BACK_HH,
    PT__RECURRENCE_BACK_HR,
    PT__RECURRENCE_BACK_D_DST = PT__RECURRENCE_BACK_HH + 2 * PT__DIRECTIONS,
    PT__RECURRENCE_BACK_D_LAST_HIDDEN,
    PT__RECURRENCE_BACK_D_LAST_CELL,
    PT__RECURRENCE_BACK_INPUTS
};
/* Its outputs: RNN's are the first two, GRU's and LSTM's the first three, an LSTM's with a projection all. */
enum {
    PT__RECURRENCE_D_GATES,
    PT__RECURRENCE_D_INITIAL_HIDDEN,
    PT__RECURRENCE_D_CANDIDATE,
    PT__RECURRENCE_D_INITIAL_CELL = PT__RECURRENCE_D_CANDIDATE,
    PT__RECURRENCE_D_HIDDEN,
    PT__RECURRENCE_UNPROJECTED
};

typedef struct pt__recurrence_sizes {
    int64_t cell, gates, hidden, outputs;
    int32_t directions;
} pt__recurrence_sizes_t;

/* Of a node of recurrence, whose weight_hh is a matrix. */
static inline pt__recurrence_sizes_t pt__recurrence_sizes(const pt_graph_t *graph, const pt__node_t *node)
{
    const int32_t second = PT__RECURRENCE_WEIGHTS + PT__RECURRENCE_WEIGHT_COUNT;
    const pt__shape_t *weight = &pt__input_of(graph, node, PT__RECURRENCE_WEIGHTS + PT__RECURRENCE_HH)->shape;
    const int64_t cell = node->attributes.integers[PT__RECURRENCE_CELL], gates = pt__cell_gates(cell);
    pt__recurrence_sizes_t sizes = {
        .cell = cell, .gates = gates, .hidden = weight->size[0] / gates, .outputs = weight->size[1], .directions = 1};
    for (int32_t i = 0; i < PT__RECURRENCE_WEIGHT_COUNT; i++)
        if (pt__input_of(graph, node, second + i) != NULL)
            sizes.directions = PT__DIRECTIONS;
    return sizes;
}

/* So many bytes of a scratch, and what keeps the next ones aligned. */
static inline int64_t pt__padded_scratch(int64_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

#endif
