/* Families of pictures against PyTorch: logits, gradients, losses of some steps, and what batch norms remember of them;
 * with the names of other libraries too. What PyTorch gives lies in tests/golden/images, made by make_images.py. Only
 * the public interface is used. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
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
    const char *weights; /* of another's files; NULL: its own */
} kind_t;

#define STAGES(type, depths, sizes) \
    "{\"model_type\": \"" type "\", \"depths\": [" depths "], \"hidden_sizes\": [" sizes "], "

#define MOBILENET                                                                                       \
    "{\"model_type\": \"mobilenet_v2\", \"classifier_dropout_prob\": 0, \"depth_multiplier\": 0.0625, " \
    "\"depth_divisible_by\": 2, \"min_depth\": 2, \"expand_ratio\": 2, \"finegrained_output\": false, " \
    "\"image_size\": "

static const kind_t kinds[] = {
    {"vit", NULL, 1, NULL},
    {"vit_oblong", NULL, 0, NULL},
    {"resnet_basic", NULL, 0, NULL},
    {"resnet_bottleneck", NULL, 0, NULL},
    {"torchvision_resnet_basic",
     STAGES("resnet", "1, 2, 1, 1", "2, 2, 4, 4") "\"image_size\": 32, \"embedding_size\": 4, "
                                                  "\"layer_type\": \"basic\"}",
     0, NULL},
    {"torchvision_resnet_bottleneck",
     STAGES("resnet", "1, 1, 1, 1", "8, 8, 8, 8") "\"image_size\": 32, \"embedding_size\": 4}", 0, NULL},
    {"cifar_resnet_a", STAGES("cifar_resnet", "1, 2, 1", "2, 4, 8") "\"image_size\": [9, 8]}", 1, NULL},
    {"cifar_resnet_b", STAGES("cifar_resnet", "1, 1, 1", "2, 4, 6") "\"image_size\": 8, \"shortcut\": \"B\"}", 0, NULL},
    {"vgg", STAGES("vgg", "1, 2", "4, 4") "\"image_size\": [16, 12], \"hidden_size\": 6, \"dropout\": 0}", 1, NULL},
    {"vgg_norms",
     STAGES("vgg", "2, 1", "2, 4") "\"image_size\": 28, \"hidden_size\": 6, \"dropout\": 0, \"batch_norm\": true}", 0,
     NULL},
    {"digits",
     "{\"model_type\": \"digits\", \"hidden_sizes\": [4, 6], \"image_size\": 8, \"hidden_size\": 10, \"dropout\": 0}",
     0, NULL},
    {"mobilenet", NULL, 0, NULL},
    {"mobilenet_dilated", MOBILENET "24, \"tf_padding\": false, \"output_stride\": 8, \"hidden_act\": \"relu\"}", 0,
     "tests/golden/images/mobilenet/model.safetensors"},
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
    ck_ok(pt_model_load(model, kind->weights != NULL ? suite_source(kind->weights) : path_of(kind, ".safetensors"),
                        &strict));
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
    batch->values[0] = (pt_array_t){
        .name = "pixel_values", .dtype = PT_UINT8, .data = batch->pictures, .elements = count};
    batch->values[1] = (pt_array_t){.name = "label", .dtype = PT_INT32, .data = batch->labels};
}

static double step(pt_model_t *model, pt_optimizer_t *optimizer, batch_t *batch, uint32_t flags)
{
    pt_step_result_t result = {.struct_size = sizeof result};
    ck_ok(pt_train_step(model, optimizer, batch->values, 2, sizeof(pt_array_t), SAMPLES, flags, &result));
    return result.loss;
}

