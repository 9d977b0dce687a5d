/* Agreement with PyTorch: the same weights and data, for 20 steps of each optimizer on an MLP and a GPT, and for single
 * losses. What PyTorch gives lies in tests/golden/, made by make_golden.py there, which also says how the files are
 * built. Only the public interface is used. Long, as the builders of the networks that PyTorch has too stand beside
 * their figures. */
#include "pretrain.h"
#include "support/suite.h"
#include "support/views.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 20, MOST = 512 };

/* ---- Reading the text files ---- */

static char *text; /* of the file last read; each test runs in a process of its own */

static void read_text(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "tests/golden/%s", name);
    FILE *file = fopen(suite_source(path), "rb");
    ck_assert_msg(file != NULL, "cannot open %s", suite_source(path));
    free(text);
    text = calloc(1, 1 << 20);
    ck_assert(text != NULL);
    ck_assert_uint_lt(fread(text, 1, (1 << 20) - 1, file), (1 << 20) - 1);
    fclose(file);
}

/* The numbers of the line "key: ...". */
static int64_t numbers(const char *key, double *values)
{
    size_t length = strlen(key);
    const char *line = text;
    while (line && !(strncmp(line, key, length) == 0 && line[length] == ':')) {
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    ck_assert_msg(line != NULL, "no line \"%s\"", key);
    int64_t count = 0;
    for (line += length + 1; *line == ' '; count++) {
        char *end;
        ck_assert_int_lt(count, MOST);
        values[count] = strtod(line, &end);
        ck_assert_msg(end != line, "not a number in \"%s\"", key);
        line = end;
    }
    return count;
}

static double number(const char *key)
{
    double values[MOST];
    ck_assert_int_eq(numbers(key, values), 1);
    return values[0];
}

static int64_t floats(const char *key, float *values)
{
    double read[MOST];
    int64_t count = numbers(key, read);
    for (int64_t i = 0; i < count; i++)
        values[i] = (float)read[i];
    return count;
}

static int64_t integers(const char *key, int32_t *values)
{
    double read[MOST];
    int64_t count = numbers(key, read);
    for (int64_t i = 0; i < count; i++)
        values[i] = (int32_t)read[i];
    return count;
}

static const char *key_of(const char *first, const char *second, const char *third)
{
    static char key[PT_MAX_NAME + 64];
    snprintf(key, sizeof key, "%s %s%s", first, second, third);
    return key;
}

static const char *step_key(const char *field, int step)
{
    char number_text[16];
    snprintf(number_text, sizeof number_text, "%d", step);
    return key_of(field, number_text, "");
}

static void close_to(double value, double expected, double tolerance, const char *what)
{
    ck_assert_msg(fabs(value - expected) <= tolerance, "%s: %.9g, PyTorch gives %.9g", what, value, expected);
}

/* ---- The two networks ---- */

static pt_context_t *make_context(int32_t threads)
{
    pt_context_options_t options;
    pt_context_t *context;
    ck_ok(pt_context_options_init(&options, sizeof options));
    options.threads = threads;
    ck_ok(pt_context_create(&options, &context));
    return context;
}

static void load(pt_model_t *model, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "tests/golden/%s.safetensors", name);
    const pt_load_options_t options = {.struct_size = sizeof options, .flags = PT_LOAD_STRICT};
    ck_ok(pt_model_load(model, suite_source(path), &options));
}

/* 12 -> 17 relu -> 9 gelu -> 5 classes. */
static pt_model_t *make_mlp(pt_context_t *context, const char *weights)
{
    pt_graph_t *graph;
    pt_model_t *model;
    ck_ok(pt_graph_create(context, &graph));
    pt_tensor_t features = pt_input(graph, "features", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 12});
    pt_tensor_t label = pt_input(graph, "label", PT_INT32, 1, (int64_t[]){PT_DIM_BATCH});
    pt_tensor_t hidden = pt_linear_layer(graph, "0", features, 17, PT_ACTIVATION_RELU);
    hidden = pt_linear_layer(graph, "1", hidden, 9, PT_ACTIVATION_GELU_ERF);
    pt_tensor_t logits = pt_linear_layer(graph, "2", hidden, 5, PT_ACTIVATION_NONE);
    ck_ok(pt_graph_set_loss(graph, pt_cross_entropy_loss(graph, logits, label, NULL)));
    ck_ok(pt_model_create(context, graph, &model));
    pt_graph_free(graph);
    load(model, weights);
    return model;
}

