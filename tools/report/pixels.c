#include "pixels.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#ifdef PT__PNG
#include <png.h>
#endif

/* What is averaged along one axis for a pixel: all from `first`, whose part is `before`, to `last`, whose part is
 * `behind`; those between count whole. */
typedef struct span {
    int64_t first, last;
    double before, behind;
} span_t;

static span_t span_of(int64_t at, int64_t count, int64_t source)
{
    const double from = (double)at * (double)source / (double)count,
                 to = (double)(at + 1) * (double)source / (double)count;
    span_t span = {.first = (int64_t)from, .last = (int64_t)ceil(to) - 1};
    span.last = span.last < span.first ? span.first : span.last > source - 1 ? source - 1 : span.last;
    span.before = (double)(span.first + 1) - from;
    span.behind = to - (double)span.last;
    if (span.first == span.last)
        span.before = span.behind = 1;
    return span;
}

static double weight_in(const span_t *span, int64_t at)
{
    return at == span->first ? span->before : at == span->last ? span->behind : 1;
}

/* The average of a rectangle, red, green and blue. */
static void average(const report_picture_t *picture, const span_t *x, const span_t *y, uint8_t rgb[3])
{
    const int64_t step = picture->channels < 3 ? 0 : 1;
    double sums[3] = {0, 0, 0}, weights = 0;
    for (int64_t i = y->first; i <= y->last; i++) {
        const uint8_t *at = picture->bytes + (i * picture->width + x->first) * picture->channels;
        const double height = weight_in(y, i);
        for (int64_t j = x->first; j <= x->last; j++, at += picture->channels) {
            const double weight = height * weight_in(x, j);
            sums[0] += weight * at[0];
            sums[1] += weight * at[step];
            sums[2] += weight * at[2 * step];
            weights += weight;
        }
    }
    for (int channel = 0; channel < 3; channel++)
        rgb[channel] = (uint8_t)lround(sums[channel] / weights);
}

static int pixels_create(int64_t width, int64_t height, pixels_t *out)
{
    *out = (pixels_t){malloc((size_t)(width * height * 3)), width, height};
    return out->bytes ? 0 : -1;
}

void pixels_free(pixels_t *pixels)
{
    free(pixels->bytes);
    pixels->bytes = NULL;
}

int pixels_of_picture(const report_picture_t *picture, int64_t most, pixels_t *out)
{
    const int64_t larger = picture->width > picture->height ? picture->width : picture->height;
    const double scale = larger > most ? (double)most / (double)larger : 1;
    *out = (pixels_t){NULL, 0, 0};
    if (!picture->bytes || picture->width < 1 || picture->height < 1 || picture->channels < 1) {
        errno = EINVAL;
        return -1;
    }
    const int64_t width = (int64_t)fmax(1, round((double)picture->width * scale)),
                  height = (int64_t)fmax(1, round((double)picture->height * scale));
    if (pixels_create(width, height, out) != 0)
        return -1;
    for (int64_t i = 0; i < height; i++) {
        const span_t y = span_of(i, height, picture->height);
        for (int64_t j = 0; j < width; j++) {
            const span_t x = span_of(j, width, picture->width);
            average(picture, &x, &y, out->bytes + (i * width + j) * 3);
        }
    }
    return 0;
}

int pixels_of_filter(const report_filters_t *filters, int64_t output, int64_t most, pixels_t *out)
{
    const int64_t area = filters->height * filters->width, inputs = filters->inputs, channels = inputs == 3 ? 3 : 1;
    const float *weights = filters->weights + output * inputs * area;
    *out = (pixels_t){NULL, 0, 0};
    uint8_t *bytes = malloc((size_t)(area * channels));
    double *values = malloc((size_t)(area * channels) * sizeof *values), least = INFINITY, greatest = -INFINITY;
    int result = -1;
    if (!bytes || !values)
        goto out;
    for (int64_t i = 0; i < area * channels; i++) {
        double value = 0;
        for (int64_t input = i % channels; input < inputs; input += channels)
            value += (double)weights[input * area + i / channels] * (double)channels / (double)inputs;
        if (!isfinite(value)) {
            errno = EDOM;
            goto out;
        }
        values[i] = value;
        least = fmin(least, value);
        greatest = fmax(greatest, value);
    }
    for (int64_t i = 0; i < area * channels; i++)
        bytes[i] = greatest > least ? (uint8_t)lround(255 * (values[i] - least) / (greatest - least)) : 128;
    const report_picture_t picture = {bytes, filters->width, filters->height, channels};
    result = pixels_of_picture(&picture, most, out);
out:
    free(bytes);
    free(values);
    return result;
}

int report_has_png(void)
{
#ifdef PT__PNG
    return 1;
#else
    return 0;
#endif
}

uint8_t *pixels_png(const pixels_t *pixels, size_t *size)
{
#ifdef PT__PNG
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = (png_uint_32)pixels->width,
                       .height = (png_uint_32)pixels->height,
                       .format = PNG_FORMAT_RGB};
    png_alloc_size_t bytes = PNG_IMAGE_PNG_SIZE_MAX(image);
    uint8_t *png = malloc(bytes);
    if (!png)
        return NULL;
    if (!png_image_write_to_memory(&image, png, &bytes, 0, pixels->bytes, 0, NULL)) {
        free(png);
        errno = EIO;
        return NULL;
    }
    *size = bytes;
    return png;
#else
    (void)pixels;
    (void)size;
    errno = ENOTSUP;
    return NULL;
#endif
}

void pixels_base64(FILE *file, const uint8_t *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        const size_t left = size - i;
        const uint32_t three = (uint32_t)bytes[i] << 16 | (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                               (left > 2 ? bytes[i + 2] : 0);
        fputc(digits[three >> 18], file);
        fputc(digits[three >> 12 & 63], file);
        fputc(left > 1 ? digits[three >> 6 & 63] : '=', file);
        fputc(left > 2 ? digits[three & 63] : '=', file);
    }
}
