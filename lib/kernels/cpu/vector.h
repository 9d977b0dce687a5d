/* Serial inner loops of one processor level, which the kernels' drivers cut work for. lib/kernels/level/ holds their
 * sources, written once over GCC's and Clang's vector types (level/lanes.h) in the width that the level has; meson
 * compiles each once a level with that level's flags, and PT__LEVEL_SUFFIX tells the tables apart.
 *
 * For all of them: no alignment is needed, any count may be 0, and what is summed is summed in lanes and an order that
 * depend on the counts and the level only, never on the addresses. `in place` as in kernels.h. */
#ifndef PT__VECTOR_H
#define PT__VECTOR_H

#include "base/dtype.h"
#include "kernels/kernels.h"
#include "kernels/recurrence.h"

typedef void (*pt__map_fn)(int64_t n, const float *src, float *dst);
typedef void (*pt__map_gradient_fn)(int64_t n, const float *src, const float *d_dst, float *d_src);
/* a_step and b_step: elements from one operand to the next, 0 for a single value */
typedef void (*pt__combine_fn)(int64_t n, const float *a, int64_t a_step, const float *b, int64_t b_step, float *dst);

typedef void (*pt__gated_gradient_fn)(int64_t n, const float *gate, const float *src, const float *d_dst, float *d_gate,
                                      float *d_src);

typedef struct pt__vector_map {
    void (*fill)(int64_t n, float value, float *dst);
    void (*add_into)(int64_t n, const float *src, float *dst);
    void (*scale)(int64_t n, float factor, const float *src, float *dst);
    void (*scale_into)(int64_t n, float factor, const float *src, float *dst); /* dst += factor * src */
    void (*clip)(int64_t n, float low, float high, const float *src, float *dst);
    void (*clip_gradient)(int64_t n, float low, float high, const float *dst, const float *d_dst, float *d_src);
    pt__map_fn unary[PT__UNARY_COUNT];
    pt__map_gradient_fn unary_gradient[PT__UNARY_COUNT];
    void (*gated[PT__UNARY_ACTIVATIONS])(int64_t n, const float *gate, const float *src, float *dst);
    pt__gated_gradient_fn gated_gradient[PT__UNARY_ACTIVATIONS];
    pt__combine_fn binary[PT__BINARY_COUNT];
    /* dst[c, r] = src[r, c]; rows of src `src_stride` apart, of dst `dst_stride` */
    void (*transpose)(int64_t rows, int64_t columns, const float *src, int64_t src_stride, float *dst,
                      int64_t dst_stride);
} pt__vector_map_t;

typedef struct pt__vector_reduce {
    float (*sum)(int64_t n, const float *src);
    double (*sum_of_squares)(int64_t n, const float *src);
    /* The largest value and, where not NULL, the index of the first that equals it. NaN counts as largest. n >= 1 */
    float (*max)(int64_t n, const float *src, int64_t *index);
    /* dst[c] (+)= sum over r of src[r * stride + c] */
    void (*sum_rows)(int64_t rows, int64_t columns, const float *src, int64_t stride, int32_t accumulate, float *dst);
    /* dst[c] (+)= sum over i of src[row[i] * stride + c], added up in the order of i, one after the other */
    void (*sum_chosen_rows)(int64_t count, int64_t columns, const float *src, int64_t stride, const int32_t *row,
                            int32_t accumulate, float *dst);
    /* dst[index[r] * dst_stride + c] += src[r * src_stride + c], row after row */
    void (*add_to_rows)(int64_t rows, int64_t columns, const float *src, int64_t src_stride, const int32_t *index,
                        float *dst, int64_t dst_stride);
    /* dst[c] = max over r, index[c] = the first r that has it (index may be NULL). rows >= 1 */
    void (*max_rows)(int64_t rows, int64_t columns, const float *src, int64_t stride, float *dst, int32_t *index);
} pt__vector_reduce_t;

typedef struct pt__vector_softmax { /* one row of n; in place as in kernels.h */
    void (*softmax)(int64_t n, const float *src, float *dst);
    void (*log_softmax)(int64_t n, const float *src, float *dst);
    void (*softmax_gradient)(int64_t n, const float *dst, const float *d_dst, float *d_src);
    void (*log_softmax_gradient)(int64_t n, const float *dst, const float *d_dst, float *d_src);
} pt__vector_softmax_t;

