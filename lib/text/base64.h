/* Bytes written as characters (RFC 4648): in tokenizers' files only. */
#ifndef PT__BASE64_H
#define PT__BASE64_H

#include <stdint.h>

/* How many bytes the text stands for, at most. */
static inline int64_t pt__base64_room(int64_t length)
{
    return length / 4 * 3 + 3;
}

/* Writes them; returns how many, -1 where the text, which is padded to a multiple of 4 characters, is none. */
int64_t pt__base64_read(const char *text, int64_t length, uint8_t *bytes);
/* Writes `length` bytes as characters, pt__base64_length of them. */
static inline int64_t pt__base64_length(int64_t length)
{
    return (length + 2) / 3 * 4;
}
void pt__base64_write(const uint8_t *bytes, int64_t length, char *text);

#endif
