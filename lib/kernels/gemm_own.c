/* Our own room behind the matrix door: how a product is cut into blocks for the caches and into tasks for the pool. The
 * arithmetic is the level's (kernels/micro.h).
 *
 * The depth is cut into passes of `depth_block`, so that one panel of b stays in the first-level cache while all rows of
 * a task pass over it; each pass adds to dst. An element of dst is one chain of sums over a pass, whatever tile and task
 * it falls into: bits depend on the shape alone. The first pass puts in what is linear (bias, what dst held, a residual);
 * the rest of the epilogue follows the last pass, on rows that are still in the second-level cache.
 *
 * b reaches the tiles in one of four ways (enum source): as it stands; along the depth by sums of products, for few rows
 * or columns; packed by each task for itself, where tasks are columns and no panel is wanted twice; packed beforehand into
 * the shared workspace, by all, where tasks share panels. a is read as it stands where its rows are dense, and packed by
 * the task otherwise. */
#include <stddef.h>

#include "kernels/gemm_room.h"
#include "kernels/micro.h"
#include "kernels/vector.h"

enum {
    LOCAL_FLOATS = 96 << 10,  /* a worker's packed b */
    BLOCK_FLOATS = 160 << 10, /* a worker's packed a */
    DEPTH_BLOCK_MOST = 512,
    PAGE_FLOATS = 1024, /* rows a multiple of this apart fall into the same cache sets */
    TASKS_MOST = 32,
};
static const double task_least = 1.2e6; /* multiplications worth a task */
static const double spread_least = 6e5; /* multiplications worth waking the pool */

typedef enum source { B_AS_IS, B_SUMS, B_LOCAL, B_SHARED } source_t;

typedef struct job { /* one product */
    pt__device_t *device;
    const pt__gemm_t *gemm;
    const pt__micro_t *micro;
    source_t source;
    int32_t pack_a;
    int32_t parts;    /* of the epilogue, by rows after the last pass */
    const float *add; /* what the first pass adds: dst, the residual or nothing */
    int64_t depth_block;
    int64_t row_block; /* rows whose packed depth_block fits the worker's workspace and half the second-level cache */
    int64_t row_parts, column_parts;
    int64_t tail;    /* columns beyond the last whole panel that are cheaper by sums along the depth */
    float *packed;   /* slab: its panels, one after the other, slab_depth deep */
    float *packed_a; /* all rows of the slab's depths, packed in blocks (see packed_block), or NULL */
    int64_t slab_column, slab_columns, slab_from, slab_depth;
} job_t;

typedef struct scratch { /* a worker's workspace */
    float *a, *b;
} scratch_t;

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t ceiling(int64_t n, int64_t unit)
{
    return (n + unit - 1) / unit;
}

static double operations(const pt__gemm_t *gemm)
{
    return (double)gemm->m * (double)gemm->n * (double)(gemm->k + 4);
}

int64_t pt__gemm_worker_bytes(const pt__device_t *device)
{
    (void)device;
    return (int64_t)sizeof(float) * (BLOCK_FLOATS + LOCAL_FLOATS);
}

int64_t pt__gemm_shared_bytes(const pt__device_t *device)
{
    (void)device;
    return (int64_t)sizeof(float) * PT__GEMM_SHARED_FLOATS;
}

static scratch_t scratch_of(const pt__device_t *device, int32_t worker)
{
    float *data = device->workspaces[worker].data;
    return (scratch_t){.a = data, .b = data + BLOCK_FLOATS};
}

/* A product of one row or one column of dense operands is the same product with either layout. */
static pt__gemm_t normalised(const pt__gemm_t *gemm)
{
    pt__gemm_t same = *gemm;
    if (same.a_transposed && same.m == 1 && same.a_stride == 1) {
        same.a_transposed = 0;
        same.a_stride = same.k;
    }
    if (!same.b_transposed && same.n == 1 && same.b_stride == 1) {
        same.b_transposed = 1;
        same.b_stride = same.k;
    }
    return same;
}

/* Depth of a pass: a panel of b has the size of the first-level cache; passes of one product are equal. */
static int64_t choose_depth_block(const job_t *job)
{
    if (job->gemm->k <= 128)
        return 128;
    int64_t floats = job->device->cache_bytes[0] / (int64_t)sizeof(float);
    int64_t deepest = least(floats / job->micro->columns, DEPTH_BLOCK_MOST);
    deepest = most(deepest / 16 * 16, 64);
    int64_t passes = most(ceiling(job->gemm->k, deepest), 1);
    return most(ceiling(ceiling(job->gemm->k, passes), 16) * 16, 16);
}

