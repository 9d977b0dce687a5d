/* The transcendental functions on lanes. Polynomials were fitted to the functions for the smallest largest error;
 * bounds are in units of the last place (ulp) of the float nearest to the true value and are tested against the double
 * functions of libm. NaN gives NaN everywhere. Denormal numbers are meant where the thread keeps them: in the
 * library's float mode (base/portability.h) they are zero, as arguments and as results. */
#ifndef PT__FUNCTIONS_H
#define PT__FUNCTIONS_H

#include "kernels/cpu/level/lanes.h"

/* e^x: 2 ulp over all floats, denormal results and infinities included.
 * x = n ln 2 + f, e^x = 2^n (1 + f + f^2 P(f)). */
INLINE floats_t exponential(floats_t x)
{
    const float shift = 12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer */
    x = maximum(broadcast(-104.0f), minimum(broadcast(89.0f), x));
    floats_t shifted = x * 1.44269504f + shift;
    floats_t n = shifted - shift;
    floats_t f = x - n * 0.693145752f; /* ln 2 in two parts: n times the first is exact */
    f = f - n * 1.42860677e-6f;
    floats_t p = f * 0.00138144125f + 0.00836878549f;
    p = p * f + 0.0416683964f;
    p = p * f + 0.166665196f;
    p = p * f + 0.49999994f;
    p = p * (f * f) + f + 1.0f;
    return scale_exponent(p, (ints_t)shifted - 0x4b400000);
}

/* 2^x for x <= 126: relative error 2e-7; exactly 0 from x = -150 on at the latest. For attention. */
INLINE floats_t power_of_two(floats_t x)
{
#if defined(__AVX512F__)
    floats_t f = fraction_nearest(x);
#else
    const float shift = 12582912.0f;
    x = maximum(broadcast(-127.0f), x);
    floats_t shifted = x + shift;
    floats_t f = x - (shifted - shift);
#endif
    floats_t p = f * 0.00132645108f + 0.00967162475f;
    p = p * f + 0.0555073544f;
    p = p * f + 0.240222409f;
    p = p * f + 0.693147004f;
    p = p * f + 1.0f;
#if defined(__AVX512F__)
    return multiply_by_power(p, x - f);
#else
    return p * (floats_t)(((words_t)shifted << 23) + 0x3f800000u);
#endif
}

/* ln x: 2 ulp. 0 gives -infinity, less gives NaN. x = 2^k (1 + m), ln(1 + m) = m - m^2/2 + m^3 P(m). */
INLINE floats_t logarithm(floats_t x)
{
    ints_t denormal = x < FLT_MIN;
    floats_t normal = choose(denormal, x * 8388608.0f, x);
    ints_t bits = (ints_t)((words_t)normal -
                           0x3f3504f3u); /* bits of sqrt(1/2); wraps below 0, where the result is NaN */
    ints_t exponent = (bits >> 23) - (denormal & 23);
    floats_t m = (floats_t)((bits & 0x007fffff) + 0x3f3504f3) - 1.0f;
    floats_t k = __builtin_convertvector(exponent, floats_t);
    floats_t p = m * 0.067494452f - 0.116783634f;
    p = p * m + 0.118883193f;
    p = p * m - 0.124050856f;
    p = p * m + 0.142194539f;
    p = p * m - 0.166680261f;
    p = p * m + 0.200021252f;
    p = p * m - 0.250000089f;
    p = p * m + 0.333333135f;
    floats_t square = m * m;
    floats_t y = p * (square * m) + k * 1.42860677e-6f - 0.5f * square;
    y = y + m + k * 0.693145752f;
    y = choose(x == broadcast(INFINITY), x, y);
    y = choose(x == broadcast(0.0f), broadcast(-INFINITY), y);
    return choose(x < 0.0f, broadcast(NAN), choose(x != x, x, y));
}

/* 1 / (1 + e^-x): 3 ulp where the result is normal and e^-x does not overflow; 0 below x = -88.7. */
INLINE floats_t logistic(floats_t x)
{
    return 1.0f / (1.0f + exponential(-x));
}

/* tanh x: 2 ulp. x + x^3 P(x^2) near 0, 1 - 2 / (e^2|x| + 1) elsewhere. */
INLINE floats_t hyperbolic_tangent(floats_t x)
{
    floats_t size = absolute(x), square = x * x;
    floats_t p = square * -0.00570478477f + 0.0206388887f;
    p = p * square - 0.0537396483f;
    p = p * square + 0.133314416f;
    p = p * square - 0.333332807f;
    floats_t near = p * (square * x) + x;
    floats_t far = 1.0f - 2.0f / (exponential(size + size) + 1.0f);
    return choose(size < 0.625f, near, copy_sign(far, x));
}

