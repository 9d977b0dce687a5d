/* Processor levels: which of the inner loops' versions runs, found at run time. */
#ifndef PT__LEVEL_H
#define PT__LEVEL_H

#include <stdint.h>

typedef enum pt__level { /* each includes the ones before it on its own architecture */
                         PT__LEVEL_PORTABLE = 0,
                         PT__LEVEL_AVX2,   /* AVX2 and FMA3 */
                         PT__LEVEL_AVX512, /* AVX-512 F, BW, DQ, VL */
                         PT__LEVEL_NEON,   /* AArch64 Advanced SIMD */
                         PT__LEVEL_COUNT
} pt__level_t;

/* The best level of this processor; and whether a level can run here. */
pt__level_t pt__level_best(void);
int32_t pt__level_supported(pt__level_t level);
const char *pt__level_name(pt__level_t level);
/* Level named by `name` ("portable", "avx2", "avx512", "neon"), or PT__LEVEL_COUNT. */
pt__level_t pt__level_find(const char *name);

#endif
