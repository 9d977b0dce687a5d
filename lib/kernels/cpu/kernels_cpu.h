/* The CPU's kernels, a file a subject; kernels_cpu.c makes them into the table pt__kernels_cpu. What each does stands
 * in kernels.h, under the same name. */
#ifndef PT__KERNELS_CPU_H
#define PT__KERNELS_CPU_H

#include "kernels/kernels.h"
#include "kernels/recurrence.h"

/* elementwise_sweep.c */
void pt__cpu_fill(pt__dev device, int64_t n, float value, float *dst);
void pt__cpu_cast(pt__dev device, int64_t n, int32_t dtype, const void *src, float *dst);
void pt__cpu_add_into(pt__dev device, int64_t n, const float *src, float *dst);
void pt__cpu_scale(pt__dev device, int64_t n, float factor, const float *src, float *dst);
void pt__cpu_scale_by(pt__dev device, int64_t n, const float *src, const float *numerator, const float *denominator,
                      int32_t accumulate, float *dst);
void pt__cpu_unary(pt__dev device, pt__unary_t unary, int64_t n, const float *src, float *dst);
void pt__cpu_unary_gradient(pt__dev device, pt__unary_t unary, int64_t n, const float *src, const float *d_dst,
                            float *d_src);
void pt__cpu_clip(pt__dev device, int64_t n, float low, float high, const float *src, float *dst);
void pt__cpu_clip_gradient(pt__dev device, int64_t n, float low, float high, const float *dst, const float *d_dst,
                           float *d_src);
void pt__cpu_gated(pt__dev device, pt__unary_t unary, int64_t n, const float *gate, const float *src, float *dst);
void pt__cpu_gated_gradient(pt__dev device, pt__unary_t unary, int64_t n, const float *gate, const float *src,
                            const float *d_dst, float *d_gate, float *d_src);
void pt__cpu_dropout(pt__dev device, int64_t n, float probability, uint64_t key, const float *src, float *dst);

/* broadcast_sweep.c */
void pt__cpu_binary(pt__dev device, pt__binary_t binary, const pt__broadcast_t *shape, const float *a, const float *b,
                    float *dst);

/* strided_copy.c */
void pt__cpu_copy(pt__dev device, const pt__copy_t *copy, const float *src, float *dst);

/* reduce_rows.c */
void pt__cpu_reduce(pt__dev device, pt__reduce_t reduce, int64_t outer, int64_t middle, int64_t inner, const float *src,
                    float *dst, int32_t *index, int32_t accumulate);
void pt__cpu_reduce_gradient(pt__dev device, pt__reduce_t reduce, int64_t outer, int64_t middle, int64_t inner,
                             const float *d_dst, const int32_t *index, float *d_src);
void pt__cpu_column_sum(pt__dev device, int64_t rows, int64_t columns, const float *src, int32_t accumulate,
                        float *dst);
double pt__cpu_sum_of_squares(pt__dev device, int64_t n, const float *src);

/* reduce_segments.c */
void pt__cpu_neighbour_rows(pt__dev device, const pt__neighbours_t *neighbours);
void pt__cpu_positions(pt__dev device, int64_t samples, const int32_t *offsets, const int32_t *past, int32_t *dst);
void pt__cpu_store_rows(pt__dev device, int64_t samples, const int32_t *offsets, const int32_t *first,
                        const int32_t *past, int64_t columns, const float *src, int64_t src_stride, float *dst);
void pt__cpu_segment_reduce(pt__dev device, pt__reduce_t reduce, int64_t samples, const int32_t *offsets,
                            int64_t columns, const float *src, float *dst, int32_t *index);
void pt__cpu_segment_reduce_gradient(pt__dev device, pt__reduce_t reduce, int64_t samples, const int32_t *offsets,
                                     int64_t columns, const float *d_dst, const int32_t *index, float *d_src);
void pt__cpu_segment_copy(pt__dev device, int64_t samples, const pt__segments_t *from, const pt__segments_t *to,
                          const float *src, float *dst);

/* softmax_rows.c */
void pt__cpu_softmax(pt__dev device, int64_t rows, int64_t columns, int32_t log, const float *src, float *dst);
void pt__cpu_softmax_gradient(pt__dev device, int64_t rows, int64_t columns, int32_t log, const float *dst,
                              const float *d_dst, float *d_src);

