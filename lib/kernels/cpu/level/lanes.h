/* Vectors of the level that is being compiled, over the vector types of GCC and Clang: `floats_t` holds LANES floats
 * and takes + - * / and comparisons. For the sources of lib/kernels/level/ only. Where generic code does not become the
 * one instruction that exists for it, x86/lanes_x86.h gives that instruction. */
#ifndef PT__LANES_H
#define PT__LANES_H

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX2__)
#define LANES 8
#else
#define LANES 4
#endif

typedef float floats_t __attribute__((vector_size(LANES * 4)));
typedef int32_t ints_t __attribute__((vector_size(LANES * 4)));
typedef uint32_t words_t __attribute__((vector_size(LANES * 4)));
typedef float half_floats_t __attribute__((vector_size(LANES * 2)));
typedef uint64_t longs_t __attribute__((vector_size(LANES * 4))); /* LANES / 2 of them */
typedef double doubles_t __attribute__((vector_size(LANES * 4))); /* LANES / 2 of them */

#define PT__JOIN_(a, b) a##_##b
#define PT__JOIN(a, b)  PT__JOIN_(a, b)
#define PT__LEVEL(name) PT__JOIN(name, PT__LEVEL_SUFFIX) /* a table's name at this level */
#define INLINE          static inline __attribute__((always_inline))

INLINE floats_t load(const float *p)
{
    floats_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

INLINE void store(float *p, floats_t v)
{
    memcpy(p, &v, sizeof v);
}

/* What will be wanted; `write`: to be written. The compiler's own function takes a literal only. */
INLINE void fetch(const float *p, int write)
{
    if (write)
        __builtin_prefetch(p, 1);
    else
        __builtin_prefetch(p, 0);
}

INLINE floats_t broadcast(float x)
{
    return x - (floats_t){0};
}

INLINE ints_t broadcast_int(int32_t x)
{
    return x - (ints_t){0};
}

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#if defined(__AVX2__)
#include "kernels/cpu/x86/lanes_x86.h"
#else

/* mask ? a : b, lane by lane; masks are what comparisons give */
INLINE floats_t choose(ints_t mask, floats_t a, floats_t b)
{
    return (floats_t)((mask & (ints_t)a) | (~mask & (ints_t)b));
}

/* a > b ? a : b: the second where either is NaN */
INLINE floats_t maximum(floats_t a, floats_t b)
{
    return choose(a > b, a, b);
}

INLINE floats_t minimum(floats_t a, floats_t b)
{
    return choose(a < b, a, b);
}

/* The first n < LANES elements; the others are `rest`. */
INLINE floats_t load_part(const float *p, int64_t n, float rest)
{
    float part[LANES];
    for (int64_t i = 0; i < LANES; i++)
        part[i] = i < n ? p[i] : rest;
    return load(part);
}

INLINE void store_part(float *p, floats_t v, int64_t n)
{
    float part[LANES];
    store(part, v);
    for (int64_t i = 0; i < n; i++)
        p[i] = part[i];
}

INLINE floats_t square_root(floats_t x)
{
    float part[LANES];
    store(part, x);
    for (int i = 0; i < LANES; i++)
        part[i] = sqrtf(part[i]);
    return load(part);
}

/* Lanes combined in a fixed tree. */
INLINE float sum_lanes(floats_t v)
{
    float part[LANES];
    store(part, v);
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int i = 0; i < width; i++)
            part[i] += part[i + width];
    return part[0];
}

INLINE float max_lanes(floats_t v)
{
    float part[LANES];
    store(part, v);
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int i = 0; i < width; i++)
            part[i] = part[i] > part[i + width] || part[i] != part[i] ? part[i] : part[i + width];
    return part[0];
}

/* x * 2^n for n in [-252, 254]; rounds once, also where the result is denormal */
INLINE floats_t scale_exponent(floats_t x, ints_t n)
{
    ints_t half = n >> 1;
    return x * (floats_t)((half + 127) << 23) * (floats_t)((n - half + 127) << 23);
}

/* (a mod 2^32) times factor, each LANES / 2 of them */
INLINE longs_t multiply_low_words(longs_t a, uint32_t factor)
{
#if defined(__SSE2__)
    return (longs_t)_mm_mul_epu32((__m128i)a, _mm_set1_epi32((int32_t)factor));
#else
    return (a & 0xffffffffu) * (uint64_t)factor;
#endif
}

#endif

#if LANES < 16
INLINE floats_t reciprocal(floats_t x)
{
    return 1.0f / x;
}
#endif

INLINE floats_t absolute(floats_t x)
{
    return (floats_t)((ints_t)x & 0x7fffffff);
}

INLINE floats_t copy_sign(floats_t magnitude, floats_t sign)
{
    return (floats_t)(((ints_t)magnitude & 0x7fffffff) | ((ints_t)sign & (int32_t)0x80000000));
}

/* a, or 0 where the mask is not set */
INLINE floats_t where(ints_t mask, floats_t a)
{
    return (floats_t)(mask & (ints_t)a);
}

/* lane numbers 0, 1, ... */
INLINE ints_t lane_numbers(void)
{
    ints_t n;
    for (int i = 0; i < LANES; i++)
        n[i] = i;
    return n;
}

INLINE double sum_double_lanes(doubles_t v)
{
    double part[LANES / 2];
    memcpy(part, &v, sizeof v);
    for (int width = LANES / 4; width > 0; width /= 2)
        for (int i = 0; i < width; i++)
            part[i] += part[i + width];
    return part[0];
}

/* LANES / 2 floats as doubles */
INLINE doubles_t load_doubles(const float *p)
{
    half_floats_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_convertvector(v, doubles_t);
}

INLINE doubles_t low_doubles(floats_t v)
{
    float part[LANES];
    store(part, v);
    return load_doubles(part);
}

INLINE doubles_t high_doubles(floats_t v)
{
    float part[LANES];
    store(part, v);
    return load_doubles(part + LANES / 2);
}

/* Where branches are counted, what is built of these vectors is called: inlined, a function that is written once for
 * many sizes known to the compiler would count each of its branches once a size. */
#if defined(PT__COUNTS_BRANCHES)
#undef INLINE
#define INLINE static __attribute__((noinline, unused))
#endif

#endif
