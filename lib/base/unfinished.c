/* See unfinished.h. */
#include "base/unfinished.h"

/* Callbacks that call the library again nest; what is nested deeper than this is not kept, and not recovered. */
enum { MOST = 48 };

typedef struct entry {
    pt__end_fn end;
    void *object;
} entry_t;

static _Thread_local entry_t entries[MOST];
static _Thread_local int32_t depth;

void pt__unfinished_push(pt__end_fn end, void *object)
{
    if (depth < MOST)
        entries[depth] = (entry_t){end, object};
    depth++;
}

void pt__unfinished_pop(void)
{
    depth--;
}

int32_t pt__unfinished_depth(void)
{
    return depth;
}

pt_status_t pt__unfinished_end(int32_t until)
{
    pt_status_t first = PT_OK;
    while (depth > until) {
        if (--depth >= MOST)
            continue;
        const entry_t entry = entries[depth];
        pt_status_t status = entry.end(entry.object);
        first = first == PT_OK ? status : first;
    }
    return first;
}
