/* Formats of blocks as floats, against the reference (tests/golden/make_blocks.py), and back. */
#include "base/blocks.h"

#include <math.h>

#include "base/dtype.h"
#include "support/golden.h"
#include "support/suite.h"

enum { MOST = 1024 };
static const struct {
    const char *name;
    int32_t dtype;
} formats[] = {{"Q8_0", PT__BLOCK_Q8_0}, {"Q4_0", PT__BLOCK_Q4_0}, {"Q4_1", PT__BLOCK_Q4_1}, {"Q5_0", PT__BLOCK_Q5_0},
               {"Q5_1", PT__BLOCK_Q5_1}, {"Q4_K", PT__BLOCK_Q4_K}, {"Q5_K", PT__BLOCK_Q5_K}, {"Q6_K", PT__BLOCK_Q6_K}};

static int64_t read_bytes(const char *key, uint8_t *bytes)
{
    double numbers[MOST];
    const int64_t count = golden_numbers(key, numbers, MOST);
    for (int64_t i = 0; i < count; i++)
        bytes[i] = (uint8_t)numbers[i];
    return count;
}

START_TEST(test_to_floats)
{
    uint8_t blocks[MOST];
    float expected[MOST], found[MOST];
    golden_read("tests/golden/blocks.txt");
    for (size_t f = 0; f < sizeof formats / sizeof formats[0]; f++) {
        const pt__dtype_unit_t unit = pt__dtype_unit(formats[f].dtype);
        char key[32];
        snprintf(key, sizeof key, "%s_values", formats[f].name);
        ck_assert_int_eq(read_bytes(formats[f].name, blocks), 2 * unit.bytes);
        ck_assert_int_eq(golden_floats(key, expected, MOST), unit.elements);
        ck_ok(pt__dtype_convert(key, formats[f].dtype, blocks, PT_FLOAT32, found, 2 * unit.elements));
        ck_assert_msg(memcmp(found, expected, (size_t)unit.elements * sizeof *found) == 0, "%s", key);
        for (int32_t i = unit.elements; i < 2 * unit.elements; i++)
            ck_assert_msg(isnan(found[i]), "%s: element %d is %g", key, (int)i, (double)found[i]);
    }
}
END_TEST

/* Told from a block's float16 alone what its elements as floats tell. */
START_TEST(test_find_infinite)
{
    static const uint16_t halves[] = {0x0000, 0x7BFF, 0xFBFF, 0x7C00, 0xFC00, 0x7E01};
    uint8_t blocks[MOST];
    float floats[MOST];
    for (size_t f = 0; f < sizeof formats / sizeof formats[0]; f++) {
        const int32_t dtype = formats[f].dtype;
        const pt__dtype_unit_t unit = pt__dtype_unit(dtype);
        for (int32_t place = 0; place + 2 <= unit.bytes; place += 2)
            for (size_t h = 0; h < sizeof halves / sizeof halves[0]; h++) {
                int64_t expected = -1;
                memset(blocks, 0x33, sizeof blocks);
                memcpy(blocks + unit.bytes + place, &halves[h], sizeof halves[h]);
                pt__blocks_to_floats(dtype, blocks, 3 * unit.elements, floats);
                for (int64_t i = 0; i < 3 * unit.elements && expected < 0; i++)
                    expected = isfinite(floats[i]) ? -1 : i;
                ck_assert_int_eq(pt__blocks_find_infinite(dtype, blocks, 3 * unit.elements), expected);
                ck_assert_int_eq(pt__blocks_find_infinite(dtype, blocks, unit.elements), -1);
            }
    }
}
END_TEST

START_TEST(test_from_floats)
{
    uint8_t expected[MOST], found[MOST];
    float values[MOST], back[MOST];
    golden_read("tests/golden/blocks.txt");
    ck_assert_int_eq(golden_floats("floats", values, MOST), 64);
    ck_assert_int_eq(read_bytes("as_Q8_0", expected), 68);
    ck_assert_int_eq(pt__blocks_from_floats(values, 64, found), -1);
    ck_assert_int_eq(memcmp(found, expected, 68), 0);
    pt__blocks_to_floats(PT__BLOCK_Q8_0, found, 32, back);
    for (int i = 0; i < 32; i++)
        ck_assert(fabsf(back[i] - values[i]) < 0.02f);
    values[40] = 1e7f;
    ck_assert_int_eq(pt__blocks_from_floats(values, 64, found), 32);
}
END_TEST

SUITE("blocks", 20, test_to_floats, test_find_infinite, test_from_floats)
