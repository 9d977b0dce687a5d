/* Runs a case of an op without a planner: builds the graph of one op and of its gradient from the case's text, gives
 * every tensor memory of its own, binds views for the rows that a profile says are there, and runs the nodes in order.
 * Memory that nobody has written is NaN. */
#ifndef OPS_MACHINE_H
#define OPS_MACHINE_H

#include "graph/op.h"
#include "kernels/cpu/cpu_device.h"

enum { MACHINE_SAMPLES = 6, MACHINE_OTHER = PT__DIMENSION_TOKENS + 1 /* a second ragged dimension, S in cases */ };

/* How many rows there are, of how many there could be. */
typedef struct profile {
    const char *name;
    int64_t capacity[PT__DIMENSIONS];
    int64_t samples;
    int32_t offsets[MACHINE_SAMPLES + 1]; /* [samples + 1] */
    int32_t others[MACHINE_SAMPLES + 1];  /* [samples + 1] of MACHINE_OTHER */
} profile_t;

typedef struct buffer {
    void *data;       /* as for the capacity */
    int64_t bytes;    /* of the rows that are there */
    int64_t capacity; /* bytes */
} buffer_t;

typedef struct machine {
    pt_context_t context; /* of the graph's memory only */
    pt_graph_t *graph;
    const profile_t *profile;
    pt__run_t run;
    pt__node_t node;               /* the op's, a copy */
    char kind[PT__MAX_INPUTS];     /* of each input: f p s c m z i l h b q - */
    int64_t limit[PT__MAX_INPUTS]; /* i and l */
    pt_tensor_t d_dst[PT__MAX_OUTPUTS]; /* PT_NO_TENSOR: a loss, or no gradient of this output */
    int32_t wanted[PT__MAX_INPUTS];
    pt_tensor_t d_inputs[PT__MAX_INPUTS]; /* where wanted */
    pt_tensor_t recomputed;                    /* output 0 made anew; PT_NO_TENSOR: the op has no such way */
    pt__rows_t capacity;                  /* the profile's, with derived dimensions */
    int32_t derived[PT__DIMENSIONS][MACHINE_SAMPLES + 1]; /* offsets */
    buffer_t *buffers;                    /* [graph's tensors] */
    int32_t overflows;
    int8_t *ran; /* [ops of the table] set for those that a node called; NULL: not wanted */
} machine_t;

/* Builds graph and buffers, and fills the inputs from `seed`; gradients come to those outputs that `passing` has a bit
 * of. machine_free() in any case. */
pt_status_t machine_create(machine_t *machine, const pt__op_t *op, const pt__case_t *description,
                           const profile_t *profile, uint32_t passing, uint64_t seed);
void machine_free(machine_t *machine);

/* Only the graph, without d_dst: what negative tests of shape rules need. Appends the tensor that a text such as
 * "f[T,4]" describes. */
pt_status_t machine_open(machine_t *machine);
pt_tensor_t machine_tensor(machine_t *machine, const char *text, char *kind, int64_t *limit);

/* All nodes in order, on this device. */
void machine_execute(machine_t *machine, pt__device_t *device);

/* One node's operands; then the call as it stands, with scratch of its own. How often a call wrote behind its scratch:
 * machine->overflows. */
pt__call_t machine_bind(const machine_t *machine, const pt__node_t *node);
void machine_call(machine_t *machine, pt__call_t *call, pt__device_t *device);

/* The same views, with all rows that could be there. */
pt__view_t machine_view(const machine_t *machine, pt_tensor_t tensor, int32_t at_capacity);

/* An element of a view, whatever its dtype. */
double machine_value(const pt__view_t *view, int64_t index);

/* Aligned memory whose every byte is 0xFF, NaN as a float; at least MACHINE_MARGIN bytes more than asked for. */
enum { MACHINE_MARGIN = 64 };
void *machine_memory(int64_t bytes);

/* Deterministic draws. */
double machine_normal(uint64_t *state);
double machine_uniform(uint64_t *state);

#endif