static pt_model_t *make_gpt(pt_context_t *context, const char *weights)
{
    static const char config[] =
        "{\"model_type\": \"gpt2\", \"vocab_size\": 29, \"n_positions\": 14, \"n_embd\": 20, \"n_layer\": 2,"
        " \"n_head\": 2, \"activation_function\": \"gelu_new\", \"resid_pdrop\": 0.0, \"embd_pdrop\": 0.0,"
        " \"attn_pdrop\": 0.0, \"layer_norm_epsilon\": 1e-5}";
    pt_model_t *model;
    ck_ok(pt_model_create_from_config(context, config, sizeof config - 1, &model));
    ck_ok(pt_model_set_task(model, PT_TASK_CAUSAL_LM, NULL));
    load(model, weights);
    return model;
}

typedef pt_model_t *make_fn(pt_context_t *context, const char *weights);

/* One step on a batch of the current text. */
static pt_step_result_t mlp_step(pt_model_t *model, pt_optimizer_t *optimizer, int step, uint32_t flags)
{
    float features[MOST];
    int32_t label[MOST];
    ck_assert_int_eq(floats(step_key("features", step), features), 8 * 12);
    ck_assert_int_eq(integers(step_key("label", step), label), 8);
    pt_array_t values[] = {{.name = "features", .data = features, .dtype = PT_FLOAT32},
                           {.name = "label", .data = label, .dtype = PT_INT32}};
    pt_step_result_t result = {.struct_size = sizeof result};
    ck_ok(pt_train_step(model, optimizer, values, 2, sizeof(pt_array_t), 8, flags, &result));
    return result;
}

static pt_step_result_t gpt_step(pt_model_t *model, pt_optimizer_t *optimizer, int step, uint32_t flags)
{
    int32_t tokens[MOST], labels[MOST];
    const int64_t lengths[] = {12, 12, 12, 12};
    ck_assert_int_eq(integers(step_key("tokens", step), tokens), 48);
    ck_assert_int_eq(integers(step_key("labels", step), labels), 48);
    pt_array_t values[] = {{.name = "tokens", .data = tokens, .lengths = view_data(lengths), .dtype = PT_INT32},
                           {.name = "labels", .data = labels, .lengths = view_data(lengths), .dtype = PT_INT32}};
    pt_step_result_t result = {.struct_size = sizeof result};
    ck_ok(pt_train_step(model, optimizer, values, 2, sizeof(pt_array_t), 4, flags, &result));
    return result;
}

typedef pt_step_result_t step_fn(pt_model_t *model, pt_optimizer_t *optimizer, int step, uint32_t flags);

static pt_optimizer_t *make_optimizer(pt_context_t *context, const char *name)
{
    double settings[MOST];
    pt_optimizer_options_t options;
    pt_optimizer_t *optimizer;
    ck_ok(pt_optimizer_options_init(&options, sizeof options));
    if (name) {
        ck_assert_int_eq(numbers(key_of(name, "settings", ""), settings), 10);
        options.kind = (int32_t)settings[0];
        options.learning_rate = settings[1];
        options.momentum = settings[2];
        options.nesterov = (int32_t)settings[3];
        options.beta1 = settings[4];
        options.beta2 = settings[5];
        options.epsilon = settings[6];
        options.weight_decay = settings[7];
        options.flags = settings[8] > 0 ? PT_OPTIMIZER_DECAY_MATRICES : 0;
        options.clip_norm = settings[9];
    }
    ck_ok(pt_optimizer_create(context, &options, &optimizer));
    return optimizer;
}

/* ---- Parameters and gradients against PyTorch's ---- */

typedef struct parameter {
    pt_parameter_info_t info;
    float *values;
} parameter_t;

static parameter_t parameter_at(const pt_model_t *model, int64_t index, int gradient)
{
    parameter_t parameter = {.info = {.struct_size = sizeof parameter.info}};
    ck_ok(pt_model_parameter_info(model, index, &parameter.info));
    parameter.values = malloc((size_t)parameter.info.elements * sizeof(float));
    ck_assert(parameter.values != NULL);
    if (gradient)
        ck_ok(get_gradient(model, index, parameter.values, parameter.info.elements));
    else
        ck_ok(get_parameter(model, index, parameter.values, parameter.info.elements));
    return parameter;
}

