/* The list of statuses, and the thread's message. The buffer is thread-local and preallocated: reporting cannot
 * fail. */
#include "base/status.h"

#include <stdio.h>
#include <string.h>

#include "base/plain_locale.h"
#include "base/utf8.h"

#define STATUSES(X)                                                                   \
    X(PT_OK, "success")                                                               \
    X(PT_ERR_ARGUMENT, "an argument is missing, out of range or contradicts another") \
    X(PT_ERR_MEMORY, "out of memory")                                                 \
    X(PT_ERR_IO, "reading or writing a file failed")                                  \
    X(PT_ERR_FORMAT, "a file or text is not what its format allows")                  \
    X(PT_ERR_UNSUPPORTED, "not supported by this build, processor or version")        \
    X(PT_ERR_SHAPE, "shapes or dtypes do not fit together")                           \
    X(PT_ERR_NOT_FOUND, "no such file, tensor, field, key or name")                   \
    X(PT_ERR_CALLBACK, "a callback failed or did not report success")                 \
    X(PT_ERR_CANCELLED, "cancelled by the host")                                      \
    X(PT_ERR_BUSY, "the handle is in use")                                            \
    X(PT_ERR_VERSION, "made for a newer version of the library")                      \
    X(PT_ERR_NONFINITE, "NaN or infinity")                                            \
    X(PT_ERR_BUDGET, "the budget of bytes cannot be met")                             \
    X(PT_END, "end of data")                                                          \
    X(PT_ERR_STATE, "calls in the wrong order")                                       \
    X(PT_ERR_INTERNAL, "the library contradicts itself")                              \
    X(PT_ERR_DEVICE, "the device failed")

static _Thread_local char thread_message[PT__MESSAGE_SIZE];

const char *pt__status_name(pt_status_t status)
{
    switch (status) {
#define NAME(code, sentence) \
    case code:               \
        return #code;
        STATUSES(NAME)
#undef NAME
    default:
        return "PT_ERR_?";
    }
}

const char *pt__status_message(pt_status_t status)
{
    switch (status) {
#define MESSAGE(code, sentence) \
    case code:                  \
        return sentence;
        STATUSES(MESSAGE)
#undef MESSAGE
    default:
        return "unknown status";
    }
}

/* A message cut at the buffer's end must not end within a UTF-8 sequence. */
static void trim_cut_sequence(char *message)
{
    size_t length = strlen(message), lead = length;
    if (length + 1 < PT__MESSAGE_SIZE)
        return;
    while (lead > 0 && ((unsigned char)message[lead - 1] & 0xC0) == 0x80)
        lead--;
    if (lead > 0 && ((unsigned char)message[lead - 1] & 0x80) != 0)
        message[lead - 1] = 0;
}

/* Files hold, and paths are, any bytes; messages are UTF-8. */
static void replace_what_is_no_utf8(char *message)
{
    int64_t left = (int64_t)strlen(message);
    while (left > 0) {
        int32_t length = pt__utf8_length(message, left);
        if (length == 0)
            *message = '?';
        length = length == 0 ? 1 : length;
        message += length;
        left -= length;
    }
}

/* The arguments may point into the present message, so the new one is written aside. */
static void write_message(const char *suffix, const char *format, va_list arguments)
{
    char message[PT__MESSAGE_SIZE];
    int length = pt__plain_print(message, sizeof message, format, arguments);
    if (length < 0)
        message[length = 0] = 0;
    if (suffix && (size_t)length < sizeof message)
        snprintf(message + length, sizeof message - (size_t)length, ": %s", suffix);
    trim_cut_sequence(message);
    replace_what_is_no_utf8(message);
    memcpy(thread_message, message, sizeof message);
}

pt_status_t pt__fail(pt_status_t status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_message(NULL, format, arguments);
    va_end(arguments);
    return status;
}

pt_status_t pt__fail_within(pt_status_t status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_message(thread_message, format, arguments);
    va_end(arguments);
    return status;
}

const char *pt__error_message(void)
{
    return thread_message;
}

void pt__error_clear(void)
{
    thread_message[0] = 0;
}

void pt__error_keep(pt__kept_error_t *kept)
{
    memcpy(kept->message, thread_message, strlen(thread_message) + 1);
}

void pt__error_return(const pt__kept_error_t *kept)
{
    memcpy(thread_message, kept->message, strlen(kept->message) + 1);
}

pt_status_t pt__error_keep_on(char message[PT__MESSAGE_SIZE], pt_status_t status)
{
    if (status != PT_OK && status != PT_ERR_BUSY)
        memcpy(message, thread_message, sizeof thread_message);
    return status;
}

size_t pt__message_copy(const char *message, char *buffer, size_t size)
{
    size_t length = strlen(message);
    if (buffer != NULL && size > 0) {
        size_t copied = length < size ? length : size - 1;
        memcpy(buffer, message, copied);
        buffer[copied] = 0;
    }
    return length;
}

void pt__error_set(const char *message)
{
    pt__fail(PT_OK, "%s", message);
}
