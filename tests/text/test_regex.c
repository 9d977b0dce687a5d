/* Patterns in Oniguruma's syntax: what they match, as the reference has it, what is refused, and that a pattern which
 * explodes ends. The differential fuzzer asks the reference itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "support/failing_allocator.h"
#include "support/suite.h"
#include "text/regex.h"

static pt__memory_t memory;

static pt_status_t make(const char *pattern, pt__matcher_t *matcher)
{
    static const pt__json_t json = {.kind = PT__JSON_STRING};
    return pt__matcher_of_regex(&json, &memory, pattern, (int64_t)strlen(pattern), matcher);
}

/* The matches in brackets. */
static const char *mark(const char *pattern, const char *text)
{
    static char marked[256];
    const int64_t length = (int64_t)strlen(text);
    pt__matcher_t matcher;
    int64_t at = 0;
    int size = 0;
    double seconds = 0;
    ck_ok(make(pattern, &matcher));
    for (;;) {
        pt__cut_t match;
        int32_t found;
        ck_ok(matcher.match(matcher.settings, (const uint8_t *)text, 0, at, length, &seconds, &match, &found));
        if (!found || match.begin == match.end)
            break;
        size += snprintf(marked + size, sizeof marked - (size_t)size, "%.*s[%.*s]", (int)(match.begin - at), text + at,
                         (int)(match.end - match.begin), text + match.begin);
        at = match.end;
    }
    snprintf(marked + size, sizeof marked - (size_t)size, "%s", text + at);
    pt__matcher_free(&memory, &matcher);
    return marked;
}

