/* Convolutions of 3x3 elements by Winograd's F(4x4, 3x3): level/convolution_lanes.c has the transforms. What is written
 * is cut into tiles of 4x4, tiles into blocks. Of a block, each tile's 6x6 elements are transformed, 36 products over
 * the channels are made, of all its tiles, and the results transformed back. A worker takes a block by itself where its
 * scratch has room for enough tiles; of many channels, whose weight is large, all work on one large block, step after
 * step, so that the weight passes by once for many tiles.
 *
 * The gradient by src is a convolution of d_dst with the weight turned by half. That by the weight adds up, over the
 * tiles, 36 products of both transformed; parts of the tiles are summed side by side, and added up in order. */
#include "kernels/cpu/convolution_kinds.h"
#include "kernels/cpu/gemm_job.h"
#include "kernels/cpu/vector.h"

#include <string.h>

enum {
    TILE = PT__WINOGRAD_TILE,
    SQUARE = PT__WINOGRAD_SQUARE,
    SIDE = 6,
    KERNEL = 3,
    TAPS = KERNEL * KERNEL,
    FEW_TILES = 4,        /* of a task that transforms them for others */
    PRODUCT_COLUMNS = 128 /* of a task that makes products for others */
};

/* A picture, and where its tiles of `side` elements begin: TILE apart, from -before on. */
typedef struct pictures {
    float *data;
    int64_t size[2], channels, before[2];
} pictures_t;

typedef struct run {
    pt__cpu_t *cpu;
    const pt__vector_convolution_t *vector;
    const pt__convolution_t *convolution;
    pictures_t from, to; /* what is read, in squares; what is written, or d_dst, in tiles */
    pt__gemm_t product;  /* all rows of what is written, for the epilogue */
    int64_t tiles[2], count;
    int64_t column_stride, depth_stride; /* in the weight */
    int32_t turns_by_half;
    float *turned; /* [SQUARE, panels, from.channels, the level's columns] */
    int64_t panels;
    float *shared; /* tiles' forms, of a block that all work on; NULL: each worker has its own */
    int64_t block, blocks;
    int64_t first, rows; /* the block that all work on */
    int64_t parts;       /* of the gradient by the weight */
    float *sums;         /* [parts, SQUARE, outputs, channels] */
} run_t;

typedef struct block { /* tiles, and where their transformed forms stand: [SQUARE, tiles, channels], padded */
    int64_t first, rows;
    float *in, *out, *border;
    int64_t in_step, out_step; /* from product to product */
} block_t;

static block_t block_of(const run_t *run, int64_t first, int64_t rows, float *data, float *border)
{
    block_t block = {.first = first, .rows = rows, .in = data, .border = border};
    block.in_step = run->block * run->from.channels + PT__WINOGRAD_PAD;
    block.out_step = run->block * run->to.channels + PT__WINOGRAD_PAD;
    block.out = data + SQUARE * block.in_step;
    return block;
}

static block_t own_block(const run_t *run, int64_t first, int64_t rows, int32_t worker)
{
    float *scratch = pt__cpu_scratch(&run->cpu->base, worker);
    return block_of(run, first, rows, scratch + pt__winograd_border(run->convolution), scratch);
}

static block_t shared_block(const run_t *run, int32_t worker)
{
    return block_of(run, run->first, run->rows, run->shared, pt__cpu_scratch(&run->cpu->base, worker));
}

/* ---- Tiles and their squares ---- */

/* Element (0, 0) of a tile in its picture, which may lie outside; returns the sample. */
static int64_t place(const run_t *run, const pictures_t *pictures, int64_t tile, int64_t at[2])
{
    int64_t across = run->tiles[1], down = run->tiles[0];
    at[0] = tile / across % down * TILE - pictures->before[0];
    at[1] = tile % across * TILE - pictures->before[1];
    return tile / across / down;
}

static int64_t offset(const pictures_t *pictures, int64_t sample, const int64_t at[2])
{
    return ((sample * pictures->size[0] + at[0]) * pictures->size[1] + at[1]) * pictures->channels;
}

