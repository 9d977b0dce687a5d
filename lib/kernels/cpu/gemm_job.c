/* How a product is done by our own backend: what is packed, what is exchanged, how deep a pass is, by shape and caches
 * alone; and how it is cut into tasks, by the number of threads too, which no bit depends on. */
#include <stdatomic.h>
#include <stddef.h>

#include "kernels/cpu/gemm_job.h"

enum {
    PAGE_FLOATS = 1024, /* rows a multiple of this apart fall into the same cache sets */
    TAIL_MOST = 2,      /* columns beyond the last whole panel that are cheaper as sums along the depth */
    TASKS_EACH = 8,     /* of a product, at most, for each thread */

    /* of a narrow operand, for sums along the depth */
    DOT_FLOATS = 16384, /* made at a time */
    DOT_ROWS = 16,      /* that a level's sums take together, at most; */
    DOT_FEW = 4,        /* and where whole rows of more do not fit */

    /* of a product whose depth is cut */
    DEEP_PARTS = 16,     /* at most, */
    DEEP_DEPTH = 512,    /* of so much at least; */
    DEEP_LEAST = 2400000 /* multiplications */
};

static void exchange(pt__job_t *job)
{
    const pt__gemm_t *gemm = job->gemm;
    pt__gemm_t *view = &job->view;
    job->exchanged = 1;
    view->m = gemm->n;
    view->n = gemm->m;
    view->a = gemm->b;
    view->b = gemm->a;
    view->a.transposed = !gemm->b.transposed;
    view->b.transposed = !gemm->a.transposed;
}

/* Depth of a pass: a tile's rows of a have most of the first-level cache; passes of one product are equal. None
 * begins within a block of a format that has such. */
static int64_t choose_depth_block(const pt__job_t *job)
{
    const int64_t unit = pt__matrix_is_narrow(&job->gemm->b) ? pt__dtype_unit(job->gemm->b.dtype).elements : 1;
    const int64_t step = unit > 16 ? unit : 16;
    int64_t floats = job->device->cache_bytes[0] / (int64_t)sizeof(float);
    int64_t deepest = pt__most(pt__least(floats * 3 / 4 / job->micro->rows, PT__MICRO_DEPTH) / 16 * 16, 64);
    int64_t pass = job->view.k;
    if (pass > deepest)
        pass = pt__ceiling(pass, pt__ceiling(pass, deepest));
    return pt__most(pt__ceiling(pass, step) * step, step);
}

/* Where b is transposed, its n * k numbers would be packed. Exchanged, those of a are, if they lie in rows of depth,
 * and each of the m * n results is transposed once a pass, at about the cost of packing two numbers. */
static int32_t exchange_pays(const pt__gemm_t *gemm)
{
    if (!gemm->b.transposed || gemm->m < 16)
        return 0;
    double packed = (double)gemm->n * (double)gemm->k, passes = (double)pt__ceiling(gemm->k, PT__MICRO_DEPTH);
    double instead = gemm->a.transposed ? 0 : (double)gemm->m * (double)gemm->k;
    return instead + 2 * passes * (double)gemm->m * (double)gemm->n < packed;
}

/* b is packed where it lies across, or its rows push each other out of the caches, or its numbers have yet to become
 * floats; or else where it is more than a few panels that more than a few tiles of rows read. */
static int32_t packing_pays(const pt__job_t *job)
{
    const pt__gemm_t *view = &job->view;
    int32_t clash = view->b.stride % PAGE_FLOATS == 0;
    if (view->k == 0 || view->b.transposed || pt__matrix_is_narrow(&view->b))
        return view->k > 0;
    return view->m > (clash ? 3 : 8) * job->micro->rows && (clash || view->n > 4 * job->micro->columns);
}

int64_t pt__gemm_widened_stride(int64_t depth)
{
    return pt__most(pt__ceiling(depth, 16) * 16, 16);
}

int64_t pt__gemm_widened_rows(const pt__cpu_t *device, int64_t depth)
{
    const int64_t stride = pt__gemm_widened_stride(depth);
    const int64_t wanted = pt__most(DOT_FLOATS / stride / DOT_ROWS * DOT_ROWS, DOT_ROWS);
    return pt__least(pt__gemm_block_floats(device) / stride / DOT_FEW * DOT_FEW, wanted);
}

