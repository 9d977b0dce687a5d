/* AVX-512's level on a processor that has AVX2: the build option `emulate_avx512` puts this file before each of the
 * level's sources. What they use of AVX-512 is done here in halves, or lane by lane, with the same bits but for the
 * estimate of a reciprocal, which each maker has its own of, and sums of lanes, which compilers do. It tests the
 * sources: not what compilers make of them with AVX-512, nor the one instruction that is written out there. */
#ifndef PT__AVX512_IN_AVX2_H
#define PT__AVX512_IN_AVX2_H

#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#define __AVX512F__ 1 /* the sources may take the level's way */

#define EMULATED static inline __attribute__((always_inline, unused))
#define LANES_OF 16

typedef union lanes {
    __m512 floats;
    __m512i integers;
    __m256 half[2];
    __m256i half_integers[2];
    __m128 quarter[4];
    float f[LANES_OF];
    int32_t i[LANES_OF];
} lanes_t;

#define EACH(result)                       \
    {                                      \
        lanes_t r;                         \
        for (int l = 0; l < LANES_OF; l++) \
            r.f[l] = (result);             \
        return r.floats;                   \
    }
#define HALVES(call)                                \
    {                                               \
        lanes_t x = {a}, y = {b}, r;                \
        for (int h = 0; h < 2; h++)                 \
            r.half[h] = call(x.half[h], y.half[h]); \
        return r.floats;                            \
    }

EMULATED __m512 emulated_fmadd(__m512 a, __m512 b, __m512 c)
{
    lanes_t x = {a}, y = {b}, z = {c}, r;
    for (int h = 0; h < 2; h++)
        r.half[h] = _mm256_fmadd_ps(x.half[h], y.half[h], z.half[h]);
    return r.floats;
}

EMULATED __m512 emulated_max(__m512 a, __m512 b) HALVES(_mm256_max_ps)

    EMULATED __m512 emulated_min(__m512 a, __m512 b) HALVES(_mm256_min_ps)

        EMULATED __mmask16 emulated_mask(__m512i a)
{
    lanes_t x;
    uint32_t bits = 0;
    x.integers = a;
    for (int l = 0; l < LANES_OF; l++)
        bits |= (uint32_t)(x.i[l] < 0) << l;
    return (__mmask16)bits;
}

EMULATED __m512 emulated_blend(__mmask16 mask, __m512 a, __m512 b)
{
    lanes_t x = {a}, y = {b};
    EACH(mask >> l & 1 ? y.f[l] : x.f[l])
}

EMULATED __m512 emulated_load(__m512 rest, __mmask16 mask, const float *p)
{
    lanes_t x = {rest};
    EACH(mask >> l & 1 ? p[l] : x.f[l])
}

EMULATED void emulated_store(float *p, __mmask16 mask, __m512 a)
{
    lanes_t x = {a};
    for (int l = 0; l < LANES_OF; l++)
        if (mask >> l & 1)
            p[l] = x.f[l];
}

EMULATED __m512 emulated_set(float a) EACH(a)

    EMULATED __m512i emulated_set_integer(int32_t a)
{
    lanes_t r;
    for (int l = 0; l < LANES_OF; l++)
        r.i[l] = a;
    return r.integers;
}

EMULATED __m512 emulated_square_root(__m512 a)
{
    lanes_t x = {a}, r;
    for (int h = 0; h < 2; h++)
        r.half[h] = _mm256_sqrt_ps(x.half[h]);
    return r.floats;
}

EMULATED __m512 emulated_from_integers(__m512i a)
{
    lanes_t x;
    x.integers = a;
    EACH((float)x.i[l])
}

/* a times two to the power of the largest integer that is not above b */
EMULATED __m512 emulated_scale(__m512 a, __m512 b)
{
    lanes_t x = {a}, y = {b};
    EACH(isnan(y.f[l]) ? y.f[l]
                       : scalbnf(x.f[l], y.f[l] < -999.0f  ? -999
                                         : y.f[l] > 999.0f ? 999
                                                           : (int)floorf(y.f[l])))
}

/* The tree that GCC's function makes: halves, then halves of these. */
EMULATED float emulated_sum(__m512 a)
{
    lanes_t x = {a};
    for (int wide = LANES_OF / 2; wide > 0; wide /= 2)
        for (int l = 0; l < wide; l++)
            x.f[l] += x.f[l + wide];
    return x.f[0];
}

