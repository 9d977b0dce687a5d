/* The optimizers' sweeps over a run of parameters, cut over the pool. Called through the table. */
#include "kernels/cpu/chunks.h"
#include "kernels/cpu/kernels_cpu.h"

typedef struct sweep {
    const pt__update_t *update;
    void (*function)(const pt__update_t *update, int64_t first, int64_t n);
} sweep_t;

static void sweep_chunk(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const sweep_t *sweep = argument;
    (void)chunk, (void)worker;
    sweep->function(sweep->update, begin, end - begin);
}

void pt__cpu_sgd(pt__dev device, const pt__update_t *update)
{
    sweep_t sweep = {.update = update, .function = pt__cpu(device)->vector->optimizer->sgd};
    pt__chunks_run(device, update->count, PT__CHUNK_CHEAP, sweep_chunk, &sweep);
}

void pt__cpu_adam(pt__dev device, const pt__update_t *update)
{
    sweep_t sweep = {.update = update, .function = pt__cpu(device)->vector->optimizer->adam};
    pt__chunks_run(device, update->count, PT__CHUNK_COSTLY, sweep_chunk, &sweep);
}
