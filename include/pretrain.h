/* pretrain.h: the public interface of libpretrain, a library that pretrains and fine-tunes neural networks inside a
 * host's program.
 *
 *   pt_context_t    threads, memory, log, seed                     pt_model_t      a network: graph, parameters, plans
 *   pt_graph_t      a network being described, op by op            pt_optimizer_t  update rule, its slots, its schedule
 *   pt_dataset_t    samples, from callbacks, arrays or files       pt_tokenizer_t  text to tokens and back
 *
 * Every call that can fail returns a pt_status_t: PT_OK or a negative code; pt_last_error() then tells what was
 * expected and found. The library never exits, aborts, prints or changes process-wide state. Handles are made by
 * pt_X_create-like calls (last argument; set to NULL on failure) and freed by pt_X_free(), which accepts NULL; what
 * a handle needs it retains, so handles may be freed in any order. Different handles may be used by different
 * threads at once, one handle by one thread at a time (pt_model_cancel and the getters named as such excepted).
 * Options structs begin with their size: call the struct's init function, change fields, pass it; NULL options mean
 * the defaults. Strings are UTF-8. Sizes are in elements unless the name says bytes, times in seconds. What a call is
 * handed it reads or copies before it returns; where it keeps a pointer the comment says so.
 *
 * Where a comment names no other: PT_ERR_ARGUMENT for what is NULL, out of range or contradicts itself, PT_ERR_MEMORY
 * where the allocator gave nothing, and a failed call has changed nothing. From within a model's own callbacks calls
 * that take it as const may be made, and pt_model_cancel; others are PT_ERR_BUSY. Getters cannot fail: a NULL handle
 * gives 0 or NULL.
 *
 * Callbacks are called on the thread that called the library, unless the host allowed others (PT_DATASET_THREAD_SAFE,
 * PT_DATASET_CONCURRENT; the allocator and the log). They report through the struct that they are handed, and they
 * return: an exception or a longjmp that passes through the library leaves the handles of the call in use
 * (PT_ERR_BUSY) until pt_recover.
 *
 * One long file on purpose: a host reads and ships one header.
 *
 * While it computes, the library rounds to nearest, traps nothing and takes denormal numbers (below 1.2e-38) as
 * zero, which some processors compute a hundred times slower than others; on the calling thread too. After a call
 * and within every callback that thread has the host's own floating-point settings and flags again. */
#ifndef PRETRAIN_H
#define PRETRAIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PT_VERSION_MAJOR 0
#define PT_VERSION_MINOR 1
#define PT_VERSION_PATCH 0

/* What stands before every declaration; a host may define it before it includes this file, as nothing where a tool that
 * reads headers (LuaJIT's ffi.cdef, cffi) knows no attributes. On Windows PT_STATIC goes with the static library. */
#ifndef PT_API
#if defined(_WIN32) && defined(PT_BUILD)
#define PT_API __declspec(dllexport)
#elif defined(_WIN32) && !defined(PT_STATIC)
#define PT_API __declspec(dllimport)
#elif !defined(_WIN32) && (defined(__GNUC__) || defined(__clang__))
#define PT_API __attribute__((visibility("default")))
#else
#define PT_API
#endif
#endif

/* ---- Statuses ---------------------------------------------------------------------------------------------------- */

/* What a call tells of itself: PT_OK, or a negative number of the list below. Branch on it; the words are in
 * pt_last_error. */
typedef int32_t pt_status_t;

/* Statuses. Their values never change; a newer library may have more of them. */
enum {
    PT_OK = 0,
    /* an argument is NULL, out of range or contradicts another */
    PT_ERR_ARGUMENT = -1,
    /* the allocator gave nothing */
    PT_ERR_MEMORY = -2,
    /* the system refused to read or write a file */
    PT_ERR_IO = -3,
    /* a file's or text's content is not what its format allows */
    PT_ERR_FORMAT = -4,
    /* valid, but this build, processor or version cannot do it */
    PT_ERR_UNSUPPORTED = -5,
    /* shapes or dtypes do not fit together */
    PT_ERR_SHAPE = -6,
    /* no such file, tensor, field, key or name */
    PT_ERR_NOT_FOUND = -7,
    /* a host's callback failed, or did not report success */
    PT_ERR_CALLBACK = -8,
    /* pt_model_cancel was called; weights stand at the last completed step */
    PT_ERR_CANCELLED = -9,
    /* the handle is in use: a call from within its own callback */
    PT_ERR_BUSY = -10,
    /* an options struct or file is of a newer version than this library */
    PT_ERR_VERSION = -11,
    /* NaN or infinity in data, or too many times in a row in the gradients */
    PT_ERR_NONFINITE = -12,
    /* the stated budget of bytes cannot be met; the message says what is needed */
    PT_ERR_BUDGET = -13,
    /* end of data: what a stream's callback writes when a pass is over */
    PT_END = -14,
    /* calls in the wrong order: a model without the task, loss or output that is asked for */
    PT_ERR_STATE = -15,
    /* the library contradicts itself: please report it with the message */
    PT_ERR_INTERNAL = -16,
    /* the device that computes failed: the last step is not in the weights, or the message says so */
    PT_ERR_DEVICE = -17,
};

/* "PT_ERR_SHAPE"; "PT_ERR_?" for a value that is no status. Never NULL. A string of the library's own; any thread. */
PT_API const char *pt_status_name(pt_status_t status);
/* A sentence that says what a status means; "unknown status" for other values. As pt_status_name. */
PT_API const char *pt_status_message(pt_status_t status);

/* The message of this thread's last failed call, "" after a successful one. Valid until the thread's next call. Where a
 * runtime moves work between threads, handles keep theirs: pt_model_last_error and the like; of what could not be made,
 * pt_context_last_error. */
PT_API const char *pt_last_error(void);
/* Copies it, cut to `size` bytes with its final 0, and returns the whole length without the 0; buffer may be NULL
 * with size 0. */
PT_API size_t pt_last_error_copy(char *buffer, size_t size);

/* The version of the library that runs, "0.1.0". A string of the library's own; any thread. */
PT_API const char *pt_version(void);
/* The same as a number: major * 1000000 + minor * 1000 + patch. */
PT_API int32_t pt_version_number(void);

/* ---- Types ------------------------------------------------------------------------------------------------------- */

/* Types of the elements of arrays: dtypes. Floats are IEEE 754's of that width but PT_BFLOAT16, the upper half of a
 * float32; PT_BOOL is a byte, 0 or 1. */
enum {
    PT_FLOAT32 = 1,
    PT_FLOAT64 = 2,
    PT_FLOAT16 = 3,
    PT_BFLOAT16 = 4,
    PT_INT8 = 5,
    PT_INT16 = 6,
    PT_INT32 = 7,
    PT_INT64 = 8,
    PT_UINT8 = 9,
    PT_UINT16 = 10,
    PT_UINT32 = 11,
    PT_UINT64 = 12,
    PT_BOOL = 13,
};

/* Limits: sizes of a shape, and bytes of a name with its final 0. */
enum {
    PT_MAX_RANK = 6,
    /* bytes of a name with its final 0 */
    PT_MAX_NAME = 256,
};

/* Sizes that are known only when data comes; they may stand as the leading dimension of a shape. PT_DIM_BATCH is the
 * number of samples of a run. PT_DIM_TOKENS is the number of rows of all its samples together: the samples of a ragged
 * field lie end to end, without padding, and attention, positions and pooling stop at their borders. Far from -1, which
 * elsewhere means "what is left" or "none". */
enum {
    PT_DIM_BATCH = -1001,
    PT_DIM_TOKENS = -1002,
};

/* Numbers that go in or out, of whatever kind: a field of a dataset, a batch or a step, a parameter, a result, the
 * tokens of texts, the weights of classes. Calls take the struct's size beside it (array_size, sizeof(pt_array_t)), so
 * that callers and libraries of other versions, where it has more fields at its end, agree. A zeroed one is a view of
 * nothing.
 *
 * In: `data` holds the elements, one sample behind the other, and is only read. `elements` says how many there are; 0
 * where it is left to the call to know. Where rank is not 0, the shape is compared with what is expected; for a ragged
 * field it may be a fixed one, of every sample, in place of lengths.
 *
 * Out: `data` has room for `capacity` elements of `dtype`, and, where lengths is not NULL, `lengths` for
 * `lengths_capacity` samples. dtype 0 stands for the dtype that there is, floats for quantised weights; other dtypes
 * are converted to, rounded to nearest, and a value that does not fit is refused (PT_ERR_ARGUMENT). The library writes
 * dtype, rank, shape, max_length, elements and samples, also where data or lengths are too small: that is
 * PT_ERR_ARGUMENT, and elements and samples tell the whole need. Asked with data NULL and capacity 0, a call only tells
 * them, and is PT_OK. */
typedef struct pt_array {
    /* of the field, where several are given; else not read */
    const char *name;
    /* PT_FLOAT32 ... of data */
    int32_t dtype;
    /* sizes in shape */
    int32_t rank;
    /* of one sample, of a ragged field from PT_DIM_TOKENS on; of a parameter: all of it */
    int64_t shape[PT_MAX_RANK];
    /* of a ragged field: the most rows that a sample has; else 0 */
    int64_t max_length;
    void *data;
    int64_t capacity;
    int64_t elements;
    /* rows of each sample, of what is ragged */
    int64_t *lengths;
    int64_t lengths_capacity;
    int64_t samples;
} pt_array_t;

/* ---- Context: threads, memory, log, seed ------------------------------------------------------------------------- */

/* Threads, memory, log and seed, which all that is made from it shares. Contexts know nothing of one another. */
typedef struct pt_context pt_context_t;
/* Makes tokens of texts; see pt_tokenizer_open. */
typedef struct pt_tokenizer pt_tokenizer_t;
/* Makes text of tokens as they come; see pt_decoder_create. */
typedef struct pt_decoder pt_decoder_t;
/* Makes rows of a recording as it comes; see pt_audio_stream_create. */
typedef struct pt_audio_stream pt_audio_stream_t;
/* Makes text of what a recognition model hears; see pt_recognizer_create. */
typedef struct pt_recognizer pt_recognizer_t;

/* Memory of so many bytes, aligned as malloc's; NULL where there is none. Both are called from any of the library's
 * threads, also by several at once. */
typedef void *(*pt_allocate_fn)(void *user, size_t bytes);
/* bytes: what was asked for. */
typedef void (*pt_release_fn)(void *user, void *block, size_t bytes);

/* Levels of the log, from what is worst to what is most detailed. */
enum {
    PT_LOG_ERROR = 1,
    PT_LOG_WARNING = 2,
    PT_LOG_INFO = 3,
    PT_LOG_DEBUG = 4,
};
/* May be called from any of the library's threads, one at a time: what other threads say meanwhile comes after it, on
 * its thread. `message` is one line without its end. */
typedef void (*pt_log_fn)(void *user, int32_t level, const char *message);

/* PT_GEMM_CBLAS: an OpenBLAS set to several threads uses its own, which spin between products. PT_ERR_UNSUPPORTED in a
 * library that is built without a CBLAS (-Dblas=none). */
enum {
    /* our own matrix kernels where the processor has them, else cblas where there is one */
    PT_GEMM_AUTO = 0,
    PT_GEMM_OWN = 1,
    PT_GEMM_CBLAS = 2,
};

/* How a context works. Copied by pt_context_create; the hooks and their users are kept until the context has ended. */
typedef struct pt_context_options {
    uint32_t struct_size;
    /* none are defined: 0 */
    uint32_t flags;
    /* computing threads, the caller's included; 0: as many as there are processors that this process may use */
    int32_t threads;
    /* PT_GEMM_... */
    int32_t gemm;
    /* of everything random: initial weights, dropout, shuffling, sampling */
    uint64_t seed;
    /* both or neither */
    pt_allocate_fn allocate;
    pt_release_fn release;
    void *memory_user;
    /* NULL: silence */
    pt_log_fn log;
    void *log_user;
    /* the most detailed level wanted; 0: PT_LOG_WARNING */
    int32_t log_level;
    int32_t reserved;
    /* "portable", "avx2", "avx512", "neon": the kernels to use; NULL: the best that runs here */
    const char *processor;
} pt_context_options_t;

/* Writes the defaults, at most struct_size bytes, which is sizeof *options. */
PT_API pt_status_t pt_context_options_init(pt_context_options_t *options, uint32_t struct_size);
/* A context of its own, which knows nothing of others in the process. NULL options: the defaults. PT_ERR_UNSUPPORTED: a
 * processor level or matrix kernels that this machine or build does not have. */
PT_API pt_status_t pt_context_create(const pt_context_options_t *options, pt_context_t **out);
/* Ends the context when nothing made from it is left. After fork() a child makes a context of its own. */
PT_API void pt_context_free(pt_context_t *context);
/* The message of the last call of any thread that failed to make something of this context, "" where none has: copied
 * as pt_last_error_copy does it. A getter: any thread. */
PT_API size_t pt_context_last_error(const pt_context_t *context, char *buffer, size_t size);
/* Bytes held now by this context and all made from it. A getter: any thread. */
PT_API int64_t pt_context_bytes(const pt_context_t *context);
/* The most bytes that were held at any time. A getter: any thread. */
PT_API int64_t pt_context_peak_bytes(const pt_context_t *context);
/* One line: processor level, threads, matrix kernels, BLAS. Lives as long as the context. */
PT_API const char *pt_context_describe(pt_context_t *context);

/* ---- Graph: describing a network --------------------------------------------------------------------------------- */

/* A network is described by calls that each add one op and return its result, a pt_tensor_t. The first error sticks:
 * later calls return PT_NO_TENSOR, and pt_model_create reports it. Errors can be asked for early with
 * pt_graph_status. Tensors are counted from 1, so that a zeroed struct of options asks for none. */
typedef struct pt_graph pt_graph_t;
/* The number of a tensor within its graph, from 1. */
typedef int32_t pt_tensor_t;
/* No tensor: what an optional argument is where it is left out, and what a call gives after an error. */
enum {
    PT_NO_TENSOR = 0,
};

/* An empty graph. It retains the context. */
PT_API pt_status_t pt_graph_create(pt_context_t *context, pt_graph_t **out);
/* Models made from the graph have copies of it and are not concerned. NULL: nothing happens. */
PT_API void pt_graph_free(pt_graph_t *graph);
/* The graph's first error, with its message as the thread's; PT_OK where there was none. */
PT_API pt_status_t pt_graph_status(const pt_graph_t *graph);
/* The message of the error that stuck, or of the last call that failed without one; "" where none has. Valid until the
 * graph's next call or its end. */
PT_API const char *pt_graph_last_error(const pt_graph_t *graph);

/* A dimension of rows of this graph's own, such as "frames": it may lead a shape as PT_DIM_TOKENS does. The rows of
 * each have borders between samples of their own, and their number in a sample may differ from one dimension to
 * another; fields that count the same one have as many in every sample. The same name gives the same dimension;
 * "batch" and "tokens" are PT_DIM_BATCH and PT_DIM_TOKENS. At most 13 dimensions beside these two, those that ops
 * with a stride derive among them. 0 after an error, which sticks. */
PT_API int64_t pt_graph_dim(pt_graph_t *graph, const char *name);
/* A named field of the data. shape has `rank` sizes; the first is PT_DIM_BATCH, PT_DIM_TOKENS or a pt_graph_dim.
 * dtype PT_FLOAT32 or PT_INT32. */
PT_API pt_tensor_t pt_input(pt_graph_t *graph, const char *name, int32_t dtype, int32_t rank, const int64_t *shape);

/* How a parameter's values begin, by its options' value. */
enum {
    /* every element = value */
    PT_INIT_CONSTANT = 0,
    /* mean 0, standard deviation = value */
    PT_INIT_NORMAL = 1,
    /* in [-value, value) */
    PT_INIT_UNIFORM = 2,
    /* uniform within 1/sqrt(value), value = inputs of the layer: PyTorch's nn.Linear, weight and bias */
    PT_INIT_LINEAR = 3,
};
/* Flags of pt_parameter_options_t. */
enum {
    /* held from the beginning, as if by pt_model_set_trainable: no optimizer changes a parameter, no run a state */
    PT_PARAMETER_FROZEN = 1,
};
/* How a parameter, or a state, begins. */
typedef struct pt_parameter_options {
    uint32_t struct_size;
    /* PT_PARAMETER_... */
    uint32_t flags;
    /* PT_FLOAT32, or 0 for it; others are PT_ERR_UNSUPPORTED */
    int32_t dtype;
    /* PT_INIT_...; init: PT_INIT_CONSTANT */
    int32_t initializer;
    /* of the initializer; init: 0 */
    double value;
    /* the initial values, of the whole shape and of any dtype, all finite; copied and shared by the graph's models.
     * Then initializer and value stay as init sets them. NULL: as the initializer says, drawn from the context's seed
     * and the parameter's name */
    const pt_array_t *values;
    /* sizeof(pt_array_t), with values */
    uint32_t array_size;
    int32_t reserved;
} pt_parameter_options_t;
/* Writes the defaults, at most struct_size bytes, which is sizeof *options. */
PT_API pt_status_t pt_parameter_options_init(pt_parameter_options_t *options, uint32_t struct_size);
/* A float32 tensor that an optimizer changes, with a name that no other has ("encoder.0.weight"). options NULL: all
 * zeros at first. */
PT_API pt_tensor_t pt_parameter(pt_graph_t *graph, const char *name, int32_t rank, const int64_t *shape,
                                const pt_parameter_options_t *options);
/* A fixed tensor of float32 or int32, copied from a view with a shape and converted; an int32 one may be an index or
 * labels. dtype 0: the view's own. */
PT_API pt_tensor_t pt_constant(pt_graph_t *graph, int32_t dtype, const pt_array_t *values, uint32_t array_size);

/* A float32 tensor that outlives a run and that runs update themselves, no optimizer: a running statistic. It is saved,
 * loaded and copied as parameters are, and counted among them; pt_model_set_trainable(.., 0) holds it as it is. options
 * as of pt_parameter. */
PT_API pt_tensor_t pt_state(pt_graph_t *graph, const char *name, int32_t rank, const int64_t *shape,
                            const pt_parameter_options_t *options);

/* Names what pt_predict can give: something computed, of float32 or int32. */
PT_API pt_status_t pt_graph_set_output(pt_graph_t *graph, const char *name, pt_tensor_t tensor);
/* Names the scalar that training lowers. */
PT_API pt_status_t pt_graph_set_loss(pt_graph_t *graph, pt_tensor_t loss);
/* Whether lower or higher values of a metric are better. */
enum {
    /* is better */
    PT_METRIC_LOWER = 1,
    PT_METRIC_HIGHER = 2,
};
/* Adds a metric to what an evaluation tells beside the loss, by name: "accuracy" and "macro_f1" of scores [..., C] at
 * int32 labels [...] (a label that the loss ignores counts nothing); "mse", "mae" and "r2" of predictions and targets
 * of one shape; "perplexity" of the loss alone, both tensors PT_NO_TENSOR. A tensor is an input or something computed.
 * At most 16 metrics; a task that is set brings its own instead. */
PT_API pt_status_t pt_graph_set_metric(pt_graph_t *graph, const char *name, pt_tensor_t value, pt_tensor_t target);
/* A metric of the host's own, under any name of at most 63 bytes but "loss": the sum of numerator over all
 * micro-batches of an evaluation, divided by that of denominator. Each is one float32, such as the pt_sum of something;
 * denominator PT_NO_TENSOR: the number of samples. */
PT_API pt_status_t pt_graph_set_metric_ratio(pt_graph_t *graph, const char *name, pt_tensor_t numerator,
                                             pt_tensor_t denominator, int32_t direction);
/* Shape of a tensor of this graph, PT_DIM_... where not yet known; returns its rank, or -1 for a tensor that it does
 * not have. */
PT_API int32_t pt_graph_shape(const pt_graph_t *graph, pt_tensor_t tensor, int64_t shape[PT_MAX_RANK]);
/* The graph as text, one op a line: writes at most `size` bytes with the final 0, and the whole length to *length. */
PT_API pt_status_t pt_graph_print(const pt_graph_t *graph, char *buffer, size_t size, size_t *length);

/* What is applied to each element of a product's result. */
enum {
    PT_ACTIVATION_NONE = 0,
    PT_ACTIVATION_RELU = 1,
    /* "gelu_new" of the Hugging Face vocabulary */
    PT_ACTIVATION_GELU_TANH = 2,
    PT_ACTIVATION_GELU_ERF = 3,
    PT_ACTIVATION_SILU = 4,
    PT_ACTIVATION_TANH = 5,
    PT_ACTIVATION_SIGMOID = 6,
    /* min(max(x, 0), 6) */
    PT_ACTIVATION_RELU6 = 7,
    /* x min(max(x + 3, 0), 6) / 6 */
    PT_ACTIVATION_HARDSWISH = 8,
};

/* activation(src · weightᵀ + bias): src [..., I], weight [O, I], bias [O] or PT_NO_TENSOR -> [..., O]. activation:
 * PT_ACTIVATION_... */
PT_API pt_tensor_t pt_linear(pt_graph_t *graph, pt_tensor_t src, pt_tensor_t weight, pt_tensor_t bias,
                             int32_t activation);
/* The same with weight as [I, O], the layout of GPT-2's files. */
PT_API pt_tensor_t pt_linear_in_out(pt_graph_t *graph, pt_tensor_t src, pt_tensor_t weight, pt_tensor_t bias,
                                    int32_t activation);
/* a · b over the last two dimensions; a_transposed, b_transposed: 0 or 1. Leading dimensions are equal, or one has
 * none. */
PT_API pt_tensor_t pt_matmul(pt_graph_t *graph, pt_tensor_t a, pt_tensor_t b, int32_t a_transposed,
                             int32_t b_transposed);
/* Rows of weight [V, D] chosen by index (int32, any shape) -> [..., D]. Indices are checked against V before a step. */
PT_API pt_tensor_t pt_embedding(pt_graph_t *graph, pt_tensor_t index, pt_tensor_t weight);
/* Row numbers within each sample for something with one row a token: -> int32 [PT_DIM_TOKENS]; a sample longer than
 * `limit` is refused. */
PT_API pt_tensor_t pt_positions(pt_graph_t *graph, pt_tensor_t like, int64_t limit);
/* a + b elementwise with NumPy's broadcasting; a dimension of PT_DIM_... meets itself or 1. */
PT_API pt_tensor_t pt_add(pt_graph_t *graph, pt_tensor_t a, pt_tensor_t b);
/* a - b, broadcast as by pt_add. */
PT_API pt_tensor_t pt_sub(pt_graph_t *graph, pt_tensor_t a, pt_tensor_t b);
/* a · b elementwise, broadcast as by pt_add. */
PT_API pt_tensor_t pt_mul(pt_graph_t *graph, pt_tensor_t a, pt_tensor_t b);
/* a / b elementwise, broadcast as by pt_add. */
PT_API pt_tensor_t pt_div(pt_graph_t *graph, pt_tensor_t a, pt_tensor_t b);
/* src · factor, of the same shape. */
PT_API pt_tensor_t pt_scale(pt_graph_t *graph, pt_tensor_t src, double factor);
/* max(x, 0) of each element. */
PT_API pt_tensor_t pt_relu(pt_graph_t *graph, pt_tensor_t src);
/* min(max(x, 0), 6) of each element. */
PT_API pt_tensor_t pt_relu6(pt_graph_t *graph, pt_tensor_t src);
/* x min(max(x + 3, 0), 6) / 6 of each element. Howard 2019. */
PT_API pt_tensor_t pt_hardswish(pt_graph_t *graph, pt_tensor_t src);
/* min(max(x, low), high), low < high, of DeepSpeech with 0 and 20 (Hannun et al. 2014). */
PT_API pt_tensor_t pt_hardtanh(pt_graph_t *graph, pt_tensor_t src, double low, double high);
/* x Φ(x) of each element, by erf. */
PT_API pt_tensor_t pt_gelu(pt_graph_t *graph, pt_tensor_t src);
/* The tanh approximation of pt_gelu. */
PT_API pt_tensor_t pt_gelu_tanh(pt_graph_t *graph, pt_tensor_t src);
/* x σ(x) of each element. */
PT_API pt_tensor_t pt_silu(pt_graph_t *graph, pt_tensor_t src);
/* activation(gate) · src of each element, both of one shape; activation: PT_ACTIVATION_..., SILU as in Llama's
 * feed-forward part. Dauphin 2017. */
