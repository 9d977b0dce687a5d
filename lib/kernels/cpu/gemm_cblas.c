/* The cblas backend behind the matrix door, and what may be asked of the BLAS that this process happens to run.
 *
 * Which BLAS that is, and how many threads it uses, is settled at run time (Debian's alternatives; the host), so it is
 * asked at each call:
 *   - OpenBLAS built without threads has no locks either: two callers at once get wrong products. One caller at a time
 *     in the whole process. What other code of the process calls BLAS meanwhile is beyond our reach.
 *   - A BLAS that is set to more than one thread gets one caller at a time from a device, and its threads do the work.
 *   - One BLAS thread with locks, or a BLAS without state (the reference one): our threads cut the product and each
 *     calls for its part.
 * The number of BLAS threads belongs to the host and is never changed here. */
#include <cblas.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>

#include "kernels/cpu/gemm_backend.h"

enum { FLAVOUR_SERIAL = 0, FLAVOUR_PTHREAD = 1, FLAVOUR_OPENMP = 2, FLAVOUR_OTHER = 3 };

/* The one piece of global state in the library: what it guards, a serial OpenBLAS's buffers, is global itself. */
static pthread_mutex_t serial_blas = PTHREAD_MUTEX_INITIALIZER;

/* The prototypes are OpenBLAS's, whose own header may not be the one that was included. Where the library is built for
 * OpenBLAS they are called by name, since a weak symbol would not be taken from its static library; elsewhere it may be
 * what runs behind the name libblas. */
#ifdef PT__OPENBLAS

int openblas_get_parallel(void);
int openblas_get_num_threads(void);

static int flavour(void)
{
    return openblas_get_parallel();
}

static int blas_threads(void)
{
    return openblas_get_num_threads();
}

#else

PT__WEAK extern int openblas_get_parallel(void);
PT__WEAK extern int openblas_get_num_threads(void);

static int flavour(void)
{
    return openblas_get_parallel ? openblas_get_parallel() : FLAVOUR_OTHER;
}

static int blas_threads(void)
{
    return openblas_get_num_threads ? openblas_get_num_threads() : 1;
}

#endif

const char *pt__gemm_cblas_name(void)
{
    switch (flavour()) {
    case FLAVOUR_SERIAL:
        return "OpenBLAS (serial)";
    case FLAVOUR_PTHREAD:
        return "OpenBLAS (pthread)";
    case FLAVOUR_OPENMP:
        return "OpenBLAS (openmp)";
    default:
        return "CBLAS";
    }
}

static int32_t matrix_taken(int64_t rows, int64_t columns, int64_t stride)
{
    return rows <= INT_MAX && columns <= INT_MAX && stride <= INT_MAX && (rows <= 1 || stride >= columns);
}

int32_t pt__gemm_cblas_takes(const pt__gemm_t *gemm)
{
    return matrix_taken(gemm->m, gemm->n, gemm->dst_stride) &&
           (gemm->a.transposed ? matrix_taken(gemm->k, gemm->m, gemm->a.stride)
                               : matrix_taken(gemm->m, gemm->k, gemm->a.stride)) &&
           (gemm->b.transposed ? matrix_taken(gemm->n, gemm->k, gemm->b.stride)
                               : matrix_taken(gemm->k, gemm->n, gemm->b.stride));
}

/* cblas refuses a stride below the length of a row even where there is one row only. */
static int leading(int64_t stride, int64_t columns)
{
    return (int)(stride > columns ? stride : columns);
}

/* Whether the residual is what cblas adds to: dst holds it, or a copy. */
static int32_t adds_to_residual(const pt__gemm_t *gemm)
{
    return gemm->residual && !gemm->slope_source && !gemm->accumulate;
}

static void call(const pt__gemm_t *gemm, float beta)
{
    if (adds_to_residual(gemm) && gemm->residual != gemm->dst)
        for (int64_t r = 0; r < gemm->m; r++)
            memcpy(gemm->dst + r * gemm->dst_stride, gemm->residual + r * gemm->dst_stride,
                   (size_t)gemm->n * sizeof(float));
    cblas_sgemm(CblasRowMajor, gemm->a.transposed ? CblasTrans : CblasNoTrans,
                gemm->b.transposed ? CblasTrans : CblasNoTrans, (int)gemm->m, (int)gemm->n, (int)gemm->k, 1.0f,
                gemm->a.data, leading(gemm->a.stride, gemm->a.transposed ? gemm->m : gemm->k), gemm->b.data,
                leading(gemm->b.stride, gemm->b.transposed ? gemm->k : gemm->n), beta, gemm->dst,
                leading(gemm->dst_stride, gemm->n));
}

