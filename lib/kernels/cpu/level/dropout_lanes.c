/* Dropout: Philox4x32-10 on lanes, the stream of base/random.h: element i has word i mod 4 of the block with counter
 * i / 4. A level's part of pt__vector_t. */
#include "base/random.h"
#include "kernels/cpu/level/transpose_block.h"
#include "kernels/cpu/vector.h"

/* Words of the blocks counter, counter + 1, ... of LANES / 2 counters, in the order of their elements. A counter's word
 * stands in the low half of a 64-bit lane; what is in the high half is never read. */
INLINE void random_words(uint64_t key, longs_t counter, words_t *low, words_t *high)
{
    longs_t c0 = counter, c1 = counter >> 32, c2 = {0}, c3 = {0};
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

INLINE floats_t dropped(words_t words, uint32_t threshold, floats_t x)
{
    return where((ints_t)(words >= threshold), x);
}

static void dropout(int64_t n, int64_t first, uint64_t key, uint32_t threshold, float factor, const float *src,
                    float *dst)
{
    longs_t counter;
    for (int j = 0; j < LANES / 2; j++)
        counter[j] = (uint64_t)(first / 4 + j);
    int64_t i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES, counter += LANES / 2) {
        words_t low, high;
        random_words(key, counter, &low, &high);
        store(dst + i, dropped(low, threshold, load(src + i) * factor));
        store(dst + i + LANES, dropped(high, threshold, load(src + i + LANES) * factor));
    }
    for (; i < n; i += 4) {
        uint32_t words[4];
        pt__random_bits(key, (uint64_t)((first + i) / 4), words);
        for (int64_t j = i; j < n && j < i + 4; j++)
            dst[j] = words[j - i] >= threshold ? src[j] * factor : 0.0f;
    }
}

extern const pt__vector_dropout_t PT__LEVEL(pt__vector_dropout);
const pt__vector_dropout_t PT__LEVEL(pt__vector_dropout) = {.dropout = dropout};
