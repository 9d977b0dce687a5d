/* Recognition with CTC on a trunk whose rows are strided: it learns to write what a few drawn words sound like, its
 * error rates are those of what greedy decoding gives, whatever the batch; transcripts that are too long; a model saved
 * and opened. */
#include <math.h>
#include <stdio.h>

#include "support/networks.h"

enum { BINS = 6, TOKENS = 5, BLANK = TOKENS, DELIMITER = 4, SAMPLES = 48, LONGEST = 160, WORDS = 4 };

typedef struct data {
    float frames[SAMPLES * LONGEST * BINS];
    int32_t transcript[SAMPLES * LONGEST];
    int64_t lengths[2][SAMPLES];
    pt_array_t arrays[2];
} data_t;

static uint32_t state;
static int32_t draw(int32_t below)
{
    state = state * 1664525u + 1013904223u;
    return (int32_t)((uint64_t)(state >> 8) * (uint32_t)below >> 24);
}

/* Each token sounds for 5 to 8 frames, in a bin of its own. */
static void make_data(data_t *data)
{
    int64_t frames = 0, tokens = 0;
    state = 3;
    for (int64_t s = 0; s < SAMPLES; s++) {
        int64_t first = frames, first_token = tokens;
        int32_t words = draw(WORDS + 1);
        for (int32_t w = 0; w < words; w++) {
            if (w > 0)
                data->transcript[tokens++] = DELIMITER;
            for (int32_t left = 1 + draw(3); left > 0; left--)
                data->transcript[tokens++] = draw(TOKENS - 1);
        }
        for (int64_t t = first_token; t < tokens || frames == first; t++)
            for (int32_t left = 5 + draw(4); left > 0; left--, frames++)
                for (int32_t b = 0; b < BINS; b++)
                    data->frames[frames * BINS + b] = (float)(draw(100) - 50) / 200.0f +
                                                      (float)(t < tokens && left > 1 && b == data->transcript[t]);
        data->lengths[0][s] = frames - first;
        data->lengths[1][s] = tokens - first_token;
    }
    data->arrays[0] = (pt_array_t){.name = "frames",
                                   .dtype = PT_FLOAT32,
                                   .rank = 2,
                                   .shape = {PT_DIM_TOKENS, BINS},
                                   .data = data->frames,
                                   .lengths = data->lengths[0]};
    data->arrays[1] = (pt_array_t){.name = "transcript",
                                   .dtype = PT_INT32,
                                   .rank = 1,
                                   .shape = {PT_DIM_TOKENS},
                                   .data = data->transcript,
                                   .lengths = data->lengths[1]};
}

static pt_model_t *make_model(pt_context_t *context, const pt_recognition_options_t *recognition)
{
    pt_graph_t *graph;
    pt_model_t *model;
    pt_convolution_options_t options;
    ck_ok(pt_graph_create(context, &graph));
    ck_ok(pt_convolution_options_init(&options, sizeof options));
    options.stride[0] = 2;
    options.padding[0] = options.padding[1] = 2;
    options.activation = PT_ACTIVATION_RELU;
    int64_t rows = pt_graph_dim(graph, "frames");
    pt_tensor_t frames = pt_input(graph, "frames", PT_FLOAT32, 2, (int64_t[]){rows, BINS});
    pt_tensor_t hidden = pt_convolution_layer(graph, "conv", frames, 32, 5, 1, &options);
    pt_graph_set_output(graph, "hidden", hidden);
    ck_ok(pt_graph_status(graph));
    ck_ok(pt_model_create(context, graph, &model));
    pt_graph_free(graph);
    ck_ok(pt_model_set_task(model, PT_TASK_RECOGNITION, recognition));
    return model;
}

static pt_recognition_options_t options_of(void)
{
    pt_recognition_options_t options;
    ck_ok(pt_recognition_options_init(&options, sizeof options));
    options.classes = TOKENS + 1;
    options.delimiter = DELIMITER;
    return options;
}

static void evaluate(pt_model_t *model, pt_dataset_t *dataset, int64_t batch, double values[7])
{
    static const char *const names[] = {"character_error_rate", "word_error_rate", "word_substitutions",
                                        "word_deletions",       "word_insertions", "word_hits"};
    pt_evaluation_t evaluation = {.struct_size = sizeof evaluation};
    ck_ok(pt_evaluate(model, dataset, batch, &evaluation));
    for (int i = 0; i < 6; i++)
        values[i] = pt_model_metric_value(model, names[i]);
    values[6] = evaluation.loss;
}

static void train(pt_context_t *context, pt_model_t *model, pt_dataset_t *dataset, int64_t epochs)
{
    pt_train_options_t options;
    pt_train_result_t result = {.struct_size = sizeof result};
    pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_ADAM, 0.01);
    ck_ok(pt_train_options_init(&options, sizeof options));
    options.epochs = epochs;
    options.batch = 8;
    ck_ok(pt_finetune(model, optimizer, dataset, &options, &result));
    pt_optimizer_free(optimizer);
}

