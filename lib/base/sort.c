/* Sorting of pointers: quicksort (Hoare 1961), which looks at neighbours most of the time, as far as it halves them
 * well; else, and for few, heap sort (Williams 1964), whose time nothing can spoil. */
#include "base/sort.h"

enum { FEW = 256 };

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

static void sort_heap(const void **items, int64_t count, pt__compare_fn compare, void *user)
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

static inline void swap(const void **a, const void **b)
{
    const void *other = *a;
    *a = *b;
    *b = other;
}

/* Puts the middle one of three items first. */
static void choose(const void **items, int64_t count, pt__compare_fn compare, void *user)
{
    const void **middle = &items[count / 2], **last = &items[count - 1];
    if (compare(*middle, *last, user) > 0)
        swap(middle, last);
    if (compare(*middle, items[0], user) > 0)
        swap(middle, items);
    if (compare(items[0], *last, user) > 0)
        swap(items, last);
}

/* Parts the items by the first one; how many are on the left side. Whatever order the caller's comparison makes, it is
 * called for these items alone. */
static int64_t part(const void **items, int64_t count, pt__compare_fn compare, void *user)
{
    const void *border = items[0];
    int64_t low = -1, high = count;
    for (;;) {
        do
            low++;
        while (low < count - 1 && compare(items[low], border, user) < 0);
        do
            high--;
        while (high > 0 && compare(items[high], border, user) > 0);
        if (low >= high)
            return high + 1;
        swap(&items[low], &items[high]);
    }
}

static void sort_parts(const void **items, int64_t count, int32_t depth, pt__compare_fn compare, void *user)
{
    for (; count > FEW && depth > 0; depth--) {
        choose(items, count, compare, user);
        const int64_t left = part(items, count, compare, user), right = count - left;
        sort_parts(left < right ? items : items + left, left < right ? left : right, depth - 1, compare, user);
        items += left < right ? left : 0;
        count = left < right ? right : left;
    }
    sort_heap(items, count, compare, user);
}

void pt__sort(const void **items, int64_t count, pt__compare_fn compare, void *user)
{
    int32_t depth = 0; /* twice as deep as halves would go */
    for (int64_t left = count; left > FEW; left /= 2)
        depth += 2;
    sort_parts(items, count, depth, compare, user);
}
