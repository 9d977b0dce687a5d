/* ggml's formats of blocks (ggml-common.h, ggml-quants.c), by fields in the order in which they stand:
 *
 *   Q8_0  scale f16, 32 x int8                                          scale q
 *   Q4_0  scale f16, 16 bytes of two q: 0 .. 15 low, 16 .. 31 high      scale (q - 8)
 *   Q4_1  scale f16, minimum f16, 16 bytes as above                     scale q + minimum
 *   Q5_0  scale f16, 32 bits, the fifth of each q, 16 bytes as above    scale (q - 16)
 *   Q5_1  scale f16, minimum f16, 32 bits, 16 bytes as above            scale q + minimum
 *
 * and those of 256 elements, 8 parts of 32:
 *
 *   Q4_K  scale f16, minimum f16, 12 bytes of 8 s and 8 m of 6 bits, 4 x 32 bytes of two parts' q: low, high
 *         (scale s) q - minimum m
 *   Q5_K  the same, with 32 bytes before the q: bit p of byte i is the fifth of element i of part p
 *   Q6_K  2 x 64 bytes of two q: elements 0 .. 63 low, 64 .. 127 high; 2 x 32 bytes of four q's upper two bits; 16 s of
 *         int8, each for 16 elements; scale f16
 *         (scale s) (q - 32) */
#include "base/blocks.h"

#include <math.h>
#include <string.h>

#include "base/dtype.h"

enum { SMALL = 32, PARTS = 8, HALF = 16 };

enum { FIRST = PT_BOOL + 1 };

static const pt__block_format_t formats[] = {
    [PT__BLOCK_Q8_0 - FIRST] = {"q8_0", 32, 34},   [PT__BLOCK_Q4_0 - FIRST] = {"q4_0", 32, 18},
    [PT__BLOCK_Q4_1 - FIRST] = {"q4_1", 32, 20},   [PT__BLOCK_Q5_0 - FIRST] = {"q5_0", 32, 22},
    [PT__BLOCK_Q5_1 - FIRST] = {"q5_1", 32, 24},   [PT__BLOCK_Q4_K - FIRST] = {"q4_k", 256, 144},
    [PT__BLOCK_Q5_K - FIRST] = {"q5_k", 256, 176}, [PT__BLOCK_Q6_K - FIRST] = {"q6_k", 256, 210},
};

_Static_assert(FIRST + sizeof formats / sizeof formats[0] == PT__DTYPES, "every format of blocks has its line");

const pt__block_format_t *pt__block_format(int32_t dtype)
{
    return dtype >= FIRST && dtype < PT__DTYPES ? &formats[dtype - FIRST] : NULL;
}

static float half_at(const uint8_t *p)
{
    uint16_t half;
    memcpy(&half, p, sizeof half);
    return pt__half_to_float(half);
}

static int32_t low(uint8_t byte)
{
    return byte & 15;
}

/* q of element i of 32 in 16 bytes of two */
static int32_t nibble(const uint8_t *bytes, int i)
{
    return i < HALF ? low(bytes[i]) : bytes[i - HALF] >> 4;
}

static int32_t fifth(const uint8_t *bits, int i)
{
    return (bits[i / 8] >> i % 8 & 1) << 4;
}

static void from_small(int32_t dtype, const uint8_t *block, float *dst)
{
    const float scale = half_at(block), minimum = half_at(block + 2);
    for (int i = 0; i < SMALL; i++)
        switch (dtype) {
        case PT__BLOCK_Q4_0:
            dst[i] = scale * (float)(nibble(block + 2, i) - 8);
            break;
        case PT__BLOCK_Q4_1:
            dst[i] = scale * (float)nibble(block + 4, i) + minimum;
            break;
        case PT__BLOCK_Q5_0:
            dst[i] = scale * (float)((nibble(block + 6, i) | fifth(block + 2, i)) - 16);
            break;
        case PT__BLOCK_Q5_1:
            dst[i] = scale * (float)(nibble(block + 8, i) | fifth(block + 4, i)) + minimum;
            break;
        default:
            dst[i] = scale * (float)(int8_t)block[2 + i];
        }
}

