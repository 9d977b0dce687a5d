/* A network as data: tensors (values), and nodes (ops that make tensors from tensors) in an order in which every
 * node comes after what it reads. Hosts and models build it (builder.c); gradient.c appends the nodes of the
 * backward pass; plan/ turns it into steps. Nothing here knows memory addresses or processors. */
#ifndef PT__GRAPH_H
#define PT__GRAPH_H

#include "base/context.h"
#include "base/dimension.h"

enum { PT__MAX_INPUTS = 16, PT__MAX_OUTPUTS = 8, PT__MAX_INTEGERS = 32, PT__MAX_REALS = 4 };

/* size[0] counts rows of `dimension` (base/dimension.h), unless that is NONE: with PT__DIMENSION_TOKENS and size[0]
 * = 4 there are four rows a token. Only the leading size can be symbolic. */
typedef struct pt__shape {
    int32_t rank;
    int32_t dimension;
    int64_t size[PT_MAX_RANK];
} pt__shape_t;

typedef enum pt__kind {
    PT__KIND_NONE,
    PT__KIND_INPUT,
    PT__KIND_PARAMETER,
    PT__KIND_CONSTANT,
    PT__KIND_RESULT
} pt__kind_t;

typedef struct pt__tensor {
    pt__kind_t kind;
    int32_t dtype;
    pt__shape_t shape;
    int32_t place;          /* index into inputs, parameters or constants, or of the node that makes it */
    int32_t output;         /* RESULT: which of the node's outputs */
    int32_t differentiable; /* a parameter, or a float computed from one by ops that have a gradient */
    int64_t index_limit;    /* int32 tensors that index: every value must be in [0, limit) ... */
    int32_t index_ignore;   /* ... or be this one; INT32_MIN: none. index_limit 0: not an index */
} pt__tensor_t;

typedef struct pt__input {
    char *name;
    pt_tensor_t tensor;
} pt__input_t;

/* What becomes of a stored tensor: an optimizer changes it, or the run itself does (running statistics, caches) and
 * no optimizer. Whether one that can learn does is the model's to say. */
typedef enum pt__role { PT__ROLE_LEARNS = 0, PT__ROLE_STATE, PT__ROLE_COUNT } pt__role_t;

typedef struct pt__held { /* values that a graph was given; all its copies share them */
    const void *values;
    void *block; /* that holds them, and begins with how many graphs do; NULL: no values */
} pt__held_t;

typedef struct pt__parameter { /* a stored tensor: it outlives a run */
    char *name;
    pt_tensor_t tensor;
    pt__role_t role;
    int32_t initializer;
    double value;
    pt__held_t initial; /* float32, in place of what the initializer says; values NULL: there are none */
    int32_t is_frozen;  /* at first */
} pt__parameter_t;

typedef struct pt__constant {
    pt__held_t held; /* of the tensor's dtype */
    pt_tensor_t tensor;
} pt__constant_t;

typedef struct pt__attributes { /* what an op needs beside tensors; each op's file names its places */
    int64_t integers[PT__MAX_INTEGERS];
    double reals[PT__MAX_REALS];
} pt__attributes_t;

struct pt__op;
typedef struct pt__node {
    const struct pt__op *op;
    int32_t n_inputs, n_outputs;
    pt_tensor_t inputs[PT__MAX_INPUTS]; /* PT_NO_TENSOR: an optional input that is not there */
    pt_tensor_t outputs[PT__MAX_OUTPUTS];
    int32_t recomputed; /* makes again, in the backward pass, what the forward pass made and did not keep */
    pt__attributes_t attributes;
} pt__node_t;

typedef struct pt__output {
    char *name;
    pt_tensor_t tensor;
} pt__output_t;

typedef struct pt__dimension { /* what a leading size may count (dimensions.c) */
    char *name;                /* owned; NULL: samples, tokens, or derived */
    int32_t parent;            /* what it is derived from; NONE: its rows come with data */
    int64_t add, divide, plus;
    int32_t is_chosen; /* some of the parent's rows, which a derived field says (derived.h) */
    int32_t may_be_empty; /* samples may have no rows: targets of CTC, where nothing is said */
} pt__dimension_t;

/* What an evaluation tells beside the loss: a kind of metric (metrics/metrics.h) and the tensors that it reads, inputs
 * or computed. */
enum { PT__MAX_METRICS = 16, PT__METRIC_NAME = 64 };
typedef struct pt__metric {
    char name[PT__METRIC_NAME];
    const char *kind;
    int32_t direction;         /* PT_METRIC_...; 0: the kind's */
    pt_tensor_t value, target; /* PT_NO_TENSOR: not read */
} pt__metric_t;

