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

/* What processors have or lack apart from their level, for inner loops that use it where it is: bits of a set. */
enum {
    PT__FEATURE_F16C = 1,        /* float16 to float32 and back, 8 at a time; AVX-512 has its own */
    PT__FEATURE_AVX_VNNI = 2,    /* products of bytes summed into integers, 8 sums at a time */
    PT__FEATURE_AVX512_VNNI = 4, /* 16 at a time */
    PT__FEATURE_AVX512_BF16 = 8, /* products of bfloat16 summed into float32 */
    PT__FEATURE_AMX_TILE = 16,   /* tiles; a process asks its system for leave before it uses them */
    PT__FEATURE_AMX_BF16 = 32,   /* their products, of bfloat16 */
    PT__FEATURE_AMX_INT8 = 64,   /* and of bytes */
    PT__FEATURES = 127
};

/* Those of this processor, where its system saves the registers that they need. */
uint32_t pt__level_features(void);
/* What an x86-64 processor says of itself, and its system of the registers that it saves; and what follows from it. */
typedef struct pt__cpuid {
    uint32_t leaf1_a, leaf1_c, leaf7_b, leaf7_c, leaf7_d, subleaf1_a; /* leaf 7's first subleaf */
    uint32_t saved;                                                   /* XCR0; 0: nothing is known to be saved */
} pt__cpuid_t;
uint32_t pt__level_features_of(const pt__cpuid_t *cpu);
pt__level_t pt__level_of(const pt__cpuid_t *cpu);
int32_t pt__level_fused_of(pt__level_t level, const pt__cpuid_t *cpu);
/* "f16c", ...; "unknown" for what is not exactly one of them. */
const char *pt__level_feature_name(uint32_t feature);

/* The inner loops of a level; NULL where the library was built without it (level_tables.c). */
typedef struct pt__level_tables {
    const struct pt__vector *vector; /* vector.h */
    const struct pt__micro *micro;   /* micro.h */
} pt__level_tables_t;
const pt__level_tables_t *pt__level_tables(pt__level_t level);

/* The best level of this processor that the library has, PT__LEVEL_COUNT: none; and whether a level can run here. */
pt__level_t pt__level_best(void);
int32_t pt__level_supported(pt__level_t level);
/* How many of the level's widest vectors this processor multiplies and adds a cycle: known by its family; 2 where it is
 * not. */
int32_t pt__level_fused(pt__level_t level);
const char *pt__level_name(pt__level_t level);
/* Level named by `name` ("portable", "avx2", "avx512", "neon"), or PT__LEVEL_COUNT. */
pt__level_t pt__level_find(const char *name);

#endif
