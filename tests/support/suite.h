/* What every test program begins with: Check, and a main() that runs the tests named.
 *
 *   START_TEST(test_adds) { ck_assert_int_eq(1 + 1, 2); } END_TEST
 *   SUITE("numbers", 60, test_adds)                                    60: seconds for each test */
#ifndef SUPPORT_SUITE_H
#define SUPPORT_SUITE_H

#include <check.h>
#include <stdint.h>

#include "base/memory.h"

/* Check notes the place of every assertion that holds, through a pipe, to say where a crash came after. Tests that
 * assert over every element of large arrays would spend nearly all their time on it. Assertions that fail tell their
 * own place anyway. */
#define _mark_point(file, line) ((void)0)

int suite_run(const char *name, double seconds, const TTest *const *tests, int n_tests);

#define SUITE(name, seconds, ...)                                                      \
    int main(void)                                                                     \
    {                                                                                  \
        const TTest *tests[] = {__VA_ARGS__};                                          \
        return suite_run(name, seconds, tests, (int)(sizeof tests / sizeof tests[0])); \
    }

/* A directory of this test's own, removed with all it holds when the process ends. Its path lives as long. */
const char *suite_directory(void);
/* "DIRECTORY/NAME", in one of a few static buffers. */
const char *suite_path(const char *name);
/* A file of the repository ("tests/golden/x"), by the environment that meson sets. */
const char *suite_source(const char *path);
/* The names of all that the directory `path` holds, sorted by bytes and joined by blanks; until the next call. */
const char *suite_listing(const char *path);
/* Writes a file of the test's own directory and returns its path. */
const char *suite_write(const char *name, const void *bytes, size_t size);

/* Options of pt_parameter and pt_state that say only how the values begin. */
#define INITIAL(kind, number)   \
    (&(pt_parameter_options_t){ \
        .struct_size = (uint32_t)sizeof(pt_parameter_options_t), .initializer = (kind), .value = (number)})

#define ck_ok(call)                                                                                                  \
    do {                                                                                                             \
        pt_status_t ck_status = (call);                                                                              \
        ck_assert_msg(ck_status == PT_OK, "%s gave %s: %s", #call, pt__status_name(ck_status), pt__error_message()); \
    } while (0)

/* The call fails with this status, and the message has all that its reader needs (a part of it). */
#define ck_fails(call, expected, part)                                                                            \
    do {                                                                                                          \
        pt_status_t ck_status = (call);                                                                           \
        ck_assert_msg(ck_status == (expected), "%s gave %s (%s), expected %s", #call, pt__status_name(ck_status), \
                      pt__error_message(), pt__status_name(expected));                                            \
        ck_assert_msg(strstr(pt__error_message(), (part)) != NULL, "message of %s: \"%s\" lacks \"%s\"", #call,   \
                      pt__error_message(), (const char *)(part));                                                 \
    } while (0)

#endif