/* `side` x `side` elements of a picture that begin at `at`, zeros where they lie outside, side by side. */
static void copy_square(const pictures_t *pictures, int64_t sample, const int64_t at[2], int64_t side, float *dst)
{
    const int64_t channels = pictures->channels;
    int64_t before = pt__least(pt__most(-at[1], 0), side);
    int64_t inside = pt__most(pt__least(pictures->size[1] - at[1], side), before) - before;
    for (int64_t i = 0; i < side; i++, dst += side * channels) {
        const int64_t y = at[0] + i;
        if (y < 0 || y >= pictures->size[0] || inside == 0) {
            memset(dst, 0, (size_t)(side * channels) * sizeof *dst);
            continue;
        }
        const float *src = pictures->data + offset(pictures, sample, (int64_t[]){y, at[1] + before});
        memset(dst, 0, (size_t)(before * channels) * sizeof *dst);
        memcpy(dst + before * channels, src, (size_t)(inside * channels) * sizeof *dst);
        memset(dst + (before + inside) * channels, 0, (size_t)((side - before - inside) * channels) * sizeof *dst);
    }
}

static int32_t is_inside(const pictures_t *pictures, const int64_t at[2], int64_t side)
{
    return at[0] >= 0 && at[1] >= 0 && at[0] + side <= pictures->size[0] && at[1] + side <= pictures->size[1];
}

/* Tiles of the block, `begin` to `end`, become squares of `dst`. */
static void transform_in(const run_t *run, const pictures_t *pictures, int64_t side, pt__square_fn transform,
                         const block_t *block, float *dst, int64_t step, int64_t begin, int64_t end)
{
    const int64_t channels = pictures->channels;
    for (int64_t t = begin; t < end; t++) {
        int64_t at[2], sample = place(run, pictures, block->first + t, at);
        float *to = dst + t * channels;
        if (is_inside(pictures, at, side)) {
            transform(channels, pictures->data + offset(pictures, sample, at), pictures->size[1] * channels, channels,
                      to, SIDE * step, step);
            continue;
        }
        copy_square(pictures, sample, at, side, block->border);
        transform(channels, block->border, side * channels, channels, to, SIDE * step, step);
    }
}

static void read_tiles(const run_t *run, const block_t *block, int64_t begin, int64_t end)
{
    transform_in(run, &run->from, SIDE, run->vector->tile, block, block->in, block->in_step, begin, end);
}

static void read_gradients(const run_t *run, const block_t *block, int64_t begin, int64_t end)
{
    transform_in(run, &run->to, TILE, run->vector->gradient, block, block->out, block->out_step, begin, end);
}

/* Squares of products become tiles of what is written; then comes what is left of the epilogue, row by row. */
static void write_tiles(const run_t *run, const block_t *block, int64_t begin, int64_t end)
{
    const pt__gemm_t *product = &run->product;
    const int64_t columns = run->to.channels, line = run->to.size[1];
    const int32_t parts = pt__gemm_parts(product) & ~(product->slope_source ? 0 : PT__FINISH_RESIDUAL);
    const float *residual = product->slope_source ? NULL : product->residual;
    for (int64_t t = begin; t < end; t++) {
        int64_t at[2], sample = place(run, &run->to, block->first + t, at), first = offset(&run->to, sample, at);
        int64_t high = pt__least(TILE, run->to.size[0] - at[0]), wide = pt__least(TILE, line - at[1]);
        const float *from = block->out + t * columns;
        if (high == TILE && wide == TILE && residual == NULL)
            run->vector->result(columns, from, SIDE * block->out_step, block->out_step, product->dst + first,
                                line * columns, columns);
        else
            run->vector->result(columns, from, SIDE * block->out_step, block->out_step, block->border, TILE * columns,
                                columns);
        for (int64_t i = 0; i < high; i++) {
            float *dst = product->dst + first + i * line * columns, *row = block->border + i * TILE * columns;
            if (residual != NULL)
                run->cpu->vector->map->add_into(wide * columns, residual + (dst - product->dst), row);
            if (high < TILE || wide < TILE || residual != NULL)
                memcpy(dst, row, (size_t)(wide * columns) * sizeof *dst);
            pt__gemm_finish(run->cpu, product, parts, first / columns + i * line, wide, 0, columns);
        }
    }
}

/* ---- Products ---- */

