/* Which places of an axis a window of it takes: for the drivers of pooling and for its inner loops. */
#ifndef PT__WINDOWS_H
#define PT__WINDOWS_H

#include "kernels/kernels.h"

typedef struct pt__window { /* the places begin, begin + step, ... below end, all of them there; maybe none */
    int64_t begin, end, step;
    int64_t counted; /* what a mean is divided by: with the padding that the window takes */
} pt__window_t;

static inline pt__window_t pt__window_at(const pt__window_axis_t *axis, int64_t i)
{
    if (axis->size == 0) { /* adaptive */
        int64_t begin = i * axis->src / axis->dst, end = ((i + 1) * axis->src + axis->dst - 1) / axis->dst;
        return (pt__window_t){begin, end, 1, end - begin};
    }
    int64_t first = i * axis->stride - axis->before, step = axis->dilation;
    int64_t end = first + step * (axis->size - 1) + 1, padded = axis->src + axis->after;
    pt__window_t window = {.begin = first, .step = step, .counted = (end < padded ? end : padded) - first};
    if (first < 0)
        window.begin = first + (-first + step - 1) / step * step;
    window.end = end < axis->src ? end : axis->src;
    return window;
}

/* Where the places of the maxima from this element of dst on are kept. */
static inline void *pt__window_places_from(const pt__window_pool_t *pool, int64_t element)
{
    const int64_t size = pool->wide_places ? (int64_t)sizeof(int32_t) : 1;
    return pool->places == NULL ? NULL : (char *)pool->places + element * size;
}

/* How many of its places are there. */
static inline int64_t pt__window_places(const pt__window_t *window)
{
    return window->end > window->begin ? (window->end - window->begin + window->step - 1) / window->step : 0;
}

/* What the sum over a window of two axes is divided by to be the mean. */
static inline float pt__window_divisor(const pt__window_pool_t *pool, const pt__window_t *rows,
                                       const pt__window_t *columns)
{
    if (pool->divisor > 0)
        return (float)pool->divisor;
    if (pool->without_padding)
        return (float)(pt__window_places(rows) * pt__window_places(columns));
    return (float)(rows->counted * columns->counted);
}

#endif
