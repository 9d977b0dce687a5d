/* The pool: every task once, nesting, independence, callers side by side, rest, idleness. */
#define _DEFAULT_SOURCE /* RLIMIT_NPROC */
#include <pthread.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/thread.h"
#include "support/failing_allocator.h"
#include "support/suite.h"

enum { MOST = 4096 };

typedef struct job {
    pt__pool_t *pool;
    int threads;
    atomic_int done[MOST];
    atomic_int bad_worker;
    atomic_int in_use[64]; /* a worker index is one thread's at a time */
} job_t;

static job_t *new_job(pt__pool_t *pool)
{
    static job_t jobs[4];
    static atomic_int next;
    job_t *job = &jobs[atomic_fetch_add(&next, 1) % 4];
    memset(job, 0, sizeof *job);
    job->pool = pool;
    job->threads = pt__pool_threads(pool);
    return job;
}

static void mark(void *argument, int64_t task, int32_t worker)
{
    job_t *job = argument;
    if (worker < 0 || worker >= job->threads || atomic_fetch_add(&job->in_use[worker], 1) != 0)
        atomic_fetch_add(&job->bad_worker, 1);
    atomic_fetch_add(&job->done[task], 1);
    for (volatile int i = 0; i < (int)(task % 7) * 20; i++)
        continue;
    atomic_fetch_sub(&job->in_use[worker], 1);
}

static void run_and_check(pt__pool_t *pool, int64_t tasks)
{
    job_t *job = new_job(pool);
    int wrong = 0;
    pt__pool_run(pool, tasks, mark, job);
    for (int64_t i = 0; i < MOST; i++)
        wrong += atomic_load(&job->done[i]) != (i < tasks);
    ck_assert_int_eq(wrong, 0);
    ck_assert_int_eq(atomic_load(&job->bad_worker), 0);
}

static pt__memory_t memory;

static pt__pool_t *new_pool(int32_t threads)
{
    pt__pool_t *pool;
    pt__memory_init(&memory, NULL, NULL, NULL);
    ck_ok(pt__pool_create(&memory, threads, &pool));
    return pool;
}

static void nap(double seconds)
{
    struct timespec time = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&time, NULL);
}

START_TEST(test_every_task_runs_once_at_any_thread_count)
{
    static const int32_t counts[] = {1, 2, 3, 5, 16};
    for (int c = 0; c < 5; c++) {
        pt__pool_t *pool = new_pool(counts[c]);
        ck_assert_int_eq(pt__pool_threads(pool), counts[c]);
        for (int64_t tasks = 0; tasks < 40; tasks++)
            run_and_check(pool, tasks);
        run_and_check(pool, MOST);
        for (int i = 0; i < 1000; i++)
            run_and_check(pool, 1 + i % 9);
        pt__pool_free(pool);
        ck_assert_int_eq(atomic_load(&memory.bytes), 0);
    }
    run_and_check(NULL, 17);
    pt__pool_free(NULL);
    pt__pool_rest(NULL);
}
END_TEST

START_TEST(test_sleeping_workers_wake)
{
    pt__pool_t *pool = new_pool(4);
    for (int i = 0; i < 200; i++) {
        run_and_check(pool, 50);
        if (i % 3 == 0)
            pt__pool_rest(pool);
        if (i % 2)
            nap(0.0003);
    }
    pt__pool_free(pool);
}
END_TEST

typedef struct nested {
    pt__pool_t *pool;
    int32_t worker;
    int64_t next;
    int wrong;
} nested_t;

static void inner(void *argument, int64_t task, int32_t worker)
{
    nested_t *nested = argument;
    nested->wrong |= task != nested->next++ || worker != nested->worker; /* in order, on the same worker */
}

static void outer(void *argument, int64_t task, int32_t worker)
{
    nested_t *nested = (nested_t *)argument + task;
    nested->worker = worker;
    pt__pool_run(nested->pool, 10, inner, nested);
    nested->wrong |= nested->next != 10;
}

START_TEST(test_nested_calls_run_here_with_their_workers_index)
{
    pt__pool_t *pool = new_pool(3);
    for (int repeat = 0; repeat < 100; repeat++) {
        nested_t nested[20] = {{0}};
        for (int i = 0; i < 20; i++)
            nested[i].pool = pool;
        pt__pool_run(pool, 20, outer, nested);
        for (int i = 0; i < 20; i++)
            ck_assert(!nested[i].wrong && nested[i].next == 10);
    }
    pt__pool_free(pool);
}
END_TEST

static void *run_many(void *argument)
{
    job_t *job = argument;
    for (int i = 1; i <= 2000; i++) {
        pt__pool_run(job->pool, 12, mark, job);
        for (int64_t k = 0; k < 12; k++)
            if (atomic_exchange(&job->done[k], 0) != 1)
                atomic_fetch_add(&job->bad_worker, 1);
    }
    return NULL;
}

START_TEST(test_pools_are_independent)
{
    pt__pool_t *pools[2] = {new_pool(2), new_pool(3)};
    job_t *jobs[2] = {new_job(pools[0]), new_job(pools[1])};
    pthread_t other;
    pthread_create(&other, NULL, run_many, jobs[1]);
    run_many(jobs[0]);
    pthread_join(other, NULL);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(atomic_load(&jobs[i]->bad_worker), 0);
        pt__pool_free(pools[i]);
    }
}
END_TEST

