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

/* Sixteen bytes of a text at once. Of each byte a bit, the first byte's lowest: whether it is this one of ASCII;
 * whether it is one of ASCII's from `low` to `high`, both within 1 and 126; whether it is beyond ASCII. */
#if (defined(__GNUC__) || defined(__clang__)) && defined(__SSE2__)
typedef signed char pt__sixteen_t __attribute__((vector_size(16)));

static inline pt__sixteen_t pt__sixteen_load(const uint8_t *bytes)
{
    pt__sixteen_t sixteen;
    __builtin_memcpy(&sixteen, bytes, sizeof sixteen);
    return sixteen;
}

/* Capitals of ASCII in small; what is no letter is none then either. */
static inline pt__sixteen_t pt__sixteen_small(pt__sixteen_t bytes)
{
    return bytes | 0x20;
}

static inline uint64_t pt__sixteen_beyond(pt__sixteen_t bytes)
{
    typedef char sixteen_t __attribute__((vector_size(16)));
    return (uint64_t)(uint32_t)__builtin_ia32_pmovmskb128((sixteen_t)bytes);
}

static inline uint64_t pt__sixteen_equal(pt__sixteen_t bytes, signed char byte)
{
    return pt__sixteen_beyond(bytes == byte);
}

static inline uint64_t pt__sixteen_within(pt__sixteen_t bytes, signed char low, signed char high)
{
    return pt__sixteen_beyond((bytes > (signed char)(low - 1)) & (bytes < (signed char)(high + 1)));
}
#else
typedef struct pt__sixteen {
    uint64_t halves[2]; /* the first byte is the lowest */
} pt__sixteen_t;

static inline pt__sixteen_t pt__sixteen_load(const uint8_t *bytes)
{
    pt__sixteen_t sixteen = {{0, 0}};
    for (int32_t i = 0; i < 16; i++)
        sixteen.halves[i / 8] |= (uint64_t)bytes[i] << 8 * (i % 8);
    return sixteen;
}

static inline pt__sixteen_t pt__sixteen_small(pt__sixteen_t bytes)
{
    const uint64_t bits = UINT64_C(0x2020202020202020);
    return (pt__sixteen_t){{bytes.halves[0] | bits, bytes.halves[1] | bits}};
}

/* The upper bits of eight bytes as a number of eight bits. */
static inline uint64_t pt__upper_bits(uint64_t bytes)
{
    return (bytes & UINT64_C(0x8080808080808080)) * UINT64_C(0x0002040810204081) >> 56;
}

static inline uint64_t pt__sixteen_beyond(pt__sixteen_t bytes)
{
    return pt__upper_bits(bytes.halves[0]) | pt__upper_bits(bytes.halves[1]) << 8;
}

static inline uint64_t pt__sixteen_within(pt__sixteen_t bytes, signed char low, signed char high)
{
    const uint64_t each = UINT64_C(0x0101010101010101);
    for (int32_t i = 0; i < 2; i++) {
        const uint64_t ascii = bytes.halves[i] & each * 0x7F;
        bytes.halves[i] = (ascii + each * (0x80u - (uint8_t)low)) & ~(ascii + each * (0x7Fu - (uint8_t)high)) &
                          ~bytes.halves[i];
    }
    return pt__sixteen_beyond(bytes);
}

static inline uint64_t pt__sixteen_equal(pt__sixteen_t bytes, signed char byte)
{
    return pt__sixteen_within(bytes, byte, byte);
}
#endif

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
