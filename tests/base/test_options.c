/* Structs by size: all pairings of older and newer caller and library, and sizes that no struct has. */
#include <string.h>

#include "base/options.h"
#include "support/suite.h"

typedef struct old_options {
    uint32_t struct_size, flags;
    int64_t steps;
} old_options_t;

typedef struct new_options {
    uint32_t struct_size, flags;
    int64_t steps;
    double added;
} new_options_t;

START_TEST(test_old_caller_new_library) {
    static const new_options_t defaults = {sizeof defaults, 1, 2, 3};
    struct {
        old_options_t options;
        unsigned char guard[8];
    } caller;
    new_options_t taken = defaults;
    memset(&caller, 0xEE, sizeof caller);
    ck_ok(pt__options_init(&caller.options, sizeof caller.options, &defaults, sizeof defaults, "pt_x_options"));
    ck_assert(caller.options.struct_size == sizeof(old_options_t) && caller.options.flags == 1 && caller.options.steps == 2);
    for (int i = 0; i < 8; i++)
        ck_assert_uint_eq(caller.guard[i], 0xEE);
    caller.options.steps = 9;
    ck_ok(pt__options_read(&caller.options, &taken, sizeof taken, "pt_x_options"));
    ck_assert(taken.struct_size == sizeof taken && taken.steps == 9 && taken.added == 3);
    taken.steps = 11;
    ck_ok(pt__result_write(&caller.options, &taken, sizeof taken, "pt_x_result"));
    ck_assert(caller.options.struct_size == sizeof(old_options_t) && caller.options.steps == 11);
    for (int i = 0; i < 8; i++)
        ck_assert_uint_eq(caller.guard[i], 0xEE);
}
END_TEST

START_TEST(test_new_caller_old_library) {
    static const old_options_t defaults = {sizeof defaults, 1, 2};
    new_options_t caller;
    old_options_t taken = defaults;
    memset(&caller, 0xEE, sizeof caller);
    ck_ok(pt__options_init(&caller, sizeof caller, &defaults, sizeof defaults, "pt_x_options"));
    ck_assert(caller.struct_size == sizeof caller && caller.steps == 2 && caller.added == 0);
    ck_ok(pt__options_read(&caller, &taken, sizeof taken, "pt_x_options"));
    caller.added = 0.5;
    ck_fails(pt__options_read(&caller, &taken, sizeof taken, "pt_x_options"), PT_ERR_VERSION, "pt_x_options");
    ck_ok(pt__result_write(&caller, &taken, sizeof taken, "pt_x_result"));
    ck_assert(caller.struct_size == sizeof caller && caller.added == 0);
}
END_TEST

START_TEST(test_null_and_absurd_sizes) {
    static const old_options_t defaults = {sizeof defaults, 1, 2};
    static const uint32_t sizes[] = {0, 1, 7, 1u << 20, UINT32_MAX};
    old_options_t caller, taken = defaults;
    ck_fails(pt__options_init(NULL, sizeof caller, &defaults, sizeof defaults, "pt_x_options"), PT_ERR_ARGUMENT, "pt_x_options");
    ck_ok(pt__options_read(NULL, &taken, sizeof taken, "pt_x_options"));
    ck_assert_int_eq(taken.steps, 2);
    ck_ok(pt__result_write(NULL, &taken, sizeof taken, "pt_x_result"));
    for (int i = 0; i < 5; i++) {
        ck_fails(pt__options_init(&caller, sizes[i], &defaults, sizeof defaults, "pt_x_options"), PT_ERR_ARGUMENT, "struct_size");
        caller = (old_options_t){sizes[i], 0, 0};
        ck_fails(pt__options_read(&caller, &taken, sizeof taken, "pt_x_options"), PT_ERR_ARGUMENT, "struct_size");
        ck_fails(pt__result_write(&caller, &taken, sizeof taken, "pt_x_result"), PT_ERR_ARGUMENT, "struct_size");
    }
}
END_TEST

SUITE("options", 60, test_old_caller_new_library, test_new_caller_old_library, test_null_and_absurd_sizes)
