/* float16 and bfloat16 to float32, exactly, and back, to nearest and ties to even. */
#include <string.h>

#include "base/dtype.h"

float pt__half_to_float(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, magnitude = half & 0x7FFF, bits;
    float value;
    if (magnitude >= 0x7C00) { /* infinity, NaN */
        bits = sign | 0x7F800000 | (magnitude & 0x3FF) << 13;
    } else if (magnitude >= 0x0400) { /* exponent bias 15 -> 127 */
        bits = sign | ((magnitude << 13) + ((127 - 15) << 23));
    } else { /* subnormal: magnitude * 2^-24, exact in float */
        value = (float)magnitude * 0x1p-24f;
        memcpy(&bits, &value, sizeof bits);
        bits |= sign;
    }
    memcpy(&value, &bits, sizeof value);
    return value;
}

uint16_t pt__float_to_half(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7FFFFFFF;
    if (magnitude > 0x7F800000) /* NaN stays one */
        return (uint16_t)(sign | 0x7E00 | (magnitude >> 13 & 0x1FF));
    if (magnitude >= 0x47800000) /* 65536 and more */
        return (uint16_t)(sign | 0x7C00);
    if (magnitude < 0x38800000) { /* below 2^-14: a multiple of 2^-24, which adding 0.5f rounds to by itself */
        float rounded = 0;
        memcpy(&rounded, &magnitude, sizeof rounded);
        rounded += 0.5f;
        memcpy(&magnitude, &rounded, sizeof magnitude);
        return (uint16_t)(sign | (magnitude - 0x3F000000));
    }
    magnitude += 0xFFF + (magnitude >> 13 & 1); /* nearest, ties to even; may carry into the exponent, up to infinity */
    return (uint16_t)(sign | ((magnitude >> 13) - ((127 - 15) << 10)));
}

float pt__bfloat_to_float(uint16_t bfloat)
{
    uint32_t bits = (uint32_t)bfloat << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

uint16_t pt__float_to_bfloat(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if ((bits & 0x7FFFFFFF) > 0x7F800000) /* NaN: keep it one when the low bits go */
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}