typedef struct pt__vector_norm { /* `rows` rows of `columns`; d_weight and d_bias are added to, and may be NULL */
    void (*layer)(int64_t rows, int64_t columns, float epsilon, const float *src, const float *weight,
                  const float *bias, float *dst, float *mean, float *inverse);
    void (*layer_gradient)(int64_t rows, int64_t columns, const float *src, const float *weight, const float *mean,
                           const float *inverse, const float *d_dst, const float *residual, float *d_src,
                           float *d_weight, float *d_bias);
    void (*rms)(int64_t rows, int64_t columns, float epsilon, const float *src, const float *weight, float *dst,
                float *inverse);
    void (*rms_gradient)(int64_t rows, int64_t columns, const float *src, const float *weight, const float *inverse,
                         const float *d_dst, const float *residual, float *d_src, float *d_weight);
} pt__vector_norm_t;

typedef struct pt__vector_columns { /* `rows` rows, `stride` elements apart, of which `columns` are meant */
    /* Of each column its mean and the sum of its squared distances from it. */
    void (*moments)(int64_t rows, int64_t columns, const float *src, int64_t stride, double *mean, double *squares);
    /* dst = (src - mean) inverse weight + bias; weight and bias may be NULL. in place */
    void (*normalize)(int64_t rows, int64_t columns, const float *src, int64_t stride, const float *mean,
                      const float *inverse, const float *weight, const float *bias, float *dst);
    /* Of each column the sums of d_dst and of d_dst (src - mean). */
    void (*gradient_sums)(int64_t rows, int64_t columns, const float *src, const float *d_dst, int64_t stride,
                          const float *mean, double *sums, double *products);
    /* d_src = scale d_dst - constant - slope (src - mean), all by columns; slope NULL: scale d_dst. in place over
     * d_dst */
    void (*gradient)(int64_t rows, int64_t columns, const float *src, const float *d_dst, int64_t stride,
                     const float *mean, const float *scale, const float *constant, const float *slope, float *d_src);
} pt__vector_columns_t;

/* Of the 2^32 random words, those below this one drop their element. probability is in [0, 1). */
static inline uint32_t pt__dropout_threshold(float probability)
{
    return probability > 0.0f ? (uint32_t)((double)probability * 4294967296.0) : 0;
}

typedef struct pt__vector_dropout {
    /* Elements first .. first + n - 1 of a stream; first is a multiple of 4. An element is kept where its random word
     * is at least `threshold`, and then multiplied by `factor`. */
    void (*dropout)(int64_t n, int64_t first, uint64_t key, uint32_t threshold, float factor, const float *src,
                    float *dst);
} pt__vector_dropout_t;

enum { PT__ATTENTION_TILE = 64 }; /* queries, and keys, of a tile */

typedef struct pt__attention_sample {
    int64_t number;
    int64_t query, queries; /* its first row in q, and how many */
    int64_t key, keys;      /* in k and v */
    int64_t offset;         /* query i stands at key i + offset */
} pt__attention_sample_t;

typedef struct pt__vector_attention { /* scratch: PT__KERNEL_SCRATCH bytes */
    /* How many tiles of queries `forward` does at once. */
    int64_t (*forward_tiles)(const pt__attention_t *attention);
    /* These tiles of queries from `first` on, of one sample in one head. The sample has more queries than `first`. */
    void (*forward)(const pt__attention_t *attention, const pt__attention_sample_t *sample, int64_t head, int64_t first,
                    float *scratch);
    /* One sample and one key-value head, all the query heads that share it. */
    void (*backward)(const pt__attention_gradient_t *gradient, const pt__attention_sample_t *sample, int64_t kv_head,
                     float *scratch);
} pt__vector_attention_t;

/* A square's transform of n channels: element (i, j) stands at i * row + j * element, and becomes one of another
 * square. */
typedef void (*pt__square_fn)(int64_t n, const float *src, int64_t row, int64_t element, float *dst, int64_t dst_row,
                              int64_t dst_element);

typedef struct pt__vector_convolution {
    /* Each channel by itself, of `count` elements: dst[x * dst_step + c] = sum over t < taps of
     * src[t][x * src_step + c] * weight[t][c], */
    void (*depthwise)(int64_t count, int64_t channels, int64_t taps, const float *const *src, int64_t src_step,
                      const float *const *weight, float *dst, int64_t dst_step);
    /* and sums[t][c] += sum over x < count of src[t][x * src_step + c] * d_dst[x * channels + c]. */
    void (*depthwise_weight)(int64_t count, int64_t channels, int64_t taps, const float *const *src, int64_t src_step,
                             const float *d_dst, float *const *sums);
    /* Winograd's F(4x4, 3x3) */
    pt__square_fn tile;     /* 6x6 elements that are read, to 6x6 */
    pt__square_fn kernel;   /* 3x3 to 6x6, what is multiplied with them; */
    pt__square_fn result;   /* 6x6 products to 4x4 elements */
    pt__square_fn gradient; /* of 4x4 elements, to 6x6 that are multiplied with a tile; */
    pt__square_fn sum;      /* 6x6 products to 3x3, of the kernel's gradient */
} pt__vector_convolution_t;

