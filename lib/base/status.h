/* Statuses and the message that goes with them.
 *
 * A function that can fail returns pt_status_t: PT_OK or a negative code of pretrain.h. Where it fails it calls
 * pt__fail(), which writes the thread's message and returns the code; callers pass the code on with PT__TRY. The
 * message lives in a preallocated thread-local buffer, so that reporting out-of-memory cannot itself fail. */
#ifndef PT__STATUS_H
#define PT__STATUS_H

#include <stdarg.h>
#include <stddef.h>

#include "base/portability.h"
#include "pretrain.h"

enum { PT__MESSAGE_SIZE = 1024 };

/* Writes the thread's message (printf format) and returns `status`. */
pt_status_t pt__fail(pt_status_t status, const char *format, ...) PT__PRINTF(2, 3);

/* Puts "PREFIX: " before the thread's present message and returns `status`: used to add the file, tensor or step. */
pt_status_t pt__fail_within(pt_status_t status, const char *format, ...) PT__PRINTF(2, 3);

/* The thread's message; "" when nothing failed since the last pt__error_clear(). Never NULL. */
const char *pt__error_message(void);
void pt__error_clear(void);

/* Overwrites the thread's message with a stored one (a worker's failure brought to the caller's thread). */
void pt__error_set(const char *message);

/* The message set aside while host code runs, which may call us: every call begins by clearing it. */
typedef struct pt__kept_error {
    char message[PT__MESSAGE_SIZE];
} pt__kept_error_t;
void pt__error_keep(pt__kept_error_t *kept);
void pt__error_return(const pt__kept_error_t *kept);

/* Keeps the thread's message on a handle, for hosts whose threads move: copied into `message` where status is a
 * failure, but PT_ERR_BUSY, which callers meet that have no business with the handle then. Returns status. */
pt_status_t pt__error_keep_on(char message[PT__MESSAGE_SIZE], pt_status_t status);

/* Copies a message, cut to `size` bytes with its final 0; returns its whole length. buffer may be NULL with size 0. */
size_t pt__message_copy(const char *message, char *buffer, size_t size);

/* "PT_ERR_SHAPE" and a sentence, from the one list in status.c; never NULL. */
const char *pt__status_name(pt_status_t status);
const char *pt__status_message(pt_status_t status);

#define PT__TRY(call)                        \
    do {                                     \
        pt_status_t pt__try_status = (call); \
        if (pt__try_status != PT_OK)         \
            return pt__try_status;           \
    } while (0)

/* The same where something is owned: sets `status` and goes to the function's one `out:` label. */
#define PT__TRY_OUT(call)    \
    do {                     \
        status = (call);     \
        if (status != PT_OK) \
            goto out;        \
    } while (0)

#endif
