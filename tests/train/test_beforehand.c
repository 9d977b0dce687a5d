/* What stands there before the first step is told before it: values of arrays and files that the network cannot take,
 * in the training data and in the evaluation's. */
#include <math.h>
#include <stdio.h>

#include "data/data.h"
#include "support/rig.h"

enum { SAMPLES = 40 };

static void count(void *user, pt_event_t *event)
{
    *(int64_t *)user += event->kind == PT_EVENT_STEP;
    event->action = PT_ACTION_GO_ON;
}

static pt_model_t *make_model(pt_context_t *context)
{
    static const char config[] = "{\"model_type\": \"mlp\", \"input_size\": 1, \"hidden_sizes\": [2]}";
    pt_model_t *model;
    ck_ok(pt_model_create_from_config(context, config, strlen(config), &model));
    network_set_task(model, PT_TASK_CLASSIFICATION, 3);
    return model;
}

/* Features and labels of three classes; `value` and `label` stand at one sample. */
static pt_dataset_t *make_data(pt_context_t *context, int64_t at, float value, int32_t label)
{
    static float features[SAMPLES];
    static int32_t labels[SAMPLES];
    for (int64_t i = 0; i < SAMPLES; i++) {
        features[i] = i == at ? value : (float)i / SAMPLES;
        labels[i] = i == at ? label : (int32_t)(i % 3);
    }
    pt_dataset_t *data;
    pt_array_t arrays[] = {{.name = "features", .dtype = PT_FLOAT32, .rank = 1, .shape = {1}, .data = features},
                           {.name = "label", .dtype = PT_INT32, .rank = 0, .data = labels}};
    ck_ok(pt_dataset_create_from_arrays(context, arrays, 2, sizeof(pt_array_t), SAMPLES, PT_DATASET_COPY, &data));
    return data;
}

static pt_status_t train(pt_model_t *model, pt_dataset_t *data, pt_dataset_t *evaluation, int64_t *steps)
{
    pt_optimizer_t *optimizer = network_optimizer(data->context, PT_OPTIMIZER_ADAM, 0.01);
    pt_train_options_t options = rig_options(100, 4);
    *steps = 0;
    options.evaluation = evaluation;
    options.event = count;
    options.event_user = steps;
    pt_status_t status = pt_finetune(model, optimizer, data, &options, NULL);
    char message[512];
    snprintf(message, sizeof message, "%s", pt_last_error());
    pt_optimizer_free(optimizer);
    return pt__fail(status, "%s", message);
}

