/* Arrays of structs with the size of an element: old and new callers with old and new libraries. */
#include <string.h>

#include "base/elements.h"
#include "support/suite.h"

typedef struct old {
    const char *name;
    int64_t count;
} old_t;

typedef struct new
{ /* a later version of the same struct */
    const char *name;
    int64_t count;
    double rate;
    int64_t more;
}
new_t;

static const new_t new_list[3] = {{"a", 1, 0.5, 7}, {"b", 2, 1.5, 8}, {"c", 3, 2.5, 9}};
static const new_t unused_tails[3] = {{"a", 1, 0, 0}, {"b", 2, 0, 0}, {"c", 3, 0, 0}};
static const old_t old_list[3] = {{"a", 1}, {"b", 2}, {"c", 3}};

START_TEST(test_same_size)
{
    pt__memory_t memory;
    new_t *found;
    pt__memory_init(&memory, NULL, NULL, NULL);
    ck_ok(pt__elements_copy(&memory, new_list, 3, sizeof(new_t), sizeof(new_t), "things", &found));
    ck_assert_int_eq(memcmp(found, new_list, sizeof new_list), 0);
    pt__release(&memory, found);
}
END_TEST

START_TEST(test_old_caller_new_library)
{
    pt__memory_t memory;
    new_t *found;
    pt__memory_init(&memory, NULL, NULL, NULL);
    ck_ok(pt__elements_copy(&memory, old_list, 3, sizeof(old_t), sizeof(new_t), "things", &found));
    for (int32_t i = 0; i < 3; i++) {
        ck_assert_str_eq(found[i].name, old_list[i].name);
        ck_assert(found[i].count == i + 1 && found[i].rate == 0.0 && found[i].more == 0);
    }
    pt__release(&memory, found);
}
END_TEST

START_TEST(test_new_caller_old_library)
{
    pt__memory_t memory;
    old_t *found;
    pt__memory_init(&memory, NULL, NULL, NULL);
    ck_ok(pt__elements_copy(&memory, unused_tails, 3, sizeof(new_t), sizeof(old_t), "things", &found));
    for (int32_t i = 0; i < 3; i++) {
        ck_assert_str_eq(found[i].name, old_list[i].name);
        ck_assert_int_eq(found[i].count, i + 1);
    }
    pt__release(&memory, found);
    ck_fails(pt__elements_copy(&memory, new_list, 3, sizeof(new_t), sizeof(old_t), "things", &found), PT_ERR_VERSION,
             "element 0: things: byte");
    ck_assert_ptr_null(found);
    ck_assert_int_eq(memory.bytes, 0);
}
END_TEST

START_TEST(test_every_byte_of_a_tail_counts)
{
    for (size_t i = sizeof(old_t); i < sizeof(new_t); i++) {
        new_t given = unused_tails[1];
        old_t read;
        ((unsigned char *)&given)[i] = 1;
        ck_fails(pt__element_read(&given, sizeof given, &read, sizeof read, "things"), PT_ERR_VERSION, "newer");
    }
}
END_TEST

START_TEST(test_what_is_written_stays_within_the_callers_element)
{
    struct {
        old_t element;
        unsigned char guard[32];
    } caller;
    new_t longer;
    memset(&caller, 0xAA, sizeof caller);
    ck_ok(pt__element_write(&caller.element, sizeof caller.element, &new_list[1], sizeof(new_t), "thing"));
    ck_assert(caller.element.count == 2);
    for (size_t i = 0; i < sizeof caller.guard; i++)
        ck_assert_uint_eq(caller.guard[i], 0xAA);
    memset(&longer, 0xAA, sizeof longer);
    ck_ok(pt__element_write(&longer, sizeof longer, &old_list[2], sizeof(old_t), "thing"));
    ck_assert(longer.count == 3 && longer.rate == 0.0 && longer.more == 0);
}
END_TEST

START_TEST(test_sizes_that_no_struct_has)
{
    const uint32_t sizes[] = {0, 1, 7, 65537, 0xAAAAAAAA, UINT32_MAX};
    pt__memory_t memory;
    new_t read, *found;
    pt__memory_init(&memory, NULL, NULL, NULL);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        ck_fails(pt__element_read(new_list, sizes[i], &read, sizeof read, "things"), PT_ERR_ARGUMENT, "things of");
        ck_fails(pt__element_write(&read, sizes[i], new_list, sizeof(new_t), "things"), PT_ERR_ARGUMENT, "things of");
        ck_fails(pt__elements_copy(&memory, new_list, 3, sizes[i], sizeof(new_t), "things", &found), PT_ERR_ARGUMENT,
                 "expected the struct's size");
        ck_assert_ptr_null(found);
    }
}
END_TEST

SUITE("elements", 60, test_same_size, test_old_caller_new_library, test_new_caller_old_library,
      test_every_byte_of_a_tail_counts, test_what_is_written_stays_within_the_callers_element,
      test_sizes_that_no_struct_has)
