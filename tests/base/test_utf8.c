/* The length of UTF-8 sequences, whole, cut, overlong and out of range. */
#include "base/utf8.h"

#include <string.h>

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

/* A byte that is wrong, or a character that is cut, at each place of a text: in what goes eight bytes at a time, and
 * before and behind it. */
START_TEST(test_valid)
{
    for (int64_t size = 0; size <= 40; size++) {
        char text[48];
        memset(text, 'a', sizeof text);
        ck_assert_int_eq(pt__utf8_valid(text, size), size);
        for (int64_t at = 0; at < size; at++) {
            text[at] = (char)0xFF;
            ck_assert_int_eq(pt__utf8_valid(text, size), at);
            text[at] = (char)0xC3;
            ck_assert_int_eq(pt__utf8_valid(text, size), at);
            text[at + 1] = (char)0xA9;
            ck_assert_int_eq(pt__utf8_valid(text, size), at + 1 < size ? size : at);
            text[at] = text[at + 1] = 'a';
        }
    }
    ck_assert(pt__utf8_is("") && pt__utf8_is("a\xC3\xA9") && !pt__utf8_is("12345678\xC3"));
}
END_TEST

SUITE("utf8", 30, test_utf8, test_valid)
