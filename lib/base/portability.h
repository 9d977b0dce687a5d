/* The one header that knows compilers and processors: everything outside kernels/ is plain C11 through these names. */
#ifndef PT__PORTABILITY_H
#define PT__PORTABILITY_H

#include <stdint.h>

#if defined(__GNUC__) || defined(__clang__)
#define PT__PRINTF(text, first) __attribute__((format(printf, text, first)))
#define PT__WEAK                __attribute__((weak))
#define PT__UNLIKELY(condition) __builtin_expect(!!(condition), 0)
#define PT__PREFETCH(address)   __builtin_prefetch(address)
#else
#define PT__PRINTF(text, first)
#define PT__WEAK
#define PT__UNLIKELY(condition) (condition)
#define PT__PREFETCH(address)   ((void)(address))
#endif

/* Tells the processor that this thread spins. */
#if (defined(__GNUC__) || defined(__clang__)) && (defined(__x86_64__) || defined(__i386__))
#define PT__SPIN_HINT() __builtin_ia32_pause()
#elif (defined(__GNUC__) || defined(__clang__)) && defined(__aarch64__)
#define PT__SPIN_HINT() __asm__ __volatile__("isb")
#else
#define PT__SPIN_HINT() ((void)0)
#endif

/* The number of zero bits below the lowest one; bits is not 0. */
static inline int32_t pt__trailing_zeros(uint64_t bits)
{
#if defined(__GNUC__) || defined(__clang__)
    return __builtin_ctzll(bits);
#else
    int32_t count = 0;
    for (; !(bits & 1); bits >>= 1)
        count++;
    return count;
#endif
}

#define PT__CACHE_LINE 64

/* How this thread computes in floating point: its control register, and the status bits that came up; 0 where we
 * know none. The library's own way is to round to nearest, to trap nothing, and to take denormal numbers as zero and
 * give zero instead of them: each of them may cost over a hundred cycles. It is the same for all threads of a job,
 * or else bits would depend on their number. Dtypes are converted in the exact mode, which keeps denormal numbers. */
#if (defined(__GNUC__) || defined(__clang__)) && defined(__x86_64__)
enum {
    PT__FLOAT_MODE_EXACT = 0x1f80 /* all exceptions masked */,
    PT__FLOAT_MODE_ROUNDING = 0x7f80 /* the bits that say how to round and what to trap */,
    PT__FLOAT_MODE = PT__FLOAT_MODE_EXACT | 0x8000 /* FTZ */ | 0x0040 /* DAZ */
};

static inline uint64_t pt__float_mode_get(void)
{
    return __builtin_ia32_stmxcsr();
}

static inline void pt__float_mode_set(uint64_t mode)
{
    __builtin_ia32_ldmxcsr((uint32_t)mode);
}
#elif (defined(__GNUC__) || defined(__clang__)) && defined(__aarch64__)
enum { PT__FLOAT_MODE_EXACT = 0, PT__FLOAT_MODE_ROUNDING = 3 << 22 | 0x9f00, PT__FLOAT_MODE = 1 << 24 /* FZ */ };

static inline uint64_t pt__float_mode_get(void)
{
    uint64_t control, status;
    __asm__ __volatile__("mrs %0, fpcr\n\tmrs %1, fpsr" : "=r"(control), "=r"(status));
    return status << 32 | (control & UINT32_MAX);
}

static inline void pt__float_mode_set(uint64_t mode)
{
    __asm__ __volatile__("msr fpcr, %0\n\tmsr fpsr, %1" : : "r"(mode & UINT32_MAX), "r"(mode >> 32) : "memory");
}
#else
enum { PT__FLOAT_MODE_EXACT = 0, PT__FLOAT_MODE_ROUNDING = 0, PT__FLOAT_MODE = 0 };

static inline uint64_t pt__float_mode_get(void)
{
    return 0;
}

static inline void pt__float_mode_set(uint64_t mode)
{
    (void)mode;
}
#endif

#endif
