/* A context's device: the pool it computes on, the processor level, the room behind the matrix door, and the table of
 * kernels through which ops reach arithmetic. There is one device today, the CPU; another is another table. */
#ifndef PT__DEVICE_H
#define PT__DEVICE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "base/thread.h"
#include "kernels/kernels.h"

typedef enum pt__level { /* each includes the ones before it on its own architecture */
                         PT__LEVEL_PORTABLE = 0,
                         PT__LEVEL_AVX2,   /* AVX2 and FMA3 */
                         PT__LEVEL_AVX512, /* AVX-512 F, BW, DQ, VL */
                         PT__LEVEL_NEON,   /* AArch64 Advanced SIMD */
                         PT__LEVEL_COUNT
} pt__level_t;

typedef enum pt__gemm_room { PT__GEMM_AUTO = 0, PT__GEMM_OWN, PT__GEMM_CBLAS } pt__gemm_room_t;

typedef struct pt__workspace { /* a worker's scratch, grown by pt__device_reserve, 64-byte aligned */
    void *data;
    int64_t bytes;
    uint64_t holds; /* which packed columns the matrix door's part has (gemm_own.c) */
} pt__workspace_t;

typedef struct pt__device {
    const pt__kernels_t *kernels;
    const struct pt__vector *vector; /* serial inner loops of the level in use (kernels/vector.h) */
    const struct pt__micro *micro;   /* the level's matrix micro-kernel (kernels/micro.h) */
    pt__memory_t *memory;
    pt__pool_t *pool;
    pt__level_t level;
    pt__gemm_room_t room;        /* resolved: never AUTO */
    int64_t cache_bytes[3];      /* L1 data, L2, last level share; found at run time, defaults where unknown */
    pt__workspace_t *workspaces; /* one a worker [pool threads] */
    pt__workspace_t shared;      /* one for what all workers read, or add up */
    pthread_mutex_t
        shared_lock; /* held from the call that writes `shared` to the last that reads it; never from inside a task */
    pthread_mutex_t run_lock;       /* pt__device_enter */
    uint64_t host_mode;             /* of the thread that entered, given back when it leaves; with run_lock held */
    atomic_uint_least64_t packings; /* by the matrix door so far, so that each has a number of its own */
    int32_t n_workspaces;
    char description[128];
} pt__device_t;

/* The best level of this processor; and whether a level can run here. */
pt__level_t pt__level_best(void);
int32_t pt__level_supported(pt__level_t level);
const char *pt__level_name(pt__level_t level);
/* Level named by `name` ("portable", "avx2", "avx512", "neon"), or PT__LEVEL_COUNT. */
pt__level_t pt__level_find(const char *name);

/* level PT__LEVEL_COUNT asks for the best. PT_ERR_UNSUPPORTED where the level cannot run here. Allocates the workspaces that the
 * matrix door needs, so that nothing on the hot path allocates. */
pt_status_t pt__device_create(pt__memory_t *memory, pt__pool_t *pool, pt__level_t level, pt__gemm_room_t room,
                              pt__device_t **out);
void pt__device_free(pt__device_t *device);

/* Makes every worker's workspace hold at least `bytes` and the shared one `shared_bytes` (a plan calls it once before it
 * runs). The matrix door's own needs come first in both and are added here. */
pt_status_t pt__device_reserve(pt__device_t *device, int64_t bytes, int64_t shared_bytes);

/* Around everything that calls kernels on behalf of one model: the workspaces and what kernels keep in them from call to call belong to
 * one thread at a time, whichever of a context's models it works for. In between the thread computes in the library's float mode, as the
 * pool's threads always do; leaving gives it back exactly the host's. So never around a host's callback, its allocator and log included. */
void pt__device_enter(pt__device_t *device);
void pt__device_leave(pt__device_t *device);

/* A worker's scratch behind the matrix door's own part: at least what was reserved, 64-byte aligned. */
void *pt__device_scratch(pt__device_t *device, int32_t worker);

/* What all workers read, behind the matrix door's own part; only with shared_lock held. */
void *pt__device_shared(pt__device_t *device);

/* One line for printing: level, threads, room, and which BLAS was found. Static or device-owned. */
const char *pt__device_describe(pt__device_t *device);

#endif
