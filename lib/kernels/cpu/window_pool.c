/* Pooling over windows of pictures, and its gradient. Called through the table.
 *
 * Forward, rows of windows are the work that is cut. Backward, windows may share pixels of the source, so one task
 * takes a block of channels of a whole picture; it zeroes the source's rows as it comes to them, so that they are in
 * cache when they are added to. */
#include "kernels/cpu/chunks.h"
#include "kernels/cpu/kernels_cpu.h"
#include "kernels/cpu/windows.h"

enum { BLOCK = 256 }; /* channels */

typedef struct pooling {
    const pt__vector_t *vector;
    const pt__window_pool_t *pool;
    const pt__window_pool_gradient_t *gradient;
} pooling_t;

static int64_t picture_size(const pt__window_pool_t *pool)
{
    return pool->rows.src * pool->columns.src * pool->channels;
}

static void pool_rows(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const pooling_t *self = argument;
    const pt__window_pool_t *pool = self->pool;
    (void)chunk, (void)worker;
    for (int64_t i = begin; i < end; i++) {
        const float *src = pool->src + i / pool->rows.dst * picture_size(pool);
        const int64_t first = i * pool->columns.dst * pool->channels, row = i % pool->rows.dst;
        if (pool->reduce == PT__REDUCE_MAX)
            self->vector->pool->max(pool, src, row, pool->dst + first, pt__window_places_from(pool, first));
        else
            self->vector->pool->mean(pool, src, row, pool->dst + first);
    }
}

void pt__cpu_window_pool(pt__dev device, const pt__window_pool_t *pool)
{
    pooling_t self = {.vector = pt__cpu(device)->vector, .pool = pool};
    int64_t read = picture_size(pool) / pool->rows.dst;
    pt__chunks_run(device, pool->pictures * pool->rows.dst, pt__chunks_rows(read, PT__CHUNK_CHEAP), pool_rows, &self);
}

/* Rows first .. end - 1 of a picture, `channels` of each pixel. */
static void clear_rows(const pooling_t *self, int64_t first, int64_t end, int64_t channels, float *picture)
{
    const pt__window_pool_t *pool = self->pool;
    int64_t width = pool->columns.src;
    if (channels == pool->channels)
        self->vector->map->fill((end - first) * width * channels, 0.0f, picture + first * width * channels);
    else
        for (int64_t i = first * width; i < end * width; i++)
            self->vector->map->fill(channels, 0.0f, picture + i * pool->channels);
}

static void gradient_task(void *argument, int64_t task, int32_t worker)
{
    const pooling_t *self = argument;
    const pt__window_pool_t *pool = self->pool;
    int64_t blocks = (pool->channels + BLOCK - 1) / BLOCK, picture = task / blocks, first = task % blocks * BLOCK;
    int64_t channels = pool->channels - first < BLOCK ? pool->channels - first : BLOCK, cleared = 0;
    int64_t row_size = pool->columns.dst * pool->channels, at = picture * picture_size(pool) + first;
    float *d_src = self->gradient->d_src + at;
    (void)worker;
    for (int64_t row = 0; row < pool->rows.dst; row++) {
        pt__window_t window = pt__window_at(&pool->rows, row);
        int64_t place = (picture * pool->rows.dst + row) * row_size + first;
        if (window.end > cleared) {
            clear_rows(self, cleared, window.end, channels, d_src);
            cleared = window.end;
        }
        if (pool->reduce == PT__REDUCE_MAX)
            self->vector->pool->max_gradient(pool, pt__window_places_from(pool, place), self->gradient->d_dst + place,
                                             row, channels, d_src);
        else
            self->vector->pool->mean_gradient(pool, self->gradient->d_dst + place, row, channels, d_src);
    }
    clear_rows(self, cleared, pool->rows.src, channels, d_src);
}

void pt__cpu_window_pool_gradient(pt__dev device, const pt__window_pool_gradient_t *gradient)
{
    const pt__window_pool_t *pool = &gradient->pool;
    pooling_t self = {.vector = pt__cpu(device)->vector, .pool = pool, .gradient = gradient};
    pt__pool_t *threads = pool->pictures * picture_size(pool) < PT__CHUNK_CHEAP ? NULL : pt__cpu(device)->pool;
    pt__pool_run(threads, pool->pictures * ((pool->channels + BLOCK - 1) / BLOCK), gradient_task, &self);
}
