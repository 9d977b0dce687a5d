/* See base64.h. */
#include "text/base64.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int32_t value_of(char digit)
{
    return digit >= 'A' && digit <= 'Z'   ? digit - 'A'
           : digit >= 'a' && digit <= 'z' ? digit - 'a' + 26
           : digit >= '0' && digit <= '9' ? digit - '0' + 52
           : digit == '+'                 ? 62
           : digit == '/'                 ? 63
                                          : -1;
}

int64_t pt__base64_read(const char *text, int64_t length, uint8_t *bytes)
{
    int64_t count = 0;
    if (length % 4 != 0)
        return -1;
    for (int64_t at = 0; at < length; at += 4) {
        const int32_t is_last = at + 4 == length;
        const int32_t padding = is_last ? (text[at + 3] == '=') + (text[at + 3] == '=' && text[at + 2] == '=') : 0;
        uint32_t bits = 0;
        for (int32_t i = 0; i < 4 - padding; i++) {
            const int32_t value = value_of(text[at + i]);
            if (value < 0)
                return -1;
            bits |= (uint32_t)value << (18 - 6 * i);
        }
        for (int32_t i = 0; i < 3 - padding; i++)
            bytes[count++] = (uint8_t)(bits >> (16 - 8 * i));
    }
    return count;
}

void pt__base64_write(const uint8_t *bytes, int64_t length, char *text)
{
    for (int64_t at = 0; at < length; at += 3) {
        const int64_t left = length - at;
        const uint32_t bits = (uint32_t)bytes[at] << 16 | (left > 1 ? (uint32_t)bytes[at + 1] << 8 : 0) |
                              (left > 2 ? (uint32_t)bytes[at + 2] : 0);
        for (int32_t i = 0; i < 4; i++)
            *text++ = i <= left ? digits[bits >> (18 - 6 * i) & 63] : '=';
    }
}