typedef struct pt__vector_rotary { /* n: half of what is rotated of a head; row [2n]: cosines, sines */
    /* The row of the sum of two angles, from theirs. */
    void (*combine)(int64_t n, const float *a, const float *b, float *row);
    /* These heads of a row, `width` numbers each. in place */
    void (*halves)(int64_t heads, int64_t width, int64_t n, const float *row, const float *src, float *dst);
    /* Interleaved; row [4n]: what each number is multiplied with, what its neighbour is. in place */
    void (*pairs)(int64_t heads, int64_t width, int64_t n, const float *row, const float *src, float *dst);
} pt__vector_rotary_t;

/* What a step of a recurrent layer reads and writes in one direction: rows of the samples that are still there, by
 * their addresses [count]. In the gradient's arrays of addends, and in d_cell, an address may be NULL: zeros. */
typedef struct pt__recurrent_rows {
    int64_t count, multiplied;
    float **factor;                   /* [multiplied] what the packed weight multiplies */
    float **before;                   /* LSTM: the cells before; gradient of GRU: the hidden values before */
    float **gates, **kept;            /* kept: NULL where the array is not there */
    float **dst;                      /* forward; and of `sum` */
    float **addends, **more_addends;  /* added to the product; NULL: none */
    float **d_gates, **d_candidate;   /* gradient; d_candidate of GRU */
    float **d_cell, **d_cell_before;  /* LSTM: of the cells, from the step behind; GRU: d_cell_before is d_hidden's */
    float **unprojected;              /* NULL: not wanted */
} pt__recurrent_rows_t;

typedef struct pt__recurrent_weight { /* packed: panel after panel, each depth after depth */
    int64_t depth, columns;
    const float *packed;
} pt__recurrent_weight_t;

typedef struct pt__vector_recurrence {
    /* Packs element (depth k, column c) = weight[k * depth_step + c * column_step]. Where there is more than one gate,
     * a panel has a vector of each, the columns of a gate being `columns` apart. */
    void (*pack)(int64_t gates, int64_t depth, int64_t columns, const float *weight, int64_t depth_step,
                 int64_t column_step, float *packed);
    /* Panels that so many columns, of each gate, make. */
    int64_t (*panels)(int64_t gates, int64_t columns);
    /* Panels begin .. end - 1: dst = factor times weight + addends, */
    void (*sum)(const pt__recurrent_rows_t *rows, const pt__recurrent_weight_t *weight, int64_t begin, int64_t end);
    /* a step of these cells, */
    void (*forward[PT__CELLS])(const pt__recurrent_rows_t *rows, const pt__recurrent_weight_t *weight,
                               const float *bias, int64_t begin, int64_t end);
    /* and the gradient of one, from that of dst: factor times weight + addends. */
    void (*gradient[PT__CELLS])(const pt__recurrent_rows_t *rows, const pt__recurrent_weight_t *weight, int64_t begin,
                                int64_t end);
} pt__vector_recurrence_t;

typedef struct pt__vector_pool { /* one row of windows of one picture: src and d_src are the picture's first pixel's */
    void (*max)(const pt__window_pool_t *pool, const float *src, int64_t row, float *dst, void *places);
    void (*mean)(const pt__window_pool_t *pool, const float *src, int64_t row, float *dst);
    /* The first `channels` of each pixel, d_src += */
    void (*max_gradient)(const pt__window_pool_t *pool, const void *places, const float *d_dst, int64_t row,
                         int64_t channels, float *d_src);
    void (*mean_gradient)(const pt__window_pool_t *pool, const float *d_dst, int64_t row, int64_t channels,
                          float *d_src);
} pt__vector_pool_t;

typedef struct pt__vector_loss {
    /* Sum of the weighted losses of n elements; adds the weights to *weight; writes d_prediction where not NULL. */
    double (*pointwise[4])(int64_t n, float delta, float positive_weight, const float *prediction, const float *target,
                           const float *element_weight, double *weight, float *d_prediction);
    /* One row of logits [classes] against its label, or probabilities [classes] where not NULL. Returns the weighted
     * loss; d_logits may be NULL or logits. */
    double (*cross_entropy)(const pt__cross_entropy_t *description, int32_t label, const float *probabilities,
                            const float *logits, float *d_logits);
} pt__vector_loss_t;

