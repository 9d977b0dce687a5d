/* Families of speech against PyTorch: logits, gradients and losses of 20 steps on ragged samples; and what their
 * configurations may not say. tests/golden/make_speech.py asks PyTorch. */
#include <math.h>
#include <string.h>

#include "support/golden.h"
#include "support/networks.h"
#include "support/views.h"
#include "train/model.h"

enum { STEPS = 20, CLASSES = 3, BINS = 5, SAMPLES = 4, ROWS = 32, MOST = 4096, NAME = 96 };

#define DEEPSPEECH2  "\"model_type\": \"deepspeech2\", \"input_size\": 5, \"hidden_size\": 6, \"num_layers\": 2, "
#define CONVOLUTIONS "\"conv_channels\": [7, 6], \"conv_kernels\": [5, 3], \"conv_strides\": [2, 1]"

typedef struct kind {
    const char *name, *config;
} kind_t;

static const kind_t kinds[] = {
    {"deepspeech", "{\"model_type\": \"deepspeech\", \"input_size\": 5, \"hidden_size\": 6, \"context_size\": 2, "
                   "\"stride\": 2, \"relu_clip\": 2, \"dropout\": 0}"},
    {"deepspeech2", "{" DEEPSPEECH2 CONVOLUTIONS "}"},
    {"deepspeech2_ahead",
     "{" DEEPSPEECH2 CONVOLUTIONS ", \"rnn_type\": \"lstm\", \"bidirectional\": false, \"lookahead\": 2}"},
    {"deepspeech2_bins",
     "{" DEEPSPEECH2 "\"conv_channels\": [3, 2], \"conv_kernels\": [5, 3], \"conv_strides\": [2, 1], "
     "\"conv_bin_kernels\": [3, 3], \"conv_bin_strides\": [2, 1]}"},
    {"lstm_encoder", "{\"model_type\": \"lstm_encoder\", \"input_size\": 5, \"hidden_size\": 6, \"num_layers\": 2, "
                     "\"embedding_size\": 8}"},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static const int64_t lengths[SAMPLES] = {9, 4, 12, 7};

static pt_context_t *context;

static pt_model_t *load(const kind_t *kind, const char *rest, uint32_t flags)
{
    char path[NAME];
    pt_model_t *model;
    pt_classification_options_t classes;
    snprintf(path, sizeof path, "tests/golden/speech/%s%s", kind->name, rest);
    ck_ok(pt_model_create_from_config(context, kind->config, strlen(kind->config), &model));
    ck_ok(pt_classification_options_init(&classes, sizeof classes));
    classes.classes = CLASSES;
    ck_ok(pt_model_set_task(model, PT_TASK_CLASSIFICATION, &classes));
    ck_ok(pt_model_load(model, suite_source(path), LOADING(flags)));
    return model;
}

static void read_golden(const kind_t *kind)
{
    char path[NAME];
    snprintf(path, sizeof path, "tests/golden/speech/%s.txt", kind->name);
    golden_read(path);
}

/* As make_speech.py draws. */
static void draw(uint32_t seed, int64_t count, uint8_t *bytes)
{
    for (int64_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        bytes[i] = (uint8_t)(seed >> 24);
    }
}

typedef struct batch {
    float frames[ROWS * BINS];
    int32_t labels[SAMPLES];
    pt_array_t values[2];
} batch_t;

static void draw_batch(int32_t number, batch_t *batch)
{
    uint8_t frames[ROWS * BINS], labels[SAMPLES];
    draw((uint32_t)number + 1, ROWS * BINS, frames);
    draw((uint32_t)number + 101, SAMPLES, labels);
    for (int32_t i = 0; i < ROWS * BINS; i++)
        batch->frames[i] = (float)(frames[i] - 128) / 64;
    for (int32_t i = 0; i < SAMPLES; i++)
        batch->labels[i] = labels[i] % CLASSES;
    batch->values[0] = (pt_array_t){
        .name = "frames", .dtype = PT_FLOAT32, .data = batch->frames, .lengths = view_data(lengths)};
    batch->values[1] = (pt_array_t){.name = "label", .dtype = PT_INT32, .data = batch->labels};
}

static void close_to(double value, double expected, double tolerance, const kind_t *kind, const char *what)
{
    ck_assert_msg(fabs(value - expected) <= tolerance, "%s, %s: %.9g, PyTorch gives %.9g", kind->name, what, value,
                  expected);
}

static void compare_logits(const kind_t *kind, pt_model_t *model, const char *key, double tolerance)
{
    batch_t batch;
    float logits[SAMPLES * CLASSES];
    double expected[SAMPLES * CLASSES];
    draw_batch(0, &batch);
    ck_ok(forward_floats(model, batch.values, 1, SAMPLES, "logits", logits, SAMPLES * CLASSES, NULL));
    ck_assert_int_eq(golden_numbers(key, expected, SAMPLES * CLASSES), SAMPLES * CLASSES);
    for (int32_t i = 0; i < SAMPLES * CLASSES; i++)
        close_to((double)logits[i], expected[i], tolerance, kind, key);
}

static pt_optimizer_t *make_optimizer(void)
{
    pt_optimizer_options_t options;
    pt_optimizer_t *optimizer;
    ck_ok(pt_optimizer_options_init(&options, sizeof options));
    options.kind = PT_OPTIMIZER_SGD;
    options.learning_rate = 0.02;
    options.momentum = 0.9;
    ck_ok(pt_optimizer_create(context, &options, &optimizer));
    return optimizer;
}

static double step(pt_model_t *model, pt_optimizer_t *optimizer, int32_t number, uint32_t flags)
{
    batch_t batch;
    pt_step_result_t result = {.struct_size = sizeof result};
    draw_batch(number, &batch);
    ck_ok(pt_train_step(model, optimizer, batch.values, 2, sizeof(pt_array_t), SAMPLES, flags, &result));
    return result.loss;
}

START_TEST(test_gradients)
{
    context = network_context(2, 1);
    for (int32_t k = 0; k < KINDS; k++) {
        static float ours[MOST], theirs[MOST];
        pt_model_t *model = load(&kinds[k], ".safetensors", PT_LOAD_STRICT),
                   *gradients = load(&kinds[k], "_gradient.safetensors", 0); /* as if they were weights */
        pt_optimizer_t *optimizer = make_optimizer();
        step(model, optimizer, 0, PT_STEP_ACCUMULATE);
        for (int64_t i = 0; i < pt_model_parameter_count(model); i++) {
            pt_parameter_info_t info = {.struct_size = sizeof info};
            double most = 0;
            ck_ok(pt_model_parameter_info(model, i, &info));
            if (info.role != PT_ROLE_LEARNS)
                continue;
            ck_assert_int_le(info.elements, MOST);
            ck_ok(get_gradient(model, i, ours, info.elements));
            ck_ok(get_parameter(gradients, i, theirs, info.elements));
            for (int64_t j = 0; j < info.elements; j++)
                most = fmax(most, fabs((double)theirs[j]));
            for (int64_t j = 0; j < info.elements; j++)
                close_to((double)ours[j], (double)theirs[j], 1e-4 * most + 1e-6, &kinds[k], info.name);
        }
        pt_optimizer_free(optimizer);
        pt_model_free(gradients);
        pt_model_free(model);
    }
    pt_context_free(context);
}
END_TEST

START_TEST(test_training)
{
    for (int32_t k = 0; k < KINDS; k++) {
        double losses[STEPS];
        context = network_context(2, 1);
        pt_model_t *model = load(&kinds[k], ".safetensors", PT_LOAD_STRICT);
        pt_optimizer_t *optimizer = make_optimizer();
        read_golden(&kinds[k]);
        compare_logits(&kinds[k], model, "logits", 1e-5);
        ck_assert_int_eq(golden_numbers("losses", losses, STEPS), STEPS);
        for (int32_t s = 0; s < STEPS; s++)
            close_to(step(model, optimizer, s, 0), losses[s], 1e-3 * losses[s], &kinds[k], "loss of a step");
        compare_logits(&kinds[k], model, "trained", 5e-3);
        pt_optimizer_free(optimizer);
        pt_model_free(model);
        pt_context_free(context);
    }
}
END_TEST

/* A plan made for more samples, and for more rows, than then come. */
START_TEST(test_fewer_samples)
{
    context = network_context(2, 1);
    for (int32_t k = 0; k < KINDS; k++) {
        float all[SAMPLES * CLASSES], some[SAMPLES * CLASSES];
        batch_t batch;
        pt_model_t *model = load(&kinds[k], ".safetensors", PT_LOAD_STRICT);
        draw_batch(0, &batch);
        ck_ok(forward_floats(model, batch.values, 1, SAMPLES, "logits", all, SAMPLES * CLASSES, NULL));
        for (int64_t samples = SAMPLES - 1; samples > 0; samples--) {
            const int64_t values = samples * CLASSES;
            ck_ok(forward_floats(model, batch.values, 1, samples, "logits", some, values, NULL));
            for (int64_t i = 0; i < values; i++)
                close_to((double)some[i], (double)all[i], 1e-6, &kinds[k], "logits of fewer samples");
        }
        pt_model_free(model);
    }
    pt_context_free(context);
}
END_TEST

/* On the same trunk: tasks on unlabelled frames, and what rows that look ahead may not be asked. */
START_TEST(test_pretraining)
{
    static const char *const names[] = {PT_TASK_MASKED_FRAMES, PT_TASK_CONTRASTIVE, PT_TASK_DATA2VEC};
    context = network_context(2, 1);
    for (int32_t k = 0; k < KINDS; k++) {
        pt_model_t *model = load(&kinds[k], ".safetensors", PT_LOAD_STRICT);
        for (size_t t = 0; t < sizeof names / sizeof names[0]; t++) {
            const int32_t has_rows = strcmp(kinds[k].name, "lstm_encoder") != 0, contrasts = t == 1;
            batch_t batch;
            double loss;
            if (!has_rows || contrasts) {
                ck_fails(pt_model_set_task(model, names[t], NULL), has_rows ? PT_ERR_UNSUPPORTED : PT_ERR_SHAPE,
                         has_rows ? "have seen those that follow" : "rows made of those of \"frames\"");
                continue;
            }
            ck_ok(pt_model_set_task(model, names[t], NULL));
            draw_batch(0, &batch);
            ck_ok(pt_loss(model, batch.values, 1, sizeof(pt_array_t), SAMPLES, &loss));
            ck_assert(loss > 0 && loss < 10);
        }
        pt_model_free(model);
    }
    pt_context_free(context);
}
END_TEST

START_TEST(test_refused)
{
    static const struct {
        const char *config;
        pt_status_t status;
        const char *part;
    } cases[] = {
        {"{\"model_type\": \"deepspeech2\", \"rnn_type\": \"sru\"}", PT_ERR_UNSUPPORTED, "\"sru\", expected \"rnn\""},
        {"{\"model_type\": \"deepspeech2\", \"conv_channels\": [4, 4, 4, 4]}", PT_ERR_FORMAT, "expected 1 to 3"},
        {"{\"model_type\": \"deepspeech2\", \"conv_channels\": [4]}", PT_ERR_FORMAT, "conv_kernels has 2"},
        {"{\"model_type\": \"deepspeech2\", \"conv_strides\": [2]}", PT_ERR_FORMAT, "conv_strides has 1"},
        {"{\"model_type\": \"deepspeech2\", \"conv_kernels\": [10, 11]}", PT_ERR_UNSUPPORTED, "odd numbers"},
        {"{\"model_type\": \"deepspeech2\", \"conv_bin_kernels\": [41]}", PT_ERR_FORMAT, "conv_bin_kernels has 1"},
        {"{\"model_type\": \"deepspeech2\", \"conv_bin_kernels\": [41, 1]}", PT_ERR_UNSUPPORTED, "from 3 on"},
        {"{\"model_type\": \"deepspeech2\", \"conv_bin_strides\": [2, 1]}", PT_ERR_UNSUPPORTED, "no conv_bin_kernels"},
        {"{\"model_type\": \"deepspeech2\", \"lookahead\": 20}", PT_ERR_UNSUPPORTED, "both directions"},
        {"{\"model_type\": \"deepspeech2\", \"relu_clip\": -1}", PT_ERR_FORMAT, "relu_clip"},
        {"{\"model_type\": \"deepspeech\", \"stride\": 0}", PT_ERR_FORMAT, "stride"},
        {"{\"model_type\": \"deepspeech\", \"context_size\": -1}", PT_ERR_FORMAT, "context_size"},
        {"{\"model_type\": \"deepspeech\", \"dropout\": 1}", PT_ERR_FORMAT, "dropout"},
        {"{\"model_type\": \"lstm_encoder\", \"num_layers\": 0}", PT_ERR_FORMAT, "num_layers"},
        {"{\"model_type\": \"lstm_encoder\", \"embedding_size\": 0.5}", PT_ERR_FORMAT, "embedding_size"},
    };
    context = network_context(1, 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pt_model_t *model;
        ck_fails(pt_model_create_from_config(context, cases[i].config, strlen(cases[i].config), &model),
                 cases[i].status, cases[i].part);
    }
    pt_context_free(context);
}
END_TEST

SUITE("speech_models", 60, test_gradients, test_training, test_fewer_samples, test_pretraining, test_refused)
