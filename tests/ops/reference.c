/* Double-precision references of all public ops; see reference.h. Attributes are read by the places that the ops'
 * files document. Here: elementwise ops, what moves or picks elements, reductions. */
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

int64_t reference_last(const reference_tensor_t *tensor)
{
    return tensor->size[tensor->rank - 1];
}

int64_t reference_rows(const reference_tensor_t *tensor, int32_t trailing)
{
    int64_t rows = 1;
    for (int32_t i = 0; i < tensor->rank - trailing; i++)
        rows *= tensor->size[i];
    return rows;
}

const double *reference_optional(const reference_call_t *call, int32_t input)
{
    return input < call->n_inputs ? call->inputs[input].value : NULL;
}

static double sigmoid(double x)
{
    return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x));
}

double reference_unary(pt__unary_t kind, double x)
{
    switch (kind) {
    case PT__UNARY_RELU:
        return x > 0 ? x : 0;
    case PT__UNARY_GELU_TANH:
        return 0.5 * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x * x * x)));
    case PT__UNARY_GELU_ERF:
        return 0.5 * x * (1 + erf(x / sqrt(2.0)));
    case PT__UNARY_SILU:
        return x * sigmoid(x);
    case PT__UNARY_TANH:
        return tanh(x);
    case PT__UNARY_SIGMOID:
        return sigmoid(x);
    case PT__UNARY_RELU6:
        return fmin(fmax(x, 0), 6);
    case PT__UNARY_HARDSWISH:
        return x * fmin(fmax(x + 3, 0), 6) / 6;
    case PT__UNARY_EXP:
        return exp(x);
    case PT__UNARY_LOG:
        return log(x);
    default:
        return NAN;
    }
}

static void map(const reference_call_t *call, pt__unary_t kind)
{
    int64_t n = reference_elements(&call->outputs[0]);
    for (int64_t i = 0; i < n; i++)
        call->outputs[0].value[i] = reference_unary(kind, call->inputs[0].value[i]);
}

static void reference_relu(const reference_call_t *call)
{
    map(call, PT__UNARY_RELU);
}
static void reference_relu6(const reference_call_t *call)
{
    map(call, PT__UNARY_RELU6);
}
static void reference_hardswish(const reference_call_t *call)
{
    map(call, PT__UNARY_HARDSWISH);
}
static void reference_gelu(const reference_call_t *call)
{
    map(call, PT__UNARY_GELU_ERF);
}
static void reference_gelu_tanh(const reference_call_t *call)
{
    map(call, PT__UNARY_GELU_TANH);
}
static void reference_silu(const reference_call_t *call)
{
    map(call, PT__UNARY_SILU);
}
static void reference_tanh(const reference_call_t *call)
{
    map(call, PT__UNARY_TANH);
}
static void reference_sigmoid(const reference_call_t *call)
{
    map(call, PT__UNARY_SIGMOID);
}
static void reference_exp(const reference_call_t *call)
{
    map(call, PT__UNARY_EXP);
}
static void reference_log(const reference_call_t *call)
{
    map(call, PT__UNARY_LOG);
}

static void pick_rows(const reference_tensor_t *table, const reference_tensor_t *index, const reference_tensor_t *dst)
{
    int64_t rows = reference_elements(index), columns = reference_elements(table) / table->size[0];
    for (int64_t r = 0; r < rows; r++)
        memcpy(dst->value + r * columns, table->value + (int64_t)index->value[r] * columns,
               (size_t)columns * sizeof(double));
}

static void reference_embedding(const reference_call_t *call)
{
    pick_rows(&call->inputs[1], &call->inputs[0], &call->outputs[0]);
}
static void reference_gather(const reference_call_t *call)
{
    pick_rows(&call->inputs[0], &call->inputs[1], &call->outputs[0]);
}

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
        double a = call->inputs[0].value[broadcast_place(&call->inputs[0], dst, at)],
               b = call->inputs[1].value[broadcast_place(&call->inputs[1], dst, at)];
        dst->value[i] = kind == PT__BINARY_ADD   ? a + b
                        : kind == PT__BINARY_SUB ? a - b
                        : kind == PT__BINARY_MUL ? a * b
                                                 : a / b;
    }
}

static void reference_add(const reference_call_t *call)
{
    binary(call, PT__BINARY_ADD);
}
static void reference_sub(const reference_call_t *call)
{
    binary(call, PT__BINARY_SUB);
}
static void reference_mul(const reference_call_t *call)
{
    binary(call, PT__BINARY_MUL);
}
static void reference_div(const reference_call_t *call)
{
    binary(call, PT__BINARY_DIV);
}

static void reference_scale(const reference_call_t *call)
{
    int64_t n = reference_elements(&call->outputs[0]);
    for (int64_t i = 0; i < n; i++)
        call->outputs[0].value[i] = call->inputs[0].value[i] * call->attributes->reals[0];
}

static void reference_gated(const reference_call_t *call)
{
    for (int64_t i = 0; i < reference_elements(&call->outputs[0]); i++)
        call->outputs[0].value[i] = reference_unary((pt__unary_t)call->attributes->integers[0],
                                                    call->inputs[0].value[i]) *
                                    call->inputs[1].value[i];
}

