/* A product as our own room does it: how its operands are read and how it is cut. For gemm_own.c, which does it, gemm_job.c, which
 * decides, and gemm_sums.c. */
#ifndef PT__GEMM_JOB_H
#define PT__GEMM_JOB_H

#include "kernels/gemm_room.h"
#include "kernels/micro.h"

enum { PT__GEMM_LOCAL_FLOATS = 128 << 10 }; /* of a worker's workspace, for a block of b */

typedef enum pt__gemm_source { /* of b's panels */
                               PT__B_AS_IS,
                               PT__B_LOCAL, /* packed block by block by the task that has the columns to itself */
                               PT__B_SHARED /* packed by all into the shared workspace */
} pt__gemm_source_t;

typedef struct pt__range {
    int64_t begin, size;
} pt__range_t;

typedef struct pt__job { /* one product */
    pt__device_t *device;
    const pt__micro_t *micro;
    const pt__gemm_t *gemm; /* as it was asked for */
    pt__gemm_t view;        /* the same, or with a and b, m and n exchanged; less the tail */
    int32_t exchanged;
    int32_t sums;  /* along the depth, without tiles */
    int32_t stage; /* a's rows */
    pt__gemm_source_t source;
    int32_t parts;        /* of the epilogue, by rows after the last pass */
    const float *add;     /* what the first pass adds: dst, the residual or nothing */
    const float *beside;  /* what the epilogue reads or writes beside dst after the last pass, or NULL */
    int64_t tail;         /* columns beyond the last whole panel that are cheaper by sums along the depth */
    int64_t depth_block;  /* of a pass */
    int64_t column_block; /* of b, that stays in cache */
    int32_t spread;       /* over the pool; or all on this thread */
    int64_t row_parts, column_parts;
    pt__range_t columns, depth; /* the slab: what of b is packed at a time */
    float *packed;              /* PT__B_SHARED: the slab's panels */
} pt__job_t;

/* gemm: one product (count 0 or 1), for as long as the job is used. spread: over the pool. The slab is still to be set. */
pt__job_t pt__gemm_describe(pt__device_t *device, const pt__gemm_t *gemm, int32_t spread);

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

/* Multiplications; a little more for shallow products, whose dst counts. */
static inline double pt__gemm_operations(const pt__gemm_t *gemm)
{
    return (double)gemm->m * (double)gemm->n * (double)(gemm->k + 4);
}

#endif