/* Of one element of the squares, some columns of all of the block's tiles. */
static void multiply(const run_t *run, const block_t *block, int64_t element, int64_t column, int64_t columns)
{
    const int64_t width = run->cpu->micro->columns, deepest = run->from.channels;
    const float *turned = run->turned + (element * run->panels * width + column) * deepest;
    float *dst = block->out + element * block->out_step + column;
    for (int64_t from = 0; from < deepest; from += PT__MICRO_DEPTH) {
        const int64_t depth = pt__least(PT__MICRO_DEPTH, deepest - from);
        const int64_t step = pt__most(pt__gemm_block_floats(run->cpu) / depth / width * width, width);
        for (int64_t c = 0; c < columns; c += step) {
            pt__block_t product = {.rows = block->rows,
                                   .columns = pt__least(step, columns - c),
                                   .depth = depth,
                                   .a = block->in + element * block->in_step + from,
                                   .a_stride = run->from.channels,
                                   .b = turned + c * deepest + from * width,
                                   .b_stride = width,
                                   .b_step = width * deepest,
                                   .b_filled = 1,
                                   .dst = dst + c,
                                   .add = from > 0 ? dst + c : NULL,
                                   .dst_stride = run->to.channels};
            run->cpu->micro->multiply(&product);
        }
    }
}

/* Adds up, of one element of the squares and some outputs, the products of the block's tiles. */
static void add_products(const run_t *run, const block_t *block, float *sums, int64_t element, int64_t output,
                         int64_t outputs, int32_t is_first)
{
    const int64_t channels = run->from.channels;
    float *dst = sums + (element * run->to.channels + output) * channels;
    pt__block_t product = {.rows = outputs,
                           .columns = channels,
                           .depth = block->rows,
                           .a = block->out + element * block->out_step + output,
                           .a_stride = run->to.channels,
                           .a_transposed = 1,
                           .b = block->in + element * block->in_step,
                           .b_stride = channels,
                           .b_step = run->cpu->micro->columns,
                           .dst = dst,
                           .add = is_first ? NULL : dst,
                           .dst_stride = channels};
    run->cpu->micro->multiply(&product);
}

/* ---- The weight ---- */

/* One panel of columns of some channels: 3x3 elements become squares, the columns side by side. */
static void turn_task(void *argument, int64_t task, int32_t worker)
{
    const run_t *run = argument;
    const int64_t width = run->cpu->micro->columns, depth = run->from.channels;
    const int64_t wide = pt__least(width, run->to.channels - task * width), step = run->panels * depth * width;
    const float *src = run->convolution->weight + task * width * run->column_stride;
    float kernel[TAPS * PT__CONVOLUTION_PANEL] = {0}, *dst = run->turned + task * depth * width;
    (void)worker;
    for (int64_t c = 0; c < depth; c++, src += run->depth_stride, dst += width) {
        for (int64_t j = 0; j < wide; j++)
            for (int64_t t = 0; t < TAPS; t++)
                kernel[t * width + j] = src[j * run->column_stride + (run->turns_by_half ? TAPS - 1 - t : t)];
        run->vector->kernel(width, kernel, KERNEL * width, width, dst, SIDE * step, step);
    }
}

/* One output's sums, of all parts, become its part of d_weight. */
static void sum_task(void *argument, int64_t output, int32_t worker)
{
    const run_t *run = argument;
    const int64_t channels = run->from.channels, outputs = run->to.channels, step = outputs * channels;
    float *sums = run->sums + output * channels, *taps = pt__cpu_scratch(&run->cpu->base, worker);
    float *dst = run->convolution->d_weight + output * channels * TAPS;
    for (int64_t p = 1; p < run->parts; p++)
        for (int64_t e = 0; e < SQUARE; e++)
            run->cpu->vector->map->add_into(channels, sums + (p * SQUARE + e) * step, sums + e * step);
    run->vector->sum(channels, sums, SIDE * step, step, taps, KERNEL * channels, channels);
    for (int64_t c = 0; c < channels; c++)
        for (int64_t t = 0; t < TAPS; t++) {
            float sum = taps[t * channels + c];
            dst[c * TAPS + t] = run->convolution->accumulate_d_weight ? dst[c * TAPS + t] + sum : sum;
        }
}

