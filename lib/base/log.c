/* See log.h. The line is cut at the buffer's end: a log is for people. */
#include "base/log.h"

#include <pthread.h>
#include <stdio.h>

enum { LINE_SIZE = 1024 };

pt_status_t pt__log_lock_create(pt__memory_t *memory, void **out)
{
    pthread_mutex_t *lock;
    *out = NULL;
    PT__TRY(pt__allocate(memory, 1, sizeof *lock, "lock of the log", &lock));
    if (pthread_mutex_init(lock, NULL) != 0) {
        pt__release(memory, lock);
        return pt__fail(PT_ERR_MEMORY, "out of memory: lock of the log");
    }
    *out = lock;
    return PT_OK;
}

void pt__log_lock_free(pt__memory_t *memory, void *lock)
{
    if (!lock)
        return;
    pthread_mutex_destroy(lock);
    pt__release(memory, lock);
}

void pt__log(const pt_context_t *context, int32_t level, const char *format, ...)
{
    char line[LINE_SIZE];
    va_list arguments;
    int32_t wanted = context->log_level ? context->log_level : PT_LOG_WARNING;
    if (!context->log || level > wanted)
        return;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (length < 0)
        return;
    for (char *c = line; *c; c++)
        if (*c == '\n' || *c == '\r')
            *c = ' ';
    pthread_mutex_lock(context->log_lock);
    context->log(context->log_user, level, line);
    pthread_mutex_unlock(context->log_lock);
}
