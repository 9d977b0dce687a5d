/* Convolutions of each channel by itself: a row of results at a time, of all channels, from the taps that lie inside
 * the picture; the weight is turned once, so that channels lie side by side. Where no tap lies outside, one call makes
 * the row; to the left and the right of that, one makes an element. The gradient by src is the same for each phase of
 * the stride (convolution_patches.h). */
#include "kernels/cpu/chunks.h"
#include "kernels/cpu/convolution_kinds.h"
#include "kernels/cpu/convolution_patches.h"
#include "kernels/cpu/gemm_job.h"
#include "kernels/cpu/kernels_cpu.h"

#include <string.h>

enum { ASIDE_FLOATS = 1 << 15, TASK_ELEMENTS = 1 << 14 };

typedef struct run {
    pt__cpu_t *cpu;
    const pt__convolution_t *convolution;
    pt__patches_t patches;
    pt__gemm_t product;     /* all rows of what is written, for the epilogue */
    int64_t size[2];        /* of a picture that is written */
    int64_t channels, rows; /* rows of elements in all */
    int64_t first, last;    /* elements of a row whose taps along it are all inside */
    /* Of what is read and what is written, where samples have rows of their own; else NULL */
    const int32_t *from, *to;
    const float *d_dst;     /* of the gradient by the weight */
    float *turned;          /* [kernel, channels] */
    float *sums;            /* [parts, kernel, channels] */
    int64_t parts;
} run_t;

typedef struct taps { /* those of an element that are inside, and what of the weight's goes with them */
    int64_t count;
    const float *src[PT__DEPTHWISE_TAPS];
    int64_t number[PT__DEPTHWISE_TAPS]; /* in the kernel */
} taps_t;

static void turn_weight(run_t *run)
{
    const int64_t taps = pt__convolution_taps(run->convolution);
    run->turned = run->convolution->scratch;
    for (int64_t t = 0; t < taps; t++)
        for (int64_t c = 0; c < run->channels; c++)
            run->turned[t * run->channels + c] = run->convolution->weight[c * taps + t];
}

/* The taps of element j of a row of results, which is row i of the sample whose picture is src. */
static void find_taps(const run_t *run, const float *src, int64_t i, int64_t j, taps_t *taps)
{
    const pt__axis_t *down = &run->patches.axis[0], *along = &run->patches.axis[1];
    taps->count = 0;
    for (int64_t a = 0; a < down->taps; a++) {
        int64_t y = down->from + i * down->stride + a * down->spread;
        if (y < 0 || y >= run->patches.size[0])
            continue;
        for (int64_t b = 0; b < along->taps; b++) {
            int64_t x = along->from + j * along->stride + b * along->spread;
            if (x < 0 || x >= run->patches.size[1])
                continue;
            taps->src[taps->count] = src + (y * run->patches.size[1] + x) * run->channels;
            taps->number[taps->count++] = (down->tap + a * down->tap_step) * run->convolution->kernel[1] + along->tap +
                                          b * along->tap_step;
        }
    }
}

/* Elements from run->first to run->last - 1 have all taps along the row; none where there are not any such. */
static void find_inside(run_t *run)
{
    const pt__axis_t *along = &run->patches.axis[1];
    const int64_t end = along->from + (along->taps - 1) * along->spread; /* the last tap of the first element */
    run->first = along->from < 0 ? pt__ceiling(-along->from, along->stride) : 0;
    run->last = end < run->patches.size[1] ? (run->patches.size[1] - 1 - end) / along->stride + 1 : 0;
    run->last = pt__least(run->last, along->count);
    if (along->taps == 0) { /* zeros, all alike */
        run->first = 0;
        run->last = along->count;
    }
    if (run->first >= run->last)
        run->first = run->last = along->count;
}

/* One sample of those that offsets tell apart. */
static run_t of_sample(const run_t *run, int64_t sample)
{
    const int32_t ragged = run->convolution->ragged - 1;
    run_t one = *run;
    pt__axis_t *axis = &one.patches.axis[ragged];
    const int64_t size = run->to[sample + 1] - run->to[sample];
    const int64_t move = run->to[sample] * pt__convolution_line(run->convolution, run->size) * run->channels;
    pt__patches_enter(&one.patches, ragged, run->from, sample);
    one.size[ragged] = size;
    axis->count = size > axis->first ? pt__ceiling(size - axis->first, axis->step) : 0;
    one.d_dst += one.d_dst != NULL ? move : 0;
    if (one.product.dst != NULL)
        pt__product_enter(&one.product, move);
    find_inside(&one);
    return one;
}

