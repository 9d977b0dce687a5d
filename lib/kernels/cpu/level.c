/* Which processor levels this machine can run: what the processor has, and, for wide registers, whether the system saves
 * them between threads. Called when a device is created and by tests that force a level. */
#include <stddef.h>
#include <string.h>

#include "kernels/cpu/level.h"

#if defined(__x86_64__)
#include <cpuid.h>

/* The register sets that the system saves: bits of XCR0. */
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

static pt__level_t best_level(void)
{
    const uint32_t saved_avx = 0x6, saved_avx512 = 0xe6; /* xmm, ymm; and opmask, both halves of zmm */
    uint32_t a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !has_bits(c, bit_OSXSAVE | bit_AVX | bit_FMA))
        return PT__LEVEL_PORTABLE;
    uint32_t saved = saved_registers();
    if (!has_bits(saved, saved_avx) || !__get_cpuid_count(7, 0, &a, &b, &c, &d) || !has_bits(b, bit_AVX2))
        return PT__LEVEL_PORTABLE;
    if (has_bits(saved, saved_avx512) && has_bits(b, bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL))
        return PT__LEVEL_AVX512;
    return PT__LEVEL_AVX2;
}

#elif defined(__aarch64__)

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

static const char *const names[PT__LEVEL_COUNT] = {
    [PT__LEVEL_PORTABLE] = "portable",
    [PT__LEVEL_AVX2] = "avx2",
    [PT__LEVEL_AVX512] = "avx512",
    [PT__LEVEL_NEON] = "neon",
};

pt__level_t pt__level_best(void)
{
    return best_level();
}

int32_t pt__level_supported(pt__level_t level)
{
    pt__level_t best = best_level();
    if (level == PT__LEVEL_PORTABLE || level == best)
        return 1;
    return level == PT__LEVEL_AVX2 && best == PT__LEVEL_AVX512;
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
