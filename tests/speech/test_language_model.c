/* Language models of n-grams: what an ARPA file says of words behind others, backing off; files that are none. */
#include "speech/language_model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "support/failing_allocator.h"
#include "support/suite.h"

static const char file[] = "\\data\\\n"
                           "ngram 1=5\n"
                           "ngram 2=4\n"
                           "ngram 3=1\n"
                           "\n"
                           "\\1-grams:\n"
                           "-1.0\t<unk>\n"
                           "-99\t<s>\t-0.5\n"
                           "-0.9\t</s>\n"
                           "-0.6\tthe\t-0.3\n"
                           "-1.2\tcat\t-0.2\r\n"
                           "\n"
                           "\\2-grams:\n"
                           "-0.4\t<s> the\t-0.1\n"
                           "-0.7 the cat -0.05\n"
                           "-0.2\tcat </s>\n"
                           "-1.5\tcat cat\n"
                           "\\3-grams:\n"
                           "-0.15\t<s> the cat\n"
                           "\n\\end\\\n";

static pt__language_model_t *open_model(pt__memory_t *memory, const char *text)
{
    pt__language_model_t *model;
    ck_ok(pt__language_model_read(memory, text, (int64_t)strlen(text), &model));
    return model;
}

static int32_t word(const pt__language_model_t *model, const char *text)
{
    return pt__language_model_word(model, text, (int64_t)strlen(text));
}

/* to base 10 */
static void expect(double found, double expected)
{
    ck_assert_double_eq_tol(found / log(10), expected, 1e-6);
}

START_TEST(test_scores)
{
    pt__memory_t memory;
    pt__memory_init(&memory, NULL, NULL, NULL);
    pt__language_model_t *model = open_model(&memory, file);
    pt__word_history_t history = pt__language_model_begin(model), next;
    ck_assert_int_eq(word(model, "dog"), -1);
    expect(pt__language_model_score(model, &history, word(model, "the"), -7, &history), -0.4);
    expect(pt__language_model_score(model, &history, word(model, "cat"), -7, &next), -0.15);
    /* "<s> the </s>" and "the </s>" are not there */
    expect(pt__language_model_end(model, &history), -0.1 - 0.3 - 0.9);
    expect(pt__language_model_score(model, &history, word(model, "the"), -7, NULL), -0.1 - 0.3 - 0.6);
    history = next; /* "the cat" */
    expect(pt__language_model_end(model, &history), -0.05 - 0.2);
    expect(pt__language_model_score(model, &history, word(model, "cat"), -7, &next), -0.05 - 1.5);
    expect(pt__language_model_score(model, &history, -1, -7, &next), -0.05 - 0.2 - 1.0);
    /* behind "<unk>", of which nothing is known, all backs off without a cost */
    expect(pt__language_model_score(model, &next, word(model, "cat"), -7, NULL), -1.2);
    int32_t low = 0, high = pt__language_model_words(model);
    ck_assert_int_eq(high, 5);
    pt__language_model_narrow(model, 0, "<", 1, &low, &high);
    ck_assert_int_eq(high - low, 3); /* <unk>, <s>, </s> */
    pt__language_model_narrow(model, 1, "s>", 2, &low, &high);
    ck_assert_int_eq(high - low, 1);
    pt__language_model_narrow(model, 3, "x", 1, &low, &high);
    ck_assert_int_eq(high - low, 0);
    pt__language_model_free(model);
    model = open_model(&memory, "\\data\\\nngram 1=1\n\\1-grams:\n-0.5 a\n\\end\\\n");
    history = pt__language_model_begin(model);
    ck_assert_int_eq(history.count, 0);
    ck_assert_double_eq(pt__language_model_score(model, &history, -1, -7, &next), -7);
    expect(pt__language_model_score(model, &next, word(model, "a"), -7, NULL), -0.5);
    ck_assert_double_eq(pt__language_model_end(model, &history), 0);
    pt__language_model_free(model);
    ck_assert_int_eq(atomic_load(&memory.bytes), 0);
}
END_TEST

