/* What stands in for gemm_cblas.c in a library that is built without a CBLAS: it has no name, takes no product, and
 * our own kernels compute. */
#include <stddef.h>

#include "kernels/cpu/gemm_backend.h"

const char *pt__gemm_cblas_name(void)
{
    return NULL;
}

int32_t pt__gemm_cblas_takes(const pt__gemm_t *gemm)
{
    (void)gemm;
    return 0;
}

void pt__gemm_cblas(pt__cpu_t *device, const pt__gemm_t *gemm)
{
    pt__gemm_own(device, gemm);
}
