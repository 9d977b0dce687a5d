/* See scripts.h. */
#include "text/scripts.h"

typedef struct range { /* up to the next one's first character */
    unsigned first : 24;
    unsigned script : 8;
} range_t;

static const range_t ranges[] = {
#include "text/script_ranges.def"
};

int32_t pt__script(uint32_t code)
{
    int32_t low = 0, high = (int32_t)(sizeof ranges / sizeof *ranges);
    while (high - low > 1) {
        const int32_t middle = (low + high) / 2;
        if (ranges[middle].first <= code)
            low = middle;
        else
            high = middle;
    }
    return (int32_t)ranges[low].script;
}