static void reference_dropout(const reference_call_t *call)
{
    int64_t n = reference_elements(&call->outputs[0]);
    for (int64_t i = 0; i < n; i++)
        call->outputs[0].value[i] = call->inputs[0].value[i] * call->mask[i];
}

static void reference_reshape(const reference_call_t *call)
{
    memcpy(call->outputs[0].value, call->inputs[0].value,
           (size_t)reference_elements(&call->outputs[0]) * sizeof(double));
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

static void reference_split(const reference_call_t *call)
{
    const reference_tensor_t *src = &call->inputs[0];
    int32_t dimension = dimension_of(call, src);
    int64_t start = 0, at[PT_MAX_RANK];
    for (int32_t k = 0; k < call->n_outputs; k++) {
        const reference_tensor_t *dst = &call->outputs[k];
        int64_t n = reference_elements(dst);
        for (int64_t i = 0; i < n; i++) {
            coordinates(dst, i, at);
            at[dimension] += start;
            int64_t place = 0;
            for (int32_t d = 0; d < src->rank; d++)
                place = place * src->size[d] + at[d];
            dst->value[i] = src->value[place];
        }
        start += dst->size[dimension];
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

static void reference_sum(const reference_call_t *call)
{
    reduce(call, PT__REDUCE_SUM);
}
static void reference_mean(const reference_call_t *call)
{
    reduce(call, PT__REDUCE_MEAN);
}
static void reference_max(const reference_call_t *call)
{
    reduce(call, PT__REDUCE_MAX);
}

static void reference_pool(const reference_call_t *call)
{
    int64_t columns = reference_elements(&call->outputs[0]) / call->outputs[0].size[0],
            kind = call->attributes->integers[0];
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

static void reference_stack_rows(const reference_call_t *call)
{
    int64_t count = call->attributes->integers[0], wide = reference_last(&call->outputs[0]), columns = wide / count,
            row = 0;
    for (int64_t s = 0; s < call->samples; s++) {
        int64_t length = call->offsets[s + 1] - call->offsets[s];
        for (int64_t t = 0; t < (length + count - 1) / count * count; t++)
            for (int64_t c = 0; c < columns; c++)
                call->outputs[0].value[row * wide + t * columns + c] =
                    t < length ? call->inputs[0].value[(call->offsets[s] + t) * columns + c] : 0;
        row += (length + count - 1) / count;
    }
}

static void reference_scale_by(const reference_call_t *call)
{
    const double *denominator = reference_optional(call, 2);
    double factor = call->inputs[1].value[0] / (denominator != NULL ? denominator[0] : 1);
    for (int64_t i = 0; i < reference_elements(&call->outputs[0]); i++)
        call->outputs[0].value[i] = denominator != NULL && denominator[0] == 0 ? 0 : call->inputs[0].value[i] * factor;
}

static void reference_hardtanh(const reference_call_t *call)
{
    const double *bounds = call->attributes->reals;
    for (int64_t i = 0; i < reference_elements(&call->outputs[0]); i++)
        call->outputs[0].value[i] = fmin(fmax(call->inputs[0].value[i], bounds[0]), bounds[1]);
}

static const reference_entry_t references[] = {
    {"embedding", reference_embedding, 1},
    {"gather", reference_gather, 1},
    {"positions", reference_positions, 1},
    {"add", reference_add, 1},
    {"sub", reference_sub, 1},
    {"mul", reference_mul, 1},
    {"div", reference_div, 1},
    {"scale", reference_scale, 1},
    {"relu", reference_relu, 1},
    {"relu6", reference_relu6, 1},
    {"hardswish", reference_hardswish, 1},
    {"hardtanh", reference_hardtanh, 1},
    {"gelu", reference_gelu, 1},
    {"gelu_tanh", reference_gelu_tanh, 1},
    {"silu", reference_silu, 1},
    {"tanh", reference_tanh, 1},
    {"sigmoid", reference_sigmoid, 1},
    {"exp", reference_exp, 1},
    {"log", reference_log, 1},
    {"gated", reference_gated, 1},
    {"dropout", reference_dropout, 1},
    {"reshape", reference_reshape, 1},
    {"cast", reference_reshape, 1},
    {"transpose", reference_transpose, 1},
    {"slice", reference_slice, 1},
    {"split", reference_split, PT__MAX_OUTPUTS},
    {"concat", reference_concat, 1},
    {"sum", reference_sum, 1},
    {"mean", reference_mean, 1},
    {"max", reference_max, 2},
    {"pool", reference_pool, 1},
    {"stack_rows", reference_stack_rows, 1},
    {"scale_by", reference_scale_by, 1},
    {"accumulate_gradient", reference_reshape, 1},
    {"update_state", reference_reshape, 1},
    {NULL, NULL, 0},
};

reference_fn reference_find(const char *op, int32_t *n_outputs)
{
    const reference_entry_t *const tables[] = {references, reference_layers, reference_convolutions, reference_losses,
                                               reference_pictures, reference_recurrences};
    for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++)
        for (const reference_entry_t *entry = tables[t]; entry->op != NULL; entry++)
            if (strcmp(entry->op, op) == 0) {
                *n_outputs = entry->n_outputs;
                return entry->run;
            }
    return NULL;
}
