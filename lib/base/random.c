/* Sequences, distributions and the stateless permutation over pt__random_bits. */
#include "base/random.h"

#include <math.h>

uint64_t pt__random_key(uint64_t seed, uint64_t stream) {
    uint32_t words[4];
    /* twice, because the words of one block under similar seeds must not be met again as a sequence's own */
    pt__random_bits(seed, stream, words);
    uint64_t middle = (uint64_t)words[1] << 32 | words[0];
    pt__random_bits(middle ^ 0x9E3779B97F4A7C15u, ~stream, words);
    return (uint64_t)words[3] << 32 | words[2];
}

pt__random_t pt__random_start(uint64_t key) {
    return pt__random_resume(key, 0);
}

pt__random_t pt__random_resume(uint64_t key, uint64_t position) {
    pt__random_t random = {.key = key, .position = position};
    if (position % 4 != 0)
        pt__random_bits(key, position / 4, random.words);
    return random;
}

uint32_t pt__random_u32(pt__random_t *random) {
    if (random->position % 4 == 0)
        pt__random_bits(random->key, random->position / 4, random->words);
    return random->words[random->position++ % 4];
}

uint64_t pt__random_u64(pt__random_t *random) {
    uint64_t low = pt__random_u32(random);
    return (uint64_t)pt__random_u32(random) << 32 | low;
}

double pt__random_uniform(pt__random_t *random) {
    return (double)(pt__random_u64(random) >> 11) * 0x1p-53;
}

/* Two words to two normal numbers. u is in (0, 1), so that its logarithm is finite. */
static void box_muller(uint32_t first, uint32_t second, double normal[2]) {
    double u = ((double)first + 0.5) * 0x1p-32, angle = (double)second * 0x1p-32 * 6.283185307179586;
    double radius = sqrt(-2.0 * log(u));
    normal[0] = radius * cos(angle);
    normal[1] = radius * sin(angle);
}

double pt__random_normal(pt__random_t *random) {
    double normal[2];
    uint32_t first = pt__random_u32(random);
    box_muller(first, pt__random_u32(random), normal);
    return normal[0];
}

int64_t pt__random_below(pt__random_t *random, int64_t n) {
    uint64_t limit = (uint64_t)n, mask = limit - 1, value;
    for (int shift = 1; shift < 64; shift *= 2)
        mask |= mask >> shift;
    do /* fewer than two rounds on average */
        value = (mask <= UINT32_MAX ? pt__random_u32(random) : pt__random_u64(random)) & mask;
    while (value >= limit);
    return (int64_t)value;
}

void pt__random_fill_normal(uint64_t key, int64_t first, int64_t count, double mean, double deviation, float *dst) {
    uint32_t words[4];
    double normal[4];
    for (int64_t i = 0; i < count; i++) {
        if (i % 4 == 0) {
            pt__random_bits(key, (uint64_t)(first + i) / 4, words);
            box_muller(words[0], words[1], normal);
            box_muller(words[2], words[3], normal + 2);
        }
        dst[i] = (float)(mean + deviation * normal[i % 4]);
    }
}

void pt__random_fill_uniform(uint64_t key, int64_t first, int64_t count, double low, double high, float *dst) {
    uint32_t words[4];
    float below_high = nextafterf((float)high, (float)low);
    for (int64_t i = 0; i < count; i++) {
        if (i % 4 == 0)
            pt__random_bits(key, (uint64_t)(first + i) / 4, words);
        float value = (float)(low + (high - low) * ((double)words[i % 4] * 0x1p-32));
        dst[i] = value < (float)high ? value : below_high; /* rounding to float may reach the end */
    }
}

/* Fisher and Yates over a table on the stack: every one of the n! permutations with the same probability. */
static int64_t permute_few(uint64_t seed, int64_t n, int64_t index) {
    uint8_t table[64];
    pt__random_t random = pt__random_start(pt__random_key(seed, (uint64_t)n));
    for (int64_t i = 0; i < n; i++) {
        int64_t j = pt__random_below(&random, i + 1);
        table[i] = table[j];
        table[j] = (uint8_t)i;
    }
    return table[index];
}

/* A keyed function of one half for a round of the network (the finalizer of MurmurHash3, Appleby). */
static uint64_t mix(uint64_t key, uint64_t value) {
    value = (value + 1) * 0x9E3779B97F4A7C15u ^ key;
    value = (value ^ value >> 33) * 0xFF51AFD7ED558CCDu;
    value = (value ^ value >> 33) * 0xC4CEB9FE1A85EC53u;
    return value ^ value >> 33;
}

int64_t pt__permute(uint64_t seed, int64_t n, int64_t index) {
    enum { ROUNDS = 12 };
    if (n <= 64)
        return permute_few(seed, n, index);
    int bits = 0;
    while (bits < 63 && ((uint64_t)n - 1) >> bits)
        bits++;
    /* the halves exchange places each round; after an even number of rounds they are back */
    int low_bits = bits / 2, high_bits = bits - low_bits;
    uint64_t low_mask = ((uint64_t)1 << low_bits) - 1, high_mask = ((uint64_t)1 << high_bits) - 1;
    uint64_t key = pt__random_key(seed, (uint64_t)n), value = (uint64_t)index;
    do { /* the network permutes [0, 2^bits), less than twice n; walk its cycle until back within n */
        uint64_t low = value & low_mask, high = value >> low_bits;
        for (uint64_t round = 0; round < ROUNDS; round += 2) {
            low = (low ^ mix(key + round, high)) & low_mask;
            high = (high ^ mix(key + round + 1, low)) & high_mask;
        }
        value = high << low_bits | low;
    } while (value >= (uint64_t)n);
    return (int64_t)value;
}
