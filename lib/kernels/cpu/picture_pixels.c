/* Pictures of another size, whose pixels are pixels of the source or blends of them: padding and upsampling; and the
 * gradient. Called through the table.
 *
 * Forward, rows of the result are the work that is cut; backward, pictures are, as several pixels may come from one. */
#include <math.h>
#include <string.h>

#include "kernels/cpu/chunks.h"
#include "kernels/cpu/kernels_cpu.h"

typedef struct taps {      /* of a place of the result: places of the source, and how much of each */
    int64_t first, second; /* first -1: none */
    float share;           /* of the second; 0: the first alone */
} taps_t;

/* Between two places of the source, at `at` from its first. */
static taps_t between(float at, int64_t src)
{
    int64_t first = (int64_t)at < src - 1 ? (int64_t)at : src - 1;
    taps_t taps = {first, first + 1 < src ? first + 1 : first, at - (float)first};
    return taps.second == first ? (taps_t){first, first, 0} : taps;
}

static int64_t mirrored(int64_t place, int64_t src)
{
    if (place < 0)
        return -place;
    return place < src ? place : 2 * (src - 1) - place;
}

/* Of what is left of the axis where padding takes off. */
static int64_t wrapped(const pt__pixel_axis_t *axis, int64_t place)
{
    int64_t after = axis->dst - axis->src - axis->before, first = axis->before < 0 ? -axis->before : 0;
    int64_t places = axis->src - first + (after < 0 ? after : 0);
    return first + ((place - first) % places + places) % places;
}

static taps_t taps_of(const pt__pixel_axis_t *axis, pt__pixels_kind_t kind, int64_t i)
{
    int64_t place = i - axis->before;
    float scale = (float)axis->src / (float)axis->dst, at;
    switch (kind) {
    case PT__PIXELS_CONSTANT:
        return (taps_t){place >= 0 && place < axis->src ? place : -1, 0, 0};
    case PT__PIXELS_REFLECT:
        return (taps_t){mirrored(place, axis->src), 0, 0};
    case PT__PIXELS_REPLICATE:
        return (taps_t){place < 0 ? 0 : place < axis->src ? place : axis->src - 1, 0, 0};
    case PT__PIXELS_CIRCULAR:
        return (taps_t){wrapped(axis, place), 0, 0};
    case PT__PIXELS_NEAREST: /* in float, as PyTorch rounds */
        place = (int64_t)floorf((float)i * scale);
        return (taps_t){place < axis->src ? place : axis->src - 1, 0, 0};
    case PT__PIXELS_LINEAR:
        at = ((float)i + 0.5f) * scale - 0.5f;
        return between(at > 0 ? at : 0, axis->src);
    default: /* PT__PIXELS_LINEAR_CORNERS */
        scale = axis->dst > 1 ? (float)(axis->src - 1) / (float)(axis->dst - 1) : 0;
        return between((float)i * scale, axis->src);
    }
}

typedef struct job {
    const pt__vector_map_t *map;
    const pt__pixels_t *pixels;
    const float *d_dst;
    float *d_src;
} job_t;

static int64_t source_size(const pt__pixels_t *pixels)
{
    return pixels->rows.src * pixels->columns.src * pixels->channels;
}

/* How many places from i on come from neighbouring places of the source, one each; 0: i is blended, or none. */
static int64_t run_length(const pt__pixels_t *pixels, int64_t i, taps_t taps)
{
    int64_t length = 1;
    if (taps.first < 0 || taps.share > 0)
        return 0;
    for (; i + length < pixels->columns.dst; length++) {
        taps_t next = taps_of(&pixels->columns, pixels->kind, i + length);
        if (next.first != taps.first + length || next.share > 0)
            break;
    }
    return length;
}

/* The four corners of a blend and their shares. */
static void corners(const pt__pixels_t *pixels, taps_t y, taps_t x, int64_t place[4], float share[4])
{
    int64_t width = pixels->columns.src;
    const int64_t rows[2] = {y.first, y.share > 0 ? y.second : y.first},
                  columns[2] = {x.first, x.share > 0 ? x.second : x.first};
    const float down[2] = {1 - y.share, y.share}, across[2] = {1 - x.share, x.share};
    for (int32_t i = 0; i < 4; i++) {
        place[i] = (rows[i / 2] * width + columns[i % 2]) * pixels->channels;
        share[i] = down[i / 2] * across[i % 2];
    }
}

