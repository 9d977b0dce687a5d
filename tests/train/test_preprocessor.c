/* preprocessor_config.json beside a model of pictures: sizes and normalisation come from it, it goes along when a
 * directory is written, and what it says wrongly is refused. */
#include <stdio.h>
#include <string.h>

#include "pretrain.h"
#include "support/failing_allocator.h"
#include "support/suite.h"
#include "support/views.h"

enum { CLASSES = 3, SIZE = 8 * 8 * 3, LARGEST = 1 << 15 };

#define VIT                                                                                                 \
    "{\"model_type\": \"vit\", \"architectures\": [\"ViTForImageClassification\"], \"num_labels\": 3, "     \
    "\"hidden_size\": 8, \"num_hidden_layers\": 2, \"num_attention_heads\": 2, \"intermediate_size\": 12, " \
    "\"patch_size\": 4"

static pt_context_t *context;
static char text[LARGEST];

static size_t read_file(const char *path, char *bytes)
{
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "cannot open %s", path);
    const size_t size = fread(bytes, 1, LARGEST - 1, file);
    fclose(file);
    bytes[size] = 0;
    return size;
}

/* The test's directory with the golden ViT's weights. NULL: without the file. */
static void put(const char *config, const char *preprocessor)
{
    const size_t size = read_file(suite_source("tests/golden/images/vit/model.safetensors"), text);
    suite_write("model.safetensors", text, size);
    suite_write("config.json", config, strlen(config));
    if (preprocessor != NULL)
        suite_write("preprocessor_config.json", preprocessor, strlen(preprocessor));
    else
        remove(suite_path("preprocessor_config.json"));
}

static void expect_normal(pt_model_t *model, double shift, double scale)
{
    double numbers[2][3];
    pt_array_t to[2] = {{.dtype = PT_FLOAT64, .data = numbers[0], .capacity = 3},
                        {.dtype = PT_FLOAT64, .data = numbers[1], .capacity = 3}};
    ck_ok(pt_model_normalization(model, "pixel_values", &to[0], &to[1], sizeof to[0]));
    for (int32_t i = 0; i < 3; i++) {
        ck_assert_double_eq_tol(numbers[0][i], shift, 1e-9);
        ck_assert_double_eq_tol(numbers[1][i], scale, 1e-9);
    }
}

static void forward(pt_model_t *model, float logits[CLASSES])
{
    uint8_t picture[SIZE];
    for (int32_t i = 0; i < SIZE; i++)
        picture[i] = (uint8_t)(i * 37);
    pt_array_t values = {.name = "pixel_values", .dtype = PT_UINT8, .data = picture};
    pt_array_t out = {.dtype = PT_FLOAT32, .data = logits, .capacity = CLASSES};
    ck_ok(pt_forward(model, &values, 1, sizeof values, 1, "logits", &out));
}

/* However the size is written, and with or without it in the configuration. */
START_TEST(test_sizes)
{
    static const char *const sizes[] = {
        "{\"size\": 8}",
        "{\"size\": {\"height\": 8, \"width\": 8}, \"do_center_crop\": null}",
        "{\"size\": {\"shortest_edge\": 8}, \"image_mean\": [0.5, 0.5, 0.5], \"image_std\": [1, 1, 1]}",
        "{\"size\": 10, \"crop_size\": {\"height\": 8, \"width\": 8}}",
        "{\"size\": 8, \"crop_size\": 10, \"do_center_crop\": false}",
    };
    float expected[CLASSES], logits[CLASSES];
    pt_model_t *model;
    ck_ok(pt_context_create(NULL, &context));
    put(VIT ", \"image_size\": 8}", sizes[2]);
    ck_ok(pt_model_open(context, suite_directory(), NULL, &model));
    expect_normal(model, 127.5, 255);
    forward(model, expected);
    pt_model_free(model);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        put(VIT ", \"image_size\": null}", sizes[i]);
        ck_ok(pt_model_open(context, suite_directory(), NULL, &model));
        if (i == 2) {
            forward(model, logits);
            ck_assert_mem_eq(logits, expected, sizeof logits);
        } else
            expect_normal(model, 0, 255); /* scaled, since nothing says otherwise */
        pt_model_free(model);
    }
    put(VIT ", \"image_size\": 8}", "{\"size\": 4000}"); /* the configuration goes first */
    ck_ok(pt_model_open(context, suite_directory(), NULL, &model));
    pt_model_free(model);
    put(VIT "}", "{\"size\": {\"longest_edge\": 8}}"); /* which says no size: 224, of which the weights are not */
    ck_fails(pt_model_open(context, suite_directory(), NULL, &model), PT_ERR_SHAPE, "position_embeddings");
    put(VIT ", \"image_size\": 8}", NULL);
    ck_ok(pt_model_open(context, suite_directory(), NULL, &model));
    ck_fails(pt_model_normalization(model, "pixel_values", NULL, NULL, sizeof(pt_array_t)), PT_ERR_NOT_FOUND,
             "pixel_values");
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