/* As the file last read says. */
static pt_optimizer_t *make_optimizer(void)
{
    double rate;
    pt_optimizer_options_t options;
    pt_optimizer_t *optimizer;
    ck_ok(pt_optimizer_options_init(&options, sizeof options));
    options.kind = PT_OPTIMIZER_SGD;
    ck_assert_int_eq(golden_numbers("rate", &rate, 1), 1);
    options.learning_rate = rate;
    options.momentum = 0.9;
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
    normalize(kind, model);
    pt_optimizer_t *optimizer = make_optimizer();
    draw_batch(0, &batch);
    step(model, optimizer, &batch, PT_STEP_ACCUMULATE);
    for (int64_t i = 0; i < pt_model_parameter_count(model); i++) {
        pt_parameter_info_t info = {.struct_size = sizeof info};
        double most = 0;
        ck_ok(pt_model_parameter_info(model, i, &info));
        if (info.role != PT_ROLE_LEARNS)
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
        const int32_t steps = (int32_t)golden_numbers("losses", losses, STEPS);
        for (int32_t s = 0; s < steps; s++) {
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

/* torchvision's name of a tensor of MobileNetV2. */
static void name_of_torchvision(const char *name, char *theirs)
{
    static const struct {
        const char *part;
        int32_t in_stem, in_block; /* numbers of modules */
        int32_t is_list;           /* of convolution, norm and activation; else they stand side by side */
    } parts[] = {{"first_conv", 0, 0, 1}, {"expand_1x1", 0, 0, 1}, {"conv_3x3", 0, 1, 1}, {"reduce_1x1", 1, 2, 0}};
    const char *last = strrchr(name, '.') + 1;
    const int32_t is_norm = strstr(name, ".normalization.") != NULL;
    int32_t layer = -1;
    if (strncmp(name, "classifier.", 11) == 0) {
        snprintf(theirs, NAME, "classifier.1.%s", last);
        return;
    }
    if (strncmp(name, "mobilenet_v2.conv_1x1.", 22) == 0 || strstr(name, ".first_conv.") != NULL) {
        snprintf(theirs, NAME, "features.%d.%d.%s", name[13] == 'c' && name[18] == '1' ? 18 : 0, (int)is_norm, last);
        return;
    }
    if (strncmp(name, "mobilenet_v2.layer.", 19) == 0)
        layer = atoi(name + 19);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        const int32_t module = layer < 0 ? parts[i].in_stem : parts[i].in_block;
        if (strstr(name, parts[i].part) == NULL)
            continue;
        if (parts[i].is_list)
            snprintf(theirs, NAME, "features.%d.conv.%d.%d.%s", layer + 2, (int)module, (int)is_norm, last);
        else
            snprintf(theirs, NAME, "features.%d.conv.%d.%s", layer + 2, (int)(module + is_norm), last);
        return;
    }
    ck_abort_msg("%s", name);
}

/* The golden MobileNetV2's file with torchvision's names in its header. */
static const char *write_torchvision(void)
{
    enum { LARGEST = 1 << 17 };
    static char bytes[LARGEST], header[LARGEST];
    FILE *file = fopen(suite_source("tests/golden/images/mobilenet/model.safetensors"), "rb");
    ck_assert_ptr_nonnull(file);
    const size_t size = fread(bytes, 1, LARGEST, file);
    uint64_t length;
    size_t used = 8;
    fclose(file);
    ck_assert_uint_lt(size, LARGEST);
    memcpy(&length, bytes, sizeof length);
    for (const char *at = bytes + 8; at < bytes + 8 + length;) {
        const int32_t is_name = strncmp(at, "\"mobilenet_v2.", 14) == 0 || strncmp(at, "\"classifier.", 12) == 0;
        char name[NAME], theirs[NAME];
        if (!is_name) {
            header[used++] = *at++;
            continue;
        }
        const char *end = strchr(at + 1, '"');
        snprintf(name, sizeof name, "%.*s", (int)(end - at - 1), at + 1);
        name_of_torchvision(name, theirs);
        used += (size_t)snprintf(header + used, LARGEST - used, "\"%s\"", theirs);
        at = end + 1;
    }
    while (used % 8 != 0)
        header[used++] = ' ';
    const uint64_t made = used - 8;
    memcpy(header, &made, sizeof made);
    ck_assert_uint_lt(used + size, LARGEST);
    memcpy(header + used, bytes + 8 + length, size - 8 - length);
    return suite_write("torchvision.safetensors", header, used + size - 8 - length);
}

START_TEST(test_torchvision_mobilenet)
{
    static const kind_t kind = {"mobilenet", MOBILENET "[33, 32]}", 0, NULL};
    pt_classification_options_t classes;
    pt_load_options_t strict;
    pt_model_t *model, *opened;
    float numbers[2][3];
    pt_array_t by[2] = {{.dtype = PT_FLOAT32, .data = numbers[0], .rank = 1, .shape = {3}},
                        {.dtype = PT_FLOAT32, .data = numbers[1], .rank = 1, .shape = {3}}};
    start(1);
    ck_ok(pt_model_open(context, suite_source("tests/golden/images/mobilenet"), NULL, &opened));
    by[0].capacity = by[1].capacity = 3;
    ck_ok(pt_model_normalization(opened, "pixel_values", &by[0], &by[1], sizeof by[0]));
    ck_ok(pt_model_create_from_config(context, kind.config, strlen(kind.config), &model));
    ck_ok(pt_classification_options_init(&classes, sizeof classes));
    classes.classes = CLASSES;
    ck_ok(pt_model_set_task(model, PT_TASK_CLASSIFICATION, &classes));
    ck_ok(pt_load_options_init(&strict, sizeof strict));
    strict.flags = PT_LOAD_STRICT;
    ck_ok(pt_model_load(model, write_torchvision(), &strict));
    ck_ok(pt_model_set_normalization(model, "pixel_values", &by[0], &by[1], sizeof by[0]));
    compare_logits(&kind, model, "logits");
    pt_model_free(model);
    pt_model_free(opened);
    pt_context_free(context);
}
END_TEST

SUITE("picture_models", 60, test_logits, test_gradients, test_training, test_torchvision_mobilenet)
