/* What is stored narrower than float32, as floats: every float16 and bfloat16, blocks from whole tables and from
 * within, at every level and without each of the processor's features. */
#include "base/blocks.h"
#include "base/dtype.h"
#include "kernels/every_device.h"

enum { ALL = 1 << 16, BLOCKS = 2000, WIDTH = 256, ROWS = 400 };

static pt__memory_t memory;
static pt__pool_t *pool;

/* Calls the check with a device of each level, with all features, and without each one that the processor has. */
static void with_each(void (*check)(pt__device_t *device, const char *what))
{
    pt__memory_init(&memory, NULL, NULL, NULL);
    ck_ok(pt__pool_create(&memory, 2, &pool));
    for (pt__level_t level = PT__LEVEL_PORTABLE; level < PT__LEVEL_COUNT; level++)
        for (uint32_t bit = 1; bit < 2 * PT__FEATURES && pt__level_supported(level); bit *= 2) {
            const uint32_t without = bit / 2;
            pt__device_t *device;
            char what[64];
            if (without && !(pt__level_features() & without))
                continue;
            ck_ok(pt__cpu_create(&memory, pool, level, PT__GEMM_AUTO, &device));
            pt__cpu_mask_features(device, ~without);
            ck_assert_uint_eq(pt__cpu(device)->features, pt__level_features() & ~without);
            snprintf(what, sizeof what, "%s without %s", pt__level_name(level),
                     without ? pt__level_feature_name(without) : "anything");
            ck_ok(pt__device_enter(device));
            check(device, what);
            ck_ok(pt__device_leave(device));
            pt__device_free(device);
        }
    pt__pool_free(pool);
    ck_assert_int_eq(atomic_load(&memory.bytes), 0);
}

/* Bits, or NaN for NaN. */
static int same(float found, float expected)
{
    return isnan(expected) ? isnan(found) : memcmp(&found, &expected, sizeof found) == 0;
}

static void check_words(pt__device_t *device, const char *what)
{
    uint16_t *words = malloc(ALL * sizeof *words);
    float *values = malloc(ALL * sizeof *values);
    ck_assert(words && values);
    for (int32_t i = 0; i < ALL; i++)
        words[i] = (uint16_t)i;
    device->kernels->cast(device, ALL, PT_FLOAT16, words, values);
    for (int32_t i = 0; i < ALL; i++)
        ck_assert_msg(same(values[i], pt__half_to_float((uint16_t)i)), "%s: float16 %04x is %g", what, (unsigned)i,
                      (double)values[i]);
    device->kernels->cast(device, ALL, PT_BFLOAT16, words, values);
    for (int32_t i = 0; i < ALL; i++)
        ck_assert_msg(same(values[i], pt__bfloat_to_float((uint16_t)i)), "%s: bfloat16 %04x is %g", what, (unsigned)i,
                      (double)values[i]);
    for (int32_t n = 0; n < 40; n++) { /* of any number of them, no more is written */
        values[n] = 7;
        device->kernels->cast(device, n, PT_FLOAT16, words + 0x3c00, values);
        ck_assert(values[n] == 7.0f && (n == 0 || values[n - 1] == pt__half_to_float((uint16_t)(0x3c00 + n - 1))));
    }
    free(words), free(values);
}

START_TEST(test_every_word)
{
    with_each(check_words);
}
END_TEST

static uint32_t drawn(uint32_t bound)
{
    return (uint32_t)((double)(draw_value() + 1.0f) * 0.49999 * bound);
}

/* Blocks of any bytes: scales of any kind, infinite and NaN ones too. */
static unsigned char *draw_blocks(int32_t dtype, int64_t n)
{
    const int64_t bytes = n * pt__dtype_unit(dtype).bytes;
    unsigned char *blocks = malloc((size_t)bytes);
    ck_assert(blocks != NULL);
    for (int64_t i = 0; i < bytes; i++)
        blocks[i] = (unsigned char)drawn(256);
    return blocks;
}

