/* References of the ops that look at neighbouring pixels; see reference.h. A length is a picture of one row. */
#include "ops/reference.h"

#include <math.h>

typedef struct picture { /* [count, height, width, channels] */
    int64_t count, height, width, channels;
} picture_t;

static picture_t picture_of(const reference_tensor_t *tensor)
{
    const int64_t *size = tensor->size;
    if (tensor->rank == 3)
        return (picture_t){size[0], 1, size[1], size[2]};
    return (picture_t){size[0], size[1], size[2], size[3]};
}

static int64_t place(const picture_t *picture, int64_t n, int64_t y, int64_t x, int64_t c)
{
    return ((n * picture->height + y) * picture->width + x) * picture->channels + c;
}

/* ---- Pooling over windows ---- */

enum { STRIDE = 2, DILATION = 4, PADDING = 6, FLAGS = 10, DIVISOR, ADAPTIVE };

/* Where place k of window i lies on an axis of n places, of m windows. -1: nowhere. *counts: whether a mean that counts
 * padding counts it. axis: -1 is the one that a length does not have. */
static int64_t window_place(const int64_t *integers, int32_t axis, int64_t n, int64_t m, int64_t i, int64_t k,
                            int32_t *counts)
{
    int64_t at = k;
    *counts = 0;
    if (axis >= 0 && integers[ADAPTIVE]) {
        double begin = floor((double)(i * n) / (double)m), end = ceil((double)((i + 1) * n) / (double)m);
        at = (int64_t)begin + k;
        *counts = (double)at < end;
        return *counts ? at : -1;
    }
    if (axis >= 0) {
        if (k >= integers[axis])
            return -1;
        at = i * integers[STRIDE + axis] - integers[PADDING + 2 * axis] + k * integers[DILATION + axis];
        *counts = at < n + integers[PADDING + 2 * axis + 1];
    } else
        *counts = k == 0;
    return at >= 0 && at < n ? at : -1;
}

/* No window of the axis has more places. */
static int64_t most_places(const int64_t *integers, int32_t axis, int64_t n, int64_t m)
{
    if (axis < 0)
        return 1;
    return integers[ADAPTIVE] ? n / m + 2 : integers[axis];
}

static void pool(const reference_call_t *call, int32_t is_max)
{
    const int64_t *integers = call->attributes->integers;
    picture_t src = picture_of(&call->inputs[0]), dst = picture_of(&call->outputs[0]);
    int32_t rows = call->inputs[0].rank == 4 ? 0 : -1, columns = rows + 1;
    for (int64_t i = 0; i < reference_elements(&call->outputs[0]); i++) {
        int64_t c = i % dst.channels, x = i / dst.channels % dst.width, y = i / dst.channels / dst.width % dst.height,
                n = i / dst.channels / dst.width / dst.height;
        double best = -INFINITY, best_place = 0, sum = 0, there = 0, counted = 0;
        for (int64_t down = 0; down < most_places(integers, rows, src.height, dst.height); down++)
            for (int64_t across = 0; across < most_places(integers, columns, src.width, dst.width); across++) {
                int32_t row_counts, column_counts;
                int64_t row = window_place(integers, rows, src.height, dst.height, y, down, &row_counts),
                        column = window_place(integers, columns, src.width, dst.width, x, across, &column_counts);
                counted += row_counts && column_counts;
                if (row < 0 || column < 0)
                    continue;
                double value = call->inputs[0].value[place(&src, n, row, column, c)];
                if (value > best) {
                    best = value;
                    best_place = there;
                }
                sum += value;
                there++;
            }
        double count = integers[FLAGS] & PT_POOL_EXCLUDE_PADDING ? there : counted;
        count = integers[DIVISOR] > 0 ? (double)integers[DIVISOR] : count;
        call->outputs[0].value[i] = is_max ? best : sum / count;
        if (is_max)
            call->outputs[1].value[i] = best_place;
    }
}

static void reference_max_pool(const reference_call_t *call)
{
    pool(call, 1);
}

static void reference_average_pool(const reference_call_t *call)
{
    pool(call, 0);
}

/* ---- Padding and upsampling ---- */

/* The value at a place of an axis of n places of which m become: its neighbours and the second one's share; first -1:
 * none. given: the attributes from the axis' on. */