static int32_t a_wants_packing(const pt__gemm_t *gemm, const pt__micro_t *micro)
{
    if (gemm->m <= 2 || gemm->n <= 2 * micro->columns)
        return 0;
    if (gemm->a_transposed)
        return gemm->a_stride > gemm->m || gemm->m > micro->rows;
    return gemm->a_stride % PAGE_FLOATS == 0 && gemm->k >= 64 && gemm->m > 4;
}

/* So few rows or columns that b would be packed for too little use. */
static int32_t few_sums(const pt__gemm_t *gemm)
{
    return gemm->m <= 4 || gemm->n <= 2 || (gemm->n <= 12 && gemm->m <= 256);
}

static job_t describe(pt__device_t *device, const pt__gemm_t *gemm)
{
    const pt__micro_t *micro = device->micro;
    job_t job = {.device = device, .gemm = gemm, .micro = micro, .row_parts = 1, .column_parts = 1};
    job.parts = pt__gemm_parts(gemm) & ~PT__FINISH_BIAS;
    job.add = gemm->accumulate ? gemm->dst : NULL;
    if (job.parts == PT__FINISH_RESIDUAL && !gemm->accumulate) {
        job.parts = 0;
        job.add = gemm->residual;
    }
    job.depth_block = choose_depth_block(&job);
    job.row_block = most(least(BLOCK_FLOATS, device->cache_bytes[1] / 8) / job.depth_block, micro->rows);
    job.pack_a = a_wants_packing(gemm, micro);
    if (gemm->b_transposed)
        job.source = !gemm->a_transposed && few_sums(gemm) ? B_SUMS : B_LOCAL;
    else
        job.source = gemm->m <= (gemm->b_stride % PAGE_FLOATS == 0 ? 2 : 6) * micro->rows ? B_AS_IS : B_LOCAL;
    if (job.source == B_LOCAL && gemm->b_transposed && !gemm->a_transposed && gemm->n > micro->columns &&
        gemm->n % micro->columns <= 2)
        job.tail = gemm->n % micro->columns;
    return job;
}

/* ---- one task */

/* Where a pass finds its panels of b, or puts them. */
typedef struct panels {
    float *packed;    /* the first column's panel at the pass' first depth; NULL: b as it is */
    int64_t step;     /* floats from one panel to the next */
    int32_t unpacked; /* they are still to be packed, each just before it is wanted */
} panels_t;

static void pack_panel(const job_t *job, int64_t column, int64_t columns, int64_t from, int64_t depth, float *dst)
{
    job->micro->pack_b(columns, depth, pt__gemm_b_at(job->gemm, from, column), job->gemm->b_stride,
                       job->gemm->b_transposed, dst);
}

/* The panel after this one, packed or as it will be read from b, spread over the tiles of this one. */
static pt__ahead_t next_panel(const job_t *job, const panels_t *panels, int64_t next_column, int64_t columns,
                              int64_t from, int64_t stretches, int64_t depth, int64_t index)
{
    const int64_t line = PT__CACHE_LINE / (int64_t)sizeof(float), width = job->micro->columns;
    pt__ahead_t ahead = {.rows = 1};
    if (columns <= 0) {
        ahead.rows = 0;
        return ahead;
    }
    if (panels->packed && !panels->unpacked) {
        ahead.row = panels->packed + index * panels->step;
        ahead.lines = ceiling(width * depth, line);
    } else {
        ahead.row = pt__gemm_b_at(job->gemm, from, next_column);
        ahead.stride = job->gemm->b_stride;
        ahead.rows = job->gemm->b_transposed ? columns : depth;
        ahead.lines = ceiling(job->gemm->b_transposed ? depth : columns, line) + 1;
    }
    ahead.pace = least(ceiling(ahead.rows * ahead.lines, stretches), 16);
    return ahead;
}

/* Rows that are multiplied together, of one pass of the slab. */
static float *packed_block(const job_t *job, int64_t row, int64_t rows, int64_t from)
{
    return job->packed_a + row * job->slab_depth + rows * (from - job->slab_from);
}

