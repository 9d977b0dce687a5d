/* What each token is for those who hide words: special, or one that goes on with a word. */
#include <string.h>

#include "support/suite.h"
#include "text/tokenizer.h"

/* The kinds of a file's tokens as digits, in the order of their ids. */
static const char *kinds_of(const char *file)
{
    static char digits[64];
    uint8_t kinds[64];
    pt_context_t *context;
    pt_tokenizer_t *tokenizer;
    const pt_load_options_t place = {.struct_size = sizeof place, .data = file, .bytes = (int64_t)strlen(file)};
    pt_array_t view = {.dtype = PT_UINT8, .data = kinds, .capacity = 63};
    ck_ok(pt_context_create(NULL, &context));
    ck_ok(pt_tokenizer_open(context, NULL, &place, &tokenizer));
    ck_ok(pt_tokenizer_kinds(tokenizer, &view, sizeof view));
    ck_assert_int_eq(view.elements, pt_tokenizer_size(tokenizer));
    memset(digits, 0, sizeof digits);
    for (int64_t i = 0; i < view.elements; i++)
        digits[i] = (char)('0' + kinds[i]);
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
    return digits;
}

#define SPECIAL                                                                 \
    "\"added_tokens\": [{\"id\": 0, \"content\": \"[S]\", \"special\": true}, " \
    "{\"id\": 9, \"content\": \"new\", \"special\": false}], "

START_TEST(test_kinds)
{
    ck_assert_int_eq(PT_TOKEN_SPECIAL, 1);
    ck_assert_int_eq(PT_TOKEN_CONTINUES, 2);
    /* an id without a token is as a special one: never chosen */
    ck_assert_str_eq(kinds_of("{" SPECIAL "\"model\": {\"type\": \"WordPiece\", \"unk_token\": \"[S]\", "
                              "\"continuing_subword_prefix\": \"##\", \"max_input_chars_per_word\": 100, "
                              "\"vocab\": {\"[S]\": 0, \"a\": 1, \"##b\": 2, \"#\": 3, \"##\": 4, \"##9\": 6}}}"),
                     "1020012110");
    /* the blank, a letter, a digit, a sign, é, a blank with a letter, SentencePiece's sign of a blank */
    ck_assert_str_eq(kinds_of("{" SPECIAL "\"model\": {\"type\": \"BPE\", \"merges\": [], \"vocab\": {\"[S]\": 0, "
                              "\" \": 1, \"a\": 2, \"Z\": 3, \"5\": 4, \".\": 5, \"\xC3\xA9\": 6, \"\xE2\x96\x81\": 7, "
                              "\"\xE2\x96\x82\": 8}}}"),
                     "1022202020");
    ck_assert_str_eq(kinds_of("{" SPECIAL "\"model\": {\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": [[\"[S]\", 0], "
                              "[\"\xE2\x96\x81to\", -1], [\"to\", -2], [\"z\", -4], [\"@\", -5], "
                              "[\"[\", -6], [\"`\", -6], [\"{\", -7]]}}"),
                     "1022000010");
    ck_assert_str_eq(kinds_of("{" SPECIAL "\"model\": {\"type\": \"WordLevel\", \"unk_token\": \"[S]\", \"vocab\": "
                              "{\"[S]\": 0, \"a\": 1, \"b\": 2}}}"),
                     "1001111110");
}
END_TEST

SUITE("token_kinds", 60, test_kinds)