static double neighbours(int64_t kind, const int64_t *given, int64_t n, int64_t m, int64_t i, int64_t *first,
                         int64_t *second)
{
    int64_t place = i - given[0], last = n - 1;
    double at;
    *second = 0;
    switch (kind) {
    case PT__PIXELS_CONSTANT:
        *first = place < 0 || place > last ? -1 : place;
        return 0;
    case PT__PIXELS_REFLECT:
        *first = place < 0 ? -place : place > last ? last - (place - last) : place;
        return 0;
    case PT__PIXELS_REPLICATE:
        *first = place < 0 ? 0 : place > last ? last : place;
        return 0;
    case PT__PIXELS_CIRCULAR:
        for (*first = place; *first < (int64_t)fmax(0, ceil(-(double)given[0]));)
            *first += n + (int64_t)(fmin((double)given[0], 0) + fmin((double)given[1], 0));
        while ((double)*first > (double)last + fmin((double)given[1], 0))
            *first -= n + (int64_t)(fmin((double)given[0], 0) + fmin((double)given[1], 0));
        return 0;
    case PT__PIXELS_NEAREST:
        *first = i * n / m;
        return 0;
    case PT__PIXELS_LINEAR:
        at = fmax(((double)i + 0.5) * (double)n / (double)m - 0.5, 0);
        break;
    default:
        at = m > 1 ? (double)i * (double)last / (double)(m - 1) : 0;
    }
    *first = (int64_t)at < last ? (int64_t)at : last;
    *second = *first < last ? *first + 1 : last;
    return at - (double)*first;
}

static void reference_pixels(const reference_call_t *call)
{
    picture_t src = picture_of(&call->inputs[0]), dst = picture_of(&call->outputs[0]);
    int64_t kind = call->attributes->integers[0], one[2] = {0, 0};
    const int64_t *given = call->attributes->integers + 1, *down = call->inputs[0].rank == 4 ? given : one,
                  *across = call->inputs[0].rank == 4 ? given + 2 : given;
    for (int64_t i = 0; i < reference_elements(&call->outputs[0]); i++) {
        int64_t c = i % dst.channels, x = i / dst.channels % dst.width, y[2], z[2],
                row = i / dst.channels / dst.width % dst.height, n = i / dst.channels / dst.width / dst.height;
        double value = 0, share[2] = {neighbours(kind, down, src.height, dst.height, row, &y[0], &y[1]),
                                      neighbours(kind, across, src.width, dst.width, x, &z[0], &z[1])};
        for (int32_t k = 0; k < 4 && y[0] >= 0 && z[0] >= 0; k++)
            value += (k / 2 ? share[0] : 1 - share[0]) * (k % 2 ? share[1] : 1 - share[1]) *
                     call->inputs[0].value[place(&src, n, y[k / 2], z[k % 2], c)];
        call->outputs[0].value[i] = y[0] < 0 || z[0] < 0 ? call->attributes->reals[0] : value;
    }
}

/* ---- Norms ---- */

static void reference_group_norm(const reference_call_t *call)
{
    const reference_tensor_t *src = &call->inputs[0];
    int64_t columns = reference_last(src), groups = call->outputs[1].size[1], width = columns / groups,
            samples = src->size[0], rows = reference_rows(src, 1) / (samples > 0 ? samples : 1);
    const double *weight = reference_optional(call, 1), *bias = reference_optional(call, 2);
    for (int64_t i = 0; i < samples * groups; i++) {
        int64_t sample = i / groups, first = i % groups * width;
        double mean = 0, variance = 0, n = (double)(rows * width);
        for (int32_t pass = 0; pass < 3; pass++) {
            double inverse = 1 / sqrt(variance + call->attributes->reals[0]);
            for (int64_t k = 0; k < rows * width; k++) {
                int64_t c = first + k % width, at = (sample * rows + k / width) * columns + c;
                double value = src->value[at];
                if (pass == 0)
                    mean += value / n;
                else if (pass == 1)
                    variance += (value - mean) * (value - mean) / n;
                else
                    call->outputs[0].value[at] = (value - mean) * inverse * (weight != NULL ? weight[c] : 1) +
                                                 (bias != NULL ? bias[c] : 0);
            }
            call->outputs[1].value[i] = mean;
            call->outputs[2].value[i] = inverse;
        }
    }
}

const reference_entry_t reference_pictures[] = {
    {"max_pool", reference_max_pool, 2}, {"average_pool", reference_average_pool, 1}, {"pad", reference_pixels, 1},
    {"upsample", reference_pixels, 1},   {"group_norm", reference_group_norm, 3},     {NULL, NULL, 0},
};
