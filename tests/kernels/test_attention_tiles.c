/* Attention, forward and backward, against sums in double precision: ragged samples, causal or not, grouped heads,
 * masked keys, widths that are no multiple of a vector, strides as in a fused q-k-v matrix. */
#include "kernels/every_device.h"

typedef struct shape {
    int64_t samples, heads, kv_heads, width, length; /* length 0: ragged, of these offsets */
    int32_t offsets[8];
    int32_t causal, masked;
} shape_t;

/* q, k and v stand side by side in one matrix `fused` [rows, (heads + 2 kv_heads) width + 3]; results likewise. */
typedef struct problem {
    const shape_t *shape;
    int64_t rows, stride, dst_stride;
    float *fused, *d_dst, *mask;
    double *dst, *log_sum, *d_fused; /* expected; dst and d_fused with the gaps between rows */
} problem_t;

static int64_t begin_of(const shape_t *s, int64_t sample)
{
    return s->length > 0 ? s->length * sample : s->offsets[sample];
}

static void expect_query(problem_t *p, int64_t begin, int64_t end, int64_t head, int64_t query, double *weight)
{
    const shape_t *s = p->shape;
    int64_t width = s->width, kv = head / (s->heads / s->kv_heads), limit = s->causal ? query + 1 : end;
    int64_t q_at = query * p->stride + head * width;
    int64_t k_column = (s->heads + kv) * width, v_column = (s->heads + s->kv_heads + kv) * width;
    double scale = 1.0 / sqrt((double)width), max = -INFINITY, sum = 0.0, delta = 0.0;
    double *dst = p->dst + query * p->dst_stride + head * width;
    const float *d_dst = p->d_dst + query * p->dst_stride + head * width;
    for (int64_t j = begin; j < limit; j++) {
        double score = 0.0;
        for (int64_t c = 0; c < width; c++)
            score += (double)p->fused[q_at + c] * (double)p->fused[j * p->stride + k_column + c];
        weight[j] = p->mask != NULL && p->mask[j] == 0.0f ? -INFINITY : score * scale;
        max = weight[j] > max ? weight[j] : max;
    }
    for (int64_t c = 0; c < width; c++)
        dst[c] = 0.0;
    p->log_sum[query * s->heads + head] = -INFINITY;
    if (max == -INFINITY)
        return;
    for (int64_t j = begin; j < limit; j++)
        sum += exp(weight[j] - max);
    p->log_sum[query * s->heads + head] = max + log(sum);
    for (int64_t j = begin; j < limit; j++) {
        weight[j] = exp(weight[j] - max) / sum;
        for (int64_t c = 0; c < width; c++)
            dst[c] += weight[j] * (double)p->fused[j * p->stride + v_column + c];
    }
    for (int64_t c = 0; c < width; c++)
        delta += dst[c] * (double)d_dst[c];
    for (int64_t j = begin; j < limit; j++) {
        double d_weight = 0.0;
        for (int64_t c = 0; c < width; c++) {
            d_weight += (double)d_dst[c] * (double)p->fused[j * p->stride + v_column + c];
            p->d_fused[j * p->stride + v_column + c] += weight[j] * (double)d_dst[c];
        }
        double d_score = weight[j] * (d_weight - delta) * scale;
        for (int64_t c = 0; c < width; c++) {
            p->d_fused[q_at + c] += d_score * (double)p->fused[j * p->stride + k_column + c];
            p->d_fused[j * p->stride + k_column + c] += d_score * (double)p->fused[q_at + c];
        }
    }
}

static problem_t make_problem(const shape_t *s)
{
    problem_t p = {.shape = s, .rows = begin_of(s, s->samples)};
    p.stride = (s->heads + 2 * s->kv_heads) * s->width + 3;
    p.dst_stride = s->heads * s->width + 2;
    p.fused = draw_values(p.rows * p.stride);
    p.d_dst = draw_values(p.rows * p.dst_stride);
    for (int64_t i = 0; i < p.rows * p.stride; i++)
        p.fused[i] *= 2.0f;
    if (s->masked) {
        p.mask = draw_values(p.rows);
        for (int64_t i = 0; i < p.rows; i++) /* the first sample's keys are all masked: queries without any key */
            p.mask[i] = i < begin_of(s, 1) && s->masked == 2 ? 0.0f : p.mask[i] < -0.4f ? 0.0f : 1.0f;
    }
    p.dst = zero_doubles(p.rows * p.dst_stride);
    p.log_sum = zero_doubles(p.rows * s->heads);
    p.d_fused = zero_doubles(p.rows * p.stride);
    for (int64_t i = 0; i < p.rows * p.dst_stride; i++)
        p.dst[i] = NAN; /* gaps between rows stay as they were */
    for (int64_t r = 0; r < p.rows; r++)
        for (int64_t i = (s->heads + 2 * s->kv_heads) * s->width; i < p.stride; i++)
            p.d_fused[r * p.stride + i] = NAN;
    double *weight = zero_doubles(p.rows);
    for (int64_t sample = 0; sample < s->samples; sample++)
        for (int64_t head = 0; head < s->heads; head++)
            for (int64_t query = begin_of(s, sample); query < begin_of(s, sample + 1); query++)
                expect_query(&p, begin_of(s, sample), begin_of(s, sample + 1), head, query, weight);
    free(weight);
    return p;
}

