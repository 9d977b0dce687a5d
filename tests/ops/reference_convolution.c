/* References of convolutions, as sums over all that a kernel touches; see reference.h. */
#include "ops/reference.h"

#include <string.h>

/* integers: activation, stride 2, padding 4, dilation 2, groups */
enum { STRIDE = 1, PADDING = 3, DILATION = 7, GROUPS = 9 };

typedef struct axis {
    int64_t size, kernel, stride, before, dilation;
} axis_t;

/* Whether the first axis is that of rows, which stand where pictures are counted. */
static int32_t has_rows(const reference_call_t *call, const reference_tensor_t *picture)
{
    return call->inputs[1].rank > picture->rank;
}

/* The two axes, from the last: a picture of one axis is one row, whose sizes count as the first axis; so are a sample's
 * rows, which are counted later. */
static void read_axes(const reference_call_t *call, const reference_tensor_t *picture, axis_t axes[2])
{
    const int64_t *integers = call->attributes->integers;
    const reference_tensor_t *weight = &call->inputs[1];
    int32_t count = weight->rank - 2;
    axes[0] = axes[1] = (axis_t){1, 1, 1, 0, 1};
    for (int32_t i = 0; i < count; i++)
        axes[2 - count + i] = (axis_t){picture->size[1 - has_rows(call, picture) + i], weight->size[2 + i],
                                       integers[STRIDE + i], integers[PADDING + 2 * i], integers[DILATION + i]};
}

/* One multiplication of a convolution: src and dst are elements of pictures of channels and outputs. */
typedef void (*visit_fn)(const reference_call_t *call, int64_t src, int64_t dst, int64_t weight);

/* Calls visitor for each product of `samples` pictures, whose first rows are these. */
static void visit_pictures(const reference_call_t *call, int64_t samples, const axis_t from[2], const axis_t to[2],
                           int64_t channels, int64_t outputs, int64_t first_src, int64_t first_dst, visit_fn visitor)
{
    int64_t groups = call->attributes->integers[GROUPS], depth = channels / groups, wide = outputs / groups;
    int64_t taps = from[0].kernel * from[1].kernel;
    for (int64_t n = 0; n < samples * to[0].size * to[1].size * taps; n++) {
        int64_t j = n % from[1].kernel, i = n / from[1].kernel % from[0].kernel, x = n / taps % to[1].size,
                y = n / taps / to[1].size % to[0].size, sample = n / taps / to[1].size / to[0].size;
        int64_t at[2] = {y * from[0].stride + i * from[0].dilation - from[0].before,
                         x * from[1].stride + j * from[1].dilation - from[1].before};
        if (at[0] < 0 || at[1] < 0 || at[0] >= from[0].size || at[1] >= from[1].size)
            continue;
        int64_t src = first_src + (sample * from[0].size + at[0]) * from[1].size + at[1];
        int64_t dst = first_dst + (sample * to[0].size + y) * to[1].size + x;
        for (int64_t o = 0; o < outputs; o++)
            for (int64_t c = 0; c < depth; c++)
                visitor(call, src * channels + o / wide * depth + c, dst * outputs + o,
                        (o * depth + c) * taps + n % taps);
    }
}

/* Those of the convolution that makes `dst` of `src`. */
static void visit(const reference_call_t *call, const reference_tensor_t *src, const reference_tensor_t *dst,
                  visit_fn visitor)
{
    axis_t from[2], to[2];
    int64_t channels = reference_last(src), outputs = reference_last(dst);
    read_axes(call, src, from);
    read_axes(call, dst, to);
    if (!has_rows(call, src)) {
        visit_pictures(call, src->size[0], from, to, channels, outputs, 0, 0, visitor);
        return;
    }
    const int32_t *src_rows = call->run->offsets[src->dimension], *dst_rows = call->run->offsets[dst->dimension];
    const int32_t axis = src->rank == 2; /* of rows */
    const int64_t src_line = axis ? 1 : from[1].size, dst_line = axis ? 1 : to[1].size;
    for (int64_t sample = 0; sample < call->samples; sample++) {
        from[axis].size = src_rows[sample + 1] - src_rows[sample];
        to[axis].size = dst_rows[sample + 1] - dst_rows[sample];
        visit_pictures(call, 1, from, to, channels, outputs, src_rows[sample] * src_line, dst_rows[sample] * dst_line,
                       visitor);
    }
}

static void add_forward(const reference_call_t *call, int64_t src, int64_t dst, int64_t weight)
{
    call->outputs[0].value[dst] += call->inputs[0].value[src] * call->inputs[1].value[weight];
}

static void add_backward(const reference_call_t *call, int64_t src, int64_t dst, int64_t weight)
{
    call->outputs[0].value[src] += call->inputs[0].value[dst] * call->inputs[1].value[weight];
}

static void clear(const reference_call_t *call)
{
    memset(call->outputs[0].value, 0, (size_t)reference_elements(&call->outputs[0]) * sizeof(double));
}

static void reference_convolution(const reference_call_t *call)
{
    const double *bias = reference_optional(call, 2), *residual = reference_optional(call, 3);
    int64_t activation = call->attributes->integers[0], outputs = reference_last(&call->outputs[0]);
    double *dst = call->outputs[0].value;
    clear(call);
    visit(call, &call->inputs[0], &call->outputs[0], add_forward);
    for (int64_t i = 0; i < reference_elements(&call->outputs[0]); i++) {
        dst[i] += (bias != NULL ? bias[i % outputs] : 0) + (residual != NULL ? residual[i] : 0);
        call->outputs[1].value[i] = dst[i];
        dst[i] = activation == 0 ? dst[i] : reference_unary((pt__unary_t)activation, dst[i]);
    }
}

static void reference_convolution_transposed(const reference_call_t *call)
{
    const double *bias = reference_optional(call, 2);
    clear(call);
    visit(call, &call->outputs[0], &call->inputs[0], add_backward);
    for (int64_t i = 0; bias != NULL && i < reference_elements(&call->outputs[0]); i++)
        call->outputs[0].value[i] += bias[i % reference_last(&call->outputs[0])];
}

static void reference_convolution_gradient_src(const reference_call_t *call)
{
    const double *slope = reference_optional(call, 2), *residual = reference_optional(call, 3), step = 1e-6;
    pt__unary_t kind = (pt__unary_t)call->attributes->integers[0];
    double *dst = call->outputs[0].value;
    clear(call);
    visit(call, &call->outputs[0], &call->inputs[0], add_backward);
    for (int64_t i = 0; i < reference_elements(&call->outputs[0]); i++) {
        if (slope != NULL)
            dst[i] *= (reference_unary(kind, slope[i] + step) - reference_unary(kind, slope[i] - step)) / (2 * step);
        dst[i] += residual != NULL ? residual[i] : 0;
    }
}

const reference_entry_t reference_convolutions[] = {
    {"convolution", reference_convolution, 2},
    {"convolution_transposed", reference_convolution_transposed, 1},
    {"convolution_gradient_src", reference_convolution_gradient_src, 1},
    {NULL, NULL, 0},
};
