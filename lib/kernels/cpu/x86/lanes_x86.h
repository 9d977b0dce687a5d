/* What level/lanes.h leaves to instructions of AVX2 and AVX-512. Included by it only. */
#ifndef PT__LANES_X86_H
#define PT__LANES_X86_H

#include <immintrin.h>

#if defined(__AVX512F__)

INLINE __mmask16 mask_bits(ints_t mask)
{
    return _mm512_movepi32_mask((__m512i)mask);
}

INLINE floats_t choose(ints_t mask, floats_t a, floats_t b)
{
    return (floats_t)_mm512_mask_blend_ps(mask_bits(mask), (__m512)b, (__m512)a);
}

INLINE floats_t maximum(floats_t a, floats_t b)
{
    return (floats_t)_mm512_max_ps((__m512)a, (__m512)b);
}

INLINE floats_t minimum(floats_t a, floats_t b)
{
    return (floats_t)_mm512_min_ps((__m512)a, (__m512)b);
}

INLINE floats_t load_part(const float *p, int64_t n, float rest)
{
    return (floats_t)_mm512_mask_loadu_ps(_mm512_set1_ps(rest), (__mmask16)((1u << n) - 1u), p);
}

INLINE void store_part(float *p, floats_t v, int64_t n)
{
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1u), (__m512)v);
}

INLINE floats_t square_root(floats_t x)
{
    return (floats_t)_mm512_sqrt_ps((__m512)x);
}

INLINE floats_t scale_exponent(floats_t x, ints_t n)
{
    return (floats_t)_mm512_scalef_ps((__m512)x, _mm512_cvtepi32_ps((__m512i)n));
}

INLINE float sum_lanes(floats_t v)
{
    return _mm512_reduce_add_ps((__m512)v); /* shuffles and additions in a fixed tree */
}

INLINE float max_lanes(floats_t v)
{
    return _mm512_reduce_max_ps((__m512)v);
}

/* x - the integer nearest to x; 0 for infinities */
INLINE floats_t fraction_nearest(floats_t x)
{
    return (floats_t)_mm512_reduce_ps((__m512)x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

/* p * 2^n for integral n, -infinity included */
INLINE floats_t multiply_by_power(floats_t p, floats_t n)
{
    return (floats_t)_mm512_scalef_ps((__m512)p, (__m512)n);
}

/* 1 / x within 2 ulp, where both are normal: an estimate of 14 bits, and one step of Newton's. */
INLINE floats_t reciprocal(floats_t x)
{
    floats_t estimate = (floats_t)_mm512_rcp14_ps((__m512)x);
    return estimate * (2.0f - x * estimate);
}

INLINE longs_t multiply_low_words(longs_t a, uint32_t factor)
{
    return (longs_t)_mm512_mul_epu32((__m512i)a, _mm512_set1_epi32((int32_t)factor));
}

#else

INLINE floats_t choose(ints_t mask, floats_t a, floats_t b)
{
    return (floats_t)_mm256_blendv_ps((__m256)b, (__m256)a, (__m256)mask);
}

INLINE floats_t maximum(floats_t a, floats_t b)
{
    return (floats_t)_mm256_max_ps((__m256)a, (__m256)b);
}

INLINE floats_t minimum(floats_t a, floats_t b)
{
    return (floats_t)_mm256_min_ps((__m256)a, (__m256)b);
}

INLINE __m256i part_mask(int64_t n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

INLINE floats_t load_part(const float *p, int64_t n, float rest)
{
    __m256i mask = part_mask(n);
    return (floats_t)_mm256_blendv_ps(_mm256_set1_ps(rest), _mm256_maskload_ps(p, mask), _mm256_castsi256_ps(mask));
}

INLINE void store_part(float *p, floats_t v, int64_t n)
{
    _mm256_maskstore_ps(p, part_mask(n), (__m256)v);
}

INLINE float sum_lanes(floats_t v)
{
    __m128 four = _mm_add_ps(_mm256_castps256_ps128((__m256)v), _mm256_extractf128_ps((__m256)v, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

INLINE float max_lanes(floats_t v)
{
    __m128 four = _mm_max_ps(_mm256_castps256_ps128((__m256)v), _mm256_extractf128_ps((__m256)v, 1));
    __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

INLINE floats_t square_root(floats_t x)
{
    return (floats_t)_mm256_sqrt_ps((__m256)x);
}

INLINE floats_t scale_exponent(floats_t x, ints_t n)
{
    ints_t half = n >> 1;
    return x * (floats_t)((half + 127) << 23) * (floats_t)((n - half + 127) << 23);
}

INLINE longs_t multiply_low_words(longs_t a, uint32_t factor)
{
    return (longs_t)_mm256_mul_epu32((__m256i)a, _mm256_set1_epi32((int32_t)factor));
}

#endif

#endif
