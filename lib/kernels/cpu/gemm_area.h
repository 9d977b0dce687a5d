/* What one thread does of a product, or of several: for gemm_own.c, which cuts products into tasks, and gemm_deep.c. */
#ifndef PT__GEMM_AREA_H
#define PT__GEMM_AREA_H

#include "kernels/cpu/gemm_job.h"

typedef struct pt__gemm_scratch { /* a worker's workspace; NULLs where the job needs none */
    float *stage, *b;
} pt__gemm_scratch_t;

pt__gemm_scratch_t pt__gemm_scratch(const pt__cpu_t *device, int32_t worker);

typedef struct pt__gemm_area { /* of the view, and so of dst */
    int64_t row, rows, column, columns;
    int64_t then; /* the columns that follow on this worker, or the view's end */
} pt__gemm_area_t;

/* Packs so many columns of b, over so much of the depth, into scratch.b. */
void pt__gemm_pack(const pt__job_t *job, pt__gemm_scratch_t scratch, int64_t column, int64_t columns, int64_t from,
                   int64_t depth);
void pt__gemm_compute(const pt__job_t *job, pt__gemm_scratch_t scratch, const pt__gemm_area_t *area);
/* All of a product. */
void pt__gemm_compute_whole(const pt__job_t *job, pt__gemm_scratch_t scratch);

/* The i-th product of a batch: `gemm` itself, or made in `product`. */
const pt__gemm_t *pt__gemm_product_at(const pt__gemm_t *gemm, int64_t index, pt__gemm_t *product);
/* Products [begin, end) of a batch, with the workspace of `worker` alone. */
void pt__gemm_products(pt__cpu_t *device, int32_t worker, const pt__gemm_t *gemm, int64_t begin, int64_t end);

#endif
