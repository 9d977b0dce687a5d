/* Numbers as text in both directions, under a locale with a decimal comma too. */
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/random.h"
#include "base/text.h"
#include "support/float_mode.h"
#include "support/suite.h"

static void assert_round_trip(double value)
{
    char digits[PT__NUMBER_SIZE];
    double back;
    int32_t length = pt__number_print(value, digits);
    ck_assert_int_eq(length, (int32_t)strlen(digits));
    ck_assert_msg(pt__number_parse(digits, length, &back) == 1, "%s", digits);
    ck_assert_msg(memcmp(&back, &value, sizeof back) == 0, "%a printed as %s read as %a", value, digits, back);
}

static void assert_digits(double value, const char *expected)
{
    char digits[PT__NUMBER_SIZE];
    pt__number_print(value, digits);
    ck_assert_str_eq(digits, expected);
}

static void check_numbers(void)
{
    static const double values[] = {0.0,
                                    -0.0,
                                    1,
                                    -1,
                                    0.1,
                                    1.0 / 3,
                                    1e22,
                                    1e23,
                                    123456789012345678.0,
                                    DBL_MAX,
                                    DBL_MIN,
                                    4.9406564584124654e-324,
                                    2.2250738585072011e-308,
                                    9007199254740993.0,
                                    1.7976931348623157e308};
    pt__random_t random = pt__random_start(1);
    pt__memory_t memory;
    pt__memory_init(&memory, NULL, NULL, NULL);
    pt__text_t text = pt__text_start(&memory);
    pt__text_add(&text, "%.2f %g", 1.25, 2.5); /* whole formats have a point too */
    ck_assert_str_eq(text.data, "1.25 2.5");
    pt__text_free(&text);
    assert_digits(0.5, "0.5");
    assert_digits(100000, "100000");
    assert_digits(0.1, "0.1");
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        assert_round_trip(values[i]);
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = pt__random_u64(&random);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (isfinite(value))
            assert_round_trip(value);
        assert_round_trip(pt__random_normal(&random));
    }
}

START_TEST(test_numbers_round_trip)
{
    check_numbers();
}
END_TEST

/* Whatever locale with a decimal comma this machine has. */
START_TEST(test_numbers_in_a_comma_locale)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "fr_FR.utf8", "de_DE", "fr_FR"};
    const char *set = NULL;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && !set; i++)
        set = setlocale(LC_ALL, names[i]);
    if (!set) { /* none: compile one beside the test, where localedef is there */
        char command[700];
        setenv("LOCPATH", suite_directory(), 1);
        snprintf(command, sizeof command, "localedef -i de_DE -f UTF-8 '%s/de_DE.UTF-8' >/dev/null 2>&1",
                 suite_directory());
        if (system(command) == 0)
            set = setlocale(LC_ALL, "de_DE.UTF-8");
    }
    if (!set)
        return;
    char printed[16];
    snprintf(printed, sizeof printed, "%.1f", 0.5);
    ck_assert_str_eq(printed, "0,5"); /* the host sees its own locale */
    check_numbers();
    ck_fails(pt__fail(PT_ERR_ARGUMENT, "it is %g", 0.5), PT_ERR_ARGUMENT, "it is 0.5"); /* in messages too */
    snprintf(printed, sizeof printed, "%.1f", 0.5);
    ck_assert_str_eq(printed, "0,5"); /* and still does */
}
END_TEST

