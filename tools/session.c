#include "session.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "output.h"

/* ---- Memory ------------------------------------------------------------------------------------------------------ */

/* What --memory leaves, in bytes. */
static atomic_llong memory_left;

static void *allocate(void *user, size_t bytes)
{
    (void)user;
    long long wanted = bytes > INT64_MAX ? INT64_MAX : (long long)bytes;
    long long left = atomic_load(&memory_left);
    do {
        if (left < wanted)
            return NULL;
    } while (!atomic_compare_exchange_weak(&memory_left, &left, left - wanted));
    void *block = malloc(bytes);
    if (!block)
        atomic_fetch_add(&memory_left, wanted);
    return block;
}

static void release(void *user, void *block, size_t bytes)
{
    (void)user;
    if (block)
        atomic_fetch_add(&memory_left, (long long)bytes);
    free(block);
}

/* ---- Context ----------------------------------------------------------------------------------------------------- */

static void tell(void *user, int32_t level, const char *message)
{
    (void)user;
    note("%s%s", level == PT_LOG_WARNING ? "warning: " : "", message);
}

int session_open(const settings_t *settings, pt_context_t **context)
{
    int status = EXIT_DONE;
    *context = NULL;
    if (settings->precision && strcmp(settings->precision, "float32") != 0)
        return fail("--precision %s: this version of the library computes in float32 only", settings->precision);
    pt_context_options_t options;
    TRY(pt_context_options_init(&options, sizeof options));
    options.threads = (int32_t)settings->threads;
    if (settings->seed >= 0)
        options.seed = (uint64_t)settings->seed;
    options.processor = settings->processor;
    options.log = tell;
    if (settings->memory > 0) {
        atomic_store(&memory_left, settings->memory);
        options.allocate = allocate;
        options.release = release;
    }
    TRY(pt_context_create(&options, context));
out:
    return status;
}

double clock_seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* ---- Signals ----------------------------------------------------------------------------------------------------- */

static _Atomic(pt_model_t *) watched;
static atomic_int signals, last_signal, stepwise;

static void handle(int number)
{
    pt_model_t *model = atomic_load(&watched);
    int before = atomic_fetch_add(&signals, 1);
    atomic_store(&last_signal, number);
    if (!model || before >= 2)
        _exit(EXIT_INTERRUPTED + number);
    if (!atomic_load(&stepwise) || before == 1)
        pt_model_cancel(model);
}

void interrupts_catch(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART}, old;
        sigemptyset(&action.sa_mask);
        if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL);
    }
}

void interrupts_watch(pt_model_t *model, int is_stepwise)
{
    atomic_store(&stepwise, is_stepwise);
    atomic_store(&watched, model);
}

int interrupted(void)
{
    return atomic_load(&last_signal);
}
