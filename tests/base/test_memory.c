/* Alignment, zeroing, counting, growth, overflow, the host's allocator. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

/* What the system notes of the mapping that the address lies in: 1 advised, 0 not, -1 it does not tell. */
static int is_advised(const void *address)
{
    char line[512];
    int inside = 0, advised = -1;
    unsigned long begin, end;
    FILE *file = fopen("/proc/self/smaps", "r");
    while (file && advised < 0 && fgets(line, sizeof line, file)) {
        if (sscanf(line, "%lx-%lx ", &begin, &end) == 2)
            inside = begin <= (uintptr_t)address && (uintptr_t)address < end;
        else if (inside && !strncmp(line, "VmFlags:", 8))
            advised = strstr(line, " hg") != NULL;
    }
    if (file)
        fclose(file);
    return advised;
}

/* Where the system has large pages: those that lie within a large block, and no others. */
START_TEST(test_large_blocks_ask_for_large_pages)
{
    pt__memory_t memory;
    char *block, *zeroed, *small;
    pt__memory_init(&memory, NULL, NULL, NULL);
    ck_ok(pt__allocate_uninitialised(&memory, 48 << 20, 1, "block", &block));
    ck_ok(pt__allocate(&memory, 48 << 20, 1, "block", &zeroed));
    ck_ok(pt__allocate_uninitialised(&memory, 1 << 20, 1, "block", &small));
    if (access("/sys/kernel/mm/transparent_hugepage/enabled", R_OK) == 0 && is_advised(block) >= 0) {
        ck_assert_int_eq(is_advised(block + (24 << 20)), 1);
        ck_assert_int_eq(is_advised(zeroed + (24 << 20)), 1);
        ck_assert_int_eq(is_advised(small + (1 << 19)), 0);
    }
    pt__release(&memory, block);
    pt__release(&memory, zeroed);
    pt__release(&memory, small);
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
      test_grow_keeps_and_zeroes, test_hosts_allocator_is_used_and_may_fail, test_large_blocks_ask_for_large_pages,
      test_copy_of_null_and_resident_peak)
