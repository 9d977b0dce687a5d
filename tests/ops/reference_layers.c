/* References of products, norms, softmax and attention; see reference.h. */
#include "ops/reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "ops/op_rules.h"

double reference_log_sum_exp(const double *row, int64_t columns)
{
    double maximum = -INFINITY, sum = 0;
    for (int64_t c = 0; c < columns; c++)
        maximum = fmax(maximum, row[c]);
    for (int64_t c = 0; c < columns; c++)
        sum += exp(row[c] - maximum);
    return maximum + log(sum);
}

/* One row times a weight [O, I] or [I, O]. */
double reference_product(const double *row, const double *weight, int64_t inputs, int64_t outputs, int64_t o,
                         int32_t in_out)
{
    double sum = 0;
    for (int64_t i = 0; i < inputs; i++)
        sum += row[i] * (in_out ? weight[i * outputs + o] : weight[o * inputs + i]);
    return sum;
}

static void reference_linear(const reference_call_t *call)
{
    int64_t inputs = reference_last(&call->inputs[0]), outputs = reference_last(&call->outputs[0]),
            rows = reference_rows(&call->inputs[0], 1);
    int64_t activation = call->attributes->integers[0];
    const double *bias = reference_optional(call, 2), *residual = reference_optional(call, 3);
    for (int64_t r = 0; r < rows; r++)
        for (int64_t o = 0; o < outputs; o++) {
            int64_t at = r * outputs + o;
            double sum = reference_product(call->inputs[0].value + r * inputs, call->inputs[1].value, inputs, outputs,
                                           o, call->attributes->integers[1] != 0);
            sum += (bias != NULL ? bias[o] : 0) + (residual != NULL ? residual[at] : 0);
            call->outputs[1].value[at] = sum;
            call->outputs[0].value[at] = activation == 0 ? sum : reference_unary((pt__unary_t)activation, sum);
        }
}

static void reference_matmul(const reference_call_t *call)
{
    const reference_tensor_t *a = &call->inputs[0], *b = &call->inputs[1], *dst = &call->outputs[0];
    int32_t a_transposed = call->attributes->integers[0] != 0, b_transposed = call->attributes->integers[1] != 0;
    int64_t m = dst->size[dst->rank - 2], n = reference_last(dst), k = a->size[a->rank - (a_transposed ? 2 : 1)],
            count = reference_rows(dst, 2);
    for (int64_t p = 0; p < count; p++) {
        const double *left = a->value + (a->rank > 2 ? p * m * k : 0),
                     *right = b->value + (b->rank > 2 ? p * k * n : 0);
        for (int64_t i = 0; i < m; i++)
            for (int64_t j = 0; j < n; j++) {
                double sum = 0;
                for (int64_t l = 0; l < k; l++)
                    sum += (a_transposed ? left[l * m + i] : left[i * k + l]) *
                           (b_transposed ? right[j * k + l] : right[l * n + j]);
                dst->value[(p * m + i) * n + j] = sum;
            }
    }
}

static void softmax(const reference_call_t *call, int32_t is_log)
{
    int64_t columns = reference_last(&call->inputs[0]), rows = reference_rows(&call->inputs[0], 1);
    for (int64_t r = 0; r < rows; r++) {
        const double *src = call->inputs[0].value + r * columns;
        double sum = reference_log_sum_exp(src, columns);
        for (int64_t c = 0; c < columns; c++)
            call->outputs[0].value[r * columns + c] = is_log ? src[c] - sum : exp(src[c] - sum);
    }
}

static void reference_softmax(const reference_call_t *call)
{
    softmax(call, 0);
}
static void reference_log_softmax(const reference_call_t *call)
{
    softmax(call, 1);
}

static void normalize(const reference_call_t *call, int32_t centred)
{
    int64_t columns = reference_last(&call->inputs[0]), rows = reference_rows(&call->inputs[0], 1);
    const double *weight = reference_optional(call, 1), *bias = centred ? reference_optional(call, 2) : NULL;
    for (int64_t r = 0; r < rows; r++) {
        const double *src = call->inputs[0].value + r * columns;
        double mean = 0, square = 0;
        for (int64_t c = 0; centred && c < columns; c++)
            mean += src[c] / (double)columns;
        for (int64_t c = 0; c < columns; c++)
            square += (src[c] - mean) * (src[c] - mean) / (double)columns;
        double inverse = 1 / sqrt(square + call->attributes->reals[0]);
        for (int64_t c = 0; c < columns; c++)
            call->outputs[0].value[r * columns + c] = (src[c] - mean) * inverse * (weight != NULL ? weight[c] : 1) +
                                                      (bias != NULL ? bias[c] : 0);
        if (centred)
            call->outputs[1].value[r] = mean;
        call->outputs[centred ? 2 : 1].value[r] = inverse;
    }
}

