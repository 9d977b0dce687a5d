/* A network's teacher: the same network within the same graph, whose weights are the moving average of its own. */
#ifndef PT__TEACHER_H
#define PT__TEACHER_H

#include "graph/graph.h"

/* Adds the nodes that `wanted` [count] tensors of the graph are computed from once more, of `seen` in place of the
 * tensor `hidden` and of averages in place of parameters that learn: states "teacher.NAME", initially as the
 * parameters, which every step of training moves on by max(1 - decay, 1 / (steps so far + 1)) of the way. Dropouts are
 * left out; a batch norm has the statistics of the one that it is made from. No gradient passes. wanted becomes what
 * stands for it. PT_ERR_UNSUPPORTED, with the task's name, where another op keeps states. */
pt_status_t pt__teacher_add(pt_graph_t *graph, const char *task, double decay, pt_tensor_t hidden, pt_tensor_t seen,
                            pt_tensor_t *wanted, int32_t count);

#endif
