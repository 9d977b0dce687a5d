/* Sizes, names, shapes; every half and bfloat16; every pair of dtypes with values that fit and values that do not. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/dtype.h"
#include "base/random.h"
#include "support/float_mode.h"

START_TEST(test_sizes_and_names)
{
    static const int64_t sizes[] = {0, 4, 8, 2, 2, 1, 2, 4, 8, 1, 2, 4, 8, 1};
    for (int32_t dtype = -1; dtype <= 20; dtype++)
        ck_assert_int_eq(pt__dtype_size(dtype), dtype > 0 && dtype < 14 ? sizes[dtype] : 0);
    for (int32_t dtype = PT_FLOAT32; dtype <= PT_BOOL; dtype++) {
        ck_assert_int_eq(pt__dtype_find(pt__dtype_name(dtype)), dtype);
        ck_assert_int_eq(pt__dtype_is_float(dtype), dtype <= PT_BFLOAT16);
    }
    ck_assert_str_eq(pt__dtype_name(PT_BFLOAT16), "bfloat16");
    ck_assert_str_eq(pt__dtype_name(99), "unknown dtype");
    ck_assert_int_eq(pt__dtype_find("float31"), 0);
    ck_assert_int_eq(pt__dtype_find(NULL), 0);
}
END_TEST

START_TEST(test_shapes)
{
    static const int64_t shape[] = {2, 3, 4}, huge[] = {INT64_C(1) << 40, INT64_C(1) << 40},
                         empty[] = {INT64_C(1) << 62, 1000, 0}, negative[] = {2, -1},
                         symbolic[] = {PT_DIM_BATCH, PT_DIM_TOKENS, 7, -3};
    int64_t elements;
    char text[PT__SHAPE_TEXT], small[6];
    ck_ok(pt__sizes_elements("w", 3, shape, &elements));
    ck_assert_int_eq(elements, 24);
    ck_ok(pt__sizes_elements("w", 0, NULL, &elements));
    ck_assert_int_eq(elements, 1);
    ck_ok(pt__sizes_elements("w", 3, empty, &elements));
    ck_assert_int_eq(elements, 0);
    ck_fails(pt__sizes_elements("w", 2, huge, &elements), PT_ERR_SHAPE, "w: ");
    ck_fails(pt__sizes_elements("w", 2, negative, &elements), PT_ERR_SHAPE, "dimension 1 is -1");
    ck_fails(pt__sizes_elements("w", 7, shape, &elements), PT_ERR_SHAPE, "rank 7");
    ck_fails(pt__sizes_elements("w", -1, shape, &elements), PT_ERR_SHAPE, "rank -1");
    ck_assert_str_eq(pt__sizes_print(3, shape, text, sizeof text), "[2, 3, 4]");
    ck_assert_str_eq(pt__sizes_print(0, NULL, text, sizeof text), "[]");
    ck_assert_str_eq(pt__sizes_print(4, symbolic, text, sizeof text), "[batch, tokens, 7, -3]");
    ck_assert_str_eq(pt__sizes_print(3, shape, small, sizeof small), "[2, 3");
}
END_TEST

/* The value of a half by its definition. */
static double half_value(uint16_t half)
{
    int exponent = half >> 10 & 31, fraction = half & 1023;
    double magnitude = exponent == 31 ? (fraction ? (double)NAN : (double)INFINITY)
                       : exponent     ? ldexp(1024 + fraction, exponent - 25)
                                      : ldexp(fraction, -24);
    return half & 0x8000 ? -magnitude : magnitude;
}

START_TEST(test_every_half_and_bfloat_survives)
{
    for (uint32_t bits = 0; bits <= UINT16_MAX; bits++) {
        double expected = half_value((uint16_t)bits), value = (double)pt__half_to_float((uint16_t)bits);
        ck_assert_msg(isnan(expected) ? isnan(value) : memcmp(&expected, &value, 8) == 0, "%04x: %g, expected %g", bits,
                      value, expected);
        uint16_t back = pt__float_to_half((float)value);
        ck_assert_msg(isnan(value) ? isnan(half_value(back)) : back == bits, "%04x came back as %04x", bits, back);
        float wide = pt__bfloat_to_float((uint16_t)bits);
        uint16_t bfloat = pt__float_to_bfloat(wide);
        ck_assert_msg(isnan(wide) ? isnan(pt__bfloat_to_float(bfloat)) : bfloat == bits, "%04x came back as %04x", bits,
                      bfloat);
    }
}
END_TEST

