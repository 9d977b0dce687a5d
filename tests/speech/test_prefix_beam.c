/* Prefix beam search: the sums over all paths that a beam without limits gives, with the scores of words; rows that
 * come a few at a time; memory that stays as it is; greedy decoding. */
#include "speech/prefix_beam.h"

#include <math.h>
#include <string.h>

#include "base/edit_distance.h"
#include "support/failing_allocator.h"
#include "support/suite.h"

enum { A, B, BLANK_CHARACTER, BLANK, CLASSES, ROWS = 6, MOST_TEXT = 8, TEXTS = 2000 };

static pt__spoken_token_t tokens[CLASSES] = {
    {"a", 1, PT__WORD_GOES_ON}, {"b", 1, PT__WORD_GOES_ON}, {"", 0, PT__WORD_PARTS}, {NULL, 0, 0}};
static pt__hot_word_t hot_words[] = {{"ab", 2, 1.5}, {"ba", 2, 0.5}, {"bb", 2, -1}};
static const char arpa[] = "\\data\\\nngram 1=4\nngram 2=2\n\\1-grams:\n-99 <s> -0.2\n-0.7 </s>\n-0.5 a -0.4\n-0.9 ab "
                           "-0.1\n\\2-grams:\n-0.3 <s> ab\n-0.6 a a\n\\end\\\n";

static uint32_t state;
static double draw(void)
{
    state = state * 1664525u + 1013904223u;
    return (double)(state >> 8) / 16777216.0;
}

static void draw_rows(float *rows, int64_t count, int32_t classes, double sharpness)
{
    for (int64_t i = 0; i < count; i++) {
        double sum = 0, drawn[64];
        for (int32_t c = 0; c < classes; c++)
            sum += drawn[c] = exp(sharpness * draw());
        for (int32_t c = 0; c < classes; c++)
            rows[i * classes + c] = (float)log(drawn[c] / sum);
    }
}

/* ---- All paths, one by one ---- */

typedef struct said {
    int32_t text[MOST_TEXT];
    int32_t length;
    double probability, score;
} said_t;

typedef struct all {
    said_t list[TEXTS];
    int32_t count;
} all_t;

static void add_path(all_t *all, const int32_t *path, double probability)
{
    said_t said = {.length = 0};
    int32_t i;
    for (i = 0; i < ROWS; i++)
        if (path[i] != BLANK && (i == 0 || path[i] != path[i - 1]))
            said.text[said.length++] = path[i];
    for (i = 0; i < all->count; i++)
        if (all->list[i].length == said.length &&
            memcmp(all->list[i].text, said.text, (size_t)said.length * sizeof *said.text) == 0)
            break;
    ck_assert_int_lt(i, TEXTS);
    if (i == all->count)
        all->list[all->count++] = said;
    all->list[i].probability += probability;
}

static double score_word(const pt__beam_settings_t *settings, const char *word, int64_t length,
                         pt__word_history_t *history)
{
    double score = settings->word_bonus;
    if (settings->language != NULL)
        score += settings->language_weight *
                 pt__language_model_score(settings->language, history,
                                          pt__language_model_word(settings->language, word, length), settings->unknown,
                                          history);
    for (int32_t i = 0; i < settings->n_hot_words; i++)
        if (hot_words[i].length == length && memcmp(hot_words[i].text, word, (size_t)length) == 0)
            score += hot_words[i].weight;
    return score;
}

static void score_text(const pt__beam_settings_t *settings, said_t *said)
{
    char word[MOST_TEXT];
    int64_t length = 0;
    pt__word_history_t history = {.count = 0};
    if (settings->language != NULL)
        history = pt__language_model_begin(settings->language);
    said->score = log(said->probability);
    for (int32_t i = 0; i <= said->length; i++) {
        if (i < said->length && said->text[i] != BLANK_CHARACTER) {
            word[length++] = said->text[i] == A ? 'a' : 'b';
            continue;
        }
        if (length > 0)
            said->score += score_word(settings, word, length, &history);
        length = 0;
    }
    if (settings->language != NULL)
        said->score += settings->language_weight * pt__language_model_end(settings->language, &history);
}