/* ---- The cut over the pool ---- */

static void own_task(void *argument, int64_t task, int32_t worker)
{
    const run_t *run = argument;
    const int64_t first = task * run->block;
    block_t block = own_block(run, first, pt__least(run->block, run->count - first), worker);
    read_tiles(run, &block, 0, block.rows);
    for (int64_t e = 0; e < SQUARE; e++)
        multiply(run, &block, e, 0, run->to.channels);
    write_tiles(run, &block, 0, block.rows);
}

static void read_task(void *argument, int64_t task, int32_t worker)
{
    const run_t *run = argument;
    const block_t block = shared_block(run, worker);
    read_tiles(run, &block, task * FEW_TILES, pt__least((task + 1) * FEW_TILES, block.rows));
}

static void product_task(void *argument, int64_t task, int32_t worker)
{
    const run_t *run = argument;
    const block_t block = shared_block(run, worker);
    const int64_t column = task / SQUARE * PRODUCT_COLUMNS;
    multiply(run, &block, task % SQUARE, column, pt__least(PRODUCT_COLUMNS, run->to.channels - column));
}

static void write_task(void *argument, int64_t task, int32_t worker)
{
    const run_t *run = argument;
    const block_t block = shared_block(run, worker);
    write_tiles(run, &block, task * FEW_TILES, pt__least((task + 1) * FEW_TILES, block.rows));
}

static void own_sums_task(void *argument, int64_t part, int32_t worker)
{
    const run_t *run = argument;
    const int64_t begin = pt__cut(run->count, 1, run->parts, part), end = pt__cut(run->count, 1, run->parts, part + 1);
    float *sums = run->sums + part * SQUARE * run->to.channels * run->from.channels;
    for (int64_t first = begin; first < end; first += run->block) {
        block_t block = own_block(run, first, pt__least(run->block, end - first), worker);
        read_tiles(run, &block, 0, block.rows);
        read_gradients(run, &block, 0, block.rows);
        for (int64_t e = 0; e < SQUARE; e++)
            add_products(run, &block, sums, e, 0, run->to.channels, first == begin);
    }
}

static void read_both_task(void *argument, int64_t task, int32_t worker)
{
    const run_t *run = argument;
    const block_t block = shared_block(run, worker);
    const int64_t begin = task * FEW_TILES, end = pt__least(begin + FEW_TILES, block.rows);
    read_tiles(run, &block, begin, end);
    read_gradients(run, &block, begin, end);
}

static void shared_sums_task(void *argument, int64_t task, int32_t worker)
{
    const run_t *run = argument;
    const block_t block = shared_block(run, worker);
    const int64_t output = task / SQUARE * PRODUCT_COLUMNS;
    add_products(run, &block, run->sums, task % SQUARE, output, pt__least(PRODUCT_COLUMNS, run->to.channels - output),
                 run->first == 0);
}

/* ---- The three kernels ---- */

/* turned: floats of scratch that come before those that all share. */
static run_t describe(pt__dev device, const pt__convolution_t *convolution, const int64_t size[2], int64_t turned)
{
    run_t run = {.cpu = pt__cpu(device),
                 .vector = pt__cpu(device)->vector->convolution,
                 .convolution = convolution,
                 .count = pt__winograd_tiles(convolution, size)};
    for (int32_t i = 0; i < 2; i++)
        run.tiles[i] = pt__ceiling(size[i], TILE);
    if (pt__winograd_shared(convolution, run.count) > 0) {
        run.shared = (float *)convolution->scratch + turned;
        run.block = pt__most(PT__WINOGRAD_SHARED_FLOATS / pt__winograd_floats(convolution), 1);
    } else
        run.block = pt__least(pt__winograd_own_tiles(convolution),
                              pt__most(pt__ceiling(run.count, PT__CONVOLUTION_PARTS), PT__WINOGRAD_OWN_TILES));
    run.block = pt__most(pt__least(run.block, run.count), 1);
    return run;
}

