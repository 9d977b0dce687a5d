/* Double-precision references of all public ops; see reference.h. Attributes are read by the places that the ops' files document. */
#include "ops/reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/kernels.h"

static const double pi = 3.14159265358979323846;

int64_t reference_elements(const reference_tensor_t *tensor)
{
    int64_t elements = 1;
    for (int32_t i = 0; i < tensor->rank; i++)
        elements *= tensor->size[i];
    return elements;
}

static int64_t last(const reference_tensor_t *tensor)
{
    return tensor->size[tensor->rank - 1];
}

static int64_t rows_of(const reference_tensor_t *tensor, int32_t trailing)
{
    int64_t rows = 1;
    for (int32_t i = 0; i < tensor->rank - trailing; i++)
        rows *= tensor->size[i];
    return rows;
}

static const double *optional(const reference_call_t *call, int32_t input)
{
    return input < call->n_inputs ? call->inputs[input].value : NULL;
}

static double sigmoid(double x)
{
    return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x));
}

static double unary(pt__unary_t kind, double x)
{
    switch (kind) {
    case PT__UNARY_RELU: return x > 0 ? x : 0;
    case PT__UNARY_GELU_TANH: return 0.5 * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x * x * x)));
    case PT__UNARY_GELU_ERF: return 0.5 * x * (1 + erf(x / sqrt(2.0)));
    case PT__UNARY_SILU: return x * sigmoid(x);
    case PT__UNARY_TANH: return tanh(x);
    case PT__UNARY_SIGMOID: return sigmoid(x);
    case PT__UNARY_EXP: return exp(x);
    case PT__UNARY_LOG: return log(x);
    default: return NAN;
    }
}

static void map(const reference_call_t *call, pt__unary_t kind)
{
    int64_t n = reference_elements(&call->outputs[0]);
    for (int64_t i = 0; i < n; i++)
        call->outputs[0].value[i] = unary(kind, call->inputs[0].value[i]);
}

static void reference_relu(const reference_call_t *call) { map(call, PT__UNARY_RELU); }
static void reference_gelu(const reference_call_t *call) { map(call, PT__UNARY_GELU_ERF); }
static void reference_gelu_tanh(const reference_call_t *call) { map(call, PT__UNARY_GELU_TANH); }
static void reference_silu(const reference_call_t *call) { map(call, PT__UNARY_SILU); }
static void reference_tanh(const reference_call_t *call) { map(call, PT__UNARY_TANH); }
static void reference_sigmoid(const reference_call_t *call) { map(call, PT__UNARY_SIGMOID); }
static void reference_exp(const reference_call_t *call) { map(call, PT__UNARY_EXP); }
static void reference_log(const reference_call_t *call) { map(call, PT__UNARY_LOG); }

/* One row times a weight [O, I] or [I, O]. */
static double product(const double *row, const double *weight, int64_t inputs, int64_t outputs, int64_t o, int32_t in_out)
{
    double sum = 0;
    for (int64_t i = 0; i < inputs; i++)
        sum += row[i] * (in_out ? weight[i * outputs + o] : weight[o * inputs + i]);
    return sum;
}

static void reference_linear(const reference_call_t *call)
{
    int64_t inputs = last(&call->inputs[0]), outputs = last(&call->outputs[0]), rows = rows_of(&call->inputs[0], 1);
    int64_t activation = call->attributes->integers[0];
    const double *bias = optional(call, 2), *residual = optional(call, 3);
    for (int64_t r = 0; r < rows; r++)
        for (int64_t o = 0; o < outputs; o++) {
            int64_t at = r * outputs + o;
            double sum = product(call->inputs[0].value + r * inputs, call->inputs[1].value, inputs, outputs, o, call->attributes->integers[1] != 0);
            sum += bias != NULL ? bias[o] : 0;
            call->outputs[1].value[at] = sum;
            call->outputs[0].value[at] = (activation == 0 ? sum : unary((pt__unary_t)(activation - 1), sum)) + (residual != NULL ? residual[at] : 0);
        }
}