START_TEST(test_what_is_a_number)
{
    static const struct {
        const char *text;
        double value;
    } good[] = {{"0", 0},
                {"-0.5", -0.5},
                {"+3", 3},
                {".5", 0.5},
                {"5.", 5},
                {"1e3", 1000},
                {"1E+3", 1000},
                {"12e-1", 1.2},
                {"1e400", HUGE_VAL},
                {"1e-400", 0},
                {"1e99999999999999999999", HUGE_VAL},
                {"0e99999999999999999999", 0},
                {"000123", 123},
                {"0.000000000000000000000000000001e30", 1},
                {"1000000000000000000000000000000e-30", 1},
                {"9007199254740993", 9007199254740992.0},
                {"9007199254740993.0000000000000000000000000000000001", 9007199254740994.0}};
    static const char *const bad[] = {"",    "-",   ".",  "e5", "1e",  "1e+", "1.2.3", "0x10",
                                      "inf", "nan", "1 ", " 1", "1,5", "--1", "1e5.0", "1f"};
    double value;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        ck_assert_msg(pt__number_parse(good[i].text, (int64_t)strlen(good[i].text), &value) == 1, "%s", good[i].text);
        ck_assert_msg(value == good[i].value, "%s gave %.17g", good[i].text, value);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(pt__number_parse(bad[i], (int64_t)strlen(bad[i]), &value) == 0, "%s", bad[i]);
}
END_TEST

/* More digits than any double needs: the last of them still decides a tie. */
START_TEST(test_very_long_numbers)
{
    static char digits[5000];
    double value, tie = 1 + DBL_EPSILON / 2;
    (void)tie;
    int length = snprintf(digits, sizeof digits, "%.60f", 1.0 + 0x1p-53 + 0.0); /* prints as 1 exactly */
    ck_assert_int_gt(length, 60);
    strcpy(digits, "1.00000000000000011102230246251565404236316680908203125"); /* 1 + 2^-53: a tie, to even */
    length = (int)strlen(digits);
    ck_assert(pt__number_parse(digits, length, &value) && value == 1.0);
    memset(digits + length, '0', 4000);
    ck_assert(pt__number_parse(digits, length + 4000, &value) && value == 1.0);
    digits[length + 4000] = '1';
    ck_assert(pt__number_parse(digits, length + 4001, &value) && value == 1.0 + DBL_EPSILON);
    memset(digits, '9', sizeof digits);
    ck_assert(pt__number_parse(digits, 300, &value) && value == 1e300);
    ck_assert(pt__number_parse(digits, sizeof digits, &value) && isinf(value));
}
END_TEST

START_TEST(test_whole_numbers)
{
    int64_t value;
    ck_assert(pt__number_parse_int64("9223372036854775807", 19, &value) && value == INT64_MAX);
    ck_assert(pt__number_parse_int64("-9223372036854775808", 20, &value) && value == INT64_MIN);
    ck_assert(pt__number_parse_int64("-0", 2, &value) && value == 0);
    ck_assert(pt__number_parse_int64("+00042", 6, &value) && value == 42);
    ck_assert(!pt__number_parse_int64("9223372036854775808", 19, &value));
    ck_assert(!pt__number_parse_int64("-9223372036854775809", 20, &value));
    ck_assert(!pt__number_parse_int64("99999999999999999999", 20, &value));
    ck_assert(!pt__number_parse_int64("", 0, &value));
    ck_assert(!pt__number_parse_int64("-", 1, &value));
    ck_assert(!pt__number_parse_int64("1.0", 3, &value));
}
END_TEST

/* However the host rounds: the nearest double, and the shortest digits that give it back. */
START_TEST(test_host_rounds_otherwise)
{
    static const char *const texts[] = {"0.1", "0.30000000000000004", "1e23", "123456789012345678901234567890",
                                        "7e-310"};
    uint64_t before = pt__float_mode_get();
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        double nearest, found;
        char digits[PT__NUMBER_SIZE];
        ck_assert(pt__number_parse(texts[i], (int64_t)strlen(texts[i]), &nearest));
        float_mode_begin();
        ck_assert(pt__number_parse(texts[i], (int64_t)strlen(texts[i]), &found));
        ck_assert_mem_eq(&found, &nearest, sizeof found);
        int32_t length = pt__number_print(found, digits);
        float_mode_end(before);
        ck_assert(pt__number_parse(digits, length, &found));
        ck_assert_mem_eq(&found, &nearest, sizeof found);
    }
}
END_TEST

SUITE("number", 120, test_numbers_round_trip, test_numbers_in_a_comma_locale, test_what_is_a_number,
      test_very_long_numbers, test_whole_numbers, test_host_rounds_otherwise)