START_TEST(test_what_patterns_match)
{
    static const char *const cases[][3] = {
        {"a{1,2}+", "aaaaab", "[aaaaa]b"}, /* repeated, not possessive */
        {"a{2}?", "aaaab", "[aa][aa]b"},
        {"a{,2}", "aaa", "[aa][a]"},
        {"a++b", "aaab", "[aaab]"},
        {"a(?i)b|c", "aBacAC", "[aB][ac]AC"},
        {"(?m)a.", "a\n", "[a\n]"},
        {"a.", "a\nab", "a\n[ab]"},
        {"^b", "a\nb\nbb", "a\n[b]\n[b]b"},
        {"\\h+", "xabF09g", "x[abF09]g"},
        {"\\v", "\v\n", "[\v]\n"},
        {"[a[bc]]+", "xabcd", "x[abc]d"},
        {"[^\\W\\d]+", "ab1_2\xC3\xA9", "[ab]1[_]2[\xC3\xA9]"},
        {"[\\S\\n]+", "ab \n", "[ab] [\n]"},
        {"[^\\S\\n]+", "ab \n ", "ab[ ]\n[ ]"},
        {"[]a]+", "x]a", "x[]a]"},
        {"[[:punct:]]+", "a+!", "a[+!]"},
        {"\\p{Han}+", "\xE4\xB8\xAD\xE3\x81\x82", "[\xE4\xB8\xAD]\xE3\x81\x82"},
        {"\\p{Uppercase_Letter}|\\p{^L}", "aB1", "a[B][1]"},
        {"\\w+", "a\xC2\xB2\xE2\x80\xBF\xE2\x80\x8D", "[a\xC2\xB2\xE2\x80\xBF]\xE2\x80\x8D"},
        {"\\bb", "ab b\xC3\xA9", "ab [b]\xC3\xA9"},
        {"(?i:'s|'ll)", "'S'lL'\xC5\xBF", "['S]['lL]['\xC5\xBF]"},
        {"(?<n>a)(?#x)b", "ab", "[ab]"},
        {"\\u00e9|\\x41|\\x{42}|\\012|\\e",
         "\xC3\xA9"
         "AB\n\x1B",
         "[\xC3\xA9][A][B][\n][\x1B]"},
        {"(?<=ab|c)d", "abdcdd", "ab[d]c[d]d"},
        {"a{x|\\Aa\\z|b\\Z|\\R|\\O", "a{xb\n", "[a{x][b][\n]"},
    };
    pt__memory_init(&memory, NULL, NULL, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_str_eq(mark(cases[i][0], cases[i][1]), cases[i][2]);
}
END_TEST

START_TEST(test_what_is_refused)
{
    static const char *const cases[][2] = {
        {"(a)\\1", "an escape before byte 4"},
        {"(?~a)", "a kind of group"},
        {"(?x) a", "a kind of group"},
        {"(*COMMIT)a", "a repeat of nothing"},
        {"(?<!a+)b", "lookbehind assertion is not fixed length"},
        {"[a&&b]", "&& within brackets"},
        {"[a[^b]]", "[^ within brackets"},
        {"[\\d-a]", "a range from a set"},
        {"[a-\\d]", "a range to a set"},
        {"[z-a]", "a range from a character to one before it"},
        {"[a", "[ without ]"},
        {"(a", "( without )"},
        {"a)", ") without ("},
        {"a\\", "\\ without a character"},
        {"a**", "a repeat of a repeat"},
        {"(?=a)*", "a repeat of what takes no character"},
        {"\\xc3\\xa9", "the number of a character"},
        {"\\x{110000}", "the number of a character"},
        {"\\u12", "the number of a character"},
        {"\\p{}", "the name of a property"},
        {"\\p{No such script}", "unknown property"},
        {"[[:emoji:]]", "the name of a class"},
        {"[\\A]", "an escape within brackets"},
        {"(?i)Lu\\p{Lu}", "a property of letters without regard to case"},
        {"(?i:sS)", "characters that are as good as one"},
        {"(?i:\xC3\x9F)", "characters that are as good as one"},
        {"(?i)[\xC3\x80-\xC3\xBF]", "characters that are as good as several"},
        {"a{70000}", "is not known here"},
    };
    static char deep[4 * 70 + 1], large[1 << 15];
    pt__matcher_t matcher;
    pt__memory_init(&memory, NULL, NULL, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_fails(make(cases[i][0], &matcher), PT_ERR_UNSUPPORTED, cases[i][1]);
    for (int i = 0; i < 70; i++)
        memcpy(deep + 4 * i, "(?:a", 5);
    ck_fails(make(deep, &matcher), PT_ERR_UNSUPPORTED, "too deep");
    memset(large, 'a', sizeof large - 1);
    ck_fails(make(large, &matcher), PT_ERR_UNSUPPORTED, "32767 bytes, expected at most");
    ck_assert_int_eq(atomic_load(&memory.bytes), 0);
}
END_TEST

/* Matches of more than the part of a text that is looked at first, and no match in all of it. */
START_TEST(test_long_texts)
{
    enum { LENGTH = 1 << 20 };
    static const struct {
        const char *pattern;
        int32_t found;
        uint32_t begin, end;
    } cases[] = {
        {"\\w+", 1, 0, LENGTH - 1},
        {"(?:a|x)+", 1, 0, LENGTH - 1},
        {"a+!", 1, 0, LENGTH},
        {"(?<=a)!", 1, LENGTH - 1, LENGTH},
        {"b", 0, 0, 0},
        {"a{3}b", 0, 0, 0},
    };
    uint8_t *text = malloc(LENGTH);
    pt__memory_init(&memory, NULL, NULL, NULL);
    memset(text, 'a', LENGTH);
    text[LENGTH - 1] = '!';
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pt__matcher_t matcher;
        pt__cut_t match;
        int32_t found;
        double seconds = 0;
        ck_ok(make(cases[i].pattern, &matcher));
        ck_ok(matcher.match(matcher.settings, text, 0, 0, LENGTH, &seconds, &match, &found));
        ck_assert_int_eq(found, cases[i].found);
        if (found) {
            ck_assert_uint_eq(match.begin, cases[i].begin);
            ck_assert_uint_eq(match.end, cases[i].end);
        }
        pt__matcher_free(&memory, &matcher);
    }
    free(text);
    ck_assert_int_eq(atomic_load(&memory.bytes), 0);
}
END_TEST

START_TEST(test_patterns_that_explode)
{
    static const char *const patterns[] = {"(?:a+)+$", "(?:a|aa)+[cd]"};
    uint8_t text[5001];
    pt__memory_init(&memory, NULL, NULL, NULL);
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '!';
    for (int i = 0; i < 2; i++) {
        pt__matcher_t matcher;
        pt__cut_t match;
        int32_t found;
        double seconds = 0;
        ck_ok(make(patterns[i], &matcher));
        ck_fails(matcher.match(matcher.settings, text, 0, 0, sizeof text, &seconds, &match, &found), PT_ERR_UNSUPPORTED,
                 "cannot be matched with this text");
        pt__matcher_free(&memory, &matcher);
    }
}
END_TEST

/* One text that fails is enough: those behind it, each of which would take seconds to fail, are passed over. */
START_TEST(test_texts_behind_one_that_failed)
{
    static const char file[] =
        "{\"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": {\"Regex\": \"(?:a|aa)+[cd]\"}, \"behavior\": "
        "\"Isolated\", \"invert\": false}, \"model\": {\"type\": \"WordLevel\", \"unk_token\": \"?\", \"vocab\": "
        "{\"?\":"
        " 0}}}";
    const pt_load_options_t place = {.struct_size = sizeof place, .data = file, .bytes = sizeof file - 1};
    static char hard[5001];
    pt_text_t texts[10] = {{.text = "b", .bytes = -1}, {.text = "b\xFF", .bytes = -1}};
    int32_t ids[8];
    pt_array_t id_view = {.dtype = PT_INT32, .data = ids, .capacity = 8};
    pt_context_options_t options;
    pt_context_t *context;
    pt_tokenizer_t *tokenizer;
    memset(hard, 'a', sizeof hard - 1);
    for (int i = 2; i < 10; i++)
        texts[i] = (pt_text_t){.text = hard, .bytes = -1};
    ck_ok(pt_context_options_init(&options, sizeof options));
    options.threads = 1;
    ck_ok(pt_context_create(&options, &context));
    ck_ok(pt_tokenizer_open(context, NULL, &place, &tokenizer));
    const clock_t begin = clock();
    ck_fails(pt_tokenizer_encode(tokenizer, texts, sizeof *texts, 10, NULL, &id_view, NULL, NULL, sizeof id_view),
             PT_ERR_FORMAT, "text 1: the text is not UTF-8 at byte 1");
    ck_assert_int_lt((clock() - begin) / CLOCKS_PER_SEC, 1);
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
}
END_TEST

static pt_status_t live(failing_allocator_t *allocator)
{
    const uint8_t text[] = "xxabab";
    pt__matcher_t matcher;
    pt__cut_t match;
    int32_t found;
    double seconds = 0;
    pt_context_options_t options = {0};
    failing_allocator_hooks(allocator, &options);
    pt__memory_init(&memory, options.allocate, options.release, options.memory_user);
    PT__TRY(make("(?:ab)+[^\\W\\d]*", &matcher));
    const pt_status_t status = matcher.match(matcher.settings, text, 0, 0, sizeof text - 1, &seconds, &match, &found);
    pt__matcher_free(&memory, &matcher);
    return status;
}

START_TEST(test_every_allocation_may_fail)
{
    failing_allocator_t allocator;
    pt_status_t status;
    FOR_EACH_FAILING_ALLOCATION(allocator, { status = live(&allocator); }, status);
}
END_TEST

/* A normalizer, and the pieces that a tokenizer cuts. */
START_TEST(test_tokenizers_with_patterns)
{
    static const char file[] =
        "{\"normalizer\": {\"type\": \"Replace\", \"pattern\": {\"Regex\": \"\\\\s+|^\"}, \"content\": \"_\"},"
        " \"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": {\"Regex\": \"_(?=\\\\w)\"}, \"behavior\":"
        " \"MergedWithNext\", \"invert\": false}, \"model\": {\"type\": \"WordLevel\", \"unk_token\": \"?\", \"vocab\":"
        " {\"?\": 0, \"_a\": 1, \"_b\": 2, \"_\": 3}}}";
    const pt_load_options_t place = {.struct_size = sizeof place, .data = file, .bytes = sizeof file - 1};
    const pt_text_t text = {.text = "a \n b\t", .bytes = -1};
    int32_t ids[8];
    uint32_t spans[16];
    pt_array_t id_view = {.dtype = PT_INT32, .data = ids, .capacity = 8},
               span_view = {.dtype = PT_UINT32, .data = spans, .capacity = 16};
    pt_context_t *context;
    pt_tokenizer_t *tokenizer;
    ck_ok(pt_context_create(NULL, &context));
    ck_ok(pt_tokenizer_open(context, NULL, &place, &tokenizer));
    ck_ok(pt_tokenizer_encode(tokenizer, &text, sizeof text, 1, NULL, &id_view, &span_view, NULL, sizeof id_view));
    ck_assert_int_eq(id_view.elements, 2);
    ck_assert_int_eq(ids[0], 1);
    ck_assert_int_eq(ids[1], 0); /* _b_ is not in the vocabulary */
    ck_assert_uint_eq(spans[0], 0);
    ck_assert_uint_eq(spans[1], 1);
    ck_assert_uint_eq(spans[2], 3); /* what is put there stands for the last blank */
    ck_assert_uint_eq(spans[3], 6);
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
}
END_TEST

SUITE("regex", 300, test_tokenizers_with_patterns, test_what_patterns_match, test_what_is_refused, test_long_texts,
      test_patterns_that_explode, test_texts_behind_one_that_failed, test_every_allocation_may_fail)
