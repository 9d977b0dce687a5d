/* What the kernels of convolution need beside their operands: for the ops that lay it out, and for devices. Everything
 * follows from the shape, so that a plan knows it. */
#ifndef PT__CONVOLUTION_H
#define PT__CONVOLUTION_H

#include "kernels/kernels.h"

enum {
    PT__CONVOLUTION_PANEL = 32,           /* columns that a turned weight is filled up to, at most */
    PT__CONVOLUTION_PARTS = 16,           /* sums of a weight's gradient that are made side by side, at most, */
    PT__CONVOLUTION_PART_ROWS = 64,       /* of so many rows at least, */
    PT__CONVOLUTION_PART_FLOATS = 1 << 20 /* in so much memory, where one of them has room in it */
};

/* Elements of src and dst that a channel has: the rows of a product. */
static inline int64_t pt__convolution_src_rows(const pt__convolution_t *convolution)
{
    return convolution->samples * convolution->src_size[0] * convolution->src_size[1];
}

static inline int64_t pt__convolution_dst_rows(const pt__convolution_t *convolution)
{
    return convolution->samples * convolution->dst_size[0] * convolution->dst_size[1];
}

/* Elements of a kernel. */
static inline int64_t pt__convolution_taps(const pt__convolution_t *convolution)
{
    return convolution->kernel[0] * convolution->kernel[1];
}

/* A matrix product as it stands: of rows of channels with a kernel of one element. */
static inline int32_t pt__convolution_is_product(const pt__convolution_t *convolution)
{
    for (int32_t i = 0; i < 2; i++)
        if (convolution->kernel[i] != 1 || convolution->stride[i] != 1 || convolution->padding[i] != 0 ||
            convolution->src_size[i] != convolution->dst_size[i])
            return 0;
    return convolution->groups == 1;
}

/* Floats of a weight that is turned into panels: depth times columns of each group. */
static inline int64_t pt__convolution_turned(int64_t groups, int64_t depth, int64_t columns)
{
    return groups * depth * ((columns + PT__CONVOLUTION_PANEL - 1) / PT__CONVOLUTION_PANEL * PT__CONVOLUTION_PANEL);
}

/* Into how many sums, one beside the other, the rows of a weight's gradient are cut. rows: of dst, all samples. */
static inline int64_t pt__convolution_parts(const pt__convolution_t *convolution, int64_t rows)
{
    int64_t weight = convolution->outputs * (convolution->channels / convolution->groups) *
                     pt__convolution_taps(convolution);
    int64_t parts = rows / PT__CONVOLUTION_PART_ROWS, fitting = PT__CONVOLUTION_PART_FLOATS / weight;
    parts = parts < fitting ? parts : fitting;
    return parts < 1 ? 1 : parts < PT__CONVOLUTION_PARTS ? parts : PT__CONVOLUTION_PARTS;
}

/* Bytes of scratch of each of the three kernels; rows: of dst, of all samples. */
static inline int64_t pt__convolution_scratch(const pt__convolution_t *convolution)
{
    int64_t depth = convolution->channels / convolution->groups * pt__convolution_taps(convolution);
    return (int64_t)sizeof(float) *
           pt__convolution_turned(convolution->groups, depth, convolution->outputs / convolution->groups);
}

static inline int64_t pt__convolution_gradient_src_scratch(const pt__convolution_t *convolution)
{
    int64_t depth = convolution->outputs / convolution->groups * pt__convolution_taps(convolution);
    return (int64_t)sizeof(float) *
           pt__convolution_turned(convolution->groups, depth, convolution->channels / convolution->groups);
}

static inline int64_t pt__convolution_gradient_weight_scratch(const pt__convolution_t *convolution, int64_t rows)
{
    return (int64_t)sizeof(float) * pt__convolution_parts(convolution, rows) * convolution->outputs *
           (convolution->channels / convolution->groups) * pt__convolution_taps(convolution);
}

#endif
