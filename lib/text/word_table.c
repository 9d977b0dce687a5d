/* See word_table.h. */
#include "text/word_table.h"

#include <string.h>

enum { LENGTH_BYTES = 10 /* of a length, at most */, FIRST_SLOTS = 64 };

uint32_t pt__word_hash(const uint8_t *word, int64_t length)
{
    uint64_t hash = (uint64_t)length * UINT64_C(0x9E3779B97F4A7C15), next = 0;
    for (; length >= 8; word += 8, length -= 8) {
        memcpy(&next, word, 8);
        hash = (hash ^ next) * UINT64_C(0xBF58476D1CE4E5B9);
        hash ^= hash >> 29;
    }
    next = 0;
    memcpy(&next, word, (size_t)length);
    hash = (hash ^ next) * UINT64_C(0xBF58476D1CE4E5B9);
    hash ^= hash >> 32;
    hash *= UINT64_C(0x94D049BB133111EB);
    return (uint32_t)(hash >> 32);
}

const uint8_t *pt__word_table_get(const pt__word_table_t *table, int64_t word, int64_t *length)
{
    const uint8_t *at = table->bytes + table->words[word].begin;
    uint64_t found = 0;
    int32_t shift = 0;
    for (; *at & 0x80; at++, shift += 7)
        found |= (uint64_t)(*at & 0x7F) << shift;
    found |= (uint64_t)*at << shift;
    *length = (int64_t)found;
    return at + 1;
}

static pt_status_t grow_slots(pt__word_table_t *table)
{
    const uint64_t slots = table->slots == NULL ? FIRST_SLOTS : 2 * (table->mask + 1);
    uint32_t *larger;
    PT__TRY(pt__allocate(table->memory, slots, sizeof *larger, "table of words", &larger));
    pt__release(table->memory, table->slots);
    table->slots = larger;
    table->mask = slots - 1;
    for (int64_t i = 0; i < table->n_words; i++) {
        uint64_t slot = table->words[i].hash & table->mask;
        while (larger[slot] != 0)
            slot = (slot + 1) & table->mask;
        larger[slot] = (uint32_t)(i + 1);
    }
    return PT_OK;
}

static pt_status_t append(pt__word_table_t *table, const uint8_t *word, int64_t length, uint32_t hash, uint64_t count)
{
    const int64_t needed = table->n_bytes + length + LENGTH_BYTES;
    uint64_t left = (uint64_t)length;
    if (needed > UINT32_MAX)
        return pt__fail(PT_ERR_UNSUPPORTED, "over 4 GB of different words");
    PT__TRY(pt__grow(table->memory, &table->bytes, &table->bytes_capacity, needed, 1, "words"));
    PT__TRY(pt__grow(table->memory, &table->words, &table->words_capacity, table->n_words + 1, sizeof *table->words,
                     "words"));
    table->words[table->n_words++] = (pt__counted_word_t){count, (uint32_t)table->n_bytes, hash};
    for (; left >= 0x80; left >>= 7)
        table->bytes[table->n_bytes++] = (uint8_t)(left | 0x80);
    table->bytes[table->n_bytes++] = (uint8_t)left;
    memcpy(table->bytes + table->n_bytes, word, (size_t)length);
    table->n_bytes += length;
    return PT_OK;
}

/* The slot of a word, or the free one where it belongs. */
static uint64_t find_slot(const pt__word_table_t *table, const uint8_t *word, int64_t length, uint32_t hash)
{
    uint64_t slot = hash & table->mask;
    for (; table->slots[slot] != 0; slot = (slot + 1) & table->mask) {
        const int64_t known = table->slots[slot] - 1;
        int64_t known_length;
        if (table->words[known].hash != hash)
            continue;
        const uint8_t *bytes = pt__word_table_get(table, known, &known_length);
        if (known_length == length && memcmp(bytes, word, (size_t)length) == 0)
            break;
    }
    return slot;
}

int64_t pt__word_table_find(const pt__word_table_t *table, const uint8_t *word, int64_t length, uint32_t hash)
{
    return table->slots == NULL ? -1 : (int64_t)table->slots[find_slot(table, word, length, hash)] - 1;
}

pt_status_t pt__word_table_add(pt__word_table_t *table, const uint8_t *word, int64_t length, uint32_t hash,
                               uint64_t count)
{
    if (table->slots == NULL || (uint64_t)table->n_words * 4 >= 3 * (table->mask + 1))
        PT__TRY(grow_slots(table));
    const uint64_t slot = find_slot(table, word, length, hash);
    if (table->slots[slot] != 0) {
        table->words[table->slots[slot] - 1].count += count;
        return PT_OK;
    }
    PT__TRY(append(table, word, length, hash, count));
    table->slots[slot] = (uint32_t)table->n_words;
    return PT_OK;
}

void pt__word_table_clear(pt__word_table_t *table)
{
    if (table->slots != NULL)
        memset(table->slots, 0, (table->mask + 1) * sizeof *table->slots);
    table->n_words = table->n_bytes = 0;
}

void pt__word_table_free(pt__word_table_t *table)
{
    pt__memory_t *memory = table->memory;
    if (memory == NULL)
        return;
    pt__release(memory, table->slots);
    pt__release(memory, table->words);
    pt__release(memory, table->bytes);
    memset(table, 0, sizeof *table);
    table->memory = memory;
}
