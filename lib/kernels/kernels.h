/* The table of kernels: what ops may ask a device to compute, on plain arrays with explicit shapes.
 *
 * Rules for all of them. Arrays are dense row-major float unless a stride is named. They cut their work over the
 * device's pool by shape, so that bits do not depend on the thread count; they never allocate (scratch is the
 * worker's workspace, within PT__KERNEL_SCRATCH bytes) and never fail. dst may be src where a comment says "in
 * place". rows may be 0. "accumulate" means that gradients are added to what the destination holds; otherwise it is
 * overwritten, and held anything before. Formulas stand in the op files; here stand shapes. */
#ifndef PT__KERNELS_H
#define PT__KERNELS_H

#include <stdint.h>

#include "kernels/gemm.h"
#include "kernels/recurrence.h"
#include "pretrain.h"

struct pt__device;
typedef struct pt__device *pt__dev;

enum {
    PT__KERNEL_SCRATCH = 640 * 1024, /* bytes of a worker's scratch that any kernel may count on */
    PT__GATHER_ROWS = 1 << 20,       /* whose gradients are sorted at once */
    PT__KERNEL_RANK = 6
};

/* Elementwise functions. The first are the activations, numbered as hosts know them: those that a product may end
 * with. */
typedef enum pt__unary {
    PT__UNARY_NONE = PT_ACTIVATION_NONE,
    PT__UNARY_RELU = PT_ACTIVATION_RELU,
    PT__UNARY_GELU_TANH = PT_ACTIVATION_GELU_TANH,
    PT__UNARY_GELU_ERF = PT_ACTIVATION_GELU_ERF,
    PT__UNARY_SILU = PT_ACTIVATION_SILU,
    PT__UNARY_TANH = PT_ACTIVATION_TANH,
    PT__UNARY_SIGMOID = PT_ACTIVATION_SIGMOID,
    PT__UNARY_RELU6 = PT_ACTIVATION_RELU6,
    PT__UNARY_HARDSWISH = PT_ACTIVATION_HARDSWISH,
    PT__UNARY_ACTIVATIONS, /* beyond the last of them */
    PT__UNARY_EXP = PT__UNARY_ACTIVATIONS,
    PT__UNARY_LOG,
    PT__UNARY_COUNT
} pt__unary_t;

typedef enum pt__binary {
    PT__BINARY_ADD = 0,
    PT__BINARY_SUB,
    PT__BINARY_MUL,
    PT__BINARY_DIV,
    PT__BINARY_COUNT
} pt__binary_t;
typedef enum pt__reduce {
    PT__REDUCE_SUM = 0,
    PT__REDUCE_MEAN,
    PT__REDUCE_MAX,
    PT__REDUCE_FIRST, /* of segments only */
    PT__REDUCE_LAST
} pt__reduce_t;

/* dst[i] = a[i · a strides] op b[i · b strides] over a row-major dst of these sizes; a stride of 0 broadcasts. */
typedef struct pt__broadcast {
    int32_t rank;
    int64_t size[PT__KERNEL_RANK];
    int64_t a_stride[PT__KERNEL_RANK], b_stride[PT__KERNEL_RANK];
} pt__broadcast_t;

/* A copy between strided boxes of equal sizes: permutations, slices, concatenation. */
typedef struct pt__copy {
    int32_t rank;
    int32_t accumulate;
    int64_t size[PT__KERNEL_RANK];
    int64_t src_stride[PT__KERNEL_RANK], dst_stride[PT__KERNEL_RANK];
} pt__copy_t;

/* Rows of samples that lie end to end: sample s has rows offsets[s] .. offsets[s + 1] - 1 of `columns` elements. */
typedef struct pt__segments {
    const int32_t *offsets; /* [samples + 1] */
    int64_t columns;
} pt__segments_t;

/* Of each row the one before it in its sample (step -1), or behind it (1): dst [rows, columns] = columns of src, rows
 * `stride` apart; at the sample's end the sample's row of `outside`, rows `outside_stride` apart; NULL: zeros. */
typedef struct pt__neighbours {
    int64_t samples;
    const int32_t *offsets; /* [samples + 1] */
    int64_t columns, step;
    const float *src;
    int64_t stride;
    const float *outside;
    int64_t outside_stride;
    float *dst;
} pt__neighbours_t;