START_TEST(test_refusals)
{
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"", "no line \"\\data\\\""},
        {"hello\nworld\n", "no line \"\\data\\\""},
        {"\\data\\\nngram 1=1\n\\1-grams:\n-1 a\n", "ends before"},
        {"\\data\\\nngram 1=1\n\\2-grams:\n-1 a b\n\\end\\\n", "line 3: \"\\2-grams:\""},
        {"\\data\\\nngram 1=1\nother\n\\1-grams:\n\\end\\\n", "line 3: \"other\""},
        {"\\data\\\nngram 1=1\n\\1-grams:\nx a\n\\end\\\n", "line 4: \"x a\", expected the logarithm"},
        {"\\data\\\nngram 1=1\n\\1-grams:\n0.5 a\n\\end\\\n", "line 4: \"0.5 a\""},
        {"\\data\\\nngram 1=1\n\\1-grams:\nnan a\n\\end\\\n", "line 4"},
        {"\\data\\\nngram 1=1\n\\1-grams:\n-1\n\\end\\\n", "more words"},
        {"\\data\\\nngram 1=1\n\\1-grams:\n-1 a -1 b\n\\end\\\n", "nothing behind the words"},
        {"\\data\\\nngram 1=1\n\\1-grams:\n-1 a\n\\3-grams:\n-1 a a a\n\\end\\\n", "\\3-grams:"},
        {"\\data\\\nngram 1=1\n\\end\\\n", "\"\\end\\\""},
    };
    pt__memory_t memory;
    pt__memory_init(&memory, NULL, NULL, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pt__language_model_t *model;
        ck_assert_int_eq(pt__language_model_read(&memory, cases[i].text, (int64_t)strlen(cases[i].text), &model),
                         PT_ERR_FORMAT);
        ck_assert_ptr_null(model);
        ck_assert_msg(strstr(pt__error_message(), cases[i].part) != NULL, "%d: %s", (int)i, pt__error_message());
    }
    ck_assert_int_eq(atomic_load(&memory.bytes), 0);
}
END_TEST

/* More words than the first tables hold, all of which are found again. */
START_TEST(test_many_words)
{
    enum { WORDS = 3000 };
    static char text[WORDS * 64];
    size_t at = (size_t)snprintf(text, sizeof text, "\\data\\\nngram 1=%d\n\\1-grams:\n", WORDS);
    pt__memory_t memory;
    pt__memory_init(&memory, NULL, NULL, NULL);
    for (int i = 0; i < WORDS; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "-%d.5 w%d -0.%03d\n", i % 7, i, i % 1000);
    at += (size_t)snprintf(text + at, sizeof text - at, "\\2-grams:\n");
    for (int i = 0; i + 1 < WORDS; i += 3)
        at += (size_t)snprintf(text + at, sizeof text - at, "-0.25 w%d w%d\n", i, i + 1);
    snprintf(text + at, sizeof text - at, "\\end\\\n");
    pt__language_model_t *model = open_model(&memory, text);
    for (int i = 0; i + 1 < WORDS; i++) {
        char name[16];
        pt__word_history_t history = {.count = 0}, next;
        snprintf(name, sizeof name, "w%d", i);
        expect(pt__language_model_score(model, &history, word(model, name), -7, &next), -(i % 7 + 0.5));
        snprintf(name, sizeof name, "w%d", i + 1);
        expect(pt__language_model_score(model, &next, word(model, name), -7, NULL),
               i % 3 == 0 ? -0.25 : -((i + 1) % 7 + 0.5) - i % 1000 / 1000.0);
    }
    pt__language_model_free(model);
}
END_TEST

START_TEST(test_failing_allocations)
{
    failing_allocator_t allocator;
    pt_status_t status;
    FOR_EACH_FAILING_ALLOCATION(
        allocator,
        {
            pt__memory_t memory;
            pt__language_model_t *model;
            failing_allocator_memory(&allocator, &memory);
            status = pt__language_model_read(&memory, file, sizeof file - 1, &model);
            pt__language_model_free(model);
        },
        status);
}
END_TEST

SUITE("language model", 60, test_scores, test_refusals, test_many_words, test_failing_allocations)
