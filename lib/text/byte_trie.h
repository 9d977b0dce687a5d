/* Strings by their bytes, as a double array (Aoe 1989): which of them a text begins with is told by a look at one unit
 * a byte. Read only once it is made. */
#ifndef PT__BYTE_TRIE_H
#define PT__BYTE_TRIE_H

#include "base/memory.h"

enum { PT__TRIE_USED = 0x100, PT__TRIE_MOST = 1 << 22 /* numbers are below */ };

typedef struct pt__byte_trie_unit {
    uint32_t base;  /* the unit of what goes on with a byte is base ^ byte */
    uint32_t label; /* PT__TRIE_USED, the byte that led here, and (number + 1) << 9 of the string that ends here */
} pt__byte_trie_unit_t;

typedef struct pt__byte_trie {
    pt__memory_t *memory;
    pt__byte_trie_unit_t *units; /* 0 is the root; the 255 behind it are never used, and the base of what ends */
    int64_t count;               /* a multiple of 256: base ^ byte is always one of them */
} pt__byte_trie_t;

typedef struct pt__byte_string {
    const uint8_t *bytes;
    uint32_t length; /* at least 1 */
    int32_t number;
} pt__byte_string_t;

/* Makes it of strings, no two of which are the same; they are sorted. */
pt_status_t pt__byte_trie_make(pt__memory_t *memory, pt__byte_string_t *strings, int64_t count, pt__byte_trie_t *trie);
void pt__byte_trie_free(pt__byte_trie_t *trie);

/* The unit behind `unit` with this byte; 0: there is none. */
static inline uint32_t pt__byte_trie_next(const pt__byte_trie_t *trie, uint32_t unit, uint8_t byte)
{
    const uint32_t next = trie->units[unit].base ^ byte;
    return (trie->units[next].label & (PT__TRIE_USED | 0xFF)) == (PT__TRIE_USED | (uint32_t)byte) ? next : 0;
}

/* The number of the string that ends at the unit, -1 where none does. */
static inline int32_t pt__byte_trie_number(const pt__byte_trie_t *trie, uint32_t unit)
{
    return (int32_t)(trie->units[unit].label >> 9) - 1;
}

#endif
