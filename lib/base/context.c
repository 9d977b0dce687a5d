/* The context's reference count: every handle holds a reference, the host another until pt_context_free. And the
 * message of the last failure to make a handle, which no handle could keep. */
#include "base/context.h"

#include <string.h>

pt_context_t *pt__context_retain(pt_context_t *context)
{
    atomic_fetch_add_explicit(&context->references, 1, memory_order_relaxed);
    return context;
}

void pt__context_release(pt_context_t *context)
{
    if (atomic_fetch_sub_explicit(&context->references, 1, memory_order_acq_rel) == 1)
        context->end(context);
}

pt_status_t pt__context_keep(pt_context_t *context, pt_status_t status)
{
    if (status == PT_OK)
        return status;
    pthread_mutex_lock(&context->message_lock);
    pt__error_keep_on(context->message, status);
    pthread_mutex_unlock(&context->message_lock);
    return status;
}

size_t pt__context_message(const pt_context_t *context, char *buffer, size_t size)
{
    pthread_mutex_t *lock = &((pt_context_t *)(uintptr_t)context)->message_lock;
    char message[PT__MESSAGE_SIZE];
    pthread_mutex_lock(lock);
    memcpy(message, context->message, sizeof message);
    pthread_mutex_unlock(lock);
    return pt__message_copy(message, buffer, size);
}
