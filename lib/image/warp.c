/* Mirrors and affine maps; see edit.h. */
#include <math.h>
#include <string.h>

#include "image/edit.h"

void pt__picture_flip_horizontally(const pt__picture_t *picture)
{
    const int32_t channels = picture->channels;
    for (int32_t y = 0; y < picture->height; y++) {
        uint8_t *left = pt__picture_row(picture, y), *right = left + (int64_t)(picture->width - 1) * channels;
        for (; left < right; left += channels, right -= channels)
            for (int32_t c = 0; c < channels; c++) {
                const uint8_t kept = left[c];
                left[c] = right[c];
                right[c] = kept;
            }
    }
}

void pt__picture_flip_vertically(const pt__picture_t *picture)
{
    for (int32_t y = 0; y < picture->height / 2; y++) {
        uint8_t *above = pt__picture_row(picture, y), *below = pt__picture_row(picture, picture->height - 1 - y);
        for (int32_t x = 0; x < picture->width * picture->channels; x++) {
            const uint8_t kept = above[x];
            above[x] = below[x];
            below[x] = kept;
        }
    }
}

enum { FRACTION = 16 /* bits of a place */ };

static int64_t fixed(double place)
{
    return (int64_t)floor(place * (1 << FRACTION) + 0.5);
}

pt_status_t pt__picture_warp(pt__memory_t *memory, const pt__picture_t *picture, const double m[6])
{
    const int32_t channels = picture->channels;
    const int64_t bytes = (int64_t)picture->width * channels;
    uint8_t *copy;
    PT__TRY(pt__allocate_uninitialised(memory, (size_t)picture->height, (size_t)bytes, "copy of a picture", &copy));
    for (int32_t y = 0; y < picture->height; y++)
        memcpy(copy + y * bytes, pt__picture_row(picture, y), (size_t)bytes);
    int64_t begin_x = fixed(m[2] + m[0] * 0.5 + m[1] * 0.5), begin_y = fixed(m[5] + m[3] * 0.5 + m[4] * 0.5);
    const int64_t across_x = fixed(m[0]), across_y = fixed(m[3]), down_x = fixed(m[1]), down_y = fixed(m[4]);
    const int64_t beyond_x = (int64_t)picture->width << FRACTION, beyond_y = (int64_t)picture->height << FRACTION;
    for (int32_t y = 0; y < picture->height; y++, begin_x += down_x, begin_y += down_y) {
        uint8_t *out = pt__picture_row(picture, y);
        int64_t at_x = begin_x, at_y = begin_y;
        for (int32_t x = 0; x < picture->width; x++, at_x += across_x, at_y += across_y, out += channels) {
            if (at_x < 0 || at_x >= beyond_x || at_y < 0 || at_y >= beyond_y)
                memset(out, 0, (size_t)channels);
            else
                memcpy(out, copy + (at_y >> FRACTION) * bytes + (at_x >> FRACTION) * channels, (size_t)channels);
        }
    }
    pt__release(memory, copy);
    return PT_OK;
}
