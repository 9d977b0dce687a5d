/* Sequences of tokens that a host hands over in one view: prompts, and what ends a text. */
#ifndef PT__SEQUENCES_H
#define PT__SEQUENCES_H

#include "base/memory.h"
#include "base/status.h"
#include "pretrain.h"

typedef struct pt__sequences {
    int32_t *tokens;  /* end to end */
    int64_t *lengths; /* [count] at least 1 each */
    int64_t count;
} pt__sequences_t;

/* What a view with neither lengths nor a fixed shape holds. */
typedef enum pt__unsplit { PT__ALL_IN_ONE, PT__ONE_EACH } pt__unsplit_t;

/* Copies a host's view, which has at least one sequence, as numbers from 0 to limit - 1 (limit 0: any). `what` begins
 * messages. Where it fails there is nothing to release. */
pt_status_t pt__sequences_read(pt__memory_t *memory, const pt_array_t *given, uint32_t size, const char *what,
                               pt__unsplit_t unsplit, int64_t limit, pt__sequences_t *out);
void pt__sequences_release(pt__memory_t *memory, pt__sequences_t *sequences);

#endif
