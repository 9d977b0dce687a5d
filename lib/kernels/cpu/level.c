/* Which processor levels this machine can run: what the processor has, and, for wide registers, whether the system
 * saves them between threads. Called when a device is created and by tests that force a level. */
#include <stddef.h>
#include <string.h>

#include "kernels/cpu/level.h"

#if defined(__x86_64__)
#include <cpuid.h>

/* The register sets that the system saves: bits of XCR0. Only where it says that it saves any. */
static uint32_t saved_registers(void)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static int32_t has_bits(uint32_t value, uint32_t bits)
{
    return (value & bits) == bits;
}

/* xmm, ymm; and opmask, both halves of zmm; the tiles and their configuration */
enum { SAVED_AVX = 0x6, SAVED_AVX512 = 0xe6, SAVED_TILES = 0x60000 };

uint32_t pt__level_features(void)
{
    /* leaf 7: bits of ecx, edx; of its first subleaf, eax */
    const uint32_t avx512_vnni = 1u << 11, amx_bf16 = 1u << 22, amx_tile = 1u << 24, amx_int8 = 1u << 25;
    const uint32_t avx_vnni = 1u << 4, avx512_bf16 = 1u << 5;
    uint32_t a, b, c, d, found = 0;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !has_bits(c, bit_OSXSAVE | bit_AVX))
        return 0;
    uint32_t saved = saved_registers();
    if (!has_bits(saved, SAVED_AVX))
        return 0;
    found |= c & bit_F16C ? PT__FEATURE_F16C : 0;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d))
        return found;
    const int32_t wide = has_bits(saved, SAVED_AVX512) && (b & bit_AVX512F), tiles = has_bits(saved, SAVED_TILES);
    const uint32_t subleaves = a;
    found |= wide && (c & avx512_vnni) ? PT__FEATURE_AVX512_VNNI : 0;
    found |= tiles && (d & amx_tile) ? PT__FEATURE_AMX_TILE : 0;
    found |= tiles && (d & amx_bf16) ? PT__FEATURE_AMX_BF16 : 0;
    found |= tiles && (d & amx_int8) ? PT__FEATURE_AMX_INT8 : 0;
    if (subleaves >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d)) {
        found |= a & avx_vnni ? PT__FEATURE_AVX_VNNI : 0;
        found |= wide && (a & avx512_bf16) ? PT__FEATURE_AVX512_BF16 : 0;
    }
    return found;
}

static pt__level_t best_level(void)
{
    uint32_t a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !has_bits(c, bit_OSXSAVE | bit_AVX | bit_FMA))
        return PT__LEVEL_PORTABLE;
    uint32_t saved = saved_registers();
    if (!has_bits(saved, SAVED_AVX) || !__get_cpuid_count(7, 0, &a, &b, &c, &d) || !has_bits(b, bit_AVX2))
        return PT__LEVEL_PORTABLE;
    if (has_bits(saved, SAVED_AVX512) && has_bits(b, bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL))
        return PT__LEVEL_AVX512;
#if defined(PT__EMULATES_AVX512) /* meson's option: for tests */
    return PT__LEVEL_AVX512;
#endif
    return PT__LEVEL_AVX2;
}

/* Zen 4 does one vector of 64 bytes, in halves; so do Intel's processors for clients, whose second unit is that of
 * servers. A server that lacks it, as some of 2017 to 2020 do, is taken for one that has it. */
int32_t pt__level_fused(pt__level_t level)
{
    uint32_t a, b, c, d;
    if (level != PT__LEVEL_AVX512 || !__get_cpuid(1, &a, &b, &c, &d))
        return 2;
    const uint32_t family = (a >> 8 & 15) + (a >> 20 & 255), model = (a >> 4 & 15) | (a >> 12 & 0xf0);
    const uint32_t zen4 = 15 + 10;                                  /* and Zen 3 */
    const uint8_t clients[] = {0x66, 0x7d, 0x7e, 0x8c, 0x8d, 0xa7}; /* Cannon, Ice, Tiger and Rocket Lake */
    return family == zen4 || (family == 6 && memchr(clients, (int)model, sizeof clients)) ? 1 : 2;
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
