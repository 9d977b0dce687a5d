/* The pool. One job at a time; its tasks are dealt out in contiguous ranges, one a thread, so that a thread meets
 * the same rows in one kernel after the other, and a thread that is done with its range takes from the others'.
 *
 * `generation` is odd while a job is open. A worker announces itself in `active` and only then looks whether the job
 * is open; the caller closes the job when no task is left to take and waits until `active` is 0. So a worker that
 * wakes late finds the job closed and touches nothing of it, and the caller never waits for one that still sleeps. */
#include "base/thread.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

enum {
    SPIN_NANOSECONDS = 50 * 1000, /* how long a worker waits for the next job before it sleeps */
    SPINS_A_LOOK = 16,            /* pauses between two looks at the clock */
    SPINS_BEFORE_YIELD = 2000     /* the caller waits for running tasks; then others may have the processor */
};

typedef struct range {
    _Alignas(PT__CACHE_LINE) atomic_int_least64_t next;
    int64_t end;
} range_t;

typedef struct worker {
    pt__pool_t *pool;
    pthread_t thread;
    int32_t index;
} worker_t;

struct pt__pool {
    pt__memory_t *memory;
    int32_t threads;         /* the caller's included */
    pid_t process;           /* a forked child has the struct, but not the threads */
    worker_t *workers;       /* [threads - 1], worker i has index i + 1 */
    range_t *ranges;         /* [threads] */
    pthread_mutex_t callers; /* one caller at a time: worker indices name scratch */

    pt__task_fn task; /* the open job */
    void *argument;

    _Alignas(PT__CACHE_LINE) atomic_uint_least64_t generation;
    atomic_int stop;
    atomic_int rest; /* spinning is pointless for now */
    _Alignas(PT__CACHE_LINE) atomic_int active;
    _Alignas(PT__CACHE_LINE) atomic_int sleepers;
    pthread_mutex_t sleep_lock;
    pthread_cond_t wake;
};

/* What this thread is running, so that a call from inside a task is recognised and keeps its worker's scratch. */
static _Thread_local const pt__pool_t *inside_pool;
static _Thread_local int32_t inside_worker;

double pt__clock_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int64_t nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void take_tasks(pt__pool_t *pool, int32_t worker)
{
    for (int32_t i = 0; i < pool->threads; i++) {
        range_t *range = &pool->ranges[(worker + i) % pool->threads];
        while (atomic_load_explicit(&range->next, memory_order_relaxed) < range->end) {
            int64_t task = atomic_fetch_add_explicit(&range->next, 1, memory_order_relaxed);
            if (task < range->end)
                pool->task(pool->argument, task, worker);
        }
    }
}

static int has_news(pt__pool_t *pool, uint64_t seen)
{
    uint64_t generation = atomic_load(&pool->generation);
    return (generation != seen && (generation & 1)) || atomic_load(&pool->stop);
}

/* Returns when a job other than `seen` is open, or the pool ends. */
static void wait_for_news(pt__pool_t *pool, uint64_t seen)
{
    int64_t deadline = nanoseconds() + SPIN_NANOSECONDS;
    while (!atomic_load_explicit(&pool->rest, memory_order_relaxed) && nanoseconds() < deadline) {
        for (int i = 0; i < SPINS_A_LOOK; i++) {
            if (has_news(pool, seen))
                return;
            PT__SPIN_HINT();
        }
    }
    pthread_mutex_lock(&pool->sleep_lock);
    atomic_fetch_add(&pool->sleepers, 1);
    while (!has_news(pool, seen))
        pthread_cond_wait(&pool->wake, &pool->sleep_lock);
    atomic_fetch_sub(&pool->sleepers, 1);
    pthread_mutex_unlock(&pool->sleep_lock);
}

static void *work(void *argument)
{
    worker_t *worker = argument;
    pt__pool_t *pool = worker->pool;
    uint64_t seen = 0;
    pt__float_mode_set(PT__FLOAT_MODE); /* a thread begins with its creator's, which is the host's */
    inside_pool = pool;
    inside_worker = worker->index;
    for (;;) {
        wait_for_news(pool, seen);
        if (atomic_load(&pool->stop))
            return NULL;
        atomic_fetch_add(&pool->active, 1);
        uint64_t generation = atomic_load(&pool->generation);
        if (generation & 1) {
            seen = generation;
            take_tasks(pool, worker->index);
        }
        atomic_fetch_sub(&pool->active, 1);
    }
}

static void wake_sleepers(pt__pool_t *pool)
{
    if (atomic_load(&pool->sleepers) == 0)
        return;
    pthread_mutex_lock(&pool->sleep_lock);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->sleep_lock);
}

/* Starts the workers one by one; where the system refuses, the pool stays at what it has. Signals are the host's:
 * its handlers do not run on our threads. */