/* Samples lie end to end: sample s has the queries offsets[s] .. offsets[s+1]-1, rows of q, dst and log_sum, and the
 * keys key_offsets[s] .. key_offsets[s+1]-1, rows of k, v and key_mask. Attention never crosses a border. In a sample,
 * query i stands at key i + query_offsets[s]; without query_offsets at key i, or, with align_last, so that the last
 * query stands at the last key. With `causal` it sees the keys up to its place, and where there is a window no more
 * than that many of them. A query with no key gives zeros. Where keys are kept from run to run (key_first), those of
 * sample s are the rows from key_first[s] on, as many as query_offsets[s] and its queries together.
 * q row r, head h: q + r*q_stride + h*width; k and v likewise with kv_heads (heads is a multiple of kv_heads).
 * Dropout multiplies each probability by 1/(1 - dropout) or by 0; which one depends on random_key and on the numbers of
 * sample, head, query (in its sample) and key (in its sample) alone: word query % 4 of
 * pt__random_block(random_key, key << 32 | query / 4, sample << 32 | head) keeps it where at least dropout * 2^32. */
typedef struct pt__attention {
    int64_t samples;
    const int32_t *offsets; /* [samples + 1]; NULL: every sample has `length` queries */
    int64_t length;
    const int32_t *key_offsets; /* [samples + 1]; NULL: every sample has `key_length` keys */
    int64_t key_length;
    const int32_t *key_first; /* [samples] or NULL; with query_offsets, and in place of the other two */
    int64_t heads, kv_heads;
    int64_t width, value_width; /* of one head of q and k, and of one of v and dst; at most 256 */
    float scale;
    int32_t causal;
    int32_t align_last;
    const int32_t *query_offsets; /* [samples] or NULL */
    int64_t window;               /* 0: no limit; only with `causal` */
    float dropout;                /* probability, below 1; 0: none */
    uint64_t random_key;
    const float *q, *k, *v;
    int64_t q_stride, k_stride, v_stride; /* elements between rows */
    const float *key_mask;                /* or NULL: a key whose value is 0 is not attended to */
    float *dst;                           /* [queries, heads * value_width], stride dst_stride */
    int64_t dst_stride;
    float *log_sum; /* [queries, heads]: log of the softmax' denominator, for the gradient; NULL where not wanted */
} pt__attention_t;

typedef struct pt__attention_gradient {
    pt__attention_t forward; /* whose dst and log_sum are read */
    const float *d_dst;      /* like dst */
    float *d_q, *d_k, *d_v;
    int64_t d_q_stride, d_k_stride, d_v_stride;
} pt__attention_gradient_t;

/* Rows of heads side by side, of which the first `rotated_heads` are rotated by their position, in the plane of each
 * pair of their first `width` numbers: of i and i + width/2, or where interleaved of 2i and 2i + 1. Sample s begins at
 * position starts[s], without starts at 0. A table has the rows [cosines, sines], width/2 each: 2^shift of the
 * positions below that, then those of its multiples, so that position p is turned by the row p mod 2^shift and then by
 * the row p / 2^shift. Samples that end behind position `original`, if it is not 0, have the second table; or, with a
 * factor, the frequencies b^(-2i/width), b = base (factor · length / original - factor + 1)^(width/(width - 2)). */
typedef struct pt__rotary {
    int64_t samples;
    const int32_t *offsets; /* [samples + 1]; NULL: every sample has `length` rows */
    int64_t length;
    const int32_t *starts; /* [samples] or NULL */
    int64_t heads, rotated_heads, head_width;
    int64_t width; /* even, at most 256 */
    int32_t interleaved;
    int32_t inverse; /* rotates back */
    const float *table;
    int64_t table_rows; /* of one of two */
    int32_t shift;
    int64_t original;
    double base, factor, scale; /* where factor > 0: scale times the cosine and the sine, as in the tables */
    const float *src;           /* [rows, heads * head_width] */
    float *dst;                 /* in place */
} pt__rotary_t;

