/* The context as the layers see it: what every handle needs and retains. lib/api/context_api.c makes and ends it. */
#ifndef PT__CONTEXT_H
#define PT__CONTEXT_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/memory.h"
#include "base/thread.h"

struct pt__device;

struct pt_context {
    /* by value: handles reach it as &context->memory; the context's own block comes from malloc-like hook too */
    pt__memory_t memory;
    atomic_int references;
    void (*end)(
        pt_context_t
            *context); /* called with the last reference: frees what layers above base made, and the block itself */
    pt__pool_t *pool;
    struct pt__device *device;
    uint64_t seed;
    atomic_uint_least64_t identities; /* counts whatever needs a number of its own within the context */
    int32_t log_level;
    pt_log_fn log;
    void *log_user;
    void *log_lock; /* base/log.c's: lines that wait for their turn */
    /* of the last call that failed to make a handle, which several threads may do at once */
    pthread_mutex_t message_lock;
    char message[PT__MESSAGE_SIZE];
};

/* Keeps the message of a call that failed to make something of the context; returns status. */
pt_status_t pt__context_keep(pt_context_t *context, pt_status_t status);
/* The message kept last, as pt_last_error_copy gives it. */
size_t pt__context_message(const pt_context_t *context, char *buffer, size_t size);

/* The context ends when the last reference is released. */
pt_context_t *pt__context_retain(pt_context_t *context);
void pt__context_release(pt_context_t *context);

#endif
