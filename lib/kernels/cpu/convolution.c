/* Convolution and its gradient by src, cut over the pool: strips of elements, whose patches a worker copies side by
 * side into its scratch, as deep a part of them as a pass of a matrix product, and multiplies there with the weight,
 * which is turned into panels once a call. Called through the table.
 *
 * The gradient by src is a convolution of d_dst, or, where there is a stride, one for each phase of it, with the taps
 * that fall on that phase: nothing is multiplied with zeros in between. A kernel of one element is a matrix product as
 * it stands. */
#include "kernels/cpu/convolution_kinds.h"
#include "kernels/cpu/convolution_patches.h"
#include "kernels/cpu/gemm_job.h"
#include "kernels/cpu/kernels_cpu.h"
#include "kernels/cpu/vector.h"

#include <string.h>

enum {
    STRIP_FLOATS = 150 << 10, /* of a worker's scratch (PT__KERNEL_SCRATCH) */
    PAD = 16,                 /* between patches: not into the same cache sets, and whole vectors may be read */
    ASIDE_COLUMNS = 512,      /* of results that are put in place afterwards */
    TASKS_LEAST = 16
};

typedef struct run {
    pt__cpu_t *cpu;
    const pt__convolution_t *convolution;
    pt__patches_t patches;
    pt__gemm_t product;                  /* all rows of what is written, for the epilogue */
    int64_t size[2];                     /* of a picture that is written, */
    int64_t columns, wide;               /* and its channels, of all groups and of one */
    int64_t depth;                       /* of a group's patches */
    int64_t column_stride, depth_stride; /* in the weight, between a group's columns and between its channels */
    float *turned;
    int64_t panels;              /* of a group */
    int64_t rows, strip, strips; /* with offsets: of the longest sample */
    int64_t samples;             /* that are cut into strips each by itself: with offsets; else all are one */
    int32_t is_backward;
    int32_t aside; /* what is written does not lie row after row */
} run_t;

/* ---- The weight, turned into panels of columns: depth after depth, taps outside, channels inside ---- */

static void turn_task(void *argument, int64_t task, int32_t worker)
{
    const run_t *run = argument;
    const pt__axis_t *down = &run->patches.axis[0], *along = &run->patches.axis[1];
    const int64_t width = run->cpu->micro->columns, group = task / run->panels, panel = task % run->panels;
    const int64_t wide = pt__least(width, run->wide - panel * width), channels = run->patches.group;
    const int64_t whole = run->convolution->outputs / run->convolution->groups *
                          (run->convolution->channels / run->convolution->groups) *
                          pt__convolution_taps(run->convolution);
    const float *src = run->convolution->weight + group * whole + panel * width * run->column_stride;
    float *dst = run->turned + (group * run->panels + panel) * width * run->depth;
    (void)worker;
    for (int64_t c = 0; c < channels; c++)
        for (int64_t i = 0; i < down->taps; i++)
            for (int64_t k = 0; k < along->taps; k++) {
                float *to = dst + ((i * along->taps + k) * channels + c) * width;
                const float *from = src + c * run->depth_stride +
                                    (down->tap + i * down->tap_step) * run->convolution->kernel[1] + along->tap +
                                    k * along->tap_step;
                for (int64_t j = 0; j < width; j++)
                    to[j] = j < wide ? from[j * run->column_stride] : 0.0f;
            }
}

/* ---- Strips ---- */

typedef struct strip { /* rows of results, of one group and some of its columns */
    int64_t first, rows, group, column, columns;
    float *patches, *aside;
    int64_t stride; /* between patches */
} strip_t;

/* Row of what is written that result `index` is. */
static int64_t place(const run_t *run, int64_t index)
{
    const pt__axis_t *down = &run->patches.axis[0], *along = &run->patches.axis[1];
    int64_t j = index % along->count, i = index / along->count % down->count;
    int64_t sample = index / along->count / down->count;
    return (sample * run->size[0] + down->first + i * down->step) * run->size[1] + along->first + j * along->step;
}

/* The columns are taken in blocks that stay in the second-level cache while the strip's rows pass over them. */
static void multiply(const run_t *run, const strip_t *strip, int64_t from, int64_t depth)
{
    const pt__gemm_t *product = &run->product;
    const int64_t width = run->cpu->micro->columns;
    const int64_t step = pt__most(pt__gemm_block_floats(run->cpu) / depth / width * width, width);
    for (int64_t column = strip->column; column < strip->column + strip->columns; column += step) {
        const int64_t at = strip->first * run->columns + strip->group * run->wide + column;
        pt__block_t block = {.rows = strip->rows,
                             .columns = pt__least(step, strip->column + strip->columns - column),
                             .depth = depth,
                             .a = strip->patches,
                             .a_stride = strip->stride,
                             .b = run->turned + (strip->group * run->panels * width + column) * run->depth +
                                  from * width,
                             .b_stride = width,
                             .b_step = width * run->depth,
                             .b_filled = 1,
                             .dst = run->aside ? strip->aside + column - strip->column : product->dst + at,
                             .dst_stride = run->aside ? strip->columns : run->columns};
        if (from > 0)
            block.add = block.dst;
        else if (!run->aside && product->residual != NULL && product->slope_source == NULL)
            block.add = product->residual + at;
        if (from == 0 && product->bias != NULL)
            block.bias = product->bias + strip->group * run->wide + column;
        run->cpu->micro->multiply(&block);
    }
}