/* So few rows or columns that b would be packed for too little use. Rows of b that have to be made floats first are
 * as long as the depth: some must fit into the workspace. */
static int32_t few_dots(const pt__cpu_t *device, const pt__gemm_t *gemm)
{
    if (pt__matrix_is_narrow(&gemm->b) && pt__gemm_widened_rows(device, gemm->k) == 0)
        return 0;
    return !gemm->a.transposed && gemm->b.transposed &&
           (gemm->m <= 4 || gemm->n <= 2 || (gemm->n <= 12 && gemm->m <= 256));
}

void pt__gemm_describe(pt__cpu_t *device, const pt__gemm_t *gemm, pt__job_t *job)
{
    const pt__micro_t *micro = device->micro;
    job->device = device; /* member by member: products may be small, and a job is large */
    job->micro = micro;
    job->gemm = gemm;
    job->view = *gemm;
    job->exchanged = job->stage = job->widened = job->packed = job->kept = 0;
    job->tail = 0;
    job->row_parts = job->column_parts = 1;
    job->number = 0;
    job->parts = pt__gemm_parts(gemm) & ~PT__FINISH_BIAS;
    job->add = gemm->accumulate ? gemm->dst : NULL;
    if (gemm->residual && !gemm->slope_source && !gemm->accumulate) {
        job->parts &= ~PT__FINISH_RESIDUAL;
        job->add = gemm->residual;
    }
    job->beside = gemm->slope_source                 ? gemm->slope_source
                  : gemm->preactivation              ? gemm->preactivation
                  : job->parts & PT__FINISH_RESIDUAL ? gemm->residual
                                                     : NULL;
    job->dots = few_dots(device, gemm);
    if (job->dots) { /* whole rows of both operands */
        job->depth_block = pt__most(gemm->k, 1);
        job->column_block = gemm->n;
        return;
    }
    if (exchange_pays(gemm))
        exchange(job);
    else if (gemm->b.transposed && !gemm->a.transposed && gemm->n > micro->columns &&
             gemm->n % micro->columns <= TAIL_MOST && TAIL_MOST * pt__gemm_widened_stride(gemm->k) <= PT__MICRO_STAGE)
        job->tail = gemm->n % micro->columns; /* narrow or not: the same sums. Narrow ones become floats in the stage */
    job->view.n -= job->tail;
    const pt__gemm_t *view = &job->view;
    job->depth_block = choose_depth_block(job);
    const int64_t width = micro->columns;
    const int64_t block = pt__gemm_block_floats(device) / job->depth_block / width * width;
    const int64_t staged_block = pt__gemm_staged_block_floats(device) / job->depth_block / width * width;
    job->widened = pt__matrix_is_narrow(&view->a);
    job->stage = view->m > micro->rows && pt__gemm_operations(gemm) >= PT__GEMM_SPREAD && !job->widened &&
                 pt__gemm_stages(device, &view->a, job->depth_block, pt__least(view->n, staged_block));
    job->packed = packing_pays(job);
    job->column_block = pt__most(job->stage && job->packed ? staged_block : block, width);
}

/* ---- the cut of the depth */

int64_t pt__gemm_deep_parts(const pt__cpu_t *device, const pt__gemm_t *gemm)
{
    const pt__micro_t *micro = device->micro;
    int64_t tiles = pt__ceiling(gemm->m, micro->rows) * pt__ceiling(gemm->n, micro->columns);
    if (tiles > 8 || gemm->k < 2048 || gemm->m * gemm->n * gemm->k < DEEP_LEAST || gemm->residual == gemm->dst)
        return 1;
    int64_t fitting = PT__GEMM_SHARED_FLOATS / (gemm->m * gemm->n), parts = gemm->k / DEEP_DEPTH;
    parts = parts < DEEP_PARTS ? parts : DEEP_PARTS;
    parts = parts < fitting ? parts : fitting;
    return parts > 1 ? parts : 1;
}

/* ---- the cut into tasks */

