/* The masked language model: which tokens are hidden and what stands in their place, that a run which goes on hides
 * what it would have hidden, at any number of threads, that evaluations always hide the same, and that it learns. */
#include "base/random.h"
#include "pretrain.h"
#include "support/suite.h"
#include "support/views.h"
#include "tasks/tasks.h"
#include "train/model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS = 30, MASK = 4, SPECIAL = 5, SAMPLES = 400, LENGTH = 22 };

static const char config[] = "{\"model_type\": \"bert\", \"vocab_size\": 30, \"max_position_embeddings\": 24, "
                             "\"hidden_size\": 16, \"num_hidden_layers\": 2, \"num_attention_heads\": 2, "
                             "\"intermediate_size\": 24, \"hidden_dropout_prob\": 0.01, "
                             "\"attention_probs_dropout_prob\": 0.01}";

/* The first five tokens are special, from 20 on they continue a word. */
static uint8_t kinds[WORDS];
static pt_array_t kinds_view = {.dtype = PT_UINT8, .data = kinds, .elements = WORDS};

static pt_masked_lm_options_t options_of(uint32_t flags)
{
    pt_masked_lm_options_t options;
    for (int32_t i = 0; i < WORDS; i++)
        kinds[i] = i < SPECIAL ? PT_TOKEN_SPECIAL : i < 20 ? 0 : PT_TOKEN_CONTINUES;
    ck_ok(pt_masked_lm_options_init(&options, sizeof options));
    options.flags = flags;
    options.mask_token = MASK;
    options.token_kinds = &kinds_view;
    options.array_size = sizeof kinds_view;
    return options;
}

/* Samples of LENGTH tokens between two special ones. */
static int32_t tokens[SAMPLES * LENGTH], labels[SAMPLES * LENGTH], shown[SAMPLES * LENGTH], offsets[SAMPLES + 1];

static void make_tokens(void)
{
    pt__random_t random = pt__random_start(7);
    for (int32_t i = 0; i < SAMPLES * LENGTH; i++)
        tokens[i] = SPECIAL + (int32_t)pt__random_below(&random, WORDS - SPECIAL);
    for (int32_t i = 0; i <= SAMPLES; i++)
        offsets[i] = i * LENGTH;
    for (int32_t i = 0; i < SAMPLES; i++) {
        tokens[offsets[i]] = 2;
        tokens[offsets[i + 1] - 1] = 3;
    }
}

static const pt__derived_t *derived_field(int32_t index)
{
    return &pt__task_find(PT_TASK_MASKED_LM)->derived[index];
}

/* Hides tokens of samples [first, first + count), into labels and shown from their places on. */
static void hide(const pt_masked_lm_options_t *options, int32_t first, int32_t count, uint64_t key)
{
    pt__task_options_t chosen;
    pt_context_t *context;
    float *owned;
    int32_t own[SAMPLES + 1];
    ck_ok(pt_context_create(NULL, &context));
    ck_ok(pt__task_choose(&context->memory, PT_TASK_MASKED_LM, options, &chosen, &owned));
    for (int32_t i = 0; i <= count; i++)
        own[i] = i * LENGTH;
    const pt__derivation_t derivation = {.from = tokens + first * LENGTH,
                                         .offsets = own,
                                         .samples = count,
                                         .limit = WORDS,
                                         .key = key,
                                         .options = &chosen};
    derived_field(0)->derive(&derivation, labels + first * LENGTH);
    derived_field(1)->derive(&derivation, shown + first * LENGTH);
    pt__release(&context->memory, owned);
    pt_context_free(context);
}

static void near(double value, double expected, double tolerance, const char *what)
{
    ck_assert_msg(fabs(value - expected) <= tolerance, "%s: %g, expected %g", what, value, expected);
}