/* No tap falls on these. */
static void fill_empty(const run_t *run, const strip_t *strip)
{
    const float *bias = run->product.bias;
    for (int64_t r = 0; r < strip->rows; r++)
        for (int64_t c = 0; c < strip->columns; c++)
            strip->aside[r * strip->columns + c] = bias ? bias[strip->group * run->wide + strip->column + c] : 0.0f;
}

/* Puts the results where they belong, a row at a time, and does what is left of the epilogue. */
static void put_in_place(const run_t *run, const strip_t *strip)
{
    const pt__gemm_t *product = &run->product;
    const int64_t column = strip->group * run->wide + strip->column;
    const int32_t parts = pt__gemm_parts(product) & ~(PT__FINISH_BIAS | PT__FINISH_RESIDUAL);
    for (int64_t r = 0; r < strip->rows; r++) {
        int64_t row = place(run, strip->first + r), at = row * run->columns + column;
        float *sums = strip->aside + r * strip->columns;
        if (product->residual != NULL)
            run->cpu->vector->map->add_into(strip->columns, product->residual + at, sums);
        memcpy(product->dst + at, sums, (size_t)strip->columns * sizeof(float));
        pt__gemm_finish(run->cpu, product, parts, row, 1, column, strip->columns);
    }
}

/* One sample of those that offsets tell apart, as a run of its own. */
static run_t of_sample(const run_t *run, int64_t sample)
{
    const pt__convolution_t *convolution = run->convolution;
    const int32_t *from = run->is_backward ? convolution->dst_offsets : convolution->offsets;
    const int32_t *to = run->is_backward ? convolution->offsets : convolution->dst_offsets;
    const int32_t ragged = convolution->ragged - 1;
    run_t one = *run;
    pt__axis_t *axis = &one.patches.axis[ragged];
    const int64_t size = to[sample + 1] - to[sample];
    const int64_t move = to[sample] * pt__convolution_line(convolution, run->size) * run->columns;
    pt__patches_enter(&one.patches, ragged, from, sample);
    one.size[ragged] = size;
    axis->count = size > axis->first ? pt__ceiling(size - axis->first, axis->step) : 0;
    one.rows = one.patches.axis[0].count * one.patches.axis[1].count;
    pt__product_enter(&one.product, move);
    return one;
}

static void compute_strip(const run_t *run, int64_t first, int64_t group, int32_t worker)
{
    const int64_t most = run->aside ? ASIDE_COLUMNS : run->wide, passes = pt__patches_passes(&run->patches);
    strip_t strip = {.first = first, .group = group};
    strip.rows = pt__least(run->strip, run->rows - strip.first);
    strip.patches = pt__cpu_scratch(&run->cpu->base, worker);
    strip.stride = pt__least(run->depth, PT__PATCH_DEPTH) + PAD;
    strip.aside = strip.patches + run->strip * strip.stride;
    for (strip.column = 0; strip.column < run->wide; strip.column += most) {
        strip.columns = pt__least(most, run->wide - strip.column);
        if (passes == 0)
            fill_empty(run, &strip);
        for (int64_t p = 0, from = 0; p < passes; p++) {
            pt__patch_pass_t pass = pt__patches_pass(&run->patches, p);
            pt__patches_fill(&run->patches, &pass, strip.group, strip.first, strip.rows, strip.patches, strip.stride);
            multiply(run, &strip, from, pass.taps * pass.channels);
            from += pass.taps * pass.channels;
        }
        if (run->aside)
            put_in_place(run, &strip);
    }
    if (!run->aside) {
        int32_t parts = pt__gemm_parts(&run->product) & ~PT__FINISH_BIAS;
        parts &= run->product.slope_source ? parts : ~PT__FINISH_RESIDUAL;
        pt__gemm_finish(run->cpu, &run->product, parts, strip.first, strip.rows, strip.group * run->wide, run->wide);
    }
}

static void strip_task(void *argument, int64_t task, int32_t worker)
{
    const run_t *run = argument;
    const int64_t first = task % run->strips * run->strip, group = task / run->strips / run->samples;
    if (run->convolution->offsets == NULL) {
        compute_strip(run, first, group, worker);
        return;
    }
    const run_t one = of_sample(run, task / run->strips % run->samples);
    if (first < one.rows)
        compute_strip(&one, first, group, worker);
}

static int64_t longest_sample(const run_t *run)
{
    int64_t longest = 0;
    for (int64_t s = 0; s < run->samples; s++)
        longest = pt__most(longest, of_sample(run, s).rows);
    return longest;
}

