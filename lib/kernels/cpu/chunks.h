/* Work over a range of elements or rows, cut over the pool into chunks of a size that the caller states from the shape
 * alone. Used by the kernels' drivers. */
#ifndef PT__CHUNKS_H
#define PT__CHUNKS_H

#include <stddef.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/vector.h"

/* [begin, end) is the chunk's part of the range; `chunk` its number; `worker` as in pt__task_fn. */
typedef void (*pt__chunk_fn)(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker);

enum {
    PT__CHUNK_CHEAP = 32768, /* elements of a chunk where an element costs a load, an addition and a store */
    PT__CHUNK_COSTLY = 8192  /* where it costs an exponential */
};

/* One chunk is run at once, without the pool. n may be 0, size >= 1. */
void pt__chunks_run(pt__dev device, int64_t n, int64_t size, pt__chunk_fn function, void *argument);

/* How many chunks that makes. */
static inline int64_t pt__chunks_count(int64_t n, int64_t size)
{
    return (n + size - 1) / size;
}

/* `size`, or more where each chunk leaves `bytes` behind in the scratch of one worker. */
static inline int64_t pt__chunks_fitting(int64_t n, int64_t size, size_t bytes)
{
    int64_t most = PT__KERNEL_SCRATCH / (int64_t)bytes;
    return pt__chunks_count(n, size) > most ? pt__chunks_count(n, most) : size;
}

/* Rows of `columns` elements that make a chunk of about `elements`; at least 1. */
static inline int64_t pt__chunks_rows(int64_t columns, int64_t elements)
{
    return columns >= elements ? 1 : elements / (columns > 0 ? columns : 1);
}

#endif