START_TEST(test_what_is_hidden)
{
    pt_masked_lm_options_t options = options_of(0);
    double hidden = 0, masked = 0, same = 0, other = 0, at[LENGTH] = {0};
    make_tokens();
    hide(&options, 0, SAMPLES, 99);
    for (int32_t s = 0; s < SAMPLES; s++) {
        int32_t of_sample = 0;
        for (int32_t i = 0; i < LENGTH; i++) {
            const int32_t row = offsets[s] + i;
            if (labels[row] == PT_IGNORE_INDEX) {
                ck_assert_int_eq(shown[row], tokens[row]);
                continue;
            }
            ck_assert_int_eq(labels[row], tokens[row]);
            ck_assert_int_ge(tokens[row], SPECIAL);
            ck_assert(shown[row] == MASK || shown[row] >= SPECIAL);
            of_sample++;
            at[i]++;
            masked += shown[row] == MASK;
            same += shown[row] == tokens[row];
            other += shown[row] != MASK && shown[row] != tokens[row];
        }
        ck_assert_int_eq(of_sample, 3); /* 0.15 of 20 */
        hidden += of_sample;
    }
    near(masked / hidden, 0.8, 0.04, "share of mask tokens"); /* some three standard deviations */
    near(other / hidden, 0.1 * 24 / 25, 0.03, "share of other tokens");
    near(same / hidden, 0.1 + 0.1 / 25, 0.03, "share of tokens that stay");
    for (int32_t i = 1; i < LENGTH - 1; i++) /* every place alike: three of twenty */
        near(at[i] / SAMPLES, 0.15, 0.06, "share of a place");
    ck_assert(at[0] == 0 && at[LENGTH - 1] == 0);
}
END_TEST

START_TEST(test_shares)
{
    pt_masked_lm_options_t options = options_of(0);
    make_tokens();
    options.probability = 1;
    options.masked = 1;
    options.random = 0;
    hide(&options, 0, 5, 1);
    for (int32_t i = 0; i < 5 * LENGTH; i++)
        ck_assert(tokens[i] < SPECIAL ? labels[i] == PT_IGNORE_INDEX && shown[i] == tokens[i]
                                      : labels[i] == tokens[i] && shown[i] == MASK);
    options.probability = 0;
    hide(&options, 0, 5, 1);
    for (int32_t i = 0; i < 5 * LENGTH; i++)
        ck_assert(labels[i] == PT_IGNORE_INDEX && shown[i] == tokens[i]);
    options.probability = 0.001; /* one at least */
    hide(&options, 0, 5, 1);
    int32_t count = 0;
    for (int32_t i = 0; i < 5 * LENGTH; i++)
        count += labels[i] != PT_IGNORE_INDEX;
    ck_assert_int_eq(count, 5);
}
END_TEST

/* Of a word all tokens are hidden, or none. */
START_TEST(test_whole_words)
{
    pt_masked_lm_options_t options = options_of(PT_MASK_WHOLE_WORDS);
    double hidden = 0;
    make_tokens();
    hide(&options, 0, SAMPLES, 5);
    for (int32_t i = 1; i < SAMPLES * LENGTH; i++) {
        hidden += labels[i] != PT_IGNORE_INDEX;
        if (tokens[i] >= 20 && tokens[i - 1] >= SPECIAL)
            ck_assert_int_eq(labels[i] == PT_IGNORE_INDEX, labels[i - 1] == PT_IGNORE_INDEX);
    }
    near(hidden / (SAMPLES * (LENGTH - 2)), 0.15, 0.02, "share that is hidden");
}
END_TEST

/* Draws of a sample depend on the key and on it alone, not on what else is in the batch. */
START_TEST(test_cuts)
{
    static int32_t labels_before[SAMPLES * LENGTH], shown_before[SAMPLES * LENGTH];
    pt_masked_lm_options_t options = options_of(0);
    make_tokens();
    hide(&options, 0, SAMPLES, 3);
    memcpy(labels_before, labels, sizeof labels);
    memcpy(shown_before, shown, sizeof shown);
    hide(&options, 0, 150, 3);
    hide(&options, 150, 250, 3);
    ck_assert_mem_eq(labels_before, labels, sizeof labels);
    ck_assert_mem_eq(shown_before, shown, sizeof shown);
    hide(&options, 0, SAMPLES, 4);
    ck_assert(memcmp(labels_before, labels, sizeof labels) != 0);
}
END_TEST

