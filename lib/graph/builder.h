/* Small helpers for the files in lib/ops/ that define builder calls. */
#ifndef PT__BUILDER_H
#define PT__BUILDER_H

#include "graph/op.h"

/* Whether the graph takes another call; where not, the thread's message says why. Clears the message. */
int32_t pt__build_is_ready(const pt_graph_t *graph);

/* Bodies of the builder calls with one and two inputs. */
pt_tensor_t pt__build_unary(pt_graph_t *graph, const char *op, pt_tensor_t src, const pt__attributes_t *attributes);
pt_tensor_t pt__build_binary(pt_graph_t *graph, const char *op, pt_tensor_t a, pt_tensor_t b,
                             const pt__attributes_t *attributes);
pt_tensor_t pt__build(pt_graph_t *graph, const char *op, int32_t n_inputs, const pt_tensor_t *inputs,
                      const pt__attributes_t *attributes);

/* The second, third ... output of the node that made `first`: first + index (outputs are numbered one after the
 * other). */
static inline pt_tensor_t pt__build_output(pt_tensor_t first, int32_t index)
{
    return first == PT_NO_TENSOR ? PT_NO_TENSOR : first + index;
}

/* A state for an op whose runs go on (op->incremental): rows of so many numbers. */
pt_tensor_t pt__increment_state(pt_graph_t *graph, pt__increment_t *increment, int64_t columns);

/* bound.c: notes that the tensor indexes, also at what its values are moved from. The tighter limit wins. */
void pt__graph_bound(pt_graph_t *graph, pt_tensor_t tensor, const pt__index_t *index);
/* Whether an op made the tensor, or the one that it is a view of: only that can be read after a run. */
int32_t pt__graph_is_computed(const pt_graph_t *graph, pt_tensor_t tensor);

/* Messages for shape rules: "linear: weight is float32[3, 4], expected [outputs, 5]". */
pt_status_t pt__expect_dtype(const pt_graph_t *graph, const pt__node_t *node, int32_t input, const char *role,
                             int32_t dtype);
pt_status_t pt__expect_rank(const pt_graph_t *graph, const pt__node_t *node, int32_t input, const char *role,
                            int32_t least, int32_t most);
pt_status_t pt__expect_fixed(const pt_graph_t *graph, const pt__node_t *node, int32_t input,
                             const char *role); /* no symbolic size */
pt_status_t pt__expect_same_shape(const pt_graph_t *graph, const pt__node_t *node, int32_t input, const char *role,
                                  int32_t other, const char *other_role);

/* The tensor of a node's input; NULL where an optional input is not there. */
const pt__tensor_t *pt__input_of(const pt_graph_t *graph, const pt__node_t *node, int32_t input);

#endif