/* Nearest, ties to even: against a search by definition over the two neighbours. */
static uint16_t nearest_half(double value)
{
    uint16_t below = 0, sign = signbit(value) ? 0x8000 : 0;
    double magnitude = fabs(value);
    for (int bit = 14; bit >= 0; bit--) {
        uint16_t next = (uint16_t)(below | 1u << bit);
        if (next <= 0x7C00 && (next == 0x7C00 ? 65536.0 : half_value(next)) <= magnitude)
            below = next;
    }
    if (below >= 0x7C00)
        return (uint16_t)(sign | 0x7C00);
    double low = half_value(below), high = below == 0x7BFF ? 65536.0 : half_value((uint16_t)(below + 1));
    double middle = low + (high - low) / 2;
    int up = magnitude > middle || (magnitude == middle && (below & 1));
    return (uint16_t)(sign | (below + up));
}

START_TEST(test_rounding_to_halves)
{
    pt__random_t random = pt__random_start(4);
    for (uint32_t bits = 0; bits < 0x7C00;
         bits++) { /* every half, the middle to the next, and a hair beside the middle */
        double low = half_value((uint16_t)bits), high = bits == 0x7BFF ? 65536.0 : half_value((uint16_t)(bits + 1));
        double middle = low + (high - low) / 2;
        double cases[] = {middle, nextafter(middle, 0), nextafter(middle, 1e9), -middle};
        for (int i = 0; i < 4; i++) {
            uint16_t half = 0, expected = nearest_half(cases[i]);
            pt_status_t status = pt__dtype_convert("x", PT_FLOAT64, &cases[i], PT_FLOAT16, &half, 1);
            ck_assert_int_eq(status, (expected & 0x7FFF) == 0x7C00 ? PT_ERR_ARGUMENT : PT_OK);
            ck_assert_msg(half == expected, "%a gave %04x, expected %04x", cases[i], half, expected);
            float single = (float)cases[i];
            ck_assert_uint_eq(pt__float_to_half(single), nearest_half((double)single));
        }
    }
    for (int i = 0; i < 200000; i++) {
        uint32_t bits = pt__random_u32(&random);
        float value;
        memcpy(&value, &bits, 4);
        if (isnan(value))
            continue;
        ck_assert_uint_eq(pt__float_to_half(value), nearest_half((double)value));
        float near = pt__bfloat_to_float(pt__float_to_bfloat(value)), other;
        uint32_t near_bits;
        memcpy(&near_bits, &near, 4);
        for (int side = -1; side <= 1; side += 2) { /* neither neighbour is nearer */
            uint32_t other_bits = near_bits + (uint32_t)(side * 0x10000);
            memcpy(&other, &other_bits, 4);
            if (isfinite(near) && isfinite(other))
                ck_assert(fabs((double)near - (double)value) <= fabs((double)other - (double)value));
        }
    }
}
END_TEST

START_TEST(test_small_values_convert_between_all_dtypes)
{
    enum { N = 1000 };
    static uint8_t start_values[N], from[8 * N], to[8 * N], back[N];
    for (int limit = 2; limit <= 128; limit += 126)
        for (int32_t src = PT_FLOAT32; src <= PT_BOOL; src++)
            for (int32_t dst = PT_FLOAT32; dst <= PT_BOOL; dst++) {
                if (limit > 2 && (src == PT_BOOL || dst == PT_BOOL))
                    continue;
                for (int i = 0; i < N; i++)
                    start_values[i] = (uint8_t)(i % limit);
                ck_ok(pt__dtype_convert("x", PT_UINT8, start_values, src, from, N));
                ck_ok(pt__dtype_convert("x", src, from, dst, to, N));
                ck_ok(pt__dtype_convert("x", dst, to, PT_UINT8, back, N));
                ck_assert_int_eq(memcmp(start_values, back, N), 0);
                ck_ok(pt__dtype_convert("x", src, from, dst, to, 0));
            }
}
END_TEST

