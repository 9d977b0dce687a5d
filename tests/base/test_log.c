/* Levels, one line, one at a time, silence. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "support/failing_allocator.h"
#include "support/suite.h"

static struct {
    int calls, level, inside, overlaps;
    char message[2000];
} seen;

static void hook(void *user, int32_t level, const char *message)
{
    ck_assert_ptr_eq(user, &seen);
    seen.overlaps += seen.inside++ > 0;
    seen.calls++;
    seen.level = level;
    snprintf(seen.message, sizeof seen.message, "%s", message);
    seen.inside--;
}

static pt_context_t context;

static void start(int32_t level)
{
    memset(&seen, 0, sizeof seen);
    pt__memory_init(&context.memory, NULL, NULL, NULL);
    ck_ok(pt__log_lock_create(&context.memory, &context.log_lock));
    context.log = hook;
    context.log_user = &seen;
    context.log_level = level;
}

static void end(void)
{
    pt__log_lock_free(&context.memory, context.log_lock);
    pt__log_lock_free(&context.memory, NULL);
    ck_assert_int_eq(atomic_load(&context.memory.bytes), 0);
}

START_TEST(test_levels_and_lines)
{
    char longer[3000];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    start(0); /* warnings and errors */
    pt__log(&context, PT_LOG_INFO, "no");
    ck_assert_int_eq(seen.calls, 0);
    pt__log(&context, PT_LOG_WARNING, "step %d\nloss\r%s", 3, "nan");
    ck_assert_str_eq(seen.message, "step 3 loss nan");
    ck_assert_int_eq(seen.level, PT_LOG_WARNING);
    pt__log(&context, PT_LOG_ERROR, "%s", longer);
    ck_assert_uint_gt(strlen(seen.message), 1000);
    end();
    start(PT_LOG_DEBUG);
    pt__log(&context, PT_LOG_DEBUG, "yes");
    ck_assert_int_eq(seen.calls, 1);
    context.log = NULL;
    pt__log(&context, PT_LOG_ERROR, "nobody listens");
    ck_assert_int_eq(seen.calls, 1);
    end();
}
END_TEST

static void *log_many(void *unused)
{
    for (int i = 0; i < 2000; i++)
        pt__log(&context, PT_LOG_ERROR, "%d", i);
    return unused;
}

START_TEST(test_one_at_a_time)
{
    pthread_t threads[3];
    start(PT_LOG_ERROR);
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, log_many, NULL);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_eq(seen.calls, 6000);
    ck_assert_int_eq(seen.overlaps, 0);
    end();
}
END_TEST

static pthread_barrier_t meeting;
static int depth;

static void *log_one(void *unused)
{
    pt__log(&context, PT_LOG_ERROR, "from another thread");
    return unused;
}

/* Logs from within the log: on its own thread and on another one, which it waits for. */
static void hook_that_logs(void *user, int32_t level, const char *message)
{
    pthread_t thread;
    (void)user;
    (void)level;
    seen.calls++;
    snprintf(seen.message + strlen(seen.message), 80, "%s;", message);
    if (depth++ > 0)
        return;
    pthread_create(&thread, NULL, log_one, NULL);
    pthread_join(thread, NULL);
    pt__log(&context, PT_LOG_ERROR, "from within");
    pt__error_clear(); /* as any call of the library does */
}

START_TEST(test_log_from_within_the_log)
{
    start(PT_LOG_ERROR);
    context.log = hook_that_logs;
    depth = 0;
    pt__fail(PT_ERR_IO, "the reason");
    pt__log(&context, PT_LOG_ERROR, "first");
    ck_assert_str_eq(pt__error_message(), "the reason");
    ck_assert_str_eq(seen.message, "first;from within;from another thread;");
    end();
}
END_TEST

static void slow_hook(void *user, int32_t level, const char *message)
{
    (void)user;
    (void)level;
    seen.calls++;
    snprintf(seen.message, sizeof seen.message, "%s", message);
    if (seen.calls == 1) {
        pthread_barrier_wait(&meeting);
        pthread_barrier_wait(&meeting);
    }
}

/* Who finds the log busy goes on; what is too much for the queue is counted. */
START_TEST(test_a_log_that_takes_long)
{
    pthread_t thread;
    start(PT_LOG_ERROR);
    context.log = slow_hook;
    pthread_barrier_init(&meeting, NULL, 2);
    pthread_create(&thread, NULL, log_one, NULL);
    pthread_barrier_wait(&meeting);
    for (int i = 0; i < 50; i++)
        pt__log(&context, PT_LOG_ERROR, "%d", i);
    pthread_barrier_wait(&meeting);
    pthread_join(thread, NULL);
    ck_assert_int_eq(seen.calls, 1 + 16 + 1);
    ck_assert_str_eq(seen.message, "34 lines were left out while the log's function was busy");
    pt__log(&context, PT_LOG_ERROR, "as before");
    ck_assert_str_eq(seen.message, "as before");
    pthread_barrier_destroy(&meeting);
    end();
}
END_TEST

START_TEST(test_failing_allocations)
{
    failing_allocator_t allocator;
    pt_status_t status;
    FOR_EACH_FAILING_ALLOCATION(allocator, {
        void *lock;
        failing_allocator_memory(&allocator, &context.memory);
        status = pt__log_lock_create(&context.memory, &lock);
        pt__log_lock_free(&context.memory, lock);
    }, status);
}
END_TEST

SUITE("log", 60, test_levels_and_lines, test_one_at_a_time, test_log_from_within_the_log, test_a_log_that_takes_long,
      test_failing_allocations)
