/* Memory comes from the context's allocator (the host's hook, or malloc). Every block is aligned to PT__ALIGNMENT
 * bytes, carries its size in a header before it, and is counted, so that a host can ask how much the library holds. */
#ifndef PT__MEMORY_H
#define PT__MEMORY_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum { PT__ALIGNMENT = 64 };

/* What takes so many bytes where the next one is aligned too. */
static inline int64_t pt__padded_bytes(int64_t bytes)
{
    return (bytes + PT__ALIGNMENT - 1) / PT__ALIGNMENT * PT__ALIGNMENT;
}

/* The same, counted in floats. */
static inline int64_t pt__padded(int64_t elements)
{
    const int64_t line = PT__ALIGNMENT / (int64_t)sizeof(float);
    return (elements + line - 1) / line * line;
}

typedef struct pt__memory {
    pt_allocate_fn allocate; /* never NULL once pt__memory_init has run */
    pt_release_fn release;
    void *user;
    atomic_int_least64_t bytes;      /* held now */
    atomic_int_least64_t peak_bytes; /* the most that was held */
} pt__memory_t;

/* With allocate == NULL: malloc and free. */
void pt__memory_init(pt__memory_t *memory, pt_allocate_fn allocate, pt_release_fn release, void *user);

/* A zeroed, aligned block of count * size bytes in *out; PT_ERR_MEMORY with a message (`what` names it) and *out = NULL
 * on failure or overflow. count * size == 0 gives a valid block. */
pt_status_t pt__allocate(pt__memory_t *memory, size_t count, size_t size, const char *what, void *out);

/* The same, not zeroed: for large buffers that are written before they are read. */
pt_status_t pt__allocate_uninitialised(pt__memory_t *memory, size_t count, size_t size, const char *what, void *out);

/* Makes the array at *array (element size `size`, *capacity elements) hold at least `needed`, keeping its elements;
 * grows geometrically. New elements are zero. On failure nothing changes. */
pt_status_t pt__grow(pt__memory_t *memory, void *array, int64_t *capacity, int64_t needed, size_t size,
                     const char *what);

/* Releases a block; NULL is ignored. */
void pt__release(pt__memory_t *memory, void *block);

/* A copy of a string; NULL gives NULL. */
pt_status_t pt__string_copy(pt__memory_t *memory, const char *source, char **out);

/* The largest block of pt__allocate that the process still had to be given by the system: peak resident bytes, 0 where
 * the system does not tell. */
int64_t pt__resident_peak_bytes(void);

#endif