static void reference_layer_norm(const reference_call_t *call)
{
    normalize(call, 1);
}
static void reference_rms_norm(const reference_call_t *call)
{
    normalize(call, 0);
}

/* Where q, k, v of a row begin, and how far apart the rows are; `like` has the rows of q and `keys` those of k. */
typedef struct heads {
    const double *q, *k, *v, *mask;
    const reference_tensor_t *like, *keys;
    int64_t q_stride, k_stride, v_stride, heads, kv_heads, width, value_width;
} heads_t;

/* Of one sample: its first row, and how many. */
typedef struct span {
    int64_t first, rows;
} span_t;

static span_t span_of(const reference_call_t *call, const reference_tensor_t *tensor, int64_t sample)
{
    if (tensor->rank == 3)
        return (span_t){sample * tensor->size[1], tensor->size[1]};
    const int32_t *offsets = call->run->offsets[tensor->dimension];
    return (span_t){offsets[sample], offsets[sample + 1] - offsets[sample]};
}

/* What dropout multiplies a probability with: see kernels.h. */
static double kept(const reference_call_t *call, int64_t sample, int64_t head, int64_t query, int64_t key)
{
    uint32_t words[4];
    double probability = call->attributes->reals[1];
    if (probability == 0)
        return 1;
    pt__random_block(pt__dropout_key(call->run, call->attributes->integers[4]),
                     (uint64_t)key << 32 | (uint64_t)query / 4, (uint64_t)sample << 32 | (uint64_t)head, words);
    return (double)words[query % 4] >= (double)(float)probability * 4294967296.0 ? 1 / (1 - probability) : 0;
}

static int32_t is_seen(const reference_call_t *call, const heads_t *heads, span_t queries, span_t keys, int64_t query,
                       int64_t key)
{
    int64_t flags = call->attributes->integers[2], window = call->attributes->integers[3];
    int64_t place = query + (flags & PT_ATTENTION_ALIGN_LAST ? keys.rows - queries.rows : 0);
    return (heads->mask == NULL || heads->mask[keys.first + key] != 0) &&
           (!(flags & PT_ATTENTION_CAUSAL) || (key <= place && (window == 0 || key > place - window)));
}

/* One query of one head in one sample. */
static void attend(const reference_call_t *call, const heads_t *heads, int64_t sample, int64_t query, int64_t head)
{
    span_t queries = span_of(call, heads->like, sample), keys = span_of(call, heads->keys, sample);
    double scale = call->attributes->reals[0];
    if (scale == 0 && !(call->attributes->integers[2] & PT_ATTENTION_SCALE))
        scale = 1 / sqrt((double)heads->width);
    int64_t kv = head / (heads->heads / heads->kv_heads), row = queries.first + query;
    double *score = malloc((size_t)(keys.rows + 1) * sizeof *score), maximum = -INFINITY;
    const double *q = heads->q + row * heads->q_stride + head * heads->width;
    for (int64_t i = 0; i < keys.rows; i++) {
        const double *k = heads->k + (keys.first + i) * heads->k_stride + kv * heads->width;
        int32_t seen = is_seen(call, heads, queries, keys, query, i);
        score[i] = seen ? 0 : -INFINITY;
        for (int64_t w = 0; w < heads->width && seen; w++)
            score[i] += scale * q[w] * k[w];
        maximum = fmax(maximum, score[i]);
    }
    double log_sum = isinf(maximum) ? -INFINITY : reference_log_sum_exp(score, keys.rows);
    double *dst = call->outputs[0].value + (row * heads->heads + head) * heads->value_width;
    for (int64_t w = 0; w < heads->value_width; w++)
        dst[w] = 0;
    for (int64_t i = 0; i < keys.rows && !isinf(maximum); i++) {
        double p = exp(score[i] - log_sum) * kept(call, sample, head, query, i);
        for (int64_t w = 0; w < heads->value_width; w++)
            dst[w] += p * heads->v[(keys.first + i) * heads->v_stride + kv * heads->value_width + w];
    }
    call->outputs[1].value[row * heads->heads + head] = log_sum;
    free(score);
}

static void attend_all(const reference_call_t *call, const heads_t *heads)
{
    int64_t samples = heads->like->rank == 3 ? heads->like->size[0] : call->samples;
    for (int64_t s = 0; s < samples; s++)
        for (int64_t query = 0; query < span_of(call, heads->like, s).rows; query++)
            for (int64_t head = 0; head < heads->heads; head++)
                attend(call, heads, s, query, head);
}

