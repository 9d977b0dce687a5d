/* Growing text. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "support/failing_allocator.h"
#include "support/suite.h"

static pt__memory_t memory;

static pt__text_t new_text(void)
{
    pt__memory_init(&memory, NULL, NULL, NULL);
    return pt__text_start(&memory);
}

static void assert_text(pt__text_t *text, const char *expected)
{
    char *taken;
    int64_t length;
    ck_ok(pt__text_take(text, &taken, &length));
    ck_assert_str_eq(taken, expected);
    ck_assert_int_eq(length, (int64_t)strlen(expected));
    pt__release(&memory, taken);
    ck_assert_int_eq(atomic_load(&memory.bytes), 0);
}

START_TEST(test_appending)
{
    pt__text_t text = new_text();
    char expected[20000] = "", piece[64];
    assert_text(&text, "");
    for (int i = 0; i < 2000; i++) {
        snprintf(piece, sizeof piece, "%d,", i);
        strcat(expected, piece);
        pt__text_add(&text, "%d,", i);
    }
    assert_text(&text, expected);
    pt__text_add(&text, "%500d", 1); /* longer than the room at hand */
    ck_assert_int_eq(text.length, 500);
    pt__text_add_bytes(&text, "ab\0c", 4);
    ck_assert_int_eq(text.length, 504);
    pt__text_add_bytes(&text, NULL, 0);
    pt__text_free(&text);
    ck_assert_int_eq(atomic_load(&memory.bytes), 0);
}
END_TEST

START_TEST(test_give_cuts_and_tells_the_length)
{
    for (size_t size = 0; size < 8; size++) {
        pt__text_t text = new_text();
        char buffer[8] = "#######";
        size_t length = 0;
        pt__text_add(&text, "hello");
        ck_ok(pt__text_give(&text, size ? buffer : NULL, size, &length));
        ck_assert_uint_eq(length, 5);
        if (size) {
            ck_assert_uint_eq(strlen(buffer), size <= 5 ? size - 1 : 5);
            ck_assert_int_eq(memcmp(buffer, "hello", strlen(buffer)), 0);
        }
    }
    pt__text_t empty = new_text();
    char buffer[2] = "x";
    ck_ok(pt__text_give(&empty, buffer, 2, NULL));
    ck_assert_str_eq(buffer, "");
}
END_TEST

START_TEST(test_failing_allocations_stick)
{
    failing_allocator_t allocator;
    pt_status_t status;
    FOR_EACH_FAILING_ALLOCATION(allocator, {
        char *taken;
        failing_allocator_memory(&allocator, &memory);
        pt__text_t text = pt__text_start(&memory);
        for (int i = 0; i < 100; i++) {
            pt__text_add(&text, "%d ", i);
            pt__text_add_bytes(&text, "x", 1);
        }
        status = pt__text_take(&text, &taken, NULL);
        ck_assert((status == PT_OK) == (taken != NULL));
        pt__release(&memory, taken);
    }, status);
}
END_TEST

SUITE("text", 120, test_appending, test_give_cuts_and_tells_the_length, test_failing_allocations_stick)