EMULATED float emulated_largest(__m512 a)
{
    lanes_t x = {a};
    for (int wide = LANES_OF / 2; wide > 0; wide /= 2)
        for (int l = 0; l < wide; l++)
            x.f[l] = x.f[l] > x.f[l + wide] ? x.f[l] : x.f[l + wide];
    return x.f[0];
}

/* a less the nearest integer; 0 for infinities */
EMULATED __m512 emulated_fraction(__m512 a)
{
    lanes_t x = {a};
    EACH(isinf(x.f[l]) ? 0.0f : x.f[l] - rintf(x.f[l]))
}

/* 14 bits of it, and no more. Bits follow it: the weights of gpt-4x128 after 20 steps (bench_case bits) have the
 * hash 3550b3eb9494daa9 so, 752d1fad68368980 with a division, 146a61ac2704f8f0 with 14 bits cut off and
 * c0d5478eaeb35df4 with the estimates of Intel's processors, as an emulator of these has them; a Zen 4 has
 * 3c6030ff46d189a3. So this alone may make the difference, and what a Zen 4 estimates is unknown: that nothing else
 * differs is not proven. */
EMULATED __m512 emulated_reciprocal(__m512 a)
{
    lanes_t x = {a}, r;
    for (int l = 0; l < LANES_OF; l++) {
        r.f[l] = 1.0f / x.f[l];
        if (isfinite(r.f[l]))
            r.i[l] = (r.i[l] + 0x100) & ~0x1ff;
    }
    return r.floats;
}

EMULATED __m512i emulated_products_of_words(__m512i a, __m512i b)
{
    lanes_t x, y, r;
    x.integers = a;
    y.integers = b;
    for (int h = 0; h < 2; h++)
        r.half_integers[h] = _mm256_mul_epu32(x.half_integers[h], y.half_integers[h]);
    return r.integers;
}

EMULATED __m512i emulated_words(__m256i a)
{
    lanes_t r;
    r.half_integers[0] = _mm256_cvtepu16_epi32(_mm256_castsi256_si128(a));
    r.half_integers[1] = _mm256_cvtepu16_epi32(_mm256_extracti128_si256(a, 1));
    return r.integers;
}

EMULATED __m512i emulated_bytes(__m128i a)
{
    lanes_t r;
    r.half_integers[0] = _mm256_cvtepu8_epi32(a);
    r.half_integers[1] = _mm256_cvtepu8_epi32(_mm_srli_si128(a, 8));
    return r.integers;
}

EMULATED __m512i emulated_signed_bytes(__m128i a)
{
    lanes_t r;
    r.half_integers[0] = _mm256_cvtepi8_epi32(a);
    r.half_integers[1] = _mm256_cvtepi8_epi32(_mm_srli_si128(a, 8));
    return r.integers;
}

EMULATED __m512 emulated_from_halves(__m256i a)
{
    lanes_t r;
    r.half[0] = _mm256_cvtph_ps(_mm256_castsi256_si128(a));
    r.half[1] = _mm256_cvtph_ps(_mm256_extracti128_si256(a, 1));
    return r.floats;
}

EMULATED __m128 emulated_quarter(__m512 a, int which)
{
    lanes_t x = {a};
    return x.quarter[which];
}

#undef _mm512_reduce_ps
#undef _mm512_extractf32x4_ps
#define _mm512_fmadd_ps              emulated_fmadd
#define _mm512_max_ps                emulated_max
#define _mm512_min_ps                emulated_min
#define _mm512_movepi32_mask         emulated_mask
#define _mm512_mask_blend_ps         emulated_blend
#define _mm512_mask_loadu_ps         emulated_load
#define _mm512_mask_storeu_ps        emulated_store
#define _mm512_set1_ps               emulated_set
#define _mm512_set1_epi32            emulated_set_integer
#define _mm512_sqrt_ps               emulated_square_root
#define _mm512_cvtepi32_ps           emulated_from_integers
#define _mm512_scalef_ps             emulated_scale
#define _mm512_reduce_add_ps         emulated_sum
#define _mm512_reduce_max_ps         emulated_largest
#define _mm512_reduce_ps(a, rounded) emulated_fraction(a)
#define _mm512_rcp14_ps              emulated_reciprocal
#define _mm512_mul_epu32             emulated_products_of_words
#define _mm512_cvtepu16_epi32        emulated_words
#define _mm512_cvtepu8_epi32         emulated_bytes
#define _mm512_cvtepi8_epi32         emulated_signed_bytes
#define _mm512_cvtph_ps              emulated_from_halves
#define _mm512_extractf32x4_ps       emulated_quarter
#define _mm512_castps512_ps128(a)    emulated_quarter(a, 0)

#endif
