/* How soon a pool's threads work after a pause: from the call that opens a job to the last thread's first task.
 *
 *   thread_wake [THREADS [ROUNDS]]      microseconds, middle of the rounds (101) and quartiles, for each pause; the
 *                                       caller computes meanwhile. THREADS 0, the default: one a processor
 *
 * Reaches inside the library (links the static one). */
#include "base/thread.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST_ROUNDS = 9999, WAITS_BEFORE_YIELD = 1000 };

static const double pauses[] = {0, 40e-6, 200e-6, 2e-3, 20e-3}; /* seconds; workers spin for 50 us */

typedef struct start {
    atomic_int begun;
    int threads;
    double last; /* of the times at which the threads began, by the clock that all processors share */
} start_t;

/* Every thread's one task, as none ends before all have begun. */
static void begin_task(void *argument, int64_t task, int32_t worker)
{
    start_t *start = argument;
    const double now = pt__clock_seconds();
    (void)task;
    (void)worker;
    if (atomic_fetch_add(&start->begun, 1) + 1 == start->threads)
        start->last = now;
    for (int waits = 1; atomic_load(&start->begun) < start->threads; waits++) {
        PT__SPIN_HINT();
        if (waits % WAITS_BEFORE_YIELD == 0) /* more threads than processors */
            sched_yield();
    }
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(pt__pool_t *pool, double pause, int rounds)
{
    static double delays[MOST_ROUNDS];
    for (int i = -1; i < rounds; i++) { /* one to warm up */
        start_t start = {.threads = pt__pool_threads(pool)};
        double begin = pt__clock_seconds(), opened;
        while ((opened = pt__clock_seconds()) - begin < pause)
            PT__SPIN_HINT();
        pt__pool_run(pool, start.threads, begin_task, &start);
        if (i >= 0)
            delays[i] = (start.last - opened) * 1e6;
    }
    qsort(delays, (size_t)rounds, sizeof *delays, by_size);
    printf("pause %5g us: %6.1f us (%.1f-%.1f)\n", pause * 1e6, delays[rounds / 2], delays[rounds / 4],
           delays[rounds * 3 / 4]);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    const int threads = argc > 1 ? atoi(argv[1]) : 0, rounds = argc > 2 ? atoi(argv[2]) : 101;
    pt__memory_t memory;
    pt__pool_t *pool;
    if (argc > 3 || threads < 0 || rounds < 1 || rounds > MOST_ROUNDS) {
        fputs("usage: thread_wake [THREADS [ROUNDS]]\n", stderr);
        return EXIT_FAILURE;
    }
    pt__memory_init(&memory, NULL, NULL, NULL);
    if (pt__pool_create(&memory, threads, &pool) != PT_OK) {
        fprintf(stderr, "thread_wake: %s\n", pt__error_message());
        return EXIT_FAILURE;
    }
    printf("%d threads, the last one's start after the call, middle of %d (quartiles)\n", pt__pool_threads(pool),
           rounds);
    for (size_t i = 0; i < sizeof pauses / sizeof *pauses; i++)
        measure(pool, pauses[i], rounds);
    pt__pool_free(pool);
    return EXIT_SUCCESS;
}
