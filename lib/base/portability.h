/* The one header that knows compilers: everything outside kernels/ is plain C11 through these names. */
#ifndef PT__PORTABILITY_H
#define PT__PORTABILITY_H

#if defined(__GNUC__) || defined(__clang__)
#define PT__PRINTF(text, first) __attribute__((format(printf, text, first)))
#define PT__WEAK __attribute__((weak))
#define PT__UNLIKELY(condition) __builtin_expect(!!(condition), 0)
#else
#define PT__PRINTF(text, first)
#define PT__WEAK
#define PT__UNLIKELY(condition) (condition)
#endif

#define PT__CACHE_LINE 64

#endif
