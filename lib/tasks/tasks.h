/* Tasks: each adds to a trunk the fields of a batch, the head, the loss and the metrics. */
#ifndef PT__TASKS_H
#define PT__TASKS_H

#include "graph/graph.h"

/* A task: one file and one line in tasks.def. build finds the trunk's output "hidden", adds inputs, parameters of the head, outputs,
 * the loss (graph->loss), and graph->correct and graph->counted where there is an accuracy. */
typedef struct pt__task {
    const char *name;        /* "causal_lm" */
    int32_t number;          /* PT_TASK_... */
    int32_t self_supervised; /* pt_pretrain accepts it */
    pt_status_t (*build)(const pt_task_options_t *options, pt_graph_t *graph);
} pt__task_t;

const pt__task_t *pt__task_find(int32_t number); /* NULL: unknown */

#endif
