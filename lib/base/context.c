/* The context's reference count: every handle holds a reference, the host another until pt_context_free. */
#include "base/context.h"

pt_context_t *pt__context_retain(pt_context_t *context)
{
    atomic_fetch_add_explicit(&context->references, 1, memory_order_relaxed);
    return context;
}

void pt__context_release(pt_context_t *context)
{
    if (atomic_fetch_sub_explicit(&context->references, 1, memory_order_acq_rel) == 1)
        context->end(context);
}