START_TEST(test_places)
{
    static const int32_t given[] = {-100, 7, -100, 8, 9, -100}, own[] = {0, 2, 3, 6}, expected[] = {1, 3, 4},
                         expected_offsets[] = {0, 1, 1, 3};
    int32_t places[6], chosen[4];
    const pt__derivation_t derivation = {.from = given, .offsets = own, .samples = 3, .chosen = chosen};
    derived_field(2)->derive(&derivation, places);
    ck_assert_mem_eq(places, expected, sizeof expected);
    ck_assert_mem_eq(chosen, expected_offsets, sizeof expected_offsets);
}
END_TEST

/* ---- Training ---- */

static pt_context_t *start(int32_t threads)
{
    pt_context_options_t options;
    pt_context_t *context;
    ck_ok(pt_context_options_init(&options, sizeof options));
    options.threads = threads;
    options.seed = 11;
    ck_ok(pt_context_create(&options, &context));
    return context;
}

static pt_model_t *make_model(pt_context_t *context)
{
    const pt_masked_lm_options_t options = options_of(0);
    pt_model_t *model;
    ck_ok(pt_model_create_from_config(context, config, sizeof config - 1, &model));
    ck_ok(pt_model_set_task(model, PT_TASK_MASKED_LM, &options));
    return model;
}

/* A text in which a token says the next: each sample counts on. */
static pt_dataset_t *make_data(pt_context_t *context)
{
    static int64_t lengths[200];
    static int32_t counted[200 * LENGTH];
    int64_t rows = 0;
    pt_dataset_t *dataset;
    for (int32_t s = 0; s < 200; s++) {
        lengths[s] = 8 + s % 14;
        for (int64_t i = 0; i < lengths[s]; i++)
            counted[rows++] = SPECIAL + (int32_t)((s * 7 + i) % (WORDS - SPECIAL));
    }
    pt_array_t array = {.name = "tokens",
                        .dtype = PT_INT32,
                        .rank = 1,
                        .shape = {PT_DIM_TOKENS},
                        .data = counted,
                        .elements = rows,
                        .lengths = lengths,
                        .samples = 200};
    ck_ok(pt_dataset_create_from_arrays(context, &array, 1, sizeof array, 200, 0, &dataset));
    return dataset;
}

static pt_optimizer_t *make_optimizer(pt_context_t *context)
{
    pt_optimizer_options_t options;
    pt_optimizer_t *optimizer;
    ck_ok(pt_optimizer_options_init(&options, sizeof options));
    options.learning_rate = 0.01;
    ck_ok(pt_optimizer_create(context, &options, &optimizer));
    return optimizer;
}

/* Trains steps up to `steps`, with PT_TRAIN_RESUME from the newest checkpoint on; the weights at the end, freed by the
 * caller. */
static float *train(int32_t threads, int64_t steps, const char *directory, uint32_t flags, int64_t *elements)
{
    pt_context_t *context = start(threads);
    pt_model_t *model = make_model(context);
    pt_dataset_t *dataset = make_data(context);
    pt_optimizer_t *optimizer = make_optimizer(context);
    pt_train_options_t options;
    ck_ok(pt_train_options_init(&options, sizeof options));
    options.steps = steps;
    options.batch = 16;
    options.checkpoint_directory = directory;
    options.flags = flags;
    ck_ok(pt_pretrain(model, optimizer, dataset, &options, NULL));
    *elements = 0;
    for (int64_t i = 0; i < pt_model_parameter_count(model); i++) {
        pt_parameter_info_t info = {.struct_size = sizeof info};
        ck_ok(pt_model_parameter_info(model, i, &info));
        *elements += info.elements;
    }
    float *weights = malloc((size_t)*elements * sizeof *weights);
    ck_assert_ptr_nonnull(weights);
    int64_t at = 0;
    for (int64_t i = 0; i < pt_model_parameter_count(model); i++) {
        pt_parameter_info_t info = {.struct_size = sizeof info};
        ck_ok(pt_model_parameter_info(model, i, &info));
        ck_ok(get_parameter(model, i, weights + at, info.elements));
        at += info.elements;
    }
    pt_optimizer_free(optimizer);
    pt_dataset_free(dataset);
    pt_model_free(model);
    pt_context_free(context);
    return weights;
}