START_TEST(test_misfits_are_named)
{
    static const struct {
        int32_t src, dst;
        double value; /* stored in src */
        const char *part;
    } cases[] = {
        {PT_FLOAT64, PT_INT8, 128, "is 128 (float64), which does not fit int8"},
        {PT_FLOAT32, PT_INT32, 2147483648.0, "does not fit int32"},
        {PT_FLOAT32, PT_INT32, 0.5, "is 0.5 (float32), which does not fit int32"},
        {PT_FLOAT64, PT_INT64, 9.3e18, "does not fit int64"},
        {PT_FLOAT64, PT_FLOAT32, 1e39, "does not fit float32"},
        {PT_FLOAT32, PT_FLOAT16, 65520, "does not fit float16"},
        {PT_FLOAT64, PT_BFLOAT16, 3.4e38 * 1.01, "does not fit bfloat16"},
        {PT_INT64, PT_INT32, -2147483649.0, "is -2147483649 (int64), which does not fit int32"},
        {PT_INT32, PT_UINT8, -1, "does not fit uint8"},
        {PT_INT16, PT_UINT64, -1, "does not fit uint64"},
        {PT_UINT32, PT_INT32, 4294967295.0, "is 4294967295 (uint32), which does not fit int32"},
        {PT_UINT8, PT_BOOL, 2, "does not fit bool"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned char src[700 * 8] = {0}, dst[700 * 8];
        double value = cases[i].value;
        ck_ok(pt__dtype_convert("x", PT_FLOAT64, &value, cases[i].src, src + 600 * pt__dtype_size(cases[i].src), 1));
        ck_fails(pt__dtype_convert("field \"y\"", cases[i].src, src, cases[i].dst, dst, 700), PT_ERR_ARGUMENT,
                 cases[i].part);
        ck_assert_ptr_nonnull(strstr(pt__error_message(), "field \"y\": element 600"));
    }
    double nan = (double)NAN, infinity = (double)INFINITY;
    int32_t integer;
    float single;
    uint64_t large = UINT64_MAX;
    int64_t signed_large;
    ck_fails(pt__dtype_convert("x", PT_FLOAT64, &nan, PT_INT32, &integer, 1), PT_ERR_ARGUMENT, "nan");
    ck_ok(pt__dtype_convert("x", PT_FLOAT64, &nan, PT_FLOAT32, &single, 1));
    ck_assert(isnan(single));
    ck_ok(pt__dtype_convert("x", PT_FLOAT64, &infinity, PT_FLOAT32, &single, 1));
    ck_assert(isinf(single));
    ck_fails(pt__dtype_convert("x", PT_UINT64, &large, PT_INT64, &signed_large, 1), PT_ERR_ARGUMENT,
             "does not fit int64");
    ck_ok(pt__dtype_convert("x", PT_UINT64, &large, PT_FLOAT32, &single, 1));
    ck_assert(single == 0x1p64f);
    ck_fails(pt__dtype_convert("x", 0, &large, PT_FLOAT32, &single, 1), PT_ERR_ARGUMENT, "no dtype");
    ck_fails(pt__dtype_convert("x", PT_FLOAT32, &large, 77, &single, 1), PT_ERR_ARGUMENT, "77 is no dtype");
}
END_TEST

START_TEST(test_first_misfit_is_named_and_nothing_need_be_aligned)
{
    uint64_t values[4] = {1, 300, UINT64_MAX, 5};
    uint8_t bytes[4];
    char unaligned[64];
    ck_fails(pt__dtype_convert("x", PT_UINT64, values, PT_UINT8, bytes, 4), PT_ERR_ARGUMENT, "element 1 is 300");
    double doubles[3] = {1, 2, 3};
    float singles[3];
    memcpy(unaligned + 1, doubles, sizeof doubles);
    ck_ok(pt__dtype_convert("x", PT_FLOAT64, unaligned + 1, PT_FLOAT32, unaligned + 27, 3));
    memcpy(singles, unaligned + 27, sizeof singles);
    ck_assert(singles[0] == 1 && singles[2] == 3);
}
END_TEST

/* However the host rounds: to nearest. */
START_TEST(test_host_rounds_otherwise)
{
    static const double values[3] = {1e300, 0.1, 1e-45};
    uint64_t before = float_mode_begin();
    for (int mode = 0; mode < 2; mode++) {
        float single = 0;
        fesetround(mode == 0 ? FE_UPWARD : FE_TOWARDZERO);
        uint64_t host = float_mode_settings();
        pt_status_t status = pt__dtype_convert("x", PT_FLOAT64, &values[0], PT_FLOAT32, &single, 1);
        ck_assert_int_eq(status, PT_ERR_ARGUMENT); /* not the largest finite number */
        ck_ok(pt__dtype_convert("x", PT_FLOAT64, &values[1], PT_FLOAT32, &single, 1));
        ck_assert(single == 0x1.99999ap-4f);
        ck_ok(pt__dtype_convert("x", PT_FLOAT64, &values[2], PT_FLOAT32, &single, 1));
        ck_assert(single == 0x1p-149f); /* denormal numbers are kept */
        ck_assert_uint_eq(float_mode_settings(), host);
    }
    float_mode_end(before);
}
END_TEST

SUITE("dtype", 120, test_sizes_and_names, test_shapes, test_every_half_and_bfloat_survives, test_rounding_to_halves,
      test_small_values_convert_between_all_dtypes, test_misfits_are_named,
      test_first_misfit_is_named_and_nothing_need_be_aligned, test_host_rounds_otherwise)
