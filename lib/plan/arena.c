/* Places storages in the arena: the largest first, each at the lowest offset where it overlaps nothing that is
 * occupied at the same time (greedy by size: Pisarchyk and Lee 2020, "Efficient Memory Management for Deep Neural
 * Net Inference"). */
#include "plan/layout.h"

#include "base/sort.h"

/* Larger first; ties by first use and then by number, so that the layout is the same everywhere. */
static int compare(const void *left, const void *right, void *user)
{
    const pt__storage_t *a = left, *b = right;
    (void)user;
    if (a->bytes != b->bytes)
        return a->bytes > b->bytes ? -1 : 1;
    if (a->first != b->first)
        return a->first < b->first ? -1 : 1;
    return a < b ? -1 : a > b;
}

/* Inserts into `placed`, which is ordered by offset. */
static void insert_by_offset(pt__storage_t **placed, int64_t count, pt__storage_t *storage)
{
    int64_t at = count;
    for (; at > 0 && placed[at - 1]->offset > storage->offset; at--)
        placed[at] = placed[at - 1];
    placed[at] = storage;
}

/* The lowest free offset among the storages that are placed and alive at the same time. */
static int64_t find_offset(pt__storage_t *const *placed, int64_t count, const pt__storage_t *storage)
{
    int64_t offset = 0;
    for (int64_t i = 0; i < count; i++) {
        const pt__storage_t *other = placed[i];
        if (other->last < storage->first || other->first > storage->last)
            continue;
        if (other->offset >= offset + storage->bytes)
            /* ordered by offset: the gap before this one is wide enough, unless an earlier one reaches into it,
             * which moved `offset` */
            break;
        if (other->offset + other->bytes > offset)
            offset = other->offset + other->bytes;
    }
    return offset;
}

pt_status_t pt__layout_place(pt__plan_t *plan)
{
    pt__memory_t *memory = &plan->context->memory;
    pt__storage_t **order = NULL, **placed = NULL;
    int64_t count = 0;
    pt_status_t status;
    PT__TRY_OUT(pt__allocate(memory, (size_t)plan->n_storages, sizeof *order, "plan", &order));
    PT__TRY_OUT(pt__allocate(memory, (size_t)plan->n_storages, sizeof *placed, "plan", &placed));
    for (int64_t i = 0; i < plan->n_storages; i++)
        if (plan->storages[i].place == PT__PLACE_ARENA)
            order[count++] = &plan->storages[i];
    pt__sort((const void **)order, count, compare, NULL);
    plan->arena_bytes = 0;
    for (int64_t i = 0; i < count; i++) {
        order[i]->offset = find_offset(placed, i, order[i]);
        insert_by_offset(placed, i, order[i]);
        if (order[i]->offset + order[i]->bytes > plan->arena_bytes)
            plan->arena_bytes = order[i]->offset + order[i]->bytes;
    }
out:
    pt__release(memory, order);
    pt__release(memory, placed);
    return status;
}
