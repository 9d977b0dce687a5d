/* What an op is: one descriptor in one file of lib/ops/ — shape rule, gradient rule, kernel calls, cost, sample cases.
 *
 * Losses. An op with PT__OP_LOSS has outputs 0 = mean loss, 1 = sum of the weights, 2.. = gradients of the weighted
 * *sum* of losses with respect to its differentiable inputs in their order (computed in the same pass, only where
 * something reads them). Training takes gradients of the sum: micro-batches add up, and the update divides by the
 * sum of all weights once. So the gradient rule of a loss is written once, in gradient.c: at the root d_input =
 * output 2 + i; elsewhere d_input = output · d_loss / weight. The sum of the weights is made of data alone: no
 * gradient is looked for through it. For a root that is not a loss op, the weight of a run is its number of samples
 * (op "sample_count"), which also seeds the gradient. */
#ifndef PT__OP_H
#define PT__OP_H

#include "graph/graph.h"

struct pt__device;

typedef struct pt__view { /* a tensor as a kernel call sees it; concrete sizes of this run */
    void *data;           /* NULL: an optional input that is not there, or an output that nobody reads */
    int32_t dtype;
    int32_t rank;
    int32_t dimension; /* that size[0] counts: place in the run's tables */
    int64_t size[PT_MAX_RANK];
} pt__view_t;

typedef struct pt__run { /* what holds for all steps of one run of a plan */
    struct pt__device *device;
    int64_t count[PT__DIMENSIONS];          /* real rows: samples, tokens; count[PT__DIMENSION_NONE] = 1 */
    const int32_t *offsets[PT__DIMENSIONS]; /* [samples + 1] of each ragged dimension that an input has; else NULL */
    uint64_t random_key;                    /* dropout: from seed and micro-step */
    int32_t training;
    int32_t accumulate; /* parameter gradients hold an earlier micro-step's already */
    /* Told of each parameter whose gradient is complete, as soon as the calls that make it are: given on the last
     * micro-batch of an update. Another status than PT_OK ends the run with it. NULL: nobody asks. */
    pt_status_t (*finished)(void *user, int32_t parameter);
    void *finished_user;
} pt__run_t;

typedef struct pt__call { /* one step: one node's op with its operands bound */
    const struct pt__op *op;
    const pt__attributes_t *attributes;
    int32_t n_inputs, n_outputs;
    pt__view_t inputs[PT__MAX_INPUTS];
    pt__view_t outputs[PT__MAX_OUTPUTS];
    uint32_t accumulate; /* bit i: output i is added to what is there; only for outputs in op->accumulates */
    void *scratch;       /* op->scratch() bytes, 64-byte aligned */
} pt__call_t;

enum {
    PT__OP_LOSS = 1u,
    PT__OP_ALIAS = 2u, /* output 0 is input 0's memory under another shape: no kernel */
    /* row i of output 0 depends on row i of the inputs that share its leading size, and on whole inputs without it */
    PT__OP_ROWWISE = 4u,
    PT__OP_RANDOM = 8u,    /* draws: its reference in tests/ops is given what was drawn */
    PT__OP_INTERNAL = 16u, /* a gradient's op: hosts cannot add it, it has no gradient itself */
    PT__OP_SINK = 32u,     /* kept although nobody reads it: output 0 is a stored tensor's (pt__sink_of) */
    /* output 0 holds values of the inputs, unchanged, in other places: bounds of indices hold for all of them */
    PT__OP_MOVES = 64u,
    /* where the node updates its states, a sample's result depends on the others of its run, and so on how a batch
     * is cut */
    PT__OP_COUPLES = 128u,
    PT__OP_STATE_SINK = 256u, /* a sink into a state, not into a gradient */
    /* not row-wise, but where output 0 counts the rows that the inputs count, what stands for one comes from that alone
     */
    PT__OP_KEEPS_ROWS = 512u
};

/* A case for the driver of tests/ops: what to build, and with which sizes. inputs: text such as "f[3,4] f[4] i10[3]":
 * s a positive state, f a differentiable float drawn from N(0,1), p a positive one, c a positive, m a 0 or 1 and z a 0
 * that is data, iN int32 in [0,N), lN the same with some PT_IGNORE_INDEX, h and b a float16 and a bfloat16 from
 * N(0,1), q blocks of such numbers (PT__BLOCK_Q8_0), T or B as a leading size symbolic ("f[T,8]", "f[B,2,3]",
 * "f[2T,8]"), S a second ragged dimension. The graph under test is op(inputs) with these attributes; "-" is an
 * optional input that is not there. */
