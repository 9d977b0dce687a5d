/* Filters of fixed size, in whole numbers; see edit.h. */
#include <math.h>
#include <string.h>

#include "image/edit.h"

static pt_status_t copy_pixels(pt__memory_t *memory, const pt__picture_t *picture, pt__picture_t *copy)
{
    *copy = *picture;
    copy->stride = (int64_t)picture->width * picture->channels;
    PT__TRY(pt__allocate_uninitialised(memory, (size_t)picture->height, (size_t)copy->stride, "copy of a picture",
                                       &copy->pixels));
    for (int32_t y = 0; y < picture->height; y++)
        memcpy(pt__picture_row(copy, y), pt__picture_row(picture, y), (size_t)copy->stride);
    return PT_OK;
}

/* Plain is the mean with the eight around it, itself five times as much; pixels at the edge stay. */
pt_status_t pt__picture_sharpness(pt__memory_t *memory, const pt__picture_t *picture, float factor)
{
    pt__picture_t copy;
    const int32_t channels = picture->channels;
    PT__TRY(copy_pixels(memory, picture, &copy));
    for (int32_t y = 1; y < picture->height - 1; y++) {
        const uint8_t *above = pt__picture_row(&copy, y - 1), *here = pt__picture_row(&copy, y),
                      *below = pt__picture_row(&copy, y + 1);
        uint8_t *out = pt__picture_row(picture, y);
        for (int32_t x = channels; x < (picture->width - 1) * channels; x++) {
            const int32_t left = x - channels, right = x + channels;
            const int32_t sum = above[left] + above[x] + above[right] + here[left] + 5 * here[x] + here[right] +
                                below[left] + below[x] + below[right];
            out[x] = pt__picture_blend((2 * sum + 13) / 26, here[x], factor);
        }
    }
    pt__release(memory, copy.pixels);
    return PT_OK;
}

/* ---- Blur ---- */

enum { BITS = 14 /* of a weight's fraction; 8 more of what is between the two directions */, MIDDLE_BITS = 6 };

/* The place that stands for `at` where it is beyond the edges. */
static int32_t mirrored(int32_t at, int32_t size)
{
    while (at < 0 || at >= size) {
        if (size == 1)
            return 0;
        at = at < 0 ? -at : 2 * (size - 1) - at;
    }
    return at;
}

static void make_weights(int32_t size, double deviation, int32_t *weights)
{
    double sum = 0;
    int32_t left = 1 << BITS;
    for (int32_t i = 0; i < size; i++) {
        const double x = (i - size / 2) / deviation;
        sum += exp(-0.5 * x * x);
    }
    for (int32_t i = 0; i < size; i++) {
        const double x = (i - size / 2) / deviation;
        weights[i] = (int32_t)(exp(-0.5 * x * x) / sum * (1 << BITS) + 0.5);
        left -= weights[i];
    }
    weights[size / 2] += left; /* one gray stays that gray */
}

/* Across one row, into numbers with a fraction of MIDDLE_BITS. places: [width + size - 1] */
static void blur_row(const pt__picture_t *picture, int32_t y, const int32_t *weights, int32_t size,
                     const int32_t *places, uint16_t *out)
{
    const uint8_t *row = pt__picture_row(picture, y);
    const int32_t channels = picture->channels;
    for (int32_t x = 0; x < picture->width; x++)
        for (int32_t c = 0; c < channels; c++) {
            int32_t sum = 1 << (BITS - MIDDLE_BITS - 1);
            for (int32_t k = 0; k < size; k++)
                sum += weights[k] * row[places[x + k] * channels + c];
            *out++ = (uint16_t)(sum >> (BITS - MIDDLE_BITS));
        }
}

pt_status_t pt__picture_blur(pt__memory_t *memory, const pt__picture_t *picture, int32_t size, double deviation)
{
    const int64_t bytes = (int64_t)picture->width * picture->channels;
    int32_t *weights = NULL, *places = NULL, *sums = NULL;
    uint16_t *rows = NULL;
    pt_status_t status;
    PT__TRY_OUT(pt__allocate_uninitialised(memory, (size_t)size, sizeof *weights, "weights of a blur", &weights));
    PT__TRY_OUT(pt__allocate_uninitialised(memory, (size_t)picture->width + (size_t)size, sizeof *places,
                                           "places of a blur", &places));
    PT__TRY_OUT(pt__allocate_uninitialised(memory, (size_t)bytes, sizeof *sums, "row of a blur", &sums));
    PT__TRY_OUT(pt__allocate_uninitialised(memory, (size_t)picture->height, (size_t)bytes * sizeof *rows,
                                           "rows of a blur", &rows));
    make_weights(size, deviation, weights);
    for (int32_t i = 0; i < picture->width + size - 1; i++)
        places[i] = mirrored(i - size / 2, picture->width);
    for (int32_t y = 0; y < picture->height; y++)
        blur_row(picture, y, weights, size, places, rows + y * bytes);
    for (int32_t y = 0; y < picture->height; y++) {
        uint8_t *out = pt__picture_row(picture, y);
        for (int64_t x = 0; x < bytes; x++)
            sums[x] = 1 << (BITS + MIDDLE_BITS - 1);
        for (int32_t k = 0; k < size; k++) {
            const uint16_t *row = rows + mirrored(y + k - size / 2, picture->height) * bytes;
            for (int64_t x = 0; x < bytes; x++)
                sums[x] += weights[k] * row[x];
        }
        for (int64_t x = 0; x < bytes; x++)
            out[x] = (uint8_t)(sums[x] >> (BITS + MIDDLE_BITS));
    }
out:
    pt__release(memory, weights);
    pt__release(memory, places);
    pt__release(memory, sums);
    pt__release(memory, rows);
    return status;
}
