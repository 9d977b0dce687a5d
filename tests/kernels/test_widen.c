/* What is stored narrower than float32, as floats: every float16 and bfloat16, blocks from whole tables and from
 * within, at every level and without each of the processor's features. */
#include "base/dtype.h"
#include "kernels/every_device.h"

enum { ALL = 1 << 16, BLOCKS = 2000, WIDTH = 96, ROWS = 400 };

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

/* Rows of blocks; scales of any kind, and values from -128 on. */
static unsigned char *draw_blocks(int64_t n)
{
    unsigned char *blocks = malloc((size_t)(34 * n));
    ck_assert(blocks != NULL);
    for (int64_t b = 0; b < n; b++) {
        uint16_t scale = pt__float_to_half(b % 5 == 3 ? draw_value() * 1e-5f : draw_value());
        memcpy(blocks + 34 * b, &scale, sizeof scale);
        for (int i = 0; i < 32; i++)
            blocks[34 * b + 2 + i] = (unsigned char)drawn(256);
    }
    return blocks;
}

static float of_block(const unsigned char *blocks, int64_t i)
{
    uint16_t scale;
    memcpy(&scale, blocks + i / 32 * 34, sizeof scale);
    return pt__half_to_float(scale) * (float)(int8_t)blocks[i / 32 * 34 + 2 + i % 32];
}

static void check_blocks(pt__device_t *device, const char *what)
{
    unsigned char *blocks = draw_blocks(BLOCKS);
    float *values = malloc(BLOCKS * 32 * sizeof *values);
    ck_assert(values != NULL);
    device->kernels->cast(device, BLOCKS * 32, PT__BLOCK_Q8, blocks, values);
    for (int64_t i = 0; i < BLOCKS * 32; i++)
        ck_assert_msg(same(values[i], of_block(blocks, i)), "%s: element %d is %g", what, (int)i, (double)values[i]);
    for (int32_t skip = 0; skip < 32; skip++)
        for (int64_t n = 0; n < 100; n += 7) {
            values[n] = 7;
            pt__cpu(device)->widen[PT__BLOCK_Q8](n, blocks, skip, values);
            for (int64_t i = 0; i < n; i++)
                ck_assert(same(values[i], of_block(blocks, skip + i)));
            ck_assert(values[n] == 7.0f);
        }
    free(blocks), free(values);
}

START_TEST(test_blocks)
{
    with_each(check_blocks);
}
END_TEST

static void check_tables(pt__device_t *device, const char *what)
{
    int32_t index[ROWS];
    int64_t rows = BLOCKS * 34 / 2 / WIDTH; /* that are there in every dtype */
    unsigned char *table = draw_blocks(BLOCKS);
    float *dst = malloc(ROWS * WIDTH * sizeof *dst);
    ck_assert(dst != NULL);
    for (int r = 0; r < ROWS; r++)
        index[r] = (int32_t)drawn((uint32_t)rows);
    for (int32_t dtype = 1; dtype < PT__DTYPES; dtype++) {
        uint16_t word;
        if (!pt__dtype_is_narrow(dtype))
            continue;
        device->kernels->gather(device, ROWS, WIDTH, dtype, table, index, dst);
        for (int64_t i = 0; i < ROWS * WIDTH; i++) {
            int64_t from = index[i / WIDTH] * (int64_t)WIDTH + i % WIDTH;
            memcpy(&word, table + (dtype == PT__BLOCK_Q8 ? 0 : 2 * from), sizeof word);
            float expected = dtype == PT__BLOCK_Q8 ? of_block(table, from)
                             : dtype == PT_FLOAT16 ? pt__half_to_float(word)
                                                   : pt__bfloat_to_float(word);
            ck_assert_msg(same(dst[i], expected), "%s, %s: element %d is %g", what, pt__dtype_name(dtype), (int)i,
                          (double)dst[i]);
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
