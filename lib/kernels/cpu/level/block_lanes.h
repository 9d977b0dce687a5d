/* Formats of blocks in registers: base/blocks.c says what each is. A block is one part of 32 numbers, or 8 of them;
 * each of the functions gives a part's as vectors of floats. For widen_lanes.c and gemm_narrow.h. */
#ifndef PT__BLOCK_LANES_H
#define PT__BLOCK_LANES_H

#include "kernels/cpu/level/lanes.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

enum { PART = 32, PART_VECTORS = PART / LANES, BYTES = 16 };

typedef uint8_t bytes_t __attribute__((vector_size(BYTES)));

INLINE bytes_t load_bytes(const char *p)
{
    bytes_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* Bytes i * LANES and on of `of`, which has BYTES of them, as words. */
INLINE ints_t words_of(bytes_t of, int i)
{
#if LANES == 16
    (void)i;
    return (ints_t)_mm512_cvtepu8_epi32((__m128i)of);
#elif LANES == 8
    return (ints_t)_mm256_cvtepu8_epi32(i ? _mm_srli_si128((__m128i)of, 8) : (__m128i)of);
#else
    uint8_t part __attribute__((vector_size(LANES)));
    memcpy(&part, (const char *)&of + LANES * i, sizeof part);
    return __builtin_convertvector(part, ints_t);
#endif
}

/* LANES of uint8, straight from memory: a shuffle for each vector would be two. */
INLINE ints_t load_unsigned(const char *p)
{
#if LANES == 16
    return (ints_t)_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)p));
#elif LANES == 8
    return (ints_t)_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p));
#else
    uint8_t part __attribute__((vector_size(LANES)));
    memcpy(&part, p, sizeof part);
    return __builtin_convertvector(part, ints_t);
#endif
}

/* LANES of int8 */
INLINE ints_t load_signed(const char *p)
{
#if LANES == 16
    return (ints_t)_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(const void *)p));
#elif LANES == 8
    return (ints_t)_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p));
#else
    int8_t part __attribute__((vector_size(LANES)));
    memcpy(&part, p, sizeof part);
    return __builtin_convertvector(part, ints_t);
#endif
}

INLINE floats_t floats_of(ints_t v)
{
    return __builtin_convertvector(v, floats_t);
}

INLINE float from_half(uint16_t half)
{
    uint32_t magnitude = half & 0x7fffu, rebias = (127 - 15) << 23;
    uint32_t bits = (magnitude << 13) + rebias + (magnitude >= 0x7c00 ? rebias : 0);
    float value = (float)magnitude * 0x1p-24f;
    if (magnitude >= 0x400)
        memcpy(&value, &bits, sizeof value);
    return half & 0x8000 ? -value : value;
}

/* A float16 in all lanes. With `f16c` by the processor's conversion, in letters: a function of that feature could not
 * be put into those that are shared with processors without it. */
INLINE floats_t scale_at(const char *p, int f16c)
{
    uint16_t half;
    memcpy(&half, p, sizeof half);
#if LANES == 16
    (void)f16c;
    return (floats_t)_mm512_cvtph_ps(_mm256_set1_epi16((int16_t)half));
#else
#if LANES == 8
    if (f16c) {
        floats_t scale;
        __asm__("vcvtph2ps %1, %0" : "=x"(scale) : "x"(_mm_set1_epi16((int16_t)half)));
        return scale;
    }
#else
    (void)f16c;
#endif
    return broadcast(from_half(half));
#endif
}

typedef void (*part_fn)(const char *block, int part, int f16c, floats_t dst[PART_VECTORS]);

/* ---- blocks of one part */

INLINE void part_q8_0(const char *block, int part, int f16c, floats_t dst[PART_VECTORS])
{
    const floats_t scale = scale_at(block, f16c);
    (void)part;
#pragma GCC unroll 8
    for (int i = 0; i < PART_VECTORS; i++)
        dst[i] = floats_of(load_signed(block + 2 + i * LANES)) * scale;
}

/* 16 where the bit of this lane of vector i is set */
INLINE ints_t fifths_of(uint32_t bits, int i)
{
    const ints_t bit = 1 << lane_numbers();
    return ((broadcast_int((int32_t)(bits >> (i * LANES))) & bit) != 0) & 16;
}

INLINE floats_t scaled(ints_t q, floats_t scale, int32_t less, floats_t minimum)
{
    return less ? floats_of(q - less) * scale : floats_of(q) * scale + minimum;
}

INLINE void part_fours(const char *bytes, floats_t scale, int32_t less, floats_t minimum, floats_t dst[PART_VECTORS])
{
#pragma GCC unroll 4
    for (int i = 0; i < BYTES / LANES; i++) {
        const ints_t both = load_unsigned(bytes + i * LANES);
        dst[i] = scaled(both & 15, scale, less, minimum);
        dst[i + BYTES / LANES] = scaled(both >> 4, scale, less, minimum);
    }
}

