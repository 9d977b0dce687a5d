/* A plan: a graph with its gradients, bound to a capacity, as a flat list of calls over one arena.
 *
 * Made once for each capacity (samples, tokens), whether training, and what is to be read afterwards. Everything is
 * settled when it is made: which nodes are needed, where every tensor lies, how many bytes and operations a run
 * takes. A run then binds the inputs' addresses and the real number of rows, and calls op after op: no look-up, no
 * allocation, nothing that can fail but the device. Plans of one model share one arena, since only one of them runs
 * at a time. */
#ifndef PT__PLAN_H
#define PT__PLAN_H

#include "graph/op.h"

struct pt__text;
typedef struct pt__plan pt__plan_t;

typedef struct pt__plan_options {
    pt__rows_t capacity;    /* the most of each dimension that a run may have; 0 of those that no input has */
    int32_t training;       /* append the backward pass for parameters with wanted != 0 */
    int32_t recompute;      /* PT_RECOMPUTE_...: what the backward pass makes again instead of keeping it */
    const int32_t *wanted;  /* [parameters of the graph]; read where training */
    const int32_t *updated; /* [parameters of the graph] states that the run shall update; NULL: none */
    /* tensors to be read after a run; the loss, its weight and the metrics are kept where they are asked for here */
    const pt_tensor_t *kept;
    int32_t n_kept;
} pt__plan_options_t;

/* PT_ERR_SHAPE where the rows are too few for an op that works on all of them together (batch norm takes two at
 * least). */
pt_status_t pt__plan_check_rows(const pt__plan_t *plan, const pt__rows_t *rows, const int32_t *const *offsets);
pt_status_t pt__plan_create(const pt_graph_t *graph, const pt__plan_options_t *options, pt__plan_t **out);
void pt__plan_free(pt__plan_t *plan);

/* Bytes of the arena that a run needs, and of the plan's own tables. */
int64_t pt__plan_arena_bytes(const pt__plan_t *plan);
int64_t pt__plan_table_bytes(const pt__plan_t *plan);
/* Floating-point operations of a run with these real rows. */
double pt__plan_operations(pt__plan_t *plan, const pt__rows_t *rows);
/* The parameters whose gradients are complete after this step, 0 to pt__plan_steps - 1: nothing later in a run
 * writes to them. Each parameter that the plan makes a gradient of is told once. A run tells them too: see
 * pt__run_t.finished. */
const int32_t *pt__plan_finished(const pt__plan_t *plan, int64_t step, int32_t *count);
int64_t pt__plan_steps(const pt__plan_t *plan);
/* The second output of the loss' op, where the loss comes from one: the sum of weights; PT_NO_TENSOR otherwise (the
 * weight is the number of samples). */
pt_tensor_t pt__graph_loss_weight(const pt_graph_t *graph);

/* Sets every address, all the device's: the arena (pt__plan_arena_bytes, 64-byte aligned), the parameters' values,
 * their gradients ([parameters] each; gradients NULL where not training), and the constants of the graph that the plan
 * was made of. Again whenever one of them moves. */
void pt__plan_bind(pt__plan_t *plan, void *arena, float *const *values, float *const *gradients,
                   const void *const *constants);
/* run->count at most the capacity; inputs[i] is the data of the graph's input i (NULL for one that no step reads).
 * Inputs and run->offsets are the host's, and are uploaded where the device does not follow the host's addresses. */
/* Between entering the device and leaving it, which tells whether what the run wrote is of use. */
pt_status_t pt__plan_run(pt__plan_t *plan, const pt__run_t *run, const void *const *inputs);
/* A kept tensor after a run, with the run's sizes: the device's memory, until the next run of any plan on this
 * arena. */
typedef struct pt__kept {
    void *data;
    int64_t elements;
} pt__kept_t;
pt__kept_t pt__plan_read(const pt__plan_t *plan, pt_tensor_t tensor);
/* Whether any step reads the graph's input i. */
int32_t pt__plan_reads_input(const pt__plan_t *plan, int64_t input);

/* One line a step: op, shapes, bytes, operations, place in the arena. */
void pt__plan_print(pt__plan_t *plan, struct pt__text *text);

#endif
