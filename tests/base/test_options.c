/* Old and new callers with old and new libraries: init, options, results. */
#include <string.h>

#include "base/options.h"
#include "support/suite.h"

typedef struct old {
    uint32_t struct_size, flags;
    int64_t steps;
} old_t;

typedef struct new
{ /* a later version of the same struct */
    uint32_t struct_size, flags;
    int64_t steps;
    double rate;
    int64_t more;
}
new_t;

static const old_t old_defaults = {sizeof(old_t), 0, 7};
static const new_t new_defaults = {sizeof(new_t), 0, 7, 0.5, 0};

START_TEST(test_init_writes_no_more_than_the_caller_has)
{
    struct {
        old_t options;
        unsigned char guard[32];
    } caller;
    memset(&caller, 0xAA, sizeof caller);
    ck_ok(pt__options_init(&caller.options, sizeof caller.options, &new_defaults, sizeof new_defaults, "options"));
    ck_assert_uint_eq(caller.options.struct_size, sizeof(old_t));
    ck_assert_int_eq(caller.options.steps, 7);
    for (size_t i = 0; i < sizeof caller.guard; i++)
        ck_assert_uint_eq(caller.guard[i], 0xAA);
}
END_TEST

START_TEST(test_init_by_an_old_library_zeroes_the_rest)
{
    new_t options;
    memset(&options, 0xAA, sizeof options);
    ck_ok(pt__options_init(&options, sizeof options, &old_defaults, sizeof old_defaults, "options"));
    ck_assert_uint_eq(options.struct_size, sizeof(new_t));
    ck_assert_int_eq(options.steps, 7);
    ck_assert(options.rate == 0.0 && options.more == 0);
    old_t read = old_defaults;
    ck_ok(pt__options_read(&options, &read, sizeof read, "options")); /* what init gave is accepted */
}
END_TEST

START_TEST(test_four_pairings_of_options)
{
    new_t new_options = {sizeof(new_t), 1, 9, 0.25, 3}, new_read;
    old_t old_options = {sizeof(old_t), 1, 9}, old_read;
    /* old caller, old library; new caller, new library */
    old_read = old_defaults;
    ck_ok(pt__options_read(&old_options, &old_read, sizeof old_read, "options"));
    ck_assert(old_read.steps == 9 && old_read.flags == 1);
    new_read = new_defaults;
    ck_ok(pt__options_read(&new_options, &new_read, sizeof new_read, "options"));
    ck_assert(new_read.steps == 9 && new_read.rate == 0.25 && new_read.more == 3);
    /* old caller, new library: the defaults stay */
    new_read = new_defaults;
    ck_ok(pt__options_read(&old_options, &new_read, sizeof new_read, "options"));
    ck_assert(new_read.steps == 9 && new_read.rate == 0.5 && new_read.more == 0);
    ck_assert_uint_eq(new_read.struct_size, sizeof(new_t));
    /* new caller, old library: only with an unused tail */
    old_read = old_defaults;
    ck_fails(pt__options_read(&new_options, &old_read, sizeof old_read, "my_options"), PT_ERR_VERSION, "my_options");
    ck_assert_int_eq(old_read.steps, 7);
    new_options.rate = 0;
    new_options.more = 0;
    ck_ok(pt__options_read(&new_options, &old_read, sizeof old_read, "options"));
    ck_assert_int_eq(old_read.steps, 9);
    ck_assert_uint_eq(old_read.struct_size, sizeof(old_t));
}
END_TEST

START_TEST(test_every_byte_of_the_tail_counts)
{
    for (size_t i = sizeof(old_t); i < sizeof(new_t); i++) {
        new_t options = {sizeof(new_t), 0, 9, 0, 0};
        old_t read = old_defaults;
        ((unsigned char *)&options)[i] = 1;
        ck_fails(pt__options_read(&options, &read, sizeof read, "options"), PT_ERR_VERSION, "newer");
    }
}
END_TEST

START_TEST(test_results)
{
    struct {
        old_t result;
        unsigned char guard[32];
    } caller;
    new_t filled = {sizeof(new_t), 1, 11, 0.75, 5}, result;
    memset(&caller, 0xAA, sizeof caller);
    caller.result.struct_size = sizeof caller.result;
    ck_ok(pt__result_write(&caller.result, &filled, sizeof filled, "result"));
    ck_assert(caller.result.struct_size == sizeof(old_t) && caller.result.steps == 11 && caller.guard[0] == 0xAA);
    memset(&result, 0xAA, sizeof result);
    result.struct_size = sizeof result;
    ck_ok(pt__result_write(&result, &old_defaults, sizeof old_defaults, "result"));
    ck_assert(result.struct_size == sizeof(new_t) && result.steps == 7 && result.rate == 0.0 && result.more == 0);
    ck_ok(pt__result_write(NULL, &filled, sizeof filled, "result"));
    result.struct_size = 0;
    ck_fails(pt__result_write(&result, &filled, sizeof filled, "my_result"), PT_ERR_ARGUMENT, "my_result");
}
END_TEST

START_TEST(test_uninitialised_structs_are_refused)
{
    new_t options = {0}, read = new_defaults;
    const uint32_t sizes[] = {0, 1, 4, 7, 65537, 0xAAAAAAAA, UINT32_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        options.struct_size = sizes[i];
        ck_fails(pt__options_read(&options, &read, sizeof read, "options"), PT_ERR_ARGUMENT, "initialise");
        ck_fails(pt__options_init(&options, sizes[i], &new_defaults, sizeof new_defaults, "options"), PT_ERR_ARGUMENT,
                 "struct_size");
    }
    ck_fails(pt__options_init(NULL, sizeof options, &new_defaults, sizeof new_defaults, "options"), PT_ERR_ARGUMENT,
             "NULL");
    ck_ok(pt__options_read(NULL, &read, sizeof read, "options"));
    ck_assert_int_eq(read.steps, 7);
}
END_TEST

SUITE("options", 60, test_init_writes_no_more_than_the_caller_has, test_init_by_an_old_library_zeroes_the_rest,
      test_four_pairings_of_options, test_every_byte_of_the_tail_counts, test_results,
      test_uninitialised_structs_are_refused)