static atomic_int shared_in_use[8], shared_wrong;

static void use_scratch(void *argument, int64_t task, int32_t worker)
{
    (void)task;
    if (atomic_fetch_add(&shared_in_use[worker], 1) != 0)
        atomic_fetch_add(&shared_wrong, 1);
    atomic_fetch_add((atomic_int *)argument, 1);
    atomic_fetch_sub(&shared_in_use[worker], 1);
}

static void *share_pool(void *argument)
{
    pt__pool_t *pool = argument;
    for (int i = 0; i < 2000; i++) {
        atomic_int count = 0;
        pt__pool_run(pool, i % 5, use_scratch, &count);
        if (atomic_load(&count) != i % 5)
            atomic_fetch_add(&shared_wrong, 1);
    }
    return NULL;
}

START_TEST(test_two_callers_of_one_pool_take_turns)
{
    pt__pool_t *pool = new_pool(3);
    pthread_t other;
    pthread_create(&other, NULL, share_pool, pool);
    share_pool(pool);
    pthread_join(other, NULL);
    ck_assert_int_eq(atomic_load(&shared_wrong), 0);
    pt__pool_free(pool);
}
END_TEST

static double process_seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

START_TEST(test_idle_pool_uses_no_processor_time)
{
    pt__pool_t *pool = new_pool(4);
    for (int rest = 0; rest < 2; rest++) {
        run_and_check(pool, 100);
        if (rest)
            pt__pool_rest(pool);
        nap(rest ? 0.0002 : 0.001);
        double before = process_seconds();
        nap(0.2);
        ck_assert_double_lt(process_seconds() - before, 0.002);
    }
    pt__pool_free(pool);
}
END_TEST

START_TEST(test_refused_threads_make_a_smaller_pool)
{
    pid_t child = fork();
    if (child == 0) {
        struct rlimit none = {1, 1};
        setrlimit(RLIMIT_NPROC, &none);
        if (getuid() == 0 && setuid(65534) != 0) /* limits do not bind root */
            _exit(2);
        pt__pool_t *pool;
        atomic_int count = 0;
        pt__memory_init(&memory, NULL, NULL, NULL);
        if (pt__pool_create(&memory, 4, &pool) != PT_OK || pt__pool_threads(pool) != 1)
            _exit(3);
        pt__pool_run(pool, 4, use_scratch, &count);
        pt__pool_free(pool);
        _exit(atomic_load(&count) == 4 ? 0 : 4);
    }
    int status;
    waitpid(child, &status, 0);
    ck_assert_int_eq(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0);
}
END_TEST

typedef struct started {
    pt__pool_t *pool;
    atomic_int workers[3];
} started_t;

static void wait_for_all(void *argument, int64_t task, int32_t worker)
{
    started_t *started = argument;
    (void)task;
    atomic_store(&started->workers[worker], 1);
    for (int32_t i = 0; i < pt__pool_threads(started->pool); i++)
        while (!atomic_load(&started->workers[i]))
            nap(0.0001);
}

/* The process forks when no worker is still being started: AddressSanitizer's runtime (until GCC 14) allocates there
 * under a lock of its own, which stays locked in the child. */
START_TEST(test_child_process_can_free_and_make_pools)
{
    pt__pool_t *pool = new_pool(3);
    started_t started = {.pool = pool};
    pt__pool_run(pool, 3, wait_for_all, &started);
    run_and_check(pool, 20);
    pid_t child = fork();
    if (child == 0) {
        pt__pool_free(pool);
        pool = new_pool(2);
        run_and_check(pool, 20);
        pt__pool_free(pool);
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    ck_assert_int_eq(status, 0);
    pt__pool_free(pool);
}
END_TEST

START_TEST(test_create_checks_and_survives_failing_allocations)
{
    failing_allocator_t allocator;
    pt_status_t status;
    pt__pool_t *pool;
    ck_fails(pt__pool_create(&memory, -1, &pool), PT_ERR_ARGUMENT, "-1");
    ck_assert_ptr_null(pool);
    FOR_EACH_FAILING_ALLOCATION(allocator, {
        failing_allocator_memory(&allocator, &memory);
        status = pt__pool_create(&memory, 2, &pool);
        ck_assert((status == PT_OK) == (pool != NULL));
        pt__pool_free(pool);
    }, status);
    ck_assert_int_ge(pt__processor_count(), 1);
    double before = pt__clock_seconds();
    nap(0.01);
    ck_assert_double_ge(pt__clock_seconds() - before, 0.009);
}
END_TEST

SUITE("thread", 120, test_every_task_runs_once_at_any_thread_count, test_sleeping_workers_wake,
      test_nested_calls_run_here_with_their_workers_index, test_pools_are_independent,
      test_two_callers_of_one_pool_take_turns, test_idle_pool_uses_no_processor_time,
      test_refused_threads_make_a_smaller_pool, test_child_process_can_free_and_make_pools,
      test_create_checks_and_survives_failing_allocations)
