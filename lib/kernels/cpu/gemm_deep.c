/* Products of few elements and great depth, such as a narrow layer's weight gradient over many rows: tiles of dst
 * would not go round, so the depth is cut into parts, by the shape alone, whose partial sums are added up in order.
 * A corner of our own backend (gemm_own.c). */
#include "kernels/cpu/gemm_job.h"
#include "kernels/cpu/vector.h"

typedef struct deep {
    pt__cpu_t *device;
    const pt__gemm_t *gemm;
    int64_t depth;  /* of a part */
    float *partial; /* [parts, m, n] */
} deep_t;

static void deep_task(void *argument, int64_t task, int32_t worker)
{
    const deep_t *deep = argument;
    const pt__gemm_t *gemm = deep->gemm;
    int64_t from = task * deep->depth < gemm->k ? task * deep->depth : gemm->k;
    pt__gemm_t part = {
        .m = gemm->m,
        .n = gemm->n,
        .k = gemm->k - from < deep->depth ? gemm->k - from : deep->depth,
        .a = pt__matrix_from(&gemm->a, 0, from),
        .b = pt__matrix_from(&gemm->b, from, 0),
        .dst = deep->partial + task * gemm->m * gemm->n,
        .dst_stride = gemm->n,
    };
    pt__gemm_own_serial(deep->device, worker, &part);
}

void pt__gemm_deep(pt__cpu_t *device, const pt__gemm_t *gemm, int64_t parts)
{
    const pt__vector_map_t *map = device->vector->map;
    deep_t deep = {.device = device, .gemm = gemm, .depth = pt__ceiling(gemm->k, parts)};
    deep.partial = device->shared.data;
    pt__pool_run(device->pool, parts, deep_task, &deep);
    for (int64_t part = 1; part < parts; part++)
        map->add_into(gemm->m * gemm->n, deep.partial + part * gemm->m * gemm->n, deep.partial);
    for (int64_t r = 0; r < gemm->m; r++) {
        float *dst = gemm->dst + r * gemm->dst_stride;
        if (!gemm->accumulate)
            map->scale(gemm->n, 1.0f, deep.partial + r * gemm->n, dst);
        else
            map->add_into(gemm->n, deep.partial + r * gemm->n, dst);
    }
    pt__gemm_finish(device, gemm, pt__gemm_parts(gemm), 0, gemm->m, 0, gemm->n);
}
