/* The host's log hook: formats one line into a buffer on the stack and hands it over, one at a time, holding no lock. A
 * thread that finds another one within the hook leaves its line to that one and goes on; a call that logs, made from
 * within the hook, calls it again on the same thread. Without a hook, or for more detail than the host asked for,
 * nothing happens. The library itself never prints. */
#ifndef PT__LOG_H
#define PT__LOG_H

#include "base/context.h"

/* What context->log_lock holds: the lines that wait, and their lock; freed with pt__log_lock_free, which accepts
 * NULL. */
pt_status_t pt__log_lock_create(pt__memory_t *memory, void **out);
void pt__log_lock_free(pt__memory_t *memory, void *lock);

/* level: PT_LOG_... ; line ends within the message become blanks. Any thread, whose message of a failure stays. */
void pt__log(const pt_context_t *context, int32_t level, const char *format, ...) PT__PRINTF(3, 4);

#endif
