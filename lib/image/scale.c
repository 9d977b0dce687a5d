/* Scaling by a filter that widens with the scale: rows first, then columns, each rounded to bytes, with weights of 22
 * bits; see edit.h. Pillow begins with the columns for some sizes since version 13: then a byte may differ by 1. */
#include <math.h>
#include <string.h>

#include "image/edit.h"
#include "pretrain.h"

enum { BITS = 22 /* of a weight's fraction */, HALF = 1 << (BITS - 1), AT_ONCE = 512 /* bytes of a row */ };

typedef struct weights { /* of one direction */
    int32_t *first;      /* [count] the first pixel that weighs in */
    int32_t *taps;       /* [count] and how many do */
    int32_t *list;       /* [count, most] */
    int32_t count, most;
} weights_t;

static double triangle(double x)
{
    x = fabs(x);
    return x < 1 ? 1 - x : 0;
}

static double cubic(double x)
{
    const double a = -0.5;
    x = fabs(x);
    if (x < 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

static void release_weights(pt__memory_t *memory, weights_t *weights)
{
    pt__release(memory, weights->first);
    pt__release(memory, weights->taps);
    pt__release(memory, weights->list);
}

/* Weights of pixel `at` of the result: from..to of `size` pixels become `steps`. */
static void weigh(weights_t *weights, double *scratch, double center, double support, double stretch, int32_t size,
                  int32_t filter, int32_t i)
{
    const double narrowing = 1 / stretch;
    double sum = 0;
    int32_t begin = (int32_t)(center - support + 0.5), end = (int32_t)(center + support + 0.5);
    begin = begin < 0 ? 0 : begin > size - 1 ? size - 1 : begin;
    end = end > size ? size : end <= begin ? begin + 1 : end;
    for (int32_t x = begin; x < end; x++) {
        const double distance = (x - center + 0.5) * narrowing;
        scratch[x - begin] = filter == PT_IMAGE_BICUBIC ? cubic(distance) : triangle(distance);
        sum += scratch[x - begin];
    }
    weights->first[i] = begin;
    weights->taps[i] = end - begin;
    for (int32_t x = 0; x < end - begin; x++) {
        const double weight = (sum != 0 ? scratch[x] / sum : x == 0) * (1 << BITS);
        weights->list[(int64_t)i * weights->most + x] = (int32_t)(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
}

static pt_status_t make_weights(pt__memory_t *memory, double from, double length, int32_t size, int32_t steps,
                                int32_t skip, int32_t count, int32_t filter, weights_t *out)
{
    const double scale = length / steps, stretch = scale < 1 ? 1 : scale,
                 support = (filter == PT_IMAGE_BICUBIC ? 2 : 1) * stretch;
    double *scratch = NULL;
    pt_status_t status;
    out->count = count;
    out->most = 2 * (int32_t)ceil(support) + 1;
    PT__TRY_OUT(
        pt__allocate_uninitialised(memory, (size_t)count, sizeof *out->first, "weights of pixels", &out->first));
    PT__TRY_OUT(pt__allocate_uninitialised(memory, (size_t)count, sizeof *out->taps, "weights of pixels", &out->taps));
    PT__TRY_OUT(pt__allocate_uninitialised(memory, (size_t)count, (size_t)out->most * sizeof *out->list,
                                           "weights of pixels", &out->list));
    PT__TRY_OUT(pt__allocate_uninitialised(memory, (size_t)out->most, sizeof *scratch, "weights of pixels", &scratch));
    for (int32_t i = 0; i < count; i++)
        weigh(out, scratch, from + (skip + i + 0.5) * scale, support, stretch, size, filter, i);
out:
    pt__release(memory, scratch);
    return status;
}

static uint8_t to_byte(int32_t sum)
{
    sum >>= BITS;
    return (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
}

static void scale_row(const weights_t *weights, int32_t channels, const uint8_t *in, uint8_t *out)
{
    for (int32_t i = 0; i < weights->count; i++, out += channels) {
        const int32_t *weight = weights->list + (int64_t)i * weights->most, taps = weights->taps[i];
        const uint8_t *pixel = in + (int64_t)weights->first[i] * channels;
        int32_t sums[3] = {HALF, HALF, HALF};
        if (channels == 1) {
            for (int32_t x = 0; x < taps; x++)
                sums[0] += pixel[x] * weight[x];
            out[0] = to_byte(sums[0]);
            continue;
        }
        for (int32_t x = 0; x < taps; x++, pixel += 3) {
            sums[0] += pixel[0] * weight[x];
            sums[1] += pixel[1] * weight[x];
            sums[2] += pixel[2] * weight[x];
        }
        for (int32_t c = 0; c < 3; c++)
            out[c] = to_byte(sums[c]);
    }
}

/* Row i of the result, of rows that lie `stride` apart. */
static void add_rows(const weights_t *weights, int32_t i, const uint8_t *rows, int64_t stride, int64_t bytes,
                     uint8_t *out)
{
    int32_t sums[AT_ONCE];
    const int32_t *weight = weights->list + (int64_t)i * weights->most, taps = weights->taps[i];
    for (int64_t begin = 0; begin < bytes; begin += AT_ONCE) {
        const int64_t count = bytes - begin < AT_ONCE ? bytes - begin : AT_ONCE;
        for (int64_t x = 0; x < count; x++)
            sums[x] = HALF;
        for (int32_t k = 0; k < taps; k++) {
            const uint8_t *row = rows + k * stride + begin;
            for (int64_t x = 0; x < count; x++)
                sums[x] += row[x] * weight[k];
        }
        for (int64_t x = 0; x < count; x++)
            out[begin + x] = to_byte(sums[x]);
    }
}

static int32_t is_copy(const pt__picture_t *picture, const pt__scaling_t *scaling)
{
    return scaling->width == scaling->to_width && scaling->height == scaling->to_height &&
           scaling->left == floor(scaling->left) && scaling->top == floor(scaling->top) &&
           scaling->left + scaling->width <= picture->width && scaling->top + scaling->height <= picture->height;
}

pt_status_t pt__picture_scale(pt__memory_t *memory, const pt__picture_t *picture, const pt__scaling_t *scaling,
                              const pt__picture_t *out)
{
    weights_t across = {0}, down = {0};
    uint8_t *rows = NULL;
    const int64_t bytes = (int64_t)out->width * out->channels;
    pt_status_t status = PT_OK;
    if (is_copy(picture, scaling)) {
        const pt__picture_t part = pt__picture_part(picture, (int32_t)scaling->left + scaling->from_left,
                                                    (int32_t)scaling->top + scaling->from_top, out->width, out->height);
        for (int32_t y = 0; y < out->height; y++)
            memcpy(pt__picture_row(out, y), pt__picture_row(&part, y), (size_t)bytes);
        return PT_OK;
    }
    PT__TRY_OUT(make_weights(memory, scaling->left, scaling->width, picture->width, scaling->to_width,
                             scaling->from_left, out->width, scaling->filter, &across));
    PT__TRY_OUT(make_weights(memory, scaling->top, scaling->height, picture->height, scaling->to_height,
                             scaling->from_top, out->height, scaling->filter, &down));
    const int32_t first = down.first[0], last = down.first[down.count - 1] + down.taps[down.count - 1];
    PT__TRY_OUT(pt__allocate_uninitialised(memory, (size_t)(last - first), (size_t)bytes, "rows of a picture", &rows));
    for (int32_t y = first; y < last; y++)
        scale_row(&across, out->channels, pt__picture_row(picture, y), rows + (y - first) * bytes);
    for (int32_t y = 0; y < out->height; y++)
        add_rows(&down, y, rows + (down.first[y] - first) * bytes, bytes, bytes, pt__picture_row(out, y));
out:
    release_weights(memory, &across);
    release_weights(memory, &down);
    pt__release(memory, rows);
    return status;
}
