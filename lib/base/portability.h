/* The one header that knows compilers: everything outside kernels/ is plain C11 through these names. */
#ifndef PT__PORTABILITY_H
#define PT__PORTABILITY_H

#if defined(__GNUC__) || defined(__clang__)
#define PT__PRINTF(text, first) __attribute__((format(printf, text, first)))
#define PT__WEAK                __attribute__((weak))
#define PT__UNLIKELY(condition) __builtin_expect(!!(condition), 0)
#else
#define PT__PRINTF(text, first)
#define PT__WEAK
#define PT__UNLIKELY(condition) (condition)
#endif

/* Tells the processor that this thread spins. */
#if (defined(__GNUC__) || defined(__clang__)) && (defined(__x86_64__) || defined(__i386__))
#define PT__SPIN_HINT() __builtin_ia32_pause()
#elif (defined(__GNUC__) || defined(__clang__)) && defined(__aarch64__)
#define PT__SPIN_HINT() __asm__ __volatile__("isb")
#else
#define PT__SPIN_HINT() ((void)0)
#endif

#define PT__CACHE_LINE 64

#endif