typedef struct pt__norm_gradient { /* of layer_norm, and of rms_norm, which has neither mean nor bias */
    int64_t rows, columns;
    const float *src, *weight, *mean, *inverse, *d_dst;
    const float *residual;    /* [rows, columns] or NULL: added to d_src, which it may be (what passes the norm by) */
    float *d_src;             /* or NULL; may be d_dst */
    float *d_weight, *d_bias; /* [columns] where not NULL */
    int32_t accumulate;       /* bit 0 d_weight, bit 1 d_bias */
} pt__norm_gradient_t;

/* Convolution of pictures [samples, height, width, channels] with a weight [outputs, channels / groups, height, width]
 * to [samples, height, width, outputs]; sizes of two are height and width. Element (y, x) of dst reads those of src at
 * y * stride - padding + tap * dilation, x likewise; what lies outside of src is zero. With offsets, samples are rows
 * that lie end to end: heights are 1, and a sample's widths are the rows that it has. */
typedef struct pt__convolution {
    int64_t samples;
    /* 1 + the axis along which a sample is as long as its offsets say, which is the only one where it is the second; 0:
     * all have the same size */
    int32_t ragged;
    const int32_t *offsets, *dst_offsets; /* [samples + 1] both, where ragged, but to ask for scratch; else NULL */
    int64_t src_size[2], dst_size[2];     /* of a picture; along the ragged axis of all of them */
    int64_t channels, outputs, groups;
    int64_t kernel[2], stride[2], dilation[2], padding[2]; /* padding: before the first */
    const float *src;    /* [samples, src_size, channels] */
    const float *weight; /* [outputs, channels / groups, kernel] */
    const float *d_dst;  /* [samples, dst_size, outputs] */
    /* Of convolution, in dst's shape, and of convolution_gradient_src, in src's: activation(product + bias + residual),
     * or product * activation'(slope_source). Each but dst may be NULL; residual may be dst. */
    float *dst;
    const float *bias;
    float *preactivation;
    const float *residual, *slope_source;
    int32_t activation;
    float *d_weight, *d_bias; /* of convolution_gradient_weight; either may be NULL */
    int32_t accumulate_d_weight, accumulate_d_bias;
    void *scratch; /* pt__convolution_scratch bytes (kernels/convolution.h) */
} pt__convolution_t;

/* Losses are weighted means over rows or elements. They write the sum of the weighted losses and the sum of the weights
 * in double precision terms rounded once: loss[0] = sum / weight (0 where weight is 0), weight[0] = sum of the weights.
 * Gradients d_* are those of the *sum*, not of the mean, and are written where not NULL. */
typedef struct pt__cross_entropy {
    int64_t rows, classes;
    const int32_t *labels;      /* [rows]; a row whose label is ignore_index counts nothing */
    const float *probabilities; /* [rows, classes] instead of labels, or NULL; every row counts 1 */
    int32_t ignore_index;
    float smoothing;            /* label smoothing in [0,1), PyTorch's definition */
    const float *class_weights; /* [classes] or NULL */
    const float *row_weights;   /* [rows] or NULL: times the row's loss and weight; a row of weight 0 counts nothing */
    float *loss, *weight;       /* scalars */
    float *hits;                /* scalar, how many rows that count have their first largest logit at the label; NULL:
                                 * not counted, as with probabilities */
    /* either logits ... */
    const float *logits; /* [rows, classes] */
    float *d_logits;     /* [rows, classes] or NULL; in place over logits */
    /* ... or logits = src · linear^T + bias, made in chunks of rows and never all in memory */
    const float *src;    /* [rows, width] */
    const void *linear;  /* [classes, width], or [width, classes] where linear_transposed */
    int32_t linear_transposed;
    int32_t linear_dtype; /* as a matrix' (gemm.h); where it is narrow, there is no d_linear */
    const float *bias; /* [classes] or NULL */
    int64_t width;
    float *d_src;    /* [rows, width] or NULL */
    float *d_linear; /* like linear, or NULL */
    float *d_bias;   /* [classes] or NULL */
    int32_t accumulate_d_linear, accumulate_d_bias;
    /* scratch for this form, whose products are made over chunks of rows that count; of other rows src is not read */
    int64_t chunk_rows; /* >= 1 */
    float *chunk;       /* [chunk_rows, classes] */
    float *chunk_src;   /* [chunk_rows, width]; NULL where every row counts: probabilities, no row weights */
    int32_t *chunk_row; /* [chunk_rows] */
} pt__cross_entropy_t;

