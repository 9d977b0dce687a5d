/* Alignment, zeroing, counting, growth, overflow, the host's allocator. */
#include <string.h>

#include "support/failing_allocator.h"
#include "support/suite.h"

START_TEST(test_blocks_are_aligned_zeroed_and_counted)
{
    pt__memory_t memory;
    char *blocks[200];
    pt__memory_init(&memory, NULL, NULL, NULL);
    for (size_t i = 0; i < 200; i++) {
        ck_ok(pt__allocate(&memory, i, 7, "blocks", &blocks[i]));
        ck_assert_uint_eq((uintptr_t)blocks[i] % PT__ALIGNMENT, 0);
        for (size_t k = 0; k < 7 * i; k++)
            ck_assert_int_eq(blocks[i][k], 0);
        memset(blocks[i], 1, 7 * i);
    }
    int64_t held = atomic_load(&memory.bytes);
    ck_assert_int_ge(held, 7 * 199 * 200 / 2);
    for (size_t i = 0; i < 200; i++)
        pt__release(&memory, blocks[i]);
    pt__release(&memory, NULL);
    ck_assert_int_eq(atomic_load(&memory.bytes), 0);
    ck_assert_int_eq(atomic_load(&memory.peak_bytes), held);
}
END_TEST

START_TEST(test_overflow_is_out_of_memory)
{
    pt__memory_t memory;
    void *block = &memory;
    pt__memory_init(&memory, NULL, NULL, NULL);
    ck_fails(pt__allocate(&memory, SIZE_MAX, 2, "weights", &block), PT_ERR_MEMORY, "weights");
    ck_assert_ptr_null(block);
    ck_fails(pt__allocate(&memory, SIZE_MAX - 10, 1, "weights", &block), PT_ERR_MEMORY, "weights");
    ck_fails(pt__allocate_uninitialised(&memory, PTRDIFF_MAX / 2, 1, "weights", &block), PT_ERR_MEMORY, "weights");
    ck_assert_int_eq(atomic_load(&memory.bytes), 0);
}
END_TEST

START_TEST(test_grow_keeps_and_zeroes)
{
    pt__memory_t memory;
    int32_t *array = NULL;
    int64_t capacity = 0;
    pt__memory_init(&memory, NULL, NULL, NULL);
    for (int32_t i = 0; i < 5000; i++) {
        ck_ok(pt__grow(&memory, &array, &capacity, i + 1, sizeof *array, "array"));
        ck_assert_int_eq(array[i], 0);
        array[i] = i;
    }
    for (int32_t i = 0; i < 5000; i++)
        ck_assert_int_eq(array[i], i);
    int32_t *before = array;
    ck_fails(pt__grow(&memory, &array, &capacity, INT64_MAX / 2, sizeof *array, "array"), PT_ERR_MEMORY, "array");
    ck_assert_ptr_eq(array, before);
    pt__release(&memory, array);
}
END_TEST

START_TEST(test_hosts_allocator_is_used_and_may_fail)
{
    failing_allocator_t allocator;
    pt_status_t status;
    FOR_EACH_FAILING_ALLOCATION(allocator, {
        pt__memory_t memory;
        char *copy = NULL;
        char *array = NULL;
        int64_t capacity = 0;
        failing_allocator_memory(&allocator, &memory);
        status = pt__string_copy(&memory, "a string", &copy);
        if (status == PT_OK) {
            ck_assert_str_eq(copy, "a string");
            status = pt__grow(&memory, &array, &capacity, 100, 1, "array");
        }
        if (status == PT_OK) {
            for (int i = 0; i < 100; i++)
                ck_assert_int_eq(array[i], 0);
            ck_assert_int_eq(atomic_load(&allocator.bytes), atomic_load(&memory.bytes));
        }
        pt__release(&memory, array);
        pt__release(&memory, copy);
        ck_assert_int_eq(atomic_load(&memory.bytes), 0);
    }, status);
    ck_assert_int_eq(atomic_load(&allocator.calls), 2);
}
END_TEST

START_TEST(test_copy_of_null_and_resident_peak)
{
    pt__memory_t memory;
    char *copy = (char *)1;
    pt__memory_init(&memory, NULL, NULL, NULL);
    ck_ok(pt__string_copy(&memory, NULL, &copy));
    ck_assert_ptr_null(copy);
    ck_assert_int_gt(pt__resident_peak_bytes(), 100 * 1024);
    ck_assert_int_lt(pt__resident_peak_bytes(), INT64_C(1) << 34);
}
END_TEST

SUITE("memory", 60, test_blocks_are_aligned_zeroed_and_counted, test_overflow_is_out_of_memory,
      test_grow_keeps_and_zeroes, test_hosts_allocator_is_used_and_may_fail, test_copy_of_null_and_resident_peak)
