/* The contrastive loss of rows against all rows of their sample. A sample's scores are made in blocks of its pairs, so
 * that they are never all in memory: a product, each row's cross-entropy in place, then the block's shares of both
 * gradients while d_scores are in the cache. The losses of rows are summed in double, in their order. Called through
 * the table. */
#include "kernels/cpu/chunks.h"
#include "kernels/cpu/kernels_cpu.h"
#include "kernels/cpu/loss_sums.h"

typedef struct block { /* pairs [first, first + count) of a sample: pair t · steps + k is row t with row t + k + 1 */
    const pt__contrastive_t *description;
    const pt__vector_t *vector;
    int64_t first, count, keys;
    int32_t wants_gradient;
    pt__loss_sums_t *sums;
} block_t;

static int32_t hits(const float *scores, int64_t keys, int64_t right)
{
    for (int64_t i = 0; i < keys; i++)
        if (scores[i] > scores[right] || (scores[i] == scores[right] && i < right))
            return 0;
    return 1;
}

static void score_rows(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const block_t *block = argument;
    const pt__contrastive_t *d = block->description;
    const pt__vector_map_t *map = block->vector->map;
    const pt__cross_entropy_t rows = {.classes = block->keys, .ignore_index = -1};
    pt__loss_sums_t sums = {0.0, 0.0, 0.0};
    (void)worker;
    for (int64_t i = begin; i < end; i++) {
        const int64_t pair = block->first + i, right = pair / d->steps + pair % d->steps + 1;
        float *scores = d->chunk + i * block->keys;
        if (right >= block->keys) {
            map->fill(block->keys, 0.0f, scores);
            continue;
        }
        map->scale(block->keys, d->scale, scores, scores);
        sums.hits += hits(scores, block->keys, right);
        sums.loss += block->vector->loss->cross_entropy(&rows, (int32_t)right, NULL, scores,
                                                        block->wants_gradient ? scores : NULL);
        sums.weight += 1;
        if (block->wants_gradient)
            map->scale(block->keys, d->scale, scores, scores);
    }
    block->sums[chunk] = sums;
}

static void run_block(pt__dev device, const pt__contrastive_t *d, block_t *block, int64_t row, pt__loss_sums_t *total)
{
    const float *query = d->query + row * d->steps * d->width + block->first * d->width;
    const float *key = d->key + row * d->width;
    pt__gemm_t gemm = {.m = block->count,
                       .n = block->keys,
                       .k = d->width,
                       .a = {.data = query, .stride = d->width},
                       .b = {.data = key, .stride = d->width, .transposed = 1},
                       .dst = d->chunk,
                       .dst_stride = block->keys};
    device->kernels->gemm(device, &gemm);
    int64_t size = pt__chunks_rows(block->keys, PT__CHUNK_COSTLY);
    size = pt__chunks_fitting(block->count, size, sizeof(pt__loss_sums_t));
    pt__chunks_run(device, block->count, size, score_rows, block);
    pt__loss_sums_add(block->sums, pt__chunks_count(block->count, size), total);
    if (d->d_query != NULL) {
        gemm = (pt__gemm_t){.m = block->count,
                            .n = d->width,
                            .k = block->keys,
                            .a = {.data = d->chunk, .stride = block->keys},
                            .b = {.data = key, .stride = d->width},
                            .dst = d->d_query + row * d->steps * d->width + block->first * d->width,
                            .dst_stride = d->width};
        device->kernels->gemm(device, &gemm);
    }
    if (d->d_key != NULL) {
        gemm = (pt__gemm_t){.m = block->keys,
                            .n = d->width,
                            .k = block->count,
                            .a = {.data = d->chunk, .stride = block->keys, .transposed = 1},
                            .b = {.data = query, .stride = d->width},
                            .dst = d->d_key + row * d->width,
                            .dst_stride = d->width,
                            .accumulate = block->first > 0};
        device->kernels->gemm(device, &gemm);
    }
}

void pt__cpu_contrastive(pt__dev device, const pt__contrastive_t *d)
{
    pt__loss_sums_t total = {0.0, 0.0, 0.0};
    for (int64_t s = 0; s < d->samples; s++) {
        const int64_t row = d->offsets[s], keys = d->offsets[s + 1] - row, pairs = keys * d->steps;
        block_t block = {.description = d,
                         .vector = pt__cpu(device)->vector,
                         .keys = keys,
                         .wants_gradient = d->d_query != NULL || d->d_key != NULL,
                         .sums = pt__cpu_scratch(device, 0)};
        const int64_t most = keys > 0 ? d->chunk_elements / keys : 1;
        for (; block.first < pairs; block.first += block.count) {
            block.count = pairs - block.first < most ? pairs - block.first : most;
            run_block(device, d, &block, row, &total);
        }
    }
    pt__loss_sums_put(&total, d->loss, d->weight);
    if (d->hits != NULL)
        d->hits[0] = (float)total.hits;
}
