/* See text.h. */
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/plain_locale.h"

pt__text_t pt__text_start(pt__memory_t *memory)
{
    return (pt__text_t){.memory = memory, .status = PT_OK};
}

/* Room for `more` bytes and the final 0; NULL once the text has failed. */
static char *reserve(pt__text_t *text, int64_t more)
{
    if (text->status == PT_OK)
        text->status = pt__grow(text->memory, &text->data, &text->capacity, text->length + more + 1, 1, "text");
    return text->status == PT_OK ? text->data + text->length : NULL;
}

void pt__text_add_bytes(pt__text_t *text, const char *bytes, int64_t length)
{
    char *end = reserve(text, length);
    if (!end || length <= 0)
        return;
    memcpy(end, bytes, (size_t)length);
    end[length] = 0;
    text->length += length;
}

/* Prints behind the text, as far as there is room; the host's allocator is never called in another mode than the
 * host's. */
static int print_plainly(pt__text_t *text, const char *format, va_list arguments)
{
    return pt__plain_print(text->data + text->length, (size_t)(text->capacity - text->length), format, arguments);
}

void pt__text_add(pt__text_t *text, const char *format, ...)
{
    va_list arguments, repeated;
    if (!reserve(text, 64))
        return;
    va_start(arguments, format);
    va_copy(repeated, arguments);
    int length = print_plainly(text, format, arguments);
    if (length >= text->capacity - text->length && reserve(text, length))
        print_plainly(text, format, repeated);
    va_end(repeated);
    va_end(arguments);
    if (length < 0 && text->status == PT_OK)
        text->status = pt__fail(PT_ERR_INTERNAL, "a text could not be formatted by \"%s\"", format);
    if (text->status == PT_OK)
        text->length += length;
}

pt_status_t pt__text_take(pt__text_t *text, char **out, int64_t *length)
{
    *out = NULL;
    if (reserve(text, 0) && text->length == 0)
        text->data[0] = 0;
    pt_status_t status = text->status;
    if (status == PT_OK) {
        *out = text->data;
        if (length)
            *length = text->length;
        text->data = NULL;
    }
    pt__text_free(text);
    return status;
}

void pt__text_free(pt__text_t *text)
{
    pt__release(text->memory, text->data);
    *text = pt__text_start(text->memory);
}

pt_status_t pt__text_give(pt__text_t *text, char *buffer, size_t size, size_t *length)
{
    pt_status_t status = text->status;
    if (status == PT_OK && buffer && size > 0) {
        size_t copied = (size_t)text->length < size ? (size_t)text->length : size - 1;
        if (copied > 0)
            memcpy(buffer, text->data, copied);
        buffer[copied] = 0;
    }
    if (status == PT_OK && length)
        *length = (size_t)text->length;
    pt__text_free(text);
    return status;
}