/* norm_rows.c */
void pt__cpu_layer_norm(pt__dev device, int64_t rows, int64_t columns, float epsilon, const float *src,
                        const float *weight, const float *bias, float *dst, float *mean, float *inverse);
void pt__cpu_layer_norm_gradient(pt__dev device, const pt__norm_gradient_t *norm);
void pt__cpu_rms_norm(pt__dev device, int64_t rows, int64_t columns, float epsilon, const float *src,
                      const float *weight, float *dst, float *inverse);
void pt__cpu_rms_norm_gradient(pt__dev device, const pt__norm_gradient_t *norm);

/* norm_columns.c */
void pt__cpu_batch_statistics(pt__dev device, const pt__batch_norm_t *norm);
void pt__cpu_batch_norm(pt__dev device, const pt__batch_norm_rows_t *norm);
void pt__cpu_batch_norm_gradient(pt__dev device, const pt__batch_norm_gradient_t *norm);

/* norm_groups.c */
void pt__cpu_group_norm(pt__dev device, const pt__group_norm_t *norm);
void pt__cpu_group_norm_gradient(pt__dev device, const pt__group_norm_gradient_t *gradient);

/* attention_tiles.c */
void pt__cpu_attention(pt__dev device, const pt__attention_t *attention);
void pt__cpu_attention_gradient(pt__dev device, const pt__attention_gradient_t *gradient);

/* convolution.c */
void pt__cpu_convolution(pt__dev device, const pt__convolution_t *convolution);
void pt__cpu_convolution_gradient_src(pt__dev device, const pt__convolution_t *convolution);
void pt__cpu_convolution_gradient_weight(pt__dev device, const pt__convolution_t *convolution);

/* recurrence_steps.c, recurrence_gradient_steps.c */
void pt__cpu_recurrence(pt__dev device, const pt__recurrence_t *recurrence);
void pt__cpu_recurrence_gradient(pt__dev device, const pt__recurrence_gradient_t *gradient);

/* rotary_rows.c */
void pt__cpu_rotary(pt__dev device, const pt__rotary_t *rotary);

/* gather_rows.c */
void pt__cpu_gather(pt__dev device, int64_t rows, int64_t columns, int32_t dtype, const void *table,
                    const int32_t *index, float *dst);
void pt__cpu_gather_gradient(pt__dev device, int64_t rows, int64_t columns, int64_t table_rows, const float *d_dst,
                             const int32_t *index, int32_t accumulate, float *d_table, int32_t *scratch);

/* window_pool.c */
void pt__cpu_window_pool(pt__dev device, const pt__window_pool_t *pool);
void pt__cpu_window_pool_gradient(pt__dev device, const pt__window_pool_gradient_t *gradient);

/* picture_pixels.c */
void pt__cpu_pixels(pt__dev device, const pt__pixels_t *pixels);
void pt__cpu_pixels_gradient(pt__dev device, const pt__pixels_t *pixels, const float *d_dst, float *d_src);

/* contrastive_rows.c */
void pt__cpu_contrastive(pt__dev device, const pt__contrastive_t *description);

/* cross_entropy_rows.c */
void pt__cpu_cross_entropy(pt__dev device, const pt__cross_entropy_t *description);

/* ctc_errors.c */
void pt__cpu_ctc_errors(pt__dev device, const pt__ctc_errors_t *errors);

/* ctc_samples.c */
void pt__cpu_ctc(pt__dev device, const pt__ctc_t *ctc);

/* loss_pointwise.c */
void pt__cpu_pointwise_loss(pt__dev device, pt__pointwise_loss_t kind, int64_t n, float delta, float positive_weight,
                            const float *prediction, const float *target, const float *element_weight, float *loss,
                            float *weight, float *d_prediction);

/* adafactor_tensor.c */
void pt__cpu_adafactor(pt__dev device, const pt__update_t *update, const pt__adafactor_t *adafactor);

/* optimizer_sweep.c */
void pt__cpu_sgd(pt__dev device, const pt__update_t *update, const pt__sgd_t *sgd);
void pt__cpu_adam(pt__dev device, const pt__update_t *update, const pt__adam_t *adam);

#endif
