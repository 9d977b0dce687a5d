/* See pair_table.h. */
#include "text/pair_table.h"

enum { FIRST_SLOTS = 16 };

static inline uint64_t mix(uint64_t pair)
{
    uint64_t mixed = (pair ^ pair >> 29) * UINT64_C(0x9E3779B97F4A7C15);
    return mixed ^ mixed >> 32;
}

static inline uint64_t find_slot(const pt__pair_share_t *share, uint64_t pair, uint64_t hash)
{
    uint64_t slot = hash & share->mask;
    while (share->slots[slot].pair != pair && share->slots[slot].pair != PT__NO_PAIR)
        slot = (slot + 1) & share->mask;
    return slot;
}

static inline uint64_t share_of(uint64_t hash)
{
    return hash >> 58;
}

pt__pair_count_t *pt__pair_find(const pt__pair_table_t *table, uint64_t pair)
{
    const uint64_t hash = mix(pair);
    const pt__pair_share_t *share = &table->shares[share_of(hash)];
    if (share->slots == NULL)
        return NULL;
    pt__pair_count_t *found = &share->slots[find_slot(share, pair, hash)];
    return found->pair == pair ? found : NULL;
}

static pt_status_t grow(const pt__training_t *training, pt__pair_share_t *share)
{
    pt__memory_t *memory = &training->context->memory;
    const pt__pair_share_t old = *share;
    const uint64_t slots = old.slots == NULL ? FIRST_SLOTS : 2 * (old.mask + 1);
    pt__pair_count_t *larger;
    PT__TRY(pt__training_reserve(training, (int64_t)(slots * sizeof *larger), "the counts of pairs"));
    PT__TRY(pt__allocate_uninitialised(memory, slots, sizeof *larger, "counts of pairs", &larger));
    for (uint64_t i = 0; i < slots; i++)
        larger[i] = (pt__pair_count_t){PT__NO_PAIR, 0};
    share->slots = larger;
    share->mask = slots - 1;
    for (uint64_t i = 0; old.slots != NULL && i <= old.mask; i++)
        if (old.slots[i].pair != PT__NO_PAIR)
            larger[find_slot(share, old.slots[i].pair, mix(old.slots[i].pair))] = old.slots[i];
    pt__release(memory, old.slots);
    return PT_OK;
}

pt_status_t pt__pair_get(const pt__training_t *training, pt__pair_table_t *table, uint64_t pair, pt__pair_count_t **out,
                         int32_t *is_new)
{
    const uint64_t hash = mix(pair);
    pt__pair_share_t *share = &table->shares[share_of(hash)];
    if (share->slots == NULL || (uint64_t)share->n * 5 >= 4 * (share->mask + 1))
        PT__TRY(grow(training, share));
    pt__pair_count_t *found = &share->slots[find_slot(share, pair, hash)];
    *is_new = found->pair != pair;
    if (*is_new) {
        *found = (pt__pair_count_t){pair, 0};
        share->n++;
    }
    *out = found;
    return PT_OK;
}

void pt__pair_table_free(pt__memory_t *memory, pt__pair_table_t *table)
{
    for (int32_t i = 0; i < PT__PAIR_SHARES; i++)
        pt__release(memory, table->shares[i].slots);
}