typedef void (*piece_fn)(const run_t *run, const taps_t *taps, int64_t row, int64_t element, int64_t count,
                         float *scratch);

/* Calls `piece` for all elements of a row: those inside together, others one by one. */
static void visit_row(const run_t *run, int64_t row, piece_fn piece, float *scratch)
{
    const pt__axis_t *down = &run->patches.axis[0], *along = &run->patches.axis[1];
    const float *src = run->patches.src +
                       row / down->count * run->patches.size[0] * run->patches.size[1] * run->channels;
    taps_t taps;
    for (int64_t j = 0; j < along->count;) {
        int64_t count = j == run->first ? run->last - run->first : 1;
        find_taps(run, src, row % down->count, j, &taps);
        piece(run, &taps, row, j, count, scratch);
        j += count;
    }
}

/* ---- Results ---- */

static void compute(const run_t *run, const taps_t *taps, int64_t row, int64_t element, int64_t count, float *scratch)
{
    const pt__axis_t *down = &run->patches.axis[0], *along = &run->patches.axis[1];
    const pt__gemm_t *product = &run->product;
    const int64_t channels = run->channels, step = along->stride * channels;
    const int64_t line = row / down->count * run->size[0] + down->first + row % down->count * down->step;
    const int64_t first = line * run->size[1] + along->first + element * along->step;
    const float *weight[PT__DEPTHWISE_TAPS], *src[PT__DEPTHWISE_TAPS];
    const float *residual = product->slope_source ? NULL : product->residual;
    const int32_t parts = pt__gemm_parts(product) & ~(residual ? PT__FINISH_RESIDUAL : 0);
    const int64_t most = residual ? pt__most(ASIDE_FLOATS / channels, 1) : count;
    for (int64_t t = 0; t < taps->count; t++)
        weight[t] = run->turned + taps->number[t] * channels;
    for (int64_t x = 0; x < count; x += most) {
        const int64_t few = pt__least(most, count - x), at = first + x * along->step;
        float *dst = product->dst + at * channels;
        for (int64_t t = 0; t < taps->count; t++)
            src[t] = taps->src[t] + x * step;
        run->cpu->vector->convolution->depthwise(few, channels, taps->count, src, step, weight,
                                                 residual ? scratch : dst,
                                                 residual ? channels : along->step * channels);
        for (int64_t e = 0; residual && e < few; e++) {
            int64_t to = e * along->step * channels;
            run->cpu->vector->map->add_into(channels, residual + at * channels + to, scratch + e * channels);
            memcpy(dst + to, scratch + e * channels, (size_t)channels * sizeof *dst);
        }
        if (along->step == 1)
            pt__gemm_finish(run->cpu, product, parts, at, few, 0, channels);
        else
            for (int64_t e = 0; parts && e < few; e++)
                pt__gemm_finish(run->cpu, product, parts, at + e * along->step, 1, 0, channels);
    }
}

static void rows_task(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const run_t *run = argument;
    float *scratch = pt__cpu_scratch(&run->cpu->base, worker);
    (void)chunk;
    for (int64_t row = begin; row < end; row++)
        visit_row(run, row, compute, scratch);
}

static void sample_task(void *argument, int64_t sample, int32_t worker)
{
    run_t one = of_sample(argument, sample);
    rows_task(&one, 0, one.patches.axis[0].count, 0, worker);
}

/* Rows of about so many elements, by the shape alone. */
static int64_t rows_each(const run_t *run)
{
    return pt__chunks_rows(run->patches.axis[1].count * run->channels, TASK_ELEMENTS);
}

static run_t describe(pt__dev device, const pt__convolution_t *convolution)
{
    return (run_t){.cpu = pt__cpu(device),
                   .convolution = convolution,
                   .channels = convolution->channels,
                   .product = {.dst = convolution->dst,
                               .dst_stride = convolution->channels,
                               .activation = convolution->activation,
                               .bias = convolution->bias,
                               .preactivation = convolution->preactivation,
                               .slope_source = convolution->slope_source,
                               .residual = convolution->residual}};
}

