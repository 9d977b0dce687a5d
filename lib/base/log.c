/* See log.h. A line is cut at the buffer's end: a log is for people. */
#include "base/log.h"

#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "base/plain_locale.h"
#include "base/unfinished.h"

enum { LINE_SIZE = 1024, WAITING = 16 };

typedef struct line {
    int32_t level;
    char text[LINE_SIZE];
} line_t;

typedef struct queue {
    pthread_mutex_t lock; /* of what follows; never held while the host's function runs */
    pthread_cond_t room;
    uintptr_t talker;     /* the thread that is within the host's function; 0: none */
    int32_t first, count; /* lines that wait in the ring */
    int64_t lost;
    line_t waiting[WAITING];
} queue_t;

pt_status_t pt__log_lock_create(pt__memory_t *memory, void **out)
{
    queue_t *queue;
    *out = NULL;
    PT__TRY(pt__allocate(memory, 1, sizeof *queue, "lock of the log", &queue));
    if (pthread_mutex_init(&queue->lock, NULL) == 0) {
        if (pthread_cond_init(&queue->room, NULL) == 0) {
            *out = queue;
            return PT_OK;
        }
        pthread_mutex_destroy(&queue->lock);
    }
    pt__release(memory, queue);
    return pt__fail(PT_ERR_MEMORY, "out of memory: lock of the log");
}

void pt__log_lock_free(pt__memory_t *memory, void *lock)
{
    queue_t *queue = lock;
    if (!queue)
        return;
    pthread_cond_destroy(&queue->room);
    pthread_mutex_destroy(&queue->lock);
    pt__release(memory, queue);
}

/* A host's function that was left otherwise than by its return: the lines that wait are told with the next one. */
static pt_status_t stop_talking(void *object)
{
    queue_t *queue = object;
    pthread_mutex_lock(&queue->lock);
    queue->talker = 0;
    pthread_cond_broadcast(&queue->room);
    pthread_mutex_unlock(&queue->lock);
    return PT_OK;
}

/* The host may call us from there, and log: the thread's message stays as it is. */
static void tell(const pt_context_t *context, const line_t *line)
{
    pt__kept_error_t kept;
    pt__error_keep(&kept);
    context->log(context->log_user, line->level, line->text);
    pt__error_return(&kept);
}

/* A full queue is waited for, but not for ever: the host's function may wait for this very thread. */
static void wait_for_room(queue_t *queue)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 1;
    while (queue->talker != 0 && queue->count == WAITING && queue->lost == 0)
        if (pthread_cond_timedwait(&queue->room, &queue->lock, &until) != 0)
            return;
}

/* Becomes the one that talks, or leaves the line to the one that does. Returns whether the caller is to tell it now. */
static int32_t begin(queue_t *queue, const line_t *line, int32_t *is_within)
{
    uintptr_t self = pt__thread_number();
    pthread_mutex_lock(&queue->lock);
    *is_within = queue->talker == self;
    if (!*is_within)
        wait_for_room(queue);
    int32_t is_free = queue->talker == 0 || *is_within;
    if (is_free)
        queue->talker = self;
    else if (queue->count < WAITING)
        queue->waiting[(queue->first + queue->count++) % WAITING] = *line;
    else
        queue->lost++;
    pthread_mutex_unlock(&queue->lock);
    return is_free;
}

/* The next line that waits; with none, nobody talks any more. */
static int32_t take_waiting(queue_t *queue, line_t *line)
{
    int32_t found = 1;
    pthread_mutex_lock(&queue->lock);
    if (queue->count > 0) {
        *line = queue->waiting[queue->first];
        queue->first = (queue->first + 1) % WAITING;
        queue->count--;
    } else if (queue->lost > 0) {
        line->level = PT_LOG_WARNING;
        snprintf(line->text, sizeof line->text, "%lld lines were left out while the log's function was busy",
                 (long long)queue->lost);
        queue->lost = 0;
    } else {
        queue->talker = 0;
        found = 0;
    }
    pthread_cond_broadcast(&queue->room);
    pthread_mutex_unlock(&queue->lock);
    return found;
}

void pt__log(const pt_context_t *context, int32_t level, const char *format, ...)
{
    line_t line = {.level = level};
    int32_t is_within;
    va_list arguments;
    int32_t wanted = context->log_level ? context->log_level : PT_LOG_WARNING;
    if (!context->log || level > wanted)
        return;
    va_start(arguments, format);
    int length = pt__plain_print(line.text, sizeof line.text, format, arguments);
    va_end(arguments);
    if (length < 0)
        return;
    for (char *c = line.text; *c; c++)
        if (*c == '\n' || *c == '\r')
            *c = ' ';
    if (!begin(context->log_lock, &line, &is_within))
        return;
    if (is_within) {
        tell(context, &line);
        return;
    }
    pt__unfinished_push(stop_talking, context->log_lock);
    do
        tell(context, &line);
    while (take_waiting(context->log_lock, &line));
    pt__unfinished_pop();
}
