/* Families of pictures: sizes as published, under the presets' names, and configurations that are wrong in every way.
 * (That outputs and training agree with PyTorch is tested in tests/train/.) */
#include <stdio.h>
#include <string.h>

#include "pretrain.h"
#include "support/failing_allocator.h"
#include "support/suite.h"

static pt_status_t make(pt_context_t *context, const char *json, pt_model_t **model)
{
    return pt_model_create_from_config(context, json, strlen(json), model);
}

/* Numbers that learn. */
static int64_t size_of(const pt_model_t *model)
{
    int64_t all = 0;
    for (int64_t i = 0; i < pt_model_parameter_count(model); i++) {
        pt_parameter_info_t info = {.struct_size = sizeof info};
        ck_ok(pt_model_parameter_info(model, i, &info));
        all += info.role == PT_ROLE_LEARNS ? info.elements : 0;
    }
    return all;
}

/* As torchvision, timm and akamaster count them, less their heads of 1000 or 10 classes. */
START_TEST(test_sizes)
{
    static const struct {
        const char *name;
        int64_t size, height;
    } cases[] = {
        {"resnet18", 11689512 - 513000, 224},   {"resnet34", 21797672 - 513000, 224},
        {"resnet50", 25557032 - 2049000, 224},  {"resnet101", 44549160 - 2049000, 224},
        {"resnet152", 60192808 - 2049000, 224}, {"resnet20", 269722 - 650, 32},
        {"resnet32", 464154 - 650, 32},         {"resnet44", 658586 - 650, 32},
        {"resnet56", 853018 - 650, 32},         {"resnet110", 1727962 - 650, 32},
        {"vgg11", 132863336 - 4097000, 224},    {"vgg13", 133047848 - 4097000, 224},
        {"vgg16", 138357544 - 4097000, 224},    {"vgg19", 143667240 - 4097000, 224},
        {"vgg11_bn", 132868840 - 4097000, 224}, {"vgg13_bn", 133053736 - 4097000, 224},
        {"vgg16_bn", 138365992 - 4097000, 224}, {"vgg19_bn", 143678248 - 4097000, 224},
        {"vit-tiny", 5717416 - 193000, 224},    {"vit-small", 22050664 - 385000, 224},
        {"vit-base", 86567656 - 769000, 224},   {"digits", 16 * 10 + 32 * (16 * 9 + 1) + 128 * (32 * 49 + 1), 28},
    };
    pt_context_t *context;
    ck_ok(pt_context_create(NULL, &context));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char json[64];
        pt_model_t *model;
        pt_input_info_t input = {.struct_size = sizeof input};
        snprintf(json, sizeof json, "{\"preset\": \"%s\"}", cases[i].name);
        ck_ok(make(context, json, &model));
        ck_assert_msg(size_of(model) == cases[i].size, "%s: %lld, expected %lld", cases[i].name,
                      (long long)size_of(model), (long long)cases[i].size);
        ck_ok(pt_model_input_info(model, 0, &input));
        ck_assert_str_eq(input.name, "pixel_values");
        ck_assert_int_eq(input.shape[0], cases[i].height);
        pt_model_free(model);
    }
    pt_context_free(context);
}
END_TEST

#define VIT    "{\"model_type\": \"vit\", "
#define RESNET "{\"model_type\": \"resnet\", "
#define CIFAR  "{\"model_type\": \"cifar_resnet\", "
#define VGG    "{\"model_type\": \"vgg\", "
#define DIGITS "{\"model_type\": \"digits\", "