static pt__attention_t description(const problem_t *p)
{
    const shape_t *s = p->shape;
    return (pt__attention_t){.samples = s->samples,
                             .offsets = s->length > 0 ? NULL : s->offsets,
                             .length = s->length,
                             .heads = s->heads,
                             .kv_heads = s->kv_heads,
                             .width = s->width,
                             .scale = 1.0f / sqrtf((float)s->width),
                             .causal = s->causal,
                             .q = p->fused,
                             .k = p->fused + s->heads * s->width,
                             .v = p->fused + (s->heads + s->kv_heads) * s->width,
                             .q_stride = p->stride,
                             .k_stride = p->stride,
                             .v_stride = p->stride,
                             .key_mask = p->mask,
                             .dst_stride = p->dst_stride};
}

static void run_forward(pt__dev device, const void *argument, float *out)
{
    const problem_t *p = argument;
    pt__attention_t attention = description(p);
    attention.dst = out;
    attention.log_sum = out + p->rows * p->dst_stride;
    device->kernels->attention(device, &attention);
}

static void run_backward(pt__dev device, const void *argument, float *out)
{
    const problem_t *p = argument;
    const shape_t *s = p->shape;
    pt__attention_t attention = description(p);
    attention.dst = draw_values(p->rows * p->dst_stride);
    attention.log_sum = draw_values(p->rows * s->heads);
    device->kernels->attention(device, &attention);
    attention.d_dst = p->d_dst;
    attention.d_q = out;
    attention.d_k = out + s->heads * s->width;
    attention.d_v = out + (s->heads + s->kv_heads) * s->width;
    attention.d_q_stride = attention.d_k_stride = attention.d_v_stride = p->stride;
    device->kernels->attention_gradient(device, &attention);
    free(attention.dst), free(attention.log_sum);
}

static const shape_t shapes[] = {
    {1, 1, 1, 32, 64, {0}, 1, 0},
    {3, 4, 4, 32, 64, {0}, 1, 0},
    {2, 2, 2, 64, 256, {0}, 1, 0},
    {1, 2, 1, 64, 200, {0}, 0, 0},
    {2, 3, 3, 16, 130, {0}, 1, 1},
    {4, 4, 2, 24, 0, {0, 1, 1, 70, 135}, 1, 0},
    {4, 2, 2, 5, 0, {0, 17, 80, 81, 100}, 0, 1},
    {3, 6, 2, 7, 0, {0, 65, 66, 129}, 1, 2},
    {2, 1, 1, 256, 70, {0}, 1, 0},
    {2, 2, 1, 80, 33, {0}, 0, 2},
    {1, 1, 1, 1, 5, {0}, 1, 0},
};

static void check_shape(const shape_t *shape)
{
    problem_t p = make_problem(shape);
    int64_t dst = p.rows * p.dst_stride, sums = p.rows * shape->heads;
    double *expected = zero_doubles(dst + sums);
    memcpy(expected, p.dst, (size_t)dst * sizeof(double));
    memcpy(expected + dst, p.log_sum, (size_t)sums * sizeof(double));
    on_every_device("attention", run_forward, &p, dst + sums, NULL, expected, 3e-6);
    on_every_device("attention gradient", run_backward, &p, p.rows * p.stride, NULL, p.d_fused, 2e-5);
    free(expected), free(p.fused), free(p.d_dst), free(p.mask), free(p.dst), free(p.log_sum), free(p.d_fused);
}

/* One query's NaN stays with it: nothing else of the tile is touched. */
START_TEST(test_not_a_number)
{
    const shape_t *shape = &shapes[0];
    problem_t p = make_problem(shape);
    int64_t dst = p.rows * p.dst_stride, sums = p.rows * shape->heads;
    double *expected = zero_doubles(dst + sums);
    for (int64_t c = 0; c < shape->width; c++) {
        p.fused[10 * p.stride + c] = NAN;
        p.dst[10 * p.dst_stride + c] = NAN;
    }
    p.log_sum[10] = NAN;
    memcpy(expected, p.dst, (size_t)dst * sizeof(double));
    memcpy(expected + dst, p.log_sum, (size_t)sums * sizeof(double));
    on_every_device("attention with NaN", run_forward, &p, dst + sums, NULL, expected, 3e-6);
    free(expected), free(p.fused), free(p.d_dst), free(p.dst), free(p.log_sum), free(p.d_fused);
}
END_TEST

START_TEST(test_every_shape)
{
    for (int i = 0; i < (int)(sizeof shapes / sizeof shapes[0]); i++)
        check_shape(&shapes[i]);
}
END_TEST

SUITE("attention tiles", 120, test_every_shape, test_not_a_number)
