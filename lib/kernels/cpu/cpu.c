/* The workers' scratch: see cpu.h. */
#include "kernels/cpu/cpu.h"

#include "kernels/cpu/gemm_backend.h"

static pt_status_t grow(pt__cpu_t *cpu, pt__workspace_t *workspace, int64_t bytes)
{
    void *data;
    if (workspace->data && bytes <= workspace->bytes)
        return PT_OK;
    PT__TRY(pt__allocate_uninitialised(cpu->memory, 1, (size_t)bytes, "workspace", &data));
    pt__release(cpu->memory, workspace->data);
    workspace->data = data;
    workspace->bytes = bytes;
    return PT_OK;
}

typedef struct growth {
    pt__cpu_t *cpu;
    int64_t bytes;
    pt_status_t status;
} growth_t;

/* As the pool's one task, so that no kernel of another of the context's threads is using what is replaced. */
static void grow_all(void *argument, int64_t task, int32_t worker)
{
    growth_t *growth = argument;
    pt__cpu_t *cpu = growth->cpu;
    (void)task;
    (void)worker;
    for (int32_t i = 0; growth->status == PT_OK && i < cpu->n_workspaces; i++)
        growth->status = grow(cpu, &cpu->workspaces[i], growth->bytes + pt__gemm_worker_bytes(cpu));
    if (growth->status == PT_OK)
        growth->status = grow(cpu, &cpu->shared, pt__gemm_shared_bytes(cpu));
}

pt_status_t pt__cpu_reserve(pt__device_t *device, int64_t bytes)
{
    pt__cpu_t *cpu = pt__cpu(device);
    growth_t growth = {.cpu = cpu, .bytes = bytes, .status = PT_OK};
    pthread_mutex_lock(&cpu->shared_lock);
    pt__pool_run(cpu->pool, 1, grow_all, &growth);
    pthread_mutex_unlock(&cpu->shared_lock);
    return growth.status;
}

void *pt__cpu_scratch(pt__device_t *device, int32_t worker)
{
    pt__cpu_t *cpu = pt__cpu(device);
    return (char *)cpu->workspaces[worker].data + pt__gemm_worker_bytes(cpu);
}
