/* See chunks.h. */
#include "kernels/cpu/chunks.h"

typedef struct chunks {
    pt__chunk_fn function;
    void *argument;
    int64_t n, size;
} chunks_t;

static void run_chunk(void *argument, int64_t task, int32_t worker)
{
    const chunks_t *chunks = argument;
    int64_t begin = task * chunks->size, end = begin + chunks->size;
    chunks->function(chunks->argument, begin, end < chunks->n ? end : chunks->n, task, worker);
}

void pt__chunks_run(pt__dev device, int64_t n, int64_t size, pt__chunk_fn function, void *argument)
{
    if (n <= 0)
        return;
    if (n <= size) {
        function(argument, 0, n, 0, 0);
        return;
    }
    chunks_t chunks = {.function = function, .argument = argument, .n = n, .size = size};
    pt__pool_run(pt__cpu(device)->pool, pt__chunks_count(n, size), run_chunk, &chunks);
}
