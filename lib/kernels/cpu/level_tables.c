/* The tables of the levels that this build has: meson's option `levels` says which, and only this file is told. */
#include <stddef.h>

#include "kernels/cpu/level.h"
#include "kernels/cpu/micro.h"
#include "kernels/cpu/vector.h"

static const pt__level_tables_t tables[PT__LEVEL_COUNT] = {
#if defined(PT__WITH_PORTABLE)
    [PT__LEVEL_PORTABLE] = {&pt__vector_portable, &pt__micro_portable},
#endif
#if defined(PT__WITH_AVX2)
    [PT__LEVEL_AVX2] = {&pt__vector_avx2, &pt__micro_avx2},
#endif
#if defined(PT__WITH_AVX512)
    [PT__LEVEL_AVX512] = {&pt__vector_avx512, &pt__micro_avx512},
#endif
#if defined(PT__WITH_NEON)
    [PT__LEVEL_NEON] = {&pt__vector_neon, &pt__micro_neon},
#endif
};

const pt__level_tables_t *pt__level_tables(pt__level_t level)
{
    return level < PT__LEVEL_COUNT && tables[level].vector != NULL ? &tables[level] : NULL;
}
