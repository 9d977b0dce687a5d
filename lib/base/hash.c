/* XXH64 (Collet): four lanes of 64 bits over stripes of 32 bytes, then the rest in words of 8, 4 and 1, then an
 * avalanche. */
#include "base/hash.h"

#include <string.h>

static const uint64_t PRIME1 = 0x9E3779B185EBCA87u, PRIME2 = 0xC2B2AE3D27D4EB4Fu, PRIME3 = 0x165667B19E3779F9u,
                      PRIME4 = 0x85EBCA77C2B2AE63u, PRIME5 = 0x27D4EB2F165667C5u;

static uint64_t rotate(uint64_t value, int bits)
{
    return value << bits | value >> (64 - bits);
}

/* Little-endian, whatever the processor; compilers make one load of it. */
static uint64_t read64(const uint8_t *bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value |= (uint64_t)bytes[i] << 8 * i;
    return value;
}

static uint32_t read32(const uint8_t *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static uint64_t mix_lane(uint64_t lane, uint64_t input)
{
    return rotate(lane + input * PRIME2, 31) * PRIME1;
}

/* Takes whole stripes; returns how many bytes it took. */
static size_t take_stripes(uint64_t lanes[4], const uint8_t *bytes, size_t size)
{
    uint64_t a = lanes[0], b = lanes[1], c = lanes[2], d = lanes[3];
    size_t taken = 0;
    for (; size - taken >= 32; taken += 32) {
        a = mix_lane(a, read64(bytes + taken));
        b = mix_lane(b, read64(bytes + taken + 8));
        c = mix_lane(c, read64(bytes + taken + 16));
        d = mix_lane(d, read64(bytes + taken + 24));
    }
    lanes[0] = a;
    lanes[1] = b;
    lanes[2] = c;
    lanes[3] = d;
    return taken;
}

pt__hash_t pt__hash_start(uint64_t seed)
{
    return (pt__hash_t){.lanes = {seed + PRIME1 + PRIME2, seed + PRIME2, seed, seed - PRIME1}, .seed = seed};
}

void pt__hash_add(pt__hash_t *hash, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    size_t kept = (size_t)(hash->total % 32);
    if (size == 0)
        return;
    hash->total += size;
    if (kept > 0) {
        size_t more = size < 32 - kept ? size : 32 - kept;
        memcpy(hash->tail + kept, bytes, more);
        if (kept + more < 32)
            return;
        take_stripes(hash->lanes, hash->tail, 32);
        bytes += more;
        size -= more;
    }
    size_t taken = take_stripes(hash->lanes, bytes, size);
    if (size > taken)
        memcpy(hash->tail, bytes + taken, size - taken);
}

uint64_t pt__hash_value(const pt__hash_t *hash)
{
    uint64_t value = hash->seed + PRIME5;
    if (hash->total >= 32) {
        const uint64_t *lanes = hash->lanes;
        value = rotate(lanes[0], 1) + rotate(lanes[1], 7) + rotate(lanes[2], 12) + rotate(lanes[3], 18);
        for (int i = 0; i < 4; i++)
            value = (value ^ mix_lane(0, lanes[i])) * PRIME1 + PRIME4;
    }
    value += hash->total;

    size_t size = (size_t)(hash->total % 32), at = 0;
    for (; size - at >= 8; at += 8)
        value = rotate(value ^ mix_lane(0, read64(hash->tail + at)), 27) * PRIME1 + PRIME4;
    if (size - at >= 4) {
        value = rotate(value ^ read32(hash->tail + at) * PRIME1, 23) * PRIME2 + PRIME3;
        at += 4;
    }
    for (; at < size; at++)
        value = rotate(value ^ hash->tail[at] * PRIME5, 11) * PRIME1;

    value = (value ^ value >> 33) * PRIME2;
    value = (value ^ value >> 29) * PRIME3;
    return value ^ value >> 32;
}

uint64_t pt__hash_bytes(uint64_t seed, const void *bytes, size_t size)
{
    pt__hash_t hash = pt__hash_start(seed);
    pt__hash_add(&hash, bytes, size);
    return pt__hash_value(&hash);
}