static void reference_matmul(const reference_call_t *call)
{
    const reference_tensor_t *a = &call->inputs[0], *b = &call->inputs[1], *dst = &call->outputs[0];
    int32_t a_transposed = call->attributes->integers[0] != 0, b_transposed = call->attributes->integers[1] != 0;
    int64_t m = dst->size[dst->rank - 2], n = last(dst), k = a->size[a->rank - (a_transposed ? 2 : 1)], count = rows_of(dst, 2);
    for (int64_t p = 0; p < count; p++) {
        const double *left = a->value + (a->rank > 2 ? p * m * k : 0), *right = b->value + (b->rank > 2 ? p * k * n : 0);
        for (int64_t i = 0; i < m; i++)
            for (int64_t j = 0; j < n; j++) {
                double sum = 0;
                for (int64_t l = 0; l < k; l++)
                    sum += (a_transposed ? left[l * m + i] : left[i * k + l]) * (b_transposed ? right[j * k + l] : right[l * n + j]);
                dst->value[(p * m + i) * n + j] = sum;
            }
    }
}

static void pick_rows(const reference_tensor_t *table, const reference_tensor_t *index, const reference_tensor_t *dst)
{
    int64_t rows = reference_elements(index), columns = reference_elements(table) / table->size[0];
    for (int64_t r = 0; r < rows; r++)
        memcpy(dst->value + r * columns, table->value + (int64_t)index->value[r] * columns, (size_t)columns * sizeof(double));
}

static void reference_embedding(const reference_call_t *call) { pick_rows(&call->inputs[1], &call->inputs[0], &call->outputs[0]); }
static void reference_gather(const reference_call_t *call) { pick_rows(&call->inputs[0], &call->inputs[1], &call->outputs[0]); }

static void reference_positions(const reference_call_t *call)
{
    for (int64_t s = 0; s < call->samples; s++)
        for (int32_t t = call->offsets[s]; t < call->offsets[s + 1]; t++)
            call->outputs[0].value[t] = t - call->offsets[s];
}

/* Place in an operand of the element of dst with these coordinates, by NumPy's rule. */
static int64_t broadcast_place(const reference_tensor_t *operand, const reference_tensor_t *dst, const int64_t *at)
{
    int64_t place = 0;
    for (int32_t i = 0; i < operand->rank; i++) {
        int64_t coordinate = at[dst->rank - operand->rank + i];
        place = place * operand->size[i] + (operand->size[i] == 1 ? 0 : coordinate);
    }
    return place;
}

static void coordinates(const reference_tensor_t *tensor, int64_t place, int64_t *at)
{
    for (int32_t i = tensor->rank - 1; i >= 0; i--) {
        at[i] = place % tensor->size[i];
        place /= tensor->size[i];
    }
}

static void binary(const reference_call_t *call, pt__binary_t kind)
{
    const reference_tensor_t *dst = &call->outputs[0];
    int64_t n = reference_elements(dst), at[PT_MAX_RANK];
    for (int64_t i = 0; i < n; i++) {
        coordinates(dst, i, at);
        double a = call->inputs[0].value[broadcast_place(&call->inputs[0], dst, at)], b = call->inputs[1].value[broadcast_place(&call->inputs[1], dst, at)];
        dst->value[i] = kind == PT__BINARY_ADD ? a + b : kind == PT__BINARY_SUB ? a - b : kind == PT__BINARY_MUL ? a * b : a / b;
    }
}

static void reference_add(const reference_call_t *call) { binary(call, PT__BINARY_ADD); }
static void reference_sub(const reference_call_t *call) { binary(call, PT__BINARY_SUB); }
static void reference_mul(const reference_call_t *call) { binary(call, PT__BINARY_MUL); }
static void reference_div(const reference_call_t *call) { binary(call, PT__BINARY_DIV); }

static void reference_scale(const reference_call_t *call)
{
    int64_t n = reference_elements(&call->outputs[0]);
    for (int64_t i = 0; i < n; i++)
        call->outputs[0].value[i] = call->inputs[0].value[i] * call->attributes->reals[0];
}

static void reference_dropout(const reference_call_t *call)
{
    int64_t n = reference_elements(&call->outputs[0]);
    for (int64_t i = 0; i < n; i++)
        call->outputs[0].value[i] = call->inputs[0].value[i] * call->mask[i];
}