/* Logarithms of sums of probabilities of the states of CTC at one row. A sample of n - 1 targets has the states
 * blank[i] for i < n, before target i, and label[i] for i < n - 1; impossible ones are PT__CTC_NOTHING, and so are the
 * PT__CTC_MARGIN elements before, and all behind, up to PT__CTC_MARGIN beyond the next multiple of that. */
#define PT__CTC_NOTHING (-1e30f)
typedef struct pt__ctc_states {
    float *blank, *label;
} pt__ctc_states_t;

typedef struct pt__vector_ctc {
    /* ln sum e^src */
    float (*log_sum)(int64_t n, const float *src);
    /* dst = factor e^(src - log_sum); in place */
    void (*probabilities)(int64_t n, const float *src, float log_sum, float factor, float *dst);
    /* A row's states from those of the row before: skip[i] is 0 where label[i] may follow label[i - 1], else NOTHING;
     * emission the logarithms of the labels' probabilities at this row, at_blank of the blank's. They are moved so that
     * the largest is 0; returns by how much. */
    float (*forward)(int64_t n, const float *skip, const float *emission, float at_blank, const pt__ctc_states_t *from,
                     const pt__ctc_states_t *to);
    /* The other way round: `states` are those of the row behind and become this row's, moved likewise; `open` are this
     * row's without its own emission. */
    void (*backward)(int64_t n, const float *skip, const float *emission, float at_blank,
                     const pt__ctc_states_t *states, const pt__ctc_states_t *open);
    /* The states' shares of all that is possible, from both directions, in place of `open`; returns the blanks' sum. */
    float (*shares)(int64_t n, const pt__ctc_states_t *forward, const pt__ctc_states_t *open);
} pt__vector_ctc_t;

enum { PT__STRIP = 64 };

typedef struct pt__vector_optimizer { /* elements [0, n) from where the update's pointers, moved by `first`, stand */
    void (*sgd)(const pt__update_t *update, const pt__sgd_t *sgd, int64_t first, int64_t n);
    void (*adam)(const pt__update_t *update, const pt__adam_t *adam, int64_t first, int64_t n);
    /* The sum of the squares of n gradients, as they are limited. */
    double (*square)(const pt__update_t *update, int64_t first, int64_t n);
    /* The same for each of n <= PT__STRIP columns of a matrix that has so many. */
    void (*square_columns)(const pt__update_t *update, int64_t first, int64_t rows, int64_t columns, int64_t n,
                           double *sums);
    /* mean += weight (gradient^2 - mean), mean [n] */
    void (*mean_square)(const pt__update_t *update, float weight, int64_t first, int64_t n, float *mean);
    /* Adafactor's update u = gradient / sqrt(max(factor column, floor)), column [n]: the sum of its squares, and
     * parameter = keep parameter - step u. */
    double (*adafactor_square)(const pt__update_t *update, float factor, float floor, const float *column,
                               int64_t first, int64_t n);
    void (*adafactor)(const pt__update_t *update, float factor, float floor, const float *column, float keep,
                      float step, int64_t first, int64_t n);
} pt__vector_optimizer_t;

/* n numbers as floats. src: the unit of the format (base/dtype.h) that holds the first of them, behind `skip`
 * others. The arrays do not overlap, and need no alignment. */
typedef void (*pt__widen_fn)(int64_t n, const void *src, int32_t skip, float *dst);

typedef struct pt__vector_widen {
    pt__widen_fn from[PT__DTYPES]; /* by dtype; NULL: not from this one */
    pt__widen_fn halves_f16c;      /* from float16 where the processor has PT__FEATURE_F16C; NULL: no faster way */
} pt__vector_widen_t;

typedef struct pt__vector {
    const char *name;
    const pt__vector_map_t *map;
    const pt__vector_reduce_t *reduce;
    const pt__vector_softmax_t *softmax;
    const pt__vector_norm_t *norm;
    const pt__vector_columns_t *columns;
    const pt__vector_dropout_t *dropout;
    const pt__vector_attention_t *attention;
    const pt__vector_rotary_t *rotary;
    const pt__vector_recurrence_t *recurrence;
    const pt__vector_pool_t *pool;
    const pt__vector_convolution_t *convolution;
    const pt__vector_loss_t *loss;
    const pt__vector_ctc_t *ctc;
    const pt__vector_optimizer_t *optimizer;
    const pt__vector_widen_t *widen;
} pt__vector_t;

/* Those that the build has (level_tables.c). */
extern const pt__vector_t pt__vector_portable, pt__vector_avx2, pt__vector_avx512, pt__vector_neon;

#endif
