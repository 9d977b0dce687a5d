#include "support/failing_allocator.h"

#include <stdlib.h>
#include <string.h>

enum { HEADER = 64 }; /* keeps malloc's alignment; holds the size */

void failing_allocator_start(failing_allocator_t *allocator, long fail_at)
{
    allocator->fail_at = fail_at;
    allocator->fail_on = 0;
    atomic_init(&allocator->calls, 0);
    atomic_init(&allocator->live, 0);
    atomic_init(&allocator->bytes, 0);
    atomic_init(&allocator->wrong, 0);
}

void *failing_allocate(void *user, size_t bytes)
{
    failing_allocator_t *allocator = user;
    long call = atomic_fetch_add(&allocator->calls, 1) + 1;
    if (allocator->fail_at && (call == allocator->fail_at || (allocator->fail_on && call > allocator->fail_at)))
        return NULL;
    char *block = malloc(bytes + HEADER);
    if (!block)
        return NULL;
    memcpy(block, &bytes, sizeof bytes);
    memset(block + HEADER, 0xA5, bytes); /* what is read before it is written shows */
    atomic_fetch_add(&allocator->live, 1);
    atomic_fetch_add(&allocator->bytes, (long)bytes);
    return block + HEADER;
}

void failing_release(void *user, void *block, size_t bytes)
{
    failing_allocator_t *allocator = user;
    size_t asked;
    memcpy(&asked, (char *)block - HEADER, sizeof asked);
    if (asked != bytes)
        atomic_fetch_add(&allocator->wrong, 1);
    atomic_fetch_sub(&allocator->live, 1);
    atomic_fetch_sub(&allocator->bytes, (long)asked);
    memset(block, 0x5A, asked); /* what is read after its release shows */
    free((char *)block - HEADER);
}