START_TEST(test_learns)
{
    static data_t data;
    pt_dataset_t *dataset;
    double before[7], after[7], cut[7], again[7];
    make_data(&data);
    pt_context_t *context = network_context(2, 1);
    const pt_recognition_options_t options = options_of();
    pt_model_t *model = make_model(context, &options), *opened;
    ck_ok(pt_dataset_create_from_arrays(context, data.arrays, 2, sizeof(pt_array_t), SAMPLES, 0, &dataset));
    evaluate(model, dataset, 8, before);
    ck_assert(before[1] > 0.8);
    train(context, model, dataset, 30);
    evaluate(model, dataset, 8, after);
    ck_assert_msg(after[0] < 0.05 && after[1] < 0.1, "character error rate %g, word error rate %g", after[0], after[1]);
    ck_assert_double_eq_tol(after[1], (after[2] + after[3] + after[4]) / (after[5] + after[2] + after[3]), 1e-9);
    for (int64_t batch = 1; batch < SAMPLES; batch += 6) {
        evaluate(model, dataset, batch, cut);
        for (int i = 0; i < 6; i++)
            ck_assert_double_eq(cut[i], after[i]);
        ck_assert_double_eq_tol(cut[6], after[6], 1e-5);
    }
    ck_ok(pt_model_save(model, suite_path("recognition.safetensors"), NULL));
    opened = make_model(context, &options);
    ck_ok(pt_model_load(opened, suite_path("recognition.safetensors"), LOADING(PT_LOAD_STRICT)));
    evaluate(opened, dataset, 8, again);
    for (int i = 0; i < 7; i++)
        ck_assert_double_eq(again[i], after[i]);
    pt_model_free(opened);
    pt_model_free(model);
    pt_dataset_free(dataset);
    pt_context_free(context);
}
END_TEST

/* Sample 1 has 3 frames, so 2 rows, and three tokens. */
START_TEST(test_transcripts_too_long)
{
    float frames[8 * BINS] = {0};
    int32_t transcript[] = {0, 1, 2, 3};
    int64_t frame_lengths[] = {5, 3}, token_lengths[] = {1, 3};
    const pt_array_t values[] = {
        {.name = "frames", .dtype = PT_FLOAT32, .data = frames, .lengths = frame_lengths},
        {.name = "transcript", .dtype = PT_INT32, .data = transcript, .lengths = token_lengths}};
    pt_context_t *context = network_context(1, 1);
    pt_recognition_options_t options = options_of();
    pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_SGD, 0.1);
    pt_step_result_t result = {.struct_size = sizeof result};
    pt_model_t *model = make_model(context, &options);
    ck_assert_int_eq(pt_train_step(model, optimizer, values, 2, sizeof(pt_array_t), 2, 0, &result), PT_ERR_ARGUMENT);
    ck_assert_str_eq(pt_last_error(), "ctc_loss: sample 1 of the batch has 2 rows of logits, its 3 targets need 3: one "
                                      "each, and one between equal neighbours");
    transcript[3] = transcript[2] = transcript[1];
    frame_lengths[0] = 3;
    frame_lengths[1] = 5;
    ck_assert_int_eq(pt_train_step(model, optimizer, values, 2, sizeof(pt_array_t), 2, 0, &result), PT_ERR_ARGUMENT);
    ck_assert_msg(strstr(pt_last_error(), "sample 1 of the batch has 3 rows of logits, its 3 targets need 5"), "%s",
                  pt_last_error());
    transcript[0] = BLANK;
    ck_assert_int_eq(pt_train_step(model, optimizer, values, 2, sizeof(pt_array_t), 2, 0, &result), PT_ERR_ARGUMENT);
    ck_assert_msg(strstr(pt_last_error(), "target 0 of sample 0 of the batch is 5, which is the blank"), "%s",
                  pt_last_error());
    pt_model_free(model);
    options.infeasible = PT_CTC_INFEASIBLE_ZERO;
    model = make_model(context, &options);
    transcript[0] = 0;
    ck_ok(pt_train_step(model, optimizer, values, 2, sizeof(pt_array_t), 2, 0, &result));
    ck_assert(result.loss > 0 && isfinite(result.loss));
    pt_model_free(model);
    pt_optimizer_free(optimizer);
    pt_context_free(context);
}
END_TEST

static void expect_refused(pt_model_t *model, const pt_recognition_options_t *options, const char *part)
{
    ck_assert_int_eq(pt_model_set_task(model, PT_TASK_RECOGNITION, options), PT_ERR_ARGUMENT);
    ck_assert_msg(strstr(pt_last_error(), part) != NULL, "%s", pt_last_error());
}

START_TEST(test_options)
{
    pt_context_t *context = network_context(1, 1);
    pt_recognition_options_t options = options_of();
    const int32_t kinds[] = {0, PT_TOKEN_CONTINUES, PT_TOKEN_SPECIAL, 9, 0, 0, 0};
    pt_array_t view = {.dtype = PT_INT32, .data = view_data(kinds), .elements = 3};
    pt_model_t *model = make_model(context, &options);
    options.token_kinds = &view;
    options.array_size = sizeof view;
    options.delimiter = -1;
    ck_ok(pt_model_set_task(model, PT_TASK_RECOGNITION, &options));
    ck_assert(isnan(pt_model_metric_value(model, "token_error_rate")));
    view.elements = 4;
    expect_refused(model, &options, "token_kinds[3] is 9");
    view.elements = 7;
    expect_refused(model, &options, "7 of them, expected at most 6");
    options.token_kinds = NULL;
    options.blank = 6;
    expect_refused(model, &options, "blank is 6");
    options.blank = 2;
    options.delimiter = 2;
    expect_refused(model, &options, "delimiter is 2");
    options.delimiter = -2;
    expect_refused(model, &options, "delimiter is -2");
    options.delimiter = -1;
    options.infeasible = 2;
    expect_refused(model, &options, "infeasible is 2");
    options = options_of();
    options.classes = 0;
    expect_refused(model, &options, "classes is 0");
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

SUITE("recognition", 120, test_learns, test_transcripts_too_long, test_options)
