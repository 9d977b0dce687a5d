/* What the CPU's kernels have at hand: the pool they compute on, the processor level, the backend behind the matrix
 * door, the workers' scratch. For the files of this folder. */
#ifndef PT__CPU_H
#define PT__CPU_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/dtype.h"
#include "base/thread.h"
#include "kernels/cpu/level.h"
#include "kernels/device.h"

typedef enum pt__gemm_backend { PT__GEMM_AUTO = 0, PT__GEMM_OWN, PT__GEMM_CBLAS } pt__gemm_backend_t;

typedef struct pt__workspace { /* a worker's scratch, grown by pt__cpu_reserve, 64-byte aligned */
    void *data;
    int64_t bytes;
    uint64_t holds; /* which packed columns the matrix door's part has (gemm_own.c) */
} pt__workspace_t;

typedef struct pt__cpu {
    pt__device_t base;
    const struct pt__vector *vector; /* serial inner loops of the level in use (vector.h) */
    const struct pt__micro *micro;   /* the level's matrix micro-kernel (micro.h) */
    pt__memory_t *memory;
    pt__pool_t *pool;
    pt__level_t level;
    int32_t fused;     /* pt__level_fused */
    uint32_t features; /* PT__FEATURE_..., those that are used where they help */
    /* pt__widen_fn (vector.h); NULL: not from this dtype */
    void (*widen[PT__DTYPES])(int64_t n, const void *src, int32_t skip, float *dst);
    pt__gemm_backend_t backend;  /* resolved: never AUTO */
    int64_t cache_bytes[3];      /* L1 data, L2, last level share; found at run time, defaults where unknown */
    pt__workspace_t *workspaces; /* one a worker [pool threads] */
    pt__workspace_t shared;      /* one for what all workers read, or add up */
    /* held from the call that writes `shared` to the last that reads it; never from inside a task */
    pthread_mutex_t shared_lock;
    pthread_mutex_t run_lock;       /* pt__device_enter */
    uint64_t host_mode;             /* of the thread that entered, given back when it leaves; with run_lock held */
    atomic_uint_least64_t packings; /* by the matrix door so far, so that each has a number of its own */
    int32_t n_workspaces;
    char description[128];
} pt__cpu_t;

static inline pt__cpu_t *pt__cpu(pt__device_t *device)
{
    return (pt__cpu_t *)(void *)device;
}

/* Makes every worker's workspace hold at least `bytes`. What the matrix door needs, of each and of the shared one,
 * comes first and is added here. */
pt_status_t pt__cpu_reserve(pt__device_t *device, int64_t bytes);

/* A worker's scratch behind the matrix door's own part: at least what was reserved, 64-byte aligned. */
void *pt__cpu_scratch(pt__device_t *device, int32_t worker);

#endif