static void start_workers(pt__pool_t *pool, int32_t threads)
{
    sigset_t all, before;
    sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0)
        return;
    for (int32_t i = 0; i + 1 < threads; i++) {
        worker_t *worker = &pool->workers[i];
        worker->pool = pool;
        worker->index = i + 1;
        if (pthread_create(&worker->thread, NULL, work, worker) != 0)
            break;
        pool->threads++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static pt_status_t make_locks(pt__pool_t *pool)
{
    if (pthread_mutex_init(&pool->callers, NULL) == 0) {
        if (pthread_mutex_init(&pool->sleep_lock, NULL) == 0) {
            if (pthread_cond_init(&pool->wake, NULL) == 0)
                return PT_OK;
            pthread_mutex_destroy(&pool->sleep_lock);
        }
        pthread_mutex_destroy(&pool->callers);
    }
    return pt__fail(PT_ERR_MEMORY, "out of memory: locks of a thread pool");
}

pt_status_t pt__pool_create(pt__memory_t *memory, int32_t threads, pt__pool_t **out)
{
    pt__pool_t *pool = NULL;
    pt_status_t status;
    *out = NULL;
    if (threads < 0)
        return pt__fail(PT_ERR_ARGUMENT, "threads is %d; expected 0 (as many as processors) or more", (int)threads);
    if (threads == 0)
        threads = pt__processor_count();
    PT__TRY(pt__allocate(memory, 1, sizeof *pool, "thread pool", &pool));
    pool->memory = memory;
    pool->threads = 1;
    pool->process = getpid();
    PT__TRY_OUT(pt__allocate(memory, (size_t)threads, sizeof *pool->workers, "thread pool", &pool->workers));
    PT__TRY_OUT(pt__allocate(memory, (size_t)threads, sizeof *pool->ranges, "thread pool", &pool->ranges));
    PT__TRY_OUT(make_locks(pool));
    start_workers(pool, threads);
    *out = pool;
    return PT_OK;

out:
    pt__release(memory, pool->ranges);
    pt__release(memory, pool->workers);
    pt__release(memory, pool);
    return status;
}

void pt__pool_free(pt__pool_t *pool)
{
    if (!pool)
        return;
    if (pool->process == getpid()) {
        atomic_store(&pool->stop, 1);
        wake_sleepers(pool);
        for (int32_t i = 0; i + 1 < pool->threads; i++)
            pthread_join(pool->workers[i].thread, NULL);
        pthread_cond_destroy(&pool->wake);
        pthread_mutex_destroy(&pool->sleep_lock);
        pthread_mutex_destroy(&pool->callers);
    }
    pt__release(pool->memory, pool->ranges);
    pt__release(pool->memory, pool->workers);
    pt__release(pool->memory, pool);
}

int32_t pt__pool_threads(const pt__pool_t *pool)
{
    return pool ? pool->threads : 1;
}

static void run_here(int64_t tasks, pt__task_fn task, void *argument, int32_t worker)
{
    for (int64_t i = 0; i < tasks; i++)
        task(argument, i, worker);
}

static void run_together(pt__pool_t *pool, int64_t tasks, pt__task_fn task, void *argument)
{
    pool->task = task;
    pool->argument = argument;
    for (int32_t i = 0; i < pool->threads; i++) {
        pool->ranges[i].end = tasks / pool->threads * (i + 1) + tasks % pool->threads * (i + 1) / pool->threads;
        int64_t begin = tasks / pool->threads * i + tasks % pool->threads * i / pool->threads;
        atomic_store_explicit(&pool->ranges[i].next, begin, memory_order_relaxed);
    }
    atomic_store_explicit(&pool->rest, 0, memory_order_relaxed);
    atomic_fetch_add(&pool->generation, 1);
    wake_sleepers(pool);
    take_tasks(pool, 0);
    atomic_fetch_add(&pool->generation, 1);
    for (int spins = 0; atomic_load(&pool->active) != 0; spins++) {
        if (spins < SPINS_BEFORE_YIELD)
            PT__SPIN_HINT();
        else
            sched_yield();
    }
}

void pt__pool_run(pt__pool_t *pool, int64_t tasks, pt__task_fn task, void *argument)
{
    if (!pool || inside_pool == pool) {
        run_here(tasks, task, argument, pool ? inside_worker : 0);
        return;
    }
    const pt__pool_t *outer_pool = inside_pool;
    int32_t outer_worker = inside_worker;
    pthread_mutex_lock(&pool->callers);
    inside_pool = pool;
    inside_worker = 0;
    if (tasks <= 1 || pool->threads == 1)
        run_here(tasks, task, argument, 0);
    else
        run_together(pool, tasks, task, argument);
    inside_pool = outer_pool;
    inside_worker = outer_worker;
    pthread_mutex_unlock(&pool->callers);
}

void pt__pool_rest(pt__pool_t *pool)
{
    if (pool)
        atomic_store_explicit(&pool->rest, 1, memory_order_relaxed);
}

uintptr_t pt__thread_number(void)
{
    static _Thread_local char place;
    return (uintptr_t)&place;
}
