/* What every op computes, in double precision and plain loops: what test_ops.c compares the float kernels with.
 * Written from the formulas at the head of each op's file, with nothing of the library's arithmetic. */
#ifndef OPS_REFERENCE_H
#define OPS_REFERENCE_H

#include "graph/op.h"
#include "kernels/kernels.h"

typedef struct reference_tensor {
    int32_t rank;
    int64_t size[PT_MAX_RANK];
    double *value; /* int32 tensors too; NULL: an input that is not there */
    int32_t is_index;
    int32_t dimension; /* that size[0] counts */
} reference_tensor_t;

typedef struct reference_call {
    const pt__attributes_t *attributes;
    int32_t n_inputs, n_outputs;
    reference_tensor_t inputs[PT__MAX_INPUTS], outputs[PT__MAX_OUTPUTS];
    const int32_t *offsets;
    int64_t samples;
    const double *mask; /* dropout: what it multiplies with */
    const pt__run_t *run;
} reference_call_t;

typedef void (*reference_fn)(const reference_call_t *call);

typedef struct reference_entry {
    const char *op;
    reference_fn run;
    int32_t n_outputs; /* how many of the op's first outputs it computes */
} reference_entry_t;

/* Tables of the other files, up to an entry without an op. */
extern const reference_entry_t reference_layers[], reference_convolutions[], reference_losses[], reference_pictures[],
    reference_recurrences[];

/* The op's reference, and in *n_outputs how many of its first outputs it computes. NULL: there is none. */
reference_fn reference_find(const char *op, int32_t *n_outputs);

/* What the references share: elements, the last size, the rows of all but the last dimensions; an input that may not
 * be there; an elementwise function; one element of a row times a weight [O, I] or [I, O]; log Σ exp of a row. */
int64_t reference_elements(const reference_tensor_t *tensor);
int64_t reference_last(const reference_tensor_t *tensor);
int64_t reference_rows(const reference_tensor_t *tensor, int32_t trailing);
const double *reference_optional(const reference_call_t *call, int32_t input);
double reference_unary(pt__unary_t kind, double x);
double reference_product(const double *row, const double *weight, int64_t inputs, int64_t outputs, int64_t o,
                         int32_t in_out);
double reference_log_sum_exp(const double *row, int64_t columns);

#endif
