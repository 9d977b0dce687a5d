/* A product as our own backend does it: how its operands are read and how it is cut. gemm_job.c decides; for
 * gemm_area.c, which does it, gemm_own.c, gemm_deep.c and gemm_sums.c. */
#ifndef PT__GEMM_JOB_H
#define PT__GEMM_JOB_H

#include "kernels/cpu/gemm_fit.h"
#include "kernels/cpu/gemm_backend.h"
#include "kernels/cpu/micro.h"

enum {
    PT__GEMM_TASK = 1200000, /* multiplications worth a task */
    PT__GEMM_LEAST_ROWS = 8
};

typedef struct pt__job { /* one product */
    pt__cpu_t *device;
    const pt__micro_t *micro;
    const pt__gemm_t *gemm; /* as it was asked for */
    pt__gemm_t view;        /* the same, or with a and b, m and n exchanged; less the tail */
    int32_t exchanged;
    int32_t dots;         /* sums along the depth, without tiles */
    int32_t stage;        /* a, tile by tile, where it is read best */
    int32_t widened;      /* a's rows, into floats: the exchanged b is stored narrower */
    int32_t packed;       /* b, into panels */
    int32_t parts;        /* of the epilogue, by rows after the last pass */
    const float *add;     /* what the first pass adds: dst, the residual or nothing */
    const float *beside;  /* what the epilogue reads or writes beside dst after the last pass, or NULL */
    int64_t tail;         /* columns beyond the last whole panel that are cheaper by sums along the depth */
    int64_t depth_block;  /* of a pass */
    int64_t column_block; /* of b, that stays in cache */
    int64_t row_parts, column_parts;
    int32_t kept;    /* a task's packed columns, whole, for the worker's next task of these columns */
    uint64_t number; /* of the first column part, by which a worker knows what it has kept; no two jobs share one */
} pt__job_t;

/* gemm: one product (count 0 or 1), for as long as the job is used. One task, until it is cut. */
void pt__gemm_describe(pt__cpu_t *device, const pt__gemm_t *gemm, pt__job_t *job);

static inline int64_t pt__least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t pt__most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static inline int64_t pt__ceiling(int64_t n, int64_t unit)
{
    return (n + unit - 1) / unit;
}

/* Floats from one row to the next of a narrow operand that is made floats for sums along the depth; and of how many
 * rows at a time, 0: they are too long. */
int64_t pt__gemm_widened_stride(int64_t depth);
int64_t pt__gemm_widened_rows(const pt__cpu_t *device, int64_t depth);

/* ---- operands that are stored narrower than float32 (gemm_widen.c). stage: PT__MICRO_STAGE floats of the worker's
 * workspace. */

/* What pack_b does, from b on. */
void pt__gemm_pack_narrow(const pt__job_t *job, int64_t columns, int64_t depth, pt__matrix_t b, float *stage,
                          float *dst);
/* The block with rows of a, exchanged, as they are stored. */
void pt__gemm_multiply_widened(const pt__job_t *job, const pt__block_t *block, pt__matrix_t a, float *stage);
/* Sums along the depth with columns of b as they are stored, `step` at a time made floats in
 * floats[step * pt__gemm_widened_stride]. */
void pt__gemm_dot_widened(const pt__job_t *job, const pt__block_t *block, pt__matrix_t b, int64_t step, float *floats);

/* Into how many parts the depth is cut (gemm_deep.c); 1 where there are tiles enough to go round. */
int64_t pt__gemm_deep_parts(const pt__cpu_t *device, const pt__gemm_t *gemm);

/* Cuts into one task a thread, or a few times as many where they are worth it. */
void pt__gemm_cut(pt__job_t *job);

/* Multiplications; a little more for shallow products, whose dst counts; and for few rows, which take as long as
 * PT__GEMM_LEAST_ROWS would: as long as b takes to be read, or to become floats. */
static inline double pt__gemm_operations(const pt__gemm_t *gemm)
{
    const int32_t few = gemm->m <= PT__MICRO_FEW && gemm->b.transposed && !gemm->a.transposed;
    return (double)(few ? PT__GEMM_LEAST_ROWS : gemm->m) * (double)gemm->n * (double)(gemm->k + 4);
}

#endif
