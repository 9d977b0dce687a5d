/* Our own room behind the matrix door: how a product is cut into blocks for the caches and into tasks for the pool. The
 * arithmetic is the level's (kernels/micro.h).
 *
 * The depth is cut into passes, so that a tile's rows of a stay in the first-level cache while panel after panel of b, a block
 * of which stays in the second-level cache, passes over them; each pass adds to dst. An element of dst is one chain of sums
 * over a pass, whatever tile and task it falls into: bits depend on the shape alone. The first pass puts in what is linear
 * (bias, what dst held, a residual); the rest of the epilogue follows the last pass, on rows that are still in cache.
 *
 * a is read where it stands; each tile's rows are copied into the first-level cache first where they would push each other
 * out of it. b is packed into panels: once by all threads into the shared workspace, where tasks share columns, or block by
 * block by the task that has the columns to itself; few rows read b where it stands. Where b is transposed and a is
 * much the smaller of the two, a and b are exchanged: then a is packed, and dst's tiles are transposed as they are stored. So
 * a large weight is read once, from where it stands. */
#include <stddef.h>

#include "kernels/gemm_job.h"
#include "kernels/vector.h"

enum {
    PACK_PANELS = 4, /* of a task that packs */
    TASKS_MOST = 32,
};
static const double task_least = 1.2e6; /* multiplications worth a task */

typedef struct scratch { /* a worker's workspace; NULLs where the job needs none */
    float *stage, *b;
} scratch_t;

int64_t pt__gemm_worker_bytes(const pt__device_t *device)
{
    (void)device;
    return (int64_t)sizeof(float) * (PT__MICRO_STAGE + PT__GEMM_LOCAL_FLOATS);
}

int64_t pt__gemm_shared_bytes(const pt__device_t *device)
{
    (void)device;
    return (int64_t)sizeof(float) * PT__GEMM_SHARED_FLOATS;
}

static scratch_t scratch_of(const pt__device_t *device, int32_t worker)
{
    float *data = device->workspaces[worker].data;
    return (scratch_t){.stage = data, .b = data + PT__MICRO_STAGE};
}

/* The i-th product of a batch. One of one row or one column of dense operands is the same product with either layout. */
static pt__gemm_t product_at(const pt__gemm_t *gemm, int64_t index)
{
    pt__gemm_t product = pt__gemm_product(gemm, index);
    if (product.a_transposed && product.m == 1 && product.a_stride == 1) {
        product.a_transposed = 0;
        product.a_stride = product.k;
    }
    if (!product.b_transposed && product.n == 1 && product.b_stride == 1) {
        product.b_transposed = 1;
        product.b_stride = product.k;
    }
    return product;
}

/* ---- one task */

static int64_t dst_at(const pt__job_t *job, int64_t row, int64_t column)
{
    return job->exchanged ? column * job->gemm->dst_stride + row : row * job->gemm->dst_stride + column;
}

static void finish(const pt__job_t *job, int64_t row, int64_t rows, int64_t column, int64_t columns)
{
    if (job->exchanged)
        pt__gemm_finish(job->device, job->gemm, job->parts, column, columns, row, rows);
    else
        pt__gemm_finish(job->device, job->gemm, job->parts, row, rows, column, columns);
}

/* Where a block of b stands at a depth of the slab; PT__B_LOCAL: before it is packed. */
static const float *block_of_b(const pt__job_t *job, int64_t column, int64_t from)
{
    const int64_t width = job->micro->columns;
    if (job->source != PT__B_SHARED)
        return pt__gemm_b_at(&job->view, from, column);
    return job->packed + (column - job->columns.begin) / width * width * job->depth.size +
           (from - job->depth.begin) * width;
}

/* What will be read of b for a block. */
static pt__ahead_t ahead_of_b(const pt__job_t *job, int64_t column, int64_t columns, int64_t from, int64_t depth)
{
    const int64_t line = PT__CACHE_LINE / (int64_t)sizeof(float), width = job->micro->columns;
    pt__ahead_t ahead = {.row = block_of_b(job, column, from)};
    if (job->source == PT__B_SHARED) {
        ahead.rows = pt__ceiling(columns, width);
        ahead.stride = width * job->depth.size;
        ahead.lines = pt__ceiling(width * depth, line);
    } else {
        ahead.rows = job->view.b_transposed ? columns : depth;
        ahead.stride = job->view.b_stride;
        ahead.lines = pt__ceiling(job->view.b_transposed ? depth : columns, line) + 1;
    }
    return ahead;
}