/* e^(-x^2 / 2), relative error 4e-6 down to x = -9, as that of x^2; 0 far out. */
INLINE floats_t normal_density(floats_t size)
{
    return power_of_two(size * size * -0.721347520f);
}

/* The normal distribution function at -size, for size >= 0, of which `density` is e^(-size^2 / 2): that times
 * t P(t), t = 1 / (1 + 0.3 size), as Hastings 1955 has it. Relative error 5e-7 beside density's; up to size = 10. */
INLINE floats_t normal_tail(floats_t size, floats_t density)
{
    floats_t t = reciprocal(size * 0.3f + 1.0f);
    floats_t p = t * 0.0375479470f - 0.165077299f;
    p = p * t + 0.220084846f;
    p = p * t - 0.0665241182f;
    p = p * t + 0.135496289f;
    p = p * t + 0.0977560952f;
    p = p * t + 0.121111207f;
    p = p * t + 0.119605042f;
    return p * t * density;
}

/* The normal distribution function (1 + erf(x / sqrt 2)) / 2, of which density is e^(-x^2 / 2): absolute error 2e-7;
 * relative error 1e-6 where the result is above 0.01, 1e-5 down to x = -9, more beyond, where the result is below
 * 1e-18. size: |x|, or less where that is beyond 15. */
INLINE floats_t normal_distribution(floats_t x, floats_t size, floats_t density)
{
    floats_t tail = normal_tail(size, density);
    return choose(x > 0.0f, 1.0f - tail, tail);
}

INLINE floats_t clamp(floats_t x, float limit)
{ /* NaN stays */
    return maximum(broadcast(-limit), minimum(broadcast(limit), x));
}

INLINE floats_t relu(floats_t x)
{
    return choose(x < 0.0f, (floats_t){0}, x);
}

/* x (1 + tanh u) / 2 = x / (1 + e^-2u), u = sqrt(2/pi) (x + 0.044715 x^3). This and the other form of gelu: 8 and 18
 * ulp where |gelu| >= 0.05, elsewhere an absolute error of 2e-7. -infinity gives NaN, as 0 times infinity does. */
/* log2 of e^2u */
INLINE floats_t gelu_exponent(floats_t y, floats_t square)
{
    return y * (2.302208198f + 0.1029432397f * square);
}

INLINE floats_t gelu_tanh(floats_t x)
{
    floats_t y = clamp(x, 32.0f);
    floats_t share = reciprocal(1.0f + power_of_two(minimum(broadcast(126.0f), -gelu_exponent(y, y * y))));
    return x * where(x > -32.0f, share);
}

INLINE floats_t gelu_tanh_slope(floats_t x)
{
    floats_t y = clamp(x, 32.0f), square = y * y;
    floats_t s = reciprocal(1.0f + power_of_two(minimum(broadcast(126.0f), -gelu_exponent(y, square))));
    return s + s * (1.0f - s) * (y * (1.5957691216f + 0.2140644489f * square));
}

INLINE floats_t gelu_erf(floats_t x)
{
    floats_t size = minimum(broadcast(15.0f), absolute(x));
    return x * normal_distribution(x, size, normal_density(size));
}

INLINE floats_t gelu_erf_slope(floats_t x)
{
    floats_t y = clamp(x, 15.0f), size = absolute(y), density = normal_density(size);
    return normal_distribution(y, size, density) + y * 0.398942280f * density;
}

INLINE floats_t silu(floats_t x)
{
    return x / (1.0f + exponential(-x));
}

INLINE floats_t silu_slope(floats_t x)
{
    floats_t y = clamp(x, 100.0f), s = logistic(y);
    return s + y * s * (1.0f - s);
}

INLINE floats_t relu6(floats_t x)
{
    return minimum(broadcast(6.0f), relu(x));
}

INLINE floats_t hardswish(floats_t x)
{
    return x * (relu6(x + 3.0f) * (1.0f / 6.0f));
}

INLINE floats_t hardswish_slope(floats_t x)
{
    floats_t slope = x * (1.0f / 3.0f) + 0.5f;
    return choose(x >= 3.0f, broadcast(1.0f), where(~(x <= -3.0f), slope));
}

#endif
