/* Dropout: Philox4x32-10 on lanes, the stream of base/random.h: element i has word i mod 4 of the block with counter
 * i / 4. A level's part of pt__vector_t. */
#include "base/random.h"
#include "kernels/cpu/level/random_words.h"
#include "kernels/cpu/vector.h"

static void dropout(int64_t n, int64_t first, uint64_t key, uint32_t threshold, float factor, const float *src,
                    float *dst)
{
    longs_t counter;
    for (int j = 0; j < LANES / 2; j++)
        counter[j] = (uint64_t)(first / 4 + j);
    int64_t i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES, counter += LANES / 2) {
        words_t low, high;
        random_words(key, counter, 0, &low, &high);
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
