/* See utf8.h. */
#include "base/utf8.h"

#include <string.h>

#include "base/portability.h"

int32_t pt__utf8_length(const char *bytes, int64_t length)
{
    const unsigned char *s = (const unsigned char *)bytes;
    if (length < 1)
        return 0;
    if (s[0] < 0x80)
        return 1;
    int32_t n = s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : 2;
    if (s[0] < 0xC2 || s[0] > 0xF4 || length < n)
        return 0;
    for (int32_t i = 1; i < n; i++)
        if ((s[i] & 0xC0) != 0x80)
            return 0;
    if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F) || /* overlong; surrogates */
        (s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] > 0x8F))   /* overlong; above U+10FFFF */
        return 0;
    return n;
}

int32_t pt__utf8_broken_length(const char *bytes, int64_t length)
{
    const unsigned char *s = (const unsigned char *)bytes;
    const int32_t n = s[0] < 0xC2 || s[0] > 0xF4 ? 1 : s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : 2;
    int32_t count = 1;
    while (count < n && count < length && (s[count] & 0xC0) == 0x80) {
        int32_t is_overlong = (s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xF0 && s[1] < 0x90);
        if (count == 1 && (is_overlong || (s[0] == 0xED && s[1] > 0x9F) || (s[0] == 0xF4 && s[1] > 0x8F)))
            break;
        count++;
    }
    return count;
}

int64_t pt__utf8_valid(const char *bytes, int64_t length)
{
    int32_t step;
    for (int64_t at = 0; at < length; at += step) {
        for (const uint8_t *text = (const uint8_t *)bytes; at + 32 <= length; at += 32) {
            const uint64_t beyond = pt__sixteen_beyond(pt__sixteen_load(text + at)) |
                                    pt__sixteen_beyond(pt__sixteen_load(text + at + 16)) << 16;
            if (beyond != 0) {
                at += pt__trailing_zeros(beyond);
                break;
            }
        }
        step = at < length ? pt__utf8_length(bytes + at, length - at) : 1;
        if (step == 0)
            return at;
    }
    return length;
}

int32_t pt__utf8_is(const char *text)
{
    const int64_t length = (int64_t)strlen(text);
    return pt__utf8_valid(text, length) == length;
}