typedef struct cut {
    pt__cpu_t *device;
    const pt__gemm_t *gemm;
    int32_t parts; /* of the epilogue, for pt__gemm_finish */
    float beta;
    int64_t row_parts, column_parts; /* of one product */
    int32_t multiply, finish;        /* what a task does */
} cut_t;

static void cut_task(void *argument, int64_t task, int32_t worker)
{
    const cut_t *cut = argument;
    int64_t grid = cut->row_parts * cut->column_parts;
    pt__gemm_t product = pt__gemm_product(cut->gemm, task / grid);
    int64_t i = task % grid / cut->column_parts, j = task % cut->column_parts;
    int64_t row = pt__cut(product.m, 16, cut->row_parts, i), row_end = pt__cut(product.m, 16, cut->row_parts, i + 1);
    int64_t column = pt__cut(product.n, 16, cut->column_parts, j);
    int64_t column_end = pt__cut(product.n, 16, cut->column_parts, j + 1);
    pt__gemm_t part = pt__gemm_part(&product, row, row_end - row, column, column_end - column);
    (void)worker;
    if (part.m == 0 || part.n == 0)
        return;
    if (cut->multiply)
        call(&part, cut->beta);
    if (cut->finish)
        pt__gemm_finish(cut->device, &part, cut->parts, 0, part.m, 0, part.n);
}

/* A grid of parts, by shape: each part about `operations` multiplications or more, and none thinner than 64. */
static void choose_grid(cut_t *cut, int64_t count, double operations)
{
    const pt__gemm_t *gemm = cut->gemm;
    double parts = (double)gemm->m * (double)gemm->n * (double)(gemm->k + 8) / operations;
    int64_t wanted = parts * (double)count > 16.0 ? (16 + count - 1) / count : (int64_t)parts;
    int64_t by_rows = gemm->m / 64 > 1 ? gemm->m / 64 : 1, by_columns = gemm->n / 64 > 1 ? gemm->n / 64 : 1;
    wanted = wanted > 1 ? wanted : 1;
    if (gemm->m >= gemm->n) {
        cut->row_parts = by_rows < wanted ? by_rows : wanted;
        cut->column_parts = wanted / cut->row_parts < by_columns ? wanted / cut->row_parts : by_columns;
    } else {
        cut->column_parts = by_columns < wanted ? by_columns : wanted;
        cut->row_parts = wanted / cut->column_parts < by_rows ? wanted / cut->column_parts : by_rows;
    }
}

/* All products, one call after the other on this thread. */
static void call_all(const pt__gemm_t *gemm, int64_t count, float beta)
{
    for (int64_t i = 0; i < count; i++) {
        pt__gemm_t product = pt__gemm_product(gemm, i);
        call(&product, beta);
    }
}

static void run(pt__cpu_t *device, cut_t *cut, int64_t count)
{
    int64_t tasks = count * cut->row_parts * cut->column_parts;
    double operations = (double)cut->gemm->m * (double)cut->gemm->n * (double)cut->gemm->k * (double)count;
    pt__pool_run(operations < 65536.0 ? NULL : device->pool, tasks, cut_task, cut);
}

void pt__gemm_cblas(pt__cpu_t *device, const pt__gemm_t *gemm)
{
    int64_t count = gemm->count == 0 ? 1 : gemm->count;
    int32_t parts = pt__gemm_parts(gemm);
    int kind = flavour();
    cut_t cut = {.device = device, .gemm = gemm, .parts = parts, .beta = gemm->accumulate ? 1.0f : 0.0f, .finish = 1};
    if (adds_to_residual(gemm)) {
        cut.parts &= ~PT__FINISH_RESIDUAL;
        cut.beta = 1.0f;
    }
    if (kind == FLAVOUR_SERIAL) {
        pthread_mutex_lock(&serial_blas);
        call_all(gemm, count, cut.beta);
        pthread_mutex_unlock(&serial_blas);
    } else if (kind != FLAVOUR_OTHER && blas_threads() > 1) {
        call_all(gemm, count, cut.beta);
    } else {
        cut.multiply = 1;
        choose_grid(&cut, count, 2e6);
        run(device, &cut, count);
        return;
    }
    if (cut.parts) {
        choose_grid(&cut, count, 1e6);
        run(device, &cut, count);
    }
}