static double log_sum_exp(const double *row, int64_t columns)
{
    double maximum = -INFINITY, sum = 0;
    for (int64_t c = 0; c < columns; c++)
        maximum = fmax(maximum, row[c]);
    for (int64_t c = 0; c < columns; c++)
        sum += exp(row[c] - maximum);
    return maximum + log(sum);
}

static void softmax(const reference_call_t *call, int32_t is_log)
{
    int64_t columns = last(&call->inputs[0]), rows = rows_of(&call->inputs[0], 1);
    for (int64_t r = 0; r < rows; r++) {
        const double *src = call->inputs[0].value + r * columns;
        double sum = log_sum_exp(src, columns);
        for (int64_t c = 0; c < columns; c++)
            call->outputs[0].value[r * columns + c] = is_log ? src[c] - sum : exp(src[c] - sum);
    }
}

static void reference_softmax(const reference_call_t *call) { softmax(call, 0); }
static void reference_log_softmax(const reference_call_t *call) { softmax(call, 1); }

static void normalize(const reference_call_t *call, int32_t centred)
{
    int64_t columns = last(&call->inputs[0]), rows = rows_of(&call->inputs[0], 1);
    const double *weight = optional(call, 1), *bias = centred ? optional(call, 2) : NULL;
    for (int64_t r = 0; r < rows; r++) {
        const double *src = call->inputs[0].value + r * columns;
        double mean = 0, square = 0;
        for (int64_t c = 0; centred && c < columns; c++)
            mean += src[c] / (double)columns;
        for (int64_t c = 0; c < columns; c++)
            square += (src[c] - mean) * (src[c] - mean) / (double)columns;
        double inverse = 1 / sqrt(square + call->attributes->reals[0]);
        for (int64_t c = 0; c < columns; c++)
            call->outputs[0].value[r * columns + c] = (src[c] - mean) * inverse * (weight != NULL ? weight[c] : 1) + (bias != NULL ? bias[c] : 0);
        if (centred)
            call->outputs[1].value[r] = mean;
        call->outputs[centred ? 2 : 1].value[r] = inverse;
    }
}

static void reference_layer_norm(const reference_call_t *call) { normalize(call, 1); }
static void reference_rms_norm(const reference_call_t *call) { normalize(call, 0); }

/* Where q, k, v of a row begin, and how far apart the rows are. */
typedef struct heads {
    const double *q, *k, *v, *mask;
    int64_t q_stride, kv_stride, heads, kv_heads, width;
} heads_t;

/* One query of one head, over the keys first .. end - 1. */
static void attend(const reference_call_t *call, const heads_t *heads, int64_t row, int64_t head, int64_t first, int64_t end)
{
    double scale = call->attributes->reals[0] != 0 ? call->attributes->reals[0] : 1 / sqrt((double)heads->width);
    int64_t kv = head / (heads->heads / heads->kv_heads) * heads->width, keys = end - first;
    double *score = malloc((size_t)(keys > 0 ? keys : 1) * sizeof *score);
    const double *q = heads->q + row * heads->q_stride + head * heads->width;
    for (int64_t i = 0; i < keys; i++) {
        const double *k = heads->k + (first + i) * heads->kv_stride + kv;
        int32_t hidden = (call->attributes->integers[2] != 0 && first + i > row) || (heads->mask != NULL && heads->mask[first + i] == 0);
        score[i] = hidden ? -INFINITY : 0;
        for (int64_t w = 0; w < heads->width && !hidden; w++)
            score[i] += scale * q[w] * k[w];
    }
    double maximum = -INFINITY;
    for (int64_t i = 0; i < keys; i++)
        maximum = fmax(maximum, score[i]);
    double log_sum = isinf(maximum) ? -INFINITY : log_sum_exp(score, keys);
    double *dst = call->outputs[0].value + (row * heads->heads + head) * heads->width;
    for (int64_t w = 0; w < heads->width; w++) {
        dst[w] = 0;
        for (int64_t i = 0; i < keys && !isinf(maximum); i++)
            dst[w] += exp(score[i] - log_sum) * heads->v[(first + i) * heads->kv_stride + kv + w];
    }
    call->outputs[1].value[row * heads->heads + head] = log_sum;
    free(score);
}

