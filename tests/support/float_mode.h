/* A host that computes in floating point in a way of its own: upwards, and with denormal numbers. */
#ifndef SUPPORT_FLOAT_MODE_H
#define SUPPORT_FLOAT_MODE_H

#include <fenv.h>

#include "support/suite.h"

#ifndef FE_UPWARD /* a processor that rounds in one way only */
#define FE_UPWARD FE_TONEAREST
#endif

/* exceptions that came up: any arithmetic sets them */
#if defined(__x86_64__)
#define FLOAT_MODE_STATUS UINT64_C(0x3f)
#else
#define FLOAT_MODE_STATUS (UINT64_C(0xffffffff) << 32)
#endif

/* Takes this way for the calling thread; returns what it was before, for pt__float_mode_set. */
static inline uint64_t float_mode_begin(void)
{
    uint64_t before = pt__float_mode_get();
    fesetround(FE_UPWARD);
    return before;
}

static inline void float_mode_end(uint64_t before)
{
    fesetround(FE_TONEAREST);
    pt__float_mode_set(before);
}

/* The thread's settings, without what arithmetic leaves behind. */
static inline uint64_t float_mode_settings(void)
{
    return pt__float_mode_get() & ~FLOAT_MODE_STATUS;
}

#endif