/* Connectionist temporal classification (Graves 2006): sample s has the rows offsets[s] .. offsets[s + 1] - 1 of the
 * logits and the targets target_offsets[s] .. target_offsets[s + 1] - 1. Its loss is -ln of the sum, over all sequences
 * of a class for each row that are its targets once neighbours that are equal are joined and blanks are left out, of
 * their probabilities. A sample with no such sequence, or with a blank among its targets, has a loss and a gradient of
 * 0, and its weight. */
typedef struct pt__ctc {
    int64_t samples, classes, blank;
    const int32_t *offsets, *target_offsets; /* [samples + 1] */
    const float *logits;                     /* [rows, classes] */
    const int32_t *targets;
    const float *weights;  /* [samples] or NULL: times a sample's loss and weight */
    int32_t by_target;     /* a sample's loss is divided by its number of targets, if it has any */
    int32_t zero_infinite; /* a loss that is infinite, where logits are, counts as 0 */
    float *loss, *weight;  /* scalars, as of other losses */
    float *d_logits;       /* [rows, classes] of the sum, or NULL */
    float *sample_loss;    /* [samples], neither weighted nor divided */
    float *scratch;        /* pt__ctc_scratch floats */
} pt__ctc_t;

/* The texts of greedy decoding, each row's first largest logit with equal neighbours joined and blanks left out,
 * against the targets: of single classes, those that part words left out at both ends, and of words, which are equal
 * where their classes are; the edits of edit_distance.h. All scalars, of all samples together. */
typedef struct pt__ctc_errors {
    int64_t samples, classes, blank;
    const int32_t *offsets, *target_offsets; /* [samples + 1] */
    const float *logits;                     /* [rows, classes] */
    const int32_t *targets;
    const float *kinds;                              /* [classes] PT__WORD_... (base/edit_distance.h) */
    float *errors, *compared;                        /* of single classes: edits, and how many the targets have */
    float *word_errors, *words;                      /* of words; */
    float *substitutions, *deletions, *insertions, *hits; /* and the edits one by one */
    int32_t *scratch;                                /* pt__ctc_errors_scratch, aligned for int64_t */
} pt__ctc_errors_t;

/* int32_t of scratch: the sums, and what each sample's words and alignment take, of which one without rows and targets
 * has none. */
enum { PT__CTC_SUMS = 16 };
static inline int64_t pt__ctc_errors_scratch(int64_t rows, int64_t targets)
{
    return PT__CTC_SUMS + 12 * rows + 20 * targets;
}

/* What a sample's states take of it: see ctc_samples.c. They stand in rows of pt__ctc_width(targets) floats, as many as
 * pt__ctc_rows of the rows of all samples. */
enum { PT__CTC_MARGIN = 16, PT__CTC_OWN_ROWS = 10 };
static inline int64_t pt__ctc_width(int64_t targets, int64_t samples) /* of all these samples together */
{
    return 2 * targets + 6 * PT__CTC_MARGIN * samples;
}
static inline int64_t pt__ctc_rows(int64_t rows)
{
    int64_t root = 1;
    while (root * root < rows)
        root++;
    return 2 * root + PT__CTC_OWN_ROWS;
}
static inline int64_t pt__ctc_scratch(int64_t samples, int64_t rows, int64_t targets)
{
    return rows + pt__ctc_rows(rows) * pt__ctc_width(targets, samples);
}
/* Each row t of a sample and k = 1 .. steps: cross-entropy of scale · query[t, k] · key^T, over the sample's rows of
 * key, at row t + k, where that is one of the sample's. Scalars as of a cross-entropy; d_* of the sum, where not NULL.
 */
