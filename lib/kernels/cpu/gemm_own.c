/* Our own backend behind the matrix door: how a product is cut into blocks for the caches and into tasks for the pool.
 * A task is done by gemm_area.c; the arithmetic is the level's (micro.h).
 *
 * The depth is cut into passes, so that a tile's rows of a stay in the first-level cache while panel after panel of
 * b, a block of which stays in the second-level cache, passes over them; each pass adds to dst. An element of dst is
 * one chain of sums over a pass, whatever tile and task it falls into: bits depend on the shape alone. The first
 * pass puts in what is linear (bias, what dst held, a residual); the rest of the epilogue follows the last pass, on
 * rows that are still in cache.
 *
 * a is read where it stands, or each tile's part is copied first, its numbers of each depth side by side: where rows
 * would push each other out of the cache, and where that pays by itself (gemm_fit.c). Where a lies across, several
 * tiles' are copied at once; and blocks of b are wider. Few rows read b where it stands, too; for more it is packed
 * into panels: by each worker for itself, since what one core writes and another reads costs more than to pack it
 * again. A worker packs the columns of a task whole, where they fit into half of the second-level cache, and
 * keeps them for its next tasks of these columns; otherwise block by block. Where b is transposed and a is much the
 * smaller of the two, a and b are exchanged: then a is packed, and dst's tiles are transposed as they are stored. So
 * a large weight is read once, from where it stands. A weight that is stored narrower becomes floats on the same ways
 * (gemm_widen.c). */
#include <stddef.h>

#include "kernels/cpu/gemm_area.h"

enum { TASKS_MOST = 32 }; /* of a batch */

int64_t pt__gemm_worker_bytes(const pt__cpu_t *device)
{
    return (int64_t)sizeof(float) * (PT__MICRO_STAGE + pt__gemm_staged_block_floats(device));
}

int64_t pt__gemm_shared_bytes(const pt__cpu_t *device)
{
    (void)device;
    return (int64_t)sizeof(float) * PT__GEMM_SHARED_FLOATS;
}

/* Tasks of the same columns follow each other, so that most find these packed by the worker's last task. */
static void compute_task(void *argument, int64_t task, int32_t worker)
{
    const pt__job_t *job = argument;
    const pt__gemm_t *view = &job->view;
    const int64_t width = job->micro->columns, parts = job->column_parts;
    const int64_t i = task % job->row_parts, j = task / job->row_parts;
    const pt__gemm_scratch_t scratch = pt__gemm_scratch(job->device, worker);
    pt__workspace_t *workspace = &job->device->workspaces[worker];
    pt__gemm_area_t area = {.row = pt__cut(view->m, 1, job->row_parts, i), .column = pt__cut(view->n, width, parts, j)};
    int64_t end = pt__cut(view->n, width, parts, j + 1);
    area.rows = pt__cut(view->m, 1, job->row_parts, i + 1) - area.row;
    area.columns = end - area.column;
    area.then = i + 1 == job->row_parts ? end : view->n;
    if (job->kept && workspace->holds != job->number + (uint64_t)j) {
        pt__gemm_pack(job, scratch, area.column, area.columns, 0, view->k);
        workspace->holds = job->number + (uint64_t)j;
    }
    pt__gemm_compute(job, scratch, &area);
}

static void run_product(pt__cpu_t *device, const pt__gemm_t *gemm)
{
    pt__job_t job;
    int64_t parts = pt__gemm_deep_parts(device, gemm);
    if (parts > 1) {
        pthread_mutex_lock(&device->shared_lock);
        pt__gemm_deep(device, gemm, parts);
        pthread_mutex_unlock(&device->shared_lock);
        return;
    }
    pt__gemm_describe(device, gemm, &job);
    pt__gemm_cut(&job);
    pt__pool_run(device->pool, job.row_parts * job.column_parts, compute_task, &job);
}

typedef struct batch {
    pt__cpu_t *device;
    const pt__gemm_t *gemm;
    int64_t tasks;
} batch_t;

static void batch_task(void *argument, int64_t task, int32_t worker)
{
    const batch_t *batch = argument;
    int64_t count = batch->gemm->count == 0 ? 1 : batch->gemm->count;
    pt__gemm_products(batch->device, worker, batch->gemm, pt__cut(count, 1, batch->tasks, task),
                      pt__cut(count, 1, batch->tasks, task + 1));
}

void pt__gemm_own(pt__cpu_t *device, const pt__gemm_t *gemm)
{
    int64_t count = gemm->count == 0 ? 1 : gemm->count;
    double each = pt__gemm_operations(gemm);
    pt__gemm_clear_sums(gemm);
    if (each >= PT__GEMM_SPREAD && (count < 8 || each >= 16 * PT__GEMM_SPREAD)) {
        for (int64_t i = 0; i < count; i++) {
            pt__gemm_t product;
            run_product(device, pt__gemm_product_at(gemm, i, &product));
        }
        return;
    }
    if (count == 1) {
        pt__gemm_t product;
        pt__job_t job;
        pt__gemm_describe(device, pt__gemm_product_at(gemm, 0, &product), &job);
        if (!job.packed && !job.stage && !pt__matrix_is_narrow(&gemm->b)) { /* needs no workspace */
            pt__gemm_compute_whole(&job, (pt__gemm_scratch_t){NULL, NULL});
            return;
        }
    }
    batch_t batch = {.device = device, .gemm = gemm};
    double worth = each * (double)count / PT__GEMM_TASK;
    batch.tasks = worth >= TASKS_MOST ? TASKS_MOST : pt__most((int64_t)worth, 1);
    batch.tasks = pt__least(batch.tasks, count);
    pt__pool_run(device->pool, batch.tasks, batch_task, &batch);
}