START_TEST(test_refused)
{
    static const struct {
        const char *json;
        pt_status_t status;
        const char *part;
    } cases[] = {
        {VIT "\"image_size\": 0}", PT_ERR_FORMAT, "image_size: expected a whole number from 1 to 65536, found 0"},
        {VIT "\"image_size\": 2.5}", PT_ERR_FORMAT, "image_size"},
        {VIT "\"image_size\": \"224\"}", PT_ERR_FORMAT, "found a string"},
        {VIT "\"image_size\": [224]}", PT_ERR_FORMAT, "expected a number or [height, width], found 1 numbers"},
        {VIT "\"image_size\": [\"a\", 224]}", PT_ERR_FORMAT, "image_size[0]"},
        {VIT "\"image_size\": [224, -1]}", PT_ERR_FORMAT, "image_size[1]"},
        {VIT "\"num_channels\": 0}", PT_ERR_FORMAT, "num_channels"},
        {VIT "\"patch_size\": true}", PT_ERR_FORMAT, "patch_size"},
        {VIT "\"patch_size\": 225}", PT_ERR_FORMAT, "patch_size: patches of 225 by 225 pixels"},
        {VIT "\"patch_size\": [16, 225]}", PT_ERR_FORMAT, "the picture has 224 by 224"},
        {VIT "\"qkv_bias\": 1}", PT_ERR_FORMAT, "qkv_bias"},
        {VIT "\"num_attention_heads\": 5}", PT_ERR_FORMAT, "hidden_size"},
        {VIT "\"hidden_act\": \"mish\"}", PT_ERR_UNSUPPORTED, "hidden_act"},
        {VIT "\"hidden_dropout_prob\": 1}", PT_ERR_FORMAT, "hidden_dropout_prob"},
        {RESNET "\"image_size\": []}", PT_ERR_FORMAT, "image_size"},
        {RESNET "\"layer_type\": \"deep\"}", PT_ERR_FORMAT, "\"deep\", expected \"basic\" or \"bottleneck\""},
        {RESNET "\"layer_type\": 1}", PT_ERR_FORMAT, "layer_type"},
        {RESNET "\"embedding_size\": 0}", PT_ERR_FORMAT, "embedding_size"},
        {RESNET "\"depths\": [1, 2]}", PT_ERR_FORMAT, "depths: 2 numbers, expected 4, as many as hidden_sizes has"},
        {RESNET "\"depths\": [1, 2, 3, 0]}", PT_ERR_FORMAT, "depths[3]"},
        {RESNET "\"hidden_sizes\": [64, 128, 256, 2.5]}", PT_ERR_FORMAT, "hidden_sizes[3]"},
        {RESNET "\"hidden_sizes\": []}", PT_ERR_FORMAT, "hidden_sizes: 0 numbers, expected 1 to 16"},
        {RESNET "\"hidden_sizes\": 64}", PT_ERR_FORMAT, "hidden_sizes"},
        {RESNET "\"hidden_sizes\": [64, 3], \"depths\": [1, 1]}", PT_ERR_FORMAT,
         "hidden_sizes: 3, expected at least 4"},
        {RESNET "\"hidden_act\": 5}", PT_ERR_FORMAT, "hidden_act"},
        {RESNET "\"downsample_in_first_stage\": 1}", PT_ERR_FORMAT, "downsample_in_first_stage"},
        {RESNET "\"downsample_in_bottleneck\": \"no\"}", PT_ERR_FORMAT, "downsample_in_bottleneck"},
        {CIFAR "\"num_channels\": \"rgb\"}", PT_ERR_FORMAT, "num_channels"},
        {CIFAR "\"depths\": [3]}", PT_ERR_FORMAT, "depths"},
        {CIFAR "\"shortcut\": \"C\"}", PT_ERR_FORMAT, "shortcut: \"C\", expected \"A\" or \"B\""},
        {CIFAR "\"shortcut\": 1}", PT_ERR_FORMAT, "shortcut"},
        {CIFAR "\"hidden_sizes\": [16, 24, 48]}", PT_ERR_FORMAT, "24 after 16, expected at least twice as many"},
        {VGG "\"depths\": [1]}", PT_ERR_FORMAT, "depths"},
        {VGG "\"image_size\": -3}", PT_ERR_FORMAT, "image_size"},
        {VGG "\"batch_norm\": 2}", PT_ERR_FORMAT, "batch_norm"},
        {VGG "\"hidden_size\": 0}", PT_ERR_FORMAT, "hidden_size"},
        {VGG "\"dropout\": 1}", PT_ERR_FORMAT, "dropout"},
        {VGG "\"image_size\": 31}", PT_ERR_SHAPE, "max_pool"},
        {DIGITS "\"hidden_sizes\": [0]}", PT_ERR_FORMAT, "hidden_sizes[0]"},
        {DIGITS "\"hidden_size\": true}", PT_ERR_FORMAT, "hidden_size"},
        {DIGITS "\"num_channels\": 1.5}", PT_ERR_FORMAT, "num_channels"},
        {DIGITS "\"dropout\": -1}", PT_ERR_FORMAT, "dropout"},
    };
    pt_context_t *context;
    pt_model_t *model;
    ck_ok(pt_context_create(NULL, &context));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        ck_fails(make(context, cases[i].json, &model), cases[i].status, cases[i].part);
    pt_context_free(context);
}
END_TEST