static void convolve(run_t *run)
{
    const pt__convolution_t *convolution = run->convolution;
    pt__pool_t *pool = run->cpu->pool;
    run->panels = pt__ceiling(run->to.channels, run->cpu->micro->columns);
    run->turned = convolution->scratch;
    run->product = (pt__gemm_t){.dst = convolution->dst,
                                .dst_stride = run->to.channels,
                                .activation = convolution->activation,
                                .bias = convolution->bias,
                                .preactivation = convolution->preactivation,
                                .slope_source = convolution->slope_source,
                                .residual = convolution->residual};
    pt__pool_run(pool, run->count > 0 ? run->panels : 0, turn_task, run);
    if (run->shared == NULL) {
        pt__pool_run(pool, pt__ceiling(run->count, run->block), own_task, run);
        return;
    }
    for (run->first = 0; run->first < run->count; run->first += run->block) {
        run->rows = pt__least(run->block, run->count - run->first);
        pt__pool_run(pool, pt__ceiling(run->rows, FEW_TILES), read_task, run);
        pt__pool_run(pool, SQUARE * pt__ceiling(run->to.channels, PRODUCT_COLUMNS), product_task, run);
        pt__pool_run(pool, pt__ceiling(run->rows, FEW_TILES), write_task, run);
    }
}

static pictures_t pictures_of(const float *data, const int64_t size[2], int64_t channels)
{
    return (pictures_t){.data = (float *)(uintptr_t)data, .size = {size[0], size[1]}, .channels = channels};
}

void pt__winograd_forward(pt__dev device, const pt__convolution_t *convolution)
{
    run_t run = describe(device, convolution, convolution->dst_size,
                         pt__convolution_turned(1, SQUARE * convolution->channels, convolution->outputs));
    run.from = pictures_of(convolution->src, convolution->src_size, convolution->channels);
    run.to = pictures_of(convolution->dst, convolution->dst_size, convolution->outputs);
    memcpy(run.from.before, convolution->padding, sizeof run.from.before);
    run.column_stride = convolution->channels * TAPS;
    run.depth_stride = TAPS;
    convolve(&run);
}

void pt__winograd_backward(pt__dev device, const pt__convolution_t *convolution)
{
    run_t run = describe(device, convolution, convolution->src_size,
                         pt__convolution_turned(1, SQUARE * convolution->outputs, convolution->channels));
    run.from = pictures_of(convolution->d_dst, convolution->dst_size, convolution->outputs);
    run.to = pictures_of(convolution->dst, convolution->src_size, convolution->channels);
    for (int32_t i = 0; i < 2; i++)
        run.from.before[i] = KERNEL - 1 - convolution->padding[i];
    run.column_stride = TAPS;
    run.depth_stride = convolution->channels * TAPS;
    run.turns_by_half = 1;
    convolve(&run);
}

void pt__winograd_weight(pt__dev device, const pt__convolution_t *convolution)
{
    const int64_t tiles = pt__winograd_tiles(convolution, convolution->dst_size);
    const int64_t parts = pt__winograd_parts(convolution, tiles);
    run_t run = describe(device, convolution, convolution->dst_size,
                         parts * SQUARE * convolution->channels * convolution->outputs);
    pt__pool_t *pool = run.cpu->pool;
    run.from = pictures_of(convolution->src, convolution->src_size, convolution->channels);
    run.to = pictures_of(convolution->d_dst, convolution->dst_size, convolution->outputs);
    memcpy(run.from.before, convolution->padding, sizeof run.from.before);
    run.parts = parts;
    run.sums = convolution->scratch;
    if (run.count == 0)
        memset(run.sums, 0, (size_t)(SQUARE * convolution->channels * convolution->outputs) * sizeof(float));
    if (run.shared == NULL)
        pt__pool_run(pool, run.count > 0 ? parts : 0, own_sums_task, &run);
    for (run.first = 0; run.shared != NULL && run.first < run.count; run.first += run.block) {
        run.rows = pt__least(run.block, run.count - run.first);
        pt__pool_run(pool, pt__ceiling(run.rows, FEW_TILES), read_both_task, &run);
        pt__pool_run(pool, SQUARE * pt__ceiling(convolution->outputs, PRODUCT_COLUMNS), shared_sums_task, &run);
    }
    pt__pool_run(pool, convolution->outputs, sum_task, &run);
}
