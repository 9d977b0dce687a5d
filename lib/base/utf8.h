/* What is UTF-8 and what is not: for messages, JSON and text files. */
#ifndef PT__UTF8_H
#define PT__UTF8_H

#include <stdint.h>

/* Length of the UTF-8 sequence at `bytes` (1 to 4), or 0 where there is none within `length` bytes: overlong forms,
 * surrogates and values above U+10FFFF are none. */
int32_t pt__utf8_length(const char *bytes, int64_t length);

/* Where there is none: how many bytes belong together, those that could begin a sequence (1 to 3), for which one U+FFFD
 * stands (Unicode, "substitution of maximal subparts"). length is at least 1. */
int32_t pt__utf8_broken_length(const char *bytes, int64_t length);

/* How many bytes are UTF-8 before the first that is not: `length` where all are. ASCII goes many bytes at a time. */
int64_t pt__utf8_valid(const char *bytes, int64_t length);
/* Whether all of it is UTF-8, up to its final 0. */
int32_t pt__utf8_is(const char *text);

#endif
