#include "kernels/cpu/gemm_fit.h"

#include "kernels/cpu/micro.h"

enum {
    BLOCK_LEAST = 32 << 10,   /* floats; */
    BLOCK_MOST = 256 << 10,   /* more than half of any second-level cache that is known gains nothing, */
    STAGED_BLOCK = 128 << 10, /* but where each block has a copied once more */
    PAGE_FLOATS = 1024,       /* rows a multiple of this apart fall into the same cache sets */
    PANELS_LEAST = 4,         /* a copy is for so many panels of b at least; */
    PANELS_NEAR = 8,          /* where it helps less, for so many; */
    PANELS_WORTH = 12,        /* and where only a few instructions are saved, for so many */
    FAR_FLOATS = 320,         /* rows further apart leave too little of the caches when a few of each are read */
    WIDE_FLOATS = 128,        /* AVX2: that is enough for four panels, */
    NEAR_FLOATS = 32          /* and for eight */
};

int64_t pt__gemm_block_floats(const pt__cpu_t *device)
{
    const int64_t floats = device->cache_bytes[1] / 2 / (int64_t)sizeof(float);
    return floats < BLOCK_LEAST ? BLOCK_LEAST : floats > BLOCK_MOST ? BLOCK_MOST : floats;
}

/* Half of a small second-level cache holds few panels to copy a for. With AVX2, whose panels are read at 13 bytes a
 * cycle, the third level is fast enough for them: products whose a is copied are 1.16 times as fast with blocks of 768
 * columns as with 128 on a Zen 3 (8 products, depths of 256 to 512; 384 columns 1.09, as many as there are 1.19). A
 * block is memory too: a GPT 4x128 takes 1.014 times as much with 256 K floats and more as with half of the second
 * level, 64 K, and 1.007 times with 128 K, in the same time. AVX-512, which reads as much of larger ones, is
 * unmeasured. */
int64_t pt__gemm_staged_block_floats(const pt__cpu_t *device)
{
    const int64_t floats = pt__gemm_block_floats(device), far = device->cache_bytes[2] / 4 / (int64_t)sizeof(float);
    const int64_t most = far < STAGED_BLOCK ? far : STAGED_BLOCK;
    return device->level == PT__LEVEL_AVX512 || floats > most ? floats : most;
}

/* What a copy gives everywhere: rows that would push each other out of the first-level cache do not. What it gives only
 * to processors that multiply and add two vectors of 64 bytes a cycle, which then have no cycle to spare: fewer
 * instructions than a costs that is read from rows, and fewer lines than one whose numbers are a part of each line.
 * Half as wide or half as fast, both are hidden (Zen 3: nothing gained; Zen 4, in place: 93 to 97 % of the peak).
 *
 * But a transposed a that is copied is multiplied four depths at a time, which in place only AVX-512 does. With AVX2
 * the copy pays nearly always (Zen 3, to in place: rows 64 floats apart 1.04 to 1.12, 128 1.11 to 1.15, 256 1.20
 * to 1.31, 512 1.37 to 1.48, 1024 1.46 to 1.69, 16 0.96 to 1.19; for four panels 0.93, 1.04 and 1.18 at 64, 128 and
 * 256), in portable code it does not (0.84 to 0.88 up to 256 floats). */
int32_t pt__gemm_stages(const pt__cpu_t *device, const pt__matrix_t *a, int64_t depth, int64_t columns)
{
    const pt__micro_t *micro = device->micro;
    const int64_t panels = columns / micro->columns;
    const int32_t hurried = device->level == PT__LEVEL_AVX512 && device->fused == 2 && panels >= PANELS_WORTH;
    if (panels < PANELS_LEAST || depth <= micro->in_place_depth)
        return 0;
    if (!a->transposed)
        return a->stride % PAGE_FLOATS == 0 || hurried;
    if (device->level == PT__LEVEL_AVX2)
        return a->stride >= WIDE_FLOATS || (panels >= PANELS_NEAR && a->stride >= NEAR_FLOATS);
    return a->stride >= FAR_FLOATS || (hurried && a->stride >= micro->columns);
}
