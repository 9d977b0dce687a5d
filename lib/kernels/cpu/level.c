/* Which processor levels this machine can run: what the processor has, and, for wide registers, whether the system
 * saves them between threads. Called when a device is created and by tests that force a level. */
#include <stddef.h>
#include <string.h>

#include "kernels/cpu/level.h"

static int32_t has_bits(uint32_t value, uint32_t bits)
{
    return (value & bits) == bits;
}

/* Register sets that the system saves: xmm, ymm; and opmask, both halves of zmm; the tiles and their configuration. */
enum { SAVED_AVX = 0x6, SAVED_AVX512 = 0xe6, SAVED_TILES = 0x60000 };

uint32_t pt__level_features_of(const pt__cpuid_t *cpu)
{
    /* leaf 1: bits of ecx; leaf 7: of ecx, edx; of its first subleaf, eax */
    const uint32_t f16c = 1u << 29;
    const uint32_t avx512f = 1u << 16;
    const uint32_t avx512_vnni = 1u << 11, amx_bf16 = 1u << 22, amx_tile = 1u << 24, amx_int8 = 1u << 25;
    const uint32_t avx_vnni = 1u << 4, avx512_bf16 = 1u << 5;
    uint32_t found = 0;
    if (!has_bits(cpu->saved, SAVED_AVX))
        return 0;
    const int32_t wide = has_bits(cpu->saved, SAVED_AVX512) && (cpu->leaf7_b & avx512f);
    const int32_t tiles = has_bits(cpu->saved, SAVED_TILES);
    found |= cpu->leaf1_c & f16c ? PT__FEATURE_F16C : 0;
    found |= wide && (cpu->leaf7_c & avx512_vnni) ? PT__FEATURE_AVX512_VNNI : 0;
    found |= tiles && (cpu->leaf7_d & amx_tile) ? PT__FEATURE_AMX_TILE : 0;
    found |= tiles && (cpu->leaf7_d & amx_bf16) ? PT__FEATURE_AMX_BF16 : 0;
    found |= tiles && (cpu->leaf7_d & amx_int8) ? PT__FEATURE_AMX_INT8 : 0;
    found |= cpu->subleaf1_a & avx_vnni ? PT__FEATURE_AVX_VNNI : 0;
    found |= wide && (cpu->subleaf1_a & avx512_bf16) ? PT__FEATURE_AVX512_BF16 : 0;
    return found;
}

pt__level_t pt__level_of(const pt__cpuid_t *cpu)
{
    /* leaf 1: a bit of ecx; leaf 7: of ebx: F, DQ, BW, VL */
    const uint32_t fma = 1u << 12, avx2 = 1u << 5, avx512 = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31;
    if (!has_bits(cpu->saved, SAVED_AVX) || !has_bits(cpu->leaf1_c, fma) || !has_bits(cpu->leaf7_b, avx2))
        return PT__LEVEL_PORTABLE;
    return has_bits(cpu->saved, SAVED_AVX512) && has_bits(cpu->leaf7_b, avx512) ? PT__LEVEL_AVX512 : PT__LEVEL_AVX2;
}

/* Zen 4 does one vector of 64 bytes, in halves; so do Intel's processors for clients, whose second unit is that of
 * servers. A server that lacks it, as some of 2017 to 2020 do, is taken for one that has it. */
int32_t pt__level_fused_of(pt__level_t level, const pt__cpuid_t *cpu)
{
    const uint32_t a = cpu->leaf1_a;
    const uint32_t family = (a >> 8 & 15) + (a >> 20 & 255), model = (a >> 4 & 15) | (a >> 12 & 0xf0);
    const uint32_t zen4 = 15 + 10;                                  /* and Zen 3 */
    const uint8_t clients[] = {0x66, 0x7d, 0x7e, 0x8c, 0x8d, 0xa7}; /* Cannon, Ice, Tiger and Rocket Lake */
    if (level != PT__LEVEL_AVX512)
        return 2;
    return family == zen4 || (family == 6 && memchr(clients, (int)model, sizeof clients)) ? 1 : 2;
}

