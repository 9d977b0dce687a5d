/* Philox4x32-10 on lanes: what pt__random_bits and pt__random_block of base/random.h give, many blocks at once. */
#ifndef PT__RANDOM_WORDS_H
#define PT__RANDOM_WORDS_H

#include "kernels/cpu/level/transpose_block.h"

/* Words of LANES / 2 blocks, those of one after those of the other: of the first half of the blocks in *low. `counter`
 * holds each one's words 0 and 1, `upper` the words 2 and 3 of all of them. A word stands in the low half of a 64-bit
 * lane; what is in the high half is never read. */
INLINE void random_words(uint64_t key, longs_t counter, uint64_t upper, words_t *low, words_t *high)
{
    longs_t c0 = counter, c1 = counter >> 32, c2 = upper + (longs_t){0}, c3 = c2 >> 32;
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int round = 0; round < 10; round++) {
        longs_t p0 = multiply_low_words(c0, 0xD2511F53u), p1 = multiply_low_words(c2, 0xCD9E8D57u);
        c0 = (p1 >> 32) ^ c1 ^ (uint64_t)k0;
        c2 = (p0 >> 32) ^ c3 ^ (uint64_t)k1;
        c1 = p1;
        c3 = p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    longs_t first = (c0 & 0xffffffffu) | (c1 << 32), second = (c2 & 0xffffffffu) | (c3 << 32);
    interleave_pairs(first, second, low, high);
}

/* What dropout makes of an element that is multiplied by its factor already. */
INLINE floats_t dropped(words_t words, uint32_t threshold, floats_t x)
{
    return where((ints_t)(words >= threshold), x);
}

#endif
