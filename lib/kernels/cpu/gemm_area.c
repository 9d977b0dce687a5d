/* An area of a product on one thread, block after block of b, pass after pass over a (gemm_own.c says why). */
#include "kernels/cpu/gemm_area.h"

#include <stddef.h>

pt__gemm_scratch_t pt__gemm_scratch(const pt__cpu_t *device, int32_t worker)
{
    float *data = device->workspaces[worker].data;
    return (pt__gemm_scratch_t){.stage = data, .b = data + PT__MICRO_STAGE};
}

/* The i-th product of a batch, made in `product` where it is not the whole. One of one row or one column of dense
 * operands is the same product with either layout; so their sums over the depth never come with it (gemm_sums.c). */
const pt__gemm_t *pt__gemm_product_at(const pt__gemm_t *gemm, int64_t index, pt__gemm_t *product)
{
    int32_t row = gemm->a.transposed && gemm->m == 1 && gemm->a.stride == 1;
    int32_t column = !gemm->b.transposed && gemm->n == 1 && gemm->b.stride == 1;
    if (gemm->count <= 1 && !row && !column)
        return gemm;
    if (index > 0)
        *product = pt__gemm_product(gemm, index);
    else
        *product = *gemm;
    product->count = 1;
    if (row) {
        product->a.transposed = 0;
        product->a.stride = product->k;
    }
    if (column) {
        product->b.transposed = 1;
        product->b.stride = product->k;
    }
    return product;
}

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

void pt__gemm_pack(const pt__job_t *job, pt__gemm_scratch_t scratch, int64_t column, int64_t columns, int64_t from,
                   int64_t depth)
{
    const pt__matrix_t *b = &job->view.b;
    if (pt__matrix_is_narrow(b))
        pt__gemm_pack_narrow(job, columns, depth, pt__matrix_from(b, from, column), scratch.stage, scratch.b);
    else
        job->micro->pack_b(columns, depth, pt__matrix_at(b, from, column), b->stride, b->transposed, scratch.b,
                           depth * job->micro->columns);
}

/* What will be read of b for a block. */
static pt__ahead_t ahead_of_b(const pt__job_t *job, int64_t column, int64_t columns, int64_t from, int64_t depth)
{
    const int64_t line = PT__CACHE_LINE / (int64_t)sizeof(float);
    const int32_t transposed = job->view.b.transposed;
    if (pt__matrix_is_narrow(&job->view.b))
        return (pt__ahead_t){.rows = 0}; /* each row is read as it is stored, from begin to end */
    columns = pt__least(columns, job->view.n - column);
    depth = pt__least(depth, job->view.k - from);
    return (pt__ahead_t){.row = pt__matrix_at(&job->view.b, from, column),
                         .stride = job->view.b.stride,
                         .rows = transposed ? columns : depth,
                         .lines = pt__ceiling(transposed ? depth : columns, line) + 1};
}