/* s and m of a part, from the 12 bytes. */
static void part_scales(const uint8_t *bytes, int part, float *s, float *m)
{
    if (part < 4) {
        *s = (float)(bytes[part] & 63);
        *m = (float)(bytes[part + 4] & 63);
    } else {
        *s = (float)(low(bytes[part + 4]) | bytes[part - 4] >> 6 << 4);
        *m = (float)(bytes[part + 4] >> 4 | bytes[part] >> 6 << 4);
    }
}

static void from_parts(const uint8_t *block, const uint8_t *fifths, const uint8_t *bytes, float *dst)
{
    const float scale = half_at(block), minimum = half_at(block + 2);
    for (int part = 0; part < PARTS; part++) {
        float s, m;
        part_scales(block + 4, part, &s, &m);
        for (int i = 0; i < SMALL; i++) {
            const uint8_t byte = bytes[part / 2 * SMALL + i];
            int32_t q = part % 2 ? byte >> 4 : low(byte);
            if (fifths != NULL)
                q |= (fifths[i] >> part & 1) << 4;
            dst[part * SMALL + i] = scale * s * (float)q - minimum * m;
        }
    }
}

static void from_sixths(const uint8_t *block, float *dst)
{
    const uint8_t *uppers = block + 128, *scales = block + 192;
    const float scale = half_at(block + 208);
    for (int part = 0; part < PARTS; part++) {
        const int half = part / 4, quarter = part % 4;
        for (int i = 0; i < SMALL; i++) {
            const uint8_t byte = block[half * 64 + quarter % 2 * SMALL + i];
            const int32_t upper = uppers[half * SMALL + i] >> (2 * quarter) & 3;
            const int32_t q = (quarter < 2 ? low(byte) : byte >> 4) | upper << 4;
            dst[part * SMALL + i] = scale * (float)(int8_t)scales[2 * part + i / HALF] * (float)(q - 32);
        }
    }
}

void pt__blocks_to_floats(int32_t dtype, const void *src, int64_t n, float *dst)
{
    const pt__block_format_t unit = formats[dtype - FIRST];
    const uint8_t *block = src;
    for (int64_t i = 0; i < n; i += unit.elements, block += unit.bytes) {
        if (unit.elements == SMALL)
            from_small(dtype, block, dst + i);
        else if (dtype == PT__BLOCK_Q6_K)
            from_sixths(block, dst + i);
        else if (dtype == PT__BLOCK_Q5_K)
            from_parts(block, block + 16, block + 48, dst + i);
        else
            from_parts(block, NULL, block + 16, dst + i);
    }
}

static int32_t is_finite_half(const uint8_t *p)
{
    return (p[1] & 0x7C) != 0x7C;
}

/* A block's elements are finite where its float16 are, whatever q: at their largest they stay far below what a float
 * holds. Where one is not, no element is. */
int64_t pt__blocks_find_infinite(int32_t dtype, const void *src, int64_t n)
{
    const pt__block_format_t unit = formats[dtype - FIRST];
    const int32_t scale = dtype == PT__BLOCK_Q6_K ? 208 : 0;
    const int32_t has_minimum = dtype == PT__BLOCK_Q4_1 || dtype == PT__BLOCK_Q5_1 || dtype == PT__BLOCK_Q4_K ||
                                dtype == PT__BLOCK_Q5_K;
    const uint8_t *block = src;
    for (int64_t i = 0; i < n; i += unit.elements, block += unit.bytes)
        if (!is_finite_half(block + scale) || (has_minimum && !is_finite_half(block + 2)))
            return i;
    return -1;
}

int64_t pt__blocks_from_floats(const float *src, int64_t n, void *dst)
{
    uint8_t *block = dst;
    for (int64_t first = 0; first < n; first += SMALL, block += 2 + SMALL) {
        float largest = 0;
        for (int i = 0; i < SMALL; i++)
            largest = fabsf(src[first + i]) > largest ? fabsf(src[first + i]) : largest;
        const float scale = largest / 127, inverse = scale > 0 ? 1 / scale : 0;
        const uint16_t half = pt__float_to_half(scale);
        if (half == 0x7C00)
            return first;
        memcpy(block, &half, sizeof half);
        for (int i = 0; i < SMALL; i++)
            block[2 + i] = (uint8_t)(int8_t)roundf(src[first + i] * inverse);
    }
    return -1;
}
