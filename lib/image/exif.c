/* The one thing that EXIF tells of how a picture is to be seen. */
#include "image/image.h"

enum { TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3, ENTRY = 12 };

static uint32_t number(const uint8_t *bytes, int32_t size, int32_t is_little)
{
    uint32_t value = 0;
    for (int32_t i = 0; i < size; i++)
        value |= (uint32_t)bytes[i] << 8 * (is_little ? i : size - 1 - i);
    return value;
}

int32_t pt__exif_orientation(const uint8_t *bytes, int64_t size)
{
    if (size < 8 || bytes[0] != bytes[1] || (bytes[0] != 'I' && bytes[0] != 'M'))
        return 1;
    const int32_t is_little = bytes[0] == 'I';
    const int64_t at = number(bytes + 4, 4, is_little);
    if (number(bytes + 2, 2, is_little) != 42 || at > size - 2)
        return 1;
    const int64_t entries = number(bytes + at, 2, is_little);
    for (int64_t i = 0; i < entries && at + 2 + (i + 1) * ENTRY <= size; i++) {
        const uint8_t *entry = bytes + at + 2 + i * ENTRY;
        if (number(entry, 2, is_little) != TAG_ORIENTATION)
            continue;
        const uint32_t value = number(entry + 8, 2, is_little);
        return number(entry + 2, 2, is_little) == TYPE_SHORT && value >= 1 && value <= 8 ? (int32_t)value : 1;
    }
    return 1;
}
