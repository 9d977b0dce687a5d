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

/* One part of the rows, one group's outputs, one pass over its patches. */
static void sum_task(void *argument, int64_t task, int32_t worker)
{
    const run_t *run = argument;
    const int64_t outputs = run->convolution->outputs, part = task % run->parts;
    const int64_t group = task / run->parts % run->convolution->groups,
                  index = task / run->parts / run->convolution->groups;
    const pt__patch_pass_t pass = pt__patches_pass(&run->patches, index);
    const int64_t columns = pass.taps * pass.channels, stride = columns + PAD;
    const int64_t end = pt__cut(run->rows, 1, run->parts, part + 1);
    float *patches = pt__cpu_scratch(&run->cpu->base, worker);
    float *dst = run->sums + (part * outputs + group * run->wide) * run->depth + pass.tap * run->patches.group +
                 pass.channel;
    for (int64_t begin = pt__cut(run->rows, 1, run->parts, part), row = begin; row < end; row += PT__PATCH_ROWS) {
        int64_t rows = pt__least(PT__PATCH_ROWS, end - row);
        pt__patches_fill(&run->patches, &pass, group, row, rows, patches, stride);
        pt__block_t block = {.rows = run->wide,
                             .columns = columns,
                             .depth = rows,
                             .a = run->convolution->d_dst + row * outputs + group * run->wide,
                             .a_stride = outputs,
                             .a_transposed = 1,
                             .b = patches,
                             .b_stride = stride,
                             .b_step = run->cpu->micro->columns,
                             .b_filled = 1,
                             .dst = dst,
                             .add = row == begin ? NULL : dst,
                             .dst_stride = run->depth};
        run->cpu->micro->multiply(&block);
    }
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
    memset(run.sums, 0, run.rows > 0 ? 0 : (size_t)(convolution->outputs * run.depth) * sizeof(float));
    pt__pool_run(run.cpu->pool, run.rows > 0 ? run.parts * convolution->groups * run.passes : 0, sum_task, &run);
    pt__chunks_run(device, convolution->outputs, pt__chunks_rows(run.depth * run.parts, PT__CHUNK_CHEAP), add_up, &run);
}
