/* The optimizers' sweeps over a run of parameters, cut over the pool. Called through the table. */
#include "kernels/cpu/chunks.h"
#include "kernels/cpu/kernels_cpu.h"

typedef struct sweep {
    const pt__vector_optimizer_t *vector;
    const pt__update_t *update;
    const pt__sgd_t *sgd; /* one of the two */
    const pt__adam_t *adam;
} sweep_t;

static void sweep_chunk(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const sweep_t *sweep = argument;
    (void)chunk, (void)worker;
    if (sweep->sgd != NULL)
        sweep->vector->sgd(sweep->update, sweep->sgd, begin, end - begin);
    else
        sweep->vector->adam(sweep->update, sweep->adam, begin, end - begin);
}

void pt__cpu_sgd(pt__dev device, const pt__update_t *update, const pt__sgd_t *sgd)
{
    sweep_t sweep = {.vector = pt__cpu(device)->vector->optimizer, .update = update, .sgd = sgd};
    pt__chunks_run(device, update->count, PT__CHUNK_CHEAP, sweep_chunk, &sweep);
}

void pt__cpu_adam(pt__dev device, const pt__update_t *update, const pt__adam_t *adam)
{
    sweep_t sweep = {.vector = pt__cpu(device)->vector->optimizer, .update = update, .adam = adam};
    pt__chunks_run(device, update->count, PT__CHUNK_COSTLY, sweep_chunk, &sweep);
}