static void attend_all(const reference_call_t *call, const heads_t *heads)
{
    const reference_tensor_t *like = &call->inputs[0];
    int64_t samples = like->rank == 3 ? like->size[0] : call->samples;
    for (int64_t s = 0; s < samples; s++) {
        int64_t first = like->rank == 3 ? s * like->size[1] : call->offsets[s], end = like->rank == 3 ? first + like->size[1] : call->offsets[s + 1];
        for (int64_t row = first; row < end; row++)
            for (int64_t head = 0; head < heads->heads; head++)
                attend(call, heads, row, head, first, end);
    }
}

static void reference_attention(const reference_call_t *call)
{
    heads_t heads = {.q = call->inputs[0].value, .k = call->inputs[1].value, .v = call->inputs[2].value, .mask = optional(call, 3),
                     .q_stride = last(&call->inputs[0]), .kv_stride = last(&call->inputs[1]),
                     .heads = call->attributes->integers[0], .kv_heads = call->attributes->integers[1]};
    heads.width = heads.q_stride / heads.heads;
    attend_all(call, &heads);
}

static void reference_attention_packed(const reference_call_t *call)
{
    heads_t heads = {.q = call->inputs[0].value, .mask = optional(call, 1), .q_stride = last(&call->inputs[0]), .kv_stride = last(&call->inputs[0]),
                     .heads = call->attributes->integers[0], .kv_heads = call->attributes->integers[1]};
    heads.width = heads.q_stride / (heads.heads + 2 * heads.kv_heads);
    heads.k = heads.q + heads.heads * heads.width;
    heads.v = heads.k + heads.kv_heads * heads.width;
    attend_all(call, &heads);
}

static void reference_reshape(const reference_call_t *call)
{
    memcpy(call->outputs[0].value, call->inputs[0].value, (size_t)reference_elements(&call->outputs[0]) * sizeof(double));
}

static void reference_transpose(const reference_call_t *call)
{
    const reference_tensor_t *src = &call->inputs[0], *dst = &call->outputs[0];
    int64_t n = reference_elements(dst), at[PT_MAX_RANK], from[PT_MAX_RANK] = {0};
    for (int64_t i = 0; i < n; i++) {
        coordinates(dst, i, at);
        for (int32_t d = 0; d < dst->rank; d++)
            from[call->attributes->integers[d]] = at[d];
        dst->value[i] = src->value[broadcast_place(src, src, from)];
    }
}

static int32_t dimension_of(const reference_call_t *call, const reference_tensor_t *tensor)
{
    int64_t dimension = call->attributes->integers[0];
    return (int32_t)(dimension < 0 ? dimension + tensor->rank : dimension);
}

/* dst's element at these coordinates is src's with `shift` added in one dimension. */
static void reference_slice(const reference_call_t *call)
{
    const reference_tensor_t *src = &call->inputs[0], *dst = &call->outputs[0];
    int64_t n = reference_elements(dst), at[PT_MAX_RANK];
    for (int64_t i = 0; i < n; i++) {
        coordinates(dst, i, at);
        at[dimension_of(call, src)] += call->attributes->integers[1];
        int64_t place = 0;
        for (int32_t d = 0; d < src->rank; d++)
            place = place * src->size[d] + at[d];
        dst->value[i] = src->value[place];
    }
}

static void reference_concat(const reference_call_t *call)
{
    const reference_tensor_t *dst = &call->outputs[0];
    int32_t dimension = dimension_of(call, dst);
    int64_t start = 0, at[PT_MAX_RANK];
    for (int32_t k = 0; k < call->n_inputs; k++) {
        const reference_tensor_t *src = &call->inputs[k];
        int64_t n = reference_elements(src);
        for (int64_t i = 0; i < n; i++) {
            coordinates(src, i, at);
            at[dimension] += start;
            int64_t place = 0;
            for (int32_t d = 0; d < dst->rank; d++)
                place = place * dst->size[d] + at[d];
            dst->value[place] = src->value[i];
        }
        start += src->size[dimension];
    }
}

