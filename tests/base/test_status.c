/* Status names, the thread's message. */
#include <pthread.h>
#include <string.h>

#include "support/suite.h"

START_TEST(test_every_status_has_a_name_and_a_sentence)
{
    for (pt_status_t status = PT_ERR_DEVICE; status <= PT_OK; status++) {
        ck_assert_str_ne(pt__status_name(status), "PT_ERR_?");
        ck_assert_str_ne(pt__status_message(status), "unknown status");
        for (pt_status_t other = PT_ERR_DEVICE; other < status; other++)
            ck_assert_str_ne(pt__status_message(status), pt__status_message(other));
    }
    ck_assert_str_eq(pt__status_name(PT_ERR_SHAPE), "PT_ERR_SHAPE");
    ck_assert_str_eq(pt__status_name(PT_OK), "PT_OK");
    ck_assert_str_eq(pt__status_name(1), "PT_ERR_?");
    ck_assert_str_eq(pt__status_name(PT_ERR_DEVICE - 1), "PT_ERR_?");
    ck_assert_str_eq(pt__status_message(1000), "unknown status");
}
END_TEST

START_TEST(test_message_is_written_prefixed_and_cleared)
{
    pt__error_clear();
    ck_assert_str_eq(pt__error_message(), "");
    ck_assert_int_eq(pt__fail(PT_ERR_SHAPE, "expected %d, found %d", 3, 4), PT_ERR_SHAPE);
    ck_assert_str_eq(pt__error_message(), "expected 3, found 4");
    ck_assert_int_eq(pt__fail_within(PT_ERR_FORMAT, "tensor %s", "w"), PT_ERR_FORMAT);
    ck_assert_str_eq(pt__error_message(), "tensor w: expected 3, found 4");
    pt__fail(PT_ERR_IO, "again: %s", pt__error_message()); /* its own message as an argument */
    ck_assert_str_eq(pt__error_message(), "again: tensor w: expected 3, found 4");
    pt__error_set("100% stored");
    ck_assert_str_eq(pt__error_message(), "100% stored");
    pt__error_set(pt__error_message());
    ck_assert_str_eq(pt__error_message(), "100% stored");
    pt__error_clear();
    ck_assert_str_eq(pt__error_message(), "");
}
END_TEST

START_TEST(test_long_messages_are_cut_between_characters)
{
    char text[4 * PT__MESSAGE_SIZE];
    for (int lead = 0; lead < 3; lead++) { /* e-acute, two bytes, at even and odd places */
        memset(text, 'x', (size_t)lead);
        for (size_t i = (size_t)lead; i + 2 < sizeof text; i += 2)
            memcpy(text + i, "\xC3\xA9", 3);
        pt__fail(PT_ERR_IO, "%s", text);
        size_t length = strlen(pt__error_message());
        ck_assert_uint_lt(length, PT__MESSAGE_SIZE);
        ck_assert_uint_gt(length, PT__MESSAGE_SIZE - 4);
        ck_assert_int_eq((length - (size_t)lead) % 2, 0);
        pt__fail_within(PT_ERR_IO, "%s", text);
        ck_assert_uint_lt(strlen(pt__error_message()), PT__MESSAGE_SIZE);
    }
}
END_TEST

START_TEST(test_messages_are_utf8)
{
    pt__fail(PT_ERR_IO, "%s",
             "a\xFF"
             "b\xC3\xA9\xC3 \xED\xA0\x80.");
    ck_assert_str_eq(pt__error_message(), "a?b\xC3\xA9? ???.");
    pt__fail(PT_ERR_IO, "%.2s.", "x\xC3\xA9"); /* cut within a character */
    ck_assert_str_eq(pt__error_message(), "x?.");
}
END_TEST

static void *other_thread(void *empty)
{
    *(int *)empty = pt__error_message()[0] == 0;
    pt__fail(PT_ERR_IO, "other");
    return NULL;
}

START_TEST(test_messages_belong_to_their_thread)
{
    pthread_t thread;
    int empty = 0;
    pt__fail(PT_ERR_IO, "mine");
    pthread_create(&thread, NULL, other_thread, &empty);
    pthread_join(thread, NULL);
    ck_assert_int_eq(empty, 1);
    ck_assert_str_eq(pt__error_message(), "mine");
}
END_TEST

SUITE("status", 60, test_every_status_has_a_name_and_a_sentence, test_message_is_written_prefixed_and_cleared,
      test_long_messages_are_cut_between_characters, test_messages_are_utf8, test_messages_belong_to_their_thread)