/* The sum of squares and the sum against a pattern, as make_golden.py's summary(); both as near as `tolerance` of
 * the norm. */
static void compare_summary(const parameter_t *parameter, const char *key, double tolerance)
{
    double expected[MOST], squares = 0, pattern = 0, pattern_squares = 0;
    ck_assert_int_eq(numbers(key, expected), 2);
    for (int64_t i = 0; i < parameter->info.elements; i++) {
        double factor = (double)(i * 37 % 101) / 50.0 - 1.0, value = parameter->values[i];
        squares += value * value;
        pattern += value * factor;
        pattern_squares += factor * factor;
    }
    close_to(sqrt(squares), sqrt(expected[0]), tolerance * sqrt(expected[0]) + 1e-7, key);
    close_to(pattern, expected[1], (tolerance * sqrt(expected[0]) + 1e-7) * sqrt(pattern_squares), key);
}

/* The key's bias moves no loss: its gradient is rounding, which Adam makes into steps of full size. */
static int is_noise(const char *optimizer, const char *name)
{
    return strncmp(optimizer, "adam", 4) == 0 && strstr(name, "attn.c_attn.bias") != NULL;
}

static void compare_all(const pt_model_t *model, const char *prefix, const char *what, int gradient, double tolerance)
{
    for (int64_t i = 0; i < pt_model_parameter_count(model); i++) {
        parameter_t parameter = parameter_at(model, i, gradient);
        if (gradient || !is_noise(prefix, parameter.info.name))
            compare_summary(&parameter, key_of(prefix, what, parameter.info.name), tolerance);
        free(parameter.values);
    }
}

static void compare_training(const char *network, make_fn *make, step_fn *step, int32_t threads)
{
    static const char *const optimizers[] = {"sgd", "nesterov", "adam", "adam_decay", "adamw", "adamw_clip"};
    char name[64];
    pt_context_t *context = make_context(threads);
    snprintf(name, sizeof name, "%s.txt", network);
    read_text(name);
    for (size_t o = 0; o < sizeof optimizers / sizeof optimizers[0]; o++) {
        double losses[MOST];
        pt_model_t *model = make(context, network);
        pt_optimizer_t *optimizer = make_optimizer(context, optimizers[o]);
        ck_assert_int_eq(numbers(key_of(optimizers[o], "losses", ""), losses), STEPS);
        for (int i = 0; i < STEPS; i++) {
            pt_step_result_t result = step(model, optimizer, i, 0);
            snprintf(name, sizeof name, "%s, %s, loss of step %d", network, optimizers[o], i);
            close_to(result.loss, losses[i], 1e-4 * fabs(losses[i]), name);
        }
        compare_all(model, optimizers[o], "final ", 0, 1e-4);
        pt_optimizer_free(optimizer);
        pt_model_free(model);
    }
    pt_context_free(context);
}

static void compare_gradient(const char *network, make_fn *make, step_fn *step)
{
    char name[64];
    pt_context_t *context = make_context(2);
    snprintf(name, sizeof name, "%s.txt", network);
    read_text(name);
    pt_model_t *model = make(context, network);
    pt_optimizer_t *optimizer = make_optimizer(context, NULL);
    step(model, optimizer, 0, PT_STEP_ACCUMULATE);
    snprintf(name, sizeof name, "%s_gradient", network);
    pt_model_t *expected = make(context, name); /* PyTorch's gradients, as if they were weights */
    for (int64_t i = 0; i < pt_model_parameter_count(model); i++) {
        parameter_t ours = parameter_at(model, i, 1), theirs = parameter_at(expected, i, 0);
        double most = 0;
        ck_assert_str_eq(ours.info.name, theirs.info.name);
        for (int64_t j = 0; j < ours.info.elements; j++)
            most = fmax(most, fabs((double)theirs.values[j]));
        for (int64_t j = 0; j < ours.info.elements; j++)
            close_to(ours.values[j], theirs.values[j], 2e-5 * most + 1e-7, ours.info.name);
        free(ours.values);
        free(theirs.values);
    }
    pt_model_free(expected);
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    pt_context_free(context);
}

