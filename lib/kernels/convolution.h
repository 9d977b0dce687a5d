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

/* Elements of a row that offsets count. */
static inline int64_t pt__convolution_line(const pt__convolution_t *convolution, const int64_t size[2])
{
    return convolution->ragged == 1 ? size[1] : 1;
}

/* Elements of src and dst that a channel has: the rows of a product. */
static inline int64_t pt__convolution_src_rows(const pt__convolution_t *convolution)
{
    if (convolution->offsets != NULL)
        return convolution->offsets[convolution->samples] * pt__convolution_line(convolution, convolution->src_size);
    return convolution->samples * convolution->src_size[0] * convolution->src_size[1];
}

static inline int64_t pt__convolution_dst_rows(const pt__convolution_t *convolution)
{
    if (convolution->offsets != NULL)
        return convolution->dst_offsets[convolution->samples] *
               pt__convolution_line(convolution, convolution->dst_size);
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
            (!convolution->ragged && convolution->src_size[i] != convolution->dst_size[i]))
            return 0;
    return convolution->groups == 1 && pt__convolution_src_rows(convolution) == pt__convolution_dst_rows(convolution);
}

enum { PT__DEPTHWISE_TAPS = 64, PT__DEPTHWISE_CHANNELS = 1 << 16 }; /* at most */