static void say_all(const pt__beam_settings_t *settings, const float *rows, all_t *all)
{
    int32_t path[ROWS] = {0};
    all->count = 0;
    for (int64_t number = 0; number < (int64_t)pow(CLASSES, ROWS); number++) {
        double probability = 1;
        int64_t rest = number;
        for (int32_t i = 0; i < ROWS; i++, rest /= CLASSES) {
            path[i] = (int32_t)(rest % CLASSES);
            probability *= exp((double)rows[i * CLASSES + path[i]]);
        }
        add_path(all, path, probability);
    }
    for (int32_t i = 0; i < all->count; i++)
        score_text(settings, &all->list[i]);
}

static void check_against_all(pt__memory_t *memory, const pt__beam_settings_t *settings, const float *rows)
{
    static all_t all;
    pt__beam_t *beam;
    pt__hypothesis_t found;
    double before = INFINITY;
    say_all(settings, rows, &all);
    ck_ok(pt__beam_create(memory, settings, &beam));
    for (int64_t i = 0; i < ROWS; i++) /* a row at a time */
        ck_ok(pt__beam_push(beam, 1, rows + i * CLASSES));
    ck_ok(pt__beam_finish(beam));
    ck_assert_int_eq(pt__beam_count(beam), all.count);
    for (int32_t rank = 0; rank < all.count; rank++) {
        int32_t i = 0;
        ck_ok(pt__beam_hypothesis(beam, rank, &found));
        while (i < all.count && !(all.list[i].length == found.count &&
                                  memcmp(all.list[i].text, found.tokens, (size_t)found.count * sizeof(int32_t)) == 0))
            i++;
        ck_assert_int_lt(i, all.count);
        ck_assert_double_eq_tol(found.score, all.list[i].score, 1e-5);
        ck_assert(found.score <= before);
        before = found.score;
        for (int64_t k = 0; k < found.count; k++)
            ck_assert(found.rows[k] >= 0 && found.rows[k] < ROWS);
    }
    pt__beam_free(beam);
}

START_TEST(test_all_paths)
{
    pt__memory_t memory;
    float rows[ROWS * CLASSES];
    pt__beam_settings_t settings = {
        .classes = CLASSES, .blank = BLANK, .width = TEXTS, .threshold = -1e30, .tokens = tokens};
    pt__language_model_t *model;
    pt__memory_init(&memory, NULL, NULL, NULL);
    ck_ok(pt__language_model_read(&memory, arpa, sizeof arpa - 1, &model));
    state = 5;
    for (int32_t i = 0; i < 6; i++) {
        draw_rows(rows, ROWS, CLASSES, 3);
        settings.word_bonus = i >= 2 ? 0.7 : 0;
        settings.language = i >= 3 ? model : NULL;
        settings.language_weight = 0.8;
        settings.unknown = -5;
        settings.hot_words = hot_words;
        settings.n_hot_words = i >= 4 ? 3 : 0;
        check_against_all(&memory, &settings, rows);
    }
    pt__language_model_free(model);
    ck_assert_int_eq(atomic_load(&memory.bytes), 0);
}
END_TEST

/* ---- Long runs ---- */

START_TEST(test_cuts_and_memory)
{
    enum { LONG = 6000 };
    static float rows[LONG * CLASSES];
    pt__memory_t memory;
    pt__beam_t *whole, *cut;
    pt__hypothesis_t first, second;
    pt__beam_settings_t settings = {
        .classes = CLASSES, .blank = BLANK, .width = 16, .threshold = -12, .tokens = tokens, .word_bonus = 0.2};
    pt__memory_init(&memory, NULL, NULL, NULL);
    state = 9;
    draw_rows(rows, LONG, CLASSES, 1);
    for (int64_t i = 0; i < LONG; i++) /* silence, with noise */
        for (int32_t c = 0; c < CLASSES && (i >= 40 || i % 4 == 0); c++)
            rows[i * CLASSES + c] = c == BLANK ? -1e-4f : rows[i * CLASSES + c] - 9;
    ck_ok(pt__beam_create(&memory, &settings, &whole));
    ck_ok(pt__beam_push(whole, LONG, rows));
    ck_ok(pt__beam_create(&memory, &settings, &cut));
    int64_t after = 0;
    for (int64_t at = 0, size = 1; at < LONG; at += size, size = 1 + (size * 7) % 50) {
        ck_ok(pt__beam_push(cut, at + size < LONG ? size : LONG - at, rows + at * CLASSES));
        if (after == 0 && at > 1000)
            after = atomic_load(&memory.bytes);
    }
    ck_assert_int_eq(atomic_load(&memory.bytes), after);
    ck_ok(pt__beam_finish(whole));
    ck_ok(pt__beam_finish(cut));
    ck_assert_int_eq(pt__beam_count(whole), pt__beam_count(cut));
    for (int32_t rank = 0; rank < pt__beam_count(whole); rank++) {
        ck_ok(pt__beam_hypothesis(whole, rank, &first));
        ck_ok(pt__beam_hypothesis(cut, rank, &second));
        ck_assert(first.score == second.score && first.count == second.count && first.count > 5);
        ck_assert_mem_eq(first.tokens, second.tokens, (size_t)first.count * sizeof(int32_t));
        ck_assert_mem_eq(first.rows, second.rows, (size_t)first.count * sizeof(int64_t));
    }
    pt__beam_reset(cut); /* another text finds nothing of the first */
    ck_ok(pt__beam_push(cut, LONG, rows));
    ck_ok(pt__beam_finish(cut));
    ck_ok(pt__beam_hypothesis(whole, 0, &first));
    ck_ok(pt__beam_hypothesis(cut, 0, &second));
    ck_assert(first.score == second.score && first.count == second.count);
    pt__beam_free(whole);
    pt__beam_free(cut);
    ck_assert_int_eq(atomic_load(&memory.bytes), 0);
}
END_TEST