START_TEST(test_mlp)
{
    compare_training("mlp", make_mlp, mlp_step, 1);
    compare_training("mlp", make_mlp, mlp_step, 2);
}
END_TEST

START_TEST(test_gpt)
{
    compare_training("gpt", make_gpt, gpt_step, 1);
    compare_training("gpt", make_gpt, gpt_step, 2);
}
END_TEST

START_TEST(test_mlp_gradient)
{
    compare_gradient("mlp", make_mlp, mlp_step);
}
END_TEST

START_TEST(test_gpt_gradient)
{
    compare_gradient("gpt", make_gpt, gpt_step);
}
END_TEST

/* ---- Samples of different lengths, and labels that do not count ---- */

typedef struct ragged {
    int32_t tokens[MOST], labels[MOST];
    int64_t lengths[MOST];
    int64_t samples;
} ragged_t;

static void read_ragged(const char *name, ragged_t *ragged)
{
    int32_t lengths[MOST];
    integers(key_of(name, "tokens", ""), ragged->tokens);
    integers(key_of(name, "labels", ""), ragged->labels);
    ragged->samples = integers(key_of(name, "lengths", ""), lengths);
    for (int64_t i = 0; i < ragged->samples; i++)
        ragged->lengths[i] = lengths[i];
}

/* Samples [first, first + count) into the accumulation; returns their loss. */
static double ragged_step(pt_model_t *model, pt_optimizer_t *optimizer, const ragged_t *ragged, int64_t first,
                          int64_t count, int labels)
{
    int64_t row = 0;
    for (int64_t i = 0; i < first; i++)
        row += ragged->lengths[i];
    pt_array_t values[] = {{.name = "tokens",
                            .data = view_data(ragged->tokens + row),
                            .lengths = view_data(ragged->lengths + first),
                            .dtype = PT_INT32},
                           {.name = "labels",
                            .data = view_data(ragged->labels + row),
                            .lengths = view_data(ragged->lengths + first),
                            .dtype = PT_INT32}};
    pt_step_result_t result = {.struct_size = sizeof result};
    ck_ok(pt_train_step(model, optimizer, values, labels ? 2 : 1, sizeof(pt_array_t), count, PT_STEP_ACCUMULATE,
                        &result));
    return result.loss;
}

/* In micro-batches of `micro` samples; 0: all at once, which gives the loss too. */
static void compare_ragged(const char *name, int labels, int64_t micro)
{
    ragged_t ragged;
    pt_context_t *context = make_context(2);
    read_text("gpt.txt");
    read_ragged(name, &ragged);
    pt_model_t *model = make_gpt(context, "gpt");
    pt_optimizer_t *optimizer = make_optimizer(context, NULL);
    double expected = number(key_of(name, "loss", ""));
    if (micro == 0)
        close_to(ragged_step(model, optimizer, &ragged, 0, ragged.samples, labels), expected, 1e-5 * expected, name);
    for (int64_t first = 0; micro > 0 && first < ragged.samples; first += micro)
        ragged_step(model, optimizer, &ragged, first, first + micro < ragged.samples ? micro : ragged.samples - first,
                    labels);
    compare_all(model, name, "gradient ", 1, 2e-5);
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    pt_context_free(context);
}

START_TEST(test_ragged)
{
    compare_ragged("ragged", 1, 0);
    compare_ragged("ignored", 1, 0);
    compare_ragged("derived", 0, 0); /* without labels: each token's is the next one */
    compare_ragged("derived", 1, 0);
}
END_TEST

START_TEST(test_accumulation)
{ /* the cut into micro-batches changes nothing, however many labels each one has; some have none */
    compare_ragged("ragged", 1, 2);
    compare_ragged("ignored", 1, 1);
    compare_ragged("derived", 0, 1);
}
END_TEST

/* ---- Single losses over one linear layer 7 -> 6, 9 rows ---- */

typedef struct loss_case {
    const char *name, *target; /* line of the file that holds the target */
    int classes;               /* the target is a class index a row */
    int weighted;
    double smoothing;
    pt_tensor_t (*build)(pt_graph_t *graph, pt_tensor_t prediction, pt_tensor_t target, pt_tensor_t weights);
    const char *weights; /* line with the weights of rows or elements; NULL: none */
} loss_case_t;

