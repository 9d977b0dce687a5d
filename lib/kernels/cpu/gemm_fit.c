#include "kernels/cpu/gemm_fit.h"

#include "kernels/cpu/micro.h"

enum {
    BLOCK_LEAST = 32 << 10, /* floats; */
    BLOCK_MOST = 256 << 10, /* more than half of any second-level cache that is known gains nothing */
    PAGE_FLOATS = 1024,     /* rows a multiple of this apart fall into the same cache sets */
    FAR_FLOATS = 320,       /* rows further apart leave too little of the caches when a few of each are read */
    PANELS_LEAST = 4,       /* a copy is for so many panels of b at least; */
    PANELS_WORTH = 12       /* and where only a few instructions are saved, for so many */
};

int64_t pt__gemm_block_floats(const pt__cpu_t *device)
{
    const int64_t floats = device->cache_bytes[1] / 2 / (int64_t)sizeof(float);
    return floats < BLOCK_LEAST ? BLOCK_LEAST : floats > BLOCK_MOST ? BLOCK_MOST : floats;
}

/* What a copy gives everywhere: rows that would push each other out of the first-level cache do not. What it gives only
 * to processors that multiply and add two vectors of 64 bytes a cycle, which then have no cycle to spare: fewer
 * instructions than a costs that is read from rows, and fewer lines than one whose numbers are a part of each line.
 * Half as wide or half as fast, both are hidden (Zen 3: nothing gained; Zen 4, in place: 93 to 97 % of the peak). */
int32_t pt__gemm_stages(const pt__cpu_t *device, const pt__matrix_t *a, int64_t depth, int64_t columns)
{
    const pt__micro_t *micro = device->micro;
    const int64_t panels = columns / micro->columns;
    const int32_t hurried = device->level == PT__LEVEL_AVX512 && device->fused == 2 && panels >= PANELS_WORTH;
    if (panels < PANELS_LEAST || depth <= micro->in_place_depth)
        return 0;
    if (a->transposed)
        return a->stride >= FAR_FLOATS || (hurried && a->stride >= micro->columns);
    return a->stride % PAGE_FLOATS == 0 || hurried;
}
