/* Numbers stored narrower than float32, as floats: vector.h says what each is. Denormal ones keep their value,
 * whatever the float mode. */
#include "kernels/cpu/level/lanes.h"
#include "kernels/cpu/vector.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

/* LANES of 16 bits, as words: what compilers make of a conversion of vectors takes twice as long. */
INLINE words_t load_words(const char *p)
{
#if LANES == 16
    return (words_t)_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(const void *)p));
#elif LANES == 8
    return (words_t)_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)p));
#else
    uint16_t halves __attribute__((vector_size(LANES * 2)));
    memcpy(&halves, p, sizeof halves);
    return __builtin_convertvector(halves, words_t);
#endif
}

INLINE floats_t load_bfloats(const char *p)
{
    return (floats_t)(load_words(p) << 16);
}

#if LANES < 16
INLINE floats_t load_halves(const char *p)
{
    const ints_t word = (ints_t)load_words(p), magnitude = word & 0x7fff;
    const int32_t rebias = (127 - 15) << 23;
    ints_t bits = (magnitude << 13) + rebias;
    bits += (magnitude >= 0x7c00) & rebias; /* infinity and NaN */
    floats_t small = __builtin_convertvector(magnitude, floats_t) * 0x1p-24f;
    return (floats_t)((ints_t)choose(magnitude < 0x400, small, (floats_t)bits) | (word & 0x8000) << 16);
}
#endif

INLINE float from_half(uint16_t half)
{
    uint32_t magnitude = half & 0x7fffu, rebias = (127 - 15) << 23;
    uint32_t bits = (magnitude << 13) + rebias + (magnitude >= 0x7c00 ? rebias : 0);
    float value = (float)magnitude * 0x1p-24f;
    if (magnitude >= 0x400)
        memcpy(&value, &bits, sizeof value);
    return half & 0x8000 ? -value : value;
}

/* The body of a function that widens what `load` takes LANES of, 16 bits each. */
#define WIDEN_BY(load_lanes)                                            \
    {                                                                   \
        const char *bytes = src;                                        \
        int64_t i = 0;                                                  \
        (void)skip;                                                     \
        for (; i + LANES <= n; i += LANES)                              \
            store(dst + i, load_lanes(bytes + 2 * i));                  \
        if (i < n) {                                                    \
            char rest[2 * LANES] = {0};                                 \
            memcpy(rest, bytes + 2 * i, (size_t)(2 * (n - i)));         \
            store_part(dst + i, load_lanes(rest), n - i);               \
        }                                                               \
    }

static void widen_bfloats(int64_t n, const void *src, int32_t skip, float *dst)
WIDEN_BY(load_bfloats)

#if LANES < 16
static void widen_halves(int64_t n, const void *src, int32_t skip, float *dst)
WIDEN_BY(load_halves)
#endif

/* The processor's own conversion: always there with AVX-512; beside AVX2 a feature of its own. */
#if LANES == 16
INLINE floats_t convert_halves(const char *p)
{
    return (floats_t)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)p));
}

static void convert(int64_t n, const void *src, int32_t skip, float *dst)
WIDEN_BY(convert_halves)
#elif LANES == 8
__attribute__((target("f16c"))) static inline floats_t convert_halves(const char *p)
{
    return (floats_t)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p));
}

__attribute__((target("f16c"))) static void convert(int64_t n, const void *src, int32_t skip, float *dst)
WIDEN_BY(convert_halves)
#endif

static void copy(int64_t n, const void *src, int32_t skip, float *dst)
{
    (void)skip;
    memcpy(dst, src, (size_t)n * sizeof *dst);
}

enum { Q8_ELEMENTS = 32, Q8_BYTES = 34 };

static void widen_block_q8(const char *block, float *dst)
{
    uint16_t half;
    int8_t values[Q8_ELEMENTS];
    memcpy(&half, block, sizeof half);
    memcpy(values, block + sizeof half, sizeof values);
    const float scale = from_half(half);
    for (int i = 0; i < Q8_ELEMENTS; i++)
        dst[i] = (float)values[i] * scale;
}

static void widen_q8(int64_t n, const void *src, int32_t skip, float *dst)
{
    const char *block = src;
    for (int64_t i = 0, take; i < n; i += take, block += Q8_BYTES, skip = 0) {
        take = n - i < Q8_ELEMENTS - skip ? n - i : Q8_ELEMENTS - skip;
        if (take == Q8_ELEMENTS) {
            widen_block_q8(block, dst + i);
        } else {
            float whole[Q8_ELEMENTS];
            widen_block_q8(block, whole);
            memcpy(dst + i, whole + skip, (size_t)take * sizeof *dst);
        }
    }
}

const pt__vector_widen_t PT__LEVEL(pt__vector_widen) = {
    .floats = copy,
#if LANES == 16
    .halves = convert,
#else
    .halves = widen_halves,
#endif
#if LANES == 8
    .halves_f16c = convert,
#endif
    .bfloats = widen_bfloats,
    .blocks_q8 = widen_q8,
};
