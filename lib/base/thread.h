/* The context's pool of threads. Work is cut into tasks by the shape of the data and never by the number of threads, so
 * that results have the same bits at any thread count. The calling thread takes part; a pool of one thread has no
 * workers at all. Idle workers spin for some microseconds and then sleep. Workers compute in the library's float mode
 * (portability.h); the calling thread has the host's, unless it is between pt__device_enter and pt__device_leave. */
#ifndef PT__THREAD_H
#define PT__THREAD_H

#include <stdint.h>

#include "base/memory.h"

typedef struct pt__pool pt__pool_t;

/* Runs one task; `worker` is 0 for the calling thread, below the pool's thread count otherwise: an index for
 * scratch. */
typedef void (*pt__task_fn)(void *argument, int64_t task, int32_t worker);

/* threads >= 1; 0 asks for the number of processors this process may use. Where the system refuses threads, the pool
 * has fewer (down to one), and that is not an error. */
pt_status_t pt__pool_create(pt__memory_t *memory, int32_t threads, pt__pool_t **out);
void pt__pool_free(pt__pool_t *pool);
int32_t pt__pool_threads(const pt__pool_t *pool);

/* Calls task(argument, i, worker) for every i in [0, tasks), in any order, on any thread; returns when all are done.
 * tasks <= 1 or a call from inside a task runs on the calling thread. Never fails. pool may be NULL: serial. */
void pt__pool_run(pt__pool_t *pool, int64_t tasks, pt__task_fn task, void *argument);

/* Tells the workers that nothing comes for a while (a host's callback is about to run): they sleep at once. */
void pt__pool_rest(pt__pool_t *pool);

/* A number that only the calling thread has, never 0. */
uintptr_t pt__thread_number(void);

/* The number of processors that this process may use, at least 1. */
int32_t pt__processor_count(void);

/* Seconds of a monotonic clock. */
double pt__clock_seconds(void);

#endif