START_TEST(test_resume_and_threads)
{
    int64_t elements, again;
    float *whole = train(1, 9, NULL, 0, &elements);
    float *threads = train(3, 9, NULL, 0, &again);
    ck_assert_int_eq(elements, again);
    ck_assert_mem_eq(whole, threads, (size_t)elements * sizeof *whole);
    free(train(1, 4, suite_path("run"), 0, &again));
    float *resumed = train(2, 9, suite_path("run"), PT_TRAIN_RESUME, &again);
    ck_assert_mem_eq(whole, resumed, (size_t)elements * sizeof *whole);
    free(resumed);
    free(threads);
    free(whole);
}
END_TEST

START_TEST(test_learns)
{
    pt_context_t *context = start(2);
    pt_model_t *model = make_model(context);
    pt_dataset_t *dataset = make_data(context);
    pt_optimizer_t *optimizer = make_optimizer(context);
    pt_evaluation_t before = {.struct_size = sizeof before}, after = before;
    pt_train_options_t options;
    ck_ok(pt_evaluate(model, dataset, 16, &before));
    double perplexity = pt_model_metric_value(model, "perplexity");
    near(perplexity, exp(before.loss), 1e-4 * perplexity, "perplexity");
    near(before.loss, log(WORDS), 0.3, "the loss at first");
    ck_ok(pt_evaluate(model, dataset, 7, &after)); /* the same tokens are hidden, however batches are cut */
    near(after.loss, before.loss, 1e-5, "the loss of another batch size");
    ck_ok(pt_train_options_init(&options, sizeof options));
    options.epochs = 100;
    options.batch = 16;
    ck_ok(pt_pretrain(model, optimizer, dataset, &options, NULL));
    ck_ok(pt_evaluate(model, dataset, 16, &after));
    ck_assert_msg(after.loss < 0.5 * before.loss, "loss %g to %g", before.loss, after.loss);
    ck_assert_double_gt(pt_model_metric_value(model, "accuracy"), 0.6);
    pt_optimizer_free(optimizer);
    pt_dataset_free(dataset);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

/* What a step costs is told without the rows that the task hides: their share of the tokens, one a sample at least. */
START_TEST(test_estimate)
{
    pt_context_t *context = start(1);
    pt_model_t *model = make_model(context);
    const pt_dim_rows_t few = {"tokens", 80}, many = {"tokens", 800}, none = {"tokens", 3};
    pt_estimate_t first = {.struct_size = sizeof first}, second = first;
    ck_ok(pt_model_estimate(model, NULL, 4, &few, 1, sizeof few, &first));
    ck_ok(pt_model_estimate(model, NULL, 4, &many, 1, sizeof many, &second));
    ck_assert_double_gt(first.operations, 0);
    ck_assert_double_gt(second.operations, 9 * first.operations);
    ck_fails(pt_model_estimate(model, NULL, 4, &none, 1, sizeof none, &first), PT_ERR_ARGUMENT, "3 rows of \"tokens\"");
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

/* Options, the kinds of tokens among them, come back with a saved model; the head that is in the file too. */
START_TEST(test_saved)
{
    pt_context_t *context = start(1);
    pt_model_t *model = make_model(context), *again;
    pt_dataset_t *dataset = make_data(context);
    pt_evaluation_t saved = {.struct_size = sizeof saved}, opened = saved;
    ck_ok(pt_evaluate(model, dataset, 16, &saved));
    ck_ok(pt_model_save(model, suite_path("m.safetensors"), NULL));
    ck_ok(pt_model_open(context, suite_path("m.safetensors"), NULL, &again));
    ck_assert_str_eq(pt_model_task(again), PT_TASK_MASKED_LM);
    ck_ok(pt_evaluate(again, dataset, 16, &opened));
    ck_assert_double_eq(saved.loss, opened.loss);
    ck_assert(again->task.outputs == WORDS && again->task.per_output[25] == PT_TOKEN_CONTINUES);
    ck_assert(again->task.masking.mask_token == MASK && again->task.masking.masked == 0.8);
    pt_model_free(again);
    pt_dataset_free(dataset);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

/* A batch in which nothing is hidden counts nothing. */
START_TEST(test_nothing_hidden)
{
    pt_context_t *context = start(1);
    pt_model_t *model = make_model(context);
    pt_optimizer_t *optimizer = make_optimizer(context);
    int32_t some[] = {6, 7, 8, 9, 10}, none[] = {-100, -100, -100, -100, -100};
    const int64_t lengths[] = {2, 3};
    pt_array_t values[] = {{.name = "tokens", .dtype = PT_INT32, .data = some, .lengths = view_data(lengths)},
                           {.name = "masked_labels", .dtype = PT_INT32, .data = none, .lengths = view_data(lengths)}};
    pt_step_result_t result = {.struct_size = sizeof result};
    ck_ok(pt_train_step(model, optimizer, values, 2, sizeof values[0], 2, PT_STEP_ACCUMULATE, &result));
    ck_assert(isnan(result.loss)); /* no label counted */
    none[4] = 11;
    ck_ok(pt_train_step(model, optimizer, values, 2, sizeof values[0], 2, PT_STEP_ACCUMULATE, &result));
    ck_assert(isfinite(result.loss));
    none[4] = WORDS;
    ck_fails(pt_train_step(model, optimizer, values, 2, sizeof values[0], 2, 0, &result), PT_ERR_ARGUMENT,
             "masked_labels");
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

START_TEST(test_refused)
{
    pt_context_t *context = start(1);
    pt_dataset_t *dataset = make_data(context);
    pt_evaluation_t evaluation = {.struct_size = sizeof evaluation};
    pt_model_t *model;
    pt_masked_lm_options_t options;
    ck_ok(pt_model_create_from_config(context, config, sizeof config - 1, &model));
#define REFUSED(change, part)                                                                   \
    do {                                                                                        \
        options = options_of(0);                                                                \
        change;                                                                                 \
        ck_fails(pt_model_set_task(model, PT_TASK_MASKED_LM, &options), PT_ERR_ARGUMENT, part); \
    } while (0)
    REFUSED(options.flags = 2, "flags is 0x2");
    REFUSED(options.probability = 1.5, "probability is 1.5");
    REFUSED(options.random = 0.3, "masked 0.8 and random 0.3");
    REFUSED(options.mask_token = WORDS, "mask_token is 30, expected less than the vocabulary's 30");
    REFUSED(options.mask_token = -2, "mask_token is -2");
    REFUSED((options.flags = PT_MASK_WHOLE_WORDS, options.token_kinds = NULL), "token_kinds");
    REFUSED(kinds[9] = 4, "token_kinds[9] is 4");
    REFUSED(memset(kinds, PT_TOKEN_SPECIAL, sizeof kinds), "special");
    ck_ok(pt_model_set_task(model, PT_TASK_MASKED_LM, NULL)); /* for data that is masked already */
    ck_fails(pt_evaluate(model, dataset, 16, &evaluation), PT_ERR_ARGUMENT, "mask_token is not given");
    pt_model_free(model);
    pt_dataset_free(dataset);
    pt_context_free(context);
}
END_TEST

/* What a tokenizer's tokens are: of WordPiece and of byte-level BPE. */
START_TEST(test_kinds_of_tokens)
{
    static const char *const files[] = {"tests/golden/tokenizer_bert.json", "tests/golden/tokenizer_gpt2.json"};
    pt_context_t *context = start(1);
    for (int32_t f = 0; f < 2; f++) {
        static uint8_t found[1 << 16];
        pt_array_t view = {.dtype = PT_UINT8, .data = found, .capacity = sizeof found};
        int32_t count[2] = {0};
        pt_tokenizer_t *tokenizer;
        pt_status_t status = pt_tokenizer_open(context, suite_source(files[f]), NULL, &tokenizer);
        if (status == PT_ERR_UNSUPPORTED)
            continue; /* a library without utf8proc */
        ck_ok(status);
        ck_ok(pt_tokenizer_kinds(tokenizer, &view, sizeof view));
        ck_assert_int_eq(view.elements, pt_tokenizer_size(tokenizer));
        for (int32_t i = 0; i < pt_tokenizer_size(tokenizer); i++) {
            const char *token = pt_tokenizer_token(tokenizer, i);
            if (token == NULL || found[i] == PT_TOKEN_SPECIAL)
                continue;
            const int32_t blank = strncmp(token, "\xC4\xA0", 2) == 0,
                          letter = (token[0] | 32) >= 'a' && (token[0] | 32) <= 'z';
            if (f == 0)
                ck_assert_msg((strncmp(token, "##", 2) == 0 && token[2] != 0) == (found[i] == PT_TOKEN_CONTINUES), "%s",
                              token);
            else if (blank || letter)
                ck_assert_msg(letter == (found[i] == PT_TOKEN_CONTINUES), "%s", token);
            count[found[i] == PT_TOKEN_CONTINUES]++;
        }
        ck_assert(count[0] > 0 && count[1] > 0);
        if (f == 0)
            ck_assert_int_eq(found[pt_tokenizer_id(tokenizer, "[CLS]")], PT_TOKEN_SPECIAL);
        view.capacity = 3;
        ck_fails(pt_tokenizer_kinds(tokenizer, &view, sizeof view), PT_ERR_ARGUMENT, "kinds");
        pt_tokenizer_free(tokenizer);
    }
    pt_context_free(context);
}
END_TEST

/* Vectors of samples: pooled, and of length 1 where asked for. */
START_TEST(test_embedding)
{
    static const int32_t poolings[] = {PT_POOL_MEAN, PT_POOL_FIRST, PT_POOL_LAST};
    enum { WIDTH = 16 };
    pt_context_t *context = start(1);
    int32_t some[] = {6, 7, 8, 9, 10};
    const int64_t lengths[] = {2, 3};
    pt_array_t values = {.name = "tokens", .dtype = PT_INT32, .data = some, .lengths = view_data(lengths)};
    float hidden[5 * WIDTH], vectors[2 * WIDTH];
    pt_array_t all = {.dtype = PT_FLOAT32, .data = hidden, .capacity = 5 * WIDTH},
               out = {.dtype = PT_FLOAT32, .data = vectors, .capacity = 2 * WIDTH};
    pt_model_t *model;
    pt_embedding_options_t options;
    ck_ok(pt_model_create_from_config(context, config, sizeof config - 1, &model));
    ck_ok(pt_forward(model, &values, 1, sizeof values, 2, "hidden", &all));
    for (int32_t i = 0; i < 6; i++) {
        const int32_t pooling = poolings[i / 2];
        ck_ok(pt_embedding_options_init(&options, sizeof options));
        options.pooling = pooling;
        options.flags = i % 2 ? PT_EMBEDDING_NORMALIZE : 0;
        ck_ok(pt_model_set_task(model, PT_TASK_EMBEDDING, &options));
        ck_ok(pt_forward(model, &values, 1, sizeof values, 2, "embedding", &out));
        ck_assert_int_eq(out.elements, 2 * WIDTH);
        double length = 0, expected[WIDTH]; /* of the second sample, whose rows are the last three */
        for (int32_t c = 0; c < WIDTH; c++) {
            const float *column = hidden + 2 * WIDTH + c;
            expected[c] = pooling == PT_POOL_FIRST ? (double)column[0]
                          : pooling == PT_POOL_LAST
                              ? (double)column[2 * WIDTH]
                              : ((double)column[0] + (double)column[WIDTH] + (double)column[2 * WIDTH]) / 3;
            length += expected[c] * expected[c];
        }
        for (int32_t c = 0; c < WIDTH; c++)
            near((double)vectors[WIDTH + c], expected[c] / (i % 2 ? sqrt(length) : 1), 1e-5, "an embedding");
    }
    ck_ok(pt_model_save(model, suite_path("e.safetensors"), NULL));
    pt_model_free(model);
    ck_ok(pt_model_open(context, suite_path("e.safetensors"), NULL, &model));
    float again[2 * WIDTH];
    out.data = again;
    ck_ok(pt_forward(model, &values, 1, sizeof values, 2, "embedding", &out));
    ck_assert_mem_eq(again, vectors, sizeof again);
    options.pooling = PT_POOL_FAMILY;
    ck_fails(pt_model_set_task(model, PT_TASK_EMBEDDING, &options), PT_ERR_ARGUMENT, "PT_POOL_FAMILY");
    options.flags = 2;
    ck_fails(pt_model_set_task(model, PT_TASK_EMBEDDING, &options), PT_ERR_ARGUMENT, "0x2");
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

SUITE("masked_lm", 60, test_kinds_of_tokens, test_embedding, test_what_is_hidden, test_shares, test_whole_words,
      test_cuts, test_places, test_resume_and_threads, test_learns, test_estimate, test_saved, test_nothing_hidden,
      test_refused)
