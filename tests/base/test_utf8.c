/* The length of UTF-8 sequences, whole, cut, overlong and out of range. */
#include "base/utf8.h"

#include "support/suite.h"

START_TEST(test_utf8)
{
    ck_assert_int_eq(pt__utf8_length("a", 1), 1);
    ck_assert_int_eq(pt__utf8_length("a", 0), 0);
    ck_assert_int_eq(pt__utf8_length("\0", 1), 1);
    ck_assert_int_eq(pt__utf8_length("\xF4\x8F\xBF\xBF", 4), 4);
    ck_assert_int_eq(pt__utf8_length("\xF4\x90\x80\x80", 4), 0);
    ck_assert_int_eq(pt__utf8_length("\xC0\x80", 2), 0);
    ck_assert_int_eq(pt__utf8_length("\xE0\x80\x80", 3), 0);
    ck_assert_int_eq(pt__utf8_length("\xF0\x80\x80\x80", 4), 0);
    ck_assert_int_eq(pt__utf8_length("\x80", 1), 0);
    ck_assert_int_eq(pt__utf8_length("\xF8\x88\x80\x80\x80", 5), 0);
}
END_TEST

SUITE("utf8", 30, test_utf8)
