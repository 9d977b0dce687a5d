/* How a product is done by our own room: what is packed, what is exchanged, how deep a pass is. By shape and caches alone. */
#include <stddef.h>

#include "kernels/gemm_job.h"

enum {
    LOCAL_ROWS = 512,   /* of dst, up to which no two tasks have the same columns */
    PAGE_FLOATS = 1024, /* rows a multiple of this apart fall into the same cache sets */
    FAR_FLOATS = 640,   /* rows further apart are on pages of their own: small tiles would look at too many */
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
    view->a_stride = gemm->b_stride;
    view->b_stride = gemm->a_stride;
    view->a_transposed = !gemm->b_transposed;
    view->b_transposed = !gemm->a_transposed;
}

/* Depth of a pass: a tile's rows of a have most of the first-level cache; passes of one product are equal. */
static int64_t choose_depth_block(const pt__job_t *job)
{
    int64_t floats = job->device->cache_bytes[0] / (int64_t)sizeof(float);
    int64_t deepest = pt__most(pt__least(floats * 3 / 4 / job->micro->rows, PT__MICRO_DEPTH) / 16 * 16, 64);
    int64_t pass = job->view.k;
    if (pass > deepest)
        pass = pt__ceiling(pass, pt__ceiling(pass, deepest));
    return pt__most(pt__ceiling(pass, 16) * 16, 16);
}

/* Where b is transposed, its n * k numbers would be packed. Exchanged, those of a are, if they lie in rows of depth, and
 * each of the m * n results is transposed once a pass, at about the cost of packing two numbers. */
static int32_t exchange_pays(const pt__gemm_t *gemm)
{
    if (!gemm->b_transposed || gemm->m < 16)
        return 0;
    double packed = (double)gemm->n * (double)gemm->k, passes = (double)pt__ceiling(gemm->k, PT__MICRO_DEPTH);
    double instead = gemm->a_transposed ? 0 : (double)gemm->m * (double)gemm->k;
    return instead + 2 * passes * (double)gemm->m * (double)gemm->n < packed;
}

/* b is packed where it lies across, or its rows push each other out of the caches; or else where it is more than a few panels
 * that more than a few tiles of rows read. */
static pt__gemm_source_t choose_source(const pt__job_t *job)
{
    const pt__gemm_t *view = &job->view;
    const int64_t width = job->micro->columns;
    int32_t clash = view->b_stride % PAGE_FLOATS == 0;
    if (view->k == 0 || (!view->b_transposed && view->m <= (clash ? 2 : 6) * job->micro->rows) ||
        (!view->b_transposed && !clash && view->n <= 4 * width))
        return PT__B_AS_IS;
    return job->spread && (view->m > LOCAL_ROWS || view->n < 12 * width) ? PT__B_SHARED : PT__B_LOCAL;
}

/* So few rows or columns that b would be packed for too little use. */
static int32_t few_sums(const pt__gemm_t *gemm)
{
    return !gemm->a_transposed && gemm->b_transposed &&
           (gemm->m <= 4 || gemm->n <= 2 || (gemm->n <= 12 && gemm->m <= 256));
}

pt__job_t pt__gemm_describe(pt__device_t *device, const pt__gemm_t *gemm, int32_t spread)
{
    const pt__micro_t *micro = device->micro;
    pt__job_t job = {.device = device,
                     .gemm = gemm,
                     .view = *gemm,
                     .micro = micro,
                     .row_parts = 1,
                     .column_parts = 1,
                     .spread = spread};
    job.parts = pt__gemm_parts(gemm) & ~PT__FINISH_BIAS;
    job.add = gemm->accumulate ? gemm->dst : NULL;
    if (job.parts == PT__FINISH_RESIDUAL && !gemm->accumulate) {
        job.parts = 0;
        job.add = gemm->residual;
    }
    job.beside = gemm->slope_source    ? gemm->slope_source
                 : gemm->preactivation ? gemm->preactivation
                 : job.parts           ? gemm->residual
                                       : NULL;
    job.sums = few_sums(gemm);
    if (job.sums) { /* whole rows of both operands */
        job.depth_block = gemm->k;
        job.column_block = gemm->n;
        return job;
    }
    if (exchange_pays(gemm))
        exchange(&job);
    else if (gemm->b_transposed && !gemm->a_transposed && gemm->n > micro->columns && gemm->n % micro->columns <= 2)
        job.tail = gemm->n % micro->columns;
    job.view.n -= job.tail;
    const pt__gemm_t *view = &job.view;
    job.depth_block = choose_depth_block(&job);
    int64_t width = micro->columns,
            half = pt__least(device->cache_bytes[1] / 2 / (int64_t)sizeof(float), PT__GEMM_LOCAL_FLOATS);
    job.column_block = pt__most(half / job.depth_block / width * width, width);
    job.stage = view->n >= 4 * width && view->m > micro->rows && pt__gemm_operations(gemm) >= PT__GEMM_SPREAD &&
                (view->a_transposed ? micro->rows < 8 && view->a_stride >= FAR_FLOATS
                                    : view->a_stride % PAGE_FLOATS == 0);
    job.source = choose_source(&job);
    return job;
}
