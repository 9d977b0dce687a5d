/* See plane_order.h. */
#include "base/plane_order.h"

#include <string.h>

void pt__planes_move(const void *src, int64_t rows, int64_t row_bytes, int64_t width, int32_t to_side_by_side,
                     void *dst)
{
    const char *from = src;
    char *to = dst;
    for (int64_t r = 0; r < rows; r++) {
        const int64_t place = r % width, head = r - place;
        const int64_t halves = head + place % 2 * (width / 2) + place / 2; /* of the row that is r side by side */
        memcpy(to + (to_side_by_side ? r : halves) * row_bytes, from + (to_side_by_side ? halves : r) * row_bytes,
               (size_t)row_bytes);
    }
}