PT_API pt_tensor_t pt_gated(pt_graph_t *graph, pt_tensor_t gate, pt_tensor_t src, int32_t activation);
/* tanh(x) of each element. */
PT_API pt_tensor_t pt_tanh(pt_graph_t *graph, pt_tensor_t src);
/* σ(x) = 1 / (1 + e^-x) of each element. */
PT_API pt_tensor_t pt_sigmoid(pt_graph_t *graph, pt_tensor_t src);
/* e^x of each element. */
PT_API pt_tensor_t pt_exp(pt_graph_t *graph, pt_tensor_t src);
/* ln(x) of each element; x is positive where the result is to be finite. */
PT_API pt_tensor_t pt_log(pt_graph_t *graph, pt_tensor_t src);
/* e^x / Σ e^x over the last dimension: src [..., D] -> [..., D]. */
PT_API pt_tensor_t pt_softmax(pt_graph_t *graph, pt_tensor_t src);
/* x - ln Σ e^x over the last dimension: src [..., D] -> [..., D]. */
PT_API pt_tensor_t pt_log_softmax(pt_graph_t *graph, pt_tensor_t src);
/* (x - mean) / sqrt(variance + epsilon) · weight + bias over the last dimension D; weight, bias [D] or PT_NO_TENSOR.
 * Ba 2016. */
PT_API pt_tensor_t pt_layer_norm(pt_graph_t *graph, pt_tensor_t src, pt_tensor_t weight, pt_tensor_t bias,
                                 double epsilon);
/* x / sqrt(mean(x²) + epsilon) · weight; weight [D] or PT_NO_TENSOR. Zhang 2019. */
PT_API pt_tensor_t pt_rms_norm(pt_graph_t *graph, pt_tensor_t src, pt_tensor_t weight, double epsilon);
/* (x - mean) / sqrt(variance + epsilon) · weight + bias for each of the C columns of src [..., C]; weight, bias [C]
 * or PT_NO_TENSOR. Ioffe 2015. While training, mean and variance are those of the rows of the run, of which there
 * are two at least, and running_mean and running_variance, pt_states [C], move towards them by `momentum`
 * (PyTorch's: 0.1, variance unbiased); else, and where the states are held (pt_model_set_trainable), they are the
 * running ones. Results depend on how a batch is cut: a stage cuts it into micro-batches only where micro_batch says
 * so. */
PT_API pt_tensor_t pt_batch_norm(pt_graph_t *graph, pt_tensor_t src, pt_tensor_t running_mean,
                                 pt_tensor_t running_variance, pt_tensor_t weight, pt_tensor_t bias, double momentum,
                                 double epsilon);
/* How a kernel moves over pictures [N, H, W, C], or over [N, L, C], where the first of two numbers counts, and the
 * second stays as pt_convolution_options_init sets it; the numbers are height's and width's. */
typedef struct pt_convolution_options {
    uint32_t struct_size;
    /* PT_CONVOLUTION_... */
    uint32_t flags;
    /* from one place of the kernel to the next; init: 1 and 1 */
    int64_t stride[2];
    /* zeros around src: above, below, to the left, to the right; of a length: before, behind. init: 0 */
    int64_t padding[4];
    /* from one element of the kernel to the next; init: 1 and 1 */
    int64_t dilation[2];
    /* into so many parts channels and outputs are cut, part i of the outputs reading part i of the channels alone: as
     * many as channels is a convolution by depth. init: 1 */
    int64_t groups;
    /* of a transposed one, below stride or dilation: so many more rows and columns, at the end. init: 0 */
    int64_t output_padding[2];
    /* PT_ACTIVATION_..., none of a transposed convolution; init: PT_ACTIVATION_NONE */
    int32_t activation;
    int32_t reserved;
} pt_convolution_options_t;
/* Flags of pt_convolution_options_t. */
enum {
    /* of pt_convolution_layer: it has no bias */
    PT_CONVOLUTION_NO_BIAS = 1,
};
/* Writes the defaults, at most struct_size bytes, which is sizeof *options. */
PT_API pt_status_t pt_convolution_options_init(pt_convolution_options_t *options, uint32_t struct_size);
/* Convolution as PyTorch has it: src [N, H, W, C], weight [O, C/groups, h, w] (PyTorch's order), bias [O] or
 * PT_NO_TENSOR -> [N, H', W', O], where H' = (H + above + below - dilation·(h - 1) - 1) / stride + 1, rounded down; or
 * src [N, L, C] or [PT_DIM_TOKENS, C], weight [O, C/groups, l] -> [N, L', O] or [T', O]; or src [PT_DIM_TOKENS, W, C],
 * weight [O, C/groups, h, w] -> [T', W', O], each sample a picture of as many rows as it has, zeros around it. With
 * groups = C, weight [C, 1, l] and padding l - 1 behind, a row sees itself and l - 1 further ones of its sample: the
 * look-ahead convolution of Deep Speech 2 (Amodei et al. 2016). options: or NULL, as below. */
PT_API pt_tensor_t pt_convolution(pt_graph_t *graph, pt_tensor_t src, pt_tensor_t weight, pt_tensor_t bias,
                                  const pt_convolution_options_t *options);
/* The transposed one: src [N, H, W, C], weight [C, O/groups, h, w], bias [O] or PT_NO_TENSOR -> [N, H', W', O], where
 * H' = (H - 1)·stride - above - below + dilation·(h - 1) + 1 + output_padding; or of a length, as pt_convolution. */
PT_API pt_tensor_t pt_convolution_transposed(pt_graph_t *graph, pt_tensor_t src, pt_tensor_t weight, pt_tensor_t bias,
                                             const pt_convolution_options_t *options);
/* (x - mean) / sqrt(variance + epsilon) · weight + bias, mean and variance over all rows (pixels) and the channels of
 * one of `groups` groups, of each sample of src [B, ..., C], B any leading size; weight, bias [C] or PT_NO_TENSOR.
 * groups is a divisor of C. Wu 2018. */
PT_API pt_tensor_t pt_group_norm(pt_graph_t *graph, pt_tensor_t src, int64_t groups, pt_tensor_t weight,
                                 pt_tensor_t bias, double epsilon);
/* pt_group_norm with a group for each channel: no running statistics. Ulyanov 2016. */
PT_API pt_tensor_t pt_instance_norm(pt_graph_t *graph, pt_tensor_t src, pt_tensor_t weight, pt_tensor_t bias,
                                    double epsilon);
/* Zeroes elements with this probability and scales the others by 1/(1 - probability), while training only. */
PT_API pt_tensor_t pt_dropout(pt_graph_t *graph, pt_tensor_t src, double probability);

/* What attention does beside its definition. heads is needed; the rest may stay as pt_attention_options_init sets
 * it. */
typedef struct pt_attention_options {
    uint32_t struct_size;
    /* PT_ATTENTION_... */
    uint32_t flags;
    /* of the queries */
    int32_t heads;
    /* of keys and values, a divisor of heads; 0: heads */
    int32_t kv_heads;
    /* of the scores; 0: 1/sqrt(width of a head), but see PT_ATTENTION_SCALE */
    double scale;
    /* of the probabilities, while training only: in [0, 1) */
    double dropout;
    /* with PT_ATTENTION_CAUSAL: how many keys a query sees at most, those up to its own; 0: all */
    int64_t window;
    /* float32, one element a key: one whose value is 0 is not attended to; PT_NO_TENSOR: none */
    pt_tensor_t key_mask;
    int32_t reserved;
} pt_attention_options_t;
/* Flags of pt_attention_options_t. */
enum {
    /* query i of a sample sees its keys 0 to i */
    PT_ATTENTION_CAUSAL = 1,
    /* with PT_ATTENTION_CAUSAL: to i + keys - queries, so that the last sees all */
    PT_ATTENTION_ALIGN_LAST = 2,
    /* scale is meant as it is, 0 and negative ones too */
    PT_ATTENTION_SCALE = 4,
};
/* Writes the defaults, at most struct_size bytes, which is sizeof *options. */
PT_API pt_status_t pt_attention_options_init(pt_attention_options_t *options, uint32_t struct_size);
/* softmax(query · keyᵀ · scale) · value for every head, within each sample (Vaswani 2017), in tiles (Dao 2022).
 * query [T, heads·W], key [S, kv_heads·W], value [S, kv_heads·U] -> [T, heads·U]; W and U are at most 256. T and S are
 * PT_DIM_TOKENS or another dimension of rows, the same one or two, or PT_DIM_BATCH and a fixed number of rows each. A
 * query that sees no key gives zeros. */
PT_API pt_tensor_t pt_attention(pt_graph_t *graph, pt_tensor_t query, pt_tensor_t key, pt_tensor_t value,
                                const pt_attention_options_t *options);
/* The same from one tensor that holds query, key and value side by side: [..., (heads + 2·kv_heads)·W]. */
PT_API pt_tensor_t pt_attention_packed(pt_graph_t *graph, pt_tensor_t qkv, const pt_attention_options_t *options);

/* How pt_rotary turns rows. heads and limit are needed; the rest may stay as pt_rotary_options_init sets it. */
typedef struct pt_rotary_options {
    uint32_t struct_size;
    /* PT_ROTARY_... */
    uint32_t flags;
    /* of the rows, side by side and of one width */
    int32_t heads;
    /* how many of them are turned, the first; 0: all. heads + kv_heads of query, key and value in one tensor */
    int32_t rotated_heads;
    /* how many numbers of a head are turned, the first; even, at most 256; 0: all */
    int32_t width;
    /* int32, one element a sample: the position of its first row, below limit; PT_NO_TENSOR: 0 */
    pt_tensor_t starts;
    /* the most rows of a sample, at most 2^24: longer ones are refused */
    int64_t limit;
    /* of the frequencies; init: 10000 */
    double base;
    /* results are so many times as long; init: 1 */
    double scale;
    /* [width / 2], copied: radians a position, of each plane; NULL: base^(-2i/width) */
    const double *frequencies;
    /* [width / 2], copied: the same for samples that end behind position original_limit; NULL: no others */
    const double *long_frequencies;
    int64_t original_limit;
    /* at least 1, in place of both: samples that end behind original_limit, at length L, have the base
     * base · (factor · L / original_limit - factor + 1)^(width/(width - 2)) ("dynamic NTK"); 0: none */
    double dynamic_factor;
} pt_rotary_options_t;
/* Flags of pt_rotary_options_t. */
enum {
    /* plane i has the numbers 2i and 2i + 1 of a head (GGUF's Llama), not i and i + width/2 (Hugging Face's) */
    PT_ROTARY_INTERLEAVED = 1,
};
/* Writes the defaults, at most struct_size bytes, which is sizeof *options. */
PT_API pt_status_t pt_rotary_options_init(pt_rotary_options_t *options, uint32_t struct_size);
/* Rotary positions (Su 2021): in each head of a row, plane i is turned by the row's position in its sample times
 * frequency i, so that a query's product with a key depends on how far they are apart. src [T, heads·W] -> the same
 * shape; T as in pt_attention. The tables that it needs are made once for a graph: 4 MB at most. */
PT_API pt_tensor_t pt_rotary(pt_graph_t *graph, pt_tensor_t src, const pt_rotary_options_t *options);

/* One direction's weights of a recurrent layer of H cells with G gates, 1 of pt_rnn, 3 of pt_gru (reset, update, new),
 * 4 of pt_lstm (input, forget, cell, output): parameters as PyTorch's, by whose names they are called. P is H, or what
 * an LSTM projects to. */
typedef struct pt_recurrent_weights {
    uint32_t struct_size;
    uint32_t reserved;
    /* [G*H, I], of the rows that come in */
    pt_tensor_t weight_ih;
    /* [G*H, P], of what the step before gave */
    pt_tensor_t weight_hh;
    /* [G*H] each, or PT_NO_TENSOR */
    pt_tensor_t bias_ih;
    pt_tensor_t bias_hh;
    /* pt_lstm alone: [P, H], P < H, that what a step gives is projected by (Sak et al. 2014), or PT_NO_TENSOR */
    pt_tensor_t weight_hr;
    int32_t reserved_too;
} pt_recurrent_weights_t;
/* No weights at all; at most struct_size bytes, which is sizeof *weights. */
PT_API pt_status_t pt_recurrent_weights_init(pt_recurrent_weights_t *weights, uint32_t struct_size);
/* Gated recurrent units (Cho et al. 2014) with PyTorch's equations: src [PT_DIM_TOKENS, I], or of another dimension of
 * rows -> [PT_DIM_TOKENS, D*P], each sample by itself, from its first row to its last. reverse: a second direction's
 * weights, from the last row to the first, whose results stand behind the first's (D is 2); or NULL (D is 1).
 * initial_hidden [PT_DIM_BATCH, D*P]: what samples begin with, or PT_NO_TENSOR for zeros. *last_hidden becomes what
 * each sample has at its end, [PT_DIM_BATCH, D*P]: the state with which its next rows go on; of a sample without rows
 * what it began with. NULL: not wanted. Gradients pass through both results, to all inputs. */
PT_API pt_tensor_t pt_gru(pt_graph_t *graph, pt_tensor_t src, const pt_recurrent_weights_t *forward,
                          const pt_recurrent_weights_t *reverse, pt_tensor_t initial_hidden, pt_tensor_t *last_hidden);
/* Long short-term memory (Hochreiter, Schmidhuber 1997; Gers et al. 2000) as pt_gru. initial_cell, *last_cell
 * [PT_DIM_BATCH, D*H]: as those of hidden. */
PT_API pt_tensor_t pt_lstm(pt_graph_t *graph, pt_tensor_t src, const pt_recurrent_weights_t *forward,
                           const pt_recurrent_weights_t *reverse, pt_tensor_t initial_hidden, pt_tensor_t initial_cell,
                           pt_tensor_t *last_hidden, pt_tensor_t *last_cell);
/* A plain recurrent layer (Elman 1990) as pt_gru; activation PT_ACTIVATION_TANH or PT_ACTIVATION_RELU. */
PT_API pt_tensor_t pt_rnn(pt_graph_t *graph, pt_tensor_t src, const pt_recurrent_weights_t *forward,
                          const pt_recurrent_weights_t *reverse, int32_t activation, pt_tensor_t initial_hidden,
                          pt_tensor_t *last_hidden);

/* One size may be -1: what is left. A symbolic leading size stays the leading size, as PT_DIM_... (one row for each)
 * or as -1 (times or divided by a constant). */
PT_API pt_tensor_t pt_reshape(pt_graph_t *graph, pt_tensor_t src, int32_t rank, const int64_t *shape);
/* Dimension i of the result is dimension permutation[i] of src; permutation [rank of src] is copied. A symbolic leading
 * size stays first. */
PT_API pt_tensor_t pt_transpose(pt_graph_t *graph, pt_tensor_t src, const int32_t *permutation);
/* `length` entries of one dimension, from `start` on. The dimension has a fixed size; negative: from the end. */
PT_API pt_tensor_t pt_slice(pt_graph_t *graph, pt_tensor_t src, int32_t dimension, int64_t start, int64_t length);
/* Cuts one dimension of a fixed size into 1 to 8 parts of these lengths, which make up all of it (NULL: of equal
 * length), and gives parts [count]; after an error all PT_NO_TENSOR. */
PT_API pt_status_t pt_split(pt_graph_t *graph, pt_tensor_t src, int32_t dimension, int32_t count,
                            const int64_t *lengths, pt_tensor_t *parts);
/* 1 to 16 tensors joined along one dimension of fixed sizes (negative: from the end); all other sizes are equal.
 * sources [count] is copied. */
PT_API pt_tensor_t pt_concat(pt_graph_t *graph, const pt_tensor_t *sources, int32_t count, int32_t dimension);
/* Rows of src [N, ...] chosen by index int32 [M] -> [M, ...]; src's leading size is fixed. */
PT_API pt_tensor_t pt_gather(pt_graph_t *graph, pt_tensor_t src, pt_tensor_t index);
/* The sum over one dimension (negative: from the end), which stays as size 1 where keep is not 0. Over a symbolic
 * dimension: over the rows that are there. */
PT_API pt_tensor_t pt_sum(pt_graph_t *graph, pt_tensor_t src, int32_t dimension, int32_t keep);
/* The mean over one dimension, as pt_sum. */
PT_API pt_tensor_t pt_mean(pt_graph_t *graph, pt_tensor_t src, int32_t dimension, int32_t keep);
/* The largest over one dimension, as pt_sum; its gradient goes to the first of equals. */
PT_API pt_tensor_t pt_max(pt_graph_t *graph, pt_tensor_t src, int32_t dimension, int32_t keep);
/* How the rows of a sample become one. */
enum {
    PT_POOL_MEAN = 0,
    PT_POOL_FIRST = 1,
    PT_POOL_LAST = 2,
    PT_POOL_SUM = 3,
    PT_POOL_MAX = 4,
    /* of tasks alone: with the head of a sample that the model's family has, of "bert", "roberta" and "distilbert": a
     * dense layer with an activation on the first row, then the outputs, dropout between them as the configuration or
     * the task's options say. The mean where the family has none of its own */
    PT_POOL_FAMILY = 5,
};
/* One row a sample from its rows: [PT_DIM_TOKENS, D], or of another dimension, -> [PT_DIM_BATCH, D]. */
PT_API pt_tensor_t pt_pool(pt_graph_t *graph, pt_tensor_t src, int32_t kind);

/* Windows over the pixels of pictures, or over the rows of fixed lengths. size is needed; the rest may stay as
 * pt_pool_options_init sets it. Pairs are { height, width }; of rows, which have a length alone, the second entries
 * stay as init sets them. */
typedef struct pt_pool_options {
    uint32_t struct_size;
    /* PT_POOL_CEIL, PT_POOL_EXCLUDE_PADDING */
    uint32_t flags;
    /* of a window */
    int64_t size[2];
    /* from one window to the next; 0: size */
    int64_t stride[2];
    /* around src: top, bottom, left, right; of rows: before the first, behind the last. At most half of the window's
     * size each */
    int64_t padding[4];
    /* from one pixel of a window to the next, of pt_max_pool alone; init: 1 */
    int64_t dilation[2];
    /* of pt_average_pool alone: sums are divided by this; 0: by how many pixels count */
    int64_t divisor;
} pt_pool_options_t;
/* Flags of pt_pool_options_t. */
enum {
    /* a last window that begins in src, or in the padding before it, and reaches beyond the padding counts too */
    PT_POOL_CEIL = 1,
    /* of pt_average_pool: means are those of the pixels that are there; else padding counts as zeros */
    PT_POOL_EXCLUDE_PADDING = 2,
};
/* Writes the defaults, at most struct_size bytes, which is sizeof *options. */
PT_API pt_status_t pt_pool_options_init(pt_pool_options_t *options, uint32_t struct_size);
/* The largest of each window, channel by channel; its gradient goes to the first of equals. src [B, height, width,
 * channels] -> [B, windows down, windows across, channels], or [B, length, channels] -> [B, windows, channels]; B is
 * any leading size. Padding is -inf. */
PT_API pt_tensor_t pt_max_pool(pt_graph_t *graph, pt_tensor_t src, const pt_pool_options_t *options);
/* The mean of each window, shapes as of pt_max_pool. */
PT_API pt_tensor_t pt_average_pool(pt_graph_t *graph, pt_tensor_t src, const pt_pool_options_t *options);
/* The largest of each of height · width windows, which src [B, H, W, channels] is cut into as evenly as may be -> [B,
 * height, width, channels]. src [B, length, channels] -> [B, height, channels]; width is 1. */
PT_API pt_tensor_t pt_adaptive_max_pool(pt_graph_t *graph, pt_tensor_t src, int64_t height, int64_t width);
/* The mean of each, as pt_adaptive_max_pool; of height 1 and width 1 the mean of each picture. */
PT_API pt_tensor_t pt_adaptive_average_pool(pt_graph_t *graph, pt_tensor_t src, int64_t height, int64_t width);

/* How pt_upsample finds its pixels, as PyTorch's interpolate does. */
enum {
    PT_UPSAMPLE_NEAREST = 0,
    /* in proportion between four, measured from the pixels' middles: align_corners=False */
    PT_UPSAMPLE_BILINEAR = 1,
    /* the pictures' corners lie on one another: align_corners=True */
    PT_UPSAMPLE_BILINEAR_CORNERS = 2,
};
/* Pictures of another size: src [B, H, W, channels] -> [B, height, width, channels], B any leading size. src [B,
 * length, channels] -> [B, height, channels]; width is 1. mode: PT_UPSAMPLE_... */
PT_API pt_tensor_t pt_upsample(pt_graph_t *graph, pt_tensor_t src, int64_t height, int64_t width, int32_t mode);
/* What pt_pad puts around a picture. */
enum {
    /* one value */
    PT_PAD_CONSTANT = 0,
    /* the picture mirrored at its outermost pixels, of which there are more than are added */
    PT_PAD_REFLECT = 1,
    /* its outermost pixels */
    PT_PAD_REPLICATE = 2,
    /* its opposite end */
    PT_PAD_CIRCULAR = 3,
};
/* So many pixels are added to src [B, H, W, channels], or where negative taken off: padding { top, bottom, left,
 * right }, copied; of src [B, length, channels] { before, behind, 0, 0 }. value: of PT_PAD_CONSTANT alone. */
PT_API pt_tensor_t pt_pad(pt_graph_t *graph, pt_tensor_t src, const int64_t padding[4], int32_t mode, double value);

/* Every `count` neighbouring rows of a sample side by side in one row: [PT_DIM_TOKENS, D], or of another dimension, ->
 * [rows / count, count·D], its leading dimension derived: a sample of L rows has ceil(L / count), the last one
 * filled up with zeros. */
PT_API pt_tensor_t pt_stack_rows(pt_graph_t *graph, pt_tensor_t src, int64_t count);

/* Losses: scalars, means over elements or rows. Where a batch is cut into micro-batches, the sums and the weights are
 * added up before the one division, so the cut changes nothing but rounding, and where there is dropout its masks. */
typedef struct pt_loss_options {
    uint32_t struct_size;
    /* none are defined: 0 */
    uint32_t flags;
    /* float32, how much each element counts: of the prediction's shape, or of its leading sizes alone, as
     * [PT_DIM_BATCH] for [PT_DIM_BATCH, D]: one for a row of elements. The loss is the weighted mean, the sum of weight
     * times loss over the sum of weights. Neither a parameter nor computed from one. PT_NO_TENSOR: all count alike */
    pt_tensor_t weights;
    int32_t reserved;
} pt_loss_options_t;
/* Writes the defaults, at most struct_size bytes, which is sizeof *options. */
PT_API pt_status_t pt_loss_options_init(pt_loss_options_t *options, uint32_t struct_size);
/* The mean of (prediction - target)²; target has the prediction's shape, here and below. options may be NULL, here and
 * below. */
