/* Llama and its relatives beside transformers (tests/golden/make_decoders.py): logits, loss and every gradient of
 * ragged samples, and the losses of 20 steps of AdamW, for each family and each way of scaling positions; and that
 * interleaved heads are the same heads in another order. */
#include <math.h>
#include <stdint.h>

#include "pretrain.h"
#include "support/golden.h"
#include "support/views.h"

enum { STEPS = 20, MOST = 1024, LONGEST_CONFIG = 2048 };

static const char *const cases[] = {"llama",      "biases",   "linear",      "dynamic",    "llama3", "yarn",
                                    "yarn exact", "longrope", "mistral",     "qwen2",      "qwen3",  "qwen3 windows",
                                    "smollm3",    "classes",  "older llama", "older qwen2"};

static const char *key_of(const char *name, const char *what, const char *parameter)
{
    static char key[PT_MAX_NAME + 64];
    snprintf(key, sizeof key, "%s %s%s", name, what, parameter);
    return key;
}

/* The line "NAME config: ..." as text. */
static const char *config_of(const char *name)
{
    static char config[LONGEST_CONFIG];
    char key[64];
    snprintf(key, sizeof key, "\n%s config: ", name);
    const char *line = strstr(golden_bytes, key);
    ck_assert_msg(line != NULL, "no line \"%s config\"", name);
    line += strlen(key);
    size_t length = strcspn(line, "\n");
    ck_assert_uint_lt(length, sizeof config);
    memcpy(config, line, length);
    config[length] = 0;
    return config;
}

/* make_decoders.py's weight_of. */
static float weight_of(const char *name, int64_t place)
{
    uint32_t word = 2166136261u;
    for (const char *at = name; *at != 0; at++)
        word = (word ^ (uint8_t)*at) * 16777619u;
    word += (uint32_t)place * 2654435761u;
    word = (word ^ word >> 16) * 2246822507u;
    word = (word ^ word >> 13) * 3266489909u;
    word ^= word >> 16;
    return ((float)(word >> 8) / 16777216.0f - 0.5f) * 0.5f + (strstr(name, "norm") != NULL ? 1.0f : 0.0f);
}

/* The place in a query's or key's weight [heads * width, inputs] of what stands at `place` where heads are
 * interleaved. */
static int64_t apart(int64_t place, int64_t inputs, int64_t width)
{
    int64_t row = place / inputs, head = row / width, within = row % width;
    within = within % 2 * (width / 2) + within / 2;
    return (head * width + within) * inputs + place % inputs;
}

static void fill(pt_model_t *model, int64_t interleaved_width)
{
    for (int64_t i = 0; i < pt_model_parameter_count(model); i++) {
        pt_parameter_info_t info = {.struct_size = sizeof info};
        float values[MOST];
        ck_ok(pt_model_parameter_info(model, i, &info));
        ck_assert_int_le(info.elements, MOST);
        int32_t turned = strstr(info.name, "q_proj.weight") != NULL || strstr(info.name, "k_proj.weight") != NULL;
        for (int64_t k = 0; k < info.elements; k++)
            values[k] = weight_of(info.name,
                                  turned && interleaved_width > 0 ? apart(k, info.shape[1], interleaved_width) : k);
        ck_ok(set_parameter(model, i, values, info.elements));
    }
}

static pt_model_t *make_model(pt_context_t *context, const char *name, const char *config)
{
    pt_model_t *model;
    pt_status_t status = pt_model_create_from_config(context, config, strlen(config), &model);
    ck_assert_msg(status == PT_OK, "%s: %s", name, pt_last_error());
    if (strcmp(name, "classes") == 0) {
        pt_classification_options_t options;
        ck_ok(pt_classification_options_init(&options, sizeof options));
        options.classes = 3;
        options.pooling = PT_POOL_LAST;
        ck_ok(pt_model_set_task(model, PT_TASK_CLASSIFICATION, &options));
    } else
        ck_ok(pt_model_set_task(model, PT_TASK_CAUSAL_LM, NULL));
    return model;
}

typedef struct batch {
    int32_t tokens[MOST], labels[MOST];
    int64_t lengths[8], samples, n_tokens;
    pt_array_t fields[2];
} batch_t;

static void read_batch(const char *name, batch_t *batch)
{
    double values[MOST];
    int32_t classes = strcmp(name, "classes") == 0;
    batch->samples = golden_numbers(key_of(name, "lengths", ""), values, 8);
    for (int64_t i = 0; i < batch->samples; i++)
        batch->lengths[i] = (int64_t)values[i];
    batch->n_tokens = golden_numbers(key_of(name, "tokens", ""), values, MOST);
    for (int64_t i = 0; i < batch->n_tokens; i++)
        batch->tokens[i] = (int32_t)values[i];
    int64_t labels = golden_numbers(key_of(name, "labels", ""), values, MOST);
    ck_assert_int_eq(labels, classes ? batch->samples : batch->n_tokens);
    for (int64_t i = 0; i < labels; i++)
        batch->labels[i] = (int32_t)values[i];
    batch->fields[0] = (pt_array_t){.name = "tokens",
                                    .data = batch->tokens,
                                    .lengths = batch->lengths,
                                    .dtype = PT_INT32,
                                    .rank = 1,
                                    .shape = {PT_DIM_TOKENS},
                                    .max_length = 12,
                                    .elements = batch->n_tokens,
                                    .samples = batch->samples};
    batch->fields[1] = (pt_array_t){.name = classes ? "label" : "labels",
                                    .data = batch->labels,
                                    .lengths = classes ? NULL : batch->lengths,
                                    .dtype = PT_INT32};
}

