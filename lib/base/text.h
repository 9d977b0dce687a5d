/* A string that grows, and numbers as text whatever locale the host has set: the decimal point is always a point.
 * Called by everything that prints a description, a configuration or JSON, and by readers of text files.
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
/* With quotation marks, escaped as JSON asks; bytes that are not UTF-8 become U+FFFD. */
void pt__text_add_json_string(pt__text_t *text, const char *bytes, int64_t length);
/* The shortest digits that read back as the same double; "null" where it is not finite. */
void pt__text_add_number(pt__text_t *text, double number);
/* Hands the string over (freed with pt__release; "" where nothing was appended) or reports the failure; *length may
 * be NULL. The text is empty afterwards in either case. */
pt_status_t pt__text_take(pt__text_t *text, char **out, int64_t *length);
void pt__text_free(pt__text_t *text);

/* For a public call that writes into the host's buffer: at most `size` bytes with the final 0, the whole length
 * (without it) to *length; a buffer that is NULL with size 0 only asks. A string cut short is not an error. */
pt_status_t pt__text_give(pt__text_t *text, char *buffer, size_t size, size_t *length);

/* A decimal number that takes up all of `length` bytes: sign, digits with a point, exponent; no blanks, no
 * hexadecimal, no "inf" or "nan". Correctly rounded; beyond the range of double it gives infinity or 0. Returns 0
 * where it is not a number. */
int32_t pt__parse_double(const char *bytes, int64_t length, double *out);
/* A whole number in int64's range: sign and digits. */
int32_t pt__parse_int64(const char *bytes, int64_t length, int64_t *out);

#endif
