/* The table of the CPU's kernels. Its ways into a processor level are pt__cpu(device)->vector and the matrix door. */
#include "kernels/cpu/kernels_cpu.h"

#include "kernels/cpu/cpu.h"

const pt__kernels_t pt__kernels_cpu = {
    .name = "cpu",
    .gemm = pt__gemm,
    .fill = pt__cpu_fill,
    .add_into = pt__cpu_add_into,
    .scale = pt__cpu_scale,
    .scale_by = pt__cpu_scale_by,
    .unary = pt__cpu_unary,
    .unary_gradient = pt__cpu_unary_gradient,
    .binary = pt__cpu_binary,
    .reduce = pt__cpu_reduce,
    .reduce_gradient = pt__cpu_reduce_gradient,
    .column_sum = pt__cpu_column_sum,
    .copy = pt__cpu_copy,
    .softmax = pt__cpu_softmax,
    .softmax_gradient = pt__cpu_softmax_gradient,
    .layer_norm = pt__cpu_layer_norm,
    .layer_norm_gradient = pt__cpu_layer_norm_gradient,
    .rms_norm = pt__cpu_rms_norm,
    .rms_norm_gradient = pt__cpu_rms_norm_gradient,
    .dropout = pt__cpu_dropout,
    .attention = pt__cpu_attention,
    .attention_gradient = pt__cpu_attention_gradient,
    .gather = pt__cpu_gather,
    .gather_gradient = pt__cpu_gather_gradient,
    .segment_reduce = pt__cpu_segment_reduce,
    .segment_reduce_gradient = pt__cpu_segment_reduce_gradient,
    .cross_entropy = pt__cpu_cross_entropy,
    .pointwise_loss = pt__cpu_pointwise_loss,
    .correct = pt__cpu_correct,
    .sum_of_squares = pt__cpu_sum_of_squares,
    .sgd = pt__cpu_sgd,
    .adam = pt__cpu_adam,
};