static const pt_loss_options_t *with_weights(pt_loss_options_t *options, pt_tensor_t weights)
{
    ck_ok(pt_loss_options_init(options, sizeof *options));
    options->weights = weights;
    return weights == PT_NO_TENSOR ? NULL : options;
}

static pt_tensor_t build_mse(pt_graph_t *graph, pt_tensor_t prediction, pt_tensor_t target, pt_tensor_t weights)
{
    pt_loss_options_t options;
    return pt_mse_loss(graph, prediction, target, with_weights(&options, weights));
}

static pt_tensor_t build_l1(pt_graph_t *graph, pt_tensor_t prediction, pt_tensor_t target, pt_tensor_t weights)
{
    pt_loss_options_t options;
    return pt_l1_loss(graph, prediction, target, with_weights(&options, weights));
}

static pt_tensor_t build_huber(pt_graph_t *graph, pt_tensor_t prediction, pt_tensor_t target, pt_tensor_t weights)
{
    pt_loss_options_t options;
    return pt_huber_loss(graph, prediction, target, 0.7, with_weights(&options, weights));
}

static pt_tensor_t build_bce(pt_graph_t *graph, pt_tensor_t prediction, pt_tensor_t target, pt_tensor_t weights)
{
    pt_loss_options_t options;
    return pt_bce_loss(graph, prediction, target, 1.0, with_weights(&options, weights));
}

static pt_tensor_t build_bce_positive(pt_graph_t *graph, pt_tensor_t prediction, pt_tensor_t target,
                                      pt_tensor_t weights)
{
    pt_loss_options_t options;
    return pt_bce_loss(graph, prediction, target, 2.5, with_weights(&options, weights));
}

static const loss_case_t loss_cases[] = {
    {"plain", "label", 1, 0, 0.0, NULL, NULL},
    {"ignore", "holes", 1, 0, 0.0, NULL, NULL},
    {"smooth", "label", 1, 0, 0.1, NULL, NULL},
    {"weighted", "label", 1, 1, 0.0, NULL, NULL},
    {"all", "holes", 1, 1, 0.2, NULL, NULL},
    {"share", "share", 0, 0, 0.0, NULL, NULL},
    {"share_all", "share", 0, 1, 0.2, NULL, NULL},
    {"mse", "target", 0, 0, 0.0, build_mse, NULL},
    {"l1", "target", 0, 0, 0.0, build_l1, NULL},
    {"huber", "target", 0, 0, 0.0, build_huber, NULL},
    {"bce", "chance", 0, 0, 0.0, build_bce, NULL},
    {"bce_positive", "chance", 0, 0, 0.0, build_bce_positive, NULL},
    {"plain_rows", "label", 1, 0, 0.0, NULL, "rows"},
    {"all_rows", "holes", 1, 1, 0.2, NULL, "rows"},
    {"share_rows", "share", 0, 1, 0.2, NULL, "rows"},
    {"mse_elements", "target", 0, 0, 0.0, build_mse, "elements"},
    {"mse_rows", "target", 0, 0, 0.0, build_mse, "rows"},
    {"l1_elements", "target", 0, 0, 0.0, build_l1, "elements"},
    {"l1_rows", "target", 0, 0, 0.0, build_l1, "rows"},
    {"huber_elements", "target", 0, 0, 0.0, build_huber, "elements"},
    {"huber_rows", "target", 0, 0, 0.0, build_huber, "rows"},
    {"bce_elements", "chance", 0, 0, 0.0, build_bce, "elements"},
    {"bce_positive_rows", "chance", 0, 0, 0.0, build_bce_positive, "rows"},
};