/* Rows and columns of dst in one pass over depths [from, from + depth). */
static void multiply_block(const job_t *job, scratch_t scratch, int64_t row, int64_t rows, int64_t column,
                           int64_t columns, int64_t from, int64_t depth, const panels_t *panels)
{
    const pt__gemm_t *gemm = job->gemm;
    const int64_t width = job->micro->columns;
    const int64_t stretches = ceiling(rows, job->micro->rows) * ceiling(depth, PT__MICRO_STRETCH);
    int64_t at = row * gemm->dst_stride + column;
    const float *add = from == 0 ? job->add : gemm->dst;
    pt__ahead_t ahead = {.rows = 0};
    pt__panel_t panel = {
        .rows = rows,
        .depth = depth,
        .a = pt__gemm_a_at(gemm, row, from),
        .a_stride = gemm->a_stride,
        .a_form = gemm->a_transposed ? PT__A_DEPTHS : PT__A_ROWS,
        .b_stride = panels->packed ? width : gemm->b_stride,
        .b_filled = panels->packed != NULL,
        .scale = gemm->scale,
        .dst_stride = gemm->dst_stride,
        .ahead = &ahead,
    };
    if (job->packed_a) {
        panel.a = packed_block(job, row, rows, from);
        panel.a_form = PT__A_PACKED;
    } else if (job->pack_a && columns > 2 * width) {
        job->micro->pack_a(rows, depth, panel.a, panel.a_stride, panel.a_form, scratch.a);
        panel.a = scratch.a;
        panel.a_form = PT__A_PACKED;
    }
    for (int64_t j = 0, index = 0; j < columns; j += width, index++) {
        float *packed = panels->packed ? panels->packed + index * panels->step : NULL;
        panel.columns = least(width, columns - j);
        if (panels->unpacked)
            pack_panel(job, column + j, panel.columns, from, depth, packed);
        panel.b = packed ? packed : pt__gemm_b_at(gemm, from, column + j);
        panel.dst = gemm->dst + at + j;
        panel.add = add ? add + at + j : NULL;
        panel.bias = from == 0 && gemm->bias ? gemm->bias + column + j : NULL;
        if (depth > PT__MICRO_STRETCH)
            ahead = next_panel(job, panels, column + j + width, least(width, columns - j - width), from, stretches,
                               depth, index + 1);
        job->micro->multiply(&panel);
    }
}

/* The sums along the depth take it whole. */
static void sum_block(const job_t *job, int64_t row, int64_t rows, int64_t column, int64_t columns)
{
    const pt__gemm_t *gemm = job->gemm;
    int64_t at = row * gemm->dst_stride + column;
    pt__panel_t panel = {
        .rows = rows,
        .columns = columns,
        .depth = gemm->k,
        .a = pt__gemm_a_at(gemm, row, 0),
        .a_stride = gemm->a_stride,
        .b = pt__gemm_b_at(gemm, 0, column),
        .b_stride = gemm->b_stride,
        .scale = gemm->scale,
        .dst = gemm->dst + at,
        .add = job->add ? job->add + at : NULL,
        .dst_stride = gemm->dst_stride,
        .bias = gemm->bias ? gemm->bias + column : NULL,
    };
    job->micro->dot(&panel);
    pt__gemm_finish(job->device, gemm, job->parts, row, rows, column, columns);
}

/* Rows and columns of dst, over the depths of the slab (B_SHARED) or all of them. */
static void compute(const job_t *job, scratch_t scratch, int64_t row, int64_t rows, int64_t column, int64_t columns)
{
    const int64_t width = job->micro->columns, k = job->gemm->k;
    if (job->source == B_SUMS) {
        sum_block(job, row, rows, column, columns);
        return;
    }
    int64_t begin = job->source == B_SHARED ? job->slab_from : 0;
    int64_t end = job->source == B_SHARED ? begin + job->slab_depth : k;
    int64_t from = begin;
    if (job->tail && column + columns == job->gemm->n) {
        columns -= job->tail;
        if (begin == 0)
            sum_block(job, row, rows, column + columns, job->tail);
        if (columns == 0)
            return;
    }
    do {
        int64_t depth = least(job->depth_block, end - from);
        panels_t panels = {.step = width * depth};
        if (job->source == B_SHARED) {
            panels.step = width * job->slab_depth;
            panels.packed = job->packed + (column - job->slab_column) / width * panels.step + (from - begin) * width;
        } else if (job->source == B_LOCAL) {
            panels.packed = scratch.b;
            panels.unpacked = 1;
        }
        for (int64_t r = row; r < row + rows; r += job->row_block) {
            int64_t height = least(job->row_block, row + rows - r);
            multiply_block(job, scratch, r, height, column, columns, from, depth, &panels);
            panels.unpacked = 0;
            if (from + depth >= k)
                pt__gemm_finish(job->device, job->gemm, job->parts, r, height, column, columns);
        }
        from += depth;
    } while (from < end);
}

/* All of a product on one thread, in columns whose packed panels fit the worker's workspace. */
static void compute_all(const job_t *job, scratch_t scratch)
{
    int64_t width = job->micro->columns;
    int64_t step = job->source == B_LOCAL ? LOCAL_FLOATS / job->depth_block / width * width : job->gemm->n;
    for (int64_t column = 0; column < job->gemm->n; column += step)
        compute(job, scratch, 0, job->gemm->m, column, least(step, job->gemm->n - column));
}