PT_API pt_tensor_t pt_mse_loss(pt_graph_t *graph, pt_tensor_t prediction, pt_tensor_t target,
                               const pt_loss_options_t *options);
/* The mean of |prediction - target|. */
PT_API pt_tensor_t pt_l1_loss(pt_graph_t *graph, pt_tensor_t prediction, pt_tensor_t target,
                              const pt_loss_options_t *options);
/* The mean of e²/2 where e = |prediction - target| is below delta, else of delta (e - delta/2); delta is positive. */
PT_API pt_tensor_t pt_huber_loss(pt_graph_t *graph, pt_tensor_t prediction, pt_tensor_t target, double delta,
                                 const pt_loss_options_t *options);
/* The mean binary cross-entropy of logits with targets from 0 to 1, through which no gradient passes; positive_weight
 * multiplies the positive term (1: none). */
PT_API pt_tensor_t pt_bce_loss(pt_graph_t *graph, pt_tensor_t logits, pt_tensor_t target, double positive_weight,
                               const pt_loss_options_t *options);
/* The label of a row that counts nothing, unless options say otherwise. */
enum {
    PT_IGNORE_INDEX = -100,
};
/* What a cross-entropy counts, and how much. */
typedef struct pt_cross_entropy_options {
    uint32_t struct_size;
    /* none are defined: 0 */
    uint32_t flags;
    /* a row with this label counts nothing; init: PT_IGNORE_INDEX */
    int32_t ignore_index;
    /* float32 [classes], of no parameter; PT_NO_TENSOR: none */
    pt_tensor_t class_weights;
    /* in [0, 1) */
    double label_smoothing;
    /* float32 [...], one a row of the logits, of no parameter: times the row's loss and its weight in the mean, so that
     * a row of weight 0 counts nothing; PT_NO_TENSOR: none */
    pt_tensor_t weights;
    int32_t reserved;
} pt_cross_entropy_options_t;
/* Writes the defaults, at most struct_size bytes, which is sizeof *options. */
PT_API pt_status_t pt_cross_entropy_options_init(pt_cross_entropy_options_t *options, uint32_t struct_size);
/* logits [..., C]; target: int32 class indices [...] or float32 probabilities [..., C]. */
PT_API pt_tensor_t pt_cross_entropy_loss(pt_graph_t *graph, pt_tensor_t logits, pt_tensor_t target,
                                         const pt_cross_entropy_options_t *options);
/* The same for logits = src · weightᵀ + bias, weight [C, D], in chunks of rows: the logits are never all in memory. */
PT_API pt_tensor_t pt_linear_cross_entropy_loss(pt_graph_t *graph, pt_tensor_t src, pt_tensor_t weight,
                                                pt_tensor_t bias, pt_tensor_t target,
                                                const pt_cross_entropy_options_t *options);
/* Targets that no path of the logits gives: more than a sample's rows, a blank between equal neighbours counted, or the
 * blank itself among them. */
enum {
    /* the run fails and names the sample; with targets that are an input */
    PT_CTC_INFEASIBLE_ERROR = 0,
    /* the sample's loss and gradient are 0, and its weight counts; infinite losses, of logits that are, are 0 too */
    PT_CTC_INFEASIBLE_ZERO = 1,
};
/* What a CTC loss counts, and how. */
typedef struct pt_ctc_options {
    uint32_t struct_size;
    /* none are defined: 0 */
    uint32_t flags;
    /* the class that stands for no target, below 0 counted from the end; init: -1, the last */
    int32_t blank;
    /* PT_CTC_INFEASIBLE_... */
    int32_t infeasible;
    /* 0: a sample's loss is divided by its number of targets, if it has any; else it counts whole */
    int32_t whole;
    /* float32 [PT_DIM_BATCH], of no parameter: times a sample's loss and its weight in the mean; PT_NO_TENSOR: none */
    pt_tensor_t weights;
} pt_ctc_options_t;
/* Writes the defaults, at most struct_size bytes, which is sizeof *options. */
PT_API pt_status_t pt_ctc_options_init(pt_ctc_options_t *options, uint32_t struct_size);
/* Connectionist temporal classification (Graves et al. 2006): the mean over samples of -ln of the probability that
 * softmax(logits) gives its targets, over all ways to stretch them to its rows with blanks between. logits [rows, C]
 * and targets int32 [rows] are of ragged dimensions, mostly different ones; the targets are data. Of PyTorch's
 * reductions of log_softmax(logits), this is "mean", and with whole losses "sum" divided by the sum of the weights,
 * which is the number of samples. */
PT_API pt_tensor_t pt_ctc_loss(pt_graph_t *graph, pt_tensor_t logits, pt_tensor_t targets,
                               const pt_ctc_options_t *options);

/* How well rows tell those that follow them from all others of their sample (InfoNCE, van den Oord 2018): query
 * [PT_DIM_TOKENS, K·D], or of another dimension of rows, and key [the same dimension, D]. Row t of a sample has K
 * queries; the k-th is to be more like key t + k, by its product divided by temperature, than like the sample's other
 * keys. The mean over all t and k for which there is such a key of the cross-entropy of softmax(query · keysᵀ /
 * temperature); temperature: 1e-6 to 1e6. */
PT_API pt_tensor_t pt_contrastive_loss(pt_graph_t *graph, pt_tensor_t query, pt_tensor_t key, double temperature);

/* pt_linear with parameters NAME.weight [outputs, I] and NAME.bias [outputs], initialised as PyTorch's nn.Linear: src
 * [..., I] -> [..., outputs]. */
PT_API pt_tensor_t pt_linear_layer(pt_graph_t *graph, const char *name, pt_tensor_t src, int64_t outputs,
                                   int32_t activation);
/* pt_convolution with parameters NAME.weight [outputs, C/groups, height, width] and NAME.bias [outputs], initialised
 * as PyTorch's nn.Conv2d: src [N, H, W, C] -> [N, H', W', outputs]; or, of lengths or rows, NAME.weight [outputs,
 * C/groups, height], and width is 1; or, where it is more, of rows [PT_DIM_TOKENS, W, C], as of pictures. */
PT_API pt_tensor_t pt_convolution_layer(pt_graph_t *graph, const char *name, pt_tensor_t src, int64_t outputs,
                                        int64_t height, int64_t width, const pt_convolution_options_t *options);
/* pt_embedding with the parameter NAME.weight [rows, width], initialised as PyTorch's nn.Embedding: index [...] ->
 * [..., width]. */
PT_API pt_tensor_t pt_embedding_layer(pt_graph_t *graph, const char *name, pt_tensor_t index, int64_t rows,
                                      int64_t width);
/* Kinds of recurrent layers. */
enum {
    PT_RECURRENT_RNN_TANH = 0,
    PT_RECURRENT_RNN_RELU = 1,
    PT_RECURRENT_GRU = 2,
    PT_RECURRENT_LSTM = 3,
};
/* Flags of pt_recurrent_options_t. */
enum {
    /* a second direction, from the last row to the first, in each layer */
    PT_RECURRENT_TWO_WAY = 1,
    PT_RECURRENT_NO_BIAS = 2,
};
/* Layers of recurrent cells; hidden is needed, the rest may stay as pt_recurrent_options_init sets it. */
typedef struct pt_recurrent_options {
    uint32_t struct_size;
    /* PT_RECURRENT_TWO_WAY, PT_RECURRENT_NO_BIAS */
    uint32_t flags;
    /* PT_RECURRENT_RNN_TANH ... PT_RECURRENT_LSTM; init: PT_RECURRENT_GRU */
    int32_t kind;
    int32_t reserved;
    /* cells of a layer and direction; needed */
    int64_t hidden;
    /* one on top of the other, at most 64; init: 1 */
    int64_t layers;
    /* an LSTM's: what each step gives, less than hidden; init: 0, no projection */
    int64_t projection;
    /* between layers; init: 0 */
    double dropout;
    /* [layers] each, or NULL: what samples begin with, as in pt_gru and pt_lstm */
    const pt_tensor_t *initial_hidden;
    const pt_tensor_t *initial_cell;
    /* [layers] each, or NULL: become what samples have at their end */
    pt_tensor_t *last_hidden;
    pt_tensor_t *last_cell;
} pt_recurrent_options_t;
/* Writes the defaults, at most struct_size bytes, which is sizeof *options. */
PT_API pt_status_t pt_recurrent_options_init(pt_recurrent_options_t *options, uint32_t struct_size);
/* Layers of pt_gru, pt_lstm or pt_rnn with the parameters of PyTorch's nn.GRU, nn.LSTM and nn.RNN, NAME.weight_ih_l0,
 * NAME.weight_hh_l0, NAME.bias_ih_l0 ..., initialised as there: src [PT_DIM_TOKENS, I], or of another dimension of
 * rows, -> [PT_DIM_TOKENS, D*P]. */
PT_API pt_tensor_t pt_recurrent_layers(pt_graph_t *graph, const char *name, pt_tensor_t src,
                                       const pt_recurrent_options_t *options);
/* pt_layer_norm with the parameters NAME.weight and NAME.bias [D], at first 1 and 0: src [..., D] -> [..., D]. */
PT_API pt_tensor_t pt_layer_norm_layer(pt_graph_t *graph, const char *name, pt_tensor_t src, double epsilon);
/* pt_batch_norm with the parameters NAME.weight and NAME.bias, and the states NAME.running_mean and NAME.running_var
 * [C], at first 1, 0, 0 and 1: src [..., C] -> [..., C]. */
PT_API pt_tensor_t pt_batch_norm_layer(pt_graph_t *graph, const char *name, pt_tensor_t src, double momentum,
                                       double epsilon);

/* ---- Model ------------------------------------------------------------------------------------------------------- */

/* A network with its parameters, its task, and the plans that compute it. */
typedef struct pt_model pt_model_t;

/* A network of the host's own. The graph is copied. Its parameters are initialised from the context's seed. An
 * output named "hidden" ([PT_DIM_TOKENS, D] or [PT_DIM_BATCH, D]) lets pt_model_set_task put a head on it. */
PT_API pt_status_t pt_model_create(pt_context_t *context, const pt_graph_t *graph, pt_model_t **out);
/* A known family from its configuration, a JSON object in the vocabulary of Hugging Face's config.json, chosen by
 * "model_type". length: bytes of json. Unknown keys are ignored, wrong values refused (PT_ERR_FORMAT), and so are keys
 * of the vocabulary that ask for another network than the family's, such as add_cross_attention (PT_ERR_UNSUPPORTED).
 * The model has no task yet. The fields of its data are those of its inputs, and what a task adds.
 *
 *   "llama", "mistral", "qwen2", "qwen3", "smollm3"  field "tokens": int32, ragged, at most max_position_embeddings
 *           a sample, or with the rope_type "dynamic" or "yarn" factor times the original length. What a key asks for
 *           that the family has, of num_key_value_heads, head_dim, hidden_act, rms_norm_eps, attention_dropout,
 *           attention_bias, mlp_bias, rope_theta, rope_parameters or rope_scaling ("default", "linear", "dynamic",
 *           "llama3", "yarn", "longrope"; dynamic and longrope look at each sample's own length), sliding_window,
 *           use_sliding_window, max_window_layers, layer_types, no_rope_layers, no_rope_layer_interval,
 *           initializer_range and tie_word_embeddings; where a key is left out, what the transformers library takes.
 *           rope_interleaved true: heads of queries and keys are ordered as in GGUF files
 *   "gpt2"  field "tokens": int32, ragged. Where a key is left out: vocab_size 50257, n_positions 1024 (the longest
 *           sample), n_embd 768, n_layer 12, n_head 12, n_inner 4 n_embd, activation_function "gelu_new", resid_pdrop,
 *           embd_pdrop and attn_pdrop 0, layer_norm_epsilon 1e-5, initializer_range 0.02, tie_word_embeddings true,
 *           scale_attn_weights true, scale_attn_by_inverse_layer_idx false
 *   "bert"  fields "tokens": int32, ragged, and "segments": int32, as many, which are 0 where the data has none. Where
 *           a key is left out: vocab_size 30522, max_position_embeddings 512 (the longest sample), type_vocab_size 2
 *           (with 1 there is no field "segments"), hidden_size 768, num_hidden_layers 12, num_attention_heads 12,
 *           intermediate_size 3072, hidden_act "gelu", hidden_dropout_prob and attention_probs_dropout_prob 0.1,
 *           classifier_dropout as hidden_dropout_prob, layer_norm_eps 1e-12, initializer_range 0.02,
 *           tie_word_embeddings true. is_decoder true and a position_embedding_type other than "absolute" are refused
 *   "roberta"  as "bert", with vocab_size 50265 and pad_token_id 1: positions begin behind it, so that a sample has at
 *           most max_position_embeddings - pad_token_id - 1 tokens
 *   "distilbert"  field "tokens". vocab_size 30522, max_position_embeddings 512, dim 768, n_layers 6, n_heads 12,
 *           hidden_dim 3072, activation "gelu", dropout and attention_dropout 0.1, seq_classif_dropout 0.2,
 *           initializer_range 0.02, tie_word_embeddings true. sinusoidal_pos_embds true is refused
 *   pad_token_id is nothing else here, since nothing is padded: where a sample has that token, its row of the embedding
 *   learns as all others do, and the transformers library lets it stand
 *   "vit"   field "pixel_values": float32 [image_size, image_size, num_channels], as of all families of pictures, whose
 *           image_size may be [height, width] too. Where a key is left out: image_size 224, patch_size 16, num_channels
 *           3, hidden_size 768, num_hidden_layers 12, num_attention_heads 12, intermediate_size 3072, hidden_act
 *           "gelu", hidden_dropout_prob and attention_probs_dropout_prob 0, qkv_bias true, layer_norm_eps 1e-12,
 *           initializer_range 0.02
 *   "resnet"  image_size 224, num_channels 3, embedding_size 64, hidden_sizes [256, 512, 1024, 2048], depths [3, 4, 6,
 *           3], layer_type "bottleneck" (or "basic"), hidden_act "relu", downsample_in_first_stage and
 *           downsample_in_bottleneck false
 *   "mobilenet_v2"  image_size 224, num_channels 3, depth_multiplier 1, depth_divisible_by 8, min_depth 8, expand_ratio
 *           6, output_stride 32, first_layer_is_expansion, finegrained_output and tf_padding true, hidden_act "relu6",
 *           classifier_dropout_prob 0.8, layer_norm_eps 0.001, batch_norm_momentum 0.997
 *   "vgg"   image_size 224, num_channels 3, depths [1, 1, 2, 2, 2], hidden_sizes [64, 128, 256, 512, 512], batch_norm
 *           false, hidden_size 4096, dropout 0.5
 *   "cifar_resnet"  image_size 32, num_channels 3, depths [3, 3, 3], hidden_sizes [16, 32, 64], shortcut "A" (or "B")
 *   "digits"  image_size 28, num_channels 1, hidden_sizes [16, 32], hidden_size 128, dropout 0.25
 *   "mlp"   field "features": float32 [input_size]. input_size and hidden_sizes, an array, are needed;
 *           activation_function "relu" and dropout 0 where the key is left out
 *
 * A key "preset" stands for the sizes of a network to be trained from the beginning: bert, gpt2 or llama with -tiny (2
 * layers of width 128), -mini (4 of 256), -small (4 of 512) or -medium (8 of 512; heads of width 64; Turc 2019), as in
 * {"preset": "bert-mini", "vocab_size": 8000}; or of a published network of pictures, whose files of weights
 * pt_model_load then takes: resnet18, 34, 50, 101, 152; of 32 by 32 pixels resnet20, 32, 44, 56, 110; vgg11, 13, 16,
 * 19, with _bn or without; mobilenet_v2; vit-tiny, -small, -base; digits. Keys beside it go before the preset's; what
 * is saved has them all. */
PT_API pt_status_t pt_model_create_from_config(pt_context_t *context, const char *json, size_t length,
                                               pt_model_t **out);
/* Another handle on the same stored tensors, for predicting while others predict: with the graph, task, class names,
 * seed, what is frozen and the setting of recomputation. Nothing is copied but what a run writes to. Handles that share
 * are equals: any may be freed first, and each sees the tensors as they were when it was made, whatever becomes of the
 * others: a handle that changes tensors (a step, a load, pt_model_parameter_set, pt_model_copy) first gets memory of
 * its own for those. So different threads may use different handles at once, and one may train while others predict.
 * context: that which the new handle computes in, NULL: the model's own. Threads that shall not wait for each other
 * need a context each, with 1 thread for instance, as handles of one context take turns with its threads.
 * PT_ERR_UNSUPPORTED: a device that does not read the other's memory. */
PT_API pt_status_t pt_model_share(pt_context_t *context, pt_model_t *model, pt_model_t **out);
/* NULL: nothing happens. From within a callback of the model's own stage: it ends with the stage. */
PT_API void pt_model_free(pt_model_t *model);
/* The message of the last failed call on this model, a stage among them, "" where none has, whatever succeeded since.
 * Valid until the model's next call or its end. */
PT_API const char *pt_model_last_error(const pt_model_t *model);

/* Tasks go by name, and each has options of its own; NULL for options means its defaults. */

/* Each token's row predicts the token after it. Fields "tokens", and "labels" (optional: else each token's label is the
 * next one); outputs "logits", "next_logits"; metric "perplexity". */
#define PT_TASK_CAUSAL_LM "causal_lm"
/* Options of PT_TASK_CAUSAL_LM. */
typedef struct pt_causal_lm_options {
    uint32_t struct_size;
    /* none are defined: 0 */
    uint32_t flags;
    /* in [0, 1) */
    double label_smoothing;
    /* before the head, in [0, 1) */
    double dropout;
} pt_causal_lm_options_t;
/* Writes the defaults, at most struct_size bytes, which is sizeof *options. */
PT_API pt_status_t pt_causal_lm_options_init(pt_causal_lm_options_t *options, uint32_t struct_size);

/* What a token is, for the masking of PT_TASK_MASKED_LM; both may be. */
enum {
    /* as [CLS] or [PAD]: never hidden, and never put in place of another */
    PT_TOKEN_SPECIAL = 1,
    /* it continues the word of the token before it, as BERT's "##ing" */
    PT_TOKEN_CONTINUES = 2,
};
/* Some tokens of a sample are hidden, and their rows predict them (Devlin 2018): of n that are not special max(1,
 * round(probability n)), drawn for each micro-batch from the seed, so that a run that goes on draws what it would have
 * drawn; in evaluations the same ones of a sample each time. Field "tokens", as they are; a dataset that hides tokens
 * itself has the field "masked_labels" too, int32: what stood there, PT_IGNORE_INDEX where nothing is asked. A field
 * "labels", as windows of texts have, is not read. Outputs "logits" (of all tokens, none hidden but by the host);
 * metrics "accuracy" of what is hidden, "perplexity". What comes after the last attention is computed for hidden tokens
 * alone. */
#define PT_TASK_MASKED_LM "masked_lm"
/* Flags of pt_masked_lm_options_t. */
enum {
    /* words are hidden as a whole, about as many tokens; token_kinds is needed */
    PT_MASK_WHOLE_WORDS = 1,
};
/* Options of PT_TASK_MASKED_LM. mask_token is needed, unless the data has "masked_labels" or masked is 0. */
typedef struct pt_masked_lm_options {
    uint32_t struct_size;
    /* PT_MASK_... */
    uint32_t flags;
    /* of the tokens, that are hidden: 0 to 1; init: 0.15 */
    double probability;
    /* of those, that become mask_token, and that become another token; the rest stays. init: 0.8 and 0.1 */
    double masked;
    double random;
    /* pt_tokenizer_id(tokenizer, "[MASK]"); init: -1, none */
    int32_t mask_token;
    /* sizeof(pt_array_t), with token_kinds */
    uint32_t array_size;
    /* PT_TOKEN_... of each token (pt_tokenizer_kinds), those behind the last are 0; of any dtype. Copied. NULL: none is
     * special, none continues a word */
    const pt_array_t *token_kinds;
} pt_masked_lm_options_t;
/* Writes the defaults, at most struct_size bytes, which is sizeof *options. */
PT_API pt_status_t pt_masked_lm_options_init(pt_masked_lm_options_t *options, uint32_t struct_size);

/* How far a reconstruction is from what stood there. */
enum {
    /* the mean of |e| */
    PT_FRAMES_L1 = 0,
    /* the mean of e² */
    PT_FRAMES_L2 = 1,
};
/* Unlabelled sound: spans of frames are hidden, that is 0, and their rows tell what stood there (Liu 2020, Mockingjay).
 * Field "frames", float32 [ragged, bins], normalised to a mean of 0 (pt_dataset_normalize); of n frames about
 * probability n are hidden, in spans that do not overlap, drawn for each micro-batch from the seed, so that a run that
 * goes on draws what it would have drawn; in evaluations the same ones of a sample each time. Where the network has
 * fewer rows than frames, whole rows are hidden, and each tells all of its frames: with a stride of s, row r those from
 * s r on. Output "reconstruction" [rows, stride · bins], of nothing hidden; metrics "mae" and "mse" of what is hidden.
 */
#define PT_TASK_MASKED_FRAMES "masked_frames"
/* Options of PT_TASK_MASKED_FRAMES. */
typedef struct pt_masked_frames_options {
    uint32_t struct_size;
    /* none are defined: 0 */
    uint32_t flags;
    /* of the frames, that are hidden: 0 to 1, one span at least where it is not 0; init: 0.3 */
    double probability;
    /* frames of a span; init: 8 */
    int32_t span;
    /* PT_FRAMES_...; init: PT_FRAMES_L1 */
    int32_t loss;
} pt_masked_frames_options_t;
/* Writes the defaults, at most struct_size bytes, which is sizeof *options. */
PT_API pt_status_t pt_masked_frames_options_init(pt_masked_frames_options_t *options, uint32_t struct_size);

/* Unlabelled sound: from the rows up to one, those that follow are told apart from all others of the sample (van den
 * Oord 2018, contrastive predictive coding), see pt_contrastive_loss. Field "frames" as of PT_TASK_MASKED_FRAMES, none
 * hidden. For row t and each of `steps` rows ahead a linear of "hidden" is compared, as a cosine, with one of what row
 * t + k stands for: the network's output "latent", rows as "hidden" has, where it has one, else its frames. For
 * networks whose rows do not see what follows: PT_ERR_UNSUPPORTED where a known family's do. Output "context" [rows,
 * steps · width]; metric "accuracy", how often the right one is the most similar. */
#define PT_TASK_CONTRASTIVE "contrastive"
/* Options of PT_TASK_CONTRASTIVE. */
typedef struct pt_contrastive_options {
    uint32_t struct_size;
    /* none are defined: 0 */
    uint32_t flags;
    /* rows ahead, 1 to 1024; init: 6 */
    int32_t steps;
    /* numbers that are compared, 1 to 65536; init: 64 */
    int32_t width;
    /* cosines are divided by it, 1e-6 to 1e6; init: 0.1 */
    double temperature;
} pt_contrastive_options_t;
/* Writes the defaults, at most struct_size bytes, which is sizeof *options. */
PT_API pt_status_t pt_contrastive_options_init(pt_contrastive_options_t *options, uint32_t struct_size);

/* Unlabelled sound, a student and its teacher (Baevski 2022, data2vec): spans of frames are hidden as of
 * PT_TASK_MASKED_FRAMES, and their rows tell what the teacher makes of the whole sample: the mean of its last `layers`
 * layers, each normalised row by row. The teacher is the same network without dropout, its weights the moving average
 * of the student's, which each step moves on: states "teacher.NAME" beside the parameters NAME, so that checkpoints
 * have them and no optimizer changes them; they go with the task. After n steps the average moves by 1 - decay of the
 * way, at first by 1 / (n + 1). A batch norm of the teacher takes the student's statistics. Layers are the network's
 * outputs "layer.1", "layer.2", ..., rows as "hidden" has; where there are none, "hidden" is the one layer. The loss
 * is the mean squared error; output "prediction" [rows, D]; metric "r2", below 0 where nothing is learnt, and near 1 of
 * a teacher that says little. */
