/* Strings in the place of others: a normalizer does it, and a decoder. */
#ifndef PT__REPLACE_H
#define PT__REPLACE_H

#include "base/json.h"
#include "text/scanners.h"

typedef struct pt__replace pt__replace_t;
/* The next match, not empty, within text[at .. end), where at < end; the whole begins at `begin`. 0: there is none. */
typedef int32_t pt__find_fn(const pt__replace_t *replace, const uint8_t *text, int64_t begin, int64_t at, int64_t end,
                            pt__cut_t *match);

struct pt__replace { /* one block */
    pt__find_fn *find;
    int64_t from_length, to_length;
    uint8_t from[]; /* what is looked for, then what is put in its place */
};

static inline const uint8_t *pt__replace_to(const pt__replace_t *replace)
{
    return replace->from + replace->from_length;
}

pt_status_t pt__replace_make(pt__memory_t *memory, pt__find_fn *find, const char *from, int64_t from_length,
                             const char *to, int64_t to_length, pt__replace_t **out);
/* "pattern" and "content". PT_ERR_UNSUPPORTED for a pattern that is not known here. */
pt_status_t pt__replace_read(const pt__json_t *json, pt__memory_t *memory, pt__replace_t **out);

#endif