static void reference_attention(const reference_call_t *call)
{
    heads_t heads = {.q = call->inputs[0].value,
                     .k = call->inputs[1].value,
                     .v = call->inputs[2].value,
                     .mask = reference_optional(call, 3),
                     .like = &call->inputs[0],
                     .keys = &call->inputs[1],
                     .q_stride = reference_last(&call->inputs[0]),
                     .k_stride = reference_last(&call->inputs[1]),
                     .v_stride = reference_last(&call->inputs[2]),
                     .heads = call->attributes->integers[0],
                     .kv_heads = call->attributes->integers[1]};
    heads.width = heads.q_stride / heads.heads;
    heads.value_width = heads.v_stride / heads.kv_heads;
    attend_all(call, &heads);
}

static void reference_attention_packed(const reference_call_t *call)
{
    int64_t stride = reference_last(&call->inputs[0]);
    heads_t heads = {.q = call->inputs[0].value,
                     .mask = reference_optional(call, 1),
                     .like = &call->inputs[0],
                     .keys = &call->inputs[0],
                     .q_stride = stride,
                     .k_stride = stride,
                     .v_stride = stride,
                     .heads = call->attributes->integers[0],
                     .kv_heads = call->attributes->integers[1]};
    heads.width = heads.value_width = stride / (heads.heads + 2 * heads.kv_heads);
    heads.k = heads.q + heads.heads * heads.width;
    heads.v = heads.k + heads.kv_heads * heads.width;
    attend_all(call, &heads);
}

/* The cosine and sine of plane i at a position, times the scale: from the table as kernels.h has it, or from the
 * sample's own frequencies. */
static void turn_of(const reference_call_t *call, int64_t position, int64_t length, int64_t i, double *cosine,
                    double *sine)
{
    const int64_t *integers = call->attributes->integers;
    const double *reals = call->attributes->reals, *table = call->inputs[1].value;
    int64_t width = integers[2], half = width / 2, lows = (int64_t)1 << integers[5];
    int32_t is_long = integers[7] > 0 && length > integers[7];
    if (is_long && reals[1] > 0) {
        double d = (double)width, ratio = (double)length / (double)integers[7];
        double base = reals[0] * pow(reals[1] * ratio - (reals[1] - 1), d / (d - 2));
        double angle = (double)position / pow(base, 2 * (double)i / d);
        *cosine = reals[2] * cos(angle);
        *sine = reals[2] * sin(angle);
        return;
    }
    table += is_long ? integers[6] * width : 0;
    const double *a = table + position % lows * width, *b = table + (lows + position / lows) * width;
    *cosine = a[i] * b[i] - a[half + i] * b[half + i];
    *sine = a[half + i] * b[i] + a[i] * b[half + i];
}

static void rotate_row(const reference_call_t *call, int64_t row, int64_t position, int64_t length)
{
    const int64_t *integers = call->attributes->integers;
    int64_t columns = reference_last(&call->inputs[0]), heads = integers[0], width = columns / heads;
    const double *src = call->inputs[0].value + row * columns;
    double *dst = call->outputs[0].value + row * columns;
    memcpy(dst, src, (size_t)columns * sizeof *dst);
    for (int64_t h = 0; h < integers[1]; h++)
        for (int64_t i = 0; i < integers[2] / 2; i++) {
            double cosine, sine;
            int32_t interleaved = integers[3] & PT_ROTARY_INTERLEAVED;
            int64_t x = h * width + (interleaved ? 2 * i : i), y = x + (interleaved ? 1 : integers[2] / 2);
            turn_of(call, position, length, i, &cosine, &sine);
            sine = integers[4] ? -sine : sine;
            dst[x] = src[x] * cosine - src[y] * sine;
            dst[y] = src[y] * cosine + src[x] * sine;
        }
}

static void reference_rotary(const reference_call_t *call)
{
    const double *starts = reference_optional(call, 2);
    int64_t samples = call->inputs[0].rank == 3 ? call->inputs[0].size[0] : call->samples;
    for (int64_t s = 0; s < samples; s++) {
        span_t span = span_of(call, &call->inputs[0], s);
        int64_t start = starts != NULL ? (int64_t)starts[s] : 0;
        for (int64_t i = 0; i < span.rows; i++)
            rotate_row(call, span.first + i, start + i, start + span.rows);
    }
}

static void reference_linear_gradient_src(const reference_call_t *call)
{
    int64_t outputs = reference_last(&call->inputs[0]), inputs = reference_last(&call->outputs[0]),
            rows = reference_rows(&call->inputs[0], 1);
    pt__unary_t kind = (pt__unary_t)call->attributes->integers[0];
    for (int64_t r = 0; r < rows; r++)
        for (int64_t i = 0; i < inputs; i++) {
            double sum = reference_product(call->inputs[0].value + r * outputs, call->inputs[1].value, outputs, inputs,
                                           i, call->attributes->integers[1] == 0);
            const double *slope = reference_optional(call, 2), *residual = reference_optional(call, 3);
            double z = slope != NULL ? slope[r * inputs + i] : 0, step = 1e-6;
            if (slope != NULL)
                sum *= (reference_unary(kind, z + step) - reference_unary(kind, z - step)) / (2 * step);
            call->outputs[0].value[r * inputs + i] = sum + (residual != NULL ? residual[r * inputs + i] : 0);
        }
}

