/* Heap sort (Williams 1964) of pointers: for names of tensors and classes. */
#include "base/sort.h"

static void sift_down(const void **heap, int64_t root, int64_t count, pt__compare_fn compare, void *user)
{
    const void *moved = heap[root];
    for (int64_t child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && compare(heap[child], heap[child + 1], user) < 0)
            child++;
        if (compare(moved, heap[child], user) >= 0)
            break;
        heap[root] = heap[child];
    }
    heap[root] = moved;
}

void pt__sort(const void **items, int64_t count, pt__compare_fn compare, void *user)
{
    for (int64_t root = count / 2; root-- > 0;)
        sift_down(items, root, count, compare, user);
    for (int64_t last = count - 1; last > 0; last--) {
        const void *greatest = items[0];
        items[0] = items[last];
        items[last] = greatest;
        sift_down(items, 0, last, compare, user);
    }
}
