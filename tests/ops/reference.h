/* What every op computes, in double precision and plain loops: what test_ops.c compares the float kernels with. Written from the formulas at the
 * head of each op's file, with nothing of the library's arithmetic. */
#ifndef OPS_REFERENCE_H
#define OPS_REFERENCE_H

#include "graph/op.h"

typedef struct reference_tensor {
    int32_t rank;
    int64_t size[PT_MAX_RANK];
    double *value; /* int32 tensors too; NULL: an input that is not there */
    int32_t is_index;
} reference_tensor_t;

typedef struct reference_call {
    const pt__attributes_t *attributes;
    int32_t n_inputs, n_outputs;
    reference_tensor_t inputs[PT__MAX_INPUTS], outputs[PT__MAX_OUTPUTS];
    const int32_t *offsets;
    int64_t samples;
    const double *mask; /* dropout: what it multiplies with */
} reference_call_t;

typedef void (*reference_fn)(const reference_call_t *call);

/* The op's reference, and in *n_outputs how many of its first outputs it computes. NULL: there is none. */
reference_fn reference_find(const char *op, int32_t *n_outputs);

int64_t reference_elements(const reference_tensor_t *tensor);

#endif
