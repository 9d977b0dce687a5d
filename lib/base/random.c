/* Sequences, uniform numbers and the stateless permutation over pt__random_bits; random_normal.c has the normal
 * numbers. */
#include "base/random.h"

#include <math.h>

uint64_t pt__random_key(uint64_t seed, uint64_t stream)
{
    uint32_t words[4];
    /* twice, because the words of one block under similar seeds must not be met again as a sequence's own */
    pt__random_bits(seed, stream, words);
    uint64_t middle = (uint64_t)words[1] << 32 | words[0];
    pt__random_bits(middle ^ 0x9E3779B97F4A7C15u, ~stream, words);
    return (uint64_t)words[3] << 32 | words[2];
}

pt__random_t pt__random_start(uint64_t key)
{
    return pt__random_resume(key, 0);
}

pt__random_t pt__random_resume(uint64_t key, uint64_t position)
{
    pt__random_t random = {.key = key, .position = position};
    if (position % 4 != 0)
        pt__random_bits(key, position / 4, random.words);
    return random;
}

uint32_t pt__random_u32(pt__random_t *random)
{
    if (random->position % 4 == 0)
        pt__random_bits(random->key, random->position / 4, random->words);
    return random->words[random->position++ % 4];
}

uint64_t pt__random_u64(pt__random_t *random)
{
    uint64_t low = pt__random_u32(random);
    return (uint64_t)pt__random_u32(random) << 32 | low;
}

double pt__random_uniform(pt__random_t *random)
{
    return (double)(pt__random_u64(random) >> 11) * 0x1p-53;
}

int64_t pt__random_below(pt__random_t *random, int64_t n)
{
    uint64_t limit = (uint64_t)n, mask = limit - 1, value;
    for (int shift = 1; shift < 64; shift *= 2)
        mask |= mask >> shift;
    do /* fewer than two rounds on average */
        value = (mask <= UINT32_MAX ? pt__random_u32(random) : pt__random_u64(random)) & mask;
    while (value >= limit);
    return (int64_t)value;
}

void pt__random_fill_uniform(uint64_t key, int64_t first, int64_t count, double low, double high, float *dst)
{
    uint32_t words[4];
    float below_high = nextafterf((float)high, (float)low);
    for (int64_t i = 0; i < count; i++) {
        if (i % 4 == 0)
            pt__random_bits(key, (uint64_t)(first + i) / 4, words);
        float value = (float)(low + (high - low) * ((double)words[i % 4] * 0x1p-32));
        dst[i] = value < (float)high ? value : below_high; /* rounding to float may reach the end */
    }
}

/* ---- Permutations ---- */

enum { BLOCK = 64 };

/* Fisher and Yates over a table: every one of the n! permutations with the same probability. */
static void make_table(uint64_t key, int64_t n, uint8_t *table)
{
    pt__random_t random = pt__random_start(key);
    for (int64_t i = 0; i < n; i++) {
        int64_t j = pt__random_below(&random, i + 1);
        table[i] = table[j];
        table[j] = (uint8_t)i;
    }
}

/* A keyed permutation of [0, 2^bits): each round adds, multiplies by an odd number and folds the upper half onto the
 * lower, and each of these can be undone. */
static void make_network(uint64_t key, int64_t n, pt__permutation_t *out)
{
    int bits = 0;
    while (bits < 63 && ((uint64_t)n - 1) >> bits)
        bits++;
    out->mask = ((uint64_t)1 << bits) - 1;
    out->fold = (bits + 1) / 2;
    for (int round = 0; round < PT__PERMUTATION_ROUNDS; round++) {
        uint32_t words[4];
        pt__random_bits(key, (uint64_t)round, words);
        out->add[round] = (uint64_t)words[0] << 32 | words[1];
        out->multiply[round] = ((uint64_t)words[2] << 32 | words[3]) | 1;
    }
}

void pt__permutation_make(uint64_t seed, int64_t n, pt__permutation_t *out)
{
    uint64_t key = pt__random_key(seed, (uint64_t)n);
    out->n = n;
    if (n <= PT__PERMUTATION_FEW)
        make_table(key, n, out->table);
    else
        make_network(key, n, out);
}

/* Values are within [0, 2^bits), less than twice n: one that lands at n or beyond walks on along its cycle until it
 * is back. The pending ones of a block stay side by side, so that there is no branch to guess wrong. */
static void walk_network(const pt__permutation_t *permutation, int64_t *indices, int64_t count)
{
    const pt__permutation_t network = *permutation; /* nothing that is written below is in it */
    for (int64_t first = 0; first < count; first += BLOCK) {
        uint64_t values[BLOCK];
        int64_t places[BLOCK], pending = count - first < BLOCK ? count - first : BLOCK;
        for (int64_t i = 0; i < pending; i++) {
            values[i] = (uint64_t)indices[first + i];
            places[i] = first + i;
        }
        while (pending > 0) {
            int64_t left = 0;
            for (int64_t i = 0; i < pending; i++) {
                uint64_t value = values[i];
                for (int round = 0; round < PT__PERMUTATION_ROUNDS; round++) {
                    value = (value + network.add[round]) * network.multiply[round] & network.mask;
                    value ^= value >> network.fold;
                }
                indices[places[i]] = (int64_t)value;
                values[left] = value;
                places[left] = places[i];
                left += value >= (uint64_t)network.n;
            }
            pending = left;
        }
    }
}

void pt__permutation_apply(const pt__permutation_t *permutation, int64_t *indices, int64_t count)
{
    if (permutation->n > PT__PERMUTATION_FEW) {
        walk_network(permutation, indices, count);
        return;
    }
    for (int64_t i = 0; i < count; i++)
        indices[i] = permutation->table[indices[i]];
}