START_TEST(test_greedy)
{
    static const int32_t best[] = {A, A, BLANK, A, B, B, BLANK_CHARACTER, BLANK, B};
    static const int32_t text[] = {A, A, B, BLANK_CHARACTER, B};
    static const int64_t at[] = {1, 3, 4, 6, 8};
    enum { COUNT = sizeof best / sizeof *best };
    float rows[COUNT * CLASSES];
    pt__memory_t memory;
    pt__beam_t *beam;
    pt__hypothesis_t found;
    const pt__beam_settings_t settings = {.classes = CLASSES, .blank = BLANK, .tokens = tokens};
    pt__memory_init(&memory, NULL, NULL, NULL);
    for (int32_t i = 0; i < COUNT; i++)
        for (int32_t c = 0; c < CLASSES; c++)
            rows[i * CLASSES + c] = c == best[i] ? (i == 1 ? -0.1f : -0.2f) : -3;
    ck_ok(pt__beam_create(&memory, &settings, &beam));
    ck_ok(pt__beam_push(beam, COUNT, rows));
    ck_ok(pt__beam_finish(beam));
    ck_assert_int_eq(pt__beam_count(beam), 1);
    ck_ok(pt__beam_hypothesis(beam, 0, &found));
    ck_assert_int_eq(found.count, 5);
    ck_assert_mem_eq(found.tokens, text, sizeof text);
    ck_assert_mem_eq(found.rows, at, sizeof at);
    ck_assert_double_eq_tol(found.score, -0.1 - 0.2 * (COUNT - 1), 1e-5);
    rows[CLASSES] = NAN;
    ck_assert_int_eq(pt__beam_push(beam, 2, rows), PT_ERR_ARGUMENT);
    ck_assert_msg(strstr(pt__error_message(), "row 10: the number of class 0 is nan") != NULL, "%s",
                  pt__error_message());
    pt__beam_free(beam);
}
END_TEST

START_TEST(test_failing_allocations)
{
    failing_allocator_t allocator;
    pt_status_t status;
    float rows[ROWS * CLASSES];
    const pt__beam_settings_t settings = {.classes = CLASSES,
                                          .blank = BLANK,
                                          .width = 2000,
                                          .threshold = -1e30,
                                          .tokens = tokens,
                                          .hot_words = hot_words,
                                          .n_hot_words = 3};
    state = 2;
    draw_rows(rows, ROWS, CLASSES, 2);
    FOR_EACH_FAILING_ALLOCATION(
        allocator,
        {
            pt__memory_t memory;
            pt__beam_t *beam;
            pt__hypothesis_t found;
            failing_allocator_memory(&allocator, &memory);
            status = pt__beam_create(&memory, &settings, &beam);
            if (status == PT_OK)
                status = pt__beam_push(beam, ROWS, rows);
            if (status == PT_OK)
                status = pt__beam_finish(beam);
            if (status == PT_OK)
                status = pt__beam_hypothesis(beam, 0, &found);
            pt__beam_free(beam);
        },
        status);
}
END_TEST

SUITE("prefix beam", 120, test_all_paths, test_cuts_and_memory, test_greedy, test_failing_allocations)
