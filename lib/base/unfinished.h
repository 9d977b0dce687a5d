/* What this thread has begun and not ended, innermost last: stages, retained handles, a host's callback that is marked
 * as running. A callback that is left by longjmp or an exception skips all of our frames down to the host's; what these
 * would have ended is then ended from here (pt_recover). */
#ifndef PT__UNFINISHED_H
#define PT__UNFINISHED_H

#include "base/status.h"

typedef pt_status_t (*pt__end_fn)(void *object);

/* `end` does what would be done after the pop; the object lives until then, so on no stack. */
void pt__unfinished_push(pt__end_fn end, void *object);
void pt__unfinished_pop(void);

int32_t pt__unfinished_depth(void);
/* Ends, innermost first, what was begun since the depth was that. The first failure. */
pt_status_t pt__unfinished_end(int32_t depth);

#endif
