/* Filling memory of the host with a tensor's values, drawn as described or converted from a file's or another
 * tensor's values, and checking such values before. All is cut into pieces over the pool, which are also the first
 * to touch the memory. */
#ifndef PT__FILL_H
#define PT__FILL_H

#include "graph/graph.h"

/* The initial values of a tensor: those that its graph was given, or from the context's seed and its name. */
void pt__fill_draw(const pt_context_t *context, const pt__parameter_t *described, int64_t elements, float *dst);
/* From values of a floating-point dtype at any address, which pt__fill_check has passed. src may be dst itself. */
void pt__fill_convert(const pt_context_t *context, int32_t dtype, const void *src, int64_t elements, float *dst);
/* The first element that is not a finite float32, also after conversion; -1: all are. */
int64_t pt__fill_check(const pt_context_t *context, int32_t dtype, const void *src, int64_t elements);

#endif