/* chunked: the cross-entropy that computes its logits itself. */
static pt_model_t *make_loss_model(pt_context_t *context, const loss_case_t *loss_case, int chunked)
{
    pt_graph_t *graph;
    pt_model_t *model;
    pt_cross_entropy_options_t options;
    float class_weights[MOST];
    ck_ok(pt_graph_create(context, &graph));
    pt_tensor_t src = pt_input(graph, "src", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 7});
    pt_tensor_t target = loss_case->classes ? pt_input(graph, "target", PT_INT32, 1, (int64_t[]){PT_DIM_BATCH})
                                            : pt_input(graph, "target", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 6});
    pt_tensor_t weight = pt_parameter(graph, "weight", 2, (int64_t[]){6, 7}, INITIAL(PT_INIT_CONSTANT, 0));
    pt_tensor_t bias = pt_parameter(graph, "bias", 1, (int64_t[]){6}, INITIAL(PT_INIT_CONSTANT, 0));
    ck_ok(pt_cross_entropy_options_init(&options, sizeof options));
    options.label_smoothing = loss_case->smoothing;
    if (loss_case->weighted) {
        ck_assert_int_eq(floats("class_weights", class_weights), 6);
        options.class_weights = constant_of(graph, PT_FLOAT32, 1, (int64_t[]){6}, class_weights);
    }
    pt_tensor_t loss, weights = PT_NO_TENSOR;
    if (loss_case->weights != NULL)
        weights = pt_input(graph, "weights", PT_FLOAT32, strcmp(loss_case->weights, "rows") == 0 ? 1 : 2,
                           (int64_t[]){PT_DIM_BATCH, 6});
    options.weights = weights;
    if (chunked)
        loss = pt_linear_cross_entropy_loss(graph, src, weight, bias, target, &options);
    else {
        pt_tensor_t prediction = pt_linear(graph, src, weight, bias, PT_ACTIVATION_NONE);
        loss = loss_case->build ? loss_case->build(graph, prediction, target, weights)
                                : pt_cross_entropy_loss(graph, prediction, target, &options);
    }
    ck_ok(pt_graph_set_loss(graph, loss));
    ck_ok(pt_model_create(context, graph, &model));
    pt_graph_free(graph);
    return model;
}

static void compare_loss(pt_context_t *context, const loss_case_t *loss_case, int chunked)
{
    static const char *const names[] = {"weight", "bias"};
    float src[MOST], target[MOST], weights[MOST], values[MOST], expected[MOST];
    int32_t label[MOST], n_fields = loss_case->weights != NULL ? 3 : 2;
    char what[64];
    double loss;
    floats("src", src);
    if (loss_case->classes)
        integers(loss_case->target, label);
    else
        floats(loss_case->target, target);
    if (loss_case->weights != NULL)
        floats(loss_case->weights, weights);
    pt_model_t *model = make_loss_model(context, loss_case, chunked);
    pt_optimizer_t *optimizer = make_optimizer(context, NULL);
    int64_t place[2];
    for (int i = 0; i < 2; i++) {
        ck_ok(pt_model_parameter_find(model, names[i], &place[i]));
        ck_ok(set_parameter(model, place[i], values, floats(names[i], values)));
    }
    pt_array_t fields[] = {{.name = "src", .data = src, .dtype = PT_FLOAT32},
                           {.name = "target",
                            .data = view_data(loss_case->classes ? (const void *)label : target),
                            .dtype = loss_case->classes ? PT_INT32 : PT_FLOAT32},
                           {.name = "weights", .data = weights, .dtype = PT_FLOAT32}};
    snprintf(what, sizeof what, "%s%s", loss_case->name, chunked ? ", chunked" : "");
    ck_ok(pt_loss(model, fields, n_fields, sizeof(pt_array_t), 9, &loss));
    close_to(loss, number(key_of(loss_case->name, "loss", "")), 1e-5 * fabs(loss) + 1e-7, what);
    ck_ok(pt_train_step(model, optimizer, fields, n_fields, sizeof(pt_array_t), 9, PT_STEP_ACCUMULATE, NULL));
    for (int i = 0; i < 2; i++) {
        int64_t count = floats(key_of(loss_case->name, "d_", names[i]), expected);
        ck_ok(get_gradient(model, place[i], values, count));
        for (int64_t j = 0; j < count; j++)
            close_to(values[j], expected[j], 1e-6 + 1e-5 * fabs((double)expected[j]), what);
    }
    pt_optimizer_free(optimizer);
    pt_model_free(model);
}

START_TEST(test_losses)
{
    pt_context_t *context = make_context(2);
    read_text("loss.txt");
    for (size_t i = 0; i < sizeof loss_cases / sizeof loss_cases[0]; i++) {
        compare_loss(context, &loss_cases[i], 0);
        if (loss_cases[i].classes || !loss_cases[i].build)
            compare_loss(context, &loss_cases[i], 1);
    }
    pt_context_free(context);
}
END_TEST

SUITE("golden", 120, test_mlp, test_gpt, test_mlp_gradient, test_gpt_gradient, test_ragged, test_accumulation,
      test_losses)
