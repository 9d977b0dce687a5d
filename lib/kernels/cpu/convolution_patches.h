/* Patches: for each element of a picture, side by side, those of another picture that a kernel's taps read for it. For
 * the files convolution*.c. */
#ifndef PT__CONVOLUTION_PATCHES_H
#define PT__CONVOLUTION_PATCHES_H

#include "kernels/convolution.h"

enum {
    PT__PATCH_DEPTH = 512,    /* of a pass, as of a matrix product's */
    PT__PATCH_ROWS = 256,     /* of a strip, at most, */
    PT__PATCH_ROWS_LEAST = 48 /* and where the strips would be fewer than there may be threads */
};

/* One of the two axes. Element i of what is written stands at first + i * step; its tap t reads from + i * stride + t *
 * spread, and is the weight's tap + t * tap_step. */
typedef struct pt__axis {
    int64_t count, first, step;
    int64_t from, stride, spread;
    int64_t taps, tap, tap_step;
} pt__axis_t;

typedef struct pt__patches {
    pt__axis_t axis[2];
    int64_t samples;
    int64_t size[2];         /* of a picture that is read, */
    int64_t channels, group; /* its channels, and those of a group */
    const float *src;
} pt__patches_t;

/* A part of a patch: some taps' channels, or some channels of one tap. */
typedef struct pt__patch_pass {
    int64_t tap, taps, channel, channels;
} pt__patch_pass_t;

static inline int64_t pt__patches_taps(const pt__patches_t *patches)
{
    return patches->axis[0].taps * patches->axis[1].taps;
}

/* How a convolution reads src for dst; and how its gradient reads d_dst for the elements of src at `phase` of each
 * axis' stride. The pictures' sizes come with them, src not. */
void pt__patches_forward(const pt__convolution_t *convolution, pt__patches_t *patches);
void pt__patches_backward(const pt__convolution_t *convolution, const int64_t phase[2], pt__patches_t *patches);

/* One sample of those that lie end to end along an axis, by the offsets of what is read. */
void pt__patches_enter(pt__patches_t *patches, int32_t axis, const int32_t *offsets, int64_t sample);

/* The same of what is written, `move` floats on. */
static inline void pt__product_enter(pt__gemm_t *product, int64_t move)
{
    product->dst += move;
    product->preactivation += product->preactivation ? move : 0;
    product->residual += product->residual ? move : 0;
    product->slope_source += product->slope_source ? move : 0;
}

int64_t pt__patches_passes(const pt__patches_t *patches);
pt__patch_pass_t pt__patches_pass(const pt__patches_t *patches, int64_t index);

/* The patches of elements first .. first + rows - 1, counted through all samples, `stride` floats apart. */
void pt__patches_fill(const pt__patches_t *patches, const pt__patch_pass_t *pass, int64_t group, int64_t first,
                      int64_t rows, float *dst, int64_t stride);

#endif