#define PT_TASK_DATA2VEC "data2vec"
/* Options of PT_TASK_DATA2VEC. */
typedef struct pt_data2vec_options {
    uint32_t struct_size;
    /* none are defined: 0 */
    uint32_t flags;
    /* of the frames, that are hidden: 0 to 1; init: 0.5 */
    double probability;
    /* frames of a span; init: 8 */
    int32_t span;
    /* of the last layers, that are averaged; 0 (init): all */
    int32_t layers;
    /* 0 to 1; init: 0.999 */
    double decay;
} pt_data2vec_options_t;
/* Writes the defaults, at most struct_size bytes, which is sizeof *options. */
PT_API pt_status_t pt_data2vec_options_init(pt_data2vec_options_t *options, uint32_t struct_size);

/* One vector a sample, for comparing texts: output "embedding", the rows of "hidden" pooled; no loss, no parameters. */
#define PT_TASK_EMBEDDING "embedding"
/* Flags of pt_embedding_options_t. */
enum {
    /* to length 1, so that the product of two is their cosine */
    PT_EMBEDDING_NORMALIZE = 1,
};
/* Options of PT_TASK_EMBEDDING. */
typedef struct pt_embedding_options {
    uint32_t struct_size;
    /* PT_EMBEDDING_... */
    uint32_t flags;
    /* PT_POOL_... but PT_POOL_FAMILY; init: PT_POOL_MEAN */
    int32_t pooling;
    /* 0 */
    int32_t reserved;
} pt_embedding_options_t;
/* Writes the defaults, at most struct_size bytes, which is sizeof *options. */
PT_API pt_status_t pt_embedding_options_init(pt_embedding_options_t *options, uint32_t struct_size);

/* One class a sample. Field "label" beside the trunk's: int32; outputs "logits", "probabilities"; metrics "accuracy",
 * "macro_f1", "calibration_error" (the expected calibration error with 15 bins, Guo 2017) and, of more than five
 * classes, "top5_accuracy". */
#define PT_TASK_CLASSIFICATION "classification"
/* Options of PT_TASK_CLASSIFICATION. classes is needed. */
typedef struct pt_classification_options {
    uint32_t struct_size;
    /* none are defined: 0 */
    uint32_t flags;
    /* at least 1 */
    int64_t classes;
    /* PT_POOL_...: how a text's rows become one; init: PT_POOL_FAMILY */
    int32_t pooling;
    /* sizeof(pt_array_t), with class_weights */
    uint32_t array_size;
    /* in [0, 1) */
    double label_smoothing;
    /* before the head, in [0, 1) */
    double dropout;
    /* how much each class counts: [classes], of any dtype, finite, none negative, one above 0; elements or a shape say
     * how many there are. Copied. NULL: all count alike */
    const pt_array_t *class_weights;
    /* A model of pictures learns from mixtures of two: the alpha of mixup (Zhang 2018), such as 0.2, and of CutMix (Yun
     * 2019), such as 1, at most 1000; with both each micro-batch is mixed in one of these ways. The two are neighbours
     * in a micro-batch, and their mixture is drawn for it from the seed. Evaluations mix nothing. 0 (init): none */
    double mixup, cutmix;
} pt_classification_options_t;
/* Writes the defaults, at most struct_size bytes, which is sizeof *options. */
PT_API pt_status_t pt_classification_options_init(pt_classification_options_t *options, uint32_t struct_size);

/* Any of several classes a sample: each holds or does not, by itself. Field "label" beside the trunk's: float32
 * [classes] from 0 to 1; outputs "logits", "probabilities" (the sigmoid of each); the loss is the mean binary
 * cross-entropy; metrics "micro_f1" and "label_accuracy" (the share of right answers, yes or no, where a logit above 0
 * says yes). */
#define PT_TASK_MULTI_LABEL "multi_label_classification"
/* Options of PT_TASK_MULTI_LABEL. classes is needed. */
typedef struct pt_multi_label_options {
    uint32_t struct_size;
    /* none are defined: 0 */
    uint32_t flags;
    /* at least 1 */
    int64_t classes;
    /* PT_POOL_...: how a text's rows become one; init: PT_POOL_FAMILY */
    int32_t pooling;
    /* 0 */
    int32_t reserved;
    /* before the head, in [0, 1) */
    double dropout;
    /* times the loss of what holds, where little does: positive; init: 1 */
    double positive_weight;
} pt_multi_label_options_t;
/* Writes the defaults, at most struct_size bytes, which is sizeof *options. */
PT_API pt_status_t pt_multi_label_options_init(pt_multi_label_options_t *options, uint32_t struct_size);

/* Numbers for each sample. Field "target" beside the trunk's: float32 [outputs]; output "prediction"; the loss is the
 * mean squared error; metrics "mse", "mae", "r2". */
#define PT_TASK_REGRESSION "regression"
/* Options of PT_TASK_REGRESSION. outputs is needed. */
typedef struct pt_regression_options {
    uint32_t struct_size;
    /* none are defined: 0 */
    uint32_t flags;
    /* at least 1 */
    int64_t outputs;
    /* PT_POOL_...; init: PT_POOL_FAMILY */
    int32_t pooling;
    /* 0 */
    int32_t reserved;
    /* before the head, in [0, 1) */
    double dropout;
} pt_regression_options_t;
/* Writes the defaults, at most struct_size bytes, which is sizeof *options. */
PT_API pt_status_t pt_regression_options_init(pt_regression_options_t *options, uint32_t struct_size);

/* Recognition of speech (Graves 2006): each sample's rows become the characters, or the pieces of words, of its
 * transcript. The trunk's output "hidden" has rows of a ragged dimension, mostly one derived by a stride from that of
 * its input. Field "transcript" beside the trunk's: int32, ragged, tokens that are not the blank; outputs "logits" and
 * "log_probabilities" [rows, classes], which decoders read; the loss is pt_ctc_loss; metrics of greedy decoding, each
 * row's first largest logit: "character_error_rate", which is "token_error_rate" where tokens are pieces of words, and,
 * where words are told, "word_error_rate" and the counts "word_substitutions", "word_deletions", "word_insertions" and
 * "word_hits" that it is made of. Rates are of all samples together, and as jiwer has them; two words are equal where
 * their tokens are. */
#define PT_TASK_RECOGNITION "recognition"
/* Options of PT_TASK_RECOGNITION. classes is needed. */
typedef struct pt_recognition_options {
    uint32_t struct_size;
    /* none are defined: 0 */
    uint32_t flags;
    /* the tokens and the blank, mostly one more than the tokenizer has tokens */
    int64_t classes;
    /* the class that is no token, below 0 counted from the end; init: -1, the last. wav2vec 2.0's is that of "<pad>" */
    int32_t blank;
    /* the token that stands between words; init: -1, none */
    int32_t delimiter;
    /* PT_CTC_INFEASIBLE_...: transcripts that are too long for a sample's rows */
    int32_t infeasible;
    /* as of pt_ctc_options_t: 0: a sample's loss is divided by its number of tokens */
    int32_t whole;
    /* before the head, in [0, 1) */
    double dropout;
    /* PT_TOKEN_... of each token from the first on, as pt_tokenizer_kinds gives them, for tokens that are pieces of
     * words: those that continue none begin one. NULL: tokens are characters */
    const pt_array_t *token_kinds;
    /* sizeof *token_kinds */
    uint32_t array_size;
} pt_recognition_options_t;
/* Writes the defaults, at most struct_size bytes, which is sizeof *options. */
PT_API pt_status_t pt_recognition_options_init(pt_recognition_options_t *options, uint32_t struct_size);

/* Puts a task's head and loss on the model's trunk; task NULL takes them off: the network as it was described. options
 * is the struct of the task that is named, or NULL. Parameters that the network had under the same name and shape keep
 * their values, the rest is initialised; pt_model_transfer_* then tells which. An optimizer used with the model starts
 * its slots anew for parameters that changed. */
PT_API pt_status_t pt_model_set_task(pt_model_t *model, const char *task, const void *options);
/* The task's name; NULL where there is none. Lives as long as the process. */
PT_API const char *pt_model_task(const pt_model_t *model);

/* Names of a classifier's classes, in the order of their numbers: all of them, or none (count 0). They are Hugging
 * Face's id2label and label2id: a configuration that has as many as the task has outputs gives them to a new head;
 * they are saved with the model and its checkpoints, and come back with the head when it is loaded or copied. A stage
 * that trains on a dataset with a name for every class (pt_dataset_class_name) gives them to a model that has none.
 * From then on stages and evaluations refuse a dataset that numbers its classes otherwise (PT_ERR_STATE); one that
 * has only the first of them is fine. They are dropped when the task or its number of outputs changes.
 *
 * names are copied: `count` strings of UTF-8, none empty, no two alike; count is the task's outputs, or 0 to have
 * none. A task that has no classes is PT_ERR_STATE. Configurations and files whose id2label and label2id contradict
 * each other or the head are refused (PT_ERR_FORMAT); where they leave label2id out, id2label is enough. */
PT_API pt_status_t pt_model_set_class_names(pt_model_t *model, int64_t count, const char *const *names);
/* How many names there are; 0: the classes have none. A getter. */
PT_API int64_t pt_model_class_count(const pt_model_t *model);
/* NULL where there is none. Lives until the names change, by any of the above. */
PT_API const char *pt_model_class_name(const pt_model_t *model, int64_t index);

/* What the last pt_model_set_task, pt_model_load or pt_model_copy did, one entry a tensor name. */
enum {
    /* taken over */
    PT_TRANSFER_COPIED = 1,
    /* in the model, not in the source: keeps its (initial) values */
    PT_TRANSFER_NEW = 2,
    /* in the source, not in the model: not used */
    PT_TRANSFER_UNEXPECTED = 3,
    /* in both, with shapes or dtypes that differ: not used */
    PT_TRANSFER_SHAPE = 4,
};
/* How many entries of a kind, PT_TRANSFER_..., there are; kind 0: of all kinds. A getter. */
PT_API int64_t pt_model_transfer_count(const pt_model_t *model, int32_t kind);
/* One entry, 0 <= index < pt_model_transfer_count(model, 0). name and kind may be NULL; *name lives until the next of
 * those calls. PT_ERR_ARGUMENT: there is no such entry. */
PT_API pt_status_t pt_model_transfer_entry(const pt_model_t *model, int64_t index, const char **name, int32_t *kind);

/* Takes over all parameters that `source` has under the same name and shape. PT_ERR_UNSUPPORTED: queries and keys have
 * their rows in another order there ("rope_interleaved"). */
PT_API pt_status_t pt_model_copy(pt_model_t *model, const pt_model_t *source);
/* What the calls below read and write is a file that a path names, or, where path is NULL, bytes in the host's memory
 * or in its callbacks' hands, as the options say: exactly one place. All three have the same checks and the same bytes.
 * While a callback runs, the model refuses all calls but getters (PT_ERR_BUSY). */
/* bytes that the library asks for, in order */
typedef struct pt_read {
    uint32_t struct_size;
    /* preset PT_ERR_CALLBACK; the callback writes PT_OK last */
    int32_t status;
    /* surfaced verbatim in the message of a failure */
    int64_t user_code;
    /* of the first byte wanted */
    int64_t offset;
    /* how many are wanted, at most a mebibyte */
    int64_t bytes;
    /* room for them */
    void *data;
    /* preset 0; bytes given, 1 to `bytes`: the rest is asked for again. 0: there are no more */
    int64_t filled;
} pt_read_t;
/* Called on the thread that called the library. The model refuses all calls but getters meanwhile. */
typedef void (*pt_read_fn)(void *user, pt_read_t *read);
/* bytes that the library hands over, in order */
typedef struct pt_write {
    uint32_t struct_size;
    /* preset PT_ERR_CALLBACK; the callback writes PT_OK last */
    int32_t status;
    /* surfaced verbatim in the message of a failure */
    int64_t user_code;
    /* of the first byte */
    int64_t offset;
    /* how many, at most a mebibyte */
    int64_t bytes;
    /* valid within the callback */
    const void *data;
    /* bytes of the whole */
    int64_t total;
} pt_write_t;
/* As pt_read_fn. */
typedef void (*pt_write_fn)(void *user, pt_write_t *write);

/* PT_LOAD_STRICT: an entry other than COPIED is an error. PT_LOAD_MAPPED: what the file gives no longer learns, as if
 * by pt_model_set_trainable, and where it can be is used straight from the file, without a copy in memory;
 * pt_model_set_trainable, pt_model_parameter_set and other loads copy it when they need to. The file must stay as it
 * is for as long as a model uses it. One that is written to or shortened meanwhile makes the calls that use its
 * weights fail with PT_ERR_IO until other weights are loaded; but one that loses its end in the middle of such a
 * call takes the process down with SIGBUS. A new file under the same name does no harm. With `data` it is the host's
 * memory that is used in place: it must stay as it is until all models that use it are freed or have loaded others. */
enum {
    PT_LOAD_STRICT = 1,
    PT_LOAD_MAPPED = 2,
};
/* Where a file's bytes come from where no path names it, and what of it is taken. Read during the call. */
typedef struct pt_load_options {
    uint32_t struct_size;
    /* PT_LOAD_... */
    uint32_t flags;
    /* only tensors of the model that match this pattern (*: any run, ?: one character); NULL: all */
    const char *names;
    /* from memory: the first of `bytes` bytes; not needed after the call, but for PT_LOAD_MAPPED */
    const void *data;
    /* of data, or of all that `read` gives */
    int64_t bytes;
    /* through a callback; its bytes are held in memory during the call. Not with PT_LOAD_MAPPED */
    pt_read_fn read;
    /* of read */
    void *user;
} pt_load_options_t;
/* Writes the defaults, at most struct_size bytes, which is sizeof *options. */
PT_API pt_status_t pt_load_options_init(pt_load_options_t *options, uint32_t struct_size);

/* What does not learn is left out, and a hash stands for it: for adapters and heads that are kept beside the trunk. */
enum {
    PT_SAVE_TRAINED_ONLY = 1,
};
/* What a model is written as. */
enum {
    /* one file that pt_model_open needs nothing beside */
    PT_FORMAT_SAFETENSORS = 0,
    /* A directory, made where it is missing, as Hugging Face's hub has them and the transformers library opens them:
     * config.json, model.safetensors and, from the directory that the model was opened from, what else belongs to it:
     * tokenizer, generation_config.json, chat template. All of its tensors, to a path. PT_ERR_UNSUPPORTED where no
     * class of that library computes the same: where a classifier has another pooling than the family's published ones
     * (PT_POOL_FAMILY of bert, roberta and distilbert, else PT_POOL_LAST) */
    PT_FORMAT_DIRECTORY = 1,
    /* One file as llama.cpp has them, of llama, mistral, qwen2, qwen3, smollm3, gpt2 and bert (its trunk): all tensors
     * under its names, the configuration, and from the directory or GGUF file that the model was opened from the
     * tokenizer, where it is byte-level BPE or BERT's, and the chat template. Matrices have the dtype that is asked
     * for, with 0 the model's, blocks included; vectors and tables of positions and segments are float32. What
     * llama.cpp cannot be told is PT_ERR_UNSUPPORTED */
    PT_FORMAT_GGUF = 2,
    /* The same, with dtype 0, in the blocks Q8_0; matrices whose rows are no whole blocks of 32 are float32 */
    PT_FORMAT_GGUF_Q8_0 = 3,
};
/* Where a file's bytes go where no path names it, and what is written. Read during the call. */
typedef struct pt_save_options {
    uint32_t struct_size;
    /* PT_SAVE_... */
    uint32_t flags;
    /* of the tensors: PT_FLOAT32, or PT_FLOAT16 or PT_BFLOAT16, rounded to nearest; a value too large for it is
     * PT_ERR_ARGUMENT. 0: each as the model has it */
    int32_t dtype;
    /* PT_FORMAT_...; of pt_model_save and pt_tokenizer_save */
    int32_t format;
    /* only tensors that match this pattern; NULL: all */
    const char *names;
    /* to memory: room for `capacity` bytes; NULL with `bytes` set and no `write`: only their number */
    void *data;
    int64_t capacity;
    /* through a callback */
    pt_write_fn write;
    /* of write */
    void *user;
    /* NULL, or gets how many bytes the whole takes, also where capacity is too small */
    int64_t *bytes;
    /* 0, or the most bytes of tensors in a file, with a path alone: what is more is cut into several, as
     * pt_model_save says */
    int64_t shard_bytes;
} pt_save_options_t;
/* Writes the defaults, at most struct_size bytes, which is sizeof *options. */
PT_API pt_status_t pt_save_options_init(pt_save_options_t *options, uint32_t struct_size);

/* Reads parameters from a file of tensors, converting other floating-point dtypes. Its content tells its kind:
 *   safetensors, checkpoints of ours among them;
 *   an index of shards of either kind (model.safetensors.index.json), which stand beside it; by its path alone;
 *   what torch.save wrote (pytorch_model.bin, .pt, .pth, .th), of both kinds that it has had: a state dict, or a dict
 *   that has one under state_dict, model_state_dict, model_state, model, module, network or net; "module." before all
 *   names is left out. Of a pickle nothing is executed: PT_ERR_UNSUPPORTED with the name of what a state dict does not
 *   need.
 * Everything is checked first: a failure changes nothing. A file of which nothing fits is PT_ERR_NOT_FOUND; PT_OK
 * without PT_LOAD_STRICT means that something did, and pt_model_transfer_entry tells what did not. A file of GPT-2's
 * trunk alone, as it is published, may leave "transformer." out of its names. Rows of queries and keys are put in the
 * model's order ("rope_interleaved"), which the file's configuration tells. options NULL: no flags, all names. */
PT_API pt_status_t pt_model_load(pt_model_t *model, const char *path, const pt_load_options_t *options);
/* Writes the parameters, and as metadata the configuration, the task with its options and which parameters are frozen,
 * as a safetensors file: aside, synced, renamed. A file that stands there is replaced as a whole: where the path is a
 * link, the file that it leads to; its mode and group stay, and its owner where the system lets files be given away.
 * What is no file, a FIFO or a device, is PT_ERR_ARGUMENT; a file that may not be written is PT_ERR_IO. In memory and
 * in callbacks' hands a failure may leave a part. Where "rope_interleaved" is true, as in a model of a GGUF file, a
 * whole model is written without it, with the rows of queries and keys in Hugging Face's order; a part keeps its own.
 *
 * With shard_bytes, "model.safetensors" becomes "model-00001-of-00002.safetensors" and so on with an index,
 * "model.safetensors.index.json", as transformers writes and reads them; a tensor that is larger has a file of its own.
 * pt_model_load and pt_model_open take the index, or the path as it was given here. An index always names whole files:
 * where shards of these names stand, the new ones are named "model-2-00001-of-00002.safetensors", and the old ones are
 * removed when the new index is in place, as are shards where all tensors fit one file, and the one file where they do
 * not. */
PT_API pt_status_t pt_model_save(const pt_model_t *model, const char *path, const pt_save_options_t *options);
/* A model from what lies on disk alone. A file that pt_model_save, pt_checkpoint_save or a stage wrote gives its
 * family, its task, its weights and states, and what was frozen. A directory as Hugging Face's hub has them, or the
 * file of weights in it, gives the family that "model_type" of its config.json names, the weights, and the task that
 * "architectures" names: a language model, a masked one, a classifier with the labels of "id2label", or a regression. A
 * masked one takes mask_token and token_kinds from the tokenizer in the directory, where that can be read and has a
 * token of the name that tokenizer_config.json gives, "[MASK]" or "<mask>". Of a head that no task here has only the
 * trunk comes, without a task, and pt_model_transfer_entry lists what was left; a tensor that belongs to no head is
 * PT_ERR_NOT_FOUND, one that is missing too. What the configuration asks for and the family does not have is
 * PT_ERR_UNSUPPORTED. Weights are model.safetensors or pytorch_model.bin, or the index of either's shards. A family of
 * pictures takes image_size and num_channels, where config.json lacks them, from a preprocessor_config.json beside it,
 * and a normalisation of "pixel_values" from its rescale_factor, image_mean and image_std. A GGUF file
 * gives the family and the task that its metadata name, of llama, qwen2, qwen3, smollm3, gpt2 and bert; metadata
 * that change the network and are not known are PT_ERR_UNSUPPORTED. PT_LOAD_MAPPED: as with pt_model_load; all
 * weights are then frozen. Other flags and names are PT_ERR_ARGUMENT: all tensors must be there. An optimizer and a
 * stage's place come with pt_checkpoint_load or PT_TRAIN_RESUME on the opened model. PT_ERR_UNSUPPORTED: a file
 * without a configuration in it or beside it, or of a network of the host's own, whose graph no file holds.
 * PT_ERR_STATE: one that leaves frozen weights out (PT_SAVE_TRAINED_ONLY, PT_TRAIN_TRAINED_ONLY). */
PT_API pt_status_t pt_model_open(pt_context_t *context, const char *path, const pt_load_options_t *options,
                                 pt_model_t **out);

/* Who changes a stored tensor. */
enum {
    /* an optimizer changes it, where it is trainable */
    PT_ROLE_LEARNS = 0,
    /* runs change it: pt_state */
    PT_ROLE_STATE = 1,
};

/* Where a stored tensor stands. */
enum {
    /* it stands in the model's own memory */
    PT_OWNER_MODEL = 0,
    /* in a mapped file: PT_LOAD_MAPPED */
    PT_OWNER_FILE = 1,
    /* in memory that it shares with other models: pt_model_share */
    PT_OWNER_SHARED = 2,
};
/* What is known of a parameter or a state. The library writes it. */
typedef struct pt_parameter_info {
    uint32_t struct_size;
    /* as it is stored; get and set convert. 0: in the blocks of a quantised file, mapped (PT_LOAD_MAPPED), which
     * dtype_name names */
    int32_t dtype;
    int32_t rank;
    int32_t trainable;
    int64_t shape[PT_MAX_RANK];
    int64_t elements;
    /* lives until the model's task changes */
    const char *name;
    /* PT_ROLE_... */
    int32_t role;
    /* PT_OWNER_... */
    int32_t owner;
    /* that its values take as they are stored */
    int64_t bytes;
    /* of the type as it is stored: "float32", "bfloat16" ..., of blocks "q4_1", "q6_k" ...; never freed */
    const char *dtype_name;
} pt_parameter_info_t;
/* What the network reads: a field of its data. The library writes it. */
typedef struct pt_input_info {
    uint32_t struct_size;
    int32_t dtype;
    /* of one sample's values; the first size is PT_DIM_TOKENS where samples have rows of their own number */
    int32_t rank;
    int32_t reserved;
    int64_t shape[PT_MAX_RANK];
    /* values are whole numbers from 0 up to this one, and not it: a vocabulary's size; 0: they index nothing */
    int64_t index_limit;
    /* the most rows that a sample may have: the longest text; 0: no limit, or samples have no rows */
    int64_t row_limit;
    /* lives until the model's task changes */
    const char *name;
} pt_input_info_t;
/* How many inputs the network has with its task, labels among them. A getter. */
PT_API int64_t pt_model_input_count(const pt_model_t *model);
/* One of them, 0 <= index < pt_model_input_count. Set info->struct_size first. */
PT_API pt_status_t pt_model_input_info(const pt_model_t *model, int64_t index, pt_input_info_t *info);

