/* What a token is drawn from, beside transformers' logits processors (tests/golden/sampling.txt, by make_sampling.py),
 * and that draws without limits follow it too. */
#include <math.h>

#include "support/golden.h"
#include "train/sampling.h"

enum { CASES = 13, CLASSES = 16, TOKENS = 7 };

typedef struct sampled {
    pt_generate_options_t options;
    float logits[CLASSES]; /* with the penalty */
    double expected[CLASSES];
} sampled_t;

static void read_case(int number, sampled_t *sampled)
{
    char key[64];
    double options[5], tokens[TOKENS];
    int32_t text[TOKENS], marks[CLASSES] = {5, 1}; /* may hold anything */
    snprintf(key, sizeof key, "%d options", number);
    ck_assert_int_eq(golden_numbers(key, options, 5), 5);
    snprintf(key, sizeof key, "%d logits", number);
    ck_assert_int_eq(golden_floats(key, sampled->logits, CLASSES), CLASSES);
    snprintf(key, sizeof key, "%d tokens", number);
    ck_assert_int_eq(golden_numbers(key, tokens, TOKENS), TOKENS);
    snprintf(key, sizeof key, "%d probabilities", number);
    ck_assert_int_eq(golden_numbers(key, sampled->expected, CLASSES), CLASSES);
    for (int i = 0; i < TOKENS; i++)
        text[i] = (int32_t)tokens[i];
    ck_ok(pt_generate_options_init(&sampled->options, sizeof sampled->options));
    sampled->options.temperature = options[0];
    sampled->options.top_k = (int64_t)options[1];
    sampled->options.top_p = options[2];
    sampled->options.min_p = options[3];
    if (options[4] > 0)
        pt__sample_penalize(sampled->logits, text, TOKENS, options[4], marks);
}

START_TEST(test_choices)
{
    golden_read("tests/golden/sampling.txt");
    for (int number = 0; number < CASES; number++) {
        sampled_t sampled;
        int32_t order[CLASSES];
        double found[CLASSES] = {0};
        read_case(number, &sampled);
        const pt__choices_t choices = pt__sample_choices(sampled.logits, CLASSES, &sampled.options, order);
        for (int64_t i = 0; i < (choices.taken > 0 ? choices.taken : CLASSES); i++)
            found[order[CLASSES - 1 - i]] = (double)sampled.logits[order[CLASSES - 1 - i]] / choices.kept;
        for (int i = 0; i < CLASSES; i++)
            ck_assert_msg(fabs(found[i] - sampled.expected[i]) < 2e-7, "case %d, token %d: %.9g, expected %.9g", number,
                          i, found[i], sampled.expected[i]);
    }
}
END_TEST

START_TEST(test_draws)
{
    enum { DRAWS = 40000 };
    golden_read("tests/golden/sampling.txt");
    for (int number = 0; number < CASES; number++) {
        pt__random_t random = pt__random_start(pt__random_key(5, 6));
        int32_t order[CLASSES], counts[CLASSES] = {0};
        sampled_t sampled;
        read_case(number, &sampled);
        for (int i = 0; i < DRAWS; i++) {
            float logits[CLASSES];
            memcpy(logits, sampled.logits, sizeof logits);
            counts[pt__sample_token(logits, CLASSES, &sampled.options, &random, order)]++;
        }
        for (int i = 0; i < CLASSES; i++)
            ck_assert_double_eq_tol((double)counts[i] / DRAWS, sampled.expected[i], 0.01);
    }
}
END_TEST

SUITE("sampling", 60, test_choices, test_draws)
