/* See byte_trie.h. Places for what goes on from a unit are looked for among the free units of the last blocks, a
 * bounded number of them, and else in a new block, so that the time is linear whatever the strings are. */
#include "text/byte_trie.h"

#include <string.h>

#include "base/sort.h"

enum { BLOCK = 256, TRIED = 128 /* free units */, MOST_UNITS = 1 << 29 };

typedef struct range { /* strings that share what led to a unit */
    int64_t begin, end;
    uint32_t depth, unit;
} range_t;

typedef struct building {
    pt__byte_trie_t *trie;
    const pt__byte_string_t **strings; /* sorted */
    int64_t capacity;
    uint32_t *after, *before; /* of free units: a ring that begins at FREE */
    uint8_t *is_base;
    int64_t after_capacity, before_capacity, is_base_capacity;
    range_t *ranges; /* still to be done, the last first */
    int64_t n_ranges, ranges_capacity;
} building_t;

enum { FREE = 1 /* a unit of the block that is never used */ };

static void take(building_t *building, uint32_t unit)
{
    building->after[building->before[unit]] = building->after[unit];
    building->before[building->after[unit]] = building->before[unit];
}

static pt_status_t add_block(building_t *building)
{
    pt__byte_trie_t *trie = building->trie;
    const int64_t count = trie->count + BLOCK;
    if (count > MOST_UNITS)
        return pt__fail(PT_ERR_UNSUPPORTED, "the vocabulary's tokens take over %d units of a double array", MOST_UNITS);
    PT__TRY(pt__grow(trie->memory, &trie->units, &building->capacity, count, sizeof *trie->units, "double array"));
    PT__TRY(pt__grow(trie->memory, &building->after, &building->after_capacity, count, sizeof *building->after,
                     "double array"));
    PT__TRY(pt__grow(trie->memory, &building->before, &building->before_capacity, count, sizeof *building->before,
                     "double array"));
    PT__TRY(pt__grow(trie->memory, &building->is_base, &building->is_base_capacity, count, 1, "double array"));
    if (trie->count == 0)
        building->after[FREE] = building->before[FREE] = FREE;
    for (int64_t i = trie->count; trie->count > 0 && i < count; i++) { /* before all older ones */
        const uint32_t unit = (uint32_t)i, first = building->after[FREE];
        building->after[unit] = first;
        building->before[unit] = FREE;
        building->before[first] = unit;
        building->after[FREE] = unit;
    }
    trie->count = count;
    return PT_OK;
}

static int32_t is_free(const building_t *building, uint32_t unit)
{
    return (building->trie->units[unit].label & PT__TRIE_USED) == 0;
}

/* A base for these bytes. */
static pt_status_t find_base(building_t *building, const uint8_t *bytes, int32_t count, uint32_t *base)
{
    uint32_t unit = building->after[FREE];
    for (int32_t tried = 0; unit != FREE && tried < TRIED; tried++, unit = building->after[unit]) {
        int32_t fits;
        *base = unit ^ bytes[0];
        fits = !building->is_base[*base];
        for (int32_t i = 1; i < count && fits; i++)
            fits = is_free(building, *base ^ bytes[i]);
        if (fits)
            return PT_OK;
    }
    *base = (uint32_t)building->trie->count;
    return add_block(building);
}

static pt_status_t push(building_t *building, int64_t begin, int64_t end, uint32_t depth, uint32_t unit)
{
    PT__TRY(pt__grow(building->trie->memory, &building->ranges, &building->ranges_capacity, building->n_ranges + 1,
                     sizeof *building->ranges, "double array"));
    building->ranges[building->n_ranges++] = (range_t){begin, end, depth, unit};
    return PT_OK;
}

static int64_t end_of_byte(const building_t *building, int64_t at, const range_t *range)
{
    const uint8_t byte = building->strings[at]->bytes[range->depth];
    while (at < range->end && building->strings[at]->bytes[range->depth] == byte)
        at++;
    return at;
}

/* Puts what goes on from a unit into the array. */
static pt_status_t place(building_t *building, range_t range)
{
    uint8_t bytes[BLOCK];
    int32_t count = 0;
    uint32_t base;
    pt__byte_trie_t *trie = building->trie;
    if (building->strings[range.begin]->length == range.depth) {
        trie->units[range.unit].label |= (uint32_t)(building->strings[range.begin]->number + 1) << 9;
        range.begin++;
    }
    for (int64_t at = range.begin; at < range.end; at = end_of_byte(building, at, &range))
        bytes[count++] = building->strings[at]->bytes[range.depth];
    if (count == 0)
        return PT_OK;
    PT__TRY(find_base(building, bytes, count, &base));
    building->is_base[base] = 1;
    trie->units[range.unit].base = base;
    for (int32_t i = 0; i < count; i++) {
        take(building, base ^ bytes[i]);
        trie->units[base ^ bytes[i]].label = PT__TRIE_USED | (uint32_t)bytes[i];
    }
    for (int64_t at = range.begin, after; at < range.end; at = after) {
        after = end_of_byte(building, at, &range);
        PT__TRY(push(building, at, after, range.depth + 1, base ^ building->strings[at]->bytes[range.depth]));
    }
    return PT_OK;
}

static int compare(const void *a, const void *b, void *user)
{
    const pt__byte_string_t *first = a, *second = b;
    (void)user;
    const uint32_t length = first->length < second->length ? first->length : second->length;
    const int order = memcmp(first->bytes, second->bytes, length);
    return order != 0 ? order : (first->length > second->length) - (first->length < second->length);
}

pt_status_t pt__byte_trie_make(pt__memory_t *memory, pt__byte_string_t *strings, int64_t count, pt__byte_trie_t *trie)
{
    building_t building = {.trie = trie};
    pt_status_t status;
    memset(trie, 0, sizeof *trie);
    trie->memory = memory;
    PT__TRY_OUT(
        pt__allocate(memory, (size_t)count, sizeof *building.strings, "double array", (void *)&building.strings));
    for (int64_t i = 0; i < count; i++)
        building.strings[i] = &strings[i];
    pt__sort((const void **)building.strings, count, compare, NULL);
    PT__TRY_OUT(add_block(&building));
    if (count > 0)
        PT__TRY_OUT(push(&building, 0, count, 0, 0));
    while (building.n_ranges > 0)
        PT__TRY_OUT(place(&building, building.ranges[--building.n_ranges]));
out:
    pt__release(memory, building.ranges);
    pt__release(memory, building.is_base);
    pt__release(memory, building.before);
    pt__release(memory, building.after);
    pt__release(memory, (void *)building.strings);
    if (status != PT_OK)
        pt__byte_trie_free(trie);
    return status;
}

void pt__byte_trie_free(pt__byte_trie_t *trie)
{
    if (trie->memory != NULL)
        pt__release(trie->memory, trie->units);
    memset(trie, 0, sizeof *trie);
}
