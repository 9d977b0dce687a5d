/* Rows of a table by index, and the sum of gradients back into the table. Called through the table of kernels. */
#include <string.h>

#include "kernels/chunks.h"
#include "kernels/kernels_cpu.h"

typedef struct gather {
    const pt__vector_map_t *map;
    int64_t rows, columns;
    const float *src;
    const int32_t *index;
    float *dst;
} gather_t;

static void gather_chunk(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const gather_t *gather = argument;
    int64_t columns = gather->columns;
    (void)chunk, (void)worker;
    for (int64_t r = begin; r < end; r++)
        memcpy(gather->dst + r * columns, gather->src + gather->index[r] * columns, (size_t)columns * sizeof(float));
}

void pt__cpu_gather(pt__dev device, int64_t rows, int64_t columns, const float *table, const int32_t *index, float *dst)
{
    gather_t gather = {.columns = columns, .src = table, .index = index, .dst = dst};
    pt__chunks_run(device, rows, pt__chunks_rows(columns, PT__CHUNK_CHEAP), gather_chunk, &gather);
}

/* Columns [begin, end) of all rows, in row order: rows of equal index add up in one task. */
static void scatter_columns(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const gather_t *gather = argument;
    (void)chunk, (void)worker;
    for (int64_t r = 0; r < gather->rows; r++)
        gather->map->add_into(end - begin, gather->src + r * gather->columns + begin,
                              gather->dst + gather->index[r] * gather->columns + begin);
}

void pt__cpu_gather_gradient(pt__dev device, int64_t rows, int64_t columns, int64_t table_rows, const float *d_dst,
                             const int32_t *index, int32_t accumulate, float *d_table)
{
    if (!accumulate)
        pt__cpu_fill(device, table_rows * columns, 0.0f, d_table);
    gather_t gather = {
        .map = device->vector->map, .rows = rows, .columns = columns, .src = d_dst, .index = index, .dst = d_table};
    int64_t size = pt__chunks_rows(rows, PT__CHUNK_CHEAP); /* of columns, here: whole cache lines, four at least */
    size = size < 64 ? 64 : (size + 15) / 16 * 16;
    pt__chunks_run(device, columns, size, scatter_columns, &gather);
}
