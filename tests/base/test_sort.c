/* Sorting pointers: all lengths, equal ones, sorted and reversed input. */
#include "base/random.h"
#include "base/sort.h"
#include "support/suite.h"

static int compare(const void *a, const void *b, void *user)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    ++*(int64_t *)user;
    return (x > y) - (x < y);
}

START_TEST(test_sorts)
{
    enum { MOST = 300 };
    static int64_t values[MOST];
    const void *items[MOST];
    for (int kind = 0; kind < 4; kind++) {
        for (int64_t n = 0; n <= MOST; n++) {
            int64_t calls = 0, sum = 0;
            pt__random_t random = pt__random_start((uint64_t)n);
            for (int64_t i = 0; i < n; i++) {
                values[i] = kind == 0 ? pt__random_below(&random, 1000) : kind == 1 ? i : kind == 2 ? -i : i % 3;
                sum += values[i] * values[i];
                items[i] = &values[i];
            }
            pt__sort(items, n, compare, &calls);
            ck_assert_int_le(calls, 2 * n * 10);
            for (int64_t i = 0; i < n; i++) {
                ck_assert(i == 0 || *(const int64_t *)items[i - 1] <= *(const int64_t *)items[i]);
                sum -= *(const int64_t *)items[i] * *(const int64_t *)items[i];
            }
            ck_assert_int_eq(sum, 0);
        }
    }
}
END_TEST

SUITE("sort", 60, test_sorts)
