/* XXH64, a fast 64-bit checksum, from its public specification: finds damage in checkpoints; no protection against
 * forgery. */
#ifndef PT__HASH_H
#define PT__HASH_H

#include <stddef.h>
#include <stdint.h>

typedef struct pt__hash { /* plain data */
    uint64_t lanes[4];
    uint64_t total; /* bytes so far */
    uint64_t seed;
    uint8_t tail[32]; /* the last total % 32 bytes */
} pt__hash_t;

pt__hash_t pt__hash_start(uint64_t seed);
void pt__hash_add(pt__hash_t *hash, const void *bytes, size_t size);
/* The value of everything added so far; adding may go on. */
uint64_t pt__hash_value(const pt__hash_t *hash);
/* All at once. */
uint64_t pt__hash_bytes(uint64_t seed, const void *bytes, size_t size);

#endif