static void reduce(const reference_call_t *call, pt__reduce_t kind)
{
    const reference_tensor_t *src = &call->inputs[0];
    int32_t first = dimension_of(call, src);
    int64_t outer = 1, middle = 1, inner = 1;
    for (int32_t i = 0; i < src->rank; i++)
        *(i < first ? &outer : i <= first + call->attributes->integers[1] ? &middle : &inner) *= src->size[i];
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < inner; i++) {
            double result = kind == PT__REDUCE_MAX ? -INFINITY : 0;
            int64_t place = 0;
            for (int64_t m = 0; m < middle; m++) {
                double x = src->value[(o * middle + m) * inner + i];
                place = kind == PT__REDUCE_MAX && x > result ? m : place;
                result = kind == PT__REDUCE_MAX ? fmax(result, x) : result + x;
            }
            call->outputs[0].value[o * inner + i] = kind == PT__REDUCE_MEAN ? result / (double)middle : result;
            if (kind == PT__REDUCE_MAX)
                call->outputs[1].value[o * inner + i] = (double)place;
        }
}

static void reference_sum(const reference_call_t *call) { reduce(call, PT__REDUCE_SUM); }
static void reference_mean(const reference_call_t *call) { reduce(call, PT__REDUCE_MEAN); }
static void reference_max(const reference_call_t *call) { reduce(call, PT__REDUCE_MAX); }

static void reference_pool(const reference_call_t *call)
{
    int64_t columns = reference_elements(&call->outputs[0]) / call->outputs[0].size[0], kind = call->attributes->integers[0];
    const double *src = call->inputs[0].value;
    for (int64_t s = 0; s < call->samples; s++)
        for (int64_t c = 0; c < columns; c++) {
            int64_t first = call->offsets[s], end = call->offsets[s + 1];
            double sum = 0, maximum = -INFINITY, result = 0;
            for (int64_t t = first; t < end; t++) {
                sum += src[t * columns + c];
                maximum = fmax(maximum, src[t * columns + c]);
            }
            if (end > first)
                result = kind == PT_POOL_MEAN    ? sum / (double)(end - first)
                         : kind == PT_POOL_FIRST ? src[first * columns + c]
                         : kind == PT_POOL_LAST  ? src[(end - 1) * columns + c]
                         : kind == PT_POOL_SUM   ? sum
                                                 : maximum;
            call->outputs[0].value[s * columns + c] = result;
        }
}

static double element_loss(pt__pointwise_loss_t kind, double number, double x, double t)
{
    double e = fabs(x - t);
    switch (kind) {
    case PT__LOSS_SQUARED: return e * e;
    case PT__LOSS_ABSOLUTE: return e;
    case PT__LOSS_HUBER: return e < number ? e * e / 2 : number * (e - number / 2);
    default: return -(number * t * -log1p(exp(-x)) + (1 - t) * -log1p(exp(x)));
    }
}

static void element_losses(const reference_call_t *call, pt__pointwise_loss_t kind)
{
    int64_t n = reference_elements(&call->inputs[0]);
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += element_loss(kind, call->attributes->reals[0], call->inputs[0].value[i], call->inputs[1].value[i]);
    call->outputs[0].value[0] = n > 0 ? sum / (double)n : 0;
    call->outputs[1].value[0] = (double)n;
}

static void reference_mse_loss(const reference_call_t *call) { element_losses(call, PT__LOSS_SQUARED); }
static void reference_l1_loss(const reference_call_t *call) { element_losses(call, PT__LOSS_ABSOLUTE); }
static void reference_huber_loss(const reference_call_t *call) { element_losses(call, PT__LOSS_HUBER); }
static void reference_bce_loss(const reference_call_t *call) { element_losses(call, PT__LOSS_BINARY); }

