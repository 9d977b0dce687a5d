/* Sums of a product's operands over the depth: whether they come with the product in our own backend, and otherwise
 * alone, pass by pass, in the same bits. */
#include <string.h>

#include "kernels/cpu/gemm_job.h"

enum { SUM_COLUMNS = 64, SPREAD_LEAST = 1024 }; /* columns of a task; depths of tasks worth waking the pool */

int32_t pt__gemm_own_gives_sums(pt__cpu_t *device, const pt__gemm_t *gemm)
{
    pt__job_t job;
    if (gemm->m == 1 || gemm->n == 1) /* done with another layout than it is asked for */
        return 0;
    pt__gemm_describe(device, gemm, &job);
    return !job.dots && !job.exchanged && pt__gemm_deep_parts(device, gemm) == 1;
}

void pt__gemm_clear_sums(const pt__gemm_t *gemm)
{
    if (gemm->a_sum && !gemm->accumulate_sums)
        memset(gemm->a_sum, 0, (size_t)gemm->m * sizeof(float));
    if (gemm->b_sum && !gemm->accumulate_sums)
        memset(gemm->b_sum, 0, (size_t)gemm->n * sizeof(float));
}

static void sum_task(void *argument, int64_t task, int32_t worker)
{
    const pt__job_t *job = argument;
    const pt__gemm_t *gemm = job->gemm;
    const int64_t tasks_of_a = gemm->a_sum ? pt__ceiling(gemm->m, SUM_COLUMNS) : 0;
    const int32_t of_a = task < tasks_of_a;
    const float *src = of_a ? gemm->a.data : gemm->b.data;
    float *dst = of_a ? gemm->a_sum : gemm->b_sum;
    int64_t stride = of_a ? gemm->a.stride : gemm->b.stride, n = of_a ? gemm->m : gemm->n;
    int64_t first = (of_a ? task : task - tasks_of_a) * SUM_COLUMNS;
    (void)worker;
    for (int64_t from = 0; from < gemm->k; from += job->depth_block)
        job->micro->sum_depths(pt__least(SUM_COLUMNS, n - first), pt__least(job->depth_block, gemm->k - from),
                               src + from * stride + first, stride, dst + first);
}

void pt__gemm_own_sum(pt__cpu_t *device, const pt__gemm_t *gemm)
{
    pt__job_t job;
    pt__gemm_describe(device, gemm, &job);
    int64_t tasks = (gemm->a_sum ? pt__ceiling(gemm->m, SUM_COLUMNS) : 0) +
                    (gemm->b_sum ? pt__ceiling(gemm->n, SUM_COLUMNS) : 0);
    pt__gemm_clear_sums(gemm);
    pt__pool_run(gemm->k * tasks < SPREAD_LEAST ? NULL : device->pool, tasks, sum_task, &job);
}