/* A family's own head of a sample: its first row, dropout where it drops first, dense with the activation, dropout,
 * output. Names are those of linears, without ".weight" and ".bias". All static. */
typedef struct pt__sample_head {
    const char *dense, *output;
    int32_t activation;
    int32_t drops_first;
} pt__sample_head_t;

/* A family's own head of a masked language model: norm(activation(dense(row))) times the output weight, and a bias. */
typedef struct pt__word_head {
    const char *dense, *norm;  /* without ".weight" and ".bias" */
    const char *weight, *bias; /* whole names; weight is the name of one that is not tied */
    const char *untied_bias;   /* the bias' name where the weight is not tied; NULL: the same */
    int32_t activation;        /* 0: the network's */
} pt__word_head_t;

/* What a trunk offers to the task that is put on it: written by a family's build, read by a task's. */
typedef struct pt__offer {
    pt_tensor_t output_weight; /* a language model's [V, D], where it is tied to the embedding; PT_NO_TENSOR: none */
    const char *head; /* static: what the family's files call the head of a sample; NULL: as the task calls it */
    int32_t head_lacks_bias;
    const pt__sample_head_t *sample_head; /* static, as the next; NULL: the family has none of its own */
    const pt__word_head_t *word_head;
    double head_dropout;       /* in sample_head, or before the head of a sample that has one row; the task's options go
                                * first */
    double deviation, epsilon; /* of the weights of these heads at first, and of their norms */
    int32_t activation;        /* of the network's layers */
    /* Static patterns, up to a NULL, of the parameters whose rows are the planes that rotary positions turn, of heads
     * of this width (base/plane_order.h); NULL: there are none. */
    const char *const *turned;
    int64_t head_width;
    int32_t side_by_side; /* so they stand in all of these */
    int32_t sees_ahead;     /* the trunk's rows depend on what is behind them, further than a convolution reaches */
} pt__offer_t;

struct pt_graph {
    pt_context_t *context;
    pt_status_t status; /* the first error sticks */
    char message[PT__MESSAGE_SIZE];
    pt__tensor_t *tensors; /* [n_tensors] by their numbers: the first, PT_NO_TENSOR, is none */
    pt__node_t *nodes;
    pt__input_t *inputs;
    pt__parameter_t *parameters;
    pt__constant_t *constants;
    pt__output_t *outputs;
    int64_t n_tensors, n_nodes, n_inputs, n_parameters, n_constants, n_outputs;
    int64_t tensor_capacity, node_capacity, input_capacity, parameter_capacity, constant_capacity, output_capacity;
    pt__dimension_t dimensions[PT__DIMENSIONS]; /* [n_dimensions]; the first three have no name here */
    int32_t n_dimensions;
    pt_tensor_t loss;                     /* PT_NO_TENSOR: none */
    int64_t length_limit[PT__DIMENSIONS]; /* the most rows that a sample may have of a ragged dimension; 0: no limit */
    int64_t draws;                        /* random numbers' streams given out: see pt__graph_draw */
    pt__metric_t metrics[PT__MAX_METRICS];
    int32_t n_metrics;
    pt__offer_t offer;
};

/* Options of pt_parameter and pt_state that say only how the values begin. */
#define PT__INITIAL(kind, number) \
    (&(pt_parameter_options_t){   \
        .struct_size = (uint32_t)sizeof(pt_parameter_options_t), .initializer = (kind), .value = (number)})

/* Adds a metric, or puts it in place of the one of this name. `kind` is static, and one of metrics/metrics.def; target
 * may be PT_NO_TENSOR. Sticky errors as the builder's calls have them: names, and tensors that an evaluation could not
 * read. */
pt_status_t pt__graph_add_metric(pt_graph_t *graph, const char *name, const char *kind, int32_t direction,
                                 pt_tensor_t value, pt_tensor_t target);

/* A deep copy; tensors keep their numbers. */
pt_status_t pt__graph_copy(const pt_graph_t *graph, pt_graph_t **out);
/* The same as a graph of another context, which shares nothing with it. */
pt_status_t pt__graph_copy_to(pt_context_t *context, const pt_graph_t *graph, pt_graph_t **out);