/* Whether a task's packed columns are kept whole for the next. */
static int32_t keeps(const pt__job_t *job, int64_t column_parts)
{
    const int64_t width = job->micro->columns, panels = pt__ceiling(job->view.n, width);
    return job->packed && pt__ceiling(panels, column_parts) * width * job->view.k <= pt__gemm_block_floats(job->device);
}

/* What a grid adds to each multiplication, in multiplications, as measured:
 *   - a number of a is fetched, or copied, once for each block of columns, one of b fetched or packed once for the rows
 *   that pass over it; - tiles of few rows and columns beyond the last are done as slowly as whole ones; - threads that
 *   are left without a task wait, and with few tasks each they wait for the last; - dst is fetched again for each
 *   pass, from the further away the more of it is between; - where a row of dst is cut between two threads, the
 *   processor fetches ahead what the other one is writing. */
static double grid_cost(const pt__job_t *job, int64_t row_parts, int64_t column_parts)
{
    const int64_t width = job->micro->columns, high = job->micro->rows, rows = job->view.m, n = job->view.n;
    const int64_t threads = pt__pool_threads(job->device->pool), tasks = row_parts * column_parts;
    const int64_t each = pt__ceiling(tasks, threads), tall = pt__ceiling(rows, row_parts);
    const int64_t wide = pt__ceiling(pt__ceiling(n, width), column_parts) * width;
    const double depth = (double)pt__most(job->view.k, 1);
    const double passes = (double)pt__most(pt__ceiling(job->view.k, job->depth_block), 1);
    double passing = (double)(keeps(job, column_parts) ? tall * pt__least(each, row_parts) : tall);
    double done = (double)(pt__ceiling(tall, high) * high * row_parts * wide * column_parts) / (double)(rows * n);
    double cost = (job->stage ? 8.0 : 2.0) / (double)pt__least(wide, job->column_block) +
                  (job->packed ? 10.0 : 8.0) / passing;
    double cuts = (double)(pt__least(column_parts, threads) - 1);
    double dst = (double)(tall * pt__least(wide, job->column_block)) * sizeof(float);
    double far = dst < (double)job->device->cache_bytes[1] ? dst / (double)job->device->cache_bytes[1] : 1.0;
    cost += 0.3 * done + (double)(each * threads) / (double)tasks + 0.02 * (double)threads / (double)tasks;
    cost += 16.0 * far * (passes - 1.0) / depth;
    if (column_parts > 1)
        cost += 0.12 / (double)column_parts + 1500.0 * cuts * passes / (depth * (double)n);
    return cost;
}

static void consider(pt__job_t *job, int64_t row_parts, int64_t column_parts, double *least)
{
    row_parts = pt__least(row_parts, pt__ceiling(job->view.m, job->micro->rows));
    column_parts = pt__least(column_parts, pt__ceiling(job->view.n, job->micro->columns));
    double cost = grid_cost(job, row_parts, column_parts);
    if (cost >= *least)
        return;
    *least = cost;
    job->row_parts = row_parts;
    job->column_parts = column_parts;
}

void pt__gemm_cut(pt__job_t *job)
{
    const int64_t threads = pt__pool_threads(job->device->pool), most = threads * TASKS_EACH;
    const double worth = job->dots ? pt__gemm_operations(job->gemm) / PT__GEMM_TASK
                                   : (double)job->view.m * (double)job->view.n * (double)job->view.k / PT__GEMM_TASK;
    const int64_t wanted = worth < (double)most ? pt__most((int64_t)worth, 1) : most;
    double least = 1e30;
    for (int64_t tasks = pt__least(wanted, threads); tasks <= wanted; tasks *= 2)
        for (int64_t parts = 1; parts <= tasks; parts *= 2) {
            consider(job, pt__ceiling(tasks, parts), parts, &least);
            if (tasks & (tasks - 1)) /* of a power of two, every cut has its turn anyway */
                consider(job, parts, pt__ceiling(tasks, parts), &least);
        }
    job->kept = keeps(job, job->column_parts);
    if (job->kept)
        job->number = atomic_fetch_add(&job->device->packings, (uint64_t)job->column_parts) + 1;
}