/* How many parameters and states there are, in the order in which the network names them. A getter. */
PT_API int64_t pt_model_parameter_count(const pt_model_t *model);
/* One of them, 0 <= index < pt_model_parameter_count. Set info->struct_size first. */
PT_API pt_status_t pt_model_parameter_info(const pt_model_t *model, int64_t index, pt_parameter_info_t *info);
/* The index of a name; PT_ERR_NOT_FOUND and -1 where there is none. */
PT_API pt_status_t pt_model_parameter_find(const pt_model_t *model, const char *name, int64_t *index);
/* All values of a parameter, in the dtype that `values` asks for. */
PT_API pt_status_t pt_model_parameter_get(const pt_model_t *model, int64_t index, pt_array_t *values,
                                          uint32_t array_size);
/* Sets them all, from any dtype, rounded to nearest; refuses values that are not finite, or would not be as float32. */
PT_API pt_status_t pt_model_parameter_set(pt_model_t *model, int64_t index, const pt_array_t *values,
                                          uint32_t array_size);
/* The gradient of the last accumulated step, divided by its weight; PT_ERR_STATE where there is none. */
PT_API pt_status_t pt_model_gradient_get(const pt_model_t *model, int64_t index, pt_array_t *values,
                                         uint32_t array_size);
/* Parameters whose names match the pattern (* any run, ? any one character) learn, or do not. *matched, where not
 * NULL, says how many; none is PT_ERR_NOT_FOUND. An optimizer keeps what it knows of a frozen one, as torch's do. */
PT_API pt_status_t pt_model_set_trainable(pt_model_t *model, const char *pattern, int32_t trainable, int64_t *matched);

/* What the backward pass computes again instead of having it kept. */
enum {
    /* all that the backward pass reads is kept */
    PT_RECOMPUTE_NOTHING = 0,
    /* whatever a pass over memory can make again is not kept */
    PT_RECOMPUTE_EVERYTHING = 1,
    /* the part of it that takes the least operations for the bytes where memory is fullest; a new model's setting */
    PT_RECOMPUTE_CHEAP = 2,
};
/* Activations and the results of norms can be computed again in the backward pass instead of being kept: about a
 * third less memory for the plan of a transformer. CHEAP chooses them for each capacity so that a step takes at most
 * about a hundredth more operations, and leaves what would save little. The setting changes neither results nor
 * checkpoints by a bit; it may be changed between any two steps. A stage with a memory_budget that the model's
 * setting does not meet goes over to EVERYTHING. Other values: PT_ERR_ARGUMENT. */
PT_API pt_status_t pt_model_set_recompute(pt_model_t *model, int32_t recompute);

/* What pt_model_describe tells. */
enum {
    /* parameters by name, shape and count; what fields are moved and scaled by, of their first features */
    PT_DESCRIBE_SUMMARY = 0,
    /* the network's ops */
    PT_DESCRIBE_GRAPH = 1,
    /* the steps of the training plan for the last capacity used, with bytes and operations */
    PT_DESCRIBE_PLAN = 2,
    /* the configuration as JSON */
    PT_DESCRIBE_CONFIG = 3,
};
/* A text about the model, what: PT_DESCRIBE_.... Writes at most `size` bytes with the final 0, and the whole length
 * without it to *length; buffer may be NULL with size 0. */
PT_API pt_status_t pt_model_describe(const pt_model_t *model, int32_t what, char *buffer, size_t size, size_t *length);
/* From any thread: the stage that runs ends with PT_ERR_CANCELLED at the next step border; without one, the next
 * stage does. */
PT_API void pt_model_cancel(pt_model_t *model);

/* A callback has to return: catch what may leave it. Where one does not, because a longjmp, an exception or an error of
 * another language passed through the library's frames, what the interrupted calls hold stays as it is: models and
 * datasets are in use (PT_ERR_BUSY), data is prefetched, a checkpoint directory is locked. pt_recover ends that, on the
 * thread that made those calls: models stand at the last completed step, with its states, and all handles can be used
 * or freed again. Some memory that an interrupted call took for itself may stay lost. It is for callbacks on the thread
 * of the call: out of those on threads of the library (PT_DATASET_THREAD_SAFE), out of an allocator and out of the
 * callback of pt_model_open nothing may unwind.
 *
 * depth: 0, from outside all callbacks, ends every such call of the thread; within a callback that is alive itself,
 * what pt_call_depth gave when it began. PT_ERR_ARGUMENT for more than there is, PT_ERR_DEVICE where states cannot be
 * put back. */
PT_API pt_status_t pt_recover(int32_t depth);
/* How much this thread has under way in the library: 0 outside all callbacks, where all of them have returned. */
PT_API int32_t pt_call_depth(void);

/* ---- Optimizer --------------------------------------------------------------------------------------------------- */

/* An update rule with what it knows of each parameter, its groups and its schedule. */
typedef struct pt_optimizer pt_optimizer_t;

/* Update rules. */
enum {
    /* Loshchilov 2019 */
    PT_OPTIMIZER_ADAMW = 0,
    /* Kingma 2015; weight decay is added to the gradient */
    PT_OPTIMIZER_ADAM = 1,
    PT_OPTIMIZER_SGD = 2,
    /* Shazeer 2018; second moments by rows and columns: little memory beside the parameters */
    PT_OPTIMIZER_ADAFACTOR = 3,
};
/* Flags: */
enum {
    /* weight decay for parameters of two and more dimensions only */
    PT_OPTIMIZER_DECAY_MATRICES = 1,
    /* the loss is made larger instead of smaller */
    PT_OPTIMIZER_MAXIMIZE = 2,
    /* ADAMW, ADAM: divides by the largest second moment so far. Reddi 2018 */
    PT_OPTIMIZER_AMSGRAD = 4,
};
/* semantics of torch.optim's classes of the same names */
typedef struct pt_optimizer_options {
    uint32_t struct_size;
    uint32_t flags;
    int32_t kind;
    /* SGD; 1: yes, 0: no, negative (init): no */
    int32_t nesterov;
    /* init: 0.001 */
    double learning_rate;
    /* negative (init): 0.01 for ADAMW, 0 otherwise */
    double weight_decay;
    /* ADAMW, ADAM; init: 0.9, 0.999 */
    double beta1, beta2;
    /* negative (init): 1e-8; ADAFACTOR: 2^-23, torch's eps[0] */
    double epsilon;
    /* SGD; momentum negative (init): 0 */
    double momentum, dampening;
    /* global norm of the gradient at most this; 0: no limit */
    double clip_norm;
    /* magnitude of each element at most this, after clip_norm; 0: no limit */
    double clip_value;
    /* steps in a row skipped for NaN or infinity in the gradient before PT_ERR_NONFINITE; init: 10 */
    int64_t nonfinite_limit;
    /* ADAFACTOR: squares older than update t count 1 - t^beta2_decay; at most 0; init: -0.8 */
    double beta2_decay;
    /* ADAFACTOR: a step is in proportion to its tensor's root mean square, or to this where that is less, torch's
     * eps[1]; init: 0.001 */
    double scale_floor;
    /* ADAFACTOR: root mean square of a tensor's update at most this, torch's d; at least 1 (init) */
    double update_limit;
} pt_optimizer_options_t;
/* Writes the defaults, at most struct_size bytes, which is sizeof *options. */
PT_API pt_status_t pt_optimizer_options_init(pt_optimizer_options_t *options, uint32_t struct_size);
/* An optimizer, which may serve one model after another. NULL options: the defaults. It retains the context. */
PT_API pt_status_t pt_optimizer_create(pt_context_t *context, const pt_optimizer_options_t *options,
                                       pt_optimizer_t **out);
/* NULL: nothing happens. */
PT_API void pt_optimizer_free(pt_optimizer_t *optimizer);
/* The message of the last failed call on this optimizer, "" where none has, whatever succeeded since; a stage's stands
 * on the model. Valid until the optimizer's next call or its end. */
PT_API const char *pt_optimizer_last_error(const pt_optimizer_t *optimizer);

/* What is otherwise for some parameters. All but the factor: negative (init) means the optimizer's. */
typedef struct pt_group_options {
    uint32_t struct_size;
    /* none are defined: 0 */
    uint32_t flags;
    /* PT_OPTIMIZER_... for these parameters */
    int32_t kind;
    int32_t nesterov;
    /* of the optimizer's rate; init: 1 */
    double learning_rate_factor;
    double weight_decay;
    double beta1, beta2, epsilon, momentum;
} pt_group_options_t; /* all but the factor: negative (init): the optimizer's */
/* Writes the defaults, at most struct_size bytes, which is sizeof *options. */
PT_API pt_status_t pt_group_options_init(pt_group_options_t *options, uint32_t struct_size);
/* Parameters whose names match follow these options; of several groups that match, the last added. Before the first
 * step. What the optimizer leaves negative becomes the default of the group's kind. */
PT_API pt_status_t pt_optimizer_add_group(pt_optimizer_t *optimizer, const char *pattern,
                                          const pt_group_options_t *options);

/* How the learning rate goes on from step to step. */
enum {
    PT_SCHEDULE_CONSTANT = 0,
    /* to minimum_factor at total_steps */
    PT_SCHEDULE_LINEAR = 1,
    /* to minimum_factor at total_steps. Loshchilov 2017, without restarts */
    PT_SCHEDULE_COSINE = 2,
    /* times gamma every period steps */
    PT_SCHEDULE_STEP = 3,
    /* torch's OneCycleLR by cosine: from 1/initial_divisor up for warmup_steps, then down to that over final_divisor */
    PT_SCHEDULE_ONE_CYCLE = 4,
    /* sqrt(max(warmup_steps, 1) / (step + 1)) after the warm-up. Vaswani 2017 */
    PT_SCHEDULE_INVERSE_SQRT = 5,
    PT_SCHEDULE_CALLBACK = 6,
};
/* for a schedule by callback: write factor and set status to PT_OK */
typedef struct pt_rate {
    uint32_t struct_size;
    /* preset PT_ERR_CALLBACK */
    int32_t status;
    int64_t user_code;
    /* 0 for the first update */
    int64_t step;
    /* of the optimizer's learning rate */
    double factor;
} pt_rate_t;
/* Called once before each update, on the thread that called the stage or the step. */
typedef void (*pt_rate_fn)(void *user, pt_rate_t *rate);
/* A schedule of the learning rate. Copied; callback and user are kept until it is replaced or the optimizer ends. */
typedef struct pt_schedule_options {
    uint32_t struct_size;
    /* none are defined: 0 */
    uint32_t flags;
    int32_t kind;
    int32_t reserved;
    /* the rate climbs linearly, (step + 1) / warmup_steps, before the schedule proper begins; not for CALLBACK */
    int64_t warmup_steps;
    /* LINEAR, COSINE, ONE_CYCLE; warm-up included; of all updates that the optimizer makes; 0: of the stage's, and
     * anew in each stage */
    int64_t total_steps;
    /* where LINEAR and COSINE end */
    double minimum_factor;
    /* STEP */
    int64_t period;
    /* STEP; init: 0.1 */
    double gamma;
    /* ONE_CYCLE; init: 25, 10000 */
    double initial_divisor, final_divisor;
    /* CALLBACK */
    pt_rate_fn callback;
    void *user;
    /* called once when the schedule is replaced or the optimizer ends; may be NULL */
    void (*destroy)(void *user);
} pt_schedule_options_t;
/* Writes the defaults, at most struct_size bytes, which is sizeof *options. */
PT_API pt_status_t pt_schedule_options_init(pt_schedule_options_t *options, uint32_t struct_size);
/* Sets the schedule, at any time between steps; NULL options: a constant rate. After success `destroy` is the library's
 * to call; after a failure it is not called. */
PT_API pt_status_t pt_optimizer_set_schedule(pt_optimizer_t *optimizer, const pt_schedule_options_t *options);
/* Changes the base rate from the next step on. */
PT_API pt_status_t pt_optimizer_set_learning_rate(pt_optimizer_t *optimizer, double learning_rate);
/* Updates made. A getter. */
PT_API int64_t pt_optimizer_steps(const pt_optimizer_t *optimizer);
/* Updates skipped for gradients that were not finite. A getter. */
PT_API int64_t pt_optimizer_skipped(const pt_optimizer_t *optimizer);

/* ---- Datasets ---------------------------------------------------------------------------------------------------- */

/* Samples, each with the same fields. */
typedef struct pt_dataset pt_dataset_t;

/* One field of a sample. Calls take the struct's size beside it (field_size), as they do with pt_array_t, which begins
 * alike. Names are copied. */
typedef struct pt_field_spec {
    const char *name;
    /* any; converted to the network's with a check of its range */
    int32_t dtype;
    /* of one sample: 0 a scalar */
    int32_t rank;
    /* of one sample; shape[0] = PT_DIM_TOKENS: ragged, as many rows as the sample has */
    int64_t shape[PT_MAX_RANK];
    /* of a ragged field: the most rows that a sample has; else 0 */
    int64_t max_length;
} pt_field_spec_t;

/* What a callback is asked for, and where it puts it. The struct and all that it points to live until the callback
 * returns. */
typedef struct pt_batch {
    uint32_t struct_size;
    /* preset PT_ERR_CALLBACK; the callback writes PT_OK, or PT_END (a stream that is over), last */
    int32_t status;
    /* surfaced verbatim in the message of a failure */
    int64_t user_code;
    /* samples wanted */
    int64_t capacity;
    /* samples written; capacity but by streams; where a map fails, those before the one at fault */
    int64_t filled;
    /* [capacity] samples wanted; NULL for streams */
    const int64_t *indices;
    /* streams: samples served in this pass so far; 0 begins a pass, and after a resume it says where to go on */
    int64_t position;
    /* the pass over the data, from 0, that the samples are for */
    int64_t epoch;
    /* of shuffle_seed, epoch and the number of maps below; see pt_batch_key */
    uint64_t key;
    /* In the order in which the dataset declared them, each field_size bytes behind the one before: pt_batch_field
     * finds them. The callback writes data, at most capacity elements, and of ragged ones lengths. */
    pt_array_t *fields;
    /* of a map: the same samples of the dataset that it maps, only to be read; else NULL */
    const pt_array_t *inputs;
    int32_t n_fields, n_inputs;
    /* of the library's pt_array_t */
    uint32_t field_size;
    int32_t reserved;
} pt_batch_t;
/* A number for what is random in sample i of a batch, 0 <= i < capacity: all its bits depend on shuffle_seed, epoch and
 * sample, and on nothing else. For use within the callback; any thread; 0 where batch is NULL. */
PT_API uint64_t pt_batch_key(const pt_batch_t *batch, int64_t i);
/* A field of a batch by its name; NULL: there is none. For callbacks; any thread. */
PT_API pt_array_t *pt_batch_field(const pt_batch_t *batch, const char *name);
/* An input of a map's batch by its name; NULL: there is none. For callbacks; any thread. */
PT_API const pt_array_t *pt_batch_input(const pt_batch_t *batch, const char *name);
/* Map style: makes the samples batch->indices. */
typedef void (*pt_fetch_fn)(void *user, pt_batch_t *batch);
/* Stream style: makes the next samples. */
typedef void (*pt_next_fn)(void *user, pt_batch_t *batch);
/* Of another dataset: makes fields from inputs. */
typedef void (*pt_map_fn)(void *user, pt_batch_t *batch);
/* The host's `user` is no longer needed. On whichever thread lets the last holder go. */
typedef void (*pt_destroy_fn)(void *user);

/* The callback may be called from threads of the library, so that the next batch is made while a step computes: one
 * call at a time, or, with CONCURRENT, as many at once as the stage has producers. Without either it is called on the
 * thread that called the stage. */
enum {
    PT_DATASET_THREAD_SAFE = 1,
    PT_DATASET_CONCURRENT = 16,
};
/* A dataset of `length` samples that a callback makes by their numbers. fields and their names are copied. destroy (may
 * be NULL) is called exactly once, when the dataset ends; never where the call fails. */
PT_API pt_status_t pt_dataset_create_map(pt_context_t *context, const pt_field_spec_t *fields, int32_t n_fields,
                                         uint32_t field_size, int64_t length, uint32_t flags, pt_fetch_fn fetch,
                                         void *user, pt_destroy_fn destroy, pt_dataset_t **out);
/* A dataset whose samples come one after the other, as many as there are; it cannot be shuffled or cut. fields and
 * destroy as of pt_dataset_create_map. */
PT_API pt_status_t pt_dataset_create_stream(pt_context_t *context, const pt_field_spec_t *fields, int32_t n_fields,
                                            uint32_t field_size, uint32_t flags, pt_next_fn next, void *user,
                                            pt_destroy_fn destroy, pt_dataset_t **out);

/* A dataset whose samples the callback makes from those of another, one from each: pictures decoded and cropped, texts
 * cut into tokens. What a sample is made into may depend on its inputs, its key and the epoch, but on nothing that
 * changes from call to call: then the order and the bits of the data are the same with any number of producers and
 * after a resume. The source is retained, and may be a stream, a view or a map. Classes of a field whose name the map
 * keeps stay known. */
PT_API pt_status_t pt_dataset_map(pt_dataset_t *dataset, const pt_field_spec_t *fields, int32_t n_fields,
                                  uint32_t field_size, uint32_t flags, pt_map_fn map, void *user, pt_destroy_fn destroy,
                                  pt_dataset_t **out);

/* Flags of pt_dataset_create_from_arrays. */
enum {
    /* copy the arrays; else they are borrowed until the dataset ends */
    PT_DATASET_COPY = 2,
};
/* One array a field, with the values of all samples: name, dtype, rank, shape and data of each are read; of a ragged
 * one lengths [samples] too, and max_length, where 0 stands for the longest sample. */
PT_API pt_status_t pt_dataset_create_from_arrays(pt_context_t *context, const pt_array_t *arrays, int32_t n_arrays,
                                                 uint32_t array_size, int64_t samples, uint32_t flags,
                                                 pt_dataset_t **out);

/* how a long run of tokens is cut into samples */
typedef struct pt_window_options {
    uint32_t struct_size;
    /* none are defined: 0 */
    uint32_t flags;
    /* tokens a sample, each with the token after it as its label; init: 128 */
    int64_t length;
    /* tokens from one sample's begin to the next one's; 0: length; 1: every position */
    int64_t stride;
    /* the part of the file to use, as fractions; init: 0, 1 */
    double start, end;
    /* token files: PT_UINT16 (init) or PT_UINT32, little-endian, no header */
    int32_t dtype;
    /* not 0: a shorter last window is a sample too */
    int32_t keep_partial;
    /* text: makes its tokens, without those that its file puts around a text; of the same context, not needed after the
     * call. NULL (init): bytes are the tokens */
    pt_tokenizer_t *tokenizer;
    /* with a tokenizer: the token behind each file, as the tokenizer's file writes it ("<|endoftext|>"); NULL: none */
    const char *separator;
    /* with a tokenizer: the file that keeps the tokens from call to call; NULL: they stand in memory */
    const char *cache;
} pt_window_options_t;
/* Writes the defaults, at most struct_size bytes, which is sizeof *options. */
PT_API pt_status_t pt_window_options_init(pt_window_options_t *options, uint32_t struct_size);
/* Fields "tokens" and "labels" of a text file, or of a directory of text files: all that are in it and in its
 * directories, in the order of their names' bytes, but for hidden ones; links are followed.
 *
 * Without a tokenizer every byte is a token, and a file is mapped, not read: who shortens it while the dataset lives
 * takes the process down with SIGBUS; a new file under the same name does no harm. A directory's bytes are copied.
 *
 * A tokenizer encodes all of it during the call, on the context's threads: at once into memory, or into the token file
 * `cache`, which is mapped then and found again by the next call, also of another process. The cache is a safetensors
 * file; it is written anew where a text's name, size or time has changed. PT_ERR_FORMAT, and it is left as it is: it
 * belongs to another tokenizer or separator, or is no token file. A file of over a megabyte is encoded in texts of at
 * most a megabyte, cut where a line ends, else between words: memory stays bounded with a cache, and the tokens at such
 * a cut can be others than those of the whole. PT_ERR_FORMAT: a file that is not UTF-8, with the byte. */
PT_API pt_status_t pt_dataset_create_from_text(pt_context_t *context, const char *path,
                                               const pt_window_options_t *options, pt_dataset_t **out);
/* The same of a file of token numbers, options->dtype each. */
PT_API pt_status_t pt_dataset_create_from_tokens(pt_context_t *context, const char *path,
                                                 const pt_window_options_t *options, pt_dataset_t **out);

/* What a column of a table becomes. */
enum {
    /* a string -> ragged int32, its bytes cut at max_length, or the tokens of a tokenizer */
    PT_COLUMN_TEXT = 1,
    /* a string or whole number -> int32, its place among the distinct values in order (numbers by value, strings by
     * bytes) */
    PT_COLUMN_CLASS = 2,
    /* a number -> float32; `count` of them -> float32 [count]: from the columns or keys that `sources` lists; without
     * a list JSON takes an array of `count` numbers, CSV `count` columns side by side from the named one on */
    PT_COLUMN_NUMBER = 3,
    /* JSON only: an array of whole numbers -> ragged int32, cut at max_length */
    PT_COLUMN_TOKENS = 4,
    /* JSON only: an array of strings or of whole numbers, which may be empty -> float32 [classes], 1 for each of the
     * distinct values of all rows, numbered as for PT_COLUMN_CLASS, that is among the row's, else 0 */
    PT_COLUMN_CLASSES = 5,
};
/* Flags of pt_column_t. */
enum {
    /* NUMBER: `missing` stands for an empty cell, a null and a key that is not there */
    PT_COLUMN_FILL = 1,
    /* TEXT: `pair` is the answer to it, which a language model learns to give */
    PT_COLUMN_ANSWER = 2,
};
/* Calls take the struct's size beside it (column_size). Strings and lists are read during the call only. */
typedef struct pt_column {
    /* name of the dataset's field */
    const char *field;
    /* key of the JSON object, or heading of the CSV column ("#3": the third, also in files without headings) */
    const char *source;
    int32_t kind;
    /* PT_COLUMN_FILL, PT_COLUMN_ANSWER or 0 */
    uint32_t flags;
    /* NUMBER: values a sample; 0: one, as a scalar */
    int64_t count;
    /* TEXT, TOKENS */
    int64_t max_length;
    /* NUMBER: [count] one a value, from anywhere, in place of source; NULL: none */
    const char *const *sources;
    /* with PT_COLUMN_FILL: within float32's range, or NaN for pt_dataset_normalize */
    double missing;
    /* TEXT: makes its tokens, with those that its file puts around a text, cut so that there are at most max_length;
     * of the same context, not needed after the call. NULL: bytes are the tokens */
    pt_tokenizer_t *tokenizer;
    /* TEXT: key or heading of a second text. The tokenizer encodes the two as a pair, cut together so that there are at
     * most max_length tokens. With PT_COLUMN_ANSWER they are one text, put end to end without anything between them, of
     * which at least a token of the answer must be within max_length; bytes will do then. NULL: none */
    const char *pair;
    /* with a pair: name of a second field, int32 and as long as the first. Of a pair the segments of its tokens, as the
     * tokenizer's file numbers them ("segments" for the families that read them); of an answer the labels: the token
     * behind each, from the last one before the answer on, and PT_IGNORE_INDEX before that ("labels" for
     * PT_TASK_CAUSAL_LM). NULL: none */
    const char *pair_field;
} pt_column_t;
/* Flags of tables. */
enum {
    /* CSV: the first line is data */
    PT_TABLE_NO_HEADINGS = 4,
};
/* How a table's file is read. Read during the call. */
typedef struct pt_table_options {
    uint32_t struct_size;
    /* PT_TABLE_... */
    uint32_t flags;
    /* CSV: the byte between cells, 1 to 255 but a quotation mark, LF or CR; 0 (init): a comma */
    int32_t separator;
    int32_t reserved;
    /* CSV: what stands for a missing number beside the empty cell, "NA"; NULL: nothing else */
    const char *missing;
} pt_table_options_t;
/* Writes the defaults, at most struct_size bytes, which is sizeof *options. */
PT_API pt_status_t pt_table_options_init(pt_table_options_t *options, uint32_t struct_size);
/* A table of JSON lines, one object a line. columns, n_columns of them, and their strings are copied. The file is
 * checked whole when it is opened: a message names file, line and column of the first value that cannot be read
 * (PT_ERR_FORMAT), a missing number without PT_COLUMN_FILL among them. options NULL: the defaults; nothing in them is
 * for JSON lines. */