START_TEST(test_numbers)
{
    static const struct {
        const char *file;
        double shift, scale;
    } cases[] = {
        {"{\"do_rescale\": true, \"rescale_factor\": 0.5, \"do_normalize\": false, \"image_mean\": [3, 3, 3]}", 0, 2},
        {"{\"do_rescale\": false, \"image_mean\": 3, \"image_std\": [2]}", 3, 2},
        {"{\"do_normalize\": true, \"image_mean\": [0.2, 0.2, 0.2], \"image_std\": 0.4}", 51, 102},
    };
    pt_model_t *model;
    ck_ok(pt_context_create(NULL, &context));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        put(VIT ", \"image_size\": 8}", cases[i].file);
        ck_ok(pt_model_open(context, suite_directory(), NULL, &model));
        expect_normal(model, cases[i].shift, cases[i].scale);
        pt_model_free(model);
    }
    put(VIT ", \"image_size\": 8}", "{\"do_rescale\": false, \"do_normalize\": false}");
    ck_ok(pt_model_open(context, suite_directory(), NULL, &model));
    ck_fails(pt_model_normalization(model, "pixel_values", NULL, NULL, sizeof(pt_array_t)), PT_ERR_NOT_FOUND,
             "pixel_values");
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

START_TEST(test_refused)
{
    static const struct {
        const char *file;
        pt_status_t status;
        const char *part;
    } cases[] = {
        {"[]", PT_ERR_FORMAT, "an array, expected an object"},
        {"{", PT_ERR_FORMAT, "preprocessor_config.json"},
        {"{\"size\": 0}", PT_ERR_FORMAT, "size"},
        {"{\"size\": \"large\"}", PT_ERR_FORMAT, "size"},
        {"{\"size\": {\"shortest_edge\": -1}}", PT_ERR_FORMAT, "size.shortest_edge"},
        {"{\"size\": {\"height\": 8.5, \"width\": 8}}", PT_ERR_FORMAT, "size.height"},
        {"{\"do_center_crop\": 1}", PT_ERR_FORMAT, "do_center_crop"},
        {"{\"size\": 8, \"do_rescale\": 1}", PT_ERR_FORMAT, "do_rescale"},
        {"{\"size\": 8, \"do_normalize\": \"yes\"}", PT_ERR_FORMAT, "do_normalize"},
        {"{\"size\": 8, \"rescale_factor\": 0}", PT_ERR_FORMAT, "rescale_factor: expected a finite number above 0"},
        {"{\"size\": 8, \"rescale_offset\": true}", PT_ERR_UNSUPPORTED, "rescale_offset"},
        {"{\"size\": 8, \"rescale_offset\": 1}", PT_ERR_FORMAT, "rescale_offset"},
        {"{\"size\": 8, \"do_normalize\": true}", PT_ERR_NOT_FOUND, "\"image_mean\" is missing"},
        {"{\"size\": 8, \"image_mean\": [0, 0, \"x\"]}", PT_ERR_FORMAT, "image_mean[2]"},
        {"{\"size\": 8, \"image_mean\": 0.5, \"image_std\": [1, 1, 0]}", PT_ERR_FORMAT, "image_std[2]"},
    };
    pt_model_t *model;
    ck_ok(pt_context_create(NULL, &context));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        put(VIT "}", cases[i].file);
        ck_fails(pt_model_open(context, suite_directory(), NULL, &model), cases[i].status, cases[i].part);
        ck_assert_msg(strstr(pt_last_error(), "preprocessor_config.json") != NULL, "%s", pt_last_error());
    }
    put(VIT ", \"num_channels\": 3}", "{\"size\": 8, \"image_mean\": [0, 0], \"image_std\": 1}");
    ck_fails(pt_model_open(context, suite_directory(), NULL, &model), PT_ERR_FORMAT,
             "image_mean: 2 numbers, expected 3, one a channel");
    put("{\"model_type\": \"gpt2\"}", "{"); /* which no text needs */
    ck_fails(pt_model_open(context, suite_directory(), NULL, &model), PT_ERR_NOT_FOUND, "transformer.wte.weight");
    put("{\"model_type\": ", "{");
    ck_fails(pt_model_open(context, suite_directory(), NULL, &model), PT_ERR_FORMAT, "config.json");
    pt_context_free(context);
}
END_TEST