/* run: patches with their src, product; rows of results follow. */
static void run_strips(run_t *run)
{
    const int64_t width = run->cpu->micro->columns, groups = run->convolution->groups;
    run->depth = pt__patches_taps(&run->patches) * run->patches.group;
    run->panels = pt__ceiling(run->wide, width);
    run->samples = run->convolution->offsets != NULL ? run->convolution->samples : 1;
    run->rows = run->convolution->offsets != NULL
                    ? longest_sample(run)
                    : run->patches.samples * run->patches.axis[0].count * run->patches.axis[1].count;
    if (run->rows == 0)
        return;
    int64_t each = pt__least(run->depth, PT__PATCH_DEPTH) + PAD +
                   (run->aside ? pt__least(run->wide, ASIDE_COLUMNS) : 0);
    run->strip = pt__least(pt__most(pt__ceiling(run->rows, TASKS_LEAST), PT__PATCH_ROWS_LEAST), PT__PATCH_ROWS);
    run->strip = pt__least(run->strip, STRIP_FLOATS / each);
    run->strips = pt__ceiling(run->rows, run->strip);
    pt__pool_run(run->cpu->pool, run->depth > 0 ? groups * run->panels : 0, turn_task, run);
    pt__pool_run(run->cpu->pool, groups * run->samples * run->strips, strip_task, run);
}

/* ---- Forward, backward ---- */

static run_t describe(pt__dev device, const pt__convolution_t *convolution, int64_t columns)
{
    return (run_t){.cpu = pt__cpu(device),
                   .convolution = convolution,
                   .columns = columns,
                   .wide = columns / convolution->groups,
                   .turned = convolution->scratch,
                   .product = {.dst = convolution->dst,
                               .dst_stride = columns,
                               .activation = convolution->activation,
                               .bias = convolution->bias,
                               .preactivation = convolution->preactivation,
                               .slope_source = convolution->slope_source,
                               .residual = convolution->residual}};
}

static void forward(pt__dev device, const pt__convolution_t *convolution)
{
    run_t run = describe(device, convolution, convolution->outputs);
    memcpy(run.size, convolution->dst_size, sizeof run.size);
    pt__patches_forward(convolution, &run.patches);
    run.patches.src = convolution->src;
    run.depth_stride = pt__convolution_taps(convolution);
    run.column_stride = run.depth_stride * run.patches.group;
    run_strips(&run);
}

static void backward(pt__dev device, const pt__convolution_t *convolution)
{
    run_t run = describe(device, convolution, convolution->channels);
    memcpy(run.size, convolution->src_size, sizeof run.size);
    run.is_backward = 1;
    run.aside = convolution->stride[0] > 1 || convolution->stride[1] > 1;
    run.column_stride = pt__convolution_taps(convolution);
    run.depth_stride = run.column_stride * run.wide;
    for (int64_t i = 0; i < convolution->stride[0]; i++)
        for (int64_t j = 0; j < convolution->stride[1]; j++) {
            pt__patches_backward(convolution, (int64_t[]){i, j}, &run.patches);
            run.patches.src = convolution->d_dst;
            run_strips(&run);
        }
}

void pt__cpu_convolution(pt__dev device, const pt__convolution_t *convolution)
{
    if (pt__convolution_is_winograd(convolution)) {
        pt__winograd_forward(device, convolution);
        return;
    }
    if (pt__convolution_is_depthwise(convolution)) {
        pt__depthwise_forward(device, convolution);
        return;
    }
    if (!pt__convolution_is_product(convolution)) {
        forward(device, convolution);
        return;
    }
    pt__gemm_t product = describe(device, convolution, convolution->outputs).product;
    product.m = pt__convolution_dst_rows(convolution);
    product.n = convolution->outputs;
    product.k = convolution->channels;
    product.a = (pt__matrix_t){.data = convolution->src, .stride = product.k};
    product.b = (pt__matrix_t){.data = convolution->weight, .stride = product.k, .transposed = 1};
    pt__gemm(device, &product);
}

void pt__cpu_convolution_gradient_src(pt__dev device, const pt__convolution_t *convolution)
{
    if (pt__convolution_is_winograd(convolution)) {
        pt__winograd_backward(device, convolution);
        return;
    }
    if (pt__convolution_is_depthwise(convolution)) {
        pt__depthwise_backward(device, convolution);
        return;
    }
    if (!pt__convolution_is_product(convolution)) {
        backward(device, convolution);
        return;
    }
    pt__gemm_t product = describe(device, convolution, convolution->channels).product;
    product.m = pt__convolution_src_rows(convolution);
    product.n = convolution->channels;
    product.k = convolution->outputs;
    product.a = (pt__matrix_t){.data = convolution->d_dst, .stride = product.k};
    product.b = (pt__matrix_t){.data = convolution->weight, .stride = product.n};
    pt__gemm(device, &product);
}
