/* Counted, aligned blocks from the host's allocator.
 *
 *   what the hook gave | slack | block_t | what the caller gets, 64-byte aligned */
#define _DEFAULT_SOURCE /* madvise */
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

typedef struct block {
    void *given;  /* the hook's pointer */
    size_t bytes; /* asked for from the hook */
} block_t;

enum {
    OVERHEAD = sizeof(block_t) + PT__ALIGNMENT - 1,
    PAGES_WORTH = 2 /* large pages; a block of fewer needs few small ones */
};

static void *default_allocate(void *user, size_t bytes)
{
    (void)user;
    return malloc(bytes);
}

static void default_release(void *user, void *block, size_t bytes)
{
    (void)user;
    (void)bytes;
    free(block);
}

void pt__memory_init(pt__memory_t *memory, pt_allocate_fn allocate, pt_release_fn release, void *user)
{
    memory->allocate = allocate ? allocate : default_allocate;
    memory->release = allocate ? release : default_release;
    memory->user = user;
    atomic_init(&memory->bytes, 0);
    atomic_init(&memory->peak_bytes, 0);
}

static void count(pt__memory_t *memory, int64_t bytes)
{
    int_least64_t held = atomic_fetch_add_explicit(&memory->bytes, bytes, memory_order_relaxed) + bytes;
    int_least64_t peak = atomic_load_explicit(&memory->peak_bytes, memory_order_relaxed);
    while (held > peak && !atomic_compare_exchange_weak_explicit(&memory->peak_bytes, &peak, held, memory_order_relaxed,
                                                                 memory_order_relaxed))
        continue;
}

/* The message stays, whatever the host's hook calls. */
static void *ask_host(pt__memory_t *memory, size_t bytes)
{
    pt__kept_error_t kept;
    if (memory->allocate == default_allocate)
        return malloc(bytes);
    pt__error_keep(&kept);
    void *given = memory->allocate(memory->user, bytes);
    pt__error_return(&kept);
    return given;
}

/* Tensors that matrix products read lie on more small pages than a processor keeps the places of: on large ones such
 * products are 1.06 times as fast in the middle, 1.3 at best (bench/RESULTS.md). Only whole large pages of the block
 * are asked for, so little more becomes resident; what is said of a host's own memory is the host's affair. The system
 * may be set not to heed it. */
static void ask_for_large_pages(void *given, size_t bytes)
{
#if defined(MADV_HUGEPAGE)
    const uintptr_t page = (uintptr_t)2 << 20, begin = ((uintptr_t)given + page - 1) & ~(page - 1);
    const uintptr_t end = ((uintptr_t)given + bytes) & ~(page - 1);
    if (end > begin && end - begin >= PAGES_WORTH * page)
        (void)madvise((char *)given + (begin - (uintptr_t)given), end - begin, MADV_HUGEPAGE);
#else
    (void)given, (void)bytes;
#endif
}

static block_t *block_of(void *pointer)
{
    return (block_t *)pointer - 1;
}

static pt_status_t allocate(pt__memory_t *memory, size_t number, size_t size, const char *what, int zeroed, void *out)
{
    void *given, *pointer = NULL;
    memcpy(out, &pointer, sizeof pointer);
    if (size && number > (PTRDIFF_MAX - OVERHEAD) / size)
        return pt__fail(PT_ERR_MEMORY, "out of memory: %s of %zu times %zu bytes is more than any machine has", what,
                        number, size);
    size_t bytes = number * size + OVERHEAD;
    /* calloc takes large blocks fresh from the system, zero and untouched: pages that are never used cost nothing */
    if (zeroed && memory->allocate == default_allocate)
        given = calloc(1, bytes);
    else
        given = ask_host(memory, bytes);
    if (!given)
        return pt__fail(PT_ERR_MEMORY, "out of memory: %s, %zu bytes", what, number * size);
    if (memory->allocate == default_allocate)
        ask_for_large_pages(given, bytes);
    uintptr_t address = ((uintptr_t)given + OVERHEAD) & ~(uintptr_t)(PT__ALIGNMENT - 1);
    pointer = (char *)given + (address - (uintptr_t)given);
    if (zeroed && memory->allocate != default_allocate)
        memset(pointer, 0, number * size);
    *block_of(pointer) = (block_t){given, bytes};
    count(memory, (int64_t)bytes);
    memcpy(out, &pointer, sizeof pointer);
    return PT_OK;
}

pt_status_t pt__allocate(pt__memory_t *memory, size_t number, size_t size, const char *what, void *out)
{
    return allocate(memory, number, size, what, 1, out);
}

pt_status_t pt__allocate_uninitialised(pt__memory_t *memory, size_t number, size_t size, const char *what, void *out)
{
    return allocate(memory, number, size, what, 0, out);
}

pt_status_t pt__grow(pt__memory_t *memory, void *array, int64_t *capacity, int64_t needed, size_t size,
                     const char *what)
{
    void *old, *grown;
    if (needed <= *capacity)
        return PT_OK;
    int64_t larger = *capacity + *capacity / 2 + 8;
    if (larger < needed)
        larger = needed;
    memcpy(&old, array, sizeof old);
    PT__TRY(pt__allocate_uninitialised(memory, (size_t)larger, size, what, &grown));
    if (old)
        memcpy(grown, old, (size_t)*capacity * size);
    memset((char *)grown + (size_t)*capacity * size, 0, (size_t)(larger - *capacity) * size);
    pt__release(memory, old);
    memcpy(array, &grown, sizeof grown);
    *capacity = larger;
    return PT_OK;
}

void pt__release(pt__memory_t *memory, void *pointer)
{
    if (!pointer)
        return;
    block_t block = *block_of(pointer);
    count(memory, -(int64_t)block.bytes);
    if (memory->release == default_release) {
        free(block.given);
        return;
    }
    pt__kept_error_t kept;
    pt__error_keep(&kept);
    memory->release(memory->user, block.given, block.bytes);
    pt__error_return(&kept);
}

pt_status_t pt__string_copy(pt__memory_t *memory, const char *source, char **out)
{
    *out = NULL;
    if (!source)
        return PT_OK;
    size_t size = strlen(source) + 1;
    PT__TRY(pt__allocate_uninitialised(memory, size, 1, "string", out));
    memcpy(*out, source, size);
    return PT_OK;
}

int64_t pt__resident_peak_bytes(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return 0;
#ifdef __APPLE__
    return (int64_t)usage.ru_maxrss;
#else
    return (int64_t)usage.ru_maxrss * 1024;
#endif
}