START_TEST(test_arrays)
{
    pt_context_t *context = network_context(1, 7);
    pt_model_t *model = make_model(context);
    pt_dataset_t *good = make_data(context, -1, 0, 0), *label = make_data(context, 39, 0, 3),
                 *value = make_data(context, 38, (float)NAN, 0), *ignored = make_data(context, 5, 0, PT_IGNORE_INDEX),
                 *sound, *unsound;
    int64_t steps;
    ck_fails(train(model, label, NULL, &steps), PT_ERR_ARGUMENT, "sample 39: field \"label\": element 0 is 3");
    ck_assert_int_eq(steps, 0);
    ck_fails(train(model, good, label, &steps), PT_ERR_ARGUMENT, "pt_train_options.evaluation: sample 39");
    ck_assert_int_eq(steps, 0);
    ck_fails(train(model, value, NULL, &steps), PT_ERR_NONFINITE, "sample 38");
    ck_assert_int_eq(steps, 0);
    ck_fails(train(model, good, value, &steps), PT_ERR_NONFINITE, "sample 38");
    ck_assert_int_eq(steps, 0);
    ck_ok(train(model, ignored, ignored, &steps));
    ck_assert_int_eq(steps, 100);
    ck_ok(pt_dataset_subset(label, 0, 39, &sound)); /* what a view leaves out is nobody's business */
    ck_ok(train(model, sound, sound, &steps));
    ck_assert_int_eq(steps, 100);
    ck_ok(pt_dataset_shuffle(label, 3, &unsound));
    ck_fails(train(model, unsound, NULL, &steps), PT_ERR_ARGUMENT, "sample 39");
    ck_assert_int_eq(steps, 0);
    network_set_task(model, PT_TASK_CLASSIFICATION, 2); /* what fits three classes need not fit two */
    ck_fails(train(model, good, NULL, &steps), PT_ERR_ARGUMENT, "expected 0 to 1");
    ck_assert_int_eq(steps, 0);
    network_set_task(model, PT_TASK_CLASSIFICATION, 4);
    ck_ok(train(model, label, label, &steps));
    pt_dataset_free(good);
    pt_dataset_free(label);
    pt_dataset_free(value);
    pt_dataset_free(ignored);
    pt_dataset_free(sound);
    pt_dataset_free(unsound);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

/* Whether the data of this width fit 17 tokens; the one at `at` is `token`. */
static void check_tokens(int32_t dtype, int64_t at, uint32_t token, double end, pt_status_t expected, const char *part)
{
    enum { TOKENS = 700 };
    static unsigned char bytes[TOKENS * 4];
    const int64_t width = dtype == PT_UINT32 ? 4 : dtype == PT_UINT16 ? 2 : 1;
    pt_context_t *context = network_context(1, 7);
    pt_model_t *model = network_gpt(context);
    pt_window_options_t window;
    pt_dataset_t *data;
    int64_t steps;
    network_set_task(model, PT_TASK_CAUSAL_LM, 0);
    memset(bytes, 0, sizeof bytes);
    for (int64_t i = 0; i < TOKENS; i++)
        for (int64_t k = 0; k < width; k++)
            bytes[i * width + k] = (unsigned char)((i == at ? token : (uint32_t)i % 17) >> (8 * k));
    const char *path = suite_write("tokens", bytes, (size_t)(TOKENS * width));
    ck_ok(pt_window_options_init(&window, sizeof window));
    window.length = 12;
    window.stride = 1;
    window.end = end;
    window.dtype = dtype == PT_UINT8 ? PT_UINT16 : dtype;
    ck_ok(dtype == PT_UINT8 ? pt_dataset_create_from_text(context, path, &window, &data)
                            : pt_dataset_create_from_tokens(context, path, &window, &data));
    if (expected == PT_OK)
        ck_ok(train(model, data, data, &steps));
    else
        ck_fails(train(model, data, NULL, &steps), expected, part);
    ck_assert_int_eq(steps, expected == PT_OK ? 100 : 0);
    pt_dataset_free(data);
    pt_model_free(model);
    pt_context_free(context);
}

START_TEST(test_files)
{
    static const int32_t dtypes[] = {PT_UINT8, PT_UINT16, PT_UINT32};
    for (int i = 0; i < 3; i++) {
        check_tokens(dtypes[i], -1, 0, 1, PT_OK, "");
        check_tokens(dtypes[i], 699, 17, 1, PT_ERR_ARGUMENT, "is 17, expected 0 to 16");
        check_tokens(dtypes[i], 699, 17, 0.9, PT_OK, ""); /* behind what is used */
    }
    check_tokens(PT_UINT16, 300, 0x0100, 1, PT_ERR_ARGUMENT, "is 256, expected 0 to 16");
    check_tokens(PT_UINT32, 300, 0x00010000, 1, PT_ERR_ARGUMENT, "is 65536, expected 0 to 16");
    check_tokens(PT_UINT32, 300, 0x80000000u, 1, PT_ERR_FORMAT, "above 2147483647");
}
END_TEST

/* The last row is the one at fault: of a CSV or a JSON lines file. */
static pt_dataset_t *make_table(pt_context_t *context, int32_t is_csv, const char *last)
{
    static char text[4000];
    const pt_column_t columns[2] = {{.field = "features",
                                     .source = "x",
                                     .kind = PT_COLUMN_NUMBER,
                                     .count = 1,
                                     .flags = PT_COLUMN_FILL,
                                     .missing = (double)NAN},
                                    {.field = "label", .source = "label", .kind = PT_COLUMN_CLASS}};
    pt_dataset_t *data;
    int written = snprintf(text, sizeof text, "%s", is_csv ? "x,label\n" : "");
    for (int i = 0; i < SAMPLES - 1; i++)
        written += snprintf(text + written, sizeof text - (size_t)written,
                            is_csv ? "%d,c%d\n" : "{\"x\": [%d], \"label\": \"c%d\"}\n", i, i % 3);
    snprintf(text + written, sizeof text - (size_t)written, "%s\n", last);
    const char *path = suite_write(is_csv ? "table.csv" : "table.jsonl", text, strlen(text));
    ck_ok(is_csv ? pt_dataset_create_from_csv(context, path, columns, 2, sizeof columns[0], NULL, &data)
                 : pt_dataset_create_from_jsonl(context, path, columns, 2, sizeof columns[0], NULL, &data));
    return data;
}

START_TEST(test_tables)
{
    static const char *const rows[2][3] = {
        {"{\"x\": [1], \"label\": \"c1\"}", "{\"x\": [1], \"label\": \"c9\"}", "{\"x\": null, \"label\": \"c1\"}"},
        {"1,c1", "1,c9", ",c1"}};
    pt_context_t *context = network_context(1, 7);
    int64_t steps;
    for (int32_t is_csv = 0; is_csv < 2; is_csv++) {
        pt_model_t *model = make_model(context);
        pt_dataset_t *good = make_table(context, is_csv, rows[is_csv][0]),
                     *class = make_table(context, is_csv, rows[is_csv][1]),
                     *missing = make_table(context, is_csv, rows[is_csv][2]);
        ck_fails(train(model, class, NULL, &steps), PT_ERR_ARGUMENT, "sample 39: field \"label\": element 0 is 3");
        ck_assert_int_eq(steps, 0);
        ck_fails(train(model, missing, NULL, &steps), PT_ERR_NONFINITE, "sample 39: field \"features\"");
        ck_assert_int_eq(steps, 0);
        ck_fails(train(model, good, missing, &steps), PT_ERR_NONFINITE, "pt_train_options.evaluation: sample 39");
        ck_assert_int_eq(steps, 0);
        ck_ok(train(model, good, good, &steps));
        ck_assert_int_eq(steps, 100);
        const pt_normalize_options_t fill = {.struct_size = sizeof fill, .flags = PT_NORMALIZE_FILL};
        ck_ok(pt_dataset_normalize(good, "features", &fill, model));
        ck_ok(train(model, missing, missing, &steps)); /* what a normalisation takes is good */
        ck_assert_int_eq(steps, 100);
        ck_ok(pt_model_set_normalization(model, "features", NULL, NULL, sizeof(pt_array_t)));
        ck_fails(train(model, missing, NULL, &steps), PT_ERR_NONFINITE, "sample 39"); /* and again is not */
        ck_assert_int_eq(steps, 0);
        const float zero = 0, small = 1e-38F;
        const pt_array_t shift = {.dtype = PT_FLOAT32, .data = view_data(&zero)},
                         scale = {.dtype = PT_FLOAT32, .data = view_data(&small)};
        ck_ok(pt_model_set_normalization(model, "features", &shift, &scale, sizeof shift));
        ck_fails(train(model, good, NULL, &steps), PT_ERR_NONFINITE, "is infinity");
        ck_assert_int_eq(steps, 0);
        pt_dataset_free(missing);
        pt_dataset_free(class);
        pt_dataset_free(good);
        pt_model_free(model);
    }
    pt_context_free(context);
}
END_TEST

/* Tokens and lengths of ragged samples, in arrays and in a file: each is fine but the last. */
static void check_ragged(int32_t in_file, int32_t token, int64_t length, const char *part)
{
    enum { TEXTS = 20, LONGEST = 13 };
    static int32_t tokens[TEXTS * LONGEST];
    static char lines[TEXTS * LONGEST * 4 + TEXTS * 16];
    int64_t lengths[TEXTS], used = 0, steps;
    int written = 0;
    pt_context_t *context = network_context(1, 7);
    pt_model_t *model = network_gpt(context);
    pt_dataset_t *data;
    network_set_task(model, PT_TASK_CAUSAL_LM, 0);
    for (int64_t i = 0; i < TEXTS; i++) {
        lengths[i] = i == TEXTS - 1 ? length : 2 + i % 5;
        written += snprintf(lines + written, sizeof lines - (size_t)written, "{\"ids\": [");
        for (int64_t k = 0; k < lengths[i]; k++) {
            tokens[used] = i == TEXTS - 1 && k == 1 ? token : (int32_t)(i + k) % 17;
            written += snprintf(lines + written, sizeof lines - (size_t)written, "%s%d", k == 0 ? "" : ", ",
                                (int)tokens[used++]);
        }
        written += snprintf(lines + written, sizeof lines - (size_t)written, "]}\n");
    }
    const pt_column_t column = {.field = "tokens", .source = "ids", .kind = PT_COLUMN_TOKENS, .max_length = LONGEST};
    const pt_array_t array = {
        .name = "tokens", .dtype = PT_INT32, .rank = 1, .shape = {PT_DIM_TOKENS}, .data = tokens, .lengths = lengths};
    ck_ok(in_file ? pt_dataset_create_from_jsonl(context, suite_write("ids.jsonl", lines, strlen(lines)), &column, 1,
                                                 sizeof column, NULL, &data)
                  : pt_dataset_create_from_arrays(context, &array, 1, sizeof array, TEXTS, 0, &data));
    if (part == NULL)
        ck_ok(train(model, data, data, &steps));
    else {
        const pt_status_t expected = length > 12 ? PT_ERR_SHAPE : PT_ERR_ARGUMENT;
        ck_fails(train(model, data, NULL, &steps), expected, part);
        ck_assert_int_eq(steps, 0);
    }
    pt_dataset_free(data);
    pt_model_free(model);
    pt_context_free(context);
}

START_TEST(test_ragged_samples)
{
    for (int32_t in_file = 0; in_file < 2; in_file++) {
        check_ragged(in_file, 16, 12, NULL);
        check_ragged(in_file, 17, 5, "sample 19: field \"tokens\": element 1 is 17, expected 0 to 16");
        check_ragged(in_file, -1, 5, "sample 19: field \"tokens\": element 1 is -1");
        check_ragged(in_file, 3, 13, "sample 19, field \"tokens\": 13 rows, expected at most 12");
    }
}
END_TEST

SUITE("beforehand", 60, test_arrays, test_files, test_tables, test_ragged_samples)
