/* Generation: a learned pattern continues, seeds decide, limits limit, and the choice of tokens follows the stated
 * distribution. */
#include <math.h>

#include "base/random.h"
#include "support/networks.h"
#include "train/sampling.h"

enum { PROMPT = 4, COUNT = 20 };

/* A model that has learned to count: 0 1 2 ... 16 0 1 ... */
static pt_model_t *counting_model(pt_context_t *context)
{
    static int32_t tokens[12 * 17];
    static int64_t lengths[17];
    pt_model_t *model = network_gpt(context);
    pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_ADAMW, 1e-2);
    for (int32_t i = 0; i < 17; i++) {
        lengths[i] = 12;
        for (int32_t k = 0; k < 12; k++)
            tokens[i * 12 + k] = (i + k) % 17;
    }
    pt_array_t value = {.name = "tokens", .data = tokens, .lengths = lengths, .dtype = PT_INT32};
    pt_step_result_t result = {.struct_size = sizeof result};
    network_set_task(model, PT_TASK_CAUSAL_LM, 0);
    for (int step = 0; step < 150; step++)
        ck_ok(pt_train_step(model, optimizer, &value, 1, sizeof(pt_array_t), 17, 0, &result));
    ck_assert(result.loss < 0.2);
    pt_optimizer_free(optimizer);
    return model;
}

static void generate(pt_model_t *model, const pt_generate_options_t *options, int32_t tokens[COUNT])
{
    int64_t count;
    ck_ok(generate_tokens(model, (int32_t[]){3, 4, 5, 6}, PROMPT, options, tokens, COUNT, &count));
    ck_assert_int_eq(count, COUNT);
}