/* Each channel by itself. */
static inline int32_t pt__convolution_is_depthwise(const pt__convolution_t *convolution)
{
    return convolution->groups == convolution->channels && convolution->groups == convolution->outputs &&
           convolution->groups > 1 && convolution->groups <= PT__DEPTHWISE_CHANNELS &&
           convolution->kernel[0] <= PT__DEPTHWISE_TAPS &&
           convolution->kernel[1] <= PT__DEPTHWISE_TAPS / convolution->kernel[0];
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

/* ---- Winograd's F(4x4, 3x3): dst in tiles of 4x4 elements, each from 36 products ---- */

enum {
    PT__WINOGRAD_TILE = 4,                /* elements of a tile along an axis, */
    PT__WINOGRAD_SQUARE = 36,             /* and its products */
    PT__WINOGRAD_CHANNELS = 8,            /* fewer of src or dst gain nothing; */
    PT__WINOGRAD_CHANNELS_MOST = 4096,    /* of more, of both, a worker's scratch has no room for a tile */
    PT__WINOGRAD_OWN_TILES = 16,          /* where a worker's own scratch has room for so many, it takes them alone; */
    PT__WINOGRAD_SHARED_FLOATS = 8 << 20, /* else all work on as many as fit here, */
    PT__WINOGRAD_SUM_FLOATS = 4 << 20,    /* and sums of a gradient that are made side by side take so much at most */
    PT__WINOGRAD_PAD = 16                 /* floats between products: not into the same cache sets */
};

static inline int64_t pt__winograd_tiles(const pt__convolution_t *convolution, const int64_t size[2])
{
    return convolution->samples * ((size[0] + PT__WINOGRAD_TILE - 1) / PT__WINOGRAD_TILE) *
           ((size[1] + PT__WINOGRAD_TILE - 1) / PT__WINOGRAD_TILE);
}

/* Kernels of 3x3 without stride, over pictures that fill most of their tiles. */
static inline int32_t pt__convolution_is_winograd(const pt__convolution_t *convolution)
{
    int64_t elements = convolution->samples;
    for (int32_t i = 0; i < 2; i++) {
        if (convolution->kernel[i] != 3 || convolution->stride[i] != 1 || convolution->dilation[i] != 1)
            return 0;
        elements *= convolution->dst_size[i];
    }
    return convolution->groups == 1 && !convolution->ragged && convolution->channels >= PT__WINOGRAD_CHANNELS &&
           convolution->outputs >= PT__WINOGRAD_CHANNELS &&
           convolution->channels + convolution->outputs <= PT__WINOGRAD_CHANNELS_MOST &&
           8 * pt__winograd_tiles(convolution, convolution->dst_size) <= elements;
}

/* Floats that one tile takes in each of its two forms, and how many tiles a worker's scratch has room for, beside a
 * tile that lies across the picture's border. */
static inline int64_t pt__winograd_floats(const pt__convolution_t *convolution)
{
    return PT__WINOGRAD_SQUARE * (convolution->channels + convolution->outputs);
}

static inline int64_t pt__winograd_border(const pt__convolution_t *convolution)
{
    return pt__winograd_floats(convolution); /* more than either needs */
}

static inline int64_t pt__winograd_own_tiles(const pt__convolution_t *convolution)
{
    int64_t floats = PT__KERNEL_SCRATCH / (int64_t)sizeof(float) - pt__winograd_border(convolution) -
                     2 * PT__WINOGRAD_SQUARE * PT__WINOGRAD_PAD;
    return floats / pt__winograd_floats(convolution);
}

/* Floats of the tiles that all work on; 0: each worker takes its own. */
static inline int64_t pt__winograd_shared(const pt__convolution_t *convolution, int64_t tiles)
{
    if (pt__winograd_own_tiles(convolution) >= PT__WINOGRAD_OWN_TILES)
        return 0;
    int64_t most = PT__WINOGRAD_SHARED_FLOATS / pt__winograd_floats(convolution);
    most = most < tiles ? most : tiles;
    return (most < 1 ? 1 : most) * pt__winograd_floats(convolution) + 2 * PT__WINOGRAD_SQUARE * PT__WINOGRAD_PAD;
}

static inline int64_t pt__winograd_parts(const pt__convolution_t *convolution, int64_t tiles)
{
    if (pt__winograd_shared(convolution, tiles) > 0)
        return 1;
    int64_t fitting = PT__WINOGRAD_SUM_FLOATS / (PT__WINOGRAD_SQUARE * convolution->channels * convolution->outputs);
    int64_t parts = tiles / PT__WINOGRAD_OWN_TILES;
    parts = parts < fitting ? parts : fitting;
    return parts < 1 ? 1 : parts < PT__CONVOLUTION_PARTS ? parts : PT__CONVOLUTION_PARTS;
}

/* ---- Bytes of scratch of each of the three kernels ---- */

/* size: of the pictures that are written; depth, columns: of a group, of what is read and written. */
static inline int64_t pt__convolution_scratch_for(const pt__convolution_t *convolution, const int64_t size[2],
                                                  int64_t depth, int64_t columns)
{
    int32_t is_winograd = pt__convolution_is_winograd(convolution);
    int64_t squares = is_winograd ? PT__WINOGRAD_SQUARE : pt__convolution_taps(convolution);
    int64_t floats = pt__convolution_turned(convolution->groups, squares * depth, columns);
    if (is_winograd)
        floats += pt__winograd_shared(convolution, pt__winograd_tiles(convolution, size));
    return (int64_t)sizeof(float) * floats;
}

static inline int64_t pt__convolution_scratch(const pt__convolution_t *convolution)
{
    return pt__convolution_scratch_for(convolution, convolution->dst_size, convolution->channels / convolution->groups,
                                       convolution->outputs / convolution->groups);
}

static inline int64_t pt__convolution_gradient_src_scratch(const pt__convolution_t *convolution)
{
    return pt__convolution_scratch_for(convolution, convolution->src_size, convolution->outputs / convolution->groups,
                                       convolution->channels / convolution->groups);
}

/* rows: of dst, of all samples */
static inline int64_t pt__convolution_gradient_weight_scratch(const pt__convolution_t *convolution, int64_t rows)
{
    int64_t weight = convolution->outputs * (convolution->channels / convolution->groups);
    int64_t floats = pt__convolution_parts(convolution, rows) * weight * pt__convolution_taps(convolution);
    if (pt__convolution_is_winograd(convolution)) {
        int64_t tiles = pt__winograd_tiles(convolution, convolution->dst_size);
        floats = pt__winograd_parts(convolution, tiles) * weight * PT__WINOGRAD_SQUARE +
                 pt__winograd_shared(convolution, tiles);
    }
    return (int64_t)sizeof(float) * floats;
}

#endif