typedef struct pt__contrastive {
    int64_t samples, steps, width;
    const int32_t *offsets; /* [samples + 1] of rows */
    float scale;
    const float *query; /* [rows, steps, width] */
    const float *key;   /* [rows, width] */
    float *loss, *weight;
    float *hits; /* scalar or NULL */
    float *d_query, *d_key;
    float *chunk; /* scratch [chunk_elements], at least as many as there are rows */
    int64_t chunk_elements;
} pt__contrastive_t;

/* Statistics of the columns of src [rows, columns], the batch's own or the running ones; the latter's new values
 * where not NULL. */
typedef struct pt__batch_norm {
    int64_t rows, columns;
    float epsilon;
    double momentum;
    int32_t from_batch;
    const float *src;
    const float *running_mean, *running_variance; /* [columns] */
    float *mean, *inverse;                        /* [columns] */
    float *new_mean, *new_variance;               /* [columns] or NULL */
} pt__batch_norm_t;

/* dst = activation((src - mean) · inverse · weight + bias + residual), the statistics by columns */
typedef struct pt__batch_norm_rows {
    int64_t rows, columns;
    const float *src, *mean, *inverse, *weight, *bias; /* weight and bias may be NULL */
    const float *residual;                             /* [rows, columns] or NULL */
    int32_t activation;                                /* PT_ACTIVATION_... */
    float *dst;                                        /* in place over src */
} pt__batch_norm_rows_t;

typedef struct pt__batch_norm_gradient {
    int64_t rows, columns;
    int32_t from_batch;
    const float *src, *d_dst;            /* [rows, columns] */
    const float *mean, *inverse;         /* [columns] */
    const float *weight;                 /* [columns] or NULL */
    float *d_src;                        /* [rows, columns] or NULL; in place over d_dst */
    float *d_weight, *d_bias;            /* [columns] or NULL */
    int32_t accumulate_d_weight, accumulate_d_bias;
} pt__batch_norm_gradient_t;

/* Samples of `rows` rows; `groups`, a divisor of columns, neighbouring columns each, are normalised together. */
typedef struct pt__group_norm {
    int64_t samples, rows, columns, groups;
    float epsilon;
    const float *src;           /* [samples, rows, columns] */
    const float *weight, *bias; /* [columns] or NULL */
    float *dst;
    float *mean, *inverse; /* [samples, groups] */
} pt__group_norm_t;

typedef struct pt__group_norm_gradient {
    pt__group_norm_t norm;    /* whose mean and inverse are read, but not bias and dst */
    const float *d_dst;
    float *d_src;             /* or NULL; in place over d_dst */
    float *sums;              /* scratch [samples, 2, columns] */
    float *d_weight, *d_bias; /* [columns] or NULL */
    int32_t accumulate_d_weight, accumulate_d_bias;
} pt__group_norm_gradient_t;

/* One axis of windows: `dst` windows of `size` places, `dilation` apart, over `src` places and the padding before and
 * behind them; window i begins at place i * stride - before. A last window may reach beyond the padding. Adaptive,
 * where size is 0: window i has the places from i * src / dst to (i + 1) * src / dst, rounded outwards. */
typedef struct pt__window_axis {
    int64_t src, dst;
    int64_t size, stride, dilation, before, after;
} pt__window_axis_t;

/* Each window of src [pictures, rows.src, columns.src, channels] reduced, channel by channel, to a pixel of dst
 * [pictures, rows.dst, columns.dst, channels]: its MAX (of no place -inf; NaN comes through), or its MEAN. */
typedef struct pt__window_pool {
    pt__reduce_t reduce;
    int32_t without_padding; /* of means: padding does not count */
    int64_t divisor;         /* of means, instead of how many count; 0: none */
    int64_t pictures, channels;
    pt__window_axis_t rows, columns;
    const float *src;
    float *dst;
    /* Like dst, of maxima: which of the places of its window that are there each comes from, uint8, or int32 where they
     * are wide; NULL: not wanted. The gradient reads these, not src and dst. */
    void *places;
    int32_t wide_places;
} pt__window_pool_t;

typedef struct pt__window_pool_gradient { /* a maximum's goes to the place that it comes from */
    pt__window_pool_t pool;
    const float *d_dst; /* like dst */
    float *d_src;       /* like src */
} pt__window_pool_gradient_t;