/* The tensor, or NULL for one that the graph does not have. */
pt__tensor_t *pt__graph_tensor(const pt_graph_t *graph, pt_tensor_t tensor);
pt__node_t *pt__graph_producer(const pt_graph_t *graph, pt_tensor_t tensor);   /* NULL unless a RESULT */
const pt__input_t *pt__graph_input(const pt_graph_t *graph, const char *name); /* NULL: none */
const pt__parameter_t *pt__graph_parameter(const pt_graph_t *graph, const char *name);
pt_tensor_t pt__graph_output(
    const pt_graph_t *graph,
    const char *name); /* PT_NO_TENSOR: none; name NULL: the first that is not "hidden", else the first */

/* How a builder's call begins: PT_OK; or the error that the graph is already in, whose message is the thread's again;
 * or, where it is NULL, PT_ERR_ARGUMENT, with a message that names `function` (NULL: none). */
pt_status_t pt__graph_ready(const pt_graph_t *graph, const char *function);

/* Sets the graph's first error (message by format) and returns PT_NO_TENSOR: for the builder's calls. */
pt_tensor_t pt__graph_fail(pt_graph_t *graph, pt_status_t status, const char *format, ...) PT__PRINTF(3, 4);

/* The same with the status and the message that were just reported. */
pt_tensor_t pt__graph_stick(pt_graph_t *graph, pt_status_t status);

/* Appends a tensor that no node makes: `place` among the inputs, parameters or constants. */
pt_status_t pt__graph_append(pt_graph_t *graph, pt__kind_t kind, int32_t dtype, const pt__shape_t *shape, int64_t place,
                             pt_tensor_t *out);

/* No sample may have more rows of this dimension than that, or than an earlier limit. */
void pt__graph_limit_length(pt_graph_t *graph, int32_t dimension, int64_t limit);

/* The number of another stream of random numbers: what tells the dropouts of a graph apart. It belongs to the node, not
 * to its place, and a copy goes on where its original stood: whatever is rewritten around a dropout, its mask stays. */
int64_t pt__graph_draw(pt_graph_t *graph);

/* A copy of values for a constant or a parameter, which the caller then makes the graph's or lets go. */
pt_status_t pt__graph_hold(pt_graph_t *graph, const void *values, int64_t bytes, pt__held_t *held);
void pt__graph_let_go(pt_graph_t *graph, const pt__held_t *held);

/* Adds a node: lets the op check its inputs and shape its outputs. Returns the first output, PT_NO_TENSOR after an
 * error. `graph` may already be in error. attributes may be NULL (all zero). The node's other outputs are the
 * tensors that follow the first. */
pt_tensor_t pt__graph_add(pt_graph_t *graph, const struct pt__op *op, int32_t n_inputs, const pt_tensor_t *inputs,
                          const pt__attributes_t *attributes);

/* bound.c, for pt__graph_add. Refuses an input whose values are not known to stay below what they index, as the op says
 * ... */
pt_status_t pt__graph_check_indices(const pt_graph_t *graph, const pt__node_t *node);
/* ... and notes these bounds at the tensors and at what their values are moved from. */
void pt__graph_bound_indices(pt_graph_t *graph, const pt__node_t *node);

/* Appends the nodes that compute the loss' gradients for every parameter with wanted[place] != 0. For each
 * contribution to a parameter's gradient it appends one node of op "accumulate_gradient" (input: the contribution,
 * integers[0]: the parameter's place). Afterwards reached[place] tells which parameters the loss depends on.
 * gradient of the *weighted sum*: see op.h on losses. recomputed [tensors]: not 0 for what is made again in the
 * backward pass, where its op can (op->recompute), instead of being kept; NULL: nothing is. */
pt_status_t pt__graph_append_gradients(pt_graph_t *graph, const int32_t *wanted, const int8_t *recomputed,
                                       int32_t *reached);

/* found[place] = 1 for every parameter with wanted[place] != 0 that the loss depends on through ops that have
 * gradients. */
pt_status_t pt__graph_find_learnables(const pt_graph_t *graph, const int32_t *wanted, int32_t *found);
/* read[i] = 1 for every input that one of these tensors is computed from; PT_NO_TENSOR among them is passed over. */
pt_status_t pt__graph_find_inputs(const pt_graph_t *graph, const pt_tensor_t *tensors, int32_t count, int8_t *read);

/* incremental.c. The graph of a language model as one whose runs bring only the further rows of each sample (token):
 * what earlier rows left for later ones is kept in states [rows, ...] of all samples together, parameters behind those
 * of `graph`: whoever has memory for more than one row sets their size before planning. Only what `output` is computed
 * from is in it. NULL where an op needs rows that are yet to come, or mixes them in a way that is not known. */
