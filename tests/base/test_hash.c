/* XXH64 against published values, and any cutting into pieces. */
#include <string.h>

#include "base/hash.h"
#include "support/suite.h"

START_TEST(test_known_values)
{
    ck_assert_uint_eq(pt__hash_bytes(0, "", 0), 0xEF46DB3751D8E999u);
    ck_assert_uint_eq(pt__hash_bytes(0, "a", 1), 0xD24EC4F1A98C6E5Bu);
    ck_assert_uint_eq(pt__hash_bytes(0, "abc", 3), 0x44BC2CF5AD770999u);
    ck_assert_uint_eq(pt__hash_bytes(0, "Nobody inspects the spammish repetition", 39), 0xFBCEA83C8A378BF1u);
}
END_TEST

START_TEST(test_pieces_give_the_same_value)
{
    uint8_t bytes[300];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 37 + i / 7);
    for (size_t size = 0; size <= sizeof bytes; size += 3) {
        uint64_t whole = pt__hash_bytes(7, bytes, size);
        for (size_t piece = 1; piece < 70; piece += 6) {
            pt__hash_t hash = pt__hash_start(7);
            for (size_t at = 0; at < size; at += piece) {
                pt__hash_add(&hash, bytes + at, piece < size - at ? piece : size - at);
                pt__hash_value(&hash);
            }
            pt__hash_add(&hash, NULL, 0);
            ck_assert_uint_eq(pt__hash_value(&hash), whole);
        }
    }
}
END_TEST

START_TEST(test_every_flipped_bit_shows)
{
    uint8_t bytes[100] = {0};
    uint64_t whole = pt__hash_bytes(0, bytes, sizeof bytes);
    for (size_t bit = 0; bit < 8 * sizeof bytes; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        ck_assert_uint_ne(pt__hash_bytes(0, bytes, sizeof bytes), whole);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    ck_assert_uint_ne(pt__hash_bytes(1, bytes, sizeof bytes), whole);
}
END_TEST

SUITE("hash", 60, test_known_values, test_pieces_give_the_same_value, test_every_flipped_bit_shows)
