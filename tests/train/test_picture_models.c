/* Families of pictures against PyTorch: logits, gradients, losses of some steps, and what batch norms remember of them;
 * with the names of other libraries too. What PyTorch gives lies in tests/golden/images, made by make_images.py. Only
 * the public interface is used. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "pretrain.h"
#include "support/golden.h"
#include "support/suite.h"
#include "support/views.h"

enum { STEPS = 5, SAMPLES = 4, CLASSES = 3, MOST = 1 << 14, NAME = 256 };

typedef struct kind {
    const char *name;   /* of its files */
    const char *config; /* NULL: it is a directory of the hub */
    int32_t has_gradient;
} kind_t;

static const kind_t kinds[] = {
    {"vit", NULL, 1},
    {"vit_oblong", NULL, 0},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static pt_context_t *context;

static void start(int32_t threads)
{
    pt_context_options_t options;
    ck_ok(pt_context_options_init(&options, sizeof options));
    options.threads = threads;
    ck_ok(pt_context_create(&options, &context));
}

static const char *path_of(const kind_t *kind, const char *rest)
{
    char path[NAME];
    snprintf(path, sizeof path, "tests/golden/images/%s%s", kind->name, rest);
    return suite_source(path);
}

static pt_model_t *make(const kind_t *kind)
{
    pt_model_t *model;
    if (kind->config == NULL) {
        ck_ok(pt_model_open(context, path_of(kind, ""), NULL, &model));
        return model;
    }
    pt_classification_options_t classes;
    pt_load_options_t strict;
    ck_ok(pt_model_create_from_config(context, kind->config, strlen(kind->config), &model));
    ck_ok(pt_classification_options_init(&classes, sizeof classes));
    classes.classes = CLASSES;
    ck_ok(pt_model_set_task(model, PT_TASK_CLASSIFICATION, &classes));
    ck_ok(pt_load_options_init(&strict, sizeof strict));
    strict.flags = PT_LOAD_STRICT;
    ck_ok(pt_model_load(model, path_of(kind, ".safetensors"), &strict));
    return model;
}

/* As make_images.py draws. */
static void draw(uint32_t seed, int64_t count, uint8_t *bytes)
{
    for (int64_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        bytes[i] = (uint8_t)(seed >> 24);
    }
}

typedef struct batch {
    uint8_t pictures[MOST];
    int32_t labels[SAMPLES];
    pt_array_t values[2];
} batch_t;

static void draw_batch(int32_t number, batch_t *batch)
{
    double size[3];
    uint8_t labels[SAMPLES];
    ck_assert_int_eq(golden_numbers("size", size, 3), 3);
    const int64_t count = SAMPLES * (int64_t)(size[0] * size[1] * size[2]);
    ck_assert_int_le(count, MOST);
    draw((uint32_t)number + 1, count, batch->pictures);
    draw((uint32_t)number + 101, SAMPLES, labels);
    for (int32_t i = 0; i < SAMPLES; i++)
        batch->labels[i] = labels[i] % CLASSES;
    batch->values[0] = (pt_array_t){.name = "pixel_values", .dtype = PT_UINT8, .data = batch->pictures};
    batch->values[1] = (pt_array_t){.name = "label", .dtype = PT_INT32, .data = batch->labels};
}

static double step(pt_model_t *model, pt_optimizer_t *optimizer, batch_t *batch, uint32_t flags)
{
    pt_step_result_t result = {.struct_size = sizeof result};
    ck_ok(pt_train_step(model, optimizer, batch->values, 2, sizeof(pt_array_t), SAMPLES, flags, &result));
    return result.loss;
}

static pt_optimizer_t *make_optimizer(void)
{
    pt_optimizer_options_t options;
    pt_optimizer_t *optimizer;
    ck_ok(pt_optimizer_options_init(&options, sizeof options));
    options.learning_rate = 0.003;
    options.weight_decay = 0.01;
    ck_ok(pt_optimizer_create(context, &options, &optimizer));
    return optimizer;
}

static void read_golden(const kind_t *kind)
{
    char path[NAME];
    snprintf(path, sizeof path, "tests/golden/images/%s.txt", kind->name);
    golden_read(path);
}

static void close_to(double value, double expected, double tolerance, const kind_t *kind, const char *what)
{
    ck_assert_msg(fabs(value - expected) <= tolerance, "%s, %s: %.9g, PyTorch gives %.9g", kind->name, what, value,
                  expected);
}

static void compare_logits(const kind_t *kind, pt_model_t *model, const char *key)
{
    static batch_t batch;
    float logits[SAMPLES * CLASSES];
    double expected[SAMPLES * CLASSES];
    pt_array_t out = {.dtype = PT_FLOAT32, .data = logits, .capacity = SAMPLES * CLASSES};
    read_golden(kind);
    draw_batch(0, &batch);
    ck_ok(pt_forward(model, batch.values, 1, sizeof(pt_array_t), SAMPLES, "logits", &out));
    ck_assert_int_eq(out.elements, SAMPLES * CLASSES);
    ck_assert_int_eq(golden_numbers(key, expected, SAMPLES * CLASSES), SAMPLES * CLASSES);
    for (int32_t i = 0; i < SAMPLES * CLASSES; i++)
        close_to((double)logits[i], expected[i], 1e-4, kind, key);
}

/* Of bytes; directories of the hub say themselves what these go through. */
static void normalize(const kind_t *kind, pt_model_t *model)
{
    float shift[3], scale[3];
    pt_array_t by[2] = {{.dtype = PT_FLOAT32, .data = shift, .rank = 1},
                        {.dtype = PT_FLOAT32, .data = scale, .rank = 1}};
    if (kind->config == NULL)
        return;
    read_golden(kind);
    by[0].shape[0] = golden_floats("shift", shift, 3);
    by[1].shape[0] = golden_floats("scale", scale, 3);
    ck_ok(pt_model_set_normalization(model, "pixel_values", &by[0], &by[1], sizeof by[0]));
}

START_TEST(test_logits)
{
    for (int32_t i = 0; i < KINDS; i++) {
        start(2);
        pt_model_t *model = make(&kinds[i]);
        normalize(&kinds[i], model);
        compare_logits(&kinds[i], model, "logits");
        pt_model_free(model);
        pt_context_free(context);
    }
}
END_TEST

static void compare_gradients(const kind_t *kind)
{
    static float ours[MOST], theirs[MOST];
    static batch_t batch;
    start(2);
    read_golden(kind);
    pt_model_t *model = make(kind), *gradients = make(kind);
    pt_load_options_t options;
    ck_ok(pt_load_options_init(&options, sizeof options));
    ck_ok(pt_model_load(gradients, path_of(kind, "_gradient.safetensors"), &options)); /* as if they were weights */
    pt_optimizer_t *optimizer = make_optimizer();
    draw_batch(0, &batch);
    step(model, optimizer, &batch, PT_STEP_ACCUMULATE);
    for (int64_t i = 0; i < pt_model_parameter_count(model); i++) {
        pt_parameter_info_t info = {.struct_size = sizeof info};
        double most = 0;
        ck_ok(pt_model_parameter_info(model, i, &info));
        if (!info.trainable)
            continue;
        ck_ok(get_gradient(model, i, ours, info.elements));
        ck_ok(get_parameter(gradients, i, theirs, info.elements));
        for (int64_t j = 0; j < info.elements; j++)
            most = fmax(most, fabs((double)theirs[j]));
        for (int64_t j = 0; j < info.elements; j++)
            close_to((double)ours[j], (double)theirs[j], 1e-4 * most + 1e-7, kind, info.name);
    }
    pt_optimizer_free(optimizer);
    pt_model_free(gradients);
    pt_model_free(model);
    pt_context_free(context);
}

START_TEST(test_gradients)
{
    for (int32_t i = 0; i < KINDS; i++)
        if (kinds[i].has_gradient)
            compare_gradients(&kinds[i]);
}
END_TEST

START_TEST(test_training)
{
    for (int32_t i = 0; i < KINDS; i++) {
        double losses[STEPS];
        static batch_t batch;
        start(2);
        read_golden(&kinds[i]);
        pt_model_t *model = make(&kinds[i]);
        normalize(&kinds[i], model);
        pt_optimizer_t *optimizer = make_optimizer();
        ck_assert_int_eq(golden_numbers("losses", losses, STEPS), STEPS);
        for (int32_t s = 0; s < STEPS; s++) {
            draw_batch(s, &batch);
            close_to(step(model, optimizer, &batch, 0), losses[s], 1e-4 * losses[s], &kinds[i], "loss of a step");
        }
        compare_logits(&kinds[i], model, "trained");
        pt_optimizer_free(optimizer);
        pt_model_free(model);
        pt_context_free(context);
    }
}
END_TEST

SUITE("picture_models", 60, test_logits, test_gradients, test_training)
