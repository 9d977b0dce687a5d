/* See cpu_device.h: which level and backend the device uses, how large the caches are, and its calls. Made and freed by
 * the context. */
#include "kernels/cpu/cpu_device.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kernels/cpu/chunks.h"
#include "kernels/cpu/gemm_backend.h"
#include "kernels/cpu/micro.h"
#include "kernels/cpu/vector.h"

static int64_t cache_size(int name, int64_t otherwise)
{
    long bytes = name < 0 ? 0 : sysconf(name);
    return bytes > 0 ? (int64_t)bytes : otherwise;
}

static void find_caches(int64_t bytes[3])
{
    int names[3] = {-1, -1, -1};
#if defined(_SC_LEVEL1_DCACHE_SIZE) && defined(_SC_LEVEL2_CACHE_SIZE) && defined(_SC_LEVEL3_CACHE_SIZE)
    names[0] = _SC_LEVEL1_DCACHE_SIZE;
    names[1] = _SC_LEVEL2_CACHE_SIZE;
    names[2] = _SC_LEVEL3_CACHE_SIZE;
#endif
    bytes[0] = cache_size(names[0], 32 << 10);
    bytes[1] = cache_size(names[1], 512 << 10);
    bytes[2] = cache_size(names[2], 4 << 20);
}

static pt__gemm_backend_t choose_backend(pt__level_t level, pt__gemm_backend_t backend)
{
    if (backend != PT__GEMM_AUTO)
        return backend;
    return level == PT__LEVEL_PORTABLE && pt__gemm_cblas_name() != NULL ? PT__GEMM_CBLAS : PT__GEMM_OWN;
}

static void choose_widening(pt__cpu_t *cpu)
{
    const pt__vector_widen_t *widen = cpu->vector->widen;
    memcpy(cpu->widen, widen->from, sizeof cpu->widen);
    if ((cpu->features & PT__FEATURE_F16C) && widen->halves_f16c)
        cpu->widen[PT_FLOAT16] = widen->halves_f16c;
}

void pt__cpu_mask_features(pt__device_t *device, uint32_t mask)
{
    pt__cpu_t *cpu = pt__cpu(device);
    cpu->features &= mask;
    choose_widening(cpu);
}

static void end(pt__device_t *device)
{
    pt__cpu_t *cpu = pt__cpu(device);
    for (int32_t i = 0; cpu->workspaces && i < cpu->n_workspaces; i++)
        pt__release(cpu->memory, cpu->workspaces[i].data);
    pt__release(cpu->memory, cpu->workspaces);
    pt__release(cpu->memory, cpu->shared.data);
    pthread_mutex_destroy(&cpu->shared_lock);
    pthread_mutex_destroy(&cpu->run_lock);
    pt__release(cpu->memory, cpu);
}

static const char *describe(pt__device_t *device)
{
    return pt__cpu(device)->description;
}

/* The workspaces and what kernels keep in them from call to call belong to one thread at a time. */
static pt_status_t enter(pt__device_t *device)
{
    pt__cpu_t *cpu = pt__cpu(device);
    pthread_mutex_lock(&cpu->run_lock);
    cpu->host_mode = pt__float_mode_get();
    pt__float_mode_set(PT__FLOAT_MODE);
    return PT_OK;
}

static pt_status_t check(pt__device_t *device) /* kernels are done when they return, and none fails */
{
    (void)device;
    return PT_OK;
}

static pt_status_t leave(pt__device_t *device)
{
    pt__cpu_t *cpu = pt__cpu(device);
    pt__float_mode_set(cpu->host_mode);
    pthread_mutex_unlock(&cpu->run_lock);
    return PT_OK;
}

static pt_status_t allocate(pt__device_t *device, int64_t bytes, const char *what, void **out)
{
    return pt__allocate_uninitialised(pt__cpu(device)->memory, (size_t)bytes, 1, what, out);
}

static void release(pt__device_t *device, void *block)
{
    pt__release(pt__cpu(device)->memory, block);
}

enum { MOVED_AT_ONCE = PT__CHUNK_CHEAP * (int)sizeof(float) };

typedef struct move {
    char *dst;
    const char *src;
} move_t;

static void move_chunk(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const move_t *move = argument;
    (void)chunk, (void)worker;
    memcpy(move->dst + begin, move->src + begin, (size_t)(end - begin));
}

