/* Operands that are stored narrower than float32 (frozen weights as their file has them) in our own backend: made
 * floats, a piece at a time in the first-level cache, where the same product of floats would be packed, staged or
 * read. What follows is the same code on the same numbers: so are the sums. */
#include "kernels/cpu/gemm_job.h"

enum {
    PIECE = 4096,      /* floats made at a time, to be packed */
    PIECE_DEPTH = 128, /* of it, where rows lie along the depth: a whole number of any format's blocks */
};

/* Rows of an operand, `n` numbers of each, into rows `dst_stride` apart. Meanwhile the next piece is fetched, which
 * begins `next_row` rows and `next` numbers further: it is read when what is made here has been multiplied.
 * Addresses beyond the end are harmless. */
static void widen(const pt__cpu_t *device, const pt__matrix_t *matrix, int64_t rows, int64_t n, float *dst,
                  int64_t dst_stride, int64_t next_row, int64_t next)
{
    const int64_t row_bytes = pt__dtype_bytes(matrix->dtype, matrix->stride);
    const int64_t bytes = pt__dtype_bytes(matrix->dtype, n);
    const int64_t ahead = next_row * row_bytes + pt__dtype_bytes(matrix->dtype, next);
    const char *row = matrix->data;
    for (int64_t r = 0; r < rows; r++, row += row_bytes, dst += dst_stride) {
        for (int64_t line = 0; line < bytes; line += PT__CACHE_LINE)
            __builtin_prefetch(row + ahead + line, 0, 2);
        device->widen[matrix->dtype](n, row, matrix->skip, dst);
    }
}

/* Rows lie along the depth: all of a panel's columns, as deep as a piece. */
static void pack_transposed(const pt__job_t *job, int64_t columns, int64_t depth, const pt__matrix_t *b, float *piece,
                            float *dst)
{
    const int64_t width = job->micro->columns;
    for (int64_t j = 0; j < columns; j += width, dst += depth * width)
        for (int64_t k = 0; k < depth; k += PIECE_DEPTH) {
            const pt__matrix_t part = pt__matrix_from(b, k, j);
            int64_t wide = pt__least(width, columns - j), deep = pt__least(PIECE_DEPTH, depth - k);
            widen(job->device, &part, wide, deep, piece, deep, 0, PIECE_DEPTH);
            job->micro->pack_b(wide, deep, piece, deep, 1, dst + k * width, depth * width);
        }
}

void pt__gemm_pack_narrow(const pt__job_t *job, int64_t columns, int64_t depth, pt__matrix_t b, float *stage,
                          float *dst)
{
    const int64_t width = job->micro->columns, step = pt__least(pt__ceiling(columns, width) * width, PIECE / 4);
    const int64_t deep = PIECE / step;
    if (b.transposed) {
        pack_transposed(job, columns, depth, &b, stage, dst);
        return;
    }
    for (int64_t k = 0; k < depth; k += deep)
        for (int64_t j = 0; j < columns; j += step) {
            const pt__matrix_t part = pt__matrix_from(&b, k, j);
            int64_t wide = pt__least(step, columns - j), rows = pt__least(deep, depth - k);
            widen(job->device, &part, rows, wide, stage, step, rows, 0);
            job->micro->pack_b(wide, rows, stage, step, 0, dst + j * depth + k * width, depth * width);
        }
}

void pt__gemm_multiply_widened(const pt__job_t *job, const pt__block_t *block, pt__matrix_t a, float *stage)
{
    const int64_t stride = pt__ceiling(block->depth, 16) * 16 + 16, high = job->micro->rows;
    const int64_t step = PT__MICRO_WIDENED / stride / high * high;
    for (int64_t row = 0; row < block->rows; row += step) {
        const pt__matrix_t part = pt__matrix_from(&a, row, 0);
        pt__block_t rows = *block;
        rows.rows = pt__least(step, block->rows - row);
        rows.a = stage;
        rows.a_stride = stride;
        rows.dst += row; /* transposed, as the operands are exchanged */
        rows.add = block->add ? block->add + row : NULL;
        rows.beside = block->beside ? block->beside + row : NULL;
        rows.bias = block->bias ? block->bias + row : NULL;
        widen(job->device, &part, rows.rows, block->depth, stage, stride, rows.rows, 0);
        job->micro->multiply(&rows);
    }
}

void pt__gemm_dot_widened(const pt__job_t *job, const pt__block_t *block, pt__matrix_t b, int64_t step, float *floats)
{
    const int64_t stride = pt__gemm_widened_stride(block->depth);
    for (int64_t column = 0; column < block->columns; column += step) {
        const pt__matrix_t part = pt__matrix_from(&b, 0, column);
        pt__block_t columns = *block;
        columns.columns = pt__least(step, block->columns - column);
        columns.b = floats;
        columns.b_stride = stride;
        columns.dst += column;
        columns.add = block->add ? block->add + column : NULL;
        columns.bias = block->bias ? block->bias + column : NULL;
        widen(job->device, &part, columns.columns, block->depth, floats, stride, columns.columns, 0);
        job->micro->dot(&columns);
    }
}
