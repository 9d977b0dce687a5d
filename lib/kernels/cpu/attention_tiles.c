/* Attention cut over the pool: forward by sample, head and tiles of queries; backward by sample and key-value head,
 * whose d_k and d_v one task sums in a fixed order. Called through the table. */
#include "kernels/cpu/chunks.h"
#include "kernels/cpu/kernels_cpu.h"

typedef struct run {
    pt__dev device;
    const pt__attention_t *attention;
    int64_t queries; /* of a task */
    int64_t parts;   /* of the longest sample */
} run_t;

static int64_t sample_begin(const pt__attention_t *attention, int64_t sample)
{
    return attention->offsets != NULL ? attention->offsets[sample] : sample * attention->length;
}

static void forward_task(void *argument, int64_t task, int32_t worker)
{
    const run_t *run = argument;
    const pt__attention_t *attention = run->attention;
    int64_t first = (run->parts - 1 - task % run->parts) * run->queries; /* the ones with most keys first */
    int64_t head = task / run->parts % attention->heads, sample = task / run->parts / attention->heads;
    int64_t begin = sample_begin(attention, sample), end = sample_begin(attention, sample + 1);
    if (begin + first < end)
        pt__cpu(run->device)->vector->attention->forward(attention, begin, end, head, first,
                                                pt__cpu_scratch(run->device, worker));
}

void pt__cpu_attention(pt__dev device, const pt__attention_t *attention)
{
    int64_t longest = attention->length;
    if (attention->offsets != NULL) {
        longest = 0;
        for (int64_t s = 0; s < attention->samples; s++) {
            int64_t length = attention->offsets[s + 1] - attention->offsets[s];
            longest = length > longest ? length : longest;
        }
    }
    run_t run = {.device = device, .attention = attention};
    run.queries = pt__cpu(device)->vector->attention->forward_tiles(attention->width) * PT__ATTENTION_TILE;
    run.parts = pt__chunks_count(longest, run.queries);
    pt__pool_run(pt__cpu(device)->pool, attention->samples * attention->heads * run.parts, forward_task, &run);
}

static void backward_task(void *argument, int64_t task, int32_t worker)
{
    const run_t *run = argument;
    const pt__attention_t *attention = run->attention;
    int64_t sample = task / attention->kv_heads;
    pt__cpu(run->device)->vector->attention->backward(attention, sample_begin(attention, sample),
                                             sample_begin(attention, sample + 1), task % attention->kv_heads,
                                             pt__cpu_scratch(run->device, worker));
}

void pt__cpu_attention_gradient(pt__dev device, const pt__attention_t *attention)
{
    run_t run = {.device = device, .attention = attention};
    pt__pool_run(pt__cpu(device)->pool, attention->samples * attention->kv_heads, backward_task, &run);
}