static pt_status_t copy(pt__device_t *device, void *dst, const void *src, int64_t bytes)
{
    move_t move = {.dst = dst, .src = src};
    if (dst != src && bytes <= MOVED_AT_ONCE)
        memcpy(dst, src, (size_t)bytes);
    else if (dst != src)
        pt__chunks_run(device, bytes, MOVED_AT_ONCE, move_chunk, &move);
    return PT_OK;
}

static void clear_chunk(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    (void)chunk, (void)worker;
    memset((char *)argument + begin, 0, (size_t)(end - begin));
}

/* By the pool: pages first read and then written would be given twice, and the second time every thread of the process
 * would be interrupted. */
static pt_status_t clear(pt__device_t *device, void *dst, int64_t bytes)
{
    pt__chunks_run(device, bytes, MOVED_AT_ONCE, clear_chunk, dst);
    return PT_OK;
}

static const pt__device_calls_t calls = {.name = "cpu",
                                         .shares_host_memory = 1,
                                         .free = end,
                                         .describe = describe,
                                         .enter = enter,
                                         .check = check,
                                         .leave = leave,
                                         .allocate = allocate,
                                         .release = release,
                                         .upload = copy,
                                         .download = copy,
                                         .copy = copy,
                                         .clear = clear};

static pt_status_t refuse_level(pt__level_t level)
{
    if (level == PT__LEVEL_COUNT)
        return pt__fail(PT_ERR_UNSUPPORTED, "this processor has none of the levels that the library was built with");
    return pt__fail(PT_ERR_UNSUPPORTED, "processor level %s was asked for; the best of this build and processor is %s",
                    pt__level_name(level), pt__level_name(pt__level_best()));
}

pt_status_t pt__cpu_create(pt__memory_t *memory, pt__pool_t *pool, pt__level_t level, pt__gemm_backend_t backend,
                           pt__device_t **out)
{
    const char *blas = pt__gemm_cblas_name();
    pt__cpu_t *cpu = NULL;
    pt_status_t status;
    *out = NULL;
    if (level == PT__LEVEL_COUNT)
        level = pt__level_best();
    if (!pt__level_supported(level))
        return refuse_level(level);
    if (backend == PT__GEMM_CBLAS && blas == NULL)
        return pt__fail(PT_ERR_UNSUPPORTED,
                        "matrix products by cblas were asked for (PT_GEMM_CBLAS); this library is built without a "
                        "CBLAS (-Dblas=none), expected PT_GEMM_AUTO or PT_GEMM_OWN");
    PT__TRY(pt__allocate(memory, 1, sizeof *cpu, "device", &cpu));
    if (pthread_mutex_init(&cpu->shared_lock, NULL) != 0) {
        pt__release(memory, cpu);
        return pt__fail(PT_ERR_MEMORY, "out of memory: lock of a device");
    }
    if (pthread_mutex_init(&cpu->run_lock, NULL) != 0) {
        pthread_mutex_destroy(&cpu->shared_lock);
        pt__release(memory, cpu);
        return pt__fail(PT_ERR_MEMORY, "out of memory: lock of a device");
    }
    const pt__level_tables_t *tables = pt__level_tables(level);
    cpu->base = (pt__device_t){.kernels = &pt__kernels_cpu, .calls = &calls};
    cpu->vector = tables->vector;
    cpu->micro = tables->micro;
    cpu->memory = memory;
    cpu->pool = pool;
    cpu->level = level;
    cpu->fused = pt__level_fused(level);
    cpu->features = pt__level_features();
    choose_widening(cpu);
    cpu->backend = choose_backend(level, backend);
    find_caches(cpu->cache_bytes);
    cpu->n_workspaces = pt__pool_threads(pool);
    PT__TRY_OUT(
        pt__allocate(memory, (size_t)cpu->n_workspaces, sizeof *cpu->workspaces, "workspaces", &cpu->workspaces));
    PT__TRY_OUT(pt__cpu_reserve(&cpu->base, PT__KERNEL_SCRATCH));
    snprintf(cpu->description, sizeof cpu->description, "cpu (%s), threads: %d, matrix products: %s (linked: %s)",
             pt__level_name(level), (int)cpu->n_workspaces, cpu->backend == PT__GEMM_OWN ? "own kernels" : "cblas",
             blas != NULL ? blas : "no BLAS");
    *out = &cpu->base;
    return PT_OK;

out:
    end(&cpu->base);
    return status;
}