/* Opened, saved as a directory, and opened there; what is written says what the model does. */
static void save_and_open(pt_model_t *model, const char *name)
{
    float before[CLASSES], after[CLASSES];
    char directory[512];
    pt_save_options_t options;
    pt_model_t *opened;
    ck_ok(pt_save_options_init(&options, sizeof options));
    options.format = PT_FORMAT_DIRECTORY;
    snprintf(directory, sizeof directory, "%s", suite_path(name));
    ck_ok(pt_model_save(model, directory, &options));
    forward(model, before);
    ck_ok(pt_model_open(context, directory, NULL, &opened));
    forward(opened, after);
    ck_assert_mem_eq(before, after, sizeof after);
    pt_model_free(opened);
    strcat(directory, "/preprocessor_config.json");
    read_file(directory, text);
}

START_TEST(test_written)
{
    static const char file[] =
        "{\"size\": 8, \"image_mean\": [0.5, 0.5, 0.5], \"image_std\": 0.25, \"kept\": {\"a\": 1}}";
    float shift[] = {51, 51, 51}, scale[] = {255, 255, 255};
    const pt_array_t by[2] = {{.dtype = PT_FLOAT32, .data = shift, .rank = 1, .shape = {3}},
                              {.dtype = PT_FLOAT32, .data = scale, .rank = 1, .shape = {3}}};
    pt_model_t *model;
    ck_ok(pt_context_create(NULL, &context));
    put(VIT ", \"image_size\": 8}", file);
    ck_ok(pt_model_open(context, suite_directory(), NULL, &model));
    save_and_open(model, "same");
    ck_assert_str_eq(text, file);
    ck_ok(pt_model_set_normalization(model, "pixel_values", &by[0], &by[1], sizeof by[0]));
    save_and_open(model, "other");
    ck_assert_ptr_nonnull(strstr(text, "\"size\": 8,\n  \"kept\": {\"a\": 1},\n  \"do_rescale\": true"));
    ck_assert_ptr_nonnull(strstr(text, "\"rescale_factor\": 0.00392156862745098"));
    ck_assert_ptr_nonnull(strstr(text, "\"image_mean\": [0.2, 0.2, 0.2]"));
    ck_assert_ptr_nonnull(strstr(text, "\"image_std\": [1, 1, 1]"));
    ck_ok(pt_model_set_normalization(model, "pixel_values", NULL, NULL, sizeof by[0]));
    save_and_open(model, "none");
    ck_assert_ptr_nonnull(strstr(text, "\"do_rescale\": false,\n  \"do_normalize\": false\n}"));
    pt_model_free(model);
    put(VIT ", \"image_size\": 8}", NULL);
    ck_ok(pt_model_open(context, suite_directory(), NULL, &model));
    ck_ok(pt_model_set_normalization(model, "pixel_values", &by[0], &by[1], sizeof by[0]));
    save_and_open(model, "new");
    ck_assert_ptr_nonnull(strstr(text, "\"image_processor_type\": \"ViTImageProcessor\""));
    ck_assert_ptr_nonnull(strstr(text, "\"size\": {\"height\": 8, \"width\": 8}"));
    pt_model_free(model);
    put(VIT ", \"image_size\": 8}", "{\"do_rescale\": false}");
    ck_ok(pt_model_open(context, suite_directory(), NULL, &model));
    ck_ok(pt_model_set_normalization(model, "pixel_values", &by[0], &by[1], sizeof by[0]));
    save_and_open(model, "little");
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

static pt_status_t open_and_save(failing_allocator_t *allocator, const char *to)
{
    pt_context_options_t options;
    pt_save_options_t directory;
    pt_context_t *own = NULL;
    pt_model_t *model = NULL;
    pt_status_t status;
    ck_ok(pt_context_options_init(&options, sizeof options));
    ck_ok(pt_save_options_init(&directory, sizeof directory));
    directory.format = PT_FORMAT_DIRECTORY;
    failing_allocator_hooks(allocator, &options);
    options.threads = 1;
    PT__TRY_OUT(pt_context_create(&options, &own));
    PT__TRY_OUT(pt_model_open(own, suite_directory(), NULL, &model));
    PT__TRY_OUT(pt_model_set_normalization(model, "pixel_values", NULL, NULL, sizeof(pt_array_t)));
    PT__TRY_OUT(pt_model_save(model, to, &directory));
out:
    pt_model_free(model);
    pt_context_free(own);
    return status;
}

START_TEST(test_every_allocation_may_fail)
{
    failing_allocator_t allocator;
    pt_status_t status;
    char to[512];
    put(VIT "}", "{\"size\": 8, \"image_mean\": 0.5, \"image_std\": 0.25}");
    snprintf(to, sizeof to, "%s", suite_path("target"));
    FOR_EACH_FAILING_ALLOCATION(allocator, status = open_and_save(&allocator, to), status);
}
END_TEST

SUITE("preprocessor", 60, test_sizes, test_numbers, test_refused, test_written, test_every_allocation_may_fail)