START_TEST(test_continues)
{
    pt_context_t *context = network_context(2, 4);
    pt_model_t *model = counting_model(context);
    pt_generate_options_t options;
    int32_t greedy[COUNT], tokens[COUNT], other[COUNT];
    int64_t count;
    ck_ok(pt_generate_options_init(&options, sizeof options));
    options.count = COUNT;
    generate(model, &options, greedy); /* runs beyond the 12 positions: the window slides */
    for (int32_t i = 0; i < COUNT; i++)
        ck_assert_int_eq(greedy[i], (7 + i) % 17);
    options.temperature = 5;
    options.top_k = 1;
    generate(model, &options, tokens);
    ck_assert_mem_eq(tokens, greedy, sizeof tokens);
    options.top_k = 0;
    options.top_p = 1e-9;
    generate(model, &options, tokens);
    ck_assert_mem_eq(tokens, greedy, sizeof tokens);
    options.top_p = 0;
    options.seed = 1;
    generate(model, &options, tokens);
    ck_assert(memcmp(tokens, greedy, sizeof tokens) != 0);
    generate(model, &options, other);
    ck_assert_mem_eq(tokens, other, sizeof tokens);
    options.seed = 2;
    generate(model, &options, other);
    ck_assert(memcmp(tokens, other, sizeof tokens) != 0);
    options.temperature = 0;
    const pt_array_t stops = view_of_tokens(&(int32_t){9}, 1, NULL, 0);
    options.stops = &stops;
    options.array_size = sizeof stops;
    ck_ok(generate_tokens(model, (int32_t[]){3, 4, 5, 6}, PROMPT, &options, tokens, COUNT, &count));
    ck_assert_int_eq(count, 3); /* 7 8 9 */
    options.stops = NULL;
    options.count = 5;
    ck_ok(generate_tokens(model, (int32_t[]){3}, 1, &options, tokens, COUNT, &count));
    ck_assert_int_eq(count, 5);
    pt_model_cancel(model);
    ck_fails(generate_tokens(model, (int32_t[]){3}, 1, &options, tokens, COUNT, &count), PT_ERR_CANCELLED, "0 tokens");
    ck_assert_int_eq(count, 0);
    ck_ok(generate_tokens(model, (int32_t[]){3}, 1, &options, tokens, COUNT, &count));
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

/* Frequencies of draws from four logits against the probabilities that the limits leave. */
static void check_frequencies(const pt_generate_options_t *options, const double expected[4])
{
    enum { DRAWS = 40000 };
    static const float given[4] = {0.5f, 2.0f, -1.0f, 1.0f};
    pt__random_t random = pt__random_start(pt__random_key(5, 6));
    int counts[4] = {0};
    for (int i = 0; i < DRAWS; i++) {
        float logits[4];
        int32_t order[4];
        memcpy(logits, given, sizeof logits);
        counts[pt__sample_token(logits, 4, options, &random, order)]++;
    }
    for (int i = 0; i < 4; i++)
        ck_assert_double_eq_tol((double)counts[i] / DRAWS, expected[i], 0.01);
}

static void softmax(double temperature, const int kept[4], double probabilities[4])
{
    static const double given[4] = {0.5, 2.0, -1.0, 1.0};
    double total = 0;
    for (int i = 0; i < 4; i++)
        total += probabilities[i] = kept[i] ? exp(given[i] / temperature) : 0;
    for (int i = 0; i < 4; i++)
        probabilities[i] /= total;
}

START_TEST(test_distribution)
{
    pt_generate_options_t options;
    double expected[4];
    ck_ok(pt_generate_options_init(&options, sizeof options));
    options.temperature = 1;
    softmax(1, (int[]){1, 1, 1, 1}, expected);
    check_frequencies(&options, expected);
    options.temperature = 2;
    softmax(2, (int[]){1, 1, 1, 1}, expected);
    check_frequencies(&options, expected);
    options.temperature = 1;
    options.top_k = 2;
    softmax(1, (int[]){0, 1, 0, 1}, expected);
    check_frequencies(&options, expected);
    options.top_k = 0;
    options.top_p = 0.75; /* probabilities .14 .62 .03 .23: the two largest reach it */
    check_frequencies(&options, expected);
    options.top_p = 0.62; /* of these alone .63 .23 .14: one reaches what it would not of all, as in transformers */
    options.top_k = 3;
    softmax(1, (int[]){0, 1, 0, 0}, expected);
    check_frequencies(&options, expected);
    options.top_p = 0.65;
    softmax(1, (int[]){0, 1, 0, 1}, expected);
    check_frequencies(&options, expected);
    options.top_k = 0;
    options.top_p = 0.99;
    softmax(1, (int[]){1, 1, 1, 1}, expected);
    check_frequencies(&options, expected);
}
END_TEST

/* Without a seed of its own a call draws by the context's, and each call anew. */
START_TEST(test_seeds)
{
    int32_t texts[2][3][COUNT], again[COUNT];
    for (uint64_t seed = 0; seed < 4; seed++) { /* two contexts of seed 8, two of seed 9 */
        pt_context_t *context = network_context(1, 8 + seed / 2), *other = network_context(1, 3);
        pt_model_t *source = network_gpt(other), *model = network_gpt(context);
        pt_generate_options_t options;
        network_set_task(source, PT_TASK_CAUSAL_LM, 0);
        ck_ok(pt_model_save(source, suite_path("weights"), NULL));
        network_set_task(model, PT_TASK_CAUSAL_LM, 0);
        ck_ok(pt_model_load(model, suite_path("weights"), NULL)); /* the same in all */
        ck_ok(pt_generate_options_init(&options, sizeof options));
        options.count = COUNT;
        options.temperature = 1;
        for (int call = 0; call < 2; call++) {
            generate(model, &options, again);
            if (seed % 2 == 0)
                memcpy(texts[seed / 2][call], again, sizeof again);
            else
                ck_assert_mem_eq(texts[seed / 2][call], again, sizeof again);
        }
        options.seed = 5;
        generate(model, &options, again);
        if (seed == 0)
            memcpy(texts[0][2], again, sizeof again);
        ck_assert_mem_eq(texts[0][2], again, sizeof again);
        pt_model_free(source);
        pt_model_free(model);
        pt_context_free(context);
        pt_context_free(other);
    }
    ck_assert(memcmp(texts[0][0], texts[0][1], sizeof again) != 0);
    ck_assert(memcmp(texts[0][0], texts[1][0], sizeof again) != 0);
    ck_assert(memcmp(texts[0][1], texts[1][1], sizeof again) != 0);
}
END_TEST

SUITE("generate", 60, test_continues, test_distribution, test_seeds)
