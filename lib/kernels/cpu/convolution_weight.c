/* The gradient of a convolution by its weight: the product of d_dst and patches of src, summed over all elements of
 * dst. These are cut into parts, by the shape alone, which are summed side by side and then added up in order; each
 * part takes strip after strip, whose patches a worker copies into its scratch. Called through the table. */
#include "kernels/cpu/chunks.h"
#include "kernels/cpu/convolution_kinds.h"
#include "kernels/cpu/convolution_patches.h"
#include "kernels/cpu/gemm_job.h"
#include "kernels/cpu/kernels_cpu.h"

#include <string.h>

enum { PAD = 16 }; /* between patches: not into the same cache sets, and whole vectors may be read */

typedef struct run {
    pt__cpu_t *cpu;
    const pt__convolution_t *convolution;
    pt__patches_t patches;
    int64_t rows, parts, passes;
    int64_t wide, depth; /* outputs of a group; its patches' depth */
    float *sums;         /* [parts, outputs, depth], a patch's elements tap by tap */
} run_t;

typedef struct part { /* what a task adds up: of one group's outputs, one pass over their patches */
    int64_t group;
    pt__patch_pass_t pass;
    float *dst, *patches;
    int32_t has_begun;
} part_t;

/* Rows of dst from `begin` to `end`, whose patches are those of `patches`. */
static void add_rows(const run_t *run, const pt__patches_t *patches, const float *d_dst, int64_t begin, int64_t end,
                     part_t *part)
{
    const int64_t outputs = run->convolution->outputs, columns = part->pass.taps * part->pass.channels;
    const int64_t stride = columns + PAD;
    for (int64_t row = begin; row < end; row += PT__PATCH_ROWS) {
        int64_t rows = pt__least(PT__PATCH_ROWS, end - row);
        pt__patches_fill(patches, &part->pass, part->group, row, rows, part->patches, stride);
        pt__block_t block = {.rows = run->wide,
                             .columns = columns,
                             .depth = rows,
                             .a = d_dst + row * outputs + part->group * run->wide,
                             .a_stride = outputs,
                             .a_transposed = 1,
                             .b = part->patches,
                             .b_stride = stride,
                             .b_step = run->cpu->micro->columns,
                             .b_filled = 1,
                             .dst = part->dst,
                             .add = part->has_begun ? part->dst : NULL,
                             .dst_stride = run->depth};
        run->cpu->micro->multiply(&block);
        part->has_begun = 1;
    }
}

/* Whole samples, where offsets tell them apart. */
static void add_samples(const run_t *run, int64_t index, part_t *part)
{
    const pt__convolution_t *convolution = run->convolution;
    for (int64_t s = pt__cut(convolution->samples, 1, run->parts, index);
         s < pt__cut(convolution->samples, 1, run->parts, index + 1); s++) {
        const int64_t line = pt__convolution_line(convolution, convolution->dst_size);
        const int64_t first = convolution->dst_offsets[s] * line, end = convolution->dst_offsets[s + 1] * line;
        pt__patches_t one = run->patches;
        pt__patches_enter(&one, convolution->ragged - 1, convolution->offsets, s);
        one.axis[convolution->ragged - 1].count = convolution->dst_offsets[s + 1] - convolution->dst_offsets[s];
        add_rows(run, &one, convolution->d_dst + first * convolution->outputs, 0, end - first, part);
    }
}

/* One part of the rows, one group's outputs, one pass over its patches. */
static void sum_task(void *argument, int64_t task, int32_t worker)
{
    const run_t *run = argument;
    const pt__convolution_t *convolution = run->convolution;
    const int64_t index = task % run->parts;
    part_t part = {.group = task / run->parts % convolution->groups,
                   .patches = pt__cpu_scratch(&run->cpu->base, worker)};
    part.pass = pt__patches_pass(&run->patches, task / run->parts / convolution->groups);
    part.dst = run->sums + (index * convolution->outputs + part.group * run->wide) * run->depth +
               part.pass.tap * run->patches.group + part.pass.channel;
    if (convolution->offsets != NULL)
        add_samples(run, index, &part);
    else
        add_rows(run, &run->patches, convolution->d_dst, pt__cut(run->rows, 1, run->parts, index),
                 pt__cut(run->rows, 1, run->parts, index + 1), &part);
    for (int64_t o = 0; !part.has_begun && o < run->wide; o++) /* of no rows */
        memset(part.dst + o * run->depth, 0, (size_t)(part.pass.taps * part.pass.channels) * sizeof(float));
}

/* The parts of some outputs' sums added up, as the weight lies. */
static void add_up(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const run_t *run = argument;
    const int64_t taps = pt__convolution_taps(run->convolution), channels = run->patches.group;
    (void)chunk, (void)worker;
    for (int64_t o = begin; o < end; o++)
        for (int64_t t = 0; t < taps; t++)
            for (int64_t c = 0; c < channels; c++) {
                float *to = run->convolution->d_weight + (o * channels + c) * taps + t, sum = 0;
                for (int64_t p = 0; p < run->parts; p++)
                    sum += run->sums[(p * run->convolution->outputs + o) * run->depth + t * channels + c];
                *to = run->convolution->accumulate_d_weight ? *to + sum : sum;
            }
}

static void multiply(pt__dev device, const pt__convolution_t *convolution)
{
    pt__gemm_t product = {.m = convolution->outputs,
                          .n = convolution->channels,
                          .k = pt__convolution_dst_rows(convolution),
                          .a = {.data = convolution->d_dst, .stride = convolution->outputs, .transposed = 1},
                          .b = {.data = convolution->src, .stride = convolution->channels},
                          .dst = convolution->d_weight,
                          .dst_stride = convolution->channels,
                          .accumulate = convolution->accumulate_d_weight,
                          .a_sum = convolution->d_bias,
                          .accumulate_sums = convolution->accumulate_d_bias};
    pt__gemm(device, &product);
}

void pt__cpu_convolution_gradient_weight(pt__dev device, const pt__convolution_t *convolution)
{
    if (pt__convolution_is_product(convolution)) {
        multiply(device, convolution);
        return;
    }
    run_t run = {.cpu = pt__cpu(device), .convolution = convolution, .rows = pt__convolution_dst_rows(convolution)};
    if (convolution->d_bias != NULL)
        pt__cpu_column_sum(device, run.rows, convolution->outputs, convolution->d_dst, convolution->accumulate_d_bias,
                           convolution->d_bias);
    if (convolution->d_weight == NULL)
        return;
    if (pt__convolution_is_winograd(convolution)) {
        pt__winograd_weight(device, convolution);
        return;
    }
    if (pt__convolution_is_depthwise(convolution)) {
        pt__depthwise_weight(device, convolution);
        return;
    }
    pt__patches_forward(convolution, &run.patches);
    run.patches.src = convolution->src;
    run.wide = convolution->outputs / convolution->groups;
    run.depth = pt__patches_taps(&run.patches) * run.patches.group;
    run.passes = pt__patches_passes(&run.patches);
    run.parts = pt__convolution_parts(convolution, run.rows);
    run.sums = convolution->scratch;
    pt__pool_run(run.cpu->pool, run.parts * convolution->groups * run.passes, sum_task, &run);
    pt__chunks_run(device, convolution->outputs, pt__chunks_rows(run.depth * run.parts, PT__CHUNK_CHEAP), add_up, &run);
}
