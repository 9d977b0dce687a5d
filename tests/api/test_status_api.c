/* Statuses, messages and the version, as hosts see them. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "support/suite.h"

START_TEST(test_names)
{
    static const pt_status_t all[] = {PT_OK,
                                      PT_ERR_ARGUMENT,
                                      PT_ERR_MEMORY,
                                      PT_ERR_IO,
                                      PT_ERR_FORMAT,
                                      PT_ERR_UNSUPPORTED,
                                      PT_ERR_SHAPE,
                                      PT_ERR_NOT_FOUND,
                                      PT_ERR_CALLBACK,
                                      PT_ERR_CANCELLED,
                                      PT_ERR_BUSY,
                                      PT_ERR_VERSION,
                                      PT_ERR_NONFINITE,
                                      PT_ERR_BUDGET,
                                      PT_END,
                                      PT_ERR_STATE,
                                      PT_ERR_INTERNAL,
                                      PT_ERR_DEVICE};
    for (int32_t i = 0; i < (int32_t)(sizeof all / sizeof all[0]); i++) {
        ck_assert_int_eq(all[i], -i); /* pinned for ever */
        ck_assert_int_eq(strncmp(pt_status_name(all[i]), "PT_", 3), 0);
        ck_assert_str_ne(pt_status_name(all[i]), "PT_ERR_?");
        ck_assert_str_ne(pt_status_message(all[i]), "unknown status");
    }
    ck_assert_str_eq(pt_status_name(PT_ERR_SHAPE), "PT_ERR_SHAPE");
    static const pt_status_t unknown[] = {1, -18, -1000, INT32_MIN, INT32_MAX};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        ck_assert_str_eq(pt_status_name(unknown[i]), "PT_ERR_?");
        ck_assert_str_eq(pt_status_message(unknown[i]), "unknown status");
    }
}
END_TEST

START_TEST(test_message)
{
    char whole[256], cut[5] = "????";
    ck_assert_str_eq(pt_last_error(), "");
    ck_assert_uint_eq(pt_last_error_copy(NULL, 0), 0);
    ck_assert_int_eq(pt_context_create(NULL, NULL), PT_ERR_ARGUMENT);
    size_t length = strlen(pt_last_error());
    ck_assert_uint_gt(length, 10);
    ck_assert_uint_eq(pt_last_error_copy(NULL, 0), length);
    ck_assert_uint_eq(pt_last_error_copy(NULL, 100), length);
    ck_assert_uint_eq(pt_last_error_copy(whole, sizeof whole), length);
    ck_assert_str_eq(whole, pt_last_error());
    ck_assert_uint_eq(pt_last_error_copy(cut, 4), length);
    ck_assert_int_eq(memcmp(cut, pt_last_error(), 3), 0);
    ck_assert(cut[3] == 0 && cut[4] == 0);
    ck_assert_uint_eq(pt_last_error_copy(cut, 0), length);
    pt_context_free(NULL); /* cleaning up and looking around keep the message, ... */
    pt_optimizer_free(NULL);
    ck_assert_int_eq(pt_context_bytes(NULL), 0);
    ck_assert_uint_eq(strlen(pt_last_error()), length);
    pt_context_options_t options;
    ck_ok(pt_context_options_init(&options, sizeof options)); /* ... a success clears it */
    ck_assert_str_eq(pt_last_error(), "");
}
END_TEST

static void *look(void *seen)
{
    *(size_t *)seen = strlen(pt_last_error());
    return NULL;
}

START_TEST(test_message_is_the_threads_own)
{
    pthread_t thread;
    size_t seen = 1;
    ck_assert_int_eq(pt_context_create(NULL, NULL), PT_ERR_ARGUMENT);
    ck_assert_int_eq(pthread_create(&thread, NULL, look, &seen), 0);
    pthread_join(thread, NULL);
    ck_assert_uint_eq(seen, 0);
    ck_assert_str_ne(pt_last_error(), "");
}
END_TEST

START_TEST(test_version)
{
    char expected[32];
    snprintf(expected, sizeof expected, "%d.%d.%d", PT_VERSION_MAJOR, PT_VERSION_MINOR, PT_VERSION_PATCH);
    ck_assert_str_eq(pt_version(), expected);
    ck_assert_int_eq(pt_version_number(), PT_VERSION_MAJOR * 1000000 + PT_VERSION_MINOR * 1000 + PT_VERSION_PATCH);
}
END_TEST

SUITE("status_api", 10, test_names, test_message, test_message_is_the_threads_own, test_version)
