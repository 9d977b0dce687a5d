/* See convolution_patches.h. */
#include "kernels/cpu/convolution_patches.h"

#include <string.h>

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

void pt__patches_forward(const pt__convolution_t *convolution, pt__patches_t *patches)
{
    patches->samples = convolution->samples;
    patches->channels = convolution->channels;
    patches->group = convolution->channels / convolution->groups;
    for (int32_t i = 0; i < 2; i++) {
        patches->size[i] = convolution->src_size[i];
        patches->axis[i] = (pt__axis_t){.count = convolution->dst_size[i],
                                        .step = 1,
                                        .from = -convolution->padding[i],
                                        .stride = convolution->stride[i],
                                        .spread = convolution->dilation[i],
                                        .taps = convolution->kernel[i],
                                        .tap_step = 1};
    }
}

/* Tap k of element y of src was read for element (y + padding - k * dilation) / stride of dst, where that is whole: of
 * elements `stride` apart by the same taps, the last of which reads first. */
static pt__axis_t axis_backward(const pt__convolution_t *convolution, int32_t axis, int64_t phase)
{
    int64_t stride = convolution->stride[axis], dilation = convolution->dilation[axis];
    int64_t size = convolution->src_size[axis], at = phase + convolution->padding[axis];
    pt__axis_t found = {.count = size > phase ? (size - phase + stride - 1) / stride : 0,
                        .first = phase,
                        .step = stride,
                        .stride = 1,
                        .tap = -1};
    for (int64_t k = 0; k < convolution->kernel[axis]; k++) {
        if ((at - k * dilation) % stride != 0)
            continue;
        found.tap_step = found.tap - k;
        found.spread = (k - found.tap) * dilation / stride;
        found.tap = k;
        found.from = (at - k * dilation) / stride;
        found.taps++;
    }
    return found;
}

void pt__patches_backward(const pt__convolution_t *convolution, const int64_t phase[2], pt__patches_t *patches)
{
    patches->samples = convolution->samples;
    patches->channels = convolution->outputs;
    patches->group = convolution->outputs / convolution->groups;
    for (int32_t i = 0; i < 2; i++) {
        patches->size[i] = convolution->dst_size[i];
        patches->axis[i] = axis_backward(convolution, i, phase[i]);
    }
}

void pt__patches_enter(pt__patches_t *patches, int32_t axis, const int32_t *offsets, int64_t sample)
{
    patches->samples = 1;
    patches->size[axis] = offsets[sample + 1] - offsets[sample];
    patches->src += offsets[sample] * (axis == 0 ? patches->size[1] : 1) * patches->channels;
}

/* ---- Passes: as deep as they may be, and nearly equal ---- */

static int64_t passes_a_tap(const pt__patches_t *patches)
{
    return (patches->group + PT__PATCH_DEPTH - 1) / PT__PATCH_DEPTH;
}

int64_t pt__patches_passes(const pt__patches_t *patches)
{
    int64_t taps = pt__patches_taps(patches), each = PT__PATCH_DEPTH / patches->group;
    return each > 1 ? (taps + each - 1) / each : taps * passes_a_tap(patches);
}

pt__patch_pass_t pt__patches_pass(const pt__patches_t *patches, int64_t index)
{
    int64_t taps = pt__patches_taps(patches), passes = pt__patches_passes(patches);
    if (passes <= taps) {
        int64_t begin = taps * index / passes;
        return (pt__patch_pass_t){
            .tap = begin, .taps = taps * (index + 1) / passes - begin, .channels = patches->group};
    }
    int64_t each = passes_a_tap(patches), part = index % each;
    int64_t wide = ((patches->group + each - 1) / each + 15) / 16 * 16, begin = least(part * wide, patches->group);
    return (pt__patch_pass_t){
        .tap = index / each, .taps = 1, .channel = begin, .channels = least(wide, patches->group - begin)};
}

/* ---- Filling ---- */

static float *clear(float *dst, int64_t n)
{
    memset(dst, 0, (size_t)n * sizeof *dst);
    return dst + n;
}

/* `taps` of a row of the picture, from element x on, which may lie outside. */
static float *fill_row(const pt__patches_t *patches, const pt__patch_pass_t *pass, const float *row, int64_t x,
                       int64_t taps, float *dst)
{
    const int64_t width = patches->size[1], spread = patches->axis[1].spread, channels = pass->channels;
    if (spread == 1 && channels == patches->channels) {
        int64_t before = least(most(-x, 0), taps), inside = most(least(width - x, taps), before) - before;
        dst = clear(dst, before * channels);
        memcpy(dst, row + (x + before) * channels, (size_t)(inside * channels) * sizeof *dst);
        return clear(dst + inside * channels, (taps - before - inside) * channels);
    }
    for (int64_t t = 0; t < taps; t++, x += spread, dst += channels)
        if (x < 0 || x >= width)
            clear(dst, channels);
        else
            memcpy(dst, row + x * patches->channels, (size_t)channels * sizeof *dst);
    return dst;
}

void pt__patches_fill(const pt__patches_t *patches, const pt__patch_pass_t *pass, int64_t group, int64_t first,
                      int64_t rows, float *dst, int64_t stride)
{
    const pt__axis_t *down = &patches->axis[0], *along = &patches->axis[1];
    const int64_t height = patches->size[0], line = patches->size[1] * patches->channels;
    int64_t j = first % along->count, i = first / along->count % down->count;
    const float *src = patches->src + first / along->count / down->count * height * line + group * patches->group +
                       pass->channel;
    for (int64_t r = 0; r < rows; r++, dst += stride) {
        float *to = dst;
        for (int64_t tap = pass->tap, end = tap + pass->taps; tap < end;) {
            int64_t down_tap = tap / along->taps, along_tap = tap % along->taps;
            int64_t taps = least(along->taps - along_tap, end - tap);
            int64_t y = down->from + i * down->stride + down_tap * down->spread;
            int64_t x = along->from + j * along->stride + along_tap * along->spread;
            if (y < 0 || y >= height)
                to = clear(to, taps * pass->channels);
            else
                to = fill_row(patches, pass, src + y * line, x, taps, to);
            tap += taps;
        }
        if (++j == along->count) {
            j = 0;
            if (++i == down->count) {
                i = 0;
                src += height * line;
            }
        }
    }
}
