/* The host's log hook: formats one line into a buffer on the stack and hands it over, one at a time. Without a hook,
 * or for more detail than the host asked for, nothing happens. The library itself never prints. */
#ifndef PT__LOG_H
#define PT__LOG_H

#include "base/context.h"

/* The lock that context->log_lock holds; freed with pt__log_lock_free, which accepts NULL. */
pt_status_t pt__log_lock_create(pt__memory_t *memory, void **out);
void pt__log_lock_free(pt__memory_t *memory, void *lock);

/* level: PT_LOG_... ; line ends within the message become blanks. Any thread. */
void pt__log(const pt_context_t *context, int32_t level, const char *format, ...) PT__PRINTF(3, 4);

#endif