/* A dropout before the head is the family's, unless the task's options have one. */
START_TEST(test_head_dropout)
{
    static const struct {
        const char *json;
        double dropout;
        const char *line; /* of the printed graph */
    } cases[] = {
        {"{\"preset\": \"digits\"}", 0, "0.25"},
        {"{\"preset\": \"digits\"}", 0.125, "0.125"},
        {"{\"preset\": \"digits\", \"dropout\": 0}", 0, NULL},
    };
    static char printed[1 << 16];
    pt_context_t *context;
    ck_ok(pt_context_create(NULL, &context));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pt_classification_options_t options;
        pt_model_t *model;
        size_t length;
        ck_ok(make(context, cases[i].json, &model));
        ck_ok(pt_classification_options_init(&options, sizeof options));
        options.classes = 10;
        options.dropout = cases[i].dropout;
        ck_ok(pt_model_set_task(model, PT_TASK_CLASSIFICATION, &options));
        ck_ok(pt_model_describe(model, PT_DESCRIBE_GRAPH, printed, sizeof printed, &length));
        const char *dropout = strstr(printed, "dropout");
        ck_assert((dropout != NULL) == (cases[i].line != NULL));
        if (dropout != NULL)
            ck_assert_msg(strstr(dropout, cases[i].line) != NULL, "%s", dropout);
        pt_model_free(model);
    }
    pt_context_free(context);
}
END_TEST

static pt_status_t make_within(failing_allocator_t *allocator, const char *json)
{
    pt_context_options_t options;
    pt_context_t *context = NULL;
    pt_model_t *model = NULL;
    pt_status_t status;
    ck_ok(pt_context_options_init(&options, sizeof options));
    failing_allocator_hooks(allocator, &options);
    options.threads = 1;
    PT__TRY_OUT(pt_context_create(&options, &context));
    PT__TRY_OUT(make(context, json, &model));
out:
    pt_model_free(model);
    pt_context_free(context);
    return status;
}

START_TEST(test_every_allocation_may_fail)
{
    static const char *const configs[] = {
        VIT "\"num_hidden_layers\": 1}",
        RESNET "\"hidden_sizes\": [4], \"depths\": [1]}",
        CIFAR "\"hidden_sizes\": [4, 8], \"depths\": [1, 1]}",
        VGG "\"hidden_sizes\": [4], \"depths\": [1]}",
        "{\"preset\": \"digits\"}",
    };
    failing_allocator_t allocator;
    pt_status_t status;
    for (size_t i = 0; i < sizeof configs / sizeof configs[0]; i++)
        FOR_EACH_FAILING_ALLOCATION(allocator, status = make_within(&allocator, configs[i]), status);
}
END_TEST

SUITE("picture_families", 60, test_sizes, test_refused, test_head_dropout, test_every_allocation_may_fail)
