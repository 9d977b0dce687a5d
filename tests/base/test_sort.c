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

/* Up and down, many equal ones, and what is made to halve badly: all within n log n steps. */
START_TEST(test_many)
{
    enum { MANY = 20000, LOG = 15 };
    static int64_t values[MANY];
    static const void *items[MANY];
    for (int kind = 0; kind < 5; kind++) {
        int64_t calls = 0;
        pt__random_t random = pt__random_start(7);
        for (int64_t i = 0; i < MANY; i++) {
            values[i] = kind == 0   ? pt__random_below(&random, 1 << 30)
                        : kind == 1 ? i
                        : kind == 2 ? (i < MANY / 2 ? i : MANY - i)
                        : kind == 3 ? i % 3
                                    : (i % 2 ? i : i / 2);
            items[i] = &values[i];
        }
        pt__sort(items, MANY, compare, &calls);
        ck_assert_int_le(calls, 4 * MANY * LOG);
        for (int64_t i = 1; i < MANY; i++)
            ck_assert(*(const int64_t *)items[i - 1] <= *(const int64_t *)items[i]);
    }
}
END_TEST

static int never_less(const void *a, const void *b, void *user)
{
    (void)a;
    (void)b;
    (void)user;
    return 1;
}

/* A comparison that makes no order, as one of numbers that are none: all items are still there. */
START_TEST(test_no_order)
{
    enum { MANY = 3000 };
    static int64_t values[MANY];
    static const void *items[MANY];
    int64_t sum = 0;
    for (int64_t i = 0; i < MANY; i++)
        items[i] = &values[i];
    pt__sort(items, MANY, never_less, NULL);
    for (int64_t i = 0; i < MANY; i++)
        sum += (const int64_t *)items[i] - values;
    ck_assert_int_eq(sum, (int64_t)MANY * (MANY - 1) / 2);
}
END_TEST

SUITE("sort", 60, test_sorts, test_many, test_no_order)