/* One row's loss and weight by the formulas of op_cross_entropy.c. */
static void row_loss(const reference_call_t *call, const double *logits, int64_t classes, const reference_tensor_t *target, const double *class_weights, int64_t r,
                     double *loss, double *weight)
{
    double smoothing = call->attributes->reals[0], log_sum = log_sum_exp(logits, classes);
    int64_t label = target->is_index ? (int64_t)target->value[r] : -1;
    *loss = *weight = 0;
    if (target->is_index && label == call->attributes->integers[0])
        return;
    *weight = target->is_index && class_weights != NULL ? class_weights[label] : 1;
    for (int64_t c = 0; c < classes; c++) {
        double probability = target->is_index ? c == label : target->value[r * classes + c];
        probability = (1 - smoothing) * probability + smoothing / (double)classes;
        *loss += (class_weights != NULL ? class_weights[c] : 1) * probability * (log_sum - logits[c]);
    }
}

static void mean_of_rows(const reference_call_t *call, double loss, double weight)
{
    call->outputs[0].value[0] = weight > 0 ? loss / weight : 0;
    call->outputs[1].value[0] = weight;
}

static void reference_cross_entropy(const reference_call_t *call)
{
    int64_t classes = last(&call->inputs[0]), rows = rows_of(&call->inputs[0], 1);
    double loss = 0, weight = 0;
    for (int64_t r = 0; r < rows; r++) {
        double row, row_weight;
        row_loss(call, call->inputs[0].value + r * classes, classes, &call->inputs[1], optional(call, 2), r, &row, &row_weight);
        loss += row;
        weight += row_weight;
    }
    mean_of_rows(call, loss, weight);
}

static void reference_linear_cross_entropy(const reference_call_t *call)
{
    int64_t width = last(&call->inputs[0]), rows = rows_of(&call->inputs[0], 1), classes = call->inputs[1].size[0];
    const double *bias = optional(call, 3);
    double loss = 0, weight = 0, *logits = malloc((size_t)classes * sizeof *logits);
    for (int64_t r = 0; r < rows; r++) {
        double row, row_weight;
        for (int64_t c = 0; c < classes; c++)
            logits[c] = product(call->inputs[0].value + r * width, call->inputs[1].value, width, classes, c, 0) + (bias != NULL ? bias[c] : 0);
        row_loss(call, logits, classes, &call->inputs[2], optional(call, 4), r, &row, &row_weight);
        loss += row;
        weight += row_weight;
    }
    free(logits);
    mean_of_rows(call, loss, weight);
}

static void reference_sample_count(const reference_call_t *call)
{
    call->outputs[0].value[0] = (double)call->samples;
}

static void reference_correct_count(const reference_call_t *call)
{
    int64_t classes = last(&call->inputs[0]), rows = rows_of(&call->inputs[0], 1);
    double correct = 0, counted = 0;
    for (int64_t r = 0; r < rows; r++) {
        const double *logits = call->inputs[0].value + r * classes;
        int64_t label = (int64_t)call->inputs[1].value[r], best = 0;
        for (int64_t c = 1; c < classes; c++)
            best = logits[c] > logits[best] ? c : best;
        counted += label != call->attributes->integers[0];
        correct += label != call->attributes->integers[0] && label == best;
    }
    call->outputs[0].value[0] = correct;
    call->outputs[1].value[0] = counted;
}

/* ---- Gradients' ops, where the planner uses them as no gradient rule does ---- */

static void reference_linear_gradient_src(const reference_call_t *call)
{
    int64_t outputs = last(&call->inputs[0]), inputs = last(&call->outputs[0]), rows = rows_of(&call->inputs[0], 1);
    pt__unary_t kind = (pt__unary_t)(call->attributes->integers[0] - 1);
    for (int64_t r = 0; r < rows; r++)
        for (int64_t i = 0; i < inputs; i++) {
            double sum = product(call->inputs[0].value + r * outputs, call->inputs[1].value, outputs, inputs, i, call->attributes->integers[1] == 0);
            double z = call->inputs[2].value[r * inputs + i], step = 1e-6;
            call->outputs[0].value[r * inputs + i] = sum * (unary(kind, z + step) - unary(kind, z - step)) / (2 * step);
        }
}