static void check_format(pt__device_t *device, const char *what, int32_t dtype)
{
    const int32_t unit = pt__dtype_unit(dtype).elements, n_blocks = BLOCKS * 32 / unit;
    unsigned char *blocks = draw_blocks(dtype, n_blocks);
    float *values = malloc(BLOCKS * 32 * sizeof *values), *expected = malloc(BLOCKS * 32 * sizeof *values);
    ck_assert(values != NULL && expected != NULL);
    pt__blocks_to_floats(dtype, blocks, BLOCKS * 32 / unit * unit, expected);
    device->kernels->cast(device, n_blocks * unit, dtype, blocks, values);
    for (int64_t i = 0; i < n_blocks * unit; i++)
        ck_assert_msg(same(values[i], expected[i]), "%s, %s: element %d is %g, expected %g", what,
                      pt__dtype_name(dtype), (int)i, (double)values[i], (double)expected[i]);
    for (int32_t skip = 0; skip < unit; skip += unit / 32)
        for (int64_t n = 0; n < 3 * unit + 4; n += 7 * unit / 32) {
            values[n] = 7;
            pt__cpu(device)->widen[dtype](n, blocks, skip, values);
            for (int64_t i = 0; i < n; i++)
                ck_assert(same(values[i], expected[skip + i]));
            ck_assert(values[n] == 7.0f);
        }
    free(blocks), free(values), free(expected);
}

static void check_blocks(pt__device_t *device, const char *what)
{
    for (int32_t dtype = PT__BLOCK_Q8_0; dtype < PT__DTYPES; dtype++)
        check_format(device, what, dtype);
}

START_TEST(test_blocks)
{
    with_each(check_blocks);
}
END_TEST

static void check_tables(pt__device_t *device, const char *what)
{
    int32_t index[ROWS];
    unsigned char *table = draw_blocks(PT__BLOCK_Q8_0, BLOCKS);
    float *dst = malloc(ROWS * WIDTH * sizeof *dst), expected[WIDTH];
    ck_assert(dst != NULL);
    for (int32_t dtype = 1; dtype < PT__DTYPES; dtype++) {
        const int64_t row_bytes = pt__dtype_bytes(dtype, WIDTH), rows = BLOCKS * 34 / row_bytes;
        if (!pt__dtype_is_narrow(dtype))
            continue;
        for (int r = 0; r < ROWS; r++)
            index[r] = (int32_t)drawn((uint32_t)rows);
        device->kernels->gather(device, ROWS, WIDTH, dtype, table, index, dst);
        for (int64_t i = 0; i < ROWS * WIDTH; i++) {
            if (i % WIDTH == 0)
                ck_ok(pt__dtype_convert("", dtype, table + index[i / WIDTH] * row_bytes, PT_FLOAT32, expected, WIDTH));
            ck_assert_msg(same(dst[i], expected[i % WIDTH]), "%s, %s: element %d is %g", what, pt__dtype_name(dtype),
                          (int)i, (double)dst[i]);
        }
    }
    free(table), free(dst);
}

START_TEST(test_tables)
{
    with_each(check_tables);
}
END_TEST

START_TEST(test_features)
{
    ck_assert_uint_eq(pt__level_features() & ~(uint32_t)PT__FEATURES, 0);
    for (uint32_t feature = 1; feature < PT__FEATURES; feature *= 2)
        for (uint32_t other = 1; other < feature; other *= 2)
            ck_assert_str_ne(pt__level_feature_name(feature), pt__level_feature_name(other));
    ck_assert_str_eq(pt__level_feature_name(PT__FEATURE_F16C), "f16c");
    ck_assert_str_eq(pt__level_feature_name(PT__FEATURE_AMX_INT8), "amx_int8");
    ck_assert_str_eq(pt__level_feature_name(3), "unknown");
    ck_assert_str_eq(pt__level_feature_name(0), "unknown");
    if (pt__level_best() == PT__LEVEL_PORTABLE)
        ck_assert_uint_eq(pt__level_features() & ~(uint32_t)PT__FEATURE_F16C, 0);
}
END_TEST

SUITE("widen", 60, test_every_word, test_blocks, test_tables, test_features)
