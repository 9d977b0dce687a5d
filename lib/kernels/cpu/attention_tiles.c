/* Attention cut over the pool: forward by sample, head and tiles of queries; backward by sample and key-value head,
 * whose d_k and d_v one task sums in a fixed order. Called through the table. */
#include "kernels/cpu/chunks.h"
#include "kernels/cpu/kernels_cpu.h"

typedef struct run {
    pt__dev device;
    const pt__attention_t *attention;
    const pt__attention_gradient_t *gradient; /* of it; or NULL */
    int64_t queries;                          /* of a task */
    int64_t parts;                            /* of the longest sample */
} run_t;

static int64_t row_of(const int32_t *offsets, int64_t length, int64_t sample)
{
    return offsets != NULL ? offsets[sample] : sample * length;
}

static pt__attention_sample_t sample_of(const pt__attention_t *attention, int64_t number)
{
    pt__attention_sample_t sample = {.number = number,
                                     .query = row_of(attention->offsets, attention->length, number),
                                     .key = row_of(attention->key_offsets, attention->key_length, number)};
    sample.queries = row_of(attention->offsets, attention->length, number + 1) - sample.query;
    sample.keys = row_of(attention->key_offsets, attention->key_length, number + 1) - sample.key;
    if (attention->query_offsets != NULL)
        sample.offset = attention->query_offsets[number];
    else if (attention->align_last)
        sample.offset = sample.keys - sample.queries;
    if (attention->key_first != NULL) {
        sample.key = attention->key_first[number];
        sample.keys = sample.offset + sample.queries;
    }
    return sample;
}

static void forward_task(void *argument, int64_t task, int32_t worker)
{
    const run_t *run = argument;
    const pt__attention_t *attention = run->attention;
    int64_t first = (run->parts - 1 - task % run->parts) * run->queries; /* the ones with most keys first */
    int64_t head = task / run->parts % attention->heads;
    pt__attention_sample_t sample = sample_of(attention, task / run->parts / attention->heads);
    if (first < sample.queries)
        pt__cpu(run->device)
            ->vector->attention->forward(attention, &sample, head, first, pt__cpu_scratch(run->device, worker));
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
    run.queries = pt__cpu(device)->vector->attention->forward_tiles(attention) * PT__ATTENTION_TILE;
    run.parts = pt__chunks_count(longest, run.queries);
    pt__pool_run(pt__cpu(device)->pool, attention->samples * attention->heads * run.parts, forward_task, &run);
}

static void backward_task(void *argument, int64_t task, int32_t worker)
{
    const run_t *run = argument;
    const pt__attention_t *attention = run->attention;
    pt__attention_sample_t sample = sample_of(attention, task / attention->kv_heads);
    pt__cpu(run->device)
        ->vector->attention->backward(run->gradient, &sample, task % attention->kv_heads,
                                      pt__cpu_scratch(run->device, worker));
}

void pt__cpu_attention_gradient(pt__dev device, const pt__attention_gradient_t *gradient)
{
    const pt__attention_t *attention = &gradient->forward;
    run_t run = {.device = device, .attention = attention, .gradient = gradient};
    pt__pool_run(pt__cpu(device)->pool, attention->samples * attention->kv_heads, backward_task, &run);
}
