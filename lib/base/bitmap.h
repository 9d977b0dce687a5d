/* Pictures in memory: what sources of pictures and lib/image/ tell each other. */
#ifndef PT__BITMAP_H
#define PT__BITMAP_H

#include <stdint.h>

typedef struct pt__picture { /* rows from the top, pixels from the left, the channels of each side by side */
    uint8_t *pixels;
    int64_t stride; /* bytes from one row's begin to the next one's */
    int32_t width, height;
    int32_t channels; /* 1: gray; 3: red, green, blue */
} pt__picture_t;

static inline uint8_t *pt__picture_row(const pt__picture_t *picture, int32_t y)
{
    return picture->pixels + y * picture->stride;
}

/* A part of a picture, in place. */
static inline pt__picture_t pt__picture_part(const pt__picture_t *picture, int32_t left, int32_t top, int32_t width,
                                             int32_t height)
{
    pt__picture_t part = *picture;
    part.pixels = pt__picture_row(picture, top) + (int64_t)left * picture->channels;
    part.width = width;
    part.height = height;
    return part;
}

/* The gray of a color, as ITU-R 601 weighs them. */
static inline uint8_t pt__picture_gray(const uint8_t *pixel)
{
    return (uint8_t)((pixel[0] * 19595 + pixel[1] * 38470 + pixel[2] * 7471 + 0x8000) >> 16);
}

#endif