/* d_src and the sums over rows d_weight and d_bias, from the statistics as they are given. */
static void normalize_gradient(const reference_call_t *call, int32_t centred)
{
    int64_t columns = reference_last(&call->inputs[1]), rows = reference_rows(&call->inputs[1], 1);
    const double *weight = reference_optional(call, centred ? 4 : 3),
                 *residual = reference_optional(call, centred ? 5 : 4);
    for (int32_t o = 1; o < call->n_outputs; o++)
        memset(call->outputs[o].value, 0, (size_t)columns * sizeof(double));
    for (int64_t r = 0; r < rows; r++) {
        const double *d_dst = call->inputs[0].value + r * columns, *src = call->inputs[1].value + r * columns;
        double inverse = call->inputs[2].value[r], mean = centred ? call->inputs[3].value[r] : 0, mean_g = 0,
               mean_gn = 0;
        for (int64_t c = 0; c < columns; c++) {
            double n = (src[c] - mean) * inverse, g = d_dst[c] * (weight != NULL ? weight[c] : 1);
            mean_g += centred ? g / (double)columns : 0;
            mean_gn += g * n / (double)columns;
            call->outputs[1].value[c] += d_dst[c] * n;
            if (centred)
                call->outputs[2].value[c] += d_dst[c];
        }
        for (int64_t c = 0; c < columns; c++) {
            double n = (src[c] - mean) * inverse, g = d_dst[c] * (weight != NULL ? weight[c] : 1);
            call->outputs[0].value[r * columns + c] = inverse * (g - mean_g - n * mean_gn) +
                                                      (residual != NULL ? residual[r * columns + c] : 0);
        }
    }
}

static void reference_layer_norm_gradient(const reference_call_t *call)
{
    normalize_gradient(call, 1);
}
static void reference_rms_norm_gradient(const reference_call_t *call)
{
    normalize_gradient(call, 0);
}

static void reference_advance(const reference_call_t *call)
{
    const int64_t n = reference_elements(&call->outputs[0]);
    for (int64_t i = 0; i < n; i++)
        call->outputs[0].value[i] = call->inputs[1].value[i];
}

static void reference_batch_norm(const reference_call_t *call)
{
    int64_t columns = reference_last(&call->inputs[0]), rows = reference_rows(&call->inputs[0], 1);
    const double *src = call->inputs[0].value, *weight = reference_optional(call, 3),
                 *bias = reference_optional(call, 4);
    double epsilon = call->attributes->reals[0], momentum = call->attributes->reals[1];
    for (int64_t c = 0; c < columns; c++) {
        double running_mean = call->inputs[1].value[c], running_variance = call->inputs[2].value[c];
        double mean = running_mean, variance = running_variance;
        if (call->attributes->integers[1]) {
            mean = variance = 0;
            for (int64_t r = 0; r < rows; r++)
                mean += src[r * columns + c] / (double)rows;
            for (int64_t r = 0; r < rows; r++)
                variance += pow(src[r * columns + c] - mean, 2) / (double)rows;
            running_mean += momentum * (mean - running_mean);
            running_variance += momentum * (variance * (double)rows / (double)(rows - 1) - running_variance);
        }
        for (int64_t r = 0; r < rows; r++)
            call->outputs[0].value[r * columns + c] = (src[r * columns + c] - mean) / sqrt(variance + epsilon) *
                                                          (weight != NULL ? weight[c] : 1) +
                                                      (bias != NULL ? bias[c] : 0);
        call->outputs[1].value[c] = mean;
        call->outputs[2].value[c] = 1 / sqrt(variance + epsilon);
        call->outputs[3].value[c] = running_mean;
        call->outputs[4].value[c] = running_variance;
    }
}

const reference_entry_t reference_layers[] = {
    {"linear", reference_linear, 2},
    {"matmul", reference_matmul, 1},
    {"softmax", reference_softmax, 1},
    {"log_softmax", reference_log_softmax, 1},
    {"layer_norm", reference_layer_norm, 3},
    {"rms_norm", reference_rms_norm, 2},
    {"attention", reference_attention, 2},
    {"rotary", reference_rotary, 1},
    {"attention_packed", reference_attention_packed, 2},
    {"linear_gradient_src", reference_linear_gradient_src, 1},
    {"layer_norm_gradient", reference_layer_norm_gradient, 3},
    {"rms_norm_gradient", reference_rms_norm_gradient, 2},
    {"batch_norm", reference_batch_norm, 5},
    {"advance", reference_advance, 1},
    {NULL, NULL, 0},
};