/* Rows and columns of dst, over one pass; then comes what `next` says. */
static void multiply(const pt__job_t *job, scratch_t scratch, int64_t row, int64_t rows, int64_t column,
                     int64_t columns, int64_t from, int64_t depth, pt__ahead_t *next)
{
    const pt__gemm_t *view = &job->view;
    const int64_t at = dst_at(job, row, column), width = job->micro->columns;
    const float *add = from == 0 ? job->add : view->dst;
    pt__block_t block = {
        .rows = rows,
        .columns = columns,
        .depth = depth,
        .a = pt__gemm_a_at(view, row, from),
        .a_stride = view->a_stride,
        .a_transposed = view->a_transposed,
        .stage = job->stage ? scratch.stage : NULL,
        .b = block_of_b(job, column, from),
        .b_stride = view->b_stride,
        .b_step = width,
        .b_filled = job->source != PT__B_AS_IS,
        .dst_transposed = job->exchanged,
        .dst = view->dst + at,
        .add = add ? add + at : NULL,
        .dst_stride = view->dst_stride,
        .bias = from == 0 && view->bias ? view->bias + (job->exchanged ? row : column) : NULL,
        .a_sum = view->a_sum && column == 0 ? view->a_sum + row : NULL,
        .b_sum = view->b_sum && row == 0 ? view->b_sum + column : NULL,
        .b_next = next,
    };
    const float *beside = block.add && block.add != block.dst ? job->add : from + depth < view->k ? NULL : job->beside;
    block.beside = beside ? beside + at : NULL;
    if (job->source != PT__B_AS_IS) {
        block.b_stride = width;
        block.b_step = width * (job->source == PT__B_SHARED ? job->depth.size : depth);
    }
    if (job->source == PT__B_LOCAL) {
        job->micro->pack_b(columns, depth, block.b, view->b_stride, view->b_transposed, scratch.b, block.b_step);
        block.b = scratch.b;
    }
    job->micro->multiply(&block);
}

/* The sums along the depth take it whole. */
static void sum_block(const pt__job_t *job, int64_t row, int64_t rows, int64_t column, int64_t columns)
{
    const pt__gemm_t *gemm = job->gemm;
    int64_t at = row * gemm->dst_stride + column;
    pt__block_t block = {
        .rows = rows,
        .columns = columns,
        .depth = gemm->k,
        .a = pt__gemm_a_at(gemm, row, 0),
        .a_stride = gemm->a_stride,
        .b = pt__gemm_b_at(gemm, 0, column),
        .b_stride = gemm->b_stride,
        .dst = gemm->dst + at,
        .add = job->add ? job->add + at : NULL,
        .dst_stride = gemm->dst_stride,
        .bias = gemm->bias ? gemm->bias + column : NULL,
    };
    job->micro->dot(&block);
    pt__gemm_finish(job->device, gemm, job->parts, row, rows, column, columns);
}

/* Rows and columns of dst over the depths of the slab. */
static void compute(const pt__job_t *job, scratch_t scratch, int64_t row, int64_t rows, int64_t column, int64_t columns)
{
    const int64_t begin = job->depth.begin, end = begin + job->depth.size, last = column + columns;
    for (; column < last; column += job->column_block) {
        int64_t wide = pt__least(job->column_block, last - column), from = begin;
        do { /* once at least: a product of no depth is its epilogue */
            int64_t depth = pt__least(job->depth_block, end - from), then = from + depth;
            pt__ahead_t next = {.rows = 0};
            if (then < end)
                next = ahead_of_b(job, column, wide, then, pt__least(job->depth_block, end - then));
            else if (column + wide < last)
                next = ahead_of_b(job, column + wide, pt__least(job->column_block, last - column - wide), begin,
                                  pt__least(job->depth_block, job->depth.size));
            multiply(job, scratch, row, rows, column, wide, from, depth, &next);
            from = then;
        } while (from < end);
        if (end == job->view.k)
            finish(job, row, rows, column, wide);
    }
}

