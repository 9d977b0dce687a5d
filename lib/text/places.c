/* See places.h. A free list holds the next one of its bin, + 1, and its length. */
#include "text/places.h"

static int32_t bin_of(int64_t length)
{
    int32_t bin = 0;
    while (bin + 1 < PT__PLACES_BINS && length >> (bin + 1) != 0)
        bin++;
    return bin;
}

void pt__places_drop(pt__places_t *places, uint32_t list, int64_t length)
{
    const int32_t bin = bin_of(length);
    uint32_t *at = pt__places_at(places, list);
    at[0] = places->bins[bin];
    at[1] = (uint32_t)length;
    places->bins[bin] = list + 1;
}

static pt_status_t add_blocks(const pt__training_t *training, pt__places_t *places, int64_t length)
{
    const int64_t blocks = (length + PT__PLACES_BLOCK - 1) / PT__PLACES_BLOCK, first = places->n_blocks;
    pt__memory_t *memory = &training->context->memory;
    uint32_t *made;
    if ((first + blocks) * PT__PLACES_BLOCK >= UINT32_MAX)
        return pt__fail(PT_ERR_UNSUPPORTED, "the different words have over %lld pairs", (long long)UINT32_MAX);
    PT__TRY(pt__training_reserve(training, blocks * PT__PLACES_BLOCK * 4, "the places of pairs"));
    PT__TRY(pt__grow(memory, &places->blocks, &places->blocks_capacity, first + blocks, sizeof *places->blocks,
                     "places of pairs"));
    PT__TRY(pt__grow(memory, &places->made, &places->made_capacity, first + blocks, sizeof *places->made,
                     "places of pairs"));
    PT__TRY(
        pt__allocate_uninitialised(memory, (size_t)blocks * PT__PLACES_BLOCK, sizeof *made, "places of pairs", &made));
    for (int64_t i = 0; i < blocks; i++)
        places->blocks[first + i] = made + i * PT__PLACES_BLOCK;
    places->made[first] = made;
    places->n_blocks += blocks;
    pt__places_drop(places, (uint32_t)(first * PT__PLACES_BLOCK), blocks * PT__PLACES_BLOCK);
    return PT_OK;
}

/* The first list of a bin. */
static uint32_t take(pt__places_t *places, int32_t bin, int64_t *length)
{
    const uint32_t list = places->bins[bin] - 1, *at = pt__places_at(places, list);
    places->bins[bin] = at[0];
    *length = at[1];
    return list;
}

pt_status_t pt__places_make(const pt__training_t *training, pt__places_t *places, int64_t length, uint32_t *list)
{
    int64_t found = 0;
    int32_t bin = bin_of(length);
    if (places->bins[bin] == 0 || pt__places_at(places, places->bins[bin] - 1)[1] < length)
        bin++; /* all of those are long enough */
    while (bin < PT__PLACES_BINS && places->bins[bin] == 0)
        bin++;
    if (bin >= PT__PLACES_BINS) {
        PT__TRY(add_blocks(training, places, length));
        for (bin = PT__PLACES_BINS - 1; places->bins[bin] == 0;)
            bin--;
    }
    *list = take(places, bin, &found);
    if (found - length >= 2)
        pt__places_drop(places, *list + (uint32_t)length, found - length);
    return PT_OK;
}

void pt__places_free(pt__memory_t *memory, pt__places_t *places)
{
    for (int64_t i = 0; i < places->n_blocks; i++)
        pt__release(memory, places->made[i]);
    pt__release(memory, places->made);
    pt__release(memory, places->blocks);
}
