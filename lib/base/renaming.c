#include "base/renaming.h"

#include <string.h>

typedef struct run {
    const char *begin;
    size_t length;
} run_t;

/* As with file names' patterns, but that the runs are kept. A run that turns out too short grows by a character, the
 * last one first: one before it need never grow again, since what stands between them has been found as early as it
 * can be. */
static int32_t match(const char *pattern, const char *name, run_t *runs)
{
    const char *after = NULL; /* the pattern behind its last '*' */
    int32_t count = 0;
    while (1) {
        if (*pattern == '*' && count < PT__RENAMING_RUNS) {
            after = ++pattern;
            runs[count++] = (run_t){.begin = name};
        } else if (*pattern == *name) {
            if (*name == 0)
                return count;
            pattern++;
            name++;
        } else if (after != NULL && runs[count - 1].begin[runs[count - 1].length] != 0) {
            runs[count - 1].length++;
            pattern = after;
            name = runs[count - 1].begin + runs[count - 1].length;
        } else
            return -1;
    }
}

int32_t pt__renaming_apply(const char *from, const char *to, const char *name, char *out, size_t size)
{
    run_t runs[PT__RENAMING_RUNS];
    const int32_t count = match(from, name, runs);
    size_t used = 0;
    if (count < 0 || size == 0)
        return 0;
    for (int32_t number = 0; *to != 0 && used + 1 < size; to++) {
        const int32_t is_run = *to == '*' && number < count;
        const run_t piece = is_run ? runs[number++] : (run_t){.begin = to, .length = 1};
        const size_t length = piece.length < size - 1 - used ? piece.length : size - 1 - used;
        memcpy(out + used, piece.begin, length);
        used += length;
    }
    out[used] = 0;
    return 1;
}
