/* An allocator that counts, fails its n-th call, and knows what was not given back: for tests that every allocation
 * of a call may fail, and that everything is then released.
 *
 *   FOR_EACH_FAILING_ALLOCATION(allocator, {
 *       pt__memory_t memory;
 *       failing_allocator_memory(&allocator, &memory);          or failing_allocator_hooks() for pt_context_options_t
 *       status = call_under_test(&memory);
 *       ... free what it made ...
 *   }, status);
 *
 * runs the body with the 1st, 2nd, ... allocation failing until it comes through, and checks each time that a
 * failure is PT_ERR_MEMORY with a message and that nothing is left allocated. It may be used from several threads. */
#ifndef SUPPORT_FAILING_ALLOCATOR_H
#define SUPPORT_FAILING_ALLOCATOR_H

#include <stdatomic.h>
#include <stddef.h>

#include "base/memory.h"

typedef struct failing_allocator {
    long fail_at;      /* the n-th call from now gives NULL (1: the next); 0: none */
    int fail_on;       /* also all after it */
    atomic_long calls; /* allocations asked for */
    atomic_long live;  /* blocks not yet released */
    atomic_long bytes; /* in them */
    atomic_long wrong; /* releases whose size is not what was asked for */
} failing_allocator_t;

void failing_allocator_start(failing_allocator_t *allocator, long fail_at);
void *failing_allocate(void *allocator, size_t bytes);
void failing_release(void *allocator, void *block, size_t bytes);

static inline void failing_allocator_memory(failing_allocator_t *allocator, pt__memory_t *memory)
{
    pt__memory_init(memory, failing_allocate, failing_release, allocator);
}

/* Fills the hooks of context options. */
static inline void failing_allocator_hooks(failing_allocator_t *allocator, pt_context_options_t *options)
{
    options->allocate = failing_allocate;
    options->release = failing_release;
    options->memory_user = allocator;
}

#define FOR_EACH_FAILING_ALLOCATION(allocator, body, status)                                                         \
    do {                                                                                                             \
        for (long failing_n = 1;; failing_n++) {                                                                     \
            failing_allocator_start(&(allocator), failing_n);                                                        \
            pt__error_clear();                                                                                       \
            body;                                                                                                    \
            ck_assert_msg(atomic_load(&(allocator).live) == 0, "allocation %ld failing: %ld blocks left", failing_n, \
                          atomic_load(&(allocator).live));                                                           \
            ck_assert_msg(atomic_load(&(allocator).wrong) == 0, "allocation %ld failing: wrong sizes", failing_n);   \
            if (atomic_load(&(allocator).calls) < failing_n) { /* none failed */                                     \
                ck_assert_msg((status) == PT_OK, "%s: %s", pt__status_name(status), pt__error_message());            \
                break;                                                                                               \
            }                                                                                                        \
            ck_assert_msg((status) == PT_ERR_MEMORY, "allocation %ld failing gave %s: %s", failing_n,                \
                          pt__status_name(status), pt__error_message());                                             \
            ck_assert_msg(*pt__error_message() != 0, "allocation %ld failing: no message", failing_n);               \
        }                                                                                                            \
    } while (0)

#endif