#if defined(__x86_64__)
#include <cpuid.h>

/* Leaves that the processor lacks stay zero, and so does what the system saves where it says nothing about that. */
static pt__cpuid_t ask(void)
{
    pt__cpuid_t cpu = {0};
    uint32_t a, b, c, d, high;
    __get_cpuid(1, &cpu.leaf1_a, &b, &cpu.leaf1_c, &d);
    if (has_bits(cpu.leaf1_c, bit_OSXSAVE | bit_AVX)) /* XCR0 */
        __asm__ volatile("xgetbv" : "=a"(cpu.saved), "=d"(high) : "c"(0));
    if (__get_cpuid_count(7, 0, &a, &cpu.leaf7_b, &cpu.leaf7_c, &cpu.leaf7_d) && a >= 1) /* how many subleaves */
        __get_cpuid_count(7, 1, &cpu.subleaf1_a, &b, &c, &d);
    return cpu;
}

uint32_t pt__level_features(void)
{
    const pt__cpuid_t cpu = ask();
    return pt__level_features_of(&cpu);
}

static pt__level_t best_level(void)
{
    const pt__cpuid_t cpu = ask();
    pt__level_t level = pt__level_of(&cpu);
#if defined(PT__EMULATES_AVX512) /* meson's option: for tests */
    level = level == PT__LEVEL_AVX2 ? PT__LEVEL_AVX512 : level;
#endif
    return level;
}

int32_t pt__level_fused(pt__level_t level)
{
    const pt__cpuid_t cpu = ask();
    return pt__level_fused_of(level, &cpu);
}

#else

uint32_t pt__level_features(void)
{
    return 0;
}

int32_t pt__level_fused(pt__level_t level)
{
    (void)level;
    return 2;
}

#if defined(__aarch64__)
static pt__level_t best_level(void)
{
    return PT__LEVEL_NEON; /* every AArch64 processor of the A profile has it */
}

#else
static pt__level_t best_level(void)
{
    return PT__LEVEL_PORTABLE;
}
#endif
#endif

static const char *const names[PT__LEVEL_COUNT] = {
    [PT__LEVEL_PORTABLE] = "portable",
    [PT__LEVEL_AVX2] = "avx2",
    [PT__LEVEL_AVX512] = "avx512",
    [PT__LEVEL_NEON] = "neon",
};

static const char *const feature_names[] = {"f16c",     "avx_vnni", "avx512_vnni", "avx512_bf16",
                                            "amx_tile", "amx_bf16", "amx_int8"};

const char *pt__level_feature_name(uint32_t feature)
{
    for (uint32_t i = 0; i < sizeof feature_names / sizeof feature_names[0]; i++)
        if (feature == 1u << i)
            return feature_names[i];
    return "unknown";
}

int32_t pt__level_supported(pt__level_t level)
{
    pt__level_t best = best_level();
    if (pt__level_tables(level) == NULL)
        return 0;
    return level == PT__LEVEL_PORTABLE || level == best || (level == PT__LEVEL_AVX2 && best == PT__LEVEL_AVX512);
}

pt__level_t pt__level_best(void)
{
    pt__level_t best = PT__LEVEL_COUNT;
    for (pt__level_t level = PT__LEVEL_PORTABLE; level < PT__LEVEL_COUNT; level++)
        if (pt__level_supported(level))
            best = level;
    return best;
}

const char *pt__level_name(pt__level_t level)
{
    return level < PT__LEVEL_COUNT ? names[level] : "unknown";
}

pt__level_t pt__level_find(const char *name)
{
    for (pt__level_t level = PT__LEVEL_PORTABLE; name && level < PT__LEVEL_COUNT; level++)
        if (!strcmp(name, names[level]))
            return level;
    return PT__LEVEL_COUNT;
}