typedef struct pt__incremental {
    pt_graph_t *graph;
    pt_tensor_t output;
    int64_t first; /* places of two further inputs, int32 [B]: each sample's first row in the states, */
    int64_t past;  /* and how many are there */
} pt__incremental_t;
pt_status_t pt__graph_incremental(const pt_graph_t *graph, pt_tensor_t output, pt__incremental_t *out);

/* Whether all that read the tensor take it in this dtype: float32, or one that is narrower (base/dtype.h). */
int32_t pt__graph_takes(const pt_graph_t *graph, pt_tensor_t tensor, int32_t dtype);
/* From here on the parameter is stored in this dtype; PT_ERR_UNSUPPORTED where an op that reads it does not take it.
 * What is narrower than float32 does not learn: to ask for its gradient fails. */
pt_status_t pt__graph_store_as(pt_graph_t *graph, int64_t place, int32_t dtype);

/* Checks everything that planning relies on; PT_ERR_INTERNAL with the node where something does not hold. */
pt_status_t pt__graph_verify(const pt_graph_t *graph);

/* The graph as text (print.c shows the form). */
struct pt__text;
void pt__graph_print_text(const pt_graph_t *graph, struct pt__text *text);

/* ---- Dimensions (dimensions.c) ---- */

/* A new graph's: samples and tokens. */
void pt__dimensions_start(pt_graph_t *graph);
/* The host's code of a dimension; the dimension of a code, NONE where it is none of this graph's. */
int64_t pt__dimension_code(int32_t dimension);
int32_t pt__dimension_find(const pt_graph_t *graph, int64_t code);
/* "batch", "tokens" or a host's; NONE: there is none of that name. */
int32_t pt__dimension_named(const pt_graph_t *graph, const char *name);
/* The one with these numbers, made where there is none yet; the parent itself where they change nothing. NONE after
 * an error, which sticks. */
int32_t pt__graph_derive_dimension(pt_graph_t *graph, int32_t parent, int64_t add, int64_t divide, int64_t plus);
/* A new dimension of some rows of another, which a derived field (derived.h) chooses for each run. NONE after an error,
 * which sticks. An int32 input of this dimension alone, which that field fills with the rows' numbers among all of the
 * run, makes of pt_gather the choice of these rows. */
int32_t pt__graph_choose_dimension(pt_graph_t *graph, int32_t parent);
/* Rows of a sample of a derived dimension whose parent has so many. */
int64_t pt__dimension_rows(const pt__dimension_t *dimension, int64_t parent_rows);
/* The most rows of the derived dimensions, from those of the others. */
void pt__graph_complete_rows(const pt_graph_t *graph, pt__rows_t *capacity);
/* Offsets and rows of the derived dimensions whose parents have some; buffers[i] [samples + 1] of each derived one. */
void pt__graph_derive_offsets(const pt_graph_t *graph, int64_t samples, const int32_t **offsets, int32_t **buffers,
                              int64_t *rows);
/* Rows of all samples in a ragged dimension, derived ones without making their offsets; and of each, where lengths
 * [samples] is not NULL. */
int64_t pt__graph_count_rows(const pt_graph_t *graph, int32_t dimension, int64_t samples, const int32_t *const *offsets,
                             int64_t *lengths);
/* Its name in messages: "B", "T", "frames", "(frames+1)/2". graph NULL: none but the first two are known. */
void pt__dimension_print(const pt_graph_t *graph, int32_t dimension, char *buffer, size_t size);

/* Rows of all samples together: the samples' borders are in the run's offsets. */
static inline int32_t pt__shape_is_ragged(const pt__shape_t *shape)
{
    return shape->dimension >= PT__DIMENSION_TOKENS;
}

/* "float32[4T, 128]" into buffer of at least 96 bytes; returns buffer. graph may be NULL where the shape counts
 * samples or tokens at most. */
char *pt__graph_shape_print(const pt_graph_t *graph, const pt__shape_t *shape, int32_t dtype, char *buffer,
                            size_t size);
char *pt__shape_print(const pt__shape_t *shape, int32_t dtype, char *buffer, size_t size);
int32_t pt__shape_equal(const pt__shape_t *a, const pt__shape_t *b);
/* Elements, with the symbolic leading size counted as its multiplier: for a fixed shape simply its elements. */
int64_t pt__shape_elements(const pt__shape_t *shape);
/* Elements of all but the last `last` dimensions, with the leading multiplier. */
int64_t pt__shape_rows(const pt__shape_t *shape, int32_t last);
pt__shape_t pt__shape_make(int32_t dimension, int32_t rank, const int64_t *size);
pt__shape_t pt__shape_scalar(void);

#endif
