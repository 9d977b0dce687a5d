/* How often pairs of pieces stand side by side: open addressing. */
#ifndef PT__PAIR_TABLE_H
#define PT__PAIR_TABLE_H

#include "text/training_state.h"

#define PT__NO_PAIR UINT64_MAX

typedef struct pt__pair_count {
    uint64_t pair; /* left << 32 | right; PT__NO_PAIR: a free place */
    int64_t count;
} pt__pair_count_t;

/* By hash in shares, each of which grows by itself, so that little is held twice while one does. */
enum { PT__PAIR_SHARES = 64 };
typedef struct pt__pair_share {
    pt__pair_count_t *slots; /* [mask + 1] */
    uint64_t mask;
    int64_t n;
} pt__pair_share_t;
typedef struct pt__pair_table { /* all 0 at first */
    pt__pair_share_t shares[PT__PAIR_SHARES];
} pt__pair_table_t;

static inline uint64_t pt__pair(uint32_t left, uint32_t right)
{
    return (uint64_t)left << 32 | right;
}

/* NULL: it is not there. */
pt__pair_count_t *pt__pair_find(const pt__pair_table_t *table, uint64_t pair);
/* The same, or one with count 0 that is put there (*is_new). Valid until the next one is. */
pt_status_t pt__pair_get(const pt__training_t *training, pt__pair_table_t *table, uint64_t pair, pt__pair_count_t **out,
                         int32_t *is_new);
void pt__pair_table_free(pt__memory_t *memory, pt__pair_table_t *table);

#endif