/* Where the pixels of another picture come from: first the kinds of padding, which continue an axis beyond its ends. */
typedef enum pt__pixels_kind {
    PT__PIXELS_CONSTANT = 0,
    PT__PIXELS_REFLECT,   /* mirrored at the first and the last place */
    PT__PIXELS_REPLICATE, /* the first and the last place again */
    PT__PIXELS_CIRCULAR,  /* from the opposite end */
    PT__PIXELS_NEAREST,
    PT__PIXELS_LINEAR,         /* between the middles of places */
    PT__PIXELS_LINEAR_CORNERS, /* first places lie on one another, and last ones */
    PT__PIXELS_KINDS
} pt__pixels_kind_t;

typedef struct pt__pixel_axis { /* before: of padding, how many places dst begins before src */
    int64_t src, dst, before;
} pt__pixel_axis_t;

/* src [pictures, rows.src, columns.src, channels] -> dst [pictures, rows.dst, columns.dst, channels] */
typedef struct pt__pixels {
    pt__pixels_kind_t kind;
    float value; /* of PT__PIXELS_CONSTANT */
    int64_t pictures, channels;
    pt__pixel_axis_t rows, columns;
    const float *src;
    float *dst;
} pt__pixels_t;

typedef enum pt__pointwise_loss {
    PT__LOSS_SQUARED = 0,
    PT__LOSS_ABSOLUTE,
    PT__LOSS_HUBER,
    PT__LOSS_BINARY
} pt__pointwise_loss_t;

/* What every optimizer's update of a run of parameters has: the gradient is first multiplied by gradient_scale (1 /
 * weight, clipping by norm, negative where the loss is to grow), then |g| is limited to clip_value where that is >
 * 0. */
typedef struct pt__update {
    int64_t count;
    float *parameter;      /* [count] */
    const float *gradient; /* [count] */
    float gradient_scale, clip_value;
    float rate, weight_decay;
} pt__update_t;

typedef struct pt__sgd {
    float *momentum_buffer; /* [count]; NULL: no momentum */
    float momentum, dampening;
    int32_t nesterov;
    int32_t first_step; /* the buffer begins as the gradient, and held anything before */
} pt__sgd_t;

typedef struct pt__adam {
    float *exp_avg, *exp_avg_sq;               /* [count] */
    float *max_exp_avg_sq;                     /* [count] for amsgrad; or NULL */
    double beta1, beta2;                       /* double, so that 1 - beta keeps its digits */
    double bias_correction1, bias_correction2; /* 1 - beta^step */
    float epsilon;
    int32_t decoupled; /* AdamW */
} pt__adam_t;

typedef struct pt__adafactor { /* one tensor, whole: matrices [matrices, rows, columns], or a vector of `columns` */
    int64_t matrices, rows, columns;
    float *row_var, *col_var;      /* [matrices, rows], [matrices, columns]; NULL for a vector */
    float *variance;               /* [columns] for a vector; else NULL */
    double weight;                 /* of this gradient's squares in the running means */
    double step;                   /* times the tensor's root mean square, which counts as scale_floor at least */
    double epsilon, scale_floor;
    double update_limit; /* of the update's root mean square */
} pt__adafactor_t;