/* ---- one product on the pool */

static void compute_task(void *argument, int64_t task, int32_t worker)
{
    const job_t *job = argument;
    int64_t i = task % job->row_parts, j = task / job->row_parts, width = job->micro->columns;
    int64_t first = job->source == B_SHARED ? job->slab_column : 0;
    int64_t total = job->source == B_SHARED ? job->slab_columns : job->gemm->n;
    int64_t row = pt__cut(job->gemm->m, 1, job->row_parts, i);
    int64_t rows = pt__cut(job->gemm->m, 1, job->row_parts, i + 1) - row;
    int64_t column = pt__cut(total, width, job->column_parts, j);
    int64_t columns = pt__cut(total, width, job->column_parts, j + 1) - column;
    if (rows > 0 && columns > 0)
        compute(job, scratch_of(job->device, worker), row, rows, first + column, columns);
}

/* A part's rows of a, in the blocks and passes in which compute() will ask for them. */
static void pack_rows(const job_t *job, int64_t part)
{
    const pt__gemm_t *gemm = job->gemm;
    int64_t end = pt__cut(gemm->m, 1, job->row_parts, part + 1), last = job->slab_from + job->slab_depth;
    for (int64_t from = job->slab_from; from < last; from += job->depth_block)
        for (int64_t row = pt__cut(gemm->m, 1, job->row_parts, part); row < end; row += job->row_block) {
            int64_t rows = least(job->row_block, end - row);
            job->micro->pack_a(rows, least(job->depth_block, last - from), pt__gemm_a_at(gemm, row, from),
                               gemm->a_stride, gemm->a_transposed ? PT__A_DEPTHS : PT__A_ROWS,
                               packed_block(job, row, rows, from));
        }
}

static void pack_task(void *argument, int64_t task, int32_t worker)
{
    const job_t *job = argument;
    int64_t width = job->micro->columns, panels = ceiling(job->slab_columns, width), panel = task * width;
    (void)worker;
    if (task >= panels)
        pack_rows(job, task - panels);
    else
        pack_panel(job, job->slab_column + panel, least(width, job->slab_columns - panel), job->slab_from,
                   job->slab_depth, job->packed + panel * job->slab_depth);
}

/* What fetching both operands adds to a multiplication in a task of so many rows and columns, and how uneven tasks are:
 * a and b are fetched once for all columns and rows of a task, at about the cost of `fetch` multiplications a number. */
static double grid_cost(const job_t *job, int64_t columns, int64_t row_parts, int64_t column_parts)
{
    const int64_t width = job->micro->columns, high = job->micro->rows;
    double tallest = (double)ceiling(job->gemm->m, row_parts);
    double widest = (double)(ceiling(ceiling(columns, width), column_parts) * width);
    double tiles = (double)ceiling((int64_t)tallest, high) * (double)high;
    double fetch = job->pack_a && !job->packed_a ? 48.0 : 12.0;
    double uneven = tiles * (double)row_parts * widest * (double)column_parts /
                    ((double)job->gemm->m * (double)columns);
    return fetch / widest + 12.0 / tallest + 0.5 * uneven;
}

/* Cuts rows x columns into `wanted` parts or somewhat more: a multiple of 4, so that few threads get equal shares. */
static void choose_grid(job_t *job, int64_t columns)
{
    const pt__gemm_t *gemm = job->gemm;
    const int64_t panels = ceiling(columns, job->micro->columns), tiles = ceiling(gemm->m, job->micro->rows);
    double worth = (double)gemm->m * (double)columns * (double)gemm->k / task_least, best = 1e30;
    int64_t wanted = worth >= TASKS_MOST ? TASKS_MOST : worth >= 4.0 ? (int64_t)worth / 4 * 4 : most((int64_t)worth, 1);
    job->row_parts = 1;
    if (job->source == B_LOCAL) { /* each panel is packed once */
        int64_t fewest = ceiling(panels * job->micro->columns * job->depth_block, LOCAL_FLOATS);
        job->column_parts = most(least(wanted, panels / 3 / 4 * 4), fewest);
        return;
    }
    job->column_parts = 1;
    for (int64_t rows = 1; rows <= least(tiles, 2 * wanted); rows++) {
        int64_t across = least(ceiling(wanted, rows), panels);
        double cost = grid_cost(job, columns, rows, across);
        if (rows * across < least(wanted, tiles * panels))
            continue;
        if (cost < best) {
            best = cost;
            job->row_parts = rows;
            job->column_parts = across;
        }
    }
}