INLINE void part_fives(const char *bits, const char *bytes, floats_t scale, int32_t less, floats_t minimum,
                       floats_t dst[PART_VECTORS])
{
    uint32_t fifths;
    memcpy(&fifths, bits, sizeof fifths);
#pragma GCC unroll 4
    for (int i = 0; i < BYTES / LANES; i++) {
        const ints_t both = load_unsigned(bytes + i * LANES);
        dst[i] = scaled((both & 15) | fifths_of(fifths, i), scale, less, minimum);
        dst[i + BYTES / LANES] = scaled(both >> 4 | fifths_of(fifths, i + BYTES / LANES), scale, less, minimum);
    }
}

INLINE void part_q4_0(const char *block, int part, int f16c, floats_t dst[PART_VECTORS])
{
    (void)part;
    part_fours(block + 2, scale_at(block, f16c), 8, (floats_t){0}, dst);
}

INLINE void part_q4_1(const char *block, int part, int f16c, floats_t dst[PART_VECTORS])
{
    (void)part;
    part_fours(block + 4, scale_at(block, f16c), 0, scale_at(block + 2, f16c), dst);
}

INLINE void part_q5_0(const char *block, int part, int f16c, floats_t dst[PART_VECTORS])
{
    (void)part;
    part_fives(block + 2, block + 6, scale_at(block, f16c), 16, (floats_t){0}, dst);
}

INLINE void part_q5_1(const char *block, int part, int f16c, floats_t dst[PART_VECTORS])
{
    (void)part;
    part_fives(block + 4, block + 8, scale_at(block, f16c), 0, scale_at(block + 2, f16c), dst);
}

/* ---- blocks of eight parts */

typedef struct part_scale {
    floats_t scale, minimum;
} part_scale_t;

INLINE part_scale_t scales_of_part(const char *block, int part, int f16c)
{
    const uint8_t *bytes = (const uint8_t *)block + 4;
    int s, m;
    if (part < 4) {
        s = bytes[part] & 63;
        m = bytes[part + 4] & 63;
    } else {
        s = (bytes[part + 4] & 15) | bytes[part - 4] >> 6 << 4;
        m = bytes[part + 4] >> 4 | bytes[part] >> 6 << 4;
    }
    return (part_scale_t){scale_at(block, f16c) * (float)s, scale_at(block + 2, f16c) * (float)m};
}

INLINE void part_q4_k(const char *block, int part, int f16c, floats_t dst[PART_VECTORS])
{
    const part_scale_t of = scales_of_part(block, part, f16c);
    const char *bytes = block + 16 + part / 2 * PART;
    const int shift = part % 2 * 4;
#pragma GCC unroll 8
    for (int i = 0; i < PART_VECTORS; i++) {
        const ints_t q = load_unsigned(bytes + i * LANES) >> shift & 15;
        dst[i] = floats_of(q) * of.scale - of.minimum;
    }
}

INLINE void part_q5_k(const char *block, int part, int f16c, floats_t dst[PART_VECTORS])
{
    const part_scale_t of = scales_of_part(block, part, f16c);
    const char *bytes = block + 48 + part / 2 * PART;
    const int shift = part % 2 * 4;
#pragma GCC unroll 8
    for (int i = 0; i < PART_VECTORS; i++) {
        const ints_t fifths = load_unsigned(block + 16 + i * LANES) >> part & 1;
        const ints_t q = (load_unsigned(bytes + i * LANES) >> shift & 15) | fifths << 4;
        dst[i] = floats_of(q) * of.scale - of.minimum;
    }
}

INLINE void part_q6_k(const char *block, int part, int f16c, floats_t dst[PART_VECTORS])
{
    const int quarter = part % 4;
    const char *lowers = block + part / 4 * 64 + quarter % 2 * PART, *uppers = block + 128 + part / 4 * PART;
    const floats_t all = scale_at(block + 208, f16c);
    const int8_t *scales = (const int8_t *)block + 192 + 2 * part;
    const int shift = quarter / 2 * 4;
    bytes_t half[2];
    floats_t scale[2];
    for (int h = 0; h < 2; h++) {
        const bytes_t upper = load_bytes(uppers + h * BYTES) >> (2 * quarter) & 3;
        half[h] = (load_bytes(lowers + h * BYTES) >> shift & 15) | upper << 4;
        scale[h] = all * (float)scales[h];
    }
#pragma GCC unroll 8
    for (int i = 0; i < PART_VECTORS; i++) {
        const int h = i * LANES / BYTES;
        dst[i] = floats_of(words_of(half[h], i % (BYTES / LANES)) - 32) * scale[h];
    }
}

/* Each format: its number, the function of its parts, the elements and bytes of a block. */
#define PT__BLOCK_FORMATS(FORMAT)               \
    FORMAT(PT__BLOCK_Q8_0, part_q8_0, 32, 34)   \
    FORMAT(PT__BLOCK_Q4_0, part_q4_0, 32, 18)   \
    FORMAT(PT__BLOCK_Q4_1, part_q4_1, 32, 20)   \
    FORMAT(PT__BLOCK_Q5_0, part_q5_0, 32, 22)   \
    FORMAT(PT__BLOCK_Q5_1, part_q5_1, 32, 24)   \
    FORMAT(PT__BLOCK_Q4_K, part_q4_k, 256, 144) \
    FORMAT(PT__BLOCK_Q5_K, part_q5_k, 256, 176) \
    FORMAT(PT__BLOCK_Q6_K, part_q6_k, 256, 210)

#endif
