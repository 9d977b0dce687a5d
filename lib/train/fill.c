/* See fill.h. */
#include "train/fill.h"

#include <math.h>
#include <string.h>

#include "base/blocks.h"
#include "base/dtype.h"
#include "base/hash.h"
#include "base/random.h"

enum { PIECE = 1 << 16, /* a multiple of 4: where a piece of random numbers may begin */ CHUNK = 1024 };

static int64_t pieces(int64_t elements)
{
    return (elements + PIECE - 1) / PIECE;
}

static int64_t piece_elements(int64_t elements, int64_t task)
{
    int64_t left = elements - task * PIECE;
    return left < PIECE ? left : PIECE;
}

typedef struct drawing {
    int32_t initializer; /* PT_INIT_... */
    double value;
    uint64_t key;
    int64_t elements;
    float *dst;
} drawing_t;

static void draw_piece(void *argument, int64_t task, int32_t worker)
{
    const drawing_t *drawing = argument;
    int64_t first = task * PIECE, count = piece_elements(drawing->elements, task);
    double value = drawing->value;
    float *dst = drawing->dst + first;
    (void)worker;
    switch (drawing->initializer) {
    case PT_INIT_NORMAL:
        pt__random_fill_normal(drawing->key, first, count, 0, value, dst);
        break;
    case PT_INIT_LINEAR:
    case PT_INIT_UNIFORM:
        pt__random_fill_uniform(drawing->key, first, count, -value, value, dst);
        break;
    default:
        for (int64_t i = 0; i < count; i++)
            dst[i] = (float)value;
    }
}

/* All threads in the library's mode of computing, as they are for kernels. */
static void run(const pt_context_t *context, int64_t elements, pt__task_fn task, void *argument)
{
    uint64_t mode = pt__float_mode_get();
    pt__float_mode_set(PT__FLOAT_MODE);
    pt__pool_run(context->pool, pieces(elements), task, argument);
    pt__float_mode_set(mode);
}

void pt__fill_draw(const pt_context_t *context, const pt__parameter_t *described, int64_t elements, float *dst)
{
    if (described->initial.values != NULL) {
        pt__fill_convert(context, PT_FLOAT32, described->initial.values, elements, dst);
        return;
    }
    drawing_t drawing = {
        .initializer = described->initializer, .value = described->value, .elements = elements, .dst = dst};
    /* the seed and the parameter's name decide, not what else the network has */
    drawing.key = pt__random_key(context->seed, pt__hash_bytes(0, described->name, strlen(described->name)));
    if (drawing.initializer == PT_INIT_LINEAR)
        drawing.value = 1 / sqrt(described->value);
    run(context, elements, draw_piece, &drawing);
}

typedef struct conversion {
    int32_t dtype;
    const unsigned char *src;
    int64_t elements;
    float *dst;
    atomic_int_least64_t bad; /* the lowest element found that is refused; elements: none */
} conversion_t;

static void convert_piece(void *argument, int64_t task, int32_t worker)
{
    const conversion_t *conversion = argument;
    int64_t first = task * PIECE;
    (void)worker;
    pt__dtype_convert("", conversion->dtype, conversion->src + pt__dtype_bytes(conversion->dtype, first), PT_FLOAT32,
                      conversion->dst + first, piece_elements(conversion->elements, task));
}

void pt__fill_convert(const pt_context_t *context, int32_t dtype, const void *src, int64_t elements, float *dst)
{
    conversion_t conversion = {.dtype = dtype, .src = src, .elements = elements, .dst = dst};
    if (src != dst)
        run(context, elements, convert_piece, &conversion);
}

/* Whether every value is finite, by the bits: those that the mode of computing takes as zero are. */
static int32_t all_finite(const void *values, int64_t count)
{
    const unsigned char *src = values;
    uint32_t infinite = 0;
    for (int64_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, src + i * 4, sizeof bits);
        /* carries into the sign's place where all exponent bits are set */
        infinite |= (bits & 0x7F800000u) + 0x00800000u;
    }
    return (infinite & 0x80000000u) == 0;
}

/* The first of at most CHUNK elements that is not; -1: all are. */
static int64_t find_infinite(int32_t dtype, const unsigned char *src, int64_t count)
{
    float values[CHUNK];
    if (pt__dtype_unit(dtype).elements > 1)
        return pt__blocks_find_infinite(dtype, src, count);
    if (dtype == PT_FLOAT32
            ? all_finite(src, count)
            : pt__dtype_convert("", dtype, src, PT_FLOAT32, values, count) == PT_OK && all_finite(values, count))
        return -1;
    for (int64_t i = 0; i < count; i++) /* what is refused by the conversion may be the last of them */
        if (pt__dtype_convert("", dtype, src + pt__dtype_bytes(dtype, i), PT_FLOAT32, values, 1) != PT_OK ||
            !all_finite(values, 1))
            return i;
    return -1;
}

static void check_piece(void *argument, int64_t task, int32_t worker)
{
    conversion_t *conversion = argument;
    const int64_t end = task * PIECE + piece_elements(conversion->elements, task);
    (void)worker;
    for (int64_t first = task * PIECE; first < end; first += CHUNK) {
        const int64_t count = end - first < CHUNK ? end - first : CHUNK;
        int64_t i = find_infinite(conversion->dtype, conversion->src + pt__dtype_bytes(conversion->dtype, first),
                                  count);
        if (i < 0)
            continue;
        i += first;
        int64_t lowest = atomic_load(&conversion->bad);
        while (i < lowest && !atomic_compare_exchange_weak(&conversion->bad, &lowest, i))
            continue;
        return;
    }
}

int64_t pt__fill_check(const pt_context_t *context, int32_t dtype, const void *src, int64_t elements)
{
    conversion_t conversion = {.dtype = dtype, .src = src, .elements = elements, .bad = elements};
    run(context, elements, check_piece, &conversion);
    return conversion.bad < elements ? conversion.bad : -1;
}