/* Slab after slab of b, and of a where it wants packing and fits, packed by all and then used by all. */
static void run_slabs(job_t *job)
{
    const pt__gemm_t *gemm = job->gemm;
    const int64_t width = job->micro->columns;
    const int64_t across = ceiling(most(least(gemm->n, 768), width), width) * width;
    int64_t high = job->pack_a && (gemm->m + across) * job->depth_block <= PT__GEMM_SHARED_FLOATS ? gemm->m : 0;
    int64_t deepest = most(PT__GEMM_SHARED_FLOATS / (across + high) / job->depth_block, 1) * job->depth_block;
    int64_t depth = least(deepest, gemm->k), columns = (PT__GEMM_SHARED_FLOATS / depth - high) / width * width;
    job->packed = job->device->shared.data;
    for (job->slab_column = 0; job->slab_column < gemm->n; job->slab_column += columns) {
        job->slab_columns = least(columns, gemm->n - job->slab_column);
        job->packed_a = high > 0 ? job->packed + ceiling(job->slab_columns, width) * width * depth : NULL;
        choose_grid(job, job->slab_columns);
        int64_t packs = ceiling(job->slab_columns, width) + (job->packed_a ? job->row_parts : 0);
        for (job->slab_from = 0; job->slab_from < gemm->k; job->slab_from += depth) {
            job->slab_depth = least(depth, gemm->k - job->slab_from);
            pt__pool_run(job->device->pool, packs, pack_task, job);
            pt__pool_run(job->device->pool, job->row_parts * job->column_parts, compute_task, job);
        }
    }
}

/* ---- products */

static void run_product(pt__device_t *device, const pt__gemm_t *gemm)
{
    job_t job = describe(device, gemm);
    int64_t parts = pt__gemm_deep_parts(device, gemm);
    if (parts > 1) {
        pthread_mutex_lock(&device->shared_lock);
        pt__gemm_deep(device, gemm, parts);
        pthread_mutex_unlock(&device->shared_lock);
        return;
    }
    int64_t panels = ceiling(gemm->n, job.micro->columns);
    if (job.source == B_LOCAL && gemm->k > 0 &&
        (job.pack_a || panels < 12 || gemm->m * gemm->k > device->cache_bytes[1] / 6)) {
        job.source = B_SHARED;
        pthread_mutex_lock(&device->shared_lock);
        run_slabs(&job);
        pthread_mutex_unlock(&device->shared_lock);
        return;
    }
    choose_grid(&job, gemm->n);
    pt__pool_run(device->pool, job.row_parts * job.column_parts, compute_task, &job);
}

void pt__gemm_own_serial(pt__device_t *device, int32_t worker, const pt__gemm_t *gemm)
{
    int64_t count = gemm->count == 0 ? 1 : gemm->count;
    for (int64_t i = 0; i < count; i++) {
        pt__gemm_t one = pt__gemm_product(gemm, i), product = normalised(&one);
        job_t job = describe(device, &product);
        compute_all(&job, scratch_of(device, worker));
    }
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
    int64_t end = pt__cut(count, 1, batch->tasks, task + 1);
    for (int64_t i = pt__cut(count, 1, batch->tasks, task); i < end; i++) {
        pt__gemm_t one = pt__gemm_product(batch->gemm, i);
        pt__gemm_own_serial(batch->device, worker, &one);
    }
}

void pt__gemm_own(pt__device_t *device, const pt__gemm_t *gemm)
{
    int64_t count = gemm->count == 0 ? 1 : gemm->count;
    double each = operations(gemm);
    if (each >= spread_least && (count < 8 || each >= 16 * spread_least)) {
        for (int64_t i = 0; i < count; i++) {
            pt__gemm_t one = pt__gemm_product(gemm, i), product = normalised(&one);
            run_product(device, &product);
        }
        return;
    }
    if (count == 1) {
        pt__gemm_t one = pt__gemm_product(gemm, 0), product = normalised(&one);
        job_t job = describe(device, &product);
        if (!job.pack_a && (job.source == B_AS_IS || job.source == B_SUMS)) { /* needs no workspace */
            compute_all(&job, (scratch_t){NULL, NULL});
            return;
        }
    }
    batch_t batch = {.device = device, .gemm = gemm};
    double worth = each * (double)count / task_least;
    batch.tasks = worth >= TASKS_MOST ? TASKS_MOST : most((int64_t)worth, 1);
    batch.tasks = least(batch.tasks, count);
    pt__pool_run(device->pool, batch.tasks, batch_task, &batch);
}
