/* Random numbers from a counter: Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011). A number is a function of a key and a
 * counter alone, so any element can be drawn on any thread, again after a resume, and without keeping what was drawn.
 * Called by initialisers, dropout kernels, samplers and dataset shuffles. Nothing here allocates or fails. */
#ifndef PT__RANDOM_H
#define PT__RANDOM_H

#include <stdint.h>

/* The block of four words of a counter of 128 bits under `key`: its words are those of `counter`, then of `upper`. */
static inline void pt__random_block(uint64_t key, uint64_t counter, uint64_t upper, uint32_t out[4])
{
    uint32_t c0 = (uint32_t)counter, c1 = (uint32_t)(counter >> 32), c2 = (uint32_t)upper, c3 = (uint32_t)(upper >> 32);
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        c0 = n0;
        c2 = n2;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

/* The block of a counter of 64 bits. */
static inline void pt__random_bits(uint64_t key, uint64_t counter, uint32_t out[4])
{
    pt__random_block(key, counter, 0, out);
}

/* A key of its own for each (seed, stream): streams of one seed are independent of each other. */
uint64_t pt__random_key(uint64_t seed, uint64_t stream);

/* A sequence of numbers. Plain data: key and position are all of its state, and a checkpoint keeps these two. */
typedef struct pt__random {
    uint64_t key;
    uint64_t position; /* words drawn so far */
    uint32_t words[4]; /* the block that position stands in; filled anew where position % 4 == 0 */
} pt__random_t;

pt__random_t pt__random_start(uint64_t key);
pt__random_t pt__random_resume(uint64_t key, uint64_t position);

uint32_t pt__random_u32(pt__random_t *random);
uint64_t pt__random_u64(pt__random_t *random);
/* In [0, 1), a multiple of 2^-53. */
double pt__random_uniform(pt__random_t *random);
/* Mean 0, standard deviation 1 (Box and Muller 1958), from two words: relative error below 1e-15, and the same bits
 * on every processor and from every compiler. As a float, the n-th is element 2n of pt__random_fill_normal with mean
 * 0 and deviation 1. */
double pt__random_normal(pt__random_t *random);
/* In [0, n), each with the same probability. n >= 1. */
int64_t pt__random_below(pt__random_t *random, int64_t n);

/* Elements [first, first + count) of the endless sequence of `key`, whatever was asked for before: for parameters
 * that are filled in pieces on several threads. first is a multiple of 4. dst[i] = mean + deviation * normal, low +
 * (high - low) * uniform; the uniform ones never reach `high`. */
void pt__random_fill_normal(uint64_t key, int64_t first, int64_t count, double mean, double deviation, float *dst);
void pt__random_fill_uniform(uint64_t key, int64_t first, int64_t count, double low, double high, float *dst);

enum { PT__PERMUTATION_FEW = 64, PT__PERMUTATION_ROUNDS = 6 };

/* A permutation of [0, n), chosen by a seed. Exactly uniform up to n = 64; beyond, no table, but a keyed network of six
 * rounds with cycle walking. */
typedef struct pt__permutation {
    int64_t n;
    uint64_t add[PT__PERMUTATION_ROUNDS], multiply[PT__PERMUTATION_ROUNDS], mask; /* beyond 64 */
    int32_t fold;
    uint8_t table[PT__PERMUTATION_FEW]; /* up to 64 */
} pt__permutation_t;

void pt__permutation_make(uint64_t seed, int64_t n, pt__permutation_t *out);
/* Where it puts each of `count` indices, in place; each within [0, n). Some 5 ns each. */
void pt__permutation_apply(const pt__permutation_t *permutation, int64_t *indices, int64_t count);

#endif