/* Rows and columns of dst, over one pass; then comes what `next` says. */
static void multiply(const pt__job_t *job, pt__gemm_scratch_t scratch, const pt__gemm_area_t *area, int64_t column,
                     int64_t columns, int64_t from, int64_t depth, pt__ahead_t *next)
{
    const int64_t row = area->row, rows = area->rows;
    const pt__gemm_t *view = &job->view;
    const int64_t at = dst_at(job, row, column), width = job->micro->columns;
    const float *add = from == 0 ? job->add : view->dst;
    pt__block_t block = {
        .rows = rows,
        .columns = columns,
        .depth = depth,
        .a = job->widened ? NULL : pt__matrix_at(&view->a, row, from),
        .a_stride = view->a.stride,
        .a_transposed = view->a.transposed,
        .stage = job->stage ? scratch.stage : NULL,
        .b = job->packed ? NULL : pt__matrix_at(&view->b, from, column),
        .b_stride = view->b.stride,
        .b_step = width,
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
    if (job->packed) {
        if (!job->kept)
            pt__gemm_pack(job, scratch, column, columns, from, depth);
        block.b = job->kept ? scratch.b + from * width : scratch.b;
        block.b_stride = width;
        block.b_step = width * (job->kept ? view->k : depth);
        block.b_filled = 1;
    }
    if (job->widened)
        pt__gemm_multiply_widened(job, &block, pt__matrix_from(&view->a, row, from), scratch.stage);
    else
        job->micro->multiply(&block);
}

/* Whether a narrow b's numbers become floats in registers: they are whole blocks, and few rows read them. */
static int32_t in_registers(const pt__job_t *job, int64_t rows)
{
    const pt__matrix_t *b = &job->gemm->b;
    return rows <= PT__MICRO_FEW && pt__matrix_is_narrow(b) && job->micro->dot_narrow[b->dtype] &&
           (!job->micro->dot_narrow_needs_f16c || (job->device->features & PT__FEATURE_F16C)) && b->skip == 0 &&
           job->gemm->k % pt__dtype_unit(b->dtype).elements == 0;
}

/* The sums along the depth take it whole. The tail's narrow columns become floats in the stage, since the rest of the
 * workspace may hold the panels of the next task. */
static void dot_block(const pt__job_t *job, pt__gemm_scratch_t scratch, int64_t row, int64_t rows, int64_t column,
                      int64_t columns)
{
    const pt__gemm_t *gemm = job->gemm;
    int64_t at = row * gemm->dst_stride + column;
    pt__block_t block = {
        .rows = rows,
        .columns = columns,
        .depth = gemm->k,
        .a = pt__matrix_at(&gemm->a, row, 0),
        .a_stride = gemm->a.stride,
        .dst = gemm->dst + at,
        .add = job->add ? job->add + at : NULL,
        .dst_stride = gemm->dst_stride,
        .bias = gemm->bias ? gemm->bias + column : NULL,
    };
    if (in_registers(job, rows)) {
        const pt__matrix_t b = pt__matrix_from(&gemm->b, 0, column);
        job->micro->dot_narrow[b.dtype](&block, b.data, pt__dtype_bytes(b.dtype, b.stride));
    } else if (pt__matrix_is_narrow(&gemm->b)) {
        const int64_t step = job->tail ? columns : pt__gemm_widened_rows(job->device, gemm->k);
        pt__gemm_dot_widened(job, &block, pt__matrix_from(&gemm->b, 0, column), step,
                             job->tail ? scratch.stage : scratch.b);
    } else {
        block.b = pt__matrix_at(&gemm->b, 0, column);
        block.b_stride = gemm->b.stride;
        job->micro->dot(&block);
    }
    pt__gemm_finish(job->device, gemm, job->parts, row, rows, column, columns);
}

/* Block of columns after block, pass after pass, over a. */
static void compute(const pt__job_t *job, pt__gemm_scratch_t scratch, const pt__gemm_area_t *area)
{
    const int64_t k = job->view.k, last = area->column + area->columns, width = job->micro->columns;
    const int64_t panels = pt__ceiling(area->columns, width), fetched = job->kept ? k : job->depth_block;
    const int64_t blocks = job->kept ? 1 : pt__ceiling(panels * width, job->column_block);
    const int64_t block = pt__ceiling(panels, blocks) * width; /* as equal as panels let them be */
    for (int64_t column = area->column; column < last; column += block) {
        int64_t wide = pt__least(block, last - column), from = 0;
        do { /* once at least: a product of no depth is its epilogue */
            int64_t depth = pt__least(job->depth_block, k - from), then = from + depth;
            int64_t beyond = column + wide < last ? column + wide : area->then;
            pt__ahead_t next = {.rows = 0};
            if (then < k && !job->kept)
                next = ahead_of_b(job, column, wide, then, fetched);
            else if (then == k && beyond < job->view.n)
                next = ahead_of_b(job, beyond, block, 0, fetched);
            multiply(job, scratch, area, column, wide, from, depth, &next);
            from = then;
        } while (from < k);
        finish(job, area->row, area->rows, column, wide);
    }
}

void pt__gemm_compute(const pt__job_t *job, pt__gemm_scratch_t scratch, const pt__gemm_area_t *area)
{
    if (area->rows == 0 || area->columns == 0)
        return;
    if (job->dots) {
        dot_block(job, scratch, area->row, area->rows, area->column, area->columns);
        return;
    }
    compute(job, scratch, area);
    if (job->tail && area->column + area->columns == job->view.n)
        dot_block(job, scratch, area->row, area->rows, job->view.n, job->tail);
}

void pt__gemm_compute_whole(const pt__job_t *job, pt__gemm_scratch_t scratch)
{
    const pt__gemm_area_t whole = {.rows = job->view.m, .columns = job->view.n, .then = job->view.n};
    pt__gemm_compute(job, scratch, &whole);
}

void pt__gemm_products(pt__cpu_t *device, int32_t worker, const pt__gemm_t *gemm, int64_t begin, int64_t end)
{
    for (int64_t i = begin; i < end; i++) {
        pt__gemm_t product;
        pt__job_t job;
        pt__gemm_describe(device, pt__gemm_product_at(gemm, i, &product), &job);
        pt__gemm_compute_whole(&job, pt__gemm_scratch(device, worker));
    }
}

void pt__gemm_own_serial(pt__cpu_t *device, int32_t worker, const pt__gemm_t *gemm)
{
    pt__gemm_products(device, worker, gemm, 0, gemm->count == 0 ? 1 : gemm->count);
}