/* d_src and the sums over rows d_weight and d_bias, from the statistics as they are given. */
static void normalize_gradient(const reference_call_t *call, int32_t centred)
{
    int64_t columns = last(&call->inputs[1]), rows = rows_of(&call->inputs[1], 1);
    const double *weight = optional(call, centred ? 4 : 3), *residual = optional(call, centred ? 5 : 4);
    for (int32_t o = 1; o < call->n_outputs; o++)
        memset(call->outputs[o].value, 0, (size_t)columns * sizeof(double));
    for (int64_t r = 0; r < rows; r++) {
        const double *d_dst = call->inputs[0].value + r * columns, *src = call->inputs[1].value + r * columns;
        double inverse = call->inputs[2].value[r], mean = centred ? call->inputs[3].value[r] : 0, mean_g = 0, mean_gn = 0;
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
            call->outputs[0].value[r * columns + c] = inverse * (g - mean_g - n * mean_gn) + (residual != NULL ? residual[r * columns + c] : 0);
        }
    }
}

static void reference_layer_norm_gradient(const reference_call_t *call) { normalize_gradient(call, 1); }
static void reference_rms_norm_gradient(const reference_call_t *call) { normalize_gradient(call, 0); }

static void reference_scale_by(const reference_call_t *call)
{
    const double *denominator = optional(call, 2);
    double factor = call->inputs[1].value[0] / (denominator != NULL ? denominator[0] : 1);
    for (int64_t i = 0; i < reference_elements(&call->outputs[0]); i++)
        call->outputs[0].value[i] = denominator != NULL && denominator[0] == 0 ? 0 : call->inputs[0].value[i] * factor;
}

static const struct {
    const char *op;
    reference_fn run;
    int32_t n_outputs;
} references[] = {
    {"linear", reference_linear, 2},
    {"matmul", reference_matmul, 1},
    {"embedding", reference_embedding, 1},
    {"gather", reference_gather, 1},
    {"positions", reference_positions, 1},
    {"add", reference_add, 1},
    {"sub", reference_sub, 1},
    {"mul", reference_mul, 1},
    {"div", reference_div, 1},
    {"scale", reference_scale, 1},
    {"relu", reference_relu, 1},
    {"gelu", reference_gelu, 1},
    {"gelu_tanh", reference_gelu_tanh, 1},
    {"silu", reference_silu, 1},
    {"tanh", reference_tanh, 1},
    {"sigmoid", reference_sigmoid, 1},
    {"exp", reference_exp, 1},
    {"log", reference_log, 1},
    {"softmax", reference_softmax, 1},
    {"log_softmax", reference_log_softmax, 1},
    {"layer_norm", reference_layer_norm, 3},
    {"rms_norm", reference_rms_norm, 2},
    {"dropout", reference_dropout, 1},
    {"attention", reference_attention, 2},
    {"attention_packed", reference_attention_packed, 2},
    {"reshape", reference_reshape, 1},
    {"transpose", reference_transpose, 1},
    {"slice", reference_slice, 1},
    {"concat", reference_concat, 1},
    {"sum", reference_sum, 1},
    {"mean", reference_mean, 1},
    {"max", reference_max, 2},
    {"pool", reference_pool, 1},
    {"mse_loss", reference_mse_loss, 2},
    {"l1_loss", reference_l1_loss, 2},
    {"huber_loss", reference_huber_loss, 2},
    {"bce_loss", reference_bce_loss, 2},
    {"cross_entropy_loss", reference_cross_entropy, 2},
    {"linear_cross_entropy_loss", reference_linear_cross_entropy, 2},
    {"sample_count", reference_sample_count, 1},
    {"correct_count", reference_correct_count, 2},
    {"linear_gradient_src", reference_linear_gradient_src, 1},
    {"layer_norm_gradient", reference_layer_norm_gradient, 3},
    {"rms_norm_gradient", reference_rms_norm_gradient, 2},
    {"scale_by", reference_scale_by, 1},
    {"accumulate_gradient", reference_reshape, 1},
};

reference_fn reference_find(const char *op, int32_t *n_outputs)
{
    for (size_t i = 0; i < sizeof references / sizeof references[0]; i++)
        if (strcmp(references[i].op, op) == 0) {
            *n_outputs = references[i].n_outputs;
            return references[i].run;
        }
    return NULL;
}