static void compute_part(const pt__job_t *job, scratch_t scratch, int64_t row, int64_t rows, int64_t column,
                         int64_t columns)
{
    if (rows == 0 || columns == 0)
        return;
    if (job->sums) {
        sum_block(job, row, rows, column, columns);
        return;
    }
    compute(job, scratch, row, rows, column, columns);
    if (job->tail && job->depth.begin == 0 && column + columns == job->view.n)
        sum_block(job, row, rows, column + columns, job->tail);
}

static void compute_task(void *argument, int64_t task, int32_t worker)
{
    const pt__job_t *job = argument;
    const int64_t high = job->view.m, wide = job->columns.size, width = job->micro->columns;
    int64_t i = task / job->column_parts, j = task % job->column_parts;
    int64_t row = pt__cut(high, 1, job->row_parts, i), column = pt__cut(wide, width, job->column_parts, j);
    int64_t rows = pt__cut(high, 1, job->row_parts, i + 1) - row;
    int64_t columns = pt__cut(wide, width, job->column_parts, j + 1) - column;
    compute_part(job, scratch_of(job->device, worker), row, rows, job->columns.begin + column, columns);
}

/* A few panels of the slab, over a pass. */
static void pack_task(void *argument, int64_t task, int32_t worker)
{
    const pt__job_t *job = argument;
    const pt__gemm_t *view = &job->view;
    const int64_t wide = PACK_PANELS * job->micro->columns, across = pt__ceiling(job->columns.size, wide);
    int64_t column = task % across * wide, from = task / across * job->depth_block;
    (void)worker;
    job->micro->pack_b(pt__least(wide, job->columns.size - column), pt__least(job->depth_block, job->depth.size - from),
                       pt__gemm_b_at(view, job->depth.begin + from, job->columns.begin + column), view->b_stride,
                       view->b_transposed, job->packed + column * job->depth.size + from * job->micro->columns,
                       job->depth.size * job->micro->columns);
}

/* ---- the whole product */

/* What fetching both operands adds to a multiplication in a task of so many rows and columns, and how uneven tasks are:
 * a is fetched once for each block of columns, b once for all rows of a task, at about the cost of 12 multiplications a
 * number. */
static double grid_cost(const pt__job_t *job, int64_t row_parts, int64_t column_parts)
{
    const int64_t width = job->micro->columns, high = job->micro->rows, rows = job->view.m;
    double tallest = (double)pt__ceiling(rows, row_parts), block = (double)job->column_block;
    double widest = (double)(pt__ceiling(pt__ceiling(job->columns.size, width), column_parts) * width);
    double tiles = (double)pt__ceiling((int64_t)tallest, high) * (double)high;
    double uneven = tiles * (double)row_parts * widest * (double)column_parts /
                    ((double)rows * (double)job->columns.size);
    return 12.0 / (widest < block ? widest : block) + 12.0 / tallest + 0.5 * uneven;
}

/* Cuts the slab into `wanted` parts or somewhat more: 2 or a multiple of 4, so that few threads get equal shares. Panels that
 * tasks pack for themselves are not wanted twice, and a task has a few of them to pass over a tile's rows of a. */
static void choose_grid(pt__job_t *job)
{
    const int64_t panels = pt__ceiling(job->columns.size, job->micro->columns);
    const int64_t tiles = pt__ceiling(job->view.m, job->micro->rows);
    double worth = (double)job->view.m * (double)job->columns.size * (double)job->depth.size / task_least;
    double best = 1e30;
    int64_t wanted = worth >= TASKS_MOST ? TASKS_MOST : worth >= 3.0 ? ((int64_t)worth + 1) / 4 * 4 : 2;
    const int64_t share = pt__least(wanted, 4);
    job->row_parts = 1;
    job->column_parts = pt__least(wanted, pt__most(panels / 3 / 4 * 4, 1));
    for (int64_t rows = 1; job->source != PT__B_LOCAL && rows <= pt__least(tiles, 2 * wanted); rows++) {
        int64_t across = pt__ceiling(wanted, rows);
        while (rows * across % share != 0)
            across++;
        across = pt__least(across, panels);
        double cost = grid_cost(job, rows, across);
        if (rows * across < pt__least(wanted, tiles * panels) || cost >= best)
            continue;
        best = cost;
        job->row_parts = rows;
        job->column_parts = across;
    }
}

static void run_slab(pt__job_t *job)
{
    int64_t packs = pt__ceiling(job->columns.size, PACK_PANELS * job->micro->columns) *
                    pt__ceiling(job->depth.size, job->depth_block);
    choose_grid(job);
    if (job->source == PT__B_SHARED)
        pt__pool_run(job->device->pool, packs, pack_task, job);
    pt__pool_run(job->device->pool, job->row_parts * job->column_parts, compute_task, job);
}