PT_API pt_status_t pt_dataset_create_from_jsonl(pt_context_t *context, const char *path, const pt_column_t *columns,
                                                int32_t n_columns, uint32_t column_size,
                                                const pt_table_options_t *options, pt_dataset_t **out);
/* The same of a CSV file by RFC 4180, with any separator. */
PT_API pt_status_t pt_dataset_create_from_csv(pt_context_t *context, const char *path, const pt_column_t *columns,
                                              int32_t n_columns, uint32_t column_size,
                                              const pt_table_options_t *options, pt_dataset_t **out);
/* How many distinct values a PT_COLUMN_CLASS or PT_COLUMN_CLASSES field has; 0 for other fields. A getter. */
PT_API int64_t pt_dataset_class_count(const pt_dataset_t *dataset, const char *field);
/* One of them, in the order of their numbers; NULL where there is none of that number. UTF-8; lives as long as the
 * dataset that read the file, and each view of it. */
PT_API const char *pt_dataset_class_name(const pt_dataset_t *dataset, const char *field, int64_t index);

/* NULL: nothing happens. Views, and stages that run, keep what they need. */
PT_API void pt_dataset_free(pt_dataset_t *dataset);
/* The message of the last failed call on this dataset, "" where none has, whatever succeeded since; a stage's stands on
 * the model, and a refusal within the dataset's own callback (PT_ERR_BUSY) on the thread alone. Valid until the
 * dataset's next call or its end. */
PT_API const char *pt_dataset_last_error(const pt_dataset_t *dataset);
/* Samples; -1 for a stream. A getter. */
PT_API int64_t pt_dataset_length(const pt_dataset_t *dataset);
/* Fields of a sample. A getter. */
PT_API int32_t pt_dataset_field_count(const pt_dataset_t *dataset);
/* The name lives as long as the dataset. */
PT_API pt_status_t pt_dataset_field(const pt_dataset_t *dataset, int32_t index, pt_field_spec_t *spec,
                                    uint32_t field_size);
/* The samples first to first + count - 1, as a view: the source is retained and not changed. Not for streams. */
PT_API pt_status_t pt_dataset_subset(pt_dataset_t *dataset, int64_t first, int64_t count, pt_dataset_t **out);
/* The samples of these numbers, in this order, repeated ones too, as a view. indices [count] are copied. Not for
 * streams. */
PT_API pt_status_t pt_dataset_select(pt_dataset_t *dataset, const int64_t *indices, int64_t count, pt_dataset_t **out);
/* All samples in an order drawn by the seed, as a view. Not for streams. */
PT_API pt_status_t pt_dataset_shuffle(pt_dataset_t *dataset, uint64_t seed, pt_dataset_t **out);
/* Two views: fraction of the samples in *first and the rest in *second, drawn by the seed, no sample in both.
 * PT_ERR_ARGUMENT: one of them would be empty. Not for streams. */
PT_API pt_status_t pt_dataset_split(pt_dataset_t *dataset, double fraction, uint64_t seed, pt_dataset_t **first,
                                    pt_dataset_t **second);
/* Reads samples as a stage would: one field of them. lengths is written for every field; of one that is not ragged it
 * is shape[0], and 1 of a scalar. */
PT_API pt_status_t pt_dataset_read(pt_dataset_t *dataset, const int64_t *indices, int64_t count, const char *field,
                                   pt_array_t *values, uint32_t array_size);

/* ---- Pictures ---------------------------------------------------------------------------------------------------- */

/* How a picture becomes one of the wanted size. */
enum {
    /* scaled so that its shorter side is shorter_side, and the middle cut out: for evaluation */
    PT_IMAGE_CROP_CENTER = 0,
    /* scaled to the size, whatever its shape */
    PT_IMAGE_CROP_STRETCH = 1,
    /* a part of it, of random size, shape and place (scale_..., ratio_...), scaled to the size: for training */
    PT_IMAGE_CROP_RANDOM_RESIZED = 2,
    /* as PT_IMAGE_CROP_CENTER, then `padding` black pixels around it, and the size cut out anywhere: for training on
     * small pictures */
    PT_IMAGE_CROP_PADDED = 3,
};
/* What is between the pixels of a picture that is scaled. */
enum {
    PT_IMAGE_BILINEAR = 0,
    PT_IMAGE_BICUBIC = 1,
};
/* Flags of pt_image_options_t. */
enum {
    /* a broken picture ends the run, and whatever else would be passed over is a failure when the dataset is made */
    PT_IMAGE_STRICT = 1,
};
/* How pictures become samples: read during the call. What init writes takes the middle of each picture and draws
 * nothing: for evaluation and prediction. What is drawn depends on the seed of the stage, the epoch and the sample
 * alone (as pt_batch_key does), on no number of threads. All of it is done on bytes, in this order: crop, mirror,
 * RandAugment, colors, gray, blur. Probabilities are 0 to 1. */
typedef struct pt_image_options {
    uint32_t struct_size;
    /* PT_IMAGE_STRICT or 0 */
    uint32_t flags;
    /* of the samples; 0 (init): those of the pictures in IDX and CIFAR files, else 224 */
    int32_t height, width;
    /* 3, or 1 for gray; 0 (init): 1 from IDX files, else 3 */
    int32_t channels;
    /* PT_IMAGE_CROP_CENTER (init), ... */
    int32_t crop;
    /* CENTER, PADDED: at least the larger of height and width, such as 256 for 224; 0 (init): that one */
    int32_t shorter_side;
    /* PADDED; init: 4 */
    int32_t padding;
    /* PT_IMAGE_BILINEAR (init) or PT_IMAGE_BICUBIC */
    int32_t filter;
    /* so many of RandAugment's changes a picture (init: 0), of a strength of 0 to 30 (init: 9) */
    int32_t randaugment, randaugment_strength;
    /* pixels of the blur's Gaussian, an odd number; 0 (init): a tenth of the width */
    int32_t blur_size;
    /* a file that claims more pixels is broken; init: 100,000,000 */
    int64_t most_pixels;
    /* RANDOM_RESIZED: the part's area as a part of the whole (init: 0.08 to 1), and its width by its height (init: 3/4
     * to 4/3) */
    double scale_least, scale_most, ratio_least, ratio_most;
    /* probability of being mirrored; init: 0 */
    double flip_horizontally, flip_vertically;
    /* factors are drawn from 1 - x to 1 + x, hue from -x to x of a turn (at most 0.5), in a random order; init: 0 */
    double brightness, contrast, saturation, hue;
    /* probability of these four; init: 1 */
    double jitter;
    /* probability of gray; init: 0 */
    double grayscale;
    /* probability of blur (init: 0), and its deviation in pixels (init: 0.1 to 2) */
    double blur, blur_least, blur_most;
    /* [n_classes] names in the order of the numbers that their classes are to have, such as a model's; a class in the
     * files that is none of them is refused (PT_ERR_STATE). NULL: as the files have them */
    const char *const *classes;
    int64_t n_classes;
} pt_image_options_t;
/* Writes the defaults, at most struct_size bytes, which is sizeof *options. */
PT_API pt_status_t pt_image_options_init(pt_image_options_t *options, uint32_t struct_size);
/* Pictures: field "pixel_values", PT_UINT8 [height, width, channels], and where they have classes "label", PT_INT32,
 * with names (pt_dataset_class_name). They are decoded, on a stage's threads (pt_train_options_t.producers), each time
 * they are asked for. What stands at the path is told by content:
 *
 * A directory with a directory a class, in the order of their names' bytes, and pictures at any depth in these. A
 * directory of pictures, or one picture: no labels. JPEG, PNG and WebP, as far as the build has the libraries: files go
 * by the endings of their names, what is in them by content. EXIF's orientation is applied, transparency left out.
 *
 * An IDX file of pictures (MNIST's, "...images...idx3..."), also compressed by gzip; the file beside it of the same
 * name but for "labels" and "idx1" has the labels. A directory with one such pair.
 *
 * CIFAR's files, binary or pickled: one of them, or a directory, of which the training files are read; names from the
 * "...meta" or ".txt" beside them. Of CIFAR-100 the fine labels.
 *
 * A list in JSON lines: in each object "image" or "file_name", a path from the list's directory, and in all or none
 * "label", a string or a whole number; classes in order, as PT_COLUMN_CLASS has them.
 *
 * Hidden files are passed over. What else is not read is counted and named (pt_dataset_skipped): files that are no
 * pictures, directories that cannot be read, classes without a picture. So is a picture that turns out broken when it
 * is asked for: the next good one stands in for it, the same in every run. PT_ERR_FORMAT: there is no picture. */
PT_API pt_status_t pt_dataset_create_from_images(pt_context_t *context, const char *path,
                                                 const pt_image_options_t *options, pt_dataset_t **out);
/* The file of a sample, as it lies within the path that the dataset was made from: "cat/1.jpg"; of a view, the view's
 * sample. NULL where samples have no file of their own. Lives as long as the dataset that read the files. */
PT_API const char *pt_dataset_sample_name(const pt_dataset_t *dataset, int64_t sample);
/* How much of the files was passed over until now; 0 for datasets of other kinds. A getter. */
PT_API int64_t pt_dataset_skipped_count(const pt_dataset_t *dataset);
/* One of these: "PATH: REASON". Files that are no samples come first, then broken pictures in the order of the samples,
 * so that a number may mean another one once more are found. NULL where there is none of that number; lives as long as
 * the dataset that read the files. */
PT_API const char *pt_dataset_skipped(const pt_dataset_t *dataset, int64_t index);

/* ---- Recordings -------------------------------------------------------------------------------------------------- */

/* What a row of a recording is. */
enum {
    /* the spectrum: fft_size / 2 + 1 numbers, 161 of windows of 20 ms at 16 kHz, as DeepSpeech 2 has them (Amodei
     * 2015) */
    PT_AUDIO_SPECTROGRAM = 0,
    /* mel_bands of it */
    PT_AUDIO_MEL = 1,
    /* the first of their cosine transform (type 2, orthonormal) */
    PT_AUDIO_MFCC = 2,
};
/* Windows, periodic: 0.5 - 0.5 cos, 0.54 - 0.46 cos, and none. */
enum {
    PT_AUDIO_HANN = 0,
    PT_AUDIO_HAMMING = 1,
    PT_AUDIO_RECTANGLE = 2,
};
/* Where the first window stands, and the last. Samples of a window are fft_size, the window in their middle. */
enum {
    /* within the recording: 1 + floor((samples - fft_size) / step) rows; torch.stft's center=False */
    PT_AUDIO_EDGES_INSIDE = 0,
    /* the middle of the first window at the first sample, zeros before and behind: 1 + floor(samples / step) rows;
     * librosa's usual ones */
    PT_AUDIO_EDGES_ZEROS = 1,
    /* the same, the recording mirrored at its ends; torch.stft's and torchaudio's usual ones */
    PT_AUDIO_EDGES_REFLECT = 2,
};
/* What pitch is to the ear, by frequency. */
enum {
    /* linear below 1000 Hz, then logarithmic; librosa's usual one */
    PT_AUDIO_MEL_SLANEY = 0,
    /* 2595 log10(1 + f / 700); torchaudio's usual one */
    PT_AUDIO_MEL_HTK = 1,
};
/* Whether bands are divided by half of their width in hertz. */
enum {
    /* of Slaney's scale they are, of HTK's not */
    PT_AUDIO_AREA_DEFAULT = 0,
    PT_AUDIO_AREA_SLANEY = 1,
    PT_AUDIO_AREA_NONE = 2,
};
/* What a number x of the spectrum or of a band becomes. */
enum {
    /* of a spectrogram LOG1P, of mel bands LOG, below MFCC DECIBEL */
    PT_AUDIO_SCALE_DEFAULT = 0,
    /* ln(1 + x) */
    PT_AUDIO_SCALE_LOG1P = 1,
    /* ln(max(x, floor)) */
    PT_AUDIO_SCALE_LOG = 2,
    /* 10 log10(max(x, floor)), of power 1 twice that */
    PT_AUDIO_SCALE_DECIBEL = 3,
    /* x */
    PT_AUDIO_SCALE_LINEAR = 4,
};
/* Each recording by itself, after its scale; pt_dataset_normalize does it for all together. Deviations are those of a
 * whole population. */
enum {
    PT_AUDIO_NORMALIZE_NONE = 0,
    /* mean 0 and deviation 1 of all its numbers */
    PT_AUDIO_NORMALIZE_RECORDING = 1,
    /* of each column */
    PT_AUDIO_NORMALIZE_BINS = 2,
};
/* Flags of pt_audio_options_t. */
enum {
    /* a broken recording ends the run, and whatever else would be passed over is a failure when the dataset is made */
    PT_AUDIO_STRICT = 1,
    /* what is longer than longest_seconds is cut there, in place of being passed over; not of recordings with a
     * transcript */
    PT_AUDIO_CUT = 2,
};
/* How recordings become rows of numbers: read during the call. What init writes is DeepSpeech 2's log spectrogram. */
typedef struct pt_audio_options {
    uint32_t struct_size;
    /* PT_AUDIO_STRICT, PT_AUDIO_CUT */
    uint32_t flags;
    /* samples a second that recordings of any rate are brought to by libsoxr, 1000 to 384000; init: 16000 */
    int32_t rate;
    /* PT_AUDIO_SPECTROGRAM (init), ... */
    int32_t features;
    /* PT_AUDIO_HANN (init), ... */
    int32_t window;
    /* PT_AUDIO_EDGES_INSIDE (init), ... */
    int32_t edges;
    /* samples that are transformed: an even number of no prime factors but 2, 3 and 5, at least the window's. 0 (init):
     * the least of these */
    int32_t fft_size;
    /* bands of the mel scale (init: 80) and coefficients of MFCC (init: 13) */
    int32_t mel_bands, coefficients;
    /* PT_AUDIO_MEL_SLANEY (init), ... and PT_AUDIO_AREA_DEFAULT (init), ... */
    int32_t mel_scale, mel_area;
    /* of the spectrum: 1 its sizes, 2 their squares; 0 (init): 1 of a spectrogram, else 2 */
    int32_t power;
    /* PT_AUDIO_SCALE_DEFAULT (init), ... */
    int32_t scale;
    /* PT_AUDIO_NORMALIZE_NONE (init), ... */
    int32_t normalization;
    /* init: 0.02 and 0.01 */
    double window_seconds, step_seconds;
    /* what the bands lie between; init: 0, and 0 for half of the rate */
    double low_hertz, high_hertz;
    /* LOG, DECIBEL: init: 1e-10 */
    double floor;
    /* DECIBEL: nothing is further below the loudest of the recording, such as 80; 0 (init): as it is */
    double range_decibels;
    /* each sample less so much of the one before it, such as 0.97; init: 0 */
    double preemphasis;
    /* what is longer is passed over, by the reason, or cut (PT_AUDIO_CUT); 0 (init): nothing is */
    double longest_seconds;
    /* a file that has more samples is broken; init: 1,000,000,000 */
    int64_t most_samples;
    /* makes the ids of transcripts, with those that its file puts around a text; of the same context, not needed after
     * the call. NULL (init): bytes are the ids */
    pt_tokenizer_t *tokenizer;
    /* manifests: the key or heading of the path, of the transcript and of the class; NULL (init): the usual ones */
    const char *path_key, *text_key, *label_key;
    /* as of pt_image_options_t */
    const char *const *classes;
    int64_t n_classes;
    /* What is drawn for training, from the seed of the stage, the epoch and the sample alone (as pt_batch_key does), in
     * this order. Speed (and pitch with it) is changed by a factor of hundredths between these; init: 1 and 1, such as
     * 0.9 and 1.1 */
    double speed_least, speed_most;
    /* decibels that loudness is changed by; init: 0 and 0 */
    double gain_least, gain_most;
    /* probability of noise (init: 0), and how many decibels the recording is louder than it (init: 10 to 30) */
    double noise, noise_least, noise_most;
    /* a directory of recordings of noise, or one, a part of which is added; NULL (init): white noise */
    const char *noise_path;
    /* SpecAugment (Park 2019), on normalised rows: so many masks (init: 0), of at most so many columns or rows each;
     * what is masked takes its column's mean */
    int32_t frequency_masks, frequency_mask, time_masks, time_mask;
    /* a mask of rows is at most this part of the recording; init: 1 */
    double time_mask_part;
} pt_audio_options_t;
/* Writes the defaults, at most struct_size bytes, which is sizeof *options. */
PT_API pt_status_t pt_audio_options_init(pt_audio_options_t *options, uint32_t struct_size);
/* Recordings: field "frames", float32 [rows, bins], ragged; where they have transcripts "transcript", int32, ragged;
 * where they have classes "label", PT_INT32, with names (pt_dataset_class_name). WAV, FLAC, OGG and what else
 * libsndfile reads, and MP3 by libmpg123, of any number of channels, whose mean is taken. They are decoded on a stage's
 * threads (pt_train_options_t.producers) each time they are asked for; how long each is, is read from their headers
 * when the dataset is made, so that samples can be sorted by length and a stage knows its steps. At the path stand:
 *
 * LibriSpeech's directories: at any depth files "...trans.txt" whose lines are the name of a recording beside it,
 * without its ending, and its transcript.
 *
 * LJSpeech's "metadata.csv", or the directory that holds it: lines "name|text|normalised text", of which the last is
 * the transcript, recordings in "wavs" or beside it.
 *
 * Common Voice's "train.tsv" (of its directory) or another of its tables: columns "path", from "clips" beside it or
 * from the table's directory, and "sentence".
 *
 * A manifest: JSON lines, or CSV or TSV with headings. "audio_filepath", "audio", "file_name" or "path" is a path from
 * its directory, "text", "transcript" or "sentence" a transcript, "label" a class; in JSON "offset" and "duration", in
 * seconds, are a part of the recording. All lines or none have a transcript, and a class.
 *
 * A directory with a directory a class, a directory of recordings, or one recording, as with pictures.
 *
 * Where speed is drawn, samples are sorted by the lengths that they have without, and a stage does not know its steps
 * where batches are counted in rows.
 *
 * What cannot be read is counted and named (pt_dataset_skipped): missing and broken files, recordings too short for a
 * row or longer than longest_seconds, transcripts that are empty or that the tokenizer cannot encode. Where only
 * decoding shows that a recording is broken, the next good one stands in for it, the same in every run; the number of a
 * stage's steps may then differ by what the lengths differ. PT_ERR_UNSUPPORTED: a build without KISS FFT;
 * PT_ERR_FORMAT: there is no recording. */
PT_API pt_status_t pt_dataset_create_from_audio(pt_context_t *context, const char *path,
                                                const pt_audio_options_t *options, pt_dataset_t **out);

/* The same rows of a recording that comes in pieces, as from a microphone: to the bit those of the whole recording, in
 * memory that does not grow with what has gone through. options as of pt_dataset_create_from_audio; what in them needs
 * whole recordings or is for datasets (normalization, range_decibels, what is drawn, ...) is refused. rate: samples a
 * second of each channel that come, of `channels` that are mixed. A stream is used by one thread at a time. */
PT_API pt_status_t pt_audio_stream_create(pt_context_t *context, const pt_audio_options_t *options, double rate,
                                          int32_t channels, pt_audio_stream_t **out);
/* The next samples, those of all channels side by side: floats, or PCM as PT_INT16, PT_INT32 or PT_UINT8. Any number of
 * them; elements is needed. PT_ERR_NONFINITE: one is no finite number, and none was taken. PT_ERR_STATE: the stream has
 * ended. After PT_ERR_MEMORY it has. */
PT_API pt_status_t pt_audio_stream_push(pt_audio_stream_t *stream, const pt_array_t *samples, uint32_t array_size);
/* Nothing follows: the last rows are ready. */
PT_API pt_status_t pt_audio_stream_finish(pt_audio_stream_t *stream);
/* Takes the rows that are ready, at most `most` (0: all), PT_FLOAT32 [bins] each; their number is in samples, which may
 * be 0. PT_ERR_ARGUMENT: there is no room for them, and none was taken. */
PT_API pt_status_t pt_audio_stream_read(pt_audio_stream_t *stream, int64_t most, pt_array_t *rows, uint32_t array_size);
/* The message of the last failed call on this stream, "" where none has. */
PT_API const char *pt_audio_stream_last_error(const pt_audio_stream_t *stream);
/* NULL: nothing happens. */
PT_API void pt_audio_stream_free(pt_audio_stream_t *stream);

/* ---- Normalisation: what goes in is moved and scaled ------------------------------------------------------------- */

/* Ways of normalising. */
enum {
    /* (value - mean) / standard deviation, that of the samples as a whole population */
    PT_NORMALIZE_STANDARD = 0,
    /* (value - least) / (greatest - least): 0 to 1 */
    PT_NORMALIZE_RANGE = 1,
};
/* Flags of pt_normalize_options_t. */
enum {
    /* NaN stands for a missing value: it is left out of the measure, and becomes the mean */
    PT_NORMALIZE_FILL = 1,
};
/* How a field is normalised. Read during the call. */
typedef struct pt_normalize_options {
    uint32_t struct_size;
    /* PT_NORMALIZE_FILL or 0 */
    uint32_t flags;
    /* PT_NORMALIZE_STANDARD (init) or PT_NORMALIZE_RANGE */
    int32_t kind;
    int32_t reserved;
} pt_normalize_options_t;
/* Writes the defaults, at most struct_size bytes, which is sizeof *options. */
PT_API pt_status_t pt_normalize_options_init(pt_normalize_options_t *options, uint32_t struct_size);
/* Measures a field of the training data and has the model normalise it: from then on all that the model runs on, in
 * stages, pt_evaluate, pt_predict, pt_train_step and pt_forward, is given raw. Each feature is measured by itself, in
 * one pass and in double precision: the last dimension of a sample's shape has the features, over all rows of a ragged
 * field and all pixels of a picture; a scalar is one feature. One that is constant is moved and not scaled.
 *
 * The model keeps it, whatever its task: pt_model_save, checkpoints, pt_model_open and pt_model_share carry it, and so
 * do pt_model_copy and pt_model_load where all of the trunk's tensors come with it (a file that the library wrote
 * without one takes it away; other files change nothing). The field is one of the trunk's, of PT_FLOAT32 there and any
 * dtype in the dataset: PT_ERR_ARGUMENT for a task's field and for whole numbers. PT_ERR_NONFINITE: a value that is not
 * finite. A stream is read to the end of a pass. Nothing changes where it fails. options NULL: the defaults. */
PT_API pt_status_t pt_dataset_normalize(pt_dataset_t *dataset, const char *field, const pt_normalize_options_t *options,
                                        pt_model_t *model);
/* A normalisation that the host has measured: (value - shift) / scale, an array of as many numbers as the field has
 * features each, of any dtype; copied. scale is above 0. Both NULL: the field's values go in as they are. */
