/* Values for new parameters: drawn, or taken over from a model that had them. Called when a model or its task is made. Each
 * parameter is cut into pieces over the pool, which are also the first to touch the block's memory. */
#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "base/random.h"
#include "kernels/device.h"
#include "train/model.h"

enum { PIECE = 1 << 16 }; /* a multiple of 4: where a piece of random numbers may begin */

typedef struct initial {
    int32_t initializer; /* PT_INIT_... */
    double value;
    uint64_t key;
    const float *source; /* NULL: drawn */
    int64_t elements;
    float *dst;
} initial_t;

static void fill_piece(void *argument, int64_t task, int32_t worker)
{
    const initial_t *initial = argument;
    int64_t first = task * PIECE, left = initial->elements - first, count = left < PIECE ? left : PIECE;
    double value = initial->value;
    float *dst = initial->dst + first;
    (void)worker;
    if (initial->source != NULL) {
        memcpy(dst, initial->source + first, (size_t)count * sizeof(float));
        return;
    }
    switch (initial->initializer) {
    case PT_INIT_NORMAL:
        pt__random_fill_normal(initial->key, first, count, 0, value, dst);
        break;
    case PT_INIT_LINEAR:
    case PT_INIT_UNIFORM:
        pt__random_fill_uniform(initial->key, first, count, -value, value, dst);
        break;
    default:
        for (int64_t i = 0; i < count; i++)
            dst[i] = (float)value;
    }
}

pt_status_t pt__initial_fill(const pt_context_t *context, const pt__parameter_t *described, const float *source,
                             const pt__stored_t *stored)
{
    initial_t initial = {.initializer = described->initializer,
                         .value = described->value,
                         .source = source,
                         .elements = stored->elements,
                         .dst = stored->value};
    /* the seed and the parameter's name decide, not what else the network has */
    initial.key = pt__random_key(context->seed, pt__hash_bytes(0, described->name, strlen(described->name)));
    if (initial.initializer == PT_INIT_LINEAR)
        initial.value = 1 / sqrt(described->value);
    PT__TRY(pt__device_enter(context->device));
    pt__pool_run(context->pool, (stored->elements + PIECE - 1) / PIECE, fill_piece, &initial);
    return pt__device_leave(context->device);
}