enum { PT__CASE_INTEGERS = 16 };
typedef struct pt__case { /* small, and without pointers, as hosts get all of them with the library and read none */
    char inputs[112];
    struct {
        int32_t integers[PT__CASE_INTEGERS];
        double reals[PT__MAX_REALS];
    } attributes;
} pt__case_t;

static inline pt__attributes_t pt__case_attributes(const pt__case_t *description)
{
    pt__attributes_t attributes = {{0}, {0}};
    for (int32_t i = 0; i < PT__CASE_INTEGERS; i++)
        attributes.integers[i] = description->attributes.integers[i];
    for (int32_t i = 0; i < PT__MAX_REALS; i++)
        attributes.reals[i] = description->attributes.reals[i];
    return attributes;
}

/* Places of integers that others read than the op's own file. */
enum {
    PT__ATTRIBUTE_ACTIVATION = 0, /* of ops that take an activation or a slope: PT_ACTIVATION_... */
    PT__ATTRIBUTE_FUNCTION = 0,   /* of unary_gradient: pt__unary_t */
    PT__ATTRIBUTE_POOL = 0,       /* of pool: PT_POOL_... */
    PT__ATTRIBUTE_SINK = 0        /* of sinks: the place of the parameter that is written */
};

typedef struct pt__index { /* what the values of an int32 input pick */
    const char *role;      /* of the input, for messages */
    int64_t limit;         /* of so many rows; 0: it is no index */
    int32_t ignore;        /* a value that picks none; INT32_MIN: none */
} pt__index_t;

typedef struct pt__stride { /* of a sample: max(floor((rows + add) / divide) + plus, 0) */
    int64_t add, divide, plus;
} pt__stride_t;

/* Graphs whose runs go on where earlier ones ended (incremental.c): what stands for the rows that samples have had. */
typedef struct pt__increment {
    pt_tensor_t first; /* int32 [B]: the row of each state that a sample's rows begin at, */
    pt_tensor_t past;  /* int32 [B]: and how many it has from earlier runs */
    int64_t states;    /* made so far */
} pt__increment_t;