PT_API pt_status_t pt_model_set_normalization(pt_model_t *model, const char *field, const pt_array_t *shift,
                                              const pt_array_t *scale, uint32_t array_size);
/* What the model moves and scales a field by, PT_FLOAT64 [features] each; NULL: that one is not wanted.
 * PT_ERR_NOT_FOUND: the model has no such field, or leaves its values as they are. */
PT_API pt_status_t pt_model_normalization(const pt_model_t *model, const char *field, pt_array_t *shift,
                                          pt_array_t *scale, uint32_t array_size);

/* ---- Stages ------------------------------------------------------------------------------------------------------ */

/* What an event is about. */
enum {
    /* every event_every steps */
    PT_EVENT_STEP = 1,
    /* evaluation_loss, evaluation_best and the model's metrics are new */
    PT_EVENT_EVALUATION = 2,
    /* path was written */
    PT_EVENT_CHECKPOINT = 3,
    /* a step was skipped */
    PT_EVENT_NONFINITE = 4,
    /* the stage is over; reason says why */
    PT_EVENT_END = 5,
    /* path was read; step says where the stage goes on */
    PT_EVENT_RESUME = 6,
    /* path could not be written; message says why. An older checkpoint is there, so the stage goes on unless the host
     * ends it, and tries again when the next is due; the last one, at the stage's end, is the stage's own failure. */
    PT_EVENT_CHECKPOINT_FAILED = 7,
};

/* What a callback wants to happen next. */
enum {
    PT_ACTION_STOP = 0,
    PT_ACTION_GO_ON = 1,
};

/* Why a stage is over. */
enum {
    /* all steps made */
    PT_REASON_DONE = 1,
    /* evaluation did not improve for `patience` evaluations */
    PT_REASON_EARLY = 2,
    /* time budget spent */
    PT_REASON_TIME = 3,
    /* an event callback asked to stop */
    PT_REASON_HOST = 4,
    PT_REASON_CANCELLED = 5,
    PT_REASON_END_OF_DATA = 6,
};
/* Callbacks, the log's and the allocator's among them, run while no lock of the library is held, and may call it. What
 * the stage that called back is using refuses all but getters and pt_model_cancel with PT_ERR_BUSY, whichever thread of
 * the library asks: its model, a dataset from within that dataset's own callback, and an optimizer's settings from its
 * schedule's. A callback may not wait for a thread of the host's that asks the callback's own dataset for samples, as
 * that one waits for the callback to end. */
typedef struct pt_event {
    uint32_t struct_size;
    /* preset PT_ACTION_STOP; write PT_ACTION_GO_ON to go on */
    int32_t action;
    int32_t kind;
    int32_t reason;
    /* made, skipped updates among them; of how many (0: not known) */
    int64_t step, total_steps;
    int64_t epoch;
    /* mean of the steps since the last PT_EVENT_STEP that learnt something; of the last step where none has: NaN where
     * no label counts */
    double loss;
    double learning_rate;
    /* before clipping; 0 where nothing asks for it */
    double gradient_norm;
    /* NaN before the first evaluation */
    double evaluation_loss;
    /* of the options' best_metric; all of them: pt_model_metric_value */
    double evaluation_metric;
    double samples_per_second, tokens_per_second;
    /* since the stage began; estimate, NaN where unknown */
    double seconds, seconds_left;
    /* held by the context */
    int64_t bytes;
    /* CHECKPOINT, RESUME, CHECKPOINT_FAILED */
    const char *path;
    /* CHECKPOINT_FAILED */
    const char *message;
} pt_event_t;
/* Called on the thread that called the stage, between steps; the struct and its strings live until it returns. */
typedef void (*pt_event_fn)(void *user, pt_event_t *event);

/* Flags of pt_train_options_t. */
enum {
    /* go on from the newest checkpoint of checkpoint_directory that is whole and fits, if there is any; what is wrong
     * with newer ones is told to the log */
    PT_TRAIN_RESUME = 1,
    /* at the end, take back the weights of the best evaluation, by best_metric */
    PT_TRAIN_KEEP_BEST = 2,
    /* do not shuffle */
    PT_TRAIN_IN_ORDER = 4,
    /* leave out an epoch's last batch where it is not full */
    PT_TRAIN_DROP_PARTIAL = 8,
    /* checkpoints leave out what is frozen and hold a hash of it: who resumes makes the model with the same frozen
     * weights */
    PT_TRAIN_TRAINED_ONLY = 16,
};
/* How a stage trains. Read during the call, which keeps what it needs of it. */
typedef struct pt_train_options {
    uint32_t struct_size;
    uint32_t flags;
    /* in all, each one update or a skipped one; 0: by epochs */
    int64_t steps;
    /* passes over the data; 0 with steps 0: 1 */
    int64_t epochs;
    /* samples an update; 0: 8, or with batch_rows no limit */
    int64_t batch;
    /* samples at a time; 0: as many as fit the budget, at most batch */
    int64_t micro_batch;
    /* 0, or: an update is made of as many samples as come next with at most so many rows (tokens) together, where there
     * are several ragged dimensions in each of them. A sample that is longer by itself is refused. The number of steps
     * is known beforehand only where all lengths are known without fetching: in arrays and files. */
    int64_t batch_rows;
    /* rows at a time; 0: as many as fit the budget, at most batch_rows */
    int64_t micro_batch_rows;
    /* 0, or: so many samples of the shuffled order are sorted by length before batches are cut; not for data whose
     * lengths are known only when it is fetched. */
    int64_t bucket;
    /* Threads that make samples; 0: one where it is expected to save time. Data with a callback that allows no
     * thread is made on the caller's. */
    int32_t producers;
    int32_t reserved;
    /* bytes that parameters, gradients, slots and plans, also the evaluation's, may take; 0: no limit */
    int64_t memory_budget;
    /* seconds; 0: no limit */
    double time_budget;
    /* 0: from the context's seed */
    uint64_t shuffle_seed;
    /* steps between PT_EVENT_STEP; init: 1 */
    int64_t event_every;
    pt_event_fn event;
    void *event_user;
    /* NULL: none */
    pt_dataset_t *evaluation;
    /* steps; 0: at the end of each epoch, or at the end where steps are given */
    int64_t evaluate_every;
    /* 0: micro_batch */
    int64_t evaluation_batch;
    /* which value says what is better: a name of pt_model_metric_info; NULL: "loss" */
    const char *best_metric;
    /* evaluations without improvement before the stage ends; 0: no early end */
    int64_t patience;
    /* how much better the value must be to count */
    double improvement;
    /* NULL: none. Made if missing; holds no checkpoints yet, or PT_TRAIN_RESUME is set. One stage at a time has it, of
     * whatever process: another one is PT_ERR_BUSY. One that cannot be written is refused before the first step. */
    const char *checkpoint_directory;
    /* steps; 0: only at the end. One that is due after a step that was skipped, or while weights are not finite, waits
     * for the next step that is made. */
    int64_t checkpoint_every;
    /* seconds; 0: not by time */
    double checkpoint_seconds;
    /* 0: 2. Older ones stay until a step was made from the newest, or the stage is over */
    int64_t checkpoints_kept;
} pt_train_options_t;
/* Writes the defaults, at most struct_size bytes, which is sizeof *options. */
PT_API pt_status_t pt_train_options_init(pt_train_options_t *options, uint32_t struct_size);

/* What a stage has done. */
typedef struct pt_train_result {
    uint32_t struct_size;
    /* PT_REASON_... */
    int32_t reason;
    /* made by this call, skipped updates among them */
    int64_t steps;
    int64_t samples, tokens;
    /* mean over the last epoch, or over the last tenth of the steps where that is less; of the last step where the
     * stage ended before these; NaN: no step was made, or no label counted in those */
    double loss;
    /* of the options' best_metric; NaN: no evaluation had one */
    double best_value;
    int64_t best_step;
    double seconds;
    /* held by the context */
    int64_t peak_bytes;
    /* updates skipped for gradients that were not finite */
    int64_t skipped;
} pt_train_result_t;

/* What stands there before the first step is checked before it: whether the datasets fit the network, and, where no
 * callback makes samples, each of their values, in the evaluation's too. A stage goes on in the middle of an epoch only
 * with as many samples, in the order that it had; the learning rate that the host set meanwhile goes on with it, unless
 * the optimizer is now made with another. PT_ERR_STATE otherwise.
 *
 * Trains on unlabelled data. A known family without a task gets its own: PT_TASK_CAUSAL_LM for all but "mlp"; a
 * network of the host's has its own loss. A model whose task needs labels is refused (PT_ERR_STATE). result may be
 * NULL; set result->struct_size first. It is written after a failure too, and says how far the stage came. */
PT_API pt_status_t pt_pretrain(pt_model_t *model, pt_optimizer_t *optimizer, pt_dataset_t *dataset,
                               const pt_train_options_t *options, pt_train_result_t *result);
/* Trains on data for the model's task, whatever it is. result as of pt_pretrain. */
PT_API pt_status_t pt_finetune(pt_model_t *model, pt_optimizer_t *optimizer, pt_dataset_t *dataset,
                               const pt_train_options_t *options, pt_train_result_t *result);

/* What an evaluation found, but for the metrics: pt_model_metric_value. */
typedef struct pt_evaluation {
    uint32_t struct_size;
    uint32_t reserved;
    /* over all samples, weighted as the loss is; NaN: no label counted */
    double loss;
    int64_t samples, tokens;
    double seconds;
} pt_evaluation_t;
/* batch: samples at a time; 0: 8. Set result->struct_size first. Changes no state of the training. */
PT_API pt_status_t pt_evaluate(pt_model_t *model, pt_dataset_t *dataset, int64_t batch, pt_evaluation_t *result);

/* How samples are told by their nearest neighbours. */
typedef struct pt_neighbour_options {
    uint32_t struct_size;
    /* none are defined: 0 */
    uint32_t flags;
    /* how many vote, at least 1; init: 20 */
    int64_t neighbours;
    /* samples at a time through the model; 0: 8 */
    int64_t batch;
    /* each vote counts exp(similarity / temperature) (Wu 2018); 0: all count alike; init: 0.07 */
    double temperature;
    /* name of an output with a row of features a sample, float32 [PT_DIM_BATCH, D]; NULL: "embedding" where the model
     * has that, else "hidden" */
    const char *output;
} pt_neighbour_options_t;
/* Writes the defaults, at most struct_size bytes, which is sizeof *options. */
PT_API pt_status_t pt_neighbour_options_init(pt_neighbour_options_t *options, uint32_t struct_size);
/* What pt_evaluate_neighbours found. */
typedef struct pt_neighbour_result {
    uint32_t struct_size;
    uint32_t reserved;
    /* of the dataset, and what they were compared with */
    int64_t samples, references;
    /* the share of samples whose class is the one that their neighbours vote for */
    double accuracy;
} pt_neighbour_result_t;
/* What a model's features are worth before anything has learnt from labels: each sample of `dataset` gets the class of
 * most votes among the samples of `reference` whose features are most similar to its own by the cosine. Both have a
 * field "label", int32, one a sample; where both have names of classes, these say which are the same. Features and
 * labels of both are held in memory: (references + samples) x (D + 1) x 4 bytes, and 256 x references x 4 beside them.
 * options NULL: the defaults. Set result->struct_size first. PT_ERR_SHAPE: no such output, or no labels. */
PT_API pt_status_t pt_evaluate_neighbours(pt_model_t *model, pt_dataset_t *reference, pt_dataset_t *dataset,
                                          const pt_neighbour_options_t *options, pt_neighbour_result_t *result);

/* What the last evaluation found, by pt_evaluate or within a stage (also while its event callback runs): the loss
 * first, then the task's or the network's metrics. Values are NaN before the first evaluation with this task, and
 * where nothing counted. */
typedef struct pt_metric_info {
    uint32_t struct_size;
    /* PT_METRIC_... */
    int32_t direction;
    /* lives until the model's task changes */
    const char *name;
    double value;
} pt_metric_info_t;
/* How many values an evaluation tells, the loss among them; 0 for a model without a loss. A getter. */
PT_API int64_t pt_model_metric_count(const pt_model_t *model);
/* One of them, 0 <= index < pt_model_metric_count; the loss is number 0. Set info->struct_size first. */
PT_API pt_status_t pt_model_metric_info(const pt_model_t *model, int64_t index, pt_metric_info_t *info);
/* The value under a name, "accuracy"; NaN where the model has no such metric. */
PT_API double pt_model_metric_value(const pt_model_t *model, const char *name);
/* A named output (NULL: the first that is not "hidden") of all samples in order, end to end; of a ragged one with the
 * rows of each sample in lengths. batch: samples at a time; 0: 8. How large it is is known before anything is computed
 * where the dataset knows its lengths; else a buffer that turns out too small is told it after reading all the data. */
PT_API pt_status_t pt_predict(pt_model_t *model, pt_dataset_t *dataset, const char *output, int64_t batch,
                              pt_array_t *values, uint32_t array_size);

/* ---- Generation: texts continued token by token ------------------------------------------------------------------ */

/* Flags of pt_generate_options. */
enum {
    /* read each text anew for every token, as networks are whose earlier tokens leave nothing to keep: less memory,
     * more time, and the same tokens but where rounding decides between two */
    PT_GENERATE_RECOMPUTE = 1,
};
/* How texts are continued. Copied by pt_generator_create. */
typedef struct pt_generate_options {
    uint32_t struct_size;
    /* PT_GENERATE_..., or 0 */
    uint32_t flags;
    /* tokens to generate at most, for each prompt; init: 64 */
    int64_t count;
    /* 0 (init): greedy, the most likely token, whatever limits stand below */
    double temperature;
    /* chosen from the top_k most likely tokens; 0: all */
    int64_t top_k;
    /* and of these from the smallest set of the most likely whose share reaches top_p, Holtzman 2020; 0 or 1: all */
    double top_p;
    /* the same draws each time; 0: from the context's seed, and others each time */
    uint64_t seed;
    /* A text is over after one of these sequences of new tokens, in the forms that pt_generator_begin takes, but that
     * without lengths and shape each of the `elements` tokens is a sequence by itself. Copied. NULL: none */
    const pt_array_t *stops;
    /* sizeof(pt_array_t), with stops */
    uint32_t array_size;
    /* 0 */
    uint32_t reserved;
    /* and of what top_p leaves from those with at least so much of the most likely one's probability, Nguyen 2024; 0:
     * all */
    double min_p;
    /* makes tokens that the text has, the prompt's too, less likely before all else, Keskar 2019: positive logits are
     * divided by it, negative ones multiplied; 0 or 1: it does not */
    double repetition_penalty;
    /* of the model's tokens, retained: texts are told as text too (pt_token_t.text, pt_generator_string), without
     * special tokens. NULL: none */
    pt_tokenizer_t *tokenizer;
    /* a text is over, and ends before it, as soon as it has one of these strings of UTF-8, which takes a tokenizer;
     * copied. NULL: none */
    const char *const *stop_strings;
    int64_t n_stop_strings;
} pt_generate_options_t;
/* Writes the defaults, at most struct_size bytes, which is sizeof *options. */
PT_API pt_status_t pt_generate_options_init(pt_generate_options_t *options, uint32_t struct_size);
/* Continues one prompt, as of pt_generator_begin, with a model whose task is PT_TASK_CAUSAL_LM. `tokens` gets the new
 * ones, PT_INT32 or converted to another dtype, and has room for the options' count: where it has not, or only asks,
 * its elements tell that, before anything is generated. After PT_ERR_CANCELLED, and PT_ERR_NONFINITE where the weights
 * are damaged, it has what was generated until then. Where a text has grown beyond the model's longest, the first half
 * of what the model has read of it is left out, and again when that is full. For several prompts, streams and scores:
 * pt_generator_create. */
PT_API pt_status_t pt_generate(pt_model_t *model, const pt_array_t *prompt, const pt_generate_options_t *options,
                               pt_array_t *tokens, uint32_t array_size);

/* Prompts in a batch: each text has draws of its own, whatever stands beside it. */
typedef struct pt_generator pt_generator_t;
/* A generator with the model's weights as they are when it is made, as pt_model_share has them: the model may be
 * trained or freed meanwhile, and used by another thread than the generator. NULL options: the defaults. */
PT_API pt_status_t pt_generator_create(pt_model_t *model, const pt_generate_options_t *options, pt_generator_t **out);
/* NULL: nothing happens. */
PT_API void pt_generator_free(pt_generator_t *generator);
/* The message of the last failed call on this generator, "" where none has, whatever succeeded since. Valid until the
 * generator's next call or its end. */
PT_API const char *pt_generator_last_error(const pt_generator_t *generator);
/* Takes up prompts, copied, in place of the last ones; none are left where it fails. Their tokens stand end to end, of
 * any dtype, each a whole number that the model knows as a token. They come in one of these forms: with lengths,
 * `samples` prompts of at least 1 token each, elements being their sum or 0; without lengths, one prompt of `elements`
 * tokens; or with rank 1 and a fixed shape in place of lengths, prompts of shape[0] tokens each, `elements` in all.
 * PT_ERR_SHAPE: elements or the shape are not of that kind. */
PT_API pt_status_t pt_generator_begin(pt_generator_t *generator, const pt_array_t *prompts, uint32_t array_size);
/* One token for each text that is not over; *live (or NULL): how many are not over then. */
PT_API pt_status_t pt_generator_step(pt_generator_t *generator, int64_t *live);

/* Why a text is over. */
enum {
    /* after a stop sequence, or before a stop string */
    PT_GENERATED_STOP = 1,
    /* the options' count of tokens */
    PT_GENERATED_COUNT = 2,
    /* the callback asked to stop */
    PT_GENERATED_HOST = 3,
};
/* A new token, for the callback of pt_generator_run. */
typedef struct pt_token {
    uint32_t struct_size;
    /* preset PT_ACTION_STOP, which ends all texts; write PT_ACTION_GO_ON to go on */
    int32_t action;
    /* whose token it is, from 0 */
    int64_t prompt;
    /* among the text's new tokens, from 0 */
    int64_t position;
    int32_t token;
    /* 0: the text goes on; else PT_GENERATED_... */
    int32_t reason;
    /* natural logarithm of its probability by the model, before penalty, temperature and limits */
    double score;
    /* with a tokenizer: what of the text is certain now and has not been told yet, whole characters, often none;
     * nothing is told that may be a stop string's. text_length bytes, without a final 0, valid during the call; else
     * NULL */
    const char *text;
    int64_t text_length;
} pt_token_t;
/* Called on the thread that called pt_generator_run. */
typedef void (*pt_token_fn)(void *user, pt_token_t *token);
/* Steps until all texts are over, on the calling thread, and tells each token (callback NULL: none). A step's tokens
 * come in the order of the prompts. */
PT_API pt_status_t pt_generator_run(pt_generator_t *generator, pt_token_fn callback, void *user);
/* From any thread: the run ends with PT_ERR_CANCELLED at the next step, or the next step does; either may go on. */
PT_API void pt_generator_cancel(pt_generator_t *generator);
/* The text of a prompt's new tokens as far as it is told, with a final 0, as pt_last_error_copy gives text: at most
 * `size` bytes, the whole length without the 0 to *length; buffer may be NULL with size 0. PT_ERR_STATE without a
 * tokenizer. */
PT_API pt_status_t pt_generator_string(pt_generator_t *generator, int64_t prompt, char *buffer, size_t size,
                                       size_t *length);
/* Bytes that keep what the model computed of the present prompts' texts, so that each step reads only new tokens: they
 * grow as texts do. 0: it reads texts anew, as PT_GENERATE_RECOMPUTE asks for or the network needs (where attention
 * sees later tokens too, or tokens meet by other ops than attention, pt_positions and pt_pool of the last). */
PT_API int64_t pt_generator_cache_bytes(const pt_generator_t *generator);
/* The new tokens of a prompt's text, PT_INT32, and the score of each, PT_FLOAT32, or converted to other dtypes; NULL:
 * that one is not wanted. *reason (or NULL) says why the text is over, 0: it is not. prompt: its number, from 0. */
PT_API pt_status_t pt_generator_text(const pt_generator_t *generator, int64_t prompt, pt_array_t *tokens,
                                     pt_array_t *scores, uint32_t array_size, int32_t *reason);

/* ---- The loop below the stages ----------------------------------------------------------------------------------- */

/* What pt_train_step has done. */
typedef struct pt_step_result {
    uint32_t struct_size;
    /* 1: the gradient was not finite and no update was made */
    int32_t skipped;
    /* of these samples; NaN: no label counted */
    double loss;
    /* before clipping; 0 where nothing asked for it */
    double gradient_norm;
    /* used for the update */
    double learning_rate;
} pt_step_result_t;
/* Flags of pt_train_step. */
enum {
    /* add to the gradient and make no update: the next step without it does, for all of them */
    PT_STEP_ACCUMULATE = 1,
    /* compute gradient_norm even where no clipping asks for it */
    PT_STEP_NORM = 2,
};
/* Forward, backward, update, with values that the host hands over: one view a field of the network, found by its name,
 * for all `samples`; those of a ragged field have lengths [samples]. They are read during the call only. result may be
 * NULL; set its struct_size first. */
PT_API pt_status_t pt_train_step(pt_model_t *model, pt_optimizer_t *optimizer, const pt_array_t *values,
                                 int32_t n_values, uint32_t array_size, int64_t samples, uint32_t flags,
                                 pt_step_result_t *result);
/* Forward only: a named output (NULL: the first that is not "hidden") of these samples, as pt_predict gives it. */
PT_API pt_status_t pt_forward(pt_model_t *model, const pt_array_t *values, int32_t n_values, uint32_t array_size,
                              int64_t samples, const char *output, pt_array_t *result);
/* The loss of these samples, without dropout and without a gradient; NaN where no label counts. */
PT_API pt_status_t pt_loss(pt_model_t *model, const pt_array_t *values, int32_t n_values, uint32_t array_size,
                           int64_t samples, double *loss);

/* What a training step takes, in bytes and operations. */
typedef struct pt_estimate {
    uint32_t struct_size;
    uint32_t reserved;
    /* elements */
    int64_t parameters, trainable;
    /* plan: activations, scratch, steps */
    int64_t parameter_bytes, gradient_bytes, optimizer_bytes, plan_bytes;
    /* all of them: what the context will hold for the step */
    int64_t bytes;
    /* floating-point operations of one step, forward and backward */
    double operations;
} pt_estimate_t;
/* how many rows there are of a dimension */
typedef struct pt_dim_rows {
    /* "tokens", or a name of pt_graph_dim */
    const char *dimension;
    /* of all samples together */
    int64_t rows;
} pt_dim_rows_t;
/* What a training step of `samples` samples costs, before it runs: with so many rows of each dimension that its
 * fields count, each given once; row_size is sizeof(pt_dim_rows_t). rows may be NULL with n_rows 0 where no field is
 * ragged. Of the tokens that PT_TASK_MASKED_LM hides its options tell how many there are. optimizer may be NULL. */
PT_API pt_status_t pt_model_estimate(pt_model_t *model, const pt_optimizer_t *optimizer, int64_t samples,
                                     const pt_dim_rows_t *rows, int32_t n_rows, uint32_t row_size,
                                     pt_estimate_t *estimate);

/* Checkpoints: parameters, optimizer slots and step, random state, an accumulation under way, data cursor,
 * configuration; a safetensors file with a checksum. Written aside, synced, renamed, as pt_model_save does it: the
 * file of that name is whole, old or new, at any moment.
 *
 * options as of pt_model_save: another place, PT_SAVE_TRAINED_ONLY (as PT_TRAIN_TRAINED_ONLY). A checkpoint has all
 * bits of all tensors in one file: a dtype, names or shard_bytes are PT_ERR_ARGUMENT. */
