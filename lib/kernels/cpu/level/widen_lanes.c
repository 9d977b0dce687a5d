/* Numbers stored narrower than float32, as floats: vector.h says what each is. Denormal ones keep their value,
 * whatever the float mode. */
#include "kernels/cpu/level/block_lanes.h"
#include "kernels/cpu/vector.h"

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

/* The body of a function that widens what `load` takes LANES of, 16 bits each. */
#define WIDEN_BY(load_lanes)                                    \
    {                                                           \
        const char *bytes = src;                                \
        int64_t i = 0;                                          \
        (void)skip;                                             \
        for (; i + LANES <= n; i += LANES)                      \
            store(dst + i, load_lanes(bytes + 2 * i));          \
        if (i < n) {                                            \
            char rest[2 * LANES] = {0};                         \
            memcpy(rest, bytes + 2 * i, (size_t)(2 * (n - i))); \
            store_part(dst + i, load_lanes(rest), n - i);       \
        }                                                       \
    }

static void widen_bfloats(int64_t n, const void *src, int32_t skip, float *dst) WIDEN_BY(load_bfloats)

#if LANES < 16
    static void widen_halves(int64_t n, const void *src, int32_t skip, float *dst) WIDEN_BY(load_halves)
#endif

/* The processor's own conversion: always there with AVX-512; beside AVX2 a feature of its own. */
#if LANES == 16
        INLINE floats_t convert_halves(const char *p)
{
    return (floats_t)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)p));
}

static void convert(int64_t n, const void *src, int32_t skip, float *dst) WIDEN_BY(convert_halves)
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

INLINE void widen_block(part_fn part_of, int elements, const char *block, float *dst)
{
    floats_t v[PART_VECTORS];
    for (int part = 0; part < elements / PART; part++, dst += PART) {
        part_of(block, part, 0, v);
#pragma GCC unroll 8
        for (int i = 0; i < PART_VECTORS; i++)
            store(dst + i * LANES, v[i]);
    }
}

INLINE void widen_blocks(part_fn part_of, int elements, int bytes, int64_t n, const char *block, int32_t skip,
                         float *dst)
{
    for (int64_t i = 0, take; i < n; i += take, block += bytes, skip = 0) {
        take = n - i < elements - skip ? n - i : elements - skip;
        if (take == elements) {
            widen_block(part_of, elements, block, dst + i);
        } else {
            float whole[256];
            widen_block(part_of, elements, block, whole);
            memcpy(dst + i, whole + skip, (size_t)take * sizeof *dst);
        }
    }
}

#define WIDEN_FORMAT(dtype, part_of, elements, bytes)                                 \
    static void widen_##part_of(int64_t n, const void *src, int32_t skip, float *dst) \
    {                                                                                 \
        widen_blocks(part_of, elements, bytes, n, src, skip, dst);                    \
    }
PT__BLOCK_FORMATS(WIDEN_FORMAT)

#define WIDEN_ENTRY(dtype, part_of, elements, bytes) [dtype] = widen_##part_of,

const pt__vector_widen_t PT__LEVEL(pt__vector_widen) = {
    .from = {[PT_FLOAT32] = copy,
#if LANES == 16
             [PT_FLOAT16] = convert,
#else
             [PT_FLOAT16] = widen_halves,
#endif
             [PT_BFLOAT16] = widen_bfloats,
             PT__BLOCK_FORMATS(WIDEN_ENTRY)},
#if LANES == 8
    .halves_f16c = convert,
#endif
};
