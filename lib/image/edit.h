/* What is done to pictures in memory. Results are those of Pillow, which torchvision uses on pictures, to the byte
 * unless said otherwise: whole numbers and single precision, rounded as there. Sizes of both pictures are given; they
 * never lie in the same memory unless one picture alone is handed over. */
#ifndef PT__EDIT_H
#define PT__EDIT_H

#include "base/memory.h"
#include "base/bitmap.h"

/* ---- scale.c ---- */

typedef struct pt__scaling {
    double left, top, width, height; /* what is scaled: a part of the picture, also of its pixels */
    int32_t to_width, to_height;     /* to what size */
    int32_t from_left, from_top;     /* where in that begins what is wanted, of the size of the result */
    int32_t filter;                  /* PT_IMAGE_BILINEAR or PT_IMAGE_BICUBIC */
} pt__scaling_t;

/* Every pixel of the picture weighs in by how much of the result's pixel it covers, so that nothing small is lost. */
pt_status_t pt__picture_scale(pt__memory_t *memory, const pt__picture_t *picture, const pt__scaling_t *scaling,
                              const pt__picture_t *out);

/* ---- colors.c: each pixel by itself, in place; a factor of 1 changes nothing ---- */

void pt__picture_brightness(const pt__picture_t *picture, float factor);
void pt__picture_contrast(const pt__picture_t *picture, float factor);
void pt__picture_saturation(const pt__picture_t *picture, float factor);
/* turn: in whole turns of the circle of colors, -0.5 to 0.5. */
void pt__picture_hue(const pt__picture_t *picture, double turn);
void pt__picture_make_gray(const pt__picture_t *picture);
void pt__picture_posterize(const pt__picture_t *picture, int32_t bits);
/* Inverts what is at least the threshold. */
void pt__picture_solarize(const pt__picture_t *picture, double threshold);
void pt__picture_autocontrast(const pt__picture_t *picture);
void pt__picture_equalize(const pt__picture_t *picture);

/* ---- filters.c: each pixel with its neighbours ---- */

pt_status_t pt__picture_sharpness(pt__memory_t *memory, const pt__picture_t *picture, float factor);
/* A Gaussian of `size` (odd) pixels, mirrored at the edges; to within 1 of torchvision's. */
pt_status_t pt__picture_blur(pt__memory_t *memory, const pt__picture_t *picture, int32_t size, double deviation);

/* ---- warp.c: pixels from elsewhere ---- */

void pt__picture_flip_horizontally(const pt__picture_t *picture);
void pt__picture_flip_vertically(const pt__picture_t *picture);
/* The pixel at (x, y) of the result is the one at (m[0] x + m[1] y + m[2], m[3] x + m[4] y + m[5]) of the picture, or
 * black beyond it. */
pt_status_t pt__picture_warp(pt__memory_t *memory, const pt__picture_t *picture, const double m[6]);

/* Blends towards a factor of 1 from `plain`, as all of these do. */
static inline uint8_t pt__picture_blend(int32_t plain, int32_t value, float factor)
{
    const float blended = (float)plain + factor * (float)(value - plain);
    return blended <= 0 ? 0 : blended >= 255 ? 255 : (uint8_t)blended;
}

#endif
