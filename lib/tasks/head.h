/* What the tasks' heads share. */
#ifndef PT__HEAD_H
#define PT__HEAD_H

#include "tasks/tasks.h"

/* What a host's struct leaves for later is 0. */
pt_status_t pt__head_check_flags(const char *task, uint32_t flags, int32_t reserved);
/* The number that the task calls `option` is at least 1. */
pt_status_t pt__head_check_outputs(const char *task, const char *option, int64_t outputs);

/* The trunk's output "hidden": float32 [PT_DIM_TOKENS, D] or [PT_DIM_BATCH, D]. PT_ERR_STATE where there is none,
 * PT_ERR_SHAPE where it is another. */
pt_status_t pt__head_find_hidden(const pt_graph_t *graph, const char *task, pt_tensor_t *hidden);

/* A head for one row a sample: the family's own, where it has one and pooling is PT_POOL_FAMILY; else hidden, pooled
 * where it has one row a token; dropout; linear with NAME.weight
 * [outputs, D] and NAME.bias [outputs], where NAME is the family's own, else the one given, and the bias is left out
 * where the family's head has none. A new head starts from N(0, 0.02) and a bias of 0, as in Hugging Face's models:
 * its first predictions lean nowhere. */
pt_tensor_t pt__head_add(pt_graph_t *graph, const char *name, pt_tensor_t hidden, const pt__task_options_t *options);

#endif
