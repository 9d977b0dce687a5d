/* Rewriting graphs: a copy in which a callback says what becomes of each node. Selections of rows, adapters, casts and
 * folding are rewrites; each is a callback of a few lines, in the file whose subject it is. */
#ifndef PT__REWRITE_H
#define PT__REWRITE_H

#include "graph/op.h"

typedef struct pt__rewrite {
    const pt_graph_t *from;
    pt_graph_t *to;   /* names of inputs and parameters from the begin; nodes up to the one that is asked about */
    pt_tensor_t *map; /* [from's tensors] what stands for each of them in `to`; PT_NO_TENSOR: not there (yet) */
    void *user;
} pt__rewrite_t;

/* Asked for every node of `from`, in order. It may keep the node (pt__rewrite_keep), before or after other nodes that
 * it adds to `to` by the builder's calls, new parameters included; or put something else in its place and say so in
 * `map`; or do nothing: the node goes, which is an error where a node that is kept reads it. A loss, an output or a
 * metric that goes is PT_NO_TENSOR in `to`. */
typedef pt_status_t (*pt__rewrite_fn)(pt__rewrite_t *self, const pt__node_t *node);

/* The node as it is, of what its inputs have become; `map` tells its outputs. */
pt_status_t pt__rewrite_keep(pt__rewrite_t *self, const pt__node_t *node);
/* Takes over an input, a parameter or a constant before its turn, for a node that is added earlier than it. */
pt_status_t pt__rewrite_carry(pt__rewrite_t *self, pt_tensor_t tensor);
/* What the node's inputs have become; PT_ERR_INTERNAL where one is gone. */
pt_status_t pt__rewrite_inputs(const pt__rewrite_t *self, const pt__node_t *node, pt_tensor_t inputs[PT__MAX_INPUTS]);
/* What a tensor of `from` has become; PT_NO_TENSOR for PT_NO_TENSOR too. */
pt_tensor_t pt__rewrite_of(const pt__rewrite_t *self, pt_tensor_t tensor);

/* The rewritten graph, in which inputs, parameters and constants have the places that they had, and new ones follow;
 * tensors have new numbers, which map [graph's tensors] tells. Rewritten by pt__rewrite_keep alone, a graph is equal to
 * itself. */
pt_status_t pt__graph_rewrite(const pt_graph_t *graph, pt__rewrite_fn each, void *user, pt_tensor_t *map,
                              pt_graph_t **out);

#endif
