/* What of a product depends on the processor that does it: processors of every kind, of which this machine is one. */
#include <limits.h>

#include "kernels/cpu/gemm_fit.h"
#include "kernels/cpu/micro.h"
#include "support/suite.h"

static const pt__micro_t micro = {.columns = 16, .in_place_depth = 64};

static pt__cpu_t processor(pt__level_t level, int32_t fused, int64_t second, int64_t third)
{
    return (pt__cpu_t){.level = level, .fused = fused, .micro = &micro, .cache_bytes = {32 << 10, second, third}};
}

START_TEST(test_blocks)
{
    static const struct {
        pt__level_t level;
        int64_t second, third, floats, staged;
    } cases[] = {
        {PT__LEVEL_AVX2, 64 << 10, 64 << 10, 32 << 10, 32 << 10},    /* hardly any cache: the least that is worth it */
        {PT__LEVEL_AVX2, 512 << 10, 32 << 20, 64 << 10, 128 << 10},  /* staged: into the third level, */
        {PT__LEVEL_AVX2, 512 << 10, 1536 << 10, 64 << 10, 96 << 10}, /* where it is large enough */
        {PT__LEVEL_AVX2, 512 << 10, 0, 64 << 10, 64 << 10},          /* there is none */
        {PT__LEVEL_AVX512, 2 << 20, 32 << 20, 256 << 10, 256 << 10},
        {PT__LEVEL_PORTABLE, 16 << 20, 1 << 20, 256 << 10, 256 << 10}, /* more gains nothing */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const pt__cpu_t cpu = processor(cases[i].level, 1, cases[i].second, cases[i].third);
        ck_assert_int_eq(pt__gemm_block_floats(&cpu), cases[i].floats);
        ck_assert_int_eq(pt__gemm_staged_block_floats(&cpu), cases[i].staged);
    }
}
END_TEST

START_TEST(test_what_is_staged)
{
    static const struct {
        pt__level_t level;
        int32_t fused, transposed;
        int64_t stride, depth, panels;
        int32_t stages;
    } cases[] = {
        {PT__LEVEL_AVX512, 2, 0, 1000, 300, 12, 1}, /* in a hurry: as soon as a copy serves many panels */
        {PT__LEVEL_AVX512, 2, 0, 1000, 300, 11, 0},
        {PT__LEVEL_AVX512, 1, 0, 1000, 300, 12, 0},
        {PT__LEVEL_AVX512, 1, 0, 2048, 300, 4, 1}, /* rows that push each other out of the cache */
        {PT__LEVEL_AVX512, 1, 0, 2048, 300, 3, 0},
        {PT__LEVEL_AVX512, 1, 0, 2048, 64, 4, 0}, /* so shallow that it is read in place */
        {PT__LEVEL_AVX512, 2, 1, 16, 300, 12, 1},
        {PT__LEVEL_AVX512, 2, 1, 15, 300, 12, 0},
        {PT__LEVEL_AVX512, 1, 1, 319, 300, 12, 0},
        {PT__LEVEL_AVX512, 1, 1, 320, 300, 4, 1},
        {PT__LEVEL_AVX2, 2, 1, 128, 300, 4, 1},
        {PT__LEVEL_AVX2, 2, 1, 127, 300, 7, 0},
        {PT__LEVEL_AVX2, 2, 1, 32, 300, 8, 1},
        {PT__LEVEL_AVX2, 2, 1, 31, 300, 8, 0},
        {PT__LEVEL_AVX2, 2, 0, 1000, 300, 12, 0},
        {PT__LEVEL_PORTABLE, 1, 1, 256, 300, 12, 0}, /* in portable code it does not pay so near */
        {PT__LEVEL_PORTABLE, 1, 1, 320, 300, 12, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const pt__cpu_t cpu = processor(cases[i].level, cases[i].fused, 512 << 10, 32 << 20);
        const pt__matrix_t a = {.stride = cases[i].stride, .transposed = cases[i].transposed};
        ck_assert_msg(pt__gemm_stages(&cpu, &a, cases[i].depth, cases[i].panels * micro.columns) == cases[i].stages,
                      "case %zu", i);
    }
}
END_TEST

/* cblas counts with int, and takes no rows that overlap. */
START_TEST(test_what_cblas_takes)
{
    const int64_t large = (int64_t)INT_MAX + 1;
    const pt__gemm_t sound = {
        .m = 5, .n = 6, .k = 7, .dst_stride = 6, .a = {.stride = 7}, .b = {.stride = 7, .transposed = 1}};
    if (pt__gemm_cblas_name() == NULL)
        return; /* there is none */
    ck_assert(pt__gemm_cblas_takes(&sound));
    pt__gemm_t wrong = sound;
    wrong.m = large;
    ck_assert(!pt__gemm_cblas_takes(&wrong));
    wrong = sound;
    wrong.n = large;
    ck_assert(!pt__gemm_cblas_takes(&wrong));
    wrong = sound;
    wrong.k = large;
    ck_assert(!pt__gemm_cblas_takes(&wrong));
    wrong = sound;
    wrong.dst_stride = large;
    ck_assert(!pt__gemm_cblas_takes(&wrong));
    wrong.dst_stride = 5;
    ck_assert(!pt__gemm_cblas_takes(&wrong));
    wrong = sound;
    wrong.a.stride = 6;
    ck_assert(!pt__gemm_cblas_takes(&wrong));
    wrong.m = 1; /* nothing follows the one row */
    ck_assert(pt__gemm_cblas_takes(&wrong));
    wrong = sound;
    wrong.a = (pt__matrix_t){.stride = 4, .transposed = 1};
    ck_assert(!pt__gemm_cblas_takes(&wrong));
    wrong = sound;
    wrong.b.stride = 6;
    ck_assert(!pt__gemm_cblas_takes(&wrong));
    wrong.b = (pt__matrix_t){.stride = 5};
    ck_assert(!pt__gemm_cblas_takes(&wrong));
}
END_TEST

SUITE("gemm_fit", 30, test_blocks, test_what_is_staged, test_what_cblas_takes)