typedef struct pt__op {
    const char *name;
    uint32_t flags;
    int32_t min_inputs, max_inputs, n_outputs;
    uint32_t narrow_inputs; /* bit i: input i may be stored narrower than float32 (pt__dtype_is_narrow) */
    /* How many outputs a node has, 1 to n_outputs; NULL: n_outputs. */
    int32_t (*count_outputs)(const pt__attributes_t *attributes);
    uint32_t accumulates; /* bit i: output i can be added to its destination */
    uint32_t in_place;    /* bit i: output 0 may lie over input i, where their bytes are equal */
    /* What the planner may fill in, all 0 where the op has none. residual_input: place, counted from 1, of an input
     * that is added to output 0. takes_activation: PT__ATTRIBUTE_ACTIVATION is what is applied to output 0, after
     * the residual. slope_input: place of a pre-activation whose activation', by the same attribute, multiplies
     * output 0. */
    int32_t residual_input, takes_activation, slope_input;
    int32_t activation; /* the PT_ACTIVATION_... that the op is, by itself; 0: none */
    /* Ops that update states in a run. updates: place, counted from 1, of the integer that says whether this run
     * does, which the planner sets; 0: the op has none. updated_input[k]: output k is the new value of that input, a
     * state, counted from 1; 0: it is not. The planner has it written back when the run ends. */
    int32_t updates;
    int8_t updated_input[PT__MAX_OUTPUTS];
    uint32_t needs_gradient_of; /* bit i: input i is differentiable */
    uint32_t passes_gradient_of; /* bit i: the gradient rule takes the gradient of output i; 0: of output 0 alone */
    /* Checks the inputs of a node about to be appended and writes shape (and dtype, preset to float32) of its outputs.
     * It changes nothing: the planner asks it too, about nodes that may never be. */
    pt_status_t (*shape)(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs);
    /* Ops with a stride over rows: how the rows of output 0 follow from those of input 0, whose dimension the shape
     * rule gives it; another, derived one takes its place when the node is added. NULL: the op has none. */
    pt__stride_t (*stride)(const pt__node_t *node);
    /* What an int32 input of a node that the shape rule accepts indexes; NULL: no input of this op is an index. */
    pt__index_t (*index)(const pt_graph_t *graph, const pt__node_t *node, int32_t input);
    /* d_outputs[i]: gradient of output i or PT_NO_TENSOR, at least one of those that pass. Writes d_inputs[i] for every
     * input with wanted[i]. NULL: no gradient. node is a copy: adding nodes may move graph->nodes. */
    pt_status_t (*gradient)(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *d_outputs,
                            const int32_t *wanted, pt_tensor_t *d_inputs);
    /* Adds a node that makes output 0 anew from what the op's gradient keeps anyway, at the cost of a pass over
     * memory: called where the backward pass is to take less memory. Returns the tensor; PT_NO_TENSOR where this
     * node has no such way. NULL: the op has none. For ops whose gradient does not read output 0. */
    pt_tensor_t (*recompute)(pt_graph_t *graph, const pt__node_t *node);
    /* Adds to `graph` what stands for the node where a run brings only the further rows of each sample: of `inputs`,
     * what the node's have become. PT_NO_TENSOR, and nothing added, where it would have to know rows that are yet to
     * come. NULL: row-wise ops, and those that keep rows, are the same; others cannot. */
    pt_tensor_t (*incremental)(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *inputs,
                               pt__increment_t *increment);
    /* Ops that are row-wise in input 0 alone: a row of output 0 comes from that row of input 0 and from all of the
     * sample's rows of the other inputs, wherever it stands among its neighbours. can_choose: whether a node is so.
     * choose adds to `graph` what stands for it where some rows of output 0 alone are read: inputs[0] has those, one a
     * sample, [PT_DIM_BATCH, C], or rows of a ragged dimension, and so has the tensor that it gives. Both, or NULL. */
    int32_t (*can_choose)(const pt__node_t *node);
    pt_tensor_t (*choose)(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *inputs);
    /* Ops that want more of their inputs' values than bounds: asked on the host before each run, with the values of the
     * graph's inputs by their place, of which the node's int32 ones are converted and within their bounds. A failure
     * ends the run before anything is computed. NULL: no more is wanted. */
    pt_status_t (*examine)(const pt_graph_t *graph, const pt__node_t *node, const pt__run_t *run,
                           const void *const *inputs);
    /* Whether each element of output 0 is the largest of some of input 0, of one at least: then a function that does
     * not fall gives the same behind the node as before it. NULL: never. */
    int32_t (*keeps_order)(const pt__node_t *node);
    void (*run)(const pt__call_t *call, const pt__run_t *run);
    int64_t (*scratch)(
        const pt__call_t
            *call); /* bytes, from views at capacity (data not set but non-NULL where it will be); NULL: none */
    double (*operations)(const pt__call_t *call); /* floating-point operations; NULL: one an element of output 0 */
    const pt__case_t *cases;
    int32_t n_cases;
} pt__op_t;

/* Whether input `input` may be this tensor where it is stored in `dtype`: narrower than float32 only where the op says
 * so, and of rows of whole blocks. */
int32_t pt__op_takes(const pt__op_t *op, int32_t input, const pt__tensor_t *tensor, int32_t dtype);
/* The op of that name in the table, or NULL. */
const pt__op_t *pt__op_find(const char *name);
int32_t pt__op_count(void);
const pt__op_t *pt__op_at(int32_t index);

static inline int32_t pt__op_outputs(const pt__op_t *op, const pt__attributes_t *attributes)
{
    return op->count_outputs != NULL ? op->count_outputs(attributes) : op->n_outputs;
}

/* Whether a gradient of that output can pass through the op. */
static inline int32_t pt__op_passes(const pt__op_t *op, int32_t output)
{
    uint32_t passes = op->passes_gradient_of != 0 ? op->passes_gradient_of : 1u;
    return (int32_t)(passes >> output & 1u);
}

static inline int64_t pt__view_elements(const pt__view_t *view)
{
    int64_t elements = 1;
    for (int32_t i = 0; i < view->rank; i++)
        elements *= view->size[i];
    return elements;
}

/* Product of all sizes but the last `last`. */
static inline int64_t pt__view_rows(const pt__view_t *view, int32_t last)
{
    int64_t rows = 1;
    for (int32_t i = 0; i < view->rank - last; i++)
        rows *= view->size[i];
    return rows;
}

#endif
