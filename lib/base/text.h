/* A string that grows; whatever locale the host has set, the decimal point is a point. Called by everything that prints
 * a description, a configuration or JSON.
 *
 * Appending cannot fail at the call: a failure sticks in `status`, later calls do nothing, and pt__text_take reports
 * it. */
#ifndef PT__TEXT_H
#define PT__TEXT_H

#include <stdint.h>

#include "base/memory.h"

typedef struct pt__text {
    pt__memory_t *memory;
    char *data;     /* with a final 0 once anything was appended; else NULL */
    int64_t length; /* without the final 0 */
    int64_t capacity;
    pt_status_t status;
} pt__text_t;

pt__text_t pt__text_start(pt__memory_t *memory);
void pt__text_add(pt__text_t *text, const char *format, ...) PT__PRINTF(2, 3);
void pt__text_add_bytes(pt__text_t *text, const char *bytes, int64_t length);
/* Hands the string over (freed with pt__release; "" where nothing was appended) or reports the failure; *length may
 * be NULL. The text is empty afterwards in either case. */
pt_status_t pt__text_take(pt__text_t *text, char **out, int64_t *length);
void pt__text_free(pt__text_t *text);

/* For a public call that writes into the host's buffer: at most `size` bytes with the final 0, the whole length
 * (without it) to *length; a buffer that is NULL with size 0 only asks. A string cut short is not an error. */
pt_status_t pt__text_give(pt__text_t *text, char *buffer, size_t size, size_t *length);

#endif
