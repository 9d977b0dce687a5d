/* Normal numbers (Box and Muller 1958): of two words, u = (first + 1/2) / 2^32 and angle = second / 2^32 of a turn,
 *
 *   normal[0] = sqrt(-2 ln u) cos angle,  normal[1] = sqrt(-2 ln u) sin angle
 *
 * in arithmetic that every processor and every compiler rounds alike: sums, products, quotients and square roots of
 * doubles and operations on their bits. libm's functions are not used, whose last bits differ from one version to
 * the next, and meson.build keeps products and sums from being contracted. There is no branch and no table, so that
 * the loops over a batch become vectors. The polynomials were fitted for the smallest largest relative error. */
#include "base/random.h"

#include <math.h>
#include <string.h>

static inline double from_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint64_t to_bits(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* Exact: 2^52 + n is a double whose lowest bits are n. */
static inline double from_word(uint32_t n)
{
    return from_bits(0x4330000000000000u | n) - 0x1p52;
}

/* ln x for x within [2^-33, 1), relative error 5e-16. x = 2^k m with m in [sqrt 1/2, sqrt 2); s = (m - 1) / (m + 1);
 * ln m = 2 artanh s = 2 s + s^3 P(s^2). */
static inline double logarithm(double x)
{
    const uint64_t root_half = 0x3fe6a09e667f3bcdu, exponents = 0xfff0000000000000u;
    uint64_t beyond = to_bits(x) - root_half + (UINT64_C(64) << 52); /* 64 + k in its exponent */
    double k = from_word((uint32_t)(beyond >> 52)) - 64.0;
    double m = from_bits(to_bits(x) - ((beyond & exponents) - (UINT64_C(64) << 52)));
    double s = (m - 1.0) / (m + 1.0), z = s * s;
    double p = 0.16819979521033696 * z + 0.18123629997883667;
    p = p * z + 0.22223372053217458;
    p = p * z + 0.285714171248964;
    p = p * z + 0.40000000052301626;
    p = p * z + 0.6666666666658716;
    return k * 0.6931471805599453 + (p * z * s + (s + s));
}

/* Two words to two normal numbers. u is in (0, 1), so that its logarithm is finite. The turn is cut at the odd
 * eighths: x, in [-pi/4, pi/4), is the angle from the nearest quarter, which exchanges sine and cosine and sets
 * their signs. */
static inline void box_muller(uint32_t first, uint32_t second, double normal[2])
{
    double u = (from_word(first) + 0.5) * 0x1p-32;
    double radius = sqrt(-2.0 * logarithm(u));
    uint32_t turned = second + 0x20000000u, quarter = turned >> 30;
    double x = (from_word(turned & 0x3fffffffu) - 0x1p29) * (6.283185307179586 * 0x1p-32), z = x * x;
    double p = 1.589681182908132e-10 * z - 2.505075838497597e-08;
    p = p * z + 2.7557313693577104e-06;
    p = p * z - 0.00019841269829812394;
    p = p * z + 0.008333333333322418;
    p = p * z - 0.16666666666666632;
    double q = 2.064771533451653e-09 * z - 2.755556678579015e-07;
    q = q * z + 2.4801580969800725e-05;
    q = q * z - 0.0013888888878270153;
    q = q * z + 0.04166666666660222;
    uint64_t sine = to_bits(p * z * x + x), cosine = to_bits(q * z * z - 0.5 * z + 1.0);
    uint64_t exchange = (sine ^ cosine) & (0 - (uint64_t)(quarter & 1));
    uint64_t cosine_sign = (uint64_t)((quarter + 1) >> 1 & 1) << 63, sine_sign = (uint64_t)(quarter >> 1) << 63;
    normal[0] = radius * from_bits(cosine ^ exchange ^ cosine_sign);
    normal[1] = radius * from_bits(sine ^ exchange ^ sine_sign);
}

double pt__random_normal(pt__random_t *random)
{
    double normal[2];
    uint32_t first = pt__random_u32(random);
    box_muller(first, pt__random_u32(random), normal);
    return normal[0];
}

enum { BLOCKS = 32, BATCH = 4 * BLOCKS };

/* The batch that begins with `counter`: words drawn first, side by side, then made normal. */
static void draw_batch(uint64_t key, uint64_t counter, double normal[BATCH])
{
    uint32_t first[2 * BLOCKS], second[2 * BLOCKS];
    for (int i = 0; i < BLOCKS; i++) {
        uint32_t words[4];
        pt__random_bits(key, counter + (uint64_t)i, words);
        first[2 * i] = words[0];
        second[2 * i] = words[1];
        first[2 * i + 1] = words[2];
        second[2 * i + 1] = words[3];
    }
    for (int i = 0; i < 2 * BLOCKS; i++)
        box_muller(first[i], second[i], normal + 2 * i);
}

void pt__random_fill_normal(uint64_t key, int64_t first, int64_t count, double mean, double deviation, float *dst)
{
    double normal[BATCH];
    for (int64_t i = 0; i < count; i += BATCH) {
        int64_t n = count - i < BATCH ? count - i : BATCH;
        draw_batch(key, (uint64_t)(first + i) / 4, normal);
        for (int64_t j = 0; j < n; j++)
            dst[i + j] = (float)(mean + deviation * normal[j]);
    }
}