PT_API pt_status_t pt_checkpoint_save(const pt_model_t *model, const pt_optimizer_t *optimizer, const char *path,
                                      const pt_save_options_t *options);
/* All or nothing. The model and the optimizer must be made as those that were saved.
 * options as of pt_model_load: another place; flags or names are PT_ERR_ARGUMENT. */
PT_API pt_status_t pt_checkpoint_load(pt_model_t *model, pt_optimizer_t *optimizer, const char *path,
                                      const pt_load_options_t *options);

/* ---- Tokenizers: text to tokens and back ------------------------------------------------------------------------- */

/* A tokenizer makes tokens of texts and texts of tokens, as the file of a model that people have says it. The
 * vocabulary is only read; what encoding keeps from call to call is bounded: 6 MB of words a thread, and what its
 * longest text took.
 *
 * Opens a tokenizer's file, whose kind its content tells, or a directory that holds one (tokenizer.json,
 * tokenizer.model, vocab.json, vocab.txt, *.tiktoken, the first of them that is there); options as of pt_model_open,
 * for another place than a path, without flags and names. It retains the context. The kinds:
 *   tokenizer.json of Hugging Face's tokenizers;
 *   SentencePiece's .model, unigram or BPE; ids are its own program's, but that control and user-defined pieces are
 *   found in texts, a blank put behind them, and that of several ways to cut a run of one sign, all of the same score,
 *   another may be taken;
 *   GGUF: the tokenizer among its metadata (gpt2, llama, t5, bert), with the tokens that it puts around texts;
 *   vocab.json with merges.txt beside it, or BERT's vocab.txt: of the tokenizer_config.json beside them the class, the
 *   special tokens, add_prefix_space, do_lower_case, strip_accents and tokenize_chinese_chars are taken;
 *   tiktoken's ranks of r50k, p50k, cl100k, o200k, Llama 3 or Qwen, by the file's name or the number of ranks.
 * Those that need a file beside them are refused where no path names them. PT_ERR_FORMAT: a file that contradicts
 * itself, with the place in it. PT_ERR_UNSUPPORTED: one that asks for a model, a normalizer, a pre-tokenizer, a
 * pattern, a post-processor or a decoder that is not known here, or has a key of its own that is not, with its name;
 * and every file in a library that is built without utf8proc. */
PT_API pt_status_t pt_tokenizer_open(pt_context_t *context, const char *path, const pt_load_options_t *options,
                                     pt_tokenizer_t **out);
/* Writes the tokenizer as a tokenizer.json, that which it was read from, byte by byte, or what another kind of file is
 * read as, which the package tokenizers reads too: options as of pt_model_save, for another place than a path; flags, a
 * dtype or names are PT_ERR_ARGUMENT. With PT_FORMAT_DIRECTORY to a model's directory, with a tokenizer_config.json by
 * which the transformers library reads that file as it is. The callback may not free the tokenizer. */
PT_API pt_status_t pt_tokenizer_save(pt_tokenizer_t *tokenizer, const char *path, const pt_save_options_t *options);
/* NULL: nothing happens. */
PT_API void pt_tokenizer_free(pt_tokenizer_t *tokenizer);
/* The message of the last failed call on this tokenizer, "" where none has. Valid until its next call or its end. */
PT_API const char *pt_tokenizer_last_error(const pt_tokenizer_t *tokenizer);
/* The largest id + 1, added tokens among them: what a model's vocabulary has at least. A getter: any thread. */
PT_API int32_t pt_tokenizer_size(const pt_tokenizer_t *tokenizer);
/* The id of a token, as its file writes it ("\xC4\xA0the" for " the" in byte-level files); -1 where there is none. */
PT_API int32_t pt_tokenizer_id(const pt_tokenizer_t *tokenizer, const char *token);
/* A token as its file writes it, up to a character 0 where it has one; NULL for an id that is no token's. Lives as long
 * as the tokenizer. */
PT_API const char *pt_tokenizer_token(const pt_tokenizer_t *tokenizer, int32_t id);

/* What somebody says in a conversation: UTF-8, both up to their final 0. */
typedef struct pt_message {
    /* "system", "user" or "assistant" */
    const char *role;
    const char *text;
} pt_message_t;
/* The text of a conversation as the model was trained to read it, up to where the assistant's next answer begins, to be
 * encoded with PT_TOKENIZE_PLAIN: as the chat template says that the tokenizer's GGUF file has, or a
 * chat_template.jinja or tokenizer_config.json beside its file, which is read now. message_size is
 * sizeof(pt_message_t). buffer, length: as of pt_tokenizer_decode. *stop, unless NULL, is the id of the token that ends
 * an answer, for stops of generation; -1: none.
 *
 * Templates are programs; those known are told by their whole text: ChatML, with a text of its own for conversations
 * that begin without the system's or not, Llama 3's, and Mistral's of the first models. PT_ERR_UNSUPPORTED for any
 * other, PT_ERR_NOT_FOUND where there is none, or the tokenizer was not opened from a path; PT_ERR_ARGUMENT for no
 * message, and roles that the template does not take. */
PT_API pt_status_t pt_tokenizer_chat(pt_tokenizer_t *tokenizer, const pt_message_t *messages, uint32_t message_size,
                                     int64_t count, int32_t *stop, char *buffer, size_t size, size_t *length);

/* What each token is for the masking of PT_TASK_MASKED_LM, PT_TOKEN_... (PT_UINT8, pt_tokenizer_size elements): special
 * tokens of the file; pieces that continue a word, as the file's model writes them: with its prefix ("##"), or of
 * SentencePiece's and byte-level models those that begin with a letter or digit and without a blank. */
PT_API pt_status_t pt_tokenizer_kinds(pt_tokenizer_t *tokenizer, pt_array_t *kinds, uint32_t array_size);

/* A text, or a pair of texts, to be encoded. UTF-8, at most 4 GB each. */
typedef struct pt_text {
    const char *text;
    /* of text; -1: up to its final 0 */
    int64_t bytes;
    /* NULL: there is none */
    const char *pair;
    /* of pair; -1: up to its final 0 */
    int64_t pair_bytes;
} pt_text_t;

/* Flags of pt_tokenize_options_t. */
enum {
    /* without the special tokens that the file puts around texts; those that stand in the text itself are found */
    PT_TOKENIZE_PLAIN = 1,
    /* padded as the file's `padding` says, to a length or to that of the batch's longest text */
    PT_TOKENIZE_PAD = 2,
    /* what the file's `truncation` cuts off is given too, see pt_tokenizer_encode */
    PT_TOKENIZE_OVERFLOW = 4,
};
/* How texts are encoded. */
typedef struct pt_tokenize_options {
    uint32_t struct_size;
    /* PT_TOKENIZE_... */
    uint32_t flags;
    /* NULL: not wanted. Gets which tokens are the text's and the file's, 1, and which are padding, 0 (PT_UINT8); shape
     * and lengths are those of the ids. Of the library's pt_array_t with array_size, as the next */
    pt_array_t *mask;
    /* NULL: not wanted. Gets of which text each encoding is (PT_INT64), counted from 0: there are several of a text
     * with PT_TOKENIZE_OVERFLOW */
    pt_array_t *sources;
} pt_tokenize_options_t;
/* Writes the defaults, at most struct_size bytes, which is sizeof *options. */
PT_API pt_status_t pt_tokenize_options_init(pt_tokenize_options_t *options, uint32_t struct_size);
/* Encodes `count` texts, several at a time on the context's threads, truncated where the file asks for it; what is cut
 * off is dropped. Each result that is not NULL gets the tokens of all texts end to end, and lengths [count]: ids
 * (PT_INT32); spans (PT_UINT32, two a token): the bytes of the text, or of the pair, that the token stands for, [begin,
 * end), 0 and 0 for one that the file puts there; segments (PT_UINT8): the numbers that the file gives the two texts,
 * for models that want them. text_size is sizeof(pt_text_t). PT_ERR_FORMAT: a text that is not UTF-8, with the byte.
 *
 * With PT_TOKENIZE_PAD texts stand end to end with their padding: the file's pad token, which has the span 0 and 0.
 *
 * With PT_TOKENIZE_OVERFLOW the rest of a text that is cut follows as encodings of its own, up to as long as the first,
 * each with the tokens that the file puts around it and with as many of the one before as its `stride` says: lengths
 * has [encodings] then, and sources tells the text of each. Of a pair whose texts are both cut there is one for each
 * part of the one with each of the other, at most 65536. Order and segments are those of the package tokenizers: of a
 * file that truncates from the left what stands last comes first, and the segments of what is cut off are 0 for a text
 * and 1 for its pair, also where a template has other numbers.
 *
 * PT_ERR_ARGUMENT: PT_TOKENIZE_PAD with a file without padding, PT_TOKENIZE_OVERFLOW with one without truncation, and a
 * stride that is not below the tokens that stay of a text. */
PT_API pt_status_t pt_tokenizer_encode(pt_tokenizer_t *tokenizer, const pt_text_t *texts, uint32_t text_size,
                                       int64_t count, const pt_tokenize_options_t *options, pt_array_t *ids,
                                       pt_array_t *spans, pt_array_t *segments, uint32_t array_size);
/* Flags of pt_tokenizer_decode and pt_decoder_create. */
enum {
    /* special tokens are written too */
    PT_DECODE_SPECIAL = 1,
};
/* The text of tokens: at most `size` bytes with the final 0, the whole length without it to *length; buffer may be NULL
 * with size 0. Bytes that make no character give U+FFFD. PT_ERR_ARGUMENT names an id that is no token's. */
PT_API pt_status_t pt_tokenizer_decode(pt_tokenizer_t *tokenizer, const pt_array_t *ids, uint32_t array_size,
                                       uint32_t flags, char *buffer, size_t size, size_t *length);

/* Makes text of tokens as they come, a model's for instance: all that it gives, put end to end, is what
 * pt_tokenizer_decode makes of all tokens. Each part is whole characters, and as much as no later token can change:
 * a character whose bytes are several tokens comes with the last of them, tokens of bytes ("<0x0A>") behind the last of
 * their run, and the rare file that changes what it has joined comes at the end. What a token takes does not grow with
 * those before it. flags: PT_DECODE_SPECIAL. It retains the tokenizer; several decoders may use one at once, on threads
 * of their own. */
PT_API pt_status_t pt_decoder_create(pt_tokenizer_t *tokenizer, uint32_t flags, pt_decoder_t **out);
/* Goes on with tokens and gives the text that is certain now, with a final 0; its bytes without that to *length, which
 * are often none. Where `size` is not more than *length, or buffer is NULL, no byte is given, the buffer is "", and all
 * of it is kept for the next call: ids may be NULL, so that nothing but that is asked for. PT_ERR_ARGUMENT names an id
 * that is no token's; after a failure none of the tokens was added. */
PT_API pt_status_t pt_decoder_add(pt_decoder_t *decoder, const pt_array_t *ids, uint32_t array_size, char *buffer,
                                  size_t size, size_t *length);
/* The text ends: gives the rest of it as pt_decoder_add does, U+FFFD for a character that has not come to its end; once
 * more where the buffer was too small. The next tokens begin another text. */
PT_API pt_status_t pt_decoder_finish(pt_decoder_t *decoder, char *buffer, size_t size, size_t *length);
/* The message of the last failed call on this decoder, "" where none has. Valid until its next call or its end. */
PT_API const char *pt_decoder_last_error(const pt_decoder_t *decoder);
/* NULL: nothing happens. */
PT_API void pt_decoder_free(pt_decoder_t *decoder);

/* A word that recognition is to favour. */
typedef struct pt_hot_word {
    /* UTF-8, without a blank */
    const char *word;
    /* added to the score of a text each time that it has the word, and a part of it while the word is being said */
    double weight;
} pt_hot_word_t;
/* How texts are found. Read during pt_recognizer_create, which keeps nothing of it. */
typedef struct pt_recognizer_options {
    uint32_t struct_size;
    /* none are defined: 0 */
    uint32_t flags;
    /* the class that is no token: one of the tokenizer's; init: -1, the one behind them */
    int32_t blank;
    /* texts that are followed from row to row; 0: greedy decoding, the largest class of each row; init: 64 */
    int32_t beam;
    /* classes whose logarithm in a row is below it are passed over there, but for the largest; init: -12 */
    double threshold;
    /* path of an n-gram language model, an ARPA file, of up to 8 words, that gzip may have packed; NULL: none */
    const char *language_model;
    /* times the natural logarithm of a word's probability by the language model; init: 0.5 */
    double language_weight;
    /* added for each word, against a language model's liking for few; init: 1 */
    double word_bonus;
    /* the logarithm to base 10 of the probability of words that the language model lacks, unless it has "<unk>"; init:
     * -10 */
    double unknown;
    /* n_hot_words of them, hot_word_size, sizeof(pt_hot_word_t), from each to the next; NULL with 0: none */
    const pt_hot_word_t *hot_words;
    uint32_t hot_word_size;
    int32_t n_hot_words;
} pt_recognizer_options_t;
/* Writes the defaults, at most struct_size bytes, which is sizeof *options. */
PT_API pt_status_t pt_recognizer_options_init(pt_recognizer_options_t *options, uint32_t struct_size);
/* What makes texts of the output "log_probabilities" of a model with PT_TASK_RECOGNITION: prefix beam search (Hannun
 * 2014), whose score of a text is the logarithm of the summed probabilities of all ways to say it, with language model,
 * bonus and hot words for its words. Words are what the tokenizer's blanks part, or, of tokenizers of pieces, what
 * pt_tokenizer_kinds says. The tokenizer is retained. options may be NULL. PT_ERR_FORMAT names the line of an ARPA file
 * that is none. */
PT_API pt_status_t pt_recognizer_create(pt_tokenizer_t *tokenizer, const pt_recognizer_options_t *options,
                                        pt_recognizer_t **out);
/* Hears further rows [rows, classes] of natural logarithms of probabilities: how the rows of a text are cut into calls
 * changes nothing. Memory grows with the text alone. After pt_recognizer_finish, or a failure, a new text begins.
 * PT_ERR_ARGUMENT names the row of a number that is no such logarithm. */
PT_API pt_status_t pt_recognizer_push(pt_recognizer_t *recognizer, const pt_array_t *rows, uint32_t array_size);
/* The text ends: its last word is scored, and the texts are put in their final order. */
PT_API pt_status_t pt_recognizer_finish(pt_recognizer_t *recognizer);
/* How many texts there are, at most options.beam; before pt_recognizer_finish those of the rows so far. */
PT_API int32_t pt_recognizer_count(const pt_recognizer_t *recognizer);
/* The rank-th best text, from 0 on: at most `size` bytes with the final 0, its whole length in *length; a buffer that
 * is NULL with size 0 only asks. *score, unless NULL: the logarithm that texts are ordered by; of greedy decoding that
 * of the best path. */
PT_API pt_status_t pt_recognizer_text(pt_recognizer_t *recognizer, int32_t rank, char *buffer, size_t size,
                                      size_t *length, double *score);
/* When a word was said. */
typedef struct pt_spoken_word {
    /* its bytes in the text: [begin, end) */
    int64_t begin, end;
    /* the rows where its first and its last token are most certain: [first_row, end_row) */
    int64_t first_row, end_row;
} pt_spoken_word_t;
/* The words of the rank-th best text, at most `room` of them, word_size, sizeof *words, bytes from each to the next,
 * and how many it has in *count; words may be NULL with room 0. */
PT_API pt_status_t pt_recognizer_words(pt_recognizer_t *recognizer, int32_t rank, pt_spoken_word_t *words,
                                       uint32_t word_size, int64_t room, int64_t *count);
/* Computes the output "log_probabilities" of one sample, given as to pt_forward, and hears it from beginning to end:
 * its texts are then the recognizer's. */
PT_API pt_status_t pt_recognize(pt_model_t *model, pt_recognizer_t *recognizer, const pt_array_t *values,
                                int32_t n_values, uint32_t array_size);
/* The message of the last failed call on this recognizer, "" where none has. Valid until its next call or its end. */
PT_API const char *pt_recognizer_last_error(const pt_recognizer_t *recognizer);
/* NULL: nothing happens. */
PT_API void pt_recognizer_free(pt_recognizer_t *recognizer);

/* What becomes of characters that an alphabet does not have. */
enum {
    /* a text with one is refused, PT_ERR_FORMAT, and the character named */
    PT_ALPHABET_UNKNOWN_REFUSED = 0,
    /* they are left out */
    PT_ALPHABET_UNKNOWN_DROPPED = 1,
    /* they become "<unk>", a token behind those of the characters */
    PT_ALPHABET_UNKNOWN_TOKEN = 2,
};
/* Flags of pt_alphabet_options_t. */
enum {
    /* a capital letter that is not in the alphabet is the small one, and the other way round */
    PT_ALPHABET_FOLD_CASE = 1,
};
/* How texts become characters of an alphabet. Read during the call, which keeps nothing of it. */
typedef struct pt_alphabet_options {
    uint32_t struct_size;
    /* PT_ALPHABET_FOLD_CASE */
    uint32_t flags;
    /* PT_ALPHABET_UNKNOWN_... */
    int32_t unknown;
    int32_t reserved;
    /* one of the characters, which stands for a blank: wav2vec 2.0's is "|"; NULL: none does */
    const char *delimiter;
} pt_alphabet_options_t;
/* Writes the defaults, at most struct_size bytes, which is sizeof *options. */
PT_API pt_status_t pt_alphabet_options_init(pt_alphabet_options_t *options, uint32_t struct_size);
/* An alphabet, for transcripts of speech: each of the characters, UTF-8, is a token, its place is its id. Only this
 * library reads what pt_tokenizer_save writes of it. pt_tokenizer_open makes the same of a vocab.json of characters, as
 * wav2vec 2.0's models have it. PT_ERR_ARGUMENT for a character that comes twice. options may be NULL. */
PT_API pt_status_t pt_tokenizer_from_characters(pt_context_t *context, const char *characters,
                                                const pt_alphabet_options_t *options, pt_tokenizer_t **out);

/* What a tokenizer that is learnt from texts is made of. */
enum {
    /* byte-pair encoding of bytes, as GPT-2 has it */
    PT_TOKENIZER_BPE = 0,
    /* WordPiece, as BERT has it */
    PT_TOKENIZER_WORDPIECE = 1,
    /* a unigram model, as SentencePiece has it */
    PT_TOKENIZER_UNIGRAM = 2,
};
/* Flags of pt_tokenizer_train_options_t. */
enum {
    /* of WordPiece: capitals and accents stay */
    PT_TOKENIZER_CASED = 1,
    /* of BPE: a blank goes before a text that does not begin with one */
    PT_TOKENIZER_PREFIX_SPACE = 2,
};
/* How a tokenizer is learnt. Read during the call, which keeps nothing of it. */
typedef struct pt_tokenizer_train_options {
    uint32_t struct_size;
    /* PT_TOKENIZER_CASED, PT_TOKENIZER_PREFIX_SPACE */
    uint32_t flags;
    /* PT_TOKENIZER_BPE, ... */
    int32_t kind;
    /* pieces to be learnt, special tokens and single characters or bytes among them, of which there may be more; 0:
     * 30,000, of Unigram 8,000 */
    int32_t vocabulary;
    /* of BPE and WordPiece: two pieces become one where they stand side by side at least so often; 0: 2 */
    int64_t min_frequency;
    /* The first pieces, in this order: n_special_tokens strings. NULL with 0: none; of WordPiece [PAD], [UNK], [CLS],
     * [SEP] and [MASK], of which a list of one's own has to have [UNK]. Where it has [CLS] and [SEP], texts stand
     * between them. Of Unigram <unk> stands before them where the list lacks it. */
    const char *const *special_tokens;
    int32_t n_special_tokens;
    /* pieces of more than two characters, or bytes, have fewer than this; 0: any number. Of Unigram pieces have at
     * most so many characters, up to 128; 0: 16 */
    int32_t longest;
    /* of WordPiece: characters that have a piece, the most frequent ones; of those that are as frequent as each other
     * the first by code. 0: 1,000 */
    int32_t alphabet;
    int32_t reserved;
    /* of WordPiece and Unigram: characters that have a piece in any case, UTF-8; NULL: none. Of BPE all bytes have
     * one, of Unigram also all characters of the texts. */
    const char *initial_alphabet;
    /* of BPE: how texts are cut into words, "gpt2", "cl100k", "llama3" or "qwen2"; NULL: "gpt2" */
    const char *pattern;
    /* of WordPiece: how a piece is written that does not begin a word; NULL: "##" */
    const char *prefix;
    /* bytes that counting and learning may take; 0: no limit */
    int64_t memory_budget;
    /* NULL: none. kind is PT_EVENT_STEP. While texts are counted, total_steps is 0 and step the number of texts, or of
     * lines of files, so far; then step is the number of pieces, of Unigram that of rounds, of total_steps. seconds and
     * bytes are told too; nothing else. PT_ACTION_STOP ends the training with PT_ERR_CANCELLED. */
    pt_event_fn event;
    void *event_user;
} pt_tokenizer_train_options_t;
/* Writes the defaults, at most struct_size bytes, which is sizeof *options. */
PT_API pt_status_t pt_tokenizer_train_options_init(pt_tokenizer_train_options_t *options, uint32_t struct_size);

/* What the callback of pt_tokenizer_train is asked for: the next texts. The struct lives until it returns; the texts
 * are the callback's, and have to live until it is called again or the training is over. */
typedef struct pt_text_batch {
    uint32_t struct_size;
    /* preset PT_ERR_CALLBACK; the callback writes PT_OK, or PT_END where there are no more texts than these, last */
    int32_t status;
    /* surfaced verbatim in the message of a failure */
    int64_t user_code;
    /* texts given so far */
    int64_t position;
    /* [count]; of a pair both are texts to learn from. NULL with 0: none */
    const pt_text_t *texts;
    int64_t count;
    /* from one text to the next; preset the library's sizeof(pt_text_t) */
    uint32_t text_size;
    int32_t reserved;
} pt_text_batch_t;
/* Gives the next texts. */
typedef void (*pt_texts_fn)(void *user, pt_text_batch_t *batch);
/* Learns a tokenizer from the texts that the callback gives, many or few at a time, until it gives PT_END. It is called
 * on the calling thread; texts are cut and counted on the context's threads in between. Pieces, their ids and their
 * order are those of the package tokenizers, whatever the number of threads is: with BPE always; with WordPiece but for
 * what that package leaves to the order of a table, another one each time: the ids of first characters inside words,
 * and which of equally frequent characters still belong to the alphabet; with Unigram as far as sums that are
 * added up in another order decide alike (none of 8,000 pieces were found to differ). options NULL: the defaults.
 *
 * What is held is words: each that differs once, some 30 bytes and its own, and while pieces are learnt some 20 bytes
 * for each of its bytes. A text is never held longer than a call of the callback. PT_ERR_BUDGET: it would take more
 * than memory_budget. PT_ERR_FORMAT: a text that is not UTF-8, with its number and byte; texts without a word.
 * PT_ERR_CALLBACK: the callback wrote no status, or another one than these, which is given as it is. */
PT_API pt_status_t pt_tokenizer_train(pt_context_t *context, pt_texts_fn next, void *user,
                                      const pt_tokenizer_train_options_t *options, pt_tokenizer_t **out);
/* The same from `count` text files, one after the other: each line with its end is a text. They are read in pieces of
 * some megabytes; a line is held as a whole. */
PT_API pt_status_t pt_tokenizer_train_files(pt_context_t *context, const char *const *paths, int32_t count,
                                            const pt_tokenizer_train_options_t *options, pt_tokenizer_t **out);

#ifdef __cplusplus
}
#endif

#endif