static void fill_row(const job_t *self, int64_t row, const float *src, float *dst)
{
    const pt__pixels_t *pixels = self->pixels;
    int64_t channels = pixels->channels, place[4];
    taps_t y = taps_of(&pixels->rows, pixels->kind, row);
    float share[4];
    if (y.first < 0) {
        self->map->fill(pixels->columns.dst * channels, pixels->value, dst);
        return;
    }
    for (int64_t i = 0, count; i < pixels->columns.dst; i += count, dst += count * channels) {
        taps_t x = taps_of(&pixels->columns, pixels->kind, i);
        int64_t run = y.share > 0 ? 0 : run_length(pixels, i, x);
        count = run > 0 ? run : 1;
        if (x.first < 0)
            self->map->fill(channels, pixels->value, dst);
        else if (run > 0)
            memcpy(dst, src + (y.first * pixels->columns.src + x.first) * channels,
                   (size_t)(run * channels) * sizeof *dst);
        else {
            corners(pixels, y, x, place, share);
            self->map->scale(channels, share[0], src + place[0], dst);
            for (int32_t k = 1; k < 4; k++)
                if (share[k] != 0)
                    self->map->scale_into(channels, share[k], src + place[k], dst);
        }
    }
}

static void fill_rows(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const job_t *self = argument;
    const pt__pixels_t *pixels = self->pixels;
    (void)chunk, (void)worker;
    for (int64_t i = begin; i < end; i++)
        fill_row(self, i % pixels->rows.dst, pixels->src + i / pixels->rows.dst * source_size(pixels),
                 pixels->dst + i * pixels->columns.dst * pixels->channels);
}

void pt__cpu_pixels(pt__dev device, const pt__pixels_t *pixels)
{
    job_t self = {.map = pt__cpu(device)->vector->map, .pixels = pixels};
    pt__chunks_run(device, pixels->pictures * pixels->rows.dst,
                   pt__chunks_rows(pixels->columns.dst * pixels->channels, PT__CHUNK_CHEAP), fill_rows, &self);
}

static void spread_row(const job_t *self, int64_t row, const float *d_dst, float *d_src)
{
    const pt__pixels_t *pixels = self->pixels;
    int64_t channels = pixels->channels, place[4];
    taps_t y = taps_of(&pixels->rows, pixels->kind, row);
    float share[4];
    for (int64_t i = 0, count; y.first >= 0 && i < pixels->columns.dst; i += count, d_dst += count * channels) {
        taps_t x = taps_of(&pixels->columns, pixels->kind, i);
        int64_t run = y.share > 0 ? 0 : run_length(pixels, i, x);
        count = run > 0 ? run : 1;
        if (run > 0)
            self->map->add_into(run * channels, d_dst, d_src + (y.first * pixels->columns.src + x.first) * channels);
        else if (x.first >= 0) {
            corners(pixels, y, x, place, share);
            for (int32_t k = 0; k < 4; k++)
                if (share[k] != 0)
                    self->map->scale_into(channels, share[k], d_dst, d_src + place[k]);
        }
    }
}

static void spread_pictures(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const job_t *self = argument;
    const pt__pixels_t *pixels = self->pixels;
    int64_t row_size = pixels->columns.dst * pixels->channels;
    (void)chunk, (void)worker;
    for (int64_t i = begin; i < end; i++) {
        float *d_src = self->d_src + i * source_size(pixels);
        self->map->fill(source_size(pixels), 0.0f, d_src);
        for (int64_t row = 0; row < pixels->rows.dst; row++)
            spread_row(self, row, self->d_dst + (i * pixels->rows.dst + row) * row_size, d_src);
    }
}

void pt__cpu_pixels_gradient(pt__dev device, const pt__pixels_t *pixels, const float *d_dst, float *d_src)
{
    job_t self = {.map = pt__cpu(device)->vector->map, .pixels = pixels, .d_dst = d_dst, .d_src = d_src};
    int64_t picture = pixels->rows.dst * pixels->columns.dst * pixels->channels;
    pt__chunks_run(device, pixels->pictures, pt__chunks_rows(picture, PT__CHUNK_CHEAP), spread_pictures, &self);
}