/* Slab after slab, each as large as the shared workspace lets packed panels be, and as deep as can be, since dst is read and
 * written once for each. */
static void run_slabs(pt__job_t *job)
{
    const int64_t width = job->micro->columns, n = job->view.n, k = job->view.k, room = PT__GEMM_SHARED_FLOATS;
    const int64_t across = pt__least(pt__ceiling(n, width), 24) * width;
    int64_t depth = pt__least(k, pt__most(room / across / job->depth_block, 1) * job->depth_block);
    int64_t columns = room / pt__most(depth, 1) / width * width;
    job->packed = job->device->shared.data;
    for (int64_t column = 0; column < n; column += columns)
        for (int64_t from = 0; from < k; from += depth) {
            job->columns = (pt__range_t){column, pt__least(columns, n - column)};
            job->depth = (pt__range_t){from, pt__least(depth, k - from)};
            run_slab(job);
        }
}

static void run_product(pt__device_t *device, const pt__gemm_t *gemm)
{
    pt__job_t job = pt__gemm_describe(device, gemm, 1);
    int64_t parts = pt__gemm_deep_parts(device, gemm);
    if (parts == 1 && job.source != PT__B_SHARED) {
        job.columns.size = job.view.n;
        job.depth.size = job.view.k;
        run_slab(&job);
        return;
    }
    pthread_mutex_lock(&device->shared_lock);
    if (parts > 1)
        pt__gemm_deep(device, gemm, parts);
    else
        run_slabs(&job);
    pthread_mutex_unlock(&device->shared_lock);
}

/* All of a product on this thread. */
static void run_here(pt__job_t *job, scratch_t scratch)
{
    job->columns.size = job->view.n;
    job->depth.size = job->view.k;
    compute_part(job, scratch, 0, job->view.m, 0, job->view.n);
}

static void run_products(pt__device_t *device, int32_t worker, const pt__gemm_t *gemm, int64_t begin, int64_t end)
{
    for (int64_t i = begin; i < end; i++) {
        pt__gemm_t product = product_at(gemm, i);
        pt__job_t job = pt__gemm_describe(device, &product, 0);
        run_here(&job, scratch_of(device, worker));
    }
}

void pt__gemm_own_serial(pt__device_t *device, int32_t worker, const pt__gemm_t *gemm)
{
    run_products(device, worker, gemm, 0, gemm->count == 0 ? 1 : gemm->count);
}

typedef struct batch {
    pt__device_t *device;
    const pt__gemm_t *gemm;
    int64_t tasks;
} batch_t;

static void batch_task(void *argument, int64_t task, int32_t worker)
{
    const batch_t *batch = argument;
    int64_t count = batch->gemm->count == 0 ? 1 : batch->gemm->count;
    run_products(batch->device, worker, batch->gemm, pt__cut(count, 1, batch->tasks, task),
                 pt__cut(count, 1, batch->tasks, task + 1));
}

void pt__gemm_own(pt__device_t *device, const pt__gemm_t *gemm)
{
    int64_t count = gemm->count == 0 ? 1 : gemm->count;
    double each = pt__gemm_operations(gemm);
    pt__gemm_clear_sums(gemm);
    if (each >= PT__GEMM_SPREAD && (count < 8 || each >= 16 * PT__GEMM_SPREAD)) {
        for (int64_t i = 0; i < count; i++) {
            pt__gemm_t product = product_at(gemm, i);
            run_product(device, &product);
        }
        return;
    }
    if (count == 1) {
        pt__gemm_t product = product_at(gemm, 0);
        pt__job_t job = pt__gemm_describe(device, &product, 0);
        if (job.source == PT__B_AS_IS && !job.stage) { /* needs no workspace */
            run_here(&job, (scratch_t){NULL, NULL});
            return;
        }
    }
    batch_t batch = {.device = device, .gemm = gemm};
    double worth = each * (double)count / task_least;
    batch.tasks = worth >= TASKS_MOST ? TASKS_MOST : pt__most((int64_t)worth, 1);
    batch.tasks = pt__least(batch.tasks, count);
    pt__pool_run(device->pool, batch.tasks, batch_task, &batch);
}
