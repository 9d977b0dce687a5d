/* The level and the features that follow from what a processor and its system say: processors of every kind, of which
 * this machine is one. */
#include "kernels/cpu/level.h"
#include "support/suite.h"

enum {
    SAVED_SSE = 0x3,
    SAVED_AVX = 0x7,
    SAVED_AVX512 = 0xe7,
    SAVED_TILES = 0x600e7,
};
/* Bits as the processors' manuals number them. */
static const uint32_t FMA = 1u << 12, F16C = 1u << 29, AVX2 = 1u << 5, AVX512F = 1u << 16,
                      AVX512_ALL = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31, VNNI512 = 1u << 11,
                      AMX = 1u << 22 | 1u << 24 | 1u << 25, VNNI_AND_BF16 = 1u << 4 | 1u << 5;

START_TEST(test_levels)
{
    const struct {
        const char *processor;
        pt__cpuid_t cpu;
        pt__level_t level;
        uint32_t features;
    } cases[] = {
        {"none of it", {0}, PT__LEVEL_PORTABLE, 0},
        {"AVX alone", {.leaf1_c = F16C, .saved = SAVED_AVX}, PT__LEVEL_PORTABLE, PT__FEATURE_F16C},
        {"a system that saves no ymm",
         {.leaf1_c = FMA | F16C, .leaf7_b = AVX2, .saved = SAVED_SSE},
         PT__LEVEL_PORTABLE,
         0},
        {"AVX2 without FMA",
         {.leaf1_c = F16C, .leaf7_b = AVX2, .saved = SAVED_AVX},
         PT__LEVEL_PORTABLE,
         PT__FEATURE_F16C},
        {"Haswell", {.leaf1_c = FMA | F16C, .leaf7_b = AVX2, .saved = SAVED_AVX}, PT__LEVEL_AVX2, PT__FEATURE_F16C},
        {"no F16C", {.leaf1_c = FMA, .leaf7_b = AVX2, .saved = SAVED_AVX}, PT__LEVEL_AVX2, 0},
        {"Alder Lake",
         {.leaf1_c = FMA | F16C, .leaf7_b = AVX2, .subleaf1_a = 1u << 4, .saved = SAVED_AVX},
         PT__LEVEL_AVX2,
         PT__FEATURE_F16C | PT__FEATURE_AVX_VNNI},
        {"AVX-512 whose registers nobody saves",
         {.leaf1_c = FMA,
          .leaf7_b = AVX2 | AVX512_ALL,
          .leaf7_c = VNNI512,
          .leaf7_d = AMX,
          .subleaf1_a = 1u << 5,
          .saved = SAVED_AVX},
         PT__LEVEL_AVX2,
         0},
        {"AVX-512 F alone",
         {.leaf1_c = FMA, .leaf7_b = AVX2 | AVX512F, .leaf7_c = VNNI512, .saved = SAVED_AVX512},
         PT__LEVEL_AVX2,
         PT__FEATURE_AVX512_VNNI},
        {"registers for AVX-512 that it lacks",
         {.leaf1_c = FMA, .leaf7_b = AVX2, .leaf7_c = VNNI512, .subleaf1_a = 1u << 5, .saved = SAVED_AVX512},
         PT__LEVEL_AVX2,
         0},
        {"Skylake-X",
         {.leaf1_c = FMA | F16C, .leaf7_b = AVX2 | AVX512_ALL, .saved = SAVED_AVX512},
         PT__LEVEL_AVX512,
         PT__FEATURE_F16C},
        {"Sapphire Rapids",
         {.leaf1_c = FMA | F16C,
          .leaf7_b = AVX2 | AVX512_ALL,
          .leaf7_c = VNNI512,
          .leaf7_d = AMX,
          .subleaf1_a = VNNI_AND_BF16,
          .saved = SAVED_TILES},
         PT__LEVEL_AVX512,
         PT__FEATURES},
        {"tiles without products",
         {.leaf1_c = FMA, .leaf7_b = AVX2, .leaf7_d = 1u << 24, .saved = SAVED_TILES},
         PT__LEVEL_AVX2,
         PT__FEATURE_AMX_TILE},
        {"nothing of tiles", {.leaf1_c = FMA, .leaf7_b = AVX2 | AVX512_ALL, .saved = SAVED_TILES}, PT__LEVEL_AVX512, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ck_assert_msg(pt__level_of(&cases[i].cpu) == cases[i].level, "%s: level %s, expected %s", cases[i].processor,
                      pt__level_name(pt__level_of(&cases[i].cpu)), pt__level_name(cases[i].level));
        ck_assert_msg(pt__level_features_of(&cases[i].cpu) == cases[i].features, "%s: features %x, expected %x",
                      cases[i].processor, (unsigned)pt__level_features_of(&cases[i].cpu), (unsigned)cases[i].features);
    }
}
END_TEST

/* Signatures as leaf 1 has them. */
START_TEST(test_fused)
{
    const pt__cpuid_t zen4 = {.leaf1_a = 0x00a60f12}, zen5 = {.leaf1_a = 0x00b40f40};
    const pt__cpuid_t tiger_lake = {.leaf1_a = 0x000806c1}, skylake_server = {.leaf1_a = 0x00050654};
    ck_assert_int_eq(pt__level_fused_of(PT__LEVEL_AVX512, &zen4), 1);
    ck_assert_int_eq(pt__level_fused_of(PT__LEVEL_AVX2, &zen4), 2);
    ck_assert_int_eq(pt__level_fused_of(PT__LEVEL_AVX512, &zen5), 2);
    ck_assert_int_eq(pt__level_fused_of(PT__LEVEL_AVX512, &tiger_lake), 1);
    ck_assert_int_eq(pt__level_fused_of(PT__LEVEL_AVX512, &skylake_server), 2);
    ck_assert_int_eq(pt__level_fused(PT__LEVEL_AVX2), 2);
}
END_TEST

START_TEST(test_names)
{
    ck_assert_str_eq(pt__level_name(PT__LEVEL_COUNT), "unknown");
    ck_assert_str_eq(pt__level_name(PT__LEVEL_AVX512), "avx512");
    ck_assert_int_eq(pt__level_find("neon"), PT__LEVEL_NEON);
    ck_assert_int_eq(pt__level_find("sse"), PT__LEVEL_COUNT);
}
END_TEST

SUITE("level", 10, test_levels, test_fused, test_names)