typedef struct pt__kernels {
    const char *name;
    void (*gemm)(pt__dev, const pt__gemm_t *);

    void (*fill)(pt__dev, int64_t n, float value, float *dst);
    /* Numbers of PT_FLOAT32 or a narrow dtype (base/dtype.h) as floats */
    void (*cast)(pt__dev, int64_t n, int32_t dtype, const void *src, float *dst);
    void (*add_into)(pt__dev, int64_t n, const float *src, float *dst);            /* dst += src */
    void (*scale)(pt__dev, int64_t n, float factor, const float *src, float *dst); /* in place */
    /* dst = src * numerator[0] / denominator[0] (denominator NULL: 1; a zero denominator gives 0), += where
     * accumulate */
    void (*scale_by)(pt__dev, int64_t n, const float *src, const float *numerator, const float *denominator,
                     int32_t accumulate, float *dst);
    void (*unary)(pt__dev, pt__unary_t, int64_t n, const float *src, float *dst); /* in place */
    /* d_src = d_dst · f'(src); `src` is the op's input for relu, relu6, gelu, silu, hardswish, log and its *output* for
     * tanh, sigmoid, exp. in place over d_dst */
    void (*unary_gradient)(pt__dev, pt__unary_t, int64_t n, const float *src, const float *d_dst, float *d_src);
    /* dst = min(max(src, low), high), NaN stays; in place. d_src = d_dst where dst is between them, else 0; in place
     * over d_dst */
    void (*clip)(pt__dev, int64_t n, float low, float high, const float *src, float *dst);
    void (*clip_gradient)(pt__dev, int64_t n, float low, float high, const float *dst, const float *d_dst,
                          float *d_src);
    /* dst = f(gate) · src, f an activation; in place over either */
    void (*gated)(pt__dev, pt__unary_t, int64_t n, const float *gate, const float *src, float *dst);
    /* d_gate = d_dst · src · f'(gate), d_src = d_dst · f(gate); either may be NULL, and lie over any of the three */
    void (*gated_gradient)(pt__dev, pt__unary_t, int64_t n, const float *gate, const float *src, const float *d_dst,
                           float *d_gate, float *d_src);
    void (*binary)(pt__dev, pt__binary_t, const pt__broadcast_t *, const float *a, const float *b,
                   float *dst); /* in place over an operand that is not broadcast */
    /* src [outer, middle, inner] -> dst [outer, inner]; MAX also writes index [outer, inner] where not NULL (first
     * of equals) */
    void (*reduce)(pt__dev, pt__reduce_t, int64_t outer, int64_t middle, int64_t inner, const float *src, float *dst,
                   int32_t *index, int32_t accumulate);
    /* d_src [outer, middle, inner] = factor · d_dst [outer, inner] (MAX: only at index) */
    void (*reduce_gradient)(pt__dev, pt__reduce_t, int64_t outer, int64_t middle, int64_t inner, const float *d_dst,
                            const int32_t *index, float *d_src);
    void (*column_sum)(pt__dev, int64_t rows, int64_t columns, const float *src, int32_t accumulate, float *dst);
    void (*copy)(pt__dev, const pt__copy_t *, const float *src, float *dst);

    void (*softmax)(pt__dev, int64_t rows, int64_t columns, int32_t log, const float *src, float *dst); /* in place */
    void (*softmax_gradient)(pt__dev, int64_t rows, int64_t columns, int32_t log, const float *dst, const float *d_dst,
                             float *d_src); /* in place over d_dst */
    /* weight and bias may be NULL; mean and inverse [rows] are written where not NULL */
    void (*layer_norm)(pt__dev, int64_t rows, int64_t columns, float epsilon, const float *src, const float *weight,
                       const float *bias, float *dst, float *mean, float *inverse); /* in place */
    void (*layer_norm_gradient)(pt__dev, const pt__norm_gradient_t *);
    void (*rms_norm)(pt__dev, int64_t rows, int64_t columns, float epsilon, const float *src, const float *weight,
                     float *dst, float *inverse); /* in place */
    void (*rms_norm_gradient)(pt__dev, const pt__norm_gradient_t *);
    void (*batch_statistics)(pt__dev, const pt__batch_norm_t *);
    void (*batch_norm)(pt__dev, const pt__batch_norm_rows_t *);
    void (*batch_norm_gradient)(pt__dev, const pt__batch_norm_gradient_t *);
    void (*group_norm)(pt__dev, const pt__group_norm_t *);
    void (*group_norm_gradient)(pt__dev, const pt__group_norm_gradient_t *);
    /* dst = keep(i) ? src / (1 - probability) : 0, keep drawn from Philox (key, counter i): the same call on d_dst
     * is the gradient, so no mask is kept. in place */
    void (*dropout)(pt__dev, int64_t n, float probability, uint64_t key, const float *src, float *dst);

    void (*attention)(pt__dev, const pt__attention_t *);
    void (*attention_gradient)(pt__dev, const pt__attention_gradient_t *);
    void (*rotary)(pt__dev, const pt__rotary_t *);

    void (*recurrence)(pt__dev, const pt__recurrence_t *);
    void (*recurrence_gradient)(pt__dev, const pt__recurrence_gradient_t *);

    void (*convolution)(pt__dev, const pt__convolution_t *);
    void (*convolution_gradient_src)(pt__dev, const pt__convolution_t *); /* from d_dst and weight */
    void (*convolution_gradient_weight)(pt__dev, const pt__convolution_t *); /* from d_dst and src */

    /* dst [rows, columns] = table[index[r]]; indices were checked against the table before. The table is PT_FLOAT32 or
     * narrow, with whole blocks in each row */
    void (*gather)(pt__dev, int64_t rows, int64_t columns, int32_t dtype, const void *table, const int32_t *index,
                   float *dst);
    /* d_table [table_rows, columns]; without accumulate untouched rows become 0. Rows of equal index add up in row
     * order. scratch [2 * rows], or [2 * PT__GATHER_ROWS] where there are more */
    void (*gather_gradient)(pt__dev, int64_t rows, int64_t columns, int64_t table_rows, const float *d_dst,
                            const int32_t *index, int32_t accumulate, float *d_table, int32_t *scratch);
    /* dst [offset[samples]]: a row's place in its sample, from 0, or from past[sample] where that is not NULL */
    void (*positions)(pt__dev, int64_t samples, const int32_t *offsets, const int32_t *past, int32_t *dst);
    /* Rows of `columns` elements, src_stride apart, of sample s to the rows from first[s] + past[s] on of dst, which
     * stand densely */
    void (*store_rows)(pt__dev, int64_t samples, const int32_t *offsets, const int32_t *first, const int32_t *past,
                       int64_t columns, const float *src, int64_t src_stride, float *dst);
    /* samples' rows reduced to one: src [offset[samples], columns] -> dst [samples, columns]; an empty sample gives 0.
     * index: of MAX, NULL of others */
    void (*segment_reduce)(pt__dev, pt__reduce_t, int64_t samples, const int32_t *offsets, int64_t columns,
                           const float *src, float *dst, int32_t *index);
    void (*segment_reduce_gradient)(pt__dev, pt__reduce_t, int64_t samples, const int32_t *offsets, int64_t columns,
                                    const float *d_dst, const int32_t *index, float *d_src);
    /* the elements of each sample, as many as both sides have; where `to` has more, zeros */
    void (*segment_copy)(pt__dev, int64_t samples, const pt__segments_t *from, const pt__segments_t *to,
                         const float *src, float *dst);

    void (*neighbour_rows)(pt__dev, const pt__neighbours_t *);

    void (*window_pool)(pt__dev, const pt__window_pool_t *);
    void (*window_pool_gradient)(pt__dev, const pt__window_pool_gradient_t *);
    void (*pixels)(pt__dev, const pt__pixels_t *);
    /* d_dst and d_src like dst and src, which are not read */
    void (*pixels_gradient)(pt__dev, const pt__pixels_t *, const float *d_dst, float *d_src);

    void (*cross_entropy)(pt__dev, const pt__cross_entropy_t *);
    void (*ctc)(pt__dev, const pt__ctc_t *);
    void (*ctc_errors)(pt__dev, const pt__ctc_errors_t *);
    /* loss over `n` elements of prediction against target (BINARY: prediction is a logit); delta: Huber's.
     * element_weight [n] or NULL; positive_weight for BINARY, 1 otherwise. d_prediction of the sum or NULL; in place
     * over prediction */
    void (*pointwise_loss)(pt__dev, pt__pointwise_loss_t, int64_t n, float delta, float positive_weight,
                           const float *prediction, const float *target, const float *element_weight, float *loss,
                           float *weight, float *d_prediction);

    double (*sum_of_squares)(pt__dev, int64_t n,
                             const float *src); /* double sums over fixed chunks; NaN and infinity come through */
    void (*sgd)(pt__dev, const pt__update_t *, const pt__sgd_t *);
    void (*adam)(pt__dev, const pt__update_t *, const pt__adam_t *);
    void (*adafactor)(pt__dev, const pt__update_t *, const pt__adafactor_t *);
    void (*contrastive)(pt__dev, const pt__contrastive_t *);
} pt__kernels_t;

extern const pt__kernels_t pt__kernels_cpu;

#endif