static void run_rows(pt__dev device, run_t *run)
{
    if (run->from != NULL) {
        pt__pool_run(run->cpu->pool, run->convolution->samples, sample_task, run);
        return;
    }
    find_inside(run);
    pt__chunks_run(device, run->patches.samples * run->patches.axis[0].count, rows_each(run), rows_task, run);
}

void pt__depthwise_forward(pt__dev device, const pt__convolution_t *convolution)
{
    run_t run = describe(device, convolution);
    run.from = convolution->offsets;
    run.to = convolution->dst_offsets;
    memcpy(run.size, convolution->dst_size, sizeof run.size);
    turn_weight(&run);
    pt__patches_forward(convolution, &run.patches);
    run.patches.src = convolution->src;
    run_rows(device, &run);
}

void pt__depthwise_backward(pt__dev device, const pt__convolution_t *convolution)
{
    run_t run = describe(device, convolution);
    run.from = convolution->dst_offsets;
    run.to = convolution->offsets;
    memcpy(run.size, convolution->src_size, sizeof run.size);
    turn_weight(&run);
    for (int64_t i = 0; i < convolution->stride[0]; i++)
        for (int64_t j = 0; j < convolution->stride[1]; j++) {
            pt__patches_backward(convolution, (int64_t[]){i, j}, &run.patches);
            run.patches.src = convolution->d_dst;
            run_rows(device, &run);
        }
}

/* ---- The gradient by the weight ---- */

/* scratch: one part's sums. */
static void add_products(const run_t *run, const taps_t *taps, int64_t row, int64_t element, int64_t count,
                         float *scratch)
{
    const pt__axis_t *along = &run->patches.axis[1];
    float *sums[PT__DEPTHWISE_TAPS];
    for (int64_t t = 0; t < taps->count; t++)
        sums[t] = scratch + taps->number[t] * run->channels;
    run->cpu->vector->convolution->depthwise_weight(
        count, run->channels, taps->count, taps->src, along->stride * run->channels,
        run->d_dst + (row * along->count + element) * run->channels, sums);
}

static void part_task(void *argument, int64_t part, int32_t worker)
{
    const run_t *run = argument;
    const int64_t floats = pt__convolution_taps(run->convolution) * run->channels;
    float *sums = run->sums + part * floats;
    (void)worker;
    memset(sums, 0, (size_t)floats * sizeof *sums);
    for (int64_t s = pt__cut(run->convolution->samples, 1, run->parts, part);
         run->from != NULL && s < pt__cut(run->convolution->samples, 1, run->parts, part + 1); s++) {
        const run_t one = of_sample(run, s);
        for (int64_t row = 0; row < one.patches.axis[0].count; row++)
            visit_row(&one, row, add_products, sums);
    }
    if (run->from != NULL)
        return;
    for (int64_t row = pt__cut(run->rows, 1, run->parts, part); row < pt__cut(run->rows, 1, run->parts, part + 1);
         row++)
        visit_row(run, row, add_products, sums);
}

static void add_up(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const run_t *run = argument;
    const int64_t taps = pt__convolution_taps(run->convolution);
    (void)chunk, (void)worker;
    for (int64_t c = begin; c < end; c++)
        for (int64_t t = 0; t < taps; t++) {
            float *to = run->convolution->d_weight + c * taps + t, sum = 0;
            for (int64_t p = 0; p < run->parts; p++)
                sum += run->sums[(p * taps + t) * run->channels + c];
            *to = run->convolution->accumulate_d_weight ? *to + sum : sum;
        }
}

void pt__depthwise_weight(pt__dev device, const pt__convolution_t *convolution)
{
    run_t run = describe(device, convolution);
    pt__patches_forward(convolution, &run.patches);
    run.patches.src = convolution->src;
    run.d_dst = convolution->d_dst;
    run.from = convolution->offsets;
    run.to = convolution->dst_offsets;
    memcpy(run.size, convolution->dst_size, sizeof run.size);
    run.rows = convolution->samples * convolution->dst_size[0];
    run.parts = pt__convolution_parts(convolution, pt__convolution_dst_rows(convolution));
    run.sums = convolution->scratch;
    find_inside(&run);
    pt__pool_run(run.cpu->pool, run.parts, part_task, &run);
    pt__chunks_run(device, run.channels,
                   pt__chunks_rows(pt__convolution_taps(convolution) * run.parts, PT__CHUNK_CHEAP), add_up, &run);
}