static void compare_logits(pt_context_t *context, pt_model_t *model, const char *name, batch_t *batch)
{
    double expected[MOST];
    float found[MOST];
    int64_t lengths[8];
    pt_dataset_t *data;
    int64_t n = golden_numbers(key_of(name, "logits", ""), expected, MOST);
    ck_ok(pt_dataset_create_from_arrays(context, batch->fields, 1, sizeof(pt_array_t), batch->samples, 0, &data));
    pt_array_t view = {.dtype = PT_FLOAT32, .data = found, .capacity = MOST, .lengths = lengths, .lengths_capacity = 8};
    ck_ok(pt_predict(model, data, "logits", batch->samples, &view, sizeof view));
    ck_assert_int_eq(view.elements, n);
    double most = 0;
    for (int64_t i = 0; i < n; i++)
        most = fmax(most, fabs(expected[i]));
    for (int64_t i = 0; i < n; i++)
        ck_assert_msg(fabs((double)found[i] - expected[i]) <= 1e-5 * most, "%s: logit %d is %.9g, expected %.9g", name,
                      (int)i, (double)found[i], expected[i]);
    pt_dataset_free(data);
}

/* Sums of squares and sums against a pattern, as near as 1e-5 of the norm; what moves no loss, the bias of a key that
 * is not turned, has a gradient of rounding errors. */
static void compare_gradients(pt_model_t *model, const char *name)
{
    for (int64_t i = 0; i < pt_model_parameter_count(model); i++) {
        pt_parameter_info_t info = {.struct_size = sizeof info};
        double expected[2], squares = 0, pattern = 0, pattern_squares = 0;
        float values[MOST];
        ck_ok(pt_model_parameter_info(model, i, &info));
        ck_ok(get_gradient(model, i, values, info.elements));
        ck_assert_int_eq(golden_numbers(key_of(name, "gradient ", info.name), expected, 2), 2);
        for (int64_t k = 0; k < info.elements; k++) {
            double factor = (double)(k * 37 % 101) / 50.0 - 1.0, value = (double)values[k];
            squares += value * value;
            pattern += value * factor;
            pattern_squares += factor * factor;
        }
        double tolerance = 2e-5 * sqrt(expected[0]) + 2e-7;
        ck_assert_msg(fabs(sqrt(squares) - sqrt(expected[0])) <= tolerance,
                      "%s: gradient of %s has norm %.9g, not %.9g", name, info.name, sqrt(squares), sqrt(expected[0]));
        ck_assert_msg(fabs(pattern - expected[1]) <= tolerance * sqrt(pattern_squares),
                      "%s: gradient of %s gives %.9g, not %.9g", name, info.name, pattern, expected[1]);
    }
}

static void compare_training(pt_context_t *context, pt_model_t *model, const char *name, batch_t *batch)
{
    double losses[STEPS];
    pt_optimizer_options_t options;
    pt_optimizer_t *optimizer;
    pt_step_result_t result = {.struct_size = sizeof result};
    ck_ok(pt_optimizer_options_init(&options, sizeof options));
    options.kind = PT_OPTIMIZER_ADAMW;
    options.learning_rate = 0.003;
    options.beta1 = 0.9;
    options.beta2 = 0.999;
    options.epsilon = 1e-6;
    options.weight_decay = 0.01;
    ck_ok(pt_optimizer_create(context, &options, &optimizer));
    ck_assert_int_eq(golden_numbers(key_of(name, "losses", ""), losses, STEPS), STEPS);
    ck_ok(pt_train_step(model, optimizer, batch->fields, 2, sizeof(pt_array_t), batch->samples, PT_STEP_ACCUMULATE,
                        &result));
    compare_gradients(model, name);
    for (int32_t i = 0; i < STEPS; i++) { /* the first adds the same gradient again, and divides by twice the weight */
        ck_ok(pt_train_step(model, optimizer, batch->fields, 2, sizeof(pt_array_t), batch->samples, 0, &result));
        ck_assert_msg(fabs((double)result.loss - losses[i]) <= 1e-4 * losses[i],
                      "%s: loss of step %d is %.9g, not %.9g", name, (int)i, (double)result.loss, losses[i]);
    }
    pt_optimizer_free(optimizer);
}

static pt_context_t *open_context(void)
{
    pt_context_options_t options;
    pt_context_t *context;
    ck_ok(pt_context_options_init(&options, sizeof options));
    options.threads = 2;
    ck_ok(pt_context_create(&options, &context));
    golden_read("tests/golden/decoders.txt");
    return context;
}

START_TEST(test_cases)
{
    pt_context_t *context = open_context();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        batch_t batch;
        pt_model_t *model = make_model(context, cases[i], config_of(cases[i]));
        read_batch(cases[i], &batch);
        fill(model, 0);
        compare_logits(context, model, cases[i], &batch);
        compare_training(context, model, cases[i], &batch);
        pt_model_free(model);
    }
    pt_context_free(context);
}
END_TEST

/* What a key adds to the case "llama". */
static pt_model_t *make_other(pt_context_t *context, const char *key)
{
    char config[LONGEST_CONFIG + 64];
    snprintf(config, sizeof config, "{%s, %s", key, config_of("llama") + 1);
    return make_model(context, "llama", config);
}

START_TEST(test_interleaved)
{
    batch_t batch;
    pt_context_t *context = open_context();
    pt_model_t *model = make_other(context, "\"rope_interleaved\": true");
    read_batch("llama", &batch);
    fill(model, 8);
    compare_logits(context, model, "llama", &batch);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

SUITE("decoders", 60, test_cases, test_interleaved)
