/* Rotary positions: the cosines and sines of a row, and the rotation of its heads. A level's part of pt__vector_t. */
#include "kernels/cpu/level/rows.h"
#include "kernels/cpu/vector.h"

/* cos(a + b) and sin(a + b) from those of a and b. */
static void combine(int64_t n, const float *a, const float *b, float *row)
{
    for (int64_t i = 0; i < n; i += LANES) {
        int64_t count = n - i;
        floats_t cosine = load_some(a + i, count), sine = load_some(a + n + i, count);
        floats_t other_cosine = load_some(b + i, count), other_sine = load_some(b + n + i, count);
        store_some(row + i, cosine * other_cosine - sine * other_sine, count);
        store_some(row + n + i, sine * other_cosine + cosine * other_sine, count);
    }
}

static void halves(int64_t heads, int64_t width, int64_t n, const float *row, const float *src, float *dst)
{
    for (int64_t h = 0; h < heads; h++, src += width, dst += width)
        for (int64_t i = 0; i < n; i += LANES) {
            int64_t count = n - i;
            floats_t cosine = load_some(row + i, count), sine = load_some(row + n + i, count);
            floats_t x = load_some(src + i, count), y = load_some(src + n + i, count);
            store_some(dst + i, x * cosine - y * sine, count);
            store_some(dst + n + i, y * cosine + x * sine, count);
        }
}

/* Each number in its neighbour's place: 0 with 1, 2 with 3, ... */
INLINE floats_t neighbours(floats_t x)
{
    return (floats_t)((longs_t)x << 32 | (longs_t)x >> 32);
}

static void pairs(int64_t heads, int64_t width, int64_t n, const float *row, const float *src, float *dst)
{
    for (int64_t h = 0; h < heads; h++, src += width, dst += width)
        for (int64_t i = 0; i < 2 * n; i += LANES) {
            int64_t count = 2 * n - i;
            floats_t x = load_some(src + i, count);
            store_some(dst + i, x * load_some(row + i, count) + neighbours(x) * load_some(row + 2 * n + i, count),
                       count);
        }
}

extern const pt__vector_rotary_t PT__LEVEL(pt__vector_rotary);
const pt__vector_rotary_t PT__LEVEL(pt__vector_rotary) = {.combine = combine, .halves = halves, .pairs = pairs};
